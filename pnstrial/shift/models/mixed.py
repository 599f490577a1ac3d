"""How did the grades move over several visits, patient by patient?

Input: grades of the same patients at two or more visits (missing allowed).
Output: `MixedOrdinal`: log odds ratios of each visit against the first, the spread between patients.
Protocol section: endpoint (Baseline, Month 3, Month 6).
Method: cumulative logit with a normal patient intercept, adaptive Gauss-Hermite quadrature.
Next: `shift.markov`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.newton import bent_step, maximise
from pnstrial.numerics.normal import chi_square_p, normal_quantile, two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.shift.grades import WORST, column, grade_array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.newton import Maximum

    Array = NDArray[np.float64]

__all__ = ["MixedOrdinal", "mixed_ordinal"]


@dataclass(frozen=True)
class MixedOrdinal(Result):
    """Cumulative logit model over visits with a patient intercept.

    Attributes
    ----------
    visits : tuple of str
        Visits compared with the first.
    beta : tuple of float
        Log odds ratio of a worse grade at each of them against the first visit (R's sign); only the
        direction counts where `note` says that there is no maximum.
    std_error : tuple of float or NotEstimable
        Their standard errors; not estimable where the likelihood has no finite maximum.
    odds_ratio : tuple of float or NotEstimable
        exp(-beta): odds ratio for a better grade.
    lower, upper : tuple of float or NotEstimable
        Wald limits of `odds_ratio`.
    p_value : tuple of float or NotEstimable
        Wald tests.
    p_value_lr : float
        Likelihood-ratio test of no change over the visits.
    thresholds : tuple of float
        Cut points on the scale of the logit.
    sd : float
        Standard deviation between patients; 0 where the maximum lies there.
    loglik : float
        Log-likelihood at the maximum.
    n, n_ratings : int
        Patients with at least one rating, and ratings.
    n_missing : int
        Ratings that are missing; the others of the patient are used.
    nodes : int
        Quadrature nodes; 1 is Laplace's approximation.
    note : str
        Says where the maximum is not finite; empty otherwise.
    level : float
        Level of the limits.
    estimate, ci : float, tuple of float
        Odds ratio and interval of the first visit after baseline.
    """

    visits: tuple[str, ...]
    beta: tuple[float, ...]
    std_error: tuple[float, ...] | NotEstimable
    odds_ratio: tuple[float, ...] | NotEstimable
    lower: tuple[float, ...] | NotEstimable
    upper: tuple[float, ...] | NotEstimable
    p_value: tuple[float, ...] | NotEstimable
    p_value_lr: float
    thresholds: tuple[float, ...] = field(repr=False)
    sd: float
    loglik: float
    n: int
    n_ratings: int
    n_missing: int
    nodes: int
    note: str
    level: float
    direction: str = "odds ratio for a better grade, each visit against the first, within a patient"
    method: str = "cumulative logit, normal patient intercept, adaptive Gauss-Hermite quadrature"

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio of the first visit after baseline."""
        return self.odds_ratio if isinstance(self.odds_ratio, NotEstimable) else self.odds_ratio[0]

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """Its Wald interval."""
        if isinstance(self.lower, NotEstimable) or isinstance(self.upper, NotEstimable):
            return NotEstimable(self.note)
        return self.lower[0], self.upper[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per visit compared with the first.

        Returns
        -------
        pandas.DataFrame
            Columns visit, odds_ratio, lower, upper, p_value, beta, std_error, reason.
        """
        import pandas as pd

        columns: dict[str, Any] = {"visit": self.visits}
        reasons: list[str] = []
        for name in ("odds_ratio", "lower", "upper", "p_value", "beta", "std_error"):
            value = getattr(self, name)
            columns[name] = np.nan if isinstance(value, NotEstimable) else value
            reasons += [f"{name}: {value.reason}"] if isinstance(value, NotEstimable) else []
        return pd.DataFrame({**columns, "reason": "; ".join(reasons)})

    def _display(self) -> Display:
        pairs = (("patients", self.n), ("ratings", self.n_ratings), ("missing ratings", self.n_missing))
        pairs += (("spread between patients (sd)", self.sd), ("p-value, likelihood ratio", self.p_value_lr))
        table = self.to_frame().drop(columns=["beta", "std_error", "reason"])
        notes = (f"{self.direction}; {self.level:.0%} Wald interval", *([self.note] if self.note else []))
        if not self.note:
            notes += coverage_note("mixed model", self.n)
        return Display("Cumulative logit over the visits, patient intercept", pairs, table, notes)


def mixed_ordinal(
    ratings: ArrayLike | Sequence[str],
    visits: Sequence[str] | None = None,
    nodes: int = 15,
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> MixedOrdinal:
    """Fit the ordinal model with a patient intercept over visits.

    Parameters
    ----------
    ratings : array-like of int, or sequence of str
        Shape (n, visits): grades 0-6, NaN (or -1) where missing; at least two visits. With `data` the names of its
        columns, the earliest visit first.
    visits : sequence of str, optional
        Names of the visits.
    nodes : int, default 15
        Quadrature nodes; 1 is Laplace's approximation.
    level : float, default 0.95
        Level of the Wald limits.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    MixedOrdinal

    Raises
    ------
    ValueError
        If a grade is no whole number or outside 0-6, a visit has no rating, or all ratings are the same.

    Notes
    -----
    logit P(Y_it <= k) = theta_k - beta_t - sd u_i, u_i standard normal. Equal to `ordinal::clmm` at the same
    number of nodes. Standard errors come from the numerical Hessian with respect to (theta, beta, sd).

    Examples
    --------
    >>> found = mixed_ordinal([[3, 2, 2], [3, 3, 2], [2, 2, 3], [4, 3, 3], [3, 2, 1], [2, 3, 2]])
    >>> [round(value, 2) for value in found.odds_ratio]
    [3.33, 10.58]
    """
    check_signature(mixed_ordinal, locals())
    caller = "mixed_ordinal"
    if data is not None:
        if isinstance(ratings, str) or not all(
            isinstance(name, str) for name in cast("list[object]", ratings)
        ):
            raise ValueError(
                f"{caller}: ratings = {display(ratings)} must name the columns of data, one a visit"
            )
        columns = [str(name) for name in cast("Sequence[str]", ratings)]
        visits = columns if visits is None else visits
        ratings = np.stack(
            [np.asarray(column(caller, data, "ratings", name), dtype=float) for name in columns], axis=1
        )
    Checks(caller).level("level", level).count("highest", highest, 1).done()
    table = cast("ArrayLike", ratings)
    grades = grade_array(caller, "ratings", table, dimensions=2, highest=highest, missing=True)
    z = normal_quantile(level)
    times = grades.shape[1]
    if times < 2:
        raise ValueError(f"{caller}: ratings has {times} visit; at least 2 are needed")
    Checks(caller).count("nodes", nodes, 1, 100).done()
    nodes = int(nodes)
    names = tuple(visits) if visits is not None else tuple(f"visit {t + 1}" for t in range(times))
    if len(names) != times:
        raise ValueError(f"{caller}: visits has {len(names)} names for {times} columns of ratings")
    rated = grades >= 0
    empty = [names[t] for t in range(times) if not rated[:, t].any()]
    if empty:
        raise ValueError(f"{caller}: ratings has no value at {', '.join(empty)}; leave the visit out")
    used = np.unique(grades[rated])
    if used.size < 2:
        raise ValueError(f"{caller}: all ratings are {used[0]}; a model needs at least two grades")
    codes = np.where(rated, np.searchsorted(used, grades), -1)[rated.any(axis=1)]
    full = _fit(codes, times, used.size, nodes, with_visits=True)
    null = _fit(codes, times, used.size, nodes, with_visits=False)
    cuts = used.size - 1
    beta = full.point[cuts : cuts + times - 1]
    lower: Any = NotEstimable(full.note)
    upper: Any = lower
    p_value: Any = lower
    std_error: Any = lower
    odds_ratio: Any = lower
    if not full.note:
        odds_ratio = tuple(np.exp(-beta).tolist())
        se = full.std_error[cuts : cuts + times - 1]
        std_error = tuple(se.tolist())
        lower, upper = (tuple(np.exp(-beta - side * z * se).tolist()) for side in (1, -1))
        p_value = tuple(two_sided_p(float(b / s)) for b, s in zip(beta, se, strict=True))
    return MixedOrdinal(
        visits=names[1:], beta=tuple(beta.tolist()), std_error=std_error,
        odds_ratio=odds_ratio, lower=lower, upper=upper, p_value=p_value,
        p_value_lr=chi_square_p(2.0 * (full.loglik - null.loglik), times - 1),
        thresholds=tuple(full.point[:cuts].tolist()), sd=float(full.point[-1]), loglik=full.loglik,
        n=codes.shape[0], n_ratings=int(rated.sum()), n_missing=int((~rated).sum()), nodes=nodes,
        note=full.note, level=level,
    )  # fmt: skip


@dataclass(frozen=True)
class _Fit:
    point: Array
    std_error: Array
    loglik: float
    note: str


NO_MAXIMUM = "the likelihood has no finite maximum: too few patients cross any one grade"


def _gauss_hermite(nodes: int) -> tuple[Array, Array]:
    """Give nodes for N(0, 1) steps and the logs of weights times the inverse of that density."""
    if nodes == 1:
        return np.zeros(1), np.zeros(1)
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    return x, np.log(w) + 0.5 * x**2 - 0.5 * np.log(2.0 * np.pi)


def _fit(codes: NDArray[np.int64], times: int, levels: int, nodes: int, *, with_visits: bool) -> _Fit:
    """Maximise over (first threshold, log gaps, visits, sd), a scale on which nothing can cross.

    The likelihood is even in sd, so its sign is free during the climb.
    """
    from pnstrial.shift.models.mixed_kernels import loglik_at

    patterns, copies = np.unique(codes, axis=0, return_counts=True)
    x, log_weights = _gauss_hermite(nodes)
    cuts = levels - 1
    free = times - 1 if with_visits else 0
    weight = copies.astype(float)

    def natural(point: Array) -> Array:
        gaps = np.exp(np.clip(point[1:cuts], -30.0, 6.0))
        theta = point[0] + np.concatenate([[0.0], np.cumsum(gaps)])
        return np.concatenate([theta, point[cuts:-1], [abs(point[-1])]])

    def value(point: Array) -> float:
        return loglik_at(patterns, weight, point, cuts, x, log_weights)

    counts = np.array([(codes == k).sum() for k in range(levels)], dtype=float)
    share = np.cumsum(counts)[:-1] / counts.sum()
    theta = 1.5 * np.log(share / (1 - share))
    start = np.concatenate([theta[:1], np.log(np.diff(theta)), np.zeros(free), [1.2]])
    last: list[tuple[Array, Array, Array]] = []

    def quick(point: Array) -> tuple[float, Array, Array]:
        # the curvature is nine tenths of the work: from step to step it is brought up to date by the gradients
        gradient = _gradient(value, point)
        curvature = _updated(*last.pop(), point, gradient) if last else _curvature(value, point)
        last.append((point, gradient, curvature))
        return value(point), gradient, curvature

    def full(point: Array) -> tuple[float, Array, Array]:
        return value(point), _gradient(value, point), _curvature(value, point)

    def climb(derivatives: Callable[[Array], tuple[float, Array, Array]], begin: Array) -> Maximum:
        # the derivatives are differences: a gain below 1e-12 is their rounding
        return maximise(
            derivatives, begin, value=value, bound=60.0,
            stop=lambda _steps, _point, here, move: abs(float(here[1] @ move)) < 1e-12,
        )  # fmt: skip

    # where the quick climb went far or came to rest on a slope, there may be no maximum: climb by the curvature itself
    peak = climb(quick, start)
    hessian = _curvature(value, peak.point)
    rest = bent_step(peak.point, peak.gradient, hessian)
    if rest is None or abs(float(peak.gradient @ rest)) > 1e-9 or np.abs(peak.point).max() > 12.0:
        peak = climb(full, start)
        hessian = peak.information
    point, top = peak.point, peak.value
    found = natural(point)
    if found[-1] > 12.0 or np.abs(found[:-1]).max() > 40.0:
        return _Fit(found, np.zeros(found.size), top, NO_MAXIMUM)
    kept = found.size
    if found[-1] < 1e-3:
        # without a spread between patients the others keep their curvature; sd lies on its boundary
        found[-1] = 0.0
        kept -= 1
    scale = np.eye(found.size)
    for k in range(1, cuts):
        scale[k:cuts, k] = np.exp(point[k])
        scale[k:cuts, 0] = 1.0
    variances = np.full(found.size, -1.0)
    if np.isfinite(hessian).all() and np.linalg.matrix_rank(hessian[:kept, :kept]) == kept:
        part = scale[:kept, :kept]
        variances[:kept] = np.diag(part @ np.linalg.inv(hessian[:kept, :kept]) @ part.T)
    errors = np.sqrt(np.maximum(variances, 0.0))
    # a standard error of 50 on the scale of the logit is a likelihood that no longer changes
    runaway = bool((variances[:kept] <= 0).any() or errors[:kept].max() > 50.0)
    return _Fit(found, errors, top, NO_MAXIMUM if runaway else "")


def _gradient(value: Callable[[Array], float], point: Array, step: float = 1e-5) -> Array:
    moves = np.eye(point.size) * step
    return np.array([(value(point + move) - value(point - move)) / (2.0 * step) for move in moves])


def _curvature(value: Callable[[Array], float], point: Array, step: float = 2e-4) -> Array:
    """Give the negative Hessian by central differences."""
    size = point.size
    here = value(point)
    moves = np.eye(size) * step
    answer = np.empty((size, size))
    for i, a in enumerate(moves):
        answer[i, i] = -(value(point + a) - 2.0 * here + value(point - a)) / step**2
        for j, b in enumerate(moves[:i]):
            mixed = value(point + a + b) - value(point + a - b) - value(point - a + b) + value(point - a - b)
            answer[i, j] = answer[j, i] = -mixed / (4.0 * step**2)
    return answer


def _updated(before: Array, slope: Array, curvature: Array, point: Array, gradient: Array) -> Array:
    """Bring the negative Hessian up to date after a step (Broyden, Fletcher, Goldfarb and Shanno)."""
    step, change = point - before, slope - gradient
    along, pull = float(step @ change), curvature @ step
    size = float(step @ pull)
    if along <= 0.0 or size <= 0.0:
        return curvature
    return curvature + np.outer(change, change) / along - np.outer(pull, pull) / size

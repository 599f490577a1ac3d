"""How do covariates change the cumulative incidence of one cause, where another one prevents it?

Input: a table with time, cause (0 = censored, 1, 2, ... = which event came first) and covariates.
Output: `FineGray`: subdistribution hazard ratios with robust limits, log-likelihood, predicted incidence.
Protocol section: none.
Method: Fine and Gray, J Am Stat Assoc 1999;94:496, with the variance of R's cmprsk.
Next: `states`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.newton import Maximum, maximise, newton_step
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.competing.causes import causes_of, failure_code, labelled_causes
from pnstrial.survival.cox.covariates import Design, design_of, labels_of, table_and_columns
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.observations import check_level, check_times, columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["FineGray", "fine_gray"]

ITERATIONS: Final = 40
NEAR: Final = 0.05
LARGEST: Final = 709.0
BEYOND: Final = NotEstimable(
    "beyond the largest number that a computer holds: give the covariate in larger units"
)
ALIASED: Final = 1e-9


@dataclass(frozen=True, eq=False)
class FineGray(Result):
    """A proportional subdistribution hazards model.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per coefficient (its name is the index): coef, std_error (robust), hazard_ratio, lower, upper (of
        the hazard ratio), z, p_value. Every cell is NotEstimable where no event of the cause happened, a covariate
        does not vary or repeats others, or the likelihood has no maximum (separation); a hazard ratio or limit is
        where no computer holds it.
    loglik, loglik_null : float or NotEstimable
        Log pseudo-likelihood at the estimate and at 0.
    likelihood_ratio : float or NotEstimable
        2 (loglik - loglik_null); R prints it as pseudo likelihood ratio. Not a chi-square exactly.
    score : ndarray, shape (p,)
        At the estimate, 0 but for rounding; empty where there is no table.
    variance : ndarray, shape (p, p)
        Robust covariance of the coefficients; empty where there is no table.
    information : ndarray, shape (p, p)
        Minus the second derivative at the estimate.
    event_time, baseline : ndarray, shape (events,)
        Distinct times of the cause and the jumps of the cumulative subdistribution hazard at covariates 0.
    failure : int or label
        The cause modelled.
    n, events, competing, censored : int
    iterations : int
        Newton steps.
    level : float
    converged : bool
        Whether there is a maximum, and it was found.
    """

    table: pd.DataFrame
    loglik: float | NotEstimable
    loglik_null: float | NotEstimable
    likelihood_ratio: float | NotEstimable
    failure: Any
    n: int
    events: int
    competing: int
    censored: int
    level: float
    converged: bool = False
    iterations: int = 0
    score: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    variance: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    information: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    event_time: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    baseline: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    _design: Design | None = field(default=None, repr=False)

    def predict(self, covariates: Mapping[str, Any], times: ArrayLike) -> pd.DataFrame:
        """Give the predicted incidence of the cause for one set of covariates.

        Parameters
        ----------
        covariates : mapping of str to number or label
            A value for every covariate of the model.
        times : array_like

        Returns
        -------
        pandas.DataFrame
            time, incidence = 1 - exp(-cumulative subdistribution hazard), as R's predict.crr.

        Raises
        ------
        ValueError
            If the model is not estimable, a covariate is absent or has no possible value, or a time is outside what
            is possible.

        Examples
        --------
        >>> data = pd.DataFrame({"t": [1, 2, 3, 4, 5, 6], "c": [1, 2, 1, 1, 0, 1], "x": [1, 0, 0, 1, 1, 0]})
        >>> fine_gray(data, "t", "c", "x").predict({"x": 0}, [1, 4])["incidence"].round(3).tolist()
        [0.096, 0.319]
        """
        check_signature(FineGray.predict, locals())
        if self._design is None or isinstance(self.loglik, NotEstimable):
            raise ValueError(f"there is nothing to predict from: the model is {self.loglik}")
        wanted = check_times(times)
        x = self._design.row(covariates)
        hazard = np.append(0.0, np.cumsum(self.baseline)) * np.exp(
            x @ self.table["coef"].to_numpy(dtype=float)
        )
        place = np.searchsorted(self.event_time, wanted, side="right")
        return pd.DataFrame({"time": wanted, "incidence": -np.expm1(-hazard[place])})

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient.

        Returns
        -------
        pandas.DataFrame
            covariate, then the columns of `table`, NaN where there is no number; with a column `reason` where a number
            is missing.
        """
        return with_reasons(self.table, "covariate")

    @property
    def estimate(self) -> float | NotEstimable:
        """Hazard ratio of the first coefficient, which is the primary one: name the treatment first."""
        return _plain(self.table["hazard_ratio"].iloc[0])

    @property
    def ci(self) -> tuple[float | NotEstimable, float | NotEstimable] | NotEstimable:
        """Limits of `estimate`."""
        lower, upper = (_plain(self.table[name].iloc[0]) for name in ("lower", "upper"))
        return lower if isinstance(lower, NotEstimable) and lower is upper else (lower, upper)

    @property
    def p_value(self) -> float | NotEstimable:
        """Two-sided p-value of `estimate` being 1."""
        return _plain(self.table["p_value"].iloc[0])

    def _display(self) -> Display:
        head = (
            f"Fine-Gray, cause {self.failure}: {self.events} events, {self.competing} competing, "
            f"{self.censored} censored of {self.n}"
        )
        if isinstance(self.loglik, NotEstimable):
            return Display(f"{head}\n{self.loglik}")
        return Display(head, (), self.to_frame())


class _Model:
    """Data in order of time, and the pseudo-likelihood with its derivatives.

    After a competing event a patient stays at risk with the weight G(t-) / G(own time-), G the Kaplan-Meier curve of
    the censoring. Sums over the risk set are one cumulative sum over those still in follow-up and one over those
    with a competing event before, times G(t-).
    """

    def __init__(self, times: Vector, kind: Vector, x: Vector, centres: Vector) -> None:
        order = np.argsort(times, kind="stable")
        self.time, self.kind, self.x, self.centres = times[order], kind[order], x[order], centres[order]
        self.n, self.p = x.shape
        self.failed = self.kind == 1
        self.competing = self.kind == 2
        self.at, self.dead = np.unique(self.time[self.failed], return_counts=True)
        self.first = np.searchsorted(self.time, self.at, side="left")
        # Censoring curves just before every own time and every event time, one per censoring group.
        self.own = np.ones(self.n)
        self.ahead: list[tuple[Vector, Vector]] = []
        self.curves: list[tuple[Vector, Vector, Vector, Vector]] = []
        for group in range(int(self.centres.max()) + 1):
            mine = self.centres == group
            curve = kaplan_meier(self.time[mine], (self.kind[mine] == 0).astype(float), conf_type="plain")
            steps = np.append(1.0, curve.survival)
            self.own[mine] = steps[np.searchsorted(curve.time, self.time[mine], side="left")]
            # Past the last time of its group a curve is not known: as in crr, nobody with a competing event counts on.
            reach = self.at <= self.time[mine].max()
            self.ahead.append(
                (mine, np.where(reach, steps[np.searchsorted(curve.time, self.at, side="left")], 0.0))
            )
            self.curves.append((mine, curve.time, curve.n_risk, curve.n_event))

    def sums(self, values: Vector) -> Vector:
        """Weighted sum over the risk set at each event time of one row of values per patient."""
        flat = values.reshape(self.n, -1)
        late = np.cumsum(flat[::-1], axis=0)[::-1]
        total = late[self.first]
        for mine, ahead in self.ahead:
            spent = np.where((mine & self.competing)[:, None], flat / self.own[:, None], 0.0)
            before = np.vstack([np.zeros(flat.shape[1]), np.cumsum(spent, axis=0)])[self.first]
            total = total + ahead[:, None] * before
        return total.reshape(self.at.size, *values.shape[1:])

    def derivatives(self, beta: Vector) -> tuple[float, Vector, Vector, Vector, Vector, Vector] | None:
        """Log pseudo-likelihood, score, information; at each event time the risk sum, mean covariates; relative risks.

        Risks, and so their sums, are relative to the largest one: they cannot overflow. None where a step is so long
        that a whole risk set weighs nothing.
        """
        eta = self.x @ beta
        top = float(eta.max())
        risk = np.exp(eta - top)
        s0 = self.sums(risk)
        if not (s0 > 0.0).all():
            return None
        loglik = float(eta[self.failed].sum() - self.dead @ (np.log(s0) + top))
        mean = self.sums(risk[:, None] * self.x) / s0[:, None]
        square = self.sums(risk[:, None, None] * self.x[:, :, None] * self.x[:, None, :]) / s0[:, None, None]
        score = self.x[self.failed].sum(axis=0) - self.dead @ mean
        spread = square - mean[:, :, None] * mean[:, None, :]
        return loglik, score, np.tensordot(self.dead, spread, axes=1), s0, mean, risk

    def robust(self, s0: Vector, mean: Vector, risk: Vector) -> Vector:
        """Sum of squares of each patient's part in the score, that through the censoring curve included."""
        jump = self.dead / s0
        passed = np.searchsorted(self.at, self.time, side="right")

        def until(values: Vector) -> Vector:
            return np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])

        both = np.column_stack([jump, jump[:, None] * mean])
        done = until(both)[passed]
        part = -risk[:, None] * (self.x * done[:, :1] - done[:, 1:])
        place = np.searchsorted(self.at, self.time[self.failed])
        part[self.failed] += self.x[self.failed] - mean[place]
        for (mine, ahead), (_, knots, n_risk, censored) in zip(self.ahead, self.curves, strict=True):
            rest = until((ahead[:, None] * both)[::-1])[::-1]
            spent = mine & self.competing
            after = rest[passed[spent]]
            load = (risk / self.own)[spent]
            part[spent] -= load[:, None] * (self.x[spent] * after[:, :1] - after[:, 1:])
            # What a censoring at each knot takes from the weights of those with a competing event before it.
            heavy = until(np.column_stack([load, load[:, None] * self.x[spent]]))
            before = heavy[np.searchsorted(self.time[spent], knots, side="left")]
            later = rest[np.searchsorted(self.at, knots, side="left")]
            pull = (before[:, 1:] * later[:, :1] - before[:, :1] * later[:, 1:]) / n_risk[:, None]
            drift = np.cumsum(pull * (censored / n_risk)[:, None], axis=0)
            own = np.searchsorted(knots, self.time[mine])
            part[mine] += np.where((self.kind[mine] == 0)[:, None], pull[own], 0.0) - drift[own]
        return part.T @ part


def fine_gray(
    *given: Any,
    data: Any = None,
    time: str | ArrayLike | None = None,
    cause: str | ArrayLike | None = None,
    covariates: Any = None,
    failure: Any = None,
    level: float = 0.95,
    unit: str | None = None,
    causes: Sequence[Any] | None = None,
    censored: Any = None,
    censoring_group: str | ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> FineGray:
    """Fit a proportional subdistribution hazards model.

    Parameters
    ----------
    *given
        time, cause and covariates by place, before them the table if there is one.
    data : pandas.DataFrame or mapping of str to array, optional
        One row per patient.
    time, cause : str or array_like
        Columns, or values: follow-up time, and 0 censored, 1, 2, ... the event that came first; or labels, with
        `censored`.
    covariates : str, sequence of str, or array_like
        As in `cox`: columns, a formula or values.
    failure : int or label, optional
        The cause whose incidence is modelled; default the first: 1, or the first of `causes`.
    level : float, default 0.95
    unit : str, optional
        Unit in which durations (Timedelta) are counted.
    causes : sequence of labels, optional
        The labels of causes, the one of interest first; default: those that occur, sorted.
    censored : label or list of labels, optional
        What censoring is called, where `cause` holds labels.
    censoring_group : str or array_like, optional
        Column or labels whose patients share one censoring distribution. Default: all share one.
    tolerance : float, default 1e-6
        Newton's method stops when the largest score, times the coefficient where that is above 1, is below
        tolerance times the larger of 1 and the log-likelihood: the rule of crr. 0 goes on to machine precision.

    Returns
    -------
    FineGray

    Raises
    ------
    ValueError
        If a column is absent, a covariate has no finite value, or a value is outside what is possible.

    Notes
    -----
    The partial likelihood of Cox with Breslow's ties and risk sets that keep the patients with a competing event,
    weighted by G(t-) / G(x-); variance I^-1 (sum of (eta + psi)(eta + psi)') I^-1, psi through the estimated
    censoring curve G (Fine and Gray 1999). A patient whose competing event falls on the time of a censoring does
    not feel it, an event of the cause on that time does, as in ``crr`` of R's cmprsk. The default tolerance is
    crr's, so the numbers are; it leaves an error of up to some 1e-6 in a coefficient, which ``tolerance=0`` takes
    away. Where the likelihood has no maximum crr gives a large coefficient with a meaningless error: here the table
    is NotEstimable. With censoring groups each group has its own part psi; the coefficients are crr's, its
    variance is not (it differs there from the formula).

    Examples
    --------
    >>> data = pd.DataFrame({"t": [1, 2, 3, 4, 5, 6], "c": [1, 2, 1, 1, 0, 1], "x": [1, 0, 0, 1, 1, 0]})
    >>> model = fine_gray(data, "t", "c", ["x"])
    >>> model.table[["coef", "std_error"]].round(3).values.tolist()
    [[0.834, 1.047]]
    """
    check_signature(fine_gray, locals())
    check_level(level)
    data, (time, cause, covariates) = table_and_columns(
        "fine_gray", given, data, time=time, cause=cause, covariates=covariates
    )
    followed, ended = columns(data, time=time, cause=cause)
    labels, ended = labelled_causes(ended, causes, censored)
    times, codes = causes_of(followed, ended, unit)
    design = design_of(data, covariates, times.size)
    x, names = design.x, list(design.names)
    own = failure_code(failure, labels)
    name = own if labels is None else labels[own - 1]
    centres = np.zeros(times.size, dtype=np.int64)
    if censoring_group is not None:
        _, centres = labels_of(data, censoring_group, times.size, "censoring_group")
    kind = np.where(codes == 0, 0, np.where(codes == own, 1, 2))
    counts: dict[str, Any] = {
        "failure": name,
        "n": int(times.size),
        "events": int((kind == 1).sum()),
        "competing": int((kind == 2).sum()),
        "censored": int((kind == 0).sum()),
        "level": level,
    }
    reason = _no_model(x, names, counts["events"], name)
    if reason is not None:
        return FineGray(_no_table(names, reason), reason, reason, reason, **counts)
    # Centred and scaled covariates keep exp() in range and make one tolerance fit all; the model is the same.
    centre, scale = x.mean(axis=0), x.std(axis=0)
    model = _Model(times, kind, (x - centre) / scale, centres)
    here = model.derivatives(np.zeros(len(names)))
    null = here[0] if here is not None else -np.inf
    found = _climb(model, scale, tolerance)
    if isinstance(found, NotEstimable):
        return FineGray(_no_table(names, found), found, null, found, **counts)
    beta, loglik, score, information = found.point, found.value, found.gradient, found.information
    s0, mean, risk = found.extra
    inverse = np.linalg.inv(information)
    covariance = inverse @ model.robust(s0, mean, risk) @ inverse / np.outer(scale, scale)
    coef = beta / scale
    return FineGray(
        _table(names, coef, np.sqrt(np.diag(covariance)), level),
        loglik,
        null,
        2.0 * (loglik - null),
        **counts,
        converged=True,
        iterations=found.steps,
        score=score * scale,
        variance=covariance,
        information=information * np.outer(scale, scale),
        event_time=model.at,
        baseline=model.dead / s0 * np.exp(-float((model.x @ beta).max()) - centre @ coef),
        _design=design,
    )


def _plain(cell: Any) -> float | NotEstimable:
    return cell if isinstance(cell, NotEstimable) else float(cell)


def _no_table(names: list[str], reason: NotEstimable) -> pd.DataFrame:
    columns = ("coef", "std_error", "hazard_ratio", "lower", "upper", "z", "p_value")
    return pd.DataFrame({name: [reason] * len(names) for name in columns}, index=pd.Index(names))


def _ratio(log: Vector) -> list[Any]:
    return [float(np.exp(value)) if value < LARGEST else BEYOND for value in log]


def _table(names: list[str], coef: Vector, error: Vector, level: float) -> pd.DataFrame:
    from scipy.special import ndtr

    z = normal_quantile(level)
    return pd.DataFrame(
        {
            "coef": coef,
            "std_error": error,
            "hazard_ratio": _ratio(coef),
            "lower": _ratio(coef - z * error),
            "upper": _ratio(coef + z * error),
            "z": coef / error,
            "p_value": 2.0 * ndtr(-np.abs(coef / error)),
        },
        index=pd.Index(names),
    )


def _no_model(x: Vector, names: list[str], events: int, failure: Any) -> NotEstimable | None:
    if not events:
        return NotEstimable(f"no event of cause {failure} happened")
    still = [name for name, spread in zip(names, np.ptp(x, axis=0), strict=True) if spread == 0]
    if still:
        return NotEstimable(f"{', '.join(still)} has the same value in every patient")
    unit = (x - x.mean(axis=0)) / x.std(axis=0)
    if np.linalg.svd(unit, compute_uv=False)[-1] < ALIASED * np.sqrt(len(x)) or len(x) <= len(names):
        return NotEstimable(f"the covariates {', '.join(names)} repeat each other")
    return None


def _climb(model: _Model, scale: Vector, tolerance: float) -> Maximum | NotEstimable:
    """Find the maximum; the covariates have a standard deviation of 1, the rule to stop is on their own scale.

    Along a direction in which the likelihood grows without end, Newton's steps stay near 1 in the linear
    predictor and the information goes to 0; at a maximum they shrink quadratically. So steps that do not settle
    mean separation.
    """
    largest, near, settled = 0.0, False, False

    def stop(_taken: int, beta: Vector, seen: tuple[Any, ...], move: Vector) -> bool:
        nonlocal largest, near, settled
        value, score, information = seen[:3]
        largest = max(largest, float(np.trace(information)))
        if float(np.linalg.eigvalsh(information)[0]) <= ALIASED * largest:
            return True
        own = np.abs(score * scale) * np.maximum(np.abs(beta / scale), 1.0)
        near = near or bool(own.max() < tolerance * max(abs(value), 1.0))
        # A likelihood that only creeps up has a small score too: there the next step is still long.
        settled = near and float(np.abs(move).max()) < NEAR
        return settled

    found = maximise(
        model.derivatives, np.zeros(model.p), step=newton_step, longest=np.inf, stop=stop, limit=ITERATIONS
    )
    if found.reached or settled:
        return found
    return NotEstimable("the likelihood has no maximum: a covariate separates the events from the others")

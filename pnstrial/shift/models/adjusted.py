"""How did the grades shift once baseline and other covariates are accounted for?

Input: one row per patient: grade, treatment, covariates.
Output: `OrdinalFit` (proportional or partly proportional odds).
Protocol section: endpoint.
Method: cumulative logits by Newton's method on a concave likelihood; separation by linear programming.
Next: `shift.missing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import chi_square_p, normal_quantile, two_sided_p
from pnstrial.results import Result
from pnstrial.shift.grades import grade_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "OrdinalFit",
    "ordinal_formula",
    "ordinal_model",
]

Pair = tuple[float, float]
FAR = 15.0
"""A coefficient whose standardised column moves the logit further than this has run away: separation."""


@dataclass(frozen=True)
class OrdinalFit(Result):
    """A cumulative logit model with covariates.

    Attributes
    ----------
    names : tuple of str
        Coefficients; ``name[k]`` for the cut k of a covariate without proportional odds.
    beta : ndarray
        Log odds ratios of a worse grade, per unit (R's sign).
    std_error : ndarray
        Standard errors; infinite where a coefficient has run away.
    profile : ndarray
        Shape (p, 2): profile-likelihood limits of `beta`; infinite on the side without a limit.
    separated : tuple of str
        Coefficients without a finite estimate; `beta` gives only their direction.
    thresholds : ndarray
        logit P(Y <= k) where all covariates are 0.
    loglik, loglik_null : float
        Log-likelihoods, the latter with thresholds alone.
    p_value_lr : float
        Likelihood-ratio test of all coefficients.
    n : int
        Patients.
    level : float
        Level of the limits.
    """

    names: tuple[str, ...]
    beta: Array
    std_error: Array
    profile: Array
    separated: tuple[str, ...]
    thresholds: Array
    loglik: float
    loglik_null: float
    p_value_lr: float
    n: int
    level: float
    direction: str = "odds_ratio = exp(-beta): odds ratio for a better grade per unit of the covariate"
    method: str = "cumulative logits, maximum likelihood"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient, with the odds ratio for a better grade and both intervals.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        z = normal_quantile(self.level)
        finite = np.isfinite(self.std_error)
        ratio = np.divide(self.beta, self.std_error, out=np.zeros_like(self.beta), where=finite)
        with np.errstate(over="ignore"):
            return pd.DataFrame({
                "coefficient": self.names, "beta": self.beta, "std_error": self.std_error,
                "odds_ratio": np.exp(-self.beta), "wald_lower": np.exp(-self.beta - z * self.std_error),
                "wald_upper": np.exp(-self.beta + z * self.std_error),
                "profile_lower": np.exp(-self.profile[:, 1]), "profile_upper": np.exp(-self.profile[:, 0]),
                "p_value": [two_sided_p(float(value)) for value in ratio],
            })  # fmt: skip


@dataclass
class _Cells:
    """The likelihood of patterns x cuts: eta = rows @ point, counts per pattern and grade."""

    rows: Array = field(repr=False)  # (M, cuts, P)
    counts: Array = field(repr=False)  # (M, cuts + 1)

    def evaluate(self, point: Array) -> tuple[float, Array, Array]:
        """Give log-likelihood, gradient and negative Hessian; minus infinity where cuts cross."""
        eta = self.rows @ point
        cuts = eta.shape[1]
        gap = np.diff(eta, axis=1)
        inner = self.counts[:, 1:-1]
        none = np.zeros(point.size), np.zeros((point.size, point.size))
        if (gap[inner > 0] <= 0).any():
            return -np.inf, *none
        gap = np.where(inner > 0, gap, 1.0)
        log_below, log_above = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
        below, above = np.exp(log_below), np.exp(log_above)
        one = -np.expm1(-gap)
        ratio = (1.0 - one) / one
        loglik = float(
            (self.counts[:, :-1] * log_below + self.counts[:, 1:] * log_above).sum()
            + (inner * np.log(one)).sum()
        )
        slope = self.counts[:, :-1] * above - self.counts[:, 1:] * below
        weight = (self.counts[:, :-1] + self.counts[:, 1:]) * below * above
        pull = inner * ratio
        curve = pull / one
        slope[:, 1:] += pull
        slope[:, :-1] -= pull
        flat = self.rows.reshape(-1, point.size)
        hessian = flat.T @ (flat * weight.reshape(-1, 1))
        if cuts > 1:
            steps = (self.rows[:, 1:] - self.rows[:, :-1]).reshape(-1, point.size)
            hessian += steps.T @ (steps * curve.reshape(-1, 1))
        return loglik, flat.T @ slope.ravel(), hessian

    def maximise(self, start: Array, fixed: int | None = None) -> tuple[Array, float, Array, Array]:
        """Climb by Newton steps, halved until the likelihood rises; `fixed` holds one coefficient."""
        free = np.ones(start.size, dtype=bool)
        if fixed is not None:
            free[fixed] = False
        point = start.copy()
        here, slope, hessian = self.evaluate(point)
        for _ in range(200):
            step = np.zeros(point.size)
            inner = hessian[np.ix_(free, free)]
            # a ridge far below rounding keeps a run-away direction solvable
            ridge = np.eye(inner.shape[0]) * 1e-13 * max(float(np.trace(inner)), 1e-300)
            step[free] = np.linalg.solve(inner + ridge, slope[free])
            decrement = float(slope[free] @ step[free])
            largest = float(np.abs(np.einsum("mcp,p->mc", self.rows, step)).max())
            share = min(1.0, 5.0 / max(largest, 1e-300))
            for _ in range(60):
                reached = self.evaluate(point + share * step)
                if reached[0] >= here - 1e-12 * abs(here):
                    break
                share *= 0.5
            else:
                break
            point = point + share * step
            here, slope, hessian = reached
            if decrement < 1e-17:
                break
        return point, here, slope, hessian


def _design(
    caller: str,
    grades: NDArray[np.int64],
    covariates: Mapping[str, ArrayLike],
    nonproportional: Sequence[str],
) -> tuple[_Cells, tuple[str, ...], Array, int]:
    """Collapse rows to distinct covariate patterns and lay out one row of coefficients per cut."""
    if not covariates:
        raise ValueError(f"{caller}: covariates is empty; name at least one")
    unknown = sorted(set(nonproportional) - set(covariates))
    if unknown:
        raise ValueError(
            f"{caller}: nonproportional names {', '.join(unknown)}, not among {list(covariates)}"
        )
    columns: list[Array] = []
    for name, values in covariates.items():
        try:
            column = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                f"{caller}: covariate {name!r} must hold numbers; give a factor as 0/1 columns or use `ordinal_formula`"
            ) from None
        if column.shape != grades.shape or not np.isfinite(column).all():
            raise ValueError(
                f"{caller}: covariate {name!r} needs one number for each of {grades.size} patients"
            )
        if np.ptp(column) == 0:
            raise ValueError(
                f"{caller}: covariate {name!r} is {column[0]:g} for every patient; it says nothing"
            )
        columns.append(column)
    matrix = np.stack(columns, axis=1)
    if np.linalg.matrix_rank(matrix - matrix.mean(axis=0)) < matrix.shape[1]:
        raise ValueError(f"{caller}: covariates {list(covariates)} are linearly dependent; leave one out")
    used = np.unique(grades)
    if used.size < 2:
        raise ValueError(f"{caller}: all grades are {used[0]}; a model needs at least two")
    patterns, index = np.unique(matrix, axis=0, return_inverse=True)
    counts = np.zeros((patterns.shape[0], used.size))
    np.add.at(counts, (index.ravel(), np.searchsorted(used, grades)), 1.0)
    cuts = used.size - 1
    names: list[str] = []
    blocks: list[Array] = [np.broadcast_to(np.eye(cuts), (patterns.shape[0], cuts, cuts))]
    for j, name in enumerate(covariates):
        value = -patterns[:, j]
        if name in nonproportional:
            blocks.append(value[:, None, None] * np.eye(cuts))
            names += [f"{name}[{used[k]}]" for k in range(cuts)]
        else:
            blocks.append(np.broadcast_to(value[:, None, None], (patterns.shape[0], cuts, 1)))
            names.append(name)
    pooled = np.cumsum(counts.sum(axis=0))[:-1] / counts.sum()
    return _Cells(np.concatenate(blocks, axis=2), counts), tuple(names), np.log(pooled / (1 - pooled)), cuts


def ordinal_model(
    grades: ArrayLike,
    covariates: Mapping[str, ArrayLike],
    nonproportional: Sequence[str] = (),
    level: float = 0.95,
    highest: int = 6,
    *,
    profile: bool = True,
) -> OrdinalFit:
    """Fit a cumulative logit model with covariates.

    Parameters
    ----------
    grades : array-like of int
        Grade of each patient, 0 to `highest`.
    covariates : mapping of str to array-like of float
        One number per patient and covariate: treatment (1 or 0), baseline grade, age, 0/1 columns of a factor.
        A data frame's columns do.
    nonproportional : sequence of str
        Covariates with an effect of their own at every cut (partial proportional odds).
    level : float, default 0.95
        Level of the limits.
    highest : int, default 6
        Highest grade of the scale.
    profile : bool, default True
        Whether to compute profile limits; else they are infinite.

    Returns
    -------
    OrdinalFit

    Raises
    ------
    ValueError
        If a grade or covariate is missing or outside its range, lengths differ, a covariate is constant or
        depends on others, or all grades are the same.

    Notes
    -----
    logit P(Y <= k) = theta_k - x' beta (McCullagh 1980), fitted to distinct covariate patterns. Equal to
    `ordinal::clm` and `MASS::polr`. The likelihood is concave, so halved Newton steps arrive; a coefficient
    that runs away is named in `separated` and its profile interval is one-sided, the others keep theirs.

    Examples
    --------
    >>> fit = ordinal_model(
    ...     [1, 2, 2, 3, 3, 4, 2, 5, 6, 3], {"treated": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    ...     "baseline": [2, 2, 3, 3, 2, 3, 2, 3, 3, 2]})
    >>> [round(float(value), 3) for value in fit.beta]
    [-3.177, 3.177]
    """
    caller = "ordinal_model"
    Checks(caller).share("level", level).done()
    z = normal_quantile(level)
    grade = grade_array(caller, "grades", grades, highest=highest)
    cells, names, start, cuts = _design(caller, grade, covariates, nonproportional)
    return _fit_cells(cells, names, start, cuts, z, level, limits=profile)


def _fit_cells(
    cells: _Cells, names: tuple[str, ...], start: Array, cuts: int, z: float, level: float, *, limits: bool
) -> OrdinalFit:
    first = np.concatenate([start, np.zeros(len(names))])
    null_loglik = cells.evaluate(first)[0]
    point, top, _, hessian = cells.maximise(first)
    p = len(names)
    spread = np.abs(np.einsum("mcp,p->mcp", cells.rows, point))[:, :, cuts:].max(axis=(0, 1))
    lows = cells.rows[:, :, cuts:].min(axis=(0, 1)) * point[cuts:]
    highs = cells.rows[:, :, cuts:].max(axis=(0, 1)) * point[cuts:]
    away = (np.abs(highs - lows) > FAR) & (spread > 0)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    # the ridge, far below rounding of a sound fit, keeps a flat direction invertible: its error is then huge
    covariance = np.linalg.inv(hessian * scale[:, None] * scale + 1e-13 * np.eye(point.size))
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))[cuts:] * scale[cuts:]
    away &= se > np.abs(point[cuts:]) / 3.0
    se = np.where(away, np.inf, se)
    profile = np.empty((p, 2))
    profile[:] = (-np.inf, np.inf)
    for j in range(p if limits else 0):
        for column, side in enumerate((-1.0, 1.0)):
            runs = bool(away[j]) and np.sign(point[cuts + j]) == side
            width = z * se[j] if np.isfinite(se[j]) else 1.0
            profile[j, column] = (
                side * np.inf if runs else _limit(cells, cuts + j, side, width, point, top, z)
            )
    return OrdinalFit(
        names=names, beta=point[cuts:], std_error=se, profile=profile,
        separated=tuple(name for name, flag in zip(names, away, strict=True) if flag),
        thresholds=point[:cuts], loglik=top, loglik_null=null_loglik,
        p_value_lr=chi_square_p(2.0 * (top - null_loglik), p), n=int(cells.counts.sum()), level=level,
    )  # fmt: skip


def _limit(cells: _Cells, j: int, side: float, width: float, best: Array, top: float, z: float) -> float:
    """Find one profile limit: false position on the signed root of the deviance."""
    point = best.copy()
    inside, outside = (0.0, 0.0), None
    reach = width
    for _ in range(80):
        point[j] = best[j] + side * reach
        start = point.copy()
        if not np.isfinite(cells.evaluate(start)[0]):
            start = best.copy()
            start[j] = point[j]
        if not np.isfinite(cells.evaluate(start)[0]):
            return side * np.inf
        fitted, loglik, _, _ = cells.maximise(start, fixed=j)
        root = float(np.sqrt(max(2.0 * (top - loglik), 0.0)))
        if abs(root - z) < 1e-10:
            break
        point = fitted
        if root < z:
            inside = (reach, root)
        else:
            outside = (reach, root)
        if outside is None:
            if reach > 50.0 * (width + 1.0):
                return side * np.inf
            reach *= max(1.05 * z / root, 1.2) if root > 0.3 else 2.0
            continue
        (a, fa), (b, fb) = inside, outside
        guess = a + (z - fa) * (b - a) / (fb - fa)
        # near an end false position stalls: step across it
        edge = 1e-3 * (b - a)
        reach = min(max(guess, a + edge), b - edge) if b - a > 1e-9 else guess
        if b - a < 1e-11:
            break
    return float(best[j] + side * reach)


def ordinal_formula(formula: str, data: pd.DataFrame, level: float = 0.95) -> OrdinalFit:
    """Fit a cumulative logit model from a formula.

    Parameters
    ----------
    formula : str
        As in R, for example ``"mrs ~ treated + C(site) + age"``; the outcome holds grades 0-6.
    data : pandas.DataFrame
        One row per patient.
    level : float, default 0.95
        Level of the limits.

    Returns
    -------
    OrdinalFit

    Raises
    ------
    ValueError
        As `ordinal_model`; also if the formula has no outcome.

    Notes
    -----
    statsmodels' formula interface (`OrderedModel.from_formula`) builds the design matrix; the fit is this
    package's, because the default optimiser there stops before the maximum.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"mrs": [1, 2, 2, 3, 3, 4, 2, 5, 6, 3], "treated": [1] * 5 + [0] * 5})
    >>> round(float(ordinal_formula("mrs ~ treated", data).beta[0]), 3)
    -2.668
    """
    import pandas as pd
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    outcome = formula.partition("~")[0].strip()
    if "~" not in formula or outcome not in data.columns:
        raise ValueError(
            f"ordinal_formula: formula = {formula!r} must be 'outcome ~ covariates', outcome a column"
        )
    grades = grade_array("ordinal_formula", outcome, data[outcome].to_numpy())
    ordered = data.assign(**{outcome: pd.Categorical(grades, ordered=True)})
    model: Any = OrderedModel.from_formula(formula, ordered, distr="logit")
    if len(model.exog) != len(data):
        raise ValueError(
            f"ordinal_formula: {len(data) - len(model.exog)} of {len(data)} rows have a missing covariate; leave the "
            "patients out or impute"
        )
    columns = {str(name): model.exog[:, i] for i, name in enumerate(model.exog_names[: model.exog.shape[1]])}
    return ordinal_model(grades, columns, level=level)

"""How did the grades shift once baseline and other covariates are accounted for?

Input: one row per patient: grade, treatment, covariates.
Output: `OrdinalFit` (proportional or partly proportional odds).
Protocol section: endpoint.
Method: cumulative logits by Newton's method on a concave likelihood; separation by linear programming.
Next: `shift.missing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.numerics.arguments import Checks, label_array, label_faults
from pnstrial.numerics.newton import Maximum, maximise, newton_step
from pnstrial.numerics.normal import chi_square_p, normal_quantile, two_sided_p
from pnstrial.numerics.roots import cross
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, Result
from pnstrial.shift.grades import column, grade_array

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
FAR = 12.0
"""A logit beyond this makes the search look for separation."""
SMALL = 100
"""Below so many patients a profile interval is given with what it covers (docs/coverage_models.md)."""


@dataclass(frozen=True)
class OrdinalFit(Result):
    """A cumulative logit model with covariates.

    Attributes
    ----------
    names : tuple of str
        Coefficients; ``name[k]`` for the cut k of a covariate without proportional odds.
    beta : ndarray
        Log odds ratios of a worse grade, per unit (R's sign); infinite for the coefficients in `separated`.
    std_error : ndarray
        Standard errors; NaN where the estimate is infinite.
    profile : ndarray
        Shape (p, 2): profile-likelihood limits of `beta`; infinite on the side without a limit.
    p_values : ndarray
        Wald tests; the likelihood-ratio test where the estimate is infinite.
    separated : tuple of str
        Coefficients without a finite estimate.
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
    estimate, ci, p_value : float, tuple of float, float
        Those of the first coefficient: odds ratio for a better grade, profile interval.
    """

    names: tuple[str, ...]
    beta: Array
    std_error: Array
    profile: Array
    p_values: Array
    separated: tuple[str, ...]
    thresholds: Array
    loglik: float
    loglik_null: float
    p_value_lr: float
    n: int
    level: float
    direction: str = "odds_ratio = exp(-beta): odds ratio for a better grade per unit of the covariate"
    method: str = "cumulative logits, maximum likelihood"

    @property
    def odds_ratio(self) -> Array:
        """Odds ratios for a better grade, per unit; 0 or infinite where separated."""
        with np.errstate(over="ignore"):
            return np.exp(-self.beta)

    @property
    def estimate(self) -> float:
        """The odds ratio of the first coefficient."""
        return float(self.odds_ratio[0])

    @property
    def ci(self) -> Pair:
        """The profile interval of the first odds ratio."""
        return float(np.exp(-self.profile[0, 1])), float(np.exp(-self.profile[0, 0]))

    @property
    def p_value(self) -> float:
        """The p-value of the first coefficient."""
        return float(self.p_values[0])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient.

        Returns
        -------
        pandas.DataFrame
            Columns coefficient, odds_ratio (for a better grade), lower, upper (profile), p_value, beta, std_error,
            wald_lower, wald_upper, reason.
        """
        import pandas as pd

        z = normal_quantile(self.level)
        separated = np.isin(self.names, self.separated)
        with np.errstate(over="ignore", invalid="ignore"):
            wald = [
                np.where(separated, np.nan, np.exp(-self.beta - side * z * self.std_error))
                for side in (1, -1)
            ]
            limits = np.exp(-self.profile)
        why = "std_error: separated, so the estimate is infinite; p_value by likelihood ratio"
        return pd.DataFrame({
            "coefficient": self.names, "odds_ratio": self.odds_ratio, "lower": limits[:, 1], "upper": limits[:, 0],
            "p_value": self.p_values, "beta": self.beta, "std_error": self.std_error, "wald_lower": wald[0],
            "wald_upper": wald[1], "reason": np.where(separated, why, ""),
        })  # fmt: skip

    def _display(self) -> Display:
        table = self.to_frame()[["coefficient", "odds_ratio", "lower", "upper", "p_value"]]
        notes = [f"odds ratio for a better grade per unit; {self.level:.0%} profile interval"]
        if self.separated:
            infinite = ", ".join(self.separated)
            notes.append(
                f"separated: {infinite} has no finite estimate; its p-value is that of the likelihood ratio"
            )
        notes += coverage_note("ordinal model", self.n, SMALL)
        pairs = (
            ("patients", self.n),
            ("log-likelihood", self.loglik),
            ("p-value, all coefficients", self.p_value_lr),
        )
        return Display("Cumulative logit model", pairs, table, tuple(notes))


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

    def maximise(self, start: Array, fixed: int | None = None) -> Maximum:
        """Climb the concave likelihood; `fixed` holds one coefficient."""
        free = None if fixed is None else np.delete(np.arange(start.size), fixed)
        return maximise(
            self.evaluate, start, step=newton_step, free=free, longest=5.0,
            length=lambda step: float(np.abs(self.rows @ step).max()),
        )  # fmt: skip

    def directions(self) -> tuple[Array, Array] | None:
        """Find where the likelihood never falls, however far one goes: separation.

        A cell of grade k keeps its probability along d while rows[k] d >= 0 and rows[k - 1] d <= 0. Returns the least
        and the largest value of each coefficient along such directions (within -1 and 1), or None where there are none.
        """
        from scipy.optimize import linprog

        at, grade = np.nonzero(self.counts)
        cuts, size = self.rows.shape[1:]
        upper = self.rows[at[grade < cuts], grade[grade < cuts]]
        lower = -self.rows[at[grade > 0], grade[grade > 0] - 1]
        rows = np.unique(np.concatenate([upper, lower]), axis=0)
        rows = rows / np.abs(rows).max(axis=1, keepdims=True)
        box = [(-1.0, 1.0)] * size

        def furthest(objective: Array) -> float:
            found: Any = linprog(-objective, A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=box, method="highs")
            return float(-found.fun)

        if furthest(rows.sum(axis=0)) < 1e-7:
            return None
        units = np.eye(size)
        least, most = (np.array([side * furthest(side * unit) for unit in units]) for side in (-1.0, 1.0))
        return np.where(least < -1e-7, least, 0.0), np.where(most > 1e-7, most, 0.0)


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
        column = _numbers(label_array(f"{caller}: covariate {name!r}", values))
        if column is None:
            raise ValueError(
                f"{caller}: covariate {name!r} must hold numbers; give a factor as 0/1 columns or by a formula"
            )
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
    grades: ArrayLike | str,
    covariates: Mapping[str, ArrayLike] | Sequence[str] | str | None = None,
    nonproportional: Sequence[str] = (),
    level: float = 0.95,
    highest: int = 6,
    *,
    data: pd.DataFrame | None = None,
    profile: bool = True,
) -> OrdinalFit:
    """Fit a cumulative logit model with covariates.

    Parameters
    ----------
    grades : array-like of int or str
        Grade of each patient, 0 to `highest`; with `data` a column, or a formula as in R, for example
        ``"mrs ~ treated + C(site) + age"``.
    covariates : mapping of str to array-like of float, sequence of str, or str
        One number per patient and covariate: treatment (1 or 0), baseline grade, age, 0/1 columns of a factor. With
        `data` the names of columns, or the right side of a formula.
    nonproportional : sequence of str
        Covariates with an effect of their own at every cut (partial proportional odds).
    level : float, default 0.95
        Level of the limits.
    highest : int, default 6
        Highest grade of the scale.
    data : pandas.DataFrame, optional
        One row per patient.
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
    `ordinal::clm` and `MASS::polr`. The likelihood is concave, so halved Newton steps arrive; where it rises for
    ever (separation, found by linear programming) the coefficient is infinite and named in `separated`, its profile
    interval one-sided and its p-value that of the likelihood ratio; the others keep theirs.

    Examples
    --------
    >>> fit = ordinal_model(
    ...     [1, 2, 2, 3, 3, 4, 2, 5, 6, 3], {"treated": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    ...     "baseline": [2, 2, 3, 3, 2, 3, 2, 3, 3, 2]})
    >>> [round(float(value), 3) for value in fit.beta]
    [-3.177, 3.177]
    >>> import pandas as pd
    >>> table = pd.DataFrame({"mrs": [1, 2, 2, 3, 3, 4, 2, 5, 6, 3], "arm": list("aaaaabbbbb")})
    >>> ordinal_model("mrs ~ C(arm)", data=table).names
    ('C(arm)[T.b]',)
    """
    check_signature(ordinal_model, locals())
    caller = "ordinal_model"
    Checks(caller).level("level", level).done()
    z = normal_quantile(level)
    formula = ""
    if isinstance(grades, str) and "~" in grades:
        outcome, _, formula = (part.strip() for part in grades.partition("~"))
        if covariates is not None or not outcome:
            raise ValueError(
                f"{caller}: grades = {grades!r} is a formula: call {caller}('mrs ~ treated', data=frame)"
            )
        grades = outcome
    elif isinstance(covariates, str):
        formula = covariates
    grade = grade_array(caller, "grades", column(caller, data, "grades", grades), highest=highest)
    if formula:
        covariates = _formula_columns(caller, formula, data, grade.size)
    elif data is not None and covariates is not None and not hasattr(covariates, "keys"):
        covariates = {name: column(caller, data, "covariates", name) for name in covariates}
    covariates = cast("Mapping[str, ArrayLike]", {} if covariates is None else covariates)
    if not hasattr(covariates, "keys"):
        raise ValueError(
            f"{caller}: covariates must name each column: {caller}(grades, {{'treated': values}})"
        )
    cells, names, start, cuts = _design(caller, grade, covariates, nonproportional)
    return _fit_cells(cells, names, start, cuts, z, level, limits=profile)


def _numbers(cells: NDArray[Any]) -> Array | None:
    """Read a column as numbers; None where one is text, though NumPy would read "1" as 1, or none at all."""
    if any(isinstance(cell, str) for cell in cells.ravel().tolist()):
        return None
    try:
        return cells.astype(float)
    except (TypeError, ValueError):
        return None


def _formula_columns(caller: str, formula: str, data: pd.DataFrame | None, n: int) -> dict[str, Array]:
    """Make the columns of the right side of a formula by formulaic, named as R would."""
    import formulaic
    from formulaic.errors import FormulaicError

    if data is None:
        raise ValueError(
            f"{caller}: the formula of covariates, {formula!r}, needs the table with its columns, data="
        )
    try:
        read = cast("Any", formulaic.Formula)(formula)
        absent = sorted(str(name) for name in read.required_variables if name not in data.columns)
        if absent:
            names = ", ".join(map(str, data.columns))
            raise ValueError(
                f"{caller}: {', '.join(absent)} of formula {formula!r} is no column of data; it has {names}"
            )
        faults = [
            fault for name in map(str, sorted(read.required_variables))
            for fault in label_faults(name, data[name].to_numpy())
        ]  # fmt: skip
        if faults:
            raise ValueError(f"{caller}: formula {formula!r}: {'; '.join(faults)}")
        made: Any = read.get_model_matrix(data, context={}, na_action="ignore")
    except (FormulaicError, KeyError, TypeError) as error:
        raise ValueError(f"{caller}: formula {formula!r}: {str(error).splitlines()[0]}") from None
    return {
        str(name): np.asarray(made[name], dtype=float).reshape(n)
        for name in made.columns if str(name) != "Intercept"
    }  # fmt: skip


def _fit_cells(
    cells: _Cells, names: tuple[str, ...], start: Array, cuts: int, z: float, level: float, *, limits: bool
) -> OrdinalFit:
    first = np.concatenate([start, np.zeros(len(names))])
    null_loglik = cells.evaluate(first)[0]
    top = cells.maximise(first)
    point, p = top.point, len(names)
    # a search that ended anywhere but at a maximum went after an estimate that is infinite, or met the end of rounding
    far = not top.reached or float(np.abs(cells.rows @ point).max()) > FAR
    found = cells.directions() if far else None
    least, most = found if found is not None else (np.zeros(point.size), np.zeros(point.size))
    away = (least < 0) | (most > 0)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(top.information), 1e-300))
    # the ridge, far below rounding of a sound fit, keeps a flat direction invertible: its error is then huge
    covariance = np.linalg.inv(top.information * scale[:, None] * scale + 1e-13 * np.eye(point.size))
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0)) * scale
    p_value = np.array([two_sided_p(float(ratio)) for ratio in (point / np.where(away, np.inf, se))[cuts:]])
    profile = np.tile([-np.inf, np.inf], (p, 1))
    for j in range(cuts, cuts + p):
        if away[j]:
            # without a Wald test: the likelihood ratio against a coefficient of 0
            held = np.where(np.arange(point.size) == j, 0.0, first)
            p_value[j - cuts] = chi_square_p(2.0 * (top.value - cells.maximise(held, fixed=j).value), 1)
        for end, side in enumerate((-1.0, 1.0)) if limits else ():
            if not (least[j] < 0 if side < 0 else most[j] > 0):
                width = 1.0 if away[j] else z * float(se[j])
                profile[j - cuts, end] = _limit(cells, j, side, width, top, z)
    infinite = np.where(most > -least, np.inf, np.where(least < -most, -np.inf, np.copysign(np.inf, point)))
    return OrdinalFit(
        names=names, beta=np.where(away, infinite, point)[cuts:], std_error=np.where(away, np.nan, se)[cuts:],
        profile=profile, p_values=p_value,
        separated=tuple(name for name, flag in zip(names, away[cuts:], strict=True) if flag),
        thresholds=np.where(away, infinite, point)[:cuts], loglik=top.value, loglik_null=null_loglik,
        p_value_lr=chi_square_p(2.0 * (top.value - null_loglik), p), n=int(cells.counts.sum()), level=level,
    )  # fmt: skip


def _limit(cells: _Cells, j: int, side: float, width: float, top: Maximum, z: float) -> float:
    """Find one profile limit: where the signed root of the deviance reaches z."""
    last = top.point

    @cache
    def root(reach: float) -> float:
        nonlocal last
        start = last.copy()
        start[j] = top.point[j] + side * reach
        fitted = cells.maximise(start, fixed=j)
        if not np.isfinite(fitted.value):
            start = np.where(np.arange(start.size) == j, start[j], top.point)
            fitted = cells.maximise(start, fixed=j)
        if np.isfinite(fitted.value):
            last = fitted.point
        return float(np.sqrt(max(2.0 * (top.value - fitted.value), 0.0)))

    far = width
    while root(far) < z:
        far *= 2.0
        if far > 100.0 * (width + 1.0):
            return side * np.inf
    return float(top.point[j] + side * cross(root, z, 0.0, far, 1e-10 * far))


def ordinal_formula(formula: str, data: pd.DataFrame, level: float = 0.95) -> OrdinalFit:
    """Fit a cumulative logit model from a formula: `ordinal_model` with ``data``.

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

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"mrs": [1, 2, 2, 3, 3, 4, 2, 5, 6, 3], "treated": [1] * 5 + [0] * 5})
    >>> round(float(ordinal_formula("mrs ~ treated", data).beta[0]), 3)
    -2.668
    """
    check_signature(ordinal_formula, locals())
    outcome = formula.partition("~")[0].strip()
    if "~" not in formula or outcome not in data.columns:
        raise ValueError(
            f"ordinal_formula: formula = {formula!r} must be 'outcome ~ covariates', outcome a column of data"
        )
    return ordinal_model(formula, data=data, level=level)

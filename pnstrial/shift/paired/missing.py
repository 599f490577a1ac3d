"""Would the answer change if the missing grades had been seen?

Input: grades with missing values; estimates of completed data.
Output: completed data sets, pooled estimates, best and worst case, the tipping point.
Protocol section: estimand (missing).
Method: multiple imputation from proportional odds given baseline, Rubin's rules (Rubin 1987; degrees of freedom
of Barnard and Rubin, Biometrika 1999;86:948), and bounds that assume nothing.
Next: `shift.trial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.rules import IMPROVED, change_category_on
from pnstrial.shift.grades import WORST, column, grade_array, grade_pairs, responder_pairs
from pnstrial.shift.paired.change import ALTERNATIVES, ZEROS, signed_rank, signed_rank_batch

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.arguments import Numbers

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]

__all__ = ["CaseBounds", "Pooled", "TippingPoint", "case_bounds", "impute", "rubin", "tipping_point"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class Pooled(Result):
    """One estimate out of several completed data sets.

    Attributes
    ----------
    estimate, std_error : float
        Pooled.
    ci : tuple of float
        t interval on `df`.
    p_value : float
        Two-sided test of 0.
    df : float
        Degrees of freedom (Barnard-Rubin); infinite where the imputations agree and n is not given.
    within, between, total : float
        Variances.
    relative_increase : float
        Relative increase of the variance through the missing values.
    fraction_missing : float
        Fraction of missing information.
    m : int
        Completed data sets.
    level : float
        Level of the interval.
    """

    estimate: float
    std_error: float
    ci: Pair
    p_value: float
    df: float
    within: float
    between: float
    total: float
    relative_increase: float
    fraction_missing: float
    m: int
    level: float
    method: str = "Rubin's rules"


def rubin(
    estimates: Numbers, variances: Numbers, n: float | None = None, k: int = 1, level: float = 0.95
) -> Pooled:
    """Pool the estimates of completed data sets.

    Parameters
    ----------
    estimates, variances : array-like of float
        One per completed data set; at least 2.
    n : float, optional
        Patients; infinite where not given.
    k : int, default 1
        Parameters of the complete-data model.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    Pooled

    Raises
    ------
    ValueError
        If there are fewer than 2, their numbers differ, or a value is not finite (a variance not over 0).

    Notes
    -----
    Equal to mice's `pool.scalar`.

    Examples
    --------
    >>> found = rubin([-0.5, -0.4, -0.6], [0.04, 0.05, 0.04], n=40)
    >>> round(found.estimate, 2), round(found.total, 4)
    (-0.5, 0.0567)
    """
    check_signature(rubin, locals())
    from scipy.special import stdtr, stdtrit

    q, u = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    Checks("rubin").level("level", level).done()
    if q.ndim != 1 or q.shape != u.shape or q.size < 2:
        raise ValueError(
            f"rubin: estimates and variances have shapes {q.shape} and {u.shape}; give 2 or more of each"
        )
    if not (np.isfinite(q).all() and np.isfinite(u).all() and (u > 0).all()):
        raise ValueError(
            "rubin: estimates must be finite and variances over 0; a separated data set has neither"
        )
    m = q.size
    within, between = float(u.mean()), float(q.var(ddof=1))
    total = within + (1.0 + 1.0 / m) * between
    increase = (1.0 + 1.0 / m) * between / within
    share = (1.0 + 1.0 / m) * between / total
    complete = np.inf if n is None else float(n) - k
    old = (m - 1.0) / share**2 if share > 0 else np.inf
    if np.isinf(complete):
        df = old
    else:
        observed = (complete + 1.0) / (complete + 3.0) * complete * (1.0 - share)
        df = observed if np.isinf(old) else old * observed / (old + observed)
    missing = (increase + 2.0 / (df + 3.0)) / (increase + 1.0)
    se, estimate = float(np.sqrt(total)), float(q.mean())
    reach = min(df, 1e12)
    half = float(stdtrit(reach, 0.5 + level / 2.0)) * se
    return Pooled(
        estimate=estimate, std_error=se, ci=(estimate - half, estimate + half),
        p_value=float(2.0 * stdtr(reach, -abs(estimate / se))), df=float(df), within=within, between=between,
        total=total, relative_increase=increase, fraction_missing=float(missing), m=m, level=level,
    )  # fmt: skip


def impute(
    first: ArrayLike,
    second: ArrayLike,
    m: int = 20,
    seed: int = 1,
    treated: ArrayLike | str | None = None,
    *,
    data: pd.DataFrame | None = None,
) -> Grades:
    """Complete missing later grades m times.

    Parameters
    ----------
    first : array-like of int
        Baseline grade of each patient, 0-6, none missing.
    second : array-like of int
        Later grade, NaN (or -1) where missing.
    m : int, default 20
        Completed data sets.
    seed : int
        Seed.
    treated : array-like of int, optional
        1 or 0; enters the imputation model.
    data : pandas.DataFrame, optional
        One row per patient; `first`, `second` and `treated` may then name its columns.

    Returns
    -------
    ndarray of int64
        Shape (m, n).

    Raises
    ------
    ValueError
        If a baseline is missing, a grade is outside 0-6, lengths differ, or fewer than 2 later grades were seen.

    Notes
    -----
    Each data set draws from proportional odds given baseline (and treatment), fitted to a bootstrap sample of
    the patients seen, so that the uncertainty of the model enters (Rubin 1987, ch. 4). Where a bootstrap
    sample cannot be fitted, missing grades are drawn from its patients with the nearest baseline. The
    mechanism assumed is missing at random; `tipping_point` asks what else would be needed.

    Examples
    --------
    >>> impute([3, 3, 2, 2, 3, 2], [2, 3, 2, 1, None, None], m=3, seed=1).shape
    (3, 6)
    """
    check_signature(impute, locals())
    Checks("impute").count("m", m, 1).count("seed", seed).done()
    m, seed = int(m), int(seed)
    before, after = _with_gaps("impute", first, second, data)
    columns = {"baseline": before.astype(float)}
    if treated is not None:
        group = grade_array("impute", "treated", column("impute", data, "treated", treated), highest=1)
        if group.size != before.size:
            raise ValueError(f"impute: treated has {group.size} values for {before.size} patients")
        columns["treated"] = group.astype(float)
    gaps = np.flatnonzero(after < 0)
    seen = np.flatnonzero(after >= 0)
    if seen.size < 2:
        raise ValueError(f"impute: second has {seen.size} grade that was seen; at least 2 are needed")
    rng = np.random.default_rng(seed)
    completed = np.tile(after, (m, 1))
    for draw in range(m):
        sample = rng.choice(seen, seen.size)
        completed[draw, gaps] = _draw(columns, after, sample, gaps, rng)
    return completed


def _with_gaps(
    caller: str, first: ArrayLike, second: ArrayLike, data: pd.DataFrame | None
) -> tuple[Grades, Grades]:
    """Check a baseline that everybody has, and a later grade that some lack."""
    before = grade_array(caller, "first", column(caller, data, "first", first))
    return grade_pairs(caller, before, column(caller, data, "second", second), missing=True)


def _draw(
    columns: dict[str, Array], after: Grades, sample: Grades, gaps: Grades, rng: np.random.Generator
) -> Grades:
    from scipy.special import expit

    from pnstrial.shift.models.adjusted import ordinal_model

    usable = {name: column[sample] for name, column in columns.items() if np.ptp(column[sample]) > 0}
    levels = np.unique(after[sample])
    try:
        fit = ordinal_model(after[sample], usable, profile=False) if usable and levels.size > 1 else None
    except ValueError:  # covariates that coincide in this bootstrap sample
        fit = None
    if fit is None or fit.separated:
        distance = np.abs(columns["baseline"][gaps][:, None] - columns["baseline"][sample])
        near = [np.flatnonzero(row == row.min()) for row in distance]
        return np.array([after[sample[rng.choice(places)]] for places in near], dtype=np.int64)
    shift = sum(columns[name][gaps] * beta for name, beta in zip(fit.names, fit.beta, strict=True))
    below = expit(fit.thresholds[None, :] - np.asarray(shift)[:, None])
    return levels[(rng.random(gaps.size)[:, None] > below).sum(axis=1)]


@dataclass(frozen=True)
class CaseBounds(Result):
    """What the missing grades could do at most.

    Attributes
    ----------
    improved_observed, n_observed : int
        Patients who improved, and with both grades.
    n, n_missing : int
        Patients with a baseline, and those of them without a later grade.
    best, worst : float
        Share improved of all n, where every missing patient improved, or none did.
    best_ci, worst_ci : tuple of float
        Clopper-Pearson intervals of both.
    p_best, p_worst : float
        Exact signed-rank p-value (two-sided, Pratt) where every missing patient ends at grade 0, or dies.
    level : float
        Level of the intervals.
    points : int
        Points by which the grade must fall to count as improved.
    """

    improved_observed: int
    n_observed: int
    n: int
    n_missing: int
    best: float
    worst: float
    best_ci: Pair
    worst_ci: Pair
    p_best: float
    p_worst: float
    level: float
    points: int = 1
    method: str = "best and worst case"


def case_bounds(
    first: ArrayLike,
    second: ArrayLike,
    level: float = 0.95,
    points: int = 1,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
    percent: int = 0,
    zero: int = 0,
) -> CaseBounds:
    """Bound the result by the best and the worst that the missing grades could be.

    Parameters
    ----------
    first : array-like of int
        Baseline grade of each patient, 0-6, none missing.
    second : array-like of int
        Later grade, NaN (or -1) where missing.
    level : float, default 0.95
        Level of the intervals.
    points : int, default 1
        Points by which the grade must fall to count as improved.
    data : pandas.DataFrame, optional
        One row per patient; `first` and `second` may then name its columns.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.
    percent, zero : int
        By how much of the baseline, counted from the grade `zero`, it must fall as well.

    Returns
    -------
    CaseBounds

    Raises
    ------
    ValueError
        If a baseline is missing or 6, a grade is outside 0-6, lengths differ, or points is not 1 to 6.

    Examples
    --------
    >>> found = case_bounds([3, 3, 2, 3], [2, 3, 2, None])
    >>> found.worst, found.best
    (0.25, 0.5)
    """
    check_signature(case_bounds, locals())
    from pnstrial.design.counts.proportion import clopper_pearson

    Checks("case_bounds").count("highest", highest, 1, 1000).done()
    checks = Checks("case_bounds").level("level", level).count("points", points, 1, highest)
    checks.count("percent", percent, 0, 100).count("zero", zero, -10_000, 10_000).done()
    before, after = responder_pairs(
        "case_bounds", first, second, dead=dead, data=data, missing=True, highest=highest
    )
    gap = after < 0
    points, highest, percent, zero = settings = int(points), int(highest), int(percent), int(zero)
    rule = change_category_on(highest, points, percent, zero)
    category = np.asarray(rule(before, np.where(gap, before, after), *settings))
    improved = int((~gap & (category == IMPROVED)).sum())
    # a baseline near the best grade leaves no room to improve by as much
    best = np.where(gap, 0, after)
    could = int((gap & (np.asarray(rule(before, np.zeros_like(before), *settings)) == IMPROVED)).sum())
    worst = np.where(gap, highest, after)
    p = [signed_rank(before, later, highest=highest).p_value for later in (best, worst)]
    n = before.size
    return CaseBounds(
        improved_observed=improved, n_observed=int((~gap).sum()), n=n, n_missing=int(gap.sum()),
        best=(improved + could) / n, worst=improved / n, best_ci=clopper_pearson(improved + could, n, level),
        worst_ci=clopper_pearson(improved, n, level), p_best=float(p[0]), p_worst=float(p[1]), level=level,
        points=int(points),
    )  # fmt: skip


@dataclass(frozen=True)
class TippingPoint(Result):
    """How far the missing grades must lie from no change for the conclusion to turn.

    Attributes
    ----------
    shift : int or NotEstimable
        Smallest change (in grades, above 0 is worse) of every missing patient at which the conclusion differs
        from that at no change; not estimable where none from -6 to 6 turns it.
    p_at_no_change : float
        p-value where every missing patient stays at baseline.
    shifts : ndarray of int
        Changes tried, -6 to 6.
    p_values : ndarray
        p-value at each.
    alpha : float
        Significance level of the conclusion.
    n, n_missing : int
        Patients, and those without a later grade.
    """

    shift: int | NotEstimable
    p_at_no_change: float
    shifts: Grades
    p_values: Array
    alpha: float
    n: int
    n_missing: int
    method: str = "tipping point, exact signed-rank"

    @property
    def estimate(self) -> int | NotEstimable:
        """The change at which the conclusion turns."""
        return self.shift

    @property
    def p_value(self) -> float:
        """The p-value where every missing patient stays at baseline."""
        return self.p_at_no_change

    def _display(self) -> Display:
        pairs = (
            ("smallest change of the missing that turns the conclusion", self.shift),
            ("p-value at no change", self.p_at_no_change),
            ("significance level", self.alpha),
            ("patients, of them missing", f"{self.n}, {self.n_missing}"),
        )
        return Display("Tipping point, exact signed-rank test", pairs, self.to_frame())

    def to_frame(self) -> pd.DataFrame:
        """Return the p-value at each change.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame({"shift": self.shifts, "p_value": self.p_values})


def tipping_point(
    first: ArrayLike,
    second: ArrayLike,
    alpha: float = 0.05,
    zeros: str = "pratt",
    alternative: str = "two-sided",
    *,
    data: pd.DataFrame | None = None,
) -> TippingPoint:
    """Find how far the missing grades must lie from no change for the conclusion to turn.

    Parameters
    ----------
    first : array-like of int
        Baseline grade of each patient, 0-6, none missing.
    second : array-like of int
        Later grade, NaN (or -1) where missing.
    alpha : float, default 0.05
        Significance level.
    zeros, alternative : str
        As `signed_rank`.
    data : pandas.DataFrame, optional
        One row per patient; `first` and `second` may then name its columns.

    Returns
    -------
    TippingPoint

    Raises
    ------
    ValueError
        If a baseline is missing, a grade is outside 0-6, lengths differ or a word is unknown.

    Examples
    --------
    >>> found = tipping_point([3] * 9 + [3] * 3, [2] * 7 + [3] * 2 + [None] * 3)
    >>> found.shift, round(found.p_at_no_change, 4)
    (1, 0.0156)
    """
    check_signature(tipping_point, locals())
    checks = Checks("tipping_point").share("alpha", alpha).word("zeros", zeros, ZEROS)
    checks.word("alternative", alternative, ALTERNATIVES).done()
    before, after = _with_gaps("tipping_point", first, second, data)
    gap = after < 0
    shifts = np.arange(-6, 7)
    tried = np.where(gap, np.clip(before + shifts[:, None], 0, 6), after)
    p = signed_rank_batch(np.tile(before, (13, 1)), tried, zeros, alternative)
    now = p[6] < alpha
    flips = np.flatnonzero((p < alpha) != now)
    found: int | NotEstimable = NotEstimable("no common change of the missing patients turns the conclusion")
    if flips.size:
        found = int(shifts[flips[np.argmin(np.abs(shifts[flips]))]])
    return TippingPoint(found, float(p[6]), shifts, p, alpha, before.size, int(gap.sum()))

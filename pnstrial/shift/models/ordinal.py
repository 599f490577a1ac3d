"""By which common odds ratio did one group's grades shift against the other's?

Input: counts by grade of two groups (or rows of grades and a group), one trial or many.
Output: `CommonOddsRatio`, `CommonOddsRatios`, `CutPoints`; odds ratios are for a better (lower) grade.
Protocol section: endpoint.
Method: proportional odds (McCullagh, J R Stat Soc B 1980;42:109, eq. 1.1-1.3) by `shift.ordinal_kernels`.
Next: `shift.adjusted`, `shift.wins`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import chi_square_p, normal_quantile, two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result, show_number
from pnstrial.shift.grades import WORST, groups_of, trial_counts
from pnstrial.shift.models.proportional import bootstrap_po_p

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "CommonOddsRatio",
    "CommonOddsRatios",
    "CutPoints",
    "common_odds_ratio",
    "common_odds_ratios",
    "cutpoint_odds_ratios",
    "shift_distribution",
]

Pair = tuple[float, float]
LEAST: Final = -709.78
"""Log odds below which the odds are more than a number holds."""


@dataclass(frozen=True)
class CommonOddsRatio(Result):
    """The common odds ratio for a better grade, with three intervals and the test of its assumption.

    Attributes
    ----------
    direction : str
        What above 1 means.
    odds_ratio, log_odds_ratio : float or NotEstimable
        Odds of a better grade, treated against control; infinite (or 0) where the groups are separated;
        not estimable where all patients share one grade.
    std_error : float or NotEstimable
        Standard error of `log_odds_ratio` (observed information); not estimable without a finite estimate.
    wald, profile, score : tuple of float or NotEstimable
        Two-sided intervals of the odds ratio. A separated table has one finite limit in `profile` and
        `score` and no `wald`.
    level : float
        Level of the intervals.
    loglik : float
        Log-likelihood at the maximum, without the multinomial constant.
    thresholds : tuple of float or NotEstimable
        logit P(Y <= k) of the control group, one per cut between grades in use; not estimable if separated.
    p_value_lr, p_value_score, p_value_wald : float or NotEstimable
        Likelihood-ratio, Rao score and Wald test of an odds ratio of 1.
    po_statistic, po_df, po_p_value : float, int, float
        Likelihood-ratio test of proportional odds against the saturated table. With two grades in use there
        is nothing to test: 0 degrees of freedom, p = 1. The chi-square p-value rejects a true null in about 9 % of
        trials with 17 patients a group.
    po_bootstrap, po_p_value_bootstrap : tuple of float, float
        p-value of the same statistic by a parametric bootstrap (2,000 draws, seed 1), and its Monte Carlo error;
        computed when asked for, and shown first under 50 patients a group.
    separated : bool
        Whether no patient of one group has a worse grade than any of the other, so that the maximum lies at
        infinity.
    note : str
        Says so in words; empty otherwise.
    grades : tuple of int
        Positions of the grades that occur.
    groups : tuple of str
        The treated and the control group.
    counts : tuple of tuple of int
        Patients of each group at each grade.
    estimate, ci, p_value, n : float, tuple of float, float, int
        The primary ones: `odds_ratio`, `profile`, `p_value_lr`, all patients.
    n_treated, n_control : int
        Patients.
    method : str
        The method.
    """

    direction: str
    odds_ratio: float | NotEstimable
    log_odds_ratio: float | NotEstimable
    std_error: float | NotEstimable
    wald: Pair | NotEstimable
    profile: Pair | NotEstimable
    score: Pair | NotEstimable
    level: float
    loglik: float
    thresholds: tuple[float, ...] | NotEstimable = field(repr=False)
    p_value_lr: float
    p_value_score: float
    p_value_wald: float | NotEstimable
    po_statistic: float
    po_df: int
    po_p_value: float
    separated: bool
    note: str
    grades: tuple[int, ...] = field(repr=False)
    groups: tuple[str, str]
    counts: tuple[tuple[int, ...], tuple[int, ...]] = field(repr=False)
    method: str = "proportional odds, maximum likelihood"

    @cached_property
    def po_bootstrap(self) -> tuple[float, float]:
        """p-value of proportional odds by 2,000 draws from the fitted model (seed 1), and its Monte Carlo error."""
        if self.po_df == 0 or isinstance(self.thresholds, NotEstimable):
            return 1.0, 0.0
        slope = float(cast("float", self.log_odds_ratio))
        return bootstrap_po_p(self.counts, self.thresholds, slope, self.po_statistic)

    @property
    def po_p_value_bootstrap(self) -> float:
        """The p-value of `po_bootstrap`: the one to read under 50 patients a group."""
        return self.po_bootstrap[0]

    def _display(self) -> Display:
        ours, theirs = self.groups

        def interval(pair: Pair | NotEstimable) -> object:
            return (
                pair
                if isinstance(pair, NotEstimable)
                else f"{show_number(pair[0])} to {show_number(pair[1])}"
            )

        chi_square = f"{show_number(self.po_p_value)} (chi-square, df {self.po_df})"
        if self.po_df and min(self.n_treated, self.n_control) < 50:
            p, error = self.po_bootstrap
            drawn = ">0.999" if p > 0.9995 else f"{p:.3f}"
            chi_square = f"{drawn} (bootstrap, Monte Carlo error {error:.3f}); {chi_square}"
        pairs = (
            ("odds ratio", self.odds_ratio),
            (f"{self.level:.0%} interval, profile", interval(self.profile)),
            ("interval, score", interval(self.score)),
            ("interval, Wald", interval(self.wald)),
            ("p-value, likelihood ratio", self.p_value_lr),
            ("p-value, score", self.p_value_score),
            ("p-value, proportional odds", chi_square),
            ("patients", f"{ours} {self.n_treated}, {theirs} {self.n_control}"),
        )
        notes = (self.note,) if self.note else ()
        notes += coverage_note("common odds ratio", min(self.n_treated, self.n_control))
        return Display(self.direction, pairs, None, notes)

    def to_frame(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            Columns odds_ratio, lower, upper (profile), p_value (likelihood ratio), the other intervals and tests, the
            chi-square test of proportional odds, groups and patients, method and reason.
        """
        import pandas as pd

        row: dict[str, object] = {"odds_ratio": self.odds_ratio}
        reasons: list[str] = []
        for stem, pair in (("", self.profile), ("wald_", self.wald), ("score_", self.score)):
            ends = (pair, pair) if isinstance(pair, NotEstimable) else pair
            row[f"{stem}lower"], row[f"{stem}upper"] = ends
            if not stem:
                row |= {"p_value": self.p_value_lr, "n": self.n, "level": self.level}
        row |= {"p_value_score": self.p_value_score, "p_value_wald": self.p_value_wald}
        row |= {"log_odds_ratio": self.log_odds_ratio, "std_error": self.std_error}
        row |= {"po_statistic": self.po_statistic, "po_df": self.po_df, "po_p_value": self.po_p_value}
        row |= {"treated": self.groups[0], "control": self.groups[1]}
        row |= {"n_treated": self.n_treated, "n_control": self.n_control, "method": self.method}
        for name, value in row.items():
            if isinstance(value, NotEstimable):
                row[name] = np.nan
                reasons.append(f"{name}: {value.reason}")
        row["reason"] = "; ".join(reasons)
        return pd.DataFrame([row])

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio."""
        return self.odds_ratio

    @property
    def ci(self) -> Pair | NotEstimable:
        """The profile-likelihood interval."""
        return self.profile

    @property
    def p_value(self) -> float:
        """The likelihood-ratio test."""
        return self.p_value_lr

    @property
    def n_treated(self) -> int:
        """Patients treated."""
        return sum(self.counts[0])

    @property
    def n_control(self) -> int:
        """Patients of the control group."""
        return sum(self.counts[1])

    @property
    def n(self) -> int:
        """Patients of both groups."""
        return self.n_treated + self.n_control


def common_odds_ratio(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST, level: float = 0.95,
) -> CommonOddsRatio:  # fmt: skip
    """Estimate the common odds ratio for a better grade, treated against control.

    Parameters
    ----------
    grades : array-like of int
        Grade of each patient, 0 to `highest`, with `group` and `control`.
    group : array-like or str
        Group of each patient (with `data` a column): two labels.
    control : label, or array-like of int
        The label of the control group; may be left out where labels are 0 and 1 (0 is control). With
        `treated`, the grades of the control patients.
    data : pandas.DataFrame
        One row per patient, with `grade` and `group` as columns.
    grade : str
        Column of the grades.
    treated : array-like of int
        Grades of the treated patients, with `control`.
    counts : pair of array-like of int, or mapping
        Patients at each grade 0 to `highest`, (treated, control); a mapping names the groups.
    highest : int, default 6
        Highest grade of the scale.
    level : float, default 0.95
        Level of the two-sided intervals.

    Returns
    -------
    CommonOddsRatio

    Raises
    ------
    TypeError
        If two arrays stand by position: they could be grades or counts.
    ValueError
        If the patients are given in no way or in two, a grade is missing or outside 0 to `highest`, counts have
        another length, or a group is empty.

    Notes
    -----
    logit P(Y <= k | x) = theta_k - beta x, x = 1 for treated; the odds ratio is exp(-beta). Grades that
    nobody has are dropped; they carry no information. Separation is read off the grade ranges of the groups,
    not off a failed iteration. The profile interval inverts the likelihood-ratio test, the score interval
    Rao's. At 17 patients a group the likelihood-ratio test rejects a true null in about 6.4 % of trials; the
    score test and `permutation_test` hold their level better. The profile interval covers 0.938 to 0.942 there, for
    odds ratios of 1 to 4 (``docs/coverage.md``).

    Examples
    --------
    MR CLEAN (N Engl J Med 2015;372:11), published as 1.66 (1.21 to 2.28):

    >>> mr_clean = common_odds_ratio(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    >>> round(mr_clean.odds_ratio, 2), [round(limit, 2) for limit in mr_clean.wald]
    (1.66, [1.21, 2.28])
    """
    groups = groups_of(common_odds_ratio, locals())
    from pnstrial.shift.models import ordinal_kernels as k

    table = groups.counts
    ours, theirs = groups.names
    Checks("common_odds_ratio").level("level", level).done()
    z = normal_quantile(level)
    fitted, thresholds = k.fit_tables.for_size(int(table.sum()))(table[None], z, 2)
    row = fitted[0].tolist()
    status, levels = int(row[k.STATUS]), int(row[k.LEVELS])
    present = tuple(np.flatnonzero(table.sum(axis=0)).tolist())
    saturated = row[k.LOGLIK_SATURATED]
    po_statistic = max(2.0 * (saturated - row[k.LOGLIK]), 0.0) if levels > 2 else 0.0
    direction = f"odds ratio for a better grade, {ours} against {theirs}; above 1 favours {ours}"
    shared: dict[str, Any] = {
        "direction": direction, "level": level, "loglik": row[k.LOGLIK],
        "p_value_lr": chi_square_p(2.0 * (row[k.LOGLIK] - row[k.LOGLIK_NULL]), min(levels - 1, 1)),
        "p_value_score": chi_square_p(row[k.SCORE], min(levels - 1, 1)),
        "po_statistic": po_statistic, "po_df": max(levels - 2, 0),
        "po_p_value": chi_square_p(po_statistic, max(levels - 2, 0)),
        "separated": status in (k.TREATED_BETTER, k.TREATED_WORSE), "grades": present,
        "groups": groups.names, "counts": (_whole_row(table[0]), _whole_row(table[1])),
    }  # fmt: skip
    if status == k.ONE_LEVEL:
        same = NotEstimable(f"all patients have the grade at position {present[0]}")
        return CommonOddsRatio(
            odds_ratio=same, log_odds_ratio=same, std_error=same, wald=same, profile=same, score=same,
            thresholds=(), p_value_wald=same, note=str(same), **shared,
        )  # fmt: skip
    profile = _odds_pair(row[k.PROFILE_LOW], row[k.PROFILE_HIGH])
    score = _odds_pair(row[k.SCORE_LOW], row[k.SCORE_HIGH])
    beta, se = row[k.BETA], row[k.SE]
    if status != k.FITTED:
        which = "better" if status == k.TREATED_BETTER else "worse"
        infinite = NotEstimable("the groups are separated, so the estimate has no finite standard error")
        return CommonOddsRatio(
            odds_ratio=float(np.exp(-beta)), log_odds_ratio=-beta, std_error=infinite, wald=infinite,
            profile=profile, score=score, thresholds=infinite, p_value_wald=infinite,
            note=f"separated: no patient of {ours} has a grade {'above' if which == 'better' else 'below'}"
            f" any of {theirs}; the intervals are one-sided", **shared,
        )  # fmt: skip
    return CommonOddsRatio(
        odds_ratio=float(np.exp(-beta)), log_odds_ratio=-beta, std_error=se,
        wald=_odds_pair(beta - z * se, beta + z * se), profile=profile, score=score,
        thresholds=tuple(thresholds[0, : levels - 1].tolist()), p_value_wald=two_sided_p(beta / se), note="",
        **shared,
    )  # fmt: skip


def _whole_row(counts: Array) -> tuple[int, ...]:
    return tuple(counts.astype(np.int64).tolist())


def _odds_pair(low: float, high: float) -> Pair:
    """Turn limits of beta (above 0 is worse) into limits of the odds ratio for better."""
    return _odds(high), _odds(low)


def _odds(beta: float) -> float:
    return math.inf if beta < LEAST else float(np.exp(-beta))


@dataclass(frozen=True)
class CommonOddsRatios(Result):
    """Common odds ratios of many trials; every array has one value per trial.

    Attributes
    ----------
    log_odds_ratio : ndarray
        Log odds ratio for a better grade; plus or minus infinity where a trial is separated, 0 where
        everyone has one grade.
    std_error : ndarray
        Its standard error; infinite where the estimate is not finite.
    profile_lower, profile_upper : ndarray
        Profile-likelihood limits of `log_odds_ratio`; one is infinite where a trial is separated.
    score_lower, score_upper : ndarray
        Score limits of `log_odds_ratio`; all infinite unless they were asked for.
    p_value_lr, p_value_score, p_value_wald : ndarray
        Tests of no shift. A separated trial has no Wald test: `p_value_wald` is then its likelihood ratio.
    po_p_value : ndarray
        Likelihood-ratio test of proportional odds; 1 where two or fewer grades occur.
    loglik : ndarray
        Log-likelihoods.
    separated : ndarray of bool
        Whether the trial is separated.
    level : float
        Level of the limits.
    direction : str
        What above 0 means.
    """

    log_odds_ratio: Array
    std_error: Array
    profile_lower: Array
    profile_upper: Array
    score_lower: Array
    score_upper: Array
    p_value_lr: Array
    p_value_score: Array
    p_value_wald: Array
    po_p_value: Array
    loglik: Array
    separated: NDArray[np.bool_]
    level: float
    direction: str = "log odds ratio for a better grade, treated against control; above 0 favours treated"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per trial.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return pd.DataFrame(arrays).rename_axis("trial")


def common_odds_ratios(
    counts: ArrayLike, level: float = 0.95, *, profile: bool = True, score: bool = False
) -> CommonOddsRatios:
    """Estimate the common odds ratio of many trials at once.

    Parameters
    ----------
    counts : array-like of int
        Shape (R, 2, K): trials, treated before control, grades from best to worst.
    level : float, default 0.95
        Level of the two-sided limits.
    profile, score : bool
        Which limits to compute; those not asked for are minus and plus infinity.

    Returns
    -------
    CommonOddsRatios

    Raises
    ------
    ValueError
        If the shape is another, a count is missing, negative or no whole number, or a group is empty.

    Notes
    -----
    Limits are on the scale of `log_odds_ratio`; ``numpy.exp`` gives those of the odds ratio.

    Examples
    --------
    >>> trials = common_odds_ratios([[[4, 6, 2], [2, 5, 6]], [[3, 3, 3], [3, 3, 3]]])
    >>> trials.log_odds_ratio.round(3).tolist(), trials.p_value_lr.round(3).tolist()
    ([1.257, 0.0], [0.103, 1.0])
    """
    check_signature(common_odds_ratios, locals())
    from scipy.special import gammaincc, ndtr

    from pnstrial.shift.models import ordinal_kernels as k

    tables = trial_counts("common_odds_ratios", counts)
    Checks("common_odds_ratios").level("level", level).done()
    z = normal_quantile(level)
    out, _ = k.fit_tables(tables, z, 2 if score else int(profile))
    beta, se = out[:, k.BETA], out[:, k.SE]
    informative = out[:, k.LEVELS] > 1
    deviance = np.maximum(2.0 * (out[:, k.LOGLIK] - out[:, k.LOGLIK_NULL]), 0.0)
    excess = np.maximum(2.0 * (out[:, k.LOGLIK_SATURATED] - out[:, k.LOGLIK]), 0.0)
    freedom = np.maximum(out[:, k.LEVELS] - 2.0, 1.0)
    finite = np.isfinite(se)
    ratio = np.divide(beta, se, out=np.zeros_like(beta), where=finite)
    by_likelihood = np.where(informative, gammaincc(0.5, deviance / 2.0), 1.0)
    return CommonOddsRatios(
        log_odds_ratio=0.0 - beta,  # no negative zero
        std_error=se.copy(),
        profile_lower=-out[:, k.PROFILE_HIGH],
        profile_upper=-out[:, k.PROFILE_LOW],
        score_lower=-out[:, k.SCORE_HIGH],
        score_upper=-out[:, k.SCORE_LOW],
        p_value_lr=by_likelihood,
        p_value_score=np.where(informative, gammaincc(0.5, out[:, k.SCORE] / 2.0), 1.0),
        p_value_wald=np.where(finite, np.minimum(1.0, 2.0 * ndtr(-np.abs(ratio))), by_likelihood),
        po_p_value=np.where(out[:, k.LEVELS] > 2, gammaincc(freedom / 2.0, excess / 2.0), 1.0),
        loglik=out[:, k.LOGLIK].copy(),
        separated=(out[:, k.STATUS] == k.TREATED_BETTER) | (out[:, k.STATUS] == k.TREATED_WORSE),
        level=level,
    )


@dataclass(frozen=True)
class CutPoints(Result):
    """The odds ratio for a better grade at every cut, beside the common one.

    Attributes
    ----------
    cuts : ndarray of int
        Cut c splits the grades into 0..c and above.
    treated_good, control_good : ndarray of int
        Patients at or below the cut.
    odds_ratio : ndarray
        Odds ratio of being at or below it; 0 or infinite where a cell is empty.
    lower, upper : ndarray
        Profile-likelihood limits; a side without information is 0 or infinite.
    p_value_fisher : ndarray
        Two-sided exact p-value (Fisher).
    estimable : ndarray of bool
        False where the cut has all patients on one side; odds ratio and limits are then 1, 0 and infinity.
    n_treated, n_control : int
        Patients.
    level : float
        Level of the limits.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What above 1 means.
    """

    cuts: NDArray[np.int64]
    treated_good: NDArray[np.int64]
    control_good: NDArray[np.int64]
    odds_ratio: Array
    lower: Array
    upper: Array
    p_value_fisher: Array
    estimable: NDArray[np.bool_]
    n_treated: int
    n_control: int
    level: float
    groups: tuple[str, str]
    direction: str

    @property
    def n(self) -> int:
        """Patients in both groups."""
        return self.n_treated + self.n_control

    def _display(self) -> Display:
        pairs = (("patients", f"{self.groups[0]} {self.n_treated}, {self.groups[1]} {self.n_control}"),)
        note = f"{self.level:.0%} profile intervals; exact p-values (Fisher)"
        return Display(self.direction, pairs, self.to_frame().drop(columns="estimable"), (note,))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cut.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame({
            "cut": self.cuts, "treated_good": self.treated_good, "control_good": self.control_good,
            "odds_ratio": self.odds_ratio, "lower": self.lower, "upper": self.upper,
            "p_value_fisher": self.p_value_fisher, "estimable": self.estimable,
        })  # fmt: skip


def cutpoint_odds_ratios(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST, level: float = 0.95,
) -> CutPoints:  # fmt: skip
    """Give the odds ratio for a better grade at every dichotomy.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts, highest
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.
    level : float, default 0.95
        Level of the limits.

    Returns
    -------
    CutPoints

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Examples
    --------
    >>> cuts = cutpoint_odds_ratios(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    >>> cuts.odds_ratio.round(2).tolist()
    [7.03, 2.06, 2.05, 1.89, 1.43, 1.07]
    """
    groups = groups_of(cutpoint_odds_ratios, locals())
    from pnstrial.shift.models import ordinal_kernels as k

    Checks("cutpoint_odds_ratios").level("level", level).done()
    z = normal_quantile(level)
    good = np.cumsum(groups.counts, axis=1)[:, :-1]
    sizes = groups.counts.sum(axis=1)
    tables = np.stack([good, sizes[:, None] - good], axis=-1).transpose(1, 0, 2)
    out, _ = k.fit_tables.for_size(int(sizes.sum()))(np.ascontiguousarray(tables), z, 1)
    with np.errstate(over="ignore"):
        odds, lower, upper = (np.exp(-out[:, c]) for c in (k.BETA, k.PROFILE_HIGH, k.PROFILE_LOW))
    return CutPoints(
        cuts=np.arange(good.shape[1]),
        treated_good=good[0].astype(np.int64),
        control_good=good[1].astype(np.int64),
        odds_ratio=odds,
        lower=lower,
        upper=upper,
        p_value_fisher=np.array([fisher_p(*pair, *sizes) for pair in good.T]),
        estimable=out[:, k.STATUS] != k.ONE_LEVEL,
        n_treated=int(sizes[0]),
        n_control=int(sizes[1]),
        level=level,
        groups=groups.names,
        direction=f"odds ratio for a grade at or below the cut, {groups.names[0]} against {groups.names[1]}",
    )


def fisher_p(good_treated: float, good_control: float, n_treated: float, n_control: float) -> float:
    """Give the two-sided exact p-value of a 2 x 2 table: the sum over tables no more likely than this one."""
    from scipy.special import gammaln

    good = good_treated + good_control
    x = np.arange(max(0.0, good - n_control), min(good, n_treated) + 1.0)
    logs = -(
        gammaln(x + 1)
        + gammaln(n_treated - x + 1)
        + gammaln(good - x + 1)
        + gammaln(n_control - good + x + 1)
    )
    mass = np.exp(logs - logs.max())
    observed = mass[int(good_treated - x[0])]
    # tables of equal probability differ by rounding: R's tolerance
    return float(min(1.0, mass[mass <= observed * (1 + 1e-7)].sum() / mass.sum()))


def shift_distribution(p: ArrayLike, odds_ratio: float) -> Array:
    """Shift a distribution of grades by a common odds ratio.

    Parameters
    ----------
    p : array-like of float
        Probability of each grade, best first; sums to 1.
    odds_ratio : float
        Odds ratio for a better grade; above 1 moves mass to the lower grades.

    Returns
    -------
    ndarray
        The shifted probabilities.

    Raises
    ------
    ValueError
        If p holds no probabilities that sum to 1, or the odds ratio is not over 0.

    Notes
    -----
    Hmisc's `pomodm` applies its odds ratio to P(Y >= y): `pomodm(p=p, odds.ratio=1/r)` is this function at r.

    Examples
    --------
    >>> shift_distribution([0.5, 0.25, 0.25], 3.0).round(3).tolist()
    [0.75, 0.15, 0.1]
    """
    check_signature(shift_distribution, locals())
    shares = check_probabilities("shift_distribution", "p", p)
    Checks("shift_distribution").positive("odds_ratio", odds_ratio).done()
    ratio = float(odds_ratio)
    below = np.cumsum(shares)[:-1]
    moved = ratio * below / (1.0 - below + ratio * below)
    return np.diff(np.concatenate([[0.0], moved, [1.0]]))


def check_probabilities(caller: str, name: str, values: ArrayLike) -> Array:
    """Check that values are probabilities that sum to 1 (within 1e-5, as Hmisc), and let them do so exactly.

    Raises
    ------
    ValueError
        If they are not.
    """
    try:
        shares = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{caller}: {name} = {values!r} must hold probabilities") from None
    if shares.ndim != 1 or shares.size < 2 or not (np.isfinite(shares) & (shares >= 0)).all():
        raise ValueError(
            f"{caller}: {name} = {shares.tolist()} must hold at least 2 probabilities from 0 to 1"
        )
    if abs(shares.sum() - 1.0) > 1e-5:
        raise ValueError(f"{caller}: {name} sums to {shares.sum():.6g}; probabilities of all grades sum to 1")
    return shares

"""Did the patients of one group move on the scale between two ratings?

Input: earlier and later grades 0-6 of the same patients (6 = dead), one trial or many.
Output: changes with exact intervals, exact tests of no shift, wins against losses.
Protocol section: endpoint (Baseline against Month 3 and Month 6).
Method: exact binomial and signed-rank distributions; Tango's interval for paired wins.
Next: `shift.paired.homogeneity`, `shift.paired.utilities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.compiled import SMALL
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.numerics.roots import reach
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.rules import CATEGORIES, STABLE, change_category_on
from pnstrial.shift.grades import WORST, grade_pairs, responder_pairs
from pnstrial.shift.triples import WinTriples

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]

__all__ = [
    "Changes",
    "McNemar",
    "PairedWins",
    "SignTest",
    "SignedRank",
    "changes",
    "changes_of",
    "mcnemar",
    "paired_wins",
    "sign_test",
    "signed_rank",
    "signed_rank_batch",
]

Pair = tuple[float, float]
ALTERNATIVES = ("two-sided", "improved")
ZEROS = ("pratt", "wilcoxon")
EXACT = "exact conditional distribution with ties"


@dataclass(frozen=True)
class Changes(Result):
    """How many improved, stayed or deteriorated, with exact intervals.

    Attributes
    ----------
    improved, stable, deteriorated : int
        Patients.
    n : int
        Denominator.
    improved_ci, stable_ci, deteriorated_ci : tuple of float
        Clopper-Pearson intervals of the proportions.
    level : float
        Their level.
    points : float
        Points by which the grade must change for the better to count as improved.
    estimate, ci : float, tuple of float
        The primary ones: the share improved and its interval.
    """

    improved: int
    stable: int
    deteriorated: int
    n: int
    improved_ci: Pair
    stable_ci: Pair
    deteriorated_ci: Pair
    level: float
    points: float
    method: str = "Clopper-Pearson"

    @property
    def estimate(self) -> float:
        """The share improved."""
        return self.improved / self.n

    @property
    def ci(self) -> Pair:
        """The interval of the share improved."""
        return self.improved_ci

    def _display(self) -> Display:
        title = f"Change of grade; {self.level:.0%} intervals ({self.method}); improved by {self.points:g} or more"
        return Display(title, (("patients", self.n),), self.to_frame().drop(columns="n"))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per category.

        Returns
        -------
        pandas.DataFrame
            Columns category, count, n, proportion, lower, upper.
        """
        import pandas as pd

        counts = [self.improved, self.stable, self.deteriorated]
        limits = [self.improved_ci, self.stable_ci, self.deteriorated_ci]
        return pd.DataFrame({
            "category": CATEGORIES, "count": counts, "n": self.n,
            "proportion": [count / self.n for count in counts],
            "lower": [low for low, _ in limits], "upper": [high for _, high in limits],
        })  # fmt: skip


def changes(
    first: ArrayLike,
    second: ArrayLike,
    level: float = 0.95,
    points: int = 1,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
) -> Changes:
    """Count improved, stable and deteriorated patients with exact intervals.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    level : float, default 0.95
        Level of the Clopper-Pearson intervals.
    points : int, default 1
        Points by which the grade must fall to count as improved.
    data : pandas.DataFrame, optional
        One row per patient.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    Changes

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, a patient was dead
        at the earlier rating, or points is not 1 to 6.

    Examples
    --------
    >>> found = changes([3, 3, 2, 3], [2, 3, 6, 1])
    >>> found.improved, found.stable, found.deteriorated
    (2, 1, 1)
    """
    check_signature(changes, locals())
    earlier, later = responder_pairs("changes", first, second, dead=dead, data=data, highest=highest)
    Checks("changes").level("level", level).count("points", points, 1, highest).done()
    rule = change_category_on(highest, points, 0, 0)
    category = np.asarray(rule(earlier, later, points, highest, 0, 0))
    # the rule speaks of patients alive at baseline; the dead of a series that begins later stay as they are
    category = np.where(earlier == highest, STABLE, category)
    return changes_of(category, level, points)


def changes_of(category: NDArray[Any], level: float, points: float) -> Changes:
    """Count categories of change that were found already.

    Parameters
    ----------
    category : ndarray of int
        Codes of `pnstrial.rules.CATEGORIES`, one for each patient.
    level, points : float
        As in `changes`.

    Returns
    -------
    Changes
    """
    from pnstrial.design.counts.proportion import clopper_pearson

    counts = [int((category == code).sum()) for code in range(3)]
    limits = [clopper_pearson(count, category.size, level) for count in counts]
    return Changes(
        counts[0], counts[1], counts[2], category.size, limits[0], limits[1], limits[2], level, points
    )


@dataclass(frozen=True)
class SignedRank(Result):
    """Exact Wilcoxon signed-rank test of no shift.

    Attributes
    ----------
    p_value : float
        Exact; 1 where nobody moved.
    statistic : float
        Rank sum of the patients who improved (mid-ranks).
    expected : float
        Its expectation under no shift.
    n, n_zero : int
        Patients, and those of them without a change.
    zeros, alternative : str
        How patients without a change are ranked, and the direction.
    direction : str
        What a large statistic means.
    """

    p_value: float
    statistic: float
    expected: float
    n: int
    n_zero: int
    zeros: str
    alternative: str
    method: str
    direction: str = "a large rank sum speaks for improvement (a lower later grade)"


def signed_rank(
    first: ArrayLike,
    second: ArrayLike,
    zeros: str = "pratt",
    alternative: str = "two-sided",
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> SignedRank:
    """Test by exact signed ranks whether the grades moved.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    zeros : {"pratt", "wilcoxon"}
        Rank the patients without a change and then drop them (Pratt), or drop them before ranking.
    alternative : {"two-sided", "improved"}
        Direction; "improved" is a lower later grade.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    SignedRank

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or a word is unknown.

    Notes
    -----
    Given the sizes of the changes, each sign is a fair coin [1]_; ties share mid-ranks and zeros are ranked
    first [2]_. The distribution is symmetric, so two-sided is twice the smaller tail. Equal to R's
    `coin::wilcoxsign_test(distribution = "exact")`; R stops where nobody moved, here p = 1.
    `scipy.stats.wilcoxon(method="exact")` ignores ties and zeros. Beyond some thousand patients the distribution is
    too long to be formed; the p-value is then the normal approximation with ties, and `method` says so.

    References
    ----------
    .. [1] Wilcoxon F. Biometrics Bulletin 1945;1:80-83.
    .. [2] Pratt JW. J Am Stat Assoc 1959;54:655-667.

    Examples
    --------
    >>> first = [3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 3, 4, 3, 4, 5, 2]
    >>> second = [2, 2, 3, 3, 4, 4, 3, 2, 4, 5, 6, 3, 4, 1, 5, 4, 2]
    >>> round(signed_rank(first, second).p_value, 4)
    0.0762
    >>> signed_rank([3] * 17, [3] * 17).p_value
    1.0
    """
    check_signature(signed_rank, locals())
    from pnstrial.shift.paired.paired_kernels import signed_rank_one, signed_rank_uncompiled

    earlier, later = grade_pairs("signed_rank", first, second, data=data, highest=highest)
    Checks("signed_rank").word("zeros", zeros, ZEROS).word("alternative", alternative, ALTERNATIVES).done()
    pratt = zeros == "pratt"
    two_sided = alternative == "two-sided"
    move = earlier - later
    sizes: list[int] = np.bincount(np.abs(move), minlength=highest + 1).tolist()
    improved: list[int] = np.bincount(move[move > 0], minlength=highest + 1).tolist()
    n_zero = sizes[0]
    # mean rank of each size of change; the tables are short, and lists of them quicker than arrays
    before, ranks = 0 if pratt else -n_zero, [0.0] * len(sizes)
    for size, count in enumerate(sizes):
        ranks[size] = before + (count + 1) / 2
        before += count
    statistic = float(sum(rank * count for rank, count in zip(ranks[1:], improved[1:], strict=True)))
    expected = float(sum(rank * count for rank, count in zip(ranks[1:], sizes[1:], strict=True)) / 2)
    exact = earlier.size <= LARGE or _steps(np.array(sizes[1:]), np.array(ranks[1:])) <= MOST_STEPS
    if exact:
        # the machine code knows seven grades
        quick = earlier.size > SMALL or signed_rank_one.is_ready()
        rule = signed_rank_one if quick and highest == WORST else signed_rank_uncompiled
        p_value = float(rule(earlier, later, pratt, two_sided))
    else:
        z = (statistic - expected) / float(np.sqrt((np.array(ranks) ** 2 * sizes)[1:].sum() / 4.0))
        p_value = (
            two_sided_p(z) if two_sided else 0.5 * two_sided_p(z) if z > 0 else 1.0 - 0.5 * two_sided_p(z)
        )
    return SignedRank(
        p_value=p_value,
        statistic=statistic,
        expected=expected,
        n=earlier.size,
        n_zero=n_zero,
        zeros=zeros,
        alternative=alternative,
        method="Wilcoxon signed-rank, " + (EXACT if exact else "normal approximation with ties"),
    )


LARGE = 1000
"""Patients above which it is asked whether the exact distribution can be formed."""
MOST_STEPS = 1e9
"""Sums that are formed at most for the exact distribution: about a second."""


def _steps(sizes: Grades, ranks: Array) -> float:
    """Count the sums that the exact distribution takes: those of all tie groups but the largest."""
    order = np.argsort(sizes)[:-1]
    return float((np.cumsum(2.0 * sizes[order] * ranks[order]) * sizes[order]).sum())


def signed_rank_batch(
    first: ArrayLike, second: ArrayLike, zeros: str = "pratt", alternative: str = "two-sided"
) -> Array:
    """Give the exact signed-rank p-values of many trials.

    Parameters
    ----------
    first, second : array-like of int
        Shape (R, n): trials, patients.
    zeros, alternative : str
        As `signed_rank`.

    Returns
    -------
    ndarray
        Shape (R,): exact p-values.

    Raises
    ------
    ValueError
        As `signed_rank`.

    Examples
    --------
    >>> signed_rank_batch([[3, 3, 4], [2, 2, 2]], [[2, 2, 2], [2, 2, 2]]).tolist()
    [0.25, 1.0]
    """
    check_signature(signed_rank_batch, locals())
    from pnstrial.shift.paired.paired_kernels import signed_rank_many

    earlier, later = grade_pairs("signed_rank_batch", first, second, dimensions=2)
    Checks("signed_rank_batch").word("zeros", zeros, ZEROS).done()
    Checks("signed_rank_batch").word("alternative", alternative, ALTERNATIVES).done()
    if earlier.shape[1] > LARGE:
        pairs = zip(earlier, later, strict=True)
        return np.array([signed_rank(a, b, zeros, alternative).p_value for a, b in pairs])
    return signed_rank_many(earlier, later, zeros == "pratt", alternative == "two-sided")


@dataclass(frozen=True)
class SignTest(Result):
    """Exact sign test: improved against deteriorated.

    Attributes
    ----------
    p_value : float
        Exact; 1 where nobody moved.
    improved, deteriorated, n : int
        Patients.
    proportion : float or NotEstimable
        improved / (improved + deteriorated).
    ci : tuple of float
        Its Clopper-Pearson interval; 0 to 1 where nobody moved.
    level : float
        Level of the interval.
    alternative : str
        Direction.
    """

    p_value: float
    improved: int
    deteriorated: int
    n: int
    proportion: float | NotEstimable
    ci: Pair
    level: float
    alternative: str
    direction: str = "a proportion above 1/2 speaks for improvement (a lower later grade)"
    method: str = "sign test, exact binomial"

    @property
    def estimate(self) -> float | NotEstimable:
        """The share improved of those who changed."""
        return self.proportion


def sign_test(
    first: ArrayLike,
    second: ArrayLike,
    alternative: str = "two-sided",
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
) -> SignTest:
    """Test by exact signs whether more patients improved than deteriorated.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    alternative : {"two-sided", "improved"}
        Direction.
    level : float, default 0.95
        Level of the interval.
    data : pandas.DataFrame, optional
        One row per patient.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    SignTest

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, a patient was
        dead at the earlier rating, or a word is unknown.

    Examples
    --------
    >>> sign_test([3, 3, 4, 2, 3], [2, 2, 3, 2, 4]).p_value
    0.625
    """
    check_signature(sign_test, locals())
    from pnstrial.design.counts.proportion import clopper_pearson

    earlier, later = responder_pairs("sign_test", first, second, dead=dead, data=data, highest=highest)
    Checks("sign_test").word("alternative", alternative, ALTERNATIVES).done()
    Checks("sign_test").level("level", level).done()
    up, down = int((later < earlier).sum()), int((later > earlier).sum())
    moved = up + down
    return SignTest(
        p_value=_exact_sign_p(up, down, alternative),
        improved=up,
        deteriorated=down,
        n=earlier.size,
        proportion=up / moved if moved else NotEstimable("no patient changed grade"),
        ci=clopper_pearson(up, moved, level),
        level=level,
        alternative=alternative,
    )


def _exact_sign_p(up: int, down: int, alternative: str) -> float:
    from pnstrial.design.counts.proportion import binomial_tail

    if alternative == "improved":
        return float(binomial_tail(up, up + down, 0.5))
    return min(1.0, 2.0 * float(binomial_tail(max(up, down), up + down, 0.5)))


@dataclass(frozen=True)
class PairedWins(WinTriples):
    """Win statistics of the later against the earlier rating of the same patients.

    Attributes
    ----------
    win_ratio : tuple of float or NotEstimable
        Estimate, lower, upper of improved / deteriorated; the interval is exact.
    win_odds : tuple of float
        Estimate, lower, upper of (improved + stable / 2) / (deteriorated + stable / 2).
    net_benefit : tuple of float
        Estimate, lower, upper of (improved - deteriorated) / n; score interval, always inside [-1, 1].
    wins, losses, ties, n : int
        Improved, deteriorated and stable patients, and all.
    p_value : float
        Exact sign test.
    level : float
        Level of the intervals.
    estimate, ci : float, tuple of float
        The primary ones: the win odds and their interval.
    """

    win_ratio: tuple[float, float, float] | NotEstimable
    win_odds: tuple[float, float, float]
    net_benefit: tuple[float, float, float]
    wins: int
    losses: int
    ties: int
    n: int
    p_value: float
    level: float
    direction: str = "above 1 (net benefit above 0) the later grade is better than the earlier one"
    method: str = "win ratio exact conditional; net benefit and win odds score interval (Tango)"


def paired_wins(
    first: ArrayLike,
    second: ArrayLike,
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
) -> PairedWins:
    """Compare each patient's later grade with the earlier one: win ratio, win odds, net benefit.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    level : float, default 0.95
        Level of the intervals.
    data : pandas.DataFrame, optional
        One row per patient.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    PairedWins

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or a patient was dead at the
        earlier rating.

    Notes
    -----
    The net benefit is a difference of paired proportions; its interval inverts the score test [1]_. The win
    odds are (1 + net benefit) / (1 - net benefit), and so are their limits.

    References
    ----------
    .. [1] Tango T. Stat Med 1998;17:891-908, eq. 21.

    Examples
    --------
    >>> found = paired_wins([4, 4, 3, 5, 4], [3, 2, 2, 5, 4])
    >>> found.net_benefit[0], found.win_odds[0], found.win_ratio[0]
    (0.6, 4.0, inf)
    """
    check_signature(paired_wins, locals())
    earlier, later = responder_pairs("paired_wins", first, second, dead=dead, data=data, highest=highest)
    Checks("paired_wins").level("level", level).done()
    z = normal_quantile(level)
    wins, losses = int((later < earlier).sum()), int((later > earlier).sum())
    n = earlier.size
    ratio, ci = _conditional_odds(wins, losses, level)
    low, high = _tango(wins, losses, n, z)
    benefit = (wins - losses) / n
    return PairedWins(
        win_ratio=ratio if isinstance(ratio, NotEstimable) else (ratio, *ci),
        win_odds=(_odds_of(benefit), _odds_of(low), _odds_of(high)),
        net_benefit=(benefit, low, high),
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        n=n,
        p_value=_exact_sign_p(wins, losses, "two-sided"),
        level=level,
    )


def _odds_of(benefit: float) -> float:
    return (1.0 + benefit) / (1.0 - benefit) if benefit < 1.0 else np.inf


def _tango(wins: int, losses: int, n: int, z: float) -> Pair:
    """Invert the score test of (wins - losses) / n = d, from the estimate to either end."""

    def score(d: float) -> float:
        # restricted maximum likelihood of the share of losses (Tango, eq. 9)
        a = 2.0 * n
        b = -wins - losses + (2.0 * n - wins + losses) * d
        c = -losses * d * (1.0 - d)
        q = (np.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
        variance = n * (2.0 * q + d * (1.0 - d))
        gap = wins - losses - n * d
        if variance <= 0.0:
            return np.sign(gap) * np.inf if gap else 0.0
        return float(gap / np.sqrt(variance))

    estimate = (wins - losses) / n
    # the score falls as d rises, so both limits are where it passes z on its way out from the estimate
    high = 1.0 if score(1.0) >= -z else reach(lambda d: -score(d), z, estimate, 1.0)
    low = -1.0 if score(-1.0) <= z else -reach(lambda d: score(-d), z, -estimate, 1.0)
    return low, high


@dataclass(frozen=True)
class McNemar(Result):
    """Exact McNemar test at one cut.

    Attributes
    ----------
    cut : int
        A good outcome is a grade at or below it.
    to_good, to_bad : int
        Patients who crossed the cut in either direction.
    both_good, both_bad : int
        Patients who did not.
    odds_ratio : float or NotEstimable
        to_good / to_bad; infinite if only the latter is 0, not estimable if nobody crossed.
    ci : tuple of float
        Exact interval; 0 to infinity if nobody crossed.
    p_value : float
        Exact; 1 if nobody crossed.
    n : int
        Patients.
    level : float
        Level of the interval.
    direction : str
        What above 1 means.
    """

    cut: int
    to_good: int
    to_bad: int
    both_good: int
    both_bad: int
    odds_ratio: float | NotEstimable
    ci: Pair
    p_value: float
    n: int
    level: float
    direction: str = "odds of crossing to a grade at or below the cut against crossing back"
    method: str = "McNemar, exact conditional"

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio."""
        return self.odds_ratio


def mcnemar(
    first: ArrayLike,
    second: ArrayLike,
    cut: int,
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> McNemar:
    """Test exactly whether more patients crossed a cut for the better than for the worse.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    cut : int
        0 to 5; a good outcome is a grade at or below it.
    level : float, default 0.95
        Level of the interval of the odds ratio.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or the cut is not 0 to 5.

    Notes
    -----
    Conditional on the patients who crossed, crossings for the better are binomial at 1/2; the interval is
    Clopper-Pearson's turned into odds. Equal to R's `exact2x2::mcnemar.exact`.

    Examples
    --------
    >>> found = mcnemar([3, 3, 4, 2, 3], [2, 2, 2, 2, 4], cut=2)
    >>> found.odds_ratio, found.p_value
    (inf, 0.25)
    """
    check_signature(mcnemar, locals())
    earlier, later = grade_pairs("mcnemar", first, second, data=data, highest=highest)
    Checks("mcnemar").level("level", level).count("cut", cut, 0, highest - 1).done()
    was, now = earlier <= cut, later <= cut
    up, down = int((~was & now).sum()), int((was & ~now).sum())
    odds, ci = _conditional_odds(up, down, level)
    return McNemar(
        cut=int(cut),
        to_good=up,
        to_bad=down,
        both_good=int((was & now).sum()),
        both_bad=int((~was & ~now).sum()),
        odds_ratio=odds,
        ci=ci,
        p_value=_exact_sign_p(up, down, "two-sided"),
        n=earlier.size,
        level=level,
    )


def _conditional_odds(up: int, down: int, level: float) -> tuple[float | NotEstimable, Pair]:
    """Give up / down and its exact interval, through the binomial share of `up`."""
    from pnstrial.design.counts.proportion import clopper_pearson

    low, high = clopper_pearson(up, up + down, level)
    ci = (low / (1.0 - low), high / (1.0 - high) if high < 1.0 else np.inf)
    if up + down == 0:
        return NotEstimable("no patient crossed in either direction"), ci
    return (up / down if down else np.inf), ci

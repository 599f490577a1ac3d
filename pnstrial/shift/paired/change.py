"""Did the patients of one group move on the scale between two ratings?

Input: earlier and later grades 0-6 of the same patients (6 = dead), one trial or many.
Output: changes with exact intervals, exact tests of no shift.
Protocol section: endpoint (Baseline against Month 3 and Month 6).
Method: exact binomial and signed-rank distributions.
Next: `shift.paired.signs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result
from pnstrial.rules import CATEGORIES, STABLE, change_category_on
from pnstrial.shift.grades import WORST, grade_pairs, responder_pairs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]

__all__ = [
    "ALTERNATIVES",
    "ZEROS",
    "Changes",
    "SignedRank",
    "changes",
    "changes_of",
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
    percent : int or None
        By how much of the baseline score it must change as well.
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
    percent: int | None = None

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
        title += "" if self.percent is None else f", and by {self.percent} %"
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
    points, highest = int(points), int(highest)
    rule = change_category_on(highest, points, 0, 0)
    category = np.asarray(rule(earlier, later, points, highest, 0, 0))
    # the rule speaks of patients alive at baseline; the dead of a series that begins later stay as they are
    category = np.where(earlier == highest, STABLE, category)
    return changes_of(category, level, points)


def changes_of(category: NDArray[Any], level: float, points: float, percent: int | None = None) -> Changes:
    """Count categories of change that were found already.

    Parameters
    ----------
    category : ndarray of int
        Codes of `pnstrial.rules.CATEGORIES`, one for each patient.
    level, points : float
        As in `changes`.
    percent : int, optional
        By how much of the baseline score a patient had to improve as well.
    """
    from pnstrial.design.counts.proportion import clopper_pearson

    counts = [int((category == code).sum()) for code in range(3)]
    limits = [clopper_pearson(count, category.size, level) for count in counts]
    return Changes(
        counts[0], counts[1], counts[2], category.size, limits[0], limits[1], limits[2], level, points, percent=percent,
    )  # fmt: skip


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
    sizes: list[int] = np.bincount(np.abs(move), minlength=int(highest) + 1).tolist()
    improved: list[int] = np.bincount(move[move > 0], minlength=int(highest) + 1).tolist()
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
        quick = highest == WORST and signed_rank_one.pays(earlier.size)
        rule = signed_rank_one if quick else signed_rank_uncompiled
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

"""Did the distribution over the grades change between two ratings of the same patients?

Input: earlier and later grades 0-6 of the same patients (6 = dead), one trial or many.
Output: transition table; tests of equal margins and of symmetry.
Protocol section: endpoint (Baseline against Month 3 and Month 6).
Method: marginal homogeneity by Stuart and Maxwell, Bowker, scores.
Next: `shift.paired.utilities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import chi_square_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result
from pnstrial.shift.grades import WORST, grade_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.arguments import Numbers

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]

__all__ = [
    "HomogeneityTest",
    "TransitionTable",
    "bowker",
    "marginal_homogeneity",
    "stuart_maxwell",
    "transition_table",
]


@dataclass(frozen=True)
class TransitionTable(Result):
    """How many patients went from which grade to which.

    Attributes
    ----------
    counts : ndarray of int
        Shape (7, 7), or one more than the highest grade: row the earlier grade, column the later one.
    n : int
        Patients.
    names : tuple of str
        Names of the earlier and the later rating.
    """

    counts: Grades
    n: int
    names: tuple[str, str]

    def _display(self) -> Display:
        frame = self.to_frame()
        frame.insert(0, f"{self.names[0]} (rows), {self.names[1]} (columns)", frame.index)
        return Display("Transitions", (("patients", self.n),), frame)

    def to_frame(self) -> pd.DataFrame:
        """Return the table with named axes.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        grades = range(len(self.counts))
        return pd.DataFrame(
            self.counts,
            index=pd.Index(grades, name=self.names[0]),
            columns=pd.Index(grades, name=self.names[1]),
        )


def transition_table(
    first: ArrayLike,
    second: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> TransitionTable:
    """Count the transitions between two ratings.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    names : pair of str, optional
        Names of the two ratings; the columns of `data`, else "first" and "second".
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    TransitionTable

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, or the lengths differ.

    Examples
    --------
    >>> table = transition_table([3, 3, 2], [2, 3, 6])
    >>> int(table.counts[3, 2]), int(table.counts[2, 6])
    (1, 1)
    """
    check_signature(transition_table, locals())
    earlier, later = grade_pairs("transition_table", first, second, data=data, highest=highest)
    if names is not None:
        Checks("transition_table").rule(len(names) != 2, "names", names, "must be two words").done()
    else:
        names = (str(first), str(second)) if data is not None else ("first", "second")
    return TransitionTable(_table(earlier, later, highest), earlier.size, (names[0], names[1]))


def _table(first: Grades, second: Grades, highest: int) -> Grades:
    size = int(highest) + 1
    return np.bincount(first * size + second, minlength=size * size).reshape(size, size)


@dataclass(frozen=True)
class HomogeneityTest(Result):
    """A test that the later grades are distributed as the earlier ones.

    Attributes
    ----------
    statistic : float
        Chi-square statistic.
    df : int
        Degrees of freedom; 0 where the table has nothing to test.
    p_value : float
        Asymptotic; 1 where there are no degrees of freedom.
    n : int
        Patients.
    method : str
        The test.
    note : str
        Says where nothing could be tested; empty otherwise.
    """

    statistic: float
    df: int
    p_value: float
    n: int
    method: str
    note: str = ""


def _homogeneity(statistic: float, df: int, n: int, method: str) -> HomogeneityTest:
    note = "" if df else "no patient changed grade: there is nothing to test"
    return HomogeneityTest(statistic, df, chi_square_p(statistic, df), n, method, note)


def stuart_maxwell(
    first: ArrayLike, second: ArrayLike, *, data: pd.DataFrame | None = None, highest: int = WORST
) -> HomogeneityTest:
    """Test marginal homogeneity by Stuart and Maxwell.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    HomogeneityTest
        `df` is the rank of the covariance matrix.

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, or the lengths differ.

    Notes
    -----
    d' V^+ d with d the differences of the margins and V their covariance under homogeneity [1]_, inverted on
    its range. R's DescTools counts K - 1 degrees of freedom also where the rank is lower; `coin::mh_test`
    agrees with the rank.

    References
    ----------
    .. [1] Maxwell AE. Br J Psychiatry 1970;116:651-655.

    Examples
    --------
    >>> found = stuart_maxwell([4, 4, 3, 5, 4], [3, 2, 2, 5, 4])
    >>> round(found.statistic, 4), found.df
    (2.6667, 2)
    """
    check_signature(stuart_maxwell, locals())
    earlier, later = grade_pairs("stuart_maxwell", first, second, data=data, highest=highest)
    table = _table(earlier, later, highest)
    off = table + table.T
    covariance = (np.diag(off.sum(axis=1)) - off).astype(float)  # the diagonal of the table cancels
    difference = (table.sum(axis=1) - table.sum(axis=0)).astype(float)
    values, vectors = np.linalg.eigh(covariance)
    # The covariance is the Laplacian of the graph of grades joined by a move: its rank is exact.
    size = int(highest) + 1
    rank = size - _components(off)
    kept = vectors[:, np.argsort(values)[size - rank :]]
    scale = np.sort(values)[size - rank :]
    return _homogeneity(
        float((((kept.T @ difference) ** 2) / scale).sum()), rank, earlier.size, "Stuart-Maxwell"
    )


def _components(joined: Grades) -> int:
    """Count the connected sets of grades."""
    left = set(range(len(joined)))
    count = 0
    while left:
        count += 1
        reached = {left.pop()}
        while reached:
            near = {other for grade in reached for other in left if joined[grade, other]}
            left -= near
            reached = near
    return count


def bowker(
    first: ArrayLike, second: ArrayLike, *, data: pd.DataFrame | None = None, highest: int = WORST
) -> HomogeneityTest:
    """Test symmetry of the transition table by Bowker.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    HomogeneityTest
        `df` is the number of pairs of grades between which somebody moved.

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, or the lengths differ.

    Notes
    -----
    sum (n_ij - n_ji)^2 / (n_ij + n_ji) over non-empty pairs [1]_; R's `mcnemar.test` gives NaN as soon as a
    pair is empty.

    References
    ----------
    .. [1] Bowker AH. J Am Stat Assoc 1948;43:572-574.

    Examples
    --------
    >>> found = bowker([4, 4, 3, 5, 4], [3, 2, 2, 5, 4])
    >>> found.statistic, found.df
    (3.0, 3)
    """
    check_signature(bowker, locals())
    earlier, later = grade_pairs("bowker", first, second, data=data, highest=highest)
    table = _table(earlier, later, highest)
    rows, columns = np.triu_indices(int(highest) + 1, 1)
    up, down = table[rows, columns], table[columns, rows]
    used = up + down > 0
    terms = (up - down)[used] ** 2 / (up + down)[used]
    return _homogeneity(float(terms.sum()), int(used.sum()), earlier.size, "Bowker symmetry")


def marginal_homogeneity(
    first: ArrayLike,
    second: ArrayLike,
    scores: Numbers | None = None,
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> HomogeneityTest:
    """Test marginal homogeneity with a score for each grade.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    scores : array-like of float, optional
        Score of each grade; default its own number.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    HomogeneityTest
        One degree of freedom: (sum of score changes)^2 / sum of squared score changes.

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or there are not 7 scores.

    Notes
    -----
    Equal to `coin::mh_test` with scores (asymptotic).

    Examples
    --------
    >>> round(marginal_homogeneity([4, 4, 3, 5, 4], [3, 2, 2, 5, 4]).p_value, 4)
    0.1025
    """
    check_signature(marginal_homogeneity, locals())
    earlier, later = grade_pairs("marginal_homogeneity", first, second, data=data, highest=highest)
    score = np.arange(highest + 1, dtype=float) if scores is None else np.asarray(scores, dtype=float)
    if score.shape != (highest + 1,) or not np.isfinite(score).all():
        raise ValueError(
            f"marginal_homogeneity: scores = {scores!r} must hold {highest + 1} numbers, one for each grade "
            f"0 to {highest}"
        )
    move = score[earlier] - score[later]
    spread = float((move**2).sum())
    statistic = float(move.sum() ** 2 / spread) if spread else 0.0
    return _homogeneity(statistic, int(spread > 0), earlier.size, "marginal homogeneity with scores")

"""How many patients must be treated for one to end better?

Input: counts by grade of two groups.
Output: `NumberNeeded`: what the two margins alone allow, and what further assumptions make of them.
Protocol section: endpoint.
Method: nobody is seen under both treatments, so the joint table of outcomes is only bounded by its margins:
sharp bounds by transport, movement by single steps without harm, independence (Saver, Arch Neurol 2004;61:1066).
Next: `shift.planning`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.results import Display
from pnstrial.shift.grades import WORST, groups_of
from pnstrial.shift.triples import OfTwoGroups

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["NumberNeeded", "number_needed_to_treat"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class NumberNeeded(OfTwoGroups):
    """Numbers needed to treat for one patient to end with a better grade.

    Attributes
    ----------
    bounds : tuple of float
        Least and most over every joint table with these margins; the upper one is infinite where the margins
        allow that nobody is helped.
    one_step : tuple of float
        Where nobody is harmed: each helped patient gains one grade only (first number, grades gained per
        treated patient, so it can lie under 1), or as many as the margins allow (second). Both are infinite
        where no cut favours treatment.
    independent : float
        Net, where a patient's two outcomes are independent: 1 / (wins - losses); negative is harm.
    net : tuple of float
        1 / net share helped, at best and at worst over every joint table; negative is harm, infinite is none.
    share_better, share_worse : tuple of float
        Least and largest share of patients helped and harmed over every joint table.
    per_cut : tuple of float
        1 / risk difference at every cut; negative is harm, infinite is no difference.
    n_treated, n_control, n : int
        Patients.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What is counted.
    estimate : float
        The primary one: `independent`.
    """

    bounds: Pair
    one_step: Pair
    independent: float
    net: Pair
    share_better: Pair
    share_worse: Pair
    per_cut: tuple[float, ...]
    n_treated: int
    n_control: int
    groups: tuple[str, str]
    direction: str
    method: str = "bounds on the joint table of outcomes"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each number.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, estimate, lower, upper; an estimate or bounds, NaN where a row has the other.
        """
        import pandas as pd

        rows: list[tuple[str, float, float, float]] = [
            ("one better, whatever the joint table", np.nan, *self.bounds),
            ("one better, nobody harmed", np.nan, *self.one_step),
            ("net, outcomes independent", self.independent, np.nan, np.nan),
            ("net, whatever the joint table (best and worst)", np.nan, *self.net),
            *((f"grade {cut} or better", value, np.nan, np.nan) for cut, value in enumerate(self.per_cut)),
        ]
        return pd.DataFrame(rows, columns=["statistic", "estimate", "lower", "upper"])

    def _display(self) -> Display:
        pairs = (("patients", f"{self.groups[0]} {self.n_treated}, {self.groups[1]} {self.n_control}"),)
        notes = ("negative is harm, infinite no difference; the limits are bounds, no confidence interval",)
        return Display(self.direction, pairs, self.to_frame(), notes)

    @property
    def estimate(self) -> float:
        """The net number where a patient's two outcomes are independent."""
        return self.independent


def number_needed_to_treat(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST,
) -> NumberNeeded:  # fmt: skip
    """Bound the number needed to treat from the grades of two groups.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts, highest
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.

    Returns
    -------
    NumberNeeded

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Notes
    -----
    With d_k the difference of P(Y <= k), the least share helped is max(0, max d_k) and the largest
    1 - max(0, max_k [P_t(Y >= k) - P_c(Y > k)]) (Strassen's theorem); the net share is a transport problem
    over the 7 x 7 table, solved as a linear programme.

    Examples
    --------
    >>> found = number_needed_to_treat(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    >>> [round(value, 2) for value in (*found.bounds, *found.one_step, found.independent)]
    [1.27, 6.45, 2.21, 6.45, 6.27]
    """
    groups = groups_of(number_needed_to_treat, locals())
    table = groups.counts
    shares = table / table.sum(axis=1, keepdims=True)
    below = np.cumsum(shares, axis=1)
    gain = below[0, :-1] - below[1, :-1]
    gain[np.abs(gain) < 1e-14] = 0.0
    start = np.concatenate([np.zeros((2, 1)), below[:, :-1]], axis=1)
    least = max(0.0, float(gain.max()))
    most = 1.0 - max(0.0, float(((1.0 - start[0]) - (1.0 - below[1])).max()))
    least_harm = max(0.0, float(-gain.min()))
    most_harm = 1.0 - max(0.0, float(((1.0 - start[1]) - (1.0 - below[0])).max()))
    steps = float(gain[gain > 0].sum())
    net = float((shares[0] * (1.0 - below[1])).sum() - (shares[0] * start[1]).sum())
    best, worst = _net_extremes(shares[0], shares[1])
    return NumberNeeded(
        bounds=(_inverse(most), _inverse(least)),
        one_step=(_inverse(steps), _inverse(least)),
        independent=_inverse(net),
        net=(_inverse(best), _inverse(worst)),
        share_better=(least, most),
        share_worse=(least_harm, most_harm),
        per_cut=tuple(_inverse(float(value)) for value in gain),
        n_treated=groups.n_treated,
        n_control=groups.n_control,
        groups=groups.names,
        direction=f"patients to treat for one to end with a better grade, {groups.names[0]} against {groups.names[1]}",
    )


def _inverse(share: float) -> float:
    return 1.0 / share if abs(share) > 1e-12 else np.inf


def _net_extremes(ours: np.ndarray, theirs: np.ndarray) -> Pair:
    """Give the largest and the least net share helped over all joint tables with these margins."""
    from scipy.optimize import linprog

    size = ours.size
    index = np.arange(size)
    sign = np.sign(index[None, :] - index[:, None]).astype(float).ravel()  # row treated, column control
    rows = np.kron(np.eye(size), np.ones(size))
    columns = np.kron(np.ones(size), np.eye(size))
    constraints = np.vstack([rows, columns[:-1]])
    margins = np.concatenate([ours, theirs[:-1]])
    extremes: list[float] = []
    for factor in (-1.0, 1.0):
        solved: Any = linprog(factor * sign, A_eq=constraints, b_eq=margins, method="highs")
        extremes.append(float(solved.fun))
    return -extremes[0], extremes[1]

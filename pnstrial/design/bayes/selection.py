"""Which of several arms would be picked?

Input: patients per arm, true response rates, the lead that counts.
Output: `Selection`, with the exact probability that each arm is picked.
Protocol section: none; for a trial that chooses a regimen before a comparison.
Method: the arm with the most responders is picked if it leads by enough; binomial enumeration.
Next: `history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.design.counts.proportion import binomial_pmf
from pnstrial.numerics.arguments import Checks
from pnstrial.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Selection", "selection_probability"]


@dataclass(frozen=True)
class Selection(Result):
    """Probability that each arm is picked.

    Attributes
    ----------
    selected : tuple of float
        For each arm.
    inconclusive : float
        No arm leads by enough.
    none_worthy : float
        No arm reaches the least number of responders.
    n, min_diff, min_resp : int
        Patients per arm, lead, least number of responders.
    """

    selected: tuple[float, ...]
    inconclusive: float
    none_worthy: float
    n: int
    min_diff: int
    min_resp: int


def selection_probability(n: int, rates: Sequence[float], min_diff: int = 1, min_resp: int = 0) -> Selection:
    """Give the exact probability that each of several arms is picked.

    Parameters
    ----------
    n : int
        Patients per arm.
    rates : sequence of float
        True response rate of each arm, two or more.
    min_diff : int, default 1
        By how many responders the best arm must lead the next.
    min_resp : int, default 0
        How many responders the best arm must have.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Simon R, Wittes RE, Ellenberg SS. Cancer Treat Rep 1985;69:1375-1381.

    Examples
    --------
    >>> [round(value, 4) for value in selection_probability(17, [0.2, 0.2, 0.4]).selected]
    [0.0543, 0.0543, 0.7876]
    """
    checks = Checks("selection_probability").count("n", n, 1, 1000)
    checks.rates("rates", rates, least=2)
    checks.count("min_diff", min_diff, 1).count("min_resp", min_resp, 0).done()
    pmf = [binomial_pmf(int(n), rate) for rate in rates]
    # below[j][x] = P(arm j has at most x - min_diff responders)
    below = [np.concatenate((np.zeros(int(min_diff)), np.cumsum(part)))[: int(n) + 1] for part in pmf]
    worthy = np.arange(int(n) + 1) >= min_resp
    selected: list[float] = []
    for i, part in enumerate(pmf):
        others = np.prod([below[j] for j in range(len(pmf)) if j != i], axis=0)
        selected.append(float((part * others)[worthy].sum()))
    none = float(np.prod([part[~worthy].sum() for part in pmf])) if min_resp else 0.0
    left = max(0.0, 1.0 - sum(selected) - none)
    return Selection(tuple(selected), left, none, int(n), int(min_diff), int(min_resp))

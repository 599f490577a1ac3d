"""Could chance alone have dealt the grades to two groups like this?

Input: grades of the patients of two groups, or counts by grade.
Output: `PermutationTest`.
Protocol section: none.
Method: the permutation distribution of the rank sum, counted level by level, sampled where that takes too long.
Next: `shift.groups.wins`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.compiled import SMALL
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import two_sided_p
from pnstrial.shift.grades import WORST, groups_of
from pnstrial.shift.triples import OfTwoGroups

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PermutationTest", "permutation_test", "permute"]

UNCOMPILED = 34
"""Up to so many patients the allocations are counted in plain Python where nothing was compiled yet."""


@dataclass(frozen=True)
class PermutationTest(OfTwoGroups):
    """Permutation test of no shift between two groups, on the rank sum.

    Attributes
    ----------
    p_value, p_value_better : float
        Two-sided, and one-sided for a better grade in the treated group.
    p_value_normal : float
        Two-sided by the normal approximation with the tie correction.
    exact : bool
        Whether every allocation was counted; else sampled.
    draws : int
        Sampled allocations; 0 if exact.
    monte_carlo_error : float
        Standard error of a sampled `p_value`; 0 if exact.
    n_treated, n_control, n : int
        Patients.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What the one-sided p-value asks.
    """

    p_value: float
    p_value_better: float
    p_value_normal: float
    exact: bool
    draws: int
    monte_carlo_error: float
    n_treated: int
    n_control: int
    groups: tuple[str, str]
    direction: str
    method: str = "Wilcoxon-Mann-Whitney rank sum, permutation distribution"


def permutation_test(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST, draws: int = 100_000, seed: int = 1, largest: int = 250,
) -> PermutationTest:  # fmt: skip
    """Test by permutation whether two groups' grades differ.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts, highest
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.
    draws : int, default 100000
        Allocations to sample where counting all of them would take too long.
    seed : int
        Seed of the sampling.
    largest : int, default 250
        Up to how many patients in all every allocation is counted.

    Returns
    -------
    PermutationTest

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Notes
    -----
    Two-sided as in `coin::wilcox_test(distribution = "exact")`: P(|T - E| >= |t - E|).

    Examples
    --------
    >>> round(permutation_test(counts=([1, 3, 4, 4, 3, 1, 1], [0, 1, 2, 4, 5, 3, 2])).p_value, 6)
    0.046362
    """
    groups = groups_of(permutation_test, locals())
    Checks("permutation_test").count("draws", draws, 1).count("seed", seed).count("largest", largest).done()
    return permute(groups.counts.astype(np.int64), draws, seed, largest, groups.names)


def permute(
    counts: NDArray[np.int64], draws: int = 100_000, seed: int = 1, largest: int = 250,
    names: tuple[str, str] = ("treated", "control"),
) -> PermutationTest:  # fmt: skip
    """Test two rows of counts, as `permutation_test` does.

    Parameters
    ----------
    counts : ndarray of int
        Shape (2, K): treated, control.
    draws, seed, largest : int
        As `permutation_test`.
    names : tuple of str
        The two groups.
    """
    sizes = counts.sum(axis=1)
    pooled = counts.sum(axis=0)
    total = int(pooled.sum())
    twice_rank = 2 * (np.cumsum(pooled) - pooled) + pooled + 1
    observed = int((twice_rank * counts[0]).sum())
    centre = int(sizes[0]) * (total + 1)
    ties = float((pooled.astype(float) ** 3 - pooled).sum()) / max(total * (total - 1.0), 1.0)
    variance = float(sizes[0] * sizes[1]) / 12.0 * (total + 1.0 - ties)
    normal = two_sided_p((observed - centre) / 2.0 / np.sqrt(variance)) if variance > 1e-12 else 1.0
    if total <= largest:
        from pnstrial.shift.paired.paired_kernels import rank_sum_tails

        tails = rank_sum_tails.for_size(total if total <= UNCOMPILED else SMALL + 1)
        lower, _, both = tails(counts[0], counts[1]).tolist()
        drawn, error = 0, 0.0
    else:
        sample = np.random.default_rng(seed).multivariate_hypergeometric(pooled, int(sizes[0]), size=draws)
        sums = sample @ twice_rank
        # the observed allocation is one of them (Phipson and Smyth, 2010)
        lower = (1.0 + (sums <= observed).sum()) / (draws + 1.0)
        both = (1.0 + (np.abs(sums - centre) >= abs(observed - centre)).sum()) / (draws + 1.0)
        drawn, error = draws, float(np.sqrt(both * (1.0 - both) / draws))
    return PermutationTest(
        p_value=float(min(both, 1.0)), p_value_better=float(min(lower, 1.0)), p_value_normal=normal,
        exact=drawn == 0, draws=drawn, monte_carlo_error=error, n_treated=int(sizes[0]),
        n_control=int(sizes[1]), groups=names,
        direction=f"one-sided: a better (lower) grade in the group {names[0]}",
    )  # fmt: skip

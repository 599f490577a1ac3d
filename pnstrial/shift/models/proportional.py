"""Do the odds of a better grade differ from cut to cut, in a trial too small for chi-square?

Input: counts by grade of two groups, and the proportional-odds model fitted to them.
Output: the p-value of the likelihood-ratio statistic by a parametric bootstrap, with its Monte Carlo error.
Protocol section: none.
Method: trials drawn from the fitted model given both margins (patients at each grade, patients of each group), each
fitted again; p = (1 + those at least as far) / (1 + draws) (Davison and Hinkley, Bootstrap Methods and their
Application, 1997, section 4.2). Given the margins, the treated patients at each grade follow a multivariate noncentral
hypergeometric distribution. Permuting the groups would be valid at an odds ratio of 1 only.
Next: `shift.models.adjusted`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["bootstrap_po_p"]


def bootstrap_po_p(
    counts: Sequence[Sequence[int]],
    thresholds: Sequence[float],
    log_odds_ratio: float,
    statistic: float,
    *,
    draws: int = 2000,
    seed: int = 1,
) -> tuple[float, float]:
    """Test proportional odds by drawing from the fitted model, given the margins.

    Parameters
    ----------
    counts : sequence of two sequences of int
        Patients of the treated and the control group at each grade.
    thresholds : sequence of float
        logit P(Y <= k) of the control group, one per cut between grades in use.
    log_odds_ratio : float
        Log odds ratio for a better grade.
    statistic : float
        The likelihood-ratio statistic against the saturated table.
    draws, seed : int
        Trials to draw, and the seed.

    Returns
    -------
    tuple of float
        p-value and its Monte Carlo error.

    Examples
    --------
    >>> p, error = bootstrap_po_p([[5, 3, 0], [2, 3, 3]], [-1.0, 0.7], 1.2, 1.4, draws=500)
    >>> 0 < p < 1, error < 0.03
    (True, True)
    """
    from scipy.special import expit

    from pnstrial.shift.models import ordinal_kernels as k

    pooled = np.sum(counts, axis=0)
    pooled = pooled[pooled > 0]
    cuts = np.asarray(thresholds)
    treated, control = (
        np.log(np.diff(expit(cuts + shift), prepend=0.0, append=1.0)) for shift in (log_odds_ratio, 0.0)
    )
    ours = _given_margins(pooled, treated - control, sum(counts[0]), draws, np.random.default_rng(seed))
    found, _ = k.fit_tables(np.stack([ours, pooled - ours], axis=1).astype(float), 1.0, 0)
    drawn = 2.0 * (found[:, k.LOGLIK_SATURATED] - found[:, k.LOGLIK])
    p = (1.0 + float((drawn >= statistic - 1e-9).sum())) / (draws + 1.0)
    return p, float(np.sqrt(p * (1.0 - p) / draws))


def _given_margins(
    sizes: NDArray[np.int64], log_weights: Array, n: int, draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw how many of the patients at each grade are treated, n of them in all."""
    from scipy.special import gammaln

    ways: list[Array] = []
    for size, weight in zip(sizes.tolist(), log_weights.tolist(), strict=True):
        taken = np.arange(size + 1)
        logs = taken * weight - gammaln(taken + 1.0) - gammaln(size - taken + 1.0)
        ways.append(np.exp(logs - logs.max()))
    # rest[k][r]: weight of dealing r treated patients to the grades from k on
    rest = [np.ones(1)]
    for way in reversed(ways):
        sums = np.convolve(way, rest[0])
        rest.insert(0, sums / sums.max())
    left = np.full(draws, n)
    dealt = np.empty((draws, sizes.size), dtype=np.int64)
    for grade, way in enumerate(ways):
        remain = left[:, None] - np.arange(way.size)
        after = rest[grade + 1]
        possible = (remain >= 0) & (remain < after.size)
        steps = np.cumsum(np.where(possible, way * after[np.where(possible, remain, 0)], 0.0), axis=1)
        dealt[:, grade] = (rng.random(draws)[:, None] * steps[:, -1:] >= steps).sum(axis=1)
        left -= dealt[:, grade]
    return dealt

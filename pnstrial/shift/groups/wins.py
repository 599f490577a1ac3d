"""How often does a treated patient end with a better grade than a control patient?

Input: grades of the patients of two groups, or counts by grade.
Output: `GeneralizedOddsRatio`, `WinStatistics`.
Protocol section: endpoint.
Method: all pairs of one treated and one control patient; variances of U-statistics (first-order influence).
Next: `shift.groups.prioritised`, `shift.groups.number_needed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.shift.grades import (
    WORST,
    TwoGroups,
    groups_of,
    trial_counts,
)
from pnstrial.shift.groups.permutation import permute
from pnstrial.shift.triples import OfTwoGroups, WinTriples

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "GeneralizedOddsRatio",
    "Pairs",
    "WinStatistics",
    "generalized_odds_ratio",
    "win_statistics",
    "win_statistics_batch",
    "win_triples",
]

Triple = tuple[float, float, float]
Pair = tuple[float, float]


def win_influence(counts: Array) -> Any:
    """Give shares of wins and losses over all pairs, and each grade's share of pairs won and lost.

    `counts` has the shape (..., 2, K). The win share of a treated grade is the part of control patients with
    a worse grade, and so on; their means are the overall shares.
    """
    n = counts.sum(axis=-1, keepdims=True)
    shares = counts / n
    at_or_below = np.cumsum(shares, axis=-1)
    below = at_or_below - shares
    above = 1.0 - at_or_below
    # rounding in the cumulative sum must not turn an empty tail into a win
    above = np.where(np.cumsum(counts, axis=-1) >= n, 0.0, above)
    won = np.stack([above[..., 1, :], below[..., 0, :]], axis=-2)  # by grade, seen from the treated side
    lost = np.stack([below[..., 1, :], above[..., 0, :]], axis=-2)
    win = (shares[..., 0, :] * won[..., 0, :]).sum(axis=-1)
    loss = (shares[..., 0, :] * lost[..., 0, :]).sum(axis=-1)
    return shares, n[..., 0], won, lost, win, loss


def influence_variance(shares: Array, n: Array, values: Array) -> Any:
    """Sum over the two groups of the variance of `values` divided by the group's size."""
    mean = (shares * values).sum(axis=-1, keepdims=True)
    return ((shares * (values - mean) ** 2).sum(axis=-1) / n).sum(axis=-1)


def _log_odds_interval(log_odds: float, se: float, z: float) -> Pair:
    return float(np.exp(log_odds - z * se)), float(np.exp(log_odds + z * se))


@dataclass(frozen=True)
class GeneralizedOddsRatio(OfTwoGroups):
    """Odds that a treated patient has the better grade of a random pair.

    Attributes
    ----------
    odds_ratio : float or NotEstimable
        Share of pairs won over share lost; infinite or 0 where the groups are separated; not estimable with
        ``ties="drop"`` where every pair is tied.
    ci : tuple of float or NotEstimable
        Interval on the log scale; one-sided where the groups are separated.
    p_value : float or NotEstimable
        Wald test of log odds 0; where the groups are separated, the exact permutation test.
    nnt : float
        Number needed to treat, 1 / (share won - share lost); negative is harm, infinite is no difference.
    std_error : float or NotEstimable
        Standard error of the log odds.
    ties : str
        "split" (half to each side) or "drop".
    n_treated, n_control : int
        Patients.
    level : float
        Level of the interval.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What above 1 means.
    estimate, n : float, int
        The same as `odds_ratio`, and all patients.
    """

    odds_ratio: float | NotEstimable
    ci: Pair | NotEstimable
    p_value: float | NotEstimable
    nnt: float | NotEstimable
    std_error: float | NotEstimable
    ties: str
    n_treated: int
    n_control: int
    level: float
    groups: tuple[str, str]
    direction: str
    method: str = "generalised odds ratio (Agresti), U-statistic variance"

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio."""
        return self.odds_ratio


def generalized_odds_ratio(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST, ties: str = "split", level: float = 0.95,
    assume_no_effect: bool = False,
) -> GeneralizedOddsRatio:  # fmt: skip
    """Estimate the generalised odds ratio for a better grade.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts, highest
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.
    ties : {"split", "drop"}
        Give half of the tied pairs to each side, or leave them out.
    level : float, default 0.95
        Level of the interval.
    assume_no_effect : bool, default False
        Use the standard error under no effect (of the pooled grades) for interval and p-value.

    Returns
    -------
    GeneralizedOddsRatio

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Notes
    -----
    Agresti [1]_; equal to R's `genodds` (whose odds are for a higher grade). Needs no proportional odds.

    References
    ----------
    .. [1] Agresti A. Biometrics 1980;36:59-67, section 2.

    Examples
    --------
    >>> found = generalized_odds_ratio(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    >>> round(found.odds_ratio, 3), [round(limit, 3) for limit in found.ci], round(found.nnt, 2)
    (1.38, [1.126, 1.691], 6.27)
    """
    groups = groups_of(generalized_odds_ratio, locals())
    Checks("generalized_odds_ratio").word("ties", ties, ("split", "drop")).done()
    Checks("generalized_odds_ratio").level("level", level).done()
    z = normal_quantile(level)
    odds, ci, p_value, se, net = _odds(_pairs_of_counts(groups.counts, null=assume_no_effect), ties, z, level)
    return GeneralizedOddsRatio(
        odds_ratio=odds,
        ci=ci,
        p_value=p_value,
        nnt=net if isinstance(net, NotEstimable) else (1.0 / net if net else np.inf),
        std_error=se,
        ties=ties,
        n_treated=groups.n_treated,
        n_control=groups.n_control,
        level=level,
        groups=groups.names,
        direction=f"odds of a better grade, a patient of {groups.names[0]} against one of {groups.names[1]}",
    )


class Pairs(NamedTuple):
    """What all pairs of a treated and a control patient say."""

    win: float
    loss: float
    spread: float
    """Standard deviation of half the net benefit."""
    log_spread: float
    """Standard error of the log win ratio; 0 where no pair is won or none lost."""
    middle: float
    """Win share, ties split, at which `spread` was taken."""
    smaller: int
    """Patients of the smaller group."""
    permutation: Callable[[], float]
    """Two-sided p-value of the exact permutation test, where the groups are separated."""


def _pairs_of_counts(counts: Array, *, null: bool = False) -> Pairs:
    """Summarise the pairs of two rows of counts; `null` takes the spread of the pooled grades."""
    n = counts.sum(axis=1)
    shares, _, won, lost, win, loss = win_influence(counts)
    win_se, loss_se = win, loss
    if null:
        pooled = np.broadcast_to(counts.sum(axis=0), counts.shape)
        shares, _, won, lost, win_se, loss_se = win_influence(pooled)
    both = win_se > 0 and loss_se > 0
    return Pairs(
        win=float(win),
        loss=float(loss),
        spread=float(np.sqrt(influence_variance(shares, n, 0.5 * (won - lost)))),
        log_spread=float(np.sqrt(influence_variance(shares, n, won / win_se - lost / loss_se)))
        if both
        else 0.0,
        middle=float(0.5 + 0.5 * (win_se - loss_se)),
        smaller=int(n.min()),
        permutation=lambda: permute(counts.astype(np.int64)).p_value,
    )


def _odds(pairs: Pairs, ties: str, z: float, level: float) -> Any:
    """Give odds, interval, p-value, standard error and net benefit."""
    net = pairs.win - pairs.loss
    if ties == "split":
        up, down = 0.5 + 0.5 * net, 0.5 - 0.5 * net
        scale = pairs.middle * (1.0 - pairs.middle)
        se = pairs.spread / scale if scale > 1e-300 else 0.0
    else:
        up, down, se = pairs.win, pairs.loss, pairs.log_spread
        if up + down <= 0.0:
            tied = NotEstimable("every pair is tied")
            return tied, tied, tied, tied, tied
        net /= up + down
    if up <= 1e-15 or down <= 1e-15:
        return _separated_odds(pairs, z, level, better=up > down, net=net, ties=ties)
    if se == 0.0:
        none = NotEstimable("every patient has the same grade, so the odds have no spread")
        return 1.0, none, 1.0, none, net
    log_odds = float(np.log(up / down))
    return up / down, _log_odds_interval(log_odds, se, z), two_sided_p(log_odds / se), se, net


def _separated_odds(pairs: Pairs, z: float, level: float, *, better: bool, net: float, ties: str) -> Any:
    """Answer where no pair is lost (or won): infinite or zero odds, a one-sided interval, the exact test."""
    from pnstrial.design.counts.proportion import clopper_pearson

    none = NotEstimable("the groups are separated, so the odds have no finite standard error")
    p = pairs.permutation()
    if ties == "drop" and pairs.win + pairs.loss < 1.0 - 1e-12:
        # Without the ties the odds lie further from 1 than with them: a limit beyond 1 carries over.
        split = _odds(pairs, "split", z, level)[1]
        ci = (
            (split[0] if split[0] >= 1.0 else 0.0, np.inf)
            if better
            else (0.0, split[1] if split[1] <= 1.0 else np.inf)
        )
    else:
        # Any pairing of the smaller group's patients with others gives independent pairs, all won: the exact
        # limit of a binomial count of m out of m.
        bound = float(clopper_pearson(pairs.smaller, pairs.smaller, level)[0])
        low = bound / (1.0 - bound)
        ci = (low, np.inf) if better else (0.0, 1.0 / low)
    return (np.inf if better else 0.0), ci, p, none, net


def win_triples(pairs: Pairs, z: float, level: float) -> dict[str, Any]:
    """Give win ratio, win odds and net benefit with their intervals and p-values.

    Parameters
    ----------
    pairs : Pairs
    z, level : float
        Normal quantile and level of the intervals.

    Returns
    -------
    dict
        ``win_ratio``, ``win_odds``, ``net_benefit`` (estimate, lower, upper), ``p_value``, ``p_value_win_ratio``.
    """
    odds, odds_ci, p_value, _, net = _odds(pairs, "split", z, level)
    ratio, ratio_ci, ratio_p, _, _ = _odds(pairs, "drop", z, level)
    none = isinstance(odds_ci, NotEstimable)
    return {
        "win_ratio": ratio_ci if isinstance(ratio_ci, NotEstimable) else (ratio, *ratio_ci),
        "win_odds": odds_ci if none else (odds, *odds_ci),
        "net_benefit": odds_ci if none else (net, *(_net_of(limit) for limit in odds_ci)),
        "p_value": p_value,
        "p_value_win_ratio": ratio_p,
    }


@dataclass(frozen=True)
class WinStatistics(WinTriples, OfTwoGroups):
    """Win ratio, win odds and net benefit of treated against control.

    Attributes
    ----------
    win_ratio, win_odds, net_benefit : tuple of float, or NotEstimable
        Estimate, lower, upper. Intervals are on the log scale (win ratio and odds); that of the net benefit
        is the one of the win odds carried over, so it stays inside [-1, 1]. Where the groups are separated
        they are one-sided; not estimable where they have no meaning (every pair tied).
    wins, losses, ties : int
        Pairs.
    p_value : float
        Wald test of the log win odds; where the groups are separated, the exact permutation test.
    p_value_win_ratio : float or NotEstimable
        Wald test of the log win ratio.
    n_treated, n_control : int
        Patients.
    level : float
        Level of the intervals.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What above 1 means.
    estimate, ci, n : float, tuple of float, int
        The primary ones, the win odds and their interval, and all patients.
    """

    win_ratio: Triple | NotEstimable
    win_odds: Triple | NotEstimable
    net_benefit: Triple | NotEstimable
    wins: int
    losses: int
    ties: int
    p_value: float
    p_value_win_ratio: float | NotEstimable
    n_treated: int
    n_control: int
    level: float
    groups: tuple[str, str]
    direction: str
    method: str = "all pairs, U-statistic variance, log scale"


def win_statistics(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, highest: int = WORST, level: float = 0.95,
) -> WinStatistics:  # fmt: skip
    """Compare all pairs of a treated and a control patient.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts, highest
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    WinStatistics

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Notes
    -----
    Win ratio: wins / losses. Win odds: (wins + ties / 2) / (losses + ties / 2). Net benefit: (wins - losses) /
    pairs [1]_. Variances are those of U-statistics, as in R's `BuyseTest` and `hce`; the interval of the net
    benefit is computed on the scale of the log win odds (twice its inverse hyperbolic tangent), where `hce`
    and `WINS` let it leave [-1, 1].

    References
    ----------
    .. [1] Buyse M. Stat Med 2010;29:3245-3257.

    Examples
    --------
    >>> found = win_statistics(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    >>> found.wins, found.losses, found.ties
    (30346, 20418, 11447)
    >>> [round(value, 3) for value in found.net_benefit]
    [0.16, 0.059, 0.257]
    """
    groups = groups_of(win_statistics, locals())
    table = groups.counts
    Checks("win_statistics").level("level", level).done()
    z = normal_quantile(level)
    below = np.cumsum(table, axis=1) - table
    losses = int((table[0] * below[1]).sum())
    wins = int((table[1] * below[0]).sum())
    return WinStatistics(
        **win_triples(_pairs_of_counts(table), z, level),
        wins=wins,
        losses=losses,
        ties=groups.n_treated * groups.n_control - wins - losses,
        n_treated=groups.n_treated,
        n_control=groups.n_control,
        level=level,
        groups=groups.names,
        direction=_direction(groups),
    )


def _direction(groups: TwoGroups) -> str:
    return f"above 1 (net benefit above 0) favours {groups.names[0]} over {groups.names[1]}"


def _net_of(odds: float) -> float:
    return 1.0 if odds == np.inf else (odds - 1.0) / (odds + 1.0)


def win_statistics_batch(counts: ArrayLike) -> dict[str, Array]:
    """Give the win statistics of many trials.

    Parameters
    ----------
    counts : array-like of int
        Shape (R, 2, K): trials, treated before control, grades from best to worst.

    Returns
    -------
    dict of ndarray
        ``net_benefit``, ``log_win_odds``, ``std_error`` (of the log win odds) and ``p_value``, one value a
        trial. A trial in which one group wins every pair has infinite log win odds and standard error; its
        p-value is that of `permutation_test`.

    Raises
    ------
    ValueError
        As `common_odds_ratios`.

    Examples
    --------
    >>> found = win_statistics_batch([[[4, 6, 2], [2, 5, 6]]])
    >>> found["net_benefit"].round(4).tolist()
    [0.3462]
    """
    check_signature(win_statistics_batch, locals())
    from scipy.special import ndtr

    tables = trial_counts("win_statistics_batch", counts)
    shares, n, won, lost, win, loss = win_influence(tables)
    net = win - loss
    middle = 0.5 + 0.5 * net
    scale = middle * (1.0 - middle)
    finite = scale > 1e-15
    safe = np.where(finite, middle, 0.5)
    infinite = np.where(net > 0, np.inf, -np.inf)
    log_odds = np.where(finite, np.log(safe / (1.0 - safe)), infinite)
    deviation = np.sqrt(influence_variance(shares, n, 0.5 * (won - lost)))
    se = np.where(finite, deviation / np.where(finite, scale, 1.0), np.inf)
    usable = finite & (se > 0)
    ratio = np.divide(log_odds, se, out=np.zeros_like(se), where=usable)
    p_value = 2.0 * ndtr(-np.abs(ratio))
    for trial in np.flatnonzero(~finite):
        p_value[trial] = permute(tables[trial].astype(np.int64)).p_value
    return {
        "net_benefit": net,
        "log_win_odds": log_odds,
        "std_error": se,
        "p_value": p_value,
    }

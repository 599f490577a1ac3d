"""How often does a treated patient end with a better grade than a control patient?

Input: counts by grade of two groups, or several outcomes per patient in order of priority.
Output: `GeneralizedOddsRatio`, `WinStatistics`, `PrioritisedComparison`, `PermutationTest`.
Protocol section: endpoint.
Method: all pairs of one treated and one control patient; variances of U-statistics (first-order influence).
Next: `shift.number_needed`, `shift.planning`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.results import NotEstimable, Result
from pnstrial.shift.grades import check_choice, check_share, group_counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "GeneralizedOddsRatio",
    "PermutationTest",
    "PrioritisedComparison",
    "WinStatistics",
    "generalized_odds_ratio",
    "permutation_test",
    "prioritised_comparison",
    "win_statistics",
    "win_statistics_batch",
]

Triple = tuple[float, float, float]
Pair = tuple[float, float]


def _influence(counts: Array) -> Any:
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


def _variance(shares: Array, n: Array, values: Array) -> Any:
    """Sum over the two groups of the variance of `values` divided by the group's size."""
    mean = (shares * values).sum(axis=-1, keepdims=True)
    return ((shares * (values - mean) ** 2).sum(axis=-1) / n).sum(axis=-1)


def _log_odds_interval(log_odds: float, se: float, z: float) -> Pair:
    return float(np.exp(log_odds - z * se)), float(np.exp(log_odds + z * se))


def _separated_limit(counts: Array, level: float) -> float:
    """Bound the win share of fully separated groups from below.

    Any pairing of the patients of the smaller group with others gives independent pairs, all won: the exact
    limit of a binomial count of m out of m.
    """
    from pnstrial.design.counts.proportion import clopper_pearson

    smaller = int(counts.sum(axis=1).min())
    return float(clopper_pearson(smaller, smaller, level)[0])


@dataclass(frozen=True)
class GeneralizedOddsRatio(Result):
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
    direction: str = "odds of a better grade, a treated against a control patient"
    method: str = "generalised odds ratio (Agresti), U-statistic variance"


def generalized_odds_ratio(
    treated: ArrayLike,
    control: ArrayLike,
    ties: str = "split",
    level: float = 0.95,
    *,
    assume_no_effect: bool = False,
) -> GeneralizedOddsRatio:
    """Estimate the generalised odds ratio for a better grade.

    Parameters
    ----------
    treated, control : array-like of int
        Patients at each grade, best grade first.
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
    ValueError
        If a count is missing, negative or no whole number, the lengths differ, a group is empty or a word is
        unknown.

    Notes
    -----
    Agresti [1]_; equal to R's `genodds` (whose odds are for a higher grade). Needs no proportional odds.

    References
    ----------
    .. [1] Agresti A. Biometrics 1980;36:59-67, section 2.

    Examples
    --------
    >>> found = generalized_odds_ratio([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59])
    >>> round(found.odds_ratio, 3), [round(limit, 3) for limit in found.ci], round(found.nnt, 2)
    (1.38, [1.126, 1.691], 6.27)
    """
    counts = group_counts("generalized_odds_ratio", treated, control)
    check_choice("generalized_odds_ratio", "ties", ties, ("split", "drop"))
    z = normal_quantile(check_share("generalized_odds_ratio", "level", level))
    odds, ci, p_value, se, net = _odds(counts, ties, z, level, assume_no_effect)
    return GeneralizedOddsRatio(
        odds_ratio=odds,
        ci=ci,
        p_value=p_value,
        nnt=net if isinstance(net, NotEstimable) else (1.0 / net if net else np.inf),
        std_error=se,
        ties=ties,
        n_treated=int(counts[0].sum()),
        n_control=int(counts[1].sum()),
        level=level,
    )


def _odds(counts: Array, ties: str, z: float, level: float, null_se: bool) -> Any:
    """Give odds, interval, p-value, standard error and net benefit of one table."""
    if null_se:
        pooled = np.broadcast_to(counts.sum(axis=0), counts.shape)
        shares, _, won, lost, win_se, loss_se = _influence(pooled)
        n = counts.sum(axis=1)
        _, _, _, _, win, loss = _influence(counts)
    else:
        shares, n, won, lost, win, loss = _influence(counts)
        win_se, loss_se = win, loss
    net = win - loss
    if ties == "split":
        up, down = 0.5 + 0.5 * net, 0.5 - 0.5 * net
        middle = 0.5 + 0.5 * (win_se - loss_se)
        values = 0.5 * (won - lost)
        scale = middle * (1.0 - middle)
        se = float(np.sqrt(_variance(shares, n, values)) / scale) if scale > 1e-300 else 0.0
    else:
        if win + loss <= 0.0:
            tied = NotEstimable("every pair is tied")
            return tied, tied, tied, tied, tied
        up, down = win, loss
        net = (win - loss) / (win + loss)
        safe = win_se > 0 and loss_se > 0
        se = float(np.sqrt(_variance(shares, n, won / win_se - lost / loss_se))) if safe else 0.0
    if up <= 1e-15 or down <= 1e-15:
        return _separated_odds(counts, level, better=bool(up > down), net=float(net), ties=ties)
    log_odds = float(np.log(up / down))
    p = two_sided_p(log_odds / se) if se > 0 else (1.0 if abs(log_odds) < 1e-15 else 0.0)
    ci = _log_odds_interval(log_odds, se, z)
    if se == 0.0:
        none = NotEstimable("every patient has the same grade, so the odds have no spread")
        return 1.0, none, 1.0, none, float(net)
    return float(up / down), ci, p, se, float(net)


def _separated_odds(counts: Array, level: float, *, better: bool, net: float, ties: str) -> Any:
    """Answer where no pair is lost (or won): infinite or zero odds, a one-sided interval, the exact test."""
    none = NotEstimable("the groups are separated, so the odds have no finite standard error")
    p = permutation_test(counts[0], counts[1]).p_value
    if ties == "drop" and not _complete(counts):
        # Without the ties the odds lie further from 1 than with them: a limit beyond 1 carries over.
        split = _odds(counts, "split", normal_quantile(level), level, null_se=False)[1]
        ci = (
            (split[0] if split[0] >= 1.0 else 0.0, np.inf)
            if better
            else (0.0, split[1] if split[1] <= 1.0 else np.inf)
        )
    else:
        bound = _separated_limit(counts, level)
        low = bound / (1.0 - bound)
        ci = (low, np.inf) if better else (0.0, 1.0 / low)
    return (np.inf if better else 0.0), ci, p, none, net


def _complete(counts: Array) -> bool:
    return not bool((counts[0] * counts[1]).any())


@dataclass(frozen=True)
class WinStatistics(Result):
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
    direction: str = "above 1 (net benefit above 0) favours treated: the lower grade wins"
    method: str = "all pairs, U-statistic variance, log scale"


def win_statistics(treated: ArrayLike, control: ArrayLike, level: float = 0.95) -> WinStatistics:
    """Compare all pairs of a treated and a control patient.

    Parameters
    ----------
    treated, control : array-like of int
        Patients at each grade, best grade first.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    WinStatistics

    Raises
    ------
    ValueError
        If a count is missing, negative or no whole number, the lengths differ or a group is empty.

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
    >>> found = win_statistics([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59])
    >>> found.wins, found.losses, found.ties
    (30346, 20418, 11447)
    >>> [round(value, 3) for value in found.net_benefit]
    [0.16, 0.059, 0.257]
    """
    counts = group_counts("win_statistics", treated, control)
    z = normal_quantile(check_share("win_statistics", "level", level))
    below = np.cumsum(counts, axis=1) - counts
    losses = int((counts[0] * below[1]).sum())
    wins = int((counts[1] * below[0]).sum())
    pairs = int(counts[0].sum() * counts[1].sum())
    odds, odds_ci, p_value, _, net = _odds(counts, "split", z, level, null_se=False)
    ratio, ratio_ci, ratio_p, _, _ = _odds(counts, "drop", z, level, null_se=False)
    odds_triple: Triple | NotEstimable = odds_ci
    net_triple: Triple | NotEstimable = odds_ci
    if not isinstance(odds_ci, NotEstimable):
        odds_triple = (odds, *odds_ci)
        net_triple = (net, _net_of(odds_ci[0]), _net_of(odds_ci[1]))
    return WinStatistics(
        win_ratio=ratio_ci if isinstance(ratio_ci, NotEstimable) else (ratio, *ratio_ci),
        win_odds=odds_triple,
        net_benefit=net_triple,
        wins=wins,
        losses=losses,
        ties=pairs - wins - losses,
        p_value=p_value,
        p_value_win_ratio=ratio_p,
        n_treated=int(counts[0].sum()),
        n_control=int(counts[1].sum()),
        level=level,
    )


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
        trial. A separated trial has infinite log win odds and standard error, and p-value 0 or 1 has no
        normal approximation: it is given as 1; use `permutation_test` there.

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
    from scipy.special import ndtr

    from pnstrial.shift.grades import trial_counts

    tables = trial_counts("win_statistics_batch", counts)
    shares, n, won, lost, win, loss = _influence(tables)
    net = win - loss
    middle = 0.5 + 0.5 * net
    scale = middle * (1.0 - middle)
    finite = scale > 1e-15
    safe = np.where(finite, middle, 0.5)
    infinite = np.where(net > 0, np.inf, -np.inf)
    log_odds = np.where(finite, np.log(safe / (1.0 - safe)), infinite)
    deviation = np.sqrt(_variance(shares, n, 0.5 * (won - lost)))
    se = np.where(finite, deviation / np.where(finite, scale, 1.0), np.inf)
    usable = finite & (se > 0)
    ratio = np.divide(log_odds, se, out=np.zeros_like(se), where=usable)
    return {
        "net_benefit": net,
        "log_win_odds": log_odds,
        "std_error": se,
        "p_value": 2.0 * ndtr(-np.abs(ratio)),
    }


@dataclass(frozen=True)
class PrioritisedComparison(Result):
    """Pairs compared outcome by outcome, in order of priority.

    Attributes
    ----------
    win_ratio, win_odds, net_benefit : tuple of float or NotEstimable
        Estimate, lower, upper, over all outcomes.
    p_value : float or NotEstimable
        Wald test of the log win odds.
    outcomes : tuple of str
        Outcomes in order of priority.
    wins, losses, ties : tuple of int
        Pairs decided, and left tied, at each outcome.
    n_treated, n_control : int
        Patients.
    level : float
        Level of the intervals.
    """

    win_ratio: Triple | NotEstimable
    win_odds: Triple | NotEstimable
    net_benefit: Triple | NotEstimable
    p_value: float | NotEstimable
    outcomes: tuple[str, ...]
    wins: tuple[int, ...]
    losses: tuple[int, ...]
    ties: tuple[int, ...]
    n_treated: int
    n_control: int
    level: float
    direction: str = "above 1 (net benefit above 0) favours treated: the lower value wins"
    method: str = "generalised pairwise comparisons (Buyse), U-statistic variance"

    def contributions(self) -> pd.DataFrame:
        """Return what each outcome adds to the net benefit.

        Returns
        -------
        pandas.DataFrame
            Columns outcome, wins, losses, ties, net_benefit.
        """
        import pandas as pd

        pairs = self.n_treated * self.n_control
        wins, losses = np.array(self.wins), np.array(self.losses)
        return pd.DataFrame({
            "outcome": self.outcomes, "wins": wins, "losses": losses, "ties": self.ties,
            "net_benefit": (wins - losses) / pairs,
        })  # fmt: skip


def prioritised_comparison(
    treated: Mapping[str, ArrayLike],
    control: Mapping[str, ArrayLike],
    outcomes: Sequence[str],
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> PrioritisedComparison:
    """Compare all pairs by the first outcome that tells them apart: death, then mRS, then ...

    Parameters
    ----------
    treated, control : mapping of str to array-like of float
        One array per outcome, one value per patient; the lower value is the better one (death as 0 and 1).
    outcomes : sequence of str
        Outcomes in order of priority.
    thresholds : mapping of str to float, optional
        By how much two values must differ to tell a pair apart; any difference where not given.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    PrioritisedComparison

    Raises
    ------
    ValueError
        If an outcome is absent from a group, a value is missing, or the lengths differ.

    Notes
    -----
    Equal to R's `BuyseTest` with u-statistic inference; the interval of the net benefit is that of the win
    odds carried over.

    Examples
    --------
    >>> treated = {"death": [0, 0, 1], "mrs": [2, 3, 6]}
    >>> control = {"death": [0, 1, 1], "mrs": [4, 6, 6]}
    >>> found = prioritised_comparison(treated, control, ["death", "mrs"])
    >>> found.wins, found.losses, round(found.net_benefit[0], 4)
    ((4, 2), (1, 0), 0.5556)
    """
    caller = "prioritised_comparison"
    z = normal_quantile(check_share(caller, "level", level))
    if not outcomes:
        raise ValueError(f"{caller}: outcomes is empty; name at least one")
    ours, theirs = (
        _outcome_columns(caller, "treated", treated, outcomes),
        _outcome_columns(caller, "control", control, outcomes),
    )
    gaps = dict(thresholds or {})
    unknown = sorted(set(gaps) - set(outcomes))
    if unknown:
        raise ValueError(
            f"{caller}: thresholds names {', '.join(unknown)}, not among outcomes {list(outcomes)}"
        )
    shape = (ours.shape[1], theirs.shape[1])
    result = np.zeros(shape)
    open_pairs = np.ones(shape, dtype=bool)
    wins: list[int] = []
    losses: list[int] = []
    ties: list[int] = []
    for name, a, b in zip(outcomes, ours, theirs, strict=True):
        gap = gaps.get(name, 0.0)
        difference = b[None, :] - a[:, None]
        won = open_pairs & (difference >= gap) & (difference > 0)
        lost = open_pairs & (-difference >= gap) & (difference < 0)
        result += won.astype(float) - lost
        open_pairs &= ~(won | lost)
        wins.append(int(won.sum()))
        losses.append(int(lost.sum()))
        ties.append(int(open_pairs.sum()))
    ratio, odds, net, p_value = _pair_matrix(result, z)
    return PrioritisedComparison(
        win_ratio=ratio, win_odds=odds, net_benefit=net, p_value=p_value, outcomes=tuple(outcomes),
        wins=tuple(wins), losses=tuple(losses), ties=tuple(ties), n_treated=shape[0], n_control=shape[1],
        level=level,
    )  # fmt: skip


def _outcome_columns(
    caller: str, name: str, group: Mapping[str, ArrayLike], outcomes: Sequence[str]
) -> Array:
    absent = [outcome for outcome in outcomes if outcome not in group]
    if absent:
        raise ValueError(f"{caller}: {name} has no values for {', '.join(absent)}")
    columns = [np.asarray(group[outcome], dtype=float) for outcome in outcomes]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1 or not columns[0].size:
        sizes = {outcome: column.size for outcome, column in zip(outcomes, columns, strict=True)}
        raise ValueError(f"{caller}: {name} needs one value per patient and outcome; it has {sizes}")
    stacked = np.stack(columns)
    missing = [f"{name}[{outcomes[o]!r}][{i}]" for o, i in np.argwhere(~np.isfinite(stacked))[:5]]
    if missing:
        raise ValueError(f"{caller}: {', '.join(missing)} has no value; leave the patient out or impute")
    return stacked


def _pair_matrix(result: Array, z: float) -> Any:
    """Give win ratio, win odds, net benefit and p-value from the matrix of pair results (1, 0, -1)."""
    rows, columns = result.shape
    won, lost = result > 0, result < 0
    win, loss = float(won.mean()), float(lost.mean())

    def deviation(values: Array) -> float:
        centred = values - values.mean()
        by_row, by_column = centred.mean(axis=1), centred.mean(axis=0)
        return float(np.sqrt((by_row**2).mean() / rows + (by_column**2).mean() / columns))

    net = win - loss
    if win == 0.0 or loss == 0.0:
        none = NotEstimable(
            "no pair is lost" if win else ("no pair is won" if loss else "every pair is tied")
        )
        return none, none, none, none
    middle = 0.5 + 0.5 * net
    se = deviation(0.5 * result) / (middle * (1.0 - middle))
    log_odds = float(np.log(middle / (1.0 - middle)))
    odds = _log_odds_interval(log_odds, se, z)
    se_ratio = deviation(won / win - lost / loss)
    ratio = _log_odds_interval(float(np.log(win / loss)), se_ratio, z)
    p_value = two_sided_p(log_odds / se) if se > 0 else 1.0
    return (
        (win / loss, *ratio),
        (float(np.exp(log_odds)), *odds),
        (net, *(_net_of(limit) for limit in odds)),
        p_value,
    )


@dataclass(frozen=True)
class PermutationTest(Result):
    """Permutation test of no shift between two groups, on the rank sum.

    Attributes
    ----------
    p_value, p_value_better : float
        Two-sided, and one-sided for a better grade in the treated group.
    p_value_normal : float
        Two-sided by the normal approximation with the tie correction.
    exact : bool
        Whether every allocation was counted; else sampled.
    n_draws : int
        Sampled allocations; 0 if exact.
    monte_carlo_error : float
        Standard error of a sampled `p_value`; 0 if exact.
    n_treated, n_control : int
        Patients.
    """

    p_value: float
    p_value_better: float
    p_value_normal: float
    exact: bool
    n_draws: int
    monte_carlo_error: float
    n_treated: int
    n_control: int
    direction: str = "one-sided: a better (lower) grade in the treated group"
    method: str = "Wilcoxon-Mann-Whitney rank sum, permutation distribution"


def permutation_test(
    treated: ArrayLike, control: ArrayLike, *, draws: int = 100_000, seed: int = 0, largest: int = 250
) -> PermutationTest:
    """Test by permutation whether two groups' grades differ.

    Parameters
    ----------
    treated, control : array-like of int
        Patients at each grade, best grade first.
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
    ValueError
        If a count is missing, negative or no whole number, the lengths differ or a group is empty.

    Notes
    -----
    Two-sided as in `coin::wilcox_test(distribution = "exact")`: P(|T - E| >= |t - E|).

    Examples
    --------
    >>> round(permutation_test([1, 3, 4, 4, 3, 1, 1], [0, 1, 2, 4, 5, 3, 2]).p_value, 6)
    0.046362
    """
    counts = group_counts("permutation_test", treated, control).astype(np.int64)
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

        lower, _, both = rank_sum_tails(counts[0], counts[1]).tolist()
        drawn, error = 0, 0.0
    else:
        if draws < 1:
            raise ValueError(f"permutation_test: draws = {draws!r} must be 1 or more")
        sample = np.random.default_rng(seed).multivariate_hypergeometric(pooled, int(sizes[0]), size=draws)
        sums = sample @ twice_rank
        # the observed allocation is one of them (Phipson and Smyth, 2010)
        lower = (1.0 + (sums <= observed).sum()) / (draws + 1.0)
        both = (1.0 + (np.abs(sums - centre) >= abs(observed - centre)).sum()) / (draws + 1.0)
        drawn, error = draws, float(np.sqrt(both * (1.0 - both) / draws))
    return PermutationTest(
        p_value=float(min(both, 1.0)), p_value_better=float(min(lower, 1.0)), p_value_normal=normal,
        exact=drawn == 0, n_draws=drawn, monte_carlo_error=error, n_treated=int(sizes[0]),
        n_control=int(sizes[1]),
    )  # fmt: skip

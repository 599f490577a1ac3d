"""Do two or more groups differ in their time to the event?

Input: follow-up times, event indicators and group labels; strata and delayed entry where there are any.
Output: `LogRank`; arrays of statistics for batches of trials.
Protocol section: secondary endpoints (improvers against others from a landmark on).
Method: log-rank with hypergeometric variance (Mantel 1966), weighted (Gehan, Tarone-Ware, Peto-Peto,
Fleming-Harrington, modestly weighted, max-combo), stratified, and exact by permutation.
Next: `one_sample`, `cox`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import as_number
from pnstrial.numerics.normal import chi_square_p, two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Result
from pnstrial.survival.curves.curve_kernels import logrank_packed, pack_two_groups
from pnstrial.survival.curves.kaplan_meier import packed_times
from pnstrial.survival.observations import (
    as_numbers,
    check_unit,
    codes_of,
    columns,
    event_matrix,
    events_of,
    follow_up,
    matrix_of,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


__all__ = ["LogRank", "joint_tail", "logrank", "logrank_batch"]

NAMES = ("logrank", "gehan", "tarone-ware", "peto-peto", "modified-peto-peto", "max-combo")
MAX_COMBO = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
EXACT_LIMIT = 44
TIED_SUMS = 1e-9


@dataclass(frozen=True, eq=False)
class LogRank(Result):
    """Result of a log-rank test.

    Parameters
    ----------
    statistic : float or NotEstimable
        Chi-square; 0 where nothing can differ (as survdiff of R); NotEstimable where a weighting leaves no
        variance; for max-combo the largest standardised difference.
    df : int
        Degrees of freedom.
    p_value : float or NotEstimable
        Two-sided; exact where `exact` was asked for. For max-combo one-sided, for longer survival of the second
        group, as the test is defined; `p_value_two_sided` stands beside it.
    observed, expected : numpy.ndarray, shape (groups,)
        (Weighted) events observed and expected in each group, in the order of `groups`.
    variance : numpy.ndarray, shape (groups, groups)
        Covariance of observed minus expected.
    groups : tuple
        Labels, sorted.
    n : tuple of int
        Patients in each group.
    z : float or NotEstimable or None
        Standardised observed minus expected of the second of two groups: positive = it has more events than
        expected. None for more than two groups; NotEstimable where the variance is 0.
    weights : str
        The weighting.
    method : str
        "chi-square", "exact permutation" or "multivariate normal".
    p_lower, p_upper, p_mid : float or None
        Exact one-sided p-values (second group has as few, as many, events or more extreme) and two-sided mid-p.
    p_value_two_sided : float or None
        Of max-combo only.
    records : tuple of numpy.ndarray
        Times, events and codes of the groups behind a plain test: no weights, strata or late entry; else empty.
    """

    statistic: float | NotEstimable
    df: int
    p_value: float | NotEstimable
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    variance: NDArray[np.float64]
    groups: tuple[Any, ...]
    n: tuple[int, ...]
    z: float | NotEstimable | None = None
    weights: str = "logrank"
    method: str = "chi-square"
    p_lower: float | None = None
    p_upper: float | None = None
    p_mid: float | None = None
    p_value_two_sided: float | None = None
    records: tuple[NDArray[np.float64], ...] = field(default=(), repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return observed and expected events, one row per group.

        Returns
        -------
        pandas.DataFrame
            Columns group, n, observed, expected.
        """
        import pandas as pd

        return pd.DataFrame(
            {"group": self.groups, "n": self.n, "observed": self.observed, "expected": self.expected}
        )


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    strata: ArrayLike | None = None,
    weights: str | tuple[Any, ...] = "logrank",
    exact: bool = False,
    entry: ArrayLike | None = None,
    *,
    data: Any = None,
    event_is: Any = None,
    unit: str | None = None,
) -> LogRank:
    """Test whether groups share one survival curve.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up times and event indicators (1 = event, 0 = censored).
    group : array_like, shape (n,)
        Labels of two or more groups.
    strata : array_like, shape (n,), optional
        Labels within which the groups are compared.
    weights : str or tuple
        "logrank", "gehan" (number at risk), "tarone-ware" (its root), "peto-peto", "modified-peto-peto",
        ("fleming-harrington", rho, gamma) with weight S(t-)^rho (1 - S(t-))^gamma, ("modestly-weighted", t) with
        weight 1 / max(S(u-), S just before the last event up to t), or "max-combo".
    exact : bool
        Permute the group labels (two groups, no strata, up to 44 patients) instead of the chi-square approximation.
    entry : array_like, shape (n,), optional
        Delayed entry.
    data : pandas.DataFrame or mapping, optional
        A table; then time, event, group, strata and entry may be names of its columns.
    event_is : label or list of labels, optional
        What the event is called, where `event` holds labels or R's codes 1 and 2.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit in which durations (Timedelta) are counted; the test itself depends on the order of times only.

    Returns
    -------
    LogRank

    Raises
    ------
    ValueError
        If there are not at least two groups, a weighting is unknown, exact is asked for where it is not offered, or
        a value is outside what is possible (names argument, position and value).

    Notes
    -----
    Observed minus expected with the hypergeometric variance, as ``survdiff`` of R: Kalbfleisch and Prentice 2002,
    eq. 1.22. With ("fleming-harrington", rho, 0) it is survdiff's rho. No events: statistic 0 and p-value 1, as in
    R. Max-combo takes Fleming-Harrington (0,0), (0,1), (1,0), (1,1) with their joint normal distribution (Lin et
    al, Stat Biopharm Res 2020;12:187); its integral is a fixed lattice, the same at each call, with an error below one
    in a thousand of the p-value.

    The exact test permutes the log-rank scores (event minus Nelson-Aalen), whose sum over a group is its observed
    minus expected; the two-sided p-value counts permutations at least as far from the mean.

    Examples
    --------
    >>> result = logrank([3, 5, 5, 8, 10, 12], [1, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1])
    >>> round(result.statistic, 4), round(result.p_value, 4)
    (0.0764, 0.7822)
    """
    check_signature(logrank, locals())
    if data is not None or not isinstance(time, np.ndarray | list):
        time, event, group, strata, entry = columns(
            data, time=time, event=event, group=group, strata=strata, entry=entry
        )
    if event_is is not None:
        event = events_of(event, event_is)
    if unit is not None:
        check_unit(unit)
        time = as_numbers(time, "time", unit)
    if strata is None and entry is None and isinstance(weights, str) and weights == "logrank" and not exact:
        quick = _two_groups(time, event, group)
        if quick is not None:
            return quick
    times, events, entries, _ = follow_up(time, event, entry, unit=unit)
    labels, codes = codes_of(group, times.size)
    if len(labels) < 2:
        raise ValueError(f"group needs at least two labels, got only {labels[0]!r}")
    blocks = [np.arange(times.size)]
    if strata is not None:
        _, block = codes_of(strata, times.size, "strata")
        blocks = [np.flatnonzero(block == k) for k in range(block.max() + 1)]
    tables = [
        _risk_table(
            times[rows], events[rows], entries[rows] if entries.size else entries, codes[rows], len(labels)
        )
        for rows in blocks
    ]
    sizes = tuple(int(size) for size in np.bincount(codes, minlength=len(labels)))
    if weights == "max-combo":
        return _max_combo(tables, labels, sizes, exact=exact)
    name, weigh = _weighting(weights)
    observed, expected, variance = _compared(tables, [weigh(table) for table in tables])
    result = _tested(observed, expected, variance, labels, sizes, name)
    plain = name == "logrank" and strata is None and entry is None
    result = replace(result, records=(times, events, codes.astype(np.float64)) if plain else ())
    if not exact:
        return result
    if len(labels) != 2 or strata is not None or entry is not None:
        raise ValueError("exact = True needs two groups, no strata and no entry; use exact=False")
    if times.size > EXACT_LIMIT:
        raise ValueError(
            f"exact = True is offered for up to {EXACT_LIMIT} patients, got {times.size}; the chi-square is then fine"
        )
    return _permuted(result, _scores(tables[0], weigh(tables[0]), times, events), codes)


def _two_groups(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> LogRank | None:
    """Run the plain two-group test in one compiled pass; None sends unusual input to the general path."""
    labels = np.asarray(group)
    if labels.ndim != 1 or labels.dtype.kind not in "biuf":
        return None
    times, events, _, _ = follow_up(time, event, check=False)
    if labels.size != times.size:
        raise ValueError(f"lengths differ: time has {times.size}, group has shape {labels.shape}")
    codes = labels.astype(np.float64, copy=False)
    packed, low, high, second = pack_two_groups.for_size(times.size)(
        np.ascontiguousarray(times), events, codes
    )
    if not second:
        return None
    packed.sort()
    out = np.empty((1, 4))
    logrank_packed.for_size(times.size)(packed.reshape(1, -1), out)
    o, e, v, total = out[0].tolist()
    statistic = (o - e) ** 2 / v if v > 0.0 else 0.0
    z: float | NotEstimable = (o - e) / math.sqrt(v) if v > 0.0 else _NO_VARIANCE
    kind = labels.dtype.type
    return LogRank(
        statistic,
        1,
        two_sided_p(math.sqrt(statistic)),
        np.array([total - o, o]),
        np.array([total - e, e]),
        np.array([[v, -v], [-v, v]]),
        (kind(low).item(), kind(high).item()),
        (times.size - second, second),
        z,
        records=(times, events, codes),
    )


_NO_VARIANCE = NotEstimable("no event happened while both groups were at risk")

_NO_WEIGHT = NotEstimable("the weighting gives every event the weight 0, or no event has both groups at risk")


@dataclass(frozen=True, eq=False)
class _RiskTable:
    """Counts at the distinct event times of one stratum: at risk and events, in each group (rows) and in all."""

    time: NDArray[np.float64]
    risk: NDArray[np.float64]
    dead: NDArray[np.float64]
    y: NDArray[np.float64]
    d: NDArray[np.float64]


def _risk_table(
    time: NDArray[np.float64],
    event: NDArray[np.float64],
    entry: NDArray[np.float64],
    codes: NDArray[np.int64],
    groups: int,
) -> _RiskTable:
    at = np.unique(time[event == 1.0])
    risk, dead = np.empty((groups, at.size)), np.empty((groups, at.size))
    for g in range(groups):
        mine = codes == g
        own = np.sort(time[mine])
        risk[g] = own.size - np.searchsorted(own, at, side="left")
        if entry.size:
            risk[g] -= own.size - np.searchsorted(np.sort(entry[mine]), at, side="left")
        ends = np.sort(time[mine & (event == 1.0)])
        dead[g] = np.searchsorted(ends, at, side="right") - np.searchsorted(ends, at, side="left")
    return _RiskTable(at, risk, dead, risk.sum(axis=0), dead.sum(axis=0))


def _before(curve: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Turn values at event times into values just before them."""
    return np.concatenate([[1.0], curve[:-1]]) if curve.size else curve


def _fleming_harrington(table: _RiskTable, rho: float, gamma: float) -> NDArray[np.float64]:
    s = _before(np.cumprod(1.0 - table.d / table.y))
    return s**rho * (1.0 - s) ** gamma


def _peto(table: _RiskTable) -> NDArray[np.floating[Any]]:
    return np.cumprod(1.0 - table.d / (table.y + 1.0))


def _modest(table: _RiskTable, delay: float) -> NDArray[np.float64]:
    s = _before(np.cumprod(1.0 - table.d / table.y))
    passed = np.flatnonzero(table.time <= delay)
    floor = s[passed[-1]] if passed.size else 1.0
    return 1.0 / np.maximum(s, floor)


def _weighting(weights: str | tuple[Any, ...]) -> tuple[str, Any]:
    """Resolve a weighting into its name and a function of the risk table."""
    simple = {
        "logrank": lambda table: np.ones(table.time.size),
        "gehan": lambda table: table.y,
        "tarone-ware": lambda table: np.sqrt(table.y),
        "peto-peto": _peto,
        "modified-peto-peto": lambda table: _peto(table) * table.y / (table.y + 1.0),
    }
    if isinstance(weights, str) and weights in simple:
        return weights, simple[weights]
    parts: tuple[Any, ...] = tuple(weights) if isinstance(weights, tuple | list) else ()
    if any(as_number(part) is None for part in parts[1:]):
        parts = ()
    if len(parts) == 3 and parts[0] == "fleming-harrington" and min(parts[1], parts[2]) >= 0:
        rho, gamma = float(parts[1]), float(parts[2])
        return f"fleming-harrington({rho:g}, {gamma:g})", lambda table: _fleming_harrington(table, rho, gamma)
    if len(parts) == 2 and parts[0] == "modestly-weighted" and parts[1] >= 0:
        delay = float(parts[1])
        return f"modestly-weighted({delay:g})", lambda table: _modest(table, delay)
    offered = ", ".join(map(repr, NAMES))
    raise ValueError(
        f"weights must be one of {offered}, ('fleming-harrington', rho, gamma) with both at least 0 or "
        f"('modestly-weighted', t); got {weights!r}"
    )


def _compared(
    tables: list[_RiskTable], weights: list[Any], others: list[Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weighted observed, expected and their covariance, summed over strata."""
    groups = tables[0].risk.shape[0]
    observed, expected = np.zeros(groups), np.zeros(groups)
    variance = np.zeros((groups, groups))
    for table, w, v in zip(tables, weights, weights if others is None else others, strict=True):
        share = table.risk / table.y
        observed += table.dead @ w
        expected += (table.d * share) @ w
        spread = np.where(table.y > 1, table.d * (table.y - table.d) / np.maximum(table.y - 1.0, 1.0), 0.0)
        load = w * v * spread
        variance += np.diag(share @ load) - (share * load) @ share.T
    return observed, expected, variance


def _tested(
    observed: NDArray[np.float64],
    expected: NDArray[np.float64],
    variance: NDArray[np.float64],
    labels: list[Any],
    sizes: tuple[int, ...],
    name: str,
) -> LogRank:
    exposed = np.flatnonzero(expected > 0.0)
    statistic, df = 0.0, len(labels) - 1
    if exposed.size >= 2:
        df = int(exposed.size) - 1
        kept = exposed[:-1]
        gap = (observed - expected)[kept]
        block = variance[np.ix_(kept, kept)]
        if np.any(np.abs(block) > 0.0):
            statistic = float(max(gap @ np.linalg.lstsq(block, gap, rcond=1e-12)[0], 0.0))
    z: float | NotEstimable | None = None
    if len(labels) == 2:
        v = float(variance[1, 1])
        z = float((observed[1] - expected[1]) / math.sqrt(v)) if v > 0.0 else _NO_VARIANCE
    if not np.any(np.abs(variance) > 0.0) and not _as_survdiff(name):
        return LogRank(
            _NO_WEIGHT, df, _NO_WEIGHT, observed, expected, variance, tuple(labels), sizes, z, name
        )
    p = chi_square_p(statistic, df)
    return LogRank(statistic, df, p, observed, expected, variance, tuple(labels), sizes, z, name)


def _as_survdiff(name: str) -> bool:
    return name == "logrank" or (name.startswith("fleming-harrington") and name.endswith(", 0)"))


def _scores(
    table: _RiskTable,
    weights: NDArray[np.float64],
    time: NDArray[np.float64],
    event: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weighted event minus weighted Nelson-Aalen of each patient; a group's sum is its observed minus expected."""
    hazard = np.concatenate([[0.0], np.cumsum(weights * table.d / table.y)])
    place = np.searchsorted(table.time, time, side="right")
    padded = np.concatenate([[0.0], weights])
    return event * padded[place] - hazard[place]


def _subset_sums(scores: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Sorted sums of all subsets, by size of the subset."""
    sums = [np.zeros(1)]
    for score in scores:
        levels = [np.concatenate([sums[0]])]
        for k in range(1, len(sums) + 1):
            taken = sums[k - 1] + score
            levels.append(np.concatenate([sums[k], taken]) if k < len(sums) else taken)
        sums = levels
    return [np.sort(part) for part in sums]


def _permuted(result: LogRank, scores: NDArray[np.float64], codes: NDArray[np.int64]) -> LogRank:
    """Exact permutation distribution of the second group's sum of scores, by meeting in the middle.

    Both halves of the patients list the sums of all their subsets; a sum of the whole is a pair of them, so tails
    are counted by searching one sorted list for each member of the other: 2^(n/2) steps instead of 2^n.
    """
    n, m = scores.size, int(codes.sum())
    total = math.comb(n, m)
    centre = float(scores.mean()) * m
    seen = float(scores[codes == 1].sum())
    first, second = _subset_sums(scores[: n // 2]), _subset_sums(scores[n // 2 :])

    def at_least(edge: float) -> int:
        count = 0
        for k, left in enumerate(first):
            if 0 <= m - k < len(second):
                right = second[m - k]
                count += int(np.sum(right.size - np.searchsorted(right, edge - left, side="left")))
        return count

    above, beyond = at_least(seen - TIED_SUMS), at_least(seen + TIED_SUMS)
    gap = abs(seen - centre)
    if gap <= TIED_SUMS:
        p, p_strict = 1.0, 1.0 - (above - beyond) / total
    else:
        p = (at_least(centre + gap - TIED_SUMS) + total - at_least(centre - gap + TIED_SUMS)) / total
        p_strict = (at_least(centre + gap + TIED_SUMS) + total - at_least(centre - gap - TIED_SUMS)) / total
    spread = m * (n - m) / (n * (n - 1.0)) * float(np.sum((scores - scores.mean()) ** 2)) if n > 1 else 0.0
    z: float | NotEstimable = (seen - centre) / math.sqrt(spread) if spread > 0.0 else _NO_VARIANCE
    return LogRank(
        result.statistic,
        result.df,
        p,
        result.observed,
        result.expected,
        result.variance,
        result.groups,
        result.n,
        z,
        result.weights,
        "exact permutation",
        p_lower=(total - beyond) / total,
        p_upper=above / total,
        p_mid=0.5 * (p + p_strict),
    )


def _max_combo(
    tables: list[_RiskTable], labels: list[Any], sizes: tuple[int, ...], *, exact: bool
) -> LogRank:
    """Largest of four Fleming-Harrington statistics for longer survival of the second group."""
    if len(labels) != 2 or exact:
        raise ValueError('weights = "max-combo" needs two groups and exact=False')
    weights = [[_fleming_harrington(table, *pair) for table in tables] for pair in MAX_COMBO]
    observed, expected, variance = _compared(tables, weights[0])
    k = len(weights)
    covariance = np.array(
        [[_compared(tables, weights[i], weights[j])[2][1, 1] for j in range(k)] for i in range(k)]
    )
    scale = np.sqrt(np.diag(covariance))
    if np.any(scale <= 0.0):
        if scale[0] <= 0.0:
            reason = _NO_VARIANCE
        else:
            reason = NotEstimable(
                "a late-weighted statistic has no variance: all events are at the first event time"
            )
        return LogRank(
            reason, k, reason, observed, expected, variance, tuple(labels), sizes, reason, "max-combo",
            "multivariate normal",
        )  # fmt: skip
    gaps = np.array([np.subtract(*_compared(tables, w)[:2])[1] for w in weights])
    z = -gaps / scale
    correlation = covariance / np.outer(scale, scale)
    largest, farthest = float(z.max()), float(np.abs(z).max())
    one = joint_tail(largest, correlation)
    two = joint_tail(farthest, correlation, two_sided=True)
    return LogRank(
        largest,
        k,
        one,
        observed,
        expected,
        variance,
        tuple(labels),
        sizes,
        float(-z[0]),
        "max-combo",
        "multivariate normal",
        p_value_two_sided=two,
    )


def joint_tail(least: float, correlation: NDArray[np.float64], *, two_sided: bool = False) -> float:
    """Give the probability that the largest of several standard normal variables reaches a value.

    The union is cut into "the i-th reaches it, none before it does"; each piece is integrated with its rare variable
    first, so that the error is relative to the piece: below 1e-3 of the p-value, however small.

    Parameters
    ----------
    least : float
    correlation : ndarray, shape (k, k)
    two_sided : bool
        Of the largest absolute value, which is above 0, instead.

    Examples
    --------
    >>> f"{joint_tail(5.0, np.eye(2)):.6g}", f"{joint_tail(5.0, np.eye(2), two_sided=True):.6g}"
    ('5.73303e-07', '1.14661e-06')
    """
    total = 0.0
    for i in range(correlation.shape[0]):
        order = [i, *range(i)]
        part = correlation[np.ix_(order, order)].copy()
        part[
            0, 1:
        ] *= -1.0  # the rare variable with its sign turned lies below -least, where its tail keeps digits
        part[1:, 0] *= -1.0
        lower = np.full(i + 1, -least if two_sided else -np.inf)
        upper = np.full(i + 1, least)
        lower[0], upper[0] = -np.inf, -least
        total += _box_probability(lower, upper, part)
    return min(1.0, 2.0 * total if two_sided else total)


def _box_probability(
    lower: NDArray[np.float64], upper: NDArray[np.float64], correlation: NDArray[np.float64]
) -> float:
    """Probability that a multivariate normal lies in a box (Genz, J Comput Graph Stat 1992;1:141, section 4).

    The points are a fixed Richtmyer lattice, folded, so the same data give the same p-value.
    """
    from scipy.special import ndtr, ndtri

    k = correlation.shape[0]
    root = np.linalg.cholesky(correlation + 1e-10 * np.eye(k))
    points = 1 << 15
    steps = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])[: k - 1])
    lattice = np.abs(2.0 * ((np.arange(1, points + 1)[:, None] * steps) % 1.0) - 1.0)
    weight = np.ones(points)
    path = np.zeros((points, k))
    for j in range(k):
        shift = path[:, :j] @ root[j, :j]
        low = ndtr((lower[j] - shift) / root[j, j])
        high = ndtr((upper[j] - shift) / root[j, j])
        weight *= high - low
        if j < k - 1:
            path[:, j] = ndtri(np.clip(low + lattice[:, j] * (high - low), 1e-320, 1.0 - 1e-16))
    return float(weight.mean())


def logrank_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike) -> NDArray[np.float64]:
    """Two-group log-rank statistics of many trials at once; each equals `logrank` of that trial.

    Parameters
    ----------
    time, event : array_like, shape (R, n)
        Follow-up times and event indicators (0 or 1) of R trials of n patients.
    group : array_like, shape (R, n) or (n,)
        0 or 1 (or any two numbers, the same in all trials).

    Returns
    -------
    numpy.ndarray, shape (R,)
        Chi-square statistics, 0 where a trial has no variance.

    Raises
    ------
    ValueError
        If shapes differ, a time is negative, an event is not 0 or 1 or there are not two groups.

    Notes
    -----
    Event and group travel in the last two bits of each time, so that one array is sorted instead of three; times
    closer than 1e-15 of their value count as tied.

    Examples
    --------
    >>> logrank_batch([[3, 5, 8, 10], [1, 2, 3, 4]], [[1, 1, 1, 0], [1, 1, 1, 1]], [0, 1, 0, 1]).round(4)
    array([0.6154, 0.6154])
    """
    check_signature(logrank_batch, locals())
    times = matrix_of(time, "time")
    events = event_matrix(event, times.shape)
    groups = np.asarray(group)
    if groups.shape not in (times.shape, times.shape[1:]):
        raise ValueError(f"group must have shape {times.shape} or {times.shape[1:]}, got {groups.shape}")
    if groups.dtype.kind not in "biuf":
        groups = as_numbers(groups.ravel(), "group").reshape(groups.shape)
    low, high = groups.min(), groups.max()
    second = groups == high
    if low == high or not bool((second | (groups == low)).all()):
        raise ValueError(f"group must have two values, got {np.unique(groups).tolist()[:5]!r}")
    bits = events << 1
    bits |= second
    out = np.empty((times.shape[0], 4))
    logrank_packed(packed_times(times, bits), out)
    gap = out[:, 0] - out[:, 1]
    variance = out[:, 2]
    safe = np.where(variance > 0.0, variance, 1.0)
    return np.where(variance > 0.0, gap * gap / safe, 0.0)

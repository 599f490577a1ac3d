"""What share is still free of the event at each time, and how sure is that with 17 patients?

Input: follow-up times and event indicators as plain arrays; delayed entry and case weights where there are any.
Output: `KaplanMeier` (a row per distinct time), `Quantile`, differences of curves at a time, batches of trials.
Protocol section: secondary endpoints (overall survival, time to deterioration).
Method: Kaplan and Meier 1958; intervals in `intervals`; quantiles by inverting the limits (Brookmeyer and Crowley
1982) with the conventions of R survival; reverse Kaplan-Meier follow-up (Schemper and Smith 1996).
Next: `intervals`, `logrank`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.numerics.normal import normal_quantile
from pnstrial.results import NotEstimable, Result
from pnstrial.survival.curves.intervals import KINDS, kind_of
from pnstrial.survival.curves.small_sample import melded, risk_table, survival_spreads
from pnstrial.survival.observations import (
    check_times,
    codes_of,
    explain,
    follow_up,
    matrix_of,
    one_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "KaplanMeier",
    "Quantile",
    "SurvivalDifference",
    "follow_up_time",
    "kaplan_meier",
    "kaplan_meier_batch",
    "survival_difference",
]

COLUMNS = ("time", "n_risk", "n_event", "survival", "std_error", "lower", "upper")
# R's quantile.survfit takes survival within this of the wanted value as equal to it.
TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True)
class Quantile(Result):
    """A quantile of a survival curve; unpacks as (estimate, lower, upper).

    Parameters
    ----------
    estimate : float or None
        Time by which the share `p` has had the event; None where the curve does not get there.
    lower, upper : float or None
        Confidence limits; None where the limit is not reached.
    p : float
        Share with the event: 0.5 for the median.
    conf_type : str
        The interval of the curve whose limits were inverted.
    level : float
        Confidence level.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    p: float
    conf_type: str
    level: float

    def __iter__(self) -> Iterator[float | None]:
        return iter((self.estimate, self.lower, self.upper))


@dataclass(frozen=True, eq=False)
class KaplanMeier(Result):
    """A survival curve with its limits, one row per distinct follow-up time.

    Parameters
    ----------
    time : numpy.ndarray, shape (k,)
        Distinct times, events and censorings alike, increasing.
    n_risk : numpy.ndarray, shape (k,)
        At risk just before the time (sum of the weights, where there are weights).
    n_event, n_censored : numpy.ndarray, shape (k,)
        Events and censorings at the time.
    survival : numpy.ndarray, shape (k,)
        Probability of no event up to and including the time.
    std_error : numpy.ndarray, shape (k,)
        Greenwood's standard error of `survival`; nan where survival is 0 (see `undefined`). With weights that are
        not whole numbers it is the infinitesimal jackknife, as in R.
    lower, upper : numpy.ndarray, shape (k,)
        Pointwise confidence limits; nan where the method has none (see `undefined`).
    cumulative_hazard, cumulative_hazard_se : numpy.ndarray, shape (k,)
        Nelson-Aalen estimate and its standard error.
    n, events : float
        Patients and events (sums of weights, where there are weights).
    conf_type : str
        Method of the limits.
    level : float
        Confidence level.
    undefined : NotEstimable or None
        Why there are nan among the standard errors or limits; None where there are none.
    start_limits : tuple of float
        Limits of the survival of 1 before the first time.
    """

    time: NDArray[np.float64]
    n_risk: NDArray[np.float64]
    n_event: NDArray[np.float64]
    n_censored: NDArray[np.float64]
    survival: NDArray[np.float64]
    std_error: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    cumulative_hazard: NDArray[np.float64]
    cumulative_hazard_se: NDArray[np.float64]
    n: float
    events: float
    conf_type: str
    level: float
    start_limits: tuple[float, float] = field(default=(1.0, 1.0), repr=False)
    undefined: NotEstimable | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the table of the curve, one row per distinct time.

        Returns
        -------
        pandas.DataFrame
            Columns time, n_risk, n_event, survival, std_error, lower, upper.
        """
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in COLUMNS})

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Read the curve at given times, as ``summary(fit, times=, extend=TRUE)`` of R does.

        Parameters
        ----------
        times : float or array_like, shape (k,)
            Times, in the unit of the data.

        Returns
        -------
        pandas.DataFrame
            Columns time, n_risk (at risk just before the time), n_event (events since the next smaller time asked
            for), survival, std_error, lower, upper; rows in the order asked for. After the last observation the
            last values are carried on and n_risk is 0.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> km = kaplan_meier([2, 3, 3, 5], [1, 1, 0, 1])
        >>> km.at([0, 3])[["time", "n_risk", "n_event", "survival"]]
           time  n_risk  n_event  survival
        0   0.0     4.0      0.0       1.0
        1   3.0     3.0      2.0       0.5
        """
        import pandas as pd

        asked = check_times(times)
        last = np.searchsorted(self.time, asked, side="right")
        risk = np.append(self.n_risk, 0.0)[np.searchsorted(self.time, asked, side="left")]
        until = np.concatenate([[0.0], np.cumsum(self.n_event)])[last]
        order = np.argsort(asked, kind="stable")
        since = np.empty(asked.size)
        since[order] = np.diff(until[order], prepend=0.0)

        def step(values: NDArray[np.float64], start: float) -> NDArray[np.float64]:
            return np.concatenate([[start], values])[last]

        low, high = self.start_limits
        columns = (
            asked,
            risk,
            since,
            step(self.survival, 1.0),
            step(self.std_error, 0.0),
            step(self.lower, low),
            step(self.upper, high),
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def quantile(self, p: float = 0.5) -> Quantile:
        """Time by which a share `p` has had the event, with limits where the curve's limits cross.

        Parameters
        ----------
        p : float
            Share with the event, 0 to 1; 0.25 asks for the time at which survival is 0.75.

        Returns
        -------
        Quantile
            Its estimate, lower and upper are None where the curve, or its limit, does not get there.

        Raises
        ------
        ValueError
            If p is no probability.

        Notes
        -----
        Where survival equals 1 - p over a stretch, the estimate is the middle of it (R survival). With the beta
        product and Thomas-Grunkemeier intervals the limits are the first times at which the upper and lower limit
        are at or below 1 - p, 0 where that holds from the start (R bpcp).

        Examples
        --------
        >>> km = kaplan_meier([2, 3, 3, 5, 9], [1, 1, 0, 1, 1], conf_type="log-log")
        >>> km.quantile(0.5).estimate
        5.0
        """
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p must be a probability, the share with the event, got {p!r}")
        estimate = _inverted(self.time, self.survival, p)
        if KINDS[self.conf_type] >= KINDS["beta-product"]:
            lower = _first_at_or_below(self.time, self.lower, 1.0 - p, self.start_limits[0])
            upper = _first_at_or_below(self.time, self.upper, 1.0 - p, self.start_limits[1])
        else:
            lower = _inverted(self.time, self.lower, p)
            upper = _inverted(self.time, self.upper, p)
        return Quantile(estimate, lower, upper, p, self.conf_type, self.level)

    def __str__(self) -> str:
        median = self.quantile(0.5)
        lines = [
            "KaplanMeier",
            f"patients   {self.n:g}",
            f"events     {self.events:g}",
            f"median     {_shown(median.estimate)}",
            f"interval   {_shown(median.lower)} to {_shown(median.upper)} ({self.level:.0%}, {self.conf_type})",
        ]
        if self.undefined is not None:
            lines.append(f"note       {self.undefined.reason}")
        return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.4g}"


def _inverted(time: NDArray[np.float64], curve: NDArray[np.float64], p: float) -> float | None:
    """Invert one curve as quantile.survfit does: middle of a flat stretch at 1 - p, None if it stays above."""
    x = np.concatenate([[0.0], time])
    y = np.concatenate([[0.0], 1.0 - curve])
    known = ~np.isnan(y)
    if not known.any() or np.max(y[known]) < p:
        return None
    if p == 0.0:
        return 0.0
    _, first = np.unique(y, return_index=True)
    first.sort()
    x_end = float(x[-1])
    x, y = x[first], y[first]
    ends_there = not np.isnan(y[-1]) and abs(p - y[-1]) < TOLERANCE
    reached = np.flatnonzero(y + TOLERANCE >= p)
    passed = np.flatnonzero(y - TOLERANCE >= p)
    if reached.size == 0:
        return None
    left = float(x[reached[np.argmin(y[reached])]])
    if ends_there:
        return 0.5 * (left + x_end)
    if passed.size == 0:
        return None
    return 0.5 * (left + float(x[passed[np.argmin(y[passed])]]))


def _first_at_or_below(
    time: NDArray[np.float64], curve: NDArray[np.float64], share: float, start: float
) -> float | None:
    if start <= share:
        return 0.0
    below = np.flatnonzero(curve <= share)
    return float(time[below[0]]) if below.size else None


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    conf_type: str = "beta-product",
    level: float = 0.95,
) -> KaplanMeier:
    """Estimate a survival curve with pointwise confidence limits.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up times, in any unit; not negative.
    event : array_like, shape (n,)
        1 = event at that time, 0 = censored.
    entry : array_like, shape (n,), optional
        Time from which each patient was observed (left truncation); before `time`.
    weights : array_like, shape (n,), optional
        Case weights; whole numbers count replicates.
    conf_type : str
        "beta-product" (default: exact in spirit, right for 17 patients), "beta-product-midp",
        "thomas-grunkemeier", "log-log", "log", "logit", "arcsin" or "plain".
    level : float
        Confidence level.

    Returns
    -------
    KaplanMeier

    Raises
    ------
    ValueError
        If an argument is outside what is possible: names the argument, the position and the value.

    Notes
    -----
    Product-limit estimate, Kaplan and Meier, J Am Stat Assoc 1958;53:457, eq. 2b; Greenwood's variance. A patient
    censored at an event time counts as at risk there. R's survfit defaults to "log" limits; at n = 17 the usual
    limits cover far less than they promise, hence the beta product (see `pnstrial.survival.curves.intervals`).

    The beta product limits need whole-number weights and no delayed entry: with those they are undefined and say so.

    Examples
    --------
    >>> km = kaplan_meier([3, 5, 5, 8, 10], [1, 1, 0, 1, 0])
    >>> km.to_frame().round(4)[["time", "survival", "lower", "upper"]]
       time  survival   lower   upper
    0   3.0       0.8  0.2836  0.9949
    1   5.0       0.6  0.0921  0.9473
    2   8.0       0.3  0.0085  0.8371
    3  10.0       0.3  0.0000  0.8371
    """
    from pnstrial.survival.curves.curve_kernels import kaplan_meier_curve

    kind = kind_of(conf_type)
    z = normal_quantile(level)
    times, events, entries, loads = follow_up(time, event, entry, weights, check=False)
    order = times.argsort()
    entry_order = entries.argsort() if entries.size else order
    whole = not loads.size or bool(np.all(loads == np.floor(loads)))
    exact = conf_type.startswith("beta-product")
    asked = -1 if exact and (entries.size or not whole) else kind
    status, table = kaplan_meier_curve(
        times, events, order, loads, entries, entry_order, asked, 1.0 - level, z
    )
    if status:
        raise ValueError(explain(times, events, entries, loads))
    if not whole:
        _use_jackknife(table, times, events, entries, loads, kind, z)
    n = float(loads.sum()) if loads.size else float(times.size)
    reason = None
    start = (1.0, 1.0)
    if asked < 0:
        reason = NotEstimable(
            f"{conf_type} limits are not defined with "
            f"{'delayed entry' if entries.size else 'weights that are not whole numbers'}; "
            'use conf_type="log-log"'
        )
        start = (float("nan"), float("nan"))
    elif exact:
        half = 0.5 * (1.0 - level)
        start = ((2.0 * half if kind == KINDS["beta-product-midp"] else half) ** (1.0 / n), 1.0)
    survival = table[4]
    if reason is None and (survival[-1] == 0.0 or (survival[0] == 1.0 and not exact)):
        reason = _why_undefined(conf_type, table)
    return KaplanMeier(
        table[0], table[1], table[2], table[3], survival, table[5], table[8], table[9], table[6], table[7],
        n, float(table[2].sum()), conf_type, level, start, reason,
    )  # fmt: skip


def _why_undefined(conf_type: str, table: NDArray[np.float64]) -> NotEstimable | None:
    """Name what is nan in the table; None if nothing is."""
    parts: list[str] = []
    if np.isnan(table[5]).any():
        parts.append("the standard error at survival 0")
    limits = np.isnan(table[8])
    if np.any(limits & (table[4] == 0.0)):
        parts.append(f"the {conf_type} limits at survival 0")
    if np.any(limits & (table[4] == 1.0)):
        parts.append(f"the {conf_type} limits at survival 1")
    if not parts:
        return None
    return NotEstimable(f"{' and '.join(parts)} have no value; the beta product limits always have one")


def _use_jackknife(
    table: NDArray[np.float64],
    time: NDArray[np.float64],
    event: NDArray[np.float64],
    entry: NDArray[np.float64],
    weights: NDArray[np.float64],
    kind: int,
    z: float,
) -> None:
    """Replace Greenwood's error by the infinitesimal jackknife, which fractional weights need (R's default)."""
    from pnstrial.survival.curves.curve_kernels import limits

    times, risk, dead, survival = table[0], table[1], table[2], table[4]
    entered = entry if entry.size else np.full(time.size, -1.0)
    at_risk = (entered[:, None] < times) & (times <= time[:, None])
    died = (times == time[:, None]) & (event[:, None] == 1.0)
    left = risk - dead
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(left > 1e-12 * risk, (died - at_risk * (dead / risk)) / left, np.nan)
    influence = np.cumsum(change, axis=1)
    spread = np.sum((weights[:, None] * influence) ** 2, axis=0)
    hazard = np.cumsum((died - at_risk * (dead / risk)) / risk, axis=1)
    table[5] = survival * np.sqrt(spread)
    table[7] = np.sqrt(np.sum((weights[:, None] * hazard) ** 2, axis=0))
    table[10] = spread
    if 0 <= kind < KINDS["beta-product"]:
        limits(kind, 0.0, z, risk, dead, risk, survival, spread, table[8], table[9])


def follow_up_time(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> KaplanMeier:
    """Potential follow-up by the reverse Kaplan-Meier method: censoring is the event.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up times and event indicators, as for `kaplan_meier`.
    entry, weights : array_like, shape (n,), optional
        Delayed entry and case weights, as for `kaplan_meier`.
    level : float
        Confidence level of the log-log limits.

    Returns
    -------
    KaplanMeier
        ``.quantile(0.5)`` is the median follow-up.

    Raises
    ------
    ValueError
        As `kaplan_meier`.

    Notes
    -----
    Schemper and Smith, Control Clin Trials 1996;17:343.

    Examples
    --------
    >>> follow_up_time([4, 8, 12, 16], [1, 0, 1, 0]).quantile().estimate
    16.0
    """
    times, events, _, _ = follow_up(time, event, entry, weights)
    return kaplan_meier(times, 1.0 - events, entry, weights, "log-log", level)


@dataclass(frozen=True)
class SurvivalDifference(Result):
    """Two survival probabilities at one time, compared.

    Parameters
    ----------
    time : float
        The time.
    survival : tuple of float
        Survival in the first and second group (in the order of their labels).
    std_error : tuple of float
        Greenwood's standard errors.
    difference : float
        Second minus first.
    difference_se : float or NotEstimable
        Its standard error; NotEstimable where a group's survival is 0, which has none.
    difference_ci : tuple of float or NotEstimable
        Interval of the difference, of `conf_type`.
    z : float or NotEstimable
        Wald's statistic.
    p_value : float or NotEstimable
        Test of the difference, of `conf_type`.
    z_log_log, p_value_log_log : float or NotEstimable
        Test on the scale log(-log S), which holds its level better in small samples (Klein 2007, eq. 3).
    level : float
        Confidence level.
    conf_type : str
        "plain" (Wald) or "beta-product" (melded).
    """

    time: float
    survival: tuple[float, float]
    std_error: tuple[float, float]
    difference: float
    difference_se: float | NotEstimable
    difference_ci: tuple[float, float] | NotEstimable
    z: float | NotEstimable
    p_value: float | NotEstimable
    z_log_log: float | NotEstimable
    p_value_log_log: float | NotEstimable
    level: float
    conf_type: str = "plain"


def survival_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    at: float,
    level: float = 0.95,
    *,
    conf_type: str = "plain",
) -> SurvivalDifference:
    """Compare two groups' survival at one fixed time (landmark survival, milestone test).

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up times and event indicators.
    group : array_like, shape (n,)
        Two labels; the difference is the larger label minus the smaller.
    at : float
        The time, fixed before the data were seen.
    level : float
        Confidence level.
    conf_type : {"plain", "beta-product"}
        Wald's interval and test, of which one of 95 % covers about 92 % with 17 patients in all; or the beta product
        limits of the two groups melded, which cover at least 95 %, and without censoring give Fisher's test.

    Returns
    -------
    SurvivalDifference
        Wald's tests are NotEstimable where a group's survival is 0 or 1 at that time.

    Raises
    ------
    ValueError
        If there are not two groups, `at` is no single time or lies beyond the follow-up of a group whose curve has
        not reached 0, or as `kaplan_meier`.

    Notes
    -----
    Klein, Logan, Harhoff and Andersen, Stat Med 2007;26:4505, eq. 1 (difference) and 3 (log(-log)).

    Examples
    --------
    >>> result = survival_difference([2, 3, 5, 7, 8, 9], [1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1], at=4)
    >>> round(result.difference, 4)
    0.6667
    """
    from scipy.special import ndtr

    times, events, _, _ = follow_up(time, event)
    labels, codes = codes_of(group, times.size)
    if len(labels) != 2:
        raise ValueError(f"group must have two labels, got {labels!r}")
    if conf_type not in ("plain", "beta-product"):
        raise ValueError(f"conf_type must be one of 'plain', 'beta-product'; got {conf_type!r}")
    asked = one_time(at, "at")
    _check_followed(times, events, codes, labels, asked)
    rows = [
        kaplan_meier(times[codes == k], events[codes == k], conf_type="plain", level=level).at(asked).iloc[0]
        for k in (0, 1)
    ]
    s = (float(rows[0]["survival"]), float(rows[1]["survival"]))
    se = (float(rows[0]["std_error"]), float(rows[1]["std_error"]))
    difference = s[1] - s[0]
    error = float(np.hypot(se[0], se[1]))
    none = NotEstimable("no group has had both an event and a survivor by that time")
    if np.isnan(error):
        none = NotEstimable("survival is 0 in a group, and Greenwood's standard error has no value there")
    edge = NotEstimable("a group's survival is 0 or 1 at that time")
    z: float | NotEstimable = none
    p: float | NotEstimable = none
    ci: tuple[float, float] | NotEstimable = none
    if error > 0:
        z = difference / error
        p = float(2.0 * ndtr(-abs(z)))
        half = normal_quantile(level) * error
        ci = (difference - half, difference + half)
    z_ll: float | NotEstimable = edge
    p_ll: float | NotEstimable = edge
    if all(0.0 < value < 1.0 for value in s):
        scale = [np.log(-np.log(value)) for value in s]
        spread = sum((e / (value * np.log(value))) ** 2 for e, value in zip(se, s, strict=True))
        z_ll = float((scale[1] - scale[0]) / np.sqrt(spread))
        p_ll = float(2.0 * ndtr(-abs(z_ll)))
    if conf_type == "beta-product":
        spreads = [survival_spreads(risk_table(times[codes == k], events[codes == k]), asked) for k in (0, 1)]
        ci, p = melded(spreads[0], spreads[1], level, -1.0, 1.0)
    difference_se: float | NotEstimable = none if np.isnan(error) else error
    return SurvivalDifference(asked, s, se, difference, difference_se, ci, z, p, z_ll, p_ll, level, conf_type)


def _check_followed(
    time: NDArray[np.float64],
    event: NDArray[np.float64],
    codes: NDArray[np.int64],
    labels: list[Any],
    at: float,
) -> None:
    """Refuse a time at which a group was no longer followed and its curve had not reached 0."""
    ends: list[str] = []
    for k, label in enumerate(labels):
        last = float(time[codes == k].max())
        if at > last and (event[(codes == k) & (time == last)] == 0).any():
            ends.append(f"group {label!r} was followed up to {last:g}")
    if ends:
        raise ValueError(f"at = {at:g} lies beyond the follow-up: {'; '.join(ends)}; take an earlier time")


def packed_times(time: NDArray[np.float64], bits: NDArray[Any]) -> NDArray[np.int64]:
    """Sort each row of times with two marks carried in the last two bits of the number.

    Sorting one array of integers is several times faster than ordering three; in exchange times closer than four
    units in the last place (1e-15 of the value) count as tied.
    """
    whole = np.ascontiguousarray(time).view(np.int64) & ~np.int64(3)
    whole |= bits
    whole.sort(axis=-1)
    return cast("NDArray[np.int64]", whole)


def kaplan_meier_batch(time: ArrayLike, event: ArrayLike, at: ArrayLike) -> NDArray[np.float64]:
    """Survival at fixed times in many trials at once; each row equals `kaplan_meier` of that trial.

    Parameters
    ----------
    time, event : array_like, shape (R, n)
        Follow-up times and event indicators (0 or 1) of R trials of n patients.
    at : array_like, shape (k,)
        Times, in the unit of the data.

    Returns
    -------
    numpy.ndarray, shape (R, k)

    Raises
    ------
    ValueError
        If shapes differ, a time is negative or an event is not 0 or 1.

    Examples
    --------
    >>> kaplan_meier_batch([[2, 3, 5], [1, 4, 6]], [[1, 0, 1], [1, 1, 1]], at=[3, 5]).round(3)
    array([[0.667, 0.   ],
           [0.667, 0.333]])
    """
    from pnstrial.survival.curves.curve_kernels import kaplan_meier_at_batch

    times = matrix_of(time, "time")
    events = matrix_of(event, "event", times.shape)
    if np.any((events != 0.0) & (events != 1.0)):
        row, column = np.argwhere((events != 0.0) & (events != 1.0))[0]
        raise ValueError(f"event must be 0 or 1: event[{row}, {column}] = {events[row, column]:.15g}")
    asked = check_times(at, "at")
    order = np.argsort(asked, kind="stable")
    packed = packed_times(times, events.astype(np.int64))
    marks = (asked[order].view(np.int64) & ~np.int64(3)).astype(np.int64)
    out = np.empty((times.shape[0], asked.size))
    out[:, order] = kaplan_meier_at_batch(packed, marks)
    return out

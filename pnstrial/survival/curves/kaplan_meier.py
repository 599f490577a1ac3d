"""What share is still free of the event at each time, and how sure is that with 17 patients?

Input: follow-up times and event indicators as plain arrays; delayed entry and case weights where there are any.
Output: `KaplanMeier` (a row per distinct time), one for each group, batches of trials.
Protocol section: secondary endpoints (overall survival, time to deterioration).
Method: Kaplan and Meier 1958; intervals in `intervals`; quantiles by inverting the limits (Brookmeyer and Crowley
1982) with the conventions of R survival; reverse Kaplan-Meier follow-up (Schemper and Smith 1996).
Next: `intervals`, `logrank`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.survival.curves.curve import KaplanMeier, KaplanMeierByGroup
from pnstrial.survival.curves.curve_kernels import (
    kaplan_meier_at_batch,
    kaplan_meier_curve,
    limits,
    radix_sort,
)
from pnstrial.survival.curves.intervals import BETA_MID_P, EXACT, KINDS, kind_of
from pnstrial.survival.observations import (
    EMPTY,
    check_level,
    check_times,
    codes_of,
    columns,
    event_matrix,
    explain,
    follow_up,
    matrix_of,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["follow_up_time", "kaplan_meier", "kaplan_meier_batch", "packed_times"]

# Patients from which a sort of whole numbers is quicker than an order of times.
MANY = 1000


@overload
def kaplan_meier(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, conf_type: str = "beta-product", level: float = 0.95, *,
    data: Any = None, group: None = None, event_is: Any = None, unit: str | None = None,
) -> KaplanMeier: ...  # fmt: skip
@overload
def kaplan_meier(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, conf_type: str = "beta-product", level: float = 0.95, *,
    data: Any = None, group: ArrayLike | str, event_is: Any = None, unit: str | None = None,
) -> KaplanMeierByGroup: ...  # fmt: skip
def kaplan_meier(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, conf_type: str = "beta-product", level: float = 0.95, *,
    data: Any = None, group: ArrayLike | str | None = None, event_is: Any = None, unit: str | None = None,
) -> KaplanMeier | KaplanMeierByGroup:  # fmt: skip
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
    data : pandas.DataFrame or mapping, optional
        A table; then the arguments above may be names of its columns.
    group : array_like, shape (n,), or str, optional
        Labels; one curve for each.
    event_is : label or list of labels, optional
        What the event is called, where `event` holds labels or R's codes 1 and 2.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit of the times; durations (Timedelta) are counted in it. Figures label their axis with it.

    Returns
    -------
    KaplanMeier or KaplanMeierByGroup
        The latter with `group`.

    Raises
    ------
    ValueError
        If an argument is outside what is possible: names the argument, the position and the value.

    Notes
    -----
    Product-limit estimate, Kaplan and Meier, J Am Stat Assoc 1958;53:457, eq. 2b; Greenwood's variance. A patient
    censored at an event time counts as at risk there. R's survfit defaults to "log" limits; at n = 17 the usual
    limits cover far less than they promise, hence the beta product (see `pnstrial.survival.curves.intervals`).

    The beta product limits need whole-number weights and no delayed entry: otherwise the limits are the log-log ones,
    as `conf_type` and `note` of the result say.

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
    check_signature(kaplan_meier, locals())
    if data is not None or group is not None or not isinstance(time, np.ndarray | list):
        time, event, entry, weights, group = columns(
            data, time=time, event=event, entry=entry, weights=weights, group=group
        )
    if group is not None:
        return _by_group(time, event, entry, weights, group, conf_type, level, event_is, unit)
    kind = kind_of(conf_type)
    check_level(level)
    z = normal_quantile(level)
    times, events, entries, loads = follow_up(
        time, event, entry, weights, check=False, event_is=event_is, unit=unit
    )
    if entries.size and not bool(((entries >= 0.0) & (entries < times)).all()):
        raise ValueError(explain(times, events, entries, loads))
    if loads.size and not loads.any():
        raise ValueError(explain(times, events, entries, loads))
    times_in_order, events_in_order, loads_in_order = _in_order(times, events, loads)
    late_order = entries.argsort() if entries.size else slice(0)
    whole = not loads.size or bool(np.all(loads == np.floor(loads)))
    note = ""
    late = bool(entries.size) and bool(entries.max() > 0.0)
    if kind in EXACT and (late or not whole):
        why = "delayed entry" if late else "weights that are not whole numbers"
        note = f"{conf_type} limits are not defined with {why}: these are log-log limits"
        conf_type, kind = "log-log", KINDS["log-log"]
    status, table = kaplan_meier_curve.for_size(times.size)(
        times_in_order,
        events_in_order,
        loads_in_order,
        entries[late_order],
        loads[late_order] if loads.size and entries.size else EMPTY,
        kind,
        1.0 - level,
        z,
    )
    if status:
        raise ValueError(explain(times, events, entries, loads))
    if not whole:
        _use_jackknife(table, times, events, entries, loads, kind, z)
    n = float(loads.sum()) if loads.size else float(times.size)
    exact = kind in EXACT
    reason = None
    start = (1.0, 1.0)
    if exact:
        half = 0.5 * (1.0 - level)
        start = ((2.0 * half if kind == BETA_MID_P else half) ** (1.0 / n), 1.0)
    survival = table[4]
    if survival[-1] == 0.0 or (survival[0] == 1.0 and not exact):
        reason = _why_undefined(conf_type, table)
    return KaplanMeier(
        table[0], table[1], table[2], table[3], survival, table[5], table[8], table[9], table[6], table[7],
        n, float(table[2].sum() if loads.size else np.count_nonzero(events)), conf_type, level, start, reason, unit,
        note,
    )  # fmt: skip


def _in_order(
    times: NDArray[np.float64], events: NDArray[np.float64], loads: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sort patients by their times.

    The sign of a time leaves a bit free, which carries the event: one array of whole numbers is sorted quicker than
    an order is found and followed.
    """
    packable = times.size > MANY and not loads.size and bool(times.min() >= 0.0)
    if packable and bool(((events == 0.0) | (events == 1.0)).all()):
        packed = ((times + 0.0).view(np.int64) << 1) | events.astype(np.int64)
        spare = np.empty_like(packed)
        found = spare if radix_sort(packed, spare, np.zeros((6, 2048), np.int64)) else packed
        whole = found.view(np.uint64) >> np.uint64(1)
        return whole.view(np.float64), (found & 1).astype(np.float64), loads
    order = times.argsort()
    return times[order], events[order], loads[order] if loads.size else loads


def _by_group(
    time: Any, event: Any, entry: Any, weights: Any, group: Any, conf_type: str, level: float, event_is: Any,
    unit: str | None,
) -> KaplanMeierByGroup:  # fmt: skip
    """Estimate one curve for each label."""
    times, events, entries, loads = follow_up(time, event, entry, weights, event_is=event_is, unit=unit)
    labels, codes = codes_of(group, times.size)
    curves = {
        label: kaplan_meier(
            times[codes == k], events[codes == k], entries[codes == k] if entries.size else None,
            loads[codes == k] if loads.size else None, conf_type, level, unit=unit,
        )
        for k, label in enumerate(labels)
    }  # fmt: skip
    found = list(curves.values())
    total, happened = sum(curve.n for curve in found), sum(curve.events for curve in found)
    return KaplanMeierByGroup(curves, found[0].conf_type, level, total, happened, unit)


def _why_undefined(conf_type: str, table: NDArray[np.float64]) -> NotEstimable | None:
    """Name what is nan in the table; None if nothing is."""
    parts: list[str] = []
    # survival falls: it is 1 from the first row on, and 0 up to the last
    if np.isnan(table[5, -1]):
        parts.append("the standard error at survival 0")
    if table[4, -1] == 0.0 and np.isnan(table[8, -1]):
        parts.append(f"the {conf_type} limits at survival 0")
    if table[4, 0] == 1.0 and np.isnan(table[8, 0]):
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
        limits.for_size(times.size)(kind, 0.0, z, risk, dead, risk, survival, spread, table[8], table[9])


@overload
def follow_up_time(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, level: float = 0.95, *, data: Any = None, group: None = None,
    event_is: Any = None, unit: str | None = None,
) -> KaplanMeier: ...  # fmt: skip
@overload
def follow_up_time(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, level: float = 0.95, *, data: Any = None, group: ArrayLike | str,
    event_is: Any = None, unit: str | None = None,
) -> KaplanMeierByGroup: ...  # fmt: skip
def follow_up_time(
    time: ArrayLike | str, event: ArrayLike | str, entry: ArrayLike | str | None = None,
    weights: ArrayLike | str | None = None, level: float = 0.95, *, data: Any = None,
    group: ArrayLike | str | None = None, event_is: Any = None, unit: str | None = None,
) -> KaplanMeier | KaplanMeierByGroup:  # fmt: skip
    """Potential follow-up by the reverse Kaplan-Meier method: censoring is the event.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up times and event indicators, as for `kaplan_meier`.
    entry, weights : array_like, shape (n,), optional
        Delayed entry and case weights, as for `kaplan_meier`.
    level : float
        Confidence level of the log-log limits.
    data, group, event_is, unit
        As for `kaplan_meier`.

    Returns
    -------
    KaplanMeier or KaplanMeierByGroup
        The latter with `group`. ``.quantile(0.5)`` is the median follow-up.

    Raises
    ------
    ValueError
        As `kaplan_meier`.

    Notes
    -----
    Schemper and Smith, Control Clin Trials 1996;17:343.

    Examples
    --------
    >>> follow_up_time([4, 8, 12, 16], [1, 0, 1, 0]).median.estimate
    16.0
    """
    check_signature(follow_up_time, locals())
    time, event, entry, weights, group = columns(
        data, time=time, event=event, entry=entry, weights=weights, group=group
    )
    times, events, _, _ = follow_up(time, event, entry, weights, event_is=event_is, unit=unit)
    if group is not None:
        return kaplan_meier(times, 1.0 - events, entry, weights, "log-log", level, group=group, unit=unit)
    return kaplan_meier(times, 1.0 - events, entry, weights, "log-log", level, unit=unit)


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
    check_signature(kaplan_meier_batch, locals())
    times = matrix_of(time, "time")
    events = event_matrix(event, times.shape)
    requested = check_times(at, "at")
    order = np.argsort(requested, kind="stable")
    packed = packed_times(times, events)
    marks = (requested[order].view(np.int64) & ~np.int64(3)).astype(np.int64)
    out = np.empty((times.shape[0], requested.size))
    out[:, order] = kaplan_meier_at_batch(packed, marks)
    return out

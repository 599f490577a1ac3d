"""Which patients are behind a published survival curve?

Input: points read off a Kaplan-Meier figure, and the numbers at risk printed under it.
Output: `ReconstructedData`: a time and an event for each patient, how well they fit, what was repaired.
Protocol section: none (historical controls).
Method: Guyot, Ades, Ouwens and Welton, BMC Med Res Methodol 2012;12:9, steps 1 to 8.
Next: `kaplan_meier`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.numerics.arguments import even_array
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.observations import as_numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ReconstructedData", "reconstruct"]

# A hand that traces a curve may leave the frame by this share of it.
OVERSHOOT: Final = 0.02
ROUNDS: Final = 500


@dataclass(frozen=True, eq=False)
class ReconstructedData(Result):
    """Individual times and events behind a published curve.

    Attributes
    ----------
    time : numpy.ndarray, shape (n,)
        Increasing.
    event : numpy.ndarray of int, shape (n,)
        1 event, 0 censored.
    n, events : int
    rmse : float
        Root mean squared distance between the digitised points and the reconstructed curve, in survival.
    mean_absolute_error, max_absolute_error : float
        Mean and largest distance.
    at_risk : pandas.DataFrame
        time, reported, reconstructed (number at risk), events, censored (from that time to the next).
    points : pandas.DataFrame
        time, digitised (as given), survival (of the reconstructed curve), error.
    messages : tuple of str
        What was repaired in the points, and where the reconstruction could not meet the numbers given.
    """

    time: NDArray[np.float64]
    event: NDArray[np.int64]
    n: int
    events: int
    rmse: float
    mean_absolute_error: float
    max_absolute_error: float
    at_risk: pd.DataFrame
    points: pd.DataFrame
    messages: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per patient.

        Returns
        -------
        pandas.DataFrame
            time, event.
        """
        import pandas as pd

        return pd.DataFrame({"time": self.time, "event": self.event})

    def _display(self) -> Display:
        fit = (
            f"distance from the digitised points: root mean square {self.rmse:.4f},"
            f" largest {self.max_absolute_error:.4f}"
        )
        return Display(
            f"Reconstructed: {self.events} events of {self.n} patients", notes=(fit, *self.messages)
        )


def _columns(
    table: Any, name: str, second: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read two columns: of a frame or mapping by name, of a pair (tuple) or an array of rows by place."""
    if hasattr(table, "columns") or isinstance(table, Mapping):
        columns = {str(key).lower(): table[key] for key in cast("Mapping[Any, Any]", table)}
        found = [columns[key] for key in second if key in columns]
        if "time" not in columns or not found:
            raise ValueError(
                f"{name} must have the columns time and {' or '.join(second)}, got {', '.join(columns) or 'none'}"
            )
        pair: tuple[Any, Any] = columns["time"], found[0]
    elif isinstance(table, tuple) and len(cast("tuple[Any, ...]", table)) == 2:
        pair = cast("tuple[Any, Any]", table)
    else:
        rows = even_array(name, table)
        if rows.ndim != 2 or rows.shape[1] != 2:
            raise ValueError(
                f"{name} must be a frame, a pair (times, values) or an array of shape (points, 2),"
                f" got shape {rows.shape}"
            )
        pair = rows[:, 0], rows[:, 1]
    times, values = as_numbers(pair[0], f"{name} time"), as_numbers(pair[1], f"{name} {second[0]}")
    if times.size != values.size:
        raise ValueError(f"lengths differ: {name} has {times.size} times and {values.size} values")
    if times.size == 0:
        raise ValueError(f"{name} is empty: at least one point is needed")
    _refuse(f"{name} must be finite", name, times, values, ~(np.isfinite(times) & np.isfinite(values)))
    return times, values


def _refuse(
    rule: str, name: str, times: NDArray[np.float64], values: NDArray[np.float64], wrong: NDArray[np.bool_]
) -> None:
    rows = np.flatnonzero(wrong)
    if rows.size:
        cells = "; ".join(f"{name}[{i}] = ({times[i]:.15g}, {values[i]:.15g})" for i in rows[:8])
        raise ValueError(f"{rule}: {cells}" + (f"; and {rows.size - 8} more" if rows.size > 8 else ""))


def _numbers_at_risk(at_risk: Any, messages: list[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if not isinstance(at_risk, Mapping | tuple) and even_array("at_risk", at_risk).ndim == 0:
        at_risk = ([0.0], [at_risk])
    times, numbers = _columns(at_risk, "at_risk", ("n_risk", "nrisk", "at_risk", "number", "n"))
    _refuse(
        "at_risk must be whole numbers of patients, not negative",
        "at_risk", times, numbers, (numbers < 0) | (numbers != np.floor(numbers)),
    )  # fmt: skip
    later = np.concatenate([[True], np.diff(times) > 0])
    _refuse("at_risk times must increase", "at_risk", times, numbers, ~later)
    fewer = np.concatenate([[True], np.diff(numbers) <= 0])
    _refuse("at_risk must not rise with time", "at_risk", times, numbers, ~fewer)
    if times[0] != 0.0:
        raise ValueError(
            f"at_risk must begin at time 0 with all patients, got {times[0]:g}; add the number at the start"
        )
    if numbers[0] < 1:
        raise ValueError("at_risk must begin with at least one patient, got 0")
    # Nobody is left after the first 0; further zeros say nothing.
    kept = int(np.argmax(numbers == 0)) + 1 if (numbers == 0).any() else numbers.size
    if kept < numbers.size:
        messages.append(f"numbers at risk of 0 after time {times[kept - 1]:g} were left out")
    return times[:kept], numbers[:kept].astype(np.int64)


def _clean(
    times: NDArray[np.float64], survival: NDArray[np.float64], messages: list[str], *, drop_outliers: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make digitised points a survival curve: ordered, within the frame, never rising, beginning at (0, 1)."""
    span = float(times.max() - min(times.min(), 0.0))
    _refuse(
        "survival must be between 0 and 1 (divide percentages by 100)",
        "curve", times, survival, (survival < -OVERSHOOT) | (survival > 1.0 + OVERSHOOT),
    )  # fmt: skip
    _refuse("times must not be negative", "curve", times, survival, times < -OVERSHOOT * span)
    outside = (survival < 0) | (survival > 1) | (times < 0)
    if outside.any():
        messages.append(f"{outside.sum()} points just outside the frame were moved onto its edge")
        times, survival = np.maximum(times, 0.0), np.clip(survival, 0.0, 1.0)
    if np.any(np.diff(times) < 0):
        messages.append("the points were put in order of time")
    # At one time the curve falls: the higher read comes first.
    order = np.lexsort((-survival, times))
    times, survival = times[order], survival[order]
    if drop_outliers:
        kept = ~_outliers(survival)
        if not kept.all():
            places = ", ".join(f"{time:g}" for time in times[~kept][:8])
            messages.append(f"{(~kept).sum()} points were left out as outliers, at times {places}")
        times, survival = times[kept], survival[kept]
    lowered = np.minimum.accumulate(survival)
    rises = np.flatnonzero(survival > lowered)
    if rises.size:
        worst = float((survival - lowered).max())
        places = ", ".join(f"{time:g}" for time in times[rises][:8])
        messages.append(
            f"{rises.size} points above an earlier one were lowered to it, by up to {worst:.4g}, at times {places}"
            + (" and later" if rises.size > 8 else "")
        )
    first = np.concatenate([[True], np.diff(times) > 0])
    last = np.concatenate([np.diff(times) > 0, [True]])
    distinct = np.concatenate([[True], (np.diff(times) > 0) | (np.diff(lowered) < 0)])
    between = ~(first | last) & distinct
    if between.any():
        messages.append(f"{between.sum()} points within a vertical step were left out")
    kept = (first | last) & distinct
    times, lowered = times[kept], lowered[kept]
    if times[0] != 0.0 or lowered[0] != 1.0:
        messages.append("the point (0, 1) was added")
        times, lowered = np.append(0.0, times), np.append(1.0, lowered)
    return times, lowered


def _outliers(survival: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points whose step stands out by Tukey's fences (factor 0.5) between steps that do not, as IPDfromKM."""
    step = np.abs(np.diff(survival, prepend=survival[0]))
    low, high = np.quantile(step, [0.25, 0.75])
    out = (step <= low - 0.5 * (high - low)) | (step >= high + 0.5 * (high - low))
    return out & ~np.concatenate([[False], out[:-1]]) & np.concatenate([out[1:], [True]])


class _Walk:
    """The state of the reconstruction, point by point."""

    def __init__(self, times: NDArray[np.float64], survival: NDArray[np.float64], start: int) -> None:
        self.times, self.survival = times, survival
        self.events = np.zeros(times.size, dtype=np.int64)
        self.censored = np.zeros(times.size, dtype=np.int64)
        self.risk = np.zeros(times.size + 1, dtype=np.int64)
        self.risk[0] = start
        self.curve = np.ones(times.size)
        self.last = 0

    def spread(self, count: int, first: int, end: int) -> None:
        """Spread censorings evenly over points first to end - 1; each falls in the gap after a point."""
        self.censored[first:end] = 0
        if count > 0:
            low, high = self.times[first], self.times[end - 1]
            at = low + np.arange(1, count + 1) * (high - low) / (count + 1)
            gap = np.searchsorted(self.times[first:end], at, side="right") - 1
            self.censored[first:end] += np.bincount(gap, minlength=end - first)

    def run(self, first: int, end: int, last: int) -> int:
        """Find the events at points first to end - 1; return the last point with any."""
        for k in range(first, end):
            risk = int(self.risk[k])
            before = self.curve[last]
            deaths = int(np.round(risk * (1.0 - self.survival[k] / before))) if k and before > 0 else 0
            self.events[k] = min(deaths, risk)
            self.curve[k] = before * (1.0 - self.events[k] / risk) if risk else before
            left = risk - int(self.events[k])
            self.censored[k] = min(int(self.censored[k]), left)
            self.risk[k + 1] = left - int(self.censored[k])
            if self.events[k]:
                last = k
        return last


def _match(walk: _Walk, first: int, end: int, wanted: int) -> int:
    """Censor as many in an interval as bring its end to the number at risk there; return the last event's point."""
    start, last = int(walk.risk[first]), walk.last
    share = walk.survival[end] / walk.survival[first] if walk.survival[first] > 0 else 1.0
    count = int(np.round(start * share)) - wanted
    tried: dict[int, int] = {}
    for _ in range(ROUNDS):
        count = min(max(count, 0), start)
        walk.spread(count, first, end)
        walk.run(first, end, last)
        excess = int(walk.risk[end]) - wanted
        if count in tried:
            break
        tried[count] = excess
        if excess == 0 or (excess < 0 and count == 0):
            break
        count += excess
    best = min(tried, key=lambda number: (abs(tried[number]), number))
    walk.spread(best, first, end)
    return walk.run(first, end, last)


def _finish(
    walk: _Walk, first: int, rates: list[float], total_events: int | None, messages: list[str]
) -> None:
    """Find the last interval, which has no number at risk at its end."""
    end, left = walk.times.size, int(walk.risk[first])
    last = walk.last

    def total(count: int) -> int:
        walk.spread(count, first, end)
        walk.run(first, end, last)
        return int(walk.events.sum())

    if total_events is None:
        rate = float(np.mean(rates)) if rates else 0.0
        total(int(min(np.floor(rate * (walk.times[-1] - walk.times[first])), left)))
        return
    # The fewest censorings that bring the events nearest to the number reported.
    found = {count: abs(total(count) - total_events) for count in range(left + 1)}
    best = min(found, key=lambda count: (found[count], count))
    reached = total(best)
    if reached != total_events:
        messages.append(
            f"total_events is {total_events}; the curve and the numbers at risk give {reached} at the nearest"
        )


def reconstruct(
    curve: Any,
    at_risk: Any,
    total_events: int | None = None,
    *,
    drop_outliers: bool = False,
) -> ReconstructedData:
    """Reconstruct individual data from a digitised Kaplan-Meier curve and its numbers at risk.

    Parameters
    ----------
    curve : DataFrame, mapping, tuple or array_like
        Points read off the curve: a frame or mapping with time and survival (or surv), a tuple (times, survival), or
        rows (time, survival), shape (k, 2). Survival between 0 and 1. Both ends of a vertical step may be given.
    at_risk : DataFrame, mapping, tuple, array_like or int
        Numbers at risk: time and n_risk (or nrisk, number) likewise, beginning at time 0; a single number is the
        number of patients, where no more is known.
    total_events : int, optional
        Number of events reported, which settles the censoring after the last number at risk.
    drop_outliers : bool
        True leaves out points that stand out from their neighbours by the rule of R's IPDfromKM.

    Returns
    -------
    ReconstructedData
        Its `time` and `event` go into `kaplan_meier`, `logrank`, `parametric` and the others.

    Raises
    ------
    ValueError
        If survival is outside 0 to 1, numbers at risk rise or do not begin at time 0, or a value is no finite number;
        all offenders are named.

    Notes
    -----
    Guyot et al., BMC Med Res Methodol 2012;12:9, steps 1 to 8: between numbers at risk censorings are spread evenly,
    events follow from the fall of the curve, d = n (1 - S(t) / S(previous event)), and the number of censored is
    changed until the number at risk is met. After the last number at risk patients are censored at the average rate
    before it, or so that total_events is met.

    Against R's IPDfromKM: that drops points by Tukey's fences, valid ones where the curve falls fast (a distance of
    0.16 from the veteran curve; 0.02 here), which ``drop_outliers=True`` repeats; it drops numbers at risk between two
    points, here the curve is read there; its largest error forgets the sign; it repairs without a word.

    Examples
    --------
    >>> curve = ([0, 2, 4, 6, 8], [1.0, 0.9, 0.7, 0.7, 0.5])
    >>> data = reconstruct(curve, ([0, 5], [10, 6]))
    >>> data.to_frame().T
             0    1    2    3    4    5    6    7    8    9
    time   2.0  3.0  4.0  4.0  8.0  8.0  8.0  8.0  8.0  8.0
    event  1.0  0.0  1.0  1.0  1.0  1.0  0.0  0.0  0.0  0.0
    """
    import pandas as pd

    check_signature(reconstruct, locals())
    messages: list[str] = []
    starts, numbers = _numbers_at_risk(at_risk, messages)
    given_times, given = _columns(curve, "curve", ("survival", "surv"))
    if total_events is not None and not (
        0 <= total_events <= numbers[0] and int(total_events) == total_events
    ):
        raise ValueError(
            f"total_events must be a whole number from 0 to the {numbers[0]} patients at risk, got {total_events!r}"
        )
    times, survival = _clean(given_times, given, messages, drop_outliers=drop_outliers)
    times, survival, lower = _with_points_in_each(times, survival, starts)
    walk = _Walk(times, survival, int(numbers[0]))
    rates: list[float] = []
    for k in range(starts.size - 1):
        first, end = int(lower[k]), int(lower[k + 1])
        walk.last = _match(walk, first, end, int(numbers[k + 1]))
        rates.append(float(walk.censored[first:end].sum() / (starts[k + 1] - starts[k])))
        if walk.risk[end] != numbers[k + 1]:
            messages.append(
                f"at time {starts[k + 1]:g} the number at risk is {numbers[k + 1]}; the curve allows {walk.risk[end]}"
            )
    _finish(walk, int(lower[-1]), rates, total_events, messages)
    time, event = _patients(walk)
    events, censored = (np.add.reduceat(counts, lower) for counts in (walk.events, walk.censored))
    censored[-1] += walk.risk[-1]
    table = pd.DataFrame(
        {
            "time": starts,
            "reported": numbers,
            "reconstructed": walk.risk[lower],
            "events": events,
            "censored": censored,
        }
    )
    points = _compared(given_times, given, time, event)
    error = points["error"].to_numpy()
    return ReconstructedData(
        time,
        event,
        int(time.size),
        int(event.sum()),
        float(np.sqrt(np.mean(error**2))),
        float(np.mean(error)),
        float(error.max()),
        table,
        points,
        tuple(messages),
    )


def _with_points_in_each(
    times: NDArray[np.float64], survival: NDArray[np.float64], starts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Read the curve at numbers at risk between which no point lies; give the first point of each interval."""
    place = np.searchsorted(starts, times, side="right") - 1
    empty = np.setdiff1d(np.arange(starts.size), place)
    if empty.size:
        read = survival[np.searchsorted(times, starts[empty], side="right") - 1]
        times, survival = np.append(times, starts[empty]), np.append(survival, read)
        order = np.argsort(times, kind="stable")
        times, survival = times[order], survival[order]
    return times, survival, np.searchsorted(times, starts, side="left").astype(np.int64)


def _patients(walk: _Walk) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give each patient a row: events at their point, censorings midway to the next, the rest at the last point."""
    middle = np.append(0.5 * (walk.times[:-1] + walk.times[1:]), walk.times[-1])
    time = np.concatenate(
        [
            np.repeat(walk.times, walk.events),
            np.repeat(middle, walk.censored),
            np.full(int(walk.risk[-1]), walk.times[-1]),
        ]
    )
    event = np.zeros(time.size, dtype=np.int64)
    event[: int(walk.events.sum())] = 1
    order = np.lexsort((-event, time))
    return time[order], event[order]


def _compared(
    times: NDArray[np.float64],
    given: NDArray[np.float64],
    time: NDArray[np.float64],
    event: NDArray[np.int64],
) -> pd.DataFrame:
    """Compare the points as given with the reconstructed curve; of a vertical step any height is right."""
    import pandas as pd

    made = kaplan_meier(time, event, conf_type="plain")
    steps = np.append(1.0, made.survival)
    requested = np.maximum(times, 0.0)
    after = steps[np.searchsorted(made.time, requested, side="right")]
    before = steps[np.searchsorted(made.time, requested, side="left")]
    lowest = pd.Series(given).groupby(requested).transform("min").to_numpy()
    read = np.where(given > lowest, np.clip(given, after, before), after)
    return pd.DataFrame({"time": times, "digitised": given, "survival": read, "error": np.abs(read - given)})

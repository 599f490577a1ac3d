"""Are these numbers follow-up data?

Input: times, event codes, entry times, weights and groups as any sequence of numbers.
Output: NumPy arrays, or one ValueError that lists every offending value with its argument and position.
Protocol section: none.
Method: checked once at the door; what comes after trusts it.
Next: `kaplan_meier`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.numerics.arguments import as_number, display, even_array, label_array, label_faults
from pnstrial.numerics.time_units import DAYS_PER, TIME_UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EMPTY",
    "as_numbers",
    "check_level",
    "check_times",
    "check_unit",
    "codes_of",
    "column_of",
    "columns",
    "event_matrix",
    "events_of",
    "explain",
    "follow_up",
    "matrix_of",
    "names_of",
    "one_time",
]

EMPTY = np.empty(0)
_MOST = 8
_FLOAT = np.dtype(np.float64)


def columns(data: Any, **given: Any) -> list[Any]:
    """Take the columns of a table that are named, and values as they are.

    Parameters
    ----------
    data : pandas.DataFrame or mapping or None
    **given : str or array_like or None
        The arguments of the caller, by name.

    Returns
    -------
    list
        In the order given.

    Raises
    ------
    ValueError
        If a column is named that is not there, or without a table; all of them are listed.

    Examples
    --------
    >>> columns({"days": [3, 5], "dead": [1, 0]}, time="days", event="dead", entry=None)
    [[3, 5], [1, 0], None]
    """
    if data is None:
        tables = [name for name, value in given.items() if hasattr(value, "columns")]
        if tables:
            raise ValueError(
                f"{tables[0]} is a whole table: give it as data=, and the names of its columns, {'=, '.join(given)}="
            )
        named = [f"{name} = {value!r}" for name, value in given.items() if isinstance(value, str)]
        if named:
            raise ValueError(f"{', '.join(named)}: a name of a column needs its table, data=")
        return [column_of(value) for value in given.values()]
    if not hasattr(data, "__getitem__") or not hasattr(data, "keys"):
        raise ValueError(f"data must be a frame or a mapping of columns, got {type(data).__name__}")
    missing_columns = [
        f"{name} = {value!r}" for name, value in given.items() if isinstance(value, str) and value not in data
    ]
    if missing_columns:
        there = ", ".join(repr(str(name)) for name in list(data.keys())[:_MOST])
        raise ValueError(f"no column of data: {', '.join(missing_columns)}; it has {there}")
    return [column_of(data[value]) if isinstance(value, str) else value for value in given.values()]


def column_of(values: Any) -> Any:
    """Take the numbers out of a pandas column, which is slow to read as an array; all else stays as it is.

    Parameters
    ----------
    values : array_like
        What a table has under a name.

    Examples
    --------
    >>> column_of([3, 5])
    [3, 5]
    """
    dtype = getattr(values, "dtype", None)
    numbers = isinstance(dtype, np.dtype) and dtype.kind in "biuf" and hasattr(values, "to_numpy")
    return values.values if numbers else values  # half the time of to_numpy


def as_numbers(values: ArrayLike, name: str, unit: str | None = None) -> NDArray[np.float64]:
    """Read one argument as a vector of floats.

    Parameters
    ----------
    values : array_like, shape (n,)
        Text, dates, complex numbers and masked cells are no numbers; None is nan.
    name : str
        Name of the argument, for the message.
    unit : {"days", "weeks", "months", "years"}, optional
        The unit in which durations (Timedelta, timedelta64) are to be counted; without it they are refused.

    Returns
    -------
    numpy.ndarray, shape (n,), float64

    Raises
    ------
    ValueError
        If it is no vector or a cell is not a number; the message names the cell.

    Examples
    --------
    >>> as_numbers([1, 2.5], "time")
    array([1. , 2.5])
    >>> as_numbers(np.array([48, 96], dtype="timedelta64[h]"), "time", "days")
    array([2., 4.])
    """
    if type(values) is np.ndarray and values.dtype is _FLOAT and values.ndim == 1:  # the usual case
        return values
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.is_masked(values):
            raise ValueError(f"{name} is masked at some places; leave these patients out of all arguments")
        values = np.ma.getdata(values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(_not_numbers(values, name)) from None
    if array.dtype.kind not in "biuf":
        array = _other_numbers(array, values, name, unit)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    return array.astype(np.float64, copy=False)


def _other_numbers(array: NDArray[Any], values: Any, name: str, unit: str | None) -> NDArray[np.float64]:
    """Read durations, and numbers of Python among which some may be missing."""
    kind = array.dtype.kind
    if kind == "O" and array.size and isinstance(array.flat[0], timedelta | np.timedelta64):
        try:
            array = array.astype("timedelta64[ns]")
        except (TypeError, ValueError):
            raise ValueError(_not_numbers(values, name)) from None
        kind = "m"
    if kind == "m":
        return _counted(array, name, unit)
    if kind == "M" or (kind == "O" and array.size and isinstance(array.flat[0], date)):
        raise ValueError(f"{name} holds dates: subtract the date from which time is counted, and say unit=")
    if kind == "O" and not any(isinstance(cell, str | bytes | complex) for cell in array.flat):
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    raise ValueError(_not_numbers(values, name))


def _counted(values: NDArray[Any], name: str, unit: str | None) -> NDArray[np.float64]:
    """Count durations in a unit."""
    if unit is None:
        raise ValueError(f'{name} holds durations: say in which unit to count them, unit="days" or "months"')
    days = values / np.timedelta64(1, "D")
    return np.asarray(days / DAYS_PER[unit], dtype=np.float64)


def check_unit(unit: str | None) -> None:
    """Refuse a unit of time that there is not.

    Parameters
    ----------
    unit : str or None
        None: not known.

    Raises
    ------
    ValueError
        If it is none of `TIME_UNITS`.

    Examples
    --------
    >>> check_unit("fortnights")
    Traceback (most recent call last):
    ValueError: unit must be one of 'days', 'weeks', 'months', 'years', or None (not known); got 'fortnights'
    """
    if unit is not None and unit not in TIME_UNITS:
        allowed = ", ".join(map(repr, TIME_UNITS))
        raise ValueError(f"unit must be one of {allowed}, or None (not known); got {unit!r}")


def _not_numbers(values: Any, name: str) -> str:
    offenders: list[str] = []
    if isinstance(values, str):
        return f"{name} must be a sequence of numbers, got {values!r}; a column is named together with data="
    try:
        cells: Sequence[Any] = list(values)
    except TypeError:
        return f"{name} must be a sequence of numbers, got {values!r}"
    for position, cell in enumerate(cells):
        number = isinstance(cell, float | np.floating | bool | np.bool_) or as_number(cell) is not None
        if not number and cell is not None:
            offenders.append(f"{name}[{position}] = {display(cell)}")
    return f"{name} must be numbers: {_listed(offenders)}"


def names_of(value: Any, name: str) -> list[Any]:
    """Read one name or several labels.

    Parameters
    ----------
    value : str or sequence of labels
    name : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> names_of("age", "covariates"), names_of(("age", "sex"), "covariates")
    (['age'], ['age', 'sex'])
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple | set | range | dict | np.ndarray) and not hasattr(value, "tolist"):
        raise ValueError(f"{name} must be a list of labels, got {display(value)}")
    labels = list(value)
    if any(isinstance(label, list | dict | set | np.ndarray) for label in labels):
        raise ValueError(f"{name} must be a list of labels, got {display(value)}")
    return labels


def events_of(event: ArrayLike, event_is: Any = None) -> NDArray[np.float64]:
    """Read who had the event: 1 or True, 0 or False, or labels of which one is named.

    Parameters
    ----------
    event : array_like, shape (n,)
    event_is : label or list of labels, optional
        What the event is called; everything else is censoring. Needed unless events are 0 and 1.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Raises
    ------
    ValueError
        If there are labels and the event is not named, the named one does not occur, or a label is missing.

    Examples
    --------
    >>> events_of(["alive", "dead"], event_is="dead")
    array([0., 1.])
    >>> events_of(["alive", "dead"])
    Traceback (most recent call last):
    ValueError: event holds labels ('alive', 'dead'): name the event, event_is=...
    """
    array = even_array("event", event)
    if event_is is None:
        if (
            array.dtype.kind in "USO"
            and array.ndim == 1
            and any(isinstance(cell, str) for cell in array.tolist())
        ):
            labels = ", ".join(map(repr, sorted({str(cell) for cell in array.tolist()})[:_MOST]))
            raise ValueError(f"event holds labels ({labels}): name the event, event_is=...")
        read = array.dtype.kind in "biuf" and not isinstance(event, np.ma.MaskedArray)
        return as_numbers(array if read else event, "event")
    labels, codes = codes_of(event, array.size, "event")
    wanted = list(event_is) if isinstance(event_is, list | tuple | set) else [event_is]
    missing = [label for label in wanted if label not in labels]
    if missing:
        raise ValueError(
            f"event_is = {event_is!r} does not occur; event holds {', '.join(map(repr, labels[:_MOST]))}"
        )
    return np.isin(codes, [labels.index(label) for label in wanted]).astype(np.float64)


def _listed(offenders: list[str]) -> str:
    more = len(offenders) - _MOST
    return "; ".join(offenders[:_MOST]) + (f"; and {more} more" if more > 0 else "")


def _event_rules(event: NDArray[Any], codes: tuple[int, ...], remedy: str = "say event_is=2") -> list[str]:
    """Say which event codes are none, with the call that reads the codes of R; of one trial or of a batch."""
    wrong = np.argwhere(~np.isin(event, codes))
    if not wrong.size:
        return []
    named = [f"event[{', '.join(map(str, place))}] = {event[tuple(place)]:.15g}" for place in wrong.tolist()]
    if codes == (0, 1) and set(np.unique(event).tolist()) in ({1.0, 2.0}, {2.0}):
        return [
            f"event must be 0 or 1: {named[0]}; if 2 is the event and 1 censoring, as in R's Surv, {remedy}"
        ]
    allowed = " or ".join([", ".join(map(str, codes[:-1])), str(codes[-1])])
    rules = [f"event must be {allowed}: {_listed(named)}"]
    if codes == (0, 1) and np.any(event == 2):
        rules.append(
            "a competing event (2) belongs in cumulative_incidence; to censor at it, pass 0 for it on purpose"
        )
    return rules


def explain(
    time: NDArray[np.float64],
    event: NDArray[np.float64],
    entry: NDArray[np.float64] = EMPTY,
    weights: NDArray[np.float64] = EMPTY,
    codes: tuple[int, ...] = (0, 1),
) -> str:
    """Say everything that is wrong with follow-up data; empty if nothing is.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    entry, weights : numpy.ndarray, shape (n,) or empty
    codes : tuple of int
        The event codes that are allowed.

    Examples
    --------
    >>> explain(np.array([2.0, -1.0]), np.array([1.0, 3.0]))
    'time must be finite and not negative: time[1] = -1; event must be 0 or 1: event[1] = 3'
    """
    rules: list[str] = []

    def add(rule: str, name: str, values: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
        offenders = [f"{name}[{i}] = {values[i]:.15g}" for i in np.flatnonzero(wrong)]
        if offenders:
            rules.append(f"{rule}: {_listed(offenders)}")

    if time.size == 0:
        return "time is empty: at least one patient is needed"
    plain = codes == (0, 1) and not entry.size and not weights.size
    if plain and 0.0 <= time.min() <= time.max() < np.inf and bool(((event == 0.0) | (event == 1.0)).all()):
        return ""
    add("time must be finite and not negative", "time", time, ~(np.isfinite(time) & (time >= 0)))
    rules += _event_rules(event, codes)
    if entry.size:
        add("entry must be finite and not negative", "entry", entry, ~(np.isfinite(entry) & (entry >= 0)))
        late = entry >= time
        offenders = [
            f"entry[{i}] = {entry[i]:.15g}, time[{i}] = {time[i]:.15g}" for i in np.flatnonzero(late)
        ]
        if offenders:
            rules.append(f"entry must be before time: {_listed(offenders)}")
    if weights.size:
        wrong = ~(np.isfinite(weights) & (weights >= 0))
        add("weights must be finite and not negative", "weights", weights, wrong)
        if not weights.any():
            rules.append("weights are all 0: one patient at least must count")
    return "; ".join(rules)


def follow_up(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    codes: tuple[int, ...] = (0, 1),
    *,
    check: bool = True,
    event_is: Any = None,
    unit: str | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Read the arguments that every method shares.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up time, in any unit, and event code.
    entry, weights : array_like, shape (n,), optional
        Time from which the patient was observed, and case weights.
    codes : tuple of int
        Allowed event codes.
    check : bool
        False leaves the values (not the lengths) to the caller, which must call `explain` if it finds any fault.
    event_is : label or list of labels, optional
        As in `events_of`.
    unit : str, optional
        In which durations are counted, as in `as_numbers`.

    Returns
    -------
    tuple of numpy.ndarray
        time, event, entry, weights; the last two are empty where not given.

    Raises
    ------
    ValueError
        If lengths differ or a value is outside what is possible; every offender is named.

    Examples
    --------
    >>> time, event, entry, weights = follow_up([3, 5], [1, 0])
    >>> entry.size
    0
    """
    check_unit(unit)
    times = as_numbers(time, "time", unit)
    events = events_of(event, event_is) if codes == (0, 1) else as_numbers(event, "event")
    entries = EMPTY if entry is None else as_numbers(entry, "entry", unit)
    loads = EMPTY if weights is None else as_numbers(weights, "weights")
    n = times.size
    if (
        events.size != n
        or (entry is not None and entries.size != n)
        or (weights is not None and loads.size != n)
    ):
        named = [("time", times.size), ("event", events.size)]
        if entry is not None:
            named.append(("entry", entries.size))
        if weights is not None:
            named.append(("weights", loads.size))
        raise ValueError("lengths differ: " + ", ".join(f"{name} has {size}" for name, size in named))
    if check:
        fault = explain(times, events, entries, loads, codes)
        if fault:
            raise ValueError(fault)
    return times, events, entries, loads


def check_level(level: float) -> None:
    """Refuse a confidence level that is no probability.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.

    Examples
    --------
    >>> check_level(0.95)
    """
    if type(level) is not float or not 0.0 < level < 1.0:
        number = as_number(level)
        if number is None or not 0.0 < number < 1.0:
            raise ValueError(f"level must be between 0 and 1 (0.95 for 95 %), got {display(level)}")


def codes_of(group: ArrayLike, n: int, name: str = "group") -> tuple[list[Any], NDArray[np.int64]]:
    """Give each label of a grouping a number: sorted labels and, per patient, the place of its label.

    Parameters
    ----------
    group : array_like, shape (n,)
        Labels of any one kind.
    n : int
        Number of patients.
    name : str
        Name of the argument, for the message.

    Returns
    -------
    labels : list
    codes : numpy.ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        If the length is not n, a label is missing, or labels are of two kinds.

    Examples
    --------
    >>> codes_of(["b", "a", "b"], 3)
    (['a', 'b'], array([1, 0, 1]))
    """
    if np.ma.is_masked(group):
        raise ValueError(f"{name} is masked at some places; leave these patients out of all arguments")
    array = label_array(name, group)
    if array.ndim != 1 or array.size != n:
        raise ValueError(f"lengths differ: time has {n}, {name} has shape {array.shape}")
    if faults := label_faults(name, array):
        raise ValueError("; ".join(faults))
    try:
        labels, codes = np.unique(array, return_inverse=True)
    except TypeError:
        raise ValueError(f"{name} mixes kinds of labels that have no order; use one kind") from None
    return labels.tolist(), codes.astype(np.int64)


def check_times(at: ArrayLike, name: str = "times") -> NDArray[np.float64]:
    """Read times at which something is asked for: finite, not negative, one or many.

    Parameters
    ----------
    at : float or array_like
    name : str
        Name of the argument, for the message.

    Returns
    -------
    numpy.ndarray, shape (k,)

    Raises
    ------
    ValueError
        If a time is negative or not finite.

    Examples
    --------
    >>> check_times(3)
    array([3.])
    """
    requested = as_numbers(np.atleast_1d(even_array(name, at)), name)
    wrong = np.flatnonzero(~(np.isfinite(requested) & (requested >= 0)))
    if wrong.size:
        raise ValueError(
            f"{name} must be finite and not negative: "
            + _listed([f"{name}[{i}] = {requested[i]:.15g}" for i in wrong])
        )
    return requested


def one_time(at: Any, name: str = "at") -> float:
    """Read the one time at which something is asked for.

    Parameters
    ----------
    at : float
    name : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        If it is not one number, finite and not negative.

    Examples
    --------
    >>> one_time([3, 5])
    Traceback (most recent call last):
    ValueError: at must be one time, got [3, 5]; call once for each time
    """
    if even_array(name, at).ndim != 0:
        raise ValueError(f"{name} must be one time, got {at!r}; call once for each time")
    number = as_number(at)
    if number is None or number < 0:
        raise ValueError(f"{name} must be finite and not negative, one number; got {at!r}")
    return number


def matrix_of(values: ArrayLike, name: str, shape: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """Read a batch: one row per trial, one column per patient.

    Parameters
    ----------
    values : array_like, shape (R, n)
    name : str
        Name of the argument, for the message.
    shape : tuple of int, optional
        Shape that it must have.

    Returns
    -------
    numpy.ndarray, shape (R, n), float64

    Raises
    ------
    ValueError
        If it has another shape or a cell is not finite or negative.

    Examples
    --------
    >>> matrix_of([[1, 2]], "time").shape
    (1, 2)
    """
    try:
        given = np.asarray(values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must have the same number of patients in every trial") from None
    wanted = "(trials, patients)" if shape is None else str(shape)
    if given.ndim != 2 or (shape is not None and given.shape != shape):
        raise ValueError(f"{name} must have shape {wanted}, got {given.shape}")
    if given.shape[1] == 0:
        raise ValueError(f"{name} has no patients: shape {given.shape}")
    array: NDArray[np.float64] = given
    if given.dtype.kind not in "biuf":
        array = as_numbers(given.ravel(), name).reshape(given.shape)
    array = np.asarray(array, dtype=np.float64)
    # One pass for the usual case, which has no fault: nan fails the comparison too.
    if array.size and not (array.min() >= 0.0 and array.max() < np.inf):
        row, column = np.argwhere(~(np.isfinite(array) & (array >= 0)))[0]
        raise ValueError(
            f"{name} must be finite and not negative: {name}[{row}, {column}] = {array[row, column]:.15g}"
        )
    return array


def event_matrix(event: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Read the events of a batch: one row per trial, one column per patient.

    Parameters
    ----------
    event : array_like, shape (R, n)
        True or 1 for an event, False or 0 for censoring.
    shape : tuple of int
        Shape of the times.

    Returns
    -------
    numpy.ndarray, shape (R, n), int64

    Raises
    ------
    ValueError
        If it has another shape or holds another code; the first of them are named.

    Examples
    --------
    >>> event_matrix([[True, False]], (1, 2))
    array([[1, 0]])
    """
    raw = np.asarray(event) if hasattr(event, "dtype") else None
    whole = raw is not None and raw.dtype.kind in "bi" and raw.shape == shape
    events = raw if raw is not None and whole else matrix_of(event, "event", cast("tuple[int, int]", shape))
    if events.size and not bool(((events == 0) | (events == 1)).all()):
        raise ValueError("; ".join(_event_rules(events, (0, 1), "give event == 2")))
    return events.astype(np.int64)

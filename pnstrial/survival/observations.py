"""Are these numbers follow-up data?

Input: times, event codes, entry times, weights and groups as any sequence of numbers.
Output: NumPy arrays, or one ValueError that lists every offending value with its argument and position.
Protocol section: none.
Method: checked once at the door; what comes after trusts it.
Next: `kaplan_meier`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_numbers",
    "check_level",
    "check_times",
    "codes_of",
    "explain",
    "follow_up",
    "matrix_of",
    "one_time",
]

EMPTY = np.empty(0)
_SHOWN = 8


def as_numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Read one argument as a vector of floats.

    Parameters
    ----------
    values : array_like, shape (n,)
    name : str
        Name of the argument, for the message.

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
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(_not_numbers(values, name)) from None
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    return array


def _not_numbers(values: Any, name: str) -> str:
    offenders: list[str] = []
    try:
        cells: Sequence[Any] = list(values)
    except TypeError:
        return f"{name} must be a sequence of numbers, got {values!r}"
    for position, cell in enumerate(cells):
        try:
            float(cell)
        except (TypeError, ValueError):
            offenders.append(f"{name}[{position}] = {cell!r}")
    return f"{name} must be numbers: {_listed(offenders)}"


def _listed(offenders: list[str]) -> str:
    more = len(offenders) - _SHOWN
    return "; ".join(offenders[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


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

    Returns
    -------
    str

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
    add("time must be finite and not negative", "time", time, ~(np.isfinite(time) & (time >= 0)))
    allowed = " or ".join([", ".join(map(str, codes[:-1])), str(codes[-1])])
    wrong = ~np.isin(event, codes)
    add(f"event must be {allowed}", "event", event, wrong)
    if codes == (0, 1) and np.any(event[wrong] == 2):
        rules.append(
            "a competing event (2) belongs in cumulative_incidence; to censor at it, pass 0 for it on purpose"
        )
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
    return "; ".join(rules)


def follow_up(
    time: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    codes: tuple[int, ...] = (0, 1),
    *,
    check: bool = True,
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
    times, events = as_numbers(time, "time"), as_numbers(event, "event")
    entries = EMPTY if entry is None else as_numbers(entry, "entry")
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

    Parameters
    ----------
    level : float

    Raises
    ------
    ValueError
        If it is not between 0 and 1.

    Examples
    --------
    >>> check_level(0.95)
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1 (0.95 for 95 %), got {level!r}")


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
        If the length is not n or a label is missing.

    Examples
    --------
    >>> codes_of(["b", "a", "b"], 3)
    (['a', 'b'], array([1, 0, 1]))
    """
    array = np.asarray(group)
    if array.ndim != 1 or array.size != n:
        raise ValueError(f"lengths differ: time has {n}, {name} has shape {array.shape}")
    missing = [i for i, label in enumerate(array.tolist()) if label is None or label != label]  # noqa: PLR0124 - nan
    if missing:
        raise ValueError(f"{name} has no value: " + _listed([f"{name}[{i}]" for i in missing]))
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
    asked = as_numbers(np.atleast_1d(np.asarray(at)), name)
    wrong = np.flatnonzero(~(np.isfinite(asked) & (asked >= 0)))
    if wrong.size:
        raise ValueError(
            f"{name} must be finite and not negative: "
            + _listed([f"{name}[{i}] = {asked[i]:.15g}" for i in wrong])
        )
    return asked


def one_time(at: Any, name: str = "at") -> float:
    """Read the one time at which something is asked for.

    Parameters
    ----------
    at : float
    name : str
        Name of the argument, for the message.

    Returns
    -------
    float

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
    if np.ndim(at) != 0:
        raise ValueError(f"{name} must be one time, got {at!r}; call once for each time")
    return float(check_times(at, name)[0])


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
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        wanted = "(trials, patients)" if shape is None else str(shape)
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
    if array.shape[1] == 0:
        raise ValueError(f"{name} has no patients: shape {array.shape}")
    # One pass for the usual case, which has no fault: nan fails the comparison too.
    if array.size and not (array.min() >= 0.0 and array.max() < np.inf):
        row, column = np.argwhere(~(np.isfinite(array) & (array >= 0)))[0]
        raise ValueError(
            f"{name} must be finite and not negative: {name}[{row}, {column}] = {array[row, column]:.15g}"
        )
    return array

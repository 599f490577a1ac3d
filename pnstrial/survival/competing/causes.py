"""Which event came first?

Input: times, and causes as numbers (0 = censored, 1, 2, ...) or as labels.
Output: arrays of times and codes, and the labels; one ValueError that names every offender.
Protocol section: none.
Method: labels are never guessed: censoring is named.
Next: `incidence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import as_number, display, even_array
from pnstrial.survival.observations import as_numbers, check_unit, codes_of, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["causes_of", "failure_code", "labelled_causes"]


def labelled_causes(cause: Any, causes: Sequence[Any] | None, censored: Any) -> tuple[list[Any] | None, Any]:
    """Turn labels of causes into 1, 2, ..., and those of censoring into 0; numbers stay as they are.

    Parameters
    ----------
    cause : array_like, shape (n,)
    causes : sequence of labels, optional
        Their order; default: those that occur, sorted.
    censored : label or list of labels, optional

    Returns
    -------
    labels : list or None
        None where the codes were numbers already.
    cause : array_like, shape (n,)

    Raises
    ------
    ValueError
        If there are labels and censoring is not named, or a label is neither a cause nor censoring.

    Examples
    --------
    >>> labelled_causes(["dead", "relapse", "none"], None, "none")
    (['dead', 'relapse'], array([1, 2, 0]))
    """
    array = even_array("cause", cause)
    words = array.dtype.kind in "USO" and any(isinstance(label, str) for label in array.ravel().tolist())
    if censored is None and not words:
        return None, cause
    labels, codes = codes_of(cause, array.size, "cause")
    if censored is None:
        raise ValueError(
            f"cause holds labels ({', '.join(map(repr, labels[:8]))}): say what censoring is called, censored=..., and "
            "the causes in their order, causes=[...]"
        )
    ended = list(censored) if isinstance(censored, list | tuple | set) else [censored]
    if not ended:
        raise ValueError("censored is empty: say what censoring is called, whether or not it occurs")
    if causes is None and not any(label in ended for label in labels):
        raise ValueError(
            f"censored = {display(censored)} does not occur; cause holds {', '.join(map(repr, labels[:8]))}: correct"
            " it, or name the causes too, causes=[...]"
        )
    named = (
        [label for label in labels if label not in ended] if causes is None else names_of(causes, "causes")
    )
    stray = [label for label in labels if label not in named and label not in ended]
    both = [label for label in named if label in ended]
    if stray or both:
        problem = (
            f"{stray} is neither in causes nor in censored"
            if stray
            else f"{both} is in causes and in censored"
        )
        raise ValueError(f"cause: {problem}; name every label once")
    numbers = np.array([named.index(label) + 1 if label in named else 0 for label in labels], dtype=np.int64)
    return named, numbers[codes]


def failure_code(failure: Any, labels: list[Any] | None, name: str = "failure") -> int:
    """Read which cause is of interest.

    Parameters
    ----------
    failure : int, label or None
        None: the first.
    labels : list or None
        Of the causes, as `labelled_causes` gives them.
    name : str
        Name of the argument, for the message.

    Returns
    -------
    int
        1, 2, ...

    Raises
    ------
    ValueError
        If it is neither a label nor a whole number from 1 on, or there are fewer labels.

    Examples
    --------
    >>> failure_code("relapse", ["dead", "relapse"]), failure_code(None, None)
    (2, 1)
    """
    if failure is None:
        return 1
    if labels is not None and any(label is failure or label == failure for label in labels):
        return labels.index(failure) + 1
    number = as_number(failure)
    if number is None or number < 1 or not number.is_integer():
        listed = "" if labels is None else f" ({', '.join(map(repr, labels[:8]))})"
        raise ValueError(
            f"{name} must be a cause, a whole number from 1 on or a label{listed}, got {display(failure)}"
        )
    if labels is not None and number > len(labels):
        raise ValueError(f"{name} = {failure!r} is no cause; they are {', '.join(map(repr, labels[:8]))}")
    return int(number)


def causes_of(time: ArrayLike, cause: ArrayLike, unit: str | None = None) -> tuple[Vector, NDArray[np.int64]]:
    """Read times and causes.

    Parameters
    ----------
    time : array_like, shape (n,)
    cause : array_like of int, shape (n,)
    unit : str, optional
        In which durations are counted.

    Returns
    -------
    time : ndarray of float, shape (n,)
    cause : ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        For times that are negative or not finite, causes that are not whole numbers from 0 on, unequal lengths or
        no patient; every offender is named.

    Examples
    --------
    >>> causes_of([1, 2.5], [0, 2])
    (array([1. , 2.5]), array([0, 2]))
    """
    check_unit(unit)
    times, codes = as_numbers(time, "time", unit), as_numbers(cause, "cause")
    if times.size != codes.size:
        raise ValueError(f"time has {times.size} values and cause {codes.size}; give one cause for each time")
    if times.size == 0:
        raise ValueError("time is empty; give at least one patient")
    faults = [
        _listed("time", times, ~(np.isfinite(times) & (times >= 0)), "a follow-up time must be finite and at least 0"),
        _listed(
            "cause", codes, ~(np.isfinite(codes) & (codes >= 0) & (codes == np.floor(codes))),
            "write 0 for censored, 1, 2, ... for the event that came first",
        ),
    ]  # fmt: skip
    if any(faults):
        raise ValueError(". ".join(fault for fault in faults if fault))
    return times, codes.astype(np.int64)


def _listed(name: str, values: Vector, wrong: Vector, rule: str) -> str:
    places = np.flatnonzero(wrong)
    if not places.size:
        return ""
    listed = ", ".join(f"{name}[{i}] is {values[i]:g}" for i in places[:8])
    return listed + (f" and {places.size - 8} more" if places.size > 8 else "") + f"; {rule}"

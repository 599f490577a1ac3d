"""What counts as a grade, a pair of ratings, a table of counts?

Input: whatever a caller passes as grades 0-6, as counts by grade, or as rows of an outcome.
Output: clean integer arrays, or one ValueError that names argument, place, value and rule.
Protocol section: none.
Method: everything is checked here, once; the functions behind trust what they get.
Next: `shift.paired`, `shift.ordinal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Grades = NDArray[np.int64]
    Array = NDArray[np.float64]

__all__ = ["check_choice", "check_share", "counts_by_grade", "grade_array", "grade_pairs", "group_counts"]

WORST: Final = 6
"""The highest grade: death."""


def _places(wrong: NDArray[np.bool_], values: NDArray[Any], name: str) -> str:
    """List the first offenders with their places."""
    found = np.argwhere(wrong)
    shown = [
        f"{name}{list(map(int, place)) if len(place) != 1 else f'[{place[0]}]'} = {values[tuple(place)]}"
        for place in found[:5]
    ]
    return ", ".join(shown) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _whole(
    caller: str, name: str, values: ArrayLike, dimensions: int, highest: int | None, *, missing: bool = False
) -> Grades:
    """Return whole numbers from 0 to `highest`, or name the offenders; missing becomes -1 where allowed."""
    rule = "whole numbers from 0 up" if highest is None else f"whole grades from 0 to {highest}"
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{caller}: {name} must hold {rule} in rows of one length") from None
    if array.dtype.kind == "O":
        try:
            array = np.array(
                [
                    np.nan if value is None or str(value) in ("nan", "<NA>", "NaT") else value
                    for value in array.ravel()
                ],
                dtype=float,
            ).reshape(array.shape)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{caller}: {name} must hold {rule}; it holds {error}") from None
    if array.dtype.kind not in "iufb":
        raise ValueError(
            f"{caller}: {name} must hold {rule}, not {array.dtype} values such as {array.flat[0]!r}"
        )
    if array.ndim != dimensions:
        raise ValueError(f"{caller}: {name} must have {dimensions} axis or axes, not shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{caller}: {name} is empty; at least one value is needed")
    if array.dtype.kind == "f":
        blank = np.isnan(array)
        if blank.any() and not missing:
            everything = " (all of them)" if blank.all() else ""
            raise ValueError(
                f"{caller}: {_places(blank, array, name)}{everything}: a missing value has no grade; leave the "
                "patient out or impute (see `shift.impute`)"
            )
        filled = np.where(blank, -1.0, array)
        bad = (filled != np.floor(filled)) | (np.abs(filled) > 2.0**53)
        if bad.any():
            raise ValueError(f"{caller}: {_places(bad, array, name)}: must be {rule}")
        result = filled.astype(np.int64)
    else:
        result = array.astype(np.int64)
    low = -1 if missing else 0
    if result.min() < low or (highest is not None and result.max() > highest):
        outside = result < low if highest is None else (result < low) | (result > highest)
        raise ValueError(f"{caller}: {_places(outside, array, name)}: must be {rule}")
    return result


def grade_array(
    caller: str,
    name: str,
    values: ArrayLike,
    *,
    dimensions: int = 1,
    highest: int = WORST,
    missing: bool = False,
) -> Grades:
    """Check an array of grades.

    Parameters
    ----------
    caller, name : str
        The function and argument that an error names.
    values : array-like
        Grades; NaN or None is missing.
    dimensions : int
        How many axes it must have.
    highest : int
        Highest grade.
    missing : bool
        Whether missing values (also -1) are allowed; they become -1.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    ValueError
        If a value is missing (unless allowed), no whole number or outside 0 to `highest`, or nothing is there.

    Examples
    --------
    >>> grade_array("sign_test", "first", [3, 4.0, 6]).tolist()
    [3, 4, 6]
    """
    return _whole(caller, name, values, dimensions, highest, missing=missing)


def grade_pairs(
    caller: str, first: ArrayLike, second: ArrayLike, *, dimensions: int = 1, missing: bool = False
) -> tuple[Grades, Grades]:
    """Check two arrays of grades of the same patients.

    Parameters
    ----------
    caller : str
        The function that an error names.
    first, second : array-like
        Earlier and later grades.
    dimensions : int
        How many axes each must have.
    missing : bool
        Whether missing values are allowed; they become -1.

    Returns
    -------
    tuple of ndarray

    Raises
    ------
    ValueError
        As `grade_array`, or if the two differ in shape.
    """
    earlier = _whole(caller, "first", first, dimensions, WORST, missing=missing)
    later = _whole(caller, "second", second, dimensions, WORST, missing=missing)
    if earlier.shape != later.shape:
        raise ValueError(
            f"{caller}: first has shape {earlier.shape}, second {later.shape}; both hold the same patients, "
            "in the same order"
        )
    return earlier, later


def group_counts(caller: str, treated: ArrayLike, control: ArrayLike) -> Array:
    """Check the counts by grade of two groups.

    Parameters
    ----------
    caller : str
        The function that an error names.
    treated, control : array-like of int
        Patients at each grade, best grade first; both of the same length, at least 2.

    Returns
    -------
    ndarray
        Shape (2, K): treated, control.

    Raises
    ------
    ValueError
        If a count is missing, negative or no whole number, the lengths differ, or a group is empty.

    Examples
    --------
    >>> group_counts("win_statistics", [1, 2, 0], [0, 1, 4]).tolist()
    [[1.0, 2.0, 0.0], [0.0, 1.0, 4.0]]
    """
    ours = _whole(caller, "treated", treated, 1, None)
    theirs = _whole(caller, "control", control, 1, None)
    if ours.size != theirs.size:
        raise ValueError(
            f"{caller}: treated has {ours.size} grades, control {theirs.size}; give both counts for the same "
            "grades, 0 where nobody is"
        )
    if ours.size < 2:
        raise ValueError(f"{caller}: treated and control have {ours.size} grade; at least 2 are needed")
    for name, counts in (("treated", ours), ("control", theirs)):
        if not counts.any():
            raise ValueError(f"{caller}: {name} = {counts.tolist()} has no patient; both groups need one")
    return np.stack([ours, theirs]).astype(np.float64)


def trial_counts(caller: str, counts: ArrayLike) -> Array:
    """Check the counts by grade of many trials, shape (R, 2, K): treated, control.

    Raises
    ------
    ValueError
        If the shape is another, a count is missing, negative or no whole number, or a group is empty.
    """
    try:
        array = np.asarray(counts)
    except ValueError:
        raise ValueError(f"{caller}: counts must have the shape (trials, 2, grades) in every trial") from None
    if array.ndim != 3 or array.shape[1] != 2 or array.shape[2] < 2:
        raise ValueError(
            f"{caller}: counts must have the shape (trials, 2, grades), treated before control, not {array.shape}"
        )
    whole = _whole(caller, "counts", array, 3, None)
    empty = whole.sum(axis=2) == 0
    if empty.any():
        found = [f"trial {r} {('treated', 'control')[g]}" for r, g in np.argwhere(empty)[:5]]
        more = f" and {int(empty.sum()) - 5} more" if empty.sum() > 5 else ""
        raise ValueError(f"{caller}: counts has a group without patients: {', '.join(found)}{more}")
    return np.ascontiguousarray(whole, dtype=np.float64)


def counts_by_grade(grades: ArrayLike, highest: int = WORST) -> Grades:
    """Count the patients at each grade.

    Parameters
    ----------
    grades : array-like
        Grades 0 to `highest`, none missing.
    highest : int, default 6
        Highest grade.

    Returns
    -------
    ndarray of int64
        Shape (highest + 1,).

    Raises
    ------
    ValueError
        If a value is missing, no whole number or outside 0 to `highest`.

    Examples
    --------
    >>> counts_by_grade([2, 3, 3, 6]).tolist()
    [0, 0, 1, 2, 0, 0, 1]
    """
    return np.bincount(_whole("counts_by_grade", "grades", grades, 1, highest), minlength=highest + 1)


def check_share(caller: str, name: str, value: float) -> float:
    """Check a number strictly between 0 and 1, such as a confidence level.

    Raises
    ------
    ValueError
        If it is not.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0.0 < number < 1.0:
        raise ValueError(f"{caller}: {name} = {value!r} must be a number between 0 and 1")
    return number


def check_choice(caller: str, name: str, value: str, allowed: Sequence[str]) -> str:
    """Check a word against the words that an argument takes.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if value not in allowed:
        raise ValueError(f"{caller}: {name} = {value!r} must be one of {', '.join(map(repr, allowed))}")
    return value

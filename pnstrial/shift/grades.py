"""What counts as a grade, a pair of ratings, a table of counts?

Input: whatever a caller passes as grades 0-6, as counts by grade, or as rows of an outcome.
Output: clean integer arrays, or one ValueError that names argument, place, value and rule.
Protocol section: none.
Method: everything is checked here, once; the functions behind trust what they get.
Next: `shift.paired`, `shift.ordinal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.numerics.arguments import Checks, label_array, label_faults
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Grades = NDArray[np.int64]
    Array = NDArray[np.float64]

__all__ = [
    "WORST",
    "TwoGroups",
    "arms",
    "column",
    "counts_by_grade",
    "grade_array",
    "grade_pairs",
    "groups_of",
    "responder_pairs",
    "trial_counts",
    "two_groups",
]

WORST: Final = 6
"""The highest grade: death."""


def _places(wrong: NDArray[np.bool_], values: NDArray[Any], name: str) -> str:
    """List the first offenders with their places."""
    found = np.argwhere(wrong)
    offenders = [
        f"{name}{list(map(int, place)) if len(place) != 1 else f'[{place[0]}]'} = {values[tuple(place)]}"
        for place in found[:5]
    ]
    return ", ".join(offenders) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _whole(
    caller: str, name: str, values: ArrayLike, dimensions: int, highest: int | None, *, missing: bool = False
) -> Grades:
    """Return whole numbers from 0 to `highest`, or name the offenders; missing becomes -1 where allowed."""
    if highest is not None and highest != WORST:
        Checks(caller).count("highest", highest, 1, 1000).done()
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
    least, most = np.minimum.reduce(result, axis=None), np.maximum.reduce(result, axis=None)
    if least < low or (highest is not None and most > highest):
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
    caller: str,
    first: ArrayLike,
    second: ArrayLike,
    *,
    data: object = None,
    dimensions: int = 1,
    missing: bool = False,
    highest: int = WORST,
) -> tuple[Grades, Grades]:
    """Check two arrays of grades of the same patients.

    Parameters
    ----------
    caller : str
        The function that an error names.
    first, second : array-like
        Earlier and later grades, or their columns in `data`.
    data : pandas.DataFrame, optional
        One row per patient.
    dimensions : int
        How many axes each must have.
    missing : bool
        Whether missing values are allowed; they become -1.
    highest : int
        Highest grade.

    Raises
    ------
    ValueError
        As `grade_array`, or if the two differ in shape.
    """
    Checks(caller).count("highest", highest, 1).done()
    first, second = column(caller, data, "first", first), column(caller, data, "second", second)
    earlier = _whole(caller, "first", first, dimensions, highest, missing=missing)
    later = _whole(caller, "second", second, dimensions, highest, missing=missing)
    if earlier.shape != later.shape:
        raise ValueError(
            f"{caller}: first has shape {earlier.shape}, second {later.shape}; both hold the same patients, "
            "in the same order"
        )
    return earlier, later


DEAD_AT_BASELINE: Final = ("refuse", "stable", "exclude")
"""What to do with patients who were dead at the earlier rating, where patients can be responders."""


def responder_pairs(
    caller: str, first: ArrayLike, second: ArrayLike, *, dead: str, data: object = None, missing: bool = False,
    highest: int = WORST,
) -> tuple[Grades, Grades]:  # fmt: skip
    """Check two ratings of the same patients who can respond: nobody dead at the first can.

    Parameters
    ----------
    caller : str
        The function that an error names.
    first, second : array-like of int
        Earlier and later grades, or their columns in `data`.
    dead : {"refuse", "stable", "exclude"}
        Patients with a baseline of 6: an error that names them, kept as patients who stay at 6 (never
        responders), or left out of all counts.
    data : pandas.DataFrame, optional
        One row per patient.
    missing : bool
        Whether later grades may be missing; they become -1.
    highest : int, default 6
        Highest grade, which is death.

    Raises
    ------
    ValueError
        As `grade_pairs`, if an earlier grade is missing, or a patient was dead at the earlier rating.

    Examples
    --------
    >>> [grades.tolist() for grades in responder_pairs("changes", [3, 6], [2, 5], dead="stable")]
    [[3, 6], [2, 6]]
    """
    Checks(caller).word("dead", dead, DEAD_AT_BASELINE).done()
    Checks(caller).count("highest", highest, 1).done()
    earlier = grade_array(caller, "first", column(caller, data, "first", first), highest=highest)
    second = column(caller, data, "second", second)
    earlier, later = grade_pairs(caller, earlier, second, missing=missing, highest=highest)
    gone = earlier == highest
    if not gone.any():
        return earlier, later
    if dead == "refuse":
        raise ValueError(
            f"{caller}: {_places(gone, earlier, 'first')}: dead at the earlier rating, so no responder; leave "
            "the patient out, or say dead='stable' (counted, never improved) or dead='exclude'"
        )
    if dead == "stable":
        return earlier, np.where(gone, highest, later)
    if gone.all():
        raise ValueError(f"{caller}: first is {highest} for every patient; nobody is left")
    return earlier[~gone], later[~gone]


@dataclass(frozen=True)
class TwoGroups:
    """The patients of two groups, treated against control.

    Attributes
    ----------
    names : tuple of str
        The treated and the control group.
    counts : ndarray
        Shape (2, K): patients at each grade, treated first.
    grades : ndarray of int or None
        Grade of each patient; None where counts were given.
    treated : ndarray of bool or None
        Whether each patient is treated.
    """

    names: tuple[str, str]
    counts: Array
    grades: Grades | None = None
    treated: NDArray[np.bool_] | None = None

    @property
    def patients(self) -> tuple[Grades, NDArray[np.bool_]]:
        """Grade of each patient, and whether the patient is treated."""
        if self.grades is None or self.treated is None:
            raise ValueError("counts by grade name no patients; give grades")
        return self.grades, self.treated

    @property
    def n_treated(self) -> int:
        """Patients treated."""
        return int(self.counts[0].sum())

    @property
    def n_control(self) -> int:
        """Patients of the control group."""
        return int(self.counts[1].sum())


def two_groups(
    caller: str, grades: object = None, misplaced: tuple[object, ...] = (), *, group: object = None,
    control: object = None, data: object = None, grade: object = None, treated: object = None,
    counts: object = None, highest: int = WORST, extra: str = "",
) -> TwoGroups:  # fmt: skip
    """Read the patients of two groups, in one of the four ways that leave nothing to guess.

    Parameters
    ----------
    caller : str
        The function that an error names.
    grades : array-like of int
        Grade of each patient, with `group` and `control`.
    misplaced : tuple
        What stood by position after `grades`: refused, as grades and counts look alike.
    group : array-like or str
        The group of each patient (a column of `data`): two labels.
    control : object or array-like of int
        The label of the control group; may be left out where labels are 0 and 1 (or False and True). With
        `treated`, the grades of the control patients.
    data : pandas.DataFrame
        One row per patient, with `grade` and `group` as names of columns.
    grade : str
        Column of the grades.
    treated : array-like of int
        Grades of the treated patients, with `control`.
    counts : pair of array-like of int, or mapping
        Patients at each grade 0 to `highest`, treated first (a mapping names the groups).
    highest : int, default 6
        Highest grade of the scale.
    extra : str
        Further arguments that a right call has.

    Raises
    ------
    TypeError
        If two arrays stand by position.
    ValueError
        If the patients are given in no way or in two, `group` has not two labels, `control` is none of them,
        a grade is missing or outside 0 to `highest`, or a group is empty.

    Examples
    --------
    >>> arms = two_groups("f", [1, 2, 5, 4], group=["IVIg", "IVIg", "sham", "sham"], control="sham")
    >>> arms.names, arms.counts[0].tolist()
    (('IVIg', 'sham'), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    """
    if hasattr(grades, "columns"):
        raise ValueError(
            f"{caller}: grades is a frame; call {caller}(data=frame, grade=..., group=..., control=...{extra})"
        )
    if misplaced:
        raise TypeError(
            f"{caller}: two arrays by position could be grades or counts, and neither is guessed; "
            f"call {_right_calls(caller, extra)}"
        )
    if isinstance(grades, str) and data is not None and grade is None:
        grades, grade = None, grades
    given = {"grades": grades, "data": data, "treated": treated, "counts": counts}
    used = [name for name, value in given.items() if value is not None]
    if len(used) != 1 or (extra and "counts" in used):
        found = f"they came by {' and '.join(used)}" if used else "there are none"
        raise ValueError(f"{caller}: give the patients in one way ({found}): {_right_calls(caller, extra)}")
    if (group is None) == (used[0] in ("grades", "data")):
        rule = (
            "names the arm of each patient of grades or data"
            if group is None
            else f"has no place beside {used[0]}"
        )
        raise ValueError(f"{caller}: group {rule}; call {_right_calls(caller, extra)}")
    if used[0] == "counts":
        if control is not None:
            raise ValueError(
                f"{caller}: control has no place beside counts; call {_right_calls(caller, extra)}"
            )
        return _from_counts(caller, counts, highest)
    if used[0] == "treated":
        if control is None:
            raise ValueError(f"{caller}: control is absent; call {_right_calls(caller, extra)}")
        parts = [
            grade_array(caller, name, values, highest=highest)
            for name, values in (
                ("treated", cast("ArrayLike", treated)),
                ("control", cast("ArrayLike", control)),
            )
        ]
        both, is_treated = np.concatenate(parts), np.repeat([True, False], [part.size for part in parts])
        names = ("treated", "control")
    else:
        if data is not None:
            grades, group = column(caller, data, "grade", grade), column(caller, data, "group", group)
        both = grade_array(caller, "grades", cast("ArrayLike", grades), highest=highest)
        is_treated, names = arms(caller, group, control, both.size)
    table = [np.bincount(both[rows], minlength=highest + 1) for rows in (is_treated, ~is_treated)]
    return TwoGroups(names, np.stack(table).astype(np.float64), both, is_treated)


def groups_of(function: Callable[..., Any], values: Mapping[str, Any], extra: str = "") -> TwoGroups:
    """Read the patients of two groups out of the arguments of a public function, which it checks against its signature.

    Parameters
    ----------
    function : callable
        The function that was called.
    values : mapping of str to object
        Its arguments, as ``locals()`` gives them in its first line.
    extra : str
        As in `two_groups`.

    Raises
    ------
    TypeError, ValueError
        As `two_groups`, or if an argument is of another kind than the signature says.
    """
    check_signature(function, values)
    return two_groups(
        function.__name__, values["grades"], values["misplaced"], group=values["group"], control=values["control"],
        data=values["data"], grade=values["grade"], treated=values["treated"], counts=values.get("counts"),
        highest=int(values.get("highest", WORST)), extra=extra,
    )  # fmt: skip


def _right_calls(caller: str, extra: str) -> str:
    return (
        f"{caller}(grades, group=arm, control='placebo'{extra}), "
        f"{caller}(data=frame, grade='mrs', group='arm', control='placebo'{extra}), "
        f"{caller}(treated=grades, control=grades{extra})"
        + ("" if extra else f", or {caller}(counts=(treated, control)) with counts by grade")
    )


def arms(caller: str, group: object, control: object, size: int) -> tuple[NDArray[np.bool_], tuple[str, str]]:
    """Tell who is treated, and the names of the groups, from the label of each patient's group.

    Raises
    ------
    ValueError
        If a label is missing, there are not two, or `control` is none of them.
    """
    array = label_array("group", group)
    if array.shape != (size,):
        raise ValueError(
            f"{caller}: group has shape {array.shape}; it must hold one label for each of the {size} patients"
        )
    if control is None and array.dtype.kind in "biu" and 0 <= array.min() < array.max() == 1:
        return array == 1, ("treated", "control")
    if faults := label_faults("group", array):
        raise ValueError(f"{caller}: {'; '.join(faults)}")
    labels: list[object] = array.tolist()
    levels = list(dict.fromkeys(labels))
    plain = not any(isinstance(level, str) for level in levels) and set(levels) <= {0, 1}
    listed = ", ".join(repr(level) for level in levels[:6]) + (", ..." if len(levels) > 6 else "")
    if control is None and plain:
        levels, names = [1, 0], ("treated", "control")
    else:
        if control is None:
            raise ValueError(
                f"{caller}: control must name the control group, one of the labels of group: {listed}"
            )
        matches = [
            level for level in levels if type(level) is type(_item(control)) and level == _item(control)
        ]
        matches = matches or [level for level in levels if plain and level == _item(control)]
        if not matches:
            raise ValueError(f"{caller}: control = {control!r} is no label of group; its labels are {listed}")
        levels = [level for level in levels if level != matches[0]] + matches
        names = (str(levels[0]), str(levels[-1]))
    if len(levels) != 2:
        raise ValueError(
            f"{caller}: group has {len(levels)} label(s), {listed}; two groups are compared, choose their rows"
        )
    is_treated = np.array([label == levels[0] for label in labels], dtype=bool)
    if is_treated.all() or not is_treated.any():
        raise ValueError(f"{caller}: group is {listed} for every patient; both groups need one")
    return is_treated, names


def _item(label: object) -> object:
    """Give the plain value of a NumPy scalar; anything else as it is."""
    return cast("Any", label).item() if isinstance(label, np.generic) else label


def _from_counts(caller: str, counts: object, highest: int) -> TwoGroups:
    names = ("treated", "control")
    if isinstance(counts, Mapping):
        named = cast("Mapping[object, object]", counts)
        names, counts = tuple(str(name) for name in named), tuple(named.values())
    try:
        ours, theirs = cast("tuple[ArrayLike, ArrayLike]", counts)
    except (TypeError, ValueError):
        raise ValueError(
            f"{caller}: counts must be a pair, counts=(treated, control), each the patients at grade 0 to {highest}"
        ) from None
    rows = [
        _whole(caller, f"counts: {name}", part, 1, None)
        for name, part in zip(names, (ours, theirs), strict=True)
    ]
    if rows[0].size != rows[1].size:
        raise ValueError(
            f"{caller}: counts: {names[0]} has {rows[0].size} grades, {names[1]} {rows[1].size}; give both counts for "
            "the same grades, 0 where nobody is"
        )
    if rows[0].size != highest + 1:
        raise ValueError(
            f"{caller}: counts has {rows[0].size} grades a group; the scale 0 to {highest} has {highest + 1}. "
            + (
                f"A scale of {rows[0].size} grades is highest={rows[0].size - 1}; "
                if rows[0].size > 1
                else ""
            )
            + f"grades of patients are {caller}(treated=grades, control=grades)"
        )
    for name, row in zip(names, rows, strict=True):
        if not row.any():
            raise ValueError(
                f"{caller}: counts: {name} = {row.tolist()} has no patient; both groups need one"
            )
    return TwoGroups((names[0], names[1]), np.array(rows, dtype=np.float64))


def column(caller: str, data: object, name: str, chosen: object) -> Any:
    """Take one column of a frame (or mapping) by its name; what is no name is taken as the values.

    Parameters
    ----------
    caller, name : str
        The function and argument that an error names.
    data : pandas.DataFrame, mapping or None
        Where to look; None takes `chosen` as the values.
    chosen : object
        Name of a column, or values.

    Raises
    ------
    ValueError
        If the column does not exist, or a name is given without data.
    """
    if data is None:
        if isinstance(chosen, str):
            raise ValueError(f"{caller}: {name} = {chosen!r} names a column; give the frame as data=")
        return chosen
    names = [str(found) for found in cast("Any", data)]
    if chosen is None:
        raise ValueError(f"{caller}: {name} is absent; name a column of data: {', '.join(names)}")
    if not isinstance(chosen, str):
        return chosen
    if chosen not in names:
        raise ValueError(f"{caller}: {name} = {chosen!r} is no column of data; it has {', '.join(names)}")
    return cast("Any", data)[chosen]


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
    check_signature(counts_by_grade, locals())
    return np.bincount(_whole("counts_by_grade", "grades", grades, 1, highest), minlength=int(highest) + 1)

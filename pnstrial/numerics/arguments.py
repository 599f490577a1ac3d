"""What may an argument be?

Input: the arguments of a public function, with their names.
Output: one ValueError that lists every argument that breaks its rule, with value, rule and remedy.
Protocol section: none.
Method: each check adds a sentence to a list; `Checks.done` raises once, with all of them. True and False, text, nan
and infinity are no numbers; a whole number may be written 3.0.
Next: `roots`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Self, SupportsFloat, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = ArrayLike
    """Of a parameter: numbers only, in any regular shape; `signatures` refuses words, yes and no."""

__all__ = ["Checks", "as_array", "as_number", "display", "even_array", "label_array", "label_faults"]

_LONGEST = 80
_MOST = 5


def as_number(value: object) -> float | None:
    """Read a finite number, or None where the value is none.

    Parameters
    ----------
    value : object
        Anything. True and False, text, None, nan, infinity, durations, complex numbers and arrays are no numbers.

    Examples
    --------
    >>> as_number(3), as_number("3"), as_number(True), as_number(float("nan"))
    (3.0, None, None, None)
    """
    if type(value) is float or type(value) is int:  # the usual case, before the slower questions
        return _finite(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | str | bytes | complex | np.ndarray) or not hasattr(value, "__float__"):
        return None
    if hasattr(value, "__len__"):  # a column of one value is no number
        return None
    if isinstance(value, np.generic) and value.dtype.kind not in "iuf":
        return None
    return _finite(cast("SupportsFloat", value))


def _finite(value: SupportsFloat) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def display(value: object) -> str:
    """Write a value for a message, cut where it is long.

    Examples
    --------
    >>> display("word"), len(display(list(range(1000))))
    ("'word'", 80)
    """
    if isinstance(value, np.ndarray) and value.size <= _LONGEST:
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if is_dataclass(value) or hasattr(value, "columns"):
        several = " or ".join(f".{name}" for name in ("optimal", "minimax") if hasattr(value, name))
        choose = f" (give its {several})" if several else ""
        return f"<{type(value).__name__}>{choose}"  # the whole table would say less
    if isinstance(value, list | tuple) and any(map(is_dataclass, cast("list[object]", value))):
        return f"[{', '.join(map(display, cast('list[object]', value[:_MOST])))}]"
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."


def _flat(values: object) -> list[object] | None:
    """Give the members of a sequence of one axis, or None where it is none."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return None
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        return None
    if isinstance(values, np.ndarray) and values.ndim != 1:
        return None
    try:
        return list(cast("Iterable[object]", values))
    except TypeError:
        return None


def even_array(name: str, values: Any) -> NDArray[Any]:
    """Read values of any kind as an array; rows of different lengths are refused by name.

    Parameters
    ----------
    name : str
        Of the argument.
    values : array-like

    Raises
    ------
    ValueError
        If the rows differ in length.

    Examples
    --------
    >>> even_array("event", [[1], [1, 2]])
    Traceback (most recent call last):
    ValueError: event = [[1], [1, 2]] has rows of different lengths; give one value for each patient
    """
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name} = {display(values)} has rows of different lengths; give one value for each patient"
        ) from None


def label_array(name: str, values: Any) -> NDArray[Any]:
    """Read labels as an array that keeps kinds apart: beside text NumPy would turn 1 into "1", and nan into "nan".

    Parameters
    ----------
    name : str
        Of the argument.
    values : array-like
        Of one or two axes.

    Raises
    ------
    ValueError
        If the rows differ in length.

    Examples
    --------
    >>> label_array("group", [1, "1"]).tolist(), label_array("group", [1, 2]).dtype.kind
    ([1, '1'], 'i')
    """
    array = even_array(name, values)
    if array.dtype.kind not in "US" or isinstance(values, np.ndarray):
        return array
    return np.array(values, dtype=object)


def label_faults(name: str, labels: NDArray[Any]) -> list[str]:
    """Say what keeps values from being labels: places without one, two kinds, blanks around them; empty if nothing.

    Parameters
    ----------
    name : str
        Of the argument.
    labels : ndarray
        As `label_array` gives it.

    Examples
    --------
    >>> label_faults("arm", label_array("arm", ["a", "b", "a "]))
    ["arm has labels that differ in spaces alone: 'a' and 'a '"]
    >>> print("; ".join(label_faults("arm", label_array("arm", [1, "1"]))))
    arm mixes kinds of labels: 1 and '1'; write all as text or all as numbers
    """
    if labels.dtype.kind in "biu":
        return []
    cells = labels.tolist()
    if wrong := [cell for cell in cells if type(cell).__hash__ is None]:
        return [f"{name} must hold labels, text or numbers; it holds {display(wrong[0])}"]
    missing = [place for place, cell in enumerate(cells) if _is_no_label(cell)]
    faults: list[str] = []
    if missing:
        more = f"; and {len(missing) - _MOST} more" if len(missing) > _MOST else ""
        places = "; ".join(f"{name}[{i}]" for i in missing[:_MOST])
        faults.append(f"{name} has no value: {places}{more} (leave these rows out, and say so)")
    found = list(dict.fromkeys(cell for cell in cells if not _is_no_label(cell)))
    words, others = ([one for one in found if isinstance(one, str) is text] for text in (True, False))
    if words and others:
        alike = next(((b, a) for a in words for b in others if a.strip() == str(b)), (others[0], words[0]))
        pair = " and ".join(map(display, alike))
        faults.append(f"{name} mixes kinds of labels: {pair}; write all as text or all as numbers")
    spelled: dict[str, str] = {}
    for word in words:
        other = spelled.setdefault(word.strip(), word)
        if other != word:
            faults.append(f"{name} has labels that differ in spaces alone: {other!r} and {word!r}")
    return faults


def _is_no_label(cell: Any) -> bool:
    """Whether a cell is missing: None, nan, NaT, pandas' NA, or blank text."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or type(cell).__name__ in {"NAType", "NaTType"} or bool(cell != cell)  # noqa: PLR0124 - nan


def as_array(values: object) -> NDArray[np.float64] | None:
    """Read finite numbers in any regular shape, or None where they are none.

    Parameters
    ----------
    values : object
        A number, a sequence, nested ones of equal length, an array or a column of a frame.

    Returns
    -------
    ndarray of float or None

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]]).shape, as_array([[1], [2, 3]]), as_array(["1"])
    ((2, 2), None, None)
    """
    if isinstance(values, str | bytes | Mapping) or (
        isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)
    ):
        return None
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        return None
    if array.dtype.kind == "O":
        numbers = [as_number(cell) for cell in array.ravel().tolist()]
        if any(number is None for number in numbers):
            return None
        array = np.array(numbers, dtype=float).reshape(array.shape)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        return None
    return array.astype(np.float64)


class Checks:
    """The rules that the arguments of one call broke.

    Parameters
    ----------
    caller : str
        Name of the function, with which the message begins.

    Examples
    --------
    >>> Checks("simon").rate("p0", 1.2).share("alpha", 0).done()
    Traceback (most recent call last):
    ValueError: simon: p0 = 1.2 must be a number from 0 to 1; alpha = 0 must lie strictly between 0 and 1
    """

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.problems: list[str] = []

    @property
    def clean(self) -> bool:
        """Whether nothing was found yet: what stands on earlier arguments can be checked."""
        return not self.problems

    def add(self, condition: bool, problem: str) -> Self:
        """Note a problem where the condition holds."""
        if condition:
            self.problems.append(problem)
        return self

    def rule(self, broken: bool, name: str, value: object, rule: str) -> Self:
        """Note that a value breaks a rule, where it does; only then is the value written, which can take long."""
        return self.add(True, f"{name} = {display(value)} {rule}") if broken else self

    # one number

    def number(
        self, name: str, value: object, lowest: float | None = None, highest: float | None = None
    ) -> Self:
        """Require a finite number, not below `lowest` nor above `highest`."""
        if _allowed(as_number(value), lowest, highest):
            return self
        return self.rule(True, name, value, f"must be {_between('a finite number', lowest, highest)}")

    def rate(self, name: str, value: object) -> Self:
        """Require a number from 0 to 1."""
        number = as_number(value)
        return self._share(
            number is None or not 0 <= number <= 1, name, value, "must be a number from 0 to 1"
        )

    def share(self, name: str, value: object) -> Self:
        """Require a number strictly between 0 and 1."""
        number = as_number(value)
        broken = number is None or not 0 < number < 1
        return self._share(broken, name, value, "must lie strictly between 0 and 1")

    def _share(self, broken: bool, name: str, value: object, rule: str) -> Self:
        from pnstrial.settings import of_percent

        return self.rule(True, name, value, f"{rule}{of_percent(value)}") if broken else self

    def level(self, name: str, value: object) -> Self:
        """Require a confidence level: strictly between 0 and 1."""
        return self.share(name, value)

    def count(self, name: str, value: object, lowest: int = 0, highest: int | None = None) -> Self:
        """Require a whole number, not below `lowest` nor above `highest`."""
        if _allowed(as_number(value), lowest, highest, whole=True):
            return self
        rule = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        return self.rule(True, name, value, f"must be a whole number {rule}")

    def positive(self, name: str, value: object) -> Self:
        """Require a number above 0."""
        number = as_number(value)
        return self.rule(number is None or number <= 0, name, value, "must be a number above 0")

    def seed(self, name: str, value: object) -> Self:
        """Require a seed: a whole number of at least 0 (True is none), so that a run can be repeated."""
        return self.count(name, value)

    # one word, one yes or no, one thing

    def word(self, name: str, value: object, allowed: Sequence[str]) -> Self:
        """Require one of a closed list of words."""
        if isinstance(value, str) and value in allowed:
            return self
        return self.rule(True, name, value, f"must be one of {', '.join(repr(word) for word in allowed)}")

    def flag(self, name: str, value: object) -> Self:
        """Require True or False."""
        return self.rule(not isinstance(value, bool | np.bool_), name, value, "must be True or False")

    def text(self, name: str, value: object) -> Self:
        """Require text."""
        return self.rule(not isinstance(value, str), name, value, "must be text")

    def instance(self, name: str, value: object, kinds: type | tuple[type, ...], rule: str) -> Self:
        """Require an object of a class; `rule` says in words which ("a design, as `simon` gives")."""
        return self.rule(not isinstance(value, kinds), name, value, f"must be {rule}")

    # several

    def numbers(
        self,
        name: str,
        values: object,
        lowest: float | None = None,
        highest: float | None = None,
        least: int = 1,
        whole: bool = False,
    ) -> Self:
        """Require a sequence of at least `least` finite numbers within bounds; each offender is named by its place."""
        kind = "whole numbers" if whole else "finite numbers"
        rule = _between(kind, lowest, highest)
        cells = _flat(values)
        if cells is None:
            return self.rule(True, name, values, f"must be a sequence of {rule}")
        if len(cells) < least:
            return self.rule(True, name, values, f"must hold at least {least} {rule}")
        wrong = [
            f"{name}[{place}] = {display(cell)}" for place, cell in enumerate(cells)
            if not _allowed(as_number(cell), lowest, highest, whole=whole)
        ]  # fmt: skip
        more = f" and {len(wrong) - _MOST} more" if len(wrong) > _MOST else ""
        if not wrong:
            return self
        from pnstrial.settings import of_percent

        first = next(cell for cell in cells if not _allowed(as_number(cell), lowest, highest, whole=whole))
        percent = of_percent(first) if highest == 1 else ""
        return self.add(True, f"{', '.join(wrong[:_MOST])}{more} must be {rule}{percent}")

    def array(
        self,
        name: str,
        values: object,
        lowest: float | None = None,
        highest: float | None = None,
        whole: bool = False,
    ) -> Self:
        """Require finite numbers within bounds in any regular shape, also a single one."""
        if _allowed(as_number(values), lowest, highest, whole=whole):  # a single one needs no array
            return self
        rule = f"must be {_between('whole numbers' if whole else 'finite numbers', lowest, highest)}"
        array = as_array(values)
        if array is None:
            return self.rule(True, name, values, rule)
        wrong = np.zeros(array.shape, dtype=bool) if not whole else array != np.floor(array)
        if lowest is not None:
            wrong |= array < lowest
        if highest is not None:
            wrong |= array > highest
        if not wrong.any():
            return self
        listed = ", ".join(f"{value:g}" for value in array[wrong].ravel()[:_MOST])
        more = f" and {int(wrong.sum()) - _MOST} more" if wrong.sum() > _MOST else ""
        return self.add(True, f"{name} = {listed}{more} {rule}")

    def counts(
        self, name: str, values: object, lowest: int = 0, highest: int | None = None, least: int = 1
    ) -> Self:
        """Require a sequence of at least `least` whole numbers within bounds."""
        return self.numbers(name, values, lowest, highest, least, whole=True)

    def rates(self, name: str, values: object, least: int = 1) -> Self:
        """Require a sequence of at least `least` numbers from 0 to 1."""
        return self.numbers(name, values, 0, 1, least)

    def rising(self, name: str, values: Sequence[float]) -> Self:
        """Require numbers (already checked) each of which is above the one before."""
        bad = any(one >= other for one, other in zip(values, list(values)[1:], strict=False))
        return self.rule(bad, name, values, "must increase")

    def mapping(self, name: str, value: object) -> Self:
        """Require a mapping (a dictionary)."""
        return self.rule(not isinstance(value, Mapping), name, value, "must be a mapping, as a dictionary is")

    def keys(self, name: str, value: object, allowed: Sequence[str]) -> Self:
        """Require a mapping whose keys are among the allowed ones."""
        listed = ", ".join(repr(word) for word in allowed)
        if not isinstance(value, Mapping):
            return self.rule(True, name, value, f"must be a mapping with keys among {listed}")
        unknown = [key for key in cast("Mapping[Any, Any]", value) if key not in allowed]
        return self.add(
            bool(unknown),
            f"{name} has no key {', '.join(map(display, unknown[:_MOST]))}; allowed are {listed}",
        )

    # what the field asks for

    def hypotheses(self, p0: object, p1: object) -> Self:
        """Require 0 < p0 < p1 < 1: the rate that is not worth while, and the one that is."""
        before = len(self.problems)
        self.share("p0", p0).share("p1", p1)
        if len(self.problems) == before:
            low, high = cast("float", p0), cast("float", p1)
            self.rule(
                float(high) <= float(low), "p1", p1,
                f"must be above p0 = {display(p0)}: p0 is the rate of no interest, p1 the rate hoped for"
                + ("" if low == high else "; swap them"),
            )  # fmt: skip
        return self

    def prior(self, name: str, value: object) -> Self:
        """Require the two positive parameters of a beta distribution."""
        numbers = [as_number(cell) for cell in _flat(value) or ()]
        bad = len(numbers) != 2 or any(number is None or number <= 0 for number in numbers)
        return self.rule(bad, name, value, "must be a pair (a, b), both above 0")

    def done(self) -> None:
        """Raise one ValueError with every problem.

        Raises
        ------
        ValueError
            If any check failed.
        """
        if self.problems:
            raise ValueError(f"{self.caller}: " + "; ".join(self.problems))


def _allowed(
    number: float | None, lowest: float | None, highest: float | None, *, whole: bool = False
) -> bool:
    return (
        number is not None
        and (lowest is None or number >= lowest)
        and (highest is None or number <= highest)
        and (not whole or number.is_integer())
    )


def _between(kind: str, lowest: float | None, highest: float | None) -> str:
    if lowest is not None and highest is not None:
        kind = kind.replace("finite ", "")
        return f"{kind} from {lowest:g} to {highest:g}"
    if lowest is not None:
        return f"{kind} of at least {lowest:g}"
    return kind if highest is None else f"{kind} of at most {highest:g}"

"""Are these arguments what the signature says?

Input: a function, and the values with which it was called.
Output: one ValueError that names every argument that is of another kind, with its value and what is allowed.
Protocol section: none.
Method: the annotations are read once for each function: numbers are finite, whole numbers are whole, a class is met
by name. An array, a text or True where one is allowed costs no call. What a value means (a rate, a grade, a size) is
left to the function.
Next: `arguments`.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np

from pnstrial.numerics.arguments import Checks, as_number, display
from pnstrial.numerics.time_units import TIME_UNITS

__all__ = ["check_signature"]

Test = Callable[[object], bool]

_LISTED = 2000
"""Lists up to this length are tried whether their rows are of one length."""
_PLAIN = {float, int, bool, str}
"""Cells that are no rows, whatever their length."""


def _is_number(value: object) -> bool:
    return (type(value) is float and math.isfinite(value)) or as_number(value) is not None


def _is_whole(value: object) -> bool:
    number = as_number(value)
    return number is not None and number.is_integer()


def _is_array(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return True
    if value is None or isinstance(value, str | bytes | complex | Mapping):
        return False
    if isinstance(value, list | tuple):
        if len(value) > _LISTED or set(map(type, value)) <= _PLAIN:
            return True
        try:
            np.asarray(value)
        except ValueError:  # rows of different length
            return False
        return True
    single = isinstance(value, bool | np.bool_) or _is_number(value)
    return single or isinstance(value, Iterable) or hasattr(value, "__array__")


def _is_numbers(value: object) -> bool:
    """Also missing ones, nan and infinity: what they mean is the function's."""
    if isinstance(value, bool | np.bool_) or value is None or not _is_array(value):
        return False
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return False
    if array.dtype.kind != "O":
        return array.dtype.kind in "iuf"
    cells = array.ravel().tolist()
    return all(
        cell is None
        or isinstance(cell, float)
        or type(cell).__name__ == "NAType"
        or as_number(cell) is not None
        for cell in cells
    )


def _is_sequence(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _all_of(test: Test) -> Test:
    return lambda value: _is_sequence(value) and all(map(test, value))  # type: ignore[arg-type] # a sequence here


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_KINDS: dict[str, tuple[Test, str]] = {
    "float": (_is_number, "a finite number"),
    "int": (_is_whole, "a whole number"),
    "bool": (lambda value: isinstance(value, bool | np.bool_), "True or False"),
    "str": (_is_text, "text"),
    "None": (lambda value: value is None, "None"),
    "Path": (lambda value: isinstance(value, os.PathLike), "a path"),
    "ArrayLike": (_is_array, "an array, a list of values or rows of one length"),
    "Numbers": (_is_numbers, "numbers, in rows of one length"),
    "Sequence[int]": (_all_of(_is_whole), "a sequence of whole numbers"),
    "Sequence[float]": (_all_of(_is_number), "a sequence of finite numbers"),
    "Sequence[str]": (_all_of(_is_text), "a sequence of words"),
    "list[str]": (_all_of(_is_text), "a list of words"),
    "TimeUnit": (lambda value: value in TIME_UNITS, f"one of {', '.join(map(repr, TIME_UNITS))}"),
}
_AT_ONCE: dict[str, type] = {"ArrayLike": np.ndarray, "bool": bool, "str": str, "None": type(None)}
"""Every value of such a type passes the test of the kind."""
_MADE_BY = {
    "Protocol": "pns.load_protocol(name)",
    "Scenario": "pns.load_scenario(name)",
    "TrialData": "pns.read_trial(folder)",
}
_OPEN = {"Any", "object", "Curve", "Predictor", "Test"}


def _alternatives(annotation: str) -> list[str]:
    """Split at the bars that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(annotation):
        depth += (sign == "[") - (sign == "]")
        if sign == "|" and depth == 0:
            parts.append(annotation[start:place].strip())
            start = place + 1
    return [*parts, annotation[start:].strip()]


def _kind(name: str, names: Mapping[str, Any]) -> tuple[Test, str] | None:  # noqa: PLR0911 - a line a kind
    """Give the test of one alternative, with its words; None where anything goes."""
    found = _KINDS.get(name)
    if found is not None:
        return found
    head = name.split("[", maxsplit=1)[0]
    value = names.get(head)
    words: tuple[object, ...] = ()
    if head == "Literal":
        words = tuple(part.strip().strip("'\"") for part in name[len("Literal[") : -1].split(","))
    elif get_origin(value) is Literal:
        words = get_args(value)
    if words:
        return (lambda one: isinstance(one, str) and one in words, f"one of {', '.join(map(repr, words))}")
    if head in {"Mapping", "dict"}:
        return (lambda one: isinstance(one, Mapping) or hasattr(one, "keys"), "a mapping")
    if head in {"Sequence", "Collection", "tuple", "list", "Iterable"}:
        return _sequence_of(name[len(head) + 1 : -1], names)
    if head == "Callable":
        return (callable, "a function")
    last = head.split(".")[-1]
    if name in _OPEN or (value is not None and not isinstance(value, type)) or not last[:1].isalpha():
        return None
    made = f", as {_MADE_BY[last]} gives" if last in _MADE_BY else ""
    return (lambda one: any(base.__name__ == last for base in type(one).__mro__), f"a {last}{made}")


def _sequence_of(member: str, names: Mapping[str, Any]) -> tuple[Test, str]:
    """Give the test of a sequence: its members too, where they are of one kind and can be read twice."""
    kinds = [_kind(part, names) for part in _alternatives(member)] if member and "," not in member else [None]
    good = [kind for kind in kinds if kind is not None]
    if len(good) < len(kinds):
        return (_is_sequence, "a sequence")

    def holds(value: object) -> bool:
        if not isinstance(value, Sequence | np.ndarray):  # an iterator would be used up
            return _is_sequence(value)
        return _is_sequence(value) and all(any(test(one) for test, _ in good) for one in value)  # type: ignore[union-attr] # a sequence here

    return (holds, f"a sequence, each of it {' or '.join(words for _, words in good)}")


@cache
def _rules(
    function: Callable[..., Any],
) -> tuple[tuple[str, object, frozenset[type], tuple[Test, ...], str], ...]:
    """Give for each argument: its name, its default, types that pass at once, tests of which one must hold, words."""
    rules: list[tuple[str, object, frozenset[type], tuple[Test, ...], str]] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        annotation = str(parameter.annotation).strip("'\"")
        parts = _alternatives(annotation)
        kinds = [_kind(part, function.__globals__) for part in parts]
        if parameter.annotation is parameter.empty or None in kinds:
            continue
        good = [kind for kind in kinds if kind is not None]
        words = [words for _, words in good]
        rule = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        at_once = frozenset(_AT_ONCE[part] for part in parts if part in _AT_ONCE)
        rules.append((name, parameter.default, at_once, tuple(test for test, _ in good), rule))
    return tuple(rules)


def check_signature(function: Callable[..., Any], values: Mapping[str, object]) -> None:
    """Refuse arguments that are not of the kind which the signature of their function says.

    Parameters
    ----------
    function : callable
        The function that was called; its annotations are read.
    values : mapping of str to object
        Its arguments, as ``locals()`` gives them in its first line.

    Raises
    ------
    ValueError
        If an argument is of another kind; all are named.

    Examples
    --------
    >>> def dose(weight_kg: "float", days: "int" = 5):
    ...     check_signature(dose, locals())
    >>> dose("70", days=2.5)
    Traceback (most recent call last):
    ValueError: dose: weight_kg = '70' must be a finite number; days = 2.5 must be a whole number
    """
    problems: list[str] = []
    for name, default, at_once, tests, rule in _rules(function):
        value = values[name]
        if value is default or type(value) in at_once:
            continue
        for test in tests:
            if test(value):
                break
        else:
            if not _names_columns(value, values, rule):
                problems.append(f"{name} = {display(value)} must be {rule}{_remedy(value, values)}")
    if problems:
        checks = Checks(function.__name__)
        checks.problems = problems
        checks.done()


def _names_columns(value: object, values: Mapping[str, object], rule: str) -> bool:
    """Say whether a word, or a list of words, stands for columns of the table that is given as ``data``."""
    words = _is_text(value) or _KINDS["Sequence[str]"][0](value)
    return words and hasattr(values.get("data"), "keys") and ("array" in rule or "sequence" in rule)


def _remedy(value: object, values: Mapping[str, object]) -> str:
    if "data" not in values or not _is_text(value):
        return ""
    tables = [other for other, table in values.items() if hasattr(table, "columns")]
    return f" (a column is named together with data={f'the table, not {tables[0]}' if tables else ''})"

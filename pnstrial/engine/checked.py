"""Which values may a setting of a scenario have?

Input: settings as a TOML file or a dictionary holds them.
Output: validators with strict types; the message of each holds the whole of what is allowed.
Protocol section: none.
Method: pydantic validators; each bound is stated once. `settings` formats the errors.
Next: `scenario`.
"""

from __future__ import annotations

import math
from typing import Any, cast

from pydantic import BeforeValidator

__all__ = ["between", "numbers", "shares", "whole"]


def between(low: float, high: float, *, open_ends: bool = False) -> BeforeValidator:
    """Allow a finite number from low to high.

    Parameters
    ----------
    low, high : float
    open_ends : bool
        Whether both ends are left out.

    Returns
    -------
    pydantic.BeforeValidator

    Raises
    ------
    ValueError
        When the validator meets another value; the message holds the whole range.
    """
    words = f"between {low:g} and {high:g}, ends excluded" if open_ends else f"from {low:g} to {high:g}"

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"allowed is a number {words}")
        inside = low < value < high if open_ends else low <= value <= high
        if not inside:
            raise ValueError(f"allowed is a number {words}")
        return float(value)

    return BeforeValidator(check)


def whole(low: int, high: int) -> BeforeValidator:
    """Allow a whole number from low to high.

    Parameters
    ----------
    low, high : int

    Returns
    -------
    pydantic.BeforeValidator

    Raises
    ------
    ValueError
        When the validator meets another value; the message holds the whole range.
    """

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"allowed is a whole number from {low} to {high}")
        return value

    return BeforeValidator(check)


def numbers(count: int, low: float, high: float) -> BeforeValidator:
    """Allow a list of exactly so many numbers, each from low to high.

    Parameters
    ----------
    count : int
    low, high : float

    Returns
    -------
    pydantic.BeforeValidator

    Raises
    ------
    ValueError
        When the validator meets anything else.
    """

    def check(value: object) -> tuple[float, ...]:
        items = list(cast("list[object]", value)) if isinstance(value, list | tuple) else []
        good = [
            x for x in items
            if isinstance(x, int | float) and not isinstance(x, bool) and low <= x <= high
        ]  # fmt: skip
        if len(items) != count or len(good) != count:
            raise ValueError(f"allowed is a list of {count} numbers, each from {low:g} to {high:g}")
        return tuple(float(x) for x in good)

    return BeforeValidator(check)


def shares(*, of: str, total: float = 1.0, keys: tuple[str, ...] | None = None) -> BeforeValidator:
    """Allow shares that add to 1 (a list, or a table of named shares).

    Parameters
    ----------
    of : str
        What they are shares of, for the message.
    total : float
        What they must add to, within 1e-9; `nan` asks only for a sum of at most 1.
    keys : tuple of str, optional
        The names that a table of shares may use.

    Returns
    -------
    pydantic.BeforeValidator

    Raises
    ------
    ValueError
        When the validator meets anything else.
    """

    def check(value: object) -> Any:
        if isinstance(value, dict):
            table = cast("dict[str, object]", value)
            unknown = sorted(set(table) - set(keys)) if keys else []
            if unknown:
                raise ValueError(f"{', '.join(unknown)} is not known; allowed are {', '.join(keys or ())}")
            parts = list(table.values())
        else:
            parts = list(cast("list[object]", value)) if isinstance(value, list | tuple) else []
        if not parts and math.isfinite(total):
            raise ValueError(f"allowed are shares of {of} that add to {total:g}")
        for part in parts:
            if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part <= 1:
                raise ValueError(f"{part!r} is no share of {of}; allowed is 0 to 1")
        added = math.fsum(cast("list[float]", parts))
        if math.isfinite(total) and abs(added - total) > 1e-9:
            raise ValueError(f"the shares of {of} add to {added:.12g}; they must add to {total:g}")
        if added > 1 + 1e-9:
            raise ValueError(f"the shares of {of} add to {added:.12g}; allowed is at most 1")
        return (
            tuple(cast("list[float]", parts))
            if not isinstance(value, dict)
            else cast("dict[str, float]", value)
        )

    return BeforeValidator(check)

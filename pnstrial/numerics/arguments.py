"""Which numbers may a design be asked for?

Input: the arguments of a public function of `pnstrial.design`, with their names.
Output: one ValueError that lists every argument that breaks its rule, with value, rule and remedy.
Protocol section: none.
Method: each check adds a sentence to a list; `Checks.done` raises once, with all of them.
Next: `proportion`.
"""

from __future__ import annotations

import math
from typing import Any, Self, SupportsFloat

__all__ = ["Checks"]


def _as_number(value: object) -> float | None:
    """Read a finite number, or None where the value is none (bool and text are none)."""
    if isinstance(value, bool | str | bytes) or not isinstance(value, SupportsFloat):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


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

    def add(self, condition: bool, problem: str) -> Self:
        """Note a problem where the condition holds."""
        if condition:
            self.problems.append(problem)
        return self

    def rate(self, name: str, value: Any) -> Self:
        """Require a number from 0 to 1."""
        number = _as_number(value)
        return self.add(
            number is None or not 0 <= number <= 1, f"{name} = {value!r} must be a number from 0 to 1"
        )

    def share(self, name: str, value: Any) -> Self:
        """Require a number strictly between 0 and 1."""
        number = _as_number(value)
        return self.add(
            number is None or not 0 < number < 1, f"{name} = {value!r} must lie strictly between 0 and 1"
        )

    def count(self, name: str, value: Any, lowest: int = 0, highest: int | None = None) -> Self:
        """Require a whole number, not below `lowest` nor above `highest`."""
        number = _as_number(value)
        whole = number is not None and number.is_integer()
        rule = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        bad = not whole or number is None or number < lowest or (highest is not None and number > highest)
        return self.add(bad, f"{name} = {value!r} must be a whole number {rule}")

    def positive(self, name: str, value: Any) -> Self:
        """Require a number above 0."""
        number = _as_number(value)
        return self.add(number is None or number <= 0, f"{name} = {value!r} must be a number above 0")

    def word(self, name: str, value: Any, allowed: tuple[str, ...]) -> Self:
        """Require one of a closed list of words."""
        listed = ", ".join(repr(word) for word in allowed)
        return self.add(value not in allowed, f"{name} = {value!r} must be one of {listed}")

    def hypotheses(self, p0: Any, p1: Any) -> Self:
        """Require 0 < p0 < p1 < 1: the rate that is not worth while, and the one that is."""
        before = len(self.problems)
        self.share("p0", p0).share("p1", p1)
        if len(self.problems) == before:
            self.add(
                float(p1) <= float(p0),
                f"p1 = {p1!r} must be above p0 = {p0!r}: p0 is the rate of no interest, p1 the rate hoped for"
                + ("" if p0 == p1 else "; swap them"),
            )
        return self

    def prior(self, name: str, value: Any) -> Self:
        """Require the two positive parameters of a beta distribution."""
        try:
            a, b = value
        except (TypeError, ValueError):
            return self.add(True, f"{name} = {value!r} must be a pair (a, b), both above 0")
        numbers = (_as_number(a), _as_number(b))
        bad = any(number is None or number <= 0 for number in numbers)
        return self.add(bad, f"{name} = {value!r} must be a pair (a, b), both above 0")

    def done(self) -> None:
        """Raise one ValueError with every problem.

        Raises
        ------
        ValueError
            If any check failed.
        """
        if self.problems:
            raise ValueError(f"{self.caller}: " + "; ".join(self.problems))

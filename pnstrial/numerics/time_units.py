"""How long is a month?

Input: the name of a unit of time.
Output: its length in days.
Protocol section: none.
Method: the mean Gregorian calendar with a leap year every four years: a year has 365.25 days, a month a twelfth.
Next: `arguments`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DAYS_PER", "DAYS_PER_MONTH", "DAYS_PER_YEAR", "TIME_UNITS", "TimeUnit", "rescaled"]

TimeUnit = Literal["days", "weeks", "months", "years"]
"""The units that a `unit=` argument takes."""
TIME_UNITS: Final[tuple[TimeUnit, ...]] = get_args(TimeUnit)
DAYS_PER_YEAR: Final = 365.25
DAYS_PER_MONTH: Final = 365.25 / 12
DAYS_PER: Final[Mapping[str, float]] = MappingProxyType(
    {"days": 1.0, "weeks": 7.0, "months": DAYS_PER_MONTH, "years": DAYS_PER_YEAR}
)
"""Length of each unit in days."""


def rescaled(unit: TimeUnit, into: TimeUnit) -> float:
    """Give the factor that turns times in one unit into times in another.

    Parameters
    ----------
    unit, into : {"days", "weeks", "months", "years"}
        Unit of the times, and unit that is wanted.

    Returns
    -------
    float
        1.0, exactly, where both are the same.

    Raises
    ------
    ValueError
        If one of them is no unit of time.

    Examples
    --------
    >>> rescaled("months", "days"), rescaled("years", "months")
    (30.4375, 12.0)
    """
    for name, value in (("unit", unit), ("into", into)):
        if value not in TIME_UNITS:
            raise ValueError(f"{name} = {value!r} must be one of {', '.join(map(repr, TIME_UNITS))}")
    return 1.0 if unit == into else DAYS_PER[unit] / DAYS_PER[into]

"""Where does an increasing function reach a level?

Input: a function that does not decrease between two ends, and the level.
Output: the smallest argument, to the last digit, at which the function is at least the level.
Protocol section: none.
Method: bisection. Exact tail probabilities are flat near 0 and 1 and jump where the order of outcomes
changes; bisection alone is safe there, and sixty steps of a formula cost less than loading an optimiser.
Next: `proportion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["reach"]


def reach(function: Callable[[float], float], level: float, low: float = 0.0, high: float = 1.0) -> float:
    """Find where a function that does not decrease reaches a level.

    Parameters
    ----------
    function : callable
        Not decreasing on [low, high].
    level : float
        The value to reach.
    low, high : float
        Ends of the search.

    Returns
    -------
    float
        Smallest argument with a value of at least `level`; `high` where the level is never reached, `low`
        where it is reached at once.

    Examples
    --------
    >>> round(reach(lambda p: 1 - (1 - p) ** 17, 0.975), 9)
    0.195064323
    """
    if function(low) >= level:
        return low
    if function(high) < level:
        return high
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return high
        if function(middle) >= level:
            high = middle
        else:
            low = middle
        if high - low <= 1e-16 * max(1e-4, high):
            return high

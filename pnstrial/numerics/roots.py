"""Where does an increasing function reach a level, and where has a function its peak?

Input: a function that does not decrease between two ends, and the level; functions on grids.
Output: the smallest argument, to the last digit, at which the function is at least the level; height and place of a
peak.
Protocol section: none.
Method: bisection. Exact tail probabilities are flat near 0 and 1 and jump where the order of outcomes
changes; bisection alone is safe there, and sixty steps of a formula cost less than loading an optimiser.
Next: `proportion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["cross", "peaks", "reach", "reach_all", "summits"]


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


def reach_all(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], level: float, count: int
) -> NDArray[np.float64]:
    """Find where many functions that do not decrease on [0, 1] reach a level: `reach` for all of them at once.

    Parameters
    ----------
    function : callable
        Takes an argument of each function, and gives as many values.
    level : float
        The value to reach.
    count : int
        How many functions.

    Returns
    -------
    ndarray, shape (count,)
        The smallest arguments with a value of at least `level`, to 1e-15.

    Examples
    --------
    >>> reach_all(lambda p: 1 - (1 - p) ** np.array([17, 21]), 0.975, 2).round(6).tolist()
    [0.195064, 0.161098]
    """
    low, high = np.zeros(count), np.ones(count)
    for _ in range(50):
        middle = 0.5 * (low + high)
        enough = function(middle) >= level
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return high


def cross(
    function: Callable[[float], float],
    level: float,
    low: float = 0.0,
    high: float = 1.0,
    tolerance: float = 0.0,
) -> float:
    """Find where a continuous function that increases strictly reaches a level.

    Parameters
    ----------
    function : callable
        Continuous and increasing on [low, high].
    level : float
        The value to reach.
    low, high : float
        Ends of the search.
    tolerance : float
        A bracket as narrow as this is enough; 0 goes on to the last digit.

    Returns
    -------
    float
        The argument; an end where the level lies beyond its value.

    Notes
    -----
    False position with Illinois' halving, and a bisection whenever three steps have not halved the bracket: as
    safe as `reach` and five times quicker, but wrong for a function with jumps.

    Examples
    --------
    >>> round(cross(lambda p: 1 - (1 - p) ** 17, 0.975), 9)
    0.195064323
    """
    f_low, f_high = function(low) - level, function(high) - level
    if f_low >= 0.0:
        return low
    if f_high <= 0.0:
        return high
    width, since, side = high - low, 0, 0
    for _ in range(200):
        since += 1
        if since > 3 and high - low > 0.5 * width:
            middle = 0.5 * (low + high)
        else:
            middle = low - f_low * (high - low) / (f_high - f_low)
        if since > 3:
            width, since = high - low, 0
        # a step that ends on an end of the bracket is pushed just inside, so that the other end follows
        least = 4e-16 * max(1e-4, abs(low), high)
        middle = min(max(middle, low + least), high - least)
        if not low < middle < high:
            break
        value = function(middle) - level
        if value == 0.0:
            return middle
        # the end that stays twice in a row counts by half, so that the next step reaches over to its side
        if value < 0.0:
            low, f_low = middle, value
            f_high *= 0.5 if side < 0 else 1.0
        else:
            high, f_high = middle, value
            f_low *= 0.5 if side > 0 else 1.0
        side = -1 if value < 0.0 else 1
        if high - low <= max(3.0 * least, tolerance):
            break
    return 0.5 * (low + high)


def peaks(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], grid: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the largest values of many functions at once, starting from grids that are fine enough to show them.

    Parameters
    ----------
    function : callable
        Takes arguments of shape (functions, points), row by row increasing, and gives as many values.
    grid : ndarray, shape (functions, points)
        Increasing arguments of each function; its largest value lies between the neighbours of the best of them.

    Returns
    -------
    tuple of ndarray, shape (functions,)
        The largest values, and where they are: an end of the grid where the function is largest there.

    Notes
    -----
    The interval about the best point is divided into eight again and again, until the points cannot be told apart
    by their values.

    Examples
    --------
    >>> height, place = peaks(lambda x: -((x - 0.3) ** 2), np.linspace(0, 1, 5)[None, :])
    >>> place.round(7).tolist()
    [0.3]
    """
    places = np.asarray(grid, dtype=float)
    rows = np.arange(len(places))
    best = np.zeros(len(places), dtype=np.int64)
    values = np.zeros(places.shape)
    for _ in range(26):
        values = function(places)
        best = np.argmax(values, axis=1)
        low = places[rows, np.maximum(best - 1, 0)]
        high = places[rows, np.minimum(best + 1, places.shape[1] - 1)]
        here = places[rows, best]
        if np.all(high - low <= 1e-9 * np.abs(here)):
            break
        # the best point stays among the new ones
        left = here[:, None] - (here - low)[:, None] * np.array([1.0, 0.75, 0.5, 0.25])
        right = here[:, None] + (high - here)[:, None] * np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        places = np.concatenate([left, right], axis=1)
    return values[rows, best], places[rows, best]


def summits(
    slope_and_curve: Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]],
    start: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    close: float = 1e-3,
) -> NDArray[np.float64]:
    """Find where many concave functions are largest.

    Parameters
    ----------
    slope_and_curve : callable
        Gives the first two derivatives of every function at an argument of each; the second is below 0.
    start, low, high : ndarray
        Where to begin, and a bracket of the largest value for each function.
    close : float, default 1e-3
        How near to come, in units of 1 / sqrt(-second derivative): of the standard deviation, for a log density.

    Notes
    -----
    Newton's steps within the bracket; where a step leaves it, or the one before did not halve it, it is halved
    instead, so that no cycle is possible.

    Examples
    --------
    >>> x = summits(lambda x: (np.exp(1) - np.exp(x), -np.exp(x)), np.zeros(1), np.full(1, -9.0), np.full(1, 9.0))
    >>> x.round(3).tolist()
    [1.0]
    """
    place, width = np.clip(start, low, high), high - low
    for _ in range(200):
        slope, curve = slope_and_curve(place)
        step = -slope / curve
        if np.all((np.abs(step) * np.sqrt(-curve) < close) | (high <= low)):
            break
        low, high = np.where(slope >= 0.0, place, low), np.where(slope <= 0.0, place, high)
        new = place + step
        halve = (new <= low) | (new >= high) | (high - low > 0.5 * width)
        # a step that is short is good, even where one end of the bracket stands still
        halve &= ~((np.abs(step) * np.sqrt(-curve) < 1.0) & (new > low) & (new < high))
        place, width = np.where(halve, 0.5 * (low + high), new), high - low
    return place

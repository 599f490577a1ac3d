"""Where can the mean of a bounded quantity lie, when few patients changed?

Input: one value a patient, and the least and the largest value that it could have.
Output: an interval of the mean and a p-value that need no normal distribution.
Protocol section: none.
Method: Gaffke's bound: the sorted values with the largest possible one, weighted by the gaps between uniform order
statistics (Gaffke, Math Methods Stat 2005;14:451; Learned-Miller and Thomas, arXiv:1905.06208). For zeros and ones it
is the interval of Clopper and Pearson. The weighted mean's distribution by Imhof's integral (Biometrika 1961;48:419).
Next: `shift.paired.utilities`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.roots import cross

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["bounded_mean_interval", "bounded_mean_p"]

STEPS = 1000
"""Points of the integral on the scale of the logarithm; the trapezoidal rule converges exponentially there."""


def _above(values: Array, weights: Array, point: float) -> float:
    """Give P(weighted mean > point), the weights of the values being gaps of uniform order statistics.

    The mean exceeds the point where sum (value - point) x exponential variable > 0: a sum of gamma variables.
    """
    rates = values - point
    used = np.abs(rates) > 1e-14
    rates, shapes = rates[used], weights[used]
    if not (rates > 0).any():
        return 0.0
    if not (rates < 0).any():
        return 1.0
    sizes = np.abs(rates)
    low, high = np.log(1e-9 / (shapes.sum() * sizes.max())), np.log(1.0 / sizes.min())
    # past the end the integrand is below 1e-13: there every factor falls as a power of u
    total = float(shapes.sum())
    high += 32.0 / total if total > 32.0 else 32.0 / max(total, 1.0)
    u = np.exp(np.linspace(low, high, STEPS))
    rotated = rates[:, None] * u
    angle = (shapes[:, None] * np.arctan(rotated)).sum(axis=0)
    damping = np.exp(-0.5 * (shapes[:, None] * np.log1p(rotated**2)).sum(axis=0))
    width = (high - low) / (STEPS - 1)
    return float(np.clip(0.5 + width * (np.sin(angle) * damping).sum() / np.pi, 0.0, 1.0))


def _grouped(values: Array, end: float) -> tuple[Array, Array]:
    """Give the distinct values with one more patient at the end, and how many patients have each."""
    distinct, counts = np.unique(np.append(np.round(values, 12), end), return_counts=True)
    return distinct, counts.astype(float)


def bounded_mean_interval(values: Array, least: float, largest: float, level: float) -> tuple[float, float]:
    """Give the interval of a mean.

    Parameters
    ----------
    values : ndarray
        One value a patient, from `least` to `largest`.
    least, largest : float
        The values that a patient could have at the extremes.
    level : float
        Two-sided level.

    Returns
    -------
    tuple of float
        Lower and upper limit, within `least` and `largest`.

    Examples
    --------
    Nobody of 17 changed: the limits of Clopper and Pearson for 0 of 17.

    >>> [round(limit, 4) for limit in bounded_mean_interval(np.zeros(17), -1.0, 1.0, 0.95)]
    [-0.1951, 0.1951]
    """
    error = (1.0 - level) / 2.0
    mean = float(values.mean())
    bottom, top = _grouped(values, least), _grouped(values, largest)
    low = cross(lambda point: 1.0 - _above(*bottom, point), error, least, mean)
    high = cross(lambda point: 1.0 - _above(*top, point), 1.0 - error, mean, largest)
    return low, high


def bounded_mean_p(values: Array, least: float, largest: float) -> float:
    """Give the two-sided p-value of a mean of 0: the level at which 0 leaves the interval.

    Parameters
    ----------
    values : ndarray
        One value a patient, from `least` to `largest`.
    least, largest : float
        The values that a patient could have at the extremes.

    Examples
    --------
    >>> bounded_mean_p(np.zeros(17), -1.0, 1.0)
    1.0
    """
    bottom, top = _grouped(values, least), _grouped(values, largest)
    below = 1.0 - _above(*bottom, 0.0)
    above = _above(*top, 0.0) if (top[0] < 0).any() else 1.0
    return min(1.0, 2.0 * min(below, above))

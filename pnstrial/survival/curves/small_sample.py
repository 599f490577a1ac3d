"""Which limits of a mean, an incidence or a difference keep their promise with 17 patients?

Input: how many were at risk, had the event and stayed at each time; or one bounded number per patient.
Output: `Spread`, a confidence distribution for each side; limits of one, limits and p-value of a difference of two.
Protocol section: secondary endpoints.
Method: beta product (Fay, Brittain and Proschan, Biostatistics 2013;14:723), its area for a mean, which without
censoring is Gaffke's bound (Math Methods Stat 2005;14:451); two groups by melding (Fay, Proschan and Brittain 2015).
Next: `mean_survival`, `incidence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.roots import cross

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = [
    "RiskTable",
    "Spread",
    "area_spreads",
    "bounded_mean",
    "curve_limits",
    "effective_binomial",
    "limits_of",
    "melded",
    "risk_table",
    "survival_spreads",
]

_NODES: Final = 241
_NO_SPREAD: Final = 1e-14


@dataclass(frozen=True, eq=False)
class RiskTable:
    """Counts at the distinct times of one sample.

    Attributes
    ----------
    time, at_risk, events, after : ndarray, shape (k,)
        At risk just before and just after each time; need not be whole numbers.
    n : float
        At risk at the start.
    """

    time: Vector
    at_risk: Vector
    events: Vector
    after: Vector
    n: float


@dataclass(frozen=True)
class Spread:
    """A confidence distribution: start + width x a beta variable, or one point (`width` 0).

    Attributes
    ----------
    start, width : float
    a, b : float
        Parameters of the beta distribution.
    """

    start: float
    width: float
    a: float = 1.0
    b: float = 1.0

    def quantile(self, p: Any) -> Any:
        """Give the value below which the share p lies."""
        from scipy.special import betaincinv

        return self.start + self.width * betaincinv(self.a, self.b, p)

    def below(self, x: Any) -> Any:
        """Give the probability of at most x."""
        from scipy.special import betainc

        if self.width == 0:
            return np.where(np.asarray(x) >= self.start, 1.0, 0.0)
        return betainc(self.a, self.b, np.clip((np.asarray(x) - self.start) / self.width, 0.0, 1.0))


def _matched(start: float, width: float, mean: float, variance: float) -> Spread:
    """Fit start + width x beta to a mean and a variance."""
    if width <= 0:
        return Spread(mean, 0.0)
    m, v = (mean - start) / width, variance / width**2
    if not (0 < m < 1) or v <= _NO_SPREAD * m * (1 - m):
        return Spread(mean, 0.0)
    size = m * (1 - m) / v - 1
    return Spread(start, width, m * size, (1 - m) * size)


def risk_table(time: Vector, event: Vector) -> RiskTable:
    """Count who is at risk in one sample without late entry.

    Parameters
    ----------
    time, event : ndarray, shape (n,)

    Returns
    -------
    RiskTable
        One row per distinct time.

    Examples
    --------
    >>> risk_table(np.array([2.0, 3, 3]), np.array([1.0, 1, 0])).after.tolist()
    [2.0, 0.0]
    """
    distinct, place = np.unique(time, return_inverse=True)
    total = np.bincount(place, minlength=distinct.size).astype(float)
    at_risk = np.cumsum(total[::-1])[::-1]
    events: Vector = np.bincount(place, weights=event, minlength=distinct.size).astype(np.float64)
    return RiskTable(distinct, at_risk, events, np.append(at_risk[1:], 0.0), float(time.size))


def _products(table: RiskTable) -> tuple[Vector, Vector, Vector]:
    """Mean of the product of the betas so far, its relative variance, and at risk, at the start and after each time.

    An event time gives the factor beta(at risk - events + 1, events).
    """
    y, d = table.at_risk, table.events
    a = y - d + 1.0
    mean = np.cumprod(np.where(d > 0, a / (y + 1.0), 1.0))
    excess = np.expm1(np.cumsum(np.where(d > 0, np.log1p(d / (a * (y + 2.0))), 0.0)))
    return np.append(1.0, mean), np.append(0.0, excess), np.append(table.n, table.after)


def curve_limits(table: RiskTable, level: float) -> tuple[Vector, Vector]:
    """Give beta product limits of a survival curve at the start and after each time.

    Returns
    -------
    lower, upper : ndarray, shape (k + 1,)

    Examples
    --------
    >>> low, high = curve_limits(risk_table(np.array([1.0, 2.0]), np.array([1.0, 0.0])), 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.158, 0.013, 0.0], [1.0, 0.987, 0.987])
    """
    from scipy.special import betaincinv

    mean, excess, left = _products(table)
    low, high = np.zeros(mean.size), np.ones(mean.size)
    seen = excess > 0
    m, e = mean[seen], excess[seen]
    a = (1.0 - m * (1.0 + e)) / e
    high[seen] = betaincinv(a, a * (1.0 - m) / m, 0.5 + 0.5 * level)
    more = left > 0
    m = mean[more] * left[more] / (left[more] + 1.0)
    e = (1.0 + excess[more]) * (1.0 + 1.0 / (left[more] * (left[more] + 2.0))) - 1.0
    a = (1.0 - m * (1.0 + e)) / e
    low[more] = betaincinv(a, a * (1.0 - m) / m, 0.5 - 0.5 * level)
    return low, high


def survival_spreads(table: RiskTable, at: float) -> tuple[Spread, Spread]:
    """Give the two confidence distributions of survival at a time: for the lower and for the upper limit.

    Returns
    -------
    lower, upper : Spread

    Examples
    --------
    >>> low, high = limits_of(survival_spreads(risk_table(np.ones(17), np.zeros(17)), 0.5), 0.95)
    >>> round(low, 6), high
    (0.804936, 1.0)
    """
    mean, excess, left = _products(table)
    place = int(np.searchsorted(table.time, at, side="right"))
    m, e, y = float(mean[place]), float(excess[place]), float(left[place])
    upper = _matched(0.0, 1.0, m, m * m * e)
    if y <= 0:
        return Spread(0.0, 0.0), upper
    low = m * y / (y + 1.0)
    return _matched(0.0, 1.0, low, low * low * ((1.0 + e) * (1.0 + 1.0 / (y * (y + 2.0))) - 1.0)), upper


def area_spreads(table: RiskTable, tau: float) -> tuple[Spread, Spread]:
    """Give the two confidence distributions of the area under a survival curve up to a horizon.

    Returns
    -------
    lower, upper : Spread

    Notes
    -----
    The upper one is of the area under W+, the product of independent beta(Y - d + 1, d) over the event times, the lower
    one of that under W-, in which the next event may follow at once: W- = W+ U^(1/Y), U uniform and the same until the
    next event. Without censoring and ties these are 1 less the order statistics of n uniform variables, so that the
    limits are Gaffke's for the mean of a bounded variable (Phan, Thomas and Learned-Miller, ICML 2021). Each is
    replaced by the beta distribution of the same mean and variance, as for the curve.

    Examples
    --------
    >>> low, high = limits_of(area_spreads(risk_table(np.array([2.0, 4, 6]), np.array([1.0, 0, 1])), 6.0), 0.95)
    >>> round(low, 2), round(high, 2)
    (1.0, 5.97)
    """
    mean, excess, left = _products(table)
    inside = int(np.searchsorted(table.time, tau, side="right"))
    y, d = table.at_risk[:inside], table.events[:inside]
    mean, left = mean[: inside + 1], left[: inside + 1]
    square = mean**2 * (1.0 + excess[: inside + 1])
    width = np.diff(np.concatenate([[0.0], table.time[:inside], [tau]]))
    first = float(table.time[:inside][d > 0][0]) if (d > 0).any() else tau
    area = float((width * mean).sum())
    running = np.cumsum(width * square / mean)
    spread = float((width**2 * square).sum() + 2 * (width[1:] * mean[1:] * running[:-1]).sum()) - area**2
    upper = _matched(first, tau - first, area, spread)

    defined = left > 0
    inverse = np.where(defined, 1.0 / np.where(defined, left, 1.0), np.inf)
    one = np.where(defined, mean / (1.0 + inverse), 0.0)
    block = np.append(0, np.cumsum(d > 0))
    before_event = y[d > 0]
    total, carried = 0.0, 0.0
    for k in range(int(block[-1]) + 1):
        own = np.flatnonzero(block == k)
        v, w = inverse[own], width[own]
        total += 2 * carried * float((w * one[own]).sum())
        total += float(square[own[0]] * (w @ (1.0 / (1.0 + v[:, None] + v[None, :])) @ w))
        if k < before_event.size:
            next_one = 1.0 / before_event[k]
            share = float((w * (1.0 + next_one) / (1.0 + v + next_one)).sum())
            carried += float(square[own[0]] / mean[own[0]]) * share
    low = float((width * one).sum())
    return _matched(0.0, float(width[defined].sum()), low, total - low**2), upper


def bounded_mean(values: Vector, span: float, effective: float | None = None) -> tuple[Spread, Spread]:
    """Give the two confidence distributions of the mean of numbers between 0 and a bound.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Cut at 0 and `span`.
    span : float
        The bound.
    effective : float, optional
        Size of the sample that they are worth; n by default.

    Returns
    -------
    lower, upper : Spread

    Examples
    --------
    Nobody of 17 had any, and the mean may still be a fifth of the bound:

    >>> low, high = limits_of(bounded_mean(np.zeros(17), 1.0), 0.95)
    >>> low, round(high, 6)
    (0.0, 0.195064)
    """
    cut = np.clip(values, 0.0, span)
    table = risk_table(cut, (cut < span).astype(float))
    share = 1.0 if effective is None else effective / table.n
    scaled = RiskTable(
        table.time, table.at_risk * share, table.events * share, table.after * share, table.n * share
    )
    return area_spreads(scaled, span)


def effective_binomial(
    p: Vector, error: Vector, defined: Vector, n: float, level: float
) -> tuple[Vector, Vector]:
    """Give Clopper-Pearson limits of probabilities at the size of sample that their errors are worth.

    Parameters
    ----------
    p, error : ndarray, shape (k,)
        Probabilities and their standard errors.
    known : ndarray, shape (k,)
        Patients whose answer is known, which count where p is 0 or 1 and has no error.
    n : float
        Patients in all: the size is never more.
    level : float

    Returns
    -------
    lower, upper : ndarray, shape (k,)

    Notes
    -----
    Size p (1 - p) / error^2, as Korn and Graubard, Survey Methodology 1998;24:193, do for surveys. Without censoring it
    is n, and the limits are exact.

    Examples
    --------
    >>> low, high = effective_binomial(np.array([0.0]), np.array([0.0]), np.array([17.0]), 17, 0.95)
    >>> low.tolist(), high.round(4).tolist()
    ([0.0], [0.1951])
    """
    from scipy.special import betaincinv

    varies = (error > 0) & (p > 0) & (p < 1)
    size = np.where(varies, p * (1 - p) / np.where(varies, error, 1.0) ** 2, defined)
    size = np.minimum(size, n)
    hits = size * p
    low, high = np.zeros(p.shape), np.ones(p.shape)
    inner = (hits > 0) & (size > 0)
    low[inner] = betaincinv(hits[inner], (size - hits)[inner] + 1, 0.5 - 0.5 * level)
    inner = (hits < size) & (size > 0)
    high[inner] = betaincinv(hits[inner] + 1, (size - hits)[inner], 0.5 + 0.5 * level)
    return low, high


def limits_of(spreads: tuple[Spread, Spread], level: float) -> tuple[float, float]:
    """Give the limits of a pair of confidence distributions.

    Parameters
    ----------
    spreads : tuple of Spread
        For the lower and for the upper limit.
    level : float

    Examples
    --------
    >>> low, high = limits_of((Spread(0.0, 1.0), Spread(0.0, 1.0)), 0.9)
    >>> round(low, 9), round(high, 9)
    (0.05, 0.95)
    """
    low, high = (
        float(part.quantile(p))
        for part, p in zip(spreads, (0.5 - 0.5 * level, 0.5 + 0.5 * level), strict=True)
    )
    return low, high


@cache
def _nodes() -> tuple[Vector, Vector]:
    """Give shares between 0 and 1, dense towards both ends, with their weights: the double exponential rule."""
    step = 6.2 / (_NODES - 1)
    s = step * (np.arange(_NODES) - (_NODES - 1) / 2)
    share = 1.0 / (1.0 + np.exp(-math.pi * np.sinh(s)))
    return share, step * math.pi * np.cosh(s) * share * (1.0 - share)


def _difference(second: Spread, first: Spread) -> Callable[[float], float]:
    """Give the distribution function of second - first, the two independent."""
    share, weight = _nodes()
    values = first.quantile(share)

    def below(x: float) -> float:
        if second.width == 0:
            return 1.0 - float(first.below(np.nextafter(second.start - x, -math.inf)))
        return float(weight @ second.below(x + values))

    return below


def melded(
    first: tuple[Spread, Spread], second: tuple[Spread, Spread], level: float, least: float, most: float
) -> tuple[tuple[float, float], float]:
    """Compare two independent samples by their confidence distributions: limits and p-value of second - first.

    Parameters
    ----------
    first, second : tuple of Spread
        For the lower and for the upper limit of each.
    level : float
    least, most : float
        Between which the difference lies.

    Returns
    -------
    limits : tuple of float
    p_value : float
        Two-sided: twice the smaller one-sided one.

    Notes
    -----
    Fay, Proschan and Brittain, Biometrics 2015;71:146: the lower limit of the second against the upper of the first,
    and the other way round. For two binomial samples it is Fisher's exact test.

    Examples
    --------
    >>> from scipy.stats import fisher_exact
    >>> one, two = (risk_table(np.repeat([1.0, 2.0], [k, 9 - k]), np.repeat([1.0, 0.0], [k, 9 - k])) for k in (1, 6))
    >>> p = melded(survival_spreads(one, 1.5), survival_spreads(two, 1.5), 0.95, -1, 1)[1]
    >>> f"{p:.8f}", f"{2 * fisher_exact([[1, 8], [6, 3]], 'less').pvalue:.8f}"
    ('0.04977376', '0.04977376')
    """
    down, up = _difference(second[0], first[1]), _difference(second[1], first[0])
    low = cross(down, 0.5 - 0.5 * level, least, most)
    high = cross(up, 0.5 + 0.5 * level, least, most)
    return (float(low), float(high)), min(1.0, 2.0 * min(down(0.0), 1.0 - up(0.0)))

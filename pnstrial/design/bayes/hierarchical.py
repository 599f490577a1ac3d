"""What do earlier series say about the rate of a new one?

Input: responders and patients of each series; the scales of the priors of mean and spread of the logits.
Output: `Predictive`: the distribution of the rate of a new series as atoms with weights, and the mean of the spread.
Protocol section: endpoint (null proportion).
Method: the logit of each series is normal about a common mean with standard deviation tau; the likelihood, given
tau the mean, given both each series' logit, are log-concave, so that each integral has one peak. The trapezoidal
rule on the interval around the peak outside which nothing is left converges exponentially for such functions
(Trefethen LN, Weideman JAC. SIAM Review 2014;56:385-458), at any number of patients; over tau the step is halved
until the results stand still.
Next: `history`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.roots import summits

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["Predictive", "predictive_rate"]

_DROP = 28.0
"""Beyond the places where a log density has fallen by this much nothing is left: exp(-28) = 7e-13."""
_STEP = 0.5
"""Largest step on the logit: the logistic function has its poles at a distance of pi, a power of it sooner."""
_FEWEST = 24
_BLOCK = 50_000
_HALVINGS = 6
_STANDS = 1e-6
"""Of the change at a halving; the error of the finer rule is about its square."""
_PARTS = 60


@dataclass(frozen=True)
class Predictive:
    """The rate of a new series.

    Attributes
    ----------
    mean, sd : float
        Of the rate.
    tau : float
        Posterior mean of the standard deviation of the logits between series.
    log_rate, log_rest, weight : ndarray
        The distribution in small parts: mean logarithm of the rate and of its complement, and probability of each.
    """

    mean: float
    sd: float
    tau: float
    log_rate: Vector
    log_rest: Vector
    weight: Vector


@dataclass(frozen=True)
class _Row:
    """What one value of tau contributes."""

    tau: float
    means: Vector
    logs: Vector
    """Log weight of each point of the mean."""

    def share(self, top: float) -> Vector:
        return np.exp(self.logs - top)


def _edges(slope_and_gap: Callable[[Vector], tuple[Vector, Vector]], farthest: Vector) -> Vector:
    """Find where a concave function has fallen by `_DROP`, from beyond: Newton's steps then fall steadily."""
    place = farthest.copy()
    for _ in range(80):
        gap, slope = slope_and_gap(place)
        step = np.where(gap > 0.0, gap / np.where(slope == 0.0, 1.0, slope), 0.0)
        place = place - step
        # edges need no digits: a little too wide does no harm
        if np.all(np.abs(step) <= 0.02 * np.abs(place)):
            break
    return place


class _Series:
    """The log-likelihood of mean and spread, every series' own logit integrated out."""

    def __init__(self, x: Vector, n: Vector) -> None:
        # series alike are integrated once
        pairs, self.times = np.unique(np.stack([x, n]), axis=1, return_counts=True)
        self.x, self.n = pairs
        with np.errstate(divide="ignore"):
            self.peak = np.log(self.x) - np.log(self.n - self.x)

    def given(self, mean: Vector, tau: Vector, derivatives: bool = True) -> NDArray[np.float64]:
        """Give the log-likelihood at each pair of mean and tau, with its first two derivatives in the mean."""
        order = np.argsort(tau, kind="stable")
        out = np.empty((3 if derivatives else 1, mean.size))
        for part in np.array_split(order, 1 + mean.size * self.x.size // _BLOCK):
            out[:, part] = self._integrated(mean[part], tau[part], derivatives)
        return out

    def _integrated(self, mean: Vector, tau: Vector, derivatives: bool) -> NDArray[np.float64]:
        from scipy.special import expit

        x, n, mu, spread = self.x[None, :], self.n[None, :], mean[:, None], tau[:, None]

        def height(z: Vector) -> Vector:  # the log of the integrand, in units of tau about the mean
            logit = mu + spread * z
            return x * logit - n * (np.maximum(logit, 0.0) + np.log1p(np.exp(-np.abs(logit)))) - 0.5 * z * z

        z = self._mode(mu, spread)
        top = height(z)

        def beyond(side: float) -> Vector:
            def at(d: Vector) -> tuple[Vector, Vector]:
                place = z + side * d
                slope = spread * (x - n * expit(mu + spread * place)) - place
                return top - height(place) - _DROP, -side * slope

            return _edges(at, np.full(z.shape, np.sqrt(2.0 * _DROP)))

        low, high = beyond(-1.0), beyond(1.0)
        points = max(_FEWEST, int(np.ceil(float(((low + high) * spread).max()) / _STEP)))
        step = (low + high) / (points - 1)
        total = np.zeros((3 if derivatives else 1, *z.shape))
        for k in range(points):
            place = z - low + k * step
            weight = np.exp(height(place) - top)
            total[0] += weight
            if not derivatives:
                continue
            rate = expit(mu + spread * place)
            left = x - n * rate
            total[1] += weight * left
            total[2] += weight * (left * left - n * rate * (1.0 - rate))
        value = (top + np.log(total[0] * step)) @ self.times
        if not derivatives:
            return value
        first = total[1] / total[0]
        second = total[2] / total[0] - first * first
        return np.stack([value, first @ self.times, second @ self.times])

    def _mode(self, mu: Vector, spread: Vector) -> Vector:
        """Find the most likely place of each series' logit, in units of tau about the mean."""
        from scipy.special import expit

        x, n = self.x[None, :], self.n[None, :]
        # the mode lies between the mean and the likelihood's own peak, and no farther than one step of the slope
        first = spread * (x - n * expit(mu))
        own = np.where(np.isfinite(self.peak), self.peak, np.where(first < 0.0, -np.inf, np.inf))
        with np.errstate(over="ignore"):
            other = (own - mu) / spread
        other = np.where(np.abs(other) < np.abs(first), other, first)
        low, high = np.minimum(0.0, other), np.maximum(0.0, other)

        def slope_and_curve(z: Vector) -> tuple[Vector, Vector]:
            rate = expit(mu + spread * z)
            return spread * (x - n * rate) - z, -1.0 - spread**2 * n * rate * (1.0 - rate)

        return summits(slope_and_curve, np.zeros(first.shape), low, high)


def _rows(series: _Series, tau: Vector, mean_sd: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give for each tau the points of the mean, and the log of their weights."""
    precision = 1.0 / mean_sd**2

    def height(mean: Vector) -> tuple[Vector, Vector, Vector]:
        value, first, second = series.given(mean, tau)
        return value - 0.5 * precision * mean**2, first - precision * mean, second - precision

    smooth = np.log((series.x + 0.5) / (series.n - series.x + 0.5))
    low = np.full(tau.shape, min(0.0, float(smooth.min())) - 1.0)
    high = np.full(tau.shape, max(0.0, float(smooth.max())) + 1.0)
    for side in (
        low,
        high,
    ):  # a bracket of the mode: the slope is above 0 at the left end, below at the right
        away = -1.0 if side is low else 1.0
        for _ in range(60):
            wrong = away * height(side)[1] > 0.0
            if not wrong.any():
                break
            side[wrong] += away * (1.0 + np.abs(side[wrong]))
    start = np.full(tau.shape, float(np.average(smooth, weights=series.n * series.times)))

    def slope_and_curve(mean: Vector) -> tuple[Vector, Vector]:
        _, slope, curve = height(mean)
        return slope, np.minimum(curve, -precision)

    mode = summits(slope_and_curve, start, low, high)
    top = height(mode)[0]

    def beyond(side: float) -> Vector:
        def at(d: Vector) -> tuple[Vector, Vector]:
            value, slope, _ = height(mode + side * d)
            return top - value - _DROP, -side * slope

        return _edges(at, np.full(tau.shape, mean_sd * np.sqrt(2.0 * _DROP)))

    left, right = beyond(-1.0), beyond(1.0)
    points = max(_FEWEST, int(np.ceil(float((left + right).max()) / _STEP)))
    step = (left + right) / (points - 1)
    means = (mode - left)[:, None] + step[:, None] * np.arange(points)
    flat = series.given(means.ravel(), np.repeat(tau, points), derivatives=False)[0].reshape(means.shape)
    return means, flat - 0.5 * precision * means**2 + np.log(step)[:, None]


def _normal(tau: float, coarse: bool = False) -> tuple[Vector, Vector]:
    """Give points of a normal distribution with standard deviation tau, with weights."""
    reach = np.sqrt(2.0 * _DROP)
    points = 2 * _FEWEST if coarse else max(_FEWEST, int(np.ceil(2.0 * reach * tau / _STEP)))
    z = np.linspace(-reach, reach, points)
    share = np.exp(-0.5 * z * z)
    return tau * z, share / share.sum()


def predictive_rate(x: Vector, n: Vector, tau_scale: float, mean_sd: float) -> Predictive:
    """Integrate the hierarchical model of the series.

    Parameters
    ----------
    x, n : ndarray, shape (series,)
        Responders and patients.
    tau_scale : float
        Scale of the half-normal prior of tau.
    mean_sd : float
        Standard deviation of the normal prior of the mean, about 0.
    """
    series = _Series(x, n)
    rate = (x + 0.5) / (n + 1.0)
    # tau = scale exp(v - exp(-v)): both ends of the integral over v fall away steeply, whatever is integrated, and
    # the points are close where large series tell small spreads apart (Takahasi H, Mori M. 1974)
    scale = min(float(np.min(1.0 / np.sqrt(n * rate * (1.0 - rate)))) / np.sqrt(x.size), tau_scale)
    first, last = -3.6, float(np.log(np.sqrt(2.0 * _DROP) * tau_scale / scale)) + 0.3
    cells = int(np.ceil((last - first) / 0.4))
    finest = cells << _HALVINGS
    new = range(0, finest + 1, 1 << _HALVINGS)
    centre = float(x.sum() / n.sum())
    rows: dict[int, _Row] = {}
    parts: dict[int, Vector] = {}
    now, top = np.full(3, np.nan), 0.0
    for halving in range(_HALVINGS + 1):
        order = np.array(sorted(new))
        v = first + (last - first) * order / finest
        tau = scale * np.exp(v - np.exp(-v))
        means, logs = _rows(series, tau, mean_sd)
        logs += (np.log(tau) + np.log1p(np.exp(-v)) - 0.5 * (tau / tau_scale) ** 2)[:, None]
        for k, at in enumerate(order.tolist()):
            rows[at] = _Row(float(tau[k]), means[k], logs[k])
            parts[at] = _moments(rows[at], centre)
        tops = {at: float(row.logs.max()) for at, row in rows.items()}
        top = max(tops.values())
        total = np.sum([np.exp(tops[at] - top) * part for at, part in parts.items()], axis=0)
        off, square, spread = (total[1:] / total[0]).tolist()
        before, now = now, np.array([centre + off, np.sqrt(max(square - off * off, 0.0)), spread])
        if np.all(np.abs(now - before) <= _STANDS * np.abs(now)):
            break
        # halve the step where anything is left
        half = 1 << (_HALVINGS - halving) >> 1
        alive = [at for at in rows if tops[at] > top - _DROP]
        near = {at + side * half for at in alive for side in (-1, 1)}
        new = [at for at in near if 0 <= at <= finest and at not in rows]
    mean, sd, spread = now.tolist()
    return Predictive(mean, sd, spread, *_condensed(list(rows.values()), top))


def _moments(row: _Row, centre: float) -> Vector:
    """Give weight, and weighted deviation of the rate from a centre, its square and tau; the largest weight is 1."""
    from scipy.special import expit

    share = row.share(float(row.logs.max()))
    z, part = _normal(row.tau)
    off = expit(row.means[:, None] + z) - centre  # a square about a place close by keeps its digits
    total = float(share.sum())
    return np.array([total, share @ (off @ part), share @ (off**2 @ part), row.tau * total])


def _condensed(rows: list[_Row], top: float) -> tuple[Vector, Vector, Vector]:
    """Gather the distribution into some hundred parts, narrow ones far out as well."""
    from scipy.special import log_expit, ndtri

    logits: list[Vector] = []
    weights: list[Vector] = []
    for row in rows:
        share = row.share(top)
        kept = share > 1e-10
        z, part = _normal(row.tau, coarse=True)
        logits.append((row.means[kept, None] + z).ravel())
        weights.append((share[kept, None] * part).ravel())
    logit, weight = np.concatenate(logits), np.concatenate(weights)
    order = np.argsort(logit)
    logit, weight = logit[order], weight[order] / weight.sum()
    below = np.clip(np.cumsum(weight) - 0.5 * weight, 1e-9, 1.0 - 1e-9)
    _, part = np.unique(np.floor(_PARTS * ndtri(below)), return_inverse=True)
    mass, up, down = (
        np.asarray(np.bincount(part, weight * value), dtype=float)
        for value in (1.0, log_expit(logit), log_expit(-logit))
    )
    return up / mass, down / mass, mass

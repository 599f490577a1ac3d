"""Which shapes can a hazard take: constant, rising, falling, peaked, free?

Input: log times and parameters as `Jet`s.
Output: log hazard and log survival of seven distributions and of the Royston-Parmar spline, with derivatives.
Protocol section: none.
Method: parameterisations of R's flexsurv (Jackson, J Stat Softw 2016;70(8), table 1); generalised gamma of
Prentice, Biometrika 1974;61:539; spline of Royston and Parmar, Stat Med 2002;21:2175.
Next: `likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.numerics.derivatives import Jet, differences, log_upper_normal, of_two, softplus
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["DISTRIBUTIONS", "Distribution", "distribution_of", "mean_of", "royston_parmar"]

HALF_LOG_2PI: Final = 0.5 * float(np.log(2.0 * np.pi))
# Within this of Q = 0 the generalised gamma is read off a polynomial through its neighbours: its own form is 0/0 there.
NEAR_NORMAL: Final = 1e-3


@dataclass(frozen=True)
class Distribution:
    """A family of survival times.

    Attributes
    ----------
    name : str
    names : tuple of str
        Parameters, as flexsurv calls them.
    positive : tuple of bool
        Which of them are fitted as their logarithm.
    location : int
        The parameter that covariates act on, additively on the scale it is fitted on.
    functions : callable
        Of log time and the parameters on the scale they are fitted on: log hazard and log survival, as `Jet`s.
    at_zero : bool
        Whether an event at time 0 has a likelihood.
    knots : tuple of float
        Knots on log time, of the spline only.
    """

    name: str
    names: tuple[str, ...]
    positive: tuple[bool, ...]
    location: int
    functions: Callable[[Jet, tuple[Jet, ...]], tuple[Jet, Jet]]
    at_zero: bool = False
    knots: tuple[float, ...] = ()

    def start(self, rate: float) -> NDArray[np.float64]:
        """Give where to start the search: the exponential of the given rate, or what comes near it."""
        level = float(np.log(rate))
        return np.array(
            {
                "exponential": [level],
                "weibull": [0.0, -level],
                "gompertz": [0.0, level],
                "lognormal": [-level + np.log(np.log(2.0)), 0.2],
                "loglogistic": [0.2, -level + np.log(np.log(2.0))],
                "gamma": [0.0, level],
                "generalised-gamma": [-level, 0.0, 1.0],
            }.get(self.name, [level, 1.0] + [0.0] * (len(self.names) - 2))
        )

    def natural(self, fitted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn parameters on the scale they are fitted on into the named ones."""
        positive = np.array(self.positive)
        with np.errstate(over="ignore"):
            return np.where(positive, np.exp(np.where(positive, fitted, 0.0)), fitted)


def _exponential(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    (rate,) = theta
    return rate + np.zeros(y.value.shape), -(y + rate).exp()


def _weibull(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    log_shape, log_scale = theta
    log_hazard = log_shape.exp() * (y - log_scale)
    return log_shape + log_hazard - y, -log_hazard.exp()


def _growth(v: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """(exp(v) - 1) / v with its first and second derivative, also where v is 0."""
    near = np.abs(v) < 0.5
    small, large = np.where(near, v, 0.0), np.where(near, 1.0, v)
    series = [np.zeros_like(v) for _ in range(3)]
    term = np.ones_like(v)
    for k in range(20):
        # Power series sum v**k / (k + 1)! and its derivatives, order by order.
        series[0] += term / (k + 1)
        series[1] += term / (k + 2)
        series[2] += term / (k + 3)
        term = term * small / (k + 1)
    raised = np.exp(large)
    far = np.expm1(large) / large
    far_slope = (raised - far) / large
    far_curve = (raised - 2.0 * far_slope) / large
    return tuple(np.where(near, s, f) for s, f in zip(series, (far, far_slope, far_curve), strict=True))


def _gompertz(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    shape, log_rate = theta
    growth = shape * y.exp()
    return log_rate + growth, -((y + log_rate).exp() * growth.through(*_growth(growth.value)))


def _lognormal(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    mean, log_sd = theta
    z = (y - mean) * (-log_sd).exp()
    log_survival = log_upper_normal(z)
    return -0.5 * (z * z) - HALF_LOG_2PI - log_sd - y - log_survival, log_survival


def _loglogistic(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    log_shape, log_scale = theta
    u = log_shape.exp() * (y - log_scale)
    odds = softplus(u)
    return log_shape + u - y - odds, -odds


def _log_upper_gamma(shape: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the regularised upper incomplete gamma function, also where it underflows."""
    from scipy.special import gammaincc, gammaln

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = gammaincc(shape, x)
        value = np.log(share)
        far = (share < 1e-280) & np.isfinite(x)
        if far.any():
            a, v = np.broadcast_to(shape, share.shape)[far], np.broadcast_to(x, share.shape)[far]
            # Lentz's continued fraction; so far out some thirty terms are exact.
            tail = np.zeros_like(v)
            for k in range(60, 0, -1):
                tail = k * (a - k) / (v - a + 2 * k + 1 + tail)
            value[far] = a * np.log(v) - v - gammaln(a) - np.log(v - a + 1 + tail)
    return value


def _upper_from_density(
    x: Jet, y: Jet, density: tuple[NDArray[np.float64], ...], survival: tuple[NDArray[np.float64], ...]
) -> Jet:
    """Log survival as a function of x, whose density is known, and of y, in which it is differenced.

    Takes the log density with its derivatives in x and y, and the log survival with its first two in y.
    """
    log_density, slope_x, slope_y = density
    value, in_y, in_yy = survival
    rate = np.exp(log_density - value)
    return of_two(x, y, (value, -rate, in_y, -rate * (slope_x + rate), -rate * (slope_y - in_y), in_yy))


def _gamma(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    from scipy.special import digamma, gammaln, polygamma

    log_shape, log_rate = theta
    shape = log_shape.exp()
    log_x = y + log_rate
    a, v = shape.value, log_x.value
    x = np.exp(v)
    in_log = a * v - x - gammaln(a)
    log_density = shape * log_x - log_x.exp() - shape.through(gammaln(a), digamma(a), polygamma(1, a)) - y
    survival = differences(
        lambda u: _log_upper_gamma(np.exp(u), x[:, None]),
        float(log_shape.value[0]),
        0.05 / (1.0 + float(np.sqrt(a[0]))),
    )
    density = in_log, a - x, a * (v - digamma(a))
    log_survival = _upper_from_density(log_x, log_shape, density, survival)
    return log_density - log_survival, log_survival


def _stirling_error(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log gamma minus Stirling's formula, for a >= 15 by its series."""
    from scipy.special import gammaln

    large = np.maximum(a, 15.0)
    inverse = 1.0 / large**2
    series = (
        1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188))))
    ) / large
    exact = gammaln(a) - (a - 0.5) * np.log(a) + a - HALF_LOG_2PI
    return np.where(a >= 15.0, series, exact)


def _lattice(
    plain: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    w: NDArray[np.float64],
    q: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Evaluate a function of (w, q) on a lattice, also where q is 0, where it is smooth but cannot be computed."""
    rows, columns = w[:, None], np.atleast_2d(q)
    near = np.abs(columns) < NEAR_NORMAL
    value = plain(rows, np.where(near, 1.0, columns))
    if near.any():
        nodes = 2.0 * NEAR_NORMAL * np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
        exact = plain(rows, nodes[None, :])
        for column in np.flatnonzero(near[0]):
            at = columns[0, column]
            weights = [
                np.prod((at - np.delete(nodes, j)) / (node - np.delete(nodes, j)))
                for j, node in enumerate(nodes)
            ]
            value[:, column] = exact @ np.array(weights)
    return value


def _log_generalised_density(w: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    a = q**-2.0
    qw = q * w
    with np.errstate(over="ignore"):
        return -a * (np.expm1(qw) - qw) - HALF_LOG_2PI - _stirling_error(a)


def _log_generalised_survival(w: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import gammainc

    a = q**-2.0
    with np.errstate(over="ignore", divide="ignore"):
        log_x = np.log(a) + q * w
        x = np.exp(log_x)
        if (q > 0).all():
            return _log_upper_gamma(a, x)
        lower = np.log(gammainc(a, x))
        lost = np.isneginf(lower) & (q < 0)
        if lost.any():
            lower = np.where(lost, _log_small_lower(a, np.where(lost, log_x, 0.0)), lower)
    return np.where(q > 0, _log_upper_gamma(a, x), lower) if (q > 0).any() else lower


def _log_small_lower(shape: NDArray[np.float64], log_x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the regularised lower incomplete gamma function where it underflows, as x itself may, by its series."""
    from scipy.special import gammaln

    x = np.exp(log_x)
    total = term = np.ones(np.broadcast(shape, x).shape)
    for k in range(1, 5000):
        term = term * np.minimum(x / (shape + k), 1.0)
        total = total + term
        if np.all(term < 1e-17 * total):
            break
    return shape * log_x - x - gammaln(shape + 1.0) + np.log(total)


def _generalised_gamma(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
    location, log_sigma, q = theta
    w = (y - location) * (-log_sigma).exp()
    v, at = w.value, float(q.value[0])
    u = at * v
    growth, growth_slope, _ = _growth(u)
    value, in_q, in_qq = differences(lambda k: _lattice(_log_generalised_density, v, k), at, 0.02)
    slope, cross = -v * growth, -(v**2) * growth_slope
    log_density = of_two(w, q, (value, slope, in_q, -np.exp(u), cross, in_qq))
    survival = differences(lambda k: _lattice(_log_generalised_survival, v, k), at, 0.02)
    log_survival = _upper_from_density(w, q, (value, slope, in_q), survival)
    return log_density - log_sigma - y - log_survival, log_survival


DISTRIBUTIONS: Final = {
    d.name: d
    for d in (
        Distribution("exponential", ("rate",), (True,), 0, _exponential, at_zero=True),
        Distribution("weibull", ("shape", "scale"), (True, True), 1, _weibull),
        Distribution("gompertz", ("shape", "rate"), (False, True), 1, _gompertz, at_zero=True),
        Distribution("lognormal", ("meanlog", "sdlog"), (False, True), 0, _lognormal),
        Distribution("loglogistic", ("shape", "scale"), (True, True), 1, _loglogistic),
        Distribution("gamma", ("shape", "rate"), (True, True), 1, _gamma),
        Distribution("generalised-gamma", ("mu", "sigma", "Q"), (False, True, False), 0, _generalised_gamma),
    )
}
ALIASES: Final = {
    "exp": "exponential",
    "lnorm": "lognormal",
    "log-normal": "lognormal",
    "llogis": "loglogistic",
    "log-logistic": "loglogistic",
    "gengamma": "generalised-gamma",
    "generalized-gamma": "generalised-gamma",
}


def distribution_of(name: str) -> Distribution:
    """Find a distribution by its name.

    Parameters
    ----------
    name : str
        "exponential", "weibull", "gompertz", "lognormal", "loglogistic", "gamma" or "generalised-gamma"; the names
        of R (exp, lnorm, llogis, gengamma) and spellings with a hyphen are taken too.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists them.

    Examples
    --------
    >>> distribution_of("log-normal").names
    ('meanlog', 'sdlog')
    """
    key = ALIASES.get(str(name).lower(), str(name).lower())
    if key not in DISTRIBUTIONS:
        raise ValueError(
            f"distribution must be one of {', '.join(DISTRIBUTIONS)} or royston-parmar, got {name!r}"
        )
    return DISTRIBUTIONS[key]


def royston_parmar(knots: NDArray[np.float64]) -> Distribution:
    """Make the spline distribution with given knots: log cumulative hazard is a natural cubic spline of log time.

    Parameters
    ----------
    knots : numpy.ndarray, shape (k + 2,)
        On log time, increasing; first and last are the boundary knots.

    Returns
    -------
    Distribution
        With parameters gamma0, gamma1, ..., as R's flexsurvspline.

    Examples
    --------
    >>> royston_parmar(np.array([0.0, 1.0, 2.0])).names
    ('gamma0', 'gamma1', 'gamma2')
    """
    low, high = float(knots[0]), float(knots[-1])
    inner = [(float(k), (high - float(k)) / (high - low)) for k in knots[1:-1]]

    def cubes(x: NDArray[np.float64], knot: float, power: int) -> NDArray[np.float64]:
        return np.maximum(x - knot, 0.0) ** power

    def curves(x: NDArray[np.float64], knot: float, share: float) -> tuple[NDArray[np.float64], ...]:
        # The basis function, its first, second and third derivative.
        return (
            *(
                factor
                * (cubes(x, knot, power) - share * cubes(x, low, power) - (1 - share) * cubes(x, high, power))
                for factor, power in ((1.0, 3), (3.0, 2), (6.0, 1))
            ),
            6.0 * ((x > knot) * 1.0 - share * (x > low) - (1 - share) * (x > high)),
        )

    def functions(y: Jet, theta: tuple[Jet, ...]) -> tuple[Jet, Jet]:
        log_hazard, slope = theta[0] + theta[1] * y, theta[1] + 0.0 * y
        for gamma, (knot, share) in zip(theta[2:], inner, strict=True):
            v, v1, v2, v3 = curves(y.value, knot, share)
            log_hazard = log_hazard + gamma * y.through(v, v1, v2)
            slope = slope + gamma * y.through(v1, v2, v3)
        with np.errstate(invalid="ignore", divide="ignore"):
            return log_hazard + slope.log() - y, -log_hazard.exp()

    size = len(inner) + 2
    names = tuple(f"gamma{k}" for k in range(size))
    return Distribution(
        "royston-parmar", names, (False,) * size, 0, functions, knots=tuple(float(k) for k in knots)
    )


def mean_of(distribution: Distribution, fitted: NDArray[np.float64]) -> float | NotEstimable:
    """Mean survival time of a distribution, in closed form.

    Parameters
    ----------
    distribution : Distribution
    fitted : numpy.ndarray
        Parameters on the scale they are fitted on.

    Returns
    -------
    float or NotEstimable
        NotEstimable where the mean is infinite (heavy tail, or a share that never has the event).

    Examples
    --------
    >>> mean_of(DISTRIBUTIONS["exponential"], np.log([0.25]))
    4.0
    """
    values = [float(v) for v in distribution.natural(fitted)]
    if distribution.name == "exponential":
        return 1.0 / values[0]
    if distribution.name == "gamma":
        return values[0] / values[1]
    if distribution.name == "lognormal":
        return float(np.exp(values[0] + 0.5 * values[1] ** 2))
    return _LONG_MEANS[distribution.name](*values)


def _mean_weibull(shape: float, scale: float) -> float:
    from scipy.special import gamma

    return scale * float(gamma(1.0 + 1.0 / shape))


def _mean_loglogistic(shape: float, scale: float) -> float | NotEstimable:
    if shape <= 1.0:
        return NotEstimable(
            "the mean of a log-logistic distribution with shape up to 1 is infinite; give the RMST"
        )
    return scale * float(np.pi / shape / np.sin(np.pi / shape))


def _mean_gompertz(shape: float, rate: float) -> float | NotEstimable:
    from scipy.special import exp1

    if shape < 0.0:
        return NotEstimable(
            f"the Gompertz shape is negative: a share of {np.exp(rate / shape):.4g} never has the event and the mean"
            " is infinite; give the RMST"
        )
    if shape == 0.0:
        return 1.0 / rate
    ratio = rate / shape
    if ratio > 500.0:
        # exp(x) E1(x) by its asymptotic series, where its factors over- and underflow.
        return (1.0 - 1.0 / ratio + 2.0 / ratio**2 - 6.0 / ratio**3 + 24.0 / ratio**4) / (ratio * shape)
    return float(np.exp(ratio) * exp1(ratio)) / shape


def _mean_generalised(mu: float, sigma: float, q: float) -> float | NotEstimable:
    from scipy.special import gammaln

    if q < 0.0 and sigma * -q >= 1.0:
        return NotEstimable("the mean of this generalised gamma distribution is infinite; give the RMST")
    if abs(q) < NEAR_NORMAL:
        return float(np.exp(mu + 0.5 * sigma**2))
    a = q**-2.0
    log_mean = mu - sigma / q * np.log(a) + gammaln(a + sigma / q) - gammaln(a)
    return float(np.exp(log_mean))


def _mean_spline(*_: float) -> NotEstimable:
    return NotEstimable("a spline says nothing on survival long after the last event; give the RMST")


_LONG_MEANS: Final = {
    "weibull": _mean_weibull,
    "loglogistic": _mean_loglogistic,
    "gompertz": _mean_gompertz,
    "generalised-gamma": _mean_generalised,
    "royston-parmar": _mean_spline,
}

"""How does a log-likelihood change with its parameters, exactly?

Input: parameters as `Jet`s: values that carry their first and second derivatives.
Output: sums, products and functions of them, with derivatives exact to rounding.
Protocol section: none.
Method: forward-mode differentiation to second order (Griewank and Walther, Evaluating Derivatives, 2nd ed., ch. 13);
functions whose derivative in one argument has no closed form use central differences of order eight.
Next: `distributions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "Jet",
    "differences",
    "log_one_minus_exp",
    "log_upper_normal",
    "of_two",
    "parameters",
    "softplus",
]

# Central differences on nine points (Fornberg, Math Comput 1988;51:699, table 1): order eight.
NODES = np.arange(-4, 5)
SLOPE = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0.0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])
CURVE = np.array([-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560])


class Jet:
    """Numbers with their gradient and Hessian in p parameters.

    Parameters
    ----------
    value : numpy.ndarray, shape (n,) or (1,)
    first : numpy.ndarray, shape (n, p) or (1, p)
    second : numpy.ndarray, shape (n, p, p) or (1, p, p)

    Examples
    --------
    >>> x, y = parameters(np.array([2.0, 3.0]))
    >>> z = x * y + x.exp()
    >>> z.value.round(3), z.first.round(3)
    (array([13.389]), array([[10.389,  2.   ]]))
    """

    __slots__ = ("first", "second", "value")
    # NumPy leaves array + Jet to the Jet.
    __array_ufunc__ = None

    def __init__(
        self, value: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> None:
        self.value = value
        self.first = first
        self.second = second

    def through(
        self, value: NDArray[np.float64], slope: NDArray[np.float64], curvature: NDArray[np.float64]
    ) -> Jet:
        """Apply a function of one argument, given its value, derivative and second derivative here."""
        outer = self.first[:, :, None] * self.first[:, None, :]
        return Jet(
            value,
            slope[:, None] * self.first,
            curvature[:, None, None] * outer + slope[:, None, None] * self.second,
        )

    def __add__(self, other: Jet | NDArray[np.float64] | float) -> Jet:
        if isinstance(other, Jet):
            return Jet(self.value + other.value, self.first + other.first, self.second + other.second)
        return Jet(self.value + np.asarray(other), self.first, self.second)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.first, -self.second)

    def __sub__(self, other: Jet | NDArray[np.float64] | float) -> Jet:
        return self + (-other)

    def __rsub__(self, other: NDArray[np.float64] | float) -> Jet:
        return -self + other

    def __mul__(self, other: Jet | NDArray[np.float64] | float) -> Jet:
        if not isinstance(other, Jet):
            factor = np.atleast_1d(np.asarray(other, dtype=np.float64))
            return Jet(self.value * factor, self.first * factor[:, None], self.second * factor[:, None, None])
        crossed = self.first[:, :, None] * other.first[:, None, :]
        return Jet(
            self.value * other.value,
            self.value[:, None] * other.first + other.value[:, None] * self.first,
            self.value[:, None, None] * other.second
            + other.value[:, None, None] * self.second
            + crossed
            + np.swapaxes(crossed, 1, 2),
        )

    __rmul__ = __mul__

    def exp(self) -> Jet:
        """Exponential."""
        value = np.exp(self.value)
        return self.through(value, value, value)

    def log(self) -> Jet:
        """Natural logarithm."""
        inverse = 1.0 / self.value
        return self.through(np.log(self.value), inverse, -inverse * inverse)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Jet:
        """Take some of the rows; a value shared by all rows stays as it is."""
        if self.value.size == 1:
            return self
        return Jet(self.value[rows], self.first[rows], self.second[rows])

    def total(self, weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Sum the rows, weighted.

        Parameters
        ----------
        weights : numpy.ndarray, shape (n,)

        Returns
        -------
        value : float
        gradient : numpy.ndarray, shape (p,)
        hessian : numpy.ndarray, shape (p, p)
        """
        n, p = weights.size, self.first.shape[1]
        value = np.broadcast_to(self.value, (n,))
        first = np.broadcast_to(self.first, (n, p))
        second = np.broadcast_to(self.second, (n, p, p)).reshape(n, p * p)
        return float(weights @ value), weights @ first, (weights @ second).reshape(p, p)


def parameters(values: NDArray[np.float64]) -> tuple[Jet, ...]:
    """Make one `Jet` of each parameter: derivative 1 in itself, 0 in the others.

    Parameters
    ----------
    values : numpy.ndarray, shape (p,)

    Examples
    --------
    >>> parameters(np.array([2.0, 3.0]))[1].first
    array([[0., 1.]])
    """
    p = values.size
    flat = np.zeros((1, p, p))
    return tuple(Jet(values[k : k + 1], np.eye(p)[k : k + 1], flat) for k in range(p))


def softplus(x: Jet) -> Jet:
    """log(1 + exp(x)), without overflow.

    Examples
    --------
    >>> softplus(parameters(np.array([0.0]))[0]).value.round(4)
    array([0.6931])
    """
    from scipy.special import expit

    share = expit(x.value)
    return x.through(np.logaddexp(0.0, x.value), share, share * expit(-x.value))


def log_one_minus_exp(x: Jet) -> Jet:
    """log(1 - exp(-x)) for x > 0, right for small and for large x.

    Examples
    --------
    >>> log_one_minus_exp(parameters(np.array([1e-10]))[0]).value.round(4)
    array([-23.0259])
    """
    v = x.value
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        value = np.where(v > 0.6931, np.log1p(-np.exp(-v)), np.log(-np.expm1(-v)))
        slope = 1.0 / np.expm1(v)
        curvature = -slope * (1.0 + slope)
    return x.through(value, slope, curvature)


def log_upper_normal(z: Jet) -> Jet:
    """Log of the standard normal probability above z.

    Examples
    --------
    >>> log_upper_normal(parameters(np.array([0.0]))[0]).value.round(4)
    array([-0.6931])
    """
    from scipy.special import erfcx, log_ndtr

    v = z.value
    # The hazard phi(z) / (1 - Phi(z)) through the scaled complement, which neither under- nor overflows above.
    with np.errstate(over="ignore"):
        rate = np.sqrt(2.0 / np.pi) / erfcx(v / np.sqrt(2.0))
    return z.through(log_ndtr(-v), -rate, -rate * (rate - v))


def differences(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], at: float, step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Value, slope and curvature in one shared argument, of functions whose derivatives have no closed form.

    Parameters
    ----------
    function : callable
        Of the argument as an array of shape (1, 9); returns shape (n, 9), smooth.
    at : float
    step : float
        A twentieth or less of the scale on which the function bends.

    Returns
    -------
    tuple of numpy.ndarray, shape (n,)

    Notes
    -----
    Nine-point central differences: truncation h**8 / 630, rounding 1e-16 / h for slopes, 1e-16 / h**2 for curvatures.

    Examples
    --------
    >>> value, slope, curvature = differences(np.sin, 0.5, 0.02)
    >>> bool(abs(slope[0] - np.cos(0.5)) < 1e-13)
    True
    """
    grid = function(np.asarray(at + step * NODES[None, :], dtype=np.float64))
    return grid[:, 4], grid @ SLOPE / step, grid @ CURVE / step**2


def of_two(x: Jet, y: Jet, values: tuple[NDArray[np.float64], ...]) -> Jet:
    """Apply a function of two arguments, given its value and partial derivatives.

    Parameters
    ----------
    x, y : Jet
    values : tuple of numpy.ndarray
        Value, then the derivatives in x, y, xx, xy, yy.

    Examples
    --------
    >>> a, b = parameters(np.array([2.0, 3.0]))
    >>> one = np.ones(1)
    >>> of_two(a, b, (a.value * b.value, b.value, a.value, 0 * one, one, 0 * one)).first
    array([[3., 2.]])
    """
    value, fx, fy, fxx, fxy, fyy = values
    crossed = x.first[:, :, None] * y.first[:, None, :]
    return Jet(
        value,
        fx[:, None] * x.first + fy[:, None] * y.first,
        fx[:, None, None] * x.second
        + fy[:, None, None] * y.second
        + fxx[:, None, None] * (x.first[:, :, None] * x.first[:, None, :])
        + fyy[:, None, None] * (y.first[:, :, None] * y.first[:, None, :])
        + fxy[:, None, None] * (crossed + np.swapaxes(crossed, 1, 2)),
    )

"""How likely are survival times under a distribution with given parameters?

Input: exact, right-, left- and interval-censored times, delayed entry, weights, covariates.
Output: the log-likelihood with its exact first and second derivatives.
Protocol section: none.
Method: forward-mode differentiation (`numerics.derivatives`) of log hazards and log survival.
Next: `fit`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.derivatives import Jet, log_one_minus_exp, parameters, softplus

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pnstrial.survival.parametric.distributions import Distribution

__all__ = ["Sample", "evaluate", "log_likelihood"]

Sum = tuple[float, "NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Checked observations: the event is in (left, right], or at left where both are equal.

    Attributes
    ----------
    left, right : numpy.ndarray, shape (n,)
        right is inf where the observation ended without event.
    entry : numpy.ndarray, shape (n,)
        0 where the patient was observed from the start.
    weights : numpy.ndarray, shape (n,)
    covariates : numpy.ndarray, shape (n, q)
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    entry: NDArray[np.float64]
    weights: NDArray[np.float64]
    covariates: NDArray[np.float64]
    exact: NDArray[np.bool_] = field(init=False)
    within: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", self.left == self.right)
        object.__setattr__(self, "within", np.isfinite(self.right) & (self.left < self.right))

    @property
    def rate(self) -> float:
        """Events over time at risk, an event within an interval taken in its middle."""
        last = np.where(self.within, 0.5 * (self.left + self.right), self.left)
        events = float(self.weights[self.exact | self.within].sum())
        return events / float(self.weights @ (last - self.entry))


def evaluate(
    distribution: Distribution,
    model: str,
    times: NDArray[np.float64] | Jet,
    every: tuple[Jet, ...],
    values: NDArray[np.float64],
) -> tuple[Jet, Jet]:
    """Log hazard and log survival at times, for given covariate values.

    Parameters
    ----------
    distribution : Distribution
    model : str
        "location", "ph", "po" or "aft".
    times : numpy.ndarray or Jet
        Times over 0; as a `Jet` they are logarithms of times.
    every : tuple of Jet
        Parameters on the scale they are fitted on, then coefficients.
    values : numpy.ndarray, shape (q,)
    """
    size = len(distribution.names)
    shift: Jet | None = None
    for slope, value in zip(every[size:], values, strict=True):
        shift = slope * float(value) if shift is None else shift + slope * float(value)
    return _at(distribution, model, times, every[:size], shift)


def _at(
    distribution: Distribution,
    model: str,
    times: NDArray[np.float64] | Jet,
    theta: tuple[Jet, ...],
    shift: Jet | None,
) -> tuple[Jet, Jet]:
    """Log hazard and log survival at times, under a regression model."""
    p = theta[0].first.shape[1]
    y = times if isinstance(times, Jet) else Jet(np.log(times), np.zeros((1, p)), np.zeros((1, p, p)))
    if shift is None:
        return distribution.functions(y, theta)
    if model == "location":
        place = distribution.location
        moved = (*theta[:place], theta[place] + shift, *theta[place + 1 :])
        return distribution.functions(y, moved)
    if model == "aft":
        log_hazard, log_survival = distribution.functions(y - shift, theta)
        return log_hazard - shift, log_survival
    log_hazard, log_survival = distribution.functions(y, theta)
    if model == "ph":
        return log_hazard + shift, shift.exp() * log_survival
    log_failure = log_one_minus_exp(-log_survival)
    odds = log_survival - log_failure + shift
    moved_survival, moved_failure = -softplus(-odds), -softplus(odds)
    return log_hazard + moved_failure - log_failure, moved_survival


def log_likelihood(
    distribution: Distribution, sample: Sample, model: str = "location"
) -> Callable[[NDArray[np.float64]], Sum]:
    """Make the log-likelihood of a sample, with gradient and information (minus the Hessian).

    Parameters
    ----------
    distribution : Distribution
    sample : Sample
    model : str
        How covariates act: "location" (on the location parameter, as flexsurv), "ph", "po" or "aft".

    Returns
    -------
    callable
        Of the parameters on the scale they are fitted on, then the coefficients.
    """
    size = len(distribution.names)
    groups = (
        (sample.exact, "exact"),
        (sample.within, "within"),
        (np.isinf(sample.right) & (sample.left > 0), "right"),
        (sample.entry > 0, "entry"),
    )

    def part(kind: str, rows: NDArray[np.bool_], theta: tuple[Jet, ...], shift: Jet | None) -> Jet:
        moved = None if shift is None else shift.take(rows)
        if kind == "entry":
            return -_at(distribution, model, sample.entry[rows], theta, moved)[1]
        if kind == "within":
            left, right = sample.left[rows], sample.right[rows]
            upper = _at(distribution, model, right, theta, moved)[1]
            if not (left > 0).any():
                return log_one_minus_exp(-upper)
            start = _at(distribution, model, np.where(left > 0, left, right), theta, moved)[1]
            start = start * (left > 0).astype(float)
            return start + log_one_minus_exp(start - upper)
        log_hazard, log_survival = _at(distribution, model, sample.left[rows], theta, moved)
        return log_hazard + log_survival if kind == "exact" else log_survival

    def function(point: NDArray[np.float64]) -> Sum:
        every = parameters(point)
        theta, slopes = every[:size], every[size:]
        shift: Jet | None = None
        for k, slope in enumerate(slopes):
            term = slope * sample.covariates[:, k]
            shift = term if shift is None else shift + term
        value, gradient, hessian = 0.0, np.zeros(point.size), np.zeros((point.size, point.size))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            for rows, kind in groups:
                if rows.any():
                    v, g, h = part(kind, rows, theta, shift).total(sample.weights[rows])
                    value, gradient, hessian = value + v, gradient + g, hessian + h
        return value, gradient, -hessian

    return function

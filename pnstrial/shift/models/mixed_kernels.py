"""How is the likelihood of the ordinal model with a patient intercept integrated?

Input: grades per patient and visit, a parameter vector, quadrature nodes.
Output: the log-likelihood.
Protocol section: none.
Method: adaptive Gauss-Hermite quadrature (Pinheiro and Bates, J Comput Graph Stat 1995;4:12, eq. 2.8): nodes
centred at each patient's mode and scaled by its curvature; one node is Laplace's approximation.
Next: `shift.mixed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]

FAR = 300.0
"""Log odds beyond which a probability is no longer told from 0, so that no product overflows."""


def _joint(below: Array, above: Array, seen: int, sigma: float, u: float) -> Any:
    """Give the log of the joint density of one patient's grades and u, but for the gaps, with two derivatives in u.

    With e = exp(sigma u) a grade between two cuts has the probability 1 / (1 + below e) / (1 + above / e) times
    one less exp of minus the gap, which does not depend on u.
    """
    e = np.exp(min(max(sigma * u, -FAR), FAR))
    value = -0.5 * u * u
    slope = -u
    curve = 1.0
    chance = 1.0
    for t in range(seen):
        high = 1.0 / (1.0 + below[t] * e)
        low = 1.0 / (1.0 + above[t] / e)
        chance *= high * low
        if chance < 1e-200:
            value += np.log(chance)
            chance = 1.0
        slope -= sigma * (low - high)
        curve += sigma * sigma * (high * (1.0 - high) + low * (1.0 - low))
    return value + np.log(chance), slope, curve


joint = kernel(_joint)


def _loglik(
    patterns: Grades,
    copies: Array,
    theta: Array,
    shifts: Array,
    sigma: float,
    nodes: Array,
    log_weights: Array,
) -> float:
    """Sum the log marginal likelihood over patients; `patterns` holds distinct rows, `copies` how many."""
    total = 0.0
    count = nodes.shape[0]
    cuts = theta.shape[0]
    terms = np.empty(count)
    below, above = np.empty(patterns.shape[1]), np.empty(patterns.shape[1])
    for i in range(patterns.shape[0]):
        seen, gaps = 0, 0.0
        for t in range(patterns.shape[1]):
            k = patterns[i, t]
            if k < 0:
                continue
            below[seen] = np.exp(min(shifts[t] - theta[k], FAR)) if k < cuts else 0.0
            above[seen] = np.exp(min(theta[k - 1] - shifts[t], FAR)) if k > 0 else 0.0
            if 0 < k < cuts:
                gaps += np.log(-np.expm1(theta[k - 1] - theta[k]))
            seen += 1
        u = 0.0
        value, slope, curve = joint(below, above, seen, sigma, u)
        for _ in range(60):
            step = slope / curve
            tried = joint(below, above, seen, sigma, u + step)
            while tried[0] < value - 1e-12 and abs(step) > 1e-12:
                step *= 0.5
                tried = joint(below, above, seen, sigma, u + step)
            u += step
            value, slope, curve = tried
            if abs(step) < 1e-10:
                break
        scale = 1.0 / np.sqrt(curve)
        if count == 1:
            total += copies[i] * (gaps + value + np.log(scale))
            continue
        most = -np.inf
        for j in range(count):
            terms[j] = log_weights[j] + joint(below, above, seen, sigma, u + scale * nodes[j])[0]
            most = max(most, terms[j])
        inner = 0.0
        for j in range(count):
            inner += np.exp(terms[j] - most)
        total += copies[i] * (gaps + most + np.log(inner) + np.log(scale))
    return total


loglik = kernel(_loglik)


def _loglik_at(
    patterns: Grades, copies: Array, point: Array, cuts: int, nodes: Array, log_weights: Array
) -> float:
    """Give the log-likelihood at (first threshold, log gaps, visits, sd), where no threshold can cross another."""
    theta = np.empty(cuts)
    theta[0] = point[0]
    for k in range(1, cuts):
        theta[k] = theta[k - 1] + np.exp(min(max(point[k], -30.0), 6.0))
    shifts = np.zeros(patterns.shape[1])
    for t in range(cuts, point.shape[0] - 1):
        shifts[1 + t - cuts] = point[t]
    return loglik(patterns, copies, theta, shifts, abs(point[-1]), nodes, log_weights)


loglik_at = kernel(_loglik_at)

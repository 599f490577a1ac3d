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


def _joint(grades: Grades, theta: Array, shifts: Array, sigma: float, u: float) -> Any:
    """Give the log of the joint density of one patient's grades and u, with two derivatives in u."""
    cuts = theta.shape[0]
    value = -0.5 * u * u
    slope = -u
    curve = 1.0
    for t in range(grades.shape[0]):
        k = grades[t]
        if k < 0:
            continue
        eta = shifts[t] + sigma * u
        low_part, low_curve, high_part, high_curve = 0.0, 0.0, 1.0, 0.0
        if k < cuts:
            a = theta[k] - eta
            small = np.exp(-abs(a))
            big = 1.0 / (1.0 + small)
            value += -np.log1p(small) + (0.0 if a >= 0 else a)
            high_part = big if a >= 0 else small * big
            high_curve = small * big * big
        if k > 0:
            a = theta[k - 1] - eta
            small = np.exp(-abs(a))
            big = 1.0 / (1.0 + small)
            value += -np.log1p(small) - (a if a >= 0 else 0.0)
            low_part = big if a >= 0 else small * big
            low_curve = small * big * big
        if 0 < k < cuts:
            value += np.log(-np.expm1(theta[k - 1] - theta[k]))
        slope -= sigma * (1.0 - high_part - low_part)
        curve += sigma * sigma * (high_curve + low_curve)
    return value, slope, curve


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
    terms = np.empty(count)
    for i in range(patterns.shape[0]):
        u = 0.0
        value, slope, curve = joint(patterns[i], theta, shifts, sigma, u)
        for _ in range(60):
            step = slope / curve
            tried = joint(patterns[i], theta, shifts, sigma, u + step)
            while tried[0] < value - 1e-12 and abs(step) > 1e-12:
                step *= 0.5
                tried = joint(patterns[i], theta, shifts, sigma, u + step)
            u += step
            value, slope, curve = tried
            if abs(step) < 1e-10:
                break
        scale = 1.0 / np.sqrt(curve)
        if count == 1:
            total += copies[i] * (value + np.log(scale))
            continue
        most = -np.inf
        for j in range(count):
            terms[j] = log_weights[j] + joint(patterns[i], theta, shifts, sigma, u + scale * nodes[j])[0]
            most = max(most, terms[j])
        inner = 0.0
        for j in range(count):
            inner += np.exp(terms[j] - most)
        total += copies[i] * (most + np.log(inner) + np.log(scale))
    return total


loglik = kernel(_loglik)

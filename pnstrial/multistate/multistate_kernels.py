"""How are many short patients' records run through quickly?

Input: transition probabilities or eigenvectors of generators, and the rows of a panel as arrays.
Output: compiled forward and backward recursion, exponentials and their adjoint; used by `likelihood` alone.
Protocol section: none.
Method: as in `likelihood`; loops over patients and states are too short for arrays.
Next: `likelihood`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["adjoint", "propagate", "recursion"]


def _propagate(
    values: NDArray[np.float64],
    vectors: NDArray[np.float64],
    inverse: NDArray[np.float64],
    times: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Exponentiate a generator with real eigenvalues at many times."""
    k = values.size
    out = np.empty((times.size, k, k))
    decay = np.empty(k)
    for n in range(times.size):
        for a in range(k):
            decay[a] = np.exp(values[a] * times[n])
        for i in range(k):
            for j in range(k):
                total = 0.0
                for a in range(k):
                    total += vectors[i, a] * decay[a] * inverse[a, j]
                out[n, i, j] = max(total, 0.0)
    return out


def _adjoint(
    values: NDArray[np.float64],
    vectors: NDArray[np.float64],
    inverse: NDArray[np.float64],
    times: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sum over the times the divided differences times the weights in the eigenvectors' basis."""
    k = values.size
    out = np.zeros((k, k))
    half = np.empty((k, k))
    decay = np.empty(k)
    for n in range(times.size):
        t = times[n]
        for a in range(k):
            decay[a] = np.exp(values[a] * t)
        for a in range(k):
            for j in range(k):
                total = 0.0
                for i in range(k):
                    total += vectors[i, a] * weights[n, i, j]
                half[a, j] = total
        for a in range(k):
            for b in range(k):
                gap = (values[a] - values[b]) * t
                if abs(gap) < 1e-3:
                    # The quotient of two nearly equal numbers, by its series at their mean: no cancellation.
                    middle = np.exp((values[a] + values[b]) * t / 2)
                    divided = t * middle * (1.0 + gap * gap / 24.0)
                else:
                    divided = (decay[a] - decay[b]) / (values[a] - values[b])
                total = 0.0
                for j in range(k):
                    total += half[a, j] * inverse[b, j]
                out[a, b] += divided * total
    return out


def _recursion(
    P: NDArray[np.float64],
    interval: NDArray[np.intp],
    emission: NDArray[np.float64],
    initial: NDArray[np.float64],
) -> tuple[float, int, NDArray[np.float64], NDArray[np.float64]]:
    """Run forward and backward through all rows.

    Returns the log-likelihood, the first row of probability 0 (-1: none), the derivatives by each transition
    probability, and for each row the predicted states over the row's probability. An empty `initial` conditions
    on the first rows.
    """
    n, k = emission.shape
    alpha = np.zeros((n, k))
    ahead = np.zeros((n, k))
    share = np.ones(n)
    total = 0.0
    W = np.zeros(P.shape)
    for row in range(n):
        u = interval[row]
        if u >= 0:
            for j in range(k):
                value = 0.0
                for i in range(k):
                    value += alpha[row - 1, i] * P[u, i, j]
                ahead[row, j] = value
        elif initial.size:
            ahead[row] = initial
        else:
            ahead[row] = 1.0 / emission[row].sum()
        value = 0.0
        for j in range(k):
            alpha[row, j] = ahead[row, j] * emission[row, j]
            value += alpha[row, j]
        if value <= 1e-290:
            return -np.inf, row, W, ahead
        share[row] = value
        total += np.log(value)
        for j in range(k):
            alpha[row, j] /= value
            ahead[row, j] /= value
    beta = np.ones(k)
    weight = np.empty(k)
    for row in range(n - 1, -1, -1):
        u = interval[row]
        if u < 0:
            beta[:] = 1.0
            continue
        for j in range(k):
            weight[j] = emission[row, j] * beta[j] / share[row]
        for i in range(k):
            value = 0.0
            for j in range(k):
                W[u, i, j] += alpha[row - 1, i] * weight[j]
                value += P[u, i, j] * weight[j]
            beta[i] = value
    return total, -1, W, ahead


propagate = kernel(_propagate)
adjoint = kernel(_adjoint)
recursion = kernel(_recursion)

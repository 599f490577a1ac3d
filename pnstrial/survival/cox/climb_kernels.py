"""How fast does a Cox regression without surprises climb to its maximum?

Input: the arrays of `RiskSets`, without late entries; ties by Efron or Breslow.
Output: the maximum in the array that is given, and whether the climb was without surprises.
Protocol section: none.
Method: Newton's steps as in `numerics.newton.maximise`, whose rules of length, halving and arrival these are; the
sums over risk sets are cumulated from the last patient of a stratum to its first.
Next: `likelihood`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pnstrial.compiled import OUTER, SELDOM, kernel

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SCRATCH", "cox_climb"]

SCRATCH = 7
"""Rows of the array of results in front of three square matrices, the first of them the information."""

_BETA, _SCORE, _STEP, _NEXT, _FIRST, _DYING, _MEAN = range(SCRATCH)


def _partial_likelihood(
    at: int, x: np.ndarray, weights: np.ndarray, offset: np.ndarray, bounds: np.ndarray, start: np.ndarray,
    size: np.ndarray, load: np.ndarray, efron: bool, widest: float, eta: np.ndarray, out: np.ndarray,
) -> float:  # fmt: skip
    """Log likelihood at row `at` of `out`; its score and information go to `out`. NaN where it cannot be had."""
    p, n = x.shape
    second, spread = SCRATCH + p, SCRATCH + 2 * p
    low, high = math.inf, -math.inf
    for i in range(n):
        value = offset[i]
        for a in range(p):
            value += out[at, a] * x[a, i]
        eta[i] = value
        low, high = min(low, value), max(high, value)
    if not high - low < widest:
        return math.nan
    shift = 0.5 * (low + high)
    for a in range(p):
        out[_SCORE, a] = 0.0
        for b in range(p):
            out[SCRATCH + a, b] = 0.0
    loglik = 0.0
    j, term = start.size - 1, load.size
    for stratum in range(bounds.size - 2, -1, -1):
        total = 0.0
        for a in range(p):
            out[_FIRST, a] = 0.0
            for b in range(a + 1):
                out[second + a, b] = 0.0
        for i in range(bounds[stratum + 1] - 1, bounds[stratum] - 1, -1):
            risk = weights[i] * math.exp(eta[i] - shift)
            total += risk
            for a in range(p):
                part = risk * x[a, i]
                out[_FIRST, a] += part
                for b in range(a + 1):
                    out[second + a, b] += part * x[b, i]
            if j < 0 or start[j] != i:
                continue
            tied = size[j] if efron else 1
            dying = 0.0
            for a in range(p):
                out[_DYING, a] = 0.0
                for b in range(a + 1):
                    out[spread + a, b] = 0.0
            for k in range(i, i + size[j]):
                loglik += weights[k] * (eta[k] - shift)
                own = weights[k] * math.exp(eta[k] - shift)
                dying += own
                for a in range(p):
                    out[_SCORE, a] += weights[k] * x[a, k]
                    out[_DYING, a] += own * x[a, k]
                    for b in range(a + 1):
                        out[spread + a, b] += own * x[a, k] * x[b, k]
            for k in range(tied - 1, -1, -1):
                term -= 1
                share = k / tied
                left = total - share * dying
                loglik -= load[term] * math.log(left)
                for a in range(p):
                    out[_MEAN, a] = (out[_FIRST, a] - share * out[_DYING, a]) / left
                    out[_SCORE, a] -= load[term] * out[_MEAN, a]
                scale = load[term] / left
                for a in range(p):
                    for b in range(a + 1):
                        part = out[second + a, b] - share * out[spread + a, b]
                        out[SCRATCH + a, b] += scale * part - load[term] * out[_MEAN, a] * out[_MEAN, b]
            j -= 1
    for a in range(p):
        for b in range(a):
            out[SCRATCH + b, a] = out[SCRATCH + a, b]
    return loglik


partial_likelihood = kernel(_partial_likelihood, **SELDOM)


def _solve(out: np.ndarray, p: int) -> float:
    """Newton's step by Cholesky's factors; the rise it promises, NaN where the information is not positive definite."""
    for a in range(p):
        for b in range(a + 1):
            value = out[SCRATCH + a, b]
            for c in range(b):
                value -= out[SCRATCH + p + a, c] * out[SCRATCH + p + b, c]
            if a == b:
                if not value > 0.0:
                    return math.nan
                out[SCRATCH + p + a, a] = math.sqrt(value)
            else:
                out[SCRATCH + p + a, b] = value / out[SCRATCH + p + b, b]
    for a in range(p):
        value = out[_SCORE, a]
        for c in range(a):
            value -= out[SCRATCH + p + a, c] * out[_STEP, c]
        out[_STEP, a] = value / out[SCRATCH + p + a, a]
    for a in range(p - 1, -1, -1):
        value = out[_STEP, a]
        for c in range(a + 1, p):
            value -= out[SCRATCH + p + c, a] * out[_STEP, c]
        out[_STEP, a] = value / out[SCRATCH + p + a, a]
    gain = 0.0
    for a in range(p):
        gain += out[_STEP, a] * out[_SCORE, a]
    return gain


solve = kernel(_solve, **SELDOM)


def _cox_climb(
    x: np.ndarray, weights: np.ndarray, offset: np.ndarray, bounds: np.ndarray, start: np.ndarray, size: np.ndarray,
    load: np.ndarray, efron: bool, widest: float, most: int, longest: float, armijo: float, rounding: float,
    eta: np.ndarray, out: np.ndarray,
) -> float:  # fmt: skip
    """Climb from no effect; row 0 of `out` is the maximum, row 1 the score, the information follows `SCRATCH` rows.

    NaN where the climb is not over after `most` steps, a step must be shortened, the information is not positive
    definite or its parameters are close to not being told apart: then the whole rules decide.
    """
    p, n = x.shape
    for a in range(p):
        out[_BETA, a] = 0.0
    height = partial_likelihood(_BETA, x, weights, offset, bounds, start, size, load, efron, widest, eta, out)
    last = math.inf
    for _ in range(most):
        gain = solve(out, p)
        if not (height > -math.inf and 0.0 <= gain < math.inf):
            return math.nan
        error = math.sqrt(gain)
        short = error < 1e-5
        for a in range(p):
            if not abs(out[_STEP, a]) < 1e-6 * (1.0 + abs(out[_BETA, a])):
                short = False
        if short and (error >= 0.5 * last or error < 1e-12):
            # The eigenvalues, the diagonal scaled to 1, multiply to this; their mean is 1, so that all but the least
            # multiply to e at most, and the least is no smaller than this divided by e.
            product = 1.0
            for a in range(p):
                product *= out[SCRATCH + p + a, a] ** 2 / out[SCRATCH + a, a]
            return height if product > 1e-9 else math.nan
        last = error
        low, high = math.inf, -math.inf
        for i in range(n):
            value = 0.0
            for a in range(p):
                value += out[_STEP, a] * x[a, i]
            low, high = min(low, value), max(high, value)
        if high - low > longest:
            return math.nan
        share, slack, ahead = 1.0, rounding * (1.0 + abs(height)), math.nan
        for _halving in range(4):
            for a in range(p):
                out[_NEXT, a] = out[_BETA, a] + share * out[_STEP, a]
            ahead = partial_likelihood(
                _NEXT, x, weights, offset, bounds, start, size, load, efron, widest, eta, out
            )
            if ahead >= height + armijo * share * gain - slack:
                break
            ahead = math.nan
            share *= 0.5
        height = ahead
        for a in range(p):
            out[_BETA, a] = out[_NEXT, a]
    return math.nan


cox_climb = kernel(_cox_climb, **OUTER)

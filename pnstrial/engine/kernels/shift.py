"""Which of the trial's tests reject, in a simulated trial?

Input: changes per patient, in units of the scale.
Output: 1 if the exact signed-rank test shows improvement, -1 if it shows worsening, 0 if neither.
Protocol section: endpoint (mRS shift).
Method: exact conditional signed-rank distribution, zeros ranked but given no sign, ties by mid-ranks (Pratt, J Am
Stat Assoc 1959;54:655-667). Changes of one size share their rank, so the tail is a sum over how many of each size
were improvements: a few dozen terms for 17 patients. With more sizes or patients one convolution per patient.
Next: `trial_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, SELDOM, kernel
from pnstrial.numerics.normal import normal_quantile

__all__ = ["signed_rank", "surely_significant"]

_EXACT_UP_TO = 100
_SIZES = 6
"""With more sizes of change than this (those of the mRS) nothing is enumerated."""
_TERMS = 20_000
# a sum of signs reaches one standard deviation with at least this probability, whatever the ranks
# (Dvorak V, Tiep PH, Electron J Probab 2023;28:80)
_NEVER_BELOW = 3 / 32


def surely_significant(alpha: float) -> float:
    """Give how many standard deviations, squared, a sum of signs is off where it is significant whatever the ranks.

    P(sum >= x) <= P(normal >= x) / (4 P(normal >= sqrt 2)) (Bentkus V, Dzindzalieta D, Bernoulli 2015;21:1231-1237).
    """
    return normal_quantile(1.0 - 4.0 * math.erfc(1.0) * alpha) ** 2


def _enumerated(sizes: Any, doubled: Any, widest: Any, at_least: Any, exactly: Any, or_more: Any) -> Any:
    """Add up P(doubled rank sum >= at_least) over how many of each size are improvements.

    `exactly[c, j]` is P(X = j) and `or_more[c, j]` P(X >= j), X binomial (c, 1/2): the size with most patients is
    taken as a whole.
    """
    tail = 0.0
    own = sizes[widest]
    sizes[widest] = 0
    for a in range(sizes[1] + 1):
        for b in range(sizes[2] + 1):
            for c in range(sizes[3] + 1):
                for d in range(sizes[4] + 1):
                    for e in range(sizes[5] + 1):
                        for f in range(sizes[6] + 1):
                            rest = at_least - (
                                a * doubled[1] + b * doubled[2] + c * doubled[3] + d * doubled[4] + e * doubled[5]
                                + f * doubled[6]
                            )  # fmt: skip
                            need = max(0, -(-rest // doubled[widest]))
                            if need <= own:
                                tail += (
                                    or_more[own, need] * exactly[sizes[1], a] * exactly[sizes[2], b]
                                    * exactly[sizes[3], c] * exactly[sizes[4], d] * exactly[sizes[5], e]
                                    * exactly[sizes[6], f]
                                )  # fmt: skip
    return tail


_enumerated = kernel(_enumerated, **SELDOM)


def _convolved(sizes: Any, doubled: Any, at_least: Any, weights: Any) -> Any:
    """Give the same tail by one convolution per patient."""
    total = 0
    for t in range(weights.size):
        weights[t] = 0.0
    weights[0] = 1.0
    for size in range(1, sizes.size):
        for _ in range(sizes[size]):
            # one patient more of this size: up or down with probability 1/2
            for t in range(total, -1, -1):
                half = 0.5 * weights[t]
                weights[t] = half
                weights[t + doubled[size]] += half
            total += doubled[size]
    tail = 0.0
    for t in range(total, at_least - 1, -1):
        tail += weights[t]
    return tail


_convolved = kernel(_convolved, **SELDOM)


def _signed_rank(
    changes: Any, alpha: Any, surely: Any, sizes: Any, exactly: Any, or_more: Any, weights: Any
) -> Any:
    """Test the changes: at position m + s stands how many patients improved by s units, at m - s worsened by s.

    Gives 1 if improvement is shown at one-sided alpha, -1 if worsening is, else 0. `sizes` (2 x (m + 1), m being the
    largest change) and `weights` are working space.
    """
    most = sizes.shape[1] - 1
    n = changes[most]
    better = total = widest = np.int64(0)
    squares = 0.0
    terms = 1.0
    for size in range(1, most + 1):
        count = changes[most + size] + changes[most - size]
        doubled = 2 * n + count + 1
        sizes[0, size] = count
        sizes[1, size] = doubled
        better += doubled * changes[most + size]
        total += doubled * count
        squares += float(doubled) * doubled * count
        n += count
        terms *= count + 1.0
        if widest == 0 or count > sizes[0, widest]:
            widest = size
    if total == 0:
        return 0
    sign = 1 if 2 * better > total else -1
    more = max(better, total - better)
    beyond = 2.0 * more - total
    if beyond * beyond <= squares and alpha < _NEVER_BELOW:
        return 0
    if beyond * beyond >= surely * squares:
        return sign
    if n > _EXACT_UP_TO:
        # normal approximation with the tie-corrected variance sum(rank**2) / 4, ranks doubled as above
        tail = 0.5 * math.erfc((more - 0.5 * total) / math.sqrt(0.5 * squares))
    elif most == _SIZES and terms / (sizes[0, widest] + 1.0) <= _TERMS:
        tail = _enumerated(sizes[0], sizes[1], widest, more, exactly, or_more)
    else:
        tail = _convolved(sizes[0], sizes[1], more, weights)
    return sign if tail <= alpha * (1 + 1e-12) else 0


signed_rank = kernel(_signed_rank, **INNER)

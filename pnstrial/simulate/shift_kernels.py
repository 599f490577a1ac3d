"""Which of the trial's tests reject, in a simulated trial?

Input: changes of the mRS per patient; deaths and days at risk.
Output: 1 if the exact signed-rank test rejects, for improvement or for worsening; the log-rank statistic.
Protocol section: endpoint (mRS shift, survival).
Method: exact conditional signed-rank distribution, zeros ranked but given no sign, ties by mid-ranks (Pratt, J Am
Stat Assoc 1959;54:655-667; one convolution per patient that changed). The limit depends only on how many changes have
each size, so it is worked out once per pattern and looked up afterwards.
Next: `trial_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import kernel
from pnstrial.simulate.layout_kernels import INNER

__all__ = ["signed_rank"]

_EXACT_UP_TO = 100


def _limit(sizes: Any, alpha: Any, weights: Any) -> Any:
    """Find the smallest doubled rank sum t with P(T >= t) <= alpha; one over the largest if none has."""
    total = 0
    rank = sizes[0]
    weights[:] = 0.0
    weights[0] = 1.0
    for size in range(1, 7):
        count = sizes[size]
        doubled = 2 * rank + count + 1
        rank += count
        for _ in range(count):
            # one patient more of this size: up or down with probability 1/2
            for t in range(total, -1, -1):
                half = 0.5 * weights[t]
                weights[t] = half
                weights[t + doubled] += half
            total += doubled
    tail = 0.0
    for t in range(total, -1, -1):
        tail += weights[t]
        if tail > alpha * (1 + 1e-12):
            return t + 1
    return 0


_limit = kernel(_limit, **INNER)


def _signed_rank(up: Any, down: Any, alpha: Any, keys: Any, limits: Any, weights: Any) -> Any:
    """Test the changes: `up[s]` patients improved by s points, `down[s]` worsened by s, `up[0]` did not change.

    Gives 1 if improvement is shown at one-sided alpha, -1 if worsening is, else 0.
    """
    sizes = np.zeros(7, np.int64)
    sizes[0] = up[0]
    n = sizes[0]
    key = sizes[0]
    better = 0
    total = 0
    squares = 0.0
    for size in range(1, 7):
        sizes[size] = up[size] + down[size]
        doubled = 2 * n + sizes[size] + 1
        better += doubled * up[size]
        total += doubled * sizes[size]
        squares += float(doubled) * doubled * sizes[size]
        n += sizes[size]
        key = key * 1024 + sizes[size]
    if total == 0:
        return 0
    if n > _EXACT_UP_TO:
        # normal approximation with the tie-corrected variance sum(rank**2) / 4, ranks doubled as above
        z = (better - 0.5 * total) / math.sqrt(0.25 * squares)
        tail = 0.5 * math.erfc(abs(z) / math.sqrt(2.0))
        if tail > alpha:
            return 0
        return 1 if z > 0 else -1
    place = np.int64((key * np.int64(0x2545F4914F6CDD1D)) >> np.int64(20)) & (keys.size - 1)
    limit = -1
    for _ in range(8):
        if keys[place] == key:
            limit = limits[place]
            break
        if keys[place] == -1:
            limit = _limit(sizes, alpha, weights)
            keys[place] = key
            limits[place] = limit
            break
        place = (place + 1) & (keys.size - 1)
    if limit < 0:
        limit = _limit(sizes, alpha, weights)
    if better >= limit:
        return 1
    if total - better >= limit:
        return -1
    return 0


_signed_rank = kernel(_signed_rank, **INNER)
signed_rank = _signed_rank

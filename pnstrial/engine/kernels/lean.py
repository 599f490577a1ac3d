"""How is a run of primary endpoints done in a quarter of a microsecond a trial?

Input: the key of a block; the distribution of what is counted about a patient, as an alias table (`lean`).
Output: the same sums as `trial_kernels`, for the quantities of the visits.
Protocol section: visits, decision, endpoint, estimand.
Method: a patient is one draw from the joint distribution of states on the target days, ratings and answers, two
draws per random word; counts stand side by side in whole numbers, 10 bits each.
Next: `lean`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import OUTER, kernel
from pnstrial.engine.kernels.random import pick, start, word

__all__ = ["lean_block"]

_HALF = np.uint64(32)
_PLACE = np.uint64(0)
# positions of the whole numbers; the counts of the cells follow
L_N, L_FIRST_N, L_FIRST_STOP, L_BITS = range(4)
LEAN_WHOLE = 4


def _lean_block(
    key: Any, first: Any, count: Any, whole: Any, words: Any, minimum: Any, covered: Any, base: Any, state: Any, y: Any,
    sums: Any, responders: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+count-1 of a block; `sums` and `responders` as in `trial_kernels`.

    `base` is the position in `y` of what a quantity is a share of; the last place of `y` stays 0 and is that of the
    trial. `state` and `y` are working space.
    """
    n, first_n, first_stop, bits = whole[L_N], whole[L_FIRST_N], whole[L_FIRST_STOP], whole[L_BITS]
    quantities = sums.shape[1]
    for q in range(y.size):
        y[q] = 0.0
    for t in range(first, first + count):
        start(state, key, t)
        visit = decision = later = 0
        enrolled = 0
        stopped = 0
        drawn = np.uint64(0)
        while enrolled < n:
            if enrolled == first_n and first_n > 0 and (visit & 1023) <= first_stop:
                stopped = 1
                break
            drawn = word(state) if enrolled & 1 == 0 else drawn << _HALF
            cell = LEAN_WHOLE + 3 * pick(words, _PLACE, bits, drawn)
            visit += whole[cell]
            decision += whole[cell + 1]
            later += whole[cell + 2]
            enrolled += 1
        responded = visit & 1023
        counted = enrolled - (visit >> 10 & 1023)
        y[0] = 1.0 if stopped == 0 and counted > 0 and responded >= minimum[counted] else 0.0
        y[1] = responded
        y[2] = counted
        y[3] = enrolled
        y[4] = responded / counted if counted > 0 else 0.0
        y[5] = later >> 10 & 1023
        y[6] = y[4] - y[5] / enrolled
        y[7] = covered[counted, responded]
        y[8] = stopped
        y[10] = visit >> 30 & 1023
        y[11] = visit >> 40 & 1023
        y[12] = visit >> 50 & 1023
        y[9] = y[10] + y[11] + y[12]
        y[13] = visit >> 20 & 1023
        y[14] = enrolled - y[9]
        y[15] = decision & 1023
        y[16] = decision >> 10 & 1023
        y[17] = decision >> 20 & 1023
        y[18] = enrolled - y[15] - y[16] - y[17]
        y[19] = decision >> 40 & 1023
        y[20] = decision >> 30 & 1023
        y[21] = (later & 1023) + y[19]
        y[22] = y[20] + (decision >> 50 & 1023)
        y[23] = y[19]
        y[24] = y[20]
        y[25] = later >> 20 & 1023
        y[26] = later >> 30 & 1023
        y[27] = later >> 40 & 1023
        responders[responded] += 1
        for q in range(quantities):
            sums[0, q] += y[q]
            sums[1, q] += y[q] * y[q]
            sums[2, q] += y[q] * y[base[q]]


lean_block = kernel(_lean_block, **OUTER)

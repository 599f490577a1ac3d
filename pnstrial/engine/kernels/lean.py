"""How is a run of primary endpoints done in a quarter of a microsecond a trial?

Input: the key of a block; the distribution of what is counted about a patient, as an alias table (`lean`).
Output: the same sums as `trial`, for the quantities of the visits.
Protocol section: visits, decision, endpoint, estimand.
Method: a patient is one draw from the joint distribution of states on the target days, ratings and answers, two
draws per random word; counts stand side by side in whole numbers, 10 bits each.
Next: `lean`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import INNER, OUTER, kernel
from pnstrial.engine.kernels import quantities as q
from pnstrial.engine.kernels.random import pick, start, word

__all__ = ["LEAN_WHOLE", "lean_block"]

_HALF = np.uint64(32)
_PLACE = np.uint64(0)
# positions of the whole numbers; the counts of the cells follow
L_N, L_FIRST_N, L_FIRST_STOP, L_BITS, L_WORDS = range(5)
LEAN_WHOLE = 5
# what a cell adds to the counts of a trial: fields of 10 bits, six to a word; field k of word w is (w, k)
COUNT_BITS, COUNT_MASK = 10, 1023
ENDPOINT, DECISION, LATER = 0, 1, 2
F_RESPONDER, F_EXCLUDED, F_DEAD, F_IMPROVED, F_STABLE, F_DETERIORATED = range(6)
F_CONTINUE, F_DISCONTINUE, F_DECIDED_DEAD, F_WENT_ON_WORSE, F_STOPPED_BETTER, F_STOPPED_WORSE = range(6)
F_WENT_ON_BETTER, F_TRULY_BETTER, F_SECONDARY = range(3)
"""In the last word: response, death and no value at the first secondary visit stand side by side, and those of
further ones in words of their own, two visits to a word."""


def _count(word: Any, field: Any) -> Any:
    return word >> (COUNT_BITS * field) & COUNT_MASK


_count = kernel(_count, **INNER)


def _lean_block(
    key: Any, first: Any, trials: Any, whole: Any, words: Any, minimum: Any, covered: Any, base: Any, state: Any,
    counts: Any, y: Any, sums: Any, responders: Any, each: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+trials-1 of a block; `sums` and `responders` as in `trial`.

    `base` is the position in `y` of what a quantity is a share of. Behind the quantities one place of `y` stays 0 and
    is that of the trial; then come the sums as they were. `state`, `counts` and `y` are working space. `each`, if it is
    not empty, gets the quantities of every trial.
    """
    n, first_n, first_stop, bits = whole[L_N], whole[L_FIRST_N], whole[L_FIRST_STOP], whole[L_BITS]
    width = whole[L_WORDS]
    quantities = sums.shape[1]
    for k in range(y.size):
        y[k] = 0.0
    for k in range(quantities):
        y[quantities + 1 + k] = sums[0, k]
    for t in range(first, first + trials):
        start(state, key, t)
        visit = decision = later = 0
        enrolled = 0
        stopped = 0
        drawn = np.uint64(0)
        for w in range(LATER + 1, width):
            counts[w] = 0
        while enrolled < n:
            if enrolled == first_n and first_n > 0 and (visit & COUNT_MASK) <= first_stop:
                stopped = 1
                break
            drawn = word(state) if enrolled & 1 == 0 else drawn << _HALF
            cell = LEAN_WHOLE + width * pick(words, _PLACE, bits, drawn)
            visit += whole[cell]
            decision += whole[cell + 1]
            later += whole[cell + 2]
            for w in range(LATER + 1, width):
                counts[w] += whole[cell + w]
            enrolled += 1
        responded = visit & COUNT_MASK
        counted = enrolled - _count(visit, F_EXCLUDED)
        success = stopped == 0 and counted > 0 and responded >= minimum[counted]
        y[q.PROBABILITY_OF_SUCCESS] = 1.0 if success else 0.0
        y[q.RESPONDERS] = responded
        y[q.COUNTED] = counted
        y[q.ENROLLED] = enrolled
        y[q.REPORTED_RESPONSE] = responded / counted if counted > 0 else 0.0
        y[q.TRUE_RESPONSE] = _count(later, F_TRULY_BETTER)
        y[q.BIAS] = y[q.REPORTED_RESPONSE] - y[q.TRUE_RESPONSE] / enrolled
        y[q.COVERAGE] = covered[counted, responded]
        y[q.STOPPED_AT_FIRST_STAGE] = stopped
        y[q.IMPROVED] = _count(visit, F_IMPROVED)
        y[q.STABLE] = _count(visit, F_STABLE)
        y[q.DETERIORATED] = _count(visit, F_DETERIORATED)
        y[q.EVALUABLE] = y[q.IMPROVED] + y[q.STABLE] + y[q.DETERIORATED]
        y[q.DEAD] = _count(visit, F_DEAD)
        y[q.MISSING] = enrolled - y[q.EVALUABLE]
        y[q.DECISION_CONTINUE] = _count(decision, F_CONTINUE)
        y[q.DECISION_DISCONTINUE] = _count(decision, F_DISCONTINUE)
        y[q.DECISION_DEAD] = _count(decision, F_DECIDED_DEAD)
        y[q.DECISION_NOT_EVALUABLE] = (
            enrolled - y[q.DECISION_CONTINUE] - y[q.DECISION_DISCONTINUE] - y[q.DECISION_DEAD]
        )
        y[q.STOPPED_THOUGH_STABLE_OR_IMPROVED] = y[q.WRONG_STOP_RATE] = _count(decision, F_STOPPED_BETTER)
        y[q.CONTINUED_THOUGH_DETERIORATED] = y[q.WRONG_CONTINUE_RATE] = _count(decision, F_WENT_ON_WORSE)
        y[q.DECIDED_ON_STABLE_OR_IMPROVED] = (later & COUNT_MASK) + y[q.STOPPED_THOUGH_STABLE_OR_IMPROVED]
        y[q.DECIDED_ON_DETERIORATED] = y[q.CONTINUED_THOUGH_DETERIORATED] + _count(decision, F_STOPPED_WORSE)
        for k in range(3):
            y[q.SECONDARY_RESPONSE + k] = _count(later, F_SECONDARY + k)
        for k in range(quantities - q.LEAN_QUANTITIES):
            y[q.LEAN_QUANTITIES + k] = _count(counts[LATER + 1 + k // 6], k % 6)
        responders[responded] += 1
        # each on its own: the first two are done several at a time
        for k in range(quantities):
            sums[0, k] += y[k]
        for k in range(quantities):
            sums[1, k] += y[k] * y[k]
        if first_n > 0:
            for k in range(quantities):
                sums[2, k] += y[k] * y[base[k]]
        else:
            sums[2, q.WRONG_STOP_RATE] += y[q.WRONG_STOP_RATE] * y[base[q.WRONG_STOP_RATE]]
            sums[2, q.WRONG_CONTINUE_RATE] += y[q.WRONG_CONTINUE_RATE] * y[base[q.WRONG_CONTINUE_RATE]]
        if each.shape[0] > 0:
            for k in range(quantities):
                each[t - first, k] = y[k]
    if first_n == 0:
        # everybody is enrolled in every trial: counts of patients times that number, once
        for k in range(quantities):
            if base[k] == q.ENROLLED:
                sums[2, k] += n * (sums[0, k] - y[quantities + 1 + k])


lean_block = kernel(_lean_block, **OUTER)

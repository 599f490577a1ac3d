"""How is a run of primary endpoints done in half a microsecond a trial?

Input: the key of a block; tables of states at the visits, ratings and answers (`lean`).
Output: the same sums as `trial_kernels`, for the quantities of the visits.
Protocol section: visits, decision, endpoint, estimand.
Method: states on the target days are drawn from exp(Q t) by alias tables, two draws per random word; category,
decision and answer of every (baseline, value) are looked up in the tables of the rules.
Next: `lean`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import kernel
from pnstrial.simulate.random_kernels import pick, start, word

__all__ = ["lean_block"]

_HALF = np.uint64(32)
# positions of the whole numbers
(
    L_N, L_FIRST_N, L_FIRST_STOP, L_ENTRY_BITS, L_CODES, L_ENTRY, L_RATING, L_FIRST, L_SECOND, L_LATE, L_TAIL, L_MISSED,
    L_ENDPOINT, L_ANSWER_1, L_ANSWER_2, L_TRUE, L_LAST,
) = range(17)  # fmt: skip
LEAN_WHOLE = 17


def _lean_block(
    key: Any, first: Any, count: Any, whole: Any, words: Any, minimum: Any, covered: Any, over: Any, sums: Any,
    responders: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+count-1 of a block; `sums` and `responders` as in `trial_kernels`."""
    n, first_n, first_stop = whole[L_N], whole[L_FIRST_N], whole[L_FIRST_STOP]
    entry, entry_bits, codes = whole[L_ENTRY], whole[L_ENTRY_BITS], whole[L_CODES]
    rating, to_first, to_second = whole[L_RATING], whole[L_FIRST], whole[L_SECOND]
    late, tail, at_second = whole[L_LATE], whole[L_TAIL], whole[L_ENDPOINT]
    missed = np.uint64(whole[L_MISSED])
    answer_1, answer_2, true = whole[L_ANSWER_1], whole[L_ANSWER_2], whole[L_TRUE]
    state = np.empty(4, np.uint64)
    # the last place stays 0: what is a share of the trial has no product
    y = np.zeros(over.size + 1)
    base = np.where(over >= 0, over, over.size)
    totals = np.zeros((3, over.size))
    acts = np.zeros(8, np.int64)
    for t in range(first, first + count):
        start(state, key, t)
        decided = category_1 = outcome_1 = category_2 = outcome_2 = 0
        acts[:] = 0
        dead_1 = dead_2 = 0
        better = 0
        responded = 0
        enrolled = 0
        stopped = 0
        while enrolled < n:
            if enrolled == first_n and first_n > 0 and responded <= first_stop:
                stopped = 1
                break
            drawn = word(state)
            # an entry is 48 x stratum + 8 x true grade + rating
            code = whole[codes + pick(words, entry, entry_bits, drawn)]
            r0 = code & 7
            g0 = (code >> 3) % 6
            stratum = code // 48
            # a state is mRS 0-6 in the study, 7-13 after a drop-out
            h = pick(words, to_first + (stratum * 6 + g0) * 16, 4, drawn << _HALF)
            drawn = word(state)
            skip_1 = False
            skip_2 = False
            if missed:
                chance = word(state)
                skip_1 = chance >> _HALF < missed
                skip_2 = (chance & np.uint64(0xFFFFFFFF)) < missed
            truth = whole[true + g0 * 8 + h % 7]
            value = -1
            arm = 1
            seen = -1
            now = h
            if h < 6:
                if skip_1:
                    now = pick(words, late + (stratum * 6 + h) * 16, 4, drawn)
                    if now == 6:
                        value = 6
                else:
                    value = pick(words, rating + 8 * h, 3, drawn)
                    seen = value
            elif h == 6:
                value = 6
            # an answer is 16 x decision + 4 x (category + 1) + the answer of the estimand
            answer = whole[answer_1 + r0 * 8 + value + 1]
            # counts stand side by side in one number, 16 bits each
            dead_1 += 1 if value == 6 else 0
            decided += 1 << (answer & 48)
            category_1 += 1 << (answer << 2 & 48)
            outcome_1 += 1 << (answer << 4 & 48)
            if seen >= 0 and answer >> 4 & 3 < 2:
                arm = answer >> 4 & 1
                acts[2 * arm + (1 if truth == 3 else 0)] += 1
            if at_second == 0:
                better += 1 if truth == 1 else 0
                responded += 1 if answer & 3 == 1 else 0
            # the second visit
            if now == 6:
                second = 6
            elif skip_1 and h < 6:
                second = pick(words, tail + (stratum * 14 + now) * 16, 4, drawn << _HALF)
            else:
                second = pick(words, to_second + ((stratum * 2 + arm) * 14 + now) * 16, 4, drawn << _HALF)
            value_2 = -1
            if second < 6:
                drawn = word(state)
                if skip_2:
                    if pick(words, whole[L_LAST] + ((stratum * 2 + arm) * 6 + second) * 16, 4, drawn) == 6:
                        value_2 = 6
                else:
                    value_2 = pick(words, rating + 8 * second, 3, drawn)
            elif second == 6:
                value_2 = 6
            answer = whole[answer_2 + (r0 * 8 + value_2 + 1) * 8 + seen + 1]
            category_2 += 1 << (answer << 2 & 48)
            outcome_2 += 1 << (answer << 4 & 48)
            dead_2 += 1 if value_2 == 6 else 0
            if at_second == 1:
                better += 1 if whole[true + g0 * 8 + second % 7] == 1 else 0
                responded += 1 if answer & 3 == 1 else 0
            enrolled += 1
        y[:] = 0.0
        for k in range(4):
            y[15 + k] = decided >> 16 * k & 0xFFFF
        y[25] = outcome_2 >> 16 & 0xFFFF
        y[26] = dead_2
        y[27] = category_2 & 0xFFFF
        category, outcome = (category_2, outcome_2) if at_second == 1 else (category_1, outcome_1)
        counted = enrolled - (outcome >> 32 & 0xFFFF)
        y[14] = category & 0xFFFF
        y[9] = enrolled - y[14]
        for k in range(3):
            y[10 + k] = category >> 16 * (k + 1) & 0xFFFF
        y[13] = dead_2 if at_second == 1 else dead_1
        if stopped == 0 and counted > 0 and responded >= minimum[counted]:
            y[0] = 1.0
        y[1] = responded
        y[2] = counted
        y[3] = enrolled
        y[4] = responded / counted if counted > 0 else 0.0
        y[5] = better
        y[6] = y[4] - better / enrolled
        y[7] = covered[counted, responded]
        y[8] = stopped
        y[19] = acts[2]
        y[20] = acts[1]
        y[21] = acts[0] + acts[2]
        y[22] = acts[1] + acts[3]
        y[23] = y[19]
        y[24] = y[20]
        responders[responded] += 1
        for q in range(over.size):
            totals[0, q] += y[q]
            totals[1, q] += y[q] * y[q]
            totals[2, q] += y[q] * y[base[q]]
    sums += totals


lean_block = kernel(_lean_block, error_model="numpy")

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
    y = np.zeros(over.size)
    classes_1 = np.zeros(64, np.int64)
    classes_2 = np.zeros(64, np.int64)
    acts = np.zeros(8, np.int64)
    for t in range(first, first + count):
        start(state, key, t)
        classes_1[:] = 0
        classes_2[:] = 0
        acts[:] = 0
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
            # an answer is 16 x (decision) + 4 x (category + 1) + 2-bit answer of the estimand, + 64 if dead
            answer = whole[answer_1 + r0 * 8 + value + 1]
            classes_1[answer & 63] += 1
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
            classes_2[answer & 63] += 1
            if at_second == 1:
                better += 1 if whole[true + g0 * 8 + second % 7] == 1 else 0
                responded += 1 if answer & 3 == 1 else 0
            enrolled += 1
        y[:] = 0.0
        counted = enrolled
        for c in range(64):
            if classes_1[c]:
                y[15 + (c >> 4)] += classes_1[c]
            if classes_2[c]:
                k = classes_2[c]
                if c & 3 == 1:
                    y[25] += k
                if c >> 4 == 2:
                    y[26] += k
                if c >> 2 & 3 == 0:
                    y[27] += k
            k = classes_2[c] if at_second == 1 else classes_1[c]
            if k:
                if c & 3 == 2:
                    counted -= k
                category = (c >> 2 & 3) - 1
                if category < 0:
                    y[14] += k
                else:
                    y[9] += k
                    y[10 + category] += k
                if c >> 4 == 2:
                    y[13] += k
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
            amount = y[q]
            sums[0, q] += amount
            sums[1, q] += amount * amount
            if over[q] >= 0:
                sums[2, q] += amount * y[over[q]]


lean_block = kernel(_lean_block, error_model="numpy")

"""How is a run of primary endpoints done in a quarter of a microsecond a trial?

Input: the key of a block; the distribution of what is counted about a patient, as an alias table (`lean`).
Output: the same sums as `trial`, for the quantities of the visits.
Protocol section: visits, decision, endpoint, estimand.
Method: a patient is one draw from the joint distribution of states on the target days, ratings and answers, two
draws per random word; counts stand side by side in whole numbers, 10 bits each. A batch of trials is drawn first, then
each quantity is worked out for the whole batch, several trials at a time.
Next: `lean`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import INNER, OUTER, kernel
from pnstrial.engine.kernels import quantities as q
from pnstrial.engine.kernels.layout import STREAM
from pnstrial.engine.kernels.random import draw, pick, start

__all__ = ["BATCH", "LEAN_WHOLE", "lean_block"]

BATCH = 64
"""Trials whose counts are worked out together."""
_HALF = np.uint64(32)
_PLACE, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_STATE = np.uint64(STREAM)
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
_ROWS = np.array(
    (
        q.RESPONDERS, q.COUNTED, q.DEAD, q.IMPROVED, q.STABLE, q.DETERIORATED, q.DECISION_CONTINUE,
        q.DECISION_DISCONTINUE, q.DECISION_DEAD, q.CONTINUED_THOUGH_DETERIORATED, q.STOPPED_THOUGH_STABLE_OR_IMPROVED,
        q.DECIDED_ON_DETERIORATED, q.DECIDED_ON_STABLE_OR_IMPROVED, q.TRUE_RESPONSE, q.SECONDARY_RESPONSE,
        q.SECONDARY_DEAD, q.SECONDARY_MISSING,
    )
)  # fmt: skip
"""The quantity that each of these fields stands for; three of them are a part of it, or what it is not."""


def _count(word: Any, field: Any) -> Any:
    return word >> (COUNT_BITS * field) & COUNT_MASK


_count = kernel(_count, **INNER)


def _draw_batch(
    key: Any, first: Any, size: Any, whole: Any, words: Any, stream: Any, cells: Any, counts: Any, values: Any
) -> Any:
    """Draw the patients of some trials: row w of `counts` gets the words w of their counts."""
    n, first_n, first_stop, bits = whole[L_N], whole[L_FIRST_N], whole[L_FIRST_STOP], whole[L_BITS]
    width = whole[L_WORDS]
    step = np.uint64(width)
    for b in range(size):
        start(stream, key, first + b)
        draw(stream)
        visit = decision = later = begin = 0
        until = first_n if first_n > 0 else n
        while True:
            for i in range(begin, until):
                # two patients to a word
                drawn = stream[_STATE + np.uint64(i >> 1)] << (_HALF * np.uint64(i & 1))
                cell = np.uint64(LEAN_WHOLE) + step * np.uint64(pick(words, _PLACE, bits, drawn))
                cells[np.uint64(i)] = cell
                visit += whole[cell]
                decision += whole[cell + _ONE]
                later += whole[cell + _TWO]
            if until == n or (visit & COUNT_MASK) <= first_stop:
                break
            begin, until = until, n
        counts[b] = visit
        counts[BATCH + b] = decision
        counts[2 * BATCH + b] = later
        for w in range(LATER + 1, width):
            counted = 0
            for i in range(until):
                counted += whole[cells[np.uint64(i)] + np.uint64(w)]
            counts[w * BATCH + b] = counted
        values[q.ENROLLED * BATCH + b] = until


_draw_batch = kernel(_draw_batch, **INNER)


def _count_batch(size: Any, whole: Any, counts: Any, quantities: Any, values: Any) -> Any:
    """Work the counts of some trials out: row k of `values` gets quantity k."""
    n = whole[L_N]
    for k in range(_ROWS.size):
        own, row = k // 6 * BATCH, _ROWS[k] * BATCH
        for b in range(size):
            values[row + b] = _count(counts[own + b], k % 6)
    for k in range(quantities - q.LEAN_QUANTITIES):
        own, row = (LATER + 1 + k // 6) * BATCH, (q.LEAN_QUANTITIES + k) * BATCH
        for b in range(size):
            values[row + b] = _count(counts[own + b], k % 6)
    for b in range(size):
        enrolled = values[q.ENROLLED * BATCH + b]
        evaluable = (
            values[q.IMPROVED * BATCH + b] + values[q.STABLE * BATCH + b] + values[q.DETERIORATED * BATCH + b]
        )
        decided = (
            values[q.DECISION_CONTINUE * BATCH + b]
            + values[q.DECISION_DISCONTINUE * BATCH + b]
            + values[q.DECISION_DEAD * BATCH + b]
        )
        stopped_better = values[q.STOPPED_THOUGH_STABLE_OR_IMPROVED * BATCH + b]
        went_on_worse = values[q.CONTINUED_THOUGH_DETERIORATED * BATCH + b]
        values[q.COUNTED * BATCH + b] = enrolled - values[q.COUNTED * BATCH + b]
        values[q.STOPPED_AT_FIRST_STAGE * BATCH + b] = np.int64(enrolled < n)
        values[q.EVALUABLE * BATCH + b] = evaluable
        values[q.MISSING * BATCH + b] = enrolled - evaluable
        values[q.DECISION_NOT_EVALUABLE * BATCH + b] = enrolled - decided
        values[q.WRONG_STOP_RATE * BATCH + b] = stopped_better
        values[q.WRONG_CONTINUE_RATE * BATCH + b] = went_on_worse
        values[q.DECIDED_ON_STABLE_OR_IMPROVED * BATCH + b] += stopped_better
        values[q.DECIDED_ON_DETERIORATED * BATCH + b] += went_on_worse


_count_batch = kernel(_count_batch, **INNER)


def _judge_batch(
    size: Any, minimum: Any, covered: Any, values: Any, shares: Any, sums: Any, responders: Any
) -> Any:
    """Look success and coverage of some trials up, and add what is no whole number: the response and its bias."""
    response, squared = sums[0, q.REPORTED_RESPONSE], sums[1, q.REPORTED_RESPONSE]
    bias, squared_bias = sums[0, q.BIAS], sums[1, q.BIAS]
    for b in range(size):
        responded, counted = values[q.RESPONDERS * BATCH + b], values[q.COUNTED * BATCH + b]
        enrolled = values[q.ENROLLED * BATCH + b]
        stopped = values[q.STOPPED_AT_FIRST_STAGE * BATCH + b]
        success = stopped == 0 and counted > 0 and responded >= minimum[counted]
        values[q.PROBABILITY_OF_SUCCESS * BATCH + b] = np.int64(success)
        values[q.COVERAGE * BATCH + b] = covered[counted, responded]
        responders[responded] += 1
        share = responded / counted if counted > 0 else 0.0
        off = share - values[q.TRUE_RESPONSE * BATCH + b] / enrolled
        response += share
        squared += share * share
        bias += off
        squared_bias += off * off
        shares[b], shares[BATCH + b] = share, off
    sums[0, q.REPORTED_RESPONSE], sums[1, q.REPORTED_RESPONSE] = response, squared
    sums[0, q.BIAS], sums[1, q.BIAS] = bias, squared_bias


_judge_batch = kernel(_judge_batch, **INNER)


def _lean_block(
    key: Any, first: Any, trials: Any, whole: Any, words: Any, minimum: Any, covered: Any, base: Any, stream: Any,
    cells: Any, counts: Any, values: Any, shares: Any, sums: Any, responders: Any, each: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+trials-1 of a block; `sums` and `responders` as in `trial`.

    `base` is the row of `values` with what a quantity is a share of; the row behind the quantities stays 0 and is that
    of the trial, and so do those of the quantities that are no whole numbers. `stream`, `cells`, `counts`, `values` and
    `shares` are working space (`lean.run_lean`). `each`, if it is not empty, gets the quantities of every trial.
    """
    quantities = sums.shape[1]
    for t in range(first, first + trials, BATCH):
        size = min(BATCH, first + trials - t)
        _draw_batch(key, t, size, whole, words, stream, cells, counts, values)
        _count_batch(size, whole, counts, quantities, values)
        _judge_batch(size, minimum, covered, values, shares, sums, responders)
        for k in range(quantities):
            total = squares = products = 0
            own, other = k * BATCH, np.uint64(base[k] * BATCH)
            for b in range(size):
                value = values[own + b]
                total += value
                squares += value * value
                products += value * values[other + np.uint64(b)]
            sums[0, k] += total
            sums[1, k] += squares
            sums[2, k] += products
        if each.shape[0] > 0:
            for b in range(size):
                for k in range(quantities):
                    each[t - first + b, k] = values[k * BATCH + b]
                each[t - first + b, q.REPORTED_RESPONSE] = shares[b]
                each[t - first + b, q.BIAS] = shares[BATCH + b]


lean_block = kernel(_lean_block, **OUTER)

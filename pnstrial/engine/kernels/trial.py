"""What does one simulated trial report, and what do many add up to?

Input: the key of a block, the protocol and the scenario as arrays (`layout_kernels`, `model`).
Output: per quantity the sums over the trials of the block, and how many trials had how many responders.
Protocol section: endpoint, decision; the design's success rule.
Method: every trial has its own stream (`random_kernels`), so any trial of a block can be simulated alone. Counts
are whole numbers, so their sums do not depend on the order of the blocks.
Next: `engine`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, OUTER, kernel
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.patient import patient
from pnstrial.engine.kernels.random import start, uniform
from pnstrial.engine.kernels.shift import signed_rank
from pnstrial.numerics.one_sample import score as one_sample_score
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.rules import change_category

__all__ = ["block", "enrol", "failures"]

_category = change_category.compiled


def _enrol(whole: Any, real: Any, words: Any, rows: Any, clocks: Any, path: Any, stream: Any) -> Any:
    """Simulate the patients of one trial into `rows`; give how many were enrolled.

    `clocks` gets for each the calendar time from which he was waited for, and that of his screening; `path` is
    working space.
    """
    clock = 0.0
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    responders = 0
    last_start = 0
    for i in range(whole[at.N]):
        if i == whole[at.FIRST_N] and i > 0:
            if responders <= whole[at.FIRST_STOP]:
                return i
            # accrual pauses until the last patient of the first stage has been assessed
            clock = max(clock, float(last_start + whole[at.FIRST_STOP_DAYS]))
        row = rows[i]
        clocks[i, 0] = clock
        clock = patient(whole, real, words, clock, row, path, stream)
        clocks[i, 1] = clock
        last_start = max(last_start, row[at.SCREENED_DAY] + row[at.LAG])
        if row[endpoint + 7] == 1:
            responders += 1
    return whole[at.N]


enrol = kernel(_enrol, **OUTER)


def _failures(n: Any, real: Any, clocks: Any, stream: Any) -> Any:
    """Draw how many failed screening while n patients were waited for: a Poisson number."""
    waited = 0.0
    for i in range(n):
        waited += clocks[i, 1] - clocks[i, 0]
    left = waited * (real[at.SCREEN_RATE] - real[at.ENROL_RATE])
    count = 0
    product = 1.0
    # a product of uniforms falls below exp(-mean) after a Poisson number of factors; in parts, for large means
    while left > 0:
        part = min(left, 500.0)
        left -= part
        floor = math.exp(-part)
        product = uniform(stream)
        while product > floor:
            count += 1
            product *= uniform(stream)
    return count


failures = kernel(_failures, **OUTER)


def _count_endpoint(n: Any, whole: Any, minimum: Any, covered: Any, rows: Any, y: Any) -> Any:
    """Count response, visit values and decisions into y (see `layout_kernels.QUANTITIES`); give the responders."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    secondary = at.VISIT + (whole[at.VISITS] - 1) * at.VISIT_WIDTH
    points = whole[at.POINTS]
    # counts stand side by side in one number, 16 bits each: no branch that could be guessed wrong
    answers = categories = decisions = acts = others = more = 0
    for i in range(n):
        row = rows[i]
        true = row[at.TRUE_BASELINE]
        answers += 1 << 16 * row[endpoint + 7]
        categories += 1 << 16 * (row[endpoint + 5] + 1)
        decisions += 1 << 16 * row[at.DECISION]
        acted = row[at.ACTED]
        worse = np.int64(_category(true, row[at.TRUE_AT_DECISION], points) == 2)
        acts += np.int64(acted >= 0) << 16 * (2 * max(acted, 0) + worse)
        others += (
            np.int64(row[endpoint + 4] == 6)
            + (np.int64(_category(true, row[endpoint + 3], points) == 0) << 16)
            + (np.int64(row[secondary + 7] == 1) << 32)
            + (np.int64(row[secondary + 4] == 6) << 48)
        )
        more += np.int64(row[secondary + 4] < 0)
    counted = (answers & 0xFFFF) + (answers >> 16 & 0xFFFF)
    responders = answers >> 16 & 0xFFFF
    stopped = 1 if n < whole[at.N] else 0
    if stopped == 0 and counted > 0 and responders >= minimum[counted]:
        y[0] = 1
    y[1] = responders
    y[2] = counted
    y[3] = n
    y[4] = responders / counted if counted > 0 else 0.0
    y[5] = others >> 16 & 0xFFFF
    y[6] = y[4] - y[5] / n
    y[7] = covered[counted, responders]
    y[8] = stopped
    y[14] = categories & 0xFFFF
    y[9] = n - y[14]
    for k in range(3):
        y[10 + k] = categories >> 16 * (k + 1) & 0xFFFF
    y[13] = others & 0xFFFF
    for k in range(4):
        y[15 + k] = decisions >> 16 * k & 0xFFFF
    y[19] = acts >> 32 & 0xFFFF
    y[20] = acts >> 16 & 0xFFFF
    y[21] = (acts & 0xFFFF) + y[19]
    y[22] = y[20] + (acts >> 48 & 0xFFFF)
    y[23] = y[19]
    y[24] = y[20]
    y[25] = others >> 32 & 0xFFFF
    y[26] = others >> 48 & 0xFFFF
    y[27] = more
    return responders


_count_endpoint = kernel(_count_endpoint, **INNER)


def _count_tests(
    n: Any, whole: Any, real: Any, rows: Any, changes: Any, sizes: Any, exactly: Any, or_more: Any, weights: Any,
    sign_limit: Any, y: Any,
) -> Any:  # fmt: skip
    """Test the shift between baseline and the endpoint visit in this trial."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    for size in range(changes.size):
        changes[size] = 0
    for i in range(n):
        value = rows[i, endpoint + 4]
        # patients by baseline - value + 6; those without a value stand last
        changes[rows[i, at.BASELINE] - value + 6 if value >= 0 else 13] += 1
    better = changed = 0
    for size in range(1, 7):
        better += changes[6 + size]
        changed += changes[6 + size] + changes[6 - size]
    outcome = signed_rank(changes, real[at.TEST_ALPHA], sizes, exactly, or_more, weights)
    y[39] = 1.0 if outcome > 0 else 0.0
    y[40] = 1.0 if outcome < 0 else 0.0
    y[41] = 1.0 if better >= sign_limit[changed] else 0.0


_count_tests = kernel(_count_tests, **INNER)


def _count_course(n: Any, whole: Any, real: Any, hazard: Any, rows: Any, y: Any) -> Any:
    """Count treatment, events, calendar time and survival of this trial into y."""
    closing = 0
    for i in range(n):
        closing = max(closing, rows[i, at.SCREENED_DAY] + rows[i, at.LAG])
    closing += whole[at.CLOSING]
    observed = 0.0
    expected = 0.0
    end = 0
    grams = 0.0
    per_day = real[at.DOSE] / whole[at.INFUSION_DAYS]
    for i in range(n):
        row = rows[i]
        start_day = row[at.SCREENED_DAY] + row[at.LAG]
        until = min(whole[at.FOLLOW_UP], closing - start_day)
        end = max(end, start_day + until)
        y[28] += row[at.CYCLES]
        grams += (
            (row[at.INFUSIONS] + (real[at.CHANGED_DOSE] - 1.0) * row[at.CHANGED]) * per_day * row[at.WEIGHT]
        )
        if 0 <= row[at.DROPPED] <= until:
            y[32] += 1
            until = row[at.DROPPED]
        if row[at.DEATH_SEEN] == 1 and row[at.DEATH] <= until:
            y[31] += 1
            observed += 1
            until = row[at.DEATH]
        expected += hazard[until]
        if 0 < row[at.RESCUE] <= until:
            y[33] += 1
        y[34] += row[at.STOPPED]
        y[35] += row[at.EVENTS]
    y[29] = grams
    y[30] = grams
    y[38] = end / DAYS_PER_MONTH
    if expected > 0 and one_sample_score(observed, expected) <= real[at.LOGRANK_LIMIT]:
        y[42] = 1.0


_count_course = kernel(_count_course, **INNER)


def _block(
    key: Any, first: Any, count: Any, whole: Any, real: Any, words: Any, minimum: Any, covered: Any, sign_limit: Any,
    hazard: Any, exactly: Any, or_more: Any, base: Any, rows: Any, clocks: Any, path: Any, stream: Any, changes: Any,
    sizes: Any, weights: Any, y: Any, sums: Any, responders: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+count-1 of a block.

    `sums[0]` gets the sums of the quantities, `sums[1]` of their squares, `sums[2]` of their products with what
    they are shares of (`base`: its position in `y`; the last place of `y` stays 0 and is that of the trial),
    `responders` the number of trials by number of responders. What stands between `base` and `sums` is working
    space (`engine.working_space`).
    """
    for q in range(y.size):
        y[q] = 0.0
    quantities = sums.shape[1]
    for t in range(first, first + count):
        start(stream, key, t)
        # these are added to, or set only if they are so; the others are set in any case
        for q in (0, 28, 31, 32, 33, 34, 35, 42):
            y[q] = 0.0
        enrolled = enrol(whole, real, words, rows, clocks, path, stream)
        responded = _count_endpoint(enrolled, whole, minimum, covered, rows, y)
        if whole[at.SHORT] == 0:
            _count_tests(
                enrolled, whole, real, rows, changes, sizes, exactly, or_more, weights, sign_limit, y
            )
            _count_course(enrolled, whole, real, hazard, rows, y)
            y[36] = enrolled + failures(enrolled, real, clocks, stream)
            y[37] = (rows[enrolled - 1, at.SCREENED_DAY] + 0.5) / DAYS_PER_MONTH
        responders[responded] += 1
        for q in range(quantities):
            sums[0, q] += y[q]
            sums[1, q] += y[q] * y[q]
            sums[2, q] += y[q] * y[base[q]]


block = kernel(_block, **OUTER)

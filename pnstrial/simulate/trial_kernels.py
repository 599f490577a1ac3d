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

from pnstrial.compiled import kernel
from pnstrial.rules import change_category
from pnstrial.simulate import layout_kernels as at
from pnstrial.simulate.layout_kernels import INNER
from pnstrial.simulate.patient_kernels import patient
from pnstrial.simulate.random_kernels import start
from pnstrial.simulate.shift_kernels import signed_rank

__all__ = ["block", "enrol"]

_category = change_category.compiled
_MONTH = 365.25 / 12


def _enrol(whole: Any, real: Any, words: Any, failures: Any, rows: Any, path: Any, state: Any) -> Any:
    """Simulate the patients of one trial into `rows`; give how many were enrolled."""
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
        clock = patient(whole, real, words, failures[min(i, failures.shape[0] - 1)], clock, row, path, state)
        last_start = max(last_start, row[at.SCREENED_DAY] + row[at.LAG])
        if row[endpoint + 7] == 1:
            responders += 1
    return whole[at.N]


enrol = kernel(_enrol)


def _count_endpoint(n: Any, whole: Any, minimum: Any, covered: Any, rows: Any, y: Any) -> Any:
    """Count response, visit values and decisions into y (see `layout_kernels.QUANTITIES`); give the responders."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    secondary = at.VISIT + (whole[at.VISITS] - 1) * at.VISIT_WIDTH
    points = whole[at.POINTS]
    responders = 0
    counted = 0
    for i in range(n):
        row = rows[i]
        if row[endpoint + 7] < 2:
            counted += 1
        if row[endpoint + 7] == 1:
            responders += 1
        value = row[endpoint + 4]
        category = row[endpoint + 5]
        if _category(row[at.TRUE_BASELINE], row[endpoint + 3], points) == 0:
            y[5] += 1
        if value < 0:
            y[14] += 1
        else:
            y[9] += 1
            y[10 + category] += 1
            if value == 6:
                y[13] += 1
        y[15 + row[at.DECISION]] += 1
        if row[at.ACTED] >= 0:
            worse = _category(row[at.TRUE_BASELINE], row[at.TRUE_AT_DECISION], points) == 2
            if worse:
                y[22] += 1
                if row[at.ACTED] == 0:
                    y[20] += 1
            else:
                y[21] += 1
                if row[at.ACTED] == 1:
                    y[19] += 1
        if row[secondary + 7] == 1:
            y[25] += 1
        if row[secondary + 4] == 6:
            y[26] += 1
        elif row[secondary + 4] < 0:
            y[27] += 1
    stopped = 1 if n < whole[at.N] else 0
    if stopped == 0 and counted > 0 and responders >= minimum[counted]:
        y[0] = 1
    y[1] = responders
    y[2] = counted
    y[3] = n
    y[4] = responders / counted if counted > 0 else 0.0
    y[6] = y[4] - y[5] / n
    y[7] = covered[counted, responders]
    y[8] = stopped
    return responders


_count_endpoint = kernel(_count_endpoint, **INNER)


def _count_tests(
    n: Any, whole: Any, real: Any, rows: Any, keys: Any, limits: Any, weights: Any, sign_limit: Any, y: Any
) -> Any:
    """Test the shift between baseline and the endpoint visit in this trial."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    up = np.zeros(7, np.int64)
    down = np.zeros(7, np.int64)
    better = 0
    changed = 0
    for i in range(n):
        value = rows[i, endpoint + 4]
        if value < 0:
            continue
        change = rows[i, at.BASELINE] - value
        if change > 0:
            up[change] += 1
            better += 1
            changed += 1
        elif change < 0:
            down[-change] += 1
            changed += 1
        else:
            up[0] += 1
    outcome = signed_rank(up, down, real[at.TEST_ALPHA], keys, limits, weights)
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
    screened = n
    per_day = real[at.DOSE] / whole[at.INFUSION_DAYS]
    for i in range(n):
        row = rows[i]
        start_day = row[at.SCREENED_DAY] + row[at.LAG]
        screened += row[at.FAILURES]
        until = min(whole[at.FOLLOW_UP], closing - start_day)
        end = max(end, start_day + until)
        y[28] += row[at.CYCLES]
        for k in range(whole[at.CYCLES_ALL]):
            here = at.CYCLE + k * at.CYCLE_WIDTH
            if row[here] >= 0 and row[here + 1] > 0:
                share = real[at.CHANGED_DOSE] if row[here + 3] > 0 else 1.0
                grams += row[here + 1] * per_day * share * row[at.WEIGHT]
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
    y[36] = screened
    y[38] = end / _MONTH
    if expected > 0 and (observed - expected) / math.sqrt(expected) <= real[at.LOGRANK_LIMIT]:
        y[42] = 1.0


_count_course = kernel(_count_course, **INNER)


def _block(
    key: Any,
    first: Any,
    count: Any,
    whole: Any,
    real: Any,
    words: Any,
    minimum: Any,
    covered: Any,
    sign_limit: Any,
    hazard: Any,
    over: Any,
    sums: Any,
    responders: Any,
) -> Any:
    """Simulate trials first..first+count-1 of a block.

    `sums[0]` gets the sums of the quantities, `sums[1]` of their squares, `sums[2]` of their products with what
    they are shares of (`over`: position of that quantity, -1 for the trial), `responders` the number of trials by
    number of responders.
    """
    n = whole[at.N]
    rows = np.empty((n, at.ROW), np.int64)
    path = np.empty(8)
    state = np.empty(4, np.uint64)
    failures = np.empty((1, 0, 2), np.int64)
    keys = np.full(4096, -1, np.int64)
    limits = np.zeros(4096, np.int64)
    exact_size = min(n, 100)
    weights = np.zeros(2 * exact_size * (exact_size + 1) + 4)
    y = np.zeros(over.size)
    for t in range(first, first + count):
        start(state, key, t)
        y[:] = 0.0
        enrolled = enrol(whole, real, words, failures, rows, path, state)
        responded = _count_endpoint(enrolled, whole, minimum, covered, rows, y)
        if whole[at.SHORT] == 0:
            _count_tests(enrolled, whole, real, rows, keys, limits, weights, sign_limit, y)
            _count_course(enrolled, whole, real, hazard, rows, y)
            y[37] = (rows[enrolled - 1, at.SCREENED_DAY] + 0.5) / _MONTH
        responders[responded] += 1
        y[23] = y[19]
        y[24] = y[20]
        for q in range(over.size):
            value = y[q]
            sums[0, q] += value
            sums[1, q] += value * value
            if over[q] >= 0:
                sums[2, q] += value * y[over[q]]


block = kernel(_block)

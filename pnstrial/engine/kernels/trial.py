"""What does one simulated trial report, and what do many add up to?

Input: the key of a block, the protocol and the scenario as arrays (`layout`, `model`).
Output: per quantity the sums over the trials of the block, and how many trials had how many responders.
Protocol section: endpoint, decision; the design's success rule.
Method: every trial has its own stream (`random`), so any trial of a block can be simulated alone. Counts
are whole numbers, so their sums do not depend on the order of the blocks.
Next: `lean`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, OUTER, kernel
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels import quantities as q
from pnstrial.engine.kernels.parts import true_responders
from pnstrial.engine.kernels.patient import category, patient
from pnstrial.engine.kernels.random import start, uniform
from pnstrial.engine.kernels.shift import signed_rank
from pnstrial.numerics.one_sample import score as one_sample_score
from pnstrial.numerics.time_units import DAYS_PER_MONTH

__all__ = ["block", "enrol", "failures", "one_scale", "ordinary"]


def _enrol(whole: Any, real: Any, words: Any, rows: Any, clocks: Any, path: Any, stream: Any) -> Any:
    """Simulate the patients of one trial into `rows`.

    Gives how many were enrolled, how long they were waited for, and the last day 1. `clocks` gets for each the calendar
    time from which he was waited for, and that of his screening; `path` is working space.
    """
    clock = waited = 0.0
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    responders = 0
    last_start = 0
    for i in range(whole[at.N]):
        if i == whole[at.FIRST_N] and i > 0:
            if responders <= whole[at.FIRST_STOP]:
                return i, waited, last_start
            # accrual pauses until the last patient of the first stage has been assessed
            clock = max(clock, float(last_start + whole[at.FIRST_STOP_DAYS]))
        row = rows[i]
        begin = clock
        clock = patient(whole, real, words, clock, row, path, stream)
        waited += clock - begin
        clocks[i, 0], clocks[i, 1] = begin, clock
        last_start = max(last_start, row[at.SCREENED_DAY] + row[at.LAG])
        responders += np.int64(row[endpoint + at.V_ANSWER] == 1)
    return whole[at.N], waited, last_start


enrol = kernel(_enrol, **OUTER)


def _failures(waited: Any, real: Any, stream: Any) -> Any:
    """Draw how many failed screening while the patients were waited for: a Poisson number."""
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


def _count_endpoint(n: Any, whole: Any, real: Any, minimum: Any, covered: Any, rows: Any, y: Any) -> Any:
    """Count response, visit values and decisions into y (see `quantities`); give the responders."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    secondaries = whole[at.SECONDARIES]
    first = whole[whole[at.TO_SECONDARIES]] if secondaries > 0 else 0
    secondary = at.VISIT + first * at.VISIT_WIDTH
    dead = whole[at.GRADES]
    # counts stand side by side in one number, 16 bits each: no branch that could be guessed wrong
    answers = categories = decisions = acts = others = more = 0
    for i in range(n):
        row = rows[i]
        true = row[at.TRUE_BASELINE]
        answers += 1 << 16 * row[endpoint + at.V_ANSWER]
        categories += 1 << 16 * (row[endpoint + at.V_CATEGORY] + 1)
        decisions += 1 << 16 * row[at.DECISION]
        acted = row[at.ACTED]
        worse = np.int64(category(true, row[at.TRUE_AT_DECISION], whole) == 2)
        acts += np.int64(acted >= 0) << 16 * (2 * max(acted, 0) + worse)
        others += (
            np.int64(row[endpoint + at.V_VALUE] == dead)
            + (np.int64(category(true, row[endpoint + at.V_TRUE_ON_TARGET], whole) == 0) << 16)
            + (np.int64(row[secondary + at.V_ANSWER] == 1) << 32)
            + (np.int64(row[secondary + at.V_VALUE] == dead) << 48)
        )
        more += np.int64(row[secondary + at.V_VALUE] < 0)
    counted = (answers & 0xFFFF) + (answers >> 16 & 0xFFFF)
    responders = answers >> 16 & 0xFFFF
    stopped = 1 if n < whole[at.N] else 0
    success = stopped == 0 and counted > 0 and responders >= minimum[counted]
    y[q.PROBABILITY_OF_SUCCESS] = 1.0 if success else 0.0
    y[q.RESPONDERS] = responders
    y[q.COUNTED] = counted
    y[q.ENROLLED] = n
    y[q.REPORTED_RESPONSE] = responders / counted if counted > 0 else 0.0
    y[q.TRUE_RESPONSE] = others >> 16 & 0xFFFF
    if whole[at.JOINED] > 0:
        y[q.TRUE_RESPONSE] = true_responders(n, whole, real, rows)
    y[q.BIAS] = y[q.REPORTED_RESPONSE] - y[q.TRUE_RESPONSE] / n
    y[q.COVERAGE] = covered[counted, responders]
    y[q.STOPPED_AT_FIRST_STAGE] = stopped
    y[q.MISSING] = categories & 0xFFFF
    y[q.EVALUABLE] = n - y[q.MISSING]
    for k in range(3):
        y[q.IMPROVED + k] = categories >> 16 * (k + 1) & 0xFFFF
    y[q.DEAD] = others & 0xFFFF
    for k in range(4):
        y[q.DECISION_CONTINUE + k] = decisions >> 16 * k & 0xFFFF
    y[q.STOPPED_THOUGH_STABLE_OR_IMPROVED] = acts >> 32 & 0xFFFF
    y[q.CONTINUED_THOUGH_DETERIORATED] = acts >> 16 & 0xFFFF
    y[q.DECIDED_ON_STABLE_OR_IMPROVED] = (acts & 0xFFFF) + y[q.STOPPED_THOUGH_STABLE_OR_IMPROVED]
    y[q.DECIDED_ON_DETERIORATED] = y[q.CONTINUED_THOUGH_DETERIORATED] + (acts >> 48 & 0xFFFF)
    y[q.WRONG_STOP_RATE] = y[q.STOPPED_THOUGH_STABLE_OR_IMPROVED]
    y[q.WRONG_CONTINUE_RATE] = y[q.CONTINUED_THOUGH_DETERIORATED]
    y[q.SECONDARY_RESPONSE] = others >> 32 & 0xFFFF
    y[q.SECONDARY_DEAD] = others >> 48 & 0xFFFF
    y[q.SECONDARY_MISSING] = more
    for k in range(1, secondaries):
        later = at.VISIT + whole[whole[at.TO_SECONDARIES] + k] * at.VISIT_WIDTH
        here = q.FURTHER + 3 * (k - 1)
        y[here] = y[here + 1] = y[here + 2] = 0.0
        for i in range(n):
            y[here] += np.int64(rows[i, later + at.V_ANSWER] == 1)
            y[here + 1] += np.int64(rows[i, later + at.V_VALUE] == dead)
            y[here + 2] += np.int64(rows[i, later + at.V_VALUE] < 0)
    return responders


_count_endpoint = kernel(_count_endpoint, **INNER)


def _count_tests(
    n: Any, whole: Any, real: Any, rows: Any, changes: Any, sizes: Any, exactly: Any, or_more: Any, weights: Any,
    sign_limit: Any, y: Any,
) -> Any:  # fmt: skip
    """Test the shift between baseline and the endpoint visit in this trial."""
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    most, units = whole[at.UNITS], whole[at.TO_UNITS]
    for size in range(changes.size):
        changes[size] = 0
    for i in range(n):
        value = rows[i, endpoint + at.V_VALUE]
        # patients by baseline - value in units, from the largest fall; those without a value stand last
        fall = whole[units + rows[i, at.BASELINE]] - whole[units + value] if value >= 0 else most + 1
        changes[most + fall] += 1
    better = changed = 0
    for size in range(1, most + 1):
        better += changes[most + size]
        changed += changes[most + size] + changes[most - size]
    outcome = signed_rank(changes, real[at.TEST_ALPHA], real[at.SURELY], sizes, exactly, or_more, weights)
    y[q.POWER_SIGNED_RANK] = 1.0 if outcome > 0 else 0.0
    y[q.SIGNED_RANK_WORSE] = 1.0 if outcome < 0 else 0.0
    y[q.POWER_SIGN_TEST] = 1.0 if better >= sign_limit[changed] else 0.0


_count_tests = kernel(_count_tests, **INNER)


def _count_course(n: Any, last_start: Any, whole: Any, real: Any, hazard: Any, rows: Any, y: Any) -> Any:
    """Count treatment, events, who is per protocol, calendar time and survival of this trial into y."""
    closing = last_start + whole[at.CLOSING]
    expected = grams = 0.0
    end = cycles = deaths = dropped = rescued = stopped = events = 0
    alive_6 = alive_12 = alive_24 = 0
    endpoint = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    before = whole[at.CYCLES_BEFORE]
    followed = responding = independent = worse = thromboses = haemolyses = 0
    days = whole[at.INFUSION_DAYS]
    per_day, flat = real[at.DOSE] / days, real[at.FLAT_DOSE] / days
    # no branch that could be guessed wrong: who dies or leaves when is random
    for i in range(n):
        row = rows[i]
        start_day = row[at.SCREENED_DAY] + row[at.LAG]
        until = min(whole[at.FOLLOW_UP], closing - start_day)
        end = max(end, start_day + until)
        cycles += row[at.CYCLES]
        doses = row[at.INFUSIONS] + (real[at.CHANGED_DOSE] - 1.0) * row[at.CHANGED]
        grams += doses * per_day * row[at.WEIGHT]
        if flat > 0:
            grams += doses * flat
        drop, death, rescue = row[at.DROPPED], row[at.DEATH], row[at.RESCUE]
        left = (drop >= 0) & (drop <= until)
        dropped += np.int64(left)
        until = drop if left else until
        died = (row[at.DEATH_SEEN] == 1) & (death <= until)
        deaths += np.int64(died)
        until = death if died else until
        expected += hazard[np.uint64(until)]
        rescued += np.int64((rescue > 0) & (rescue <= until))
        stopped += row[at.STOPPED]
        events += row[at.EVENTS]
        alive_6 += np.int64((death < 0) | (death > q.ALIVE_DAYS[0]))
        alive_12 += np.int64((death < 0) | (death > q.ALIVE_DAYS[1]))
        alive_24 += np.int64((death < 0) | (death > q.ALIVE_DAYS[2]))
        # the first cycles given, each as planned; a value at the visit; no rescue before it (see `V_KEY`)
        own = np.int64(
            (row[at.DEVIATES] == 0)
            & (row[at.CYCLES] >= before)
            & (row[endpoint + at.V_VALUE] >= 0)
            & (row[endpoint + at.V_KEY] >> 8 == 0)
        )
        followed += own
        responding += own & np.int64(row[endpoint + at.V_ANSWER] == 1)
        independent += row[at.INDEPENDENT]
        worse += row[at.WORSE]
        if whole[at.HARMS] == 1:
            thromboses += row[at.THROMBOSES]
            haemolyses += row[at.HAEMOLYSES]
    y[q.PER_PROTOCOL] = followed
    y[q.PER_PROTOCOL_RESPONSE] = responding
    y[q.DAYS_INDEPENDENT] = independent / at.GAPS_PER_DAY
    y[q.DAYS_TO_DETERIORATION] = worse / at.GAPS_PER_DAY
    y[q.THROMBOSES_PER_PATIENT] = thromboses
    y[q.HAEMOLYSES_PER_PATIENT] = haemolyses
    y[q.CYCLES_PER_PATIENT] = cycles
    y[q.GRAMS_PER_PATIENT] = y[q.GRAMS_PER_TRIAL] = grams
    y[q.DEATHS] = deaths
    y[q.DROPPED_OUT] = dropped
    y[q.RESCUED] = rescued
    y[q.STOPPED_FOR_ADVERSE_EVENT] = stopped
    y[q.ADVERSE_EVENTS_PER_PATIENT] = events
    y[q.ALIVE_6_MONTHS], y[q.ALIVE_12_MONTHS], y[q.ALIVE_24_MONTHS] = alive_6, alive_12, alive_24
    y[q.DURATION_MONTHS] = end / DAYS_PER_MONTH
    shown = expected > 0 and one_sample_score(np.float64(deaths), expected) <= real[at.LOGRANK_LIMIT]
    y[q.POWER_LOGRANK] = 1.0 if shown else 0.0


_count_course = kernel(_count_course, **INNER)


def _block(
    key: Any, first: Any, count: Any, whole: Any, real: Any, words: Any, minimum: Any, covered: Any, sign_limit: Any,
    hazard: Any, exactly: Any, or_more: Any, base: Any, rows: Any, clocks: Any, path: Any, stream: Any, changes: Any,
    sizes: Any, weights: Any, y: Any, sums: Any, responders: Any, columns: Any, kept: Any, each: Any,
) -> Any:  # fmt: skip
    """Simulate trials first..first+count-1 of a block.

    `sums[0]` gets the sums of the quantities, `sums[1]` of their squares, `sums[2]` of their products with what
    they are shares of (`base`: its position in `y`; the last place of `y` stays 0 and is that of the trial),
    `responders` the number of trials by number of responders. What stands between `base` and `sums` is working
    space (`blocks.working_space`). `kept` gets the places `columns` of the patients' rows, by trial, and `each` the
    quantities of every trial; both may be empty.
    """
    for k in range(y.size):
        y[k] = 0.0
    counted = sums.shape[1]
    for t in range(first, first + count):
        start(stream, key, t)
        enrolled, waited, last_start = enrol(whole, real, words, rows, clocks, path, stream)
        responded = _count_endpoint(enrolled, whole, real, minimum, covered, rows, y)
        if whole[at.SHORT] == 0:
            _count_tests(
                enrolled, whole, real, rows, changes, sizes, exactly, or_more, weights, sign_limit, y
            )
            _count_course(enrolled, last_start, whole, real, hazard, rows, y)
            y[q.SCREENED] = enrolled + failures(waited, real, stream)
            y[q.ENROLMENT_MONTHS] = (rows[enrolled - 1, at.SCREENED_DAY] + 0.5) / DAYS_PER_MONTH
        responders[responded] += 1
        # each on its own: the first two are done several at a time
        for k in range(counted):
            sums[0, k] += y[k]
        for k in range(counted):
            sums[1, k] += y[k] * y[k]
        for k in range(counted):
            sums[2, k] += y[k] * y[np.uint64(base[k])]
        if each.shape[0] > 0:
            for k in range(counted):
                each[t - first, k] = y[k]
        for c in range(columns.size):
            for i in range(enrolled):
                kept[t - first, i, c] = rows[i, columns[c]]


block = kernel(_block, **OUTER)
one_scale = block.knowing("one_scale", whole=at.ONE_SCALE)
"""The same for protocols with one drug, one scale and visits that count from day 1."""
ordinary = block.knowing("ordinary", whole=at.ORDINARY)
"""The same for scenarios that use no seldom used part either: a fifth less to compile, and faster by a twelfth."""

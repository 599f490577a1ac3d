"""What happens to one simulated patient, day by day?

Input: the random stream of a trial, the protocol and the scenario as arrays (`layout_kernels`, `model`).
Output: one row of whole numbers: entry, cycles, ratings, events, visit values, decision, response.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: the grades follow a continuous-time Markov process with piecewise constant rates; one standard
exponential is used up along the rates until it is spent and the patient moves (time change of a Poisson
process). Ratings, decision and response come from the compiled rules. The same row is counted by the trial
kernel and written out as tables, so both show the same patient.
Next: `trial_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import kernel
from pnstrial.rules import change_category, interim_decision, response, response_reason
from pnstrial.simulate import layout_kernels as at
from pnstrial.simulate.layout_kernels import INNER
from pnstrial.simulate.random_kernels import exponential, pick, uniform, word

__all__ = ["patient"]

_category = change_category.compiled
_decide = interim_decision.compiled
_why = response_reason.compiled
_answer = response.compiled

_TIME, _LEFT, _ON_END, _DROP, _DEATH, _RESCUE, _OFF_BY, _PERIOD = range(8)
_FAR = 1e18
_HALF = np.uint64(32)
_SHARE = 2.0**-32


def _move(path: Any, grade: Any, until: Any, whole: Any, real: Any, stratum: Any, state: Any) -> Any:
    """Let the patient live until a time; give the grade then (6 = dead)."""
    periods = whole[at.PERIODS]
    changes = whole[at.TO_CHANGES] + stratum * periods
    rates = whole[at.TO_RATES] + stratum * periods * 36
    while grade < 6:
        now = path[_TIME]
        limit = until
        arm = 1
        if now < path[_ON_END] and now < path[_DROP]:
            arm = 0
            limit = min(until, path[_ON_END], path[_DROP])
        period = int(path[_PERIOD])
        limit = min(limit, real[changes + period])
        here = rates + ((period * 2 + arm) * 6 + grade) * 3
        rate = real[here]
        spent = rate * (limit - now)
        if path[_LEFT] >= spent:
            path[_LEFT] -= spent
            path[_TIME] = limit
            if limit == real[changes + period]:
                path[_PERIOD] += 1.0  # the next band of time since onset begins
            if limit >= until:
                return grade
            continue
        path[_TIME] = now + path[_LEFT] / rate
        path[_LEFT] = exponential(state)
        drawn = uniform(state)
        if drawn < real[here + 1]:
            grade -= 1
        elif drawn < real[here + 2]:
            grade += 1
        else:
            grade = 6
        if grade == 6:
            path[_DEATH] = path[_TIME]
    path[_TIME] = until
    return grade


_move = kernel(_move, **INNER)


def _rate(path: Any, grade: Any, drawn: Any, whole: Any, real: Any, words: Any, state: Any) -> Any:
    """Rate a living patient: a fresh draw from the kernel, or the deviation of the rating before once more."""
    persistence = real[at.PERSISTENCE]
    if persistence > 0 and uniform(state) < persistence:
        rated = min(max(grade + int(path[_OFF_BY]), 0), 5)
        path[_OFF_BY] = rated - grade
        return rated
    rated = pick(words, whole[at.TO_RATING] + 8 * grade, 3, drawn)
    path[_OFF_BY] = rated - grade
    return rated


_rate = kernel(_rate, **INNER)


def _enter(whole: Any, real: Any, words: Any, failures: Any, clock: Any, row: Any, state: Any) -> Any:
    """Screen patients until one is enrolled; give the time of that screening."""
    failed = 0
    codes = whole[at.TO_ENTRY_CODES]
    while True:
        clock += exponential(state) / real[at.SCREEN_RATE]
        cell = pick(words, whole[at.TO_ENTRY], whole[at.ENTRY_BITS], word(state))
        if whole[codes + 4 * cell + 0] == 0:
            break
        if failed < failures.shape[0]:
            failures[failed, 0] = int(clock)
            failures[failed, 1] = cell
        failed += 1
    row[at.ENTRY] = cell
    row[at.STRATUM] = whole[codes + 4 * cell + 1]
    row[at.TRUE_BASELINE] = whole[codes + 4 * cell + 2]
    row[at.BASELINE] = whole[codes + 4 * cell + 3]
    row[at.SCREENED_DAY] = int(clock)
    row[at.FAILURES] = failed
    return clock


_enter = kernel(_enter, **INNER)


def _plan(first: Any, last: Any, base: Any, whole: Any, words: Any, row: Any, state: Any) -> Any:
    """Draw delay, dose and adverse events of cycles first..last-1; give the cycle that is stopped in, or last."""
    for k in range(first, last):
        drawn = word(state)
        here = at.CYCLE + k * at.CYCLE_WIDTH
        plan = pick(words, whole[at.TO_CYCLE], whole[at.CYCLE_BITS], drawn)
        # a code is 8 bits, one per infusion with an adverse event; above them the infusion that was the last
        event = whole[
            whole[at.TO_EVENT_CODES] + pick(words, whole[at.TO_EVENT], whole[at.EVENT_BITS], drawn << _HALF)
        ]
        delay = plan >> 1 if k > 0 else 0
        row[here] = base + whole[at.CYCLE_DAYS] * (k - first) + delay
        row[here + 2] = event & 255
        row[here + 3] = plan & 1
        row[here + 4] = event >> 8
        if event >> 8:
            return k
    return last


_plan = kernel(_plan, **INNER)


def _after_decision(day: Any, planned: Any, whole: Any, words: Any, row: Any, path: Any, state: Any) -> Any:
    """Act on a decision to continue; give the number of planned cycles."""
    before = whole[at.CYCLES_BEFORE]
    if planned < before or row[at.CYCLE + (before - 1) * at.CYCLE_WIDTH + 4] > 0:
        return planned  # IVIg was stopped for an adverse event
    base = max(whole[at.CYCLE_DAYS] * before, day)
    every = whole[at.CYCLES_ALL]
    stop = _plan(before, every, base, whole, words, row, state)
    planned = min(stop + 1, every)
    path[_ON_END] = base + whole[at.CYCLE_DAYS] * (planned - before)
    return planned


_after_decision = kernel(_after_decision, **INNER)


def _visit(
    v: Any, grade: Any, planned: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, state: Any
) -> Any:
    """Live through one visit: rating, decision, value; give the grade and the number of planned cycles."""
    window = whole[at.TO_VISITS] + 3 * v
    target, first, last = whole[window], whole[window + 1], whole[window + 2]
    here = at.VISIT + v * at.VISIT_WIDTH
    stratum = row[at.STRATUM]
    drawn = word(state)
    day = (
        target
        + whole[at.JITTER_LOW]
        + pick(words, whole[at.TO_JITTER], whole[at.JITTER_BITS], drawn << _HALF)
    )
    missed = np.float64(drawn >> _HALF) * _SHARE < real[at.VISIT_MISSED + v]
    rated = -1
    for step in range(2):
        until = min(day, target) if step == 0 else max(day, target)
        grade = _move(path, grade, until, whole, real, stratum, state)
        if until == day and not missed and grade < 6 and path[_DROP] > day:
            rated = _rate(path, grade, word(state), whole, real, words, state)
            row[here] = day
            row[here + 1] = rated
            row[here + 2] = grade
            if v == whole[at.DECISION_VISIT]:
                value = rated if first <= day <= last else -1
                decision = _decide(_category(row[at.BASELINE], value, whole[at.POINTS]), 0)
                if decision < 2:
                    row[at.ACTED] = decision
                    row[at.TRUE_AT_DECISION] = grade
                anyway = real[at.CONTINUE_ANYWAY]
                if decision == 0 or (decision == 1 and anyway > 0 and uniform(state) < anyway):
                    planned = _after_decision(day, planned, whole, words, row, path, state)
                else:
                    path[_ON_END] = min(path[_ON_END], day)
                    if decision == 1 and real[at.RESCUE_AFTER] > 0 and uniform(state) < real[at.RESCUE_AFTER]:
                        path[_RESCUE] = min(path[_RESCUE], day + 1)
        if until == target:
            row[here + 3] = grade
            if v == whole[at.DECISION_VISIT] and missed:
                path[_ON_END] = min(path[_ON_END], target)
        if day == target:
            break
    in_window = rated >= 0 and first <= day <= last
    if not in_window and path[_TIME] < last:
        grade = _move(path, grade, last, whole, real, stratum, state)
    death = path[_DEATH]
    value = rated if in_window else -1
    if death < path[_DROP] and (death <= target or (death <= last and not in_window)):
        value = 6
    row[here + 4] = value
    row[here + 5] = _category(row[at.BASELINE], value, whole[at.POINTS])
    return grade, planned


_visit = kernel(_visit, **INNER)


def _given(planned: Any, whole: Any, row: Any, path: Any) -> Any:
    """Count what was infused; give the number of cycles before the decision that were given and the last day."""
    early = 0
    last_dose = -1
    infusions = 0
    events = 0
    cycles = 0
    row[at.STOPPED] = 0
    until = min(path[_DEATH], path[_DROP])
    for k in range(planned):
        here = at.CYCLE + k * at.CYCLE_WIDTH
        day = row[here]
        stop = row[here + 4]
        days = stop if stop > 0 else whole[at.INFUSION_DAYS]
        # infusion i is given if day + i lies before the end
        given = min(days, max(0, math.ceil(until - day))) if until - day < days else days
        row[here + 1] = given
        row[here + 2] &= (1 << given) - 1
        if given < days:
            row[here + 4] = 0
        if given == 0:
            row[here] = -1
            continue
        if row[here + 4] > 0:
            row[at.STOPPED] = 1
        cycles += 1
        infusions += given
        last_dose = day + given - 1
        mask = row[here + 2]
        while mask:
            events += mask & 1
            mask >>= 1
        if k < whole[at.CYCLES_BEFORE]:
            early += 1
    row[at.CYCLES] = cycles
    row[at.INFUSIONS] = infusions
    row[at.EVENTS] = events
    return early, last_dose


_given = kernel(_given, **INNER)


def _last_rating(until: Any, v: Any, whole: Any, row: Any) -> Any:
    """Find the last rating after day 1 up to a day, among the extra days and visits 0..v; -1 if none."""
    for back in range(v, -1, -1):
        here = at.VISIT + back * at.VISIT_WIDTH
        if 0 < row[here] <= until:
            return row[here + 1]
    for e in range(whole[at.EXTRAS] - 1, -1, -1):
        here = at.EXTRA + at.EXTRA_WIDTH * e
        if 0 < row[here] <= until:
            return row[here + 1]
    return -1


_last_rating = kernel(_last_rating, **INNER)


def _respond(early: Any, last_dose: Any, whole: Any, row: Any) -> Any:
    """Write reason and answer of every visit under the estimand, and the decision that the tables show."""
    baseline = row[at.BASELINE]
    points = whole[at.POINTS]
    stopped = 1 if early < whole[at.CYCLES_BEFORE] else 0
    count = whole[at.VISITS]
    for v in range(count):
        here = at.VISIT + v * at.VISIT_WIDTH
        value = row[here + 4]
        window = whole[at.TO_VISITS] + 3 * v
        until = row[here] if 0 <= value < 6 else whole[window]
        rescued = 1 if 0 < row[at.RESCUE] <= until else 0
        last = -1
        on = -1
        if value < 0 or stopped == 1:  # no other answer asks for them
            last = _category(baseline, _last_rating(whole[window + 2], v, whole, row), points)
            on = _category(
                baseline, _last_rating(last_dose + whole[at.ON_TREATMENT_DAYS], count - 1, whole, row), points
            )
        reason = _why(
            1, 1 if value == 6 else 0, rescued, stopped, row[here + 5], last, on, whole[at.DEATH_STRATEGY],
            whole[at.RESCUE_STRATEGY], whole[at.STOPPED_STRATEGY], whole[at.MISSING_STRATEGY],
        )  # fmt: skip
        row[here + 6] = reason
        row[here + 7] = _answer(reason)
    here = at.VISIT + whole[at.DECISION_VISIT] * at.VISIT_WIDTH
    row[at.DECISION] = _decide(row[here + 5], 1 if row[here + 4] == 6 else 0)


_respond = kernel(_respond, **INNER)


def _patient(
    whole: Any, real: Any, words: Any, failures: Any, clock: Any, row: Any, path: Any, state: Any
) -> Any:
    """Simulate one patient into `row`; give the calendar time of the screening."""
    row[:] = -1
    clock = _enter(whole, real, words, failures, clock, row, state)
    drawn = word(state)
    span = np.uint64(whole[at.LAG_HIGH] - whole[at.LAG_LOW] + 1)
    row[at.LAG] = whole[at.LAG_LOW] + np.int64(((drawn >> _HALF) * span) >> _HALF)
    row[at.WEIGHT] = whole[at.WEIGHT_LOW] + pick(
        words, whole[at.TO_WEIGHT], whole[at.WEIGHT_BITS], drawn << _HALF
    )
    path[_TIME] = 0.0
    path[_LEFT] = exponential(state)
    path[_DEATH] = _FAR
    path[_OFF_BY] = row[at.BASELINE] - row[at.TRUE_BASELINE]
    path[_PERIOD] = 0.0
    # a time after the follow-up is none: most need no logarithm
    path[_DROP] = _FAR
    if real[at.DROP_RATE] > 0:
        chance = uniform(state)
        if chance > real[at.DROP_NEVER]:
            path[_DROP] = -math.log(chance) / real[at.DROP_RATE]
    path[_RESCUE] = _FAR
    if real[at.RESCUE_RATE] > 0:
        chance = uniform(state)
        if chance > real[at.RESCUE_NEVER]:
            path[_RESCUE] = -math.log(chance) / real[at.RESCUE_RATE]
    before = whole[at.CYCLES_BEFORE]
    stop = _plan(0, before, 0, whole, words, row, state)
    planned = min(stop + 1, before)
    path[_ON_END] = whole[at.CYCLE_DAYS] * planned if stop < before else _FAR
    grade = row[at.TRUE_BASELINE]
    stratum = row[at.STRATUM]
    for e in range(whole[at.EXTRAS]):
        day = whole[whole[at.TO_EXTRA] + e]
        grade = _move(path, grade, day, whole, real, stratum, state)
        if grade < 6 and path[_DROP] > day:
            drawn = word(state)
            if np.float64(drawn >> _HALF) * _SHARE >= real[at.VISIT_MISSED + whole[at.VISITS] + e]:
                here = at.EXTRA + at.EXTRA_WIDTH * e
                row[here] = day
                row[here + 1] = _rate(path, grade, drawn << _HALF, whole, real, words, state)
                row[here + 2] = grade
    for v in range(whole[at.VISITS]):
        grade, planned = _visit(v, grade, planned, whole, real, words, row, path, state)
    if whole[at.SHORT] == 0:
        grade = _move(path, grade, whole[at.FOLLOW_UP], whole, real, stratum, state)
    row[at.TRUE_END] = grade
    if path[_DEATH] < _FAR:
        row[at.DEATH] = math.ceil(path[_DEATH])
        row[at.DEATH_SEEN] = 1 if path[_DEATH] < path[_DROP] else 0
    if path[_DROP] < whole[at.FOLLOW_UP] and path[_DROP] < path[_DEATH]:
        row[at.DROPPED] = math.ceil(path[_DROP])
    if path[_RESCUE] < path[_DEATH] and path[_RESCUE] < path[_DROP] and path[_RESCUE] <= whole[at.FOLLOW_UP]:
        row[at.RESCUE] = math.ceil(path[_RESCUE])
    early, last_dose = _given(planned, whole, row, path)
    _respond(early, last_dose, whole, row)
    return clock


patient = kernel(_patient, **INNER)

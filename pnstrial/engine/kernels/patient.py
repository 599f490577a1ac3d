"""What happens to one simulated patient, day by day?

Input: the random stream of a trial, the protocol and the scenario as arrays (`layout_kernels`, `model`).
Output: one row of whole numbers: entry, cycles, ratings, events, visit values, decision, response.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: the grades, as many as the scale has, follow a continuous-time Markov process with piecewise constant rates. Up
to the last visit and cycle one standard exponential is used up along the rates until it is spent and the patient moves
(time change of a Poisson process); from there on the day of death, or the grade at the end, is one draw from its exact
distribution, worked out once by matrix exponentials (`tables.tail_tables`). Category, decision and response come from
the tables of their rules. The same row is counted and written out as tables: both show one patient.
Next: `trial_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, SELDOM, kernel
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.random import draw, exponential, pick, uniform, word

__all__ = ["category", "patient"]

# the course so far, in days: when the rates began to rule, what is left of the exponential, the rate to leave the
# grade, the next move and the next change of rates
(
    _SINCE, _LEFT, _RATE, _MOVE, _CHANGE, _ON_END, _DROP, _DEATH, _RESCUE, _TUMOUR, _DAMAGE,
    _FROM, _GOOD, _WORSENED,
) = range(at.PATH)  # fmt: skip
# per grade: the rate to leave it, the mean stay, the share that improves, the share that improves or worsens
_STAY, _WORSE, _PASS = np.uint64(1), np.uint64(2), np.uint64(3)
# the code of a cycle, 8 bits each: infusions with an adverse event, the infusion that was the last, number of events,
# infusions at a changed dose, infusions; then days late
# and two masks of infusions with a harm, and whether the dose is not as planned
_STOP, _EVENTS, _CHANGED, _GIVEN, _LATE, _THROMBOSIS, _HAEMOLYSIS, _DEVIATES = 8, 16, 24, 32, 40, 48, 54, 60
_FAR = 1e18
# a bare number would be a type of its own, and the kernel be compiled once more for it
_NONE = np.int64(0)
_HALF = np.uint64(32)
_LOWER = np.uint64(0xFFFFFFFF)
_SHARE = 2.0**-32


def _category(baseline: Any, later: Any, whole: Any) -> Any:
    """Look the category of a later grade up: -1 where it is missing (-1)."""
    return whole[whole[at.TO_CATEGORIES] + (whole[at.GRADES] + 2) * baseline + later + 1]


category = kernel(_category, **INNER)


def _upper(drawn: Any) -> Any:
    """Turn the upper half of a word into a number strictly between 0 and 1."""
    return (np.float64(drawn >> _HALF) + 0.5) * _SHARE


_upper = kernel(_upper, **INNER)


def _lower(drawn: Any) -> Any:
    """Turn the lower half of a word into a number strictly between 0 and 1."""
    return (np.float64(drawn & _LOWER) + 0.5) * _SHARE


_lower = kernel(_lower, **INNER)


def _switched(path: Any, day: Any, change: Any, arm: Any) -> Any:
    """Give the next change of the rates and which of them rule, after rescue, tumour treatment and damage."""
    if day < path[_RESCUE]:
        change = min(change, path[_RESCUE])
    elif path[_RESCUE] < path[_DROP]:
        arm += 2
    if day < path[_TUMOUR]:
        change = min(change, path[_TUMOUR])
    else:
        arm += 4
    if day < path[_DAMAGE]:
        change = min(change, path[_DAMAGE])
    else:
        arm += 8
    return change, arm


_switched = kernel(_switched, **SELDOM)


def _leave(row: Any, path: Any, day: Any, whole: Any, real: Any, stream: Any) -> Any:
    """Let a patient leave at a time drawn at the highest rate with the share that his grade has of it, else draw on."""
    ratio = real[whole[at.TO_LEAVES] + whole[at.GRADES] * row[at.TRUE_BASELINE] + row[at.GRADE]]
    if uniform(stream) >= ratio:
        path[_DROP] = day + exponential(word(stream), stream) / real[at.DROP_RATE]


_leave = kernel(_leave, **SELDOM)


def _rule(row: Any, path: Any, day: Any, whole: Any, real: Any) -> Any:
    """Let the rates of a day rule from that day on: on or off IVIg, band of time since onset."""
    arm = 1
    change = _FAR
    if day < path[_ON_END] and day < path[_DROP]:
        arm = 0
        change = min(path[_ON_END], path[_DROP])
    periods = whole[at.PERIODS]
    bands = whole[at.TO_CHANGES] + row[at.CLASS] * periods
    while day >= real[bands + row[at.PERIOD]]:
        row[at.PERIOD] += 1
    if whole[at.SWITCHES] == 1:
        change, arm = _switched(path, day, change, arm)
    if whole[at.LEAVES] == 1 and day < path[_DROP]:
        change = min(change, path[_DROP])
    place = ((row[at.CLASS] * periods) + row[at.PERIOD]) * whole[at.ARMS] + arm
    rates = whole[at.TO_RATES] + place * 4 * whole[at.GRADES]
    row[at.HERE] = rates
    here = np.uint64(rates + 4 * row[at.GRADE])
    path[_SINCE] = day
    path[_RATE] = real[here]
    path[_MOVE] = day + path[_LEFT] * real[here + _STAY]
    path[_CHANGE] = min(change, real[bands + row[at.PERIOD]])


_rule = kernel(_rule, **INNER)


def _spend(row: Any, path: Any, day: Any, whole: Any) -> Any:
    """Add up the days of independence before the grade changes on a day, up to the last visit."""
    horizon = np.float64(whole[at.HORIZON])
    if row[at.GRADE] <= whole[at.INDEPENDENT_UP_TO]:
        path[_GOOD] += min(day, horizon) - min(path[_FROM], horizon)
    path[_FROM] = day


_spend = kernel(_spend, **SELDOM)


def _live(row: Any, path: Any, until: Any, whole: Any, real: Any, stream: Any) -> Any:
    """Let the patient live until a time; give the grade then (the number of grades = dead)."""
    while True:
        moves = path[_MOVE]
        if moves > until and path[_CHANGE] > until:
            return row[at.GRADE]
        if path[_CHANGE] < moves:
            day = path[_CHANGE]
            path[_LEFT] -= path[_RATE] * (day - path[_SINCE])
            if whole[at.LEAVES] == 1 and day == path[_DROP]:
                _leave(row, path, day, whole, real, stream)
            _rule(row, path, np.float64(day), whole, real)
            continue
        if row[at.NEXT] + 1 < stream.size:
            which = _upper(stream[row[at.NEXT]])
            next_word = stream[row[at.NEXT] + 1]
            row[at.NEXT] += 2
        else:
            which = _upper(word(stream))
            next_word = word(stream)
        here = np.uint64(row[at.HERE] + 4 * row[at.GRADE])
        if whole[at.HORIZON] > 0:
            _spend(row, path, moves, whole)
        if which >= real[here + _PASS]:
            row[at.GRADE] = whole[at.GRADES]
            path[_DEATH] = moves
            path[_WORSENED] = min(path[_WORSENED], moves)
            path[_MOVE] = path[_CHANGE] = _FAR
            return row[at.GRADE]
        step = 1 if which >= real[here + _WORSE] else -1
        row[at.GRADE] += step
        if row[at.GRADE] > row[at.TRUE_BASELINE]:
            path[_WORSENED] = min(path[_WORSENED], moves)
        here = np.uint64(row[at.HERE] + 4 * row[at.GRADE])
        path[_SINCE] = moves
        path[_RATE] = real[here]
        path[_LEFT] = exponential(next_word, stream)
        path[_MOVE] = moves + path[_LEFT] * real[here + _STAY]


_live = kernel(_live, **INNER)


def _end_ivig(row: Any, path: Any, day: Any, whole: Any, real: Any) -> Any:
    """Note on a day that IVIg acts until `path[_ON_END]`."""
    path[_LEFT] -= path[_RATE] * (day - path[_SINCE])
    _rule(row, path, np.float64(day), whole, real)


_end_ivig = kernel(_end_ivig, **INNER)


def _rate(row: Any, chance: Any, whole: Any, real: Any, words: Any, stream: Any) -> Any:
    """Rate a living patient: a fresh draw from the kernel, or the deviation of the rating before once more."""
    grade = row[at.GRADE]
    if real[at.PERSISTENCE] > 0 and uniform(stream) < real[at.PERSISTENCE]:
        rated = min(max(grade + row[at.OFF_BY], 0), whole[at.GRADES] - 1)
    else:
        bits = whole[at.RATING_BITS]
        rated = pick(words, whole[at.TO_RATING] + (grade << bits), bits, chance)
    row[at.OFF_BY] = rated - grade
    return rated


_rate = kernel(_rate, **INNER)


def _rescue_if_worse(
    rated: Any, day: Any, whole: Any, real: Any, row: Any, path: Any, stream: Any
) -> Any:  # fmt: skip
    """Begin rescue on the day after a rating that is worse than the baseline, with its chance."""
    if category(row[at.BASELINE], rated, whole) == 2 and uniform(stream) < real[at.RESCUE_IF_WORSE]:
        path[_RESCUE] = min(path[_RESCUE], day + 1)
        path[_LEFT] -= path[_RATE] * (day - path[_SINCE])
        _rule(row, path, np.float64(day), whole, real)


_rescue_if_worse = kernel(_rescue_if_worse, **SELDOM)


def _cycle(k: Any, whole: Any, words: Any, stream: Any) -> Any:
    """Draw what is planned for a cycle: a code (see `_EVENT` and the following)."""
    place = at.W_CYCLE + (k >> 1)
    if k >= at.WORD_CYCLES:
        place = whole[at.MORE_CYCLES] + ((k - at.WORD_CYCLES) >> 1)
    chance = stream[place] << (_HALF * np.uint64(k & 1))
    return whole[whole[at.TO_CYCLE_CODES] + pick(words, whole[at.TO_CYCLE], whole[at.CYCLE_BITS], chance)]


_cycle = kernel(_cycle, **INNER)


def _harmed(k: Any, code: Any, whole: Any, real: Any, row: Any, stream: Any) -> Any:
    """Draw thrombosis and haemolysis at the infusions of a planned cycle, which may stop it; give its new code."""
    given = code >> _GIVEN & 255
    stop = code >> _STOP & 255
    thromboses = haemolyses = np.int64(0)
    for i in range(code >> _GIVEN & 255):
        stops = False
        if uniform(stream) < real[at.THROMBOSIS]:
            thromboses |= 1 << i
            stops = uniform(stream) < real[at.THROMBOSIS_STOPS]
        if uniform(stream) < real[at.HAEMOLYSIS]:
            haemolyses |= 1 << i
            stops = uniform(stream) < real[at.HAEMOLYSIS_STOPS] or stops
        if stops:
            given = stop = i + 1
            break
    mask = code & ((1 << given) - 1)
    events = np.int64(0)
    left = mask
    while left:
        events += 1
        left &= left - 1
    changed = given if code >> _CHANGED & 255 > 0 else 0
    cut = 1 if given < code >> _GIVEN & 255 else code >> _DEVIATES & 1
    code = (
        mask | stop << _STOP | events << _EVENTS | changed << _CHANGED | given << _GIVEN
        | (code >> _LATE & 255) << _LATE | thromboses << _THROMBOSIS | haemolyses << _HAEMOLYSIS | cut << _DEVIATES
    )  # fmt: skip
    row[whole[at.CYCLES_AT] + k * at.CYCLE_WIDTH + at.C_CODE] = code
    left = thromboses
    while left:
        row[at.THROMBOSES] += 1
        left &= left - 1
    left = haemolyses
    while left:
        row[at.HAEMOLYSES] += 1
        left &= left - 1
    return code


_harmed = kernel(_harmed, **SELDOM)


def _plan(
    first: Any, last: Any, base: Any, whole: Any, real: Any, words: Any, row: Any, stream: Any
) -> Any:  # fmt: skip
    """Plan cycles first..last-1 from a day on, up to one that is stopped for an adverse event."""
    sums = code = before = 0
    k = first
    while k < last:
        code = _cycle(k, whole, words, stream)
        if whole[at.HARMS] == 1:
            code = _harmed(k, code, whole, real, row, stream)
        sums += code >> _EVENTS
        if k < whole[at.REQUIRED]:
            shift = (code >> _LATE & 255) - before if k > 0 else 0
            row[at.DEVIATES] |= (code >> _DEVIATES & 1) | np.int64(abs(shift) > whole[at.ON_TIME_DAYS])
            before += shift
        k += 1
        if code >> _STOP & 255 > 0:
            row[at.STOPPED] = 1
            break
    # days late stand above the sums, and are none of them
    row[at.EVENTS] += sums & 255
    row[at.CHANGED] += sums >> 8 & 255
    row[at.INFUSIONS] += sums >> 16 & 255
    row[at.CYCLES] = k
    late = code >> _LATE & 255 if k > 1 else 0
    row[at.LAST_DOSE] = base + whole[at.CYCLE_DAYS] * (k - 1 - first) + late + (code >> _GIVEN & 255) - 1


_plan = kernel(_plan, **INNER)


def _act(
    day: Any, decision: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any
) -> Any:  # fmt: skip
    """Act on a decision."""
    anyway = real[at.CONTINUE_ANYWAY]
    if decision != 0 and not (decision == 1 and anyway > 0 and uniform(stream) < anyway):
        path[_ON_END] = min(path[_ON_END], day)
        if decision == 1 and _lower(stream[at.W_LATER]) < real[at.RESCUE_AFTER]:
            path[_RESCUE] = min(path[_RESCUE], day + 1)
    elif row[at.STOPPED] == 0:
        before = whole[at.CYCLES_BEFORE]
        base = max(whole[at.CYCLE_DAYS] * before, day)
        row[at.RESUMED] = base
        _plan(before, whole[at.CYCLES_ALL], base, whole, real, words, row, stream)
        path[_ON_END] = base + whole[at.CYCLE_DAYS] * (row[at.CYCLES] - before)


_act = kernel(_act, **INNER)


def _anchor(v: Any, whole: Any, row: Any) -> Any:
    """Give the day that the days of a visit count from: day 1, or the last infusion of all drugs."""
    if whole[whole[at.TO_ANCHORED] + v] == 0:
        return _NONE
    last = row[at.LAST_DOSE]
    if row[at.STOPPED] == 0 and whole[at.OTHERS] > 0:
        last = max(last, whole[whole[at.TO_OTHERS] + whole[at.OTHERS] - 1])
    return last


_anchor = kernel(_anchor, **INNER)


def _last_infusion(until: Any, whole: Any, row: Any) -> Any:
    """Give the day of the last infusion of any drug in a life, or stay in the study, that ended then."""
    last = row[at.LAST_DOSE]
    stop = last if row[at.STOPPED] == 1 else until
    for k in range(whole[at.OTHERS]):
        day = whole[whole[at.TO_OTHERS] + k]
        if day < until and day <= stop:
            last = max(last, day)
    return last


_last_infusion = kernel(_last_infusion, **SELDOM)


def _decided(value: Any, grade: Any, whole: Any, real: Any, row: Any, stream: Any) -> Any:
    """Give the category that is decided on, where that is not the endpoint's; -1 without a rating in the window."""
    if value < 0:
        return value
    if whole[at.DECIDES] == 1:
        return whole[whole[at.TO_DECIDED] + (whole[at.GRADES] + 2) * row[at.BASELINE] + value + 1]
    here = whole[at.TO_DECIDED_SHARES] + 2 * (whole[at.GRADES] * row[at.TRUE_BASELINE] + grade)
    chance = uniform(stream)
    return np.int64(chance >= real[here]) + np.int64(chance >= real[here + 1])


_decided = kernel(_decided, **SELDOM)


def _attend(
    v: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any
) -> Any:  # fmt: skip
    """Live up to one visit, with its rating and decision."""
    window = whole[at.TO_VISITS] + 3 * v
    base = _anchor(v, whole, row)
    target = whole[window] + base
    here = at.VISIT + v * at.VISIT_WIDTH
    row[here + at.V_DAY] = row[here + at.V_RATING] = row[here + at.V_TRUE] = -1
    chance = stream[at.W_VISIT + v]
    # a cell is 2 x day + missed
    cell = pick(words, whole[at.TO_ATTEND], whole[at.ATTEND_BITS], chance)
    day = target + whole[at.JITTER_LOW] + (cell >> 1)
    missed = cell & 1
    decides = v == whole[at.DECISION_VISIT]
    dead = whole[at.GRADES]
    # the rating acts on what follows, so the true grade on the target day is read before it or after it
    true_too = v == whole[at.ENDPOINT_VISIT] or whole[at.EVERYTHING] == 1
    if true_too and target < day:
        row[here + at.V_TRUE_ON_TARGET] = _live(row, path, target, whole, real, stream)
    if whole[at.MISSES] == 1:
        # who is missed depends on how he is on that day
        grade = _live(row, path, day, whole, real, stream)
        if grade < dead and path[_DROP] > day:
            ratio = real[whole[at.TO_MISSES] + dead * row[at.TRUE_BASELINE] + grade]
            missed = np.int64(uniform(stream) < real[at.VISIT_MISSED + v] * ratio)
    if missed == 0:
        grade = _live(row, path, day, whole, real, stream)
        if grade < dead and path[_DROP] > day:
            rated = _rate(row, chance << _HALF, whole, real, words, stream)
            row[here + at.V_DAY] = day
            row[here + at.V_RATING] = rated
            row[here + at.V_TRUE] = grade
            if whole[at.JOINED] > 0:
                holds = real[whole[at.TO_ALSO] + dead * row[at.TRUE_BASELINE] + grade]
                row[here + at.V_ALSO] = np.int64(uniform(stream) < holds)
            if decides:
                value = rated if whole[window + 1] + base <= day <= whole[window + 2] + base else -1
                change = category(row[at.BASELINE], value, whole)
                if whole[at.DECIDES] > 0:
                    change = _decided(value, grade, whole, real, row, stream)
                    row[at.DECIDED] = change
                decision = whole[whole[at.TO_DECISIONS] + change + 1]
                if decision < 2:
                    row[at.ACTED] = decision
                    row[at.TRUE_AT_DECISION] = grade
                _act(day, decision, whole, real, words, row, path, stream)
                _end_ivig(row, path, day, whole, real)
            if real[at.RESCUE_IF_WORSE] > 0:
                _rescue_if_worse(rated, day, whole, real, row, path, stream)
    elif decides and _live(row, path, max(target, day * whole[at.MISSES]), whole, real, stream) < dead:
        here_day = max(target, day * whole[at.MISSES])
        path[_ON_END] = min(path[_ON_END], here_day)
        _end_ivig(row, path, here_day, whole, real)
    if true_too and target >= day:
        row[here + at.V_TRUE_ON_TARGET] = _live(row, path, target, whole, real, stream)


_attend = kernel(_attend, **INNER)


def _give(until: Any, whole: Any, words: Any, row: Any, stream: Any) -> Any:
    """Write down every planned cycle as far as it comes before a day; give how many came before the decision."""
    before = whole[at.CYCLES_BEFORE]
    planned = row[at.CYCLES]
    row[at.INFUSIONS] = row[at.EVENTS] = row[at.CHANGED] = row[at.STOPPED] = row[at.CYCLES] = 0
    row[at.LAST_DOSE] = row[at.HARM_DAY] = -1
    row[at.THROMBOSES] = row[at.HAEMOLYSES] = 0
    early = 0
    for k in range(planned):
        here = whole[at.CYCLES_AT] + k * at.CYCLE_WIDTH
        code = row[here + at.C_CODE] if whole[at.HARMS] == 1 else _cycle(k, whole, words, stream)
        late = code >> _LATE & 255 if k > 0 else 0
        begin = 0 if k < before else row[at.RESUMED]
        day = begin + whole[at.CYCLE_DAYS] * (k if k < before else k - before) + late
        days = code >> _GIVEN & 255
        # infusion i is given if day + i comes before the end
        given = days if day + days <= until else min(days, max(0, math.ceil(until - day)))
        mask = code & ((1 << given) - 1)
        changed = 1 if code >> _CHANGED & 255 > 0 else 0
        row[here + at.C_DAY] = day if given > 0 else -1
        row[here + at.C_GIVEN] = given
        row[here + at.C_MASK] = mask
        row[here + at.C_CHANGED] = changed
        row[here + at.C_STOP] = code >> _STOP & 255 if given == days else 0
        thromboses = code >> _THROMBOSIS & ((1 << given) - 1)
        haemolyses = code >> _HAEMOLYSIS & ((1 << given) - 1)
        row[here + at.C_THROMBOSIS] = thromboses
        row[here + at.C_HAEMOLYSIS] = haemolyses
        if given == 0:
            continue
        for i in range(given):
            row[at.THROMBOSES] += thromboses >> i & 1
            row[at.HAEMOLYSES] += haemolyses >> i & 1
            if row[at.HARM_DAY] < 0 and (thromboses | haemolyses) >> i & 1 == 1:
                row[at.HARM_DAY] = day + i
        if k < whole[at.REQUIRED] and given < days:
            row[at.DEVIATES] = 1
        row[at.CYCLES] += 1
        row[at.INFUSIONS] += given
        row[at.CHANGED] += given * changed
        row[at.LAST_DOSE] = day + given - 1
        if row[here + at.C_STOP] > 0:
            row[at.STOPPED] = 1
        while mask:
            row[at.EVENTS] += 1
            mask &= mask - 1
        if k < before:
            early += 1
    return early


_give = kernel(_give, **SELDOM)


def _last_rating(until: Any, v: Any, whole: Any, row: Any) -> Any:
    """Find the last rating after day 1 up to a day, among the extra days and visits 0..v; -1 if none."""
    for back in range(v, -1, -1):
        here = at.VISIT + back * at.VISIT_WIDTH
        if 0 < row[here + at.V_DAY] <= until:
            return row[here + at.V_RATING]
    for e in range(whole[at.EXTRAS] - 1, -1, -1):
        here = at.EXTRA + at.EXTRA_WIDTH * e
        if 0 < row[here + at.E_DAY] <= until:
            return row[here + at.E_RATING]
    return -1


_last_rating = kernel(_last_rating, **SELDOM)


def _joined(baseline: Any, value: Any, also: Any, change: Any, whole: Any) -> Any:
    """Give the category that all parts of the endpoint have together: improved where they hold."""
    own = whole[whole[at.TO_HOLDS] + (whole[at.GRADES] + 2) * baseline + value + 1]
    holds = own * also if whole[at.JOINED] == 1 else max(own, also)
    return 0 if holds == 1 else max(change, 1)


_joined = kernel(_joined, **SELDOM)


def _respond(early: Any, until: Any, whole: Any, row: Any, path: Any) -> Any:
    """Write value, reason and answer of every visit, and the decision that the tables show."""
    death = path[_DEATH] if path[_DEATH] < path[_DROP] else _FAR  # one that is seen
    baseline = row[at.BASELINE]
    grades = whole[at.GRADES]
    stopped = 1 if early < whole[at.REQUIRED] else 0
    count = whole[at.VISITS]
    for v in range(count):
        here = at.VISIT + v * at.VISIT_WIDTH
        window = whole[at.TO_VISITS] + 3 * v
        target, first, last_day = whole[window], whole[window + 1], whole[window + 2]
        if whole[whole[at.TO_ANCHORED] + v] == 1:
            base = _last_infusion(until, whole, row)
            target, first, last_day = target + base, first + base, last_day + base
        day = row[here + at.V_DAY]
        value = row[here + at.V_RATING] if first <= day <= last_day else -1
        if death <= target or (death <= last_day and value < 0):
            value = grades
        change = category(baseline, value, whole)
        seen = day if 0 <= value < grades else target
        rescued = 1 if 0 < row[at.RESCUE] <= seen else 0
        last = on = -1
        if whole[at.EVERYTHING] == 1:
            last = category(baseline, _last_rating(last_day, v, whole, row), whole)
            on = category(
                baseline,
                _last_rating(row[at.LAST_DOSE] + whole[at.ON_TREATMENT_DAYS], count - 1, whole, row),
                whole,
            )
        dead = 1 if value == grades else 0
        together = change
        if whole[at.JOINED] > 0 and 0 <= value < grades:
            together = _joined(baseline, value, row[here + at.V_ALSO], change, whole)
        key = (((rescued * 2 + stopped) * 2 + dead) * 4 + together + 1) * 16 + (last + 1) * 4 + on + 1
        answer = whole[whole[at.TO_ANSWERS] + key]  # 4 x reason + answer
        row[here + at.V_VALUE] = value
        row[here + at.V_CATEGORY] = change
        row[here + at.V_REASON] = answer >> 2
        row[here + at.V_ANSWER] = answer & 3
        row[here + at.V_KEY] = key
    row[at.DECISION] = 3
    if whole[at.DECISION_VISIT] < 0:
        return
    here = at.VISIT + whole[at.DECISION_VISIT] * at.VISIT_WIDTH
    decided = row[at.DECIDED] if whole[at.DECIDES] > 0 else row[here + at.V_CATEGORY]
    decided = 4 if row[here + at.V_VALUE] == grades else decided + 1
    row[at.DECISION] = whole[whole[at.TO_DECISIONS] + decided]


_respond = kernel(_respond, **INNER)


def _enter(whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any) -> Any:
    """Draw who enters and what comes to him at its own rate, and plan the cycles before the decision."""
    entry = pick(words, whole[at.TO_ENTRY], whole[at.ENTRY_BITS], stream[at.W_ENTRY])
    code = whole[at.TO_ENTRY_CODES] + at.ENTRY_CODE * entry
    row[at.ENTRY] = entry
    row[at.STRATUM] = whole[code]
    row[at.TRUE_BASELINE] = whole[code + 1]
    row[at.BASELINE] = whole[code + 2]
    row[at.WEIGHT] = whole[at.WEIGHT_LOW] + pick(
        words, whole[at.TO_WEIGHT], whole[at.WEIGHT_BITS], stream[at.W_ENTRY] << _HALF
    )
    span = np.uint64(whole[at.LAG_HIGH] - whole[at.LAG_LOW] + 1)
    row[at.LAG] = whole[at.LAG_LOW] + np.int64(((stream[at.W_START] >> _HALF) * span) >> _HALF)
    if whole[code + 5] >= 0:
        row[at.LAG] = whole[code + 5]
    path[_DEATH] = path[_DROP] = path[_RESCUE] = path[_ON_END] = path[_TUMOUR] = path[_DAMAGE] = _FAR
    # a time after the follow-up is none: most need no logarithm
    chance = _lower(stream[at.W_START])
    if chance > real[at.DROP_NEVER]:
        path[_DROP] = -math.log(chance) / real[at.DROP_RATE]
    chance = _upper(stream[at.W_LATER])
    if chance > real[at.RESCUE_NEVER]:
        path[_RESCUE] = -math.log(chance) / real[at.RESCUE_RATE]
    row[at.INFUSIONS] = row[at.EVENTS] = row[at.CHANGED] = row[at.STOPPED] = 0
    before = whole[at.CYCLES_BEFORE]
    row[at.THROMBOSES] = row[at.HAEMOLYSES] = row[at.DEVIATES] = 0
    _plan(_NONE, before, _NONE, whole, real, words, row, stream)
    if row[at.STOPPED] == 1:
        path[_ON_END] = whole[at.CYCLE_DAYS] * row[at.CYCLES]
    elif whole[at.DECISION_VISIT] < 0:
        path[_ON_END] = whole[at.ACTS_UNTIL]
    row[at.GRADE] = whole[code + 4]
    row[at.CLASS] = whole[code + 3]
    if whole[at.SWITCHES] == 1:
        rates = whole[at.TO_SWITCHES] + 2 * row[at.CLASS]
        if real[rates] > 0:
            path[_TUMOUR] = exponential(word(stream), stream) / real[rates]
        if real[rates + 1] > 0:
            path[_DAMAGE] = exponential(word(stream), stream) / real[rates + 1]
    path[_FROM] = path[_GOOD] = 0.0
    path[_WORSENED] = 0.0 if row[at.GRADE] > row[at.TRUE_BASELINE] else _FAR
    row[at.PERIOD] = 0
    row[at.OFF_BY] = row[at.BASELINE] - row[at.TRUE_BASELINE]
    path[_LEFT] = exponential(stream[row[at.NEXT]], stream)
    row[at.NEXT] += 1
    _rule(row, path, 0.0, whole, real)


_enter = kernel(_enter, **INNER)


def _end(whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any) -> Any:
    """Follow the patient to the end of follow-up and write down what happened when."""
    tail = whole[at.TAIL_DAY]
    end = whole[at.FOLLOW_UP]
    grades = whole[at.GRADES]
    grade = _live(row, path, tail, whole, real, stream)
    if whole[at.HORIZON] > 0:
        if grade < grades:
            _spend(row, path, np.float64(tail), whole)
        row[at.INDEPENDENT] = int(path[_GOOD] * at.GAPS_PER_DAY)
        row[at.WORSE] = int(min(path[_WORSENED], np.float64(whole[at.HORIZON])) * at.GAPS_PER_DAY)
    if whole[at.SHORT] == 0 and grade < grades and tail < end:
        many = whole[at.SWITCHES] + whole[at.LEAVES] > 0
        if many or tail < path[_DROP] < end or tail < path[_RESCUE] < end:
            # which came first, death or the other, is asked to less than a day
            grade = _live(row, path, end, whole, real, stream)
        else:
            bits = whole[at.TAIL_BITS]
            begin = whole[at.TO_TAIL] + ((row[at.CLASS] * grades + grade) << bits)
            cell = pick(words, begin, bits, stream[at.W_TAIL])
            if cell < whole[at.TAIL_DAYS]:
                path[_DEATH] = tail + cell + 0.5
                grade = grades
            else:
                grade = cell - whole[at.TAIL_DAYS]
    row[at.TRUE_END] = grade
    death, drop, rescue = path[_DEATH], path[_DROP], path[_RESCUE]
    if death < _FAR:
        row[at.DEATH] = math.ceil(death)
        row[at.DEATH_SEEN] = 1 if death < drop else 0
    if whole[at.SWITCHES] == 1:
        if path[_TUMOUR] <= end and path[_TUMOUR] < death:
            row[at.TUMOUR_DAY] = math.ceil(path[_TUMOUR])
        if path[_DAMAGE] <= end and path[_DAMAGE] < death:
            row[at.DAMAGE_DAY] = math.ceil(path[_DAMAGE])
    if drop < end and drop < death:
        row[at.DROPPED] = math.ceil(drop)
    if rescue < death and rescue < drop and rescue <= end:
        row[at.RESCUE] = math.ceil(rescue)


_end = kernel(_end, **INNER)


def _patient(whole: Any, real: Any, words: Any, clock: Any, row: Any, path: Any, stream: Any) -> Any:
    """Simulate one patient into `row`; give the time of the screening, `clock` being that of the one before."""
    draw(stream)
    visits, extras = whole[at.VISITS], whole[at.EXTRAS]
    dead = whole[at.GRADES]
    # places of the row that stay empty for some; those of cycles that are not planned are never read
    row[at.DEATH] = row[at.DROPPED] = row[at.DEATH_SEEN] = row[at.RESCUE] = -1
    row[at.DECIDED] = -1
    row[at.HARM_DAY] = row[at.ACTED] = row[at.TRUE_AT_DECISION] = row[at.TUMOUR_DAY] = row[at.DAMAGE_DAY] = -1
    gap = exponential(stream[at.W_GAP], stream) / real[at.ENROL_RATE]
    row[at.GAP] = int(gap * at.GAPS_PER_DAY)
    clock += gap
    row[at.SCREENED_DAY] = int(clock)
    row[at.NEXT] = whole[at.FIRST_MOVE]
    _enter(whole, real, words, row, path, stream)
    for e in range(extras if whole[at.RATES_BETWEEN] == 1 else 0):
        day = whole[whole[at.TO_EXTRA] + e]
        here = at.EXTRA + at.EXTRA_WIDTH * e
        row[here + at.E_DAY] = -1
        grade = _live(row, path, day, whole, real, stream)
        chance = stream[at.W_VISIT + visits + e]
        missed = real[at.VISIT_MISSED + visits + e]
        if whole[at.MISSES] == 1 and grade < dead:
            missed *= real[whole[at.TO_MISSES] + dead * row[at.TRUE_BASELINE] + grade]
        if grade < dead and path[_DROP] > day and _upper(chance) >= missed:
            row[here + at.E_DAY] = day
            row[here + at.E_RATING] = _rate(row, chance << _HALF, whole, real, words, stream)
            row[here + at.E_TRUE] = grade
            if real[at.RESCUE_IF_WORSE] > 0:
                _rescue_if_worse(row[here + at.E_RATING], day, whole, real, row, path, stream)
    for v in range(visits):
        _attend(v, whole, real, words, row, path, stream)
    _end(whole, real, words, row, path, stream)
    early = min(row[at.CYCLES], whole[at.CYCLES_BEFORE])
    until = min(path[_DEATH], path[_DROP])
    if until <= row[at.LAST_DOSE] or whole[at.EVERYTHING] == 1:
        early = _give(until, whole, words, row, stream)
    _respond(early, until, whole, row, path)
    return clock


patient = kernel(_patient, **INNER)

"""What happens to one simulated patient, day by day?

Input: the random stream of a trial, the protocol and the scenario as arrays (`layout_kernels`, `model`).
Output: one row of whole numbers: entry, cycles, ratings, events, visit values, decision, response.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: the grades, as many as the scale has, follow a continuous-time Markov process with piecewise constant rates. Up
to the last visit and cycle one standard exponential is used up along the rates until it is spent and the patient moves
(time change of a Poisson process); from there on the day of death, or the grade at the end, is one draw from its exact
distribution, worked out once by matrix exponentials (`tables.tail_tables`); the time of that day is uniform, which
decides only for who leaves or is rescued on it. Category, decision and response come from the tables of their rules.
The same row is counted and written out as tables: both show one patient.
Next: `trial_kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pnstrial.compiled import INNER, SELDOM, kernel
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.parts import CATEGORY, PARTS, START, answer_apart, draw_code, joined
from pnstrial.engine.kernels.random import draw, exponential, pick, uniform, word
from pnstrial.engine.kernels.visits import anchor, last_infusion, next_visit

__all__ = ["category", "patient"]

# what comes to the patient, in days; when the rates began to rule and what was left of the exponential then; since when
# days of independence are counted, how many, and when the grade was first worse; then the next move, the next change of
# rates, and which of them comes first
(
    _ON_END, _DROP, _DEATH, _RESCUE, _TUMOUR, _DAMAGE, _SINCE, _LEFT, _FROM, _GOOD, _WORSENED, _MOVE, _CHANGE, _SOON,
) = range(at.PATH)  # fmt: skip
# per grade: the rate to leave it, the mean stay, the share that improves, the share that improves or worsens
_STAY, _WORSE, _PASS, _WIDTH = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
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


def _leave(grade: Any, day: Any, whole: Any, real: Any, row: Any, path: Any, stream: Any) -> Any:
    """Let a patient leave at a time drawn at the highest rate with the share that his grade has of it, else draw on."""
    ratio = real[whole[at.TO_LEAVES] + whole[at.GRADES] * row[at.TRUE_BASELINE] + grade]
    if uniform(stream) >= ratio:
        path[_DROP] = day + exponential(word(stream), stream) / real[at.DROP_RATE]


_leave = kernel(_leave, **SELDOM)


def _rule(day: Any, whole: Any, real: Any, row: Any, path: Any) -> Any:
    """Find what rules from a day on: where the rates begin, and until when."""
    arm, change = _NONE, _FAR
    if whole[at.ARMS] > 1:
        acts_until = min(path[_ON_END], path[_DROP])
        arm += np.int64(day >= acts_until)
        change = acts_until if day < acts_until else _FAR
    bands = row[at.CLASS] * whole[at.PERIODS]
    ends, period = whole[at.TO_CHANGES] + bands, row[at.PERIOD]
    until = real[ends + period]
    while day >= until:
        period += 1
        until = real[ends + period]
    row[at.PERIOD] = period
    if whole[at.SWITCHES] == 1:
        change, arm = _switched(path, day, change, arm)
    if whole[at.LEAVES] == 1 and day < path[_DROP]:
        change = min(change, path[_DROP])
    rates = whole[at.TO_RATES] + ((bands + period) * whole[at.ARMS] + arm) * 4 * whole[at.GRADES]
    return np.uint64(rates), min(change, until)


_rule = kernel(_rule, **INNER)


def _rate(
    j: Any, here: Any, day: Any, grade: Any, off_by: Any, whole: Any, real: Any, words: Any, row: Any, stream: Any
) -> Any:  # fmt: skip
    """Rate a living patient: a fresh draw from the kernel, or the deviation of the rating before once more."""
    bits = whole[at.RATING_BITS]
    rated = pick(words, whole[at.TO_RATING] + (grade << bits), bits, stream[at.W_VISIT + j] << _HALF)
    again = min(max(grade + off_by, 0), whole[at.GRADES] - 1)
    chance = _upper(stream[whole[at.FIRST_AGAIN] + (j >> 1)] << (_HALF * np.uint64(j & 1)))
    # without a branch, as in `pick`
    rated ^= (rated ^ again) & -np.int64(chance < real[at.PERSISTENCE])
    # the numbers of an extra rating and of a visit begin alike
    row[here + at.V_DAY], row[here + at.V_RATING], row[here + at.V_TRUE] = day, rated, grade
    return rated


_rate = kernel(_rate, **INNER)


def _rescue(day: Any, rated: Any, whole: Any, real: Any, row: Any, path: Any, stream: Any) -> Any:
    """Begin rescue after a rating that is worse than the baseline, with its chance."""
    if category(row[at.BASELINE], rated, whole) == 2 and uniform(stream) < real[at.RESCUE_IF_WORSE]:
        path[_RESCUE] = min(path[_RESCUE], day + 1)
        path[_CHANGE] = path[_SOON] = day


_rescue = kernel(_rescue, **SELDOM)


def _harmed(code: Any, real: Any, row: Any, stream: Any) -> Any:
    """Draw thrombosis and haemolysis at the infusions of a planned cycle, which may stop it; give its new code."""
    given = code >> _GIVEN & 255
    stop = code >> _STOP & 255
    thromboses = haemolyses = i = np.int64(0)
    thrombosis, haemolysis = real[at.THROMBOSIS], real[at.HAEMOLYSIS]
    neither = (1.0 - thrombosis) * (1.0 - haemolysis)
    while True:
        # how many infusions come without either, before the next with one
        chance, free = uniform(stream), neither
        while i < given and chance < free:
            i += 1
            free *= neither
        if i >= given:
            break
        which = uniform(stream) * (1.0 - neither)
        stops = False
        if which < thrombosis:
            thromboses |= 1 << i
            stops = uniform(stream) < real[at.THROMBOSIS_STOPS]
        if which >= thrombosis * (1.0 - haemolysis):  # both, or haemolysis alone
            haemolyses |= 1 << i
            stops = uniform(stream) < real[at.HAEMOLYSIS_STOPS] or stops
        i += 1
        if stops:
            given = stop = i
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
    sums = code = before = deviates = 0
    here = whole[at.CYCLES_AT] + first * at.CYCLE_WIDTH + at.C_CODE
    k = first
    while k < last:
        chance = stream[whole[at.FIRST_CYCLE] + (k >> 1)] << (_HALF * np.uint64(k & 1))
        code = whole[whole[at.TO_CYCLE_CODES] + pick(words, whole[at.TO_CYCLE], whole[at.CYCLE_BITS], chance)]
        if whole[at.HARMS] == 1:
            code = _harmed(code, real, row, stream)
        row[here] = code
        here += at.CYCLE_WIDTH
        sums += code >> _EVENTS
        if k < whole[at.REQUIRED]:
            late = code >> _LATE & 255 if k > 0 else 0
            deviates |= code >> _DEVIATES | np.int64(abs(late - before) > whole[at.ON_TIME_DAYS])
            before = late
        k += 1
        if code >> _STOP & 255 > 0:
            row[at.STOPPED] = 1
            break
    row[at.DEVIATES] |= deviates & 1
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
        if decision == 1 and _lower(stream[at.W_START]) < real[at.RESCUE_AFTER]:
            path[_RESCUE] = min(path[_RESCUE], day + 1)
    elif row[at.STOPPED] == 0:
        before = whole[at.CYCLES_BEFORE]
        base = max(whole[at.CYCLE_DAYS] * before, day)
        row[at.RESUMED] = base
        _plan(before, whole[at.CYCLES_ALL], base, whole, real, words, row, stream)
        path[_ON_END] = base + whole[at.CYCLE_DAYS] * (row[at.CYCLES] - before)


_act = kernel(_act, **INNER)


def _decide(
    day: Any, off_target: Any, rated: Any, grade: Any, whole: Any, real: Any, words: Any, row: Any, path: Any,
    stream: Any,
) -> Any:  # fmt: skip
    """Decide on a rating, if it lies in the window of its visit, and act."""
    window = whole[at.TO_VISITS] + 3 * whole[at.DECISION_VISIT]
    early, late = whole[window + 1] - whole[window], whole[window + 2] - whole[window]
    value = rated if early <= off_target <= late else -1
    change = category(row[at.BASELINE], value, whole)
    if whole[at.DECIDES] > 0:
        change = draw_code(CATEGORY, whole[at.DECISION_VISIT], value, grade, whole, real, row, stream)
        row[at.DECIDED] = change
    decision = whole[whole[at.TO_DECISIONS] + change + 1]
    if decision < 2:
        row[at.ACTED] = decision
        row[at.TRUE_AT_DECISION] = grade
    _act(day, decision, whole, real, words, row, path, stream)


_decide = kernel(_decide, **INNER)


def _give(until: Any, whole: Any, row: Any) -> Any:
    """Count the planned cycles as far as they come before a day, and write them down where all is lived through.

    Gives how many came before the decision.
    """
    before, planned = whole[at.CYCLES_BEFORE], row[at.CYCLES]
    cycles = infusions = changed = events = stopped = thromboses = haemolyses = early = np.int64(0)
    last_dose = harm_day = np.int64(-1)
    for k in range(planned):
        here = whole[at.CYCLES_AT] + k * at.CYCLE_WIDTH
        code = row[here + at.C_CODE]
        late = code >> _LATE & 255 if k > 0 else 0
        begin = 0 if k < before else row[at.RESUMED]
        day = begin + whole[at.CYCLE_DAYS] * (k if k < before else k - before) + late
        days = code >> _GIVEN & 255
        # infusion i is given if day + i comes before the end
        given = days if day + days <= until else min(days, max(0, math.ceil(until - day)))
        mask = code & ((1 << given) - 1)
        is_changed = 1 if code >> _CHANGED & 255 > 0 else 0
        stop = code >> _STOP & 255 if given == days else 0
        if whole[at.EVERYTHING] == 1:
            row[here + at.C_DAY] = day if given > 0 else -1
            row[here + at.C_GIVEN] = given
            row[here + at.C_MASK] = mask
            row[here + at.C_CHANGED] = is_changed
            row[here + at.C_STOP] = stop
            row[here + at.C_THROMBOSIS] = code >> _THROMBOSIS & ((1 << given) - 1)
            row[here + at.C_HAEMOLYSIS] = code >> _HAEMOLYSIS & ((1 << given) - 1)
        if given == 0:
            if whole[at.EVERYTHING] == 0:
                break
            continue
        if whole[at.HARMS] == 1:
            for i in range(given):
                thrombosis, haemolysis = code >> (_THROMBOSIS + i) & 1, code >> (_HAEMOLYSIS + i) & 1
                thromboses += thrombosis
                haemolyses += haemolysis
                if harm_day < 0 and thrombosis + haemolysis > 0:
                    harm_day = day + i
        if k < whole[at.REQUIRED] and given < days:
            row[at.DEVIATES] = 1
        cycles += 1
        infusions += given
        changed += given * is_changed
        last_dose = day + given - 1
        if stop > 0:
            stopped = 1
        while mask:
            events += 1
            mask &= mask - 1
        if k < before:
            early += 1
    row[at.CYCLES], row[at.INFUSIONS], row[at.CHANGED], row[at.EVENTS] = cycles, infusions, changed, events
    row[at.STOPPED], row[at.LAST_DOSE] = stopped, last_dose
    row[at.THROMBOSES], row[at.HAEMOLYSES], row[at.HARM_DAY] = thromboses, haemolyses, harm_day
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
        if whole[at.ANCHORED] == 1 and whole[whole[at.TO_ANCHORED] + v] == 1:
            base = last_infusion(until, whole, row)
            target, first, last_day = target + base, first + base, last_day + base
        day = row[here + at.V_DAY]
        # without branches, which could not be guessed
        value = row[here + at.V_RATING] | -np.int64((day < first) | (day > last_day))
        value ^= (value ^ grades) & -np.int64((death <= target) | ((death <= last_day) & (value < 0)))
        change = category(baseline, value, whole)
        seen = target ^ ((target ^ day) & -np.int64((value >= 0) & (value < grades)))
        rescued = np.int64((row[at.RESCUE] > 0) & (row[at.RESCUE] <= seen))
        last = on = -1
        if whole[at.EVERYTHING] == 1:
            last = category(baseline, _last_rating(last_day, v, whole, row), whole)
            on = category(
                baseline,
                _last_rating(row[at.LAST_DOSE] + whole[at.ON_TREATMENT_DAYS], count - 1, whole, row),
                whole,
            )
        dead = np.int64(value == grades)
        together = change
        if whole[at.JOINED] > 0 and 0 <= value < grades:
            together = joined(baseline, value, row[here + at.V_ALSO] & 1, change, whole)
        key = (((rescued * 2 + stopped) * 2 + dead) * 4 + together + 1) * 16 + (last + 1) * 4 + on + 1
        answer = whole[whole[at.TO_ANSWERS] + key]  # 4 x reason + answer
        row[here + at.V_LAST] = last_day
        row[here + at.V_VALUE] = value
        row[here + at.V_CATEGORY] = change
        row[here + at.V_REASON] = answer >> 2
        row[here + at.V_ANSWER] = answer & 3
        row[here + at.V_KEY] = key
    if whole[at.APART] == 1:
        answer_apart(whole, row)
    row[at.DECISION] = 3
    if whole[at.DECISION_VISIT] < 0:
        return
    here = at.VISIT + whole[at.DECISION_VISIT] * at.VISIT_WIDTH
    decided = row[at.DECIDED] if whole[at.DECIDES] > 0 else row[here + at.V_CATEGORY]
    decided = 4 if row[here + at.V_VALUE] == grades else decided + 1
    row[at.DECISION] = whole[whole[at.TO_DECISIONS] + decided]


_respond = kernel(_respond, **INNER)


def _enter(whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any) -> Any:
    """Draw who enters, what comes to him at its own rate and the cycles before the decision; give his true grade."""
    entry = pick(words, whole[at.TO_ENTRY], whole[at.ENTRY_BITS], stream[at.W_ENTRY])
    code = whole[at.TO_ENTRY_CODES] + at.ENTRY_CODE * entry
    row[at.ENTRY] = entry
    row[at.STRATUM] = whole[code]
    row[at.TRUE_BASELINE] = whole[code + 1]
    row[at.BASELINE] = whole[code + 2]
    row[at.START] = whole[at.STARTS] * row[at.TRUE_BASELINE]
    if whole[at.STARTS] > 1:
        row[at.START] += draw_code(START, _NONE, _NONE, _NONE, whole, real, row, stream)
    row[at.WEIGHT] = whole[at.WEIGHT_LOW] + pick(
        words, whole[at.TO_WEIGHT], whole[at.WEIGHT_BITS], stream[at.W_ENTRY] << _HALF
    )
    span = np.uint64(whole[at.LAG_HIGH] - whole[at.LAG_LOW] + 1)
    row[at.LAG] = whole[at.LAG_LOW] + np.int64(((stream[at.W_START] >> _HALF) * span) >> _HALF)
    if whole[code + 5] >= 0:
        row[at.LAG] = whole[code + 5]
    path[_DEATH] = path[_ON_END] = path[_TUMOUR] = path[_DAMAGE] = _FAR
    # at a rate of zero the time is infinite
    path[_DROP] = exponential(stream[at.W_DROP], stream) / real[at.DROP_RATE]
    path[_RESCUE] = exponential(stream[at.W_RESCUE], stream) / real[at.RESCUE_RATE]
    row[at.INFUSIONS] = row[at.EVENTS] = row[at.CHANGED] = row[at.STOPPED] = 0
    before = whole[at.CYCLES_BEFORE]
    row[at.THROMBOSES] = row[at.HAEMOLYSES] = row[at.DEVIATES] = 0
    _plan(_NONE, before, _NONE, whole, real, words, row, stream)
    if row[at.STOPPED] == 1:
        path[_ON_END] = whole[at.CYCLE_DAYS] * row[at.CYCLES]
    elif whole[at.DECISION_VISIT] < 0:
        path[_ON_END] = whole[at.ACTS_UNTIL]
    row[at.CLASS] = whole[code + 3]
    if whole[at.SWITCHES] == 1:
        rates = whole[at.TO_SWITCHES] + 2 * row[at.CLASS]
        if real[rates] > 0:
            path[_TUMOUR] = exponential(word(stream), stream) / real[rates]
        if real[rates + 1] > 0:
            path[_DAMAGE] = exponential(word(stream), stream) / real[rates + 1]
    return whole[code + 4]


_enter = kernel(_enter, **INNER)


def _advance(until: Any, grade: Any, whole: Any, real: Any, row: Any, path: Any, stream: Any) -> Any:
    """Let the grade move, and the rates change, up to a day; give the grade then."""
    horizon = np.float64(whole[at.HORIZON])
    true_baseline = row[at.TRUE_BASELINE]
    move, change, since, left = path[_MOVE], path[_CHANGE], path[_SINCE], path[_LEFT]
    next_word = row[at.NEXT]
    rates = np.uint64(row[at.RATES])
    while min(move, change) <= until:
        place = rates + _WIDTH * np.uint64(grade)
        if change < move:
            left -= real[place] * (change - since)
            since = change
            if whole[at.LEAVES] == 1 and since == path[_DROP]:
                _leave(grade, since, whole, real, row, path, stream)
            rates, change = _rule(since, whole, real, row, path)
        else:
            if next_word + 1 < stream.size:
                which, drawn = _upper(stream[next_word]), stream[next_word + 1]
                next_word += 2
            else:
                which = _upper(word(stream))
                drawn = word(stream)
            if grade <= whole[at.INDEPENDENT_UP_TO]:
                path[_GOOD] += min(move, horizon) - min(path[_FROM], horizon)
            path[_FROM] = since = move
            if which >= real[place + _PASS]:
                path[_DEATH] = move
                path[_WORSENED] = min(path[_WORSENED], move)
                return whole[at.GRADES]
            grade += 1 if which >= real[place + _WORSE] else -1
            if grade > true_baseline:
                path[_WORSENED] = min(path[_WORSENED], move)
            left = exponential(drawn, stream)
        move = since + left * real[rates + _WIDTH * np.uint64(grade) + _STAY]
    path[_MOVE], path[_CHANGE], path[_SOON] = move, change, min(move, change)
    path[_SINCE], path[_LEFT] = since, left
    row[at.RATES], row[at.NEXT] = rates, next_word
    return grade


_advance = kernel(_advance, **INNER)


def _visit(
    v: Any, grade: Any, off_by: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any
) -> Any:
    """Let a patient live up to a visit, its rating and its target day; give his grade and how far the rating is off."""
    dead = whole[at.GRADES]
    here = at.VISIT + v * at.VISIT_WIDTH
    target = whole[whole[at.TO_VISITS] + 3 * v]
    if whole[at.ANCHORED] == 1:
        target += anchor(v, whole, row)
    # a cell is 2 x day + missed
    cell = pick(words, whole[at.TO_ATTEND], whole[at.ATTEND_BITS], stream[at.W_VISIT + v])
    missed = cell & 1 == 1
    day = target + whole[at.JITTER_LOW] + (cell >> 1)
    decides = v == whole[at.DECISION_VISIT]
    true_too = v == whole[at.ENDPOINT_VISIT] or whole[at.EVERYTHING] + whole[at.APART] > 0
    ends_later = False
    # the rating acts on what follows, so an earlier target day comes before it; where nothing happens up to the rating,
    # the true grade is the same, and the order, which could not be guessed, is left alone
    before = true_too & (target < day) & (path[_SOON] <= day)
    if before:
        if path[_SOON] <= target:
            grade = _advance(np.float64(target), grade, whole, real, row, path, stream)
            if grade == dead:
                return grade, off_by
        row[here + at.V_TRUE_ON_TARGET] = grade
    if decides or not missed:
        until = np.float64(target if missed else day)
        if path[_SOON] <= until:
            grade = _advance(until, grade, whole, real, row, path, stream)
            if grade == dead:
                return grade, off_by
        present = path[_DROP] > day
        if whole[at.MISSES] == 1 and present:
            # who is missed depends on how he is on that day
            ratio = real[whole[at.TO_MISSES] + dead * row[at.TRUE_BASELINE] + grade]
            missed = uniform(stream) < real[at.VISIT_MISSED + v] * ratio
            ends_later = missed and decides and target > day
        if missed:
            if decides and not ends_later:
                path[_CHANGE] = path[_SOON] = until
                path[_ON_END] = min(path[_ON_END], until)
        elif present:
            rated = _rate(v, here, day, grade, off_by, whole, real, words, row, stream)
            off_by = rated - grade
            if whole[at.JOINED] > 0:
                row[here + at.V_ALSO] = draw_code(PARTS, v, rated, grade, whole, real, row, stream)
            if decides:
                _decide(day, day - target, rated, grade, whole, real, words, row, path, stream)
                if whole[at.ARMS] > 1:
                    path[_CHANGE] = path[_SOON] = until
            if real[at.RESCUE_IF_WORSE] > 0:
                _rescue(day, rated, whole, real, row, path, stream)
    if (true_too and not before) or ends_later:
        if path[_SOON] <= target:
            grade = _advance(np.float64(target), grade, whole, real, row, path, stream)
            if grade == dead:
                return grade, off_by
        if ends_later:
            path[_CHANGE] = path[_SOON] = target
            path[_ON_END] = min(path[_ON_END], target)
        row[here + at.V_TRUE_ON_TARGET] = grade
    return grade, off_by


_visit = kernel(_visit, **INNER)


def _live(
    grade: Any, extras: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any
) -> Any:
    """Let a patient live from day 1 to the end of follow-up, with ratings and decision; give his grade then."""
    dead, visits = whole[at.GRADES], whole[at.VISITS]
    off_by = row[at.BASELINE] - row[at.TRUE_BASELINE]
    for e in range(extras):
        day = whole[whole[at.TO_EXTRA] + e]
        if path[_SOON] <= day:
            grade = _advance(np.float64(day), grade, whole, real, row, path, stream)
            if grade == dead:
                return grade
        ratio = real[at.VISIT_MISSED + visits + e]
        if whole[at.MISSES] == 1:
            ratio *= real[whole[at.TO_MISSES] + dead * row[at.TRUE_BASELINE] + grade]
        if (_upper(stream[at.W_VISIT + visits + e]) >= ratio) & (path[_DROP] > day):
            here = at.EXTRA + at.EXTRA_WIDTH * e
            rated = _rate(visits + e, here, day, grade, off_by, whole, real, words, row, stream)
            off_by = rated - grade
            if real[at.RESCUE_IF_WORSE] > 0:
                _rescue(day, rated, whole, real, row, path, stream)
    done = _NONE
    for stop in range(visits):
        v = _NONE + stop
        if whole[at.MOVES] == 1:
            v = next_visit(done, whole, row)
            done |= 1 << v
        grade, off_by = _visit(v, grade, off_by, whole, real, words, row, path, stream)
        if grade == dead:
            return grade
    tail, end = np.float64(whole[at.TAIL_DAY]), np.float64(whole[at.FOLLOW_UP])
    if path[_SOON] <= tail:
        grade = _advance(tail, grade, whole, real, row, path, stream)
        if grade == dead:
            return grade
    horizon = np.float64(whole[at.HORIZON])
    if grade <= whole[at.INDEPENDENT_UP_TO]:
        path[_GOOD] += min(tail, horizon) - min(path[_FROM], horizon)
    path[_FROM] = tail
    if whole[at.SHORT] == 1 or tail >= end:
        return grade
    if whole[at.SWITCHES] + whole[at.LEAVES] > 0:
        return _advance(end, grade, whole, real, row, path, stream)
    bits = whole[at.TAIL_BITS]
    begin = whole[at.TO_TAIL] + ((row[at.CLASS] * dead + grade) << bits)
    cell = pick(words, begin, bits, stream[at.W_TAIL])
    lived = cell - whole[at.TAIL_DAYS]
    # any time of that day: it matters to those who leave, or are rescued, on the same
    path[_DEATH] = tail + cell + _lower(stream[at.W_TAIL]) if lived < 0 else _FAR
    return lived + ((dead - lived) & -np.int64(lived < 0))


_live = kernel(_live, **INNER)


def _follow(grade: Any, whole: Any, real: Any, words: Any, row: Any, path: Any, stream: Any) -> Any:
    """Follow a patient from day 1 to the end; give his grade then."""
    dead, visits = whole[at.GRADES], whole[at.VISITS]
    extras = whole[at.EXTRAS] if whole[at.RATES_BETWEEN] == 1 else 0
    for v in range(visits):
        here = at.VISIT + v * at.VISIT_WIDTH
        row[here + at.V_DAY] = row[here + at.V_RATING] = row[here + at.V_TRUE] = -1
        row[here + at.V_TRUE_ON_TARGET] = dead
    for e in range(extras):
        row[at.EXTRA + at.EXTRA_WIDTH * e + at.E_DAY] = -1
    left = exponential(stream[whole[at.FIRST_MOVE]], stream)
    row[at.NEXT] = whole[at.FIRST_MOVE] + 1
    row[at.PERIOD] = 0
    rates, change = _rule(0.0, whole, real, row, path)
    row[at.RATES] = rates
    move = left * real[rates + _WIDTH * np.uint64(grade) + _STAY]
    path[_LEFT], path[_MOVE], path[_CHANGE], path[_SOON] = left, move, change, min(move, change)
    path[_SINCE] = path[_FROM] = path[_GOOD] = 0.0
    path[_WORSENED] = 0.0 if grade > row[at.TRUE_BASELINE] else _FAR
    grade = _live(grade, extras, whole, real, words, row, path, stream)
    horizon = np.float64(whole[at.HORIZON])
    if horizon > 0:
        row[at.INDEPENDENT] = int(path[_GOOD] * at.GAPS_PER_DAY)
        row[at.WORSE] = int(min(path[_WORSENED], horizon) * at.GAPS_PER_DAY)
    return grade


_follow = kernel(_follow, **INNER)


def _note(whole: Any, row: Any, path: Any) -> Any:
    """Write down what happened when, up to the end of follow-up."""
    end = whole[at.FOLLOW_UP]
    death, drop, rescue = path[_DEATH], path[_DROP], path[_RESCUE]
    # without branches, which could not be guessed; -1 = none
    row[at.DEATH] = math.ceil(min(death, _FAR)) | -np.int64(death >= _FAR)
    row[at.DEATH_SEEN] = np.int64(death < drop) | -np.int64(death >= _FAR)
    if whole[at.SWITCHES] == 1:
        if path[_TUMOUR] <= end and path[_TUMOUR] < death:
            row[at.TUMOUR_DAY] = math.ceil(path[_TUMOUR])
        if path[_DAMAGE] <= end and path[_DAMAGE] < death:
            row[at.DAMAGE_DAY] = math.ceil(path[_DAMAGE])
    row[at.DROPPED] = math.ceil(min(drop, _FAR)) | -np.int64((drop >= end) | (drop >= death))
    row[at.RESCUE] = math.ceil(min(rescue, _FAR)) | -np.int64(
        (rescue >= death) | (rescue >= drop) | (rescue > end)
    )


_note = kernel(_note, **INNER)


def _patient(whole: Any, real: Any, words: Any, clock: Any, row: Any, path: Any, stream: Any) -> Any:
    """Simulate one patient into `row`; give the time of the screening, `clock` being that of the one before."""
    draw(stream)
    # places of the row that stay empty for some; those of cycles that are not planned are never read
    row[at.DECIDED] = -1
    row[at.HARM_DAY] = row[at.ACTED] = row[at.TRUE_AT_DECISION] = row[at.TUMOUR_DAY] = row[at.DAMAGE_DAY] = -1
    gap = exponential(stream[at.W_GAP], stream) / real[at.ENROL_RATE]
    row[at.GAP] = int(gap * at.GAPS_PER_DAY)
    clock += gap
    row[at.SCREENED_DAY] = int(clock)
    grade = _enter(whole, real, words, row, path, stream)
    row[at.TRUE_END] = _follow(grade, whole, real, words, row, path, stream)
    _note(whole, row, path)
    early = min(row[at.CYCLES], whole[at.CYCLES_BEFORE])
    until = min(path[_DEATH], path[_DROP])
    if until <= row[at.LAST_DOSE] or whole[at.EVERYTHING] == 1:
        early = _give(until, whole, row)
    _respond(early, until, whole, row, path)
    return clock


patient = kernel(_patient, **INNER)

"""The looks of one trial once more, programmed apart: a diary, day by day, of who enters and what becomes known.

Takes the patients of one trial as plain dictionaries (screening gap in days, days to day 1, day on which the outcome is
known, whether it is a response, day of an event or None) and the counts of a design; nothing is shared with the package.
"""

import math


def diary(patients, looks, low, high, pauses=(), safety=()):
    """Give what happened: (code, look, patients decided on, enrolled, day)."""
    n = looks[-1]
    waiting, entered = [], []  # day 1 of those who are in, in order
    clock, k = 0.0, 0
    screened = 0
    nothing_before = 0.0
    day = 0
    while True:
        # who comes on this day: the next patient is screened when his gap has run off, unless accrual pauses
        while screened < n:
            if screened in pauses:
                known = [d + patients[i]["known"] for i, d in enumerate(waiting[:screened])]
                nothing_before = max(clock, max(known) + 1.0)
                base = nothing_before
            else:
                base = clock
            comes = base + patients[screened]["gap"]
            if math.floor(comes) > day:
                break
            clock = comes
            waiting.append(math.floor(comes) + patients[screened]["lag"])
            screened += 1
        entered = [i for i, d in enumerate(waiting) if d <= day]
        # a safety stop: events among the first m patients, on the day of the last that is needed
        events = [
            i
            for i in entered
            if patients[i]["event"] is not None and waiting[i] + patients[i]["event"] <= day
        ]
        harmed = any(sum(i < m for i in events) >= count for m, count in safety)
        answered = [i for i in entered if waiting[i] + patients[i]["known"] <= day]
        decision = None
        while k < len(looks) and all(i in answered for i in range(looks[k])):
            x = sum(patients[i]["responds"] for i in range(looks[k]))
            if x >= high[k]:
                decision = (1, k)
            elif x <= low[k]:
                decision = (-1, k)
            elif k == len(looks) - 1:
                decision = (0, k)
            if decision:
                break
            k += 1
        if decision:
            return (*decision, looks[decision[1]], len(entered), day)
        if harmed:
            return ("harm", -1, len(answered), len(entered), day)
        day += 1

"""From which day are the days of a visit counted, and which visit comes next?

Input: the row of a patient, the visits of the protocol.
Output: day 1 or the last infusion of any drug; the position of a visit.
Protocol section: visits, decision, treatment.
Method: the last infusion is known when treatment was stopped, or when it was decided whether it goes on.
Next: `patient`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import INNER, SELDOM, kernel
from pnstrial.engine.kernels import layout as at

__all__ = ["anchor", "last_infusion", "next_visit"]

# a bare number would be a type of its own, and the kernel be compiled once more for it
_NONE = np.int64(0)


def _anchor(v: Any, whole: Any, row: Any) -> Any:
    """Give the day that the days of a visit count from: day 1, or the last infusion of all drugs."""
    if whole[whole[at.TO_ANCHORED] + v] == 0:
        return _NONE
    last = row[at.LAST_DOSE]
    if row[at.STOPPED] == 0 and whole[at.OTHERS] > 0:
        last = max(last, whole[whole[at.TO_OTHERS] + whole[at.OTHERS] - 1])
    return last


anchor = kernel(_anchor, **INNER)


def _last_infusion(until: Any, whole: Any, row: Any) -> Any:
    """Give the day of the last infusion of any drug in a life, or stay in the study, that ended then."""
    last = row[at.LAST_DOSE]
    stop = last if row[at.STOPPED] == 1 else until
    for k in range(whole[at.OTHERS]):
        day = whole[whole[at.TO_OTHERS] + k]
        if day < until and day <= stop:
            last = max(last, day)
    return last


last_infusion = kernel(_last_infusion, **SELDOM)


def _next_visit(done: Any, whole: Any, row: Any) -> Any:
    """Give the visit that comes first of those not done, where their order is not the same for all."""
    decision = whole[at.DECISION_VISIT]
    decided = row[at.STOPPED] == 1 or decision < 0 or done >> decision & 1 == 1
    found = _NONE - 1
    first = _NONE
    for v in range(whole[at.VISITS]):
        if done >> v & 1 == 1 or (whole[whole[at.TO_ANCHORED] + v] == 1 and not decided):
            continue
        day = whole[whole[at.TO_VISITS] + 3 * v] + anchor(v, whole, row)
        if found < 0 or day < first:
            found, first = v + _NONE, day
    return found


next_visit = kernel(_next_visit, **SELDOM)

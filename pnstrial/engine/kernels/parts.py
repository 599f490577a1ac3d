"""Do the parts of the endpoint hold, and what is decided on, where other scales are asked?

Input: the row of a patient, the tables of `scales.parts`.
Output: scores of other scales at screening as a start, codes of the parts at a rating, the category of all together.
Protocol section: endpoint, decision, scales.
Method: draws from the tables; a part on another scale has no truth but its chance.
Next: `patient`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import SELDOM, kernel
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.random import uniform

__all__ = ["CATEGORY", "PARTS", "START", "answer_apart", "draw_code", "joined", "true_responders"]

# what is drawn; a bare number would be a type of its own, and the kernel be compiled once more for it
START, PARTS, CATEGORY = np.int64(0), np.int64(1), np.int64(2)
_NONE, _ONE, _TWO, _THREE = (np.int64(k) for k in range(4))


def _draw_code(
    what: Any, v: Any, value: Any, grade: Any, whole: Any, real: Any, row: Any, stream: Any
) -> Any:
    """Draw what scores of other scales say: three draws in one kernel, because each kernel takes its time to compile.

    START: the scores at screening that are asked for more than once. PARTS: whether the parts of the endpoint hold at a
    rating at visit v (see `V_ALSO`). CATEGORY: what is decided on, -1 without a rating in the window.
    """
    k = whole[at.GRADES]
    here = k * row[at.START] + grade
    if what == CATEGORY and (value < 0 or whole[at.DECIDES] == 1):
        return whole[whole[at.TO_DECIDED] + (k + 2) * row[at.BASELINE] + value + 1] if value >= 0 else value
    if what == START:
        begin, count = whole[at.TO_STARTS] + whole[at.STARTS] * row[at.TRUE_BASELINE], whole[at.STARTS] - 1
    elif what == CATEGORY:
        codes = whole[at.DECIDED_CODES]
        here *= codes
        if codes > 1:
            here += row[at.VISIT + v * at.VISIT_WIDTH + at.V_ALSO]
        begin, count = whole[at.TO_DECIDED_SHARES] + 2 * here, _TWO
    elif whole[at.APART] == 1:
        begin, count = whole[at.TO_CODES] + 3 * (v * k * whole[at.STARTS] * k + here), _THREE
    else:
        begin, count = whole[at.TO_ALSO] + here, _ONE
    chance = uniform(stream)
    code = _NONE
    for j in range(count):
        code += np.int64(chance >= real[begin + j])
    return 1 - code if what == PARTS and whole[at.APART] == 0 else code


draw_code = kernel(_draw_code, **SELDOM)


def _joined(baseline: Any, value: Any, also: Any, change: Any, whole: Any) -> Any:
    """Give the category that all parts of the endpoint have together: improved where they hold."""
    own = whole[whole[at.TO_HOLDS] + (whole[at.GRADES] + 2) * baseline + value + 1]
    holds = own * also if whole[at.JOINED] == 1 else max(own, also)
    return 0 if holds == 1 else max(change, 1)


joined = kernel(_joined, **SELDOM)


def _answer_apart(whole: Any, row: Any) -> Any:
    """Answer by the parts of the endpoint together, each at its own visit: the category is -1 if that is not known."""
    end = at.VISIT + whole[at.ENDPOINT_VISIT] * at.VISIT_WIDTH
    k = whole[at.GRADES]
    enough = whole[at.JOINED] - 1  # what one part is enough for: 0 that not all hold, 1 that any does
    found = 1 - enough
    for v in range(whole[at.VISITS]):
        here = at.VISIT + v * at.VISIT_WIDTH
        place = (v * k + row[at.BASELINE]) * (k + 2) + row[here + at.V_VALUE] + 1
        holds = whole[whole[at.TO_PARTS] + 2 * place + (row[here + at.V_ALSO] >> 1 & 1)]
        if holds == enough:
            found = enough
        elif holds < 0 and found != enough:
            found = holds
    together = -1 if found < 0 else 0 if found == 1 else max(row[end + at.V_CATEGORY], 1)
    key = row[end + at.V_KEY]
    key += (together - ((key >> 4 & 3) - 1)) * 16
    answer = whole[whole[at.TO_ANSWERS] + key]
    row[end + at.V_REASON] = answer >> 2
    row[end + at.V_ANSWER] = answer & 3
    row[end + at.V_KEY] = key


answer_apart = kernel(_answer_apart, **SELDOM)


def _true_responders(n: Any, whole: Any, real: Any, rows: Any) -> Any:
    """Add up the chances that the parts truly hold on the target days of their visits."""
    k = whole[at.GRADES]
    starts = k * whole[at.STARTS]
    added = 0.0
    for i in range(n):
        row = rows[i]
        chance = 1.0
        for v in range(whole[at.VISITS]):
            place = (v * starts + row[at.START]) * (k + 1) + row[
                at.VISIT + v * at.VISIT_WIDTH + at.V_TRUE_ON_TARGET
            ]
            chance *= real[whole[at.TO_TRULY] + place]
        added += chance if whole[at.JOINED] == 1 else 1.0 - chance
    return added


true_responders = kernel(_true_responders, **SELDOM)

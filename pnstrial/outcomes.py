"""Does a change on a scale hold: its direction, and the bounds on the later value?

Input: the assessments of a trial on the scale of an outcome.
Output: for each patient 1 (it holds), 0 (it does not) or -1 (unknown); several parts joined by "all" or "any".
Protocol section: endpoint.
Method: three-valued logic; a death is known: deteriorated, and within no bound.
Next: `endpoints`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.objectives import joined_answers
from pnstrial.visits import DEATH, category_codes

if TYPE_CHECKING:
    from pnstrial.protocol import Outcome
    from pnstrial.visits import Assessments

__all__ = ["CATEGORIES", "join_parts", "part_of", "values_at"]

CATEGORIES: Final = ("category", "last_category", "on_treatment_category")
"""Where a category of the response rule comes from: the visit, the last rating, the last on treatment."""


def values_at(assessments: Assessments, visit: str) -> pd.DataFrame:
    """Give the rows of `visits.derive` at a visit, by enrolled patient."""
    values = assessments.visit_values.frame
    return values[values["visit"] == visit].set_index("patient_id")


def part_of(assessments: Assessments, outcome: Outcome, visit: str) -> pd.DataFrame:
    """Give by patient has_baseline, each of `CATEGORIES`, and as NAME_met whether the part holds by it (1, 0, -1)."""
    protocol, column = assessments.protocol, assessments.scale.column
    planned, at_visit = protocol.visit(visit), values_at(assessments, visit)
    start = at_visit[f"baseline_{column}"]
    last = assessments.last_until(assessments.date_at(planned, planned.last_day))
    limit = assessments.patients["last_dose"] + pd.Timedelta(days=protocol.endpoint.on_treatment_days)
    on_treatment = assessments.last_until(limit)
    frame = pd.DataFrame({"has_baseline": start.notna().astype(np.int8)}, index=assessments.patients.index)
    died = (at_visit["derivation"] == DEATH).to_numpy()
    values = (at_visit[column], last, on_treatment)
    for name, value, dead in zip(CATEGORIES, values, (died, False, False), strict=True):
        codes = assessments.categories(start, value, dead)
        frame[name] = category_codes(at_visit["category"]) if name == "category" else codes
        frame[f"{name}_met"] = outcome.holds(codes, value.to_numpy(dtype=float), dead)
    return frame


def join_parts(parts: list[pd.DataFrame], how: str) -> pd.DataFrame:
    """Join the parts of an endpoint: improved where they hold, no category where that is not known."""
    first = parts[0]
    has = np.array([part["has_baseline"].to_numpy() for part in parts])
    frame = pd.DataFrame(
        {"has_baseline": has.min(axis=0) if how == "all" else has.max(axis=0)}, index=first.index
    )
    for name in CATEGORIES:
        answer = joined_answers([part[f"{name}_met"].to_numpy() for part in parts], how)
        own = first[name].to_numpy()
        worse = np.where(own == rules.DETERIORATED, rules.DETERIORATED, rules.STABLE)
        frame[name] = np.where(
            answer == 1, rules.IMPROVED, np.where(answer == 0, worse, rules.MISSING)
        ).astype(np.int8)
    return frame

"""Which values does a simulated patient have who passes, or fails, a criterion?

Input: the criteria of the protocol, a screening row with the columns that the simulator has a model for.
Output: the row with values under which every criterion passes, or one of them fails.
Protocol section: criteria.
Method: by the kind of the criterion and the columns it reads, never by its id: a number is drawn from its range, a
word from the allowed ones; the limits of a column are those of all criteria that read it and of the table's schema.
Next: `trial_tables`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial import rules
from pnstrial.data.schema import CREATININE_SLIP, TABLES
from pnstrial.numerics.clearance import creatinine_at_clearance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pnstrial.protocol import Criterion, Protocol

__all__ = ["MODELLED", "Values", "allowed_range", "immunotherapy_record"]

MODELLED: Final = ("age", "sex", "weight_kg", "height_cm", "mrs", "creatinine_umol_l")
"""Columns that the simulator draws from the scenario; others get their values from the criteria alone."""
_DRUGS: Final = (("Prednisone", "H02AB07"), ("Methylprednisolone", "H02AB04"))


def allowed_range(protocol: Protocol, column: str) -> tuple[float, float]:
    """Give the lowest and highest number of a screening column that no criterion excludes.

    Parameters
    ----------
    protocol : Protocol
    column : str
        A number of the screening table.

    Returns
    -------
    tuple of float
        -inf and inf where no criterion limits it; the first over the second where none may enter.
    """
    low, high = -math.inf, math.inf
    for criterion in protocol.criteria:
        if criterion.kind == "range" and criterion.column == column:
            low = max(low, -math.inf if criterion.minimum is None else criterion.minimum)
            high = min(high, math.inf if criterion.maximum is None else criterion.maximum)
    return low, high


def immunotherapy_record(protocol: Protocol, drug: int = 0) -> dict[str, str | None]:
    """Name a medication that counts as immunotherapy under the protocol's lists.

    Parameters
    ----------
    protocol : Protocol
    drug : int, default 0
        Which of the usual ones; where the lists have none of them, their first name is taken. A drug of the trial
        itself is none.

    Returns
    -------
    dict
        medication and atc.
    """
    medications = protocol.medications
    own = {name.casefold() for given in protocol.drugs for name in (given.name, *given.names)}
    for name, atc in (_DRUGS[drug], *_DRUGS):
        if name.casefold() not in own and medications.classes(name, atc):
            return {"medication": name, "atc": atc}
    name = next(
        name for names in medications.immunotherapy.values() for name in names if name.casefold() not in own
    )
    return {"medication": name, "atc": None}


class Values:
    """Values of a screening row by criterion.

    Parameters
    ----------
    protocol : Protocol
    draws : numpy.random.Generator
    """

    def __init__(self, protocol: Protocol, draws: np.random.Generator) -> None:
        self.protocol, self.draws = protocol, draws
        self.schema = TABLES["screening"].by_name
        self.criteria = {criterion.id: criterion for criterion in protocol.criteria}

    def passing(self, row: dict[str, Any]) -> dict[str, Any]:
        """Fill in what the criteria ask for, in their order; columns that the simulator models are kept where allowed.

        Parameters
        ----------
        row : dict
            A screening row; changed in place.

        Returns
        -------
        dict
            The same row.
        """
        for criterion in self.protocol.criteria:
            if (fill := _PASS.get(criterion.kind)) is not None:
                row.update(fill(self, criterion, row))
        return row

    def failing(self, identifier: str, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
        """Give the values under which a row that passes all criteria fails this one.

        Parameters
        ----------
        identifier : str
            Id of a criterion of the protocol.
        row : dict
        day : datetime64
            Day of the screening.

        Returns
        -------
        dict
            By column; empty for a criterion that no column of the screening table decides.
        """
        criterion = self.criteria[identifier]
        return _FAIL[criterion.kind](self, criterion, row, day)

    def bounds(self, column: str) -> tuple[float, float]:
        """Give the range of a column that the criteria allow and that can stand in the table."""
        low, high = allowed_range(self.protocol, column)
        shape = self.schema[column]
        least = -math.inf if shape.low is None else shape.low
        most = math.inf if shape.high is None else shape.high
        return max(low, least), min(high, rules.DEAD - 1 if column == "mrs" else most)


# --- passing
def _range(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    column = criterion.column
    low, high = values.bounds(column)
    value = row.get(column)
    if column in MODELLED and (value is None or low <= value <= high):
        return {}
    if not math.isfinite(low):
        low = high - max(1.0, abs(high) / 2)
    if not math.isfinite(high):
        high = low + max(1.0, abs(low) / 2)
    if values.schema[column].whole:
        return {column: int(values.draws.integers(math.ceil(low), math.floor(high) + 1))}
    return {column: min(max(round(float(values.draws.uniform(low, high)), 3), low), high)}


def _word(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    column = criterion.column
    allowed = [
        word for word in values.schema[column].words
        if all(word in c.allowed for c in values.protocol.criteria if c.kind == "word" and c.column == column)
    ]  # fmt: skip
    if row.get(column) in allowed:
        return {}
    return {column: allowed[0] if len(allowed) == 1 else str(values.draws.choice(allowed))}


def _answer(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    del values, row
    return {criterion.column: criterion.required}


def _none_of(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    del values, row
    return dict.fromkeys(criterion.columns, "no")


def _pregnancy(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    del values, criterion
    return {"pregnant_or_lactating": "no" if row["sex"] == "female" else None}


def _clearance(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the creatinine if it passes, else take the nearest one that does."""
    low, high = values.bounds("creatinine_umol_l")
    most = creatinine_at_clearance(
        row["age"], row["weight_kg"], row["sex"] == "female", criterion.minimum_ml_min
    )
    low, high = max(low, CREATININE_SLIP + 0.1), min(high, float(most))
    return {"creatinine_umol_l": min(max(row["creatinine_umol_l"], low), math.floor(10 * high) / 10)}


# --- failing
def _out_of_range(
    values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64
) -> dict[str, Any]:
    """Take the next value over the maximum, else under the minimum, that can stand in the table."""
    del row, day
    shape = values.schema[criterion.column]
    most = rules.DEAD - 1 if criterion.column == "mrs" else math.inf if shape.high is None else shape.high
    value = None
    if criterion.maximum is not None and criterion.maximum < most:
        value = min(math.floor(criterion.maximum) + 1, most)
    elif criterion.minimum is not None:
        least = -math.inf if shape.low is None else shape.low
        value = max(math.ceil(criterion.minimum) - 1, least)
        if shape.above_low and value <= least:
            value = (least + criterion.minimum) / 2
    return {} if value is None else {criterion.column: value}


def _other_word(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del row, day
    others = [word for word in values.schema[criterion.column].words if word not in criterion.allowed]
    return {criterion.column: others[0]}


def _other_answer(
    values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64
) -> dict[str, Any]:
    del values, row, day
    return {criterion.column: "no" if criterion.required == "yes" else "yes"}


def _one_of(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del row, day
    columns = criterion.columns
    return {columns[int(values.draws.integers(len(columns))) if len(columns) > 1 else 0]: "yes"}


def _negative(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del values, criterion, row, day
    return {"antibody_serum": "none", "antibody_csf": "none"}


def _long_ago(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del row
    days = 31 * criterion.within_months + 14 + int(values.draws.integers(0, 100))
    return {"symptom_onset_date": str(day - np.timedelta64(days, "D"))}


def _consent_too_late(
    values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64
) -> dict[str, Any]:
    del values, criterion, row
    return {"consent_date": str(day + np.timedelta64(1, "D"))}


def _pregnant(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del criterion, day
    low, high = values.bounds("age")
    found = {"sex": "female", "pregnant_or_lactating": "yes", "age": int(min(max(35, low), high))}
    clearance = next((c for c in values.protocol.criteria if c.kind == "creatinine_clearance"), None)
    return found if clearance is None else found | _clearance(values, clearance, {**row, **found})


def _poor_clearance(
    values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64
) -> dict[str, Any]:
    del values, day
    poor = criterion.minimum_ml_min * 2 / 3
    creatinine = creatinine_at_clearance(row["age"], row["weight_kg"], row["sex"] == "female", poor)
    return {"creatinine_umol_l": round(float(creatinine), 1)}


def _no_column(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del values, criterion, row, day
    return {}


def _pns_care(values: Values, criterion: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the components with most points; the antibody is the patient's own."""
    del values, row
    return {"pns_phenotype": max(criterion.phenotype, key=criterion.phenotype.get),
            "cancer_relation": max(criterion.cancer, key=criterion.cancer.get)}  # fmt: skip


def _no_pns(values: Values, criterion: Any, row: Mapping[str, Any], day: np.datetime64) -> dict[str, Any]:
    del values, row, day
    least = {"cancer_relation": "none", "antibody_serum": "none", "antibody_csf": "none"}
    phenotype = min(criterion.phenotype, key=criterion.phenotype.get)
    return {**least, "pns_phenotype": phenotype, "cancer_search_years": criterion.young_search_years}


_PASS: Final[dict[str, Callable[[Values, Any, Mapping[str, Any]], dict[str, Any]]]] = {
    "range": _range, "word": _word, "answer": _answer, "none_of": _none_of,
    "pregnancy": _pregnancy, "creatinine_clearance": _clearance, "pns_care": _pns_care,
}  # fmt: skip
"""By kind; consent, onset and antibodies are dated and named by the course of the patient."""
_FAIL: Final[dict[str, Callable[[Values, Any, Mapping[str, Any], np.datetime64], dict[str, Any]]]] = {
    "range": _out_of_range, "word": _other_word, "answer": _other_answer,
    "none_of": _one_of, "pregnancy": _pregnant, "creatinine_clearance": _poor_clearance,
    "antibody": _negative, "onset": _long_ago, "consent": _consent_too_late,
    "immunotherapy": _no_column, "pns_care": _no_pns,
}  # fmt: skip


def can_fail(criterion: Criterion) -> bool:
    """Say whether a value of the table fails the criterion (a word criterion may allow every word)."""
    if criterion.kind not in _FAIL:
        return False
    if criterion.kind == "word":
        return set(TABLES["screening"].by_name[criterion.column].words) > set(criterion.allowed)
    return True

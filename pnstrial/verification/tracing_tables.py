"""Which derived rows does each table of the report count, and from which cells were they made?

Input: `Asked`: a table of the report, one of its rows, perhaps a column.
Output: `Origin`: the derived rows, which of them are counted, and the collected cells behind them.
Protocol section: all.
Method: a function for each table, by its key; a table that shows nothing derived has a sentence that says so.
Next: `tracing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.endpoints import TIME_PARAMETERS, responders_of
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.outcomes import part_of, values_at
from pnstrial.reporting.efficacy import STRATEGIES
from pnstrial.reporting.patients import antibody_groups, deviations, treated_before
from pnstrial.reporting.safety import event_groups, events_of_interest, safety_events
from pnstrial.results import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pnstrial.protocol import Outcome
    from pnstrial.reporting.items import Table
    from pnstrial.verification.origins import Sources

__all__ = ["NOTHING_DERIVED", "ORIGINS", "Asked", "Origin"]


@dataclass(frozen=True)
class Asked:
    """A row of a table, and the column if one is named."""

    sources: Sources
    table: Table
    row: int
    column: str | None

    @property
    def label(self) -> str:
        """What heads the row."""
        return str(self.table.frame.iloc[self.row, 0]).strip()

    @property
    def head(self) -> str:
        """The heading over an indented row: the nearest row above that is not indented; else the row's own label."""
        labels = self.table.frame.iloc[: self.row + 1, 0].astype(str)
        return next(text for text in labels[::-1] if not text.startswith("  "))

    @property
    def is_heading(self) -> bool:
        """Whether the row only heads others: nothing stands in it."""
        return bool((self.table.frame.iloc[self.row, 1:].astype(str) == "").all())


@dataclass(frozen=True)
class Origin:
    """Where a row or a number came from.

    Parameters
    ----------
    name : str
        What made the derived rows.
    rows : pandas.DataFrame
        The derived rows: the whole denominator, where there is one.
    counted : pandas.Series of bool or None
        Which of them the number counts.
    note : str
        What besides them the number needs.
    """

    name: str
    rows: pd.DataFrame
    counted: pd.Series[bool] | None = None
    note: str = ""


def _behind(rows: pd.DataFrame, counted: pd.Series[bool] | None) -> pd.DataFrame:
    """Give the rows whose cells a number rests on: those counted; of a zero all, for each could have counted."""
    return rows if counted is None or not counted.any() else rows[counted]


# ------------------------------------------------------------------------------------------------- 10 and 14.1
def _sets(asked: Asked) -> Origin:
    sources, sets = asked.sources, asked.sources.analysis.sets
    name = {"Full analysis set": "full_analysis", "Safety set": "safety", "Per-protocol set": "per_protocol"}[
        asked.head
    ]
    enrolled = pd.Series(sources.material.enrolled, dtype=object)
    own = sets.reasons[sets.reasons["set"] == name]
    why = own.groupby("patient_id")["reason"].agg("; ".join)
    rows = pd.DataFrame({"patient_id": enrolled, "set": name, "not in it": enrolled.map(why)})
    counted = enrolled.isin(getattr(sets, name))
    if asked.label.startswith("not in it: "):
        reason = asked.label.removeprefix("not in it: ")
        chosen = own["reason"] == reason
        if reason.startswith("fails criteria ("):
            chosen = own["reason"].str.startswith("fails ")
        counted = enrolled.isin(own.loc[chosen, "patient_id"])
        for patient in enrolled[counted]:
            sources.not_in_set(patient, reason)
        return Origin("endpoints.analysis_sets", rows, counted)
    for patient in _behind(rows, counted)["patient_id"]:
        sources.screened(patient, "enrolment_date")
        if name == "safety":
            sources.day_1(patient)
        if name == "per_protocol":
            sources.per_protocol(patient)
    return Origin("endpoints.analysis_sets", rows, counted)


_SCREENED: Final = {
    "Age": "age", "Sex": "sex", "Weight": "weight_kg", "Syndrome": "syndrome", "Level of diagnosis": "pns_level",
    "Cancer": "cancer", "Site": "site",
}  # fmt: skip


def _baseline(asked: Asked) -> Origin:
    sources, material = asked.sources, asked.sources.material
    screening = material.trial.screening
    screening = screening[screening["patient_id"].isin(material.enrolled)]
    rows = pd.DataFrame(
        {"patient_id": screening["patient_id"], "antibodies": antibody_groups(material, screening)}
    )
    group = (asked.column or "All").partition(" (n = ")[0]
    if group != "All":
        rows = rows[rows["antibodies"] == group]
    item = asked.head.partition(",")[0]
    if item.startswith("Immunotherapy begun"):
        return _treated(asked, rows)
    scores = sources.analysis.scale_changes.drop_duplicates(["patient_id", "scale"])
    rows = rows.assign(value=_baseline_values(sources, item, rows, scores))
    counted = rows["value"].notna()
    one_number = item in {"Age", "Weight", "Onset to first infusion"} or asked.head == asked.label
    if not one_number and asked.label not in {"n", "mean (SD)", "median (quartiles)", "range"}:
        words = rows["value"].map(lambda value: f"{value:g}" if isinstance(value, float) else value)
        counted = words == asked.label.removeprefix(f"{material.scale.name} ")
    for row in rows_of(rows[rows["value"].notna()]):
        _baseline_cells(sources, item, row.patient_id, scores)
    return Origin("trial.screening" if item in _SCREENED else "the baseline of a patient", rows, counted)


def _treated(asked: Asked, rows: pd.DataFrame) -> Origin:
    sources, material = asked.sources, asked.sources.material
    who = rows["patient_id"]
    found = material.trial.tables["medications"].loc[treated_before(material).get(asked.label, [])]
    found = found[found["patient_id"].isin(who)]
    for line, patient in zip(found.index, found["patient_id"], strict=True):
        sources.cells.add("medications", line, "medication", "atc", "start_date")
        sources.day_1(patient)
    for patient in who if found.empty else ():
        sources.record("medications", patient, "medication", "atc", "start_date")
        sources.day_1(patient)
    counted = who.isin(found["patient_id"])
    rows = rows.assign(value=counted.map({True: asked.label, False: "no"}))
    return Origin("eligibility.classify_medications", rows, counted)


def _baseline_values(sources: Sources, item: str, rows: pd.DataFrame, scores: pd.DataFrame) -> pd.Series[Any]:
    who, material = rows["patient_id"], sources.material
    screening = material.trial.screening.drop_duplicates("patient_id").set_index("patient_id")
    if item in _SCREENED:
        return who.map(screening[_SCREENED[item]])
    if item == "Antibody":
        return rows["antibodies"]
    if item == "Onset to first infusion":
        onset = screening["symptom_onset_date"]
        full = pd.to_datetime(who.map(onset.where(onset.str.len() == 10)))
        return (pd.to_datetime(who.map(material.day_1)) - full).dt.days
    if item.casefold() == sources.material.scale.label.casefold():
        return who.map(material.baseline)
    return who.map(scores[scores["scale"] == item].set_index("patient_id")["baseline"])


def _baseline_cells(sources: Sources, item: str, patient: str, scores: pd.DataFrame) -> None:
    if item in _SCREENED:
        sources.screened(patient, _SCREENED[item])
    elif item == "Antibody":
        sources.screened(patient, "antibody_serum", "antibody_csf")
    elif item == "Onset to first infusion":
        sources.screened(patient, "symptom_onset_date")
        sources.day_1(patient)
    elif item.casefold() == sources.material.scale.label.casefold():
        sources.baseline(patient)
    else:
        own = scores[(scores["scale"] == item) & (scores["patient_id"] == patient)]
        for line in own["baseline_line"]:
            sources.cells.add("scales", line, "date", "score")


def _failures(asked: Asked) -> Origin:
    sources = asked.sources
    criteria = sources.analysis.screening.criteria
    rows = criteria[criteria["criterion"] == asked.label]
    enrolled = rows["patient_id"].isin(sources.material.enrolled)
    rows = rows.assign(enrolled=enrolled.map({True: "yes", False: "no"}))
    counted = rows["status"] != "pass"
    if asked.column is not None and ": " in asked.column:
        who, status = asked.column.split(": ")
        counted = (enrolled if who == "Enrolled" else ~enrolled) & (rows["status"] == status)
    for patient in _behind(rows, counted)["patient_id"]:
        sources.criteria(patient, [asked.label])
    return Origin("eligibility.screen", rows, counted)


def _deviation_cells(sources: Sources, rows: pd.DataFrame) -> None:
    for row in rows_of(rows):
        if row.kind == "treatment":
            sources.cycle(row.patient, row.cycle)
            if pd.isna(row.cycle):
                sources.screened(row.patient, "enrolment_date")
        elif row.kind == "decision":
            sources.change(row.patient, sources.decision_visit)
            sources.record("infusions", row.patient, "cycle", "date", "dose_g")
        else:
            sources.criteria(row.patient, [row.criterion])


def _deviations(asked: Asked) -> Origin:
    rows = deviations(asked.sources.material)
    rows = rows[rows["kind"] == asked.label.lower()]
    _deviation_cells(asked.sources, rows)
    note = ""
    if rows.empty:
        everyone = asked.sources.material.enrolled
        blank = {"what": "", "cycle": None, "criterion": None, "kind": asked.label.lower()}
        ids = [criterion.id for criterion in asked.sources.material.protocol.criteria]
        each = [
            {"patient": who, **blank, "criterion": key}
            for who in everyone
            for key in (ids if asked.label == "Eligibility" else [None])
        ]
        _deviation_cells(asked.sources, pd.DataFrame(each, columns=["patient", *blank]))
        note = "None was found; the cells are those that were looked at."
    return Origin("the deviations of exposure, decision and eligibility", rows, note=note)


# --------------------------------------------------------------------------------------------------------- 14.2
def _response(asked: Asked, visit: str, change: dict[str, str]) -> Origin:
    sources = asked.sources
    protocol = (
        sources.material.protocol.with_settings(estimand=change) if change else sources.material.protocol
    )
    rows = responders_of(sources.assessments, visit, protocol.estimand)
    ways = protocol.estimand.strategies()
    other = ways["missing"] == "LOCF" or ways["stopped"] == "while on treatment"
    for row in rows_of(rows):
        sources.response(row.patient_id, visit, row, ratings=other)
    words = "; ".join(f"{event}: {way}" for event, way in ways.items())
    columns = ["patient_id", "response", "reason"]
    own = sources.analysis.visits
    own = own[own["visit"] == visit].set_index("patient_id")
    value = sources.assessments.scale.column
    rows = rows[columns].assign(
        **{name: rows["patient_id"].map(own[name]) for name in (f"baseline_{value}", value, "derivation")}
    )
    counted = rows["response"] != "excluded" if asked.column == "n" else rows["response"] == "responder"
    note = "Proportion, interval and p are computed from these two counts (design.proportion)."
    return Origin(f"endpoints.responders at {visit} ({words})", rows, counted, note)


def _responses(asked: Asked) -> Origin:
    return _response(asked, asked.label, {})


def _strategies(asked: Asked) -> Origin:
    return _response(asked, asked.sources.analysis.visit, dict(STRATEGIES[asked.row][1]))


def _power(asked: Asked) -> Origin:
    enrolled = asked.sources.material.enrolled
    for patient in enrolled:
        asked.sources.screened(patient, "enrolment_date")
    note = (
        "Only the number of enrolled patients is collected; level and power are exact binomial sums over it."
    )
    return Origin("the full analysis set", pd.DataFrame({"patient_id": enrolled}), note=note)


def _decisions(asked: Asked) -> Origin:
    sources = asked.sources
    rows = sources.analysis.decisions
    counted = rows["decision"] == asked.label.lower()
    for patient in _behind(rows, counted)["patient_id"]:
        sources.change(patient, sources.decision_visit)
    return Origin("visits.decisions", rows, counted)


def _categories(asked: Asked) -> Origin:
    sources, visits = asked.sources, asked.sources.analysis.visits
    rows = visits[visits["visit"] == asked.label]
    column = asked.column or ""
    if column.lower() in rules.CATEGORIES:
        counted = rows["category"] == column.lower()
    elif column == "of these dead":
        counted = rows["derivation"] == "DEATH"
    elif column == "No value or baseline":
        counted = rows["category"].isna()
    else:
        counted = None
    for patient in _behind(rows, counted)["patient_id"]:
        sources.change(patient, asked.label)
    return Origin("visits.derive", rows.drop(columns=["day_1", "n_raters"]), counted)


def _scales(asked: Asked) -> Origin:
    sources, changes = asked.sources, asked.sources.analysis.scale_changes
    visit = str(asked.table.frame.iloc[asked.row, 1])
    rows = changes[
        (changes["scale"] == asked.label) & (changes["visit"] == visit) & changes["improved"].notna()
    ]
    for row in rows_of(rows):
        sources.score(row)
    counted = rows["improved"].astype(bool) if asked.column != "n" else rows["improved"].notna()
    return Origin("endpoints.scale_changes", rows, counted)


def _outcome(asked: Asked, outcome: Outcome) -> Origin:
    """Trace who meets an outcome at its visit: the values on its scale, baseline and later."""
    sources = asked.sources
    own = sources.assessments.on(outcome)
    values = part_of(own, outcome, outcome.visit)
    rows = values_at(own, outcome.visit).reset_index().assign(holds=values["category_met"].to_numpy())
    there = sources.on(own)
    for patient in rows["patient_id"]:
        there.change(patient, outcome.visit)
    counted = rows["holds"] >= 0 if asked.column in {"n", "Known"} else rows["holds"] == 1
    return Origin("the outcome of each patient: 1 it holds, 0 it does not, -1 unknown", rows, counted)


def _parts(asked: Asked) -> Origin:
    return _outcome(asked, asked.sources.material.protocol.endpoint.parts()[asked.row])


def _secondary(asked: Asked) -> Origin:
    return _outcome(asked, asked.sources.material.protocol.endpoint.secondary[asked.row])


def _arms(asked: Asked) -> Origin:
    sources = asked.sources
    found = _response(asked, sources.analysis.visit, {})
    screening = sources.material.trial.screening.drop_duplicates("patient_id").set_index("patient_id")
    arm = found.rows["patient_id"].map(screening["arm"])
    own = arm.isna() if asked.label == "not stated" else arm == asked.label
    for patient in found.rows["patient_id"]:
        sources.screened(patient, "arm")
    counted = None if found.counted is None else found.counted & own
    return Origin(found.name, found.rows.assign(arm=arm), counted, found.note)


def _shift(asked: Asked) -> Origin:
    sources, shift = asked.sources, asked.sources.material.shift
    both = np.flatnonzero((shift.units[:, [0, shift.visits.index(shift.visit)]] >= 0).all(axis=1))
    rows = shift.patients.iloc[both]
    counted = rows["category"] == asked.label.lower() if asked.label.lower() in rules.CATEGORIES else None
    for patient in rows["patient_id"]:
        sources.change(patient, shift.visit)
    return Origin("mrs_shift: the pairs", rows, counted)


def _survival(asked: Asked) -> Origin:
    records = asked.sources.material.overall_survival.records
    at = float(asked.label) * DAYS_PER_MONTH
    asked.sources.times(records)
    counted = (
        records["days"] >= at
        if asked.column == "At risk"
        else (records["days"] <= at) & (records["event"] == 1)
    )
    note = "At risk are those whose time is not shorter; the curve falls at the deaths up to then, which are counted."
    return Origin("endpoints.time_to_event", records, counted, note)


def _times(asked: Asked) -> Origin:
    material = asked.sources.material
    results = dict(
        zip(
            TIME_PARAMETERS,
            (material.overall_survival, material.deterioration, material.improvement),
            strict=True,
        )
    )
    records = results[TIME_PARAMETERS[asked.row]].records
    asked.sources.times(records)
    counted = None
    if asked.column in {"Events", "Censored"}:
        counted = records["event"] != 0 if asked.column == "Events" else records["event"] == 0
    return Origin("endpoints.time_to_event", records, counted)


def _against_history(asked: Asked) -> Origin:
    records = asked.sources.material.overall_survival.records
    asked.sources.times(records)
    note = (
        "Expected deaths add up, over these times, the hazard of the published curve, which is shipped with its source "
        "(survival.published_references) and is no collected table."
    )
    return Origin("endpoints.time_to_event", records, records["event"] == 1, note)


# --------------------------------------------------------------------------------------------------------- 14.3
def _exposure(asked: Asked) -> Origin:
    sources = asked.sources
    rows = sources.analysis.exposure.patients
    rows = rows[rows["cycles_given"] > 0]
    counted = rows["cycles_given"].astype(str) == asked.label if asked.head == "Cycles given" else None
    for patient in _behind(rows, counted)["patient_id"]:
        sources.infused(patient)
    return Origin("exposure.summarise", rows, counted)


_EVENT_COLUMNS: Final = ("term", "start_date", "grade", "serious", "related", "action")


def _incidence(asked: Asked, events: pd.DataFrame, chosen: pd.Series[bool]) -> Origin:
    """Give the events among which a row chooses; a number of patients counts each at the first of these."""
    sources = asked.sources
    for line in _behind(events, chosen).index:
        sources.cells.add("adverse_events", line, *_EVENT_COLUMNS)
    note = "" if len(events) else "No adverse event of the safety set was recorded."
    if asked.column == "Per 100 infusion days":
        note = "The denominator is every infusion day of the safety set."
        for patient in sources.material.safety:
            given = sources.material.trial.tables["infusions"].loc[sources.lines("infusions", patient)]
            for line in given.index[given["dose_g"] > 0]:
                sources.cells.add("infusions", line, "dose_g")
    counted = chosen
    if asked.column in {"Patients", "Proportion", "Exact interval"}:
        again = events.loc[chosen, "patient_id"].duplicated()
        counted = chosen & ~again.reindex(events.index, fill_value=False)
    return Origin(
        "the adverse events of the safety set",
        events.reset_index(names="line"),
        counted.reset_index(drop=True),
        note,
    )


def _events(asked: Asked) -> Origin:
    sources, material = asked.sources, asked.sources.material
    if asked.label == "Deaths":
        follow = material.trial.follow_up
        dead = follow[(follow["status"] == "dead") & follow["patient_id"].isin(material.safety)]
        for line in dead.index:
            sources.cells.add("follow_up", line, "status", "death_date", "death_cause")
        counted = pd.Series(data=True, index=dead.index, dtype=bool)
        return Origin("the follow-up of the safety set", dead, counted)
    events = safety_events(material)
    return _incidence(asked, events, event_groups(events, asked.sources.material.medicine)[asked.label])


def _by_term(asked: Asked) -> Origin:
    events = safety_events(asked.sources.material)
    own = events[events["term"].str.casefold() == asked.label.casefold()]
    column = asked.column or ""
    chosen = own["patient_id"].notna()
    if column.startswith("Grade "):
        worst = own["patient_id"].map(own.groupby("patient_id")["grade"].max())
        chosen = worst == float(column.removeprefix("Grade "))
        return _incidence(Asked(asked.sources, asked.table, asked.row, "Patients"), own, chosen)
    if column in {"Serious", "Related"}:
        chosen = own[column.lower()] == "yes"
    if column == "Stopped IVIg":
        chosen = own["action"] == "stopped"
    return _incidence(asked, own, chosen)


def _of_interest(asked: Asked) -> Origin:
    events = safety_events(asked.sources.material)
    return _incidence(asked, events, events_of_interest(events)[asked.label])


# --------------------------------------------------------------------------------------------------------- 16.2
def _one(asked: Asked) -> tuple[Sources, str]:
    return asked.sources, asked.label


def _discontinuations(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    follow = sources.material.trial.follow_up
    sources.record("follow_up", patient, "status", "last_contact_date", "death_date", "death_cause")
    return Origin("the follow-up table", follow[follow["patient_id"] == patient])


def _each_deviation(asked: Asked) -> Origin:
    rows = deviations(asked.sources.material).iloc[[asked.row]]
    _deviation_cells(asked.sources, rows)
    return Origin("the deviations of exposure, decision and eligibility", rows)


def _excluded(asked: Asked) -> Origin:
    row = asked.sources.analysis.sets.reasons.iloc[[asked.row]]
    asked.sources.not_in_set(asked.label, str(row["reason"].iloc[0]))
    return Origin("endpoints.analysis_sets", row)


def _baseline_listing(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    screening = sources.material.trial.screening
    columns = ["site", "age", "sex", "weight_kg", "syndrome", "cancer", "antibody_serum", "antibody_csf"]
    sources.screened(patient, *columns)
    sources.baseline(patient)
    own = screening[screening["patient_id"] == patient]
    own = own[["patient_id", *(name for name in columns if name in own)]]
    return Origin(
        "the screening table and the baseline", own.assign(baseline=sources.material.baseline[patient])
    )


def _eligibility(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    rows = sources.analysis.screening.criteria
    rows = rows[rows["patient_id"] == patient]
    sources.screened(patient, "enrolment_date")
    sources.criteria(patient)
    return Origin("eligibility.screen", rows)


def _exposure_listing(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    rows = sources.analysis.exposure.patients
    sources.screened(patient, "enrolment_date")
    sources.infused(patient)
    return Origin("exposure.summarise", rows[rows["patient_id"] == patient])


def _cycles(asked: Asked) -> Origin:
    row = asked.sources.analysis.exposure.cycles.iloc[[asked.row]]
    asked.sources.cycle(asked.label, row["cycle"].iloc[0])
    return Origin("exposure.summarise: the cycles", row)


def _efficacy(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    visits = sources.analysis.visits
    named = [
        visit.name for visit in sources.material.protocol.visits if visit.name in (asked.column or visit.name)
    ]
    for visit in named or [sources.analysis.visit]:
        sources.change(patient, visit)
    if asked.column in {None, "Why", f"Counted as, {sources.analysis.visit}"}:
        sources.rescue(patient)
        sources.record("infusions", patient, "cycle", "date", "dose_g")
    return Origin("visits.derive", visits[visits["patient_id"] == patient])


def _event_row(asked: Asked) -> Origin:
    sources = asked.sources
    events = sources.material.trial.adverse_events
    if asked.table.key == "serious-events":
        events = events[events["serious"] == "yes"]
    row = events.iloc[[asked.row]]
    sources.cells.add("adverse_events", row.index[0], *_EVENT_COLUMNS, "end_date")
    if asked.column == "Days from the last infusion":
        sources.record("infusions", asked.label, "date", "dose_g")
    return Origin("the adverse events", row)


def _deaths(asked: Asked) -> Origin:
    sources, patient = _one(asked)
    follow, events = sources.material.trial.follow_up, sources.material.trial.tables["adverse_events"]
    sources.record("follow_up", patient, "status", "death_date", "death_cause")
    sources.day_1(patient)
    if asked.column in {None, "Days from the last infusion"}:
        sources.record("infusions", patient, "date", "dose_g")
    for line in events.index[(events["patient_id"] == patient) & (events["grade"] == 5)]:
        sources.cells.add("adverse_events", line, "term", "grade", "related")
    return Origin("the follow-up table", follow[follow["patient_id"] == patient])


def _findings(asked: Asked) -> Origin:
    sources, material = asked.sources, asked.sources.material
    finding = material.findings[asked.row]
    files = {material.trial.file_of(name): name for name in material.trial.tables}
    table = files.get(finding.file)
    if table is not None and finding.line is not None:
        columns = [finding.column] if finding.column else list(material.trial.tables[table].columns)
        sources.cells.add(table, finding.line, *columns)
    return Origin("checks.check_trial", pd.DataFrame([finding.as_dict()]))


ORIGINS: Final[dict[str, Callable[[Asked], Origin]]] = {
    "sets": _sets,
    "baseline": _baseline,
    "failures": _failures,
    "deviations": _deviations,
    "responses": _responses,
    "strategies": _strategies,
    "power": _power,
    "decisions": _decisions,
    "categories": _categories,
    "scales": _scales,
    "parts": _parts,
    "secondary": _secondary,
    "arms": _arms,
    "shift": _shift,
    "survival-table": _survival,
    "times": _times,
    "against-history": _against_history,
    "exposure": _exposure,
    "events": _events,
    "events-by-term": _by_term,
    "of-interest": _of_interest,
    "discontinuations": _discontinuations,
    "each-deviation": _each_deviation,
    "excluded": _excluded,
    "baseline-listing": _baseline_listing,
    "eligibility": _eligibility,
    "exposure-listing": _exposure_listing,
    "cycles": _cycles,
    "efficacy-listing": _efficacy,
    "events-listing": _event_row,
    "serious-events": _event_row,
    "deaths": _deaths,
    "findings": _findings,
}
"""By the key of a table: what made a row of it."""

NOTHING_DERIVED: Final = {
    "assumed": "it lists settings of the protocol file, which are not collected; see the comments beside them there",
    "provenance": "it names versions, hashes and the command, which are not derived from collected cells",
    "consort": "it says where the report answers each item; the numbers in it stand in the tables that it names",
    "second-opinion": "it compares numbers of other tables; trace the table of the number itself",
}
"""By the key of a table: why no row of it comes from collected cells."""

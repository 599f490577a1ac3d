"""Which derived rows does each table of the report count, and from which cells were they made?

Input: `Request`: a table of the report, one of its rows, perhaps a column.
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

__all__ = ["NOTHING_DERIVED", "ORIGINS", "Origin", "Request"]


@dataclass(frozen=True)
class Request:
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
def _sets(request: Request) -> Origin:
    sources, sets = request.sources, request.sources.analysis.sets
    name = {"Full analysis set": "full_analysis", "Safety set": "safety", "Per-protocol set": "per_protocol"}[
        request.head
    ]
    enrolled = pd.Series(sources.material.enrolled, dtype=object)
    own = sets.reasons[sets.reasons["set"] == name]
    why = own.groupby("patient_id")["reason"].agg("; ".join)
    rows = pd.DataFrame({"patient_id": enrolled, "set": name, "not in it": enrolled.map(why)})
    counted = enrolled.isin(getattr(sets, name))
    if request.label.startswith("not in it: "):
        reason = request.label.removeprefix("not in it: ")
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


def _baseline(request: Request) -> Origin:
    sources, material = request.sources, request.sources.material
    screening = material.trial.screening
    screening = screening[screening["patient_id"].isin(material.enrolled)]
    rows = pd.DataFrame(
        {"patient_id": screening["patient_id"], "antibodies": antibody_groups(material, screening)}
    )
    group = (request.column or "All").partition(" (n = ")[0]
    if group != "All":
        rows = rows[rows["antibodies"] == group]
    item = request.head.partition(",")[0]
    if item.startswith("Immunotherapy begun"):
        return _treated(request, rows)
    scores = sources.analysis.scale_changes.drop_duplicates(["patient_id", "scale"])
    rows = rows.assign(value=_baseline_values(sources, item, rows, scores))
    counted = rows["value"].notna()
    one_number = item in {"Age", "Weight", "Onset to first infusion"} or request.head == request.label
    if not one_number and request.label not in {"n", "mean (SD)", "median (quartiles)", "range"}:
        words = rows["value"].map(lambda value: f"{value:g}" if isinstance(value, float) else value)
        counted = words == request.label.removeprefix(f"{material.scale.name} ")
    for row in rows_of(rows[rows["value"].notna()]):
        _baseline_cells(sources, item, row.patient_id, scores)
    return Origin("trial.screening" if item in _SCREENED else "the baseline of a patient", rows, counted)


def _treated(request: Request, rows: pd.DataFrame) -> Origin:
    sources, material = request.sources, request.sources.material
    who = rows["patient_id"]
    found = material.trial.tables["medications"].loc[treated_before(material).get(request.label, [])]
    found = found[found["patient_id"].isin(who)]
    for line, patient in zip(found.index, found["patient_id"], strict=True):
        sources.cells.add("medications", line, "medication", "atc", "start_date")
        sources.day_1(patient)
    for patient in who if found.empty else ():
        sources.record("medications", patient, "medication", "atc", "start_date")
        sources.day_1(patient)
    counted = who.isin(found["patient_id"])
    rows = rows.assign(value=counted.map({True: request.label, False: "no"}))
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


def _failures(request: Request) -> Origin:
    sources = request.sources
    criteria = sources.analysis.screening.criteria
    rows = criteria[criteria["criterion"] == request.label]
    enrolled = rows["patient_id"].isin(sources.material.enrolled)
    rows = rows.assign(enrolled=enrolled.map({True: "yes", False: "no"}))
    counted = rows["status"] != "pass"
    if request.column is not None and ": " in request.column:
        who, status = request.column.split(": ")
        counted = (enrolled if who == "Enrolled" else ~enrolled) & (rows["status"] == status)
    for patient in _behind(rows, counted)["patient_id"]:
        sources.criteria(patient, [request.label])
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


def _deviations(request: Request) -> Origin:
    rows = deviations(request.sources.material)
    rows = rows[rows["kind"] == request.label.lower()]
    _deviation_cells(request.sources, rows)
    note = ""
    if rows.empty:
        everyone = request.sources.material.enrolled
        blank = {"what": "", "cycle": None, "criterion": None, "kind": request.label.lower()}
        ids = [criterion.id for criterion in request.sources.material.protocol.criteria]
        each = [
            {"patient": who, **blank, "criterion": key}
            for who in everyone
            for key in (ids if request.label == "Eligibility" else [None])
        ]
        _deviation_cells(request.sources, pd.DataFrame(each, columns=["patient", *blank]))
        note = "None was found; the cells are those that were looked at."
    return Origin("the deviations of exposure, decision and eligibility", rows, note=note)


# --------------------------------------------------------------------------------------------------------- 14.2
def _response(request: Request, visit: str, change: dict[str, str]) -> Origin:
    sources = request.sources
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
    counted = rows["response"] != "excluded" if request.column == "n" else rows["response"] == "responder"
    note = "Proportion, interval and p are computed from these two counts (design.proportion)."
    return Origin(f"endpoints.responders at {visit} ({words})", rows, counted, note)


def _responses(request: Request) -> Origin:
    return _response(request, request.label, {})


def _strategies(request: Request) -> Origin:
    return _response(request, request.sources.analysis.visit, dict(STRATEGIES[request.row][1]))


def _power(request: Request) -> Origin:
    enrolled = request.sources.material.enrolled
    for patient in enrolled:
        request.sources.screened(patient, "enrolment_date")
    note = (
        "Only the number of enrolled patients is collected; level and power are exact binomial sums over it."
    )
    return Origin("the full analysis set", pd.DataFrame({"patient_id": enrolled}), note=note)


def _decisions(request: Request) -> Origin:
    sources = request.sources
    rows = sources.analysis.decisions
    counted = rows["decision"] == request.label.lower()
    for patient in _behind(rows, counted)["patient_id"]:
        sources.change(patient, sources.decision_visit)
    return Origin("visits.decisions", rows, counted)


def _categories(request: Request) -> Origin:
    sources, visits = request.sources, request.sources.analysis.visits
    rows = visits[visits["visit"] == request.label]
    column = request.column or ""
    if column.lower() in rules.CATEGORIES:
        counted = rows["category"] == column.lower()
    elif column == "of these dead":
        counted = rows["derivation"] == "DEATH"
    elif column == "No value or baseline":
        counted = rows["category"].isna()
    else:
        counted = None
    for patient in _behind(rows, counted)["patient_id"]:
        sources.change(patient, request.label)
    return Origin("visits.derive", rows.drop(columns=["day_1", "n_raters"]), counted)


def _scales(request: Request) -> Origin:
    sources, changes = request.sources, request.sources.analysis.scale_changes
    visit = str(request.table.frame.iloc[request.row, 1])
    rows = changes[
        (changes["scale"] == request.label) & (changes["visit"] == visit) & changes["improved"].notna()
    ]
    for row in rows_of(rows):
        sources.score(row)
    counted = rows["improved"].astype(bool) if request.column != "n" else rows["improved"].notna()
    return Origin("endpoints.scale_changes", rows, counted)


def _outcome(request: Request, outcome: Outcome) -> Origin:
    """Trace who meets an outcome at its visit: the values on its scale, baseline and later."""
    sources = request.sources
    own = sources.assessments.on(outcome)
    values = part_of(own, outcome, outcome.visit)
    rows = values_at(own, outcome.visit).reset_index().assign(holds=values["category_met"].to_numpy())
    there = sources.on(own)
    for patient in rows["patient_id"]:
        there.change(patient, outcome.visit)
    counted = rows["holds"] >= 0 if request.column in {"n", "Known"} else rows["holds"] == 1
    return Origin("the outcome of each patient: 1 it holds, 0 it does not, -1 unknown", rows, counted)


def _parts(request: Request) -> Origin:
    return _outcome(request, request.sources.material.protocol.endpoint.parts()[request.row])


def _secondary(request: Request) -> Origin:
    return _outcome(request, request.sources.material.protocol.endpoint.secondary[request.row])


def _arms(request: Request) -> Origin:
    sources = request.sources
    found = _response(request, sources.analysis.visit, {})
    screening = sources.material.trial.screening.drop_duplicates("patient_id").set_index("patient_id")
    arm = found.rows["patient_id"].map(screening["arm"])
    own = arm.isna() if request.label == "not stated" else arm == request.label
    for patient in found.rows["patient_id"]:
        sources.screened(patient, "arm")
    counted = None if found.counted is None else found.counted & own
    return Origin(found.name, found.rows.assign(arm=arm), counted, found.note)


def _shift(request: Request) -> Origin:
    sources, shift = request.sources, request.sources.material.shift
    both = np.flatnonzero((shift.units[:, [0, shift.visits.index(shift.visit)]] >= 0).all(axis=1))
    rows = shift.patients.iloc[both]
    counted = rows["category"] == request.label.lower() if request.label.lower() in rules.CATEGORIES else None
    for patient in rows["patient_id"]:
        sources.change(patient, shift.visit)
    return Origin("mrs_shift: the pairs", rows, counted)


def _survival(request: Request) -> Origin:
    records = request.sources.material.overall_survival.records
    at = float(request.label) * DAYS_PER_MONTH
    request.sources.times(records)
    counted = (
        records["days"] >= at
        if request.column == "At risk"
        else (records["days"] <= at) & (records["event"] == 1)
    )
    note = "At risk are those whose time is not shorter; the curve falls at the deaths up to then, which are counted."
    return Origin("endpoints.time_to_event", records, counted, note)


def _times(request: Request) -> Origin:
    material = request.sources.material
    results = dict(
        zip(
            TIME_PARAMETERS,
            (material.overall_survival, material.deterioration, material.improvement),
            strict=True,
        )
    )
    records = results[TIME_PARAMETERS[request.row]].records
    request.sources.times(records)
    counted = None
    if request.column in {"Events", "Censored"}:
        counted = records["event"] != 0 if request.column == "Events" else records["event"] == 0
    return Origin("endpoints.time_to_event", records, counted)


def _against_history(request: Request) -> Origin:
    records = request.sources.material.overall_survival.records
    request.sources.times(records)
    note = (
        "Expected deaths add up, over these times, the hazard of the published curve, which is shipped with its source "
        "(survival.published_references) and is no collected table."
    )
    return Origin("endpoints.time_to_event", records, records["event"] == 1, note)


# --------------------------------------------------------------------------------------------------------- 14.3
def _exposure(request: Request) -> Origin:
    sources = request.sources
    rows = sources.analysis.exposure.patients
    rows = rows[rows["cycles_given"] > 0]
    counted = rows["cycles_given"].astype(str) == request.label if request.head == "Cycles given" else None
    for patient in _behind(rows, counted)["patient_id"]:
        sources.infused(patient)
    return Origin("exposure.summarise", rows, counted)


_EVENT_COLUMNS: Final = ("term", "start_date", "grade", "serious", "related", "action")


def _incidence(request: Request, events: pd.DataFrame, chosen: pd.Series[bool]) -> Origin:
    """Give the events among which a row chooses; a number of patients counts each at the first of these."""
    sources = request.sources
    for line in _behind(events, chosen).index:
        sources.cells.add("adverse_events", line, *_EVENT_COLUMNS)
    note = "" if len(events) else "No adverse event of the safety set was recorded."
    if request.column == "Per 100 infusion days":
        note = "The denominator is every infusion day of the safety set."
        for patient in sources.material.safety:
            given = sources.material.trial.tables["infusions"].loc[sources.lines("infusions", patient)]
            for line in given.index[given["dose_g"] > 0]:
                sources.cells.add("infusions", line, "dose_g")
    counted = chosen
    if request.column in {"Patients", "Proportion", "Exact interval"}:
        again = events.loc[chosen, "patient_id"].duplicated()
        counted = chosen & ~again.reindex(events.index, fill_value=False)
    return Origin(
        "the adverse events of the safety set",
        events.reset_index(names="line"),
        counted.reset_index(drop=True),
        note,
    )


def _events(request: Request) -> Origin:
    sources, material = request.sources, request.sources.material
    if request.label == "Deaths":
        follow = material.trial.follow_up
        dead = follow[(follow["status"] == "dead") & follow["patient_id"].isin(material.safety)]
        for line in dead.index:
            sources.cells.add("follow_up", line, "status", "death_date", "death_cause")
        counted = pd.Series(data=True, index=dead.index, dtype=bool)
        return Origin("the follow-up of the safety set", dead, counted)
    events = safety_events(material)
    return _incidence(request, events, event_groups(events, request.sources.material.medicine)[request.label])


def _by_term(request: Request) -> Origin:
    events = safety_events(request.sources.material)
    own = events[events["term"].str.casefold() == request.label.casefold()]
    column = request.column or ""
    chosen = own["patient_id"].notna()
    if column.startswith("Grade "):
        worst = own["patient_id"].map(own.groupby("patient_id")["grade"].max())
        chosen = worst == float(column.removeprefix("Grade "))
        return _incidence(Request(request.sources, request.table, request.row, "Patients"), own, chosen)
    if column in {"Serious", "Related"}:
        chosen = own[column.lower()] == "yes"
    if column == f"Stopped {request.sources.material.medicine}":
        chosen = own["action"] == "stopped"
    return _incidence(request, own, chosen)


def _of_interest(request: Request) -> Origin:
    events = safety_events(request.sources.material)
    return _incidence(
        request, events, events_of_interest(events, request.sources.material.protocol)[request.label]
    )


# --------------------------------------------------------------------------------------------------------- 16.2
def _one(request: Request) -> tuple[Sources, str]:
    return request.sources, request.label


def _discontinuations(request: Request) -> Origin:
    sources, patient = _one(request)
    follow = sources.material.trial.follow_up
    sources.record("follow_up", patient, "status", "last_contact_date", "death_date", "death_cause")
    return Origin("the follow-up table", follow[follow["patient_id"] == patient])


def _each_deviation(request: Request) -> Origin:
    rows = deviations(request.sources.material).iloc[[request.row]]
    _deviation_cells(request.sources, rows)
    return Origin("the deviations of exposure, decision and eligibility", rows)


def _excluded(request: Request) -> Origin:
    row = request.sources.analysis.sets.reasons.iloc[[request.row]]
    request.sources.not_in_set(request.label, str(row["reason"].iloc[0]))
    return Origin("endpoints.analysis_sets", row)


def _baseline_listing(request: Request) -> Origin:
    sources, patient = _one(request)
    screening = sources.material.trial.screening
    columns = ["site", "age", "sex", "weight_kg", "syndrome", "cancer", "antibody_serum", "antibody_csf"]
    sources.screened(patient, *columns)
    sources.baseline(patient)
    own = screening[screening["patient_id"] == patient]
    own = own[["patient_id", *(name for name in columns if name in own)]]
    return Origin(
        "the screening table and the baseline", own.assign(baseline=sources.material.baseline[patient])
    )


def _eligibility(request: Request) -> Origin:
    sources, patient = _one(request)
    rows = sources.analysis.screening.criteria
    rows = rows[rows["patient_id"] == patient]
    sources.screened(patient, "enrolment_date")
    sources.criteria(patient)
    return Origin("eligibility.screen", rows)


def _exposure_listing(request: Request) -> Origin:
    sources, patient = _one(request)
    rows = sources.analysis.exposure.patients
    sources.screened(patient, "enrolment_date")
    sources.infused(patient)
    return Origin("exposure.summarise", rows[rows["patient_id"] == patient])


def _cycles(request: Request) -> Origin:
    row = request.sources.analysis.exposure.cycles.iloc[[request.row]]
    request.sources.cycle(request.label, row["cycle"].iloc[0])
    return Origin("exposure.summarise: the cycles", row)


def _efficacy(request: Request) -> Origin:
    sources, patient = _one(request)
    visits = sources.analysis.visits
    named = [
        visit.name
        for visit in sources.material.protocol.visits
        if visit.name in (request.column or visit.name)
    ]
    for visit in named or [sources.analysis.visit]:
        sources.change(patient, visit)
    if request.column in {None, "Why", f"Counted as, {sources.analysis.visit}"}:
        sources.rescue(patient)
        sources.record("infusions", patient, "cycle", "date", "dose_g")
    return Origin("visits.derive", visits[visits["patient_id"] == patient])


def _event_row(request: Request) -> Origin:
    sources = request.sources
    events = sources.material.trial.adverse_events
    if request.table.key == "serious-events":
        events = events[events["serious"] == "yes"]
    row = events.iloc[[request.row]]
    sources.cells.add("adverse_events", row.index[0], *_EVENT_COLUMNS, "end_date")
    if request.column == "Days from the last infusion":
        sources.record("infusions", request.label, "date", "dose_g")
    return Origin("the adverse events", row)


def _deaths(request: Request) -> Origin:
    sources, patient = _one(request)
    follow, events = sources.material.trial.follow_up, sources.material.trial.tables["adverse_events"]
    sources.record("follow_up", patient, "status", "death_date", "death_cause")
    sources.day_1(patient)
    if request.column in {None, "Days from the last infusion"}:
        sources.record("infusions", patient, "date", "dose_g")
    for line in events.index[(events["patient_id"] == patient) & (events["grade"] == 5)]:
        sources.cells.add("adverse_events", line, "term", "grade", "related")
    return Origin("the follow-up table", follow[follow["patient_id"] == patient])


def _findings(request: Request) -> Origin:
    sources, material = request.sources, request.sources.material
    finding = material.findings[request.row]
    files = {material.trial.file_of(name): name for name in material.trial.tables}
    table = files.get(finding.file)
    if table is not None and finding.line is not None:
        columns = [finding.column] if finding.column else list(material.trial.tables[table].columns)
        sources.cells.add(table, finding.line, *columns)
    return Origin("checks.check_trial", pd.DataFrame([finding.as_dict()]))


ORIGINS: Final[dict[str, Callable[[Request], Origin]]] = {
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

"""What happened to each patient?

Input: a `Material`.
Output: the listings of section 16.2, in the order of ICH E3.
Protocol section: all.
Method: a row for each patient, record or event; nothing is summed up.
Next: `reporting.methods`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pnstrial.data.findings import findings_frame
from pnstrial.frames import value_of
from pnstrial.reporting.items import Listing, Place
from pnstrial.reporting.patients import deviations
from pnstrial.reporting.safety import last_infusion_before

if TYPE_CHECKING:
    from pnstrial.reporting.material import Material

__all__ = ["listings"]


def _picked(frame: pd.DataFrame, heads: dict[str, str]) -> pd.DataFrame:
    """Take columns of a frame under the heads of a listing."""
    return frame[list(heads)].rename(columns=heads).reset_index(drop=True)


def listings(material: Material) -> tuple[Place, ...]:
    """Give the places of section 16.2."""
    analysis, trial, scale = material.analysis, material.trial, material.scale
    one_drug = len(material.protocol.drugs) == 1
    medicine = material.medicine[0].upper() + material.medicine[1:]
    follow = trial.follow_up[trial.follow_up["patient_id"].isin(material.enrolled)]
    left = follow[follow["status"].isin(["dead", "withdrawn", "lost"])]
    screening = trial.screening[trial.screening["patient_id"].isin(material.enrolled)].copy()
    screening["baseline"] = screening["patient_id"].map(material.baseline)
    events = trial.adverse_events
    serious = events[events["serious"] == "yes"].copy()
    serious["since"] = last_infusion_before(material, serious)
    percents = analysis.exposure.patients.copy()
    for column in ("relative_dose_intensity", "share_of_course"):
        percents[column] = 100 * percents[column].astype(float)
    excluded = analysis.sets.reasons.assign(set=analysis.sets.reasons["set"].str.replace("_", " "))
    findings = findings_frame(material.findings)
    words = {"syndrome": "Syndrome", "cancer": "Cancer", "antibody_serum": "Serum", "antibody_csf": "CSF"}
    extra = {name: head for name, head in words.items() if material.collects(name)}
    return (
        Place("discontinuations", Listing, lambda: Listing(
            "Discontinuations: dead, withdrawn, lost", "full analysis set",
            _picked(left, {
                "patient_id": "Patient", "status": "Outcome", "last_contact_date": "Last contact",
                "death_date": "Death",
                "death_cause": "Cause",
            }), "follow_up", "visits",
        )),
        Place("each-deviation", Listing, lambda: Listing(
            "Protocol deviations", "full analysis set",
            _picked(deviations(material), {"patient": "Patient", "kind": "Kind", "what": "What"}),
            f"screening, infusions, {material.rated}",
            material.ruled,
        ), short=True),
        Place("excluded", Listing, lambda: Listing(
            "Patients not in an analysis set", "full analysis set",
            _picked(excluded, {"patient_id": "Patient", "set": "Set", "reason": "Reason"}),
            f"screening, infusions, {material.rated}, medications", material.ruled,
        )),
        Place("baseline-listing", Listing, lambda: Listing(
            "Individual baseline", "full analysis set",
            _picked(screening, {
                "patient_id": "Patient", "site": "Site", "age": "Age", "sex": "Sex", "weight_kg": "Weight, kg",
                **extra,
                "baseline": f"Baseline {scale.name}",
            }), f"screening, {scale.table}", "criteria",
        )),
        Place("eligibility", Listing, lambda: Listing(
            "Eligibility of every screened patient", "screened patients", _eligibility(material),
            material.screened, "criteria", "Criteria in words: [[failures]].",
            "No patient was screened.",
        ), short=True),
        Place("exposure-listing", Listing, lambda: Listing(
            "Individual exposure", "full analysis set",
            _picked(percents, {
                "patient_id": "Patient", "cycles_given": "Cycles",
                **({"total_g": f"{material.medicine}, g"} if one_drug else {}), "first_infusion": "First infusion",
                "last_infusion": "Last infusion", "relative_dose_intensity": "Relative dose intensity, %",
                "share_of_course": "Dose before the decision, %" if material.protocol.decision else "Required dose, %",
            }), "infusions, screening", "treatment",
        ), short=True),
        Place("cycles", Listing, lambda: Listing(
            "Individual cycles", "safety set",
            _picked(analysis.exposure.cycles, {
                "patient_id": "Patient", **({} if one_drug else {"drug": "Drug"}), "cycle": "Cycle",
                "start": "Start", "days": "Days", "planned_g": "Planned, g",
                "given_g": "Given, g", "on_time": "On time", "dose_as_planned": "Dose as planned",
            }), "infusions", "treatment",
        )),
        Place("efficacy-listing", Listing, lambda: Listing(
            "Individual efficacy", "full analysis set", _efficacy(material), f"{scale.table}, follow_up",
            "endpoint, visits", empty="No patient is enrolled.",
        ), short=True),
        Place("events-listing", Listing, lambda: Listing(
            "Adverse events", "enrolled patients",
            _picked(events, {
                "patient_id": "Patient", "term": "Term", "start_date": "Start", "end_date": "End", "grade": "Grade",
                "serious": "Serious", "related": "Related", "action": medicine,
            }), "adverse_events", "treatment", empty="No adverse event was recorded.",
        )),
        Place("serious-events", Listing, lambda: Listing(
            "Serious adverse events", "enrolled patients",
            _picked(serious, {
                "patient_id": "Patient", "term": "Term", "start_date": "Start", "since": "Days from the last infusion",
                "end_date": "End", "grade": "Grade", "related": "Related", "action": medicine,
            }), "adverse_events, infusions", "treatment", empty="No serious adverse event was recorded.",
        )),
        Place("deaths", Listing, lambda: Listing(
            "Deaths", "enrolled patients", _deaths(material), "follow_up, infusions, adverse_events",
            "visits",
            "Related: of the adverse event of grade 5 of this patient; a dash where none is recorded.",
            "No enrolled patient died.",
        )),
        Place("findings", Listing, lambda: Listing(
            "Findings on the collected tables", "all tables",
            _picked(findings, {
                "file": "File", "line": "Line", "patient_id": "Patient", "column": "Column", "value": "Value",
                "rule": "Rule",
                "remedy": "Remedy",
            }), "", "", "Worth a look before anything is concluded.",
        ), short=True),
    )  # fmt: skip


def _eligibility(material: Material) -> pd.DataFrame:
    """Give a row for each screened patient: the answer, and in words why it is not "eligible"."""
    screening = material.analysis.screening
    open_or_failed = screening.criteria[screening.criteria["status"] != "pass"]
    reasons = (
        (open_or_failed["criterion"] + " " + open_or_failed["status"] + ": " + open_or_failed["reason"])
        .groupby(open_or_failed["patient_id"])
        .agg("; ".join)
        if len(open_or_failed)
        else {}
    )
    overall = screening.overall
    enrolled = overall["patient_id"].isin(material.enrolled).map({True: "yes", False: "no"})
    return pd.DataFrame(
        {
            "Patient": overall["patient_id"],
            "Enrolled": enrolled,
            "Eligibility": overall["overall"],
            "Criteria not met or not known": overall["patient_id"].map(reasons).fillna("none"),
        }
    )


def _efficacy(material: Material) -> pd.DataFrame:
    """Give a row for each enrolled patient: baseline, value and its origin at each visit, response, decision."""
    analysis, scale = material.analysis, material.scale
    answers = analysis.primary.patients
    who = answers["patient_id"]
    found = pd.DataFrame({"Patient": who, f"Baseline {scale.name}": who.map(material.baseline)})
    for visit in material.protocol.visits:
        own = analysis.visits[analysis.visits["visit"] == visit.name].set_index("patient_id")
        found[f"{scale.name} {visit.name}"] = who.map(own[scale.column])
        found[f"Date {visit.name}"] = value_of(who, own["date"])
        found[f"Category {visit.name}"] = who.map(own["category"])
    found[f"Counted as, {analysis.visit}"] = answers["response"]
    found["Why"] = answers["reason"]
    if material.protocol.decision is not None:
        decisions = analysis.decisions.set_index("patient_id")
        found["Decision"] = who.map(decisions["decision"])
    return found


def _deaths(material: Material) -> pd.DataFrame:
    follow = material.trial.follow_up
    dead = follow[(follow["status"] == "dead") & follow["patient_id"].isin(material.enrolled)]
    fatal = material.trial.adverse_events
    fatal = fatal[fatal["grade"] == 5].drop_duplicates("patient_id").set_index("patient_id")["related"]
    day_1 = value_of(dead["patient_id"], material.day_1)
    at = dead.rename(columns={"death_date": "start_date"})
    return pd.DataFrame(
        {
            "Patient": dead["patient_id"],
            "Death": dead["death_date"],
            "Days from day 1": (dead["death_date"] - day_1).dt.days,
            "Days from the last infusion": last_infusion_before(material, at),
            "Cause": dead["death_cause"],
            "Related": dead["patient_id"].map(fatal),
        }
    ).reset_index(drop=True)

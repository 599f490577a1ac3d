"""Who was screened, treated and in which population; what was given; which adverse events occurred?

Input: the collected tables, screening, analysis sets and exposure.
Output: the rows of ADSL, ADEX and ADAE.
Protocol section: treatment, visits (the last one ends the study).
Method: ADaM Implementation Guide 1.3; populations and doses come from `endpoints` and `exposure` as they are.
Next: `efficacy`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial import endpoints, exposure, visits

if TYPE_CHECKING:
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["Material", "adae_rows", "adex_rows", "adsl_rows"]

SCREEN_FAILURE: Final = "SCREEN FAILURE"
_REASONS: Final = {"dead": "DEATH", "withdrawn": "WITHDRAWAL BY SUBJECT", "lost": "LOST TO FOLLOW-UP"}
_ACTIONS: Final = {"none": "DOSE NOT CHANGED", "interrupted": "DRUG INTERRUPTED", "stopped": "DRUG WITHDRAWN"}
_EXPOSURE: Final = {
    "DOSE": "Dose Administered in the Cycle (g)",
    "PLDOSE": "Planned Dose of the Cycle (g)",
    "DURD": "Duration of the Cycle's Infusions (days)",
    "ADJ": "Dose Adjusted in the Cycle",
    "TDOSE": "Total Dose Administered (g)",
    "TPDOSE": "Total Planned Dose of the Given Cycles (g)",
    "TDURD": "Overall Treatment Duration (days)",
    "TDOSINT": "Overall Dose Intensity (%)",
    "NCYCLE": "Cycles Given",
    "RDI": "Relative Dose Intensity in Time",
    "COURSE": "Share of the Course before the Decision",
}


def lines_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the records of a table with their line of the file as a column."""
    return frame.reset_index(names="line")


def clean(value: Any) -> Any:
    """Turn any form of missing into None."""
    return None if pd.isna(value) else value


@dataclass
class Material:
    """Everything that the datasets are built from; each part is derived once."""

    trial: TrialData
    protocol: Protocol

    @cached_property
    def assessments(self) -> visits.Assessments:
        """Dated values of the enrolled patients."""
        return visits.Assessments(self.trial, self.protocol)

    def on_scale(self, scale: str) -> Material:
        """Give the same for an endpoint on a scale, by one step of it; itself on the endpoint's own."""
        if scale == self.assessments.scale.name:
            return self
        other = self.assessments.on_scale(scale)
        made = Material(self.trial, other.protocol)
        made.__dict__ |= {"assessments": other, "subjects": self.subjects}
        return made

    @cached_property
    def derived(self) -> pd.DataFrame:
        """The value of every enrolled patient at every visit, on the endpoint's scale."""
        return self.assessments.visit_values.frame

    @cached_property
    def study(self) -> str:
        """Study identifier."""
        return self.protocol.id.upper()

    @property
    def treatment(self) -> str:
        """Name of the treatment: the drugs with their doses."""
        return " + ".join(
            f"{drug.name} {drug.dose_in_words()}" if drug.has_dose else drug.name
            for drug in self.protocol.drugs
        )

    def arm(self, name: str | None) -> str:
        """Give what ADaM calls an arm of the protocol: its label, else its name; the treatment where there is none."""
        labels = {arm.name: arm.label or arm.name for arm in self.protocol.arms}
        return labels.get(name or "", self.treatment)

    def day_number(self, date: Any, patient: str) -> float | None:
        """Give the study day of a date, counted from the patient's day 1; there is no day 0."""
        day_1 = self.assessments.patients["day_1"].get(patient)
        if clean(date) is None or clean(day_1) is None:
            return None
        return clean(float(visits.study_day(np.datetime64(date, "s"), np.datetime64(day_1, "s"))))

    @cached_property
    def subjects(self) -> dict[str, dict[str, Any]]:
        """The ADSL row of every screened patient."""
        return {row["SUBJID"]: row for row in adsl_rows(self)}

    def carried(self, patient: str) -> dict[str, Any]:
        """Give the ADSL variables that the other datasets carry."""
        row = self.subjects[patient]
        names = ("STUDYID", "USUBJID", "FASFL", "SAFFL", "PPROTFL")
        return {**{name: row[name] for name in names}, "TRTP": row["TRT01P"], "TRTA": row["TRT01A"]}

    def visits_of(self, day: float, patient: str) -> list[str]:
        """Name the visits whose window holds a study day of a patient."""
        last = self.day_number(self.assessments.patients["last_dose"].get(patient), patient)
        found: list[str] = []
        for visit in self.protocol.visits:
            if visit.anchored and last is None:
                continue
            at = day - (last or 0) if visit.anchored else day
            if visit.first_day <= at <= visit.last_day:
                found.append(visit.name)
        return found

    @cached_property
    def visit_numbers(self) -> dict[str, int]:
        """AVISITN of each visit: its target day; of visits after the last infusion 1000 more."""
        return {visit.name: visit.target_day + 1000 * visit.anchored for visit in self.protocol.visits}


def _flag(held: bool) -> str:
    return "Y" if held else "N"


def _criteria_not_met(material: Material) -> tuple[dict[str, str], dict[str, str]]:
    answers = material.assessments.screening
    open_ones = answers.criteria[answers.criteria["status"] != "pass"]
    reasons: dict[str, list[str]] = {}
    for row in open_ones.itertuples():
        reasons.setdefault(str(row.patient_id), []).append(
            f"{row.criterion}{'?' if row.status == 'unknown' else ''}"
        )
    overall = dict(zip(answers.overall["patient_id"], answers.overall["overall"], strict=True))
    return {patient: "; ".join(ids) for patient, ids in reasons.items()}, overall


def _end_of_study(material: Material, patient: str, follow_up: dict[Any, Any] | None) -> dict[str, Any]:
    """Say whether the patient reached the last visit's target day in contact, left before it, or may still reach it."""
    if follow_up is None:
        return {"EOSSTT": "ONGOING"}
    until = clean(follow_up["death_date"]) or follow_up["last_contact_date"]
    day = material.day_number(until, patient) or 0
    last = material.day_number(material.assessments.patients["last_dose"].get(patient), patient) or 1
    targets = [visit.target_day + last * visit.anchored for visit in material.protocol.visits]
    if day >= max(targets):
        return {"EOSSTT": "COMPLETED", "EOSDT": until}
    if follow_up["status"] in _REASONS:
        return {"EOSSTT": "DISCONTINUED", "EOSDT": until, "DCSREAS": _REASONS[follow_up["status"]]}
    return {"EOSSTT": "ONGOING"}


def adsl_rows(material: Material) -> list[dict[str, Any]]:
    """Give one row per screened patient, in the order of the screening table."""
    trial = material.trial
    sets = material.assessments.once(endpoints.sets_of)
    full, safety, per_protocol = set(sets.full_analysis), set(sets.safety), set(sets.per_protocol)
    not_met, overall = _criteria_not_met(material)
    given = trial.infusions[trial.infusions["dose_g"] > 0].groupby("patient_id")["date"]
    first, last = given.min(), given.max()
    follow_up = trial.follow_up.drop_duplicates("patient_id").set_index("patient_id").to_dict("index")
    rows: list[dict[str, Any]] = []
    for screened in trial.screening.to_dict("records"):
        patient = str(screened["patient_id"])
        enrolled = patient in full
        start, end = clean(first.get(patient)), clean(last.get(patient))
        contact = follow_up.get(patient)
        arm = material.arm(clean(screened.get("arm")))
        row: dict[str, Any] = {
            "STUDYID": material.study,
            "USUBJID": f"{material.study}-{patient}",
            "SUBJID": patient,
            "SITEID": screened["site"],
            "AGE": screened["age"],
            "AGEU": None if clean(screened["age"]) is None else "YEARS",
            "SEX": {"female": "F", "male": "M"}.get(screened["sex"]),
            "ARM": arm if enrolled else "Screen Failure",
            "TRT01P": arm if enrolled else None,
            "TRT01A": arm if enrolled and start is not None else None,
            "TRTSDT": start,
            "TRTEDT": end,
            "TRTDURD": None if start is None else (end - start).days + 1,
            "DAY1DT": clean(material.assessments.patients["day_1"].get(patient)),
            "ENRLFL": _flag(enrolled),
            "SAFFL": _flag(patient in safety),
            "FASFL": _flag(enrolled),
            "PPROTFL": _flag(patient in per_protocol),
            "SCRFFL": _flag(not enrolled),
            "ELIGSTT": overall[patient].upper(),
            "CRITNMET": not_met.get(patient),
            "RFICDT": screened["consent_date"],
            "SCRNDT": screened["screening_date"],
            "ENRLDT": screened["enrolment_date"],
            "WEIGHTBL": screened["weight_kg"],
            "HEIGHTBL": screened["height_cm"],
            "ANTIBSER": screened["antibody_serum"],
            "ANTIBCSF": screened["antibody_csf"],
            "DTHFL": "Y" if contact is not None and contact["status"] == "dead" else None,
            "DTHDT": None if contact is None else contact["death_date"],
            "DTHCAUS": None if contact is None else contact["death_cause"],
        }
        if enrolled:
            row |= _end_of_study(material, patient, contact)
        else:
            row |= {"EOSSTT": "DISCONTINUED", "DCSREAS": SCREEN_FAILURE, "EOSDT": screened["screening_date"]}
        rows.append(row)
    return rows


def adex_rows(material: Material) -> list[dict[str, Any]]:
    """Give the exposure of the enrolled patients by cycle and overall."""
    summary = exposure.summarise(material.trial, material.protocol)
    infusions = exposure.infusions_of(material.trial, material.protocol)
    infusions = infusions[infusions["dose_g"] > 0].reset_index(names="line")
    first_line = infusions.groupby(["patient_id", "drug", "cycle"])["line"].min()
    drugs = {drug.name: place for place, drug in enumerate(material.protocol.drugs)}
    by_patient: dict[str, list[dict[str, Any]]] = {}
    for record in summary.cycles.to_dict("records"):
        by_patient.setdefault(str(record["patient_id"]), []).append(
            {str(key): value for key, value in record.items()}
        )
    rows: list[dict[str, Any]] = []
    for patient in summary.patients.to_dict("records"):
        who = str(patient["patient_id"])
        cycles = by_patient.get(who, [])
        for cycle in cycles:
            line = int(first_line[who, cycle["drug"], cycle["cycle"]])
            rows += _cycle_rows(material, who, cycle, line, drugs)
        rows += _overall_rows(material, who, patient, cycles)
        for name, place in drugs.items() if len(drugs) > 1 else ():
            own = summary.drugs[(summary.drugs["patient_id"] == who) & (summary.drugs["drug"] == name)]
            given = [cycle for cycle in cycles if cycle["drug"] == name]
            for row in _overall_rows(material, who, own.iloc[0].to_dict(), given):
                rows.append({**row, "AVISIT": f"{name} Overall", "AVISITN": OF_A_DRUG * (place + 1)})
    return rows


def _exposure_row(material: Material, patient: str, code: str, start: Any, end: Any) -> dict[str, Any]:
    label = _EXPOSURE[code]
    if code == "COURSE" and material.protocol.decision is None:
        label = "Share of the Required Course"
    return {
        **material.carried(patient),
        "PARAM": label,
        "PARAMCD": code,
        "ASTDT": start,
        "ASTDY": material.day_number(start, patient),
        "AENDT": end,
        "AENDY": material.day_number(end, patient),
        "SRCDOM": "infusions",
        "SRCVAR": "dose_g",
    }


OF_A_DRUG: Final = 100
"""AVISITN of several drugs: so much for each drug before it, and the cycle."""


def _cycle_rows(
    material: Material, patient: str, cycle: dict[str, Any], line: int, drugs: dict[str, int]
) -> list[dict[str, Any]]:
    planned = clean(cycle["dose_as_planned"])
    values: dict[str, Any] = {
        "DOSE": cycle["given_g"],
        "PLDOSE": cycle["planned_g"],
        "DURD": (cycle["end"] - cycle["start"]).days + 1,
        "ADJ": None,
    }
    shared = {
        "PARCAT1": "INDIVIDUAL",
        "AVISIT": f"Cycle {cycle['cycle']}" if len(drugs) == 1 else f"{cycle['drug']} Cycle {cycle['cycle']}",
        "AVISITN": cycle["cycle"] + (OF_A_DRUG * (drugs[cycle["drug"]] + 1) if len(drugs) > 1 else 0),
        "SRCSEQ": line,
    }
    return [
        {
            **_exposure_row(material, patient, code, cycle["start"], cycle["end"]),
            **shared,
            "AVAL": value,
            "AVALC": _flag(not planned) if code == "ADJ" and planned is not None else None,
        }
        for code, value in values.items()
    ]


def _overall_rows(
    material: Material, patient: str, total: dict[Any, Any], cycles: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    start, end = clean(total["first_infusion"]), clean(total["last_infusion"])
    planned = math.fsum(cycle["planned_g"] for cycle in cycles) if cycles else np.nan
    values = {
        "TDOSE": total["total_g"],
        "TPDOSE": planned,
        "TDURD": np.nan if start is None else (end - start).days + 1,
        "TDOSINT": 100 * total["total_g"] / planned if cycles else np.nan,
        "NCYCLE": total["cycles_given"],
        "RDI": total["relative_dose_intensity"],
        "COURSE": total["share_of_course"],
    }
    return [
        {
            **_exposure_row(material, patient, code, start, end),
            "PARCAT1": "OVERALL",
            "AVISIT": "Overall",
            "AVISITN": 0,
            "AVAL": value,
        }
        for code, value in values.items()
    ]


def adae_rows(material: Material) -> list[dict[str, Any]]:
    """Give the adverse events of the enrolled patients."""
    rows: list[dict[str, Any]] = []
    sequence: dict[str, int] = {}
    enrolled = set(material.trial.enrolled)
    for event in lines_of(material.trial.adverse_events).to_dict("records"):
        patient = str(event["patient_id"])
        if patient not in enrolled:
            continue
        sequence[patient] = sequence.get(patient, 0) + 1
        grade = clean(event["grade"])
        start, first_dose = event["start_date"], material.subjects[patient]["TRTSDT"]
        ended = clean(event["end_date"]) is not None
        rows.append(
            {
                **material.carried(patient),
                "AESEQ": sequence[patient],
                "AETERM": event["term"],
                "AEDECOD": str(event["term"]).upper(),
                "ASTDT": start,
                "ASTDY": material.day_number(start, patient),
                "AENDT": event["end_date"],
                "AENDY": material.day_number(event["end_date"], patient),
                "AETOXGR": None if grade is None else f"{grade:g}",
                "AESER": {"yes": "Y", "no": "N"}.get(event["serious"]),
                "AEREL": {"yes": "RELATED", "no": "NOT RELATED"}.get(event["related"]),
                "AEACN": _ACTIONS.get(event["action"]),
                "AEOUT": "FATAL" if grade == 5 else "RECOVERED/RESOLVED" if ended else "UNKNOWN",
                "TRTEMFL": "Y" if first_dose is not None and start >= first_dose else None,
                "SRCDOM": "adverse_events",
                "SRCVAR": "term",
                "SRCSEQ": event["line"],
            }
        )
    return rows

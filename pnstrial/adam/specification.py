"""Which variables does each ADaM dataset carry, and what may stand in them?

Input: nothing; it is the one description of the datasets for derivation, files, specification table and checks.
Output: `DATASETS` (name, label, structure, keys, variables), `CODELISTS`, and the specification as a table.
Protocol section: none; the variables are the same under every protocol.
Method: ADaM Implementation Guide 1.3 (names, labels, order); CDISC controlled terminology (codelist values).
Next: `dataset`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "CODELISTS",
    "DATASETS",
    "STANDARD_LABELS",
    "Codelist",
    "DatasetSpecification",
    "Variable",
    "name_is_legal",
]

Kind = Literal["text", "integer", "float", "date"]

NAME_LENGTH: Final = 8
LABEL_LENGTH: Final = 40
TEXT_BYTES: Final = 200


def name_is_legal(name: str) -> bool:
    """Say whether a variable, dataset or parameter code has at most 8 characters and starts with a letter."""
    return re.fullmatch(r"[A-Z][A-Z0-9_]{0,7}", name) is not None


@dataclass(frozen=True)
class Codelist:
    """The terms of a variable.

    Parameters
    ----------
    name : str
        Name of the codelist; a CDISC one carries its NCI code.
    terms : tuple of str
    extensible : bool
        A term beyond these is worth a warning only, not an error.
    """

    name: str
    terms: tuple[str, ...]
    extensible: bool = False


@dataclass(frozen=True)
class Variable:
    """One variable of a dataset.

    Parameters
    ----------
    name, label : str
        At most 8 and 40 characters.
    kind : {"text", "integer", "float", "date"}
        Text is a SAS character variable, the others are numeric; a date has the format DATE9.
    codelist : str
        Key of `CODELISTS`, or empty.
    origin : str
        Collected, Derived, Assigned, Protocol or Not Available (Define-XML 2.1 terms).
    source : str
        The collected column, or the rule that derives the variable.
    length : int or None
        Bytes of a text variable in the file it was read from; None where the data decide.
    display_format : str or None
        SAS format; None means that of the kind.
    """

    name: str
    label: str
    kind: Kind
    codelist: str = ""
    origin: str = "Derived"
    source: str = ""
    length: int | None = None
    display_format: str | None = None

    @property
    def is_text(self) -> bool:
        """A SAS character variable."""
        return self.kind == "text"

    @property
    def sas_type(self) -> str:
        """Char or Num."""
        return "Char" if self.is_text else "Num"

    @property
    def format(self) -> str:
        """SAS format without the dot, empty for none."""
        if self.display_format is not None:
            return self.display_format
        return "DATE9" if self.kind == "date" else ""


@dataclass(frozen=True)
class DatasetSpecification:
    """One dataset: its name, label, class, keys and variables in order."""

    name: str
    label: str
    structure: str
    row: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]


CODELISTS: Final = {
    "NY": Codelist("No Yes Response (C66742), N and Y only", ("N", "Y")),
    "Y": Codelist("No Yes Response (C66742), Y only", ("Y",)),
    "SEX": Codelist("Sex (C66731)", ("F", "M", "U", "UNDIFFERENTIATED")),
    "AGEU": Codelist("Age Unit (C66781)", ("YEARS",)),
    "EOSSTT": Codelist("End of study status", ("COMPLETED", "DISCONTINUED", "ONGOING")),
    "NCOMPLT": Codelist(
        "Completion/Reason for Non-Completion (C66727)",
        ("DEATH", "LOST TO FOLLOW-UP", "SCREEN FAILURE", "WITHDRAWAL BY SUBJECT"),
        extensible=True,
    ),
    "ELIGSTT": Codelist("Eligibility status", ("ELIGIBLE", "INELIGIBLE", "UNDETERMINED")),
    "DTYPE": Codelist(
        "Derivation Type (C81224), extended by DEATH, NRI and EXPECTED",
        ("BC", "DEATH", "EXPECTED", "LOCF", "NRI"),
        extensible=True,
    ),
    "MRS": Codelist(
        "Grades of the modified Rankin scale",
        (
            "No symptoms",
            "No significant disability",
            "Slight disability",
            "Moderate disability",
            "Moderately severe disability",
            "Severe disability",
            "Dead",
        ),
    ),
    "ACN": Codelist(
        "Action Taken with Study Treatment (C66767)",
        ("DOSE NOT CHANGED", "DRUG INTERRUPTED", "DRUG WITHDRAWN"),
        extensible=True,
    ),
    "OUT": Codelist("Outcome of Event (C66768)", ("FATAL", "RECOVERED/RESOLVED", "UNKNOWN"), extensible=True),
    "AEREL": Codelist("Causality", ("NOT RELATED", "RELATED"), extensible=True),
    "TOXGR": Codelist("CTCAE grade", ("1", "2", "3", "4", "5")),
    "PARCAT": Codelist("Level of an exposure parameter", ("INDIVIDUAL", "OVERALL")),
}
"""Codelists by the key that a variable names."""

_V = Variable

_STUDYID = _V("STUDYID", "Study Identifier", "text", "", "Assigned", "protocol.id, upper case")
_USUBJID = _V("USUBJID", "Unique Subject Identifier", "text", "", "Derived", "STUDYID-SUBJID")
_TRTP = _V("TRTP", "Planned Treatment", "text", "", "Derived", "ADSL.TRT01P")
_TRTA = _V("TRTA", "Actual Treatment", "text", "", "Derived", "ADSL.TRT01A")
_FASFL = _V("FASFL", "Full Analysis Set Population Flag", "text", "NY", "Derived", "ADSL.FASFL")
_SAFFL = _V("SAFFL", "Safety Population Flag", "text", "NY", "Derived", "ADSL.SAFFL")
_PPROTFL = _V("PPROTFL", "Per-Protocol Population Flag", "text", "NY", "Derived", "ADSL.PPROTFL")
_PARAM = _V("PARAM", "Parameter", "text", "", "Assigned", "one to one with PARAMCD")
_PARAMCD = _V("PARAMCD", "Parameter Code", "text", "", "Assigned", "see the parameters of the dataset")
_ASEQ = _V("ASEQ", "Analysis Sequence Number", "integer", "", "Derived", "1, 2, ... within a subject")
_SRCDOM = _V("SRCDOM", "Source Data", "text", "", "Derived", "collected table")
_SRCVAR = _V("SRCVAR", "Source Variable", "text", "", "Derived", "column of the collected table")
_SRCSEQ = _V(
    "SRCSEQ", "Source Sequence Number", "integer", "", "Derived", "line of the file (the header is 1)"
)
_SUBJECT = (_STUDYID, _USUBJID)
_SETS = (_FASFL, _SAFFL, _PPROTFL)
_TRACE = (_SRCDOM, _SRCVAR, _SRCSEQ)


def _collected(name: str, label: str, kind: Kind, source: str, codelist: str = "") -> Variable:
    return Variable(name, label, kind, codelist, "Collected", source)


_ADSL = DatasetSpecification(
    "ADSL",
    "Subject-Level Analysis Dataset",
    "SUBJECT LEVEL ANALYSIS DATASET",
    "one record per screened subject",
    ("USUBJID",),
    (
        _STUDYID,
        _USUBJID,
        _collected("SUBJID", "Subject Identifier for the Study", "text", "screening.patient_id"),
        _collected("SITEID", "Study Site Identifier", "text", "screening.site"),
        _collected("AGE", "Age", "integer", "screening.age"),
        _V("AGEU", "Age Units", "text", "AGEU", "Assigned", "YEARS where AGE is there"),
        _collected("SEX", "Sex", "text", "screening.sex", "SEX"),
        _V(
            "RACE",
            "Race",
            "text",
            "",
            "Not Available",
            "required by the standard; the trial does not collect it",
        ),
        _V(
            "ARM",
            "Description of Planned Arm",
            "text",
            "",
            "Derived",
            "TRT01P; Screen Failure if not enrolled",
        ),
        _V(
            "TRT01P", "Planned Treatment for Period 01", "text", "", "Protocol", "the single arm, if enrolled"
        ),
        _V("TRT01A", "Actual Treatment for Period 01", "text", "", "Derived", "TRT01P, if ever infused"),
        _V(
            "TRTSDT",
            "Date of First Exposure to Treatment",
            "date",
            "",
            "Derived",
            "first infusion with dose_g > 0",
        ),
        _V(
            "TRTEDT",
            "Date of Last Exposure to Treatment",
            "date",
            "",
            "Derived",
            "last infusion with dose_g > 0",
        ),
        _V("TRTDURD", "Total Treatment Duration (Days)", "integer", "", "Derived", "TRTEDT - TRTSDT + 1"),
        _V("DAY1DT", "Date of Study Day 1", "date", "", "Derived", "TRTSDT, else enrolment; origin of ADY"),
        _V("ENRLFL", "Enrolled Population Flag", "text", "NY", "Derived", "enrolment_date present"),
        _V("SAFFL", "Safety Population Flag", "text", "NY", "Derived", "analysis_sets: safety"),
        _V(
            "FASFL",
            "Full Analysis Set Population Flag",
            "text",
            "NY",
            "Derived",
            "analysis_sets: full_analysis",
        ),
        _V("PPROTFL", "Per-Protocol Population Flag", "text", "NY", "Derived", "analysis_sets: per_protocol"),
        _V("SCRFFL", "Screening Failure Flag", "text", "NY", "Derived", "Y if not enrolled"),
        _V("ELIGSTT", "Eligibility Status", "text", "ELIGSTT", "Derived", "screen: overall"),
        _V(
            "CRITNMET",
            "Criteria Failed or Unknown",
            "text",
            "",
            "Derived",
            "screen: ids; ? after an unknown one",
        ),
        _V("RFICDT", "Date of Informed Consent", "date", "", "Collected", "screening.consent_date"),
        _V("SCRNDT", "Date of Screening", "date", "", "Collected", "screening.screening_date"),
        _V("ENRLDT", "Date of Enrollment", "date", "", "Collected", "screening.enrolment_date"),
        _collected("WEIGHTBL", "Baseline Weight (kg)", "float", "screening.weight_kg"),
        _collected("HEIGHTBL", "Baseline Height (cm)", "float", "screening.height_cm"),
        _collected("ANTIBSER", "Onconeural Antibodies in Serum", "text", "screening.antibody_serum"),
        _collected("ANTIBCSF", "Onconeural Antibodies in CSF", "text", "screening.antibody_csf"),
        _V("EOSSTT", "End of Study Status", "text", "EOSSTT", "Derived", "see the guide: end of study"),
        _V("EOSDT", "End of Study Date", "date", "", "Derived", "last contact, if the study has ended"),
        _V(
            "DCSREAS",
            "Reason for Discontinuation from Study",
            "text",
            "NCOMPLT",
            "Derived",
            "follow_up.status",
        ),
        _V("DTHFL", "Subject Death Flag", "text", "Y", "Derived", "follow_up.status is dead"),
        _V("DTHDT", "Date of Death", "date", "", "Collected", "follow_up.death_date"),
        _collected("DTHCAUS", "Cause of Death", "text", "follow_up.death_cause"),
    ),
)


def _bds_values(what: str) -> tuple[Variable, ...]:
    return (
        _V("AVAL", "Analysis Value", "float", "", "Derived", what),
        _V("BASE", "Baseline Value", "float", "", "Derived", "AVAL of the record with ABLFL = Y"),
        _V("CHG", "Change from Baseline", "float", "", "Derived", "AVAL - BASE, after the baseline"),
        _V("ADT", "Analysis Date", "date", "", "Derived", "date of the rating or of the death"),
        _V(
            "ADY",
            "Analysis Relative Day",
            "integer",
            "",
            "Derived",
            "from DAY1DT = day 1; the day before is -1",
        ),
        _V(
            "AVISIT",
            "Analysis Visit",
            "text",
            "",
            "Derived",
            "window of the protocol that holds ADY; Baseline",
        ),
        _V(
            "AVISITN",
            "Analysis Visit (N)",
            "integer",
            "",
            "Derived",
            "target day of the visit; 0 at baseline",
        ),
        _V("ABLFL", "Baseline Record Flag", "text", "Y", "Derived", "the record that gave BASE"),
        _V("ANL01FL", "Analysis Flag 01", "text", "Y", "Derived", "the record that counts at its visit"),
    )


_RESPONSE_REASON = _V(
    "CRIT1RS", "Reason for Criterion 1 Evaluation Result", "text", "", "Derived", "primary_endpoint: reason"
)

_ADMRS = DatasetSpecification(
    "ADMRS",
    "Modified Rankin Scale Analysis Dataset",
    "BASIC DATA STRUCTURE",
    "one record per subject, parameter and rating, and per expected visit without one",
    ("USUBJID", "PARAMCD", "ASEQ"),
    (
        *_SUBJECT,
        _ASEQ,
        _TRTP,
        _TRTA,
        *_SETS,
        _PARAM,
        _PARAMCD,
        *(variable for variable in _bds_values("mRS 0-6; 6 is death")[:1]),
        _V("AVALC", "Analysis Value (C)", "text", "MRS", "Derived", "name of the grade"),
        *_bds_values("")[1:],
        _V(
            "DTYPE", "Derivation Type", "text", "DTYPE", "Derived", "how a record without a rating came about"
        ),
        _V("CRIT1", "Analysis Criterion 1", "text", "", "Protocol", "endpoint.improvement_points"),
        _V(
            "CRIT1FL",
            "Criterion 1 Evaluation Result Flag",
            "text",
            "NY",
            "Derived",
            "primary_endpoint; null: excluded",
        ),
        _RESPONSE_REASON,
        _collected("RATER", "Rater", "text", "mrs.rater"),
        *_TRACE,
    ),
)

_ADSCALE = DatasetSpecification(
    "ADSCALE",
    "Rating Scales Analysis Dataset",
    "BASIC DATA STRUCTURE",
    "one record per subject, parameter and score",
    ("USUBJID", "PARAMCD", "ASEQ"),
    (
        *_SUBJECT,
        _ASEQ,
        _TRTP,
        _TRTA,
        *_SETS,
        _PARAM,
        _PARAMCD,
        *_bds_values("score of the scale"),
        _V("DTYPE", "Derivation Type", "text", "DTYPE", "Derived", "always null: no score is imputed"),
        _V("CRIT1", "Analysis Criterion 1", "text", "", "Protocol", "any change in the better direction"),
        _V(
            "CRIT1FL",
            "Criterion 1 Evaluation Result Flag",
            "text",
            "NY",
            "Derived",
            "scale_changes; null: not both values",
        ),
        *_TRACE,
    ),
)

_ADEX = DatasetSpecification(
    "ADEX",
    "Exposure Analysis Dataset",
    "BASIC DATA STRUCTURE",
    "one record per subject, parameter and cycle, and per subject and overall parameter",
    ("USUBJID", "PARAMCD", "AVISITN"),
    (
        *_SUBJECT,
        _TRTP,
        _TRTA,
        *_SETS,
        _V(
            "PARCAT1", "Parameter Category 1", "text", "PARCAT", "Assigned", "a cycle, or the whole treatment"
        ),
        _PARAM,
        _PARAMCD,
        _V("AVAL", "Analysis Value", "float", "", "Derived", "exposure.summarise"),
        _V("AVALC", "Analysis Value (C)", "text", "NY", "Derived", "ADJ only: Y if not as planned"),
        _V("AVISIT", "Analysis Visit", "text", "", "Derived", "Cycle 1 ... Cycle 6; Overall"),
        _V("AVISITN", "Analysis Visit (N)", "integer", "", "Derived", "cycle; 0 overall"),
        _V("ASTDT", "Analysis Start Date", "date", "", "Derived", "first infusion of the cycle or of all"),
        _V("ASTDY", "Analysis Start Relative Day", "integer", "", "Derived", "ASTDT from DAY1DT"),
        _V("AENDT", "Analysis End Date", "date", "", "Derived", "last infusion of the cycle or of all"),
        _V("AENDY", "Analysis End Relative Day", "integer", "", "Derived", "AENDT from DAY1DT"),
        *_TRACE,
    ),
)

_ADAE = DatasetSpecification(
    "ADAE",
    "Adverse Event Analysis Dataset",
    "OCCURRENCE DATA STRUCTURE",
    "one record per subject and adverse event",
    ("USUBJID", "AESEQ"),
    (
        *_SUBJECT,
        _V("AESEQ", "Sequence Number", "integer", "", "Derived", "order of the lines of the subject"),
        _TRTA,
        _SAFFL,
        _collected("AETERM", "Reported Term for the Adverse Event", "text", "adverse_events.term"),
        _V(
            "AEDECOD",
            "Dictionary-Derived Term",
            "text",
            "",
            "Assigned",
            "AETERM, upper case: events are not coded",
        ),
        _V("AEBODSYS", "Body System or Organ Class", "text", "", "Not Available", "events are not coded"),
        _collected("ASTDT", "Analysis Start Date", "date", "adverse_events.start_date"),
        _V("ASTDY", "Analysis Start Relative Day", "integer", "", "Derived", "ASTDT from DAY1DT; no day 0"),
        _collected("AENDT", "Analysis End Date", "date", "adverse_events.end_date"),
        _V("AENDY", "Analysis End Relative Day", "integer", "", "Derived", "AENDT from DAY1DT; no day 0"),
        _collected("AETOXGR", "Standard Toxicity Grade", "text", "adverse_events.grade", "TOXGR"),
        _collected("AESER", "Serious Event", "text", "adverse_events.serious", "NY"),
        _collected("AEREL", "Causality", "text", "adverse_events.related", "AEREL"),
        _collected("AEACN", "Action Taken with Study Treatment", "text", "adverse_events.action", "ACN"),
        _V(
            "AEOUT",
            "Outcome of Adverse Event",
            "text",
            "OUT",
            "Derived",
            "grade 5 fatal; ended resolved; else unknown",
        ),
        _V("TRTEMFL", "Treatment Emergent Analysis Flag", "text", "Y", "Derived", "ASTDT on or after TRTSDT"),
        *_TRACE,
    ),
)

_ADTTE = DatasetSpecification(
    "ADTTE",
    "Time-to-Event Analysis Dataset",
    "BASIC DATA STRUCTURE",
    "one record per subject and parameter",
    ("USUBJID", "PARAMCD"),
    (
        *_SUBJECT,
        _TRTP,
        _TRTA,
        *_SETS,
        _PARAM,
        _PARAMCD,
        _V("AVAL", "Analysis Value", "integer", "", "Derived", "ADT - STARTDT, days (0 on day 1)"),
        _V("STARTDT", "Time-to-Event Origin Date for Subject", "date", "", "Derived", "study day 1"),
        _V("ADT", "Analysis Date", "date", "", "Derived", "time_to_event: date"),
        _V("CNSR", "Censor", "integer", "", "Derived", "0 event; positive: reason, see the guide"),
        _V("EVNTDESC", "Event or Censoring Description", "text", "", "Derived", "time_to_event: description"),
        _V(
            "CNSDTDSC",
            "Censor Date Description",
            "text",
            "",
            "Derived",
            "what happened on the date of censoring",
        ),
        *_TRACE,
    ),
)

DATASETS: Final = {item.name: item for item in (_ADSL, _ADMRS, _ADSCALE, _ADEX, _ADAE, _ADTTE)}
"""The six datasets by name, in the order in which they are written."""

STANDARD_LABELS: Final = {
    **{variable.name: variable.label for item in DATASETS.values() for variable in item.variables},
    "ACTARM": "Description of Actual Arm",
    "AEENDTC": "End Date/Time of Adverse Event",
    "AESTDTC": "Start Date/Time of Adverse Event",
    "BASEC": "Baseline Value (C)",
    "PARAMN": "Parameter (N)",
    "TRTDURM": "Total Treatment Duration (Months)",
}
for _own in (
    "DAY1DT",
    "SCRFFL",
    "ELIGSTT",
    "CRITNMET",
    "SCRNDT",
    "WEIGHTBL",
    "HEIGHTBL",
    "ANTIBSER",
    "ANTIBCSF",
):
    del STANDARD_LABELS[_own]
for _own in ("CRIT1RS", "RATER", "DTHFL"):
    del STANDARD_LABELS[_own]
"""Labels that the ADaM Implementation Guide gives; variables of our own have none."""

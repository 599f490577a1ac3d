"""Which tables does a trial collect, and what may stand in each cell?

Input: nothing; it is the one description of the tables for files, frames, templates and simulation.
Output: `TABLES`, one `Table` of `Column` each.
Protocol section: none; the tables are the same under every protocol (words and ranges that differ: `allowed`).
Method: a cell is described once (kind, range, words, unit) and every reader and writer follows it.
Next: `allowed`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from pnstrial.vocabulary import YES_NO_COLUMNS

__all__ = ["ANTIBODIES", "CREATININE_SLIP", "TABLES", "Column", "ScoreRange", "Table"]

Kind = Literal["id", "text", "date", "partial date", "number", "word", "antibodies", "atc"]

ANTIBODIES: Final = (
    "Hu", "Yo", "CV2", "Ri", "Ma2", "amphiphysin", "Tr", "SOX1", "VGCC", "NMDAR", "LGI1", "CASPR2", "GABAB", "AMPAR",
    "other", "none",
)  # fmt: skip
"""Words of the antibody columns; CRMP5 and CV2/CRMP5 mean CV2, `none` alone means tested and negative."""


SYNDROMES: Final = (
    "cerebellar",
    "sensory neuronopathy",
    "limbic",
    "encephalomyelitis",
    "brainstem",
    "opsoclonus-myoclonus",
    "LEMS",
    "other",
)

CREATININE_SLIP: Final = 20.0
"""Up to this, creatinine is taken for mg/dL or mmol/L typed as umol/L."""

# What spreadsheets call a column when they do not call it by its name; asked without case, spaces and punctuation.
_OTHER_NAMES: Final = {
    "patient_id": "patient, patient no, patient number, subject, subject id, subjid, usubjid, id, pid",
    "site": "centre, center, site id, hospital",
    "screening_date": "date of screening, screened, date screened, screen date",
    "consent_date": "date of consent, consent, informed consent date, icf date",
    "enrolment_date": "enrollment date, enrolment, enrollment, date of enrolment, date of enrollment, date enrolled, "
    "enrolled, inclusion date, date of inclusion",
    "age": "age years, age in years, age at screening",
    "sex": "gender",
    "weight_kg": "weight, body weight, weight in kg, wt, poids",
    "height_cm": "height, body height, height in cm, ht, taille",
    "symptom_onset_date": "onset, onset date, date of onset, symptom onset, date of symptom onset",
    "pns_level": "level, diagnostic level, diagnostic certainty, pns certainty, pns diagnosis, diagnosis level",
    "antibody_serum": "serum antibody, serum antibodies, antibodies serum, antibody, antibodies",
    "antibody_csf": "csf antibody, csf antibodies, antibodies csf",
    "cancer": "tumour, tumor, cancer type",
    "syndrome": "pns syndrome, phenotype, neurological syndrome",
    "mrs": "rankin, modified rankin, modified rankin scale, rankin scale, mrs score, rankin score, mrs at screening",
    "deterioration_3_weeks": "deterioration, worsening, progression, deterioration 3w, deterioration last 3 weeks",
    "creatinine_umol_l": "creatinine, serum creatinine, creat, creatinine umol, creatinine umoll",
    "ivig_hypersensitivity": "hypersensitivity, ivig allergy, allergy, hypersensitivity to ivig",
    "iga_deficiency": "iga, selective iga deficiency, iga def, low iga",
    "thrombophilia": "thrombophilic, known thrombophilia",
    "hepatic_insufficiency": "hepatic, liver insufficiency, liver failure, hepatic failure",
    "cardiac_insufficiency": "cardiac, heart failure, cardiac failure, heart insufficiency",
    "pregnant_or_lactating": "pregnant, pregnancy, lactating, pregnant lactating, breastfeeding",
    "medication": "drug, drug name, medication name, treatment, name",
    "atc": "atc code",
    "indication": "reason, given for",
    "start_date": "start, date of start, started, first day, begin date, from",
    "stop_date": "stop, end, end date, date of stop, stopped, last day, until",
    "end_date": "end, stop, stop date, date of end, resolved, until",
    "cycle": "cycle no, cycle number, course",
    "date": "day, visit date, rating date, assessment date, infusion date, date of visit, date of infusion",
    "dose_g": "dose, dose in g, dose grams, grams, ivig g",
    "visit": "visit name, visit label",
    "rater": "assessor, rated by, investigator",
    "scale": "scale name, instrument",
    "score": "value, total, total score, result",
    "term": "event, adverse event, ae, ae term, aeterm",
    "grade": "ctcae grade, ctcae, toxicity grade, severity",
    "serious": "sae, serious event, serious ae, seriousness",
    "related": "relationship, related to treatment, causality",
    "action": "action taken",
    "last_contact_date": "last contact, date of last contact, last seen, last visit, last follow up",
    "status": "vital status, state",
    "death_date": "date of death, death, died, dod",
    "death_cause": "cause of death, cause",
}


def bare(header: str) -> str:
    """Give a header without case, spaces and punctuation: `Weight (kg)` is weightkg."""
    return re.sub(r"[\W_]", "", header.casefold())


@dataclass(frozen=True)
class ScoreRange:
    """What a score of a scale may be: its range, which direction is better, and where it goes by grades, these."""

    name: str
    lowest: float | None
    highest: float | None
    higher_is_better: bool
    grades: tuple[float, ...] | None = None
    dead: float | None = None
    """The grade that is death; it may stand on the day of a death only."""

    @property
    def limits(self) -> str:
        """The range in words: "from 0 to 12"; empty without bounds."""
        if self.lowest is None and self.highest is None:
            return ""
        if self.lowest is None:
            return f"at most {self.highest:g}"
        return (
            f"at least {self.lowest:g}"
            if self.highest is None
            else f"from {self.lowest:g} to {self.highest:g}"
        )

    def in_words(self) -> str:
        """Say range, step and direction: "EDSS 0-10 by 0.5 (lower is better)"."""
        better = f"({'higher' if self.higher_is_better else 'lower'} is better)"
        if self.lowest is None or self.highest is None:
            return f"{self.name} {better}"
        step = min((b - a for a, b in pairwise(self.grades or ())), default=1)
        return f"{self.name} {self.lowest:g}-{self.highest:g}{'' if step == 1 else f' by {step:g}'} {better}"


@dataclass(frozen=True)
class Column:
    """One column of a collected table."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    """The cell must not be blank."""
    column_required: bool = False
    """The column must be there although a cell may be blank."""
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above_low: bool = False
    whole: bool = False
    lenient: bool = False
    """A word outside the list is a warning and counts as not collected."""
    of_protocol: bool = False
    """The words are those of the protocol."""

    @property
    def other_names(self) -> frozenset[str]:
        """What else the column is called, each without case, spaces and punctuation."""
        return frozenset(bare(name) for name in _OTHER_NAMES.get(self.name, "").split(",") if name)

    @property
    def allowed(self) -> str:
        """What may stand in a cell, in words."""
        if self.kind == "number":
            noun = "whole number" if self.whole else "number"
            if self.low is not None and self.high is not None:
                return f"{noun} from {self.low:g} to {self.high:g}"
            if self.above_low:
                return f"{noun} over {self.low:g}"
            return noun if self.low is None else f"{noun} of at least {self.low:g}"
        return {
            "id": "text",
            "text": "text",
            "date": "date YYYY-MM-DD",
            "partial date": "date YYYY-MM-DD, YYYY-MM or YYYY",
            "word": " / ".join(self.words),
            "antibodies": f"one or more of {', '.join(ANTIBODIES[:-1])}, joined by ';'; or none",
            "atc": "ATC code such as L04AA06",
        }[self.kind]


@dataclass(frozen=True)
class Table:
    """One collected table: a CSV file, a Parquet file or a sheet of a workbook."""

    name: str
    row: str
    columns: tuple[Column, ...]
    scores: tuple[ScoreRange, ...] = ()
    """What each scale of the table lets stand as its score."""
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    @property
    def file(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"


def _yes_no(name: str, meaning: str) -> Column:
    return Column(name, "word", meaning, words=("yes", "no"))


_PATIENT = Column("patient_id", "id", "patient identifier, the same in every table", required=True)
_QUESTIONS = dict(
    zip(
        YES_NO_COLUMNS,
        (
            "neurological deterioration over the last 3 weeks",
            "hypersensitivity to IVIg",
            "selective IgA deficiency",
            "documented laboratory thrombophilia",
            "hepatic insufficiency",
            "cardiac insufficiency",
            "pregnant or lactating",
        ),
        strict=True,
    )
)

_SCREENING = Table(
    "screening",
    "screened patient",
    (
        _PATIENT,
        Column("site", "text", "centre"),
        Column("screening_date", "date", "date of screening", required=True),
        Column("consent_date", "date", "date of written informed consent"),
        Column("enrolment_date", "date", "date of enrolment; blank = not enrolled"),
        Column("age", "number", "age at screening, years", low=0, high=120, whole=True),
        Column("sex", "word", "sex", words=("female", "male")),
        Column("weight_kg", "number", "body weight at screening, kg", low=0, above_low=True),
        Column("height_cm", "number", "height, cm", low=0, above_low=True),
        Column("symptom_onset_date", "partial date", "first neurological symptom; may be YYYY-MM or YYYY"),
        Column(
            "pns_level",
            "word",
            "diagnostic level of the syndrome",
            words=("definite", "probable", "possible", "none"),
        ),
        Column(
            "antibody_serum",
            "antibodies",
            "positive antibodies in serum; none = negative; blank = not tested",
        ),
        Column(
            "antibody_csf", "antibodies", "positive antibodies in CSF; none = negative; blank = not tested"
        ),
        Column("cancer", "text", "cancer, free text"),
        Column("syndrome", "word", "neurological syndrome", words=SYNDROMES, lenient=True),
        Column(
            "pns_phenotype",
            "word",
            "risk of the phenotype (PNS-Care 2021)",
            words=("high", "intermediate", "other"),
        ),
        Column(
            "cancer_relation",
            "word",
            "whether the cancer fits phenotype and antibody (PNS-Care)",
            words=("consistent", "not consistent", "none"),
        ),
        Column("cancer_search_years", "number", "years of search for a cancer", low=0),
        Column("mrs", "number", "modified Rankin scale at screening", low=0, high=6, whole=True),
        _yes_no("deterioration_3_weeks", _QUESTIONS["deterioration_3_weeks"]),
        Column("creatinine_umol_l", "number", "serum creatinine, umol/L", low=0, above_low=True),
        *(_yes_no(name, _QUESTIONS[name]) for name in YES_NO_COLUMNS[1:]),
    ),
)

_MEDICATIONS = Table(
    "medications",
    "medication record",
    (
        _PATIENT,
        Column("medication", "text", "name as recorded", required=True),
        Column("atc", "atc", "ATC code"),
        Column(
            "indication",
            "word",
            "why it was given",
            words=("pns", "tumour", "premedication", "other", "trial"),
        ),
        Column("start_date", "date", "first day"),
        Column("stop_date", "date", "last day; blank = ongoing"),
    ),
)

_INFUSIONS = Table(
    "infusions",
    "infusion day",
    (
        _PATIENT,
        Column("cycle", "number", "cycle", required=True, low=1, high=6, whole=True),
        Column("date", "date", "day of infusion", required=True),
        Column("drug", "word", "which drug; blank = the first of the protocol"),
        Column("dose_g", "number", "dose given that day, g; 0 = planned, not given", required=True, low=0),
        Column(
            "weight_kg",
            "number",
            "weight used for the dose, kg; blank = screening weight",
            low=0,
            above_low=True,
        ),
    ),
)

_MRS = Table(
    "mrs",
    "rating",
    (
        _PATIENT,
        Column("date", "date", "day of rating", required=True),
        Column(
            "mrs",
            "number",
            "modified Rankin scale; blank = visit without rating",
            column_required=True,
            low=0,
            high=6,
            whole=True,
        ),
        Column("visit", "text", "nominal visit, such as Month 3"),
        Column("rater", "text", "who rated"),
    ),
)

_SCALES = Table(
    "scales",
    "rating on a scale",
    (
        _PATIENT,
        Column("date", "date", "day of rating", required=True),
        Column("scale", "word", "which scale", required=True),
        Column("score", "number", "score"),
    ),
)

_ADVERSE_EVENTS = Table(
    "adverse_events",
    "adverse event",
    (
        _PATIENT,
        Column("term", "text", "event", required=True),
        Column("start_date", "date", "first day", required=True),
        Column("end_date", "date", "last day; blank = ongoing"),
        Column("grade", "number", "CTCAE grade", low=1, high=5, whole=True),
        _yes_no("serious", "serious adverse event"),
        _yes_no("related", "related to the treatment"),
        Column("action", "word", "action taken with the treatment", words=("none", "interrupted", "stopped")),
    ),
)

_FOLLOW_UP = Table(
    "follow_up",
    "patient",
    (
        _PATIENT,
        Column("last_contact_date", "date", "last day known alive, or the day of death", required=True),
        Column(
            "status",
            "word",
            "status at last contact",
            required=True,
            words=("alive", "dead", "withdrawn", "lost"),
        ),
        Column("death_date", "date", "day of death"),
        Column("death_cause", "word", "cause of death", words=("tumour", "neurological", "other")),
    ),
)

TABLES: Final = {
    table.name: table
    for table in (_SCREENING, _MEDICATIONS, _INFUSIONS, _MRS, _SCALES, _ADVERSE_EVENTS, _FOLLOW_UP)
}
"""The seven collected tables by name; every one but screening may be absent."""

"""Which tables does a trial collect, and what may stand in each cell?

Input: nothing; it is the one description of the tables for files, frames, templates and simulation.
Output: `TABLES`, one `Table` of `Column` each, and the data dictionary.
Protocol section: none; the tables are the same under every protocol.
Method: a cell is described once (kind, range, words, unit) and every reader and writer follows it.
Next: `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from pnstrial.vocabulary import YES_NO_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ANTIBODIES", "SCALES", "TABLES", "Column", "Table", "data_dictionary"]

Kind = Literal["id", "text", "date", "partial date", "number", "word", "antibodies", "atc"]

ANTIBODIES: Final = ("Hu", "Yo", "CV2", "Ri", "Ma2", "amphiphysin", "Tr", "SOX1", "VGCC", "other", "none")
"""Words of the antibody columns; CRMP5 and CV2/CRMP5 mean CV2, `none` alone means tested and negative."""


@dataclass(frozen=True)
class Scale:
    """A rated scale: its range and which direction is better."""

    name: str
    lowest: float
    highest: float
    higher_is_better: bool


SCALES: Final = {
    scale.name: scale
    for scale in (
        Scale("Barthel", 0, 100, higher_is_better=True),
        Scale("ICARS", 0, 100, higher_is_better=False),
        Scale("ONLS", 0, 12, higher_is_better=False),
    )
}


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
        Column("dose_g", "number", "IVIg given that day, g; 0 = planned, not given", required=True, low=0),
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
        Column("scale", "word", "which scale", required=True, words=tuple(SCALES)),
        Column(
            "score",
            "number",
            "score: Barthel 0-100 (higher is better), ICARS 0-100, ONLS 0-12 (lower is better)",
        ),
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
        Column("action", "word", "action taken with IVIg", words=("none", "interrupted", "stopped")),
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


def data_dictionary() -> pd.DataFrame:
    """Describe every column of every table, one row each.

    Returns
    -------
    pandas.DataFrame
        Columns file, column, required ("cell", "column" or ""), allowed, meaning.

    Examples
    --------
    >>> data_dictionary().query("file == 'mrs.csv'")["column"].tolist()
    ['patient_id', 'date', 'mrs', 'visit', 'rater']
    """
    import pandas as pd

    rows = [
        {
            "file": table.file,
            "column": column.name,
            "required": "cell" if column.required else "column" if column.column_required else "",
            "allowed": column.allowed,
            "meaning": column.meaning,
        }
        for table in TABLES.values()
        for column in table.columns
    ]
    return pd.DataFrame(rows)

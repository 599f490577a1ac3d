"""What may a criterion of the protocol ask, and which medications are an immunotherapy?

Input: the criteria and medication lists of a protocol file.
Output: one frozen part per criterion, by its `kind`; the lists, checked.
Protocol section: criteria, medications.
Method: each kind names the columns that it reads; `eligibility` asks it of the patients.
Next: `protocol`.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from pnstrial.settings import Part, Sourced

YES_NO_COLUMNS = (
    "deterioration_3_weeks",
    "ivig_hypersensitivity",
    "iga_deficiency",
    "thrombophilia",
    "hepatic_insufficiency",
    "cardiac_insufficiency",
    "pregnant_or_lactating",
)
YesNoColumn = Literal[
    "deterioration_3_weeks",
    "ivig_hypersensitivity",
    "iga_deficiency",
    "thrombophilia",
    "hepatic_insufficiency",
    "cardiac_insufficiency",
    "pregnant_or_lactating",
]
Antibody = Literal["Hu", "Yo", "CV2", "Ri", "Ma2", "amphiphysin", "Tr", "SOX1", "VGCC", "other"]


class _CriterionBase(Part):
    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", description="short id, such as I1 or E4")
    label: str = Field(min_length=1, description="the criterion as a trial team says it")
    source: str = Field(min_length=1)

    reads: ClassVar[tuple[str, ...]] = ()

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        named = getattr(self, "columns", None) or getattr(self, "column", None) or self.reads
        return (named,) if isinstance(named, str) else tuple(named)


class WordCriterion(_CriterionBase):
    """Passes if a word of the screening table is among the allowed ones."""

    kind: Literal["word"]
    column: Literal["pns_level", "sex"]
    allowed: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _words_exist(self) -> Self:
        words = {"pns_level": ("definite", "probable", "possible", "none"), "sex": ("female", "male")}
        if wrong := [word for word in self.allowed if word not in words[self.column]]:
            allowed = ", ".join(words[self.column])
            raise ValueError(f"allowed holds {', '.join(wrong)}; {self.column} has the words {allowed}")
        return self


class AntibodyCriterion(_CriterionBase):
    """Passes if serum or CSF holds one of the antibodies; fails only if both were tested and neither does."""

    kind: Literal["antibody"]
    any_of: tuple[Antibody, ...] = Field(min_length=1)

    reads: ClassVar[tuple[str, ...]] = ("antibody_serum", "antibody_csf")


class OnsetCriterion(_CriterionBase):
    """Passes if symptoms began at most so many calendar months before screening."""

    kind: Literal["onset"]
    within_months: int = Field(ge=1, le=360)

    reads: ClassVar[tuple[str, ...]] = ("symptom_onset_date",)


class RangeCriterion(_CriterionBase):
    """Passes if a number of the screening table lies in a range, both ends included."""

    kind: Literal["range"]
    column: Literal["mrs", "age", "weight_kg", "height_cm", "creatinine_umol_l"]
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if self.minimum is None and self.maximum is None:
            raise ValueError("a range needs minimum, maximum or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is over maximum {self.maximum:g}")
        return self


class AnswerCriterion(_CriterionBase):
    """Passes if a yes/no question has the required answer."""

    kind: Literal["answer"]
    column: YesNoColumn
    required: Literal["yes", "no"]


class NoneOfCriterion(_CriterionBase):
    """Fails if any of the questions is answered yes, passes if all are answered no."""

    kind: Literal["none_of"]
    columns: tuple[YesNoColumn, ...] = Field(min_length=1)


class PregnancyCriterion(_CriterionBase):
    """Fails if pregnant or lactating; passes if not, or if male."""

    kind: Literal["pregnancy"]

    reads: ClassVar[tuple[str, ...]] = ("pregnant_or_lactating", "sex")


class ConsentCriterion(_CriterionBase):
    """Passes if consent is dated not after enrolment (screening, if not enrolled)."""

    kind: Literal["consent"]

    reads: ClassVar[tuple[str, ...]] = ("consent_date",)


class ImmunotherapyCriterion(_CriterionBase):
    """Fails if a counting immunotherapy is ongoing at screening or starts before the first infusion."""

    kind: Literal["immunotherapy"]


class ClearanceCriterion(_CriterionBase):
    """Fails if the Cockcroft-Gault creatinine clearance is below a limit."""

    kind: Literal["creatinine_clearance"]
    minimum_ml_min: float = Field(gt=0)

    reads: ClassVar[tuple[str, ...]] = ("creatinine_umol_l", "age", "weight_kg", "sex")


Criterion = Annotated[
    WordCriterion
    | AntibodyCriterion
    | OnsetCriterion
    | RangeCriterion
    | AnswerCriterion
    | NoneOfCriterion
    | PregnancyCriterion
    | ConsentCriterion
    | ImmunotherapyCriterion
    | ClearanceCriterion,
    Field(discriminator="kind"),
]


class Medications(Sourced):
    """The vocabulary: which names and ATC codes are an immunotherapy, which are known not to be."""

    immunotherapy: dict[str, tuple[str, ...]]
    other: dict[str, tuple[str, ...]]
    atc: dict[str, tuple[str, ...]]

    @field_validator("atc")
    @classmethod
    def _codes_are_codes(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        wrong = [code for codes in value.values() for code in codes if not ATC_PATTERN.fullmatch(code)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is no ATC code such as L04 or L01FF02")
        return value


ATC_PATTERN = re.compile(r"[ABCDGHJLMNPRSV](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")

"""Which scales, criteria and medications can a protocol name?

Input: those sections of a protocol file.
Output: one frozen part per scale, per criterion (by its `kind`), and for the lists of medications.
Protocol section: scales, criteria, medications.
Method: a scale is whole units from its best grade up to death; a criterion names the columns that it reads.
Next: `protocol`.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from pnstrial.settings import Part, Sourced

if TYPE_CHECKING:
    from numpy.typing import NDArray


MRS: Final = "mRS"
"""Name of the scale whose ratings have a table of their own."""


class Scale(Part):
    """An ordinal scale: its grades, which direction is better, and where death lies.

    Rules and course models see a scale as `units`: whole numbers, 0 the best grade, rising to the worst, one for each
    step; death is `dead`, a unit above all living grades. The mRS is its own units.

    Examples
    --------
    >>> edss = Scale(name="EDSS", grades=(0, 1, 1.5, 2, 10), better="lower", death="worst grade", source="assumed")
    >>> edss.scores, edss.units, edss.dead
    ((0.0, 1.0, 1.5, 2.0), (0, 2, 3, 4), 20)
    >>> barthel = Scale(name="Barthel", lowest=0, highest=100, step=5, better="higher", source="assumed")
    >>> barthel.scores[:3], barthel.units[:3], barthel.dead
    ((100.0, 95.0, 90.0), (0, 1, 2), 21)
    """

    name: str = Field(min_length=1)
    better: Literal["lower", "higher"]
    grades: tuple[float, ...] | None = Field(default=None, min_length=2)
    lowest: float | None = None
    highest: float | None = None
    step: float = Field(default=1, gt=0)
    death: Literal["worst grade", "beyond"] = "beyond"
    wording: dict[str, str] = Field(default_factory=dict[str, str])
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _grades_are_a_scale(self) -> Self:
        if self.grades is not None and (self.lowest is not None or self.highest is not None):
            raise ValueError("a scale has grades, or lowest and highest with a step, not both")
        if self.grades is not None and list(self.grades) != sorted(set(self.grades)):
            raise ValueError("grades must rise, each once")
        if self.lowest is not None and self.highest is not None:
            steps = (self.highest - self.lowest) / self.step
            if steps < 1 or abs(steps - round(steps)) > 1e-9:
                raise ValueError(
                    f"from {self.lowest:g} to {self.highest:g} are no whole steps of {self.step:g}"
                )
        if self.death == "worst grade" and not self.bounded:
            raise ValueError("death can be a grade only of a scale with grades, or with lowest and highest")
        return self

    @property
    def bounded(self) -> bool:
        """Whether all its grades are known; without them nothing but a difference of two scores has a meaning."""
        return self.grades is not None or (self.lowest is not None and self.highest is not None)

    @cached_property
    def _every(self) -> tuple[float, ...]:
        """All grades, death among them if it is one, from best to worst."""
        if not self.bounded:
            raise ValueError(f"scale {self.name} has no bounds; give it grades, or lowest and highest")
        low, high = self.lowest or 0.0, self.highest or 0.0
        grades = self.grades or tuple(low + k * self.step for k in range(round((high - low) / self.step) + 1))
        return tuple(float(grade) for grade in (grades if self.better == "lower" else grades[::-1]))

    @cached_property
    def unit(self) -> float:
        """The largest number of which every distance between two grades is a multiple: 1 for the mRS, 0.5 for EDSS."""
        gaps = [Fraction(str(abs(b - a))) for a, b in pairwise(self._every)]
        below = math.lcm(*(gap.denominator for gap in gaps))
        return math.gcd(*(int(gap * below) for gap in gaps)) / below

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """The living grades as they are scored, from best to worst."""
        return self._every[:-1] if self.death == "worst grade" else self._every

    @cached_property
    def units(self) -> tuple[int, ...]:
        """The living grades in units, from best (0) to worst."""
        return tuple(round(abs(score - self._every[0]) / self.unit) for score in self.scores)

    @cached_property
    def dead(self) -> int:
        """Death in units: its own grade, or one unit beyond the worst."""
        last = round(abs(self._every[-1] - self._every[0]) / self.unit)
        return last if self.death == "worst grade" else last + 1

    @cached_property
    def zero(self) -> int:
        """The unit of the score 0, from which a percentage is taken."""
        return round((self._every[0] if self.better == "higher" else -self._every[0]) / self.unit)

    @property
    def table(self) -> str:
        """The collected table that holds its ratings: the mRS has one of its own."""
        return "mrs" if self.name == MRS else "scales"

    @property
    def column(self) -> str:
        """The column of that table, and of the derived visits (``baseline_`` before it for the baseline)."""
        return "mrs" if self.table == "mrs" else "score"

    @property
    def dead_score(self) -> float:
        """How a death is scored: its grade; nan where death is none."""
        return self._every[-1] if self.death == "worst grade" else math.nan

    def to_units(self, scores: Any) -> NDArray[np.int16]:
        """Turn scores into units.

        Parameters
        ----------
        scores : array of float
            nan where missing.

        Returns
        -------
        array of int16
            -1 where missing.

        Raises
        ------
        ValueError
            For a score that is no grade.
        """
        values = np.asarray(scores, dtype=float)
        units = abs(values - self._every[0]) / self.unit
        missing = np.isnan(values)
        on_grid = missing | (abs(units - np.round(units)) < 1e-6)
        if not on_grid.all():
            raise ValueError(
                f"{values[~on_grid].flat[0]:g} is no grade of the scale {self.name}, which goes by {self.unit:g}"
            )
        return np.where(missing, -1, np.round(units)).astype(np.int16)

    def points(self, points: float) -> int:
        """Turn a difference of scores into units, rounded up: the fewest units that are at least as much."""
        return math.ceil(points / self.unit - 1e-9)


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

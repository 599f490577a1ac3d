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
import unicodedata
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, cast

import numpy as np
from pydantic import Field, field_validator, model_validator

from pnstrial.settings import Part, Sourced, entry_key, lay_over, shared_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    step: float = Field(default=1.0, gt=0)
    death: Literal["worst grade", "beyond"] = "beyond"
    wording: dict[str, str] = Field(default_factory=dict[str, str])
    title: str = Field(default="", description="the name of the scale in full")
    cut: float | None = Field(default=None, description="the worst score that is still a good outcome")
    source: str = Field(min_length=1)

    def __str__(self) -> str:
        return self.name

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
        if self.cut is not None and (not self.bounded or self.cut not in self.scores[:-1]):
            raise ValueError(f"cut is {self.cut:g}; it must be a grade better than the worst living one")
        return self

    @property
    def label(self) -> str:
        """The name in full, where there is one."""
        return self.title or self.name

    @property
    def bounded(self) -> bool:
        """Whether all its grades are known; without them nothing but a difference of two scores has a meaning."""
        return self.grades is not None or (self.lowest is not None and self.highest is not None)

    @cached_property
    def every(self) -> tuple[float, ...]:
        """All grades, death among them if it is one, from best to worst."""
        if not self.bounded:
            raise ValueError(f"scale {self.name} has no bounds; give it grades, or lowest and highest")
        low, high = self.lowest or 0.0, self.highest or 0.0
        grades = self.grades or tuple(low + k * self.step for k in range(round((high - low) / self.step) + 1))
        return tuple(float(grade) for grade in (grades if self.better == "lower" else grades[::-1]))

    @cached_property
    def unit(self) -> float:
        """The largest number of which every distance between two grades is a multiple: 1 for the mRS, 0.5 for EDSS."""
        gaps = [Fraction(str(abs(b - a))) for a, b in pairwise(self.every)]
        below = math.lcm(*(gap.denominator for gap in gaps))
        return math.gcd(*(int(gap * below) for gap in gaps)) / below

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """The living grades as they are scored, from best to worst."""
        return self.every[:-1] if self.death == "worst grade" else self.every

    @cached_property
    def units(self) -> tuple[int, ...]:
        """The living grades in units, from best (0) to worst."""
        return tuple(round(abs(score - self.every[0]) / self.unit) for score in self.scores)

    @cached_property
    def dead(self) -> int:
        """Death in units: its own grade, or one unit beyond the worst."""
        last = round(abs(self.every[-1] - self.every[0]) / self.unit)
        return last if self.death == "worst grade" else last + 1

    @cached_property
    def zero(self) -> int:
        """The unit of the score 0, from which a percentage is taken."""
        return round((self.every[0] if self.better == "higher" else -self.every[0]) / self.unit)

    @cached_property
    def labels(self) -> dict[int, str]:
        """How every unit is written: its score, and death, from best to worst."""
        found = {unit: f"{score:g}" for unit, score in zip(self.units, self.scores, strict=True)}
        return {**found, self.dead: "dead" if self.death == "beyond" else f"{self.every[-1]:g} (dead)"}

    @cached_property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The units by outcome: at best the cut, worse, dead; without a cut alive and dead."""
        if self.cut is None:
            return {"alive": self.units, "dead": (self.dead,)}
        place = self.scores.index(self.cut) + 1
        found = {self.span(*part): part for part in (self.units[:place], self.units[place:])}
        return {**found, "dead": (self.dead,)}

    def span(self, *units: int) -> str:
        """Write some units that follow each other, such as "mRS 0-2"."""
        if units[0] == self.dead and self.death == "beyond":
            return self.labels[self.dead]
        ends = dict.fromkeys((self.labels[units[0]], self.labels[units[-1]]))
        return f"{self.name} {'-'.join(ends)}"

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
        return self.every[-1] if self.death == "worst grade" else math.nan

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
        units = abs(values - self.every[0]) / self.unit
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


def shipped_scale(name: str = MRS) -> Scale:
    """Give a scale of the shared vocabulary."""
    return Scale.model_validate(with_vocabulary({"scales": [{"name": name}]})["scales"][0])


YES_NO_COLUMNS = (
    "deterioration_3_weeks",
    "ivig_hypersensitivity",
    "iga_deficiency",
    "thrombophilia",
    "hepatic_insufficiency",
    "cardiac_insufficiency",
    "pregnant_or_lactating",
)
Antibody = Literal[
    "Hu", "Yo", "CV2", "Ri", "Ma2", "amphiphysin", "Tr", "SOX1", "VGCC", "NMDAR", "LGI1", "CASPR2", "GABAB", "AMPAR",
    "other",
]  # fmt: skip


class _CriterionBase(Part):
    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", description="short id, such as I1 or E4")
    label: str = Field(min_length=1, description="the criterion as a trial team says it")
    source: str = Field(min_length=1)

    reads: ClassVar[tuple[str, ...]] = ()

    def source_of(self, key: str) -> str:
        """Give the source of a setting of it."""
        del key
        return self.source

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        named = getattr(self, "columns", None) or getattr(self, "column", None) or self.reads
        return (named,) if isinstance(named, str) else tuple(named)


class WordCriterion(_CriterionBase):
    """Passes if a word of the screening table is among the allowed ones."""

    kind: Literal["word"]
    column: str
    allowed: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _words_exist(self) -> Self:
        words = {"pns_level": ("definite", "probable", "possible", "none"), "sex": ("female", "male")}
        if wrong := [word for word in self.allowed if word not in words.get(self.column, self.allowed)]:
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


def _check_range(minimum: float | None, maximum: float | None) -> None:
    if minimum is None and maximum is None:
        raise ValueError("a range needs minimum, maximum or both")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"minimum {minimum:g} is over maximum {maximum:g}")


class RangeCriterion(_CriterionBase):
    """Passes if a number of the screening table lies in a range, both ends included."""

    kind: Literal["range"]
    column: str
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        _check_range(self.minimum, self.maximum)
        return self


class ScaleCriterion(_CriterionBase):
    """Passes if the latest score of a scale up to the screening date lies in a range, both ends included."""

    kind: Literal["scale"]
    scale: str
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        _check_range(self.minimum, self.maximum)
        return self


LEVELS: Final = ("none", "possible", "probable", "definite")
"""Levels of the PNS-Care score, rising."""


def _pns_care(key: str) -> Any:
    """Give a setting of the score as the shared vocabulary has it."""
    return shared_settings("protocol")["pns_care"][key]


class PnsCareCriterion(_CriterionBase):
    """Passes if the PNS-Care score (Graus and others 2021) reaches a level, whatever is missing; fails if it cannot.

    Points are by component; a cancer that is absent or does not fit gives a point while the search is young. The
    level "definite" also needs an antibody of high or intermediate risk, but for syndromes named in
    `without_antibody`.

    Examples
    --------
    >>> criterion = PnsCareCriterion(id="P1", kind="pns_care", label="Probable", source="assumed", at_least="probable")
    >>> patient = {"pns_phenotype": "intermediate", "antibody_serum": "Ma2", "cancer_relation": "none"}
    >>> criterion.scored({**patient, "cancer_search_years": 1.0})
    ([6], ['probable'])
    >>> criterion.scored({**patient, "cancer_search_years": 3.0})
    ([5], ['possible'])
    """

    kind: Literal["pns_care"]
    at_least: Literal["possible", "probable", "definite"]
    phenotype: dict[str, int] = Field(default_factory=lambda: _pns_care("phenotype"))
    syndromes: dict[str, str] = Field(default_factory=lambda: _pns_care("syndromes"))
    high_risk: tuple[Antibody, ...] = Field(default_factory=lambda: tuple(_pns_care("high_risk")))
    intermediate_risk: tuple[Antibody, ...] = Field(
        default_factory=lambda: tuple(_pns_care("intermediate_risk"))
    )
    antibody: dict[str, int] = Field(default_factory=lambda: _pns_care("antibody"))
    cancer: dict[str, int] = Field(default_factory=lambda: _pns_care("cancer"))
    young_search: dict[str, int] = Field(default_factory=lambda: _pns_care("young_search"))
    young_search_years: float = Field(default_factory=lambda: _pns_care("young_search_years"))
    levels: dict[str, int] = Field(default_factory=lambda: _pns_care("levels"))
    without_antibody: tuple[str, ...] = Field(default_factory=lambda: tuple(_pns_care("without_antibody")))

    def source_of(self, key: str) -> str:
        """Give the source of a setting: that of the shared vocabulary where it is as there, else the criterion's."""
        shared = shared_settings("protocol")["pns_care"]
        value = getattr(self, key)
        same = key in shared and (list(value) if isinstance(value, tuple) else value) == shared[key]
        return shared["source"][key] if same else self.source

    reads: ClassVar[tuple[str, ...]] = (
        "pns_phenotype", "syndrome", "antibody_serum", "antibody_csf", "cancer_relation", "cancer_search_years",
    )  # fmt: skip

    def scored(self, patient: Mapping[str, Any]) -> tuple[list[int], list[str]]:
        """Score a patient under every completion of what is missing.

        Parameters
        ----------
        patient : mapping
            Cells of the screening table by column; None or nan where not collected.

        Returns
        -------
        scores : list of int
            Every score that is possible, rising; one where nothing that matters is missing.
        levels : list of str
            The levels of these, rising.
        """
        syndrome = _cell(patient, "syndrome")
        phenotype = _cell(patient, "pns_phenotype") or self.syndromes.get(syndrome or "")
        phenotypes = [phenotype] if phenotype else list(self.phenotype)
        exempt = (
            {syndrome in self.without_antibody} if syndrome else {phenotype not in {None, "other"}, False}
        )
        exempt &= {True, False} if self.without_antibody else {False}
        scores: set[int] = set()
        found: set[str] = set()
        for kind, risk, cancer, free in product(
            phenotypes, self._risks(patient), self._cancers(patient), exempt
        ):
            score = self.phenotype[kind] + self.antibody[risk] + cancer
            level = next((name for name in LEVELS[:0:-1] if score >= self.levels[name]), LEVELS[0])
            if level == "definite" and risk == "lower" and not free:
                level = "probable"
            scores.add(score)
            found.add(level)
        return sorted(scores), [level for level in LEVELS if level in found]

    def _risks(self, patient: Mapping[str, Any]) -> list[str]:
        """Risks of the antibodies of serum and CSF: where none is found, a sample not tested may hold any."""
        samples = [_cell(patient, column) for column in ("antibody_serum", "antibody_csf")]
        held = {name for sample in samples if sample for name in sample.split(";")} - {"none"}
        order = ("lower", "intermediate", "high")
        risk = 2 if held & set(self.high_risk) else 1 if held & set(self.intermediate_risk) else 0
        is_open = (None in samples and not held) or "other" in held
        return list(order[risk:]) if is_open else [order[risk]]

    def _cancers(self, patient: Mapping[str, Any]) -> set[int]:
        relation, years = _cell(patient, "cancer_relation"), _cell(patient, "cancer_search_years")
        points: set[int] = set()
        for name in [relation] if relation else list(self.cancer):
            young = {float(years) < self.young_search_years} if years is not None else {True, False}
            points |= {
                self.young_search.get(name, self.cancer[name]) if new else self.cancer[name] for new in young
            }
        return points


def _cell(patient: Mapping[str, Any], column: str) -> Any:
    """Give a cell, None where it is not collected."""
    value = patient.get(column)
    return None if value is None or value != value else value  # noqa: PLR0124 - nan differs from itself


class AnswerCriterion(_CriterionBase):
    """Passes if a yes/no question has the required answer."""

    kind: Literal["answer"]
    column: str
    required: Literal["yes", "no"]


class NoneOfCriterion(_CriterionBase):
    """Fails if any of the questions is answered yes, passes if all are answered no."""

    kind: Literal["none_of"]
    columns: tuple[str, ...] = Field(min_length=1)


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
    | ScaleCriterion
    | PnsCareCriterion
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

    @cached_property
    def _phrases(self) -> tuple[list[tuple[str, str]], list[str]]:
        """The names of both lists as bare words, each with its class."""
        own = [(bare_words(name), group) for group, names in self.immunotherapy.items() for name in names]
        return own, [bare_words(name) for names in self.other.values() for name in names]

    def classes(self, name: str, code: str | None) -> frozenset[str] | None:
        """Give the immunotherapy classes of a record; empty: known not to be one; None where it cannot be told."""
        if code and ATC_PATTERN.fullmatch(code):
            starts = [(start, group) for group, codes in self.atc.items() for start in codes]
            groups = frozenset(group for start, group in starts if code.startswith(start))
            is_open = any(start.startswith(code) for start, _ in starts)
            return None if is_open and not groups else groups
        words = bare_words(name)
        own, other = self._phrases
        groups = frozenset(group for phrase, group in own if phrase in words)
        return groups if groups or any(phrase in words for phrase in other) else None

    @field_validator("atc")
    @classmethod
    def _codes_are_codes(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        wrong = [code for codes in value.values() for code in codes if not ATC_PATTERN.fullmatch(code)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} is no ATC code such as L04 or L01FF02")
        return value


def bare_words(text: str) -> str:
    """Bare words of a text between single spaces: no case, no accents, no punctuation."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return " " + " ".join(re.findall(r"[a-z0-9]+", plain)) + " "


ATC_PATTERN = re.compile(r"[ABCDGHJLMNPRSV](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")


def with_vocabulary(content: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the shared vocabulary has: scales that are only named, lists of medications that are left out.

    Parameters
    ----------
    content : dict
        A protocol as its file has it.

    Returns
    -------
    dict
        With the sources that what was filled in names.

    Examples
    --------
    >>> with_vocabulary({"scales": [{"name": "onls"}]})["scales"]
    [{'name': 'ONLS', 'lowest': 0, 'highest': 12, 'better': 'lower', 'source': 'onls'}]
    """
    shared = shared_settings("protocol")
    ready = {str(scale["name"]).casefold(): scale for scale in shared["scales"]}
    scales, lists = content.get("scales"), content.get("medications", {})
    filled: dict[str, Any] = {}
    if isinstance(scales, list | tuple):
        rows: list[Any] = []
        for row in cast("list[Any]", scales):
            shipped = ready.get(str(entry_key(row)).casefold(), {})
            rows.append(
                row if not shipped or "better" in row else {**shipped, **row, "name": shipped["name"]}
            )
        filled["scales"] = rows
    if isinstance(lists, dict) and not {"immunotherapy", "other", "atc"} <= lists.keys():
        filled["medications"] = lay_over(shared["medications"], cast("dict[str, Any]", lists))
    own = content.get("sources", {})
    if isinstance(own, dict):
        named = filled.get("medications", {}).get("source")
        used = set(named.values()) if isinstance(named, dict) else set[Any]()
        used |= {row.get("source") for row in filled.get("scales", []) if isinstance(row, dict)}
        kinds = [row.get("kind") for row in content.get("criteria") or () if isinstance(row, dict)]
        used |= set(shared["pns_care"]["source"].values()) if "pns_care" in kinds else set[Any]()
        filled["sources"] = {key: text for key, text in shared["sources"].items() if key in used} | own
    return {**content, **filled}

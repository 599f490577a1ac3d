"""What does the protocol say?

Input: a TOML file: who may enter, what is given and when, which visits, decision, endpoint and estimand.
Output: a frozen, validated `Protocol`; every later module reads its numbers from it and has none of its own.
Protocol section: all of them; this module is their form.
Method: every setting names its source or "assumed"; whatever is wrong in a file is told at once, with the key,
the value and what is allowed. A file may be based on another one and hold only what differs.
Next: `data`.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import Field, field_validator, model_validator

from pnstrial.settings import Part, SettingsFiles, lay_over

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Criterion",
    "Decision",
    "Endpoint",
    "Estimand",
    "Medications",
    "Protocol",
    "ProtocolError",
    "Treatment",
    "Visit",
    "load_protocol",
    "shipped_protocols",
]

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


class ProtocolError(ValueError):
    """A protocol file that cannot be used; the message lists every wrong key with its value and what is allowed."""


_FILES = SettingsFiles("protocol", ProtocolError)


class _Sourced(Part):
    source: dict[str, str] = Field(description="source of each setting, or 'assumed'", repr=False)

    @model_validator(mode="after")
    def _every_setting_has_a_source(self) -> Self:
        fields = set(type(self).model_fields) - {"source", "name"}
        stated = {key for key in fields if getattr(self, key) is not None}
        if lacking := sorted(stated - self.source.keys()):
            raise ValueError(f'no source for {", ".join(lacking)}: name one of [sources], or "assumed"')
        if unknown := sorted(self.source.keys() - fields):
            raise ValueError(f"source names {', '.join(unknown)}, which is no setting here")
        return self


class _CriterionBase(Part):
    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", description="short id, such as I1 or E4")
    label: str = Field(min_length=1, description="the criterion as a trial team says it")
    source: str = Field(min_length=1)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ()


class WordCriterion(_CriterionBase):
    """Passes if a word of the screening table is among the allowed ones."""

    kind: Literal["word"]
    column: Literal["pns_level", "sex"]
    allowed: tuple[str, ...] = Field(min_length=1)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return (self.column,)

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

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ("antibody_serum", "antibody_csf")


class OnsetCriterion(_CriterionBase):
    """Passes if symptoms began at most so many calendar months before screening."""

    kind: Literal["onset"]
    within_months: int = Field(ge=1, le=360)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ("symptom_onset_date",)


class RangeCriterion(_CriterionBase):
    """Passes if a number of the screening table lies in a range, both ends included."""

    kind: Literal["range"]
    column: Literal["mrs", "age", "weight_kg", "height_cm", "creatinine_umol_l"]
    minimum: float | None = None
    maximum: float | None = None

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return (self.column,)

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

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return (self.column,)


class NoneOfCriterion(_CriterionBase):
    """Fails if any of the questions is answered yes, passes if all are answered no."""

    kind: Literal["none_of"]
    columns: tuple[YesNoColumn, ...] = Field(min_length=1)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return tuple(self.columns)


class PregnancyCriterion(_CriterionBase):
    """Fails if pregnant or lactating; passes if not, or if male."""

    kind: Literal["pregnancy"]

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ("pregnant_or_lactating", "sex")


class ConsentCriterion(_CriterionBase):
    """Passes if consent is dated not after enrolment (screening, if not enrolled)."""

    kind: Literal["consent"]

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ("consent_date",)


class ImmunotherapyCriterion(_CriterionBase):
    """Fails if a counting immunotherapy is ongoing at screening or starts before the first infusion."""

    kind: Literal["immunotherapy"]


class ClearanceCriterion(_CriterionBase):
    """Fails if the Cockcroft-Gault creatinine clearance is below a limit."""

    kind: Literal["creatinine_clearance"]
    minimum_ml_min: float = Field(gt=0)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Columns of the screening table that decide the criterion."""
        return ("creatinine_umol_l", "age", "weight_kg", "sex")


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


class Treatment(_Sourced):
    """Doses and dates of the cycles."""

    dose_g_per_kg: float = Field(gt=0, le=10, description="g of IVIg per kg of body weight and cycle")
    cycle_days: int = Field(ge=1, description="days from one cycle's start to the next one's")
    cycles_before_decision: int = Field(ge=1, le=6)
    cycles_after_decision: int = Field(ge=0, le=5)
    infusion_days: int = Field(ge=1, description="infusion days of a planned cycle")
    fewest_infusion_days: int = Field(ge=1)
    most_infusion_days: int = Field(ge=1)
    on_time_tolerance_days: int = Field(ge=0)
    dose_tolerance: float = Field(ge=0, lt=1, description="share of the planned dose")
    daily_dose_note_g: float = Field(gt=0)
    age_note_years: float = Field(gt=0)
    vials_g: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _numbers_fit(self) -> Self:
        if self.cycles_before_decision + self.cycles_after_decision > 6:
            raise ValueError(
                "cycles_before_decision + cycles_after_decision is over 6, the last cycle of the tables"
            )
        if not self.fewest_infusion_days <= self.infusion_days <= self.most_infusion_days:
            raise ValueError("infusion_days must lie between fewest_infusion_days and most_infusion_days")
        if any(vial <= 0 for vial in self.vials_g):
            raise ValueError("vials_g must all be over 0")
        return self

    @property
    def cycles(self) -> int:
        """Number of cycles of a full course."""
        return self.cycles_before_decision + self.cycles_after_decision


class Visit(_Sourced):
    """A visit: its target day and its window, in study days (day 1 = first infusion, no day 0)."""

    name: str = Field(min_length=1)
    target_day: int = Field(ge=2)
    first_day: int = Field(ge=2)
    last_day: int = Field(ge=2)

    @model_validator(mode="after")
    def _window_holds_target(self) -> Self:
        if not self.first_day <= self.target_day <= self.last_day:
            raise ValueError(
                f"window {self.first_day}-{self.last_day} does not hold the target day {self.target_day}"
            )
        return self


class Decision(_Sourced):
    """The interim decision per patient; not a stopping rule of the trial."""

    visit: str
    follow_up_day: int = Field(
        ge=2, description="alive and in contact on this day, a patient who should go on is expected to have"
    )


class Endpoint(_Sourced):
    """The response: a fall of the mRS at a visit."""

    visit: str
    secondary_visits: tuple[str, ...] = ()
    improvement_points: int = Field(default=1, ge=1, le=5)
    null_proportion: float | None = Field(default=None, gt=0, lt=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    on_treatment_days: int = Field(default=28, ge=0)


DeathStrategy = Literal["composite", "exclude"]
RescueStrategy = Literal["composite", "treatment policy"]
StoppedStrategy = Literal["treatment policy", "composite", "while on treatment"]
MissingStrategy = Literal["non-responder", "LOCF", "exclude", "best case"]


class Estimand(_Sourced):
    """A strategy for each intercurrent event and a rule for missing values, asked in this order."""

    death: DeathStrategy
    rescue: RescueStrategy
    stopped: StoppedStrategy
    missing: MissingStrategy

    def strategies(self) -> dict[str, str]:
        """Give the four strategies by name."""
        return {key: getattr(self, key) for key in ("death", "rescue", "stopped", "missing")}


class Medications(_Sourced):
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


class Protocol(Part):
    """The whole protocol.

    Attributes
    ----------
    id, version, title : str
        Which protocol; results carry id and version.
    sources : dict of str
        Key of a source to its full reference.
    criteria : tuple of Criterion
        Asked of every screened patient, in this order.
    treatment, visits, decision, endpoint, estimand, medications
        See the class of each.

    Examples
    --------
    >>> protocol = load_protocol("nct02343211")
    >>> protocol.treatment.dose_g_per_kg, protocol.visit("Month 3").target_day
    (2.0, 85)
    >>> [criterion.id for criterion in protocol.criteria][:4]
    ['I1', 'I2', 'I3', 'I4']
    """

    id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    sources: dict[str, str]
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    treatment: Treatment
    visits: tuple[Visit, ...] = Field(min_length=1)
    decision: Decision
    endpoint: Endpoint
    estimand: Estimand
    medications: Medications
    primary_rater: str | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems: list[str] = []
        names = [visit.name for visit in self.visits]
        ids = [criterion.id for criterion in self.criteria]
        problems += [f"criteria has {i} twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        problems += [f"visits has {n} twice" for n in sorted({n for n in names if names.count(n) > 1})]
        asked = [("decision.visit", self.decision.visit), ("endpoint.visit", self.endpoint.visit)]
        asked += [("endpoint.secondary_visits", name) for name in self.endpoint.secondary_visits]
        problems += [
            f"{key} is {name!r}; visits has {', '.join(names)}" for key, name in asked if name not in names
        ]
        for key, source in self._all_sources():
            if source not in self.sources and not source.startswith("assumed"):
                problems.append(
                    f'{key} names the source {source!r}; [sources] has {", ".join(self.sources)} (or write "assumed")'
                )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _all_sources(self) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = [(f"criteria.{c.id}", c.source) for c in self.criteria]
        parts: list[tuple[str, _Sourced]] = [
            (name, getattr(self, name))
            for name in ("treatment", "decision", "endpoint", "estimand", "medications")
        ]
        parts += [(f"visits.{visit.name}", visit) for visit in self.visits]
        pairs += [(f"{name}.{key}", source) for name, part in parts for key, source in part.source.items()]
        return pairs

    @cached_property
    def assumed(self) -> tuple[tuple[str, str], ...]:
        """Settings that no source states: (key, value as text), for the page that lists them."""
        found: list[tuple[str, str]] = []
        for key, source in self._all_sources():
            if not source.startswith("assumed"):
                continue
            section, _, name = key.rpartition(".")
            part: Any = (
                self.visit(section[7:]) if section.startswith("visits.") else getattr(self, section, None)
            )
            value = getattr(part, name, None)
            if isinstance(value, dict):
                value = f"{len(cast('dict[str, object]', value))} lists"
            found.append((key, "none" if value is None else str(value)))
        return tuple(found)

    def visit(self, name: str) -> Visit:
        """Find a visit by name.

        Parameters
        ----------
        name : str
            Such as "Month 3".

        Returns
        -------
        Visit

        Raises
        ------
        ProtocolError
            If the protocol has no visit of that name; the message lists those it has.
        """
        for visit in self.visits:
            if visit.name == name:
                return visit
        names = ", ".join(visit.name for visit in self.visits)
        raise ProtocolError(f"visit {name!r} is not in protocol {self.id}; it has {names}")

    def with_estimand(self, **strategies: str) -> Protocol:
        """Give the same protocol under another estimand.

        Parameters
        ----------
        **strategies : str
            ``death``, ``rescue``, ``stopped``, ``missing``; those not named stay.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For an event or a strategy that does not exist, with those that do.

        Examples
        --------
        >>> load_protocol("nct02343211").with_estimand(missing="LOCF").estimand.missing
        'LOCF'
        """
        return self.with_settings(estimand=strategies)

    def with_settings(self, **sections: dict[str, Any]) -> Protocol:
        """Give the same protocol with other settings; each changed setting is marked as assumed.

        Parameters
        ----------
        **sections : dict
            Settings by section, such as ``endpoint={"null_proportion": 0.1}``; for one visit
            ``visits={"Month 3": {"first_day": 64}}``.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For a section, key or value that is not allowed.

        Examples
        --------
        >>> load_protocol("nct02343211").with_settings(endpoint={"null_proportion": 0.1}).endpoint.null_proportion
        0.1
        """
        changes: dict[str, Any] = {}
        for section, settings in sections.items():
            if section == "visits":
                changes[section] = [{"name": self.visit(name).name, **settings[name]} for name in settings]
            elif isinstance(part := getattr(self, section, None), _Sourced):
                known = [name for name in type(part).model_fields if name != "source"]
                if unknown := [key for key in settings if key not in {*known, "source"}]:
                    noun = "event" if section == "estimand" else "setting"
                    raise ProtocolError(f"{section} has no {noun} {unknown[0]!r}; it has {', '.join(known)}")
                changes[section] = settings
            else:
                raise ProtocolError(f"protocol {self.id} has no section {section!r} that settings can change")
        return self._changed(changes)

    def _changed(self, changes: dict[str, Any]) -> Protocol:
        content = lay_over(self.model_dump(exclude_none=True), changes)
        return _FILES.validated(Protocol, content, f"protocol {self.id}, changed")

    def to_toml(self) -> str:
        """Write the protocol as TOML; reading it back gives an equal protocol.

        Returns
        -------
        str

        Examples
        --------
        >>> protocol = load_protocol("nct02343211")
        >>> Protocol.from_toml(protocol.to_toml()) == protocol
        True
        """
        import tomli_w

        return tomli_w.dumps(self.model_dump(exclude_none=True), multiline_strings=False)

    @classmethod
    def from_toml(cls, text: str, *, where: str = "protocol") -> Protocol:
        """Read a protocol from the text of a TOML file.

        Parameters
        ----------
        text : str
        where : str
            What the error message calls it.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            With every wrong key, its value and what is allowed.
        """
        return _FILES.validated(cls, _FILES.content(text, where), where)


def shipped_protocols() -> tuple[str, ...]:
    """Names of the protocols that come with the package.

    Examples
    --------
    >>> shipped_protocols()
    ('nct02343211', 'nct02343211-registry')
    """
    return _FILES.names()


def load_protocol(name_or_path: str | Path = "nct02343211") -> Protocol:
    """Load a protocol by its shipped name or from a file.

    Parameters
    ----------
    name_or_path : str or Path, default "nct02343211"
        A name of `shipped_protocols` in any case, or a TOML file.

    Returns
    -------
    Protocol

    Raises
    ------
    ProtocolError
        If there is no such file, or with every wrong key of it, its value and what is allowed.

    Examples
    --------
    >>> load_protocol().id, load_protocol("NCT02343211-registry").id
    ('nct02343211', 'nct02343211-registry')
    """
    text, where, folder = _FILES.text(name_or_path)
    return _FILES.validated(Protocol, _FILES.content(text, where, folder), where)

"""Which drugs are given, how much of each, and when?

Input: the section `treatment` of a protocol file.
Output: one frozen `Drug` per drug: its dose, days, cycles, what is checked and what is noted.
Protocol section: treatment.
Method: a dose is stated per kg, per square metre, flat, or not at all; body surface after Mosteller, N Engl J Med
1987;317:1098, or Du Bois and Du Bois, Arch Intern Med 1916;17:863.
Next: `objectives`.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from pnstrial.settings import Sourced

__all__ = ["CYCLES_OF_THE_TABLES", "DAILY_SLIP", "BodySurface", "Drug", "Treatment", "body_surface"]

CYCLES_OF_THE_TABLES: Final = 6
"""The last cycle number of the tables, where a regimen does not have more."""
DAILY_SLIP: Final = 1.1
"""A day's dose beyond this many planned doses of a whole cycle looks like a slip of the unit."""

BodySurface = Literal["Mosteller", "Du Bois"]

_PerKg = Annotated[float, Field(gt=0, le=10, description="g per kg of body weight and cycle")]
_PerM2 = Annotated[float, Field(gt=0, le=100, description="g per square metre of body surface and cycle")]
_Flat = Annotated[float, Field(gt=0, description="g a cycle, whatever the weight")]
_CycleDays = Annotated[int, Field(ge=1, description="days from one cycle's start to the next one's")]
_Days = Annotated[int, Field(ge=1)]
_Tolerance = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, lt=1, description="share of the planned dose")]
_Over0 = Annotated[float, Field(gt=0)]
_Vials = Annotated[tuple[float, ...], Field(min_length=1)]
_Stems = dict[str, tuple[Annotated[str, Field(min_length=1)], ...]]
_DAY_NOTE: Final = "the protocol asks for care from {:g} g a day on"
_AGE_NOTE: Final = "the protocol asks for care over {:g} years"


def body_surface(weight_kg: float, height_cm: float, method: BodySurface) -> float:
    """Give the body surface.

    Parameters
    ----------
    weight_kg, height_cm : float
    method : {"Mosteller", "Du Bois"}
        Square root of (cm x kg / 3600), or 0.007184 x kg^0.425 x cm^0.725.

    Returns
    -------
    float
        Square metres.

    Examples
    --------
    >>> round(body_surface(70, 175, "Mosteller"), 3), round(body_surface(70, 175, "Du Bois"), 3)
    (1.845, 1.848)
    """
    if not (weight_kg > 0 and height_cm > 0):
        raise ValueError(f"weight_kg is {weight_kg}, height_cm is {height_cm}; both must be over 0")
    if method == "Mosteller":
        return math.sqrt(height_cm * weight_kg / 3600)
    if method == "Du Bois":
        return 0.007184 * weight_kg**0.425 * height_cm**0.725
    raise ValueError(f"method is {method!r}; allowed are 'Mosteller' and 'Du Bois'")


class Drug(Sourced):
    """The regimen of one drug.

    Attributes
    ----------
    name : str
        The word of the column `drug` in the infusions.
    dose_g_per_kg, dose_g_per_m2, dose_g : float or None
        Dose of a cycle, in one of the three forms; all None where no dose is stated.
    cycles, required_cycles : int
        Cycles of a full course; those that the decision, the per-protocol set and `stopped` ask (by default all).
    counts : bool
        Whether those three ask this drug at all.
    names : tuple of str
        Other names of the drug in the medication records; without them, and without the name itself in a list, its
        class decides which record is the trial's own.
    events_of_interest : dict of str to tuple of str, or None
        Groups of adverse events that the report counts for this drug: by name the stems, of which a term holds one.

    Examples
    --------
    >>> drug = Drug(name="X", dose_g_per_m2=0.75, body_surface="Mosteller", cycle_days=28, cycles=6,
    ...             source={key: "assumed" for key in ("dose_g_per_m2", "body_surface", "cycle_days", "cycles")})
    >>> round(drug.planned_g(70, 175), 2), drug.required, drug.dose_in_words()
    (1.38, 6, '0.75 g/m2')
    """

    name: str = Field(min_length=1)
    names: tuple[str, ...] = ()
    dose_g_per_kg: _PerKg | None = None
    dose_g_per_m2: _PerM2 | None = None
    body_surface: BodySurface | None = None
    dose_g: _Flat | None = None
    cycle_days: _CycleDays
    cycles: Annotated[int, Field(ge=1, le=60)]
    required_cycles: Annotated[int, Field(ge=1, le=60)] | None = None
    counts: bool = True
    infusion_days: _Days = 1
    fewest_infusion_days: _Days | None = None
    most_infusion_days: _Days | None = None
    on_time_tolerance_days: _Tolerance = 7
    dose_tolerance: _Share = 0.1
    daily_dose_note_g: _Over0 | None = None
    daily_dose_note: str | None = None
    age_note_years: _Over0 | None = None
    age_note: str | None = None
    events_of_interest: _Stems | None = None
    vials_g: _Vials | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _numbers_fit(self) -> Self:
        doses = [
            key for key in ("dose_g_per_kg", "dose_g_per_m2", "dose_g") if getattr(self, key) is not None
        ]
        if len(doses) > 1:
            raise ValueError(f"a drug has one dose; this one has {' and '.join(doses)}")
        if (self.dose_g_per_m2 is None) != (self.body_surface is None):
            raise ValueError('dose_g_per_m2 and body_surface ("Mosteller" or "Du Bois") go together')
        if not self.fewest_days <= self.infusion_days <= self.most_days:
            raise ValueError("infusion_days must lie between fewest_infusion_days and most_infusion_days")
        if any(vial <= 0 for vial in self.vials_g or ()):
            raise ValueError("vials_g must all be over 0")
        for note in (self.daily_dose_note or "", self.age_note or ""):
            try:
                note.format(1.0)
            except (ValueError, IndexError, KeyError):
                raise ValueError(f"{note!r} holds something else in braces than {{:g}}, the limit") from None
        if self.required > self.cycles:
            raise ValueError(
                f"required_cycles is {self.required_cycles}; the course has {self.cycles} cycles"
            )
        return self

    @property
    def fewest_days(self) -> int:
        """Fewest infusion days of a cycle; by default those of the plan."""
        return self.infusion_days if self.fewest_infusion_days is None else self.fewest_infusion_days

    @property
    def most_days(self) -> int:
        """Most infusion days of a cycle; by default those of the plan."""
        return self.infusion_days if self.most_infusion_days is None else self.most_infusion_days

    @property
    def required(self) -> int:
        """Cycles that the decision, the per-protocol set and `stopped` ask."""
        return self.cycles if self.required_cycles is None else self.required_cycles

    @property
    def has_dose(self) -> bool:
        """Whether a dose is stated."""
        return any(dose is not None for dose in (self.dose_g_per_kg, self.dose_g_per_m2, self.dose_g))

    @property
    def vials(self) -> tuple[float, ...]:
        """Contents of the vials at hand, g; none where none are stated."""
        return self.vials_g or ()

    def planned_g(self, weight_kg: float, height_cm: float = math.nan) -> float:
        """Give the planned dose of a cycle.

        Parameters
        ----------
        weight_kg, height_cm : float
            nan where not known.

        Returns
        -------
        float
            g; nan where no dose is stated or what it needs is not known.
        """
        if self.dose_g is not None:
            return self.dose_g
        if self.dose_g_per_kg is not None:
            return self.dose_g_per_kg * weight_kg
        if self.dose_g_per_m2 is None or math.isnan(weight_kg) or math.isnan(height_cm):
            return math.nan
        return self.dose_g_per_m2 * body_surface(weight_kg, height_cm, self.body_surface or "Mosteller")

    def notes_on(self, daily_g: float, age: float | None) -> tuple[str, ...]:
        """Say what to heed at a day's dose (g) and an age (years): limits of the regimen, then its notes.

        Parameters
        ----------
        daily_g : float
            nan where not known.
        age : float or None
        """
        found: list[str] = []
        limit, years = self.daily_dose_note_g, self.age_note_years
        if limit is not None and daily_g >= limit - 1e-9:
            found.append(f"{daily_g:.4g} g a day: {(self.daily_dose_note or _DAY_NOTE).format(limit)}")
        if age is not None and years is not None and age > years:
            found.append(f"age {age:g}: {(self.age_note or _AGE_NOTE).format(years)}")
        return (*found, *self.notes)

    def dose_in_words(self, times: float = 1) -> str:
        """Write the dose of a cycle: "2 g/kg", "0.75 g/m2", "1 g", "dose not stated"."""
        for dose, unit in (
            (self.dose_g_per_kg, "g/kg"),
            (self.dose_g_per_m2, "g/m2"),
            (self.dose_g, "g"),
        ):
            if dose is not None:
                return f"{times * dose:g} {unit}"
        return "dose not stated"

    def plan_in_words(self) -> str:
        """Write the regimen: "2 g/kg a cycle, every 28 days"."""
        return f"{self.dose_in_words()}{' a cycle' * self.has_dose}, every {self.cycle_days} days"


_ONE_DRUG: Final = ("cycle_days", "cycles_before_decision", "cycles_after_decision")
UNNAMED: Final = "study drug"
"""What the one drug of a protocol is called that does not name it."""


class Treatment(Sourced):
    """Doses and dates of the cycles: of one drug, or of several in `drugs`.

    One drug may stand in the section itself: `drug` is its name, `cycles_before_decision` its required cycles. Read
    `Protocol.drugs`, which has every drug in the same form.
    """

    drug: Annotated[str, Field(min_length=1)] | None = None
    names: tuple[str, ...] = ()
    dose_g_per_kg: _PerKg | None = None
    dose_g_per_m2: _PerM2 | None = None
    body_surface: BodySurface | None = None
    dose_g: _Flat | None = None
    cycle_days: _CycleDays | None = None
    cycles_before_decision: Annotated[int, Field(ge=1, le=6)] | None = None
    cycles_after_decision: Annotated[int, Field(ge=0, le=5)] | None = None
    infusion_days: _Days | None = None
    fewest_infusion_days: _Days | None = None
    most_infusion_days: _Days | None = None
    on_time_tolerance_days: _Tolerance | None = None
    dose_tolerance: _Share | None = None
    daily_dose_note_g: _Over0 | None = None
    daily_dose_note: str | None = None
    age_note_years: _Over0 | None = None
    age_note: str | None = None
    events_of_interest: _Stems | None = None
    vials_g: _Vials | None = None
    notes: tuple[str, ...] = ()
    drugs: tuple[Drug, ...] = ()
    source: dict[str, str] = Field(default_factory=dict[str, str], repr=False)

    tables: ClassVar[tuple[str, ...]] = ("drugs",)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        own = [
            key for key in type(self).model_fields if key not in {"drugs", "source"} and getattr(self, key)
        ]
        if self.drugs:
            if own:
                raise ValueError(f"{', '.join(own)} stand beside [[treatment.drugs]]; write them into a drug")
            names = [drug.name.casefold() for drug in self.drugs]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"drugs has {', '.join(twice)} twice")
            if not any(drug.counts for drug in self.drugs):
                raise ValueError("no drug counts; one at least must have counts = true")
            return self
        if missing := [key for key in _ONE_DRUG if getattr(self, key) is None]:
            raise ValueError(f"{', '.join(missing)} missing; a treatment has these, or [[treatment.drugs]]")
        if self.cycles > CYCLES_OF_THE_TABLES:
            raise ValueError(
                "cycles_before_decision + cycles_after_decision is over 6, the last cycle of the tables"
            )
        _ = self.every_drug
        return self

    @cached_property
    def every_drug(self) -> tuple[Drug, ...]:
        """Every drug in one form; `Protocol.drugs`."""
        if self.drugs:
            return self.drugs
        own = {
            key: value
            for key in Drug.model_fields
            if key in type(self).model_fields and (value := getattr(self, key)) is not None
        }
        source = {key: why for key, why in self.source.items() if key in own}
        required, after = self.cycles_before_decision or 1, self.cycles_after_decision or 0
        how = {"cycles": "cycles_after_decision", "required_cycles": "cycles_before_decision"}
        source |= {key: self.source.get(name, "assumed") for key, name in how.items()}
        content = {
            **own,
            "name": self.drug or UNNAMED,
            "cycles": required + after,
            "required_cycles": required,
        }
        return (Drug.model_validate({**content, "source": source}),)

    @property
    def cycles(self) -> int:
        """Number of cycles of a full course: of the drug that has most."""
        if self.drugs:
            return max(drug.cycles for drug in self.drugs)
        return (self.cycles_before_decision or 0) + (self.cycles_after_decision or 0)

    def in_words(self, *, decided: bool) -> list[str]:
        """Write the regimens, a line each; of one drug its cycles on a line of their own.

        Parameters
        ----------
        decided : bool
            Whether a decision stands between the required cycles and those after them.
        """
        lines: list[str] = []
        for drug in self.every_drug:
            cycles = f"{drug.cycles} cycles"
            if decided and drug.counts:
                cycles = f"{drug.required} cycles before the decision, {drug.cycles - drug.required} after it"
            if len(self.every_drug) > 1:
                lines.append(f"  {drug.name}: {drug.plan_in_words()}, {cycles}")
            else:
                lines += [f"  {drug.plan_in_words()}", f"  {cycles}"]
        return lines

"""How much IVIg was planned, and how much was given, when?

Input: a weight (to plan), or the infusion and screening tables (to summarise).
Output: doses, dates, vials and notes of a planned course; given against planned per cycle, dose intensity and
deviations per patient.
Protocol section: treatment.
Method: planned dose of a cycle = g/kg x weight; ideal weight after Devine, Drug Intell Clin Pharm 1974;8:650;
relative dose intensity = given g/kg per day over planned g/kg per day.
Next: `visits`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from pnstrial.data.allowed import protocol_of
from pnstrial.data.arguments import date_of, trial_and_protocol
from pnstrial.data.doses import suspected_weight
from pnstrial.numerics.arguments import as_number
from pnstrial.protocol import Protocol
from pnstrial.results import Display, Result, rows_of

if TYPE_CHECKING:
    from pnstrial.data import TrialData

__all__ = [
    "CyclePlan",
    "Exposure",
    "TreatmentPlan",
    "choose_vials",
    "dosing_weight",
    "given_cycles",
    "ideal_weight",
    "plan_cycle",
    "plan_treatment",
    "round_dose",
    "summarise",
]

TOLERANCE = 1e-9
"""Thresholds are exact decimals: a number this close to one counts as equal to it."""
DEVINE_BASE_CM = 152.4
"""Devine's formula starts at 60 inches; below it the ideal weight stays at its base."""

WeightBasis = Literal["actual", "ideal", "adjusted"]


# --------------------------------------------------------------------------------------------------- planning
def _over_0(name: str, value: object, unit: str) -> None:
    number = as_number(value)
    if number is None or not number > 0:
        raise ValueError(f"{name} is {value}; it must be over 0 ({unit})")


def ideal_weight(height_cm: float, sex: str) -> float:
    """Give the ideal body weight after Devine (1974).

    Parameters
    ----------
    height_cm : float
        Height, cm; below 152.4 cm the weight stays at its base.
    sex : {"female", "male"}

    Returns
    -------
    float
        kg: 50 (men) or 45.5 (women) + 2.3 for each inch over 60.

    Raises
    ------
    ValueError
        If the height is not over 0 or the sex is another word.

    Examples
    --------
    >>> round(ideal_weight(177.8, "male"), 1), ideal_weight(140, "female")
    (73.0, 45.5)
    """
    _over_0("height_cm", height_cm, "cm")
    if sex not in ("female", "male"):
        raise ValueError(f"sex is {sex!r}; it must be female or male")
    base = 45.5 if sex == "female" else 50.0
    return base + 2.3 * max(0.0, (height_cm - DEVINE_BASE_CM) / 2.54)


def dosing_weight(
    weight_kg: float, basis: WeightBasis = "actual", height_cm: float | None = None, sex: str | None = None
) -> float:
    """Give the weight that a dose is reckoned with.

    Parameters
    ----------
    weight_kg : float
        Actual weight, kg.
    basis : {"actual", "ideal", "adjusted"}
        "adjusted" is ideal + 0.4 x (actual - ideal), and the actual weight if that is below the ideal one.
    height_cm, sex : optional
        Needed by "ideal" and "adjusted".

    Returns
    -------
    float
        kg.

    Raises
    ------
    ValueError
        For a weight not over 0, another basis, or height or sex missing where they are needed.

    Examples
    --------
    >>> round(dosing_weight(120, "adjusted", 177.8, "male"), 1)
    91.8
    """
    _over_0("weight_kg", weight_kg, "kg")
    if basis not in ("actual", "ideal", "adjusted"):
        raise ValueError(f"basis is {basis!r}; allowed are actual, ideal and adjusted")
    if basis == "actual":
        return weight_kg
    if height_cm is None or sex is None:
        raise ValueError(f"basis {basis!r} needs height_cm and sex; give both, or use the actual weight")
    ideal = ideal_weight(height_cm, sex)
    if basis == "ideal":
        return ideal
    return weight_kg if weight_kg < ideal else ideal + 0.4 * (weight_kg - ideal)


def round_dose(dose_g: float, to_g: float = 5.0) -> float:
    """Round a dose to the nearest step, halves up.

    Examples
    --------
    >>> round_dose(142.5), round_dose(142.4)
    (145.0, 140.0)
    """
    _over_0("to_g", to_g, "g")
    if as_number(dose_g) is None:
        raise ValueError(f"dose_g is {dose_g}; it must be a number (g)")
    return math.floor(dose_g / to_g + 0.5 + TOLERANCE) * to_g


def choose_vials(dose_g: float, vials_g: Sequence[float] = (2.5, 5, 10, 20, 40)) -> dict[float, int]:
    """Choose the vials of a dose: least waste, then fewest vials.

    Parameters
    ----------
    dose_g : float
        Dose, g.
    vials_g : sequence of float
        Contents of the vials at hand, g.

    Returns
    -------
    dict of float to int
        Content to number, largest first; the contents add up to at least the dose.

    Raises
    ------
    ValueError
        For a dose below 0, or vials that are none or not over 0.

    Examples
    --------
    >>> choose_vials(131.4)
    {40: 3, 10: 1, 2.5: 1}
    """
    number = as_number(dose_g)
    if number is None or number < 0:
        raise ValueError(f"dose_g is {dose_g}; it must be a dose of at least 0 (g)")
    sizes = vials_g if isinstance(vials_g, Sequence) and not isinstance(vials_g, str) else ()  # pyright: ignore[reportUnnecessaryIsInstance]
    if not sizes or any((as_number(vial) or 0) <= 0 for vial in sizes):
        raise ValueError(f"vials_g is {vials_g}; give at least one content over 0 (g)")
    exact = {vial: Fraction(str(vial)) for vial in vials_g}
    unit = Fraction(1, math.lcm(*(part.denominator for part in exact.values())))
    sizes = {vial: int(part / unit) for vial, part in exact.items()}
    needed = max(0, math.ceil(Fraction(dose_g - TOLERANCE) / unit))
    # fewest vials for every total (coin change); the first total from the dose on that can be made wastes least
    fewest: list[int] = [0]
    last: list[float | None] = [None]
    total = 0
    while not (total >= needed and fewest[total] < math.inf):
        total += 1
        options = [
            (fewest[total - size] + 1, -size, vial)
            for vial, size in sizes.items()
            if size <= total and fewest[total - size] < math.inf
        ]
        best = min(options, default=None)
        fewest.append(int(best[0]) if best else math.inf)  # type: ignore[arg-type]
        last.append(best[2] if best else None)
    chosen: Counter[float] = Counter()
    while total:
        vial = last[total]
        if vial is None:
            break
        chosen[vial] += 1
        total -= sizes[vial]
    return {vial: chosen[vial] for vial in sorted(chosen, reverse=True)}


@dataclass(frozen=True)
class CyclePlan(Result):
    """One planned cycle.

    Attributes
    ----------
    cycle : int
    start : datetime.date or None
    dosing_weight_kg, dose_g : float
        The weight that the dose is reckoned with, and the dose of the cycle after rounding.
    daily_g : tuple of float
        Dose of each infusion day.
    dates : tuple of datetime.date
        The infusion days, empty without a start.
    vials : dict
        Vials of the whole cycle: content in g to number.
    vials_per_day : dict
        Vials of one infusion day, if every day's dose is drawn from its own.
    waste_g : float
        What the cycle's vials hold beyond the dose.
    notes : tuple of str
        What to heed: a day's dose that was linked to thrombosis, age.
    """

    cycle: int
    start: dt.date | None
    dosing_weight_kg: float
    dose_g: float
    daily_g: tuple[float, ...]
    dates: tuple[dt.date, ...]
    vials: dict[float, int]
    vials_per_day: dict[float, int]
    waste_g: float
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the cycle as one row."""
        return pd.DataFrame(
            [
                {
                    "cycle": self.cycle,
                    "start": None if self.start is None else self.start.isoformat(),
                    "last_day": self.dates[-1].isoformat() if self.dates else None,
                    "dosing_weight_kg": self.dosing_weight_kg,
                    "dose_g": self.dose_g,
                    "days": len(self.daily_g),
                    "daily_g": self.daily_g[0],
                    "vials": show_vials(self.vials),
                    "vials_per_day": show_vials(self.vials_per_day),
                    "waste_g": self.waste_g,
                }
            ]
        )

    def _display(self) -> Display:
        return Display(_plan_text(self.to_frame()) + "".join(f"\n! {note}" for note in self.notes))


def _plan_text(frame: pd.DataFrame) -> str:
    """Lay out a plan: weights with one decimal, grams to the hundredth without trailing zeros."""

    def grams(value: float) -> str:
        return f"{value:.2f}".rstrip("0").rstrip(".")

    written = {"dosing_weight_kg": "{:.1f}".format, "dose_g": grams, "daily_g": grams, "waste_g": grams}
    return frame.to_string(index=False, formatters=written)


def show_vials(vials: dict[float, int]) -> str:
    """Write vials as a pharmacist does: "3 x 40 g + 1 x 10 g"."""
    return " + ".join(f"{number} x {content:g} g" for content, number in vials.items()) or "none"


def plan_cycle(
    weight_kg: float,
    protocol: Protocol,
    *,
    cycle: int = 1,
    start: str | dt.date | None = None,
    basis: WeightBasis = "actual",
    height_cm: float | None = None,
    sex: str | None = None,
    age: float | None = None,
    round_to_g: float | None = None,
    days: int | None = None,
) -> CyclePlan:
    """Plan one cycle: dose, days, vials, notes.

    Parameters
    ----------
    weight_kg : float
        Actual weight, kg.
    protocol : Protocol
    cycle : int, default 1
    start : str or datetime.date, optional
        First infusion day.
    basis, height_cm, sex
        See `dosing_weight`; the protocol's default is the actual weight.
    age : float, optional
        Years; over 65 adds a note.
    round_to_g : float, optional
        Round the dose to this step (5 g is usual), halves up; by default the dose is not rounded.
    days : int, optional
        Infusion days, 2 to 5; by default those of the protocol.

    Returns
    -------
    CyclePlan

    Raises
    ------
    ValueError
        For a weight not over 0, days or a cycle that the protocol does not allow, or a dose that rounds to 0.

    Examples
    --------
    >>> from pnstrial.protocol import load_protocol
    >>> plan = plan_cycle(70, load_protocol("nct02343211"))
    >>> plan.dose_g, plan.daily_g, plan.vials
    (140.0, (28.0, 28.0, 28.0, 28.0, 28.0), {40.0: 3, 20.0: 1})
    """
    protocol = protocol_of(protocol)
    treatment = protocol.treatment
    if not 1 <= (as_number(cycle) or 0) <= treatment.cycles or cycle != int(cycle):
        raise ValueError(f"cycle is {cycle}; protocol {protocol.id} has cycles 1 to {treatment.cycles}")
    first = None if start is None else date_of(start, "start")
    count = treatment.infusion_days if days is None else days
    number = as_number(count)
    if (
        number is None
        or number != int(number)
        or not (treatment.fewest_infusion_days <= number <= treatment.most_infusion_days)
    ):
        allowed = f"{treatment.fewest_infusion_days} to {treatment.most_infusion_days}"
        raise ValueError(f"days is {count}; protocol {protocol.id} allows {allowed} infusion days")
    weight = dosing_weight(weight_kg, basis, height_cm, sex)
    dose = treatment.dose_g_per_kg * weight
    if age is not None and as_number(age) is None:
        raise ValueError(f"age is {age}; it must be a number (years)")
    if round_to_g is not None:
        _over_0("round_to_g", round_to_g, "g")
        dose = round_dose(dose, round_to_g)
        if dose == 0:
            raise ValueError(
                f"round_to_g is {round_to_g:g}, which rounds the dose to 0 g; use a smaller step"
            )
    daily = dose / count
    notes: list[str] = []
    if daily >= treatment.daily_dose_note_g - TOLERANCE:
        notes.append(
            f"{daily:.4g} g a day: early thrombosis was linked to {treatment.daily_dose_note_g:g} g a day or more"
        )
    if age is not None and age > treatment.age_note_years:
        notes.append(f"age {age:g}: over {treatment.age_note_years:g} years the risk of thrombosis is higher")
    vials = choose_vials(dose, treatment.vials_g)
    return CyclePlan(
        cycle=cycle,
        start=first,
        dosing_weight_kg=weight,
        dose_g=dose,
        daily_g=(daily,) * count,
        dates=() if first is None else tuple(first + dt.timedelta(days=day) for day in range(count)),
        vials=vials,
        vials_per_day=choose_vials(daily, treatment.vials_g),
        waste_g=round(sum(content * number for content, number in vials.items()) - dose, 9),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class TreatmentPlan(Result):
    """A planned course.

    Attributes
    ----------
    cycles : tuple of CyclePlan
    decision_day : datetime.date
        Target day of the interim decision; the cycles after it are given only if it is to continue.
    cycles_before_decision : int
    """

    cycles: tuple[CyclePlan, ...]
    decision_visit: str
    decision_day: dt.date
    cycles_before_decision: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cycle, with ``condition``: always, or only if the decision is to continue."""
        frame = pd.concat([cycle.to_frame() for cycle in self.cycles], ignore_index=True)
        after = frame["cycle"] > self.cycles_before_decision
        frame["condition"] = np.where(after, f"if {self.decision_visit} is stable or improved", "always")
        return frame

    def _display(self) -> Display:
        notes = dict.fromkeys(note for cycle in self.cycles for note in cycle.notes)
        return Display(
            _plan_text(self.to_frame())
            + f"\n{self.decision_visit} decision: {self.decision_day.isoformat()}"
            + "".join(f"\n! {note}" for note in notes)
        )


def plan_treatment(
    weight_kg: float,
    start: str | dt.date,
    protocol: str | Protocol = "nct02343211",
    **options: Any,
) -> TreatmentPlan:
    """Plan the whole course: every cycle with its dates, and the day of the decision.

    Parameters
    ----------
    weight_kg : float
        Actual weight, kg.
    start : str or datetime.date
        First infusion, day 1; text as 2026-01-05.
    protocol : Protocol or str, default "nct02343211"
        The protocol, its name or path.
    **options
        As in `plan_cycle`.

    Returns
    -------
    TreatmentPlan

    Examples
    --------
    >>> plan = plan_treatment(70, "2026-01-05")
    >>> [cycle.start.isoformat() for cycle in plan.cycles][:3], plan.decision_day.isoformat()
    (['2026-01-05', '2026-02-02', '2026-03-02'], '2026-03-30')
    """
    if isinstance(start, Protocol):  # swapped
        start, protocol = cast("Any", protocol), start
    protocol, first = protocol_of(protocol), date_of(start, "start")
    treatment = protocol.treatment
    try:
        cycles = tuple(
            plan_cycle(
                weight_kg,
                protocol,
                cycle=number + 1,
                start=first + dt.timedelta(days=number * treatment.cycle_days),
                **options,
            )
            for number in range(treatment.cycles)
        )
        decision = first + dt.timedelta(days=protocol.visit(protocol.decision.visit).target_day - 1)
    except OverflowError:
        raise ValueError(
            f"start is {first}; the course would end after the last date of the calendar"
        ) from None
    return TreatmentPlan(cycles, protocol.decision.visit, decision, treatment.cycles_before_decision)


# ------------------------------------------------------------------------------------------------ summarising
@dataclass(frozen=True, eq=False)
class Exposure(Result):
    """What was given, against what was planned.

    Attributes
    ----------
    cycles : pandas.DataFrame
        One row per enrolled patient and given cycle: patient_id, cycle, weight_kg, planned_g, given_g, start, end,
        days, on_time (True, False or None = not assessable), dose_as_planned (True, False, None).
    patients : pandas.DataFrame
        One row per enrolled patient: patient_id, cycles_given, total_g, first_infusion, last_infusion,
        relative_dose_intensity, share_of_course (nan where not known).
    deviations : pandas.DataFrame
        patient_id, cycle, deviation: one row for each departure from the plan.
    protocol_id, protocol_version : str
    """

    cycles: pd.DataFrame
    patients: pd.DataFrame
    deviations: pd.DataFrame
    protocol_id: str
    protocol_version: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per given cycle."""
        return self.cycles.copy()

    def _display(self) -> Display:
        given = int((self.patients["cycles_given"] > 0).sum())
        head = f"Exposure under {self.protocol_id}: {given} of {len(self.patients)} enrolled patients were infused"
        return Display(f"{head}\n{self.patients.to_string(index=False)}" if len(self.patients) else head)


def given_cycles(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Sum up every given cycle of every patient (doses that add to more than 0).

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        Sorted by patient and cycle: patient_id, cycle, weight_kg (first recorded weight of the cycle, else that at
        screening; nan where it is missing or looks like a unit slip), planned_g, given_g, start, end, days,
        on_time, dose_as_planned.
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    treatment = protocol.treatment
    infusions = trial.infusions
    given = infusions[infusions["dose_g"] > 0].sort_values(["patient_id", "cycle", "date"], kind="stable")
    groups = given.groupby(["patient_id", "cycle"], sort=True)
    frame = groups.agg(
        weight_kg=("weight_kg", "first"),
        given_g=("dose_g", "sum"),
        start=("date", "min"),
        end=("date", "max"),
        days=("date", "size"),
    ).reset_index()
    frame["cycle"] = frame["cycle"].astype(int)
    screening = trial.screening.drop_duplicates("patient_id").set_index("patient_id")["weight_kg"]
    weight = frame["weight_kg"].fillna(frame["patient_id"].map(screening)).to_numpy(dtype=float)
    frame["weight_kg"] = np.where(suspected_weight(weight), np.nan, weight)
    planned = treatment.dose_g_per_kg * frame["weight_kg"].to_numpy()
    frame["planned_g"] = planned
    close = np.abs(frame["given_g"].to_numpy() - planned) <= treatment.dose_tolerance * planned + TOLERANCE
    frame["dose_as_planned"] = pd.Series(close, dtype=object).where(~np.isnan(planned), None)
    previous = frame[["patient_id", "cycle", "start"]].assign(cycle=frame["cycle"] + 1)
    before = frame[["patient_id", "cycle"]].merge(previous, on=["patient_id", "cycle"], how="left")["start"]
    gap = (frame["start"] - before.to_numpy()).dt.days
    on_time = (gap - treatment.cycle_days).abs() <= treatment.on_time_tolerance_days
    first = frame["cycle"] == 1
    frame["on_time"] = pd.Series(on_time | first, dtype=object).where(first | gap.notna(), None)
    order = ["patient_id", "cycle", "weight_kg", "planned_g", "given_g", "start", "end", "days"]
    return frame[[*order, "on_time", "dose_as_planned"]]


def summarise(trial: TrialData, protocol: Protocol) -> Exposure:
    """Compare what was given with what was planned.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    Exposure

    Notes
    -----
    Relative dose intensity = (sum over given cycles of g per kg / days from the first infusion to one cycle length
    after the start of the given cycle latest in time) / (planned g per kg per cycle length). Share of the course =
    g per kg given in the cycles before the decision / those planned. Neither is known where a weight that it needs
    is missing or where nothing was given.

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"],
    ...                                "enrolment_date": ["2014-03-02"], "weight_kg": [70]}),
    ...     "infusions": pd.DataFrame({"patient_id": ["A"] * 2, "cycle": [1, 1],
    ...                                "date": ["2014-03-03", "2014-03-04"], "dose_g": [70, 70]}),
    ... })
    >>> summarise(trial, pns.load_protocol("nct02343211")).patients.round(3).loc[0, "share_of_course"]
    np.float64(0.333)
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    treatment = protocol.treatment
    enrolled = trial.enrolled
    cycles = given_cycles(trial, protocol)
    cycles = cycles[cycles["patient_id"].isin(enrolled)].reset_index(drop=True)
    per_kg = cycles["given_g"] / cycles["weight_kg"]
    counted = cycles.assign(per_kg=per_kg, early=cycles["cycle"] <= treatment.cycles_before_decision)
    groups = counted.groupby("patient_id")
    whole = groups["per_kg"].agg(lambda values: values.sum(skipna=False))
    early = counted["per_kg"].where(counted["early"], 0.0).groupby(counted["patient_id"])
    share = early.agg(lambda values: values.sum(skipna=False)) / (
        treatment.cycles_before_decision * treatment.dose_g_per_kg
    )
    span = (groups["start"].max() - groups["start"].min()).dt.days + treatment.cycle_days
    intensity = whole / span / (treatment.dose_g_per_kg / treatment.cycle_days)
    patients = pd.DataFrame({"patient_id": np.array(enrolled, dtype=object)})
    who = patients["patient_id"]
    patients["cycles_given"] = who.map(groups.size()).fillna(0).astype(int)
    patients["total_g"] = who.map(groups["given_g"].sum()).fillna(0.0)
    patients["first_infusion"] = pd.to_datetime(who.map(groups["start"].min()))
    patients["last_infusion"] = pd.to_datetime(who.map(groups["end"].max()))
    patients["relative_dose_intensity"] = who.map(intensity).astype(float)
    patients["share_of_course"] = who.map(share).astype(float)
    return Exposure(cycles, patients, _deviations(cycles, enrolled, protocol), protocol.id, protocol.version)


@dataclass
class _Deviations:
    rows: list[tuple[str, int | None, str]] = field(default_factory=list[tuple[str, int | None, str]])

    def add(self, patient: str, cycle: int | None, deviation: str) -> None:
        self.rows.append((patient, cycle, deviation))


def _deviations(cycles: pd.DataFrame, enrolled: list[str], protocol: Protocol) -> pd.DataFrame:
    """List every departure from the plan: not infused, late or early, dose, number of days."""
    treatment = protocol.treatment
    found = _Deviations()
    by_patient = {str(patient): rows for patient, rows in cycles.groupby("patient_id", sort=False)}
    for patient in enrolled:
        rows = by_patient.get(patient)
        if rows is None:
            found.add(patient, None, "enrolled, never infused")
            continue
        for row in rows_of(rows):
            cycle = int(row.cycle)
            if row.on_time is False:
                found.add(
                    patient,
                    cycle,
                    f"started outside {treatment.cycle_days} +- {treatment.on_time_tolerance_days} days "
                    "after the cycle before",
                )
            if row.dose_as_planned is False:
                share = 100 * (float(row.given_g) / float(row.planned_g) - 1)
                found.add(
                    patient, cycle, f"{row.given_g:g} g given, {row.planned_g:.4g} g planned ({share:+.0f} %)"
                )
            if not treatment.fewest_infusion_days <= int(row.days) <= treatment.most_infusion_days:
                found.add(
                    patient, cycle, f"given on {row.days} infusion {'day' if row.days == 1 else 'days'}"
                )
    frame = pd.DataFrame(found.rows, columns=["patient_id", "cycle", "deviation"])
    return frame.astype({"cycle": "Int64"})

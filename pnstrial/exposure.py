"""How much of each drug was planned, and how much was given, when?

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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from pnstrial.data.allowed import protocol_of
from pnstrial.data.arguments import date_of, trial_and_protocol
from pnstrial.data.doses import suspected_height, suspected_weight
from pnstrial.dosing import (
    TOLERANCE,
    WeightBasis,
    check_over_0,
    choose_vials,
    dosing_weight,
    ideal_weight,
    round_dose,
    show_vials,
)
from pnstrial.frames import value_of
from pnstrial.numerics.arguments import Checks, as_number, display
from pnstrial.protocol import Protocol
from pnstrial.regimen import body_surface
from pnstrial.results import Display, Result, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.objectives import Visit
    from pnstrial.regimen import Drug

__all__ = [
    "CyclePlan",
    "Exposure",
    "PlannedVisit",
    "TreatmentPlan",
    "choose_vials",
    "dosing_weight",
    "given_cycles",
    "ideal_weight",
    "infusions_of",
    "plan_cycle",
    "plan_treatment",
    "round_dose",
    "summarise",
]

_TEN_YEARS = 3653
"""Days; a start that is further away is taken for a slip of the year."""


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
        What to heed: a day's dose, age, notes of the protocol.
    drug : str
    conditional : bool
        Whether it is given only if the interim decision is to go on.
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
    drug: str = ""
    conditional: bool = False

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
    return frame.to_string(index=False, formatters=written, na_rep="not stated")


def _refuse_slips(weight: float, height: float | None) -> None:
    """Refuse a weight and height that are not used in collected tables either, and name the likely slip."""
    if suspected_weight(weight):
        slip = (
            "is it in grams?" if weight > 10_000
            else f"was {weight / 10:g} meant, or is it in pounds?" if weight > 250
            else "is a digit missing, or is it another patient's age or height?"
        )  # fmt: skip
        raise ValueError(f"weight_kg is {weight:g}; a weight is expected from 25 to 250 kg; {slip}")
    if height is not None:
        check_over_0("height_cm", height, "cm")
    if height is not None and suspected_height(height):
        slip = (
            f"was {100 * height:g} cm meant?" if 1 <= height <= 2.3
            else f"was {height / 10:g} cm meant (it looks like mm)?" if 1000 <= height <= 2300
            else "write it in cm"
        )  # fmt: skip
        raise ValueError(f"height_cm is {height:g}; a height is expected from 100 to 230 cm; {slip}")


def plan_cycle(
    weight_kg: float,
    protocol: Protocol,
    *,
    drug: str | None = None,
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
    drug : str, optional
        By default the first drug of the protocol that counts.
    cycle : int, default 1
    start : str or datetime.date, optional
        First infusion day.
    basis, height_cm, sex
        See `dosing_weight`; the protocol's default is the actual weight.
        A dose per square metre needs the height.
    age : float, optional
        Years; over the drug's limit adds a note.
    round_to_g : float, optional
        Round the dose to this step (5 g is usual), halves up; by default the dose is not rounded.
    days : int, optional
        Infusion days; by default those of the protocol.

    Returns
    -------
    CyclePlan

    Raises
    ------
    ValueError
        For a weight or height that looks like a slip (under 25 or over 250 kg, under 100 or over 230 cm: such values
        are not used anywhere), days or a cycle that the protocol does not allow, or a dose that rounds to 0.

    Examples
    --------
    >>> from pnstrial.protocol import load_protocol
    >>> plan = plan_cycle(70, load_protocol("nct02343211"))
    >>> plan.dose_g, plan.daily_g, plan.vials
    (140.0, (28.0, 28.0, 28.0, 28.0, 28.0), {40.0: 3, 20.0: 1})
    """
    protocol = protocol_of(protocol)
    checks = Checks("plan_cycle").add(
        drug is not None and type(drug) is not str, f"drug = {display(drug)} must be the name of a drug"
    )
    if height_cm is not None:
        checks.positive("height_cm", height_cm)
    checks.done()
    given = protocol.drug(drug)
    if not 1 <= (as_number(cycle) or 0) <= given.cycles or cycle != int(cycle):
        raise ValueError(f"cycle is {cycle}; protocol {protocol.id} has cycles 1 to {given.cycles}")
    first = None if start is None else date_of(start, "start")
    count = given.infusion_days if days is None else days
    number = as_number(count)
    if number is None or number != int(number) or not (given.fewest_days <= number <= given.most_days):
        allowed = f"{given.fewest_days} to {given.most_days}"
        raise ValueError(f"days is {count}; protocol {protocol.id} allows {allowed} infusion days")
    cycle, count = int(cycle), int(number)
    weight = dosing_weight(weight_kg, basis, height_cm, sex)
    _refuse_slips(weight_kg, height_cm)
    if given.dose_g_per_m2 is not None and height_cm is None:
        raise ValueError(f"{given.name} is dosed per square metre of body surface; give height_cm too")
    dose = given.planned_g(weight, math.nan if height_cm is None else height_cm)
    if age is not None and as_number(age) is None:
        raise ValueError(f"age is {age}; it must be a number (years)")
    if round_to_g is not None:
        check_over_0("round_to_g", round_to_g, "g")
        dose = dose if math.isnan(dose) else round_dose(dose, round_to_g)
        if dose == 0:
            raise ValueError(
                f"round_to_g is {round_to_g:g}, which rounds the dose to 0 g; use a smaller step"
            )
    daily = dose / count
    vials = choose_vials(dose, given.vials) if given.vials and given.has_dose else {}
    waste = round(sum(content * number for content, number in vials.items()) - dose, 9) if vials else 0.0
    return CyclePlan(
        cycle=cycle,
        start=first,
        dosing_weight_kg=weight,
        dose_g=dose,
        daily_g=(daily,) * count,
        dates=() if first is None else tuple(first + dt.timedelta(days=day) for day in range(count)),
        vials=vials,
        vials_per_day=choose_vials(daily, given.vials) if vials else {},
        waste_g=waste,
        notes=given.notes_on(daily, age),
        drug=given.name,
        conditional=protocol.decision is not None and cycle > given.required,
    )


@dataclass(frozen=True)
class PlannedVisit(Result):
    """When a visit is due.

    Attributes
    ----------
    visit : str
    target, first, last : datetime.date
        Its target day, and the first and last day of its window.
    after : str
        What its days count from: "first infusion", or "last infusion", which is the last one planned.
    """

    visit: str
    target: dt.date
    first: dt.date
    last: dt.date
    after: str = "first infusion"


@dataclass(frozen=True)
class TreatmentPlan(Result):
    """A planned course.

    Attributes
    ----------
    cycles : tuple of CyclePlan
        In order of time, then of the drugs.
    decision_visit : str or None
    decision_day : datetime.date or None
        Target day of the interim decision; the cycles after it are given only if it is to continue. None where
        there is no decision.
    cycles_before_decision : int
        Of the first drug that counts; all where there is no decision.
    continuing : tuple of str
        The categories with which treatment goes on.
    visits : tuple of PlannedVisit
        Every visit of the protocol with its window, in the order of the protocol.
    """

    cycles: tuple[CyclePlan, ...]
    decision_visit: str | None
    decision_day: dt.date | None
    cycles_before_decision: int
    continuing: tuple[str, ...] = ("improved", "stable")
    visits: tuple[PlannedVisit, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cycle and drug, with ``condition``: always, or only if the decision is to continue."""
        frame = pd.concat([cycle.to_frame() for cycle in self.cycles], ignore_index=True)
        order = [name for name in ("stable", "improved", "deteriorated") if name in self.continuing]
        after = [cycle.conditional for cycle in self.cycles]
        frame["condition"] = np.where(after, f"if {self.decision_visit} is {' or '.join(order)}", "always")
        if len({cycle.drug for cycle in self.cycles}) > 1:
            frame.insert(0, "drug", [cycle.drug for cycle in self.cycles])
        return frame

    def visits_frame(self) -> pd.DataFrame:
        """Return one row per visit: visit, target_date, window_begins, window_ends, counts_from."""
        rows = [(one.visit, str(one.target), str(one.first), str(one.last), one.after) for one in self.visits]
        columns = ["visit", "target_date", "window_begins", "window_ends", "counts_from"]
        return pd.DataFrame(rows, columns=columns)

    def _display(self) -> Display:
        notes = dict.fromkeys(note for cycle in self.cycles for note in cycle.notes)
        day = self.decision_day
        lines = [] if day is None else [f"{self.decision_visit} decision: {day.isoformat()}"]
        lines += [f"{one.visit}: {one.target} (window {one.first} to {one.last})" for one in self.visits]
        return Display("\n".join([_plan_text(self.to_frame()), *lines, *(f"! {note}" for note in notes)]))


def plan_treatment(
    weight_kg: float,
    start: str | dt.date,
    protocol: str | Protocol = "nct02343211",
    *,
    anyway: bool = False,
    **options: Any,
) -> TreatmentPlan:
    """Plan the whole course: every cycle of every drug with its dates, every visit, and the day of the decision.

    Parameters
    ----------
    weight_kg : float
        Actual weight, kg.
    start : str or datetime.date
        First infusion, day 1; text as 2026-01-05.
    protocol : Protocol or str, default "nct02343211"
        The protocol, its name or path.
    anyway : bool, default False
        Also for a start over 10 years from today, which is refused as a slip of the year otherwise.
    **options
        As in `plan_cycle`; by default every drug is planned, and `days` is that of the first that counts.

    Returns
    -------
    TreatmentPlan

    Raises
    ------
    ValueError
        As `plan_cycle`; for a start over 10 years from today.

    Examples
    --------
    >>> plan = plan_treatment(70, "2026-01-05")
    >>> [cycle.start.isoformat() for cycle in plan.cycles][:3], plan.decision_day.isoformat()
    (['2026-01-05', '2026-02-02', '2026-03-02'], '2026-03-30')
    """
    if isinstance(start, Protocol):  # swapped
        start, protocol = cast("Any", protocol), start
    protocol, first = protocol_of(protocol), date_of(start, "start")
    if not anyway and abs((first - dt.date.today()).days) > _TEN_YEARS:  # noqa: DTZ011 - the day of who plans
        raise ValueError(
            f"start is {first}, which is over 10 years from today; check the year, or give --anyway (anyway=True)"
        )
    only = options.pop("drug", None)
    drugs = protocol.drugs if only is None else (protocol.drug(only),)
    days = options.pop("days", None)
    decision = protocol.decision
    try:
        cycles = [
            plan_cycle(
                weight_kg,
                protocol,
                drug=drug.name,
                cycle=number + 1,
                start=first + dt.timedelta(days=number * drug.cycle_days),
                days=days if drug.name == (only or protocol.drug().name) else None,
                **options,
            )
            for drug in drugs
            for number in range(drug.cycles)
        ]
        ends = [
            drug.cycle_days * (drug.cycles - 1) + drug.infusion_days - 1
            for drug in protocol.drugs
            if drug not in drugs
        ]
        last = max([cycle.dates[-1] for cycle in cycles] + [first + dt.timedelta(days=end) for end in ends])
        visits = tuple(_planned_visit(visit, first, last) for visit in protocol.visits)
    except OverflowError:
        raise ValueError(
            f"start is {first}; the course would end after the last date of the calendar"
        ) from None
    cycles.sort(key=lambda cycle: cycle.start or first)
    lead = protocol.drug(only)
    return TreatmentPlan(
        tuple(cycles),
        None if decision is None else decision.visit,
        next((one.target for one in visits if decision is not None and one.visit == decision.visit), None),
        lead.cycles if decision is None else lead.required,
        () if decision is None else decision.continuing,
        visits,
    )


def _planned_visit(visit: Visit, first: dt.date, last: dt.date) -> PlannedVisit:
    """Give the days of a visit; those after the first infusion count from 1, those after the last one from 0."""
    day_0 = last if visit.anchored else first - dt.timedelta(days=1)
    days = (day_0 + dt.timedelta(days=day) for day in (visit.target_day, visit.first_day, visit.last_day))
    return PlannedVisit(visit.name, *days, after="last infusion" if visit.anchored else "first infusion")


# ------------------------------------------------------------------------------------------------ summarising
@dataclass(frozen=True, eq=False)
class Exposure(Result):
    """What was given, against what was planned.

    Attributes
    ----------
    cycles : pandas.DataFrame
        One row per enrolled patient and given cycle: patient_id, cycle, weight_kg, planned_g, given_g, start, end,
        days, on_time (True, False or None = not assessable), dose_as_planned (True, False, None), drug.
    patients : pandas.DataFrame
        One row per enrolled patient: patient_id, cycles_given, total_g, first_infusion, last_infusion,
        relative_dose_intensity, share_of_course (nan where not known).
    deviations : pandas.DataFrame
        patient_id, cycle, deviation: one row for each departure from the plan.
    protocol_id, protocol_version : str
    drugs : pandas.DataFrame
        As `patients`, one row per enrolled patient and drug, with a column `drug`. In `patients` several drugs are
        taken together: cycles_given is that of the drug with most.
    """

    cycles: pd.DataFrame
    patients: pd.DataFrame
    deviations: pd.DataFrame
    protocol_id: str
    protocol_version: str
    drugs: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per given cycle."""
        return self.cycles.copy()

    def _display(self) -> Display:
        given = int((self.patients["cycles_given"] > 0).sum())
        head = f"Exposure under {self.protocol_id}: {given} of {len(self.patients)} enrolled patients were infused"
        return Display(f"{head}\n{self.patients.to_string(index=False)}" if len(self.patients) else head)


def infusions_of(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Give the infusions with every drug named and one weight a day.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        The table `infusions`; a row that names no drug means the first of the protocol. A weight that a given
        infusion of the day has holds for every drug of that day, the first where there are several.

    Examples
    --------
    >>> import pnstrial as pns
    >>> infusions_of(pns.example_trial(), pns.load_protocol()).head(2)
         patient_id  cycle       date  drug  dose_g  weight_kg
    line
    2        BOR-01    1.0 2014-03-05  IVIg    19.5        NaN
    3        BOR-01    1.0 2014-03-06  IVIg    19.5        NaN
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    frame = trial.infusions
    frame["drug"] = frame["drug"].fillna(protocol.drugs[0].name)
    if len(protocol.drugs) > 1:
        given = frame["dose_g"] > 0
        days = frame[given].groupby(["patient_id", "date"], sort=False)
        frame.loc[given, "weight_kg"] = days["weight_kg"].transform("first")
    return frame


def _dose_units(drug: Drug, weight: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what the stated dose is multiplied by: kg, square metres or 1; nan where it is not known."""
    if drug.dose_g_per_kg is not None:
        return weight
    if drug.dose_g is not None:
        return np.ones(len(weight))
    if drug.dose_g_per_m2 is None or drug.body_surface is None:
        return np.full(len(weight), np.nan)
    complete = ~(np.isnan(weight) | np.isnan(height))
    pairs = zip(weight, height, complete, strict=True)
    found = [body_surface(kg, cm, drug.body_surface) if use else math.nan for kg, cm, use in pairs]
    return np.array(found, dtype=float)


def _stated_dose(drug: Drug) -> float:
    """Give the stated dose of a cycle, per unit of `_dose_units`; nan where there is none."""
    doses = (drug.dose_g_per_kg, drug.dose_g_per_m2, drug.dose_g)
    return next((dose for dose in doses if dose is not None), math.nan)


def given_cycles(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Sum up every given cycle of every patient and drug (doses that add to more than 0).

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        Sorted by patient, cycle and drug: patient_id, cycle, weight_kg (first recorded weight of the cycle, else that
        at screening; nan where it is missing or looks like a unit slip), planned_g (nan where no dose is stated),
        given_g, start, end, days, on_time, dose_as_planned, drug, unit (what the stated dose is multiplied by: kg,
        square metres or 1).

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> given_cycles(trial, protocol)[["patient_id", "cycle", "given_g"]].iloc[0].tolist()
    ['BES-02', np.int64(1), np.float64(172.5)]
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    infusions = infusions_of(trial, protocol)
    given = infusions[infusions["dose_g"] > 0]
    screening = trial.screening.drop_duplicates("patient_id").set_index("patient_id")
    parts = [
        _cycles_of(given[given["drug"] == drug.name], drug, screening).assign(place=place)
        for place, drug in enumerate(protocol.drugs)
    ]
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    if len(protocol.drugs) > 1:
        frame = frame.sort_values(["patient_id", "cycle", "place"], kind="stable", ignore_index=True)
    return frame.drop(columns="place")


def _cycles_of(given: pd.DataFrame, drug: Drug, screening: pd.DataFrame) -> pd.DataFrame:
    """Sum up the given cycles of one drug."""
    given = given.sort_values(["patient_id", "cycle", "date"], kind="stable")
    groups = given.groupby(["patient_id", "cycle"], sort=True)
    frame = groups.agg(
        weight_kg=("weight_kg", "first"),
        given_g=("dose_g", "sum"),
        start=("date", "min"),
        end=("date", "max"),
        days=("date", "size"),
    ).reset_index()
    frame["cycle"] = frame["cycle"].astype(int)
    who = frame["patient_id"]
    weight = frame["weight_kg"].fillna(who.map(screening["weight_kg"])).to_numpy(dtype=float)
    frame["weight_kg"] = np.where(suspected_weight(weight), np.nan, weight)
    height = who.map(screening["height_cm"]).to_numpy(dtype=float)
    height = np.where(suspected_height(height), np.nan, height)
    frame["unit"] = _dose_units(drug, frame["weight_kg"].to_numpy(), height)
    planned = _stated_dose(drug) * frame["unit"].to_numpy()
    frame["planned_g"] = planned
    close = np.abs(frame["given_g"].to_numpy() - planned) <= drug.dose_tolerance * planned + TOLERANCE
    frame["dose_as_planned"] = pd.Series(close, dtype=object).where(~np.isnan(planned), None)
    previous = frame[["patient_id", "cycle", "start"]].assign(cycle=frame["cycle"] + 1)
    before = frame[["patient_id", "cycle"]].merge(previous, on=["patient_id", "cycle"], how="left")["start"]
    gap = (frame["start"] - before.to_numpy()).dt.days
    on_time = (gap - drug.cycle_days).abs() <= drug.on_time_tolerance_days
    first = frame["cycle"] == 1
    frame["on_time"] = pd.Series(on_time | first, dtype=object).where(first | gap.notna(), None)
    frame["drug"] = pd.Series(drug.name, index=frame.index, dtype=object)
    order = ["patient_id", "cycle", "weight_kg", "planned_g", "given_g", "start", "end", "days"]
    return frame[[*order, "on_time", "dose_as_planned", "drug", "unit"]]


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
    is missing, where nothing was given, or where no dose is stated. Over several drugs both are the mean of the drugs
    that count and have a stated dose, and the total in g is not known: grams of different drugs do not add up.

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
    enrolled = trial.enrolled
    cycles = given_cycles(trial, protocol)
    cycles = cycles[cycles["patient_id"].isin(enrolled)].reset_index(drop=True)
    parts = [_of_drug(cycles[cycles["drug"] == drug.name], drug, enrolled) for drug in protocol.drugs]
    drugs = pd.concat(parts, ignore_index=True)
    patients = _together(drugs, protocol) if len(protocol.drugs) > 1 else drugs.drop(columns="drug")
    cycles = cycles.drop(columns="unit")
    deviations = _deviations(cycles, enrolled, protocol)
    return Exposure(cycles, patients, deviations, protocol.id, protocol.version, drugs)


def _of_drug(cycles: pd.DataFrame, drug: Drug, enrolled: list[str]) -> pd.DataFrame:
    """Sum up one drug: a row per enrolled patient."""
    counted = cycles.assign(
        per_unit=cycles["given_g"] / cycles["unit"], early=cycles["cycle"] <= drug.required
    )
    groups = counted.groupby("patient_id")
    whole = groups["per_unit"].agg(lambda values: values.sum(skipna=False))
    early = counted["per_unit"].where(counted["early"], 0.0).groupby(counted["patient_id"])
    dose = _stated_dose(drug)
    share = early.agg(lambda values: values.sum(skipna=False)) / (drug.required * dose)
    span = (groups["start"].max() - groups["start"].min()).dt.days + drug.cycle_days
    intensity = whole / span / (dose / drug.cycle_days)
    patients = pd.DataFrame({"patient_id": np.array(enrolled, dtype=object)})
    who = patients["patient_id"]
    patients["cycles_given"] = who.map(groups.size()).fillna(0).astype(int)
    patients["total_g"] = who.map(groups["given_g"].sum()).fillna(0.0).astype(float)
    patients["first_infusion"] = value_of(who, groups["start"].min())
    patients["last_infusion"] = value_of(who, groups["end"].max())
    patients["relative_dose_intensity"] = who.map(intensity).astype(float)
    patients["share_of_course"] = who.map(share).astype(float)
    return patients.assign(drug=pd.Series(drug.name, index=patients.index, dtype=object))


def _together(drugs: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Sum up several drugs: a row per enrolled patient."""
    groups = drugs.groupby("patient_id", sort=False)
    patients = pd.DataFrame({"patient_id": drugs["patient_id"].drop_duplicates().to_numpy(dtype=object)})
    who = patients["patient_id"]
    patients["cycles_given"] = who.map(groups["cycles_given"].max()).astype(int)
    patients["total_g"] = np.nan
    patients["first_infusion"] = value_of(who, groups["first_infusion"].min())
    patients["last_infusion"] = value_of(who, groups["last_infusion"].max())
    dosed = [drug.name for drug in protocol.counted_drugs if drug.has_dose]
    own = drugs[drugs["drug"].isin(dosed)].groupby("patient_id", sort=False)
    for column in ("relative_dose_intensity", "share_of_course"):
        patients[column] = who.map(own[column].agg(lambda values: values.mean(skipna=False))).astype(float)
    return patients


def _deviations(cycles: pd.DataFrame, enrolled: list[str], protocol: Protocol) -> pd.DataFrame:
    """List every departure from the plan: not infused, late or early, dose, number of days."""
    several = len(protocol.drugs) > 1
    found: dict[str, list[tuple[str, int | None, str]]] = {patient: [] for patient in enrolled}
    for row in rows_of(cycles):
        drug, patient = protocol.drug(str(row.drug)), str(row.patient_id)
        for deviation in _of_cycle(row, drug):
            named = f"{drug.name}: {deviation}" if several else deviation
            found[patient].append((patient, int(row.cycle), named))
    infused = set(cycles["patient_id"])
    for patient, rows in found.items():
        if patient not in infused:
            rows.append((patient, None, "enrolled, never infused"))
    rows = [row for own in found.values() for row in own]
    return pd.DataFrame(rows, columns=["patient_id", "cycle", "deviation"]).astype({"cycle": "Int64"})


def _of_cycle(row: Any, drug: Drug) -> Iterator[str]:
    if int(row.cycle) > drug.cycles:
        yield f"beyond the {drug.cycles} cycles of the plan"
    if row.on_time is False:
        yield f"started outside {drug.cycle_days} +- {drug.on_time_tolerance_days} days after the cycle before"
    if row.dose_as_planned is False:
        share = 100 * (float(row.given_g) / float(row.planned_g) - 1)
        yield f"{row.given_g:g} g given, {row.planned_g:.4g} g planned ({share:+.0f} %)"
    if not drug.fewest_days <= int(row.days) <= drug.most_days:
        yield f"given on {row.days} infusion {'day' if row.days == 1 else 'days'}"

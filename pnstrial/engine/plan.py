"""What of the protocol does the simulation follow, and what can it not follow?

Input: `Protocol` and `Scenario`.
Output: `Plan`, the drug that is followed and the days of the others; a refusal that lists all reasons at once.
Protocol section: treatment, visits, decision, endpoint, criteria, scales.
Method: what cannot work together is found here, before any work.
Next: `model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.engine.kernels import layout as at
from pnstrial.engine.records.criteria import allowed_range, can_fail
from pnstrial.engine.scales.derived import criteria_on_scales, derived_scales, scale_of
from pnstrial.engine.scenario import ScenarioError
from pnstrial.numerics.time_units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Drug, Protocol

__all__ = ["Plan", "latest_decision", "latest_delay", "plan_of", "refuse"]

_MOST_INFUSIONS: Final = 255
_REMEDIES: Final = (
    "one must be over before the other begins",
    "it must come after the decision, before which nobody knows which infusion is the last",
)


@dataclass(frozen=True)
class Plan:
    """What is planned to be given, as the simulation follows it.

    One drug is followed infusion by infusion: of those that count the one whose required cycles last longest. The
    others keep to their own days, and end when it is stopped.

    Parameters
    ----------
    drug : Drug
    before, required, cycles : int
        Cycles before the decision (all, where there is none), those that must not be left out, all.
    others : ndarray of int
        Days on which other drugs are planned, rising.
    acts_until : int
        Day on which the last cycle of any drug ends.
    """

    drug: Drug
    before: int
    required: int
    cycles: int
    others: NDArray[np.int64]
    acts_until: int

    @property
    def infusion_days(self) -> int:
        """Infusion days of a cycle."""
        return self.drug.infusion_days

    @property
    def cycle_days(self) -> int:
        """Days of a cycle."""
        return self.drug.cycle_days

    @property
    def dose_per_kg(self) -> float:
        """Dose of a cycle in g per kg, 0 where it is not stated so."""
        return self.drug.dose_g_per_kg or 0.0

    @property
    def flat_dose(self) -> float:
        """Dose of a cycle in g, 0 where it depends on the patient."""
        return self.drug.dose_g or 0.0

    def last_infusion(self, late: int, decided: int = 0, *, goes_on: bool = True) -> int:
        """Give the day of the last planned infusion of all drugs.

        Parameters
        ----------
        late : int
            By how many days the last cycle is late.
        decided : int
            Day of a decision, after which at the earliest the further cycles begin.
        goes_on : bool
            Whether they are given.

        Returns
        -------
        int
        """
        begin = self.cycle_days * (self.before - 1)
        if goes_on and self.cycles > self.before:
            begin = max(self.cycle_days * self.before, decided) + self.cycle_days * (
                self.cycles - self.before - 1
            )
        own = begin + self.infusion_days - 1 + (late if self.cycles > 1 else 0)
        return int(max(own, self.others.max(initial=0)))


def plan_of(protocol: Protocol) -> Plan:
    """Give the plan that the simulation follows."""
    followed = max(protocol.counted_drugs, key=lambda drug: drug.required * drug.cycle_days)
    days = {
        drug.cycle_days * cycle + day
        for drug in protocol.drugs if drug is not followed
        for cycle in range(drug.cycles if protocol.decision is None else drug.required)
        for day in range(drug.infusion_days)
    }  # fmt: skip
    return Plan(
        drug=followed,
        before=followed.cycles if protocol.decision is None else followed.required,
        required=followed.required,
        cycles=followed.cycles,
        others=np.array(sorted(days), np.int64),
        acts_until=max(drug.cycle_days * drug.cycles for drug in protocol.drugs),
    )


def latest_decision(protocol: Protocol, scenario: Scenario) -> int:
    """Give the last day of a decision, 0 where there is none."""
    if protocol.decision is None:
        return 0
    visit = protocol.visit(protocol.decision.visit)
    return max(visit.last_day, visit.target_day + scenario.visits.jitter_days) - 1


def latest_delay(scenario: Scenario) -> int:
    """Give by how many days a cycle can be late."""
    return int(scenario.treatment.late_days[1]) if scenario.treatment.late > 0 else 0


def refuse(
    protocol: Protocol, scenario: Scenario, visits: NDArray[np.int64], latest: NDArray[np.int64]
) -> None:
    """Refuse what cannot work together, all reasons at once.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    visits, latest : ndarray
        Days of the visits, as in `Model`.

    Raises
    ------
    ScenarioError
        If anything does not fit.
    """
    wrong = _other_scales(protocol, scenario) + _parts_of_the_endpoint(protocol, scenario)
    jitter = scenario.visits.jitter_days
    names = [visit.name for visit in protocol.visits]
    moves = protocol.decision is not None and any(visit.anchored for visit in protocol.visits)
    if len(names) > at.MAX_VISITS:
        wrong.append(f"protocol visits: {len(names)} are planned; up to {at.MAX_VISITS} are simulated")
    wrong.extend(
        f"protocol visits: {names[v + 1]} (day {latest[v + 1, 0] + 1}) is not after {names[v]} (day"
        f" {latest[v, 0] + 1}, at the latest); list the visits in order of time"
        for v in range(len(names) - 1) if not moves and latest[v + 1, 0] <= latest[v, 0]
    )  # fmt: skip
    first = int(min(visits[0, 1], visits[0, 0] - jitter))
    wrong.extend(
        f"visits.extra_rating_days = {day}: must be before day {first + 1}, the first visit's earliest"
        for day in scenario.visits.extra_rating_days
        if day - 1 >= first
    )
    if list(scenario.visits.extra_rating_days) != sorted(set(scenario.visits.extra_rating_days)):
        wrong.append("visits.extra_rating_days: must increase")
    anchors, late = [visit.anchored for visit in protocol.visits], latest_delay(scenario)
    clocks = [[v for v, own in enumerate(anchors) if own == clock] for clock in (False, True)]
    orders = clocks if moves else [list(range(len(names)))]
    wrong.extend(
        f"visits.jitter_days = {jitter}: {names[v]} may come after {names[w]}; use less jitter or smaller windows"
        for order in orders for v, w in pairwise(order)
        # of two visits that count from the last infusion, both move together
        for days, early in [(visits, 0) if anchors[v] and anchors[w] else (latest, late * anchors[w])]
        if max(days[v, 2], days[v, 0] + jitter) >= min(days[w, 1], days[w, 0] - jitter) - early
    )  # fmt: skip
    stops = scenario.adverse_events.stops
    if stops and not moves:
        wrong.extend(
            f"adverse_events.stop: {names[v + 1]}, counted from the last infusion, would come before {names[v]}"
            for v in range(len(names) - 1)
            if anchors[v + 1]
            and not anchors[v]
            and visits[v + 1, 1] - jitter <= max(visits[v, 2], visits[v, 0] + jitter)
        )
    if moves:
        wrong += _moving(protocol, scenario, visits)
    if protocol.decision is not None:
        decision = names.index(protocol.decision.visit)
        earliest = int(min(visits[decision, 1], visits[decision, 0] - jitter))
        wrong += _undecided(protocol, scenario, earliest, names[decision])
    wrong += _misfits(protocol, scenario)
    need = (int(max(latest[:, 2].max(), latest[:, 0].max() + jitter)) + 1) / DAYS_PER_MONTH
    wrong.extend(
        f"follow_up.{key} = {getattr(scenario.follow_up, key):g}: must be at least {need:.2f}, the last visit"
        for key in ("months", "after_last_months")
        if getattr(scenario.follow_up, key) < need
    )
    if wrong:
        raise ScenarioError(
            f"scenario {scenario.id} cannot be used with protocol {protocol.id}:\n  " + "\n  ".join(wrong)
        )


def _moving(protocol: Protocol, scenario: Scenario, visits: NDArray[np.int64]) -> list[str]:
    """Name visits that may fall together where a decision moves the last infusion, from which some are counted."""
    plan, late, jitter = plan_of(protocol), latest_delay(scenario), scenario.visits.jitter_days
    decided = latest_decision(protocol, scenario)
    ends = [(goes_on, plan.last_infusion(0, goes_on=goes_on), plan.last_infusion(late, decided, goes_on=goes_on))
            for goes_on in (True, False)]  # fmt: skip
    if scenario.adverse_events.stops:
        ends = [(True, 0, ends[0][2])]
    wrong = [
        f"protocol treatment: {drug.name} goes on after the decision beside {plan.drug.name}; visits counted from the"
        " last infusion are simulated where one drug does"
        for drug in protocol.drugs
        if drug is not plan.drug and drug.cycles > drug.required
    ]
    for v, other in product(range(len(visits)), range(len(visits))):
        fixed, moving = protocol.visits[v], protocol.visits[other]
        if fixed.anchored or not moving.anchored:
            continue
        begins, closes = min(visits[v, 1], visits[v, 0] - jitter), max(visits[v, 2], visits[v, 0] + jitter)
        own_begin = min(visits[other, 1], visits[other, 0] - jitter)
        own_close = max(visits[other, 2], visits[other, 0] + jitter)
        deciding = protocol.decision is not None and fixed.name == protocol.decision.visit
        for goes_on, first, last in ends:
            before = own_close + last < begins and not deciding
            if before or own_begin + first > closes:
                continue
            who = (
                "who is stopped"
                if scenario.adverse_events.stops
                else f"who {'goes on' if goes_on else 'ends treatment'}"
            )
            wrong.append(
                f"protocol visits: {moving.name}, counted from the last infusion, and {fixed.name} may fall together"
                f" for a patient {who} (last infusion on day {first + 1} to {last + 1}); {_REMEDIES[deciding]}"
            )
    return wrong


def _other_scales(protocol: Protocol, scenario: Scenario) -> list[str]:
    """Name what does not fit between the scales of protocol and scenario."""
    own = protocol.scale()
    if scenario.scale != own.name:
        rule = f"the course runs on the endpoint's scale, which is {own.name}"
        remedy = f"name a protocol whose endpoint is on {scenario.scale} (--protocol), or another scenario"
        return [f"scale = {scenario.scale!r}: {rule}; {remedy}"]
    if len(own.scores) != scenario.grades:
        return [f"baseline has {scenario.grades} grades: {own.name} has {len(own.scores)} in this protocol"]
    derived = derived_scales(protocol, scenario)
    wrong = [problem for part, scale in derived for problem in part.problems(scale, scenario.grades)]
    given = {own.name, *(part.name for part, _ in derived)}
    return wrong + [
        f"scales: criterion {c.id} asks for {scale_of(c)} at screening; say how it follows from {own.name}"
        for c in criteria_on_scales(protocol)
        if scale_of(c) not in given
    ]


def _parts_of_the_endpoint(protocol: Protocol, scenario: Scenario) -> list[str]:
    """Name what the parts of a joined endpoint ask for that the simulation does not have."""
    end, own = protocol.endpoint, protocol.scale()
    if not end.joined:
        return []
    given = {own.name, *(part.name for part, _ in derived_scales(protocol, scenario))}
    wrong = [
        f"scales: endpoint {part.name} is on {part.scale}; say how it follows from {own.name}"
        for part in end.also
        if part.scale not in given
    ]
    estimand = protocol.estimand
    if estimand.missing == "LOCF" or estimand.stopped == "while on treatment":
        wrong.append(
            "estimand: parts of an endpoint are simulated at their visits only, not at ratings in between; take another"
            ' strategy for missing than "LOCF", and for stopped than "while on treatment"'
        )
    return wrong


def _undecided(protocol: Protocol, scenario: Scenario, first: int, visit: str) -> list[str]:
    """Name what keeps the decision from being taken after its cycles, on its scale."""
    wrong: list[str] = []
    plan, late, decision = plan_of(protocol), latest_delay(scenario), protocol.decision
    last = plan.cycle_days * (plan.before - 1) + late + plan.infusion_days
    if last > first:
        wrong.append(
            f"treatment.late_days = {late}: the last infusion before the decision may fall on day {last}, but {visit}"
            f" may be rated from day {first + 1}; use shorter delays, less jitter or a window from day {last + 1} on"
        )
    own, decides = protocol.endpoint.scale, None if decision is None else decision.scale
    if decides not in {None, own, *(part.name for part, _ in derived_scales(protocol, scenario))}:
        wrong.append(f"scales: the decision is on {decides}; say how it follows from {own}")
    return wrong


def _misfits(protocol: Protocol, scenario: Scenario) -> list[str]:
    """Name what in cycles, criteria and the start of treatment does not fit."""
    wrong: list[str] = []
    plan, late = plan_of(protocol), latest_delay(scenario)
    if plan.infusion_days > 6 or (plan.cycles > 1 and plan.cycle_days <= late + plan.infusion_days):
        wrong.append(
            f"protocol treatment: {plan.infusion_days} infusion days of {plan.drug.name} and a delay of {late} days"
            f" (treatment.late_days) do not fit a cycle of {plan.cycle_days} days; use shorter delays"
        )
    if plan.cycles * plan.infusion_days > _MOST_INFUSIONS:
        wrong.append(f"protocol treatment: over {_MOST_INFUSIONS} infusions of one drug are not simulated")
    criteria = {criterion.id: criterion for criterion in protocol.criteria}
    failing = [name for name, share in scenario.enrolment.failures.items() if share > 0]
    if unknown := sorted(set(failing) - criteria.keys()):
        wrong.append(f"enrolment.failures: {', '.join(unknown)} is no criterion of protocol {protocol.id}")
    wrong.extend(
        f"enrolment.failures.{name}: no value of the tables fails this criterion of protocol {protocol.id}"
        for name in failing
        if name in criteria and not can_fail(criteria[name])
    )
    empty = [
        c.column
        for c in protocol.criteria
        if c.kind == "range" and np.greater(*allowed_range(protocol, c.column))
    ]
    if empty:
        wrong.append(
            f"protocol criteria on {', '.join(sorted(set(empty)))} exclude each other: nobody may enter"
        )
    lag = scenario.enrolment.day_1_lag_days
    if lag[0] > lag[1] or any(value != int(value) for value in lag):
        wrong.append(
            f"enrolment.day_1_lag_days = {list(lag)}: allowed are two whole days, the first not over the second"
        )
    return wrong

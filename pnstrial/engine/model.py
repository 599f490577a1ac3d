"""How do a protocol and a scenario become the arrays that the kernels read?

Input: `Protocol` and `Scenario`.
Output: `Model`: strata, entry probabilities, rates per day, tables to draw from, success boundaries.
Protocol section: criteria (scores at entry), treatment, visits, decision, endpoint, estimand.
Method: everything that does not change from patient to patient is worked out once; what cannot work together
is refused here, before any work.
Next: `engine`, `exact`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial import rules
from pnstrial.engine.characteristics import quantity_names
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import (
    ALIVE_DAYS,
    DECISION_CONTINUE,
    QUANTITIES,
    SECONDARY_QUANTITIES,
    WRONG_CONTINUE_RATE,
)
from pnstrial.engine.kernels.shift import surely_significant
from pnstrial.engine.plan import latest_decision, latest_delay, plan_of, refuse
from pnstrial.engine.records.criteria import allowed_range
from pnstrial.engine.scales.parts import Asked, asked_of, decided_on_own_scale, decides_by
from pnstrial.engine.scenario import Scenario, ScenarioError
from pnstrial.engine.strata import arm_generators, classes, entry_cells, switch_rates, switches
from pnstrial.engine.success import Boundaries, ExactTest, boundaries, decided_by
from pnstrial.engine.tables import alias_bits, alias_table, tail_tables
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.protocol import Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.plan import Plan
    from pnstrial.engine.scenario import Normal
    from pnstrial.engine.strata import Stratum
    from pnstrial.multistate import RatingError

__all__ = ["Model", "build_model", "check_pair"]

_FAR = 1e18
DECISION_QUANTITIES = tuple(name for name, _ in QUANTITIES[DECISION_CONTINUE : WRONG_CONTINUE_RATE + 1])
"""Names of the quantities of the decision."""
ALIVE = tuple(name for name, _ in QUANTITIES if name.startswith("alive_"))
"""Names of the quantities of true survival."""


@dataclass(frozen=True)
class Model:
    """A protocol and a scenario as arrays; see `layout_kernels` for the positions.

    Parameters
    ----------
    whole, real : ndarray
        Numbers of the protocol and the scenario.
    visits : ndarray of int64, shape (visits, 3)
        Target, first and last day of each window, as offsets from day 1.
    entry_probabilities, entry_codes : ndarray
        Per entry cell its probability among the screened, and (0 or 1 + position of the failed criterion,
        stratum, true grade, rating, true grade on day 1, days to it or -1).
    strata : tuple of Stratum
    generators : ndarray, shape (strata, periods, arms, grades + 1, grades + 1)
        Rates per day by arm (`strata.arm_generators`), per band of time since onset.
    changes : ndarray, shape (strata, periods)
        Day on which the next band begins.
    starts : ndarray, shape (strata, 2)
        Rates per day of beginning tumour treatment and of damage.
    categories : ndarray, shape (grades, grades + 2)
        Category of change, by grade at baseline and later grade + 1 (0: missing); the last is death.
    asked : Asked
        What the parts of the endpoint and the decision ask, of other scales too.
    decided : ndarray
        As `categories`, of the change that is decided on, where that is on the endpoint's scale.
    decisions : ndarray
        Code of the decision by category + 1, then that on a death.
    anchored : ndarray of bool, shape (visits,)
        Whether the days of the visit count from the last infusion.
    latest : ndarray of int64, shape (visits, 3)
        As `visits`, with the latest that the last infusion can be.
    rule : str
        What makes a success, in words.
    """

    whole: NDArray[np.int64]
    real: NDArray[np.float64]
    visits: NDArray[np.int64]
    extra_days: NDArray[np.int64]
    entry_probabilities: NDArray[np.float64]
    entry_codes: NDArray[np.int64]
    failed: tuple[str, ...]
    strata: tuple[Stratum, ...]
    generators: NDArray[np.float64]
    changes: NDArray[np.float64]
    starts: NDArray[np.float64]
    categories: NDArray[np.int64]
    asked: Asked
    decided: NDArray[np.int64]
    decisions: NDArray[np.int64]
    anchored: NDArray[np.bool_]
    latest: NDArray[np.int64]
    rating: RatingError
    jitter: NDArray[np.float64]
    delays: NDArray[np.float64]
    events: NDArray[np.float64]
    event_codes: NDArray[np.int64]
    weights: NDArray[np.float64]
    success: Boundaries
    rule: str
    covered: NDArray[np.uint8]
    sign_limit: NDArray[np.int64]
    hazard: NDArray[np.float64]
    words: NDArray[np.uint64] = field(repr=False)
    secondary: tuple[int, ...]
    secondary_names: tuple[str, ...]
    lean: tuple[NDArray[np.int64], NDArray[np.uint64]] | None = field(default=None, repr=False)

    def names(self, *, primary: bool) -> tuple[tuple[str, str], ...]:
        """Name the quantities that are counted, and what each is a share of."""
        return quantity_names(self.secondary_names, primary=primary)

    @property
    def without(self) -> dict[str, str]:
        """Quantities that protocol or scenario do not have, with the reason."""
        found = {
            name: "patients are not followed for so long (follow_up.months)"
            for name, day in zip(ALIVE, ALIVE_DAYS, strict=True)
            if day > self.whole[at.FOLLOW_UP]
        }
        if not self.secondary:
            found |= dict.fromkeys(SECONDARY_QUANTITIES, "the protocol has no secondary visit")
        if self.whole[at.DECISION_VISIT] < 0:
            found |= dict.fromkeys(DECISION_QUANTITIES, "the protocol has no decision")
        if not self.real[at.DOSE] + self.real[at.FLAT_DOSE] > 0:
            reason = "the drug has no stated dose, or one by body surface, which only the tables have"
            found |= dict.fromkeys(("grams_per_patient", "grams_per_trial"), reason)
        return found

    @property
    def grades(self) -> int:
        """Number of living grades, and the number that stands for death."""
        return self.generators.shape[-1] - 1

    @property
    def enrolled_share(self) -> float:
        """Share of the screened who are enrolled."""
        return float(self.entry_probabilities[self.entry_codes[:, 0] == 0].sum())

    @property
    def stop_per_infusion(self) -> float:
        """Probability that an infusion brings an event for which IVIg is stopped."""
        one = self.event_codes >> 8 == 1
        goes_on = 1 - float(self.events[one].sum())
        for event, stops in ((at.THROMBOSIS, at.THROMBOSIS_STOPS), (at.HAEMOLYSIS, at.HAEMOLYSIS_STOPS)):
            goes_on *= 1 - float(self.real[event] * self.real[stops])
        return 1 - goes_on


def check_pair(protocol: object, scenario: object) -> None:
    """Refuse names, and the two in the other order, which a script without a type checker hands over.

    Raises
    ------
    TypeError
        If they are not a protocol and a scenario, in this order.
    """
    if not isinstance(protocol, Protocol) or not isinstance(scenario, Scenario):
        raise TypeError(
            f"the protocol comes first, then the scenario, both loaded; got {type(protocol).__name__} and "
            f"{type(scenario).__name__}: write pns.load_protocol(), pns.load_scenario('anti-hu')"
        )


def build_model(
    protocol: Protocol,
    scenario: Scenario,
    *,
    short: bool = False,
    everything: bool = False,
    exact: bool = False,
) -> Model:
    """Turn a protocol and a scenario into arrays.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    short : bool
        Whether the simulation ends with the last visit (no survival, no tests).
    everything : bool
        Whether the patients' rows are filled in where no quantity looks (extra ratings, true grades at all visits,
        days of all cycles); it changes no other number.
    exact : bool
        Whether `words`, the tables that only a simulation draws from, may be left out.

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together; all reasons at once.
    TypeError
        If they are not a protocol and a scenario, in this order.

    Notes
    -----
    The last few models are kept: one trial after the other is simulated from the same one.
    """
    check_pair(protocol, scenario)
    for kept in _KEPT:
        same = kept[0] is protocol and kept[1] is scenario and kept[2:4] == (short, everything)
        if same and (exact or kept[4].words.size):
            return kept[4]
    model = _build(protocol, scenario, short=short, everything=everything, exact=exact)
    _KEPT.append((protocol, scenario, short, everything, model))
    return model


_KEPT: deque[tuple[Protocol, Scenario, bool, bool, Model]] = deque(maxlen=4)


def _build(protocol: Protocol, scenario: Scenario, *, short: bool, everything: bool, exact: bool) -> Model:
    """Build it; protocol and scenario are frozen, so it stays true of them."""
    anchored = np.array([visit.anchored for visit in protocol.visits])
    visits = np.array([(v.target_day, v.first_day, v.last_day) for v in protocol.visits], dtype=np.int64)
    visits -= ~anchored[:, None]  # day 1 is 0, and so is the day of the last infusion
    plan = plan_of(protocol)
    latest = visits + anchored[:, None] * plan.last_infusion(
        latest_delay(scenario), latest_decision(protocol, scenario)
    )
    refuse(protocol, scenario, visits, latest)
    strata, cells, codes, failed = entry_cells(protocol, scenario)
    whole = _whole(protocol, scenario, latest, short=short)
    k = scenario.grades
    misses, leaves = scenario.visits.missed_ratios.ratios(k), scenario.dropout.ratios.ratios(k)
    whole[at.MISSES] = int(scenario.visits.missed > 0 and (misses != 1).any())
    jitter, attend = _attendance(scenario, drawn_later=bool(whole[at.MISSES]))
    delays = _delays(scenario)
    events, event_codes = _events(plan, scenario)
    weights = _weights(scenario.baseline.weight_kg, allowed_range(protocol, "weight_kg"))
    cycles, cycle_codes = _cycles(delays, events, event_codes, plan, scenario.treatment.dose_factor)
    mine = codes[:, 0] == 0
    bits = {at.ENTRY_BITS: mine.sum(), at.ATTEND_BITS: attend.size, at.CYCLE_BITS: cycles.size,
            at.WEIGHT_BITS: weights.size, at.RATING_BITS: k}  # fmt: skip
    for position, size in bits.items():
        whole[position] = alias_bits(int(size))
    success, rule = decided_by(protocol, scenario.success, n := scenario.enrolment.target)
    whole[at.FIRST_N], whole[at.FIRST_STOP] = success.first_n, success.first_stop
    rating = scenario.rating.error(k)
    (generators, changes), starts = arm_generators(scenario, strata), switch_rates(scenario, strata)
    acting = generators if switches(scenario) else _acting(generators)
    whole[at.ARMS], whole[at.SWITCHES] = acting.shape[2], int(switches(scenario))
    whole[at.LEAVES] = int(scenario.dropout.per_month > 0 and (leaves != 1).any())
    real = _real(protocol, plan, scenario, rating)
    real[at.ENROL_RATE] = real[at.SCREEN_RATE] * (share := float(cells[mine].sum()))
    alike, first = classes(generators, changes, starts)
    sign_limit = boundaries(ExactTest(null=0.5, alpha=float(real[at.TEST_ALPHA])), n).minimum
    extra = np.array(scenario.visits.extra_rating_days, np.int64) - 1
    whole[[at.EVERYTHING, at.RATES_BETWEEN]] = _lived_through(
        protocol, scenario, rating, everything=everything
    )
    whole[at.PERIODS] = changes.shape[1]
    whole[at.DRAWS] = whole[at.FIRST_MOVE] + at.W_MOVES
    entered = np.column_stack([codes[mine, 1:4], alike[codes[mine, 1]], codes[mine, 4:]])
    whole[at.TAIL_DAY] = min(_last_day(whole, latest), whole[at.FOLLOW_UP])
    if not short:
        whole[at.TAIL_DAYS] = whole[at.FOLLOW_UP] - whole[at.TAIL_DAY]
        whole[at.TAIL_BITS] = alias_bits(int(whole[at.TAIL_DAYS]) + k)
    categories, decisions = _categories(protocol), _decisions(protocol)
    asked, decided = asked_of(protocol, scenario), decided_on_own_scale(protocol, categories)
    whole[[at.STARTS, at.APART, at.DECIDED_CODES]] = asked.counts()
    secondary = tuple([v.name for v in protocol.visits].index(x) for x in protocol.endpoint.secondary_visits)
    whole[at.SECONDARIES] = len(secondary)
    whole = _joined(
        whole, at.WHOLE,
        {at.TO_VISITS: visits, at.TO_SECONDARIES: np.array(secondary, np.int64),
         at.TO_EXTRA: extra, at.TO_ENTRY_CODES: entered, at.TO_CYCLE_CODES: cycle_codes,
         at.TO_ANSWERS: _answers(whole), at.TO_CATEGORIES: categories, at.TO_DECIDED: decided,
         at.TO_DECISIONS: decisions,
         at.TO_HOLDS: asked.holds, at.TO_PARTS: asked.answers() if asked.apart else np.empty(0, np.int64),
         at.TO_ANCHORED: anchored.astype(np.int64), at.TO_OTHERS: plan.others,
         at.TO_UNITS: np.array([*protocol.scale().units, protocol.scale().dead])}, whole,
    )  # fmt: skip
    real = _joined(whole, real.size, {
        at.TO_RATES: _rates(acting[first]), at.TO_CHANGES: changes[first], at.TO_SWITCHES: starts[first],
        at.TO_MISSES: misses, at.TO_LEAVES: leaves / max(leaves.max(), 1e-300),
        at.TO_DECIDED_SHARES: np.empty(0) if asked.decided is None else asked.decided.cumsum(axis=-1)[..., :2],
        at.TO_ALSO: asked.also, at.TO_TRULY: asked.truly, at.TO_STARTS: asked.starts.cumsum(axis=1),
        at.TO_CODES: np.empty(0) if asked.codes is None else asked.codes.cumsum(axis=-1)[..., :3],
    }, real)  # fmt: skip
    tail = np.empty(0, np.uint64) if short or exact else tail_tables(
        generators[first, :, 1], changes[first], int(whole[at.TAIL_DAY]), int(whole[at.FOLLOW_UP])
    )  # fmt: skip
    tables: dict[int, NDArray[Any]] = {} if exact else {
        at.TO_ENTRY: alias_table(cells[mine] / share),
        at.TO_RATING: np.array([alias_table(row[:k], alias_bits(k)) for row in rating.kernel[:k]]),
        at.TO_ATTEND: alias_table(attend),
        at.TO_CYCLE: alias_table(cycles), at.TO_WEIGHT: alias_table(weights), at.TO_TAIL: tail,
    }  # fmt: skip
    words = _joined(whole, 0, tables, np.empty(0, np.uint64))
    return Model(
        whole=whole, real=real, visits=visits, extra_days=extra, entry_probabilities=cells, entry_codes=codes,
        failed=failed, strata=strata, generators=generators, changes=changes, starts=starts, categories=categories,
        asked=asked, decided=decided, decisions=decisions, anchored=anchored, latest=latest,
        rating=rating,
        jitter=jitter,
        delays=delays, events=events, event_codes=event_codes, weights=weights, success=success, rule=rule,
        covered=np.zeros((n + 1, n + 1), np.uint8), sign_limit=sign_limit,
        hazard=_hazard(scenario, int(whole[at.FOLLOW_UP])), words=words,
        secondary=secondary, secondary_names=protocol.endpoint.secondary_visits,
    )  # fmt: skip


def _lived_through(
    protocol: Protocol, scenario: Scenario, rating: RatingError, *, everything: bool
) -> tuple[bool, bool]:
    """Say whether every target day and cycle is lived through, and whether the ratings between the visits are."""
    all_of_it = everything or _looks_back(protocol)
    return all_of_it, all_of_it or rating.persistence > 0 or scenario.rescue.after_worse_rating > 0


def _independent_up_to(protocol: Protocol, scenario: Scenario) -> int:
    """Give the number of the last grade of independence."""
    if (stated := scenario.follow_up.independent_up_to) is not None:
        return stated
    scale = protocol.scale()
    return scenario.grades - 1 if scale.cut is None else scale.scores.index(scale.cut)


def _attendance(scenario: Scenario, *, drawn_later: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the probability of each day of a visit, and of (day, missed) at position 2 x day + missed."""
    days = 2 * scenario.visits.jitter_days + 1
    jitter = np.zeros(days) + 1.0 / days
    missed = 0.0 if drawn_later else scenario.visits.missed
    return jitter, np.outer(jitter, [1 - missed, missed]).ravel()


def _hazard(scenario: Scenario, days: int) -> NDArray[np.float64]:
    """Give the cumulative hazard of the reference survival by day."""
    months = np.arange(days + 2) / DAYS_PER_MONTH
    return (months / scenario.survival_null.scale_months) ** scenario.survival_null.shape


def _joined(
    whole: NDArray[np.int64], begin: int, parts: dict[int, NDArray[Any]], head: NDArray[Any]
) -> NDArray[Any]:
    """Put tables one behind the other after `head`, and note in `whole` where each begins."""
    for position, part in parts.items():
        whole[position] = begin
        begin += part.size
    return np.concatenate([head, *(part.ravel() for part in parts.values())])


def _whole(
    protocol: Protocol, scenario: Scenario, visits: NDArray[np.int64], *, short: bool
) -> NDArray[np.int64]:
    plan, end, estimand = plan_of(protocol), protocol.endpoint, protocol.estimand
    ratings = len(protocol.visits) + len(scenario.visits.extra_rating_days)
    decision, harms = protocol.decision, scenario.adverse_events
    names = [visit.name for visit in protocol.visits]
    whole = np.zeros(at.WHOLE, np.int64)
    settings = {
        at.N: scenario.enrolment.target, at.CYCLES_BEFORE: plan.before, at.CYCLES_ALL: plan.cycles,
        at.REQUIRED: plan.required, at.ACTS_UNTIL: plan.acts_until, at.OTHERS: plan.others.size,
        at.CYCLES_AT: at.cycles_begin(len(names)), at.FIRST_AGAIN: (again := at.W_VISIT + ratings),
        at.FIRST_CYCLE: (cycles := again + (ratings + 1) // 2), at.FIRST_MOVE: cycles + (plan.cycles + 1) // 2,
        at.DECIDES: decides_by(protocol), at.JOINED: 0 if not end.joined else 1 if end.joined_by == "all" else 2,
        at.INFUSION_DAYS: plan.infusion_days, at.CYCLE_DAYS: plan.cycle_days, at.VISITS: len(names),
        at.DECISION_VISIT: -1 if decision is None else names.index(decision.visit),
        at.ANCHORED: int(any(visit.anchored for visit in protocol.visits)),
        at.MOVES: int(decision is not None and any(visit.anchored for visit in protocol.visits)),
        at.ENDPOINT_VISIT: names.index(end.visit),
        at.DEATH_STRATEGY: rules.DEATH_STRATEGIES.index(estimand.death),
        at.RESCUE_STRATEGY: rules.RESCUE_STRATEGIES.index(estimand.rescue),
        at.STOPPED_STRATEGY: rules.STOPPED_STRATEGIES.index(estimand.stopped),
        at.MISSING_STRATEGY: rules.MISSING_STRATEGIES.index(estimand.missing),
        at.ON_TREATMENT_DAYS: end.on_treatment_days, at.EXTRAS: len(scenario.visits.extra_rating_days),
        at.FOLLOW_UP: round(scenario.follow_up.months * DAYS_PER_MONTH),
        at.CLOSING: round(scenario.follow_up.after_last_months * DAYS_PER_MONTH),
        at.LAG_LOW: int(scenario.enrolment.day_1_lag_days[0]), at.LAG_HIGH: int(scenario.enrolment.day_1_lag_days[1]),
        at.HORIZON: 0 if short else int(visits[:, 0].max()),
        at.INDEPENDENT_UP_TO: _independent_up_to(protocol, scenario),
        at.HARMS: int(harms.thrombosis_per_infusion + harms.haemolysis_per_infusion > 0),
        at.ON_TIME_DAYS: plan.drug.on_time_tolerance_days, at.SHORT: int(short),
        at.GRADES: scenario.grades, at.UNITS: protocol.scale().dead, at.JITTER_LOW: -scenario.visits.jitter_days,
        at.WEIGHT_LOW: scenario.baseline.weight_kg.low,
        at.FIRST_STOP_DAYS: int(visits[names.index(end.visit), 2]) + 1,
    }  # fmt: skip
    for position, value in settings.items():
        whole[position] = value
    return whole


def _real(protocol: Protocol, plan: Plan, scenario: Scenario, rating: RatingError) -> NDArray[np.float64]:
    from scipy.special import ndtri

    values = np.zeros(at.VISIT_MISSED)
    values[at.SCREEN_RATE] = scenario.enrolment.screened_per_month / DAYS_PER_MONTH
    values[at.DROP_RATE] = (
        scenario.dropout.per_month / DAYS_PER_MONTH * scenario.dropout.ratios.ratios(scenario.grades).max()
    )
    values[at.RESCUE_IF_WORSE] = scenario.rescue.after_worse_rating
    values[at.RESCUE_RATE] = scenario.rescue.per_month / DAYS_PER_MONTH
    values[at.RESCUE_AFTER] = scenario.rescue.after_discontinuation
    values[at.DOSE], values[at.FLAT_DOSE] = plan.dose_per_kg, plan.flat_dose
    values[at.CHANGED_DOSE] = scenario.treatment.dose_factor
    values[at.LOGRANK_LIMIT] = float(ndtri(scenario.survival_null.alpha))
    values[at.TEST_ALPHA] = (1 - protocol.endpoint.level) / 2  # one side of the two-sided tests
    values[at.SURELY] = surely_significant(values[at.TEST_ALPHA])
    values[at.PERSISTENCE] = rating.persistence
    harms = scenario.adverse_events
    values[at.THROMBOSIS], values[at.THROMBOSIS_STOPS] = harms.thrombosis_per_infusion, harms.thrombosis_stops
    values[at.HAEMOLYSIS], values[at.HAEMOLYSIS_STOPS] = harms.haemolysis_per_infusion, harms.haemolysis_stops
    values[at.CONTINUE_ANYWAY] = scenario.treatment.continued_anyway
    missed = np.full(len(protocol.visits) + len(scenario.visits.extra_rating_days), scenario.visits.missed)
    return np.concatenate([values, missed])


def _delays(scenario: Scenario) -> NDArray[np.float64]:
    """Probability of each (days late, dose changed), at position 2 x days + changed."""
    low, high = (int(day) for day in scenario.treatment.late_days)
    days = np.zeros(high + 1 if scenario.treatment.late > 0 else 1)
    if scenario.treatment.late > 0:
        days[low:] = scenario.treatment.late / (high + 1 - low)
    days[0] = 1 - scenario.treatment.late
    changed = np.array([1 - scenario.treatment.changed_dose, scenario.treatment.changed_dose])
    return np.outer(days, changed).ravel()


def _events(plan: Plan, scenario: Scenario) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """List what a cycle can bring: infusions with an adverse event (mask) and the one that was the last, if any."""
    days = plan.infusion_days
    p, stop = scenario.adverse_events.per_infusion, scenario.adverse_events.stop
    found: list[tuple[float, int]] = []
    for last in range(days + 1):
        earlier = last - 1 if last else days
        for mask in range(1 << earlier):
            hits = mask.bit_count()
            share = (p * (1 - stop)) ** hits * (1 - p) ** (earlier - hits)
            code = mask if last == 0 else mask | 1 << (last - 1) | last << 8
            found.append((share * (p * stop if last else 1.0), code))
    found = [pair for pair in found if pair[0] > 0]
    probabilities = np.array([share for share, _ in found])
    return probabilities / probabilities.sum(), np.array([code for _, code in found], np.int64)


def _cycles(
    delays: NDArray[np.float64],
    events: NDArray[np.float64],
    event_codes: NDArray[np.int64],
    plan: Plan,
    factor: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """List what can become of a planned cycle: probability, and the code that `patient_kernels` reads."""
    cell = np.arange(delays.size)
    late, changed = (cell >> 1)[:, None], (cell & 1)[:, None]
    mask, stop = event_codes & 255, event_codes >> 8
    count = np.array([int(m).bit_count() for m in mask])
    given = np.where(stop > 0, stop, plan.infusion_days)
    codes = mask | stop << 8 | count << 16 | changed * given << 24 | given << 32 | late << 40
    dose = given / plan.infusion_days * np.where(changed == 1, factor, 1.0)
    if plan.drug.has_dose:  # no dose is off plan where none is stated
        codes |= (np.abs(dose - 1) > plan.drug.dose_tolerance + 1e-9).astype(np.int64) << 60
    share = np.outer(delays, events)
    kept = share > 0
    return share[kept], codes[kept]


def _answers(whole: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tabulate the answer of the estimand for all that can be known about a patient at a visit."""
    strategies = [
        int(whole[k])
        for k in (at.DEATH_STRATEGY, at.RESCUE_STRATEGY, at.STOPPED_STRATEGY, at.MISSING_STRATEGY)
    ]
    answers: list[int] = []
    for rescued, stopped, dead, *seen in product(range(2), range(2), range(2), *[range(-1, 3)] * 3):
        reason = int(rules.response_reason(1, dead, rescued, stopped, *seen, *strategies))
        answers.append(4 * reason + int(rules.response(reason)))
    return np.array(answers, np.int64)


def _categories(protocol: Protocol) -> NDArray[np.int64]:
    """Tabulate the category of change by grade at baseline and later grade + 1 (missing first, death last)."""
    scale, end = protocol.scale(), protocol.endpoint
    settings = (scale.points(end.improvement_points), scale.dead, end.improvement_percent or 0, scale.zero)
    rule = rules.change_category_on(*_in_order(settings))
    later = np.array([rules.MISSING, *scale.units, scale.dead])
    return rule(np.array(scale.units)[:, None], later[None, :], *settings).astype(np.int64)


def _in_order(settings: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    points, dead, percent, zero = settings
    return dead, points, percent, zero


def _decisions(protocol: Protocol) -> NDArray[np.int64]:
    """Tabulate the decision by category + 1, then that on a death."""
    if protocol.decision is None:
        return np.full(5, rules.NOT_EVALUABLE, np.int64)
    codes = [rules.DECISIONS.index(word) for word in protocol.decision.rule]
    decided = [rules.interim_decision(category, 0, *codes) for category in range(-1, 3)]
    return np.array([*decided, rules.interim_decision(rules.DETERIORATED, 1, *codes)], np.int64)


def _looks_back(protocol: Protocol) -> bool:
    """Say whether the estimand asks for ratings between the visits."""
    return protocol.estimand.missing == "LOCF" or protocol.estimand.stopped == "while on treatment"


def _last_day(whole: NDArray[np.int64], visits: NDArray[np.int64]) -> int:
    """Give the day after which treatment acts on nobody and no visit is to come."""
    latest = visits[:, 0] - whole[at.JITTER_LOW]  # a visit at its latest
    acts = int(whole[at.ACTS_UNTIL])
    if whole[at.DECISION_VISIT] >= 0:
        before = int(whole[at.CYCLES_BEFORE])
        decided = max(whole[at.CYCLE_DAYS] * before, int(latest[whole[at.DECISION_VISIT]]))
        acts = decided + whole[at.CYCLE_DAYS] * (whole[at.CYCLES_ALL] - before)
    return int(max(acts, latest.max(), visits[:, 2].max()))


def _weights(weight: Normal, allowed: tuple[float, float]) -> NDArray[np.float64]:
    """Probability of each whole kg from low to high, of those that the criteria allow."""
    from scipy.special import ndtr

    kg = np.arange(weight.low, weight.high + 2)
    share = np.diff(ndtr((kg - 0.5 - weight.mean) / weight.sd))
    share *= (kg[:-1] >= allowed[0]) & (kg[:-1] <= allowed[1])
    if not share.sum() > 0:
        raise ScenarioError(
            f"baseline.weight_kg: none from {weight.low} to {weight.high} kg is allowed by the criteria"
            f" ({allowed[0]:g} to {allowed[1]:g})"
        )
    return share / share.sum()


def _acting(generators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep one arm where treatment does nothing: then nobody has to look for the day on which it ends."""
    return generators[:, :, :1] if (generators == generators[:, :, :1]).all() else generators


def _rates(generators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per grade: rate to leave, mean stay, probability to improve, probability to improve or worsen."""
    k = generators.shape[-1] - 1
    rates = np.zeros((*generators.shape[:3], k, 4))
    for g in range(k):
        leave = -generators[..., g, g]
        safe = np.where(leave > 0, leave, 1.0)
        better = generators[..., g, g - 1] / safe if g > 0 else np.zeros_like(leave)
        worse = generators[..., g, g + 1] / safe if g < k - 1 else np.zeros_like(leave)
        stay = np.where(leave > 0, 1 / safe, _FAR)
        rates[..., g, 0], rates[..., g, 1], rates[..., g, 2], rates[..., g, 3] = (
            leave,
            stay,
            better,
            better + worse,
        )
    return rates

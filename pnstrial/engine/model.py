"""How do a protocol and a scenario become the arrays that the kernels read?

Input: `Protocol` and `Scenario`.
Output: `Model`: strata, entry probabilities, rates per day, tables to draw from, success boundaries.
Protocol section: criteria (scores at entry), treatment, visits, decision, endpoint, estimand.
Method: everything that does not change from patient to patient is worked out once; what cannot work together
is refused here, before any work.
Next: `engine`, `exact`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial import rules
from pnstrial.engine.characteristics import quantity_names
from pnstrial.engine.criteria import allowed_range, can_fail
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import ALIVE_DAYS, QUANTITIES, SECONDARY_QUANTITIES
from pnstrial.engine.scales import criteria_on_scales, derived_scales, scale_of
from pnstrial.engine.scenario import Scenario, ScenarioError
from pnstrial.engine.strata import arm_generators, classes, entry_cells, switch_rates, switches
from pnstrial.engine.success import Boundaries, ExactTest, boundaries
from pnstrial.engine.tables import alias_bits, alias_table, tail_tables
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.protocol import Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Normal
    from pnstrial.engine.strata import Stratum
    from pnstrial.engine.success import BayesianRule, TwoStage
    from pnstrial.multistate import RatingError
    from pnstrial.regimen import Treatment

__all__ = ["Model", "build_model"]

_FAR = 1e18
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
    rating: RatingError
    jitter: NDArray[np.float64]
    delays: NDArray[np.float64]
    events: NDArray[np.float64]
    event_codes: NDArray[np.int64]
    weights: NDArray[np.float64]
    success: Boundaries
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


def build_model(
    protocol: Protocol, scenario: Scenario, *, short: bool = False, everything: bool = False
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

    Returns
    -------
    Model

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
    # a script without a type checker hands over names, or the two in the other order
    if not isinstance(protocol, Protocol) or not isinstance(scenario, Scenario):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"the protocol comes first, then the scenario, both loaded; got {type(protocol).__name__} and "
            f"{type(scenario).__name__}: write pns.load_protocol(), pns.load_scenario('anti-hu')"
        )
    for kept in _KEPT:
        if kept[0] is protocol and kept[1] is scenario and kept[2:4] == (short, everything):
            return kept[4]
    model = _build(protocol, scenario, short=short, everything=everything)
    _KEPT.append((protocol, scenario, short, everything, model))
    return model


_KEPT: deque[tuple[Protocol, Scenario, bool, bool, Model]] = deque(maxlen=4)


def _build(protocol: Protocol, scenario: Scenario, *, short: bool, everything: bool) -> Model:
    """Build it; protocol and scenario are frozen, so it stays true of them."""
    visits = np.array(
        [(v.target_day - 1, v.first_day - 1, v.last_day - 1) for v in protocol.visits], dtype=np.int64
    )
    _refuse(protocol, scenario, visits)
    strata, cells, codes, failed = entry_cells(protocol, scenario)
    whole = _whole(protocol, scenario, visits, short=short)
    k = scenario.grades
    misses, leaves = scenario.visits.missed_ratios.ratios(k), scenario.dropout.ratios.ratios(k)
    whole[at.MISSES] = int(scenario.visits.missed > 0 and (misses != 1).any())
    jitter, attend = _attendance(scenario, drawn_later=bool(whole[at.MISSES]))
    delays = _delays(scenario)
    events, event_codes = _events(protocol, scenario)
    weights = _weights(scenario.baseline.weight_kg, allowed_range(protocol, "weight_kg"))
    cycles, cycle_codes = _cycles(
        delays, events, event_codes, protocol.treatment, scenario.treatment.dose_factor
    )
    mine = codes[:, 0] == 0
    whole[at.ENTRY_BITS], whole[at.ATTEND_BITS] = alias_bits(int(mine.sum())), alias_bits(attend.size)
    whole[at.JITTER_LOW], whole[at.CYCLE_BITS] = -scenario.visits.jitter_days, alias_bits(cycles.size)
    whole[at.WEIGHT_BITS], whole[at.WEIGHT_LOW] = alias_bits(weights.size), scenario.baseline.weight_kg.low
    n = scenario.enrolment.target
    success = boundaries(_rule(protocol, scenario), n)
    whole[at.FIRST_N], whole[at.FIRST_STOP] = success.first_n, success.first_stop
    rating = scenario.rating.error(k)
    generators, changes = arm_generators(scenario, strata)
    starts = switch_rates(scenario, strata)
    whole[at.ARMS], whole[at.SWITCHES] = generators.shape[2], int(switches(scenario))
    whole[at.LEAVES] = int(scenario.dropout.per_month > 0 and (leaves != 1).any())
    real = _real(protocol, scenario, rating)
    share = float(cells[mine].sum())
    real[at.ENROL_RATE] = real[at.SCREEN_RATE] * share
    alike, first = classes(generators, changes, starts)
    rates = _rates(generators[first])
    whole[at.GRADES], whole[at.RATING_BITS], whole[at.UNITS] = k, alias_bits(k), protocol.scale().dead
    sign_limit = boundaries(ExactTest(null=0.5, alpha=float(real[at.TEST_ALPHA])), n).minimum
    extra = np.array(scenario.visits.extra_rating_days, np.int64) - 1
    whole[at.EVERYTHING] = int(
        everything
        or rating.persistence > 0
        or _looks_back(protocol)
        or scenario.rescue.after_worse_rating > 0
    )
    whole[at.PERIODS] = changes.shape[1]
    whole[at.DRAWS] = at.W_VISIT + len(visits) + extra.size + at.W_MOVES
    entered = np.column_stack([codes[mine, 1:4], alike[codes[mine, 1]], codes[mine, 4:]])
    tail = np.empty(0, np.uint64)
    whole[at.TAIL_DAY] = min(_last_day(protocol, whole, visits), whole[at.FOLLOW_UP])
    if not short:
        whole[at.TAIL_DAYS] = whole[at.FOLLOW_UP] - whole[at.TAIL_DAY]
        whole[at.TAIL_BITS] = alias_bits(int(whole[at.TAIL_DAYS]) + k)
        tail = tail_tables(
            generators[first, :, 1], changes[first], int(whole[at.TAIL_DAY]), int(whole[at.FOLLOW_UP])
        )
    categories, own = _categories(protocol), protocol.scale()
    names = [visit.name for visit in protocol.visits]
    secondary = tuple(names.index(name) for name in protocol.endpoint.secondary_visits)
    whole[at.SECONDARIES] = len(secondary)
    whole = _joined(
        whole, at.WHOLE,
        {at.TO_VISITS: visits, at.TO_SECONDARIES: np.array(secondary, np.int64),
         at.TO_EXTRA: extra, at.TO_ENTRY_CODES: entered, at.TO_CYCLE_CODES: cycle_codes,
         at.TO_ANSWERS: _answers(whole), at.TO_CATEGORIES: categories, at.TO_DECISIONS: _decisions(),
         at.TO_UNITS: np.array([*own.units, own.dead])}, whole,
    )  # fmt: skip
    real = _joined(whole, real.size, {
        at.TO_RATES: rates, at.TO_CHANGES: changes[first], at.TO_SWITCHES: starts[first], at.TO_MISSES: misses,
        at.TO_LEAVES: leaves / max(leaves.max(), 1e-300),
    }, real)  # fmt: skip
    words = _joined(
        whole, 0,
        {
            at.TO_ENTRY: alias_table(cells[mine] / share),
            at.TO_RATING: np.array([alias_table(row[:k], alias_bits(k)) for row in rating.kernel[:k]]),
            at.TO_ATTEND: alias_table(attend),
            at.TO_CYCLE: alias_table(cycles), at.TO_WEIGHT: alias_table(weights), at.TO_TAIL: tail,
        },
        np.empty(0, np.uint64),
    )  # fmt: skip
    return Model(
        whole=whole, real=real, visits=visits, extra_days=extra, entry_probabilities=cells, entry_codes=codes,
        failed=failed, strata=strata, generators=generators, changes=changes, starts=starts, categories=categories,
        rating=rating,
        jitter=jitter,
        delays=delays, events=events, event_codes=event_codes, weights=weights, success=success,
        covered=np.zeros((n + 1, n + 1), np.uint8), sign_limit=sign_limit,
        hazard=_hazard(scenario, int(whole[at.FOLLOW_UP])), words=words,
        secondary=secondary, secondary_names=protocol.endpoint.secondary_visits,
    )  # fmt: skip


def _rule(protocol: Protocol, scenario: Scenario) -> ExactTest | TwoStage | BayesianRule:
    """Give the rule of success; a null of the protocol goes before that of an exact test."""
    rule = scenario.success
    if isinstance(rule, ExactTest) and protocol.endpoint.null_proportion is not None:
        return rule.model_copy(update={"null": protocol.endpoint.null_proportion})
    return rule


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


def _refuse(protocol: Protocol, scenario: Scenario, visits: NDArray[np.int64]) -> None:
    """Refuse what cannot work together, all reasons at once."""
    wrong = _other_scales(protocol, scenario)
    jitter = scenario.visits.jitter_days
    names = [visit.name for visit in protocol.visits]
    if len(names) > at.MAX_VISITS or (np.diff(visits[:, 0]) <= 0).any():
        wrong.append(f"protocol visits: allowed are up to {at.MAX_VISITS}, in order of time")
    first = int(min(visits[0, 1], visits[0, 0] - jitter))
    wrong.extend(
        f"visits.extra_rating_days = {day}: must be before day {first + 1}, the first visit's earliest"
        for day in scenario.visits.extra_rating_days
        if day - 1 >= first
    )
    if list(scenario.visits.extra_rating_days) != sorted(set(scenario.visits.extra_rating_days)):
        wrong.append("visits.extra_rating_days: must increase")
    wrong.extend(
        f"visits.jitter_days = {jitter}: {names[v]} may come after {names[v + 1]}; use less jitter or smaller windows"
        for v in range(len(names) - 1)
        if max(visits[v, 2], visits[v, 0] + jitter) >= min(visits[v + 1, 1], visits[v + 1, 0] - jitter)
    )
    decision = names.index(protocol.decision.visit)
    wrong += _misfits(
        protocol, scenario, int(min(visits[decision, 1], visits[decision, 0] - jitter)), names[decision]
    )
    need = (int(max(visits[:, 2].max(), visits[-1, 0] + jitter)) + 1) / DAYS_PER_MONTH
    wrong.extend(
        f"follow_up.{key} = {getattr(scenario.follow_up, key):g}: must be at least {need:.2f}, the last visit"
        for key in ("months", "after_last_months")
        if getattr(scenario.follow_up, key) < need
    )
    if wrong:
        raise ScenarioError(
            f"scenario {scenario.id} cannot be used with protocol {protocol.id}:\n  " + "\n  ".join(wrong)
        )


def _other_scales(protocol: Protocol, scenario: Scenario) -> list[str]:
    """Name what does not fit between the scales of protocol and scenario."""
    own = protocol.scale()
    if scenario.scale != own.name:
        return [f"scale = {scenario.scale!r}: the course runs on the endpoint's scale, which is {own.name}"]
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


def _misfits(protocol: Protocol, scenario: Scenario, first: int, visit: str) -> list[str]:
    """Name what in cycles, criteria and the start of treatment does not fit."""
    wrong: list[str] = []
    plan = protocol.treatment
    late = int(scenario.treatment.late_days[1]) if scenario.treatment.late > 0 else 0
    last = plan.cycle_days * (plan.cycles_before_decision - 1) + late + plan.infusion_days
    if last > first:
        wrong.append(
            f"treatment.late_days = {late}: the last cycle before the decision may end on day {last}, after the"
            f" earliest {visit} (day {first + 1}); use shorter delays or less jitter"
        )
    if plan.infusion_days > 6 or plan.cycle_days <= late + plan.infusion_days:
        wrong.append(
            f"protocol treatment: {plan.infusion_days} infusion days and a delay of {late} do not fit a cycle"
        )
    criteria = {criterion.id: criterion for criterion in protocol.criteria}
    if unknown := sorted(set(scenario.enrolment.failures) - criteria.keys()):
        wrong.append(f"enrolment.failures: {', '.join(unknown)} is no criterion of protocol {protocol.id}")
    wrong.extend(
        f"enrolment.failures.{name}: no value of the tables fails this criterion of protocol {protocol.id}"
        for name in scenario.enrolment.failures
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


def _whole(
    protocol: Protocol, scenario: Scenario, visits: NDArray[np.int64], *, short: bool
) -> NDArray[np.int64]:
    plan, end, estimand = protocol.treatment, protocol.endpoint, protocol.estimand
    names, harms = [visit.name for visit in protocol.visits], scenario.adverse_events
    whole = np.zeros(at.WHOLE, np.int64)
    settings = {
        at.N: scenario.enrolment.target, at.CYCLES_BEFORE: plan.cycles_before_decision, at.CYCLES_ALL: plan.cycles,
        at.INFUSION_DAYS: plan.infusion_days, at.CYCLE_DAYS: plan.cycle_days, at.VISITS: len(names),
        at.DECISION_VISIT: names.index(protocol.decision.visit), at.ENDPOINT_VISIT: names.index(end.visit),
        at.DEATH_STRATEGY: rules.DEATH_STRATEGIES.index(estimand.death),
        at.RESCUE_STRATEGY: rules.RESCUE_STRATEGIES.index(estimand.rescue),
        at.STOPPED_STRATEGY: rules.STOPPED_STRATEGIES.index(estimand.stopped),
        at.MISSING_STRATEGY: rules.MISSING_STRATEGIES.index(estimand.missing),
        at.ON_TREATMENT_DAYS: end.on_treatment_days, at.EXTRAS: len(scenario.visits.extra_rating_days),
        at.FOLLOW_UP: round(scenario.follow_up.months * DAYS_PER_MONTH),
        at.CLOSING: round(scenario.follow_up.after_last_months * DAYS_PER_MONTH),
        at.LAG_LOW: int(scenario.enrolment.day_1_lag_days[0]), at.LAG_HIGH: int(scenario.enrolment.day_1_lag_days[1]),
        at.HORIZON: 0 if short else int(visits[-1, 0]), at.INDEPENDENT_UP_TO: scenario.follow_up.independent_up_to,
        at.HARMS: int(harms.thrombosis_per_infusion + harms.haemolysis_per_infusion > 0),
        at.ON_TIME_DAYS: plan.on_time_tolerance_days, at.SHORT: int(short),
        at.FIRST_STOP_DAYS: int(visits[names.index(end.visit), 2]) + 1,
    }  # fmt: skip
    for position, value in settings.items():
        whole[position] = value
    return whole


def _real(protocol: Protocol, scenario: Scenario, rating: RatingError) -> NDArray[np.float64]:
    from scipy.special import ndtri

    values = np.zeros(at.VISIT_MISSED)
    values[at.SCREEN_RATE] = scenario.enrolment.screened_per_month / DAYS_PER_MONTH
    values[at.DROP_RATE] = (
        scenario.dropout.per_month / DAYS_PER_MONTH * scenario.dropout.ratios.ratios(scenario.grades).max()
    )
    values[at.RESCUE_IF_WORSE] = scenario.rescue.after_worse_rating
    values[at.RESCUE_RATE] = scenario.rescue.per_month / DAYS_PER_MONTH
    values[at.RESCUE_AFTER] = scenario.rescue.after_discontinuation
    values[at.DOSE] = protocol.treatment.dose_g_per_kg
    values[at.CHANGED_DOSE] = scenario.treatment.dose_factor
    values[at.LOGRANK_LIMIT] = float(ndtri(scenario.survival_null.alpha))
    values[at.TEST_ALPHA] = (1 - protocol.endpoint.level) / 2  # one side of the two-sided tests
    values[at.PERSISTENCE] = rating.persistence
    days = round(scenario.follow_up.months * DAYS_PER_MONTH)
    values[at.DROP_NEVER] = math.exp(-values[at.DROP_RATE] * days)
    values[at.RESCUE_NEVER] = math.exp(-values[at.RESCUE_RATE] * days)
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


def _events(protocol: Protocol, scenario: Scenario) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """List what a cycle can bring: infusions with an adverse event (mask) and the one that was the last, if any."""
    days = protocol.treatment.infusion_days
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
    plan: Treatment,
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
    codes |= (np.abs(dose - 1) > plan.dose_tolerance + 1e-9).astype(np.int64) << 60
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


def _decisions() -> NDArray[np.int64]:
    """Tabulate the decision by category + 1, then that on a death."""
    decided = [rules.interim_decision(category, 0) for category in range(-1, 3)]
    return np.array([*decided, rules.interim_decision(rules.DETERIORATED, 1)], np.int64)


def _looks_back(protocol: Protocol) -> bool:
    """Say whether the estimand asks for ratings between the visits."""
    return protocol.estimand.missing == "LOCF" or protocol.estimand.stopped == "while on treatment"


def _last_day(protocol: Protocol, whole: NDArray[np.int64], visits: NDArray[np.int64]) -> int:
    """Give the day after which IVIg acts on nobody and no visit is to come."""
    plan = protocol.treatment
    latest = visits[:, 0] - whole[at.JITTER_LOW]  # a visit at its latest
    decided = max(plan.cycle_days * plan.cycles_before_decision, int(latest[whole[at.DECISION_VISIT]]))
    ivig = decided + plan.cycle_days * (plan.cycles - plan.cycles_before_decision)
    return int(max(ivig, latest.max(), visits[:, 2].max()))


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

"""Which operating characteristics have an exact answer, and what is it?

Input: `Protocol` and `Scenario`.
Output: `ExactCharacteristics`: the quantities of `simulate` that need no simulation.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: a patient is a Markov chain on (in the study or out, rescued or not, grade or dead): matrix exponentials between
visits, the rating kernel at each rating, the decision rule, then a trinomial over patients (responder,
non-responder, not counted). Independent of the simulation: it shares rules and rates, no draws.
Next: `trial`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial import rules
from pnstrial.engine.characteristics import ExactCharacteristics
from pnstrial.engine.exact.apart import response_apart, true_response_apart
from pnstrial.engine.exact.cohort import Cohort
from pnstrial.engine.exact.entries import secondary_names, ways_given
from pnstrial.engine.exact.patient import Patient
from pnstrial.engine.exact.per_protocol import reason_against, ways_as_planned
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import ALIVE_DAYS
from pnstrial.engine.model import ALIVE, Model, build_model
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import Provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.engine.success import Boundaries
    from pnstrial.protocol import Protocol

__all__ = [
    "endpoint_probabilities", "exact_characteristics", "patients_at_endpoint", "responder_distribution",
    "success_probability", "true_response",
]  # fmt: skip


def endpoint_probabilities(model: Model, *, rated: bool = True) -> dict[str, float]:
    """Give what becomes of one enrolled patient by the endpoint visit.

    Parameters
    ----------
    model : Model
    rated : bool
        Whether what is rated is asked for; the truth alone is several times quicker.

    Returns
    -------
    dict of str to float
        ``true_response`` and ``true_death`` on the visit's target day, whatever was rated or seen (patients who dropped
        out count as they are); ``response`` and ``excluded`` as the estimand reads them, where they have an exact
        answer.
    """
    last = int(model.whole[at.ENDPOINT_VISIT])
    names = ["true_response", "true_death"]
    if rated and "reported_response" not in _without(model):
        names += ["response", "excluded"]
    found = totals_of(Cohort(model), last, values=rated)
    return {name: found.get(name, 0.0) for name in names}


def patients_at_endpoint(model: Model) -> dict[tuple[int, bool, bool], NDArray[np.float64]]:
    """Give what is known of one enrolled patient at the endpoint visit, before any estimand is asked.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict of (category, rescued, dead) to ndarray, shape (4, 3)
        Probabilities by category of the last rating (3: none) and treatment (1: ended before the decision).
    """
    found: dict[tuple[int, bool, bool], NDArray[np.float64]] = {}
    cohort = Cohort(model, every_last=True)
    for given in ways_given(model):
        patient = Patient(cohort, given=given)
        patient.run(int(model.whole[at.ENDPOINT_VISIT]))
        for key, mass in patient.at_endpoint.items():
            found[key] = found.get(key, np.zeros_like(mass)) + mass
    return found


def totals_of(cohort: Cohort, only: int | None = None, *, values: bool = True) -> dict[str, float]:
    """Add up what happens to one enrolled patient, through all visits or those up to `only`."""
    model = cohort.model
    totals: dict[str, float] = {}
    for given in ways_given(model):
        for name, value in Patient(cohort, given=given, values=values).run(only).items():
            totals[name] = totals.get(name, 0.0) + value
    if model.asked.apart:
        totals["true_response"] = true_response_apart(model)
        if values and "reported_response" not in _without(model):
            excludes = model.whole[at.DEATH_STRATEGY] == rules.DEATH_STRATEGIES.index("exclude")
            dead = totals.get("dead", 0.0) if excludes else 0.0
            totals["response"], totals["excluded"] = response_apart(model, dead)
    return totals


def _days_and_plans(cohort: Cohort, without: dict[str, str]) -> dict[str, float]:
    """Give the days until a patient is worse, and who is per protocol and responds."""
    model = cohort.model
    until_worse = Cohort(model, clock="not worse")
    found = {
        "days_to_deterioration": sum(
            Patient(until_worse, given=given).run()["time"] for given in ways_given(model)
        )
    }
    if "per_protocol" in without:
        return found
    followed = responds = 0.0
    for way in ways_as_planned(model):
        totals = Patient(cohort, given=way.given, planned=way).run(int(model.whole[at.ENDPOINT_VISIT]))
        followed += way.share * totals.get("valued", 0.0)
        responds += way.share * totals.get("valued_responds", 0.0)
    found["per_protocol"] = followed
    return found | ({"per_protocol_response": responds / followed} if followed > 0 else {})


def success_probability(
    response: float, excluded: float, n: int, success: Boundaries
) -> tuple[float, float, float]:
    """Give the expected reported response and patients counted, and the probability of success.

    Parameters
    ----------
    response, excluded : float
        Probabilities that a patient responds, or is not counted.
    n : int
        Patients enrolled.
    success : Boundaries

    Returns
    -------
    tuple of float
    """
    P, _ = responder_distribution(response, excluded, n, success)
    x, m = np.arange(n + 1), np.arange(n + 1)[:, None]
    succeeds = (x[None, :] >= success.minimum[:, None]) & (m > 0) & (x[None, :] <= m)
    both = P.sum(axis=0)
    share = np.where(m > 0, x[None, :] / np.maximum(m, 1), 0.0)
    return float((both * share).sum()), float((both * m).sum()), float((P[0] * succeeds).sum())


def true_response(model: Model) -> float:
    """Give the share of enrolled patients who are truly improved on the endpoint visit's target day.

    Parameters
    ----------
    model : Model

    Returns
    -------
    float
        Whatever was rated or seen; death is no improvement, patients who dropped out count as they are.
    """
    return endpoint_probabilities(model, rated=False)["true_response"]


def responder_distribution(
    response: float, excluded: float, n: int, success: Boundaries
) -> tuple[NDArray[np.float64], float]:
    """Give the joint distribution of (counted, responders) at the end of a trial.

    Parameters
    ----------
    response, excluded : float
        Probabilities that a patient responds, or is not counted.
    n : int
        Patients enrolled.
    success : Boundaries
        For the first stage.

    Returns
    -------
    ndarray, shape (2, n + 1, n + 1)
        Probabilities by (went on or stopped, patients counted, responders); stopped trials stand with the counts
        of their first stage.
    float
        Probability of stopping.
    """

    def after_enrolling(joint: NDArray[np.float64], patients: int) -> NDArray[np.float64]:
        for _ in range(patients):
            after = excluded * joint
            after[1:, 1:] += response * joint[:-1, :-1]
            after[1:, :] += (1 - response - excluded) * joint[:-1, :]
            joint = after
        return joint

    joint = np.zeros((n + 1, n + 1))
    joint[0, 0] = 1.0
    stopped = np.zeros_like(joint)
    if success.first_n:
        joint = after_enrolling(joint, success.first_n)
        stopped[:, : success.first_stop + 1] = joint[:, : success.first_stop + 1]
        joint = joint - stopped
    return np.stack([after_enrolling(joint, n - success.first_n), stopped]), float(stopped.sum())


def exact_characteristics(protocol: Protocol, scenario: Scenario) -> ExactCharacteristics:
    """Give the operating characteristics that have an exact answer.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    ExactCharacteristics
        Quantities under the names of `simulate`; `without` says which have none here, and why.

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together.

    Examples
    --------
    >>> import pnstrial as pns
    >>> result = exact_characteristics(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"))
    >>> sorted(result.without)[:2]
    ['duration_months', 'power_logrank']
    """
    model = build_model(protocol, scenario, exact=True)
    cohort = Cohort(model, clock="independent" if model.whole[at.HORIZON] > 0 else None)
    totals = totals_of(cohort)
    n = int(model.whole[at.N])
    without = _without(model)
    values = _trial_values(model, protocol, totals, n) | {"days_independent": totals.get("time", 0.0)}
    values |= _days_and_plans(cohort, without)
    for name in without:
        values.pop(name, None)
    if any("no exact response" in reason for reason in without.values()):
        values = {name: value for name, value in values.items() if not name.startswith("responders")}
    order = [name for name, _ in model.names(primary=False)]
    listed = {name: values[name] for name in order if name in values}
    listed |= {name: value for name, value in values.items() if name not in listed}
    return ExactCharacteristics(
        n=n, critical_count=int(model.success.minimum[n]), scenario=scenario.id, answers=listed,
        without=without, provenance=Provenance(protocol.id, protocol.version), rule=model.rule,
    )  # fmt: skip


def _without(model: Model) -> dict[str, str]:
    """Say which quantities have no exact answer, and why."""
    w = model.whole
    without = model.without | {
        "duration_months": "the longest of many follow-ups has no closed form",
        "power_signed_rank": "tests on the ranks are simulated",
        "signed_rank_worse": "tests on the ranks are simulated",
        "power_sign_test": "tests on the ranks are simulated",
        "power_logrank": "tests on survival are simulated",
    }
    if (reason := reason_against(model)) is not None:
        without |= dict.fromkeys(_PER_PROTOCOL, reason)
    last = float(max(model.latest[:, 2].max(), model.latest[:, 0].max() - w[at.JITTER_LOW]))
    without |= {
        name: "this day lies before the end of the last visit"
        for name, day in zip(ALIVE, ALIVE_DAYS, strict=True)
        if day < last
    }
    if model.asked.apart:
        without["per_protocol_response"] = "the parts of the endpoint are at several visits"
        if w[at.MISSES]:
            reason = (
                "no exact response where parts are at several visits and the grade decides on who is missed"
            )
            without |= dict.fromkeys(_OF_RESPONSE, reason)
    if w[at.SWITCHES] and model.real[at.RESCUE_IF_WORSE] > 0:
        without |= dict.fromkeys(
            (
                "cycles_per_patient", "grams_per_patient", "grams_per_trial", "stopped_for_adverse_event",
                "adverse_events_per_patient", "thromboses_per_patient", "haemolyses_per_patient",
            ),
            "infusions are counted without the rescue that a rating sets off",
        )  # fmt: skip
    if w[at.FIRST_N]:
        reason = "with two stages it depends on the responses who is enrolled"
        without |= dict.fromkeys(("bias", "grams_per_trial", "deaths", "enrolment_months"), reason)
    if w[at.CLOSING] < w[at.FOLLOW_UP]:
        reason = "the trial closes before the last patient's follow-up ends, on a random date"
        without |= dict.fromkeys(("deaths", "dropped_out", "rescued"), reason)
    length, days, last_cycle = int(w[at.CYCLE_DAYS]), int(w[at.INFUSION_DAYS]), int(w[at.CYCLES_ALL])
    planned = [length * k + day for k in range(last_cycle) for day in range(days)]
    planned += w[int(w[at.TO_OTHERS]) : int(w[at.TO_OTHERS] + w[at.OTHERS])].tolist()
    gap = int(np.diff(sorted(planned)).max(initial=0)) + model.delays.size // 2 - 1
    if w[at.MOVES]:  # the cycles after the decision begin on its day
        gap += max(0, int(model.latest[w[at.DECISION_VISIT], 2]) - length * int(w[at.CYCLES_BEFORE]))
    if model.anchored.any() and (model.visits[model.anchored, 2] < gap).any():
        without |= dict.fromkeys(
            _OF_VALUES + _PER_PROTOCOL,
            "no exact response: who dies long after an infusion and before the next one has no value",
        )
    stops = (
        model.stop_per_infusion > 0
        or model.real[at.DROP_RATE] > 0
        or bool((model.generators[..., -1] > 0).any())
    )
    keeps = w[at.MISSING_STRATEGY] == rules.MISSING_NON_RESPONDER
    strategy = w[at.STOPPED_STRATEGY]
    if stops and (strategy == rules.STOPPED_WHILE_ON or (strategy == rules.STOPPED_COMPOSITE and not keeps)):
        reason = "no exact response where the strategy for stopped treatment meets values that are missing"
        without |= dict.fromkeys(_OF_RESPONSE, reason)
    return without


_PER_PROTOCOL = ("per_protocol", "per_protocol_response")
_OF_RESPONSE = (
    "probability_of_success", "responders", "counted", "reported_response", "bias", "coverage",
    "stopped_at_first_stage", "enrolled", "secondary_response", "deaths", "grams_per_trial", "screened",
    "enrolment_months",
)  # fmt: skip
_OF_VALUES = (
    *_OF_RESPONSE, "improved", "stable", "deteriorated", "dead", "missing", "evaluable", "secondary_dead",
    "secondary_missing",
)  # fmt: skip


def _trial_values(model: Model, protocol: Protocol, totals: dict[str, float], n: int) -> dict[str, float]:
    from pnstrial.design.counts.proportion import clopper_pearson

    w = model.whole
    response, excluded = totals.get("response", 0.0), totals.get("excluded", 0.0)
    P, stopped = responder_distribution(response, excluded, n, model.success)
    x = np.arange(n + 1)
    m = np.arange(n + 1)[:, None]
    succeeds = (x[None, :] >= model.success.minimum[:, None]) & (m > 0) & (x[None, :] <= m)
    both = P.sum(axis=0)
    share = np.where(m > 0, x[None, :] / np.maximum(m, 1), 0.0)
    low, high = clopper_pearson(np.minimum(x[None, :], m), m, protocol.endpoint.level)
    truth = totals.get("true_response", 0.0)
    enrolled = n - stopped * (n - int(w[at.FIRST_N]))
    infusions = totals.get("infusions", 0.0)
    per_event = _per_infusion(model)
    dose = 1 + float(model.delays.reshape(-1, 2).sum(axis=0)[1]) * (model.real[at.CHANGED_DOSE] - 1)
    kg = float((model.weights * (np.arange(model.weights.size) + int(w[at.WEIGHT_LOW]))).sum())
    grams = (
        infusions * dose * (kg * model.real[at.DOSE] + model.real[at.FLAT_DOSE]) / int(w[at.INFUSION_DAYS])
    )
    names = (
        "improved", "stable", "deteriorated", "dead", "missing", "decision_continue", "decision_discontinue",
        "decision_dead", "decision_not_evaluable", "stopped_though_stable_or_improved",
        "continued_though_deteriorated", "decided_on_stable_or_improved", "decided_on_deteriorated",
        *(name for part in secondary_names(model).values() for names in part for name in names),
        "cycles_per_patient", "dropped_out", "rescued", *ALIVE,
    )  # fmt: skip
    values = {name: totals.get(name, 0.0) for name in names}
    reported = float((both * share).sum())
    values |= {
        "probability_of_success": float((P[0] * succeeds).sum()),
        "responders": float((both * x[None, :]).sum()),
        "counted": float((both * m).sum()),
        "enrolled": enrolled,
        "reported_response": reported,
        "true_response": truth,
        "coverage": float((both * ((low <= truth) & (truth <= high))).sum()),
        "stopped_at_first_stage": stopped,
        "evaluable": 1 - values["missing"],
        "grams_per_patient": grams,
        "stopped_for_adverse_event": infusions * model.stop_per_infusion,
        "adverse_events_per_patient": infusions * per_event,
        "thromboses_per_patient": infusions * float(model.real[at.THROMBOSIS]),
        "haemolyses_per_patient": infusions * float(model.real[at.HAEMOLYSIS]),
        "screened": enrolled / model.enrolled_share,
    }
    if int(w[at.FIRST_N]) == 0:
        # with two stages who is enrolled depends on the responses, and so do these
        values |= {
            "bias": reported - truth,
            "grams_per_trial": grams * n,
            "deaths": totals.get("deaths", 0.0) * n,
            "enrolment_months": n / (model.enrolled_share * model.real[at.SCREEN_RATE] * DAYS_PER_MONTH),
        }
    for rate, top, base in (
        ("wrong_stop_rate", "stopped_though_stable_or_improved", "decided_on_stable_or_improved"),
        ("wrong_continue_rate", "continued_though_deteriorated", "decided_on_deteriorated"),
    ):
        if values[base] > 0:
            values[rate] = values[top] / values[base]
    width = len(str(n))
    values |= {f"responders_{k:0{width}d}": float(both[:, k].sum()) for k in range(n + 1)}
    return values


def _per_infusion(model: Model) -> float:
    """Probability of an adverse event at an infusion: that of the first one of a cycle."""
    return float(model.events[model.event_codes & 1 == 1].sum())

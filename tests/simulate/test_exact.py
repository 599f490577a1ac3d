"""The simulation and the exact answer hold each other; both reproduce the reference cases."""

import json
from pathlib import Path

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.design.counts.proportion import binomial_tail
from pnstrial.engine.exact.cohort import Cohort
from pnstrial.engine.model import build_model
from pnstrial.engine.monthly import MonthlyCourse
from pnstrial.engine.success import BayesianRule, ExactTest, TwoStage, boundaries

# Base R matrix propagation (the file names version and call); exact values to 1e-9, simulated within 4 standard errors.
CASES = json.loads((Path(__file__).parents[1] / "reference/survival/oc_exact.json").read_text())["cases"]
PROTOCOL = pns.load_protocol("nct02343211")
HU = pns.load_scenario("anti-hu")
PLAIN = pns.load_scenario("anti-hu-plain")


def monthly(case):
    given = case["inputs"]
    return (
        MonthlyCourse(given["P_on"], given["P_off"], given["P0"], given["drop"]),
        given["N"],
        given["reject_if_at_least"],
    )


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_exact_reproduces_reference(case):
    course, n, minimum = monthly(case)
    result, expected = course.exact(n, minimum), case["outputs"]
    close = {"rel": 0, "abs": 1e-9}
    assert result.p_success == pytest.approx(expected["p_success_patient"], **close)
    assert result.reject == pytest.approx(expected["reject_prob"], **close)
    assert result.successes == pytest.approx(expected["pmf_successes"], **close)
    assert result.cycles == pytest.approx(expected["expected_cycles_per_patient_reaching_protocol"], **close)
    for name, share in expected["month3"].items():
        assert getattr(result, name) == pytest.approx(share, **close)
    occupancy = np.array(expected["state_occupancy_months0to6_incl_dropout_loss"])
    assert np.abs(result.occupancy - occupancy).max() < 1e-9


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_simulation_reproduces_reference(case):
    course, n, minimum = monthly(case)
    trials = 60_000
    result, expected = course.simulate(n, minimum, trials, seed=3), case["outputs"]
    for name, share, count in (
        ("p_success", expected["p_success_patient"], trials * n),
        ("deteriorated", expected["month3"]["deteriorated"], trials * n),
        ("dead", expected["month3"]["dead"], trials * n),
        ("reject", expected["reject_prob"], trials),
    ):
        assert abs(getattr(result, name) - share) <= 4 * np.sqrt(
            max(share * (1 - share), 1 / count) / count
        ), name
    pmf = np.array(expected["pmf_successes"])
    assert (np.abs(result.successes - pmf) <= 4 * np.sqrt(pmf * (1 - pmf) / trials) + 4 / trials).all()


def held_together(result, known, sigmas=4.0):
    """Every quantity with an exact answer lies within so many standard errors of it."""
    compared = 0
    for q in result.quantities:
        if q.quantity not in known.answers or not isinstance(q.estimate, float):
            continue
        exact = known.answers[q.quantity]
        error = q.std_error
        if q.quantity.startswith("responders_") or q.quantity == "probability_of_success":
            error = max(error, np.sqrt(max(exact * (1 - exact), 1 / result.n_trials) / result.n_trials))
        assert abs(q.estimate - exact) <= sigmas * error + 1e-9, (q.quantity, q.estimate, exact, q.std_error)
        compared += 1
    return compared


SPREAD = {
    "as shipped": ({}, {}),
    "perfect rating, LOCF": ({"rating": {"method": "none"}}, {"missing": "LOCF"}),
    "death excluded, missing excluded": ({}, {"death": "exclude", "missing": "exclude"}),
    "best case, rescue allowed": ({"dropout": {"per_month": 0.06}}, {"missing": "best case", "rescue": "treatment policy"}),
    "stopped composite, many events": ({"adverse_events": {"per_infusion": 0.3, "stop": 0.1}}, {"stopped": "composite"}),
    "same rater": ({"rating": {"same_rater_agreement": 0.9}, "visits": {"jitter_days": 1}}, {}),
    "wide jitter, narrow window": (
        {"visits": {"jitter_days": 14, "extra_rating_days": (29, 57)}, "treatment": {"late": 0}},
        {"missing": "LOCF"},
    ),
    "some go on anyway": ({"treatment": {"continued_anyway": 0.4}, "course": {"ivig": {"worsen": 0.4}}}, {}),
    "every cycle late": ({"treatment": {"late": 1.0, "late_days": [1, 7], "changed_dose": 1.0}}, {}),
    "bands that begin within a day": (
        {"course": {"onset": [{"from_months": 7.123, "die": 3.0}, {"from_months": 12.4567, "die": 0.2}]}},
        {},
    ),
    "follow-up ends with the last visit": ({"follow_up": {"months": 7, "after_last_months": 7}}, {}),
    "two-stage": ({"success": {"rule": "two-stage", "r1": 0, "n1": 9, "r": 2, "n": 17}}, {}),
    "bayesian, 25 patients": ({"success": {"rule": "bayesian", "null": 0.1}, "enrolment": {"target": 25}}, {}),
    "two classes of patients": (
        {"course": {"classes": [{"name": "fast", "share": 0.3, "worsen": 3, "die": 2}, {"name": "slow", "share": 0.7, "worsen": 0.4}]}},
        {},
    ),
    "gamma frailty": ({"course": {"frailty": {"variance": 0.8}}}, {"missing": "LOCF"}),
    "damage that is not undone": (
        {"course": {"damage": {"per_month": 0.3, "share": 0.2}, "ivig": {"improve": 4}}},
        {"death": "exclude", "missing": "exclude"},
    ),
    "rescue with an effect": (
        {"course": {"rescue": {"improve": 6, "worsen": 0.2, "die": 0.5}}, "rescue": {"per_month": 0.15}, "dropout": {"per_month": 0.1}},
        {"rescue": "treatment policy"},
    ),
    "rescue after a worse rating": (
        {"rescue": {"after_worse_rating": 0.5, "per_month": 0.02}, "visits": {"extra_rating_days": (29, 30, 57)}},
        {"missing": "LOCF"},
    ),
    "rescue after a worse rating, with an effect": (
        {"rescue": {"after_worse_rating": 0.5}, "course": {"rescue": {"improve": 8, "worsen": 0.3}},
         "treatment": {"continued_anyway": 0.3}},
        {"rescue": "treatment policy"},
    ),
    "tumour treatment that begins": (
        {"course": {"tumour_treatment": {"worsen": 0.2, "die": 0.3, "improve": 2}},
         "baseline": {"tumour_treatment_per_month": 0.4, "tumour_treatment": 0.2}},
        {},
    ),
    "all that switches": (
        {"course": {"damage": {"per_month": 0.1, "improve": 0, "worsen": 0.5}, "rescue": {"improve": 3},
                    "tumour_treatment": {"worsen": 0.5}, "onset": [{"from_months": 5, "improve": 0.3}]},
         "baseline": {"tumour_treatment_per_month": 0.2}, "rescue": {"per_month": 0.1, "after_worse_rating": 0.2},
         "visits": {"jitter_days": 2}},
        {"rescue": "treatment policy"},
    ),
    "course before day 1": (
        {"enrolment": {"course_before_day_1": True, "day_1_lag_days": (0, 21)}, "course": {"die": (0.2,) * 6, "ivig": {"die": 0.2}}},
        {},
    ),
    "missed by grade and change": (
        {"visits": {"missed": 0.1, "missed_ratios": {"by_grade": (1, 1, 1, 2, 4, 8), "worse": 3, "improved": 0.2}}},
        {"missing": "LOCF"},
    ),
    "missed by grade, wide jitter": (
        {"visits": {"missed": 0.2, "jitter_days": 15, "extra_rating_days": (29,), "missed_ratios": {"worse": 4}},
         "course": {"ivig": {"worsen": 0.3}}, "treatment": {"late": 0}, "rescue": {"after_worse_rating": 0.3}},
        {"missing": "best case"},
    ),
    "drop-out by grade": (
        {"dropout": {"per_month": 0.05, "ratios": {"by_grade": (0.2, 0.5, 1, 2, 3, 4)}}, "course": {"ivig": {"worsen": 0.3}}},
        {"missing": "LOCF"},
    ),
    "drop-out by change": (
        {"dropout": {"per_month": 0.03, "ratios": {"worse": 5, "improved": 0}}, "course": {"rescue": {"improve": 3}},
         "visits": {"jitter_days": 1}},
        {"missing": "best case", "rescue": "treatment policy"},
    ),
    "onset bands, tumour treatment": (
        {"course": {"onset": [{"from_months": 2, "improve": 0.5}, {"from_months": 4, "improve": 0.2, "worsen": 0.8}],
                    "ivig": {"worsen": 0.5}, "tumour_treatment": {"worsen": 0.6, "die": 0.5}}},
        {},
    ),
}  # fmt: skip


@pytest.mark.double
@pytest.mark.parametrize("name", sorted(SPREAD))
def test_full_simulation_and_exact_answer_agree(name):
    changes, estimand = SPREAD[name]
    protocol = PROTOCOL.with_estimand(**estimand) if estimand else PROTOCOL
    if "narrow window" in name:
        protocol = protocol.with_settings(
            visits={
                "Month 3": {"first_day": 75, "last_day": 95},
                "Month 6": {"first_day": 159, "last_day": 179},
            }
        )
    scenario = HU.changed(**changes)
    result = pns.simulate_trials(protocol, scenario, n_trials=10_000, seed=11)
    assert held_together(result, pns.exact_characteristics(protocol, scenario)) > 40


@pytest.mark.double
@pytest.mark.parametrize(("before", "after", "days"), [(2, 2, 5), (1, 0, 3), (1, 5, 2)])
def test_other_treatment_plans_agree_too(before, after, days):
    plan = {"cycles_before_decision": before, "cycles_after_decision": after, "infusion_days": days}
    protocol = PROTOCOL.with_settings(treatment=plan)
    result = pns.simulate_trials(protocol, HU, n_trials=10_000, seed=12)
    assert held_together(result, pns.exact_characteristics(protocol, HU)) > 40


@pytest.mark.double
@pytest.mark.parametrize("missing", ["non-responder", "LOCF", "exclude", "best case"])
@pytest.mark.parametrize("visit", ["Month 3", "Month 6"])
def test_fast_runs_agree_with_the_exact_answer(missing, visit):
    protocol = PROTOCOL.with_estimand(missing=missing).with_settings(endpoint={"visit": visit})
    result = pns.simulate_trials(protocol, PLAIN, n_trials=40_000, seed=5, quantities="primary")
    assert result.method == "states at visits drawn from exp(Qt)"
    assert held_together(result, pns.exact_characteristics(protocol, PLAIN)) > 40


@pytest.mark.double
def test_fast_and_full_kernel_agree_in_distribution():
    fast = pns.simulate_trials(PROTOCOL, PLAIN, n_trials=40_000, seed=5, quantities="primary")
    full = pns.simulate_trials(PROTOCOL, PLAIN, n_trials=20_000, seed=5)
    for q in fast.quantities:
        other = full[q.quantity]
        error = np.hypot(q.std_error, other.std_error)
        assert abs(q.estimate - other.estimate) <= 4 * error + 4 / 20_000, q.quantity


def test_success_rules_are_the_published_counts():
    assert [int(boundaries(ExactTest(null=p), 17).minimum[17]) for p in (0.05, 0.10, 0.15, 0.20)] == [
        4,
        5,
        6,
        7,
    ]
    two = boundaries(TwoStage(r1=0, n1=9, r=2, n=17), 17)
    assert (two.first_n, two.first_stop, int(two.minimum[17])) == (9, 0, 3)
    assert int(boundaries(BayesianRule(null=0.1, threshold=0.95), 17).minimum[17]) == 4
    assert boundaries(ExactTest(null=0.1), 17).minimum[0] == 1  # nobody counted: no success


def test_null_of_the_protocol_goes_before_that_of_the_scenario():
    changed = PROTOCOL.with_settings(endpoint={"null_proportion": 0.2})
    assert pns.exact_characteristics(changed, PLAIN).critical_count == 7


def test_unchanged_patients_improve_by_chance_as_often_as_raters_disagree():
    # half of 1 - 0.65: two unstructured raters, no change of state, everybody enrolled as rated
    still = PLAIN.changed(
        course={"improve": (0,) * 6, "worsen": (0,) * 6, "die": (0,) * 6},
        rating={"agreement": (0.65, 0.32, 0.03)}, enrolment={"select_on_rating": False},
        baseline={"mrs": tuple([1 / 6] * 6)}, visits={"missed": 0}, dropout={"per_month": 0},
    )  # fmt: skip
    known = pns.exact_characteristics(PROTOCOL, still).answers
    assert known["reported_response"] == pytest.approx(0.175, abs=1e-9)
    assert known["true_response"] == 0
    assert known["probability_of_success"] == pytest.approx(binomial_tail(5, 17, 0.175), abs=1e-9)


def test_what_has_no_exact_answer_is_named():
    protocol = PROTOCOL.with_estimand(stopped="while on treatment")
    known = pns.exact_characteristics(protocol, HU)
    assert "probability_of_success" in known.without
    assert "probability_of_success" not in known.answers
    assert "cycles_per_patient" in known.answers


def with_visits(protocol, days, **endpoint):
    """Visits of half-width 10 on these days; decision and endpoint as given."""
    source = {"target_day": "assumed", "first_day": "assumed", "last_day": "assumed"}
    visits = tuple(
        protocol.visits[0].model_validate(
            {
                "name": f"Day {day}",
                "target_day": day,
                "first_day": day - 10,
                "last_day": day + 10,
                "source": source,
            }
        )
        for day in days
    )
    decision = endpoint.pop("decision")
    return protocol.model_copy(
        update={
            "visits": visits,
            "decision": protocol.decision.model_copy(update={"visit": decision}),
            "endpoint": protocol.endpoint.model_copy(update=endpoint),
        }
    )


VISITS = {
    "one visit": ([85], {"decision": "Day 85", "visit": "Day 85", "secondary_visits": ()}),
    "a visit before the decision": (
        [43, 85, 169],
        {"decision": "Day 85", "visit": "Day 85", "secondary_visits": ("Day 43", "Day 169")},
    ),
    "four visits, endpoint last": (
        [71, 106, 141, 176],
        {"decision": "Day 106", "visit": "Day 176", "secondary_visits": ("Day 176", "Day 71", "Day 141")},
    ),
}


@pytest.mark.double
@pytest.mark.parametrize("missing", ["non-responder", "LOCF"])
@pytest.mark.parametrize("name", sorted(VISITS))
def test_any_number_of_visits_fast_full_and_exact(name, missing):
    days, endpoint = VISITS[name]
    protocol = with_visits(PROTOCOL.with_estimand(missing=missing), days, **endpoint)
    secondary = endpoint["secondary_visits"]
    effect = {"ivig": {"worsen": 0.5, "improve": 2.0}}
    plain = PLAIN.changed(course=effect)
    fast = pns.simulate_trials(protocol, plain, n_trials=40_000, seed=5, quantities="primary")
    assert fast.method == "states at visits drawn from exp(Qt)"
    known = pns.exact_characteristics(protocol, plain)
    assert held_together(fast, known) > 36
    if not secondary:
        assert fast.not_estimable["secondary_response"] == "the protocol has no secondary visit"
        assert "secondary_response" in known.without
    for visit in secondary[1:]:
        assert f"secondary_dead_day_{visit.split()[1]}" in known.answers
    busy = HU.changed(course=effect, visits={"extra_rating_days": (), "jitter_days": 5})
    full = pns.simulate_trials(protocol, busy, n_trials=8_000, seed=6)
    assert held_together(full, pns.exact_characteristics(protocol, busy)) > 40
    few = pns.simulate_trials(protocol, busy, n_trials=4_000, seed=6, quantities="primary")
    assert {q.quantity for q in few.quantities} == {q.quantity for q in fast.quantities}
    assert held_together(few, pns.exact_characteristics(protocol, busy)) > 36


@pytest.mark.double
def test_ivig_that_ends_with_the_decision_ends_in_all_three():
    protocol = PROTOCOL.with_settings(
        treatment={"cycles_after_decision": 0},
        endpoint={"visit": "Month 6", "secondary_visits": ("Month 3",)},
    )
    effect = {"ivig": {"worsen": 0.1, "improve": 4.0}}
    for scenario, quantities in ((PLAIN, "primary"), (HU, "all")):
        changed = scenario.changed(course=effect)
        result = pns.simulate_trials(protocol, changed, n_trials=20_000, seed=3, quantities=quantities)
        assert held_together(result, pns.exact_characteristics(protocol, changed)) > 40


def test_days_are_the_integral_of_the_chain():
    # everybody begins at grade 2 as rated; worsening and death only, each at a known rate: closed forms
    worsen, die, days = 0.3 / 30.4375, 0.1 / 30.4375, PROTOCOL.visits[-1].target_day - 1
    alone = PLAIN.changed(
        course={"improve": (0,) * 6, "worsen": (0.3,) * 5 + (0,), "die": (0.1,) * 6, "ivig": {}, "onset": ()},
        baseline={"mrs": (0, 0, 1, 0, 0, 0)}, rating={"method": "none"},
    )  # fmt: skip
    known = pns.exact_characteristics(PROTOCOL, alone).answers
    leave = worsen + die
    expected = (1 - np.exp(-leave * days)) / leave
    assert known["days_independent"] == pytest.approx(expected, rel=1e-12)
    assert known["days_to_deterioration"] == pytest.approx(expected, rel=1e-12)
    later = pns.exact_characteristics(PROTOCOL, alone.changed(follow_up={"independent_up_to": 3})).answers
    second = expected + worsen * (
        (1 - np.exp(-leave * days)) / leave**2 - days * np.exp(-leave * days) / leave
    )
    assert later["days_independent"] == pytest.approx(second, rel=1e-12)


def test_per_protocol_is_a_product_where_nothing_happens_to_the_patient():
    still = PLAIN.changed(
        course={"improve": (0,) * 6, "worsen": (0,) * 6, "die": (0,) * 6}, rating={"method": "none"},
        visits={"missed": 0.1}, dropout={"per_month": 0}, rescue={"per_month": 0, "after_discontinuation": 0},
        treatment={"late": 0.3, "late_days": (8, 8), "changed_dose": 0.2, "dose_factor": 0.5},
        adverse_events={"per_infusion": 0.1, "stop": 0.1},
    )  # fmt: skip
    assert PROTOCOL.treatment.on_time_tolerance_days == 7
    infusions = 3 * PROTOCOL.treatment.infusion_days
    # no cycle late (a late one is 8 days off the one before), no dose changed, no stop but at the very last infusion
    expected = 0.9 * 0.7**2 * 0.8**3 * 0.99 ** (infusions - 1)
    known = pns.exact_characteristics(PROTOCOL, still).answers
    assert known["per_protocol"] == pytest.approx(expected, rel=1e-12)
    assert known["per_protocol_response"] == 0


def test_an_endpoint_before_the_last_cycle_has_no_exact_answer_per_protocol():
    early = with_visits(PROTOCOL, [43, 85], decision="Day 85", visit="Day 43", secondary_visits=())
    known = pns.exact_characteristics(early, PLAIN)
    assert known.without["per_protocol"].startswith("the endpoint visit may come before")
    assert "per_protocol" not in known.answers
    assert "days_independent" in known.answers


def test_who_comes_with_damage_or_a_treated_tumour_stands_in_the_chain_of_those_who_do_not():
    """Their rates are those of others to whom it happens later; a chain is made once for all who have the same."""
    both = HU.changed(
        course={"damage": {"per_month": 0.1, "share": 0.2}, "tumour_treatment": {"worsen": 0.5}},
        baseline={"tumour_treatment_per_month": 0.3},
    )
    plain, parted = (Cohort(build_model(PROTOCOL, case)) for case in (HU, both))
    assert parted.cases == plain.cases
    assert parted.start.sum() == pytest.approx(1, abs=1e-12)
    states = parted.chain.states
    on_day_1 = parted.start.sum(axis=(0, 1, 2, 3))
    assert on_day_1[states.damaged].sum() == pytest.approx(0.2, abs=1e-12)
    assert on_day_1[states.treated].sum() == pytest.approx(both.baseline.tumour_treatment, abs=1e-12)
    assert (
        len(parted.chain.rates) < parted.chain.which.size / 2
    )  # rates alike in several cases, bands or arms

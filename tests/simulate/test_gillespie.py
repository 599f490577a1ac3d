"""The exact answer and a plain Gillespie simulation, programmed apart, agree for every part of the model."""

import numpy as np
import pytest

import pnstrial as pns
from pnstrial import rules
from pnstrial.engine.kernels import layout as at
from pnstrial.simulate import patient_records
from tests.double.course_second import means, shares

PROTOCOL = pns.load_protocol("nct02343211")
HU = pns.load_scenario("anti-hu").changed(
    visits={"jitter_days": 3},
    adverse_events={"per_infusion": 0.15, "stop": 0.1},
    course={"ivig": {"worsen": 0.5, "improve": 3}, "onset": [{"from_months": 4.3, "improve": 0.5}]},
)
PATIENTS = 2_500
PARTS = {
    "as shipped": {},
    "classes": {
        "course": {"classes": [{"name": "fast", "share": 0.4, "worsen": 3, "die": 3}, {"name": "slow", "share": 0.6, "worsen": 0.3}]}
    },
    "frailty": {"course": {"frailty": {"variance": 0.8}, "worsen": (0.4,) * 5 + (0,)}},
    "effect by time since onset": {
        "course": {"ivig": {"improve": 20}, "ivig_since_onset": [{"from_months": 2.1, "improve": 0.2}, {"from_months": 4.5, "improve": 0.01}]}
    },
    "damage": {"course": {"damage": {"per_month": 0.4, "share": 0.3}}},
    "rescue": {
        "course": {"rescue": {"improve": 8, "worsen": 0.1}}, "rescue": {"per_month": 0.1, "after_worse_rating": 0.5},
        "treatment": {"continued_anyway": 0.3},
    },
    "tumour": {"course": {"tumour_treatment": {"worsen": 0.1, "improve": 3}}, "baseline": {"tumour_treatment_per_month": 0.5}},
    "before day 1": {
        "enrolment": {"course_before_day_1": True, "day_1_lag_days": (7, 28)}, "course": {"worsen": (0.5,) * 5 + (0,), "die": (0.2,) * 6}
    },
    "missed": {"visits": {"missed": 0.1, "missed_ratios": {"by_grade": (1, 1, 1, 2, 4, 8), "worse": 2, "improved": 0}}},
    "harms": {
        "adverse_events": {"thrombosis_per_infusion": 0.03, "haemolysis_per_infusion": 0.03, "haemolysis_stops": 0.5},
        "course": {"ivig": {"improve": 40.0}},
    },
    "drop-out": {"dropout": {"per_month": 0.05, "ratios": {"by_grade": (1, 1, 1, 2, 3, 4), "worse": 3, "improved": 0.1}}},
}  # fmt: skip


@pytest.mark.double
@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_part_of_the_model_agrees_with_a_plain_double(name):
    scenario = HU.changed(**PARTS[name])
    known = pns.exact_characteristics(PROTOCOL, scenario).answers
    found = shares(PROTOCOL, scenario, PATIENTS, np.random.default_rng(8))
    known = known | {"response": known["responders"] / 17}
    for quantity, share in found.items():
        exact = known[quantity]
        assert abs(share - exact) <= 4 * np.sqrt(exact * (1 - exact) / PATIENTS) + 1e-9, (
            quantity,
            share,
            exact,
        )
    if name != "as shipped":
        plain = pns.exact_characteristics(PROTOCOL, HU).answers
        assert max(abs(plain[q] - known[q]) for q in found if q in plain) > 0.01, "the part does nothing"


BARTHEL = {"name": "Barthel", "best": 100, "worst": 10, "sd": 8}
DECISIONS = {
    "another scale": {"scale": "Barthel", "improvement_points": 10, "stable": "discontinue"},
    "other points": {"improvement_points": 2, "stable": "discontinue"},
}


@pytest.mark.double
@pytest.mark.parametrize("persistence", [None, 0.8], ids=["raters differ", "one rater"])
@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_a_decision_on_something_else_agrees_with_a_plain_double(name, persistence):
    protocol = PROTOCOL.with_settings(decision=DECISIONS[name])
    content = HU.changed(
        course={"ivig": {"improve": 10.0, "worsen": 0.3}}, visits={"missed": 0.1}
    ).model_dump()
    scenario = pns.simulate.Scenario.model_validate(content | {"scales": [BARTHEL]})
    scenario = scenario.changed(rescue={"after_worse_rating": 0.3, "after_discontinuation": 0.3})
    scenario = scenario.changed(rating={"same_rater_agreement": persistence}) if persistence else scenario
    known = pns.exact_characteristics(protocol, scenario).answers
    known = known | {"response": known["responders"] / 17}
    found = shares(protocol, scenario, PATIENTS, np.random.default_rng(21))
    for quantity, share in found.items():
        exact = known[quantity]
        assert abs(share - exact) <= 4.5 * np.sqrt(exact * (1 - exact) / PATIENTS) + 1e-9, (
            quantity,
            share,
            exact,
        )
    simulated = pns.simulate_trials(protocol, scenario, n_trials=800, seed=4)
    for quantity in simulated.quantities:
        if quantity.quantity in known and isinstance(quantity.std_error, float) and quantity.std_error > 0:
            gap = abs(quantity.estimate - known[quantity.quantity])
            assert gap < 4.5 * quantity.std_error, quantity
    usual = pns.exact_characteristics(PROTOCOL, scenario).answers
    assert abs(usual["decision_continue"] - known["decision_continue"]) > 0.02
    for seed in range(2):
        rows = patient_records(protocol, scenario, seed=seed).rows
        table = pns.visits.decisions(pns.simulate_trial(protocol, scenario, seed=seed), protocol)["decision"]
        counted = [int((rows[:, at.DECISION] == code).sum()) for code in range(4)]
        assert counted == [int((table == word).sum()) for word in rules.DECISIONS]


def test_a_decision_that_is_not_drawn_with_the_endpoint_says_what_to_do():
    protocol = PROTOCOL.with_settings(decision=DECISIONS["another scale"])
    with pytest.raises(
        pns.simulate.ScenarioError, match="the decision is on Barthel; say how it follows from mRS"
    ):
        pns.exact_characteristics(
            protocol, pns.simulate.Scenario.model_validate(HU.model_dump() | {"scales": []})
        )


def test_a_bound_on_the_later_value_is_exact_for_one_rater_too():
    protocol = PROTOCOL.with_settings(endpoint={"maximum": 1})
    scenario = HU.changed(rating={"same_rater_agreement": 0.9}, course={"ivig": {"improve": 10.0}})
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=3000, seed=6)
    for name in ("reported_response", "responders"):
        assert abs(found[name].estimate - known[name]) < 4.5 * found[name].std_error
    low, high = found["probability_of_success"].interval
    assert low <= known["probability_of_success"] <= high


DAYS = {
    "as shipped": {},
    "harms": PARTS["harms"],
    "frailty": PARTS["frailty"],
    "tumour": PARTS["tumour"],
    "doses and days": {
        "treatment": {"late": 0.5, "late_days": (1, 9), "changed_dose": 0.2}, "course": {"ivig": {"improve": 10.0}},
        "enrolment": {"course_before_day_1": True},
    },
}  # fmt: skip


@pytest.mark.double
@pytest.mark.parametrize("name", sorted(DAYS))
def test_days_and_harms_of_the_simulation_agree_with_a_plain_double(name):
    scenario = HU.changed(**DAYS[name])
    found = means(PROTOCOL, scenario, PATIENTS, np.random.default_rng(11))
    result = pns.simulate_trials(PROTOCOL, scenario, n_trials=1500, seed=12)
    known = pns.exact_characteristics(PROTOCOL, scenario).answers
    share = result["per_protocol_response"].estimate * result["per_protocol"].estimate
    for quantity, (mean, error) in found.items():
        if quantity == "per_protocol_responders":
            simulated, own = share, 0.0
        else:
            simulated, own = result[quantity].estimate, result[quantity].std_error
        assert abs(mean - simulated) <= 4 * np.hypot(error, own) + 1e-9, (quantity, mean, simulated)
        if quantity in known:
            assert abs(known[quantity] - simulated) <= 4 * own + 1e-9, quantity
    assert 0.1 < result["per_protocol"].estimate < 0.9
    assert (result["thromboses_per_patient"].estimate > 0) == (name == "harms")


def test_every_estimand_at_once_meets_its_exact_answer_and_the_runs_of_one_estimand():
    scenario = HU.changed(adverse_events={"per_infusion": 0.2, "stop": 0.2})
    frame = pns.simulate_estimands(PROTOCOL, scenario, 1500, seed=4)
    own = frame.dropna(subset=["exact_response"])
    assert len(own) == 20
    assert (abs(own["response"] - own["exact_response"]) <= 4 * own["response_error"] + 1e-9).all()
    names = ["death", "rescue", "stopped", "missing"]
    for row in frame[frame["stopped"] != "treatment policy"].iloc[::7].to_dict("records"):
        alone = PROTOCOL.with_estimand(**{name: row[name] for name in names})
        one = pns.simulate_trials(alone, scenario, n_trials=1500, seed=4, quantities="primary")
        assert one["reported_response"].estimate == pytest.approx(row["response"])
        assert one["probability_of_success"].estimate == pytest.approx(row["success"])
        assert one["counted"].estimate == pytest.approx(row["counted"])

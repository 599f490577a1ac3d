"""The exact answer and a plain Gillespie simulation, programmed apart, agree for every part of the model."""

import numpy as np
import pytest

import pnstrial as pns
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

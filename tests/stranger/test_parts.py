"""Parts of an endpoint at several visits, and a decision on a scale that a part is on: exact, simulated, and in tables."""

import re
from pathlib import Path

import pytest

import pnstrial as pns
from pnstrial.drafts import first_scenario
from pnstrial.engine.kernels import layout as at
from pnstrial.simulate import patient_records

HERE = Path(__file__).parent
WARD, SCENARIO = (HERE / "ward.toml").read_text(), pns.load_scenario(HERE / "ward-scenario.toml")
PART = '[[endpoint.also]]\nname = "Less pain"\nscale = "Pain"\nvisit = "Week 8"\n'
DECISION = """
[decision]
visit = "Week 8"
follow_up_day = 85
scale = "Pain"
improvement_points = 1
stable = "discontinue"
source = "plan"
"""
AGAIN = """
[[endpoint.also]]
name = "Still better"
scale = "Barthel"
visit = "Week 16"
direction = "not deteriorated"
source = "plan"
"""
LIVELY = {
    "treatment": {"late": 0.2, "late_days": (1, 3)}, "dropout": {"per_month": 0.05}, "rescue": {"per_month": 0.03},
    "course": {"die": {"best": 0.02, "worst": 0.2}},
}  # fmt: skip


def ward(*, later="Week 16", decides=False, again=False, way="all", **estimand):
    """Give the ward trial with pain at another visit, a decision on pain, a third part, other strategies."""
    text = WARD.replace(PART, PART.replace("Week 8", later)).replace('combine = "all"', f'combine = "{way}"')
    if decides:
        text = text.replace("cycles = 4\n", "cycles = 6\nrequired_cycles = 4\n").replace(
            "[design]", f"{DECISION}\n[design]"
        )
    text = text.replace("[design]", f"{AGAIN if again else ''}\n[design]")
    for event, strategy in estimand.items():
        text = re.sub(rf'\n{event} = "[^"]*"', f'\n{event} = "{strategy}"', text)
    return pns.Protocol.from_toml(text)


NAMES = (
    "reported_response", "true_response", "bias", "responders", "improved", "secondary_response", "probability_of_success",
    "coverage", "decision_continue",
)  # fmt: skip


def agree(protocol, scenario, trials=1500):
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=trials, seed=3)
    assert 0.01 < known["reported_response"] < 0.99
    for name in NAMES:
        if name in known:
            error = max(found[name].std_error, 1 / trials if name == "probability_of_success" else 1e-12)
            assert abs(found[name].estimate - known[name]) < 4.5 * error, name
    return known


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"way": "any"},
        {"again": True, "missing": "exclude"},
        {"way": "any", "missing": "best case", "death": "exclude"},
        {"decides": True, "later": "Week 8"},
        {"decides": True, "way": "any", "rescue": "composite"},
        {"decides": True, "again": True, "stopped": "composite"},
    ],
    ids=str,
)
def test_exact_and_simulated_agree(asked):
    agree(ward(**asked), SCENARIO.changed(**LIVELY))


@pytest.mark.parametrize(
    "asked", [{}, {"way": "any", "missing": "exclude"}, {"decides": True}, {"decides": True, "later": "Week 8", "way": "any"}], ids=str
)  # fmt: skip
def test_the_tables_give_the_answers_and_decisions_that_were_counted(asked):
    protocol, scenario = ward(**asked), SCENARIO.changed(**LIVELY)
    for seed in range(3):
        rows = patient_records(protocol, scenario, seed=seed).rows
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        analysed = pns.endpoints.responders(trial, protocol)["response"].value_counts()
        answers = rows[:, at.VISIT + at.V_ANSWER]
        assert (answers == 1).sum() == analysed.get("responder", 0)
        assert (answers == 2).sum() == analysed.get("excluded", 0)
        later = rows[:, at.VISIT + at.VISIT_WIDTH + at.V_ANSWER]
        assert (later == 1).sum() == (
            pns.endpoints.responders(trial, protocol, "Week 16")["response"] == "responder"
        ).sum()
        if protocol.decision is not None:
            decided = pns.visits.decisions(trial, protocol)["decision"]
            assert (rows[:, at.DECISION] == 0).sum() == (decided == "continue").sum()
            assert (rows[:, at.DECISION] == 1).sum() == (decided == "discontinue").sum()


def test_a_single_visit_that_both_parts_have_is_the_same_however_it_is_worked_out():
    """Parts apart by name only: where nobody changes between two visits, it does not matter at which one each is."""
    still = SCENARIO.changed(
        course={"improve": 0, "worsen": 0, "die": 0}, rating={"sd": 0}, visits={"missed": 0},
        baseline={"grades": (0,) * 8 + (0.5, 0.5) + (0,) * 11},
    )  # fmt: skip
    text = WARD.replace("improvement_points = 10", "improvement_points = 5")
    one = pns.Protocol.from_toml(text)
    other = pns.Protocol.from_toml(text.replace(PART, PART.replace("Week 8", "Week 16")))
    any_one, any_other = (p.with_settings(endpoint={"combine": "any"}) for p in (one, other))
    chances = [pns.exact_characteristics(p, still).answers["true_response"] for p in (any_one, any_other)]
    assert chances[0] == pytest.approx(chances[1], abs=1e-12)
    assert 0.05 < chances[0] < 0.95


def test_what_the_simulation_still_cannot_follow_is_said():
    with pytest.raises(ValueError, match="simulated at their visits only, not at ratings in between"):
        pns.exact_characteristics(ward(missing="LOCF"), SCENARIO)
    scenario = SCENARIO.changed(visits={"missed": 0.1, "missed_ratios": {"worse": 3}})
    found = pns.exact_characteristics(ward(), scenario)
    assert "parts are at several visits" in found.without["reported_response"]
    assert found.answers["true_response"] > 0


def test_bias_of_a_joined_endpoint_is_against_its_own_truth():
    """With no rating error, nobody missed or lost, a rating on the target day is the truth: nothing is left of a bias."""
    clean = SCENARIO.changed(
        rating={"sd": 0},
        visits={"missed": 0, "jitter_days": 0},
        dropout={"per_month": 0},
        rescue={"per_month": 0},
    )
    for asked in ({"later": "Week 8"}, {}, {"way": "any"}, {"way": "any", "later": "Week 8"}):
        known = pns.exact_characteristics(ward(**asked), clean).answers
        assert known["bias"] == pytest.approx(0, abs=1e-12), asked
    assert 0.9 < known["coverage"] <= 1
    alone = pns.load_protocol(HERE / "ward.toml").with_settings(endpoint={"combine": "all"})
    assert (
        pns.exact_characteristics(alone, clean).answers["true_response"]
        < pns.exact_characteristics(alone, clean).answers["improved"] + 1e-12
    )


def test_a_first_scenario_of_any_protocol_can_be_run():
    for protocol in (ward(), ward(decides=True), pns.load_protocol(HERE / "hand.toml")):
        made = pns.Scenario.from_toml(first_scenario(protocol))
        assert 0.02 < pns.exact_characteristics(protocol, made).answers["true_response"] < 0.8


# ------------------------------------------------------------- a decision, and visits counted from the last infusion
AFTER = """
[[visits]]
name = "After treatment"
after = "last infusion"
target_day = {day}
first_day = {first}
last_day = {last}
source = "plan"
"""


def moving(day=40, room=6, later=True, **changes):
    """Give the hand trial with a decision at week 12, which moves the last infusion, and a visit that counts from it."""
    text = (HERE / "hand.toml").read_text()
    begin, end = text.index("[[visits]]"), text.index("[endpoint]")
    weeks = (
        '[[visits]]\nname = "Week 12"\ntarget_week = 12\nfirst_week = 11\nlast_week = 13\nsource = "plan"\n'
    )
    late = (
        '\n[[visits]]\nname = "Week 45"\ntarget_week = 45\nfirst_week = 44\nlast_week = 46\nsource = "plan"\n'
    )
    decision = '\n[decision]\nvisit = "Week 12"\nfollow_up_day = 113\nsource = "plan"\n'
    text = (
        text[:begin]
        + weeks
        + late * later
        + AFTER.format(day=day, first=day - room, last=day + room)
        + decision
        + text[end:]
    )
    text = re.sub(r"\[\[endpoint.secondary\]\].*?source = [^\n]*\n", "", text, flags=re.DOTALL)
    protocol = pns.Protocol.from_toml(text)
    drugs = [
        {"name": protocol.drugs[0].name, "cycles": 6, "required_cycles": 3},
        {"name": protocol.drugs[1].name, "cycles": 3, "required_cycles": 3},
    ]
    return protocol.with_settings(
        treatment={"drugs": drugs}, endpoint={"visit": "After treatment", **changes}
    )


HAND = pns.load_scenario(HERE / "hand-scenario.toml")


@pytest.mark.parametrize("stops", [False, True])
def test_a_decision_moves_the_visits_after_the_last_infusion(stops):
    # who ends treatment had the last infusion on day 43 to 49, who goes on on day 127 to 140
    protocol = moving(60) if not stops else moving(110, later=False)
    scenario = HAND.changed(
        treatment={"late": 0.4, "late_days": (1, 4)}, rescue={"per_month": 0.05, "after_discontinuation": 0.3},
        visits={"jitter_days": 3, "missed": 0.1}, adverse_events={"per_infusion": 0.1, "stop": 0.3 * stops},
        enrolment={"failures": {}},
    )  # fmt: skip
    known = agree(protocol, scenario, 1200)
    assert 0.2 < known["decision_continue"] < 0.8
    for seed in range(2):
        rows = patient_records(protocol, scenario, seed=seed).rows
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        for v, visit in enumerate(protocol.visits):
            found = pns.endpoints.responders(trial, protocol, visit.name)["response"]
            assert (rows[:, at.VISIT + v * at.VISIT_WIDTH + at.V_ANSWER] == 1).sum() == (
                found == "responder"
            ).sum()
        decided = pns.visits.decisions(trial, protocol)["decision"]
        assert (rows[:, at.DECISION] == 0).sum() == (decided == "continue").sum()


def test_a_visit_that_would_come_before_the_decision_is_refused_with_the_reason():
    with pytest.raises(
        ValueError, match="After treatment, counted from the last infusion, and Week 12 may fall together"
    ) as caught:
        pns.exact_characteristics(moving(28), HAND)
    assert "before which nobody knows which infusion is the last" in str(caught.value)
    with pytest.raises(ValueError, match="Week 45 may fall together for a patient who goes on"):
        pns.exact_characteristics(moving(175), HAND)
    both = moving(60)
    drugs = [{"name": drug.name, "cycles": 6, "required_cycles": 3} for drug in both.drugs]
    with pytest.raises(ValueError, match="goes on after the decision beside"):
        pns.exact_characteristics(both.with_settings(treatment={"drugs": drugs}), HAND)

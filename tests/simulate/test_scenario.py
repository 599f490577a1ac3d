"""Scenarios: what is wrong is named before any work, shipped ones reach the series they name."""

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.engine.model import build_model
from pnstrial.multistate import Course, calibrate, generator, transition_probabilities
from pnstrial.simulate import Scenario, ScenarioError, scenario_text, shipped_scenarios

PROTOCOL = pns.load_protocol("nct02343211")


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_load_name_their_source_and_fit_the_protocol(name):
    scenario = pns.load_scenario(name)
    assert scenario.id == name
    assert len(scenario.source) > 30
    assert "reached" in scenario.fit
    build_model(PROTOCOL, scenario)


# the series each scenario names (months, improved, worse or dead, survival month, survival); rates have 5 digits
SERIES = {
    "anti-hu": (3, 1 / 17, 8 / 17, 12, 0.40),
    "anti-hu-plain": (3, 1 / 17, 8 / 17, 12, 0.40),
    "natalizumab": (3, 0.10, 0.30, 12, 0.40),
    "plasma-exchange": (6, 0.30, 0.50, 12, 0.40),
    "rituximab": (6, 1 / 3, 1 / 3, 36, 0.458),
    "ivig-history": (3, 1 / 37, 18 / 37, 12, 0.40),
}


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(SERIES))
def test_calibration_reaches_the_published_series(name):
    months, improved, worse, at, survival = SERIES[name]
    Q = generator(pns.load_scenario(name).course)
    start = np.array([0, 0, 0.45, 0.55, 0, 0, 0])
    joint = start[:, None] * transition_probabilities(Q, months)
    grade = np.arange(7)
    better = joint[grade[None, :] < grade[:, None]].sum()
    assert better == pytest.approx(improved, abs=5e-4)
    assert 1 - better - np.trace(joint) == pytest.approx(worse, abs=5e-4)
    assert 1 - (start @ transition_probabilities(Q, at))[6] == pytest.approx(survival, abs=5e-4)


@pytest.mark.parametrize("name", sorted(SERIES))
def test_shipped_rates_are_those_that_calibrate_finds(name):
    months, improved, worse, at, survival = SERIES[name]
    course = pns.load_scenario(name).course
    found = calibrate(
        improved=improved, stable=1 - improved - worse, deteriorated=worse, at_months=months,
        survival={at: survival}, baseline=(0, 0, 0.45, 0.55, 0, 0),
        shape=Course(improve=(0, 1, 1, 1, 1, 1), worsen=(1, 1, 1, 1, 1, 0), die=(0.2, 0.2, 0.4, 1, 2.5, 5)),
    )  # fmt: skip
    for kind in ("improve", "worsen", "die"):
        assert getattr(course, kind) == pytest.approx(getattr(found.course, kind), abs=2e-5), kind


def test_all_series_are_covered():
    assert set(SERIES) == set(shipped_scenarios())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("missed = 0.05", "missed = 1.5", ["visits.missed = 1.5", "from 0 to 1"]),
        ("target = 17 ", "target = 0 ", ["enrolment.target = 0", "from 1 to 1000"]),
        ("target = 17 ", 'target = "17" ', ["enrolment.target = '17'", "whole number"]),
        ("per_month = 0.01", "per_month = -1", ["per_month = -1", "from 0 to 100"]),
        ("sites = 6 ", "sitez = 6 ", ["enrolment.sitez", "no such key"]),
        ("[0, 0.02, 0.42, 0.50, 0.06, 0]", "[0, 0.02, 0.42, 0.50, 0.16, 0]", ["baseline.mrs", "add to 1.1"]),
        ("{ Hu = 1.0 }", "{ Foo = 1.0 }", ["baseline.antibody", "Foo is not known", "Hu, Yo, CV2"]),
        ('method = "unstructured"', 'method = "best"', ["rating.method = 'best'", "'none'"]),
        (
            "improve = [0, 0.03944",
            "improve = [0, -0.03944",
            ["course.improve.1 = -0.03944", "a number from 0 to 10000"],
        ),
        ('rule = "exact test"', 'rule = "luck"', ["success", "'two-stage'"]),
        ("missed = 0.05", "missed = nan", ["visits.missed = nan", "from 0 to 1"]),
    ],
)
def test_wrong_setting_names_key_value_and_allowed_range(old, new, words):
    text = scenario_text("anti-hu")
    assert old in text
    with pytest.raises(ScenarioError) as problem:
        Scenario.from_toml(text.replace(old, new), where="my.toml")
    message = str(problem.value)
    assert message.startswith("my.toml cannot be used")
    for word in words:
        assert word in message


def test_all_mistakes_come_at_once():
    text = (
        scenario_text("anti-hu")
        .replace("missed = 0.05", "missed = 2")
        .replace("target = 17 ", "target = -1 ")
    )
    with pytest.raises(ScenarioError, match=r"(?s)enrolment\.target = -1.*visits\.missed = 2"):
        Scenario.from_toml(text)


def test_kernel_rows_must_sum_to_one():
    kernel = np.eye(7)
    kernel[2, 2] = 0.9
    with pytest.raises(ScenarioError, match=r"row 2 sums to 0\.9"):
        pns.load_scenario("anti-hu").changed(rating={"kernel": kernel.tolist()})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"visits": {"extra_rating_days": (80,)}}, "extra_rating_days = 80"),
        ({"visits": {"jitter_days": 50, "extra_rating_days": ()}}, "may come after"),
        ({"enrolment": {"failures": {"X9": 0.1}}}, "X9 is no criterion"),
        (
            {"follow_up": {"months": 6.6}, "visits": {"jitter_days": 40, "extra_rating_days": ()}},
            "follow_up.months",
        ),
        ({"baseline": {"mrs": (1, 0, 0, 0, 0, 0)}, "rating": {"method": "none"}}, "fewer than 1 in 1000"),
        ({"success": {"rule": "two-stage", "r1": 0, "n1": 9, "r": 2, "n": 18}}, "does not fit 17 patients"),
    ],
)
def test_what_does_not_fit_the_protocol_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        build_model(PROTOCOL, pns.load_scenario("anti-hu").changed(**changes))


def test_unknown_names_list_the_shipped_ones():
    with pytest.raises(ScenarioError, match="anti-hu, anti-hu-plain"):
        pns.load_scenario("no-such-scenario")
    with pytest.raises(ScenarioError, match="is not TOML"):
        Scenario.from_toml("= 3")
    with pytest.raises(ScenarioError, match="no section 'sites'"):
        pns.load_scenario("anti-hu").changed(sites={})


def test_false_positive_tests_make_a_stratum_without_antibody():
    model = build_model(PROTOCOL, pns.load_scenario("anti-hu"))
    wrong = sum(stratum.share for stratum in model.strata if stratum.antibody is None)
    assert wrong == pytest.approx(0.10 * 0.01 / (0.90 * 0.82 + 0.10 * 0.01))

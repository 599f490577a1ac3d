"""Scenarios: what is wrong is named before any work, shipped ones reach the series they name."""

from itertools import pairwise, product

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.engine.model import build_model
from pnstrial.multistate import generator, transition_probabilities
from pnstrial.simulate import Scenario, ScenarioError, scenario_text, shipped_scenarios

PROTOCOL = pns.load_protocol("nct02343211")


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_load_name_their_source_and_fit_the_protocol(name):
    scenario = pns.load_scenario(name)
    assert scenario.id == name
    assert len(scenario.source) > 30
    assert "reached" in scenario.fit
    build_model(pns.load_protocol(name) if name in pns.protocol.shipped_protocols() else PROTOCOL, scenario)


def test_a_scenario_that_can_enrol_nobody_is_refused():
    surface = pns.load_scenario("surface-antibody")
    with pytest.raises(ScenarioError, match=r"fewer than 1 in 1000 .*the protocol allows CV2, Hu, Yo"):
        pns.simulate_trials(PROTOCOL, surface, n_trials=10)
    with pytest.raises(ScenarioError, match="could be enrolled"):
        pns.exact_characteristics(pns.load_protocol("surface-antibody"), pns.load_scenario("anti-hu"))
    hu = pns.load_scenario("anti-hu-plain")
    for nobody in (
        {"enrolment": {"failures": {"I1": 1.0}}},
        {"baseline": {"onset": [{"months": 9, "share": 1}]}},
        {"baseline": {"mrs": (1, 0, 0, 0, 0, 0)}, "rating": {"method": "none"}},
    ):
        with pytest.raises(ScenarioError, match="could be enrolled"):
            build_model(PROTOCOL, hu.changed(**nobody))


def test_a_mistyped_antibody_is_named():
    with pytest.raises(ScenarioError, match=r"NMDA is not known; allowed are Hu, Yo, CV2, .*NMDAR"):
        pns.load_scenario("anti-hu").changed(baseline={"antibody": {"NMDA": 1.0}})


CALIBRATED = [
    name for name in shipped_scenarios() if pns.load_scenario(name).fit.startswith("Rated improved")
]


def rated_counts(scenario, course):
    """Count what the raters of a series see, patient class by patient class: a second way to the shares."""
    series, onsets = scenario.series, scenario.baseline.onset
    error, days = series.rating.error(scenario.grades), 365.25 / 12
    stops = [day / days for day in series.ratings_between_days if day / days < series.at_months]
    improved = worse = entered = 0.0
    alive = dict.fromkeys(dict(series.survival), 0.0)
    for onset, (g, share) in product(onsets, enumerate(scenario.baseline.true_grades)):

        def through(begin, end, since=onset.months):
            edges = [
                begin,
                *(e for e in (b.from_months - since for b in course.onset) if begin < e < end),
                end,
            ]
            P = np.eye(scenario.grades + 1)
            for low, high in pairwise(edges):
                P = P @ transition_probabilities(
                    generator(course, months_since_onset=since + low), high - low
                )
            return P

        for first in series.selected:
            weight = onset.share * share * error.kernel[g, first]
            entered += weight
            for month in alive:
                alive[month] += weight * (1 - through(0, month)[g, -1])
            now = np.zeros_like(error.kernel)  # by true grade and rating
            now[g, first] = weight
            for begin, end in pairwise([0.0, *stops, series.at_months]):
                now = np.einsum("tr,tl,trla->la", now, through(begin, end), error.next_rating)
            improved += now[:, :first].sum()
            worse += now[:, first + 1 :].sum()
    return improved / entered, worse / entered, {month: share / entered for month, share in alive.items()}


@pytest.mark.reference
@pytest.mark.parametrize("name", CALIBRATED)
def test_shipped_courses_reproduce_the_rated_counts_or_state_the_floor(name):
    scenario = pns.load_scenario(name)
    series = scenario.series
    n = series.improved + series.stable + series.deteriorated
    improved, worse, alive = rated_counts(scenario, scenario.course)
    assert worse == pytest.approx(series.deteriorated / n, abs=5e-5)
    for month, share in series.survival:
        assert alive[month] == pytest.approx(share**series.population_hazard_ratio, abs=5e-5)
    if scenario.course.improve[2] > 0:
        assert improved == pytest.approx(series.improved / n, abs=5e-5)
    else:
        assert improved > series.improved / n
        assert f"rating error alone gives {improved:.4f}" in scenario.fit
    for kind in ("improve", "worsen", "die"):
        found = getattr(scenario.calibration().course, kind)
        assert getattr(scenario.course, kind) == pytest.approx(found, rel=1e-4), kind


def test_every_shipped_scenario_names_its_series_or_its_assumptions():
    for name in shipped_scenarios():
        scenario = pns.load_scenario(name)
        assert scenario.series is not None or "assumed" in scenario.fit, name


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
            "improve = [0, 0.0036706",
            "improve = [0, -0.0036706",
            ["course.improve.1 = -0.0036706", "a number from 0 to 10000"],
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


@pytest.mark.parametrize("call", [pns.simulate_trials, pns.exact_characteristics, pns.simulate_trial])
def test_a_name_or_a_swap_is_answered_with_the_right_call(call):
    scenario = pns.load_scenario("anti-hu-plain")
    for wrong in ((PROTOCOL, "anti-hu"), ("anti-hu", PROTOCOL), (scenario, PROTOCOL)):
        with pytest.raises(TypeError, match=r"protocol comes first.*load_scenario\('anti-hu'\)"):
            call(*wrong)

"""The simulation on any scale: exact answer, double, tables and fitting for other numbers of grades than the mRS has."""

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.data.files import example_trial
from pnstrial.engine.exact.answers import exact_characteristics
from pnstrial.engine.kernels.shift import signed_rank, surely_significant
from pnstrial.engine.model import build_model
from pnstrial.engine.monthly import MonthlyCourse
from pnstrial.engine.tables import binomial_halves
from pnstrial.multistate import Course, RatingError, calibrate, fit, generator, transition_probabilities
from pnstrial.simulate import ScenarioError
from tests.double.grades_second import shares
from tests.reference.examples.examples import SEEDS, simulated

PLAIN = {"adverse_events": {"stop": 0}, "treatment": {"late": 0}}
OTHERS = {
    "nct06373211": {**PLAIN, "course": {"improve": 0.3, "ivig": {"worsen": 0.5, "improve": 3}}},
    "sirolimus-2015": {**PLAIN, "course": {"improve": (0, 0.4, 0.4, 0.4, 0.4, 0.4)}},
}


def both(name):
    return pns.load_protocol(name), pns.load_scenario(name)


@pytest.mark.double
@pytest.mark.parametrize("name", OTHERS)
def test_a_plain_double_agrees_on_other_scales_and_joined_endpoints(name):
    protocol, scenario = both(name)
    scenario = scenario.changed(**OTHERS[name])
    patients = 1500
    known = exact_characteristics(protocol, scenario).answers
    known = known | {"response": known["responders"] / scenario.enrolment.target}
    for quantity, share in shares(protocol, scenario, patients, np.random.default_rng(4)).items():
        exact = known[quantity]
        assert abs(share - exact) <= 4 * np.sqrt(exact * (1 - exact) / patients), (quantity, share, exact)
    assert known["true_response"] > 0.05


@pytest.mark.double
@pytest.mark.parametrize("name", [*SEEDS])
def test_exact_and_simulated_agree_on_every_shipped_protocol(name):
    protocol, scenario = both(name)
    exact = exact_characteristics(protocol, scenario)
    known = exact.answers
    found = pns.simulate_trials(protocol, scenario, n_trials=800, seed=11)
    compared = 0
    for quantity in found.quantities:
        if quantity.quantity in known and isinstance(quantity.std_error, float) and quantity.std_error > 0:
            far = abs(quantity.estimate - known[quantity.quantity]) / quantity.std_error
            assert far < 4.5, (quantity, known[quantity.quantity])
            compared += not quantity.quantity.startswith("responders_")
    assert compared >= 15
    assert exact.without["decision_dead"] == "the protocol has no decision"


@pytest.mark.parametrize("name", [*SEEDS])
def test_the_examples_are_what_the_simulation_writes(name):
    shipped, made = example_trial(name), simulated(name)
    for table in ("screening", "infusions", "mrs", "scales", "follow_up"):
        pd.testing.assert_frame_equal(getattr(shipped, table), getattr(made, table))
    passed = pns.screen(shipped, pns.load_protocol(name)).overall
    enrolled = set(shipped.enrolled)
    eligible = set(passed.loc[passed.iloc[:, 1] == "eligible", "patient_id"])
    assert enrolled == eligible


@pytest.mark.parametrize("name", [*SEEDS])
def test_the_analysis_counts_the_responders_that_the_kernel_counted(name):
    from pnstrial.engine.kernels import layout as at
    from pnstrial.simulate import patient_records

    protocol, scenario = both(name)
    visit = [v.name for v in protocol.visits].index(protocol.endpoint.visit)
    counted = 0
    for seed in range(4):
        scenario = scenario.changed(course={"improve": 0.5})
        rows = patient_records(protocol, scenario, seed=seed).rows
        mine = int((rows[:, at.VISIT + visit * at.VISIT_WIDTH + at.V_ANSWER] == 1).sum())
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        answers = pns.endpoints.responders(trial, protocol)["response"]
        assert mine == (answers == "responder").sum()
        counted += mine
    assert counted > 0


def test_a_criterion_on_another_scale_lets_in_by_its_table():
    protocol, scenario = both("nct06373211")
    model = build_model(protocol, scenario)
    place = 1 + model.failed.index("I5")
    kernel, mrs = scenario.rating.error(13).kernel, scenario.scales[0].shares(protocol.scale("mRS"), 13)
    grades = np.array(scenario.baseline.true_grades)
    # I3 asks for a rated ONLS of 1 or more and comes first, I5 for an mRS of 2 or 3
    rated = grades * (1 - kernel[:13, 0])
    fails = float((rated * (1 - mrs[:, 2] - mrs[:, 3])).sum())
    passes = float((rated * (mrs[:, 2] + mrs[:, 3])).sum())
    share = model.entry_probabilities[model.entry_codes[:, 0] == place].sum()
    assert share / model.enrolled_share == pytest.approx(fails / passes, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale": "Barthel"}, "runs on the endpoint's scale, which is ONLS"),
        ({"scales": []}, "criterion I5 asks for mRS at screening; say how it follows from ONLS"),
    ],
)
def test_a_scenario_of_another_scale_is_refused_in_a_sentence(changes, words):
    protocol, scenario = both("nct06373211")
    other = type(scenario).model_validate(scenario.model_dump(exclude_none=True) | changes)
    with pytest.raises(ScenarioError, match=words):
        build_model(protocol, other)
    with pytest.raises(ScenarioError, match="course has 13 grades, baseline 3"):
        scenario.changed(baseline={"grades": [0.5, 0.3, 0.2]})


def test_rates_of_a_longer_scale_are_recovered_by_fitting():
    course = Course(grades=9, improve=0.08, worsen=0.2, die={"best": 0.02, "worst": 0.02})
    P = transition_probabilities(generator(course), 1.0)
    random = np.random.default_rng(3)
    rows = []
    for patient in range(500):
        state = int(random.integers(2, 7))
        for month in range(7):
            rows.append((patient, month, state))
            if state == 9:
                break
            state = int(random.choice(10, p=P[state]))
    panel = pd.DataFrame(rows, columns=["id", "month", "state"])
    steps = np.eye(10, k=1) + np.eye(10, k=-1)
    steps[:9, 9], steps[8, 9], steps[9] = 1, 1, 0
    up = [(g, g + 1) for g in range(8)]
    down = [(g, g - 1) for g in range(1, 9)]
    deaths = [(g, 9) for g in range(9)]
    found = fit(panel, "id", "month", "state", steps, same_rate=[up, down, deaths], level=0.997)
    for (a, b), true in (((3, 4), 0.2), ((3, 2), 0.08), ((3, 9), 0.02)):
        assert found.lower[a, b] < true < found.upper[a, b]


def test_calibration_and_rating_error_hold_on_any_number_of_grades():
    error = RatingError.from_agreement(0.65, 0.32, 0.03, grades=11)
    assert error.agreement()[:3] == pytest.approx([0.65, 0.32, 0.03], abs=1e-12)
    assert RatingError.from_sd(1.5, 21).kernel.sum(axis=1) == pytest.approx(np.ones(22))
    start = np.eye(11)[4]
    found = calibrate(
        improved=0.2, stable=0.5, deteriorated=0.3, survival={12: 0.5}, baseline=start, rating=error
    )
    assert found.reached
    assert found.course.grades == 11
    with pytest.raises(ValueError, match="baseline has 11 grades, rating has 6"):
        calibrate(improved=1, stable=1, deteriorated=1, baseline=start, rating=RatingError.structured())


def test_the_signed_rank_kernel_equals_the_test_on_long_scales():
    random = np.random.default_rng(9)
    n, most = 14, 12
    exactly, or_more = binomial_halves(n)
    decided, surely = 0, surely_significant(0.025)
    for _ in range(60):
        first = random.integers(0, most, n)
        second = np.clip(first - random.integers(-3, 6, n), 0, most)
        changes = np.bincount(most + first - second, minlength=2 * most + 2)
        sizes, weights = np.zeros((2, most + 1), np.int64), np.zeros(2 * n * (n + 1) + 4)
        outcome = signed_rank.plain(changes, 0.025, surely, sizes, exactly, or_more, weights)
        # the exact distribution: zeros ranked without a sign, ties by mid-ranks
        size = np.abs(first - second)
        ranks = np.array([(size < s).sum() + ((size == s).sum() + 1) / 2 for s in size])[size > 0]
        signs = (first > second)[size > 0]
        ways = ((np.arange(2**ranks.size)[:, None] >> np.arange(ranks.size)) & 1) @ ranks
        up, down = (ways >= ranks[signs].sum() - 1e-9).mean(), (ways <= ranks[signs].sum() + 1e-9).mean()
        assert outcome == (1 if up <= 0.025 else -1 if down <= 0.025 else 0)
        decided += outcome != 0
    assert 5 < decided < 55


def test_a_monthly_course_has_as_many_grades_as_it_is_given():
    stay = MonthlyCourse(np.eye(4), np.eye(4), [0.2, 0.3, 0.5, 0])
    assert stay.exact(10, 3).p_success == pytest.approx(1)
    found = stay.simulate(10, 3, n_trials=200)
    assert found.p_success == pytest.approx(1)

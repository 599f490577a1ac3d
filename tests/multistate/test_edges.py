"""Degenerate and impossible input: the right answer, NotEstimable, or an error that says what to do."""

import time

import numpy as np
import pandas as pd
import pytest

from pnstrial import multistate
from pnstrial.multistate import Course, RatingError, calibrate, fit
from pnstrial.results import NotEstimable

FORWARD = [[0, 1, 1], [0, 0, 1], [0, 0, 0]]


def panel(*rows):
    return pd.DataFrame(rows, columns=["id", "t", "s"])


def test_transition_never_observed_is_not_estimable():
    data = panel((1, 0, 0), (1, 3, 1), (1, 6, 1), (2, 0, 0), (2, 3, 0), (2, 5, 2), (3, 0, 0), (3, 4, 1))
    result = fit(data, "id", "t", "s", FORWARD, death_exact=2)
    assert isinstance(result.not_estimable[1, 2], NotEstimable)
    assert result.rates[1, 2] == 0
    assert np.all(np.isfinite(result.rates))
    assert np.all(np.isfinite(result.std_error))
    shown = result.to_frame().set_index(["from", "to"])
    assert np.isnan(shown.loc[(1, 2), "std_error"])
    assert "rate 0" in shown.loc[(1, 2), "reason"]
    assert np.isfinite(shown["lower"].mean())
    probabilities = result.probabilities(3.0)
    assert np.all(np.isfinite(probabilities.lower))
    assert np.all((probabilities.lower >= 0) & (probabilities.upper <= 1))


def test_no_deaths_and_no_moves_at_all():
    result = fit(panel((1, 0, 0), (1, 3, 0), (2, 0, 0), (2, 9, 0)), "id", "t", "s", FORWARD, death_exact=2)
    assert np.all(result.rates == 0)
    assert set(result.not_estimable) == {(0, 1), (0, 2), (1, 2)}
    assert "say nothing" in str(result.not_estimable[1, 2])
    assert -2 * result.loglik == pytest.approx(0, abs=1e-5)
    assert all(isinstance(stay, NotEstimable) for stay in result.sojourn)


def test_a_patient_with_one_row_changes_nothing():
    rows = [(1, 0, 0), (1, 3, 1), (1, 4, 2), (2, 0, 0), (2, 2, 0), (2, 3, 1), (3, 0, 0), (3, 4, 2)]
    without = fit(panel(*rows), "id", "t", "s", FORWARD, 2)
    with_one = fit(panel(*rows, (4, 0, 1)), "id", "t", "s", FORWARD, 2)
    np.testing.assert_allclose(with_one.rates, without.rates)
    assert (with_one.n, with_one.n_transitions) == (4, without.n_transitions)


def test_one_patient_one_interval_has_the_closed_form():
    result = fit(panel((1, 0, 0), (1, 4, 1)), "id", "t", "s", [[0, 1], [0, 0]], death_exact=1)
    assert result.rates[0, 1] == pytest.approx(0.25)
    assert result.std_error[0, 1] == pytest.approx(0.25, rel=1e-5)
    lower, upper = result.lower[0, 1], result.upper[0, 1]
    assert lower < 0.25 < upper


def test_death_on_the_day_of_a_rating():
    data = panel(
        (1, 0, 0), (1, 4, 1), (1, 4, 2), (2, 0, 0), (2, 3, 1), (3, 0, 0), (3, 5, 0), (4, 0, 1), (4, 2, 1)
    )
    assert fit(data, "id", "t", "s", FORWARD, 2).rates[1, 2] > 0


def test_seven_grades_with_shared_rates():
    rng = np.random.default_rng(5)
    course = Course(improve=(0, *[0.1] * 5), worsen=(*[0.2] * 5, 0), die=(0.05,) * 6)
    P = multistate.transition_probabilities(multistate.generator(course), 1.0)
    rows = []
    for patient in range(60):
        state = int(rng.integers(1, 5))
        for month in range(7):
            rows.append((patient, float(month), state))
            if state == 6:
                break
            state = int(rng.choice(7, p=P[state]))
    allowed = multistate.generator(course) > 0
    result = fit(
        panel(*rows), "id", "t", "s", allowed,
        same_rate=[[(g, g - 1) for g in range(1, 6)], [(g, g + 1) for g in range(5)], [(g, 6) for g in range(6)]],
        misclassification=RatingError.none(), states=range(7), initial=np.full(7, 1 / 7),
        level=0.999,
    )  # fmt: skip
    for (i, j), true in {(3, 2): 0.1, (3, 4): 0.2, (3, 6): 0.05}.items():
        assert result.lower[i, j] < true < result.upper[i, j]
    month_3 = result.probabilities(3.0).to_frame()
    assert len(month_3) == 49


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([(1, 0, 0), (1, 1, 1), (1, 2, 0)], {}, "patient 1 at time 2"),
        ([(1, 0, 0), (2, 1, 2)], {}, "no patient has two rows"),
        ([(1, 0, 0), (1, 1, 5)], {}, "state holds 5"),
        ([(1, 0, 0), (1, np.nan, 1)], {}, "column t is missing"),
        ([(1, 0, 0), (1, 1, 2), (1, 2, 2)], {"death_exact": 2}, "rows after an exactly timed death"),
        ([(1, 0, 2), (2, 0, 0), (2, 1, 1)], {"death_exact": 2}, "the death is the first row"),
        ([(1, 0, 0), (1, 1, 1)], {"death_exact": 1}, "lets patients leave"),
        ([(1, 0, 0), (1, 1, 1)], {"censor": 1}, "also a state"),
        ([(1, 0, 1), (1, 1, 2)], {}, "could be 0-2 or 1-3"),
        ([(1, 0, 0), (1, 1, 1)], {"covariates": {"x": "each"}}, "no column x"),
        ([(1, 0, 0), (1, 1, 1)], {"same_rate": [[(0, 1), (1, 0)]]}, "does not allow"),
        ([(1, 0, 0), (1, 1, 1)], {"misclassification": np.eye(4)}, "shape"),
        ([(1, 0, 0), (1, 1, 1)], {"level": 1.0}, "level"),
    ],
)
def test_fit_says_what_is_wrong(rows, options, message):
    with pytest.raises(ValueError, match=message):
        fit(panel(*rows), "id", "t", "s", FORWARD, **options)


def test_a_covariate_that_separates():
    data = panel(*[(i, t, s) for i in range(12) for t, s in ((0, 0), (2 + i / 7, int(i < 6)))])
    data["x"] = (data["id"] < 6).astype(float)
    result = fit(data, "id", "t", "s", [[0, 1], [0, 0]], covariates={"x": "each"}, death_exact=1)
    assert isinstance(result.effects["x"][0, 1], NotEstimable)
    assert np.all(np.isfinite(result.rates))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0.8, 0.3, 0.1), "add to 1.2"),
        ((0.6, 0.3, 0.05), "count differences of more than two"),
        ((1.2, 0.0, 0.0), "exact is 1.2"),
        ((-0.1, 0.6, 0.5), "exact is -0.1"),
        ((0.3, 0.6, 0.1), "cannot differ by one in more than 0.5"),
        ((0.1, 0.3, 0.6), "two can be at most"),
        ((0.4,), "at least 0.5"),
    ],
)
def test_impossible_agreement(given, message):
    with pytest.raises(ValueError, match=message):
        RatingError.from_agreement(*given)


def test_perfect_agreement_is_no_error():
    for error in (
        RatingError.from_agreement(1.0, 0.0, 0.0),
        RatingError.from_agreement(1.0),
        RatingError.none(),
    ):
        np.testing.assert_array_equal(error.kernel, np.eye(7))
    assert RatingError.none() == RatingError.from_agreement(1)


def test_kernels_of_one_s_own_are_checked():
    for change, message in (
        (([0, 0], 0.5), "row 0 sums"),
        (([2, 6], 0.1), "sum"),
        (([1, 1], -1.0), "negative"),
    ):
        kernel = np.eye(7)
        kernel[tuple(change[0])] = change[1]
        with pytest.raises(ValueError, match=message):
            RatingError(kernel)
    kernel = np.eye(7)
    kernel[2, 2], kernel[2, 6] = 0.9, 0.1
    with pytest.raises(ValueError, match="never misrated"):
        RatingError(kernel)
    with pytest.raises(ValueError, match=r"within is 0\.5"):
        RatingError.same_rater(0.5)


@pytest.mark.parametrize(
    "table",
    [
        {"improve": (0.1, 0, 0, 0, 0, 0)},
        {"worsen": (0, 0, 0, 0, 0, 0.1)},
        {"die": (0.1, -0.1, 0, 0, 0, 0)},
        {"die": (0.1, float("nan"), 0, 0, 0, 0)},
        {"die": (0.1,) * 5},
        {"antibody": {"": {"improve": 2}}},
        {"onset": [{"from_months": 3}, {"from_months": 1}]},
        {"speed": 3},
    ],
)
def test_impossible_courses(table):
    with pytest.raises(ValueError, match="Course"):
        Course(**({"improve": (0,) * 6, "worsen": (0,) * 6, "die": (0,) * 6} | table))


def test_impossible_circumstances():
    course = Course(improve=(0,) * 6, worsen=(0,) * 6, die=(0,) * 6)
    assert np.all(multistate.generator(course) == 0)
    with pytest.raises(ValueError, match="antibody holds 3"):
        multistate.generator(course, antibody=["Hu", 3])
    with pytest.raises(ValueError, match="months_since_onset holds -1"):
        multistate.generator(course, months_since_onset=-1)


@pytest.mark.parametrize(
    ("Q", "t", "message"),
    [
        ([[0.1, -0.1], [0, 0]], 1, "negative"),
        ([[-0.1, 0.2], [0, 0]], 1, "sums to"),
        ([[-0.1, 0.1]], 1, "shape"),
        ([[-0.1, 0.1], [0, 0]], -1, "t holds -1"),
        ([[[-0.1, 0.1], [0, 0]]] * 2, [1, 2, 3], "broadcast"),
        ([[-np.inf, np.inf], [0, 0]], 1, "finite"),
    ],
)
def test_impossible_generators(Q, t, message):
    with pytest.raises(ValueError, match=message):
        multistate.transition_probabilities(Q, t)


def test_extreme_times():
    P = multistate.transition_probabilities(
        [[-1e3, 1e3, 0], [1e3, -1e3 - 1e-4, 1e-4], [0, 0, 0]], [1e-9, 1e6]
    )
    assert P[0, 0, 1] == pytest.approx(1e-6, rel=1e-5)
    assert P[1, 0, 2] == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(P.sum(axis=-1), 1, atol=1e-14)


HU = {3: 0.64, 12: 0.40, 36: 0.22}


@pytest.mark.parametrize(
    "series",
    [
        {"improved": 1, "stable": 8, "deteriorated": 8},
        {"improved": 1, "stable": 8, "deteriorated": 8, "survival": HU, "changing_hazard": True},
        {"improved": 0, "stable": 2, "deteriorated": 2},
        {"improved": 2, "stable": 12, "deteriorated": 5, "dead": 1},
        {"improved": 2, "stable": 12, "deteriorated": 6, "dead": 0},
        {"improved": 2, "stable": 12, "deteriorated": 6},
        {"improved": 13, "stable": 51, "deteriorated": 50},
    ],
)
def test_published_series_are_met_at_once_and_always_alike(series):
    begin = time.process_time()
    first = calibrate(**series)
    assert time.process_time() - begin < 2
    assert first.largest_difference < 1e-6
    assert calibrate(**series).course == first.course


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"improved": 1, "stable": 8, "deteriorated": 8, "survival": {3: 0.4}}, "improved or stable"),
        ({"improved": 1, "stable": 8, "deteriorated": 4, "dead": 8, "survival": {12: 0.7}}, "dead at 3 mo"),
        ({"improved": 1, "stable": 8, "deteriorated": 8, "survival": {3: 0.4, 6: 0.5}}, "can only fall"),
        ({"improved": -1, "stable": 8, "deteriorated": 8}, "improved is -1"),
        ({"improved": 0, "stable": 0, "deteriorated": 0}, "all 0"),
        ({"improved": 1, "stable": 8, "deteriorated": 8, "survival": {}}, "how fast patients die"),
        (
            {"improved": 1, "stable": 8, "deteriorated": 8, "survival": HU, "changing_hazard": False},
            "nearest 0",
        ),
        ({"improved": 17, "stable": 0, "deteriorated": 0}, "cannot be reached together"),
    ],
)
def test_calibration_says_what_cannot_be_reached(series, message):
    with pytest.raises(ValueError, match=message):
        calibrate(**series)


def test_the_course_of_a_changing_hazard_gives_the_survival_it_was_calibrated_to():
    found = calibrate(
        improved=1, stable=8, deteriorated=8, survival=HU, changing_hazard=True, months_since_onset=2
    )
    Q = multistate.generator(found.course, months_since_onset=[2.0, 5.0, 14.0])
    survival = multistate.expected_survival(
        Q, [3, 12, 36], np.array([0, 0, 0.5, 0.5, 0, 0, 0]), changes=[3, 12]
    )
    np.testing.assert_allclose(survival, list(HU.values()), atol=1e-9)

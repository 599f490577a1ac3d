"""What holds for any rates, any rating error and any published counts."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pnstrial import multistate
from pnstrial.multistate import Course, RatingError

pytestmark = pytest.mark.property
few = settings(max_examples=60, deadline=None)
rate = st.floats(0, 5, allow_subnormal=False)


@st.composite
def courses(draw):
    five = st.lists(rate, min_size=5, max_size=5)
    six = st.lists(rate, min_size=6, max_size=6)
    ratio = st.builds(multistate.RateRatios, improve=rate, worsen=rate, die=rate)
    return Course(
        improve=(0, *draw(five)), worsen=(*draw(five), 0), die=draw(six), ivig=draw(ratio),
        antibody={"Yo": draw(ratio)}, tumour_treatment=draw(ratio),
        onset=[{"from_months": 1, "improve": draw(rate)}, {"from_months": 3, "worsen": draw(rate)}],
    )  # fmt: skip


@few
@given(courses(), st.floats(0, 40), st.floats(0, 40))
def test_chapman_kolmogorov_and_rows_sum_to_one(course, s, t):
    Q = multistate.generator(course, on_ivig=[False, True], antibody="Yo", months_since_onset=2.0)
    first, second, both = (multistate.transition_probabilities(Q, u) for u in (s, t, s + t))
    np.testing.assert_allclose(first @ second, both, atol=1e-12)
    for P in (first, second, both):
        np.testing.assert_allclose(P.sum(axis=-1), 1, atol=1e-14)
        assert P.min() >= 0
        np.testing.assert_array_equal(P[:, 6], np.broadcast_to(np.eye(7)[6], (2, 7)))


@few
@given(courses(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_occupancy_changes_generator_where_it_is_told(course, change, later):
    Q = multistate.generator(course, on_ivig=[True, False])
    start = np.array([0, 0, 0.4, 0.6, 0, 0, 0])
    found = multistate.occupancy(Q, [change, change + later], start, changes=[change])
    on, off = (multistate.transition_probabilities(q, t) for q, t in zip(Q, (change, later), strict=True))
    np.testing.assert_allclose(found, [start @ on, start @ on @ off], atol=1e-12)
    survival = multistate.expected_survival(Q, [0, change, change + later], start, changes=[change])
    assert survival[0] == 1
    assert np.all(np.diff(survival) <= 1e-12)
    times = multistate.mean_times_in_states(Q, change + later, start, changes=[change])
    assert times.sum() == pytest.approx(change + later)


def test_strata_and_times_keep_their_axes():
    course = Course(improve=(0, 0.1, 0.1, 0.1, 0.1, 0.1), worsen=(0.1,) * 5 + (0,), die=(0.1,) * 6)
    Q = multistate.generator(course, on_ivig=np.zeros((3, 1), bool), antibody=["Hu", None])
    assert Q.shape == (3, 2, 7, 7)
    assert multistate.occupancy(Q, [1, 2, 3, 4], 2).shape == (3, 2, 4, 7)
    assert multistate.expected_survival(Q, 12.0, 2).shape == (3, 2)


def test_ratios_multiply():
    course = Course(
        improve=(0, 0.1, 0.1, 0.1, 0.1, 0.1), worsen=(0.2,) * 5 + (0,), die=(0.1,) * 6,
        ivig={"improve": 2}, antibody={"CV2": {"worsen": 0.5}}, tumour_treatment={"die": 0.25},
        onset=[{"from_months": 1, "improve": 3}, {"from_months": 3, "improve": 0}],
    )  # fmt: skip
    Q = multistate.generator(
        course, on_ivig=True, antibody="CV2", tumour_treatment=True, months_since_onset=[0.5, 1, 2.9, 3]
    )
    np.testing.assert_allclose(Q[:, 2, 1], [0.2, 0.6, 0.6, 0])
    np.testing.assert_allclose(Q[:, 2, 3], 0.1)
    np.testing.assert_allclose(Q[:, 2, 6], 0.025)


weights = st.lists(st.floats(0.01, 1), min_size=6, max_size=6).map(lambda w: tuple(np.array(w) / sum(w)))


@few
@given(st.floats(0, 0.5), st.floats(0, 0.4), weights, st.sampled_from(["worse", "better"]))
def test_kernel_reproduces_the_agreement(one, two, grades, lean):
    exact = 1 - one - two
    off = (1 - np.sqrt(1 - 2 * one)) / 2
    assume(two <= ((1 - off) ** 2 / 2 if off <= 1 / 3 else 2 * off * (1 - 2 * off)))
    error = RatingError.from_agreement(exact, one, two, grades=grades, lean=lean)
    np.testing.assert_allclose(error.kernel.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(error.agreement(), [exact, one, two, 0, 0, 0], atol=1e-9)
    assert np.all(np.diagonal(error.kernel) >= error.kernel.max(axis=1) - 1e-9)
    assert error.kernel[6, 6] == 1


@pytest.mark.parametrize(
    ("given", "shares"),
    [((0.65, 0.32, 0.03), (0.65, 0.32, 0.03)), ((0.81, 0.19, 0.0), (0.81, 0.19, 0)), ((0.94, 0.05, 0.01), (0.94, 0.05, 0.01))],
)  # fmt: skip
def test_published_agreement(given, shares):
    error = RatingError.from_agreement(*given)
    np.testing.assert_allclose(error.agreement()[:3], shares, atol=1e-12)
    np.testing.assert_allclose(
        np.full(6, 1 / 6) @ error.chance_improvement(), (1 - shares[0]) / 2, atol=1e-12
    )


def test_a_kernel_for_the_trial_s_own_grades():
    error = RatingError.from_agreement(0.65, 0.32, 0.03, grades=(0, 0, 0.5, 0.5, 0, 0))
    np.testing.assert_allclose(
        error.agreement_by_grade()[:, :3], np.tile([0.65, 0.32, 0.03], (6, 1)), atol=1e-12
    )


@pytest.mark.parametrize(("make", "exact"), [(RatingError.structured, 0.81), (RatingError.focused, 0.94)])
def test_neighbours_only_is_symmetric_and_agrees_in_every_grade(make, exact):
    error = make()
    np.testing.assert_allclose(error.agreement_by_grade()[:, 0], exact, atol=1e-12)
    for grade in range(1, 5):
        assert error.kernel[grade, grade - 1] == error.kernel[grade, grade + 1]


@few
@given(st.floats(0.65, 1))
def test_same_rater_agrees_with_herself(within):
    error = RatingError.same_rater(within)
    table = error.next_rating
    np.testing.assert_allclose(table.sum(axis=-1), 1, atol=1e-12)
    again = sum(
        error.kernel[g, r] * table[g, r, g, r] for g in range(6) for r in range(6)
    ) / 6  # fmt: skip
    assert again == pytest.approx(within, abs=1e-9)
    assert table[3, 4, 6, 6] == 1
    change = 1 - within
    assert float(error.chance_improvement().mean()) == pytest.approx(change / 2, abs=1e-9)


@few
@given(courses(), st.sampled_from([3.0, 6.0]), st.floats(0.2, 0.8))
def test_calibration_finds_what_a_course_gives(course, at_months, share):
    plain = multistate.generator(
        course.model_copy(update={"onset": ()}).scaled(improve=0.1, worsen=0.1, die=0.1)
    )
    start = np.array([0, 0, share, 1 - share, 0, 0])
    P = multistate.transition_probabilities(plain, at_months)[:6]
    i, j = np.indices(P.shape)
    improved, stable = (float(start @ np.where(kind, P, 0).sum(axis=1)) for kind in (j < i, j == i))
    alive = float(1 - start @ multistate.transition_probabilities(plain, 12.0)[:6, 6])
    assume(0.02 < improved < 0.5)
    assume(0.1 < alive < 0.9)
    assume(improved + stable < 0.9)
    shape = course.model_copy(update={"onset": ()})
    found = multistate.calibrate(
        improved=improved, stable=stable, deteriorated=1 - improved - stable, at_months=at_months,
        survival={12: alive}, baseline=start, shape=shape,
    )  # fmt: skip
    assert found.largest_difference < 1e-6


@pytest.mark.parametrize("variance", [0.01, 0.5, 0.8, 1.5, 2.5])
def test_classes_of_a_frailty_survive_as_the_gamma_variable(variance):
    still = {"improve": (0,) * 6, "worsen": (0,) * 6, "die": (1,) * 6}
    groups = Course(**still, frailty={"variance": variance, "of": ("die",)}).groups()
    share, value = np.array([own for _, own, _ in groups]), np.array([ratios[2] for _, _, ratios in groups])
    assert (share * value).sum() == pytest.approx(1)
    assert (share * (value - 1) ** 2).sum() == pytest.approx(variance)
    for rate in (0.5, 2, 5):
        assert (share * np.exp(-rate * value)).sum() == pytest.approx(
            (1 + variance * rate) ** (-1 / variance), abs=0.005
        )
    assert len(Course(**still, frailty={"variance": variance, "nodes": 3}).groups()) == 3

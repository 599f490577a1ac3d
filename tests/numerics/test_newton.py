"""The one search for a maximum: it arrives where there is one, and names why where there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial.numerics.newton import bent_step, full_rank, maximise, newton_step


def bowl(centre, curvature):
    def function(x):
        gap = x - centre
        return -0.5 * float(gap @ curvature @ gap), -curvature @ gap, curvature

    return function


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_a_quadratic_ends_at_its_centre_whatever_the_units(centre, seed):
    rng = np.random.default_rng(seed)
    p = len(centre)
    root = rng.normal(size=(p, p)) + 3 * np.eye(p)
    unit = np.diag(10.0 ** rng.integers(-2, 3, p))
    found = maximise(bowl(np.array(centre), unit @ root @ root.T @ unit), np.zeros(p), longest=1000.0)
    assert found.reached
    assert found.point == pytest.approx(np.array(centre), abs=1e-7)
    assert found.covariance @ found.information == pytest.approx(np.eye(p), abs=1e-6)


@pytest.mark.parametrize("step", [newton_step, bent_step])
def test_a_function_that_rises_for_ever_has_no_maximum(step):
    def logistic(x):  # all successes
        p = 1.0 / (1.0 + np.exp(-x[0]))
        return float(np.log(p)), np.array([1 - p]), np.array([[p * (1 - p)]])

    found = maximise(logistic, np.zeros(1), step=step)
    assert not found.reached
    assert found.ending in {"stuck", "rising", "singular"}
    assert maximise(logistic, np.zeros(1), step=step, bound=8.0).ending == "bound"
    given_up = maximise(logistic, np.zeros(1), step=step, stop=lambda taken, point, seen, move: taken == 3)
    assert (given_up.ending, given_up.steps) == ("stopped", 3)


def test_a_ridge_is_flat_not_a_maximum():
    curvature = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert maximise(bowl(np.array([1.0, 2.0]), curvature), np.zeros(2)).ending == "flat"
    assert maximise(bowl(np.array([1.0, 2.0]), curvature), np.zeros(2), step=newton_step).ending != "maximum"
    assert not full_rank(curvature)
    assert full_rank(np.empty((0, 0)))


def test_where_the_function_is_not_concave_the_step_is_bent_uphill():
    def double_well(x):  # minimum at 0, maxima at -1 and 1
        y = x[0]
        return float(2 * y**2 - y**4), np.array([4 * y - 4 * y**3]), np.array([[12 * y**2 - 4]])

    assert maximise(double_well, np.array([0.1])).point == pytest.approx([1.0], abs=1e-9)
    assert maximise(double_well, np.array([0.1]), step=newton_step).ending == "singular"


def test_held_parameters_stay_and_the_others_go_to_their_own_maximum():
    curvature = np.array([[2.0, 1.0], [1.0, 3.0]])
    found = maximise(bowl(np.zeros(2), curvature), np.array([1.0, 5.0]), free=np.array([1]))
    assert found.point == pytest.approx([1.0, -1 / 3], abs=1e-9)
    assert maximise(bowl(np.zeros(2), curvature), np.ones(2), free=np.array([], dtype=int)).reached


def test_the_domain_is_left_neither_at_the_start_nor_on_the_way():
    def log_likelihood(x):  # Poisson mean 3 of one count: log mean outside mean > 0
        if x[0] <= 0:
            return None
        return float(3 * np.log(x[0]) - x[0]), np.array([3 / x[0] - 1]), np.array([[3 / x[0] ** 2]])

    assert maximise(log_likelihood, np.array([-1.0])).ending == "outside"
    assert maximise(log_likelihood, np.array([40.0]), longest=100.0).point == pytest.approx([3.0], abs=1e-9)


def test_steps_are_tried_by_the_value_alone_and_a_band_needs_no_matrix():
    from scipy.linalg import solveh_banded

    n, full, cheap = 50, 0, 0
    y = np.sin(np.arange(n))

    def value(x):
        nonlocal cheap
        cheap += 1
        return -float(((x - y) ** 2).sum() + (np.diff(x) ** 2).sum() + 0.1 * (x**4).sum())

    def function(x):
        nonlocal full
        full += 1
        gap = np.diff(x)
        gradient = -2 * (x - y) - 0.4 * x**3 + 2 * (np.append(gap, 0) - np.append(0, gap))
        band = np.empty((2, n))
        band[1] = 2 + 1.2 * x**2 + 4
        band[1, [0, -1]] -= 2
        band[0] = -2.0
        return value(x), gradient, band, "seen"

    found = maximise(
        function, np.zeros(n), value=value, step=lambda x, slope, band: solveh_banded(band, slope)
    )
    assert found.reached
    assert found.extra == ("seen",)
    assert abs(found.gradient).max() < 1e-9
    assert full <= cheap

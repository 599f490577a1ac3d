"""Weighted kappa of two raters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnstrial.results import NotEstimable
from pnstrial.shift import weighted_kappa

FIRST, SECOND = [2, 3, 3, 4, 2, 1, 5, 3], [2, 3, 4, 4, 1, 1, 5, 2]


@pytest.mark.reference
@pytest.mark.parametrize(
    ("weights", "kappa", "error"),
    [
        # R 4.2.2, vcd 1.4-11: Kappa(table(factor(first, 0:6), factor(second, 0:6)), weights = ...), 15 digits
        ("none", 0.538461538461538, 0.204848276604897),
        ("linear", 0.744680851063830, 0.134154716467758),
        ("quadratic", 0.8867924528301891, 0.0724730391054712),
    ],
)
def test_the_numbers_of_r(weights, kappa, error):
    found = weighted_kappa(FIRST, SECOND, weights=weights)
    assert found.estimate == pytest.approx(kappa, abs=1e-12)
    assert found.std_error == pytest.approx(error, abs=1e-12)
    assert found.agreement == 5 / 8


def test_what_has_no_kappa_or_no_interval_says_why():
    same = weighted_kappa([3, 3], [3, 3])
    assert isinstance(same.estimate, NotEstimable)
    assert same.agreement == 1
    full = weighted_kappa([2, 3, 4], [2, 3, 4])
    assert full.estimate == 1
    assert "standard error is 0" in str(full.ci)
    assert weighted_kappa([2, 3], [3, 2]).estimate == -1


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30))
def test_it_does_not_matter_who_is_first_and_it_is_at_most_1(pairs):
    first, second = np.array(pairs).T
    one, two = weighted_kappa(first, second), weighted_kappa(second, first)
    if isinstance(one.estimate, NotEstimable):
        assert isinstance(two.estimate, NotEstimable)
        return
    assert one.estimate == pytest.approx(two.estimate, abs=1e-12)
    assert one.estimate <= 1
    if isinstance(one.ci, tuple):
        assert -1 <= one.ci[0] <= one.estimate <= one.ci[1] <= 1


def test_a_grade_that_is_none_is_refused():
    with pytest.raises(ValueError, match="weighted_kappa: second"):
        weighted_kappa([2, 3], [2, 7])
    with pytest.raises(ValueError, match="level"):
        weighted_kappa([2, 3], [2, 3], level=95)

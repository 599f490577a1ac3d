"""Restricted mean survival time: R's survRM2 and survfit, and what must hold for any data."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial.results import NotEstimable
from pnstrial.survival import rmst, rmst_difference

# R 4.2.2, survRM2 1.0.4, survival 3.5-3; the file names call and version. Closed forms to 1e-8.
HERE = Path(__file__).parents[1] / "reference/survival"
CASES = json.loads((HERE / "rmst.json").read_text())["cases"]
CLOSE = {"rel": 1e-8, "abs": 1e-8}


def data(case):
    inputs = case["inputs"]
    return pd.read_csv(HERE / inputs["csv"]) if "csv" in inputs else pd.DataFrame(inputs["data"])


def held(found, expected):
    """What is NaN or infinite in R is a named reason here."""
    if isinstance(expected, str):
        assert isinstance(found, NotEstimable)
    else:
        assert found == pytest.approx(expected, **CLOSE)


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_one_group_equals_r(case):
    frame = data(case)
    for part in case["outputs"]["one_sample"]:
        found = rmst(frame["time"], frame["status"], part["tau"])
        expected = part["survRM2"]
        assert found.estimate == pytest.approx(expected["rmst"], **CLOSE)
        assert found.std_error == pytest.approx(expected["se"], **CLOSE)
        assert found.ci == pytest.approx((expected["lower"], expected["upper"]), **CLOSE)
        assert found.estimate == pytest.approx(part["survfit_print"]["rmean"], **CLOSE)
        assert found.std_error == pytest.approx(part["survfit_print"]["se"], **CLOSE)


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_two_groups_equal_r(case):
    frame = data(case)
    for part in case["outputs"].get("two_sample", []):
        found = rmst_difference(frame["time"], frame["status"], frame["group"], part["tau"])
        low, high = sorted(frame["group"].unique())
        for label, name in ((high, "rmst1"), (low, "rmst0")):
            arm = found.arms[label]
            assert [arm.estimate, arm.std_error, *arm.ci] == pytest.approx(part[name], **CLOSE)
        for field, name in (("", "diff"), ("ratio", "ratio"), ("lost_ratio", "rmtl_ratio")):
            estimate = getattr(found, field or "estimate")
            limits = getattr(found, f"{field}_ci" if field else "ci")
            p = getattr(found, f"{field}_p_value" if field else "p_value")
            expected = part[name]
            held(estimate, expected[0])
            for k in (0, 1):
                held(limits if isinstance(limits, NotEstimable) else limits[k], expected[1 + k])
            held(p, expected[3])


ADJUSTED = [case for case in CASES if "adjusted_x1" in case["outputs"]]


@pytest.mark.reference
@pytest.mark.parametrize("case", ADJUSTED, ids=[case["id"] for case in ADJUSTED])
def test_adjusted_comparison_equals_r(case):
    frame, part = data(case), case["outputs"]["adjusted_x1"]
    found = rmst_difference(
        frame["time"], frame["status"], frame["group"], part["tau"], covariates=frame["x1"]
    )
    assert [found.estimate, *found.ci, found.p_value] == pytest.approx(part["diff"], rel=1e-7, abs=1e-9)
    # R stops its iterations at a relative change of the deviance of 1e-8
    assert [found.ratio, *found.ratio_ci, found.ratio_p_value] == pytest.approx(
        part["ratio"], rel=1e-5, abs=1e-7
    )


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), min_size=1, max_size=25),
    st.floats(0.1, 100),
)
def test_scale_bounds_and_no_censoring(rows, scale):
    time, event = np.array(rows, dtype=float).T
    tau = float(time.max())
    found = rmst(time, event, tau)
    assert 0 < found.estimate <= tau
    assert found.lost == pytest.approx(tau - found.estimate)
    scaled = rmst(time * scale, event, tau * scale)
    assert scaled.estimate == pytest.approx(found.estimate * scale)
    assert scaled.std_error == pytest.approx(found.std_error * scale)
    everybody = rmst(time, np.ones_like(event), tau)
    assert everybody.estimate == pytest.approx(time.mean())
    assert everybody.std_error == pytest.approx(time.std() / np.sqrt(time.size))


def test_what_cannot_be_known_is_named():
    beyond = rmst([2, 4, 6], [1, 1, 0], tau=7)
    assert isinstance(beyond.estimate, NotEstimable)
    assert "known up to 6" in beyond.estimate.reason
    assert rmst([2, 4, 6], [1, 1, 1], tau=7).estimate == pytest.approx(4)
    both = rmst_difference([2, 4, 6, 3], [1, 1, 0, 1], [0, 0, 0, 1], tau=7)
    assert "group 0" in both.estimate.reason
    flat = rmst_difference([5, 6, 7, 8], [0, 0, 0, 0], [0, 0, 1, 1], tau=5, covariates=[1, 1, 1, 1])
    assert "constant" in flat.estimate.reason
    assert "estimate" in flat.to_frame().columns
    adjusted = rmst_difference(
        [2, 3, 4, 5, 6, 7], [1, 0, 1, 1, 0, 0], [0, 1] * 3, 7, covariates=[1, 2, 3, 5, 4, 9]
    )
    assert "group 0: the curve is known up to 6" in adjusted.estimate.reason
    assert adjusted.adjusted_for == 1
    alive = rmst_difference([2, 3, 4, 5, 6, 7], [0] * 6, [0, 1] * 3, 2, covariates=[1, 2, 3, 5, 4, 9])
    assert (alive.estimate, alive.ratio) == (0.0, 1.0)
    assert "nothing varies" in alive.p_value.reason
    at_once = rmst_difference([0, 0, 0, 3], [1, 1, 1, 1], [0, 0, 1, 1], tau=1)
    assert "mean of a group is 0" in at_once.ratio.reason
    assert at_once.estimate == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rmst([1], [1], 0), "tau must be a positive time, got 0"),
        (lambda: rmst([1], [1], float("inf")), "tau must be a positive time"),
        (lambda: rmst([1, -2], [1, 1], 1), r"time\[1\] = -2"),
        (lambda: rmst([1], [1], 1, level=95), "level must be between"),
        (lambda: rmst_difference([1, 2], [1, 1], [0, 0], 1), "two labels, got 1"),
        (lambda: rmst_difference([1, 2], [1, 1], [0, 1], 1, covariates=[1]), "covariates must have shape"),
        (
            lambda: rmst_difference([1, 2], [1, 1], [0, 1], 1, covariates=[1, np.nan]),
            "covariates must be finite",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_adjusted_ratio_is_infinite_by_name_where_nobody_of_a_group_lost_time():
    """Everybody treated lives to tau: log times lost go to minus infinity, also with a covariate, also swapped."""
    time, group, age = [1, 2, 3, 4, 9, 9, 9, 9], [0, 0, 0, 0, 1, 1, 1, 1], [50, 61, 57, 70, 66, 52, 59, 71]
    event = [1, 1, 1, 1, 0, 0, 0, 0]
    for labels in (group, [1 - g for g in group]):
        found = rmst_difference(time, event, labels, tau=8, covariates=age)
        for part in ("lost_ratio", "lost_ratio_ci", "lost_ratio_p_value"):
            assert "infinite" in getattr(found, part).reason
        assert math.isfinite(found.estimate)


def test_a_covariate_that_separates_those_who_lost_nothing_is_infinite_too():
    time, event = [1, 3, 9, 9, 2, 5, 9, 9], [1, 1, 0, 0, 1, 1, 0, 0]
    found = rmst_difference(time, event, [0, 0, 0, 0, 1, 1, 1, 1], tau=8, covariates=[0, 0, 1, 1, 0, 0, 1, 1])
    assert "infinite" in found.lost_ratio.reason
    assert math.isfinite(found.ratio)


def test_times_that_a_model_gives_exactly_leave_no_error():
    # what is left over is rounding, which gave an interval of width 1e-15 and p = 0
    found = rmst_difference(
        [1, 1, 1, 9, 9, 9], [1] * 6, [0, 0, 0, 1, 1, 1], 4, covariates=[0.2, 0.5, 0.1, 0.7, 0.3, 0.9]
    )
    assert isinstance(found.p_value, NotEstimable)
    assert "give every time exactly" in found.ci.reason
    assert isinstance(found.ratio_p_value, NotEstimable)


def test_few_patients_beyond_the_coefficients_are_said():
    time, group = np.array([1, 2, 3, 4, 2, 5] * 3) + np.arange(18) % 4, np.repeat([0, 1], 9)
    age = np.arange(18) * 7 % 11
    few = rmst_difference(time[::3], [1] * 6, group[::3], 9, covariates=age[::3])
    assert "6 patients followed to the event or to tau carry 3 coefficients" in few.note
    assert not rmst_difference(time, [1] * 18, group, 9, covariates=age).note


def test_a_saturated_comparison_has_no_error():
    """Four patients and four coefficients; and five, where the group rests on two with a coefficient each."""
    four = rmst_difference(
        [2, 3, 4, 7], [1, 1, 1, 1], [0, 0, 1, 1], 8, covariates=[[1, 0], [0, 0], [3, 1], [1, 0]]
    )
    assert "no error is left" in four.ci.reason
    assert "no error is left" in four.ratio_ci.reason
    own = [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]
    alone = rmst_difference([2, 3, 4, 6, 7], [1] * 5, [0, 0, 0, 0, 1], 8, covariates=own)
    assert alone.ci[0] < alone.ci[1]


def test_a_covariate_that_does_not_vary_among_those_followed_has_no_adjusted_comparison():
    time, event = [1, 2, 3, 4, 5, 6, 7, 8], [1, 0, 1, 1, 1, 1, 0, 1]
    censored_only = [0, 1, 0, 0, 0, 0, 0, 0]
    found = rmst_difference(time, event, [0] * 4 + [1] * 4, 3.5, covariates=censored_only)
    for part in (found.estimate, found.ratio, found.lost_ratio):
        assert "a covariate is constant" in part.reason

"""Reconstructed individual data agree with R's IPDfromKM and with the curve they came from."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import survival
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
CASES = json.loads((HERE / "ipd_reconstruct.json").read_text())["cases"]
by_id = pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])


def reconstructed(case, **options):
    inputs = case["inputs"]
    return survival.reconstruct(inputs["points"], (inputs["trisk"], inputs["nrisk"]), **options)


@pytest.mark.reference
@by_id
def test_ipdfromkm(case):
    """As good as IPDfromKM or better: patients and median equal, events as near to the truth, the curve nearer."""
    data, expected = reconstructed(case), case["outputs"]
    assert data.n == expected["n"]
    assert abs(data.events - expected["true_events"]) <= abs(expected["events"] - expected["true_events"])
    assert survival.kaplan_meier(data.time, data.event).quantile(0.5).estimate == pytest.approx(
        expected["median"]
    )
    # Its distance is from the true curve at the points, which were rounded to three decimals.
    assert data.max_absolute_error <= expected["sup_abs_diff"] + 0.001
    assert data.rmse <= data.max_absolute_error
    assert data.mean_absolute_error <= data.rmse


@pytest.mark.reference
@by_id
def test_ipdfromkm_with_its_outliers(case):
    """With its rule for outliers: its numbers of events and its distance."""
    data, expected = reconstructed(case, drop_outliers=True), case["outputs"]
    assert abs(data.events - expected["events"]) <= (1 if case["id"] == "ipd/colon_death" else 0)
    assert data.max_absolute_error == pytest.approx(expected["sup_abs_diff"], abs=0.001)
    times = np.array(expected["ipd_time"])
    status = np.array(expected["ipd_status"])
    if case["id"] != "ipd/colon_death":
        np.testing.assert_allclose(data.time[data.event == 1], np.sort(times[status == 1]))


@pytest.mark.reference
@pytest.mark.parametrize("name", ["lung", "veteran", "g1_weib200"])
def test_distance_from_the_true_curve(name):
    """IPDfromKM's sup_abs_diff, from the original patients: ours with its rule equals it, without is smaller."""
    case = next(case for case in CASES if case["id"] == f"ipd/{name}")
    with (HERE / "data" / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = survival.kaplan_meier([float(r["time"]) for r in rows], [float(r["status"]) for r in rows])
    points = case["inputs"]["points"]["time"]

    def distance(data):
        made = survival.kaplan_meier(data.time, data.event)
        return np.abs(made.at(points)["survival"] - truth.at(points)["survival"]).max()

    expected = case["outputs"]["sup_abs_diff"]
    assert distance(reconstructed(case, drop_outliers=True)) == pytest.approx(expected, abs=1e-10)
    assert distance(reconstructed(case)) < 0.2 * expected


patients = st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=1, max_size=30)


@pytest.mark.property
@given(rows=patients)
@settings(max_examples=60, deadline=None)
def test_an_exact_curve_comes_back(rows):
    """With the number at risk at each time of the curve, its events and censored patients are found again."""
    time, event = np.array([r[0] for r in rows], float), np.array([int(r[1]) for r in rows])
    curve = survival.kaplan_meier(time, event)
    points = (np.append(0.0, curve.time), np.append(1.0, curve.survival))
    at_risk = (np.append(0.0, curve.time), np.append(curve.n, curve.n_risk))
    data = survival.reconstruct(points, at_risk)
    made = survival.kaplan_meier(data.time, data.event)
    assert data.n == len(rows)
    assert data.events == event.sum()
    assert data.max_absolute_error < 1e-12
    np.testing.assert_allclose(data.time[data.event == 1], np.sort(time[event == 1]))
    np.testing.assert_allclose(made.at(curve.time)["survival"], curve.survival, atol=1e-12)
    assert not [message for message in data.messages if "lowered" in message or "allows" in message]


@pytest.mark.property
@given(times=st.lists(st.integers(1, 40), min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_without_censoring_the_number_of_patients_is_enough(times):
    time = np.sort(np.array(times, float))
    curve = survival.kaplan_meier(time, np.ones(time.size))
    data = survival.reconstruct(
        {"time": np.append(0, curve.time), "survival": np.append(1, curve.survival)}, time.size
    )
    np.testing.assert_allclose(data.time, time)
    assert data.event.all()


@pytest.mark.property
@given(
    drops=st.lists(st.floats(0, 0.2), min_size=1, max_size=30),
    numbers=st.lists(st.integers(0, 200), min_size=1, max_size=5),
    scale=st.sampled_from([0.01, 1.0, 365.25]),
)
@settings(max_examples=60, deadline=None)
def test_any_curve_gives_as_many_patients(drops, numbers, scale):
    """Whatever is printed, all patients are accounted for, times lie on the curve, and the unit does not matter."""
    curve = np.maximum(1 - np.cumsum(drops), 0.0)
    numbers = sorted((n + 1 for n in numbers), reverse=True)
    times = np.arange(1, curve.size + 1, dtype=float)
    at = np.linspace(0, curve.size * 1.2, len(numbers) + 1)[:-1]
    data = survival.reconstruct((times * scale, curve), (at * scale, numbers))
    assert data.n == numbers[0]
    assert data.events == data.event.sum() == data.at_risk["events"].sum()
    assert data.at_risk["censored"].sum() == data.n - data.events
    assert data.time.min() >= 0
    assert data.time.max() <= max(times[-1], at[-1]) * scale * (1 + 1e-12)
    other = survival.reconstruct((times, curve), (at, numbers))
    assert abs(other.events - data.events) <= 1


@pytest.mark.property
def test_total_events_settle_the_last_interval():
    case = next(case for case in CASES if case["id"] == "ipd/colon_death")
    for wanted in (430, 435, 440):
        data = reconstructed(case, total_events=wanted)
        assert data.events == wanted or any("total_events" in message for message in data.messages)
    low = reconstructed(case, total_events=10)
    assert any("total_events is 10" in message for message in low.messages)


@pytest.mark.property
def test_repairs_are_reported():
    data = survival.reconstruct(
        ([3, 1, 5, 7, 7, 7, 9], [0.8, 1.004, 0.83, 0.6, 0.5, 0.55, 0.5]), ([0, 4], [20, 15])
    )
    told = " | ".join(data.messages)
    assert "outside the frame" in told
    assert "order of time" in told
    assert "1 points above an earlier one were lowered to it, by up to 0.03, at times 5" in told
    assert "within a vertical step" in told
    assert "(0, 1) was added" in told
    assert all(message in str(data) for message in data.messages)
    zeros = survival.reconstruct(([0, 5, 9], [1, 0.5, 0]), ([0, 5, 9, 12, 15], [10, 6, 0, 0, 0]))
    assert "of 0 after time 9" in " ".join(zeros.messages)
    assert zeros.n == 10


@pytest.mark.property
def test_number_at_risk_that_the_curve_does_not_allow():
    """A flat curve loses nobody, a fall of a half loses half: what cannot be met is said, with both numbers."""
    data = survival.reconstruct(([0, 1, 2, 3], [1, 0.5, 0.5, 0.4]), ([0, 2.5], [20, 18]))
    assert "the number at risk is 18; the curve allows 10" in " ".join(data.messages)
    assert data.at_risk["reconstructed"].tolist() == [20, 10]


@pytest.mark.property
def test_both_ends_of_a_step_and_other_forms():
    rows = [[0, 1], [2, 1], [2, 0.75], [5, 0.75], [5, 0.5], [8, 0.5]]
    forms = [
        rows,
        np.array(rows),
        pd.DataFrame(rows, columns=["Time", "Surv"]),
        {"time": [r[0] for r in rows], "survival": [r[1] for r in rows]},
    ]
    for form in forms:
        data = survival.reconstruct(form, pd.DataFrame({"time": [0], "n_risk": [4]}))
        assert data.time.tolist() == [2, 5, 8, 8]
        assert data.event.tolist() == [1, 1, 0, 0]
        assert data.max_absolute_error == 0


@pytest.mark.property
@pytest.mark.parametrize(
    ("curve", "events", "n"),
    [
        (([0], [1.0]), 0, 5),
        (([0, 10], [1.0, 1.0]), 0, 5),
        (([0, 10], [1.0, 0.0]), 5, 5),
        (([4], [0.0]), 1, 1),
        (([0], [0.0]), 3, 3),
    ],
    ids=["one point", "nobody", "everybody at once", "one patient", "all at time 0"],
)
def test_smallest_curves(curve, events, n):
    data = survival.reconstruct(curve, n)
    assert (data.n, data.events) == (n, events)
    assert np.isfinite([data.rmse, data.mean_absolute_error, data.max_absolute_error]).all()


@pytest.mark.property
@pytest.mark.parametrize(
    ("curve", "at_risk", "message"),
    [
        (([0, 5], [100, 80]), 10, r"divide percentages by 100.*curve\[0\] = \(0, 100\)"),
        (([0, 5], [1, np.nan]), 10, r"curve must be finite: curve\[1\]"),
        (([-5, 5], [1, 0.5]), 10, "times must not be negative"),
        (([0, 5], [1]), 10, "lengths differ: curve has 2 times and 1 values"),
        (([], []), 10, "curve is empty"),
        ({"t": [0], "s": [1]}, 10, "must have the columns time and survival or surv, got t, s"),
        (np.zeros((3, 3)), 10, r"got shape \(3, 3\)"),
        (([0, 5], [1, 0.5]), ([0, 3], [10, 12]), "at_risk must not rise with time"),
        (([0, 5], [1, 0.5]), ([0, 0], [10, 10]), "at_risk times must increase"),
        (([0, 5], [1, 0.5]), ([1, 3], [10, 9]), "must begin at time 0"),
        (([0, 5], [1, 0.5]), ([0, 3], [10.5, 9]), "whole numbers"),
        (([0, 5], [1, 0.5]), 0, "at least one patient"),
    ],
)
def test_bad_input_is_named(curve, at_risk, message):
    with pytest.raises(ValueError, match=message):
        survival.reconstruct(curve, at_risk)


@pytest.mark.property
def test_bad_total_is_named():
    with pytest.raises(ValueError, match="from 0 to the 10 patients"):
        survival.reconstruct(([0, 5], [1, 0.5]), 10, total_events=11)


@pytest.mark.property
def test_result_feeds_the_other_methods():
    data = reconstructed(CASES[0])
    assert survival.kaplan_meier(data.time, data.event).n == data.n
    assert survival.parametric(data.time, data.event, "weibull").loglik < 0
    assert data.to_frame().shape == (data.n, 2)

"""Pseudo-values and the additive model: every output of R's pseudo and aareg, what must hold, and data that fail."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import survival
from pnstrial.results import NotEstimable
from tests.survival.test_competing import ADDED, cases, close, data_of, numbers

each_case = pytest.mark.parametrize("case", cases("pseudo_aareg"), ids=lambda case: case["id"])


# ------------------------------------------------------------------------------------------------ reference
@pytest.mark.reference
@each_case
def test_pseudo_of_survival(case):
    data, outputs = data_of(case), case["outputs"]
    expected = numbers(outputs["pseudo_surv"]["values"])
    found = survival.pseudo_values(data["time"], data["status"], outputs["pseudo_surv"]["times"])
    close(found.value[: len(expected)], expected)
    expected = numbers(outputs["pseudo_rmst"]["values"])
    found = survival.pseudo_values(data["time"], data["status"], outputs["pseudo_rmst"]["tau"], kind="rmst")
    close(found.value[: len(expected), 0], expected)


@pytest.mark.reference
@each_case
def test_aareg(case):
    data, expected = pd.DataFrame(data_of(case)), case["outputs"]["aareg"]
    model = survival.aalen_additive(data, "time", "status", expected["rows"][1:])
    assert list(model.table.index) == expected["rows"]
    names = ["slope", "coef", "std_error", "z", "p_value"]
    close(model.table[names].to_numpy()[:, : len(expected["table_cols"])], expected["table"])
    close(model.statistic, expected["chisq"])


@pytest.mark.reference
def test_pseudo_of_competing_risks():
    expected = ADDED["pseudo"]
    time, cause = expected["data"]["time"], np.array(expected["data"]["cause"])
    for kind, key in (("incidence", "incidence"), ("time-lost", "time_lost")):
        close(survival.pseudo_values(time, cause, expected["at"], kind=kind, cause=1).value, expected[key])
    close(survival.pseudo_values(time, cause > 0, expected["at"]).value, expected["event_free"])


@pytest.mark.reference
@pytest.mark.parametrize("case", ADDED["additive"]["models"], ids=lambda case: case["test"])
def test_aareg_tests_and_risk_sets(case):
    data = pd.DataFrame(ADDED["additive"]["data"])
    model = survival.aalen_additive(data, "time", "any", ["x1", "x2"], test=case["test"], n_min=case["n_min"])
    close(model.table, case["table"])
    close(model.statistic, case["statistic"])


# ------------------------------------------------------------------------------------------------- property
records = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2)), min_size=2, max_size=20)
kinds = st.sampled_from(["survival", "rmst", "incidence", "time-lost"])


def estimate(time, event, at, kind):
    """Estimate by the functions that are not about pseudo-values."""
    if not len(time):
        raise AssertionError
    result = survival.cumulative_incidence(time, event, causes=[1, 2])
    if kind == "incidence":
        return result.at([at]).set_index("cause").loc[1, "incidence"]
    if kind == "survival":
        return result.states([at])["probability"][0]
    table = result.time_in_state(at).set_index("state")["estimate"]
    return table["event-free" if kind == "rmst" else 1]


@pytest.mark.property
@given(records, kinds, st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_jackknife_leaves_each_patient_out(rows, kind, at):
    time, cause = np.array(rows).T
    event = np.minimum(cause, 1) if kind in ("survival", "rmst") else cause
    at = min(at, int(time.max()))
    found = survival.pseudo_values(time, event, at, kind=kind, method="jackknife")
    n = len(rows)
    assert found.estimate[0] == pytest.approx(estimate(time, event, at, kind), abs=1e-12)
    for i in range(n):
        rest = np.arange(n) != i
        if time[rest].max() < at:
            continue
        without = estimate(time[rest], event[rest], at, kind)
        assert found.value[i, 0] == pytest.approx(n * found.estimate[0] - (n - 1) * without, abs=1e-9)


@pytest.mark.property
@given(records, kinds, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_infinitesimal_values_average_to_the_estimate(rows, kind, at):
    time, cause = np.array(rows).T
    event = np.minimum(cause, 1) if kind in ("survival", "rmst") else cause
    at = min(at, int(time.max()))
    found = survival.pseudo_values(time, event, at, kind=kind)
    assert found.value.mean() == pytest.approx(found.estimate[0], abs=1e-9)
    if (cause > 0).all():  # nobody censored: the value is the patient's own outcome
        own = {
            "survival": time > at, "rmst": np.minimum(time, at), "incidence": (time <= at) & (cause == 1),
            "time-lost": np.where(cause == 1, np.maximum(at - time, 0), 0),
        }[kind]  # fmt: skip
        both = survival.pseudo_values(time, event, at, kind=kind, method="jackknife")
        np.testing.assert_allclose(both.value[:, 0], own, atol=1e-9)
        np.testing.assert_allclose(found.value[:, 0], own, atol=1e-9)


@pytest.mark.property
def test_many_kinds_of_patients_in_parts():
    rng = np.random.default_rng(2)
    time, cause = rng.exponential(size=3000), rng.integers(0, 3, 3000)
    found = survival.pseudo_values(time, cause, [0.5], kind="incidence", cause=2, method="jackknife")
    near = survival.pseudo_values(time, cause, [0.5], kind="incidence", cause=2)
    np.testing.assert_allclose(found.value, near.value, atol=5e-3)


@pytest.mark.property
def test_additive_model_of_two_groups_is_the_difference_of_hazards():
    data = pd.DataFrame(
        {"t": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "d": [1, 1, 0, 1, 1, 0, 1, 1, 0, 0], "x": [0, 1] * 5}
    )
    model = survival.aalen_additive(data, "t", "d", "x", n_min=2)
    table = model.cumulative()
    for time, intercept, slope in table.itertuples(index=False):
        hazard = [
            sum(
                row.d / ((data["t"] >= row.t) & (data["x"] == group)).sum()
                for row in data.itertuples()
                if row.x == group and row.t <= time
            )
            for group in (0, 1)
        ]
        assert (intercept, slope) == pytest.approx((hazard[0], hazard[1] - hazard[0]), abs=1e-12)
    assert model.events_used == model.events == 6
    scaled = survival.aalen_additive(data.assign(x=data["x"] * 10 + 3), "t", "d", "x", n_min=2)
    assert scaled.statistic == pytest.approx(model.statistic, rel=1e-9)


# ----------------------------------------------------------------------------------------------- degenerate
def test_one_patient_and_causes_that_never_happened():
    one = survival.pseudo_values([5], [1], 3)
    assert one.value.tolist() == [[1.0]]
    alone = survival.pseudo_values([5], [1], 3, method="jackknife")
    assert isinstance(alone.value, NotEstimable)
    assert alone.to_frame().empty
    never = survival.pseudo_values([5, 6], [1, 0], [3, 6], kind="incidence", cause=2)
    assert never.value.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    last = survival.pseudo_values([5, 6], [0, 1], 6, method="jackknife")
    assert np.isfinite(last.value).all()
    beyond = survival.pseudo_values([5, 6], [0, 1], 9, kind="rmst")
    assert beyond.value.ravel() == pytest.approx([6.0, 6.0])
    assert beyond.to_frame()["patient"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: survival.pseudo_values([1, 2], [1, 0], 1, kind="x"), "kind must be one of"),
        (lambda: survival.pseudo_values([1, 2], [1, 0], 1, method="x"), "method must be one of"),
        (lambda: survival.pseudo_values([1, 2], [1, 0], 1, cause=1), "cause belongs to"),
        (lambda: survival.pseudo_values([1, 2], [1, 0], 1, kind="incidence", cause=0), "whole number from 1"),
        (lambda: survival.pseudo_values([1, 2], [1, 0], 3), "beyond the last time, 2"),
        (lambda: survival.pseudo_values([1, 2], [1, 2], 1), "event must be 0 or 1"),
        (lambda: survival.pseudo_values([1, 2], [1, 0], [np.nan]), r"at\[0\] = nan"),
        (
            lambda: survival.aalen_additive(pd.DataFrame({"t": [1]}), "t", "d", "x"),
            "no column of data: event = 'd'",
        ),
        (lambda: survival.aalen_additive(pd.DataFrame({"t": [1], "d": 1}), "t", "d", []), "at least one"),
        (
            lambda: survival.aalen_additive(
                pd.DataFrame({"t": [1], "d": 1, "x": 1}), "t", "d", "x", test="y"
            ),
            "test must",
        ),
        (
            lambda: survival.aalen_additive(pd.DataFrame({"t": [1], "d": 1, "x": [np.inf]}), "t", "d", "x"),
            r"x\[0\] = inf",
        ),
    ],
)
def test_wrong_data_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("x", [[1, 1, 1, 1, 1, 1], [1, 2, 1, 2, 1, 2]])
def test_additive_model_says_why_there_is_none(x):
    data = pd.DataFrame({"t": [1, 2, 3, 4, 5, 6], "d": [0, 0, 0, 0, 1, 1], "x": x})
    model = survival.aalen_additive(data, "t", "d", "x")
    assert "fewer than two event times" in model.statistic.reason
    assert all(cell == model.statistic for cell in model.table.to_numpy().ravel())
    assert model.events_used == len(model.cumulative())
    assert model.to_frame()["term"].tolist() == ["Intercept", "x"]

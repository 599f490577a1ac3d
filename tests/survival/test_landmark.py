"""Landmark and time-dependent comparisons equal R; the naive one is refused, and its bias is as large as said.

landmark_tdc.json: R 4.2.2, survival 3.5-3 (coxph, tmerge, survdiff, survfit). Tolerance 1e-8 for closed forms; 1e-7 for
Cox coefficients, where R stops at a relative change of 1e-9 of the log likelihood.
"""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pnstrial as pns
from pnstrial import survival
from pnstrial.results import NotEstimable
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
CASES = json.loads((HERE / "landmark_tdc.json").read_text())["cases"]


def data_of(case):
    if "data" in case["inputs"]:
        columns = case["inputs"]["data"]
    else:
        with (HERE / case["inputs"]["csv"]).open() as file:
            rows = list(csv.DictReader(file))
        columns = {key: [row[key] for row in rows] for key in rows[0]}
    return {key: [np.nan if v == "NA" else float(v) for v in values] for key, values in columns.items()}


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_time_dependent_and_simon_makuch(case):
    data, expected = data_of(case), case["outputs"]["time_dependent"]
    result = survival.simon_makuch(data["time"], data["status"], data["t_imp"])
    assert len(result.data) == expected["rows"]
    row = result.cox.table.loc["responder"]
    assert row["coef"] == pytest.approx(expected["coef"], rel=1e-7, abs=1e-8)
    assert row["std_error"] == pytest.approx(expected["se"], rel=1e-7)
    assert result.cox.loglik == pytest.approx(expected["loglik"], rel=1e-8)
    assert result.mantel_byar.statistic == pytest.approx(expected["score"], rel=1e-8)
    curves = case["outputs"]["simon_makuch"]
    for name, label in (("non-responders", "imp=0"), ("responders", "imp=1")):
        wanted = [s for s, stratum in zip(curves["surv"], curves["strata"], strict=True) if stratum == label]
        times = curves["times"][: len(wanted)]
        np.testing.assert_allclose(result.curves[name].at(times)["survival"], wanted, rtol=1e-8, atol=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_landmarks(case):
    data = data_of(case)
    for key, expected in case["outputs"].items():
        if not key.startswith("landmark_"):
            continue
        result = survival.landmark(data["time"], data["status"], data["t_imp"], at=float(key[9:]))
        assert (result.n, result.n_responders) == (expected["n"], expected["n_improved"])
        assert result.logrank.statistic == pytest.approx(expected["logrank_chisq"], rel=1e-8, abs=1e-12)
        row = result.cox.table.loc["responder"]
        if expected["se"] > 1000:
            # all events on one side: R stops on the way to infinity
            assert isinstance(row["coef"], NotEstimable)
            assert "separation" in str(result)
            continue
        assert row["coef"] == pytest.approx(expected["coef"], rel=1e-7, abs=1e-8)
        assert row["std_error"] == pytest.approx(expected["se"], rel=1e-7)


@pytest.mark.reference
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_naive_comparison_is_refused_and_biased(case):
    data = data_of(case)
    with pytest.raises(survival.ImmortalTimeBiasError, match=r"immortal-time bias.*simon_makuch"):
        survival.landmark(data["time"], data["status"], data["t_imp"], at=None)
    # What it would have given, through the door for any covariate.
    ever = {"ever": ~np.isnan(data["t_imp"])}
    row = survival.cox(ever, data["time"], data["status"], "ever").table.loc["ever"]
    expected = case["outputs"]["naive_immortal_biased"]
    assert row["coef"] == pytest.approx(expected["coef"], rel=1e-7)
    assert row["std_error"] == pytest.approx(expected["se"], rel=1e-7)
    honest = survival.simon_makuch(data["time"], data["status"], data["t_imp"])
    assert row["coef"] < honest.cox.table.loc["responder", "coef"] - 1.0


def test_no_effect_shows_none_unless_one_looks_ahead():
    rng = np.random.default_rng(8)
    naive, honest, at_landmark = [], [], []
    for _ in range(60):
        death, response = rng.exponential(15.0, 80), rng.exponential(10.0, 80)
        time, event = np.minimum(death, 30.0), (death < 30.0).astype(int)
        seen = np.where(response < time, response, np.nan)
        naive.append(survival.cox({"e": ~np.isnan(seen)}, time, event, "e").table["coef"].iloc[0])
        honest.append(survival.simon_makuch(time, event, seen).cox.table["coef"].iloc[0])
        at_landmark.append(survival.landmark(time, event, seen, at=6).cox.table["coef"].iloc[0])
    assert np.mean(naive) < -1.0
    # 60 means with a standard error near 0.04
    assert abs(np.mean(honest)) < 0.15
    assert abs(np.mean(at_landmark)) < 0.15


def test_who_counts_at_the_landmark():
    result = survival.landmark([5, 5, 6, 9, 5.1, 2], [1, 0, 1, 0, 1, 1], [3, 3, 5, None, 5.05, None], at=5)
    assert result.n == 3
    assert result.n_before == {"event": 2, "censored": 1}
    # a response on the day of the landmark counts, one after it does not
    assert result.n_responders == 1
    assert result.events == 2
    assert result.curves["responders"].time.tolist() == [1.0]
    assert result.to_frame()["group"].tolist() == ["non-responders", "responders"]


def test_groups_that_do_not_exist_have_a_reason():
    result = survival.landmark([5, 6], [1, 0], [None, None], at=1)
    assert isinstance(result.cox, NotEstimable)
    assert "no responders" in result.cox.reason
    assert isinstance(result.hazard_ratio, NotEstimable)
    assert list(result.curves) == ["non-responders"]
    nobody = survival.landmark([5, 6], [1, 0], [None, 2], at=6)
    assert nobody.n == 0
    assert "nobody is followed" in nobody.logrank.reason
    str(nobody)
    nobody._repr_html_()
    alone = survival.simon_makuch([5], [1], [None])
    assert isinstance(alone.mantel_byar, NotEstimable)
    str(alone)
    first = survival.simon_makuch([5, 7], [1, 0], [0, 0])
    assert "non-responders" in first.cox.reason


def test_covariates_and_exact_tests_go_through():
    data = pd.DataFrame({"age": [60, 70, 55, 66, 71, 58, 49, 63], "sex": list("mfmfmfmm")})
    time, event = [4, 9, 6, 12, 8, 11, 7, 10], [1, 1, 1, 0, 1, 0, 1, 1]
    response = [None, 2, None, 1, 2, None, None, 6]
    result = survival.landmark(
        time, event, response, at=3, data=data, covariates=["age", "sex"], exact=True, penalty="firth"
    )
    assert result.cox.table.index.tolist() == ["responder", "age", "sex[m]"]
    assert result.logrank.method == "exact permutation"
    moving = survival.simon_makuch(time, event, response, data=data, covariates="age")
    assert moving.cox.table.index.tolist() == ["responder", "age"]
    with pytest.raises(ValueError, match="name of the response itself"):
        survival.landmark(time, event, response, at=3, data={"responder": time}, covariates="responder")
    with pytest.raises(ValueError, match="data has columns 'start'"):
        survival.time_dependent(time, event, response, pd.DataFrame({"start": time}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": [4, 2]}, r"response_time\[0\] = 4, time\[0\] = 3"),
        ({"response": [-1, 2]}, r"response_time\[0\] = -1"),
        ({"response": [1]}, "response_time has 1"),
        ({"time": [0, 5], "response": [None, 2]}, r"time\[0\] = 0"),
    ],
)
def test_errors_name_the_patient(change, message):
    call = {"time": [3, 5], "response": [1, 2], **change}
    with pytest.raises(ValueError, match=message):
        survival.time_dependent(call["time"], [1, 0], call["response"])


@pytest.mark.parametrize("at", [-1.0, np.nan, np.inf])
def test_a_landmark_is_a_time(at):
    with pytest.raises(ValueError, match="at must be finite"):
        survival.landmark([3, 5], [1, 0], [1, None], at=at)
    with pytest.raises(survival.ImmortalTimeBiasError, match="'ever'"):
        survival.landmark([3, 5], [1, 0], [1, None], at="ever")


@st.composite
def courses(draw):
    n = draw(st.integers(3, 20))
    time = draw(st.lists(st.integers(1, 15), min_size=n, max_size=n))
    event = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    response = [draw(st.one_of(st.none(), st.integers(0, end))) for end in time]
    return time, event, response


@pytest.mark.property
@settings(max_examples=80, deadline=None)
@given(courses())
def test_stretches_make_up_each_patient(course):
    time, event, response = course
    frame = survival.time_dependent(time, event, response)
    assert (frame["stop"] > frame["start"]).all()
    whole = frame.groupby("patient")
    assert whole["stop"].max().tolist() == time
    assert whole["start"].min().eq(0).all()
    assert whole["event"].sum().tolist() == event
    assert (frame["stop"] - frame["start"]).groupby(frame["patient"]).sum().tolist() == time
    at_risk_as_responder = frame[frame["responder"] == 1].groupby("patient")["start"].min()
    wanted = {i: r for i, (r, t) in enumerate(zip(response, time, strict=True)) if r is not None and r < t}
    assert at_risk_as_responder.to_dict() == wanted


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(courses(), st.integers(0, 12))
def test_what_happens_after_the_landmark_does_not_sort_patients(course, at):
    time, event, response = course
    result = survival.landmark(time, event, response, at=at)
    known = [None if r is not None and r > at else r for r in response]
    other = survival.landmark(time, event, known, at=at)
    assert str(result) == str(other)
    assert result.n + sum(result.n_before.values()) == len(time)
    survival.simon_makuch(time, event, response)


def test_trial(example, protocol):
    result = survival.landmark_at_visit(example, protocol)
    derived = pns.visits.derive(example, protocol)
    month_3 = derived[derived["visit"] == "Month 3"].set_index("patient_id")["category"]
    own = result.patients.set_index("patient_id")
    assert own["category"].equals(month_3.reindex(own.index))
    counted = own[own["counted"]]
    assert result.landmark_day == 99
    assert result.landmark.at == 98
    assert result.landmark.n == len(counted)
    assert result.landmark.n_responders == (counted["category"] == "improved").sum()
    assert (counted["days"] > 98).all()
    assert own.loc[~own["counted"], "reason"].notna().all()
    assert result.time_dependent.n_responders == own["improvement_days"].notna().sum()
    assert result.provenance.protocol_id == protocol.id
    assert "study day 99" in str(result)
    with pytest.raises(ValueError, match="visit must be one of 'Month 3', 'Month 6'"):
        survival.landmark_at_visit(example, protocol, visit="Month 9")


def test_trial_without_follow_up(tiny, protocol):
    result = survival.landmark_at_visit(tiny(screening=[{"mrs": 3}]), protocol)
    assert isinstance(result.landmark, NotEstimable)
    assert isinstance(result.time_dependent, NotEstimable)
    assert result.patients["reason"].tolist() == ["no follow-up row"]
    str(result)


def test_death_and_loss_before_the_landmark(tiny, protocol):
    trial = tiny(
        screening=[{"patient_id": name, "mrs": 3} for name in "ABC"],
        follow_up=[
            {
                "patient_id": "A",
                "status": "dead",
                "death_date": "2014-04-01",
                "last_contact_date": "2014-04-01",
            },
            {"patient_id": "B", "status": "lost", "last_contact_date": "2014-05-01"},
            {"patient_id": "C", "status": "alive", "last_contact_date": "2015-05-01"},
        ],
        mrs=[{"patient_id": "C", "date": "2014-05-26", "mrs": 2}],
    )
    result = survival.landmark_at_visit(trial, protocol)
    assert result.patients.set_index("patient_id")["reason"].to_dict() == {
        "A": "died by the landmark", "B": "last contact by the landmark", "C": None,
    }  # fmt: skip
    assert result.landmark.n_responders == 1
    assert "non-responders" in result.landmark.cox.reason


def test_deaths_before_the_landmark_are_counted(example, protocol):
    result = survival.landmark_at_visit(example, protocol)
    gone = result.patients["reason"].value_counts()
    assert result.landmark.n_before["event"] == gone.get("died by the landmark", 0) > 0
    assert result.landmark.n_before["censored"] == gone.get("last contact by the landmark", 0)
    shown = str(result)
    assert f"before it: {result.landmark.n_before['event']} events" in shown
    assert f"{gone['died by the landmark']} died by the landmark" in shown
    assert result.n == result.landmark.n


@pytest.mark.parametrize("at", ["98", [3, 5], float("nan"), -1, True])
def test_a_landmark_is_one_number(at):
    with pytest.raises(ValueError, match="at must be") as caught:
        survival.landmark([3, 5], [1, 0], [1, None], at=at)
    assert not isinstance(caught.value, survival.ImmortalTimeBiasError)


def test_late_entry_has_limits_and_says_which():
    result = survival.simon_makuch([10, 8, 5, 12, 9, 11], [1, 0, 1, 1, 1, 1], [4, None, 2, None, 3, 1])
    curve = result.curves["responders"]
    assert curve.conf_type == "log-log"
    assert np.isfinite(curve.lower[curve.survival > 0]).all()
    assert "delayed entry" in curve.note
    assert result.curves["non-responders"].conf_type == "beta-product"
    assert "delayed entry: these are log-log limits" in str(result)
    undefined = survival.kaplan_meier([3, 5], [1, 1], entry=[0, 1]).median
    assert undefined.words("upper") == "not defined"
    assert "not reached" not in str(undefined)
    assert survival.kaplan_meier([3, 5], [0, 1]).median.words("upper") == "not reached"


def test_landmark_takes_columns_and_names_its_estimate():
    table = pd.DataFrame(
        {"t": [5, 6, 9, 12.0, 14, 15], "s": ["dead", "alive"] * 3, "r": [3, None, 2, None, 1, None]}
    )
    result = survival.landmark("t", "s", "r", at=4, data=table, event_is="dead")
    assert result.estimate == result.hazard_ratio
    assert result.p_value == result.logrank.p_value
    assert list(result.to_frame()) == [
        "group",
        "n",
        "events",
        "median",
        "lower",
        "upper",
        "conf_type",
        "reason",
    ]

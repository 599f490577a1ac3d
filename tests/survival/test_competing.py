"""Competing risks: every output of R's cmprsk, survfit and prodlim, what must hold on any data, and data that fail."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import survival
from pnstrial.results import NotEstimable
from pnstrial.survival.competing.incidence import incidence_influence, proportion_limits
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
WORDS = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}
ADDED = json.loads((HERE / "competing_states.json").read_text())


def numbers(values):
    array = np.array(values, dtype=object)
    return np.array([WORDS.get(value, value) for value in array.ravel()], dtype=float).reshape(array.shape)


def cases(name):
    return json.loads((HERE / f"{name}.json").read_text())["cases"]


def data_of(case):
    if "data" in case["inputs"]:
        return {key: numbers(values) for key, values in case["inputs"]["data"].items()}
    with (HERE / case["inputs"]["csv"]).open() as file:
        rows = list(csv.DictReader(file))
    return {key: numbers([WORDS.get(row[key], row[key]) for row in rows]) for key in rows[0]}


def close(got, expected, tolerance=1e-9):
    """Equal, wherever R has a number; nothing of ours is undefined there."""
    got, expected = np.asarray(got, dtype=float), numbers(expected)
    known = np.isfinite(expected)
    np.testing.assert_allclose(got[known], expected[known], rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------------------ reference
each_case = pytest.mark.parametrize("case", cases("competing_risks"), ids=lambda case: case["id"])


@pytest.mark.reference
@each_case
@pytest.mark.parametrize(("conf_type", "suffix"), [("log-log", "loglog"), ("plain", "plain")])
def test_states_of_survfit(case, conf_type, suffix):
    data, expected = data_of(case), case["outputs"]["survfit_AJ"]
    causes = [int(state) for state in expected["states"][1:]]
    result = survival.cumulative_incidence(data["time"], data["cause"], causes=causes, conf_type=conf_type)
    table = result.states(numbers(case["outputs"]["cuminc"]["times"]))
    for column, state in enumerate(expected["states"]):
        own = table[table["state"] == ("event-free" if state == "(s0)" else int(state))]
        probability = numbers(expected["pstate"])[:, column]
        close(own["probability"], probability)
        close(own["std_error"], numbers(expected["se"])[:, column])
        for name in ("lower", "upper"):
            wanted = numbers(expected[f"{name}_{suffix}"])[:, column]
            # R gives NA as limits of an incidence of 0, ours are 0.
            close(own[name], np.where(probability > 0, wanted, np.nan))
            assert own[name].notna().all()


@pytest.mark.reference
@each_case
def test_time_in_state_of_survfit(case):
    data, expected = data_of(case), case["outputs"]["rmst_years_in_state"]
    causes = [int(state) for state in case["outputs"]["survfit_AJ"]["states"][1:]]
    result = survival.cumulative_incidence(data["time"], data["cause"], causes=causes)
    table = result.time_in_state(expected["tau"])
    n, events, mean = numbers(expected["table"]).T
    assert set(n) == {result.n}
    assert table["n_event"].tolist() == events.tolist()
    close(table["estimate"], mean)


@pytest.mark.reference
@each_case
def test_cuminc(case):
    data, outputs = data_of(case), case["outputs"]
    times = numbers(outputs["cuminc"]["times"])
    table = survival.cumulative_incidence(data["time"], data["cause"], variance="aalen").at(times)
    for label, estimate, variance in zip(
        *(outputs["cuminc"][key] for key in ("rows", "est", "var")), strict=True
    ):
        own = table[table["cause"] == int(label.split()[1])]
        close(own["incidence"], estimate)
        close(own["variance_aalen"], variance)
        close(own["std_error"] ** 2, variance)
    table = survival.incidence_by_group(data["time"], data["cause"], data["group"]).at(times)
    grouped = outputs["cuminc_by_group"]
    for label, estimate, variance in zip(*(grouped[key] for key in ("rows", "est", "var")), strict=True):
        group, cause = map(int, label.split())
        own = table[(table["group"] == group) & (table["cause"] == cause)]
        close(own["incidence"], estimate)
        close(own["variance_aalen"], variance)


@pytest.mark.reference
@each_case
def test_other_estimates(case):
    data, outputs = data_of(case), case["outputs"]
    times = numbers(outputs["cuminc"]["times"])
    table = survival.cumulative_incidence(data["time"], data["cause"]).at(times)
    # prodlim's first cause is the first one that happened.
    close(table[table["cause"] == table["cause"].min()]["incidence"], outputs["prodlim_cause1"])
    naive = survival.kaplan_meier(data["time"], data["cause"] == 1, conf_type="plain").at(times)
    close(1 - naive["survival"], outputs["naive_1minusKM_cause1"])


@pytest.mark.reference
@each_case
@pytest.mark.parametrize(("key", "rho"), [("gray", 0), ("gray_rho1", 1)])
def test_gray(case, key, rho):
    data, expected = data_of(case), case["outputs"][key]
    for place, label in enumerate(case["outputs"]["gray"]["rows"]):
        result = survival.gray_test(data["time"], data["cause"], data["group"], rho=rho, failure=int(label))
        close([result.statistic, result.p_value], [expected["stat"][place], expected["p"][place]])
        assert result.df == case["outputs"]["gray"]["df"][place]
        row = result.causes.set_index("cause").loc[int(label)]
        assert (row["statistic"], row["p_value"]) == (result.statistic, result.p_value)


@pytest.mark.reference
@each_case
def test_fine_gray(case):
    data = pd.DataFrame(data_of(case))
    for key, expected in case["outputs"].items():
        if not key.startswith("finegray"):
            continue
        result = survival.fine_gray(data, "time", "cause", expected["names"], failure=int(key[-1]))
        assert result.converged
        assert list(result.table.index) == expected["names"]
        close(result.table["coef"], expected["coef"])
        close(result.table["std_error"], expected["se"])
        close(result.loglik, expected["loglik"])


@pytest.mark.reference
@each_case
def test_cause_specific_cox(case):
    data = pd.DataFrame(data_of(case))
    names = [name for name in ("group", "x1") if name in data.columns]
    for cause in (1, 2):
        expected = case["outputs"][f"causespecific_cox_{cause}"]
        result = survival.cox(data, "time", data["cause"] == cause, names[: len(expected["coef"])])
        for name, coef, error in zip(names, numbers(expected["coef"]), numbers(expected["se"]), strict=False):
            found = result.table.loc[name]
            if np.isfinite(coef) and error < 1000:  # else R's likelihood has no maximum
                close([found["coef"], found["std_error"]], [coef, error], 1e-6)
            else:
                assert isinstance(found["coef"], NotEstimable)


@pytest.mark.reference
@pytest.mark.parametrize("case", ADDED["gray"], ids=lambda case: case["id"])
def test_gray_with_strata_and_silent_groups(case):
    data, expected = case["data"], case["tests"]
    strata = data["stratum"] if case["strata"] else None
    for place, cause in enumerate(expected["cause"]):
        result = survival.gray_test(
            data["time"], data["cause"], data["group"], strata, case["rho"], failure=cause
        )
        close([result.statistic, result.p_value], [expected["statistic"][place], expected["p_value"][place]])
        assert result.df == expected["df"][place]


@pytest.mark.reference
@pytest.mark.parametrize("case", ADDED["fine_gray"], ids=lambda case: case["id"])
def test_fine_gray_in_full(case):
    data, expected = pd.DataFrame(case["data"]), case["model"]
    group = "stratum" if case["censoring_group"] else None
    result = survival.fine_gray(
        data, "time", "cause", ["x1", "x2"], failure=case["failure"], censoring_group=group,
        tolerance=1e-14 if case.get("tight") else 1e-6,
    )  # fmt: skip
    close(result.table["coef"], expected["coef"])
    close([result.loglik, result.loglik_null], [expected["loglik"], expected["loglik_null"]])
    close(result.score, expected["score"], 1e-8)
    close(result.event_time, expected["time"])
    close(result.baseline, expected["baseline"])
    if not case["censoring_group"]:  # crr's variance with censoring groups departs from the formula
        close(result.table["std_error"], expected["std_error"])
        close(result.variance, expected["variance"])
    curves = numbers(expected["predict"])
    for column, (x1, x2) in enumerate(expected["predict_at"], start=1):
        predicted = result.predict({"x1": x1, "x2": x2}, curves[:, 0])
        close(predicted["incidence"], curves[:, column])


# ------------------------------------------------------------------------------------------------- property
records = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=25)


@pytest.mark.property
@given(records)
@settings(max_examples=60, deadline=None)
def test_probabilities_add_to_one(rows):
    time, cause = map(list, zip(*rows, strict=True))
    result = survival.cumulative_incidence(time, cause)
    total = result.event_free + sum(result.incidence.values())
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    table = result.time_in_state()
    assert table["estimate"].sum() == pytest.approx(max(time), abs=1e-10)
    states = result.states(range(15))
    assert (states["lower"] <= states["probability"] + 1e-15).all()
    assert (states["upper"] >= states["probability"] - 1e-15).all()
    for frame in (table, states, result.to_frame())[len(time) < 2 :]:
        assert np.isfinite(frame.select_dtypes("number").to_numpy(dtype=float)).all()


@pytest.mark.property
@given(records)
@settings(max_examples=60, deadline=None)
def test_one_cause_is_kaplan_meier(rows):
    time, cause = np.array(rows).T
    any_event = (cause > 0).astype(int)
    result = survival.cumulative_incidence(time, any_event, causes=[1])
    curve = survival.kaplan_meier(time, any_event, conf_type="plain").at(result.time)
    np.testing.assert_allclose(1 - result.incidence[1], curve["survival"], atol=1e-12)
    np.testing.assert_allclose(result.std_error[1], result.event_free_std_error, atol=1e-7)
    # Without ties in the events Greenwood's formula and the jackknife are one.
    np.testing.assert_allclose(result.event_free, curve["survival"], atol=1e-12)


@pytest.mark.property
@given(records, st.integers(0, 13), st.booleans())
@settings(max_examples=60, deadline=None)
def test_influence_is_the_derivative(rows, at, area):
    time, cause = np.array(rows).T
    found = incidence_influence(time, cause, 1, [at], area=area)
    if isinstance(found, NotEstimable):
        assert not (cause == 1).any()
        return
    np.testing.assert_allclose(found.influence.sum(axis=0), 0.0, atol=1e-10)
    # Each patient a thousand times, the first once more: the change of the estimate is the influence.
    many = 1000
    repeated, codes = np.repeat(time, many), np.repeat(cause, many)
    more = incidence_influence(np.append(repeated, time[0]), np.append(codes, cause[0]), 1, [at], area=area)
    base = incidence_influence(repeated, codes, 1, [at], area=area)
    np.testing.assert_allclose(
        (more.value - base.value) * many, found.influence[0], atol=0.05 * (1 + 12 * area)
    )


@pytest.mark.property
@given(records)
@settings(max_examples=40, deadline=None)
def test_jackknife_is_the_sum_of_squares(rows):
    time, cause = np.array(rows).T
    result = survival.cumulative_incidence(time, cause)
    for c in result.causes:
        found = incidence_influence(time, cause, c, result.time)
        np.testing.assert_allclose(np.sqrt((found.influence**2).sum(axis=0)), result.std_error[c], atol=1e-7)


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(1, 10), st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=30))
@settings(max_examples=60, deadline=None)
def test_gray_does_not_see_names_or_order(rows):
    time, cause, group = np.array(rows).T
    if np.unique(group).size < 2:
        return
    one = survival.gray_test(time, cause, group)
    other = survival.gray_test(time[::-1] * 3.0, cause[::-1], [chr(99 - g) for g in group[::-1]])
    assert isinstance(one.statistic, float) == isinstance(other.statistic, float)
    if isinstance(one.statistic, float):
        assert other.statistic == pytest.approx(one.statistic, rel=1e-6, abs=1e-9)
        assert 0 <= one.p_value <= 1
    else:
        assert one.statistic.reason


@pytest.mark.property
def test_fine_gray_without_competing_events_is_cox():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"t": rng.exponential(size=80).round(2) + 0.01, "c": rng.integers(0, 2, 80)})
    data["x"], data["z"] = rng.normal(size=80), rng.integers(0, 2, 80)
    ours = survival.fine_gray(data, "t", "c", ["x", "z"], tolerance=0)
    cox = survival.cox(data, "t", "c", ["x", "z"], ties="breslow")
    np.testing.assert_allclose(ours.table["coef"], cox.table["coef"], rtol=1e-9)
    shifted = survival.fine_gray(data.assign(x=100 * data["x"] + 7), "t", "c", ["x", "z"], tolerance=0)
    assert 100 * shifted.table.loc["x", "coef"] == pytest.approx(ours.table.loc["x", "coef"], rel=1e-9)
    assert 100 * shifted.table.loc["x", "std_error"] == pytest.approx(
        ours.table.loc["x", "std_error"], rel=1e-9
    )
    assert np.abs(ours.score).max() < 1e-9


def test_words_are_indicators():
    rng = np.random.default_rng(6)
    data = pd.DataFrame(
        {"t": rng.integers(1, 30, 60), "c": rng.integers(0, 3, 60), "g": rng.choice(list("abc"), 60)}
    )
    words = survival.fine_gray(data, data["t"], data["c"], "g")
    data["b"], data["d"] = (data["g"] == "b").astype(int), (data["g"] == "c").astype(int)
    own = survival.fine_gray(data, "t", "c", ["b", "d"])
    assert list(words.table.index) == ["g[b]", "g[c]"]
    np.testing.assert_allclose(words.table.to_numpy(dtype=float), own.table.to_numpy(dtype=float))
    one, two = words.predict({"g": "c"}, [5, 9]), own.predict({"b": 0, "d": 1}, [5, 9])
    assert one["incidence"].tolist() == pytest.approx(two["incidence"].tolist())
    with pytest.raises(ValueError, match="'z' is none of"):
        words.predict({"g": "z"}, [5])


# ----------------------------------------------------------------------------------------------- degenerate
def test_one_patient_and_nothing_but_censoring():
    one = survival.cumulative_incidence([4], [2])
    assert one.incidence[2].tolist() == [1.0]
    assert one.std_error[2].tolist() == [0.0]
    alone = one.time_in_state()
    assert alone[["std_error", "lower", "upper"]].isna().all(axis=None)
    assert alone["reason"].str.contains("one patient has no spread").all()
    none = survival.cumulative_incidence([4, 5], [0, 0])
    assert none.causes == ()
    assert none.event_free.tolist() == [1.0, 1.0]
    assert none.at([1]).empty
    assert none.states([1])["probability"].tolist() == [1.0]
    zero = survival.cumulative_incidence([4, 5], [0, 1], causes=[1, 2])
    assert zero.incidence[2].tolist() == zero.std_error[2].tolist() == zero.upper[2].tolist() == [0.0, 0.0]
    at_once = survival.cumulative_incidence([0, 0, 0], [1, 2, 2])
    assert at_once.at([0])["incidence"].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_gray_says_why_there_is_no_test():
    silent = survival.gray_test([1, 2, 3, 4], [0, 2, 0, 2], [0, 0, 1, 1])
    assert "no event of cause 1" in silent.statistic.reason
    assert silent.p_value == silent.statistic
    assert silent.causes.set_index("cause").loc[1, "reason"] == silent.statistic.reason
    apart = survival.gray_test([1, 2, 3, 4], [0, 0, 1, 1], [0, 0, 1, 1])
    assert "never at risk together" in apart.statistic.reason
    alone = survival.incidence_by_group([1, 2], [1, 2], ["a", "a"])
    assert "one group" in alone.test.reason
    quiet = survival.incidence_by_group([1, 2], [0, 0], ["a", "b"])
    assert "no event" in quiet.test.reason
    assert "Cumulative incidence, n = 1" in str(
        survival.incidence_by_group([1, 2, 3], [1, 0, 1], ["a", "b", "b"])
    )


def test_fine_gray_says_why_there_is_no_model():
    data = pd.DataFrame(
        {"t": [1.0, 2, 3, 4, 5, 6], "c": [1, 1, 0, 2, 0, 0], "x": [1, 1, 0, 0, 0, 0], "k": 1.0}
    )
    data["twice"] = 2 * data["x"]
    for covariates, failure, words in (
        ("x", 1, "separates"), ("x", 3, "no event of cause 3"), ("k", 1, "same value"),
        (["x", "twice"], 1, "repeat each other"),
    ):  # fmt: skip
        result = survival.fine_gray(data, "t", "c", covariates, failure=failure)
        assert not result.converged
        assert all(words in cell.reason for cell in result.table.to_numpy().ravel())
        assert words in str(result)
        assert words in result.to_frame()["reason"][0]
        with pytest.raises(ValueError, match="nothing to predict"):
            result.predict({"x": 1}, [1])
    case = next(case for case in cases("competing_risks") if case["id"] == "cr/t04_one_each")
    for failure in (1, 2):
        lone = survival.fine_gray(pd.DataFrame(data_of(case)), "time", "cause", "group", failure=failure)
        assert "separates" in lone.loglik.reason
        assert isinstance(lone.loglik_null, float)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: survival.cumulative_incidence([1, np.nan], [1, -1]), r"time\[1\] is nan.*cause\[1\] is -1"),
        (lambda: survival.cumulative_incidence([1], [1], variance="x"), "variance must be one of"),
        (lambda: survival.cumulative_incidence([1], [1], conf_type="x"), "conf_type must be one of"),
        (lambda: survival.cumulative_incidence([1, 2], [1, 3], causes=[1]), r"lacks \[3\]"),
        (lambda: survival.cumulative_incidence([1, 2], [1, 2], causes=[1, 2, 2]), "different whole numbers"),
        (lambda: survival.cumulative_incidence([1, 2], [1, 0]).time_in_state(3), "beyond the last time"),
        (lambda: survival.cumulative_incidence([1, 2], [1, 0]).time_in_state(0), "tau must be positive"),
        (lambda: survival.gray_test([1, 2], [1, 1], [0, 0]), "at least two labels"),
        (lambda: survival.gray_test([1, 2], [1, 1], [0, 1], rho=-1), "rho must be at least 0"),
        (lambda: survival.gray_test([1, 2], [1, 1], [0, 1], failure=0), "failure must be a cause"),
        (
            lambda: survival.fine_gray(pd.DataFrame({"t": [1]}), "t", "c", "x"),
            "no column of data: cause = 'c'",
        ),
        (
            lambda: survival.fine_gray(pd.DataFrame({"t": [1], "c": 1}), "t", "c", "x"),
            "no column of data: covariates = 'x'",
        ),
        (
            lambda: survival.fine_gray(pd.DataFrame({"t": [1, 2], "c": 1, "x": [1, np.nan]}), "t", "c", "x"),
            r"x\[1\] = nan",
        ),
        (lambda: survival.fine_gray(pd.DataFrame({"t": [1], "c": 1}), "t", "c", []), "at least one column"),
    ],
)
def test_wrong_data_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_limits_stay_within_0_and_1():
    p, error = np.array([0.0, 0.02, 0.5, 0.98, 1.0]), np.full(5, 0.3)
    for conf_type in ("log-log", "plain", "log", "logit"):
        low, high = proportion_limits(p, error, 0.95, conf_type)
        assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()


@pytest.mark.reference
def test_past_the_last_time_of_its_group_a_competing_event_counts_no_more_as_in_crr():
    """cmprsk::crr with cengroup (censoring_groups.R): 1e-9."""
    found = json.loads((HERE / "censoring_groups.json").read_text())
    for case in found["cases"]:
        data = {**found["data"], "t": [*found["data"]["t"][:4], case["fifth"], *found["data"]["t"][5:]]}
        model = survival.fine_gray(data, "t", "c", "x", censoring_group="g", tolerance=0)
        assert model.estimate == pytest.approx(np.exp(case["coef"]), rel=1e-9)

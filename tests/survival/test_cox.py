"""Cox regression equals R, obeys its symmetries, and names what it cannot estimate.

cox.json: R 4.2.2, survival 3.5-3. R stops at a relative change of 1e-9 of the log likelihood, so the last digits are
R's distance from the maximum: 1e-8 holds everywhere but for two values of `channing`, 1e-7 is asked of all.
cox_more.json: cox_more.R beside it, iterated further; 1e-8, and 1e-7 where R maximised Firth's likelihood by search.
"""

import csv
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from pnstrial import survival
from pnstrial.results import NotEstimable
from pnstrial.survival.cox import likelihood
from pnstrial.survival.cox import residuals as cox_residuals
from pnstrial.survival.cox.cox_kernels import subset_moments
from pnstrial.survival.cox.likelihood import penalised
from pnstrial.survival.cox.risk_sets import risk_sets
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
WORDS = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}
RESIDUALS = {
    "martingale": "martingale",
    "deviance": "deviance",
    "dfbeta": "dfbeta",
    "dfbetas": "dfbetas",
    "schoenfeld": "schoenfeld",
    "scaledsch": "scaled_schoenfeld",
}


def cases(name):
    return json.loads((HERE / f"{name}.json").read_text())["cases"]


def numbers(values):
    return np.array([WORDS.get(v, v) for v in np.ravel(np.array(values, dtype=object))], dtype=float)


def close(got, expected, tolerance=1e-7):
    got, expected = np.ravel(np.asarray(got, dtype=float)), numbers(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def data_of(case):
    if "data" in case["inputs"]:
        return {key: numbers(values) for key, values in case["inputs"]["data"].items()}
    with (HERE / case["inputs"]["csv"]).open() as file:
        rows = list(csv.DictReader(file))
    return {key: numbers([WORDS.get(row[key], row[key]) for row in rows]) for key in rows[0]}


def set_up(case):
    """Columns, covariates and the arguments that a case of cox.json asks for; a factor of R comes as words."""
    data, formula = data_of(case), case["outputs"]["formula"]
    covariates = formula.split("~")[1].replace(" ", "").split("+")
    if len(case["outputs"]["efron"]["names"]) != len(covariates):
        data["group"] = data["group"].astype(int).astype(str)
    more = {}
    if "entry," in formula:
        more["entry"] = "entry"
    if "wt" in data:
        more["weights"] = "wt"
    return data, covariates, more


def check_table(fit, expected):
    close(fit.loglik, expected["loglik"])
    close(fit.score.statistic, expected["score"])
    close(fit.likelihood_ratio.statistic, expected["lr"])
    if "warnings" in expected:
        # R stops somewhere on the way to infinity; that number is arbitrary, and there is none here.
        assert all(isinstance(value, NotEstimable) for value in fit.table["coef"])
        assert "firth" in fit.table["coef"].iloc[0].reason
        assert isinstance(fit.wald.statistic, NotEstimable)
        return
    for column, key in (
        ("coef", "coef"), ("std_error", "se"), ("lower", "hr_lower"), ("upper", "hr_upper"), ("p_value", "p"),
    ):  # fmt: skip
        close(fit.table[column], expected[key])
    close(fit.wald.statistic, expected["wald"])


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("cox"), ids=lambda case: case["id"])
def test_fits(case):
    data, covariates, more = set_up(case)
    for ties in ("efron", "breslow", "exact"):
        if ties in case["outputs"]:
            fit = survival.cox(data, "time", "status", covariates, ties=ties, **more)
            check_table(fit, case["outputs"][ties])
    if "stratified_efron" in case["outputs"]:
        fit = survival.cox(data, "time", "status", covariates, strata="stratum", **more)
        check_table(fit, case["outputs"]["stratified_efron"])


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("cox"), ids=lambda case: case["id"])
def test_what_a_fit_says(case):
    data, covariates, more = set_up(case)
    expected = case["outputs"]
    fit = survival.cox(data, "time", "status", covariates, **more)
    if "warnings" in expected["efron"]:
        for value in (fit.concordance, fit.concordance_se, fit.baseline_hazard(), fit.residuals()):
            assert isinstance(value, NotEstimable)
        assert all(isinstance(value, NotEstimable) for value in fit.ph_test["chisq"])
        return
    for transform, table in expected.get("zph", {}).items():
        got = fit.proportional_hazards(transform)
        assert got.index.tolist() == table["rows"]
        for column in ("chisq", "df", "p"):
            close(got[column], table[column])
    close([fit.concordance, fit.concordance_se], [expected["concordance"][key] for key in ("c", "se")], 2e-7)
    if case["id"] == "cox/flchain":
        # 282 pairs have equal covariates; R rounds two of the predictors apart and counts 280
        assert fit.concordance_counts["tied_x"] == 282
    else:
        close(list(fit.concordance_counts.values()), expected["concordance"]["counts"])
    baseline = fit.baseline_hazard()
    times = numbers(expected["basehaz_efron_at_zero"]["time"])
    place = np.searchsorted(baseline["time"], times, side="right") - 1
    close(baseline["cumulative_hazard"].to_numpy()[place], expected["basehaz_efron_at_zero"]["H"])
    # R took the reference level of a factor
    middle = {
        name: min(data[name]) if data[name].dtype.kind == "U" else np.median(data[name])
        for name in covariates
    }
    at = expected["predict_median_covariates"]
    row = fit.predict_survival(middle, [at["t0"]])
    close(
        row[["survival", "std_error", "lower", "upper"]],
        [at[key] for key in ("surv", "se", "lower_log", "upper_log")],
    )
    if "robust_se" in expected:
        robust = survival.cox(data, "time", "status", covariates, robust=True, **more)
        close(robust.table["std_error"], expected["robust_se"])
        close(robust.table["naive_std_error"], expected["efron"]["se"])
    if "cluster_id_se" in expected:
        robust = survival.cox(data, "time", "status", covariates, cluster="id", **more)
        close(robust.table["std_error"], expected["cluster_id_se"])
    for key, kind in RESIDUALS.items():
        if key in expected.get("residuals", {}):
            close(fit.residuals(kind), expected["residuals"][key])


@pytest.mark.reference
@pytest.mark.parametrize(
    "case",
    [case for case in cases("cox_more") if "theta" not in case["arguments"]],
    ids=lambda case: case["id"],
)
def test_more_models(case):
    data, expected, more = pd.DataFrame(case["data"]), case["outputs"], dict(case["arguments"])
    time = more.pop("time", "stop" if "stop" in data else "time")
    event = "event" if "event" in data else "status"
    fit = survival.cox(data, time, event, more.pop("covariates"), **more)
    tolerance = 1e-7 if "penalty" in more else 1e-8
    known = [not isinstance(value, NotEstimable) for value in fit.table["coef"]]
    assert all(known) == (case["id"] not in ("aliased", "separated beside"))
    for key, column in (
        ("coef", "coef"),
        ("se", "std_error"),
        ("naive_se", "naive_std_error"),
        ("p", "p_value"),
    ):
        if key in expected:
            close(fit.table.loc[known, column], np.ravel(expected[key])[known], tolerance)
    for limit in ("lower", "upper"):
        if limit in expected:
            close(np.log(fit.table[limit].astype(float)), expected[limit], tolerance)
    close(fit.loglik, expected["loglik"], tolerance)
    if "penalty" not in more:
        close(fit.likelihood_ratio.statistic, expected["lr"], tolerance)
        close(fit.score.statistic, expected["score"], tolerance)
        if case["id"] != "separated beside":
            close(fit.wald.statistic, expected["wald"], tolerance)
    for key, kind in RESIDUALS.items():
        if key in expected:
            close(fit.residuals(kind), expected[key], tolerance)
    if "concordance" in expected:
        close([fit.concordance, fit.concordance_se], expected["concordance"], tolerance)
        close(list(fit.concordance_counts.values()), expected["counts"], tolerance)
    for transform, table in expected.get("zph", {}).items():
        got = fit.proportional_hazards(transform)
        assert got.index.tolist() == table["rows"]
        for column in ("chisq", "df", "p"):
            close(got[column], table[column], tolerance)
    if "basehaz" in expected:
        got = fit.baseline_hazard()
        close(got["time"], expected["basehaz"]["time"], tolerance)
        close(got["cumulative_hazard"], expected["basehaz"]["hazard"], tolerance)


@pytest.mark.reference
@pytest.mark.parametrize(
    "case", [case for case in cases("cox_more") if "theta" in case["arguments"]], ids=lambda case: case["id"]
)
def test_frailty_of_a_given_variance(case):
    fit = survival.shared_frailty(case["data"], "time", "status", **case["arguments"])
    close(fit.table["coef"], case["outputs"]["coef"], 1e-9)
    close(fit.table["std_error"], case["outputs"]["se"], 1e-9)
    close(fit.loglik[1], case["outputs"]["marginal"], 1e-9)


FRAIL = [
    # both hold the eyes of the same patients: one stands for both in the suite
    pytest.param(case, id=case["id"], marks=[pytest.mark.long] if case["id"] == "cox/retinopathy" else [])
    for case in cases("cox") if "gamma_frailty" in case["outputs"]
]  # fmt: skip


@pytest.mark.reference
@pytest.mark.parametrize("case", FRAIL)
def test_frailty_of_the_most_likely_variance(case):
    """R's search for the variance stops at about 1e-4 of the maximum, and its coefficients before they settle."""
    data, covariates, _ = set_up(case)
    fit = survival.shared_frailty(data, "time", "status", covariates, "id")
    expected = case["outputs"]["gamma_frailty"]
    assert fit.theta == pytest.approx(expected["theta"], rel=2e-3)
    np.testing.assert_allclose(fit.table["coef"], expected["coef"], rtol=8e-3)
    for theta in (fit.theta * 1.001, fit.theta * 0.999, expected["theta"]):
        other = survival.shared_frailty(data, "time", "status", covariates, "id", theta=theta)
        assert other.loglik[1] < fit.loglik[1] + 1e-10
    assert 0.0 < fit.p_value < 0.5
    assert "variance of the frailty" in str(fit)


def test_frailty_without_any_and_its_errors():
    rng = np.random.default_rng(3)
    data = {
        "time": rng.exponential(5, 60),
        "event": np.ones(60),
        "x": rng.integers(0, 2, 60),
        "id": np.arange(60) // 12,
    }
    data["time"] = np.tile(np.sort(data["time"][:12]), 5) + np.arange(60) * 1e-3
    fit = survival.shared_frailty(data, "time", "event", "x", "id")
    assert fit.theta == 0.0
    assert fit.p_value == 1.0
    assert (fit.frailty["frailty"] == 1.0).all()
    assert fit.to_frame().equals(survival.cox(data, "time", "event", "x").to_frame())
    for arguments, message in (
        ({"ties": "exact"}, "ties must be"),
        ({"theta": 0.0}, "theta must be between"),
        ({"cluster": "site"}, "no column of data: cluster = 'site'"),
    ):
        with pytest.raises(ValueError, match=message):
            survival.shared_frailty(data, "time", "event", "x", **{"cluster": "id", **arguments})
    with pytest.raises(ValueError, match="estimable without frailty first: separation"):
        survival.shared_frailty(SEPARATED, "time", "event", "group", [1, 1, 2, 2, 3, 3])


@pytest.mark.double
def test_lifelines_agrees_where_it_offers_the_same():
    CoxPHFitter = pytest.importorskip("lifelines").CoxPHFitter

    rng = np.random.default_rng(4)
    data = pd.DataFrame({"group": rng.integers(0, 2, 150), "age": rng.normal(60, 9, 150).round()})
    life = rng.exponential(20 * np.exp(-0.5 * data["group"]))
    data["time"], data["event"] = np.ceil(np.minimum(life, 30)), (life < 30).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = CoxPHFitter().fit(data, "time", "event", fit_options={"precision": 1e-12})
    fit = survival.cox(data, "time", "event", ["group", "age"])
    np.testing.assert_allclose(fit.table["coef"], other.params_, rtol=1e-7)
    np.testing.assert_allclose(fit.table["std_error"], other.standard_errors_, rtol=1e-7)
    assert fit.loglik[1] == pytest.approx(other.log_likelihood_, rel=1e-10)
    assert fit.concordance == pytest.approx(other.concordance_index_, rel=1e-10)


def random_sets(seed, *, separated=False):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(8, 60)), int(rng.integers(1, 5))
    time, event = np.ceil(rng.exponential(10, n) / (1 + seed % 4)), (rng.random(n) < 0.7).astype(float)
    x, none = rng.normal(size=(n, p)), np.empty(0)
    x[:, 0] = event if separated else rng.integers(0, 2, n)
    weights = rng.uniform(0.5, 3, n) if seed % 3 else none
    strata = rng.permutation(np.arange(n) % 3) if seed % 2 else none.astype(int)
    offset = rng.normal(size=n) if seed % 5 == 0 else None
    return risk_sets(time, event, x, none, weights, strata, ("efron", "breslow")[seed % 2], offset)


def test_the_moments_of_risk_sets_together_are_the_sums_of_each_alone():
    rng = np.random.default_rng(8)
    for n, p in ((6, 1), (25, 3), (40, 2)):
        risk, x = np.exp(rng.normal(0, 2, n)), rng.normal(size=(n, p))
        begin = rng.integers(0, n - 3, 6)
        inside = np.arange(n) >= begin[:, None]
        size = np.array([int(rng.integers(1, n - b)) for b in begin])
        alone = [
            subset_moments(risk[m], np.ascontiguousarray(x[m]), int(d))
            for m, d in zip(inside, size, strict=True)
        ]
        for got, each in zip(
            likelihood.moments_together(risk, x, inside, size), zip(*alone, strict=True), strict=True
        ):
            np.testing.assert_allclose(got, sum(each), rtol=1e-11, atol=1e-11)


def test_a_climb_in_machine_code_ends_where_the_whole_rules_end(monkeypatch):
    sets = [random_sets(seed) for seed in range(60)]
    monkeypatch.setattr(likelihood, "_fits", iter(range(10**6, 10**7)))
    quick = [likelihood._quick_climb(one) for one in sets]
    assert sum(peak is not None for peak in quick) > 40
    monkeypatch.setattr(likelihood, "_quick_climb", lambda _: None)
    for one, peak in zip(sets, quick, strict=True):
        if peak is None:
            continue
        plain = likelihood.climb(one)
        assert plain.ending == peak.ending == "maximum"
        assert plain.infinite is None
        for name in ("beta", "loglik", "information"):
            np.testing.assert_allclose(getattr(peak, name), getattr(plain, name), rtol=1e-9, atol=1e-11)


def test_a_climb_in_machine_code_leaves_what_has_no_maximum_to_the_whole_rules(monkeypatch):
    monkeypatch.setattr(likelihood, "_fits", iter(range(10**6, 10**7)))
    for seed in range(10):
        assert likelihood._quick_climb(random_sets(seed, separated=True)) is None


@pytest.mark.double
def test_subset_moments_equal_all_subsets_listed():
    from itertools import combinations

    rng = np.random.default_rng(2)
    risk, x = rng.exponential(1.0, 8) * 1e3, rng.normal(5, 1, (8, 2))
    for d in range(1, 8):
        subsets = [list(s) for s in combinations(range(8), d)]
        mass = np.array([risk[s].prod() for s in subsets])
        sums = np.array([x[s].sum(axis=0) for s in subsets])
        mean = mass @ sums / mass.sum()
        spread = (sums - mean).T @ ((sums - mean) * mass[:, None]) / mass.sum()
        got = subset_moments(risk, x, d)
        assert got[0] == pytest.approx(math.log(mass.sum()), rel=1e-12)
        np.testing.assert_allclose(got[1], mean, rtol=1e-12)
        np.testing.assert_allclose(got[2], spread, rtol=1e-10, atol=1e-12)


@pytest.mark.double
def test_pairs_by_tree_equal_pairs_one_by_one(monkeypatch):
    rng = np.random.default_rng(7)
    n = 300
    entry = rng.integers(0, 20, n).astype(float)
    data = pd.DataFrame({
        "entry": entry, "time": entry + rng.integers(1, 30, n), "event": rng.integers(0, 2, n),
        "x": rng.integers(0, 9, n), "w": rng.integers(1, 4, n), "site": rng.integers(0, 3, n),
    })  # fmt: skip
    for more in ({}, {"entry": "entry"}, {"entry": "entry", "weights": "w", "strata": "site"}):
        dense = survival.cox(data, "time", "event", "x", **more)
        before = (dense.concordance, dense.concordance_se, dense.concordance_counts)
        monkeypatch.setattr(cox_residuals, "DENSE", 0)
        tree = survival.cox(data, "time", "event", "x", **more)
        assert tree.concordance == pytest.approx(before[0], rel=1e-12)
        assert tree.concordance_se == pytest.approx(before[1], rel=1e-10)
        assert tree.concordance_counts == pytest.approx(before[2], rel=1e-12)
        monkeypatch.undo()


@st.composite
def samples(draw, least=6, most=24):
    n = draw(st.integers(least, most))
    integers = st.integers(1, 12)
    frame = pd.DataFrame({
        "time": draw(st.lists(integers, min_size=n, max_size=n)),
        "event": draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)),
        "group": draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)),
        "x": draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n)),
    })  # fmt: skip
    return frame.astype(float)


def estimated(fit):
    return all(not isinstance(value, NotEstimable) for value in fit.table["coef"])


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(samples(), st.sampled_from(["efron", "breslow", "exact"]), st.floats(0.01, 100.0))
def test_scales_of_time_and_covariates_do_not_matter(data, ties, factor):
    fit = survival.cox(data, "time", "event", ["group", "x"], ties=ties)
    late = data.assign(time=data["time"] * factor + 3.0, x=data["x"] * factor - 5.0)
    other = survival.cox(late, "time", "event", ["group", "x"], ties=ties)
    assert estimated(fit) == estimated(other)
    np.testing.assert_allclose(other.loglik, fit.loglik, rtol=1e-9, atol=1e-9)
    if estimated(fit):
        assert other.table.loc["group", "coef"] == pytest.approx(
            fit.table.loc["group", "coef"], rel=1e-6, abs=1e-8
        )
        assert other.table.loc["x", "z"] == pytest.approx(fit.table.loc["x", "z"], rel=1e-6, abs=1e-7)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(samples(), st.sampled_from([None, "firth"]))
def test_swapped_groups_give_the_inverse_ratio(data, penalty):
    assume(data["group"].nunique() == 2)
    fit = survival.cox(data, "time", "event", "group", penalty=penalty)
    swapped = survival.cox(data.assign(group=1 - data["group"]), "time", "event", "group", penalty=penalty)
    assert estimated(fit) == estimated(swapped)
    if estimated(fit):
        assert swapped.table["coef"].iloc[0] == pytest.approx(-fit.table["coef"].iloc[0], rel=1e-7, abs=1e-8)
        assert swapped.table["upper"].iloc[0] == pytest.approx(1 / fit.table["lower"].iloc[0], rel=1e-5)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(samples(), st.sampled_from(["efron", "breslow", "exact"]))
def test_one_stratum_no_entry_and_unit_weights_are_the_plain_fit(data, ties):
    plain = survival.cox(data, "time", "event", ["group", "x"], ties=ties)
    data = data.assign(one="a", start=0.0, unit=1.0)
    more = {"weights": "unit"} if ties != "exact" else {}
    other = survival.cox(
        data, "time", "event", ["group", "x"], ties=ties, strata="one", entry="start", **more
    )
    np.testing.assert_allclose(other.loglik, plain.loglik, rtol=1e-10, atol=1e-10)
    assert estimated(plain) == estimated(other)
    if estimated(plain):
        np.testing.assert_allclose(
            other.table["coef"].astype(float), plain.table["coef"].astype(float), rtol=1e-6, atol=1e-8
        )


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(samples())
def test_splitting_rows_changes_nothing(data):
    """A patient cut in two at time 4 is the same patient."""
    plain = survival.cox(data, "time", "event", ["group", "x"])
    first = data.assign(
        start=0.0, event=np.where(data["time"] > 4, 0.0, data["event"]), time=data["time"].clip(upper=4)
    )
    second = data[data["time"] > 4].assign(start=4.0)
    split = survival.cox(
        pd.concat([first, second], ignore_index=True), "time", "event", ["group", "x"], entry="start"
    )
    np.testing.assert_allclose(split.loglik, plain.loglik, rtol=1e-10, atol=1e-10)
    assert estimated(plain) == estimated(split)
    if estimated(plain) and not isinstance(plain.concordance, NotEstimable):
        assert split.concordance == pytest.approx(plain.concordance, rel=1e-12)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(samples(), st.sampled_from(["efron", "breslow", "exact"]), st.sampled_from([None, "firth"]))
def test_every_number_is_finite_or_has_a_reason(data, ties, penalty):
    if penalty and ties == "exact":
        ties = "efron"
    fit = survival.cox(data, "time", "event", ["group", "x"], ties=ties, penalty=penalty)
    cells = [value for row in fit.table.to_numpy().tolist() for value in row]
    cells += [*fit.loglik, fit.concordance, fit.concordance_se]
    cells += [
        getattr(test, part)
        for test in (fit.wald, fit.score, fit.likelihood_ratio)
        for part in ("statistic", "p_value")
    ]
    if penalty is None:
        cells += [value for row in fit.ph_test.to_numpy().tolist() for value in row]
    for value in cells:
        assert isinstance(value, NotEstimable) or math.isfinite(value), value
    str(fit)
    fit._repr_html_()
    if penalty == "firth" and data["event"].sum():
        gone = [v.reason for v in fit.table["coef"] if isinstance(v, NotEstimable)]
        assert all("same for all at risk" in reason for reason in gone)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(samples(8, 16), st.sampled_from(["efron", "breslow"]))
def test_batch_rows_equal_the_single_fit(data, ties):
    assume(data["group"].nunique() == 2)
    time, event = data["time"].to_numpy(), data["event"].to_numpy()
    batch = survival.cox_batch([time, time[::-1]], [event, event[::-1]], data["group"], ties=ties)
    for row, step in enumerate((1, -1)):
        fit = survival.cox({"g": data["group"].to_numpy()}, time[::step], event[::step], "g", ties=ties)
        assert bool(batch.estimable[row]) == estimated(fit)
        np.testing.assert_allclose(
            (batch.loglik_null[row], batch.loglik[row]), fit.loglik, rtol=1e-8, atol=1e-7
        )
        if estimated(fit):
            assert batch.coef[row] == pytest.approx(fit.table["coef"].iloc[0], rel=1e-8, abs=1e-8)
            assert batch.std_error[row] == pytest.approx(fit.table["std_error"].iloc[0], rel=1e-8)
            assert batch.p_value[row] == pytest.approx(fit.table["p_value"].iloc[0], rel=1e-7, abs=1e-12)
        else:
            assert np.isnan(batch.coef[row])
            assert batch.direction[row] != 0
    assert len(batch.to_frame()) == 2


SEPARATED = {
    "time": [1, 2, 3, 4, 5, 6],
    "event": [1, 1, 1, 1, 1, 0],
    "group": [0, 0, 0, 1, 1, 1],
    "x": [3, 1, 2, 2, 3, 1],
}


def test_separation_has_a_reason_and_a_remedy():
    fit = survival.cox(SEPARATED, "time", "event", "group")
    reason = fit.table.loc["group", "coef"]
    assert isinstance(reason, NotEstimable)
    assert "separation" in reason.reason
    assert 'penalty="firth"' in reason.reason
    assert fit.loglik[1] > fit.loglik[0]
    assert fit.likelihood_ratio.p_value < 0.05
    with_penalty = survival.cox(SEPARATED, "time", "event", "group", penalty="firth").table.loc["group"]
    assert with_penalty["lower"] < with_penalty["hazard_ratio"] < with_penalty["upper"]


def test_a_combination_of_covariates_can_separate():
    # Whoever has the larger a - b has the event first; neither a nor b does it alone.
    rng = np.random.default_rng(5)
    gap = np.arange(12.0)[::-1]
    b = rng.normal(0, 4, 12).round(1)
    data = {"time": np.arange(1.0, 13.0), "event": np.ones(12), "a": b + gap, "b": b}
    fit = survival.cox(data, "time", "event", ["a", "b"])
    assert all(isinstance(value, NotEstimable) for value in fit.table["coef"])
    assert fit.loglik[1] == pytest.approx(0.0, abs=1e-6)
    assert "combination" in fit.table.loc["a", "coef"].reason


@pytest.mark.parametrize(
    ("time", "event", "x", "word"),
    [
        ([5.0], [1], [1.0], "same for all"),
        ([5.0], [0], [1.0], "no patient has an event"),
        ([1, 2, 3], [0, 0, 0], [1, 2, 3], "no patient has an event"),
        ([1, 2, 3], [1, 1, 0], [2, 2, 2], "same for all"),
        ([1, 1, 1], [1, 1, 1], [1, 2, 3], ""),
        ([0, 0, 1], [1, 0, 1], [1, 0, 1], "separation"),
    ],
)
@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_degenerate_samples(time, event, x, word, ties):
    fit = survival.cox({"x": x}, time, event, "x", ties=ties)
    value = fit.table.loc["x", "coef"]
    if word:
        assert isinstance(value, NotEstimable)
        assert word in value.reason
    elif ties == "exact":
        # all die together: the conditional likelihood has nothing to say
        assert isinstance(value, NotEstimable)
    elif ties == "efron":
        assert value == pytest.approx(0.0, abs=1e-9) or isinstance(value, float)


def test_a_covariate_in_tiny_units_says_so_instead_of_infinity():
    data = {"time": [3, 5, 6, 8, 10], "event": [1, 1, 1, 1, 0], "x": np.array([2, 0, 1, 2, 0]) * 1e-6}
    fit = survival.cox(data, "time", "event", "x")
    assert isinstance(fit.table.loc["x", "upper"], NotEstimable)
    assert isinstance(fit.table.loc["x", "coef"], float)


def test_words_become_contrasts_against_the_first_level():
    data = pd.DataFrame({
        "time": [3, 5, 6, 8, 10, 12, 4, 9], "event": [1, 1, 1, 1, 0, 1, 1, 0], "site": list("abcabcab"),
    })  # fmt: skip
    fit = survival.cox(data, "time", "event", "site")
    assert fit.table.index.tolist() == ["site[b]", "site[c]"]
    assert fit.ph_test.loc["site", "df"] == 2
    data["site"] = pd.Categorical(data["site"], categories=["c", "a", "b", "never"])
    other = survival.cox(data, "time", "event", "site")
    assert other.table.index.tolist() == ["site[a]", "site[b]"]
    assert other.loglik == pytest.approx(fit.loglik)
    a = fit.predict_survival({"site": "b"}, [5])["survival"]
    assert a.to_numpy() == pytest.approx(other.predict_survival({"site": "b"}, [5])["survival"].to_numpy())
    with pytest.raises(ValueError, match=r"site = 'z' is none of"):
        fit.predict_survival({"site": "z"})


GOOD = {
    "time": [3, 5, 6],
    "event": [1, 1, 0],
    "x": [0.0, 1.0, 0.0],
    "w": [1, 0, 1],
    "gap": [1.0, np.nan, 2.0],
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"covariates": "y"}, "no column of data: covariates = 'y'; it has 'time', 'event'"),
        ({"covariates": []}, "covariates is empty"),
        ({"covariates": ["x", "x"]}, "names 'x' twice"),
        ({"covariates": "gap"}, r"gap\[1\] = nan"),
        ({"ties": "median"}, "ties must be one of 'efron', 'breslow', 'exact'"),
        ({"penalty": "ridge"}, "penalty must be None or"),
        ({"penalty": "firth", "ties": "exact"}, 'ties="exact" excludes penalty'),
        ({"ties": "exact", "robust": True}, 'ties="exact" excludes robust'),
        ({"penalty": "firth", "robust": True}, "excludes robust and cluster"),
        ({"weights": "w"}, r"weights\[1\] = 0"),
        ({"entry": "time"}, r"entry must be before time: entry\[0\] = 3"),
        ({"level": 95}, "level must be between 0 and 1"),
        ({"time": [3, -5, 6]}, r"time\[1\] = -5"),
        ({"event": [1, 2, 0]}, r"event\[1\] = 2"),
        ({"strata": ["a", None, "b"]}, r"strata\[1\]"),
    ],
)
def test_errors_name_argument_position_and_value(arguments, message):
    call = {"time": "time", "event": "event", "covariates": "x", **arguments}
    with pytest.raises(ValueError, match=message):
        survival.cox(GOOD, **call)


def test_questions_a_fit_cannot_answer_are_errors():
    fit = survival.cox(GOOD, "time", "event", "x", ties="exact")
    data = {"time": [3, 5, 6, 8], "event": [1, 1, 0, 1], "x": [0, 1, 0, 1], "s": ["a", "a", "b", "b"]}
    fit = survival.cox(data, "time", "event", "x", ties="exact")
    with pytest.raises(ValueError, match="not defined for ties"):
        fit.residuals("dfbeta")
    with pytest.raises(ValueError, match="kind must be one of"):
        fit.residuals("pearson")
    with pytest.raises(ValueError, match="transform must be one of"):
        fit.proportional_hazards("square")
    with pytest.raises(ValueError, match="x is missing"):
        fit.predict_survival({})
    with pytest.raises(ValueError, match="unpenalised"):
        survival.cox(data, "time", "event", "x", penalty="firth").proportional_hazards()
    fit = survival.cox(data, "time", "event", "x", strata="s")
    if not isinstance(fit.baseline_hazard(), NotEstimable):
        with pytest.raises(ValueError, match="stratum must be one of"):
            fit.predict_survival({"x": 1}, stratum="c")


def test_batch_refuses_what_it_cannot_read():
    time, event = [[1, 2, 3]], [[1, 0, 1]]
    with pytest.raises(ValueError, match="group must have two numbers"):
        survival.cox_batch(time, event, [1, 1, 1])
    with pytest.raises(ValueError, match=r"event\[0, 1\] = 3"):
        survival.cox_batch(time, [[1, 3, 1]], [0, 1, 1])
    with pytest.raises(ValueError, match="ties must be"):
        survival.cox_batch(time, event, [0, 1, 1], ties="exact")
    with pytest.raises(ValueError, match="group must have shape"):
        survival.cox_batch(time, event, [0, 1])


@pytest.mark.double
@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_separation_is_found_exactly_where_a_linear_programme_finds_it(ties):
    """A Cox likelihood has no maximum exactly if a direction has nobody at risk ahead of a death, and one behind."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(12)
    seen = 0
    for k in range(60):
        n, p = int(rng.integers(4, 12)), int(rng.integers(1, 4))
        time = rng.integers(2, 9, n) if k % 2 else rng.exponential(5.0, n) + 2
        event = rng.random(n) < 0.7
        x = rng.normal(0, 1, (n, p)) if k % 3 else rng.integers(0, 2, (n, p))
        entry = np.minimum(rng.integers(0, 5, n), np.ceil(time) - 2) * (k % 5 == 0)
        stratum = rng.integers(0, 2, n) * (k % 4 == 0)
        if not event.any():
            continue
        ahead = []
        for i in np.flatnonzero(event):
            others = (time >= time[i]) & (entry < time[i]) & (stratum == stratum[i])
            if ties == "exact":
                others &= ~(event & (time == time[i]))
            ahead += [x[i] - x[other] for other in np.flatnonzero(others)]
        ahead = np.array(ahead, dtype=float).reshape(-1, p)
        wanted = False
        if len(ahead):
            found = linprog(-ahead.sum(axis=0), A_ub=-ahead, b_ub=np.zeros(len(ahead)), bounds=[(-1, 1)] * p)
            wanted = -found.fun > 1e-7
        data = {f"x{a}": x[:, a] for a in range(p)}
        fit = survival.cox(data, time, event, list(data), ties=ties, entry=entry, strata=stratum)
        separated = any(isinstance(v, NotEstimable) and "separation" in v.reason for v in fit.table["coef"])
        assert separated == wanted, k
        seen += wanted
    assert 5 < seen < 55


def test_the_likelihood_of_a_separated_fit_is_its_limit():
    # In the limit of group each death is compared only with those of its own side: 8 of group 0, and x there.
    data = {
        "time": [4, 6, 7, 9, 12, 15, 18, 20, 25, 26, 26, 26], "event": [1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0],
        "group": [0] * 8 + [1] * 4, "x": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8],
    }  # fmt: skip
    fit = survival.cox(data, "time", "event", ["group", "x"], robust=True)
    half = {name: values[:8] for name, values in data.items()}
    alone = survival.cox(half, "time", "event", "x", robust=True)
    assert fit.loglik[1] == pytest.approx(alone.loglik[1], rel=1e-12)
    for column in ("coef", "std_error", "upper"):
        assert fit.table.loc["x", column] == pytest.approx(alone.table.loc["x", column], rel=1e-9)
    assert isinstance(fit.table.loc["group", "coef"], NotEstimable)


def test_covariates_that_nothing_tells_apart_have_a_reason_in_every_test():
    """Nobody at risk differs: each covariate has its row, and no test a number."""
    data = {"time": [1, 1, 1, 1, 1, 2], "event": [0, 0, 0, 0, 1, 1], "group": [0.0] * 6, "x": [0.0] * 6}
    fit = survival.cox(data, "time", "event", ["group", "x"])
    assert list(fit.ph_test.index) == ["group", "x", "GLOBAL"]
    assert all(isinstance(value, NotEstimable) for value in fit.ph_test["p"])
    one = survival.cox({**data, "x": [1.0, 5.0, 2.0, 2.0, 3.0, 1.0]}, "time", "event", ["group", "x"])
    assert isinstance(one.ph_test.loc["group", "p"], NotEstimable)


def clustered(seed, clusters, rows=4):
    rng = np.random.default_rng(seed)
    n = clusters * rows
    return pd.DataFrame({
        "time": rng.exponential(size=n) + 0.01, "event": (rng.random(n) < 0.8) * 1, "a": rng.normal(size=n),
        "b": rng.normal(size=n), "c": rng.normal(size=n), "id": np.repeat(np.arange(clusters), rows),
    })  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_a_singular_robust_variance_has_no_wald_test(seed):
    """Two clusters cannot carry two coefficients, nor three clusters three: the changes add to 0."""
    for clusters, columns in ((2, ["a", "b"]), (3, ["a", "b", "c"])):
        fit = survival.cox(clustered(seed, clusters, 8), "time", "event", columns, cluster="id")
        assert "singular" in fit.wald.p_value.reason


def test_few_clusters_are_said_and_corrected_for():
    data = clustered(5, 6)
    plain = survival.cox(data, "time", "event", ["a", "b"], cluster="id")
    fit = survival.cox(data, "time", "event", ["a", "b"], cluster="id", small_sample=True)
    assert plain.clusters == fit.clusters == 6
    assert "6 clusters" in plain.notes[0]
    assert "small_sample=True" in plain.notes[0]
    assert plain.notes[0] in str(plain)
    assert plain.notes[0].split(";")[0] in plain._repr_html_()
    error = plain.table["std_error"].astype(float) * math.sqrt(6 / 5)
    assert fit.table["std_error"].astype(float).to_numpy() == pytest.approx(error.to_numpy(), rel=1e-12)
    t = float(fit.table["z"].iloc[0])
    assert fit.p_value == pytest.approx(2 * stats.t.sf(abs(t), 5), rel=1e-10)
    low, high = fit.ci
    half = stats.t.ppf(0.975, 5) * float(fit.table["std_error"].iloc[0])
    assert math.log(high / low) == pytest.approx(2 * half, rel=1e-10)
    assert fit.wald.p_value == pytest.approx(stats.f.sf(fit.wald.statistic / 2, 2, 5), rel=1e-10)
    assert survival.cox(clustered(5, 20), "time", "event", "a", cluster="id").notes == ()
    with pytest.raises(ValueError, match="at least two by cluster="):
        survival.cox(data, "time", "event", "a", small_sample=True)


def test_the_correction_brings_the_size_of_few_clusters_towards_its_level():
    rejected = np.zeros(2)
    for seed in range(150):
        data = clustered(seed, 4, 6)
        data["a"] = np.repeat(np.random.default_rng(seed).normal(size=4), 6)
        for k, small in enumerate((False, True)):
            fit = survival.cox(data, "time", "event", "a", cluster="id", small_sample=small)
            rejected[k] += not isinstance(fit.p_value, NotEstimable) and fit.p_value < 0.05
    assert rejected[1] < 0.5 * rejected[0]


def rare_covariates(seed):
    """Draw six to thirteen patients with two covariates, one of them rare."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 14))
    return {
        "time": np.ceil(rng.exponential(5, n)), "event": (rng.random(n) < 0.5) * 1, "a": (rng.random(n) < 0.3) * 1.0,
        "b": rng.integers(0, 3, n) * 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "seeds",
    [range(27), *(pytest.param(range(k, k + 27), marks=pytest.mark.long) for k in range(27, 540, 27))],
)
def test_firth_has_two_limits_for_two_covariates(seeds):
    """Each of 540 sets: a limit on either side of the estimate, or one that is infinite by name."""
    for seed in seeds:
        data = rare_covariates(seed)
        if not data["event"].any():
            continue
        table = survival.cox(data, "time", "event", ["a", "b"], penalty="firth").table
        for _, row in table.iterrows():
            for limit, sign in ((row["lower"], -1), (row["upper"], 1)):
                if isinstance(limit, NotEstimable):
                    assert limit.reason, seed
                else:
                    assert sign * (math.log(limit) - row["coef"]) > 0, seed


@pytest.mark.parametrize("seed", [3, 11, 20, 37, 52, 68, 75, 91])
def test_firth_limits_of_two_covariates_lie_on_the_profile(seed):
    """Rare covariates in six to thirteen patients: each limit is where twice the profile has fallen by 3.84."""
    data = rare_covariates(seed)
    fit = survival.cox(data, "time", "event", ["a", "b"], penalty="firth")
    assert np.isfinite(fit.loglik).all()
    sets = fit.fit.sets
    for j, place in enumerate(fit.fit.kept.tolist()):
        name = fit.names[place]
        for side in ("lower", "upper"):
            limit = fit.table.loc[name, side]
            if isinstance(limit, NotEstimable):
                assert limit.reason.startswith("infinite")
                continue
            held = math.log(limit) * sets.scale[j]

            def height(other, held=held, j=j):
                point = [held] if sets.x.shape[0] == 1 else np.insert(np.array([float(other)]), j, held)
                return -penalised(sets, np.array(point))[0]

            centre = fit.fit.beta[1 - j] if sets.x.shape[0] == 2 else 0.0
            grid = np.linspace(centre - 6, centre + 6, 61)
            near = grid[np.argmin([height(other) for other in grid])]
            best = -optimize.minimize_scalar(height, bounds=(near - 0.3, near + 0.3), method="bounded").fun
            top = fit.loglik[1] - float(np.log(sets.scale).sum())
            assert 2 * (top - best) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)


TABLE = {
    "days": [9.0, 13, 13, 18, 23, 28, 5, 5, 8, 8, 12, 16, 30, 33, 21],
    "status": ["dead", "dead", "alive", "dead", "dead", "alive"]
    + ["dead"] * 5
    + ["alive", "dead", "alive", "dead"],
    "arm": list("aaabbbcccaabbcc"),
    "age": [50.0, 61, 57, 70, 66, 52, 59, 71, 48, 63, 55, 68, 60, 58, 49],
}


def test_one_call_with_names_with_values_and_with_labels():
    dead = [label == "dead" for label in TABLE["status"]]
    table = {**TABLE, "dead": dead}
    fits = [
        survival.cox(table, "days", "dead", ["age"]),
        survival.cox("days", "dead", ["age"], data=table),
        survival.cox(data=pd.DataFrame(table), time="days", event="dead", covariates="age"),
        survival.cox(TABLE["days"], dead, TABLE["age"]),
        survival.cox(TABLE["days"], dead, {"age": TABLE["age"]}),
        survival.cox(TABLE["days"], TABLE["status"], np.array(TABLE["age"])[:, None], event_is="dead"),
        survival.cox(pd.DataFrame(table, index=range(15, 30)), "days", "status", "age", event_is="dead"),
    ]
    assert {fit.estimate for fit in fits} == {fits[0].estimate}
    assert [fit.names[0] for fit in fits] == ["age", "age", "age", "x1", "age", "x1", "age"]
    frailty = survival.shared_frailty("days", "dead", "age", "arm", data=table, theta=0.5)
    assert (
        frailty.estimate == survival.shared_frailty(table, "days", "dead", "age", "arm", theta=0.5).estimate
    )


def test_natural_mistakes_are_answered_with_the_right_call():
    status = [2, 2, 1, 2, 2, 1, 2, 2, 2, 2, 2, 1, 2, 1, 2]
    with pytest.raises(ValueError, match="event_is=2"):
        survival.cox(TABLE["days"], status, TABLE["age"])
    with pytest.raises(ValueError, match="name the event, event_is="):
        survival.cox(TABLE, "days", "status", "age")
    with pytest.raises(ValueError, match="needs its table, data="):
        survival.cox("days", "status", "age")
    with pytest.raises(
        TypeError, match=r"covariates is not given; write cox\(time=, event=, covariates=, data=\)"
    ):
        survival.cox(TABLE, "days", "status")
    with pytest.raises(TypeError, match="time is given twice"):
        survival.cox(TABLE, "days", "status", "age", time="days")
    with pytest.raises(ValueError, match="right side alone"):
        survival.cox(TABLE, "days", "status", "Surv(days, status) ~ age", event_is="dead")
    with pytest.raises(ValueError, match="no column of data: covariates weight"):
        survival.cox(TABLE, "days", "status", "age + weight", event_is="dead")
    with pytest.raises(ValueError, match="is no formula"):
        survival.cox(TABLE, "days", "status", "age + C(", event_is="dead")
    with pytest.raises(ValueError, match=r"site is 'x' in every row"):
        survival.cox({**TABLE, "site": ["x"] * 15}, "days", "status", ["age", "site"], event_is="dead")
    with pytest.raises(ValueError, match="site has one level only"):
        survival.cox({**TABLE, "site": ["x"] * 15}, "days", "status", "age + site", event_is="dead")
    aged = [*TABLE["age"][:3], None, *TABLE["age"][4:]]
    with pytest.raises(ValueError, match=r"age has no value: age\[3\]"):
        survival.cox({**TABLE, "age": aged}, "days", "status", "age + arm", event_is="dead")


def test_a_formula_is_the_model_of_its_columns():
    """Categories and interactions are named in the table, and predict from the variables of the formula."""
    listed = survival.cox(TABLE, "days", "status", ["age", "arm"], event_is="dead")
    for text in ("age + C(arm)", "age + arm", "~ age + arm"):
        fit = survival.cox(TABLE, "days", "status", text, event_is="dead")
        assert fit.names == listed.names == ("age", "arm[b]", "arm[c]")
        np.testing.assert_allclose(
            fit.table["coef"].astype(float), listed.table["coef"].astype(float), rtol=1e-9
        )
        assert list(fit.ph_test.index[-1:]) == ["GLOBAL"]
        assert fit.ph_test["df"].tolist() == listed.ph_test["df"].tolist()
        given = {"age": 60.0, "arm": "c"}
        np.testing.assert_allclose(
            fit.predict_survival(given, [10]), listed.predict_survival(given, [10]), rtol=1e-9
        )
    crossed = survival.cox(TABLE, "days", "status", "age * C(arm)", event_is="dead")
    assert crossed.names == ("age", "arm[b]", "arm[c]", "age:arm[b]", "age:arm[c]")
    by_hand = {
        **TABLE,
        "b": [(a == "b") * 1.0 for a in TABLE["arm"]],
        "c": [(a == "c") * 1.0 for a in TABLE["arm"]],
    }
    by_hand |= {f"age_{a}": [x * y for x, y in zip(TABLE["age"], by_hand[a], strict=True)] for a in "bc"}
    same = survival.cox(by_hand, "days", "status", ["age", "b", "c", "age_b", "age_c"], event_is="dead")
    np.testing.assert_allclose(crossed.loglik, same.loglik, rtol=1e-10)
    with pytest.raises(ValueError, match="covariates"):
        crossed.predict_survival({"age": 60.0}, [10])


def test_terminal_notebook_and_frame_show_the_coefficients():
    fit = survival.cox(TABLE, "days", "status", "age + arm", event_is="dead")
    frame = fit.to_frame()
    assert frame["covariate"].tolist() == ["age", "arm[b]", "arm[c]"]
    assert frame["lower"].mean() > 0
    for view in (str(fit), fit._repr_html_()):
        for word in (
            "arm[b]",
            f"{fit.table['hazard_ratio'].iloc[0]:.4g}",
            f"{fit.table['upper'].iloc[2]:.4g}",
        ):
            assert word in view
    alone = survival.cox({"t": [3, 5, 6, 8], "e": [1, 1, 0, 1], "x": [1, 1, 1, 1]}, "t", "e", "x").to_frame()
    assert alone["lower"].isna().all()
    assert "same for all at risk" in alone["reason"][0]
    assert fit.to_dict()["loglik"] == list(fit.loglik)
    assert "arm[c]" in fit.to_markdown()
    assert "arm[c]" in fit.to_latex()

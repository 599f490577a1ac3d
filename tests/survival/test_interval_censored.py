"""Interval-censored estimates equal those of R (icenReg, survfit, survreg) and an independent search."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pnstrial as pns
from pnstrial import survival
from pnstrial.results import NotEstimable
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
CASES = json.loads((HERE / "interval_censored.json").read_text())["cases"]
FITS = [
    c for c in json.loads((HERE / "parametric_fits.json").read_text())["cases"] if c["kind"] == "interval"
]
by_id = pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])


def numbers(values):
    words = {"Inf": np.inf, "NaN": np.nan, "NA": np.nan}
    return np.array(
        [words.get(value, value) for value in np.atleast_1d(np.array(values, dtype=object))], dtype=float
    )


def data_of(case):
    data = case["inputs"]["data"]
    return numbers(data["L"]), numbers(data["R"]), {"group": data["group"]}


@pytest.mark.reference
@by_id
def test_turnbull(case):
    """ic_np: intervals, masses (1e-8) and likelihood (1e-11); survfit stops up to 0.02 short of the maximum."""
    left, right, _ = data_of(case)
    curve, expected = survival.turnbull(left, right), case["outputs"]["npmle_icenReg"]
    assert curve.gap < 1e-10
    assert curve.mass.sum() == pytest.approx(1.0, abs=1e-14)
    # icenReg opens an interval by adding 2e-10 to its left end.
    np.testing.assert_allclose(curve.left, numbers(expected["intervals_L"]), atol=3e-10)
    np.testing.assert_allclose(curve.right, numbers(expected["intervals_R"]))
    np.testing.assert_allclose(curve.mass, numbers(expected["p"]), atol=1e-8)
    assert curve.loglik == pytest.approx(expected["loglik"], rel=1e-11, abs=1e-11)
    survfit = case["outputs"]["turnbull_survfit"]
    at = curve.at(numbers(survfit["time"]))
    # survfit puts the mass of an interval on its middle, that of the last one nowhere.
    finite = numbers(survfit["time"]) <= (curve.left.max() if np.isinf(curve.right[-1]) else np.inf)
    np.testing.assert_allclose(at["lower"][finite], numbers(survfit["surv"])[finite], atol=0.02)


@pytest.mark.reference
@by_id
def test_parametric_models(case):
    """ic_par (its search stops at 1e-6 of the coefficients, standard errors differenced to 1e-3), survreg (1e-8)."""
    left, right, covariates = data_of(case)
    for name, expected in case["outputs"].items():
        parts = name.split("_")
        if parts[0] == "icpar":
            fit = survival.interval_regression(left, right, parts[2], covariates, parts[1], centred=True)
        elif parts[0] == "survreg":
            fit = survival.interval_regression(left, right, parts[1], covariates, "aft")
        else:
            continue
        if case["id"] == "ic/all_right":
            assert "no event" in fit.loglik.reason
            continue
        if parts[0] == "survreg":
            null = survival.interval_regression(left, right, parts[1])
            np.testing.assert_allclose([null.loglik, fit.loglik], numbers(expected["loglik"]), rtol=1e-10)
            frame = fit.as_survreg()
            scale = [] if parts[1] == "exponential" else [np.log(expected["scale"])]
            np.testing.assert_allclose(frame["estimate"], [*expected["coef"], *scale], rtol=1e-8, atol=5e-9)
            np.testing.assert_allclose(frame["std_error"], expected["se"], rtol=1e-7)
            continue
        # icenReg: minus the log rate, and the scale of a log-logistic before its shape.
        sign = [-1.0, 1.0] if parts[2] == "exponential" else np.ones(len(fit.fitted))
        order = [1, 0, 2] if parts[2] == "loglogistic" else list(range(len(fit.fitted)))
        assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-9)
        np.testing.assert_allclose((sign * fit.fitted)[order], expected["coef"], rtol=5e-6, atol=5e-6)
        np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance))[order], expected["se"], rtol=1e-3)


@pytest.mark.reference
@by_id
def test_proportional_hazards(case):
    """ic_sp: coefficient (its search stops at 1e-5) and likelihood, never below it."""
    left, right, covariates = data_of(case)
    fit, expected = survival.interval_cox(left, right, covariates), case["outputs"]["icsp_ph"]
    assert fit.loglik >= expected["loglik"] - 1e-10
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-8)
    assert fit.loglik_null == pytest.approx(survival.turnbull(left, right).loglik, abs=1e-11)
    if case["id"] == "ic/all_right":
        assert "one stretch of time" in fit.coefficient.reason
        return
    assert fit.coefficient[0] == pytest.approx(expected["coef"][0], abs=1e-5)
    assert fit.lower[0] < fit.coefficient[0] < fit.upper[0]


@pytest.mark.reference
@pytest.mark.parametrize(
    "case", FITS, ids=lambda c: f"{c['inputs']['distribution']}-{len(c['inputs']['left'])}"
)
def test_converged_survreg(case):
    """survreg of exact, left-, right- and interval-censored times, weighted: 1e-8, made by parametric_fits.R."""
    inputs, expected = case["inputs"], case["outputs"]
    fit = survival.interval_regression(
        inputs["left"],
        numbers(inputs["right"]),
        inputs["distribution"],
        {"group": inputs["group"]},
        "aft",
        inputs["weights"],
    )
    frame = fit.as_survreg()
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-10)
    np.testing.assert_allclose(frame["estimate"], np.atleast_1d(expected["estimate"]), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(frame["std_error"], np.atleast_1d(expected["se"]), rtol=1e-6)


def visits(seed, n=17, step=4, end=24):
    rng = np.random.default_rng(seed)
    time = rng.weibull(1.4, n) * 14
    seen = (
        np.sort(rng.uniform(0, end, (n, 5)), axis=1)
        if seed % 2
        else np.tile(np.arange(step, end + 1, step), (n, 1))
    )
    padded = np.column_stack([np.zeros(n), seen, np.full(n, np.inf)])
    place = (padded < time[:, None]).sum(axis=1)
    return padded[np.arange(n), place - 1], padded[np.arange(n), place]


@pytest.mark.double
@pytest.mark.parametrize("seed", range(8))
def test_self_consistency(seed):
    """Turnbull's own iteration, carried on long enough, ends at the same likelihood (1e-9)."""
    left, right = visits(seed)
    curve = survival.turnbull(left, right)
    covers = (left[:, None] <= curve.left) & (curve.right <= right[:, None])
    mass = np.full(curve.mass.size, 1 / curve.mass.size)
    for _ in range(20_000):
        mass = mass * ((covers / (covers @ mass)[:, None]).sum(axis=0)) / left.size
    assert curve.loglik >= np.log(covers @ mass).sum() - 1e-12
    assert curve.loglik == pytest.approx(np.log(covers @ mass).sum(), abs=1e-7)
    np.testing.assert_allclose(curve.mass, mass, atol=2e-4)


@pytest.mark.property
@given(
    rows=st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_exact_and_right_censored_times_give_kaplan_meier(rows):
    time, event = np.array([r[0] for r in rows], float), np.array([int(r[1]) for r in rows])
    curve = survival.turnbull(time, np.where(event == 1, time, np.inf))
    expected = survival.kaplan_meier(time, event)
    at = curve.at(expected.time)
    np.testing.assert_allclose(at["lower"], expected.survival, atol=1e-12)
    np.testing.assert_allclose(at["upper"], expected.survival, atol=1e-12)


intervals = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 6), st.booleans()), min_size=1, max_size=20)


def ends(rows):
    left = np.array([r[0] for r in rows], float)
    return left, np.array([np.inf if r[2] and r[0] else r[0] + r[1] for r in rows], float)


@pytest.mark.property
@given(rows=intervals, scale=st.sampled_from([0.01, 1 / 3, 7.0, 1000.0]))
@settings(max_examples=40, deadline=None)
def test_turnbull_is_a_maximum_in_any_unit(rows, scale):
    left, right = ends(rows)
    curve = survival.turnbull(left, right)
    assert curve.gap < 1e-9
    assert curve.mass.min() >= 0
    assert (np.diff(curve.survival) <= 1e-15).all()
    other = survival.turnbull(left * scale, right * scale)
    assert other.loglik == pytest.approx(curve.loglik, abs=1e-9)
    np.testing.assert_allclose(other.left, curve.left * scale, rtol=1e-12)
    twice = survival.turnbull(left, right, np.full(left.size, 2.0))
    assert twice.loglik == pytest.approx(2 * curve.loglik, abs=1e-9)


@pytest.mark.property
@given(rows=intervals, factor=st.sampled_from([0.1, 3.0, 365.25]))
@settings(max_examples=25, deadline=None)
def test_weibull_of_intervals_in_another_unit(rows, factor):
    left, right = ends(rows)
    one = survival.interval_regression(left, right, "weibull")
    other = survival.interval_regression(left * factor, right * factor, "weibull")
    assert isinstance(one.loglik, NotEstimable) == isinstance(other.loglik, NotEstimable)
    if not isinstance(one.loglik, NotEstimable):
        assert other.loglik == pytest.approx(one.loglik, abs=1e-7)
        assert other.estimate[0] == pytest.approx(one.estimate[0], rel=1e-4)
        assert other.estimate[1] == pytest.approx(one.estimate[1] * factor, rel=1e-4)
        assert one.loglik <= survival.turnbull(left, right).loglik + 1e-9


@pytest.mark.property
def test_short_intervals_go_over_into_exact_times():
    time = np.array([3.0, 5, 8, 13, 21, 30])
    exact = survival.interval_regression(time, time, "weibull")
    plain = survival.parametric(time, np.ones(6), "weibull")
    np.testing.assert_allclose(exact.estimate, plain.estimate, rtol=1e-10)
    near = survival.interval_regression(time - 1e-5, time + 1e-5, "weibull")
    np.testing.assert_allclose(near.estimate, plain.estimate, rtol=1e-6)


@pytest.mark.property
@given(rows=intervals)
@settings(max_examples=40, deadline=None)
def test_masses_are_unique(rows):
    """What each patient's interval covers has full rank over Turnbull's intervals: no other masses do as well."""
    left, right = ends(rows)
    curve = survival.turnbull(left, right)
    covers = (left[:, None] <= curve.left) & (curve.right <= right[:, None])
    assert np.linalg.matrix_rank(covers.astype(float)) == curve.mass.size


@pytest.mark.property
def test_at_tells_how_far_the_data_go():
    curve = survival.turnbull([0, 4, 4, 8], [4, 8, 8, np.inf])
    at = curve.at([0, 2, 4, 4.1, 7.9, 8, 9, 100])
    assert at["upper"].tolist() == pytest.approx([1, 1, 0.75, 0.75, 0.75, 0.25, 0.25, 0.25])
    assert at["lower"].tolist() == pytest.approx([1, 0.75, 0.75, 0.25, 0.25, 0.25, 0, 0])
    assert curve.indeterminate.all()
    assert curve.intervals.tolist() == [[0, 4], [4, 8], [8, np.inf]]
    assert curve.quantile(0.5) == (4.0, 8.0)
    assert "last look" in curve.quantile(0.9).reason
    with pytest.raises(ValueError, match="p must be between 0 and 1"):
        curve.quantile(1)


@pytest.mark.property
@pytest.mark.parametrize(
    ("left", "right", "mass"),
    [
        ([0], [np.inf], [1.0]),
        ([5], [5], [1.0]),
        ([0], [3], [1.0]),
        ([2, 2], [2, np.inf], [0.5, 0.5]),
        ([3] * 4, [6] * 4, [1.0]),
    ],
    ids=["nothing known", "one exact", "one left", "censored at the event", "all the same"],
)
def test_smallest_data(left, right, mass):
    curve = survival.turnbull(left, right)
    assert curve.mass.tolist() == pytest.approx(mass)
    assert np.isfinite(curve.loglik)
    assert "Turnbull" in str(curve)


@pytest.mark.property
@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ([4, 8], [np.inf, np.inf], "no event"),
        ([0, 0], [4, 8], "before the first look"),
        ([4, 2], [8, 6], "one time fits every patient"),
        ([5, 5, 3], [5, 5, np.inf], "all events are at one time"),
    ],
)
@pytest.mark.parametrize("model", ["ph", "po", "aft"])
def test_intervals_without_a_maximum(left, right, reason, model):
    fit = survival.interval_regression(left, right, "weibull", model=model)
    assert reason in fit.loglik.reason


@pytest.mark.property
def test_separated_groups():
    left, right, group = [0, 0, 0, 8, 8, 8], [4, 4, 4, 12, 12, np.inf], {"group": [1, 1, 1, 0, 0, 0]}
    assert "separate" in survival.interval_cox(left, right, group).coefficient.reason
    assert "separate" in str(survival.interval_cox(left, right, group))
    assert survival.interval_cox(left, right, group).to_frame().empty
    same = survival.interval_cox(left, right, {"group": [1] * 6})
    assert "same for every patient" in same.coefficient.reason
    assert same.loglik == pytest.approx(survival.turnbull(left, right).loglik)


@pytest.mark.property
def test_profile_limits_lie_on_the_profile():
    left, right = visits(4, n=40)
    rng = np.random.default_rng(5)
    data = {"group": rng.integers(0, 2, 40), "score": 100 * rng.normal(size=40)}
    fit = survival.interval_cox(left, right, data)
    assert len(fit.to_frame()) == 2
    alone = survival.interval_cox(left, right, {"group": data["group"]})
    other = survival.interval_cox(left, right, {"score": data["score"]})
    from scipy.special import chdtrc

    assert fit.p_value[1] == pytest.approx(chdtrc(1, 2 * (fit.loglik - alone.loglik)), rel=1e-6)
    assert fit.p_value[0] == pytest.approx(chdtrc(1, 2 * (fit.loglik - other.loglik)), rel=1e-6)
    assert (fit.p_value[0] < 0.05) == (fit.lower[0] > 0 or fit.upper[0] < 0)
    weighted = survival.interval_cox(left, right, data, np.where(np.arange(40) == 3, 0, 1))
    dropped = survival.interval_cox(
        np.delete(left, 3), np.delete(right, 3), {key: np.delete(value, 3) for key, value in data.items()}
    )
    np.testing.assert_allclose(weighted.coefficient, dropped.coefficient, rtol=1e-6)


@pytest.mark.property
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"left": [4, 5], "right": [8, 3]}, r"right must not be before left: left\[1\] = 5; right\[1\] = 3"),
        ({"left": [-1], "right": [3]}, r"left must be finite and not negative: left\[0\] = -1"),
        ({"left": [1], "right": [np.nan]}, "inf where the event was never seen"),
        ({"left": [1, 2], "right": [3]}, "lengths differ: left has 2, right has 1"),
        ({"left": [], "right": []}, "at least one patient"),
        ({"left": [1], "right": [3], "weights": [-1]}, "weights must be finite"),
        ({"left": [1], "right": [3], "weights": [0]}, "weights are all 0"),
    ],
)
def test_bad_intervals_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        survival.turnbull(**arguments)


@pytest.mark.property
def test_bad_models_are_named():
    with pytest.raises(ValueError, match="model must be one of ph, po, aft"):
        survival.interval_regression([0, 4], [4, 8], model="cox")
    with pytest.raises(ValueError, match="exactly at time 0"):
        survival.interval_regression([0, 4], [0, 8])
    with pytest.raises(ValueError, match="use turnbull"):
        survival.interval_cox([0, 4], [4, 8], {})


@pytest.mark.property
def test_trial_intervals(example, protocol):
    """Each interval ends at the record of time_to_event and begins at the rating before it."""
    result = survival.deterioration_between_visits(example, protocol)
    records = pns.endpoints.time_to_event(example, protocol)
    own = records[records["parameter"] == "deterioration"].set_index("patient_id")
    for row in result.records.itertuples():
        record = own.loc[row.patient_id]
        end = row.right if record["event"] == 1 else row.left
        assert end == record["days"]
        assert np.isinf(row.right) == (record["event"] == 0)
        assert row.left < row.right
    assert result.n == pns.time_to_deterioration(example, protocol).n
    assert result.events == int((own["event"] == 1).sum())
    assert result.to_frame().columns.tolist()[:4] == ["months", "time", "lower", "upper"]
    assert "Deterioration between visits" in str(result)


@pytest.mark.property
def test_trial_of_one_patient(tiny, protocol):
    trial = tiny(
        screening=[{"mrs": 3}],
        mrs=[
            {"date": "2014-05-20", "mrs": 3},
            {"date": "2014-08-12", "mrs": 4},
            {"date": "2014-10-01", "mrs": 2},
        ],
    )
    result = survival.deterioration_between_visits(trial, protocol)
    assert result.records[["left", "right"]].to_numpy().tolist() == [[79.0, 163.0]]
    assert result.median == (79.0, 163.0)
    assert "one time fits every patient" in result.weibull.loglik.reason
    assert result.landmarks["weibull"].isna().all()
    dead = tiny(
        screening=[{"mrs": 3}],
        mrs=[{"date": "2014-05-20", "mrs": 3}],
        follow_up=[{"last_contact_date": "2014-05-20", "status": "dead", "death_date": "2014-05-20"}],
    )
    assert survival.deterioration_between_visits(dead, protocol).records[
        ["left", "right"]
    ].to_numpy().tolist() == [[79, 79]]
    at_start = tiny(
        screening=[{"mrs": 3, "screening_date": "2014-03-01"}],
        follow_up=[{"last_contact_date": "2014-03-02", "status": "dead", "death_date": "2014-03-02"}],
    )
    assert "day 1" in survival.deterioration_between_visits(at_start, protocol).weibull.reason
    unrated = tiny(screening=[{}])
    empty = survival.deterioration_between_visits(unrated, protocol)
    assert isinstance(empty.curve, NotEstimable)
    assert empty.excluded["reason"].tolist() == ["no baseline mRS"]
    assert "not estimable" in str(empty)

"""Parametric survival fits equal those of R (flexsurv, survreg), an independent likelihood, and lifelines."""

import csv
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import survival
from pnstrial.results import NotEstimable
from tests.conftest import REFERENCE

HERE = REFERENCE / "survival"
SHORT = {
    "exp": "exponential",
    "lnorm": "lognormal",
    "llogis": "loglogistic",
    "gengamma": "generalised-gamma",
    "royston_parmar_k1": "royston-parmar",
}
ALL = ("exponential", "weibull", "gompertz", "lognormal", "loglogistic", "gamma", "generalised-gamma")


def cases(name):
    return json.loads((HERE / f"{name}.json").read_text())["cases"]


def table(path):
    with (HERE / path).open() as file:
        rows = list(csv.DictReader(file))
    return {
        key: np.array([float(row[key]) for row in rows])
        for key in ("entry", "time", "status", "group")
        if key in rows[0]
    }


def data_of(case):
    inputs = case["inputs"]
    return (
        {k: np.array(v, float) for k, v in inputs["data"].items()}
        if "data" in inputs
        else table(inputs["csv"])
    )


def fitted(case, name, data=None):
    data = data or data_of(case)
    covariates = {"group": data["group"]} if name.endswith("_group") else None
    short = name.removesuffix("_group")
    return survival.parametric(
        data["time"], data["status"], SHORT.get(short, short), entry=data.get("entry"), covariates=covariates
    )


# Where there is no maximum flexsurv reports where its search happened to stop.
UNBOUNDED = {
    "par/t07_one_time": ("gompertz",),
    "par/t09_zero_group_events": ("gengamma", "weibull_group", "exp_group", "lnorm_group"),
    **{
        f"par/{name}": ("gengamma",)
        for name in ("t10_separated", "t12_n5", "t13_n3", "t17_pilot10", "t19_heavy_ties")
    },
}


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("parametric"), ids=lambda case: case["id"])
def test_flexsurv(case):
    """The likelihood is never below flexsurv's (1e-8); where flexsurv is at the maximum too, all else is equal."""
    data = data_of(case)
    for name, expected in case["outputs"].items():
        fit = fitted(case, name, data)
        if name in UNBOUNDED.get(case["id"], ()):
            assert isinstance(fit.loglik, NotEstimable), name
            continue
        behind = fit.loglik - expected["loglik"]
        assert behind > -1e-8, name
        if "knots" in expected:
            np.testing.assert_allclose(fit.family.knots, expected["knots"], rtol=1e-12)
        if behind > 1.0:
            # Its Weibull search with delayed entry ended nowhere near.
            assert "entry" in data
            continue
        assert behind < 1e-4, name
        # A likelihood lower by d puts the estimates off by up to sqrt(2 d) standard errors.
        off = np.sqrt(2 * max(behind, 0.0) + 1e-12)
        assert np.all(np.abs(fit.estimate - np.array(expected["est"])) <= 1.1 * off * fit.std_error), name
        if behind < 1e-10 and "se" in expected and (case["id"], name) not in DIFFERENCED:
            np.testing.assert_allclose(fit.std_error, expected["se"], rtol=1e-4)
        if "AIC" in expected:
            assert fit.aic == pytest.approx(2 * len(fit.names) - 2 * fit.loglik, abs=1e-9)
            assert fit.aic == pytest.approx(expected["AIC"], abs=2e-4)
            read = fit.survival(expected["t0"]).iloc[0]
            assert abs(read["survival"] - expected["S_t0"]) <= 1.1 * off * read["std_error"] + 1e-9
            area = fit.rmst(expected["t0"])
            assert (
                abs(area.estimate - expected["rmst_t0"]) <= 1.1 * off * area.std_error + 1e-6 * area.estimate
            )


# flexsurv differentiates these numerically with steps far too long for parameters of 1e-3.
DIFFERENCED = {("par/colon_rec", "gompertz"), ("par/channing", "gompertz")}


@pytest.mark.reference
@pytest.mark.parametrize(
    "case",
    [case for case in cases("parametric_fits") if case["kind"] != "interval"],
    ids=lambda case: f"{case['kind']}-{case['inputs']['csv'][5:-4]}-{case['inputs'].get('distribution', '')}",
)
def test_converged_fits_of_r(case):
    """R's survreg and a Gompertz score carried to the maximum: 1e-8, made by parametric_fits.R."""
    data, expected = table(case["inputs"]["csv"]), case["outputs"]
    if case["kind"] == "gompertz":
        fit = survival.parametric(data["time"], data["status"], "gompertz", entry=data.get("entry"))
        estimate, error = fit.fitted, np.sqrt(np.diag(fit.covariance))
    else:
        n = data["time"].size
        weights = np.resize([1, 2, 3, 0.5], n) if case["inputs"]["weighted"] else None
        fit = survival.parametric(
            data["time"], data["status"], case["inputs"]["distribution"], weights=weights
        )
        frame = fit.as_survreg()
        estimate, error = frame["estimate"], frame["std_error"]
    np.testing.assert_allclose(estimate, np.atleast_1d(expected["estimate"]), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(error, np.atleast_1d(expected["se"]), rtol=1e-8)
    assert fit.loglik == pytest.approx(expected["loglik"], rel=1e-11)


def independent(name, parameters):
    """Log density and log survival from scipy.stats."""
    from scipy import stats

    if name == "exponential":
        law = stats.expon(scale=1 / parameters[0])
    elif name == "weibull":
        law = stats.weibull_min(parameters[0], scale=parameters[1])
    elif name == "gompertz":
        law = stats.gompertz(parameters[1] / parameters[0], scale=1 / parameters[0])
    elif name == "lognormal":
        law = stats.lognorm(parameters[1], scale=np.exp(parameters[0]))
    elif name == "loglogistic":
        law = stats.fisk(parameters[0], scale=parameters[1])
    elif name == "gamma":
        law = stats.gamma(parameters[0], scale=1 / parameters[1])
    else:
        mu, sigma, q = parameters
        power = q / sigma
        law = stats.gengamma(q**-2.0, power, scale=np.exp(mu) * (q**2) ** (1 / power))
    return law


@pytest.mark.double
@pytest.mark.parametrize("name", ALL)
def test_scipy_likelihood(name):
    """Likelihood, score, information, quantile and area agree with scipy.stats (1e-6: differences of it)."""
    data = table("data/veteran.csv")
    time, event = data["time"], data["status"]
    if name == "gompertz":
        time = time[::-1].max() + 1 - time  # a rising hazard: scipy has no other
    fit = survival.parametric(time, event, name)
    size = len(fit.names)
    positive = np.array(fit.family.positive)

    def loglik(theta):
        law = independent(name, np.where(positive, np.exp(np.where(positive, theta, 0)), theta))
        return float(np.sum(np.where(event == 1, law.logpdf(time), law.logsf(time))))

    assert loglik(fit.fitted) == pytest.approx(fit.loglik, rel=1e-10)
    step = 1e-3 * np.sqrt(np.diag(fit.covariance))
    eye = np.eye(size) * step
    score = [(loglik(fit.fitted + e) - loglik(fit.fitted - e)) for e in eye]
    assert np.abs(score).max() < 1e-7
    information = -np.array(
        [
            [
                loglik(fit.fitted + 10 * (a + b))
                - loglik(fit.fitted + 10 * (a - b))
                - loglik(fit.fitted - 10 * (a - b))
                + loglik(fit.fitted - 10 * (a + b))
                for a in eye
            ]
            for b in eye
        ]
    ) / (400 * np.outer(step, step))
    np.testing.assert_allclose(np.linalg.inv(information), fit.covariance, rtol=2e-3, atol=1e-12)
    law = independent(name, fit.estimate)
    asked = np.quantile(time, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(fit.survival(asked)["survival"], law.sf(asked), rtol=1e-9)
    np.testing.assert_allclose(fit.hazard(asked)["hazard"], law.pdf(asked) / law.sf(asked), rtol=1e-8)
    np.testing.assert_allclose(
        fit.cumulative_hazard(asked)["cumulative_hazard"], -law.logsf(asked), rtol=1e-8
    )
    assert fit.quantile(0.3).estimate == pytest.approx(law.ppf(0.3), rel=1e-9)
    assert fit.mean().estimate == pytest.approx(law.mean(), rel=1e-7)
    from scipy.integrate import quad

    area = quad(law.sf, 0, asked[1], epsabs=0, epsrel=1e-10, limit=200)[0]
    assert fit.rmst(asked[1]).estimate == pytest.approx(area, rel=1e-8)


@pytest.mark.double
def test_delta_method():
    """Standard errors of what is read off the curve follow from refitting it at shifted parameters."""
    data = table("data/veteran.csv")
    for name in ("weibull", "gompertz", "generalised-gamma", "royston-parmar"):
        fit = survival.parametric(data["time"], data["status"], name)
        errors = {"survival": [], "hazard": [], "rmst": [], "quantile": []}
        for k in range(len(fit.names)):
            ends = []
            for sign in (-1, 1):
                moved = object.__new__(type(fit))
                values = {**fit.__dict__, "fitted": fit.fitted + sign * 1e-5 * np.eye(len(fit.names))[k]}
                for key, value in values.items():
                    object.__setattr__(moved, key, value)
                ends.append(
                    (
                        moved.survival(80)["survival"][0],
                        moved.hazard(80)["hazard"][0],
                        moved.rmst(80).estimate,
                        moved.quantile(0.5).estimate,
                    )
                )
            for key, low, high in zip(errors, *ends, strict=True):
                errors[key].append((high - low) / 2e-5)
        spread = {key: np.sqrt(np.array(g) @ fit.covariance @ np.array(g)) for key, g in errors.items()}
        assert fit.survival(80)["std_error"][0] == pytest.approx(spread["survival"], rel=1e-5)
        assert fit.hazard(80)["std_error"][0] == pytest.approx(spread["hazard"], rel=1e-5)
        assert fit.rmst(80).std_error == pytest.approx(spread["rmst"], rel=1e-5)
        quantile = fit.quantile(0.5)
        half = np.log(quantile.upper / quantile.lower) / 2 / 1.959963984540054
        assert half * quantile.estimate == pytest.approx(spread["quantile"], rel=1e-5)


@pytest.mark.double
def test_lifelines():
    """lifelines stops its quasi-Newton search at about 1e-6 of the likelihood: estimates agree to 1e-3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lifelines = pytest.importorskip("lifelines")
    data = table("data/lung.csv")
    known = {
        "exponential": ("ExponentialFitter", lambda e: {"lambda_": 1 / e[0]}),
        "weibull": ("WeibullFitter", lambda e: {"lambda_": e[1], "rho_": e[0]}),
        "lognormal": ("LogNormalFitter", lambda e: {"mu_": e[0], "sigma_": e[1]}),
        "loglogistic": ("LogLogisticFitter", lambda e: {"alpha_": e[1], "beta_": e[0]}),
    }
    for name, (fitter, mapped) in known.items():
        fit = survival.parametric(data["time"], data["status"], name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = getattr(lifelines, fitter)().fit(data["time"], data["status"])
        assert peer.log_likelihood_ <= fit.loglik + 1e-8
        for key, value in mapped(fit.estimate).items():
            assert getattr(peer, key) == pytest.approx(value, rel=1e-3)


sample = st.lists(
    st.tuples(st.floats(0.1, 100.0, allow_nan=False), st.booleans()), min_size=4, max_size=25
).filter(lambda rows: len({time for time, event in rows if event}) >= 3)


@pytest.mark.property
@given(rows=sample, scale=st.floats(0.01, 100.0))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("name", ["exponential", "weibull", "gompertz", "lognormal", "loglogistic"])
def test_scale_equivariance(name, rows, scale):
    """Times in another unit give the same curve in that unit."""
    time, event = np.array([r[0] for r in rows]), np.array([int(r[1]) for r in rows])
    one = survival.parametric(time, event, name)
    other = survival.parametric(time * scale, event, name)
    assert isinstance(one.loglik, NotEstimable) == isinstance(other.loglik, NotEstimable)
    if isinstance(one.loglik, NotEstimable):
        return
    assert other.loglik == pytest.approx(one.loglik - event.sum() * np.log(scale), rel=1e-7, abs=1e-7)
    asked = float(np.median(time))
    np.testing.assert_allclose(
        other.survival(asked * scale).iloc[0, 1:].astype(float),
        one.survival(asked).iloc[0, 1:].astype(float),
        rtol=1e-4, atol=1e-6,
    )  # fmt: skip
    assert other.rmst(asked * scale).estimate == pytest.approx(one.rmst(asked).estimate * scale, rel=1e-5)


@pytest.mark.property
@given(rows=sample)
@settings(max_examples=15, deadline=None)
def test_replicates_are_weights(rows):
    time, event = np.array([r[0] for r in rows]), np.array([int(r[1]) for r in rows])
    weights = np.arange(time.size) % 3
    if len(set(time[(event == 1) & (weights > 0)])) < 2:
        return
    one = survival.parametric(time, event, "weibull", weights=weights)
    other = survival.parametric(np.repeat(time, weights), np.repeat(event, weights), "weibull")
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-8)
    assert one.bic == pytest.approx(other.bic)


@pytest.mark.property
def test_exponential_in_closed_form():
    fit = survival.parametric([2, 3, 5, 8], [1, 0, 1, 1], "exponential", entry=[0, 1, 0, 2])
    assert fit.estimate[0] == pytest.approx(3 / 15, rel=1e-14)
    assert fit.std_error[0] == pytest.approx(np.sqrt(3) / 15, rel=1e-12)
    assert fit.rmst(4).estimate == pytest.approx((1 - np.exp(-0.8)) / 0.2, rel=1e-13)


@pytest.mark.property
def test_generalised_gamma_holds_its_members():
    """Q = 1 is Weibull, Q = sigma gamma, Q = 0 log-normal: same functions there (1e-11)."""
    from pnstrial.numerics.derivatives import Jet, parameters
    from pnstrial.survival.parametric.distributions import DISTRIBUTIONS

    y = Jet(np.linspace(-3, 4, 30), np.zeros((1, 3)), np.zeros((1, 3, 3)))
    general = DISTRIBUTIONS["generalised-gamma"].functions
    mu, sigma = 0.7, 0.6
    members = {
        1.0: ("weibull", [-np.log(sigma), mu]),
        0.0: ("lognormal", [mu, np.log(sigma)]),
        1e-5: ("lognormal", [mu, np.log(sigma)]),
        sigma: ("gamma", [-2 * np.log(sigma), -2 * np.log(sigma) - mu]),
    }
    for q, (name, theta) in members.items():
        ours = general(y, parameters(np.array([mu, np.log(sigma), q])))
        theirs = DISTRIBUTIONS[name].functions(y, parameters(np.array([*theta, 0.0]))[:2])
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.value, b.value, rtol=1e-3 if q == 1e-5 else 1e-9, atol=1e-9)


@pytest.mark.property
@pytest.mark.parametrize("name", [*ALL, "royston-parmar"])
@pytest.mark.parametrize(
    ("time", "event"),
    [([5], [0]), ([3, 5, 9], [0, 0, 0]), ([0, 0], [0, 0])],
    ids=["one censored", "all censored", "no time at all"],
)
def test_no_event(name, time, event):
    fit = survival.parametric(time, event, name)
    assert "no event" in fit.loglik.reason
    for value in (
        fit.estimate,
        fit.survival(3),
        fit.rmst(3),
        fit.quantile(),
        fit.mean(),
        fit.hazard(1),
        fit.cumulative_hazard(1),
    ):
        assert isinstance(value, NotEstimable)
    assert isinstance(fit.cure_fraction, NotEstimable)
    assert isinstance(fit.as_survreg(), NotEstimable)
    assert fit.to_frame().empty
    assert "not estimable" in str(fit)


@pytest.mark.property
@pytest.mark.parametrize("name", [*ALL[1:], "royston-parmar"])
def test_all_events_at_one_time(name):
    """Without anybody followed for longer the likelihood grows as the curve becomes a step."""
    for time, event in (([5], [1]), ([5, 5, 3], [1, 1, 0]), ([12.0] * 6, [1, 0, 1, 0, 0, 0])):
        fit = survival.parametric(time, event, name)
        assert isinstance(fit.loglik, NotEstimable)
        exponential = survival.parametric(time, event, "exponential")
        assert exponential.estimate[0] == pytest.approx(sum(event) / sum(time))


@pytest.mark.property
@pytest.mark.parametrize("name", ["exponential", "weibull", "gompertz", "lognormal", "loglogistic", "gamma"])
def test_one_event_before_others_are_censored(name):
    fit = survival.parametric([5, 7, 9, 12], [1, 0, 0, 0], name)
    if isinstance(fit.loglik, NotEstimable):
        assert fit.loglik.reason
    else:
        assert np.isfinite(fit.std_error).all()
        assert 0 < fit.survival(5)["survival"][0] < 1


@pytest.mark.property
def test_gamma_tails_go_on_where_scipy_underflows():
    """The continued fraction and the series agree with scipy where it still has digits (1e-10)."""
    from scipy.special import gammainc, gammaincc

    from pnstrial.survival.parametric.distributions import _log_small_lower, _log_upper_gamma

    for shape, near, far in ((0.3, 600.0, 900.0), (2.5, 600.0, 1200.0), (400.0, 1500.0, 4000.0)):
        a = np.array([shape])
        # Just outside scipy's reach the logarithm goes on along its slope.
        points = np.linspace(near, far, 400)
        values = _log_upper_gamma(a, points)
        assert np.isfinite(values).all()
        assert (np.abs(np.diff(values, 3)) < 1e-3).all()
        assert values[0] == pytest.approx(np.log(gammaincc(shape, near)), rel=1e-12)
    for shape, x in ((50.0, 1e-3), (900.0, 250.0), (1e4, 7.9e3)):
        assert _log_small_lower(np.array([shape]), np.log([x]))[0] == pytest.approx(
            np.log(gammainc(shape, x)), rel=1e-10
        )


@pytest.mark.property
@pytest.mark.parametrize("name", ["exponential", "gompertz"])
def test_events_at_time_zero(name):
    assert "nobody was at risk" in survival.parametric([0, 0], [1, 0], name).loglik.reason
    fit = survival.parametric([0, 4, 6, 9], [1, 1, 0, 1], name)
    assert np.isfinite(fit.loglik)


@pytest.mark.property
def test_cure_fraction():
    fit = survival.parametric([1, 2, 2, 3, 9, 9, 9], [1, 1, 1, 1, 0, 0, 0], "gompertz")
    assert fit.estimate[0] < 0
    assert 0 < fit.cure_fraction < 1
    assert "infinite" in fit.mean().reason
    assert fit.quantile(0.999).estimate is None
    assert fit.quantile(0.3).estimate > 0
    assert survival.parametric([1, 2, 3], [1, 1, 1], "weibull").cure_fraction == 0.0
    heavy = survival.parametric([1, 2, 30, 900, 1e5], [1, 1, 1, 1, 1], "loglogistic")
    assert "infinite" in heavy.mean().reason


@pytest.mark.property
def test_separated_covariate():
    fit = survival.parametric(
        [3, 5, 8, 4, 9], [1, 1, 1, 0, 0], "exponential", covariates={"group": [0, 0, 0, 1, 1]}
    )
    assert "separate" in fit.loglik.reason
    same = survival.parametric(
        [3, 5, 8], [1, 1, 1], "exponential", covariates={"a": [0, 1, 0], "b": [0, 1, 0]}
    )
    assert isinstance(same.loglik, NotEstimable)


@pytest.mark.property
def test_covariates_are_read_at_given_values():
    data = table("data/veteran.csv")
    fit = survival.parametric(
        data["time"], data["status"], "weibull", covariates=pd.DataFrame({"group": data["group"]})
    )
    assert fit.covariates == ("group",)
    one, two = (fit.survival(80, {"group": value})["survival"][0] for value in (1, 2))
    ratio = np.log(one) / np.log(two)
    assert ratio == pytest.approx(np.exp(fit.estimate[2] * fit.estimate[0]), rel=1e-9)
    assert isinstance(fit.mean(), NotEstimable)
    assert fit.as_survreg()["parameter"].tolist() == ["(Intercept)", "group", "Log(scale)"]
    with pytest.raises(ValueError, match="group is missing"):
        fit.survival(80)
    with pytest.raises(ValueError, match="age is none"):
        fit.rmst(80, {"group": 1, "age": 50})


@pytest.mark.property
def test_survival_at_time_zero_and_limits_hold_the_estimate():
    fit = survival.parametric([1, 2, 3, 4, 8], [1, 1, 0, 1, 1], "lognormal")
    frame = fit.survival([0, 1e-9, 2, 1e6])
    assert frame.iloc[0].tolist() == [0.0, 1.0, 0.0, 1.0, 1.0]
    assert (frame["lower"] <= frame["survival"]).all()
    assert (frame["survival"] <= frame["upper"]).all()
    assert np.isfinite(frame.to_numpy()).all()
    area = fit.rmst(1e-6)
    assert area.ci[0] <= area.estimate <= area.ci[1] <= 1e-6 * (1 + 1e-12)


@pytest.mark.property
def test_comparison_ranks_by_aic_and_names_what_has_no_fit():
    data = table("data/veteran.csv")
    ranked = survival.compare_distributions(data["time"], data["status"])
    assert ranked["aic"].is_monotonic_increasing
    assert ranked["delta_aic"].iloc[0] == 0
    assert set(ranked["distribution"]) == set(ALL)
    few = survival.compare_distributions([5, 5], [1, 0])
    assert few["distribution"].iloc[0] == "exponential"
    assert np.isnan(few["aic"].iloc[1])
    assert few["reason"].iloc[1]


@pytest.mark.property
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time": [1, -2], "event": [1, 1]}, r"time\[1\] = -2"),
        ({"time": [1, 2], "event": [1, 3]}, r"event\[1\] = 3"),
        ({"time": [0, 2], "event": [1, 1]}, r"event at time 0.*time\[0\]"),
        (
            {"time": [1, 2], "event": [1, 1], "distribution": "normal"},
            "distribution must be one of exponential",
        ),
        ({"time": [1, 2], "event": [1, 1], "level": 95}, "level must be between 0 and 1"),
        ({"time": [1, 2], "event": [1, 1], "weights": [0, 0]}, "weights are all 0"),
        ({"time": [1, 2], "event": [1, 1], "entry": [1, 0]}, "entry must be before time"),
        ({"time": [1, 2], "event": [1, 1], "covariates": {"x": [1]}}, "lengths differ"),
        ({"time": [1, 2], "event": [1, 1], "covariates": {"x": [1, np.nan]}}, "finite"),
        ({"time": [1, 2], "event": [1, 1], "covariates": np.zeros((2, 1, 1))}, "shape"),
        ({"time": [1, 2], "event": [1, 1], "distribution": "royston-parmar", "knots": -1}, "knots"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        survival.parametric(**arguments)


@pytest.mark.property
def test_bad_questions_are_named():
    fit = survival.parametric([1, 2, 3], [1, 1, 1], "weibull")
    for ask, message in (
        (lambda: fit.survival(-1), "not negative"),
        (lambda: fit.hazard(0), "over 0"),
        (lambda: fit.rmst(0), "over 0"),
        (lambda: fit.quantile(1.0), "between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            ask()


@pytest.mark.property
def test_spline_without_inner_knot_is_weibull():
    data = table("data/veteran.csv")
    spline = survival.parametric(data["time"], data["status"], "royston-parmar", knots=0)
    weibull = survival.parametric(data["time"], data["status"], "weibull")
    assert spline.loglik == pytest.approx(weibull.loglik, rel=1e-12)
    assert isinstance(spline.mean(), NotEstimable)
    assert "distinct" in survival.parametric([3, 3, 5], [1, 1, 0], "royston-parmar").loglik.reason


@pytest.mark.regression
def test_a_fit_prints():
    text = str(survival.parametric([9, 13, 18, 23, 28, 31, 34, 45], [1, 1, 1, 1, 0, 1, 1, 0], "weibull"))
    assert text.splitlines()[0] == "weibull: 6 events of 8 patients"
    assert "log-likelihood -25.5675, AIC 55.13, BIC 55.29" in text


def test_a_higher_likelihood_at_the_edge_of_the_shape_is_said_beside_a_peak_below_it():
    """Patients whose generalised gamma has a peak at Q = 2.2 (-63.84), and rises to -62.4 as Q grows."""
    rng = np.random.default_rng(0)
    n = int(rng.integers(6, 25))
    time = np.round(rng.weibull(rng.choice([0.5, 1, 3]), n) * 10 + 0.05, 1)
    event = (rng.random(n) < 0.8) * 1.0
    fit = survival.parametric(time, event, "generalised-gamma")
    assert fit.loglik == pytest.approx(-63.8375, abs=1e-3)
    assert "a local maximum" in fit.notes[0]
    assert fit.notes[0] in str(fit)
    inside = survival.parametric(
        np.random.default_rng(2).lognormal(size=400), np.ones(400), "generalised-gamma"
    )
    assert abs(inside.estimate[2]) < 1.0


UNDER_A_LIMIT = {
    # synthetic log-normal and Weibull times: a peak at Q = -2.3 (-69.966), at Q = 1.7 (-44.124)
    "falls": [0.25, 0.75, 0.75, 0.75, 1.5, 3.0, 4.0, 23.0, 37.75, 101.0, 113.25, 175.0, 853.75, 1943.5],
    "grows": [0.13, 0.95, 1.69, 1.72, 2.04, 2.65, 3.16, 4.55, 4.67, 5.69, 5.76, 6.08, 7.06, 8.02, 10.76, 10.91, 14.14],
}  # fmt: skip


@pytest.mark.parametrize("side", UNDER_A_LIMIT)
def test_a_peak_under_the_limit_of_a_growing_shape_is_said(side):
    """The limits in closed form: S(t) = (first / t)^b as Q falls, 1 - (t / last)^b as it grows."""
    time = np.array(UNDER_A_LIMIT[side])
    spent = np.log(time / time.min()) if side == "falls" else np.log(time.max() / time)
    limit = time.size * (np.log(time.size / spent.sum()) - 1.0) - np.log(time).sum()
    fit = survival.parametric(time, np.ones(time.size), "generalised-gamma")
    assert fit.loglik < limit
    assert f"({limit:.2f})" in fit.notes[0]


def test_a_generalised_gamma_has_a_value_where_its_argument_underflows():
    """Log survival far beyond the first times at a large negative shape: that of the power law, to 1e-6."""
    from pnstrial.survival.parametric.distributions import _log_generalised_survival

    w = np.array([5.0, 60.0, 600.0])[:, None]
    found = _log_generalised_survival(w, np.array([[-30.0, -1000.0]]))
    assert np.isfinite(found).all()
    assert found[1:] - found[:-1] == pytest.approx(-np.diff(w, axis=0) / np.array([[30.0, 1000.0]]), rel=1e-6)


@pytest.mark.parametrize("distribution", ["weibull", "lognormal", "loglogistic", "gamma"])
def test_times_of_every_size_give_an_estimate_or_a_reason_and_no_warning(distribution):
    """Times from 1e-6 to 1e24: scales of the information that no float holds side by side."""
    for seed in (5, 30, 75):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 14))
        time = (rng.exponential(10, n) * 10.0 ** rng.integers(-9, 9)) ** rng.integers(1, 4)
        covariate = rng.normal(size=n) * 10.0 ** rng.integers(-3, 9)
        fit = survival.parametric(time, (rng.random(n) < 0.7) * 1, distribution, covariates=covariate)
        assert isinstance(fit.loglik, NotEstimable) or np.isfinite(fit.estimate).all()


def test_columns_labels_and_formulas_are_read_as_in_cox():
    table = {
        "weeks": [9.0, 13, 18, 23, 28, 31, 34, 45], "state": ["dead"] * 4 + ["alive", "dead", "dead", "alive"],
        "arm": list("aabbabab"), "age": [50.0, 61, 57, 70, 66, 52, 59, 71],
    }  # fmt: skip
    event = [label == "dead" for label in table["state"]]
    plain = survival.parametric(table["weeks"], event, covariates={"age": table["age"]})
    named = survival.parametric("weeks", "state", covariates="age", data=table, event_is="dead")
    assert named.loglik == plain.loglik
    assert named.names == plain.names == ("shape", "scale", "age")
    crossed = survival.parametric("weeks", "state", covariates="age + C(arm)", data=table, event_is="dead")
    assert crossed.names[2:] == ("age", "arm[b]")
    with pytest.raises(ValueError, match="event_is=2"):
        survival.parametric(table["weeks"], [2, 2, 1, 2, 2, 1, 2, 1])
    with pytest.raises(ValueError, match="needs its table"):
        survival.parametric(table["weeks"], event, covariates="age")

"""Survival curves, log-rank tests and cumulative incidence equal those of R, case by case."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest

from pnstrial import survival
from tests.conftest import REFERENCE

pytestmark = pytest.mark.reference
HERE = REFERENCE / "survival"
WORDS = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}


def cases(name):
    return json.loads((HERE / f"{name}.json").read_text())["cases"]


def numbers(values):
    return np.array(
        [WORDS.get(value, value) for value in np.atleast_1d(np.array(values, dtype=object))], dtype=float
    )


def data_of(case):
    if "data" in case["inputs"]:
        return {key: np.array(values, dtype=float) for key, values in case["inputs"]["data"].items()}
    with (HERE / case["inputs"]["csv"]).open() as file:
        rows = list(csv.DictReader(file))
    return {key: numbers([WORDS.get(row[key], row[key]) for row in rows]) for key in rows[0]}


def close(got, expected, tolerance=1e-8):
    """Equal, where R has a number; where R has none, ours is undefined or a limit of the range."""
    got, expected = np.asarray(got, dtype=float), numbers(expected)
    known = np.isfinite(expected)
    np.testing.assert_allclose(got[known], expected[known], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", cases("km"), ids=lambda case: case["id"])
def test_curve(case):
    data, expected = data_of(case), case["outputs"]
    arguments = {"entry": data.get("entry"), "weights": data.get("wt")}
    curve = survival.kaplan_meier(data["time"], data["status"], conf_type="log-log", **arguments)
    at = curve.at(numbers(expected["times"]))
    close(at["survival"], expected["surv"])
    close(at["n_risk"], expected["n_risk"])
    if not (curve.survival == 0).any():
        close(at["std_error"], expected["se"])
    for kind in ("plain", "log", "log-log", "arcsin", "logit"):
        ci = expected["ci"].get(kind)
        if ci is None:
            continue
        curve = survival.kaplan_meier(data["time"], data["status"], conf_type=kind, **arguments)
        at = curve.at(numbers(expected["times"]))
        close(at["lower"], ci["lower"])
        close(at["upper"], ci["upper"])
        for place, p in enumerate(ci["quantiles"]["p"]):
            quantile = curve.quantile(p)
            for name, key in (("estimate", "est"), ("lower", "lower"), ("upper", "upper")):
                value = numbers([ci["quantiles"][key][place]])[0]
                got = getattr(quantile, name)
                if np.isfinite(value):
                    assert got == pytest.approx(value, rel=1e-8)
                else:
                    assert got is None


@pytest.mark.parametrize("case", cases("km_smallsample_ci"), ids=lambda case: case["id"])
@pytest.mark.parametrize(
    ("kind", "key"),
    [("beta-product", "bpcp"), ("beta-product-midp", "bpcp_midp"), ("thomas-grunkemeier", "kmciTG")],
)
def test_small_sample_limits(case, kind, key):
    data, expected = data_of(case), case["outputs"]
    if key not in expected:
        pytest.skip("no such value in this case")
    if case["id"] == "smallci/g4_weib34":
        pytest.skip("its times are printed to three decimals: R evaluated just before some of them")
    curve = survival.kaplan_meier(data["time"], data["status"], conf_type=kind)
    at = curve.at(numbers(case["inputs"]["times"]))
    # R finds the other two by uniroot, which stops 1.2e-4 from the root: in a probability for mid-p (bpcpControl's
    # midpMMTol), in the multiplier for the likelihood ratio. Ours stand on the roots: the two tests below.
    tolerance = 1e-8 if key == "bpcp" else 7e-4
    close(at["lower"], expected[key]["lower"], tolerance)
    close(at["upper"], expected[key]["upper"], tolerance)


@pytest.mark.parametrize("case", cases("logrank"), ids=lambda case: case["id"])
@pytest.mark.parametrize(
    ("key", "rho"), [("survdiff_rho0", 0.0), ("survdiff_rho1", 1.0), ("survdiff_rho0.5", 0.5)]
)
def test_logrank(case, key, rho):
    expected = case["outputs"].get(key)
    if not isinstance(expected, dict) or "chisq" not in expected or isinstance(expected["chisq"], str):
        pytest.skip("R gives no test here")
    data = data_of(case)
    weights = "logrank" if rho == 0 else ("fleming-harrington", rho, 0.0)
    result = survival.logrank(data["time"], data["status"], data["group"], weights=weights)
    assert result.statistic == pytest.approx(expected["chisq"], rel=1e-8, abs=1e-8)
    assert result.df == expected["df"]
    assert result.p_value == pytest.approx(expected["p"], rel=1e-8, abs=1e-12)
    close(result.observed, expected["obs"])
    close(result.expected, expected["exp"])


@pytest.mark.parametrize("case", cases("competing_risks"), ids=lambda case: case["id"])
def test_cumulative_incidence(case):
    if "survfit_AJ" not in case["outputs"]:
        pytest.skip("no Aalen-Johansen values in this case")
    data, expected = data_of(case), case["outputs"]["survfit_AJ"]
    result = survival.cumulative_incidence(data["time"], data["cause"])
    times = numbers(case["outputs"]["cuminc"]["times"])
    table = result.at(times)
    for column, state in enumerate(expected["states"]):
        if state == "(s0)" or int(state) not in result.causes:
            assert state == "(s0)" or {row[column] for row in expected["pstate"]} == {0}
            continue
        own = table[table["cause"] == int(state)]
        for name, key in (
            ("incidence", "pstate"), ("std_error", "se"), ("lower", "lower_loglog"), ("upper", "upper_loglog"),
        ):  # fmt: skip
            wanted = numbers([row[column] for row in expected[key]])
            if name in ("lower", "upper"):
                wanted[numbers([row[column] for row in expected["pstate"]]) == 0] = np.nan
            close(own[name], wanted)


def likelihood_ratio(risk, dead, p):
    """Thomas and Grunkemeier's statistic for S = p, by bisection of their eq. 3.4 in the multiplier."""
    low, high = float((dead - risk).max()) + 1e-12, 1e9
    for _ in range(400):
        middle = 0.5 * (low + high)
        if np.log1p(-dead / (risk + middle)).sum() < np.log(p):
            low = middle
        else:
            high = middle
    left = risk - dead
    ratio = risk * np.log1p(middle / risk) - np.where(
        left > 0, left * np.log1p(middle / np.maximum(left, 1)), 0.0
    )
    return 2 * ratio.sum()


@pytest.mark.parametrize("case", cases("km_smallsample_ci"), ids=lambda case: case["id"])
def test_likelihood_ratio_limits_solve_their_equation(case):
    """Where R stops its root search early, ours stand on the root: the statistic there is the quantile."""
    data = data_of(case)
    curve = survival.kaplan_meier(data["time"], data["status"], conf_type="thomas-grunkemeier")
    died = curve.n_event > 0
    checked = 0
    for k in np.flatnonzero(died & (curve.survival > 0) & (curve.survival < 1)):
        risk, dead = curve.n_risk[: k + 1][died[: k + 1]], curve.n_event[: k + 1][died[: k + 1]]
        for limit in (curve.lower[k], curve.upper[k]):
            if 0 < limit < 1:
                assert likelihood_ratio(risk, dead, limit) == pytest.approx(3.841458820694124, abs=1e-7)
                checked += 1
    assert checked or not (died & (curve.survival > 0) & (curve.survival < 1)).any()


def two_betas(curve, k):
    """First two moments of W- and W+ as exact fractions (Fay, Brittain and Proschan 2013, eq. 3), then (a, b) of each."""
    mean, square, found = Fraction(1), Fraction(1), []
    for risk, dead in zip(curve.n_risk[: k + 1], curve.n_event[: k + 1], strict=True):
        a, b = Fraction(int(risk - dead + 1)), Fraction(int(dead))
        mean *= a / (a + b)
        square *= a * (a + 1) / ((a + b) * (a + b + 1))
    after = Fraction(int((curve.n_risk - curve.n_event - curve.n_censored)[k]))
    for m, v in (
        (mean * after / (after + 1), square * after / (after + 2) if after else Fraction(0)),
        (mean, square),
    ):
        spread = v - m * m
        a = m * (m - v) / spread if spread else None
        found.append(None if a is None else (float(a), float(a * (1 - m) / m)))
    return [(m if pair is None else pair) for m, pair in zip((int(after > 0), 1), found, strict=True)]


def mid_p_probability(x, parts):
    """P(W <= x) where W is W- or W+ with probability 1/2; an int stands for a variable that is 0 or 1."""
    from scipy.special import betainc

    return sum(0.5 * (float(x >= p) if isinstance(p, int) else float(betainc(*p, x))) for p in parts)


@pytest.mark.parametrize(
    "case",
    [case for case in cases("km_smallsample_ci") if "bpcp_midp" in case["outputs"]],
    ids=lambda case: case["id"],
)
def test_mid_p_limits_solve_their_equation(case):
    """Ours equal an independent root to 1e-8; those of R lie as far from it as the tolerance of its search allows."""
    from scipy.optimize import brentq

    data, expected = data_of(case), case["outputs"]["bpcp_midp"]
    curve = survival.kaplan_meier(data["time"], data["status"], conf_type="beta-product-midp")
    times = numbers(case["inputs"]["times"])
    checked, ceiling = 0, 1.0
    for k in range(curve.time.size):
        parts = two_betas(curve, k)
        roots = []
        for probability in (0.025, 0.975):
            if mid_p_probability(0.0, parts) >= probability:
                roots.append(0.0)
            elif mid_p_probability(1.0 - 1e-16, parts) <= probability:
                roots.append(1.0)
            else:
                roots.append(
                    brentq(lambda x, q=probability: mid_p_probability(x, parts) - q, 0, 1, xtol=1e-14)  # noqa: B023 - called at once
                )
        ceiling = min(ceiling, roots[1])  # survival cannot rise, so neither may the limit
        assert (curve.lower[k], curve.upper[k]) == pytest.approx((roots[0], ceiling), rel=1e-8, abs=1e-12)
        at = np.flatnonzero(times == curve.time[k])
        if at.size and case["id"] != "smallci/g4_weib34":  # its times are rounded, see above
            limits = [(numbers(expected["lower"])[at[0]], roots[0])]
            if roots[1] == ceiling:
                limits.append((numbers(expected["upper"])[at[0]], roots[1]))
            for theirs, root in limits:
                # R searches for the share of W-'s distribution below the limit, with a tolerance of eps^(1/4)
                shift = mid_p_probability(theirs, parts[:1] * 2) - mid_p_probability(root, parts[:1] * 2)
                assert abs(shift) <= np.finfo(float).eps ** 0.25
        checked += 1
    assert checked == curve.time.size

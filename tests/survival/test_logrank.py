"""Weighted, stratified, exact and max-combo log-rank tests, curves by group and milestones: R's numbers."""

import numpy as np
import pytest

from pnstrial import survival
from pnstrial.results import NotEstimable
from tests.survival.test_survival_reference import cases, close, data_of, numbers

# R 4.2.2, survival 3.5-3, coin 1.4.2, simtrial; each file names call and version. Closed forms to 1e-8.
pytestmark = pytest.mark.reference
WEIGHTED = {
    "logrank": "logrank", "gehan": "gehan", "tarone_ware": "tarone-ware", "peto_peto": "peto-peto",
    "modified_peto": "modified-peto-peto", "fh_1_0": ("fleming-harrington", 1, 0), "fh_0_1": ("fleming-harrington", 0, 1),
    "fh_1_1": ("fleming-harrington", 1, 1),
}  # fmt: skip


def with_output(name, key):
    return [case for case in cases(name) if key in case["outputs"]]


def entry_of(data):
    return data.get("entry")


@pytest.mark.parametrize("case", with_output("logrank", "base_R_weighted"), ids=lambda case: case["id"])
def test_weighted(case):
    data = data_of(case)
    for name, expected in case["outputs"]["base_R_weighted"].items():
        found = survival.logrank(
            data["time"], data["status"], data["group"], weights=WEIGHTED[name], entry=entry_of(data)
        )
        if isinstance(expected["chisq"], str):  # no variance: R divides 0 by 0
            assert isinstance(found.statistic, NotEstimable) or found.p_value == 1.0
            continue
        assert found.statistic == pytest.approx(expected["chisq"], rel=1e-8, abs=1e-10)
        assert found.p_value == pytest.approx(expected["p"], rel=1e-8, abs=1e-12)
        assert found.variance[1, 1] == pytest.approx(expected["V"], rel=1e-8)
        assert found.observed[1] - found.expected[1] == pytest.approx(expected["U"], rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("case", with_output("logrank", "simtrial_wlr"), ids=lambda case: case["id"])
def test_fleming_harrington_and_modestly_weighted(case):
    data = data_of(case)
    for name, expected in case["outputs"]["simtrial_wlr"].items():
        if name.startswith("FH"):
            rho, gamma = (float(part) for part in name[3:-1].split(","))
            weights = ("fleming-harrington", rho, gamma)
        else:
            weights = ("modestly-weighted", case["outputs"]["mb_delay"])
        found = survival.logrank(
            data["time"], data["status"], data["group"], weights=weights, entry=entry_of(data)
        )
        if isinstance(expected["z"], str) or expected["se"] == 0:
            assert isinstance(found.z, NotEstimable)
            continue
        assert found.z == pytest.approx(
            -expected["z"], rel=1e-8, abs=1e-8
        )  # there positive favours the second group


@pytest.mark.parametrize("case", with_output("logrank", "stratified"), ids=lambda case: case["id"])
def test_stratified(case):
    data, expected = data_of(case), case["outputs"]["stratified"]
    strata = data.get("stratum", data.get("strata"))
    found = survival.logrank(data["time"], data["status"], data["group"], strata=strata, entry=entry_of(data))
    assert found.statistic == pytest.approx(expected["chisq"], rel=1e-8)
    assert found.p_value == pytest.approx(expected["p"], rel=1e-8)
    close(found.observed, expected["obs"])
    close(found.expected, expected["exp"])


@pytest.mark.parametrize("case", with_output("logrank", "maxcombo"), ids=lambda case: case["id"])
def test_max_combo(case):
    # the reference integrates over a random lattice: 1e-3
    data, expected = data_of(case), case["outputs"]["maxcombo"]
    if isinstance(expected["p_value"], str):
        pytest.skip("R gives no test here")
    found = survival.logrank(
        data["time"], data["status"], data["group"], weights="max-combo", entry=entry_of(data)
    )
    assert found.p_value == pytest.approx(expected["p_value"], abs=1e-3)


@pytest.mark.parametrize("case", cases("exact_logrank"), ids=lambda case: case["id"])
def test_exact(case):
    data, outputs = data_of(case), case["outputs"]
    found = survival.logrank(data["time"], data["status"], data["group"], exact=True)
    scores = outputs.get("enumeration_scores")
    if scores:
        assert found.p_value == pytest.approx(scores["p_two_sided_abs"], rel=1e-10)
        # scores there are Nelson-Aalen minus event: the other sign
        assert found.p_lower == pytest.approx(scores["p_upper"], rel=1e-10)
        assert found.p_upper == pytest.approx(scores["p_lower"], rel=1e-10)
    expected = outputs.get("coin_exact_two.sided")
    if expected and not isinstance(expected["p"], str):
        assert found.p_value == pytest.approx(expected["p"], rel=1e-8)


@pytest.mark.parametrize("case", cases("km_groups"), ids=lambda case: case["id"])
def test_curves_by_group_and_milestone(case):
    data, expected = data_of(case), case["outputs"]
    for k, label in enumerate(expected["group"]):
        mine = data["group"] == float(label)
        curve = survival.kaplan_meier(data["time"][mine], data["status"][mine], conf_type="log-log")
        assert int(mine.sum()) == expected["n"][k]
        quantile = curve.quantile(0.5)
        for name in ("median", "lower", "upper"):
            got = getattr(quantile, "estimate" if name == "median" else name)
            value = numbers([expected[name][k]])[0]
            assert got == pytest.approx(value, rel=1e-8) if np.isfinite(value) else got is None
        at = curve.at([expected["t0"]])
        close(at["survival"], expected["surv"][k])
        if at["survival"].iloc[0] > 0:
            close(at["std_error"], expected["se"][k])
            close(at["lower"], expected["lower_t0"][k])
            close(at["upper"], expected["upper_t0"][k])
    if len(expected["group"]) != 2 or "diff_naive" not in expected:
        return
    found = survival.survival_difference(data["time"], data["status"], data["group"], expected["t0"])
    naive, log_log = expected["diff_naive"], expected["diff_cloglog"]
    for value, name in (
        (found.difference, naive["est"]), (found.difference_se, naive["se"]), (found.z, naive["z"]),
        (found.p_value, naive["p"]), (found.z_log_log, log_log["z"]), (found.p_value_log_log, log_log["p"]),
    ):  # fmt: skip
        if isinstance(name, str) or isinstance(value, NotEstimable):
            assert isinstance(value, NotEstimable)
        else:
            assert abs(value) == pytest.approx(abs(name), rel=1e-8, abs=1e-12)

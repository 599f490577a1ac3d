"""The fits equal R msm 1.7: the shared cases and those of tests/reference/multistate/msm_options.R."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pnstrial import multistate

pytestmark = pytest.mark.reference
FOLDER = Path(__file__).parents[1] / "reference" / "multistate"
CASES = {case["id"]: case for case in json.loads((FOLDER / "msm_panel.json").read_text())["cases"]}
FITS = [name for name, case in CASES.items() if "minus2loglik" in case["outputs"]]
OPTIONS = json.loads((FOLDER / "msm_options.json").read_text())
ALLOWED = [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]]
COLUMNS = {"cav": ("PTNUM", "years"), "psor": ("ptnum", "months")}


@pytest.mark.parametrize("name", FITS)
def test_fit_equals_msm(name):
    case = CASES[name]
    given, want = case["inputs"], case["outputs"]
    data = pd.read_csv(FOLDER / given["csv"]) if "csv" in given else pd.DataFrame(given["data"])
    patient, time = COLUMNS.get(given["dataset"], ("id", "week"))
    fit = multistate.fit(
        data, patient, time, "state", given["qmatrix_allowed"], death_exact=given["deathexact"]
    )
    assert -2 * fit.loglik == pytest.approx(want["minus2loglik"], abs=1e-4)
    np.testing.assert_allclose(fit.rates, want["Q"], rtol=1e-3, atol=1e-7)
    for block in want["P"]:
        found = fit.probabilities(block["t"])
        np.testing.assert_allclose(found.estimate, block["P"], rtol=1e-3, atol=1e-6)
        assert np.all(found.lower <= found.estimate)
        assert np.all(found.estimate <= found.upper)
    for mine, theirs in zip(fit.sojourn, want["sojourn"], strict=False):
        assert mine == pytest.approx(theirs, rel=1e-3)
    horizon = sum(want["totlos"])
    times = multistate.mean_times_in_states(fit.rates, horizon, 0)
    np.testing.assert_allclose(times, want["totlos"], rtol=1e-3)


def test_standard_errors_equal_the_observed_information_of_msm():
    # qmatrix.msm(f)$SE of R 4.2.2, msm 1.7 for psor with reltol = 1e-14; tolerance: its numerical Hessian.
    case = CASES["msm/psor"]
    data = pd.read_csv(FOLDER / case["inputs"]["csv"])
    fit = multistate.fit(data, "ptnum", "months", "state", case["inputs"]["qmatrix_allowed"])
    diagonal = np.diagonal(fit.std_error)[:3]
    np.testing.assert_allclose(diagonal, [0.0102244, 0.01811431, 0.03383959], rtol=1e-3)


def options_data():
    return pd.DataFrame(OPTIONS["data"])


GROUPS = [[(1, 2), (2, 3)], [(1, 4), (2, 4), (3, 4)], [(2, 1)], [(3, 2)]]
CALLS = {
    "censored": {},
    "covariate_groups": {"covariates": {"ivig": GROUPS}},
    "covariate_common": {"covariates": {"ivig": "common"}},
    "same_rate": {"same_rate": [[(1, 2), (2, 3)], [(2, 1), (3, 2)], [(1, 4), (2, 4), (3, 4)]]},
    "misclassified": {"initial": [0.3, 0.4, 0.3, 0]},
}


@pytest.mark.parametrize("name", CALLS)
def test_options_equal_msm(name):
    want, options = OPTIONS[name], dict(CALLS[name])
    column = "state"
    if name == "misclassified":
        options["misclassification"], column = want["ematrix"], "observed"
    fit = multistate.fit(options_data(), "id", "week", column, ALLOWED, death_exact=4, censor=99, **options)
    assert -2 * fit.loglik == pytest.approx(want["minus2loglik"][0], abs=1e-5)
    np.testing.assert_allclose(fit.rates, want["Q"], rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(fit.std_error, want["SE"], rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(fit.probabilities(12).estimate, want["P12"], rtol=1e-4, atol=1e-7)


def test_rate_ratios_equal_msm():
    common = multistate.fit(
        options_data(), "id", "week", "state", ALLOWED, 4, censor=99, covariates={"ivig": "common"}
    )
    np.testing.assert_allclose(
        common.effects["ivig"][1, 2], OPTIONS["covariate_common"]["hazard"][0], rtol=2e-3
    )
    groups = multistate.fit(
        options_data(), "id", "week", "state", ALLOWED, 4, censor=99, covariates={"ivig": GROUPS}
    )
    ratios = [
        groups.effects["ivig"][pair][0] for pair in [(1, 2), (1, 4), (2, 1), (2, 3), (2, 4), (3, 2), (3, 4)]
    ]
    np.testing.assert_allclose(ratios, np.exp(OPTIONS["covariate_groups"]["log_ratio"]), rtol=1e-3)

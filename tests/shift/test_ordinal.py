"""Two groups: proportional odds against MASS::polr, ordinal::clm, rms::orm; tolerances as stated in each test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import shift
from pnstrial.results import NotEstimable

from .conftest import cases, counted, number

FITS = cases("po_fits")


@pytest.mark.reference
@pytest.mark.parametrize("case", FITS, ids=[c["id"] for c in FITS])
def test_fit_equals_r(case):
    # ordinal::clm 2022.11.16 (1e-8), profile limits by uniroot on clm (1e-6), score test of rms::orm (1e-6)
    treated, control, out = case["inputs"]["treat"], case["inputs"]["control"], case["outputs"]
    found = shift.common_odds_ratio(**counted(treated, control))
    exact = out["profile_lr_exact"]
    low, high = found.profile
    with np.errstate(divide="ignore"):
        assert np.log(high) == pytest.approx(-number(exact["lo"]), abs=1e-6)
        assert np.log(low) == pytest.approx(-number(exact["hi"]), abs=1e-6)
    assert found.separated == (exact["separated"] != 0)
    assert found.loglik == pytest.approx(exact["maxLogLik"], abs=1e-8 * (1 + abs(exact["maxLogLik"])))
    assert found.po_statistic == pytest.approx(out["po_lr_saturated"]["LRT"], abs=1e-6)
    assert found.po_df == out["po_lr_saturated"]["df"]
    if not found.separated:
        assert -found.log_odds_ratio == pytest.approx(out["clm"]["beta"], abs=1e-8)
        assert found.std_error == pytest.approx(out["clm"]["se"], rel=1e-8)
        assert list(found.thresholds) == pytest.approx(out["clm"]["alpha"], abs=1e-7)
        assert found.p_value_lr == pytest.approx(out["clm"]["LR_p"], abs=1e-8)
        if "Score_p" in out.get("orm", {}):
            assert found.p_value_score == pytest.approx(out["orm"]["Score_p"], abs=1e-8)
    cuts = shift.cutpoint_odds_ratios(**counted(treated, control))
    if "cutpoint_OR_better" in out:
        # R drops the grades that nobody has, and with them the cuts that repeat their neighbour
        used = (np.array(treated) + control > 0)[: len(cuts.cuts)] & cuts.estimable
        there = [number(row["OR_better"]) for row in out["cutpoint_OR_better"]]
        assert cuts.odds_ratio[used].tolist() == pytest.approx(there, rel=1e-9)


@pytest.mark.reference
def test_many_trials_equal_one_by_one():
    seven = [c["inputs"] for c in FITS if len(c["inputs"]["treat"]) == 7]
    counts = np.array([[c["treat"], c["control"]] for c in seven])
    many = shift.common_odds_ratios(counts, score=True)
    for r, c in enumerate(seven):
        one = shift.common_odds_ratio(**counted(c["treat"], c["control"]))
        assert many.log_odds_ratio[r] == one.log_odds_ratio
        assert np.exp(many.profile_lower[r]) == pytest.approx(one.profile[0], rel=1e-12)
        assert np.exp(many.profile_upper[r]) == pytest.approx(one.profile[1], rel=1e-12)
        assert np.exp(many.score_lower[r]) == pytest.approx(one.score[0], rel=1e-12)
        assert many.p_value_lr[r] == pytest.approx(one.p_value_lr, abs=1e-15)
        assert many.po_p_value[r] == pytest.approx(one.po_p_value, abs=1e-15)


def test_separation_gives_one_sided_intervals_and_says_so():
    found = shift.common_odds_ratio(**counted([3, 5, 4, 0, 0, 0, 0], [0, 0, 0, 4, 5, 3, 2]))
    assert found.separated
    assert "one-sided" in found.note
    assert found.odds_ratio == math.inf
    assert found.profile == (pytest.approx(math.exp(5.13006287704675), rel=1e-6), math.inf)
    assert isinstance(found.wald, NotEstimable)


def test_one_grade_gives_a_reason():
    found = shift.common_odds_ratio(**counted([0, 5, 0], [0, 2, 0]))
    assert isinstance(found.odds_ratio, NotEstimable)
    assert (found.p_value_lr, found.p_value_score, found.po_p_value) == (1.0, 1.0, 1.0)
    assert not shift.common_odds_ratios([[[0, 5, 0], [0, 2, 0]]]).log_odds_ratio.any()


def test_rows_equal_counts():
    rng = np.random.default_rng(3)
    grades, treated = rng.integers(0, 7, 60), rng.integers(0, 2, 60)
    rows = shift.common_odds_ratio(grades, group=treated)
    counts = [np.bincount(grades[treated == g], minlength=7) for g in (1, 0)]
    assert rows == shift.common_odds_ratio(**counted(*counts))


counts_of_a_group = st.lists(st.integers(0, 30), min_size=7, max_size=7).filter(any)


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(counts_of_a_group, counts_of_a_group)
def test_symmetric_ordered_and_consistent(treated, control):
    found = shift.common_odds_ratio(**counted(treated, control))
    back = shift.common_odds_ratio(**counted(control, treated))
    if isinstance(found.odds_ratio, NotEstimable):
        return
    assert found.profile[0] <= found.odds_ratio <= found.profile[1]
    assert found.score[0] <= found.odds_ratio <= found.score[1]
    assert not any(math.isnan(limit) for limit in (*found.profile, *found.score))
    if found.separated:
        return
    assert back.log_odds_ratio == pytest.approx(-found.log_odds_ratio, abs=1e-8)
    assert 1 / back.profile[1] == pytest.approx(found.profile[0], rel=1e-6)
    assert (found.p_value_lr < 0.05) == (not found.profile[0] <= 1 <= found.profile[1])
    assert (found.p_value_score < 0.05) == (not found.score[0] <= 1 <= found.score[1])
    mirrored = shift.common_odds_ratio(**counted(treated[::-1], control[::-1]))
    assert mirrored.log_odds_ratio == pytest.approx(-found.log_odds_ratio, abs=1e-8)


@pytest.mark.double
def test_equals_a_general_optimiser():
    from scipy.optimize import minimize

    treated, control = np.array([1, 3, 4, 4, 3, 1, 1]), np.array([0, 1, 2, 4, 5, 3, 2])

    def minus(point):
        total = 0.0
        for counts, x in ((treated, 1.0), (control, 0.0)):
            below = np.concatenate([[0.0], 1 / (1 + np.exp(-(np.sort(point[:6]) - point[6] * x))), [1.0]])
            total -= (counts * np.log(np.maximum(np.diff(below), 1e-300))).sum()
        return total

    best = minimize(minus, [-3, -2, -1, 0, 1, 2, 0.0], method="BFGS", options={"gtol": 1e-7})
    found = shift.common_odds_ratio(**counted(treated, control))
    assert found.log_odds_ratio == pytest.approx(-best.x[6], abs=1e-4)
    assert found.loglik == pytest.approx(-best.fun, abs=1e-8)


@pytest.mark.parametrize(
    ("treated", "control", "text"),
    [
        ([1, 2], [1, 2, 3], "treated has 2 grades, control 3"),
        ([0, 0, 0], [1, 2, 3], r"treated = \[0, 0, 0\] has no patient"),
        ([1, 2, 3], [0, 0, 0], "control"),
        ([1, -1, 3], [1, 2, 3], r"treated\[1\] = -1"),
        ([1, 0.5, 3], [1, 2, 3], r"treated\[1\] = 0.5"),
        ([1, math.nan, 3], [1, 2, 3], r"treated\[1\] = nan"),
        ([math.nan] * 3, [1, 2, 3], "all of them"),
        (["a", "b", "c"], [1, 2, 3], "counts: treated must hold whole numbers"),
        ([], [1, 2, 3], "counts: treated is empty"),
        ([[1, 2]], [1, 2, 3], "shape"),
        ([5], [3], "1 grades a group; the scale 0 to 2 has 3"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        shift.common_odds_ratio, shift.generalized_odds_ratio, shift.win_statistics,
        shift.number_needed_to_treat, shift.permutation_test, shift.cutpoint_odds_ratios,
    ],
)  # fmt: skip
def test_bad_counts_are_named(function, treated, control, text):
    with pytest.raises(ValueError, match=text) as caught:
        function(counts=(treated, control), highest=2)
    assert function.__name__ in str(caught.value)


def test_bad_trials_are_named():
    with pytest.raises(ValueError, match="trial 1 control"):
        shift.common_odds_ratios([[[1, 2], [1, 2]], [[1, 2], [0, 0]]])
    with pytest.raises(ValueError, match="shape"):
        shift.common_odds_ratios([[1, 2], [1, 2]])
    with pytest.raises(ValueError, match="level = 2"):
        shift.common_odds_ratio(**counted([1, 2], [1, 2]), level=2)


ADJUSTED = cases("adjusted_stratified")


@pytest.mark.reference
@pytest.mark.parametrize("case", ADJUSTED, ids=[c["id"] for c in ADJUSTED])
def test_covariates_strata_dichotomies(case):
    # ordinal::clm 1e-6 (its own convergence), polr profile 1e-3 (interpolated spline), VGAM 1e-5, coin 1e-10
    given, out = case["inputs"], case["outputs"]
    y, x, base = np.array(given["y"]), np.array(given["x"]), np.array(given["base"])
    models = {
        "unadj": {"x": x},
        "base_linear": {"x": x, "base": base},
        "base_linear_age": {"x": x, "base": base, "age": given["age"]},
        "base_factor": {"x": x, **{f"f{k}": base == k for k in sorted(set(given["base"]))[1:]}},
    }
    for name, covariates in models.items():
        fit = shift.ordinal_model(y, covariates)
        clm = out[name]["clm"]
        assert fit.loglik == pytest.approx(clm["logLik"], abs=1e-6)
        for j, (key, beta) in enumerate(clm["beta"].items()):
            if fit.names[j] in fit.separated:
                assert not np.isfinite(fit.std_error[j])
                continue
            assert fit.beta[j] == pytest.approx(beta, abs=1e-6)
            if clm["se"][key] != "NA":
                assert fit.std_error[j] == pytest.approx(clm["se"][key], rel=1e-6)
        assert list(fit.profile[0]) == pytest.approx(out[name]["polr"]["profile_ci_x"], abs=1e-3)
    partial = out["vglm_partial_po"]
    if "coef" in partial and partial["logLik"] != "NaN":
        fit = shift.ordinal_model(y, {"x": x, "base": base}, nonproportional=["x"])
        assert fit.loglik == pytest.approx(partial["logLik"], abs=1e-6)
        assert list(fit.beta) == pytest.approx(list(partial["coef"].values())[-len(fit.beta) :], abs=1e-5)
    by_base, by_site = (shift.van_elteren(y, group=x, strata=given[key]) for key in ("base", "site"))
    assert by_base.statistic == pytest.approx(out["van_elteren_by_base"]["chisq"], abs=1e-10)
    assert by_base.p_value == pytest.approx(out["van_elteren_by_base"]["p"], abs=1e-10)
    assert by_site.p_value == pytest.approx(out["van_elteren_by_site"]["p"], abs=1e-10)
    sliding, there = (
        shift.sliding_dichotomy(y, group=x, baseline=base, dead="stable"),
        out["sliding_dichotomy"],
    )
    assert [sliding.successes_control, sliding.successes_treated] == there["successes"]
    assert math.log(sliding.odds_ratio) == pytest.approx(there["log_or"], abs=1e-6)
    for cut in (1, 2, 3):
        two = shift.dichotomy(y, group=x, cut=cut)
        assert two.log_odds_ratio == pytest.approx(out[f"dichot_le{cut}"]["log_or"], abs=1e-6)
        assert two.std_error == pytest.approx(out[f"dichot_le{cut}"]["se"], rel=1e-4)
        fisher = shift.cutpoint_odds_ratios(
            **counted(*(np.bincount(y[x == g], minlength=7) for g in (1, 0)))
        ).p_value_fisher
        assert fisher[cut] == pytest.approx(out[f"dichot_le{cut}"]["fisher_p"], abs=1e-9)


def test_formula_is_the_model():
    import pandas as pd

    case = ADJUSTED[1]["inputs"]
    data = pd.DataFrame(case)
    by_formula = shift.ordinal_formula("y ~ x + C(base)", data)
    columns = {"x": data["x"], **{f"f{k}": data["base"] == k for k in (3, 4, 5)}}
    by_columns = shift.ordinal_model(case["y"], columns)
    assert by_formula.loglik == pytest.approx(by_columns.loglik, abs=1e-10)
    with pytest.raises(ValueError, match="outcome"):
        shift.ordinal_formula("z ~ x", data)
    with pytest.raises(ValueError, match="every patient"):
        shift.ordinal_model(case["y"], {"one": np.ones(34)})
    with pytest.raises(ValueError, match="linearly dependent"):
        shift.ordinal_model(case["y"], {"x": data["x"], "twice": 2 * data["x"]})


PUBLISHED = shift.published_shift_trials()


@pytest.mark.reference
@pytest.mark.parametrize("key", ["mr_clean", "interact2", "defuse3"])
def test_published_odds_ratios(key):
    # as printed: two decimals; DEFUSE 3's counts are rebuilt from percentages, so 0.02
    trial = PUBLISHED[key]
    found = shift.common_odds_ratio(**counted(trial.treated, trial.control))
    values = (found.odds_ratio, *found.wald)
    if trial.statistic.endswith("worse"):
        values = (1 / values[0], 1 / values[2], 1 / values[1])
    assert values == pytest.approx(trial.published, abs=0.0055 if key != "defuse3" else 0.02)


@pytest.mark.reference
@pytest.mark.parametrize("key", ["lees_0_90", "lees_181_270", "lees_271_360"])
def test_published_generalised_odds_ratios(key):
    trial = PUBLISHED[key]
    found = shift.generalized_odds_ratio(**counted(trial.treated, trial.control))
    assert (1 / found.odds_ratio, 1 / found.ci[1], 1 / found.ci[0]) == pytest.approx(
        trial.published, abs=6e-4
    )

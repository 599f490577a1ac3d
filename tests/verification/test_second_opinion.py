"""A second engine gives the same numbers, and an error planted in any of ours is caught."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.results import NotEstimable
from pnstrial.verification import EngineMissingError, verify

pytest.importorskip("lifelines")  # the second engines; without one of them there is no second opinion
pytest.importorskip("statsmodels")
pytestmark = pytest.mark.double


def test_every_number_of_the_example_agrees(example, protocol):
    found = verify(example, protocol, null=0.1)
    assert found.differing == 0
    assert found.n > 35
    assert {"lifelines", "statsmodels", "scipy"} <= set(found.table["engine"])


def planted(result, **changes):
    return pns.second_opinion(replace(result, **changes)).differing


def test_an_error_in_the_response_is_caught(example, protocol):
    result = pns.primary_endpoint(example, protocol, null=0.1)
    low, high = result.ci
    assert pns.second_opinion(result).differing == 0
    assert planted(result, estimate=result.estimate + 1e-6) == 1
    assert planted(result, ci=(low + 1e-6, high)) == 1
    assert planted(result, ci=(low, high - 1e-6)) == 1
    assert planted(result, p_value=result.p_value * (1 + 1e-6)) == 1


@pytest.mark.parametrize("k", range(3))
def test_an_error_at_each_step_of_a_curve_is_caught(k):
    curve = pns.survival.kaplan_meier([3, 5, 5, 9, 12, 20], [1, 1, 0, 1, 0, 1], conf_type="log-log")
    step = np.flatnonzero(curve.n_event > 0)[k]
    for name in ("survival", "lower", "upper"):
        wrong = getattr(curve, name).copy()
        wrong[step] += 1e-6
        assert planted(curve, **{name: wrong}) == 1, name


def test_an_error_in_an_incidence_is_caught():
    result = pns.survival.cumulative_incidence([3, 5, 5, 9, 12, 20], [1, 2, 0, 1, 0, 2])
    assert pns.second_opinion(result).differing == 0
    for cause in result.causes:
        wrong = {**result.incidence, cause: result.incidence[cause] * (1 + 1e-6)}
        assert planted(result, incidence=wrong) >= 1


def test_an_error_in_each_test_of_the_shift_is_caught(example, protocol):
    result = pns.mrs_shift(example, protocol)
    assert pns.second_opinion(result).differing == 0
    for name in ("signed_rank", "signed_rank_wilcoxon"):
        test = getattr(result, name)
        assert planted(result, **{name: replace(test, p_value=test.p_value + 1e-6)}) == 1
    low, high = result.sign.ci
    assert planted(result, sign=replace(result.sign, ci=(low, high + 1e-6))) == 1


def test_an_error_in_an_odds_ratio_is_caught():
    result = pns.shift.common_odds_ratio(treated=[1, 2, 3, 3, 2, 4], control=[2, 3, 4, 5, 3, 4])
    assert pns.second_opinion(result).differing == 0
    assert planted(result, log_odds_ratio=result.log_odds_ratio + 1e-3) == 1
    assert planted(result, std_error=result.std_error + 1e-2) == 1


def test_an_error_in_a_cox_model_is_caught():
    result = pns.survival.cox([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 0, 1, 1], [1, 0, 1, 1, 0, 0, 1, 0])
    assert pns.second_opinion(result).differing == 0
    place = result.columns.index("coef")
    for name, row in result.rows.items():
        wrong = {**result.rows, name: (*row[:place], row[place] + 1e-3, *row[place + 1 :])}
        assert planted(result, rows=wrong) == 1


def test_what_has_no_second_engine_says_so():
    with pytest.raises(TypeError, match="no other library computes a SingleStage"):
        pns.second_opinion(pns.design.single_stage(0.05, 0.25))


def test_a_missing_engine_is_named(monkeypatch, example_folder, capsys):
    monkeypatch.setitem(sys.modules, "lifelines", None)
    with pytest.raises(EngineMissingError, match="pip install lifelines"):
        pns.second_opinion(pns.survival.kaplan_meier([1, 2], [1, 1]))
    assert main(["verify", str(example_folder)]) == 2
    assert "lifelines is not installed" in capsys.readouterr().err


def test_the_command_prints_both_and_its_exit_code_tells(example_folder, capsys, monkeypatch):
    assert main(["verify", str(example_folder), "--null", "0.1"]) == 0
    assert "numbers agree with lifelines" in capsys.readouterr().out
    from pnstrial.verification import engines

    monkeypatch.setattr(engines, "binomial_tail", lambda *_: 0.5)
    assert main(["verify", str(example_folder), "--null", "0.1"]) == 1


def test_nothing_to_compare_is_no_agreement_by_default(tiny, protocol):
    found = verify(tiny(), protocol)
    assert found.differing == 0
    assert not isinstance(found.n, NotEstimable)


@pytest.mark.parametrize("group", [[0, 1] * 4, [0, 1, 2, 2, 1, 0, 1, 2], list("abababab")])
def test_an_error_in_a_log_rank_test_is_caught(group):
    result = pns.survival.logrank([1, 2, 2, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 0, 1, 1], group)
    opinion = pns.second_opinion(result)
    assert (opinion.n, opinion.differing) == (2, 0)
    assert planted(result, statistic=result.statistic + 1e-6) == 1
    assert planted(result, p_value=result.p_value + 1e-6) == 1


def test_a_weighted_or_stratified_log_rank_test_has_no_opinion():
    records = ([1, 2, 2, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 0, 1, 1], [0, 1] * 4)
    assert pns.second_opinion(pns.survival.logrank(*records, weights=("fleming-harrington", 1, 0))).n == 0
    assert pns.second_opinion(pns.survival.logrank(*records, strata=[0] * 4 + [1] * 4)).n == 0


RECORDS = ([9, 13, 18, 23, 28, 31, 34, 45, 48, 5, 8, 27], [1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1])


@pytest.mark.parametrize("name", ["exponential", "weibull", "lognormal", "loglogistic", "generalised-gamma"])
def test_an_error_in_a_fitted_distribution_is_caught(name):
    result = pns.survival.parametric(*RECORDS, name)
    opinion = pns.second_opinion(result)
    assert opinion.n == 2 * len(result.names) + 1
    assert opinion.differing == 0
    for k in range(len(result.names)):
        wrong = result.fitted.copy()
        wrong[k] += 0.01
        assert planted(result, fitted=wrong) == 1
        wrong = result.covariance.copy()
        wrong[k, k] = (np.sqrt(wrong[k, k]) + 0.01) ** 2
        assert planted(result, covariance=wrong) == 1
    assert planted(result, loglik=result.loglik + 1e-4) == 1


@pytest.mark.parametrize(
    "further",
    [
        {"covariates": {"x": [0, 1] * 6}},
        {"entry": [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]},
        {"weights": [1, 2] * 6, "covariates": {"x": [0, 0, 1] * 4}},
    ],
)
def test_covariates_late_entry_and_weights_of_a_fit_have_their_opinion(further):
    opinion = pns.second_opinion(pns.survival.parametric(*RECORDS, "weibull", **further))
    assert opinion.n >= 5
    assert opinion.differing == 0


def test_what_lifelines_does_not_fit_has_no_opinion():
    assert pns.second_opinion(pns.survival.parametric(*RECORDS, "gompertz")).n == 0


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_an_error_in_a_kappa_is_caught(weights):
    result = pns.shift.weighted_kappa([2, 3, 3, 4, 2, 1, 5, 3], [2, 3, 4, 4, 1, 1, 5, 2], weights=weights)
    opinion = pns.second_opinion(result)
    assert (opinion.n, opinion.differing) == (2, 0)
    assert planted(result, estimate=result.estimate + 1e-8) == 1
    assert planted(result, std_error=result.std_error + 1e-8) == 1


# ---------------------------------------------------------------------------------- every number that verify prints
def nudged(values, at):
    wrong = np.array(values, dtype=float)
    wrong[at] += 1e-6
    return wrong


def plants(name, result):
    """Give each number of a result that `verify` prints, and the result with an error planted in that number alone."""
    if isinstance(result, pns.endpoints.ResponseResult):
        yield f"{name}: proportion", replace(result, estimate=result.estimate + 1e-6)
    if isinstance(result, (pns.endpoints.ResponseResult, pns.design.ProportionResult)):
        low, high = result.ci
        yield f"{name}: lower limit", replace(result, ci=(low + 1e-6, high))
        yield f"{name}: upper limit", replace(result, ci=(low, high + 1e-6))
        if isinstance(result.p_value, float):
            yield f"{name}: p-value", replace(result, p_value=result.p_value + 1e-6)
    elif isinstance(result, pns.survival.OneSampleLogRank):
        low, high = result.ratio_ci
        yield f"{name}: lower limit of the ratio", replace(result, ratio_ci=(low + 1e-6, high))
        yield f"{name}: upper limit of the ratio", replace(result, ratio_ci=(low, high + 1e-6))
    elif isinstance(result, pns.shift.ShiftResult):
        for kind, field in (("Pratt", "signed_rank"), ("Wilcoxon", "signed_rank_wilcoxon")):
            test = getattr(result, field)
            wrong = replace(test, p_value=test.p_value + 1e-6)
            yield f"{name}: signed-rank p-value, zeros after {kind}", replace(result, **{field: wrong})
        for change in ("improved", "stable", "deteriorated"):
            low, high = getattr(result.changes, f"{change}_ci")
            for end, ci in (("lower", (low + 1e-6, high)), ("upper", (low, high + 1e-6))):
                wrong = replace(result.changes, **{f"{change}_ci": ci})
                yield f"{name}: {change}: {end} limit", replace(result, changes=wrong)
        low, high = result.sign.ci
        yield (
            f"{name}: sign test, lower limit",
            replace(result, sign=replace(result.sign, ci=(low + 1e-6, high))),
        )
        yield (
            f"{name}: sign test, upper limit",
            replace(result, sign=replace(result.sign, ci=(low, high + 1e-6))),
        )
    elif isinstance(result.curve, pns.survival.KaplanMeier):
        curve = result.curve
        for k in np.flatnonzero(curve.n_event > 0):
            wrong = replace(curve, survival=nudged(curve.survival, k))
            yield f"{name}: survival at {curve.time[k]:g}", replace(result, curve=wrong)
            for end in ("lower", "upper") if 0 < curve.survival[k] < 1 else ():
                wrong = replace(curve, **{end: nudged(getattr(curve, end), k)})
                yield f"{name}: {end} limit at {curve.time[k]:g}", replace(result, curve=wrong)
    else:
        curve = result.curve
        for cause in curve.causes:
            for k in np.flatnonzero(curve.n_event[cause] > 0):
                wrong = {**curve.incidence, cause: nudged(curve.incidence[cause], k)}
                place = f"{name}: incidence of {cause} at {curve.time[k]:g}"
                yield place, replace(result, curve=replace(curve, incidence=wrong))


def wrong_by(function, change):
    """Give the function with an error planted in what it answers."""
    return lambda *given, **named: change(function(*given, **named))


def test_a_planted_error_is_caught_in_each_number_that_verify_prints(example, protocol, monkeypatch):
    from pnstrial.reporting.material import Material
    from pnstrial.verification import engines, opinion

    # each engine answers once: what is planted is in ours
    for engine in (
        "kaplan_meier", "restricted_mean", "cumulative_incidence", "signed_rank", "binomial_interval", "median",
        "poisson_interval", "beta_product",
    ):  # fmt: skip
        monkeypatch.setattr(engines, engine, remembered(getattr(engines, engine)))
    material = Material(pns.analyse(example, protocol, null=0.1))
    results = dict(opinion.compared(material))
    caught = set()
    for name, result in results.items():
        for quantity, wrong in plants(name, result):
            found = [number for number in opinion._KINDS[type(result)](name, wrong) if not number.agrees]
            assert quantity in [number.quantity for number in found], quantity
            assert {number.quantity for number in found} <= {quantity, f"{name}: median"}
            assert not found[0].reason
            caught.add(quantity)

    def of_curves():
        return [
            number
            for name in ("Overall survival", "Deterioration")
            for number in opinion._of_survival(name, results[name])
        ]

    with monkeypatch.context() as planted_here:
        planted_here.setattr(
            opinion, "rmst", wrong_by(opinion.rmst, lambda x: replace(x, estimate=x.estimate + 0.01))
        )
        wrong = {number.quantity for number in of_curves() if not number.agrees}
        assert all("restricted mean" in quantity for quantity in wrong)
        caught |= wrong
    with monkeypatch.context() as planted_here:
        later = wrong_by(
            pns.survival.KaplanMeier.quantile,
            lambda x: replace(x, estimate=x.estimate + 1) if isinstance(x.estimate, float) else x,
        )
        planted_here.setattr(pns.survival.KaplanMeier, "quantile", later)
        wrong = {number.quantity for number in of_curves() if not number.agrees}
        assert wrong == {"Deterioration: median"}
        caught |= wrong
    with monkeypatch.context() as planted_here:
        planted_here.setattr(opinion, "binomial_tail", wrong_by(opinion.binomial_tail, lambda x: x + 1e-6))
        wrong = {number.quantity for number in opinion._of_power(material) if not number.agrees}
        caught |= wrong
    monkeypatch.undo()
    printed = verify(example, protocol, null=0.1)
    assert printed.n > 130
    assert caught == set(printed.table["quantity"])


def remembered(engine):
    answers = {}

    def answer(*given):
        key = tuple(x.tobytes() if isinstance(x, np.ndarray) else x for x in given)
        if key not in answers:
            answers[key] = engine(*given)
        return answers[key]

    return answer


def test_beta_product_limits_are_found_again_with_ties_and_censoring():
    time, event = [2, 2, 3, 5, 5, 5, 8, 9, 9, 12], [1, 1, 0, 1, 1, 0, 1, 0, 1, 0]
    curve = pns.survival.kaplan_meier(time, event, conf_type="beta-product", level=0.9)
    found = pns.second_opinion(curve)
    limits = found.table[found.table["quantity"].str.contains("limit")]
    assert set(limits["engine"]) == {"scipy"}
    assert len(limits) == 8
    assert found.differing == 0
    wrong = replace(curve, lower=curve.lower * 0.999)
    assert pns.second_opinion(wrong).differing == 4


def test_an_interval_censored_curve_is_found_again():
    curve = pns.survival.turnbull([0, 4, 4, 8, 8, 0], [4, 8, 12, 12, np.inf, 8])
    found = pns.second_opinion(curve)
    assert (found.n, found.differing) == (3, 0)
    assert pns.second_opinion(replace(curve, survival=curve.survival + 1e-4)).differing == 3
    assert pns.second_opinion(pns.survival.turnbull([2, 3, 5], [2, 3, np.inf])).n == 0

"""A second engine gives the same numbers, and an error planted in any of ours is caught."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.results import NotEstimable
from pnstrial.verification import EngineMissingError, verify

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

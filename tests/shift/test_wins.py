"""Pairs of patients, planning, Markov courses, missing values, against the R packages named in each test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import shift
from pnstrial.results import NotEstimable

from .conftest import cases, counted, number

WINS = cases("win_stats")


@pytest.mark.reference
@pytest.mark.parametrize("case", WINS, ids=[c["id"] for c in WINS])
def test_win_statistics_equal_r(case):
    # genodds, hce, BuyseTest 1e-10; coin's exact p 1e-9
    treated, control, out = case["inputs"]["treat"], case["inputs"]["control"], case["outputs"]
    for ties in ("split", "drop"):
        for null in (False, True):
            there = out["genodds"][ties + ("_null_se" if null else "")]
            here = shift.generalized_odds_ratio(**counted(treated, control), ties=ties, assume_no_effect=null)
            assert here.odds_ratio == pytest.approx(number(there["odds_better"]), rel=1e-10)
            assert here.nnt == pytest.approx(number(there["NNT_better"]), rel=1e-10)
            if there["p"] not in ("NaN", 0):
                assert here.p_value == pytest.approx(there["p"], abs=1e-10)
                assert (1 / here.ci[1], 1 / here.ci[0]) == pytest.approx(there["ci"], rel=1e-10)
    wins = shift.win_statistics(**counted(treated, control))
    if "hce_biased" in out:
        summary = out["hce_biased"]["summary"]
        assert (wins.wins, wins.losses, wins.ties) == tuple(summary[key] for key in ("WIN", "LOSS", "TIE"))
    for name, (part, key) in {
        "win_ratio": ("BuyseTest", "winRatio"),
        "win_odds": ("BuyseTest_halfNeutral", "winOdds"),
        "net_benefit": ("BuyseTest", "netBenefit"),
    }.items():
        there = out.get(part, {}).get(key)
        if there and there["se"] not in ("NA", 0):
            expected = [there["estimate"], there["lower.ci"], there["upper.ci"]]
            assert list(getattr(wins, name)) == pytest.approx(expected, rel=1e-10)
    if out.get("BuyseTest", {}).get("netBenefit", {}).get("p.value"):
        assert wins.p_value == pytest.approx(out["BuyseTest"]["netBenefit"]["p.value"], abs=1e-10)
    many = shift.win_statistics_batch([[treated, control]])
    if isinstance(wins.net_benefit, tuple):
        assert many["net_benefit"][0] == pytest.approx(wins.net_benefit[0])
    n = sum(treated) + sum(control)
    permuted = shift.permutation_test(**counted(treated, control), draws=100)
    assert permuted.p_value_normal == pytest.approx(out["wmw"]["p_asym"], abs=1e-10)
    if "p_exact_coin" in out["wmw"] and n <= 250:
        assert permuted.p_value == pytest.approx(out["wmw"]["p_exact_coin"], abs=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("gpc_wins"), ids=[c["id"] for c in cases("gpc_wins")])
def test_prioritised_comparison_equals_buysetest(case):
    given_, out = case["inputs"], case["outputs"]
    if "counts" not in out:
        # WINS: the estimates; its variance (Dong) is another, and its net-benefit interval leaves [-1, 1]
        found = shift.win_statistics(**counted(given_["treat"], given_["control"]))
        for name, key in (("win_ratio", "WR"), ("win_odds", "WO"), ("net_benefit", "NB")):
            assert getattr(found, name)[0] == pytest.approx(out[key][0], rel=1e-10)
        assert -1 <= found.net_benefit[1] <= found.net_benefit[2] <= 1
        return
    for thresholds, there in ((None, out), ({"y6": 2}, out["threshold2"])):
        found = shift.prioritised_comparison(
            treated=given_["treat"], control=given_["control"], outcomes=["death", "y6", "y3"],
            thresholds=thresholds,
        )  # fmt: skip
        for name, key in (("win_ratio", "winRatio"), ("win_odds", "winOdds"), ("net_benefit", "netBenefit")):
            if key in there:
                expected = [there[key][k] for k in ("estimate", "lower.ci", "upper.ci")]
                assert list(getattr(found, name)) == pytest.approx(expected, rel=1e-10)
        assert found.contributions()["net_benefit"].sum() == pytest.approx(found.net_benefit[0])
        if thresholds is None:
            assert [list(found.wins), list(found.losses), list(found.ties)] == list(out["counts"].values())


counts_of_a_group = st.lists(st.integers(0, 12), min_size=4, max_size=4).filter(any)


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(counts_of_a_group, counts_of_a_group)
def test_intervals_stay_in_range(treated, control):
    found = shift.win_statistics(**counted(treated, control))
    assert found.wins + found.losses + found.ties == sum(treated) * sum(control)
    assert 0 <= found.p_value <= 1
    if isinstance(found.net_benefit, NotEstimable):
        return
    estimate, low, high = found.net_benefit
    assert -1 <= low <= estimate + 1e-12
    assert estimate - 1e-12 <= high <= 1
    back = shift.win_statistics(**counted(control, treated))
    assert back.net_benefit == pytest.approx((-estimate, -high, -low), abs=1e-9)


def test_no_pair_lost_gives_one_sided_intervals():
    found = shift.win_statistics(**counted([3, 5, 4, 0], [0, 0, 0, 9]))
    assert found.win_odds[0] == found.win_odds[2] == math.inf
    # nine independent pairs, all won: exact binomial limit
    assert found.net_benefit[1] == pytest.approx(2 * 0.025 ** (1 / 9) - 1)
    assert found.p_value == pytest.approx(1 / math.comb(21, 9))
    assert isinstance(shift.win_statistics(**counted([0, 4], [0, 3])).win_ratio, NotEstimable)


@pytest.mark.double
def test_permutation_counts_every_allocation_and_sampling_agrees():
    import itertools

    pooled = [0, 0, 1, 1, 1, 2, 3, 3]
    sums = [sum(pooled[i] for i in chosen) for chosen in itertools.combinations(range(8), 4)]
    ranks = {0: 1.5, 1: 4, 2: 6, 3: 7.5}
    totals = np.array([sum(ranks[pooled[i]] for i in c) for c in itertools.combinations(range(8), 4)])
    observed = ranks[0] * 2 + ranks[1] + ranks[3]
    found = shift.permutation_test(**counted([2, 1, 0, 1], [0, 2, 1, 1]))
    assert len(sums) == 70
    assert found.p_value == pytest.approx((np.abs(totals - 18) >= abs(observed - 18)).mean())
    assert found.p_value_better == pytest.approx((totals <= observed).mean())
    sampled = shift.permutation_test(**counted([2, 1, 0, 1], [0, 2, 1, 1]), largest=0, draws=20_000, seed=4)
    assert sampled.p_value == pytest.approx(found.p_value, abs=4 * sampled.monte_carlo_error)
    assert not sampled.exact


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("nnt_rubin"), ids=[c["id"] for c in cases("nnt_rubin")])
def test_number_needed_and_rubin(case):
    # lpSolve 1e-9; mice::pool.scalar 1e-10
    given_, out = case["inputs"], case["outputs"]
    if "Q" in given_:
        found = shift.rubin(given_["Q"], given_["U"], given_["n"], given_["k"])
        values = [found.estimate, found.within, found.between, found.total, found.relative_increase, found.df]
        assert values == pytest.approx([out[key] for key in ("qbar", "ubar", "b", "t", "r", "df")], rel=1e-10)
        assert found.fraction_missing == pytest.approx(out["fmi"], rel=1e-10)
        return
    found = shift.number_needed_to_treat(**counted(given_["treat"], given_["control"]))
    one = out["one_step_no_harm"]
    assert found.bounds == pytest.approx((number(out["NNTB_min"]), number(out["NNTB_max"])), rel=1e-9)
    assert found.one_step == pytest.approx((number(one["NNT_min"]), number(one["NNT_max"])), rel=1e-9)
    assert found.independent == pytest.approx(out["independent"]["NNT_net"], rel=1e-9)
    assert found.net == pytest.approx((number(out["NNT_net_best"]), number(out["NNT_net_worst"])), rel=1e-8)
    assert list(found.per_cut) == pytest.approx(out["NNT_per_cut"], rel=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("sample_size"), ids=[c["id"] for c in cases("sample_size")])
def test_planning_equals_r(case):
    # Hmisc 1e-9; genodds power 1e-9
    given_, out, key = case["inputs"], case["outputs"], case["id"]
    if key.startswith("posamsize"):
        names = ("p", "odds_ratio", "alpha", "power", "fraction")
        assert shift.po_sample_size(**{n: given_[n] for n in names}).n_exact == pytest.approx(
            out["n"], rel=1e-9
        )
    elif key.startswith("popower"):
        n = given_["n1"] + given_["n2"]
        power = shift.po_power(given_["p"], given_["odds_ratio"], n, given_["alpha"], given_["n1"] / n)
        assert power == pytest.approx(out["power"], abs=1e-9)
    elif key.startswith("pomodm"):
        moved = shift.shift_distribution(given_["p"], 1 / given_["odds_ratio"])
        assert moved.tolist() == pytest.approx(out["p_new"], abs=1e-10)
    elif key.startswith("genodds"):
        side = {"two.sided": "two-sided", "upper.tail": "worse", "lower.tail": "better"}[given_["direction"]]
        settings_ = {"ties": given_["ties"], "fraction": given_["w"][1]}
        power = shift.generalized_odds_power(
            given_["p1"], given_["p0"], given_["N"], alternative=side, **settings_
        )
        assert power == pytest.approx(out["power"], abs=1e-9)
        if out["N_for_80"]:
            assert (
                shift.generalized_odds_sample_size(given_["p1"], given_["p0"], **settings_).n
                == out["N_for_80"]
            )


@pytest.mark.reference
@pytest.mark.parametrize("case", cases("power_sim")[:8], ids=[c["id"] for c in cases("power_sim")[:8]])
def test_simulated_power_agrees(case):
    # both are simulations: four standard errors
    given_, out = case["inputs"], case["outputs"]
    if "p_control" not in given_:
        return
    n = given_["n_per_arm"]
    found = shift.simulated_power(given_["p_treat"], given_["p_control"], n, n, 10_000, seed=1)
    for name, key in (("likelihood_ratio", "clm_LR"), ("wald", "clm_Wald")):
        error = math.hypot(out[key]["mc_se"], found.monte_carlo_error)
        assert getattr(found, name) == pytest.approx(out[key]["power"], abs=4 * error)


@pytest.mark.double
def test_win_odds_plan_reaches_its_power():
    p0 = [0.02, 0.06, 0.12, 0.25, 0.3, 0.15, 0.1]
    p1 = shift.shift_distribution(p0, 2.0)
    n = shift.win_odds_sample_size(p1, p0).n_exact
    assert shift.win_odds_power(p1, p0, n) == pytest.approx(0.8, abs=1e-6)
    half = round(n / 2)
    rng = np.random.default_rng(2)
    trials = np.stack([rng.multinomial(half, p1, 4000), rng.multinomial(half, p0, 4000)], axis=1)
    assert (shift.win_statistics_batch(trials)["p_value"] < 0.05).mean() == pytest.approx(0.8, abs=0.04)
    assert shift.win_ratio_sample_size(1.5, 0.25).n_exact == pytest.approx(568.2, abs=0.2)


MARKOV = cases("markov")


@pytest.mark.reference
@pytest.mark.parametrize("case", MARKOV, ids=[c["id"] for c in MARKOV])
def test_markov_equals_hmisc(case):
    # soprobMarkovOrd 1e-10; simMarkovOrd within 4.5 Monte Carlo errors; intMarkovOrd by the reached distribution
    given_, out = case["inputs"], case["outputs"]
    if "intercepts" in out:
        setting = {"times": given_["times"], "initial": given_["init"], "absorb": given_["absorb"]}
        found = shift.markov_intercepts(given_["target"], **setting, bt=given_["bt"], bp=given_["bp"])
        assert found.tolist() == pytest.approx(out["intercepts"], abs=1e-4)
        return
    names = ("bt", "btx", "bp", "par", "tx", "mode")
    setting = {"times": given_["times"], "initial": given_["init"], "absorb": given_["absorb"]}
    setting |= {name: given_[name] for name in names}
    occupancy = shift.markov_occupancy(given_["ints"], **setting)
    if "prob_rows_times" in out:
        assert occupancy == pytest.approx(np.array(out["prob_rows_times"]), abs=1e-10)
    else:
        error = np.sqrt(occupancy * (1 - occupancy) / 4000) + 2e-4
        assert (np.abs(occupancy - out["prop_rows_times"]) < 4.5 * error).all()
    courses = shift.markov_simulate(given_["ints"], n=4000, seed=5, **setting)
    share = np.stack([np.bincount(column, minlength=occupancy.shape[1]) for column in courses.T]) / 4000
    assert (np.abs(share - occupancy) < 4.5 * np.sqrt(occupancy * (1 - occupancy) / 4000) + 2e-4).all()


def test_markov_takes_a_predictor_of_ones_own():
    own = shift.markov_occupancy([2, 0, -2], [1, 2], 1, g=lambda yprev, *rest: 0.8 * yprev + rest[-1])
    assert own == pytest.approx(shift.markov_occupancy([2, 0, -2], [1, 2], [0, 1, 0, 0], bp=0.8))
    for wrong, text in (
        ({"intercepts": [0, 1]}, "must be finite and fall"),
        ({"times": [2, 1]}, "must be finite and rise"),
        ({"initial": "9"}, "initial = '9'"),
        ({"absorb": 9}, "absorb"),
        ({"g": lambda *_: math.nan}, "g gave"),
    ):
        with pytest.raises(ValueError, match=text):
            shift.markov_occupancy(**{"intercepts": [2, 0], "times": [1], "initial": 0, **wrong})


def test_missing_values():
    first = [3, 3, 2, 2, 3, 2, 3, 3]
    second = [2, 3, 2, 1, None, None, 2, 4]
    completed = shift.impute(first, second, m=5, seed=1)
    assert completed.shape == (5, 8)
    assert (completed[:, [0, 1, 2, 3, 6, 7]] == [2, 3, 2, 1, 2, 4]).all()
    assert completed.min() >= 0
    assert (shift.impute(first, second, m=5, seed=1) == completed).all()
    bounds = shift.case_bounds(first, second)
    assert (bounds.worst, bounds.best, bounds.n_missing) == (3 / 8, 5 / 8, 2)
    assert bounds.p_best <= shift.signed_rank(first, completed[0]).p_value or bounds.p_worst <= 1
    tipping = shift.tipping_point(first, second)
    assert isinstance(tipping.shift, NotEstimable)
    assert len(tipping.to_frame()) == 13
    assert shift.tipping_point([3] * 12, [2] * 7 + [3] * 2 + [None] * 3).shift == 1
    with pytest.raises(ValueError, match="2 or more"):
        shift.rubin([1.0], [1.0])
    with pytest.raises(ValueError, match="at least 2"):
        shift.impute([3, 3], [None, 2])


def test_bad_plans_are_named():
    p = [0.5, 0.5]
    for call, text in (
        (lambda: shift.po_sample_size([0.5, 0.4], 2), "sums to 0.9"),
        (lambda: shift.po_sample_size(p, 1), "no effect"),
        (lambda: shift.po_sample_size(p, -1), "odds_ratio = -1"),
        (lambda: shift.po_power(p, 2, 0), "n = 0"),
        (lambda: shift.po_power(p, 2, 10, alpha=1), "alpha = 1"),
        (lambda: shift.generalized_odds_power([1.0, 0.0], [0.0, 1.0], 10), "do not overlap"),
        (lambda: shift.generalized_odds_sample_size(p, p), "odds ratio of 1"),
        (
            lambda: shift.prioritised_comparison(treated={"a": [1]}, control={"b": [1]}, outcomes=["a"]),
            "control has no values for a",
        ),
        (
            lambda: shift.prioritised_comparison(
                treated={"a": [math.nan]}, control={"a": [1]}, outcomes=["a"]
            ),
            "has no value",
        ),
    ):
        with pytest.raises(ValueError, match=text):
            call()

"""One arm: exact tests against coin, exact2x2, DescTools and stats (1e-12 for exact p-values, else 1e-10)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import shift
from pnstrial.results import NotEstimable

from .conftest import cases, number

PAIRED = cases("paired")


@pytest.mark.reference
@pytest.mark.parametrize("case", PAIRED, ids=[c["id"] for c in PAIRED])
def test_paired_equals_r(case):
    first, second, out = case["inputs"]["first"], case["inputs"]["second"], case["outputs"]
    assert (
        shift.transition_table(first, second).counts.ravel().tolist() == case["inputs"]["table_7x7_rowmajor"]
    )
    moved, counts = shift.changes(first, second, dead="stable"), out["counts"]
    assert (moved.improved, moved.stable, moved.deteriorated) == tuple(
        counts[key] for key in ("improved", "unchanged", "worsened")
    )
    assert moved.improved_ci == pytest.approx(out["improved_prop"]["clopper_pearson"], abs=1e-10)
    for zeros in ("pratt", "wilcoxon"):
        there = out["coin_wilcoxsign"].get(f"{zeros}_exact", {})
        if "p" in there:
            assert shift.signed_rank(first, second, zeros).p_value == pytest.approx(there["p"], abs=1e-12)
            one_sided = shift.signed_rank(first, second, zeros, "improved").p_value
            assert one_sided == pytest.approx(out["coin_wilcoxsign"][f"{zeros}_exact_greater"], abs=1e-12)
    if out.get("sign_test"):
        sign = shift.sign_test(first, second, dead="stable")
        assert sign.p_value == pytest.approx(out["sign_test"]["p"], abs=1e-12)
        assert sign.ci == pytest.approx(out["sign_test"]["ci"], abs=1e-10)
        improved = shift.sign_test(first, second, "improved", dead="stable").p_value
        assert improved == pytest.approx(out["sign_test"]["p_greater"], abs=1e-12)
    for there in out["mcnemar_cut"]:
        here = shift.mcnemar(first, second, there["cut"])
        assert [here.both_bad, here.to_bad, here.to_good, here.both_good] == there["table"]
        assert here.p_value == pytest.approx(there["exact_p"], abs=1e-12)
        assert here.ci == pytest.approx([number(limit) for limit in there["ci"]], rel=1e-9)
        if there["OR"] == "NA":
            assert isinstance(here.odds_ratio, NotEstimable)
        else:
            assert here.odds_ratio == pytest.approx(number(there["OR"]))
    symmetry = shift.bowker(first, second)
    assert symmetry.statistic == pytest.approx(out["bowker_nonzero_pairs"]["X2"], abs=1e-10)
    assert symmetry.df == out["bowker_nonzero_pairs"]["df"]
    margins, scores = shift.stuart_maxwell(first, second), shift.marginal_homogeneity(first, second)
    if "X2" in out["stuart_maxwell_DescTools"]:
        # DescTools counts K - 1 degrees of freedom; the rank is coin's
        assert margins.statistic == pytest.approx(out["stuart_maxwell_DescTools"]["X2"], rel=1e-10)
        assert margins.df == out["coin_mh_nominal"]["df"]
        assert margins.p_value == pytest.approx(out["coin_mh_nominal"]["p"], abs=1e-10)
        assert scores.p_value == pytest.approx(out["coin_mh_scores"]["p"], abs=1e-10)
    else:
        assert (margins.df, margins.p_value, scores.df, scores.p_value, symmetry.p_value) == (
            0,
            1.0,
            0,
            1.0,
            1.0,
        )
        assert "nothing to test" in margins.note
    if out.get("wins_losses"):
        wins = shift.paired_wins(first, second, dead="stable")
        assert wins.win_ratio[0] == pytest.approx(number(out["wins_losses"]["win_ratio"]))
        assert wins.net_benefit[0] == pytest.approx(out["wins_losses"]["net_benefit"])
        assert wins.win_odds[0] == pytest.approx(number(out["wins_losses"]["win_odds"]))
    gain, there = shift.utility(first, second, conf_type="t"), out["utility_paired_t"]
    assert gain.mean_difference == pytest.approx(there["mean_diff"], abs=1e-12)
    if there["p"] != "NaN":
        assert gain.p_value == pytest.approx(there["p"], abs=1e-10)
        assert gain.ci == pytest.approx(there["ci"], abs=1e-10)
    else:
        assert isinstance(gain.ci, NotEstimable)


@pytest.mark.reference
@pytest.mark.parametrize("case", PAIRED, ids=[c["id"] for c in PAIRED])
def test_two_visits_with_a_patient_intercept(case):
    # ordinal::clmm: quadrature 1e-3 in beta; R's optimiser stops short of the maximum, ours is at least as high
    rows = np.array([case["inputs"]["first"], case["inputs"]["second"]]).T
    there = case["outputs"].get("clmm_nAGQ10")
    if not there or "beta" not in there:
        return
    fit = shift.mixed_ordinal(rows, nodes=10)
    assert fit.loglik >= there["logLik"] - 1e-6
    if there["se"] == "NaN":
        assert isinstance(fit.std_error, NotEstimable)
        assert "no finite maximum" in fit.note
    else:
        assert fit.beta[0] == pytest.approx(there["beta"], abs=1e-3)
        assert fit.sd == pytest.approx(there["sd_id"], abs=1e-3)


MIXED = cases("mixed_po")


@pytest.mark.reference
@pytest.mark.parametrize("nodes", [1, 7, 15])
@pytest.mark.parametrize("case", MIXED, ids=[c["id"] for c in MIXED])
def test_three_visits_equal_clmm(case, nodes):
    # 1e-4; where R's Laplace run stopped at a lower likelihood than ours, 5e-4
    there = case["outputs"][f"clmm_nAGQ{nodes}"]
    fit = shift.mixed_ordinal(
        np.array([case["inputs"][k] for k in ("baseline", "month3", "month6")]).T, nodes=nodes
    )
    assert fit.loglik >= there["logLik"] - 1e-7
    tolerance = 1e-4 if fit.loglik - there["logLik"] < 1e-6 else 5e-4
    assert list(fit.beta) == pytest.approx(list(there["beta"].values()), abs=tolerance)
    assert list(fit.std_error) == pytest.approx(there["se"], abs=tolerance)
    assert list(fit.thresholds) == pytest.approx(there["theta"], abs=tolerance)
    assert fit.sd == pytest.approx(there["sd"], abs=tolerance)


def test_missing_visits_and_impossible_ratings():
    fit = shift.mixed_ordinal([[3, 2, None], [3, None, 2], [2, 2, 3], [4, 3, 3], [3, 2, 1], [2, 3, 2]])
    assert (fit.n, fit.n_ratings, fit.n_missing) == (6, 16, 2)
    assert len(fit.to_frame()) == 2
    with pytest.raises(ValueError, match="visit 2"):
        shift.mixed_ordinal([[3, None], [2, None]])
    with pytest.raises(ValueError, match="all ratings are 3"):
        shift.mixed_ordinal([[3, 3], [3, 3]])


grades = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=9)


@pytest.mark.double
@settings(max_examples=40, deadline=None)
@given(grades, st.sampled_from(["pratt", "wilcoxon"]))
def test_signed_rank_counts_every_sign(pairs, zeros):
    first, second = map(np.array, zip(*pairs, strict=True))
    move = first - second
    kept = move if zeros == "pratt" else move[move != 0]
    size = np.abs(kept)
    rank = np.array([(size < s).sum() + ((size == s).sum() + 1) / 2 for s in size])[kept != 0]
    observed = rank[kept[kept != 0] > 0].sum() if rank.size else 0.0
    sums = np.array([(rank * signs).sum() for signs in itertools.product([0, 1], repeat=rank.size)])
    upper = (sums >= observed - 1e-9).mean()
    both = (np.abs(sums - rank.sum() / 2) >= abs(observed - rank.sum() / 2) - 1e-9).mean()
    assert shift.signed_rank(first, second, zeros, "improved").p_value == pytest.approx(upper, abs=1e-12)
    assert shift.signed_rank(first, second, zeros).p_value == pytest.approx(both, abs=1e-12)


@pytest.mark.property
@settings(max_examples=40, deadline=None)
@given(grades)
def test_paired_results_have_no_holes(pairs):
    first, second = map(list, zip(*pairs, strict=True))
    for result in (
        shift.stuart_maxwell(first, second), shift.bowker(first, second), shift.marginal_homogeneity(first, second),
        shift.sign_test(first, second, dead="stable"), shift.signed_rank(first, second),
    ):  # fmt: skip
        assert 0.0 <= result.p_value <= 1.0
    assert shift.signed_rank(second, first).p_value == pytest.approx(shift.signed_rank(first, second).p_value)
    wins = shift.paired_wins(first, second, dead="stable")
    estimate, low, high = wins.net_benefit
    assert -1.0 <= low <= estimate <= high <= 1.0
    assert wins.wins + wins.losses + wins.ties == wins.n == len(first)


def test_batch_equals_single_and_large_n_is_exact():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 7, (30, 17)), rng.integers(0, 7, (30, 17))
    for zeros, alternative in itertools.product(("pratt", "wilcoxon"), ("two-sided", "improved")):
        many = shift.signed_rank_batch(first, second, zeros, alternative)
        one = [
            shift.signed_rank(a, b, zeros, alternative).p_value for a, b in zip(first, second, strict=True)
        ]
        assert many.tolist() == one
    # one size of change only: the test is the sign test, whose tail is known at any n
    first, second = np.full(1200, 3), np.where(np.arange(1200) < 640, 2, 4)
    assert shift.signed_rank(first, second).p_value == pytest.approx(
        shift.sign_test(first, second).p_value, rel=1e-10
    )


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ([1, 2], [1, 2, 3], "shape"),
        ([1, 7], [1, 2], r"first\[1\] = 7"),
        ([1, 2], [1, -1], r"second\[1\] = -1"),
        ([1, 2.5], [1, 2], r"first\[1\] = 2.5"),
        ([1, 2], [1, math.nan], r"second\[1\] = nan"),
        ([math.nan, math.nan], [1, 2], "all of them"),
        ([1, None], [1, 2], r"first\[1\] = nan"),
        ([], [], "first is empty"),
        (["x"], [1], "first must hold"),
        ([1, math.inf], [1, 2], r"first\[1\] = inf"),
        ([1, 1e300], [1, 2], r"first\[1\] = 1e\+300"),
        ([[1, 2], [3]], [1, 2], "rows of one length"),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        shift.signed_rank, shift.sign_test, shift.stuart_maxwell, shift.bowker, shift.utility, shift.changes,
        shift.paired_wins, shift.transition_table, lambda a, b: shift.mcnemar(a, b, 2),
    ],
)  # fmt: skip
def test_bad_pairs_are_named(function, first, second, text):
    with pytest.raises(ValueError, match=text):
        function(first, second)


def test_bad_words_are_named():
    with pytest.raises(ValueError, match="zeros = 'drop'"):
        shift.signed_rank([1], [2], zeros="drop")
    with pytest.raises(ValueError, match="alternative = 'less'"):
        shift.signed_rank([1], [2], alternative="less")
    with pytest.raises(ValueError, match="cut = 6"):
        shift.mcnemar([1], [2], 6)
    with pytest.raises(ValueError, match="weights = 'mine'"):
        shift.utility([1], [2], "mine")
    with pytest.raises(ValueError, match="7 numbers"):
        shift.utility([1], [2], [1.0, 0.5])

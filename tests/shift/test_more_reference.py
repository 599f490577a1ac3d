"""Further cases made by ``tests/reference/shift/more.R`` (R 4.2.2: ordinal, rms, coin, Hmisc)."""

from __future__ import annotations

import math

import pytest

from pnstrial import shift

from .conftest import cases, counted

pytestmark = pytest.mark.reference
MORE = cases("more")


@pytest.mark.parametrize("index", range(len(MORE)))
def test_more_cases(index):
    # clm and glm 1e-7 (their convergence), coin 1e-12, Hmisc 1e-9
    case = MORE[index]
    given, out = case["inputs"], case["outputs"]
    if case["kind"] == "po":
        found = shift.common_odds_ratio(**counted(given["treat"], given["control"]))
        assert -found.log_odds_ratio == pytest.approx(out["beta"], abs=1e-7)
        assert found.std_error == pytest.approx(out["se"], rel=1e-6)
        assert found.loglik == pytest.approx(out["loglik"], abs=1e-8 * (1 + abs(out["loglik"])))
        assert found.p_value_lr == pytest.approx(math.erfc(math.sqrt(max(out["lr"], 0) / 2)), abs=1e-6)
        assert found.p_value_score == pytest.approx(math.erfc(math.sqrt(max(out["score"], 0) / 2)), abs=1e-6)
    elif case["kind"] == "signed_rank":
        for zeros in ("pratt", "wilcoxon"):
            two = shift.signed_rank(given["first"], given["second"], zeros)
            one = shift.signed_rank(given["first"], given["second"], zeros, "improved")
            assert two.p_value == pytest.approx(out[zeros], abs=1e-12)
            assert one.p_value == pytest.approx(out[f"{zeros}_improved"], abs=1e-12)
    else:
        names = ("p", "odds_ratio", "alpha", "power", "fraction")
        assert shift.po_sample_size(**{n: given[n] for n in names}).n_exact == pytest.approx(
            out["n"], rel=1e-9
        )
        n = given["n1"] + given["n2"]
        power = shift.po_power(given["p"], given["odds_ratio"], n, given["alpha"], given["n1"] / n)
        assert power == pytest.approx(out["power"], abs=1e-9)

"""Limits that hold what they promise with 17 patients: against exact limits, Gaffke's bound and Fisher's test."""

from math import comb

import numpy as np
import pytest
from scipy.stats import beta, fisher_exact

import pnstrial as pns
from pnstrial import survival
from pnstrial.survival.curves.small_sample import area_spreads, bounded_mean, limits_of, risk_table

N = 17


def clopper_pearson(x: int, n: int) -> tuple[float, float]:
    return (
        float(beta.ppf(0.025, x, n - x + 1)) if x else 0.0,
        float(beta.ppf(0.975, x + 1, n - x)) if x < n else 1.0,
    )


def incidence(x: int, dead: int, conf_type: str = "beta-product") -> tuple[float, float]:
    """Limits at 2 where x of 17 had the event at 1, and `dead` the other one; nobody is censored before 3."""
    cause = np.repeat([1, 2, 0], [x, dead, N - x - dead])
    found = survival.cumulative_incidence(
        np.where(cause > 0, 1.0, 3.0), cause, causes=(1, 2), conf_type=conf_type
    )
    row = found.at([2]).iloc[0]
    return float(row["lower"]), float(row["upper"])


def test_without_censoring_the_limits_of_an_incidence_are_exact():
    for x in range(N + 1):
        for dead in (0, (N - x) // 2, N - x):
            assert incidence(x, dead) == pytest.approx(clopper_pearson(x, N), abs=1e-9)


@pytest.mark.parametrize("share", [0.03, 0.06, 0.12, 0.25, 0.5])
def test_exact_coverage_of_an_incidence(share):
    def covered(conf_type: str) -> float:
        total = 0.0
        for x in range(N + 1):
            low, high = incidence(x, (N - x) // 3, conf_type)
            total += (low <= share <= high) * comb(N, x) * share**x * (1 - share) ** (N - x)
        return total

    assert covered("beta-product") >= 0.95
    if share == 0.06:
        assert covered("log-log") == pytest.approx(0.61, abs=0.03)


def test_with_one_cause_the_limits_are_those_of_kaplan_meier():
    rng = np.random.default_rng(3)
    for _ in range(20):
        time, event = rng.integers(1, 9, N), rng.integers(0, 2, N)
        curve = survival.kaplan_meier(time, event)
        found = survival.cumulative_incidence(time, event, causes=[1], conf_type="beta-product")
        np.testing.assert_allclose(found.lower[1], 1 - curve.upper, atol=1e-9)
        np.testing.assert_allclose(found.upper[1], 1 - curve.lower, atol=1e-9)
        assert found.at([0])["upper"][0] == pytest.approx(1 - curve.start_limits[0])


def test_censoring_widens_and_coverage_stays():
    rng = np.random.default_rng(8)
    share, hits, draws = 0.06, 0, 200
    for _ in range(draws):
        time = rng.exponential(-6 / np.log(1 - share - 0.2), N)
        cause = np.where(rng.random(N) < share / (share + 0.2), 1, 2)
        end = np.where(rng.random(N) < 0.2, rng.uniform(0, 6, N), 12)
        found = survival.cumulative_incidence(
            np.minimum(time, end), np.where(time < end, cause, 0), causes=(1, 2), conf_type="beta-product"
        )
        low, high = found.at([6])[["lower", "upper"]].to_numpy()[0]
        hits += low <= share <= high
    assert hits / draws >= 0.94
    early = survival.cumulative_incidence([1] * 10 + [5] * 7, [0] * 17, causes=[1], conf_type="beta-product")
    assert early.at([0, 2])["upper"].tolist() == pytest.approx([1 - 0.025 ** (1 / 17), 1 - 0.025 ** (1 / 7)])


def test_equal_limits_never_stand_without_a_reason():
    nothing = survival.cumulative_incidence([4, 5, 6], [0, 0, 2], causes=[1, 2])
    for frame in (nothing.at([0, 5]), nothing.time_in_state(5)):
        none = frame["lower"] == frame["upper"]
        assert none.any()
        assert frame.loc[none, "reason"].str.contains("beta-product").all()
        assert frame.loc[~none, "reason"].isna().all()
    mean = survival.rmst([4, 5, 6], [0, 0, 1], 5)
    assert mean.ci == (5.0, 5.0)
    assert "nothing varies" in mean.note
    assert "cover" in survival.rmst([4, 5, 6], [1, 0, 1], 5).note


def test_a_trial_where_nobody_improved_has_an_upper_limit(tiny, protocol):
    rows = [{"patient_id": f"P{k}", "mrs": 3} for k in range(6)]
    seen = [{"patient_id": f"P{k}", "date": "2014-09-26", "mrs": 3} for k in range(6)]
    result = pns.time_to_improvement(tiny(screening=rows, mrs=seen), protocol)
    assert result.events == 0
    first = result.landmarks.iloc[0]
    assert first["incidence"] == first["lower"] == 0
    assert first["upper"] == pytest.approx(clopper_pearson(0, result.n)[1])


# ----------------------------------------------------------------------------------------------------- means
def test_limits_of_a_mean_are_gaffkes_without_censoring():
    rng = np.random.default_rng(5)
    uniform = np.sort(rng.random((40_000, N)), axis=1)
    for scale in (2.0, 20.0):
        values = np.sort(rng.exponential(scale, N).clip(max=6))
        high = 6 - uniform @ np.diff([*values, 6.0])
        low = (1 - uniform) @ np.diff([0.0, *values])
        found = limits_of(bounded_mean(values, 6.0), 0.95)
        assert found == pytest.approx((np.quantile(low, 0.025), np.quantile(high, 0.975)), abs=0.04)


def test_limits_of_a_mean_are_exact_for_two_values():
    for x in range(N + 1):
        values = np.repeat([0.0, 1.0], [N - x, x])
        assert limits_of(bounded_mean(values, 1.0), 0.95) == pytest.approx(clopper_pearson(x, N), abs=1e-9)


@pytest.mark.parametrize("scale", [5.0, 60.0])
def test_coverage_of_a_restricted_mean(scale):
    rng = np.random.default_rng(2)
    truth = scale * (1 - np.exp(-6 / scale))
    small = plain = 0
    for _ in range(300):
        time = rng.exponential(scale, N)
        event = time < 6
        low, high = survival.rmst(time.clip(max=6), event, 6, conf_type="beta-product").ci
        small += low <= truth <= high
        low, high = survival.rmst(time.clip(max=6), event, 6).ci
        plain += low <= truth <= high
    assert small / 300 >= 0.94
    assert plain < small


def test_late_entry_falls_back_by_name():
    assert survival.rmst([4, 5, 6], [1, 0, 1], 5, [0, 1, 2], conf_type="beta-product").conf_type == "plain"


# ----------------------------------------------------------------------------------------------- two groups
def test_two_groups_without_censoring_are_fishers_test():
    for a, b in ((1, 6), (0, 9), (4, 4)):
        time = np.repeat([1.0, 2.0, 1.0, 2.0], [a, 9 - a, b, 9 - b])
        found = survival.survival_difference(
            time, time < 2, np.repeat([0, 1], 9), 1.5, conf_type="beta-product"
        )
        one_sided = fisher_exact([[a, 9 - a], [b, 9 - b]], "less").pvalue
        assert found.p_value == pytest.approx(min(1, 2 * one_sided), rel=1e-4)
        assert found.difference_ci[0] <= found.difference < found.difference_ci[1]


def test_groups_where_nothing_happened_have_limits():
    found = survival.survival_difference([5, 6, 7, 8], [0] * 4, [0, 0, 1, 1], 4, conf_type="beta-product")
    low, high = found.difference_ci
    assert low == pytest.approx(-high)
    assert 0.8 < high < 1
    means = survival.rmst_difference([5, 6, 7, 8], [0] * 4, [0, 0, 1, 1], 4, conf_type="beta-product")
    assert means.ci[0] < 0 < means.ci[1]
    assert means.p_value == 1.0


def test_one_curve_one_area():
    time, event = np.array([1.0, 2, 2, 5, 7]), np.array([1.0, 1, 0, 1, 0])
    low, high = limits_of(area_spreads(risk_table(time, event), 6.0), 0.95)
    assert low < survival.rmst(time, event, 6).estimate < high


# ------------------------------------------------------------------------------------------- one time, in reach
@pytest.mark.parametrize("at", [[3, 5], (3,), np.array([4.0])])
def test_one_time_is_one_number(at):
    with pytest.raises(ValueError, match="at must be one time"):
        survival.survival_difference([2, 3, 5, 7], [1, 0, 1, 0], [0, 0, 1, 1], at)


def test_a_time_beyond_the_follow_up_is_refused():
    with pytest.raises(ValueError, match="beyond the follow-up: group 0 was followed up to 3"):
        survival.survival_difference([2, 3, 5, 7], [1, 0, 1, 0], [0, 0, 1, 1], 4)
    gone = survival.survival_difference([2, 3, 5, 7], [1, 1, 1, 0], [0, 0, 1, 1], 4)
    assert gone.survival == (0.0, 1.0)

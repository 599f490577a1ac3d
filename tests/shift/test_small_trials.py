"""Intervals and tests that hold with 17 patients, and small work without a compiler."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from pnstrial import shift
from pnstrial.shift.models.proportional import bootstrap_po_p
from pnstrial.shift.paired.bounded_mean import bounded_mean_interval, bounded_mean_p

N = 17


@pytest.fixture(scope="module")
def intervals():
    """Hold the interval of every outcome of 17 patients at mRS 3 who go to 2, stay, or go to 4."""
    return {
        (up, down): shift.utility([3] * N, [2] * up + [4] * down + [3] * (N - up - down)).ci
        for up in range(N + 1)
        for down in range(N + 1 - up)
    }


@pytest.mark.parametrize("share", [0.02, 0.06, 0.12, 0.25, 0.5])
@pytest.mark.parametrize("better", [1.0, 0.75, 0.5, 0.0])
def test_the_utility_interval_covers_exactly_counted(intervals, share, better):
    a, b = share * better, share * (1 - better)
    truth = 0.11 * a - 0.32 * b
    covered = sum(
        math.comb(N, up) * math.comb(N - up, down) * a**up * b**down * (1 - share) ** (N - up - down)
        for (up, down), (low, high) in intervals.items()
        if low - 1e-12 <= truth <= high + 1e-12
    )
    assert covered >= 0.94


@pytest.mark.reference
@pytest.mark.parametrize(("wins", "n"), [(0, 17), (1, 17), (5, 17), (16, 17), (17, 17), (3, 200)])
def test_zeros_and_ones_give_clopper_and_pearson(wins, n):
    from pnstrial.design.counts.proportion import clopper_pearson

    values = np.repeat([1.0, 0.0], [wins, n - wins])
    assert bounded_mean_interval(values, 0.0, 1.0, 0.95) == pytest.approx(
        clopper_pearson(wins, n, 0.95), abs=1e-8
    )


@pytest.mark.double
def test_the_weighted_mean_agrees_with_sampling():
    values = np.array([0.0] * 13 + [0.11, 0.11, 0.26, -0.32])
    low, high = bounded_mean_interval(values, -0.65, 0.35, 0.95)
    rng = np.random.default_rng(1)
    gaps = rng.dirichlet(np.ones(N + 1), 200_000)
    assert np.quantile(gaps @ np.sort([*values, -0.65]), 0.025) == pytest.approx(low, abs=2e-3)
    assert np.quantile(gaps @ np.sort([*values, 0.35]), 0.975) == pytest.approx(high, abs=2e-3)


@pytest.mark.property
@pytest.mark.parametrize("seed", range(8))
def test_interval_and_test_agree_and_mirror(seed):
    rng = np.random.default_rng(seed)
    values = rng.choice([-0.3, -0.1, 0.0, 0.0, 0.1, 0.2], 12) + 0.04 * seed
    low, high = bounded_mean_interval(values, -1.0, 1.0, 0.95)
    assert low <= values.mean() <= high
    assert (bounded_mean_p(values, -1.0, 1.0) < 0.05) == (not low <= 0 <= high)
    assert bounded_mean_interval(-values, -1.0, 1.0, 0.95) == pytest.approx((-high, -low), abs=1e-9)


def test_nobody_changed_has_an_interval_and_no_shift():
    found = shift.utility([3] * N, [3] * N)
    assert found.p_value == 1.0
    # nobody of 17 seen; none can lose more than 0.65 or gain more than 0.35
    worst = 1 - 0.025 ** (1 / 17)
    assert found.ci == pytest.approx((-0.65 * worst, 0.35 * worst), abs=1e-8)


def test_the_bootstrap_of_proportional_odds_holds_its_level():
    # all six settings of the table in docs/coverage.md (2,000 trials each there, at most 0.054) in 360 trials
    p, rng = np.array([0.02, 0.06, 0.12, 0.25, 0.30, 0.15, 0.10]), np.random.default_rng(1)
    chi_square, bootstrap = [], []
    for n in (8, 17):
        for odds in (1.0, 2.0, 4.0):
            better = shift.shift_distribution(p, odds)
            for _ in range(60):
                trial = shift.common_odds_ratio(counts=(rng.multinomial(n, better), rng.multinomial(n, p)))
                chi_square.append(trial.po_p_value < 0.05)
                if trial.po_df and not trial.separated:
                    slope, at = trial.log_odds_ratio, trial.thresholds
                    found = bootstrap_po_p(trial.counts, at, slope, trial.po_statistic, draws=300)
                    bootstrap.append(found[0] < 0.05)
    assert np.mean(bootstrap) <= 0.06 + 2 * math.sqrt(0.06 * 0.94 / 360)
    assert np.mean(chi_square) > 0.07


def test_the_bootstrap_is_seeded_and_finds_crossing_odds():
    crossing = shift.common_odds_ratio(counts=([8, 0, 0, 1, 0, 0, 8], [0, 1, 8, 0, 8, 0, 0]))
    assert crossing.po_p_value_bootstrap < 0.01
    again = shift.common_odds_ratio(counts=([8, 0, 0, 1, 0, 0, 8], [0, 1, 8, 0, 8, 0, 0]))
    assert crossing.po_bootstrap == again.po_bootstrap
    assert "bootstrap, Monte Carlo error" in str(crossing)
    large = shift.common_odds_ratio(counts=([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]))
    assert "bootstrap" not in str(large)
    p, error = large.po_bootstrap
    assert p == pytest.approx(large.po_p_value, abs=4 * error)
    two = shift.common_odds_ratio(counts=([3, 4], [5, 1]), highest=1)
    assert two.po_bootstrap == (1.0, 0.0)


COLD = """
import sys, time
import numpy as np
import pandas, scipy.special
from pnstrial import shift
from pnstrial.shift.models import ordinal, ordinal_kernels
from pnstrial.shift.paired import change, paired_kernels
from pnstrial.design.counts import proportion
rng = np.random.default_rng(1)
for n in (17, 200):
    first, second, arm = rng.integers(0, 6, n), rng.integers(0, 7, n), np.arange(n) % 2
    for call in (lambda: shift.signed_rank(first, second), lambda: shift.common_odds_ratio(second, group=arm)):
        start = time.process_time()
        found = call()
        assert time.process_time() - start < 0.6, found  # 0.3 on an idle processor
        print(found.p_value, *(getattr(found, "profile", ())), *(getattr(found, "score", ())))
assert "numba" not in sys.modules
"""


def test_few_patients_need_no_compiler(tmp_path):
    def run(**environment):
        done = subprocess.run(
            [sys.executable, "-c", COLD], capture_output=True, text=True, check=False,
            env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return np.array(done.stdout.split(), dtype=float)

    cold = run(NUMBA_CACHE_DIR=str(tmp_path))
    rng, warm = np.random.default_rng(1), []
    for n in (17, 200):
        first, second, arm = rng.integers(0, 6, n), rng.integers(0, 7, n), np.arange(n) % 2
        test, fit = (
            shift.signed_rank_batch([first], [second])[0],
            shift.common_odds_ratios(
                [[np.bincount(second[arm == g], minlength=7) for g in (1, 0)]], score=True
            ),
        )
        limits = (fit.profile_lower, fit.profile_upper, fit.score_lower, fit.score_upper)
        warm += [test, fit.p_value_lr[0], *(math.exp(limit[0]) for limit in limits)]
    assert cold == pytest.approx(warm, rel=1e-9)


@pytest.mark.parametrize("n", [5000, 100_000])
def test_a_hundred_thousand_patients_are_answered(n):
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 7, n), rng.integers(0, 7, n)
    found = shift.signed_rank(first, second)
    assert "normal approximation" in found.method
    assert 0 <= found.p_value <= 1
    assert shift.signed_rank_batch([first], [second])[0] == found.p_value
    one = [
        shift.signed_rank(a, b, "pratt", "improved").p_value for a, b in ((first, second), (second, first))
    ]
    assert sum(one) == pytest.approx(1.0, abs=1e-9)


def test_the_normal_approximation_meets_the_exact_test():
    rng = np.random.default_rng(2)
    first, second = rng.integers(1, 6, 700), rng.integers(1, 6, 700)
    exact = shift.signed_rank(first, second)
    assert "exact" in exact.method
    from scipy.stats import wilcoxon

    there = wilcoxon(first, second, zero_method="pratt", method="approx", correction=False).pvalue
    assert exact.p_value == pytest.approx(there, abs=2e-3)

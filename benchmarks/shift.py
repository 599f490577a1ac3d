"""Time the shift analysis against statsmodels and scipy in one run, one thread; prints medians and ratios.

Run: OMP_NUM_THREADS=1 python benchmarks/shift.py
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
from scipy.stats import wilcoxon
from statsmodels.miscmodels.ordinal_model import OrderedModel

from pnstrial import shift
from pnstrial.shift.models import ordinal_kernels

P = np.array([0.02, 0.06, 0.12, 0.25, 0.30, 0.15, 0.10])


def median(function, repeats, inner=1):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(inner):
            function()
        times.append((time.perf_counter() - start) / inner)
    return statistics.median(times)


def show(what, seconds, peer=None, name=""):
    ratio = f"   {peer / seconds:10,.0f} x faster than {name} ({peer * 1e6:,.0f} us)" if peer else ""
    print(f"{what:<66} {seconds * 1e6:12,.2f} us{ratio}")


def main():
    rng = np.random.default_rng(1)
    better = shift.shift_distribution(P, 1.8)
    grades = np.concatenate([rng.choice(7, 100, p=better), rng.choice(7, 100, p=P)])
    group = np.repeat([1, 0], 100)
    counts = [np.bincount(grades[group == g], minlength=7) for g in (1, 0)]

    def statsmodels_fit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return OrderedModel(grades, group[:, None], distr="logit").fit(method="bfgs", disp=False)

    there = statsmodels_fit()
    here = shift.common_odds_ratio(counts=counts)
    print(f"log odds ratio: statsmodels {-there.params[0]:.6f}, pnstrial {here.log_odds_ratio:.6f}\n")
    peer = median(statsmodels_fit, 7)
    show(
        "PO fit, n = 200, from rows (kernel)",
        median(lambda: ordinal_kernels.fit_rows(grades, group, 7), 9, 2000),
        peer,
        "statsmodels",
    )
    show(
        "PO fit, n = 200, from rows, all intervals and tests (public)",
        median(lambda: shift.common_odds_ratio(grades, group=group), 9, 300), peer, "statsmodels",
    )  # fmt: skip

    def simulate_and_fit(trials=10_000):
        tables = np.stack([rng.multinomial(100, better, trials), rng.multinomial(100, P, trials)], axis=1)
        return shift.common_odds_ratios(tables, profile=False)

    batch = median(simulate_and_fit, 7)
    print(f"\n10,000 simulated and fitted trials of n = 200: {batch:.4f} s")
    show("  a trial, drawing included", batch / 10_000, peer, "statsmodels")
    tables = np.stack([rng.multinomial(100, better, 10_000), rng.multinomial(100, P, 10_000)], axis=1)
    full = median(lambda: shift.common_odds_ratios(tables), 5)
    show("  a trial, fit with profile limits", full / 10_000, peer, "statsmodels")

    first = np.array([3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 3, 4, 3, 4, 5, 2])
    second = np.array([2, 2, 3, 3, 4, 4, 3, 2, 4, 5, 6, 3, 4, 1, 5, 4, 2])
    asymptotic = median(lambda: wilcoxon(first, second, zero_method="pratt", method="approx"), 7, 20)
    many = np.tile(first, (10_000, 1)), np.tile(second, (10_000, 1))
    print()
    show(
        "exact signed-rank, n = 17, single call",
        median(lambda: shift.signed_rank(first, second), 7, 300),
        asymptotic,
        "scipy (not exact)",
    )
    batch = median(lambda: shift.signed_rank_batch(*many), 7) / 10_000
    show("exact signed-rank, n = 17, a trial of a batch", batch, asymptotic, "scipy (not exact)")
    show(
        "win statistics, two groups, single call", median(lambda: shift.win_statistics(counts=counts), 7, 100)
    )
    ratings = rng.integers(1, 5, (17, 3))
    show("mixed model, 17 patients, 3 visits, 15 nodes", median(lambda: shift.mixed_ordinal(ratings), 3))


if __name__ == "__main__":
    main()

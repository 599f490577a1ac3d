"""Time Cox regression against lifelines in one run, one thread; prints medians and ratios.

Run: OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/cox.py
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
import pandas as pd

from pnstrial import survival


def median(function, repeats, *, warm=True):
    if warm:
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def sample(rng, n):
    """Two covariates, 40 % censored."""
    frame = pd.DataFrame({"group": rng.integers(0, 2, n), "age": rng.normal(60, 9, n)})
    life = rng.exponential(20 * np.exp(-0.3 * frame["group"] + 0.01 * (frame["age"] - 60)))
    end = rng.uniform(0, 60, n)
    return frame.assign(time=np.minimum(life, end), event=(life <= end).astype(int))


def main():
    from lifelines import CoxPHFitter

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(1)
    first = sample(rng, 200)
    start = time.perf_counter()
    survival.cox(first, "time", "event", ["group", "age"])
    print(f"first fit of the process, n = 200: {(time.perf_counter() - start) * 1e3:.1f} ms")
    for n, repeats, few in ((17, 300, 20), (200, 300, 20), (100_000, 7, 1)):
        data = sample(rng, n)
        fit = survival.cox(data, "time", "event", ["group", "age"])
        own = median(lambda data=data: survival.cox(data, "time", "event", ["group", "age"]), repeats)
        peer = median(lambda data=data: CoxPHFitter().fit(data, "time", "event"), few, warm=n < 1000)
        print(
            f"n = {n:>7,}: fit {own * 1e3:9.2f} ms   lifelines {peer * 1e3:9.1f} ms   {peer / own:6.1f} x faster"
        )
        start = time.perf_counter()
        concordance = fit.concordance
        middle = time.perf_counter()
        test = fit.ph_test
        end = time.perf_counter()
        print(
            f"             concordance {concordance:.4f} {(middle - start) * 1e3:7.2f} ms   "
            f"proportional hazards p = {test.loc['GLOBAL', 'p']:.4f} {(end - middle) * 1e3:7.2f} ms"
        )
    small = sample(rng, 17)
    firth = median(lambda: survival.cox(small, "time", "event", ["group"], penalty="firth"), 9)
    print(f"Firth with profile limits, n = 17, one covariate: {firth * 1e3:.1f} ms")
    trials = 10_000
    times, events = rng.exponential(20, (trials, 200)), rng.integers(0, 2, (trials, 200))
    group = np.arange(200) % 2
    batch = median(lambda: survival.cox_batch(times, events, group), 3)
    frame = pd.DataFrame({"time": times[0], "event": events[0], "group": group})
    one = median(lambda: CoxPHFitter().fit(frame, "time", "event"), 20)
    print(
        f"10,000 binary comparisons of n = 200: {batch:.3f} s   {one * trials / batch:,.0f} x faster than lifelines"
    )


if __name__ == "__main__":
    main()

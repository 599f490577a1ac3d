"""Time survival analysis against lifelines and statsmodels in one run, one thread; prints medians and ratios.

Run: OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/survival.py
"""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from pnstrial import survival

TRIALS = 10_000


def median(function, repeats, inner=1, *, warm=True):
    if warm:
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(inner):
            function()
        times.append((time.perf_counter() - start) / inner)
    return statistics.median(times)


def show(what, seconds, *peers):
    told = "".join(f"   {peer / seconds:9,.0f} x {name} ({peer * 1e6:,.0f} us)" for name, peer in peers)
    print(f"{what:<58} {seconds * 1e6:14,.1f} us{told}")


def sample(rng, n):
    """Follow-up with two covariates, 40 % censored."""
    frame = pd.DataFrame({"group": rng.integers(0, 2, n), "age": rng.normal(60, 9, n)})
    life = rng.exponential(20 * np.exp(-0.3 * frame["group"] + 0.01 * (frame["age"] - 60)))
    end = rng.uniform(0, 60, n)
    return frame.assign(time=np.minimum(life, end), event=(life <= end).astype(int))


def curves(rng):
    from lifelines import KaplanMeierFitter

    for n, repeats, inner in ((17, 9, 500), (100_000, 7, 1)):
        data = sample(rng, n)
        time_, event = data["time"].to_numpy(), data["event"].to_numpy()
        for kind in ("beta-product", "log-log"):
            own = median(
                lambda t=time_, e=event, k=kind: survival.kaplan_meier(t, e, conf_type=k), repeats, inner
            )
            theirs = median(lambda t=time_, e=event: KaplanMeierFitter().fit(t, e), 5)
            other = median(lambda t=time_, e=event: SurvfuncRight(t, e), 5)
            show(
                f"Kaplan-Meier with {kind} limits, n = {n:,}",
                own,
                ("lifelines", theirs),
                ("statsmodels", other),
            )
    data = sample(rng, 17)
    own = median(lambda: survival.rmst(data["time"], data["event"], 10.0), 9, 200)
    show("restricted mean, n = 17", own)
    null = survival.Reference.weibull(0.5, 15.0)
    own = median(lambda: survival.one_sample_logrank(data["time"], data["event"], null), 9, 200)
    show("one-sample log-rank with exact limits, n = 17", own)


def tests(rng):
    from lifelines.statistics import logrank_test

    data = sample(rng, 200)
    t, e, g = (data[name].to_numpy() for name in ("time", "event", "group"))
    first = g == 0

    def lifelines_test(t=t, e=e, first=first):
        return logrank_test(t[first], t[~first], e[first], e[~first])

    print(
        f"log-rank, n = 200: lifelines {lifelines_test().test_statistic:.8f}, statsmodels {survdiff(t, e, g)[0]:.8f},"
        f" pnstrial {survival.logrank(t, e, g).statistic:.8f}"
    )
    theirs, other = median(lifelines_test, 9), median(lambda: survdiff(t, e, g), 9)
    own = median(lambda: survival.logrank(t, e, g), 9, 500)
    show("log-rank, n = 200", own, ("lifelines", theirs), ("statsmodels", other))
    times, events = rng.exponential(20, (TRIALS, 200)), rng.integers(0, 2, (TRIALS, 200))
    group = np.arange(200) % 2
    some = range(40)  # the peers' loops are timed on 40 trials and taken times 250

    def loop(call):
        return median(lambda: [call(r) for r in some], 3) * TRIALS / len(some)

    zero = group == 0
    theirs = loop(lambda r: lifelines_test(times[r], events[r], zero))
    other = loop(lambda r: survdiff(times[r], events[r], group))
    own = median(lambda: survival.logrank_batch(times, events, group), 5)
    show(f"{TRIALS:,} log-rank tests, n = 200", own, ("lifelines", theirs), ("statsmodels", other))
    null = survival.Reference.exponential(0.03)
    own = median(lambda: survival.one_sample_logrank_batch(times, events, null), 5)
    show(f"{TRIALS:,} one-sample log-rank tests, n = 200", own)


def regression(rng):
    from lifelines import CoxPHFitter

    first = sample(rng, 200)
    start = time.perf_counter()
    survival.cox(first, "time", "event", ["group", "age"])
    print(f"first Cox fit of the process, n = 200: {(time.perf_counter() - start) * 1e3:.1f} ms")
    for n, repeats, few in ((17, 100, 10), (200, 100, 10), (100_000, 5, 1)):
        data = sample(rng, n)
        own = median(lambda data=data: survival.cox(data, "time", "event", ["group", "age"]), repeats)
        theirs = median(lambda data=data: CoxPHFitter().fit(data, "time", "event"), few, warm=n < 1000)
        show(f"Cox, two covariates, n = {n:,}", own, ("lifelines", theirs))
    data = sample(rng, 20).assign(x=rng.normal(size=20))
    own = median(lambda: survival.cox(data, "time", "event", ["group", "age", "x"]), 41, 20)
    try:
        import survival as rust  # the Rust package `survival` 2.0, not a dependency
    except ImportError:
        show("Cox, three covariates, n = 20", own)
    else:
        theirs = median(lambda: rust.coxph("Surv(time, event) ~ group + age + x", data), 41, 20)
        show("Cox, three covariates, n = 20", own, ("survival (Rust)", theirs))
    data = sample(rng, 200)
    fit = survival.cox(data, "time", "event", ["group", "age"])
    show("its proportional-hazards test", median(lambda: fit.proportional_hazards("km"), 9, 5))
    small = sample(rng, 17)
    own = median(lambda: survival.cox(small, "time", "event", ["group"], penalty="firth"), 9)
    show("Firth with profile limits, n = 17, one covariate", own)
    times, events = rng.exponential(20, (TRIALS, 200)), rng.integers(0, 2, (TRIALS, 200))
    group = np.arange(200) % 2
    own = median(lambda: survival.cox_batch(times, events, group), 3)
    frame = pd.DataFrame({"time": times[0], "event": events[0], "group": group})
    theirs = median(lambda: CoxPHFitter().fit(frame, "time", "event"), 10) * TRIALS
    show(f"{TRIALS:,} Cox fits of one binary covariate, n = 200", own, ("lifelines", theirs))


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(1)
    curves(rng)
    tests(rng)
    regression(rng)


if __name__ == "__main__":
    main()

"""Time and measure the parametric fits against lifelines in one run, one thread; prints medians, ratios, distances.

The distance is the largest relative difference of an estimate from the maximum of the likelihood, where the score is
0 to rounding; lifelines stops its quasi-Newton search before it.

Run: OMP_NUM_THREADS=1 python benchmarks/parametric.py
"""

from __future__ import annotations

import statistics
import time
import warnings
from functools import partial

import lifelines
import numpy as np

from pnstrial import survival

PEERS = {
    "exponential": ("ExponentialFitter", lambda fit: {"lambda_": 1 / fit.estimate[0]}),
    "weibull": ("WeibullFitter", lambda fit: {"lambda_": fit.estimate[1], "rho_": fit.estimate[0]}),
    "lognormal": ("LogNormalFitter", lambda fit: {"mu_": fit.estimate[0], "sigma_": fit.estimate[1]}),
    "loglogistic": ("LogLogisticFitter", lambda fit: {"alpha_": fit.estimate[1], "beta_": fit.estimate[0]}),
    "generalised-gamma": (
        "GeneralizedGammaFitter",
        lambda fit: {"mu_": fit.estimate[0], "ln_sigma_": fit.fitted[1], "lambda_": fit.estimate[2]},
    ),
}


def median(function, repeats=7):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare(name, times, events):
    fitter, mapped = PEERS[name]

    def here():
        return survival.parametric(times, events, name)

    def there():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(lifelines, fitter)().fit(times, events)

    own = median(here)
    line = f"n = {times.size:>5}  {name:<18} {own * 1e3:8.2f} ms"
    try:
        peer = median(there)
    except Exception as error:
        print(f"{line}   lifelines fails: {type(error).__name__}")
        return
    off = max(abs(getattr(there(), key) / value - 1) for key, value in mapped(here()).items())
    print(f"{line}   lifelines {peer * 1e3:8.2f} ms ({peer / own:5.1f} x), off by {off:.1e}")


def main():
    rng = np.random.default_rng(1)
    for n in (17, 200, 2000):
        latent, censored = 20 * rng.weibull(1.3, n), rng.uniform(5, 40, n)
        for name in PEERS:
            compare(name, np.minimum(latent, censored), (latent <= censored).astype(int))
        left = np.minimum(np.floor(latent / 4) * 4, 24)
        right = np.where(latent >= 24, np.inf, left + 4)
        seconds = median(partial(survival.turnbull, left, right))
        print(f"n = {n:>5}  {'turnbull':<18} {seconds * 1e3:8.2f} ms")


if __name__ == "__main__":
    main()

"""How long do exact designs take, and how long does R?

Prints medians of repeated warm runs on one thread, the target, and the ratio to clinfun where R has it.
Run: python benchmarks/design.py
"""

import csv
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from pnstrial import design

ROOT = Path(__file__).parents[1]
with (ROOT / "tests" / "reference" / "design" / "grid200.csv").open() as file:
    GRID = [tuple(float(row[key]) for key in ("p0", "p1", "a", "b")) for row in csv.DictReader(file)]
RATES = np.linspace(0.0, 1.0, 101)
LOOKS = tuple(range(5, 44, 3))
LOW = (None, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6)
HIGH = (4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 7)


def median_ms(call, repeats=15):
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def grid():
    for p0, p1, alpha, beta in GRID:
        design.simon(p0, p1, alpha, 1 - beta)


def hard():
    design.simon(0.4, 0.5, 0.05, 0.9, n_max=500)


def looks():
    design.sequential(LOOKS, LOW, HIGH).operating_characteristics(RATES)


def predictive():
    design.predictive_design([5, 9, 13, 17], 0.2, 0.9, 0.1, 0.95, (1, 1)).operating_characteristics(RATES)


def after():
    for x in range(30):
        design.after_two_stage(1, 10, 5, 29, 0.1, x)


def toxicity():
    design.bryant_day(0.2, 0.5, 0.4, 0.15, n_min=30, n_max=40)


def calibrate():
    design.bop2([10, 15, 20, 25, 30], 0.2, 0.4, alpha=0.1)


def safety():
    design.safety_boundary(40, 0.15, 0.05)


def fresh_process():
    words = [sys.executable, "-m", "pnstrial", "design", "simon", "--p0", "0.1", "--p1", "0.3"]
    subprocess.run(words, check=True, capture_output=True, cwd=ROOT)


def clinfun_ms():
    """Time clinfun on the same 200 and on the hard one; None where R or clinfun is missing."""
    script = """
    if (!requireNamespace("clinfun", quietly = TRUE)) quit(status = 3)
    library(clinfun)
    g <- read.csv("tests/reference/design/grid200.csv")
    t1 <- system.time(for (i in seq_len(nrow(g))) ph2simon(g$p0[i], g$p1[i], g$a[i], g$b[i]))[["elapsed"]]
    t2 <- system.time(ph2simon(0.4, 0.5, 0.05, 0.1, nmax = 500))[["elapsed"]]
    cat(1000 * t1, 1000 * t2)
    """
    try:
        done = subprocess.run(["Rscript", "-e", script], check=True, capture_output=True, text=True, cwd=ROOT)
        return [float(word) for word in done.stdout.split()]
    except (OSError, subprocess.CalledProcessError, ValueError):
        return [None, None]


def main():
    r_grid, r_hard = clinfun_ms()
    rows = [
        ("200 Simon designs (grid200.csv)", grid, 40.0, r_grid or 2300.0, "clinfun"),
        ("Simon 0.4/0.5, alpha 0.05, power 0.9, n to 500", hard, 60.0, r_hard or 4250.0, "clinfun"),
        ("13 looks x 101 rates, exact", looks, 1.0, 18.0, "gsDesign"),
        ("predictive design, 4 looks x 101 rates, exact", predictive, 10.0, 28_000.0, "phase1b, simulated"),
        ("after two stages, 30 outcomes of n = 29", after, None, 45.0, "clinfun"),
        ("Bryant-Day, n 30-40", toxicity, None, 16_000.0, "EurosarcBayes"),
        ("BOP2 calibration, 5 looks", calibrate, None, 2900.0, "simulated"),
        ("safety boundary, 40 looks", safety, None, None, ""),
        ("pnstrial design simon, fresh process", fresh_process, 1000.0, None, ""),
    ]
    note = "" if r_grid else "  (R's times: measured once elsewhere)"
    print(f"{'work':<50} {'median':>10} {'target':>9} {'peer':>10} {'ratio':>8}{note}")
    for name, call, target, peer, who in rows:
        took = median_ms(call, 5 if call in (fresh_process, after, toxicity) else 15)
        goal = "" if target is None else f"{target:.0f} ms" + (" ok" if took < target else " MISSED")
        ratio = "" if peer is None else f"{peer / took:.0f}x {who}"
        print(
            f"{name:<50} {took:>7.2f} ms {goal:>11} {'' if peer is None else f'{peer:.0f} ms':>10} {ratio:>8}"
        )


if __name__ == "__main__":
    main()

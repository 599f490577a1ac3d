"""Time the fits against R msm, and calibration and probabilities, in one run.

Run: python benchmarks/multistate.py   (the ratios need Rscript with msm; without it only our times are shown)
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pnstrial import multistate

FOLDER = Path(__file__).parents[1] / "tests" / "reference" / "multistate"
COLUMNS = {"cav": ("PTNUM", "years"), "psor": ("ptnum", "months")}
R_SCRIPT = """
suppressMessages(library(msm)); a <- commandArgs(TRUE)
d <- read.csv(a[1]); q <- as.matrix(read.csv(a[2], header = FALSE)); dimnames(q) <- NULL
names(d)[1:3] <- c("id", "time", "state")
dead <- if (a[3] == "none") FALSE else as.numeric(a[3])
run <- function() suppressWarnings(if (identical(dead, FALSE))
  msm(state ~ time, subject = id, data = d, qmatrix = q, gen.inits = TRUE, control = list(fnscale = 1000, maxit = 1000))
  else msm(state ~ time, subject = id, data = d, qmatrix = q, gen.inits = TRUE, deathexact = dead,
           control = list(fnscale = 1000, maxit = 1000)))
f <- run(); t <- sapply(1:3, function(i) system.time(run())[["elapsed"]])
cat(median(t), f$minus2loglik, "\\n")
"""


def median_seconds(function, repeats=5):
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def msm_seconds(data, case):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("data.csv", "q.csv", "run.R")]
        data.to_csv(paths[0], index=False)
        q = np.array(case["inputs"]["qmatrix_allowed"]) * 0.1
        pd.DataFrame(q).to_csv(paths[1], index=False, header=False)
        paths[2].write_text(R_SCRIPT)
        death = case["inputs"]["deathexact"]
        run = subprocess.run(
            ["Rscript", str(paths[2]), str(paths[0]), str(paths[1]), "none" if death is None else str(death)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if run.returncode:
        return None
    seconds, minus_2_log_likelihood = map(float, run.stdout.split()[-2:])
    return seconds, minus_2_log_likelihood


def main():
    has_r = shutil.which("Rscript") is not None
    for case in json.loads((FOLDER / "msm_panel.json").read_text())["cases"]:
        given = case["inputs"]
        if "minus2loglik" not in case["outputs"]:
            continue
        data = pd.read_csv(FOLDER / given["csv"]) if "csv" in given else pd.DataFrame(given["data"])
        patient, at = COLUMNS.get(given["dataset"], ("id", "week"))
        data = data[[patient, at, "state"]]

        def run(data=data, patient=patient, at=at, given=given):
            allowed, death = given["qmatrix_allowed"], given["deathexact"]
            return multistate.fit(data, patient, at, "state", allowed, death_exact=death)

        seconds = median_seconds(run)
        line = f"{case['id']:24} {1e3 * seconds:8.1f} ms"
        theirs = msm_seconds(data, case) if has_r else None
        if theirs is not None:
            line += f"   R msm {1e3 * theirs[0]:8.1f} ms   ratio {theirs[0] / seconds:6.1f}"
            line += f"   -2logL ours - R {-2 * run().loglik - theirs[1]:+.1e}"
        print(line)
    seconds = median_seconds(lambda: multistate.calibrate(improved=1, stable=8, deteriorated=8))
    print(f"calibrate anti-Hu        {1e3 * seconds:8.1f} ms")
    course = multistate.calibrate(improved=1, stable=8, deteriorated=8).course
    Q = multistate.generator(course, on_ivig=np.zeros(10_000, bool))
    seconds = median_seconds(lambda: multistate.transition_probabilities(Q, 3.0))
    print(f"10,000 exponentials 7x7  {1e3 * seconds:8.1f} ms")


if __name__ == "__main__":
    main()

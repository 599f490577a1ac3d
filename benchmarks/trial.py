"""How long do the import, the commands and a large folder take? Prints seconds, memory, and ratios to pandas."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.data import TABLES


def seconds(words, repeats=5):
    """Return the best wall time of a command in a fresh process."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        best = min(best, time.perf_counter() - begun)
    return best


def copies(trial, number, folder):
    """Write the example's tables so many times over, each patient under a new name."""
    for name, table in TABLES.items():
        frame = trial.table(name)
        parts = [frame.assign(patient_id=frame["patient_id"] + f"-{copy}") for copy in range(number)]
        pd.concat(parts).to_csv(Path(folder) / table.file, index=False, date_format="%Y-%m-%d")


def main():
    """Print one line for each measurement."""
    pandas = seconds(["-c", "import pandas"])
    print(f"import pandas              {pandas:.3f} s")
    for label, words in (
        ("import pnstrial", ["-c", "import pnstrial"]),
        ("pnstrial --help", ["-m", "pnstrial", "--help"]),
    ):
        taken = seconds(words)
        print(f"{label:<26} {taken:.3f} s, {taken / pandas:.2f} x import pandas")
    with tempfile.TemporaryDirectory() as folder:
        pns.data.write_example(folder)
        trial = pns.read_trial(folder)
    for number in (4, 193):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as out:
            copies(trial, number, folder)
            patients = 26 * number
            for command in (
                ["analyse", folder, "--out", f"{out}/page.html"],
                ["report", folder, "--out", f"{out}/r"],
            ):
                taken = seconds(["-m", "pnstrial", *command], repeats=1)
                print(f"{command[0]:<8} {patients:>5} patients    {taken:.1f} s")
    print(f"most memory of any of them {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()

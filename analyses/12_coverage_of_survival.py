"""Do the intervals of survival, incidence and time hold 95 % with 17 patients?

Simulated trials with a constant hazard of the event and of a death before it (20 % by the time of interest). What is
not estimable, and a group no longer followed, count as not covering. Writes ``docs/coverage_survival.md``.
Run: python analyses/12_coverage_of_survival.py [trials]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pnstrial import survival

N, AT, DEAD = 17, 6.0, 0.2
EVERY = 5  # occupancies take long: in one trial of five
SHARES = (0.03, 0.06, 0.12, 0.25, 0.5)
Hits = dict[tuple[str, str], bool]


def held(low: object, high: object, truth: float) -> bool:
    """Say whether two numbers hold the truth."""
    return isinstance(low, float) and isinstance(high, float) and low - 1e-9 <= truth <= high + 1e-9


def occupancy(time: np.ndarray, cause: np.ndarray, kind: str, p: float, days: float) -> Hits:
    """Try probability of the state entered by the event, and the mean time in it."""
    rows = {"patient_id": np.arange(N), "start": 0.0, "stop": time, "from_state": "well"}
    end = np.where(cause == 1, "better", np.where(cause == 2, "dead", None))
    names = ("`state_occupancy`", "`StateOccupancy.time_in_state`")
    if time.max() < AT and not cause.all():
        return {(name, kind): False for name in names}
    found = survival.state_occupancy(
        pd.DataFrame({**rows, "to_state": end}), states=["well", "better", "dead"], conf_type=kind
    )
    at = found.at([AT]).iloc[1]
    mean = found.time_in_state(AT).iloc[1]
    return {
        (names[0], kind): held(float(at["lower"]), float(at["upper"]), p),
        (names[1], kind): held(float(mean["lower"]), float(mean["upper"]), days),
    }


def one_trial(rng: np.random.Generator, share: float, censored: float) -> Hits:
    """Draw one trial and try every interval on it."""
    rate = -np.log(1 - share - DEAD) / AT
    time = rng.exponential(1 / rate, N)
    cause = np.where(rng.random(N) < share / (share + DEAD), 1, 2)
    end = np.where(rng.random(N) < censored, rng.uniform(0, AT, N), 2 * AT)
    cause, time = np.where(time <= end, cause, 0), np.minimum(time, end)
    alive = (1 - np.exp(-rate * AT)) / rate
    lost, group, hits = share / (share + DEAD) * (AT - alive), np.arange(N) % 2, {}
    for kind in ("log-log", "beta-product"):
        found = survival.cumulative_incidence(time, cause, causes=(1, 2), conf_type=kind)
        row = found.at([AT]).iloc[0]
        hits["`cumulative_incidence`", kind] = held(float(row["lower"]), float(row["upper"]), share)
        curve = survival.kaplan_meier(time, cause > 0, conf_type=kind).at([AT]).iloc[0]
        hits["`kaplan_meier`", kind] = held(float(curve["lower"]), float(curve["upper"]), 1 - share - DEAD)
        if rng.integers(EVERY) == 0:
            hits |= occupancy(time, cause, kind, share, lost)
    for kind in ("plain", "beta-product"):
        ci = survival.rmst(time, cause > 0, AT, conf_type=kind).ci
        hits["`rmst`", kind] = isinstance(ci, tuple) and held(*ci, alive)
        ci = survival.rmst_difference(time, cause > 0, group, AT, conf_type=kind).ci
        hits["`rmst_difference` of 8 and 9", kind] = isinstance(ci, tuple) and held(*ci, 0.0)
        try:
            ci = survival.survival_difference(time, cause > 0, group, AT, conf_type=kind).ci
        except ValueError:
            ci = None
        hits["`survival_difference` of 8 and 9", kind] = isinstance(ci, tuple) and held(*ci, 0.0)
    return hits


def table(trials: int, censored: float) -> list[str]:
    """Count how often each interval holds, by the share with the event."""
    columns = []
    for share in SHARES:
        rng = np.random.default_rng(int(1000 * share))
        columns.append(
            pd.DataFrame([one_trial(rng, share, censored) for _ in range(trials)]).astype(float).mean()
        )
    found = pd.concat(columns, axis=1)
    lines = [
        "| interval | conf_type | " + " | ".join(map(str, SHARES)) + " |",
        "|---" * (len(SHARES) + 2) + "|",
    ]
    for (name, kind), row in sorted(found.iterrows(), key=lambda item: str(item[0])):
        lines.append(f"| {name} | {kind} | " + " | ".join(f"{value:.3f}" for value in row) + " |")
    return [f"## {censored:.0%} censored before the time of interest, uniformly\n", *lines, ""]


def main() -> None:
    """Write the page."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    words = (
        "How often a 95 % interval holds the truth, by the share with the event at the time of interest; death before\n"
        f"it in {DEAD:.0%}. {trials:,} simulated trials a cell: the error is {np.sqrt(0.05 * 0.95 / trials):.3f} near\n"
        "0.95 (of an occupancy, tried in every fifth, twice that). Made by `analyses/12_coverage_of_survival.py`.\n"
        "What is not estimable, and a group not followed so long (about 7 % of the differences in the last column of\n"
        "the second table), count as not covering. `beta-product` is the default of the trial's own functions and of\n"
        "`kaplan_meier`; the other line is R's, the default of the generic functions.\n"
    )
    page = [f"# Coverage of survival with 17 patients\n\n{words}", *table(trials, 0.0), *table(trials, 0.2)]
    Path("docs/coverage_survival.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()

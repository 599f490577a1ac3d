"""Do the intervals of survival, incidence and time hold 95 % with 17 patients?

A constant hazard of the event and of a death before it (20 % by the time of interest, so that it does not matter
whether that is month 3 or 6). Without censoring what depends on counts alone is added up over every outcome (exact);
the rest is simulated. What is not estimable, and a group no longer followed, count as not covering; their share is
given. Writes ``docs/coverage_survival.md``. Run: python analyses/12_coverage_of_survival.py [trials]
"""

from __future__ import annotations

import sys
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial import survival

if TYPE_CHECKING:
    from collections.abc import Callable

    Limits = tuple[float, float] | None
    Interval = Callable[[np.ndarray, np.ndarray, str], Limits]

N, FIRST, AT, DEAD = 17, 8, 6.0, 0.2
SHARES = (0.03, 0.06, 0.12, 0.25, 0.5)
GROUP = (np.arange(N) >= FIRST).astype(int)
R, SMALL = "log-log", "beta-product"


def limits(low: object, high: object) -> Limits:
    """Give two limits that are numbers, or None."""
    pair = (low, high) if isinstance(low, float) and isinstance(high, float) else (np.nan, np.nan)
    return None if np.isnan(pair).any() else pair


def of(ci: Any) -> Limits:
    """Give the limits of an interval that is not NotEstimable."""
    return limits(*map(float, ci)) if isinstance(ci, tuple) else None


def row(frame: pd.DataFrame, place: int) -> Limits:
    """Give the limits in one row of a table."""
    found = frame.iloc[place]
    return limits(float(found["lower"]), float(found["upper"]))


def incidence(time: np.ndarray, cause: np.ndarray, kind: str) -> Limits:
    """Give the limits of the share with the event."""
    found = survival.cumulative_incidence(time, cause, causes=(1, 2), conf_type=kind)
    place = int(np.searchsorted(found.time, AT, side="right")) - 1
    return (
        (0.0, found.start_upper)
        if place < 0
        else limits(float(found.lower[1][place]), float(found.upper[1][place]))
    )


def states(time: np.ndarray, cause: np.ndarray, kind: str) -> Any:
    """Give the occupancy of the states well, better and dead, or None where nobody is followed so long."""
    if time.max() < AT and (cause == 0).any():
        return None
    rows = {"patient_id": np.arange(time.size), "start": 0.0, "stop": time, "from_state": "well"}
    end = np.where(cause == 1, "better", np.where(cause == 2, "dead", None))
    return survival.state_occupancy(
        pd.DataFrame({**rows, "to_state": end}), states=["well", "better", "dead"], conf_type=kind
    )


def occupancy(time: np.ndarray, cause: np.ndarray, kind: str) -> Limits:
    """Give the limits of the probability of the state that the event leads to."""
    found = states(time, cause, kind)
    return None if found is None else row(found.at([AT]), 1)


def days(time: np.ndarray, cause: np.ndarray, kind: str) -> Limits:
    """Give the limits of the mean time in that state."""
    found = states(time, cause, kind)
    return None if found is None else row(found.time_in_state(AT), 1)


def difference(time: np.ndarray, cause: np.ndarray, kind: str) -> Limits:
    """Give the limits of the difference of 8 and 9 patients' survival."""
    try:
        return of(survival.survival_difference(time, cause > 0, GROUP, AT, conf_type=kind).ci)
    except ValueError:  # a group was not followed so long
        return None


ROWS: tuple[tuple[str, str, str, Interval, bool, int], ...] = tuple(
    (name, kind, truth, interval, counted, part)
    for name, kinds, truth, interval, counted, part in (
        ("`kaplan_meier`", (SMALL, R), "alive",
         lambda t, c, k: row(survival.kaplan_meier(t, c > 0, conf_type=k).at([AT]), 0), True, 1),
        ("`cumulative_incidence`", (SMALL, R), "share", incidence, True, 1),
        ("`state_occupancy`", (SMALL, R), "share", occupancy, True, 4),
        ("`StateOccupancy.time_in_state`", (SMALL, R), "lost", days, False, 4),
        ("`rmst`", (SMALL, "plain"), "mean", lambda t, c, k: of(survival.rmst(t, c > 0, AT, conf_type=k).ci), False, 1),
        ("`rmst_difference` of 8 and 9", (SMALL, "plain"), "none",
         lambda t, c, k: of(survival.rmst_difference(t, c > 0, GROUP, AT, conf_type=k).ci), False, 2),
        ("`survival_difference` of 8 and 9", (SMALL, "plain"), "none", difference, True, 2),
    )
    for kind in kinds
)  # fmt: skip
"""Name, way, truth, limits, whether counts decide it, and in which part of the trials it is tried."""


def truths(share: float) -> dict[str, float]:
    """Work out what is true at the time of interest."""
    rate = -np.log(1 - share - DEAD) / AT
    mean = (share + DEAD) / rate
    lost = share / (share + DEAD) * (AT - mean)
    return {"alive": 1 - share - DEAD, "share": share, "none": 0.0, "mean": mean, "lost": lost}


def counted(interval: Interval, kind: str, truth: str, *, groups: bool) -> tuple[list[float], float]:
    """Add up the probability of every outcome that is covered, without censoring."""
    found: dict[tuple[int, ...], Limits] = {}
    sizes = (FIRST, N - FIRST) if groups else (N,)
    for events in np.ndindex(*(n + 1 for n in sizes)):
        for dead in range(1 if groups or truth == "alive" else N - events[0] + 1):
            time, cause = np.full(N, AT + 1), np.ones(N, int)
            start = np.cumsum([0, *sizes[:-1]])
            for begin, number in zip(start, events, strict=True):
                time[begin : begin + number] = 1 + np.arange(number) / N
            time[events[0] : events[0] + dead] = 2 + np.arange(dead) / N
            cause[events[0] : events[0] + dead] = 2
            found[(*events, dead)] = interval(time, cause, kind)
    covered, absent = [], []
    for share in SHARES:
        true, p = truths(share)[truth], share + DEAD if groups or truth == "alive" else share
        held = lost = 0.0
        for (*events, dead), ends in found.items():
            mass = 1.0
            for n, number in zip(sizes, events, strict=True):
                rest = n - number - dead
                mass *= comb(n, number) * p**number * comb(n - number, dead) * DEAD**dead
                mass *= (1 - p - (DEAD if not groups and truth == "share" else 0.0)) ** rest
            held += mass * (ends is not None and ends[0] - 1e-9 <= true <= ends[1] + 1e-9)
            lost += mass * (ends is None)
        covered.append(held)
        absent.append(lost)
    return covered, max(absent)


def simulated(
    interval: Interval, kind: str, truth: str, censored: float, trials: int, *, ordered: bool
) -> tuple[list[float], float]:
    """Try an interval on trials that are the same for every interval."""
    covered, absent = [], []
    for share in SHARES:
        rng, rate, true = (
            np.random.default_rng(int(1000 * share)),
            -np.log(1 - share - DEAD) / AT,
            truths(share)[truth],
        )
        seen: dict[bytes, Limits] = {}
        held = lost = 0
        for _ in range(trials):
            time = rng.exponential(1 / rate, N)
            cause = np.where(rng.random(N) < share / (share + DEAD), 1, 2)
            end = np.where(rng.random(N) < censored, rng.uniform(0, AT, N), 2 * AT)
            cause, time = np.where(time <= end, cause, 0), np.minimum(time, end)
            key = b""
            if ordered:  # only the order of events up to the time of interest counts: worked out once
                order = np.lexsort((time, GROUP)) if truth == "none" else np.argsort(time)
                time, cause = time[order], cause[order]
                key = np.where(time <= AT, cause, 9).astype(np.int8).tobytes()
            ends = seen[key] if key and key in seen else interval(time, cause, kind)
            if key:
                seen[key] = ends
            held += ends is not None and ends[0] - 1e-9 <= true <= ends[1] + 1e-9
            lost += ends is None
        covered.append(held / trials)
        absent.append(lost / trials)
    return covered, max(absent)


def table(trials: int, censored: float) -> list[str]:
    """Work out how often each interval holds, by the share with the event."""
    lines = [
        "| interval | conf_type | "
        + " | ".join(map(str, SHARES))
        + " | not estimable, at most | trials a cell | error |",
        "|---" * (len(SHARES) + 5) + "|",
    ]
    for name, kind, truth, interval, exact, part in ROWS:
        if exact and not censored:
            values, absent = counted(interval, kind, truth, groups=truth == "none")
            how, error = "exact", "0"
        else:
            values, absent = simulated(interval, kind, truth, censored, trials // part, ordered=exact)
            how, error = f"{trials // part:,}", f"{np.sqrt(0.05 * 0.95 / (trials // part)):.3f}"
        told = " | ".join(f"{value:.3f}" for value in values)
        lines.append(f"| {name} | {kind} | {told} | {absent:.3f} | {how} | {error} |")
        print(lines[-1], flush=True)
    return [f"## {censored:.0%} censored before the time of interest, uniformly\n", *lines, ""]


def main() -> None:
    """Write the page."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    words = f"""How often a 95 % interval holds the truth, by the share with the event at the time of interest (month
3 or 6: only the share matters); death before it in {DEAD:.0%}. Made by `analyses/12_coverage_of_survival.py`; error:
Monte Carlo standard error of a coverage near 0.95. What is not estimable, and a group not followed so long, count as
not covering; the column gives the largest share of them. `beta-product` is the default of the trial's own functions,
of the report and of `kaplan_meier`; the other line is R's, the default of the generic functions, which say beside
the number what they cover.
"""
    page = [f"# Coverage of survival with 17 patients\n\n{words}", *table(trials, 0.0), *table(trials, 0.2)]
    Path("docs/coverage_survival.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()

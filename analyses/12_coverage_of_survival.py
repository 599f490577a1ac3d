"""Do the intervals of survival, incidence and time hold 95 % with 17 patients?

A constant hazard of the event and of a death before it (20 % by the time of interest, so that it does not matter
whether that is month 3 or 6). Without censoring what depends on counts alone is added up over every outcome (exact);
the rest is simulated. What is not estimable, and a group no longer followed, count as not covering; their share is
given. Writes ``docs/coverage_survival.md``. Run: python analyses/12_coverage_of_survival.py [trials]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial import survival

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Limits = tuple[float, float] | None
    Interval = Callable[[np.ndarray, np.ndarray, str], Limits]
    Row = tuple[str, str, str, Interval, bool]

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


@lru_cache(maxsize=1)
def fitted(time: bytes, cause: bytes) -> Any:
    """Give the occupancy of the states well, better and dead; the last one serves every interval of a trial."""
    ends, causes = np.frombuffer(time), np.frombuffer(cause, int)
    rows = {"patient_id": np.arange(ends.size), "start": 0.0, "stop": ends, "from_state": "well"}
    end = np.where(causes == 1, "better", np.where(causes == 2, "dead", None))
    return survival.state_occupancy(
        pd.DataFrame({**rows, "to_state": end}), states=["well", "better", "dead"]
    )


def states(time: np.ndarray, cause: np.ndarray, kind: str) -> Any:
    """Give the occupancy with its kind of limits, or None where nobody is followed so long."""
    if time.max() < AT and (cause == 0).any():
        return None
    return replace(fitted(time.tobytes(), cause.tobytes()), conf_type=kind)


def occupancy(time: np.ndarray, cause: np.ndarray, kind: str) -> Limits:
    """Give the limits of the probability of the state that the event leads to."""
    found = states(time, cause, kind)
    # a grouping works the limits out again, on the scale asked for
    return (
        None
        if found is None
        else row(found.group({"better": ["better"], "not": ["well", "dead"]}).at([AT]), 0)
    )


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


ROWS: tuple[Row, ...] = tuple(
    (name, kind, truth, interval, counted)
    for name, kinds, truth, interval, counted in (
        ("`kaplan_meier`", (SMALL, R), "alive",
         lambda t, c, k: row(survival.kaplan_meier(t, c > 0, conf_type=k).at([AT]), 0), True),
        ("`cumulative_incidence`", (SMALL, R), "share", incidence, True),
        ("`state_occupancy`", (SMALL, R), "share", occupancy, True),
        ("`StateOccupancy.time_in_state`", (SMALL, R), "lost", days, False),
        ("`rmst`", (SMALL, "plain"), "mean", lambda t, c, k: of(survival.rmst(t, c > 0, AT, conf_type=k).ci), False),
        ("`rmst_difference` of 8 and 9", (SMALL, "plain"), "none",
         lambda t, c, k: of(survival.rmst_difference(t, c > 0, GROUP, AT, conf_type=k).ci), False),
        ("`survival_difference` of 8 and 9", (SMALL, "plain"), "none", difference, True),
    )
    for kind in kinds
)  # fmt: skip
"""Name, way, truth, limits, and whether counts decide it."""


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


def simulated(rows: Sequence[Row], censored: float, trials: int) -> list[tuple[list[float], float]]:
    """Try every interval on the same trials; give its coverage by share, and the largest share of trials without."""
    held, absent = np.zeros((2, len(rows), len(SHARES)))
    for column, share in enumerate(SHARES):
        rng, rate, true = (
            np.random.default_rng(int(1000 * share)),
            -np.log(1 - share - DEAD) / AT,
            truths(share),
        )
        seen: dict[tuple[int, bytes], Limits] = {}
        for _ in range(trials):
            time = rng.exponential(1 / rate, N)
            cause = np.where(rng.random(N) < share / (share + DEAD), 1, 2)
            end = np.where(rng.random(N) < censored, rng.uniform(0, AT, N), 2 * AT)
            cause, time = np.where(time <= end, cause, 0), np.minimum(time, end)
            # of what counts decide only the order of events up to the time of interest matters: worked out once
            orders = {
                groups: np.lexsort((time, GROUP)) if groups else np.argsort(time) for groups in (False, True)
            }
            for place, (_, kind, truth, interval, ordered) in enumerate(rows):
                if ordered:
                    order = orders[truth == "none"]
                    key = place, np.where(time <= AT, cause, 9)[order].astype(np.int8).tobytes()
                    if key not in seen:
                        seen[key] = interval(time[order], cause[order], kind)
                    ends = seen[key]
                else:
                    ends = interval(time, cause, kind)
                held[place, column] += ends is not None and ends[0] - 1e-9 <= true[truth] <= ends[1] + 1e-9
                absent[place, column] += ends is None
    return [
        (covered.tolist(), float(gone.max()))
        for covered, gone in zip(held / trials, absent / trials, strict=True)
    ]


def table(trials: int, censored: float) -> list[str]:
    """Work out how often each interval holds, by the share with the event."""
    lines = [
        "| interval | conf_type | "
        + " | ".join(map(str, SHARES))
        + " | not estimable, at most | trials a cell | error |",
        "|---" * (len(SHARES) + 5) + "|",
    ]
    drawn = [row for row in ROWS if censored or not row[-1]]
    found = dict(zip((row[:2] for row in drawn), simulated(drawn, censored, trials), strict=True))
    for name, kind, truth, interval, _ in ROWS:
        if (name, kind) in found:
            values, absent = found[name, kind]
            how, error = f"{trials:,}", f"{np.sqrt(0.05 * 0.95 / trials):.4f}"
        else:
            values, absent = counted(interval, kind, truth, groups=truth == "none")
            how, error = "exact", "0"
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
    target = Path("docs/coverage_survival.md")
    _, heading, picture = target.read_text().partition("## Between the columns")
    target.write_text("\n".join([*page, heading + picture]))


if __name__ == "__main__":
    main()

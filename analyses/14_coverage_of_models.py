"""Do the intervals of a model hold 95 % with 17 patients?

Simulates trials of 17 patients (survival: 20 % censored) or of two arms of 17 (grades), fits each model and counts how
often its default interval holds the truth: no effect, and an effect of 2 (an odds or hazard ratio). What is not
estimable counts as not covering, an infinite limit as a limit. Writes ``docs/coverage_models.md``.
Run: python analyses/14_coverage_of_models.py [trials]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial import shift, survival

if TYPE_CHECKING:
    from collections.abc import Callable

N, EFFECTS = 17, (1.0, 2.0)
P = np.array([0.02, 0.06, 0.12, 0.25, 0.30, 0.15, 0.10])
ARM = np.repeat([1, 0], N)
GROUP = (np.arange(N) >= 8).astype(int)
Draw = dict[str, Any]


def ends(pair: Any) -> tuple[float, float] | None:
    """Give the limits of a pair, or of an estimate with its pair, as numbers; None where there are none."""
    found = tuple(pair)[-2:] if isinstance(pair, tuple) else ()
    numbers = all(isinstance(end, int | float) and not np.isnan(end) for end in found)
    return (float(found[0]), float(found[1])) if len(found) == 2 and numbers else None


def in_frame(frame: pd.DataFrame, place: int = 0) -> tuple[float, float] | None:
    """Give the limits in one row of a table."""
    return ends((frame["lower"].iloc[place], frame["upper"].iloc[place]))


def draw_survival(rng: np.random.Generator, effect: float) -> Draw:
    """Draw times of two groups of 8 and 9 with this hazard ratio, a fifth censored, and a second cause."""
    time = rng.exponential(10 / effect**GROUP)
    end = np.where(rng.random(N) < 0.2, rng.uniform(0, 12, N), 60.0)
    event = (time <= end).astype(int)
    cause = np.where(event == 1, np.where(rng.random(N) < 0.6, 1, 2), 0)
    frame = pd.DataFrame({"time": np.minimum(time, end), "event": event, "cause": cause, "g": GROUP})
    one = rng.exponential(10, N)
    return {"frame": frame, "one": np.minimum(one, end), "seen": (one <= end).astype(int)}


def draw_grades(rng: np.random.Generator, effect: float) -> Draw:
    """Draw grades of two arms that a common odds ratio moves apart."""
    better = shift.shift_distribution(P, effect)
    return {"grades": np.concatenate([rng.choice(7, N, p=better), rng.choice(7, N, p=P)])}


def draw_rated(rng: np.random.Generator, effect: float) -> Draw:
    """Draw patients rated three times, with own intercepts; the odds of a better grade rise by the effect."""
    cuts = np.log(np.cumsum(P)[:-1] / (1 - np.cumsum(P)[:-1]))
    own = rng.normal(0, 1, N)
    line = np.arange(3) * np.log(effect) + own[:, None]
    return {"ratings": np.searchsorted(cuts, rng.logistic(size=(N, 3)) - line)}


def cox(draw: Draw, **more: Any) -> tuple[float, float] | None:
    """Give the limits of the hazard ratio."""
    found = survival.cox(data=draw["frame"], time="time", event="event", covariates="g", **more)
    return in_frame(found.to_frame())


def median(draw: Draw) -> tuple[float, float]:
    """Give the limits of the median, infinite where it is not reached."""
    found = survival.kaplan_meier(draw["one"], draw["seen"]).quantile()
    return (float(found.lower or 0.0), np.inf if found.upper is None else float(found.upper))


def parametric(draw: Draw, distribution: str) -> tuple[float, float] | None:
    """Give the limits of the first parameter."""
    return in_frame(survival.parametric(draw["one"], draw["seen"], distribution).to_frame())


def poisson(draw: Draw) -> tuple[float, float] | None:
    """Give the limits of events observed over expected."""
    known = survival.Reference.exponential(0.1)
    return ends(survival.one_sample_logrank(draw["one"], draw["seen"], known).ratio_ci)


def two_arms(draw: Draw) -> tuple[float, float] | None:
    """Give the limits of the generalised odds ratio."""
    return ends(shift.generalized_odds_ratio(draw["grades"], group=ARM, control=0).ci)


def generalised(effect: float) -> float:
    """Work out the true generalised odds ratio."""
    better = shift.shift_distribution(P, effect)
    wins = float(better @ (1 - np.cumsum(P)) + better @ P / 2)
    return wins / (1 - wins)


def subdistribution(draw: Draw) -> tuple[float, float] | None:
    """Give the limits of the subdistribution hazard ratio."""
    return in_frame(
        survival.fine_gray(data=draw["frame"], time="time", cause="cause", covariates="g").to_frame()
    )


def ordinal(draw: Draw) -> tuple[float, float] | None:
    """Give the limits of a coefficient."""
    return in_frame(shift.ordinal_model(draw["grades"], covariates={"g": ARM}).to_frame())


def mixed(draw: Draw) -> tuple[float, float] | None:
    """Give the limits of the odds ratio of the second visit against the first."""
    return in_frame(shift.mixed_ordinal(ratings=draw["ratings"]).to_frame())


MODELS: tuple[tuple[str, str, Callable[..., Draw], Callable[[Draw], Any], Callable[[float], float]], ...] = (
    ("`cox`, Wald", "hazard ratio", draw_survival, cox, float),
    ('`cox(penalty="firth")`, profile', "hazard ratio", draw_survival, lambda d: cox(d, penalty="firth"), float),
    ("`fine_gray`, Wald", "no effect", draw_survival, subdistribution, lambda e: 1.0 if e == 1 else np.nan),
    ("`kaplan_meier`, median", "one arm", draw_survival, median, lambda _: 10 * np.log(2)),
    ("`parametric`, exponential", "one arm", draw_survival, lambda d: parametric(d, "exponential"), lambda _: 0.1),
    ("`parametric`, Weibull, shape", "one arm", draw_survival, lambda d: parametric(d, "weibull"), lambda _: 1.0),
    ("`one_sample_logrank`, ratio", "one arm", draw_survival, poisson, lambda _: 1.0),
    ("`ordinal_model`, profile", "odds ratio", draw_grades, ordinal, float),
    ("`generalized_odds_ratio`", "odds", draw_grades, two_arms, generalised),
    ("`mixed_ordinal`, Wald", "odds ratio of a visit", draw_rated, mixed, float),
)  # fmt: skip
"""Name, what it is of, the data, the limits, and the truth by effect."""


def main() -> None:
    """Write the page."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    lines = [
        "# Coverage of models with 17 patients\n",
        "How often a default 95 % interval holds the truth with 17 patients (two groups of 8 and 9, a fifth censored;",
        "grades: two arms of 17; `mixed_ordinal`: three visits of 17), by the true ratio. Made by",
        "`analyses/14_coverage_of_models.py`; error: Monte Carlo standard error of a coverage near 0.95. What is not",
        "estimable counts as not covering; the column gives the largest share of it.\n",
        "| interval | of | 1 | 2 | not estimable, at most | trials a cell | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of, draw, interval, truth in MODELS:
        cells, absent = [], 0.0
        for effect in EFFECTS:
            if np.isnan(true := truth(effect)) or (effect > 1 and of == "one arm"):
                cells.append("")
                continue
            rng = np.random.default_rng(int(10 * effect))
            found = [interval(draw(rng, effect)) for _ in range(trials)]
            cells.append(
                f"{np.mean([pair is not None and pair[0] <= true <= pair[1] for pair in found]):.3f}"
            )
            absent = max(absent, float(np.mean([pair is None for pair in found])))
        error = np.sqrt(0.05 * 0.95 / trials)
        lines.append(f"| {name} | {of} | {' | '.join(cells)} | {absent:.3f} | {trials:,} | {error:.4f} |")
        print(lines[-1], flush=True)
    Path("docs/coverage_models.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

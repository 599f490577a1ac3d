"""Do the shift methods give what published trials printed?

Reads the shipped counts, computes the published statistic, writes a table and Grotta bars to ``out/``.
Run: python analyses/04_published_shift.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pnstrial import shift
from pnstrial.figures import mrs

OUT = Path("out")
FIGURE = ("mr_clean", "interact2", "defuse3", "lees_0_90", "lees_181_270", "lees_271_360")


def row(trial: shift.ShiftTrial) -> dict[str, object]:
    """Compare one trial with its publication."""
    counts, highest = (trial.treated, trial.control), len(trial.levels) - 1
    common = shift.common_odds_ratio(counts=counts, highest=highest)
    pairs = shift.generalized_odds_ratio(counts=counts, highest=highest)
    generalised = (trial.statistic or "").startswith("generalised")
    values = (pairs.odds_ratio, *pairs.ci) if generalised else (common.odds_ratio, *common.wald)
    if (trial.statistic or "").endswith("worse"):
        values = (1 / values[0], 1 / values[2], 1 / values[1])
    show = "{:.3f} ({:.3f}-{:.3f})" if generalised else "{:.2f} ({:.2f}-{:.2f})"
    return {
        "trial": trial.name,
        "statistic": trial.statistic or "common odds ratio",
        "published": show.format(*trial.published) if trial.published else "not published",
        "recomputed": show.format(*values),
        "proportional odds p": round(common.po_p_value, 3),
        "win odds": round(pairs.odds_ratio, 2),
        "source": trial.published_source or trial.source,
    }


def main() -> None:
    """Write the table and the figure."""
    OUT.mkdir(exist_ok=True)
    trials = shift.published_shift_trials()
    table = pd.DataFrame([row(trial) for trial in trials.values()])
    table.to_csv(OUT / "04_published_shift.csv", index=False)
    print(table.drop(columns="source").to_string(index=False))
    figure = Figure(figsize=(17, 11), layout="constrained")
    for axes, key in zip(figure.subplots(3, 2).flat, FIGURE, strict=True):
        trial = trials[key]
        mrs.grotta_bars({"treated": trial.treated, "control": trial.control}, ax=axes, title=trial.name)
    figure.savefig(OUT / "04_published_shift.png", dpi=110)


if __name__ == "__main__":
    main()

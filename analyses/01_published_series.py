"""What did the published series show, and what could 17 patients conclude against it?

Prints and draws: response proportions with exact intervals, the pools, and the single-stage test of 17 patients
against nulls of 5 % and 10 %. Leaves out/01_published_series.csv and .png.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pnstrial import design
from pnstrial.series import load_series, pool_names, pooled_counts

OUT = Path("out")


def series_table() -> pd.DataFrame:
    """Give every series with a count of improved patients, and the two pools."""
    series = load_series().dropna(subset=["improved"])
    rows = [(row.citation, int(row.improved), int(row.evaluable)) for row in series.itertuples()]
    rows += [(f"pooled: {label}", *pooled_counts(name)) for name, label in pool_names().items()]
    table = pd.DataFrame(rows, columns=["series", "improved", "n"])
    results = [design.proportion(x, n) for x, n in zip(table["improved"], table["n"], strict=True)]
    table["proportion"] = [result.estimate for result in results]
    table[["lower", "upper"]] = [result.ci for result in results]
    return table


def at_seventeen() -> pd.DataFrame:
    """Give what 17 patients can conclude against each null."""
    tests = [design.single_stage_at(17, p0, p1) for p0 in (0.05, 0.10) for p1 in (0.30, 0.35)]
    return pd.DataFrame(tests)[["p0", "p1", "critical", "alpha", "power"]]


def main() -> None:
    """Print the two tables and draw the first."""
    OUT.mkdir(exist_ok=True)
    table, test = series_table(), at_seventeen()
    print(table.round(3).to_string(index=False), test.round(3).to_string(index=False), sep="\n\n")
    table.to_csv(OUT / "01_published_series.csv", index=False)
    axes = Figure(figsize=(9, 0.42 * len(table) + 1.2), layout="constrained").subplots()
    for y, row in enumerate(table[::-1].itertuples()):
        axes.plot(
            [row.lower, row.upper], [y, y], color="#1B5E8C", linewidth=3 if "pooled" in row.series else 1.2
        )
        axes.plot(row.proportion, y, "s" if "pooled" in row.series else "o", color="#1B5E8C")
    labels = [
        f"{row.series.split(' doi')[0][:58]}  {row.improved}/{row.n}" for row in table[::-1].itertuples()
    ]
    axes.set_yticks(range(len(table)), labels, fontsize=8)
    for null in (0.05, 0.10):
        axes.axvline(null, color="#767676", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 1), xlabel="Proportion improved, 95 % exact interval; dotted: nulls of 5 % and 10 %")
    axes.figure.savefig(OUT / "01_published_series.png", dpi=150)


if __name__ == "__main__":
    main()

"""Which designs were open to a trial of 17 patients, and what does rating error do to each?

17 is this trial's enrolment; it is also the size of Simon's optimal design for 5 % against 25 %. The basis of the
size was not found: both readings are shown, neither is claimed. Leaves a table and a figure in out/.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pnstrial import design
from pnstrial.figures.designs import power_curve

OUT = Path("out")
METHODS = ("focused", "structured", "conventional")


def designs_for(p0: float, p1: float) -> dict[str, design.Design]:
    """Give a fixed 17, the two-stage design in 17 that loses at most 3 % power, and two with three looks."""
    single = design.single_stage_at(17, p0, p1)
    try:
        staged, name = design.simon(p0, p1, power=0.8, n=17).optimal, "two-stage, power 80 %"
    except ValueError:  # 17 patients are too few for 80 %
        staged, name = design.simon(p0, p1, power=single.power - 0.03, n=17).optimal, "two-stage, 3 % loss"
    return {
        "single stage": single,
        name: staged,
        "BOP2 at 6, 11, 17": design.bop2([6, 11, 17], p0, p1, alpha=0.05),
        "group-sequential at 6, 11, 17": design.group_sequential([6, 11, 17], p0, p1),
    }


def main() -> None:
    """Print one table and draw the power curves, with and without rating error."""
    OUT.mkdir(exist_ok=True)
    print("Reading 1: 17 patients were enrolled; any of the designs below could have had that size.")
    simon = design.simon(0.05, 0.25).optimal
    print(f"Reading 2: 17 is Simon's optimal size for 5 % against 25 %: {simon.sentence()}\n")
    figure = Figure(figsize=(13, 5), layout="constrained")
    tables = []
    for axes, (p0, p1) in zip(figure.subplots(1, 2), ((0.05, 0.25), (0.10, 0.35)), strict=True):
        named = designs_for(p0, p1)
        table = design.compare_designs(named, p0, p1).assign(p0=p0, p1=p1)
        for method in METHODS:
            rated = design.compare_designs(named, p0, p1, rating_error=method)
            table[f"alpha_{method}"] = rated["alpha_rated"]
        tables.append(table)
        power_curve(named, ax=axes, marks=(p0, p1), rating_error=design.rating_error("structured"))
        axes.set_title(f"null {p0:.0%}; dotted: mRS rated anew by structured interview", fontsize=10)
        print(*(f"{name}: {plan.sentence()}" for name, plan in named.items()), "", sep="\n")
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(OUT / "02_designs_at_seventeen.csv", index=False)
    figure.savefig(OUT / "02_designs_at_seventeen.png", dpi=150)
    print(table.drop(columns="sentence").round(3).to_string(index=False))


if __name__ == "__main__":
    main()

"""How far does the choice of the estimand move the primary result? (The patients of the example are synthetic.)"""

from pathlib import Path

import matplotlib as mpl

import pnstrial as pns

mpl.use("Agg")


def main() -> None:
    """Print the proportion under each strategy; leave every estimand and a forest plot under out/."""
    out = Path("out")
    out.mkdir(exist_ok=True)
    table = pns.estimand_table(pns.example_trial(), pns.load_protocol(), null=0.10)
    table.to_frame().to_csv(out / "10_estimand_sensitivity.csv", index=False)
    print(table)
    table.plot().figure.savefig(out / "10_estimand_sensitivity.png", dpi=150)


if __name__ == "__main__":
    main()

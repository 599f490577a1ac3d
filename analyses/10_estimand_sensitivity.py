"""How far does the choice of the estimand move the primary result? (The patients of the example are invented.)"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl
import pandas as pd

import pnstrial as pns

mpl.use("Agg")

CHANGES = (
    ("primary estimand", {}),
    ("death: exclude", {"death": "exclude"}),
    ("rescue: treatment policy", {"rescue": "treatment policy"}),
    ("stopped: composite", {"stopped": "composite"}),
    ("stopped: while on treatment", {"stopped": "while on treatment"}),
    ("missing: LOCF", {"missing": "LOCF"}),
    ("missing: exclude", {"missing": "exclude"}),
    ("missing: best case", {"missing": "best case"}),
)


def main() -> None:
    """Print the proportion under each strategy; leave a table and a forest plot under out/."""
    out = Path("out")
    out.mkdir(exist_ok=True)
    protocol = pns.load_protocol("nct02343211")
    with TemporaryDirectory() as folder:
        pns.data.write_example(folder)
        trial = pns.read_trial(folder)
    rows: list[dict[str, object]] = []
    for visit in ("Month 3", "Month 6"):
        for label, change in CHANGES:
            result = pns.primary_endpoint(trial, protocol, visit=visit, estimand=change, null=0.10)
            low, high = result.ci
            rows.append({"label": f"{label} ({visit})", "group": visit, "x": result.responders, "n": result.n,
                         "estimate": result.estimate, "lower": low, "upper": high, "p": result.p_value})  # fmt: skip
    table = pd.DataFrame(rows)
    table.to_csv(out / "10_estimand_sensitivity.csv", index=False)
    print(table.drop(columns="group").round(3).to_string(index=False))
    axes = pns.figures.forest(table, null=0.10)
    axes.figure.savefig(out / "10_estimand_sensitivity.png", dpi=150)


if __name__ == "__main__":
    main()

"""Do the patients of this trial die less often than those of published series, and what could 17 show?

The patients here are the shipped synthetic example; the curves are those of the published series. Then: which power a
one-sample log-rank test has with 17 patients, 24 months of follow-up each, against the anti-Hu curve.
"""

import tempfile
from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.figures.survival import kaplan_meier
from pnstrial.survival import (
    one_sample_logrank_sample_size,
    overall_survival,
    overall_survival_against,
    published_references,
    reference,
)

out = Path(__file__).parent / "out"
out.mkdir(exist_ok=True)
protocol = pns.load_protocol("nct02343211")
with tempfile.TemporaryDirectory() as folder:
    pns.data.write_example(folder)
    trial = pns.read_trial(folder)
alive = overall_survival(trial, protocol)

rows = []
for name, series in published_references().iterrows():
    found = overall_survival_against(trial, protocol, name)
    rows.append(
        {
            "series": name, "antibody": series["antibody"], "n": series["n"], "observed": found.observed,
            "expected": found.expected, "ratio": found.ratio, "lower": found.ratio_ci[0], "upper": found.ratio_ci[1],
            "exact_p": found.p_value_exact,
        }
    )  # fmt: skip
table = pd.DataFrame(rows)
table.to_csv(out / "05_survival_against_history.csv", index=False)
print("Synthetic patients against published series")
print(table.round(3).to_string(index=False))

history = reference("sillevissmitt2002")
power = pd.DataFrame(
    [
        {"hazard_ratio": ratio, **{f"power_{n}": one_sample_logrank_sample_size(
            history, ratio, follow_up=24, n=n, unit="months").power for n in (17, 34)},
         "n_for_80": one_sample_logrank_sample_size(history, ratio, follow_up=24, unit="months").n}
        for ratio in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    ]
)  # fmt: skip
print(f"\nAgainst {history.source}, one-sided 0.05, 24 months each")
print(power.round(3).to_string(index=False))
axes = kaplan_meier(alive.curve, label="alive (synthetic patients)", reference=reference(unit="days"))
axes.get_figure().savefig(out / "05_survival_against_history.png", dpi=150)

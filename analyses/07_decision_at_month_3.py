"""What does the decision at Month 3 gain over continuing everyone, and how often is it wrong?

The protocol stops IVIg in patients who deteriorated; the other policy goes on whatever the decision.
IVIg is assumed to slow worsening to one half and death to 0.8.
"""

from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.figures.style import LINE_COLOURS, axes_or_new, tidy

QUANTITIES = [
    "cycles_per_patient", "grams_per_patient", "secondary_response", "secondary_dead", "deaths", "wrong_stop_rate",
    "wrong_continue_rate", "stopped_though_stable_or_improved", "continued_though_deteriorated",
]  # fmt: skip

out = Path(__file__).parent / "out"
out.mkdir(exist_ok=True)
protocol = pns.load_protocol("nct02343211")
ivig = {"ivig": {"worsen": 0.5, "die": 0.8}}

frames = []
for rating in ("none", "structured", "unstructured"):
    scenario = pns.load_scenario("anti-hu").changed(course=ivig, rating={"method": rating})
    for policy, anyway in (("decision at Month 3", 0.0), ("everyone continues", 1.0)):
        changed = scenario.changed(treatment={"continued_anyway": anyway})
        frame = pns.simulate_trials(protocol, changed, n_trials=5_000).to_frame()
        frames.append(frame[frame["quantity"].isin(QUANTITIES)].assign(rating=rating, policy=policy))
table = pd.concat(frames).pivot_table(index=["policy", "rating"], columns="quantity", values="estimate")
table = table[[name for name in QUANTITIES if name in table]]
table.to_csv(out / "07_decision_at_month_3.csv")
print(table.T.to_string(float_format=lambda value: f"{value:.3f}"))

axes = axes_or_new(None)
shown = table.xs("decision at Month 3")[["wrong_stop_rate", "wrong_continue_rate"]]
for k, (name, colour) in enumerate(zip(shown.columns, LINE_COLOURS, strict=False)):
    axes.bar(
        [i + 0.38 * k for i in range(len(shown))],
        shown[name],
        width=0.36,
        color=colour,
        label=name.replace("_", " "),
    )
axes.set_xticks([i + 0.19 for i in range(len(shown))], list(shown.index))
axes.set_xlabel("Rating")
axes.set_ylabel("Share of decisions of that truth")
axes.set_title("Wrong decisions at Month 3")
axes.legend(frameon=False)
tidy(axes).get_figure().savefig(out / "07_decision_at_month_3.png", dpi=150)

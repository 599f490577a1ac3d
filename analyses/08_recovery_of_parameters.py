"""Do the estimators recover what was simulated?

Trials with known truth are written as tables, analysed like real ones and compared with the truth beside them.
"""

from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.figures.style import GREY, LINE_COLOURS, axes_or_new, tidy

TRIALS = 60

out = Path(__file__).parent / "out"
out.mkdir(exist_ok=True)
protocol, scenario = pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu")
known = pns.exact_characteristics(protocol, scenario).answers

rows = []
for number in range(TRIALS):
    trial = pns.simulate_trial(protocol, scenario, seed=2014, trial=number)
    response = pns.primary_endpoint(trial, protocol)
    decisions = pns.visits.decisions(trial, protocol)["decision"]
    cycles = pns.exposure.summarise(trial, protocol).patients["cycles_given"]
    visits = trial.truth["visits"].query("visit == 'Month 3'").merge(trial.truth["patients"])
    low, high = response.ci
    rows.append(
        {
            "reported_response": response.estimate,
            "true_response": float((visits["true_on_target_day"] < visits["true_baseline"]).mean()),
            "coverage": float(low <= known["true_response"] <= high),
            "decision_continue": float((decisions == "continue").mean()),
            "cycles_per_patient": float(cycles.mean()),
        }
    )  # fmt: skip
table = pd.DataFrame(rows)
summary = pd.DataFrame(
    {"mean": table.mean(), "std_error": table.std() / TRIALS**0.5, "exact": pd.Series(known)}
)
summary = summary.dropna()
summary["z"] = (summary["mean"] - summary["exact"]) / summary["std_error"]
summary.to_csv(out / "08_recovery_of_parameters.csv")
print(summary.to_string(float_format=lambda value: f"{value:.3f}"))

axes = axes_or_new(None)
axes.axvline(0, color=GREY, linewidth=0.8)
axes.plot(summary["z"], range(len(summary)), "o", color=LINE_COLOURS[0])
axes.set_yticks(range(len(summary)), [name.replace("_", " ") for name in summary.index])
axes.set_xlim(-4, 4)
axes.set_xlabel(f"Estimate minus exact value, in standard errors ({TRIALS} trials analysed as tables)")
tidy(axes).get_figure().savefig(out / "08_recovery_of_parameters.png", dpi=150)

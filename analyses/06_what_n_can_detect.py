"""What can 17 patients detect, and which success rule detects it?

The true rate of improvement is varied by the rates of the course; ratings come from the structured interview.
"""

from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.figures import simulation
from pnstrial.simulate import power_curve

RULES = {
    "exact test, null 0.05": {"rule": "exact test", "null": 0.05},
    "exact test, null 0.10": {"rule": "exact test", "null": 0.10},
    "two-stage 0/9, 2/17": {"rule": "two-stage", "r1": 0, "n1": 9, "r": 2, "n": 17},
    "posterior over 0.95, null 0.10": {"rule": "bayesian", "null": 0.10, "threshold": 0.95},
}
FACTORS = (0, 1, 3, 6, 9, 13, 18, 25)

out = Path(__file__).parent / "out"
out.mkdir(exist_ok=True)
protocol = pns.load_protocol("nct02343211")
scenario = pns.load_scenario("anti-hu-plain").changed(rating={"method": "structured"})

parts = []
for name, rule in RULES.items():
    curve = power_curve(protocol, scenario.changed(success=rule), FACTORS, n_trials=10_000)
    parts.append(curve.table.assign(rule=name, success_from=curve.critical_count))
    if name == "exact test, null 0.10":
        axes = simulation.power_against_rate(curve)
        axes.set_title("What 17 patients can detect (null 0.10)")
        axes.get_figure().savefig(out / "06_what_n_can_detect.png", dpi=150)
table = pd.concat(parts)[
    ["rule", "success_from", "true_response", "reported_response", "estimate", "std_error", "exact"]
]
table.to_csv(out / "06_what_n_can_detect.csv", index=False)
print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))

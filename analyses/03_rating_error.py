"""What does rating error do to this trial?

An unchanged patient "improves" by chance in half of the pairs of ratings that disagree: 17.5 % with two
unstructured raters, 9.5 % with the structured interview, 3 % with the Rankin Focused Assessment. The
historical improvement rate
on IVIg is 1 of 37 (2.7 %).
"""

from pathlib import Path

import pandas as pd

import pnstrial as pns
from pnstrial.figures import simulation
from pnstrial.multistate import RatingError

METHODS = {
    "none": RatingError.none(), "focused": RatingError.focused(), "structured": RatingError.structured(),
    "unstructured": RatingError.unstructured(),
}  # fmt: skip
QUANTITIES = (
    "true_response", "reported_response", "probability_of_success", "wrong_stop_rate", "wrong_continue_rate",
    "coverage",
)  # fmt: skip

out = Path(__file__).parent / "out"
out.mkdir(exist_ok=True)
protocol, scenario = pns.load_protocol("nct02343211"), pns.load_scenario("ivig-history")

by_method = pns.compare_scenarios(protocol, scenario, method="exact", rating=list(METHODS))
table = by_method[by_method["quantity"].isin(QUANTITIES)].pivot_table(
    index="rating", columns="quantity", values="estimate", sort=False
)
table.insert(0, "chance_improvement", [float(error.agreement()[1:].sum()) / 2 for error in METHODS.values()])
same = scenario.changed(rating={"same_rater_agreement": 0.9})
known = pns.exact_characteristics(protocol, same).answers
table.loc["unstructured, same rater (0.90)"] = pd.Series({name: known[name] for name in QUANTITIES})
table.to_csv(out / "03_rating_error.csv")
print(table.to_string(float_format=lambda value: f"{value:.3f}"))

grid = pns.compare_scenarios(
    protocol, scenario, method="exact", rating=list(METHODS), null=[0.05, 0.10, 0.15, 0.20]
)
axes = simulation.heat_map(grid, "null", "rating", "probability_of_success")
axes.set_title("False success: 2.7 % truly improve, success claimed against a null")
axes.get_figure().savefig(out / "03_rating_error.png", dpi=150)

"""Every figure, each drawn from a result and returned as its Axes.

Input: results and an optional Axes.
Output: the Axes, with the plotted data named so that a test can find it.
Protocol section: none.
Method: no global style is set; matplotlib is imported when a figure is drawn.
Next: `reporting`.
"""

from __future__ import annotations

from pnstrial.figures.by_result import draw
from pnstrial.figures.designs import power_curve, saw_tooth, stopping_boundaries
from pnstrial.figures.flow import consort_flow, count_flow
from pnstrial.figures.mrs import alluvial, cumulative_odds, grotta_bars, transition_heat_map, waterfall
from pnstrial.figures.patients import swimmer
from pnstrial.figures.proportions import estimand_forest, forest
from pnstrial.figures.simulation import heat_map, power_against_rate, responder_distribution
from pnstrial.figures.survival import cumulative_incidence, kaplan_meier, state_occupancy

__all__ = [
    "alluvial",
    "consort_flow",
    "count_flow",
    "cumulative_incidence",
    "cumulative_odds",
    "draw",
    "estimand_forest",
    "forest",
    "grotta_bars",
    "heat_map",
    "kaplan_meier",
    "power_against_rate",
    "power_curve",
    "responder_distribution",
    "saw_tooth",
    "state_occupancy",
    "stopping_boundaries",
    "swimmer",
    "transition_heat_map",
    "waterfall",
]


def __dir__() -> list[str]:
    return __all__

"""Every figure, each drawn from a result and returned as its Axes.

Input: results and an optional Axes.
Output: the Axes, with the plotted data named so that a test can find it.
Protocol section: none.
Method: no global style is set; a figure's module, and matplotlib, are loaded when it is drawn.
Next: `reporting`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pnstrial.figures.by_result import draw
    from pnstrial.figures.designs import power_curve, saw_tooth, stopping_boundaries
    from pnstrial.figures.flow import consort_flow, count_flow
    from pnstrial.figures.mrs import alluvial, grotta_bars, transition_heat_map, waterfall
    from pnstrial.figures.odds import cumulative_odds
    from pnstrial.figures.patients import swimmer
    from pnstrial.figures.proportions import estimand_forest, forest
    from pnstrial.figures.simulation import (
        compare_responders,
        heat_map,
        power_against_rate,
        responder_distribution,
    )
    from pnstrial.figures.survival import cumulative_incidence, kaplan_meier, state_occupancy

# Where the interpreter finds each of them.
_HOMES = {
    "alluvial": "mrs",
    "compare_responders": "simulation",
    "consort_flow": "flow",
    "count_flow": "flow",
    "cumulative_incidence": "survival",
    "cumulative_odds": "odds",
    "draw": "by_result",
    "estimand_forest": "proportions",
    "forest": "proportions",
    "grotta_bars": "mrs",
    "heat_map": "simulation",
    "kaplan_meier": "survival",
    "power_against_rate": "simulation",
    "power_curve": "designs",
    "responder_distribution": "simulation",
    "saw_tooth": "designs",
    "state_occupancy": "survival",
    "stopping_boundaries": "designs",
    "swimmer": "patients",
    "transition_heat_map": "mrs",
    "waterfall": "mrs",
}

__all__ = [
    "alluvial",
    "compare_responders",
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


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pnstrial.figures' has no attribute {name!r}")
    value = getattr(import_module(f"pnstrial.figures.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

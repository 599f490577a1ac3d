"""Every figure, each drawn from a result and returned as its Axes.

Input: results and an optional Axes.
Output: the Axes, with the plotted data named so that a test can find it.
Protocol section: none.
Method: no global style is set; matplotlib is imported when a figure is drawn.
Next: `reporting`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "alluvial": "mrs",
    "cumulative_odds": "mrs",
    "grotta_bars": "mrs",
    "transition_heat_map": "mrs",
    "waterfall": "mrs",
    "consort_flow": "flow",
    "count_flow": "flow",
    "swimmer": "patients",
    "forest": "proportions",
    "power_curve": "designs",
    "saw_tooth": "designs",
    "stopping_boundaries": "designs",
    "heat_map": "simulation",
    "power_against_rate": "simulation",
    "responder_distribution": "simulation",
    "cumulative_incidence": "survival",
    "kaplan_meier": "survival",
    "state_occupancy": "survival",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'pnstrial.figures' has no attribute {name!r}")
    return getattr(import_module(f"pnstrial.figures.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_WHERE)

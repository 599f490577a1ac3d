"""Every figure, each drawn from a result and returned as its Axes.

Input: results and an optional Axes.
Output: the Axes, with the plotted data named so that a test can find it.
Protocol section: none.
Method: no global style is set; a figure's module, and matplotlib, are loaded when it is drawn.
Next: `reporting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names

if TYPE_CHECKING:
    from pnstrial.figures.by_result import draw as draw
    from pnstrial.figures.designs import power_curve as power_curve
    from pnstrial.figures.designs import saw_tooth as saw_tooth
    from pnstrial.figures.designs import stopping_boundaries as stopping_boundaries
    from pnstrial.figures.flow import consort_flow as consort_flow
    from pnstrial.figures.flow import count_flow as count_flow
    from pnstrial.figures.mrs import alluvial as alluvial
    from pnstrial.figures.mrs import grotta_bars as grotta_bars
    from pnstrial.figures.mrs import transition_heat_map as transition_heat_map
    from pnstrial.figures.mrs import waterfall as waterfall
    from pnstrial.figures.odds import cumulative_odds as cumulative_odds
    from pnstrial.figures.patients import swimmer as swimmer
    from pnstrial.figures.proportions import estimand_forest as estimand_forest
    from pnstrial.figures.proportions import forest as forest
    from pnstrial.figures.simulation import compare_responders as compare_responders
    from pnstrial.figures.simulation import heat_map as heat_map
    from pnstrial.figures.simulation import power_against_rate as power_against_rate
    from pnstrial.figures.simulation import responder_distribution as responder_distribution
    from pnstrial.figures.survival import cumulative_incidence as cumulative_incidence
    from pnstrial.figures.survival import kaplan_meier as kaplan_meier
    from pnstrial.figures.survival import state_occupancy as state_occupancy

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "by_result": "draw",
            "designs": "power_curve saw_tooth stopping_boundaries",
            "flow": "consort_flow count_flow",
            "mrs": "alluvial grotta_bars transition_heat_map waterfall",
            "odds": "cumulative_odds",
            "patients": "swimmer",
            "proportions": "estimand_forest forest",
            "simulation": "compare_responders heat_map power_against_rate responder_distribution",
            "survival": "cumulative_incidence kaplan_meier state_occupancy",
        },
    )

"""Which figure belongs to a result?

Input: any result.
Output: its figure.
Protocol section: none.
Method: by the type of the result, the nearest of its classes first.
Next: `reporting`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pnstrial.numerics.arguments import display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_FIGURES: Final = {
    "Analysis": "patients.swimmer",
    "Assurance": "simulation.power_distribution",
    "CommonOddsRatio": "odds.cumulative_odds",
    "CumulativeIncidence": "survival.cumulative_incidence",
    "EstimandTable": "proportions.estimand_forest",
    "Flow": "flow.consort_flow",
    "KaplanMeier": "survival.kaplan_meier",
    "KaplanMeierByGroup": "survival.kaplan_meier",
    "Landmark": "survival.kaplan_meier",
    "MrsOccupancy": "survival.state_occupancy",
    "OperatingCharacteristics": "simulation.responder_distribution",
    "PowerCurve": "simulation.power_against_rate",
    "SampleSize": "simulation.power_against_size",
    "SequentialDesign": "designs.stopping_boundaries",
    "ShiftResult": "mrs.grotta_bars",
    "SimonMakuch": "survival.kaplan_meier",
    "SingleStage": "designs.saw_tooth",
    "SobolIndices": "simulation.variance_shares",
    "StateOccupancy": "survival.state_occupancy",
    "SurvivalResult": "survival.survival_result",
    "Tornado": "simulation.tornado",
    "TransitionTable": "mrs.transition_heat_map",
    "TwoStageDesign": "designs.stopping_boundaries",
}
"""Module and function of the figure of each type of result; a figure's module is loaded when it is drawn."""


def draw(result: object, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result in the figure that belongs to its type.

    Parameters
    ----------
    result : Result
        Any result for which there is a figure.
    ax : matplotlib.axes.Axes, optional
        Where to draw; else a new figure.
    **options
        Handed to the figure's own function.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If there is no figure of such a result; the message lists those that there are.

    Examples
    --------
    >>> import pnstrial as pns
    >>> axes = draw(pns.design.simon(0.05, 0.25).optimal)
    >>> axes.get_xlabel()
    'Patients with an answer'
    """
    for kind in type(result).__mro__:
        if kind.__name__ in _FIGURES:
            module, function = _FIGURES[kind.__name__].split(".")
            figure = getattr(import_module(f"pnstrial.figures.{module}"), function)
            return figure(result, ax=ax, **options)
    raise TypeError(
        f"draw: result = {display(result)} has no figure; there are figures of {', '.join(_FIGURES)}"
    )

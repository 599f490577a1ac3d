"""Which figure belongs to a result?

Input: any result.
Output: its figure.
Protocol section: none.
Method: by the type of the result, the nearest of its classes first.
Next: `reporting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pnstrial.figures.designs import saw_tooth, stopping_boundaries
from pnstrial.figures.flow import consort_flow
from pnstrial.figures.mrs import cumulative_odds, grotta_bars, transition_heat_map
from pnstrial.figures.patients import swimmer
from pnstrial.figures.proportions import estimand_forest
from pnstrial.figures.simulation import (
    power_against_rate,
    power_against_size,
    power_distribution,
    responder_distribution,
    tornado,
    variance_shares,
)
from pnstrial.figures.survival import cumulative_incidence, kaplan_meier, state_occupancy, survival_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

__all__ = ["draw"]

_FIGURES: Final[dict[str, Callable[..., Any]]] = {
    "Analysis": swimmer,
    "Assurance": power_distribution,
    "CommonOddsRatio": cumulative_odds,
    "CumulativeIncidence": cumulative_incidence,
    "EstimandTable": estimand_forest,
    "Flow": consort_flow,
    "KaplanMeier": kaplan_meier,
    "KaplanMeierByGroup": kaplan_meier,
    "Landmark": kaplan_meier,
    "MrsOccupancy": state_occupancy,
    "OperatingCharacteristics": responder_distribution,
    "PowerCurve": power_against_rate,
    "SampleSize": power_against_size,
    "SequentialDesign": stopping_boundaries,
    "ShiftResult": grotta_bars,
    "SimonMakuch": kaplan_meier,
    "SingleStage": saw_tooth,
    "SobolIndices": variance_shares,
    "StateOccupancy": state_occupancy,
    "SurvivalResult": survival_result,
    "Tornado": tornado,
    "TransitionTable": transition_heat_map,
    "TwoStageDesign": stopping_boundaries,
}


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
            return _FIGURES[kind.__name__](result, ax=ax, **options)
    raise TypeError(
        f"draw: there is no figure of a {type(result).__name__}; there are figures of {', '.join(_FIGURES)}"
    )

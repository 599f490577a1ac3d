"""From what is each uncertain setting of a simulation drawn?

Input: distributions of settings by name (`what_if`), or a frame of draws.
Output: a frame, one row per draw, and how it was drawn in words.
Protocol section: none.
Method: quantiles at uniform numbers of the seed; a Beta is for shares, and what is meant as a range is refused.
Next: `questions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from pnstrial.changes import current_value, what_if
from pnstrial.numerics.arguments import Checks, as_number, display
from pnstrial.settings import of_percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol

__all__ = ["drawn_inputs"]


def drawn_inputs(
    protocol: Protocol, scenario: Scenario, inputs: Any, draws: int, seed: int
) -> tuple[pd.DataFrame, str]:
    """Draw the inputs of `assurance`, and say how.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    inputs : mapping, pandas.DataFrame or None
    draws, seed : int

    Returns
    -------
    pandas.DataFrame
        One row per draw, one column a setting.
    str

    Raises
    ------
    ValueError
        If an input is no distribution of its setting.
    """
    from scipy.stats import beta

    if isinstance(inputs, pd.DataFrame):
        if inputs.empty:
            raise ValueError("assurance: the frame of draws is empty")
        _check_response(inputs)
        return inputs.reset_index(drop=True), f"{len(inputs)} draws of {', '.join(map(str, inputs.columns))}"
    if inputs is None:
        if (series := scenario.series) is None or not series.response:
            why = "names no series" if series is None else "assumes another response than its series found"
            raise ValueError(
                f"assurance: scenario {scenario.id} {why}; give inputs such as {{'response': (1.5, 16.5)}}, on the"
                " command line --input response=1.5:16.5"
            )
        n = series.improved + series.stable + series.deteriorated + (series.dead or 0.0)
        inputs = {"response": (series.improved + 0.5, n - series.improved + 0.5)}
    rng = np.random.default_rng(seed)
    columns: dict[str, NDArray[np.float64]] = {}
    words: list[str] = []
    for name, given in cast("dict[str, Any]", inputs).items():
        if isinstance(given, tuple | list):
            pair = [as_number(end) for end in cast("list[object]", given)]
            if len(pair) != 2 or any(end is None or end <= 0 for end in pair):
                raise ValueError(
                    f"assurance: {name} = {given!r}; a Beta distribution is (a, b), both over 0; draws are a"
                    " pandas.DataFrame, one column a setting"
                )
            a, b = cast("list[float]", pair)
            _refuse_range(protocol, scenario, name, a, b)
            columns[name] = beta(a, b).ppf(rng.random(draws))
            words.append(f"{name}: Beta({a:g}, {b:g})")
        elif hasattr(given, "ppf") and hasattr(given, "dist"):
            columns[name] = np.asarray(given.ppf(rng.random(draws)), dtype=float)
            words.append(f"{name}: {given.dist.name}{given.args}")
        else:
            raise ValueError(
                f"assurance: {name} = {given!r}; allowed is (a, b) of a Beta, or a distribution of scipy with its"
                " parameters, such as scipy.stats.norm(0.3, 0.05); draws are a pandas.DataFrame, one column a setting"
            )
    if not columns:
        raise ValueError("assurance: inputs is empty")
    points = pd.DataFrame(columns)
    _check_response(points)
    return points, "; ".join(words)


def _check_response(points: pd.DataFrame) -> None:
    """Refuse responses that are no shares."""
    drawn = points["response"].tolist() if "response" in points else []
    shares = [as_number(share) for share in drawn]
    none = [value for value, share in zip(drawn, shares, strict=True) if share is None or not 0 <= share <= 1]
    Checks("assurance").add(
        bool(none),
        f"response = {display(none[:3])} (of {len(none)} of {len(drawn)} draws) must be a share from 0 to 1"
        f"{of_percent(none[0]) if none else ''}",
    ).done()


def _refuse_range(protocol: Protocol, scenario: Scenario, name: str, a: float, b: float) -> None:
    """Refuse two numbers that are meant as a range: the parameters of a Beta are counts, and it gives shares."""
    range_is = (
        f"a range is scipy.stats.uniform({min(a, b):g}, {abs(b - a):g}), or draws from it in a frame (on the command"
        " line --draws-from)"
    )
    if a < 1 and b < 1:
        raise ValueError(
            f"assurance: {name} = ({a:g}, {b:g}) would be the parameters of a Beta, patients that it is worth;"
            f" {range_is}, this Beta scipy.stats.beta({a:g}, {b:g})"
        )
    if name == "response":
        return
    whole = name in {"deaths", "window_days"} or isinstance(current_value(protocol, scenario, name), int)
    try:
        if not whole:
            what_if(protocol, scenario, {name: 1.5})
    except ValueError:
        return  # a share, or no setting at all, which is said where it is laid in
    raise ValueError(f"assurance: {name} = ({a:g}, {b:g}) is a Beta, and {name} is no share; {range_is}")

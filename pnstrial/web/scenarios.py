"""Which scenario do the settings of the form make?

Input: the name of a scenario, what the sliders say.
Output: the settings as `pnstrial.what_if` and the command line take them; what the sliders show at first.
Protocol section: all.
Method: a setting within half a step of what was loaded was not moved; deaths are asked as a share of the patients.
Next: `session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from pnstrial import Protocol, Scenario

__all__ = ["OWN_SCENARIO", "RATINGS", "SLIDERS", "Slider", "first_values", "fitting", "moved_settings"]

OWN_SCENARIO: Final = "my-scenario.toml"
"""Name of the scenario that somebody brought as a file."""
RATINGS: Final = ("none", "unstructured", "structured", "focused")
"""How the scale may be rated in a scenario."""


class Slider(NamedTuple):
    """A number that moves: smallest, largest, step, and its name in `pnstrial.what_if`."""

    low: float
    high: float
    step: float
    setting: str


SLIDERS: Final = {
    "response": Slider(0.0, 0.95, 0.005, "response"),
    "dead": Slider(0.0, 0.9, 0.005, "deaths"),
    "n": Slider(5, 300, 1, "n"),
    "null": Slider(0.01, 0.6, 0.01, "null"),
    "missed": Slider(0.0, 0.5, 0.01, "scenario.visits.missed"),
    "dropout": Slider(0.0, 0.2, 0.005, "scenario.dropout.per_month"),
    "late": Slider(0.0, 0.8, 0.01, "late"),
}


def fitting(protocol: Protocol, scenarios: dict[str, Scenario]) -> tuple[str, ...]:
    """Name the scenarios that a protocol can be simulated under.

    Parameters
    ----------
    protocol : Protocol
    scenarios : dict of str to Scenario

    Returns
    -------
    tuple of str
        The one of the protocol's own name first.
    """
    from pnstrial.engine.model import (
        build_model,
    )  # on use: the first answer of the server needs no simulation

    found: list[str] = []
    for name, scenario in scenarios.items():
        try:
            build_model(protocol, scenario, short=True, exact=True)
        except ValueError:
            continue
        found.append(name)
    return tuple(sorted(found, key=lambda name: (name != OWN_SCENARIO, name != protocol.id)))


def first_values(protocol: Protocol, scenario: Scenario) -> dict[str, Any]:
    """Give what the sliders show where nobody has moved them.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    dict
        By slider, and ``rating``; None where the scenario has no such number.
    """
    from pnstrial.engine.exact.answers import endpoint_probabilities
    from pnstrial.engine.model import build_model

    answers = endpoint_probabilities(build_model(protocol, scenario, short=True, exact=True), rated=False)
    null = protocol.endpoint.null_proportion
    return {
        "response": answers["true_response"], "dead": answers["true_death"],
        "n": scenario.enrolment.target, "null": null if null is not None else getattr(scenario.success, "null", None),
        "missed": scenario.visits.missed, "dropout": scenario.dropout.per_month, "late": scenario.treatment.late,
        "rating": scenario.rating.method,
    }  # fmt: skip


def moved_settings(settings: dict[str, str], first: dict[str, Any]) -> dict[str, Any]:
    """Tell which settings were moved, as `pnstrial.what_if` takes them.

    Parameters
    ----------
    settings : dict of str to str
        Of the form, by slider; and ``rating``.
    first : dict
        See `first_values`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For a number or word that is not allowed.
    """
    moved: dict[str, Any] = {}
    for name, slider in SLIDERS.items():
        text = settings.get(name, "")
        if not text:
            continue
        try:
            value = int(text) if name == "n" else float(text)
        except ValueError:
            raise ValueError(
                f"{name} = {text[:20]!r}: write a number from {slider.low:g} to {slider.high:g}"
            ) from None
        begun = first[name]
        if begun is not None and abs(value - begun) <= slider.step / 2:
            continue
        if not slider.low <= value <= slider.high:
            raise ValueError(f"{name} = {value:g}: allowed is {slider.low:g} to {slider.high:g}")
        moved[slider.setting] = value
    rating = settings.get("rating", "")
    if rating and rating != first["rating"]:
        if rating not in RATINGS:
            raise ValueError(f"rating = {rating[:20]!r}: allowed are {', '.join(RATINGS)}")
        moved["rating"] = rating
    if "deaths" in moved:
        moved["deaths"] = round(moved["deaths"] * moved.get("n", first["n"]), 6)
    return moved

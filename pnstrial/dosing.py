"""What does a patient weigh for a dose, how is it rounded, and which vials make it up?

Input: weight, height and sex; a dose and the vials at hand.
Output: kg; g; vials.
Protocol section: treatment.
Method: ideal weight after Devine, Drug Intell Clin Pharm 1974;8:650; vials by coin change, least waste, then fewest.
Next: `exposure`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from pnstrial.numerics.arguments import as_number

__all__ = [
    "TOLERANCE",
    "WeightBasis",
    "check_over_0",
    "choose_vials",
    "dosing_weight",
    "ideal_weight",
    "round_dose",
    "show_vials",
]

TOLERANCE = 1e-9
"""Thresholds are exact decimals: a number this close to one counts as equal to it."""
DEVINE_BASE_CM = 152.4
"""Devine's formula starts at 60 inches; below it the ideal weight stays at its base."""

WeightBasis = Literal["actual", "ideal", "adjusted"]


def check_over_0(name: str, value: object, unit: str) -> None:
    """Raise `ValueError` where a number is not over 0."""
    number = as_number(value)
    if number is None or not number > 0:
        raise ValueError(f"{name} is {value}; it must be over 0 ({unit})")


def ideal_weight(height_cm: float, sex: str) -> float:
    """Give the ideal body weight after Devine (1974).

    Parameters
    ----------
    height_cm : float
        Height, cm; below 152.4 cm the weight stays at its base.
    sex : {"female", "male"}

    Returns
    -------
    float
        kg: 50 (men) or 45.5 (women) + 2.3 for each inch over 60.

    Raises
    ------
    ValueError
        If the height is not over 0 or the sex is another word.

    Examples
    --------
    >>> round(ideal_weight(177.8, "male"), 1), ideal_weight(140, "female")
    (73.0, 45.5)
    """
    check_over_0("height_cm", height_cm, "cm")
    if sex not in ("female", "male"):
        raise ValueError(f"sex is {sex!r}; it must be female or male")
    base = 45.5 if sex == "female" else 50.0
    return base + 2.3 * max(0.0, (height_cm - DEVINE_BASE_CM) / 2.54)


def dosing_weight(
    weight_kg: float, basis: WeightBasis = "actual", height_cm: float | None = None, sex: str | None = None
) -> float:
    """Give the weight that a dose is reckoned with.

    Parameters
    ----------
    weight_kg : float
        Actual weight, kg.
    basis : {"actual", "ideal", "adjusted"}
        "adjusted" is ideal + 0.4 x (actual - ideal), and the actual weight if that is below the ideal one.
    height_cm, sex : optional
        Needed by "ideal" and "adjusted".

    Returns
    -------
    float
        kg.

    Raises
    ------
    ValueError
        For a weight not over 0, another basis, or height or sex missing where they are needed.

    Examples
    --------
    >>> round(dosing_weight(120, "adjusted", 177.8, "male"), 1)
    91.8
    """
    check_over_0("weight_kg", weight_kg, "kg")
    if basis not in ("actual", "ideal", "adjusted"):
        raise ValueError(f"basis is {basis!r}; allowed are actual, ideal and adjusted")
    if basis == "actual":
        return weight_kg
    if height_cm is None or sex is None:
        raise ValueError(f"basis {basis!r} needs height_cm and sex; give both, or use the actual weight")
    ideal = ideal_weight(height_cm, sex)
    if basis == "ideal":
        return ideal
    return weight_kg if weight_kg < ideal else ideal + 0.4 * (weight_kg - ideal)


def round_dose(dose_g: float, to_g: float = 5.0) -> float:
    """Round a dose to the nearest step, halves up.

    Examples
    --------
    >>> round_dose(142.5), round_dose(142.4)
    (145.0, 140.0)
    """
    check_over_0("to_g", to_g, "g")
    if as_number(dose_g) is None:
        raise ValueError(f"dose_g is {dose_g}; it must be a number (g)")
    return math.floor(dose_g / to_g + 0.5 + TOLERANCE) * to_g


def choose_vials(dose_g: float, vials_g: Sequence[float] = (2.5, 5, 10, 20, 40)) -> dict[float, int]:
    """Choose the vials of a dose: least waste, then fewest vials.

    Parameters
    ----------
    dose_g : float
        Dose, g.
    vials_g : sequence of float
        Contents of the vials at hand, g.

    Returns
    -------
    dict of float to int
        Content to number, largest first; the contents add up to at least the dose.

    Raises
    ------
    ValueError
        For a dose below 0, or vials that are none or not over 0.

    Examples
    --------
    >>> choose_vials(131.4)
    {40: 3, 10: 1, 2.5: 1}
    """
    number = as_number(dose_g)
    if number is None or number < 0:
        raise ValueError(f"dose_g is {dose_g}; it must be a dose of at least 0 (g)")
    sizes = vials_g if isinstance(vials_g, Sequence) and not isinstance(vials_g, str) else ()  # pyright: ignore[reportUnnecessaryIsInstance]
    if not sizes or any((as_number(vial) or 0) <= 0 for vial in sizes):
        raise ValueError(f"vials_g is {vials_g}; give at least one content over 0 (g)")
    exact = {vial: Fraction(str(vial)) for vial in vials_g}
    unit = Fraction(1, math.lcm(*(part.denominator for part in exact.values())))
    sizes = {vial: int(part / unit) for vial, part in exact.items()}
    needed = max(0, math.ceil(Fraction(dose_g - TOLERANCE) / unit))
    # fewest vials for every total (coin change); the first total from the dose on that can be made wastes least
    fewest: list[int] = [0]
    last: list[float | None] = [None]
    total = 0
    while not (total >= needed and fewest[total] < math.inf):
        total += 1
        options = [
            (fewest[total - size] + 1, -size, vial)
            for vial, size in sizes.items()
            if size <= total and fewest[total - size] < math.inf
        ]
        best = min(options, default=None)
        fewest.append(int(best[0]) if best else math.inf)  # type: ignore[arg-type]
        last.append(best[2] if best else None)
    chosen: Counter[float] = Counter()
    while total:
        vial = last[total]
        if vial is None:
            break
        chosen[vial] += 1
        total -= sizes[vial]
    return {vial: chosen[vial] for vial in sorted(chosen, reverse=True)}


def show_vials(vials: dict[float, int]) -> str:
    """Write vials as a pharmacist does: "3 x 40 g + 1 x 10 g"."""
    return " + ".join(f"{number} x {content:g} g" for content, number in vials.items()) or "none"

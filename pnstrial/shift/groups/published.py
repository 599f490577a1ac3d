"""Which published trials can the methods be tried on?

Input: the shipped file ``published/shift_trials.json``.
Output: `ShiftTrial`: counts by grade of both arms, the published statistic, the source of each.
Protocol section: none.
Method: counts as printed in the source that each trial names; what was rebuilt from percentages says so.
Next: `figures.mrs`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["ShiftTrial", "published_shift_trials"]


@dataclass(frozen=True)
class ShiftTrial:
    """A published mRS distribution of two arms.

    Attributes
    ----------
    key, name : str
        Short and full name.
    levels : tuple of str
        Grades, best first; some trials merge the worst.
    treated, control : tuple of int
        Patients at each.
    source : str
        Where the counts were published.
    statistic : str or None
        Published statistic; None where none of the distribution was.
    published : tuple of float or None
        Its estimate, lower and upper 95 % limit.
    published_source : str or None
        Where it was published.
    """

    key: str
    name: str
    levels: tuple[str, ...]
    treated: tuple[int, ...]
    control: tuple[int, ...]
    source: str
    statistic: str | None
    published: tuple[float, float, float] | None
    published_source: str | None


@cache
def published_shift_trials() -> dict[str, ShiftTrial]:
    """Give the published trials by short name.

    Returns
    -------
    dict of str to ShiftTrial

    Examples
    --------
    >>> mr_clean = published_shift_trials()["mr_clean"]
    >>> mr_clean.treated, mr_clean.published
    ((6, 21, 49, 43, 52, 13, 49), (1.66, 1.21, 2.28))
    """
    text = files("pnstrial").joinpath("published", "shift_trials.json").read_text(encoding="utf-8")
    found: dict[str, ShiftTrial] = {}
    for entry in json.loads(text)["trials"]:
        printed = entry["published"]
        found[entry["id"]] = ShiftTrial(
            key=entry["id"],
            name=entry["name"],
            levels=tuple(entry["levels"]),
            treated=tuple(entry["treated"]),
            control=tuple(entry["control"]),
            source=entry["source"],
            statistic=printed["statistic"] if printed else None,
            published=(printed["estimate"], printed["lower"], printed["upper"]) if printed else None,
            published_source=printed["source"] if printed else None,
        )
    return found

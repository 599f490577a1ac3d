"""With which probability is everything given to a patient as planned, and how can it be?

Input: `engine.model.Model`.
Output: ways in which the cycles that must be as planned can be so, each with its probability.
Protocol section: treatment, analysis sets.
Method: delays are a chain over the cycles, doses and stops are drawn for each infusion alone, and none of them looks at
the patient; who dies before the last of these infusions is taken out when he does (`patient`).
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.engine.exact.entries import Given
from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model

__all__ = ["AsPlanned", "reason_against", "ways_as_planned"]


@dataclass(frozen=True)
class AsPlanned:
    """Patients whose cycles up to the decision are as planned.

    Parameters
    ----------
    share : float
        Probability that they are, as far as infusions decide it.
    given_by : tuple of (float, float)
        Days on which the last of these infusions can fall, rising, each with the probability that it fell before.
    stopped : float
        Share of them who are stopped at the end of these cycles.
    given : Given, optional
        How the cycles end, where visits count from the last infusion.
    """

    share: float
    given_by: tuple[tuple[float, float], ...]
    stopped: float
    given: Given | None = None


def reason_against(model: Model) -> str | None:
    """Say why a model has no exact answer for patients as planned; None if it has."""
    w, v = model.whole, int(model.whole[at.ENDPOINT_VISIT])
    if w[at.MOVES]:
        return "a decision moves the last infusion, from which visits are counted"
    last = max(day for day, _ in _last_days(model))
    first = int(min(model.visits[v, 1], model.visits[v, 0] + w[at.JITTER_LOW]))
    if not model.anchored[v] and first <= last:
        return "the endpoint visit may come before the last infusion that must be as planned"
    return None


def ways_as_planned(model: Model) -> Iterator[AsPlanned]:
    """List the ways in which the cycles can be as planned.

    Yields
    ------
    AsPlanned
        One for all, or one by last infusion where visits count from it.
    """
    w = model.whole
    days, before, required = int(w[at.INFUSION_DAYS]), int(w[at.CYCLES_BEFORE]), int(w[at.REQUIRED])
    stop = model.stop_per_infusion
    last_days = _last_days(model)
    in_time = sum(share for _, share in last_days)
    share = in_time * _as_dosed(model) ** required
    on = (1 - stop) ** (days * before)
    # stopped at an infusion of the last of these cycles: at its last one, where it must be complete
    final = [days - 1] if before == required else list(range(days))
    ends = [(1 - stop) ** (days * (before - 1) + i) * stop for i in final]
    if not model.anchored.any():
        whole = on + sum(ends)
        passed = (
            np.cumsum([0.0, *(part / in_time for _, part in last_days)]).tolist() if in_time > 0 else [0.0]
        )
        given_by = tuple(
            (float(day), before_it) for (day, _), before_it in zip(last_days, passed, strict=False)
        )
        yield AsPlanned(share * whole, given_by, sum(ends) / whole if whole > 0 else 0.0)
        return
    length, begin = int(w[at.CYCLE_DAYS]), int(w[at.TO_OTHERS])
    others = int(w[begin : begin + int(w[at.OTHERS])].max(initial=0))
    for day, part in last_days:
        own = share * part / in_time if in_time > 0 else 0.0
        begins = day - (days - 1 if before == required else 0)
        ways = [(on, max(others, begins + days - 1), None)]
        ways += [(end, begins + i, before) for end, i in zip(ends, final, strict=True)]
        for chance, last, stopped in ways:
            until = float(length * before) if stopped else float(w[at.ACTS_UNTIL])
            if own * chance > 0:
                given = Given(1.0, last, stopped, until, first=False)
                yield AsPlanned(own * chance, ((float(day), 0.0),), 0.0, given)


def _as_dosed(model: Model) -> float:
    """Give the probability that the dose of a cycle is as planned, all of its infusions being given."""
    w = model.whole
    codes = w[int(w[at.TO_CYCLE_CODES]) : int(w[at.TO_ANSWERS])]
    complete = (codes >> 8 & 255 == 0) & (codes >> 32 & 255 == w[at.INFUSION_DAYS])
    deviates = (complete & (codes >> 24 & 255 > 0) & (codes >> 60 & 1 == 1)).any()
    return 1 - float(model.delays.reshape(-1, 2).sum(axis=0)[1]) * float(deviates)


def _last_days(model: Model) -> list[tuple[int, float]]:
    """List the days on which the last infusion that must be given can fall, with the probability that all are in time.

    A cycle is in time if it is not later or earlier against the one before than is allowed; the first is day 1.
    """
    w = model.whole
    before, required, length = int(w[at.CYCLES_BEFORE]), int(w[at.REQUIRED]), int(w[at.CYCLE_DAYS])
    late = model.delays.reshape(-1, 2).sum(axis=1)
    shift = np.arange(late.size)
    allowed = np.abs(shift[:, None] - shift[None, :]) <= w[at.ON_TIME_DAYS]
    here: NDArray[np.float64] = (shift == 0).astype(float)
    for k in range(1, before):
        here = (here @ allowed) * late if k < required else here.sum() * late
    begin = length * (before - 1) + (int(w[at.INFUSION_DAYS]) - 1 if before == required else 0)
    return [(begin + day, float(share)) for day, share in enumerate(here) if share > 0]

"""Does the likelihood rise for ever, and what is left to compare if it does?

Input: risk sets and a step of Newton's method.
Output: a direction without end, proved; the risk sets in its limit.
Protocol section: none.
Method: a Cox likelihood has no maximum exactly if along some direction nobody at risk is ahead of a patient who has the
event and somebody is behind (Bryson and Johnson, Technometrics 1981;23:381): read off a step, else by a linear
programme.
Next: `cox_firth`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.survival.cox.risk_sets import RiskSets, risk_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["limiting", "separating"]

# Rows of a linear programme, and of a table of all risk sets, that are still quick.
COMPARED = 200_000
LISTED = 2_000_000


def _rising(sets: RiskSets, direction: Vector, tolerance: float) -> bool:
    """Whether each event has the largest `direction` of all at risk: then the likelihood rises along it for ever."""
    v = direction @ sets.x
    slack = tolerance * max(float(v.max() - v.min()), 1e-300)
    own = v[sets.place]
    heads = np.cumsum(sets.size) - sets.size
    least = np.minimum.reduceat(own, heads)
    exact = sets.ties == "exact"
    if sets.entry.size:
        top = np.empty(sets.start.size)
        for j in range(sets.start.size):
            places = sets.members(j)
            places = places[~self_dead(sets, places, j)] if exact else places
            top[j] = v[places].max() if places.size else -math.inf
        return bool((least >= top - slack).all())
    best = np.full(v.size + 1, -math.inf)
    for a, b in pairwise(sets.bounds.tolist()):
        best[a:b] = np.maximum.accumulate(v[a:b][::-1])[::-1]
    after = sets.start + (sets.size if exact else 0)
    gone = after >= sets.bounds[sets.stratum[sets.start] + 1]
    top = np.where(gone, -math.inf, best[np.minimum(after, v.size)])
    return bool((least >= top - slack).all())


def self_dead(sets: RiskSets, places: NDArray[np.int64], j: int) -> NDArray[np.bool_]:
    """Say which places die at event time j."""
    begin = int(sets.start[j])
    return (places >= begin) & (places < begin + int(sets.size[j]))


def separating(sets: RiskSets, step: Vector, *, last: bool) -> Vector | None:
    """Find a direction along which the likelihood rises for ever.

    Parameters
    ----------
    sets : RiskSets
    step : numpy.ndarray, shape (p,)
        A step of Newton's method, which turns into such a direction if there is one.
    last : bool
        Settle the question by a linear programme: is there a direction in which no patient at risk is ahead of one
        who has the event, and one is behind?

    Returns
    -------
    numpy.ndarray or None
        Largest element 1 in size, negligible ones 0.
    """
    direction = step / float(np.abs(step).max())
    snapped = np.where(np.abs(direction) < 1e-3, 0.0, direction)
    if _rising(sets, snapped, 1e-9):
        return snapped
    if not last:
        return None
    ahead = _comparisons(sets)
    if ahead is None:
        return direction if _rising(sets, direction, 1e-5) else None
    from scipy.optimize import linprog

    p = sets.x.shape[0]
    found = linprog(
        -ahead.sum(axis=0), A_ub=-ahead, b_ub=np.zeros(len(ahead)), bounds=[(-1.0, 1.0)] * p, method="highs"
    )
    if found.x is None or found.fun is None or not found.fun < -1e-6:
        return None
    size = float(np.abs(found.x).max())
    return np.where(np.abs(found.x) < 1e-9 * size, 0.0, found.x) / size


def _comparisons(sets: RiskSets) -> Vector | None:
    """List the covariates of each death less those of each other patient at risk; None if there are too many."""
    rows: list[Vector] = []
    count = 0
    for j in range(sets.start.size):
        places = sets.members(j)
        deaths = places[self_dead(sets, places, j)]
        others = places[~self_dead(sets, places, j)] if sets.ties == "exact" else places
        count += deaths.size * others.size
        if count > COMPARED:
            return None
        rows.append((sets.x[:, deaths, None] - sets.x[:, None, others]).reshape(sets.x.shape[0], -1).T)
    listed = np.concatenate(rows)
    size = np.abs(listed).max(axis=1)
    return listed[size > 0.0] / size[size > 0.0, None]


def limiting(sets: RiskSets, direction: Vector) -> tuple[RiskSets, NDArray[np.int64]] | None:
    """Leave in each risk set only those who are not behind along a direction without end.

    Parameters
    ----------
    sets : RiskSets
    direction : numpy.ndarray, shape (p,)
        As `separating` gives it.

    Returns
    -------
    sets : RiskSets
        Each event time as a stratum of its own; None if that is too large a table.
    rows : numpy.ndarray of int
        Row of the caller's data for each row of the new sets.
    """
    along = direction @ sets.x
    near = 1e-7 * float(np.ptp(along))
    kept: list[NDArray[np.int64]] = []
    ends: list[NDArray[np.bool_]] = []
    for j in range(sets.start.size):
        places = sets.members(j)
        dead = self_dead(sets, places, j)
        # All the dead are foremost, but for the exact likelihood: there those before the last of them die in any case.
        stay = np.abs(along[places] - along[places][dead].min()) <= near
        kept.append(places[stay])
        ends.append(dead[stay])
        if sum(map(len, kept)) > LISTED:
            return None
    places = np.concatenate(kept)
    code = np.repeat(np.arange(len(kept)), [len(part) for part in kept])
    none = np.empty(0)
    new = risk_sets(
        np.ones(places.size),
        np.concatenate(ends).astype(np.float64),
        sets.x[:, places].T * sets.scale,
        none,
        sets.weights[places],
        code,
        sets.ties,
        sets.offset[places],
    )
    return new, sets.order[places]

"""Who is at risk at each event, and what do they add up to?

Input: follow-up as arrays, a matrix of covariates, strata, delayed entry and case weights.
Output: `RiskSets`: patients sorted, the place of each risk set among them, sums over risk sets and over time at risk.
Protocol section: none.
Method: each sum over a risk set is a cumulated sum from the end of its stratum, less those who have not entered yet;
where the difference would lose its digits the set is summed by itself.
Next: `cox_likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["DELICATE", "TIES", "RiskSets", "risk_sets"]

TIES = ("efron", "breslow", "exact")
# A difference of sums this much smaller than its parts has lost too many digits and is summed anew.
DELICATE = 1e-5
# Patients times terms up to which one small matrix is quicker than cumulated sums.
DENSE = 10_000


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Patients sorted by stratum and time, events first, and the place of each risk set among them.

    Parameters
    ----------
    order : numpy.ndarray of int, shape (n,)
        Row of the caller's data at each sorted place.
    time, event, weights : numpy.ndarray, shape (n,)
        Sorted.
    x : numpy.ndarray, shape (p, n)
        Covariates less `centre`, divided by `scale`.
    centre, scale : numpy.ndarray, shape (p,)
    offset : numpy.ndarray, shape (n,)
        Known part of the linear predictor.
    bounds : numpy.ndarray of int, shape (strata + 1,)
        Places at which strata begin, and n.
    stratum : numpy.ndarray of int, shape (n,)
    start, size : numpy.ndarray of int, shape (J,)
        First death and number of deaths at each distinct event time of each stratum.
    mass : numpy.ndarray, shape (J,)
        Sum of the weights of the deaths.
    first, last : numpy.ndarray of int, shape (n,)
        The patient is at risk at the event times first <= j < last.
    opens : numpy.ndarray of int, shape (n,)
        First event time of the patient's stratum.
    entry : numpy.ndarray, shape (n,) or empty
        Entry times.
    late : numpy.ndarray of int, shape (J,) or empty
        Place, in order of stratum and entry, of the first patient of the stratum who has not entered yet.
    entry_order : numpy.ndarray of int, shape (n,) or empty
    ties : str
    """

    order: NDArray[np.int64]
    time: Vector
    event: Vector
    weights: Vector
    x: Vector
    centre: Vector
    scale: Vector
    offset: Vector
    bounds: NDArray[np.int64]
    stratum: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    mass: Vector
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    opens: NDArray[np.int64]
    entry: Vector
    late: NDArray[np.int64]
    entry_order: NDArray[np.int64]
    ties: str
    deaths: NDArray[np.bool_] = field(repr=False)
    place: NDArray[np.int64] = field(repr=False)
    terms: NDArray[np.int64] = field(repr=False)
    share: Vector = field(repr=False)
    load: Vector = field(repr=False)
    dead_x: Vector = field(repr=False)

    @cached_property
    def shares(self) -> Vector | None:
        """How much each patient counts in each term of the likelihood, shape (terms, n); None where that is too large.

        1 at risk, less the correction of a tied death. Late entries are left to the sums over risk sets.
        """
        n = self.time.size
        if self.entry.size or n * self.terms.size > DENSE:
            return None
        places, begin = np.arange(n), self.start[:, None]
        end = self.bounds[self.stratum[self.start] + 1][:, None]
        at_risk = ((places >= begin) & (places < end)).astype(np.float64)
        if not self.tied:
            return at_risk
        dying = (places >= begin) & (places < begin + self.size[:, None])
        return at_risk[self.terms] - self.share[:, None] * dying[self.terms]

    @cached_property
    def with_one(self) -> Vector:
        """A row of ones above the covariates, shape (1 + p, n)."""
        return np.concatenate([np.ones((1, self.time.size)), self.x])

    @cached_property
    def dead_mass(self) -> Vector:
        """Weight of each patient who has the event, 0 of the others."""
        return self.weights * self.deaths

    @cached_property
    def weighted(self) -> bool:
        """Whether a weight is other than 1."""
        return bool(np.count_nonzero(self.weights != 1.0))

    @cached_property
    def shifted(self) -> bool:
        """Whether a part of the linear predictor is known."""
        return bool(np.count_nonzero(self.offset))

    @property
    def tied(self) -> bool:
        """Whether the likelihood has more terms than event times: Efron's correction of ties."""
        return self.terms.size != self.start.size

    def tails(self, values: Vector) -> Vector:
        """Sum over each place and all after it in its stratum, along the last axis."""
        if self.bounds.size == 2:
            return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
        out = np.empty_like(values)
        for a, b in pairwise(self.bounds.tolist()):
            out[..., a:b] = np.cumsum(values[..., a:b][..., ::-1], axis=-1)[..., ::-1]
        return out

    def members(self, j: int) -> NDArray[np.int64]:
        """Give the places of those at risk at event time j."""
        begin = int(self.start[j])
        end = int(self.bounds[self.stratum[begin] + 1])
        places = np.arange(begin, end)
        return places[self.entry[begin:end] < self.time[begin]] if self.entry.size else places

    def at_risk(self, values: Vector, delicate: NDArray[np.int64] | None = None) -> Vector:
        """Sum values over those at risk at each event time, along the last axis."""
        sums = self.tails(values)[..., self.start]
        if self.entry.size:
            inside = self.late < self.bounds[self.stratum[self.start] + 1]
            rest = self.tails(values[..., self.entry_order])
            sums = sums - np.where(inside, rest[..., np.minimum(self.late, self.time.size - 1)], 0.0)
            for j in () if delicate is None else delicate.tolist():
                sums[..., j] = values[..., self.members(j)].sum(axis=-1)
        return sums

    def at_death(self, values: Vector) -> Vector:
        """Sum values over the deaths at each event time, along the last axis."""
        if self.deaths_are_single:
            return values[..., self.start]
        return np.add.reduceat(values[..., self.deaths], np.cumsum(self.size) - self.size, axis=-1)

    @property
    def deaths_are_single(self) -> bool:
        """Whether no two events are tied."""
        return self.start.size == self.place.size

    def over_time(self, per_event: Vector) -> Vector:
        """Sum a quantity of the event times over the time each patient was at risk, along the last axis."""
        until = self._prefixes(per_event)
        out = np.where(self.last > self.first, until[..., self.last], 0.0)
        if not self.entry.size:
            return out
        late = np.where(self.first > self.opens, self.first, 0)
        out = out - until[..., late] * (self.last > self.first)
        size = self._prefixes(np.abs(per_event))
        gone, whole = size[..., late], size[..., self.last]
        # What was summed up before a late entry may leave no digits of what came after it.
        lost = (whole - gone < DELICATE * whole).reshape(-1, out.shape[-1]).any(axis=0) & (late > 0)
        for i in np.flatnonzero(lost & (self.last > self.first)).tolist():
            out[..., i] = per_event[..., self.first[i] : self.last[i]].sum(axis=-1)
        return out

    def _prefixes(self, per_event: Vector) -> Vector:
        """Sum up to each event time within its stratum, behind a leading 0."""
        until = np.zeros((*per_event.shape[:-1], per_event.shape[-1] + 1))
        if self.bounds.size == 2:
            np.cumsum(per_event, axis=-1, out=until[..., 1:])
            return until
        edges = np.searchsorted(self.stratum[self.start], np.arange(self.bounds.size)).tolist()
        for a, b in pairwise(edges):
            np.cumsum(per_event[..., a:b], axis=-1, out=until[..., a + 1 : b + 1])
        return until


def _places(
    code: NDArray[np.int64],
    time: Vector,
    event_code: NDArray[np.int64],
    event_time: Vector,
    side: str,
) -> NDArray[np.int64]:
    """Count the event times before (left) or up to (right) each time, those of earlier strata included."""
    if event_code.size == 0 or code.size == 0:
        return np.zeros(time.size, dtype=np.int64)
    right = side == "right"
    if event_code[-1] == 0 and code.max() == 0:
        return event_time.searchsorted(time, side="right" if right else "left").astype(np.int64, copy=False)
    _, rank = np.unique(np.concatenate([event_time, time]), return_inverse=True)
    span = int(rank.max()) + 1
    keys = event_code * span + rank[: event_time.size]
    wanted = code * span + rank[event_time.size :]
    return np.searchsorted(keys, wanted, side="right" if right else "left").astype(np.int64)


def risk_sets(
    time: Vector,
    event: Vector,
    x: Vector,
    entry: Vector,
    weights: Vector,
    code: NDArray[np.int64],
    ties: str,
    offset: Vector | None = None,
) -> RiskSets:
    """Sort patients and find who is at risk when.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    x : numpy.ndarray, shape (n, p)
    entry, weights : numpy.ndarray, shape (n,) or empty
    code : numpy.ndarray of int, shape (n,)
        Number of each patient's stratum, from 0, or empty.
    ties : str
        "efron", "breslow" or "exact".
    offset : numpy.ndarray, shape (n,), optional

    Examples
    --------
    >>> none = np.empty(0)
    >>> sets = risk_sets(
    ...     np.array([3.0, 1.0, 3.0]), np.array([1.0, 1.0, 1.0]), np.array([[0.0], [1.0], [2.0]]),
    ...     none, none, none.astype(int), "efron"
    ... )
    >>> sets.order.tolist(), sets.start.tolist(), sets.size.tolist()
    ([1, 0, 2], [0, 1], [1, 2])
    """
    n = time.size
    codes = code if code.size else np.zeros(n, dtype=np.int64)
    order = np.lexsort((-event, time, codes) if code.size else (-event, time))
    t, d, s = time[order], event[order], codes[order]
    w = weights[order] if weights.size else np.ones(n)
    bounds = np.searchsorted(s, np.arange(int(s[-1]) + 2)) if code.size else np.array([0, n])
    deaths = d == 1.0
    place = deaths.nonzero()[0]
    ends, fresh = t[place], np.ones(place.size, dtype=bool)
    np.greater(ends[1:], ends[:-1], out=fresh[1:])
    if code.size:
        fresh[1:] |= s[place[1:]] > s[place[:-1]]
    head = fresh.nonzero()[0]
    start = place[fresh]
    size = np.concatenate([head[1:], [place.size]])[: head.size] - head
    mass = np.add.reduceat(w[place], head) if head.size else np.empty(0)
    when, where = t[start], s[start]
    last = _places(s, t, where, when, "right")
    entries, late, entry_order = np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
    opens = np.searchsorted(where, s) if code.size else np.zeros(n, np.int64)
    if entry.size:
        entries = entry[order]
        first = _places(s, entries, where, when, "right")
        entry_order = np.lexsort((entries, s))
        late = _places(where, when, s, entries[entry_order], "left")
    else:
        first = opens
    # Columns of like size make one tolerance fit all; the fit is undone to the caller's units at the end.
    total = np.add.reduce(x * weights[:, None] if weights.size else x, axis=0)
    centre = total / np.add.reduce(w)
    gap = x - centre
    scale = np.add.reduce(np.abs(gap), axis=0) / n
    scale = np.where(scale > 0.0, scale, 1.0)
    scaled = np.ascontiguousarray((gap[order] / scale).T)
    if ties == "efron" and size.size and int(size.max()) > 1:
        terms = np.repeat(np.arange(size.size), size)
        share = (np.arange(place.size) - head[terms]) / size[terms]
        load = (mass / size)[terms]
    else:
        terms, share, load = np.arange(size.size), np.zeros(size.size), mass
    return RiskSets(
        order, t, d, w, scaled, centre, scale,
        np.zeros(n) if offset is None else offset[order],
        bounds, s, start, size, mass, first, last, opens, entries, late, entry_order, ties,
        deaths, place, terms, share, load, (scaled[:, place] * w[place]).sum(axis=1),
    )  # fmt: skip

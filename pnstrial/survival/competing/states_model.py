"""How do the probabilities of states, and their errors, move from one time to the next?

Input: `Histories`, a start and how the states are spread there.
Output: `OccupancyModel`, which walks over the times once (`walk`), or with many samples of patients (`resample`).
Protocol section: none.
Method: product of I + dA (Aalen and Johansen, Scand J Stat 1978;5:141); influence of each patient, or the covariance
by Greenwood's or Aalen's estimator, carried along with the area under the probabilities.
Next: `states`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.survival.competing.histories import Histories

    Vector = NDArray[Any]

__all__ = ["NOTHING", "OccupancyModel", "Walk"]

NOTHING: Final = 1e-13
"""Standard errors below this are rounding: a standard error is at least of the order of one patient in all."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What one pass over the times gives, over the S states of the histories.

    Attributes
    ----------
    probability : ndarray, shape (k, S)
    covariance : ndarray, shape (k, S, S)
    area : ndarray, shape (S,)
        Under each probability, from the start to the horizon.
    area_variance : ndarray, shape (S, S)
    """

    probability: Vector
    covariance: Vector
    area: Vector
    area_variance: Vector


class _Jackknife:
    """Influence of each patient on the probabilities, and on the area under them."""

    def __init__(self, model: OccupancyModel) -> None:
        self.influence = model.initial_influence.copy()
        self.area = np.zeros_like(self.influence)

    def wait(self, span: float) -> None:
        self.area += span * self.influence

    def change(self, p: Vector, _: Vector, step: _Step) -> None:
        self.influence = self.influence @ step.matrix
        for state in np.flatnonzero(step.counts.sum(axis=1) > 0):
            weight = p[state] / step.risk[state]
            pull = step.matrix[state].copy()
            pull[state] -= 1.0
            self.influence[step.current == state] -= weight * pull
        for patient, origin, goal in zip(step.patient, step.origin, step.goal, strict=True):
            weight = p[origin] / step.risk[origin]
            self.influence[patient, goal] += weight
            self.influence[patient, origin] -= weight

    def covariance(self) -> Vector:
        return self.influence.T @ self.influence

    def area_variance(self) -> Vector:
        return self.area.T @ self.area


class _Moments:
    """Covariance of the probabilities and of the area under them, by Greenwood's or Aalen's estimator."""

    def __init__(self, model: OccupancyModel) -> None:
        self.aalen = model.kind == "aalen"
        self.own = model.initial_variance.copy()
        self.cross = np.zeros_like(self.own)
        self.area = np.zeros_like(self.own)

    def wait(self, span: float) -> None:
        self.area += span * (self.cross + self.cross.T) + span * span * self.own
        self.cross += span * self.own

    def change(self, p: Vector, reached: Vector, step: _Step) -> None:
        b = step.matrix
        self.own = b.T @ self.own @ b
        self.cross = self.cross @ b
        for state in np.flatnonzero(step.counts.sum(axis=1) > 0):
            y, count = step.risk[state], step.counts[state]
            if self.aalen:
                # Each kind of change on its own, with its variance dN / Y^2.
                spread = np.diag(count / y**2)
                spread[state] -= count / y**2
                spread[:, state] -= count / y**2
                spread[state, state] += count.sum() / y**2
                self.own += reached[state] ** 2 * spread
            else:
                share = b[state]
                self.own += p[state] ** 2 * (np.diag(share) - np.outer(share, share)) / y

    def covariance(self) -> Vector:
        return self.own

    def area_variance(self) -> Vector:
        return self.area


@dataclass(frozen=True, eq=False)
class _Step:
    """One time: I + dA, at risk and changes by state, who is in which state just before, and who changes."""

    matrix: Vector
    risk: Vector
    counts: Vector
    current: Vector
    patient: Vector
    origin: Vector
    goal: Vector


class OccupancyModel:
    """Histories with a start, and passes over their times.

    Parameters
    ----------
    histories : Histories
    initial : ndarray, shape (S,), or None
        Known probabilities at the start; None takes the shares of those under observation just after it, with their
        binomial error.
    start : float
    kind : {"jackknife", "greenwood", "aalen"}
    weights : ndarray, shape (samples, patients), or None
        How often each bootstrap sample holds each patient.
    final : ndarray of bool, shape (S,)
        Absorbing states.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Distinct ends of intervals after the start.
    risk : ndarray, shape (k, S)
    counts : ndarray, shape (k, S, S)
    initial_variance : ndarray, shape (S, S)
    who, where : ndarray of int
        Patients under observation just after the start, and their states.
    """

    def __init__(
        self,
        histories: Histories,
        initial: Vector | None,
        start: float,
        kind: str,
        weights: Vector | None,
        final: Vector,
    ) -> None:
        self.final = final
        self.histories, self.start, self.kind, self.weights = histories.after(start), start, kind, weights
        self.size, self.n = len(histories.states), len(histories.patients)
        who, where = self.histories.under_observation(start)
        self.who, self.where = who, where
        self.initial_influence = np.zeros((self.n, self.size))
        if initial is None:
            self.initial = np.bincount(where, minlength=self.size) / who.size
            self.initial_influence[who] = (np.eye(self.size)[where] - self.initial) / who.size
            self.initial_variance = (np.diag(self.initial) - np.outer(self.initial, self.initial)) / who.size
            self.estimated = True
            if self.weights is not None:
                # A sample without anyone under observation at the start has no estimate.
                self.weights = self.weights[self.weights[:, who].sum(axis=1) > 0]
        else:
            self.initial = initial
            self.initial_variance = np.zeros((self.size, self.size))
            self.estimated = False
        self.time = np.unique(self.histories.stop)
        self.risk = self.histories.at_risk(self.time)
        place = np.searchsorted(self.time, self.histories.stop)
        moved = self.histories.goal >= 0
        self.counts = np.zeros((self.time.size, self.size, self.size))
        np.add.at(self.counts, (place[moved], self.histories.origin[moved], self.histories.goal[moved]), 1.0)
        rows = np.flatnonzero(moved)
        self.rows = rows[np.argsort(place[rows], kind="stable")]
        self.edges = np.searchsorted(place[self.rows], np.arange(self.time.size + 1))

    def at_start(self) -> Vector:
        """Count the patients in each state just after the start."""
        return np.bincount(self.where, minlength=self.size).astype(float)

    def followed(self, times: Vector) -> Vector:
        """Count the patients whose state is known just before some times; at the start, just after it."""
        histories = self.histories
        counts = histories.at_risk(times).sum(axis=1)
        counts[times == self.start] = self.who.size
        ended = np.sort(histories.stop[(histories.goal >= 0) & self.final[histories.goal]])
        return counts + np.searchsorted(ended, times, side="left")

    def area_influence(self, tau: float) -> Vector:
        """Give the influence of each patient on the area under each probability up to tau, shape (n, S)."""
        spread = _Jackknife(self)
        self._pass(spread, tau)
        return spread.area

    def horizon(self, tau: float | None) -> float:
        """Check the horizon of a time in state; the last time where none is given.

        Raises
        ------
        ValueError
            If it is not after the start, or nothing is known there.
        """
        last = float(self.time[-1])
        if tau is None:
            return last
        if not (np.isfinite(tau) and tau > self.start):
            raise ValueError(f"tau must be finite and after the start, {self.start:g}; got {tau!r}")
        if tau > last and self.walk(None).probability[-1][~self.final].sum() > NOTHING:
            raise ValueError(
                f"tau = {tau:g} lies beyond the last time, {last:g}, when patients were in states that can be "
                f"left: nothing is known there; use a tau up to {last:g}"
            )
        return float(tau)

    def matrices(self) -> Vector:
        """Give I + dA at each time; a state with nobody at risk stays as it is."""
        out = self.counts.sum(axis=2)
        safe = np.where(self.risk > 0, self.risk, 1.0)
        b = self.counts / safe[:, :, None]
        index = np.arange(self.size)
        b[:, index, index] = (safe - out) / safe
        return b

    def walk(self, tau: float | None) -> Walk:
        """Go over the times once, up to tau where it is given."""
        return self._pass(_Jackknife(self) if self.kind == "jackknife" else _Moments(self), tau)

    def _pass(self, spread: _Jackknife | _Moments, tau: float | None) -> Walk:
        times = self.time if tau is None else self.time[self.time <= tau]
        matrices = self.matrices()
        probability = np.empty((times.size, self.size))
        covariance = np.empty((times.size, self.size, self.size))
        p, area, now = self.initial, np.zeros(self.size), self.start
        present = self._present() if isinstance(spread, _Jackknife) else None
        for k, time in enumerate(times):
            spread.wait(time - now)
            area = area + (time - now) * p
            now = time
            if self.edges[k + 1] > self.edges[k]:
                rows = self.rows[self.edges[k] : self.edges[k + 1]]
                h = self.histories
                current = np.empty(0) if present is None else present(time)
                step = _Step(
                    matrices[k],
                    self.risk[k],
                    self.counts[k],
                    current,
                    h.patient[rows],
                    h.origin[rows],
                    h.goal[rows],
                )
                reached = p @ matrices[k]
                spread.change(p, reached, step)
                p = reached
            probability[k], covariance[k] = p, spread.covariance()
        rest = max((now if tau is None else tau) - now, 0.0)
        spread.wait(rest)
        return Walk(probability, covariance, area + rest * p, spread.area_variance())

    def _present(self) -> Any:
        """Return a function that gives each patient's state just before a time; times must increase."""
        h = self.histories
        opening, closing = np.argsort(h.start, kind="stable"), np.argsort(h.stop, kind="stable")
        starts, stops = h.start[opening], h.stop[closing]
        current = np.full(self.n, -1, dtype=np.int64)
        done = [0, 0]

        def at(time: float) -> Vector:
            # First those who left, then those who came: a patient may do both, in this order, at one time.
            ended, begun = (
                np.searchsorted(stops, time, side="left"),
                np.searchsorted(starts, time, side="left"),
            )
            current[h.patient[closing[done[1] : ended]]] = -1
            new = opening[done[0] : begun]
            new = new[h.stop[new] >= time]
            current[h.patient[new]] = h.origin[new]
            done[:] = [int(begun), int(ended)]
            return current

        return at

    def resample(
        self, fold: Vector, level: float, tau: float | None
    ) -> tuple[tuple[Vector, Vector], tuple[Vector, Vector], tuple[Vector, Vector]]:
        """Percentile limits at the start, at each time, and of the time in state up to tau.

        A sample of patients is a weight per patient; all samples walk over the times together.
        """
        weights = self.weights
        if weights is None:
            raise ValueError("no bootstrap samples were asked for")
        tail = 50.0 * (1.0 - level)

        def limits(values: Vector) -> tuple[Vector, Vector]:
            low, high = np.percentile(values @ fold, [tail, 100.0 - tail], axis=0)
            return low, high

        h = self.histories
        p = np.tile(self.initial, (weights.shape[0], 1))
        if self.estimated:
            for state in range(self.size):
                p[:, state] = weights[:, self.who[self.where == state]].sum(axis=1)
            p /= p.sum(axis=1, keepdims=True)
        first = limits(p)
        area, now = np.zeros_like(p), self.start
        end = float(self.time[-1]) if tau is None else tau
        times = self.time[self.time <= end]
        low, high = np.empty((2, times.size, fold.shape[1]))
        risk = np.zeros_like(p)
        opening, closing = np.argsort(h.start, kind="stable"), np.argsort(h.stop, kind="stable")
        begun = np.searchsorted(h.start[opening], times, side="left")
        ended = np.searchsorted(h.stop[closing], times, side="left")
        opened = closed = 0
        for k, time in enumerate(times):
            for row in opening[opened : begun[k]]:
                risk[:, h.origin[row]] += weights[:, h.patient[row]]
            for row in closing[closed : ended[k]]:
                risk[:, h.origin[row]] -= weights[:, h.patient[row]]
            opened, closed = begun[k], ended[k]
            area += (time - now) * p
            now = time
            moves = self.rows[self.edges[k] : self.edges[k + 1]]
            reached = p.copy()
            for row in moves:
                origin, goal = h.origin[row], h.goal[row]
                flow = p[:, origin] * weights[:, h.patient[row]] / np.maximum(risk[:, origin], 1.0)
                reached[:, origin] -= flow
                reached[:, goal] += flow
            p = np.maximum(reached, 0.0)
            if moves.size or k == 0:
                low[k], high[k] = limits(p)
            else:
                low[k], high[k] = low[k - 1], high[k - 1]
        area += (end - now) * p
        return first, (low, high), limits(area)

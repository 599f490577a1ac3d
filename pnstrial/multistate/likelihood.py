"""How likely are ratings at given dates, under given rates?

Input: panel data (patient, time, state) as arrays; rates as a log-linear function of parameters.
Output: the log-likelihood of the parameters and its gradient.
Protocol section: none.
Method: forward and backward recursion over each patient's rows; the gradient is the adjoint of the matrix
exponential (Kalbfleisch and Lawless, JASA 1985;80:863-871; Jackson, J Stat Softw 2011;38(8), section 1.6).
Next: `fitting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.multistate.process import exponential

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Panel", "RateModel", "impossible_rows", "log_likelihood"]

_TERMS: Final = 18
_WELL_CONDITIONED: Final = 1e5
"""Up to this entry in the inverse of the eigenvectors (of length 1) their use costs some six of sixteen digits."""


@dataclass(frozen=True)
class RateModel:
    """Log-linear rates: log q = group's parameter + sum of covariate times its group's parameter.

    Parameters
    ----------
    k : int
        Number of states.
    source, target : array of int, shape (m,)
        The allowed transitions.
    group : array of int, shape (m,)
        Parameter of each transition's log rate.
    effects : array of int, shape (c, m)
        Parameter of each covariate's effect on each transition; -1 where it has none.
    patterns : array of shape (p, c)
        The distinct covariate values.
    """

    k: int
    source: NDArray[np.intp]
    target: NDArray[np.intp]
    group: NDArray[np.intp]
    effects: NDArray[np.intp]
    patterns: NDArray[np.float64]

    def rates(self, theta: NDArray[np.float64], patterns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the rate of each transition under each covariate pattern, shape (p, m)."""
        padded = np.append(theta, 0.0)  # index -1: no effect
        logs = padded[self.group] + patterns @ padded[self.effects]
        return np.exp(np.clip(logs, -745.0, 700.0))

    def generators(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Arrange rates of shape (p, m) as generators of shape (p, k, k)."""
        Q = np.zeros((len(rates), self.k, self.k))
        Q[:, self.source, self.target] = rates
        diagonal = np.arange(self.k)
        Q[:, diagonal, diagonal] = 0.0 - Q.sum(axis=-1)
        return Q

    def to_parameters(
        self, by_rate: NDArray[np.float64], size: int, patterns: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sum derivatives by log rate, shape (p, m), into derivatives by parameter."""
        gradient: NDArray[Any] = np.bincount(self.group, by_rate.sum(axis=0), minlength=size + 1)
        for row, values in zip(self.effects, patterns.T, strict=True):
            index = np.where(row < 0, size, row)
            gradient += np.bincount(index, values @ by_rate, minlength=size + 1)
        return gradient[:size]


@dataclass(frozen=True)
class Panel:
    """Rows of panel data, sorted by patient and time, ready for the recursion.

    Parameters
    ----------
    emission : array of shape (n, k)
        Probability of each row's record in each true state; rows of deaths are filled at each evaluation.
    death : array of int, shape (n,)
        The state entered at exactly that time, or -1.
    interval : array of int, shape (n,)
        Index into `length` and `pattern` of the interval that ends at the row; -1 for a patient's first row.
    length : array of float
        Lengths of the distinct intervals.
    pattern : array of int
        Covariate pattern of the distinct intervals.
    steps : tuple of array of int
        Rows that are the first, second, ... of their patient.
    initial : array of shape (k,), or None
        Distribution of the true state at the first row; None conditions on the first row.
    """

    emission: NDArray[np.float64]
    death: NDArray[np.intp]
    interval: NDArray[np.intp]
    length: NDArray[np.float64]
    pattern: NDArray[np.intp]
    steps: tuple[NDArray[np.intp], ...]
    initial: NDArray[np.float64] | None


def _frechet(
    A: NDArray[np.float64], E: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponentiate A and its derivative in direction E, by uniformisation, scaling and squaring."""
    k = A.shape[-1]
    leave = np.maximum(-np.diagonal(A, axis1=-2, axis2=-1).min(axis=-1, initial=0.0), 0.0)
    largest = float(leave.max(initial=0.0))
    squarings = 0 if largest <= 1 else int(np.ceil(np.log2(largest)))
    shift = (leave / 2.0**squarings)[..., None, None]
    U, direction = A / 2.0**squarings + shift * np.eye(k), E / 2.0**squarings
    term, slope = np.broadcast_to(np.eye(k), A.shape).copy(), np.zeros_like(E)
    total, change = term.copy(), slope.copy()
    for n in range(1, _TERMS + 1):
        slope = (slope @ U + term @ direction) / n
        term = term @ U / n
        total += term
        change += slope
    total, change = total * np.exp(-shift), change * np.exp(-shift)
    for _ in range(squarings):
        change = total @ change + change @ total
        total = total @ total
    return total, change


def _inverse(vectors: NDArray[Any]) -> NDArray[Any] | None:
    """Invert the eigenvectors; None where they do not span."""
    try:
        return np.linalg.inv(vectors)
    except np.linalg.LinAlgError:
        return None


class _Exponentials:
    """Transition probabilities of every distinct interval, and the adjoint of their derivative."""

    def __init__(self, Q: NDArray[np.float64], panel: Panel) -> None:
        self.Q = Q
        self.panel = panel
        self.P = np.empty((panel.length.size, *Q.shape[1:]))
        self.parts: list[tuple[NDArray[np.intp], tuple[NDArray[Any], ...] | None]] = []
        for number, matrix in enumerate(Q):
            rows = np.flatnonzero(panel.pattern == number)
            self.parts.append((rows, self._fill(matrix, rows)))

    def _fill(self, matrix: NDArray[np.float64], rows: NDArray[np.intp]) -> tuple[NDArray[Any], ...] | None:
        """Fill in the probabilities of one generator; return its eigenvectors where they are safe to use."""
        from pnstrial.multistate.multistate_kernels import propagate

        t = self.panel.length[rows]
        values, vectors = np.linalg.eig(matrix)
        inverse = _inverse(vectors)
        if inverse is None or not np.abs(inverse).max() <= _WELL_CONDITIONED:
            self.P[rows] = exponential(matrix * t[:, None, None])
            return None
        if np.isrealobj(values):
            self.P[rows] = propagate(values, np.ascontiguousarray(vectors), np.ascontiguousarray(inverse), t)
        else:
            decay = np.exp(values * t[:, None])
            self.P[rows] = np.maximum(np.real((vectors * decay[:, None, :]) @ inverse), 0.0)
        return values, vectors, inverse

    def adjoint(self, W: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn derivatives by P into derivatives by the entries of each generator, shape (p, k, k)."""
        from pnstrial.multistate.multistate_kernels import adjoint

        out = np.zeros_like(self.Q)
        for number, (rows, eigen) in enumerate(self.parts):
            t = self.panel.length[rows]
            if eigen is None:
                Qt = np.broadcast_to(self.Q[number], (t.size, *self.Q.shape[1:])) * t[:, None, None]
                _, change = _frechet(Qt, W[rows].transpose(0, 2, 1) * t[:, None, None])
                out[number] = change.sum(axis=0).T
                continue
            values, vectors, inverse = eigen
            if np.isrealobj(values):
                inner = adjoint(
                    values, np.ascontiguousarray(vectors), np.ascontiguousarray(inverse), t, W[rows]
                )
                out[number] = inverse.T @ inner @ vectors.T
                continue
            # (exp(a) - exp(b)) / (a - b) from the larger of the two, so that nothing overflows or cancels.
            order = np.real(values[:, None]) >= np.real(values[None, :])
            top = np.where(order, values[:, None], values[None, :])
            gap = (np.where(order, values[None, :], values[:, None]) - top) * t[:, None, None]
            small = np.abs(gap) < 1e-10
            quotient = np.where(small, 1.0, np.expm1(gap) / np.where(small, 1.0, gap))
            divided = t[:, None, None] * np.exp(top * t[:, None, None]) * quotient
            inner = vectors.T @ W[rows] @ inverse.T
            out[number] = (inverse.T @ (divided * inner).sum(axis=0) @ vectors.T).real
        return out


def _emission(panel: Panel, Q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill the rate of dying into the rows of exactly timed deaths."""
    rows = np.flatnonzero(panel.death >= 0)
    if not rows.size:
        return panel.emission
    out = panel.emission.copy()
    states = panel.death[rows]
    out[rows] = Q[panel.pattern[panel.interval[rows]], :, states]
    out[rows, states] = 0.0
    return out


def impossible_rows(model: RateModel, panel: Panel, theta: NDArray[np.float64]) -> list[int]:
    """Find the rows whose record has probability 0 given the rows before, the first of each patient."""
    from pnstrial.multistate.multistate_kernels import recursion

    Q = model.generators(model.rates(theta, model.patterns))
    P, emission = _Exponentials(Q, panel).P, _emission(panel, Q)
    starts = np.append(panel.steps[0], len(emission))
    found: list[int] = []
    begin = 0
    while begin < len(emission):
        part = slice(begin, None)
        initial = np.zeros(0) if panel.initial is None else panel.initial
        _, row, _, _ = recursion(P, panel.interval[part], emission[part], initial)
        if row < 0:
            break
        found.append(begin + int(row))
        begin = int(starts[np.searchsorted(starts, begin + row, side="right")])
    return found


def log_likelihood(
    model: RateModel, panel: Panel, theta: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Evaluate the log-likelihood and its gradient.

    Parameters
    ----------
    model : RateModel
        The rates as a function of the parameters.
    panel : Panel
        The data.
    theta : array
        The parameters: log rates, then effects of covariates.

    Returns
    -------
    value : float
        -inf where a row has probability 0.
    gradient : array
        Derivative by each parameter.
    """
    from pnstrial.multistate.multistate_kernels import recursion

    rates = model.rates(theta, model.patterns)
    Q = model.generators(rates)
    if not np.all(np.isfinite(Q)) or rates.max(initial=0.0) * panel.length.max(initial=0.0) > 1e8:
        return -np.inf, np.zeros_like(theta)
    exponentials = _Exponentials(Q, panel)
    P, emission = exponentials.P, _emission(panel, Q)
    initial = np.zeros(0) if panel.initial is None else panel.initial
    value, impossible, W, ahead = recursion(P, panel.interval, emission, initial)
    if impossible >= 0:
        return -np.inf, np.zeros_like(theta)
    by_entry = exponentials.adjoint(W)
    dead = np.flatnonzero(panel.death >= 0)
    if dead.size:
        slope = ahead[dead]
        slope[np.arange(dead.size), panel.death[dead]] = 0.0
        by_death = np.zeros_like(Q)
        place = panel.pattern[panel.interval[dead]]
        np.add.at(by_death.transpose(0, 2, 1), (place, panel.death[dead]), slope)
    else:
        by_death = np.zeros_like(Q)
    i, j = model.source, model.target
    by_rate = rates * (by_entry[:, i, j] - by_entry[:, i, i] + by_death[:, i, j])
    gradient = model.to_parameters(by_rate, theta.size, model.patterns)
    return float(value), gradient

"""Where will a patient be, and for how long?

Input: a generator matrix of rates (or several in turn), times, a starting state or distribution.
Output: transition probabilities, state occupancy, survival, mean times in the states, sojourn times.
Protocol section: none; the decision changes only which generator rules the next interval.
Method: matrix exponential of a generator by uniformisation, scaling and squaring: no term is negative, so
nothing cancels (Moler and Van Loan, SIAM Review 2003;45:3-49, methods 1 and 3; Fox and Glynn 1988).
Next: `rating`.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.numerics.arguments import Numbers

__all__ = [
    "expected_survival",
    "mean_times_in_states",
    "occupancy",
    "sojourn_times",
    "transition_probabilities",
]

_TERMS: Final = 18
"""Terms of the exponential series; at a scaled rate of at most 1 the rest is below 1e-17."""
_REST: Final = 1e-30
"""A term of the exponential series below this is left out, with all after it."""
_MOST_SQUARINGS: Final = 60


def check_generator(Q: Numbers, who: str) -> NDArray[np.float64]:
    """Return Q as an array of square generators, or say what makes it none."""
    matrix = np.asarray(Q, float)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] == 0:
        raise ValueError(f"{who}: Q has shape {matrix.shape}; its last two axes must be equal, one per state")
    if not np.all(np.isfinite(matrix)):
        raise ValueError(f"{who}: Q holds a rate that is not finite")
    k = matrix.shape[-1]
    off = matrix[..., ~np.eye(k, dtype=bool)]
    if off.size and off.min() < 0:
        where = tuple(int(i) for i in np.argwhere((matrix < 0) & ~np.eye(k, dtype=bool))[0])
        raise ValueError(f"{who}: Q{list(where)} is {matrix[where]:g}; a rate cannot be negative")
    sums = matrix.sum(axis=-1)
    scale = np.maximum(np.abs(matrix).max(axis=-1), 1e-300)
    if np.any(np.abs(sums) > 1e-8 * scale):
        where = tuple(int(i) for i in np.argwhere(np.abs(sums) > 1e-8 * scale)[0])
        raise ValueError(
            f"{who}: row {list(where)} of Q sums to {sums[where]:g}; each row of a generator sums to 0 "
            f"(set the diagonal to minus the sum of the other rates)"
        )
    return matrix


def check_times(t: Numbers, who: str, name: str = "t") -> NDArray[np.float64]:
    """Return times as an array, or say which one is negative or not finite."""
    times = np.asarray(t, float)
    if not np.all(np.isfinite(times) & (times >= 0)):
        wrong = times[~(np.isfinite(times) & (times >= 0))].flat[0]
        raise ValueError(f"{who}: {name} holds {wrong}; a time must be 0 or more, and finite")
    return times


def exponential(
    A: NDArray[np.float64],
    counted: NDArray[np.float64] | None = None,
    length: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Exponentiate generators times time, shape (..., k, k), without checks.

    With `counted`, a weight by state, one state more holds the mean of the weighted time, `length` (shape (..., 1))
    being all of it: shape (..., k + 1, k + 1), so that products of such matrices add the times up.

    With q the largest rate of leaving, A = q (U - I) and U has no negative entry, so exp(A / 2^s) is a sum of
    non-negative terms; it is squared s times, and each row is divided by its sum, which keeps the rounding of
    one squaring from growing in the next.
    """
    k = A.shape[-1]
    identity = np.eye(k)
    leave = np.maximum(-np.diagonal(A, axis1=-2, axis2=-1).min(axis=-1, initial=0.0), 0.0)
    largest = float(leave.max(initial=0.0))
    squarings = 0 if largest <= 1 else min(int(np.ceil(np.log2(largest))), _MOST_SQUARINGS)
    shift = (leave / 2.0**squarings)[..., None, None]
    U = np.maximum(A / 2.0**squarings + shift * identity, 0.0)
    term = np.broadcast_to(identity, A.shape).copy()
    total = term.copy()
    most = min(largest, 1.0)
    for n in range(1, _TERMS + 1):
        if most**n < _REST * factorial(n):  # what is left is smaller than that
            break
        term = term @ U / n
        total += term
    total /= total.sum(axis=-1, keepdims=True)
    mean = None if counted is None else _mean_time(A / 2.0**squarings, counted)
    for _ in range(squarings):
        mean = None if mean is None else (mean + (total @ mean[..., None])[..., 0]) / 2
        total = total @ total
        total /= total.sum(axis=-1, keepdims=True)
    if mean is None:
        return total
    both = np.zeros((*A.shape[:-2], k + 1, k + 1))
    both[..., :k, :k], both[..., :k, k], both[..., k, k] = total, mean * length, 1.0
    return both


def _mean_time(A: NDArray[np.float64], counted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the integral of exp(A u) counted over u from 0 to 1, the rates in A being at most 1."""
    term = np.broadcast_to(counted, A.shape[:-1])
    total = term.copy()
    for n in range(2, _TERMS + 10):
        term = (A @ term[..., None])[..., 0] / n
        total += term
    return total


def transition_probabilities(Q: Numbers, t: Numbers) -> NDArray[np.float64]:
    """Give the probabilities of being in each state after a time, from each state: P = expm(Q t).

    Parameters
    ----------
    Q : array of shape (..., k, k)
        Generators: rates off the diagonal, rows that sum to 0. Any leading axes (strata, treatment states).
    t : float or array
        Times, 0 or more, in the unit of 1 / rate (months for `generator`). It broadcasts against the leading
        axes of Q: for every stratum at every time pass ``Q[:, None]``.

    Returns
    -------
    array of shape (..., k, k)
        Row i, column j: probability of state j at t from state i at 0. Rows sum to 1; entries are accurate to
        1e-12.

    Raises
    ------
    ValueError
        If a rate is negative or not finite, a row does not sum to 0, a time is negative, or the shapes do not
        broadcast.

    Examples
    --------
    >>> Q = [[-0.5, 0.5], [0.0, 0.0]]
    >>> transition_probabilities(Q, 2).round(6).tolist()
    [[0.367879, 0.632121], [0.0, 1.0]]
    >>> transition_probabilities(Q, [0, 1, 2]).shape
    (3, 2, 2)
    >>> transition_probabilities([[0.5, -0.5], [0.0, 0.0]], 2)
    Traceback (most recent call last):
    ...
    ValueError: transition_probabilities: Q[0, 1] is -0.5; a rate cannot be negative
    """
    check_signature(transition_probabilities, locals())
    matrix = check_generator(Q, "transition_probabilities")
    times = check_times(t, "transition_probabilities")
    try:
        np.broadcast_shapes(matrix.shape[:-2], times.shape)
    except ValueError:
        raise ValueError(
            f"transition_probabilities: t has shape {times.shape} and Q leading axes {matrix.shape[:-2]}; "
            f"they must broadcast (for each Q at each t pass Q[..., None, :, :])"
        ) from None
    A = matrix * times[..., None, None]
    if not np.all(np.isfinite(A)):
        raise ValueError("transition_probabilities: rate x time overflows; choose another unit of time")
    return exponential(A)


def _initial(initial: Numbers, k: int, who: str) -> NDArray[np.float64]:
    """Return a starting distribution; an integer is a state."""
    start = np.asarray(initial)
    if start.ndim == 0 and start.dtype.kind in "iu":
        state = int(start)
        if not 0 <= state < k:
            raise ValueError(f"{who}: initial is state {state}; states are 0 to {k - 1}")
        return np.eye(k)[state]
    p = np.asarray(initial, float)
    if p.ndim == 0 or p.shape[-1] != k:
        raise ValueError(f"{who}: initial has shape {p.shape}; its last axis must hold {k} probabilities")
    if not np.all(np.isfinite(p) & (p >= 0)) or np.any(np.abs(p.sum(axis=-1) - 1) > 1e-9):
        raise ValueError(f"{who}: initial must hold probabilities from 0 to 1 that sum to 1")
    return p


def _pieces(Q: Numbers, changes: Numbers | None, who: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return generators with a piece axis, shape (..., m, k, k), and the m - 1 times of change."""
    matrix = check_generator(Q, who)
    if changes is None:
        return matrix[..., None, :, :], np.zeros(0)
    at = check_times(changes, who, "changes")
    if at.ndim != 1 or np.any(np.diff(at) < 0):
        raise ValueError(f"{who}: changes = {changes} must be a list of times in increasing order")
    if matrix.ndim < 3 or matrix.shape[-3] != len(at) + 1:
        pieces = matrix.shape[-3] if matrix.ndim > 2 else 1
        raise ValueError(
            f"{who}: {len(at)} changes need {len(at) + 1} generators along the third last axis of Q, "
            f"which has {pieces}"
        )
    return matrix, at


def occupancy(
    Q: Numbers, times: Numbers, initial: Numbers, changes: Numbers | None = None
) -> NDArray[np.float64]:
    """Give the probability of each state at each time, under rates that may change at given times.

    Parameters
    ----------
    Q : array of shape (..., k, k), or (..., m, k, k) with `changes`
        One generator for all time, or m generators, each ruling from one change to the next.
    times : array of shape (n,) or float
        Times asked for.
    initial : int, or array of shape (..., k)
        State (from 0), or distribution of states, at time 0.
    changes : array of shape (m - 1,), optional
        Times at which the next generator takes over.

    Returns
    -------
    array of shape (..., n, k)
        Probabilities; each row sums to 1. For a single time the axis n is absent.

    Raises
    ------
    ValueError
        As `transition_probabilities`; or if changes decrease, or do not fit the number of generators, or
        `initial` is no distribution.

    Examples
    --------
    >>> on, off = [[-0.1, 0.1], [0, 0]], [[-0.4, 0.4], [0, 0]]
    >>> occupancy([on, off], [3, 6], 0, changes=[3]).round(4).tolist()
    [[0.7408, 0.2592], [0.2231, 0.7769]]
    """
    check_signature(occupancy, locals())
    matrix, at = _pieces(Q, changes, "occupancy")
    requested = check_times(times, "occupancy", "times")
    if requested.ndim > 1:
        raise ValueError(f"occupancy: times has shape {requested.shape}; it must be a number or a list")
    k = matrix.shape[-1]
    now = _initial(initial, k, "occupancy")
    flat = np.atleast_1d(requested)
    lead = np.broadcast_shapes(matrix.shape[:-3], now.shape[:-1])
    out = np.empty((*lead, flat.size, k))
    starts, ends = np.r_[0.0, at], np.r_[at, np.inf]
    for piece, (start, end) in enumerate(zip(starts, ends, strict=True)):
        generators = matrix[..., piece, :, :]
        inside = np.flatnonzero((flat >= start) & (flat < end))
        if inside.size:
            P = transition_probabilities(generators[..., None, :, :], flat[inside] - start)
            out[..., inside, :] = np.einsum("...i,...nij->...nj", now, P)
        if np.isfinite(end):
            step = transition_probabilities(generators, end - start)
            now = np.einsum("...i,...ij->...j", now, step)
    return out if requested.ndim else out[..., 0, :]


def expected_survival(
    Q: Numbers, times: Numbers, initial: Numbers, changes: Numbers | None = None, dead: int = -1
) -> NDArray[np.float64]:
    """Give the probability of being alive at each time.

    Parameters
    ----------
    Q, times, initial, changes
        As in `occupancy`.
    dead : int, default -1
        The state that is death, counted from 0; -1 is the last.

    Returns
    -------
    array of shape (..., n)
        Survival; a 0-dimensional array for a single time and generator.

    Raises
    ------
    ValueError
        As `occupancy`; or if `dead` is no state, or can be left.

    Examples
    --------
    >>> expected_survival([[-0.1, 0.1], [0, 0]], [0, 12], 0).round(4).tolist()
    [1.0, 0.3012]
    """
    check_signature(expected_survival, locals())
    matrix = check_generator(Q, "expected_survival")
    k = matrix.shape[-1]
    dead = int(dead)
    if not -k <= dead < k:
        raise ValueError(f"expected_survival: dead is {dead}; states are 0 to {k - 1}")
    if np.any(matrix[..., dead, :] != 0):
        raise ValueError(f"expected_survival: state {dead % k} can be left; death must be absorbing")
    states = occupancy(Q, times, initial, changes)
    alive = np.delete(states, dead, axis=-1)
    return np.minimum(alive.sum(axis=-1), 1.0)


def mean_times_in_states(
    Q: Numbers, t: float, initial: Numbers, changes: Numbers | None = None
) -> NDArray[np.float64]:
    """Give the expected time spent in each state from 0 to t (total length of stay).

    Parameters
    ----------
    Q, initial, changes
        As in `occupancy`.
    t : float
        Horizon.

    Returns
    -------
    array of shape (..., k)
        Mean times; they sum to t. The sum over the living states is the restricted mean survival time.

    Raises
    ------
    ValueError
        As `occupancy`.

    Notes
    -----
    The integral of the occupancy is the upper right block of exp([[Q, I], [0, 0]] t) (Van Loan, IEEE Trans
    Autom Control 1978;23:395-404, equation 1.3).

    Examples
    --------
    >>> mean_times_in_states([[-0.5, 0.5], [0, 0]], 2, 0).round(4).tolist()
    [1.2642, 0.7358]
    """
    check_signature(mean_times_in_states, locals())
    from scipy.linalg import expm

    matrix, at = _pieces(Q, changes, "mean_times_in_states")
    horizon = float(check_times(t, "mean_times_in_states"))
    k = matrix.shape[-1]
    now = _initial(initial, k, "mean_times_in_states")
    lead = np.broadcast_shapes(matrix.shape[:-3], now.shape[:-1])
    total = np.zeros((*lead, k))
    edges = np.r_[0.0, at[at < horizon], horizon]
    for piece, length in enumerate(np.diff(edges)):
        generators = matrix[..., piece, :, :]
        block = np.zeros((*generators.shape[:-2], 2 * k, 2 * k))
        block[..., :k, :k] = generators * length
        block[..., :k, k:] = np.eye(k) * length
        both = expm(block)
        total += np.einsum("...i,...ij->...j", now, both[..., :k, k:])
        now = np.einsum("...i,...ij->...j", now, both[..., :k, :k])
    return total


def sojourn_times(Q: Numbers) -> tuple[float | NotEstimable, ...]:
    """Give the mean time of one stay in each state: 1 / (rate of leaving).

    Parameters
    ----------
    Q : array of shape (k, k)
        One generator.

    Returns
    -------
    tuple of k float or NotEstimable
        NotEstimable for an absorbing state, which is never left.

    Raises
    ------
    ValueError
        If Q is no generator, or more than one.

    Examples
    --------
    >>> mean, dead = sojourn_times([[-0.5, 0.5], [0, 0]])
    >>> mean
    2.0
    >>> print(dead)
    not estimable: state 1 is never left
    """
    check_signature(sojourn_times, locals())
    matrix = check_generator(Q, "sojourn_times")
    if matrix.ndim != 2:
        raise ValueError(f"sojourn_times: Q has shape {matrix.shape}; give one generator at a time")
    leave = -np.diagonal(matrix)
    return tuple(
        float(1 / rate) if rate > 0 else NotEstimable(f"state {state} is never left")
        for state, rate in enumerate(leave)
    )

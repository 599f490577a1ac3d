"""Where will patients be at each visit, if every step depends on the grade before?

Input: intercepts and a linear predictor of a first-order Markov proportional-odds model.
Output: state-occupancy probabilities, simulated courses, intercepts that reach a wanted distribution.
Protocol section: endpoint (visits).
Method: logit P(Y_t >= y_k | previous) = intercept_k + g(previous, t, gap), absorbing states kept, probabilities
passed on from visit to visit (Harrell's soprobMarkovOrd, simMarkovOrd and intMarkovOrd in Hmisc).
Next: `shift.missing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks, as_array, display, even_array
from pnstrial.numerics.signatures import check_signature
from pnstrial.shift.models.ordinal import check_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["markov_intercepts", "markov_occupancy", "markov_simulate"]

Predictor = Callable[..., Any]


def _predictor(
    g: Predictor | None, bt: float, btx: float, bp: float, par: float, tx: float, mode: str
) -> Predictor:
    """Return the caller's predictor, or the linear or gapped one with these coefficients."""
    if g is not None:
        if not callable(g):
            raise TypeError(
                f"markov_occupancy: g = {g!r} must be a function of the state, the time and the gap"
            )
        return g
    if mode not in ("linear", "gapped"):
        raise ValueError(f"markov_occupancy: mode = {mode!r} must be 'linear' or 'gapped'")

    def linear(previous: float, t: float, gap: float, _x: object, _parameter: object) -> float:
        if mode == "gapped":
            return bt * float(np.log(t)) + par * tx * gap + bp * (previous - 3.0)
        return bt * (t - 1.0) + par * tx + btx * tx * (t - 1.0) + bp * previous

    return linear


def _setting(
    intercepts: ArrayLike, times: ArrayLike, initial: Any, absorb: Any, y: Sequence[Any] | None
) -> tuple[Array, Array, list[str], Array, NDArray[np.bool_], Array]:
    """Check the arguments; give intercepts, times, labels, values of the states, absorbing flags, the start."""
    caller = "markov_occupancy"
    cuts, when = as_array(intercepts), as_array(times)
    if (
        cuts is None
        or cuts.ndim != 1
        or not cuts.size
        or not np.isfinite(cuts).all()
        or (np.diff(cuts) >= 0).any()
    ):
        raise ValueError(
            f"{caller}: intercepts = {display(intercepts)} must be finite and fall, as P(Y >= y) does"
        )
    if (
        when is None
        or when.ndim != 1
        or not when.size
        or not np.isfinite(when).all()
        or (np.diff(when) <= 0).any()
    ):
        raise ValueError(f"{caller}: times = {display(times)} must be finite and rise")
    labels = [str(label) for label in (y if y is not None else range(cuts.size + 1))]
    if len(labels) != cuts.size + 1 or len(set(labels)) != len(labels):
        raise ValueError(
            f"{caller}: y has {len(labels)} states for {cuts.size} intercepts; it needs one more"
        )
    try:
        values = np.array([float(label) for label in labels])
    except ValueError:
        values = np.arange(len(labels), dtype=float)
    absorb = None if absorb is None else even_array("absorb", absorb)
    initial = even_array("initial", initial)
    stops = [] if absorb is None else (np.atleast_1d(absorb).tolist())
    unknown = [stop for stop in stops if str(stop) not in labels]
    if unknown:
        raise ValueError(f"{caller}: absorb = {unknown} is not among the states {labels}")
    absorbing = np.array([label in {str(stop) for stop in stops} for label in labels])
    if initial.ndim == 1:
        start = check_probabilities(caller, "initial", initial)
        if start.size != len(labels):
            raise ValueError(f"{caller}: initial has {start.size} probabilities for {len(labels)} states")
    elif str(initial) in labels:
        start = np.eye(len(labels))[labels.index(str(initial))]
    else:
        raise ValueError(f"{caller}: initial = {display(initial)} is not among the states {labels}")
    return cuts, when, labels, values, absorbing, start


def _step(
    cuts: Array,
    g: Predictor,
    values: Array,
    absorbing: NDArray[np.bool_],
    t: float,
    gap: float,
    X: object,
    par: object,
) -> Array:
    """Give the transition matrix into time t."""
    from scipy.special import expit

    size = values.size
    matrix = np.eye(size)
    for state in np.flatnonzero(~absorbing):
        shift = np.asarray(g(values[state], t, gap, X, par), dtype=float).ravel()
        if shift.size not in (1, size - 1) or not np.isfinite(shift).all():
            raise ValueError(
                f"markov_occupancy: g gave {shift.tolist()} for state {values[state]:g} at time {t:g}; it must "
                f"give one finite number, or {size - 1}"
            )
        above = np.concatenate([[1.0], expit(cuts + shift), [0.0]])
        if (np.diff(above) > 1e-12).any():
            raise ValueError(
                f"markov_occupancy: g lets probabilities cross for state {values[state]:g} at time {t:g}"
            )
        matrix[state] = above[:-1] - above[1:]
    return matrix


def markov_occupancy(
    intercepts: ArrayLike,
    times: ArrayLike,
    initial: Any,
    absorb: Any = None,
    g: Predictor | None = None,
    X: Any = None,
    parameter: Any = 0.0,
    y: Sequence[Any] | None = None,
    *,
    bt: float = 0.0,
    btx: float = 0.0,
    bp: float = 0.0,
    par: float = 0.0,
    tx: float = 0.0,
    mode: str = "linear",
) -> Array:
    """Give the probability of every state at every time.

    Parameters
    ----------
    intercepts : array-like of float
        One per state but the lowest, falling: logit P(Y >= y_k).
    times : array-like of float
        Times of the visits, rising; the first gap is the first time itself.
    initial : state or array-like of float
        State at time 0, or the probability of each state.
    absorb : state or list of states, optional
        States that are never left, such as death.
    g : callable, optional
        ``g(previous, t, gap, X, parameter)``, the linear predictor beside the intercepts: one number, or one
        per intercept (partial proportional odds). `previous` is the numeric state.
    X, parameter
        Handed to `g`.
    y : sequence, optional
        States from best to worst; 0, 1, ... by default.
    bt, btx, bp, par, tx : float
        Without `g`: effects of time, of time under treatment, of the previous state, of treatment, and the
        treatment (0 or 1) of a linear predictor.
    mode : {"linear", "gapped"}
        Which one: bt (t - 1) + par tx + btx tx (t - 1) + bp previous, or bt log t + par tx gap +
        bp (previous - 3).

    Returns
    -------
    ndarray
        Shape (times, states).

    Raises
    ------
    ValueError
        If intercepts do not fall, times do not rise, a state is unknown, or `g` gives no finite number.

    Notes
    -----
    Equal to Hmisc's `soprobMarkovOrd`.

    Examples
    --------
    >>> occupancy = markov_occupancy([4, 2, 0, -2, -4, -6], [1, 2], initial=4, bt=-0.05, bp=1)
    >>> occupancy[0].round(3).tolist()
    [0.0, 0.002, 0.016, 0.101, 0.381, 0.381, 0.119]
    """
    check_signature(markov_occupancy, locals())
    cuts, when, labels, values, absorbing, start = _setting(intercepts, times, initial, absorb, y)
    predictor = _predictor(g, bt, btx, bp, par, tx, mode)
    answer = np.empty((when.size, len(labels)))
    for i, t in enumerate(when):
        gap = t - (when[i - 1] if i else 0.0)
        start = start @ _step(cuts, predictor, values, absorbing, float(t), float(gap), X, parameter)
        answer[i] = start
    return answer


def markov_simulate(
    intercepts: ArrayLike,
    times: ArrayLike,
    initial: Any,
    n: int,
    seed: int = 1,
    absorb: Any = None,
    g: Predictor | None = None,
    X: Any = None,
    parameter: Any = 0.0,
    y: Sequence[Any] | None = None,
    **coefficients: Any,
) -> NDArray[np.int64]:
    """Simulate courses of patients.

    Parameters
    ----------
    intercepts, times, initial, absorb, g, X, parameter, y
        As `markov_occupancy`.
    n : int
        Patients.
    seed : int, default 1
        Seed.
    **coefficients
        bt, btx, bp, par, tx, mode of `markov_occupancy`.

    Returns
    -------
    ndarray of int64
        Shape (n, times): position of the state, 0 the best; absorbing states are carried on.

    Raises
    ------
    ValueError
        As `markov_occupancy`, or if n is below 1.

    Examples
    --------
    >>> courses = markov_simulate([2, 0, -2], [1, 2, 3], initial=1, n=500, seed=1, bp=0.8)
    >>> courses.shape
    (500, 3)
    """
    check_signature(markov_simulate, locals())
    if n < 1:
        raise ValueError(f"markov_simulate: n = {n!r} must be 1 or more")
    cuts, when, _, values, absorbing, start = _setting(intercepts, times, initial, absorb, y)
    defaults: dict[str, Any] = {"bt": 0.0, "btx": 0.0, "bp": 0.0, "par": 0.0, "tx": 0.0, "mode": "linear"}
    predictor = _predictor(g, **{**defaults, **coefficients})
    Checks("markov_simulate").seed("seed", seed).done()
    n, seed = int(n), int(seed)
    rng = np.random.default_rng(seed)
    state = (rng.random(n)[:, None] > np.cumsum(start)[:-1]).sum(axis=1)
    answer = np.empty((n, when.size), dtype=np.int64)
    for i, t in enumerate(when):
        gap = t - (when[i - 1] if i else 0.0)
        matrix = _step(cuts, predictor, values, absorbing, float(t), float(gap), X, parameter)
        below = np.cumsum(matrix, axis=1)[:, :-1]
        state = (rng.random(n)[:, None] > below[state]).sum(axis=1)
        answer[:, i] = state
    return answer


def markov_intercepts(
    target: ArrayLike,
    times: ArrayLike,
    initial: Any,
    absorb: Any = None,
    g: Predictor | None = None,
    X: Any = None,
    parameter: Any = 0.0,
    y: Sequence[Any] | None = None,
    **coefficients: Any,
) -> Array:
    """Find the intercepts that reach a wanted distribution at the last time.

    Parameters
    ----------
    target : array-like of float
        Wanted probability of each state at the last time; all over 0.
    times, initial, absorb, g, X, parameter, y, **coefficients
        As `markov_occupancy`.

    Returns
    -------
    ndarray
        Intercepts, falling.

    Raises
    ------
    ValueError
        As `markov_occupancy`, or if no intercepts reach the target.

    Notes
    -----
    As Hmisc's `intMarkovOrd`, solved to rounding by least squares on the first intercept and log gaps.

    Examples
    --------
    >>> found = markov_intercepts([0.2, 0.3, 0.3, 0.2], [1, 2], initial=1, bp=0.8)
    >>> markov_occupancy(found, [1, 2], initial=1, bp=0.8)[-1].round(6).tolist()
    [0.2, 0.3, 0.3, 0.2]
    """
    check_signature(markov_intercepts, locals())
    from scipy.optimize import least_squares
    from scipy.special import logit

    wanted = check_probabilities("markov_intercepts", "target", target)
    if (wanted <= 0).any():
        raise ValueError(
            f"markov_intercepts: target = {wanted.tolist()} must give every state a probability over 0"
        )
    above = 1.0 - np.cumsum(wanted)[:-1]

    def unpack(point: Array) -> Array:
        return point[0] - np.concatenate([[0.0], np.cumsum(np.exp(point[1:]))])

    def miss(point: Array) -> Array:
        reached = markov_occupancy(unpack(point), times, initial, absorb, g, X, parameter, y, **coefficients)[
            -1
        ]
        return logit(np.clip(1.0 - np.cumsum(reached)[:-1], 1e-12, 1 - 1e-12)) - logit(above)

    start = np.concatenate([[logit(above[0])], np.log(-np.diff(logit(above)))])
    found = least_squares(miss, start, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    if np.abs(found.fun).max() > 1e-6:
        raise ValueError(
            f"markov_intercepts: target = {wanted.tolist()} cannot be reached; the closest differs by "
            f"{np.abs(found.fun).max():.3g} on the logit scale"
        )
    return unpack(found.x)

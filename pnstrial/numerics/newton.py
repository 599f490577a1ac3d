"""Where is a smooth function of several parameters highest?

Input: a function that gives its value, gradient and information (minus the second derivatives), and a start.
Output: `Maximum`: where the search ended, and whether that is a maximum.
Protocol section: none.
Method: Newton's method with steps that are bounded and halved until the function rises enough (Armijo's rule: Nocedal
and Wright, Numerical Optimization, 2nd ed., section 3.1). A search that stops has not arrived: the step, the gradient
and the rank of the information say whether it has.
Next: `derivatives`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Step = Callable[[Vector, Vector, Any], Vector | None]

__all__ = ["ARMIJO", "ROUNDING", "Maximum", "bent_step", "full_rank", "maximise", "newton_step"]

HALVINGS: Final = 40
# Share of the promised rise that a step must bring, and the rounding of a value that it may lose.
ARMIJO: Final = 1e-4
ROUNDING: Final = 1e-13
# Smallest eigenvalue of the information, its diagonal scaled to 1, with which parameters are told apart.
RANK: Final = 1e-11


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a search ended.

    Attributes
    ----------
    point : numpy.ndarray, shape (p,)
    value : float
    gradient : numpy.ndarray, shape (p,)
    information : Any
        Minus the second derivatives at the point, as the function gives them.
    steps : int
        Steps taken.
    ending : str
        "maximum"; "flat" (the gradient is 0, but the information is singular: more than one point is highest);
        "outside" (no value at the start); "singular" (no step can be computed); "bound" (a parameter is beyond its
        bound); "stopped" (by the caller's rule); "stuck" (no step raises the value, yet the gradient is not 0);
        "rising" (the steps ran out).
    extra : tuple
        What the function returned at the point behind value, gradient and information.
    """

    point: Vector
    value: float
    gradient: Vector
    information: Any
    steps: int
    ending: str
    extra: tuple[Any, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether the point is a maximum."""
        return self.ending == "maximum"

    @property
    def covariance(self) -> Vector:
        """Inverse of the information; of a maximum that was reached, of all its parameters."""
        scale = _scale(self.information)
        inverse = np.linalg.inv(self.information * scale[:, None] * scale) * scale[:, None] * scale
        return 0.5 * (inverse + inverse.T)


def _scale(information: Vector) -> Vector:
    size = np.abs(information.diagonal())
    return 1.0 / np.sqrt(np.maximum(size, max(1e-300, 1e-30 * float(size.max(initial=0.0)))))


def full_rank(information: Vector) -> bool:
    """Say whether an information matrix tells all parameters apart.

    Parameters
    ----------
    information : numpy.ndarray, shape (p, p)

    Returns
    -------
    bool
        Whether the smallest eigenvalue, after the diagonal is scaled to 1, is at least 1e-11.

    Examples
    --------
    >>> full_rank(np.array([[2.0, 1.0], [1.0, 1.0]])), full_rank(np.ones((2, 2)))
    (True, False)
    """
    if not information.size:
        return True
    scale = _scale(information)
    unit = information * scale[:, None] * scale
    # by Gershgorin no eigenvalue is below 1 less the rest of a row
    if float(np.maximum.reduce(np.add.reduce(np.abs(unit), axis=1))) < 1.9 and bool(
        (np.diagonal(unit) > 0.999).all()
    ):
        return True
    return bool(np.linalg.eigvalsh(unit)[0] >= RANK)


def newton_step(point: Vector, gradient: Vector, information: Vector) -> Vector | None:
    """Solve for Newton's step on a concave function.

    Parameters
    ----------
    point, gradient : numpy.ndarray, shape (p,)
    information : numpy.ndarray, shape (p, p)

    Returns
    -------
    numpy.ndarray or None
        None where the information is not positive definite.
    """
    from scipy.linalg.lapack import dposv

    if not point.size:
        return point
    _, step, failed = dposv(information, gradient)
    return np.asarray(step) if failed == 0 and 0.0 <= float(step @ gradient) < np.inf else None


def bent_step(point: Vector, gradient: Vector, information: Vector) -> Vector | None:
    """Take Newton's step, bent uphill where the function is not concave.

    Parameters
    ----------
    point, gradient : numpy.ndarray, shape (p,)
    information : numpy.ndarray, shape (p, p)

    Returns
    -------
    numpy.ndarray or None
        None where a derivative is not finite or the information is 0.
    """
    del point
    if not (np.isfinite(information).all() and np.isfinite(gradient).all() and information.any()):
        return None
    scale = _scale(information)
    values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
    values = np.maximum(np.abs(values), 1e-10 * np.abs(values).max())
    return scale * (vectors @ ((vectors.T @ (scale * gradient)) / values))


def maximise(
    function: Callable[[Vector], tuple[Any, ...] | None],
    start: Vector,
    *,
    step: Step = bent_step,
    value: Callable[[Vector], float] | None = None,
    free: NDArray[np.int64] | None = None,
    longest: float = 4.0,
    length: Callable[[Vector], float] | None = None,
    bound: Vector | float | None = None,
    stop: Callable[[int, Vector, tuple[Any, ...], Vector], bool] | None = None,
    limit: int = 200,
    tolerance: float = 1e-12,
) -> Maximum:
    """Climb to the maximum of a smooth function with known derivatives.

    Parameters
    ----------
    function : callable
        Of a point: value, gradient, information (minus the second derivatives), and whatever the caller wants back
        from the last point. None, or a value that is not finite, marks a point outside the domain.
    start : numpy.ndarray, shape (p,)
    step : callable
        Of point, gradient and information: the step, or None where there is none. `bent_step`; `newton_step` is
        quicker and enough where the function is concave; a caller's own solves a banded system, keeps to
        constraints, or takes another curvature.
    value : callable, optional
        Of a point: the value alone, where the derivatives cost much more. Steps are tried with it.
    free : numpy.ndarray of int, optional
        The parameters that move; by default all.
    longest : float
        Length to which steps are shortened.
    length : callable, optional
        Of a step: its length; by default its largest element in size.
    bound : numpy.ndarray or float, optional
        Size of the parameters beyond which the search is given up.
    stop : callable, optional
        Of the number of steps taken, the point, what the function returned there and the next step: whether the
        caller ends the search.
    limit : int
        Largest number of steps.
    tolerance : float
        Length of a step, in standard errors, that is at rounding; larger for a function that is itself the end of a
        search.

    Returns
    -------
    Maximum
        Its `ending` says whether the point is a maximum. It is where the next step is below 1e-6 of the parameters and
        1e-5 of their standard errors and either below `tolerance` or no longer halved, and the information is not
        singular (`full_rank`; not asked of a banded information).

    Examples
    --------
    >>> f = lambda x: (-float((x[0] - 3) ** 2), -2 * (x - 3), np.array([[2.0]]))
    >>> found = maximise(f, np.array([0.0]))
    >>> found.point, found.ending
    (array([3.]), 'maximum')
    """
    point = np.array(start, dtype=np.float64)
    first = function(point)
    if first is None or not np.isfinite(first[0]):
        nothing = np.full((point.size, point.size), np.nan)
        return Maximum(point, -np.inf, nothing[:1].ravel(), nothing, 0, "outside")
    here, ending = first, "rising"
    last, stalled, k = np.inf, 0, 0
    for k in range(limit):
        move = _move(step, free, point, here)
        if move is None or (bound is not None and bool(np.any(np.abs(point) > bound))):
            ending = "singular" if move is None else "bound"
            break
        gain = float(here[1] @ move)
        error = abs(gain) ** 0.5
        short = error < 1e-4 and bool((np.abs(move) < 1e-6 * (1.0 + np.abs(point))).all())
        if short and error < 1e-5 and (error >= 0.5 * last or error < tolerance):
            ending = "maximum"
            break
        if stop is not None and stop(k, point, here, move):
            ending = "stopped"
            break
        last = error
        span = float(np.abs(move).max()) if length is None else length(move)
        share = min(1.0, longest / span) if span > 0.0 else 1.0
        ahead = _search(function, value, point, share * move, float(here[0]), share * gain)
        if ahead is None:
            # Rounding hides any further rise; what is left of the step says whether this is a maximum.
            ending = "maximum" if short else "stuck"
            break
        stalled = stalled + 1 if ahead[1][0] <= here[0] + ROUNDING * (1.0 + abs(here[0])) else 0
        point, here = ahead
        if stalled > 10:
            ending = "stuck"
            break
    # A banded information is not asked for its rank.
    square = np.shape(here[2]) == (point.size, point.size)
    if ending == "maximum" and square and not _identifiable(here[2], free):
        ending = "flat"
    return Maximum(point, float(here[0]), here[1], here[2], k, ending, tuple(here[3:]))


def _move(step: Step, free: NDArray[np.int64] | None, point: Vector, here: tuple[Any, ...]) -> Vector | None:
    """Compute the next step; parameters that are held do not move."""
    if free is None:
        return step(point, here[1], here[2])
    whole = np.zeros(point.size)
    part = step(point[free], here[1][free], here[2][np.ix_(free, free)]) if free.size else point[free]
    if part is None:
        return None
    whole[free] = part
    return whole


def _identifiable(information: Any, free: NDArray[np.int64] | None) -> bool:
    return full_rank(information if free is None else information[np.ix_(free, free)])


def _search(
    function: Callable[[Vector], tuple[Any, ...] | None],
    value: Callable[[Vector], float] | None,
    point: Vector,
    move: Vector,
    height: float,
    gain: float,
) -> tuple[Vector, tuple[Any, ...]] | None:
    """Take the step, or the half, quarter, ... of it that raises the value enough."""
    share, slack = 1.0, ROUNDING * (1.0 + abs(height))
    for _ in range(HALVINGS):
        ahead = point + share * move
        enough = height + ARMIJO * share * gain - slack
        if value is None or value(ahead) >= enough:
            found = function(ahead)
            if found is not None and enough <= found[0] < np.inf:
                return ahead, found
        share *= 0.5
    return None

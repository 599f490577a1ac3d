"""How likely are the observed events under given hazard ratios, and which hazard ratios make them most likely?

Input: follow-up as arrays, a matrix of covariates, strata, delayed entry and case weights.
Output: `RiskSets` (who is at risk at each event), the partial likelihood with its derivatives, `Maximum`.
Protocol section: none.
Method: partial likelihood of Cox (JRSS B 1972;34:187) with ties by Efron (JASA 1977;72:557), Breslow (Biometrics
1974;30:89) or exactly (the conditional likelihood of Cox 1972, section 6); penalised by Jeffreys' prior (Firth).
Next: `cox_residuals`, `cox`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["TIES", "Hazard", "Maximum", "RiskSets", "maximise", "risk_sets"]

TIES = ("efron", "breslow", "exact")
# Past this range of linear predictors their exponentials leave what a float can hold.
WIDEST = 1300.0
# Relative pivot below which a covariate adds nothing to those before it (toler.chol of R's coxph).
ALIASED = float(np.finfo(float).eps ** 0.75)
# A difference of sums this much smaller than its parts has lost too many digits and is summed anew.
DELICATE = 1e-5
STEPS = 60


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
        shape = (*per_event.shape[:-1], per_event.shape[-1] + 1)
        total = np.zeros(shape)
        np.cumsum(per_event, axis=-1, out=total[..., 1:])
        return total[..., self.last] - total[..., self.first]


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
        return np.searchsorted(event_time, time, side="right" if right else "left").astype(np.int64)
    _, rank = np.unique(np.concatenate([event_time, time]), return_inverse=True)
    span = int(rank.max()) + 1
    keys = event_code * span + rank[: event_time.size]
    asked = code * span + rank[event_time.size :]
    return np.searchsorted(keys, asked, side="right" if right else "left").astype(np.int64)


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

    Returns
    -------
    RiskSets

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
    place = np.flatnonzero(deaths)
    fresh = np.ones(place.size, dtype=bool)
    fresh[1:] = (np.diff(t[place]) > 0) | (np.diff(s[place]) > 0)
    head = np.flatnonzero(fresh)
    start = place[fresh]
    size = np.diff(head, append=place.size)
    mass = np.add.reduceat(w[place], head) if head.size else np.empty(0)
    when, where = t[start], s[start]
    last = _places(s, t, where, when, "right")
    entries, late, entry_order = np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
    if entry.size:
        entries = entry[order]
        first = _places(s, entries, where, when, "right")
        entry_order = np.lexsort((entries, s))
        late = _places(where, when, s, entries[entry_order], "left")
    else:
        first = np.searchsorted(where, s) if code.size else np.zeros(n, np.int64)
    # Columns of like size make one tolerance fit all; the fit is undone to the caller's units at the end.
    centre = (x * (weights[:, None] if weights.size else 1.0)).sum(axis=0) / w.sum()
    gap = x - centre
    scale = np.abs(gap).mean(axis=0)
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
        bounds, s, start, size, mass, first, last, entries, late, entry_order, ties,
        deaths, place, terms, share, load, (scaled[:, place] * w[place]).sum(axis=1),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Hazard:
    """The risk sets seen at one vector of coefficients, ties by Efron or Breslow.

    Parameters
    ----------
    risk : numpy.ndarray, shape (n,)
        Relative hazard times weight, up to the factor exp(-shift).
    relative : numpy.ndarray, shape (n,)
        Relative hazard, up to the same factor.
    shift : float
    total : numpy.ndarray, shape (K,)
        Denominator of each term of the likelihood.
    mean : numpy.ndarray, shape (p, K)
        Mean of the covariates over each denominator.
    loglik : float
    score : numpy.ndarray, shape (p,)
    information : numpy.ndarray, shape (p, p)
    """

    risk: Vector
    relative: Vector
    shift: float
    total: Vector
    mean: Vector
    loglik: float
    score: Vector
    information: Vector
    exposure: Vector = field(repr=False)
    delicate: NDArray[np.int64] | None = field(repr=False, default=None)


def _empty(p: int) -> Vector:
    return np.zeros((p, p))


def _relative(sets: RiskSets, beta: Vector) -> tuple[Vector, Vector, float] | None:
    eta = sets.offset + beta @ sets.x
    low, high = float(eta.min()), float(eta.max())
    if not high - low < WIDEST:
        return None
    shift = 0.5 * (low + high)
    return eta, np.exp(eta - shift), shift


def hazard_at(sets: RiskSets, beta: Vector) -> Hazard | None:
    """See the risk sets at `beta`; None where the linear predictors leave the range of floats.

    Parameters
    ----------
    sets : RiskSets
    beta : numpy.ndarray, shape (p,)
        In the units of `sets.x`.

    Returns
    -------
    Hazard or None
    """
    seen = _relative(sets, beta)
    if seen is None:
        return None
    eta, relative, shift = seen
    risk = relative * sets.weights
    delicate = None
    s0 = sets.at_risk(risk)
    if sets.entry.size:
        gross = sets.tails(risk)[sets.start]
        delicate = np.flatnonzero(s0 < DELICATE * gross)
        if delicate.size:
            s0 = sets.at_risk(risk, delicate)
    s1 = sets.at_risk(sets.x * risk, delicate)
    if sets.tied:
        share = sets.share
        total = s0[sets.terms] - share * sets.at_death(risk)[sets.terms]
        mean = (s1[:, sets.terms] - share * sets.at_death(sets.x * risk)[:, sets.terms]) / total
    else:
        total, mean = s0, s1 / s0
    load = sets.load
    rate = load / total
    exposure = at_risk_time(sets, rate)
    spent = risk * exposure
    loglik = float(
        (sets.weights[sets.place] * eta[sets.place]).sum() - (load * (np.log(total) + shift)).sum()
    )
    score = sets.dead_x - mean @ load
    information = (sets.x * spent) @ sets.x.T - (mean * load) @ mean.T
    return Hazard(risk, relative, shift, total, mean, loglik, score, information, exposure, delicate)


def at_risk_time(sets: RiskSets, per_term: Vector) -> Vector:
    """Sum a quantity of the likelihood's terms over the time each patient was at risk, a tied death only in part."""
    if not sets.tied:
        return sets.over_time(per_term)
    heads = np.cumsum(sets.size) - sets.size
    out = sets.over_time(np.add.reduceat(per_term, heads, axis=-1))
    part = np.add.reduceat(per_term * sets.share, heads, axis=-1)
    own = np.repeat(np.arange(sets.size.size), sets.size)
    out[..., sets.place] -= part[..., own]
    return out


def _exact(sets: RiskSets, beta: Vector) -> tuple[float, Vector, Vector] | None:
    """Conditional likelihood of which patients die, given how many do, at each event time."""
    seen = _relative(sets, beta)
    if seen is None:
        return None
    eta, relative, shift = seen
    p = sets.x.shape[0]
    loglik = float(eta[sets.place].sum()) - shift * float(sets.size.sum())
    score, information = sets.dead_x.copy(), _empty(p)
    alone = sets.size == 1
    if alone.any():
        s0, s1 = sets.at_risk(relative)[alone], sets.at_risk(sets.x * relative)[:, alone]
        if sets.entry.size and bool((s0 < DELICATE * sets.tails(relative)[sets.start[alone]]).any()):
            alone = np.zeros_like(alone)
        else:
            mean = s1 / s0
            loglik -= float(np.log(s0).sum())
            score -= mean.sum(axis=1)
            single = np.zeros(alone.size)
            single[alone] = 1.0 / s0
            information += (sets.x * (relative * sets.over_time(single))) @ sets.x.T - mean @ mean.T
    rest = np.flatnonzero(~alone)
    if rest.size:
        from pnstrial.survival.cox_kernels import subset_moments

        for j in rest.tolist():
            places = sets.members(j)
            if places.size > sets.size[j]:
                log_sum, mean, spread = subset_moments(
                    relative[places], np.ascontiguousarray(sets.x[:, places].T), int(sets.size[j])
                )
                loglik -= log_sum
                score -= mean
                information += spread
            else:
                loglik -= float((eta[places] - shift).sum())
                score -= sets.x[:, places].sum(axis=1)
    return loglik, score, information


def derivatives(sets: RiskSets, beta: Vector) -> tuple[float, Vector, Vector] | None:
    """Log partial likelihood, score and information at `beta`, in the units of `sets.x`.

    Parameters
    ----------
    sets : RiskSets
    beta : numpy.ndarray, shape (p,)

    Returns
    -------
    tuple or None
        None where the linear predictors leave the range of floats.
    """
    if sets.ties == "exact":
        return _exact(sets, beta)
    seen = hazard_at(sets, beta)
    return None if seen is None else (seen.loglik, seen.score, seen.information)


def penalised(sets: RiskSets, beta: Vector) -> tuple[float, Vector, Vector] | None:
    """Log likelihood plus half the log determinant of the information, its score and the information.

    Parameters
    ----------
    sets : RiskSets
        Ties by Efron or Breslow.
    beta : numpy.ndarray, shape (p,)

    Returns
    -------
    tuple or None
        None where the linear predictors leave the range of floats or the information is singular.
    """
    seen = hazard_at(sets, beta)
    if seen is None:
        return None
    sign, logdet = np.linalg.slogdet(seen.information)
    if sign <= 0.0 or not math.isfinite(logdet):
        return None
    x, mean, load = sets.x, seen.mean, sets.load
    spent = seen.risk * seen.exposure
    third = np.einsum("an,bn,cn->abc", x * spent, x, x, optimize=True)
    pairs = x[:, None, :] * x[None, :, :]
    second = sets.at_risk(pairs * seen.risk, seen.delicate)[..., sets.terms]
    if sets.tied:
        second = second - sets.share * sets.at_death(pairs * seen.risk)[..., sets.terms]
    second = second / seen.total
    cross = np.einsum("abk,ck->abc", second * load, mean)
    third = third - cross - cross.transpose(0, 2, 1) - cross.transpose(2, 0, 1)
    third = third + 2.0 * np.einsum("ak,bk,ck->abc", mean * load, mean, mean)
    inverse = np.linalg.inv(seen.information)
    score = seen.score + 0.5 * np.einsum("ab,abc->c", inverse, third)
    return seen.loglik + 0.5 * float(logdet), score, seen.information


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the likelihood is largest.

    Parameters
    ----------
    beta : numpy.ndarray, shape (p,)
        In the units of `RiskSets.x`; of no meaning for a coefficient in `infinite`.
    loglik : float
        The maximum, or the supremum where a coefficient is infinite.
    information : numpy.ndarray, shape (p, p)
    score : numpy.ndarray, shape (p,)
    infinite : numpy.ndarray or None
        Direction along which the likelihood rises for ever; None where there is a maximum.
    steps : int
    """

    beta: Vector
    loglik: float
    score: Vector
    information: Vector
    infinite: Vector | None
    steps: int


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


def recession(sets: RiskSets, step: Vector) -> Vector | None:
    """Clean a step of Newton's method into a direction of monotone likelihood; None if it is none.

    Parameters
    ----------
    sets : RiskSets
    step : numpy.ndarray, shape (p,)

    Returns
    -------
    numpy.ndarray or None
        Largest element 1 in size, negligible ones 0.
    """
    size = float(np.abs(step).max())
    if not size > 0.0:
        return None
    direction = step / size
    snapped = np.where(np.abs(direction) < 1e-3, 0.0, direction)
    if _rising(sets, snapped, 1e-9):
        return snapped
    return direction if _rising(sets, direction, 1e-5) else None


def _solve(information: Vector, score: Vector) -> Vector | None:
    try:
        step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return step if bool(np.isfinite(step).all()) and float(step @ score) > 0.0 else None


def maximise(
    sets: RiskSets,
    evaluate: Callable[[RiskSets, Vector], tuple[float, Vector, Vector] | None] = derivatives,
    start: Vector | None = None,
    free: NDArray[np.int64] | None = None,
) -> Maximum:
    """Climb to the maximum by Newton's method with halved steps.

    Parameters
    ----------
    sets : RiskSets
        With at least one event and no aliased covariate.
    evaluate : callable
        `derivatives` or `penalised`.
    start : numpy.ndarray, shape (p,), optional
    free : numpy.ndarray of int, optional
        The coefficients that may move.

    Returns
    -------
    Maximum

    Raises
    ------
    ValueError
        If the likelihood cannot be evaluated at the start.
    """
    p = sets.x.shape[0]
    beta = np.zeros(p) if start is None else start.copy()
    moving = np.arange(p) if free is None else free
    here = evaluate(sets, beta)
    if here is None:
        raise ValueError("the likelihood cannot be evaluated at the start: rescale the covariates")
    loglik, score, information = here
    plain = evaluate is not penalised
    best, infinite, k = math.inf, None, 0
    for k in range(STEPS):
        bend = information if plain else _bend(sets, beta, information)
        step = _solve(bend[np.ix_(moving, moving)], score[moving]) if moving.size else None
        if step is None:
            break
        # Newton's step in standard errors, squared: below rounding there is nothing left to win.
        gain = float(step @ score[moving])
        if gain < 1e-24 or (gain < 1e-16 and gain >= best) or (infinite is not None and gain < 1e-13):
            break
        best = min(best, gain)
        step = _full(step, moving, p)
        if plain and k >= 8 and infinite is None and float(np.ptp(step @ sets.x)) > 0.05:
            infinite = recession(sets, step)
        moved = _line(sets, evaluate, beta, step, loglik)
        if moved is None:
            break
        beta, (loglik, score, information) = moved
    return Maximum(beta, loglik, score, information, infinite, k)


def _bend(sets: RiskSets, beta: Vector, information: Vector) -> Vector:
    """Curvature of the penalised likelihood, by central differences of its score.

    The information alone leaves out the penalty's part; where events are few that part is as large, and steps by the
    information alone swing from side to side for ever.
    """
    p = beta.size
    bend = np.empty((p, p))
    for a in range(p):
        shift = np.zeros(p)
        shift[a] = 1e-4
        above, below = penalised(sets, beta + shift), penalised(sets, beta - shift)
        if above is None or below is None:
            return 2.0 * information
        bend[a] = (below[1] - above[1]) / 2e-4
    bend = 0.5 * (bend + bend.T)
    return bend if float(np.linalg.eigvalsh(bend).min()) > 0.0 else 2.0 * information


def _full(step: Vector, moving: NDArray[np.int64], p: int) -> Vector:
    full = np.zeros(p)
    full[moving] = step
    return full


def _line(
    sets: RiskSets,
    evaluate: Callable[[RiskSets, Vector], tuple[float, Vector, Vector] | None],
    beta: Vector,
    step: Vector,
    loglik: float,
) -> tuple[Vector, tuple[float, Vector, Vector]] | None:
    """Take the step, or the half, quarter, ... of it that does not lower the likelihood."""
    widest = float(np.ptp(step @ sets.x))
    if widest > 10.0:
        step = step * (10.0 / widest)
    slack = 1e-13 * max(1.0, abs(loglik))
    for _ in range(40):
        new = evaluate(sets, beta + step)
        if new is not None and new[0] >= loglik - slack:
            return beta + step, new
        step = 0.5 * step
    return None


def estimable(sets: RiskSets) -> NDArray[np.bool_]:
    """Say which covariates add anything to those before them, at no effect.

    Parameters
    ----------
    sets : RiskSets

    Returns
    -------
    numpy.ndarray of bool, shape (p,)
    """
    p = sets.x.shape[0]
    here = derivatives(sets, np.zeros(p))
    kept = np.zeros(p, dtype=bool)
    if here is None or sets.start.size == 0:
        return kept
    left = here[2].copy()
    # The covariates are scaled to size 1, so that what a risk set does not tell apart shows against its deaths.
    least = 1e-11 * float(sets.mass.sum())
    for j in range(p):
        pivot = float(left[j, j])
        if pivot <= max(least, ALIASED * float(here[2][j, j])):
            continue
        kept[j] = True
        left -= np.outer(left[:, j], left[j]) / pivot
    return kept

"""How likely are the observed events under given hazard ratios, and which hazard ratios make them most likely?

Input: risk sets.
Output: the partial likelihood with its derivatives, plain or penalised; `Maximum`.
Protocol section: none.
Method: partial likelihood of Cox (JRSS B 1972;34:187) with ties by Efron (JASA 1977;72:557), Breslow (Biometrics
1974;30:89) or exactly (the conditional likelihood of Cox 1972, section 6); penalised by Jeffreys' prior (Firth).
Next: `cox_residuals`, `cox`.
"""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.newton import ARMIJO, ROUNDING, maximise, newton_step
from pnstrial.survival.cox.risk_sets import DELICATE, RiskSets
from pnstrial.survival.cox.separation import separating

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = [
    "Hazard",
    "Peak",
    "at_risk_time",
    "climb",
    "derivatives",
    "estimable",
    "hazard_at",
    "moments_together",
    "penalised",
]

# Past this range of linear predictors their exponentials leave what a float can hold.
WIDEST = 1300.0
# Relative pivot below which a covariate adds nothing to those before it (toler.chol of R's coxph).
ALIASED = float(np.finfo(float).eps ** 0.75)
STEPS = 100
# Between these steps a climb that has a top reaches it, or is asked to prove that it has none.
FIRST_PROOF, LAST_PROOF = 8, 12
# Linear predictors change by no more in one step.
LONGEST = 10.0
# Fits of a process after which machine code pays for being loaded, or made.
REPEATED = 200
_fits = itertools.count()


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
    eta = beta @ sets.x
    if sets.shifted:
        eta = sets.offset + eta
    low, high = float(np.minimum.reduce(eta)), float(np.maximum.reduce(eta))
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
    """
    seen = _seen(sets, beta)
    if seen is None:
        return None
    loglik, score, information, *rest = seen
    risk, relative, shift, total, mean, exposure, delicate = rest
    return Hazard(risk, relative, shift, total, mean, loglik, score, information, exposure, delicate)


def _seen(sets: RiskSets, beta: Vector) -> tuple[Any, ...] | None:
    """Log likelihood, score, information; then risk, relative, shift, total, mean, exposure and delicate sets."""
    here = _relative(sets, beta)
    if here is None:
        return None
    eta, relative, shift = here
    risk = relative * sets.weights if sets.weighted else relative
    load, shares, delicate = sets.load, sets.shares, None
    if shares is not None:
        sums = (sets.with_one * risk) @ shares.T
        total = sums[0]
        mean = sums[1:] / total
        exposure = (load / total) @ shares
    else:
        total, mean, delicate = _sums(sets, risk)
        exposure = at_risk_time(sets, load / total)
    loglik = float(sets.dead_mass @ (eta - shift)) - float(load @ np.log(total))
    score = sets.dead_x - mean @ load
    information = (sets.x * (risk * exposure)) @ sets.x.T - (mean * load) @ mean.T
    return loglik, score, information, risk, relative, shift, total, mean, exposure, delicate


def _sums(sets: RiskSets, risk: Vector) -> tuple[Vector, Vector, NDArray[np.int64] | None]:
    """Denominator of each term and mean of the covariates over it, by cumulated sums; which of them are delicate."""
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
    return total, mean, delicate


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
        from pnstrial.survival.cox.cox_kernels import subset_moments

        if not subset_moments.pays(sets.time.size):
            inside = np.zeros((rest.size, sets.time.size), dtype=bool)
            for row, j in enumerate(rest.tolist()):
                inside[row, sets.members(j)] = True
            # where all at risk die there is nothing to choose
            some = inside.sum(axis=1) > sets.size[rest]
            log_sums, means, spreads = moments_together(
                relative, sets.x.T, inside[some], sets.size[rest[some]]
            )
            loglik -= log_sums
            score -= means
            information += spreads
            rest = rest[~some]
        for j in rest.tolist():
            places = sets.members(j)
            if places.size > sets.size[j]:
                log_sum, mean, spread = subset_moments.for_size(sets.time.size)(
                    relative[places], np.ascontiguousarray(sets.x[:, places].T), int(sets.size[j])
                )
                loglik -= log_sum
                score -= mean
                information += spread
            else:
                loglik -= float((eta[places] - shift).sum())
                score -= sets.x[:, places].sum(axis=1)
    return loglik, score, information


def moments_together(
    risk: Vector, x: Vector, inside: NDArray[np.bool_], size: NDArray[np.int64]
) -> tuple[float, Vector, Vector]:
    """Sum what `cox_kernels.subset_moments` gives for each of several risk sets, all of them at once by NumPy.

    Parameters
    ----------
    risk : numpy.ndarray, shape (n,)
    x : numpy.ndarray, shape (n, p)
    inside : numpy.ndarray of bool, shape (J, n)
        Who is at risk.
    size : numpy.ndarray of int, shape (J,)
        How many die.

    Returns
    -------
    tuple
        Sums over the risk sets of the log sum, of the means (p,) and of the covariances (p, p).
    """
    if not size.size:
        return 0.0, np.zeros(x.shape[1]), _empty(x.shape[1])
    top = np.where(inside, risk, 0.0).max(axis=1)
    shares = inside * (risk / top[:, None])
    low, high = np.full(size.size, -700.0), np.full(size.size, 700.0)
    while high[0] - low[0] > 1e-3:
        middle = 0.5 * (low + high)
        odds = np.exp(middle)[:, None] * shares
        few = (odds / (1.0 + odds)).sum(axis=1) < size
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    log_factor = 0.5 * (low + high)
    odds = np.exp(log_factor)[:, None] * shares
    take, leave = odds / (1.0 + odds), 1.0 / (1.0 + odds)
    centre = (take @ x) / take.sum(axis=1)[:, None]
    most, p = int(size.max()) + 1, x.shape[1]
    chance, first, second = (np.zeros((size.size, most, *(p,) * order)) for order in range(3))
    chance[:, 0] = 1.0
    for i in np.flatnonzero(inside.any(axis=0)).tolist():
        taken, left, gap = take[:, i, None], leave[:, i, None], x[i] - centre
        drawn = taken * chance[:, :-1]
        moved = gap[:, None] * drawn[..., None]
        crossed = (taken[..., None] * first[:, :-1])[..., None] * gap[:, None, None]
        second_gain = taken[..., None, None] * second[:, :-1] + crossed + crossed.swapaxes(2, 3)
        second_gain += moved[..., None] * gap[:, None, None]
        first_gain = taken[..., None] * first[:, :-1] + moved
        second *= left[..., None, None]
        second[:, 1:] += second_gain
        first *= left[..., None]
        first[:, 1:] += first_gain
        chance *= left
        chance[:, 1:] += drawn
    every = np.arange(size.size)
    whole = chance[every, size]
    mean = first[every, size] / whole[:, None]
    spread = (second[every, size] / whole[:, None, None]).sum(axis=0) - mean.T @ mean
    log_sum = np.log(whole) + np.log1p(odds).sum(axis=1) - size * (log_factor - np.log(top))
    return float(log_sum.sum()), (mean + size[:, None] * centre).sum(axis=0), spread


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
    seen = _seen(sets, beta)
    return None if seen is None else (seen[0], seen[1], seen[2])


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
class Peak:
    """Where the likelihood is largest.

    Parameters
    ----------
    beta : numpy.ndarray, shape (p,)
        In the units of `RiskSets.x`; of no meaning for a coefficient in `infinite`.
    loglik : float
        The maximum, or the supremum where a coefficient is infinite.
    score : numpy.ndarray, shape (p,)
    information : numpy.ndarray, shape (p, p)
    infinite : numpy.ndarray or None
        Direction along which the likelihood rises for ever; None where there is a maximum.
    ending : str
        How the search ended, as in `numerics.newton.Maximum`.
    """

    beta: Vector
    loglik: float
    score: Vector
    information: Vector
    infinite: Vector | None
    ending: str = "maximum"


def _quick_climb(sets: RiskSets) -> Peak | None:
    """Climb in machine code, where a process fits so many models that it pays; None where the whole rules decide.

    The first fits of a process do not wait for a compiler or its library; the numbers agree to 1e-9.
    """
    if sets.ties == "exact" or sets.entry.size:
        return None
    from pnstrial.survival.cox.climb_kernels import SCRATCH, cox_climb

    if next(_fits) < REPEATED and not ("numba" in sys.modules and cox_climb.is_ready()):
        return None
    p, n = sets.x.shape
    out = np.empty((SCRATCH + 3 * p, p))
    loglik = cox_climb(
        sets.x, sets.weights, sets.offset, sets.bounds, sets.start, sets.size, sets.load, sets.tied, WIDEST,
        FIRST_PROOF, LONGEST, ARMIJO, ROUNDING, np.empty(n), out,
    )  # fmt: skip
    if math.isnan(loglik):
        return None
    beta, score, information = out[0].copy(), out[1].copy(), out[SCRATCH : SCRATCH + p].copy()
    return Peak(beta, loglik, score, information, None)


def climb(
    sets: RiskSets,
    evaluate: Callable[[RiskSets, Vector], tuple[float, Vector, Vector] | None] = derivatives,
    start: Vector | None = None,
    free: NDArray[np.int64] | None = None,
    null: tuple[float, Vector, Vector] | None = None,
) -> Peak:
    """Climb to the maximum of the likelihood, or prove that it has none.

    Parameters
    ----------
    sets : RiskSets
        With at least one event and no aliased covariate.
    evaluate : callable
        `derivatives` or `penalised`.
    start : numpy.ndarray, shape (p,), optional
    free : numpy.ndarray of int, optional
        The coefficients that may move.
    null : tuple, optional
        What `evaluate` gives at the start, where that is known.

    Raises
    ------
    ValueError
        If the likelihood cannot be evaluated at the start.
    """
    if evaluate is derivatives and start is None and free is None:
        found = _quick_climb(sets)
        if found is not None:
            return found
    first = np.zeros(sets.x.shape[0]) if start is None else start
    infinite: Vector | None = None

    def spread(step: Vector) -> float:
        along = step @ sets.x
        return float(np.maximum.reduce(along) - np.minimum.reduce(along))

    def separated(taken: int, _beta: Vector, _seen: tuple[Any, ...], step: Vector) -> bool:
        nonlocal infinite
        if taken >= FIRST_PROOF and spread(step) > 0.05:
            infinite = separating(sets, step, last=taken == LAST_PROOF)
        return infinite is not None

    at_start = [] if null is None else [null]

    def at(beta: Vector) -> tuple[float, Vector, Vector] | None:
        return at_start.pop() if at_start else evaluate(sets, beta)

    def bent(part: Vector, score: Vector, information: Vector) -> Vector | None:
        moving, beta = np.arange(first.size) if free is None else free, first.copy()
        beta[moving] = part
        return newton_step(part, score, _bend(sets, beta, moving, information))

    plain = evaluate is not penalised
    found = maximise(
        at, first, step=newton_step if plain else bent, free=free, length=spread, longest=LONGEST,
        stop=separated if plain else None, limit=STEPS,
    )  # fmt: skip
    if found.ending == "outside":
        raise ValueError("the likelihood cannot be evaluated at the start: rescale the covariates")
    if infinite is not None:
        # Up along the direction without end, until nothing is left to win: to the supremum.
        found = maximise(
            at, found.point, step=newton_step, length=spread, longest=100.0, limit=STEPS,
            stop=lambda _taken, _beta, seen, step: float(seen[1] @ step) < 1e-13,
        )  # fmt: skip
    return Peak(found.point, found.value, found.gradient, found.information, infinite, found.ending)


def _bend(
    sets: RiskSets, beta: Vector, moving: NDArray[np.int64], information: Vector
) -> NDArray[np.float64]:
    """Curvature of the penalised likelihood in the moving coefficients, by central differences of its score.

    The information alone leaves out the penalty's part; where events are few that part is as large, and steps by the
    information alone swing from side to side for ever.
    """
    bend = np.empty((moving.size, moving.size))
    for k, a in enumerate(moving.tolist()):
        shift = np.zeros(beta.size)
        shift[a] = 1e-4
        above, below = penalised(sets, beta + shift), penalised(sets, beta - shift)
        if above is None or below is None:
            return 2.0 * information
        bend[k] = (below[1] - above[1])[moving] / 2e-4
    bend = 0.5 * (bend + bend.T)
    return bend if float(np.linalg.eigvalsh(bend).min()) > 0.0 else 2.0 * information


def estimable(sets: RiskSets, information: Vector) -> NDArray[np.bool_]:
    """Say which covariates add anything to those before it, at no effect.

    Parameters
    ----------
    sets : RiskSets
    information : numpy.ndarray, shape (p, p)
        At no effect.

    Returns
    -------
    numpy.ndarray of bool, shape (p,)
    """
    p = sets.x.shape[0]
    kept = np.zeros(p, dtype=bool)
    if sets.start.size == 0:
        return kept
    # The covariates are scaled to size 1, so that what a risk set does not tell apart shows against its deaths.
    least = 1e-11 * float(np.add.reduce(sets.mass))
    size = information.diagonal()
    if p and float(np.minimum.reduce(size)) > 1e6 * least:
        root = 1.0 / np.sqrt(size)
        # Diagonally dominant by this much, all pivots are above both bounds.
        if float((np.abs(information) * root[:, None] * root).sum(axis=1).max()) < 2.0 - 1e-5:
            return np.ones(p, dtype=bool)
    left = information.copy()
    for j in range(p):
        pivot = float(left[j, j])
        if pivot <= max(least, ALIASED * float(information[j, j])):
            continue
        kept[j] = True
        if j + 1 < p:
            left -= left[:, j, None] * (left[j] / pivot)
    return kept

"""How well does a Cox model fit: whom does it miss, does its hazard ratio last, whom does it rank rightly?

Input: the risk sets of a fit and its coefficients.
Output: residuals, robust variance, the test of proportional hazards, concordance, baseline and predicted survival.
Protocol section: none.
Method: Therneau and Grambsch, Modeling Survival Data, 2000: residuals in chapter 4, influence and robust variance in
chapter 7, survival in chapter 10; score test of proportional hazards (Grambsch and Therneau, Biometrika 1994;81:515).
Next: `cox`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.results import NotEstimable
from pnstrial.survival.cox.likelihood import at_risk_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.survival.cox.likelihood import Hazard
    from pnstrial.survival.cox.risk_sets import RiskSets

    Vector = NDArray[np.float64]

__all__ = [
    "TRANSFORMS",
    "concordance",
    "cumulated",
    "deviance",
    "martingale",
    "proportional_hazards",
    "schoenfeld",
    "score_residuals",
    "transformed_times",
]

TRANSFORMS = ("km", "identity", "rank", "log")
# Up to this many patients all pairs fit in memory and need no compiled kernel.
DENSE = 1500


def martingale(sets: RiskSets, seen: Hazard) -> Vector:
    """Events observed less expected, per patient in sorted order.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    return sets.event - seen.relative * seen.exposure


def deviance(sets: RiskSets, residuals: Vector) -> Vector:
    """Make martingale residuals symmetric.

    Parameters
    ----------
    sets : RiskSets
    residuals : numpy.ndarray, shape (n,)
        Martingale residuals in sorted order.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    expected = np.maximum(sets.event - residuals, 0.0)
    log_part = np.where(sets.event == 1.0, np.log(np.where(expected > 0.0, expected, 1.0)), 0.0)
    return np.sign(residuals) * np.sqrt(np.maximum(-2.0 * (residuals + log_part), 0.0))


def _mean_at(sets: RiskSets, seen: Hazard) -> Vector:
    """Mean covariates at each event time, averaged over the terms of tied deaths."""
    if not sets.tied:
        return seen.mean
    heads = np.cumsum(sets.size) - sets.size
    return np.add.reduceat(seen.mean, heads, axis=-1) / sets.size


def schoenfeld(sets: RiskSets, seen: Hazard) -> Vector:
    """Covariates of each death less their mean over those at risk, in order of stratum and time.

    Returns
    -------
    numpy.ndarray, shape (deaths, p)
    """
    own = np.repeat(np.arange(sets.size.size), sets.size)
    return (sets.x[:, sets.place] - _mean_at(sets, seen)[:, own]).T


def score_residuals(sets: RiskSets, seen: Hazard) -> Vector:
    """Each patient's part of the score, per unit of weight, in sorted order.

    Returns
    -------
    numpy.ndarray, shape (n, p)
    """
    rate = sets.load / seen.total
    pull = at_risk_time(sets, seen.mean * rate)
    out = -seen.relative * (sets.x * seen.exposure - pull)
    own = np.repeat(np.arange(sets.size.size), sets.size)
    out[:, sets.place] += sets.x[:, sets.place] - _mean_at(sets, seen)[:, own]
    return out.T


def transformed_times(sets: RiskSets, transform: str) -> Vector | NotEstimable:
    """Transform the event times for the test of proportional hazards.

    Parameters
    ----------
    sets : RiskSets
    transform : str
        "km" (1 less the Kaplan-Meier estimate just before), "identity", "rank" or "log".

    Returns
    -------
    numpy.ndarray, shape (J,), or NotEstimable

    Raises
    ------
    ValueError
        If the transform is unknown.
    """
    at = sets.time[sets.start]
    if transform == "identity":
        return at
    if transform == "log":
        return (
            np.log(at) if bool((at > 0.0).all()) else NotEstimable("the log of an event time 0 is infinite")
        )
    if transform == "rank":
        values, counts = np.unique(sets.time, return_counts=True)
        return (np.cumsum(counts) - 0.5 * (counts - 1.0))[np.searchsorted(values, at)]
    if transform == "km":
        times, d = np.unique(sets.time[sets.place], return_counts=True)
        y = sets.time.size - np.searchsorted(np.sort(sets.time), times, side="left")
        if sets.entry.size:
            y = y - (sets.time.size - np.searchsorted(np.sort(sets.entry), times, side="left"))
        before = np.concatenate([[1.0], np.cumprod(1.0 - d / y)])
        return 1.0 - before[np.searchsorted(times, at, side="left")]
    raise ValueError(f"transform must be one of {', '.join(map(repr, TRANSFORMS))}; got {transform!r}")


def proportional_hazards(
    sets: RiskSets, seen: Hazard, transform: str, groups: list[list[int]]
) -> list[tuple[float | NotEstimable, int, float | NotEstimable]]:
    """Score test of coefficients that change with a transform of time, for each group of columns and for all.

    Parameters
    ----------
    sets : RiskSets
    seen : Hazard
        At the maximum.
    transform : str
    groups : list of list of int
        Columns of each term.

    Returns
    -------
    list of tuple
        Chi-square, degrees of freedom and p-value of each group, then of all columns together.
    """
    from scipy.special import chdtrc

    terms = [*groups, sorted(column for group in groups for column in group)]
    g = transformed_times(sets, transform)
    if isinstance(g, NotEstimable):
        return [(g, len(group), g) for group in terms]
    g = g - float((g * sets.size).sum() / sets.size.sum())
    flat = NotEstimable("the transformed time is the same at all events")
    if not float(np.abs(g).max()) > 0.0:
        return [(flat, len(group), flat) for group in terms]
    per_term = g[sets.terms]
    deaths_x = np.add.reduceat(
        sets.x[:, sets.place] * sets.weights[sets.place], np.cumsum(sets.size) - sets.size, axis=-1
    )
    score = deaths_x @ g - seen.mean @ (sets.load * per_term)
    rate = sets.load / seen.total

    def spread(factor: Vector) -> Vector:
        time = seen.risk * at_risk_time(sets, rate * factor)
        return (sets.x * time) @ sets.x.T - (seen.mean * (sets.load * factor)) @ seen.mean.T

    cross, square = spread(per_term), spread(per_term * per_term)
    free = square - cross @ np.linalg.solve(seen.information, cross)
    size = np.sqrt(np.maximum(square.diagonal(), 0.0))
    out: list[tuple[float | NotEstimable, int, float | NotEstimable]] = []
    for group in terms:
        block = free[np.ix_(group, group)]
        unit = size[group]
        apart = (
            len(group) > 0
            and bool((unit > 0.0).all())
            and float(np.linalg.eigvalsh(block / np.outer(unit, unit))[0]) > 1e-10
        )
        if not apart:
            reason = NotEstimable(
                "the events cannot tell a coefficient that changes with time from a constant one"
            )
            out.append((reason, len(group), reason))
            continue
        statistic = float(score[group] @ np.linalg.solve(block, score[group]))
        out.append((statistic, len(group), float(chdtrc(len(group), statistic))))
    return out


def concordance(
    sets: RiskSets, predictor: Vector, cluster: NDArray[np.int64] | None = None
) -> tuple[float, float, NDArray[np.float64]] | NotEstimable:
    """Share of pairs in which the patient with the larger predictor has the event first.

    Parameters
    ----------
    sets : RiskSets
    predictor : numpy.ndarray, shape (n,)
        In sorted order.
    cluster : numpy.ndarray of int, shape (n,), optional
        In sorted order.

    Returns
    -------
    tuple or NotEstimable
        Concordance, its infinitesimal jackknife standard error, and the (weighted) numbers of pairs: concordant,
        discordant, tied in the predictor only, tied in time only, tied in both.
    """
    n = predictor.size
    counts, influence = np.zeros(5), np.zeros((n, 3))
    _, rank = np.unique(predictor, return_inverse=True)
    for a, b in pairwise(sets.bounds.tolist()):
        rows = slice(a, b)
        entry = sets.entry[rows] if sets.entry.size else sets.entry
        part = (sets.time[rows], sets.event[rows], rank[rows].astype(np.int64), sets.weights[rows], entry)
        if b - a <= DENSE:
            _dense_pairs(*part, counts, influence[rows])
        else:
            from pnstrial.survival.cox.cox_kernels import concordant_pairs

            concordant_pairs(
                *part, np.argsort(entry, kind="stable"), int(rank.max()) + 1, counts, influence[rows]
            )
    counts[3] -= counts[4]
    pairs = float(counts[:3].sum())
    if not pairs > 0.0:
        return NotEstimable("no two patients of whom one is known to have the event first")
    somers = float(counts[0] - counts[1]) / pairs
    drift = sets.weights * (influence[:, 0] - influence[:, 1] - influence.sum(axis=1) * somers) / pairs
    if cluster is not None:
        drift = np.bincount(cluster, weights=drift)
    return 0.5 * (somers + 1.0), 0.5 * math.sqrt(float((drift * drift).sum())), counts


def _dense_pairs(
    time: Vector,
    event: Vector,
    rank: NDArray[np.int64],
    weights: Vector,
    entry: Vector,
    counts: Vector,
    influence: Vector,
) -> None:
    """Add the pairs of one stratum, all of them at once."""
    dead = np.flatnonzero(event == 1.0)
    t, r, w = time[dead, None], rank[dead, None], weights[dead]
    later = (time > t) | ((time == t) & (event == 0.0))
    if entry.size:
        later &= entry < t
    kinds = (later & (r > rank), later & (r < rank), later & (r == rank))
    for k, pairs in enumerate(kinds):
        forward = pairs @ weights
        counts[k] += float(w @ forward)
        influence[dead, k] += forward
        influence[:, k] += w @ pairs
    together = np.triu(t == time[dead], 1)
    same = together & (r == rank[dead])
    counts[3] += float(w @ together @ w)
    counts[4] += float(w @ same @ w)


def cumulated(
    sets: RiskSets, seen: Hazard, stratum: int, predictor: float, x: Vector, variance: Vector
) -> tuple[Vector, Vector, Vector]:
    """Cumulative hazard at given covariates, and its standard error, at each distinct time of a stratum.

    Parameters
    ----------
    sets : RiskSets
    seen : Hazard
    stratum : int
    predictor : float
        Linear predictor of the covariates.
    x : numpy.ndarray, shape (p,)
        Covariates in the units of `sets.x`.
    variance : numpy.ndarray, shape (p, p)
        Variance of the coefficients of `sets.x`.

    Returns
    -------
    times, hazard, std_error : numpy.ndarray, shape (k,)
    """
    own = sets.stratum[sets.start] == stratum
    inside = own[sets.terms]
    place = (np.cumsum(own) - 1)[sets.terms[inside]]
    k = int(own.sum())
    rate = sets.load[inside] / seen.total[inside]
    scale = math.exp(predictor - seen.shift)
    rise = np.bincount(place, weights=rate, minlength=k)
    noise = np.bincount(place, weights=rate / seen.total[inside], minlength=k)
    drift = [
        np.bincount(place, weights=rate * (seen.mean[a, inside] - x[a]), minlength=k) for a in range(x.size)
    ]
    hazard = np.cumsum(rise) * scale
    pulled = np.cumsum(np.array(drift).reshape(x.size, k), axis=1)
    square = np.cumsum(noise) + np.einsum("ak,ab,bk->k", pulled, variance, pulled)
    error = np.sqrt(np.maximum(square, 0.0)) * scale
    times = np.unique(sets.time[sets.stratum == stratum])
    at = np.searchsorted(sets.time[sets.start[own]], times, side="right")
    return times, np.concatenate([[0.0], hazard])[at], np.concatenate([[0.0], error])[at]

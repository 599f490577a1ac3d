"""What is the hazard ratio where the likelihood has no maximum, or where events are few?

Input: the risk sets of a fit.
Output: estimates, profile likelihood limits and likelihood ratio tests of the penalised likelihood.
Protocol section: none.
Method: Firth (Biometrika 1993;80:27) for Cox regression: Heinze and Schemper (Biometrics 2001;57:114), who add half the
log determinant of the information to the log likelihood (their eq. 2); limits by profile (their section 3).
Next: `cox`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.results import NotEstimable
from pnstrial.survival.cox.likelihood import Peak, climb, penalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.survival.cox.risk_sets import RiskSets

    Vector = NDArray[np.float64]

__all__ = ["Firth", "firth"]


@dataclass(frozen=True, eq=False)
class Firth:
    """A penalised fit, in the units of `RiskSets.x`.

    Parameters
    ----------
    maximum : Peak
    null : float
        Penalised log likelihood at no effect.
    null_score, null_information : numpy.ndarray
    lower, upper : list of float or NotEstimable
        Profile limits of each coefficient.
    statistics : list of float
        Likelihood ratio statistic of each coefficient being 0.
    """

    maximum: Peak
    null: float
    null_score: Vector
    null_information: Vector
    lower: list[float | NotEstimable]
    upper: list[float | NotEstimable]
    statistics: list[float]


def firth(sets: RiskSets, z: float) -> Firth | NotEstimable:
    """Maximise the penalised likelihood and profile each coefficient.

    Parameters
    ----------
    sets : RiskSets
    z : float
        Normal quantile of the level of the limits.

    Returns
    -------
    Firth or NotEstimable
    """
    p = sets.x.shape[0]
    null = penalised(sets, np.zeros(p))
    if null is None:
        return NotEstimable("the information of the covariates together is singular: leave one of them out")
    top = climb(sets, penalised)
    lower: list[float | NotEstimable] = []
    upper: list[float | NotEstimable] = []
    statistics: list[float] = []
    error = np.sqrt(np.linalg.inv(top.information).diagonal())
    for j in range(p):
        lower.append(_limit(sets, top, j, -z * float(error[j]), z * z))
        upper.append(_limit(sets, top, j, z * float(error[j]), z * z))
        statistics.append(max(0.0, 2.0 * (top.loglik - _profile(sets, top.beta, j, 0.0)[0])))
    return Firth(top, null[0], null[1], null[2], lower, upper, statistics)


def _profile(sets: RiskSets, beta: Vector, j: int, value: float) -> tuple[float, Vector]:
    """Largest penalised log likelihood with coefficient j held at a value, and where."""
    start = beta.copy()
    start[j] = value
    if beta.size == 1:
        seen = penalised(sets, start)
        return (-np.inf if seen is None else seen[0]), start
    if penalised(sets, start) is None:
        return -np.inf, start
    best = climb(sets, penalised, start, np.delete(np.arange(beta.size), j))
    return best.loglik, best.beta


def _limit(sets: RiskSets, top: Peak, j: int, step: float, critical: float) -> float | NotEstimable:
    """Where twice the profile has fallen by the critical value, on the side of `step`."""
    from scipy.optimize import brentq

    beta = top.beta

    def short(value: float) -> float:
        nonlocal beta
        loglik, found = _profile(sets, beta, j, value)
        if np.isfinite(loglik):
            beta = found
        return critical - 2.0 * (top.loglik - loglik) if np.isfinite(loglik) else -1e6

    inside, outside = float(top.beta[j]), float(top.beta[j]) + step
    for _ in range(30):
        if short(outside) < 0.0:
            return float(brentq(short, inside, outside, xtol=1e-13, rtol=1e-14, maxiter=200))
        inside, outside = outside, outside + step
        step *= 1.5
    return NotEstimable("the penalised likelihood does not fall far enough on this side")

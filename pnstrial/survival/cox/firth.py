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
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.numerics.roots import cross
from pnstrial.results import NotEstimable
from pnstrial.survival.cox.likelihood import Peak, climb, penalised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.survival.cox.risk_sets import RiskSets

    Vector = NDArray[np.float64]

__all__ = ["Firth", "firth"]

RESTARTS: Final = 4
# A point of a profile this much above the maximum shows that the search had missed it.
HIGHER: Final = 1e-7


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
    """
    p = sets.x.shape[0]
    null = penalised(sets, np.zeros(p))
    if null is None:
        return NotEstimable("the information of the covariates together is singular: leave one of them out")
    top = climb(sets, penalised)
    for _ in range(RESTARTS):
        if top.ending not in ("maximum", "stuck"):
            return NotEstimable(
                f"the search for the largest penalised likelihood did not arrive ({top.ending})"
            )
        profiles = [_Profile(sets, top, j) for j in range(p)]
        error = np.sqrt(np.linalg.inv(top.information).diagonal())
        limits = [
            [profile.limit(side * z * float(one), z) for profile, one in zip(profiles, error, strict=True)]
            for side in (-1.0, 1.0)
        ]
        statistics = [2.0 * profile.fall(0.0) for profile in profiles]
        better = max(profiles, key=lambda profile: profile.highest)
        if better.highest <= top.loglik + HIGHER:
            return Firth(top, null[0], null[1], null[2], limits[0], limits[1], statistics)
        # A profile found a higher point than the search did: climb on from there.
        top = climb(sets, penalised, better.best)
    return NotEstimable("the penalised likelihood has several maxima and no highest was found")


class _Profile:
    """The largest penalised log likelihood with one coefficient held at a value."""

    def __init__(self, sets: RiskSets, top: Peak, j: int) -> None:
        self.sets, self.top, self.j = sets, top, j
        self.others = np.delete(np.arange(top.beta.size), j)
        self.best, self.highest = top.beta, top.loglik
        self.near = top.beta

    def at(self, value: float) -> float:
        """Value of the profile; minus infinity where no float holds it.

        The search begins where the last one ended; one that does not arrive begins again at the estimate, then at no
        effect, and the highest point counts.
        """
        found, highest = self.near, -np.inf
        for begin in (self.near, self.top.beta, np.zeros_like(self.top.beta)):
            start = begin.copy()
            start[self.j] = value
            if penalised(self.sets, start) is None:
                continue
            peak = climb(self.sets, penalised, start, self.others)
            if peak.loglik > highest:
                found, highest = peak.beta, peak.loglik
            if peak.ending == "maximum":
                break
        if highest > -np.inf:
            self.near = found
        if highest > self.highest:
            self.best, self.highest = found, highest
        return highest

    def fall(self, value: float) -> float:
        """How far the profile has fallen from the maximum."""
        return max(0.0, self.top.loglik - self.at(value))

    def limit(self, step: float, z: float) -> float | NotEstimable:
        """Where the signed root of twice the fall reaches z, on the side of `step`."""
        estimate, side, far = float(self.top.beta[self.j]), np.sign(step), abs(step)
        self.near = self.top.beta

        @cache
        def root(distance: float) -> float:
            # Nearly a straight line in the distance; where no float holds the profile it is past every level.
            return float(np.sqrt(2.0 * self.fall(estimate + side * distance)))

        inside = 0.0
        for _ in range(30):
            reached = root(far)
            if not np.isfinite(reached):
                break
            if reached >= z:
                return estimate + side * cross(root, z, inside, far, 1e-10 * far)
            inside, far = far, far + abs(step) * min(max((z - reached) / max(reached, 0.1), 0.2), 10.0)
        return NotEstimable("infinite: the penalised likelihood never falls far enough on this side")

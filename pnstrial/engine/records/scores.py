"""Which scores of the scales does a simulated patient have?

Input: true grades of the course, and whether the further parts of the endpoint hold.
Output: scores of the other scales at screening and at each rating; the grades of the course as scores.
Protocol section: scales, criteria, endpoint.
Method: each score is drawn from its distribution given the true grade (`scales`), on the condition that the patient
passes, or fails, the criteria on it, and that the parts of the endpoint hold as the trial counted them.
Next: `trial_tables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.engine.scales import (
    allowed_scores,
    criteria_on_scales,
    decided_on_scale,
    derived_scales,
    parts_on_scales,
    scale_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.scales import DerivedScale
    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Criterion, Protocol
    from pnstrial.vocabulary import Scale

__all__ = ["Scores"]

_AT_ONCE: Final = 4096
_MOST: Final = 250


class Scores:
    """Draw the scores of the scales that follow from the grade of the course.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    draws : numpy.random.Generator
    """

    def __init__(self, protocol: Protocol, scenario: Scenario, draws: np.random.Generator) -> None:
        self.protocol, self.scenario, self.draws = protocol, scenario, draws
        self.own = protocol.scale()
        self.grades = scenario.grades
        self.derived = derived_scales(protocol, scenario)
        self.criteria = criteria_on_scales(protocol) if scenario.enrolment.select_on_rating else ()
        self.parts = parts_on_scales(protocol, scenario)
        self.decides = decided_on_scale(protocol, scenario)
        # one draw for each scale of the scenario, whether the protocol has it or not
        self.places = {derived.name: place for place, derived in enumerate(scenario.scales)}

    def of(self, grade: Any) -> Any:
        """Give the score of a grade of the course; that of death is its grade, None where it has none."""
        if grade >= self.grades:
            return None if np.isnan(self.own.dead_score) else _plain(self.own.dead_score)
        return _plain(self.own.scores[int(grade)])

    def drawn(self, grade: int) -> dict[str, float]:
        """Draw a score of every other scale at a true grade."""
        if not self.places:
            return {}
        normal = self.draws.normal(0, 1, len(self.places))
        return {
            derived.name: self._score(derived, scale, grade, float(normal[self.places[derived.name]]))
            for derived, scale in self.derived
        }

    def _score(self, derived: DerivedScale, scale: Scale, grade: int, normal: float) -> float:
        """Turn a standard normal number into a score."""
        scores = derived.scores(scale, self.grades)
        if derived.table is None:
            value = float(derived.means(self.grades)[grade]) + (derived.sd or 0.0) * normal
            return _plain(scores[int(np.abs(scores - value).argmin())])
        from scipy.special import ndtr

        below = np.cumsum(derived.shares(scale, self.grades)[grade])
        return _plain(scores[min(int(np.searchsorted(below, ndtr(normal))), scores.size - 1)])

    def at_screening(self, grade: int, failed: Criterion | None = None) -> dict[str, float]:
        """Draw the scores at screening that criteria ask for, of who passes them or fails one of them."""
        found: dict[str, float] = {}
        for derived, scale in self.derived:
            if derived.name not in {scale_of(c) for c in self.criteria}:
                continue
            scores, shares = derived.scores(scale, self.grades), derived.shares(scale, self.grades)[grade]
            allowed = np.ones(scores.size, bool)
            for criterion in self.criteria:
                mine = scale_of(criterion) == derived.name
                if failed is not None and criterion.id == failed.id:
                    allowed &= ~allowed_scores(criterion, scores) if mine else True
                    break
                allowed &= allowed_scores(criterion, scores) if mine else True
            chance = np.where(allowed, shares, 0.0)
            chance = chance if chance.sum() > 0 else allowed.astype(float)
            found[derived.name] = _plain(scores[int(self.draws.choice(scores.size, p=chance / chance.sum()))])
        return found

    def joined(
        self, grade: int, screened: dict[str, float], visits: Sequence[tuple[int, int]]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Draw the scores of the further parts of the endpoint, so that they hold at the visits where they are to.

        Parameters
        ----------
        grade : int
            True grade at screening.
        screened : dict of str to float
            Scores of other scales at screening.
        visits : sequence of (int, int)
            True grade at the rating, and 1 where the parts hold.

        Returns
        -------
        dict of str to float
            Scores at screening, of these scales too.
        list of dict of str to float
            Scores at the visits.
        """
        if not self.parts:
            return screened, []
        true = np.array([g for g, _ in visits], int)
        wanted = np.array([bool(holds) for _, holds in visits])
        every = self.protocol.endpoint.joined_by == "all"
        for _ in range(_MOST):
            start = [self._index(part.start[[grade]], _AT_ONCE)[0] for part in self.parts]
            later = [self._index(part.later[true], _AT_ONCE) for part in self.parts]
            each = [part.holds[s[None, :], t] for part, s, t in zip(self.parts, start, later, strict=True)]
            together = np.logical_and.reduce(each) if every else np.logical_or.reduce(each)
            fits = np.flatnonzero((together == wanted[:, None]).all(axis=0))
            if fits.size:
                k = int(fits[0])
                before = {p.name: _plain(p.scores[s[k]]) for p, s in zip(self.parts, start, strict=True)}
                after = [
                    {p.name: _plain(p.scores[t[v, k]]) for p, t in zip(self.parts, later, strict=True)}
                    for v in range(len(visits))
                ]
                return {**screened, **before}, after
        raise RuntimeError(
            f"no scores were found with which the parts of the endpoint hold at {list(visits)}"
        )

    def decided(self, grade: int, true: int, category: int) -> tuple[dict[str, float], dict[str, float]]:
        """Draw the scores at screening and at the decision of the scale that is decided on, with the category it had.

        Parameters
        ----------
        grade, true : int
            True grade at screening and at the decision.
        category : int
            Code of the category; -1 where nothing was decided.

        Returns
        -------
        tuple of dict of str to float
            Empty where the decision is on the endpoint's scale, or was not taken.
        """
        part = self.decides
        if part is None or category < 0:
            return {}, {}
        chance = np.outer(part.start[grade], part.later[true]) * (part.categories == category)
        drawn = int(self.draws.choice(chance.size, p=chance.ravel() / chance.sum()))
        before, after = np.unravel_index(drawn, chance.shape)
        return {part.name: _plain(part.scores[before])}, {part.name: _plain(part.scores[after])}

    def _index(self, shares: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """Draw positions from some distributions, shape (distributions, count)."""
        below = np.cumsum(shares, axis=1)
        drawn = self.draws.random((len(shares), count))
        found = [
            np.minimum(np.searchsorted(row, u), row.size - 1) for row, u in zip(below, drawn, strict=True)
        ]
        return np.array(found, np.int64).reshape(len(shares), count)


def _plain(score: Any) -> Any:
    """Give a whole number as such."""
    value = round(float(score), 6)
    return int(value) if value == int(value) else value

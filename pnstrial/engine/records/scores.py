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

from pnstrial.engine.scales.derived import (
    allowed_scores,
    criteria_on_scales,
    derived_scales,
    scale_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.scales.derived import DerivedScale
    from pnstrial.engine.scales.parts import Asked
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
    asked : Asked
        Of the model.
    draws : numpy.random.Generator
    """

    def __init__(
        self, protocol: Protocol, scenario: Scenario, asked: Asked, draws: np.random.Generator
    ) -> None:
        self.protocol, self.scenario, self.draws = protocol, scenario, draws
        self.own = protocol.scale()
        self.grades = scenario.grades
        self.derived = derived_scales(protocol, scenario)
        self.criteria = criteria_on_scales(protocol) if scenario.enrolment.select_on_rating else ()
        self.asked = asked
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
        self, grade: int, start: int, screened: dict[str, float], visits: Sequence[tuple[int, int, int, int]]
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        """Draw the scores that the endpoint and the decision ask for, so that they say what the trial counted.

        Parameters
        ----------
        grade : int
            True grade at screening.
        start : int
            Which of the starts of that grade (`scales.parts.Asked`).
        screened : dict of str to float
            Scores of other scales at screening.
        visits : sequence of (int, int, int, int)
            Position of each visit with a rating, true grade then, code of the parts, category that was decided on (-1:
            nothing was).

        Returns
        -------
        dict of str to float
            Scores at screening, of these scales too.
        list of dict of str to float
            Scores at the visits.
        """
        asked = self.asked
        if not asked.scales:
            return screened, []
        true = np.array([g for _, g, _, _ in visits], int)
        fixed = dict(zip(asked.tracked, asked.start_scores[start], strict=True)) if asked.tracked else {}
        for _ in range(_MOST):
            begin = [
                np.full(_AT_ONCE, fixed[scale.name])
                if scale.tracked
                else self._index(scale.start[[grade]], _AT_ONCE)[0]
                for scale in asked.scales
            ]
            later = [self._index(scale.later[true], _AT_ONCE) for scale in asked.scales]
            fits = np.ones(_AT_ONCE, bool)
            for position, (v, _, code, category) in enumerate(visits):
                fits &= self._says(
                    v, [(b, row[position]) for b, row in zip(begin, later, strict=True)], code, category
                )
            if fits.any():
                k = int(np.flatnonzero(fits)[0])
                named = list(zip(asked.scales, begin, later, strict=True))
                before = {scale.name: _plain(scale.scores[b[k]]) for scale, b, _ in named}
                after = [
                    {scale.name: _plain(scale.scores[row[position, k]]) for scale, _, row in named}
                    for position in range(len(visits))
                ]
                return {**screened, **before}, after
        raise RuntimeError(
            f"no scores were found with which the parts of the endpoint hold at {list(visits)}"
        )

    def _says(
        self, v: int, scores: list[tuple[NDArray[np.int64], NDArray[np.int64]]], code: int, category: int
    ) -> NDArray[np.bool_]:
        """Say with which scores at screening and at a visit the parts have a code, and the decision its category."""
        asked = self.asked
        join = np.logical_and.reduce if asked.every else np.logical_or.reduce
        both = list(zip(asked.scales, scores, strict=True))
        fits = np.ones(_AT_ONCE, bool)
        if self.protocol.endpoint.joined:
            every = [scale.holds[pair] for scale, pair in both if scale.holds_at]
            here = [scale.holds_at[v][pair] for scale, pair in both if v in scale.holds_at]
            neutral = [np.full(_AT_ONCE, asked.every)]
            fits &= join([*neutral, *every]) == bool(code & 1)
            if asked.apart:
                fits &= join([*neutral, *here]) == bool(code >> 1)
        for scale, pair in both:
            if category >= 0 and scale.decided is not None:
                fits &= scale.decided[pair] == category
        return fits

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

"""Which scores of the other scales does a patient have, whose grade on the endpoint's scale is known?

Input: the `scales` of a scenario, the scales of the protocol.
Output: for each grade of the course a distribution over the scores of the other scale; what that says about criteria.
Protocol section: scales, criteria.
Method: given the true grade of the course a score is drawn anew at each rating, from a stated table or from a normal
variable around a line over the grades, rounded to the scale's scores; so rules that join scales stay exact sums.
Next: `parts`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from pnstrial.multistate.rating import normal_cells
from pnstrial.settings import Part
from pnstrial.vocabulary import MRS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import RangeCriterion, Scale, ScaleCriterion

__all__ = [
    "DerivedScale",
    "allowed_scores",
    "criteria_on_scales",
    "derived_scales",
    "limits_in_words",
    "scale_of",
    "screened_shares",
]

_REACH: Final = 6
"""Standard deviations around the means that hold the scores of a scale without bounds."""
Share = Annotated[float, Field(ge=0, le=1)]


def _rows_add_to_one(table: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    if wrong := [g for g, row in enumerate(table) if abs(math.fsum(row) - 1) > 1e-9]:
        sums = ", ".join(f"row {g} adds to {math.fsum(table[g]):.6g}" for g in wrong)
        raise ValueError(f"{sums}; the shares of each row must add to 1")
    return table


class DerivedScale(Part):
    """Another scale than the endpoint's: its scores follow from the grade of the course, drawn anew at each rating.

    Either `table`, one row per grade of the course with the shares of the scale's grades, both from the best on; or
    the mean score at the `best` and at the `worst` grade of the course, on a line between them, with `sd` around it.
    With `step` scores go by so much, where the scale itself goes by less.

    Examples
    --------
    >>> import pnstrial as pns
    >>> barthel = DerivedScale(name="Barthel", best=100, worst=20, sd=6)
    >>> barthel.means(6).tolist()
    [100.0, 84.0, 68.0, 52.0, 36.0, 20.0]
    """

    name: str = Field(min_length=1)
    best: float | None = None
    worst: float | None = None
    sd: float | None = Field(default=None, gt=0)
    step: float | None = Field(default=None, gt=0)
    table: Annotated[tuple[tuple[Share, ...], ...], AfterValidator(_rows_add_to_one)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        line = [value is not None for value in (self.best, self.worst, self.sd)]
        if any(line) != all(line) or (self.table is not None) == all(line):
            raise ValueError("a scale that follows from the course needs table, or best, worst and sd")
        return self

    def means(self, grades: int) -> NDArray[np.float64]:
        """Give the mean score at each grade of the course, of a scale that is given as a line."""
        return np.linspace(self.best or 0.0, self.worst or 0.0, grades)

    def problems(self, scale: Scale, grades: int) -> list[str]:
        """Say why the scale cannot be used with a course of so many grades."""
        if self.table is None:
            return []
        if not scale.bounded:
            return [
                f"scales.{self.name}: the scale has no bounds, so it has no table; give best, worst and sd"
            ]
        size = len(self.scores(scale, grades))
        if len(self.table) != grades or any(len(row) != size for row in self.table):
            return [
                f"scales.{self.name}: table must have {grades} rows of {size} shares, from the best grades on"
            ]
        return []

    def scores(self, scale: Scale, grades: int) -> NDArray[np.float64]:
        """Give the scores that can be drawn, from the best on."""
        if scale.bounded:
            scores = np.array(scale.scores)
            apart = np.abs(scores - scores[0]) / (self.step or scale.unit)
            return scores[np.abs(apart - np.round(apart)) < 1e-9]
        step = self.step or scale.step
        reach = _REACH * (self.sd or 0.0)
        low, high = self.means(grades).min() - reach, self.means(grades).max() + reach
        steps = step * np.arange(math.floor(low / step), math.ceil(high / step) + 1)
        return steps if scale.better == "lower" else steps[::-1]

    def shares(self, scale: Scale, grades: int) -> NDArray[np.float64]:
        """Give the distribution of the scores for each grade of the course.

        Parameters
        ----------
        scale : Scale
        grades : int
            Of the course.

        Returns
        -------
        ndarray, shape (grades, scores)
            Rows sum to 1; scores from the best on.
        """
        if self.table is not None:
            return np.array(self.table)
        scores, means = self.scores(scale, grades), self.means(grades)
        rising = scores[-1] > scores[0]
        cells = normal_cells(means, scores if rising else scores[::-1], self.sd or 1.0)
        return cells if rising else cells[:, ::-1]


def derived_scales(protocol: Protocol, scenario: Scenario) -> tuple[tuple[DerivedScale, Scale], ...]:
    """Give the scales of a scenario that the protocol has, other than that of the course."""
    names = [scale.name for scale in protocol.scales]
    return tuple(
        (derived, protocol.scale(derived.name))
        for derived in scenario.scales
        if derived.name in names and derived.name != protocol.endpoint.scale
    )


def screened_shares(
    protocol: Protocol, scenario: Scenario, derived: DerivedScale, scale: Scale
) -> NDArray[np.float64]:
    """Give the distribution of the scores at screening of those whom the criteria let in, by true grade.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    derived : DerivedScale
    scale : Scale

    Returns
    -------
    ndarray, shape (grades, scores)
    """
    scores, shares = derived.scores(scale, scenario.grades), derived.shares(scale, scenario.grades)
    if scenario.enrolment.select_on_rating:
        for criterion in criteria_on_scales(protocol):
            if scale_of(criterion) == derived.name:
                shares = shares * allowed_scores(criterion, scores)
    added = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, added, out=np.zeros_like(shares), where=added > 0)


def scale_of(criterion: RangeCriterion | ScaleCriterion) -> str:
    """Name the scale whose score at screening decides a criterion of `criteria_on_scales`."""
    return criterion.scale if criterion.kind == "scale" else MRS


def criteria_on_scales(protocol: Protocol) -> tuple[RangeCriterion | ScaleCriterion, ...]:
    """Give the criteria that a score at screening decides."""
    return tuple(
        c for c in protocol.criteria if c.kind == "scale" or (c.kind == "range" and c.column == "mrs")
    )


def allowed_scores(
    criterion: RangeCriterion | ScaleCriterion, scores: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which scores a criterion lets in."""
    low = -math.inf if criterion.minimum is None else criterion.minimum
    high = math.inf if criterion.maximum is None else criterion.maximum
    return (scores >= low) & (scores <= high)


def limits_in_words(criterion: RangeCriterion | ScaleCriterion) -> str:
    """Write the limits of a criterion, such as "2 to 3" or "at least 1"."""
    low, high = criterion.minimum, criterion.maximum
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"

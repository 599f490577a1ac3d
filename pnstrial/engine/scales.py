"""Which scores of the other scales does a patient have, whose grade on the endpoint's scale is known?

Input: the `scales` of a scenario, the scales of the protocol.
Output: for each grade of the course a distribution over the scores of the other scale; what that says about criteria.
Protocol section: scales, criteria.
Method: given the true grade of the course a score is drawn anew at each rating, from a stated table or from a normal
variable around a line over the grades, rounded to the scale's scores; so rules that join scales stay exact sums.
Next: `strata`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from pnstrial import rules
from pnstrial.multistate.rating import normal_cells
from pnstrial.objectives import joined_answers
from pnstrial.settings import Part
from pnstrial.vocabulary import MRS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Outcome, Protocol
    from pnstrial.vocabulary import RangeCriterion, Scale, ScaleCriterion

__all__ = [
    "DecidedOn",
    "DerivedScale",
    "allowed_scores",
    "criteria_on_scales",
    "decided_on",
    "decided_on_scale",
    "decides_by",
    "derived_scales",
    "first_part_holds",
    "further_parts_hold",
    "limits_in_words",
    "parts_on_scales",
    "scale_of",
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


def first_part_holds(protocol: Protocol, categories: NDArray[np.int64]) -> NDArray[np.int64]:
    """Say whether what is asked of the endpoint's own scale holds: the parts on it, with their bounds.

    Parameters
    ----------
    protocol : Protocol
    categories : ndarray, shape (grades, grades + 2)
        Of `Model`.

    Returns
    -------
    ndarray of int64
        Of the same shape: 1 where it holds.
    """
    scale, end = protocol.scale(), protocol.endpoint
    later, died = (
        np.array([np.nan, *scale.scores, np.nan]),
        np.arange(len(scale.scores) + 2) > len(scale.scores),
    )
    found: list[NDArray[np.int8]] = []
    for part in end.parts():
        if part.scale == scale.name:
            own = categories if part is end.parts()[0] else _categories_of(part, scale)
            found.append(part.holds(own, later, died))
    return (joined_answers(found, end.joined_by) == 1).astype(np.int64)


def _categories_of(part: Outcome, scale: Scale) -> NDArray[np.int64]:
    """Tabulate the category of change of a part by grade at baseline and later grade + 1 (0: missing), death last."""
    settings = (scale.points(part.improvement_points), scale.dead, part.improvement_percent or 0, scale.zero)
    points, dead, percent, zero = settings
    rule = rules.change_category_on(dead, points, percent, zero)
    later = np.array([rules.MISSING, *scale.units, dead])
    return rule(np.array(scale.units)[:, None], later[None, :], *settings).astype(np.int64)


def further_parts_hold(protocol: Protocol, scenario: Scenario) -> NDArray[np.float64]:
    """Give the chance that the parts of the endpoint on other scales hold together, as it joins them.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    ndarray, shape (grades, grades)
        By true grade at screening and at the rating; a part without which nothing is asked holds always ("all") or
        never ("any").
    """
    every, k = protocol.endpoint.joined_by == "all", scenario.grades
    chance = np.ones((k, k))
    for part in parts_on_scales(protocol, scenario):
        chance *= part.start @ (part.holds if every else ~part.holds) @ part.later.T
    return chance if every else 1 - chance


@dataclass(frozen=True)
class PartsOnScale:
    """The further parts of the endpoint that are on one other scale.

    Parameters
    ----------
    name : str
    scores : ndarray
        From the best on.
    start, later : ndarray, shape (grades, scores)
        Distribution at screening, of those whom the criteria let in, and at a rating, by true grade.
    holds : ndarray of bool, shape (scores, scores)
        By score at screening and later, whether they hold as the endpoint joins them.
    """

    name: str
    scores: NDArray[np.float64]
    start: NDArray[np.float64]
    later: NDArray[np.float64]
    holds: NDArray[np.bool_]


def parts_on_scales(protocol: Protocol, scenario: Scenario) -> tuple[PartsOnScale, ...]:
    """Give the further parts of the endpoint by the other scale that they are on.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    tuple of PartsOnScale
    """
    found: list[PartsOnScale] = []
    for derived, scale in derived_scales(protocol, scenario):
        scores, shares = derived.scores(scale, scenario.grades), derived.shares(scale, scenario.grades)
        tables = [
            part.holds(_categories_between(part, scale, scores), scores)
            for part in protocol.endpoint.also
            if part.scale == derived.name
        ]
        if tables:
            start = _screened_shares(protocol, scenario, derived, scale)
            holds = joined_answers(tables, protocol.endpoint.joined_by) == 1
            found.append(PartsOnScale(derived.name, scores, start, shares, holds))
    return tuple(found)


def _deciding_part(protocol: Protocol) -> Outcome | None:
    """Give what the decision asks where that is not the endpoint's improvement; None where it is, or there is none."""
    decision, first = protocol.decision, protocol.endpoint.parts()[0]
    if decision is None:
        return None
    points, scale = decision.improvement_points, decision.scale or first.scale
    if scale != first.scale:
        return first.model_copy(
            update={"scale": scale, "improvement_points": points or 1, "improvement_percent": None}
        )
    if points in {None, first.improvement_points}:
        return None
    return first.model_copy(update={"improvement_points": points})


def decides_by(protocol: Protocol) -> int:
    """Say what the decision is on: 0 the endpoint's improvement, 1 another one of its scale, 2 another scale."""
    part = _deciding_part(protocol)
    return 0 if part is None else 1 if part.scale == protocol.endpoint.scale else 2


def decided_on(
    protocol: Protocol, scenario: Scenario, categories: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Give the category that is decided on, by the ratings or by the true grades.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    categories : ndarray, shape (grades, grades + 2)
        Of `Model`; given back where the decision asks the endpoint's improvement.

    Returns
    -------
    ndarray of int64
        By rated grade at baseline and later grade + 1, where it is on the endpoint's scale.
    ndarray or None
        `DecidedOn.shares`, where it is on another one.
    """
    part, elsewhere = _deciding_part(protocol), decided_on_scale(protocol, scenario)
    if part is None or elsewhere is not None:
        return categories, None if elsewhere is None else elsewhere.shares
    return _categories_of(part, protocol.scale()), None


@dataclass(frozen=True)
class DecidedOn:
    """Another scale than the endpoint's that the decision is on.

    Parameters
    ----------
    name : str
    scores : ndarray
        From the best on.
    start, later : ndarray, shape (grades, scores)
        As in `PartsOnScale`.
    categories : ndarray of int64, shape (scores, scores)
        Of change, by score at screening and later.
    """

    name: str
    scores: NDArray[np.float64]
    start: NDArray[np.float64]
    later: NDArray[np.float64]
    categories: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Chance of each category by true grade at screening and at the rating, shape (grades, grades, 3)."""
        made = [self.start @ (self.categories == code).astype(float) @ self.later.T for code in range(3)]
        return np.stack(made, axis=-1)


def decided_on_scale(protocol: Protocol, scenario: Scenario) -> DecidedOn | None:
    """Give the scale that the decision is on, where it is another one than the endpoint's.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    DecidedOn or None
    """
    part = _deciding_part(protocol)
    for derived, scale in derived_scales(protocol, scenario):
        if part is not None and derived.name == part.scale:
            scores = derived.scores(scale, scenario.grades)
            return DecidedOn(
                derived.name, scores, _screened_shares(protocol, scenario, derived, scale),
                derived.shares(scale, scenario.grades), _categories_between(part, scale, scores),
            )  # fmt: skip
    return None


def _screened_shares(
    protocol: Protocol, scenario: Scenario, derived: DerivedScale, scale: Scale
) -> NDArray[np.float64]:
    """Give the distribution of the scores at screening of those whom the criteria let in, by true grade."""
    scores, shares = derived.scores(scale, scenario.grades), derived.shares(scale, scenario.grades)
    if scenario.enrolment.select_on_rating:
        for criterion in criteria_on_scales(protocol):
            if scale_of(criterion) == derived.name:
                shares = shares * allowed_scores(criterion, scores)
    added = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, added, out=np.zeros_like(shares), where=added > 0)


def _categories_between(part: Outcome, scale: Scale, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tabulate the category of change of a part between two scores, by the rule."""
    if scale.bounded:
        own = np.searchsorted(-np.array(scale.scores), -scores) if scale.better == "higher" else np.searchsorted(
            scale.scores, scores
        )  # fmt: skip
        return _categories_of(part, scale)[np.ix_(own, own + 1)]
    # without bounds in steps from the best score that can be drawn
    unit, step = np.arange(scores.size), abs(float(scores[1] - scores[0]))
    dead = int(scores.size)
    points = math.ceil(part.improvement_points / step - 1e-9)
    settings = (points, dead, part.improvement_percent or 0, round(abs(scores[0]) / step))
    rule = rules.change_category.scalar
    return np.array([[rule(int(a), int(b), *settings) for b in unit] for a in unit], np.int64)


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

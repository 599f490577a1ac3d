"""With which chance do the parts of the endpoint hold, and is which decision taken, where other scales are asked?

Input: the parts of the endpoint and the decision, the distributions of the other scales by grade of the course.
Output: `Asked`: tables by what a patient starts from and by the true grade at a rating.
Protocol section: endpoint, decision, scales.
Method: scores are drawn anew at each rating, given the true grade; the score at screening is one and the same for all
that is asked of a scale. Where a scale is asked for more than once, at several visits or by the decision too, the start
of a patient is the grade with that score; where once, the score is averaged out.
Next: `strata`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from pnstrial import rules
from pnstrial.engine.scales.derived import derived_scales, screened_shares
from pnstrial.objectives import joined_answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Outcome, Protocol
    from pnstrial.vocabulary import Scale

__all__ = ["Asked", "OtherScale", "asked_of", "decided_on_own_scale", "decides_by"]


@dataclass(frozen=True)
class OtherScale:
    """Another scale than the endpoint's that parts of it, or the decision, are on.

    Parameters
    ----------
    name : str
    scores : ndarray
        From the best on.
    start, later : ndarray, shape (grades, scores)
        Distribution at screening, of those whom the criteria let in, and at a rating, by true grade.
    tracked : bool
        Whether its score at screening is part of a patient's start.
    holds : ndarray of bool, shape (scores, scores)
        By score at screening and later, whether its parts hold as the endpoint joins them.
    holds_at : dict of int to ndarray of bool
        The same of the parts at one visit, by position of the visit.
    decided : ndarray of int64, shape (scores, scores), or None
        Category of change that is decided on.
    """

    name: str
    scores: NDArray[np.float64]
    start: NDArray[np.float64]
    later: NDArray[np.float64]
    tracked: bool
    holds: NDArray[np.bool_]
    holds_at: dict[int, NDArray[np.bool_]]
    decided: NDArray[np.int64] | None


@dataclass(frozen=True)
class Asked:
    """What the parts of the endpoint and the decision ask of a patient.

    A start is a true grade at screening, with the score there of each scale that is asked for more than once: start
    ``g * m + j`` is grade g with the j-th of m combinations of scores.

    Parameters
    ----------
    every : bool
        Whether the parts are joined by "all".
    scales : tuple of OtherScale
    starts : ndarray, shape (grades, m)
        Chance of each combination of scores, by grade.
    start_scores : tuple of tuple of int
        For each combination the position of the score of each tracked scale.
    apart : bool
        Whether the parts are at several visits.
    visits : tuple of int
        Positions of the visits with parts, rising.
    also : ndarray, shape (starts, grades)
        Chance that all parts on other scales hold, were they asked at one rating, by true grade there.
    codes : ndarray, shape (visits of the protocol, starts, grades, 4), or None
        Where they are apart, the chance of 1 (all parts on other scales hold, were they asked at this rating) + 2
        (those hold that are at this visit).
    decided : ndarray, shape (starts, grades, codes, 3), or None
        Chance of each category that is decided on, where that is on another scale; by code where one scale is asked for
        both (0 and 1 where the parts are at one visit), else for a single one.
    holds : ndarray of int64, shape (grades, grades + 2)
        Whether the parts on the endpoint's own scale hold, by grade at baseline and later grade + 1 (0: missing, not),
        death last.
    holds_at : ndarray of int64, shape (visits of the protocol, grades, grades + 2)
        The same of the parts at one visit, where they are apart.
    dead_at : ndarray of int64, shape (visits of the protocol,)
        Whether the parts on other scales at a visit hold where the value there is death.
    truly : ndarray, shape (visits of the protocol, starts, grades + 1)
        Chance that the parts at a visit truly hold ("all"), or none of them does ("any"), by true grade on its target
        day, the dead last: they have no response. 1 where no part is.
    """

    every: bool
    scales: tuple[OtherScale, ...]
    starts: NDArray[np.float64]
    start_scores: tuple[tuple[int, ...], ...]
    apart: bool
    visits: tuple[int, ...]
    also: NDArray[np.float64]
    codes: NDArray[np.float64] | None
    decided: NDArray[np.float64] | None
    holds: NDArray[np.int64]
    holds_at: NDArray[np.int64]
    dead_at: NDArray[np.int64]
    truly: NDArray[np.float64]

    def counts(self) -> tuple[int, int, int]:
        """Count the starts of a grade; whether parts are apart; the codes by which the decision's shares are given."""
        return self.starts.shape[1], int(self.apart), 1 if self.decided is None else self.decided.shape[2]

    def answers(self) -> NDArray[np.int64]:
        """Say whether the parts at a visit hold: 1, 0, or -1 without a value there; what changes nothing without parts.

        By visit, grade at baseline, value + 1 (0: missing, death last), and whether those on other scales hold.
        """
        every = int(self.every)
        own, also = self.holds_at[..., None], np.broadcast_to([0, 1], (*self.holds_at.shape, 2)).copy()
        also[:, :, -1] = self.dead_at[:, None, None]
        found = own & also if self.every else own | also
        found[:, :, 0] = rules.MISSING
        found[np.isin(np.arange(len(found)), self.visits, invert=True)] = every
        return found

    @property
    def tracked(self) -> tuple[str, ...]:
        """Names of the scales whose score at screening is part of the start."""
        return tuple(scale.name for scale in self.scales if scale.tracked)


def asked_of(protocol: Protocol, scenario: Scenario) -> Asked:
    """Work out what the parts of the endpoint and the decision ask.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    Asked
    """
    end, k = protocol.endpoint, scenario.grades
    every, parts = end.joined_by == "all", end.parts()
    names = [visit.name for visit in protocol.visits]
    places = sorted({names.index(part.visit) for part in parts})
    scales = _others(protocol, scenario, names)
    starts, start_scores = _starts(scales, k)
    decides = -1 if protocol.decision is None else names.index(protocol.decision.visit)
    apart = len(places) > 1
    joint = {
        v: _joint(scales, starts.shape, start_scores, v, every=every, decides=v == decides)
        for v in (range(len(names)) if apart else {places[0], max(decides, 0)})
    }
    also = joint[places[0]][1].sum(axis=(0, 1))
    codes = None
    if apart:
        codes = np.stack(
            [np.stack([joint[v][c & 1, c >> 1].sum(axis=0) for c in range(4)], axis=-1) for v in joint]
        )
    holds = _own_holds(protocol, parts)
    holds_at = np.array(
        [_own_holds(protocol, [part for part in parts if part.visit == name]) for name in names]
    )
    truly = np.ones((len(names), len(also), k + 1))
    for v in places:
        truly[v] = _truly(
            holds_at[v], also if codes is None else codes[v, :, :, 2:].sum(axis=-1), every=every
        )
    return Asked(
        every=every, scales=scales, starts=starts, start_scores=start_scores, apart=apart, visits=tuple(places),
        also=also, codes=codes, decided=_decided_by_code(scales, joint.get(decides), apart=apart),
        holds=holds, holds_at=holds_at, truly=truly,
        dead_at=np.array([
            _join(
                [part.holds(rules.DETERIORATED, np.nan, died=True)
                 for part in parts if part.visit == name and part.scale != end.scale],
                end.joined_by, (),
            )
            for name in names
        ]).astype(np.int64),
    )  # fmt: skip


def _truly(holds: NDArray[np.int64], also: NDArray[np.float64], *, every: bool) -> NDArray[np.float64]:
    """Give the chance that all hold, or none does, by start and true grade; nothing holds for the dead."""
    own = np.repeat(holds[:, 1:-1], len(also) // len(holds), axis=0)
    alive = own * also if every else (1 - own) * (1 - also)
    return np.column_stack([alive, np.full(len(also), 0.0 if every else 1.0)])


def _join(answers: list[NDArray[np.int8]], how: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Say where all answers hold together, or any; where nothing is asked, "all" holds and "any" does not."""
    return joined_answers([np.full(shape, int(how == "all"), np.int8), *answers], how) == 1


# ------------------------------------------------------------------------------------------- the endpoint's own scale
def _own_holds(protocol: Protocol, parts: tuple[Outcome, ...] | list[Outcome]) -> NDArray[np.int64]:
    """Say where those of the parts hold that are on the endpoint's own scale, with their bounds."""
    scale = protocol.scale()
    k = len(scale.scores)
    later, died = np.array([np.nan, *scale.scores, np.nan]), np.arange(k + 2) > k
    answers = [
        part.holds(_categories_of(part, scale), later, died) for part in parts if part.scale == scale.name
    ]
    return _join(answers, protocol.endpoint.joined_by, (k, k + 2)).astype(np.int64)


def _categories_of(part: Outcome, scale: Scale) -> NDArray[np.int64]:
    """Tabulate the category of change of a part by grade at baseline and later grade + 1 (0: missing), death last."""
    settings = (scale.points(part.improvement_points), scale.dead, part.improvement_percent or 0, scale.zero)
    points, dead, percent, zero = settings
    rule = rules.change_category_on(dead, points, percent, zero)
    later = np.array([rules.MISSING, *scale.units, dead])
    return rule(np.array(scale.units)[:, None], later[None, :], *settings).astype(np.int64)


# --------------------------------------------------------------------------------------------------- the other scales
def _others(protocol: Protocol, scenario: Scenario, names: list[str]) -> tuple[OtherScale, ...]:
    """Give the other scales that are asked, each with what is asked of it."""
    how, deciding = protocol.endpoint.joined_by, _deciding_part(protocol)
    found: list[OtherScale] = []
    for derived, scale in derived_scales(protocol, scenario):
        parts = [part for part in protocol.endpoint.also if part.scale == derived.name]
        decides = deciding is not None and deciding.scale == derived.name
        if not parts and not decides:
            continue
        scores = derived.scores(scale, scenario.grades)
        tables = [(part, part.holds(_categories_between(part, scale, scores), scores)) for part in parts]
        shape = (scores.size, scores.size)
        at = {
            names.index(name): _join([table for part, table in tables if part.visit == name], how, shape)
            for name in dict.fromkeys(part.visit for part in parts)
        }
        found.append(
            OtherScale(
                name=derived.name, scores=scores,
                start=screened_shares(protocol, scenario, derived, scale),
                later=derived.shares(scale, scenario.grades), tracked=len(at) + decides > 1,
                holds=_join([table for _, table in tables], how, shape),
                holds_at=at,
                decided=_categories_between(deciding, scale, scores) if deciding is not None and decides else None,
            )
        )  # fmt: skip
    return tuple(found)


def _starts(
    scales: tuple[OtherScale, ...], grades: int
) -> tuple[NDArray[np.float64], tuple[tuple[int, ...], ...]]:
    """Give the chance of each combination of the scores at screening that are tracked, by grade."""
    tracked = [scale for scale in scales if scale.tracked]
    reached = [np.flatnonzero(scale.start.any(axis=0)) for scale in tracked]
    combinations = tuple(tuple(int(place) for place in places) for places in product(*reached))
    chance = np.ones((grades, len(combinations)))
    for position, scale in enumerate(tracked):
        chance *= scale.start[:, [places[position] for places in combinations]]
    return chance, combinations


def _joint(
    scales: tuple[OtherScale, ...], shape: tuple[int, ...], start_scores: tuple[tuple[int, ...], ...], v: int, *,
    every: bool, decides: bool,
) -> NDArray[np.float64]:  # fmt: skip
    """Give the chance of what a rating of the other scales says, by start and true grade then.

    Of shape (2, 2, 3, starts, grades): whether all parts hold, whether those of this visit do, the category that is
    decided on (the first, where nothing is decided).
    """
    k, m = shape
    found = np.zeros((2, 2, 3, k * m, k))
    found[int(every), int(every), 0] = 1.0
    position = 0
    for scale in scales:
        if scale.tracked:
            start = np.zeros((k * m, scale.scores.size))
            start[np.arange(k * m), [places[position] for places in start_scores] * k] = 1.0
            position += 1
        else:
            start = np.repeat(scale.start, m, axis=0)
        own = scale.holds_at.get(v, np.full_like(scale.holds, every))
        decided = scale.decided if decides and scale.decided is not None else np.zeros(own.shape, np.int64)
        joined = np.zeros_like(found)
        for a, b, c in product(range(2), range(2), range(3)):
            asked = (scale.holds == a) & (own == b) & (decided == c)
            if not asked.any():
                continue
            chance = start @ asked.astype(float) @ scale.later.T
            for a0, b0, c0 in product(range(2), range(2), range(3)):
                to = (a & a0, b & b0) if every else (a | a0, b | b0)
                if found[a0, b0, c0].any():
                    joined[(*to, max(c, c0))] += chance * found[a0, b0, c0]
        found = joined
    return found


def _decided_by_code(
    scales: tuple[OtherScale, ...], joint: NDArray[np.float64] | None, *, apart: bool
) -> NDArray[np.float64] | None:
    """Give the chance of each category that is decided on, given the code where they hang together."""
    deciding = next((scale for scale in scales if scale.decided is not None), None)
    if deciding is None or joint is None:
        return None
    if not deciding.tracked:
        return joint.sum(axis=(0, 1)).transpose(1, 2, 0)[:, :, None, :]
    both = [joint[c & 1, c >> 1] for c in range(4)] if apart else [joint[a].sum(axis=0) for a in range(2)]
    chance = np.stack(both).transpose(2, 3, 0, 1)  # start, grade, code, category
    added = chance.sum(axis=-1, keepdims=True)
    return np.divide(chance, added, out=np.full_like(chance, 1 / 3), where=added > 0)


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
    zero = round(float(scores[0] if scale.better == "higher" else -scores[0]) / step)
    settings = (points, dead, part.improvement_percent or 0, zero)
    rule = rules.change_category.scalar
    return np.array([[rule(int(a), int(b), *settings) for b in unit] for a in unit], np.int64)


# ------------------------------------------------------------------------------------------------------- the decision
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


def decided_on_own_scale(protocol: Protocol, categories: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the category that is decided on by rated grades, as `categories`, where it is on the endpoint's scale.

    Parameters
    ----------
    protocol : Protocol
    categories : ndarray, shape (grades, grades + 2)
        Of `Model`; given back where the decision asks the endpoint's improvement, or another scale.

    Returns
    -------
    ndarray of int64
    """
    part = _deciding_part(protocol)
    return categories if part is None or decides_by(protocol) == 2 else _categories_of(part, protocol.scale())

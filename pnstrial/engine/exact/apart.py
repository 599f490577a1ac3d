"""With which probability do the parts of an endpoint hold that are asked at several visits?

Input: `engine.model.Model` whose parts are apart.
Output: the probability to respond and not to be counted; that of a true response.
Protocol section: endpoint, estimand.
Method: of those who are followed from visit to visit only they are kept with whom the parts of the visit hold, or do
not; what is left at the last of these visits is the probability of all of it. "Any" is the rest of "none".
Next: `answers`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from pnstrial import rules
from pnstrial.engine.exact.cohort import Cohort
from pnstrial.engine.exact.entries import ways_given
from pnstrial.engine.exact.patient import Patient
from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.exact.chain import Group
    from pnstrial.engine.exact.entries import Given
    from pnstrial.engine.model import Model

__all__ = ["Apart", "response_apart", "true_response_apart"]

Way = Literal["anyhow", "known", "open", "true"]


class Apart(Patient):
    """Follow those patients whose parts hold at each visit ("all"), or none of whose parts do ("any").

    Parameters
    ----------
    cohort : Cohort
    way : {"anyhow", "known", "open", "true"}
        Who is kept: everybody whose answer the parts decide, whatever they say; those of whom it is known at every
        visit; those of whom it is known or no rating is there; those whose true grades would have it so.
    given : Given, optional
        As for `Patient`.
    """

    filters: ClassVar[bool] = True

    def __init__(self, cohort: Cohort, way: Way, *, given: Given | None = None) -> None:
        super().__init__(cohort, given=given)
        w, asked = cohort.model.whole, cohort.model.asked
        self.way, self.every, self.values, self.counts = way, asked.every, False, False
        self.endpoint = int(w[at.ENDPOINT_VISIT])
        self.rescue_decides = w[at.RESCUE_STRATEGY] == rules.RESCUE_STRATEGIES.index("composite")
        self.stop_decides = w[at.STOPPED_STRATEGY] == rules.STOPPED_STRATEGIES.index("composite")

    def probability(self) -> float:
        """Give the probability of all that is asked."""
        in_order = not self.model.whole[at.MOVES]
        groups = self.through_visits(max(self.model.asked.visits) if in_order else None)
        left = sum((group.X[..., : self.states.count] for group in groups), start=np.zeros(1))
        if self.stop_decides and self.way != "true":
            left = left[:, :, :, [0, 2]]
        return float(left.sum())

    def _filters(self, v: int) -> bool:
        return v in self.model.asked.visits and self.way != "true"

    def rated_together(self, X: NDArray[np.float64], v: int, *, decides: bool) -> NDArray[np.float64]:
        """Rate everybody at a visit: by category, 3 more for those who are kept; 6 times what is decided above that."""
        asked, k = self.model.asked, self.model.grades
        if not self._filters(v) or asked.codes is None:
            return super().rated_together(X, v, decides=decides)
        own = asked.holds_at[v][self.entries[:, 1], 1 : k + 1]
        rated = self.rater.on_own_scale(X, own, decides=decides)
        also = [asked.codes[v, :, :, code] for code in range(4)]
        joined = self.rater.joined_with(rated, also, 1, decides=decides)
        by_kind = joined.reshape(-1, 2, 3, *X.shape)
        if self.way == "anyhow":
            by_kind[:, 1] += by_kind[:, 0]
            by_kind[:, 0] = 0.0
        elif not self.every:
            by_kind[:] = by_kind[:, ::-1].copy()
        return joined

    def without_rescue(self, group: Group, v: int) -> Group:
        """Leave those out whom rescue has decided on."""
        if v == self.endpoint and self._filters(v) and self.rescue_decides:
            return replace(group, X=group.X * ~self.states.rescued)
        return group

    def without_rating(self, group: Group, v: int) -> Group:
        """Keep the dead as their death says, the others where no rating is asked of them."""
        if not self._filters(v):
            return group
        dead = group.X * self.states.dead_seen
        missing = 0.0 if self.way == "known" else 1.0
        return replace(group, X=dead * self._kept_dead(v) + missing * (group.X - dead))

    def with_rating(self, children: list[tuple[int, Group]], v: int, until: float) -> Group:
        """Keep those who are to be kept, and the dead as their death says."""
        if not self._filters(v):
            return super().with_rating(children, v, until)
        left, now = np.zeros_like(children[0][1].X), children[0][1]
        for kind, child in children:
            now = self.without_rescue(child, v).at(self.chain, until)
            dead = now.X * self.states.dead_seen
            left += dead * self._kept_dead(v) + (now.X - dead) * (kind // 3 % 2)
        return replace(now, X=left)

    def _kept_dead(self, v: int) -> float:
        """Say whether a patient whose value is death is kept; at the endpoint's visit the strategy decides on him."""
        if v == self.endpoint:
            return 0.0
        if self.way == "anyhow":
            return 1.0
        holds = bool(self.model.asked.dead_at[v])
        own = bool(self.model.asked.holds_at[v][0, -1])
        holds = (holds and own) if self.every else (holds or own)
        return float(holds == self.every)

    def at_target(self, group: Group, v: int) -> Group:
        """Keep those whose parts hold, or fail, by the true grade on the target day."""
        if self.way != "true" or v not in self.model.asked.visits:
            return group
        group = group.at(self.chain, float(self.visits[v, 0]))
        return replace(group, X=group.X * self.truly(v)[:, None, None, None, :])


def _probability(model: Model, way: Way) -> float:
    cohort = Cohort(model)
    return sum(Apart(cohort, way, given=given).probability() for given in ways_given(model))


def true_response_apart(model: Model) -> float:
    """Give the share for whom all parts, or any of them, truly hold on the target days of their visits.

    Parameters
    ----------
    model : Model

    Returns
    -------
    float
    """
    kept = _probability(model, "true")
    return kept if model.asked.every else 1 - kept


def response_apart(model: Model, excluded_dead: float) -> tuple[float, float]:
    """Give the probability to respond, and that of not being counted.

    Parameters
    ----------
    model : Model
    excluded_dead : float
        Probability of a death by the endpoint visit that is not counted.

    Returns
    -------
    tuple of float
    """
    missing = int(model.whole[at.MISSING_STRATEGY])
    known, open_too = _probability(model, "known"), _probability(model, "open")
    # "all": known is that all hold, open that none fails; "any": known is that all fail, open that none holds
    holds = known if model.asked.every else _probability(model, "anyhow") - open_too
    unknown = open_too - known
    responds = holds + (unknown if missing == rules.MISSING_STRATEGIES.index("best case") else 0.0)
    return responds, excluded_dead + (
        unknown if missing == rules.MISSING_STRATEGIES.index("exclude") else 0.0
    )

"""Where do patients stand on day 1, and what moves and rates them from then on?

Input: `engine.model.Model`.
Output: `Cohort`: entries, their chain and their rater, for everybody who follows them (`patient.Patient`).
Protocol section: criteria, scales.
Method: the chain of a cohort is worked out once, whatever happens to its patients.
Next: `patient`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial import rules
from pnstrial.engine.exact.chain import Chain
from pnstrial.engine.exact.entries import entries_of
from pnstrial.engine.exact.rater import Rater
from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from pnstrial.engine.model import Model

__all__ = ["Cohort"]


class Cohort:
    """The enrolled on day 1, by (entry, deviation, last category, IVIg, state).

    Parameters
    ----------
    model : Model
    every_last : bool
        Whether the category of the last rating is kept although the protocol's own estimand does not ask for it.
    clock : {"independent", "not worse"}, optional
        Time that is counted (see `Chain`); with "not worse" nothing else is.
    """

    def __init__(self, model: Model, *, every_last: bool = False, clock: str | None = None) -> None:
        w = model.whole
        self.model, self.clock, self.until_worse = model, clock, clock == "not worse"
        found = entries_of(model, by_baseline=self.until_worse)
        self.entries, self.cases = found.entries, len(found.cases)
        self.chain = Chain(model, found.cases, clock=clock)
        states = self.chain.states
        locf = int(w[at.MISSING_STRATEGY]) == rules.MISSING_LOCF
        keeps = every_last or locf or int(w[at.STOPPED_STRATEGY]) == rules.STOPPED_WHILE_ON
        self.rater = Rater(model, self.entries, states, 4 if keeps else 1)
        self.start = np.zeros((len(self.entries), self.rater.deviations, self.rater.lasts, 3, states.width))
        entry, begins, treated, damaged = found.places.T
        true, rated = self.entries[entry, :2].T
        deviation = rated - true + self.rater.off if self.rater.off else np.zeros_like(true)
        here = begins + states.tumour * treated + states.damage * damaged
        there = (
            begins <= true if self.until_worse else np.ones(true.size, bool)
        )  # else worse from the beginning
        np.add.at(self.start, (entry[there], deviation[there], -1, 0, here[there]), found.share[there])

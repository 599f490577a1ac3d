"""With which probability does a patient go from one state to another between two days?

Input: `engine.model.Model`.
Output: `Chain`, and `Group`: patients with the same plan, let through time.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: a Markov chain on (in the study or out, rescued or not, grade or dead): matrix exponentials between days.
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.engine.kernels import layout as at
from pnstrial.multistate.process import exponential

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model


__all__ = ["NEVER", "Chain", "Group", "States", "after_turn"]

NEVER: Final = 1e18
"""A day that never comes."""


class States:
    """Where a patient can stand: grade, rescue begun, out of the study, tumour treated, damaged.

    Each of them is `size` (7 on the mRS) states, twice and four times as many apart, and so on; the last two are there
    only where they happen.
    """

    def __init__(self, grades: int, *, tumour: bool, damage: bool) -> None:
        self.size = size = grades + 1
        self.tumour = 4 * size if tumour else 0
        self.damage = ((8 if tumour else 4) * size) if damage else 0
        self.count = 4 * size * (1 + tumour) * (1 + damage)
        state = np.arange(self.count)
        self.grade = state % size
        self.rescued = state // size % 2 == 1
        self.out = state // (2 * size) % 2 == 1
        self.treated = state // self.tumour % 2 == 1 if tumour else np.zeros(self.count, bool)
        self.damaged = state // self.damage % 2 == 1 if damage else np.zeros(self.count, bool)
        self.alive = self.grade < grades
        self.alive_in = ~self.out & self.alive
        self.dead_seen = ~self.out & ~self.alive


class Chain:
    """Transition probabilities between any two days, with and without IVIg, of several strata at once.

    Parameters
    ----------
    model : Model
    cases : sequence of (int, int)
        Stratum, and true baseline where drop-out depends on it (else any); the first axis of every matrix.
    """

    def __init__(self, model: Model, cases: Sequence[tuple[int, int]]) -> None:
        strata = [stratum for stratum, _ in cases]
        drop, rescue = model.real[at.DROP_RATE], model.real[at.RESCUE_RATE]
        starts = model.starts[strata]
        switches = bool(model.whole[at.SWITCHES])
        self.states = here = States(
            model.grades,
            tumour=switches and bool((starts[:, 0] > 0).any()),
            damage=switches and bool((starts[:, 1] > 0).any()),
        )
        self.changes = model.changes[strata]
        k, size = model.grades, here.size
        leaves = np.ones((len(cases), k))
        if model.whole[at.LEAVES]:
            begin = int(model.whole[at.TO_LEAVES])
            every = model.real[begin : begin + k * k].reshape(k, k)
            leaves = every[[baseline for _, baseline in cases]]
        shape = (len(cases), model.generators.shape[1], 2, here.count, here.count)
        self.generators = np.zeros(shape)
        for arm, first in product(range(2), range(0, here.count, size)):
            ruling = 1 if here.out[first] else arm
            if switches:
                ruling += 2 * here.rescued[first] + 4 * here.treated[first] + 8 * here.damaged[first]
            block = slice(first, first + size)
            self.generators[:, :, arm, block, block] += model.generators[strata, :, ruling]
        every_one = np.ones((len(cases), here.count))
        moves = [
            (~here.out & here.alive, 2 * size, drop * leaves[:, np.minimum(here.grade, k - 1)]),
            (~here.out & ~here.rescued & here.alive, size, rescue * every_one),
        ]
        if here.tumour:
            moves.append((~here.treated & here.alive, here.tumour, starts[:, :1] * every_one))
        if here.damage:
            moves.append((~here.damaged & here.alive, here.damage, starts[:, 1:] * every_one))
        for who, step, rate in moves:
            i = np.flatnonzero(who)
            self.generators[..., i, i + step] += rate[:, None, None, i]
            self.generators[..., i, i] -= rate[:, None, None, i]
        self._step = lru_cache(maxsize=None)(self._one_step)
        self.between = lru_cache(maxsize=None)(self._between)
        self.on_and_off = lru_cache(maxsize=None)(self._on_and_off)

    def _one_step(self, period: int, arm: int, days: tuple[float, ...]) -> NDArray[np.float64]:
        return exponential(self.generators[:, period, arm] * np.array(days)[:, None, None])

    def _on_and_off(self, begin: float, stop: float, end: float) -> NDArray[np.float64]:
        """Give the probabilities with IVIg from `begin` to `stop` and without it until `end`."""
        if stop <= begin:
            return self.between(1, begin, end)
        return (
            self.between(0, begin, end)
            if stop >= end
            else self.between(0, begin, stop) @ self.between(1, stop, end)
        )

    def _between(self, arm: int, begin: float, end: float) -> NDArray[np.float64]:
        """Give the probabilities of every case, shape (cases, states, states)."""
        made: NDArray[np.float64] | None = None
        band = np.full(len(self.changes), begin)
        for period in range(self.changes.shape[1]):
            # how much of the time lies in this band of time since onset, by case
            until = np.clip(self.changes[:, period], band, max(begin, end))
            if (until > band).any():
                days = tuple(round(d, 9) for d in (until - band).tolist())
                step = self._step(period, arm, days)
                made = step if made is None else made @ step
            band = until
        count = self.states.count
        return np.broadcast_to(np.eye(count), (len(self.changes), count, count)) if made is None else made


@dataclass
class Group:
    """Patients with the same plan: probabilities by (entry, deviation, last category, IVIg, state) at a time.

    The entries of one case of the chain stand together, as many for every case.
    IVIg: 0 as planned, 1 stopped for an adverse event so early that a cycle before the decision
    was not given, 2 stopped in the last cycle before the decision or later. `ends[a]` is the day on which IVIg no
    longer acts; `turns` are days on which a share changes.
    """

    X: NDArray[np.float64]
    time: float
    ends: tuple[float, float, float]
    turns: tuple[tuple[float, str, float], ...] = field(default=())

    def at(self, chain: Chain, until: float) -> Group:
        """Let time pass."""
        mass, now = self.X, self.time
        turns = list(self.turns)
        while True:
            limit = until
            if turns and turns[0][0] <= until:
                limit = turns[0][0]
            mass = self._flow(chain, mass, now, limit)
            now = limit
            if turns and turns[0][0] <= limit:
                _, kind, share = turns.pop(0)
                mass = after_turn(mass, kind, share, chain.states)
                continue
            break
        return Group(mass, until, self.ends, tuple(turns))

    def _flow(self, chain: Chain, X: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
        if end <= begin:
            return X
        moved = np.zeros_like(X)
        for a in range(3):
            mass = X[:, :, :, a]
            if mass.any():
                stop = min(max(self.ends[a], begin), end)
                P = chain.on_and_off(begin, stop, end)
                moved[:, :, :, a] = (mass.reshape(len(P), -1, P.shape[-1]) @ P).reshape(mass.shape)
        return moved


def after_turn(X: NDArray[np.float64], kind: str, share: float, states: States) -> NDArray[np.float64]:
    """Let a share of the patients change: rescue begins, IVIg stops early or late, tumour treatment begins."""
    after = X.copy()
    if kind == "rescue":
        begins = np.flatnonzero(states.alive_in & ~states.rescued)
        moved = share * X[..., begins]
        after[..., begins + states.size] += moved
        after[..., begins] -= moved
        return after
    target = 1 if kind == "stop" else 2
    moved = share * X[:, :, :, 0] * states.alive_in
    after[:, :, :, target] += moved
    after[:, :, :, 0] -= moved
    return after

"""With which probability does a patient go from one state to another between two days?

Input: `engine.model.Model`.
Output: `Chain`, and `Group`: patients with the same plan, let through time.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: a Markov chain on (in the study or out, rescued or not, grade or dead): matrix exponentials between days.
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.engine.kernels import layout as at
from pnstrial.multistate.process import exponential

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model


__all__ = ["NEVER", "Chain", "Group", "States", "after_turn"]

NEVER: Final = 1e18
"""A day that never comes."""


class States:
    """Where a patient can stand: grade, rescue begun, out of the study, tumour treated, damaged.

    Each of them is `size` (7 on the mRS) states, twice and four times as many apart, and so on; the last two are there
    only where they happen. With a clock one place more, behind all states, holds the mean of a time that is counted.
    """

    def __init__(self, grades: int, *, tumour: bool, damage: bool, clock: bool = False) -> None:
        self.size = size = grades + 1
        self.tumour = 4 * size if tumour else 0
        self.damage = ((8 if tumour else 4) * size) if damage else 0
        self.count = 4 * size * (1 + tumour) * (1 + damage)
        self.width = self.count + clock
        state = np.arange(self.count)
        self.grade = state % size
        self.rescued = state // size % 2 == 1
        self.out = state // (2 * size) % 2 == 1
        self.treated = state // self.tumour % 2 == 1 if tumour else np.zeros(self.count, bool)
        self.damaged = state // self.damage % 2 == 1 if damage else np.zeros(self.count, bool)
        self.alive = self.grade < grades
        self.alive_in = ~self.out & self.alive
        self.dead_seen = ~self.out & ~self.alive
        if clock:  # behind them stands the time that is counted, which is nobody
            self.grade = np.append(self.grade, grades)
            for name in ("rescued", "out", "treated", "damaged", "alive", "alive_in", "dead_seen"):
                setattr(self, name, np.append(getattr(self, name), False))


class Chain:
    """Transition probabilities between any two days, with and without IVIg, of several strata at once.

    Parameters
    ----------
    model : Model
    cases : sequence of (int, int)
        Stratum, and true baseline where something depends on it (else any); the first axis of every matrix.
    clock : {"independent", "not worse"}, optional
        Time that is counted up to the target day of the last visit: in the grades of independence, or until the first
        grade worse than the true baseline, which is then a state that nobody leaves, as death.
    """

    def __init__(self, model: Model, cases: Sequence[tuple[int, int]], *, clock: str | None = None) -> None:
        strata = [stratum for stratum, _ in cases]
        drop, rescue = model.real[at.DROP_RATE], model.real[at.RESCUE_RATE]
        starts = model.starts[strata]
        switches = bool(model.whole[at.SWITCHES])
        self.states = here = States(
            model.grades,
            tumour=switches and bool((starts[:, 0] > 0).any()),
            damage=switches and bool((starts[:, 1] > 0).any()),
            clock=clock is not None,
        )
        self.horizon = float(model.whole[at.HORIZON])
        limit = int(model.whole[at.INDEPENDENT_UP_TO]) if clock == "independent" else model.grades
        self.counted = (here.alive & (here.grade <= limit))[: here.count].astype(float) if clock else None
        self.changes = model.changes[strata]
        k, size = model.grades, here.size
        leaves = np.ones((len(cases), k))
        if model.whole[at.LEAVES]:
            begin = int(model.whole[at.TO_LEAVES])
            every = model.real[begin : begin + k * k].reshape(k, k)
            leaves = every[[baseline for _, baseline in cases]]
        rates = model.generators[strata]
        if clock == "not worse":
            rates = np.stack([_stopped_above(own, b) for own, (_, b) in zip(rates, cases, strict=True)])
        # where treatment changes no rate, one chain goes for all
        self.same = not switches and bool((rates[:, :, 0] == rates[:, :, 1]).all())
        shape = (len(cases), model.generators.shape[1], 2, here.count, here.count)
        self.generators = np.zeros(shape)
        for arm, first in product(range(2), range(0, here.count, size)):
            ruling = 1 if here.out[first] else arm
            if switches:
                ruling += 2 * here.rescued[first] + 4 * here.treated[first] + 8 * here.damaged[first]
            block = slice(first, first + size)
            self.generators[:, :, arm, block, block] += rates[:, :, ruling]
        every_one = np.ones((len(cases), here.count))
        moves = [
            (~here.out & here.alive, 2 * size, drop * leaves[:, np.minimum(here.grade[: here.count], k - 1)]),
            (~here.out & ~here.rescued & here.alive, size, rescue * every_one),
        ]
        if here.tumour:
            moves.append((~here.treated & here.alive, here.tumour, starts[:, :1] * every_one))
        if here.damage:
            moves.append((~here.damaged & here.alive, here.damage, starts[:, 1:] * every_one))
        for who, step, rate in moves:
            i = np.flatnonzero(who[: here.count])
            self.generators[..., i, i + step] += rate[:, None, None, i]
            self.generators[..., i, i] -= rate[:, None, None, i]
        self._made: dict[tuple[object, ...], NDArray[np.float64]] = {}

    def _once(self, make: Callable[..., NDArray[np.float64]], *key: Any) -> NDArray[np.float64]:
        """Make a matrix once; kept in no circle of references, so that all of them go when the chain does."""
        found = self._made.get((make.__name__, *key))
        if found is None:
            found = self._made[make.__name__, *key] = make(*key)
        return found

    def between(self, arm: int, begin: float, end: float) -> NDArray[np.float64]:
        """Give the probabilities of every case, shape (cases, states, states), with IVIg (arm 0) or without it."""
        return self._once(self._between, arm, begin, end)

    def on_and_off(self, begin: float, stop: float, end: float) -> NDArray[np.float64]:
        """Give the probabilities with IVIg from `begin` to `stop` and without it until `end`."""
        return self._once(self._on_and_off, begin, stop, end)

    def _step(self, period: int, arm: int, days: tuple[float, ...]) -> NDArray[np.float64]:
        return self._once(self._one_step, period, arm, days)

    def _power(self, period: int, arm: int, bit: int) -> NDArray[np.float64]:
        return self._once(self._one_power, period, arm, bit)

    def _part(self, period: int, arm: int, days: tuple[float, ...]) -> NDArray[np.float64]:
        return self._once(self._one_part, period, arm, days)

    def _one_step(self, period: int, arm: int, days: tuple[float, ...]) -> NDArray[np.float64]:
        """Give the probabilities after so many days, by case: whole days from powers of one day's."""
        whole = [int(d) for d in days]
        made = self._part(period, arm, tuple(round(d - n, 9) for d, n in zip(days, whole, strict=True)))
        bit = 0
        while any(n >> bit for n in whole):
            takes = np.array([n >> bit & 1 == 1 for n in whole])
            if takes.any():
                made = np.where(takes[:, None, None], made @ self._power(period, arm, bit), made)
            bit += 1
        return made

    def _one_power(self, period: int, arm: int, bit: int) -> NDArray[np.float64]:
        """Give the probabilities after 2**bit days."""
        if bit == 0:
            return self._part(period, arm, (1.0,) * len(self.changes))
        half = self._power(period, arm, bit - 1)
        return half @ half

    def _one_part(self, period: int, arm: int, days: tuple[float, ...]) -> NDArray[np.float64]:
        """Give the probabilities after at most a day, by case."""
        length = np.array(days)[:, None]
        return exponential(self.generators[:, period, arm] * length[..., None], self.counted, length)

    def _on_and_off(self, begin: float, stop: float, end: float) -> NDArray[np.float64]:
        if stop <= begin or self.same:
            return self.between(1, begin, end)
        return (
            self.between(0, begin, end)
            if stop >= end
            else self.between(0, begin, stop) @ self.between(1, stop, end)
        )

    def _between(self, arm: int, begin: float, end: float) -> NDArray[np.float64]:
        if self.counted is not None and begin < self.horizon < end:
            return self.between(arm, begin, self.horizon) @ self.between(arm, self.horizon, end)
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
        width = self.states.width
        if made is None:
            return np.broadcast_to(np.eye(width), (len(self.changes), width, width))
        if self.counted is not None and begin >= self.horizon:  # the clock stands still
            made = made.copy()
            made[:, :-1, -1] = 0.0
        return made


def _stopped_above(rates: NDArray[np.float64], baseline: int) -> NDArray[np.float64]:
    """Let nobody go on who comes to a grade worse than that at baseline: shape (..., grades + 1, grades + 1)."""
    stopped = rates.copy()
    stopped[..., : baseline + 1, -1] += stopped[..., : baseline + 1, baseline + 1 : -1].sum(axis=-1)
    stopped[..., : baseline + 1, baseline + 1 : -1] = 0.0
    stopped[..., baseline + 1 :, :] = 0.0
    return stopped


@dataclass
class Group:
    """Patients with the same plan: probabilities by (entry, deviation, last category, IVIg, state) at a time.

    The entries of one case of the chain stand together, as many for every case.
    IVIg: 0 as planned, 1 stopped for an adverse event so early that a cycle before the decision
    was not given, 2 stopped in the last cycle before the decision or later. `ends[a]` is the day on which IVIg no
    longer acts; `turns` are days on which a share changes; `resumed` is the day from which the cycles after a decision
    are counted, where that is needed, else -1.
    """

    X: NDArray[np.float64]
    time: float
    ends: tuple[float, float, float]
    turns: tuple[tuple[float, str, float], ...] = field(default=())
    resumed: float = -1.0

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
        return Group(mass, until, self.ends, tuple(turns), self.resumed)

    def _flow(self, chain: Chain, X: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
        if end <= begin:
            return X
        if chain.same:
            step = chain.between(1, begin, end)
            return (X.reshape(len(step), -1, step.shape[-1]) @ step).reshape(X.shape)
        moved = np.zeros_like(X)
        for a in range(3):
            mass = X[:, :, :, a]
            if mass.any():
                stop = min(max(self.ends[a], begin), end)
                P = chain.on_and_off(begin, stop, end)
                moved[:, :, :, a] = (mass.reshape(len(P), -1, P.shape[-1]) @ P).reshape(mass.shape)
        return moved


def after_turn(X: NDArray[np.float64], kind: str, share: float, states: States) -> NDArray[np.float64]:
    """Let a share of the patients change: rescue begins, IVIg stops early or late, what was to be given is given."""
    after = X.copy()
    if kind == "rescue":
        begins = np.flatnonzero(states.alive_in & ~states.rescued)
        moved = share * X[..., begins]
        after[..., begins + states.size] += moved
        after[..., begins] -= moved
        return after
    if kind == "given":
        # who died before may have died before all was given: this share did not, and is put apart
        gone = np.flatnonzero(states.dead_seen)
        after[:, :, :, 1, gone] += share * (X[:, :, :, 0, gone] + X[:, :, :, 2, gone])
        after[:, :, :, 0, gone] = after[:, :, :, 2, gone] = 0.0
        return after
    target = 1 if kind == "stop" else 2
    moved = share * X[:, :, :, 0] * states.alive_in
    after[:, :, :, target] += moved
    after[:, :, :, 0] -= moved
    return after

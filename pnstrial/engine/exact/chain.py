"""With which probability does a patient go from one state to another between two days?

Input: `engine.model.Model`.
Output: `Chain`, and `Group`: patients with the same plan, let through time.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: a Markov chain on (in the study or out, rescued or not, grade or dead): matrix exponentials between days, each
made once for all who have the same rates for as long.
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.engine.kernels import layout as at
from pnstrial.multistate.process import exponential

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model


__all__ = ["NEVER", "Chain", "Group", "States", "after_turn", "merged"]

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
        k = model.grades
        leaves = np.ones((len(cases), k))
        if model.whole[at.LEAVES]:
            begin = int(model.whole[at.TO_LEAVES])
            every = model.real[begin : begin + k * k].reshape(k, k)
            leaves = every[[baseline for _, baseline in cases]]
        rates = model.generators[strata]
        if clock == "not worse":
            rates = np.stack([_stopped_above(own, b) for own, (_, b) in zip(rates, cases, strict=True)])
        # where treatment changes no rate, one chain goes for all
        self.same = bool((rates[:, :, 0::2] == rates[:, :, 1::2]).all())
        begins = [arm for arm in range(rates.shape[2]) if switches and not arm & 2]
        self.rescue_acts = bool((rates[:, :, begins] != rates[:, :, [arm | 2 for arm in begins]]).any())
        # the rates of each case, band of time and arm, those that are alike but once
        parts: dict[bytes, int] = {}
        self.rates: list[NDArray[np.float64]] = []
        self.which = np.zeros((len(cases), rates.shape[1], 2), np.int64)
        for case, period, arm in np.ndindex(self.which.shape):
            own, later = rates[case, period], (leaves[case], starts[case])
            key = b"".join(part.tobytes() for part in (own[arm::2], own[1::2], *later))
            if key not in parts:
                parts[key] = len(self.rates)
                self.rates.append(
                    self._generator(own, arm, drop * leaves[case], rescue, starts[case], switches)
                )
            self.which[case, period, arm] = parts[key]
        self._made: dict[tuple[object, ...], NDArray[np.float64]] = {}

    def _generator(
        self, rates: NDArray[np.float64], arm: int, drop: NDArray[np.float64], rescue: float,
        starts: NDArray[np.float64], switches: bool,
    ) -> NDArray[np.float64]:  # fmt: skip
        """Give the rates of one case in one band of time, from each state to each."""
        here, size = self.states, self.states.size
        found = np.zeros((here.count, here.count))
        for first in range(0, here.count, size):
            ruling = 1 if here.out[first] else arm
            if switches:
                ruling += 2 * here.rescued[first] + 4 * here.treated[first] + 8 * here.damaged[first]
            block = slice(first, first + size)
            found[block, block] += rates[ruling]
        by_grade = drop[np.minimum(here.grade[: here.count], size - 2)]
        moves = [
            (~here.out, 2 * size, by_grade),
            (~here.out & ~here.rescued, size, np.full(here.count, rescue)),
        ]
        if here.tumour:
            moves.append((~here.treated, here.tumour, np.full(here.count, starts[0])))
        if here.damage:
            moves.append((~here.damaged, here.damage, np.full(here.count, starts[1])))
        for who, step, rate in moves:
            i = np.flatnonzero((who & here.alive)[: here.count])
            found[i, i + step] += rate[i]
            found[i, i] -= rate[i]
        return found

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

    def _way(self, pieces: tuple[tuple[int, float], ...]) -> NDArray[np.float64]:
        """Give the probabilities of one case, whose rates are these for so many days each."""
        if not pieces:
            return np.eye(self.states.width)
        *before, (rates, days) = pieces
        step = self._once(self._days, rates, int(days))
        if int(days) == 0 or days > int(days):
            part = self._once(self._part, rates, round(days - int(days), 9))
            step = part if int(days) == 0 else part @ step
        return self._once(self._way, tuple(before)) @ step if before else step

    def _days(self, rates: int, days: int) -> NDArray[np.float64]:
        """Give the probabilities after whole days."""
        if days <= 1:
            return self._once(self._part, rates, float(days))
        half = 1 << (days.bit_length() - 1)
        first, second = (half, days - half) if days > half else (half // 2, half // 2)
        return self._once(self._days, rates, first) @ self._once(self._days, rates, second)

    def _part(self, rates: int, days: float) -> NDArray[np.float64]:
        """Give the probabilities after at most a day."""
        return exponential(self.rates[rates] * days, self.counted, days)

    def _together(self, ways: tuple[tuple[tuple[int, float], ...], ...], stands: bool) -> NDArray[np.float64]:
        """Give the probabilities of all cases; whether the clock stands still."""
        found = np.stack([self._once(self._way, way) for way in ways])
        if stands:
            found[:, :-1, -1] = 0.0
        return found

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
        # how much of the time lies in each band of time since onset, by case
        edges = np.clip(self.changes, begin, max(begin, end))
        spent = np.diff(edges, axis=1, prepend=begin).round(9)
        ways = tuple(
            tuple((which, days) for which, days in zip(own, lengths, strict=True) if days > 0)
            for own, lengths in zip(self.which[:, :, arm].tolist(), spent.tolist(), strict=True)
        )
        return self._once(self._together, ways, self.counted is not None and begin >= self.horizon)


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
        stops = [begin if chain.same else min(max(last, begin), end) for last in self.ends]
        if len(set(stops)) == 1:
            way = chain.on_and_off(begin, stops[0], end)
            return (X.reshape(len(way), -1, way.shape[-1]) @ way).reshape(X.shape)
        moved = np.zeros_like(X)
        for a, stop in enumerate(stops):
            mass = X[:, :, :, a]
            if mass.any():
                way = chain.on_and_off(begin, stop, end)
                moved[:, :, :, a] = (mass.reshape(len(way), -1, way.shape[-1]) @ way).reshape(mass.shape)
        return moved


def merged(chain: Chain, groups: Iterable[Group], until: float) -> list[Group]:
    """Bring all to one day, and put those with the same plan together as soon as they have it.

    Parameters
    ----------
    chain : Chain
    groups : iterable of Group
        None of them later than that day.
    until : float

    Returns
    -------
    list of Group
        One for every plan.
    """
    order = count()
    waiting: list[tuple[float, int, Hashable, Group]] = [
        (group.time, next(order), None, group) for group in groups
    ]
    heapify(waiting)
    here: dict[Hashable, Group] = {}
    while waiting:
        day, _, plan, group = heappop(waiting)
        if plan is not None:
            if here.get(plan) is not group:  # it has met another meanwhile
                continue
            del here[plan]
        now = group.at(chain, day) if group.time < day else group
        # an end in the past, or of a treatment that changes no rate, tells no plans apart
        first, second, third = (0.0 if end <= day or chain.same else end for end in now.ends)
        now = replace(now, ends=(first, second, third))
        plan = (now.ends, now.turns, now.resumed)
        if plan in here:
            now = replace(now, X=now.X + here[plan].at(chain, day).X)
        here[plan] = now
        then = min((end for end in (*now.ends, *(turn[0] for turn in now.turns)) if end > day), default=until)
        if day < until:
            heappush(waiting, (min(then, until), next(order), plan, now))
    return list(here.values())


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

"""Which operating characteristics have an exact answer, and what is it?

Input: `Protocol` and `Scenario`.
Output: `ExactCharacteristics`: the quantities of `simulate` that need no simulation.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: a patient is a Markov chain on (in the study or out, rescued or not, mRS 0-6): matrix exponentials between
visits, the rating kernel at each rating, the decision rule, then a trinomial over patients (responder,
non-responder, not counted). Independent of the simulation: it shares rules and rates, no draws.
Next: `trial`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial import rules
from pnstrial.engine.characteristics import ExactCharacteristics
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import ALIVE_DAYS, SECONDARY_QUANTITIES
from pnstrial.engine.model import ALIVE, Model, build_model
from pnstrial.engine.strata import classes
from pnstrial.multistate import transition_probabilities
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import Provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.engine.success import Boundaries
    from pnstrial.protocol import Protocol

__all__ = [
    "Chain",
    "endpoint_probabilities",
    "exact_characteristics",
    "responder_distribution",
    "true_response",
]

_NO_RATING: Final = 3
_FAR: Final = 1e18


class States:
    """Where a patient can stand: mRS, rescue begun (7), out of the study (14), tumour treated and damaged (28, 56).

    The last two are there only where they happen.
    """

    def __init__(self, *, tumour: bool, damage: bool) -> None:
        self.tumour, self.damage = (28 if tumour else 0), ((56 if tumour else 28) if damage else 0)
        self.count = 28 * (1 + tumour) * (1 + damage)
        state = np.arange(self.count)
        self.grade = state % 7
        self.rescued = state // 7 % 2 == 1
        self.out = state // 14 % 2 == 1
        self.treated = state // 28 % 2 == 1 if tumour else np.zeros(self.count, bool)
        self.damaged = state // self.damage % 2 == 1 if damage else np.zeros(self.count, bool)
        self.alive = self.grade < rules.DEAD
        self.alive_in = ~self.out & self.alive
        self.dead_seen = ~self.out & ~self.alive


class Chain:
    """Transition probabilities of one stratum between any two days, with and without IVIg."""

    def __init__(self, model: Model, stratum: int, baseline: int = 0) -> None:
        drop, rescue = model.real[at.DROP_RATE], model.real[at.RESCUE_RATE]
        tumour, damage = model.starts[stratum]
        switches = bool(model.whole[at.SWITCHES])
        self.states = here = States(tumour=switches and tumour > 0, damage=switches and damage > 0)
        self.changes = model.changes[stratum]
        leaves = np.ones(6)
        if model.whole[at.LEAVES]:
            begin = int(model.whole[at.TO_LEAVES]) + 6 * baseline
            leaves = model.real[begin : begin + 6]
        self.generators = np.zeros((model.generators.shape[1], 2, here.count, here.count))
        for period, arm in np.ndindex(self.generators.shape[:2]):
            Q = self.generators[period, arm]
            for first in range(0, here.count, 7):
                ruling = 1 if here.out[first] else arm
                if switches:
                    ruling += 2 * here.rescued[first] + 4 * here.treated[first] + 8 * here.damaged[first]
                Q[first : first + 7, first : first + 7] += model.generators[stratum, period, ruling]
            moves = [(~here.out & here.alive, 14, drop * leaves[np.minimum(here.grade, 5)])]
            moves.append((~here.out & ~here.rescued & here.alive, 7, np.full(here.count, rescue)))
            if here.tumour:
                moves.append((~here.treated & here.alive, here.tumour, np.full(here.count, tumour)))
            if here.damage:
                moves.append((~here.damaged & here.alive, here.damage, np.full(here.count, damage)))
            for who, step, rate in moves:
                for i in np.flatnonzero(who):
                    Q[i, i + step] += rate[i]
                    Q[i, i] -= rate[i]
        self._step = lru_cache(maxsize=None)(self._one_step)
        self.between = lru_cache(maxsize=None)(self._between)
        self.on_and_off = lru_cache(maxsize=None)(self._on_and_off)

    def _one_step(self, period: int, arm: int, days: float) -> NDArray[np.float64]:
        return transition_probabilities(self.generators[period, arm], days)

    def _on_and_off(self, begin: float, stop: float, end: float) -> NDArray[np.float64]:
        """Give the probabilities with IVIg from `begin` to `stop` and without it until `end`."""
        return self.between(0, begin, stop) @ self.between(1, stop, end)

    def _between(self, arm: int, begin: float, end: float) -> NDArray[np.float64]:
        made = np.eye(self.states.count)
        for period, change in enumerate(self.changes):
            if begin >= end:
                break
            if begin >= change:
                continue
            until = min(end, float(change))
            made = made @ self._step(period, arm, round(until - begin, 9))
            begin = until
        return made


@dataclass
class _Group:
    """Patients with the same plan: probabilities by (entry, deviation, last category, IVIg, state) at a time.

    IVIg: 0 as planned, 1 stopped for an adverse event so early that a cycle before the decision
    was not given, 2 stopped in the last cycle before the decision or later. `ends[a]` is the day on which IVIg no
    longer acts; `turns` are days on which a share changes.
    """

    X: NDArray[np.float64]
    time: float
    ends: tuple[float, float, float]
    turns: tuple[tuple[float, str, float], ...] = field(default=())

    def at(self, chain: Chain, until: float) -> _Group:
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
                mass = _turned(mass, kind, share, chain.states)
                continue
            break
        return _Group(mass, until, self.ends, tuple(turns))

    def _flow(self, chain: Chain, X: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
        if end <= begin:
            return X
        moved = np.empty_like(X)
        for a in range(3):
            stop = min(max(self.ends[a], begin), end)
            P = chain.on_and_off(begin, stop, end)
            moved[:, :, :, a] = (X[:, :, :, a].reshape(-1, P.shape[0]) @ P).reshape(X.shape[:3] + X.shape[4:])
        return moved


def _turned(X: NDArray[np.float64], kind: str, share: float, states: States) -> NDArray[np.float64]:
    after = X.copy()
    if kind == "rescue":
        begins = np.flatnonzero(states.alive_in & ~states.rescued)
        moved = share * X[..., begins]
        after[..., begins + 7] += moved
        after[..., begins] -= moved
        return after
    target = 1 if kind == "stop" else 2
    moved = share * X[:, :, :, 0] * states.alive_in
    after[:, :, :, target] += moved
    after[:, :, :, 0] -= moved
    return after


class _Patient:
    """Follow the patients of one stratum through the protocol and add up what happens."""

    def __init__(self, model: Model, alike: tuple[int, ...], baseline: int | None = None) -> None:
        self.model, self.chain = model, Chain(model, alike[0], baseline or 0)
        self.states = self.chain.states
        w = model.whole
        self.points = int(w[at.POINTS])
        mine = (model.entry_codes[:, 0] == 0) & np.isin(model.entry_codes[:, 1], alike)
        if baseline is not None:
            mine &= model.entry_codes[:, 2] == baseline
        self.entries, which = np.unique(model.entry_codes[mine, 2:5], axis=0, return_inverse=True)
        share = np.bincount(which.ravel(), model.entry_probabilities[mine]) / model.enrolled_share
        # a rating is at most so many grades off: a repeated deviation only shrinks at the ends of the scale
        rated_as, grade = np.nonzero(model.rating.kernel[:6, :6].T)
        self.off = int(np.abs(rated_as - grade).max()) if model.rating.persistence > 0 else 0
        self.deviations = 2 * self.off + 1
        X = np.zeros((len(share), self.deviations, 4, 3, self.states.count))
        for b, (g, r, begins) in enumerate(self.entries):
            X[b, r - g + self.off if self.off else 0, _NO_RATING, 0, begins] = share[b]
        self.start = X
        self.totals: dict[str, float] = {}
        self.secondary = _secondary_names(model)
        self.cycle_days, self.before = int(w[at.CYCLE_DAYS]), int(w[at.CYCLES_BEFORE])
        no_stop = (1 - model.stop_per_infusion) ** int(w[at.INFUSION_DAYS])
        self.stop_per_cycle = 1 - no_stop
        self.rescue_if_worse = float(model.real[at.RESCUE_IF_WORSE])
        grades = np.minimum(self.states.grade, 5)
        begin = int(w[at.TO_MISSES])
        ratios = model.real[begin : begin + 36].reshape(6, 6)[self.entries[:, 0]][:, grades]
        self.miss_ratios = ratios if w[at.MISSES] else None  # entry x state
        # category of a rating r of entry b: 0-2
        self.category = np.array(
            [
                [int(rules.change_category(int(r0), r, self.points)) for r in range(6)]
                for _, r0, _ in self.entries
            ]
        )
        self.true_category = np.array(
            [
                [int(rules.change_category(int(g0), g, self.points)) for g in range(7)]
                for g0, _, _ in self.entries
            ]
        )

        self.answers = lru_cache(maxsize=None)(self._answered)
        self.repeats = self._repeated() if self.deviations > 1 else None

    def add(self, name: str, value: float) -> None:
        self.totals[name] = self.totals.get(name, 0.0) + float(value)

    def rated(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rate everybody: (entry, deviation, last, IVIg, state) -> the same by category of the rating (3 in front)."""
        kernel = self.model.rating.kernel[:6, :6]
        out = np.zeros((3, *X.shape))
        grades = self.states.grade[self.states.alive_in]
        if self.repeats is None:
            # chance of each category, by entry and true grade
            chance = np.zeros((3, X.shape[0], 6))
            for c in range(3):
                chance[c] = (self.category == c).astype(float) @ kernel.T
            known = X.sum(axis=2)[:, 0][
                ..., self.states.alive_in
            ]  # the category of the last rating is forgotten
            for c in range(3):
                out[c, :, 0, c][..., self.states.alive_in] = known * chance[c][:, None, grades]
            return out
        mass = X.sum(axis=2)[..., self.states.alive_in].transpose(0, 3, 2, 1)  # entry, state, IVIg, deviation
        for c in range(3):
            moved = mass @ self.repeats[c][:, grades]
            out[c, :, :, c][..., self.states.alive_in] = moved.transpose(0, 3, 2, 1)
        return out

    def _repeated(self) -> NDArray[np.float64]:
        """Give the chance of the next deviation, by category of the rating, entry, true grade and deviation before."""
        kernel, persistence = self.model.rating.kernel[:6, :6], self.model.rating.persistence
        made = np.zeros((3, len(self.entries), 6, self.deviations, self.deviations))
        for b, g, d in np.ndindex(len(self.entries), 6, self.deviations):
            chances = (1 - persistence) * kernel[g]
            chances[min(max(g + d - self.off, 0), 5)] += persistence
            for r in np.flatnonzero(chances):
                made[self.category[b, r], b, g, d, r - g + self.off] += chances[r]
        return made

    def run(self, only: int | None = None) -> dict[str, float]:
        """Follow everybody to the end of follow-up, or through the visits up to `only`."""
        model, w = self.model, self.model.whole
        turns = tuple(
            (float(self.cycle_days * k), "stop", self.stop_per_cycle) for k in range(1, self.before)
        ) if self.stop_per_cycle > 0 else ()  # fmt: skip
        # who stops in cycle k loses IVIg at the end of that cycle, which is when the share turns
        group = _Group(self.start, 0.0, (_FAR, 0.0, float(self.cycle_days * self.before)), turns)
        self._early_cycles()
        missed = model.real[at.VISIT_MISSED + int(w[at.VISITS]) :]
        groups = [group]
        for e, day in enumerate(model.extra_days):
            after: list[_Group] = []
            for part in groups:
                now = part.at(self.chain, float(day))
                present, absent = self._attending(now.X, float(missed[e]))
                after += [replace(now, X=absent), *self._rated_only(replace(now, X=present), float(day))]
            groups = self._merged(after, float(day) + (1.0 if self.rescue_if_worse > 0 else 0.0))
        for v in range(int(w[at.VISITS]) if only is None else only + 1):
            groups = self._visit(groups, v)
        if only is not None:
            return self.totals
        for group in groups:
            for name, day in zip(ALIVE, ALIVE_DAYS, strict=True):
                if group.time <= day <= w[at.FOLLOW_UP]:
                    self.add(name, group.at(self.chain, float(day)).X[..., self.states.alive].sum())
            end = group.at(self.chain, float(w[at.FOLLOW_UP]))
            mass = end.X.sum(axis=(0, 1, 2, 3))
            self.add("deaths", mass[self.states.dead_seen].sum())
            self.add("dropped_out", mass[self.states.out].sum())
            self.add("rescued", mass[self.states.rescued].sum())
        return self.totals

    # --- one visit
    def _visit(self, groups: list[_Group], v: int) -> list[_Group]:
        model = self.model
        target, first, last = (float(day) for day in model.visits[v])
        missed = float(model.real[at.VISIT_MISSED + v])
        decides = v == int(model.whole[at.DECISION_VISIT])
        after: list[_Group] = []
        informed = self.miss_ratios is not None
        for group in groups:
            if missed > 0 and not informed:
                after.append(self._missed(replace(group, X=missed * group.X), v, decides=decides))
            for j, weight in enumerate(model.jitter):
                day = target + float(model.whole[at.JITTER_LOW]) + j
                part = replace(group, X=(1.0 if informed else 1 - missed) * weight * group.X)
                if first <= day <= last:
                    after += self._in_window(part, v, day, decides=decides)
                else:
                    after += self._out_of_window(part, v, day, decides=decides)
        until = max(last, target - float(model.whole[at.JITTER_LOW]))
        return self._merged(after, until)

    def _merged(self, groups: list[_Group], until: float) -> list[_Group]:
        """Bring all to one day, no visit being open then, and put those with the same plan together."""
        found: dict[tuple[object, ...], _Group] = {}
        for group in groups:
            now = group.at(self.chain, until)
            ends = (
                0.0 if now.ends[0] <= until else now.ends[0],
                0.0 if now.ends[1] <= until else now.ends[1],
                0.0 if now.ends[2] <= until else now.ends[2],
            )
            other = found.get((ends, now.turns))
            X = now.X if other is None else now.X + other.X
            found[ends, now.turns] = replace(now, X=X, ends=ends)
        return list(found.values())

    def _missed(self, group: _Group, v: int, *, decides: bool) -> _Group:
        target, _, last = (float(day) for day in self.model.visits[v])
        group = group.at(self.chain, target)
        self._truth(group.X, v)
        if decides:
            group = replace(group, ends=tuple(min(end, target) for end in group.ends))
        return self._no_value(group, v, last)

    def _no_value(self, group: _Group, v: int, last: float) -> _Group:
        """Count patients without a rating in the window, who stand at the target day; give them at its end."""
        whole = np.zeros_like(group.X)
        for rescued in (False, True):
            part = group.X * (rescued == self.states.rescued)
            end = replace(group, X=part).at(self.chain, last)
            whole += end.X
            dead = end.X * self.states.dead_seen
            self._value(v, dead, dead=True)
            self._value(v, end.X - dead, rescued=rescued)
        return replace(group.at(self.chain, last), X=whole)

    def _attending(
        self, X: NDArray[np.float64], missed: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Part those who are missed on this day, whatever their grade or by it; the others keep all else."""
        if self.miss_ratios is None:
            away = np.where(self.states.alive_in, missed, 0.0)[None, :]
        else:
            away = np.where(self.states.alive_in, np.minimum(1.0, missed * self.miss_ratios), 0.0)
        absent = X * away[:, None, None, None, :]
        return X - absent, absent

    def _missed_at(self, v: int) -> float:
        """Give the chance of a missed visit that is drawn on its day; 0 where it was drawn before."""
        return 0.0 if self.miss_ratios is None else float(self.model.real[at.VISIT_MISSED + v])

    def _rated_only(self, group: _Group, day: float) -> list[_Group]:
        """Rate those who are there, where no visit's value comes from it."""
        seen = group.X * self.states.alive_in
        rated = self.rated(seen)
        rest = group.X - seen
        if self.rescue_if_worse == 0:
            return [replace(group, X=rest + rated.sum(axis=0))]
        turns = tuple(sorted((*group.turns, (day + 1, "rescue", self.rescue_if_worse))))
        return [replace(group, X=rest + rated[0] + rated[1]), replace(group, X=rated[2], turns=turns)]

    def _stopped_by(self, group: _Group, day: float, *, decides: bool) -> _Group:
        """End IVIg where the decision visit came to nothing."""
        return replace(group, ends=tuple(min(end, day) for end in group.ends)) if decides else group

    def _out_of_window(self, group: _Group, v: int, day: float, *, decides: bool) -> list[_Group]:
        """Follow a visit too early or too late: its rating is none of this visit, but may be the last one."""
        target, _, last = (float(d) for d in self.model.visits[v])
        if day < target:
            now = group.at(self.chain, day)
            present, absent = self._attending(now.X, self._missed_at(v))
            seen = self._rated_only(self._stopped_by(replace(now, X=present), day, decides=decides), day)
            after: list[_Group] = []
            for k, part in enumerate([*seen, replace(now, X=absent)]):
                there = part.at(self.chain, target)
                self._truth(there.X, v)
                there = self._stopped_by(there, target, decides=decides) if k == len(seen) else there
                after.append(self._no_value(there, v, last))
            return after
        group = group.at(self.chain, target)
        self._truth(group.X, v)
        now = self._no_value(group, v, last).at(self.chain, day)
        present, absent = self._attending(now.X, self._missed_at(v))
        seen = self._rated_only(replace(now, X=present), day)
        return [self._stopped_by(part, day, decides=decides) for part in (*seen, replace(now, X=absent))]

    def _in_window(self, group: _Group, v: int, day: float, *, decides: bool) -> list[_Group]:
        target = float(self.model.visits[v, 0])
        if day <= target:
            group = group.at(self.chain, day)
            early = [(group.X, None)]
        else:
            group = group.at(self.chain, target)
            self._truth(group.X, v)
            early = [(group.X * ~self.states.rescued, False), (group.X * self.states.rescued, True)]
        unrated = np.zeros_like(group.X)
        rated = np.zeros((3, *group.X.shape))
        after: list[_Group] = []
        for X, rescued in early:
            now = replace(group, X=X).at(self.chain, day)
            present, absent = self._attending(now.X, self._missed_at(v))
            if absent.any():
                after.append(self._absent(replace(now, X=absent), v, rescued, decides=decides))
            seen = present * self.states.alive_in
            rest = present - seen
            unrated += rest
            rated += self.rated(seen)
            dead = rest * self.states.dead_seen
            self._value(v, dead, dead=True)
            for state in (False, True) if rescued is None else (rescued,):
                mine = (rest - dead) * (state == self.states.rescued) if rescued is None else rest - dead
                self._value(v, mine, rescued=state)
        now = group.at(self.chain, day)
        # out of the study or dead: the plan no longer matters
        left = replace(now, X=unrated, ends=(0.0, 0.0, 0.0), turns=())
        if day <= target:
            left = left.at(self.chain, target)
            self._truth(left.X, v)
        return [left, *after, *self._after_rating(now, rated, v, day, decides=decides)]

    def _absent(self, group: _Group, v: int, rescued: bool | None, *, decides: bool) -> _Group:
        """Follow those who were missed on a day within the window; after the target day it is known who was rescued."""
        target, _, last = (float(d) for d in self.model.visits[v])
        if rescued is None:
            group = group.at(self.chain, target)
            self._truth(group.X, v)
            return self._no_value(self._stopped_by(group, target, decides=decides), v, last)
        end = self._stopped_by(group, group.time, decides=decides).at(self.chain, last)
        dead = end.X * self.states.dead_seen
        self._value(v, dead, dead=True)
        self._value(v, end.X - dead, rescued=rescued)
        return end

    def _after_rating(
        self, now: _Group, rated: NDArray[np.float64], v: int, day: float, *, decides: bool
    ) -> list[_Group]:
        """Decide on those rated in the window, by category, and count their values."""
        target = float(self.model.visits[v, 0])
        after: list[_Group] = []
        anyway = float(self.model.real[at.CONTINUE_ANYWAY])
        ways = ((True, True, (0, 1), 1.0), (False, False, (2,), 1 - anyway), (False, True, (2,), anyway))
        for decided, go, cats, weight in ways:
            if weight == 0:
                continue
            children = [
                (c, self._planned(replace(now, X=weight * rated[c]), day, c, go=go, decides=decides))
                for c in cats
            ]
            if decides:
                for _, child in children:
                    self._decided(child.X, go=decided)
            merged: _Group | None = None
            for c, child in children:
                for rescued in (False, True):
                    part = replace(child, X=child.X * (rescued == self.states.rescued)).at(
                        self.chain, max(day, target)
                    )
                    dead = part.X * self.states.dead_seen if day < target else np.zeros_like(part.X)
                    self._value(v, dead, dead=True)
                    self._value(v, part.X - dead, category=c, rescued=rescued)
                ended = child.at(self.chain, max(day, target))
                if day <= target:
                    self._truth(ended.X, v)
                merged = ended if merged is None else replace(merged, X=merged.X + ended.X)
            if merged is not None:
                if decides and go:
                    self._late_cycles(merged, day)
                after.append(merged)
        return after

    def _planned(self, group: _Group, day: float, category: int, *, go: bool, decides: bool) -> _Group:
        """Give the plan after a rating, and after the decision."""
        w = self.model.whole
        share = self.rescue_if_worse if category == rules.DETERIORATED else 0.0
        if decides and not go:
            share = 1 - (1 - share) * (1 - float(self.model.real[at.RESCUE_AFTER]))
        rescue = ((day + 1, "rescue", share),) if share > 0 else ()
        if not decides:
            return replace(group, turns=tuple(sorted((*group.turns, *rescue)))) if rescue else group
        if not go:
            return replace(self._stopped_by(group, day, decides=True), turns=rescue)
        stays = self.stop_per_cycle == 0
        X = group.X if stays else _turned(group.X, "late stop", self.stop_per_cycle, self.states)
        base = max(float(self.cycle_days * self.before), day)
        later = int(w[at.CYCLES_ALL]) - self.before
        turns = tuple(
            (base + self.cycle_days * k, "late stop", self.stop_per_cycle) for k in range(1, later)
        ) if self.stop_per_cycle > 0 else ()  # fmt: skip
        end = base + self.cycle_days * later
        before = float(self.cycle_days * self.before)
        return replace(group, X=X, ends=(end, 0.0, before), turns=tuple(sorted((*rescue, *turns))))

    # --- counting
    def _truth(self, X: NDArray[np.float64], v: int) -> None:
        if v != int(self.model.whole[at.ENDPOINT_VISIT]):
            return
        by_entry = X.sum(axis=(1, 2, 3))
        better = self.true_category[:, self.states.grade] == rules.IMPROVED
        self.add("true_response", (by_entry * better).sum())
        self.add("true_death", by_entry[:, self.states.grade == rules.DEAD].sum())

    def _decided(self, X: NDArray[np.float64], *, go: bool) -> None:
        by_entry = X.sum(axis=(1, 2, 3))
        worse = self.true_category[:, self.states.grade] == rules.DETERIORATED
        bad, good = (by_entry * worse).sum(), (by_entry * ~worse).sum()
        self.add("decided_on_deteriorated", bad)
        self.add("decided_on_stable_or_improved", good)
        self.add("continued_though_deteriorated", bad if go else 0.0)
        self.add("stopped_though_stable_or_improved", 0.0 if go else good)

    def _value(
        self, v: int, X: NDArray[np.float64], *, category: int = -1, rescued: bool = False, dead: bool = False
    ) -> None:
        """Count patients with this value at the visit: (entry, deviation, last category, IVIg, state)."""
        w = self.model.whole
        mass = float(X.sum())
        if mass == 0:
            return
        category = rules.DETERIORATED if dead else category
        by_last = X.sum(axis=(0, 1, 4))
        answers = self.answers(category, rescued, dead)
        responds = float(by_last[answers == rules.RESPONDER].sum())
        excluded = float(by_last[answers == rules.EXCLUDED].sum())
        if v == int(w[at.ENDPOINT_VISIT]):
            self.add("response", responds)
            self.add("excluded", excluded)
            self.add("missing" if category < 0 else rules.CATEGORIES[category], mass)
            self.add("dead", mass if dead else 0.0)
        if v == int(w[at.DECISION_VISIT]):
            code = rules.interim_decision(category, int(dead))
            self.add("decision_" + rules.DECISIONS[code].replace(" ", "_"), mass)
        for response, died, missing in self.secondary.get(v, ()):
            self.add(response, responds)
            self.add(died, mass if dead else 0.0)
            self.add(missing, mass if category < 0 else 0.0)

    def _answered(self, category: int, rescued: bool, dead: bool) -> NDArray[np.int64]:
        """Ask the rule of the response, by category of the last rating and by IVIg."""
        w = self.model.whole
        strategies = [
            int(w[s])
            for s in (at.DEATH_STRATEGY, at.RESCUE_STRATEGY, at.STOPPED_STRATEGY, at.MISSING_STRATEGY)
        ]
        made = np.zeros((4, 3), np.int64)
        for last, arm in np.ndindex(4, 3):
            reason = rules.response_reason(
                1, int(dead), int(rescued), int(arm == 1), category, last if last < _NO_RATING else -1, -1, *strategies
            )  # fmt: skip
            made[last, arm] = rules.response(int(reason))
        return made

    def _infusions(self, start: NDArray[np.float64], begin: float, base: float, cycles: int) -> None:
        """Count the infusions of patients on their plan, who stand at `begin` with the probabilities `start`."""
        model = self.model
        days = int(model.whole[at.INFUSION_DAYS])
        delays = model.delays.reshape(-1, 2).sum(axis=1)
        go_on = 1 - model.stop_per_infusion
        for k in range(cycles):
            for late, share in enumerate(delays):
                # nothing delays the first infusion of all: it is day 1
                chance = float(late == 0) if k == 0 and base == 0 and begin == 0 else float(share)
                if chance == 0:
                    continue
                for i in range(days):
                    day = base + self.cycle_days * k + late + i
                    here = float((start @ self.chain.between(0, begin, day))[self.states.alive_in].sum())
                    given = chance * here * go_on ** (k * days + i)
                    self.add("infusions", given)
                    self.add("cycles_per_patient", given if i == 0 else 0.0)

    def _early_cycles(self) -> None:
        self._infusions(self.start.sum(axis=(0, 1, 2, 3)), 0.0, 0.0, self.before)

    def _late_cycles(self, group: _Group, day: float) -> None:
        later = int(self.model.whole[at.CYCLES_ALL]) - self.before
        start = group.X[:, :, :, 0].sum(axis=(0, 1, 2))
        self._infusions(start, group.time, max(float(self.cycle_days * self.before), day), later)


def _secondary_names(model: Model) -> dict[int, list[tuple[str, ...]]]:
    """Give the names of the quantities of each visit that is a secondary one."""
    names = [name for name, _ in model.names(primary=True)]
    first = names.index(SECONDARY_QUANTITIES[0])
    later = names[len(SECONDARY_QUANTITIES) + first :]
    found: dict[int, list[tuple[str, ...]]] = {}
    for k, v in enumerate(model.secondary):
        named = SECONDARY_QUANTITIES if k == 0 else tuple(later[3 * (k - 1) : 3 * k])
        found.setdefault(v, []).append(named)
    return found


def _followed(model: Model) -> list[_Patient]:
    """Group the strata that have the same rates at all times, and by true baseline where drop-out depends on it."""
    alike, first = classes(model.generators, model.changes, model.starts)
    begin = int(model.whole[at.TO_LEAVES])
    leaves = model.real[begin : begin + 36].reshape(6, 6)
    by_baseline = bool(model.whole[at.LEAVES]) and bool((leaves != leaves[0]).any())
    found: list[_Patient] = []
    for c in range(first.size):
        strata = tuple(int(s) for s in np.flatnonzero(alike == c))
        mine = (model.entry_codes[:, 0] == 0) & np.isin(model.entry_codes[:, 1], strata)
        baselines = np.unique(model.entry_codes[mine, 2]) if by_baseline else [None]
        found += [_Patient(model, strata, None if g is None else int(g)) for g in baselines]
    return found


def endpoint_probabilities(model: Model) -> dict[str, float]:
    """Give what becomes of one enrolled patient by the endpoint visit.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict of str to float
        ``true_response`` and ``true_death`` on the visit's target day, whatever was rated or seen (patients who dropped
        out count as they are); ``response`` and ``excluded`` as the estimand reads them, where they have an exact
        answer.
    """
    last = int(model.whole[at.ENDPOINT_VISIT])
    names = ["true_response", "true_death"]
    if "reported_response" not in _without(model):
        names += ["response", "excluded"]
    totals = dict.fromkeys(names, 0.0)
    for patient in _followed(model):
        found = patient.run(last)
        for name in names:
            totals[name] += found.get(name, 0.0)
    return totals


def true_response(model: Model) -> float:
    """Give the share of enrolled patients who are truly improved on the endpoint visit's target day.

    Parameters
    ----------
    model : Model

    Returns
    -------
    float
        Whatever was rated or seen; death is no improvement, patients who dropped out count as they are.
    """
    return endpoint_probabilities(model)["true_response"]


def responder_distribution(
    response: float, excluded: float, n: int, success: Boundaries
) -> tuple[NDArray[np.float64], float]:
    """Give the joint distribution of (counted, responders) at the end of a trial.

    Parameters
    ----------
    response, excluded : float
        Probabilities that a patient responds, or is not counted.
    n : int
        Patients enrolled.
    success : Boundaries
        For the first stage.

    Returns
    -------
    ndarray, shape (2, n + 1, n + 1)
        Probabilities by (went on or stopped, patients counted, responders); stopped trials stand with the counts
        of their first stage.
    float
        Probability of stopping.
    """

    def after_enrolling(joint: NDArray[np.float64], patients: int) -> NDArray[np.float64]:
        for _ in range(patients):
            after = excluded * joint
            after[1:, 1:] += response * joint[:-1, :-1]
            after[1:, :] += (1 - response - excluded) * joint[:-1, :]
            joint = after
        return joint

    joint = np.zeros((n + 1, n + 1))
    joint[0, 0] = 1.0
    stopped = np.zeros_like(joint)
    if success.first_n:
        joint = after_enrolling(joint, success.first_n)
        stopped[:, : success.first_stop + 1] = joint[:, : success.first_stop + 1]
        joint = joint - stopped
    return np.stack([after_enrolling(joint, n - success.first_n), stopped]), float(stopped.sum())


def exact_characteristics(protocol: Protocol, scenario: Scenario) -> ExactCharacteristics:
    """Give the operating characteristics that have an exact answer.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    ExactCharacteristics
        Quantities under the names of `simulate`; `without` says which have none here, and why.

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together.

    Examples
    --------
    >>> import pnstrial as pns
    >>> result = exact_characteristics(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"))
    >>> sorted(result.without)[:2]
    ['duration_months', 'power_logrank']
    """
    model = build_model(protocol, scenario)
    totals: dict[str, float] = {}
    for patient in _followed(model):
        for name, value in patient.run().items():
            totals[name] = totals.get(name, 0.0) + value
    n = int(model.whole[at.N])
    without = _without(model)
    values = _trial_values(model, protocol, totals, n)
    for name in without:
        values.pop(name, None)
    if any("no exact response" in reason for reason in without.values()):
        values = {name: value for name, value in values.items() if not name.startswith("responders")}
    order = [name for name, _ in model.names(primary=False)]
    listed = {name: values[name] for name in order if name in values}
    listed |= {name: value for name, value in values.items() if name not in listed}
    return ExactCharacteristics(
        n_patients=n, critical_count=int(model.success.minimum[n]), scenario=scenario.id, answers=listed,
        without=without, provenance=Provenance(protocol.id, protocol.version),
    )  # fmt: skip


def _without(model: Model) -> dict[str, str]:
    """Say which quantities have no exact answer, and why."""
    w = model.whole
    without = model.without | {
        "duration_months": "the longest of many follow-ups has no closed form",
        "power_signed_rank": "tests on the ranks are simulated",
        "signed_rank_worse": "tests on the ranks are simulated",
        "power_sign_test": "tests on the ranks are simulated",
        "power_logrank": "tests on survival are simulated",
    }
    last = float(max(model.visits[:, 2].max(), model.visits[-1, 0] - w[at.JITTER_LOW]))
    without |= {
        name: "this day lies before the end of the last visit"
        for name, day in zip(ALIVE, ALIVE_DAYS, strict=True)
        if day < last
    }
    if w[at.SWITCHES] and model.real[at.RESCUE_IF_WORSE] > 0:
        without |= dict.fromkeys(
            (
                "cycles_per_patient", "grams_per_patient", "grams_per_trial", "stopped_for_adverse_event",
                "adverse_events_per_patient",
            ),
            "infusions are counted without the rescue that a rating sets off",
        )  # fmt: skip
    if w[at.CLOSING] < w[at.FOLLOW_UP]:
        reason = "the trial closes before the last patient's follow-up ends, on a random date"
        without |= dict.fromkeys(("deaths", "dropped_out", "rescued"), reason)
    stops = (
        model.stop_per_infusion > 0
        or model.real[at.DROP_RATE] > 0
        or bool((model.generators[..., 6] > 0).any())
    )
    keeps = w[at.MISSING_STRATEGY] == rules.MISSING_NON_RESPONDER
    strategy = w[at.STOPPED_STRATEGY]
    if stops and (strategy == rules.STOPPED_WHILE_ON or (strategy == rules.STOPPED_COMPOSITE and not keeps)):
        reason = "no exact response where the strategy for stopped IVIg meets values that are missing"
        without |= dict.fromkeys(
            (
                "probability_of_success", "responders", "counted", "reported_response", "bias", "coverage",
                "stopped_at_first_stage", "enrolled", "secondary_response", "deaths", "grams_per_trial", "screened",
                "enrolment_months",
            ),
            reason,
        )  # fmt: skip
    return without


def _trial_values(model: Model, protocol: Protocol, totals: dict[str, float], n: int) -> dict[str, float]:
    from pnstrial.design.counts.proportion import clopper_pearson

    w = model.whole
    response, excluded = totals.get("response", 0.0), totals.get("excluded", 0.0)
    P, stopped = responder_distribution(response, excluded, n, model.success)
    x = np.arange(n + 1)
    m = np.arange(n + 1)[:, None]
    succeeds = (x[None, :] >= model.success.minimum[:, None]) & (m > 0) & (x[None, :] <= m)
    both = P.sum(axis=0)
    share = np.where(m > 0, x[None, :] / np.maximum(m, 1), 0.0)
    low, high = clopper_pearson(np.minimum(x[None, :], m), m, protocol.endpoint.level)
    truth = totals.get("true_response", 0.0)
    enrolled = n - stopped * (n - int(w[at.FIRST_N]))
    infusions = totals.get("infusions", 0.0)
    per_event = _per_infusion(model)
    dose = 1 + float(model.delays.reshape(-1, 2).sum(axis=0)[1]) * (model.real[at.CHANGED_DOSE] - 1)
    kg = float((model.weights * (np.arange(model.weights.size) + int(w[at.WEIGHT_LOW]))).sum())
    grams = infusions * dose * kg * model.real[at.DOSE] / int(w[at.INFUSION_DAYS])
    names = (
        "improved", "stable", "deteriorated", "dead", "missing", "decision_continue", "decision_discontinue",
        "decision_dead", "decision_not_evaluable", "stopped_though_stable_or_improved",
        "continued_though_deteriorated", "decided_on_stable_or_improved", "decided_on_deteriorated",
        *(name for part in _secondary_names(model).values() for names in part for name in names),
        "cycles_per_patient", "dropped_out", "rescued", *ALIVE,
    )  # fmt: skip
    values = {name: totals.get(name, 0.0) for name in names}
    reported = float((both * share).sum())
    values |= {
        "probability_of_success": float((P[0] * succeeds).sum()),
        "responders": float((both * x[None, :]).sum()),
        "counted": float((both * m).sum()),
        "enrolled": enrolled,
        "reported_response": reported,
        "true_response": truth,
        "coverage": float((both * ((low <= truth) & (truth <= high))).sum()),
        "stopped_at_first_stage": stopped,
        "evaluable": 1 - values["missing"],
        "grams_per_patient": grams,
        "stopped_for_adverse_event": infusions * model.stop_per_infusion,
        "adverse_events_per_patient": infusions * per_event,
        "screened": enrolled / model.enrolled_share,
    }
    if int(w[at.FIRST_N]) == 0:
        # with two stages who is enrolled depends on the responses, and so do these
        values |= {
            "bias": reported - truth,
            "grams_per_trial": grams * n,
            "deaths": totals.get("deaths", 0.0) * n,
            "enrolment_months": n / (model.enrolled_share * model.real[at.SCREEN_RATE] * DAYS_PER_MONTH),
        }
    for rate, top, base in (
        ("wrong_stop_rate", "stopped_though_stable_or_improved", "decided_on_stable_or_improved"),
        ("wrong_continue_rate", "continued_though_deteriorated", "decided_on_deteriorated"),
    ):
        if values[base] > 0:
            values[rate] = values[top] / values[base]
    width = len(str(n))
    values |= {f"responders_{k:0{width}d}": float(both[:, k].sum()) for k in range(n + 1)}
    return values


def _per_infusion(model: Model) -> float:
    """Probability of an adverse event at an infusion: that of the first one of a cycle."""
    return float(model.events[model.event_codes & 1 == 1].sum())

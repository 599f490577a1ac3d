"""What happens to the patients of one stratum on their way through the protocol?

Input: `engine.model.Model`, the chain of a stratum.
Output: totals by name: who responds, is missing, is decided on, is infused.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: the rating kernel at each rating, the decision rule, the plan that follows; patients with one plan are followed
together.
Next: `answers`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial import rules
from pnstrial.engine.exact.chain import NEVER, Chain, Group
from pnstrial.engine.exact.entries import entries_of, secondary_names
from pnstrial.engine.exact.moving import through_moving_visits
from pnstrial.engine.exact.rater import Rater
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import ALIVE_DAYS
from pnstrial.engine.model import ALIVE, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.exact.entries import Given
    from pnstrial.engine.exact.per_protocol import AsPlanned

__all__ = ["Patient"]

NO_RATING: Final = 3


class Patient:
    """Follow the patients of all strata through the protocol and add up what happens.

    Parameters
    ----------
    model : Model
    every_last : bool
        Whether the category of the last rating is kept although the protocol's own estimand does not ask for it.
    given : Given, optional
        How the cycles end, where visits count from the last infusion.
    planned : AsPlanned, optional
        How the cycles up to the decision are as planned, for patients of whom that is known.
    clock : {"independent", "not worse"}, optional
        Time that is counted (see `Chain`); with "not worse" nothing else is.
    values : bool
        Whether what is rated, decided and infused is counted; without it only the truth at the endpoint visit is.
    """

    def __init__(
        self, model: Model, *, every_last: bool = False, given: Given | None = None,
        planned: AsPlanned | None = None, clock: str | None = None, values: bool = True,
    ) -> None:  # fmt: skip
        w, k = model.whole, model.grades
        self.planned, self.clock, self.until_worse = planned, clock, clock == "not worse"
        self.counts = values and not self.until_worse
        self.truth_only = not values and not self.until_worse
        cases, self.entries, share = entries_of(model, by_baseline=self.until_worse)
        share = share * (1.0 if given is None else given.share)
        last = 0 if given is None else given.last_infusion
        self.given: Given | None = given
        self.visits: NDArray[np.int64] = model.visits + model.anchored[:, None] * last
        self.model, self.chain = model, Chain(model, cases, clock=clock)
        self.cases, self.states = len(cases), self.chain.states
        locf = int(w[at.MISSING_STRATEGY]) == rules.MISSING_LOCF
        keeps = every_last or locf or int(w[at.STOPPED_STRATEGY]) == rules.STOPPED_WHILE_ON
        self.lasts = 4 if keeps else 1
        self.rater = Rater(model, self.entries, self.states, self.lasts)
        off = self.rater.off
        X = np.zeros((len(share), self.rater.deviations, self.lasts, 3, self.states.width))
        for b, (g, r, begins, _) in enumerate(self.entries):
            if self.until_worse and begins > g:  # worse from the beginning
                continue
            X[b, r - g + off if off else 0, -1, 0, begins] = share[b]
        self.start = X
        self.totals: dict[str, float] = {}
        self.at_endpoint: dict[tuple[int, bool, bool], NDArray[np.float64]] = {}
        self.secondary = secondary_names(model)
        self.cycle_days, self.before = int(w[at.CYCLE_DAYS]), int(w[at.CYCLES_BEFORE])
        self.joined = int(w[at.JOINED])
        self.decides = int(w[at.DECISION_VISIT]) >= 0
        self.stop_per_cycle = 1 - (1 - model.stop_per_infusion) ** int(w[at.INFUSION_DAYS])
        self.goes_on = tuple(int(c) for c in np.flatnonzero(model.decisions[1:4] == rules.CONTINUE))
        self.rescue_if_worse = float(model.real[at.RESCUE_IF_WORSE])
        grades = np.minimum(self.states.grade, k - 1)
        begin = int(w[at.TO_MISSES])
        ratios = model.real[begin : begin + k * k].reshape(k, k)[self.entries[:, 0]][:, grades]
        self.miss_ratios = ratios if w[at.MISSES] else None  # entry x state
        self.true_category = model.categories[self.entries[:, 0], 1:]
        self.answered: dict[tuple[int, bool, bool], NDArray[np.int64]] = {}

    def truly(self, v: int) -> NDArray[np.float64]:
        """Give the chance that the parts at a visit truly hold, or none does (`scales.parts`), by entry and state."""
        return self.model.asked.truly[v][self.entries[:, 3]][:, self.states.grade]

    def add(self, name: str, value: float) -> None:
        """Add to a total."""
        self.totals[name] = self.totals.get(name, 0.0) + float(value)

    def run(self, only: int | None = None) -> dict[str, float]:
        """Follow everybody to the end of follow-up, or through the visits up to `only`."""
        w = self.model.whole
        if only is None and self.counts and (self.given is None or self.given.first):
            self._early_cycles()
        horizon = self.chain.horizon
        if self.until_worse and self.chain.same:
            groups = [
                Group(self.start, 0.0, (NEVER, NEVER, NEVER))
            ]  # nothing that happens changes their rates
        else:
            groups = self.through_visits(only)
        if self.until_worse:
            self.totals["time"] = sum(
                float(group.at(self.chain, max(horizon, group.time)).X[..., -1].sum()) for group in groups
            )
            return self.totals
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
            if self.clock is not None:
                self.add("time", mass[-1])
        return self.totals

    def through_visits(self, only: int | None) -> list[Group]:
        """Follow everybody through the ratings and the visits, up to `only`."""
        model, w = self.model, self.model.whole
        missed = model.real[at.VISIT_MISSED + int(w[at.VISITS]) :]
        groups = [self._first_plan()]
        for e, day in enumerate(model.extra_days if not self._without_consequence(-1) else ()):
            after: list[Group] = []
            for part in groups:
                now = part.at(self.chain, float(day))
                present, absent = self._attending(now.X, float(missed[e]))
                after += [replace(now, X=absent), *self._rated_only(replace(now, X=present), float(day))]
            groups = self._merged(after, float(day) + (1.0 if self.rescue_if_worse > 0 else 0.0))
        if w[at.MOVES]:
            return through_moving_visits(self, groups, only)
        for v in range(int(w[at.VISITS]) if only is None else only + 1):
            if self.truth_only and v == int(w[at.ENDPOINT_VISIT]):
                self._truth_at_endpoint(groups, v)
            elif not self._without_consequence(v):
                groups = self.visit(groups, v, ends=v == int(w[at.VISITS]) - 1)
        return groups

    def _truth_at_endpoint(self, groups: list[Group], v: int) -> None:
        """Count the truth on the target day: only those who are rated up to it can have another plan by then."""
        model, target, free = self.model, float(self.visits[v, 0]), self._without_consequence(v)
        decides = v == int(model.whole[at.DECISION_VISIT])
        missed = 0.0 if self.miss_ratios is not None else float(model.real[at.VISIT_MISSED + v])
        days = target + float(model.whole[at.JITTER_LOW]) + np.arange(model.jitter.size)
        early = np.zeros(days.size, bool) if free else days <= target
        for group in groups:
            later = 1 - (1 - missed) * float(model.jitter[early].sum())
            now = group.at(self.chain, target)
            self.at_target(replace(now, X=later * now.X), v)
            for day, weight in zip(days[early].tolist(), model.jitter[early], strict=True):
                part = replace(group, X=(1 - missed) * weight * group.X)
                follow = self._in_window if day >= self.visits[v, 1] else self._out_of_window
                follow(part, v, day, decides=decides)

    def _without_consequence(self, v: int) -> bool:
        """Say whether no rating at a visit (-1: before the visits) changes anything that is counted, then or later."""
        decision = int(self.model.whole[at.DECISION_VISIT])
        free = decision < 0 or (v != decision and (self.rater.off == 0 or decision < v))
        return (self.truth_only or self.until_worse) and self.rescue_if_worse == 0 and free

    def _first_plan(self) -> Group:
        """Give everybody on day 1, with what is planned up to the decision."""
        w, last = self.model.whole, float(self.cycle_days * self.before)
        begin, ends = self.start, (NEVER if self.decides else float(w[at.ACTS_UNTIL]), 0.0, last)
        if self.given is not None:
            until, stopped_in = self.given.acts_until, self.given.stopped_in
            if stopped_in is not None:
                begin = np.zeros_like(self.start)
                begin[:, :, :, 1 if stopped_in < int(w[at.REQUIRED]) else 2] = self.start[:, :, :, 0]
            ends = (until, until, until)
        if self.planned is not None:
            given = [(day, "given", share) for day, share in self.planned.given_by]
            return Group(begin, 0.0, ends, (*given, (given[-1][0], "late stop", self.planned.stopped)))
        if self.stop_per_cycle == 0 or self.given is not None:
            return Group(begin, 0.0, ends)
        # who stops in cycle k loses IVIg at the end of that cycle, which is when the share turns; in the last one
        # IVIg ends by itself, so the share turns on a day before any visit
        required = int(w[at.REQUIRED])
        days = [float(self.cycle_days * k) for k in range(1, self.before)]
        turns = tuple(
            (day, "stop" if k < required else "late stop", self.stop_per_cycle)
            for k, day in enumerate(days, 1)
        )
        if self.decides:
            turns = (*turns, (last - self.cycle_days + 1, "late stop", self.stop_per_cycle))
            return Group(begin, 0.0, ends, turns)
        return Group(begin, 0.0, (ends[0], 0.0, 0.0), (*turns, (last, "late stop", self.stop_per_cycle)))

    # --- one visit
    def _marginal(self, group: Group) -> Group:
        """Forget entry and deviation within each case: what is counted from now on does not ask for them."""
        X = group.X
        added = X.reshape(self.cases, -1, *X.shape[2:]).sum(axis=1)
        return replace(group, X=added[:, None])

    def _counted(self, plan: Group, parts: dict[int, NDArray[np.float64]], v: int, until: float) -> None:
        """Count the values of patients with one plan on a day, by kind, as `Rater.together` numbers them (-1: none).

        Whether rescue had begun is that of now.
        """
        if not self.counts:
            return
        keys: list[tuple[int, bool]] = []
        stacked: list[NDArray[np.float64]] = []
        for category, X in parts.items():
            small = self._marginal(replace(plan, X=X)).X
            for rescued in (False, True):
                mine = small * (rescued == self.states.rescued)
                if mine.any():
                    keys.append((category, rescued))
                    stacked.append(mine)
        if not stacked:
            return
        # the places of the deviations hold what is counted apart
        end = replace(plan, X=np.concatenate(stacked, axis=1)).at(self.chain, until)
        for place, (category, rescued) in enumerate(keys):
            mine = end.X[:, place : place + 1]
            dead = mine * self.states.dead_seen
            self._died(v, dead, rescued if plan.time >= self.visits[v, 0] else None)
            own = category % 3 if category >= 0 else category
            together = own
            if self.joined and category >= 0:  # improved are those for whom all parts hold
                together = rules.IMPROVED if category % 6 > own else max(own, rules.STABLE)
            decided = self._decided_on(category) if v == int(self.model.whole[at.DECISION_VISIT]) else None
            self._value(v, mine - dead, category=own, rescued=rescued, together=together, decided=decided)

    def _decided_on(self, kind: int) -> int:
        """Give the category that is decided on of a kind, as `Rater.together` numbers them."""
        return kind if kind < 0 else kind // 6 if self.rater.decides_apart else kind % 3

    def visit(self, groups: list[Group], v: int, *, ends: bool) -> list[Group]:
        """Follow everybody through a visit; after the last one (`ends`) entries are told apart no longer."""
        model = self.model
        target, first, last = (float(day) for day in self.visits[v])
        missed = float(model.real[at.VISIT_MISSED + v])
        decides = v == int(model.whole[at.DECISION_VISIT])
        after: list[Group] = []
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
        return self._merged([self._marginal(group) for group in after] if ends else after, until)

    def _merged(self, groups: list[Group], until: float) -> list[Group]:
        """Bring all to one day, no visit being open then, and put those with the same plan together."""
        found: dict[tuple[object, ...], Group] = {}
        for group in groups:
            now = group.at(self.chain, until)
            # an end in the past, or of a treatment that changes no rate, tells no plans apart
            first, second, third = (0.0 if end <= until or self.chain.same else end for end in now.ends)
            ends = (first, second, third)
            key = (ends, now.turns, now.resumed)
            other = found.get(key)
            found[key] = replace(now, X=now.X if other is None else now.X + other.X, ends=ends)
        return list(found.values())

    def _missed(self, group: Group, v: int, *, decides: bool) -> Group:
        target, _, last = (float(day) for day in self.visits[v])
        group = self.at_target(group.at(self.chain, target), v)
        if decides:
            group = replace(group, ends=tuple(min(end, target) for end in group.ends))
        return self._no_value(group, v, last)

    def _no_value(self, group: Group, v: int, last: float) -> Group:
        """Count patients without a rating in the window, who stand at the target day; give them at its end."""
        self._counted(group, {-1: group.X}, v, last)
        return self.without_rating(self.without_rescue(group, v).at(self.chain, last), v)

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

    def _rated_only(self, group: Group, day: float) -> list[Group]:
        """Rate those who are there, where no visit's value comes from it."""
        seen = group.X * self.states.alive_in
        rated = self.rater.rated(seen)
        rest = group.X - seen
        if self.rescue_if_worse == 0:
            return [replace(group, X=rest + rated.sum(axis=0))]
        turns = tuple(sorted((*group.turns, (day + 1, "rescue", self.rescue_if_worse))))
        return [replace(group, X=rest + rated[0] + rated[1]), replace(group, X=rated[2], turns=turns)]

    def _stopped_by(self, group: Group, day: float, *, decides: bool) -> Group:
        """End IVIg where the decision visit came to nothing."""
        return replace(group, ends=tuple(min(end, day) for end in group.ends)) if decides else group

    def _out_of_window(self, group: Group, v: int, day: float, *, decides: bool) -> list[Group]:
        """Follow a visit too early or too late: its rating is none of this visit, but may be the last one."""
        target, _, last = (float(d) for d in self.visits[v])
        if day < target:
            now = group.at(self.chain, day)
            present, absent = self._attending(now.X, self._missed_at(v))
            seen = self._rated_only(self._stopped_by(replace(now, X=present), day, decides=decides), day)
            after: list[Group] = []
            for k, part in enumerate([*seen, replace(now, X=absent)]):
                there = self.at_target(part.at(self.chain, target), v)
                there = self._stopped_by(there, target, decides=decides) if k == len(seen) else there
                after.append(self._no_value(there, v, last))
            return after
        group = self.at_target(group.at(self.chain, target), v)
        now = self._no_value(group, v, last).at(self.chain, day)
        present, absent = self._attending(now.X, self._missed_at(v))
        seen = self._rated_only(replace(now, X=present), day)
        return [self._stopped_by(part, day, decides=decides) for part in (*seen, replace(now, X=absent))]

    def _in_window(self, group: Group, v: int, day: float, *, decides: bool) -> list[Group]:
        target = float(self.visits[v, 0])
        if self.miss_ratios is None:
            return self._in_window_drawn_before(group, v, day, decides=decides)
        if day <= target:
            group = group.at(self.chain, day)
            early = [(group.X, None)]
        else:
            group = self.at_target(group.at(self.chain, target), v)
            early = [(group.X * ~self.states.rescued, False), (group.X * self.states.rescued, True)]
        unrated = np.zeros_like(group.X)
        rated = np.zeros((self.rater.kinds(decides=decides), *group.X.shape))
        after: list[Group] = []
        for X, rescued in early:
            now = replace(group, X=X).at(self.chain, day)
            present, absent = self._attending(now.X, self._missed_at(v))
            if absent.any():
                after.append(self._absent(replace(now, X=absent), v, rescued, decides=decides))
            seen = present * self.states.alive_in
            rest = present - seen
            unrated += rest
            rated += self.rated_together(seen, v, decides=decides)
            dead = rest * self.states.dead_seen
            self._died(v, dead, rescued)
            for state in (False, True) if rescued is None else (rescued,):
                mine = (rest - dead) * (state == self.states.rescued) if rescued is None else rest - dead
                self._value(v, mine, rescued=state)
        now = group.at(self.chain, day)
        # out of the study or dead: the plan no longer matters
        left = self._left(now, unrated, v, day)
        return [left, *after, *self._after_rating(now, rated, v, day, decides=decides)]

    def _left(self, now: Group, unrated: NDArray[np.float64], v: int, day: float) -> Group:
        """Bring those who are out of the study or dead to the target day: what is planned no longer matters to them."""
        target = float(self.visits[v, 0])
        given = tuple(turn for turn in now.turns if turn[1] == "given")
        left = replace(now, X=unrated, ends=(0.0, 0.0, 0.0), turns=given)
        return self.at_target(left, v) if day <= target else left

    def _in_window_drawn_before(self, group: Group, v: int, day: float, *, decides: bool) -> list[Group]:
        """Rate those who attend, where it was drawn before the day who does."""
        target = float(self.visits[v, 0])
        constant = group.at(
            self.chain, min(day, target)
        )  # rescue is asked for up to then, where nobody is rated
        if day > target:
            constant = self.at_target(constant, v)
        small = self._marginal(constant)
        for rescued in (False, True) if self.counts else ():
            part = small.X * (rescued == self.states.rescued)
            if part.any():
                rest = replace(small, X=part).at(self.chain, day).X * ~self.states.alive_in
                dead = rest * self.states.dead_seen
                self._died(v, dead, rescued)
                self._value(v, rest - dead, rescued=rescued)
        now, early = constant.at(self.chain, day), self.without_rescue(constant, v)
        seen = now.X * self.states.alive_in
        gone = now if early is constant else early.at(self.chain, day)
        left = self._left(gone, gone.X * ~self.states.alive_in, v, day)
        return [
            self.without_rating(left, v),
            *self._after_rating(now, self.rated_together(seen, v, decides=decides), v, day, decides=decides),
        ]

    def _absent(self, group: Group, v: int, rescued: bool | None, *, decides: bool) -> Group:
        """Follow those who were missed on a day within the window; after the target day it is known who was rescued."""
        target, _, last = (float(d) for d in self.visits[v])
        if rescued is None:
            group = self.at_target(group.at(self.chain, target), v)
            return self._no_value(self._stopped_by(group, target, decides=decides), v, last)
        end = self._stopped_by(group, group.time, decides=decides).at(self.chain, last)
        dead = end.X * self.states.dead_seen
        self._died(v, dead, rescued)
        self._value(v, end.X - dead, rescued=rescued)
        return end

    def _after_rating(
        self, now: Group, rated: NDArray[np.float64], v: int, day: float, *, decides: bool
    ) -> list[Group]:
        """Decide on those rated in the window, by category, and count their values."""
        target = float(self.visits[v, 0])
        after: list[Group] = []
        anyway = float(self.model.real[at.CONTINUE_ANYWAY])
        ways: list[tuple[bool, bool, tuple[int, ...], float]] = []
        for alike in (
            (rules.IMPROVED, rules.STABLE),
            (rules.DETERIORATED,),
        ):  # a worse one may set off rescue
            kinds = [kind for kind in range(len(rated)) if kind % 3 in alike and rated[kind].any()]
            on = tuple(kind for kind in kinds if not decides or self._decided_on(kind) in self.goes_on)
            off = tuple(kind for kind in kinds if kind not in on)
            ways += [(True, True, on, 1.0), (False, False, off, 1 - anyway), (False, True, off, anyway)]
        for decided, go, chosen, weight in ways:
            if weight == 0 or not chosen:
                continue
            children = [
                (kind, self._planned(replace(now, X=weight * rated[kind]), day, kind % 3, go=go, decides=decides))
                for kind in chosen
            ]  # fmt: skip
            if decides:
                for _, child in children:
                    self._decided(child.X, go=decided)
            # all of one way have one plan
            self._counted(children[0][1], {kind: child.X for kind, child in children}, v, max(day, target))
            merged = self.with_rating(children, v, max(day, target))
            if not merged.X.any():
                continue
            if decides and go and self.counts:
                self._late_cycles(merged, day)
            after.append(self.at_target(merged, v) if day <= target else merged)
        return after

    def _planned(self, group: Group, day: float, category: int, *, go: bool, decides: bool) -> Group:
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
        base = max(float(self.cycle_days * self.before), day)
        later = int(w[at.CYCLES_ALL]) - self.before
        turns = tuple(
            (base + self.cycle_days * k, "late stop", self.stop_per_cycle) for k in range(1, later)
        ) if self.stop_per_cycle > 0 and not self.chain.same and not w[at.MOVES] else ()  # fmt: skip
        end = base + self.cycle_days * later
        before = float(self.cycle_days * self.before)
        resumed = base if w[at.MOVES] and self.given is not None and self.given.stopped_in is None else -1.0
        return replace(
            group, ends=(end, 0.0, before), turns=tuple(sorted((*rescue, *turns))), resumed=resumed
        )

    def rated_together(self, X: NDArray[np.float64], v: int, *, decides: bool) -> NDArray[np.float64]:
        """Rate everybody at a visit, by kind."""
        return self.rater.together(X, v, decides=decides)

    # --- who is followed on: everybody, but where parts of the endpoint are at several visits (`apart`)
    def without_rescue(self, group: Group, v: int) -> Group:
        """Give those who are followed on of patients who may have no rating, at the latest of target day and rating."""
        del v
        return group

    def without_rating(self, group: Group, v: int) -> Group:
        """Give those who are followed on of patients without a rating, when it is known who of them died in time."""
        del v
        return group

    def with_rating(self, children: list[tuple[int, Group]], v: int, until: float) -> Group:
        """Give those who are followed on of patients with a rating, by kind (`Rater.together`), put together."""
        del v, until
        return replace(children[0][1], X=sum(child.X for _, child in children))

    # --- counting
    def at_target(self, group: Group, v: int) -> Group:
        """Count who is truly better on the target day of the endpoint visit."""
        if v != int(self.model.whole[at.ENDPOINT_VISIT]):
            return group
        group = group.at(self.chain, float(self.visits[v, 0]))
        if not self.until_worse:
            by_entry, dead = group.X.sum(axis=(1, 2, 3)), ~self.states.alive[: self.states.count]
            better = self.true_category[:, self.states.grade] == rules.IMPROVED
            if self.joined:
                better = self.truly(v) if self.joined == 1 else 1 - self.truly(v)
            self.add("true_response", (by_entry * better).sum())
            self.add("true_death", by_entry[:, : self.states.count][:, dead].sum())
        return group

    def _decided(self, X: NDArray[np.float64], *, go: bool) -> None:
        if not self.counts:
            return
        by_entry = X.sum(axis=(1, 2, 3))
        worse = self.true_category[:, self.states.grade] == rules.DETERIORATED
        bad, good = (by_entry * worse).sum(), (by_entry * ~worse).sum()
        self.add("decided_on_deteriorated", bad)
        self.add("decided_on_stable_or_improved", good)
        self.add("continued_though_deteriorated", bad if go else 0.0)
        self.add("stopped_though_stable_or_improved", 0.0 if go else good)

    def _died(self, v: int, X: NDArray[np.float64], rescued: bool | None) -> None:
        """Count patients whose value is their death; None: whether rescue came first is read off their states."""
        if self.planned is None:  # no estimand asks
            self._value(v, X, dead=True)
            return
        for state in (False, True) if rescued is None else (rescued,):
            mine = X * (state == self.states.rescued) if rescued is None else X
            self._value(v, mine, dead=True, rescued=state)

    def _value(
        self, v: int, X: NDArray[np.float64], *, category: int = -1, rescued: bool = False, dead: bool = False,
        together: int | None = None, decided: int | None = None,
    ) -> None:  # fmt: skip
        """Count patients with this value at the visit: (entry, deviation, last category, IVIg, state)."""
        if not self.counts:
            return
        w, here = self.model.whole, X[..., : self.states.count]
        mass = float(here.sum())
        if mass == 0:
            return
        category = rules.DETERIORATED if dead else category
        by_last = here.sum(axis=(0, 1, 4))
        answers = self.answers(category if together is None else together, rescued, dead)
        responds = float(by_last[answers == rules.RESPONDER].sum())
        excluded = float(by_last[answers == rules.EXCLUDED].sum())
        if v == int(w[at.ENDPOINT_VISIT]):
            key = (category if together is None else together, rescued, dead)
            self.at_endpoint[key] = self.at_endpoint.get(key, 0.0) + by_last
            self.add("response", responds)
            self.add("excluded", excluded)
            self.add("missing" if category < 0 else rules.CATEGORIES[category], mass)
            self.add("dead", mass if dead else 0.0)
            if category >= 0 and not rescued:
                self.add("valued", mass)
                self.add("valued_responds", responds)
        if v == int(w[at.DECISION_VISIT]):
            code = int(self.model.decisions[4 if dead else (category if decided is None else decided) + 1])
            self.add("decision_" + rules.DECISIONS[code].replace(" ", "_"), mass)
        for response, died, missing in self.secondary.get(v, ()):
            self.add(response, responds)
            self.add(died, mass if dead else 0.0)
            self.add(missing, mass if category < 0 else 0.0)

    def answers(self, category: int, rescued: bool, dead: bool) -> NDArray[np.int64]:
        """Ask the rule of the response, by category of the last rating and by IVIg."""
        if (category, rescued, dead) in self.answered:
            return self.answered[category, rescued, dead]
        w = self.model.whole
        strategies = [
            int(w[s])
            for s in (at.DEATH_STRATEGY, at.RESCUE_STRATEGY, at.STOPPED_STRATEGY, at.MISSING_STRATEGY)
        ]
        made = np.zeros((self.lasts, 3), np.int64)
        for last, arm in np.ndindex(self.lasts, 3):
            seen = last if last < min(self.lasts, NO_RATING) and self.lasts > 1 else -1
            reason = rules.response_reason(
                1, int(dead), int(rescued), int(arm == 1), category, seen, -1, *strategies
            )  # fmt: skip
            made[last, arm] = rules.response(int(reason))
        self.answered[category, rescued, dead] = made
        return made

    def _infusions(self, start: NDArray[np.float64], begin: float, base: float, cycles: int) -> None:
        """Count the infusions of patients on their plan, who stand at `begin` with the probabilities `start`."""
        model = self.model
        days = int(model.whole[at.INFUSION_DAYS])
        delays = model.delays.reshape(-1, 2).sum(axis=1)
        go_on = 1 - model.stop_per_infusion
        here_on = self._here_on(start, begin, base, cycles, delays.size + days - 1)
        chance = np.tile(delays, (cycles, 1))
        if base == 0 and begin == 0:  # nothing delays the first infusion of all: it is day 1
            chance[:1] = np.arange(delays.size) == 0
        there = np.lib.stride_tricks.sliding_window_view(here_on, days, axis=1)  # cycle, delay, infusion
        given = np.einsum("kd,kdi->ki", chance, there) * go_on ** np.arange(cycles * days).reshape(
            cycles, days
        )
        self.add("infusions", given.sum())
        self.add("cycles_per_patient", given[:, 0].sum())

    def _here_on(
        self, start: NDArray[np.float64], begin: float, base: float, cycles: int, days: int
    ) -> NDArray[np.float64]:
        """Give who is in the study, IVIg going on, on each day after the planned begin of each cycle."""
        found = np.zeros((cycles, days))
        mass, now = start[:, None], begin
        for k in range(cycles):
            for later in range(days):
                day = base + self.cycle_days * k + later
                mass, now = mass @ self.chain.between(0, now, day), day
                found[k, later] = mass[..., self.states.alive_in].sum()
        return found

    def _early_cycles(self) -> None:
        start = self._marginal(Group(self.start, 0.0, (NEVER, 0.0, 0.0))).X
        everybody = start.sum(axis=(1, 2, 3)) / (1.0 if self.given is None else self.given.share)
        self._infusions(everybody, 0.0, 0.0, self.before)

    def _late_cycles(self, group: Group, day: float) -> None:
        later = int(self.model.whole[at.CYCLES_ALL]) - self.before
        start = self._marginal(group).X[:, :, :, 0].sum(axis=(1, 2))
        self._infusions(start, group.time, max(float(self.cycle_days * self.before), day), later)

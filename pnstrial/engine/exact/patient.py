"""What happens to the patients of one stratum on their way through the protocol?

Input: `Cohort`.
Output: totals by name: who responds, is missing, is decided on, is infused.
Protocol section: treatment, visits, decision, endpoint, estimand.
Method: the rating kernel at each rating, the decision rule, the plan that follows; day by day, patients with one plan
are followed together.
Next: `answers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from pnstrial import rules
from pnstrial.engine.exact.chain import NEVER, Group, merged
from pnstrial.engine.exact.entries import secondary_names
from pnstrial.engine.exact.moving import through_moving_visits
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import ALIVE_DAYS
from pnstrial.engine.model import ALIVE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.exact.cohort import Cohort
    from pnstrial.engine.exact.entries import Given
    from pnstrial.engine.exact.per_protocol import AsPlanned

__all__ = ["Patient"]

NO_RATING: Final = 3


@dataclass
class Visit:
    """A visit while patients are let through it: what is put together until its target day, and what is counted then.

    Parameters
    ----------
    v : int
    target, first, last : float
        Target day of the visit, first and last day of its window.
    decides : bool
        Whether the decision is made at it.
    final : bool
        Whether a rating leads to its value and to nothing else.
    """

    v: int
    target: float
    first: float
    last: float
    decides: bool
    final: bool
    to_target: list[Group] = field(default_factory=list)
    absent: list[Group] = field(default_factory=list)
    absent_later: tuple[list[Group], list[Group]] = field(default_factory=lambda: ([], []))
    valued: list[Group] = field(default_factory=list)
    after: list[Group] = field(default_factory=list)
    values: NDArray[np.float64] | float = 0.0
    unrated: list[NDArray[np.float64] | float] = field(default_factory=lambda: [0.0, 0.0])
    treated_on: list[tuple[float, float, NDArray[np.float64]]] = field(default_factory=list)


class Patient:
    """Follow the patients of all strata through the protocol and add up what happens.

    Parameters
    ----------
    cohort : Cohort
        Where they enter; it may serve many.
    given : Given, optional
        How the cycles end, where visits count from the last infusion.
    planned : AsPlanned, optional
        How the cycles up to the decision are as planned, for patients of whom that is known.
    values : bool
        Whether what is rated, decided and infused is counted; without it only the truth at the endpoint visit is.
    """

    filters: ClassVar[bool] = False
    """Whether it depends on the rating who is followed on."""

    def __init__(
        self,
        cohort: Cohort,
        *,
        given: Given | None = None,
        planned: AsPlanned | None = None,
        values: bool = True,
    ) -> None:
        model, self.clock = cohort.model, cohort.clock
        w, k = model.whole, model.grades
        self.planned, self.until_worse = planned, cohort.until_worse
        self.values = self.counts = values and not self.until_worse
        self.only: int | None = None
        self.truth_only = not values and not self.until_worse
        last = 0 if given is None else given.last_infusion
        self.given: Given | None = given
        self.visits: NDArray[np.int64] = model.visits + model.anchored[:, None] * last
        self.model, self.chain, self.rater = model, cohort.chain, cohort.rater
        self.entries, self.cases, self.states = cohort.entries, cohort.cases, cohort.chain.states
        self.lasts = cohort.rater.lasts
        self.start = cohort.start if given is None else cohort.start * given.share
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
        return self.model.asked.truly[v][self.entries[:, 2]][:, self.states.grade]

    def add(self, name: str, value: float) -> None:
        """Add to a total."""
        self.totals[name] = self.totals.get(name, 0.0) + float(value)

    def run(self, only: int | None = None) -> dict[str, float]:
        """Follow everybody to the end of follow-up, or through the visits up to `only`."""
        w = self.model.whole
        self.only = only
        if only is None and self.counts and (self.given is None or self.given.first):
            self._early_cycles()
        horizon = self.chain.horizon
        acts = self.chain.rescue_acts and float(self.model.real[at.RESCUE_AFTER]) + self.rescue_if_worse > 0
        if self.until_worse and self.chain.same and not acts:
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
            now = group
            for name, day in zip(ALIVE, ALIVE_DAYS, strict=True):
                if group.time <= day <= w[at.FOLLOW_UP]:
                    now = now.at(self.chain, float(day))
                    self.add(name, now.X[..., self.states.alive].sum())
            mass = now.at(self.chain, float(w[at.FOLLOW_UP])).X.sum(axis=(0, 1, 2, 3))
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
            groups = merged(self.chain, after, float(day) + (1.0 if self.rescue_if_worse > 0 else 0.0))
        if w[at.MOVES]:
            return through_moving_visits(self, groups, only)
        last = int(w[at.VISITS]) - 1 if only is None else only
        for v in range(last + 1):
            if self.truth_only and v == int(w[at.ENDPOINT_VISIT]):
                self._truth_at_endpoint(groups, v)
            elif not self._without_consequence(v):
                groups = self.visit(groups, v, ends=v == last)
        return groups

    def _truth_at_endpoint(self, groups: list[Group], v: int) -> None:
        """Count the truth on the target day: only those who are rated up to it can have another plan by then."""
        here, free = self._opened(v, ends=False), self._without_consequence(v)
        for group in merged(self.chain, groups, min(here.target, self._days(v)[0])):
            if free:
                self.at_target(group.at(self.chain, here.target), v)
            else:
                now, later = self._before_target(group, here)
                self.at_target(replace(now, X=later * now.X), v)
        for group in merged(self.chain, [*here.to_target, *here.absent], here.target):
            self.at_target(group, v)

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
    def _summed(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Forget entry and deviation within each case: (case, last category, IVIg, state)."""
        return X.reshape(self.cases, -1, *X.shape[2:]).sum(axis=1)

    def _marginal(self, group: Group) -> Group:
        """Forget entry and deviation within each case: what is counted from now on does not ask for them."""
        return replace(group, X=self._summed(group.X)[:, None])

    def _placed(self, parts: dict[int, NDArray[np.float64]], kinds: int) -> NDArray[np.float64]:
        """Put values by kind, as `Rater.together` numbers them (-1: none), in the places of the deviations.

        Two places for each kind, of patients who are not rescued now and who are; the first two are for no value.
        """
        first = next(iter(parts.values()))
        placed = np.zeros((self.cases, 2 * kinds + 2, *first.shape[2:]))
        for kind, X in parts.items():
            small = self._summed(X)
            for rescued in (False, True):
                placed[:, 2 * kind + 2 + rescued] = small * (rescued == self.states.rescued)
        return placed

    def _placed_last(self, seen: NDArray[np.float64], v: int) -> NDArray[np.float64]:
        """Rate at a visit after which nothing follows from it, and put the values in their places."""
        shares = self.rater.shares(v)
        mass = seen.sum(axis=2).reshape(self.cases, -1, *seen.shape[3:])
        by_kind = np.einsum("kcns,cnas->kcas", shares.reshape(len(shares), *mass.shape[:2], -1), mass)
        placed = np.zeros((self.cases, 2 * len(by_kind) + 2, self.lasts, *by_kind.shape[2:]))
        for kind, small in enumerate(by_kind):
            for rescued in (False, True):
                last = kind % 3 if self.lasts > 1 else 0
                placed[:, 2 * kind + 2 + rescued, last] = small * (rescued == self.states.rescued)
        return placed

    def _value_later(self, placed: Group, here: Visit) -> None:
        """Keep values up to the target day, on which they count, where it is not over."""
        if placed.time < here.target:
            here.valued.append(placed)
        else:
            here.values = here.values + placed.X

    def _count(self, placed: NDArray[np.float64], v: int, *, later: bool) -> None:
        """Count values (see `_placed`); who died meanwhile was rescued as he was then (`later`), or as he is now."""
        for place in range(placed.shape[1]):
            kind, rescued = place // 2 - 1, place % 2 == 1
            mine = placed[:, place : place + 1]
            if not mine.any():
                continue
            dead = mine * self.states.dead_seen
            self._died(v, dead, rescued if later else None)
            own = kind % 3 if kind >= 0 else kind
            together = own
            if self.joined and kind >= 0:  # improved are those for whom all parts hold
                together = rules.IMPROVED if kind % 6 > own else max(own, rules.STABLE)
            decided = self._decided_on(kind) if v == int(self.model.whole[at.DECISION_VISIT]) else None
            self._value(v, mine - dead, category=own, rescued=rescued, together=together, decided=decided)

    def _decided_on(self, kind: int) -> int:
        """Give the category that is decided on of a kind, as `Rater.together` numbers them."""
        return kind if kind < 0 else kind // 6 if self.rater.decides_apart else kind % 3

    def _days(self, v: int) -> NDArray[np.float64]:
        """Give the days on which a visit can be made."""
        w = self.model.whole
        return np.arange(self.model.jitter.size, dtype=float) + float(self.visits[v, 0] + w[at.JITTER_LOW])

    def _opened(self, v: int, *, ends: bool) -> Visit:
        target, first, last = (float(day) for day in self.visits[v])
        decides = v == int(self.model.whole[at.DECISION_VISIT])
        alike = self.only == v and self.planned is None and self.chain.same and not self.chain.rescue_acts
        final = ends and (alike or (not decides and self.rescue_if_worse == 0)) and not self.filters
        return Visit(v, target, first, last, decides, final)

    def _kept(self, group: Group, here: Visit) -> Group:
        """Forget the deviation of the rating, which no other asks for after the last one."""
        return replace(group, X=group.X.sum(axis=1, keepdims=True)) if here.final else group

    def visit(self, groups: list[Group], v: int, *, ends: bool) -> list[Group]:
        """Follow everybody through a visit; after the last one (`ends`) entries are told apart no longer."""
        here, days = self._opened(v, ends=ends), self._days(v)
        self.counts = self.values and self.only in {None, v}
        for group in merged(self.chain, groups, min(here.target, days[0])):
            now, later = self._before_target(group, here)
            if later > 0:
                self._after_target(self.at_target(replace(now, X=later * now.X), v), here)
        here.after += [self.at_target(group, v) for group in merged(self.chain, here.to_target, here.target)]
        for group in merged(self.chain, here.absent, here.target):
            now = self._stopped_by(self.at_target(group, v), here.target, decides=here.decides)
            here.after.append(self._no_value(now, here))
        for rescued, absent in enumerate(here.absent_later):
            for group in merged(self.chain, absent, here.last):
                here.after.append(group)
                here.unrated[rescued] = here.unrated[rescued] + self._summed(group.X)[:, None]
        if self.counts:
            for group in merged(self.chain, here.valued, here.target):
                self._count(group.X, v, later=False)
            if isinstance(here.values, np.ndarray):
                self._count(here.values, v, later=True)
            for rescued, rest in enumerate(here.unrated):
                dead = rest * self.states.dead_seen
                self._died(v, dead, bool(rescued))
                self._value(v, rest - dead, rescued=bool(rescued))
            self._infusions(here.treated_on, int(self.model.whole[at.CYCLES_ALL]) - self.before)
        if self.only == v and not self.filters:
            return []  # what comes after it is not asked for
        until = max(here.last, float(days[-1]))
        return merged(
            self.chain, [self._marginal(group) for group in here.after] if ends else here.after, until
        )

    def _before_target(self, group: Group, here: Visit) -> tuple[Group, float]:
        """Let through who is seen up to the target day; give all as they stand then, and the share not seen yet."""
        share = 1.0
        if self.miss_ratios is None:
            missed = float(self.model.real[at.VISIT_MISSED + here.v])
            share = 1.0 - missed
            if missed > 0:
                here.absent.append(self._kept(replace(group, X=missed * group.X), here))
        for day, weight in zip(self._days(here.v).tolist(), self.model.jitter.tolist(), strict=True):
            if day > here.target:
                break
            group = group.at(self.chain, day)
            part = replace(group, X=share * weight * group.X)
            if day < here.first:
                self._too_early(part, here)
            else:
                self._seen_early(part, here)
        later = self._days(here.v) > here.target
        return group.at(self.chain, here.target), share * float(self.model.jitter[later].sum())

    def _no_value(self, group: Group, here: Visit) -> Group:
        """Count patients without a rating in the window, who stand at the target day; give them at its end."""
        if self.counts:
            placed = replace(group, X=self._placed({-1: group.X}, 0))
            self._count(placed.at(self.chain, here.last).X, here.v, later=True)
        if self.only == here.v and not self.filters:
            return group
        group = self.without_rescue(group, here.v)
        return self.without_rating(group.at(self.chain, here.last), here.v)

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

    def _too_early(self, group: Group, here: Visit) -> None:
        """Follow a visit before its window: its rating is none of this visit, but may be the last one."""
        present, absent = self._attending(group.X, self._missed_at(here.v))
        stopped = self._stopped_by(replace(group, X=present), group.time, decides=here.decides)
        seen = self._rated_only(stopped, group.time)
        here.absent += [self._kept(part, here) for part in (*seen, replace(group, X=absent))]

    def _seen_early(self, now: Group, here: Visit) -> None:
        """Rate those who attend within the window, up to the target day."""
        present, absent = self._attending(now.X, self._missed_at(here.v))
        if self.miss_ratios is not None:
            here.absent.append(self._kept(replace(now, X=absent), here))
        rest = present * ~self.states.alive_in
        if self.counts:
            small = self._summed(rest)[:, None]
            for rescued in (False, True):
                here.unrated[rescued] = here.unrated[rescued] + small * (rescued == self.states.rescued)
        left = self.without_rating(self._left(self.without_rescue(replace(now, X=rest), here.v)), here.v)
        here.to_target.append(self._kept(left, here))
        self._rated(now, present * self.states.alive_in, here)

    def _after_target(self, group: Group, here: Visit) -> None:
        """Let those through who are seen after the target day, on which they stand: who was rescued by then is known.

        A visit after its window gives no value; its rating may be the last one.
        """
        v, missed = here.v, self._missed_at(here.v)
        late = self._days(v) > here.target
        share = self.model.jitter[late] / self.model.jitter[late].sum()
        weights = dict(zip(self._days(v)[late].tolist(), share.tolist(), strict=True))
        inside = [day for day in weights if day <= here.last]
        outside = [day for day in weights if day > here.last]
        by_rescue = [
            replace(group, X=group.X * (rescued == self.states.rescued)) for rescued in (False, True)
        ]
        follows = self.without_rescue(group, v)
        now, gone = group, follows
        if self.counts and missed == 0:
            by_rescue = [self._marginal(part) for part in by_rescue]
        for day in inside:
            weight = weights[day]
            now = now.at(self.chain, day)
            gone = now if follows is group else gone.at(self.chain, day)
            seen = now.X * self.states.alive_in
            if missed > 0 or self.counts:
                by_rescue = [part.at(self.chain, day) for part in by_rescue]
            if missed > 0:
                absent = [self._attending(part.X, missed)[1] for part in by_rescue]
                seen = seen - sum(absent)
                for rescued, X in enumerate(absent):
                    part = self._stopped_by(replace(now, X=weight * X), day, decides=here.decides)
                    here.absent_later[rescued].append(self._kept(part, here))
            if self.counts:
                for rescued, part in enumerate(by_rescue):
                    rest = weight * part.X * ~self.states.alive_in
                    here.unrated[rescued] = here.unrated[rescued] + self._summed(rest)[:, None]
            left = self._left(replace(gone, X=weight * gone.X * ~self.states.alive_in))
            here.after.append(self._kept(self.without_rating(left, v), here))
            self._rated(now, weight * seen, here)
        if outside:
            late = sum(weights[day] for day in outside)
            now = self._no_value(replace(group, X=late * group.X), here)
            for day in outside:
                now = now.at(self.chain, day)
                part = replace(now, X=weights[day] / late * now.X)
                present, absent = self._attending(part.X, missed)
                seen_late = [*self._rated_only(replace(part, X=present), day), replace(part, X=absent)]
                here.after += [self._stopped_by(one, day, decides=here.decides) for one in seen_late]

    def _left(self, group: Group) -> Group:
        """Give those who are out of the study or dead: what is planned no longer matters to them."""
        given = tuple(turn for turn in group.turns if turn[1] == "given")
        return replace(group, ends=(0.0, 0.0, 0.0), turns=given)

    def _rated(self, now: Group, seen: NDArray[np.float64], here: Visit) -> None:
        """Rate those who are there in the window, decide on them by category, and count their values."""
        v, day, decides = here.v, now.time, here.decides
        if here.final:
            plan = replace(now, X=seen)
            if self.counts:
                self._value_later(replace(now, X=self._placed_last(seen, v)), here)
            (here.to_target if day <= here.target else here.after).append(self._kept(plan, here))
            return
        rated = self.rated_together(seen, v, decides=decides)
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
            # all of one way have one plan
            plan = self._planned(now, day, chosen[0] % 3, go=go, decides=decides)
            parts = {kind: rated[kind] if weight == 1 else weight * rated[kind] for kind in chosen}
            followed = self.with_rating(
                [(kind, replace(plan, X=X)) for kind, X in parts.items()], v, max(day, here.target)
            )
            if self.counts:
                if decides:
                    self._decided(followed.X, go=decided)
                self._value_later(replace(plan, X=self._placed(parts, len(rated))), here)
                if decides and go and self.only is None:
                    base = max(float(self.cycle_days * self.before), day)
                    here.treated_on.append((day, base, self._summed(followed.X)[:, :, 0].sum(axis=1)))
            (here.to_target if day <= here.target else here.after).append(followed)

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

    def _infusions(self, starts: list[tuple[float, float, NDArray[np.float64]]], cycles: int) -> None:
        """Count the infusions of patients on their plan.

        Of each of `starts` the day, that on which the next cycle is planned to begin, and the probabilities by case and
        state.
        """
        if cycles == 0:
            return
        model = self.model
        days = int(model.whole[at.INFUSION_DAYS])
        delays = model.delays.reshape(-1, 2).sum(axis=1)
        go_on = (1 - model.stop_per_infusion) ** np.arange(cycles * days).reshape(cycles, days)
        later = self.cycle_days * np.arange(cycles)[:, None] + np.arange(delays.size + days - 1)
        for base, here_on in self._here_on(starts, later).items():
            chance = np.tile(delays, (cycles, 1))
            if base == 0:  # nothing delays the first infusion of all: it is day 1
                chance[:1] = np.arange(delays.size) == 0
            there = np.lib.stride_tricks.sliding_window_view(here_on, days, axis=1)  # cycle, delay, infusion
            given = np.einsum("kd,kdi->ki", chance, there) * go_on
            self.add("infusions", given.sum())
            self.add("cycles_per_patient", given[:, 0].sum())

    def _here_on(
        self, starts: list[tuple[float, float, NDArray[np.float64]]], later: NDArray[np.int64]
    ) -> dict[float, NDArray[np.float64]]:
        """Give who is in the study, IVIg going on, on each of the days after each planned begin, by that begin."""
        days = {base: base + later.ravel() for _, base, _ in starts}
        seen: dict[tuple[float, float], float] = {}
        here: dict[float, NDArray[np.float64]] = {}
        before = 0.0
        for now in sorted({day for day, _, _ in starts}.union(*(own.tolist() for own in days.values()))):
            here = {base: X for base, X in here.items() if now <= days[base][-1]}
            if here:
                moved = np.stack(list(here.values()), axis=1) @ self.chain.between(0, before, now)
                here = {base: moved[:, row] for row, base in enumerate(here)}
            for begin, base, X in starts:
                if begin == now:
                    here[base] = here[base] + X if base in here else X
            seen |= {(base, now): float(X[:, self.states.alive_in].sum()) for base, X in here.items()}
            before = now
        return {
            base: np.array([seen[base, day] for day in own.tolist()]).reshape(later.shape)
            for base, own in days.items()
        }

    def _early_cycles(self) -> None:
        everybody = self.start.sum(axis=(1, 2, 3)).reshape(self.cases, -1, self.states.width).sum(axis=1)
        share = 1.0 if self.given is None else self.given.share
        self._infusions([(0.0, 0.0, everybody / share)], self.before)

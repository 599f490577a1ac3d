"""When are states at the visits all that is needed, and how likely is each patient then?

Input: `Model`; or monthly transition matrices.
Output: the arrays that `kernels.lean` reads.
Protocol section: visits, decision, endpoint, estimand.
Method: transition probabilities exp(Q t) between the target days on (in the study or out) x mRS, the rating kernel
and the answers of the rules give the joint distribution of everything that is counted about a patient, one visit
after the other; it becomes one alias table, so that a patient is one draw.
Next: `monthly`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial import rules
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.strata import classes
from pnstrial.engine.tables import alias_bits, alias_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.success import Boundaries

    Mass = NDArray[np.float64]

__all__ = ["Entries", "Leg", "Plan", "is_plain", "lean_tables", "packed", "run_lean"]

_NONE: Final = 3
"""Position of "no rating" behind the three categories."""


@dataclass(frozen=True)
class Entries:
    """Who enters: one item per entry.

    Parameters
    ----------
    share : ndarray
    rates : ndarray of int
        Class of strata with the same rates.
    true, rated, begins : ndarray of int
        True grade and rating of the baseline, true grade on day 1.
    """

    share: Mass
    rates: NDArray[np.int64]
    true: NDArray[np.int64]
    rated: NDArray[np.int64]
    begins: NDArray[np.int64]


@dataclass(frozen=True)
class Leg:
    """The way to a visit, by class, IVIg as planned (0) or ended (1), and the state before and after.

    A state is (grades + 1) x (out of the study) + grade; each matrix is of shape (classes, 2, states, states).

    Parameters
    ----------
    seen : ndarray
        From the target day of the visit before (day 1, for the first visit) to that of this one.
    missed : ndarray
        From the last day of the window of the visit before.
    rest : ndarray
        From the target day of this visit to the last day of its window.
    """

    seen: Mass
    missed: Mass
    rest: Mass


@dataclass(frozen=True)
class Plan:
    """What is asked at the visits.

    Parameters
    ----------
    missed : ndarray
        Probability of a missed visit, by visit.
    decision, endpoint : int
        Positions of the visits.
    secondary : tuple of int
    categories, decisions : ndarray
        As in `Model`.
    respond : callable
        Code of `rules.response` for (category, dead, category of the last rating), -1 where there is none.
    """

    missed: Mass
    decision: int
    endpoint: int
    secondary: tuple[int, ...]
    categories: NDArray[np.int64]
    decisions: NDArray[np.int64]
    respond: Callable[[int, int, int], int]


def is_plain(model: Model) -> bool:
    """Say whether states on the target days are all that the visits' quantities need.

    Returns
    -------
    bool
        Visits on their target days, counted from day 1, no rescue, no stop for adverse events, nothing that switches
        rates, visits missed and patients lost whatever their grade, raters independent, one part of the endpoint,
        which is what is decided on, and an estimand that asks for no rating in between.
    """
    w, real = model.whole, model.real
    return bool(
        model.jitter.size == 1
        and model.stop_per_infusion == 0
        and real[at.RESCUE_RATE] == 0
        and real[at.RESCUE_AFTER] == 0
        and real[at.RESCUE_IF_WORSE] == 0
        and w[at.SWITCHES] + w[at.MISSES] + w[at.LEAVES] == 0
        and real[at.CONTINUE_ANYWAY] == 0
        and model.rating.persistence == 0
        and w[at.STOPPED_STRATEGY] == rules.STOPPED_POLICY
        and w[at.JOINED] + w[at.DECIDES] == 0
        and not model.anchored.any()
        and (w[at.MISSING_STRATEGY] != rules.MISSING_LOCF or w[at.EXTRAS] == 0)
    )


def lean_tables(model: Model) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Build the tables of a plain model.

    Parameters
    ----------
    model : Model
        For which `is_plain` holds.

    Returns
    -------
    whole : ndarray of int64
    words : ndarray of uint64
    """
    w = model.whole
    alike, _ = classes(model.generators, model.changes, model.starts)
    mine = model.entry_codes[:, 0] == 0
    codes = model.entry_codes[mine]
    kinds, which = np.unique(
        np.column_stack([alike[codes[:, 1]], codes[:, 2:5]]), axis=0, return_inverse=True
    )
    share = np.bincount(which.ravel(), model.entry_probabilities[mine]) / model.enrolled_share
    strategies = [
        int(w[k]) for k in (at.DEATH_STRATEGY, at.RESCUE_STRATEGY, at.STOPPED_STRATEGY, at.MISSING_STRATEGY)
    ]

    def respond(category: int, dead: int, last: int) -> int:
        return int(rules.response(int(rules.response_reason(1, dead, 0, 0, category, last, -1, *strategies))))

    plan = Plan(
        missed=model.real[at.VISIT_MISSED : at.VISIT_MISSED + int(w[at.VISITS])], decision=int(w[at.DECISION_VISIT]),
        endpoint=int(w[at.ENDPOINT_VISIT]), secondary=model.secondary, categories=model.categories,
        decisions=model.decisions,
        respond=respond,
    )  # fmt: skip
    entries = Entries(share, kinds[:, 0], kinds[:, 1], kinds[:, 2], kinds[:, 3])
    return packed(int(w[at.N]), model.success, entries, model.rating.kernel[:-1, :-1], _legs(model), plan)


def _legs(model: Model) -> list[Leg]:
    """Work out the way to every visit."""
    from pnstrial.engine.exact.chain import Chain

    w = model.whole
    decision = int(w[at.DECISION_VISIT])
    end = float(w[at.ACTS_UNTIL])
    if decision >= 0:
        before = float(w[at.CYCLE_DAYS] * w[at.CYCLES_BEFORE])
        end = max(before, float(model.visits[decision, 0]))
        end += float(w[at.CYCLE_DAYS] * (w[at.CYCLES_ALL] - w[at.CYCLES_BEFORE]))
    size = model.grades + 1
    keep = np.r_[:size, 2 * size : 3 * size]  # nobody is rescued
    first = classes(model.generators, model.changes, model.starts)[1]
    chain = Chain(model, [(int(stratum), 0) for stratum in first])

    def matrices(begin: float, stop: float) -> Mass:
        """IVIg acts until the end of the last cycle, or no longer."""
        made = np.empty((first.size, 2, 2 * size, 2 * size))
        for arm, until in enumerate((end, 0.0)):
            P = chain.on_and_off(begin, min(max(until, begin), stop), stop)
            made[:, arm] = P[:, keep][:, :, keep]
        return made

    days = model.visits.astype(float)
    return [
        Leg(
            seen=matrices(days[v - 1, 0] if v else 0.0, days[v, 0]),
            missed=matrices(days[v - 1, 2] if v else 0.0, days[v, 0]),
            rest=matrices(days[v, 0], days[v, 2]),
        )
        for v in range(len(days))
    ]


def packed(
    n: int, success: Boundaries, entries: Entries, kernel: NDArray[Any], legs: list[Leg], plan: Plan
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Work out the joint distribution of what is counted about a patient, and lay it out for the kernel.

    Parameters
    ----------
    n : int
        Patients.
    success : Boundaries
    entries : Entries
    kernel : ndarray, shape (grades, grades)
        Rating kernel.
    legs : list of Leg
        One per visit.
    plan : Plan

    Returns
    -------
    whole : ndarray of int64
        Numbers of the trial, then the words of counts of each cell (`kernels.lean`).
    words : ndarray of uint64
        The alias table of the cells.
    """
    from pnstrial.engine.kernels import lean

    cells = _Cells(entries, kernel, legs, plan).cells()
    counts = sorted(cells, key=lambda count: -cells[count])  # what is drawn most stands together
    share = np.array([cells[count] for count in counts])
    whole = np.zeros(lean.LEAN_WHOLE, np.int64)
    whole[lean.L_N], whole[lean.L_FIRST_N], whole[lean.L_FIRST_STOP] = n, success.first_n, success.first_stop
    whole[lean.L_BITS], whole[lean.L_WORDS] = alias_bits(share.size), len(counts[0])
    return np.concatenate([whole, np.array(counts, np.int64).ravel()]), alias_table(share / share.sum())


class _Cells:
    """Follow all entries from visit to visit.

    The patients with the same counts so far stand in one array of shape (entries, 4, 2, states): category of the last
    rating or none, IVIg as planned or ended, state.
    """

    def __init__(self, entries: Entries, kernel: NDArray[Any], legs: list[Leg], plan: Plan) -> None:
        from pnstrial.engine.kernels import lean

        self.at, self.entries, self.legs, self.plan = lean, entries, legs, plan
        self.width = lean.LATER + 1 + -(-max(0, len(plan.secondary) - 1) * 3 // 6)
        k = self.dead = len(kernel)
        truth = plan.categories[entries.true, 1:]
        self.truth = np.concatenate([truth, truth], axis=1)  # entry x state
        rated = plan.categories[entries.rated, 1 : k + 1]
        self.chance = np.stack(
            [(rated == c).astype(float) @ kernel.T for c in range(3)]
        )  # category, entry, grade

    def cells(self) -> dict[tuple[int, ...], float]:
        """Give the probability of every combination of counts."""
        e = self.entries
        start = np.zeros((e.share.size, 4, 2, 2 * self.dead + 2))
        start[np.arange(e.share.size), _NONE, 0, e.begins] = e.share
        here = {(0,) * self.width: np.stack([start, np.zeros_like(start)])}
        for v, leg in enumerate(self.legs):
            here = self._visit(v, {count: self._onward(mass, leg) for count, mass in here.items()})
        shares = {count: float(mass.sum()) for count, mass in here.items()}
        return {count: share for count, share in shares.items() if share > 0}

    def _moved(self, mass: Mass, P: Mass) -> Mass:
        return np.einsum("blah,bahk->blak", mass, P[self.entries.rates])

    def _onward(self, mass: Mass, leg: Leg) -> Mass:
        """Bring those who were seen, and those who were not, to the next target day."""
        return self._moved(mass[0], leg.seen) + self._moved(mass[1], leg.missed)

    def _visit(self, v: int, here: dict[tuple[int, ...], Mass]) -> dict[tuple[int, ...], Any]:
        """Rate everybody; the mass stands at the target day (0) or, after a missed visit, at the window's end (1)."""
        after: dict[tuple[int, ...], Any] = defaultdict(
            lambda: np.zeros((2, self.entries.share.size, 4, 2, 2 * self.dead + 2))
        )
        by_truth = v in {self.plan.decision, self.plan.endpoint}
        for count, mass in here.items():
            for true in range(3) if by_truth else (None,):
                part = mass if true is None else mass * (self.truth == true)[:, None, None, :]
                if part.any():
                    self._seen(v, count, part, true, after)
                    self._unseen(v, count, part, true, after)
        return after

    def _seen(
        self, v: int, count: tuple[int, ...], mass: Mass, true: int | None, after: dict[Any, Any]
    ) -> None:
        decides = v == self.plan.decision
        alive = (1 - self.plan.missed[v]) * mass[..., : self.dead].sum(
            axis=1
        )  # the last rating before is forgotten
        for category in range(3):
            rated = alive * self.chance[category][:, None, :]
            if not rated.any():
                continue
            goes = self._counted(v, count, category=category, last=category, true=true, decided=decides)
            found = after[goes][0]
            if decides:
                arm = 0 if self.plan.decisions[category + 1] == rules.CONTINUE else 1
                found[:, category, arm, : self.dead] += rated.sum(axis=1)
            else:
                found[:, category, :, : self.dead] += rated

    def _unseen(
        self, v: int, count: tuple[int, ...], mass: Mass, true: int | None, after: dict[Any, Any]
    ) -> None:
        decides = v == self.plan.decision
        dead = mass[..., self.dead]
        if dead.any():
            goes = self._counted(v, count, category=rules.DETERIORATED, dead=1, true=true)
            after[goes][0][..., self.dead] += dead
        missed = np.zeros_like(mass)
        missed[..., : self.dead] = self.plan.missed[v] * mass[..., : self.dead]
        if decides:
            missed = np.stack([np.zeros_like(missed[:, :, 0]), missed.sum(axis=2)], axis=2)
        missed = self._moved(missed, self.legs[v].rest)
        dies = missed[..., self.dead]
        if dies.any():
            goes = self._counted(v, count, category=rules.DETERIORATED, dead=1, true=true)
            after[goes][1][..., self.dead] += dies
        missed[..., self.dead] = 0.0
        for last in range(4):
            out = self.dead + 1
            gone, here = mass[:, last, :, out:], missed[:, last]
            if not gone.any() and not here.any():
                continue
            goes = self._counted(v, count, last=last if last < _NONE else -1, true=true)
            after[goes][0][:, last, :, out:] += gone
            after[goes][1][:, last] += here

    def _counted(
        self, v: int, count: tuple[int, ...], *, category: int = -1, dead: int = 0, last: int = -1,
        true: int | None = None, decided: bool = False,
    ) -> tuple[int, ...]:  # fmt: skip
        """Add to the counts what is counted at this visit."""
        answer = self.plan.respond(category, dead, last)
        words = list(count)
        for word, field in self._fields(v, category, dead, answer, true, decided=decided):
            words[word] += 1 << self.at.COUNT_BITS * field
        return tuple(words)

    def _fields(
        self, v: int, category: int, dead: int, answer: int, true: int | None, *, decided: bool
    ) -> Iterator[tuple[int, int]]:
        at_, plan = self.at, self.plan
        if v == plan.endpoint:
            if answer != rules.NON_RESPONDER:
                yield at_.ENDPOINT, at_.F_RESPONDER if answer == rules.RESPONDER else at_.F_EXCLUDED
            if dead:
                yield at_.ENDPOINT, at_.F_DEAD
            if category >= 0:
                yield at_.ENDPOINT, at_.F_IMPROVED + category
            if true == rules.IMPROVED:
                yield at_.LATER, at_.F_TRULY_BETTER
        if v == plan.decision:
            decision = int(plan.decisions[4 if dead else category + 1])
            if decision < rules.NOT_EVALUABLE:
                yield at_.DECISION, at_.F_CONTINUE + decision
            if decided:
                worse = true == rules.DETERIORATED
                if decision == rules.CONTINUE:
                    yield (at_.DECISION, at_.F_WENT_ON_WORSE) if worse else (at_.LATER, at_.F_WENT_ON_BETTER)
                else:
                    yield at_.DECISION, at_.F_STOPPED_WORSE if worse else at_.F_STOPPED_BETTER
        for k, secondary in enumerate(plan.secondary):
            if v == secondary:
                place = [answer == rules.RESPONDER, bool(dead), category < 0]
                first = at_.F_SECONDARY if k == 0 else 3 * (k - 1) % 6
                word = at_.LATER if k == 0 else at_.LATER + 1 + 3 * (k - 1) // 6
                yield from ((word, first + field) for field in range(3) if place[field])


def run_lean(
    key: NDArray[np.uint64], first: int, trials: int, tables: tuple[NDArray[np.int64], NDArray[np.uint64]],
    minimum: NDArray[np.int64], covered: NDArray[np.uint8], names: tuple[tuple[str, str], ...],
    sums: NDArray[np.float64], responders: NDArray[np.int64], each: NDArray[np.float64] | None = None,
) -> None:  # fmt: skip
    """Simulate trials first..first + trials - 1 of a block and add them to `sums` and `responders`.

    Parameters
    ----------
    key : ndarray of uint64, shape (2,)
    first, trials : int
    tables : tuple of ndarray
        From `packed`.
    minimum, covered : ndarray
        Success boundaries, and whether the interval of (counted, responders) covers the truth.
    names : tuple of (str, str)
        The quantities, and what each is a share of.
    sums : ndarray, shape (3, quantities)
    responders : ndarray of int64
    each : ndarray, shape (trials, quantities), optional
        Gets the quantities of every trial.
    """
    from pnstrial.engine.characteristics import denominators
    from pnstrial.engine.kernels.lean import BATCH, L_N, L_WORDS, lean_block

    over = denominators(names)
    base = np.where(over >= 0, over, over.size)
    n = int(tables[0][L_N])
    stream, cells = np.empty(at.STREAM + -(-n // 2), np.uint64), np.empty(n, np.uint64)
    counts = np.empty(int(tables[0][L_WORDS]) * BATCH, np.int64)
    lean_block(
        key, first, trials, *tables, minimum, covered, base, stream, cells, counts,
        np.zeros((over.size + 1) * BATCH, np.int64), np.empty(2 * BATCH), sums, responders,
        np.empty((0, 0)) if each is None else each,
    )  # fmt: skip

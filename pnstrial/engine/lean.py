"""When are states at the visits all that is needed, and how likely is each patient then?

Input: `Model`; or monthly transition matrices.
Output: the arrays that `lean_kernels` reads.
Protocol section: visits, decision, endpoint, estimand.
Method: transition probabilities exp(Q t) between the target days on (in the study or out) x mRS, the rating kernel
and the answers of the rules give the joint distribution of everything that is counted about a patient; it becomes
one alias table, so that a patient is one draw.
Next: `monthly`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial import rules
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.model import classes
from pnstrial.engine.tables import alias_bits, alias_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.success import Boundaries

__all__ = ["is_plain", "lean_tables", "packed", "run_lean"]


def is_plain(model: Model) -> bool:
    """Say whether states on the target days are all that the visits' quantities need.

    Parameters
    ----------
    model : Model

    Returns
    -------
    bool
        Two visits, on their target days, no rescue, no stop for adverse events, raters independent, and an
        estimand that asks for no rating in between.
    """
    w, real = model.whole, model.real
    return bool(
        w[at.VISITS] == 2
        and model.jitter.size == 1
        and model.stop_per_infusion == 0
        and real[at.RESCUE_RATE] == 0
        and real[at.RESCUE_AFTER] == 0
        and real[at.CONTINUE_ANYWAY] == 0
        and model.rating.persistence == 0
        and w[at.STOPPED_STRATEGY] == rules.STOPPED_POLICY
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
    from pnstrial.engine.exact import Chain

    w = model.whole
    target, target_2 = float(model.visits[0, 0]), float(model.visits[1, 0])
    last, last_2 = float(model.visits[0, 2]), float(model.visits[1, 2])
    before = float(w[at.CYCLE_DAYS] * w[at.CYCLES_BEFORE])
    later = int(w[at.CYCLES_ALL] - w[at.CYCLES_BEFORE])
    end = max(before, target) + float(w[at.CYCLE_DAYS] * later) if later else 1e18
    to_first, to_second, late, tail, to_last = [], [], [], [], []
    alike, first = classes(model.generators, model.changes)
    for s in first:
        chain = Chain(model, int(s))

        def between(until: float, begin: float, stop: float, chain: Chain = chain) -> NDArray[np.float64]:
            """IVIg acts until a day."""
            middle = min(max(until, begin), stop)
            P = chain.between(0, begin, middle) @ chain.between(1, middle, stop)
            keep = np.r_[0:7, 14:21]  # nobody is rescued
            return P[np.ix_(keep, keep)]

        to_first.append(between(1e18, 0, target)[:6])
        to_second += [between(end, target, target_2), between(0, target, target_2)]
        late.append(between(0, target, last)[:6])
        tail.append(between(0, last, target_2))
        to_last += [between(end, target_2, last_2)[:6], between(0, target_2, last_2)[:6]]
    mine = model.entry_codes[:, 0] == 0
    codes = model.entry_codes[mine]
    packed_codes = alike[codes[:, 1]] * 48 + codes[:, 2] * 8 + codes[:, 3]
    kinds, which = np.unique(packed_codes, return_inverse=True)
    share = np.bincount(which.ravel(), model.entry_probabilities[mine]) / model.enrolled_share
    answers_1, answers_2 = _answers(model)
    grades = np.arange(7)
    true = np.array(
        [
            [int(rules.change_category(g0, int(g), int(w[at.POINTS]))) + 1 for g in grades] + [0]
            for g0 in range(6)
        ]
    )
    return packed(
        n=int(w[at.N]), success=model.success, entry=share, codes=kinds, kernel=model.rating.kernel[:6, :6],
        to_first=np.concatenate(to_first), to_second=np.concatenate(to_second), late=np.concatenate(late),
        tail=np.concatenate(tail), to_last=np.concatenate(to_last), missed=float(model.real[at.VISIT_MISSED]),
        endpoint=int(w[at.ENDPOINT_VISIT]), answers_1=answers_1, answers_2=answers_2, true=true,
    )  # fmt: skip


def _answers(model: Model) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tabulate decision, category and answer for every (baseline, value[, rating before])."""
    w = model.whole
    strategies = [
        int(w[k]) for k in (at.DEATH_STRATEGY, at.RESCUE_STRATEGY, at.STOPPED_STRATEGY, at.MISSING_STRATEGY)
    ]
    points = int(w[at.POINTS])

    def code(r0: int, value: int, before: int) -> int:
        category = int(rules.change_category(r0, value, points))
        last = int(rules.change_category(r0, value if 0 <= value < 6 else before, points))
        dead = int(value == rules.DEAD)
        reason = int(rules.response_reason(1, dead, 0, 0, category, last, -1, *strategies))
        return (
            16 * int(rules.interim_decision(category, dead))
            + 4 * (category + 1)
            + int(rules.response(reason))
        )

    first = [[code(r0, value, -1) for value in range(-1, 7)] for r0 in range(6)]
    second = [[[code(r0, value, b) for b in range(-1, 7)] for value in range(-1, 7)] for r0 in range(6)]
    return np.array(first, np.int64), np.array(second, np.int64)


def packed(
    *, n: int, success: Boundaries, entry: NDArray[Any], codes: NDArray[Any], kernel: NDArray[Any],
    to_first: NDArray[Any], to_second: NDArray[Any], late: NDArray[Any], tail: NDArray[Any], to_last: NDArray[Any],
    missed: float, endpoint: int, answers_1: NDArray[Any], answers_2: NDArray[Any], true: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:  # fmt: skip
    """Work out the joint distribution of what is counted about a patient, and lay it out for the kernel.

    Parameters
    ----------
    n : int
        Patients.
    success : Boundaries
    entry, codes : ndarray
        Probabilities of the entries, and 48 x class of strata + 8 x true grade + rating of each.
    kernel : ndarray, shape (6, 6)
        Rating kernel.
    to_first, to_second, late, tail, to_last : ndarray
        Transition matrices on (in the study or out) x mRS, see `lean_tables`.
    missed : float
        Probability of a missed visit.
    endpoint : int
        Whether the endpoint is at the first (0) or the second visit (1).
    answers_1, answers_2, true : ndarray
        Answers of the rules for every (baseline, value[, rating before]) and every (true baseline, true grade).

    Returns
    -------
    whole : ndarray of int64
        Numbers of the trial, then three words of counts per cell (`lean_kernels`).
    words : ndarray of uint64
        The alias table of the cells.
    """
    from pnstrial.engine.kernels import lean

    second = _SecondVisit(kernel, to_second, tail, to_last, missed, endpoint, answers_2, true)
    joint = np.zeros((_FIRST, _SECOND))
    for share, code in zip(entry, codes, strict=True):
        stratum, g0, r0 = int(code) // 48, int(code) // 8 % 6, int(code) % 8
        for h in np.flatnonzero(to_first[stratum * 6 + g0]):
            mass = share * to_first[stratum * 6 + g0, h]
            truth = int(true[g0, h % 7])
            found: list[
                tuple[float, int, int, int, bool]
            ] = []  # probability, value, rating seen, state, missed
            if h < rules.DEAD:
                found = [((1 - missed) * mass * kernel[h, r], r, r, int(h), False) for r in range(6)]
                found += [
                    (missed * mass * p, rules.DEAD if now == rules.DEAD else -1, -1, now, True)
                    for now, p in enumerate(late[stratum * 6 + h])
                ]
            else:
                found = [(mass, rules.DEAD if h == rules.DEAD else -1, -1, int(h), False)]
            for p, value, seen, now, skipped in found:
                if p <= 0:
                    continue
                answer = int(answers_1[r0, value + 1])
                decided = seen >= 0 and answer >> 4 < 2
                act = 1 + 2 * (answer >> 4) + int(truth == 3) if decided else 0
                arm = answer >> 4 if decided else 1
                cell = ((answer * 2 + int(value == rules.DEAD)) * 5 + act) * 2 + int(truth == 1)
                joint[cell] += p * second.cells(stratum, g0, r0, seen, now, arm, skipped=skipped)
    first_cell, second_cell = np.nonzero(joint)
    share = joint[first_cell, second_cell]
    order = np.argsort(-share, kind="stable")  # what is drawn most stands together
    counts = _counts(first_cell[order], second_cell[order], endpoint)
    whole = np.zeros(lean.LEAN_WHOLE, np.int64)
    whole[lean.L_N], whole[lean.L_FIRST_N], whole[lean.L_FIRST_STOP] = n, success.first_n, success.first_stop
    whole[lean.L_BITS] = alias_bits(order.size)
    return np.concatenate([whole, counts.ravel()]), alias_table(share[order] / share.sum())


_FIRST, _SECOND = 64 * 2 * 5 * 2, 16 * 2 * 2


class _SecondVisit:
    """What is counted about the second visit, given where a patient stands after the first."""

    def __init__(
        self, kernel: NDArray[Any], to_second: NDArray[Any], tail: NDArray[Any], to_last: NDArray[Any], missed: float,
        endpoint: int, answers: NDArray[Any], true: NDArray[Any],
    ) -> None:  # fmt: skip
        self.kernel, self.missed, self.endpoint = kernel, missed, endpoint
        self.to_second, self.tail, self.to_last = to_second, tail, to_last
        self.answers, self.true = answers, true
        self.known: dict[tuple[int, ...], NDArray[np.float64]] = {}

    def cells(
        self, stratum: int, g0: int, r0: int, seen: int, now: int, arm: int, *, skipped: bool
    ) -> NDArray[np.float64]:
        """Give the probabilities of 4 x (4 x (category + 1) + answer) + 2 x dead + truly better, each of two."""
        key = (stratum, g0 if self.endpoint == 1 else 0, r0, seen, now, arm, int(skipped))
        if key not in self.known:
            made = np.zeros(_SECOND)
            values = self._values(stratum, now, arm, skipped=skipped)
            for value, grade in zip(*np.nonzero(values), strict=True):
                answer = int(self.answers[r0, value, seen + 1]) & 15
                better = int(self.endpoint == 1 and self.true[g0, grade] == 1)
                made[4 * answer + 2 * int(value == rules.DEAD + 1) + better] += values[value, grade]
            self.known[key] = made
        return self.known[key]

    def _values(self, stratum: int, now: int, arm: int, *, skipped: bool) -> NDArray[np.float64]:
        """Give the probabilities by value + 1 and true grade."""
        made = np.zeros((8, 7))
        if now == rules.DEAD:
            made[rules.DEAD + 1, rules.DEAD] = 1.0
            return made
        here = self.tail[stratum * 14 + now] if skipped else self.to_second[(stratum * 2 + arm) * 14 + now]
        for g in range(6):
            dies = self.missed * self.to_last[(stratum * 2 + arm) * 6 + g, rules.DEAD]
            made[1:7, g] += (1 - self.missed) * here[g] * self.kernel[g]
            made[rules.DEAD + 1, g] += here[g] * dies
            made[0, g] += here[g] * (self.missed - dies)
        made[rules.DEAD + 1, rules.DEAD] += here[rules.DEAD]
        made[0] += here[7:14]
        return np.clip(made, 0, None)


def _counts(first: NDArray[np.int64], second: NDArray[np.int64], endpoint: int) -> NDArray[np.int64]:
    """Give what each cell adds to the counts of a trial: three words, 10 bits per count (`lean_kernels`)."""
    better_1, rest = first % 2, first // 2
    act, rest = rest % 5, rest // 5
    dead_1, answer_1 = rest % 2, rest // 2
    better_2, dead_2, answer_2 = second % 2, second // 2 % 2, second // 4
    decision = answer_1 >> 4
    category_1, response_1 = answer_1 >> 2 & 3, answer_1 & 3
    category_2, response_2 = answer_2 >> 2 & 3, answer_2 & 3
    last = endpoint == 1
    category, response = (category_2, response_2) if last else (category_1, response_1)
    fields = (
        (
            response == rules.RESPONDER, response == rules.EXCLUDED, dead_2 if last else dead_1, category == 1,
            category == 2, category == 3,
        ),
        (decision == 0, decision == 1, decision == 2, act == 2, act == 3, act == 4),
        (act == 1, better_2 if last else better_1, response_2 == rules.RESPONDER, dead_2, category_2 == 0),
    )  # fmt: skip
    words = [sum(np.asarray(field, np.int64) << 10 * k for k, field in enumerate(part)) for part in fields]
    return np.stack(words, axis=1)  # type: ignore[arg-type]


def run_lean(
    key: NDArray[np.uint64], first: int, trials: int, tables: tuple[NDArray[np.int64], NDArray[np.uint64]],
    minimum: NDArray[np.int64], covered: NDArray[np.uint8], sums: NDArray[np.float64], responders: NDArray[np.int64],
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
    sums : ndarray, shape (3, quantities)
    responders : ndarray of int64
    """
    from pnstrial.engine.characteristics import PRIMARY, denominators
    from pnstrial.engine.kernels.lean import lean_block

    over = denominators(PRIMARY)
    base = np.where(over >= 0, over, over.size)
    lean_block(
        key, first, trials, *tables, minimum, covered, base, np.empty(4, np.uint64), np.empty(over.size + 1), sums,
        responders,
    )  # fmt: skip

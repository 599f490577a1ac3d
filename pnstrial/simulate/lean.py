"""When are states at the visits all that is needed, and what are their tables?

Input: `Model`; or monthly transition matrices.
Output: the arrays that `lean_kernels` reads.
Protocol section: visits, decision, endpoint, estimand.
Method: transition probabilities between the target days on (in the study or out) x mRS, as packed alias tables;
the answers of the rules for every (baseline, value) as one small table.
Next: `monthly`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial import rules
from pnstrial.simulate import layout_kernels as at
from pnstrial.simulate.tables import alias_bits, alias_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.simulate.model import Model
    from pnstrial.simulate.success import Boundaries

__all__ = ["LeanTables", "is_plain", "lean_tables", "packed"]

LeanTables = "tuple[NDArray[np.int64], NDArray[np.uint64]]"


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
    from pnstrial.simulate.exact import Chain

    w = model.whole
    target, target_2 = float(model.visits[0, 0]), float(model.visits[1, 0])
    last, last_2 = float(model.visits[0, 2]), float(model.visits[1, 2])
    before = float(w[at.CYCLE_DAYS] * w[at.CYCLES_BEFORE])
    later = int(w[at.CYCLES_ALL] - w[at.CYCLES_BEFORE])
    end = max(before, target) + float(w[at.CYCLE_DAYS] * later) if later else 1e18
    to_first, to_second, late, tail, to_last = [], [], [], [], []
    for s in range(len(model.strata)):
        chain = Chain(model, s)

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
    answers_1, answers_2 = _answers(model)
    grades = np.arange(7)
    true = np.array(
        [
            [int(rules.change_category(g0, int(g), int(w[at.POINTS]))) + 1 for g in grades] + [0]
            for g0 in range(6)
        ]
    )
    return packed(
        n=int(w[at.N]), success=model.success, entry=model.entry_probabilities[mine] / model.enrolled_share,
        codes=codes[:, 1] * 48 + codes[:, 2] * 8 + codes[:, 3], kernel=model.rating.kernel[:6, :6],
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
    """Lay probabilities and answers out for the kernel; every row of probabilities becomes an alias table."""
    from pnstrial.simulate import lean_kernels as lean

    def tables(rows: NDArray[Any], bits: int) -> NDArray[np.uint64]:
        clean = np.clip(rows, 0, None)
        return np.concatenate([alias_table(row / row.sum(), bits) for row in clean])

    parts = (
        (lean.L_ENTRY, alias_table(entry)), (lean.L_RATING, tables(kernel, 3)), (lean.L_FIRST, tables(to_first, 4)),
        (lean.L_SECOND, tables(to_second, 4)), (lean.L_LATE, tables(late, 4)), (lean.L_TAIL, tables(tail, 4)),
        (lean.L_LAST, tables(to_last, 4)),
    )  # fmt: skip
    whole = np.zeros(lean.LEAN_WHOLE, np.int64)
    whole[lean.L_N], whole[lean.L_FIRST_N], whole[lean.L_FIRST_STOP] = n, success.first_n, success.first_stop
    whole[lean.L_ENTRY_BITS] = alias_bits(entry.size)
    whole[lean.L_MISSED], whole[lean.L_ENDPOINT] = round(missed * 2**32), endpoint
    begin = 0
    for position, table in parts:
        whole[position] = begin
        begin += table.size
    begin = whole.size
    for position, table in (
        (lean.L_CODES, codes), (lean.L_ANSWER_1, answers_1), (lean.L_ANSWER_2, answers_2), (lean.L_TRUE, true),
    ):  # fmt: skip
        whole[position] = begin
        begin += table.size
    whole = np.concatenate([whole, codes, answers_1.ravel(), answers_2.ravel(), true.ravel()]).astype(
        np.int64
    )
    return whole, np.concatenate([table for _, table in parts])

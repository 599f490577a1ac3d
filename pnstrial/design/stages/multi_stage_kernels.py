"""Which designs of two or three stages have the smallest expected size, in compiled code?

Input: rates, errors, largest n, which stops are allowed.
Output: the best design.
Protocol section: design.
Method: the search of `multi_stage` in loops; see there.
Next: `multi_stage`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import kernel

__all__ = ["best_design"]


def _spread(state: Any, size: int, step: Any, m: int, out: Any) -> None:
    for x in range(size + m + 1):
        out[x] = 0.0
    for x in range(size + 1):
        if state[x] != 0.0:
            for y in range(m + 1):
                out[x + y] += state[x] * step[y]


spread = kernel(_spread)


def _finish(state0: Any, state1: Any, n: int, spent: float, won: float, alpha: float, power: float) -> int:
    """Give the smallest last count above which the null is rejected, or -1 where the power is missing."""
    tail0 = spent
    tail1 = won
    r = n
    while r >= 0 and tail0 + state0[r] <= alpha:
        tail0 += state0[r]
        tail1 += state1[r]
        r -= 1
    return r if tail1 >= power else -2


finish = kernel(_finish)


def _best_design(
    pmf0: Any, pmf1: Any, n_max: int, alpha: float, power: float, stages: int, futility: bool, efficacy: bool
) -> tuple[float, Any]:
    best = np.inf
    # n1, n2, n3, a1, a2, r, b1, b2
    design = np.zeros(8, np.int64)
    room = n_max + 2
    s0 = np.zeros(room)
    s1 = np.zeros(room)
    t0 = np.zeros(room)
    t1 = np.zeros(room)
    u0 = np.zeros(room)
    u1 = np.zeros(room)
    v0 = np.zeros(room)
    v1 = np.zeros(room)
    for n1 in range(1, n_max):
        if n1 >= best:
            break
        lost_a = 0.0
        for a1 in range(-1, n1 if futility else 0):
            if a1 >= 0:
                lost_a += pmf1[n1, a1]
            if lost_a > 1.0 - power:
                break
            for b1 in range(n1 + 1, a1 + 1 if efficacy else n1, -1):
                spent_a = 0.0
                won_a = 0.0
                going = 0.0
                for x in range(n1 + 1):
                    s0[x] = 0.0
                    s1[x] = 0.0
                    if x >= b1:
                        spent_a += pmf0[n1, x]
                        won_a += pmf1[n1, x]
                    elif x > a1:
                        s0[x] = pmf0[n1, x]
                        s1[x] = pmf1[n1, x]
                        going += pmf0[n1, x]
                if spent_a > alpha:
                    break
                for n2 in range(n1 + 1, n_max + 1):
                    size_a = n1 + going * (n2 - n1)
                    if size_a >= best:
                        break
                    spread(s0, n1, pmf0[n2 - n1], n2 - n1, t0)
                    spread(s1, n1, pmf1[n2 - n1], n2 - n1, t1)
                    if stages == 2:
                        r = finish(t0, t1, n2, spent_a, won_a, alpha, power)
                        if r >= -1:
                            best = size_a
                            design[:] = np.array([n1, n2, 0, a1, -1, r, b1, 0])
                        continue
                    if n2 == n_max:
                        continue
                    lost_b = lost_a
                    for a2 in range(a1, n2 if futility else 0):
                        if a2 >= 0:
                            lost_b += t1[a2]
                            if a2 == a1:
                                lost_b = lost_a
                        if lost_b > 1.0 - power:
                            break
                        for b2 in range(n2 + 1, a2 + 1 if efficacy else n2, -1):
                            spent_b = spent_a
                            won_b = won_a
                            going_b = 0.0
                            for x in range(n2 + 1):
                                u0[x] = 0.0
                                u1[x] = 0.0
                                if x >= b2:
                                    spent_b += t0[x]
                                    won_b += t1[x]
                                elif x > a2:
                                    u0[x] = t0[x]
                                    u1[x] = t1[x]
                                    going_b += t0[x]
                            if spent_b > alpha:
                                break
                            for n3 in range(n2 + 1, n_max + 1):
                                size_b = size_a + going_b * (n3 - n2)
                                if size_b >= best:
                                    break
                                spread(u0, n2, pmf0[n3 - n2], n3 - n2, v0)
                                spread(u1, n2, pmf1[n3 - n2], n3 - n2, v1)
                                r = finish(v0, v1, n3, spent_b, won_b, alpha, power)
                                if r >= -1:
                                    best = size_b
                                    design[:] = np.array([n1, n2, n3, a1, a2, r, b1, b2])
                                    break
    return best, design


best_design = kernel(_best_design)

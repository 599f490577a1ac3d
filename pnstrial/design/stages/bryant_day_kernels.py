"""Which designs for response and toxicity keep their errors, in compiled code?

Input: tables of one-endpoint probabilities, or joint tables where the endpoints are associated.
Output: for each n the design with the smallest of the larger expected sizes.
Protocol section: design.
Method: the search of `bryant_day` in loops; see there.
Next: `bryant_day`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import kernel

__all__ = ["best_of_n", "best_of_n_joint"]


def _stages(pmf: Any, tail: Any, n1: int, n2: int, first: int, final: int) -> float:
    total = 0.0
    for x in range(first, n1 + 1):
        need = final - x
        if need <= 0:
            total += pmf[n1, x]
        elif need <= n2:
            total += pmf[n1, x] * tail[n2, need]
    return total


stages = kernel(_stages)


def _best_of_n(
    n: int, pmf: Any, tail: Any, alpha_r: float, alpha_t: float, power: float, limit: float
) -> tuple[float, Any]:
    # first axis of pmf and tail: response at r0, r1; no toxicity at 1 - t0, 1 - t1
    best = limit
    design = np.zeros(5, np.int64)
    room = (n + 1) * (n + 1)
    resp = np.zeros((room, 5))
    good = np.zeros((room, 5))
    for n1 in range(1, n):
        n2 = n - n1
        k = 0
        m = 0
        for first in range(n1 + 1):
            if tail[1, n1, first] < power and tail[3, n1, first] < power:
                break
            for final in range(first, n2 + first + 1):
                if final > n:
                    break
                p1 = stages(pmf[1], tail[1], n1, n2, first, final)
                q1 = stages(pmf[3], tail[3], n1, n2, first, final)
                if p1 < power and q1 < power:
                    break
                if p1 >= power:
                    resp[k, 0] = first
                    resp[k, 1] = final
                    resp[k, 2] = stages(pmf[0], tail[0], n1, n2, first, final)
                    resp[k, 3] = p1
                    if resp[k, 2] * power <= alpha_r:
                        k += 1
                if q1 >= power:
                    good[m, 0] = first
                    good[m, 1] = final
                    good[m, 2] = stages(pmf[2], tail[2], n1, n2, first, final)
                    good[m, 3] = q1
                    if good[m, 2] * power <= alpha_t:
                        m += 1
        for i in range(k):
            a = int(resp[i, 0])
            for j in range(m):
                if resp[i, 3] * good[j, 3] < power:
                    continue
                if resp[i, 2] * good[j, 3] > alpha_r or resp[i, 3] * good[j, 2] > alpha_t:
                    continue
                b = int(good[j, 0])
                bad_response = n1 + n2 * tail[0, n1, a] * tail[3, n1, b]
                bad_toxicity = n1 + n2 * tail[1, n1, a] * tail[2, n1, b]
                size = max(bad_response, bad_toxicity)
                if size < best:
                    best = size
                    design[0] = n1
                    design[1] = a
                    design[2] = b
                    design[3] = int(resp[i, 1])
                    design[4] = int(good[j, 1])
    return best, design


def _joint_accept(pmf: Any, tail: Any, n1: int, n2: int, a1: int, b1: int, a: int, b: int) -> float:
    total = 0.0
    for x in range(a1, n1 + 1):
        for y in range(b1, n1 + 1):
            if pmf[n1, x, y] == 0.0:
                continue
            u = max(0, a - x)
            v = max(0, b - y)
            if u <= n2 and v <= n2:
                total += pmf[n1, x, y] * tail[n2, u, v]
    return total


joint_accept = kernel(_joint_accept)


def _best_of_n_joint(
    n: int,
    margin: Any,
    margin_tail: Any,
    pmf: Any,
    tail: Any,
    alpha_r: float,
    alpha_t: float,
    power: float,
    limit: float,
) -> tuple[float, Any]:
    # pmf and tail: joint tables of (bad response, good toxicity), (good, bad), (good, good)
    best = limit
    design = np.zeros(5, np.int64)
    for n1 in range(1, n):
        n2 = n - n1
        for a1 in range(n1 + 1):
            if margin_tail[1, n1, a1] < power:
                break
            for b1 in range(n1 + 1):
                if margin_tail[3, n1, b1] < power:
                    break
                size = n1 + n2 * max(tail[0, n1, a1, b1], tail[1, n1, a1, b1])
                if size >= best:
                    continue
                found = False
                for a in range(a1, n2 + a1 + 1):
                    if found or stages(margin[1], margin_tail[1], n1, n2, a1, a) < power:
                        break
                    for b in range(b1, n2 + b1 + 1):
                        if stages(margin[3], margin_tail[3], n1, n2, b1, b) < power:
                            break
                        if joint_accept(pmf[2], tail[2], n1, n2, a1, b1, a, b) < power:
                            break
                        if (
                            joint_accept(pmf[0], tail[0], n1, n2, a1, b1, a, b) <= alpha_r
                            and joint_accept(pmf[1], tail[1], n1, n2, a1, b1, a, b) <= alpha_t
                        ):
                            best = size
                            design[0] = n1
                            design[1] = a1
                            design[2] = b1
                            design[3] = a
                            design[4] = b
                            found = True
                            break
    return best, design


best_of_n = kernel(_best_of_n)
best_of_n_joint = kernel(_best_of_n_joint)

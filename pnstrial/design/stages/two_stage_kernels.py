"""Which two-stage designs keep both errors, in compiled code?

Input: rates, errors, range of n.
Output: for each n the design with the smallest expected size.
Protocol section: design.
Method: the search of `two_stage` in loops; see there.
Next: `two_stage`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pnstrial.compiled import kernel

__all__ = ["search"]


def _search(
    p0: float,
    p1: float,
    alpha: float,
    beta: float,
    n_min: int,
    n_max: int,
    fixed_n1: int,
    balanced: bool,
    every: bool,
) -> tuple[Any, Any, Any, Any]:
    pmf0 = np.zeros((n_max + 1, n_max + 1))
    pmf1 = np.zeros((n_max + 1, n_max + 1))
    # tail[m, j + 1] = P(more than j of m respond), j from -1
    tail0 = np.zeros((n_max + 1, n_max + 2))
    tail1 = np.zeros((n_max + 1, n_max + 2))
    r1_max = np.full(n_max + 1, -1)
    pet0_max = np.zeros(n_max + 1)
    expected = np.full(n_max + 1, np.inf)
    found = np.zeros((n_max + 1, 3), np.int64)
    errors = np.zeros((n_max + 1, 3))
    pmf0[0, 0] = pmf1[0, 0] = 1.0
    tail0[0, 0] = tail1[0, 0] = 1.0
    best = np.inf
    last = n_max
    for n in range(1, n_max + 1):
        for x in range(n + 1):
            a0 = (1.0 - p0) * pmf0[n - 1, x]
            a1 = (1.0 - p1) * pmf1[n - 1, x]
            if x > 0:
                a0 += p0 * pmf0[n - 1, x - 1]
                a1 += p1 * pmf1[n - 1, x - 1]
            pmf0[n, x] = a0
            pmf1[n, x] = a1
        s0 = 0.0
        s1 = 0.0
        for x in range(n, -1, -1):
            s0 += pmf0[n, x]
            s1 += pmf1[n, x]
            tail0[n, x] = s0
            tail1[n, x] = s1
        tail0[n, 0] = tail1[n, 0] = 1.0
        s0 = 0.0
        s1 = 0.0
        for x in range(n + 1):
            s1 += pmf1[n, x]
            if s1 >= beta:
                break
            s0 += pmf0[n, x]
            r1_max[n] = x
            pet0_max[n] = s0
        if n < n_min:
            continue
        # the most powerful randomised test of n patients: without it no design of n patients
        c = n
        while c > 0 and tail0[n, c] <= alpha:
            c -= 1
        above = tail0[n, c + 1]
        share = (alpha - above) / pmf0[n, c]
        if tail1[n, c + 1] + share * pmf1[n, c] <= 1.0 - beta:
            continue
        limit = np.inf if every else best
        low, high = 1, n - 1
        if fixed_n1 > 0:
            low = fixed_n1
            high = min(n - 1, fixed_n1)
        if balanced:
            low = n // 2
            high = n // 2 if n % 2 == 0 else 0
        bound = np.inf
        r_top = n
        while r_top >= 0 and tail1[n, r_top + 1] <= 1.0 - beta:
            r_top -= 1
        here = np.inf
        for n1 in range(low, high + 1):
            if r1_max[n1] < 0:
                continue
            n2 = n - n1
            reach = n1 + (1.0 - pet0_max[n1]) * n2
            bound = min(bound, reach)
            if reach >= min(limit, here):
                continue
            for r in range(r_top, -1, -1):
                lost0 = 0.0
                lost1 = 0.0
                pet = 0.0
                level = False
                for r1 in range(min(r1_max[n1], r) + 1):
                    j = r - r1 + 1
                    weight0 = tail0[n2, j] if j <= n2 else 0.0
                    weight1 = tail1[n2, j] if j <= n2 else 0.0
                    lost0 += pmf0[n1, r1] * weight0
                    lost1 += pmf1[n1, r1] * weight1
                    pet += pmf0[n1, r1]
                    if tail1[n, r + 1] - lost1 <= 1.0 - beta:
                        # a later stop loses still more power, but the level may still come within reach
                        if tail0[n, r + 1] - lost0 < alpha:
                            level = True
                        continue
                    if tail0[n, r + 1] - lost0 < alpha:
                        level = True
                        size = n1 + (1.0 - pet) * n2
                        if size < min(limit, here):
                            here = size
                            found[n, 0] = r1
                            found[n, 1] = n1
                            found[n, 2] = r
                            errors[n, 0] = tail0[n, r + 1] - lost0
                            errors[n, 1] = tail1[n, r + 1] - lost1
                            errors[n, 2] = pet
                if not level:
                    break
        expected[n] = here
        best = min(best, here)
        if bound >= best and best <= n and fixed_n1 == 0 and not balanced:
            last = n
            break
    return expected[: last + 1], found[: last + 1], errors[: last + 1], last


search = kernel(_search)

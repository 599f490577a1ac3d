"""How is the exact signed-rank p-value computed for tied grades?

Input: earlier and later grades, with a leading axis of trials.
Output: exact p-values.
Protocol section: none.
Method: patients who moved by the same number of grades share one mid-rank, so the rank sum of those who
improved is a sum of independent binomial counts, one per size of change. Their distribution is convolved size
by size; the last, largest one enters by its tail only.
Next: `shift.paired`.
"""

from __future__ import annotations

from math import exp, lgamma, log
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Grades = NDArray[np.int64]


def _half_binomial(n: int) -> Array:
    """Give the probabilities of 0 to n successes at rate 1/2."""
    pmf = np.empty(n + 1)
    if n <= 1000:
        value = 0.5**n
        for j in range(n + 1):
            pmf[j] = value
            value = value * (n - j) / (j + 1)
        return pmf
    # 2^-n underflows: start in the middle, and let the sum, which is 1, take the error of lgamma out
    middle = n // 2
    pmf[middle] = exp(lgamma(n + 1.0) - lgamma(middle + 1.0) - lgamma(n - middle + 1.0) - n * log(2.0))
    for j in range(middle, n):
        pmf[j + 1] = pmf[j] * (n - j) / (j + 1)
    for j in range(middle, 0, -1):
        pmf[j - 1] = pmf[j] * j / (n - j + 1)
    return pmf / pmf.sum()


half_binomial = kernel(_half_binomial)


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


gcd = kernel(_gcd)


def _upper_tail(sizes: Grades, ranks: Grades, observed: int) -> float:
    """Give P(sum of rank x Binomial(size, 1/2) >= observed) over the groups with size > 0."""
    largest = 0
    for g in range(sizes.shape[0]):
        if sizes[g] > sizes[largest]:
            largest = g
    divisor = 0
    total = 1
    for g in range(sizes.shape[0]):
        if sizes[g] > 0:
            divisor = gcd(divisor, ranks[g])
    for g in range(sizes.shape[0]):
        if g != largest and sizes[g] > 0:
            total += sizes[g] * ranks[g] // divisor
    mass = np.zeros(total)
    mass[0] = 1.0
    top = 0
    for g in range(sizes.shape[0]):
        if g == largest or sizes[g] == 0:
            continue
        pmf = half_binomial(sizes[g])
        rank = ranks[g] // divisor
        # from the top down, so that the array can be changed in place
        for s in range(top, -1, -1):
            here = mass[s]
            if here == 0.0:
                continue
            mass[s] = here * pmf[0]
            for j in range(1, sizes[g] + 1):
                mass[s + j * rank] += here * pmf[j]
        top += sizes[g] * rank
    pmf = half_binomial(sizes[largest])
    tail = np.zeros(sizes[largest] + 2)
    for j in range(sizes[largest], -1, -1):
        tail[j] = tail[j + 1] + pmf[j]
    tail[0] = 1.0
    rank = ranks[largest] // divisor
    goal = observed // divisor
    answer = 0.0
    for s in range(top + 1):
        if mass[s] > 0.0:
            needed = -((s - goal) // rank)
            if needed <= sizes[largest]:
                answer += mass[s] * tail[max(needed, 0)]
    return min(answer, 1.0)


upper_tail = kernel(_upper_tail)


def _signed_rank_one(first: Grades, second: Grades, pratt: bool, two_sided: bool) -> float:
    """Give the exact p-value of one trial; 1 if nobody moved."""
    sizes = np.zeros(7, np.int64)
    improved = np.zeros(7, np.int64)
    for i in range(first.shape[0]):
        change = first[i] - second[i]
        if change > 0:
            sizes[change] += 1
            improved[change] += 1
        else:
            sizes[-change] += 1
    below = sizes[0] if pratt else 0
    ranks = np.zeros(7, np.int64)
    observed = 0
    total = 0
    sizes[0] = 0
    for g in range(1, 7):
        if sizes[g] == 0:
            continue
        ranks[g] = 2 * below + sizes[g] + 1  # twice the mid-rank stays a whole number
        below += sizes[g]
        observed += ranks[g] * improved[g]
        total += ranks[g] * sizes[g]
    if total == 0:
        return 1.0
    if two_sided:
        return min(1.0, 2.0 * upper_tail(sizes, ranks, max(observed, total - observed)))
    return upper_tail(sizes, ranks, observed)


signed_rank_one = kernel(_signed_rank_one)


def signed_rank_uncompiled(first: Grades, second: Grades, pratt: bool, two_sided: bool) -> float:
    """Give what `signed_rank_one` gives, by NumPy: for few patients, who are no reason to load a compiler."""
    move = first - second
    sizes = np.bincount(np.abs(move), minlength=7)
    before = np.cumsum(sizes) - sizes - (0 if pratt else sizes[0])
    ranks = 2 * before + sizes + 1
    sizes[0] = 0
    total = int((ranks * sizes).sum())
    if total == 0:
        return 1.0
    observed = int((ranks * np.bincount(move[move > 0], minlength=sizes.size)).sum())
    if two_sided:
        observed = max(observed, total - observed)
    mass = np.ones(1)
    for size, rank in zip(sizes.tolist(), ranks.tolist(), strict=True):
        if size:
            wider = np.zeros(mass.size + size * rank)
            for j, share in enumerate(half_binomial.plain(size).tolist()):
                wider[j * rank : j * rank + mass.size] += share * mass
            mass = wider
    tail = float(mass[observed:].sum())
    return min(1.0, 2.0 * tail if two_sided else tail)


def _signed_rank_many(first: Grades, second: Grades, pratt: bool, two_sided: bool) -> Array:
    """Give the exact p-value of each row."""
    p = np.empty(first.shape[0])
    for r in range(first.shape[0]):
        p[r] = signed_rank_one(first[r], second[r], pratt, two_sided)
    return p


signed_rank_many = kernel(_signed_rank_many)


def _rank_sum_tails(treated: Grades, control: Grades) -> Array:
    """Give P(T <= t), P(T >= t) and P(|T - E| >= |t - E|) of the treated group's rank sum.

    All allocations of the observed grades to two groups of these sizes are equally likely.

    Level by level, the state is (treated patients so far, twice their rank sum); the weights are
    hypergeometric, up to a factor that the total divides out.
    """
    n_treated = int(treated.sum())
    levels = treated.shape[0]
    observed = 0
    below = 0
    most = 0
    ranks = np.zeros(levels, np.int64)
    for k in range(levels):
        size = treated[k] + control[k]
        ranks[k] = 2 * below + size + 1
        below += size
        observed += ranks[k] * treated[k]
        most = max(most, ranks[k])
    width = n_treated * most + 1
    mass = np.zeros((n_treated + 1, width))
    mass[0, 0] = 1.0
    used = 0
    for k in range(levels):
        size = treated[k] + control[k]
        if size == 0:
            continue
        ways = half_binomial(size)
        fresh = np.zeros((n_treated + 1, width))
        for m in range(min(used, n_treated) + 1):
            for s in range(m * most + 1):
                here = mass[m, s]
                if here == 0.0:
                    continue
                for j in range(min(size, n_treated - m) + 1):
                    fresh[m + j, s + j * ranks[k]] += here * ways[j]
        used += size
        mass = fresh
    row = mass[n_treated]
    out = np.zeros(3)
    out[0] = row[: observed + 1].sum()
    out[1] = row[observed:].sum()
    centre = n_treated * (below + 1)
    for s in range(width):
        if abs(s - centre) >= abs(observed - centre):
            out[2] += row[s]
    return out / row.sum()


rank_sum_tails = kernel(_rank_sum_tails)

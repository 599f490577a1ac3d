"""How fast can the parts of a Cox regression be computed that NumPy has no words for?

Input: plain arrays; no result objects.
Output: moments over all subsets of a risk set, counts of concordant pairs, which binary comparisons are separated,
fits of one binary covariate for many trials.
Protocol section: none.
Method: the exact likelihood as a Poisson-binomial recursion (Gail, Lubin and Rubinstein, Biometrika 1981;68:703);
pairs counted with a binary indexed tree (Fenwick 1994), so that they cost n log n.
Next: `cox_likelihood`, `cox_residuals`.
"""

from __future__ import annotations

import math

import numpy as np

from pnstrial.compiled import kernel

__all__ = ["binary_monotone", "concordant_pairs", "cox_binary_batch", "subset_moments"]


def _subset_moments(risk: np.ndarray, x: np.ndarray, d: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Log sum of products, mean and covariance of sums of x, over all subsets of d of the risk set.

    The relative hazards become odds of independent draws that take d patients on average; the subsets of d are
    then the outcomes with d draws. So every number in the recursion is a probability or a moment of one, which
    neither overflows nor cancels, where the sums of products themselves would.
    """
    m, p = x.shape
    low, high = -700.0, 700.0
    top = risk.max()
    for _ in range(200):
        mid = 0.5 * (low + high)
        factor = math.exp(mid)
        total = 0.0
        for i in range(m):
            odds = factor * (risk[i] / top)
            total += odds / (1.0 + odds)
        if total < d:
            low = mid
        else:
            high = mid
        if high - low < 1e-3:
            break
    log_factor = 0.5 * (low + high)
    factor = math.exp(log_factor)
    chance = np.zeros(d + 1)
    first = np.zeros((d + 1, p))
    second = np.zeros((d + 1, p, p))
    centre = np.zeros(p)
    weight = 0.0
    for i in range(m):
        odds = factor * (risk[i] / top)
        weight += odds / (1.0 + odds)
        for a in range(p):
            centre[a] += x[i, a] * odds / (1.0 + odds)
    for a in range(p):
        centre[a] /= weight
    chance[0] = 1.0
    log_scale = 0.0
    for i in range(m):
        odds = factor * (risk[i] / top)
        take = odds / (1.0 + odds)
        leave = 1.0 / (1.0 + odds)
        log_scale += math.log1p(odds)
        for k in range(min(i + 1, d), -1, -1):
            if k > 0:
                for a in range(p):
                    xa = x[i, a] - centre[a]
                    for b in range(p):
                        xb = x[i, b] - centre[b]
                        second[k, a, b] = leave * second[k, a, b] + take * (
                            second[k - 1, a, b]
                            + xa * first[k - 1, b]
                            + xb * first[k - 1, a]
                            + xa * xb * chance[k - 1]
                        )
                for a in range(p):
                    xa = x[i, a] - centre[a]
                    first[k, a] = leave * first[k, a] + take * (first[k - 1, a] + xa * chance[k - 1])
                chance[k] = leave * chance[k] + take * chance[k - 1]
            else:
                chance[0] *= leave
    mean = np.empty(p)
    spread = np.empty((p, p))
    for a in range(p):
        mean[a] = first[d, a] / chance[d]
    for a in range(p):
        for b in range(p):
            spread[a, b] = second[d, a, b] / chance[d] - mean[a] * mean[b]
    for a in range(p):
        mean[a] += d * centre[a]
    log_sum = math.log(chance[d]) + log_scale - d * (log_factor - math.log(top))
    return log_sum, mean, spread


subset_moments = kernel(_subset_moments, error_model="numpy")


def _add(tree: np.ndarray, place: int, amount: float) -> None:
    i = place + 1
    while i < tree.size:
        tree[i] += amount
        i += i & (-i)


add = kernel(_add, error_model="numpy")


def _until(tree: np.ndarray, place: int) -> float:
    """Sum of the amounts at places before `place`."""
    total = 0.0
    i = place
    while i > 0:
        total += tree[i]
        i -= i & (-i)
    return total


until = kernel(_until, error_model="numpy")


def _concordant_pairs(
    time: np.ndarray,
    event: np.ndarray,
    rank: np.ndarray,
    weights: np.ndarray,
    entry: np.ndarray,
    entry_order: np.ndarray,
    ranks: int,
    counts: np.ndarray,
    influence: np.ndarray,
) -> None:
    """Add the pairs of one stratum: concordant, discordant, tied in risk, tied in time, tied in both.

    Rows are sorted by time, events first. `rank` orders the risks; `influence[i]` gains the weights of the
    patients with whom i forms a pair of each kind.
    """
    n = time.size
    late = entry.size > 0
    tree = np.zeros(ranks + 1)
    i = n - 1
    e = n - 1
    total = 0.0
    while i >= 0:
        t = time[i]
        first = i
        while first >= 0 and time[first] == t:
            first -= 1
        first += 1
        deaths = first
        while deaths <= i and event[deaths] == 1.0:
            deaths += 1
        for k in range(deaths, i + 1):
            add(tree, rank[k], weights[k])
            total += weights[k]
        if late:
            # Those who had not entered by this time are not at risk at it, nor at any earlier one.
            while e >= 0 and entry[entry_order[e]] >= t:
                add(tree, rank[entry_order[e]], -weights[entry_order[e]])
                total -= weights[entry_order[e]]
                e -= 1
        for k in range(first, deaths):
            below = until(tree, rank[k])
            same = until(tree, rank[k] + 1) - below
            above = total - below - same
            influence[k, 0] += below
            influence[k, 1] += above
            influence[k, 2] += same
            counts[0] += weights[k] * below
            counts[1] += weights[k] * above
            counts[2] += weights[k] * same
        for k in range(first, deaths):
            add(tree, rank[k], weights[k])
            total += weights[k]
        i = first - 1
    own = np.zeros(ranks + 1)
    for k in range(ranks + 1):
        tree[k] = 0.0
    i = 0
    e = 0
    total = 0.0
    while i < n:
        t = time[i]
        if late:
            # Events up to a patient's entry are no comparison for that patient: taken off in advance.
            while e < n and entry[entry_order[e]] < t:
                k = entry_order[e]
                below = until(tree, rank[k])
                same = until(tree, rank[k] + 1) - below
                influence[k, 0] -= total - below - same
                influence[k, 1] -= below
                influence[k, 2] -= same
                e += 1
        stop = i
        deaths = i
        while stop < n and time[stop] == t:
            if event[stop] == 1.0:
                deaths = stop + 1
            stop += 1
        mass = 0.0
        for k in range(i, deaths):
            below = until(tree, rank[k])
            same = until(tree, rank[k] + 1) - below
            influence[k, 0] += total - below - same
            influence[k, 1] += below
            influence[k, 2] += same
        for k in range(i, deaths):
            counts[3] += weights[k] * mass
            counts[4] += weights[k] * own[rank[k]]
            mass += weights[k]
            own[rank[k]] += weights[k]
        for k in range(i, deaths):
            own[rank[k]] = 0.0
            add(tree, rank[k], weights[k])
            total += weights[k]
        for k in range(deaths, stop):
            below = until(tree, rank[k])
            same = until(tree, rank[k] + 1) - below
            influence[k, 0] += total - below - same
            influence[k, 1] += below
            influence[k, 2] += same
        i = stop


concordant_pairs = kernel(_concordant_pairs, error_model="numpy")


def _binary_monotone(packed: np.ndarray, out: np.ndarray) -> None:
    """Fill out[r] = 0 if the comparison of two groups has a finite maximum, 1 if it rises to plus infinity.

    -1 if it rises to minus infinity, 2 if no event had both groups at risk. Times carry event (2) and second
    group (1) in their last bits.
    """
    clear = ~np.int64(3)
    for r in range(packed.shape[0]):
        row = packed[r]
        n = row.size
        y, y1 = n, 0
        for i in range(n):
            y1 += row[i] & 1
        up, down, informative = True, True, False
        i = 0
        while i < n:
            t = row[i] & clear
            d, d1, m, m1 = 0, 0, 0, 0
            while i < n and (row[i] & clear) == t:
                g = row[i] & 1
                e = (row[i] >> 1) & 1
                m += 1
                m1 += g
                d += e
                d1 += e & g
                i += 1
            if d > 0 and 0 < y1 < y:
                informative = True
                if d1 < d:
                    up = False
                if d1 > 0:
                    down = False
            y -= m
            y1 -= m1
        if not informative:
            out[r] = 2
        elif up:
            out[r] = 1
        elif down:
            out[r] = -1
        else:
            out[r] = 0


binary_monotone = kernel(_binary_monotone, error_model="numpy")


def _binary_score(row: np.ndarray, ones: int, beta: float, efron: bool) -> tuple[float, float, float]:
    """Log partial likelihood, score and information of one binary covariate at beta."""
    clear = ~np.int64(3)
    n = row.size
    hazard = math.exp(beta)
    y, y1 = n, ones
    loglik, score, information = 0.0, 0.0, 0.0
    i = 0
    while i < n:
        t = row[i] & clear
        d, d1, m, m1 = 0, 0, 0, 0
        while i < n and (row[i] & clear) == t:
            g = row[i] & 1
            e = (row[i] >> 1) & 1
            m += 1
            m1 += g
            d += e
            d1 += e & g
            i += 1
        if d > 0:
            risk1 = y1 * hazard
            risk = (y - y1) + risk1
            dead1 = d1 * hazard
            dead = (d - d1) + dead1
            loglik += d1 * beta
            score += d1
            for k in range(d):
                part = k / d if efron else 0.0
                total = risk - part * dead
                share = (risk1 - part * dead1) / total
                loglik -= math.log(total)
                score -= share
                information += share * (1.0 - share)
        y -= m
        y1 -= m1
    return loglik, score, information


binary_score = kernel(_binary_score, error_model="numpy")


def _cox_binary_trial(row: np.ndarray, efron: bool) -> tuple[float, float, float, float, bool]:
    """Cox log hazard ratio of the second group: estimate, standard error, null and final log-likelihood, finite.

    One side without events, or every event in the group that always has the larger hazard, has no finite
    maximum: the last value is then False.
    """
    ones = 0
    for i in range(row.size):
        ones += row[i] & 1
    beta = 0.0
    loglik, score, information = binary_score(row, ones, beta, efron)
    null = loglik
    for _ in range(40):
        if information <= 1e-12:
            break
        step = score / information
        step = min(max(step, -2.0), 2.0)
        new_loglik, new_score, new_information = binary_score(row, ones, beta + step, efron)
        halved = 0
        while new_loglik < loglik - 1e-12 and halved < 20:
            step *= 0.5
            halved += 1
            new_loglik, new_score, new_information = binary_score(row, ones, beta + step, efron)
        beta += step
        loglik, score, information = new_loglik, new_score, new_information
        if abs(step) < 1e-10:
            break
        if abs(beta) > 30.0:
            break
    finite = abs(beta) < 15.0 and information > 1e-9
    error = 1.0 / math.sqrt(information) if information > 0.0 else math.inf
    return beta, error, null, loglik, finite


cox_binary_trial = kernel(_cox_binary_trial, error_model="numpy")


def _cox_binary_batch(packed: np.ndarray, efron: bool, out: np.ndarray) -> None:
    """Fill out[r] = log hazard ratio, standard error, null and final log-likelihood, 1 if finite."""
    for r in range(packed.shape[0]):
        beta, error, null, loglik, finite = cox_binary_trial(packed[r], efron)
        out[r, 0] = beta
        out[r, 1] = error
        out[r, 2] = null
        out[r, 3] = loglik
        out[r, 4] = 1.0 if finite else 0.0


cox_binary_batch = kernel(_cox_binary_batch, error_model="numpy")

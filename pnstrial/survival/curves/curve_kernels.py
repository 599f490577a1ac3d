"""How fast can a survival curve or a log-rank test be computed, once or for many trials?

Input: arrays of follow-up times, event indicators (0 or 1), groups; for batches with a leading axis of trials.
Output: plain arrays and numbers, no result objects; the public functions wrap them.
Protocol section: none.
Method: one pass over times in order; the quantile of the beta distribution by Cornish-Fisher expansion of its
logit (Abramowitz and Stegun 1964, 26.2.50) where both parameters are large, else by Halley steps on the
regularised incomplete beta function (continued fraction, Abramowitz and Stegun 26.5.8).
Next: `kaplan_meier`, `logrank`.
"""

from __future__ import annotations

import math

import numpy as np

from pnstrial.compiled import OUTER, kernel
from pnstrial.survival.curves.intervals import BETA_PRODUCT, LOG, LOG_LOG, LOGIT, PLAIN, THOMAS_GRUNKEMEIER

__all__ = [
    "beta_quantile",
    "beta_tail",
    "kaplan_meier_at_batch",
    "kaplan_meier_curve",
    "logrank_packed",
    "pack_two_groups",
]

# Below this the Cornish-Fisher series is not exact to 1e-9 (checked against scipy.special.betaincinv).
LARGE = 800.0


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function, modified Lentz recursion."""
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    if abs(d) < tiny:
        d = tiny
    d = 1.0 / d
    h = d
    for m in range(1, 20_000):
        m2 = 2.0 * m
        term = m * (b - m) * x / ((a + m2 - 1.0) * (a + m2))
        d = 1.0 + term * d
        if abs(d) < tiny:
            d = tiny
        c = 1.0 + term / c
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        h *= d * c
        term = -(a + m) * (a + b + m) * x / ((a + m2) * (a + m2 + 1.0))
        d = 1.0 + term * d
        if abs(d) < tiny:
            d = tiny
        c = 1.0 + term / c
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        step = d * c
        h *= step
        if abs(step - 1.0) < 4e-16:
            break
    return h


beta_fraction = kernel(_beta_fraction, error_model="numpy")


def _beta_tail(x: float, a: float, b: float) -> float:
    """Probability that a beta(a, b) variable is at most x."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * beta_fraction(x, a, b) / a
    return 1.0 - front * beta_fraction(1.0 - x, b, a) / b


beta_tail = kernel(_beta_tail, error_model="numpy")


def _logit_expansion(z: float, a: float, b: float) -> float:
    """Quantile of beta(a, b) by Cornish-Fisher expansion of log(x / (1 - x)); z is the normal quantile.

    The cumulants of the logit are polygamma functions of a plus or minus those of b, here by their
    asymptotic series (Abramowitz and Stegun 1964, 6.4.11).
    """
    u, v = 1.0 / a, 1.0 / b
    u2, v2 = u * u, v * v
    k1 = math.log(a / b) - 0.5 * (u - v) - (u2 - v2) / 12.0 + (u2 * u2 - v2 * v2) / 120.0
    k2 = u + v + 0.5 * (u2 + v2) + (u2 * u + v2 * v) / 6.0 - (u2 * u2 * u + v2 * v2 * v) / 30.0
    k3 = v2 - u2 + (v2 * v - u2 * u) + 0.5 * (v2 * v2 - u2 * u2) - (v2 * v2 * v2 - u2 * u2 * u2) / 6.0
    k4 = 2.0 * (u2 * u + v2 * v) + 3.0 * (u2 * u2 + v2 * v2) + 2.0 * (u2 * u2 * u + v2 * v2 * v)
    k5 = 6.0 * (v2 * v2 - u2 * u2) + 12.0 * (v2 * v2 * v - u2 * u2 * u)
    k6 = 24.0 * (u2 * u2 * u + v2 * v2 * v)
    s = math.sqrt(k2)
    g1 = k3 / (k2 * s)
    g2 = k4 / (k2 * k2)
    g3 = k5 / (k2 * k2 * s)
    g4 = k6 / (k2 * k2 * k2)
    z2 = z * z
    he2 = z2 - 1.0
    he3 = z * (z2 - 3.0)
    he4 = z2 * (z2 - 6.0) + 3.0
    he5 = z * (z2 * (z2 - 10.0) + 15.0)
    w = (
        z
        + g1 * he2 / 6.0
        + g2 * he3 / 24.0
        - g1 * g1 * (2.0 * he3 + z) / 36.0
        + g3 * he4 / 120.0
        - g1 * g2 * (he4 + he2) / 24.0
        + g1 * g1 * g1 * (12.0 * he4 + 19.0 * he2) / 324.0
        + g4 * he5 / 720.0
        - g2 * g2 * (3.0 * he5 + 6.0 * he3 + 2.0 * z) / 384.0
        - g1 * g3 * (2.0 * he5 + 3.0 * he3) / 180.0
        + g1 * g1 * g2 * (14.0 * he5 + 37.0 * he3 + 8.0 * z) / 288.0
        - g1 * g1 * g1 * g1 * (252.0 * he5 + 832.0 * he3 + 227.0 * z) / 7776.0
    )
    return 1.0 / (1.0 + math.exp(-(k1 + s * w)))


logit_expansion = kernel(_logit_expansion, error_model="numpy")


def _beta_quantile(p: float, z: float, a: float, b: float) -> float:
    """Quantile of beta(a, b) at probability p; z is the standard normal quantile of the same p."""
    if b == 1.0:
        return p ** (1.0 / a)
    if a == 1.0:
        return -math.expm1(math.log1p(-p) / b)
    if a >= LARGE and b >= LARGE:
        return logit_expansion(z, a, b)
    low, high = 0.0, 1.0
    inside = False
    spread = math.sqrt(a * b / (a + b + 1.0)) / (a + b)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    if a >= 1.5 and b >= 1.5:
        x = logit_expansion(z, a, b)
    else:
        left = math.exp(a * math.log(a / (a + b))) / a
        right = math.exp(b * math.log(b / (a + b))) / b
        if p < left / (left + right):
            x = (a * (left + right) * p) ** (1.0 / a)
        else:
            x = 1.0 - (b * (left + right) * (1.0 - p)) ** (1.0 / b)
    if not 0.0 < x < 1.0:
        x = 0.5
    for _ in range(60):
        log_front = a * math.log(x) + b * math.log1p(-x) - log_beta
        if x < (a + 1.0) / (a + b + 2.0):
            error = math.exp(log_front) * beta_fraction(x, a, b) / a - p
        else:
            error = (1.0 - p) - math.exp(log_front) * beta_fraction(1.0 - x, b, a) / b
        if error > 0.0:
            high = x
        else:
            low = x
        ratio = error * x * (1.0 - x) * math.exp(-log_front)
        bend = ratio * ((a - 1.0) / x - (b - 1.0) / (1.0 - x))
        step = ratio / (1.0 - 0.5 * min(1.0, max(-1.0, bend)))
        new = x - step
        inside = low < new < high
        if not inside:
            new = 0.5 * (low + high)
        if abs(new - x) <= 2e-16 * new:
            return new
        # Halley's error falls with the cube of the step: a step this small has already reached 1e-12.
        room = min(new, 1.0 - new)
        close = inside and abs(new - x) <= 1e-4 * min(room, spread)
        x = new
        if close:
            return x
    return x


beta_quantile = kernel(_beta_quantile, error_model="numpy")


def _mid_p_limit(q: float, z: float, a_low: float, b_low: float, a_high: float, b_high: float) -> float:
    """Root x of (P(W- <= x) + P(W+ <= x)) / 2 = q; a_high < 0 stands for W+ = 1, a_low < 0 for W- = 0."""
    if a_low < 0.0 and a_high < 0.0:
        return 0.0 if q <= 0.5 else 1.0
    if a_low < 0.0:
        if q <= 0.5:
            return 0.0
        p = 2.0 * q - 1.0
        return _bisected_quantile(p, a_high, b_high)
    if a_high < 0.0:
        if q >= 0.5:
            return 1.0
        return _bisected_quantile(2.0 * q, a_low, b_low)
    low = beta_quantile(q, z, a_low, b_low)
    high = beta_quantile(q, z, a_high, b_high)
    if low > high:
        low, high = high, low
    norm_low = math.lgamma(a_low + b_low) - math.lgamma(a_low) - math.lgamma(b_low)
    norm_high = math.lgamma(a_high + b_high) - math.lgamma(a_high) - math.lgamma(b_high)
    x = 0.5 * (low + high)
    for _ in range(100):
        value = 0.5 * (beta_tail(x, a_low, b_low) + beta_tail(x, a_high, b_high)) - q
        if value > 0.0:
            high = x
        else:
            low = x
        lx, l1 = math.log(x), math.log1p(-x)
        slope = 0.5 * (
            math.exp(norm_low + (a_low - 1.0) * lx + (b_low - 1.0) * l1)
            + math.exp(norm_high + (a_high - 1.0) * lx + (b_high - 1.0) * l1)
        )
        new = x - value / slope if slope > 0.0 else -1.0
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - x) <= 1e-14 * new or high - low <= 1e-15:
            return new
        x = new
    return x


def _normal_guess(p: float) -> float:
    """Approximate the standard normal quantile to about 5e-4: good enough to start an iteration."""
    q = p if p < 0.5 else 1.0 - p
    t = math.sqrt(-2.0 * math.log(q))
    x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (
        1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    )
    return x if p >= 0.5 else -x


normal_guess = kernel(_normal_guess, error_model="numpy")


def _plain_quantile(p: float, a: float, b: float) -> float:
    """Quantile of beta(a, b) at p where the exact normal quantile of p is not at hand."""
    if b == 1.0:
        return p ** (1.0 / a)
    x = beta_quantile(p, normal_guess(p), a, b)
    if a >= LARGE and b >= LARGE:
        # The expansion was fed an approximate z: two Newton steps remove what that left.
        norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        for _ in range(3):
            density = math.exp(norm + (a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x))
            x -= (beta_tail(x, a, b) - p) / density
    return x


_bisected_quantile = kernel(_plain_quantile, error_model="numpy")
mid_p_limit = kernel(_mid_p_limit, error_model="numpy")


def _likelihood_ratio_multiplier(n: np.ndarray, d: np.ndarray, k: int, critical: float, upper: bool) -> float:
    """Survival at which -2 log likelihood ratio equals the critical value, one side (Thomas and Grunkemeier).

    With multiplier m the constrained hazards are d / (n + m) and -2 log LR is
    -2 sum[(n - d) log(1 + m / (n - d)) - n log(1 + m / n)], which rises on both sides of m = 0; its derivative is
    2 m sum[d / ((n + m)(n - d + m))]. Newton's steps within a bracket, from the parabola at 0.
    """
    edge, spread = -1e300, 0.0
    for j in range(k):
        if d[j] > 0.0:
            edge = max(edge, d[j] - n[j])
            spread += d[j] / (n[j] * (n[j] - d[j]))
    low, high = (0.0, 1e300) if upper else (edge, 0.0)
    m = math.sqrt(critical / spread) if upper else max(-math.sqrt(critical / spread), 0.5 * edge)
    for _ in range(200):
        total, slope = 0.0, 0.0
        for j in range(k):
            if d[j] > 0.0:
                left = n[j] - d[j]
                total += left * math.log1p(m / left) - n[j] * math.log1p(m / n[j])
                slope += d[j] / ((n[j] + m) * (left + m))
        excess = -2.0 * total - critical
        if (excess > 0.0) == upper:
            high = m
        else:
            low = m
        new = m - excess / (2.0 * m * slope)
        if not low < new < high:
            new = 2.0 * m if high == 1e300 else 0.5 * (low + high)
        if abs(new - m) <= 4e-16 * abs(m):
            break
        m = new
    survival = 1.0
    for j in range(k):
        if d[j] > 0.0:
            survival *= 1.0 - d[j] / (n[j] + m)
    return survival


likelihood_ratio_multiplier = kernel(_likelihood_ratio_multiplier, error_model="numpy")


def _simple_limits(kind: int, s: float, spread: float, z: float) -> tuple[float, float]:
    """Limits of one survival probability from its Greenwood sum (variance of log survival) on a scale."""
    nan = math.nan
    root = math.sqrt(spread)
    if kind == PLAIN:
        return max(s - z * s * root, 0.0), min(s + z * s * root, 1.0)
    if s <= 0.0:
        return nan, nan
    if kind == LOG:
        return s * math.exp(-z * root), min(s * math.exp(z * root), 1.0)
    if s >= 1.0:
        return nan, nan
    if kind == LOG_LOG:
        log_s = math.log(s)
        factor = math.exp(z * root / log_s)
        return math.exp(log_s / factor), math.exp(log_s * factor)
    if kind == LOGIT:
        centre = math.log(s / (1.0 - s))
        half = z * root / (1.0 - s)
        return 1.0 / (1.0 + math.exp(-(centre - half))), 1.0 / (1.0 + math.exp(-(centre + half)))
    centre = math.asin(math.sqrt(s))
    half = 0.5 * z * root * math.sqrt(s / (1.0 - s))
    low = math.sin(max(0.0, centre - half)) ** 2
    high = math.sin(min(0.5 * math.pi, centre + half)) ** 2
    return low, high


simple_limits = kernel(_simple_limits, error_model="numpy")


def _limits(
    kind: int,
    alpha: float,
    z: float,
    n: np.ndarray,
    d: np.ndarray,
    after: np.ndarray,
    s: np.ndarray,
    spread: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Fill the limits of every row; `after` is the number at risk just after each time."""
    mean, excess = 1.0, 0.0
    half = 0.5 * alpha
    previous_low, previous_high = 1.0, 1.0
    for j in range(n.size):
        if kind < BETA_PRODUCT:
            if d[j] > 0.0 or j == 0:
                low[j], high[j] = simple_limits(kind, s[j], spread[j], z)
            else:
                low[j], high[j] = low[j - 1], high[j - 1]
            continue
        if kind == THOMAS_GRUNKEMEIER:
            if d[j] > 0.0 and s[j] > 0.0:
                critical = z * z
                previous_low = likelihood_ratio_multiplier(n, d, j + 1, critical, False)
                previous_high = likelihood_ratio_multiplier(n, d, j + 1, critical, True)
            low[j], high[j] = previous_low, previous_high
            continue
        if d[j] > 0.0:
            # W+ gains a factor beta(n - d + 1, d): mean m, second moment m^2 (1 + r).
            a = n[j] - d[j] + 1.0
            mean *= a / (n[j] + 1.0)
            excess = (1.0 + excess) * (1.0 + d[j] / (a * (n[j] + 2.0))) - 1.0
        if excess > 0.0:
            a_high = (1.0 - mean * (1.0 + excess)) / excess
            b_high = a_high * (1.0 - mean) / mean
        else:
            a_high, b_high = -1.0, -1.0
        if after[j] > 0.0:
            mean_low = mean * after[j] / (after[j] + 1.0)
            excess_low = (1.0 + excess) * (1.0 + 1.0 / (after[j] * (after[j] + 2.0))) - 1.0
            if excess > 0.0:
                a_low = (1.0 - mean_low * (1.0 + excess_low)) / excess_low
                b_low = a_low * (1.0 - mean_low) / mean_low
            else:
                a_low, b_low = after[j], 1.0
        else:
            a_low, b_low = -1.0, -1.0
        if kind == BETA_PRODUCT:
            low[j] = 0.0 if a_low < 0.0 else beta_quantile(half, -z, a_low, b_low)
            if d[j] > 0.0 or j == 0:
                high[j] = 1.0 if a_high < 0.0 else beta_quantile(1.0 - half, z, a_high, b_high)
            else:
                high[j] = high[j - 1]
        else:
            low[j] = mid_p_limit(half, -z, a_low, b_low, a_high, b_high)
            # A censoring alone would lift the upper limit; survival cannot rise, so the limit may not either.
            high[j] = min(mid_p_limit(1.0 - half, z, a_low, b_low, a_high, b_high), previous_high)
            previous_high = high[j]


limits = kernel(_limits, error_model="numpy")


def _kaplan_meier_curve(
    time: np.ndarray,
    event: np.ndarray,
    weights: np.ndarray,
    entry: np.ndarray,
    entry_weights: np.ndarray,
    kind: int,
    alpha: float,
    z: float,
) -> tuple[int, np.ndarray]:
    """Survival table of one sample, rows = distinct times.

    Times, events and weights come in the order of the times, entries and their weights in the order of the entries;
    weights and entries may be empty. Returns a status (0 fine, 1 an argument is out of its range) and an array
    (11, rows): time, at risk, events, censored, survival, standard error, cumulative hazard, its standard error, lower,
    upper, Greenwood sum.
    """
    n = time.size
    weighted = weights.size > 0
    late = entry.size > 0
    bad = 0
    rows = 0
    last = -1.0
    total = 0.0
    for i in range(n):
        t = time[i]
        if not 0.0 <= t < math.inf or not (event[i] == 0.0 or event[i] == 1.0):
            bad = 1
        if weighted:
            if not 0.0 <= weights[i] < math.inf:
                bad = 1
            total += weights[i]
        else:
            total += 1.0
        if i == 0 or t != last:
            rows += 1
            last = t
    out = np.empty((11, rows))
    if bad or n == 0:
        return 1, out
    times, risk, events, censored, survival = out[0], out[1], out[2], out[3], out[4]
    error, hazard, hazard_error, low, high, greenwood = out[5], out[6], out[7], out[8], out[9], out[10]
    after = np.empty(rows)
    gone = 0.0
    entered = 0.0 if late else total
    e = 0
    i = 0
    s, spread, h, hv = 1.0, 0.0, 0.0, 0.0
    for r in range(rows):
        t = time[i]
        if late:
            while e < n and entry[e] < t:
                entered += entry_weights[e] if weighted else 1.0
                e += 1
        d, c = 0.0, 0.0
        while i < n and time[i] == t:
            w = weights[i] if weighted else 1.0
            if event[i] == 1.0:
                d += w
            else:
                c += w
            i += 1
        y = entered - gone
        gone += d + c
        times[r], risk[r], events[r], censored[r] = t, y, d, c
        after[r] = entered - gone
        if d > 0.0:
            h += d / y
            hv += d / (y * y)
            if y - d <= 1e-12 * y:
                s, spread = 0.0, math.inf
            else:
                s *= (y - d) / y
                spread += d / (y * (y - d))
        survival[r], greenwood[r], hazard[r], hazard_error[r] = s, spread, h, math.sqrt(hv)
        error[r] = s * math.sqrt(spread)
    if kind >= 0:
        limits(kind, alpha, z, risk, events, after, survival, greenwood, low, high)
    else:
        low[:] = math.nan
        high[:] = math.nan
    return 0, out


kaplan_meier_curve = kernel(_kaplan_meier_curve, error_model="numpy")


def _radix_sort(keys: np.ndarray, spare: np.ndarray, count: np.ndarray) -> bool:
    """Sort whole numbers of 64 bits, read without a sign, by eleven bits at a time from the lowest on.

    `count` is (6, 2048) and zero. Returns whether the sorted numbers are in `spare` in the end.
    """
    for i in range(keys.size):
        key = keys[i]
        for digit in range(6):
            count[digit, (key >> (11 * digit)) & (2047 if digit < 5 else 511)] += 1
    swapped = False
    for digit in range(6):
        mask = 2047 if digit < 5 else 511
        first = (keys[0] >> (11 * digit)) & mask
        if count[digit, first] == keys.size:
            continue
        place = 0
        for bucket in range(mask + 1):
            size = count[digit, bucket]
            count[digit, bucket] = place
            place += size
        source, target = (spare, keys) if swapped else (keys, spare)
        for i in range(source.size):
            key = source[i]
            bucket = (key >> (11 * digit)) & mask
            target[count[digit, bucket]] = key
            count[digit, bucket] += 1
        swapped = not swapped
    return swapped


radix_sort = kernel(_radix_sort, **OUTER)


def _walk_curve(packed: np.ndarray, at: np.ndarray, out: np.ndarray) -> None:
    """Survival at increasing times `at` from sorted times that carry the event in their last bit."""
    n = packed.size
    i = 0
    s = 1.0
    for j in range(at.size):
        while i < n:
            t = packed[i] & ~np.int64(3)
            if t > at[j]:
                break
            d = 0
            first = i
            while i < n and (packed[i] & ~np.int64(3)) == t:
                d += packed[i] & np.int64(1)
                i += 1
            if d > 0:
                s *= 1.0 - d / (n - first)
        out[j] = s


walk_curve = kernel(_walk_curve, error_model="numpy")


def _kaplan_meier_at_batch(packed: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Survival of each trial (row of sorted packed times) at each of the increasing packed times."""
    out = np.empty((packed.shape[0], at.size))
    for r in range(packed.shape[0]):
        walk_curve(packed[r], at, out[r])
    return out


kaplan_meier_at_batch = kernel(_kaplan_meier_at_batch, error_model="numpy")


def _pack_two_groups(
    time: np.ndarray, event: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, float, float, int]:
    """Put event (2) and second group (1) into the last bits of the times; also both labels and the second's size.

    The size is 0 unless times are finite and not negative, events 0 or 1 and exactly two labels occur.
    """
    n, second = time.size, 0
    low, high = math.inf, -math.inf
    for i in range(n):
        low = min(low, group[i])
        high = max(high, group[i])
    fine = low < high
    packed = np.empty(n, np.int64)
    bits = time.view(np.int64)
    for i in range(n):
        if not (0.0 <= time[i] < math.inf):
            fine = False
        if not (event[i] == 0.0 or event[i] == 1.0):
            fine = False
        if not (group[i] == low or group[i] == high):
            fine = False
        own = 1 if group[i] == high else 0
        second += own
        packed[i] = (bits[i] & ~np.int64(3)) | np.int64((2 if event[i] == 1.0 else 0) + own)
    return packed, low, high, second if fine else 0


pack_two_groups = kernel(_pack_two_groups, error_model="numpy")


def _logrank_packed(packed: np.ndarray, out: np.ndarray) -> None:
    """Two-group log-rank of each row of sorted times whose last bits hold event (2) and second group (1).

    Fills out[r] = observed, expected in the second group, variance, events in all.
    """
    clear = ~np.int64(3)
    for r in range(packed.shape[0]):
        row = packed[r]
        n = row.size
        ones = 0
        for i in range(n):
            ones += row[i] & 1
        y, y1 = n, ones
        observed, expected, variance, events = 0, 0.0, 0.0, 0
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
                share = y1 / y
                observed += d1
                events += d
                expected += d * share
                if y > 1:
                    variance += d * share * (1.0 - share) * (y - d) / (y - 1)
            y -= m
            y1 -= m1
        out[r, 0] = observed
        out[r, 1] = expected
        out[r, 2] = variance
        out[r, 3] = events


logrank_packed = kernel(_logrank_packed, **OUTER)

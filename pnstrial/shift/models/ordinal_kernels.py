"""How is a proportional-odds model of two groups fitted in microseconds?

Input: counts by grade, treated and control, with a leading axis of trials.
Output: arrays per trial: estimate, standard error, log-likelihoods, profile and score limits, thresholds.
Protocol section: none.
Method: logit P(Y <= k | x) = theta_k - beta x. A cell's log-probability is log F(u) + log(1 - F(l)) +
log(1 - exp(l - u)); the last part is free of beta, so the negative Hessian is tridiagonal in theta with one
border, and one Thomas sweep with a scalar Schur complement gives the Newton step and the standard error.
Next: `shift.ordinal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# columns of the table that `fit_tables` returns
BETA, SE, LOGLIK, LOGLIK_NULL, LOGLIK_SATURATED, SCORE, PROFILE_LOW, PROFILE_HIGH = range(8)
SCORE_LOW, SCORE_HIGH, LEVELS, STATUS = range(8, 12)
COLUMNS = 12

FITTED, TREATED_BETTER, TREATED_WORSE, ONE_LEVEL = 0, 1, 2, 3
"""Codes of STATUS: a finite estimate; separated, treated all better or all worse; everyone on one grade."""

# rows of the scratch array: gradient, diagonal, off-diagonal, border, A^-1 gradient, A^-1 border, pivots
GRAD, DIAG, OFF, BORDER, STEP, SLOPE, PIVOT = range(7)


def _sweep(treated: Array, control: Array, cuts: int, theta: Array, beta: float, work: Array) -> Any:
    """Evaluate the log-likelihood, then solve for the Newton step of theta and the profile score of beta.

    Returns the log-likelihood, the Newton decrement for theta at fixed beta, the profile score and the
    Schur complement (the information about beta).
    """
    loglik = 0.0
    corner = 0.0
    grad_beta = 0.0
    work[GRAD, 0] = 0.0
    work[DIAG, 0] = 0.0
    for k in range(1, cuts):
        total = treated[k] + control[k]
        gap = theta[k - 1] - theta[k]
        one = -np.expm1(gap)
        ratio = (1.0 - one) / one
        loglik += total * np.log(one)
        curve = total * ratio / one
        work[GRAD, k - 1] -= total * ratio
        work[GRAD, k] = total * ratio
        work[DIAG, k - 1] += curve
        work[DIAG, k] = curve
        work[OFF, k - 1] = -curve
    for k in range(cuts):
        a = theta[k]
        small = np.exp(-abs(a))
        big = 1.0 / (1.0 + small)
        log_big = -np.log1p(small)
        if a >= 0:
            below, above, log_below, log_above = big, small * big, log_big, log_big - a
        else:
            below, above, log_below, log_above = small * big, big, log_big + a, log_big
        loglik += control[k] * log_below + control[k + 1] * log_above
        work[GRAD, k] += control[k] * above - control[k + 1] * below
        work[DIAG, k] += (control[k] + control[k + 1]) * below * above
        a = theta[k] - beta
        small = np.exp(-abs(a))
        big = 1.0 / (1.0 + small)
        log_big = -np.log1p(small)
        if a >= 0:
            below, above, log_below, log_above = big, small * big, log_big, log_big - a
        else:
            below, above, log_below, log_above = small * big, big, log_big + a, log_big
        loglik += treated[k] * log_below + treated[k + 1] * log_above
        part = treated[k] * above - treated[k + 1] * below
        work[GRAD, k] += part
        grad_beta -= part
        weight = (treated[k] + treated[k + 1]) * below * above
        work[DIAG, k] += weight
        work[BORDER, k] = -weight
        corner += weight
    work[PIVOT, 0] = work[DIAG, 0]
    work[STEP, 0] = work[GRAD, 0]
    work[SLOPE, 0] = work[BORDER, 0]
    for k in range(1, cuts):
        factor = work[OFF, k - 1] / work[PIVOT, k - 1]
        work[PIVOT, k] = work[DIAG, k] - factor * work[OFF, k - 1]
        work[STEP, k] = work[GRAD, k] - factor * work[STEP, k - 1]
        work[SLOPE, k] = work[BORDER, k] - factor * work[SLOPE, k - 1]
    last = cuts - 1
    work[STEP, last] /= work[PIVOT, last]
    work[SLOPE, last] /= work[PIVOT, last]
    for k in range(last - 1, -1, -1):
        work[STEP, k] = (work[STEP, k] - work[OFF, k] * work[STEP, k + 1]) / work[PIVOT, k]
        work[SLOPE, k] = (work[SLOPE, k] - work[OFF, k] * work[SLOPE, k + 1]) / work[PIVOT, k]
    decrement = 0.0
    score = grad_beta
    schur = corner
    for k in range(cuts):
        decrement += work[GRAD, k] * work[STEP, k]
        score -= work[BORDER, k] * work[STEP, k]
        schur -= work[BORDER, k] * work[SLOPE, k]
    return loglik, decrement, score, schur


sweep = kernel(_sweep, inline="never")


def _solve(
    treated: Array,
    control: Array,
    cuts: int,
    theta: Array,
    beta: float,
    free: bool,
    tight: float,
    work: Array,
) -> Any:
    """Maximise over theta, and over beta if it is free; theta is changed in place.

    Newton steps, halved until the thresholds stay ordered and the log-likelihood rises: it is concave, so
    this always arrives. Returns beta, the log-likelihood, the profile score and the information about beta.
    """
    loglik, decrement, score, schur = sweep(treated, control, cuts, theta, beta, work)
    step = work[STEP]
    tried = (loglik, decrement, score, schur)
    move = np.empty(cuts)
    before = np.empty(cuts)
    for _ in range(200):
        step_beta = 0.0
        if free:
            step_beta = score / schur
            decrement += score * step_beta
        for k in range(cuts):
            move[k] = step[k] - work[SLOPE, k] * step_beta
            before[k] = theta[k]
        if decrement < tight:
            # quadratic convergence: the step that is left changes nothing beyond rounding
            for k in range(cuts):
                theta[k] = before[k] + move[k]
            return beta + step_beta, loglik + 0.5 * decrement, score, schur
        share = 1.0
        settled = False
        for _ in range(60):
            ordered = True
            for k in range(cuts):
                theta[k] = before[k] + share * move[k]
                if k > 0 and theta[k] <= theta[k - 1]:
                    ordered = False
            if ordered:
                tried = sweep(treated, control, cuts, theta, beta + share * step_beta, work)
                if tried[0] >= loglik - 1e-12 * abs(loglik):
                    settled = True
                    break
            share *= 0.5
        if not settled:
            # no step rises any more: the maximum is reached to rounding
            for k in range(cuts):
                theta[k] = before[k]
            loglik, decrement, score, schur = sweep(treated, control, cuts, theta, beta, work)
            return beta, loglik, score, schur
        beta += share * step_beta
        loglik, decrement, score, schur = tried
    return beta, loglik, score, schur


solve = kernel(_solve)


def _ordered(theta: Array, cuts: int) -> bool:
    rises = True
    for k in range(1, cuts):
        rises = rises and theta[k] > theta[k - 1]
    return rises


ordered = kernel(_ordered)


def _limit(
    treated: Array, control: Array, cuts: int, start: float, theta: Array, side: float, first: float,
    top: float, z: float, by_score: bool, work: Array,
) -> float:  # fmt: skip
    """Find where the signed root of the deviance (or of the score statistic) leaves [-z, z].

    `start` is a point inside with its thresholds in `theta` (changed in place), `side` +1 or -1 the
    direction, `first` the first step and `top` the log-likelihood of the maximum. Newton on the signed root,
    which is nearly linear in beta, kept inside a bracket.
    """
    inside = 0.0
    outside = np.inf
    reach = first
    here = 0.0
    for _ in range(200):
        # thresholds follow beta along the ridge; if the prediction breaks their order, the old ones serve
        kept = theta.copy()
        for k in range(cuts):
            theta[k] -= work[SLOPE, k] * side * (reach - here)
        if not ordered(theta, cuts):
            theta[:] = kept
        here = reach
        beta = start + side * here
        _, loglik, score, schur = solve(treated, control, cuts, theta, beta, False, 1e-13, work)
        if by_score:
            root = -side * score / np.sqrt(schur)
            slope = np.sqrt(schur)
        else:
            root = np.sqrt(max(2.0 * (top - loglik), 0.0))
            if side * score > 0:
                root = -root
            slope = -side * score / root if root != 0.0 else 0.0
        if abs(root - z) < 1e-11:
            return beta
        if root < z:
            inside = here
        else:
            outside = here
        step = (z - root) / slope if slope > 0.0 else np.inf
        reach = here + step
        if outside == np.inf:
            if not (reach > here and reach - here < 4.0 * (here + first)):
                reach = 2.0 * here + first
        elif not (inside < reach < outside):
            reach = 0.5 * (inside + outside)
        if abs(reach - here) < 1e-13 * (1.0 + abs(beta)):
            return start + side * reach
    return start + side * reach


limit = kernel(_limit)


def _level_status(treated: Array, control: Array, levels: int) -> int:
    """Read off the groups' grade ranges whether the estimate is finite."""
    if levels < 2:
        return ONE_LEVEL
    low_t, high_t, low_c, high_c = levels, -1, levels, -1
    for k in range(levels):
        if treated[k] > 0:
            low_t = min(low_t, k)
            high_t = max(high_t, k)
        if control[k] > 0:
            low_c = min(low_c, k)
            high_c = max(high_c, k)
    if high_t <= low_c:
        return TREATED_BETTER
    if high_c <= low_t:
        return TREATED_WORSE
    return FITTED


level_status = kernel(_level_status)


def _separated_limit(
    treated: Array, control: Array, cuts: int, theta: Array, sign: float, top: float, null: float, z: float,
    by_score: bool, work: Array,
) -> float:  # fmt: skip
    """Give the one finite limit of a separated table; `sign` is the sign of the infinite beta."""
    _, _, score, schur = solve(treated, control, cuts, theta, 0.0, False, 1e-13, work)
    root = sign * score / np.sqrt(schur) if by_score else np.sqrt(max(2.0 * (top - null), 0.0))
    # From the null towards infinity the root falls to 0: the limit lies that way if the null is outside.
    side = sign if root > z else -sign
    target = z
    inside, outside = 0.0, np.inf
    reach = 1.0
    for _ in range(300):
        beta = side * reach
        kept = theta.copy()
        _, loglik, score, schur = solve(treated, control, cuts, theta, beta, False, 1e-13, work)
        root = sign * score / np.sqrt(schur) if by_score else np.sqrt(max(2.0 * (top - loglik), 0.0))
        beyond = root < target if side == sign else root > target
        if beyond:
            outside = reach
            theta[:] = kept
        else:
            inside = reach
        if outside == np.inf:
            reach = 2.0 * reach
        else:
            slope = np.sqrt(schur) if by_score else abs(score) / max(root, 1e-300)
            guess = reach + (root - target) / slope * (1.0 if side == sign else -1.0)
            reach = guess if inside < guess < outside else 0.5 * (inside + outside)
            if outside - inside < 1e-13 * (1.0 + outside) or abs(root - target) < 1e-11:
                return beta
    return side * reach


separated_limit = kernel(_separated_limit)


def _fit_one(
    treated_all: Array, control_all: Array, z: float, limits: int, out: Array, thresholds: Array, work: Array
) -> None:
    """Fit one table; `limits` 0 none, 1 profile, 2 profile and score. Writes one row of each output."""
    size = treated_all.shape[0]
    treated, control = work[7], work[8]
    levels = 0
    n_treated = 0.0
    n_control = 0.0
    for k in range(size):
        if treated_all[k] + control_all[k] > 0:
            treated[levels] = treated_all[k]
            control[levels] = control_all[k]
            n_treated += treated_all[k]
            n_control += control_all[k]
            levels += 1
    cuts = levels - 1
    n = n_treated + n_control
    null = 0.0
    saturated = 0.0
    for k in range(levels):
        total = treated[k] + control[k]
        null += total * np.log(total / n)
        if treated[k] > 0:
            saturated += treated[k] * np.log(treated[k] / n_treated)
        if control[k] > 0:
            saturated += control[k] * np.log(control[k] / n_control)
    status = level_status(treated, control, levels)
    out[LEVELS] = levels
    out[STATUS] = status
    out[LOGLIK_NULL] = null
    out[LOGLIK_SATURATED] = saturated
    out[PROFILE_LOW], out[SCORE_LOW] = -np.inf, -np.inf
    out[PROFILE_HIGH], out[SCORE_HIGH] = np.inf, np.inf
    thresholds[:] = 0.0
    if status == ONE_LEVEL:
        out[BETA], out[SE], out[LOGLIK], out[SCORE] = 0.0, np.inf, null, 0.0
        return
    theta = np.empty(cuts)
    below = 0.0
    for k in range(cuts):
        below += treated[k] + control[k]
        theta[k] = np.log(below / (n - below))
    # pooled thresholds maximise the null model, so this sweep is Rao's score test
    pooled = sweep(treated, control, cuts, theta, 0.0, work)
    out[SCORE] = pooled[2] * pooled[2] / pooled[3]
    if status != FITTED:
        sign = -1.0 if status == TREATED_BETTER else 1.0
        out[BETA], out[SE], out[LOGLIK] = sign * np.inf, np.inf, saturated
        for kind in range(limits):
            start = theta.copy()
            found = separated_limit(treated, control, cuts, start, sign, saturated, null, z, kind == 1, work)
            column = (PROFILE_LOW if kind == 0 else SCORE_LOW) + (1 if status == TREATED_BETTER else 0)
            out[column] = found
        return
    beta, loglik, _, schur = solve(treated, control, cuts, theta, 0.0, True, 1e-18, work)
    se = 1.0 / np.sqrt(schur)
    out[BETA], out[SE], out[LOGLIK] = beta, se, loglik
    thresholds[:cuts] = theta
    if limits == 0:
        return
    slope = work[SLOPE].copy()
    for kind in range(limits):
        for side in (-1.0, 1.0):
            start = theta.copy()
            work[SLOPE] = slope
            found = limit(treated, control, cuts, beta, start, side, z * se, loglik, z, kind == 1, work)
            column = (PROFILE_LOW if kind == 0 else SCORE_LOW) + (1 if side > 0 else 0)
            out[column] = found


fit_one = kernel(_fit_one)


def _fit_tables(counts: Array, z: float, limits: int) -> Any:
    """Fit every table of counts (R, 2, K); returns (R, COLUMNS) and the thresholds (R, K - 1)."""
    trials, _, size = counts.shape
    out = np.zeros((trials, COLUMNS))
    thresholds = np.zeros((trials, max(size - 1, 1)))
    work = np.empty((9, size))
    for r in range(trials):
        fit_one(counts[r, 0], counts[r, 1], z, limits, out[r], thresholds[r], work)
    return out, thresholds


fit_tables = kernel(_fit_tables)


def _fit_rows(grades: NDArray[np.int64], treated: NDArray[np.int64], size: int) -> Any:
    """Tabulate rows and fit them without limits; returns the row of `fit_tables`."""
    counts = np.zeros((2, size))
    for i in range(grades.shape[0]):
        counts[1 - treated[i], grades[i]] += 1.0
    out = np.zeros(COLUMNS)
    thresholds = np.zeros(max(size - 1, 1))
    work = np.empty((9, size))
    fit_one(counts[0], counts[1], 1.959963984540054, 0, out, thresholds, work)
    return out


fit_rows = kernel(_fit_rows)

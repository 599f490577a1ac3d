"""The vectorised likelihood equals a slow one written a second time; probabilities equal scipy's."""

import decimal
import math

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

from pnstrial import multistate
from pnstrial.multistate.likelihood import _Exponentials, _frechet, log_likelihood

pytestmark = pytest.mark.double


def expm(rows, t):
    """Taylor series of a small matrix in plain Python, after halving."""
    k = len(rows)
    halvings = max(0, math.ceil(math.log2(max(1e-9, max(-rows[i][i] for i in range(k)) * t))) + 4)
    A = [[rows[i][j] * t / 2**halvings for j in range(k)] for i in range(k)]
    P = [[float(i == j) for j in range(k)] for i in range(k)]
    term = [row[:] for row in P]

    def times(X, Y):
        return [[math.fsum(X[i][m] * Y[m][j] for m in range(k)) for j in range(k)] for i in range(k)]

    for n in range(1, 25):
        term = [[value / n for value in row] for row in times(term, A)]
        P = [[P[i][j] + term[i][j] for j in range(k)] for i in range(k)]
    for _ in range(halvings):
        P = times(P, P)
    return P


def slow_log_likelihood(records, Q, death, among, kernel, initial):
    """Sum over patients and, by recursion, over all paths of true states."""
    k = len(Q)
    total = 0.0
    for rows in records.values():
        weights = None
        for n, (time, state) in enumerate(rows):
            if state in among:
                seen = [float(s in among[state]) for s in range(k)]
            elif kernel is None or state == death:
                seen = [float(s == state) for s in range(k)]
            else:
                seen = [kernel[s][state] for s in range(k)]
            if n == 0:
                begin = initial if initial is not None else [v / sum(seen) for v in seen]
                weights = [begin[s] * (seen[s] if initial is not None else 1.0) for s in range(k)]
                continue
            P = expm(Q, time - rows[n - 1][0])
            ahead = [sum(weights[r] * P[r][s] for r in range(k)) for s in range(k)]
            if state == death:
                density = sum(ahead[s] * Q[s][death] for s in range(k) if s != death)
                weights = [density * (s == death) for s in range(k)]
            else:
                weights = [ahead[s] * seen[s] for s in range(k)]
        total += math.log(sum(weights))
    return total


DATA = {
    "a": [(0.0, 0), (1.5, 1), (2.0, 1), (4.0, 0)],
    "b": [(0.0, 1), (2.0, 2), (3.3, 3)],
    "c": [(0.0, 2), (0.5, 9), (3.0, 1), (5.0, 9)],
    "d": [(0.0, 1), (1.0, 0), (6.0, 2)],
    "e": [(0.0, 0), (2.5, 3)],
    "f": [(1.0, 2)],
}
ALLOWED = [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]]
KERNEL = [[0.9, 0.1, 0, 0], [0.05, 0.9, 0.05, 0], [0, 0.2, 0.8, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("misread", [False, True])
def test_likelihood_equals_the_slow_one(misread):
    frame = pd.DataFrame(
        [{"id": name, "t": t, "s": s} for name, rows in DATA.items() for t, s in rows]
    ).sample(frac=1, random_state=1)
    initial = [0.2, 0.5, 0.3, 0.0]
    fit = multistate.fit(
        frame, "id", "t", "s", ALLOWED, death_exact=3, censor=9,
        same_rate=[[(0, 1), (1, 2)], [(1, 0), (2, 1)], [(0, 3), (1, 3), (2, 3)]],
        **({"misclassification": KERNEL, "initial": initial} if misread else {}),
    )  # fmt: skip
    slow = slow_log_likelihood(
        DATA, fit.rates.tolist(), 3, {9: (0, 1, 2)}, KERNEL if misread else None, initial if misread else None
    )
    assert -2 * fit.loglik == pytest.approx(-2 * slow, abs=1e-9)
    for factor in (0.9, 1.1):  # a maximum
        nearby = slow_log_likelihood(
            DATA, (fit.rates * factor).tolist(), 3, {9: (0, 1, 2)},
            KERNEL if misread else None, initial if misread else None,
        )  # fmt: skip
        assert nearby < slow


@pytest.mark.parametrize("defective", [False, True])
def test_gradient_equals_differences(defective):
    from pnstrial.multistate.panel import prepare

    frame = pd.DataFrame([{"id": n, "t": t, "s": s, "x": t > 1} for n, rows in DATA.items() for t, s in rows])
    frame["x"] = frame["x"].astype(float)
    model, panel, *_ = prepare(
        frame, ("id", "t", "s"), ALLOWED, 3, None, 9, {"x": "common"}, (), KERNEL, [0.2, 0.5, 0.3, 0]
    )
    theta = np.zeros(8) if defective else np.linspace(-2, 0.3, 8)
    if defective:  # equal rates one way only: eigenvectors do not span
        theta[[2, 5]] = -40
    value, gradient = log_likelihood(model, panel, theta)
    assert np.isfinite(value)
    for n in range(8):
        step = np.eye(8)[n] * 1e-5
        slope = log_likelihood(model, panel, theta + step)[0] - log_likelihood(model, panel, theta - step)[0]
        assert gradient[n] == pytest.approx(slope / 2e-5, rel=1e-6, abs=1e-8)


def test_derivative_of_the_exponential_equals_scipys():
    rng = np.random.default_rng(3)
    A = rng.uniform(0, 2, (5, 4, 4))
    A[:, range(4), range(4)] -= A.sum(axis=-1)
    E = rng.normal(size=(5, 4, 4))
    P, change = _frechet(A, E)
    for n in range(5):
        want_P, want = scipy.linalg.expm_frechet(A[n], E[n])
        np.testing.assert_allclose(P[n], want_P, atol=1e-13)
        np.testing.assert_allclose(change[n], want, atol=1e-12)
    assert _Exponentials.__name__


@pytest.mark.parametrize("scale", [1e-6, 0.1, 1.0, 30.0])
def test_probabilities_equal_scipys_exponential(scale):
    rng = np.random.default_rng(1)
    Q = rng.uniform(0, scale, (6, 7, 7))
    Q[:, range(7), range(7)] -= Q.sum(axis=-1)
    P = multistate.transition_probabilities(Q[:, None], [0.0, 0.3, 3.0])
    assert P.shape == (6, 3, 7, 7)
    for n in range(6):
        for m, t in enumerate((0.0, 0.3, 3.0)):
            np.testing.assert_allclose(P[n, m], scipy.linalg.expm(Q[n] * t), atol=1e-12)


def test_probabilities_are_accurate_to_1e_12_by_decimal_arithmetic():
    course = multistate.Course(
        improve=(0, 0.3, 0.2, 0.1, 0.05, 0.02), worsen=(0.1, 0.2, 0.3, 0.4, 2.5, 0),
        die=(0.001, 0.002, 0.01, 0.05, 0.2, 8.0),
    )  # fmt: skip
    Q = multistate.generator(course)
    with decimal.localcontext() as context:
        context.prec = 80
        exact = np.array([[decimal.Decimal(float(rate)) for rate in row] for row in Q])
        for grade in range(7):  # the diagonal without its rounding
            exact[grade, grade] -= sum(exact[grade])
        for t in (0.01, 3.0, 60.0):
            term = want = np.array([[decimal.Decimal(int(i == j)) for j in range(7)] for i in range(7)])
            for n in range(1, 60):
                term = term.dot(exact * decimal.Decimal(t) / 4096) / n
                want = want + term
            for _ in range(12):
                want = want.dot(want)
            np.testing.assert_allclose(
                multistate.transition_probabilities(Q, t), want.astype(float), atol=1e-14, rtol=1e-11
            )

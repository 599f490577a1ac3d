"""P-values of max-combo keep their digits: against closed forms, an integral and a simulation."""

import math

import numpy as np
import pytest

from pnstrial import survival
from pnstrial.survival.curves.logrank import joint_tail


@pytest.mark.parametrize("least", [1.0, 3.0, 5.0, 8.0])
def test_the_joint_tail_keeps_its_digits(least):
    k = 4
    alone = math.erfc(least / math.sqrt(2)) / 2
    assert joint_tail(least, np.eye(k)) == pytest.approx(-math.expm1(k * math.log1p(-alone)), rel=1e-6)
    two = -math.expm1(k * math.log1p(-2 * alone))
    assert joint_tail(least, np.eye(k), two_sided=True) == pytest.approx(two, rel=1e-6)
    assert joint_tail(least, np.ones((k, k))) == pytest.approx(alone, rel=1e-3)


def test_the_joint_tail_equals_an_integral():
    r, least = 0.8, 3.5
    inner = np.linspace(-12, least, 40_001)
    density = np.exp(-(inner**2) / 2) / math.sqrt(2 * math.pi)
    above = np.array([math.erfc((least - r * x) / math.sqrt(2 * (1 - r * r))) / 2 for x in inner])
    exact = math.erfc(least / math.sqrt(2)) / 2 + np.trapezoid(density * above, inner)
    assert joint_tail(least, np.array([[1, r], [r, 1]])) == pytest.approx(exact, rel=1e-4)


def test_a_small_p_value_of_max_combo_against_simulation():
    time = np.arange(1.0, 41)
    group = (time > 20).astype(int)
    found = survival.logrank(time, np.ones(40), group, weights="max-combo")
    assert found.p_value < 1e-4
    weights = [lambda s: s**0, lambda s: 1 - s, lambda s: s, lambda s: s * (1 - s)]
    s = 1 - (time - 1) / 40
    y1 = np.where(time <= 20, 20, 41 - time)
    share = y1 / (41 - time)
    spread = share * (1 - share)
    columns = np.column_stack([w(s) * np.sqrt(spread) for w in weights])
    columns /= np.sqrt((columns**2).sum(axis=0))
    # Importance sampling: each draw is shifted towards one of the four directions.
    rng = np.random.default_rng(4)
    draws = 200_000
    which = rng.integers(0, 4, draws)
    x = rng.standard_normal((draws, 40)) + found.statistic * columns[:, which].T
    z = x @ columns
    ratio = 4 / np.exp(found.statistic * z - found.statistic**2 / 2).sum(axis=1)
    estimate = np.where(z.max(axis=1) >= found.statistic, ratio, 0.0)
    assert found.p_value == pytest.approx(estimate.mean(), abs=4 * estimate.std() / math.sqrt(draws))
    assert estimate.std() / math.sqrt(draws) < 0.01 * found.p_value

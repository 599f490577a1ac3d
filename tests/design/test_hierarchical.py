"""The integrals behind the predictive prior, against two integrations of another kind."""

import numpy as np
import pytest

from pnstrial import design
from pnstrial.design.bayes.hierarchical import predictive_rate
from pnstrial.results import NotEstimable

TAU_SCALE, MEAN_SD = 1.0, 2.0


def panels(edges, points=10):
    """Gauss-Legendre nodes and weights on every panel between edges (last axis)."""
    node, weight = np.polynomial.legendre.leggauss(points)
    low, high = edges[..., :-1, None], edges[..., 1:, None]
    places = 0.5 * (low + high) + 0.5 * (high - low) * node
    return places.reshape(*edges.shape[:-1], -1), (0.5 * (high - low) * weight).reshape(*edges.shape[:-1], -1)


def around(centre, unit, reach):
    """Edges of panels that widen from a centre outwards, up to about `reach`."""
    steps = np.concatenate([np.arange(0, 7.0, 1.5), 7.5 * 1.5 ** np.arange(90)])
    steps = steps[: int(np.searchsorted(steps, np.max(reach / unit))) + 2]
    return np.asarray(centre)[..., None] + np.asarray(unit)[..., None] * np.concatenate(
        [-steps[:0:-1], steps]
    )


def taus(smallest):
    edges = np.concatenate([[0.0], smallest * 0.2 * 1.9 ** np.arange(200)])
    return panels(edges[edges < 8 * TAU_SCALE * 1.9])


def expit(x):
    return 1 / (1 + np.exp(-x))


def log_binomial(x, n, logit):
    return x * logit - n * np.logaddexp(0, logit)


def new_rate(mean, sd):
    """First two moments of the rate whose logit is normal, by many points."""
    z = np.linspace(-8, 8, 241)
    weight = np.exp(-z * z / 2)
    weight /= weight.sum()
    rate = expit(np.asarray(mean)[..., None] + np.asarray(sd)[..., None] * z)
    return rate @ weight, rate**2 @ weight


def summary(rows):
    """Mean, sd, tau from (log weight, mean, second moment, tau) rows."""
    log_weight, first, second, tau = (np.array(column) for column in zip(*rows, strict=True))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    mean = weight @ first
    return mean, np.sqrt(weight @ second - mean**2), weight @ tau


def by_panels(x, n):
    """Integrate each series' logit, the mean and tau on panels that widen from where the mass is."""
    (x, n), times = np.unique(np.array([x, n], float), axis=1, return_counts=True)
    seen = np.log((x + 0.5) / (n - x + 0.5))
    error = 1 / np.sqrt((x + 0.5) * (n - x + 0.5) / (n + 1))
    rows = []
    for tau, part in zip(*taus(error.min() / np.sqrt(times.sum())), strict=True):
        precise = times / (tau**2 + error**2)
        centre = (precise @ seen) / (precise.sum() + 1 / MEAN_SD**2)
        unit = 1 / np.sqrt(precise.sum() + 1 / MEAN_SD**2)
        far = 15.0 if ((x == 0) | (x == n)).any() else 12 * unit
        mean, step = panels(around(centre, unit, far))
        joint = -0.5 * (mean / MEAN_SD) ** 2
        for count, size, where, se, many in zip(x, n, seen, error, times, strict=True):
            # what is left of one series' logit, in units of tau about the mean
            unit = se / np.hypot(se, tau)
            place = (where - mean) * tau / (tau**2 + se**2)
            z, dz = panels(
                around(place, np.full(mean.shape, unit), 12 * unit if 0 < count < size else 12.0), 8
            )
            logs = log_binomial(count, size, mean[:, None] + tau * z) - 0.5 * z * z
            top = logs.max(axis=1)
            joint = joint + many * (top + np.log((np.exp(logs - top[:, None]) * dz).sum(axis=1)))
        top = joint.max()
        weight = np.exp(joint - top) * step
        kept = weight > 1e-18 * weight.max()
        first, second = new_rate(mean[kept], np.full(kept.sum(), tau))
        total = weight[kept].sum()
        rows.append((
            top + np.log(total * part) - 0.5 * (tau / TAU_SCALE) ** 2,
            weight[kept] @ first / total, weight[kept] @ second / total, tau,
        ))  # fmt: skip
    return summary(rows)


def without_the_mean(x, n):
    """One or two series of one size: the mean is integrated in closed form, sum and difference of logits are left."""
    x, n = np.array(x, float), float(n[0])
    seen = np.log((x + 0.5) / (n - x + 0.5))
    error = float(1 / np.sqrt((x + 0.5) * (n - x + 0.5) / (n + 1)).max())
    k = len(x)
    rows = []
    for tau, part in zip(*taus(error), strict=True):
        spread = MEAN_SD**2 + tau**2 / k
        unit = 1 / np.sqrt(k / error**2 + 1 / spread)
        far = 22.0 if ((x == 0) | (x == n)).any() else 12 * unit
        u, du = panels(around(seen.mean(), unit, far))
        logs = -0.5 * u * u / spread - 0.5 * np.log(spread)
        if k == 1:
            logs = logs + log_binomial(x[0], n, u)
        else:
            unit = 1 / np.hypot(1.0, tau / error)
            gap = np.diff(seen)[0] / np.sqrt(2)
            z, dz = panels(around(gap * tau / (tau**2 + error**2), unit, 12 * unit if n > 100 else 12.0))
            half = tau * z / np.sqrt(2)
            inner = (
                log_binomial(x[0], n, u[:, None] - half)
                + log_binomial(x[1], n, u[:, None] + half)
                - 0.5 * z * z
            )
            top = inner.max(axis=1)
            logs = logs + top + np.log(np.exp(inner - top[:, None]) @ dz)
        top = logs.max()
        weight = np.exp(logs - top) * du
        kept = weight > 1e-18 * weight.max()
        first, second = new_rate(
            MEAN_SD**2 / spread * u[kept],
            np.full(kept.sum(), np.sqrt(MEAN_SD**2 * tau**2 / k / spread + tau**2)),
        )
        total = weight[kept].sum()
        rows.append((
            top + np.log(total * part) - 0.5 * (tau / TAU_SCALE) ** 2,
            weight[kept] @ first / total, weight[kept] @ second / total, tau,
        ))  # fmt: skip
    return summary(rows)


SERIES = [
    ([0], [1]), ([0, 3], [1000, 1000]), ([4, 9], [20, 20]), ([5000, 200], [10**6] * 2),
    ([2, 300, 40_000], [9, 1000, 10**6]), ([3] * 25 + [5] * 25, [12] * 50),
]  # fmt: skip
MORE = [
    ([3], [10]), ([300_000], [10**6]), ([1, 0], [1, 1]), ([350, 300], [1000, 1000]), ([300_000, 300_000], [10**6] * 2),
    ([15_000, 15_100, 14_900], [50_000] * 3), ([300_000] * 49 + [301_000], [10**6] * 50),
]  # fmt: skip


@pytest.mark.double
@pytest.mark.parametrize(("x", "n"), [*SERIES, *(pytest.param(*one, marks=pytest.mark.long) for one in MORE)])
def test_the_prior_equals_two_other_integrations(x, n):
    found = predictive_rate(np.array(x, float), np.array(n, float), TAU_SCALE, MEAN_SD)
    mine = (found.mean, found.sd, found.tau)
    assert mine == pytest.approx(by_panels(x, n), rel=1e-6, abs=1e-9)
    if len(x) <= 2:
        assert mine == pytest.approx(without_the_mean(x, n), rel=1e-6, abs=1e-9)


def test_the_spread_falls_as_alike_series_grow():
    found = [
        design.map_prior([3 * n // 10] * 4, [n] * 4).tau for n in (10, 100, 1000, 10_000, 100_000, 1_000_000)
    ]
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.003


@pytest.mark.parametrize(
    ("x", "n"),
    [([10, 11], [100, 100]), ([5] * 10, [20] * 10), ([1000, 1010], [10_000] * 2), ([1] * 7, [3] * 7)],
)
def test_series_that_are_nearly_alike_have_no_correlation(x, n):
    pooled = design.pool_series(x, n)
    assert pooled.correlation == 0
    assert isinstance(pooled.a, NotEstimable)
    assert isinstance(pooled.b, NotEstimable)
    assert pooled.p_heterogeneity == 1
    assert pooled.random_estimate == pooled.estimate


def test_a_likelihood_that_rises_to_a_correlation_of_one_says_so():
    pooled = design.pool_series([0, 10, 10], [10, 10, 10])
    assert pooled.correlation == 1
    assert "all patients responded or none did" in pooled.a.reason
    assert pooled.random_estimate == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.double
def test_the_pooled_correlation_is_the_largest_likelihood():
    from scipy.optimize import minimize
    from scipy.stats import betabinom

    x, n = np.array([300, 340, 290, 310]), np.full(4, 1000)
    pooled = design.pool_series(x, n)

    def lost(at):
        return -betabinom.logpmf(x, n, *np.exp(at)).sum()

    best = minimize(
        lost, np.log([3000.0, 7000.0]), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    assert (pooled.a, pooled.b) == pytest.approx(tuple(np.exp(best.x)), rel=1e-3)
    assert lost(np.log([pooled.a, pooled.b])) <= best.fun + 1e-8


@pytest.mark.parametrize("function", [design.pool_series, design.map_prior])
def test_a_pool_is_checked_beside_counts_too(function):
    with pytest.raises(ValueError, match=r"pool = 'xyz' must be one of 'ivig', 'treated'"):
        function([2, 3], [10, 12], pool="xyz")

"""Which null do the published series support?

Input: responders and patients of earlier series (by default the shipped ones on paraneoplastic syndromes).
Output: `pool_series` (fixed and random-effects pooling) and `map_prior` (a meta-analytic predictive prior as a
mixture of betas, robust if wanted, with its effective sample size and its conflict with new data).
Protocol section: endpoint (null proportion).
Method: exact binomial limits for the crude pool; beta-binomial likelihood for series that differ; a hierarchical
normal model of the logits, integrated on a grid, for the predictive prior. Nothing is simulated.
Next: `characteristics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.design.bayes.hierarchical import Predictive, predictive_rate
from pnstrial.design.bayes.monitoring import BetaMixture
from pnstrial.design.counts.proportion import clopper_pearson
from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import cross, peaks
from pnstrial.results import NotEstimable, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MapPrior", "PooledSeries", "map_prior", "pool_series", "prior_data_conflict"]


@dataclass(frozen=True)
class PooledSeries(Result):
    """The response rate of several series.

    Attributes
    ----------
    responders, n, series : int
        Sums, and the number of series.
    estimate : float
        Crude pooled rate (fixed effect).
    ci : tuple of float
        Its exact interval.
    random_estimate : float or NotEstimable
        Mean rate of the beta-binomial model.
    random_ci : tuple of float or NotEstimable
        Its profile-likelihood interval.
    correlation : float or NotEstimable
        Correlation of two patients of one series, 1 / (a + b + 1); 0 where the series differ no more
        than by chance (the likelihood gains less than 1e-6), 1 where in each series all responded or none did.
    a, b : float or NotEstimable
        Parameters of the beta distribution of rates; not estimable where the correlation is 0 or 1.
    p_heterogeneity : float or NotEstimable
        Likelihood-ratio test of no heterogeneity, half a chi-squared with one degree of freedom.
    level : float
        Level of the intervals.
    names : tuple of str
        The series.
    """

    responders: int
    n: int
    series: int
    estimate: float
    ci: tuple[float, float]
    random_estimate: float | NotEstimable
    random_ci: tuple[float, float] | NotEstimable
    correlation: float | NotEstimable
    a: float | NotEstimable
    b: float | NotEstimable
    p_heterogeneity: float | NotEstimable
    level: float
    names: tuple[str, ...]


def _read_series(
    caller: str, responders: Sequence[int] | None, n: Sequence[int] | None, pool: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Read counts, by default the shipped ones."""
    from pnstrial.series import pool_names, series_records

    Checks(caller).word("pool", pool, tuple(pool_names())).done()
    if (responders is None) != (n is None):
        raise ValueError(
            f"{caller}: responders = {display(responders)} and n = {display(n)} must be given together, or neither"
        )
    if responders is None or n is None:
        records = series_records(pool)
        x = [float(record["improved"]) for record in records]
        size = [float(record["n_evaluable"] or record["n"]) for record in records]
        return np.array(x), np.array(size), tuple(str(record["series_id"]) for record in records)
    checks = Checks(caller).counts("n", n, 1).counts("responders", responders)
    checks.done()
    checks.add(
        len(responders) != len(n),
        f"responders = {display(responders)} has {len(responders)} series and n = {display(n)} has {len(n)}; give one"
        " to each",
    ).done()
    for k, (count, size_k) in enumerate(zip(responders, n, strict=True)):
        before = len(checks.problems)
        checks.count(f"n[{k}]", size_k, 1)
        if len(checks.problems) == before:
            checks.count(f"responders[{k}]", count, 0, int(size_k))
    checks.done()
    return (
        np.asarray(responders, dtype=float),
        np.asarray(n, dtype=float),
        tuple(f"series {k + 1}" for k in range(len(n))),
    )


def _log_rising(a: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give log(a (a + 1) ... (a + x - 1) / a^x), also where a is so large that the logarithms nearly cancel."""
    from scipy.special import gammaln

    def rest(y: NDArray[np.float64]) -> NDArray[np.float64]:  # of Stirling's series
        return (1 / 12 - (1 / 360 - 1 / (1260 * y * y)) / (y * y)) / y

    large = np.maximum(a, 100.0)
    series = (large + x - 0.5) * np.log1p(x / large) - x + rest(large + x) - rest(large)
    return np.where(a > 100.0, series, gammaln(a + x) - gammaln(a) - x * np.log(a))


def _log_likelihood(
    mean: NDArray[np.float64],
    correlation: NDArray[np.float64],
    x: NDArray[np.float64],
    n: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Give the beta-binomial log-likelihood without its constant; both arguments broadcast."""
    from scipy.special import xlog1py, xlogy

    p = np.asarray(mean)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        size = 1.0 / np.asarray(correlation)[..., None] - 1.0
        # the binomial likelihood and what the correlation adds to it
        extra = _log_rising(p * size, x) + _log_rising((1.0 - p) * size, n - x) - _log_rising(size, n)
    plain = xlogy(x, p) + xlog1py(n - x, -p)
    return (plain + np.where(np.isfinite(size), extra, 0.0)).sum(axis=-1)


_NEARLY = 1e-9
_CORRELATIONS = np.concatenate(([0.0], np.geomspace(1e-9, 0.9, 78), 1.0 - np.geomspace(0.05, _NEARLY, 12)))


def _profile(
    mean: NDArray[np.float64], x: NDArray[np.float64], n: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the largest log-likelihood at each mean, and the correlation that reaches it."""
    best, correlation = peaks(
        lambda rho: _log_likelihood(mean[:, None], rho, x, n), np.tile(_CORRELATIONS, (len(mean), 1))
    )
    return best, correlation


def pool_series(
    responders: Sequence[int] | None = None,
    n: Sequence[int] | None = None,
    pool: str = "treated",
    level: float = 0.95,
) -> PooledSeries:
    """Pool the response rates of several series.

    Parameters
    ----------
    responders, n : sequence of int, optional
        Counts of each series; by default a shipped pool.
    pool : {"treated", "ivig"}
        Shipped pool: seven prospective or plasma-exchange series, or the IVIg-containing ones.
    level : float, default 0.95
        Two-sided level.

    Returns
    -------
    PooledSeries

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Fixed: all patients as one sample, Clopper-Pearson. Random: beta-binomial likelihood, maximum found by
    profile. Selection of the series and differing times of assessment are in neither.

    Examples
    --------
    >>> result = pool_series(pool="ivig")
    >>> result.responders, result.n, tuple(round(limit, 3) for limit in result.ci)
    (1, 37, (0.001, 0.142))
    """
    Checks("pool_series").share("level", level).done()
    x, size, names = _read_series("pool_series", responders, n, pool)
    total, patients = int(x.sum()), int(size.sum())
    ci = clopper_pearson(total, patients, level)
    fixed: dict[str, Any] = {
        "responders": total,
        "n": patients,
        "series": len(x),
        "estimate": total / patients,
        "ci": (float(ci[0]), float(ci[1])),
        "level": float(level),
        "names": names,
    }
    reason = "one series alone" if len(x) < 2 else "nobody responded in any series" if total == 0 else ""
    reason = reason or ("everybody responded in every series" if total == patients else "")
    if reason:
        none = NotEstimable(reason)
        return PooledSeries(
            **fixed,
            random_estimate=none,
            random_ci=none,
            correlation=none,
            a=none,
            b=none,
            p_heterogeneity=none,
        )
    return PooledSeries(**fixed, **_random_effects(x, size, float(level)))


def _random_effects(x: NDArray[np.float64], n: NDArray[np.float64], level: float) -> dict[str, Any]:
    """Fit the beta-binomial model."""
    from scipy.special import ndtr

    def profile(mean: float) -> float:
        return float(_profile(np.array([mean]), x, n)[0][0])

    grid = np.linspace(0.002, 0.998, 250)
    means = np.concatenate(([x.sum() / n.sum()], grid))
    means.sort()
    _, place = peaks(lambda m: _profile(m[0], x, n)[0][None, :], means[None, :])
    mean = float(place[0])
    (best,), (rho,) = (part.tolist() for part in _profile(np.array([mean]), x, n))
    crude = float(x.sum() / n.sum())
    alone = float(_log_likelihood(np.array(crude), np.array(0.0), x, n))
    if best <= alone + 1e-6:  # nothing that data could show
        best, rho, mean = alone, 0.0, crude
    drop = normal_quantile(level) ** 2 / 2
    low = cross(lambda m: profile(m) - best + drop, 0.0, 1e-12, mean)
    high = 1.0 - cross(lambda m: profile(1.0 - m) - best + drop, 0.0, 1e-12, 1.0 - mean)
    statistic = max(0.0, 2.0 * (best - alone))
    none = ""
    if rho <= 0:
        none = "the series differ no more than by chance"
    elif ((x == 0) | (x == n)).all():
        # the likelihood rises up to a correlation of 1: each series is one answer
        rho, none = 1.0, "in every series all patients responded or none did"
    size = NotEstimable(none) if none else 1.0 / rho - 1.0
    return {
        "random_estimate": mean,
        "random_ci": (low, high),
        "correlation": rho,
        "a": size if isinstance(size, NotEstimable) else mean * size,
        "b": size if isinstance(size, NotEstimable) else (1.0 - mean) * size,
        # the correlation lies on its boundary under the null: half the chi-squared tail
        "p_heterogeneity": float(ndtr(-np.sqrt(statistic))) if statistic > 0 else 1.0,
    }


@dataclass(frozen=True)
class MapPrior(Result):
    """A predictive prior for the rate of a new series.

    Attributes
    ----------
    mixture : BetaMixture
        The prior; its last part is the vague one where `robust_weight` is above 0.
    mean, sd : float
        Of the mixture.
    ci : tuple of float
        Its equal-tailed 95 % interval.
    effective_n : float or NotEstimable
        Effective sample size, expected local-information ratio (Neuenschwander et al. 2020); not estimable
        where a part has a parameter below 1: its density has no information that could be averaged.
    effective_n_moment : float
        That of the beta distribution with the same mean and variance.
    tau : float
        Posterior mean of the standard deviation of the logits between series.
    exact_mean, exact_sd : float
        Of the predictive distribution that the mixture approximates, before robustification.
    robust_weight : float
        Weight of the vague part.
    names : tuple of str
        The series.
    """

    mixture: BetaMixture
    mean: float
    sd: float
    ci: tuple[float, float]
    effective_n: float | NotEstimable
    effective_n_moment: float
    tau: float
    exact_mean: float
    exact_sd: float
    robust_weight: float
    names: tuple[str, ...]

    @property
    def estimate(self) -> float:
        """The mean."""
        return self.mean


def map_prior(
    responders: Sequence[int] | None = None,
    n: Sequence[int] | None = None,
    pool: str = "treated",
    robust_weight: float = 0.0,
    robust: tuple[float, float] = (1.0, 1.0),
    components: int = 2,
    tau_scale: float = 1.0,
    mean_sd: float = 2.0,
) -> MapPrior:
    """Derive a meta-analytic predictive prior as a mixture of betas.

    Parameters
    ----------
    responders, n : sequence of int, optional
        Counts of each series; by default a shipped pool.
    pool : {"treated", "ivig"}
        Shipped pool.
    robust_weight : float, default 0
        Weight of a vague part, for the chance that the new patients are not like the old ones.
    robust : tuple of float
        That part.
    components : int, default 2
        Betas that approximate the predictive distribution, 1 to 4.
    tau_scale : float, default 1
        Scale of the half-normal prior of the standard deviation between series, on the logit.
    mean_sd : float, default 2
        Standard deviation of the normal prior of the mean logit, about 0.

    Returns
    -------
    MapPrior

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Neuenschwander B et al. Clin Trials 2010;7:5-18; Schmidli H et al. Biometrics 2014;70:1023-1032 (mixture,
    robust part). R's RBesT samples this model; here mean, spread and series' logits are integrated on grids,
    and the mixture is fitted to the predictive density itself by expectation-maximisation.

    Examples
    --------
    >>> prior = map_prior(pool="treated", robust_weight=0.2)
    >>> round(prior.mixture.weights[-1], 2), 0.1 < prior.exact_mean < 0.16
    (0.2, True)
    """
    checks = Checks("map_prior").rate("robust_weight", robust_weight).prior("robust", robust)
    checks.count("components", components, 1, 4).positive("tau_scale", tau_scale).positive("mean_sd", mean_sd)
    checks.done()
    x, size, names = _read_series("map_prior", responders, n, pool)
    predicted = predictive_rate(x, size, float(tau_scale), float(mean_sd))
    fitted = _fit_mixture(predicted, int(components))
    mixture = fitted
    if robust_weight > 0:
        vague = [float(cell) for cell in robust]
        mixture = BetaMixture(
            (*(w * (1 - robust_weight) for w in fitted.weights), float(robust_weight)),
            (*fitted.a, vague[0]),
            (*fitted.b, vague[1]),
        )
    mean, variance = mixture.mean, mixture.variance
    return MapPrior(
        mixture=mixture,
        mean=mean,
        sd=float(np.sqrt(variance)),
        ci=(mixture.quantile(0.025), mixture.quantile(0.975)),
        effective_n=(
            NotEstimable("a part of the mixture has a parameter below 1; see effective_n_moment")
            if min(*mixture.a, *mixture.b) < 1
            else _local_information(mixture)
        ),
        effective_n_moment=mean * (1 - mean) / variance - 1.0,
        tau=predicted.tau,
        exact_mean=predicted.mean,
        exact_sd=predicted.sd,
        robust_weight=float(robust_weight),
        names=names,
    )


def _fit_mixture(predicted: Predictive, components: int) -> BetaMixture:
    """Fit betas to the distribution of rates by expectation-maximisation."""
    from scipy.special import betaln

    log_p, log_q, weight = predicted.log_rate, predicted.log_rest, predicted.weight
    mean = predicted.mean
    size = max(mean * (1 - mean) / predicted.sd**2 - 1, 0.5)
    # starts of different precision about the same mean
    factors = np.geomspace(0.4, 4.0, components) if components > 1 else np.ones(1)
    a, b = mean * size * factors, (1 - mean) * size * factors
    share = np.full(components, 1.0 / components)
    before = -np.inf
    for _ in range(2000):
        log_part = (
            np.log(share)[:, None]
            + (a - 1)[:, None] * log_p
            + (b - 1)[:, None] * log_q
            - np.array([betaln(u, v) for u, v in zip(a, b, strict=True)])[:, None]
        )
        top = log_part.max(axis=0)
        total = top + np.log(np.exp(log_part - top).sum(axis=0))
        value = float(weight @ total)
        belongs = np.exp(log_part - total) * weight
        share = belongs.sum(axis=1)
        for k in range(components):
            target = (float(belongs[k] @ log_p) / share[k], float(belongs[k] @ log_q) / share[k])
            a[k], b[k] = _beta_from_logs(float(a[k]), float(b[k]), *target)
        if value - before < 1e-10:
            break
        before = value
    share = share / share.sum()
    order = np.argsort(-share)
    return BetaMixture(tuple(share[order].tolist()), tuple(a[order].tolist()), tuple(b[order].tolist()))


def _beta_from_logs(a: float, b: float, mean_log: float, mean_log1m: float) -> tuple[float, float]:
    """Solve psi(a) - psi(a + b) = mean log p, psi(b) - psi(a + b) = mean log(1 - p) by Newton steps."""
    from scipy.special import digamma, polygamma

    for _ in range(30):
        both = float(digamma(a + b))
        f, g = float(digamma(a)) - both - mean_log, float(digamma(b)) - both - mean_log1m
        common = float(polygamma(1, a + b))
        h, k = float(polygamma(1, a)) - common, float(polygamma(1, b)) - common
        determinant = h * k - common * common
        step_a, step_b = (f * k + g * common) / determinant, (g * h + f * common) / determinant
        a, b = max(a - step_a, a / 5, 1e-3), max(b - step_b, b / 5, 1e-3)
        if abs(step_a) < 1e-10 * a and abs(step_b) < 1e-10 * b:
            break
    return a, b


def _local_information(mixture: BetaMixture) -> float:
    """Give the expected ratio of the prior's information to that of one patient."""
    from scipy.special import betaincinv, betaln

    # over quantiles of each part, so that peaks near 0 are resolved
    grid = (np.arange(2000) + 0.5) / 2000
    total = 0.0
    for w, a, b in zip(mixture.weights, mixture.a, mixture.b, strict=True):
        p = np.clip(betaincinv(a, b, grid), 1e-12, 1 - 1e-12)
        density = np.zeros(len(p))
        first = np.zeros(len(p))
        second = np.zeros(len(p))
        for v, c, d in zip(mixture.weights, mixture.a, mixture.b, strict=True):
            part = v * np.exp((c - 1) * np.log(p) + (d - 1) * np.log1p(-p) - betaln(c, d))
            slope = (c - 1) / p - (d - 1) / (1 - p)
            density += part
            first += part * slope
            second += part * (slope**2 - (c - 1) / p**2 - (d - 1) / (1 - p) ** 2)
        information = (first / density) ** 2 - second / density
        total += w * float((information * p * (1 - p)).mean())
    return total


def prior_data_conflict(prior: Any, responses: int, n: int) -> float:
    """Say how surprising a count is under a prior.

    Parameters
    ----------
    prior : tuple, list, BetaMixture or MapPrior
        The prior.
    responses, n : int
        Responders and patients of the new trial.

    Returns
    -------
    float
        Prior predictive probability of a count no more probable than the one seen; small = conflict.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Box GEP. J R Stat Soc A 1980;143:383-430; Evans M, Moshonov H. Bayesian Analysis 2006;1:893-914.

    Examples
    --------
    >>> round(prior_data_conflict((1, 9), 10, 17), 4)
    0.0037
    """
    from pnstrial.design.bayes.monitoring import as_mixture

    checks = Checks("prior_data_conflict").count("n", n, 1, 1000)
    if not checks.problems:
        checks.count("responses", responses, 0, int(n))
    checks.done()
    mixture = as_mixture("prior_data_conflict", prior.mixture if isinstance(prior, MapPrior) else prior)
    predictive = mixture.predictive(int(n))
    return float(min(1.0, predictive[predictive <= predictive[int(responses)] * (1 + 1e-7)].sum()))

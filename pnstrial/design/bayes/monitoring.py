"""What do the responders so far make probable?

Input: responders and patients so far, a beta prior (or a mixture of betas), thresholds.
Output: posterior and predictive probabilities, the predictive distribution of the next patients, and monitoring
designs by posterior (`thall_simon`) or predictive probability (`predictive_design`).
Protocol section: design.
Method: closed forms of the beta-binomial; boundaries are counts, so every design is a `SequentialDesign` and its
operating characteristics are exact. Nothing is simulated.
Next: `bop2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.design.stages.sequential import SequentialDesign, checked_looks
from pnstrial.numerics.arguments import Checks, as_array, as_number
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BetaMixture",
    "MonitoringDesign",
    "Posterior",
    "posterior",
    "posterior_probability",
    "predictive_boundary",
    "predictive_design",
    "predictive_distribution",
    "predictive_probability",
    "thall_simon",
]


@dataclass(frozen=True)
class BetaMixture(Result):
    """A mixture of beta distributions for a rate.

    Attributes
    ----------
    weights : tuple of float
        Add to 1.
    a, b : tuple of float
        Parameters of the parts.

    Examples
    --------
    >>> prior = BetaMixture((0.7, 0.3), (1.0, 2.0), (9.0, 2.0))
    >>> round(prior.mean, 3), round(prior.updated(3, 9).weights[0], 3)
    (0.22, 0.531)
    """

    weights: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]

    def __post_init__(self) -> None:
        checks = Checks("BetaMixture")
        same = len(self.weights) == len(self.a) == len(self.b) > 0
        checks.add(
            not same, f"weights, a and b have {len(self.weights)}, {len(self.a)} and {len(self.b)} parts"
        )
        checks.add(
            any(w < 0 for w in self.weights) or abs(sum(self.weights) - 1) > 1e-9,
            f"weights = {self.weights} must be shares that add to 1",
        )
        for pair in zip(self.a, self.b, strict=False):
            checks.prior("prior", pair)
        checks.done()

    @property
    def mean(self) -> float:
        """Mean of the rate."""
        return float(sum(w * a / (a + b) for w, a, b in zip(self.weights, self.a, self.b, strict=True)))

    @property
    def variance(self) -> float:
        """Variance of the rate."""
        second = sum(
            w * a * (a + 1) / ((a + b) * (a + b + 1))
            for w, a, b in zip(self.weights, self.a, self.b, strict=True)
        )
        return float(second - self.mean**2)

    def above(self, p: ArrayLike) -> Any:
        """Give P(rate > p)."""
        check_signature(BetaMixture.above, locals())
        Checks("above").array("p", p, 0, 1).done()
        from scipy.special import betaincc

        total = sum(
            w * betaincc(a, b, np.asarray(p, dtype=float))
            for w, a, b in zip(self.weights, self.a, self.b, strict=True)
        )
        values = np.asarray(total)
        return values if values.ndim else float(values)

    def quantile(self, share: float) -> float:
        """Give the rate below which the share lies."""
        check_signature(BetaMixture.quantile, locals())
        Checks("quantile").share("share", share).done()
        from pnstrial.numerics.roots import reach

        return reach(lambda p: 1.0 - float(self.above(p)), share)

    def density(self, p: ArrayLike) -> NDArray[np.float64]:
        """Give the density at rates."""
        check_signature(BetaMixture.density, locals())
        Checks("density").array("p", p, 0, 1).done()
        from scipy.special import betaln, xlog1py, xlogy

        rate = np.asarray(p, dtype=float)
        total = np.zeros(rate.shape)
        for w, a, b in zip(self.weights, self.a, self.b, strict=True):
            total = total + w * np.exp(xlogy(a - 1, rate) + xlog1py(b - 1, -rate) - betaln(a, b))
        return total

    def predictive(self, m: int) -> NDArray[np.float64]:
        """Give the probabilities of 0 to m responders among m new patients."""
        check_signature(BetaMixture.predictive, locals())
        Checks("predictive").count("m", m, 0, 10_000).done()
        from scipy.special import betaln

        from pnstrial.design.counts.outcomes import binomial_ways

        x = np.arange(m + 1.0)
        total = np.zeros(m + 1)
        for w, a, b in zip(self.weights, self.a, self.b, strict=True):
            total += w * np.exp(np.log(binomial_ways(m)) + betaln(a + x, b + m - x) - betaln(a, b))
        return total

    def updated(self, responses: int, n: int) -> BetaMixture:
        """Give the mixture after responders of n patients."""
        check_signature(BetaMixture.updated, locals())
        most = None if as_number(n) is None else int(n)
        Checks("updated").count("n", n).count("responses", responses, 0, most).done()
        from scipy.special import betaln

        parts = list(zip(self.weights, self.a, self.b, strict=True))
        if len(parts) == 1:
            weights: tuple[float, ...] = (1.0,)
        else:
            log_w = np.array(
                [
                    (np.log(w) if w > 0 else -np.inf)
                    + betaln(a + responses, b + n - responses)
                    - betaln(a, b)
                    for w, a, b in parts
                ]
            )
            scaled = np.exp(log_w - log_w.max())
            weights = tuple(float(w) for w in scaled / scaled.sum())
        return BetaMixture(
            weights,
            tuple(float(a + responses) for a in self.a),
            tuple(float(b + n - responses) for b in self.b),
        )


Prior = "tuple[float, float] | BetaMixture"


def as_mixture(caller: str, prior: Any) -> BetaMixture:
    """Read a prior: a pair (a, b), a list of (weight, a, b), or a `BetaMixture`.

    Parameters
    ----------
    caller : str
        Name with which a message begins.
    prior : tuple, list or BetaMixture
        The prior.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(prior, BetaMixture):
        return prior
    array = as_array(prior)
    if array is not None and array.ndim == 2 and array.shape[1] == 3:
        weights, a, b = (tuple(float(value) for value in column) for column in array.T)
        return BetaMixture(weights, a, b)
    checks = Checks(caller).prior("prior", prior)
    checks.problems = [f"{one}, a list of (weight, a, b) or a BetaMixture" for one in checks.problems]
    checks.done()
    a, b = (float(value) for value in prior)
    return BetaMixture((1.0,), (a,), (b,))


@dataclass(frozen=True)
class Posterior(Result):
    """What is believed of the rate after some patients.

    Attributes
    ----------
    mean, median : float
        Of the posterior.
    ci : tuple of float
        Equal-tailed interval.
    level : float
        Its probability.
    probability : float or None
        P(rate > p0), where p0 was given.
    p0 : float or None
        That rate.
    responses, n : int
        Responders and patients.
    prior, posterior : BetaMixture
        Before and after.
    note : str
        How often such an interval holds a fixed rate in small samples; else empty.
    """

    mean: float
    median: float
    ci: tuple[float, float]
    level: float
    probability: float | None
    p0: float | None
    responses: int
    n: int
    prior: BetaMixture
    posterior: BetaMixture
    note: str = ""

    @property
    def estimate(self) -> float:
        """The posterior mean."""
        return self.mean


def posterior(
    responses: int, n: int, prior: Any = (0.5, 0.5), p0: float | None = None, level: float = 0.95
) -> Posterior:
    """Give the posterior of a response rate.

    Parameters
    ----------
    responses, n : int
        Responders and patients; n = 0 gives the prior.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.
    p0 : float, optional
        Rate to exceed.
    level : float, default 0.95
        Probability of the interval.

    Returns
    -------
    Posterior

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> round(posterior(5, 17, prior=(1, 1), p0=0.1).probability, 4)
    0.9936
    """
    _check_counts("posterior", responses, n, p0)
    Checks("posterior").share("level", level).done()
    before = as_mixture("posterior", prior)
    after = before.updated(int(responses), int(n))
    ci = (after.quantile((1 - level) / 2), after.quantile((1 + level) / 2))
    above = None if p0 is None else float(after.above(p0))
    return Posterior(
        after.mean,
        after.quantile(0.5),
        ci,
        float(level),
        above,
        p0,
        int(responses),
        int(n),
        before,
        after,
        "".join(coverage_note("posterior", n)),
    )


def _check_counts(caller: str, responses: Any, n: Any, p0: Any) -> None:
    checks = Checks(caller).count("n", n)
    checks.count("responses", responses, 0, None if checks.problems else int(n))
    if p0 is not None:
        checks.rate("p0", p0)
    checks.done()


def posterior_probability(responses: int, n: int, p0: float, prior: Any = (0.5, 0.5)) -> float:
    """Give the posterior probability that the rate exceeds p0.

    Parameters
    ----------
    responses, n : int
        Responders and patients.
    p0 : float
        Rate to exceed.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> round(posterior_probability(3, 9, 0.1, prior=(0.1, 0.9)), 6)
    0.95519
    """
    Checks("posterior_probability").rate("p0", p0).done()
    _check_counts("posterior_probability", responses, n, p0)
    mixture = as_mixture("posterior_probability", prior).updated(int(responses), int(n))
    return float(mixture.above(p0))


def _final_success(mixture: BetaMixture, n_max: int, p0: float, threshold: float) -> NDArray[np.bool_]:
    """Say for each final count whether the posterior probability exceeds the threshold."""
    return posterior_of_counts(mixture, n_max, p0) > threshold


def posterior_of_counts(mixture: BetaMixture, n: int, p0: float) -> NDArray[np.float64]:
    """Give P(rate > p0) after each count 0 to n."""
    from scipy.special import betaincc, betaln

    x = np.arange(n + 1.0)
    total = np.zeros(n + 1)
    weight = np.zeros(n + 1)
    for w, a, b in zip(mixture.weights, mixture.a, mixture.b, strict=True):
        part = (
            w * np.exp(betaln(a + x, b + n - x) - betaln(a, b))
            if len(mixture.weights) > 1
            else np.ones(n + 1)
        )
        total += part * betaincc(a + x, b + n - x, p0)
        weight += part
    return total / weight


def predictive_probability(
    responses: int,
    n: int,
    n_max: int,
    p0: float,
    threshold: float,
    prior: Any = (0.5, 0.5),
) -> float:
    """Give the predictive probability that the trial will succeed at its end.

    Parameters
    ----------
    responses, n : int
        Responders and patients so far.
    n_max : int
        Patients at the end.
    p0, threshold : float
        Success at the end: P(rate > p0) exceeds the threshold, strictly.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Lee JJ, Liu DD. Clin Trials 2008;5:93-106, eq. 1: the beta-binomial probability of those future counts that
    make the trial a success. ppseq simulates it.

    Examples
    --------
    >>> round(predictive_probability(3, 9, 17, p0=0.1, threshold=0.9, prior=(0.1, 0.9)), 6)
    0.886034
    """
    Checks("predictive_probability").rate("p0", p0).done()
    _check_counts("predictive_probability", responses, n, p0)
    Checks("predictive_probability").count("n_max", n_max, int(n), 1000).rate("threshold", threshold).done()
    mixture = as_mixture("predictive_probability", prior)
    success = _final_success(mixture, int(n_max), p0, threshold)
    future = mixture.updated(int(responses), int(n)).predictive(int(n_max) - int(n))
    return float(min(1.0, future[success[int(responses) : int(responses) + len(future)]].sum()))


def predictive_distribution(responses: int, n: int, m: int, prior: Any = (0.5, 0.5)) -> NDArray[np.float64]:
    """Give the probabilities of 0 to m responders among the next m patients.

    Parameters
    ----------
    responses, n : int
        Responders and patients so far.
    m : int
        Patients to come.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.

    Returns
    -------
    ndarray, shape (m + 1,)

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> predictive_distribution(1, 37, 2, prior=(1, 1)).round(4).tolist()
    [0.9013, 0.0949, 0.0038]
    """
    _check_counts("predictive_distribution", responses, n, None)
    Checks("predictive_distribution").count("m", m, 0, 1000).done()
    return as_mixture("predictive_distribution", prior).updated(int(responses), int(n)).predictive(int(m))


@dataclass(frozen=True, repr=False)
class MonitoringDesign(SequentialDesign):
    """A design whose counts come from posterior or predictive probabilities.

    Attributes
    ----------
    at_futility, at_efficacy : tuple of (float or None)
        The probability that was compared, at the two counts of each look.
    """

    at_futility: tuple[float | None, ...] = ()
    at_efficacy: tuple[float | None, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look, with the probability that each count was chosen by."""
        frame = super().to_frame()
        frame["probability_futility"] = list(self.at_futility)
        frame["probability_efficacy"] = list(self.at_efficacy)
        return frame


def _monitoring(
    sizes: tuple[int, ...],
    futile: list[NDArray[np.bool_]],
    effective: list[NDArray[np.bool_]],
    plotted: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]],
    name: str,
    p0: float | None,
    p1: float | None,
) -> MonitoringDesign:
    """Turn conditions that are monotone in the count into counts."""
    low: list[int | None] = []
    high: list[int | None] = []
    for a, b in zip(futile, effective, strict=True):
        low.append(int(np.flatnonzero(a)[-1]) if a.any() else None)
        high.append(int(np.flatnonzero(b)[0]) if b.any() else None)
    at_low = tuple(None if a is None else float(v[a]) for a, v in zip(low, plotted[0], strict=True))
    at_high = tuple(None if b is None else float(v[b]) for b, v in zip(high, plotted[1], strict=True))
    clash = [
        n for n, a, b in zip(sizes, low, high, strict=True) if a is not None and b is not None and a >= b
    ]
    if clash:
        raise ValueError(
            f"{name}: at n = {', '.join(str(n) for n in clash)} one count stops both ways; bring the two"
            " thresholds apart"
        )
    return MonitoringDesign(
        sizes, tuple(low), tuple(high), name, p0, p1, at_futility=at_low, at_efficacy=at_high
    )


def thall_simon(
    looks: Sequence[int],
    p0: float,
    p1: float | None = None,
    futility: float | None = 0.9,
    efficacy: float | None = 0.95,
    prior: Any = (0.5, 0.5),
    strict: bool = False,
) -> MonitoringDesign:
    """Monitor by posterior probability: stop when the rate is probably below p0, or probably above p1.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look.
    p0 : float
        Rate of no interest: stop for futility where P(rate < p0) reaches `futility`.
    p1 : float, optional
        Stop for efficacy where P(rate > p1) reaches `efficacy`; default p0.
    futility, efficacy : float or None
        The two probabilities; None = no such stop.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.
    strict : bool, default False
        Whether the probability must exceed its threshold, not only reach it.

    Returns
    -------
    MonitoringDesign
        Its exact `alpha` is at p0, its `power` at p1.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Thall PF, Simon R. Biometrics 1994;50:337-349. Counts equal phase1b's boundsPostprob (rates of `looks`),
    whose characteristics are simulated.

    Examples
    --------
    >>> design = thall_simon([6, 9, 13, 17], 0.1, 0.3, futility=0.9, efficacy=0.95, prior=(0.1, 0.9))
    >>> design.futility, design.efficacy
    ((0, 0, 0, 0), (5, 6, 8, 9))
    """
    sizes = checked_looks("thall_simon", looks)
    checks = Checks("thall_simon").rate("p0", p0)
    for name, value in (("p1", p1), ("futility", futility), ("efficacy", efficacy)):
        if value is not None:
            checks.rate(name, value)
    checks.flag("strict", strict).done()
    mixture = as_mixture("thall_simon", prior)
    target = p0 if p1 is None else p1
    below = [1.0 - posterior_of_counts(mixture, n, p0) for n in sizes]
    above = [posterior_of_counts(mixture, n, target) for n in sizes]
    return _monitoring(
        sizes,
        [_beyond(values, futility, strict) for values in below],
        [_beyond(values, efficacy, strict) for values in above],
        (below, above),
        "Thall-Simon",
        float(p0),
        None if p1 is None else float(p1),
    )


def _beyond(values: NDArray[np.float64], threshold: float | None, strict: bool) -> NDArray[np.bool_]:
    if threshold is None:
        return np.zeros(len(values), dtype=bool)
    return values > threshold if strict else values >= threshold


def predictive_boundary(
    looks: Sequence[int], p0: float, threshold: float, prior: Any = (0.5, 0.5), n_max: int | None = None
) -> list[NDArray[np.float64]]:
    """Give the predictive probability of success for every count at every look.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look.
    p0, threshold : float
        Success at the end: P(rate > p0) exceeds the threshold.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.
    n_max : int, optional
        Patients at the end; default the last look.

    Returns
    -------
    list of ndarray
        For each look the probabilities of the counts 0 to n.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> first, last = predictive_boundary([3, 6], p0=0.1, threshold=0.9)
    >>> first.round(3).tolist(), last.tolist()
    ([0.081, 0.672, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    """
    from scipy.special import betaln

    from pnstrial.design.counts.outcomes import binomial_ways

    sizes = checked_looks("predictive_boundary", looks)
    checks = Checks("predictive_boundary").rate("p0", p0).rate("threshold", threshold)
    checks.count("n_max", sizes[-1] if n_max is None else n_max, sizes[-1], 1000).done()
    last = sizes[-1] if n_max is None else int(n_max)
    mixture = as_mixture("predictive_boundary", prior)
    success = _final_success(mixture, last, p0, threshold)
    tables: list[NDArray[np.float64]] = []
    for n in sizes:
        m = last - n
        x, y = np.arange(n + 1.0)[:, None], np.arange(m + 1.0)[None, :]
        total = np.zeros((n + 1, m + 1))
        weight = np.zeros((n + 1, 1))
        for w, a, b in zip(mixture.weights, mixture.a, mixture.b, strict=True):
            now = betaln(a + x, b + n - x)
            part = w * np.exp(now - betaln(a, b)) if len(mixture.weights) > 1 else np.ones((n + 1, 1))
            total += part * np.exp(np.log(binomial_ways(m)) + betaln(a + x + y, b + n - x + m - y) - now)
            weight += part
        wins = success[(x + y).astype(int)]
        tables.append(np.minimum(1.0, (total / weight * wins).sum(axis=1)))
    return tables


def predictive_design(
    looks: Sequence[int],
    p0: float,
    threshold: float = 0.9,
    futility: float | None = 0.1,
    efficacy: float | None = None,
    prior: Any = (0.5, 0.5),
    p1: float | None = None,
) -> MonitoringDesign:
    """Monitor by predictive probability of success.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look; the last is the end.
    p0, threshold : float
        Success at the end: P(rate > p0) exceeds the threshold.
    futility : float or None
        Stop where the predictive probability is at most this.
    efficacy : float or None
        Stop where it is at least this.
    prior : tuple, list or BetaMixture
        Beta(a, b), a list of (weight, a, b), or a mixture; default Jeffreys'.
    p1 : float, optional
        Rate at which the exact power is wanted.

    Returns
    -------
    MonitoringDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Lee JJ, Liu DD. Clin Trials 2008;5:93-106. Counts equal phase1b's boundsPredprob. At the last look the
    predictive probability is 0 or 1 and the two counts meet.

    Examples
    --------
    >>> design = predictive_design([5, 9, 13, 17], 0.2, 0.9, futility=0.1, efficacy=0.95, prior=(1, 1))
    >>> design.futility, design.efficacy, round(design.alpha, 4)
    ((0, 1, 3, 5), (4, 5, 6, 6), 0.0968)
    """
    checks = Checks("predictive_design").rate("p0", p0).rate("threshold", threshold)
    for name, value in (("futility", futility), ("efficacy", efficacy), ("p1", p1)):
        if value is not None:
            checks.rate(name, value)
    checks.done()
    sizes = checked_looks("predictive_design", looks)
    tables = predictive_boundary(sizes, p0, threshold, prior)
    final = tables[-1] > 0.5
    none = [np.zeros(n + 1, dtype=bool) for n in sizes]
    futile = none if futility is None else [table <= futility for table in tables]
    effective = none if efficacy is None else [table >= efficacy for table in tables]
    return _monitoring(
        sizes,
        [*futile[:-1], ~final],
        [*effective[:-1], final],
        (tables, tables),
        "predictive probability",
        float(p0),
        None if p1 is None else float(p1),
    )

"""Did fewer patients have the event than a reference curve expects?

Input: times, events, the cumulative hazard of the reference.
Output: `OneSampleLogRank`: observed, expected, tests, standardised ratio; a batch; sample size.
Protocol section: none.
Method: E = sum H0(t) - H0(entry); z = (O - E) / sqrt(E) (Breslow, Appl Stat 1975;24:303); with the variance (O + E) / 2
it is nearer to normal in small samples (Wu, J Biopharm Stat 2014;24:1121); O given E as a Poisson number for exact
tests and limits (Garwood, Biometrika 1936;28:437); sample size by Wu, Pharm Stat 2015;14:26, eq. 5.
Next: `trial`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.numerics.arguments import Checks, as_number
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import cross
from pnstrial.results import NotEstimable, Result
from pnstrial.survival.observations import check_level, columns, event_matrix, follow_up, matrix_of
from pnstrial.survival.reference.curve import Reference, reference_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.time_units import TimeUnit

    Vector = NDArray[np.float64]

__all__ = [
    "OneSampleBatch", "OneSampleLogRank", "OneSampleSize", "one_sample_logrank", "one_sample_logrank_batch",
    "one_sample_logrank_sample_size",
]  # fmt: skip

Number = float | NotEstimable
Limits = tuple[float, float] | NotEstimable
_LEAST: Final = 1e-290  # below this a ratio to the expected number leaves the range of floating point


@dataclass(frozen=True)
class OneSampleLogRank(Result):
    """Events of one group against those a reference expects.

    Attributes
    ----------
    observed : int
    expected : float
    ratio : float or NotEstimable
        Observed over expected: the standardised mortality ratio, below 1 where fewer had the event.
    ratio_ci, ratio_ci_mid_p, ratio_ci_byar : tuple of float or NotEstimable
        Exact (Garwood), mid-p and Byar's limits.
    z, z_wu, z_anscombe : float or NotEstimable
        (O - E)/sqrt(E), (O - E)/sqrt((O + E)/2), 2 (sqrt(O + 3/8) - sqrt(E)); negative where fewer had the event.
    p_value, p_value_wu : float or NotEstimable
        Two-sided, normal, of z and z_wu.
    p_value_fewer, p_value_wu_fewer : float or NotEstimable
        One-sided, for fewer events.
    p_value_exact : float or NotEstimable
        Two-sided Poisson: the probability of all numbers not more likely than the observed one, as R's poisson.test.
    p_value_exact_fewer, p_value_exact_more, p_value_mid_p_fewer : float or NotEstimable
        One-sided Poisson, and mid-p.
    chi_square : float or NotEstimable
        z squared, as R's survdiff with an offset.
    n : int
    level : float
    reference : str
    """

    observed: int
    expected: float
    ratio: Number
    ratio_ci: Limits
    z: Number
    z_wu: Number
    p_value: Number
    p_value_fewer: Number
    p_value_wu: Number
    p_value_wu_fewer: Number
    p_value_exact: Number
    p_value_exact_fewer: Number
    p_value_exact_more: Number
    p_value_mid_p_fewer: Number
    ratio_ci_mid_p: Limits
    ratio_ci_byar: Limits
    z_anscombe: Number
    chi_square: Number
    n: int
    level: float
    reference: str

    @property
    def estimate(self) -> Number:
        """Observed over expected."""
        return self.ratio

    @property
    def ci(self) -> Limits:
        """Exact limits of observed over expected."""
        return self.ratio_ci


@dataclass(frozen=True, eq=False)
class OneSampleBatch(Result):
    """One-sample log-rank statistics of many trials, each of shape (R,).

    Attributes
    ----------
    observed, expected : ndarray
    z, z_wu : ndarray
        As in `OneSampleLogRank`; 0 where nothing is expected.
    """

    observed: Vector
    expected: Vector
    z: Vector
    z_wu: Vector


def one_sample_logrank(
    time: ArrayLike,
    event: ArrayLike,
    reference: str | Reference | Callable[[Any], Any],
    entry: ArrayLike | None = None,
    level: float = 0.95,
    *,
    unit: TimeUnit | None = None,
    data: Any = None,
    event_is: Any = None,
) -> OneSampleLogRank:
    """Compare one group with a reference curve.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up time and event (1) or censoring (0).
    reference : str, Reference or callable
        A published series by its name (`published_references`), a curve, or a cumulative hazard as a function of an
        array of times.
    entry : array_like, shape (n,), optional
        Time from which each patient was observed.
    level : float, default 0.95
    unit : {"days", "weeks", "months", "years"}, optional
        Unit of the times; needed where the reference knows its own, as the published series do (months), which is then
        brought into it. Without it both are taken in one unit.
    data : pandas.DataFrame or mapping, optional
        A table; then time, event and entry may be names of its columns.
    event_is : label or list of labels, optional
        What the event is called, where `event` holds labels or R's codes 1 and 2.

    Returns
    -------
    OneSampleLogRank
        Where the reference expects no event, numbers that divide by it are NotEstimable.

    Raises
    ------
    ValueError
        If the data, the level or the reference are impossible; every offender is named.

    Notes
    -----
    Equal to R's survdiff with an offset and poisson.test. R's OneSampleLogRankTest has the same exact interval; its
    two-sided p-value is twice the smaller tail, and what its "approximate" option calls a 95 % interval is one of
    97.5 %: not followed. The reference is taken as known: its own uncertainty is not in any of these numbers.

    Examples
    --------
    >>> found = one_sample_logrank([4, 8, 12, 20], [1, 0, 1, 0], Reference.exponential(0.1))
    >>> found.observed, round(found.expected, 2), round(found.ratio, 3), round(found.p_value_exact, 3)
    (2, 4.4, 0.455, 0.341)
    """
    check_level(level)
    curve = reference_in(reference, unit)
    time, event, entry = columns(data, time=time, event=event, entry=entry)
    times, events, entries, _ = follow_up(time, event, entry, event_is=event_is, unit=unit)
    hazard = curve.cumulative_hazard(times)
    if entries.size:
        before = curve.cumulative_hazard(entries)
        falls = np.flatnonzero(before > hazard)
        if falls.size:
            listed = ", ".join(f"[{i}] {before[i]:g} then {hazard[i]:g}" for i in falls[:8])
            raise ValueError(f"reference falls between entry and time: {listed}")
        hazard = hazard - before
    observed, expected = int(events.sum()), math.fsum(hazard)
    return _compared(observed, expected, times.size, level, curve.name)


def _compared(observed: int, expected: float, n: int, level: float, name: str) -> OneSampleLogRank:
    from scipy.special import ndtr, pdtr, pdtrc

    if expected < _LEAST:
        words = "no event" if expected <= 0 else f"only {expected:.1g} events"
        reason = NotEstimable(f"the reference expects {words} in this follow-up")
        return OneSampleLogRank(
            observed, expected, reason, reason, reason, reason, reason, reason, reason, reason, reason, reason, reason,
            reason, reason, reason, reason, reason, n, level, name,
        )  # fmt: skip
    z = (observed - expected) / math.sqrt(expected)
    z_wu = (observed - expected) / math.sqrt((observed + expected) / 2)
    fewer = float(pdtr(observed, expected))
    more = float(pdtrc(observed - 1, expected)) if observed > 0 else 1.0
    exactly = float(np.exp(_log_poisson(np.array([observed]), expected)[0]))
    return OneSampleLogRank(
        observed=observed, expected=expected, ratio=observed / expected, ratio_ci=_garwood(observed, expected, level),
        z=z, z_wu=z_wu, p_value=float(2 * ndtr(-abs(z))), p_value_fewer=float(ndtr(z)),
        p_value_wu=float(2 * ndtr(-abs(z_wu))), p_value_wu_fewer=float(ndtr(z_wu)),
        p_value_exact=_two_sided(observed, expected), p_value_exact_fewer=fewer, p_value_exact_more=more,
        p_value_mid_p_fewer=fewer - 0.5 * exactly, ratio_ci_mid_p=_mid_p(observed, expected, level),
        ratio_ci_byar=_byar(observed, expected, level),
        z_anscombe=2 * (math.sqrt(observed + 0.375) - math.sqrt(expected)), chi_square=z * z, n=n, level=level,
        reference=name,
    )  # fmt: skip


def _log_poisson(x: NDArray[Any], mean: float) -> Vector:
    from scipy.special import gammaln, xlogy

    return np.asarray(xlogy(x, mean) - mean - gammaln(x + 1.0))


def _two_sided(observed: int, expected: float) -> float:
    """Add up the probabilities that are at most that of the observed number (R's poisson.test, its tolerance too)."""
    from scipy.special import pdtr, pdtrc

    if observed == expected:
        return 1.0
    limit = _log_poisson(np.array([observed]), expected)[0] + math.log1p(1e-7)
    if observed < expected:
        top = math.ceil(2 * expected - observed)
        while _log_poisson(np.array([top]), expected)[0] > limit:
            top *= 2
        other = np.arange(math.ceil(expected), top + 1)
        unlikely = other[_log_poisson(other, expected) <= limit]
        upper = float(pdtrc(unlikely[0] - 1, expected)) if unlikely.size else float(pdtrc(top, expected))
        return min(1.0, float(pdtr(observed, expected)) + upper)
    other = np.arange(math.floor(expected) + 1)
    count = int((_log_poisson(other, expected) <= limit).sum())
    lower = float(pdtr(count - 1, expected)) if count else 0.0
    return min(1.0, lower + float(pdtrc(observed - 1, expected)))


def _garwood(observed: int, expected: float, level: float) -> tuple[float, float]:
    from scipy.special import gammaincinv

    half = (1 - level) / 2
    low = float(gammaincinv(observed, half)) if observed > 0 else 0.0
    return low / expected, float(gammaincinv(observed + 1, 1 - half)) / expected


def _mid_p(observed: int, expected: float, level: float) -> tuple[float, float]:
    """Solve P(X < O) + P(X = O) / 2 = 1 - half and half for the mean."""
    from scipy.special import pdtr

    half = (1 - level) / 2

    def above(mean: float) -> float:
        under = float(pdtr(observed - 1, mean)) if observed > 0 else 0.0
        return -under - 0.5 * float(np.exp(_log_poisson(np.array([observed]), mean)[0]))

    # at a low level both limits can lie on one side of the observed number: search between the exact ones of half / 8
    widest = _garwood(observed, 1.0, 1 - half / 8)
    low = cross(above, half - 1, *widest) if observed > 0 else 0.0
    return low / expected, cross(above, -half, *widest) / expected


def _byar(observed: int, expected: float, level: float) -> tuple[float, float]:
    z, up = normal_quantile(level), observed + 1
    low = observed * (1 - 1 / (9 * observed) - z / (3 * math.sqrt(observed))) ** 3 if observed > 0 else 0.0
    high = up * (1 - 1 / (9 * up) + z / (3 * math.sqrt(up))) ** 3
    return low / expected, high / expected


def one_sample_logrank_batch(
    time: ArrayLike, event: ArrayLike, reference: str | Reference | Callable[[Any], Any], *,
    unit: TimeUnit | None = None,
) -> OneSampleBatch:  # fmt: skip
    """Compare many simulated trials with one reference curve.

    Parameters
    ----------
    time, event : array_like, shape (R, n)
        One row per trial.
    reference : str, Reference or callable
        As in `one_sample_logrank`; a life table has no place here.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit of the times, as in `one_sample_logrank`.

    Returns
    -------
    OneSampleBatch
        Each row equals `one_sample_logrank` of that trial.

    Raises
    ------
    ValueError
        If shapes differ, a time is negative, an event not 0 or 1, or the reference is impossible.

    Examples
    --------
    >>> one_sample_logrank_batch([[1, 2], [3, 4]], [[1, 1], [0, 0]], Reference.exponential(0.5)).observed.tolist()
    [2.0, 0.0]
    """
    from pnstrial.numerics.one_sample import one_sample_batch

    times = matrix_of(time, "time")
    events = event_matrix(event, times.shape).astype(np.float64)
    flat = reference_in(reference, unit).cumulative_hazard(times.ravel())
    out = np.empty((times.shape[0], 4))
    one_sample_batch(flat.reshape(times.shape), events, out)
    return OneSampleBatch(*(out[:, k].copy() for k in range(4)))


@dataclass(frozen=True)
class OneSampleSize(Result):
    """Patients needed for a one-sample log-rank test.

    Attributes
    ----------
    n : int
    power : float
        With n patients, by the same formula.
    events, expected : float
        Mean number of events with n patients under the alternative, and of those the reference expects.
    hazard_ratio, alpha, accrual, follow_up : float
        What was asked for; alpha is one-sided.
    reference : str
    """

    n: int
    power: float
    events: float
    expected: float
    hazard_ratio: float
    alpha: float
    accrual: float
    follow_up: float
    reference: str


def one_sample_logrank_sample_size(
    reference: str | Reference | Callable[[Any], Any], hazard_ratio: float, *, follow_up: float, accrual: float = 0.0,
    alpha: float = 0.05, power: float = 0.80, n: int | None = None, unit: TimeUnit | None = None,
) -> OneSampleSize:  # fmt: skip
    """Find how many patients the test of z_wu needs, or the power of n.

    Parameters
    ----------
    reference : str, Reference or callable
        Curve under the null hypothesis, as in `one_sample_logrank`.
    hazard_ratio : float
        Of the treated patients against it, below 1.
    follow_up : float
        Time for which the last patient is followed.
    accrual : float, default 0
        Time over which patients enter, uniformly; the trial ends at accrual + follow_up.
    alpha : float, default 0.05
        One-sided.
    power : float, default 0.80
    n : int, optional
        Give the power of so many patients instead.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit of `follow_up` and `accrual`; needed where the reference knows its own.

    Returns
    -------
    OneSampleSize

    Raises
    ------
    ValueError
        If a number is outside its range, the reference is a life table, or it expects no event in the follow-up.

    Notes
    -----
    Wu, Pharm Stat 2015;14:26: mean and variance of O - E per patient under proportional hazards, its variance under the
    null hypothesis estimated by (O + E) / 2. The integrals are taken over 20,000 steps of the reference's hazard.

    Examples
    --------
    >>> found = one_sample_logrank_sample_size(Reference.exponential(0.1), 0.5, follow_up=12, accrual=24)
    >>> found.n, round(found.power, 3)
    (16, 0.802)
    """
    from scipy.special import ndtr, ndtri

    checks = Checks("one_sample_logrank_sample_size").share("hazard_ratio", hazard_ratio)
    checks.positive("follow_up", follow_up).number("accrual", accrual, 0).share("power", power)
    number = as_number(alpha)
    checks.add(
        number is None or not 0 < number < 0.5, f"alpha = {alpha!r} must lie strictly between 0 and 0.5"
    )
    if n is not None:
        checks.count("n", n, 1)
    published = None
    try:
        published = reference_in(reference, unit)
    except ValueError as problem:
        checks.add(True, str(problem))
    checks.add(
        published is not None and published.patients > 0,
        "reference: a life table is of named patients; give one curve for all",
    )
    checks.done()
    curve = cast("Reference", published)
    end = accrual + follow_up
    steps = end * np.linspace(0, 1, 20_001) ** 3  # finer where a Weibull hazard may be steep
    hazard = curve.cumulative_hazard(steps)
    growth, middle = np.diff(hazard), (hazard[:-1] + hazard[1:]) / 2
    times = (steps[:-1] + steps[1:]) / 2
    inside = np.clip((end - times) / accrual, 0, 1) if accrual > 0 else np.ones_like(times)
    alive = inside * np.exp(-hazard_ratio * middle) * growth  # still followed and event-free, by dH0
    p0, p1 = float(alive.sum()), float(hazard_ratio * alive.sum())
    p00, p01 = float((middle * alive).sum()), float(hazard_ratio * (middle * alive).sum())
    if p0 < _LEAST:
        raise ValueError(
            f"reference: {curve.name} expects no event up to {end:g}, so no number of patients shows fewer"
        )
    mean = p1 - p0
    spread = math.sqrt(p1 - p1**2 + 2 * p00 - p0**2 - 2 * p01 + 2 * p0 * p1)
    null = math.sqrt((p1 + p0) / 2)
    if n is None:
        n = math.ceil(((null * float(ndtri(1 - alpha)) + spread * float(ndtri(power))) / mean) ** 2)
    reached = float(ndtr((math.sqrt(n) * -mean - null * float(ndtri(1 - alpha))) / spread))
    return OneSampleSize(n, reached, n * p1, n * p0, hazard_ratio, alpha, accrual, follow_up, curve.name)

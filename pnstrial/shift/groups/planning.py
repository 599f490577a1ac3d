"""How many patients does a shift analysis need, and what power does it have?

Input: expected probabilities of the grades, the effect, error levels.
Output: `TwoGroupSize`, power.
Protocol section: design.
Method: Whitehead for proportional odds, O'Brien and Castelloe for the generalised odds ratio, U-statistics for
win odds and win ratio; simulation through the same kernels as the analysis.
Next: `shift.markov`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Result
from pnstrial.shift.models.ordinal import check_probabilities

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "SimulatedPower",
    "TwoGroupSize",
    "generalized_odds_power",
    "generalized_odds_sample_size",
    "po_power",
    "po_sample_size",
    "simulated_power",
    "win_odds_power",
    "win_odds_sample_size",
    "win_ratio_sample_size",
]


@dataclass(frozen=True)
class TwoGroupSize(Result):
    """How many patients a comparison of two groups needs.

    Attributes
    ----------
    n : int
        Patients in all, the next whole number.
    n_exact : float
        What the formula gives.
    power, alpha : float
        As requested; alpha is two-sided.
    effect : float
        The effect to show; `quantity` says of what.
    fraction : float
        Share of the patients in one of the groups.
    quantity, method : str
    """

    n: int
    n_exact: float
    power: float
    alpha: float
    effect: float
    fraction: float
    quantity: str
    method: str


def _size(
    exact: float, power: float, alpha: float, effect: float, fraction: float, quantity: str, method: str
) -> TwoGroupSize:
    # a number that is whole but for rounding is not rounded up
    return TwoGroupSize(
        math.ceil(exact * (1.0 - 1e-12)), exact, power, alpha, effect, fraction, quantity, method
    )


def po_sample_size(
    p: ArrayLike, odds_ratio: float, alpha: float = 0.05, power: float = 0.8, fraction: float = 0.5
) -> TwoGroupSize:
    """Give the number of patients for a common odds ratio.

    Parameters
    ----------
    p : array-like of float
        Probability of each grade, averaged over the two groups; sums to 1.
    odds_ratio : float
        Common odds ratio to detect.
    alpha : float, default 0.05
        Two-sided error of the first kind.
    power : float, default 0.8
        Power.
    fraction : float, default 0.5
        Share of the patients in one of the groups.

    Returns
    -------
    TwoGroupSize
        Patients in all, `n`; not rounded, `n_exact`.

    Raises
    ------
    ValueError
        If the probabilities do not sum to 1, the odds ratio is not over 0 or is 1, or another number lies
        outside (0, 1).

    Notes
    -----
    n = 3 (A + 1)^2 (z_alpha + z_power)^2 / (A (log OR)^2 (1 - sum p^3)), A the allocation ratio [1]_.
    Equal to Hmisc's `posamsize`.

    References
    ----------
    .. [1] Whitehead J. Stat Med 1993;12:2257-2271, eq. 6.

    Examples
    --------
    >>> size = po_sample_size([0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216], 1.66)
    >>> size.n, round(size.n_exact, 1)
    (382, 382.0)
    """
    check_signature(po_sample_size, locals())
    from scipy.special import ndtri

    caller = "po_sample_size"
    shares = check_probabilities(caller, "p", p)
    Checks(caller).positive("odds_ratio", odds_ratio).share("fraction", fraction).done()
    _check_power(caller, power, alpha)
    ratio = float(odds_ratio)
    if ratio == 1.0:
        raise ValueError(f"{caller}: odds_ratio = 1 is no effect; no number of patients shows it")
    spread = 1.0 - float((shares**3).sum())
    if spread <= 0.0:
        raise ValueError(f"{caller}: p = {shares.tolist()} puts all patients on one grade")
    allocation = (1.0 - fraction) / fraction
    z = float(-ndtri(alpha / 2.0) + ndtri(power))
    exact = 3.0 * (allocation + 1.0) ** 2 * z**2 / (allocation * float(np.log(ratio)) ** 2 * spread)
    return _size(exact, power, alpha, ratio, fraction, "common odds ratio", "Whitehead 1993")


def _check_power(caller: str, power: float, alpha: float) -> None:
    """Require a power that a trial without patients does not have already."""
    Checks(caller).share("power", power).share("alpha", alpha).done()
    if power <= alpha / 2.0:
        raise ValueError(
            f"{caller}: power = {power!r} must be above alpha / 2 = {alpha / 2.0:g}; a trial without patients has that"
        )


def po_power(
    p: ArrayLike,
    odds_ratio: float,
    n: float,
    alpha: float = 0.05,
    fraction: float = 0.5,
    *,
    both_tails: bool = False,
) -> float:
    """Give the power to show a common odds ratio.

    Parameters
    ----------
    p : array-like of float
        Probability of each grade, averaged over the two groups; sums to 1.
    odds_ratio : float
        True common odds ratio.
    n : float
        Patients in all.
    alpha : float, default 0.05
        Two-sided error of the first kind.
    fraction : float, default 0.5
        Share of the patients in one of the groups.
    both_tails : bool, default False
        Count rejections in the wrong direction too.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the probabilities do not sum to 1, the odds ratio or n is not over 0, or a share lies outside (0, 1).

    Notes
    -----
    Whitehead (1993), p. 2260; by default equal to Hmisc's `popower`, which counts only rejections in the
    direction of the effect: at an odds ratio of 1 it gives alpha / 2. `both_tails` gives the size of the
    two-sided test there, alpha.

    Examples
    --------
    >>> p = [0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216]
    >>> round(po_power(p, 1.66, 500), 3), round(po_power(p, 1.0, 500, both_tails=True), 3)
    (0.892, 0.05)
    """
    check_signature(po_power, locals())
    from scipy.special import ndtr, ndtri

    caller = "po_power"
    shares = check_probabilities(caller, "p", p)
    Checks(caller).positive("odds_ratio", odds_ratio).positive("n", n).done()
    ratio, size = float(odds_ratio), float(n)
    Checks(caller).share("alpha", alpha).done()
    Checks(caller).share("fraction", fraction).done()
    first = fraction * size
    information = first * (size - first) * size / 3.0 / (size + 1.0) ** 2 * (1.0 - float((shares**3).sum()))
    drift = abs(float(np.log(ratio))) * float(np.sqrt(information))
    z = float(-ndtri(alpha / 2.0))
    return float(ndtr(drift - z)) + (float(ndtr(-drift - z)) if both_tails else 0.0)


def _effect(p_treated: Array, p_control: Array, ties: str, weights: tuple[float, float]) -> Any:
    """Give the log odds for better and its standard errors at one patient: under the effect and under none."""
    from pnstrial.shift.groups.wins import influence_variance, win_influence

    both = np.stack([p_treated, p_control])
    # the standard error under no effect takes the plain average of the groups, as R's genodds does
    pooled = np.broadcast_to(0.5 * (p_treated + p_control), both.shape)
    size = np.array(weights)
    answers: list[float] = []
    log_odds = 0.0
    for table in (both, pooled):
        shares, _, won, lost, win, loss = win_influence(table)
        if ties == "split":
            middle = 0.5 + 0.5 * (win - loss)
            if table is both:
                log_odds = float(np.log(middle / (1.0 - middle)))
            values = 0.5 * (won - lost) / (middle * (1.0 - middle))
        else:
            if table is both:
                log_odds = float(np.log(win / loss))
            values = won / win - lost / loss
        answers.append(float(np.sqrt(influence_variance(shares, size, values))))
    return log_odds, answers[0], answers[1]


def _two_groups(caller: str, p_treated: ArrayLike, p_control: ArrayLike, ties: str, fraction: float) -> Any:
    ours = check_probabilities(caller, "p_treated", p_treated)
    theirs = check_probabilities(caller, "p_control", p_control)
    if ours.size != theirs.size:
        raise ValueError(f"{caller}: p_treated has {ours.size} grades, p_control {theirs.size}")
    Checks(caller).word("ties", ties, ("split", "drop")).done()
    Checks(caller).share("fraction", fraction).done()
    wins = float((ours * (1.0 - np.cumsum(theirs))).sum())
    losses = float((theirs * (1.0 - np.cumsum(ours))).sum())
    if min(wins, losses) < 1e-12:
        raise ValueError(
            f"{caller}: p_treated and p_control do not overlap; there is no finite odds ratio to plan for"
        )
    return _effect(ours, theirs, ties, (fraction, 1.0 - fraction))


def generalized_odds_power(
    p_treated: ArrayLike,
    p_control: ArrayLike,
    n: float,
    alpha: float = 0.05,
    ties: str = "split",
    fraction: float = 0.5,
    alternative: str = "two-sided",
) -> float:
    """Give the power of the test of the generalised odds ratio.

    Parameters
    ----------
    p_treated, p_control : array-like of float
        Probability of each grade in either group, best grade first.
    n : float
        Patients in all.
    alpha : float, default 0.05
        Error of the first kind.
    ties : {"split", "drop"}
        As `generalized_odds_ratio`.
    fraction : float, default 0.5
        Share of the patients in the treated group.
    alternative : {"two-sided", "better", "worse"}
        Direction for the treated group.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If probabilities do not sum to 1, a number lies outside its range, or a word is unknown.

    Notes
    -----
    O'Brien and Castelloe (SAS Users Group 31, 2006, paper 209): the log odds are normal, with one standard
    error under the effect and another under none. Equal to R's `genodds.power`.

    Examples
    --------
    >>> from pnstrial.shift import shift_distribution
    >>> p0 = [0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216]
    >>> round(generalized_odds_power(shift_distribution(p0, 1.66), p0, 200, fraction=2 / 3), 3)
    0.482
    """
    check_signature(generalized_odds_power, locals())
    from scipy.special import ndtr, ndtri

    caller = "generalized_odds_power"
    log_odds, se, se_null = _two_groups(caller, p_treated, p_control, ties, fraction)
    Checks(caller).positive("n", n).done()
    root = float(np.sqrt(n))
    Checks(caller).share("alpha", alpha).done()
    Checks(caller).word("alternative", alternative, ("two-sided", "better", "worse")).done()
    z = float(-ndtri(alpha / (2.0 if alternative == "two-sided" else 1.0)))
    better = float(ndtr((log_odds * root - z * se_null) / se))
    worse = float(ndtr((-log_odds * root - z * se_null) / se))
    return {"better": better, "worse": worse}.get(alternative, better + worse)


def generalized_odds_sample_size(
    p_treated: ArrayLike,
    p_control: ArrayLike,
    power: float = 0.8,
    alpha: float = 0.05,
    ties: str = "split",
    fraction: float = 0.5,
) -> TwoGroupSize:
    """Give the least number of patients for the two-sided test of the generalised odds ratio.

    Parameters
    ----------
    p_treated, p_control : array-like of float
        Probability of each grade in either group, best grade first.
    power, alpha, ties, fraction
        As `generalized_odds_power`.

    Returns
    -------
    TwoGroupSize
        Patients in all, `n`, found by search.

    Raises
    ------
    ValueError
        If probabilities do not sum to 1, a number lies outside its range, or the groups do not differ.

    Examples
    --------
    >>> from pnstrial.shift import shift_distribution
    >>> p0 = [0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216]
    >>> generalized_odds_sample_size(shift_distribution(p0, 1.66), p0, fraction=2 / 3).n
    431
    """
    check_signature(generalized_odds_sample_size, locals())
    caller = "generalized_odds_sample_size"
    log_odds, _, _ = _two_groups(caller, p_treated, p_control, ties, fraction)
    _check_power(caller, power, alpha)
    if abs(log_odds) < 1e-9:
        raise ValueError(
            f"{caller}: p_treated and p_control have a generalised odds ratio of 1; no number shows it"
        )

    def reached(size: int) -> bool:
        return generalized_odds_power(p_treated, p_control, size, alpha, ties, fraction) >= power

    high = 2
    while not reached(high):
        high *= 2
    below = high // 2
    least = below + 1 + bisect_left(range(below + 1, high), True, key=reached)
    return _size(
        float(least), power, alpha, float(np.exp(log_odds)), fraction, "generalised odds ratio",
        "O'Brien and Castelloe 2006",
    )  # fmt: skip


def win_odds_power(
    p_treated: ArrayLike, p_control: ArrayLike, n: float, alpha: float = 0.05, fraction: float = 0.5
) -> float:
    """Give the power of the two-sided test of the win odds.

    Parameters
    ----------
    p_treated, p_control : array-like of float
        Probability of each grade in either group, best grade first.
    n : float
        Patients in all.
    alpha, fraction
        As `generalized_odds_power`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `generalized_odds_power`.

    Notes
    -----
    Wald test on the log scale with the variance under the effect, as `win_statistics` reports it.

    Examples
    --------
    >>> from pnstrial.shift import shift_distribution
    >>> p0 = [0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216]
    >>> round(win_odds_power(shift_distribution(p0, 1.66), p0, 500), 2)
    0.89
    """
    check_signature(win_odds_power, locals())
    from scipy.special import ndtr, ndtri

    log_odds, se, _ = _two_groups("win_odds_power", p_treated, p_control, "split", fraction)
    Checks("win_odds_power").positive("n", n).share("alpha", alpha).done()
    drift = abs(log_odds) * float(np.sqrt(n)) / se
    z = float(-ndtri(alpha / 2.0))
    return float(ndtr(drift - z) + ndtr(-drift - z))


def win_odds_sample_size(
    p_treated: ArrayLike, p_control: ArrayLike, power: float = 0.8, alpha: float = 0.05, fraction: float = 0.5
) -> TwoGroupSize:
    """Give the number of patients for the two-sided test of the win odds.

    Parameters
    ----------
    p_treated, p_control : array-like of float
        Probability of each grade in either group, best grade first.
    power, alpha, fraction
        As `win_odds_power`.

    Returns
    -------
    TwoGroupSize
        Patients in all, `n`; not rounded, `n_exact`.

    Raises
    ------
    ValueError
        As `generalized_odds_sample_size`.

    Notes
    -----
    n = (z_alpha + z_power)^2 var / (log win odds)^2 (Gasparyan et al., J Biopharm Stat 2021;31:765, section 3).

    Examples
    --------
    >>> from pnstrial.shift import shift_distribution
    >>> p0 = [0.014, 0.072, 0.168, 0.174, 0.266, 0.09, 0.216]
    >>> win_odds_sample_size(shift_distribution(p0, 1.66), p0).n
    389
    """
    check_signature(win_odds_sample_size, locals())
    from scipy.special import ndtri

    caller = "win_odds_sample_size"
    log_odds, se, _ = _two_groups(caller, p_treated, p_control, "split", fraction)
    if abs(log_odds) < 1e-9:
        raise ValueError(f"{caller}: p_treated and p_control have win odds of 1; no number shows it")
    _check_power(caller, power, alpha)
    z = float(ndtri(power) - ndtri(alpha / 2.0))
    return _size(
        (z * se / log_odds) ** 2, power, alpha, float(np.exp(log_odds)), fraction, "win odds",
        "Gasparyan and others 2021",
    )  # fmt: skip


def win_ratio_sample_size(
    win_ratio: float, ties: float, power: float = 0.9, alpha: float = 0.05, fraction: float = 0.5
) -> TwoGroupSize:
    """Give the number of patients for a win ratio.

    Parameters
    ----------
    win_ratio : float
        Win ratio to detect.
    ties : float
        Share of tied pairs, 0 to below 1.
    power, alpha, fraction
        As `win_odds_power`.

    Returns
    -------
    TwoGroupSize
        Patients in all, `n`; not rounded, `n_exact`.

    Raises
    ------
    ValueError
        If a number lies outside its range, or the win ratio is 1.

    Notes
    -----
    Yu and Ganju, Stat Med 2022;41:950, eq. 3: var(log win ratio) = 4 (1 + ties) / (3 k (1 - k) (1 - ties)) / n.

    Examples
    --------
    >>> win_ratio_sample_size(1.5, 0.25).n
    569
    """
    check_signature(win_ratio_sample_size, locals())
    from scipy.special import ndtri

    caller = "win_ratio_sample_size"
    Checks(caller).positive("win_ratio", win_ratio).share("fraction", fraction).rate("ties", ties).done()
    ratio = float(win_ratio)
    if ratio == 1.0:
        raise ValueError(f"{caller}: win_ratio = 1 is no effect; no number of patients shows it")
    if not 0.0 <= ties < 1.0:
        raise ValueError(f"{caller}: ties = {ties!r} must be a share from 0 to below 1")
    variance = 4.0 * (1.0 + ties) / (3.0 * fraction * (1.0 - fraction) * (1.0 - ties))
    _check_power(caller, power, alpha)
    z = float(ndtri(power) - ndtri(alpha / 2.0))
    exact = variance * z**2 / float(np.log(ratio)) ** 2
    return _size(exact, power, alpha, ratio, fraction, "win ratio", "Yu and Ganju 2022")


@dataclass(frozen=True)
class SimulatedPower(Result):
    """Power of the tests of a shift, by simulation.

    Attributes
    ----------
    likelihood_ratio, score, wald : float
        Share of trials that each test rejects, in either direction; a separated trial, which has no Wald test,
        is judged by its likelihood ratio in all three.
    monte_carlo_error : float
        Largest standard error of the three.
    median_odds_ratio : float or NotEstimable
        Median estimated odds ratio; not estimable if separated trials reach the middle.
    separated : float
        Share of trials without a finite estimate.
    n_trials, n_treated, n_control : int
        Trials, and patients in each.
    alpha : float
        Error of the first kind.
    seed : int
        Seed.
    """

    likelihood_ratio: float
    score: float
    wald: float
    monte_carlo_error: float
    median_odds_ratio: float | NotEstimable
    separated: float
    n_trials: int
    n_treated: int
    n_control: int
    alpha: float
    seed: int

    @property
    def estimate(self) -> float:
        """Power of the likelihood-ratio test."""
        return self.likelihood_ratio

    @property
    def n(self) -> int:
        """Patients in both groups."""
        return self.n_treated + self.n_control


def simulated_power(
    p_treated: ArrayLike,
    p_control: ArrayLike,
    n_treated: int,
    n_control: int,
    n_trials: int = 10_000,
    seed: int = 1,
    alpha: float = 0.05,
) -> SimulatedPower:
    """Simulate trials of two groups and fit each.

    Parameters
    ----------
    p_treated, p_control : array-like of float
        Probability of each grade in either group, best grade first.
    n_treated, n_control : int
        Patients a group.
    n_trials : int, default 10000
        Trials.
    seed : int
        Seed.
    alpha : float, default 0.05
        Two-sided error of the first kind.

    Returns
    -------
    SimulatedPower

    Raises
    ------
    ValueError
        If probabilities do not sum to 1, or a number is not over 0.

    Examples
    --------
    >>> p0 = [0.02, 0.06, 0.12, 0.25, 0.3, 0.15, 0.1]
    >>> simulated_power(p0, p0, 100, 100, 2000, seed=1).separated
    0.0
    """
    check_signature(simulated_power, locals())
    from pnstrial.shift.models.ordinal import common_odds_ratios

    caller = "simulated_power"
    ours = check_probabilities(caller, "p_treated", p_treated)
    theirs = check_probabilities(caller, "p_control", p_control)
    checks = Checks(caller).share("alpha", alpha).count("n_treated", n_treated, 1)
    checks.count("n_control", n_control, 1).count("n_trials", n_trials, 1).done()
    Checks("simulated_power").seed("seed", seed).done()
    n_treated, n_control, n_trials, seed = int(n_treated), int(n_control), int(n_trials), int(seed)
    rng = np.random.default_rng(seed)
    counts = np.stack(
        [
            rng.multinomial(n_treated, ours / ours.sum(), n_trials),
            rng.multinomial(n_control, theirs / theirs.sum(), n_trials),
        ],
        axis=1,
    )
    fits = common_odds_ratios(counts, profile=False)
    rates = [float((p < alpha).mean()) for p in (fits.p_value_lr, fits.p_value_score, fits.p_value_wald)]
    middle = float(np.median(fits.log_odds_ratio))
    return SimulatedPower(
        likelihood_ratio=rates[0], score=rates[1], wald=rates[2],
        monte_carlo_error=max(float(np.sqrt(rate * (1 - rate) / n_trials)) for rate in rates),
        median_odds_ratio=float(np.exp(middle)) if np.isfinite(middle) else NotEstimable("half are separated"),
        separated=float(fits.separated.mean()), n_trials=n_trials, n_treated=n_treated, n_control=n_control,
        alpha=alpha, seed=seed,
    )  # fmt: skip

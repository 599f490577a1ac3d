"""Does a covariate change the rate of an event that is only known to lie between two visits?

Input: intervals as for `turnbull`, and covariates.
Output: `IntervalCox`: log hazard ratios without any assumption on the baseline, with likelihood-ratio intervals.
Protocol section: none.
Method: Finkelstein, Biometrics 1986;42:845; the baseline hazard of each Turnbull interval is maximised out,
and the profile likelihood gives tests and limits (Murphy and van der Vaart, J Am Stat Assoc 2000;95:449).
Next: `interval_trial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.newton import maximise
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import cross
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.interval.turnbull import read_intervals, support_of
from pnstrial.survival.observations import check_level
from pnstrial.survival.parametric.fit import read_covariates

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["IntervalCox", "interval_cox"]

STEPS: Final = 100
# Information per standard deviation of a covariate, below which its coefficient is on the way to infinity.
FLAT: Final = 1e-4
# Stands for a log-likelihood of minus infinity where a root is sought.
OUT_OF_REACH: Final = -1e9


@dataclass(frozen=True, eq=False)
class IntervalCox(Result):
    """Proportional hazards fitted to interval-censored times.

    `estimate` and `ci` are those of the hazard ratio of the first covariate.

    Attributes
    ----------
    names : tuple of str
        Covariates.
    coefficient : numpy.ndarray or NotEstimable, shape (q,)
        Log hazard ratios; NotEstimable where the likelihood has no maximum.
    lower, upper : tuple of float or NotEstimable, length q
        Limits at which the profile likelihood has fallen by half the chi-squared quantile; NotEstimable where it never
        falls that far.
    p_value : tuple of float or NotEstimable, length q
        Likelihood-ratio test of each coefficient.
    loglik : float or NotEstimable
        With the covariates; where the coefficients make no difference to it, it is still given.
    loglik_null : float
        Without the covariates: that of `turnbull`.
    n : float
    level : float
    """

    names: tuple[str, ...]
    coefficient: NDArray[np.float64] | NotEstimable
    lower: tuple[float | NotEstimable, ...] | NotEstimable
    upper: tuple[float | NotEstimable, ...] | NotEstimable
    p_value: tuple[float, ...] | NotEstimable
    loglik: float | NotEstimable
    loglik_null: float
    n: float
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per covariate.

        Returns
        -------
        pandas.DataFrame
            covariate, coefficient, hazard_ratio, lower, upper (of the hazard ratio), coefficient_lower,
            coefficient_upper, p_value; NaN and a column `reason` where a limit is not estimable, no rows where nothing
            is.
        """
        import pandas as pd

        columns = [
            "covariate", "coefficient", "hazard_ratio", "lower", "upper", "coefficient_lower", "coefficient_upper",
            "p_value",
        ]  # fmt: skip
        if isinstance(self.coefficient, NotEstimable):
            return pd.DataFrame(columns=columns)
        values = (
            self.names,
            self.coefficient,
            np.exp(self.coefficient),
            _ratios(self.lower),
            _ratios(self.upper),
            self.lower,
            self.upper,
            self.p_value,
        )
        return with_reasons(pd.DataFrame(dict(zip(columns, values, strict=True))))

    @property
    def estimate(self) -> float | NotEstimable:
        """Hazard ratio of the first covariate, which is the primary one: name the treatment first."""
        return (
            self.coefficient
            if isinstance(self.coefficient, NotEstimable)
            else float(np.exp(self.coefficient[0]))
        )

    @property
    def ci(self) -> tuple[float | NotEstimable, float | NotEstimable] | NotEstimable:
        """Limits of `estimate`, by the profile likelihood."""
        if isinstance(self.lower, NotEstimable) or isinstance(self.upper, NotEstimable):
            return self.lower if isinstance(self.lower, NotEstimable) else NotEstimable("there are no limits")
        return _ratios(self.lower)[0], _ratios(self.upper)[0]

    def _display(self) -> Display:
        head = f"Interval-censored proportional hazards, n = {self.n:g}"
        if isinstance(self.coefficient, NotEstimable):
            return Display(f"{head}: {self.coefficient}")
        return Display(head, (), self.to_frame())


def _ratios(logs: tuple[float | NotEstimable, ...] | NotEstimable) -> list[float | NotEstimable]:
    """Turn log hazard ratios into hazard ratios."""
    values = () if isinstance(logs, NotEstimable) else logs
    return [value if isinstance(value, NotEstimable) else float(np.exp(value)) for value in values]


class _Profile:
    """The log-likelihood with the baseline maximised out, for given coefficients."""

    def __init__(
        self,
        left: NDArray[np.float64],
        right: NDArray[np.float64],
        weights: NDArray[np.float64],
        covariates: NDArray[np.float64],
    ) -> None:
        support = support_of(left, right, weights)
        # Mass in the last interval is what the others leave: its cumulative hazard is infinite.
        self.size = support.left.size - 1
        columns = np.arange(self.size)
        first, last = support.first[support.rows], support.last[support.rows]
        self.before = (columns < first[:, None]).astype(np.float64)
        self.bounded = last <= self.size
        self.inside = ((first[:, None] <= columns) & (columns < last[:, None])).astype(np.float64)
        self.weights = weights
        self.covariates = covariates
        total = np.maximum(weights @ self.inside, 1e-3)
        self.hazard = total / weights.sum()

    def parts(
        self, hazard: NDArray[np.float64], slopes: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Value; per patient the derivatives in the hazard before and inside the interval; minus the second one."""
        ratio = np.exp(self.covariates @ slopes)
        u = np.where(self.bounded, ratio * (self.inside @ hazard), 1.0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            value = float(
                self.weights @ (-ratio * (self.before @ hazard) + self.bounded * np.log(-np.expm1(-u)))
            )
            odds = np.expm1(u)
            slope = np.where(self.bounded, self.weights * ratio / odds, 0.0)
            curve = np.where(self.bounded, self.weights * ratio**2 * (1.0 / odds) * (1.0 + 1.0 / odds), 0.0)
        return value, -self.weights * ratio, slope, curve

    def baseline(
        self, slopes: NDArray[np.float64], start: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """Maximise over the baseline: constrained Newton steps, hazards not negative."""

        def seen(hazard: NDArray[np.float64]) -> tuple[Any, ...] | None:
            value, down, slope, curve = self.parts(hazard, slopes)
            if not np.isfinite(value):
                return None
            gradient = down @ self.before + slope @ self.inside
            return value, gradient, (self.inside * curve[:, None]).T @ self.inside

        found = maximise(
            seen, start, step=_not_negative, longest=np.inf, limit=STEPS,
            stop=lambda _taken, _hazard, here, move: float(here[1] @ move) <= 1e-14 * (1.0 + abs(here[0])),
        )  # fmt: skip
        return (OUT_OF_REACH if found.ending == "outside" else found.value), found.point

    def slope_and_information(
        self, hazard: NDArray[np.float64], slopes: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradient and information of the profile in the coefficients, on the intervals that carry hazard."""
        _, down, slope, curve = self.parts(hazard, slopes)
        kept = hazard > 1e-14 * hazard.max()
        earlier, within = self.before @ hazard, self.inside @ hazard
        score = down * earlier + slope * within
        gradient = score @ self.covariates
        # d(score)/d(log ratio) per patient, and the mixed derivatives with each hazard.
        bend = score - curve * within**2
        second = (self.covariates * bend[:, None]).T @ self.covariates
        mixed = self.covariates.T @ (
            down[:, None] * self.before + (slope - curve * within)[:, None] * self.inside
        )
        inner = (self.inside * curve[:, None]).T @ self.inside
        mixed, inner = mixed[:, kept], inner[np.ix_(kept, kept)]
        return gradient, -second - mixed @ np.linalg.lstsq(inner, mixed.T, rcond=None)[0]

    def climb(
        self, free: NDArray[np.int64], start: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]] | None:
        """Maximise over the free coefficients, the others held; None if there is no maximum."""
        hazard = self.hazard

        def seen(slopes: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
            nonlocal hazard
            value, found = self.baseline(slopes, np.maximum(hazard, 1e-12))
            if value > OUT_OF_REACH:
                hazard = found
            return value, *self.slope_and_information(found, slopes)

        def lost(_taken: int, slopes: NDArray[np.float64], here: tuple[Any, ...], _move: object) -> bool:
            # Where the information has all but gone, the likelihood rises towards infinite coefficients.
            far = float(np.abs(slopes).max()) > 5.0
            return far and float(np.linalg.eigvalsh(here[2][np.ix_(free, free)])[0]) < FLAT

        found = maximise(seen, start, free=free, longest=2.0, stop=lost, limit=STEPS, tolerance=1e-9)
        return (found.value, found.point) if found.reached else None


def _not_negative(
    hazard: NDArray[np.float64], gradient: NDArray[np.float64], information: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Step to the top of the quadratic model among hazards that are not negative."""
    from scipy.optimize import nnls

    size = information.diagonal()
    if not np.isfinite(size).all():
        return None
    scale = 1.0 / np.sqrt(np.maximum(size, 1e-12 * max(float(size.max()), 1e-200)))
    scaled = information * scale[:, None] * scale + 1e-11 * np.eye(size.size)
    root = np.linalg.cholesky(scaled).T
    # The model has its top at root @ q = target, q the hazard over its scale.
    target = np.linalg.solve(root.T, scale * gradient + scaled @ (hazard / scale))
    return np.asarray(nnls(root, target)[0] * scale - hazard)


def _limit(
    profile: _Profile, k: int, best: NDArray[np.float64], floor: float, sign: float, unit: float
) -> float | NotEstimable:
    """Where the profile of one coefficient falls to the floor."""
    free = np.delete(np.arange(best.size), k)

    def excess(shift: float) -> float:
        held = best.copy()
        held[k] += sign * shift
        if free.size:
            found = profile.climb(free, held)
            return OUT_OF_REACH if found is None else found[0] - floor
        return profile.baseline(held, profile.hazard)[0] - floor

    far, lost = 0.5, NotEstimable("the profile likelihood of the other coefficients has no maximum")
    while (height := excess(far)) > 0:
        far *= 2.0
        if far > 64.0:
            return NotEstimable("the profile likelihood never falls far enough")
    if excess(0.0) <= 0.0 or height <= 0.5 * OUT_OF_REACH:
        return lost
    return float(best[k] + sign * cross(lambda shift: -excess(shift), 0.0, 0.0, far, 1e-10)) / unit


def interval_cox(
    left: ArrayLike | str,
    right: ArrayLike | str,
    covariates: Any,
    weights: ArrayLike | str | None = None,
    level: float = 0.95,
    *,
    data: Any = None,
    unit: str | None = None,
) -> IntervalCox:
    """Fit proportional hazards to interval-censored times without assuming a baseline.

    Parameters
    ----------
    left, right : array_like, shape (n,)
        The event is in (left, right], at left where both are equal; right is inf where it was never seen. With `data`,
        here and below, names of columns.
    covariates : DataFrame, mapping or array_like, shape (n, q)
        With `data` names of columns or a formula, as in `cox`.
    weights : array_like, shape (n,), optional
    level : float
        Confidence level.
    data : pandas.DataFrame or mapping, optional
        Table of the columns that are named.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit in which durations (Timedelta) are counted.

    Returns
    -------
    IntervalCox

    Raises
    ------
    ValueError
        If an argument is outside what is possible: names the argument, the position and the value.

    Notes
    -----
    S(t | x) = S0(t)^exp(bx), Finkelstein, Biometrics 1986;42:845; equal to icenReg's ic_sp, which takes its
    standard errors from a bootstrap; here limits and tests come from the profile likelihood. Exact times count as
    intervals without length. Where a covariate separates those with early and late events there is no estimate.

    Examples
    --------
    >>> left, right = [0, 4, 4, 8, 8, 0, 0], [4, 8, 12, 12, float("inf"), 8, 12]
    >>> fit = interval_cox(left, right, {"group": [1, 0, 1, 0, 1, 1, 0]})
    >>> fit.coefficient.round(3), round(fit.loglik, 4)
    (array([0.562]), -4.9534)
    """
    check_signature(interval_cox, locals())
    from scipy.special import chdtrc

    check_level(level)
    lows, highs, loads, kept = read_intervals(left, right, weights, data=data, unit=unit)
    names, values = read_covariates(covariates, kept.size, data)
    if not names:
        raise ValueError("covariates has no column; without covariates use turnbull")
    values = values[kept]
    n, q = float(loads.sum()), len(names)
    # Centred and scaled, a coefficient of 5 is large for any covariate.
    flat = [name for name, column in zip(names, values.T, strict=True) if np.ptp(column) == 0.0]
    values = values - np.average(values, axis=0, weights=loads)
    spread = np.where(np.ptp(values, axis=0) > 0.0, np.std(values, axis=0), 1.0)
    profile = _Profile(lows, highs, loads, values / spread)
    if profile.size == 0:
        return _nothing(
            names,
            "one stretch of time fits every patient: nothing tells their rates apart",
            0.0,
            0.0,
            n,
            level,
        )
    null = profile.baseline(np.zeros(q), profile.hazard)[0]
    if flat:
        return _nothing(names, f"{', '.join(flat)} is the same for every patient", null, null, n, level)
    found = profile.climb(np.arange(q), np.zeros(q))
    if found is None:
        reason = "the covariates are collinear or separate early from late events: a coefficient has no finite estimate"
        return _nothing(names, reason, NotEstimable(reason), null, n, level)
    loglik, slopes = found
    floor = loglik - 0.5 * normal_quantile(level) ** 2
    limits = [
        tuple(_limit(profile, k, slopes, floor, sign, float(spread[k])) for k in range(q))
        for sign in (-1.0, 1.0)
    ]
    tests: list[float] = []
    for k in range(q):
        held = slopes.copy()
        held[k] = 0.0
        without = profile.climb(np.delete(np.arange(q), k), held) if q > 1 else (null, held)
        statistic = 2.0 * (loglik - (null if without is None else without[0]))
        tests.append(float(chdtrc(1.0, max(statistic, 0.0))))
    return IntervalCox(names, slopes / spread, limits[0], limits[1], tuple(tests), loglik, null, n, level)


def _nothing(
    names: tuple[str, ...],
    reason: str,
    loglik: float | NotEstimable,
    null: float,
    n: float,
    level: float,
) -> IntervalCox:
    why = NotEstimable(reason)
    return IntervalCox(names, why, why, why, why, loglik, null, n, level)

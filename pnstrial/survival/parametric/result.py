"""What does a fitted curve say: survival, hazard, quantiles, means, at any time?

Input: made by `parametric.fit`.
Output: `ParametricSurvival`, and `ParametricEstimate` for the numbers read off it.
Protocol section: none.
Method: delta method on the scale on which each quantity is unbounded; areas by double exponential quadrature
(Takahasi and Mori, Publ RIMS 1974;9:721).
Next: `interval_censored`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.numerics.derivatives import Jet, parameters
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import cross
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.curves.curve import Quantile
from pnstrial.survival.observations import check_times
from pnstrial.survival.parametric.distributions import mean_of
from pnstrial.survival.parametric.likelihood import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.survival.parametric.distributions import Distribution
    from pnstrial.survival.parametric.likelihood import Sample

__all__ = ["ParametricEstimate", "ParametricSurvival"]

SURVREG: Final = ("exponential", "weibull", "lognormal", "loglogistic")


@dataclass(frozen=True)
class ParametricEstimate(Result):
    """A number read off a fitted curve.

    Parameters
    ----------
    quantity : str
        "restricted mean survival time" or "mean survival time".
    estimate : float
    std_error : float
        By the delta method.
    ci : tuple of float
    level : float
    """

    quantity: str
    estimate: float
    std_error: float
    ci: tuple[float, float]
    level: float


@dataclass(frozen=True, eq=False)
class ParametricSurvival(Result):
    """A distribution fitted to survival times.

    Attributes
    ----------
    distribution : str
    names : tuple of str
        Parameters, then covariates.
    estimate, std_error : numpy.ndarray or NotEstimable, shape (p,)
        Of the named parameters and the coefficients. NotEstimable where the likelihood has no maximum.
    fitted : numpy.ndarray or NotEstimable, shape (p,)
        The same on the scale they are fitted on: the logarithm of parameters that must be positive.
    covariance : numpy.ndarray or NotEstimable, shape (p, p)
        Of `fitted`: the inverse of the observed information.
    loglik, aic, bic : float or NotEstimable
        BIC counts patients (sum of the weights).
    n, events : float
        Patients and events (sums of weights, where there are weights); an event known to an interval counts.
    level : float
    model : str
        How covariates act: "location" (on the parameter `Distribution.location`), "ph", "po" or "aft".
    centre : numpy.ndarray, shape (q,)
        Covariate values of the patient whom the parameters describe; 0 unless the fit was centred.
    family : Distribution
    notes : tuple of str
        What to bear in mind: a peak of the likelihood that is not its highest point.
    sample : Sample or None
        What it was fitted to; covariates less `centre`.
    """

    distribution: str
    names: tuple[str, ...]
    estimate: NDArray[np.float64] | NotEstimable
    std_error: NDArray[np.float64] | NotEstimable
    fitted: NDArray[np.float64] | NotEstimable
    covariance: NDArray[np.float64] | NotEstimable
    loglik: float | NotEstimable
    aic: float | NotEstimable
    bic: float | NotEstimable
    n: float
    events: float
    level: float
    model: str
    centre: NDArray[np.float64]
    family: Distribution = field(repr=False)
    notes: tuple[str, ...] = ()
    sample: Sample | None = field(default=None, repr=False)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return self.names[len(self.family.names) :]

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates.

        Returns
        -------
        pandas.DataFrame
            parameter, estimate, std_error, lower, upper; no rows where nothing is estimable. Limits are symmetric on
            the scale the parameter is fitted on; None where one exceeds any number.
        """
        import pandas as pd

        columns = ["parameter", "estimate", "std_error", "lower", "upper"]
        if isinstance(self.fitted, NotEstimable) or isinstance(self.covariance, NotEstimable):
            return pd.DataFrame(columns=columns)
        half = normal_quantile(self.level) * np.sqrt(np.diag(self.covariance))
        limits = [self._natural(self.fitted + sign * half) for sign in (-1.0, 1.0)]
        values = (self.names, self.estimate, self.std_error, *limits)
        return _bounded(pd.DataFrame(dict(zip(columns, values, strict=True))))

    def _natural(self, fitted: NDArray[np.float64]) -> NDArray[np.float64]:
        size = len(self.family.names)
        return np.concatenate([self.family.natural(fitted[:size]), fitted[size:]])

    def _given(self, given: Mapping[str, float] | None) -> NDArray[np.float64]:
        names = self.covariates
        values = {} if given is None else dict(given)
        missing = [name for name in names if name not in values]
        unknown = [name for name in values if name not in names]
        if missing or unknown:
            raise ValueError(
                f"given must have a value for each covariate ({', '.join(names) or 'there are none'}): "
                + "; ".join(
                    [f"{name} is missing" for name in missing] + [f"{name} is none" for name in unknown]
                )
            )
        return np.array([float(values[name]) for name in names]) - self.centre

    def _read(
        self, times: NDArray[np.float64], values: NDArray[np.float64]
    ) -> tuple[Jet, Jet, NDArray[np.float64]]:
        fitted, covariance = self._estimates_and_errors()
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            hazard, survival = evaluate(self.family, self.model, times, parameters(fitted), values)
        return hazard, survival, covariance

    def _estimates_and_errors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return cast("NDArray[np.float64]", self.fitted), cast("NDArray[np.float64]", self.covariance)

    def _frame(
        self,
        times: NDArray[np.float64],
        name: str,
        log_value: Jet,
        covariance: NDArray[np.float64],
    ) -> pd.DataFrame:
        """Make a frame of a quantity from its logarithm (of a survival: the log of its cumulative hazard)."""
        import pandas as pd

        # So near 0 or so far out that the curve is 1 or 0 to all digits, it has no spread either.
        first = np.where(np.isfinite(log_value.first), log_value.first, 0.0)
        spread = np.sqrt(np.einsum("ni,ij,nj->n", first, covariance, first))
        half = normal_quantile(self.level) * spread
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            value, low, high = (np.exp(log_value.value + shift) for shift in (0.0, -half, half))
            error = value * spread
            if name == "survival":
                error = np.where(np.isfinite(value), np.exp(-value) * error, 0.0)
                value, low, high = np.exp(-value), np.exp(-high), np.exp(-low)
        if not np.all(np.isfinite(value)):
            places = ", ".join(f"{time:g}" for time in times[~np.isfinite(value)][:8])
            raise ValueError(
                f"times are so late that the {name} there exceeds any number: {places}; ask earlier"
            )
        columns = {"time": times, name: value, "std_error": error, "lower": low, "upper": high}
        return _bounded(pd.DataFrame(columns))

    def survival(
        self, times: ArrayLike, given: Mapping[str, float] | None = None
    ) -> pd.DataFrame | NotEstimable:
        """Probability of no event up to some times.

        Parameters
        ----------
        times : float or array_like, shape (k,)
        given : mapping of str to float, optional
            A value for each covariate, if there are covariates.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            time, survival, std_error, lower, upper; limits by the delta method on log(-log S).

        Raises
        ------
        ValueError
            If a time is negative or not finite, or a covariate has no value.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> parametric([1, 2, 3, 4], [1, 1, 0, 1], "exponential").survival([0, 2]).round(3)
           time  survival  std_error  lower  upper
        0   0.0     1.000       0.00  1.000  1.000
        1   2.0     0.549       0.19  0.156  0.824
        """
        check_signature(ParametricSurvival.survival, locals())
        requested, values = check_times(times), self._given(given)
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        late = requested > 0
        _, log_survival, covariance = self._read(np.where(late, requested, 1.0), values)
        frame = self._frame(requested, "survival", _log_of(-log_survival), covariance)
        frame.loc[~late, ["survival", "std_error", "lower", "upper"]] = [1.0, 0.0, 1.0, 1.0]
        return frame

    def hazard(
        self, times: ArrayLike, given: Mapping[str, float] | None = None
    ) -> pd.DataFrame | NotEstimable:
        """Rate of the event at some times, per unit of time.

        Parameters
        ----------
        times : float or array_like, shape (k,)
            After 0.
        given : mapping of str to float, optional
            A value for each covariate, if there are covariates.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            time, hazard, std_error, lower, upper; limits by the delta method on the log hazard.

        Raises
        ------
        ValueError
            If a time is not over 0 or not finite, or a covariate has no value.
        """
        check_signature(ParametricSurvival.hazard, locals())
        requested, values = _after_zero(times), self._given(given)
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        log_hazard, _, covariance = self._read(requested, values)
        return self._frame(requested, "hazard", log_hazard, covariance)

    def cumulative_hazard(
        self, times: ArrayLike, given: Mapping[str, float] | None = None
    ) -> pd.DataFrame | NotEstimable:
        """Cumulative hazard, -log of the survival, at some times.

        Parameters
        ----------
        times : float or array_like, shape (k,)
            After 0.
        given : mapping of str to float, optional
            A value for each covariate, if there are covariates.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            time, cumulative_hazard, std_error, lower, upper; limits on its logarithm.

        Raises
        ------
        ValueError
            If a time is not over 0 or not finite, or a covariate has no value.
        """
        check_signature(ParametricSurvival.cumulative_hazard, locals())
        requested, values = _after_zero(times), self._given(given)
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        _, log_survival, covariance = self._read(requested, values)
        return self._frame(requested, "cumulative_hazard", _log_of(-log_survival), covariance)

    def quantile(self, p: float = 0.5, given: Mapping[str, float] | None = None) -> Quantile | NotEstimable:
        """Time by which a share `p` has had the event.

        Parameters
        ----------
        p : float
            Share with the event, over 0 and under 1.
        given : mapping of str to float, optional
            A value for each covariate, if there are covariates.

        Returns
        -------
        Quantile or NotEstimable
            Its numbers are None where the curve never gets there (Gompertz with a negative shape), its upper limit
            also where that exceeds any number; limits by the delta method on the log time.

        Raises
        ------
        ValueError
            If p is not between 0 and 1, or a covariate has no value.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> round(parametric([1, 2, 3, 4], [1, 1, 0, 1], "exponential").quantile(0.5).estimate, 4)
        2.3105
        """
        check_signature(ParametricSurvival.quantile, locals())
        if not 0.0 < p < 1.0:
            raise ValueError(f"p must be between 0 and 1, the share with the event, got {p!r}")
        values = self._given(given)
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        fitted, covariance = self._estimates_and_errors()
        y = self._log_time(-np.log1p(-p), fitted, values)
        if y is None:
            return Quantile(None, None, None, p, "log", self.level)
        every = parameters(np.append(fitted, y))
        with np.errstate(over="ignore", under="ignore"):
            _, log_survival = evaluate(self.family, self.model, every[-1], every[:-1], values)
        slope = log_survival.first[0]
        shift = slope[:-1] / -slope[-1]
        half = normal_quantile(self.level) * float(np.sqrt(shift @ covariance @ shift))
        with np.errstate(over="ignore"):
            time, low, high = (float(np.exp(y + shift)) for shift in (0.0, -half, half))
        return Quantile(time, low, high if np.isfinite(high) else None, p, "log", self.level)

    def _log_time(
        self, wanted: float, fitted: NDArray[np.float64], values: NDArray[np.float64]
    ) -> float | None:
        """Log of the time at which the cumulative hazard is as wanted."""
        theta = parameters(fitted)

        def excess(y: float) -> float:
            log_survival = evaluate(self.family, self.model, np.array([np.exp(y)]), theta, values)[1]
            return float(np.log(-log_survival.value[0]) - np.log(wanted))

        with np.errstate(all="ignore"):
            low, high = -1.0, 1.0
            while excess(low) > 0 and low > -600:
                low *= 2.0
            while excess(high) < 0 and high < 600:
                high *= 2.0
            if not excess(high) >= 0 >= excess(low):
                return None
            return cross(lambda y: float(np.clip(excess(y), -1e6, 1e6)), 0.0, low, high)

    def rmst(self, tau: float, given: Mapping[str, float] | None = None) -> ParametricEstimate | NotEstimable:
        """Restricted mean survival time: the mean of the time up to tau, the area under the curve.

        Parameters
        ----------
        tau : float
            Over 0, in the unit of the data.
        given : mapping of str to float, optional
            A value for each covariate, if there are covariates.

        Returns
        -------
        ParametricEstimate or NotEstimable
            Limits by the delta method on the log odds of RMST / tau, so that they stay between 0 and tau.

        Raises
        ------
        ValueError
            If tau is not over 0 or not finite, or a covariate has no value.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> round(parametric([1, 2, 3, 4], [1, 1, 0, 1], "exponential").rmst(2.0).estimate, 4)
        1.504
        """
        check_signature(ParametricSurvival.rmst, locals())
        end, values = float(_after_zero(tau, "tau")[0]), self._given(given)
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        nodes, weights = _double_exponential()
        _, log_survival, covariance = self._read(end * nodes, values)
        # Where nobody is left, the area has no part, and derivatives of an infinite hazard have no value.
        alive = log_survival.value > -700.0
        share, slope, _ = log_survival.take(alive).exp().total(weights[alive])
        error = float(np.sqrt(slope @ covariance @ slope))
        half = normal_quantile(self.level) * error / (share * (1.0 - share)) if share < 1.0 else 0.0
        odds = np.log(share) - np.log1p(-share) if share < 1.0 else np.inf
        with np.errstate(over="ignore"):
            low, high = (float(end / (1.0 + np.exp(-(odds + sign * half)))) for sign in (-1.0, 1.0))
        return ParametricEstimate(
            "restricted mean survival time", end * share, end * error, (low, high), self.level
        )

    def mean(self) -> ParametricEstimate | NotEstimable:
        """Mean survival time without any horizon: an extrapolation; of fits without covariates.

        Returns
        -------
        ParametricEstimate or NotEstimable
            NotEstimable where the mean is infinite (log-logistic with shape up to 1, Gompertz with negative shape) or
            there are covariates; limits by the delta method on its logarithm.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> print(parametric([1, 2, 2, 3, 9], [1, 1, 1, 0, 0], "gompertz").mean())
        not estimable: the Gompertz shape is negative: a share of ... never has the event and the mean is infinite;
        give the RMST
        """
        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        if self.covariates:
            return NotEstimable("the mean is given for fits without covariates only; give the RMST")
        with np.errstate(over="ignore"):
            estimate = mean_of(self.family, self._estimates_and_errors()[0])
        if isinstance(estimate, NotEstimable):
            return estimate
        spread = self._spread_of_log_mean() if np.isfinite(estimate) else np.inf
        half = normal_quantile(self.level) * spread
        if not half < 500.0:
            return NotEstimable("the data do not bound the mean; give the RMST")
        ci = (float(estimate * np.exp(-half)), float(estimate * np.exp(half)))
        return ParametricEstimate("mean survival time", estimate, estimate * spread, ci, self.level)

    def _spread_of_log_mean(self) -> float:
        """Give the standard error of the log mean; inf next to where the mean is infinite."""
        fitted, covariance = self._estimates_and_errors()
        slope = np.zeros(fitted.size)
        for k in range(fitted.size):
            step = min(1e-4 * float(np.sqrt(covariance[k, k])), 1e-3)
            moved = (fitted + sign * step * np.eye(fitted.size)[k] for sign in (-1.0, 1.0))
            with np.errstate(over="ignore"):
                ends = [mean_of(self.family, point) for point in moved]
            logs = [float(np.log(end)) for end in ends if not isinstance(end, NotEstimable)]
            if len(logs) < 2:
                return np.inf
            slope[k] = (logs[1] - logs[0]) / (2.0 * step)
        return float(np.sqrt(slope @ covariance @ slope))

    @property
    def cure_fraction(self) -> float | NotEstimable:
        """Share that never has the event: over 0 only for a Gompertz distribution with negative shape."""
        if isinstance(self.estimate, NotEstimable):
            return self.estimate
        if self.distribution != "gompertz" or self.estimate[0] >= 0.0:
            return 0.0
        return float(np.exp(self.estimate[1] / self.estimate[0]))

    def as_survreg(self) -> pd.DataFrame | NotEstimable:
        """Give the fit in the terms of R's survreg: log T = intercept + coefficients + scale * error.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            parameter ("(Intercept)", covariates, "Log(scale)"), estimate, std_error. NotEstimable for distributions
            and models that survreg does not have.

        Notes
        -----
        Weibull and log-logistic: intercept = log scale, survreg's scale = 1 / shape; log-normal: meanlog and sdlog;
        exponential: intercept = -log rate, its coefficients with the opposite sign, scale fixed at 1.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> parametric([1, 2, 3, 4], [1, 1, 0, 1], "weibull").as_survreg().round(3)
             parameter  estimate  std_error
        0  (Intercept)     1.152      0.276
        1   Log(scale)    -0.739      0.484
        """
        import pandas as pd

        if isinstance(self.fitted, NotEstimable):
            return self.fitted
        wrong = self.model not in {"location", "aft"} and self.covariates
        if self.distribution not in SURVREG or wrong:
            return NotEstimable("survreg has no such distribution or model")
        fitted, covariance = self._estimates_and_errors()
        size, place = len(self.family.names), self.family.location
        order = [place, *range(size, fitted.size), *(k for k in range(size) if k != place)]
        sign = np.ones(fitted.size)
        if self.distribution == "exponential":
            sign[place] = -1.0
            sign[size:] = -1.0 if self.model == "location" else 1.0
        elif self.distribution != "lognormal":
            sign[0] = -1.0
        names = ["(Intercept)", *self.covariates] + ["Log(scale)"] * (size - 1)
        errors = np.sqrt(np.diag(covariance))
        return pd.DataFrame(
            {"parameter": names, "estimate": (sign * fitted)[order], "std_error": errors[order]}
        )

    def to_lifelines(self) -> Any:
        """Return a fitter of lifelines of the same distribution, fitted to the same records.

        Returns
        -------
        lifelines fitter
            Such as ``WeibullFitter``; with covariates such as ``WeibullAFTFitter``.

        Raises
        ------
        ValueError
            Where lifelines has no such model, or nothing could be fitted.
        pnstrial.verification.EngineMissingError
            If lifelines is not installed.

        Examples
        --------
        >>> from pnstrial.survival import parametric
        >>> fit = parametric([9, 13, 18, 23, 28, 31, 34, 45], [1, 1, 1, 1, 0, 1, 1, 0], "weibull")
        >>> fitter = fit.to_lifelines()
        >>> round(float(fitter.rho_), 3), round(float(fitter.lambda_), 2)
        (1.975, 31.7)
        """
        from pnstrial.verification.engines import parametric_fitter

        if self.sample is None or isinstance(self.fitted, NotEstimable):
            raise ValueError("to_lifelines: nothing was fitted, so there is nothing to convert")
        if self.model != "location" and self.covariates:
            raise ValueError(
                f"to_lifelines: lifelines has no {self.distribution} fit with a {self.model!r} effect"
            )
        sample = self.sample
        return parametric_fitter(
            self.distribution, (sample.left, sample.right, sample.entry, sample.weights),
            dict(zip(self.covariates, (sample.covariates + self.centre).T, strict=True)), self.level,
        )  # fmt: skip

    def _display(self) -> Display:
        head = f"{self.distribution}: {self.events:g} events of {self.n:g} patients"
        if isinstance(self.loglik, NotEstimable):
            return Display(f"{head}, {self.loglik}")
        likelihood = f"log-likelihood {self.loglik:.4f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}"
        small = coverage_note("parametric", int(self.n))
        return Display(head, (), self.to_frame(), (likelihood, *self.notes, *small))


def _log_of(cumulative: Jet) -> Jet:
    with np.errstate(all="ignore"):
        return cumulative.log()


def _bounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Put None for limits that exceed any number."""
    for name in ("lower", "upper"):
        fine = np.isfinite(frame[name].to_numpy(dtype=float))
        if not fine.all():
            frame[name] = frame[name].astype(object).where(fine, None)
    return frame


def _after_zero(times: ArrayLike, name: str = "times") -> NDArray[np.float64]:
    requested = check_times(times, name)
    if (requested <= 0).any():
        raise ValueError(f"{name} must be over 0, got {requested[requested <= 0][0]:g}")
    return requested


def _double_exponential() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on (0, 1), exact to rounding also where the curve starts like a root of time."""
    u = np.arange(-85, 86) / 24.0
    sinh = 0.5 * np.pi * np.sinh(u)
    # 1 / (1 + exp(-2 sinh)) keeps the nodes next to 0 apart from 0.
    nodes = 1.0 / (1.0 + np.exp(-2.0 * sinh))
    weights = np.pi / 24.0 * np.cosh(u) * nodes * (1.0 / (1.0 + np.exp(2.0 * sinh)))
    return nodes, weights / weights.sum()

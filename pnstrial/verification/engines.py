"""What do lifelines, statsmodels and scipy say to the same records?

Input: records as arrays: counts, times and events, pairs of grades, covariates.
Output: the same numbers as pnstrial gives, computed by the other library.
Protocol section: none.
Method: each function is one call of another library, with the convention that matches ours. This is the only door to
lifelines and statsmodels; a library that is not there is `EngineMissingError`.
Next: `opinion`.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = [
    "EngineMissingError",
    "beta_product",
    "binomial_interval",
    "binomial_tail",
    "cox_efron",
    "cox_fitter",
    "cumulative_incidence",
    "incidence_fitter",
    "interval_fitter",
    "kaplan_meier",
    "lifelines_fitter",
    "logrank",
    "median",
    "parametric",
    "parametric_fitter",
    "poisson_interval",
    "proportional_odds",
    "restricted_mean",
    "signed_rank",
    "versions",
    "weighted_kappa",
]

_FITTERS = {
    "exponential": "ExponentialFitter",
    "weibull": "WeibullFitter",
    "lognormal": "LogNormalFitter",
    "loglogistic": "LogLogisticFitter",
    "generalised-gamma": "GeneralizedGammaFitter",
}
"""Distributions that lifelines fits as we do."""
_ACCELERATED = {
    "weibull": "WeibullAFTFitter",
    "lognormal": "LogNormalAFTFitter",
    "loglogistic": "LogLogisticAFTFitter",
}
"""Those that it fits with covariates on the same parameter."""


class EngineMissingError(ImportError):
    """A library of the second opinion that is not installed; the message names it."""


def _library(name: str) -> Any:
    """Import a library that second opinions come from."""
    try:
        return import_module(name)
    except ImportError as problem:
        package = name.split(".", maxsplit=1)[0]
        raise EngineMissingError(
            f"second opinion: {package} is not installed; install it with: pip install {package}"
        ) from problem


def versions() -> dict[str, str]:
    """Name the versions of the engines.

    Raises
    ------
    EngineMissingError
        If one is not installed.
    """
    return {name: str(_library(name).__version__) for name in ("lifelines", "statsmodels", "scipy")}


def _quietly(call: Callable[[], Any]) -> Any:
    """Run a call of another library; what it warns about is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def binomial_interval(count: int, n: int, level: float, method: str) -> tuple[float, float]:
    """Confidence interval of a proportion by statsmodels.

    Parameters
    ----------
    count, n : int
    level : float
    method : str
        Of ``statsmodels.stats.proportion.proportion_confint``: "beta" is Clopper and Pearson's.
    """
    low, high = _library("statsmodels.stats.proportion").proportion_confint(count, n, 1 - level, method)
    return float(low), float(high)


def binomial_tail(count: int, n: int, null: float) -> float:
    """P(X >= count) under a null proportion by scipy."""
    return float(_library("scipy.stats").binomtest(count, n, null, alternative="greater").pvalue)


def kaplan_meier(time: Vector, event: Vector, level: float, entry: Vector | None = None) -> pd.DataFrame:
    """Kaplan-Meier curve with log-log limits by lifelines.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    level : float
    entry : numpy.ndarray, optional

    Returns
    -------
    pandas.DataFrame
        Index time; columns survival, lower, upper.
    """
    fitter = lifelines_fitter(time, event, level, entry)
    frame = fitter.confidence_interval_survival_function_.copy()
    frame.columns = ["lower", "upper"]
    frame.insert(0, "survival", fitter.survival_function_.iloc[:, 0])
    return frame


def beta_product(time: Vector, event: Vector, level: float) -> pd.DataFrame:
    """Beta product limits of a Kaplan-Meier curve at its events, from records and by scipy's quantiles.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    level : float

    Returns
    -------
    pandas.DataFrame
        Index time; columns lower, upper.

    Notes
    -----
    Fay MP, Brittain EH, Proschan MA. Biostatistics 2013;14:723-736. No library that is asked here has these limits.
    They are written down from the definition instead: each event time multiplies the share that stays alive by a beta
    variable, the lower limit by one more for the next death among those left; the product is taken for the beta with
    its mean and variance.
    """
    import pandas as pd

    beta = _library("scipy.stats").beta
    tail = (1 - level) / 2
    mean = square = 1.0
    rows: dict[float, tuple[float, float]] = {}
    for at in sorted(set(time[event == 1].tolist())):
        at_risk, died = int((time >= at).sum()), int(((time == at) & (event == 1)).sum())
        stay = at_risk - died + 1
        mean *= stay / (at_risk + 1)
        square *= stay * (stay + 1) / ((at_risk + 1) * (at_risk + 2))
        left = int((time > at).sum())
        ends: list[float] = []
        for next_mean, next_square, chance in (
            (left / (left + 1), left / (left + 2), tail),
            (1.0, 1.0, 1 - tail),
        ):
            first, second = mean * next_mean, square * next_square
            if first == 0:
                ends.append(0.0)
                continue
            size = (first - second) / (second - first**2)
            ends.append(float(beta.ppf(chance, first * size, (1 - first) * size)))
        rows[float(at)] = (ends[0], ends[1])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["lower", "upper"])


def lifelines_fitter(time: Vector, event: Vector, level: float, entry: Vector | None = None) -> Any:
    """Kaplan-Meier fitter of lifelines, fitted.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    level : float
    entry : numpy.ndarray, optional
    """
    fitter = _library("lifelines").KaplanMeierFitter(alpha=1 - level)
    return _quietly(lambda: fitter.fit(time, event, entry=entry))


def interval_fitter(left: Vector, right: Vector) -> Any:
    """Curve of interval-censored times by lifelines.

    Parameters
    ----------
    left, right : numpy.ndarray, shape (n,)
        The event is in (left, right].

    Returns
    -------
    lifelines.KaplanMeierFitter
        lifelines takes the left end as part of the interval; the next larger number is given, and only then do two
        intervals that meet at a visit share no time. It has no limits.
    """
    fitter = _library("lifelines").KaplanMeierFitter()
    opened = np.where(left < right, np.nextafter(left, np.inf), left)
    return _quietly(lambda: fitter.fit_interval_censoring(opened, right, tol=1e-12))


def median(time: Vector, event: Vector) -> float:
    """Median of a Kaplan-Meier curve by lifelines.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)

    Returns
    -------
    float
        Infinite where the curve does not get to one half.
    """
    return float(lifelines_fitter(time, event, 0.95).median_survival_time_)


def poisson_interval(count: int, exposure: float, level: float) -> tuple[float, float]:
    """Exact confidence interval of a rate by statsmodels."""
    confint = _library("statsmodels.stats.rates").confint_poisson
    low, high = _quietly(lambda: confint(count, exposure, method="exact-c", alpha=1 - level))
    return float(low), float(high)


def restricted_mean(time: Vector, event: Vector, tau: float) -> float:
    """Mean survival up to tau by lifelines; its variance is not that of the mean and is left alone.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    tau : float
    """
    fitter = lifelines_fitter(time, event, 0.95)
    return float(_library("lifelines.utils").restricted_mean_survival_time(fitter, t=tau))


def cumulative_incidence(time: Vector, cause: NDArray[np.int64]) -> dict[int, pd.DataFrame]:
    """Cumulative incidence of each cause by statsmodels; lifelines breaks ties at random and is not asked.

    Parameters
    ----------
    time : numpy.ndarray, shape (n,)
    cause : numpy.ndarray of int, shape (n,)
        0 for censored.

    Returns
    -------
    dict of int to pandas.DataFrame
        By cause; index time, column incidence.
    """
    import pandas as pd

    estimator = _library("statsmodels.duration.survfunc").CumIncidenceRight
    fitted = _quietly(lambda: estimator(time, cause))
    return {
        k + 1: pd.DataFrame({"incidence": values}, index=fitted.times) for k, values in enumerate(fitted.cinc)
    }


def logrank(time: Vector, event: Vector, group: Vector) -> tuple[float, float]:
    """Log-rank statistic and p-value by lifelines.

    Parameters
    ----------
    time, event, group : numpy.ndarray, shape (n,)

    Returns
    -------
    tuple of float
        Chi-square and p-value.
    """
    found = _quietly(
        lambda: _library("lifelines.statistics").multivariate_logrank_test(time, group, event_observed=event)
    )
    return float(found.test_statistic), float(found.p_value)


def signed_rank(difference: NDArray[np.int64], zeros: str) -> float:
    """Two-sided p-value of the signed-rank test by scipy, exact over all signs where there are few patients.

    Parameters
    ----------
    difference : numpy.ndarray of int, shape (n,)
    zeros : {"pratt", "wilcoxon"}

    Notes
    -----
    Its own "exact" method knows neither ties nor zeros: the signs of its ranks are permuted, all of them.
    """
    stats = _library("scipy.stats")
    if zeros == "wilcoxon":
        difference = difference[difference != 0]
    if not np.any(difference):
        return 1.0
    ranks = stats.rankdata(np.abs(difference))
    signed = (np.sign(difference) * ranks)[difference != 0]

    def rank_sum(values: Vector, axis: int) -> Vector:
        return values.sum(axis=axis)

    found = stats.permutation_test((signed,), rank_sum, permutation_type="samples", n_resamples=np.inf)
    return float(found.pvalue)


def cox_efron(time: Vector, event: Vector, covariates: pd.DataFrame) -> pd.DataFrame:
    """Cox model with Efron's ties by statsmodels.

    Parameters
    ----------
    time, event : numpy.ndarray, shape (n,)
    covariates : pandas.DataFrame, shape (n, p)

    Returns
    -------
    pandas.DataFrame
        Index covariate; columns coef, std_error.
    """
    import pandas as pd

    model = _library("statsmodels.duration.hazard_regression").PHReg(
        time, covariates.to_numpy(float), status=event, ties="efron"
    )
    found = _quietly(model.fit)
    return pd.DataFrame({"coef": found.params, "std_error": found.bse}, index=covariates.columns)


def proportional_odds(grade: NDArray[np.int64], treated: NDArray[np.int64]) -> tuple[float, float]:
    """Log odds ratio for a better grade and its standard error by statsmodels.

    Parameters
    ----------
    grade, treated : numpy.ndarray, shape (n,)
    """
    model = _library("statsmodels.miscmodels.ordinal_model").OrderedModel(
        grade, treated[:, None].astype(float), distr="logit"
    )
    found = _quietly(lambda: model.fit(method="bfgs", disp=False, gtol=1e-9))
    return -float(found.params[0]), float(found.bse[0])


def parametric_fitter(
    distribution: str,
    records: tuple[Vector, Vector, Vector, Vector],
    covariates: dict[str, Vector],
    level: float,
) -> Any:
    """Distribution fitted to survival times by lifelines.

    Parameters
    ----------
    distribution : str
    records : tuple of numpy.ndarray, shape (n,)
        Left and right end of the time (infinite where censored), entry, weight.
    covariates : dict of str to numpy.ndarray
    level : float

    Returns
    -------
    lifelines fitter

    Raises
    ------
    ValueError
        If lifelines has no such model.
    """
    names = _ACCELERATED if covariates else _FITTERS
    if distribution not in names:
        given = " with covariates" if covariates else ""
        raise ValueError(f"to_lifelines: lifelines fits no {distribution}{given}; it fits {', '.join(names)}")
    fitter = getattr(_library("lifelines"), names[distribution])(alpha=1 - level)
    left, right, entry, weights = records
    within = bool((np.isfinite(right) & (left < right)).any())
    late, loads = entry if entry.any() else None, weights if (weights != 1).any() else None
    if not covariates:
        if within:
            return _quietly(lambda: fitter.fit_interval_censoring(left, right, entry=late, weights=loads))
        return _quietly(lambda: fitter.fit(left, np.isfinite(right), entry=late, weights=loads))
    import pandas as pd

    frame = pd.DataFrame({**covariates, "left": left, "right": right, "event": left == right})
    columns: dict[str, str] = {}
    for name, values in (("entry", late), ("weights", loads)):
        if values is not None:
            frame[name], columns[f"{name}_col"] = values, name
    if within:
        return _quietly(lambda: fitter.fit_interval_censoring(frame, "left", "right", "event", **columns))
    return _quietly(lambda: fitter.fit(frame.drop(columns="right"), "left", "event", **columns))


def parametric(
    distribution: str, records: tuple[Vector, Vector, Vector, Vector], covariates: dict[str, Vector]
) -> tuple[dict[str, tuple[float, float]], float] | None:
    """Parameters of a distribution by lifelines, on the scale on which they are fitted here.

    Parameters
    ----------
    distribution, records, covariates
        As `parametric_fitter`.

    Returns
    -------
    tuple or None
        Estimate and standard error by the name of the parameter, and the log-likelihood; None where lifelines has no
        such model.
    """
    if distribution not in (_ACCELERATED if covariates else _FITTERS):
        return None
    fitter = parametric_fitter(distribution, records, covariates, 0.95)
    table = fitter.summary[["coef", "se(coef)"]]
    rows = {key: (float(value), float(error)) for key, value, error in table.itertuples()}

    def as_log(name: str, sign: float = 1.0) -> tuple[float, float]:
        value, error = rows[name]
        return sign * float(np.log(value)), error / value

    if covariates:
        location, other = {"weibull": ("lambda_", "rho_"), "lognormal": ("mu_", "sigma_")}.get(
            distribution, ("alpha_", "beta_")
        )
        names = {"lognormal": ("meanlog", "sdlog")}.get(distribution, ("scale", "shape"))
        found = {names[0]: rows[location, "Intercept"], names[1]: rows[other, "Intercept"]}
        found |= {name: rows[location, name] for name in covariates}
    elif distribution == "exponential":
        found = {"rate": as_log("lambda_", -1.0)}
    elif distribution == "weibull":
        found = {"shape": as_log("rho_"), "scale": as_log("lambda_")}
    elif distribution == "lognormal":
        found = {"meanlog": rows["mu_"], "sdlog": as_log("sigma_")}
    elif distribution == "loglogistic":
        found = {"shape": as_log("beta_"), "scale": as_log("alpha_")}
    else:
        found = {"mu": rows["mu_"], "sigma": rows["ln_sigma_"], "Q": rows["lambda_"]}
    return found, float(fitter.log_likelihood_)


def cox_fitter(
    records: tuple[Vector, Vector, Vector, Vector, NDArray[np.int64]],
    covariates: dict[str, Vector],
    *,
    robust: bool,
    level: float,
) -> Any:
    """Cox model by lifelines.

    Parameters
    ----------
    records : tuple of numpy.ndarray, shape (n,)
        Time, event, entry (or empty), weight, stratum.
    covariates : dict of str to numpy.ndarray
    robust : bool
    level : float
    """
    import pandas as pd

    time, event, entry, weights, stratum = records
    frame = pd.DataFrame({**covariates, "time": time, "event": event})
    further: dict[str, Any] = {"robust": robust}
    for key, values, there in (
        ("entry_col", entry, entry.size > 0),
        ("weights_col", weights, bool((weights != 1).any())),
        ("strata", stratum, bool(stratum.any())),
    ):
        if there:
            frame[key] = values
            further[key] = [key] if key == "strata" else key
    fitter = _library("lifelines").CoxPHFitter(alpha=1 - level)
    return _quietly(lambda: fitter.fit(frame, "time", "event", **further))


def incidence_fitter(time: Vector, cause: NDArray[np.int64], of_interest: int, level: float) -> Any:
    """Cumulative incidence of one cause by lifelines.

    Parameters
    ----------
    time : numpy.ndarray, shape (n,)
        Without ties.
    cause : numpy.ndarray of int, shape (n,)
        0 for censored.
    of_interest : int
    level : float
    """
    fitter = _library("lifelines").AalenJohansenFitter(alpha=1 - level)
    return _quietly(lambda: fitter.fit(time, cause, event_of_interest=of_interest))


def weighted_kappa(counts: NDArray[np.int64], weights: str) -> tuple[float, float]:
    """Kappa and its standard error by statsmodels.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (k, k)
    weights : {"none", "linear", "quadratic"}
    """
    options = {} if weights == "none" else {"wt": weights}
    found = _library("statsmodels.stats.inter_rater").cohens_kappa(counts, **options)
    return float(found.kappa), float(found.std_kappa)

"""When did it happen, if all that is known are the visits before and after?

Input: per patient the last time without the event and the first time with it (inf where it was never seen).
Output: `Turnbull` (the curve without any model, with the stretches on which it is free) and parametric fits.
Protocol section: visits (ratings weeks apart).
Method: Turnbull, J R Stat Soc B 1976;38:290; maximised by constrained Newton steps (Wang, J Comput Graph Stat
2007;16:388) and proved by the conditions of Gentleman and Geyer, Biometrika 1994;81:618.
Next: `interval_cox`, `interval_trial`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.observations import as_numbers, check_level, check_times, check_unit, columns
from pnstrial.survival.parametric.distributions import distribution_of
from pnstrial.survival.parametric.fit import fit, read_covariates
from pnstrial.survival.parametric.likelihood import Sample

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.survival.parametric.result import ParametricSurvival

__all__ = ["Support", "Turnbull", "interval_regression", "read_intervals", "support_of", "turnbull"]

MODELS: Final = ("ph", "po", "aft")
# Relative gap of the optimality conditions at which masses are taken as the maximum.
GAP: Final = 1e-10


def read_intervals(
    left: ArrayLike | str,
    right: ArrayLike | str,
    weights: ArrayLike | str | None = None,
    *,
    data: Any = None,
    unit: str | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Read interval-censored times: the event is in (left, right], or at left where both are equal.

    Parameters
    ----------
    left : array_like, shape (n,)
        Last time known to be free of the event; 0 where there is none.
    right : array_like, shape (n,)
        First time known to be after the event; inf where the event was never seen.
    weights : array_like, shape (n,), optional
    data : pandas.DataFrame or mapping, optional
        Table of the columns that are named.
    unit : str, optional
        In which durations are counted.

    Returns
    -------
    left, right, weights : numpy.ndarray
        Of the patients whose weight is not 0.
    kept : numpy.ndarray of bool, shape (n,)
        Which they are.

    Raises
    ------
    ValueError
        If lengths differ or a value is outside what is possible; every offender is named.

    Examples
    --------
    >>> read_intervals([0, 4], [4, float("inf")])[1]
    array([ 4., inf])
    """
    check_unit(unit)
    left, right, weights = columns(data, left=left, right=right, weights=weights)
    lows, highs = as_numbers(left, "left", unit), as_numbers(right, "right", unit)
    loads = np.ones(lows.size) if weights is None else as_numbers(weights, "weights")
    if not lows.size == highs.size == loads.size:
        raise ValueError(
            f"lengths differ: left has {lows.size}, right has {highs.size}"
            + ("" if weights is None else f", weights has {loads.size}")
        )
    if lows.size == 0:
        raise ValueError("left is empty: at least one patient is needed")
    faults: list[str] = []

    def add(rule: str, names: tuple[str, ...], wrong: NDArray[np.bool_]) -> None:
        arrays = {"left": lows, "right": highs, "weights": loads}
        rows = np.flatnonzero(wrong)
        cells = ["; ".join(f"{name}[{i}] = {arrays[name][i]:.15g}" for name in names) for i in rows[:8]]
        if cells:
            more = f"; and {rows.size - 8} more" if rows.size > 8 else ""
            faults.append(f"{rule}: " + "; ".join(cells) + more)

    add("left must be finite and not negative", ("left",), ~(np.isfinite(lows) & (lows >= 0)))
    add("right must be a number, inf where the event was never seen", ("right",), np.isnan(highs))
    add("right must not be before left", ("left", "right"), highs < lows)
    add("weights must be finite and not negative", ("weights",), ~(np.isfinite(loads) & (loads >= 0)))
    if faults:
        raise ValueError("; ".join(faults))
    kept = loads > 0
    if not kept.any():
        raise ValueError("weights are all 0: at least one patient must count")
    return lows[kept], highs[kept], loads[kept], kept


@dataclass(frozen=True, eq=False)
class Support:
    """The stretches that can carry mass, and which of them each patient's interval covers.

    Attributes
    ----------
    left, right : numpy.ndarray, shape (m,)
        Turnbull's intervals (left, right], or the point left where both are equal; increasing.
    first, last : numpy.ndarray of int, shape (k,)
        Each distinct observation covers the intervals first to last - 1.
    weights : numpy.ndarray, shape (k,)
        Patients with that observation.
    rows : numpy.ndarray of int, shape (n,)
        The distinct observation of each patient.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    weights: NDArray[np.float64]
    rows: NDArray[np.int64]


def support_of(
    left: NDArray[np.float64], right: NDArray[np.float64], weights: NDArray[np.float64]
) -> Support:
    """Find Turnbull's intervals of checked observations.

    Parameters
    ----------
    left, right, weights : numpy.ndarray, shape (n,)

    Examples
    --------
    >>> found = support_of(np.array([0.0, 4.0, 2.0]), np.array([4.0, 8.0, np.inf]), np.ones(3))
    >>> found.left, found.right
    (array([2., 4.]), array([4., 8.]))
    """
    exact = left == right
    # At one time an exact event begins before any interval ends there, and an interval that is open there begins last.
    starts = np.column_stack([left, np.where(exact, -1.0, 1.0)])
    ends = np.column_stack([right, np.zeros(right.size)])
    points, place = np.unique(np.concatenate([starts, ends]), axis=0, return_inverse=True)
    place = place.ravel()
    opened, closed = place[: left.size], place[left.size :]
    is_start, is_end = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    is_start[opened], is_end[closed] = True, True
    inner = np.flatnonzero(is_start[:-1] & is_end[1:])
    first = np.searchsorted(inner, opened, side="left")
    last = np.searchsorted(inner, closed, side="left")
    pairs, rows = np.unique(np.column_stack([first, last]), axis=0, return_inverse=True)
    rows = rows.ravel().astype(np.int64)
    return Support(
        points[inner, 0],
        points[inner + 1, 0],
        pairs[:, 0].astype(np.int64),
        pairs[:, 1].astype(np.int64),
        np.asarray(np.bincount(rows, weights=weights), dtype=np.float64),
        rows,
    )


@dataclass(frozen=True, eq=False)
class Turnbull(Result):
    """Nonparametric maximum likelihood estimate of a survival curve from interval-censored times.

    Attributes
    ----------
    left, right : numpy.ndarray, shape (m,)
        Turnbull's intervals (left, right], the only stretches that can carry mass; a point where both are equal.
    mass : numpy.ndarray, shape (m,)
        Probability of the event in each interval; they sum to 1 and are unique. Mass up to inf belongs to patients
        never seen with the event.
    indeterminate : numpy.ndarray of bool, shape (m,)
        Where the curve falls within an interval of some length: how it falls there, the data do not say.
    survival : numpy.ndarray, shape (m,)
        Probability of no event up to the right end of each interval.
    loglik : float
    gap : float
        Largest excess of the conditions of Gentleman and Geyer, per patient: 0 at the maximum.
    n : float
        Patients (sum of weights).
    records : tuple of numpy.ndarray or None
        left and right of each patient; None with weights other than 1.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    mass: NDArray[np.float64]
    indeterminate: NDArray[np.bool_]
    survival: NDArray[np.float64]
    loglik: float
    gap: float
    n: float
    records: tuple[NDArray[np.float64], NDArray[np.float64]] | None = field(default=None, repr=False)

    def to_lifelines(self) -> Any:
        """Return the same curve as a fitter of lifelines, for what is written for those.

        Returns
        -------
        lifelines.KaplanMeierFitter
            By ``fit_interval_censoring``; each left end is moved to the next larger number, as lifelines counts it in.
            At an exact time its curve falls only after that time.

        Raises
        ------
        ValueError
            With weights: the curve does not hold the patients one by one.
        pnstrial.verification.EngineMissingError
            If lifelines is not installed.
        """
        from pnstrial.verification.engines import interval_fitter

        if self.records is None:
            raise ValueError(
                "to_lifelines: a curve with weights does not hold its patients one by one; "
                "fit lifelines.KaplanMeierFitter to the records themselves"
            )
        return interval_fitter(*self.records)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per Turnbull interval.

        Returns
        -------
        pandas.DataFrame
            left, right, mass, indeterminate, survival (at the right end).
        """
        import pandas as pd

        names = ("left", "right", "mass", "indeterminate", "survival")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Turnbull's intervals, shape (m, 2): left and right ends."""
        return np.column_stack([self.left, self.right])

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Survival at some times, as far as the data tell it.

        Parameters
        ----------
        times : float or array_like, shape (k,)

        Returns
        -------
        pandas.DataFrame
            time, lower, upper: every curve between them is as likely as any other. Both are equal outside Turnbull's
            intervals. After the last look with no event seen lower is 0.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> turnbull([0, 4, 4, 8], [4, 8, 8, float("inf")]).at([4, 6, 8, 10])
           time  lower  upper
        0   4.0   0.75   0.75
        1   6.0   0.25   0.75
        2   8.0   0.25   0.25
        3  10.0   0.00   0.25
        """
        check_signature(Turnbull.at, locals())
        import pandas as pd

        requested = check_times(times)
        # Intervals that end at or before the time have happened; those that begin at or after it have not, but a point.
        done = np.searchsorted(self.right, requested, side="right")
        point = self.left == self.right
        begun = ((self.left < requested[:, None]) | (point & (self.left <= requested[:, None]))).sum(axis=1)
        curve = np.append(1.0, self.survival)
        return pd.DataFrame({"time": requested, "lower": curve[begun], "upper": curve[done]})

    def quantile(self, p: float = 0.5) -> tuple[float, float] | NotEstimable:
        """Earliest and latest time by which a share `p` can have had the event.

        Parameters
        ----------
        p : float
            Share with the event, over 0 and under 1.

        Returns
        -------
        tuple of float or NotEstimable
            The ends of the Turnbull interval in which the curve passes 1 - p. NotEstimable where that is after the last
            look.

        Raises
        ------
        ValueError
            If p is not between 0 and 1.

        Examples
        --------
        >>> turnbull([0, 4, 4, 8], [4, 8, 8, float("inf")]).quantile(0.5)
        (4.0, 8.0)
        """
        check_signature(Turnbull.quantile, locals())
        if not 0.0 < p < 1.0:
            raise ValueError(f"p must be between 0 and 1, the share with the event, got {p!r}")
        place = int(np.flatnonzero(self.survival <= 1.0 - p + 1e-12)[0])
        if np.isinf(self.right[place]):
            return NotEstimable(f"a share of {p:g} had not had the event by the last look")
        return float(self.left[place]), float(self.right[place])

    def _display(self) -> Display:
        masses = self.to_frame()[self.mass > 0][["left", "right", "mass", "survival"]]
        head = f"Turnbull, n = {self.n:g}, log-likelihood {self.loglik:.4f}"
        return Display(f"{head}\n{masses.round(4).to_string(index=False)}")


def turnbull(
    left: ArrayLike | str,
    right: ArrayLike | str,
    weights: ArrayLike | str | None = None,
    *,
    data: Any = None,
    unit: str | None = None,
) -> Turnbull:
    """Estimate a survival curve from interval-censored times without a model.

    Parameters
    ----------
    left : array_like, shape (n,)
        Last time known to be free of the event (last good visit); 0 where there is none.
    right : array_like, shape (n,)
        First time known to be after the event (first bad visit); inf where it was never seen. Equal to left where the
        time of the event is exact.
    weights : array_like, shape (n,), optional
        Case weights; patients of weight 0 are left out.
    data : pandas.DataFrame or mapping, optional
        Table of the columns whose names are given for those above.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit in which durations (Timedelta) are counted.

    Returns
    -------
    Turnbull

    Raises
    ------
    ValueError
        If a value is outside what is possible: names the argument, the position and the value.

    Notes
    -----
    The event is in (left, right]. Turnbull, J R Stat Soc B 1976;38:290; the estimate is at its
    maximum to 1e-10 per patient by the conditions of Gentleman and Geyer, Biometrika 1994;81:618. Masses are unique:
    an observation begins with each of Turnbull's intervals, so that their matrix has full rank. R's survfit stops its
    self-consistency steps earlier (differences up to 0.02) and puts each mass on the middle of its interval. With exact
    and right-censored times only, the curve is the Kaplan-Meier curve.

    Examples
    --------
    >>> turnbull([0, 4, 4, 8, 8], [4, 8, 12, 12, float("inf")]).to_frame()[["left", "right", "mass"]].round(4)
       left  right    mass
    0   0.0    4.0  0.2000
    1   4.0    8.0  0.2667
    2   8.0   12.0  0.5333
    """
    check_signature(turnbull, locals())
    lows, highs, loads, _ = read_intervals(left, right, weights, data=data, unit=unit)
    support = support_of(lows, highs, loads)
    mass, gap = _masses(support)
    own = _probabilities(support, mass)
    loglik = float(support.weights @ np.log(own))
    survival = np.maximum(1.0 - np.cumsum(mass), 0.0)
    # The last sum is 1 but for rounding.
    survival[-1] = 0.0
    loose = (mass > 0) & (support.left < support.right)
    records = (lows, highs) if (loads == 1).all() else None
    return Turnbull(
        support.left, support.right, mass, loose, survival, loglik, gap, float(loads.sum()), records
    )


def _probabilities(support: Support, mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each distinct observation, summed within its interval so that small ones keep their digits."""
    ends = np.column_stack([support.first, support.last]).ravel()
    return np.add.reduceat(np.append(mass, 0.0), ends)[::2]


def _gradient(support: Support, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differentiate the log-likelihood in each mass."""
    steps = np.zeros(support.left.size + 1)
    np.add.at(steps, support.first, support.weights / own)
    np.add.at(steps, support.last, -support.weights / own)
    return np.cumsum(steps)[:-1]


def _incidence(support: Support, columns: NDArray[np.int64]) -> NDArray[np.float64]:
    return ((support.first[:, None] <= columns) & (columns < support.last[:, None])).astype(np.float64)


def _masses(support: Support) -> tuple[NDArray[np.float64], float]:
    """Maximise the likelihood over masses: add the stretches whose gradient peaks, then a constrained Newton step."""
    from scipy.optimize import nnls

    m, total = support.left.size, float(support.weights.sum())
    mass = np.full(m, 1.0 / m)
    # A few self-consistency steps leave the corner of equal masses.
    for _ in range(20):
        mass = mass * _gradient(support, _probabilities(support, mass)) / total
    mass /= mass.sum()
    gap, root = np.inf, np.sqrt(support.weights)[:, None]
    best, smallest = mass, np.inf
    for _ in range(200):
        own = _probabilities(support, mass)
        slope = _gradient(support, own)
        gap = float(slope.max() / total - 1.0)
        if gap < smallest:
            best, smallest = mass, gap
        elif smallest < GAP:
            break
        padded = np.concatenate([[-np.inf], slope, [-np.inf]])
        peak = (slope >= padded[:-2]) & (slope >= padded[2:]) & (slope > total * (1.0 - 1e-3))
        columns = np.flatnonzero((mass > 0) | peak).astype(np.int64)
        scaled = root * (_incidence(support, columns) / own[:, None])
        # Quadratic model with the masses held to sum 1, as one least-squares problem (Wang 2007).
        system = np.vstack([(scaled - 2.0 * root) / np.sqrt(total), np.ones(columns.size)])
        target = np.append(np.zeros(scaled.shape[0]), 1.0)
        proposal = np.zeros(m)
        proposal[columns] = nnls(system, target)[0]
        proposal /= proposal.sum()
        mass = _toward(support, mass, proposal, own, slope)
    return best, max(smallest, 0.0)


def _toward(
    support: Support,
    mass: NDArray[np.float64],
    proposal: NDArray[np.float64],
    own: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Go towards the proposal as far as the likelihood rises."""
    gain = float(slope @ (proposal - mass))
    share = 1.0
    for _ in range(40):
        ahead = (1.0 - share) * mass + share * proposal
        with np.errstate(divide="ignore"):
            rise = float(support.weights @ np.log(_probabilities(support, ahead) / own))
        if rise >= 1e-4 * share * gain - 1e-13 * support.weights.sum():
            return ahead
        share *= 0.5
    return mass


def interval_regression(
    left: ArrayLike | str,
    right: ArrayLike | str,
    distribution: str = "weibull",
    covariates: Any = None,
    model: str = "ph",
    weights: ArrayLike | str | None = None,
    level: float = 0.95,
    *,
    centred: bool = False,
    data: Any = None,
    unit: str | None = None,
) -> ParametricSurvival:
    """Fit a distribution, with or without covariates, to interval-censored times.

    Parameters
    ----------
    left, right : array_like, shape (n,)
        The event is in (left, right], at left where both are equal; right is inf where it was never seen. With `data`,
        here and below, names of columns.
    distribution : str
        As for `parametric`, but for the spline.
    covariates : DataFrame, mapping or array_like, shape (n, q), optional
        With `data` names of columns or a formula, as in `cox`.
    model : str
        "ph": survival S0(t)^exp(bx), proportional hazards; "po": odds of survival multiplied by exp(bx); "aft": times
        multiplied by exp(bx).
    weights : array_like, shape (n,), optional
    level : float
        Confidence level.
    centred : bool
        True: the parameters describe a patient with average covariates (as icenReg), not one with all at 0.
    data : pandas.DataFrame or mapping, optional
        Table of the columns that are named.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit in which durations (Timedelta) are counted.

    Returns
    -------
    ParametricSurvival
        Its numbers are NotEstimable where there is no maximum: nobody seen with the event, everybody with it at the
        first look, one time that lies in every interval.

    Raises
    ------
    ValueError
        If an argument is outside what is possible: names the argument, the position and the value.

    Notes
    -----
    Log-likelihood sum log(S(left) - S(right)), or log f(left) where the time is exact: Kalbfleisch and Prentice, The
    Statistical Analysis of Failure Time Data, 2nd ed., ch. 3. `fitted` holds the parameters of icenReg's ic_par with
    ``centred=True`` (log_shape, log_scale; its exponential log_scale is minus the log rate here; its log-logistic
    log_alpha, log_beta are log scale and log shape); `as_survreg` those of survreg(Surv(type="interval2")), which fits
    the "aft" model. Where nobody had the event both go on to numbers that mean nothing; here the reason is named.

    Examples
    --------
    >>> fit = interval_regression([0, 4, 4, 8, 8, 0], [4, 8, 12, 12, float("inf"), 8], "weibull")
    >>> fit.to_frame().round(3)
      parameter  estimate  std_error  lower   upper
    0     shape     2.544      1.291  0.941   6.880
    1     scale     7.722      1.528  5.240  11.379
    """
    check_signature(interval_regression, locals())
    check_level(level)
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    lows, highs, loads, kept = read_intervals(left, right, weights, data=data, unit=unit)
    names, values = read_covariates(covariates, kept.size, data)
    values = values[kept]
    family = distribution_of(distribution)
    early = np.flatnonzero((lows == 0.0) & (highs == 0.0))
    if early.size and (not family.at_zero or (model == "po" and names)):
        raise ValueError(
            f"an event exactly at time 0 has no likelihood under the {family.name} distribution and model {model}"
            f" ({', '.join(f'left[{i}]' for i in early[:8])}); count time from earlier, or use exponential or gompertz"
            " with model ph or aft"
        )
    centre = np.average(values, axis=0, weights=loads) if centred and names else np.zeros(len(names))
    sample = Sample(lows, highs, np.zeros(lows.size), loads, values - centre)
    return fit(sample, family, names, model, level, centre)

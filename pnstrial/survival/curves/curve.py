"""What does a survival curve hold, and what can be read from it?

Input: the table of a Kaplan-Meier curve.
Output: `KaplanMeier` (a row per distinct time), `KaplanMeierByGroup`, `Quantile`.
Protocol section: secondary endpoints (overall survival, time to deterioration).
Method: quantiles by inverting the limits (Brookmeyer and Crowley 1982) with the conventions of R survival.
Next: `kaplan_meier`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.curves.intervals import KINDS
from pnstrial.survival.groups import ByGroup, stacked
from pnstrial.survival.observations import check_times

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["KaplanMeier", "KaplanMeierByGroup", "Quantile"]

COLUMNS = ("time", "n_risk", "n_event", "survival", "std_error", "lower", "upper")
# R's quantile.survfit takes survival within this of the wanted value as equal to it.
TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True)
class Quantile(Result):
    """A quantile of a survival curve; unpacks as (estimate, lower, upper).

    Parameters
    ----------
    estimate : float or None
        Time by which the share `p` has had the event; None where the curve does not get there.
    lower, upper : float or None
        Confidence limits; None where the limit is not reached.
    p : float
        Share with the event: 0.5 for the median.
    conf_type : str
        The interval of the curve whose limits were inverted.
    level : float
        Confidence level.
    not_defined : tuple of str
        Which of "lower" and "upper" the interval of the curve has no value for, rather than not getting there.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    p: float
    conf_type: str
    level: float
    not_defined: tuple[str, ...] = ()

    @property
    def ci(self) -> tuple[float | None, float | None]:
        """Both limits."""
        return self.lower, self.upper

    def words(self, name: str) -> str:
        """Write estimate, lower or upper: a number, "not reached" or "not defined"."""
        value = getattr(self, name)
        if value is not None:
            return f"{value:.4g}"
        return "not defined" if name in self.not_defined else "not reached"

    def _display(self) -> Display:
        share = "median" if self.p == 0.5 else f"{self.p:.0%} have had the event by"
        limits = f"{self.words('lower')} to {self.words('upper')} ({self.level:.0%}, {self.conf_type})"
        return Display("Quantile", ((share, self.words("estimate")), ("interval", limits)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row: p, estimate, lower, upper, conf_type, level, and why a number is missing.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        numbers = {name: getattr(self, name) for name in ("estimate", "lower", "upper")}
        row: dict[str, Any] = {"p": self.p}
        row |= {name: np.nan if value is None else value for name, value in numbers.items()}
        row |= {"conf_type": self.conf_type, "level": self.level}
        missing = [f"{name}: {self.words(name)}" for name, value in numbers.items() if value is None]
        return pd.DataFrame([row | {"reason": "; ".join(missing) or None}])

    def __iter__(self) -> Iterator[float | None]:
        return iter((self.estimate, self.lower, self.upper))


@dataclass(frozen=True, eq=False)
class KaplanMeier(Result):
    """A survival curve with its limits, one row per distinct follow-up time.

    Parameters
    ----------
    time : numpy.ndarray, shape (k,)
        Distinct times, events and censorings alike, increasing.
    n_risk : numpy.ndarray, shape (k,)
        At risk just before the time (sum of the weights, where there are weights).
    n_event, n_censored : numpy.ndarray, shape (k,)
        Events and censorings at the time.
    survival : numpy.ndarray, shape (k,)
        Probability of no event up to and including the time.
    std_error : numpy.ndarray, shape (k,)
        Greenwood's standard error of `survival`; nan where survival is 0 (see `undefined`). With weights that are
        not whole numbers it is the infinitesimal jackknife, as in R.
    lower, upper : numpy.ndarray, shape (k,)
        Pointwise confidence limits; nan where the method has none (see `undefined`).
    cumulative_hazard, cumulative_hazard_se : numpy.ndarray, shape (k,)
        Nelson-Aalen estimate and its standard error.
    n, events : float
        Patients and events (sums of weights, where there are weights).
    conf_type : str
        Method of the limits; "log-log" where those requested are not defined, as `note` then says.
    level : float
        Confidence level.
    undefined : NotEstimable or None
        Why there are nan among the standard errors or limits; None where there are none.
    start_limits : tuple of float
        Limits of the survival of 1 before the first time.
    unit : str or None
        Unit of the times; None where it was not said.
    note : str
        Which limits were requested and could not be given; else empty.

    Notes
    -----
    `estimate` and `ci` are those of the median.
    """

    time: NDArray[np.float64]
    n_risk: NDArray[np.float64]
    n_event: NDArray[np.float64]
    n_censored: NDArray[np.float64]
    survival: NDArray[np.float64]
    std_error: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    cumulative_hazard: NDArray[np.float64]
    cumulative_hazard_se: NDArray[np.float64]
    n: float
    events: float
    conf_type: str
    level: float
    start_limits: tuple[float, float] = field(default=(1.0, 1.0), repr=False)
    undefined: NotEstimable | None = None
    unit: str | None = None
    note: str = ""

    @property
    def median(self) -> Quantile:
        """The time by which half have had the event, with its limits."""
        return self.quantile(0.5)

    @property
    def estimate(self) -> float | NotEstimable:
        """The median."""
        return _estimable(self.median, "estimate")

    @property
    def ci(self) -> tuple[float | NotEstimable, float | NotEstimable]:
        """Limits of the median, each NotEstimable where it is not reached or not defined."""
        median = self.median
        return _estimable(median, "lower"), _estimable(median, "upper")

    def to_frame(self) -> pd.DataFrame:
        """Return the table of the curve, one row per distinct time.

        Returns
        -------
        pandas.DataFrame
            Columns time, n_risk, n_event, survival, std_error, lower, upper.
        """
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in COLUMNS})

    def to_lifelines(self) -> Any:
        """Return the same curve as a fitter of lifelines, for what is written for those.

        Returns
        -------
        lifelines.KaplanMeierFitter
            Fitted at the same level; its limits are log-log ones, whatever those of this curve.

        Raises
        ------
        ValueError
            With delayed entry or weights: the curve does not hold the patients one by one.
        pnstrial.verification.EngineMissingError
            If lifelines is not installed.
        """
        from pnstrial.verification.engines import lifelines_fitter

        events, censored = self.n_event.round().astype(int), self.n_censored.round().astype(int)
        loose = np.abs(self.n_event - events).max() > 0.0 or np.abs(self.n_censored - censored).max() > 0.0
        if loose or events.sum() + censored.sum() != self.n or self.n_risk[0] != self.n:
            raise ValueError(
                "to_lifelines: a curve with delayed entry or weights does not hold its patients one by one; "
                "fit lifelines.KaplanMeierFitter to the records themselves"
            )
        time = np.concatenate([np.repeat(self.time, events), np.repeat(self.time, censored)])
        event = np.concatenate([np.ones(events.sum()), np.zeros(censored.sum())])
        return lifelines_fitter(time, event, self.level)

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Read the curve at given times, as ``summary(fit, times=, extend=TRUE)`` of R does.

        Parameters
        ----------
        times : float or array_like, shape (k,)
            Times, in the unit of the data.

        Returns
        -------
        pandas.DataFrame
            Columns time, n_risk (at risk just before the time), n_event (events since the next smaller time asked
            for), survival, std_error, lower, upper; rows in the order asked for. After the last observation the
            last values are carried on and n_risk is 0.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> from pnstrial.survival import kaplan_meier
        >>> km = kaplan_meier([2, 3, 3, 5], [1, 1, 0, 1])
        >>> km.at([0, 3])[["time", "n_risk", "n_event", "survival"]]
           time  n_risk  n_event  survival
        0   0.0     4.0      0.0       1.0
        1   3.0     3.0      2.0       0.5
        """
        check_signature(KaplanMeier.at, locals())
        import pandas as pd

        requested = check_times(times)
        last = np.searchsorted(self.time, requested, side="right")
        risk = np.append(self.n_risk, 0.0)[np.searchsorted(self.time, requested, side="left")]
        until = np.concatenate([[0.0], np.cumsum(self.n_event)])[last]
        order = np.argsort(requested, kind="stable")
        since = np.empty(requested.size)
        since[order] = np.diff(until[order], prepend=0.0)

        def step(values: NDArray[np.float64], start: float) -> NDArray[np.float64]:
            return np.concatenate([[start], values])[last]

        low, high = self.start_limits
        columns = (
            requested,
            risk,
            since,
            step(self.survival, 1.0),
            step(self.std_error, 0.0),
            step(self.lower, low),
            step(self.upper, high),
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def quantile(self, p: float = 0.5) -> Quantile:
        """Time by which a share `p` has had the event, with limits where the curve's limits cross.

        Parameters
        ----------
        p : float
            Share with the event, 0 to 1; 0.25 asks for the time at which survival is 0.75.

        Returns
        -------
        Quantile
            Its estimate, lower and upper are None where the curve, or its limit, does not get there.

        Raises
        ------
        ValueError
            If p is no probability.

        Notes
        -----
        Where survival equals 1 - p over a stretch, the estimate is the middle of it (R survival). With the beta
        product and Thomas-Grunkemeier intervals the limits are the first times at which the upper and lower limit
        are at or below 1 - p, 0 where that holds from the start (R bpcp).

        Examples
        --------
        >>> from pnstrial.survival import kaplan_meier
        >>> km = kaplan_meier([2, 3, 3, 5, 9], [1, 1, 0, 1, 1], conf_type="log-log")
        >>> km.quantile(0.5).estimate
        5.0
        """
        check_signature(KaplanMeier.quantile, locals())
        Checks("quantile").rate("p", p).done()
        estimate = _inverted(self.time, self.survival, p)
        if KINDS[self.conf_type] >= KINDS["beta-product"]:
            lower = _first_at_or_below(self.time, self.lower, 1.0 - p, self.start_limits[0])
            upper = _first_at_or_below(self.time, self.upper, 1.0 - p, self.start_limits[1])
        else:
            lower = _inverted(self.time, self.lower, p)
            upper = _inverted(self.time, self.upper, p)
        sides = (("lower", lower, self.lower), ("upper", upper, self.upper))
        not_defined = tuple(
            name for name, value, curve in sides if value is None and bool(np.isnan(curve).any())
        )
        return Quantile(estimate, lower, upper, p, self.conf_type, self.level, not_defined)

    def _display(self) -> Display:
        median = self.median
        unit = f" {self.unit}" if self.unit else ""
        limits = f"{median.words('lower')} to {median.words('upper')} ({self.level:.0%}, {self.conf_type})"
        pairs = (
            ("patients", f"{self.n:g}"),
            ("events", f"{self.events:g}"),
            ("median", median.words("estimate") + (unit if median.estimate is not None else "")),
            ("interval", limits),
        )
        notes = [self.note] if self.note else []
        if self.undefined is not None:
            notes.append(self.undefined.reason)
        return Display("KaplanMeier", pairs, notes=tuple(f"note      {note}" for note in notes))


def _estimable(median: Quantile, name: str) -> float | NotEstimable:
    value = getattr(median, name)
    return NotEstimable(f"the {name} of the median is {median.words(name)}") if value is None else value


@dataclass(frozen=True, eq=False)
class KaplanMeierByGroup(ByGroup[KaplanMeier]):
    """One survival curve for each group; ``result["A"]`` is that of group A.

    Parameters
    ----------
    curves : dict
        `KaplanMeier` by label, in the order of the labels.
    conf_type : str
    level : float
    n, events : float
        In all groups.
    unit : str or None
    """

    curves: dict[Any, KaplanMeier]
    conf_type: str
    level: float
    n: float
    events: float
    unit: str | None = None

    def _groups(self) -> dict[Any, KaplanMeier]:
        return self.curves

    @property
    def median(self) -> dict[Any, Quantile]:
        """Median survival of each group with its limits."""
        return {label: curve.median for label, curve in self.curves.items()}

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group.

        Returns
        -------
        pandas.DataFrame
            group, n, events, median, lower, upper (of the median; NaN with the reason where there is none), reason.
        """
        import pandas as pd

        frames: list[pd.DataFrame] = []
        for group, curve in self.curves.items():
            frame = curve.median.to_frame().drop(columns=["p", "conf_type", "level"])
            frame = frame.rename(columns={"estimate": "median"})
            for place, (name, value) in enumerate(
                (("group", group), ("n", curve.n), ("events", curve.events))
            ):
                frame.insert(place, name, [value])
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Read every curve at given times.

        Parameters
        ----------
        times : float or array_like, shape (k,)

        Returns
        -------
        pandas.DataFrame
            group and the columns of `KaplanMeier.at`.
        """
        check_signature(KaplanMeierByGroup.at, locals())
        return stacked(self.curves, times)

    def _display(self) -> Display:
        table = self.to_frame()
        for name in ("median", "lower", "upper"):
            field_name = "estimate" if name == "median" else name
            table[name] = [curve.median.words(field_name) for curve in self.curves.values()]
        title = f"Kaplan-Meier, {len(self)} groups; limits of the median: {self.level:.0%}, {self.conf_type}"
        return Display(title, table=table.drop(columns="reason"))


def _inverted(time: NDArray[np.float64], curve: NDArray[np.float64], p: float) -> float | None:
    """Invert one curve as quantile.survfit does: middle of a flat stretch at 1 - p, None if it stays above."""
    x = np.concatenate([[0.0], time])
    y = np.concatenate([[0.0], 1.0 - curve])
    defined = ~np.isnan(y)
    if not defined.any() or np.max(y[defined]) < p:
        return None
    if p == 0.0:
        return 0.0
    _, first = np.unique(y, return_index=True)
    first.sort()
    x_end = float(x[-1])
    x, y = x[first], y[first]
    ends_there = not np.isnan(y[-1]) and abs(p - y[-1]) < TOLERANCE
    reached = np.flatnonzero(y + TOLERANCE >= p)
    passed = np.flatnonzero(y - TOLERANCE >= p)
    if reached.size == 0:
        return None
    left = float(x[reached[np.argmin(y[reached])]])
    if ends_there:
        return 0.5 * (left + x_end)
    if passed.size == 0:
        return None
    return 0.5 * (left + float(x[passed[np.argmin(y[passed])]]))


def _first_at_or_below(
    time: NDArray[np.float64], curve: NDArray[np.float64], share: float, start: float
) -> float | None:
    if start <= share:
        return 0.0
    below = np.flatnonzero(curve <= share)
    return float(time[below[0]]) if below.size else None

"""How often does one event come first, where another one prevents it?

Input: times, and causes (0 = censored, 1, 2, ... = which event came first).
Output: `CumulativeIncidence`: per cause the probability up to each time, with standard error and limits.
Protocol section: none.
Method: Aalen and Johansen, Scand J Stat 1978;5:141; standard errors by the infinitesimal jackknife, as R's
survfit of a multi-state response, or by Aalen's variance (Ann Stat 1978;6:534), as R's cmprsk.
Next: `by_group`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.competing.causes import causes_of
from pnstrial.survival.curves.small_sample import RiskTable, area_spreads, curve_limits, limits_of
from pnstrial.survival.observations import check_times

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = [
    "CumulativeIncidence",
    "IncidenceInfluence",
    "estimate_incidence",
    "incidence_influence",
    "no_interval",
    "proportion_limits",
]

VARIANCES: Final = ("jackknife", "aalen")
CONF_TYPES: Final = ("log-log", "plain", "log", "logit", "beta-product")
EVENT_FREE: Final = "event-free"
SAME_TIME: Final = 'all patients spent the same time there; conf_type="beta-product" has limits'


@dataclass(frozen=True, eq=False)
class CumulativeIncidence(Result):
    """Cumulative incidence of each cause.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Distinct times, increasing.
    n_risk : ndarray, shape (k,)
        At risk just before the time.
    causes : tuple of int or labels
    n_event : dict of cause to ndarray
        Events of each cause at each time.
    incidence, std_error, lower, upper : dict of cause to ndarray
        By cause, shape (k,). The standard error is the one of `variance`, the limits are of `conf_type`; where
        the incidence is 0 or 1 both limits are the incidence, but for "beta-product".
    event_free : ndarray, shape (k,)
        Probability of no event yet.
    n : int
    level : float
    event_free_std_error, event_free_lower, event_free_upper : ndarray, shape (k,)
        Of the probability of no event yet, made like those of the incidence.
    variance_jackknife, variance_aalen : dict of cause to ndarray
        Both variances of the incidence by cause, shape (k,), whichever `std_error` comes from.
    n_censored : ndarray, shape (k,)
    variance, conf_type : str
        Which standard error and which limits were asked for.
    start_upper : float
        Upper limit of the incidence before the first time.
    unit : str or None
        Unit of the times; None where it was not said.
    """

    time: Vector
    n_risk: Vector
    causes: tuple[Any, ...]
    n_event: dict[Any, Vector]
    incidence: dict[Any, Vector]
    std_error: dict[Any, Vector]
    lower: dict[Any, Vector]
    upper: dict[Any, Vector]
    event_free: Vector
    n: int
    level: float
    event_free_std_error: Vector
    event_free_lower: Vector
    event_free_upper: Vector
    variance_jackknife: dict[Any, Vector]
    variance_aalen: dict[Any, Vector]
    n_censored: Vector
    variance: str = "jackknife"
    conf_type: str = "log-log"
    start_upper: float = field(default=0.0, repr=False)
    unit: str | None = None
    _steps: _Steps | None = field(default=None, repr=False)

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Give the incidence of each cause at some times.

        Parameters
        ----------
        times : array_like

        Returns
        -------
        pandas.DataFrame
            time, cause, n_risk (at risk at the time), incidence, std_error, lower, upper, variance_aalen, reason
            (why there is no interval, though two equal limits stand there; None where there is one). The incidence is
            0 before the first time and stays at its last value after the last.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> from pnstrial.survival import cumulative_incidence
        >>> cumulative_incidence([1, 2, 3], [1, 2, 0]).at([0, 2])[["cause", "incidence"]].round(3).values.tolist()
        [[1.0, 0.0], [1.0, 0.333], [2.0, 0.0], [2.0, 0.333]]
        """
        check_signature(CumulativeIncidence.at, locals())
        wanted = check_times(times)
        place = np.searchsorted(self.time, wanted, side="right")
        at_risk = np.append(self.n_risk, 0.0)[np.searchsorted(self.time, wanted, side="left")]
        rows: list[pd.DataFrame] = []
        for cause in self.causes:
            part: dict[str, Any] = {"time": wanted, "cause": cause, "n_risk": at_risk}
            for name in ("incidence", "std_error", "lower", "upper", "variance_aalen"):
                start = self.start_upper if name == "upper" else 0.0
                part[name] = np.append(start, getattr(self, name)[cause])[place]
            frame = pd.DataFrame(part)
            frame["reason"] = no_interval(frame["incidence"], frame["lower"], frame["upper"], self.conf_type)
            rows.append(frame)
        if not rows:
            return pd.DataFrame(
                columns=["time", "cause", "incidence", "std_error", "lower", "upper", "reason"]
            )
        return pd.concat(rows, ignore_index=True)

    def states(self, times: ArrayLike) -> pd.DataFrame:
        """Give the probability of every state, having had no event among them; they add to 1.

        Parameters
        ----------
        times : array_like

        Returns
        -------
        pandas.DataFrame
            time, state ("event-free" or the cause), probability, std_error, lower, upper.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> from pnstrial.survival import cumulative_incidence
        >>> cumulative_incidence([1, 2, 3], [1, 2, 0]).states(2)["probability"].round(3).tolist()
        [0.333, 0.333, 0.333]
        """
        check_signature(CumulativeIncidence.states, locals())
        wanted = check_times(times)
        place = np.searchsorted(self.time, wanted, side="right")
        none = {
            "probability": (1.0, self.event_free),
            "std_error": (0.0, self.event_free_std_error),
            "lower": (1.0 - self.start_upper, self.event_free_lower),
            "upper": (1.0, self.event_free_upper),
        }
        free = {name: np.append(start, values)[place] for name, (start, values) in none.items()}
        first = pd.DataFrame({"time": wanted, "state": EVENT_FREE, **free})
        rest = self.at(wanted).rename(columns={"cause": "state", "incidence": "probability"})
        parts = [first, rest[list(first.columns)]] if self.causes else [first]
        return pd.concat(parts, ignore_index=True)

    def time_in_state(self, tau: float | None = None) -> pd.DataFrame:
        """Give the mean time spent without event, and after each cause, up to a horizon.

        Parameters
        ----------
        tau : float, optional
            Horizon; the last time if not given.

        Returns
        -------
        pandas.DataFrame
            state ("event-free" or the cause), n_event, estimate, std_error (infinitesimal jackknife), lower, upper,
            reason. The estimates add to tau; the one of a cause is the time lost to it. Limits are normal, cut at 0 and
            tau (at n = 17 those of 95 % cover 40 to 90 %), or with ``conf_type="beta-product"`` the small-sample ones.
            The reason says where nothing varies, so that two equal limits stand there, or NaN with one patient.

        Raises
        ------
        ValueError
            If tau is not positive or lies beyond the last time while somebody had no event by then.

        Notes
        -----
        Andersen, Stat Med 2013;32:5278: the area under each state's probability. Its standard error integrates
        the influence of each patient, so it does not need the covariance between times.

        Examples
        --------
        >>> from pnstrial.survival import cumulative_incidence
        >>> cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1]).time_in_state(3)["estimate"].tolist()
        [2.25, 0.5, 0.25]
        """
        check_signature(CumulativeIncidence.time_in_state, locals())
        steps = self._steps
        if steps is None:
            raise ValueError("time_in_state needs a result of cumulative_incidence")
        horizon = float(self.time[-1]) if tau is None else float(tau)
        if not (np.isfinite(horizon) and horizon > 0):
            raise ValueError(f"tau must be positive and finite, got {tau!r}")
        if horizon > self.time[-1] and self.event_free[-1] > 0:
            raise ValueError(
                f"tau = {horizon:g} lies beyond the last time, {self.time[-1]:g}, when patients were still without "
                f"event: nothing is known there; use a tau up to {self.time[-1]:g}"
            )
        z = normal_quantile(self.level)
        rows: list[dict[str, Any]] = []
        codes = dict(zip(self.causes, steps.causes, strict=True))
        for cause in (None, *self.causes):
            code = None if cause is None else codes[cause]
            estimate, error = steps.area(code, horizon)
            low, high, reason = max(estimate - z * error, 0.0), min(estimate + z * error, horizon), None
            if self.conf_type == "beta-product":
                low, high = limits_of(area_spreads(steps.risk_table(code), horizon), self.level)
                if cause is not None:
                    low, high = horizon - high, horizon - low
            elif self.n < 2:
                low, high, reason = np.nan, np.nan, "std_error, lower, upper: one patient has no spread"
            elif error == 0:
                reason = f"lower, upper: {SAME_TIME}"
            rows.append(
                {
                    "state": EVENT_FREE if cause is None else cause,
                    "n_event": 0 if cause is None else int(self.n_event[cause].sum()),
                    "estimate": estimate,
                    "std_error": np.nan if self.n < 2 else error,
                    "lower": low,
                    "upper": high,
                    "reason": reason,
                }
            )
        return pd.DataFrame(rows)

    def to_lifelines(self, cause: Any) -> Any:
        """Return the curve of one cause as a fitter of lifelines.

        Parameters
        ----------
        cause : int or label
            One of `causes`.

        Returns
        -------
        lifelines.AalenJohansenFitter
            At the same level; its limits are its own.

        Raises
        ------
        ValueError
            For a cause that is none; with tied times, which lifelines breaks at random; with late entry.
        pnstrial.verification.EngineMissingError
            If lifelines is not installed.
        """
        from pnstrial.verification.engines import incidence_fitter

        if cause not in self.causes:
            raise ValueError(
                f"to_lifelines: cause is {cause!r}; the causes are {', '.join(map(repr, self.causes))}"
            )
        ended = np.sum([*self.n_event.values(), self.n_censored], axis=0)
        if (ended != 1).any() or self.n != self.time.size or self.n_risk[0] != self.n:
            raise ValueError(
                "to_lifelines: with tied times lifelines changes them at random, and late entry and weights do not "
                "hold the patients one by one; fit lifelines.AalenJohansenFitter to the records themselves"
            )
        codes = np.sum([k * self.n_event[name] for k, name in enumerate(self.causes, 1)], axis=0)
        return incidence_fitter(self.time, codes.astype(np.int64), self.causes.index(cause) + 1, self.level)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per time and cause.

        Returns
        -------
        pandas.DataFrame
            The columns of `at`.
        """
        return self.at(self.time)

    def _display(self) -> Display:
        rows: list[dict[str, Any]] = []
        last = self.at(self.time[-1])
        for _, row in last.iterrows():
            cause = row["cause"]
            rows.append(
                {"cause": cause, "events": int(self.n_event[cause].sum())}
                | {name: float(row[name]) for name in ("incidence", "lower", "upper")}
            )
        unit = f" {self.unit}" if self.unit else ""
        title = f"Cumulative incidence, n = {self.n}; at {self.time[-1]:g}{unit} ({self.level:.0%}, {self.conf_type})"
        notes = tuple(dict.fromkeys(reason for reason in last["reason"] if reason is not None))
        notes += coverage_note("incidence", self.n) if self.conf_type == "log-log" else ()
        return Display(title, table=pd.DataFrame(rows) if rows else None, notes=notes)


class _Steps:
    """Counts at the distinct times, the Aalen-Johansen estimate and the influence of each kind of patient.

    The derivative of F_k(t) with respect to the weight of patient i is a_i(t) - F_k(t) b_i(t), where a_i and b_i
    grow while i is at risk, in the same way for all, and stay as they are from i's own time on. So sums over the
    patients are sums over times and kinds of end, and nothing of size n x k is needed.
    """

    def __init__(self, times: Vector, codes: NDArray[np.int64], causes: tuple[int, ...]) -> None:
        self.time, self.place = np.unique(times, return_inverse=True)
        self.codes = codes
        self.causes = causes
        k = self.time.size
        total = np.bincount(self.place, minlength=k).astype(float)
        self.risk = np.cumsum(total[::-1])[::-1]
        self.count = {c: np.bincount(self.place[codes == c], minlength=k).astype(float) for c in (0, *causes)}
        self.events = total - self.count[0]
        hazard = self.events / self.risk
        self.free = np.cumprod(1.0 - hazard)
        # The product of 1 - d/Y is exactly 0 after a time at which all at risk have an event.
        self.before = np.append(1.0, self.free[:-1])
        self.going = hazard < 1.0
        self.left = np.where(self.going, 1.0 - hazard, 1.0)
        self.loss = np.where(self.going, hazard / (self.left * self.risk), 0.0)
        self.jump = np.where(self.going, 1.0 / (self.left * self.risk), 0.0)
        self.curve = {c: np.cumsum(self.before * self.count[c] / self.risk) for c in causes}

    def _kinds(self, cause: int | None) -> tuple[Vector, Vector, list[tuple[Vector, Vector, Vector]]]:
        """Give the common part of a and b at each time, and for each kind of end: how many, its a, its b."""
        common_b = -np.cumsum(self.loss)
        if cause is None:
            zero = np.zeros(self.time.size)
            return zero, common_b, [
                (self.count[0], zero, common_b), (self.events, zero, common_b + self.jump),
            ]  # fmt: skip
        curve, own = self.curve[cause], self.count[cause]
        rate = self.before / self.risk
        common_a = -np.cumsum(rate * own / self.risk + curve * self.loss)
        b = common_b + self.jump
        a = common_a + curve * self.jump
        return common_a, common_b, [
            (self.count[0], common_a, common_b), (own, a + rate, b), (self.events - own, a, b),
        ]  # fmt: skip

    def value(self, cause: int | None) -> Vector:
        return self.free if cause is None else self.curve[cause]

    def jackknife(self, cause: int | None) -> Vector:
        """Sum of squared influences at each time."""
        common_a, common_b, kinds = self._kinds(cause)
        f = self.value(cause)
        aa, ab, bb = np.zeros((3, self.time.size))
        for number, a, b in kinds:
            aa += number * a * a
            ab += number * a * b
            bb += number * b * b
        aa, ab, bb = np.cumsum(aa), np.cumsum(ab), np.cumsum(bb)
        after = np.append(self.risk[1:], 0.0)
        still = after * (common_a - f * common_b) ** 2
        total = aa - 2.0 * f * ab + f * f * bb + still
        # Three sums that cancel leave rounding where the variance is 0.
        size = aa + 2.0 * f * np.abs(ab) + f * f * bb + still
        return np.where(total > 64.0 * np.finfo(float).eps * size, total, 0.0)

    def aalen(self, cause: int) -> Vector:
        """Aalen's variance with the hypergeometric correction for ties, as cmprsk."""
        f, own = self.curve[cause], self.count[cause]
        other = self.events - own
        inverse = np.where(self.free > 0.0, 1.0 / np.where(self.free > 0.0, self.free, 1.0), 0.0)

        def load(number: Vector) -> Vector:
            tied = 1.0 - (number - 1.0) / np.maximum(self.risk - 1.0, 1.0)
            return np.where(
                number > 0, (self.before / self.risk) ** 2 * np.where(number > 1, tied, 1.0) * number, 0.0
            )

        mine, theirs = load(own), load(other)
        up, down = 1.0 + f * inverse, f * inverse
        first = np.cumsum(up * up * mine + down * down * theirs)
        cross = np.cumsum(inverse * (up * mine + down * theirs))
        last = np.cumsum(inverse * inverse * (mine + theirs))
        total = first + f * f * last - 2.0 * f * cross
        size = first + f * f * last + 2.0 * f * np.abs(cross)
        return np.where(total > 64.0 * np.finfo(float).eps * size, total, 0.0)

    def influence(self, cause: int | None, at: Vector) -> Vector:
        """Influence of each patient on the curve at some times, shape (n, times)."""
        common_a, common_b, kinds = self._kinds(cause)
        code = self._kind_of(cause)
        a = np.choose(code, [kind[1][self.place] for kind in kinds])
        b = np.choose(code, [kind[2][self.place] for kind in kinds])
        step = np.searchsorted(self.time, at, side="right")
        f = np.append(1.0 if cause is None else 0.0, self.value(cause))[step]
        ahead = np.append(0.0, common_a)[step] - f * np.append(0.0, common_b)[step]
        ended = self.time[self.place][:, None] <= at[None, :]
        return np.where(ended, a[:, None] - f[None, :] * b[:, None], ahead[None, :])

    def _kind_of(self, cause: int | None) -> NDArray[np.int64]:
        if cause is None:
            return (self.codes > 0).astype(np.int64)
        return np.where(self.codes == 0, 0, np.where(self.codes == cause, 1, 2))

    def risk_table(self, cause: int | None) -> RiskTable:
        """Count who is at risk of one cause, those with another one staying at risk as far as they would be followed.

        At risk at t: Y(t) + the sum over other events at s < t of G(t-) / G(s-), G the Kaplan-Meier curve of
        censoring. The product of 1 - dN / Y over these is 1 - F (Geskus, Biometrics 2011;67:39).
        """
        own = self.events if cause is None else self.count[cause]
        other = self.events - own
        left = self.risk - self.events
        still = np.divide(left - self.count[0], left, out=np.zeros_like(left), where=left > 0)
        followed = np.cumprod(np.where(self.count[0] > 0, still, 1.0))
        before = np.append(1.0, followed[:-1])
        gone = np.cumsum(np.divide(other, before, out=np.zeros_like(other), where=before > 0))
        at_risk = self.risk + before * np.append(0.0, gone[:-1])
        after: Vector = np.append(self.risk[1:], 0.0) + followed * gone
        return RiskTable(self.time, at_risk, own, after, float(self.risk[0]))

    def area(self, cause: int | None, tau: float) -> tuple[float, float]:
        """Area under the curve up to tau, with its infinitesimal jackknife standard error."""
        area, influence = self.area_influence(cause, tau)
        return area, float(np.sqrt(np.sum(influence**2)))

    def area_influence(self, cause: int | None, tau: float) -> tuple[float, Vector]:
        """Area under the curve up to tau, and the influence of each patient on it."""
        common_a, common_b, kinds = self._kinds(cause)
        edges = np.minimum(np.concatenate([[0.0], self.time, [max(tau, float(self.time[-1]))]]), tau)
        width = np.diff(edges)
        f = np.append(1.0 if cause is None else 0.0, self.value(cause))
        under = np.append(0.0, np.cumsum(f * width))
        shared = (np.append(0.0, common_a) - f * np.append(0.0, common_b)) * width
        before = np.append(0.0, np.cumsum(shared))[1:-1]
        rest = tau - edges[1:-1]
        f_rest = under[-1] - under[1:-1]
        code = self._kind_of(cause)
        own = [before + a * rest - b * f_rest for _, a, b in kinds]
        return float(under[-1]), np.choose(code, [values[self.place] for values in own])


def estimate_incidence(
    times: Vector,
    codes: NDArray[np.int64],
    causes: dict[int, Any],
    level: float,
    *,
    variance: str = "jackknife",
    conf_type: str = "log-log",
    unit: str | None = None,
) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause from checked data; `cumulative_incidence` says how.

    Parameters
    ----------
    times, codes : ndarray, shape (n,)
        As `causes_of` gives them.
    causes : dict of int to label
        Every code that occurs, and what it is called.
    level : float
    variance, conf_type, unit : str
        As in `cumulative_incidence`.

    Raises
    ------
    ValueError
        If the variance or conf_type is unknown.

    Examples
    --------
    >>> found = estimate_incidence(np.array([1.0, 2, 3]), np.array([1, 0, 1]), {1: "dead"}, 0.95)
    >>> found.incidence["dead"].round(3).tolist()
    [0.333, 0.333, 1.0]
    """
    if variance not in VARIANCES:
        raise ValueError(f"variance must be one of {', '.join(map(repr, VARIANCES))}; got {variance!r}")
    if conf_type not in CONF_TYPES:
        raise ValueError(f"conf_type must be one of {', '.join(map(repr, CONF_TYPES))}; got {conf_type!r}")
    named, names = tuple(causes), causes
    steps = _Steps(times, codes, named)
    jackknife = {c: steps.jackknife(c) for c in named}
    aalen = {c: steps.aalen(c) for c in named}
    error = {c: np.sqrt((jackknife if variance == "jackknife" else aalen)[c]) for c in named}
    free_error = np.sqrt(steps.jackknife(None))
    start_upper = 0.0
    if conf_type == "beta-product":
        limits: dict[int, tuple[Vector, Vector]] = {}
        for c in named:
            low, high = curve_limits(steps.risk_table(c), level)
            limits[c] = (1.0 - high[1:], 1.0 - low[1:])
        free_low, free_high = curve_limits(steps.risk_table(None), level)
        start_upper = float(1.0 - free_low[0])
        free_low, free_high = free_low[1:], free_high[1:]
    else:
        limits = {c: proportion_limits(steps.curve[c], error[c], level, conf_type) for c in named}
        free_low, free_high = proportion_limits(steps.free, free_error, level, conf_type)
    return CumulativeIncidence(
        time=steps.time,
        n_risk=steps.risk,
        causes=tuple(names.values()),
        n_event={names[c]: steps.count[c] for c in named},
        incidence={names[c]: steps.curve[c] for c in named},
        std_error={names[c]: error[c] for c in named},
        lower={names[c]: limits[c][0] for c in named},
        upper={names[c]: limits[c][1] for c in named},
        event_free=steps.free,
        n=int(times.size),
        level=level,
        event_free_std_error=free_error,
        event_free_lower=free_low,
        event_free_upper=free_high,
        variance_jackknife={names[c]: jackknife[c] for c in named},
        variance_aalen={names[c]: aalen[c] for c in named},
        n_censored=steps.count[0],
        variance=variance,
        conf_type=conf_type,
        start_upper=start_upper,
        unit=unit,
        _steps=steps,
    )


@dataclass(frozen=True, eq=False)
class IncidenceInfluence:
    """Curve at some times and the influence of each patient on it.

    Attributes
    ----------
    value : ndarray, shape (times,)
    influence : ndarray, shape (n, times)
        Derivative with respect to the weight of each patient; each column adds to 0.
    """

    value: Vector
    influence: Vector


def incidence_influence(
    time: ArrayLike, cause: ArrayLike, failure: int | None, at: ArrayLike, *, area: bool = False
) -> IncidenceInfluence | NotEstimable:
    """Give the influence of each patient on the cumulative incidence of a cause.

    Parameters
    ----------
    time, cause
        As in `cumulative_incidence`.
    failure : int or None
        The cause; None for the probability of no event.
    at : array_like, shape (times,)
    area : bool
        True: on the area under the curve from 0 to each time instead.

    Returns
    -------
    IncidenceInfluence or NotEstimable
        NotEstimable where the cause never happened.

    Raises
    ------
    ValueError
        As `cumulative_incidence`.

    Examples
    --------
    >>> found = incidence_influence([1, 2], [1, 2], 1, [1])
    >>> found.value.tolist(), found.influence.tolist()
    ([0.5], [[0.25], [-0.25]])
    """
    wanted = check_times(at, "at")
    times, codes = causes_of(time, cause)
    seen = tuple(np.unique(codes[codes > 0]).tolist())
    if failure is not None and failure not in seen:
        return NotEstimable(f"no event of cause {failure} happened")
    steps = _Steps(times, codes, seen)
    if area:
        both = [steps.area_influence(failure, float(tau)) for tau in wanted]
        return IncidenceInfluence(
            np.array([value for value, _ in both]), np.column_stack([influence for _, influence in both])
        )
    curve = np.append(1.0 if failure is None else 0.0, steps.value(failure))
    value = curve[np.searchsorted(steps.time, wanted, side="right")]
    return IncidenceInfluence(value, steps.influence(failure, wanted))


def no_interval(p: ArrayLike, lower: ArrayLike, upper: ArrayLike, conf_type: str) -> list[str | None]:
    """Say where two limits are no interval, because nothing varied.

    Parameters
    ----------
    p, lower, upper : array_like, shape (k,)
    conf_type : str

    Returns
    -------
    list of str or None, shape (k,)

    Examples
    --------
    >>> no_interval([0.0, 0.2], [0.0, 0.1], [0.0, 0.4], "log-log")
    ['lower, upper: nothing varied so far; no log-log limits, see conf_type="beta-product"', None]
    """
    same = np.asarray(lower) == np.asarray(upper)
    words = f'lower, upper: nothing varied so far; no {conf_type} limits, see conf_type="beta-product"'
    return [words if none else None for none in (same & np.isfinite(np.asarray(p))).tolist()]


def proportion_limits(p: Vector, error: Vector, level: float, conf_type: str) -> tuple[Vector, Vector]:
    """Give limits of probabilities with known standard errors.

    Parameters
    ----------
    p, error : ndarray, shape (k,)
    level : float
    conf_type : {"log-log", "plain", "log", "logit"}
        Not "beta-product", which needs more than a standard error.

    Returns
    -------
    lower, upper : ndarray, shape (k,)
        Between 0 and 1. A probability of 0 or 1, or without error, is its own limits.

    Examples
    --------
    >>> low, high = proportion_limits(np.array([0.5]), np.array([0.1]), 0.95, "plain")
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.304], [0.696])
    """
    z = normal_quantile(level)
    inside = (p > 0) & (p < 1) & (error > 0)
    safe = np.where(inside, p, 0.5)
    gap = z * np.where(inside, error, 0.0)
    if conf_type == "plain":
        low, high = safe - gap, safe + gap
    elif conf_type == "log":
        spread = np.minimum(gap / safe, 500.0)
        low, high = safe * np.exp(-spread), safe * np.exp(spread)
    elif conf_type == "logit":
        odds, spread = safe / (1.0 - safe), np.minimum(gap / (safe * (1.0 - safe)), 500.0)
        low, high = 1.0 - 1.0 / (1.0 + odds * np.exp(-spread)), 1.0 - 1.0 / (1.0 + odds * np.exp(spread))
    else:
        # Beyond 500 both limits are at 0 and 1 to the last digit.
        spread = np.minimum(gap / (safe * -np.log(safe)), 500.0)
        low, high = np.exp(np.log(safe) * np.exp(spread)), np.exp(np.log(safe) * np.exp(-spread))
    return np.where(inside, np.clip(low, 0.0, 1.0), p), np.where(inside, np.clip(high, 0.0, 1.0), p)

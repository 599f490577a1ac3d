"""How long is the mean survival up to a time, and how do groups differ in it?

Input: times, events, a horizon tau; a grouping, covariates.
Output: `MeanSurvival` (restricted mean survival time), `MeanSurvivalDifference`.
Protocol section: none.
Method: area under the Kaplan-Meier curve up to tau with Greenwood's variance (Klein and Moeschberger, Survival
Analysis, 2nd ed., eqs. 4.5.1-4.5.3); differences and ratios as in Royston and Parmar, BMC Med Res Methodol
2013;13:152; adjusted by regression with inverse probability of censoring weights (Tian, Zhao and Wei, Biostatistics
2014;15:222).
Next: `pseudo`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast, overload

import numpy as np

from pnstrial.numerics.arguments import as_number, even_array
from pnstrial.numerics.newton import maximise, newton_step
from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.curves.small_sample import area_spreads, limits_of, melded, risk_table
from pnstrial.survival.groups import ByGroup
from pnstrial.survival.observations import EMPTY, as_numbers, check_level, codes_of, columns, follow_up

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]

__all__ = ["MeanSurvival", "MeanSurvivalByGroup", "MeanSurvivalDifference", "rmst", "rmst_difference"]

Number = float | NotEstimable
Limits = tuple[float, float] | NotEstimable

CONF_TYPES: Final = ("plain", "beta-product")


ENOUGH: Final = 10
"""Patients beyond the coefficients, below which an adjusted comparison says that they are few."""
_EXACT: Final = NotEstimable("group and covariates give every time exactly: no error is left")
_OWN: Final = NotEstimable(
    "each patient whom the comparison rests on has a coefficient of his own: no error is left"
)
_TOO_SHORT: Final = "with so few more the normal limits are too short and the p-values too small"


@dataclass(frozen=True)
class MeanSurvival(Result):
    """Restricted mean survival time of one group.

    Attributes
    ----------
    estimate : float or NotEstimable
        Mean of min(T, tau), in the unit of the times.
    std_error : float or NotEstimable
        Greenwood's.
    ci : tuple of float or NotEstimable
        "plain": estimate -+ z x std_error, as in R; it may leave 0 to tau. "beta-product": the small-sample limits
        of `rmst`.
    lost : float or NotEstimable
        tau - estimate: restricted mean time lost; it has the same standard error.
    tau, level : float
    n, events : int
        Patients, and events up to tau.
    conf_type : str
        The interval given: "plain" where entry was late, whatever was requested.
    method : str
    note : str
        What to know of the interval: where it has no width for want of anything that varies, and how often the
        normal one covers in small samples; else empty.
    """

    estimate: Number
    std_error: Number
    ci: Limits
    lost: Number
    tau: float
    level: float
    n: int
    events: int
    conf_type: str = "plain"
    method: str = "area under Kaplan-Meier, Greenwood variance"
    note: str = ""


@dataclass(frozen=True)
class MeanSurvivalByGroup(ByGroup[MeanSurvival]):
    """Restricted mean survival time of each group; ``result["A"]`` is that of group A.

    Attributes
    ----------
    arms : dict
        `MeanSurvival` by label, in the order of the labels.
    tau, level : float
    n : int
        Patients in all groups.
    conf_type : str
    """

    arms: dict[Any, MeanSurvival]
    tau: float
    level: float
    n: int
    conf_type: str

    def _groups(self) -> dict[Any, MeanSurvival]:
        return self.arms

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group.

        Returns
        -------
        pandas.DataFrame
            group, n, events, estimate, std_error, lower, upper, lost; NaN and a column `reason` where there is none.
        """
        import pandas as pd

        rows: list[dict[str, object]] = []
        for group, arm in self.arms.items():
            lower, upper = (arm.ci, arm.ci) if isinstance(arm.ci, NotEstimable) else arm.ci
            rows.append({
                "group": group, "n": arm.n, "events": arm.events, "estimate": arm.estimate,
                "std_error": arm.std_error, "lower": lower, "upper": upper, "lost": arm.lost,
            })  # fmt: skip
        return with_reasons(pd.DataFrame(rows))

    def _display(self) -> Display:
        title = f"Restricted mean survival up to {self.tau:g} ({self.level:.0%}, {self.conf_type})"
        notes = dict.fromkeys(arm.note for arm in self.arms.values() if arm.note)
        return Display(title, (), self.to_frame(), tuple(notes))


@dataclass(frozen=True)
class MeanSurvivalDifference(Result):
    """How two groups differ in restricted mean survival time.

    Attributes
    ----------
    estimate, std_error : float or NotEstimable
        Mean of the second label minus mean of the first, labels sorted.
    ci, p_value
        Of `conf_type`; "plain" is normal, with a p-value that is NotEstimable where nothing varies.
    ratio, ratio_ci, ratio_p_value
        Second mean over first; limits on the log scale.
    lost_ratio, lost_ratio_ci, lost_ratio_p_value
        The same for the mean times lost.
    direction : str
        Which label was subtracted from which.
    arms : dict
        `MeanSurvival` by label.
    tau, level : float
    conf_type : str
        Of `ci` and `p_value`; those of the ratios are normal on the log scale.
    note : str
        As in `MeanSurvival`.
    adjusted_for : int
        Number of covariates; with any, the difference is of a linear and the ratio of a log-linear model, and the ratio
        of times lost of a log-linear model of those.
    """

    estimate: Number
    std_error: Number
    ci: Limits
    p_value: Number
    ratio: Number
    ratio_ci: Limits
    ratio_p_value: Number
    lost_ratio: Number
    lost_ratio_ci: Limits
    lost_ratio_p_value: Number
    direction: str
    arms: dict[Any, MeanSurvival]
    tau: float
    level: float
    adjusted_for: int = 0
    conf_type: str = "plain"
    note: str = ""

    @property
    def n(self) -> int:
        """Patients in both groups."""
        return sum(arm.n for arm in self.arms.values())


def _check_tau(tau: float) -> float:
    number = as_number(tau)
    if number is None or number <= 0:
        raise ValueError(f"tau must be a positive time, got {tau!r}")
    return number


def _area(time: Vector, event: Vector, entry: Vector, tau: float) -> tuple[float, float] | NotEstimable:
    """Give area and variance up to tau, or why there is none."""
    curve = kaplan_meier(time, event, entry if entry.size else None, conf_type="plain")
    last = float(time.max())
    if tau > last and float(curve.survival[-1]) > 0:
        return NotEstimable(
            f"the curve is known up to {last:g}, where {float(curve.survival[-1]):.3g} are event-free: take tau up to"
            f" {last:g}"
        )
    inside = curve.time <= tau
    grid = np.concatenate([[0.0], curve.time[inside], [tau]])
    heights = np.concatenate([[1.0], curve.survival[inside]])
    pieces = np.diff(grid) * heights
    area = math.fsum(pieces)
    later = np.cumsum(pieces[::-1])[::-1][1:]  # area from each time on
    at_risk, deaths = curve.n_risk[inside], curve.n_event[inside]
    left = at_risk - deaths
    share = np.divide(deaths, at_risk * left, out=np.zeros_like(left, dtype=float), where=left > 0)
    return area, float((later**2 * share).sum())


@overload
def rmst(
    time: ArrayLike | str, event: ArrayLike | str, tau: float, entry: ArrayLike | str | None = None,
    level: float = 0.95, *, conf_type: str = "plain", data: Any = None, group: None = None, event_is: Any = None,
    unit: str | None = None,
) -> MeanSurvival: ...  # fmt: skip
@overload
def rmst(
    time: ArrayLike | str, event: ArrayLike | str, tau: float, entry: ArrayLike | str | None = None,
    level: float = 0.95, *, conf_type: str = "plain", data: Any = None, group: ArrayLike | str, event_is: Any = None,
    unit: str | None = None,
) -> MeanSurvivalByGroup: ...  # fmt: skip
def rmst(
    time: ArrayLike | str, event: ArrayLike | str, tau: float, entry: ArrayLike | str | None = None,
    level: float = 0.95, *, conf_type: str = "plain", data: Any = None, group: ArrayLike | str | None = None,
    event_is: Any = None, unit: str | None = None,
) -> MeanSurvival | MeanSurvivalByGroup:  # fmt: skip
    """Estimate the restricted mean survival time: the mean of min(T, tau).

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up time and event (1) or censoring (0).
    tau : float
        Horizon, in the unit of the times.
    entry : array_like, shape (n,), optional
        Time from which each patient was observed.
    level : float, default 0.95
    conf_type : {"plain", "beta-product"}
        "plain" is R's normal interval; at n = 17 one of 95 % covers 85 to 93 % of the time, least where few had
        the event. "beta-product" covers at least 95 % there, with events or without; with late entry it is not
        defined, and the result says "plain".
    data, event_is, unit
        As in `kaplan_meier`; tau is in the same unit.
    group : array_like, shape (n,), or str, optional
        Labels; one mean for each. `rmst_difference` compares two groups.

    Returns
    -------
    MeanSurvival or MeanSurvivalByGroup
        The latter with `group`. NotEstimable, with the reason, where tau lies beyond the follow-up and the curve has
        not reached 0.

    Raises
    ------
    ValueError
        If tau, level or the data are impossible; every offender is named.

    Notes
    -----
    Equal to R's survRM2 and `survfit(...)$rmean`. R carries the curve flat beyond the last observation without a word;
    here that is not estimable. Small-sample limits: `pnstrial.survival.curves.small_sample.area_spreads`.

    Examples
    --------
    >>> round(rmst([2, 4, 6], [1, 0, 1], tau=6).estimate, 6)
    4.666667
    """
    check_level(level)
    tau = _check_tau(tau)
    _check_conf_type(conf_type)
    time, event, entry, group = columns(data, time=time, event=event, entry=entry, group=group)
    times, events, entries, _ = follow_up(time, event, entry, event_is=event_is, unit=unit)
    used = "plain" if entries.any() else conf_type
    if group is None:
        return _mean(times, events, entries, tau, level, used)
    labels, codes = codes_of(group, times.size)
    arms = {
        label: _mean(
            times[codes == k],
            events[codes == k],
            entries[codes == k] if entries.size else EMPTY,
            tau,
            level,
            used,
        )
        for k, label in enumerate(labels)
    }
    return MeanSurvivalByGroup(arms, tau, level, int(times.size), used)


def _check_conf_type(conf_type: str) -> None:
    if conf_type not in CONF_TYPES:
        raise ValueError(f"conf_type must be one of {', '.join(map(repr, CONF_TYPES))}; got {conf_type!r}")


def _mean(
    time: Vector, event: Vector, entry: Vector, tau: float, level: float, conf_type: str
) -> MeanSurvival:
    found = _area(time, event, entry, tau)
    n, events = int(time.size), int(((event == 1) & (time <= tau)).sum())
    if isinstance(found, NotEstimable):
        return MeanSurvival(found, found, found, found, tau, level, n, events, conf_type)
    area, variance = found
    error = math.sqrt(variance)
    half = normal_quantile(level) * error
    ci = (area - half, area + half)
    if conf_type == "beta-product":
        ci = limits_of(area_spreads(risk_table(time, event), tau), level)
    return MeanSurvival(
        area, error, ci, tau - area, tau, level, n, events, conf_type, note=_note(conf_type, error, n)
    )


def _note(conf_type: str, error: float, n: int) -> str:
    """Say what a normal interval of a small sample is worth."""
    if conf_type != "plain":
        return ""
    if error == 0:
        return f"the limits are the estimate: {_NO_SPREAD.reason}"
    return "".join(coverage_note("mean survival", n))


def _compared(top: float, base: float, error: float, level: float) -> tuple[Number, Limits, Number]:
    """Give a ratio, its limits and p-value from the standard error of its logarithm."""
    log = math.log(top / base)
    half = normal_quantile(level) * error
    p = two_sided_p(log / error) if error > 0 else _NO_SPREAD
    return top / base, (math.exp(log - half), math.exp(log + half)), p


_NUMBERS: Final = (
    "estimate", "std_error", "ci", "p_value", "ratio", "ratio_ci", "ratio_p_value", "lost_ratio", "lost_ratio_ci",
    "lost_ratio_p_value",
)  # fmt: skip


def _nothing(
    reason: NotEstimable,
    direction: str,
    arms: dict[Any, MeanSurvival],
    tau: float,
    level: float,
    adjusted: int = 0,
) -> MeanSurvivalDifference:
    numbers: dict[str, Any] = dict.fromkeys(_NUMBERS, reason)
    return MeanSurvivalDifference(
        **numbers, direction=direction, arms=arms, tau=tau, level=level, adjusted_for=adjusted
    )


_NO_SPREAD = NotEstimable(
    'nothing varies: nobody, or everybody at one time, had the event before tau; conf_type="beta-product" has limits'
)


def rmst_difference(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, tau: float, level: float = 0.95,
    covariates: ArrayLike | None = None, *, conf_type: str = "plain", data: Any = None, event_is: Any = None,
    unit: str | None = None,
) -> MeanSurvivalDifference:  # fmt: skip
    """Compare two groups by restricted mean survival time.

    Parameters
    ----------
    time, event : array_like, shape (n,)
    group : array_like, shape (n,)
        Two labels; the smaller is subtracted from the larger.
    tau : float
    level : float, default 0.95
    covariates : array_like, shape (n,) or (n, k), optional
        Numbers to adjust for.
    conf_type : {"plain", "beta-product"}
        Interval and test of the difference: R's normal ones, which with 17 patients in all cover about 91 %; or the
        small-sample limits of the two groups melded, for a comparison without covariates.
    data, event_is, unit
        As in `kaplan_meier`; tau is in the same unit.

    Returns
    -------
    MeanSurvivalDifference

    Raises
    ------
    ValueError
        If there are not two groups, or the data, tau or level are impossible.

    Notes
    -----
    Equal to R's survRM2::rmst2, adjusted or not. Where nothing varies R gives a p-value of NaN, here it is
    NotEstimable with the reason.

    Examples
    --------
    >>> found = rmst_difference([2, 4, 3, 6], [1, 1, 1, 1], [0, 0, 1, 1], tau=4)
    >>> found.estimate, round(found.ratio, 3)
    (0.5, 1.167)
    """
    check_level(level)
    tau = _check_tau(tau)
    _check_conf_type(conf_type)
    if covariates is not None and conf_type != "plain":
        raise ValueError(
            f'conf_type = {conf_type!r} has no adjusted version; leave covariates out or use "plain"'
        )
    time, event, group = columns(data, time=time, event=event, group=group)
    if data is not None and covariates is not None:
        names = [covariates] if isinstance(covariates, str) else list(cast("Any", covariates))
        if all(isinstance(name, str) for name in names):
            covariates = np.column_stack(columns(data, **{name: name for name in names}))
    times, events, entries, _ = follow_up(time, event, event_is=event_is, unit=unit)
    labels, codes = codes_of(group, times.size)
    if len(labels) != 2:
        raise ValueError(f"group must have two labels, got {len(labels)}: {labels}")
    arms = {
        label: _mean(times[codes == k], events[codes == k], entries, tau, level, conf_type)
        for k, label in enumerate(labels)
    }
    direction = f"{labels[1]} minus {labels[0]}"
    table = None if covariates is None else _covariates(covariates, times.size)
    for label, arm in arms.items():
        if isinstance(arm.estimate, NotEstimable):
            reason = NotEstimable(f"group {label}: {arm.estimate.reason}")
            return _nothing(reason, direction, arms, tau, level, 0 if table is None else table.shape[1])
    if table is not None:
        return _adjusted(times, events, codes, table, tau, level, direction, arms)
    first, second = arms[labels[0]], arms[labels[1]]
    mean_0, mean_1 = float(first.estimate), float(second.estimate)  # type: ignore[arg-type]
    error_0, error_1 = float(first.std_error), float(second.std_error)  # type: ignore[arg-type]
    difference, error = mean_1 - mean_0, math.hypot(error_0, error_1)
    half = normal_quantile(level) * error
    ci = (difference - half, difference + half)
    p_value: Number = two_sided_p(difference / error) if error > 0 else _NO_SPREAD
    if conf_type == "beta-product":
        spreads = [area_spreads(risk_table(times[codes == k], events[codes == k]), tau) for k in (0, 1)]
        ci, p_value = melded(spreads[0], spreads[1], level, -tau, tau)
    ratio: tuple[Number, Limits, Number] = (_NO_MEAN, _NO_MEAN, _NO_MEAN)
    if mean_0 > 0 and mean_1 > 0:
        ratio = _compared(mean_1, mean_0, math.hypot(error_0 / mean_0, error_1 / mean_1), level)
    lost_0, lost_1 = tau - mean_0, tau - mean_1
    lost: tuple[Number, Limits, Number] = (0.0 if lost_0 > 0 else _NO_LOSS, _NO_LOSS, _NO_LOSS)
    if lost_0 > 0 and lost_1 > 0:
        lost = _compared(lost_1, lost_0, math.hypot(error_0 / lost_0, error_1 / lost_1), level)
    return MeanSurvivalDifference(
        difference, error, ci, p_value, *ratio, *lost, direction, arms, tau, level, conf_type=conf_type,
        note=_note(conf_type, error, times.size),
    )  # fmt: skip


_NO_MEAN = NotEstimable("the mean of a group is 0, all of it at time 0: there is no ratio")
_NO_LOSS = NotEstimable("a group lost no time before tau: a ratio of times lost has no logarithm")


def _covariates(covariates: ArrayLike, n: int) -> Vector:
    given = even_array("covariates", covariates)
    if given.ndim not in (1, 2):
        raise ValueError(f"covariates must have shape ({n},) or ({n}, k), got {given.shape}")
    flat: Vector = as_numbers(given.ravel(), "covariates")
    table: Vector = flat[:, None] if given.ndim == 1 else flat.reshape(given.shape)
    if table.ndim != 2 or table.shape[0] != n:
        raise ValueError(f"covariates must have shape ({n},) or ({n}, k), got {np.shape(covariates)}")
    for column in range(table.shape[1]):
        values = as_numbers(table[:, column], f"covariates[:, {column}]")
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            listed = ", ".join(f"[{i}, {column}] = {values[i]}" for i in wrong[:8])
            raise ValueError(f"covariates must be finite: {listed}")
    return table


def _adjusted(
    time: Vector, event: Vector, arm: NDArray[np.int64], covariates: Vector, tau: float, level: float, direction: str,
    arms: dict[Any, MeanSurvival],
) -> MeanSurvivalDifference:  # fmt: skip
    """Compare adjusted means: weighted regressions of min(T, tau), weights from the censoring of each arm."""
    X: Vector = np.column_stack([np.ones(time.size), arm, covariates]).astype(float)
    if np.linalg.matrix_rank(X) < X.shape[1]:
        reason = NotEstimable("a covariate is constant or repeats the group or another covariate")
        return _nothing(reason, direction, arms, tau, level, covariates.shape[1])
    lived = np.minimum(time, tau)
    seen = np.where(time >= tau, 1.0, event)
    weights = np.zeros(time.size)
    for k in range(2):
        mine = arm == k
        censoring = kaplan_meier(lived[mine], 1.0 - seen[mine], conf_type="plain")
        at = censoring.survival[np.searchsorted(censoring.time, lived[mine])]
        weights[mine] = np.divide(seen[mine], at, out=np.zeros_like(at), where=at > 0)
    found = [
        _regression(X, lived, seen, arm, weights, log=False),
        _regression(X, lived, seen, arm, weights, log=True),
        _regression(X, tau - lived, seen, arm, weights, log=True, order=lived),
    ]
    z = normal_quantile(level)
    values: list[Any] = []
    for k, part in enumerate(found):
        if isinstance(part, NotEstimable):
            values += [part] * (4 if k == 0 else 3)
            continue
        beta, error = part
        limits = (beta - z * error, beta + z * error)
        p = two_sided_p(beta / error) if error > 0 else _NO_SPREAD
        values += [beta, error, limits, p] if k == 0 else [math.exp(beta), tuple(map(math.exp, limits)), p]
    numbers: dict[str, Any] = dict(zip(_NUMBERS, values, strict=True))
    carried, coefficients = int((weights > 0).sum()), X.shape[1]
    few = (
        f"{carried} patients followed to the event or to tau carry {coefficients} coefficients: {_TOO_SHORT}"
    )
    return MeanSurvivalDifference(
        **numbers, direction=direction, arms=arms, tau=tau, level=level, adjusted_for=covariates.shape[1],
        note=few if carried - coefficients < ENOUGH and not isinstance(found[0], NotEstimable) else "",
    )  # fmt: skip


def _regression(
    X: Vector, y: Vector, seen: Vector, arm: NDArray[np.int64], weights: Vector, *, log: bool,
    order: Vector | None = None,
) -> tuple[float, float] | NotEstimable:  # fmt: skip
    """Fit the weighted regression; give coefficient and standard error of the group."""
    mean = float((weights * y).sum() / weights.sum())
    if log and mean <= 0:
        return _NO_LOSS
    used = weights > 0
    if np.ptp(y[used]) == 0.0:  # an exact 0, where least squares leave rounding errors of an error of 0
        return 0.0, 0.0
    if np.linalg.matrix_rank(X[used]) < X.shape[1]:
        return NotEstimable(
            "among those followed to the event or to tau a covariate is constant or repeats the others or the group"
        )
    root = np.sqrt(weights)
    beta = (
        _log_linear(X, y, weights, mean)
        if log
        else np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    )
    if isinstance(beta, NotEstimable):
        return beta
    fitted = np.exp(X @ beta) if log else X @ beta
    exact = float(np.abs(y - fitted)[used].max()) <= 1e-9 * float(y[used].max())
    if exact or _saturated(X[used], (root * np.sqrt(fitted) if log else root)[used]):
        return _EXACT if exact else _OWN
    score = X * (weights * (y - fitted))[:, None]
    times = y if order is None else order
    meat = np.zeros((X.shape[1], X.shape[1]))
    for k in range(2):
        mine = arm == k
        influence = _influence(times[mine], seen[mine], score[mine])
        meat += influence.T @ influence
    bread = np.linalg.inv((X * (fitted[:, None] if log else 1.0)).T @ X)
    return float(beta[1]), float(math.sqrt((bread @ meat @ bread)[1, 1]))


def _log_linear(X: Vector, y: Vector, weights: Vector, mean: float) -> Vector | NotEstimable:
    """Solve the quasi-Poisson score: the gradient of a Poisson log-likelihood."""
    if _separated(X[weights > 0], y[weights > 0]):
        return NotEstimable(
            "infinite: on one side of the group or a covariate all times are 0, so the log-linear model has no finite"
            " estimate"
        )
    start = np.zeros(X.shape[1])
    start[0] = math.log(mean)

    def poisson(beta: Vector) -> tuple[float, Vector, Vector] | None:
        line = X @ beta
        if line.max() > 500.0:
            return None
        rate = weights * np.exp(line)
        return float(weights @ (y * line)) - float(rate.sum()), X.T @ (weights * y - rate), (X.T * rate) @ X

    found = maximise(
        poisson, start, step=newton_step, longest=5.0, length=lambda step: float(np.ptp(X @ step))
    )
    return found.point if found.reached else NotEstimable("the log-linear model has no finite estimate")


def _separated(X: Vector, y: Vector) -> bool:
    """Say whether a log-linear mean can go to 0 for some with a value of 0 and stay where it is for all others.

    Then its likelihood has no maximum: Santos Silva and Tenreyro, Econ Lett 2010;107:310.
    """
    from scipy.optimize import linprog

    none = y <= 0
    if not none.any():
        return False
    unit = X / np.abs(X).max(axis=0)
    found = linprog(
        unit[none].sum(axis=0), A_ub=unit[none], b_ub=np.zeros(int(none.sum())), A_eq=unit[~none],
        b_eq=np.zeros(int((~none).sum())), bounds=[(-1.0, 1.0)] * X.shape[1], method="highs",
    )  # fmt: skip
    return found.fun is not None and float(found.fun) < -1e-7


def _saturated(X: Vector, root: Vector) -> bool:
    """Say whether all patients that the group's coefficient rests on have a residual of 0 by design: leverage 1."""
    basis, triangle = np.linalg.qr(X * root[:, None])
    rests = np.abs(np.linalg.solve(triangle, basis.T)[1])
    free = 1.0 - (basis**2).sum(axis=1)
    return not bool((free[rests > 1e-9 * rests.max()] > 1e-9).any())


def _influence(time: Vector, seen: Vector, score: Vector) -> Vector:
    """Add to each patient's score what he tells about the censoring weights of his arm."""
    order = np.argsort(time, kind="stable")
    t, s, censored = time[order], score[order], 1.0 - seen[order]
    first = np.searchsorted(t, t, side="left")  # everybody from here on is at risk
    last = np.searchsorted(t, t, side="right")
    at_risk = (t.size - first).astype(float)
    sums = np.cumsum(s[::-1], axis=0)[::-1][first]
    drift = np.cumsum(sums * (censored / at_risk**2)[:, None], axis=0)[last - 1]
    made = np.empty_like(score)
    made[order] = s + sums * (censored / at_risk)[:, None] - drift
    return made

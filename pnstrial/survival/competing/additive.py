"""By how much does a covariate add to the hazard, over time?

Input: a table with time, event and covariates.
Output: `AalenAdditive`: slope, weighted mean and test of each covariate, cumulative regression functions.
Protocol section: none.
Method: Aalen, Stat Med 1989;8:907, with the test weights and the conventions of R's survival::aareg.
Next: `competing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.cox.covariates import design_of, table_and_columns
from pnstrial.survival.observations import columns, follow_up

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["AalenAdditive", "aalen_additive"]

TESTS: Final = ("aalen", "nrisk")
INTERCEPT: Final = "Intercept"
SINGULAR: Final = 1e-7
ROUNDING: Final = 1e-13


@dataclass(frozen=True, eq=False)
class AalenAdditive(Result):
    """An additive hazards model.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per term (the intercept first; names are the index): slope (weighted least-squares slope of the
        cumulative regression function through 0, per unit of time), coef (weighted mean increment per event),
        std_error (of coef), z, p_value. Every cell is NotEstimable where fewer than two event times have a risk set
        large enough.
    statistic : float or NotEstimable
        Chi-square that no covariate has an effect; NotEstimable where its variance is singular.
    df : int
    p_value : float or NotEstimable
    event_time : ndarray, shape (events,)
        One entry per event used; tied events follow each other.
    increment : ndarray, shape (events, terms)
    n, events, events_used : int
        Patients, events, and events up to the last usable time.
    test : str
    """

    table: pd.DataFrame
    statistic: float | NotEstimable
    df: int
    p_value: float | NotEstimable
    event_time: NDArray[np.float64]
    increment: NDArray[np.float64]
    n: int
    events: int
    events_used: int
    test: str

    def cumulative(self) -> pd.DataFrame:
        """Give the cumulative regression functions.

        Returns
        -------
        pandas.DataFrame
            time and one column per term, one row per distinct event time; empty where the model is not estimable.
        """
        frame = pd.DataFrame(np.cumsum(self.increment, axis=0), columns=list(self.table.index))
        frame.insert(0, "time", self.event_time)
        return frame.drop_duplicates("time", keep="last").reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the table, the terms as first column.

        Returns
        -------
        pandas.DataFrame
            NaN where there is no number; with a column `reason` where one is missing.
        """
        return with_reasons(self.table, "term")

    @property
    def estimate(self) -> float | NotEstimable:
        """Weighted mean increment per event of the first covariate, which is the primary one."""
        coef = self.table["coef"].iloc[1]
        return coef if isinstance(coef, NotEstimable) else float(coef)

    def _display(self) -> Display:
        return Display(
            f"Aalen's additive hazards: {self.events_used} of {self.events} events used, {self.n} rows",
            (("test of all covariates, p", self.p_value),),
            self.to_frame(),
        )


def aalen_additive(
    *given: Any,
    data: Any = None,
    time: str | ArrayLike | None = None,
    event: str | ArrayLike | None = None,
    covariates: Any = None,
    test: str = "aalen",
    n_min: int | None = None,
    event_is: Any = None,
    unit: str | None = None,
) -> AalenAdditive:
    """Fit Aalen's additive hazards model.

    Parameters
    ----------
    *given
        time, event and covariates by place, before them the table if there is one.
    data : pandas.DataFrame or mapping of str to array, optional
        One row per patient.
    time, event : str or array_like
        Columns, or values: follow-up time and event (0 or 1, or labels with `event_is`).
    covariates : str, sequence of str, or array_like
        As in `cox`: columns (numbers as they are, words as indicators against their first level), a formula or values.
    test : {"aalen", "nrisk"}
        Weight of an increment: the inverse of its diagonal element of (X'X)^-1, or the number at risk.
    n_min : int, optional
        Smallest risk set used; default three patients per covariate. Later events are left out, as are those
        whose risk set does not vary in a covariate; `events_used` says how many are left.
    event_is : label or list of labels, optional
        What the event is called, where it is not 1.
    unit : str, optional
        Unit in which durations (Timedelta) are counted.

    Returns
    -------
    AalenAdditive

    Raises
    ------
    ValueError
        If a column is absent, a covariate has no finite value, or an argument is outside what is possible.

    Notes
    -----
    At each event the least-squares increment (X'X)^-1 X' dN over the risk set, X with a column of ones (Aalen
    1989); tied events share the risk set. The test sums weighted increments w dB, with the sum of their outer
    products as covariance, as ``aareg`` of R. With one covariate R goes on where it no longer varies, if its variance
    comes out as rounding instead of 0; here such risk sets are left out always.

    Examples
    --------
    >>> data = pd.DataFrame({"t": [1, 2, 3, 4, 5, 6, 7], "d": [1, 1, 0, 1, 1, 1, 0], "x": [1, 0, 1, 0, 1, 0, 0]})
    >>> model = aalen_additive(data, "t", "d", "x")
    >>> model.table["coef"].round(4).tolist(), round(model.statistic, 4)
    ([0.1538, 0.1467], 0.4539)
    """
    check_signature(aalen_additive, locals())
    if test not in TESTS:
        raise ValueError(f"test must be one of {', '.join(map(repr, TESTS))}; got {test!r}")
    data, (time, event, covariates) = table_and_columns(
        "aalen_additive", given, data, time=time, event=event, covariates=covariates
    )
    times, events, _, _ = follow_up(*columns(data, time=time, event=event), event_is=event_is, unit=unit)
    design = design_of(data, covariates, times.size)
    x, names = design.x, list(design.names)
    smallest = 3 * len(names) if n_min is None else int(n_min)
    order = np.lexsort((-events, times))
    times, events, x = times[order], events[order], x[order]
    used, increment, weight, risk = _increments(times, events, x, smallest)
    shared: dict[str, Any] = {
        "df": len(names),
        "event_time": times[used],
        "n": int(times.size),
        "events": int(events.sum()),
        "events_used": len(used),
        "test": test,
    }
    if np.unique(times[used]).size < 2:
        reason = NotEstimable(
            f"fewer than two event times have {smallest} patients at risk who differ in every covariate"
        )
        none = pd.DataFrame(
            {name: [reason] * (len(names) + 1) for name in ("slope", "coef", "std_error", "z", "p_value")},
            index=pd.Index([INTERCEPT, *names]),
        )
        return AalenAdditive(table=none, statistic=reason, p_value=reason, increment=increment, **shared)
    load = weight if test == "aalen" else np.broadcast_to(risk[:, None], weight.shape)
    frame, statistic, p_value = _summary(times[used], increment, load, [INTERCEPT, *names], test)
    return AalenAdditive(table=frame, statistic=statistic, p_value=p_value, increment=increment, **shared)


def _increments(
    times: Vector, events: Vector, x: Vector, smallest: int
) -> tuple[NDArray[np.int64], Vector, Vector, Vector]:
    """Give the events used, and for each its increment, the weights 1 / diag (X'X)^-1 and the number at risk."""
    n, p = x.shape
    used: list[int] = []
    rows: list[Vector] = []
    weights: list[Vector] = []
    risk: list[int] = []
    before, inverse = -1.0, np.empty((0, 0))
    mean = np.zeros(p)
    for i in np.flatnonzero(events == 1.0):
        first = int(np.searchsorted(times, times[i], side="left"))
        if times[i] != before:
            at_risk = x[first:]
            mean = at_risk.mean(axis=0)
            spread = at_risk - mean
            size = np.sqrt((spread**2).mean(axis=0))
            scale = np.where(size > 0, size, 1.0)
            unit = np.linalg.svd(spread / scale, compute_uv=False) if n - first >= smallest else np.zeros(1)
            # Risk sets only lose patients: one that is too small or does not vary is followed by such ones only.
            if n - first < smallest or (size <= 0).any() or unit.size < p or unit[-1] < SINGULAR * unit[0]:
                break
            inverse = np.linalg.inv(spread.T @ spread)
            before = times[i]
        count = n - first
        slope = inverse @ (x[i] - mean)
        used.append(int(i))
        rows.append(np.append(1.0 / count - mean @ slope, slope))
        weights.append(1.0 / np.append(1.0 / count + mean @ inverse @ mean, np.diag(inverse)))
        risk.append(count)
    shape = (len(used), p + 1)
    return (
        np.array(used, dtype=np.int64), np.array(rows).reshape(shape), np.array(weights).reshape(shape),
        np.array(risk, dtype=float),
    )  # fmt: skip


def _summary(
    times: Vector, increment: Vector, load: Vector, terms: list[str], test: str
) -> tuple[pd.DataFrame, float | NotEstimable, float | NotEstimable]:
    from scipy.special import chdtrc, ndtr

    weighted = load * increment
    sums = weighted.sum(axis=0)
    covariance = weighted.T @ weighted
    error = np.sqrt(np.diag(covariance))
    scale = load.sum(axis=0) if test == "aalen" else np.full(len(terms), float(times.size))
    slope = (np.cumsum(weighted, axis=0) * times[:, None]).sum(axis=0) / (load * times[:, None] ** 2).sum(
        axis=0
    )
    # Increments that cancel to rounding are 0: such a term has no test.
    flat = error <= ROUNDING * np.sqrt((load**2).sum(axis=0))
    sums, error, slope = np.where(flat, 0.0, sums), np.where(flat, 0.0, error), np.where(flat, 0.0, slope)
    z = sums / np.where(flat, 1.0, error)
    none = NotEstimable("all its increments are 0")
    tested = {"z": z.tolist(), "p_value": (2.0 * ndtr(-np.abs(z))).tolist()}
    columns = {
        name: [none if gone else value for gone, value in zip(flat, values, strict=True)]
        for name, values in tested.items()
    }
    frame = pd.DataFrame(
        {
            "slope": slope,
            "coef": sums / scale,
            "std_error": error / scale,
            **columns,
        },
        index=pd.Index(terms),
    )
    block = covariance[1:, 1:]
    spread = np.sqrt(np.diag(block))
    if flat[1:].any() or np.linalg.eigvalsh(block / np.outer(spread, spread))[0] < SINGULAR**1.5:
        reason = NotEstimable("the variance of the test is singular")
        return frame, reason, reason
    statistic = float(sums[1:] @ np.linalg.solve(block, sums[1:]))
    return frame, statistic, float(chdtrc(len(terms) - 1, statistic))

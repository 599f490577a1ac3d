"""How often does one event come first, where another one prevents it?

Input: times, and causes (0 = censored, 1, 2, ... = which event came first).
Output: `CumulativeIncidence`: per cause the probability up to each time, with standard error and limits.
Protocol section: none.
Method: Aalen and Johansen, Scand J Stat 1978;5:141; standard errors by the infinitesimal jackknife, as R's
survfit of a multi-state response (Aalen's variance, as in cmprsk, differs slightly at small n).
Next: `trial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pnstrial.results import Result
from pnstrial.survival.observations import as_numbers, check_level, check_times, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CumulativeIncidence", "cumulative_incidence"]


@dataclass(frozen=True, eq=False)
class CumulativeIncidence(Result):
    """Cumulative incidence of each cause.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Distinct times, increasing.
    n_risk : ndarray, shape (k,)
        At risk just before the time.
    causes : tuple of int
    n_event : dict of int to ndarray
        Events of each cause at each time.
    incidence, std_error, lower, upper : dict of int to ndarray
        By cause, shape (k,). Limits on the log-log scale; where the incidence is 0 both limits are 0.
    event_free : ndarray, shape (k,)
        Probability of no event yet.
    n : int
    level : float
    """

    time: NDArray[np.float64]
    n_risk: NDArray[np.float64]
    causes: tuple[int, ...]
    n_event: dict[int, NDArray[np.float64]]
    incidence: dict[int, NDArray[np.float64]]
    std_error: dict[int, NDArray[np.float64]]
    lower: dict[int, NDArray[np.float64]]
    upper: dict[int, NDArray[np.float64]]
    event_free: NDArray[np.float64]
    n: int
    level: float

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Give the incidence of each cause at some times.

        Parameters
        ----------
        times : array_like

        Returns
        -------
        pandas.DataFrame
            time, cause, incidence, std_error, lower, upper; 0 before the first time.
        """
        wanted = check_times(times)
        place = np.searchsorted(self.time, wanted, side="right") - 1
        rows: list[pd.DataFrame] = []
        for cause in self.causes:
            part = {"time": wanted, "cause": cause}
            for name in ("incidence", "std_error", "lower", "upper"):
                values = getattr(self, name)[cause]
                part[name] = (
                    np.where(place >= 0, values[np.maximum(place, 0)], 0.0) if values.size else 0.0 * wanted
                )
            rows.append(pd.DataFrame(part))
        if not rows:
            return pd.DataFrame(columns=["time", "cause", "incidence", "std_error", "lower", "upper"])
        return pd.concat(rows, ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per time and cause."""
        return self.at(self.time)

    def __str__(self) -> str:
        told = [f"Cumulative incidence, n = {self.n}"]
        for cause in self.causes:
            last = self.incidence[cause][-1]
            events = int(self.n_event[cause].sum())
            told.append(f"cause {cause}: {events} events, {last:.3f} at {self.time[-1]:g}")
        return "\n".join(told)


def cumulative_incidence(time: ArrayLike, cause: ArrayLike, level: float = 0.95) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up times, at least 0.
    cause : array_like of int, shape (n,)
        0 censored, 1, 2, ... the event that came first.
    level : float, default 0.95

    Returns
    -------
    CumulativeIncidence

    Raises
    ------
    ValueError
        For times below 0, causes that are not whole numbers from 0 on, unequal lengths or no patient.

    Notes
    -----
    F_k(t) = sum over s <= t of S(s-) dN_k(s) / Y(s). The standard error is the root of the sum of squared
    derivatives of F_k with respect to the weight of each patient.

    Examples
    --------
    >>> result = cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1])
    >>> result.incidence[1].round(3).tolist(), result.incidence[2].round(3).tolist()
    ([0.25, 0.25, 0.25, 0.75], [0.0, 0.25, 0.25, 0.25])
    """
    check_level(level)
    times, codes = as_numbers(time, "time"), as_numbers(cause, "cause")
    if times.size != codes.size:
        raise ValueError(f"time has {times.size} values and cause {codes.size}; give one cause for each time")
    if times.size == 0:
        raise ValueError("time is empty; give at least one patient")
    if (times < 0).any():
        place = int(np.flatnonzero(times < 0)[0])
        raise ValueError(f"time[{place}] is {times[place]:g}; a follow-up time must be at least 0")
    if wrong := [i for i, code in enumerate(codes) if code < 0 or not float(code).is_integer()]:
        raise ValueError(
            f"cause[{wrong[0]}] is {codes[wrong[0]]:g}; write 0 for censored, 1, 2, ... for the event"
        )
    whole = codes.astype(int)
    causes = tuple(sorted(set(whole[whole > 0].tolist())))
    distinct = np.unique(times)
    n, k = times.size, distinct.size
    risk = np.array([(times >= at).sum() for at in distinct], dtype=float)
    counts = {
        c: np.array([((times == at) & (whole == c)).sum() for at in distinct], dtype=float) for c in causes
    }
    incidence = {c: np.empty(k) for c in causes}
    error = {c: np.empty(k) for c in causes}
    free = np.empty(k)
    survival = 1.0
    d_survival = np.zeros(n)
    now = dict.fromkeys(causes, 0.0)
    d_now = {c: np.zeros(n) for c in causes}
    for step, at in enumerate(distinct):
        at_risk = (times >= at) / risk[step]
        change = np.zeros(n)
        total = 0.0
        for c in causes:
            hazard = counts[c][step] / risk[step]
            d_hazard = ((times == at) & (whole == c)) / risk[step] - at_risk * hazard
            now[c] += survival * hazard
            d_now[c] += d_survival * hazard + survival * d_hazard
            incidence[c][step] = now[c]
            error[c][step] = np.sqrt(np.sum(d_now[c] ** 2))
            total += hazard
            change += d_hazard
        d_survival = d_survival * (1.0 - total) - survival * change
        survival *= 1.0 - total
        free[step] = survival
    limits = {c: _log_log(incidence[c], error[c], normal_quantile(level)) for c in causes}
    return CumulativeIncidence(
        time=distinct,
        n_risk=risk,
        causes=causes,
        n_event=counts,
        incidence=incidence,
        std_error=error,
        lower={c: limits[c][0] for c in causes},
        upper={c: limits[c][1] for c in causes},
        event_free=free,
        n=int(n),
        level=level,
    )


def _log_log(
    p: NDArray[np.float64], error: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give limits on the log-log scale; an incidence of 0 or 1 is its own limits."""
    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    spread = z * error / (safe * -np.log(safe))
    low = np.where(inside, np.exp(np.log(safe) * np.exp(spread)), p)
    high = np.where(inside, np.exp(np.log(safe) * np.exp(-spread)), p)
    return low, high

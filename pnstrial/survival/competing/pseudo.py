"""What would each patient's survival, time alive or incidence be, if there were no censoring?

Input: times and event codes, and the times at which a value per patient is wanted.
Output: `PseudoValues`: one number per patient and time, whose mean is the estimate; fit to an ordinary regression.
Protocol section: none.
Method: Andersen, Klein and Rosthoj, Biometrika 2003;90:15, by leaving each patient out, or by the infinitesimal
jackknife (Parner, Andersen and Overgaard, Lifetime Data Anal 2023;29:654), as R's survival::pseudo.
Next: `additive`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Result
from pnstrial.survival.competing.causes import causes_of, failure_code, labelled_causes
from pnstrial.survival.competing.incidence import IncidenceInfluence, incidence_influence
from pnstrial.survival.observations import check_times, columns, follow_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["PseudoValues", "pseudo_values"]

KINDS: Final = ("survival", "rmst", "incidence", "time-lost")
METHODS: Final = ("infinitesimal", "jackknife")
CELLS: Final = 4_000_000
"""Kinds of patient times event times that are held at once."""


@dataclass(frozen=True, eq=False)
class PseudoValues(Result):
    """Pseudo-values of each patient.

    Attributes
    ----------
    at : ndarray, shape (times,)
        Times, or horizons of "rmst" and "time-lost".
    estimate : ndarray, shape (times,)
        The estimate from all patients.
    value : ndarray, shape (n, times), or NotEstimable
        In the order of the patients; NotEstimable where one patient cannot be left out of one.
    kind, method : str
    cause : int or None
        Of "incidence" and "time-lost".
    n : int
    """

    at: NDArray[np.float64]
    estimate: NDArray[np.float64]
    value: NDArray[np.float64] | NotEstimable
    kind: str
    method: str
    cause: int | None
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per patient and time.

        Returns
        -------
        pandas.DataFrame
            patient (position, from 0), time, pseudo; no row where the values are not estimable.
        """
        if isinstance(self.value, NotEstimable):
            return pd.DataFrame({"patient": [], "time": [], "pseudo": []})
        return pd.DataFrame(
            {
                "patient": np.repeat(np.arange(self.n), self.at.size),
                "time": np.tile(self.at, self.n),
                "pseudo": self.value.ravel(),
            }
        )


def pseudo_values(
    time: ArrayLike,
    event: ArrayLike,
    at: ArrayLike,
    kind: str = "survival",
    cause: Any = None,
    method: str = "infinitesimal",
    *,
    data: Any = None,
    event_is: Any = None,
    causes: Sequence[Any] | None = None,
    censored: Any = None,
    unit: str | None = None,
) -> PseudoValues:
    """Give each patient a value that an ordinary regression can take in place of a censored outcome.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up times, at least 0.
    event : array_like, shape (n,)
        0 or 1; for "incidence" and "time-lost" 0 censored, 1, 2, ... the event that came first.
    at : float or array_like
        Times; for "rmst" and "time-lost" horizons.
    kind : {"survival", "rmst", "incidence", "time-lost"}
        Survival probability, mean time alive up to the horizon, cumulative incidence of the cause, or mean time lost
        to it up to the horizon.
    cause : int or label, optional
        For "incidence" and "time-lost"; default the first.
    method : {"infinitesimal", "jackknife"}
        "infinitesimal": estimate + n times the derivative with respect to the patient's weight, as
        ``survival::pseudo`` of R. "jackknife": n times the estimate less (n - 1) times the estimate without the
        patient, the classical definition. They differ by order 1/n.
    data, event_is, unit
        As in `kaplan_meier`; `event_is` is of "survival" and "rmst".
    causes, censored
        As in `cumulative_incidence`, where the events of "incidence" and "time-lost" are labels.

    Returns
    -------
    PseudoValues

    Raises
    ------
    ValueError
        If a value is outside what is possible, an argument is unknown, `cause` is given where it has no meaning, or
        a time lies beyond the last follow-up time while somebody had no event by then.

    Notes
    -----
    Of a patient without censoring before t the jackknife value is the patient's own outcome if nobody at all is
    censored before t; else it may lie outside 0 and 1. Where leaving out a patient leaves nobody at risk, the
    estimate without him stays where it was. A cause that never happened has the value 0 for all.

    Examples
    --------
    >>> pseudo_values([2, 4, 6, 8], [1, 1, 0, 1], at=5, method="jackknife").value.ravel().round(6).tolist()
    [0.0, 0.0, 1.0, 1.0]
    >>> pseudo_values([2, 4, 6, 8], [1, 1, 0, 1], at=[5, 7]).value.round(3).tolist()
    [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    """
    check_signature(pseudo_values, locals())
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}; got {method!r}")
    competing = kind in ("incidence", "time-lost")
    if cause is not None and not competing:
        raise ValueError(
            f'cause belongs to kind="incidence" and "time-lost", not to {kind!r} (cause = {cause!r})'
        )
    area = kind in ("rmst", "time-lost")
    wanted = check_times(at, "at")
    time, event = columns(data, time=time, event=event)
    failure: int | None = None
    if competing:
        labels, event = labelled_causes(event, causes, censored)
        failure = failure_code(cause, labels, "cause")
        times, codes = causes_of(time, event, unit)
    else:
        times, events, _, _ = follow_up(time, event, event_is=event_is, unit=unit)
        codes = events.astype(np.int64)
    last = float(times.max())
    if (wanted > last).any() and not (codes[times == last] > 0).all():
        raise ValueError(
            f"at = {wanted.max():g} lies beyond the last time, {last:g}, when patients were still without event: "
            f"nothing is known there; use times up to {last:g}"
        )
    found = _influence(times, codes, failure, wanted, area=area)
    n = times.size
    value: Vector | NotEstimable
    if method == "infinitesimal":
        value = found.value + n * found.influence
    elif n < 2:
        value = NotEstimable("one patient cannot be left out of one")
    else:
        value = n * found.value - (n - 1) * _left_out(times, codes, failure, wanted, area=area)
    return PseudoValues(wanted, found.value, value, kind, method, failure, n)


def _influence(
    times: Vector, codes: Vector, failure: int | None, at: Vector, *, area: bool
) -> IncidenceInfluence:
    found = incidence_influence(times, codes, failure, at, area=area)
    if isinstance(found, NotEstimable):
        return IncidenceInfluence(np.zeros(at.size), np.zeros((times.size, at.size)))
    return found


def _left_out(times: Vector, codes: Vector, failure: int | None, at: Vector, *, area: bool) -> Vector:
    """Estimate without each patient, shape (n, times); patients of one time and code share it."""
    distinct, place = np.unique(times, return_inverse=True)
    kind = (codes > 0).astype(np.int64)
    if failure is not None:
        kind += codes == failure
    kinds, which = np.unique(np.column_stack([place, kind]), axis=0, return_inverse=True)
    k = distinct.size
    total = np.bincount(place, minlength=k).astype(float)
    risk = np.cumsum(total[::-1])[::-1]
    any_event = np.bincount(place[kind > 0], minlength=k).astype(float)
    own = any_event if failure is None else np.bincount(place[kind == 2], minlength=k).astype(float)
    out = np.empty((len(kinds), at.size))
    step = max(CELLS // k, 1)
    for first in range(0, len(kinds), step):
        part = kinds[first : first + step]
        at_own = part[:, :1] == np.arange(k)
        y = risk - (np.arange(k) <= part[:, :1])
        ended = any_event - at_own * (part[:, 1:] > 0)
        safe = np.where(y > 0, y, 1.0)
        free = np.cumprod(1.0 - ended / safe, axis=1)
        curve, begin = free, 1.0
        if failure is not None:
            before = np.hstack([np.ones((len(part), 1)), free[:, :-1]])
            curve = np.cumsum(before * (own - at_own * (part[:, 1:] == 2)) / safe, axis=1)
            begin = 0.0
        out[first : first + step] = _read(
            np.hstack([np.full((len(part), 1), begin), curve]), distinct, at, area=area
        )
    return out[which.ravel()]


def _read(curves: Vector, knots: Vector, at: Vector, *, area: bool) -> Vector:
    """Values of step curves at some times, or areas under them."""
    if not area:
        return curves[:, np.searchsorted(knots, at, side="right")]
    columns: list[Vector] = []
    for tau in at:
        edges = np.minimum(np.concatenate([[0.0], knots, [max(tau, float(knots[-1]))]]), tau)
        columns.append(curves @ np.diff(edges))
    return np.column_stack(columns)

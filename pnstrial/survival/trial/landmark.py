"""Do patients who improve live longer, told without giving them the time they had to live to improve?

Input: follow-up and the time of response as arrays.
Output: `Landmark` (groups as they stand at a fixed time), `SimonMakuch` (groups that patients change as they respond),
the comparison by what happened later is refused.
Protocol section: none.
Method: Anderson, Cain and Gelber (J Clin Oncol 1983;1:710); Mantel and Byar (JASA 1974;69:81); Simon and Makuch (Stat
Med 1984;3:35).
Next: `at_visit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.cox.fit import cox
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.curves.logrank import LogRank, logrank
from pnstrial.survival.observations import as_numbers, check_level, columns, follow_up, names_of, one_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pnstrial.survival.cox.model import ChiSquare, Cox
    from pnstrial.survival.curves.curve import KaplanMeier

    Vector = NDArray[np.float64]

__all__ = [
    "ImmortalTimeBiasError",
    "Landmark",
    "SimonMakuch",
    "landmark",
    "simon_makuch",
    "time_dependent",
]

GROUPS = ("non-responders", "responders")
_REFUSAL = (
    "at = {at!r} would compare patients who ever responded with those who never did. That is immortal-time bias: "
    "whoever responds must have lived until then, so responders look protected even where response does nothing. "
    "Give the time of a landmark (at=98 days, say: groups as they stand then, among those still followed), or use "
    "simon_makuch, in which patients count as responders from their response on"
)


class ImmortalTimeBiasError(ValueError):
    """A comparison of survival by what happened later; the message says what to do instead."""


class _ByResponse(Result):
    """A result with the ``curves`` of responders and others, and the ``cox`` model that compares them."""

    curves: dict[str, KaplanMeier]
    cox: Cox | NotEstimable

    @property
    def hazard_ratio(self) -> float | NotEstimable:
        """Hazard of responders, from the landmark or their response on, relative to the others."""
        return self._of_responders("hazard_ratio")

    estimate = hazard_ratio

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """Limits of the hazard ratio."""
        lower, upper = self._of_responders("lower"), self._of_responders("upper")
        if isinstance(lower, NotEstimable):
            return lower
        return upper if isinstance(upper, NotEstimable) else (lower, upper)

    def _of_responders(self, column: str) -> float | NotEstimable:
        if isinstance(self.cox, NotEstimable):
            return self.cox
        value = cast("float | NotEstimable", self.cox.table.loc["responder", column])
        return value if isinstance(value, NotEstimable) else float(value)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group: group, n (stretches), events, median, lower, upper, conf_type, reason."""
        frames: list[pd.DataFrame] = []
        for name, curve in self.curves.items():
            frame = curve.median.to_frame().rename(columns={"estimate": "median"})
            frame.insert(0, "group", name)
            frame.insert(1, "n", int(curve.n))
            frame.insert(2, "events", int(curve.events))
            frames.append(frame.drop(columns=["p", "level"]))
        columns = ["group", "n", "events", "median", "lower", "upper", "conf_type", "reason"]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)

    def _ratio_in_words(self) -> str:
        ratio, limits = self.hazard_ratio, self.ci
        if isinstance(ratio, NotEstimable):
            return str(ratio)
        within = str(limits) if isinstance(limits, NotEstimable) else f"{limits[0]:.4g} to {limits[1]:.4g}"
        return f"{ratio:.4g} ({within})"

    def _medians_in_words(self) -> pd.DataFrame:
        """Write the medians with what is not reached or not defined."""
        frame = self.to_frame().drop(columns="reason")
        medians = [curve.median for curve in self.curves.values()]
        for place, name in (("median", "estimate"), ("lower", "lower"), ("upper", "upper")):
            frame[place] = [median.words(name) for median in medians]
        return frame


@dataclass(frozen=True, eq=False)
class Landmark(_ByResponse):
    """Survival from a landmark on, by response up to it.

    Parameters
    ----------
    at : float
        The landmark, in the unit of the data.
    n, n_responders : int
        Patients still followed just after the landmark; those of them who had responded by it.
    events : int
        Events after the landmark.
    n_before : dict of str to int
        Patients who do not count: "event" and "censored" at or before the landmark.
    curves : dict of str to KaplanMeier
        "non-responders", "responders"; time runs from the landmark. A group without patients is absent.
    logrank : LogRank or NotEstimable
    cox : Cox or NotEstimable
        With the covariate "responder" (1 = responded by the landmark), and those asked for.
    level : float
    conf_type : str
    """

    at: float
    n: int
    n_responders: int
    events: int
    n_before: dict[str, int]
    curves: dict[str, KaplanMeier]
    logrank: LogRank | NotEstimable
    cox: Cox | NotEstimable
    level: float
    conf_type: str

    @property
    def p_value(self) -> float | NotEstimable:
        """Of the log-rank test."""
        return self.logrank if isinstance(self.logrank, NotEstimable) else self.logrank.p_value

    def _display(self) -> Display:
        title = (
            f"Landmark at {self.at:g}: {self.n} patients still followed, {self.n_responders} of them responders "
            f"(before it: {self.n_before['event']} events, {self.n_before['censored']} censored)"
        )
        p = self.p_value
        test = str(p) if isinstance(p, NotEstimable) else f"log-rank p = {p:.4g}"
        note = f"{test}; hazard ratio {self._ratio_in_words()}"
        return Display(title, table=self._medians_in_words(), notes=(note,))


@dataclass(frozen=True, eq=False)
class SimonMakuch(_ByResponse):
    """Survival of patients who change groups when they respond.

    Parameters
    ----------
    curves : dict of str to KaplanMeier
        "non-responders", "responders": whoever has responded is at risk in the second from then on. A group without
        time under observation is absent.
    cox : Cox or NotEstimable
        Cox model with the time-dependent covariate "responder".
    mantel_byar : ChiSquare or NotEstimable
        Score test of the same model: the log-rank test with patients who change groups.
    data : pandas.DataFrame
        The stretches of time, as `time_dependent` gives them.
    n, n_responders, events : int
        Patients, those who responded while followed, and events.
    level : float
    conf_type : str
    """

    curves: dict[str, KaplanMeier]
    cox: Cox | NotEstimable
    mantel_byar: ChiSquare | NotEstimable
    data: pd.DataFrame
    n: int
    n_responders: int
    events: int
    level: float
    conf_type: str

    @property
    def p_value(self) -> float | NotEstimable:
        """Of the Mantel-Byar test."""
        return self.mantel_byar if isinstance(self.mantel_byar, NotEstimable) else self.mantel_byar.p_value

    def _display(self) -> Display:
        title = (
            f"Response as a time-dependent covariate: {self.events} events of {self.n} patients, "
            f"{self.n_responders} responders"
        )
        notes = [f"hazard ratio {self._ratio_in_words()}"]
        notes += list(dict.fromkeys(f"{curve.note}" for curve in self.curves.values() if curve.note))
        return Display(title, table=self._medians_in_words(), notes=tuple(notes))


def _response_times(response_time: ArrayLike, time: Vector, unit: str | None = None) -> Vector:
    """Read times of response, nan for none."""
    response = as_numbers(response_time, "response_time", unit)
    if set(response.tolist()) == {0.0, 1.0} and time.max(initial=0.0) > 1.0:
        raise ValueError(
            "response_time holds yes and no alone (0 and 1 in every row): give the time of each response, nan for none"
        )
    if response.size != time.size:
        raise ValueError(f"lengths differ: time has {time.size}, response_time has {response.size}")
    faults = [
        f"response_time[{i}] = {response[i]:.15g}, time[{i}] = {time[i]:.15g}"
        for i in np.flatnonzero((response < 0.0) | np.isinf(response) | (response > time)).tolist()
    ]
    if faults:
        raise ValueError(
            "response_time must lie between 0 and the end of follow-up, nan for no response: "
            + "; ".join(faults[:8])
            + (f"; and {len(faults) - 8} more" if len(faults) > 8 else "")
        )
    return response


def _adjusted(
    frame: pd.DataFrame, data: Any, covariates: str | Sequence[str], rows: NDArray[Any]
) -> list[str]:
    """Put the covariates of the chosen rows beside the responder column; give the names of all."""
    names = names_of(covariates, "covariates")
    if "responder" in names:
        raise ValueError("covariates: 'responder' is the name of the response itself; rename the column")
    if names and data is None:
        raise ValueError(f"covariates = {names!r} are names of columns, which need their table, data=")
    for name in names:
        values = columns(data, covariates=name)[0]
        frame[name] = (
            values.iloc[rows].to_numpy() if isinstance(values, pd.Series) else np.asarray(values)[rows]
        )
    return ["responder", *names]


def landmark(
    time: ArrayLike | str,
    event: ArrayLike | str,
    response_time: ArrayLike | str,
    at: float,
    *,
    data: Any = None,
    covariates: str | Sequence[str] = (),
    exact: bool = False,
    penalty: str | None = None,
    conf_type: str = "beta-product",
    level: float = 0.95,
    event_is: Any = None,
    unit: str | None = None,
) -> Landmark:
    """Compare survival after a landmark between those who had responded by it and those who had not.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up time, in any unit, and event (1) or censoring (0).
    response_time : array_like, shape (n,)
        Time of the response, nan or None for none; no later than the end of follow-up.
    at : float
        The landmark: fixed before the data are seen, in the unit of `time`.
    data : pandas.DataFrame or mapping, optional
        A table, one row per patient: then time, event and response_time may be names of its columns, and `covariates`
        are.
    covariates : str or sequence of str
        Columns to adjust the Cox model for.
    exact : bool
        Permute the groups in the log-rank test.
    penalty : str, optional
        "firth" for a Cox model of few events, as in `cox`.
    conf_type : str, default "beta-product"
        Interval of the curves, as in `kaplan_meier`.
    level : float, default 0.95
    event_is, unit
        As in `kaplan_meier`.

    Returns
    -------
    Landmark

    Raises
    ------
    ImmortalTimeBiasError
        If `at` is None or "ever": the comparison of those who ever responded with those who never did.
    ValueError
        If a value is outside what is possible; the message names argument, position and value.

    Notes
    -----
    Patients with an event or censored at or before the landmark do not count; the others stay in the group they are
    in at the landmark, whatever happens later. The result is conditional on living until then.

    **Immortal-time bias.** Grouping by what happens later gives responders the time before their response, in which
    by definition they cannot die. The example makes survival of 2,000 patients that response does not touch: the
    naive log hazard ratio is -1.2 (a hazard ratio of 0.3), the two honest ones near 0. In the small samples of a
    trial of this size (17 patients, no effect) the naive one is -1.8 on average.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> death, response, end = rng.exponential(12, 2000), rng.exponential(12, 2000), 36.0
    >>> time, event = np.minimum(death, end), (death < end).astype(int)
    >>> response = np.where(response < time, response, np.nan)
    >>> naive = cox({"ever": ~np.isnan(response)}, time, event, "ever")
    >>> f"{naive.table.loc['ever', 'coef']:.2f}"
    '-1.24'
    >>> result = landmark(time, event, response, at=3)
    >>> result.n, result.n_responders, f"{result.cox.table.loc['responder', 'coef']:.2f}"
    (1551, 349, '-0.05')
    >>> moving = simon_makuch(time, event, response)
    >>> f"{moving.cox.table.loc['responder', 'coef']:.2f}"
    '-0.02'
    """
    if at is None or at == "ever":  # pyright: ignore[reportUnnecessaryComparison]
        raise ImmortalTimeBiasError(_REFUSAL.format(at=at))
    at = one_time(at, "at")
    check_level(level)
    time, event, response_time = columns(data, time=time, event=event, response_time=response_time)
    times, events, _, _ = follow_up(time, event, event_is=event_is, unit=unit)
    response = _response_times(response_time, times, unit)
    counts = times > at
    before = {
        "event": int((~counts & (events == 1.0)).sum()),
        "censored": int((~counts & (events == 0.0)).sum()),
    }
    rows = np.flatnonzero(counts)
    left, ended = times[rows] - at, events[rows]
    responder = (response[rows] <= at).astype(int)
    curves = {
        name: kaplan_meier(
            left[responder == k], ended[responder == k], conf_type=conf_type, level=level, unit=unit
        )
        for k, name in enumerate(GROUPS)
        if (responder == k).any()
    }
    test: LogRank | NotEstimable
    model: Cox | NotEstimable
    if len(curves) < 2:
        missing = (
            "nobody is followed beyond the landmark" if not curves else f"there are no {_absent(curves)}"
        )
        test = model = NotEstimable(f"{missing} at {at:g}" if curves else missing)
    else:
        test = logrank(left, ended, responder, exact=exact)
        frame = pd.DataFrame({"time": left, "event": ended, "responder": responder})
        names = _adjusted(frame, data, covariates, rows)
        model = cox(frame, "time", "event", names, penalty=penalty, level=level)
    return Landmark(
        float(at),
        rows.size,
        int(responder.sum()),
        int(ended.sum()),
        before,
        curves,
        test,
        model,
        level,
        conf_type,
    )


def _absent(curves: dict[str, KaplanMeier]) -> str:
    return next(name for name in GROUPS if name not in curves)


def time_dependent(
    time: ArrayLike | str, event: ArrayLike | str, response_time: ArrayLike | str, data: pd.DataFrame | None = None,
    *, event_is: Any = None, unit: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Split each patient's follow-up at the response, as ``tmerge`` of R with ``tdc`` does.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up time, over 0, and event (1) or censoring (0).
    response_time : array_like, shape (n,)
        Time of the response, nan or None for none.
    data : pandas.DataFrame, optional
        Further columns, one row per patient, repeated on each stretch; time, event and response_time may be names of
        its columns.
    event_is, unit
        As in `kaplan_meier`.

    Returns
    -------
    pandas.DataFrame
        patient (row of the input, from 0), start, stop, event (at `stop`), responder (0 or 1 throughout the stretch),
        and the columns of `data`. For `cox`: time="stop", entry="start".

    Raises
    ------
    ValueError
        If a value is outside what is possible, a time is 0 (no stretch of time to split), or a column of `data` has
        one of the names above.

    Examples
    --------
    >>> time_dependent([10, 8, 5], [1, 0, 1], [4, None, 0])
       patient  start  stop  event  responder
    0        0    0.0   4.0      0          0
    1        0    4.0  10.0      1          1
    2        1    0.0   8.0      0          0
    3        2    0.0   5.0      1          1
    """
    check_signature(time_dependent, locals())
    time, event, response_time = columns(data, time=time, event=event, response_time=response_time)
    times, events, _, _ = follow_up(time, event, event_is=event_is, unit=unit)
    response = _response_times(response_time, times, unit)
    empty = np.flatnonzero(times <= 0.0).tolist()
    if empty:
        raise ValueError(
            "time must be over 0 to be split (leave these patients out, or count the first day as 1): "
            + "; ".join(f"time[{i}] = 0" for i in empty[:8])
        )
    # A response on the last day changes nothing: nobody is at risk after it.
    split = (response > 0.0) & (response < times)
    patient = np.repeat(np.arange(times.size), np.where(split, 2, 1))
    second = np.zeros(patient.size, dtype=bool)
    second[1:] = patient[1:] == patient[:-1]
    first_of_two = np.zeros(patient.size, dtype=bool)
    first_of_two[:-1] = second[1:]
    frame = pd.DataFrame(
        {
            "patient": patient,
            "start": np.where(second, response[patient], 0.0),
            "stop": np.where(first_of_two, response[patient], times[patient]),
            "event": np.where(first_of_two, 0, events[patient]).astype(int),
            "responder": (second | (response[patient] == 0.0)).astype(int),
        }
    )
    if data is None:
        return frame
    if len(data) != times.size:
        raise ValueError(f"lengths differ: time has {times.size}, data has {len(data)} rows")
    taken = [str(name) for name in data.columns if name in frame.columns]
    if taken:
        raise ValueError(
            f"data has columns {', '.join(map(repr, taken))}, which the result uses; rename them"
        )
    return pd.concat([frame, data.iloc[patient].reset_index(drop=True)], axis=1)


def simon_makuch(
    time: ArrayLike | str,
    event: ArrayLike | str,
    response_time: ArrayLike | str,
    *,
    data: pd.DataFrame | None = None,
    covariates: str | Sequence[str] = (),
    conf_type: str = "beta-product",
    level: float = 0.95,
    event_is: Any = None,
    unit: str | None = None,
) -> SimonMakuch:
    """Compare survival after a response with survival before or without one, patients changing groups as they respond.

    Parameters
    ----------
    time, event, response_time
        As in `time_dependent`.
    data : pandas.DataFrame, optional
    covariates : str or sequence of str
        Columns of `data` to adjust the Cox model for.
    conf_type : str, default "beta-product"
        Interval of the curves, as in `kaplan_meier`; entry is late in the curve of the responders, whose limits are
        then the log-log ones.
    level : float, default 0.95
    event_is, unit
        As in `kaplan_meier`.

    Returns
    -------
    SimonMakuch

    Raises
    ------
    ValueError
        As `time_dependent`.

    Notes
    -----
    The curve of the responders is a Kaplan-Meier estimate with delayed entry: it describes no patient who could be
    pointed to at time 0, and starts with few at risk. Ties by Efron; Mantel-Byar is the score test.

    Examples
    --------
    >>> result = simon_makuch([10, 8, 5, 12, 9], [1, 0, 1, 0, 1], [4, None, 2, None, 3])
    >>> result.curves["responders"].at([5, 9])["survival"].round(4).tolist()
    [0.6667, 0.3333]
    """
    check_signature(simon_makuch, locals())
    check_level(level)
    frame = time_dependent(time, event, response_time, data, event_is=event_is, unit=unit)
    curves = {
        name: kaplan_meier(
            own["stop"], own["event"], entry=own["start"], conf_type=conf_type, level=level, unit=unit
        )
        for name, own in ((name, frame[frame["responder"] == k]) for k, name in enumerate(GROUPS))
        if len(own)
    }
    model: Cox | NotEstimable
    test: ChiSquare | NotEstimable
    if len(curves) < 2:
        test = model = NotEstimable(f"there is no time under observation among {_absent(curves)}")
    else:
        names = names_of(covariates, "covariates")
        model = cox(frame, "stop", "event", ["responder", *names], entry="start", level=level)
        test = model.score
    responders = frame.loc[frame["responder"] == 1, "patient"].nunique()
    return SimonMakuch(
        curves, model, test, frame, int(frame["patient"].nunique()), int(responders), int(frame["event"].sum()),
        level, conf_type,
    )  # fmt: skip

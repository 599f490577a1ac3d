"""When did the mRS deteriorate, given that it was rated at visits weeks apart?

Input: a trial and its protocol.
Output: `BetweenVisits`: the curve as far as the ratings tell it, and a Weibull curve through it.
Protocol section: visits, endpoint.
Method: the records of `endpoints.time_to_event`, each with the rating before it; `turnbull`, `interval_regression`.
Next: `figures.survival`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pnstrial.data.arguments import trial_and_protocol
from pnstrial.endpoints import times_of
from pnstrial.frames import value_of
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.survival.interval.turnbull import Turnbull, interval_regression, turnbull
from pnstrial.survival.trial.endpoints import LANDMARKS, counted
from pnstrial.visits import Assessments

if TYPE_CHECKING:
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.survival.parametric.result import ParametricSurvival

__all__ = ["BetweenVisits", "deterioration_between_visits"]


@dataclass(frozen=True, eq=False)
class BetweenVisits(Result):
    """Time to deterioration as interval-censored data.

    Attributes
    ----------
    curve : Turnbull or NotEstimable
        In days from day 1.
    weibull : ParametricSurvival or NotEstimable
        Weibull distribution of the same intervals; its own numbers are NotEstimable where it has no maximum.
    median : tuple of float or NotEstimable
        Earliest and latest day that can be the median.
    landmarks : pandas.DataFrame
        months, time, lower, upper (between which the data leave the curve free), weibull, weibull_lower, weibull_upper
        (None where there is no fit); months up to the last rating or death.
    n, events : int
    excluded : pandas.DataFrame
        patient_id, reason.
    records : pandas.DataFrame
        patient_id, left (day of the last rating without deterioration, 0 if there was none after day 1), right (day of
        the first with it or of death, inf if neither), description.
    provenance : Provenance
    """

    curve: Turnbull | NotEstimable
    weibull: ParametricSurvival | NotEstimable
    median: tuple[float, float] | NotEstimable
    landmarks: pd.DataFrame
    n: int
    events: int
    excluded: pd.DataFrame
    records: pd.DataFrame
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return the values at the landmarks."""
        return self.landmarks.copy()

    def _display(self) -> Display:
        title = f"Deterioration between visits: {self.events} events of {self.n} patients"
        if isinstance(self.curve, NotEstimable):
            return Display(f"{title}, {self.curve}")
        return Display(f"{title}\n{self.curve}", table=self.landmarks.round(3))


def _records(trial: TrialData, protocol: Protocol) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give each patient's interval, and who has none."""
    assessments = Assessments(trial, protocol)
    times = assessments.once(times_of)
    own = times[times["parameter"] == "deterioration"].set_index("patient_id")
    ratings = assessments.later[["patient_id", "date"]]
    until = value_of(ratings["patient_id"], own["date"])
    # A rating on the day of the death was still without deterioration; the rating that shows it is not.
    died = ratings["patient_id"].map(own["description"]) == "death"
    before = ratings[(ratings["date"] < until) | (died & (ratings["date"] == until))]
    last = before.groupby("patient_id")["date"].max()
    left = (value_of(own.index.to_series(), last) - own["start_date"]).dt.days.fillna(0.0)
    happened = own["event"] == 1
    records = pd.DataFrame(
        {
            "patient_id": own.index,
            "left": left.where(happened, own["days"].astype(float)).to_numpy(),
            "right": own["days"].astype(float).where(happened, np.inf).to_numpy(),
            "description": own["description"].to_numpy(),
        }
    )
    early = (own["days"] < 0).reset_index(drop=True)
    return counted(records, early, trial, f"no baseline {protocol.endpoint.scale}")


def _weibull(records: pd.DataFrame, level: float) -> ParametricSurvival | NotEstimable:
    at_start = records.loc[records["right"] == 0.0, "patient_id"].tolist()
    if at_start:
        return NotEstimable(
            f"a Weibull distribution has no likelihood for an event on day 1 itself ({', '.join(at_start)})"
        )
    return interval_regression(records["left"], records["right"], "weibull", level=level)


def deterioration_between_visits(
    trial: TrialData, protocol: Protocol, *, level: float = 0.95
) -> BetweenVisits:
    """Estimate the time to deterioration or death from what the ratings tell: that it lies between two of them.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    level : float, default 0.95
        Of the Weibull curve's limits.

    Returns
    -------
    BetweenVisits

    Notes
    -----
    The endpoint is that of `time_to_deterioration`, whose Kaplan-Meier curve dates it at the rating that shows it,
    always too late. Here it lies in (last rating without it, first rating with it or death].

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> result = deterioration_between_visits(pns.read_trial(folder), pns.load_protocol("nct02343211"))
    >>> result.n, result.events, result.median
    (18, 8, (198.0, 292.0))
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    records, excluded = _records(trial, protocol)
    provenance = Provenance(protocol.id, protocol.version)
    columns = ["months", "time", "lower", "upper", "weibull", "weibull_lower", "weibull_upper"]
    if records.empty:
        none = NotEstimable("no enrolled patient has a record")
        empty = pd.DataFrame(columns=columns)
        return BetweenVisits(none, none, none, empty, 0, 0, excluded, records, provenance)
    curve = turnbull(records["left"], records["right"])
    fitted = _weibull(records, level)
    ends = np.where(np.isinf(records["right"]), records["left"], records["right"])
    months = np.array([month for month in LANDMARKS if month * DAYS_PER_MONTH <= ends.max()], dtype=float)
    landmarks = curve.at(months * DAYS_PER_MONTH)
    landmarks.insert(0, "months", months)
    smooth = fitted if isinstance(fitted, NotEstimable) else fitted.survival(months * DAYS_PER_MONTH)
    for name, column in zip(columns[4:], ("survival", "lower", "upper"), strict=True):
        if isinstance(smooth, NotEstimable):
            landmarks[name] = pd.Series([None] * len(months), dtype=object)
        else:
            landmarks[name] = smooth[column]
    events = int(np.isfinite(records["right"]).sum())
    return BetweenVisits(
        curve, fitted, curve.quantile(0.5), landmarks, len(records), events, excluded, records, provenance
    )

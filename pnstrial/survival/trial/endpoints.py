"""How long did the trial's patients live, and when did their mRS change?

Input: a trial and its protocol.
Output: `SurvivalResult`: curve with small-sample interval, median, values at landmarks, who is counted.
Protocol section: visits, endpoint.
Method: records from `endpoints.time_to_event`; Kaplan-Meier with the beta product interval first (Fay and Brittain,
Biostatistics 2013;14:723), because at 17 patients the usual ones cover too little; death competes with improvement.
Next: `figures.survival`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from pnstrial.data.arguments import trial_and_protocol
from pnstrial.endpoints import time_to_event
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.survival.competing.by_group import cumulative_incidence
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.reference.one_sample import OneSampleLogRank, one_sample_logrank

if TYPE_CHECKING:
    from collections.abc import Callable

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.survival.competing.incidence import CumulativeIncidence
    from pnstrial.survival.curves.curve import KaplanMeier, Quantile
    from pnstrial.survival.reference.curve import Reference

__all__ = [
    "SurvivalResult", "counted", "overall_survival", "overall_survival_against", "time_to_deterioration",
    "time_to_improvement",
]  # fmt: skip

LANDMARKS: Final = (3, 6, 9, 12, 18, 24, 36)


@dataclass(frozen=True, eq=False)
class SurvivalResult(Result):
    """A time-to-event endpoint of the trial.

    Attributes
    ----------
    parameter : str
        "overall_survival", "deterioration" or "improvement".
    curve : KaplanMeier or CumulativeIncidence or NotEstimable
        In days from day 1; improvement has death as competing event (cause 2).
    median : Quantile or NotEstimable
        Days; only of a Kaplan-Meier curve.
    landmarks : pandas.DataFrame
        months and the columns of the curve's `at`; months up to the longest follow-up.
    n, events : int
        Patients with a record; events (improvements, for improvement).
    excluded : pandas.DataFrame
        patient_id, reason: records that are not counted.
    records : pandas.DataFrame
        The rows of `endpoints.time_to_event` that are.
    provenance : Provenance
    """

    parameter: str
    curve: KaplanMeier | CumulativeIncidence | NotEstimable
    median: Quantile | NotEstimable
    landmarks: pd.DataFrame
    n: int
    events: int
    excluded: pd.DataFrame
    records: pd.DataFrame
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return the values at the landmarks."""
        return self.landmarks.copy()

    @property
    def estimate(self) -> float | NotEstimable:
        """The median, in days."""
        return self.median if isinstance(self.median, NotEstimable) else self._curve().estimate

    @property
    def ci(self) -> tuple[float | NotEstimable, float | NotEstimable] | NotEstimable:
        """Limits of the median, each NotEstimable where it is not reached."""
        return self.median if isinstance(self.median, NotEstimable) else self._curve().ci

    def _curve(self) -> KaplanMeier:
        return cast("KaplanMeier", self.curve)

    def _display(self) -> Display:
        title = f"{self.parameter.replace('_', ' ').capitalize()}: {self.events} events of {self.n} patients"
        if isinstance(self.curve, NotEstimable):
            return Display(f"{title}, {self.curve}")
        table = self.landmarks.round(3)
        if "reason" in table and table["reason"].isna().all():
            table = table.drop(columns="reason")
        median = self.estimate
        reason = median.reason if isinstance(median, NotEstimable) else ""
        new = reason and reason not in str(self.curve) and "reached" not in reason
        return Display(f"{title}\n{self.curve}", table=table, notes=(f"median {median}",) if new else ())


def counted(
    records: pd.DataFrame, early: pd.Series[bool], trial: TrialData, why: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the records that count, and the enrolled patients without one: they end before day 1, or `why`."""
    there = set(records["patient_id"])
    rows = [(patient, "last date before day 1") for patient in records.loc[early, "patient_id"]]
    rows += [(patient, why) for patient in trial.enrolled if patient not in there]
    excluded = pd.DataFrame(rows, columns=["patient_id", "reason"])
    return records[~early].reset_index(drop=True), excluded


def _result(
    trial: TrialData, protocol: Protocol, parameter: str, conf_type: str, level: float
) -> SurvivalResult:
    trial, protocol = trial_and_protocol(trial, protocol)
    times = time_to_event(trial, protocol)
    own = times[times["parameter"] == parameter]
    why = "no follow-up row" if parameter == "overall_survival" else f"no baseline {protocol.endpoint.scale}"
    own, excluded = counted(own, own["days"] < 0, trial, why)
    provenance = Provenance(protocol.id, protocol.version)
    columns = ["months", "time", "survival", "lower", "upper"]
    if own.empty:
        reason = NotEstimable("no enrolled patient has a record")
        return SurvivalResult(
            parameter, reason, reason, pd.DataFrame(columns=columns), 0, 0, excluded, own, provenance
        )
    days = own["days"].to_numpy(dtype=float)
    event = own["event"].to_numpy(dtype=int)
    months = np.array([month for month in LANDMARKS if month * DAYS_PER_MONTH <= days.max()], dtype=float)
    median: Quantile | NotEstimable
    curve: KaplanMeier | CumulativeIncidence
    if parameter == "improvement":
        curve = cumulative_incidence(days, event, level, causes=(1, 2), conf_type=conf_type, unit="days")
        median = NotEstimable("a cumulative incidence need not reach a half")
        at = curve.at(months * DAYS_PER_MONTH)
        landmarks = at[at["cause"] == 1].drop(columns="cause").reset_index(drop=True)
        landmarks.insert(0, "months", months)
    else:
        curve = kaplan_meier(days, event, conf_type=conf_type, level=level, unit="days")
        median = curve.quantile(0.5)
        landmarks = curve.at(months * DAYS_PER_MONTH)
        landmarks.insert(0, "months", months)
    events = int((event == 1).sum())
    return SurvivalResult(parameter, curve, median, landmarks, len(own), events, excluded, own, provenance)


def overall_survival(
    trial: TrialData, protocol: Protocol, *, conf_type: str = "beta-product", level: float = 0.95
) -> SurvivalResult:
    """Estimate the overall survival of the enrolled patients, from day 1.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    conf_type : str, default "beta-product"
        As in `kaplan_meier`.
    level : float, default 0.95

    Returns
    -------
    SurvivalResult

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> result = overall_survival(pns.read_trial(folder), pns.load_protocol("nct02343211"))
    >>> result.n, result.events, result.landmarks["survival"].round(3).tolist()[:2]
    (18, 5, [1.0, 0.944])
    """
    return _result(trial, protocol, "overall_survival", conf_type, level)


def overall_survival_against(
    trial: TrialData,
    protocol: Protocol,
    reference: str | Reference | Callable[[Any], Any] = "sillevissmitt2002",
    *,
    level: float = 0.95,
) -> OneSampleLogRank | NotEstimable:
    """Compare the deaths of the enrolled patients with those that a known curve expects.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    reference : str, Reference or callable
        A published series (`published_references`), a curve (one without unit is taken in days from day 1), or a
        cumulative hazard as a function of days.
    level : float, default 0.95

    Returns
    -------
    OneSampleLogRank or NotEstimable
        The latter if no enrolled patient has a record.

    Raises
    ------
    ValueError
        If no such series is shipped.

    Notes
    -----
    The published series count from diagnosis, in all grades: patients who can walk do better whatever is done.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> found = overall_survival_against(pns.read_trial(folder), pns.load_protocol("nct02343211"))
    >>> found.observed, round(found.expected, 1)
    (5, 13.9)
    """
    records = overall_survival(trial, protocol, level=level).records
    if records.empty:
        return NotEstimable("no enrolled patient has a record")
    return one_sample_logrank(records["days"], records["event"], reference, level=level, unit="days")


def time_to_deterioration(
    trial: TrialData, protocol: Protocol, *, conf_type: str = "beta-product", level: float = 0.95
) -> SurvivalResult:
    """Estimate the time to the first mRS above baseline, or death.

    Parameters
    ----------
    trial, protocol, conf_type, level
        As in `overall_survival`.

    Returns
    -------
    SurvivalResult

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> time_to_deterioration(trial, protocol).events
    8
    """
    return _result(trial, protocol, "deterioration", conf_type, level)


def time_to_improvement(
    trial: TrialData, protocol: Protocol, *, conf_type: str = "beta-product", level: float = 0.95
) -> SurvivalResult:
    """Estimate the cumulative incidence of an mRS below baseline, with death competing.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    conf_type : str, default "beta-product"
        As in `cumulative_incidence`, whose own default, "log-log", covers too little with 17 patients.
    level : float, default 0.95

    Returns
    -------
    SurvivalResult
        Its curve is a `CumulativeIncidence`: cause 1 improvement, cause 2 death before it.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> time_to_improvement(trial, protocol).events
    6
    """
    return _result(trial, protocol, "improvement", conf_type, level)

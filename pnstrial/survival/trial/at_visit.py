"""Do the trial's patients who improve by a visit live longer from then on?

Input: a trial and its protocol.
Output: `LandmarkResult`: the comparison at the landmark, the time-dependent one, and who is counted.
Protocol section: visits, endpoint.
Method: `landmark` and `simon_makuch`; the landmark is the last day of the visit's window.
Next: `figures.survival`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.endpoints import times_of
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.survival.trial.landmark import Landmark, SimonMakuch, landmark, simon_makuch
from pnstrial.visits import Assessments

if TYPE_CHECKING:
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["LandmarkResult", "landmark_at_visit"]


@dataclass(frozen=True, eq=False)
class LandmarkResult(Result):
    """Survival of a trial's patients by their improvement at a visit.

    Parameters
    ----------
    landmark : Landmark or NotEstimable
        Days from the landmark, the last day of the visit's window; responders = improved at the visit.
    time_dependent : SimonMakuch or NotEstimable
        Days from day 1; responders from their first rating below baseline on.
    visit : str
    landmark_day : int
        Study day of the landmark.
    patients : pandas.DataFrame
        One row per enrolled patient: patient_id, category (at the visit), days, event, improvement_days, counted (in
        the landmark analysis), reason (why not).
    provenance : Provenance
    """

    landmark: Landmark | NotEstimable
    time_dependent: SimonMakuch | NotEstimable
    visit: str
    landmark_day: int
    patients: pd.DataFrame
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return `patients`.

        Returns
        -------
        pandas.DataFrame
        """
        return self.patients.copy()

    @property
    def estimate(self) -> float | NotEstimable:
        """The hazard ratio of the landmark analysis."""
        return self.landmark if isinstance(self.landmark, NotEstimable) else self.landmark.estimate

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """Limits of the hazard ratio of the landmark analysis."""
        return self.landmark if isinstance(self.landmark, NotEstimable) else self.landmark.ci

    @property
    def p_value(self) -> float | NotEstimable:
        """Of the log-rank test of the landmark analysis."""
        return self.landmark if isinstance(self.landmark, NotEstimable) else self.landmark.p_value

    @property
    def n(self) -> int:
        """Patients in the landmark analysis."""
        return int(self.patients["counted"].sum())

    def _display(self) -> Display:
        title = f"Improvement at {self.visit} (landmark: study day {self.landmark_day})"
        left_out = self.patients.loc[~self.patients["counted"], "reason"].value_counts(sort=False)
        words = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        first = f"Not counted: {words}" if words else "All enrolled patients are counted"
        return Display(title, notes=(first, str(self.landmark), str(self.time_dependent)))


def landmark_at_visit(
    trial: TrialData,
    protocol: Protocol,
    *,
    visit: str | None = None,
    conf_type: str = "beta-product",
    level: float = 0.95,
) -> LandmarkResult:
    """Compare overall survival of patients improved at a visit with that of the others, from that visit on.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    visit : str, optional
        By default the visit of the endpoint.
    conf_type : str, default "beta-product"
    level : float, default 0.95

    Returns
    -------
    LandmarkResult

    Raises
    ------
    ValueError
        If the protocol has no such visit.

    Notes
    -----
    The landmark is the last day of the visit's window: a later rating than the landmark would sort patients by what
    happened after it. Improved is the category of `visits.derive`. Patients who died or left by then, or whose mRS at
    the visit or at baseline is missing, do not count; `patients` says which and why. Its Cox model has Firth's
    penalty, because with so few events one group often has none. The time-dependent comparison
    takes each patient's first rating below baseline (`endpoints.time_to_event`), at whatever visit. Both describe
    patients who improved; neither shows that the improvement, or its treatment, made them live longer.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> result = landmark_at_visit(pns.read_trial(folder), pns.load_protocol("nct02343211"))
    >>> result.landmark_day, result.landmark.n, result.landmark.n_responders
    (99, 14, 4)
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    wanted = visit or protocol.endpoint.visit
    found = next((one for one in protocol.visits if one.name == wanted), None)
    if found is None:
        names = ", ".join(repr(one.name) for one in protocol.visits)
        raise ValueError(f"visit must be one of {names}; got {wanted!r}")
    assessments = Assessments(trial, protocol)
    derived = assessments.visit_values.frame
    patients = derived[derived["visit"] == wanted][["patient_id", "category"]].set_index("patient_id").copy()
    records = assessments.once(times_of)
    survival = records[records["parameter"] == "overall_survival"].set_index("patient_id")
    better = records[records["parameter"] == "improvement"].set_index("patient_id")
    patients["days"] = survival["days"].reindex(patients.index).astype(float)
    patients["event"] = survival["event"].reindex(patients.index).astype(float)
    first = better["days"].where(better["event"] == 1).reindex(patients.index).astype(float)
    # An improvement seen after the end of follow-up of survival is none that survival could depend on.
    patients["improvement_days"] = first.where(first <= patients["days"])
    # Days count from 0 on day 1, study days from 1.
    at = found.last_day - 1
    gone = patients["days"] <= at
    reason = np.select(
        [
            patients["days"].isna(),
            patients["days"] < 0,
            gone & (patients["event"] == 1),
            gone,
            patients["category"].isna(),
        ],
        [
            "no follow-up row",
            "last date before day 1",
            "died by the landmark",
            "last contact by the landmark",
            f"no {protocol.endpoint.scale} at baseline or {wanted}",
        ],
        default="",
    )
    patients["counted"] = reason == ""
    patients["reason"] = pd.Series(reason, index=patients.index, dtype=object).where(reason != "", None)
    # Those who died or left by the landmark go in too: it counts them, and says how many.
    followed = patients[patients["counted"] | (gone & (patients["days"] >= 0))]
    improved = (followed["category"] == rules.CATEGORIES[rules.IMPROVED]) & (followed["days"] >= at)
    result: Landmark | NotEstimable = NotEstimable("no patient is followed beyond the landmark")
    if patients["counted"].any():
        result = landmark(
            followed["days"],
            followed["event"],
            np.where(improved, float(at), np.nan),
            float(at),
            penalty="firth",
            conf_type=conf_type,
            level=level,
            unit="days",
        )
    eligible = patients[(patients["days"] > 0) & patients.index.isin(better.index)]
    moving: SimonMakuch | NotEstimable = NotEstimable(
        f"no patient has follow-up and a baseline {protocol.endpoint.scale}"
    )
    if len(eligible):
        moving = simon_makuch(
            eligible["days"],
            eligible["event"],
            eligible["improvement_days"],
            conf_type=conf_type,
            level=level,
            unit="days",
        )
    return LandmarkResult(
        result, moving, wanted, int(found.last_day), patients.reset_index(),
        Provenance(protocol.id, protocol.version),
    )  # fmt: skip

"""How did each further scale (Barthel, ICARS, ...) of the protocol change?

Input: the scores that were collected (table `scales`), day 1 and the visits of the protocol.
Output: the change of every patient at every visit; who improved on each scale.
Protocol section: scales, visits.
Method: baseline and windows as for the endpoint; the better direction is the scale's own.
Next: `endpoints`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.visits import Assessments, nearest_in_window

if TYPE_CHECKING:
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol


def scale_changes(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Give the change on each further scale of every enrolled patient at every visit.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        One row per scale, visit and patient with any value: patient_id, scale, visit, baseline, baseline_date,
        score, date, change, improved (True, False or None where a value is missing), baseline_line, source_line.

    Notes
    -----
    Baseline and windows are those of the endpoint, without a screening value and without death; of two scores on a
    date the better one counts at baseline, the worse one after it; any change in the better direction is improved.

    Examples
    --------
    >>> import pnstrial as pns
    >>> changes = scale_changes(pns.example_trial(), pns.load_protocol())
    >>> changes[["patient_id", "scale", "visit", "baseline", "score", "change", "improved"]].head(2)
      patient_id    scale    visit  baseline  score  change improved
    0     STE-01  Barthel  Month 3      45.0   55.0    10.0     True
    1     STE-02  Barthel  Month 3      75.0   75.0     0.0    False
    """
    return scale_changes_of(Assessments(trial, protocol))


_CHANGE_COLUMNS: Final = [
    "patient_id", "scale", "visit", "baseline", "baseline_date", "score", "date", "change", "improved",
    "baseline_line", "source_line",
]  # fmt: skip


def scale_changes_of(assessments: Assessments) -> pd.DataFrame:
    """Give the changes of the scales, as `scale_changes` does."""
    protocol, patients, table = assessments.protocol, assessments.patients, assessments.trial.scales
    usable = table["score"].notna() & table["patient_id"].isin(patients.index)
    dated = assessments.dated(table[usable][["patient_id", "date", "scale", "score"]])
    visit_names = [visit.name for visit in protocol.visits]
    parts: list[pd.DataFrame] = []
    scales = [scale for scale in protocol.scales if scale.table == "scales"]
    for scale in scales:
        own = dated[dated["scale"] == scale.name].assign(bad=lambda frame: frame["score"])
        if scale.better == "higher":
            own = own.assign(bad=-own["score"])
        early = own[own["day"] <= 1].sort_values(["patient_id", "date", "bad", "line"], kind="stable")
        early = early.drop_duplicates(["patient_id", "date"]).drop_duplicates("patient_id", keep="last")
        early = early.set_index("patient_id")
        later = own[own["day"] > 1].sort_values(["patient_id", "date", "bad"], kind="stable")
        later = later.drop_duplicates(["patient_id", "date"], keep="last")
        for visit in protocol.visits:
            rated = nearest_in_window(later, visit)
            index = patients.index[patients.index.isin(early.index.union(rated.index))]
            first, second = early.reindex(index), rated.reindex(index)
            worse = second["bad"] - first["bad"]
            part = pd.DataFrame(
                {
                    "patient_id": index,
                    "scale": scale.name,
                    "visit": visit.name,
                    "baseline": first["score"].to_numpy(dtype=float),
                    "baseline_date": first["date"].to_numpy(),
                    "score": second["score"].to_numpy(dtype=float),
                    "date": second["date"].to_numpy(),
                    "change": (second["score"] - first["score"]).to_numpy(dtype=float),
                    "improved": (worse < 0).astype(object).where(worse.notna(), None).to_numpy(),
                    "baseline_line": first["line"].astype("Int64").to_numpy(),
                    "source_line": second["line"].astype("Int64").to_numpy(),
                }
            )
            parts.append(part)
    if not parts:
        return pd.DataFrame(columns=_CHANGE_COLUMNS)
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    frame["visit"] = pd.Categorical(frame["visit"], visit_names)
    return frame.astype({"visit": object})


def scale_endpoint(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Count who improved on each scale at each visit.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        scale, visit, improved, n (patients of the full analysis set with both values).

    Examples
    --------
    >>> import pnstrial as pns
    >>> scale_endpoint(pns.example_trial(), pns.load_protocol()).head(3)
         scale    visit  improved   n
    0  Barthel  Month 3         5  11
    1  Barthel  Month 6         6  11
    2    ICARS  Month 3         2  13
    """
    return scale_endpoint_of(Assessments(trial, protocol))


def scale_endpoint_of(assessments: Assessments) -> pd.DataFrame:
    """Count who improved on each scale, as `scale_endpoint` does."""
    protocol, changes = assessments.protocol, assessments.once(scale_changes_of)
    rows: list[dict[str, Any]] = []
    for scale in (scale.name for scale in protocol.scales if scale.table == "scales"):
        for visit in protocol.visits:
            own = changes[(changes["scale"] == scale) & (changes["visit"] == visit.name)]
            both = own["improved"].notna()
            improved = int(own.loc[both, "improved"].astype(bool).sum())
            rows.append({"scale": scale, "visit": visit.name, "improved": improved, "n": int(both.sum())})
    return pd.DataFrame(rows, columns=["scale", "visit", "improved", "n"])

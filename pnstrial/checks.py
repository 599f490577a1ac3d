"""Do the tables agree with the protocol in use?

Input: a trial whose tables can be trusted, and the protocol.
Output: findings (warnings): enrolled although a criterion fails, medications that no list covers, cycles and
visits that are not as the protocol says.
Protocol section: criteria, medications, treatment, visits.
Method: each check compares what another module derived with what was recorded.
Next: `analysis`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pnstrial.data import read_findings
from pnstrial.data.consistency import shown
from pnstrial.data.findings import Finding
from pnstrial.data.schema import TABLES
from pnstrial.visits import Assessments, baseline, study_day
from pnstrial.vocabulary import ATC_PATTERN

if TYPE_CHECKING:
    from pathlib import Path

    from pnstrial.data import TrialData
    from pnstrial.eligibility import Screening
    from pnstrial.protocol import Protocol

__all__ = ["check_trial", "protocol_findings"]


@dataclass
class _Warnings:
    """Collects warnings on rows of the tables."""

    trial: TrialData
    found: list[Finding] = field(default_factory=list[Finding])

    def add(self, name: str, rows: pd.DataFrame, column: str | None, rule: str, remedy: str) -> None:
        """Add one warning for every row of a part of a table (index = line)."""
        for line, patient, value in zip(
            rows.index, rows["patient_id"], rows[column] if column else [None] * len(rows), strict=True
        ):
            self.found.append(
                Finding(
                    self.trial.file_of(name),
                    int(line),
                    patient,
                    column,
                    shown(value),
                    rule,
                    "warning",
                    remedy,
                )
            )


def check_trial(path: str | Path, protocol: Protocol) -> tuple[Finding, ...]:
    """Find everything that is wrong with a folder, or worth a look, under a protocol.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook.
    protocol : Protocol

    Returns
    -------
    tuple of Finding
        Errors first. With an error the checks that need a protocol do not run.

    Raises
    ------
    ValueError
        If there is no such folder or workbook.
    """
    trial, findings = read_findings(path)
    return findings if trial is None else (*findings, *protocol_findings(trial, protocol))


def protocol_findings(trial: TrialData, protocol: Protocol) -> tuple[Finding, ...]:
    """Compare trustworthy tables with the protocol in use.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    tuple of Finding
        All of severity "warning", by table and line.
    """
    return findings_of(Assessments(trial, protocol))


def findings_of(assessments: Assessments) -> tuple[Finding, ...]:
    """Compare the tables with the protocol, as `protocol_findings` does."""
    trial, protocol = assessments.trial, assessments.protocol
    warnings = _Warnings(trial)
    _enrolled(warnings, protocol, assessments.screening)
    _medications(warnings, assessments.medications)
    _cycle_days(warnings, protocol, assessments.cycles)
    without = assessments.once(baseline)["baseline_mrs"].isna()
    table = trial.screening
    warnings.add(
        "screening",
        table[table["patient_id"].isin(without.index[without])],
        "mrs",
        "an enrolled patient is expected to have a baseline mRS",
        "fill in the screening mRS, or add a rating on or before day 1",
    )
    _labelled_visits(warnings, protocol, assessments)
    order = {trial.file_of(name): place for place, name in enumerate(TABLES)}
    return tuple(sorted(warnings.found, key=lambda finding: (order[finding.file], finding.line or 0)))


def _enrolled(warnings: _Warnings, protocol: Protocol, screening: Screening) -> None:
    table = warnings.trial.screening
    enrolled = table[table["enrolment_date"].notna()]
    failed = screening.criteria[screening.criteria["status"] == "fail"]
    for criterion in protocol.criteria:
        rows = failed[failed["criterion"] == criterion.id]
        reasons = dict(zip(rows["patient_id"], rows["reason"], strict=True))
        columns = criterion.columns_read
        for line, patient in zip(enrolled.index, enrolled["patient_id"], strict=True):
            if patient not in reasons:
                continue
            column = columns[0] if columns else "enrolment_date"
            for name in columns:
                if str(table.loc[line, name]) == "yes":
                    column = name
                    break
            warnings.found.append(
                Finding(
                    warnings.trial.file_of("screening"),
                    int(line),
                    patient,
                    column,
                    shown(table.loc[line, column]),
                    f"enrolled although {criterion.id} fails: {reasons[patient]}",
                    "warning",
                    "check the value; if it is right, it is a protocol deviation",
                )
            )


def _medications(warnings: _Warnings, records: pd.DataFrame) -> None:
    well_formed = np.array(
        [bool(code) and bool(ATC_PATTERN.fullmatch(str(code))) for code in records["atc"]], dtype=bool
    )
    coded = records["atc"].notna()
    warnings.add(
        "medications",
        records[coded & ~well_formed],
        "atc",
        "this is no ATC code; the name decides",
        "write a code such as L04AA06, or leave the cell blank",
    )
    warnings.add(
        "medications",
        records[records["unclassed"] & well_formed],
        "atc",
        "the code is only the beginning of an immunotherapy's and leaves the record open",
        "write the whole code",
    )
    warnings.add(
        "medications",
        records[records["open"] & ~well_formed],
        "medication",
        "no list of the protocol covers this name; it may be an immunotherapy",
        "add an ATC code or an indication, or the name to a list of the protocol file",
    )
    immunotherapy = (records["classes"] != "") & ~records["trial_own"]
    warnings.add(
        "medications",
        records[immunotherapy & records["start_date"].isna()],
        "start_date",
        "an immunotherapy is expected to have a start date",
        "fill in the first day",
    )
    warnings.add(
        "medications",
        records[immunotherapy & records["indication"].isna()],
        "indication",
        "an immunotherapy is expected to have an indication; blank counts as pns",
        "fill in the indication",
    )
    warnings.add(
        "medications",
        records[records["trial_own"] & records["classes"].str.contains("immunoglobulin")],
        "medication",
        "the trial's own IVIg belongs into infusions; ignored here",
        "record it in infusions.csv only",
    )


def _cycle_days(warnings: _Warnings, protocol: Protocol, cycles: pd.DataFrame) -> None:
    treatment = protocol.treatment
    wrong = cycles[
        (cycles["days"] < treatment.fewest_infusion_days) | (cycles["days"] > treatment.most_infusion_days)
    ]
    table = warnings.trial.infusions
    given = table[table["dose_g"] > 0]
    first = given.reset_index().sort_values(["patient_id", "cycle", "date"], kind="stable")
    first = first.drop_duplicates(["patient_id", "cycle"])
    rows = first.merge(wrong[["patient_id", "cycle", "days"]], on=["patient_id", "cycle"]).set_index("line")
    warnings.add(
        "infusions",
        rows,
        "cycle",
        f"a cycle is expected in {treatment.fewest_infusion_days} to {treatment.most_infusion_days} infusion days",
        "check cycle numbers and dates",
    )


def _labelled_visits(warnings: _Warnings, protocol: Protocol, assessments: Assessments) -> None:
    """Look at the nominal visit of each rating: the one place where it is read."""
    table = warnings.trial.mrs
    rated = table[table["mrs"].notna() & table["patient_id"].isin(assessments.patients.index)]
    day_1 = rated["patient_id"].map(assessments.patients["day_1"])
    day = pd.Series(study_day(rated["date"].to_numpy(), day_1.to_numpy()), rated.index)
    label = rated["visit"].fillna("").astype(str).str.casefold().str.strip()
    for visit in protocol.visits:
        outside = (label == visit.name.casefold()) & ~day.between(visit.first_day, visit.last_day)
        warnings.add(
            "mrs",
            rated[outside],
            "visit",
            f"labelled {visit.name}, but outside its window (day {visit.first_day} to {visit.last_day})",
            "check date and label; the date decides",
        )

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

from pnstrial.data.allowed import allowed_by, tables_under
from pnstrial.data.arguments import protocol_of
from pnstrial.data.findings import Finding
from pnstrial.data.folder import display
from pnstrial.data.parsing import called_otherwise
from pnstrial.data.schema import TABLES, bare
from pnstrial.data.sources import in_words_of_a_workbook
from pnstrial.data.trial import read_tables
from pnstrial.exposure import infusions_of
from pnstrial.numerics.signatures import check_signature
from pnstrial.visits import Assessments, baseline
from pnstrial.vocabulary import ATC_PATTERN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from pnstrial.data import TrialData
    from pnstrial.data.sources import NotRead
    from pnstrial.eligibility import Screening
    from pnstrial.protocol import Protocol

__all__ = ["Checked", "after_data_cut", "check_tables", "check_trial", "protocol_findings"]


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
                    display(value, self.trial.written),
                    rule,
                    "warning",
                    remedy,
                )
            )


@dataclass(frozen=True)
class Checked:
    """Everything that is wrong with a folder under a protocol, and what of it was not read.

    Attributes
    ----------
    findings : tuple of Finding
        Errors first. With an error the checks that need a protocol do not run.
    not_read : tuple of NotRead
        Files, sheets and headers that change nothing.
    trial : TrialData or None
        None where a finding is an error.
    """

    findings: tuple[Finding, ...]
    not_read: tuple[NotRead, ...]
    trial: TrialData | None


def check_tables(path: str | Path, protocol: Protocol, **declared: str | None) -> Checked:
    """Check a folder as `check_trial` does, with its arguments, and keep the trial and what was not read.

    Examples
    --------
    >>> import tempfile, pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> checked = check_tables(folder, pns.load_protocol())
    >>> len(checked.findings), checked.not_read, len(checked.trial.enrolled)
    (18, (), 18)
    """
    protocol = protocol_of(protocol)
    check_signature(check_tables, locals())
    reading = read_tables(path, protocol, **declared)
    if reading.trial is not None:
        found = protocol_findings(reading.trial, protocol)
    else:
        found = tuple(absent_columns(reading.headers, reading.labels, protocol))
    return Checked((*reading.findings, *found), reading.not_read, reading.trial)


def check_trial(
    path: str | Path,
    protocol: Protocol,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    dates: str | None = None,
    encoding: str | None = None,
) -> tuple[Finding, ...]:
    """Find everything that is wrong with a folder, or worth a look, under a protocol.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook.
    protocol : Protocol
    separator, decimal, dates, encoding : str, optional
        How the CSV files are written, as in `read_trial`.

    Returns
    -------
    tuple of Finding
        Errors first. With an error the checks that need a protocol do not run.

    Raises
    ------
    ValueError
        If there is no such folder or workbook.

    Examples
    --------
    >>> import tempfile, pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> found = check_trial(folder, pns.load_protocol())
    >>> len(found), found[0].file, found[0].line, found[0].column
    (18, 'infusions.csv', 174, 'dose_g')
    """
    protocol = protocol_of(protocol)
    check_signature(check_trial, locals())
    declared = {"separator": separator, "decimal": decimal, "dates": dates, "encoding": encoding}
    return check_tables(path, protocol, **declared).findings


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

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> {finding.severity for finding in protocol_findings(trial, protocol)} <= {"warning", "error"}
    True
    """
    return findings_of(Assessments(trial, protocol))


def findings_of(assessments: Assessments) -> tuple[Finding, ...]:
    """Compare the tables with the protocol, as `protocol_findings` does."""
    trial, protocol = assessments.trial, assessments.protocol
    warnings = _Warnings(trial)
    _enrolled(warnings, protocol, assessments.screening)
    _medications(warnings, assessments.medications)
    _cycle_days(warnings, protocol, assessments.cycles)
    scale = assessments.scale
    without = assessments.once(baseline)[f"baseline_{scale.column}"].isna()
    table = trial.screening
    warnings.add(
        "screening",
        table[table["patient_id"].isin(without.index[without])],
        "mrs" if scale.table == "mrs" else None,
        f"an enrolled patient is expected to have a baseline {scale.name}",
        f"{'fill in the screening mRS, or ' * (scale.table == 'mrs')}add a rating on or before day 1",
    )
    _labelled_visits(warnings, protocol, assessments)
    warnings.found += absent_columns(trial.headers, trial.labels, protocol)
    if trial.book is not None:
        warnings.found = in_words_of_a_workbook(warnings.found)
    order = {trial.file_of(name): place for place, name in enumerate(TABLES)}
    return tuple(sorted(warnings.found, key=lambda finding: (order[finding.file], finding.line or 0)))


def absent_columns(
    headers: Mapping[str, tuple[str, ...]], labels: Mapping[str, str], protocol: Protocol
) -> list[Finding]:
    """Say which absent columns the protocol needs, and which headers may be absent ones by another name.

    Parameters
    ----------
    headers : mapping of str to tuple of str
        The header row of each table that is there.
    labels : mapping of str to str
        What findings call the file of each table.
    protocol : Protocol
    """
    needed = _needed_columns(protocol)
    found: list[Finding] = []
    for name, table in tables_under(allowed_by(protocol)).items():
        if name not in headers:
            continue
        otherwise = called_otherwise(headers[name], table)
        for column in table.columns:
            lost = needed.get((name, column.name))
            if column.name in headers[name] or column.required or column.column_required:
                continue
            if lost is None and bare(otherwise.get(column.name, "")) not in column.other_names:
                continue
            rule = "this column is absent" + (f": {lost}" if lost else "")
            remedy = "add the column, or know what is unknown without it"
            if column.name in otherwise:
                remedy = (
                    f"rename {otherwise[column.name]!r} to {column.name} if it is that; it is not read now"
                )
            found.append(Finding(labels[name], 1, None, column.name, None, rule, "warning", remedy))
    return found


def _needed_columns(protocol: Protocol) -> dict[tuple[str, str], str]:
    """Say for each column that criteria, dose or endpoint ask for what is unknown where it is absent."""
    needed_for: dict[str, list[str]] = {}
    for criterion in protocol.criteria:
        for column in criterion.columns_read:
            needed_for.setdefault(column, []).append(criterion.id)
    needed = {
        (
            "screening",
            column,
        ): f"{', '.join(ids)} cannot be decided by it and may be unknown for every patient"
        for column, ids in needed_for.items()
    }
    messages = [
        ("screening", "enrolment_date", "nobody counts as enrolled, so no endpoint can be given"),
        *_dose_columns(protocol),
        ("medications", "atc", "names alone decide what is immunotherapy, and one in no list is unknown"),
        ("medications", "indication", "every immunotherapy counts as one for the syndrome"),
        ("medications", "start_date", "whether an immunotherapy was other treatment or rescue is unknown"),
        ("medications", "stop_date", "every medication counts as ongoing"),
        ("scales", "score", "the changes on the scales are unknown"),
        ("follow_up", "death_date", "no death has a date, and the endpoint needs it"),
        *([("screening", "arm", "nobody's arm is known")] if protocol.arms else []),
    ]
    for table, column, lost in messages:
        before = needed.get((table, column))
        needed[table, column] = lost if before is None else f"{before}; {lost}"
    return needed


def _dose_columns(protocol: Protocol) -> list[tuple[str, str, str]]:
    """Say which columns baseline and dose need."""
    needed: list[tuple[str, str, str]] = []
    if protocol.scale().table == "mrs":
        needed.append(("screening", "mrs", "a patient not rated by day 1 has no baseline"))
    if any(drug.dose_g_per_kg is not None or drug.dose_g_per_m2 is not None for drug in protocol.drugs):
        needed.append(("screening", "weight_kg", "a cycle without a weight of its own has no planned dose"))
        needed.append(("infusions", "weight_kg", "the planned dose rests on the screening weight"))
    if any(drug.dose_g_per_m2 is not None for drug in protocol.drugs):
        needed.append(("screening", "height_cm", "a dose per square metre has no planned amount"))
    if len(protocol.drugs) > 1:
        needed.append(("infusions", "drug", f"every row is taken for {protocol.drugs[0].name}"))
    return needed


def after_data_cut(trial: TrialData, data_cut: dt.date) -> tuple[Finding, ...]:
    """Find every date after the data cut; nothing is removed.

    Parameters
    ----------
    trial : TrialData
    data_cut : datetime.date
        The last day that belongs to the data.

    Returns
    -------
    tuple of Finding
        Warnings, one for each date, by table and column.

    Examples
    --------
    >>> import datetime
    >>> import pnstrial as pns
    >>> len(after_data_cut(pns.example_trial(), datetime.date(2016, 1, 1))) > 0
    True
    """
    check_signature(after_data_cut, locals())
    warnings = _Warnings(trial)
    for name, described in TABLES.items():
        table = trial.table(name)
        for column in described.columns:
            if column.kind == "date" and column.name in table:
                late = table[table[column.name] > pd.Timestamp(data_cut)]
                rule = f"a date is expected to lie on or before the data cut, {data_cut:%Y-%m-%d}"
                warnings.add(name, late, column.name, rule, "check the date, or name a later data cut")
    return tuple(warnings.found)


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
                    display(table.loc[line, column], warnings.trial.written),
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
    for drug, rows in records[records["drug"].notna()].groupby("drug", sort=False):
        warnings.add(
            "medications",
            rows,
            "medication",
            f"the trial's own {drug} belongs into infusions; ignored here",
            "record it in infusions.csv only",
        )


def _cycle_days(warnings: _Warnings, protocol: Protocol, cycles: pd.DataFrame) -> None:
    """Look at the infusion days of each cycle, and for cycles beyond the plan of a drug."""
    table = infusions_of(warnings.trial, protocol)
    given = table[table["dose_g"] > 0]
    first = given.reset_index().sort_values(["patient_id", "cycle", "date"], kind="stable")
    first = first.drop_duplicates(["patient_id", "drug", "cycle"])
    several = len(protocol.drugs) > 1
    for drug in protocol.drugs:
        own = cycles[cycles["drug"] == drug.name]
        named = f" of {drug.name}" if several else ""
        few, many = drug.fewest_days, drug.most_days
        days = f"{few} to {many} infusion days" if few < many else f"{few} infusion day{'s' * (few > 1)}"
        wrong, beyond = own[(own["days"] < few) | (own["days"] > many)], own[own["cycle"] > drug.cycles]
        for rows, rule in (
            (wrong, f"a cycle{named} is expected in {days}"),
            (beyond, f"the course{named} has {drug.cycles} cycles; a later one is beyond the plan"),
        ):
            found = first.merge(rows[["patient_id", "drug", "cycle"]], on=["patient_id", "drug", "cycle"])
            warnings.add("infusions", found.set_index("line"), "cycle", rule, "check cycle numbers and dates")


def _labelled_visits(warnings: _Warnings, protocol: Protocol, assessments: Assessments) -> None:
    """Look at the nominal visit of each rating: the one place where it is read."""
    table = warnings.trial.mrs
    rated = table[table["mrs"].notna() & table["patient_id"].isin(assessments.patients.index)]
    dated = assessments.dated(rated).set_index("line")
    label = rated["visit"].fillna("").astype(str).str.casefold().str.strip()
    for visit in protocol.visits:
        day = dated["since_last" if visit.anchored else "day"]
        outside = (label == visit.name.casefold()) & ~day.between(visit.first_day, visit.last_day)
        window = f"{visit.first_day} to {visit.last_day}"
        where = f"{window} days after the last infusion" if visit.anchored else f"day {window}"
        warnings.add(
            "mrs",
            rated[outside],
            "visit",
            f"labelled {visit.name}, but outside its window ({where})",
            "check date and label; the date decides",
        )

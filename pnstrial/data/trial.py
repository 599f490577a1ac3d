"""What did the trial collect?

Input: a folder of CSV or Parquet files, a workbook, or frames.
Output: `TrialData`: seven typed frames that no analysis changes, with the findings of reading them.
Protocol section: none.
Method: read as text, interpret, check, all findings at once; with an error nothing goes on.
Next: `files`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from pnstrial.data.allowed import Allowed, allowed_by, tables_under
from pnstrial.data.consistency import consistency_findings
from pnstrial.data.findings import Finding, TrialDataError
from pnstrial.data.parsing import ParsedTable, called_otherwise, empty_frame, parse_table
from pnstrial.data.reading import read_frame
from pnstrial.data.schema import TABLES
from pnstrial.data.sources import SYNTHETIC_MARK, NotRead, Source, in_words_of_a_workbook, source_of
from pnstrial.data.text_format import STRICT, TextFormat
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pnstrial.protocol import Protocol

FIRST: Final = "nct02343211"
"""The protocol whose words and ranges hold where none is named."""

__all__ = ["Reading", "TrialData", "read_findings", "read_tables", "read_trial"]


@dataclass(frozen=True, eq=False)
class TrialData:
    """The collected tables of a trial, as frames.

    Each property gives a copy, so that no analysis can change what was collected. The index of a frame (named
    ``line``) is the line in the file; dates are ``datetime64``, numbers floats with nan for blank, words and
    text are str or None; columns that no rule knows are handed on as text.

    Attributes
    ----------
    absent : frozenset of str
        Tables that were not there; their frames are empty.
    findings : tuple of Finding
        Warnings of reading (an error would have been raised).
    source : str or None
        The folder or workbook.
    files : dict of str
        SHA-256 of each file that was read.
    synthetic : bool
        The patients are invented (bundled example, simulation).
    truth : dict of str to pandas.DataFrame
        What a simulation knows beside the collected tables; empty for collected data.
    labels : dict of str
        What findings call the file of each table.
    headers : dict of tuple of str
        The header row of each table that is there.
    written : TextFormat
        How the text of the files was declared to be written.
    book : str or None
        Name of the workbook that the tables came from.
    allowed : Allowed
        The words and ranges under which they were read: the scales, drugs and arms of a protocol.

    Examples
    --------
    >>> import pandas as pd
    >>> trial = TrialData.from_frames(
    ...     {"screening": pd.DataFrame({"patient_id": ["A-01"], "screening_date": ["2014-03-01"], "mrs": [3]})}
    ... )
    >>> trial.screening[["patient_id", "mrs"]].values.tolist(), sorted(trial.absent)[0]
    ([['A-01', 3.0]], 'adverse_events')
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    absent: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    source: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    synthetic: bool = False
    truth: Mapping[str, pd.DataFrame] = field(default_factory=dict[str, pd.DataFrame], repr=False)
    labels: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], repr=False)
    written: TextFormat = field(default=STRICT, repr=False)
    book: str | None = field(default=None, repr=False)
    allowed: Allowed = field(default_factory=lambda: allowed_by(FIRST), repr=False)
    _again: dict[Allowed, TrialData] = field(
        default_factory=dict["Allowed", "TrialData"], init=False, repr=False
    )

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str, pd.DataFrame],
        *,
        synthetic: bool = False,
        truth: Mapping[str, pd.DataFrame] | None = None,
        source: str | None = None,
        protocol: str | Path | Protocol = FIRST,
    ) -> TrialData:
        """Take frames instead of files; they are checked as files are.

        Parameters
        ----------
        frames : mapping of str to pandas.DataFrame
            By the names of the tables; screening must be there. Cells may be text, numbers or dates.
        synthetic : bool, default False
        truth : mapping of str to pandas.DataFrame, optional
        source : str, optional
        protocol : Protocol, name or path
            Whose scales, drugs and ranges they are checked by.

        Returns
        -------
        TrialData

        Raises
        ------
        TrialDataError
            With every finding, if one is an error.
        ValueError
            If a name is no table.
        """
        check_signature(TrialData.from_frames, locals())
        if unknown := sorted(frames.keys() - TABLES.keys()):
            raise ValueError(f"no such table: {', '.join(unknown)}; the tables are {', '.join(TABLES)}")
        raw = {name: read_frame(frame, name, f"{name}.csv") for name, frame in frames.items()}
        given, allowed = Source(Path(), raw=raw), allowed_by(protocol)
        tables, findings = _checked(given, allowed)
        return _built(given, allowed, tables, findings, source, synthetic=synthetic, truth=truth or {})

    def under(self, protocol: Protocol) -> TrialData:
        """Give the trial as the words and ranges of a protocol have it: itself, or checked again where they differ.

        Parameters
        ----------
        protocol : Protocol

        Returns
        -------
        TrialData

        Raises
        ------
        TrialDataError
            With every finding, if the tables are not right under that protocol.
        """
        allowed = allowed_by(protocol)
        if allowed == self.allowed:
            return self
        if allowed not in self._again:
            raw = {name: read_frame(self.tables[name], name, self.file_of(name)) for name in self.labels}
            given = Source(Path(), self.book, raw, files=dict(self.files))
            tables, findings = _checked(given, allowed)
            where = f"{self.source or 'the tables'}, checked again under {protocol.id}"
            again = _built(
                given, allowed, tables, findings, where, synthetic=self.synthetic, truth=self.truth
            )
            self._again[allowed] = replace(
                again, source=self.source, headers=self.headers, written=self.written, labels=self.labels
            )
        return self._again[allowed]

    def file_of(self, name: str) -> str:
        """Give what findings call the file of a table."""
        check_signature(TrialData.file_of, locals())
        if name not in TABLES:
            raise ValueError(f"no such table: {name}; the tables are {', '.join(TABLES)}")
        return self.labels.get(name, TABLES[name].file)

    def table(self, name: str) -> pd.DataFrame:
        """Give a copy of a table by its name."""
        check_signature(TrialData.table, locals())
        if name not in TABLES:
            raise ValueError(f"no such table: {name}; the tables are {', '.join(TABLES)}")
        return self.tables[name].copy()

    @property
    def screening(self) -> pd.DataFrame:
        """One row per screened patient."""
        return self.table("screening")

    @property
    def medications(self) -> pd.DataFrame:
        """One row per medication record."""
        return self.table("medications")

    @property
    def infusions(self) -> pd.DataFrame:
        """One row per infusion day."""
        return self.table("infusions")

    @property
    def mrs(self) -> pd.DataFrame:
        """One row per rating on the modified Rankin scale."""
        return self.table("mrs")

    @property
    def scales(self) -> pd.DataFrame:
        """One row per rating on another scale."""
        return self.table("scales")

    @property
    def adverse_events(self) -> pd.DataFrame:
        """One row per adverse event."""
        return self.table("adverse_events")

    @property
    def follow_up(self) -> pd.DataFrame:
        """One row per patient."""
        return self.table("follow_up")

    @property
    def enrolled(self) -> list[str]:
        """Enrolled patients, in the order of the screening table: the full analysis set."""
        screening = self.tables["screening"]
        return screening.loc[screening["enrolment_date"].notna(), "patient_id"].to_list()

    @property
    def summary(self) -> str:
        """Who and how many rows, in one line."""
        counts = ", ".join(f"{len(self.tables[name])} {name}" for name in TABLES if name not in self.absent)
        kind = "Synthetic trial (its patients are invented)" if self.synthetic else "Trial"
        return f"{kind}: {len(self.enrolled)} enrolled; rows: {counts}"

    def __str__(self) -> str:
        return f"{self.summary}; {len(self.findings)} warnings"

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td>{'absent' if name in self.absent else len(self.tables[name])}</td></tr>"
            for name in TABLES
        )
        return f"<table><caption>{html.escape(str(self).split(';')[0])}</caption>{rows}</table>"


def _checked(source: Source, allowed: Allowed) -> tuple[dict[str, ParsedTable], tuple[Finding, ...]]:
    # what was text is let go table by table: a long trial then stands in memory once
    described = tables_under(allowed)
    tables = {
        name: parse_table(source.raw.pop(name), described[name]) for name in TABLES if name in source.raw
    }
    absent = {name: (source.place(name), source.remedy(name)) for name in TABLES if name not in tables}
    found = list(source.findings)
    if "screening" in absent and not found:
        file, remedy = absent["screening"]
        remedy += ", or check the folder's name" if source.book is None else ""
        found.append(Finding(file, None, None, None, None, "this table must be there", "error", remedy))
    for table in tables.values():
        found += table.findings
    found += consistency_findings(tables, absent, allowed)
    if source.book is not None:
        found = in_words_of_a_workbook(found)
    order = {file: place for place, file in enumerate(dict.fromkeys(f.file for f in found))}
    table_order = {source.place(name): place for place, name in enumerate(TABLES)}
    found.sort(key=lambda f: (f.severity, table_order.get(f.file, len(TABLES)), order[f.file], f.line or 0))
    return tables, tuple(found)


def _built(
    source: Source,
    allowed: Allowed,
    tables: Mapping[str, ParsedTable],
    findings: tuple[Finding, ...],
    where: str | None,
    *,
    synthetic: bool = False,
    truth: Mapping[str, pd.DataFrame] | None = None,
) -> TrialData:
    if any(finding.severity == "error" for finding in findings):
        raise TrialDataError(where or "the set of tables", findings)
    frames = {
        name: tables[name].frame if name in tables else empty_frame(table)
        for name, table in tables_under(allowed).items()
    }
    absent = frozenset(TABLES.keys() - tables.keys())
    labels = {name: table.file for name, table in tables.items()}
    headers = {name: table.header for name, table in tables.items()}
    return TrialData(
        frames, absent, findings, where, source.files, synthetic, dict(truth or {}), labels, headers,
        source.written, source.book, allowed,
    )  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What reading a folder or workbook gave.

    Attributes
    ----------
    trial : TrialData or None
        None where a finding is an error.
    findings : tuple of Finding
        Errors first, then by table and line.
    headers : dict of tuple of str
        The header row of each table that could be read.
    labels : dict of str
        What findings call the file of each table.
    not_read : tuple of NotRead
        Files, sheets and headers that change nothing.
    """

    trial: TrialData | None
    findings: tuple[Finding, ...]
    headers: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    not_read: tuple[NotRead, ...]


def read_tables(path: str | Path, protocol: str | Path | Protocol = FIRST, **declared: str | None) -> Reading:
    """Read a trial with everything that is known about its tables; see `read_findings`."""
    folder = Path(path)
    allowed = allowed_by(protocol)
    source = source_of(folder, **declared)
    tables, findings = _checked(source, allowed)
    described = tables_under(allowed)
    mark = (folder if folder.is_dir() else folder.parent) / SYNTHETIC_MARK
    try:
        trial = _built(source, allowed, tables, findings, str(path), synthetic=mark.is_file())
    except TrialDataError:
        trial = None
    headers = {name: table.header for name, table in tables.items() if table.header}
    labels = {name: table.file for name, table in tables.items()}
    not_read = list(source.not_read)
    for name, header in headers.items():
        otherwise = called_otherwise(header, described[name], near=True)
        meant = {other: column for column, other in otherwise.items()}
        unlisted = [word for word in header if word not in described[name].by_name]
        not_read += [NotRead(labels[name], word, meant.get(word)) for word in unlisted]
    return Reading(trial, findings, headers, labels, tuple(not_read))


def read_findings(
    path: str | Path,
    protocol: str | Path | Protocol = FIRST,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    dates: str | None = None,
    encoding: str | None = None,
) -> tuple[TrialData | None, tuple[Finding, ...]]:
    """Read a trial with everything that is wrong with its tables.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook with one sheet per table.
    protocol : Protocol, name or path, default "nct02343211"
        Whose scales, drugs and ranges the tables are checked by.
    separator, decimal, dates, encoding : str, optional
        How the CSV files are written, where not as `pnstrial template` writes them: see `TextFormat`. They win over
        ``format.toml`` in the folder.

    Returns
    -------
    trial : TrialData or None
        None where a finding is an error.
    findings : tuple of Finding
        Errors first, then by table and line. What needs a protocol is in `pnstrial.checks`.

    Raises
    ------
    ValueError
        If there is no such folder or workbook, or a format that is not allowed.

    Examples
    --------
    >>> import tempfile
    >>> from pnstrial.data import write_example
    >>> folder = tempfile.mkdtemp()
    >>> _ = write_example(folder)
    >>> trial, findings = read_findings(folder)
    >>> len(trial.enrolled), len(findings)
    (18, 9)
    """
    check_signature(read_findings, locals())
    reading = read_tables(
        path, protocol, separator=separator, decimal=decimal, dates=dates, encoding=encoding
    )
    return reading.trial, reading.findings


def read_trial(
    path: str | Path,
    protocol: str | Path | Protocol = FIRST,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    dates: str | None = None,
    encoding: str | None = None,
) -> TrialData:
    """Read the collected tables of a trial.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook with one sheet per table.
    protocol : Protocol, name or path, default "nct02343211"
        Whose scales, drugs and ranges the tables are checked by.
    separator, decimal, dates, encoding : str, optional
        How the CSV files are written, where not as `pnstrial template` writes them: see `TextFormat`. They win over
        ``format.toml`` in the folder.

    Returns
    -------
    TrialData

    Raises
    ------
    TrialDataError
        With every finding, if one is an error.
    ValueError
        If there is no such folder or workbook, or a format that is not allowed.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pns.data.write_example(folder)
    ...     print(read_trial(folder))
    Synthetic trial (its patients are invented): 18 enrolled; rows: 26 screening, ...
    """
    check_signature(read_trial, locals())
    reading = read_tables(
        path, protocol, separator=separator, decimal=decimal, dates=dates, encoding=encoding
    )
    if reading.trial is None:
        raise TrialDataError(str(path), reading.findings)
    return reading.trial

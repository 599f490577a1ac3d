"""What did the trial collect?

Input: a folder of CSV or Parquet files, a workbook, or frames.
Output: `TrialData`: seven typed frames that no analysis changes, with the findings of reading them.
Protocol section: none.
Method: read as text, interpret, check, all findings at once; with an error nothing goes on.
Next: `eligibility`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial.data import reading
from pnstrial.data.consistency import consistency_findings, shown
from pnstrial.data.findings import Finding, TrialDataError
from pnstrial.data.parsing import ParsedTable, empty_frame, parse_table
from pnstrial.data.schema import TABLES, data_dictionary
from pnstrial.writing import digest, whole_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "TrialData",
    "example_trial",
    "read_findings",
    "read_trial",
    "write_example",
    "write_template",
    "write_trial",
]

SYNTHETIC_MARK = "SYNTHETIC.txt"
_SYNTHETIC_TEXT = "The patients in this folder are invented. Nothing here was observed in a trial.\n"


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

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str, pd.DataFrame],
        *,
        synthetic: bool = False,
        truth: Mapping[str, pd.DataFrame] | None = None,
        source: str | None = None,
    ) -> TrialData:
        """Take frames instead of files; they are checked as files are.

        Parameters
        ----------
        frames : mapping of str to pandas.DataFrame
            By the names of the tables; screening must be there. Cells may be text, numbers or dates.
        synthetic : bool, default False
        truth : mapping of str to pandas.DataFrame, optional
        source : str, optional

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
        if unknown := sorted(frames.keys() - TABLES.keys()):
            raise ValueError(f"no such table: {', '.join(unknown)}; the tables are {', '.join(TABLES)}")
        raw = {name: reading.read_frame(frame, name, f"{name}.csv") for name, frame in frames.items()}
        tables, findings = _checked(raw, "screening.csv")
        return _built(tables, findings, source, "the tables", synthetic=synthetic, truth=truth or {})

    def file_of(self, name: str) -> str:
        """Give what findings call the file of a table."""
        return self.labels.get(name, TABLES[name].file)

    def table(self, name: str) -> pd.DataFrame:
        """Give a copy of a table by its name."""
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
        """One row per rating on Barthel, ICARS or ONLS."""
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

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.tables[name])} {name}" for name in TABLES if name not in self.absent)
        kind = "Synthetic trial (its patients are invented)" if self.synthetic else "Trial"
        return f"{kind}: {len(self.enrolled)} enrolled; rows: {counts}; {len(self.findings)} warnings"

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td>{'absent' if name in self.absent else len(self.tables[name])}</td></tr>"
            for name in TABLES
        )
        return f"<table><caption>{html.escape(str(self).split(';')[0])}</caption>{rows}</table>"


def _raw_tables(path: Path) -> tuple[dict[str, reading.RawTable], list[Finding], dict[str, str], str]:
    """Read what is there as text: (tables, findings, hash of each file, where the screening table should be)."""
    if path.is_file():
        if path.suffix.lower() != ".xlsx":
            raise ValueError(
                f"{path} is neither a folder nor an .xlsx workbook; give the folder of the tables"
            )
        return (
            reading.read_workbook(path, TABLES),
            [],
            {path.name: digest(path.read_bytes())},
            f"{path.name}/screening",
        )
    if not path.is_dir():
        raise ValueError(
            f"no folder {str(path)!r}; give the folder of the tables, or make one: pnstrial example"
        )
    books = sorted(path.glob("*.xlsx"))
    loose = [path / f"{name}{suffix}" for name in TABLES for suffix in (".csv", ".parquet")]
    if len(books) == 1 and not any(file.is_file() for file in loose):
        return _raw_tables(books[0])
    raw: dict[str, reading.RawTable] = {}
    findings: list[Finding] = []
    hashes: dict[str, str] = {}
    for name, table in TABLES.items():
        csv_file, parquet = path / table.file, path / f"{name}.parquet"
        if csv_file.is_file():
            raw[name] = reading.read_csv(csv_file, name)
            hashes[csv_file.name] = digest(csv_file.read_bytes())
        if parquet.is_file():
            hashes[parquet.name] = digest(parquet.read_bytes())
            if name in raw:
                rule = f"the table is there twice, in {csv_file.name} and {parquet.name}"
                findings.append(
                    Finding(parquet.name, None, None, None, None, rule, "error", "remove one of them")
                )
            else:
                raw[name] = reading.read_parquet(parquet, name)
    return raw, findings, hashes, TABLES["screening"].file


def _checked(
    raw: Mapping[str, reading.RawTable], screening_file: str, findings: Iterable[Finding] = ()
) -> tuple[dict[str, ParsedTable], tuple[Finding, ...]]:
    tables = {name: parse_table(raw[name], TABLES[name]) for name in TABLES if name in raw}
    found = list(findings)
    if "screening" not in tables:
        rule = "this table must be there"
        remedy = "add it (see: pnstrial template), or check the folder's name"
        found.append(Finding(screening_file, None, None, None, None, rule, "error", remedy))
    for table in tables.values():
        found += table.findings
    found += consistency_findings(tables)
    order = {file: place for place, file in enumerate(dict.fromkeys(f.file for f in found))}
    table_order = {table.file: place for place, table in enumerate(TABLES.values())}
    found.sort(key=lambda f: (f.severity, table_order.get(f.file, len(TABLES)), order[f.file], f.line or 0))
    return tables, tuple(found)


def _built(
    tables: Mapping[str, ParsedTable],
    findings: tuple[Finding, ...],
    source: str | None,
    where: str,
    *,
    files: Mapping[str, str] | None = None,
    synthetic: bool = False,
    truth: Mapping[str, pd.DataFrame] | None = None,
) -> TrialData:
    if any(finding.severity == "error" for finding in findings):
        raise TrialDataError(where, findings)
    frames = {
        name: tables[name].frame if name in tables else empty_frame(table) for name, table in TABLES.items()
    }
    absent = frozenset(TABLES.keys() - tables.keys())
    labels = {name: table.file for name, table in tables.items()}
    headers = {name: table.header for name, table in tables.items()}
    return TrialData(
        frames, absent, findings, source, dict(files or {}), synthetic, dict(truth or {}), labels, headers
    )


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
    """

    trial: TrialData | None
    findings: tuple[Finding, ...]
    headers: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]


def read_tables(path: str | Path) -> Reading:
    """Read a trial with everything that is known about its tables; see `read_findings`."""
    folder = Path(path)
    raw, early, hashes, screening_file = _raw_tables(folder)
    tables, findings = _checked(raw, screening_file, early)
    mark = (folder if folder.is_dir() else folder.parent) / SYNTHETIC_MARK
    try:
        trial = _built(tables, findings, str(path), str(path), files=hashes, synthetic=mark.is_file())
    except TrialDataError:
        trial = None
    headers = {name: table.header for name, table in tables.items() if table.header}
    return Reading(trial, findings, headers, {name: table.file for name, table in tables.items()})


def read_findings(path: str | Path) -> tuple[TrialData | None, tuple[Finding, ...]]:
    """Read a trial with everything that is wrong with its tables.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook with one sheet per table.

    Returns
    -------
    trial : TrialData or None
        None where a finding is an error.
    findings : tuple of Finding
        Errors first, then by table and line. What needs a protocol is in `pnstrial.checks`.

    Raises
    ------
    ValueError
        If there is no such folder or workbook.
    """
    reading = read_tables(path)
    return reading.trial, reading.findings


def read_trial(path: str | Path) -> TrialData:
    """Read the collected tables of a trial.

    Parameters
    ----------
    path : str or Path
        A folder of CSV or Parquet files, or a workbook with one sheet per table.

    Returns
    -------
    TrialData

    Raises
    ------
    TrialDataError
        With every finding, if one is an error.
    ValueError
        If there is no such folder or workbook.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_example(folder)
    ...     print(read_trial(folder))
    Synthetic trial (its patients are invented): 18 enrolled; rows: 26 screening, ...
    """
    trial, findings = read_findings(path)
    if trial is None:
        raise TrialDataError(str(path), findings)
    return trial


def write_trial(trial: TrialData, folder: str | Path) -> None:
    """Write the tables as CSV files; reading them back gives an equal trial.

    Parameters
    ----------
    trial : TrialData
    folder : str or Path
        Made if it is not there. Absent tables are not written; other files are left alone.

    Raises
    ------
    OutputError
        If one of the files is there already: collected tables are never written over.
    """
    tables = [table for name, table in TABLES.items() if name not in trial.absent]
    names = [table.file for table in tables] + [SYNTHETIC_MARK] * trial.synthetic
    with whole_folder(folder, names=names, manifest=None) as where:
        for table in tables:
            frame = trial.table(table.name)
            text = pd.DataFrame({column: frame[column].map(_cell) for column in frame.columns})
            # blank lines count for nothing, so a row is never written as one
            text.to_csv(where / table.file, index=False, encoding="utf-8", lineterminator="\n")
        if trial.synthetic:
            (where / SYNTHETIC_MARK).write_text(_SYNTHETIC_TEXT, encoding="utf-8")


def _cell(value: Any) -> str:
    return shown(value) or ""


def write_example(folder: str | Path) -> list[Path]:
    """Write the bundled example trial: 26 screened patients, all invented.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If one of the files is there already: nothing is written over.
    """
    bundled = resources.files("pnstrial") / "example"
    sources = sorted(entry.name for entry in bundled.iterdir() if entry.name.endswith(".csv"))
    names = [*sources, SYNTHETIC_MARK]
    with whole_folder(folder, names=names, manifest=None) as where:
        for name in sources:
            (where / name).write_bytes((bundled / name).read_bytes())
        (where / SYNTHETIC_MARK).write_text(_SYNTHETIC_TEXT, encoding="utf-8")
    return [Path(folder) / name for name in names]


def example_trial() -> TrialData:
    """Read the bundled example trial: 26 screened patients, all synthetic.

    Returns
    -------
    TrialData

    Examples
    --------
    >>> trial = example_trial()
    >>> len(trial.screening), trial.synthetic
    (26, True)
    """
    with resources.as_file(resources.files("pnstrial") / "example") as folder:
        return replace(read_trial(folder), source="the example trial", synthetic=True)


def write_template(folder: str | Path) -> list[Path]:
    """Write the seven empty tables, and a data dictionary beside them.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If one of the files is there already: nothing is written over.
    """
    names = [*(table.file for table in TABLES.values()), "data-dictionary.md"]
    with whole_folder(folder, names=names, manifest=None) as where:
        for table in TABLES.values():
            header = ",".join(column.name for column in table.columns)
            (where / table.file).write_text(f"{header}\n", encoding="utf-8")
        (where / "data-dictionary.md").write_text(_dictionary_text(), encoding="utf-8")
    return [Path(folder) / name for name in names]


def _dictionary_text() -> str:
    frame = data_dictionary()
    lines = [
        "# Data dictionary",
        "",
        "UTF-8, comma, one header row, dates YYYY-MM-DD, points in decimals; a blank cell = not collected.",
        "Further columns are kept. Every table but screening.csv may be left out.",
    ]
    for table in TABLES.values():
        lines += [
            "",
            f"## {table.file}: one row per {table.row}",
            "",
            "| column | must be filled | allowed | meaning |",
        ]
        lines.append("|---|---|---|---|")
        for row in frame[frame["file"] == table.file].itertuples():
            must = {"cell": "yes", "column": "column"}.get(str(row.required), "")
            lines.append(f"| {row.column} | {must} | {row.allowed} | {row.meaning} |")
    return "\n".join(lines) + "\n"

"""How do collected tables become files?

Input: a `TrialData`, or nothing for the template and the example.
Output: a folder of CSV files, or a workbook to fill in.
Protocol section: none.
Method: collected tables are never written over; reading back what was written gives an equal trial.
Next: `eligibility`.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.data.allowed import collected_tables, describe, protocol_of
from pnstrial.data.folder import display
from pnstrial.data.schema import TABLES
from pnstrial.data.sources import SYNTHETIC_MARK
from pnstrial.data.trial import FIRST, read_trial
from pnstrial.data.workbook import UNREAD_SHEETS
from pnstrial.numerics.signatures import check_signature
from pnstrial.writing import OutputError, output_file, whole_folder, write_file

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from openpyxl.worksheet.worksheet import Worksheet

    from pnstrial.data.schema import Column, Table
    from pnstrial.data.trial import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["example_trial", "has_example", "write_example", "write_template", "write_trial"]

_SYNTHETIC_TEXT: Final = "The patients in this folder are invented. Nothing here was observed in a trial.\n"
_ROWS: Final = 1000
"""Rows of a sheet of the template that have lists and formats."""


def write_trial(
    trial: TrialData, folder: str | Path, protocol: str | Path | Protocol | None = None
) -> list[Path]:
    """Write the tables as CSV files; reading them back gives an equal trial.

    Parameters
    ----------
    trial : TrialData
    folder : str or Path
        Made if it is not there. Absent tables are not written; other files are left alone.
    protocol : Protocol, name or path, optional
        Only the tables and columns that it collects are written, and those that no protocol lists; by default all.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If one of the files is there already: collected tables are never written over.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = write_trial(pns.example_trial(), folder)
    >>> len(pns.read_trial(folder).enrolled)
    18
    """
    check_signature(write_trial, locals())
    kept = TABLES if protocol is None else collected_tables(protocol)
    tables = [table for name, table in TABLES.items() if name not in trial.absent and name in kept]
    names = [table.file for table in tables] + [SYNTHETIC_MARK] * trial.synthetic
    with whole_folder(folder, names=names, manifest=None) as where:
        for table in tables:
            frame = trial.table(table.name)
            left_out = table.by_name.keys() - kept[table.name].by_name.keys()
            columns = [column for column in frame.columns if column not in left_out]
            text = pd.DataFrame({column: frame[column].map(_cell) for column in columns})
            # blank lines count for nothing, so a row is never written as one
            text.to_csv(where / table.file, index=False, encoding="utf-8", lineterminator="\n")
        if trial.synthetic:
            (where / SYNTHETIC_MARK).write_text(_SYNTHETIC_TEXT, encoding="utf-8")
    return [Path(folder) / name for name in names]


def _cell(value: Any) -> str:
    return display(value) or ""


def _bundled(protocol: Protocol) -> tuple[Traversable, str] | None:
    """Give the folder of the example of a protocol, and whose it is; None where none is shipped."""
    here = resources.files("pnstrial") / "example"
    own = {entry.name: entry for entry in here.iterdir() if entry.is_dir()} | {FIRST: here}
    fitting = [name for name in own if protocol.id == name or protocol.id.startswith(f"{name}-")]
    return (own[max(fitting, key=len)], max(fitting, key=len)) if fitting else None


def _example_of(protocol: str | Path | Protocol) -> tuple[Traversable, str]:
    chosen = protocol_of(protocol)
    found = _bundled(chosen)
    if found is None:
        here = resources.files("pnstrial") / "example"
        shipped = sorted([FIRST, *(entry.name for entry in here.iterdir() if entry.is_dir())])
        raise ValueError(
            f"protocol {chosen.id} has no bundled example; those of {', '.join(shipped)} have. "
            "Simulate one: pnstrial example FOLDER --protocol FILE, or pnstrial.simulate_trial(protocol, scenario)"
        )
    return found


def has_example(protocol: str | Path | Protocol) -> bool:
    """Say whether an example trial of a protocol is bundled.

    Parameters
    ----------
    protocol : Protocol, name or path

    Returns
    -------
    bool

    Examples
    --------
    >>> has_example("nct06373211"), has_example("surface-antibody")
    (True, False)
    """
    check_signature(has_example, locals())
    return _bundled(protocol_of(protocol)) is not None


def write_example(folder: str | Path, protocol: str | Path | Protocol = FIRST) -> list[Path]:
    """Write the bundled example trial of a protocol; its patients are invented.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    protocol : Protocol, name or path
        A shipped one; by default the first trial: 26 screened patients.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If one of the files is there already: nothing is written over.
    ValueError
        If the protocol has no bundled example.

    Examples
    --------
    >>> import tempfile
    >>> len(write_example(tempfile.mkdtemp()))
    8
    """
    check_signature(write_example, locals())
    bundled, _ = _example_of(protocol)
    sources = sorted(entry.name for entry in bundled.iterdir() if entry.name.endswith(".csv"))
    names = [*sources, SYNTHETIC_MARK]
    with whole_folder(folder, names=names, manifest=None) as where:
        for name in sources:
            (where / name).write_bytes((bundled / name).read_bytes())
        (where / SYNTHETIC_MARK).write_text(_SYNTHETIC_TEXT, encoding="utf-8")
    return [Path(folder) / name for name in names]


def example_trial(protocol: str | Path | Protocol = FIRST) -> TrialData:
    """Read the bundled example trial of a protocol; its patients are synthetic.

    Parameters
    ----------
    protocol : Protocol, name or path
        A shipped one; by default the first trial: 26 screened patients.

    Returns
    -------
    TrialData

    Examples
    --------
    >>> trial = example_trial()
    >>> len(trial.screening), trial.synthetic
    (26, True)
    """
    bundled, whose = _example_of(protocol)
    with resources.as_file(bundled) as folder:
        source = "the example trial" if whose == FIRST else f"the example trial of {whose}"
        return replace(read_trial(folder, protocol), source=source, synthetic=True)


def write_template(path: str | Path, protocol: str | Path | Protocol = FIRST) -> list[Path]:
    """Write the empty tables of a protocol: CSV files with a data dictionary beside them, or one workbook.

    Parameters
    ----------
    path : str or Path
        A folder, made if it is not there; or a name that ends in ``.xlsx``. The workbook has one sheet per table
        with lists to choose from and cells for dates, and the sheets ``dictionary`` and ``example`` (where one is
        bundled), which are never read. Identifiers and the onset of symptoms are text there: numbers would lose
        leading zeros, and ``2014-03`` would become the first of March.
    protocol : Protocol, name or path
        Whose criteria, scales, drugs and arms say which tables, columns and words there are.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OutputError
        If one of the files is there already: nothing is written over.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = tempfile.mkdtemp()
    >>> _ = write_template(folder)
    >>> (Path(folder) / "mrs.csv").read_text(encoding="utf-8").strip()
    'patient_id,date,mrs,visit,rater'
    """
    check_signature(write_template, locals())
    chosen = protocol_of(protocol)
    tables = collected_tables(chosen)
    if Path(path).suffix.casefold() == ".xlsx":
        return [_write_workbook(path, chosen)]
    names = [*(table.file for table in tables.values()), "data-dictionary.md"]
    with whole_folder(path, names=names, manifest=None) as where:
        for table in tables.values():
            header = ",".join(column.name for column in table.columns)
            (where / table.file).write_text(f"{header}\n", encoding="utf-8")
        (where / "data-dictionary.md").write_text(_dictionary_text(tables), encoding="utf-8")
    return [Path(path) / name for name in names]


def _write_workbook(path: str | Path, protocol: Protocol) -> Path:
    """Write the template as a workbook."""
    import io

    import openpyxl

    if Path(path).exists() and not Path(path).is_dir():
        raise OutputError(
            f"{str(path)!r} is there already; collected tables are never written over, give another name"
        )
    output_file(path)
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    tables = collected_tables(protocol)
    for table in tables.values():
        sheet = book.create_sheet(table.name)
        _fill_header(sheet, [column.name for column in table.columns])
        for place, column in enumerate(table.columns, start=1):
            _prepare_column(sheet, place, column)
    dictionary_name, example_name = UNREAD_SHEETS
    dictionary = book.create_sheet(dictionary_name)
    described = describe(tables)
    _fill_header(dictionary, ["table", *described.columns[1:]])
    for row in described.itertuples(index=False):
        dictionary.append([str(row[0]).removesuffix(".csv"), *row[1:]])
    bundled = _bundled(protocol)
    if bundled is not None:
        _fill_example(book.create_sheet(example_name), bundled[0], tables)
    buffer = io.BytesIO()
    book.save(buffer)
    return write_file(path, buffer.getvalue())


def _fill_header(sheet: Worksheet, names: list[str]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.append(names)
    for place, name in enumerate(names, start=1):
        sheet.cell(1, place).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = max(12, len(name) + 2)
    sheet.freeze_panes = "A2"


def _prepare_column(sheet: Worksheet, place: int, column: Column) -> None:
    """Give the cells of a column their format, and a list where the words are closed."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    number_format = {"date": "yyyy-mm-dd", "number": "General"}.get(column.kind, "@")
    for row in range(2, _ROWS + 2):
        sheet.cell(row, place).number_format = number_format
    if column.kind == "word":
        words = DataValidation("list", formula1=f'"{",".join(column.words)}"', allow_blank=True)
        words.error = f"{column.name}: {', '.join(column.words)}"
        sheet.add_data_validation(words)
        letter = get_column_letter(place)
        words.add(f"{letter}2:{letter}{_ROWS + 1}")


def _fill_example(sheet: Worksheet, folder: Traversable, tables: dict[str, Table]) -> None:
    """Show two rows of each table of the bundled example, which is invented."""
    import csv

    sheet.append(["The patients on this sheet are invented; the sheet is never read."])
    for table in tables.values():
        file = folder / table.file
        if not file.is_file():
            continue
        rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))[:3]
        sheet.append([])
        sheet.append([table.name])
        for row in rows:
            sheet.append(row)


def _dictionary_text(tables: dict[str, Table]) -> str:
    frame = describe(tables)
    lines = [
        "# Data dictionary",
        "",
        "UTF-8, comma, one header row, dates YYYY-MM-DD, points in decimals; a blank cell = not collected.",
        "Further columns are kept. Every table but screening.csv may be left out.",
    ]
    for table in tables.values():
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

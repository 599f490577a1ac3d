"""Which cells stand in a file, as text, and on which line?

Input: a CSV or Parquet file, a workbook, or a frame.
Output: `RawTable`: header, rows of trimmed text, the line of each row; or findings that say how to save it right.
Protocol section: none.
Method: the standard library's CSV reader in strict mode; what spreadsheets add without harm (byte order mark,
line ends, quoted line breaks, blank lines, white space) is read, the rest is refused, never guessed.
Next: `parsing`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pnstrial.data.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

__all__ = ["RawTable", "read_csv", "read_frame", "read_parquet", "read_workbook"]


@dataclass
class RawTable:
    """A table as text: nothing is interpreted yet."""

    name: str
    file: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    findings: list[Finding] = field(default_factory=list[Finding])
    readable: bool = True
    """False where the file broke off: what it lacks is then unknown, not absent."""
    ragged_cells: list[list[str]] = field(default_factory=list[list[str]])
    """Rows of the wrong length: not part of the table, but their patients are not unknown either."""


def _broken(name: str, file: str, line: int | None, rule: str, remedy: str, **found: str | None) -> RawTable:
    finding = Finding(file, line, None, found.get("column"), found.get("value"), rule, "error", remedy)
    return RawTable(name, file, [], [], [], [finding], readable=False)


def _decoded(data: bytes) -> tuple[str, str, int | None, str | None, str]:
    """Give (text, rule, line, value, remedy); the rule is empty where the bytes are readable text."""
    remedy = "save the file again as CSV UTF-8 (in a spreadsheet: Save as, CSV UTF-8)"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        value = f"byte 0x{data[0]:02x} at position 0"
        return "", "must be UTF-8, but it begins as UTF-16", 1, value, remedy
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        at = problem.start
        line = data.count(b"\n", 0, at) + 1
        value = f"byte 0x{data[at]:02x} at position {at}"
        return "", "must be UTF-8", line, value, remedy
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        value = f"byte 0x00 at position {data.index(0)}"
        return "", "must not hold a NUL byte", line, value, remedy
    return text, "", None, None, ""


def read_csv(path: Path, name: str) -> RawTable:
    """Read one CSV file as text.

    Parameters
    ----------
    path : Path
    name : str
        Name of the table.

    Returns
    -------
    RawTable
        With findings for what the file as a whole or its rows have wrong.
    """
    return parse_csv(path.read_bytes(), name, path.name)


def parse_csv(data: bytes, name: str, file: str) -> RawTable:
    """Read the bytes of a CSV file; see `read_csv`."""
    text, rule, line, value, remedy = _decoded(data)
    if rule:
        return _broken(name, file, line, rule, remedy, value=value)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if len(trimmed) > 1 or (trimmed and trimmed[0]):
                records.append((start, trimmed))
            start = reader.line_num + 1
    except csv.Error as problem:
        told = str(problem)
        if "unexpected end of data" in told:
            rule = "a quote that opens a cell must be closed"
        elif "limit" in told:
            rule = "a cell must not hold more than 131072 characters (is a quote not closed?)"
        else:
            rule = "after a closing quote comes a comma or the end of the line"
        return _broken(name, file, start, rule, "close or double the quote on this line")
    if not records:
        return _broken(
            name, file, 1, "must begin with a header row", "add the header; see: pnstrial template"
        )
    header = records[0][1]
    if len(header) == 1 and (other := next((c for c in ";\t|" if c in header[0]), None)):
        shown = {";": "semicolons", "\t": "tabs", "|": "bars"}[other]
        return _broken(
            name,
            file,
            records[0][0],
            f"must be separated by commas, but is separated by {shown}",
            "save the file again as CSV with commas and points in decimals",
            value=header[0],
        )
    table = RawTable(name, file, header, [], [])
    patient = header.index("patient_id") if "patient_id" in header else None
    for line, cells in records[1:]:
        if len(cells) == len(header):
            table.rows.append(cells)
            table.lines.append(line)
            continue
        table.ragged_cells.append(cells)
        who = cells[patient] if patient is not None and patient < len(cells) else None
        table.findings.append(
            Finding(
                file,
                line,
                who or None,
                None,
                f"{len(cells)} cells",
                f"every row must have as many cells as the header ({len(header)})",
                "error",
                "put cells that hold a comma in quotes, or complete the row",
            )
        )
    return table


def _as_text(value: Any) -> str:  # noqa: PLR0911 - one return for each kind of cell
    """Write a cell of a frame or workbook as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dt.datetime):
        if value != value:  # noqa: PLR0124 - NaT is the one date that differs from itself
            return ""
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value).strip()
    if math.isnan(number):
        return ""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return _plain(number)


def _plain(number: float) -> str:
    """Write a number without exponent."""
    text = repr(number)
    return text if "e" not in text else f"{number:.20f}".rstrip("0")


def read_frame(frame: pd.DataFrame, name: str, file: str) -> RawTable:
    """Take a frame as the text that its CSV file would hold.

    Parameters
    ----------
    frame : pandas.DataFrame
        An index named ``line`` gives the line of each row; otherwise lines count from 2.
    name, file : str

    Returns
    -------
    RawTable
    """
    import pandas as pd

    header = [str(column).strip() for column in frame.columns]
    columns: list[list[str]] = []
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if pd.api.types.is_datetime64_any_dtype(column):
            dates = column.dt.strftime("%Y-%m-%d %H:%M:%S").fillna("")
            columns.append([text.removesuffix(" 00:00:00") for text in dates.astype(str)])
        else:
            columns.append([_as_text(None if value is pd.NA else value) for value in column.to_list()])
    rows = [list(cells) for cells in zip(*columns, strict=True)] if columns else []
    numbered = frame.index.name == "line"
    lines = [int(line) for line in frame.index] if numbered else list(range(2, len(frame) + 2))
    if not header:
        return _broken(
            name, file, 1, "must begin with a header row", "add the columns; see: pnstrial template"
        )
    return RawTable(name, file, header, rows, lines)


def read_parquet(path: Path, name: str) -> RawTable:
    """Read one Parquet file as text.

    Parameters
    ----------
    path : Path
    name : str

    Returns
    -------
    RawTable
    """
    import pandas as pd
    from pyarrow import ArrowException

    try:
        frame = pd.read_parquet(path)
    except (ArrowException, OSError, ValueError) as problem:
        return _broken(
            name, path.name, None, "must be a Parquet file", f"write it again ({_first_line(problem)})"
        )
    return read_frame(frame.reset_index(drop=True), name, path.name)


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]


def read_workbook(path: Path, names: Iterable[str]) -> dict[str, RawTable]:
    """Read a workbook, one sheet per table, as text.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` file. Sheets that are no table are left alone.
    names : iterable of str
        Names of the tables.

    Returns
    -------
    dict of str to RawTable
        A table whose sheet is absent is absent. A file that is no workbook gives one broken screening table.
    """
    import warnings
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions that do not touch the cells
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, ValueError) as problem:
        remedy = f"save it again as .xlsx ({_first_line(problem)})"
        return {
            "screening": _broken("screening", path.name, None, "must be an Excel workbook (.xlsx)", remedy)
        }
    tables: dict[str, RawTable] = {}
    wanted = set(names)
    try:
        for sheet in book.worksheets:
            name = sheet.title.strip().casefold()
            if name in wanted:
                tables[name] = _sheet(sheet.iter_rows(values_only=True), name, f"{path.name}/{sheet.title}")
    finally:
        book.close()
    return tables


def _sheet(rows: Iterable[tuple[Any, ...]], name: str, file: str) -> RawTable:
    header: list[str] | None = None
    table = RawTable(name, file, [], [], [])
    for line, row in enumerate(rows, start=1):
        cells = [_as_text(value) for value in row]
        while cells and not cells[-1] and (header is None or len(cells) > len(header)):
            cells.pop()
        if not any(cells):
            continue
        if header is None:
            header = table.header = cells
            continue
        cells += [""] * (len(header) - len(cells))
        if len(cells) > len(header):
            table.findings.append(
                Finding(
                    file,
                    line,
                    None,
                    None,
                    f"{len(cells)} cells",
                    f"every row must have as many cells as the header ({len(header)})",
                    "error",
                    "give every column a header, or clear the cells beside the table",
                )
            )
            continue
        table.rows.append(cells)
        table.lines.append(line)
    if header is None:
        return _broken(
            name, file, 1, "must begin with a header row", "add the header; see: pnstrial template"
        )
    return table

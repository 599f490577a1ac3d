"""Which cells stand in a file, as text, and on which line?

Input: a CSV file, or a frame (others: `workbook`, `parquet`).
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
from pnstrial.data.schema import TABLES
from pnstrial.data.text_format import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from pnstrial.data.text_format import TextFormat

__all__ = ["RawTable", "as_text", "broken_table", "read_csv", "read_frame", "table_of_rows"]


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
    format: TextFormat = STRICT


def broken_table(
    name: str, file: str, line: int | None, rule: str, remedy: str, **found: str | None
) -> RawTable:
    """Give a table that cannot be read, with the one finding that says why."""
    finding = Finding(file, line, None, found.get("column"), found.get("value"), rule, "error", remedy)
    return RawTable(name, file, [], [], [], [finding], readable=False)


_EXITS = "declare how it is written ({option}), or save it as an Excel workbook (.xlsx)"


def _decoded(data: bytes, written: TextFormat) -> tuple[str, str, int | None, str | None, str]:
    """Give (text, rule, line, value, remedy); the rule is empty where the bytes are readable text."""
    remedy = "save the file again as CSV UTF-8, or " + _EXITS.format(option="such as --encoding cp1252")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        value = f"byte 0x{data[0]:02x} at position 0"
        return "", f"must be {written.encoding.upper()}, but it begins as UTF-16", 1, value, remedy
    if written.encoding != "utf-8" and data.startswith(b"\xef\xbb\xbf"):
        value = "byte 0xef at position 0"
        rule = f"was declared {written.encoding}, but it begins as UTF-8"
        return "", rule, 1, value, "leave --encoding out"
    try:
        text = data.decode("utf-8-sig" if written.encoding == "utf-8" else written.encoding)
    except UnicodeDecodeError as problem:
        at = problem.start
        line = data.count(b"\n", 0, at) + 1
        value = f"byte 0x{data[at]:02x} at position {at}"
        return "", f"must be {written.encoding.upper()}", line, value, remedy
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        value = f"byte 0x00 at position {data.index(0)}"
        return "", "must not hold a NUL byte", line, value, remedy
    return text, "", None, None, ""


def read_csv(path: Path, name: str, written: TextFormat = STRICT) -> RawTable:
    """Read one CSV file as text.

    Parameters
    ----------
    path : Path
    name : str
        Name of the table.
    written : TextFormat
        How it is written.

    Returns
    -------
    RawTable
        With findings for what the file as a whole or its rows have wrong.
    """
    return parse_csv(path.read_bytes(), name, path.name, written)


def parse_csv(data: bytes, name: str, file: str, written: TextFormat = STRICT) -> RawTable:
    """Read the bytes of a CSV file; see `read_csv`."""
    text, rule, line, value, remedy = _decoded(data, written)
    if rule:
        return broken_table(name, file, line, rule, remedy, value=value)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=written.separator)
    records: list[tuple[int, list[str]]] = []
    seen: dict[str, str] = {}
    share = seen.setdefault  # equal cells are one string: a long table then needs little memory
    start = 1
    try:
        for cells in reader:
            trimmed = [share(cell, cell) for cell in map(str.strip, cells)]
            if len(trimmed) > 1 or (trimmed and trimmed[0]):
                records.append((start, trimmed))
            start = reader.line_num + 1
    except csv.Error as problem:
        message = str(problem)
        if "unexpected end of data" in message:
            rule = "a quote that opens a cell must be closed"
        elif "limit" in message:
            rule = "a cell must not hold more than 131072 characters (is a quote not closed?)"
        else:
            rule = f"after a closing quote comes {_SEPARATORS[written.separator][0]} or the end of the line"
        return broken_table(name, file, start, rule, "close or double the quote on this line")
    if records and len(records[0][1]) == 1 and (wrong := _wrong_separator(records[0][1][0], written)):
        return broken_table(name, file, records[0][0], *wrong, value=records[0][1][0])
    return table_of_rows(name, file, records, written)


_SEPARATORS = {
    ",": ("a comma", "commas"), ";": ("a semicolon", "semicolons"), "\t": ("a tab", "tabs"), "|": ("a bar", "bars"),
}  # fmt: skip


def _wrong_separator(header: str, written: TextFormat) -> tuple[str, str] | None:
    """Give rule and remedy where the header holds another separator than the one that is expected."""
    other = next((sign for sign in ";\t|," if sign in header and sign != written.separator), None)
    if other is None:
        return None
    expected, found = _SEPARATORS[written.separator][1], _SEPARATORS[other][1]
    option = "tab" if other == "\t" else f"'{other}'"
    decimal = " --decimal ','" if other == ";" else ""
    return (
        f"must be separated by {expected}, but is separated by {found}",
        _EXITS.format(option=f"such as --separator {option}{decimal}"),
    )


def _header_below(name: str, rows: list[tuple[int, list[str]]]) -> int | None:
    """Find the header where a title stands above it: the line of the first row that names two columns."""
    listed = TABLES[name].by_name.keys()
    if not rows or len(listed & set(rows[0][1])) > 0:
        return None
    return next((line for line, cells in rows[1:11] if len(listed & set(cells)) > 1), None)


def table_of_rows(
    name: str, file: str, found: Iterable[tuple[int, list[str]]], written: TextFormat = STRICT
) -> RawTable:
    """Make a table of its rows, each with its line; the first is the header.

    Parameters
    ----------
    name, file : str
    found : iterable of (int, list of str)
        Trimmed cells; blank rows left out.
    written : TextFormat
    """
    rows = list(found)
    if not rows:
        rule, remedy = "must begin with a header row", "add the header; see: pnstrial template"
        return broken_table(name, file, 1, rule, remedy)
    if (below := _header_below(name, rows)) is not None:
        rule = f"must begin with the header row, but that stands in line {below}"
        title = next((cell for cell in rows[0][1] if cell), "")
        return broken_table(name, file, rows[0][0], rule, "delete the lines above the header", value=title)
    header = rows[0][1]
    table = RawTable(name, file, header, [], [], format=written)
    patient = header.index("patient_id") if "patient_id" in header else None
    for line, cells in rows[1:]:
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
                "put cells that hold a separator in quotes, complete the row, or clear the cells beside the table",
            )
        )
    return table


def as_text(value: Any) -> str:  # noqa: PLR0911 - one return for each kind of cell
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
            columns.append([as_text(None if value is pd.NA else value) for value in column.to_list()])
    rows = [list(cells) for cells in zip(*columns, strict=True)] if columns else []
    numbered = frame.index.name == "line"
    lines = [int(line) for line in frame.index] if numbered else list(range(2, len(frame) + 2))
    if not header:
        return broken_table(
            name, file, 1, "must begin with a header row", "add the columns; see: pnstrial template"
        )
    return RawTable(name, file, header, rows, lines)

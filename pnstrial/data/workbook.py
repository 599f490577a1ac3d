"""Which cells stand in a workbook, as text, and on which line?

Input: an ``.xlsx`` file.
Output: one `RawTable` per sheet that is a table, and the names of the sheets that are not; or findings.
Protocol section: none.
Method: the sheets are read cell by cell as they stand (ECMA-376 part 1, 18.3): the size that a sheet states is not
asked, a date is what its number format shows, and what is too large or broken is a finding.
Next: `parsing`.
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final
from xml.parsers import expat

from pnstrial.data.reading import RawTable, as_text, broken_table, table_of_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["UNREAD_SHEETS", "Workbook", "read_workbook"]

UNREAD_SHEETS: Final = ("dictionary", "example")
"""Sheets of the template that explain it; they are never read."""

MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 200_000, 200, 32_767
_MOST_BYTES, _MOST_BYTES_OF_A_PART = 200_000_000, 20_000_000
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, struct.error, KeyError, IndexError, ValueError, TypeError,
    AttributeError, OverflowError, OSError, EOFError, NotImplementedError, RuntimeError, MemoryError,
)  # fmt: skip
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class _TooLarge(Exception):  # noqa: N818 - a verdict on a sheet, turned into a finding
    """A sheet that is larger than any trial's: the rule, the remedy and the row."""

    def __init__(self, rule: str, remedy: str, line: int | None = None) -> None:
        super().__init__(rule)
        self.rule, self.remedy, self.line = rule, remedy, line


@dataclass
class Workbook:
    """The tables of a workbook and the names of its other sheets."""

    tables: dict[str, RawTable] = field(default_factory=dict[str, RawTable])
    other_sheets: list[str] = field(default_factory=list[str])


def read_workbook(path: Path, names: set[str]) -> Workbook:
    """Read a workbook, one sheet per table, as text.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` file.
    names : set of str
        Names of the tables; a sheet is one in any case.

    Returns
    -------
    Workbook
        A table whose sheet is absent is absent. A file that is no workbook gives one broken screening table.
    """
    found = Workbook()
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bomb(archive)
            package = _Package(archive)
            for title, part in package.sheets:
                name = title.strip().casefold()
                if name not in names:
                    if name not in UNREAD_SHEETS:
                        found.other_sheets.append(title)
                    continue
                file = f"{path.name}/{title}"
                if name in found.tables:
                    rule, remedy = "the table is there twice, in two sheets", "remove one of them"
                    found.tables[name] = broken_table(name, file, None, rule, remedy)
                    continue
                found.tables[name] = _sheet(package, part, name, file)
    except _TooLarge as verdict:
        found.tables = {"screening": broken_table("screening", path.name, None, verdict.rule, verdict.remedy)}
    except _BROKEN as problem:
        remedy = f"save it again as .xlsx ({_first_line(problem)})"
        found.tables = {
            "screening": broken_table(
                "screening", path.name, None, "must be an Excel workbook (.xlsx)", remedy
            )
        }
    return found


def _first_line(problem: BaseException) -> str:
    return (str(problem).splitlines() or [""])[0] or type(problem).__name__


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    lists = ("worksheets/", "sharedStrings", "media/", "embeddings/")
    large = [
        n for n, size in sizes.items() if size > _MOST_BYTES_OF_A_PART and not any(x in n for x in lists)
    ]
    if sum(sizes.values()) > _MOST_BYTES or large:
        raise _TooLarge(
            "must not unpack to more than 200 MB", "save the tables alone in a new workbook, or as CSV files"
        )


# ---------------------------------------------------------------------------------------------- the package
def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2]


def _parse(
    source: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Go through an XML part element by element, by local names; a document type is refused."""

    def refuse(*_: object) -> None:
        raise ValueError("a document type has no place in a workbook")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(_local(name))
    if text is not None:
        parser.CharacterDataHandler = text
    parser.ParseFile(source)


class _Package:
    """The parts of a workbook that all its sheets share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = {name.casefold(): name for name in archive.namelist()}
        roots = self.relations("")
        book = next(target for kind, target in roots.values() if kind == "officeDocument")
        parts = self.relations(book)
        self.epoch_1904 = False
        self.sheets: list[tuple[str, str]] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "workbookPr":
                self.epoch_1904 = attributes.get("date1904", "0") in {"1", "true"}
            elif name == "sheet":
                own = {_local(key): value for key, value in attributes.items()}
                kind, target = parts[own["id"]]
                if kind == "worksheet":
                    self.sheets.append((own["name"], target))

        with self.open(book) as source:
            _parse(source, start)
        by_kind = dict(parts.values())
        self.strings = self._strings(by_kind.get("sharedStrings"))
        self.formats = self._formats(by_kind.get("styles"))

    def open(self, part: str) -> IO[bytes]:
        """Open a part by its path."""
        return self.archive.open(self.names[part.casefold()])

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Give kind and path of each part that a part refers to, by id."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(element: str, attributes: dict[str, str]) -> None:
            if element == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes["Target"]
                whole = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
                kind = attributes["Type"].rpartition("/")[2]
                found[attributes["Id"]] = (kind, posixpath.normpath(whole))

        with self.open(posixpath.join(folder, "_rels", f"{name}.rels")) as source:
            _parse(source, start)
        return found

    def _strings(self, part: str | None) -> list[str]:
        if part is None or part.casefold() not in self.names:
            return []
        found: list[str] = []
        pieces: list[str] = []
        inside: list[str] = []

        def start(name: str, _: dict[str, str]) -> None:
            inside.append(name)
            if name == "si":
                pieces.clear()

        def end(name: str) -> None:
            inside.pop()
            if name == "si":
                found.append("".join(pieces))

        def text(data: str) -> None:
            if inside[-1] == "t" and "rPh" not in inside:
                pieces.append(data)

        with self.open(part) as source:
            _parse(source, start, end, text)
        return found

    def _formats(self, part: str | None) -> list[str]:
        """Give the number format of each cell style."""
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        if part is None or part.casefold() not in self.names:
            return []
        own: dict[int, str] = {}
        styles: list[int] = []
        inside: list[str] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            inside.append(name)
            if name == "numFmt" and "numFmtId" in attributes:
                own[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            elif name == "xf" and "cellXfs" in inside:
                styles.append(int(attributes.get("numFmtId", 0)))

        def end(_: str) -> None:
            inside.pop()

        with self.open(part) as source:
            _parse(source, start, end)
        return [own.get(number) or BUILTIN_FORMATS.get(number, "General") for number in styles]


# ------------------------------------------------------------------------------------------------- the cells
def _column_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _date_parts(number_format: str) -> str:
    """Take out of a number format what is text, colour, locale or padding; the first section decides."""
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h|m|s)+\])[^\]]*\]', "", number_format.casefold())
    return plain.split(";")[0].replace("am/pm", "")


def _dated(number: float, number_format: str, *, epoch_1904: bool) -> str:
    """Write a date cell as its number format shows it: without a day, it is a partial date."""
    import datetime as dt

    from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

    parts = _date_parts(number_format)
    epoch = CALENDAR_MAC_1904 if epoch_1904 else CALENDAR_WINDOWS_1900
    try:
        moment: Any = from_excel(number, epoch)
    except (OverflowError, ValueError):
        return as_text(number)
    if isinstance(moment, dt.datetime) and "d" not in parts and "y" in parts:
        return f"{moment.year:04}-{moment.month:02}" if "m" in parts else f"{moment.year:04}"
    if isinstance(moment, dt.datetime) and "mmm" in parts and "d" not in parts:
        return moment.strftime("%B")
    return as_text(moment)


@dataclass
class _Cell:
    """A cell while it is read."""

    column: int
    kind: str
    style: int
    value: list[str] = field(default_factory=list[str])
    has_formula: bool = False


class _Rows:
    """Gathers the rows of a sheet from its XML; nothing larger than the caps is kept."""

    def __init__(self, package: _Package) -> None:
        from openpyxl.styles.numbers import is_date_format

        self.package = package
        self.dates = [bool(is_date_format(code)) for code in package.formats]
        self.rows: list[tuple[int, list[str]]] = []
        self.row = 0
        self.column = 0
        self.cells: dict[int, str] = {}
        self.cell: _Cell | None = None
        self.inside: list[str] = []
        self.uncalculated: list[tuple[int, int]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self.inside.append(name)
        if name == "row":
            self.row = int(float(attributes.get("r", self.row + 1)))
            self.column = 0
            self.cells = {}
        elif name == "c":
            match = _REFERENCE.fullmatch(attributes.get("r", ""))
            if match:
                self.column, row = _column_of(match[1]), int(match[2])
                if row != self.row:
                    raise ValueError(f"cell {attributes['r']} stands in row {self.row}")
            else:
                self.column += 1
            if not (1 <= self.column <= _LAST_COLUMN and 1 <= self.row <= _LAST_ROW):
                raise ValueError(f"no sheet has a column {self.column} of row {self.row}")
            self.cell = _Cell(self.column, attributes.get("t", "n"), int(attributes.get("s", 0)))
        elif self.cell is not None and name == "f":
            self.cell.has_formula = True

    def text(self, data: str) -> None:
        """Take characters; those of a value or an inline text count."""
        cell = self.cell
        if cell is not None and (
            self.inside[-1] == "v" or (self.inside[-1] == "t" and "rPh" not in self.inside)
        ):
            cell.value.append(data)

    def end(self, name: str) -> None:
        """Close an element."""
        self.inside.pop()
        if name == "c" and self.cell is not None:
            text = self._text(self.cell)
            if self.cell.has_formula and not text and self.cell.kind != "str":
                self.uncalculated.append((self.row, self.cell.column))
            if text:
                self._keep(self.cell.column, text)
            self.cell = None
        elif name == "row" and self.cells:
            self.rows.append((self.row, [self.cells.get(at, "") for at in range(1, max(self.cells) + 1)]))

    def _keep(self, column: int, text: str) -> None:
        if self.row > MOST_ROWS:
            remedy = "clear the cells below the table, or save it as CSV"
            raise _TooLarge(f"a sheet must not have cells below row {MOST_ROWS:,}", remedy, self.row)
        if column > MOST_COLUMNS:
            remedy = "clear the cells to the right of the table, or save it as CSV"
            raise _TooLarge(f"a sheet must not have cells beyond column {MOST_COLUMNS}", remedy, self.row)
        if len(text) > MOST_CHARACTERS:
            remedy = "shorten the text of the cell"
            raise _TooLarge(
                f"a cell must not hold more than {MOST_CHARACTERS:,} characters", remedy, self.row
            )
        self.cells[column] = text

    def _text(self, cell: _Cell) -> str:
        value = "".join(cell.value)
        if cell.kind == "s":
            return _unescaped(self.package.strings[int(value)]).strip() if value else ""
        if cell.kind in {"str", "inlineStr"}:
            return _unescaped(value).strip()
        if cell.kind != "n" or not value:
            plain = value.strip().removesuffix("T00:00:00" if cell.kind == "d" else "")
            return {"1": "True", "0": "False"}.get(plain, plain) if cell.kind == "b" else plain
        number = float(value)
        if cell.style < len(self.dates) and self.dates[cell.style]:
            return _dated(number, self.package.formats[cell.style], epoch_1904=self.package.epoch_1904)
        return as_text(number)


def _unescaped(text: str) -> str:
    """Turn what a workbook writes for characters that XML has no place for (_x0007_) into the characters."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _sheet(package: _Package, part: str, name: str, file: str) -> RawTable:
    gathered = _Rows(package)
    try:
        with package.open(part) as source:
            _parse(source, gathered.start, gathered.end, gathered.text)
    except _TooLarge as verdict:
        return broken_table(name, file, verdict.line, verdict.rule, verdict.remedy)
    except _BROKEN as problem:
        rule = "the sheet must be readable"
        return broken_table(name, file, None, rule, f"save the workbook again ({_first_line(problem)})")
    if gathered.uncalculated:
        line, column = gathered.uncalculated[0]
        rule = f"a formula must have been calculated, but {len(gathered.uncalculated)} cells hold no value"
        remedy = "open the workbook in a spreadsheet program and save it, or paste the values"
        return broken_table(name, file, line, rule, remedy, value=f"column {column}")
    return table_of_rows(name, file, _filled(gathered.rows))


def _filled(rows: list[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Give every row as many cells as the header, where only blank ones are missing."""
    width = 0
    for line, cells in rows:
        width = width or len(cells)
        yield line, cells + [""] * (width - len(cells))

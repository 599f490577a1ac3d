"""How does a dataset stand in a SAS transport file, and is a file whole?

Input: a `Dataset`, or an XPT file of version 5.
Output: the file; or the dataset with findings (a broken file is a finding, never an exception).
Protocol section: none.
Method: SAS technical note TS-140 (record layout of the V5 transport format). pyreadstat writes and reads the
values; the headers, and whether the records fill the file, are checked here first, because a reader takes a file
that ends early for a shorter one. Text is UTF-8, its length counted in bytes.
Next: `conformance`.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from pnstrial.adam.dataset import DATE_UNIT, AdamFinding, Dataset, finding, problems_of
from pnstrial.adam.specification import Variable, name_is_legal

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

__all__ = ["is_date_format", "read_xpt", "write_xpt"]

_RECORD: Final = 80
_EPOCH: Final = np.datetime64("1960-01-01", "s")
_LIBRARY: Final = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
_LIBRARY_8: Final = b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!"
_MEMBER: Final = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_DESCRIPTOR: Final = b"HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!"
_NAMESTR: Final = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_OBSERVATIONS: Final = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_NAMESTR_8: Final = b"HEADER RECORD*******NAMSTV8 HEADER RECORD!!!!!!!"
_INCOMPATIBLE: Final = "SD0062: a dataset must be a valid transport file of version 5"
_AGAIN: Final = "write or transfer the file again (in binary mode)"

_DATE_FORMAT: Final = re.compile(
    "B8601D[AN]|DATE|DAY|DDMMYY[BCDNPS]?|[EI]S?8601DA|JULDAY|JULIAN|MMDDYY[BCDNPS]?|MMYY[BCDNPS]?|MONNAME|MONTH|MONYY"
    "|WEEKDA(TE|TX|Y)|WORDDAT[EX]|YEAR|YYMM[BCDNPS]?|YYMMDD[BCDNPS]?|YYMON|YYQR?[BCDNPS]?"
)


def is_date_format(name: str) -> bool:
    """Say whether a SAS format, such as DATE9, shows a number as a date (rule AD0041 lists these formats)."""
    return _DATE_FORMAT.fullmatch(name.upper().rstrip("0123456789.")) is not None


def write_xpt(dataset: Dataset, path: Path, created: dt.datetime) -> None:
    """Write a dataset as a transport file of version 5.

    Parameters
    ----------
    dataset : Dataset
    path : Path
    created : datetime.datetime
        Goes into the header in place of the time of the call, so that equal data give equal files.

    Raises
    ------
    ValueError
        If a name is over 8 characters, a label over 40 or a text over 200 bytes; it lists them all.
    """
    import pyreadstat

    from pnstrial.adam.dataset import AdamSpecificationError

    if problems := problems_of(dataset):
        raise AdamSpecificationError(
            f"{dataset.name} does not fit a transport file:\n  " + "\n  ".join(problems)
        )
    columns: dict[str, object] = {}
    for variable in dataset.variables:
        values = dataset.frame[variable.name]
        if variable.kind == "date":
            days = (values.to_numpy().astype(DATE_UNIT) - _EPOCH) / np.timedelta64(1, "D")
            columns[variable.name] = np.where(pd.isna(values), np.nan, days)
        elif variable.is_text:
            columns[variable.name] = values.astype(object).where(values.notna(), "")
        else:
            columns[variable.name] = values.astype(float)
    try:
        pyreadstat.write_xport(
            cast("Any", pd.DataFrame(columns, columns=[variable.name for variable in dataset.variables])),
            str(path),
            file_label=dataset.label,
            column_labels={variable.name: variable.label for variable in dataset.variables},
            table_name=dataset.name,
            file_format_version=5,
            variable_format={
                variable.name: f"{variable.format}." for variable in dataset.variables if variable.format
            },
        )
    except pyreadstat.ReadstatError as problem:  # the data are sound: what fails here is the disk
        raise OSError(f"{path.name}: {problem}; is the disk full?") from None
    _stamp(path, created)


def _stamp(path: Path, created: dt.datetime) -> None:
    """Put the time of creation into the library and the member header (TS-140, records 2, 3, 6 and 7)."""
    text = created.strftime("%d%b%y:%H:%M:%S").upper().encode("ascii")
    with path.open("r+b") as file:
        for offset in (144, 160, 464, 480):
            file.seek(offset)
            file.write(text)


@dataclass(frozen=True)
class _Header:
    name: str
    label: str
    variables: tuple[Variable, ...]
    start: int
    row_bytes: int
    rows: int


class _Broken(Exception):  # noqa: N818 - a verdict on a file, not an error of the program
    """A file that is no transport file, with what is wrong."""

    def __init__(self, value: str, remedy: str = _AGAIN) -> None:
        super().__init__(value)
        self.remedy = remedy


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").rstrip(" \0")


def _number(raw: bytes, what: str) -> int:
    if not raw.strip().isdigit():
        raise _Broken(f"{what} reads {raw!r}, no number")
    return int(raw)


def _expect(data: bytes, offset: int, header: bytes, what: str) -> None:
    found = data[offset : offset + len(header)]
    if found != header:
        raise _Broken(
            f"no {what} at byte {offset}" + (" (the file ends there)" if len(found) < len(header) else "")
        )


def _namestr(raw: bytes) -> tuple[Variable, int, int]:
    """Read one variable description (TS-140, struct NAMESTR): (variable, length, place in the record)."""
    kind, _, length, _ = struct.unpack(">hhhh", raw[:8])
    name, label, format_name = _text(raw[8:16]), _text(raw[16:56]), _text(raw[56:64])
    width, decimals = struct.unpack(">hh", raw[64:68])
    place = struct.unpack(">i", raw[84:88])[0]
    if kind not in (1, 2) or length < 1 or (kind == 1 and not 2 <= length <= 8):
        raise _Broken(f"the description of variable {name!r} has type {kind} and length {length}")
    display = (
        format_name
        + (str(width) if format_name and width else "")
        + (f".{decimals}" if format_name and decimals else "")
    )
    sas = "text" if kind == 2 else "date" if is_date_format(format_name) else "float"
    return (
        Variable(name, label, sas, "", "Predecessor", "", length if kind == 2 else None, display),
        length,
        place,
    )


def _parse(data: bytes, long_names: list[str]) -> _Header:
    if data.startswith(_LIBRARY_8):
        long_names += _long_names(data)
        raise _Broken("it is of version 8", "write it as version 5")
    if not data.startswith(_LIBRARY):
        raise _Broken(f"the file begins with {data[:20]!r}", "give a SAS transport file (XPORT), version 5")
    _expect(data, 240, _MEMBER, "member header")
    size = _number(data[240 + 74 : 240 + 78], "the size of a variable description")
    _expect(data, 320, _DESCRIPTOR, "descriptor header")
    if len(data) < 640:
        raise _Broken(f"the file ends at byte {len(data)}, within its headers")
    name, label = _text(data[408:416]), _text(data[512:552])
    _expect(data, 560, _NAMESTR, "variable header")
    count = _number(data[560 + 54 : 560 + 58], "the number of variables")
    start = 640 + -(-count * size // _RECORD) * _RECORD
    if size not in (136, 140) or len(data) < start + _RECORD:
        raise _Broken(f"the file ends at byte {len(data)}, within the descriptions of its {count} variables")
    described = [_namestr(data[640 + i * size : 640 + (i + 1) * size]) for i in range(count)]
    row_bytes = sum(length for _, length, _ in described)
    place = 0
    for variable, length, stated in described:
        if stated != place:
            raise _Broken(
                f"variable {variable.name!r} is said to stand at byte {stated} of a record, not {place}"
            )
        place += length
    _expect(data, start, _OBSERVATIONS, "header of the records")
    start += _RECORD
    return _Header(
        name, label, tuple(item[0] for item in described), start, row_bytes, _rows(data, start, row_bytes)
    )


def _long_names(data: bytes) -> list[str]:
    """Give the names of over 8 characters of a version 8 file, which version 5 cannot hold."""
    at = data.find(_NAMESTR_8)
    if at < 0 or not data[at + 52 : at + 58].strip().isdigit():
        return []
    count = int(data[at + 52 : at + 58])
    blocks = [data[at + 80 + i * 140 : at + 80 + (i + 1) * 140] for i in range(count)]
    names = [_text(block[88:120]) or _text(block[8:16]) for block in blocks]
    return [name for name in names if name and not name_is_legal(name.upper())]


def _rows(data: bytes, start: int, row_bytes: int) -> int:
    """Count the records and see that they fill the file: V5 states no count, so a cut is seen only by the rest."""
    body = data[start:]
    if len(data) % _RECORD:
        raise _Broken(f"its {len(data)} bytes are no multiple of 80: the file is cut")
    second = body.find(_MEMBER)
    if second >= 0 and second % _RECORD == 0:
        raise _Broken("it holds more than one dataset", "write each dataset to a file of its own")
    if row_bytes == 0:
        return 0
    rows, rest = divmod(len(body), row_bytes)
    if body[rows * row_bytes :].strip(b" "):
        raise _Broken(f"the last record has {rest} of its {row_bytes} bytes: the file is cut")
    if rest >= _RECORD:
        raise _Broken(f"{rest} blank bytes follow the records, at most 79 may: the file is cut")
    while (
        rows
        and (rows - 1) * row_bytes + _RECORD > 0
        and not body[(rows - 1) * row_bytes : rows * row_bytes].strip(b" ")
    ):
        rows -= 1  # short records of text only: blanks that fill the last 80 bytes look like records
    return rows


def read_xpt(path: Path, encoding: str | None = None) -> tuple[Dataset | None, list[AdamFinding]]:
    """Read a transport file of version 5.

    Parameters
    ----------
    path : Path
    encoding : str, optional
        Of the text, such as "WINDOWS-1252"; by default UTF-8.

    Returns
    -------
    dataset : Dataset or None
        None where the file cannot be trusted; a SAS blank is None or nan, a number with a date format is a date.
    findings : list of AdamFinding
        SD0062 for a file that is broken, cut, of version 8 or holds several datasets; AD0013 for its long names.
    """
    long_names: list[str] = []
    try:
        header = _parse(path.read_bytes(), long_names)
        frame = _frame(path, header, encoding)
    except _Broken as broken:
        where = path.name
        found = [finding(_INCOMPATIBLE, where, broken.remedy, value=broken)]
        found += [
            finding(
                "AD0013: a name has at most 8 characters",
                where,
                "rename the variable",
                column=name,
                value=name,
            )
            for name in long_names
        ]
        return None, found
    columns = {variable.name: _values(frame[variable.name], variable) for variable in header.variables}
    return Dataset(header.name, header.label, header.variables, pd.DataFrame(columns), (), path.name), []


def _frame(path: Path, header: _Header, encoding: str | None) -> pd.DataFrame:
    """Read the values, and see that they are as many as the file has room for."""
    import pyreadstat

    names = [variable.name for variable in header.variables]
    if not names:
        raise _Broken("it has no variable")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _Broken(f"the variable {twice[0]} stands twice", "rename one of them")
    try:
        table, _ = pyreadstat.read_xport(str(path), disable_datetime_conversion=True, encoding=encoding)
    except Exception as problem:  # noqa: BLE001 - whatever the reader meets in a file is a finding on the file
        text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise _Broken(text, "if its text is not UTF-8, name its encoding") from None
    frame = cast("pd.DataFrame", table)
    if len(frame) != header.rows or list(frame.columns) != names:
        raise _Broken(f"the reader gives {len(frame)} records where the file has room for {header.rows}")
    return frame


def _values(column: pd.Series, variable: Variable) -> pd.Series:
    if variable.is_text:
        text = column.astype(object)
        return text.where(text.notna() & (text.astype(str).str.strip() != ""), None)
    numbers = column.astype(float)
    if variable.kind != "date":
        return numbers
    days = numbers.to_numpy()
    seconds = np.round(np.clip(np.nan_to_num(days), -1e7, 1e7) * 86400).astype("int64")
    dates = (_EPOCH + seconds.astype("timedelta64[s]")).astype(DATE_UNIT)
    return pd.Series(np.where(np.isnan(days), np.datetime64("NaT", "s"), dates).astype(DATE_UNIT))

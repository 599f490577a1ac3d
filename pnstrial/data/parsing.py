"""What does each cell say, and which cells say nothing that can be used?

Input: a `RawTable` (text) and the schema.
Output: `ParsedTable`: a typed frame indexed by file line, a mask of refused cells, findings.
Protocol section: none.
Method: each distinct text of a column is interpreted once. A refused cell is blank in the frame but marked, so
that later checks take it as unknown and do not report its consequences.
Next: `consistency`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.data.findings import Finding
from pnstrial.data.schema import ANTIBODIES, Column, Table, bare
from pnstrial.data.text_format import STRICT
from pnstrial.frames import typed_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from pnstrial.data.findings import Severity
    from pnstrial.data.reading import RawTable
    from pnstrial.data.text_format import TextFormat

__all__ = ["ParsedTable", "called_otherwise", "empty_frame", "one_letter_apart", "parse_table"]

_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_CRMP5 = {"crmp5": "CV2", "cv2/crmp5": "CV2"}

DATE_UNIT = "datetime64[s]"
"""Dates are kept in seconds, so that a mistyped year 0214 or 9999 is a finding and not an overflow."""


class _Refused(Exception):  # noqa: N818 - it is a verdict on a cell, not an error of the program
    """A cell that cannot be used: the rule it breaks and the remedy; with a warning it counts as not collected."""

    def __init__(self, rule: str, remedy: str, severity: Severity = "error") -> None:
        super().__init__(rule)
        self.rule = rule
        self.remedy = remedy
        self.severity: Severity = severity


@dataclass
class ParsedTable:
    """A typed table; `bad` marks the cells that were refused."""

    table: Table
    file: str
    frame: pd.DataFrame
    bad: dict[str, NDArray[np.bool_]] = field(default_factory=dict[str, Any])
    findings: list[Finding] = field(default_factory=list[Finding])
    readable: bool = True
    ragged_patients: frozenset[str] = frozenset()
    header: tuple[str, ...] = ()
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    """The cells of each column as they were typed."""

    def refused(self, column: str) -> NDArray[np.bool_]:
        """Which cells of a column were refused."""
        return self.bad.get(column, np.zeros(len(self.frame), dtype=bool))


def _date(text: str, written: TextFormat) -> dt.date:
    iso = written.date(text)
    if iso is None:
        raise _Refused(f"must be a date written {written.dates.upper()}", _write_date(written, text))
    try:
        return dt.date.fromisoformat(iso)
    except ValueError:
        raise _Refused("must be a date that exists", "correct the day, month or year") from None


def _write_date(written: TextFormat, text: str) -> str:
    remedy = f"write the date as {written.date_example}"
    if written == STRICT and re.fullmatch(r"\d{2}/\d{2}(/\d{4})?", text):
        remedy += (
            "; where the whole column is so, declare it (such as --dates dd/mm/yyyy) or save it as .xlsx"
        )
    return remedy


def _partial_date(text: str, written: TextFormat) -> str:
    iso = written.partial(text)
    if iso is None:
        forms = ("YYYY-MM", "YYYY") if written.dates == "yyyy-mm-dd" else ("MM/YYYY", "YYYY")
        raise _Refused(
            f"must be a date written {written.dates.upper()}, {forms[0]} or {forms[1]}",
            f"{_write_date(written, text)}, {written.partial_example} or 2014",
        )
    try:
        dt.date.fromisoformat((iso + "-01-01")[:10])
    except ValueError:
        raise _Refused("must be a date that exists", "correct the day, month or year") from None
    return iso


def _number(text: str, column: Column, written: TextFormat) -> float:
    number = written.number(text)
    if number is None or not math.isfinite(number):
        sign, example = ("point", "70.5") if written.decimal == "." else ("comma", "70,5")
        remedy = f"write only the number, such as {example}, without unit"
        if written == STRICT and re.fullmatch(r"-?\d+,\d+", text):
            remedy += "; where the whole column has commas, declare it (--decimal ',') or save it as .xlsx"
        raise _Refused(f"must be a plain decimal number with a {sign}", remedy)
    if number == 0 and text.startswith("-"):
        raise _Refused("a minus must not stand before a zero", "write 0, or the number that was meant")
    outside = (
        (column.whole and not number.is_integer())
        or (column.low is not None and (number < column.low or (column.above_low and number == column.low)))
        or (column.high is not None and number > column.high)
    )
    if outside:
        blank = "" if column.required else ", or leave the cell blank if unknown"
        raise _Refused(f"must be a {column.allowed}", f"correct the value{blank}")
    return number


def _without_control_characters(text: str) -> None:
    if match := _CONTROL.search(text):
        raise _Refused(
            f"must not hold the control character U+{ord(match[0]):04X}",
            "remove it (it cannot be seen: type the cell again)",
        )


def _word(
    text: str,
    words: tuple[str, ...],
    *,
    lenient: bool = False,
    of_protocol: bool = False,
    required: bool = False,
) -> str:
    for word in words:
        if word.casefold() == text.casefold():
            return word
    rule = f"must be one of {', '.join(words)}"
    if lenient:
        raise _Refused(f"{rule}; it counts as not collected", "use one of these words", "warning")
    remedy = "use one of these words" + ("" if required else ", or leave the cell blank")
    if of_protocol:
        remedy += "; if the tables are of another protocol, name it (--protocol, in Python protocol=)"
    raise _Refused(rule, remedy)


def _antibodies(text: str) -> str:
    found: list[str] = []
    for part in text.split(";"):
        word = part.strip()
        if not word:
            raise _Refused("antibodies are joined by one ';' each", "remove the empty part")
        named = _CRMP5.get(word.casefold()) or _word(word, ANTIBODIES)
        if named not in found:
            found.append(named)
    if "none" in found and len(found) > 1:
        raise _Refused("none stands alone: it means tested and negative", "remove none, or the antibodies")
    return ";".join(found)


def _interpreter(column: Column, written: TextFormat) -> Callable[[str], Any]:
    if column.kind == "number":
        return lambda text: _number(text, column, written)
    if column.kind == "word":
        kind = {"lenient": column.lenient, "of_protocol": column.of_protocol, "required": column.required}
        return lambda text: _word(text, column.words, **kind)
    if column.kind == "date":
        return lambda text: _date(text, written)
    if column.kind == "partial date":
        return lambda text: _partial_date(text, written)
    return {"atc": str.upper, "antibodies": _antibodies}.get(column.kind, str)


def _typed(values: list[Any], column: Column) -> Any:
    """Make the array of a column from its interpreted distinct values (None = blank)."""
    if column.kind == "number":
        return np.array([math.nan if value is None else value for value in values], dtype=float)
    if column.kind == "date":
        return np.array(values, dtype=DATE_UNIT)
    return np.array(values, dtype=object)


def empty_frame(table: Table) -> pd.DataFrame:
    """Make the frame of an absent table: every column with its type, no row."""
    return typed_frame({column.name: _typed([], column) for column in table.columns}, _lines([]))


def _lines(lines: list[int]) -> pd.Index:
    return pd.Index(lines, dtype=np.int64, name="line")


def one_letter_apart(one: str, other: str) -> bool:
    """Tell whether one letter was added, left out, changed, or two neighbours exchanged."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return one == other
    start = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    rest, other_rest = one[start:], other[start:]
    if len(one) == len(other):
        exchanged = len(rest) > 1 and rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
        return rest[1:] == other_rest[1:] or exchanged
    longer, shorter = (rest, other_rest) if len(rest) > len(other_rest) else (other_rest, rest)
    return longer[1:] == shorter


def called_otherwise(headers: Iterable[str], table: Table, *, near: bool = False) -> dict[str, str]:
    """Find unlisted headers that may be a listed, absent column: column to header.

    A header may be a column if it is a known other name of it, or its name but for one letter; with `near`, which is
    for suggestions alone, also a name that resembles it.
    """
    present = list(headers)
    found: dict[str, str] = {}
    for column in table.columns:
        if column.name in present:
            continue
        for header in present:
            word = bare(header)
            meant = word in column.other_names or (word and one_letter_apart(word, bare(column.name)))
            if meant and header not in table.by_name:
                found.setdefault(column.name, header)
    absent = {bare(name): name for name in table.by_name if name not in present and name not in found}
    for header in present if near else ():
        if header not in table.by_name and header not in found.values():
            for word in get_close_matches(bare(header), absent, 1, 0.75):
                found[absent.pop(word)] = header
    return found


def _header_findings(raw: RawTable, table: Table) -> Iterator[Finding]:
    absent = [column for column in table.columns if column.name not in raw.header]
    for name in sorted({name for name in raw.header if raw.header.count(name) > 1}):
        yield Finding(
            raw.file,
            1,
            None,
            name,
            name,
            "a header must stand once",
            "error",
            "rename or remove one of the two",
        )
    otherwise = called_otherwise(raw.header, table, near=True)
    for column in absent:
        if column.required or column.column_required:
            remedy = "add the column"
            if column.name in otherwise:
                remedy = (
                    f"rename {otherwise[column.name]!r} to {column.name} if it is that, or add the column"
                )
            yield Finding(raw.file, 1, None, column.name, None, "this column must be there", "error", remedy)
    for header in raw.header:
        if header in table.by_name or not bare(header):
            continue
        meant = [column.name for column in absent if one_letter_apart(bare(header), bare(column.name))]
        if meant:
            yield Finding(
                raw.file,
                1,
                None,
                header,
                header,
                f"looks like the column {meant[0]}, which is absent",
                "warning",
                f"rename it to {meant[0]} if it is that; as it stands it is kept and not read",
            )


def parse_table(raw: RawTable, table: Table) -> ParsedTable:
    """Interpret every cell of a table.

    Returns
    -------
    ParsedTable
        Listed columns first, in the order of the schema, then all others as text.
    """
    parsed = ParsedTable(
        table, raw.file, empty_frame(table), findings=list(raw.findings), readable=raw.readable
    )
    if not raw.readable:
        return parsed
    parsed.header = tuple(raw.header)
    parsed.findings += _header_findings(raw, table)
    if len(set(raw.header)) < len(raw.header):
        parsed.readable = False
        return parsed
    cells = dict(
        zip(raw.header, zip(*raw.rows, strict=True) if raw.rows else ((),) * len(raw.header), strict=True)
    )
    parsed.texts = cells
    patients = cells.get("patient_id", ("",) * len(raw.rows))
    data: dict[str, Any] = {}
    for column in table.columns:
        texts = cells.get(column.name)
        if texts is None:
            parsed.readable = parsed.readable and not (column.required or column.column_required)
            data[column.name] = _typed([None] * len(raw.rows), column)
            continue
        data[column.name] = _column(parsed, raw, column, texts, patients)
    for header in raw.header:
        if header not in table.by_name:
            kept = f"{header}_" if header == "line" else header  # the index of every frame has this name
            data[kept] = _column(parsed, raw, Column(header, "text", "not read"), cells[header], patients)
    if "patient_id" in raw.header:
        at = raw.header.index("patient_id")
        parsed.ragged_patients = frozenset(row[at] for row in raw.ragged_cells if at < len(row))
    parsed.frame = typed_frame(data, _lines(raw.lines))
    if table.scores:
        _check_scores(parsed)
    return parsed


def _column(
    parsed: ParsedTable, raw: RawTable, column: Column, texts: tuple[str, ...], patients: tuple[str, ...]
) -> Any:
    """Interpret one column; refused cells become blank, are marked and reported."""
    interpret = _interpreter(column, raw.format)
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    values: list[Any] = []
    refused: list[_Refused | None] = []
    for text in distinct:
        problem = None
        value = None
        if text:
            try:
                _without_control_characters(str(text))
                value = interpret(str(text))
            except _Refused as verdict:
                problem = verdict
        elif column.required:
            problem = _Refused("must not be blank", "fill in the cell")
        values.append(value)
        refused.append(problem)
    found = np.array([problem is not None for problem in refused], dtype=bool)[codes] if len(codes) else None
    if found is not None and found.any():
        errors = [problem is not None and problem.severity == "error" for problem in refused]
        bad = np.array(errors, dtype=bool)[codes]
        if bad.any():
            parsed.bad[column.name] = bad
        for position in np.flatnonzero(found):
            problem = refused[codes[position]]
            if problem is None:
                continue
            parsed.findings.append(
                Finding(
                    raw.file,
                    raw.lines[position],
                    patients[position] or None,
                    column.name,
                    texts[position] or None,
                    problem.rule,
                    problem.severity,
                    problem.remedy,
                )
            )
    typed = _typed(values, column)
    return typed[codes] if len(codes) else _typed([], column)


def _check_scores(parsed: ParsedTable) -> None:
    """Refuse scores outside their scale; a score belongs to the word beside it."""
    frame = parsed.frame
    outside = np.zeros(len(frame), dtype=bool)
    score = frame["score"].to_numpy(dtype=float)
    for scale in parsed.table.scores:
        own = (frame["scale"] == scale.name).to_numpy()
        low = -math.inf if scale.lowest is None else scale.lowest
        high = math.inf if scale.highest is None else scale.highest
        with np.errstate(invalid="ignore"):
            beyond = own & ((score < low) | (score > high))
        between = own & ~beyond & ~np.isnan(score)
        if scale.grades is not None:
            between &= np.abs(score[:, None] - np.array(scale.grades)).min(axis=1) > 1e-6
        else:
            between[:] = False
        among = f"one of its grades: {_grades(scale.grades or ())}"
        for rows, allowed_words in ((beyond, scale.limits), (between, among)):
            rule = f"a {scale.name} score must be {allowed_words}"
            parsed.findings += [
                Finding(
                    parsed.file, int(frame.index[position]), frame["patient_id"].iloc[position], "score",
                    parsed.texts["score"][position], rule, "error", "correct the score, or the name of the scale",
                )
                for position in np.flatnonzero(rows).tolist()
            ]  # fmt: skip
            outside |= rows
    if outside.any():
        parsed.bad["score"] = parsed.refused("score") | outside
        frame.loc[outside, "score"] = math.nan


def _grades(grades: tuple[float, ...]) -> str:
    """Write grades: all where they are few, else the first and last with the steps between them."""
    if len(grades) <= 13:
        return ", ".join(f"{grade:g}" for grade in grades)
    steps = sorted({round(b - a, 9) for a, b in pairwise(grades)})
    return f"{grades[0]:g}, {grades[1]:g}, {grades[2]:g} to {grades[-1]:g} by {steps[0]:g}"

"""Which tables stand in a folder or a workbook, and what stands there beside them?

Input: a path, and how its text is written.
Output: `Source`: the tables as text, the SHA-256 of each file, and what is there but not read.
Protocol section: none.
Method: a table is read under its exact name only; what looks like one is named and never guessed.
Next: `reading`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from pnstrial.data.findings import Finding
from pnstrial.data.parquet import read_parquet
from pnstrial.data.parsing import one_letter_apart
from pnstrial.data.reading import RawTable, read_csv
from pnstrial.data.schema import TABLES, bare
from pnstrial.data.text_format import FORMAT_FILE, STRICT, TextFormat, declared_format
from pnstrial.data.workbook import read_workbook
from pnstrial.writing import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["OUR_FILES", "SYNTHETIC_MARK", "NotRead", "Source", "in_words_of_a_workbook", "source_of"]

SYNTHETIC_MARK: Final = "SYNTHETIC.txt"
OUR_FILES: Final = (SYNTHETIC_MARK, "data-dictionary.md", FORMAT_FILE)
"""Files that the package writes beside tables; they are never named as unread."""
_OTHER_NAMES: Final = {
    "screening": "demographics, demography, patients, patient, baseline, inclusion, enrolment, subjects, screened",
    "medications": "medication, meds, med, drugs, treatments, conmeds, conmed, concomitant, concomitant medications",
    "infusions": "infusion, ivig, doses, dosing, exposure, treatment, perfusions",
    "mrs": "rankin, modified rankin, modified rankin scale, ratings, mrs ratings, rankin scale",
    "scales": "scale, scores, barthel, icars, onls",
    "adverse_events": "ae, aes, sae, saes, events, adverse, safety, toxicity, adverse event",
    "follow_up": "survival, outcome, outcomes, deaths, death, vital status, status, follow",
}
_COPY: Final = re.compile(r"\(\d+\)|\b(copy|copie|final|new|old|v\d+|\d+)\b", re.IGNORECASE)


@dataclass(frozen=True)
class NotRead:
    """A file, sheet or header that is there and changes nothing.

    Parameters
    ----------
    file : str
        File (for a sheet, ``book.xlsx/sheet``).
    header : str or None
        None where the file or sheet as a whole is not read.
    looks_like : str or None
        Name of the table or column that it may be meant for.
    """

    file: str
    header: str | None
    looks_like: str | None

    def __str__(self) -> str:
        what = self.file if self.header is None else f"{self.file}, column {self.header!r}"
        return what if self.looks_like is None else f"{what} (looks like {self.looks_like})"


@dataclass
class Source:
    """What stands in a folder or workbook."""

    path: Path
    book: str | None = None
    """Name of the workbook; None for a folder of files."""
    raw: dict[str, RawTable] = field(default_factory=dict[str, RawTable])
    findings: list[Finding] = field(default_factory=list[Finding])
    files: dict[str, str] = field(default_factory=dict[str, str])
    not_read: list[NotRead] = field(default_factory=list[NotRead])
    written: TextFormat = STRICT

    def place(self, name: str) -> str:
        """Name the file or sheet that would hold a table."""
        return TABLES[name].file if self.book is None else f"{self.book}/{name}"

    def remedy(self, name: str) -> str:
        """Say how an absent table comes in."""
        added = f"add {TABLES[name].file}" if self.book is None else f"add the sheet {name}"
        similar = next((other for other in self.not_read if other.looks_like == name), None)
        if similar is None:
            return f"{added} (see: pnstrial template)"
        noun = "the file" if self.book is None else "the sheet"
        right = TABLES[name].file if self.book is None else name
        place = similar.file if self.book is None else similar.file.partition("/")[2]
        return f"rename {noun} {place!r} to {right} if it is that, or {added}"


def in_words_of_a_workbook(findings: Iterable[Finding]) -> list[Finding]:
    """Speak of sheets where the remedies speak of CSV files."""
    names = "|".join(TABLES)
    return [
        replace(finding, remedy=re.sub(rf"\b({names})\.csv\b", r"the sheet \1", finding.remedy))
        for finding in findings
    ]


def _resembled(name: str) -> str | None:
    """Find the table that a file or sheet may be meant for."""
    word = bare(_COPY.sub(" ", name))
    names = {bare(other): table for table in TABLES for other in (table, *_OTHER_NAMES[table].split(","))}
    close = (
        [word] if word in names else [bare(table) for table in TABLES if one_letter_apart(word, bare(table))]
    )
    close = close or get_close_matches(word, names, 1, 0.8)
    return names[close[0]] if word and close else None


def source_of(path: Path, **declared: str | None) -> Source:
    """Read what is there as text.

    Parameters
    ----------
    path : Path
        A folder of CSV or Parquet files, a folder with one workbook, or a workbook.
    **declared : str, optional
        See `declared_format`.

    Raises
    ------
    ValueError
        If there is no such folder or workbook, or a format is declared that is not allowed or has no meaning.
    """
    if path.is_file():
        return _workbook(path, declared)
    if not path.is_dir():
        raise ValueError(
            f"no folder {str(path)!r}; give the folder of the tables, or make one: pnstrial example"
        )
    here = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "~$")))
    books = [file for file in here if file.suffix.lower() == ".xlsx"]
    own = {f"{name}{suffix}" for name in TABLES for suffix in (".csv", ".parquet")}
    if len(books) == 1 and not any(file.name in own for file in here):
        source = _workbook(books[0], declared)
        here.remove(books[0])
    else:
        source = _folder(path, declared, several_books=books)
    source.not_read = [
        *(
            NotRead(file.name, None, None if file in books else _resembled(file.stem))
            for file in here
            if file.name not in (*OUR_FILES, *source.files)
        ),
        *source.not_read,
    ]
    return source


def _workbook(path: Path, declared: dict[str, str | None]) -> Source:
    if path.suffix.lower() != ".xlsx":
        raise ValueError(
            f"{path} is neither a folder nor an .xlsx workbook; give the folder of the tables, or save it as .xlsx"
        )
    if given := [name for name, value in declared.items() if value is not None]:
        raise ValueError(
            f"--{given[0]} says how CSV text is written, but {path.name} is a workbook, whose cells state it "
            "themselves; leave it out"
        )
    book = read_workbook(path, set(TABLES))
    source = Source(path, path.name, book.tables, files={path.name: digest(path.read_bytes())})
    source.not_read = [
        NotRead(f"{path.name}/{title}", None, _resembled(title)) for title in book.other_sheets
    ]
    return source


def _folder(path: Path, declared: dict[str, str | None], *, several_books: list[Path]) -> Source:
    source = Source(path, written=declared_format(path, **declared))
    for name, table in TABLES.items():
        csv_file, parquet = path / table.file, path / f"{name}.parquet"
        if csv_file.is_file():
            source.raw[name] = read_csv(csv_file, name, source.written)
            source.files[csv_file.name] = digest(csv_file.read_bytes())
        if not parquet.is_file():
            continue
        source.files[parquet.name] = digest(parquet.read_bytes())
        if name in source.raw:
            rule = f"the table is there twice, in {csv_file.name} and {parquet.name}"
            remedy = "remove one of them"
            source.findings.append(Finding(parquet.name, None, None, None, None, rule, "error", remedy))
        else:
            source.raw[name] = read_parquet(parquet, name)
    only_parquet = source.files and not any(name.endswith(".csv") for name in source.files)
    if only_parquet and any(declared.values()):
        raise ValueError(
            "--separator, --decimal, --dates and --encoding say how CSV text is written, but the tables of "
            f"{path} are Parquet files, whose columns state it themselves; leave them out"
        )
    if (path / FORMAT_FILE).is_file():
        source.files[FORMAT_FILE] = digest((path / FORMAT_FILE).read_bytes())
    if len(several_books) > 1 and not source.raw:
        rule = f"there must be one workbook, but there are {', '.join(book.name for book in several_books)}"
        remedy = f"give the path of one, such as {path / several_books[0].name}"
        source.findings.append(Finding(several_books[0].name, None, None, None, None, rule, "error", remedy))
    return source

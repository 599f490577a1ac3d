"""What is a table, a figure, a section of a report, and how are numbers written in them?

Input: numbers and frames.
Output: `Table`, `Figure`, `Section` and `Document`; `numbered` gives every item its number by its order.
Protocol section: none.
Method: frozen records; a text names another item as ``[[key]]`` and each writer turns that into its number.
Next: `reporting.contents`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.analysis import plain
from pnstrial.figures.style import p_text
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

__all__ = [
    "DASH",
    "FEW_ROWS", "LONGEST_LISTING", "Document", "Figure", "Item", "Place", "Section", "Table", "cells",
    "column_heads", "column_widths", "counted",
    "interval_text",
    "measure", "numbered", "percent", "refer", "right_aligned", "share",
]  # fmt: skip

DASH: Final = "–"
"""What stands in a cell whose value was not collected or does not apply."""

FEW_ROWS: Final = 14
"""A table of so many rows is kept on one page."""

LONGEST_LISTING: Final = 150
"""Rows of a listing that pages and documents still print; a longer one is left to its CSV file."""


@dataclass(frozen=True)
class Item:
    """What tables and figures share.

    Parameters
    ----------
    title, population : str
        The population is an analysis set in words.
    key : str
        Anchor, and the name by which texts refer to it; given by `numbered`, as the number.
    number : str
    """

    title: str
    population: str
    key: str = field(default="", kw_only=True)
    number: str = field(default="", kw_only=True)

    @property
    def name(self) -> str:
        """Kind and number, such as "Table 14.2.1"."""
        return f"{type(self).__name__} {self.number}"


@dataclass(frozen=True)
class Table(Item):
    """A table; the columns of the frame are its heads, two leading blanks in a row's head indent it."""

    frame: pd.DataFrame
    sources: str
    section: str
    footnote: str = ""
    empty: str = "There is nothing to list."

    @property
    def foot(self) -> str:
        """What stands under the table: its own note, then set, source tables and protocol section."""
        parts = (("Set", self.population), ("Source", self.sources), ("Protocol", self.section))
        named = [f"{word}: {text}." for word, text in parts if text]
        return " ".join([self.footnote, *named]).strip()


@dataclass(frozen=True)
class Listing(Table):
    """A table with a row for each patient or record."""


@dataclass(frozen=True)
class Figure(Item):
    """A figure; `draw` gives its Axes, `reason` says why there is none."""

    caption: str
    alternative: str
    draw: Callable[[], Axes] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Place:
    """Where an item stands in the report; the item itself is made only where it is printed.

    Parameters
    ----------
    key : str
        Anchor of the item, and the name by which texts refer to it.
    kind : type
        `Table`, `Listing` or `Figure`.
    make : callable
        Gives the item.
    short : bool
        Whether the short page has it too.
    """

    key: str
    kind: type[Item]
    make: Callable[[], Item]
    short: bool = False


@dataclass(frozen=True)
class Section:
    """A part of a report: ICH E3 number, title, places of its items, paragraphs; `numbered` makes the items."""

    key: str
    number: str
    title: str
    places: tuple[Place, ...] = ()
    paragraphs: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Document:
    """A whole report, as every writer takes it.

    Parameters
    ----------
    title, subtitle : str
    notices : tuple of str
        What must be seen first, such as that the patients are invented.
    summary : tuple of str
        Paragraphs that answer the question of the report.
    facts : tuple of (str, str)
        A number and what it counts.
    sections : tuple of Section
        Numbered.
    footer : str
    whole_listings : bool
        Print listings however long they are, because no CSV file stands beside the page.
    """

    title: str
    subtitle: str
    notices: tuple[str, ...]
    summary: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    footer: str
    whole_listings: bool = False

    @property
    def items(self) -> list[Item]:
        """All items in order."""
        return [item for section in self.sections for item in section.items]

    @property
    def names(self) -> dict[str, str]:
        """Kind and number of every item by its key."""
        return {item.key: item.name for item in self.items}

    def left_to_csv(self, table: Table) -> bool:
        """Say whether a listing is too long to be printed."""
        return isinstance(table, Listing) and not self.whole_listings and len(table.frame) > LONGEST_LISTING


def numbered(sections: Sequence[Section], *, short: bool = False) -> tuple[Section, ...]:
    """Make the items and number each by its place: tables and listings in one row, figures in another.

    Parameters
    ----------
    sections : sequence of Section
    short : bool, default False
        Make only the items of the short page, under the numbers that they have in the whole report, and leave out
        sections without one.

    Raises
    ------
    ValueError
        If two items have one key, or a text refers to an item that is not there.
    """
    keys = [place.key for section in sections for place in section.places]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"numbered: two items have the key {', '.join(twice)}")
    found: list[Section] = []
    for section in sections:
        counts = {True: 0, False: 0}
        items: list[Item] = []
        for place in section.places:
            is_figure = place.kind is Figure
            counts[is_figure] += 1
            if place.short or not short:
                item = place.make()
                items.append(replace(item, key=place.key, number=f"{section.number}.{counts[is_figure]}"))
        if items or not short:
            found.append(replace(section, items=tuple(items)))
    texts = [text for section in found for text in section.paragraphs]
    for item in (item for section in found for item in section.items):
        texts += [item.footnote] if isinstance(item, Table) else []
        texts += [item.caption, item.alternative] if isinstance(item, Figure) else []
    if missing := sorted({key for text in texts for key in _REFERENCE.findall(text)} - set(keys)):
        raise ValueError(f"numbered: no item has the key {', '.join(missing)}")
    return tuple(found)


_REFERENCE: Final = re.compile(r"\[\[([\w-]+)\]\]")


def refer(text: str, names: Mapping[str, str], link: Callable[[str, str], str] | None = None) -> str:
    """Replace every ``[[key]]`` by the name of the item, or by a link to it.

    Parameters
    ----------
    text : str
    names : mapping of str
        `Document.names`; an item of the whole report that is not in it is "the full report".
    link : callable, optional
        Given key and name.

    Examples
    --------
    >>> refer("See [[flow]].", {"flow": "Figure 10.1"})
    'See figure 10.1.'
    """

    def replaced(match: re.Match[str]) -> str:
        key = match.group(1)
        if key not in names:
            return "the full report"
        name = names[key][0].lower() + names[key][1:]
        return name if link is None else link(key, name)

    return _REFERENCE.sub(replaced, text)


# ------------------------------------------------------------------------------------------------------- numbers
def percent(value: float, digits: int = 1) -> str:
    """Write a share as per cent with one decimal.

    Examples
    --------
    >>> percent(1 / 6)
    '16.7 %'
    """
    return f"{100 * value:.{digits}f} %"


def share(count: int, n: int) -> str:
    """Write a count with its denominator and per cent.

    Examples
    --------
    >>> share(3, 18), share(0, 0)
    ('3/18 (16.7 %)', '0/0')
    """
    return f"{count}/{n}" if n == 0 else f"{count}/{n} ({percent(count / n)})"


def counted(count: int, word: str) -> str:
    """Write a count with what it counts.

    Examples
    --------
    >>> counted(1, "death"), counted(3, "death")
    ('1 death', '3 deaths')
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def measure(value: object) -> str:
    """Write a number with three digits; a limit that does not exist is "no limit", a p-value is `p_text`'s."""
    if isinstance(value, NotEstimable):
        return str(value)
    if not isinstance(value, int | float | np.number):
        return DASH
    return f"{float(value):.3g}" if np.isfinite(float(value)) else "no limit"


def interval_text(limits: object, write: Callable[[float], str] = measure) -> str:
    """Write an interval as "a to b"; the unit of a per cent stands once.

    Examples
    --------
    >>> interval_text((0.036, 0.414), percent), interval_text((0.5, 2.25))
    ('3.6 to 41.4 %', '0.5 to 2.25')
    """
    if not isinstance(limits, tuple):
        return DASH
    low, high = (write(float(value)) for value in limits)
    return f"{low.removesuffix(' %')} to {high}" if high.endswith(" %") else f"{low} to {high}"


def p_or_dash(p_value: object) -> str:
    """Write a p-value, a dash where there is none."""
    return p_text(p_value) if isinstance(p_value, float) else DASH


_NO_NUMBER: Final = {"", DASH, "not reached", "no limit", "not collected"}
_NUMBER: Final = re.compile(r"[<>−-]?\d[\d.,]*(?:$|[ /%(])")
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d")


def _decimals(values: pd.Series[Any]) -> int:
    """Choose the decimals of a column of numbers: those that they have, and at most enough for three digits."""
    present = values.dropna().astype(float)
    largest = float(present.abs().max()) if len(present) else 0.0
    most = 1 if largest >= 10 else 2 if largest >= 1 else 3
    return next((k for k in range(most) if ((present - present.round(k)).abs() < 1e-9).all()), most)


def cells(table: Table) -> list[list[str]]:
    """Write the rows of a table: one number of decimals in a column, a dash for what is not there."""
    columns: list[list[str]] = []
    for position in range(table.frame.shape[1]):
        values = table.frame.iloc[:, position]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            digits = _decimals(values)
            columns.append([DASH if pd.isna(value) else f"{float(value):.{digits}f}" for value in values])
        else:
            columns.append([_words(value) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


def column_heads(table: Table) -> list[str]:
    """Write the heads of a table, the size of a group in one piece."""
    return [re.sub(r"\(n = (\d+)\)", "(n\u00a0=\u00a0\\1)", str(name)) for name in table.frame.columns]


def _words(value: Any) -> str:
    value = plain(value)
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def right_aligned(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say which columns hold numbers, so that they stand flush right; the first heads its row."""
    if not rows:
        return []
    found: list[bool] = []
    for position in range(len(rows[0])):
        present = [row[position] for row in rows if row[position] not in _NO_NUMBER]
        right = all(_NUMBER.match(text) and not _ISO_DATE.match(text) for text in present)
        found.append(right and position > 0)
    return found


LONGEST_CELL: Final = 65
"""Width, in half ems, beyond which a column does not ask for more room."""

CELL_PADDING: Final = 3.0


def _text_width(text: str, bold: bool = False) -> float:
    """Estimate the width of a text in half ems of a sans-serif face."""
    width = sum(1.4 if c.isupper() or c in "%≥—" else 0.6 if c in " .,;:ilj()|" else 1.1 for c in text)
    return 1.1 * width if bold else width


def column_widths(heads: Sequence[str], rows: Sequence[Sequence[str]], room: float) -> list[float]:
    """Share the width of a page among columns by their content, so that no word is cut.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequence of str
    room : float
        Width of the page in half ems.

    Returns
    -------
    list of float
        Width of each column in half ems; they add up to at most `room`.

    Examples
    --------
    >>> widths = column_widths(["Patient", "Reason"], [["A-01", "fewer than three cycles given"]], 60)
    >>> [round(width) for width in widths]
    [11, 32]
    """
    columns = list(zip(heads, *rows, strict=True))

    def widest(texts: Sequence[str], words: bool) -> float:
        parts = [(text.split(" ") if words else [text], place == 0) for place, text in enumerate(texts)]
        return (
            max((_text_width(part, bold) for found, bold in parts for part in found), default=0.0)
            + CELL_PADDING
        )

    wanted = [min(widest(column, words=False), LONGEST_CELL) for column in columns]
    if sum(wanted) <= room:
        return wanted
    least = [min(widest(column, words=True), width) for column, width in zip(columns, wanted, strict=True)]
    if sum(least) >= room:
        return [room * low / sum(least) for low in least]
    spare, missing = room - sum(least), sum(wanted) - sum(least)
    return [low + spare * (high - low) / missing for low, high in zip(least, wanted, strict=True)]

"""From which collected cells does a number of the report come?

Input: a trial, its protocol, the number of a table and of a row, perhaps the name of a column.
Output: `Trace`: the number as printed, the derived rows behind it, and the collected cells behind these, by file, line
and column.
Protocol section: all.
Method: the report is put together again, and its item is asked for what it counts (`tracing_tables`).
Next: `cli.verify`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

import pandas as pd

from pnstrial.analysis import analyse
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.numerics.signatures import check_signature
from pnstrial.reporting.contents import document
from pnstrial.reporting.items import Document, Listing, Table, cells, refer
from pnstrial.reporting.material import Material
from pnstrial.results import Display, Result
from pnstrial.verification.origins import Cells, Sources
from pnstrial.verification.tracing_tables import NOTHING_DERIVED, ORIGINS, Request

if TYPE_CHECKING:
    import datetime as dt

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["Trace", "trace"]

_MOST_ROWS = 40


@dataclass(frozen=True, eq=False)
class Trace(Result):
    """Where a row of a table, or one number of it, came from.

    Attributes
    ----------
    table, title : str
        Number and title.
    row : int
        From 1.
    column : str or None
    printed : dict of str
        The row as it is printed, or the one cell.
    derivation : str
        What made the derived rows; empty where nothing is derived.
    derived : pandas.DataFrame
        The derived rows, the whole denominator where there is one; `counted` says which of them the number counts.
    cells : pandas.DataFrame
        file, line, column, patient_id, value (None: blank): the collected cells.
    note : str
        What besides them the number needs.
    not_traceable : str
        Why there are none; else empty.
    """

    table: str
    title: str
    row: int
    column: str | None
    printed: dict[str, str]
    derivation: str
    derived: pd.DataFrame = field(repr=False)
    cells: pd.DataFrame = field(repr=False)
    note: str
    not_traceable: str

    def to_frame(self) -> pd.DataFrame:
        """Return the collected cells, one a row.

        Returns
        -------
        pandas.DataFrame
        """
        return self.cells.copy()

    def _display(self) -> Display:
        cells = "; ".join(f"{head}: {text}" for head, text in self.printed.items())
        lines = [f"Table {self.table} {self.title}, row {self.row}", f"  {cells}"]
        if self.not_traceable:
            return Display("\n".join([*lines, f"not traceable: {self.not_traceable}"]))
        n = f"{len(self.derived)} derived rows"
        if "counted" in self.derived:
            n += f", {(self.derived['counted'] == 'yes').sum()} of them counted"
        lines.append(f"{n} ({self.derivation})")
        lines.append(_text(self.derived.dropna(axis="columns", how="all")))
        lines.append(f"{len(self.cells)} collected cells")
        lines.append(_text(self.cells))
        return Display("\n".join([*lines, *([self.note] if self.note else [])]))


def _text(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "  none"
    more = f"\n  ... and {len(frame) - _MOST_ROWS} more (--json has all)" if len(frame) > _MOST_ROWS else ""
    rows = frame.head(_MOST_ROWS).astype(object).where(frame.head(_MOST_ROWS).notna(), "")
    return rows.to_string(index=False, max_colwidth=60) + more


def _table(whole: Document, number: str) -> Table:
    tables = {item.number: item for item in whole.items if isinstance(item, Table)}
    wanted = re.sub(r"^\s*(table|listing)\s+", "", number, flags=re.IGNORECASE).strip()
    if wanted not in tables:
        drawn = wanted.casefold().startswith("figure")
        within = [name for name in tables if name.startswith(f"{wanted}.")]
        near = [] if drawn else within[:1] or get_close_matches(wanted, tables, 1)
        meant = f"; did you mean {near[0]} ({tables[near[0]].title})?" if near else "."
        figure = " A figure is not traced, only the tables that have its numbers." if drawn else ""
        raise ValueError(f"the report has no table {number!r}{meant}{figure} It has {', '.join(tables)}")
    return tables[wanted]


def _column(table: Table, name: str | None) -> str | None:
    heads = [str(head) for head in table.frame.columns]
    if name is None or name in heads:
        return name
    if len(same := [head for head in heads if head.casefold().startswith(name.casefold())]) == 1:
        return same[0]
    raise ValueError(f"table {table.number} has no column {name!r}; it has {', '.join(map(repr, heads))}")


def trace(
    trial: TrialData,
    protocol: Protocol,
    table: str,
    row: int,
    *,
    column: str | None = None,
    null: float | None = None,
    visit: str | None = None,
    data_cut: dt.date | None = None,
) -> Trace:
    """Follow a number of the report to its derived rows and collected cells.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    table : str
        Its number, such as ``"14.2.1"``.
    row : int
        From 1, without the heads.
    column : str, optional
        Its head, or the beginning of it; by default the row as a whole.
    null, visit, data_cut : optional
        As the report was asked for.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError
        For a table, row or column that the report does not have; those that it has are named.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = trace(pns.example_trial(), pns.load_protocol(), "14.2.1", 1, column="Responders")
    >>> found.printed, int((found.derived["counted"] == "yes").sum())
    ({'Visit': 'Month 3', 'Responders': '3'}, 3)
    >>> print(found.cells.head(1).to_string(index=False))
             file  line column patient_id value
    screening.csv     2    mrs     BOR-01   3.0
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    check_signature(trace, locals())
    material = Material(analyse(trial, protocol, null=null, visit=visit), data_cut=data_cut)
    opinion = pd.DataFrame(columns=["quantity", "engine", "tolerance", "agrees", "difference", "reason"])
    whole = document(material, opinion=opinion)
    found = _table(whole, table)
    if found.key in NOTHING_DERIVED and not len(found.frame):
        blank = pd.DataFrame()
        return Trace(
            found.number, found.title, row, column, {}, "", blank, blank, "", NOTHING_DERIVED[found.key]
        )
    if not 1 <= row <= len(found.frame):
        rows = "no row" if found.frame.empty else f"rows 1 to {len(found.frame)}"
        raise ValueError(f"table {found.number} has {rows}, not {row}")
    head = _column(found, column)
    row = int(row)
    text = cells(found)[row - 1]
    heads = [str(name) for name in found.frame.columns]
    printed = {
        name: refer(value, whole.names).strip()
        for place, (name, value) in enumerate(zip(heads, text, strict=True))
        if head is None or place == 0 or name == head
    }
    return _traced(Request(Sources(material), found, row - 1, head), printed)


def _traced(request: Request, printed: dict[str, str]) -> Trace:
    found = request.table
    request.sources.cells = Cells()
    reason = NOTHING_DERIVED.get(found.key, "")
    if not reason and request.is_heading and len(found.frame.columns) > 1:
        reason = "the row is the heading of those below it; nothing is counted in it"
    if not reason and _names_the_row(found, request.column):
        reason = "the column names what its row counts; nothing is counted in it"
    place = (found.number, found.title, request.row + 1, request.column, printed)
    if reason:
        return Trace(*place, "", pd.DataFrame(), pd.DataFrame(), "", reason)
    origin = ORIGINS[found.key](request)
    rows = origin.rows.reset_index(drop=True)
    if origin.counted is not None:
        rows.insert(0, "counted", origin.counted.map({True: "yes", False: "no"}).to_numpy())
    return Trace(
        *place, origin.name, rows, request.sources.cells.to_frame(request.sources.material), origin.note, ""
    )


def _names_the_row(table: Table, column: str | None) -> bool:
    """Say whether a column heads the rows, as the first does in every table but a listing."""
    heads = {str(table.frame.columns[0]), "Criterion", "Visit"}
    return not isinstance(table, Listing) and column in heads

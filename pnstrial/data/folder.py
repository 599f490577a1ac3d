"""How are the tables joined while they are checked?

Input: the parsed tables of a folder.
Output: `Folder`: a table or a patient's cell by name, and one finding for every row of a mask.
Protocol section: none.
Method: a refused cell is unknown and trips nothing; a row that names no drug means the first of the protocol.
Next: `consistency`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.data.allowed import tables_under
from pnstrial.data.findings import Finding
from pnstrial.data.parsing import empty_frame
from pnstrial.data.text_format import STRICT
from pnstrial.frames import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pnstrial.data.allowed import Allowed
    from pnstrial.data.findings import Severity
    from pnstrial.data.parsing import ParsedTable
    from pnstrial.data.text_format import TextFormat

__all__ = ["Folder", "at_positions", "display"]


class Folder:
    """The parsed tables, joined by patient where a check asks for it."""

    def __init__(self, tables: Mapping[str, ParsedTable], allowed: Allowed) -> None:
        self.tables = tables
        self.allowed = allowed
        self.findings: list[Finding] = []
        self.screening = self._by_patient("screening")
        self.follow_up = self._by_patient("follow_up")

    def _by_patient(self, name: str) -> pd.DataFrame:
        """Give one row per patient with the refused cells marked in columns ``bad <column>``."""
        if name not in self.tables:
            return self.frame(name).set_index("patient_id")
        table = self.tables[name]
        frame = table.frame.assign(**{f"bad {column}": bad for column, bad in table.bad.items()})
        return frame[frame["patient_id"].notna()].drop_duplicates("patient_id").set_index("patient_id")

    def frame(self, name: str) -> pd.DataFrame:
        """Give the frame of a table; an empty one if it is absent."""
        if name in self.tables:
            return self.tables[name].frame
        return empty_frame(tables_under(self.allowed)[name])

    def of_patient(self, by_patient: pd.DataFrame, name: str, column: str) -> pd.Series:
        """Look up a patient's value for every row of another table."""
        frame = self.frame(name)
        return value_of(frame["patient_id"], by_patient[column])

    def report(
        self, name: str, rows: Any, column: str | None, rule: str, severity: Severity, remedy: str
    ) -> None:
        """Add one finding for every row of the mask."""
        table = self.tables.get(name)
        mask = np.asarray(rows, dtype=bool)
        if table is None or not mask.any():
            return
        frame = table.frame
        for position in np.flatnonzero(mask).tolist():
            value = None if column not in table.texts else table.texts[column][position] or None
            self.findings.append(
                Finding(
                    table.file,
                    int(frame.index[position]),
                    frame["patient_id"].iloc[position],
                    column,
                    value,
                    rule,
                    severity,
                    remedy,
                )
            )

    def infusions(self) -> pd.DataFrame:
        """Give the infusions with their place in the table and the drug filled in; None where it was refused."""
        frame = self.frame("infusions").reset_index()
        frame["position"] = np.arange(len(frame))
        table = self.tables.get("infusions")
        refused = np.zeros(len(frame), dtype=bool) if table is None else table.refused("drug")
        frame["drug"] = frame["drug"].fillna(self.allowed.drugs[0].drug).where(~refused, None)
        return frame


def at_positions(positions: pd.Series, length: int) -> NDArray[np.bool_]:
    """Mark these rows of a table."""
    mask = np.zeros(length, dtype=bool)
    mask[positions.to_numpy(dtype=int)] = True
    return mask


def display(value: Any, written: TextFormat = STRICT) -> str | None:
    """Write a parsed value as it stands in the file."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return written.written(value.date().isoformat())
    return f"{value:.12g}".replace(".", written.decimal) if isinstance(value, float) else str(value)

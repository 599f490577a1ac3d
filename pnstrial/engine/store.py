"""How does a long run survive being killed?

Input: finished blocks of trials.
Output: a SQLite file that holds them, and what they were run with.
Protocol section: none.
Method: one row per finished block, committed as it finishes (write-ahead log, so that a killed process leaves the
committed rows); a file of another protocol, scenario, seed or package version is refused with the difference.
Next: `engine`.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["BlockSums", "Store", "StoreError"]


class StoreError(ValueError):
    """A store that belongs to another run, or is no store."""


@dataclass(frozen=True)
class BlockSums:
    """What the trials of one block add up to.

    Parameters
    ----------
    block, trials : int
        Number of the block and of its trials.
    sums : ndarray, shape (3, quantities)
        Sums, sums of squares, sums of products with the denominator.
    responders : ndarray of int64, shape (n + 1,)
        Trials by number of responders.
    """

    block: int
    trials: int
    sums: NDArray[np.float64]
    responders: NDArray[np.int64]


class Store:
    """A SQLite file of finished blocks.

    Parameters
    ----------
    path : str or Path
        Made if it does not exist.
    specification : dict
        What the run depends on; compared with that of an existing file.

    Raises
    ------
    StoreError
        If the file is no store, or one of another run; the message names every difference.
    """

    def __init__(self, path: str | Path, specification: dict[str, Any]) -> None:
        self.path = str(path)
        self._database = sqlite3.connect(self.path, timeout=60)
        text = json.dumps(specification, sort_keys=True)
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            with self._database:
                self._database.execute("CREATE TABLE IF NOT EXISTS run (specification TEXT NOT NULL)")
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS blocks (block INTEGER PRIMARY KEY, trials INTEGER NOT NULL,"
                    " sums BLOB NOT NULL, responders BLOB NOT NULL)"
                )
                found = self._database.execute("SELECT specification FROM run").fetchone()
                if found is None:
                    self._database.execute("INSERT INTO run VALUES (?)", (text,))
        except sqlite3.DatabaseError as problem:
            self._database.close()
            raise StoreError(
                f"store {self.path} is no store of this package ({problem}); choose another file"
            ) from None
        if found is not None and found[0] != text:
            self._database.close()
            lines = differences(json.loads(found[0]), json.loads(text))
            raise StoreError(
                f"store {self.path} holds another run; use a new file or the same settings:\n  "
                + "\n  ".join(lines)
            )

    def blocks(self) -> dict[int, int]:
        """Give the number of trials of every finished block."""
        rows = self._database.execute("SELECT block, trials FROM blocks")
        return {int(block): int(trials) for block, trials in rows}

    def read(self, block: int) -> BlockSums:
        """Read one finished block."""
        trials, sums, responders = self._database.execute(
            "SELECT trials, sums, responders FROM blocks WHERE block = ?", (block,)
        ).fetchone()
        return BlockSums(
            block, trials, np.frombuffer(sums).reshape(3, -1), np.frombuffer(responders, np.int64)
        )

    def write(self, done: BlockSums) -> None:
        """Commit one finished block; a shorter one of the same number is replaced."""
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)",
                (done.block, done.trials, done.sums.tobytes(), done.responders.tobytes()),
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def differences(stored: object, asked: object, key: str = "") -> list[str]:
    """Name every difference of two nested specifications.

    Parameters
    ----------
    stored, asked : nested dict, list or value
    key : str
        Where in the specification.

    Returns
    -------
    list of str

    Examples
    --------
    >>> differences({"scenario": {"n": 17}}, {"scenario": {"n": 21}})
    ['scenario.n: 17 in the store, 21 asked for']
    """
    return list(_differences(stored, asked, key))


def _differences(stored: object, asked: object, key: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(asked, dict):
        first, second = cast("dict[str, object]", stored), cast("dict[str, object]", asked)
        for name in sorted({*first, *second}):
            inner = f"{key}.{name}" if key else name
            yield from _differences(first.get(name, "nothing"), second.get(name, "nothing"), inner)
    elif stored != asked:
        yield f"{key}: {stored} in the store, {asked} asked for"

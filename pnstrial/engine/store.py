"""How does a long run survive being killed?

Input: finished blocks of trials.
Output: a SQLite file that holds them, and what they were run with.
Protocol section: none.
Method: one row per finished block, committed as it finishes (write-ahead log, so that a killed process leaves the
committed rows), with a SHA-256 digest of its content and of the run's specification: what is damaged is simulated
again. A file of another protocol, scenario, seed or package version is refused with the difference.
Next: `engine`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, cast

import numpy as np

from pnstrial.data.parquet import pyarrow_parquet
from pnstrial.writing import PARQUET_KEY, GrowingFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["BlockSums", "DamagedBlockWarning", "Store", "StoreError", "TrialRows"]


_READ: Final = "SELECT block, trials, sums, responders, digest FROM blocks"


class StoreError(ValueError):
    """A store that belongs to another run, is damaged, is no store, or cannot be written."""


class DamagedBlockWarning(UserWarning):
    """Blocks of a store that are not as they were written: they are simulated again."""


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
    each : ndarray, shape (trials, quantities), optional
        The quantities of every trial; never stored.
    """

    block: int
    trials: int
    sums: NDArray[np.float64]
    responders: NDArray[np.int64]
    each: NDArray[np.float64] | None = None


class Store:
    """A SQLite file of finished blocks, each with a digest of its content and of the run it belongs to.

    Parameters
    ----------
    path : str or Path
        Made if it does not exist.
    specification : dict
        What the run depends on; compared with that of an existing file.
    shape : tuple of int
        Number of quantities, and of patients + 1: the sizes of a block's sums.

    Raises
    ------
    StoreError
        If the file is no store, a damaged one, or one of another run (the message names every difference), or
        cannot be written.
    """

    def __init__(self, path: str | Path, specification: dict[str, Any], shape: tuple[int, int]) -> None:
        self.path, self.shape = str(path), shape
        if self.path in {"", ":memory:"} or "\0" in self.path:  # which SQLite would keep nowhere
            raise StoreError(f"store {self.path!r} names no file; give one, such as run.sqlite")
        self._text = json.dumps(specification, sort_keys=True)
        self._run = hashlib.sha256(self._text.encode()).digest()
        self._database: sqlite3.Connection | None = None
        with self._refusing():
            self._database = sqlite3.connect(self.path, timeout=60)
            found = self._begin(self._database)
        if found is None:
            return
        text, digest = found
        if not isinstance(text, str) or hashlib.sha256(text.encode()).digest() != digest:
            self._fail(
                "is damaged: what it was run with is not as it was written; delete it or choose another file"
            )
        if text != self._text:
            lines = differences(json.loads(text), json.loads(self._text))
            self._fail("holds another run; use a new file or the same settings:\n  " + "\n  ".join(lines))

    def _begin(self, database: sqlite3.Connection) -> tuple[object, object] | None:
        """Make the tables, or read what an existing file was run with."""
        tables = {
            str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and not {"run", "blocks"} <= tables:
            self._fail("is no store of this package (it has other tables); choose another file")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        with database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS run (specification TEXT NOT NULL, digest BLOB NOT NULL)"
            )
            database.execute(
                "CREATE TABLE IF NOT EXISTS blocks (block INTEGER PRIMARY KEY, trials INTEGER NOT NULL,"
                " sums BLOB NOT NULL, responders BLOB NOT NULL, digest BLOB NOT NULL)"
            )
            found = database.execute("SELECT specification, digest FROM run").fetchone()
            empty = database.execute("SELECT 1 FROM blocks").fetchone() is None
            if found is None and empty:
                database.execute("INSERT INTO run VALUES (?, ?)", (self._text, self._run))
        if found is None and not empty:
            self._fail("is damaged: it does not say what it was run with; delete it or choose another file")
        return found

    def _fail(self, reason: str) -> NoReturn:
        self.close()
        raise StoreError(f"store {self.path} {reason}")

    @contextmanager
    def _refusing(self) -> Generator[None]:
        """Turn what SQLite says into one sentence with its remedy."""
        try:
            yield
        except sqlite3.DatabaseError as problem:
            words = str(problem).split(" with text ")[0]  # which is what was to be read
            if "not a database" in words or "no such column" in words or "has no column" in words:
                reason = f"is no store of this package ({words}); choose another file"
            elif "full" in words or "disk I/O" in words:
                reason = f"cannot be written ({words}): make room and run again, finished blocks are kept"
            elif "readonly" in words or "unable to open" in words or "locked" in words:
                reason = f"cannot be written ({words}): choose a folder that exists and that you may write to"
            else:
                reason = f"is damaged ({words}); delete it or choose another file"
            self.close()
            raise StoreError(f"store {self.path} {reason}") from None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError(f"store {self.path} is closed")
        return self._database

    def _digest(self, block: int, trials: int, sums: bytes, responders: bytes) -> bytes:
        head = (
            self._run + block.to_bytes(8, "little", signed=True) + trials.to_bytes(8, "little", signed=True)
        )
        return hashlib.sha256(head + sums + responders).digest()

    def _whole(self, row: tuple[Any, ...]) -> BlockSums | None:
        """Give a row as a block; None where it is not as it was written."""
        block, trials, sums, responders, digest = row
        if (
            not isinstance(block, int)
            or not isinstance(trials, int)
            or not isinstance(sums, bytes)
            or not isinstance(responders, bytes)
        ):
            return None
        if self._digest(block, trials, sums, responders) != digest:
            return None
        quantities, patients = self.shape
        return BlockSums(
            block, trials, np.frombuffer(sums).reshape(3, quantities),
            np.frombuffer(responders, np.int64).reshape(patients),
        )  # fmt: skip

    def blocks(self) -> dict[int, int]:
        """Give the number of trials of every finished block that is as it was written; warn of the others.

        Those are taken out: a damaged number is that of no block, so no later one would replace it.
        """
        with self._refusing():
            rows = [(row[0], self._whole(row)) for row in self._open.execute(f"{_READ} ORDER BY block")]
        if damaged := [number for number, block in rows if block is None]:
            places = ", ".join(map(str, damaged[:10])) + (" ..." if len(damaged) > 10 else "")
            warnings.warn(
                f"store {self.path}: {len(damaged)} of {len(rows)} blocks are damaged ({places});"
                " they are simulated again",
                DamagedBlockWarning,
                stacklevel=2,
            )
            with self._refusing(), self._open as database:
                database.executemany("DELETE FROM blocks WHERE block = ?", [(number,) for number in damaged])
        return {number: block.trials for number, block in rows if block is not None}

    def read(self, block: int) -> BlockSums:
        """Read one finished block."""
        with self._refusing():
            row = self._open.execute(f"{_READ} WHERE block = ?", (block,)).fetchone()
        found = None if row is None else self._whole(row)
        if found is None:
            self._fail(
                f"is damaged: block {block} changed while it was read; delete it or choose another file"
            )
        return found

    def write(self, done: BlockSums) -> None:
        """Commit one finished block; a shorter one of the same number is replaced."""
        sums, responders = done.sums.tobytes(), done.responders.tobytes()
        with self._refusing(), self._open as database:
            database.execute(
                "INSERT OR REPLACE INTO blocks (block, trials, sums, responders, digest) VALUES (?, ?, ?, ?, ?)",
                (
                    done.block,
                    done.trials,
                    sums,
                    responders,
                    self._digest(done.block, done.trials, sums, responders),
                ),
            )

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            database, self._database = self._database, None
            with suppress(sqlite3.DatabaseError):
                database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TrialRows:
    """One row a trial: in memory, or in a Parquet file that grows block by block.

    Parameters
    ----------
    path : Path or None
        None keeps them in memory.
    names : tuple of (str, str)
    without : dict of str to str
        As in `characteristics.trial_rows`.

    Raises
    ------
    OutputError
        A `ValueError`: the file is there and was not written by this package, or was changed since.
    StoreError
        If the file cannot be written.
    """

    def __init__(
        self, path: Path | None, names: tuple[tuple[str, str], ...], without: Mapping[str, str]
    ) -> None:
        self.path, self.names, self.without = path, names, without
        self._frames: list[pd.DataFrame] = []
        self._writer: Any = None
        self._file: GrowingFile | None = None
        if path is not None:
            pyarrow_parquet(str(path))
            self._file = GrowingFile(path, (".parquet",))

    def add(self, part: BlockSums, first: int) -> None:
        """Take the trials of a block, which begin with number `first`."""
        from pnstrial.engine.characteristics import trial_rows

        if part.each is None:
            return
        frame = trial_rows(part.each, self.names, self.without, first)
        if self._file is None:
            self._frames.append(frame)
            return
        pa, pq = pyarrow_parquet(str(self.path))
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with self._refusing():
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._file.open(), table.schema)
            self._writer.write_table(table)

    @contextmanager
    def _refusing(self) -> Generator[None]:
        """Turn what the system says into one sentence with its remedy."""
        try:
            yield
        except OSError as problem:
            raise StoreError(
                f"trials {self.path} cannot be written ({problem}): choose a folder that exists, with room"
            ) from None

    def finish(self) -> None:
        """Put the file into place, with the digest of its rows."""
        if self._file is not None:
            with self._refusing():
                self._writer.add_key_value_metadata({PARQUET_KEY: self._file.digest()})
                self._writer.close()
                self._file.put_into_place()

    def close(self) -> None:
        """Leave nothing half-written."""
        if self._file is not None:
            self._file.close()

    def found(self) -> pd.DataFrame | Path:
        """Give the rows, or where they are."""
        import pandas as pd

        return self.path if self.path is not None else pd.concat(self._frames, ignore_index=True)


def differences(stored: object, requested: object, key: str = "") -> list[str]:
    """Name every difference of two nested specifications.

    Parameters
    ----------
    stored, requested : nested dict, list or value
    key : str
        Where in the specification.

    Examples
    --------
    >>> differences({"scenario": {"n": 17}}, {"scenario": {"n": 21}})
    ['scenario.n: 17 in the store, 21 asked for']
    """
    return list(_differences(stored, requested, key))


def _differences(stored: object, requested: object, key: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(requested, dict):
        first, second = cast("dict[str, object]", stored), cast("dict[str, object]", requested)
        for name in sorted({*first, *second}):
            inner = f"{key}.{name}" if key else name
            yield from _differences(first.get(name, "nothing"), second.get(name, "nothing"), inner)
    elif stored != requested:
        yield f"{key}: {stored} in the store, {requested} asked for"

"""Which cells stand in a Parquet file, as text? And is the library there that reads and writes it?

Input: a Parquet file.
Output: `RawTable`, as of a CSV file; or a finding that says why not.
Protocol section: none.
Method: pyarrow, which is installed with the extra ``parquet`` alone; whoever needs it asks here.
Next: `parsing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pnstrial.data.reading import RawTable, broken_table, read_frame

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ParquetMissingError", "pyarrow_parquet", "read_parquet"]

_MOST_COLUMNS, _MOST_CELLS, _MOST_BYTES = 200, 10_000_000, 200_000_000
_INSTALL = "pip install 'pnstrial[parquet]'"


class ParquetMissingError(ValueError):
    """The library that reads and writes Parquet files is not installed."""


def pyarrow_parquet(what: str) -> tuple[Any, Any]:
    """Load the library that reads and writes Parquet files.

    Parameters
    ----------
    what : str
        The file, for the sentence.

    Returns
    -------
    tuple of module
        ``pyarrow`` and ``pyarrow.parquet``.

    Raises
    ------
    ParquetMissingError
        A `ValueError`, if it is not installed.
    """
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ParquetMissingError(f"{what} is a Parquet file, which needs pyarrow: {_INSTALL}") from None


def _too_large(metadata: Any) -> str:
    """Say which limit a file is over; a few kB may unpack to any size."""
    if metadata.num_columns > _MOST_COLUMNS:
        return f"must not hold more than {_MOST_COLUMNS} columns"
    if metadata.num_rows * metadata.num_columns > _MOST_CELLS:
        return f"must not hold more than {_MOST_CELLS:,} cells"
    groups = range(metadata.num_row_groups)
    if sum(metadata.row_group(group).total_byte_size for group in groups) > _MOST_BYTES:
        return f"must not unpack to more than {_MOST_BYTES // 10**6} MB"
    return ""


def read_parquet(path: Path, name: str) -> RawTable:
    """Read one Parquet file as text."""
    try:
        pa, pq = pyarrow_parquet(path.name)
    except ParquetMissingError:
        rule, remedy = "a Parquet file needs the library pyarrow", f"{_INSTALL}, or save it as CSV"
        return broken_table(name, path.name, None, rule, remedy)
    try:
        with pq.ParquetFile(path) as file:
            if rule := _too_large(file.metadata):
                return broken_table(name, path.name, None, rule, "keep the trial's own rows and columns")
            frame = file.read(use_threads=False).to_pandas(ignore_metadata=True, date_as_object=True)
    # damaged bytes come out of the reader as any of these
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        MemoryError,
    ) as problem:
        words = (str(problem).splitlines() or [type(problem).__name__])[0]
        return broken_table(name, path.name, None, "must be a Parquet file", f"write it again ({words})")
    return read_frame(frame, name, path.name)

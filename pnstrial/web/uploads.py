"""Where do uploaded tables go, and what is accepted?

Input: the files of a form.
Output: a private folder with the tables that the package reads; what was not accepted, with the reason.
Protocol section: none.
Method: a name only says which table a file is, it is never a path; archives and workbooks are unpacked in memory and
counted while they are, before any other code opens them.
Next: `session`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.formparsers import MultiPartException, MultiPartParser

import pnstrial as pns
from pnstrial.data.sources import OUR_FILES
from pnstrial.web.security import MOST_UPLOADED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.datastructures import FormData
    from starlette.requests import Request

__all__ = ["MOST_FILES", "MOST_UNPACKED", "PrivateFolder", "Received", "read_form", "receive_files"]

MOST_FILES: Final = 20
MOST_UNPACKED: Final = 200 * 1024 * 1024
_WORKBOOK: Final = "workbook.xlsx"
_MARK: Final = "pnstrial-page-"


class PrivateFolder:
    """A folder that only this user can read, named after this process and removed with it."""

    def __init__(self) -> None:
        _remove_of_the_dead(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=f"{_MARK}{os.getpid()}-"))

    def new(self, name: str) -> Path:
        """Give an empty folder of this name; what it held is removed."""
        folder = self.path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives and belongs to another user
        return True
    return True


def _remove_of_the_dead(place: Path) -> None:
    """Remove what a killed page left; folders of living processes and of other users stay."""
    if os.name != "posix":  # elsewhere asking for a process may end it
        return
    for folder in place.glob(f"{_MARK}*-*"):
        number = re.fullmatch(rf"{_MARK}(\d+)-\w+", folder.name)
        mine = not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()
        if number and mine and not _alive(int(number[1])):
            shutil.rmtree(folder, ignore_errors=True)


class _InMemory(MultiPartParser):
    """Keeps uploaded files in memory: the bytes have been counted."""

    spool_max_size = 2 * MOST_UPLOADED


async def read_form(request: Request) -> FormData:
    """Read a form, with at most 20 files.

    Parameters
    ----------
    request : Request

    Returns
    -------
    FormData

    Raises
    ------
    ValueError
        If it has too many parts or is none.
    """
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return await request.form(max_fields=100)
    parser = _InMemory(request.headers, request.stream(), max_files=MOST_FILES, max_fields=100)
    try:
        return await parser.parse()
    except (MultiPartException, KeyError) as problem:
        raise ValueError(f"the form cannot be read: {getattr(problem, 'message', problem)}") from None


class Refused(NamedTuple):
    """One file that was not accepted, and why (a key of the words)."""

    name: str
    reason: str


@dataclass(frozen=True)
class Received:
    """What came with an upload.

    Attributes
    ----------
    tables : dict of str to str
        Name in the folder, and the SHA-256 of the content.
    refused : tuple of Refused
    """

    tables: dict[str, str]
    refused: tuple[Refused, ...]


def _unpacked(data: bytes, left: int) -> list[tuple[str, bytes]]:
    """Unpack an archive in memory, and count what comes out, not what it says."""
    found: list[tuple[str, bytes]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > 10 * MOST_FILES:
                raise ValueError("refused.too_many")
            for entry in entries:
                with archive.open(entry) as stream:
                    content = stream.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise ValueError("refused.too_large")
                found.append((entry.filename, content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, IndexError):
        raise ValueError("refused.archive") from None
    return found


def _table_name(name: str) -> str | None:
    """Tell which table a file is by the end of its name; None where it is none of them."""
    last = re.split(r"[/\\]", name)[-1].strip().lower()
    expected = {f"{table}{kind}" for table in pns.data.TABLES for kind in (".csv", ".parquet")}
    own = {name.lower(): name for name in OUR_FILES}
    return last if last in expected else own.get(last)


def _inside(name: str, data: bytes, left: int) -> tuple[list[tuple[str | None, str, bytes]], int]:
    """Give the tables in a file of an upload (place, name, content), and how many bytes came out of it."""
    kind = name.lower().rpartition(".")[2]
    if kind == "xlsx":
        unpacked = sum(len(content) for _, content in _unpacked(data, left))
        return [(_WORKBOOK, name, data)], unpacked
    if kind == "zip":
        found = _unpacked(data, left)
        if len(found) > MOST_FILES:
            raise ValueError("refused.too_many")
        return [(_table_name(inner), inner, content) for inner, content in found], sum(
            len(content) for _, content in found
        )
    return ([(_table_name(name), name, data)] if name or data else []), len(data)


def receive_files(files: Iterable[tuple[str, bytes]], folder: Path) -> Received:
    """Put the tables of an upload into a folder.

    Parameters
    ----------
    files : iterable of (str, bytes)
        Names as the browser sent them, and contents.
    folder : Path
        Empty and private.

    Returns
    -------
    Received

    """
    tables: dict[str, bytes] = {}
    refused: list[Refused] = []
    left = MOST_UNPACKED
    for name, data in files:
        try:
            inside, unpacked = _inside(name, data, left)
        except ValueError as problem:
            refused.append(Refused(name, str(problem)))
            continue
        left -= unpacked
        for place, inner, content in inside:
            if place is None or place in tables:
                refused.append(Refused(inner, "refused.unknown" if place is None else "refused.twice"))
            else:
                tables[place] = content
    if _WORKBOOK in tables and len(tables) > 1:
        refused += [Refused(name, "refused.beside_workbook") for name in tables if name != _WORKBOOK]
        tables = {_WORKBOOK: tables[_WORKBOOK]}
    for name, content in tables.items():
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in tables.items()}
    return Received(digests, tuple(refused))

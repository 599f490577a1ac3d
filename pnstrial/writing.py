"""How does a result become a file, without any other file being lost?

Input: a path, the inputs of the run, the bytes or a function that fills a folder.
Output: files and folders that appear whole or not at all; `OutputError` where something would be lost.
Protocol section: none.
Method: all is written beside its place under ``.NAME.partial`` and renamed. What is written carries its SHA-256 (in
the file, or in ``manifest.csv`` of its folder); only what still has it is ever replaced.
Next: `data`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import struct
import zipfile
import zlib
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    import pandas as pd

    PathLike = str | Path

__all__ = [
    "MANIFEST",
    "PARQUET_KEY",
    "GrowingFile",
    "OutputError",
    "digest",
    "like_a_formula",
    "output_file",
    "output_folder",
    "package_digest",
    "read_manifest",
    "spreadsheet_frame",
    "stamped",
    "unchanged",
    "whole_folder",
    "write_file",
]

MANIFEST: Final = "manifest.csv"
"""The list of a folder's files: columns file and sha256."""
_LOCK: Final = "lock"
_FILES: Final = "files"


class OutputError(ValueError):
    """An output that would lose something: nothing was written; the sentence says what to do."""


def digest(data: bytes) -> str:
    """Give the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


# ------------------------------------------------------------------------------------ digests inside a file
_HTML: Final = re.compile(rb'<meta name="pnstrial-sha256" content="([0-9a-f]{64})">')
_SVG: Final = re.compile(rb"<!-- pnstrial-sha256 ([0-9a-f]{64}) -->\n?")
_OFFICE: Final = re.compile(
    rb'<dc:identifier xmlns:dc="http://purl.org/dc/elements/1.1/">pnstrial-sha256 ([0-9a-f]{64})</dc:identifier>'
)
_PDF: Final = re.compile(rb"% pnstrial-sha256 ([0-9a-f]{64})\n?")
_PNG: Final = b"pnstrial-sha256\0"
PARQUET_KEY: Final = "pnstrial-sha256"
"""The key in the footer of a Parquet file under which the digest of its rows stands."""
_PARQUET: Final = re.compile(PARQUET_KEY.encode() + rb".{0,4}?([0-9a-f]{64})", re.DOTALL)
_CORE: Final = "docProps/core.xml"


@cache
def package_digest() -> str:
    """Give one SHA-256 of the package's own files, sorted by name, without compiled ones."""
    root = Path(__file__).parent
    files = [p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    listed = sorted((p.relative_to(root).as_posix(), digest(p.read_bytes())) for p in files)
    return digest("".join(f"{name} {sha}\n" for name, sha in listed).encode())


class _Split(NamedTuple):
    """A file without its digest, the digest that it states, and how to put one in."""

    content: bytes
    stated: str | None


def _without_text(data: bytes, pattern: re.Pattern[bytes]) -> _Split:
    match = pattern.search(data)
    return _Split(pattern.sub(b"", data), match[1].decode() if match else None)


def _png_chunks(data: bytes) -> list[bytes]:
    chunks: list[bytes] = []
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + struct.unpack(">I", data[at : at + 4])[0]
        chunks.append(data[at:end])
        at = end
    return [*chunks, data[at:]]  # what follows the last chunk belongs to the file too


def _without_png(data: bytes) -> _Split:
    chunks = _png_chunks(data)
    mine = [chunk for chunk in chunks if chunk[4:8] == b"tEXt" and chunk[8:].startswith(_PNG)]
    rest = b"".join([data[:8], *(chunk for chunk in chunks if chunk not in mine)])
    return _Split(rest, mine[0][8 + len(_PNG) : -4].decode("latin-1") if mine else None)


def _parquet_rows(data: bytes) -> _Split:
    """Take the rows of a Parquet file and the digest that its footer states."""
    rows = len(data) - 8 - int.from_bytes(data[-8:-4], "little") if len(data) > 12 else 0
    match = _PARQUET.search(data, max(0, rows))
    return _Split(data[: max(0, rows)], match[1].decode() if match else None)


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _without_office(data: bytes) -> _Split:
    try:
        parts = _parts(data)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, EOFError, RuntimeError):
        return _Split(data, None)
    core = _without_text(parts.get(_CORE, b""), _OFFICE)
    parts[_CORE] = core.content
    content = b"".join(
        name.encode() + b"\0" + struct.pack(">Q", len(part)) + part for name, part in sorted(parts.items())
    )
    return _Split(content, core.stated)


def _split(data: bytes, suffix: str) -> _Split | None:
    """Take the digest out of a file; None for a format that has no place for one."""
    if suffix in {".html", ".htm"}:
        return _without_text(data, _HTML)
    if suffix in {".svg", ".pdf"}:
        return _without_text(data, _SVG if suffix == ".svg" else _PDF)
    if suffix == ".parquet":
        return _parquet_rows(data)
    if suffix == ".png":
        return _without_png(data)
    return _without_office(data) if suffix in {".docx", ".xlsx"} else None


def stamped(data: bytes, suffix: str) -> bytes:
    """Put the digest of a file into it, where its format has a place for one.

    Parameters
    ----------
    data : bytes
    suffix : str
        ``.html`` (a meta element), ``.svg`` and ``.pdf`` (a comment), ``.png`` (a text chunk), ``.docx`` and ``.xlsx``
        (the identifier of the document properties); any other format comes back as it is.

    Examples
    --------
    >>> page = stamped(b"<html><head></head></html>", ".html")
    >>> unchanged(page, ".html"), unchanged(page.replace(b"</html>", b"!</html>"), ".html")
    (True, False)
    """
    kind = suffix.lower()
    split = _split(data, kind)
    if split is None or kind == ".parquet":
        return data
    if kind in {".docx", ".xlsx"}:
        return _stamped_office(data, split)
    mark = digest(split.content).encode()
    if kind == ".png":
        body = b"tEXt" + _PNG + mark
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return split.content[:-12] + chunk + split.content[-12:]
    if kind == ".svg":
        return split.content + b"<!-- pnstrial-sha256 " + mark + b" -->\n"
    if kind == ".pdf":
        return split.content + b"% pnstrial-sha256 " + mark + b"\n"
    meta = b'<meta name="pnstrial-sha256" content="' + mark + b'">'
    head = re.search(rb"<head[^>]*>(\s*<meta charset=[^>]*>)?", split.content, re.IGNORECASE)
    at = head.end() if head else 0
    return split.content[:at] + meta + split.content[at:]


def _stamped_office(data: bytes, split: _Split) -> bytes:
    mark = _OFFICE.pattern.replace(rb"([0-9a-f]{64})", digest(split.content).encode())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, part in _parts(data).items():
            held = part
            if name == _CORE:
                held = _OFFICE.sub(b"", part).replace(b"</cp:coreProperties>", mark + b"</cp:coreProperties>")
            # the archive's own clock would make every run another file
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), held, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unchanged(data: bytes, suffix: str) -> bool:
    """Tell whether a file states its own digest and still has it: then nobody has edited it since it was written."""
    split = _split(data, suffix.lower())
    return split is not None and split.stated is not None and split.stated == digest(split.content)


# --------------------------------------------------------------------------------------------- spreadsheets
_NUMBER: Final = r"[+\-\u2212]?(\d+([.,]\d+)?|[.,]\d+)([eE][+-]?\d+)?( ?%)?"
_INTERVAL: Final = rf"{_NUMBER}(( to | ?[\u2013;] ?|, ){_NUMBER})?"
_NUMERIC: Final = re.compile(rf"{_INTERVAL}( ?[(\[]{_INTERVAL}[)\]])?")


def like_a_formula(text: str) -> bool:
    """Tell whether a spreadsheet would take a text for a formula: it begins so, and is no number or interval.

    Examples
    --------
    >>> [like_a_formula(text) for text in ("=1+1", "-cmd", "@x", "-", "-0.5", "-0.5 to 0.3", "a=b")]
    [True, True, True, False, False, False, False]
    """
    return len(text) > 1 and text[0] in "=+-@\t" and not _NUMERIC.fullmatch(text)


def spreadsheet_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame in which no collected text can run as a formula: such cells get a leading apostrophe.

    Returns
    -------
    pandas.DataFrame
        A copy; numbers, dates and other text stay as they are.
    """
    safe = frame.copy()
    for position in range(safe.shape[1]):
        column = safe.iloc[:, position]
        if column.dtype.kind in "OSU" or str(column.dtype) in {"string", "str", "category"}:
            guarded = [
                f"'{cell}" if isinstance(cell, str) and like_a_formula(cell) else cell for cell in column
            ]
            safe.isetitem(position, guarded)
    return safe


# ------------------------------------------------------------------------------------------------- refusals
def _place(path: PathLike) -> Path:
    """Follow the links of a path."""
    if not str(path):
        raise OutputError("the name of the output is empty; give one")
    try:
        return Path(path).resolve()
    except (RuntimeError, OSError) as problem:
        raise OutputError(f"{str(path)!r} leads nowhere ({problem}); give another name") from None


def _refuse_inputs(target: Path, path: PathLike, inputs: Iterable[PathLike | None]) -> None:
    """Refuse a place that is an input, or lies in one."""
    for source in inputs:
        if source is None or not Path(source).exists():
            continue
        held = Path(source).resolve()
        if target == held or (target.exists() and target.samefile(held)):
            raise OutputError(f"{str(path)!r} is an input of this run; give another name for the output")
        if held.is_dir() and held in target.parents:
            raise OutputError(
                f"{str(path)!r} lies in {str(source)!r}, an input of this run, where nothing is written; "
                "give a place outside it"
            )


def _refuse_suffix(path: PathLike, suffixes: Sequence[str]) -> None:
    if suffixes and Path(path).suffix.lower() not in suffixes:
        raise OutputError(
            f"{str(path)!r} must end in {' or '.join(suffixes)}: that is the format that is written"
        )


def _refuse_parent(target: Path, path: PathLike) -> None:
    if not target.parent.is_dir():
        rule = "is a file" if target.parent.exists() else "does not exist"
        folder = target.parent if Path(path).is_symlink() else Path(path).parent
        raise OutputError(
            f"{str(path)!r}: the folder {str(folder)!r} {rule}; make the folder first, or give another"
        )


def output_file(
    path: PathLike, *, suffixes: Sequence[str] = (), inputs: Iterable[PathLike | None] = ()
) -> Path:
    """Ask before the work whether a file may be written.

    Parameters
    ----------
    path : str or Path
    suffixes : sequence of str, optional
        Extensions of the format; a name that ends otherwise is refused.
    inputs : iterable of str, Path or None
        Files and folders that the run reads; the output may be none of them and lie in none.

    Returns
    -------
    Path
        The place, links followed.

    Raises
    ------
    OutputError
        If a file stands there that pnstrial did not write, or that was changed since; if the folder is not there.
    """
    target = _place(path)
    if target.is_dir():
        raise OutputError(f"{str(path)!r} is a folder; name a file in it")
    _refuse_suffix(path, suffixes)
    _refuse_inputs(target, path, inputs)
    _refuse_parent(target, path)
    if target.exists() and not unchanged(target.read_bytes(), target.suffix):
        raise OutputError(
            f"{str(path)!r} is there already, and it was not written by pnstrial or was changed since; "
            "move it away, or give another name"
        )
    return target


def write_file(
    path: PathLike,
    content: str | bytes,
    *,
    suffixes: Sequence[str] = (),
    inputs: Iterable[PathLike | None] = (),
) -> Path:
    """Write one file, whole or not at all, with its digest where the format has a place for it.

    Parameters
    ----------
    path : str or Path
    content : str or bytes
        Text is written as UTF-8.
    suffixes, inputs
        See `output_file`, which is asked first.

    Raises
    ------
    OutputError
        See `output_file`. A file with the very same bytes is left as it is.
    """
    _refuse_suffix(path, suffixes)
    data = content.encode("utf-8") if isinstance(content, str) else content
    data = stamped(data, Path(path).suffix)
    target = _place(path)
    _refuse_inputs(target, path, inputs)
    if target.is_file() and target.read_bytes() == data:
        return Path(path)
    target = output_file(path, suffixes=suffixes, inputs=inputs)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Path(path)


class GrowingFile:
    """A file that is too long for memory: it grows beside its place and is renamed when it is whole.

    Parameters
    ----------
    path : str or Path
    suffixes : sequence of str
        See `output_file`, which is asked first.

    Raises
    ------
    OutputError
        See `output_file`.
    """

    def __init__(self, path: PathLike, suffixes: Sequence[str]) -> None:
        self._target = output_file(path, suffixes=suffixes)
        self._partial = self._target.with_name(f".{self._target.name}.partial")
        self._file: _Hashed | None = None

    def open(self) -> IO[bytes]:
        """Open it for writing."""
        self._file = _Hashed(self._partial, "w")
        return cast("IO[bytes]", self._file)

    def digest(self) -> str:
        """Give the SHA-256 of what was written so far."""
        return hashlib.sha256().hexdigest() if self._file is None else self._file.sha256.hexdigest()

    def put_into_place(self) -> None:
        """Rename it; it is whole."""
        if self._file is not None:
            self._file.close()
            self._partial.replace(self._target)

    def close(self) -> None:
        """Remove what is not whole; after `put_into_place` there is nothing."""
        if self._file is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)


class _Hashed(io.FileIO):
    """A file that hashes what it is given."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        view = memoryview(data)
        written = 0
        while written < view.nbytes:
            written += super().write(view[written:]) or 0
        self.sha256.update(view)
        return written


# -------------------------------------------------------------------------------------------------- folders
def read_manifest(folder: PathLike, name: str = MANIFEST) -> dict[str, str] | None:
    """Give the digest of each file that the manifest of a folder lists; None where there is no manifest.

    Parameters
    ----------
    folder : str or Path
    name : str, default "manifest.csv"

    Returns
    -------
    dict of str or None
        By the path in the folder. A file that is no manifest counts as none.
    """
    try:
        text = (Path(folder) / name).read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    head = rows[0] if rows else []
    if not {"file", "sha256"} <= set(head) or any(len(row) != len(head) for row in rows):
        return None
    listed = {row[head.index("file")]: row[head.index("sha256")] for row in rows[1:]}
    return {
        name: mark
        for name, mark in listed.items()
        if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    }


def _manifest_text(digests: Mapping[str, str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file", "sha256"])
    writer.writerows(sorted(digests.items()))
    return buffer.getvalue()


def _files(folder: Path) -> list[str]:
    """Every file of a folder, by its path in it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _edited(target: Path, listed: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, mark in sorted(listed.items())
        if (target / name).is_file() and digest((target / name).read_bytes()) != mark
    ]


def _listed(target: Path, path: PathLike, manifest: str | None) -> dict[str, str]:
    """Give the files that an earlier run wrote into a folder."""
    if manifest is None or not (target / manifest).exists():
        return {}
    listed = read_manifest(target, manifest)
    if listed is None:
        raise OutputError(f"{str(path)!r} has a {manifest} that is not pnstrial's; give another folder")
    return listed


def _in_the_way(target: Path, name: str) -> list[str]:
    """Name what stands where a file, or a folder on the way to it, would stand."""
    found = [name] if (target / name).exists() else []
    folders = [parent.as_posix() for parent in PurePosixPath(name).parents if parent.name]
    return found + [parent for parent in folders if (target / parent).is_file()]


def output_folder(
    path: PathLike,
    *,
    names: Iterable[str] = (),
    inputs: Iterable[PathLike | None] = (),
    manifest: str | None = MANIFEST,
) -> Path:
    """Ask before the work whether files may be written into a folder.

    Parameters
    ----------
    path : str or Path
        New, empty, or one that pnstrial has written before; other files in it stay.
    names : iterable of str
        Files that will be written, as far as they are known.
    inputs : iterable of str, Path or None
        Files and folders that the run reads; the output may be none of them and lie in none.
    manifest : str or None, default "manifest.csv"
        The file that lists derived files, so that they may be replaced; None for collected tables, which never are.

    Returns
    -------
    Path
        The place, links followed.

    Raises
    ------
    OutputError
        If one of the files is there and not pnstrial's, or was changed since it was written.
    """
    target = _place(path)
    _refuse_inputs(target, path, inputs)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{str(path)!r} is a file; give an empty or a new folder")
    _refuse_parent(target, path)
    listed = _listed(target, path, manifest)
    if edited := _edited(target, listed):
        raise OutputError(
            f"{str(path)!r}: {', '.join(edited)} changed since pnstrial wrote it; move it away, or give another folder"
        )
    free = [name for name in names if name not in listed and name != manifest]
    if there := list(dict.fromkeys(place for name in free for place in _in_the_way(target, name))):
        raise OutputError(
            f"{str(path)!r} already has {', '.join(there)}, which this run may not replace; "
            "move it away, or give an empty or a new folder"
        )
    return target


def _lock(partial: Path) -> Any:
    """Hold a partial folder as long as this process lives; None where another process holds it."""
    file = (partial / _LOCK).open("w")
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        file.close()
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _clear_leftovers(partial: Path, target: Path, path: PathLike, manifest: str | None) -> None:
    """Remove what a killed run left: its partial folder, and those of its files that stand in place already."""
    if not partial.exists():
        return
    if partial.is_file() or (any(partial.iterdir()) and not (partial / _LOCK).is_file()):
        raise OutputError(f"{str(partial)!r} is in the way and was not written by pnstrial; move it away")
    held = _lock(partial)
    if held is None:
        raise OutputError(f"another run is writing {str(path)!r}; wait for it, or give another folder")
    held.close()
    listed = read_manifest(target, manifest) if manifest else None
    finished = listed is not None or not _files(partial / _FILES)
    for name in [] if finished else ("before.csv", "after.csv"):
        for file, mark in (read_manifest(partial, name) or {}).items():
            place = target / file
            if place.is_file() and digest(place.read_bytes()) == mark:
                place.unlink()
    shutil.rmtree(partial)


@contextmanager
def whole_folder(
    path: PathLike,
    *,
    names: Iterable[str] = (),
    inputs: Iterable[PathLike | None] = (),
    manifest: str | None = MANIFEST,
) -> Generator[Path]:
    """Fill a folder whose files appear whole or not at all.

    Parameters
    ----------
    path : str or Path
    names, inputs, manifest
        See `output_folder`, which is asked first. The manifest (columns file and sha256) is written where the block
        did not write it itself; what it lists is replaced by the next run, unless it was changed. It is removed
        first and put into place last.

    Yields
    ------
    Path
        An empty folder beside the place. What stands in it when the block ends well is put into place; after an
        error nothing is.

    Raises
    ------
    OutputError
        See `output_folder`.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp(), "results")
    >>> with whole_folder(place) as folder:
    ...     _ = (folder / "answer.txt").write_text("42")
    >>> sorted(file.name for file in place.iterdir())
    ['answer.txt', 'manifest.csv']
    """
    target = _place(path)
    partial = target.with_name(f".{target.name}.partial")
    _refuse_inputs(target, path, inputs)
    _refuse_parent(target, path)
    _clear_leftovers(partial, target, path, manifest)
    output_folder(path, names=names, inputs=inputs, manifest=manifest)
    partial.mkdir()
    lock = _lock(partial)
    files = partial / _FILES
    try:
        files.mkdir()
        yield files
        ready = _prepared(partial, target, path, manifest=manifest)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        if lock is not None:
            lock.close()
    # from here on a broken run leaves its partial folder, by which the next one knows its files
    _put_into_place(files, target, ready, manifest)
    shutil.rmtree(partial, ignore_errors=True)


class _Ready(NamedTuple):
    """What a folder held of this package's files, and what it will hold."""

    before: dict[str, str]
    after: dict[str, str]


def _prepared(partial: Path, target: Path, path: PathLike, *, manifest: str | None) -> _Ready:
    """Ask again whether all files may be put into place, and note which ones they are."""
    files = partial / _FILES
    after = {name: digest((files / name).read_bytes()) for name in _files(files) if name != manifest}
    if manifest and not (files / manifest).exists():
        (files / manifest).write_text(_manifest_text(after), encoding="utf-8", newline="\n")
    output_folder(path, names=after, manifest=manifest)
    before = _listed(target, path, manifest)
    for name, listed in (("before.csv", before), ("after.csv", after)):
        (partial / name).write_text(_manifest_text(listed), encoding="utf-8", newline="\n")
    return _Ready(before, after)


def _put_into_place(files: Path, target: Path, ready: _Ready, manifest: str | None) -> None:
    if not target.exists():
        files.rename(target)
        return
    if manifest:
        (target / manifest).unlink(missing_ok=True)
    for name in sorted(ready.before.keys() - ready.after.keys()):
        (target / name).unlink(missing_ok=True)
    for name in [*sorted(ready.after), *([manifest] if manifest else [])]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).replace(target / name)

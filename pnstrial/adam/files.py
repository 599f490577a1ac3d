"""How are the datasets handed on: which files stand in the folder?

Input: `AdamDatasets`.
Output: one file per dataset (XPT, Dataset-JSON or Parquet), the specification (CSV, HTML), the list of datasets.
Protocol section: none.
Method: the specification and the files come from the same description. `datasets.csv` states how many records each
file has, because a transport file does not, and a file cut between two records would go unseen.
Next: `read`.
"""

from __future__ import annotations

import codecs
import datetime as dt
import html
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.adam.dataset import AdamFinding, Dataset, finding, typed
from pnstrial.adam.dataset_json import read_dataset_json, write_dataset_json
from pnstrial.adam.derive import AdamDatasets, specification
from pnstrial.adam.long_text import in_pieces, joined
from pnstrial.adam.specification import Variable
from pnstrial.adam.xpt import read_xpt, write_xpt
from pnstrial.data.parquet import ParquetMissingError, pyarrow_parquet
from pnstrial.numerics.signatures import check_signature
from pnstrial.writing import digest, spreadsheet_frame, whole_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMATS", "read_dataset", "write_adam"]

FORMATS: Final = {"xpt": ".xpt", "json": ".json", "parquet": ".parquet"}
SYSTEM: Final = "pnstrial"
RECORD_COUNTS: Final = "datasets.csv"


def write_adam(
    datasets: AdamDatasets,
    folder: str | Path,
    format: str = "xpt",  # noqa: A002 - the field says format
    created: dt.datetime | None = None,
) -> list[Path]:
    """Write the datasets and their specification.

    Parameters
    ----------
    datasets : AdamDatasets
    folder : str or Path
        Made if it is not there. What an earlier run wrote is replaced, unless somebody changed it; other files stay.
    format : {"xpt", "json", "parquet"}
        SAS transport version 5, Dataset-JSON 1.1, or Parquet (labels in the metadata of its fields).
    created : datetime.datetime, optional
        Time of creation in the files, by default now (UTC); with a fixed one, equal data give equal files.

    Returns
    -------
    list of Path
        The files: the datasets, ``specification.csv``, ``specification.html``, ``datasets.csv``, which
        lists them all with their SHA-256: by it the next run knows its files.

    Raises
    ------
    ValueError
        For another format, or a name over 8 characters, a label over 40; if the folder
        would lose a file (`pnstrial.writing.OutputError`).

    Examples
    --------
    >>> import tempfile, pnstrial as pns
    >>> datasets = pns.adam.derive(pns.example_trial(), pns.load_protocol())
    >>> [path.name for path in write_adam(datasets, tempfile.mkdtemp(), format="json")][:3]
    ['adsl.json', 'admrs.json', 'adscale.json']
    """
    check_signature(write_adam, locals())
    if format not in FORMATS:
        raise ValueError(f"format is {format!r}; allowed are {', '.join(FORMATS)}")
    if format == "parquet":
        pyarrow_parquet("format parquet")
    from pnstrial import __version__

    moment = created or dt.datetime.now(dt.UTC)
    names = [f"{name.lower()}{FORMATS[format]}" for name in datasets.datasets]
    described = ["specification.csv", "specification.html"]
    made = [*names, *described, RECORD_COUNTS]
    cut = {name: in_pieces(dataset) for name, dataset in datasets.datasets.items()}
    datasets = replace(datasets, datasets=cut)
    with whole_folder(folder, names=made, inputs=[datasets.source], manifest=RECORD_COUNTS) as where:
        for name, dataset in zip(names, datasets.datasets.values(), strict=True):
            if format == "xpt":
                write_xpt(dataset, where / name, moment)
            elif format == "json":
                write_dataset_json(dataset, where / name, moment, datasets.study, (SYSTEM, __version__))
            else:
                _write_parquet(dataset, where / name)
        table, listing = specification(datasets), datasets.to_frame().assign(file=names)
        spreadsheet_frame(table).to_csv(where / "specification.csv", index=False, lineterminator="\n")
        write_file(where / "specification.html", _page(datasets, table, listing))
        own = pd.DataFrame({"file": described}, dtype=object)
        listing = pd.concat([listing.convert_dtypes(), own], ignore_index=True)
        listing["sha256"] = [digest((where / name).read_bytes()) for name in listing["file"]]
        listing.to_csv(where / RECORD_COUNTS, index=False, lineterminator="\n")
    return [Path(folder) / name for name in made]


def _page(datasets: AdamDatasets, table: pd.DataFrame, listing: pd.DataFrame) -> str:
    """Lay out the specification as one HTML page."""
    title = f"Specification of the ADaM datasets of {datasets.study}"
    parts = [
        "<!DOCTYPE html>",
        f"<html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>",
        "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;font-size:85%}",
        "th,td{border:1px solid #bbb;padding:3px 6px;text-align:left;vertical-align:top}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        (
            f"<p>Protocol {html.escape(str(datasets.provenance.protocol_id))}, version "
            f"{html.escape(str(datasets.provenance.protocol_version))}; pnstrial "
            f"{html.escape(datasets.provenance.package_version)}. Lengths in bytes.</p>"
        ),
        _html_table("Datasets", listing),
    ]
    for name, rows in table.groupby("dataset", sort=False):
        specification = rows.drop(columns=["dataset", "dataset_label"])
        parts.append(_html_table(f"{name}: {rows['dataset_label'].iloc[0]}", specification))
    return "\n".join([*parts, "</body></html>", ""])


def _html_table(title: str, frame: pd.DataFrame) -> str:
    head = "".join(f"<th scope='col'>{html.escape(str(name))}</th>" for name in frame.columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{'' if pd.isna(cell) else html.escape(str(cell))}</td>" for cell in row)
        + "</tr>\n"
        for row in frame.astype(object).to_numpy()
    )
    return (
        f"<h2>{html.escape(title)}</h2>\n<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    )


# ----------------------------------------------------------------------------------------------------- Parquet
_PARQUET_RULE: Final = "SD0062: a dataset must be a valid Parquet file"


def _write_parquet(dataset: Dataset, path: Path) -> None:
    pa, pq = pyarrow_parquet(path.name)
    arrays: list[Any] = []
    fields: list[Any] = []
    lengths = dataset.lengths()
    for variable in dataset.variables:
        kind = {"text": pa.string(), "date": pa.date32()}.get(variable.kind, pa.float64())
        values = dataset.frame[variable.name]
        if variable.kind == "date":
            values = values.to_numpy().astype("datetime64[D]")
        meta = {
            "label": variable.label,
            "length": str(lengths[variable.name]),
            "kind": variable.kind,
            "format": variable.format,
        }
        arrays.append(pa.array(values, type=kind, from_pandas=True))
        fields.append(pa.field(variable.name, kind, metadata=meta))
    meta = {"name": dataset.name, "label": dataset.label, "keys": " ".join(dataset.keys)}
    pq.write_table(pa.table(arrays, schema=pa.schema(fields, metadata=meta)), path)


def _read_parquet(path: Path) -> tuple[Dataset | None, list[AdamFinding]]:
    try:
        pa, pq = pyarrow_parquet(path.name)
    except ParquetMissingError as problem:
        return None, [finding(_PARQUET_RULE, path.name, str(problem))]
    try:
        return _parquet_dataset(path, pa, pq), []
    # damaged bytes come out of the reader as any of these
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as problem:
        text = str(problem).split("\n", 1)[0]
        return None, [finding(_PARQUET_RULE, path.name, "write or transfer the file again", value=text)]


def _parquet_dataset(path: Path, pa: Any, pq: Any) -> Dataset:
    table = pq.read_table(path)
    if len(set(table.schema.names)) < len(table.schema.names):
        raise ValueError("a variable stands twice")
    variables: list[Variable] = []
    columns: dict[str, pd.Series] = {}
    for item in table.schema:
        meta = {key.decode(): value.decode() for key, value in (item.metadata or {}).items()}
        numeric = (
            pa.types.is_integer(item.type)
            or pa.types.is_floating(item.type)
            or pa.types.is_decimal(item.type)
        )
        dated = pa.types.is_date(item.type) or pa.types.is_timestamp(item.type)
        kind: Any = meta.get("kind") or ("date" if dated else "float" if numeric else "text")
        length = int(meta["length"]) if kind == "text" and meta.get("length", "").isdigit() else None
        variable = Variable(
            item.name, meta.get("label", ""), kind, "", "Predecessor", "", length, meta.get("format")
        )
        variables.append(variable)
        columns[item.name] = typed(table.column(item.name).to_pylist(), variable)
    meta = {
        key.decode(): value.decode()
        for key, value in (table.schema.metadata or {}).items()
        if key in {b"name", b"label", b"keys"}
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
    keys = tuple(meta.get("keys", "").split())
    return Dataset(
        meta.get("name", path.stem.upper()), meta.get("label", ""), tuple(variables), frame, keys, path.name
    )


def read_dataset(
    path: str | Path, encoding: str | None = None
) -> tuple[Dataset | None, tuple[AdamFinding, ...]]:
    """Read one dataset from a file.

    Parameters
    ----------
    path : str or Path
        An ``.xpt``, ``.json`` or ``.parquet`` file.
    encoding : str, optional
        Of the text of a transport file, by default UTF-8.

    Returns
    -------
    dataset : Dataset or None
        None where the file cannot be trusted. Texts that stand in pieces (NAME, NAME1, ...) are whole.
    findings : tuple of AdamFinding
        What is wrong with the file; the rules of the standard are asked by `check`.

    Raises
    ------
    ValueError
        If there is no such file, or its name ends otherwise.

    Examples
    --------
    >>> import tempfile, pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.adam.write_adam(pns.adam.derive(pns.example_trial(), pns.load_protocol()), folder)
    >>> dataset, findings = read_dataset(f"{folder}/adsl.xpt")
    >>> dataset.label, len(dataset.frame), findings
    ('Subject-Level Analysis Dataset', 26, ())
    """
    check_signature(read_dataset, locals())
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        raise ValueError(
            f"encoding = {encoding!r} is not known; such as 'windows-1252' or 'latin-1'"
        ) from None
    file = Path(path)
    readers: dict[str, Callable[[Path], tuple[Dataset | None, list[AdamFinding]]]] = {
        ".xpt": lambda where: read_xpt(where, encoding),
        ".json": read_dataset_json,
        ".parquet": _read_parquet,
    }
    if not file.is_file():
        raise ValueError(f"no file {str(path)!r}; give an .xpt, .json or .parquet file")
    if file.suffix.lower() not in readers:
        raise ValueError(f"{file.name} is no dataset; its name must end in {', '.join(readers)}")
    dataset, findings = readers[file.suffix.lower()](file)
    return None if dataset is None else joined(dataset), tuple(findings)

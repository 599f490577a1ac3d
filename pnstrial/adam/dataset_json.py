"""How does a dataset stand in a Dataset-JSON file, and does a file keep to the standard?

Input: a `Dataset`, or a Dataset-JSON 1.1 file.
Output: the file; or the dataset with findings (a broken file is a finding, never an exception).
Protocol section: none.
Method: CDISC Dataset-JSON 1.1; the official JSON schema is shipped with the package and asked of every file read
and written. Beyond the schema: the number of records, the width of each row, and each value against its type.
Next: `conformance`.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd
from jsonschema import Draft201909Validator

from pnstrial.adam.dataset import AdamFinding, Dataset, finding, problems_of, typed
from pnstrial.adam.specification import Variable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from jsonschema import ValidationError

__all__ = ["read_dataset_json", "schema_problems", "write_dataset_json"]

_INVALID: Final = "SD0062: a dataset must be a valid Dataset-JSON 1.1 file"
_TYPES: Final = {"text": "string", "integer": "integer", "float": "float", "date": "date"}
_MOST_LISTED: Final = 20


@cache
def _validator() -> Draft201909Validator:
    file = resources.files("pnstrial.adam") / "dataset-json-1.1.schema.json"
    return Draft201909Validator(json.loads(file.read_text(encoding="utf-8")))


def schema_problems(content: Any) -> list[str]:
    """List how a content departs from the official schema of Dataset-JSON 1.1.

    Parameters
    ----------
    content : any
        What a JSON reader returned.

    Returns
    -------
    list of str
        One sentence each, with the path; empty if it is valid.

    Examples
    --------
    >>> schema_problems({"name": "ADSL"})[0]
    'datasetJSONCreationDateTime is required'
    """
    rows: object = cast("dict[str, Any]", content).get("rows") if isinstance(content, dict) else None
    if isinstance(rows, list):
        content = {
            **content,
            "rows": [],
        }  # a row is any array of values: asking each through a schema is slow
        for number, row in enumerate(cast("list[object]", rows), 1):
            if not isinstance(row, list):
                return [f"rows[{number}] must be an array, not {row!r:.40}"]
    return [_sentence(error) for error in _validator().iter_errors(content)]


def _sentence(error: ValidationError) -> str:
    """Say one departure from the schema, with its path."""
    steps = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path]
    path = "".join(steps).removeprefix(".")
    value = f"{error.instance!r:.40}"
    if error.validator == "required":
        return f"{path}{'.' if path else ''}{error.message.split(chr(39))[1]} is required"
    if error.validator == "additionalProperties":
        return (
            f"{path}{'.' if path else ''}{error.message.split(chr(39))[1]} is not known to Dataset-JSON 1.1"
        )
    if error.validator == "type":
        return f"{path or 'the file'} must be of type {error.validator_value}, not {value}"
    if error.validator == "enum":
        return f"{path} is {value}; allowed are {', '.join(map(str, cast('list[object]', error.validator_value)))}"
    if error.validator == "pattern":
        return f"{path} is {value}, which has not the form of the standard"
    return f"{path}: {error.message}"


def write_dataset_json(
    dataset: Dataset, path: Path, created: dt.datetime, study: str, source: tuple[str, str]
) -> None:
    """Write a dataset as Dataset-JSON 1.1.

    Parameters
    ----------
    dataset : Dataset
    path : Path
    created : datetime.datetime
    study : str
        OID of the study.
    source : tuple of (str, str)
        Name and version of the system that wrote it.

    Raises
    ------
    ValueError
        If a name is over 8 characters, a label over 40 or a text over 200 bytes; it lists them all. The format
        itself has no such limits, but a dataset must mean the same in both.
    """
    from pnstrial.adam.dataset import AdamSpecificationError

    if problems := problems_of(dataset):
        raise AdamSpecificationError(f"{dataset.name} does not fit the standard:\n  " + "\n  ".join(problems))
    moment = created.strftime("%Y-%m-%dT%H:%M:%S")
    columns = [_values(dataset.frame[variable.name], variable) for variable in dataset.variables]
    content = {
        "datasetJSONCreationDateTime": moment,
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"{study}.{dataset.name}",
        "dbLastModifiedDateTime": moment,
        "originator": source[0],
        "sourceSystem": {"name": source[0], "version": source[1]},
        "studyOID": study,
        "metaDataVersionOID": f"MDV.{study}",
        "itemGroupOID": f"IG.{dataset.name}",
        "records": len(dataset),
        "name": dataset.name,
        "label": dataset.label,
        "columns": [_column(dataset, variable, length) for variable, length in _with_lengths(dataset)],
        "rows": [list(row) for row in zip(*columns, strict=True)],
    }
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(content, file, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def _with_lengths(dataset: Dataset) -> list[tuple[Variable, int]]:
    lengths = dataset.lengths()
    return [(variable, lengths[variable.name]) for variable in dataset.variables]


def _column(dataset: Dataset, variable: Variable, length: int) -> dict[str, object]:
    column: dict[str, object] = {
        "itemOID": f"IT.{dataset.name}.{variable.name}",
        "name": variable.name,
        "label": variable.label,
        "dataType": _TYPES[variable.kind],
    }
    if variable.kind == "date":
        column["targetDataType"] = "integer"
    if variable.is_text:
        column["length"] = length
    if variable.format:
        column["displayFormat"] = f"{variable.format}."
    if variable.name in dataset.keys:
        column["keySequence"] = dataset.keys.index(variable.name) + 1
    return column


def _values(column: pd.Series, variable: Variable) -> list[object]:
    if variable.kind == "date":
        days = column.to_numpy().astype("datetime64[D]")
        return [None if np.isnat(day) else str(day) for day in days]
    if variable.is_text:
        return [value if isinstance(value, str) else None for value in column]
    numbers = [float(value) for value in column]
    if variable.kind == "integer" and any(not (math.isnan(n) or n.is_integer()) for n in numbers):
        raise ValueError(f"{variable.name} is an integer variable and holds a fraction")
    return [None if math.isnan(n) else int(n) if n.is_integer() else n for n in numbers]


class _Invalid(Exception):  # noqa: N818 - a verdict on a file, not an error of the program
    """A file that is no Dataset-JSON, with what is wrong."""


def _no_constant(name: str) -> float:
    raise _Invalid(f"{name} is no JSON value; a missing number is null")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Invalid(f"the attribute {twice!r} stands twice")
    return content


def read_dataset_json(path: Path) -> tuple[Dataset | None, list[AdamFinding]]:
    """Read a Dataset-JSON 1.1 file.

    Returns
    -------
    dataset : Dataset or None
        None where the file cannot be trusted.
    findings : list of AdamFinding
        SD0062 for a file that is no JSON, is cut or departs from the schema; SD0059 for a value that is not of
        its variable's type.
    """
    try:
        content = json.loads(
            path.read_bytes().decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_no_twice
        )
    except (ValueError, RecursionError, _Invalid) as problem:
        remedy = "write or transfer the file again; it may be cut"
        return None, [finding(_INVALID, path.name, remedy, value=str(problem)[:200])]
    problems = schema_problems(content)
    if not problems:
        problems = list(_beyond_schema(content))
    if problems:
        remedy = "correct the program that wrote the file"
        return None, [
            finding(_INVALID, path.name, remedy, value=problem) for problem in problems[:_MOST_LISTED]
        ]
    variables = tuple(_variable(column) for column in content["columns"])
    rows = cast("list[list[Any]]", content.get("rows", []))
    found: list[AdamFinding] = []
    columns: dict[str, pd.Series] = {}
    for place, variable in enumerate(variables):
        values = [row[place] for row in rows]
        columns[variable.name] = _typed(
            values, variable, content["columns"][place]["dataType"], path.name, found
        )
    ordered = sorted(
        (column["keySequence"], column["name"]) for column in content["columns"] if "keySequence" in column
    )
    keys = tuple(str(name) for _, name in ordered)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
    return Dataset(content["name"], content["label"], variables, frame, keys, path.name), found


def _beyond_schema(content: dict[str, Any]) -> Iterator[str]:
    names = [column["name"] for column in content["columns"]]
    yield from (
        f"the variable {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1})
    )
    rows = content.get("rows", [])
    if not names:
        yield "columns is empty"
    if len(rows) != content["records"]:
        yield f"records is {content['records']}, but there are {len(rows)} rows: the file is cut"
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            yield f"rows[{number}] has {len(row)} values, but there are {len(names)} columns"


def _variable(column: dict[str, Any]) -> Variable:
    data_type = column["dataType"]
    kind = {"integer": "integer", "date": "date"}.get(data_type) or (
        "float" if data_type in ("float", "double", "decimal") else "text"
    )
    display = str(column.get("displayFormat", "")).rstrip(".")
    return Variable(
        column["name"],
        column["label"],
        cast("Any", kind),
        "",
        "Predecessor",
        "",
        column.get("length") or 1,
        display,
    )


def _typed(
    values: list[Any], variable: Variable, data_type: str, file: str, found: list[AdamFinding]
) -> pd.Series:
    """Give a column its type; a value of another type is a finding and missing."""
    clean: list[Any] = []
    for line, value in enumerate(values, 1):
        try:
            clean.append(None if value is None else _read(value, data_type))
        except (ValueError, TypeError, OverflowError):
            rule = f"SD0059: a value must be of its variable's type ({data_type})"
            found.append(
                finding(
                    rule, file, "correct the value or the type", line=line, column=variable.name, value=value
                )
            )
            clean.append(None)
    return typed(clean, variable)


def _read(value: Any, data_type: str) -> Any:
    if data_type in ("integer", "float", "double"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(value)
        if data_type == "integer" and not float(value).is_integer():
            raise ValueError(value)
        return float(value)
    if data_type == "boolean":
        if not isinstance(value, bool):
            raise TypeError(value)
        return "Y" if value else "N"
    if not isinstance(value, str):
        raise TypeError(value)
    if data_type == "decimal":
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(value)
        return number
    if data_type == "date" and value.strip():
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError(value)
        return np.datetime64(value, "s")
    return value

"""What is a dataset, whatever file it stands in?

Input: a frame and the description of its variables.
Output: `Dataset`; `AdamFinding` (a finding with the id of the rule); `problems_of` before anything is written.
Protocol section: none.
Method: text is str or None (a SAS blank is missing), numbers are floats with nan, dates are datetime64.
The length of a text variable is the longest value in bytes of UTF-8, as rule SD1082 asks.
Next: `xpt`, `dataset_json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.adam.specification import (
    CODELISTS,
    LABEL_LENGTH,
    TEXT_BYTES,
    DatasetSpecification,
    Variable,
    name_is_legal,
)
from pnstrial.data import Finding
from pnstrial.numerics.signatures import check_signature
from pnstrial.writing import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pnstrial.data.findings import Severity

__all__ = [
    "AdamFinding",
    "AdamSpecificationError",
    "Dataset",
    "as_frame",
    "finding",
    "problems_of",
    "specification_rows",
]

DATE_UNIT = "datetime64[s]"
NUMERIC_BYTES = 8


@dataclass(frozen=True)
class AdamFinding(Finding):
    """A finding on ADaM or SDTM input; its rule opens with the id of the rule, such as AD0154."""

    @property
    def rule_id(self) -> str:
        """The id of the rule."""
        return self.rule.split(":", 1)[0]


def finding(
    rule: str,
    file: str,
    remedy: str,
    *,
    line: int | None = None,
    patient: Any = None,
    column: str | None = None,
    value: Any = None,
    severity: Severity = "error",
) -> AdamFinding:
    """Make a finding; the line is the number of the record, from 1."""
    who = None if pd.isna(patient) else str(patient)
    return AdamFinding(file, line, who, column, None if value is None else str(value), rule, severity, remedy)


class AdamSpecificationError(ValueError):
    """Datasets that no file may hold as they are: names, labels or texts that are too long."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One dataset: records and the description of each variable.

    Attributes
    ----------
    name, label : str
        Such as ADSL, and what it is.
    variables : tuple of Variable
        In the order of the frame's columns.
    frame : pandas.DataFrame
        One row per record.
    keys : tuple of str
        Variables that identify a record; empty where the file does not say.
    file : str
        Where it was read from; empty for a derived dataset.
    long_texts : tuple of str
        Text variables that stand in a file in pieces of at most 200 bytes: NAME, NAME1, NAME2, ...
    """

    name: str
    label: str
    variables: tuple[Variable, ...]
    frame: pd.DataFrame = field(repr=False)
    keys: tuple[str, ...] = ()
    file: str = ""
    long_texts: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of names, labels and values: equal for equal data, whatever file they stand in."""
        described = [(variable.name, variable.label, variable.is_text) for variable in self.variables]
        rows = self.frame.astype(object).where(self.frame.notna(), None).to_numpy().tolist()
        return digest(json.dumps([self.name, self.label, described, rows], default=str).encode())

    @property
    def where(self) -> str:
        """The file, or the name of a dataset that was not read."""
        return self.file or self.name

    def variable(self, name: str) -> Variable:
        """Give the description of one variable."""
        check_signature(Dataset.variable, locals())
        for variable in self.variables:
            if variable.name == name:
                return variable
        names = ", ".join(variable.name for variable in self.variables)
        raise ValueError(f"{self.name} has no variable {name!r}; it has {names}")

    def lengths(self) -> dict[str, int]:
        """Give the length of each variable in bytes: 8 for a number, the longest value for text (at least 1)."""
        return {
            variable.name: (variable.length or text_bytes(self.frame[variable.name]))
            if variable.is_text
            else NUMERIC_BYTES
            for variable in self.variables
        }

    def __contains__(self, name: str) -> bool:
        return name in self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)


def text_bytes(values: pd.Series) -> int:
    """Give the longest text in bytes of UTF-8, at least 1 (SAS has no variable of length 0)."""
    return max((len(value.encode()) for value in values if isinstance(value, str)), default=1) or 1


def as_frame(rows: Iterable[dict[str, Any]], variables: tuple[Variable, ...]) -> pd.DataFrame:
    """Make the frame of a dataset: columns in order, text with None, numbers with nan, dates with NaT."""
    rows = list(rows)
    columns: dict[str, Any] = {}
    for variable in variables:
        values = [row.get(variable.name) for row in rows]
        columns[variable.name] = typed(values, variable)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def typed(values: list[Any], variable: Variable) -> pd.Series:
    """Give one column its type."""
    if variable.is_text:
        return pd.Series([None if _blank(value) else str(value) for value in values], dtype=object)
    if variable.kind == "date":
        stamps = [
            np.datetime64("NaT", "s") if _blank(value) else np.datetime64(value, "s") for value in values
        ]
        return pd.Series(np.array(stamps, dtype=DATE_UNIT))
    return pd.Series([np.nan if _blank(value) else float(value) for value in values], dtype=float)


def _blank(value: Any) -> bool:
    return bool(pd.isna(value)) or (isinstance(value, str) and not value.strip())


def problems_of(dataset: Dataset) -> list[str]:
    """List what keeps a dataset out of a transport file: each name, label or text that is too long."""
    problems: list[str] = []
    if not name_is_legal(dataset.name):
        problems.append(f"dataset name {dataset.name!r}: {_NAME_RULE}")
    if len(dataset.label.encode()) > LABEL_LENGTH:
        problems.append(f"{dataset.name}: {_label_rule(dataset.label)}")
    for variable in dataset.variables:
        place = f"{dataset.name}.{variable.name}"
        if not name_is_legal(variable.name):
            problems.append(f"{place}: {_NAME_RULE}")
        if len(variable.label.encode()) > LABEL_LENGTH:
            problems.append(f"{place}: {_label_rule(variable.label)}")
        if variable.is_text and variable.name not in dataset.long_texts:
            for row, value in enumerate(dataset.frame[variable.name], 1):
                if isinstance(value, str) and (size := len(value.encode())) > TEXT_BYTES:
                    patient = dataset.frame["USUBJID"].iloc[row - 1] if "USUBJID" in dataset else "?"
                    problems.append(
                        f"{place} record {row} ({patient}): text of {size} bytes, at most {TEXT_BYTES} fit;"
                        f" shorten {value[:40]!r}... in the source"
                    )
    return problems


_NAME_RULE = "AD0013: at most 8 characters, A-Z, 0-9 and _, the first a letter; rename it"


def _label_rule(label: str) -> str:
    return f"AD0016: label {label!r} has {len(label.encode())} bytes, at most {LABEL_LENGTH} fit; shorten it"


def specification_rows(
    name: str, label: str, variables: tuple[Variable, ...], keys: tuple[str, ...], lengths: dict[str, int]
) -> list[dict[str, object]]:
    """Describe each variable of a dataset in one row."""
    return [
        {
            "dataset": name,
            "dataset_label": label,
            "order": order,
            "variable": variable.name,
            "label": variable.label,
            "type": variable.sas_type,
            "data_type": variable.kind,
            "length": lengths[variable.name],
            "format": f"{variable.format}." if variable.format else "",
            "key": keys.index(variable.name) + 1 if variable.name in keys else None,
            "codelist": CODELISTS[variable.codelist].name if variable.codelist else "",
            "terms": "; ".join(CODELISTS[variable.codelist].terms) if variable.codelist else "",
            "origin": variable.origin,
            "source": variable.source,
        }
        for order, variable in enumerate(variables, 1)
    ]


def declared_lengths(item: DatasetSpecification) -> dict[str, int]:
    """Give the most bytes that a variable may need, where no data decide."""
    return {
        variable.name: max((len(term.encode()) for term in CODELISTS[variable.codelist].terms), default=1)
        if variable.codelist
        else (TEXT_BYTES if variable.is_text else NUMERIC_BYTES)
        for variable in item.variables
    }

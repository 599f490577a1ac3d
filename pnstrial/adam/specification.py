"""Which variables does each ADaM dataset carry, and what may stand in them?

Input: ``specification.toml``, the one description of the datasets for derivation, files, tables and checks.
Output: `DATASETS` (name, label, structure, keys, variables), `CODELISTS` and `STANDARD_LABELS`.
Protocol section: none; the variables are the same under every protocol.
Method: ADaM Implementation Guide 1.3 (names, labels, order); CDISC controlled terminology (codelist values).
Next: `dataset`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal

__all__ = [
    "CODELISTS",
    "DATASETS",
    "STANDARD_LABELS",
    "Codelist",
    "DatasetSpecification",
    "Variable",
    "name_is_legal",
]

Kind = Literal["text", "integer", "float", "date"]

NAME_LENGTH: Final = 8
LABEL_LENGTH: Final = 40
TEXT_BYTES: Final = 200


def name_is_legal(name: str) -> bool:
    """Say whether a variable, dataset or parameter code has at most 8 characters and starts with a letter."""
    return re.fullmatch(r"[A-Z][A-Z0-9_]{0,7}", name) is not None


@dataclass(frozen=True)
class Codelist:
    """The terms of a variable.

    Parameters
    ----------
    name : str
        Name of the codelist; a CDISC one carries its NCI code.
    terms : tuple of str
    extensible : bool
        A term beyond these is worth a warning only, not an error.
    """

    name: str
    terms: tuple[str, ...]
    extensible: bool = False


@dataclass(frozen=True)
class Variable:
    """One variable of a dataset.

    Parameters
    ----------
    name, label : str
        At most 8 and 40 characters.
    kind : {"text", "integer", "float", "date"}
        Text is a SAS character variable, the others are numeric; a date has the format DATE9.
    codelist : str
        Key of `CODELISTS`, or empty.
    origin : str
        Collected, Derived, Assigned, Protocol or Not Available (Define-XML 2.1 terms).
    source : str
        The collected column, or the rule that derives the variable.
    length : int or None
        Bytes of a text variable in the file it was read from; None where the data decide.
    display_format : str or None
        SAS format; None means that of the kind.
    """

    name: str
    label: str
    kind: Kind
    codelist: str = ""
    origin: str = "Derived"
    source: str = ""
    length: int | None = None
    display_format: str | None = None

    @property
    def is_text(self) -> bool:
        """A SAS character variable."""
        return self.kind == "text"

    @property
    def sas_type(self) -> str:
        """Char or Num."""
        return "Char" if self.is_text else "Num"

    @property
    def format(self) -> str:
        """SAS format without the dot, empty for none."""
        if self.display_format is not None:
            return self.display_format
        return "DATE9" if self.kind == "date" else ""


@dataclass(frozen=True)
class DatasetSpecification:
    """One dataset: its name, label, class, keys and variables in order."""

    name: str
    label: str
    structure: str
    row: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]


_CONTENT: Final[dict[str, Any]] = tomllib.loads(
    (resources.files("pnstrial.adam") / "specification.toml").read_text(encoding="utf-8")
)

CODELISTS: Final = {
    key: Codelist(entry["name"], tuple(entry["terms"]), entry.get("extensible", False))
    for key, entry in _CONTENT["codelists"].items()
}
"""Codelists by the key that a variable names."""


def _variables(entry: dict[str, Any]) -> list[list[Any]]:
    """Give the variables of a dataset, or of the one that it is like with some of them changed."""
    own: list[list[Any]] = entry["variables"]
    if "like" not in entry:
        return own
    changed = {cells[0]: cells for cells in own}
    model: list[list[Any]] = _CONTENT["datasets"][entry["like"]]["variables"]
    return [changed.get(cells[0], cells) for cells in model]


DATASETS: Final = {
    name: DatasetSpecification(
        name, entry["label"], entry["structure"], entry["row"], tuple(entry["keys"]),
        tuple(Variable(*cells) for cells in _variables(entry)),
    )
    for name, entry in _CONTENT["datasets"].items()
}  # fmt: skip
"""The datasets by name, in the order in which they are written: ADMRS where the mRS is rated, ADEFF where the endpoint
is on another scale."""

STANDARD_LABELS: Final[dict[str, str]] = {
    variable.name: variable.label
    for dataset in DATASETS.values()
    for variable in dataset.variables
    if variable.name not in _CONTENT["own"]
} | _CONTENT["standard_labels"]
"""Labels that the ADaM Implementation Guide gives; variables of our own have none."""

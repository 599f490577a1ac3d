"""Which record of which SDTM domain fills which cell, in the words of a protocol?

Input: a mapping file and a `Protocol`.
Output: the mapping, checked, with the protocol's drugs, scales and arms where it says ``words = "protocol"``.
Protocol section: treatment, scales, arms.
Method: a drug is known by its name, its other names or the class of medications that is its alone; a scale by the
code that its parameter has in ADaM, or its name; an arm by its name or label.
Next: `adam.sdtm`.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pnstrial.adam.efficacy import parameter_of
from pnstrial.data.allowed import allowed_by, tables_under
from pnstrial.data.schema import TABLES, bare
from pnstrial.vocabulary import bare_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pnstrial.protocol import Protocol

__all__ = ["ProtocolWords", "SdtmMappingError", "default_mapping", "read_mapping", "under_protocol"]

_TABLE_KEYS: Final = {"table", "domain", "where", "where_not", "columns", "daily"}
_CELL_KEYS: Final = {"table", "column", "domain", "where", "where_not", "value", "pick", "result", "names"}
_COLUMN_KEYS: Final = {"variable", "variables", "words", "other", "pattern", "factors", "constant"}
_PICKS: Final = ("first", "last", "all", "positives", "same day")
_OF_PROTOCOL: Final = "protocol"
_OWN_WORDS: Final = (("infusions", "drug"), ("scales", "scale"), ("screening", "arm"))
"""The columns whose words are those of the protocol."""


class SdtmMappingError(ValueError):
    """A mapping file that cannot be used; the message lists every wrong key with what is allowed."""


def default_mapping() -> str:
    """Give the text of the shipped mapping file, to be copied and changed.

    Returns
    -------
    str
        TOML.

    Examples
    --------
    >>> default_mapping().splitlines()[0]
    '# From SDTM to the collected tables: which record of which domain fills which cell.'
    """
    return (resources.files("pnstrial.adam") / "sdtm-map.toml").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------- words of the protocol
@dataclass(frozen=True)
class ProtocolWords:
    """How the drugs, scales or arms of a protocol are known in SDTM.

    Attributes
    ----------
    words : dict of str
        The word of the tables by what SDTM calls it, bare. The only drug of a protocol is a blank, as in its tables.
    names : tuple of str
        What the protocol calls them.
    protocol : Protocol or None
        Whose medications tell a drug by its class; None where classes tell nothing.
    """

    words: dict[str, str]
    names: tuple[str, ...]
    protocol: Protocol | None = field(default=None, repr=False)

    @property
    def required(self) -> bool:
        """Whether a blank would be taken for another word: with several drugs it means the first."""
        return self.protocol is not None and len(self.names) > 1

    def find(self, text: str) -> str | None:
        """Give the word that is meant; None where the protocol has none."""
        exact = self.words.get(bare(text))
        if exact is not None or self.protocol is None or not text:
            return exact
        names, drugs = bare_words(text), self.protocol.drugs
        found = {drug.name for drug in drugs if any(bare_words(n) in names for n in (drug.name, *drug.names))}
        if not found:
            classes = self.protocol.medications
            own = {drug.name: classes.classes(drug.name, None) or frozenset[str]() for drug in drugs}
            group = classes.classes(text, None) or frozenset[str]()
            found = {name for name, wanted in own.items() if wanted and group >= wanted}
        return self.words[bare(found.pop())] if len(found) == 1 else None


def _words_of(protocol: Protocol, table: str) -> ProtocolWords:
    if table == "infusions":
        several = len(protocol.drugs) > 1
        names = {name: drug.name for drug in protocol.drugs for name in (*drug.names, drug.name)}
        words = {bare(name): word if several else "" for name, word in names.items()}
        return ProtocolWords(words, tuple(drug.name for drug in protocol.drugs), protocol)
    if table == "screening":
        arms = {bare(name): arm.name for arm in protocol.arms for name in (arm.label or "", arm.name) if name}
        return ProtocolWords(arms, tuple(arm.name for arm in protocol.arms))
    scales = [scale for scale in protocol.scales if scale.table == table]
    called = {name: scale.name for scale in scales for name in (scale.title, scale.name) if name}
    codes = {parameter_of(protocol, scale)[0]: scale.name for scale in scales}
    words = {bare(name): word for name, word in {**called, **codes}.items()}
    return ProtocolWords(words, tuple(scale.name for scale in scales))


def under_protocol(content: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Put the words of a protocol into a mapping, and leave out the columns that its tables do not have.

    Parameters
    ----------
    content : dict
        As `read_mapping` gives it.
    protocol : Protocol

    Returns
    -------
    dict
        A copy; a setting that was "protocol" is a `ProtocolWords`.
    """
    tables = tables_under(allowed_by(protocol))
    found = {**content, "table": [], "cell": []}
    for item in content.get("table", []):
        columns = item.get("columns", {})
        kept = {name: rule for name, rule in columns.items() if name in tables[item["table"]].by_name}
        found["table"].append({**item, **_worded(item, kept, protocol)})
    for item in content.get("cell", []):
        if item["column"] in tables[item["table"]].by_name:
            made = _worded(item, {item["column"]: item["value"]}, protocol)
            found["cell"].append({**item, **made, "value": made.pop("columns")[item["column"]]})
    return found


def _worded(item: dict[str, Any], columns: dict[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Give the columns and the conditions of an item with the words of the protocol in them."""
    words = _words_of(protocol, item["table"])

    def own(rule: Any) -> bool:
        return isinstance(rule, dict) and cast("dict[str, Any]", rule).get("words") == _OF_PROTOCOL

    made: dict[str, Any] = {
        "columns": {name: {**rule, "words": words} if own(rule) else rule for name, rule in columns.items()}
    }
    for key in ("where", "where_not"):
        made[key] = {
            name: words if values == _OF_PROTOCOL else values for name, values in item.get(key, {}).items()
        }
    return made


# ------------------------------------------------------------------------------------------------------ mapping
def read_mapping(path: str | Path | None) -> dict[str, Any]:
    """Read a mapping file, or the shipped one.

    Raises
    ------
    SdtmMappingError
        With everything that is wrong in it.
    """
    where = "the shipped mapping" if path is None else str(path)
    if path is not None and not Path(path).is_file():
        raise SdtmMappingError(
            f"no mapping file {where!r}; copy the shipped one: pnstrial from-sdtm --print-map"
        )
    try:
        content = tomllib.loads(default_mapping() if path is None else Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SdtmMappingError(f"{where} is no TOML file: {problem}") from None
    if problems := [*_shape_problems(content), *_mapping_problems(_sound_part(content))]:
        raise SdtmMappingError(f"{where} cannot be used:\n  " + "\n  ".join(problems))
    return content


_SHAPES: Final[dict[str, str]] = {
    "table": "text", "domain": "text", "column": "text", "pick": "text", "result": "text", "subject": "text",
    "where": "lists", "where_not": "lists", "columns": "columns", "daily": "daily", "names": "words", "value": "column",
    "variable": "text", "variables": "list", "words": "words", "other": "text", "pattern": "pattern",
    "factors": "factors", "constant": "scalar",
}  # fmt: skip
_EXPECTED: Final = {
    "text": "text", "scalar": "text or a number", "list": "a list of texts",
    "lists": 'a table of lists of texts, or of "protocol"',
    "words": 'a table of texts, or "protocol"', "pattern": "a regular expression", "columns": "a table",
    "column": "text or a table", "factors": "a table of numbers with by = a variable",
    "daily": "a table with start, end, frequency and once_a_day (a list)",
}  # fmt: skip


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in cast("list[Any]", value))


def _of_shape(value: Any, shape: str) -> bool:  # noqa: PLR0911 - one return for each shape
    """Tell whether a setting of a mapping is of the kind that its key has."""
    if shape in {"text", "scalar"}:
        return isinstance(value, str) or (shape == "scalar" and isinstance(value, int | float))
    if shape == "list":
        return _texts(value)
    if shape == "pattern":
        try:
            return isinstance(value, str) and bool(re.compile(value))
        except re.error:
            return False
    if (shape == "column" and isinstance(value, str)) or (shape == "words" and value == _OF_PROTOCOL):
        return True
    if not isinstance(value, dict):
        return False
    inner = cast("dict[str, Any]", value)
    if shape == "lists":
        return all(_texts(words) or words == _OF_PROTOCOL for words in inner.values())
    if shape == "words":
        return all(isinstance(word, str | int | float) for word in inner.values())
    if shape == "factors":
        numbers = [number for key, number in inner.items() if key != "by"]
        return isinstance(inner.get("by"), str) and all(
            isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
            for number in numbers
        )
    if shape == "daily":
        return (
            _texts(inner.get("once_a_day"))
            and bool(inner["once_a_day"])
            and all(isinstance(inner.get(key), str) for key in ("start", "end", "frequency"))
        )
    return True


def _shape_problems(content: dict[str, Any]) -> Iterator[str]:
    """Name every setting that is of another kind than its key has."""
    if not _of_shape(content.get("subject", ""), "text"):
        yield "subject must be text"
    for kind in ("table", "cell", "ignore"):
        items = content.get(kind, [])
        if not isinstance(items, list) or not all(
            isinstance(item, dict) for item in cast("list[Any]", items)
        ):
            yield f"[[{kind}]] must be tables of their own"
            continue
        for number, item in enumerate(cast("list[dict[str, Any]]", items), 1):
            yield from _item_problems(f"[[{kind}]] {number}", item)


def _sound_part(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out the settings that are of the wrong kind and were named for it."""

    def sound(item: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in item.items() if not list(_item_problems("", {key: value}))}

    part = dict(content)
    for kind in ("table", "cell", "ignore"):
        items = content.get(kind, [])
        listed = cast("list[Any]", items) if isinstance(items, list) else []
        part[kind] = []
        for item in listed:
            if isinstance(item, dict):
                own = cast("dict[str, Any]", item)
                columns = own.get("columns")
                whole = sound({key: value for key, value in own.items() if key != "columns"})
                if isinstance(columns, dict):
                    kept = {name: {"columns": {name: column}} for name, column in columns.items()}
                    whole["columns"] = {name: columns[name] for name, one in kept.items() if sound(one)}
                part[kind].append(whole)
    return part


def _item_problems(place: str, item: dict[str, Any]) -> Iterator[str]:
    for key, value in item.items():
        shape = _SHAPES.get(key, "text")
        if not _of_shape(value, shape):
            yield f"{place}: {key} must be {_EXPECTED[shape]}"
        elif shape == "columns":
            for name, column in value.items():
                if not _of_shape(column, "column"):
                    yield f"{place}, {name}: give the name of a variable, or a table"
                elif isinstance(column, dict):
                    yield from _item_problems(f"{place}, {name}", cast("dict[str, Any]", column))
        elif shape == "column" and isinstance(value, dict):
            yield from _item_problems(f"{place}, {key}", cast("dict[str, Any]", value))


def _mapping_problems(content: dict[str, Any]) -> Iterator[str]:
    yield from (f"{key} is not known" for key in content.keys() - {"subject", "table", "cell", "ignore"})
    for kind, allowed in (
        ("table", _TABLE_KEYS),
        ("cell", _CELL_KEYS),
        ("ignore", {"domain", "where", "where_not"}),
    ):
        for number, item in enumerate(content.get(kind, []), 1):
            place = f"[[{kind}]] {number}"
            yield from (
                f"{place}: {key} is not known; known are {', '.join(sorted(allowed))}"
                for key in item.keys() - allowed
            )
            if "domain" not in item:
                yield f"{place}: domain is required"
            if kind == "ignore":
                continue
            if item.get("table") not in TABLES:
                yield f"{place}: table is {item.get('table')!r}; allowed are {', '.join(TABLES)}"
                continue
            yield from _column_problems(place, item, kind)


def _column_problems(place: str, item: dict[str, Any], kind: str) -> Iterator[str]:
    table = TABLES[item["table"]]
    if kind == "table":
        columns = item.get("columns", {})
    else:
        if not {"column", "value"} <= item.keys():
            yield f"{place}: column and value are required"
            return
        columns = {item["column"]: item["value"]}
        if item.get("pick") not in _PICKS:
            yield f"{place}: pick is {item.get('pick')!r}; allowed are {', '.join(_PICKS)}"
        if item.get("pick") == "positives" and not {"names", "result"} <= item.keys():
            yield f"{place}: pick = 'positives' needs names and result"
    for name, value in columns.items():
        has = name in table.by_name or (table.name, name) in _OWN_WORDS
        if not has or name == "patient_id":
            yield f"{place}: {table.name} has no column {name!r} to fill"
        if isinstance(value, dict):
            wrong = cast("dict[str, Any]", value).keys() - _COLUMN_KEYS
            yield from (
                f"{place}, {name}: {key} is not known; known are {', '.join(sorted(_COLUMN_KEYS))}"
                for key in wrong
            )
            if value.get("words") == _OF_PROTOCOL and (table.name, name) not in _OWN_WORDS:
                yield f"{place}, {name}: the protocol has no words of its own for it; words must be a table of texts"
        elif not isinstance(value, str):
            yield f"{place}, {name}: give the name of a variable, or a table"

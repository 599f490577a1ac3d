"""What does a file of settings say, and what is wrong with it?

Input: a TOML file, by shipped name or path, and the model that it must fit.
Output: the settings with those of the file that it is based on; one error with every wrong key, its value and the
form that is wanted.
Protocol section: all of them; a scenario is read in the same way.
Method: tables are laid over key by key, lists of tables entry by entry (by `id` or `name`), lists of plain values
whole. The wanted form of a key is read off the JSON Schema of the model.
Next: `protocol`.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

__all__ = [
    "ASSUMED",
    "Part",
    "Setting",
    "SettingsFiles",
    "Sourced",
    "drop_entries",
    "entry_key",
    "format_errors",
    "lay_over",
    "of_percent",
    "read_value",
    "shared_settings",
]

Table = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)

ASSUMED = "assumed"
"""The source of a setting that no source states."""
_KEYS = ("id", "name")
_NOTHING = (None, ())
"""What needs no source: nothing is stated."""


class Part(BaseModel):
    """A frozen part of a file of settings; a key that it does not have is an error, and so is text for a number."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: Any) -> Any:
        return _with_tuples(data)


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in cast("list[Any]", value))
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in cast("Table", value).items()}
    return value


class Sourced(Part):
    """A part in which every setting names its source."""

    source: dict[str, str] = Field(
        description="source of each setting, or one of them all, or 'assumed'", repr=False
    )
    tables: ClassVar[tuple[str, ...]] = ()
    """Settings that are lists of tables, each with its own sources."""

    @model_validator(mode="before")
    @classmethod
    def _what_is_left_out_is_assumed(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(cast("Table", data).get("source"), dict | str):
            return cast("Any", data)
        table = dict(cast("Table", data))
        if isinstance(table["source"], str):  # one source of all that the part states
            stated = [key for key in table if key in cls.model_fields and key not in {"source", *_KEYS}]
            table["source"] = dict.fromkeys(stated, table["source"])
        table["source"] = {key: why for key, why in table["source"].items() if key not in cls.tables}
        left_out = [
            name
            for name, field in cls.model_fields.items()
            if name not in table
            and name != "source"
            and not field.is_required()
            and field.default_factory is None
            and field.default not in _NOTHING
        ]
        return {**table, "source": {**dict.fromkeys(left_out, ASSUMED), **table["source"]}}

    @model_validator(mode="after")
    def _every_setting_has_a_source(self) -> Self:
        fields = set(type(self).model_fields) - {"source", "name", *self.tables}
        given = {key for key in fields if getattr(self, key) not in _NOTHING}
        if missing := sorted(given - self.source.keys()):
            raise ValueError(f'no source for {", ".join(missing)}: name one of [sources], or "assumed"')
        if unknown := sorted(self.source.keys() - fields):
            raise ValueError(f"source names {', '.join(unknown)}, which is no setting here")
        return self


@dataclass(frozen=True)
class Setting:
    """One setting of a protocol.

    Attributes
    ----------
    key : str
        Where it stands, such as ``criteria.I4.maximum``.
    value : object
        None where it is not set.
    source : str or None
        Key of a source, or "assumed" and why; empty where none is asked for; None if there is no such setting.
    """

    key: str
    value: Any = None
    source: str | None = None

    @property
    def assumed(self) -> bool:
        """Whether no source states it."""
        return (self.source or "").startswith(ASSUMED)

    def in_words(self) -> str:
        """Give the value as text; a long list is counted, a table is written entry by entry."""
        if isinstance(self.value, tuple):
            values = cast("tuple[Any, ...]", self.value)
            return f"{len(values)} entries" if len(values) > 12 else ", ".join(str(value) for value in values)
        if isinstance(self.value, dict):
            entries = cast("dict[str, Any]", self.value).items()
            return "; ".join(f"{key}: {Setting(key, value).in_words()}" for key, value in entries)
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return "none" if self.value is None else str(self.value)


# ------------------------------------------------------------------------------------------------- reading a file
@dataclass(frozen=True)
class SettingsFiles:
    """Files of one kind: those that come with the package, and those of a user.

    Attributes
    ----------
    kind : str
        What such a file is called in a message: "protocol", "scenario". The shipped ones lie in the folder of
        the package that has the name of the kind with an s.
    error : type of ValueError
        Raised with every fault of a file.
    """

    kind: str
    error: type[ValueError]

    def names(self) -> tuple[str, ...]:
        """Names of the files that come with the package."""
        folder = resources.files("pnstrial") / f"{self.kind}s"
        return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))

    def text(self, name_or_path: str | Path, beside: Path | None = None) -> tuple[str, str, Path | None]:
        """Give the text of a file, what to call it in a message, and the folder it lies in.

        Parameters
        ----------
        name_or_path : str or Path
            A shipped name in any case, or a path.
        beside : Path, optional
            Folder in which a relative path is sought first.

        Returns
        -------
        text, where : str
        folder : Path or None
            None for a shipped file.
        """
        if not isinstance(name_or_path, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise self.error(
                f"name_or_path is {name_or_path!r}; give a shipped name or the path of a {self.kind}"
            )
        name = str(name_or_path)
        if name.casefold() in self.names():
            shipped = resources.files("pnstrial") / f"{self.kind}s" / f"{name.casefold()}.toml"
            return shipped.read_text(encoding="utf-8"), f"{self.kind} {name.casefold()}", None
        near = None if beside is None else beside / name
        path = near if near is not None and near.is_file() else Path(name_or_path)
        if not path.is_file():
            near = get_close_matches(name.casefold(), self.names(), 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise self.error(
                f"{self.kind} {name!r} is neither a file nor a shipped name; {meant}"
                f"shipped are {', '.join(self.names())}"
            )
        try:
            return path.read_text(encoding="utf-8-sig"), str(path), path.parent
        except UnicodeDecodeError as problem:
            raise self.error(f"{path} is not UTF-8 (byte {problem.start}); save it as UTF-8") from None

    def content(self, text: str, where: str, folder: Path | None = None, seen: tuple[str, ...] = ()) -> Table:
        """Read TOML and lay it over the file named in its `based_on`, less the entries named in its `drop`."""
        try:
            own = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise self.error(f"{where} is not TOML: {problem}") from None
        if "based_on" not in own:
            return own
        base, drop = own.pop("based_on"), own.pop("drop", [])
        if not isinstance(base, str):
            raise self.error(f"{where}: based_on is {base!r}; allowed is the name or path of a {self.kind}")
        if base in seen:
            raise self.error(f"{where}: based_on goes in a circle: {' -> '.join([*seen, base])}")
        if not isinstance(drop, list) or not all(isinstance(item, str) for item in cast("list[Any]", drop)):
            raise self.error(f'{where}: drop is {drop!r}; allowed is a list of ids and names, such as ["E1"]')
        below = self.content(*self.text(base, folder), (*seen, base))
        below, dropped = drop_entries(below, cast("list[str]", drop))
        if wrong := [name for name in cast("list[str]", drop) if name not in dropped]:
            raise self.error(f"{where}: drop names {', '.join(wrong)}, which {base} does not have")
        return lay_over(below, own)

    def remarks(self, name_or_path: str | Path, beside: Path | None = None) -> dict[str, str]:
        """Give what a file, and those that it is based on, say beside their settings: source, or "assumed".

        Parameters
        ----------
        name_or_path : str or Path
        beside : Path, optional
            Folder in which a relative path is sought first.

        Returns
        -------
        dict of str to str
            By dotted key; the remark beside the head of a section stands for its keys without one. A key that is
            there and has none is "".
        """
        text, where, folder = self.text(name_or_path, beside)
        below = tomllib.loads(text).get("based_on")
        found = self.remarks(below, folder) if isinstance(below, str) and below != where else {}
        return {**found, **remarks_of(text)}

    def validated(self, model: type[Model], content: Table, where: str) -> Model:
        """Fit settings to their model, or raise with everything that is wrong with them."""
        try:
            return model.model_validate(content)
        except ValidationError as problem:
            lines = format_errors(problem, model, content)
            raise self.error(f"{where} cannot be used:\n  " + "\n  ".join(lines)) from None


_HEAD: Final = re.compile(r"\[+\s*([^\]]+?)\s*\]+")
_KEY: Final = re.compile(r"([\w.\-\"' ]+?)\s*=")
_QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")


def remarks_of(text: str) -> dict[str, str]:
    r"""Read the remarks beside the settings of a TOML text, as `SettingsFiles.remarks` gives them.

    Examples
    --------
    >>> remarks_of("[a]  # assumed\nx = 1\ny = [1,\n 2]  # measured")
    {'a.x': 'assumed', 'a.y': 'measured'}
    """
    found: dict[str, str] = {}
    section, of_section, key, depth = "", "", "", 0
    for line in text.splitlines():
        bare = _QUOTED.sub(lambda quoted: "_" * len(quoted.group()), line)
        at = bare.find("#")
        remark = "" if at < 0 else line[at + 1 :].strip()
        bare = bare if at < 0 else bare[:at]
        if not bare.strip():
            continue
        if depth == 0 and (head := _HEAD.match(bare.strip())):
            section, of_section, key = head[1], remark, ""
            continue
        if depth == 0 and (start := _KEY.match(line.strip())):
            key = f"{section}.{start[1]}".lstrip(".").replace('"', "").replace("'", "")
            found[key] = of_section
        depth += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
        if key and remark:
            found[key] = remark
    return found


@lru_cache(maxsize=4)
def shared_settings(kind: str) -> Table:
    """Give what every file of a kind may use without writing it: its ``shared/vocabulary.toml``; not to be changed."""
    place = resources.files("pnstrial") / f"{kind}s" / "shared" / "vocabulary.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------------------------------- laying over
def entry_key(entry: object) -> str | None:
    """Give what names an entry of a list of tables: its id, else its name; None for anything else."""
    table = cast("Table", entry) if isinstance(entry, dict) else {}
    return next((str(table[key]) for key in _KEYS if key in table), None)


def _named_entries(value: object) -> dict[str, Table] | None:
    """Give the entries of a list of tables by what names them; None where it is no such list."""
    if not isinstance(value, list | tuple) or not value:
        return None
    entries = cast("list[Any]", value)
    names = [entry_key(entry) for entry in entries]
    if any(name is None for name in names) or len(set(names)) < len(names):
        return None
    return {str(name): entry for name, entry in zip(names, entries, strict=True)}


def lay_over(below: Table, above: Table) -> Table:
    """Lay settings over others.

    Parameters
    ----------
    below, above : dict
        As TOML holds them.

    Returns
    -------
    dict
        Tables are laid over key by key. A list of tables with ids or names is laid over entry by entry: the same
        id key by key (whole, if its `kind` changes), new ones at the end. Any other list is replaced whole. The
        `source` of a changed or new setting is "assumed" unless `above` gives one.

    Examples
    --------
    >>> below = {"visits": [{"name": "V1", "day": 85, "source": {"day": "paper"}}]}
    >>> lay_over(below, {"visits": [{"name": "V1", "day": 80}, {"name": "V2", "day": 90}]})["visits"]
    [{'name': 'V1', 'day': 80, 'source': {'day': 'assumed'}}, {'name': 'V2', 'day': 90, 'source': {'day': 'assumed'}}]
    """
    merged = {
        key: _laid_over(below.get(key), value) if key in below else value for key, value in above.items()
    }
    named = {"source", *_KEYS}
    changed = [key for key in above if key not in named and not _same(merged[key], below.get(key))]
    result = {**below, **merged}
    stated, source = above.get("source"), below.get("source")
    if isinstance(source, str) and stated is None and changed:
        result["source"] = ASSUMED
    if isinstance(source, dict):
        given = cast("Table", stated) if isinstance(stated, dict) else {}
        result["source"] = {**source, **dict.fromkeys(changed, ASSUMED), **given}
        if stated is not None and not isinstance(stated, dict):
            result["source"] = stated
    return result


def _same(one: object, other: object) -> bool:
    """Compare two settings; a tuple is the list of its values."""
    return (list(cast("Any", one)) if isinstance(one, tuple) else one) == (
        list(cast("Any", other)) if isinstance(other, tuple) else other
    )


def _laid_over(under: object, value: object) -> object:
    if isinstance(value, dict) and isinstance(under, dict):
        return lay_over(cast("Table", under), cast("Table", value))
    entries, found = _named_entries(under), _named_entries(value)
    if entries is None or found is None:
        return value
    for name, entry in found.items():
        old = entries.get(name)
        if old is None or ("kind" in entry and entry["kind"] != old.get("kind")):
            sources = [sibling["source"] for sibling in entries.values() if "source" in sibling]
            entries[name] = _sourced(entry, sources[0]) if sources else entry
        else:
            entries[name] = lay_over(old, entry)
    return list(entries.values())


def _sourced(entry: Table, like: object) -> Table:
    """Mark the settings of a new entry as assumed where it names no source, in the form that its siblings have."""
    if not isinstance(like, dict):
        return {"source": ASSUMED, **entry}
    settings = [key for key in entry if key not in {"source", *_KEYS}]
    stated = entry.get("source", {})
    if not isinstance(stated, dict):
        return entry
    return {**entry, "source": {**dict.fromkeys(settings, ASSUMED), **cast("Table", stated)}}


def drop_entries(content: Table, names: Iterable[str]) -> tuple[Table, set[str]]:
    """Leave out the entries of lists of tables that have one of these ids or names; say which were found."""
    found: set[str] = set()
    wanted = set(names)

    def kept(value: object) -> object:
        if isinstance(value, dict):
            return {key: kept(part) for key, part in cast("Table", value).items()}
        if isinstance(value, list | tuple):
            entries = cast("list[Any]", value)
            found.update(name for entry in entries if (name := entry_key(entry)) in wanted)
            return [kept(entry) for entry in entries if entry_key(entry) not in wanted]
        return value

    return cast("Table", kept(content)), found


def read_value(text: str) -> Any:
    """Read a value as a TOML file has it; a bare word is text.

    Examples
    --------
    >>> read_value("0.3"), read_value("[1, 7]"), read_value("LOCF")
    (0.3, [1, 7], 'LOCF')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# ----------------------------------------------------------------------------------------- saying what is wrong
def format_errors(problem: ValidationError, model: type[BaseModel], content: Table) -> list[str]:
    """Write a validation error as one line per wrong key: key, value, the form that is wanted.

    Parameters
    ----------
    problem : pydantic.ValidationError
    model : type
        What the settings were fitted to.
    content : dict
        The settings.
    """
    return [_format_error(error, model, content) for error in problem.errors(include_url=False)]


def _format_error(error: ErrorDetails, model: type[BaseModel], content: Table) -> str:
    key, entry = _key_of(error, content)
    kind, value = error["type"], error["input"]
    context = error.get("ctx", {})
    form = wanted_form(model, error["loc"])
    ending = "" if entry is None else f" (in {entry})"
    if kind == "missing":
        return f"{key}: missing; wanted is {form or 'a value'}{ending}"
    equals = "" if isinstance(value, dict | BaseModel) else f" = {value!r}"
    if kind == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), _keys_at(model, error["loc"][:-1]), 1)
        remedy = f"did you mean {near[0]}?" if near else "remove it or mend its spelling"
        return f"{key}{equals or ' = {...}'}: no such key here; {remedy}{ending}"
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        tag = str(context["discriminator"]).strip("'")
        message = f"{tag} must be one of {context.get('expected_tags') or form}"
    elif kind in {"literal_error", "enum"}:
        message = f"allowed is {context['expected']}"
    elif kind not in {"value_error", "assertion_error"} and form:
        message = f"allowed is {form}"
        if form.endswith((" from 0 to 1", " between 0 and 1, ends excluded")):
            message += of_percent(value)
    return f"{key}{equals}: {message}{ending}"


def of_percent(value: object) -> str:
    """Say how a share is written that was perhaps meant in percent; nothing for any other value.

    Parameters
    ----------
    value : object

    Examples
    --------
    >>> of_percent("12.5%"), of_percent(80), of_percent(-1)
    ('; 12.5 % is written 0.125', '; 80 % is written 0.8', '')
    """
    text = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    plain = isinstance(value, int | float) and 2 <= value <= 100
    number = float(text[1].replace(",", ".")) if text else float(cast("float", value)) if plain else None
    return "" if number is None else f"; {number:g} % is written {number / 100:g}"


def _key_of(error: ErrorDetails, content: Table) -> tuple[str, str | None]:
    """Write the place of an error as the file spells it, and the id or name of the entry it lies in."""
    steps: list[str] = []
    entry: str | None = None
    here: Any = content
    last = len(error["loc"]) - 1
    for position, step in enumerate(error["loc"]):
        absent = isinstance(step, str) and isinstance(here, dict) and step not in here
        if absent and not (position == last and error["type"] == "missing"):
            continue  # the tag of a kind is no key of the file
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        tabled = isinstance(step, int) and isinstance(here, dict)
        steps.append(f"[{step}]" if tabled else f".{step}")
        if tabled:
            entry = entry_key(here)
    return "".join(steps).lstrip(".") or "the file", entry


@lru_cache(maxsize=16)
def _schema(model: type[BaseModel]) -> Table:
    return model.model_json_schema()


def wanted_form(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Say in words which form the value at a place of a model has.

    Parameters
    ----------
    model : type of pydantic.BaseModel
    place : tuple of str or int
        Keys and positions, as in the `loc` of a pydantic error.

    Returns
    -------
    str
        Such as "a whole number from 1 to 6"; empty where the model does not say.

    Examples
    --------
    >>> from pnstrial.protocol import Protocol
    >>> wanted_form(Protocol, ("treatment", "cycles_before_decision"))
    'a whole number from 1 to 6'
    """
    return _in_words(*_part_at(model, place))


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Give the keys that a table may have."""
    part, _ = _part_at(model, place)
    return list(part.get("properties", ()))


def _part_at(model: type[BaseModel], place: tuple[int | str, ...]) -> tuple[Table, Table]:
    """Follow a place down the schema of a model: the part of it, and the whole."""
    schema = _schema(model)
    here = _resolved(schema, schema)
    for step in place:
        here = _resolved(_below(here, step, schema), schema)
    return here, schema


def _resolved(part: Table, schema: Table) -> Table:
    """Follow a reference, and leave out the null of an optional value."""
    if "$ref" in part:
        part = schema["$defs"][str(part["$ref"]).rsplit("/", 1)[1]]
    options = [option for option in part.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        return _resolved(options[0], schema)
    return {**part, "anyOf": options} if options else part


def _below(part: Table, step: int | str, schema: Table) -> Table:
    if isinstance(step, int):
        prefix = part.get("prefixItems", ())
        return prefix[step] if step < len(prefix) else part.get("items", {})
    mapping = part.get("discriminator", {}).get("mapping", {})
    if step in mapping:
        return _resolved({"$ref": mapping[step]}, schema)
    found = part.get("properties", {}).get(step)
    if found is None:
        other = part.get("additionalProperties")
        found = cast("Table", other) if isinstance(other, dict) else {}
    return cast("Table", found)


_PERCENT: Final = re.compile(r"\s*(\d+(?:[.,]\d*)?)\s*%\s*")
_NOUNS = {
    "string": "text in quotation marks",
    "boolean": "true or false",
    "object": "a table",
    "null": "nothing",
}


def _in_words(part: Table, schema: Table) -> str:
    if "enum" in part or "const" in part:
        words = [json.dumps(word, ensure_ascii=False) for word in part.get("enum", [part.get("const")])]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    if part.get("anyOf"):
        return " or ".join(filter(None, (_in_words(_resolved(one, schema), schema) for one in part["anyOf"])))
    kind = str(part.get("type"))
    if kind in {"number", "integer"}:
        return f"a {'whole ' if kind == 'integer' else ''}number{_bounds(part)}"
    if kind == "array":
        return _list_in_words(part, schema)
    form = f"text of the form {part['pattern']}" if "pattern" in part else _NOUNS.get(kind, "")
    if kind == "string" and part.get("minLength"):
        form += ", not empty"
    return "a date such as 2024-01-31, without quotation marks" if part.get("format") == "date" else form


def _bounds(part: Table) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    over, under = part.get("exclusiveMinimum"), part.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if over is not None and under is not None:
        return f" between {over:g} and {under:g}, ends excluded"
    words: list[str] = []
    for value, phrase in (
        (low, "greater than or equal to"),
        (over, "greater than"),
        (high, "at most"),
        (under, "under"),
    ):
        words += [f"{phrase} {value:g}"] if value is not None else []
    return f" {' and '.join(words)}" if words else ""


def _list_in_words(part: Table, schema: Table) -> str:
    items = part.get("prefixItems") or ([part["items"]] if part.get("items") else [])
    forms = list(dict.fromkeys(_in_words(_resolved(item, schema), schema) for item in items))
    fewest, most = part.get("minItems", 0), part.get("maxItems")
    count = (
        "" if not fewest and most is None else f" of {fewest}" if fewest == most else f" of at least {fewest}"
    )
    if fewest == 0 and most is not None:
        count = f" of at most {most}"
    each = f", each {forms[0]}" if len(forms) == 1 and forms[0] else ""
    return f"a list{count}{each}"

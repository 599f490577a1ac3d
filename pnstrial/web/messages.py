"""How does the page say in French what the package says in English?

Input: a text that the package made: a finding, a reason, a label, a sentence, a text of a figure.
Output: the same in French, from the catalogue; None where the catalogue has no entry for it.
Protocol section: none.
Method: the English entries are templates with named places. A text is matched against them; what stands in the places
is put into the French entry; reports and files are never touched.
Next: `words`.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MESSAGE_GROUPS", "Counted", "at_visit", "catalogue", "french", "french_number", "typography"]

NARROW, FIXED = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"

_JOINTS: Final = {
    "; ": f"{NARROW}; ", ", or ": " ou ", ", and ": " et ", ", ": ", ", " or ": " ou ", " and ": " et ",
}  # fmt: skip
"""How the parts of a list are joined in both languages."""

_NUMBERS: Final = re.compile(r"[-+−±≥≤<>=~≈()\[\]\d.,:/%×–…eE g]*\d[-+−±≥≤<>=~≈()\[\]\d.,:/%×–…eE g]*")
_DATE: Final = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")


_UNDER_TWO: Final = re.compile(r"[01](?:[.,]\d+)?")
"""What counts as one in French: 0, 1 and what lies between."""

_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Template(NamedTuple):
    pattern: re.Pattern[str]
    kinds: dict[str, str]
    french: str
    weight: int


@cache
def catalogue() -> dict[str, tuple[str, str]]:
    """Read the catalogue: English and French by key.

    Returns
    -------
    dict of str to (str, str)
        The words of the page itself, and what the package says.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in ("words.toml", "messages.toml"):
        text = files("pnstrial.web").joinpath(name).read_text(encoding="utf-8")
        for key, (english, in_french) in tomllib.loads(text).items():
            if key in found:
                raise ValueError(f"{name}: {key} has an entry already")
            found[key] = (english, typography(in_french))
    return found


def typography(text: str) -> str:
    r"""Put the spaces and apostrophes into a French text that its typography wants.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> ascii(typography("l'essai : 5 % ; « oui » ?"))
    "'l\\u2019essai\\xa0: 5\\xa0%\\u202f; \\xab\\xa0oui\\xa0\\xbb\\u202f?'"
    """
    text = re.sub(r"(?<=\w)'(?=[\w«{])", "\N{RIGHT SINGLE QUOTATION MARK}", text)
    text = re.sub(r" (?=[;!?](?:\s|$))", NARROW, text)
    text = re.sub(r" (?=[:%»](?:[\s,.;)\N{NARROW NO-BREAK SPACE}]|$))", FIXED, text)
    return re.sub(r"(?<=«) ", FIXED, text)


def french_number(text: str) -> str:
    r"""Write numbers and dates in a text of nothing else as French does.

    Parameters
    ----------
    text : str
        As the package writes it.

    Returns
    -------
    str
        With decimal commas, narrow spaces between thousands from 10,000, day before month before year.

    Examples
    --------
    >>> french_number("0.25"), french_number("2014-03-31"), ascii(french_number("100000 (5.0 %)"))
    ('0,25', '31/03/2014', "'100\\u202f000 (5,0\\xa0%)'")
    """
    if found := _DATE.fullmatch(text):
        return "/".join(reversed([part for part in found.groups() if part]))

    def one(match: re.Match[str]) -> str:
        whole, point, rest = match[0].partition(".")
        if len(whole) > 4:
            whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", NARROW, whole)
        return whole + point.replace(".", ",") + rest

    text = re.sub(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.]*\d)", one, text)
    text = re.sub(
        r"(?<=\d)e([-+]?)0*(\d+)", lambda m: f" × 10{(m[1].strip('+') + m[2]).translate(_RAISED)}", text
    )
    return re.sub(r"(?<=\d) ?%", f"{FIXED}%", text)


class Counted(str):
    """What stands in a place, which also chooses between two words: ``{n} patient{n:|s}``.

    Parameters
    ----------
    text : str
    singular : bool
        Whether it counts one; in French also none.
    """

    __slots__ = ("singular",)
    singular: bool

    def __new__(cls, text: str, *, singular: bool) -> Self:
        """Keep the text with whether it counts one."""
        made = super().__new__(cls, text)
        made.singular = singular
        return made

    def __format__(self, form: str) -> str:
        one, bar, several = form.partition("|")
        return (one if self.singular else several) if bar else super().__format__(form)


def _template(english: str, in_french: str) -> _Template:
    pattern, kinds, weight = "", {}, 0
    for literal, name, kind, _ in Formatter().parse(english):
        pattern += re.escape(literal)
        weight += len(literal)
        if name is not None and "|" in (kind or ""):
            pattern += f"(?:{'|'.join(map(re.escape, (kind or '').split('|')))})"
        elif name is not None:
            again = name in kinds
            kinds.setdefault(name, kind or "")
            pattern += f"(?P={name})" if again else f"(?P<{name}>{_KINDS[kind or ''].pattern})"
    return _Template(re.compile(pattern), kinds, in_french, weight)


@cache
def _entries() -> tuple[dict[str, str], dict[str, list[_Template]]]:
    """Give the entries without places by their English text, and the templates by their first word."""
    exact: dict[str, str] = {}
    templates: dict[str, list[_Template]] = {}
    for key, (english, in_french) in catalogue().items():
        if key.startswith(MESSAGE_GROUPS):
            if "{" in english:
                first = english.partition(" ")[0]
                templates.setdefault("" if "{" in first else first, []).append(_template(english, in_french))
            else:
                exact[english] = in_french
    for group in templates.values():
        group.sort(key=lambda one: -one.weight)
    return exact, templates


MESSAGE_GROUPS: Final = (
    "value.", "finding.", "remedy.", "reason.", "label.", "drawn.", "sentence.", "result.", "setting.", "error.",
)  # fmt: skip
"""Beginnings of the keys of what the package says."""


@lru_cache(maxsize=10_000)
def french(text: str) -> str | None:
    """Say in French what the package said in English.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None
        None where the catalogue has no entry for it; numbers and dates need none.

    Examples
    --------
    >>> french("must be a date that exists")
    'doit être une date qui existe'
    """
    exact, templates = _entries()
    if text in exact:
        return exact[text]
    if not text.strip() or _NUMBERS.fullmatch(text):
        return french_number(text)
    found = [one for first in (text.partition(" ")[0], "") for one in templates.get(first, ())]
    for template in found:
        if (match := template.pattern.fullmatch(text)) is not None:
            said = _filled(template, match)
            if said is not None:
                return said
    if "\n" in text:
        lines = [french(line) for line in text.split("\n")]
        return None if None in lines else "\n".join(line for line in lines if line is not None)
    bare = text.lstrip()
    said = french(bare) if bare != text else None
    return None if said is None else text[: len(text) - len(bare)] + said


def _filled(template: _Template, match: re.Match[str]) -> str | None:
    """Put what stands in the places of an English text into the French one."""
    said: dict[str, str] = {}
    for name, kind in template.kinds.items():
        part = _KINDS[kind].say(match[name])
        if part is None:
            return None
        said[name] = Counted(part, singular=_UNDER_TWO.fullmatch(match[name]) is not None)
    return template.french.format(**said)


def at_visit(visit: str) -> str:
    """Say at which visit, with its article."""
    return french(f"@{visit}") or f"à {french(visit) or visit}"


def _listed(text: str) -> str | None:
    """Say each part of a list; what stands in brackets is not split."""
    said = french(text)
    for joint, here in _JOINTS.items():
        for head, tail in _heads(text, joint) if said is None else ():
            first, rest = _listed(head) if joint == "; " else french(head), _listed(tail)
            if first is not None and rest is not None:
                return f"{first}{here}{rest}"
    return said


def _heads(text: str, joint: str) -> Iterator[tuple[str, str]]:
    """Split at each joint outside brackets: what stands before it, and after it."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(joint, place):
            yield text[:place], text[place + len(joint) :]


def _loose(text: str) -> str:
    """Say the words of a list that have an entry."""
    parts = re.split(f"({'|'.join(_JOINTS)})", text)
    return "".join(_JOINTS.get(part) or french(part) or part for part in parts)


def _inputs(text: str) -> str:
    """Say the columns that a criterion read, each with its value: "age 60, sex female"."""

    def one(item: str) -> str:
        words = item.split(" ")
        for cut in range(len(words)):
            name, said = " ".join(words[:cut]), french(" ".join(words[cut:]))
            if said is not None:
                return f"{french(name) or name} {said}".strip()
        return " ".join([french(words[0]) or words[0], *words[1:]])

    return ", ".join(one(item) for item in text.split(", "))


def _records(text: str) -> str:
    """Say the days of medications, "prednisone (from 2014-03-01, ongoing)", and leave their names."""
    return re.sub(r"(?<= \()[^()]+, [^()]+(?=\))", lambda match: _listed(match[0]) or match[0], text)


class _Kind(NamedTuple):
    """What may stand in a place, and how it is said in French."""

    pattern: str
    say: Callable[[str], str | None] = str


def _counted(text: str) -> str:
    """Say words that each have a count behind them."""
    pairs = re.findall(r"(.+?) (\d+)(?:, |$)", text)
    return ", ".join(f"{french(what) or what}{FIXED}: {n}" for what, n in pairs)


_KINDS: Final = {
    "": _Kind(r".+?", lambda text: french_number(text) if _NUMBERS.fullmatch(text) else text),
    "text": _Kind(r"(?s:.*?)"),
    "name": _Kind(r"[^\W\d][\w./-]*"),
    "scale": _Kind(r"[^\W\d][\w-]*(?: [^\W\d][\w-]*){0,3}?"),
    "number": _Kind(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?", lambda text: french_number(text.replace(",", ""))),
    "date": _Kind(r"\d{4}(?:-\d\d){0,2}", french_number),
    "column": _Kind(r"[a-z]\w*_\w+|age|sex|mrs|arm|cancer|syndrome"),
    "words": _Kind(r".+?", french),
    "phrase": _Kind(r".+? .+", french),
    "counted": _Kind(r".+ \d+", _counted),
    "list": _Kind(r".+", _listed),
    "loose": _Kind(r".+?", _loose),
    "columns": _Kind(r"[a-z_]+(?:, [a-z_]+)*"),
    "function": _Kind(r"(?:single_stage(?:_at)?|simon|group_sequential|predictive_design|safety_boundary)"),
    "key": _Kind(r"[\w.\[\]-]+(?: [\w.\[\]-]+)*?"),
    "value": _Kind(r"'[^']*'|\"[^\"]*\"|[-\w.]+|\(.*\)|\[.*\]|\{.*\}"),
    "quoted": _Kind(
        r"(?:'[^']*'|\"[^\"]*\")(?:(?:, | or )(?:'[^']*'|\"[^\"]*\"))*",
        lambda text: text.replace(" or ", " ou "),
    ),
    "at": _Kind(r".+?", at_visit),
    "inputs": _Kind(r"(?s:.+?)", _inputs),
    "records": _Kind(r"(?s:.+)", _records),
}
"""By the kinds that the catalogue explains."""

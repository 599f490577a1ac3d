"""How is the text of the tables written, where it is not as the package writes it?

Input: what a user declared, or ``format.toml`` in the folder.
Output: `TextFormat`: separator, decimal sign, order of dates, encoding.
Protocol section: none.
Method: declared, never guessed; what is declared is asked of every cell, so a file written otherwise is an error.
Next: `reading`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT_FILE", "STRICT", "TextFormat", "declared_format"]

FORMAT_FILE: Final = "format.toml"
_ALLOWED: Final = {
    "separator": (",", ";", "\t", "|"),
    "decimal": (".", ","),
    "dates": ("yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy"),
    "encoding": ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac-roman"),
}
_WORDS: Final = {"tab": "\t", "\\t": "\t", "utf8": "utf-8", "windows-1252": "cp1252", "iso-8859-1": "latin-1"}
_PATTERNS: Final = {
    "yyyy-mm-dd": (
        r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})",
        r"(?P<y>\d{4})(-(?P<m>\d{2})(-(?P<d>\d{2}))?)?",
    ),
    "dd/mm/yyyy": (
        r"(?P<d>\d{2})/(?P<m>\d{2})/(?P<y>\d{4})",
        r"(((?P<d>\d{2})/)?(?P<m>\d{2})/)?(?P<y>\d{4})",
    ),
    "mm/dd/yyyy": (
        r"(?P<m>\d{2})/(?P<d>\d{2})/(?P<y>\d{4})",
        r"((?P<m>\d{2})/((?P<d>\d{2})/)?)?(?P<y>\d{4})",
    ),
}
_EXAMPLES: Final = {
    "yyyy-mm-dd": ("2014-03-31", "2014-03"),
    "dd/mm/yyyy": ("31/03/2014", "03/2014"),
    "mm/dd/yyyy": ("03/31/2014", "03/2014"),
}


@dataclass(frozen=True)
class TextFormat:
    """How numbers, dates and rows are written in the CSV files of a trial.

    Parameters
    ----------
    separator : {",", ";", tab, "|"}
        Between cells.
    decimal : {".", ","}
        In numbers.
    dates : {"yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy"}
        A partial date leaves the day, or day and month, out.
    encoding : {"utf-8", "cp1252", "latin-1", "iso-8859-15", "mac-roman"}

    Raises
    ------
    ValueError
        For a value that is not allowed, or one sign for decimals and between cells.

    Examples
    --------
    >>> TextFormat(separator=";", decimal=",").number("70,5")
    70.5
    """

    separator: str = ","
    decimal: str = "."
    dates: str = "yyyy-mm-dd"
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                choices = ", ".join("tab" if word == "\t" else word for word in allowed)
                raise ValueError(f"{name} is {value!r}; allowed are {choices}")
        if self.separator == self.decimal:
            raise ValueError(f"separator and decimal are both {self.decimal!r}; give --separator ';' as well")

    @property
    def declared(self) -> dict[str, str]:
        """What differs from the package's own way of writing."""
        pairs = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in pairs.items() if value != getattr(STRICT, name)}

    @property
    def options(self) -> list[str]:
        """The same as words of a command line."""
        words: list[str] = []
        for name, value in self.declared.items():
            words += [f"--{name}", "tab" if value == "\t" else value]
        return words

    def number(self, text: str) -> float | None:
        """Read a plain decimal; None where it is none."""
        pattern = _COMMA if self.decimal == "," else _POINT
        return float(text.replace(",", ".")) if pattern.fullmatch(text) else None

    def partial(self, text: str) -> str | None:
        """Turn a date, whole or partial, into ISO form; None where it is not written as declared."""
        match = _COMPILED[self.dates][1].fullmatch(text)
        return None if match is None else "-".join(part for part in match.group("y", "m", "d") if part)

    def date(self, text: str) -> str | None:
        """Turn a whole date into ISO form; None where it is not written as declared."""
        match = _COMPILED[self.dates][0].fullmatch(text)
        return None if match is None else "-".join(match.group("y", "m", "d"))

    def written(self, iso: str) -> str:
        """Write an ISO date, whole or partial, as it stands in the file."""
        if self.dates == "yyyy-mm-dd":
            return iso
        year, *rest = iso.split("-")
        order = reversed(rest) if self.dates == "dd/mm/yyyy" else rest
        return "/".join([*order, year])

    @property
    def date_example(self) -> str:
        """A date as it is to be written."""
        return _EXAMPLES[self.dates][0]

    @property
    def partial_example(self) -> str:
        """A partial date as it is to be written."""
        return _EXAMPLES[self.dates][1]


STRICT: Final = TextFormat()
_POINT: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?(\d+,?\d*|,\d+)", re.ASCII)
_COMPILED: Final = {
    name: (re.compile(whole, re.ASCII), re.compile(partial, re.ASCII))
    for name, (whole, partial) in _PATTERNS.items()
}


def declared_format(
    folder: Path | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    dates: str | None = None,
    encoding: str | None = None,
) -> TextFormat:
    """Put together what is declared: options win over ``format.toml`` of the folder.

    Raises
    ------
    ValueError
        For a key or value that is not allowed, or a file that is no TOML.
    """
    declared: dict[str, str] = {}
    file = None if folder is None else folder / FORMAT_FILE
    if file is not None and file.is_file():
        try:
            content = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise ValueError(
                f"{file} is no TOML file ({problem}); write lines such as decimal = ','"
            ) from None
        for key, value in content.items():
            if key not in _ALLOWED or not isinstance(value, str):
                raise ValueError(
                    f"{file}: {key} = {value!r}; allowed are the keys {', '.join(_ALLOWED)}, as text"
                )
            declared[key] = value
    given = {"separator": separator, "decimal": decimal, "dates": dates, "encoding": encoding}
    declared |= {name: value for name, value in given.items() if value is not None}
    return TextFormat(
        **{name: _WORDS.get(value.casefold(), value.casefold()) for name, value in declared.items()}
    )

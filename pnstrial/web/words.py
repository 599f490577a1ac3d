"""In which language does the page speak?

Input: a key, a language.
Output: the words, and numbers as the language writes them.
Protocol section: none.
Method: one catalogue, ``words.toml``: for every key the English and the French text.
Next: `pages`.
"""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from markupsafe import Markup

import pnstrial as pns

__all__ = ["LANGUAGES", "Words", "catalogue"]

LANGUAGES: Final = ("en", "fr")


@cache
def catalogue() -> dict[str, tuple[str, str]]:
    """Read the catalogue: English and French by key.

    Returns
    -------
    dict
    """
    text = files("pnstrial.web").joinpath("words.toml").read_text(encoding="utf-8")
    return {key: (english, french) for key, (english, french) in tomllib.loads(text).items()}


class Words:
    """The words of one language.

    Parameters
    ----------
    language : {"en", "fr"}
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """Give the words of a key, with values put in."""
        text = catalogue()[key][self._place]
        return text.format(**{name: self.plain(value) for name, value in values.items()}) if values else text

    def value(self, value: object) -> str:
        """Give the words for a value of a table, or the value itself where it is not the page's own."""
        both = catalogue().get(f"value.{value}")
        return self.plain(value) if both is None else both[self._place]

    def heading(self, name: str) -> str:
        """Give the heading of a column, or its name where it is not the page's own."""
        both = catalogue().get(f"column.{name}")
        return name.replace("_", " ") if both is None else both[self._place]

    def number(self, value: float, digits: int = 4) -> str:
        """Write a number with its significant digits, as the language does."""
        text = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
        return text.replace(".", ",") if self.language == "fr" else text

    def percent(self, value: float) -> str:
        """Write a proportion as a percentage."""
        text = f"{100 * value:.1f}"
        return f"{text.replace('.', ',')}\N{NO-BREAK SPACE}%" if self.language == "fr" else f"{text} %"

    def plain(self, value: Any) -> str:
        """Write any value of a frame for a person."""
        if isinstance(value, str | pns.NotEstimable):
            return str(value)
        if isinstance(value, bool) or type(value).__name__ == "bool":
            return self("yes" if value else "no")
        if hasattr(value, "date") and hasattr(value, "isoformat"):
            return "–" if str(value) == "NaT" else value.date().isoformat()
        if isinstance(value, tuple | list):
            return ", ".join(self.plain(part) for part in cast("tuple[Any, ...]", value))
        try:
            number = float(value)
        except (TypeError, ValueError):
            return "–" if value is None or str(value) == "<NA>" else str(value)
        return "–" if math.isnan(number) else self.number(number)

    def data(self, value: Any, *, percent: bool = False) -> Markup:
        """Write a number so that the page also holds it unformatted."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            return Markup("{}").format(self.plain(value))
        text = self.percent(number) if percent and not math.isnan(number) else self.plain(number)
        return Markup('<data value="{}">{}</data>').format(repr(number), text)

"""In which language does the page speak?

Input: a key, a language.
Output: the words, and numbers as the language writes them.
Protocol section: none.
Method: one catalogue, the English and the French text by key; what the package says is found in it by `messages`.
Next: `pages`.
"""

from __future__ import annotations

import datetime as dt
import math
from html.parser import HTMLParser
from numbers import Integral
from typing import Any, Final, cast

from markupsafe import Markup

import pnstrial as pns
from pnstrial.web.messages import Counted, at_visit, catalogue, french

__all__ = ["LANGUAGES", "Words"]

LANGUAGES: Final = ("en", "fr")


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
        return (
            text.format(**{name: self._counted(value) for name, value in values.items()}) if values else text
        )

    def _counted(self, value: object) -> Counted:
        one = (0, 1) if self.language == "fr" else (1,)
        return Counted(self.plain(value), singular=isinstance(value, Integral) and value in one)

    def say(self, text: object) -> str:
        """Say what the package says: a finding, a reason, a label, a sentence; what it does not say stays as it is."""
        return (french(str(text)) if self.language == "fr" else None) or str(text)

    def quantity(self, name: str) -> str:
        """Give the words for a quantity of a simulation, or its name where it is not the page's own."""
        both = catalogue().get(f"quantity.{name}")
        return name.replace("_", " ") if both is None else both[self._place]

    def at(self, visit: str) -> str:
        """Say at which visit."""
        return at_visit(visit) if self.language == "fr" else visit

    def heading(self, name: str) -> str:
        """Give the heading of a column, or its name where it is not the page's own."""
        both = catalogue().get(f"column.{name}")
        return self.say(name.replace("_", " ")) if both is None else both[self._place]

    def number(self, value: float, digits: int = 4, decimals: int | None = None) -> str:
        """Write a number with its significant digits, or its decimals, as the language does."""
        if decimals is not None:
            return self.say(f"{value:.{decimals}f}")
        whole = float(value).is_integer() or abs(value) >= 10**digits - 0.5
        text = f"{value:.0f}" if whole and abs(value) < 1e15 else f"{value:.{digits}g}"
        return self.say(text)

    def stepped(self, value: float, step: float) -> str:
        """Write the number of a slider with the decimals of its step."""
        return self.number(value, decimals=len(f"{step}".partition(".")[2]) if step % 1 else 0)

    def percent(self, value: float) -> str:
        """Write a proportion as a percentage."""
        return self.say(f"{100 * value:.1f} %")

    def result(self, result: Any) -> Markup:
        """Show a result as a notebook does, in the words of the language."""
        page = _Said(self)
        page.feed(result._repr_html_())
        page.close()
        return Markup("").join(page.parts)

    def plain(self, value: Any) -> str:
        """Write any value of a frame for a person."""
        if isinstance(value, str | pns.NotEstimable):
            return self.say(value)
        if isinstance(value, bool) or type(value).__name__ == "bool":
            return self("yes" if value else "no")
        if isinstance(value, dt.date):
            return "–" if str(value) == "NaT" else self.say(value.strftime("%Y-%m-%d"))
        if isinstance(value, dict):
            named = cast("dict[Any, Any]", value)
            value = [f"{self.plain(key)} = {self.plain(part)}" for key, part in named.items()]
        if isinstance(value, tuple | list):
            return ", ".join(self.plain(part) for part in cast("tuple[Any, ...]", value))
        try:
            number = float(value)
        except (TypeError, ValueError):
            return "–" if value is None or str(value) == "<NA>" else str(value)
        return "–" if math.isnan(number) else self.number(number)

    def data(self, value: Any, *, percent: bool = False, decimals: int | None = None) -> Markup:
        """Write a number so that the page also holds it unformatted."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            return Markup("{}").format(self.plain(value))
        if not math.isfinite(number) or not (percent or decimals is not None):
            text = self.plain(number)
        else:
            text = self.percent(number) if percent else self.number(number, decimals=decimals)
        return Markup('<data value="{}">{}</data>').format(repr(number), text)


class _Said(HTMLParser):
    """The page of a result with its texts said by `words`, and no style of its own."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.words, self.parts = words, list[Markup]()
        self._head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._head = tag == "th"
        self.parts.append(Markup("<{}>").format(tag))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(Markup("</{}>").format(tag))

    def handle_data(self, data: str) -> None:
        said = self.words.heading(data) if self._head else self.words.say(data)
        self.parts.append(Markup("{}").format(said if data.strip() else data))

"""How does a result look: in a terminal, in a notebook, as a table?

Input: nothing; it is the base of every result class.
Output: `Result` (one `to_frame`, one `__str__`, one `_repr_html_` for all), `NotEstimable` (why a number has no
meaning) and `Provenance` (which protocol, seed and package version made a number).
Protocol section: none.
Method: results hold numbers; only `report` and `figures` format them for a page.
Next: `rules`.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from pnstrial import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

__all__ = ["NotEstimable", "Provenance", "Result", "rows_of", "show_number"]


@dataclass(frozen=True)
class NotEstimable:
    """A number that the data cannot give, with the reason.

    Parameters
    ----------
    reason : str
        One clause that completes "not estimable: ...".

    Examples
    --------
    >>> print(NotEstimable("no patient was rated at Month 3"))
    not estimable: no patient was rated at Month 3
    """

    reason: str

    def __str__(self) -> str:
        return f"not estimable: {self.reason}"

    def __bool__(self) -> bool:
        """Return False, so that `if result.ci:` asks whether there is an interval."""
        return False


@dataclass(frozen=True)
class Provenance:
    """Where a number came from.

    Parameters
    ----------
    protocol_id, protocol_version : str or None
        The protocol that set the rules; None for a result on plain arrays.
    seed : int or None
        The seed of a simulated result.
    package_version : str
        Version of pnstrial.
    """

    protocol_id: str | None = None
    protocol_version: str | None = None
    seed: int | None = None
    package_version: str = __version__


def show_number(value: object) -> str:
    """Show one value of a result in a terminal: four significant digits, words for what is no number.

    Parameters
    ----------
    value : object
        A number, a pair of numbers (an interval), None, a `NotEstimable` or anything with a `str`.

    Returns
    -------
    str

    Examples
    --------
    >>> show_number(0.0265957), show_number((0.0001, 0.142)), show_number(None)
    ('0.0266', '0.0001 to 0.142', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, tuple):
        pair = cast("tuple[object, ...]", value)
        return (" to " if len(pair) == 2 else ", ").join(show_number(part) for part in pair)
    try:
        number = float(cast("Any", value))
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.4g}"


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Go through a frame row by row, as named tuples; what a cell holds is known to the caller, not to its type.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    iterator of namedtuple
        With the index first, as ``Index``.
    """
    return iter(frame.itertuples())


class Result:
    """Base of every frozen result dataclass: one way to print, one to tabulate.

    A subclass is a frozen dataclass. Its scalar fields and pairs make the one-row frame of `to_frame` (a pair
    `ci` becomes `ci_lower` and `ci_upper`); a subclass whose result is a table overrides `to_frame`.
    """

    def _shown(self) -> Iterable[tuple[str, object]]:
        """Give the (name, value) pairs that a short display shows; arrays and frames are left to `to_frame`."""
        if not is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass to be shown")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.repr and (
                value is None or isinstance(value, bool | int | float | str | tuple | NotEstimable)
            ):
                yield field.name, value

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a tidy frame; one row unless the result is a table.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        row: dict[str, object] = {}
        for name, value in self._shown():
            if isinstance(value, tuple) and len(cast("tuple[object, ...]", value)) == 2:
                low, high = cast("tuple[object, object]", value)
                row[f"{name}_lower"], row[f"{name}_upper"] = low, high
            else:
                row[name] = str(value) if isinstance(value, NotEstimable) else value
        return pd.DataFrame([row])

    def __str__(self) -> str:
        shown = list(self._shown())
        width = max((len(name) for name, _ in shown), default=0)
        lines = [f"{name.replace('_', ' '):<{width}}  {show_number(value)}" for name, value in shown]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self) -> str:
        """Return the display of a notebook."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name.replace('_', ' '))}</th>"
            f"<td>{html.escape(show_number(value))}</td></tr>"
            for name, value in self._shown()
        )
        return f"<table><caption>{html.escape(type(self).__name__)}</caption>{rows}</table>"

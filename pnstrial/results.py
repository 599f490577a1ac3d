"""How does a result look: in a terminal, in a notebook, as a table?

Input: nothing; it is the base of every result class.
Output: `Result` (one display for terminal and notebook, one way into frames, dictionaries, JSON, LaTeX and Markdown),
`NotEstimable` (why a number has no meaning) and `Provenance` (which protocol, seed and version made a number).
Protocol section: none.
Method: results hold numbers; only `report` and `figures` format them for a page.
Next: `rules`.
"""

from __future__ import annotations

import html
import json
import math
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from pnstrial import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "Display",
    "NotEstimable",
    "Provenance",
    "Result",
    "as_json",
    "rows_of",
    "show_number",
    "with_reasons",
]


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
        A number, several numbers, None, a `NotEstimable` or anything with a `str`.

    Returns
    -------
    str

    Examples
    --------
    >>> show_number(0.0265957), show_number((0.0001, 0.142)), show_number(None)
    ('0.0266', '0.0001, 0.142', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, list | tuple):
        return ", ".join(show_number(part) for part in cast("tuple[object, ...]", value))
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

    Examples
    --------
    >>> import pandas as pd
    >>> [row.a for row in rows_of(pd.DataFrame({"a": [1, 2]}))]
    [1, 2]
    """
    return iter(frame.itertuples())


def with_reasons(table: pd.DataFrame, index: str | None = None) -> pd.DataFrame:
    """Put NaN where a table has a `NotEstimable`, and say why in a column `reason`.

    Parameters
    ----------
    table : pandas.DataFrame
    index : str, optional
        Name under which the index becomes the first column.

    Returns
    -------
    pandas.DataFrame
        A new table. `reason` is there where a number is missing: "column: reason", joined by "; ", the columns of one
        reason together.

    Examples
    --------
    >>> import pandas as pd
    >>> none = NotEstimable("nobody was rated")
    >>> with_reasons(pd.DataFrame({"lower": [0.1, none], "upper": [0.5, none]}))["reason"].tolist()
    ['', 'lower, upper: nobody was rated']
    """
    import pandas as pd

    rows = table.to_dict("records")
    reasons: list[str] = []
    for row in rows:
        missing: dict[str, list[str]] = {}
        for name, value in row.items():
            if isinstance(value, NotEstimable):
                missing.setdefault(value.reason, []).append(str(name))
                row[name] = math.nan
        reasons.append("; ".join(f"{', '.join(names)}: {reason}" for reason, names in missing.items()))
    made = pd.DataFrame(rows, columns=table.columns)
    if index is not None:
        made.insert(0, index, table.index.to_list())
    return made.assign(reason=reasons) if any(reasons) else made


@dataclass(frozen=True)
class Display:
    """What a person sees of a result, in a terminal and in a notebook alike.

    Parameters
    ----------
    title : str
        First line; may be the whole sentence.
    pairs : tuple of (str, object)
        Names and values, one a line.
    table : pandas.DataFrame or None
        Shown under the pairs, without its index.
    notes : tuple of str
        Lines under the table.
    """

    title: str
    pairs: tuple[tuple[str, object], ...] = ()
    table: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Write it for a terminal.

        Returns
        -------
        str
        """
        width = max((len(name) for name, _ in self.pairs), default=0)
        lines = [self.title] if self.title else []
        lines += [f"{name:<{width}}  {show_number(value)}".rstrip() for name, value in self.pairs]
        if self.table is not None:
            lines.append(_blanks(self.table).to_string(index=False, float_format="{:.4g}".format, na_rep=""))
        return "\n".join([*lines, *self.notes])

    def page(self) -> str:
        """Write it for a notebook.

        Returns
        -------
        str
            HTML.
        """

        def paragraphs(text: str) -> str:
            kind = "pre" if "\n" in text else "p"  # lines of a text are aligned
            return f"<{kind}>{html.escape(text)}</{kind}>" if text else ""

        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(show_number(value))}</td></tr>"
            for name, value in self.pairs
        )
        parts = [paragraphs(self.title), f"<table>{rows}</table>" if rows else ""]
        if self.table is not None:
            parts.append(_blanks(self.table).to_html(index=False, float_format="{:.4g}".format, na_rep=""))
        return "".join([*parts, paragraphs("\n".join(self.notes))])


def _blanks(table: pd.DataFrame) -> pd.DataFrame:
    """Empty the missing cells of nullable columns, which pandas writes as "<NA>" whatever is asked for."""
    import pandas as pd

    nullable = [name for name, kind in table.dtypes.items() if pd.api.types.is_extension_array_dtype(kind)]
    return table.assign(
        **{str(name): table[name].astype(object).where(table[name].notna(), "") for name in nullable}
    )


def _is_interval(name: str) -> bool:
    return not {"ci", "interval"}.isdisjoint(name.split("_"))


def as_json(value: object) -> Any:
    """Turn a value of a result into what JSON can hold: numbers, words, lists, tables, None.

    Parameters
    ----------
    value : object
        NaN and `NotEstimable` become None, infinities the words "Infinity" and "-Infinity".

    Returns
    -------
    object

    Examples
    --------
    >>> as_json((0.5, float("inf"), NotEstimable("nobody was rated")))
    [0.5, 'Infinity', None]
    """
    import numpy as np
    import pandas as pd

    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, pd.DataFrame):
        value = value.to_dict("records")
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset | pd.Series):
        return [as_json(item) for item in cast("list[object]", value)]
    if isinstance(value, Result):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, NotEstimable):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    return _json_scalar(value, (pd.NaT, pd.NA))


def _json_scalar(value: object, blanks: tuple[object, ...]) -> bool | int | float | str | None:
    if value is None or isinstance(value, NotEstimable) or any(value is blank for blank in blanks):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value if isinstance(value, bool | int | float | str) else str(value)


class Result:
    """Base of every frozen result dataclass: one way to print, to tabulate, to export and to draw.

    The display is made once, by `_display`, for terminal and notebook; a subclass that reads better otherwise
    overrides that and nothing else. `to_frame` has one row of the scalar fields; a subclass whose result is a table
    overrides it.
    """

    def _values(self) -> Iterable[tuple[str, object]]:
        """Give the names and values of the scalar fields; arrays and frames are left to `to_frame`."""
        if not is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass to be shown")
        for field in fields(self):
            value = getattr(self, field.name)
            value = value.item() if getattr(value, "ndim", 1) == 0 else value  # a number of NumPy
            if field.repr and (
                value is None or isinstance(value, bool | int | float | str | tuple | NotEstimable)
            ):
                yield field.name, value

    def _display(self) -> Display:
        """Say what a person sees first: the name of the result, and its scalar fields."""

        def as_text(name: str, value: object) -> object:
            if _is_interval(name) and isinstance(value, tuple):
                return " to ".join(show_number(end) for end in cast("tuple[object, ...]", value))
            return value

        pairs = tuple((name.replace("_", " "), as_text(name, value)) for name, value in self._values())
        return Display(type(self).__name__, pairs)

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a tidy frame; one row unless the result is a table.

        Returns
        -------
        pandas.DataFrame
            The limits of `ci` are `lower` and `upper`, those of ``NAME_ci`` are ``NAME_lower`` and ``NAME_upper``.
            What is not estimable is NaN, and `reason` says why as "column: reason", joined by "; ".
        """
        import pandas as pd

        row: dict[str, object] = {}
        reasons: list[str] = []
        for name, value in self._values():
            stem = "".join(f"{part}_" for part in name.split("_") if part not in {"ci", "interval"})
            if _is_interval(name):
                ends: tuple[object, ...] = (
                    cast("tuple[object, ...]", value) if isinstance(value, tuple) else (None, None)
                )
                row[f"{stem}lower"], row[f"{stem}upper"] = (
                    math.nan if end is None or isinstance(end, NotEstimable) else end for end in ends
                )
            elif isinstance(value, tuple):
                row[name] = show_number(cast("object", value))
            else:
                row[name] = math.nan if isinstance(value, NotEstimable) else value
            if isinstance(value, NotEstimable):
                reasons.append(f"{name}: {value.reason}")
        if reasons:
            row["reason"] = "; ".join(reasons)
        return pd.DataFrame([row])

    def to_dict(self) -> dict[str, Any]:
        """Return every field by its name, as plain numbers, words, lists and None.

        Returns
        -------
        dict
            With the reasons of what is not estimable under "reason".
        """
        if not is_dataclass(self):
            raise TypeError(f"{type(self).__name__} must be a dataclass to be exported")
        made: dict[str, Any] = {}
        reasons: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            made[field.name] = as_json(value)
            if isinstance(value, NotEstimable):
                reasons.append(f"{field.name}: {value.reason}")
        return {**made, "reason": "; ".join(reasons)} if reasons else made

    def to_json(self) -> str:
        """Return `to_dict` as JSON.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict(), allow_nan=False)

    def to_markdown(self) -> str:
        """Return `to_frame` as a Markdown table.

        Returns
        -------
        str
        """
        head, *rows = self._cells()
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join(
            "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines
        )

    def to_latex(self) -> str:
        """Return `to_frame` as a LaTeX table.

        Returns
        -------
        str
            A ``tabular`` with plain rules, which needs no package.
        """
        marks = {c: "\\" + c for c in "&%$#_{}"}
        marks |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
        lines = [
            " & ".join("".join(marks.get(c, c) for c in cell) for cell in line) + r" \\"
            for line in self._cells()
        ]
        columns = "l" * len(self._cells()[0])
        lines[1:1] = [r"\hline"]
        return "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\hline", *lines, r"\hline", r"\end{tabular}"])

    def _cells(self) -> list[list[str]]:
        """Write the frame as words, its header first."""
        import pandas as pd

        frame = self.to_frame()

        def word(value: Any) -> str:
            return "" if value is None or value is pd.NaT or value != value else show_number(value)  # noqa: PLR0124

        return [
            [str(name) for name in frame.columns],
            *([word(value) for value in row] for row in frame.itertuples(index=False)),
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the result, where there is a figure for it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; else a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        TypeError
            If there is no figure of such a result.
        """
        from pnstrial.figures import draw

        return draw(self, ax=ax)

    def __str__(self) -> str:
        return self._display().text()

    def _repr_html_(self) -> str:
        """Return the display of a notebook."""
        return self._display().page()

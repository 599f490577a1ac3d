"""What is a table, a figure, a section of the report?

Input: numbers and frames of the analysis.
Output: `Table`, `Figure` and `Section`, and how shares and numbers are written in them.
Protocol section: none.
Method: frozen records; rendering decides how they look.
Next: `reporting.contents`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Figure", "Section", "Table", "number", "share"]


@dataclass(frozen=True)
class Table:
    """A numbered table or listing."""

    number: str
    title: str
    frame: pd.DataFrame
    headers: tuple[str, ...]
    population: str
    sources: str
    section: str
    footnote: str = ""
    empty: str = "there is nothing to list."


@dataclass(frozen=True)
class Figure:
    """A numbered figure; `draw` gives its Axes, `reason` says why there is none."""

    number: str
    title: str
    caption: str
    alternative: str
    population: str
    draw: Callable[[], Axes] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    key: str
    title: str
    items: tuple[Table | Figure, ...] = ()
    paragraphs: tuple[str, ...] = field(default=())


def share(count: int, n: int) -> str:
    """Write a count with its denominator and per cent."""
    return f"{count}/{n}" if n == 0 else f"{count}/{n} ({100 * count / n:.0f} %)"


def number(value: float) -> str:
    """Write a number with three digits; a limit that does not exist is "no limit"."""
    return f"{value:.3g}" if np.isfinite(value) else "no limit"

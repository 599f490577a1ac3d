"""How does a figure reach the page?

Input: a function that draws and returns Axes.
Output: SVG or PNG bytes.
Protocol section: none.
Method: one figure at a time, off screen, without date and with fixed identifiers: the same data, the same bytes. Texts
of another language take the place of those that were drawn, ticks included.
Next: `scripts`.
"""

from __future__ import annotations

import gc
import io
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "drawn"]

KINDS: Final = {"svg": "image/svg+xml", "png": "image/png"}
_ONE_AT_A_TIME = Lock()


def drawn(draw: Callable[[], Any], kind: str, say: Callable[[str], str] | None = None) -> bytes:
    """Draw a figure.

    Parameters
    ----------
    draw : callable
        Gives Axes.
    kind : {"svg", "png"}
    say : callable, optional
        Gives each text in another language.

    Returns
    -------
    bytes
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with _ONE_AT_A_TIME, mpl.rc_context({"svg.hashsalt": "page", "svg.fonttype": "path"}):
        gc.disable()  # a figure is a heavy circle of references: young as a whole when it is done, it goes at once
        try:
            content = _saved(draw, kind, say)
        finally:
            plt.close("all")
            gc.enable()
        gc.collect(0)
    return content


def _saved(draw: Callable[[], Any], kind: str, say: Callable[[str], str] | None) -> bytes:
    options = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 200, "metadata": {"Software": None}}
    figure = draw().get_figure(root=True)
    if say is not None:
        _translate(figure, say)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, bbox_inches="tight", **options)
    return buffer.getvalue()


def _translate(figure: Any, say: Callable[[str], str]) -> None:
    """Say every text of a figure in another language, those that ticks get when they are drawn as well."""
    from matplotlib.text import Text
    from matplotlib.ticker import Formatter

    class Said(Formatter):
        def __init__(self, formatter: Any) -> None:
            self.formatter = formatter

        def __call__(self, x: float, pos: int | None = None) -> str:
            return say(self.formatter(x, pos))

        def format_ticks(self, values: Any) -> list[str]:
            return [say(text) for text in self.formatter.format_ticks(values)]

        def set_axis(self, axis: Any) -> None:
            self.formatter.set_axis(axis)

        def set_locs(self, locs: Any) -> None:
            self.formatter.set_locs(locs)

        def get_offset(self) -> str:
            return say(self.formatter.get_offset())

    for text in figure.findobj(Text):
        text.set_text(say(text.get_text()))
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(Said(axis.get_major_formatter()))

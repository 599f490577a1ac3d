"""How does a figure reach the page?

Input: a function that draws and returns Axes.
Output: SVG or PNG bytes.
Protocol section: none.
Method: one figure at a time, off screen, without date and with fixed identifiers: the same data, the same bytes.
Next: `scripts`.
"""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "drawn"]

KINDS: Final = {"svg": "image/svg+xml", "png": "image/png"}
_ONE_AT_A_TIME = Lock()


def drawn(draw: Callable[[], Any], kind: str) -> bytes:
    """Draw a figure.

    Parameters
    ----------
    draw : callable
        Gives Axes.
    kind : {"svg", "png"}

    Returns
    -------
    bytes
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    options = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 200, "metadata": {"Software": None}}
    with _ONE_AT_A_TIME, mpl.rc_context({"svg.hashsalt": "page", "svg.fonttype": "path"}):
        try:
            figure = draw().get_figure(root=True)
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, bbox_inches="tight", **options)
        finally:
            plt.close("all")
    return buffer.getvalue()

"""How do tables and figures of a report become files of their own?

Input: a `Document`.
Output: each table as CSV, each figure as SVG, on request as PNG.
Protocol section: none.
Method: no clock, fixed identifiers and metadata, so that the same input gives the same bytes.
Next: `reporting.page`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pnstrial.reporting.items import Figure, Table, refer
from pnstrial.writing import spreadsheet_frame

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox

    from pnstrial.reporting.items import Document

__all__ = ["PNG_DPI", "Drawings", "draw", "write_tables"]

PNG_DPI: Final = 200

MARGIN: Final = 0.1
"""White around a figure, in inches."""


@dataclass(frozen=True)
class Drawings:
    """The drawn figures of a report by their key: SVG text, and PNG bytes where they were asked for."""

    svg: dict[str, str] = field(default_factory=dict[str, str])
    png: dict[str, bytes] = field(default_factory=dict[str, bytes])


def draw(document: Document, *, png: bool = False) -> Drawings:
    """Draw every figure that can be drawn.

    Parameters
    ----------
    document : Document
    png : bool, default False
        Whether to draw PNG too.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    found = Drawings()
    for item in document.items:
        if not isinstance(item, Figure) or item.draw is None:
            continue
        drawing = item.draw().get_figure(root=True)
        if drawing is None:
            continue
        box = _laid_out(drawing)
        buffer = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": item.number, "svg.fonttype": "none"}):
            drawing.savefig(buffer, format="svg", bbox_inches=box, metadata={"Date": None})
        found.svg[item.key] = buffer.getvalue().decode()
        if png:
            buffer = io.BytesIO()
            drawing.savefig(buffer, format="png", dpi=PNG_DPI, bbox_inches=box, metadata={"Software": None})
            found.png[item.key] = buffer.getvalue()
        plt.close(drawing)
    return found


def _laid_out(drawing: Drawing) -> Bbox:
    """Solve the layout without the trial drawing of `savefig`, and give the part of the page that is drawn on."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG

    class Canvas(FigureCanvasSVG):
        def get_renderer(self) -> RendererSVG:
            return measure

    drawing.set_dpi(72)  # as every SVG of matplotlib
    measure = RendererSVG(*drawing.bbox.size, io.StringIO())
    Canvas(drawing)
    engine = drawing.get_layout_engine()
    if engine is not None:
        engine.execute(drawing)
        drawing.set_layout_engine(None)
    return drawing.get_tightbbox(measure).padded(MARGIN)


def write_tables(document: Document, drawings: Drawings, folder: Path) -> None:
    """Write each table as CSV under ``tables`` and each figure under ``figures``."""
    names = document.names
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for item in document.items:
        if isinstance(item, Table):
            frame = item.frame.map(lambda value: refer(value, names) if isinstance(value, str) else value)
            spreadsheet_frame(frame).to_csv(
                folder / "tables" / f"{item.number}.csv", index=False, lineterminator="\n"
            )
        if item.key in drawings.svg:
            (folder / "figures" / f"{item.number}.svg").write_text(drawings.svg[item.key], encoding="utf-8")
        if item.key in drawings.png:
            (folder / "figures" / f"{item.number}.png").write_bytes(drawings.png[item.key])

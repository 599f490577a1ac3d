"""How does the report become files?

Input: sections of numbered items.
Output: one self-contained HTML page; each table as CSV, each figure as SVG and PNG; on request .docx and .rtf.
Protocol section: all.
Method: the same input gives the same bytes: no clock, fixed identifiers, fixed metadata.
Next: `cli.report`.
"""

from __future__ import annotations

import base64
import datetime as dt
import html
import io
import platform
import zipfile
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial import __version__
from pnstrial.page import STYLE, cell_text, response_sentence, table_html
from pnstrial.reporting.items import Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure as Drawing

    from pnstrial.analysis import Analysis

__all__ = ["draw_all", "full_page", "write_docx", "write_files", "write_rtf"]

_PACKAGES = ("numpy", "scipy", "pandas", "pydantic", "matplotlib", "statsmodels", "lifelines", "numba")


def _drawing(figure: Figure) -> Drawing | None:
    """Draw a figure; None where there is none to draw."""
    if figure.draw is None:
        return None
    drawn: Any = figure.draw().figure
    return drawn


def _saved(drawing: Drawing, kind: str) -> bytes:
    import matplotlib as mpl

    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "pnstrial", "svg.fonttype": "none"}):
        drawing.savefig(buffer, format=kind, dpi=110, bbox_inches="tight", metadata=metadata)
    return buffer.getvalue()


def draw_all(sections: Sequence[Section]) -> dict[str, tuple[bytes, bytes]]:
    """Give (SVG, PNG) of every figure that can be drawn, by its number."""
    from matplotlib import pyplot as plt

    images: dict[str, tuple[bytes, bytes]] = {}
    for section in sections:
        for item in section.items:
            if isinstance(item, Figure):
                drawing = _drawing(item)
                if drawing is not None:
                    images[item.number] = (_saved(drawing, "svg"), _saved(drawing, "png"))
                    plt.close(drawing)
    return images


def _figure_html(item: Figure, images: dict[str, tuple[bytes, bytes]]) -> str:
    title = f"Figure {item.number}. {item.title}"
    if item.number not in images:
        return f"<p><strong>{html.escape(title)}</strong>: not drawn, {html.escape(item.reason)}.</p>"
    data = base64.b64encode(images[item.number][1]).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(f"{title}. {item.alternative}")}">'
        f"<figcaption><strong>{html.escape(title)}</strong> ({html.escape(item.population)}). "
        f"{html.escape(item.caption)}</figcaption></figure>"
    )


def _table_html(item: Table) -> str:
    foot = f"{item.footnote} Set: {item.population}. Source: {item.sources}. Protocol: {item.section}."
    caption = f"{item.number} {item.title}"
    shown = item.frame.copy()
    shown.columns = pd.RangeIndex(shown.shape[1])
    body = table_html(shown, caption, item.headers, empty=item.empty)
    return f'{body}<p class="soft note">{html.escape(foot.strip())}</p>'


def provenance(analysis: Analysis, command: str | None) -> pd.DataFrame:
    """List what made the numbers: protocol, package and library versions, input files, command line.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    command : str or None

    Returns
    -------
    pandas.DataFrame
        what, value.
    """
    rows = [
        ("protocol", f"{analysis.protocol.id}, version {analysis.protocol.version}"),
        ("pnstrial", __version__),
        ("Python", platform.python_version()),
    ]
    for name in _PACKAGES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            rows.append((name, "not installed"))
    rows.append(("command line", command or "called from a script"))
    rows.append(("seed", "none: nothing here is simulated or resampled"))
    rows += [(f"SHA-256 of {file}", digest) for file, digest in sorted(analysis.trial.files.items())]
    return pd.DataFrame(rows, columns=["what", "value"])


def _methods(analysis: Analysis, command: str | None) -> str:
    protocol = analysis.protocol
    windows = "; ".join(
        f"{visit.name}: day {visit.target_day} ({visit.first_day} to {visit.last_day})"
        for visit in protocol.visits
    )
    ways = "; ".join(f"{event}: {way}" for event, way in protocol.estimand.strategies().items())
    assumed = pd.DataFrame(protocol.assumed, columns=["setting", "value"])
    return (
        f"<p>Estimand: {html.escape(ways)}. Day 1 is the first infusion; there is no day 0. Windows: "
        f"{html.escape(windows)}. In a window the rating nearest the target counts, the later of two equally near; of "
        "several raters the lowest at baseline, the highest after it. Death is mRS 6. Proportions: Clopper-Pearson "
        "interval, exact one-sided binomial test. Survival: Kaplan-Meier with beta product interval. Paired tests are "
        "exact, with ties and zeros.</p>"
        + table_html(assumed, "Settings that no source states (assumed)", ("Setting", "Value"))
        + table_html(provenance(analysis, command), "Provenance", ("What", "Value"))
    )


def full_page(
    analysis: Analysis,
    sections: Sequence[Section],
    images: dict[str, tuple[bytes, bytes]],
    command: str | None = None,
) -> str:
    """Write the whole report as one self-contained HTML page.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    sections : sequence of Section
    images : dict
        (SVG, PNG) of each figure by its number.
    command : str, optional
        The command line, for the provenance.

    Returns
    -------
    str
    """
    protocol, trial = analysis.protocol, analysis.trial
    parts = [(s.key, s.title, "".join(_item_html(item, images) for item in s.items)) for s in sections]
    parts.append(("methods", "Methods and provenance", _methods(analysis, command)))
    links = "".join(f'<li><a href="#{key}">{html.escape(title)}</a></li>' for key, title, _ in parts)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{html.escape(title)}</h2>{content}</section>'
        for key, title, content in parts
    )
    banner = (
        '<p class="banner">The patients in this report are invented. Nothing here was observed in a trial.</p>'
        if trial.synthetic
        else ""
    )
    style = STYLE + "figure img{max-width:100%;height:auto;display:block}.note{font-size:.85rem;margin-top:0}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(protocol.title)}: report</title><style>{style}</style></head><body>"
        '<a class="skip" href="#main">To the report</a>'
        f"<header><h1>{html.escape(protocol.title)}</h1>"
        f'<p class="soft">Report under protocol {html.escape(protocol.id)}, version {html.escape(protocol.version)}</p>'
        f"{banner}<p><strong>{html.escape(response_sentence(analysis.primary))}</strong></p>"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav></header><main id="main">{body}</main>'
        f"<footer><p>pnstrial {__version__}. A dash is a value that was not collected or does not apply.</p></footer>"
        "</body></html>\n"
    )


def _item_html(item: Table | Figure, images: dict[str, tuple[bytes, bytes]]) -> str:
    return _table_html(item) if isinstance(item, Table) else _figure_html(item, images)


def write_files(
    sections: Sequence[Section], images: dict[str, tuple[bytes, bytes]], folder: Path
) -> list[Path]:
    """Write each table as CSV and each figure as SVG and PNG.

    Parameters
    ----------
    sections : sequence of Section
    images : dict
    folder : Path

    Returns
    -------
    list of Path
    """
    written: list[Path] = []
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for section in sections:
        for item in section.items:
            if isinstance(item, Table):
                path = folder / "tables" / f"{item.number}.csv"
                frame = item.frame.copy()
                frame.columns = list(item.headers)
                frame.to_csv(path, index=False, lineterminator="\n")
                written.append(path)
    for number, pictures in images.items():
        for suffix, data in zip((".svg", ".png"), pictures, strict=True):
            path = folder / "figures" / f"{number}{suffix}"
            path.write_bytes(data)
            written.append(path)
    return written


def write_docx(
    analysis: Analysis, sections: Sequence[Section], images: dict[str, tuple[bytes, bytes]], path: Path
) -> None:
    """Write the report as a Word document (extra ``docx``).

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    sections : sequence of Section
    images : dict
    path : Path

    Raises
    ------
    ValueError
        If the extra is not installed.
    """
    try:
        import docx
        from docx.shared import Inches
    except ImportError:
        raise ValueError('a Word document needs an extra: pip install "pnstrial[docx]"') from None
    document: Any = docx.Document()
    fixed = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    properties = document.core_properties
    properties.author, properties.title = "pnstrial", analysis.protocol.title
    properties.created = properties.modified = fixed
    document.add_heading(analysis.protocol.title, 0)
    if analysis.trial.synthetic:
        document.add_paragraph(
            "The patients in this report are invented. Nothing here was observed in a trial."
        )
    document.add_paragraph(response_sentence(analysis.primary))
    for section in sections:
        document.add_heading(section.title, 1)
        for item in section.items:
            if isinstance(item, Figure):
                document.add_paragraph(f"Figure {item.number}. {item.title}", style="Heading 2")
                if item.number in images:
                    document.add_picture(io.BytesIO(images[item.number][1]), width=Inches(6))
                    document.add_paragraph(item.caption)
                else:
                    document.add_paragraph(f"Not drawn: {item.reason}.")
                continue
            document.add_paragraph(f"{item.number} {item.title}", style="Heading 2")
            if item.frame.empty:
                document.add_paragraph(item.empty)
                continue
            grid = document.add_table(rows=1, cols=len(item.headers), style="Light Grid Accent 1")
            for cell, text in zip(grid.rows[0].cells, item.headers, strict=True):
                cell.text = text
            for row in item.frame.itertuples(index=False):
                cells = grid.add_row().cells
                for cell, value in zip(cells, row, strict=True):
                    cell.text = cell_text(value)
            document.add_paragraph(f"{item.footnote} Set: {item.population}. Source: {item.sources}.".strip())
    buffer = io.BytesIO()
    document.save(buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():  # the archive's own clock would make every run another file
            target.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED
            )


def write_rtf(sections: Sequence[Section], folder: Path) -> list[Path]:
    """Write each table as RTF (extra ``rtf``).

    Parameters
    ----------
    sections : sequence of Section
    folder : Path

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        If the extra is not installed.
    """
    try:
        import polars as pl
        import rtflite
    except ImportError:
        raise ValueError('tables as RTF need an extra: pip install "pnstrial[rtf]"') from None
    folder.mkdir(parents=True, exist_ok=True)
    library: Any = rtflite
    written: list[Path] = []
    for section in sections:
        for item in section.items:
            if not isinstance(item, Table) or item.frame.empty:
                continue
            data = {
                header: [cell_text(value) for value in item.frame.iloc[:, position]]
                for position, header in enumerate(_distinct(item.headers))
            }
            document = library.RTFDocument(
                df=pl.DataFrame(data),
                rtf_title=library.RTFTitle(text=f"{item.number} {item.title}"),
                rtf_footnote=library.RTFFootnote(
                    text=f"{item.footnote} Set: {item.population}. Source: {item.sources}.".strip()
                ),
                rtf_body=library.RTFBody(col_rel_width=[1.0] * len(data)),
            )
            path = folder / f"{item.number}.rtf"
            with redirect_stdout(io.StringIO()):  # the library prints each file's name
                document.write_rtf(str(path))
            written.append(path)
    return written


def _distinct(headers: Sequence[str]) -> list[str]:
    return [header if header not in headers[:i] else f"{header} ({i})" for i, header in enumerate(headers)]

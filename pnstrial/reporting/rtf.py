"""How does a report become RTF, as regulatory writers exchange tables?

Input: a `Document` and its drawings as PNG.
Output: one RTF text with all tables and figures in order, and one for each table.
Protocol section: none.
Method: Rich Text Format 1.9.1: landscape A4, page x of y, heads that repeat,
rows that are not split; every character of
the text stands as it was typed.
Next: `cli.report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pnstrial.reporting.files import PNG_DPI
from pnstrial.reporting.items import Figure, Table, cells, column_heads, column_widths, refer, right_aligned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pnstrial.reporting.files import Drawings
    from pnstrial.reporting.items import Document, Item

__all__ = ["rtf_report", "rtf_table"]

PAGE_TWIPS: Final = (16838, 11906)
MARGIN_TWIPS: Final = 1134
HALF_EM_TWIPS: Final = 90
"""Half an em of the text of a table, which has 9 points."""
TWIPS_PER_PIXEL: Final = 1440 / PNG_DPI
ROOM: Final = (PAGE_TWIPS[0] - 2 * MARGIN_TWIPS) / HALF_EM_TWIPS
FIGURE_TWIPS: Final = (PAGE_TWIPS[0] - 2 * MARGIN_TWIPS, 7000)


def _escaped(text: str) -> str:
    r"""Write a text so that every character stands as it was typed.

    Examples
    --------
    >>> _escaped("follow_up {a} ≥ 3")
    'follow_up \\{a\\} \\u8805? 3'
    """
    parts: list[str] = []
    for character in text:
        if character in "\\{}":
            parts.append("\\" + character)
        elif ord(character) < 128:
            parts.append(character)
        else:
            units = character.encode("utf-16-le")
            for low, high in zip(units[::2], units[1::2], strict=True):
                code = low + 256 * high
                parts.append(f"\\u{code - 65536 if code > 32767 else code}?")
    return "".join(parts)


def _paragraph(text: str, style: str) -> str:
    return f"\\pard\\plain\\f0{style} {_escaped(text)}\\par\n"


TITLE: Final = "\\fs22\\b\\keepn\\sa120"
NOTE: Final = "\\fs16\\sb80\\sa160"
PLAIN: Final = "\\fs18\\sa120"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    right = right_aligned(rows)
    widths = column_widths(heads, rows, ROOM)
    edges = [round(sum(widths[: place + 1]) * HALF_EM_TWIPS) for place in range(len(widths))]

    def row_text(texts: Sequence[str], kind: str, rules: str) -> str:
        definition = "".join(f"{rules}\\cellx{edge}" for edge in edges)
        content = ""
        is_group = kind == "" and len(texts) > 1 and not any(texts[1:])
        for place, text in enumerate(texts):
            side = "\\qr" if right[place] else "\\ql"
            indent = "\\li240" if text.startswith("  ") else ""
            bold = "\\b" if kind or is_group else ""
            look = f"\\f0\\fs18\\sb20\\sa20{side}{indent}{bold}"
            content += f"\\pard\\plain\\intbl{look} {_escaped(text.strip())}\\cell\n"
        return f"\\trowd\\trgaph60\\trkeep{kind}\n{definition}\n{content}\\row\n"

    thin, thick = "\\brdrs\\brdrw5", "\\brdrs\\brdrw15"
    found = [row_text(heads, "\\trhdr", f"\\clbrdrt{thick}\\clbrdrb{thick}\\clvertalb")]
    found += [row_text(row, "", f"\\clbrdrb{thin}") for row in rows]
    return "".join(found) + "\\pard\\plain\\fs4\\par\n"


def _picture(png: bytes) -> str:
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    scale = min(FIGURE_TWIPS[0] / width, FIGURE_TWIPS[1] / height, TWIPS_PER_PIXEL)
    size = f"\\picwgoal{round(width * scale)}\\pichgoal{round(height * scale)}"
    return f"\\pard\\plain\\keepn {{\\pict\\pngblip\\picw{width}\\pich{height}{size}\n{png.hex()}}}\\par\n"


def _whole(content: str, subtitle: str) -> str:
    page, pages = (f"{{\\field{{\\*\\fldinst {code}}}{{\\fldrslt 1}}}}" for code in ("PAGE", "NUMPAGES"))
    footer = f"\\tqr\\tx{FIGURE_TWIPS[0]} {_escaped(subtitle)}\\tab Page {page} of {pages}"
    return (
        "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fswiss Arial;}}\n"
        f"\\paperw{PAGE_TWIPS[0]}\\paperh{PAGE_TWIPS[1]}\\landscape\\margl{MARGIN_TWIPS}\\margr{MARGIN_TWIPS}"
        f"\\margt{MARGIN_TWIPS}\\margb{MARGIN_TWIPS}\n{{\\footer\\pard\\plain\\f0\\fs16 {footer}\\par}}\n{content}}}\n"
    )


def _item(document: Document, item: Item, drawings: Drawings) -> str:
    names = document.names
    parts = [_paragraph(f"{item.name}. {item.title}", TITLE)]
    if isinstance(item, Table):
        if item.frame.empty:
            parts.append(_paragraph(item.empty, PLAIN))
        elif document.left_to_csv(item):
            note = f"{len(item.frame)} rows: see the file tables/{item.number}.csv beside this report."
            parts.append(_paragraph(note, PLAIN))
        else:
            rows = [[refer(text, names) for text in row] for row in cells(item)]
            parts.append(_table(column_heads(item), rows))
        parts.append(_paragraph(refer(item.foot, names), NOTE))
    elif isinstance(item, Figure):
        if item.key in drawings.png:
            parts.append(_picture(drawings.png[item.key]))
            population = f" Set: {item.population}." if item.population else ""
            parts.append(_paragraph(refer(item.caption, names) + population, NOTE))
        else:
            parts.append(_paragraph(f"Not drawn: {item.reason}.", PLAIN))
    return "".join(parts)


def rtf_table(document: Document, item: Table, drawings: Drawings) -> str:
    """Write one table as RTF."""
    return _whole(_item(document, item, drawings), document.subtitle)


def rtf_report(document: Document, drawings: Drawings) -> str:
    """Write the whole report as RTF: a front page, then a page for each item.

    Parameters
    ----------
    document : Document
    drawings : Drawings
        With PNG.
    """
    parts = [_paragraph(document.title, "\\fs36\\b\\sa240"), _paragraph(document.subtitle, PLAIN)]
    parts += [_paragraph(text, PLAIN) for text in (*document.notices, *document.summary)]
    for section in document.sections:
        head = f"{section.number} {section.title}".strip()
        parts.append(_paragraph(head, "\\page\\fs28\\b\\keepn\\outlinelevel0\\sa200"))
        parts += [_paragraph(refer(text, document.names), PLAIN) for text in section.paragraphs]
        for place, item in enumerate(section.items):
            parts.append(("\\page\n" if place else "") + _item(document, item, drawings))
    return _whole("".join(parts), document.subtitle)

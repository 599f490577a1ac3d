"""How does a report become a Word document that a medical writer can take over?

Input: a `Document` and its drawings as PNG.
Output: the bytes of a .docx file.
Protocol section: none.
Method: styles (Title, Heading, Caption, Table Text, Note), a contents field that already holds its entries, heads that
repeat, rows that are not split, page x of y; listings stand on landscape pages. No clock: the same bytes every time.
Next: `reporting.rtf`.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from pnstrial.reporting.items import (
    FEW_ROWS,
    Figure,
    Listing,
    Table,
    cells,
    column_heads,
    column_widths,
    refer,
    right_aligned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pnstrial.reporting.files import Drawings
    from pnstrial.reporting.items import Document, Item

__all__ = ["word_document"]

W: Final = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MARGIN_MM: Final = 20
A4_MM: Final = (210, 297)
HALF_EM_MM: Final = 4 / 72 * 25.4
"""Half an em of the text of a table, which has 8 points."""
TWIPS_PER_MM: Final = 1440 / 25.4
TALLEST_FIGURE_MM: Final = 200

_STYLES: Final = (
    ("TableText", "Table Text", "Normal", '<w:spacing w:before="20" w:after="20"/>', '<w:sz w:val="16"/>'),
    ("Note", "Note", "Normal", '<w:keepLines/><w:spacing w:before="40" w:after="160"/>',
    '<w:color w:val="4F5B69"/><w:sz w:val="17"/>'),
    ("TOC1", "toc 1", "Normal", '<w:spacing w:before="120" w:after="20"/>', "<w:b/>"),
    ("TOC2", "toc 2", "Normal", '<w:spacing w:after="20"/><w:ind w:left="300"/>', ""),
)  # fmt: skip
"""Id, name, parent, paragraph and run properties of the styles that the template lacks."""


def word_document(document: Document, drawings: Drawings) -> bytes:
    """Write a report as a Word document (extra ``docx``).

    Parameters
    ----------
    document : Document
    drawings : Drawings
        With PNG.

    Raises
    ------
    ValueError
        If the extra is not installed.
    """
    try:
        import docx
    except ImportError:
        raise ValueError('a Word document needs an extra: pip install "pnstrial[docx]"') from None
    file: Any = docx.Document()
    _prepare(file, document)
    writer = _Writer(file, document, drawings)
    writer.front()
    for section in document.sections:
        if any(isinstance(item, Listing) for item in section.items) != writer.landscape:
            writer.turn()
        writer.heading(f"{section.number} {section.title}".strip(), section.key)
        for text in section.paragraphs:
            writer.paragraph(text)
        for item in section.items:
            writer.item(item)
    buffer = io.BytesIO()
    file.save(buffer)
    return _without_clock(buffer.getvalue())


def _prepare(file: Any, document: Document) -> None:
    """Set page, styles and properties."""
    from docx.oxml import parse_xml
    from docx.shared import Mm, Pt, RGBColor

    properties = file.core_properties
    properties.author, properties.title, properties.comments = "pnstrial", document.title, ""
    properties.created = properties.modified = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    page = file.sections[0]
    page.page_width, page.page_height = (Mm(size) for size in A4_MM)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(MARGIN_MM)
    for name, size in (("Normal", 10), ("Title", 20), ("Heading 1", 15), ("Caption", 10)):
        style = file.styles[name]
        style.font.name, style.font.size = "Arial", Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(f"{{http://schemas.openxmlformats.org/wordprocessingml/2006/main}}{kind}", None)
        style.font.color.rgb = RGBColor(0x1D, 0x27, 0x33)
        style.paragraph_format.keep_with_next = name in {"Heading 1", "Caption"}
    caption = file.styles["Caption"]
    caption.font.bold, caption.paragraph_format.space_before = True, Pt(14)
    for key, name, parent, paragraph, run in _STYLES:
        file.styles.element.append(
            parse_xml(
                f'<w:style {W} w:type="paragraph" w:customStyle="1" w:styleId="{key}"><w:name w:val="{name}"/>'
                f'<w:basedOn w:val="{parent}"/><w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>'
            )
        )
    footer = file.sections[0].footer.paragraphs[0]._p  # noqa: SLF001 - the library has no field of its own
    for part in (*_runs(f"{document.subtitle}   Page "), _field("PAGE"), *_runs(" of "), _field("NUMPAGES")):
        footer.append(parse_xml(part))


def _runs(text: str, bold: bool = False) -> list[str]:
    mark = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return [f'<w:r {W}>{mark}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>']


def _field(code: str) -> str:
    return f'<w:fldSimple {W} w:instr=" {code} "><w:r><w:t>1</w:t></w:r></w:fldSimple>'


def _anchor(key: str) -> str:
    """Give the name of a bookmark: letters, digits and underscores, at most forty."""
    return f"item_{key.replace('-', '_')}"[:40]


class _Writer:
    """Appends parts to the body of a document."""

    def __init__(self, file: Any, document: Document, drawings: Drawings) -> None:
        self.file, self.document, self.drawings = file, document, drawings
        self.names = document.names
        self.landscape = False
        self.bookmarks = 0

    def _append(self, xml: str) -> None:
        from docx.oxml import parse_xml

        body = self.file.element.body
        body.insert(len(body) - 1, parse_xml(xml))  # the last element holds the page settings

    def paragraph(
        self, text: str, style: str = "Normal", key: str | None = None, properties: str = ""
    ) -> None:
        """Write a paragraph; references become links, a key becomes a bookmark."""
        content = "".join(_runs_with_links(text, self.names))
        if key is not None:
            self.bookmarks += 1
            number = self.bookmarks
            begin, end = f'w:id="{number}" w:name="{_anchor(key)}"', f'w:id="{number}"'
            content = f"<w:bookmarkStart {begin}/>{content}<w:bookmarkEnd {end}/>"
        self._append(f'<w:p {W}><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>{content}</w:p>')

    def heading(self, text: str, key: str) -> None:
        """Write the title of a section."""
        self.paragraph(text, "Heading1", key)

    def front(self) -> None:
        """Write title, notices, summary and contents."""
        document = self.document
        self.paragraph(document.title, "Title")
        self.paragraph(document.subtitle)
        for text in (*document.notices, *document.summary):
            self.paragraph(text)
        if document.facts:
            self._append(
                _table_xml(
                    ["Patients", "Number"],
                    [[label, number] for number, label in document.facts],
                    [40.0, 12.0],
                )
            )
        self.paragraph("Contents", "Normal", properties='<w:keepNext/><w:spacing w:before="360"/>')
        entries = [
            entry
            for section in document.sections
            for entry in (
                ("TOC1", f"{section.number} {section.title}".strip(), section.key),
                *(("TOC2", f"{item.name}. {item.title}", item.key) for item in section.items),
            )
        ]
        begin = (
            '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> TOC \\h \\n '
            '\\o "1-1" \\t "Caption,2" </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        )
        end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        for place, (style, text, key) in enumerate(entries):
            link = (
                f'<w:hyperlink w:anchor="{_anchor(key)}"><w:r><w:t>{escape(text)}</w:t></w:r></w:hyperlink>'
            )
            self._append(
                f'<w:p {W}><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{begin if not place else ""}{link}'
                f"{end if place == len(entries) - 1 else ''}</w:p>"
            )
        self._append(f'<w:p {W}><w:r><w:br w:type="page"/></w:r></w:p>')

    def turn(self) -> None:
        """Begin a page in the other orientation."""
        from docx.enum.section import WD_ORIENT

        self.landscape = not self.landscape
        page = self.file.add_section()
        page.orientation = WD_ORIENT.LANDSCAPE if self.landscape else WD_ORIENT.PORTRAIT
        page.page_width, page.page_height = page.page_height, page.page_width

    def item(self, item: Item) -> None:
        """Write a table or a figure under its caption."""
        self.paragraph(f"{item.name}. {item.title}", "Caption", item.key)
        if isinstance(item, Table):
            self._table(item)
        elif isinstance(item, Figure):
            self._figure(item)

    def _figure(self, item: Figure) -> None:
        from docx.shared import Mm

        if item.key not in self.drawings.png:
            self.paragraph(f"Not drawn: {item.reason}.")
            return
        picture = self.file.add_picture(io.BytesIO(self.drawings.png[item.key]))
        widest = A4_MM[self.landscape] - 2 * MARGIN_MM
        scale = min(Mm(widest) / picture.width, Mm(TALLEST_FIGURE_MM) / picture.height, 1.0)
        picture.width, picture.height = int(picture.width * scale), int(picture.height * scale)
        described = picture._inline.docPr  # noqa: SLF001 - the library has no alternative text
        described.set("descr", refer(f"{item.name}. {item.title}. {item.alternative}", self.names))
        self.file.paragraphs[-1].paragraph_format.keep_with_next = True
        population = f" Set: {item.population}." if item.population else ""
        self.paragraph(item.caption + population, "Note")

    def _table(self, item: Table) -> None:
        if item.frame.empty:
            self.paragraph(item.empty)
        elif self.document.left_to_csv(item):
            self.paragraph(
                f"{len(item.frame)} rows: see the file tables/{item.number}.csv beside this report."
            )
        else:
            heads = column_heads(item)
            rows = [[refer(text, self.names) for text in row] for row in cells(item)]
            room = (A4_MM[self.landscape] - 2 * MARGIN_MM) / HALF_EM_MM
            self._append(_table_xml(heads, rows, column_widths(heads, rows, room)))
        self.paragraph(item.foot, "Note")


def _runs_with_links(text: str, names: dict[str, str]) -> list[str]:
    """Write a text whose references are links within the document."""
    parts: list[str] = []
    for place, piece in enumerate(refer(text, names, lambda key, name: f"\0{key}\1{name}\0").split("\0")):
        if place % 2:
            key, name = piece.split("\1")
            parts.append(f'<w:hyperlink w:anchor="{_anchor(key)}">{"".join(_runs(name))}</w:hyperlink>')
        elif piece:
            parts += _runs(piece)
    return parts


def _table_xml(heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> str:
    """Write a table: head that repeats, rows that are not split, rules above, below and between."""
    right = right_aligned(rows)
    twips = [round(width * HALF_EM_MM * TWIPS_PER_MM) for width in widths]

    def cell(
        text: str, place: int, properties: str, *, span: int = 1, bold: bool = False, keep: bool = True
    ) -> str:
        align = '<w:jc w:val="right"/>' if right[place] and span == 1 else ""
        indent = '<w:ind w:left="200"/>' if text.startswith("  ") else ""
        width = sum(twips[place : place + span])
        merged = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
        style = '<w:pStyle w:val="TableText"/>' + ("<w:keepNext/>" if keep else "")
        content = "".join(_runs(text.strip(), bold))
        return (
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{merged}{properties}</w:tcPr>'
            f"<w:p><w:pPr>{style}{indent}{align}</w:pPr>{content}</w:p></w:tc>"
        )

    shade = '<w:shd w:val="clear" w:color="auto" w:fill="F0F3F6"/><w:vAlign w:val="bottom"/>'
    body = [
        "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>"
        + "".join(cell(head, place, shade, bold=True) for place, head in enumerate(heads))
        + "</w:tr>"
    ]
    for number, row in enumerate(rows):
        is_group = len(row) > 1 and not any(row[1:])
        keep = (
            is_group or len(rows) <= FEW_ROWS or number >= len(rows) - 2
        )  # with the next row, the last with the note
        content = (
            cell(row[0], 0, "", span=len(row), bold=True, keep=keep)
            if is_group
            else "".join(cell(text, place, "", keep=keep) for place, text in enumerate(row))
        )
        body.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{content}</w:tr>")
    rules = "".join(
        f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="{colour}"/>'
        for side, size, colour in (("top", 8, "1D2733"), ("bottom", 8, "1D2733"), ("insideH", 4, "D9DFE5"))
    )
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in twips)
    return (
        f'<w:tbl {W}><w:tblPr><w:tblStyle w:val="TableNormal"/><w:tblW w:w="{sum(twips)}" w:type="dxa"/>'
        f"<w:tblBorders>{rules}</w:tblBorders>"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" '
        'w:type="dxa"/></w:tblCellMar><w:tblLook w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0" '
        f'w:noHBand="1" w:noVBand="1"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(body)}</w:tbl>'
    )


def _without_clock(data: bytes) -> bytes:
    """Write an archive again without the times of its parts."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()

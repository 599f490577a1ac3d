"""How does a report become one HTML page?

Input: a `Document` and its drawings.
Output: one self-contained HTML 5 page: no script, no outside request, the same bytes for the same input.
Protocol section: none.
Method: tables and figures scroll within themselves on a phone; on paper no row, title or figure is cut.
Next: `reporting.word`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from pnstrial.reporting.items import FEW_ROWS, Figure, Table, cells, column_heads, refer, right_aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pnstrial.reporting.items import Document, Item, Section

__all__ = ["page"]

STYLE: Final = """
:root{--ink:#1d2733;--soft:#4f5b69;--line:#d9dfe5;--pale:#f4f6f8;--accent:#0b5c8a}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
  color:var(--ink);background:#fff;overflow-wrap:break-word}
main,header,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem}
h2{font-size:1.3rem;margin:3rem 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--accent)}
h3{font-size:1rem;margin:2rem 0 .4rem}
p{margin:.5rem 0;max-width:48rem}.soft,.note{color:var(--soft)}.note{font-size:.85rem;margin-top:.2rem}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:#fff;padding:.5rem}
.banner{background:#fff4d6;border:1px solid #d9b24c;border-radius:6px;padding:.6rem .9rem;margin:1rem 0;
  font-weight:600;max-width:none}
.lead{font-weight:600}
nav{margin:1.5rem 0;font-size:.92rem}
nav ol{list-style:none;padding:0;margin:.2rem 0;columns:22rem 2;column-gap:2rem}
nav li li{padding-left:1rem;text-indent:-1rem;margin-left:1rem}nav li ol{columns:1}
nav>ol>li{margin-bottom:.7rem}
a{color:var(--accent)}nav a{text-decoration:none}nav a:hover,nav a:focus{text-decoration:underline}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;margin:1rem 0;padding:0}
.card{background:var(--pale);border:1px solid var(--line);border-radius:8px;padding:.7rem 1rem}
.card b{display:block;font-size:1.6rem;line-height:1.25;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:.4rem 0}
table{border-collapse:collapse;font-size:.88rem;min-width:min(100%,30rem);font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{background:var(--pale);border-bottom:2px solid var(--line);vertical-align:bottom}
tbody th{font-weight:400}tbody th.group{font-weight:600;border-bottom:0;padding-top:.6rem}
tbody th.in{padding-left:1.7rem}
td.n,th.n{text-align:right}td.n,.d,.s,.u{white-space:nowrap}
td.fail{color:#9b1c1c;font-weight:700}td.unknown{color:#7a4b00;font-weight:700}
figure{margin:.6rem 0}figcaption{font-size:.88rem;color:var(--soft);margin-top:.4rem;max-width:48rem}
.scroll svg{display:block;max-width:100%;height:auto}
.scroll svg *{stroke-linejoin:round;stroke-linecap:butt}
footer{margin-top:3rem;padding-top:1rem;padding-bottom:2rem;border-top:1px solid var(--line);font-size:.85rem;
  color:var(--soft)}
@media (max-width:36rem){body{font-size:15px}main,header,footer{padding:0 .9rem}
  .cards{grid-template-columns:1fr 1fr;gap:.5rem}.card{padding:.5rem .7rem}
  tbody th.long{min-width:9rem}.scroll svg{max-width:none;min-width:34rem;width:34rem}nav li li{line-height:1.7}}
@page{margin:16mm 14mm 18mm;@bottom-left{content:string(title);font:8pt sans-serif;color:#4f5b69}
  @bottom-right{content:"Page " counter(page) " of " counter(pages);font:8pt sans-serif;color:#4f5b69}}
@media print{
  body{font-size:9.5pt}main,header,footer{max-width:none;padding:0}
  .skip{display:none}a{color:inherit;text-decoration:none}
  .cards{grid-auto-flow:column;grid-auto-columns:1fr;grid-template-columns:none;gap:.5rem}
  .card{padding:.4rem .6rem}.card b{font-size:13pt;white-space:nowrap}
  nav{break-before:page;break-after:page;font-size:8.5pt}nav>ol{columns:2}
  .scroll{overflow:visible}table{font-size:7.6pt;width:auto;max-width:100%}th,td{padding:.18rem .4rem}
  .wide th,.wide td{padding:.18rem .25rem}.wider .n,.wider .s{white-space:normal}.note,figcaption{font-size:8pt}
  h2,h3{break-after:avoid}h2{margin-top:1.5rem}h3{margin-top:1.2rem}
  thead{display:table-header-group}tr,figure,.card,.whole{break-inside:avoid}
  tbody tr:nth-child(-n+2),tr:has(>.group){break-after:avoid}tbody tr:nth-last-child(-n+2){break-before:avoid}
  p.note{break-before:avoid;break-inside:avoid}p,figcaption{max-width:none;orphans:3;widows:3}
  .scroll svg{max-width:100%;max-height:19cm;width:auto}
}
"""


_UNBROKEN: Final = re.compile(r"n = \d+|[−-]?\d[\d.,]*(?: to [−-]?\d[\d.,]*(?: %)?| %)")


def _escape(text: str) -> str:
    return html.escape(text)


def _running(text: str) -> str:
    """Escape a running text, and keep numbers with their unit and intervals on one line."""
    return _UNBROKEN.sub(lambda found: f'<span class="u">{found.group()}</span>', html.escape(text))


def page(document: Document, drawings: Mapping[str, str]) -> str:
    """Write a report as one self-contained HTML page.

    Parameters
    ----------
    document : Document
    drawings : mapping of str
        SVG text of each figure by its key.
    """
    names = document.names

    def link(key: str, name: str) -> str:
        return f'<a class="u" href="#{key}">{name}</a>'

    def linked(text: str) -> str:
        return refer(_running(text), names, link)

    def section_html(section: Section) -> str:
        parts = [f"<p>{linked(text)}</p>" for text in section.paragraphs]
        parts += [_item_html(document, item, drawings, linked) for item in section.items]
        head = f'<h2 id="{section.key}">{_head(section)}</h2>'
        return f'<section aria-labelledby="{section.key}">{head}' + "".join(parts) + "</section>"

    def contents(section: Section) -> str:
        own = "".join(
            f'<li><a href="#{item.key}">{_escape(item.name)}. {_escape(item.title)}</a></li>'
            for item in section.items
        )
        within = f"<ol>{own}</ol>" if own else ""
        return f'<li><a href="#{section.key}"><b>{_head(section)}</b></a>{within}</li>'

    cards = "".join(
        f'<div class="card"><b>{_escape(number)}</b>{_escape(label)}</div>'
        for number, label in document.facts
    )
    leads = [linked(text) for text in document.summary]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escape(document.title)}</title><style>{STYLE}</style></head><body>"
        '<a class="skip" href="#main">To the report</a>'
        f'<header><h1>{_escape(document.title)}</h1><p class="soft">{_escape(document.subtitle)}</p>'
        + "".join(f'<p class="banner">{_escape(text)}</p>' for text in document.notices)
        + "".join(f'<p class="lead">{text}</p>' for text in leads[:1])
        + "".join(f"<p>{text}</p>" for text in leads[1:])
        + (f'<div class="cards">{cards}</div>' if cards else "")
        + '<nav aria-label="Contents"><ol>'
        + "".join(map(contents, document.sections))
        + '</ol></nav></header><main id="main">'
        + "".join(map(section_html, document.sections))
        + f"</main><footer><p>{linked(document.footer)}</p></footer></body></html>\n"
    )


def _head(section: Section) -> str:
    return _escape(f"{section.number} {section.title}".strip())


def _item_html(
    document: Document, item: Item, drawings: Mapping[str, str], linked: Callable[[str], str]
) -> str:
    title = f"{item.name}. {item.title}"
    head = f'<h3 id="{item.key}">{_escape(title)}</h3>'
    if isinstance(item, Table):
        return head + _table_html(document, item, title, linked) + f'<p class="note">{linked(item.foot)}</p>'
    if not isinstance(item, Figure):
        raise TypeError(f"{item.key} is neither a table nor a figure")
    if item.key not in drawings:
        return head + f"<p>Not drawn: {_escape(item.reason)}.</p>"
    label = _escape(f"{title}. {refer(item.alternative, document.names)}")
    caption = linked(item.caption) + (f" Set: {_escape(item.population)}." if item.population else "")
    return (
        f'<div class="whole">{head}<figure>{_scroll(title)}'
        f"{inline_svg(drawings[item.key], item.number, label)}</div><figcaption>{caption}</figcaption></figure></div>"
    )


def _table_html(document: Document, table: Table, title: str, linked: Callable[[str], str]) -> str:
    if table.frame.empty:
        return f"<p>{_escape(table.empty)}</p>"
    if document.left_to_csv(table):
        return f"<p>{len(table.frame)} rows: see the file tables/{table.number}.csv beside this report.</p>"
    rows = cells(table)
    right = right_aligned(rows)
    marked = [str(name) in {"Status", "Overall"} for name in table.frame.columns]
    head = "".join(
        _cell("th", _escape(name), "n" if flush else "", ' scope="col"')
        for name, flush in zip(column_heads(table), right, strict=True)
    )
    body: list[str] = []
    for row in rows:
        first = row[0]
        if len(row) > 1 and not any(row[1:]):
            body.append(f'<tr><th scope="row" class="group" colspan="{len(row)}">{_escape(first)}</th></tr>')
            continue
        kinds = [
            "in" if first.startswith("  ") else "",
            "s" if len(first) <= SHORT else "long" if len(first) >= LONG else "",
        ]
        parts = [_cell("th", _running(first.strip()), " ".join(filter(None, kinds)), ' scope="row"')]
        for text, flush, word in zip(row[1:], right[1:], marked[1:], strict=True):
            mark = text if word and text in {"fail", "unknown"} else "n" if flush else ""
            mark = mark or ("d" if _DATE.fullmatch(text) else "s" if len(text) <= SHORT else "")
            parts.append(_cell("td", linked(text), mark))
        body.append("<tr>" + "".join(parts) + "</tr>")
    more = len(rows[0]) - MOST_COLUMNS
    wide = "" if more < 0 else ' class="wide"' if more == 0 else ' class="wide wider"'
    whole = " whole" if len(rows) <= FEW_ROWS else ""
    return (
        f"{_scroll(title, whole)}<table{wide}>"
        f"<thead><tr>{head}</tr></thead><tbody>" + "".join(body) + "</tbody></table></div>"
    )


def _scroll(title: str, kind: str = "") -> str:
    """Open a box that scrolls by itself, by touch, mouse or keys."""
    return f'<div class="scroll{kind}" role="region" tabindex="0" aria-label="{_escape(title)}">'


def _cell(tag: str, text: str, kind: str, scope: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<{tag}{scope}{named}>{text}</{tag}>"


MOST_COLUMNS: Final = 6
"""A table of so many columns is set narrower on paper; one of more may break its numbers rather than leave the page."""

SHORT, LONG = 14, 24
"""A cell of up to so many letters stays on one line; a row's head of so many is not squeezed on a phone."""

_DATE: Final = re.compile(r"\d{4}-\d\d(-\d\d)?")
_FAMILY: Final = re.compile(r"'DejaVu Sans'[^\";]*sans-serif")


def inline_svg(svg: str, number: str, label: str) -> str:
    """Make a drawing part of a page: names that no other figure has, one font family, a label for readers.

    Parameters
    ----------
    svg : str
        A whole SVG document of matplotlib.
    number : str
        Number of the figure; its parts are named after it.
    label : str
        Escaped text that stands for the drawing.

    Examples
    --------
    >>> inline_svg('<?xml?><svg xmlns="u"><g id="a b"/><use xlink:href="#a b"/></svg>', "1.2", "Bars")
    '<svg role="img" aria-label="Bars"><g id="f1.2-a_b"/><use href="#f1.2-a_b"/></svg>'
    """
    seen: Counter[str] = Counter()

    def own(name: str) -> str:
        return f"f{number}-" + re.sub(r"\s", "_", name)

    def unique(match: re.Match[str]) -> str:
        name = own(match.group(1))
        seen[name] += 1
        return f' id="{name}"' if seen[name] == 1 else f' id="{name}-{seen[name]}"'

    body = svg[svg.index("<svg") :].rstrip()
    body = re.sub(
        r"<metadata>.*?</metadata>\s*|<style .*?</style>\s*|<!--.*?-->\s*", "", body, flags=re.DOTALL
    )
    body = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r' id="([^"]*)"', unique, body)
    body = re.sub(r'(href="#|url\(#)([^")]*)', lambda found: found.group(1) + own(found.group(2)), body)
    body = _FAMILY.sub("'DejaVu Sans', Verdana, Geneva, sans-serif", body)
    return body.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

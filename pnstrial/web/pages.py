"""How does a page come to the browser?

Input: a request, a template, what it shows.
Output: HTML, files, figures.
Protocol section: none.
Method: jinja2 with every value escaped; work is done outside the loop of the server.
Next: `trial`.
"""

from __future__ import annotations

import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

import pnstrial as pns
from pnstrial.web.drawing import KINDS, drawn
from pnstrial.web.security import FIGURE_POLICY
from pnstrial.web.uploads import read_form
from pnstrial.web.words import Words
from pnstrial.writing import spreadsheet_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from pnstrial.web.session import Session

__all__ = [
    "PARTS",
    "TABS",
    "Table",
    "as_csv",
    "as_table",
    "csv_file",
    "download",
    "figure",
    "page",
    "posting",
    "session_of",
    "static_text",
    "text_of_file",
    "words_of",
]

_TEMPLATES: Final = Environment(
    loader=PackageLoader("pnstrial.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_MOST_ROWS: Final = 300
TABS: Final = ("trial", "protocol", "design", "simulate")
PARTS: Final = ("", "who", "dose", "visits", "primary", "survival", "shift", "report")
"""Of the trial."""


_FREE: Final = {
    column.name
    for table in pns.data.TABLES.values()
    for column in table.columns
    if column.kind in {"id", "text"} and column.name != "visit"
}
"""Columns whose cells are the trial team's own words."""


_OF_ROWS: Final = {"quantity", "statistic", "parameter"}
"""Columns that say that each row is a quantity of its own."""
_BLANK: Final = {"None", "nan", "NaT", "<NA>"}
_LONG: Final = 30
"""Letters beyond which a text may take several lines."""


class Table(NamedTuple):
    """A table as the page shows it."""

    heads: list[str]
    rows: list[list[Any]]
    kinds: list[str]
    """What each column holds: "number", "words" where a text is long, or ""."""
    left: int = 0
    """So many rows more are in the CSV file alone."""


def session_of(request: Request) -> Session:
    """Give the one session of this process."""
    return cast("Session", request.app.state.session)


def words_of(request: Request) -> Words:
    """Give the words in the language that was chosen."""
    return Words(session_of(request).language)


def as_table(
    words: Words, frame: pd.DataFrame, columns: Sequence[str] | None = None, percent: Sequence[str] = ()
) -> Table:
    """Turn a frame into a table of words and numbers; each number is also held unformatted, patients are links."""
    names = [str(name) for name in (columns or frame.columns)]
    rows: list[list[Any]] = []
    records = frame[names].head(_MOST_ROWS).to_dict("records")
    numbers = {name: _numbers([one[name] for one in records]) for name in names}
    alike = not _OF_ROWS & set(names)
    decimals = {name: _decimals(column) if alike else None for name, column in numbers.items()}
    for record in records:
        cells: list[Any] = []
        for name in names:
            value = record[name]
            if name == "patient_id":
                cells.append(Markup('<a href="/trial/patient?id={}">{}</a>').format(quote(str(value)), value))
            elif name == "event" and _is_number(value):
                cells.append(words("yes" if value else "no"))
            elif isinstance(value, str):
                said = value if name in _FREE else words.say(value)
                cells.append(said.replace("_", " ") if name == "parameter" else said)
            elif not _is_number(value):
                cells.append(words.plain(value))
            else:
                cells.append(words.data(value, percent=name in percent, decimals=decimals[name]))
        rows.append(cells)
    kinds = [
        "number" if numbers[name] and name != "event"
        else "words" if any(len(str(row[place])) > _LONG for row in rows if not isinstance(row[place], Markup))
        else ""
        for place, name in enumerate(names)
    ]  # fmt: skip
    return Table([words.heading(name) for name in names], rows, kinds, len(frame) - len(rows))


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool | str) and value is not None and hasattr(value, "__float__")


def _numbers(values: list[Any]) -> list[float]:
    """Give the numbers of a column, none where anything else than a blank stands in it."""
    filled = [value for value in values if str(value) not in _BLANK]
    return [float(value) for value in filled] if all(map(_is_number, filled)) else []


def _decimals(numbers: list[float]) -> int | None:
    """Give the decimals that leave at most four digits of a column's largest number; None where each has its own."""
    sizes = [abs(number) for number in numbers if math.isfinite(number)]
    most, least = max(sizes, default=0), min(filter(None, sizes), default=0)
    if all(size.is_integer() for size in sizes) or most > 1000 * least:
        return None
    decimals = max(0, 3 - math.floor(math.log10(most)))
    while decimals and all(f"{size:.{decimals}f}".endswith("0") for size in sizes):
        decimals -= 1
    return decimals


def as_csv(request: Request, frames: dict[str, Callable[[], pd.DataFrame]]) -> Response | None:
    """Give the table that the address asks for as a CSV file; None where it asks for none."""
    name = request.query_params.get("as")
    if name is None:
        return None
    name = next(iter(frames)) if name == "csv" else name
    if name not in frames:
        raise HTTPException(404)
    return csv_file(frames[name](), name)


def csv_file(frame: pd.DataFrame, name: str) -> Response:
    """Give a table as a CSV file that a spreadsheet does not take for formulas."""
    text = spreadsheet_frame(frame).to_csv(index=False, lineterminator="\n")
    return download(text, f"{name}.csv", "text/csv; charset=utf-8")


def text_of_file(form: FormData) -> str:
    """Give the text of the one file of a form."""
    given = form.get("file")
    data = b"" if given is None or isinstance(given, str) else given.file.read()
    return data.decode("utf-8", "replace")


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Fill a template."""
    session, words = session_of(request), words_of(request)
    path = request.url.path
    text = _TEMPLATES.get_template(template).render(
        t=words, session=session, path=path, query=str(request.url.query), tabs=TABS, parts=PARTS,
        tab=path.split("/")[1], version=pns.__version__, **context,
    )  # fmt: skip
    return HTMLResponse(text, status)


def posting(act: Callable[[Request, FormData], Response | str]) -> Callable[[Request], Any]:
    """Make an endpoint of a function that takes a form, and gives an answer or the place to go to."""

    async def endpoint(request: Request) -> Response:
        form = await read_form(request)
        try:
            answer = await run_in_threadpool(act, request, form)
        finally:
            await form.close()
        return RedirectResponse(answer, 303) if isinstance(answer, str) else answer

    return endpoint


def figure(request: Request, draw: Callable[[], Any], kind: str, patients: Collection[str] = ()) -> Response:
    """Draw a figure as a file, in the language that was chosen; the names of patients stay as they are."""
    words = words_of(request)
    say = None if words.language == "en" else lambda text: text if text in patients else words.say(text)
    headers = {"Content-Security-Policy": FIGURE_POLICY}
    return Response(drawn(draw, kind, say), media_type=KINDS[kind], headers=headers)


def download(content: str | bytes, name: str, kind: str) -> Response:
    """Give a file to be saved."""
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def static_text(name: str) -> bytes:
    """Read one of the page's own two files."""
    return files("pnstrial.web").joinpath("static", name).read_bytes()

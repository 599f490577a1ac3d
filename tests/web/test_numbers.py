"""Every number of a page, unformatted, is one that the script beside it gives."""

import dataclasses
import datetime as dt
import html
import io
import re
from contextlib import redirect_stdout
from html.parser import HTMLParser
from numbers import Real

import numpy as np
import pandas as pd
import pytest

from pnstrial.web.words import Words
from tests.web.conftest import PAGES

LINES = re.compile(r'<pre[^>]*id="[^"]*-python"[^>]*>(.*?)</pre>', re.DOTALL)
ROWS = re.compile(r"<tr.*?</tr>", re.DOTALL)
DATA = re.compile(r'<data value="([^"]+)"')
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FORMATS = [Words("en").plain, Words("en").percent, repr, "{:g}".format, "{:.4g}".format]


def names_of(script, folder):
    """Run a script of the page, on the folder of the same tables, and give everything that it made."""
    script = html.unescape(script)
    assert ("FOLDER" in script) == script.startswith('FOLDER = "my-trial"')
    names = {}
    with redirect_stdout(io.StringIO()):
        exec(script.replace('"my-trial"', repr(str(folder))), names)  # noqa: S102 - the script of the page
    return {name: value for name, value in names.items() if not name.startswith("__") and name != "pns"}


class Holdings:
    """What a result holds: its numbers, the frames that it consists of, its texts."""

    def __init__(self):
        self.numbers, self.frames, self.texts, self.seen = set(), [], [], {}

    def add(self, value):
        if id(value) in self.seen or value is None:
            return
        self.seen[id(value)] = value
        if isinstance(value, str | dt.date):
            self.texts.append(str(value))
        elif isinstance(value, Real):
            self.numbers |= set() if isinstance(value, bool) else {float(value)}
        elif isinstance(value, pd.DataFrame):
            self.frames.append(value)
            for name, column in value.items():
                self.add([str(name), *column])
                texts = [one for one in column if isinstance(one, str)]
                self.numbers |= {float(texts.count(one)) for one in {*texts}}
                self.numbers.add(float(sum(map(bool, texts))))
        elif isinstance(value, dict):
            self.add([*value, *value.values()])
        elif isinstance(value, list | tuple | set | np.ndarray | pd.Series):
            self.numbers.add(float(len(value)))
            for one in value:
                self.add(one)
        else:
            self._add_result(value)

    def _add_result(self, value):
        if hasattr(value, "model_dump"):
            self.add(value.model_dump())
        if hasattr(value, "to_frame"):
            self.add(value.to_frame())
        if hasattr(value, "_repr_html_"):
            self.texts.append(html.unescape(value._repr_html_()))
        for field in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
            self.add(getattr(value, field.name))

    def rows(self):
        """Give the numbers of each row of each frame, in order."""
        for frame in self.frames:
            for row in frame.itertuples(index=False):
                found = [float(one) for one in row if isinstance(one, Real) and not isinstance(one, bool)]
                yield [one for one in found if not np.isnan(one)]

    def written(self):
        """Give every number as it may be written in a text."""
        written = {token for text in self.texts for token in NUMBER.findall(text)}
        for number in self.numbers:
            written |= {token for form in FORMATS for token in NUMBER.findall(form(number))}
            written |= set(NUMBER.findall(f"{100 * number:g}"))
        return written


class Texts(HTMLParser):
    """The texts of the answers of a page: no forms, no scripts, no calendar, no numbers that are there unformatted."""

    APART = ("data", "pre", "form", "nav", "code", "figure", "h1", "a")

    def __init__(self):
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "link", "input", "img", "br"}:
            self.open.append((tag, dict(attrs).get("class") == "month"))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = {tag for tag, _ in self.open}
        if "main" in tags and not tags & {*self.APART} and not any(month for _, month in self.open):
            self.found.append(data)


def stand_in_order(few, many):
    rest = iter(many)
    return all(any(one == other for other in rest) for one in few)


def check(text, folder):
    """Compare the numbers of a page with those of all scripts on it, unformatted, and row by row where they are rows."""
    scripts = [names_of(script, folder) for script in LINES.findall(text)]
    made, whole = Holdings(), Holdings()
    for names in scripts:
        made.add(names["result"])
        whole.add(list(names.values()))
    page = [float(value) for value in DATA.findall(text)]
    assert {value for value in page if not np.isnan(value)} - made.numbers == set()
    rows = list(made.rows())
    for row in ROWS.findall(text):
        numbers = [float(value) for value in DATA.findall(row)]
        numbers = [value for value in numbers if not np.isnan(value)]
        assert any(stand_in_order(numbers, one) for one in [numbers[:1], *rows]), (row, numbers)
    if scripts:
        texts = Texts()
        texts.feed(text)
        written = whole.written()
        unknown = {(n, one) for one in texts.found for n in NUMBER.findall(one) if n not in written}
        assert unknown == set()
    return len(page)


@pytest.mark.parametrize("path", PAGES)
def test_every_number_is_one_of_the_script(inside, tables, path):
    check(inside.get(path).text, tables[0])


def test_every_number_of_a_run_is_one_of_the_script(inside, tables):
    inside.post(
        "/simulate/run", data={"scenario": "anti-hu", "response": "0.1", "trials": "200", "seed": "3"}
    )
    inside.get("/simulate/progress")
    text = inside.get("/simulate").text
    assert len(LINES.findall(text)) >= 2
    assert check(text, tables[0]) > 30


def test_every_number_of_an_example_trial_and_of_two_protocols_is_one_of_the_script(inside, tables):
    inside.get("/simulate?scenario=anti-hu&n=14")
    for path in ("/simulate/example?seed=2", "/protocol?other=nct06373211"):
        check(inside.get(path).text, tables[0])


@pytest.mark.parametrize(
    ("page", "result", "seen"),
    [
        ('<data value="0.25">25 %</data>', "[0.2]", r"0\.25"),
        ('<tr><td><data value="2">2</data><td><data value="1">1</data></tr>', "[1, 2]", r"\[2\.0, 1\.0\]"),
        ("<main><p>reject if 7 or more improve</p></main>", "['reject if 6 or more improve']", "'7'"),
    ],
)
def test_a_number_that_the_script_does_not_give_would_be_seen(tables, page, result, seen):
    with pytest.raises(AssertionError, match=seen):
        check(f'{page}<pre id="a-python">result = {result}</pre>', tables[0])

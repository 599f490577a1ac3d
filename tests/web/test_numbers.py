"""Every number of a page, unformatted, is one that the script beside it gives."""

import dataclasses
import html
import io
import re
from contextlib import redirect_stdout
from numbers import Real

import numpy as np
import pandas as pd
import pytest

from tests.web.conftest import PAGES

LINES = re.compile(r'<pre[^>]*id="[^"]*-python"[^>]*>(.*?)</pre>', re.DOTALL)


def result_of(script, folder):
    """Run a script of the page, on the folder of the same tables."""
    script = html.unescape(script)
    assert ("FOLDER" in script) == script.startswith('FOLDER = "my-trial"')
    names = {}
    with redirect_stdout(io.StringIO()):
        exec(script.replace('"my-trial"', repr(str(folder))), names)  # noqa: S102 - the script of the page
    return names["result"]


def numbers_in(value, found, seen):
    """Collect the numbers that a result holds: of its fields, its tables and its own table."""
    if id(value) in seen or value is None or isinstance(value, str | bytes):
        return
    seen[id(value)] = value
    if isinstance(value, Real) and not isinstance(value, bool):
        found.add(float(value))
    elif isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        for cell in pd.DataFrame(np.asarray(value)).to_numpy().ravel():
            if isinstance(cell, Real) and not isinstance(cell, bool):
                found.add(float(cell))
    elif isinstance(value, dict):
        for one in (*value, *value.values()):
            numbers_in(one, found, seen)
    elif isinstance(value, list | tuple | set):
        found.add(float(len(value)))
        for one in value:
            numbers_in(one, found, seen)
    else:
        if hasattr(value, "to_frame"):
            numbers_in(value.to_frame(), found, seen)
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                numbers_in(getattr(value, field.name), found, seen)


def check(text, folder):
    """Compare the numbers of a page with those of all scripts on it."""
    page = {float(value) for value in re.findall(r'<data value="([^"]+)"', text)}
    page = {value for value in page if not np.isnan(value)}
    found = set()
    for script in LINES.findall(text):
        numbers_in(result_of(script, folder), found, {})
    assert page - found == set()
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


def test_a_script_without_its_result_would_be_seen(tables):
    text = '<data value="0.25">25 %</data><pre id="a-python">result = [0.2]</pre>'
    with pytest.raises(AssertionError, match=r"0\.25"):
        check(text, tables[0])

"""What the package says has French words: every template of its sources, and what it makes of real and broken tables."""

import ast
import re
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

from pnstrial.web.messages import SAID, catalogue, french

PACKAGE = Path(str(files("pnstrial")))
MESSAGES = {key: pair for key, pair in catalogue().items() if key.startswith(SAID)}
CHUNKS = sorted({part for english, _ in MESSAGES.values() for part, *_ in Formatter().parse(english) if part})
WORD = re.compile(r"[^\W\d_]{3,}")
SOURCES = {
    "data/consistency.py": "bad ",
    "data/doses.py": "",
    "data/parsing.py": "partial date|not read|tuple",
    "data/reading.py": "unexpected end of data| --decimal ','|such as --|declare how it is written|byte 0x|at position",
    "data/sources.py": ", column |looks like|^the sheet .1$|[a-z]+, [a-z]+",
    "data/trial.py": "checked again under|the tables|Synthetic trial|enrolled; rows|warnings|<tr>",
    "data/workbook.py": "",
    "checks.py": "",
    "eligibility.py": "Screening under| screened, |no patient| reads |which is no| but a |has no word| it has |screening.csv has",
    "exposure.py": "^(?:.* meant.*|is it in grams.*|is a digit.*|write it in cm|Exposure under | enrolled patients.*| decision: |not stated"
                   "|drug = | must be the name of a drug|was )$",
    "visits.py": "",
    "endpoints.py": "",
    "rules.py": "fewer than {} cycles",
    "shift/trial.py": " against Baseline|worst grade",
    "survival/trial/endpoints.py": "",
    "survival/curves/curve.py": " groups; limits of the median: | have had the event by|Kaplan-Meier, ",
    "survival/curves/kaplan_meier.py": " limits at survival",
    "engine/exact/answers.py": "^no exact response$|^not worse$",
    "figures/designs.py": "center right|lower right|upper left|offset points|designs = ",
    "figures/flow.py": "box:|^   (?:rated|no value): $",
    "figures/patients.py": "lower left|offset points|axes fraction",
    "figures/proportions.py": "",
}  # fmt: skip
"""Modules that make what the page shows, each with a pattern of its texts that no page shows."""


def spoken(path):
    """Give the pieces of text of a module that somebody may read: not docstrings, annotations and raised errors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            silent |= set(ast.walk(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(node.value)
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            silent |= set(ast.walk(node.annotation))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            silent |= set(ast.walk(node.returns))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"cast", "named", "Checks"}:
            silent |= set(ast.walk(node))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in silent else None
        if isinstance(text, str) and " " in text and WORD.search(text):
            yield text


@pytest.mark.parametrize("name", SOURCES)
def test_every_text_of_a_module_that_the_page_shows_has_an_entry(name):
    parts = {text for text in spoken(PACKAGE / name) if not any(text in chunk for chunk in CHUNKS)}
    silent = re.compile(SOURCES[name] or "(?!)")
    missing = {text for text in parts if not silent.search(text) and french(text.strip()) is None}
    assert not missing

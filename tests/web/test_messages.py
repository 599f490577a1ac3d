"""What the package says has French words: every template of its sources, and what it makes of real and broken tables."""

import ast
import re
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

import pnstrial as pns
from pnstrial.web.messages import MESSAGE_GROUPS, catalogue, french

PACKAGE = Path(str(files("pnstrial")))
MESSAGES = {key: pair for key, pair in catalogue().items() if key.startswith(MESSAGE_GROUPS)}
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
    "exposure.py": "^(?:.* meant.*|is it in grams.*|is a digit.*|write it in cm|Exposure under | enrolled patients.*| decision: | \\(window |not stated"
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


def test_titles_sources_and_calibrations_of_the_shipped_scenarios_have_entries():
    scenarios = [pns.load_scenario(name) for name in pns.simulate.shipped_scenarios()]
    texts = [text for one in scenarios for text in (one.title, one.source, one.fit)]
    assert [text for text in texts if french(text) is None] == []


def test_titles_labels_and_visits_of_the_shipped_protocols_have_entries():
    protocols = [pns.load_protocol(name) for name in pns.protocol.shipped_protocols()]
    said = {one.title for one in protocols}
    for protocol in protocols:
        said |= {one.label for one in protocol.criteria} | {one.name for one in protocol.visits}
        said |= set(protocol.sources.values())
    assert {text for text in said if french(text) is None} == set()


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("mrs 3 (rule: mrs at least 2 and at most 3)", "mrs 3 (règle : mrs d’au moins 2 et d’au plus 3)"),
        ("serum Hu, CSF not collected (rule: Hu, Yo in serum or CSF; fails only if both were tested)",
         "sérum Hu, LCR non recueilli (règle : Hu, Yo dans le sérum ou le LCR ; non rempli seulement si les deux ont été testés)"),
        ("iron, and folate (from 2014-01-02, ongoing) (rule: no other immunotherapy from screening to the first infusion)",
         ("iron, and folate (depuis le 02/01/2014, en cours) "
          "(règle : aucune autre immunothérapie de la sélection à la première perfusion)")),
        ("Look after 6 and 11 patients: reject the null if 3 or more of 6 or 4 or more of 11 improve; alpha 0.038.",
         ("Analyser après 6 et 11 patients : rejeter l’hypothèse nulle si 3 ou plus sur 6 ou 4 ou plus sur 11 "
          "s’améliorent ; alpha 0,038.")),
        ("100.5 g given, 131.8 g planned (-24 %)", "100,5 g administrés, 131,8 g prévus (-24 %)"),
        ("rated: 13", "cotés : 13"),
        ("n = 18, 3 missing", "n = 18, 3 manquants"),
        ("0.25", "0,25"), ("100,000", "100,000"), ("100000", "100 000"), ("2014-03", "03/2014"), ("6.7e-07", "6,7 × 10⁻⁷"),
    ],
)  # fmt: skip
def test_what_stands_in_the_places_is_said_too(english, expected):
    said = french(english)
    assert re.sub("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]", " ", said) == expected


def test_what_the_package_does_not_say_stays():
    assert french("our own criterion, in our words") is None
    assert french("hand function 3 (rule: hand function at least 2)").endswith("hand function d’au moins 2)")


WRONG = [
    ("criteria.I4.minimum", 9), ("criteria.I3.within_months", "x"), ("criteria.I5.required", True), ("criteria.I2.any_of", -1),
    ("visits.Month 3.last_day", 1), ("visits.Month 3.first_day", 0), ("endpoint.visit", "Month 9"), ("endpoint.level", 2),
    ("endpoint.improvement_points", 99), ("treatment.vials_g", ""), ("treatment.dose_g_per_kg", -1), ("estimand.missing", "no"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_is_wrong_with_a_setting_is_said(key, value):
    group, _, rest = key.partition(".")
    name, _, setting = rest.rpartition(".")
    protocol = pns.load_protocol()
    change = {"criteria": protocol.with_criterion, "visits": protocol.with_visit}.get(group)
    with pytest.raises(ValueError, match=r"\w") as wrong:
        change(name, **{setting: value}) if change else protocol.with_settings(**{group: {setting: value}})
    assert french(str(wrong.value)) is not None


def test_french_has_its_spaces_and_apostrophes():
    wrong = re.compile(r" [;!?:%»](?:\s|$)|« |\w'\w|[\w})][;!?:%](?:\s|$)")
    assert [key for key, (_, text) in catalogue().items() if wrong.search(text)] == []

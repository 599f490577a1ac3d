"""Every word of the page is in the catalogue, in both languages."""

import re
from importlib.resources import files

import pytest

from pnstrial.web.messages import catalogue
from pnstrial.web.words import LANGUAGES, Words

WEB = files("pnstrial.web")
TEMPLATES = sorted(WEB.joinpath("templates").iterdir(), key=str)
SOURCES = [path for path in WEB.iterdir() if path.name.endswith(".py")]
NAMES = {"pnstrial", "CSV", "SVG", "PNG", "ADaM", "g", "Français", "English", "n"}


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_word_stands_in_a_template(path):
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text_of(path), flags=re.DOTALL)
    attributes = re.findall(r'(?:aria-label|alt|title|placeholder|caption)="([^"]*)"', text)
    shown = re.sub(r"<[^>]*>|&\w+;", " ", text) + " ".join(attributes)
    assert set(re.findall(r"[^\W\d_]+", shown)) <= NAMES


def test_every_key_that_is_used_is_there_and_none_is_idle():
    everything = "".join(map(text_of, TEMPLATES + SOURCES))
    used = set(re.findall(r'["\']([a-z_]+(?:\.[\w -]+)?)["\']', everything))
    literal = set(re.findall(r'\b(?:t|words|words_of\(request\))\(["\']([^"\'{]+?)["\'][,)]', everything))
    assert literal <= catalogue().keys()
    families = {"tab", "part", "format", "estimand", "way", "patient", "severity", "design", "simulate", "rating",
                "quantity", "column", "value", "refused", "figure", "finding", "remedy", "reason", "label", "sentence", "result",
                "drawn", "setting", "error", "month", "dose",
                "weekday", "primary", "csv", "sign"}  # fmt: skip
    idle = {key for key in catalogue() if key not in used and key.partition(".")[0] not in families}
    assert not idle


def test_both_languages_have_words_and_the_same_places_for_values():
    for key, (english, french) in catalogue().items():
        assert english.strip(), key
        assert french.strip(), key
        places = [sorted(re.findall(r"\{(\w+)(?::\w+)?\}", text)) for text in (english, french)]
        assert places[0] == places[1] or key == "error.of_function", key


def test_numbers_as_each_language_writes_them():
    english, french = (Words(language) for language in LANGUAGES)
    assert (english.number(0.12345), french.number(0.12345)) == ("0.1235", "0,1235")
    assert (english.number(10_800.4), english.number(9999.5), english.number(1e300)) == (
        "10800",
        "10000",
        "1e+300",
    )
    assert (english.percent(0.1667), french.percent(0.1667)) == ("16.7 %", "16,7\N{NO-BREAK SPACE}%")
    assert french.plain((0.5, "a", None)) == "0,5, a, –"
    assert french.data(0.5) == '<data value="0.5">0,5</data>'


@pytest.mark.parametrize(
    ("n", "english", "in_french"),
    [(0, "0 errors", "0 erreur "), (1, "1 error ", "1 erreur "), (2, "2 errors", "2 erreurs ")],
)
def test_words_agree_with_their_count(n, english, in_french):
    assert Words("en")("trial.errors", n=n, protocol="p").startswith(english)
    assert Words("fr")("trial.errors", n=n, protocol="p").startswith(in_french)
    assert Words("fr")("who.count", eligible=n, ineligible=0, unknown=n).count("indéterminés") == (n > 1)


def test_sentences_of_the_package_agree_with_their_count_in_french():
    say = Words("fr").say
    assert say("Overall survival: 1 events of 18 patients").endswith(": 1 événement sur 18 patients")
    assert say("Overall survival: 0 events of 1 patients").endswith(": 0 événement sur 1 patient")
    assert say("1.5 g given, 2 g planned (75 %)").startswith("1,5 g administré, 2 g prévus (75")

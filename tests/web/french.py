"""Which words of a page are the same in English and in French, though they should not be?"""

import csv
import re
from html.parser import HTMLParser

import pnstrial as pns
from pnstrial.web.messages import catalogue
from pnstrial.web.words import Words

COLUMNS = {column.name for table in pns.data.TABLES.values() for column in table.columns}

SAME = re.compile(
    "|".join(
        re.sub(r"\\\{\w+\\\}", ".+", re.escape(re.sub(r":\w+\}", "}", french)))
        for english, french in catalogue().values()
        if re.sub(r":\w+\}", "}", english) == french and re.search(r"[A-Za-z](?![^{]*\})", french)
    )
)
"""Entries that are the same in both languages."""
NAMES = re.compile(
    r"pnstrial.*|[A-Z]{3}-\d\d · pnstrial|English|Français|[A-Z]{3}-\d\d|[A-Z]{2,3}-R\d|[\w-]+\.(?:csv|xlsx|toml)|"  # of people and files
    r"who-atc|utf-8|cp1252|latin-1|iso-8859-15|mac-roman|(?:id|title|version|CSV|SVG|PNG|ADaM|IVIg|IgIV|mRS|ONLS|EFIT|Barthel|Simon|n|·)|"
    r"(?:nct|anti-hu|ivig|natalizumab|sirolimus|rituximab|plasma-exchange|second-line|surface-antibody|nothing-works)[\w-]*|"
    r"[a-z]+(?:_[a-z\d]+)+(?:, [a-z_]+)*|\w+(?:\.[\w -]+)+"
)
"""What has no language: identifiers, files, abbreviations, shipped names, keys of settings."""


class _Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [
            given[name] for name in ("aria-label", "alt", "title", "placeholder") if given.get(name)
        ]
        if tag not in {"meta", "link", "input", "img", "br"}:
            self.open.append((tag, given.get("lang")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(tag in {"pre", "code", "script", "cite"} for tag, _ in self.open) and data.strip():
            self.found.append(data.strip())


def texts(page):
    """Give every text of a page that a reader sees or hears, code left out."""
    parser = _Texts()
    parser.feed(page)
    return parser.found


def listed():
    """Give the medications, antibodies and kinds that the shipped protocols list: they are data, in any language."""
    words = Words("en")
    keys = ("medications.", "criteria.", "scales.", "treatment.drugs.")
    protocols = [pns.load_protocol(name) for name in pns.protocol.shipped_protocols()]
    entries = [entry for protocol in protocols for entry in protocol.settings() if entry.key.startswith(keys)]
    return {words.plain(one.value) for one in entries if not one.key.endswith(("label", "title", "wording"))}


def cells(folder):
    """Give every cell of the tables of a folder: the trial team's own words."""
    return {
        cell
        for file in folder.glob("*.csv")
        for row in csv.reader(file.read_text("utf-8").splitlines())
        for cell in row
    }


def untranslated(english, french, own=()):
    """Give the texts that stand in both pages, less names and `own`, the words of the tables that were read."""
    both = set(texts(english)) & set(texts(french))
    return {
        text
        for text in both - COLUMNS - listed() - set(own)
        if not SAME.fullmatch(text) and re.search(r"[^\W\d_]{3}", text) and not NAMES.fullmatch(text)
    }

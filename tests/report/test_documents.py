"""Word and RTF: what a medical writer relies on, read back from the files."""

import io
import re
import zipfile
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.reporting.items import Document, Listing, Place, Section, Table, column_widths, numbered
from pnstrial.reporting.rtf import rtf_report

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, example, protocol):
    out = tmp_path_factory.mktemp("documents") / "report"
    pns.report(example, protocol, out, docx=True, rtf=True, stamp="second draft")
    return out


@pytest.fixture(scope="module")
def body(folder):
    with zipfile.ZipFile(io.BytesIO((folder / "report.docx").read_bytes())) as archive:
        return ET.fromstring(archive.read("word/document.xml")).find(f"{W}body")


def styled(body, style):
    for paragraph in body.iter(f"{W}p"):
        name = paragraph.find(f"{W}pPr/{W}pStyle")
        if name is not None and name.get(f"{W}val") == style:
            yield "".join(text.text or "" for text in paragraph.iter(f"{W}t"))


def test_word_contents_hold_every_item(body):
    entries = list(styled(body, "TOC1")) + list(styled(body, "TOC2"))
    titles = list(styled(body, "Heading1")) + list(styled(body, "Caption"))
    assert sorted(entries) == sorted(titles)
    marks = {mark.get(f"{W}name") for mark in body.iter(f"{W}bookmarkStart")}
    links = {link.get(f"{W}anchor") for link in body.iter(f"{W}hyperlink")}
    assert links <= marks
    assert len(marks) == len(titles)


def test_word_tables_repeat_their_head_and_split_no_row(body):
    tables = list(body.iter(f"{W}tbl"))
    assert len(tables) > 20
    for table in tables:
        rows = table.findall(f"{W}tr")
        assert rows[0].find(f"{W}trPr/{W}tblHeader") is not None
        assert all(row.find(f"{W}trPr/{W}cantSplit") is not None for row in rows)
        widths = [int(column.get(f"{W}w")) for column in table.iter(f"{W}gridCol")]
        assert sum(widths) <= (297 - 40) * 1440 / 25.4 + 20


def test_word_figures_say_what_they_show(folder, body):
    text = ET.tostring(body, encoding="unicode")
    described = re.findall(r'descr="([^"]+)"', text)
    assert len(described) == len(list((folder / "figures").glob("*.svg")))
    assert all(words.startswith("Figure 1") for words in described)


def test_rtf_keeps_every_character(folder):
    text = (folder / "report.rtf").read_text()
    assert "follow_up" in text
    assert "NUMPAGES" in text
    assert "second draft" in text
    depth = 0
    for part in re.findall(r"\\[{}\\]|[{}]", text):
        depth += {"{": 1, "}": -1}.get(part, 0)
        assert depth >= 0
    assert depth == 0
    tables = {path.stem for path in (folder / "tables").glob("*.csv")}
    assert {path.stem for path in (folder / "rtf").glob("*.rtf")} == tables


def test_a_long_listing_is_left_to_its_file():
    import pandas as pd

    from pnstrial.reporting.files import Drawings

    long = Listing("Long", "all", pd.DataFrame({"Patient": [f"P{i}" for i in range(151)]}), "", "")
    few = Table("Few", "all", pd.DataFrame({"Word": ["a\\b{c}_d é €"]}), "", "", "See [[long]].")
    places = (Place("long", Listing, lambda: long), Place("few", Table, lambda: few))
    document = Document("T", "S", (), (), (), numbered([Section("s", "1", "S", places)]), "")
    text = rtf_report(document, Drawings())
    assert "P17" not in text
    assert "151 rows: see the file tables/1.1.csv" in text
    assert "a\\\\b\\{c\\}_d \\u233? \\u8364?" in text
    assert "See listing 1.1." in text


def test_numbers_come_from_the_order():
    import pandas as pd

    items = [Place(key, Table, lambda: Table("", "", pd.DataFrame(), "", "")) for key in "abc"]
    numbers = [item.number for item in numbered([Section("s", "14.2", "S", tuple(items))])[0].items]
    assert numbers == ["14.2.1", "14.2.2", "14.2.3"]
    with pytest.raises(ValueError, match="two items have the key a"):
        numbered([Section("s", "1", "S", (items[0], items[0]))])
    with pytest.raises(ValueError, match="no item has the key nowhere"):
        numbered([Section("s", "1", "S", (), ("See [[nowhere]].",))])


def test_no_word_of_a_table_is_cut():
    heads, rows = ["Event", "Patients with an event"], [["haemolysis", "3/18 (16.7 %)"]] * 3
    for room in (200, 60, 40):
        widths = column_widths(heads, rows, room)
        assert sum(widths) <= room + 1e-9
        assert widths[0] > len("haemolysis")


def test_only_what_is_printed_is_made():
    made = []

    def place(key, short):
        def make():
            made.append(key)
            return Table("", "", pd.DataFrame(), "", "")

        return Place(key, Table, make, short=short)

    places = (place("a", False), place("b", True), place("c", False))
    sections = numbered(
        [Section("s", "1", "S", places), Section("t", "2", "T", (place("d", False),))], short=True
    )
    assert made == ["b"]
    assert [(item.key, item.number) for section in sections for item in section.items] == [("b", "1.2")]

"""A number of the report is followed to its derived rows and collected cells, in every table."""

import csv
import json
import random
import re

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.reporting.contents import document
from pnstrial.reporting.items import Listing, Table, cells
from pnstrial.reporting.material import Material
from pnstrial.verification import tracing
from pnstrial.verification.origins import Sources
from pnstrial.verification.tracing_tables import NOTHING_DERIVED, ORIGINS, Request


@pytest.fixture(scope="module")
def material(example, protocol):
    return Material(pns.analyse(example, protocol))


@pytest.fixture(scope="module")
def sources(material):
    return Sources(material)


@pytest.fixture(scope="module")
def tables(material):
    opinion = pd.DataFrame(columns=["quantity", "engine", "tolerance", "agrees", "difference", "reason"])
    return [item for item in document(material, opinion=opinion).items if isinstance(item, Table)]


def traced(sources, table, row, column=None):
    return tracing._traced(Request(sources, table, row, column), {})


def rows_to_try(table):
    everything = list(range(len(table.frame)))
    listed = isinstance(table, Listing) and len(everything) > 4
    return sorted({0, everything[-1], *random.Random(1).sample(everything, 2)}) if listed else everything


def test_every_table_is_traced_or_says_why_not(tables):
    keys = {table.key for table in tables}
    of_other_protocols = {"arms", "parts", "secondary"}
    assert keys | of_other_protocols == ORIGINS.keys() | NOTHING_DERIVED.keys()
    assert not keys & of_other_protocols
    assert not ORIGINS.keys() & NOTHING_DERIVED.keys()


def test_every_row_of_every_table_leads_to_collected_cells(sources, tables, example_folder):
    lines = {
        path.name: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in example_folder.glob("*.csv")
    }
    for table in tables:
        text = cells(table)
        for row in rows_to_try(table):
            found = traced(sources, table, row)
            where = (table.number, text[row][0])
            if found.not_traceable:
                assert table.key in NOTHING_DERIVED or set(text[row][1:]) == {""}, where
                continue
            assert len(found.cells) or "not collected" in text[row], where
            for cell in found.cells.sample(min(len(found.cells), 20), random_state=1).itertuples():
                collected = lines[cell.file][cell.line - 2]
                assert collected["patient_id"] == cell.patient_id, (where, cell)
                assert same(cell.value, collected[cell.column]), (where, cell)


def same(value, text):
    if isinstance(value, float):
        return float(text) == value
    return (value or "").casefold() == text.casefold()


def test_the_rows_that_are_counted_are_as_many_as_is_printed(sources, tables):
    compared = 0
    for table in tables:
        if isinstance(table, Listing) or table.key in NOTHING_DERIVED:
            continue
        text = cells(table)
        for row in range(len(table.frame)):
            for column, printed in zip(table.frame.columns, text[row], strict=True):
                share = re.match(r"(\d+)/(\d+)", printed)
                alone = re.fullmatch(r"\d+", printed) and re.search(
                    r"Respond|^n$|fail|unknown|Grade|Events|Serious|Related|Stopped|At risk|Improved|Observed|Censored",
                    str(column),
                )
                if not (share or alone) or (share and share[1] == "0" and random.Random(row).random() < 0.7):
                    continue
                found = traced(sources, table, row, str(column))
                counted = (found.derived["counted"] == "yes").sum() if "counted" in found.derived else -1
                deviations = table.key == "deviations"
                if not deviations:
                    assert counted == int(share[1] if share else printed), (
                        table.number,
                        text[row][0],
                        column,
                    )
                    compared += 1
    assert compared > 150


def test_a_change_in_a_cell_changes_the_number_that_was_traced_to_it(tmp_path, capsys):
    folder = tmp_path / "trial"
    assert main(["example", str(folder)]) == 0
    capsys.readouterr()
    command = ["trace", str(folder), "14.2.1", "--row", "1", "--column", "Responders", "--json"]
    assert main(command) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["printed"]["Responders"] == "3"
    counted = [row["patient_id"] for row in before["derived"] if row["counted"] == "yes"]
    [cell] = [
        cell for cell in before["cells"]
        if (cell["patient_id"], cell["file"], cell["column"]) == (counted[0], "mrs.csv", "mrs")
        and cell["value"] == next(r["mrs"] for r in before["derived"] if r["patient_id"] == counted[0])
    ]  # fmt: skip
    path = folder / cell["file"]
    lines = path.read_text(encoding="utf-8").splitlines()
    parts = lines[cell["line"] - 1].split(",")
    parts[lines[0].split(",").index("mrs")] = "5"
    lines[cell["line"] - 1] = ",".join(parts)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["printed"]["Responders"] == "2"


def test_a_row_without_column_and_the_text_of_the_command(example_folder, capsys):
    assert main(["trace", str(example_folder), "14.2.4", "--row", "3"]) == 0
    out = capsys.readouterr().out
    assert "18 derived rows, 1 of them counted (visits.decisions)" in out
    assert "follow_up.csv" in out
    assert main(["trace", str(example_folder), "17.1", "--row", "3"]) == 0
    assert "not traceable: it says where the report answers each item" in capsys.readouterr().out


def test_what_the_report_does_not_have_is_named(example_folder, capsys, material):
    assert main(["trace", str(example_folder), "14.2.1", "--row", "9"]) == 2
    assert "table 14.2.1 has rows 1 to 2, not 9" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["trace", str(example_folder), "14.2.1", "--row", "x"])
    assert "argument --row: 'x' is no whole number, such as 1" in capsys.readouterr().err
    whole = document(material)
    with pytest.raises(ValueError, match=r"the report has no table '14\.2\.11'; did you mean"):
        tracing._table(whole, "14.2.11")
    for wanted, said in (
        ("99", r"no table '99'\. It has 10\.1, "),
        ("14.3", r"did you mean 14\.3\.1 "),
        ("figure 14.2.6", r"no table 'figure 14\.2\.6'\. A figure is not traced, only the tables"),
    ):
        with pytest.raises(ValueError, match=said):
            tracing._table(whole, wanted)
    assert tracing._table(whole, "listing 16.2.1").number == "16.2.1"
    table = tracing._table(whole, "Table 14.2.1")
    with pytest.raises(ValueError, match="has no column 'Median'; it has 'Visit', 'Responders'"):
        tracing._column(table, "Median")
    assert tracing._column(table, "resp") == "Responders"


def test_tables_of_a_trial_with_one_patient_are_traced_too(tiny, protocol):
    trial = tiny(mrs=[{"date": "2014-05-26", "mrs": 2}])
    material = Material(pns.analyse(trial, protocol))
    sources = Sources(material)
    for table in document(material).items:
        for row in range(len(table.frame)) if isinstance(table, Table) else ():
            found = traced(sources, table, row)
            assert found.not_traceable or found.derivation, (table.number, row)

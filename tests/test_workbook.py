"""Workbooks: what stands in the cells is read, and what cannot be read is a finding."""

import datetime as dt
import io
import random
import re
import zipfile

import openpyxl
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.data import TABLES, read_findings, write_template
from pnstrial.data.trial import read_tables


def book_of(path, **sheets):
    """Write a workbook: sheet name to rows."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


SCREENING = [["patient_id", "screening_date", "enrolment_date", "mrs"], ["A", dt.date(2014, 3, 1), None, 3]]


def altered(path, part, change):
    """Change the text of one part of a workbook."""
    data = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return path


def errors(path):
    trial, findings = read_findings(path)
    assert trial is None
    return [f for f in findings if f.severity == "error"]


@pytest.fixture(scope="module")
def example_book(tmp_path_factory, example):
    path = tmp_path_factory.mktemp("book") / "trial.xlsx"
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in TABLES:
        frame = example.table(name)
        sheet = book.create_sheet(name)
        sheet.append(list(frame.columns))
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
            sheet.append(list(row))
    book.save(path)
    return path


def test_a_workbook_gives_the_tables_of_its_csv_files(example_book, example):
    trial = pns.read_trial(example_book)
    for name in TABLES:
        left, right = trial.table(name), example.table(name)
        assert left.reset_index(drop=True).equals(right.reset_index(drop=True)), name


def test_rows_beyond_the_stated_dimension_count(example_book, tmp_path, protocol):
    path = tmp_path / "t.xlsx"
    path.write_bytes(example_book.read_bytes())
    whole = pns.analyse(pns.read_trial(path), protocol).to_json_object()["primary"]
    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if "worksheets/sheet" in name]
    for part in parts:
        altered(path, part, lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:B3"', xml))
    assert pns.analyse(pns.read_trial(path), protocol).to_json_object()["primary"] == whole


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("XFD2", "beyond column 200"),
        ("A1048576", "below row 200,000"),
        ("GS2", "beyond column 200"),
        ("A200001", "below row 200,000"),
    ],
)
def test_a_sheet_larger_than_any_trial_is_one_finding(tmp_path, cell, rule):
    path = book_of(tmp_path / "t.xlsx", screening=SCREENING)
    row = re.sub("[A-Z]+", "", cell)
    new = f'<row r="{row}"><c r="{cell}"><v>1</v></c></row></sheetData>'.encode()
    altered(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", new))
    (finding,) = errors(path)
    assert rule in finding.rule


def test_a_cell_longer_than_a_spreadsheet_takes_is_a_finding(tmp_path):
    path = book_of(tmp_path / "t.xlsx", screening=SCREENING)
    altered(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(
        b"</sheetData>", b'<row r="3"><c r="A3" t="str"><v>' + b"x" * 32768 + b"</v></c></row></sheetData>"
    ))  # fmt: skip
    (finding,) = errors(path)
    assert (finding.line, finding.rule) == (3, "a cell must not hold more than 32,767 characters")


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"])
def test_a_workbook_that_unpacks_to_much_is_one_finding(tmp_path, part):
    path = book_of(tmp_path / "t.xlsx", screening=SCREENING)
    altered(path, part, lambda xml: xml + b" " * 200_000_000)
    assert path.stat().st_size < 1_000_000
    (finding,) = errors(path)
    assert finding.rule == "must not unpack to more than 200 MB"


@pytest.mark.parametrize(
    ("number_format", "text"),
    [
        ("mmm-yy", "2014-03"),
        ("yyyy-mm", "2014-03"),
        ("yyyy", "2014"),
        ('[$-40C]mmmm"d"yyyy', "2014-03"),
        ("dd/mm/yyyy", "2014-03-01"),
        ("yyyy-mm-dd", "2014-03-01"),
        ("d-mmm", "2014-03-01"),
    ],
)
def test_a_date_is_what_its_number_format_shows(tmp_path, number_format, text):
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "screening"
    sheet.append(["patient_id", "screening_date", "symptom_onset_date"])
    sheet.append(["A", dt.date(2014, 6, 1), dt.date(2014, 3, 1)])
    sheet["C2"].number_format = number_format
    book.save(path)
    assert pns.read_trial(path).screening["symptom_onset_date"].tolist() == [text]
    sheet["B2"].number_format = number_format
    book.save(path)
    if len(text) < 10:
        (finding,) = errors(path)
        assert (finding.column, finding.rule) == ("screening_date", "must be a date written YYYY-MM-DD")
    else:
        assert pns.read_trial(path).screening["screening_date"].notna().all()


def test_kinds_of_cells(tmp_path):
    path = book_of(tmp_path / "t.xlsx", screening=SCREENING)
    cells = (
        b'<row r="3"><c r="A3" t="inlineStr"><is><r><t>B</t></r><r><t>-1</t></r><rPh><t>no</t></rPh></is></c>'
        b'<c r="B3" t="d"><v>2014-03-02T00:00:00</v></c><c r="D3" t="str"><f>1+1</f><v>2</v></c></row></sheetData>'
    )
    altered(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", cells))
    trial = pns.read_trial(path)
    assert trial.screening["patient_id"].tolist() == ["A", "B-1"]
    assert trial.screening["mrs"].tolist() == [3, 2]
    assert trial.screening.index.tolist() == [2, 3]


def test_the_calendar_of_old_macs(tmp_path):
    path = book_of(tmp_path / "t.xlsx", screening=SCREENING)
    altered(path, "xl/workbook.xml", lambda xml: re.sub(rb"<workbookPr\b", b'<workbookPr date1904="1"', xml))
    assert pns.read_trial(path).screening["screening_date"].dt.year.tolist() == [2018]


def test_a_formula_that_was_never_calculated_is_a_finding(tmp_path):
    path = book_of(tmp_path / "t.xlsx", screening=[*SCREENING, ["B", "2014-03-01", None, "=1+1"]])
    (finding,) = errors(path)
    assert finding.line == 3
    assert "a formula must have been calculated" in finding.rule


def test_an_escaped_control_character_is_one(tmp_path):
    path = book_of(tmp_path / "t.xlsx", screening=[SCREENING[0], ["A_x0007_B", "2014-03-01", None, 3]])
    (finding,) = errors(path)
    assert "control character U+0007" in finding.rule


def test_a_title_above_the_header_is_one_finding(tmp_path):
    path = book_of(
        tmp_path / "t.xlsx", screening=[["Screening of 2014"], [], *SCREENING, *([SCREENING[1]] * 30)]
    )
    (finding,) = errors(path)
    assert finding.rule == "must begin with the header row, but that stands in line 3"
    assert finding.remedy == "delete the lines above the header"


def test_sheets_that_are_not_read_are_named(tmp_path, capsys):
    path = book_of(
        tmp_path / "t.xlsx", screening=SCREENING, Rankin=[["a"]], notes=[["b"]], dictionary=[["c"]]
    )
    reading = read_tables(path)
    assert [str(other) for other in reading.not_read] == ["t.xlsx/Rankin (looks like mrs)", "t.xlsx/notes"]
    absent = next(f for f in reading.findings if f.file == "t.xlsx/mrs")
    assert absent.remedy.startswith("rename the sheet 'Rankin' to mrs if it is that, or add the sheet mrs")
    assert main(["check", str(path)]) == 0
    assert "looks like mrs" in capsys.readouterr().out


def test_remedies_speak_of_sheets(tmp_path):
    mrs = [["patient_id", "date", "mrs"], ["B", "2014-03-01", 2]]
    (finding,) = errors(book_of(tmp_path / "t.xlsx", screening=SCREENING, mrs=mrs))
    assert finding.remedy == "correct the identifier, or add the patient to the sheet screening"


def test_files_that_are_not_read_are_named(tmp_path):
    header = "patient_id,screening_date\n"
    (tmp_path / "screening.csv").write_text(header + "A,2014-03-01\n")
    for name in ("MRS.csv", "mrs (1).csv", "AE.csv", "notes.txt", ".hidden", "~$t.xlsx", "SYNTHETIC.txt"):
        (tmp_path / name).write_text("x")
    book_of(tmp_path / "t.xlsx", screening=SCREENING)
    named = [str(other) for other in read_tables(tmp_path).not_read]
    assert named == ["AE.csv (looks like adverse_events)", "MRS.csv (looks like mrs)", "mrs (1).csv (looks like mrs)",
                     "notes.txt", "t.xlsx"]  # fmt: skip
    assert pns.read_trial(tmp_path).screening["patient_id"].tolist() == ["A"]


def test_two_workbooks_are_a_finding(tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        book_of(tmp_path / name, screening=SCREENING)
    (first,) = errors(tmp_path)
    assert first.rule == "there must be one workbook, but there are a.xlsx, b.xlsx"


def test_the_template_workbook(tmp_path, capsys):
    path = tmp_path / "t.xlsx"
    assert main(["template", str(path)]) == 0
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [*TABLES, "dictionary", "example"]
    sheet = book["screening"]
    header = [cell.value for cell in sheet[1]]
    formats = dict(zip(header, [cell.number_format for cell in sheet[2]], strict=True))
    assert (formats["patient_id"], formats["symptom_onset_date"]) == ("@", "@")
    assert (formats["screening_date"], formats["mrs"]) == ("yyyy-mm-dd", "General")
    assert {v.formula1 for v in sheet.data_validations.dataValidation} >= {'"female,male"', '"yes,no"'}
    for table in book.worksheets:
        for rule in table.data_validations.dataValidation:
            assert len(rule.formula1) <= 255
    sheet["A2"], sheet["B2"] = "007", None
    sheet.cell(2, header.index("screening_date") + 1).value = dt.date(2014, 3, 1)
    sheet.cell(2, header.index("symptom_onset_date") + 1).value = "2014-01"
    book.save(path)
    trial = pns.read_trial(path)
    assert trial.screening["patient_id"].tolist() == ["007"]
    assert trial.screening["symptom_onset_date"].tolist() == ["2014-01"]
    assert read_tables(path).not_read == ()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is there already; collected tables are never written over"):
        write_template(path)
    assert path.read_bytes() == before


def mutated(data, rng):
    """Damage a file: bytes changed, taken out, put in, cut off; or a part of the archive."""
    if rng.random() < 0.5:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            parts = {name: old.read(name) for name in old.namelist()}
        name = rng.choice(sorted(parts))
        parts[name] = damaged(parts[name], rng)
        if rng.random() < 0.1:
            del parts[name]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
            for key, part in parts.items():
                new.writestr(key, part)
        return buffer.getvalue()
    return damaged(data, rng)


def damaged(data, rng):
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(changed) or 1)
        way = rng.randrange(5)
        if way == 0 and changed:
            changed[at] = rng.randrange(256)
        elif way == 1:
            del changed[at : at + rng.randint(1, 40)]
        elif way == 2:
            changed[at:at] = rng.choice(
                [b"<", b">", b"999999999", b'"', b"\0", b"<row>", b"nan", b"1e999", b"&x;"]
            )
        elif way == 3:
            del changed[max(1, at) :]
        else:
            changed[at : at + 1] = (
                bytes([changed[at] ^ (1 << rng.randrange(8))]) if at < len(changed) else b""
            )
    return bytes(changed)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_workbook_or_parquet_file_is_a_finding(tmp_path, seed):
    rng = random.Random(seed)
    path = book_of(
        tmp_path / "t.xlsx", screening=SCREENING, mrs=[["patient_id", "date", "mrs"], ["A", "2014-03-01", 2]]
    )
    path.write_bytes(mutated(path.read_bytes(), rng))
    read_findings(path)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "screening.csv").write_text("patient_id,screening_date\nA,2014-03-01\n")
    pns.read_trial(folder).screening.astype(str).to_parquet(folder / "mrs.parquet")
    (folder / "mrs.parquet").write_bytes(damaged((folder / "mrs.parquet").read_bytes(), rng))
    read_findings(folder)


def test_a_name_that_resembles_a_table_or_column_is_named(tmp_path):
    (tmp_path / "Modified Rankin Score.csv").write_text("x\n")
    (tmp_path / "notes.csv").write_text("x\n")
    (tmp_path / "screening.csv").write_text(
        "patient_id,screening_date,wieght_kgs,mood\nA,2014-03-01,70,good\n"
    )
    told = [str(other) for other in read_tables(tmp_path).not_read]
    assert told == [
        "Modified Rankin Score.csv (looks like mrs)",
        "notes.csv",
        "screening.csv, column 'wieght_kgs' (looks like weight_kg)",
        "screening.csv, column 'mood'",
    ]

"""French spreadsheets, declared and never guessed."""

import json
import re

import pytest

import pnstrial as pns
from pnstrial.checks import check_trial
from pnstrial.cli import main
from pnstrial.data import TextFormat, read_findings

FRENCH = {"separator": ";", "decimal": ",", "dates": "dd/mm/yyyy", "encoding": "cp1252"}
SCREENING = (
    "patient_id;site;screening_date;weight_kg;symptom_onset_date\n"
    "A;Saint-Étienne;01/03/2014;70,5;12/2013\nB;Lyon;02/03/2014;;2013\nC;Lyon;02/03/2014;;05/01/2014\n"
)


@pytest.fixture
def french(tmp_path):
    (tmp_path / "screening.csv").write_bytes(SCREENING.encode("cp1252"))
    (tmp_path / "mrs.csv").write_bytes("patient_id;date;mrs\nA;01/03/2014;3,0\n".encode("cp1252"))
    return tmp_path


def options(declared):
    return [word for key, value in declared.items() for word in (f"--{key}", value)]


def test_declared_formats_are_read(french):
    trial = pns.read_trial(french, **FRENCH)
    assert trial.screening["site"].tolist() == ["Saint-Étienne", "Lyon", "Lyon"]
    assert trial.screening["weight_kg"].tolist()[0] == 70.5
    assert trial.screening["symptom_onset_date"].tolist() == ["2013-12", "2013", "2014-01-05"]
    assert trial.screening["screening_date"].dt.strftime("%F").tolist()[0] == "2014-03-01"
    assert trial.mrs["mrs"].tolist() == [3]


def test_format_toml_declares_and_options_win(french, protocol):
    content = 'separator = ";"\ndecimal = ","\ndates = "mm/dd/yyyy"\nencoding = "cp1252"\n'
    (french / "format.toml").write_text(content)
    assert pns.read_trial(french).screening["screening_date"].dt.month.tolist() == [1, 2, 2]
    trial = pns.read_trial(french, dates="dd/mm/yyyy")
    assert trial.screening["screening_date"].dt.month.tolist() == [3, 3, 3]
    assert "format.toml" in trial.files
    assert trial.written == TextFormat(**FRENCH)
    assert not [f for f in check_trial(french, protocol, dates="dd/mm/yyyy") if f.severity == "error"]


def test_what_is_not_as_declared_is_an_error_with_the_cell_as_typed(tmp_path):
    (tmp_path / "screening.csv").write_text(
        "patient_id;screening_date;weight_kg;symptom_onset_date\nA;2014-03-01;70.5;2014-03\nB;31/02/2014;-0,0;13/2014\n"
    )
    _, findings = read_findings(tmp_path, separator=";", decimal=",", dates="dd/mm/yyyy")
    errors = {(f.line, f.column): f for f in findings if f.severity == "error"}
    assert set(errors) == {(line, column) for line in (2, 3) for column in
                           ("screening_date", "weight_kg", "symptom_onset_date")}  # fmt: skip
    assert errors[2, "screening_date"].rule == "must be a date written DD/MM/YYYY"
    assert errors[2, "screening_date"].value == "2014-03-01"
    assert errors[2, "weight_kg"].rule == "must be a plain decimal number with a comma"
    assert errors[2, "symptom_onset_date"].rule == "must be a date written DD/MM/YYYY, MM/YYYY or YYYY"
    assert errors[3, "screening_date"].rule == "must be a date that exists"


def test_findings_show_the_cell_as_typed(french):
    (french / "screening.csv").write_bytes(SCREENING.replace("70,5", "7,50").encode("cp1252"))
    _, findings = read_findings(french, **FRENCH)
    (finding,) = (f for f in findings if f.column == "weight_kg")
    assert finding.value == "7,50"


@pytest.mark.parametrize(
    ("declared", "rule"),
    [
        ({}, "must be UTF-8"),
        ({"encoding": "cp1252"}, "must be separated by commas, but is separated by semicolons"),
        (
            {"encoding": "mac-roman", "separator": "|"},
            "must be separated by bars, but is separated by semicolons",
        ),
    ],
)
def test_without_them_the_strict_reading_stays_and_names_both_exits(french, declared, rule):
    _, findings = read_findings(french, **declared)
    finding = next(f for f in findings if f.file == "screening.csv")
    assert finding.rule == rule
    assert "declare" in finding.remedy or "--encoding" in finding.remedy
    assert ".xlsx" in finding.remedy


def test_commas_and_slashes_name_both_exits(tiny):
    with pytest.raises(pns.TrialDataError) as caught:
        tiny(screening=[{"weight_kg": "70,5", "consent_date": "01/03/2014"}])
    remedies = {f.column: f.remedy for f in caught.value.findings if f.severity == "error"}
    assert "declare it (--decimal ',') or save it as .xlsx" in remedies["weight_kg"]
    assert "declare it (such as --dates dd/mm/yyyy) or save it as .xlsx" in remedies["consent_date"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"separator": "x"}, "separator is 'x'; allowed are ,, ;, tab, |"),
        ({"decimal": ","}, "separator and decimal are both ','"),
        ({"encoding": "utf-7"}, "encoding is 'utf-7'; allowed are utf-8, cp1252"),
        ({"dates": "d/m/y"}, "dates is 'd/m/y'; allowed are yyyy-mm-dd"),
    ],
)
def test_what_cannot_be_declared(french, declared, message, capsys):
    with pytest.raises(ValueError, match=re.escape(message)):
        pns.read_trial(french, **declared)
    assert main(["check", str(french), *options(declared)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("content", ["decimal ,", "comma = ','", "decimal = 1"])
def test_a_broken_format_file_is_one_sentence(french, content, capsys):
    (french / "format.toml").write_text(content)
    assert main(["check", str(french)]) == 2
    assert "format.toml" in capsys.readouterr().err


def test_a_workbook_states_its_cells_itself(tmp_path, capsys):
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0].title = "screening"
    book.save(tmp_path / "t.xlsx")
    assert main(["check", str(tmp_path / "t.xlsx"), "--decimal", ","]) == 2
    assert "t.xlsx is a workbook, whose cells state it themselves" in capsys.readouterr().err


def test_commands_read_what_is_declared(french, tmp_path_factory, capsys):
    words = options(FRENCH)
    assert main(["check", str(french), *words]) == 0
    assert main(["screen", str(french), *words]) == 0
    capsys.readouterr()
    assert main(["analyse", str(french), *words, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["screening"]) == {"A", "B", "C"}
    out = tmp_path_factory.mktemp("out") / "report"
    assert main(["report", str(french), "--out", str(out), *words]) == 0
    page = (out / "report.html").read_text()
    assert "--separator &#x27;;&#x27; --decimal , --dates dd/mm/yyyy --encoding cp1252" in page
    assert main(["adam", str(french), "--out", str(out.parent / "adam"), *words]) == 0


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso-8859-15", "mac-roman", "utf-8"])
def test_encodings(tmp_path, encoding):
    (tmp_path / "screening.csv").write_bytes(
        "patient_id,screening_date,site\nA,2014-03-01,é\n".encode(encoding)
    )
    assert pns.read_trial(tmp_path, encoding=encoding).screening["site"].tolist() == ["é"]


def test_a_utf_8_file_declared_otherwise_is_an_error(tmp_path):
    (tmp_path / "screening.csv").write_bytes("\ufeffpatient_id,screening_date\nA,2014-03-01\n".encode())
    _, (finding, *_) = read_findings(tmp_path, encoding="cp1252")
    assert finding.rule == "was declared cp1252, but it begins as UTF-8"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--decimal", "x"], "decimal is 'x'; allowed are"),
        (["--separator", ";"], "give FOLDER"),
    ],
)
def test_the_page_reads_what_is_declared_and_refuses_the_rest(tmp_path, words, message, capsys):
    folder = [] if "FOLDER" in message else [str(tmp_path)]
    assert main(["page", *folder, *words, "--no-browser"]) == 2
    assert message in capsys.readouterr().err

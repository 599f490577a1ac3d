"""Collected tables: what is read, what is refused, and where it is told."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.checks import check_trial, protocol_findings
from pnstrial.data import TABLES, data_dictionary, findings_frame, read_findings, write_template
from pnstrial.data.files import write_example
from pnstrial.data.parsing import one_letter_apart
from pnstrial.data.schema import bare

SCREENING = "patient_id,screening_date,enrolment_date,mrs,weight_kg\n"


def findings_of(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.csv").write_bytes(data)
    _, findings = read_findings(folder)
    return [(f.file, f.line, f.column, f.severity) for f in findings if f.rule != "this table is absent"]


def test_round_trip(tmp_path, example):
    pns.write_trial(example, tmp_path)
    again = pns.read_trial(tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(example.table(name), again.table(name))


def test_frames_cannot_be_changed_from_outside(example):
    frame = example.screening
    frame["mrs"] = 0.0
    assert set(example.screening["mrs"]) != {0}


def test_workbook_and_parquet_equal_the_csv_files(tmp_path, example):
    book, parquet = tmp_path / "trial.xlsx", tmp_path / "parquet"
    parquet.mkdir()
    with pd.ExcelWriter(book) as writer:
        for name in TABLES:
            frame = example.table(name)
            frame.to_excel(writer, sheet_name=name, index=False)
            frame.to_parquet(parquet / f"{name}.parquet", index=False)
    for source in (book, parquet):
        again = pns.read_trial(source)
        for name in TABLES:
            left, right = example.table(name), again.table(name)
            pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True))


def test_findings_name_the_sheet(tmp_path, example, protocol):
    book = tmp_path / "trial.xlsx"
    with pd.ExcelWriter(book) as writer:
        for name in TABLES:
            example.table(name).to_excel(writer, sheet_name=name, index=False)
    files = {finding.file for finding in pns.check_trial(book, protocol)}
    assert files == {"trial.xlsx/infusions", "trial.xlsx/mrs", "trial.xlsx/medications"}


def test_a_table_in_two_formats_is_an_error(tmp_path, example):
    pns.write_trial(example, tmp_path)
    example.mrs.to_parquet(tmp_path / "mrs.parquet", index=False)
    with pytest.raises(pns.TrialDataError, match=r"mrs\.parquet: the table is there twice"):
        pns.read_trial(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SCREENING + "A,2014-03-01,,3,70\n", []),
        ("\ufeff" + SCREENING.replace("\n", "\r\n") + " A , 2014-03-01 ,, 3.0 ,70\r\n\r\n", []),
        (SCREENING.encode("utf-16"), [("screening.csv", 1, None, "error")]),
        (SCREENING.encode() + b"A,2014-03-01,,3,\xe9\n", [("screening.csv", 2, None, "error")]),
        (SCREENING + "A,2014-03-01,,3\0,70\n", [("screening.csv", 2, None, "error")]),
        (SCREENING.replace(",", ";") + "A;2014-03-01;;3;70\n", [("screening.csv", 1, None, "error")]),
        (SCREENING + "A,2014-03-01,,3\n", [("screening.csv", 2, None, "error")]),
        (SCREENING + 'A,2014-03-01,,3,70\n"B,2014-03-01,,3,70\n', [("screening.csv", 3, None, "error")]),
        ("", [("screening.csv", 1, None, "error")]),
        ("patient_id,mrs\nA,3\n", [("screening.csv", 1, "screening_date", "error")]),
        (SCREENING[:-1] + ",mrs\nA,2014-03-01,,3,70,3\n", [("screening.csv", 1, "mrs", "error")]),
        (
            SCREENING.replace("mrs", "Mrs ?") + "A,2014-03-01,,3,70\n",
            [("screening.csv", 1, "Mrs ?", "warning")],
        ),
        (
            SCREENING + "A,2014-03-01,,3,70\nA,2014-03-01,,3,70\n",
            [("screening.csv", 3, "patient_id", "error")],
        ),
        (SCREENING + ",2014-03-01,,3,70\n", [("screening.csv", 2, "patient_id", "error")]),
        (SCREENING + "A,2014-02-30,,3,70\n", [("screening.csv", 2, "screening_date", "error")]),
        (SCREENING + "A,2014-03-01,,7,70\n", [("screening.csv", 2, "mrs", "error")]),
        (SCREENING + 'A,2014-03-01,,3,"70,5"\n', [("screening.csv", 2, "weight_kg", "error")]),
        (SCREENING + "A,2014-03-01,,3,700\n", [("screening.csv", 2, "weight_kg", "warning")]),
        (SCREENING + f"A,2014-03-01,,3,{'9' * 400}\n", [("screening.csv", 2, "weight_kg", "error")]),
        (SCREENING + 'A,2014-03-01,,3,70\n"B\nB",2014-03-01,,9,70\n', [("screening.csv", 3, "mrs", "error")]),
    ],
)
def test_a_file_is_read_or_told_what_is_wrong_and_where(tmp_path, content, expected):
    assert findings_of(tmp_path, screening=content) == expected


def test_years_far_away_are_findings_and_no_overflow(tmp_path):
    text = "patient_id,screening_date,symptom_onset_date,consent_date\nA,9999-12-31,0001,0001-01-01\n"
    assert {row[2] for row in findings_of(tmp_path, screening=text)} == {"consent_date", "symptom_onset_date"}


def test_one_fault_is_told_once(tmp_path):
    """A refused date is unknown: it does not make its patient un-enrolled or its infusion misplaced."""
    found = findings_of(
        tmp_path,
        screening=SCREENING + "A,2014-03-01,01/03/2014,3,70\n",
        infusions="patient_id,cycle,date,dose_g\nA,1,2014-03-05,20\n",
    )
    assert found == [("screening.csv", 2, "enrolment_date", "error")]


def test_errors_name_everything_and_all_at_once(tmp_path):
    (tmp_path / "screening.csv").write_text(SCREENING + "A,2014-03-01,,9,-1\n")
    with pytest.raises(pns.TrialDataError) as caught:
        pns.read_trial(tmp_path)
    assert "screening.csv line 2, patient A, mrs = '9': must be a whole number from 0 to 6" in str(
        caught.value
    )
    assert len([f for f in caught.value.findings if f.severity == "error"]) == 2
    frame = findings_frame(caught.value.findings)
    assert frame["line"].tolist()[:2] == [2, 2]


@pytest.mark.parametrize("path", ["nowhere", "file.txt"])
def test_what_is_no_folder(tmp_path, path):
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(ValueError, match="give the folder of the tables"):
        pns.read_trial(tmp_path / path)


def test_a_folder_without_screening(tmp_path):
    with pytest.raises(pns.TrialDataError, match=r"screening\.csv: this table must be there"):
        pns.read_trial(tmp_path)


def test_broken_workbook(tmp_path):
    (tmp_path / "trial.xlsx").write_bytes(b"no workbook")
    with pytest.raises(pns.TrialDataError, match="must be an Excel workbook"):
        pns.read_trial(tmp_path / "trial.xlsx")


@pytest.mark.parametrize(
    ("rows", "columns", "rule"),
    [
        (1, 201, "more than 200 columns"),
        (60_000, 199, "more than 10,000,000 cells"),
        (1, 1, "more than 200 MB"),
    ],
)
def test_a_parquet_file_that_unpacks_to_any_size(tmp_path, rows, columns, rule):
    one = np.zeros(rows, dtype=np.int8) if rows * columns > 1 else ["x" * 200_000_001]
    frame = pd.DataFrame({f"c{number}": one for number in range(columns)})
    frame.to_parquet(tmp_path / "screening.parquet", compression="zstd")
    with pytest.raises(pns.TrialDataError, match=rule):
        pns.read_trial(tmp_path)


def test_broken_parquet(tmp_path):
    (tmp_path / "screening.parquet").write_bytes(b"no parquet")
    with pytest.raises(pns.TrialDataError, match="must be a Parquet file"):
        pns.read_trial(tmp_path)


def test_frames_take_dates_numbers_and_blanks():
    frame = pd.DataFrame(
        {
            "patient_id": ["A", "B"],
            "screening_date": [dt.date(2014, 3, 1), dt.date(2014, 3, 2)],
            "mrs": [3, np.nan],
        }
    )
    trial = pns.TrialData.from_frames({"screening": frame})
    assert trial.screening["mrs"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match="no such table: scren"):
        pns.TrialData.from_frames({"scren": frame})


def test_template_and_example_write_nothing_over(tmp_path):
    files = write_template(tmp_path / "new")
    assert [file.name for file in files][:2] == ["screening.csv", "medications.csv"]
    assert "| patient_id | yes |" in (tmp_path / "new" / "data-dictionary.md").read_text()
    with pytest.raises(ValueError, match=r"already has screening\.csv"):
        write_template(tmp_path / "new")
    write_example(tmp_path / "example")
    assert pns.read_trial(tmp_path / "example").synthetic
    with pytest.raises(ValueError, match="already has"):
        write_example(tmp_path / "example")


def test_dictionary_describes_every_column():
    assert len(data_dictionary()) == sum(len(table.columns) for table in TABLES.values())


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [("mrs", "mr", True), ("mrs", "mrss", True), ("mrs", "msr", True), ("mrs", "mxs", True), ("mrs", "rm", False),
     ("date", "dates", True), ("date", "adte", True), ("date", "dxtx", False)],
)  # fmt: skip
def test_headers_that_nearly_fit(one, other, near):
    assert one_letter_apart(one, other) is near


def test_an_absent_column_that_the_protocol_needs_is_said(tiny, protocol):
    """One warning a column, with what is unknown; another name for it stands beside it."""
    everything = [column.name for column in TABLES["screening"].columns]
    headers = {column: [""] for column in everything if column not in {"weight_kg", "pns_level", "cancer"}}
    frame = pd.DataFrame(
        {**headers, "patient_id": ["A"], "screening_date": ["2014-03-01"], "Weight (kg)": ["70"]}
    )
    trial = pns.TrialData.from_frames({"screening": frame})
    found = {f.column: f for f in protocol_findings(trial, protocol) if f.line == 1}
    assert set(found) == {"weight_kg", "pns_level"}
    assert found["weight_kg"].rule.startswith("this column is absent: E4 ")
    assert "a cycle without a weight of its own has no planned dose" in found["weight_kg"].rule
    assert "rename 'Weight (kg)' to weight_kg" in found["weight_kg"].remedy
    assert "I1" in found["pns_level"].rule
    events = pd.DataFrame(
        {
            "patient_id": ["A"],
            "term": ["x"],
            "start_date": ["2014-03-02"],
            "SAE": ["yes"],
            "CTCAE grade": ["3"],
        }
    )
    trial = pns.TrialData.from_frames({"screening": frame, "adverse_events": events})
    found = {f.column for f in protocol_findings(trial, protocol) if f.file == "adverse_events.csv"}
    assert found == {"serious", "grade"}


def test_an_absent_column_is_said_although_the_tables_have_errors(tmp_path, protocol):
    (tmp_path / "screening.csv").write_text("patient_id,screening_date,IgA\nA,2014-13-01,no\n")
    found = check_trial(tmp_path, protocol)
    assert found[0].severity == "error"
    assert any(f.column == "iga_deficiency" and "rename 'IgA'" in f.remedy for f in found)


def test_a_required_column_by_another_name_is_named(tmp_path):
    (tmp_path / "screening.csv").write_text("Subject ID,screening_date\nA,2014-03-01\n")
    _, (finding, *_) = read_findings(tmp_path)
    assert finding.remedy == "rename 'Subject ID' to patient_id if it is that, or add the column"


def test_other_names_belong_to_one_column_of_a_table():
    for table in TABLES.values():
        names = [name for column in table.columns for name in column.other_names]
        assert len(names) == len(set(names))
        for column in table.columns:
            others = {bare(other.name) for other in table.columns if other is not column}
            assert not column.other_names & others


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("weight_kg", "-0", "a minus must not stand before a zero"),
        ("creatinine_umol_l", "-0.00", "a minus must not stand before a zero"),
        ("site", "a\x07b", "must not hold the control character U+0007"),
        ("cancer", "a\tb", "must not hold the control character U+0009"),
        ("sex", "fe\x7fmale", "must not hold the control character U+007F"),
        ("note", "a\ufffeb", "must not hold the control character U+FFFE"),
        ("patient_id", "A\x85B", "must not hold the control character U+0085"),
    ],
)
def test_cells_that_cannot_be_meant(tiny, column, cell, rule):
    with pytest.raises(pns.TrialDataError) as caught:
        tiny(screening=[{column: cell}])
    finding = caught.value.findings[0]
    assert (finding.column, finding.rule, finding.severity) == (column, rule, "error")


def test_line_breaks_stay_in_text(tiny):
    assert tiny(screening=[{"cancer": "a\nb\r\nc"}]).screening["cancer"].tolist() == ["a\nb\r\nc"]


def test_a_syndrome_outside_its_list_is_a_warning_and_not_collected(tiny):
    trial = tiny(screening=[{"syndrome": "lems"}, {"patient_id": "B", "syndrome": "ataxia"}])
    assert trial.screening["syndrome"].tolist() == ["LEMS", None]
    (finding,) = (f for f in trial.findings if f.column == "syndrome")
    assert (finding.patient_id, finding.value, finding.severity) == ("B", "ataxia", "warning")


@pytest.mark.parametrize(
    ("ratings", "found"),
    [
        ([("R1", 2), ("R2", 2)], 0),
        ([("R1", 2), ("R2", 3)], 1),
        ([("R1", 2), ("", 3)], 1),
        ([("R1", 2), ("R2", 3), ("R3", 4)], 1),
        ([("R1", 2), ("R2", "")], 0),
    ],
)
def test_raters_who_differ_are_one_warning_a_day(tiny, ratings, found):
    trial = tiny(mrs=[{"date": "2014-03-01", "mrs": mrs, "rater": rater} for rater, mrs in ratings])
    warnings = [f for f in trial.findings if f.rule.startswith("raters differ")]
    assert len(warnings) == found


def test_a_column_called_line_is_kept(tiny, protocol):
    trial = tiny(screening=[{"line": "7"}], mrs=[{"date": "2014-03-01", "mrs": 2, "line": "8"}])
    assert trial.screening["line_"].tolist() == ["7"]
    assert pns.analyse(trial, protocol).to_json_object()["primary"]["n"] == 1

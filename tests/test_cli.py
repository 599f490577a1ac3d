"""Every command as it is typed: what it prints, writes and returns."""

import datetime as dt
import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import html5lib
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.data import TABLES


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "trial"
    assert main(["example", str(path)]) == 0
    return path


def test_analyse_writes_a_page_and_prints_the_result(folder, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["analyse", str(folder), "--out", str(out), "--null", "0.1"]) == 0
    assert "3 of 18 = 16.7 %" in capsys.readouterr().out
    first = out.read_bytes()
    page = first.decode()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "The patients in this report are invented" in page
    assert "http://" not in page
    assert "https://" not in page
    for word in (">nan<", ">inf<", ">NaT<", ">None<"):
        assert word not in page
    main(["analyse", str(folder), "--out", str(out), "--null", "0.1"])
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    "rows",
    [
        {"screening": []},
        {"screening": ["A,2014-03-01,,3"]},
        {"screening": ["A,2014-03-01,2014-03-02,3"]},
        {"screening": ["A,2014-03-01,2014-03-02,3"], "follow_up": ["A,2014-04-01,dead,2014-04-01"]},
    ],
    ids=["nobody", "nobody enrolled", "nobody rated", "all dead"],
)
def test_degenerate_trials_give_a_page(tmp_path, rows, capsys):
    headers = {
        "screening": "patient_id,screening_date,enrolment_date,mrs",
        "follow_up": "patient_id,last_contact_date,status,death_date",
    }
    folder = tmp_path / "trial"
    folder.mkdir()
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join([headers[name], *lines]) + "\n")
    out = tmp_path / "page.html"
    assert main(["analyse", str(folder), "--out", str(out), "--null", "0.1"]) == 0
    html5lib.HTMLParser(strict=True).parse(out.read_text())
    assert not re.search(r"\b(nan|inf|NaT|None|<NA>)\b", out.read_text())
    capsys.readouterr()
    assert main(["analyse", str(folder), "--json"]) == 0
    assert "NaN" not in capsys.readouterr().out


def test_json(folder, capsys):
    capsys.readouterr()
    assert main(["analyse", str(folder), "--json", "--visit", "Month 6", "--estimand", "missing=LOCF"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert list(content) == [
        "findings", "screening", "exposure", "visits", "decisions", "sets", "primary", "secondary", "time_to_event",
    ]  # fmt: skip
    assert content["primary"]["estimand"]["missing"] == "LOCF"
    assert content["primary"]["p_value"] is None


def test_check(folder, capsys):
    capsys.readouterr()
    assert main(["check", str(folder), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert set(findings[0]) == {
        "file",
        "line",
        "patient_id",
        "column",
        "value",
        "rule",
        "severity",
        "message",
    }
    with (folder / "mrs.csv").open("a") as file:
        file.write("NOBODY,2014-03-01,2,,\n")
    assert main(["check", str(folder)]) == 1
    assert "the patient must be in screening" in capsys.readouterr().out


def test_floods_are_counted_and_the_result_comes_first(folder, tmp_path, capsys):
    table = folder / "mrs.csv"
    lines = table.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    at = cells[0].index("date")
    for row in cells[1:]:
        year, month, day = row[at].split("-")
        row[at] = f"{day}/{month}/{year}"
    table.write_text("\n".join(",".join(row) for row in cells) + "\n")
    capsys.readouterr()
    assert main(["check", str(folder)]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) <= 24
    assert shown[0].startswith(
        "error: mrs.csv, date: must be a date written YYYY-MM-DD (74 times: line 2 patient "
    )
    assert "declare it (such as --dates dd/mm/yyyy) or save it as .xlsx" in shown[0]
    assert main(["check", str(folder), "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert list(content) == ["findings", "not_read"]
    assert sum(finding["column"] == "date" for finding in content["findings"]) == 74
    sheet = tmp_path / "queries.csv"
    assert main(["check", str(folder), "--queries", str(sheet)]) == 1
    rows = pd.read_csv(sheet)
    assert len(rows) == len(content["findings"])
    assert list(rows)[:5] == ["file", "line", "patient_id", "column", "value"]
    sheet.write_text("answered")
    assert main(["check", str(folder), "--queries", str(sheet)]) == 2
    assert main(["check", str(folder), "--queries", str(folder / "queries.csv")]) == 2
    assert sheet.read_text() == "answered"


def test_analyse_says_the_result_before_the_warnings(folder, capsys):
    capsys.readouterr()
    assert main(["analyse", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert shown.index("Response at Month 3") < shown.index("warning: ")
    assert shown.count(" warnings") == 1


def test_headers_that_are_not_read_are_listed_last(folder, capsys):
    table = folder / "screening.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text(
        "\n".join([head.replace("weight_kg", "Weight") + ",note", *(f"{row}," for row in rows)]) + "\n"
    )
    capsys.readouterr()
    assert main(["check", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "rename 'Weight' to weight_kg if it is that" in shown
    last = shown.splitlines()[-1]
    assert (
        last
        == "Not read: screening.csv, column 'Weight' (looks like weight_kg); screening.csv, column 'note'"
    )
    main(["check", str(folder), "--json"])
    assert json.loads(capsys.readouterr().out)["not_read"] == [
        {"file": "screening.csv", "header": "Weight", "looks_like": "weight_kg"},
        {"file": "screening.csv", "header": "note", "looks_like": None},
    ]


def test_formulas_are_warned_of_and_cannot_run_in_a_query_sheet(folder, tmp_path, capsys):
    table = folder / "adverse_events.csv"
    head, first, *rows = table.read_text().splitlines()
    cells = first.split(",")
    cells[1] = "=HYPERLINK(0)"
    table.write_text("\n".join([head, ",".join(cells), *rows]) + "\n")
    sheet = tmp_path / "queries.csv"
    assert main(["check", str(folder), "--queries", str(sheet)]) == 0
    assert "a spreadsheet takes text that begins so for a formula" in capsys.readouterr().out
    assert "'=HYPERLINK(0)" in pd.read_csv(sheet)["value"].tolist()
    trial = pns.read_trial(folder)
    pns.write_trial(trial, tmp_path / "again")
    assert pns.read_trial(tmp_path / "again").adverse_events["term"].tolist()[0] == "=HYPERLINK(0)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["anlyse", "f"], "there is no command 'anlyse'; see pnstrial --help; did you mean analyse?"),
        (
            ["analyse", "f", "--nul", "0.1", "--estimnd", "a=b"],
            "unrecognized arguments: --estimnd a=b; did you mean --estimand?",
        ),
        (["check", "f", "--separtor=;"], "did you mean --separator?"),
    ],
)
def test_what_was_perhaps_meant(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weight", "7"], "a weight is expected from 25 to 250 kg; is a digit missing"),
        (["--weight", "700"], "a weight is expected from 25 to 250 kg; was 70 meant"),
        (
            ["--weight", "70", "--height", "1.70", "--sex", "male"],
            "a height is expected from 100 to 230 cm; was 170 cm meant?",
        ),
        (
            ["--weight", "70", "--start", "1026-01-05"],
            "is over 10 years from today; check the year, or give --anyway",
        ),
    ],
)
def test_a_plan_refuses_what_check_would_not_use(words, message, capsys):
    start = [] if "--start" in words else ["--start", dt.datetime.now(dt.UTC).date().isoformat()]
    assert main(["plan", *words, *start]) == 2
    assert message in capsys.readouterr().err
    if "--start" in words:
        assert main(["plan", *words, "--anyway"]) == 0


def test_a_plan_prints_what_a_pharmacist_writes(capsys):
    start = dt.datetime.now(dt.UTC).date().isoformat()
    words = ["plan", "--weight", "70.25", "--start", start]
    assert main(words) == 0
    assert " 140.5 " in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cycles"][0]["dose_g"] == 140.5


def test_a_full_disk_is_one_sentence(folder, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))

    capsys.readouterr()
    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(Path, "mkdir", full)
    for words in (["analyse", str(folder), "--out", str(tmp_path / "p.html")], ["adam", str(folder), "--out", str(tmp_path / "adam")],
                  ["example", str(tmp_path / "e")]):  # fmt: skip
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("pnstrial: cannot read or write ")
        assert error.endswith(": No space left on device\n")


def test_analyse_of_tables_that_cannot_be_trusted(folder, capsys):
    (folder / "screening.csv").write_text("patient_id;screening_date\n")
    capsys.readouterr()
    assert main(["analyse", str(folder), "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["findings"][0]["severity"] == "error"
    assert "separated by semicolons" in told.err


def test_screen(folder, capsys):
    assert main(["screen", str(folder), "--protocol", "nct02343211-registry"]) == 0
    assert "BES-01 I5 fail: deterioration_3_weeks no" in capsys.readouterr().out
    assert main(["screen", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["screening"]["BES-01"]["overall"] == "ineligible"


def test_plan(capsys):
    assert main(["plan", "--weight", "70", "--start", "2026-01-05"]) == 0
    assert "3 x 40 g + 1 x 20 g" in capsys.readouterr().out
    assert main(["plan", "--weight", "71", "--start", "2026-01-05", "--round-to", "5", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["cycles"][0]["dose_g"] == 140
    assert plan["decision_day"] == "2026-03-30"


def test_template(tmp_path, capsys):
    assert main(["template", str(tmp_path / "new"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == len(TABLES) + 1
    assert main(["check", str(tmp_path / "new")]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["analyse", "nowhere"], "no folder 'nowhere'"),
        (["check", "nowhere"], "no folder 'nowhere'"),
        (["analyse", "{folder}", "--protocol", "none-such"], "neither a file nor a shipped name"),
        (["analyse", "{folder}", "--estimand", "death=ignore"], "allowed is 'composite' or 'exclude'"),
        (["analyse", "{folder}", "--estimand", "birth=ignore"], "estimand has no event 'birth'"),
        (["analyse", "{folder}", "--estimand", "death"], "write key=value"),
        (["analyse", "{folder}", "--visit", "Month 9"], "visit 'Month 9' is not in protocol"),
        (["analyse", "{folder}", "--out", "{folder}"], "is a folder"),
        (
            ["analyse", "{folder}", "--out", "{folder}/page.html"],
            "an input of this run, where nothing is written",
        ),
        (["analyse", "{folder}", "--out", "{folder}/mrs.csv"], "must end in .html or .htm"),
        (
            ["analyse", "{folder}", "--out", "nowhere/page.html"],
            "'nowhere' does not exist; make the folder first",
        ),
        (["report", "{folder}", "--out", "{folder}"], "is an input of this run"),
        (
            ["report", "{folder}", "--out", "{folder}/report"],
            "an input of this run, where nothing is written",
        ),
        (["adam", "{folder}", "--out", "nowhere/adam"], "'nowhere' does not exist; make the folder first"),
        (["from-sdtm", "{folder}/..", "--out", "{folder}"], "an input of this run, where nothing is written"),
        (["plan", "--weight", "70", "--start", "2026-01-05", "--days", "9"], "allows 2 to 5 infusion days"),
        (["example", "{folder}"], "already has"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(folder, capsys, words, message):
    assert main([word.format(folder=folder) for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "words",
    [["plan", "--weight", "x", "--start", "2026-01-05"], ["analyse", "f", "--null", "2"], ["nothing"], []],
)
def test_words_that_argparse_refuses(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["analyse", "check", "screen", "plan", "template", "example"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert f"pnstrial {command}" in told.split("example:")[1]
    assert "--json" in told
    assert "--protocol" in told


def test_the_import_stays_light():
    """Neither the heavy libraries nor pandas itself are loaded by the import and the help."""
    code = (
        "import sys, pnstrial; import pnstrial.cli as c; c._parser(); "
        "print([m for m in ('pandas','numba','matplotlib','statsmodels','lifelines','scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_protocol_is_made_checked_and_compared(tmp_path, capsys):
    path = tmp_path / "my.toml"
    words = ["protocol", "new", str(path), "--title", "Mine", "--set", "treatment.dose_g_per_kg=1.0"]
    assert main([*words, "--set", "criteria.I4.maximum=4"]) == 0
    text = path.read_text(encoding="utf-8")
    assert "\ndose_g_per_kg = 1.0" in text
    assert "\n# cycle_days = 28  # publication" in text
    assert main(words) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert main(["protocol", "check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "It can be used" in out
    assert "treatment.dose_g_per_kg = 1.0" in out
    assert main(["protocol", "diff", "nct02343211", str(path), "--json"]) == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["criteria.I4.maximum"]["other_value"] == 4
    assert rows["treatment.dose_g_per_kg"]["other_source"] == "assumed"
    path.write_text('based_on = "nct02343211"\n[endpoint]\nscale = "EDSS"', encoding="utf-8")
    assert main(["protocol", "check", str(path)]) == 1
    assert "endpoint.scale is 'EDSS'; scales has mRS" in capsys.readouterr().out
    assert main(["protocol", "new", str(tmp_path / "x.toml"), "--set", "treatment.dose=1"]) == 2
    assert "has no setting 'treatment.dose'; near it: treatment.dose_g_per_kg" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["template", "example"])
def test_an_unknown_protocol_is_not_ignored(tmp_path, capsys, command):
    assert main([command, str(tmp_path / "new"), "--protocol", "none-such"]) == 2
    assert "neither a file nor a shipped name" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["design", "simpn"], "simon"),
        (["protocol", "nwe"], "new"),
        (["adam", "t", "--out", "x", "--format", "xtp"], "xpt"),
        (["report", "t", "--outt", "x"], "--out"),
        (["simulat"], "simulate"),
    ],
)
def test_a_slip_of_a_kind_choice_or_required_option_is_answered(words, meant, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")

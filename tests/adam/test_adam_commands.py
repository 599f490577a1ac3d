"""The commands adam, check-adam and from-sdtm: files, exit codes, one sentence for a mistake."""

import json

import pytest

from pnstrial.cli import main

from .test_sdtm import sdtm_of, write


@pytest.mark.parametrize("name", ["xpt", "json", "parquet"])
def test_adam(example_folder, tmp_path, capsys, name):
    out = tmp_path / "out"
    assert main(["adam", str(example_folder), "--out", str(out), "--format", name]) == 0
    assert "ADSL 26, ADMRS 97" in capsys.readouterr().out
    files = {file.name for file in out.iterdir()}
    sets = ("adsl", "admrs", "adscale", "adex", "adae", "adtte")
    assert files == {
        *(f"{s}.{name}" for s in sets),
        "specification.csv",
        "specification.html",
        "datasets.csv",
    }
    assert main(["check-adam", str(out)]) == 0
    assert "0 warnings" in capsys.readouterr().out
    assert main(["adam", str(example_folder), "--out", str(out), "--format", name]) == 0
    assert {file.name for file in out.iterdir()} == files
    (out / f"adsl.{name}").write_bytes(b"edited")
    assert main(["adam", str(example_folder), "--out", str(out), "--format", name]) == 2
    assert f"adsl.{name} changed since pnstrial wrote it" in capsys.readouterr().err


def test_adam_for_machines(example_folder, tmp_path, capsys):
    assert main(["adam", str(example_folder), "--out", str(tmp_path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["records"]["ADTTE"] == 54
    assert len(content["files"]) == 9
    assert content["left_out"][0]["rule"].startswith("LEFT-OUT")


def test_check_adam_tells_the_rule(example_folder, tmp_path, capsys):
    main(["adam", str(example_folder), "--out", str(tmp_path)])
    (tmp_path / "adtte.xpt").write_bytes((tmp_path / "adtte.xpt").read_bytes()[:2000])
    capsys.readouterr()
    assert main(["check-adam", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "error: adtte.xpt = " in shown
    assert "SD0062" in shown
    assert main(["check-adam", str(tmp_path), "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["ok"] is False
    assert content["findings"][0]["rule"].startswith("SD0062")


def test_from_sdtm(example, tmp_path, capsys):
    folder = write(sdtm_of(example), tmp_path / "sdtm")
    out = tmp_path / "trial"
    assert main(["from-sdtm", str(folder), "--out", str(out)]) == 0
    assert "screening 26" in capsys.readouterr().out
    before = (out / "mrs.csv").read_bytes()
    assert main(["from-sdtm", str(folder), "--out", str(out)]) == 2
    assert "already has screening.csv" in capsys.readouterr().err
    assert (out / "mrs.csv").read_bytes() == before
    assert main(["from-sdtm", str(folder), "--out", str(tmp_path / "again"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["rule"].startswith("SDTM-8")
    assert main(["adam", str(out), "--out", str(tmp_path / "adam")]) == 0


def test_from_sdtm_with_a_map_of_ones_own(example, tmp_path, capsys):
    assert main(["from-sdtm", "--print-map"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "map.toml").write_text(text.replace('"AETERM"', '"AETRM"'), encoding="utf-8")
    folder = write(sdtm_of(example), tmp_path / "sdtm")
    assert (
        main(["from-sdtm", str(folder), "--map", str(tmp_path / "map.toml"), "--out", str(tmp_path / "o")])
        == 0
    )
    assert "SDTM-5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["adam", "nowhere", "--out", "x"], "nowhere"),
        (["check-adam", "nowhere"], "no folder 'nowhere'"),
        (["from-sdtm", "nowhere", "--out", "x"], "no folder 'nowhere'"),
        (["from-sdtm"], "from-sdtm needs DIR and --out"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error

"""The qualification: every shipped case comes out, and a case that does not is named."""

import importlib
import inspect
import json
import math
import re
from pathlib import Path

import pytest

from pnstrial.cli import main
from pnstrial.verification import qualification, qualify, reference_cases

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def result():
    return qualify()


@pytest.mark.reference
def test_every_case_passes(result):
    assert [(x.name, x.expected, x.found) for x in result.failed] == []
    groups = result.to_frame()["group"].value_counts()
    assert groups["R"] == len(reference_cases()["cases"]) >= 110
    assert groups["example"] >= 2 * 16
    assert groups["simulation"] == 8


WITHOUT_A_CASE = {
    "derived from the tables of a trial, as a second programming derived it": (
        "analysis_sets baseline change_category decisions deterioration_between_visits interim_decision landmark_at_visit "
        "mrs_occupancy mrs_shift overall_survival overall_survival_against primary_endpoint responders response "
        "response_reason scale_changes scale_endpoint secondary_endpoints time_to_deterioration time_to_improvement"
    ),
    "shipped data, or a change of form": (
        "as_rating_error counts_by_grade generator ordinal_formula published_references published_shift_trials "
        "rating_error rating_kernel reference"
    ),
    "several calls of a function that has one": (
        "case_bounds compare_designs coverage interval_of_endings simon_grid tipping_point"
    ),
    "random, or a search over what others compute": (
        "calibrate impute markov_intercepts markov_simulate simulated_power"
    ),
    "R has no number for it, or one that takes minutes or a long table; compared in the tests": (
        "bop2_ordinal generalized_odds_power generalized_odds_sample_size map_prior one_sample_logrank_sample_size "
        "prioritised_comparison reconstruct win_odds_power win_odds_sample_size"
    ),
}


def test_every_method_has_a_case_or_a_reason():
    given = reference_cases()
    calls = " ".join([case["call"] for case in given["cases"]] + list(given["made"]["python"].values()))
    without = set()
    for package in ("design", "endpoints", "multistate", "shift", "survival", "visits"):
        module = importlib.import_module(f"pnstrial.{package}")
        functions = [
            name for name in module.__all__ if not inspect.isclass(getattr(module, name)) and name.islower()
        ]
        without |= {name for name in functions if not re.search(rf"\b{package}\.{name}\(", calls)}
    named = " ".join(WITHOUT_A_CASE.values()).split()
    assert sorted(without) == sorted(named)


def test_what_is_installed_is_named_with_its_hash(result):
    version, sha = result.installed["numpy"]
    assert version == __import__("numpy").__version__
    assert re.fullmatch("[0-9a-f]{64}", sha)
    assert re.fullmatch("[0-9a-f]{64}", result.installed["pnstrial"][1])


def test_the_shipped_values_are_those_of_the_references():
    for name in ("publication", "registry"):
        shipped = (qualification._EXPECTED / f"expected-{name}.json").read_bytes()
        assert shipped == (REFERENCE / "trial" / f"expected-{name}.json").read_bytes()
    for case in reference_cases()["cases"]:
        if "source" not in case:
            continue
        file, name = case["source"]
        [found] = [x for x in json.loads((REFERENCE / file).read_text())["cases"] if x["id"] == name]
        theirs = [
            value for _, value in qualification._leaves(found["outputs"]) if isinstance(value, int | float)
        ]
        for value in qualification._numbers(case["value"]):
            assert any(math.isclose(value, x, rel_tol=1e-13) for x in theirs), (case["r"], value)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Three cases, so that a damaged expectation is seen without computing them all."""
    expected = tmp_path / "expected"
    expected.mkdir()
    for name in ("publication", "registry"):
        content = json.loads((qualification._EXPECTED / f"expected-{name}.json").read_text())
        content["estimands"] = {}
        (expected / f"expected-{name}.json").write_text(json.dumps(content))
    cases = reference_cases()
    cases["cases"] = cases["cases"][:1]
    (expected / "from-r.json").write_text(json.dumps(cases))
    (expected / "simulation.json").write_text("{}")
    monkeypatch.setattr(qualification, "_EXPECTED", expected)
    monkeypatch.setattr(qualification, "simulated_numbers", dict)
    return expected


def test_two_files_and_nothing_else(small, tmp_path, capsys):
    out = tmp_path / "iq"
    assert main(["qualify", "--out", str(out)]) == 0
    assert "every case passed" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == [
        "manifest.csv",
        "qualification.html",
        "qualification.json",
    ]
    assert json.loads((out / "qualification.json").read_text())["passed"] is True
    assert sorted(p.name for p in tmp_path.iterdir()) == ["expected", "iq"]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(qualification, "_cases", lambda: pytest.fail("it was computed first"))
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "qualification.html").write_text("mine")
    for out, said in (
        (tmp_path / "file", "is a file; give an empty or a new folder"),
        (tmp_path / "no" / "iq", "does not exist; make the folder first"),
        (tmp_path / "other", "already has qualification.html"),
    ):
        assert main(["qualify", "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "other", "qualification.html"]


@pytest.mark.parametrize("what", ["analyse", "_from_r"])
def test_what_stops_a_group_is_a_failed_case_and_the_others_go_on(small, monkeypatch, tmp_path, capsys, what):
    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(
        *(("pnstrial.analysis.analyse", broken) if what == "analyse" else (qualification, what, broken))
    )
    assert main(["qualify", "--out", str(tmp_path / "iq")]) == 1
    assert "expected runs, found RuntimeError: broken" in capsys.readouterr().out
    assert json.loads((tmp_path / "iq" / "qualification.json").read_text())["passed"] is False


@pytest.mark.parametrize("part", ["R", "R raises", "example", "simulation"])
def test_a_case_that_does_not_come_out_is_named(small, monkeypatch, tmp_path, capsys, part):
    if part.startswith("R"):
        cases = reference_cases()
        [case] = cases["cases"]
        if part == "R":
            case["value"] += 2e-9
        else:
            case["call"] = "design.proportion(30, 18).p_value"
        (small / "from-r.json").write_text(json.dumps(cases))
        named = case["call"]
    elif part == "example":
        path = small / "expected-registry.json"
        content = json.loads(path.read_text())
        content["primary"]["responders"] += 1
        path.write_text(json.dumps(content))
        named = "nct02343211-registry: primary"
    else:
        (small / "simulation.json").write_text('{"responders": [1.0]}')
        monkeypatch.setattr(qualification, "simulated_numbers", lambda: {"responders": [2.0]})
        named = "responders: expected 1, found 2"
    out = tmp_path / "iq"
    assert main(["qualify", "--out", str(out)]) == 1
    assert f"FAILED {named}" in capsys.readouterr().out
    told = json.loads((out / "qualification.json").read_text())
    assert told["passed"] is False
    assert len(told["failed"]) == 1
    assert "FAILED" in (out / "qualification.html").read_text()

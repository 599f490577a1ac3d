"""A third trial that no code knows, with two arms and two scales that must both improve: every command, by hand."""

import re
from pathlib import Path

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.drafts import new_protocol
from tests.stranger.test_stranger import OF_OTHER_TRIALS
from tests.stranger.trial import table

HERE = Path(__file__).parent
PROTOCOL, SCENARIO = HERE / "ward.toml", HERE / "ward-scenario.toml"
BARTHEL = {"A": (40, 55), "B": (40, 55), "C": (40, 45), "D": (40, 60), "E": (50, 70), "F": (60, None)}
PAIN = {"A": (7, 4), "B": (7, 6), "C": (7, 2), "D": (7, 5), "E": (8, None), "F": (6, 2)}
ARMS = {"A": "early", "B": "late", "C": "early", "D": "late", "E": "early", "F": ""}
"""A improves on both, B on one by too little, C on pain alone, D on both; E has no pain at week 8, F no index."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("ward")
    day_1, later = "2026-03-02", "2026-04-27"  # day 57
    days = {"gammadin": (0, 14, 28, 42), "deltamab": (0, 28), "epsilol": (0, 1, 28, 29)}
    dose = {"gammadin": 0.6, "deltamab": 0.8, "epsilol": 0.8}
    tables = {
        "screening": ["patient_id,screening_date,consent_date,enrolment_date,age,weight_kg,height_cm,arm"],
        "infusions": ["patient_id,cycle,date,drug,dose_g"],
        "scales": ["patient_id,date,scale,score"],
        "follow_up": ["patient_id,last_contact_date,status"],
    }
    for who, arm in ARMS.items():
        tables["screening"].append(f"{who},2026-02-26,2026-02-26,2026-02-27,60,80,180,{arm}")
        for drug, gaps in days.items():
            for place, gap in enumerate(gaps):
                cycle = place // (2 if drug == "epsilol" else 1) + 1
                date = (pd.Timestamp(day_1) + pd.Timedelta(gap, "D")).date()
                tables["infusions"].append(f"{who},{cycle},{date},{drug},{dose[drug]}")
        for scale, scores in (("Barthel", BARTHEL), ("Pain", PAIN)):
            for date, score in zip(("2026-03-01", later), scores[who], strict=True):
                if score is not None:
                    tables["scales"].append(f"{who},{date},{scale},{score}")
        tables["follow_up"].append(f"{who},2026-09-01,alive")
    for name, rows in tables.items():
        (where / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return where


def test_a_file_based_on_a_protocol_with_tables_of_points_writes_each_in_a_line(tmp_path):
    scored = pns.load_protocol(PROTOCOL).with_criterion(
        "W4", kind="pns_care", at_least="possible", label="At least possible"
    )
    (tmp_path / "base.toml").write_text(scored.to_toml())
    changed = {"criteria.W4.levels": {"possible": 3, "probable": 6, "definite": 8}}
    text = new_protocol("mine", "Mine", tmp_path / "base.toml", changed)
    assert "levels = { possible = 3, probable = 6, definite = 8 }" in text
    assert pns.Protocol.from_toml(text).criteria[-1].levels["possible"] == 3


def under(way):
    return pns.load_protocol(PROTOCOL).with_settings(endpoint={"combine": way})


@pytest.mark.parametrize(
    ("way", "wanted"),
    # what is missing of one part leaves "any" to the other, and "all" without a value
    [("all", {"A": "responder", "D": "responder"}), ("any", dict.fromkeys("ABCDEF", "responder"))],
)
def test_responders_of_a_joined_endpoint_are_those_worked_out_by_hand(folder, way, wanted):
    trial = pns.read_trial(folder, PROTOCOL)
    found = pns.primary_endpoint(trial, under(way)).patients.set_index("patient_id")["response"]
    assert {who: answer for who, answer in found.items() if answer == "responder"} == wanted


@pytest.fixture(scope="module", params=["all", "any"])
def written(request, folder, tmp_path_factory):
    """The report and the datasets under a way of joining: protocol, folder of the report, folder of the datasets."""
    out = tmp_path_factory.mktemp(request.param)
    protocol = under(request.param)
    (out / "p.toml").write_text(protocol.to_toml())
    words = ["--protocol", str(out / "p.toml")]
    assert main(["report", str(folder), "--out", str(out / "report"), *words]) == 0
    assert main(["adam", str(folder), "--out", str(out / "adam"), *words]) == 0
    return protocol, out


def test_the_report_shows_arms_side_by_side_and_the_parts(written):
    protocol, out = written
    count = {"all": ["2", "6"], "any": ["6", "6"]}[protocol.endpoint.joined_by]
    joined = "and" if protocol.endpoint.joined_by == "all" else "or"
    rows = table(out / "report", "Response at Week 8 by arm")
    by_arm = {row[0]: row[1:3] for row in rows[1:]}
    expected = {
        "all": {"early": "1", "late": "1", "not stated": "0"},
        "any": {"early": "3", "late": "2", "not stated": "1"},
    }
    assert {arm: found[0] for arm, found in by_arm.items()} == expected[protocol.endpoint.joined_by]
    assert {arm: found[1] for arm, found in by_arm.items()} == {"early": "3", "late": "2", "not stated": "1"}
    page = (out / "report" / "report.html").read_text()
    assert f"Barthel at least 10 points above baseline {joined} Pain at least 2 points below baseline" in page
    assert "within one arm" not in page
    assert "not applicable: the trial has one arm" not in page
    assert "2 arms, described side by side" in page
    primary = table(out / "report", "Response on the Barthel and Pain")
    assert primary[1][1:3] == count
    texts = [
        path.read_text(errors="replace")
        for path in (out / "report").rglob("*")
        if path.suffix in {".html", ".csv", ".svg"}
    ]
    assert [OF_OTHER_TRIALS.findall(text) for text in texts] == [[]] * len(texts)


def test_the_datasets_name_the_arms_and_the_joined_criterion(written, folder, capsys):
    protocol, out = written
    assert main(["check-adam", str(out / "adam")]) == 0
    assert "0 warnings" in capsys.readouterr().out
    datasets = pns.adam.derive(pns.read_trial(folder, protocol), protocol)
    subjects = datasets.adsl.set_index("SUBJID")
    assert subjects.loc["A", ["ARM", "TRT01P", "TRT01A"]].tolist() == ["Start in the first week"] * 3
    assert subjects.loc["B", "TRT01P"] == "Start in the fourth week"
    assert subjects.loc["F", "TRT01P"].startswith("gammadin")
    rows = datasets.adeff
    week = rows[(rows["AVISIT"] == "Week 8") & (rows["ANL01FL"] == "Y")]
    flags = week.set_index("USUBJID")["CRIT1FL"].to_dict()
    answers = pns.primary_endpoint(pns.read_trial(folder, protocol), protocol).patients
    assert flags == {
        f"WARD-{row.patient_id}": "Y" if row.response == "responder" else "N" for row in answers.itertuples()
    }
    again = pns.adam.read_adam(out / "adam").primary_endpoint("Week 8")
    assert (again.responders, again.n) == (int((answers["response"] == "responder").sum()), 6)


def test_verify_and_trace_follow_a_joined_endpoint(written, folder, capsys):
    pytest.importorskip("lifelines")
    _, out = written
    words = ["--protocol", str(out / "p.toml")]
    assert main(["verify", str(folder), *words]) == 0
    page = (out / "report" / "report.html").read_text()
    number = re.search(r"Table ([\d.]+)\. Response at Week 8 by arm<", page)[1]
    assert main(["trace", str(folder), number, "--row", "1", *words]) == 0
    said = capsys.readouterr().out
    assert "screening.csv" in said
    assert OF_OTHER_TRIALS.findall(said) == []


def test_figures_of_a_joined_endpoint_speak_of_its_scales(folder):
    trial = pns.read_trial(folder, PROTOCOL)
    for way in ("all", "any"):
        protocol = under(way)
        shift = pns.mrs_shift(trial, protocol)
        drawn = [pns.figures.waterfall(shift), pns.figures.grotta_bars(shift)]
        drawn.append(pns.figures.estimand_forest(pns.estimand_table(trial, protocol)))
        for axes in drawn:
            words = " ".join(
                str(text.get_text()) for text in axes.findobj(lambda artist: hasattr(artist, "get_text"))
            )
            assert OF_OTHER_TRIALS.findall(words) == []


@pytest.mark.parametrize("way", ["all", "any"])
def test_the_simulation_of_a_joined_endpoint_is_exact_and_its_tables_agree(way):
    protocol, scenario = under(way), pns.load_scenario(SCENARIO)
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=600, seed=3)
    for name in (
        "reported_response",
        "responders",
        "improved",
        "secondary_response",
        "probability_of_success",
    ):
        assert abs(found[name].estimate - known[name]) < 4.5 * found[name].std_error, name
    trial = pns.simulate_trial(protocol, scenario, seed=4)
    assert set(trial.screening["arm"]) == {"early", "late"}
    assert set(trial.infusions["drug"]) == {"gammadin", "deltamab", "epsilol"}
    assert (trial.scales.query("scale == 'Barthel'")["score"] % 5 == 0).all()


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "{scenario}", "--exact", "--n", "24", "30"],
        ["power", "{scenario}", "--exact", "--responses", "0.2", "0.4"],
        ["search", "{scenario}", "--response", "0.4", "--power", "0.5"],
        ["assurance", "{scenario}", "--input", "response=5:12", "--draws", "5"],
        ["protocol", "check", "{protocol}"],
    ],
    ids=lambda words: words[0],
)
def test_questions_of_planning_run_and_name_no_other_trial(capsys, words):
    words = [word.format(scenario=SCENARIO, protocol=PROTOCOL) for word in words]
    asked = [] if words[0] == "protocol" else ["--protocol", str(PROTOCOL)]
    assert main([*words, *asked]) == 0
    said = capsys.readouterr()
    assert OF_OTHER_TRIALS.findall(said.out + said.err) == []

"""A protocol that no code knows runs through every command on tables, and its answers are those worked out by hand."""

import json
import re

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.data import TrialDataError
from pnstrial.drafts import invented_trial, new_protocol, own_protocol
from pnstrial.protocol import ProtocolError
from tests.stranger.trial import PROTOCOL, write

OF_OTHER_TRIALS = re.compile(r"\b(mRS|IVIg|Hu|Yo|CV2|ONLS)\b")
"""Scales, drugs and antibodies of other trials: no word of them belongs into what this one is told."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hand"))


@pytest.fixture(scope="module")
def analysis(folder):
    return pns.analyse(pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL))


@pytest.mark.parametrize(
    "words",
    [
        ["check", "{folder}"],
        ["check", "{folder}", "--json"],
        ["screen", "{folder}"],
        ["screen", "{folder}", "--json"],
        ["analyse", "{folder}"],
        ["analyse", "{folder}", "--json"],
        ["plan", "--weight", "80", "--height", "180", "--start", "2026-01-05", "--anyway"],
        ["plan", "--weight", "80", "--height", "180", "--start", "2026-01-05", "--anyway", "--json"],
        ["template", "{new}"],
        ["template", "{new}.xlsx"],
    ],
    ids=" ".join,
)
def test_every_command_on_tables_runs_and_names_no_other_trial(folder, tmp_path, capsys, words):
    new = tmp_path / "new"
    words = [word.format(folder=folder, new=new) for word in words]
    assert main([*words, "--protocol", str(PROTOCOL)]) == 0
    out = capsys.readouterr().out
    written = [file.read_text(encoding="utf-8") for file in new.iterdir()] if new.is_dir() else []
    assert out
    assert [OF_OTHER_TRIALS.findall(text) for text in (out, *written)] == [[]] * (1 + len(written))


def test_the_workbook_of_the_template_names_no_other_trial(tmp_path):
    from openpyxl import load_workbook

    book = load_workbook(pns.data.write_template(tmp_path / "new.xlsx", PROTOCOL)[0])
    cells = " ".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    assert OF_OTHER_TRIALS.findall(cells) == []
    assert "example" not in book.sheetnames


def test_the_protocol_is_checked_and_compared_in_sentences(capsys):
    assert main(["protocol", "check", str(PROTOCOL)]) == 0
    assert OF_OTHER_TRIALS.findall(capsys.readouterr().out) == []
    assert main(["protocol", "diff", str(PROTOCOL), "natalizumab-2021", "--json"]) == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["treatment.drugs.alphamab.dose_g_per_m2"]["other_value"] is None


@pytest.mark.parametrize(
    "base", ["nct02343211", "nct06373211", "sirolimus-2015", "natalizumab-2021", str(PROTOCOL)]
)
def test_a_file_based_on_any_protocol_has_all_its_settings_as_comments(base):
    below = pns.load_protocol(base)
    text = new_protocol("mine", "Mine", base)
    again = pns.Protocol.from_toml(text)
    assert again.drugs == below.drugs
    assert again.endpoint == below.endpoint
    drug = below.drugs[-1].name
    if below.treatment.drugs:
        changed = new_protocol("mine", "Mine", base, {f"treatment.drugs.{drug}.cycles": 5})
        assert pns.Protocol.from_toml(changed).drug(drug).cycles == 5
        assert f'[[treatment.drugs]]\nname = "{drug}"' in changed


def test_the_template_has_the_columns_that_the_protocol_asks_for(tmp_path):
    files = {
        file.name: file.read_text().splitlines()[0]
        for file in pns.data.write_template(tmp_path / "t", PROTOCOL)
    }
    assert "mrs.csv" not in files
    assert files["screening.csv"] == (
        "patient_id,site,screening_date,consent_date,enrolment_date,age,sex,weight_kg,height_cm,thrombophilia"
    )
    assert files["infusions.csv"] == "patient_id,cycle,date,drug,dose_g,weight_kg"


def test_responders_are_those_worked_out_by_hand(analysis):
    found = analysis.primary.patients.set_index("patient_id")
    assert found["response"].to_dict() == {
        "H1": "responder", "H2": "non-responder", "H3": "non-responder", "H4": "non-responder",
        "H5": "non-responder", "H6": "non-responder", "H7": "non-responder", "H8": "responder",
    }  # fmt: skip
    assert found["reason"].to_dict() == {
        "H1": "improved", "H2": "not improved", "H3": "not improved", "H4": "fewer than three cycles",
        "H5": "rescue immunotherapy", "H6": "died", "H7": "missing", "H8": "improved",
    }  # fmt: skip


def test_the_test_is_that_of_the_planned_two_stage_design(analysis):
    from pnstrial.design.stages.after import after_two_stage

    planned = after_two_stage(r1=1, n1=5, r=4, n=20, p0=0.1, responses=2, n_observed=8)
    assert analysis.primary.p_value == planned.p_value
    assert analysis.primary.ci == planned.ci
    assert analysis.primary.method == "stagewise"


def test_a_secondary_endpoint_after_the_last_infusion_asks_a_bound(analysis):
    # 28 days after the last infusion: H1 5.5, H2 4.5 (day 66), H3 2.5, H4 and H5 6, H6 dead; H7 and H8 none
    row = analysis.secondary_outcomes.iloc[0]
    assert (row["responders"], row["n"]) == (3, 6)
    first = analysis.visits[analysis.visits["visit"] == "Week 4 after treatment"].set_index("patient_id")
    assert first.loc["H1", "day"] == 73
    assert first.loc["H2", "day"] == 66
    assert first.loc["H8", "derivation"] == "missing"


def test_each_drug_is_summed_up_by_its_own_regimen(analysis):
    drugs = analysis.exposure.drugs.set_index(["patient_id", "drug"])
    assert drugs.loc[("H4", "alphamab"), "share_of_course"] == pytest.approx(2 / 3)
    assert drugs.loc[("H8", "betacort"), "cycles_given"] == 6
    assert drugs.loc[("H8", "betacort"), "relative_dose_intensity"] == pytest.approx(1)
    together = analysis.exposure.patients.set_index("patient_id")
    assert together.loc["H4", "share_of_course"] == pytest.approx((2 / 3 + 1) / 2)
    assert together["total_g"].isna().all()
    cycles = analysis.exposure.cycles
    alpha = cycles[cycles["drug"] == "alphamab"]
    assert alpha["planned_g"].tolist() == pytest.approx(
        [0.75] * len(alpha)
    )  # 0.375 g/m2 x sqrt(180 x 80 / 3600) m2
    assert cycles["dose_as_planned"].all()
    assert cycles["on_time"].all()


def test_sets_decision_and_own_medication(analysis):
    assert analysis.decisions.empty
    assert analysis.sets.per_protocol == ("H1", "H2", "H3", "H6")
    own = analysis.assessments.medications.set_index("patient_id")
    assert own["drug"].to_dict() == {"H5": None, "H1": "betacort", "H2": "alphamab"}
    assert own["trial_own"].to_dict() == {"H5": False, "H1": True, "H2": True}


def test_tables_are_checked_again_under_a_protocol_with_other_words(analysis):
    trial = analysis.trial
    assert trial.under(pns.load_protocol(PROTOCOL)) is trial
    with pytest.raises(TrialDataError, match="checked again under nct02343211") as caught:
        pns.analyse(trial, pns.load_protocol("nct02343211"))
    rules = {
        (finding.file, finding.column) for finding in caught.value.findings if finding.severity == "error"
    }
    assert rules == {("infusions.csv", "drug"), ("scales.csv", "scale")}
    changed = pns.load_protocol(PROTOCOL).with_settings(endpoint={"improvement_points": 2})
    assert pns.analyse(trial, changed).primary.responders == 0


@pytest.mark.parametrize(
    ("table", "line", "wrong", "rule"),
    [
        (
            "scales",
            "H1,{day},Hand function,4.25",
            "score",
            "must be one of its grades: 0, 0.5, 1 to 8 by 0.5",
        ),
        ("scales", "H1,{day},Hand function,9", "score", "must be from 0 to 8"),
        ("scales", "H1,{day},Foot function,4", "scale", "must be one of Hand function"),
        ("infusions", "H1,1,{day},gammamab,1,", "drug", "must be one of alphamab, betacort"),
        ("infusions", "H1,7,{day},betacort,1,", "cycle", "must be a whole number from 1 to 6"),
    ],
)
def test_words_and_grades_of_the_protocol_hold_for_cells(folder, tmp_path, table, line, wrong, rule):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    with (copy / f"{table}.csv").open("a") as file:
        file.write(line.format(day="2024-06-30") + "\n")
    with pytest.raises(TrialDataError, match=re.escape(rule)) as caught:
        pns.read_trial(copy, PROTOCOL)
    assert [finding.column for finding in caught.value.findings if finding.severity == "error"] == [wrong]


def test_a_drug_twice_a_day_and_a_dose_as_large_as_no_cycle(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    with (copy / "infusions.csv").open("a") as file:
        file.write("H1,4,2024-05-06,betacort,1.7,\nH1,4,2024-05-07,alphamab,0.83,80\n")
    rules = [finding.rule for finding in pns.check_trial(copy, pns.load_protocol(PROTOCOL))]
    assert "a day's dose is expected up to 1.65 g" in rules  # 1.1 x 1.5 g
    assert "a day's dose is expected up to 0.4125 g/m2" in rules  # 1.1 x 0.375 g/m2 x 2 m2 = 0.825 g
    assert "the course of alphamab has 3 cycles; a later one is beyond the plan" in rules
    assert "a cycle of betacort is expected in 2 to 3 infusion days" in rules
    with (copy / "infusions.csv").open("a") as file:
        file.write("H1,1,2024-03-04,Alphamab,0.75,80\n")
    with pytest.raises(TrialDataError, match="one infusion row a day and drug"):
        pns.read_trial(copy, PROTOCOL)


def test_a_dose_per_square_metre_is_planned_with_the_height():
    plan = pns.exposure.plan_treatment(80, "2026-01-05", PROTOCOL, height_cm=180)
    frame = plan.to_frame()
    assert frame["drug"].value_counts().to_dict() == {"betacort": 6, "alphamab": 3}
    assert frame.groupby("drug")["dose_g"].first().to_dict() == pytest.approx(
        {"alphamab": 0.75, "betacort": 1.5}
    )
    assert set(frame["condition"]) == {"always"}
    assert plan.decision_day is None
    with pytest.raises(
        ValueError, match="alphamab is dosed per square metre of body surface; give height_cm"
    ):
        pns.exposure.plan_treatment(80, "2026-01-05", PROTOCOL)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("counts", "", ""),
        ('body_surface = "Mosteller"\n', "", "dose_g_per_m2 and body_surface"),
        ("required_cycles = 3", "required_cycles = 7", "required_cycles is 7; the course has 6 cycles"),
        ('visit = "Week 12"', 'visit = "Week 13"', "endpoint.visit is 'Week 13'"),
        ("target_week = 12", "target_week = 15", "window 78-99 does not hold the target day 106"),
        ("reject_at = 5", "reject_at = 25", "reject_at is 25, over n = 20"),
        ('name = "betacort"', 'name = "alphamab"', "drugs has alphamab twice"),
    ],
)
def test_a_protocol_that_does_not_fit_is_answered(tmp_path, old, new, message):
    text = PROTOCOL.read_text()
    if not message:
        text = text.replace("infusion_days = 1\n", "infusion_days = 1\ncounts = false\n")
        text = text.replace("infusion_days = 3\n", "infusion_days = 3\ncounts = false\n", 1)
        text = text.replace('infusion_days = "plan"', 'infusion_days = "plan", counts = "plan"')
        message = "no drug counts"
    path = tmp_path / "p.toml"
    path.write_text(text.replace(old, new) if new or old != "counts" else text)
    with pytest.raises(ProtocolError, match=re.escape(message)):
        pns.load_protocol(path)


@pytest.mark.parametrize("word", ["plan", "assumed"])
def test_one_source_may_stand_for_a_whole_part(word):
    text = re.sub(r"\nsource = \{[^}]*\}", f'\nsource = "{word}"', PROTOCOL.read_text())
    assert f'source = "{word}"\n\n[[visits]]' in text
    protocol = pns.Protocol.from_toml(text)
    assert protocol.visits[0].source == {**dict.fromkeys(("target_day", "first_day", "last_day"), word)}
    assert protocol.endpoint.secondary[0].source["minimum"] == word
    # what is left out is assumed, whatever the source of the rest
    assert ("treatment.drugs.alphamab.dose_tolerance", "0.1") in protocol.assumed
    assert (("treatment.drugs.alphamab.cycles", "3") in protocol.assumed) == (word == "assumed")
    with pytest.raises(ProtocolError, match=r"endpoint.scale names the source 'nowhere'"):
        pns.Protocol.from_toml(
            text.replace(
                f'source = "{word}"\n\n[[endpoint.secondary]]', 'source = "nowhere"\n\n[[endpoint.secondary]]'
            )
        )


def test_an_improvement_in_percent_has_its_second_opinion_and_its_bounds(folder):
    pytest.importorskip("lifelines")
    from pnstrial.verification import second_opinion

    # of the patients with a value H4 and H5 gain 2.5 of 3.5 and H1 1 of 4 points, H8 1 of 7
    protocol = pns.load_protocol(PROTOCOL).with_settings(endpoint={"improvement_percent": 25})
    trial = pns.read_trial(folder, PROTOCOL)
    shift = pns.mrs_shift(trial, protocol)
    assert (shift.changes.improved, shift.changes.percent) == (3, 25)
    assert "by 1 or more, and by 25 %" in str(shift.changes)
    assert second_opinion(shift).differing == 0
    assert shift.bounds.best == pytest.approx(4 / 8)  # H7 at 2 could gain 25 %


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"drugs": []}, "drugs = .* must name a drug"),
        ({"week": 0}, "week = 0 must be a whole number of at least 1"),
        (
            {"scale": "mrs", "lowest": 1, "highest": 3},
            "scale 'mRS' is shipped with its grades: leave out lowest = 1, highest = 3, or",
        ),
        ({"scale": "Hand function", "lowest": 0}, "give its lowest and highest grade"),
        ({"title": ""}, "title = '': allowed is text in quotation marks, not empty"),
    ],
)
def test_a_draft_says_what_a_first_protocol_lacks(given, words):
    with pytest.raises(ValueError, match=words):
        own_protocol(**{"id": "hand", "title": "Hand", "scale": "mRS"} | given)


def test_a_trial_is_invented_under_a_scenario_by_name_or_loaded():
    protocol = pns.load_protocol()
    by_name, under = invented_trial(protocol, "anti-hu", 7)
    loaded, again = invented_trial(protocol, pns.load_scenario("anti-hu"), 7)
    assert under == again == "scenario anti-hu"
    pd.testing.assert_frame_equal(by_name.mrs, loaded.mrs)
    assert by_name.synthetic

"""What if a setting were another one: solved responses and deaths, keys of both files, what cannot be."""

import pytest

import pnstrial as pns
from pnstrial.changes import idle_changes
from pnstrial.engine.exact.answers import endpoint_probabilities
from pnstrial.engine.model import build_model
from pnstrial.simulate import ScenarioError, rating_floor, what_if

PROTOCOL, PLAIN = pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain")


def answers(settings, *, rated=False, scenario=PLAIN):
    changed = what_if(PROTOCOL, scenario, settings, rated=rated)
    return endpoint_probabilities(build_model(*changed, short=True)), *changed


def test_response_and_deaths_are_what_was_asked_for_together():
    before = answers({})[0]
    now, _, scenario = answers({"response": 0.20, "deaths": "+2"})
    assert now["true_response"] == pytest.approx(0.20, abs=1e-7)
    assert now["true_death"] == pytest.approx(before["true_death"] + 2 / 17, abs=1e-7)
    # one factor for all grades: the ratios between them stay
    assert scenario.course.die[5] / scenario.course.die[3] == pytest.approx(
        PLAIN.course.die[5] / PLAIN.course.die[3]
    )
    assert scenario.course.worsen == PLAIN.course.worsen


@pytest.mark.parametrize("name", ["anti-hu", "ivig-early", "second-line", "sirolimus-2015"])
@pytest.mark.parametrize("changes", [{}, {"scenario.visits.jitter_days": 16, "scenario.visits.missed": 0.2},
                                     {"scenario.rescue.after_worse_rating": 0.5, "late": 0.3}])  # fmt: skip
def test_the_truth_alone_is_that_of_all_answers(name, changes):
    model = build_model(*what_if(PROTOCOL, pns.load_scenario(name), changes), short=True)
    both, alone = endpoint_probabilities(model), endpoint_probabilities(model, rated=False)
    assert set(alone) == {"true_response", "true_death"}
    assert alone == pytest.approx({key: both[key] for key in alone}, abs=1e-14)


def test_a_solved_response_does_not_depend_on_what_was_solved_before():
    first = what_if(PROTOCOL, PLAIN, {"response": 0.23, "deaths": 3})[1].course
    what_if(PROTOCOL, PLAIN, {"response": 0.4})
    assert what_if(PROTOCOL, PLAIN, {"response": 0.23, "deaths": 3})[1].course == first


def test_what_few_steps_do_not_find_is_found_the_safe_way(monkeypatch):
    quick = [
        what_if(PROTOCOL, PLAIN, settings)[1].course
        for settings in ({"response": 0.3}, {"response": 0.3, "deaths": 2})
    ]
    monkeypatch.setattr("pnstrial.changes._QUICK", 0)
    safe = [
        what_if(PROTOCOL, PLAIN, settings)[1].course
        for settings in ({"response": 0.3}, {"response": 0.3, "deaths": 2})
    ]
    for one, other in zip(quick, safe, strict=True):
        assert one.improve == pytest.approx(other.improve, rel=1e-6)
        assert one.die == pytest.approx(other.die, rel=1e-6)


def test_fewer_deaths_and_a_rated_response():
    now, _, _ = answers({"deaths": 2, "response": 0.25}, rated=True)
    assert 17 * now["true_death"] == pytest.approx(2, abs=1e-6)
    assert now["response"] == pytest.approx(0.25, abs=1e-7)
    assert answers({"response": 0})[2].course.improve == (0,) * 6


def test_a_course_without_improvement_gets_equal_rates():
    still = PLAIN.changed(course={"improve": (0,) * 6})
    now, _, scenario = answers({"response": 0.10}, scenario=still)
    assert now["true_response"] == pytest.approx(0.10, abs=1e-9)
    assert len(set(scenario.course.improve[1:])) == 1


def test_what_no_rates_give_is_said_with_what_they_give():
    floor = rating_floor(PROTOCOL, PLAIN)
    exact = pns.exact_characteristics(PROTOCOL, what_if(PROTOCOL, PLAIN, {"response": 0})[1]).answers
    assert floor.floor == pytest.approx(exact["reported_response"], abs=1e-12)
    with pytest.raises(ScenarioError, match=rf"rates of 0 it is {floor.floor:.4f} \(rating error alone"):
        what_if(PROTOCOL, PLAIN, {"response": 0.02}, rated=True)
    with pytest.raises(ScenarioError, match="fastest rates it is"):
        what_if(PROTOCOL, PLAIN, {"response": 0.99})
    with pytest.raises(ScenarioError, match="deaths = 17: 17 of 17 patients; allowed are 0 to under 17"):
        what_if(PROTOCOL, PLAIN, {"deaths": 17})
    with pytest.raises(ScenarioError, match="allowed is a share"):
        what_if(PROTOCOL, PLAIN, {"response": "many"})


def test_every_key_of_both_files_can_be_set():
    protocol, scenario = what_if(PROTOCOL, PLAIN, {
        "late": 0.3, "scenario.treatment.late_days": [1, 10], "scenario.course.onset.0.die": 2.0,
        "scenario.rating.same_rater_agreement": 0.8, "scenario.baseline.age.mean": 60,
        "protocol.endpoint.null_proportion": 0.05, "protocol.visits.Month 3.first_day": 64,
        "protocol.criteria.I4.maximum": 4, "protocol.treatment.infusion_days": 4, "window_days": 10,
    })  # fmt: skip
    assert scenario.treatment.late == 0.3
    assert scenario.treatment.late_days == (1, 10)
    assert scenario.course.onset[0].die == 2
    assert scenario.course.onset[1] == PLAIN.course.onset[1]
    assert scenario.rating.same_rater_agreement == 0.8
    assert scenario.rating.method == PLAIN.rating.method
    assert (scenario.baseline.age.mean, scenario.baseline.age.sd) == (60, PLAIN.baseline.age.sd)
    assert protocol.endpoint.null_proportion == 0.05
    assert protocol.visit("Month 3").first_day == 75
    assert next(c for c in protocol.criteria if c.id == "I4").maximum == 4
    assert protocol.treatment.infusion_days == 4


def test_settings_that_only_fit_together_are_changed_together():
    place = "protocol.visits.Month 3."
    protocol, scenario = what_if(PROTOCOL, PLAIN, {
        place + "target_day": 120, place + "first_day": 110, place + "last_day": 130,
        "scenario.baseline.antibody.Hu": 0.4, "scenario.baseline.antibody.Yo": 0.6,
        "scenario.baseline.onset.0.share": 0.5, "scenario.baseline.onset.2.share": 0.1,
        "scenario.success.rule": "two-stage", "scenario.success.r1": 0, "scenario.success.n1": 9,
        "scenario.success.r": 2, "scenario.success.n": 17,
    })  # fmt: skip
    visit = protocol.visit("Month 3")
    assert (visit.first_day, visit.target_day, visit.last_day) == (110, 120, 130)
    assert scenario.baseline.antibody == {"Hu": 0.4, "Yo": 0.6}
    assert [part.share for part in scenario.baseline.onset] == [0.5, 0.4, 0.1]
    assert (scenario.success.rule, scenario.success.n1) == ("two-stage", 9)
    wide = {"window_days": 10, place + "target_day": 90}
    for settings in (wide, dict(reversed(wide.items()))):
        visit = what_if(PROTOCOL, PLAIN, settings)[0].visit("Month 3")
        assert (visit.first_day, visit.target_day, visit.last_day) == (80, 90, 100)
    with pytest.raises(ScenarioError, match=r"the shares add to 0\.4"):
        what_if(PROTOCOL, PLAIN, {"scenario.baseline.antibody.Hu": 0.4})


def test_entries_of_lists_are_reached_by_position_and_by_name():
    for step in ("0", "Barthel"):
        scenario = what_if(PROTOCOL, PLAIN, {f"scenario.scales.{step}.sd": 9})[1]
        assert [line.sd for line in scenario.scales] == [9, *(line.sd for line in PLAIN.scales[1:])]
    assert what_if(PROTOCOL, PLAIN, {"protocol.scales.Barthel.step": 5})[0].scale("Barthel").step == 5
    onls = pns.load_protocol("nct06373211"), pns.load_scenario("nct06373211")
    changed = what_if(
        *onls, {"protocol.treatment.drugs.IVIg.cycles": 4, "protocol.treatment.drugs.1.dose_g": 2}
    )
    now, before = changed[0].drugs, onls[0].drugs
    assert [drug.cycles for drug in now] == [4, *(drug.cycles for drug in before[1:])]
    assert (now[1].dose_g, now[0].source["cycles"]) == (2, "assumed")
    assert now[0].source["dose_g_per_kg"] == before[0].source["dose_g_per_kg"]
    both = pns.load_protocol("sirolimus-2015"), pns.load_scenario("sirolimus-2015")
    assert what_if(*both, {"protocol.endpoint.also.EFIT.above": 1})[0].endpoint.also[0].above == 1
    with pytest.raises(
        ScenarioError, match="'Bertel' is no position here; allowed are 0 to 2, Barthel, ICARS, ONLS"
    ):
        what_if(PROTOCOL, PLAIN, {"scenario.scales.Bertel.sd": 9})
    with pytest.raises(ScenarioError, match=r"baseline\.grades"):
        what_if(PROTOCOL, PLAIN, {"scenario.scale": "ONLS"})


def test_what_does_nothing_is_named_among_settings_that_only_fit_together():
    rule = {"rule": "two-stage", "r1": 0, "n1": 9, "r": 2, "n": 17}
    changes = {f"scenario.success.{key}": [value] for key, value in rule.items()}
    changes |= {"late": [0.3], "scenario.course.ivig.worsen": [1.0], "scenario.visits.missed": [0.0, 0.2]}
    assert set(idle_changes(PROTOCOL, PLAIN, changes)) == {"treatment.late", "course.ivig.worsen"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("speed", 1, "no setting is called 'speed'; there are response, deaths"),
        ("scenario.treatment.lat", 0.3, "did you mean late"),
        ("scenario.treatment", 3, "name a key of a section"),
        ("scenario.course.onset.9.die", 2, "'9' is no position here"),
        ("scenario.treatment.late.much", 2, "below a single value"),
        ("protocol.endpoint", 2, "write protocol.SECTION.KEY"),
        ("protocol.endpoint.nul", 2, "endpoint has no setting 'nul'"),
        ("late", 2, "allowed is a number from 0 to 1"),
    ],
)
def test_what_is_no_setting_is_said(name, value, words):
    with pytest.raises(ValueError, match=words):
        what_if(PROTOCOL, PLAIN, {name: value})


def test_a_grid_takes_solved_and_named_settings_and_keeps_its_points(tmp_path):
    def compared():
        return pns.compare_scenarios(
            PROTOCOL, PLAIN, 20_000, response=[0.2, 0.25], settings={"scenario.visits.missed": [0.0, 0.1]},
            quantities="primary", store=tmp_path / "points",
        )  # fmt: skip

    frame = compared()
    truth = frame[frame["quantity"] == "true_response"]
    assert truth["response"].tolist() == [0.2, 0.2, 0.25, 0.25]
    assert truth["scenario.visits.missed"].tolist() == [0, 0.1, 0, 0.1]
    assert (truth["estimate"] - truth["response"]).abs().max() < 5 * truth["std_error"].max()
    assert len(list((tmp_path / "points").glob("*.sqlite"))) == 4
    assert compared().equals(frame)


def test_power_over_responses_is_exact_at_each():
    curve = pns.power_curve(PROTOCOL, PLAIN, responses=[0.1, 0.3], method="exact")
    assert curve.n_trials == 0
    assert curve.table["true_response"].tolist() == pytest.approx([0.1, 0.3], abs=1e-9)
    assert (curve.table["std_error"] == 0).all()
    reported = pns.power_curve(PROTOCOL, PLAIN, responses=[0.1, 0.3], rated=True, method="exact")
    assert reported.table["reported_response"].tolist() == pytest.approx([0.1, 0.3], abs=1e-9)
    with pytest.raises(ValueError, match="responses"):
        pns.power_curve(PROTOCOL, PLAIN, responses=[1.2], method="exact")

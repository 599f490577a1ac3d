"""Every comparison of days or thresholds: on the boundary itself, just before it and just after it.

Day 1 is 2 March 2014 (the enrolment of the patient, who is not infused), or 5 March where cycles are given.
"""

import datetime as dt
import re
from functools import partial

import pandas as pd
import pytest

from pnstrial import endpoints, exposure, visits
from pnstrial.eligibility import screen
from pnstrial.endpoints import analysis_sets, primary_endpoint

STARTS = {1: "2014-03-05", 2: "2014-04-02", 3: "2014-04-30"}


def day(number, day_1="2014-03-02"):
    """Give the date of a study day; the day before day 1 is day -1."""
    return (dt.date.fromisoformat(day_1) + dt.timedelta(days=number - (number > 0))).isoformat()


def cycles(*numbers, day_1="2014-03-05"):
    return [
        {"cycle": n, "date": day(28 * (n - 1) + d, day_1), "dose_g": 20, "weight_kg": 50}
        for n in numbers
        for d in range(1, 6)
    ]


def dead(date):
    return [{"last_contact_date": date, "status": "dead", "death_date": date}]


def alive(date):
    return [{"last_contact_date": date, "status": "alive"}]


def first_row(trial, protocol):
    return visits.derive(trial, protocol).iloc[0]


# ---------------------------------------------------------------------------------------------------------- visits
def test_there_is_no_day_0(tiny, protocol):
    trial = tiny(mrs=[{"date": day(n), "mrs": 3} for n in (-1, 1, 2)])
    assert visits.Assessments(trial, protocol).ratings["day"].tolist() == [-1, 1, 2]


@pytest.mark.parametrize(("on", "baseline", "better"), [(-1, 2, False), (1, 2, False), (2, 3, True)])
def test_a_rating_on_day_1_is_baseline_and_the_next_day_is_after_it(tiny, protocol, on, baseline, better):
    trial = tiny(screening=[{"mrs": 3, "screening_date": "2014-02-20"}], mrs=[{"date": day(on), "mrs": 2}])
    assert first_row(trial, protocol)["baseline_mrs"] == baseline
    times = endpoints.time_to_event(trial, protocol).set_index("parameter")
    assert times.loc["improvement", "event"] == int(better)


@pytest.mark.parametrize(("on", "baseline"), [(-1, 3), (1, 3), (2, None)])
def test_the_screening_mrs_counts_up_to_day_1(tiny, protocol, on, baseline):
    found = first_row(tiny(screening=[{"mrs": 3, "screening_date": day(on)}]), protocol)["baseline_mrs"]
    assert (None if pd.isna(found) else found) == baseline


@pytest.mark.parametrize(("rated", "baseline"), [("2014-02-27", 3), ("2014-02-28", 2), ("2014-03-01", 2)])
def test_a_rating_goes_before_the_screening_mrs_of_its_date(tiny, protocol, rated, baseline):
    trial = tiny(screening=[{"mrs": 3, "screening_date": "2014-02-28"}], mrs=[{"date": rated, "mrs": 2}])
    assert first_row(trial, protocol)["baseline_mrs"] == baseline


@pytest.mark.parametrize(
    ("visit", "on", "derivation"),
    [(0, 70, "missing"), (0, 71, "observed"), (0, 72, "observed"), (0, 98, "observed"), (0, 99, "observed"),
     (0, 100, "missing"), (1, 154, "missing"), (1, 155, "observed"), (1, 183, "observed"), (1, 184, "missing")],
)  # fmt: skip
def test_the_ends_of_a_window(tiny, protocol, visit, on, derivation):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": day(on), "mrs": 2}])
    assert visits.derive(trial, protocol)["derivation"].iloc[visit] == derivation


@pytest.mark.parametrize(("two", "chosen"), [((84, 87), 84), ((84, 86), 86), ((83, 86), 86), ((85, 86), 85)])
def test_the_nearest_rating_the_later_of_two_equally_near(tiny, protocol, two, chosen):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": day(n), "mrs": 2} for n in two])
    assert first_row(trial, protocol)["day"] == chosen


@pytest.mark.parametrize(
    ("death", "rated", "derivation"),
    [(84, 80, "DEATH"), (85, 80, "DEATH"), (86, 80, "observed"), (86, 70, "DEATH"), (98, 70, "DEATH"),
     (99, 70, "DEATH"), (100, 70, "missing"), (86, 86, "observed"), (85, 85, "DEATH")],
)  # fmt: skip
def test_death_before_on_and_after_the_target_day_and_the_windows_end(
    tiny, protocol, death, rated, derivation
):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": day(rated), "mrs": 2}], follow_up=dead(day(death)))
    row = first_row(trial, protocol)
    assert row["derivation"] == derivation
    if derivation != "missing":
        assert row["day"] == (death if derivation == "DEATH" else rated)


def decision(tiny, protocol, mrs, given, follow_up, rated=85):
    trial = tiny(
        screening=[{"mrs": 3}],
        infusions=given,
        mrs=[{"date": day(rated, "2014-03-05"), "mrs": mrs}],
        follow_up=follow_up,
    )
    return visits.decisions(trial, protocol).iloc[0]


@pytest.mark.parametrize(("on", "deviates"), [(84, False), (85, False), (86, True)])
def test_a_later_cycle_deviates_only_after_the_date_of_the_rating(tiny, protocol, on, deviates):
    late = [{"cycle": 4, "date": day(on, "2014-03-05"), "dose_g": 20}]
    row = decision(tiny, protocol, 4, [*cycles(1, 2, 3), *late], alive("2015-01-01"))
    assert row["decision"] == "discontinue"
    assert (row["deviation"] is not None) == deviates


@pytest.mark.parametrize(
    ("cycle", "dose", "deviates"), [(3, 20, False), (4, 20, True), (5, 20, True), (4, 0, False)]
)
def test_only_a_dose_of_a_later_cycle_deviates(tiny, protocol, cycle, dose, deviates):
    late = [{"cycle": cycle, "date": day(90, "2014-03-05"), "dose_g": dose}]
    row = decision(tiny, protocol, 4, [*cycles(1, 2, 3), *late], alive("2015-01-01"))
    assert (row["deviation"] is not None) == deviates


def test_the_last_of_several_later_infusions_counts(tiny, protocol):
    late = [{"cycle": 4, "date": day(n, "2014-03-05"), "dose_g": 20} for n in (84, 86)]
    assert (
        decision(tiny, protocol, 4, [*cycles(1, 2, 3), *late], alive("2015-01-01"))["deviation"] is not None
    )


@pytest.mark.parametrize(
    ("follow_up", "deviates"),
    [(alive(day(112, "2014-03-05")), False), (alive(day(113, "2014-03-05")), True),
     (alive(day(114, "2014-03-05")), True), (dead(day(112, "2014-03-05")), False),
     (dead(day(113, "2014-03-05")), False), (dead(day(114, "2014-03-05")), True)],
)  # fmt: skip
def test_whoever_died_by_or_was_out_of_contact_before_day_113_could_not_go_on(
    tiny, protocol, follow_up, deviates
):
    row = decision(tiny, protocol, 3, cycles(1, 2, 3), follow_up)
    assert row["decision"] == "continue"
    assert (row["deviation"] is not None) == deviates


@pytest.mark.parametrize(("given", "deviates"), [((1, 2), False), ((1, 2, 3), True), ((1, 2, 3, 4), False)])
def test_only_who_had_every_cycle_before_and_none_after_the_decision_deviates(
    tiny, protocol, given, deviates
):
    row = decision(tiny, protocol, 3, cycles(*given), alive("2015-01-01"))
    assert (row["deviation"] is not None) == deviates


def test_nobody_deviates_where_no_cycle_is_planned_after_the_decision(tiny, protocol):
    short = protocol.with_settings(treatment={"cycles_after_decision": 0})
    assert decision(tiny, short, 3, cycles(1, 2, 3), alive("2015-01-01"))["deviation"] is None


@pytest.mark.parametrize(("action", "deviates"), [("stopped", False), ("interrupted", True)])
def test_an_event_that_stopped_treatment_excuses_the_missing_cycles(tiny, protocol, action, deviates):
    trial = tiny(
        screening=[{"mrs": 3}],
        infusions=cycles(1, 2, 3),
        mrs=[{"date": day(85, "2014-03-05"), "mrs": 3}],
        follow_up=alive("2015-01-01"),
        adverse_events=[{"term": "Headache", "start_date": "2014-05-01", "action": action}],
    )
    assert (visits.decisions(trial, protocol)["deviation"].iloc[0] is not None) == deviates


def test_a_dose_of_0_sets_no_day_and_no_cycle(tiny, protocol):
    planned = {"cycle": 1, "date": "2014-03-03", "dose_g": 0}
    trial = tiny(infusions=[planned, {"cycle": 1, "date": "2014-03-05", "dose_g": 0.1}])
    known = visits.Assessments(trial, protocol)
    assert str(known.patients["day_1"].iloc[0].date()) == "2014-03-05"
    assert known.cycles["days"].tolist() == [1]
    never = visits.Assessments(tiny(infusions=[planned]), protocol)
    assert (never.patients["infused"].tolist(), len(never.cycles)) == ([False], 0)
    assert analysis_sets(never.trial, protocol).safety == ()


# ------------------------------------------------------------------------------------------------------- endpoints
@pytest.mark.parametrize(
    ("start", "reason"),
    [(1, "missing"), (2, "rescue immunotherapy"), (84, "rescue immunotherapy"), (85, "rescue immunotherapy"),
     (86, "missing")],
)  # fmt: skip
def test_without_a_rating_rescue_counts_up_to_the_target_day(tiny, protocol, start, reason):
    medication = {"medication": "rituximab", "indication": "pns", "start_date": day(start)}
    trial = tiny(screening=[{"mrs": 3}], medications=[medication])
    assert primary_endpoint(trial, protocol).patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("rated", "start", "reason"),
    [
        (90, 89, "rescue immunotherapy"),
        (90, 90, "rescue immunotherapy"),
        (90, 91, "improved"),
        (80, 81, "improved"),
    ],
)
def test_rescue_counts_up_to_the_rating_itself(tiny, protocol, rated, start, reason):
    medication = {"medication": "rituximab", "indication": "pns", "start_date": day(start)}
    trial = tiny(screening=[{"mrs": 3}], medications=[medication], mrs=[{"date": day(rated), "mrs": 2}])
    assert primary_endpoint(trial, protocol).patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(("start", "counts"), [(84, True), (85, True), (86, False)])
def test_rescue_of_a_patient_who_died_counts_up_to_the_target_day(tiny, protocol, start, counts):
    """The value is DEATH on day 87, after the target day; rescue up to the target day keeps it out of the set."""
    trial = tiny(
        screening=[{"mrs": 3}],
        medications=[{"medication": "rituximab", "indication": "pns", "start_date": day(start)}],
        follow_up=dead(day(87)),
    )
    reasons = analysis_sets(trial, protocol).reasons["reason"]
    assert reasons.str.contains("rescue").any() == counts


@pytest.mark.parametrize(("given", "reason"), [((1, 2), "fewer than three cycles"), ((1, 2, 3), "improved"),
                                               ((1, 2, 4), "fewer than three cycles")])  # fmt: skip
def test_stopped_is_fewer_than_three_of_cycles_1_to_3(tiny, protocol, given, reason):
    trial = tiny(screening=[{"mrs": 3}], infusions=cycles(*given), mrs=[{"date": "2014-05-28", "mrs": 2}])
    result = primary_endpoint(trial, protocol, estimand={"stopped": "composite"})
    assert result.patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("rated", "reason"),
    [(2, "improved while on treatment"), (32, "improved while on treatment"),
     (33, "improved while on treatment"), (34, "missing")],
)  # fmt: skip
def test_on_treatment_is_up_to_28_days_after_the_last_dose(tiny, protocol, rated, reason):
    """Five infusion days: the last dose is on day 5, 28 days later is day 33."""
    trial = tiny(
        screening=[{"mrs": 3}], infusions=cycles(1), mrs=[{"date": day(rated, "2014-03-05"), "mrs": 2}]
    )
    result = primary_endpoint(trial, protocol, estimand={"stopped": "while on treatment"})
    assert result.patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("rated", "reason"),
    [
        (1, "missing"),
        (2, "missing, not improved at the last rating (LOCF)"),
        (70, "missing, not improved at the last rating (LOCF)"),
        (100, "missing"),
    ],
)
def test_a_rating_is_carried_forward_from_day_2_to_the_windows_end(tiny, protocol, rated, reason):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": day(rated), "mrs": 3}])
    result = primary_endpoint(trial, protocol, estimand={"missing": "LOCF"})
    assert result.patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("rated", "death", "deterioration", "improvement"),
    [((20, 4), 21, ("first rating with deterioration", 19, 1), ("death", 20, 2)),
     ((20, 4), 20, ("first rating with deterioration", 19, 1), ("death", 19, 2)),
     ((20, 2), 21, ("death", 20, 1), ("first rating with improvement", 19, 1)),
     ((20, 2), 20, ("death", 19, 1), ("first rating with improvement", 19, 1)),
     ((20, 3), 20, ("death", 19, 1), ("death", 19, 2))],
)  # fmt: skip
def test_a_rating_on_the_day_of_the_death_comes_first(
    tiny, protocol, rated, death, deterioration, improvement
):
    trial = tiny(
        screening=[{"mrs": 3}], mrs=[{"date": day(rated[0]), "mrs": rated[1]}], follow_up=dead(day(death))
    )
    times = endpoints.time_to_event(trial, protocol).set_index("parameter")
    found = times[["description", "days", "event"]].apply(tuple, axis=1).to_dict()
    assert found == {
        "overall_survival": ("death", death - 1, 1),
        "deterioration": deterioration,
        "improvement": improvement,
    }


def test_censored_at_the_last_rating_else_on_day_1(tiny, protocol):
    for rated, days in (([], 0), ([day(-1), day(1)], 0), ([day(2)], 1), ([day(2), day(300)], 299)):
        trial = tiny(
            screening=[{"mrs": 3}],
            mrs=[{"date": date, "mrs": 3} for date in rated] or [{"date": day(85), "mrs": None}],
            follow_up=alive(day(400)),
        )
        times = endpoints.time_to_event(trial, protocol).set_index("parameter")
        assert times["days"].to_dict() == {
            "overall_survival": 399,
            "deterioration": days,
            "improvement": days,
        }
        assert times["event"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("scale", "later", "improved"),
    [("Barthel", 50, False), ("Barthel", 51, True), ("Barthel", 49, False), ("ICARS", 50, False),
     ("ICARS", 49, True), ("ICARS", 51, False)],
)  # fmt: skip
def test_an_equal_score_is_no_improvement(tiny, protocol, scale, later, improved):
    scores = [(day(1), 50), (day(85), later)]
    trial = tiny(scales=[{"date": date, "scale": scale, "score": score} for date, score in scores])
    assert endpoints.scale_changes(trial, protocol)["improved"].iloc[0] is improved


@pytest.mark.parametrize(("on", "baseline"), [(-1, 60), (1, 60), (2, 50)])
def test_a_score_on_day_1_is_baseline_and_the_next_day_is_after_it(tiny, protocol, on, baseline):
    scores = [(day(-5), 50), (day(on), 60), (day(85), 70)]
    trial = tiny(scales=[{"date": date, "scale": "Barthel", "score": score} for date, score in scores])
    assert endpoints.scale_changes(trial, protocol)["baseline"].iloc[0] == baseline


# -------------------------------------------------------------------------------------------------------- exposure
@pytest.mark.parametrize(
    ("gap", "on_time"), [(20, False), (21, True), (22, True), (34, True), (35, True), (36, False)]
)
def test_a_cycle_is_on_time_from_21_to_35_days_after_the_one_before(tiny, protocol, gap, on_time):
    rows = [{"cycle": n, "date": day(1 + gap * (n - 1)), "dose_g": 50} for n in (1, 2)]
    trial = tiny(screening=[{"weight_kg": 25}], infusions=rows)
    assert exposure.summarise(trial, protocol).cycles["on_time"].tolist() == [True, on_time]


@pytest.mark.parametrize(
    ("given", "as_planned"),
    [(89.9, False), (90, True), (90.1, True), (109.9, True), (110, True), (110.1, False)],
)
def test_a_dose_is_as_planned_within_10_percent(tiny, protocol, given, as_planned):
    trial = tiny(screening=[{"weight_kg": 50}], infusions=[{"cycle": 1, "date": day(1), "dose_g": given}])
    assert exposure.summarise(trial, protocol).cycles["dose_as_planned"].tolist() == [as_planned]


@pytest.mark.parametrize(("days", "deviates"), [(1, True), (2, False), (5, False), (6, True)])
def test_a_cycle_takes_2_to_5_infusion_days(tiny, protocol, days, deviates):
    rows = [{"cycle": 1, "date": day(n + 1), "dose_g": 100 / days} for n in range(days)]
    found = exposure.summarise(tiny(screening=[{"weight_kg": 50}], infusions=rows), protocol).deviations
    assert found["deviation"].str.contains("infusion day").any() == deviates
    assert not found["deviation"].str.contains("IVIg").any()  # which only a regimen of several drugs needs


def test_the_share_of_the_course_counts_cycles_1_to_3(tiny, protocol):
    for number, share in ((3, 0.3), (4, 0.2)):
        rows = cycles(1) + [{**row, "cycle": number} for row in cycles(2)][:3]
        patients = exposure.summarise(tiny(screening=[{"weight_kg": 50}], infusions=rows), protocol).patients
        expected = (2 + 3 * 0.4 * (number == 3)) / 6
        assert patients["share_of_course"].iloc[0] == pytest.approx(expected), share


@pytest.mark.parametrize(
    ("age", "noted"), [(64, False), (65, False), (65.1, True), (66, True), (None, False)]
)
def test_age_is_noted_over_65(protocol, age, noted):
    assert (len(exposure.plan_cycle(70, protocol, age=age).notes) == 1) == noted


@pytest.mark.parametrize(
    ("height", "slip"),
    [(0.99, "write it in cm"), (1, "was 100 cm meant"), (2.3, "was 230 cm meant"), (2.31, "write it in cm"),
     (99.9, "write it in cm"), (100, None), (230, None), (230.1, "write it in cm"), (999, "write it in cm"),
     (1000, "was 100 cm meant (it looks like mm)"), (2300, "was 230 cm meant (it looks like mm)"),
     (2301, "write it in cm")],
)  # fmt: skip
def test_a_height_from_100_to_230_is_used_and_the_unit_of_another_is_guessed_aloud(protocol, height, slip):
    plan = partial(
        exposure.plan_treatment, 70, "2026-01-05", protocol, basis="ideal", sex="male", anyway=True
    )
    if slip is None:
        assert plan(height_cm=height).cycles
    else:
        with pytest.raises(ValueError, match=re.escape(slip)):
            plan(height_cm=height)


@pytest.mark.parametrize(
    ("weight", "slip"),
    [(24.9, "is a digit missing"), (25, None), (250, None), (250.1, "was 25.01 meant, or is it in pounds?"),
     (10_000, "was 1000 meant"), (10_001, "is it in grams?")],
)  # fmt: skip
def test_a_weight_from_25_to_250_is_planned_with(protocol, weight, slip):
    plan = partial(exposure.plan_treatment, weight, "2026-01-05", protocol, anyway=True)
    if slip is None:
        assert plan().cycles
    else:
        with pytest.raises(ValueError, match=re.escape(slip)):
            plan()


def test_who_was_given_nothing_is_not_counted_as_treated(tiny, protocol):
    rows = [{"cycle": 1, "date": day(1), "dose_g": 0}]
    found = exposure.summarise(tiny(screening=[{"weight_kg": 50}], infusions=rows), protocol)
    assert "0 of 1" in str(found)


@pytest.mark.parametrize(("weight", "noted"), [(87.4, False), (87.5, True), (87.6, True)])
def test_a_daily_dose_of_35_g_or_more_is_noted(protocol, weight, noted):
    assert (len(exposure.plan_cycle(weight, protocol).notes) == 1) == noted


@pytest.mark.parametrize(
    ("options", "message"),
    [({"days": 1}, "days is 1"), ({"days": 2}, None), ({"days": 5}, None), ({"days": 6}, "days is 6"),
     ({"cycle": 0}, "cycle is 0"), ({"cycle": 1}, None), ({"cycle": 6}, None), ({"cycle": 7}, "cycle is 7")],
)  # fmt: skip
def test_days_and_cycles_that_can_be_planned(protocol, options, message):
    if message is None:
        assert exposure.plan_cycle(70, protocol, **options).dose_g == 140
    else:
        with pytest.raises(ValueError, match=message):
            exposure.plan_cycle(70, protocol, **options)


def test_the_decision_falls_on_the_target_day_and_cycles_every_28_days(protocol):
    plan = exposure.plan_treatment(70, dt.date(2014, 3, 5), protocol, anyway=True)
    assert [cycle.start.isoformat() for cycle in plan.cycles[:3]] == list(STARTS.values())
    assert plan.decision_day.isoformat() == day(85, "2014-03-05")
    assert plan.to_frame()["condition"].tolist()[2:4] == ["always", "if Month 3 is stable or improved"]
    assert "drug" not in plan.to_frame()  # there is one


# ----------------------------------------------------------------------------------------------------- eligibility
def status(trial, protocol, criterion):
    return screen(trial, protocol).criteria.set_index("criterion").loc[criterion, "status"]


@pytest.mark.parametrize(
    ("mrs", "expected"), [(1, "fail"), (2, "pass"), (3, "pass"), (4, "fail"), (None, "unknown")]
)
def test_the_ends_of_a_range(tiny, protocol, mrs, expected):
    assert status(tiny(screening=[{"mrs": mrs}]), protocol, "I4") == expected


@pytest.mark.parametrize(
    ("consent", "enrolment", "expected"),
    [("2014-03-01", "2014-03-02", "pass"), ("2014-03-02", "2014-03-02", "pass"), ("2014-03-03", "2014-03-02", "fail"),
     ("2014-03-01", None, "pass"), ("2014-03-02", None, "fail"), (None, "2014-03-02", "unknown")],
)  # fmt: skip
def test_consent_is_not_after_enrolment(tiny, protocol, consent, enrolment, expected):
    trial = tiny(screening=[{"consent_date": consent, "enrolment_date": enrolment}])
    assert status(trial, protocol, "I6") == expected


@pytest.mark.parametrize(
    ("start", "stop", "infused", "expected"),
    [("2014-02-28", None, False, "fail"), ("2014-03-01", None, False, "fail"), ("2014-03-02", None, False, "pass"),
     ("2014-03-01", "2014-03-01", False, "fail"), ("2014-03-02", None, True, "fail"),
     ("2014-03-04", None, True, "fail"), ("2014-03-05", None, True, "fail"), ("2014-03-06", None, True, "pass"),
     ("2014-02-01", "2014-02-27", True, "pass"), ("2014-02-01", "2014-02-28", True, "pass"),
     ("2014-02-01", "2014-03-01", True, "fail"), ("2014-02-01", "2014-03-02", True, "fail"),
     (None, "2014-02-28", True, "pass"), (None, "2014-03-01", True, "unknown"), (None, "2014-03-02", True, "unknown")],
)  # fmt: skip
def test_other_immunotherapy_from_screening_to_the_first_infusion(
    tiny, protocol, start, stop, infused, expected
):
    medication = {"medication": "rituximab", "indication": "pns", "start_date": start, "stop_date": stop}
    trial = tiny(medications=[medication], **({"infusions": cycles(1)} if infused else {}))
    assert status(trial, protocol, "E1") == expected


@pytest.mark.parametrize(
    ("name", "start", "own"),
    [("Privigen", 1, True), ("Privigen", 5, True), ("Privigen", 6, False), ("Privigen", -1, False),
     ("Privigen and rituximab", 1, False), ("rituximab", 1, False)],
)  # fmt: skip
def test_immunoglobulin_on_an_infusion_day_is_the_trials_own(tiny, protocol, name, start, own):
    medication = {"medication": name, "indication": "pns", "start_date": day(start, "2014-03-05")}
    known = visits.Assessments(tiny(medications=[medication], infusions=cycles(1)), protocol)
    assert known.medications["trial_own"].tolist() == [own]


@pytest.mark.parametrize(("creatinine", "expected"), [(19.9, "unknown"), (20, "unknown"), (20.1, "pass")])
def test_a_creatinine_up_to_20_is_a_suspected_slip(tiny, protocol, creatinine, expected):
    row = {"age": 60, "sex": "male", "weight_kg": 72, "creatinine_umol_l": creatinine}
    assert status(tiny(screening=[row]), protocol, "E4") == expected


@pytest.mark.parametrize(
    ("weight", "expected"), [(24.9, "unknown"), (25, "pass"), (250, "pass"), (250.1, "unknown")]
)
def test_a_weight_under_25_or_over_250_is_a_suspected_slip(tiny, protocol, weight, expected):
    row = {"age": 60, "sex": "female", "weight_kg": weight, "creatinine_umol_l": 60}
    assert status(tiny(screening=[row]), protocol, "E4") == expected


@pytest.mark.parametrize(("clearance", "expected"), [(29.99, "fail"), (30, "pass"), (30.01, "pass")])
def test_a_clearance_of_30_passes(tiny, protocol, clearance, expected):
    row = {"age": 80, "sex": "male", "weight_kg": 36 * clearance / 30, "creatinine_umol_l": 88.4}
    assert status(tiny(screening=[row]), protocol, "E4") == expected


@pytest.mark.parametrize(
    ("maximum", "column", "value", "expected"),
    [(60, "weight_kg", 60, "pass"), (60, "weight_kg", 60.1, "fail"), (60, "weight_kg", 24, "unknown"),
     (60, "creatinine_umol_l", 20, "unknown"), (60, "creatinine_umol_l", 20.1, "pass")],
)  # fmt: skip
def test_a_range_on_a_number_with_a_suspected_slip_is_unknown(
    tiny, protocol, maximum, column, value, expected
):
    asked = protocol.with_criterion(id="X1", kind="range", column=column, maximum=maximum, label="at most")
    assert status(tiny(screening=[{column: value}]), asked, "X1") == expected

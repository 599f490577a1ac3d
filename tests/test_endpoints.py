"""Visits, decisions and endpoints on tiny tables."""

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import analyse, endpoints, estimand_table, visits
from pnstrial.endpoints import primary_endpoint
from pnstrial.protocol import ProtocolError
from pnstrial.results import NotEstimable

DAY_1 = "2014-03-02"  # the enrolment of the tiny trial: its patient is not infused


def rated(tiny, *ratings, **tables):
    return tiny(
        screening=[{"mrs": 3}],
        mrs=[{"date": date, "mrs": mrs, "rater": rater} for date, mrs, rater in ratings],
        **tables,
    )


def month_3(trial, protocol):
    return visits.derive(trial, protocol).iloc[0]


@pytest.mark.parametrize(
    ("ratings", "mrs", "day"),
    [
        ([("2014-05-11", 2, "")], 2, 71),
        ([("2014-05-10", 2, "")], None, None),
        ([("2014-06-08", 2, "")], 2, 99),
        ([("2014-06-09", 2, "")], None, None),
        ([("2014-05-23", 2, ""), ("2014-05-27", 4, "")], 4, 87),
        ([("2014-05-24", 2, ""), ("2014-05-27", 4, "")], 2, 84),
        ([("2014-05-25", 2, "x"), ("2014-05-25", 4, "y")], 4, 85),
    ],
)
def test_the_rating_that_counts(tiny, protocol, ratings, mrs, day):
    row = month_3(rated(tiny, *ratings), protocol)
    assert row["derivation"] == ("missing" if mrs is None else "observed")
    if mrs is not None:
        assert (row["mrs"], row["day"]) == (mrs, day)


def test_the_primary_rater_goes_before_the_conservative_one(tiny, protocol):
    trial = rated(tiny, ("2014-05-25", 2, "x"), ("2014-05-25", 4, "y"))
    assert month_3(trial, protocol.model_copy(update={"primary_rater": "x"}))["mrs"] == 2


@pytest.mark.parametrize(
    ("death", "rating", "derivation"),
    [
        ("2014-05-25", "2014-05-20", "DEATH"),
        ("2014-05-26", "2014-05-20", "observed"),
        ("2014-05-26", "2014-04-01", "DEATH"),
        ("2014-06-09", "2014-04-01", "missing"),
    ],
)
def test_death_is_mrs_6(tiny, protocol, death, rating, derivation):
    trial = rated(
        tiny, (rating, 2, ""), follow_up=[{"last_contact_date": death, "status": "dead", "death_date": death}]
    )
    assert month_3(trial, protocol)["derivation"] == derivation


def test_baseline_is_the_latest_up_to_day_1(tiny, protocol):
    trial = rated(
        tiny, ("2014-03-01", 2, "x"), ("2014-03-02", 4, "x"), ("2014-03-02", 5, "y"), ("2014-03-03", 0, "")
    )
    assert month_3(trial, protocol)["baseline_mrs"] == 4
    on_screening_day = rated(tiny, ("2014-03-01", 2, "x"))
    assert month_3(on_screening_day, protocol)["baseline_mrs"] == 2


def infused(*cycles):
    starts = {1: "2014-03-05", 2: "2014-04-02", 3: "2014-04-30", 4: "2014-06-20"}
    return [{"cycle": cycle, "date": starts[cycle], "dose_g": 100} for cycle in cycles]


@pytest.mark.parametrize(
    ("mrs", "cycles", "contact", "decision", "deviation"),
    [
        (4, (1, 2, 3), "2015-01-01", "discontinue", None),
        (4, (1, 2, 3, 4), "2015-01-01", "discontinue", "after the Month 3 decision"),
        (3, (1, 2, 3), "2015-01-01", "continue", "no later cycle"),
        (3, (1, 2, 3), "2014-06-24", "continue", None),
        (3, (1, 2, 3), "2014-06-25", "continue", "no later cycle"),
        (3, (1, 2), "2015-01-01", "continue", None),
        (None, (1, 2, 3), "2015-01-01", "not evaluable", None),
    ],
)
def test_decisions_and_whether_they_were_kept(tiny, protocol, mrs, cycles, contact, decision, deviation):
    trial = tiny(
        screening=[{"mrs": 3, "weight_kg": 50}],
        infusions=infused(*cycles),
        mrs=[{"date": "2014-05-28", "mrs": mrs}],
        follow_up=[{"last_contact_date": contact, "status": "alive"}],
    )
    row = visits.decisions(trial, protocol).iloc[0]
    assert row["decision"] == decision
    assert (row["deviation"] is None) if deviation is None else deviation in row["deviation"]


@pytest.mark.parametrize(
    ("start", "reason"),
    [("2014-03-02", "improved"), ("2014-03-03", "rescue immunotherapy"), ("2014-05-25", "rescue immunotherapy"),
     ("2014-05-26", "improved")],
)  # fmt: skip
def test_rescue_counts_after_day_1_and_up_to_the_rating(tiny, protocol, start, reason):
    trial = rated(
        tiny,
        ("2014-05-25", 2, ""),
        medications=[{"medication": "rituximab", "indication": "pns", "start_date": start}],
    )
    assert primary_endpoint(trial, protocol).patients["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("rating", "missing", "stopped", "reason"),
    [
        ("2014-04-20", "LOCF", "treatment policy", "missing, improved at the last rating (LOCF)"),
        ("2014-06-12", "LOCF", "treatment policy", "missing"),
        ("2014-04-20", "exclude", "treatment policy", "missing, excluded"),
        ("2014-04-20", "best case", "treatment policy", "missing, counted as responder (best case)"),
        ("2014-04-02", "non-responder", "while on treatment", "improved while on treatment"),
        ("2014-04-03", "non-responder", "while on treatment", "missing"),
        ("2014-04-02", "non-responder", "composite", "fewer than three cycles"),
    ],
)
def test_missing_and_stopped(tiny, protocol, rating, missing, stopped, reason):
    trial = tiny(screening=[{"mrs": 3}], infusions=infused(1), mrs=[{"date": rating, "mrs": 2}])
    result = primary_endpoint(trial, protocol, estimand={"missing": missing, "stopped": stopped})
    assert result.patients["reason"].tolist() == [reason]


def test_no_denominator_is_not_estimable(tiny, protocol):
    trial = tiny(screening=[{"enrolment_date": ""}])
    result = primary_endpoint(trial, protocol, null=0.1)
    assert isinstance(result.estimate, NotEstimable)
    assert str(result.p_value) == "not estimable: no patient is enrolled"
    assert "not estimable" in str(result)
    rated_once = tiny(screening=[{"mrs": 3}], mrs=[{"date": "2014-03-01", "mrs": 3}])
    excluded = primary_endpoint(rated_once, protocol, estimand={"missing": "exclude"})
    assert "every patient is excluded" in str(excluded.estimate)


def test_wrong_questions(tiny, protocol):
    trial = tiny()
    with pytest.raises(ProtocolError, match="visit 'Month 9' is not in protocol"):
        primary_endpoint(trial, protocol, visit="Month 9")
    with pytest.raises(ProtocolError, match=r"endpoint\.null_proportion"):
        primary_endpoint(trial, protocol, null=2)
    with pytest.raises(ProtocolError, match="allowed is 'composite' or 'exclude'"):
        primary_endpoint(trial, protocol, estimand={"death": "ignore"})


def test_times(tiny, protocol):
    trial = rated(
        tiny,
        ("2014-03-12", 2, ""),
        ("2014-04-01", 4, ""),
        follow_up=[{"last_contact_date": "2014-05-01", "status": "dead", "death_date": "2014-05-01"}],
    )
    times = endpoints.time_to_event(trial, protocol).set_index("parameter")
    assert times["days"].to_dict() == {"overall_survival": 60, "deterioration": 30, "improvement": 10}
    assert times["event"].to_dict() == {"overall_survival": 1, "deterioration": 1, "improvement": 1}
    died = tiny(
        screening=[{"mrs": 3}],
        follow_up=[{"last_contact_date": "2014-05-01", "status": "dead", "death_date": "2014-05-01"}],
    )
    times = endpoints.time_to_event(died, protocol).set_index("parameter")
    assert times["event"].to_dict() == {"overall_survival": 1, "deterioration": 1, "improvement": 2}


def test_of_two_scores_the_better_at_baseline_the_worse_after(tiny, protocol):
    scores = [("2014-03-01", 50), ("2014-03-01", 60), ("2014-05-25", 55), ("2014-05-25", 70)]
    trial = tiny(scales=[{"date": date, "scale": "Barthel", "score": score} for date, score in scores])
    row = endpoints.scale_changes(trial, protocol).iloc[0]
    assert (row["baseline"], row["score"], row["improved"]) == (60, 55, False)


def test_a_larger_fall_can_be_asked_for(tiny, protocol):
    trial = rated(tiny, ("2014-05-25", 2, ""))
    stricter = protocol.with_settings(endpoint={"improvement_points": 2})
    assert primary_endpoint(trial, stricter).responders == 0


@pytest.mark.parametrize(
    "mrs",
    [
        None,
        [{"date": "2014-05-25", "mrs": ""}],
        [{"date": "2014-05-25", "mrs": 2, "patient_id": "B"}],
        [{"date": "2014-05-25", "mrs": 6}],
    ],
    ids=["no table", "blank", "another patient's", "a death"],
)
@pytest.mark.parametrize("estimand", [{}, {"missing": "exclude"}, {"death": "exclude"}])
def test_no_rating_is_no_result(tiny, protocol, mrs, estimand):
    """Deaths alone make no result either, and the denominator is who is enrolled."""
    tables = {} if mrs is None else {"mrs": mrs}
    follow_up = [
        {"last_contact_date": "2014-05-25", "status": "dead", "death_date": "2014-05-25"},
        {"patient_id": "C", "last_contact_date": "2014-05-25", "status": "alive"},
    ]
    screening = [{"mrs": 3}, {"patient_id": "B", "enrolment_date": ""}, {"patient_id": "C", "mrs": 2}]
    trial = tiny(screening=screening, follow_up=follow_up, **tables)
    analysis = analyse(trial, protocol, null=0.1, estimand=estimand)
    content = analysis.to_json_object()
    nothing = {"responders": None, "n": 2, "proportion": None, "ci": None, "p_value": None}
    for result in (content["primary"], content["secondary"]["Month 6"]):
        assert {key: result[key] for key in nothing} == nothing
        assert result["not_estimable"] == "no mRS rating was collected"
    assert str(analysis.primary) == (
        "Response at Month 3: not estimable: no mRS rating was collected (2 enrolled)"
    )
    collected = tiny(
        screening=screening, follow_up=follow_up, mrs=[{"patient_id": "C", "date": "2014-03-01", "mrs": 2}]
    )
    assert "not_estimable" not in analyse(collected, protocol).to_json_object()["primary"]


def test_the_level_of_the_interval_can_be_given(tiny, protocol):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": "2014-03-01", "mrs": 3}])
    wide, narrow = (primary_endpoint(trial, protocol, level=level).ci for level in (0.99, 0.8))
    assert (primary_endpoint(trial, protocol, level=0.8).level, wide[1] > narrow[1]) == (0.8, True)
    with pytest.raises(ProtocolError, match=r"endpoint\.level = 95: allowed is a number between 0 and 1"):
        primary_endpoint(trial, protocol, level=95)


def test_swapped_and_named_arguments_do_what_was_meant_and_others_are_answered(tiny, protocol):
    trial = tiny(screening=[{"mrs": 3}])
    expected = primary_endpoint(trial, protocol)
    for found in (primary_endpoint(protocol, trial), primary_endpoint(trial, "NCT02343211")):
        assert (found.responders, found.n, found.ci) == (expected.responders, expected.n, expected.ci)
    with pytest.raises(TypeError, match=r"trial is of type int; give a TrialData, such as read_trial"):
        primary_endpoint(3, protocol)
    with pytest.raises(TypeError, match=r"protocol is None; give a Protocol, such as load_protocol\(\)"):
        primary_endpoint(trial, None)


def test_values_of_another_protocol_are_refused(tiny, protocol):
    frame = visits.derive(tiny(screening=[{"mrs": 3}]), protocol)
    assert visits.VisitValues.recorded(frame, protocol, 1).protocol is protocol
    with pytest.raises(ProtocolError, match="improved is a fall of 2 in the data, of 1 in the protocol"):
        visits.VisitValues.recorded(frame, protocol, 2)
    with pytest.raises(ProtocolError, match="visit is 'Month 6'; the analysed visits are Month 3"):
        visits.VisitValues.recorded(frame[frame["visit"] == "Month 3"], protocol, 1)


def test_an_analysis_derives_each_thing_once(tiny, protocol):
    analysis = analyse(tiny(screening=[{"mrs": 3}]), protocol)
    assert analysis.visits is analysis.assessments.visit_values.frame
    assert analysis.times is analysis.assessments.once(endpoints.times_of)
    pd.testing.assert_frame_equal(analysis.visits, visits.derive(analysis.trial, protocol))


def test_every_estimand_at_every_visit_is_what_the_endpoint_gives(example, protocol):
    frame = estimand_table(example, protocol, null=0.1, level=0.9).to_frame()
    assert len(frame.drop_duplicates(["visit", "death", "rescue", "stopped", "missing"])) == len(frame) == 96
    for row in frame.iloc[::7].to_dict("records"):
        ways = {event: row[event] for event in ("death", "rescue", "stopped", "missing")}
        expected = primary_endpoint(example, protocol, visit=row["visit"], estimand=ways, null=0.1, level=0.9)
        assert (row["responders"], row["n"], row["estimate"]) == (
            expected.responders,
            expected.n,
            expected.estimate,
        )
        assert ((row["lower"], row["upper"]), row["p_value"]) == (expected.ci, expected.p_value)
    assert frame.loc[0, "estimand"] == "as the protocol"


def test_estimands_without_a_patient_say_why(tiny, protocol):
    early = [{"date": "2014-03-10", "mrs": 3}]
    frame = estimand_table(tiny(screening=[{"mrs": 3}], mrs=early), protocol).to_frame()
    excluded = frame[(frame["missing"] == "exclude") & (frame["stopped"] != "composite")]
    assert excluded[["estimate", "lower", "upper"]].isna().all(axis=None)
    assert excluded["reason"].str.contains("every patient is excluded").all()


def test_a_scale_without_a_rating_has_no_endpoint(tiny, protocol):
    asked = protocol.with_settings(endpoint={"scale": "ONLS"})
    result = primary_endpoint(tiny(screening=[{"mrs": 3}], mrs=[{"date": DAY_1, "mrs": 3}]), asked)
    assert (result.responders, result.n) == (NotEstimable("no ONLS rating was collected"), 1)


def test_the_mrs_of_a_trial_with_another_endpoint_is_shifted_as_before(example, protocol):
    asked = protocol.with_settings(
        endpoint={"scale": "ONLS", "improvement_points": 2, "improvement_percent": 10}
    )
    one, other = (pns.mrs_shift(example, each, scale="mRS") for each in (protocol, asked))
    assert (one.n, one.changes.improved, one.signed_rank.p_value) == (
        other.n, other.changes.improved, other.signed_rank.p_value,
    )  # fmt: skip
    with pytest.raises(
        ProtocolError, match="scale 'mRS' is not in protocol nct02343211; it has Barthel, ICARS"
    ):
        pns.mrs_shift(example, asked.without("mRS"), scale="mRS")


@pytest.mark.parametrize(
    ("first", "stop", "answer"),
    [
        (19, 2, "the trial is not over: 18 patients, first stage 19"),
        (18, 2, "the trial is not over: 18 patients, first stage 18"),
        (18, 3, None),
        (17, 3, "3 responders of 18: the design stops after 17 with 3 or fewer"),
        (17, 2, None),
    ],
)
def test_a_planned_two_stage_design_gives_interval_and_p_value_once_the_trial_is_over(
    example, protocol, first, stop, answer
):
    planned = {"n": 30, "first_stage_n": first, "first_stage_stop_at": stop, "reject_at": 6}
    result = primary_endpoint(
        example, protocol.with_settings(design=planned, endpoint={"null_proportion": 0.1})
    )
    assert (result.responders, result.n) == (3, 18)
    if answer is None:
        expected = pns.design.after_two_stage(
            r1=stop, n1=first, r=5, n=30, p0=0.1, responses=3, n_observed=18
        )
        assert (result.ci, result.p_value) == (expected.ci, expected.p_value)
    else:
        assert answer in str(result.ci)
        assert answer in str(result)

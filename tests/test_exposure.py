"""Planning and summarising treatment."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import exposure


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 120))
def test_vials_waste_least_and_are_fewest(halves):
    """Against every combination of up to four of each vial."""
    dose = halves / 2
    chosen = exposure.choose_vials(dose, (2.5, 5, 10, 20))
    total, number = sum(v * n for v, n in chosen.items()), sum(chosen.values())
    every = [
        (sum(v * n for v, n in zip((2.5, 5, 10, 20), counts, strict=True)), sum(counts))
        for counts in itertools.product(range(5), repeat=4)
    ]
    assert (total, number) == min(pair for pair in every if pair[0] >= dose - 1e-9)


def test_odd_vials():
    assert exposure.choose_vials(7, (6, 4)) == {4: 2}
    assert exposure.choose_vials(0) == {}
    with pytest.raises(ValueError, match="vials_g is"):
        exposure.choose_vials(7, ())
    with pytest.raises(ValueError, match="dose_g is -1"):
        exposure.choose_vials(-1)


@pytest.mark.parametrize(
    ("options", "dose"),
    [
        ({}, 140.0),
        ({"round_to_g": 5}, 140.0),
        ({"basis": "ideal", "height_cm": 152.4, "sex": "female"}, 91.0),
        ({"basis": "ideal", "height_cm": 140, "sex": "male"}, 100.0),
        ({"basis": "adjusted", "height_cm": 152.4, "sex": "male"}, 116.0),
        ({"basis": "adjusted", "height_cm": 200, "sex": "male"}, 140.0),
    ],
)
def test_dose(protocol, options, dose):
    assert exposure.plan_cycle(70, protocol, **options).dose_g == pytest.approx(dose)


@pytest.mark.parametrize("step", [0, -5, float("nan")])
def test_a_step_is_over_0(step):
    with pytest.raises(ValueError, match="to_g is"):
        exposure.round_dose(140, step)


def test_halves_round_up():
    assert [exposure.round_dose(dose) for dose in (142.5, 147.5, 0.3 * 475)] == [145, 150, 145]


def test_notes(protocol):
    assert exposure.plan_cycle(70, protocol).notes == ()
    notes = exposure.plan_cycle(70, protocol, days=4, age=66).notes
    assert "35 g a day" in notes[0]
    assert "age 66" in notes[1]


@pytest.mark.parametrize(
    ("weight", "options", "message"),
    [
        (0, {}, "weight_kg is 0"),
        (7, {}, "from 25 to 250 kg; is a digit missing"),
        (700, {}, "was 70 meant"),
        (70_000, {}, "is it in grams"),
        (70, {"height_cm": 1.7}, "was 170 cm meant"),
        (70, {"height_cm": 1700, "basis": "ideal", "sex": "male"}, "looks like mm"),
        (float("nan"), {}, "weight_kg is nan"),
        (70, {"days": 6}, "allows 2 to 5 infusion days"),
        (70, {"cycle": 7}, "has cycles 1 to 6"),
        (70, {"basis": "ideal"}, "needs height_cm and sex"),
        (70, {"basis": "lean"}, "allowed are actual, ideal and adjusted"),
        (70, {"round_to_g": 1000}, "rounds the dose to 0 g"),
        (70, {"round_to_g": -5}, "to_g is -5"),
    ],
)
def test_wrong_plans(protocol, weight, options, message):
    with pytest.raises(ValueError, match=message):
        exposure.plan_cycle(weight, protocol, **options)


def test_course(protocol):
    plan = exposure.plan_treatment(70, dt.date(2026, 1, 5), protocol)
    frame = plan.to_frame()
    assert frame["start"].tolist()[-1] == "2026-05-25"
    assert frame["condition"].tolist() == ["always"] * 3 + ["if Month 3 is stable or improved"] * 3
    assert "Month 3 decision: 2026-03-30" in str(plan)
    with pytest.raises(ValueError, match="after the last date of the calendar"):
        exposure.plan_treatment(70, dt.date(9999, 12, 1), protocol, anyway=True)


def test_a_plan_has_every_visit_with_its_window(protocol):
    plan = exposure.plan_treatment(70, dt.date(2026, 1, 5), protocol)
    day_1 = dt.date(2026, 1, 5)
    assert [one.visit for one in plan.visits] == [visit.name for visit in protocol.visits]
    for one, visit in zip(plan.visits, protocol.visits, strict=True):
        days = [(day - day_1).days + 1 for day in (one.first, one.target, one.last)]
        assert days == [visit.first_day, visit.target_day, visit.last_day]
        assert f"{one.visit}: {one.target} (window {one.first} to {one.last})" in str(plan)
    assert plan.visits[0].target == plan.decision_day
    assert plan.visits_frame()["window_ends"].tolist() == [str(one.last) for one in plan.visits]


def test_a_visit_after_the_last_infusion_counts_from_the_last_one_planned(protocol):
    late = protocol.with_settings(visits={"Month 6": {
        "after": "last infusion", "target_day": 30, "first_day": 20, "last_day": 40}})  # fmt: skip
    plan = exposure.plan_treatment(70, dt.date(2026, 1, 5), late)
    last = max(day for cycle in plan.cycles for day in cycle.dates)
    visit = next(one for one in plan.visits if one.visit == "Month 6")
    assert visit.after == "last infusion"
    assert [(day - last).days for day in (visit.first, visit.target, visit.last)] == [20, 30, 40]


def test_late_cycle_and_off_dose(tiny, protocol):
    """Cycle 2 starts 36 days after cycle 1 with 11 % less than planned: late, and not as planned."""
    trial = tiny(
        screening=[{"weight_kg": 50}],
        infusions=[
            {"cycle": 1, "date": "2014-03-05", "dose_g": 50},
            {"cycle": 1, "date": "2014-03-06", "dose_g": 50},
            {"cycle": 2, "date": "2014-04-10", "dose_g": 44.5},
            {"cycle": 2, "date": "2014-04-11", "dose_g": 44.5},
            {"cycle": 4, "date": "2014-06-10", "dose_g": 90},
            {"cycle": 4, "date": "2014-06-11", "dose_g": 0},
        ],
    )
    result = exposure.summarise(trial, protocol)
    assert result.cycles["on_time"].tolist() == [True, False, None]
    assert result.cycles["dose_as_planned"].tolist() == [True, False, True]
    row = result.patients.iloc[0]
    assert row["share_of_course"] == pytest.approx((2 + 89 / 50) / 6)
    assert row["relative_dose_intensity"] == pytest.approx((2 + 89 / 50 + 90 / 50) / (97 + 28) / (2 / 28))
    assert result.deviations["deviation"].str.contains("outside 28").sum() == 1


def test_a_weight_that_looks_wrong_is_not_used(tiny, protocol):
    trial = tiny(screening=[{"weight_kg": 500}], infusions=[{"cycle": 1, "date": "2014-03-05", "dose_g": 50}])
    result = exposure.summarise(trial, protocol)
    assert result.cycles[["planned_g"]].isna().all(axis=None)
    assert result.patients["share_of_course"].isna().all()


@pytest.mark.parametrize(
    "start",
    ["2026-01-05", dt.date(2026, 1, 5), pd.Timestamp("2026-01-05"),
     np.datetime64("2026-01-05"), np.datetime64("2026-01-05T00", "ns")],
)  # fmt: skip
def test_a_date_may_be_text_a_date_or_a_timestamp(protocol, start):
    assert exposure.plan_treatment(70, start).decision_day == dt.date(2026, 3, 30)
    assert exposure.plan_treatment(70, protocol, start).decision_day == dt.date(2026, 3, 30)
    assert exposure.plan_cycle(70, protocol, start=start).dates[-1] == dt.date(2026, 1, 9)


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [("05/01/2026", ValueError, "start is '05/01/2026'; write it as 2026-01-05"), (5, TypeError, "start is of type int"),
     (pd.NaT, ValueError, "start is not a date"), (None, TypeError, "start is None; give a date")],
)  # fmt: skip
def test_a_start_that_is_no_date_is_answered(start, error, message):
    with pytest.raises(error, match=message):
        exposure.plan_treatment(70, start)

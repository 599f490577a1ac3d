"""Designs with looks on the simulated course: the exact answer, a diary programmed apart, and what delay costs."""

import json

import numpy as np
import pytest

import pnstrial as pns
from pnstrial import design
from pnstrial.cli import main
from pnstrial.engine.blocks import pilot_patients
from pnstrial.engine.looks.boundaries import boundaries_of
from pnstrial.engine.looks.calendar import LooksRule
from pnstrial.engine.model import build_model
from tests.double.looks_second import diary

PROTOCOL = pns.load_protocol("nct02343211")
PLAIN = pns.what_if(PROTOCOL, pns.load_scenario("anti-hu-plain"), {"response": 0.25})[1]
FAST = PLAIN.changed(enrolment={"screened_per_month": 6.0})
TWO_STAGE = design.two_stage(0, 9, 2, 17, 0.05, 0.25)
DESIGNS = {
    "single stage": design.single_stage_at(17, 0.1, 0.3),
    "two-stage": TWO_STAGE,
    "sequential": design.sequential([6, 11, 17], [0, 1, 4], [4, 5, 5]),
    "curtailed": design.curtailed(TWO_STAGE),
    "optimal curtailed": design.optimal_curtailed(0.1, 0.35, 0.1, 0.8, n_max=25),
    "Thall-Simon": design.thall_simon([6, 11, 17], 0.1, 0.3),
    "predictive": design.predictive_design([6, 11, 17], 0.1),
    "BOP2": design.bop2([8, 17], 0.1, 0.35),
    "BOP2 ordinal": design.bop2_ordinal([8, 17], (0.1, 0.4, 0.5), (0.35, 0.45, 0.2)),
    "adaptive": design.flexible(design.two_stage(1, 10, 5, 29, 0.1, 0.3)).with_sizes({2: 12, 3: 8}),
    "flexible": design.flexible(TWO_STAGE),
    "flexible, all of alpha spent": design.flexible(TWO_STAGE, "constant", alpha=0.15),
    "adaptive, decided at the first stage": design.flexible(TWO_STAGE).with_sizes({3: 0, 4: 0, 5: 0}),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_runs_and_meets_its_exact_answer(name):
    found = pns.simulate_looks(PROTOCOL, FAST, DESIGNS[name], 2000, seed=3)
    table = found.table.set_index("quantity")
    for quantity in ("success", "decided_on"):
        row = table.loc[quantity]
        assert np.isfinite(row["exact"])
        assert abs(row["estimate"] - row["exact"]) <= 4 * row["std_error"] + 1e-9, quantity
    assert 0.02 < table.loc["success", "exact"] < 0.98
    assert found["enrolled"] == pytest.approx(found["decided_on"] + found["overrun"])
    assert found["stopped_early"] == 0 or found["overrun"] > 0


@pytest.mark.parametrize("name", [name for name, one in DESIGNS.items() if isinstance(one, design.Design)])
def test_the_looks_of_a_design_are_those_of_its_own_characteristics(name):
    plan = DESIGNS[name]
    looks = boundaries_of("test", plan)
    assert looks.exact({"response": 0.2})[0] == pytest.approx(
        plan.operating_characteristics(0.2).reject, abs=1e-12
    )
    # every path of responders, decided look by look
    sizes = np.array(looks.sizes)
    answers = np.random.default_rng(1).random((4000, sizes[-1])) < 0.2
    counts = answers.cumsum(axis=1)[:, sizes - 1]
    code, look = LooksRule(looks, 0, 0)._decisions(counts, counts)
    found = plan.operating_characteristics(answers.mean())
    assert (code == 1).mean() == pytest.approx(found.reject, abs=0.03)
    assert sizes[look].mean() == pytest.approx(found.expected_n, abs=0.25)


def test_a_pause_costs_time_and_saves_patients_and_changes_no_decision():
    runs = {
        pause: pns.simulate_looks(PROTOCOL, FAST, TWO_STAGE, 500, pause=pause, trials=True)
        for pause in (False, True)
    }
    assert runs[True].pauses == (9,)
    assert runs[True]["overrun"] == 0 < runs[False]["overrun"]
    assert runs[True]["months"] > runs[False]["months"]
    same = ["success", "futility", "look", "decided_on", "responders"]
    assert runs[True].trials[same].equals(runs[False].trials[same])
    assert (runs[False].trials["responders_with_overrun"] >= runs[False].trials["responders"]).all()


@pytest.mark.double
@pytest.mark.parametrize("pauses", [(), (6,), (6, 11)])
@pytest.mark.parametrize("safety", [(), ((3, 1), (9, 2), (17, 4))])
def test_a_diary_programmed_apart_agrees_trial_by_trial(pauses, safety):
    sized = FAST.changed(
        enrolment={"target": 17}, course={"die": (0.05,) * 6}, visits={"jitter_days": 9, "missed": 0.1}
    )
    plan = design.sequential([6, 11, 17], [0, 2, 4], [4, 5, 5])
    last = PROTOCOL.visits[0].last_day - 1
    rule = LooksRule(boundaries_of("test", plan), 0, (0,), pauses, "death", safety)
    patients = pilot_patients(build_model(PROTOCOL, sized, everything=True), 150)
    found = rule(patients)
    outcomes = set()
    for t in range(150):
        people = []
        for i in range(17):
            value, rating = int(patients.value[t, i, 0]), int(patients.rating[t, i, 0])
            death = int(patients.death_day[t, i]) if patients.death_seen[t, i] == 1 else None
            known = last if value < 0 else death if value == 6 else int(patients.rating_day[t, i, 0])
            assert value in {-1, 6, rating}
            people.append(
                {
                    "gap": int(patients.gap[t, i]) / 1024, "lag": int(patients.lag_days[t, i]), "known": known,
                    "responds": bool(patients.response[t, i, 0] == 1),
                    "event": death if death is not None and death <= last else None,
                }
            )  # fmt: skip
        code, look, decided, enrolled, day = diary(people, (6, 11, 17), (0, 2, 4), (4, 5, 5), pauses, safety)
        outcomes.add((code, look))
        assert found["design_safety_stop"][t] == (code == "harm")
        assert found["design_success"][t] == (code == 1)
        assert found["design_futility"][t] == (code == -1)
        assert found["design_look"][t] == look + 1
        assert found["design_decided_on"][t] == decided
        assert found["design_enrolled"][t] == enrolled
        assert found["design_months"][t] == pytest.approx(day * 12 / 365.25)
    assert len(outcomes) >= 4
    assert any(code == "harm" for code, _ in outcomes) == bool(safety)


def test_a_safety_rule_alone_stops_as_often_as_it_says():
    dies = FAST.changed(course={"die": (0.08,) * 6, "onset": []}, dropout={"per_month": 0.0})
    rule = design.safety_boundary(17, 0.1)
    never = design.sequential([17], [None], [None])
    found = pns.simulate_looks(PROTOCOL, dies, never, 3000, safety=rule)
    months = (PROTOCOL.visits[0].last_day - 1) * 12 / 365.25
    exact = float(rule.reject_probability(1 - np.exp(-0.08 * months)))
    error = np.sqrt(exact * (1 - exact) / 3000)
    assert abs(found["safety_stop"] - exact) < 4 * error
    assert found["success"] == 0
    assert found["enrolled"] < 17
    assert np.isnan(found.table["exact"]).all()


def test_toxicity_is_an_event_of_the_user():
    plan = design.bryant_day(r0=0.1, r1=0.4, t0=0.4, t1=0.1).optimal
    found = pns.simulate_looks(
        PROTOCOL, FAST, plan, 300, event=lambda p: np.where(p.death_seen == 1, p.death_day, -1)
    )
    named = pns.simulate_looks(PROTOCOL, FAST, plan, 300, event="death")
    assert found.table.drop(columns="exact").equals(named.table.drop(columns="exact"))


def test_a_harm_stops_the_responsive_trial_too():
    protocol = pns.load_protocol("surface-antibody")
    scenario = pns.load_scenario("surface-antibody").changed(
        adverse_events={"thrombosis_per_infusion": 0.03}, enrolment={"screened_per_month": 6.0}
    )
    plan = design.sequential([9, 17], [0, 2], [None, 5])
    rule = design.safety_boundary(17, 0.1)
    found = pns.simulate_looks(protocol, scenario, plan, 500, safety=rule, event="harm")
    alone = pns.simulate_looks(protocol, scenario, plan, 500)
    assert found["safety_stop"] > 0.5
    assert found["success"] < alone["success"]
    assert found["decided_on"] <= found["enrolled"] <= 17


def test_what_is_wrong_is_named_at_once():
    with pytest.raises(TypeError, match="is no design of one trial"):
        pns.simulate_looks(PROTOCOL, FAST, design.simon(0.1, 0.3))
    with pytest.raises(ValueError, match=r"pause = \[5\] must be looks"):
        pns.simulate_looks(PROTOCOL, FAST, TWO_STAGE, 10, pause=[5])
    with pytest.raises(ValueError, match="event = 'luck'"):
        pns.simulate_looks(PROTOCOL, FAST, TWO_STAGE, 10, event="luck")
    with pytest.raises(ValueError, match="safety looks at up to 30"):
        pns.simulate_looks(PROTOCOL, FAST, TWO_STAGE, 10, safety=design.safety_boundary(30, 0.1))
    with pytest.raises(ValueError, match="gave shape"):
        pns.simulate_looks(PROTOCOL, FAST, TWO_STAGE, 10, event=lambda p: p.enrolled)


def test_looks_by_command(capsys):
    words = ["looks", "ivig-works", "--two-stage", "0/9", "2/17", "--trials", "300", "--quiet", "--json"]
    assert main(words) == 0
    found = {row["quantity"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["overrun"]["estimate"] > 0
    assert main([*words, "--pause", "--safety", "0.2"]) == 0
    assert "accrual" not in capsys.readouterr().out
    counts = ["--looks", "6", "11", "17", "--futility", "0", "1", "4", "--efficacy", "never", "5", "5"]
    assert main(["looks", "ivig-works", *counts, "--trials", "300", "--quiet", "--curtail", "--pause"]) == 0
    assert "Look after 1, 2, 3" in capsys.readouterr().out
    asked = ["looks", "anti-hu-plain", "--two-stage", "0/9", "2/17", "--trials", "300", "--quiet", "--json"]
    powers = []
    for share in ("0.1", "0.3"):
        assert main([*asked, "--response", share, "--late", "0.3"]) == 0
        shown = capsys.readouterr()
        assert "treatment.late leaves the probability of success" in shown.err
        powers.append(next(r for r in json.loads(shown.out) if r["quantity"] == "success")["estimate"])
    assert powers[1] > powers[0] + 0.2
    for wrong in (["--two-stage", "0/9", "2"], [], ["--looks", "9", "17", "--futility", "0"]):
        assert main(["looks", "ivig-works", *wrong]) == 2


def anchored():
    """Give a trial of two drugs, one given longer than the other, whose endpoint counts from the last infusion."""
    from tests.stranger.test_simulation import both

    protocol, scenario = both()
    end = protocol.visits[-1].name
    assert protocol.visits[-1].anchored
    endpoint = protocol.endpoint.model_copy(update={"visit": end, "secondary_visits": (), "secondary": ()})
    changed = scenario.changed(
        course={"die": 0.05}, dropout={"per_month": 0.1}, treatment={"late": 0.4, "late_days": (1, 5)}
    )
    return protocol.model_copy(
        update={"endpoint": endpoint, "visits": protocol.visits[-1:], "design": None}
    ), changed


def test_windows_after_the_last_infusion_are_those_of_the_tables():
    import pandas as pd

    from pnstrial.engine.kernels import layout as at
    from pnstrial.simulate import patient_records

    protocol, scenario = anchored()
    visit, seen = protocol.visits[0], 0
    for seed in range(3):
        rows = patient_records(protocol, scenario, seed=seed).rows
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        given = trial.infusions[trial.infusions["dose_g"] > 0].groupby("patient_id")["date"]
        for row, patient in zip(rows, trial.enrolled, strict=True):
            last = (given.max()[patient] - given.min()[patient]) / pd.Timedelta(days=1)
            assert row[at.VISIT + at.V_LAST] == last + visit.last_day
            seen += last not in {row[at.LAST_DOSE], 0}
    assert seen > 5  # whose last infusion is one of the other drug


@pytest.mark.parametrize("pause", [False, True])
def test_looks_on_a_visit_after_the_last_infusion_meet_the_exact_answer_and_a_diary(pause):
    protocol, scenario = anchored()
    plan = design.sequential([6, 11, 17], [0, 2, 4], [4, 5, 5])
    found = pns.simulate_looks(protocol, scenario, plan, 1500, seed=3, pause=pause)
    table = found.table.set_index("quantity")
    for quantity in ("success", "decided_on"):
        row = table.loc[quantity]
        assert abs(row["estimate"] - row["exact"]) <= 4 * row["std_error"] + 1e-9, quantity
    sized = scenario.changed(enrolment={"target": 17})
    pauses = (6, 11) if pause else ()
    rule = LooksRule(boundaries_of("test", plan), 0, (0,), pauses)
    patients = pilot_patients(build_model(protocol, sized, everything=True), 60)
    answers = rule(patients)
    last_day, visit = patients.window_end[:, :, 0], protocol.visits[0]
    assert (last_day >= visit.last_day).all()
    for t in range(60):
        people = []
        for i in range(17):
            value, rating = int(patients.value[t, i, 0]), int(patients.rating[t, i, 0])
            death = int(patients.death_day[t, i]) if patients.death_seen[t, i] == 1 else None
            known = int(last_day[t, i]) if value < 0 else int(patients.rating_day[t, i, 0])
            known = known if value in {-1, rating} else death
            people.append(
                {
                    "gap": int(patients.gap[t, i]) / 1024, "lag": int(patients.lag_days[t, i]), "known": known,
                    "responds": bool(patients.response[t, i, 0] == 1), "event": None,
                }
            )  # fmt: skip
        code, look, decided, enrolled, day = diary(people, (6, 11, 17), (0, 2, 4), (4, 5, 5), pauses)
        assert (answers["design_look"][t], answers["design_decided_on"][t]) == (look + 1, decided)
        assert (answers["design_success"][t], answers["design_enrolled"][t]) == (code == 1, enrolled)
        assert answers["design_months"][t] == pytest.approx(day * 12 / 365.25)

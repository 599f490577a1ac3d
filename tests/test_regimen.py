"""Regimens, decisions, visits, arms and scales as a file states them: boundary values on tables of one or two patients."""

import itertools

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import rules
from pnstrial.data import TrialData, TrialDataError
from pnstrial.protocol import Protocol, ProtocolError
from pnstrial.regimen import body_surface
from pnstrial.settings import shared_settings
from pnstrial.vocabulary import Scale

SCALES = [Scale.model_validate(scale) for scale in shared_settings("protocol")["scales"]]
DAY_1 = pd.Timestamp("2024-01-01")


def date(day):
    return (DAY_1 + pd.Timedelta(days=day - 1)).date().isoformat()


def one_patient(protocol, *, infusions=(), scores=(), mrs=(), medications=None, death=None, screening=None):
    """Make a trial of patient A, enrolled on day 1, from rows by study day."""
    first = {
        "patient_id": ["A"],
        "screening_date": [date(1)],
        "enrolment_date": [date(1)],
        **(screening or {}),
    }
    status = {
        "patient_id": ["A"],
        "last_contact_date": [date(death or 400)],
        "status": ["dead" if death else "alive"],
    }
    frames = {
        "screening": pd.DataFrame(first),
        "follow_up": pd.DataFrame({**status, "death_date": [date(death) if death else ""]}),
        "infusions": pd.DataFrame(
            [("A", cycle, date(day), drug, dose) for drug, cycle, day, dose in infusions],
            columns=["patient_id", "cycle", "date", "drug", "dose_g"],
        ),
        "scales": pd.DataFrame(
            [("A", date(day), scale, score) for scale, day, score in scores],
            columns=["patient_id", "date", "scale", "score"],
        ),
        "mrs": pd.DataFrame(
            [("A", date(day), value) for day, value in mrs], columns=["patient_id", "date", "mrs"]
        ),
        "medications": pd.DataFrame(
            [("A", name, why, date(day)) for name, why, day in medications or ()],
            columns=["patient_id", "medication", "indication", "start_date"],
        ),
    }
    return TrialData.from_frames(frames, protocol=protocol)


# ------------------------------------------------------------------------------------------------------- scales
@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_category_and_decision_have_three_equal_forms_on_every_shipped_scale(scale):
    settings = (scale.points(1), scale.dead, 0, scale.zero)
    every = [-1, *scale.units, scale.dead]
    pairs = list(itertools.product([*every[:: max(1, len(every) // 25)], scale.dead], repeat=2))
    plain = [rules.change_category.scalar(*pair, *settings) for pair in pairs]
    rule = rules.change_category_on(scale.dead, settings[0], 0, scale.zero)
    assert rule(*np.array(pairs).T, *settings).tolist() == plain
    assert [rules.change_category.compiled(*pair, *settings) for pair in pairs] == plain
    scores = dict(zip(scale.units, scale.scores, strict=True))
    for (before, after), answer in zip(pairs, plain, strict=True):
        if {before, after} <= scores.keys():
            gain = (scores[after] - scores[before]) * (1 if scale.better == "higher" else -1)
            expected = "improved" if gain >= 1 else "deteriorated" if gain < 0 else "stable"
            assert rules.CATEGORIES[answer] == expected


def test_the_decision_follows_its_table_in_three_forms():
    rows = list(itertools.product((-1, 0, 1, 2), (0, 1), (0, 1), (0, 1), (0, 1)))
    plain = [rules.interim_decision(*row) for row in rows]
    assert rules.interim_decision(*np.array(rows).T).tolist() == plain
    assert [rules.interim_decision.compiled(*row) for row in rows] == plain
    for (category, dead, *table), answer in zip(rows, plain, strict=True):
        expected = 2 if dead else 3 if category == -1 else table[category]
        assert answer == expected


def test_a_grade_that_is_death_stands_on_the_day_of_a_death_only():
    protocol = pns.load_protocol("nct06373211")
    changed = Protocol.from_toml('based_on = "nct06373211"\n[[scales]]\nname = "EDSS"')
    assert changed.scale("EDSS").dead_score == 10
    one_patient(changed, scores=[("EDSS", 5, 9.5), ("EDSS", 90, 10)], death=90)
    with pytest.raises(TrialDataError, match="EDSS 10 is death"):
        one_patient(changed, scores=[("EDSS", 60, 10)], death=90)
    with pytest.raises(TrialDataError, match=r"its grades: 0, 1, 1\.5 to 10 by 0\.5"):
        one_patient(changed, scores=[("EDSS", 5, 0.5)])
    with pytest.raises(TrialDataError, match="must be one of ONLS, Score of Ataxia"):
        one_patient(protocol, scores=[("EDSS", 5, 4)])


def test_a_criterion_reads_the_latest_score_up_to_screening_on_any_scale():
    asked = {"kind": "scale", "label": "b", "maximum": 3}
    protocol = pns.load_protocol().with_criterion("X1", scale="mRS", **asked)
    protocol = protocol.with_criterion("X2", scale="ONLS", **asked)
    trial = one_patient(
        protocol,
        mrs=[(-5, 2)],
        scores=[("ONLS", -5, 3), ("ONLS", 1, 4), ("ONLS", 2, 1)],
        screening={"mrs": [4]},
    )
    criteria = pns.screen(trial, protocol).criteria.set_index("criterion")["status"]
    assert (criteria["X1"], criteria["X2"]) == ("fail", "fail")  # 4 at screening; 4 on the day of screening
    assert (
        pns.screen(one_patient(protocol), protocol).criteria.set_index("criterion")["status"]["X1"]
        == "unknown"
    )


# -------------------------------------------------------------------------------------------------------- drugs
def test_body_surface_by_both_formulas():
    assert body_surface(80, 180, "Mosteller") == pytest.approx(2)
    assert body_surface(70, 170, "Du Bois") == pytest.approx(0.007184 * 70**0.425 * 170**0.725)
    with pytest.raises(ValueError, match="both must be over 0"):
        body_surface(0, 170, "Du Bois")
    with pytest.raises(ValueError, match="allowed are 'Mosteller' and 'Du Bois'"):
        body_surface(70, 170, "Haycock")


def test_a_drug_that_does_not_count_is_summed_up_and_not_asked():
    protocol = pns.load_protocol("nct06373211")
    only = protocol.with_settings(
        treatment={
            "drugs": [
                {"name": "cyclophosphamide", "counts": False},
                {"name": "methylprednisolone", "counts": False},
            ]
        }
    )
    given = [("IVIg", cycle, 1 + 28 * cycle - 28 + day, 28) for cycle in (1, 2, 3) for day in range(5)]
    for asked, stopped in ((protocol, 1), (only, 0)):
        trial = one_patient(asked, infusions=given, screening={"weight_kg": [70]})
        assert pns.endpoints.responders(trial, asked)["stopped"].tolist() == [stopped]
        assert len(pns.exposure.summarise(trial, asked).drugs) == 3
    assert "methylprednisolone" not in " ".join(pns.endpoints.analysis_sets(trial, only).reasons["reason"])


def test_without_a_stated_dose_the_planned_amount_is_unknown_and_nothing_deviates():
    protocol = pns.load_protocol("sirolimus-2015")
    trial = one_patient(protocol, infusions=[("sirolimus", 1, 1, 0.1), ("", 2, 29, 0.2)])
    exposure = pns.exposure.summarise(trial, protocol)
    assert exposure.cycles["planned_g"].isna().all()
    assert exposure.cycles["dose_as_planned"].tolist() == [None, None]
    assert exposure.patients[["relative_dose_intensity", "share_of_course"]].isna().all(axis=None)
    assert exposure.deviations.empty
    assert "a dose" not in " ".join(pns.endpoints.analysis_sets(trial, protocol).reasons["reason"])
    plan = pns.exposure.plan_treatment(70, "2026-01-05", protocol)
    assert "not stated" in str(plan)
    assert plan.decision_day is None


@pytest.mark.parametrize(
    ("dose", "weights"), [(1, [70.0, np.nan]), (0, [90.0, 70.0])], ids=["given", "not given"]
)
def test_one_weight_a_day_holds_for_every_drug_if_the_infusion_was_given(dose, weights):
    protocol = pns.load_protocol("nct06373211")
    trial = one_patient(protocol, infusions=[("cyclophosphamide", 1, 1, dose), ("IVIg", 1, 1, 28)])
    frame = trial.infusions.assign(weight_kg=weights)
    trial = TrialData.from_frames({"screening": trial.screening, "infusions": frame}, protocol=protocol)
    cycles = pns.exposure.given_cycles(trial, protocol).set_index("drug")
    assert cycles.loc["IVIg", "planned_g"] == 140
    assert "methylprednisolone" not in cycles.index
    assert cycles["planned_g"].drop("IVIg").tolist() == [1] * dose


@pytest.mark.parametrize(
    ("medication", "indication", "day", "drug"),
    [
        ("Endoxan", "pns", 1, "cyclophosphamide"),  # its class, on one of its days
        ("Endoxan", "pns", 2, None),  # another day: its class decides
        ("Solu-Medrol", "pns", 3, "methylprednisolone"),  # by another name of the drug
        ("prednisone", "pns", 1, None),  # the same class, and not the drug
        ("privigen", "", 29, "IVIg"),
        ("cyclophosphamide", "trial", 200, "cyclophosphamide"),
    ],
)
def test_a_record_of_a_drug_of_the_trial(medication, indication, day, drug):
    protocol = pns.load_protocol("nct06373211")
    given = [
        ("cyclophosphamide", 1, 1, 1),
        *(("methylprednisolone", 1, d, 1) for d in (1, 2, 3)),
        ("IVIg", 2, 29, 28),
    ]
    trial = one_patient(protocol, infusions=given, medications=[(medication, indication, day)])
    record = pns.eligibility.classify_medications(trial, protocol).iloc[0]
    assert (record["drug"], record["trial_own"]) == (drug, drug is not None)
    assert record["counts_as_rescue"] == (drug is None)


# --------------------------------------------------------------------------------------- visits, decision, arms
def test_weeks_are_days_and_a_window_from_the_last_infusion_counts_its_day_as_0():
    sirolimus, natalizumab = pns.load_protocol("sirolimus-2015"), pns.load_protocol("natalizumab-2021")
    week = sirolimus.visit("Week 8")
    assert (week.target_day, week.first_day, week.last_day) == (57, 50, 64)
    given = [("natalizumab", 1, 1, 0.3), ("natalizumab", 2, 29, 0.3)]  # the window is day 43 to 71
    for day, seen in ((42, "missing"), (43, "observed"), (71, "observed"), (72, "missing")):
        trial = one_patient(natalizumab, infusions=given, mrs=[(1, 3), (day, 2)])
        assert pns.visits.derive(trial, natalizumab)["derivation"].tolist() == [seen]
    for day, seen in (
        (57, "DEATH"),
        (58, "observed"),
        (71, "observed"),
    ):  # a rating on day 50; the target is day 57
        trial = one_patient(natalizumab, infusions=given, mrs=[(1, 3), (50, 2)], death=day)
        assert pns.visits.derive(trial, natalizumab)["derivation"].tolist() == [seen]
    with pytest.raises(ProtocolError, match="which counts from the last infusion"):
        Protocol.from_toml(
            'based_on = "natalizumab-2021"\n[decision]\nvisit = "Last treatment visit"\nfollow_up_day = 100\n'
            'source = { visit = "assumed", follow_up_day = "assumed" }'
        )


def test_a_decision_by_its_own_table_and_on_its_own_scale():
    first = pns.load_protocol()
    strict = first.with_settings(decision={"stable": "discontinue"})
    other = first.with_settings(decision={"scale": "ONLS", "improvement_points": 2})
    trial = one_patient(
        first, infusions=[("", 1, 1, 28)], mrs=[(1, 3), (85, 3)], scores=[("ONLS", 1, 5), ("ONLS", 85, 6)]
    )
    decided = [pns.visits.decisions(trial, asked)["decision"].tolist() for asked in (first, strict, other)]
    assert decided == [["continue"], ["discontinue"], ["discontinue"]]
    assert pns.primary_endpoint(trial, other).responders == pns.primary_endpoint(trial, first).responders
    plan = pns.exposure.plan_treatment(70, "2026-01-05", strict).to_frame()
    assert plan["condition"].tolist() == ["always"] * 3 + ["if Month 3 is improved"] * 3


def test_arms_are_words_of_a_column_and_nothing_is_compared(tmp_path):
    text = 'based_on = "nct06373211"\n' + "".join(
        f'[[arms]]\nname = "{name}"\nsource = "assumed"\n' for name in "AB"
    )
    protocol = Protocol.from_toml(text)
    assert one_patient(protocol, screening={"arm": ["b"]}).screening["arm"].tolist() == ["B"]
    with pytest.raises(TrialDataError, match="must be one of A, B"):
        one_patient(protocol, screening={"arm": ["C"]})
    header = pns.data.write_template(tmp_path / "t", protocol)[0].read_text()
    assert header.strip().endswith(",arm")


def test_one_stage_designs_leave_the_exact_test_and_two_stages_replace_it():
    first = pns.load_protocol().with_settings(endpoint={"null_proportion": 0.1})
    trial = pns.example_trial()
    plain = pns.primary_endpoint(trial, first)
    same = pns.primary_endpoint(trial, first.with_settings(design={"n": 18, "alpha": 0.05}))
    assert (same.p_value, same.ci, same.method) == (plain.p_value, plain.ci, "Clopper-Pearson")
    stages = {"n": 29, "first_stage_n": 10, "first_stage_stop_at": 1, "reject_at": 6}
    two = pns.primary_endpoint(trial, first.with_settings(design=stages))
    assert two.p_value != plain.p_value
    with pytest.raises(ProtocolError, match="a two-stage design needs reject_at"):
        first.with_settings(design={"n": 29, "first_stage_n": 10, "first_stage_stop_at": 1})

"""The tables of a simulated trial show the patients that the kernel counts."""

import numpy as np
import pytest

import pnstrial as pns
from pnstrial import rules, visits
from pnstrial.engine.kernels import layout as at
from pnstrial.simulate import patient_records

PROTOCOL = pns.load_protocol("nct02343211")
HU = pns.load_scenario("anti-hu").changed(
    adverse_events={"per_infusion": 0.15, "stop": 0.1},
    dropout={"per_month": 0.05},
    rescue={"per_month": 0.04},
)
ESTIMANDS = (
    {},
    {"missing": "LOCF", "rescue": "treatment policy"},
    {"stopped": "while on treatment", "missing": "LOCF"},
    {"death": "exclude", "missing": "exclude", "stopped": "composite"},
    {"missing": "best case", "stopped": "while on treatment"},
)


def in_order_of_screening(rows):
    return rows[np.argsort(rows[:, at.SCREENED_DAY], kind="stable")]


@pytest.mark.double
@pytest.mark.parametrize(
    "numbers", [range(50), pytest.param(range(50, 500), marks=pytest.mark.long)], ids=str
)
def test_table_path_equals_kernel_path_patient_by_patient(numbers):
    for number in numbers:
        protocol = PROTOCOL.with_estimand(**ESTIMANDS[number % 5]) if ESTIMANDS[number % 5] else PROTOCOL
        trial = pns.simulate_trial(protocol, HU, seed=7, trial=number)
        rows = in_order_of_screening(patient_records(protocol, HU, 7, number).rows)
        assert not [finding for finding in trial.findings if finding.severity == "error"]
        derived = visits.derive(trial, protocol)
        decided = visits.decisions(trial, protocol)
        assert decided["decision"].tolist() == [rules.DECISIONS[code] for code in rows[:, at.DECISION]]
        for v, visit in enumerate(protocol.visits):
            here = at.VISIT + v * at.VISIT_WIDTH
            mine = derived[derived["visit"] == visit.name]
            assert visits.codes(mine["mrs"]).tolist() == rows[:, here + at.V_VALUE].tolist()
            assert visits.category_codes(mine["category"]).tolist() == rows[:, here + at.V_CATEGORY].tolist()
            if number % 2 != v:
                continue
            result = pns.primary_endpoint(trial, protocol, visit=visit.name)
            assert result.patients["reason"].tolist() == [
                rules.reasons(3)[code] for code in rows[:, here + at.V_REASON]
            ]
            assert result.responders == int((rows[:, here + at.V_ANSWER] == 1).sum())


def test_kernel_counts_the_rows_that_the_tables_show():
    result = pns.simulate_trials(PROTOCOL, HU, n_trials=30, seed=7)
    endpoint = at.VISIT
    counts = [
        int((patient_records(PROTOCOL, HU, 7, t).rows[:, endpoint + at.V_ANSWER] == 1).sum())
        for t in range(30)
    ]
    assert result.responders.tolist() == np.bincount(counts, minlength=18).tolist()


def test_tables_pass_the_checks_and_go_through_a_folder(tmp_path):
    trial = pns.simulate_trial(PROTOCOL, HU, seed=2)
    pns.write_trial(trial, tmp_path / "trial")
    again = pns.read_trial(tmp_path / "trial")
    assert not [finding for finding in again.findings if finding.severity == "error"]
    screened = pns.screen(trial, PROTOCOL)
    enrolled = trial.screening.loc[trial.screening["enrolment_date"].notna(), "patient_id"]
    overall = screened.overall.set_index("patient_id")["overall"]
    assert set(overall[enrolled]) == {"eligible"}
    assert set(overall.drop(enrolled)) <= {"ineligible", "undetermined"}


@pytest.mark.parametrize("name", ["nct02343211", "nct02343211-registry"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_findings_under_either_protocol(name, seed):
    protocol = pns.load_protocol(name)
    scenario = HU.changed(
        enrolment={"failures": {c.id: 0.03 for c in protocol.criteria if c.id not in {"I2", "I4"}}}
    )
    trial = pns.simulate_trial(protocol, scenario, seed=seed)
    assert not [finding for finding in trial.findings if finding.severity == "error"]


def test_truth_is_beside_the_tables():
    trial = pns.simulate_trial(PROTOCOL, HU, seed=4)
    patients = trial.truth["patients"].set_index("patient_id")
    dead = trial.follow_up.set_index("patient_id")["status"] == "dead"
    assert dead[patients.index].tolist() == patients["death_seen"].tolist()
    assert trial.synthetic
    assert set(trial.truth["visits"]["visit"]) == {"Month 3", "Month 6"}


def test_same_seed_same_trial_and_bad_numbers_are_refused():
    first, second = (pns.simulate_trial(PROTOCOL, HU, seed=9, trial=5000) for _ in range(2))
    assert first.mrs.equals(second.mrs)
    assert not first.mrs.equals(pns.simulate_trial(PROTOCOL, HU, seed=9, trial=5001).mrs)
    for settings in ({"seed": -1}, {"trial": -1}, {"seed": 1.5}):
        with pytest.raises(ValueError, match="must be a whole number"):
            pns.simulate_trial(PROTOCOL, HU, **settings)


def test_global_random_state_is_left_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    pns.simulate_trial(PROTOCOL, HU, seed=1)
    pns.simulate_trials(PROTOCOL, HU, n_trials=10)
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.double
def test_tests_of_the_kernel_are_those_of_the_analyses():
    from pnstrial.shift import sign_test, signed_rank

    for scenario in (HU, HU.changed(course={"improve": (0, 0.5, 0.5, 0.5, 0.5, 0.5)})):
        for number in range(12):
            one = rejects(scenario, number)
            rows = patient_records(PROTOCOL, scenario, 3, number).rows
            value = rows[:, at.VISIT + at.V_VALUE]
            seen = value >= 0
            before, after = rows[seen, at.BASELINE], value[seen]
            p = signed_rank(before, after).p_value
            better = (before - after).sum() > 0
            assert one["power_signed_rank"] + one["signed_rank_worse"] == float(p <= 0.05), (number, better)
            assert one["power_sign_test"] == float(
                sign_test(before, after).p_value <= 0.05 and (before > after).sum() > (before < after).sum()
            )


@pytest.mark.double
def test_survival_of_the_tables_is_that_of_the_kernel():
    from scipy.special import ndtri

    from pnstrial.survival import Reference, one_sample_logrank

    null = HU.survival_null
    curve = Reference.weibull(null.shape, null.scale_months).rescaled(365.25 / 12)
    rejected = 0
    for number in range(40):
        one = rejects(HU, number)
        records = pns.overall_survival(
            pns.simulate_trial(PROTOCOL, HU, seed=3, trial=number), PROTOCOL
        ).records
        found = one_sample_logrank(records["days"], records["event"], curve)
        assert found.observed == one["deaths"]
        assert one["power_logrank"] == float(found.z <= ndtri(null.alpha)), number
        rejected += one["power_logrank"]
    assert 0 < rejected < 40


def rejects(scenario, number):
    """Run one trial through the counting kernel."""
    from pnstrial.engine.blocks import working_space
    from pnstrial.engine.kernels.quantities import QUANTITIES as ALL
    from pnstrial.engine.kernels.trial import block
    from pnstrial.engine.model import build_model
    from pnstrial.engine.tables import block_key

    model = build_model(PROTOCOL, scenario)
    sums, counts = np.zeros((3, len(ALL))), np.zeros(18, np.int64)
    block(
        block_key(3, 0), number, 1, model.whole, model.real, model.words, model.success.minimum, model.covered,
        model.sign_limit, model.hazard, *working_space(model), sums, counts, np.empty(0, np.int64),
        np.empty((0, 0, 0), np.int32), np.empty((0, 0)),
    )  # fmt: skip
    return {name: sums[0, q] for q, (name, _) in enumerate(ALL)}


EVERY_PART = HU.changed(
    course={
        "classes": [{"name": "fast", "share": 0.4, "worsen": 2}, {"name": "slow", "share": 0.6, "worsen": 0.5}],
        "damage": {"per_month": 0.1, "share": 0.1}, "rescue": {"improve": 3}, "tumour_treatment": {"worsen": 0.5},
    },
    rescue={"after_worse_rating": 0.3}, baseline={"tumour_treatment_per_month": 0.2},
    enrolment={"course_before_day_1": True, "day_1_lag_days": (20, 28)}, dropout={"ratios": {"worse": 3}},
    visits={"missed_ratios": {"worse": 3}},
)  # fmt: skip


@pytest.mark.double
def test_tables_show_every_part_of_the_model():
    died = started = 0
    for number in range(6):
        trial = pns.simulate_trial(PROTOCOL, EVERY_PART, seed=7, trial=number)
        assert not [finding for finding in trial.findings if finding.severity == "error"]
        rows = in_order_of_screening(patient_records(PROTOCOL, EVERY_PART, 7, number).rows)
        result = pns.primary_endpoint(trial, PROTOCOL)
        answers = rows[:, at.VISIT + at.V_ANSWER]
        assert result.responders == int((answers == 1).sum())
        assert result.patients["reason"].tolist() == [
            rules.reasons(3)[code] for code in rows[:, at.VISIT + at.V_REASON]
        ]
        truth = trial.truth["patients"]
        assert set(truth["group"]) <= {"fast", "slow"}
        late = truth.loc[truth["tumour_treatment_day"].notna() & ~truth["tumour_treatment"]]
        started += len(late)
        follow_up = trial.follow_up.set_index("patient_id")
        not_enrolled = trial.screening.loc[trial.screening["enrolment_date"].isna(), "patient_id"]
        died += int((follow_up["status"].reindex(not_enrolled) == "dead").sum())
    assert started > 8
    assert died >= 1

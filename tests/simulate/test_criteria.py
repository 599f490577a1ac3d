"""A simulated screen failure fails the criterion it was drawn for, whatever the criterion is called."""

import pytest

import pnstrial as pns
from pnstrial.engine.model import build_model
from pnstrial.engine.strata import allowed_grades
from pnstrial.simulate import ScenarioError, patient_records

HU = pns.load_scenario("anti-hu")


def renamed(protocol):
    criteria = tuple(c.model_copy(update={"id": f"Q{k}"}) for k, c in enumerate(protocol.criteria))
    return protocol.model_copy(update={"criteria": criteria})


def changed(protocol, **criteria):
    """Other settings of criteria, by kind."""
    made = tuple(c.model_copy(update=criteria.get(c.kind, {})) for c in protocol.criteria)
    return protocol.model_copy(update={"criteria": made})


def failing(protocol, identifier):
    return HU.changed(enrolment={"failures": {identifier: 0.9}, "target": 2})


@pytest.mark.parametrize("rename", [False, True])
@pytest.mark.parametrize("name", ["nct02343211", "nct02343211-registry"])
def test_every_criterion_can_be_failed_and_fails_alone(name, rename):
    protocol = pns.load_protocol(name)
    protocol = renamed(protocol) if rename else protocol
    by_itself = {
        c.id for c in protocol.criteria if c.kind == "antibody" or (c.kind == "range" and c.column == "mrs")
    }
    for criterion in protocol.criteria:
        scenario = failing(protocol, criterion.id)
        trial = pns.simulate_trial(protocol, scenario, seed=3)
        screened = pns.screen(trial, protocol)
        table = screened.criteria.pivot(index="patient_id", columns="criterion", values="status")
        overall = screened.overall.set_index("patient_id")["overall"]
        enrolled = trial.screening.set_index("patient_id")["enrolment_date"].notna()
        assert (overall[enrolled] == "eligible").all()
        assert (overall[~enrolled] == "ineligible").all(), criterion.id
        failed = table[~enrolled] == "fail"
        assert failed.sum(axis=1).eq(1).all(), criterion.id
        assert set(failed.columns[failed.any()]) <= by_itself | {criterion.id}
        assert failed[criterion.id].sum() >= 5
        assert not [finding for finding in trial.findings if finding.severity == "error"]


def test_limits_come_from_the_criterion():
    protocol = pns.load_protocol("nct02343211-registry")
    strict = changed(
        protocol, creatinine_clearance={"minimum_ml_min": 75.0}, onset={"within_months": 2},
        none_of={"columns": ("thrombophilia",)},
    )  # fmt: skip
    for identifier in ("E4", "I3"):
        trial = pns.simulate_trial(strict, failing(strict, identifier), seed=5)
        overall = pns.screen(trial, strict).overall.set_index("patient_id")["overall"]
        enrolled = trial.screening.set_index("patient_id")["enrolment_date"].notna()
        assert (overall[enrolled] == "eligible").all()
        assert (overall[~enrolled] == "ineligible").all()


def test_two_ranges_on_one_column_and_a_range_on_weight_hold_for_the_enrolled():
    protocol = pns.load_protocol("nct02343211-registry")
    age = next(c for c in protocol.criteria if c.kind == "range" and c.column == "age")
    more = (
        age.model_copy(update={"id": "W", "column": "weight_kg", "minimum": 60.0, "maximum": 75.0}),
        age.model_copy(update={"id": "A", "minimum": 60.0, "maximum": 62.0}),
        age.model_copy(update={"id": "M", "column": "mrs", "minimum": 3.0}),
    )
    protocol = protocol.model_copy(update={"criteria": protocol.criteria + more})
    assert allowed_grades(protocol) == (3, 4)
    trial = pns.simulate_trial(protocol, HU, seed=1)
    screened = pns.screen(trial, protocol)
    enrolled = trial.screening.set_index("patient_id")["enrolment_date"].notna()
    assert (screened.overall.set_index("patient_id")["overall"][enrolled] == "eligible").all()
    assert set(patient_records(protocol, HU, 1).rows[:, 6]) <= set(range(60, 76))


def test_patients_whom_no_criterion_lets_in_are_not_enrolled():
    protocol = pns.load_protocol("nct02343211")
    only_yo = changed(protocol, antibody={"any_of": ("Yo",)})
    with pytest.raises(ScenarioError, match=r"fewer than 1 in 1000.*baseline\.antibody.*allows Yo"):
        build_model(only_yo, HU)
    mixed = HU.changed(baseline={"antibody": {"Hu": 0.5, "Yo": 0.5}}, enrolment={"antibody_test": {}})
    assert {s.antibody for s in build_model(only_yo, mixed).strata} == {"Yo"}
    share = build_model(protocol, mixed).enrolled_share
    assert build_model(only_yo, mixed).enrolled_share == pytest.approx(share / 2)
    early = changed(protocol, onset={"within_months": 4})
    assert {s.onset_months for s in build_model(early, HU).strata} == {1, 3}
    assert build_model(early, HU).enrolled_share == pytest.approx(
        0.7 * build_model(protocol, HU).enrolled_share
    )
    apart = changed(protocol, range={"minimum": 4.0, "maximum": 2.0})
    with pytest.raises(ScenarioError, match="exclude each other"):
        build_model(apart, HU)


def test_without_a_criterion_on_antibodies_everybody_may_enter():
    protocol = pns.load_protocol("nct02343211")
    free = protocol.model_copy(
        update={"criteria": tuple(c for c in protocol.criteria if c.kind != "antibody")}
    )
    model = build_model(free, HU)
    assert sum(s.share for s in model.strata) == pytest.approx(1)
    assert sum(s.share for s in model.strata if s.antibody is None) == pytest.approx(0.1)

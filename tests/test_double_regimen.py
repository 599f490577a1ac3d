"""Several drugs, any scale, joined endpoints, visits after the last infusion: programmed a second time, and equal."""

import itertools
import json
import math
from pathlib import Path

import pytest

import pnstrial as pns

from .double import findings_regimen, regimen_folders, regimen_second
from .stranger.trial import PROTOCOL

pytestmark = pytest.mark.double

SHIPPED = Path(pns.__file__).parent / "protocols"
PLANS = {
    **{name: SHIPPED / f"{name}.toml" for name in ("nct06373211", "sirolimus-2015", "natalizumab-2021")},
    "hand": PROTOCOL,
}
WAYS = tuple(
    dict(zip(("death", "rescue", "stopped", "missing"), ways, strict=True))
    for ways in itertools.product(
        ("composite", "exclude"),
        ("composite", "treatment policy"),
        ("treatment policy", "composite", "while on treatment"),
        ("non-responder", "LOCF", "exclude", "best case"),
    )
)


def equal(one, other):
    first, second = (math.nan if value is None else float(value) for value in (one, other))
    return (math.isnan(first) and math.isnan(second)) or math.isclose(first, second, rel_tol=1e-9)


@pytest.fixture(scope="module", params=list(itertools.product(PLANS, (1, 2))), ids=str)
def both(request, tmp_path_factory):
    name, seed = request.param
    path = PLANS[name]
    if seed == 2:  # the parts of an endpoint are joined the other way
        path = tmp_path_factory.mktemp("any") / path.name
        path.write_text(PLANS[name].read_text().replace('combine = "all"', 'combine = "any"'))
    plan = regimen_second.load_plan(path)
    texts = regimen_folders.folder(plan, seed)
    folder = tmp_path_factory.mktemp(name)
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    protocol = pns.load_protocol(path)
    assessments = pns.visits.Assessments(pns.read_trial(folder, protocol), protocol)
    return assessments, regimen_second.patients_of(plan, texts)


def test_every_estimand_gives_the_same_answer_for_every_patient(both):
    assessments, second = both
    seen = set()
    for ways in WAYS:
        asked = assessments.protocol.with_estimand(**ways).estimand
        frame = pns.endpoints.responders_of(assessments, None, asked)
        got = dict(zip(frame["patient_id"], frame["response"], strict=True))
        words = {True: "responder", False: "non-responder", None: "excluded"}
        expected = {patient.id: words[patient.response(ways)] for patient in second}
        assert got == expected, ways
        seen |= set(expected.values())
    assert seen == {"responder", "non-responder", "excluded"}


def test_cycles_of_every_drug(both):
    assessments, second = both
    exposure = pns.exposure.summarise(assessments.trial, assessments.protocol)
    drugs = exposure.drugs.set_index(["patient_id", "drug"])
    cycles = {(row.patient_id, row.drug, row.cycle): row for row in exposure.cycles.itertuples()}
    count = 0
    for patient in second:
        for drug in patient.plan["treatment"]["drugs"]:
            for number, expected in patient.cycles(drug).items():
                row = cycles[patient.id, drug["name"], number]
                count += 1
                assert equal(row.planned_g, expected["planned"])
                assert equal(row.given_g, expected["given"])
                assert (row.days, row.start.date()) == (expected["days"], expected["start"])
                assert (row.on_time, row.dose_as_planned) == (expected["on_time"], expected["as_planned"])
            got = drugs.loc[(patient.id, drug["name"]), "relative_dose_intensity"]
            assert equal(got, patient.intensity(drug)), (patient.id, drug["name"])
        assert bool(assessments.required_given[patient.id]) == patient.complete()
    assert count == len(cycles)


def test_secondary_endpoints_and_values_at_visits(both):
    assessments, second = both
    frame = assessments.visit_values.frame.set_index(["patient_id", "visit"])
    scale = assessments.scale
    for patient in second:
        for visit in patient.plan["visits"]:
            value, date, derivation = patient.at(visit, scale.name)
            row = frame.loc[(patient.id, visit["name"])]
            assert row["derivation"] == derivation
            assert date is None or row["date"].date() == date
            assert value is None or patient.lost(scale.name, row[scale.column]) == value
    table = pns.endpoints.secondary_endpoints(assessments.trial, assessments.protocol).set_index("name")
    for outcome in second[0].plan["endpoint"].get("secondary", []):
        answers = []
        for patient in second:
            value, _, derivation = patient.at(patient.visit_named(outcome["visit"]), outcome["scale"])
            answers.append(patient.holds(outcome, value, dead=derivation == "DEATH"))
        row = table.loc[outcome["name"]]
        assert (row["responders"], row["n"]) == (answers.count(True), len(answers) - answers.count(None))


def test_everything_else_is_derived_and_printed(both):
    assessments, second = both
    analysis = pns.analyse(assessments.trial, assessments.protocol).run()
    assert json.dumps(analysis.to_json_object(), allow_nan=False)
    assert "nan" not in str(analysis)
    assert len(analysis.decisions) == 0
    assert len(analysis.exposure.patients) == len(second)


@pytest.mark.parametrize("errors", [False, True], ids=["warnings", "errors"])
@pytest.mark.parametrize("name", ["nct06373211", "hand"])
def test_findings_on_the_infusions_of_several_drugs(name, errors, tmp_path):
    plan = regimen_second.load_plan(PLANS[name])
    texts = findings_regimen.edges(plan, regimen_folders.folder(plan, 5, n=50), errors=errors)
    for file, text in texts.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    severity = "error" if errors else "warning"
    left = [
        finding
        for finding in pns.check_trial(tmp_path, pns.load_protocol(PLANS[name]))
        if finding.file == "infusions.csv" and finding.severity == severity
    ]
    # what dates and weights of the screening table say stands in the program for one drug
    left = [
        finding
        for finding in left
        if not finding.rule.startswith(("a date is expected", "a weight is expected from"))
    ]
    missing = []
    for lines, column, kind, words in findings_regimen.findings(plan, texts):
        if kind != severity:
            continue
        hit = next((f for f in left if f.line in lines and f.column == column and words in f.rule), None)
        if hit is None:
            missing.append((lines, column, words))
        else:
            left.remove(hit)
    assert missing == []
    assert left == []

"""The rules, programmed a second time from their text only: every value and every finding agrees."""

import itertools

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.analysis import analyse
from pnstrial.checks import check_trial
from pnstrial.results import NotEstimable

from .double import findings_second, folders, mutations, rules_second
from .test_reference_trial import PROTOCOLS, differences

pytestmark = pytest.mark.double

ESTIMANDS = (
    {},
    {"death": "exclude"},
    {"rescue": "treatment policy"},
    {"stopped": "composite"},
    {"stopped": "while on treatment"},
    {"missing": "LOCF"},
    {"missing": "exclude"},
    {"missing": "best case"},
)
FOLDERS = {
    "every edge": folders.edge_folder,
    "other seed": lambda: folders.edge_folder(9, 150),
    "no medications": folders.without_medications,
    "screening alone": folders.screening_alone,
    "clean": folders.clean_folder,
}


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("rules", PROTOCOLS)
def test_values(tmp_path, name, rules):
    texts = folders.as_texts(FOLDERS[name]())
    folders.write(texts, tmp_path)
    trial, protocol = pns.read_trial(tmp_path), pns.load_protocol(PROTOCOLS[rules])
    patients = rules_second.patients_of(texts, rules)
    whole = True
    for estimand, visit in itertools.product(ESTIMANDS, ("Month 3", "Month 6")):
        second = rules_second.analyse(
            texts, rules, estimand=estimand, visit=visit, null=0.1, patients=patients
        )
        analysis = analyse(trial, protocol, estimand=estimand, visit=visit, null=0.1)
        if whole:
            got = analysis.to_json_object()
            assert differences({key: got[key] for key in second}, second) == []
        whole = False
        from pnstrial.analysis import _response_object

        assert (
            differences(_response_object(analysis.primary), second["primary"], f"/{estimand}/{visit}") == []
        )


@pytest.mark.parametrize("name", ["every edge", "clean", "screening alone"])
@pytest.mark.parametrize(("scale", "points"), [("ONLS", 1), ("ONLS", 3), ("Barthel", 5), ("ICARS", 2)])
def test_values_on_another_scale(tmp_path, protocol, name, scale, points):
    """The endpoint on a collected scale: same rules, its own ratings, no screening value, death beyond the worst."""
    texts = folders.as_texts(FOLDERS[name]())
    folders.write(texts, tmp_path)
    trial = pns.read_trial(tmp_path)
    asked = protocol.with_settings(endpoint={"scale": scale, "improvement_points": points})
    second = rules_second.patients_on_scale(texts, scale, points)
    direction, highest = rules_second.SCALES[scale]
    for estimand, visit in itertools.product(ESTIMANDS, ("Month 3", "Month 6")):
        ways = {**rules_second.ESTIMAND, **estimand}
        expected = rules_second.endpoint(second, visit, ways, None)
        got = pns.primary_endpoint(trial, asked, visit=visit, estimand=estimand)
        count = None if isinstance(got.responders, NotEstimable) else got.responders
        assert (count, got.n) == (expected["responders"], expected["n"]), (estimand, visit)
    frame = pns.visits.derive(trial, asked).set_index(["patient_id", "visit"])
    decisions = pns.visits.decisions(trial, asked).set_index("patient_id")["decision"]
    times = pns.endpoints.time_to_event(trial, asked).set_index(["parameter", "patient_id"])
    for patient in second:
        for visit in ("Month 3", "Month 6"):
            value, date, derivation = patient.visit(visit)
            row = frame.loc[patient.id, visit]
            lost = highest - row["score"] if direction == "higher" else row["score"]
            assert (row["derivation"], row["category"]) == (derivation, patient.category(value))
            assert pd.isna(lost) if derivation != "observed" else lost == value
            assert pd.isna(row["date"]) if date is None else row["date"].date() == date
        assert decisions[patient.id] == patient.decision()["decision"]
        for parameter, worse in (("deterioration", True), ("improvement", False)):
            found = patient.time_to(worse=worse)
            if found is None:
                assert (parameter, patient.id) not in times.index
            else:
                assert times.loc[(parameter, patient.id), ["days", "event"]].to_dict() == found


@pytest.mark.parametrize("name", FOLDERS)
def test_findings(tmp_path, protocol, name):
    texts = folders.as_texts(FOLDERS[name]())
    folders.write(texts, tmp_path)
    left = [finding.as_dict() for finding in check_trial(tmp_path, protocol)]
    missing = []
    for expected in findings_second.findings(texts):
        hit = next((finding for finding in left if expected.matches(finding)), None)
        if hit is not None:
            left.remove(hit)
        elif expected.sure:
            missing.append(expected)
    assert missing == []
    assert left == []


def mutated(example_folder, every, start=0):
    sources = {"example": (mutations.load(example_folder), False), "clean": (folders.clean_folder(), True)}
    for key, (folder, clean) in sources.items():
        found = mutations.findings_mutations(key, folder, clean=clean)
        yield from found[start::every]


def check_mutations(tmp_path, protocol, chosen):
    wrong = []
    for number, mutation in enumerate(chosen):
        where = tmp_path / str(number)
        where.mkdir()
        folders.write(mutation.texts(), where)
        got = [finding.as_dict() for finding in check_trial(where, protocol)]
        if not any(mutation.expected.matches(finding) for finding in got):
            wrong.append((str(mutation), mutation.expected))
    assert wrong == []


@pytest.mark.parametrize("start", range(4))
def test_a_twelfth_of_the_mutations(tmp_path, example_folder, protocol, start):
    check_mutations(tmp_path, protocol, mutated(example_folder, 48, 12 * start))


@pytest.mark.long
def test_all_mutations(tmp_path, example_folder, protocol):
    check_mutations(tmp_path, protocol, mutated(example_folder, 1))


@pytest.mark.parametrize("part", ["every third", pytest.param("all", marks=pytest.mark.long)])
def test_harmless_changes_change_nothing(tmp_path, example_folder, protocol, part):
    folder = mutations.load(example_folder)
    plain = analyse(pns.read_trial(example_folder), protocol).to_json_object()
    plain.pop("findings")
    for number, mutation in enumerate(mutations.harmless("example", folder)):
        if part == "every third" and number % 3:
            continue
        where = tmp_path / str(number)
        where.mkdir()
        folders.write(mutation.texts(), where)
        got = analyse(pns.read_trial(where), protocol).to_json_object()
        got.pop("findings")
        if "order" in str(mutation) or "row" in str(mutation):
            got["sets"] = {k: sorted(v) for k, v in got["sets"].items()}
            plain["sets"] = {k: sorted(v) for k, v in plain["sets"].items()}
        assert differences(got, plain) == [], str(mutation)

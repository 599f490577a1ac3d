"""Eligibility: each criterion at its edges, and the vocabulary of medications."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnstrial import eligibility
from pnstrial.eligibility import creatinine_clearance, medication_classes, screen
from pnstrial.protocol import ProtocolError


def status(trial, protocol, criterion):
    criteria = screen(trial, protocol).criteria.set_index("criterion")
    return criteria.loc[criterion, "status"]


@pytest.mark.parametrize(
    ("onset", "screening", "expected"),
    [
        ("2013-09-01", "2014-03-01", "pass"),
        ("2013-08-31", "2014-03-01", "fail"),
        ("2013-08-31", "2014-02-28", "pass"),
        ("2015-08-31", "2016-02-29", "pass"),
        ("2013-09", "2014-03-01", "pass"),
        ("2013-08", "2014-02-15", "unknown"),
        ("2013", "2014-03-01", "unknown"),
        ("2012", "2014-03-01", "fail"),
        ("2014", "2014-03-01", "pass"),
        ("2014-02-28", "2014-03-01", "pass"),
        ("2014-03-01", "2014-03-01", "pass"),
        ("2014-03-02", "2014-03-01", "unknown"),
        ("", "2014-03-01", "unknown"),
    ],
)
def test_onset_within_six_months(tiny, protocol, onset, screening, expected):
    trial = tiny(screening=[{"symptom_onset_date": onset, "screening_date": screening}])
    assert status(trial, protocol, "I3") == expected


@pytest.mark.parametrize(
    ("serum", "csf", "expected"),
    [
        ("Hu", "", "pass"),
        ("none", "CRMP5", "pass"),
        ("Ri;Ma2", "none", "fail"),
        ("none", "", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_antibodies_are_a_three_valued_or(tiny, protocol, serum, csf, expected):
    trial = tiny(screening=[{"antibody_serum": serum, "antibody_csf": csf}])
    assert status(trial, protocol, "I2") == expected


@pytest.mark.parametrize(
    ("creatinine", "weight", "expected"),
    [
        (265.2, 72, "fail"),
        (235.7, 72, "pass"),
        (20, 72, "unknown"),
        (265.2, 20, "unknown"),
        ("", 72, "unknown"),
    ],
)
def test_clearance(tiny, protocol, creatinine, weight, expected):
    row = {"age": 60, "sex": "male", "weight_kg": weight, "creatinine_umol_l": creatinine}
    assert status(tiny(screening=[row]), protocol, "E4") == expected


def test_clearance_on_its_limit_passes(tiny, protocol):
    """(140 - 80) x 36 / 72 = 30 mL/min exactly, whatever the binary digits say."""
    row = {"age": 80, "sex": "male", "weight_kg": 36, "creatinine_umol_l": 88.4}
    assert creatinine_clearance(80, 36, female=False, creatinine_umol_l=88.4) == pytest.approx(30, abs=1e-12)
    assert status(tiny(screening=[row]), protocol, "E4") == "pass"


@pytest.mark.parametrize(
    ("medication", "expected"),
    [
        ({"medication": "rituximab", "indication": "pns", "start_date": "2014-02-01"}, "fail"),
        ({"medication": "rituximab", "indication": "tumour", "start_date": "2014-02-01"}, "pass"),
        ({"medication": "pembrolizumab", "indication": "tumour", "start_date": "2014-02-01"}, "fail"),
        ({"medication": "rituximab", "start_date": "2014-02-01", "stop_date": "2014-02-28"}, "pass"),
        ({"medication": "rituximab", "start_date": "2014-02-01", "stop_date": "2014-03-01"}, "fail"),
        ({"medication": "rituximab"}, "unknown"),
        ({"medication": "rituximab", "stop_date": "2014-02-28"}, "pass"),
        ({"medication": "herbal tea", "start_date": "2014-02-01"}, "unknown"),
        ({"medication": "herbal tea", "indication": "other", "start_date": "2014-02-01"}, "pass"),
        ({"medication": "rituximab", "atc": "N02BE01", "start_date": "2014-02-01"}, "pass"),
        ({"medication": "paracetamol", "atc": "L04AA06", "start_date": "2014-02-01"}, "fail"),
        ({"medication": "paracetamol", "atc": "L01", "start_date": "2014-02-01"}, "unknown"),
        ({"medication": "Privigen", "indication": "trial", "start_date": "2014-02-01"}, "pass"),
        ({"medication": "rituximab", "start_date": "2014-03-05"}, "fail"),
        ({"medication": "rituximab", "start_date": "2014-03-06"}, "pass"),
        ({"medication": "Privigen", "start_date": "2014-03-05"}, "pass"),
        ({"medication": "Privigen", "start_date": "2014-03-04"}, "fail"),
    ],
)
def test_other_immunotherapy(tiny, protocol, medication, expected):
    trial = tiny(medications=[medication], infusions=[{"cycle": 1, "date": "2014-03-05", "dose_g": 20}])
    assert status(trial, protocol, "E1") == expected


def test_without_the_medications_table_nothing_is_known(tiny, protocol):
    assert status(tiny(), protocol, "E1") == "unknown"


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("ÉCHANGES PLASMATIQUES", None, {"plasma exchange"}),
        ("méthylprednisolone 1 g IV", None, {"corticosteroid"}),
        ("prednisoloneX", None, None),
        ("paclitaxel + dexaméthasone", None, {"corticosteroid"}),
        ("cisplatine", None, set()),
        ("x", "l04", {"immunosuppressant (L04)"}),
        ("x", "L01XC32", {"checkpoint inhibitor"}),
        ("x", "L01XC", None),
        ("cisplatine", "ABC", set()),
    ],
)
def test_medication_classes(protocol, name, code, expected):
    found = medication_classes(name, code and code.upper(), protocol.medications)
    assert found == (None if expected is None else frozenset(expected))


@pytest.mark.property
@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1))
def test_overall_is_the_three_valued_and(rows):
    names = {0: "fail", 1: "unknown", 2: "pass"}
    for row, code in zip(rows, eligibility.overall_status(np.array(rows)), strict=True):
        words = {names[value] for value in row}
        assert code == (0 if "fail" in words else 1 if "unknown" in words else 2)


def test_one_patients_answers_come_with_their_reasons(tiny, protocol):
    found = screen(tiny(screening=[{"mrs": 4}]), protocol)["A"]
    assert (found.patient_id, found.overall) == ("A", "ineligible")
    row = found.criteria.set_index("criterion").loc["I4"]
    assert row.tolist() == [
        "Modified Rankin scale 2 or 3",
        "fail",
        "mrs 4 (rule: mrs at least 2 and at most 3)",
    ]
    assert "A: ineligible" in str(found)
    assert "mrs 4" in found._repr_html_()
    with pytest.raises(KeyError, match=r"no patient 'B' was screened; there are A"):
        screen(tiny(), protocol)["B"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([("2014-02-28", 0)], "fail"), ([("2014-02-28", 1)], "pass"), ([("2014-03-01", 1)], "pass"),
     ([("2014-03-02", 1)], "unknown"), ([("2014-02-01", 0), ("2014-02-28", 3)], "pass"),
     ([("2014-03-01", 0), ("2014-03-01", 3)], "fail"), ([], "unknown")],
)  # fmt: skip
def test_a_range_on_a_scale_asks_the_latest_score_up_to_screening(tiny, protocol, scores, expected):
    asked = protocol.with_criterion("I9", kind="scale", scale="ONLS", minimum=1, label="ONLS at least 1")
    rows = [{"date": date, "scale": "ONLS", "score": score} for date, score in scores]
    trial = tiny(scales=rows or [{"date": "2014-03-01", "scale": "ICARS", "score": 9}])
    assert status(trial, asked, "I9") == expected


@pytest.mark.parametrize(
    ("patient", "scores", "levels"),
    [
        # published vectors: polyradiculoneuropathy with Ma2; no cancer in the first two years, then; then a lymphoma
        ({"pns_phenotype": "intermediate", "antibody_serum": "Ma2", "cancer_relation": "none", "cancer_search_years": 1},
         [6], ["probable"]),
        ({"pns_phenotype": "intermediate", "antibody_serum": "Ma2", "cancer_relation": "none", "cancer_search_years": 3},
         [5], ["possible"]),
        ({"pns_phenotype": "intermediate", "antibody_serum": "Ma2", "cancer_relation": "not consistent",
          "cancer_search_years": 1}, [6], ["probable"]),
        # without a cancer seven points are the most: never definite
        ({"pns_phenotype": "high", "antibody_serum": "Hu", "cancer_relation": "none", "cancer_search_years": 1.9},
         [7], ["probable"]),
        ({"pns_phenotype": "high", "antibody_serum": "Hu", "cancer_relation": "none", "cancer_search_years": 2},
         [6], ["probable"]),
        ({"syndrome": "cerebellar", "antibody_csf": "Yo", "cancer_relation": "consistent"}, [10], ["definite"]),
        ({"pns_phenotype": "high", "antibody_serum": "none", "antibody_csf": "none", "cancer_relation": "consistent"},
         [7], ["probable"]),
        # what is missing leaves open what it could change: a negative serum says nothing of a CSF that nobody tested
        ({"pns_phenotype": "intermediate", "antibody_serum": "none", "cancer_relation": "none",
          "cancer_search_years": 1}, [3, 5, 6], ["none", "possible", "probable"]),
        ({"pns_phenotype": "high", "antibody_serum": "Hu"}, [6, 7, 10], ["probable", "definite"]),
        ({"pns_phenotype": "high", "antibody_serum": "Hu", "cancer_relation": "none"}, [6, 7], ["probable"]),
        ({"antibody_serum": "none", "antibody_csf": "none", "cancer_relation": "none", "cancer_search_years": 5,
          "pns_phenotype": "other"}, [0], ["none"]),
    ],
)  # fmt: skip
def test_pns_care_scores_every_completion_of_what_is_missing(protocol, patient, scores, levels):
    asked = protocol.with_criterion("P1", kind="pns_care", at_least="probable", label="Probable by PNS-Care")
    assert asked.criteria[-1].scored(patient) == (scores, levels)


@pytest.mark.parametrize(
    ("level", "row", "expected"),
    [("probable", {"pns_phenotype": "high", "antibody_serum": "Hu", "cancer_relation": "none"}, "pass"),
     ("definite", {"pns_phenotype": "high", "antibody_serum": "Hu", "cancer_relation": "none"}, "fail"),
     ("definite", {"pns_phenotype": "high", "antibody_serum": "Hu"}, "unknown"),
     ("definite", {"syndrome": "limbic", "antibody_serum": "Hu", "cancer_relation": "consistent"}, "pass"),
     ("possible", {}, "unknown")],
)  # fmt: skip
def test_pns_care_as_a_criterion(tiny, protocol, level, row, expected):
    asked = protocol.with_criterion("P1", kind="pns_care", at_least=level, label="PNS-Care")
    assert status(tiny(screening=[row]), asked, "P1") == expected


def test_a_syndrome_can_be_asked_for(tiny, protocol):
    words = ["sensory neuronopathy"]
    asked = protocol.with_criterion("I9", kind="word", column="syndrome", allowed=words, label="Neuronopathy")
    found = [
        status(tiny(screening=[{"syndrome": word}]), asked, "I9")
        for word in ("sensory neuronopathy", "LEMS", None)
    ]
    assert found == ["pass", "fail", "unknown"]


@pytest.mark.parametrize(
    ("criterion", "message"),
    [({"kind": "range", "column": "wieght_kg", "minimum": 3}, "X1 reads 'wieght_kg'; screening.csv has weight_kg"),
     ({"kind": "range", "column": "sex", "minimum": 3}, "X1 reads 'sex', which is no number but a word"),
     ({"kind": "word", "column": "syndrome", "allowed": ["ataxia"]}, "X1: syndrome has no word 'ataxia'; it has cere"),
     ({"kind": "answer", "column": "cancer", "required": "yes"}, "X1 reads 'cancer', which is no word but a text")],
)  # fmt: skip
def test_a_criterion_on_a_column_that_cannot_be_is_answered(tiny, protocol, criterion, message):
    with pytest.raises(ProtocolError, match=message):
        screen(tiny(), protocol.with_criterion("X1", label="x", **criterion))

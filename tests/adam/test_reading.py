"""What goes out comes back: the same results of the analysis functions; and data of other trials."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import adam
from pnstrial.adam.dataset import as_frame
from pnstrial.adam.specification import Variable
from pnstrial.survival import kaplan_meier

ESTIMANDS = (
    {},
    {"missing": "LOCF"},
    {"death": "exclude", "missing": "exclude"},
    {"stopped": "while on treatment"},
)


def back(trial, protocol, where, name="xpt"):
    adam.write_adam(adam.derive(trial, protocol), where, name)
    return pns.read_adam(where)


@pytest.fixture(scope="module")
def returned(many_datasets, tmp_path_factory):
    where = tmp_path_factory.mktemp("returned")
    adam.write_adam(many_datasets, where, "json")
    return pns.read_adam(where)


def equal_response(got, expected):
    for name in (
        "responders",
        "n",
        "estimate",
        "ci",
        "p_value",
        "null",
        "level",
        "method",
        "visit",
        "estimand",
    ):
        assert getattr(got, name) == getattr(expected, name), name
    pd.testing.assert_frame_equal(got.patients, expected.patients)


@pytest.mark.parametrize(
    ("ways", "name"), list(zip(ESTIMANDS, ["xpt", "json", "parquet", "xpt"], strict=True)), ids=str
)
def test_response(example, protocol, tmp_path, ways, name):
    asked = protocol.with_estimand(**ways)
    trial = back(example, asked, tmp_path, name)
    for visit in ("Month 3", "Month 6"):
        expected = pns.primary_endpoint(example, asked, visit=visit, null=0.1)
        equal_response(trial.primary_endpoint(visit, null=0.1), expected)


def test_response_of_479_patients(many, returned, protocol):
    for visit in ("Month 3", "Month 6"):
        equal_response(returned.primary_endpoint(visit), pns.primary_endpoint(many, protocol, visit=visit))


def test_visits_and_shift(many, returned, protocol):
    expected = pns.visits.derive(many, protocol)
    got = returned.visit_values()
    columns = ["patient_id", "visit", "baseline_mrs", "mrs", "date", "day", "derivation", "category"]
    pd.testing.assert_frame_equal(got[columns], expected[columns], check_dtype=False)
    at = expected[
        (expected["visit"] == "Month 3") & expected["mrs"].notna() & expected["baseline_mrs"].notna()
    ]
    base, later = returned.shift("Month 3")
    assert sorted(zip(base, later, strict=True)) == sorted(zip(at["baseline_mrs"], at["mrs"], strict=True))


def test_mrs_shift(example, protocol, tmp_path):
    trial = back(example, protocol.with_estimand(missing="LOCF"), tmp_path)
    for visit in ("Month 3", "Month 6"):
        expected, got = pns.mrs_shift(example, protocol, visit), trial.mrs_shift(protocol, visit)
        pd.testing.assert_frame_equal(got.to_frame(), expected.to_frame())
        assert str(got) == str(expected)
        pd.testing.assert_frame_equal(got.patients, expected.patients, check_dtype=False)


def test_improvement_by_two_points(example, protocol, tmp_path):
    asked = protocol.with_settings(endpoint={"improvement_points": 2})
    expected = pns.visits.derive(example, asked).set_index(["patient_id", "visit"])["category"]
    got = back(example, asked, tmp_path).visit_values().set_index(["patient_id", "visit"])["category"]
    assert got.sort_index().tolist() == expected.sort_index().tolist()


def test_times_to_events(many, returned, protocol):
    columns = ["patient_id", "parameter", "start_date", "date", "days", "event"]
    key = ["patient_id", "parameter"]
    expected = pns.endpoints.time_to_event(many, protocol)[columns].sort_values(key, ignore_index=True)
    got = returned.time_to_event()[columns].sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(got, expected, check_dtype=False)
    own = expected[expected["parameter"] == "overall_survival"]
    other = returned.time_to_event("OS")
    first = kaplan_meier(own["days"], own["event"] == 1)
    second = kaplan_meier(other["days"], other["event"] == 1)
    assert first.quantile(0.5) == second.quantile(0.5)


def test_exposure_events_and_populations(many, returned, protocol):
    summary = pns.exposure.summarise(many, protocol).patients.set_index("patient_id")
    got = returned.exposure().set_index("patient_id")
    assert set(got.index) == set(summary.index)
    for code, column in {
        "TDOSE": "total_g",
        "RDI": "relative_dose_intensity",
        "NCYCLE": "cycles_given",
    }.items():
        np.testing.assert_array_equal(
            got[code].to_numpy(float), summary.loc[got.index, column].to_numpy(float)
        )
    sets = pns.analysis_sets(many, protocol)
    assert returned.population() == sets.full_analysis
    assert returned.population("SAFFL") == sets.safety
    assert returned.population("PPROTFL") == sets.per_protocol
    events = many.adverse_events
    assert len(returned.adverse_events()) == events["patient_id"].isin(many.enrolled).sum()


def test_what_is_not_there_is_named(returned):
    with pytest.raises(ValueError, match="visit is 'Month 9'; the analysed visits are Month 3, Month 6"):
        returned.shift("Month 9")
    with pytest.raises(ValueError, match="parameter 'NIHSS' is no scale with a baseline"):
        returned.visit_values("NIHSS")
    with pytest.raises(ValueError, match="parameter is 'PFS'; there are OS, TTD, TTI"):
        returned.time_to_event("PFS")
    with pytest.raises(ValueError, match="ADSL has no flag 'ITTFL'; it has ENRLFL"):
        returned.population("ITTFL")
    with pytest.raises(ValueError, match="the scale has no CRIT2FL"):
        returned.responders("Month 3", criterion=2)
    with pytest.raises(KeyError, match="no dataset 'ADLB'"):
        returned["ADLB"]
    with pytest.raises(ValueError, match="format is 'sas'"):
        adam.check_adam(returned.source, "sas")


def test_how_it_looks(returned, datasets):
    assert str(returned).startswith("ADaM trial: ADAE 250, ADEX 6402, ADMRS 2871")
    assert "ADSL" in returned._repr_html_()
    assert returned.parameters()["parameter"].tolist()[-3:] == ["OS", "TTD", "TTI"]
    assert str(datasets).startswith("ADaM datasets of NCT02343211: ADSL 26")
    assert datasets.to_frame()["records"].tolist() == [len(d) for d in datasets.datasets.values()]
    assert "ADMRS" in datasets._repr_html_()
    with pytest.raises(KeyError, match="no dataset 'ADLB'"):
        datasets["ADLB"]


# ------------------------------------------------------------------------------------------------ another trial
def another_trial(**changes):
    """A single-arm trial with a disability scale of 0-10 in half points, as another sponsor would hand it over."""
    text, number = ("text",), ("float",)
    kinds = {"USUBJID": text, "FASFL": text, "PARAM": text, "PARAMCD": text, "AVISIT": text, "ABLFL": text}
    kinds |= {"TRTP": text, "STUDYID": text, "ANL01FL": text, "CRIT1FL": text, "CRIT1": text}
    kinds |= dict.fromkeys(("AVAL", "BASE", "CHG"), number)

    def dataset(name, rows):
        rows = [{"STUDYID": "X", **row} for row in rows]
        variables = tuple(Variable(key, key.title(), kinds[key][0]) for key in rows[0])
        return adam.Dataset(name, name, variables, as_frame(rows, variables), (), f"{name.lower()}.xpt")

    adsl = dataset("ADSL", [{"USUBJID": f"X-{i}", "FASFL": "Y"} for i in range(4)])
    shared = {"PARAM": "Disability", "PARAMCD": "EDSS", "TRTP": "Drug", "CRIT1": None, "CRIT1FL": None}
    rows = []
    for i, (base, value) in enumerate([(3.5, 2.0), (6.0, 6.0), (4.5, 7.5), (5.0, None)]):
        own = {"USUBJID": f"X-{i}", **shared, "BASE": base}
        rows.append({**own, "AVISIT": "Baseline", "ABLFL": "Y", "ANL01FL": "Y", "AVAL": base, "CHG": None})
        flag = None if value is None else "Y" if value < base else "N"
        change = None if value is None else value - base
        week = {"AVISIT": "Week 12", "ABLFL": None, "ANL01FL": "Y", "AVAL": value, "CHG": change}
        rows.append({**own, **week, "CRIT1": "Any improvement", "CRIT1FL": flag})
    return {"ADSL": adsl, "ADEDSS": dataset("ADEDSS", rows), **changes}


def test_any_ordinal_scale():
    content = another_trial()
    found = adam.check(content)
    assert [str(f) for f in found if f.severity == "error"] == []
    trial = adam.AdamTrial(content, found, "memory")
    values = trial.visit_values()
    assert values["category"].tolist() == ["improved", "stable", "deteriorated", None]
    assert values["patient_id"].tolist() == ["X-0", "X-1", "X-2", "X-3"]
    result = trial.primary_endpoint("Week 12", null=0.1)
    assert (result.responders, result.n, result.estimand) == (1, 3, {})
    base, later = trial.shift("Week 12")
    assert base.tolist() == [3.5, 6.0, 4.5]
    assert later.tolist() == [2.0, 6.0, 7.5]


def test_improvement_by_points_and_percent_of_other_data_is_the_rule_of_the_trial():
    content = another_trial()
    rows = content["ADEDSS"].frame.copy()
    at = rows["AVISIT"] == "Week 12"
    for (base, value), words, expected in [
        ((6, 6), "EDSS at least 1 point below baseline", "stable"),  # a grade of 6 is death on the mRS alone
        ((6, 5.5), "EDSS at least 0.5 points below baseline", "improved"),
        ((6, 5), "EDSS at least 1 point and 20 % below baseline", "stable"),
        ((5, 4), "EDSS at least 1 point and 20 % below baseline", "improved"),
        ((4, 5), "EDSS at least 1 point above baseline", "improved"),
        ((4, 3), "EDSS at least 1 point above baseline", "deteriorated"),
    ]:
        rows["BASE"], rows["CRIT1"] = float(base), words
        rows["AVAL"] = np.where(at, float(value), float(base))
        trial = adam.AdamTrial({**content, "ADEDSS": replace(content["ADEDSS"], frame=rows)}, (), "memory")
        assert set(trial.visit_values()["category"]) == {expected}, (base, value, words)


def test_a_trial_without_times_to_events():
    trial = adam.AdamTrial(another_trial(), (), "memory")
    with pytest.raises(ValueError, match="no time-to-event dataset"):
        trial.time_to_event()


def test_everyone_excluded():
    content = another_trial()
    dataset = content["ADEDSS"]
    dataset.frame["CRIT1FL"] = None
    result = adam.AdamTrial(content, (), "memory").primary_endpoint("Week 12", null=0.1)
    assert (result.n, bool(result.estimate), bool(result.ci)) == (0, False, False)
    assert "every subject is excluded" in str(result.estimate)

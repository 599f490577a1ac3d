"""ADMRS and ADTTE against the second programming of the rules, under every estimand; and the rows one by one."""

import itertools

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import adam
from tests.double import folders, rules_second

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
DEFAULT = {
    "death": "composite",
    "rescue": "composite",
    "stopped": "treatment policy",
    "missing": "non-responder",
}


def second_of(texts):
    """The enrolled patients of the second programming."""
    patients = rules_second.patients_of(texts, "publication")
    return {patient.id: patient for patient in patients if patient.enrolled}


@pytest.fixture(scope="module")
def second(many_texts):
    return second_of(many_texts)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """Another folder of edges, small enough for every estimand: the trial and its second programming."""
    where = tmp_path_factory.mktemp("some")
    texts = folders.as_texts(folders.edge_folder(9, 60))
    folders.write(texts, where)
    return pns.read_trial(where), second_of(texts)


def by_subject(frame):
    return dict(list(frame.assign(who=frame["USUBJID"].str.removeprefix("NCT02343211-")).groupby("who")))


@pytest.mark.double
@pytest.mark.parametrize("ways", ESTIMANDS, ids=str)
def test_every_value_of_admrs_under_every_estimand(some, protocol, ways):
    trial, second = some
    compare_admrs(trial, adam.derive(trial, protocol.with_estimand(**ways)).admrs, second, ways)


@pytest.mark.double
def test_every_value_of_admrs_of_479_patients(many, many_datasets, second):
    compare_admrs(many, many_datasets.admrs, second, {})


def compare_admrs(trial, frame, second, ways):
    admrs = by_subject(frame)
    enrolled = set(trial.enrolled)
    assert admrs.keys() <= enrolled
    for who in enrolled:
        patient, rows = second[who], admrs[who]
        base, base_date = patient.baseline()
        flagged = rows[rows["ABLFL"] == "Y"]
        assert len(flagged) == (base is not None)
        if base is not None:
            assert (flagged["AVAL"].item(), flagged["ADT"].item().date()) == (base, base_date)
            assert set(rows["BASE"]) == {base}
        for visit in ("Month 3", "Month 6"):
            value, day, derivation = patient.visit(visit)
            row = rows[(rows["AVISIT"] == visit) & (rows["ANL01FL"] == "Y")].iloc[0]
            assert (rows["AVISIT"].eq(visit) & rows["ANL01FL"].eq("Y")).sum() == 1
            answer = patient.outcome(visit, {**DEFAULT, **ways})
            assert row["CRIT1FL"] == {True: "Y", False: "N", None: None}[answer]
            if derivation == "missing":
                assert row["DTYPE"] in {"LOCF", "NRI", "BC", "EXPECTED"}
            else:
                assert (row["AVAL"], row["ADT"].date()) == (value, day)
                assert row["DTYPE"] == ("DEATH" if derivation == "DEATH" else None)
                if base is not None and day > patient.day1:
                    assert row["CHG"] == value - base
            if row["DTYPE"] == "LOCF" and ways.get("missing") == "LOCF":
                assert row["AVAL"] == patient.last_value(patient.day(rules_second.VISITS[visit][2]))


@pytest.mark.double
def test_every_value_of_adtte(many, many_datasets, second):
    adtte = many_datasets.adtte.assign(who=many_datasets.adtte["USUBJID"].str.removeprefix("NCT02343211-"))
    found = {(row.who, row.PARAMCD): row for row in adtte.itertuples()}
    expected = {}
    for who in many.enrolled:
        patient = second[who]
        records = (patient.survival(), patient.time_to(worse=True), patient.time_to(worse=False))
        for code, record in zip(("OS", "TTD", "TTI"), records, strict=True):
            if record is not None:
                expected[who, code] = record
    assert found.keys() == expected.keys()
    for key, record in expected.items():
        row = found[key]
        assert record["days"] == row.AVAL
        assert (row.CNSR == 0) == (record["event"] == 1)
        assert (row.CNSR == 2) == (record["event"] == 2)
        assert (row.ADT - row.STARTDT).days == row.AVAL
        assert row.STARTDT.date() == second[key[0]].day1


@pytest.mark.double
def test_days_have_no_zero_and_count_from_day_1(many_datasets):
    adsl = many_datasets.adsl.set_index("USUBJID")["DAY1DT"]
    for name, pairs in {
        "ADMRS": [("ADT", "ADY")],
        "ADSCALE": [("ADT", "ADY")],
        "ADAE": [("ASTDT", "ASTDY"), ("AENDT", "AENDY")],
        "ADEX": [("ASTDT", "ASTDY"), ("AENDT", "AENDY")],
    }.items():
        frame = many_datasets[name]
        for date, day in pairs:
            gap = (frame[date] - frame["USUBJID"].map(adsl)).dt.days
            expected = np.where(gap >= 0, gap + 1, gap)
            np.testing.assert_array_equal(frame[day].to_numpy(), expected)
            assert not (frame[day] == 0).any()


@pytest.mark.double
def test_every_source_leads_to_its_cell(many, many_datasets):
    """SRCDOM, SRCVAR and SRCSEQ name the cell of the collected table that holds the value."""
    for name, value in {"ADMRS": "AVAL", "ADSCALE": "AVAL", "ADTTE": "ADT", "ADAE": "AETERM"}.items():
        frame = many_datasets[name]
        for row in frame[frame["SRCSEQ"].notna()].to_dict("records"):
            cell = many.tables[row["SRCDOM"]].loc[int(row["SRCSEQ"])]
            assert f"NCT02343211-{cell['patient_id']}" == row["USUBJID"]
            if row.get("DTYPE") == "DEATH":
                assert cell[row["SRCVAR"]] == row["ADT"]
            else:
                assert cell[row["SRCVAR"]] == row[value]


def test_screening_failures_are_in_adsl_only(many, many_datasets):
    adsl = many_datasets.adsl
    failures = adsl[adsl["SCRFFL"] == "Y"]
    assert len(adsl) == 479
    assert set(failures["SUBJID"]) == set(many.screening["patient_id"]) - set(many.enrolled)
    assert (failures[["ENRLFL", "FASFL", "SAFFL", "PPROTFL"]] == "N").all().all()
    assert set(failures["DCSREAS"]) == {"SCREEN FAILURE"}
    for name in ("ADMRS", "ADSCALE", "ADEX", "ADAE", "ADTTE"):
        assert not set(many_datasets[name]["USUBJID"]) & set(failures["USUBJID"])


def test_populations_are_the_analysis_sets(many, many_datasets, protocol):
    sets = pns.analysis_sets(many, protocol)
    adsl = many_datasets.adsl
    for flag, members in (
        ("FASFL", sets.full_analysis),
        ("SAFFL", sets.safety),
        ("PPROTFL", sets.per_protocol),
    ):
        assert set(adsl.loc[adsl[flag] == "Y", "SUBJID"]) == set(members)
        assert set(adsl[flag]) <= {"Y", "N"}


def test_no_collected_record_is_lost(many, many_datasets):
    """A record is the source of a row, or is listed as left out."""
    left = {(finding.file, finding.line) for finding in many_datasets.left_out}
    frames = [many_datasets[name] for name in ("ADMRS", "ADSCALE", "ADAE", "ADTTE")]
    sources = set(itertools.chain(*(zip(f["SRCDOM"] + ".csv", f["SRCSEQ"], strict=True) for f in frames)))
    for name in ("mrs", "scales", "adverse_events"):
        for line in many.tables[name].index:
            assert (f"{name}.csv", line) in left or (f"{name}.csv", float(line)) in sources, (name, line)
    assert {finding.line for finding in many_datasets.left_out if finding.file == "medications.csv"} == set(
        many.tables["medications"].index
    )


def test_exposure(many, many_datasets, protocol):
    summary = pns.exposure.summarise(many, protocol)
    adex = many_datasets.adex
    wide = adex[adex["PARCAT1"] == "OVERALL"].pivot_table(
        index="USUBJID", columns="PARAMCD", values="AVAL", dropna=False
    )
    who = "NCT02343211-" + summary.patients["patient_id"]
    for code, column in {
        "TDOSE": "total_g",
        "NCYCLE": "cycles_given",
        "RDI": "relative_dose_intensity",
        "COURSE": "share_of_course",
    }.items():
        np.testing.assert_array_equal(
            wide.reindex(who)[code].to_numpy(float), summary.patients[column].to_numpy(float)
        )
    np.testing.assert_allclose(wide["TDOSINT"], 100 * wide["TDOSE"] / wide["TPDOSE"], rtol=1e-12)
    cycles = adex[adex["PARCAT1"] == "INDIVIDUAL"]
    for code, column in {"DOSE": "given_g", "PLDOSE": "planned_g"}.items():
        own = cycles[cycles["PARAMCD"] == code]
        np.testing.assert_array_equal(np.sort(own["AVAL"]), np.sort(summary.cycles[column]))
    adjusted = cycles.loc[cycles["PARAMCD"] == "ADJ", "AVALC"].value_counts()
    assert adjusted["Y"] == (summary.cycles["dose_as_planned"] == False).sum()  # noqa: E712


# ------------------------------------------------------------------------------------------------------ row by row
def admrs(trial, protocol, **ways):
    frame = adam.derive(trial, protocol.with_estimand(**ways)).admrs
    columns = ["AVISIT", "AVAL", "DTYPE", "ANL01FL", "CRIT1FL", "CRIT1RS"]
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame[columns].itertuples(index=False)]


@pytest.fixture
def cycles():
    days = ("2014-03-05", "2014-04-02", "2014-04-30")
    return [{"cycle": n, "date": day, "dose_g": 100} for n, day in enumerate(days, 1)]


def test_a_missing_visit(tiny, protocol, cycles):
    trial = tiny(
        screening=[{"mrs": 3, "weight_kg": 50}], infusions=cycles, mrs=[{"date": "2014-04-10", "mrs": 2}]
    )
    start = ("Baseline", 3.0, None, None, None, None)
    early = (None, 2.0, None, None, None, None)
    rows = {
        "non-responder": ("Month 3", None, "NRI", "Y", "N", "missing"),
        "LOCF": ("Month 3", 2.0, "LOCF", "Y", "Y", "missing, improved at the last rating (LOCF)"),
        "exclude": ("Month 3", None, "EXPECTED", "Y", None, "missing, excluded"),
        "best case": ("Month 3", None, "BC", "Y", "Y", "missing, counted as responder (best case)"),
    }
    for way, row in rows.items():
        got = admrs(trial, protocol, missing=way)
        assert start in got
        assert early in got
        assert row in got


def test_a_death(tiny, protocol, cycles):
    trial = tiny(
        screening=[{"mrs": 3, "weight_kg": 50}],
        infusions=cycles,
        mrs=[{"date": "2014-05-20", "mrs": 2}],
        follow_up=[{"last_contact_date": "2014-05-25", "status": "dead", "death_date": "2014-05-25"}],
    )
    rows = admrs(trial, protocol)
    assert ("Month 3", 2.0, None, None, None, None) in rows
    assert ("Month 3", 6.0, "DEATH", "Y", "N", "died") in rows
    assert ("Month 3", 6.0, "DEATH", "Y", None, "died, excluded") in admrs(trial, protocol, death="exclude")
    adtte = adam.derive(trial, protocol).adtte.set_index("PARAMCD")
    assert adtte.loc["OS", ["AVAL", "CNSR", "EVNTDESC"]].tolist() == [81, 0, "death"]
    assert adtte.loc["TTI", ["AVAL", "CNSR"]].tolist() == [76, 0]


def test_death_competes_with_improvement_by_its_own_code(tiny, protocol):
    trial = tiny(
        screening=[{"mrs": 3}],
        follow_up=[{"last_contact_date": "2014-05-25", "status": "dead", "death_date": "2014-05-25"}],
    )
    row = adam.derive(trial, protocol).adtte.set_index("PARAMCD").loc["TTI"]
    assert (row["CNSR"], row["CNSDTDSC"], row["SRCDOM"], row["SRCVAR"]) == (
        2,
        "death",
        "follow_up",
        "death_date",
    )


@pytest.mark.parametrize(("status", "code"), [("alive", 1), ("withdrawn", 3), ("lost", 4)])
def test_reasons_for_censoring(tiny, protocol, status, code):
    trial = tiny(screening=[{"mrs": 3}], follow_up=[{"last_contact_date": "2014-05-25", "status": status}])
    adtte = adam.derive(trial, protocol).adtte.set_index("PARAMCD")
    assert adtte["CNSR"].to_dict() == {"OS": code, "TTD": 5, "TTI": 5}
    assert adtte.loc["TTD", "ADT"] == adtte.loc["TTD", "STARTDT"]
    assert adtte.loc["TTD", "SRCDOM"] == "ADSL"
    assert adtte.loc["OS", "EVNTDESC"] == adam.CENSORING[code]


@pytest.mark.parametrize(
    ("status", "date", "expected"),
    [
        ("alive", "2014-05-25", ("ONGOING", None)),
        ("alive", "2014-08-17", ("COMPLETED", None)),
        ("lost", "2014-05-25", ("DISCONTINUED", "LOST TO FOLLOW-UP")),
        ("withdrawn", "2014-05-25", ("DISCONTINUED", "WITHDRAWAL BY SUBJECT")),
        ("withdrawn", "2014-08-17", ("COMPLETED", None)),
        ("dead", "2014-05-25", ("DISCONTINUED", "DEATH")),
        ("dead", "2015-05-25", ("COMPLETED", None)),
    ],
)
def test_end_of_study(tiny, protocol, status, date, expected):
    row = {"last_contact_date": date, "status": status, "death_date": date if status == "dead" else None}
    adsl = adam.derive(tiny(screening=[{"mrs": 3}], follow_up=[row]), protocol).adsl
    assert tuple(adsl.loc[0, ["EOSSTT", "DCSREAS"]]) == expected


def test_an_enrolled_patient_without_anything(tiny, protocol):
    datasets = adam.derive(tiny(), protocol)
    assert datasets.adsl.loc[0, ["EOSSTT", "SAFFL", "FASFL", "TRT01P"]].tolist() == [
        "ONGOING",
        "N",
        "Y",
        "IVIg 2 g/kg",
    ]
    assert datasets.admrs["CRIT1RS"].tolist() == ["no baseline", "no baseline"]
    assert len(datasets.adtte) == 0
    assert adam.check(datasets.datasets) == ()


def test_adverse_events(tiny, protocol, cycles):
    events = [
        {
            "term": "headache",
            "start_date": "2014-03-04",
            "grade": 1,
            "serious": "no",
            "related": "yes",
            "action": "none",
        },
        {"term": "stroke", "start_date": "2014-03-05", "end_date": "2014-03-09", "grade": 5},
        {"term": "rash", "start_date": "2014-03-06", "end_date": "2014-03-09", "action": "stopped"},
    ]
    adae = adam.derive(tiny(infusions=cycles, adverse_events=events), protocol).adae
    assert adae["ASTDY"].tolist() == [-1, 1, 2]
    assert adae["TRTEMFL"].tolist() == [None, "Y", "Y"]
    assert adae["AEOUT"].tolist() == ["UNKNOWN", "FATAL", "RECOVERED/RESOLVED"]
    assert adae["AEACN"].tolist() == ["DOSE NOT CHANGED", None, "DRUG WITHDRAWN"]
    assert adae["AESEQ"].tolist() == [1, 2, 3]
    assert adae["AEREL"].tolist() == ["RELATED", None, None]

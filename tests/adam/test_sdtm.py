"""SDTM domains become the collected tables: a made-up trial goes out as SDTM and comes back equal."""

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

import pnstrial as pns
from pnstrial import adam
from pnstrial.exposure import infusions_of
from pnstrial.protocol import shipped_protocols
from tests.stranger.trial import PROTOCOL
from tests.stranger.trial import write as write_stranger

STRANGER = str(PROTOCOL)

TESTS = {
    "Hu": "ANTIHU", "Yo": "ANTIYO", "CV2": "ANTICV2", "Ri": "ANTIRI", "Ma2": "ANTIMA2", "amphiphysin": "AMPHIPH",
    "Tr": "ANTITR", "SOX1": "ANTISOX1", "VGCC": "ANTIVGCC", "NMDAR": "ANTINMDA", "LGI1": "ANTILGI1", "CASPR2": "ANTICASP",
    "GABAB": "ANTIGABA", "AMPAR": "ANTIAMPA", "other": "OTHERAB",
}  # fmt: skip
QUESTIONS = {
    "deterioration_3_weeks": "NEUROLOGICAL DETERIORATION",
    "ivig_hypersensitivity": "IMMUNOGLOBULIN HYPERSENSITIVITY",
    "iga_deficiency": "SELECTIVE IGA IMMUNODEFICIENCY",
    "thrombophilia": "THROMBOPHILIA",
    "hepatic_insufficiency": "HEPATIC FAILURE",
    "cardiac_insufficiency": "CARDIAC FAILURE",
    "pregnant_or_lactating": "PREGNANCY OR LACTATION",
}
ANSWERS = {"yes": "Y", "no": "N"}
SEX = {"female": "F", "male": "M"}
INDICATIONS = {
    "pns": "PNS",
    "tumour": "CANCER",
    "premedication": "PREMEDICATION",
    "trial": "STUDY TREATMENT",
    "other": "OTHER",
}
ACTIONS = {"none": "DOSE NOT CHANGED", "interrupted": "DRUG INTERRUPTED", "stopped": "DRUG WITHDRAWN"}
STATUS = {"withdrawn": "WITHDRAWAL BY SUBJECT", "lost": "LOST TO FOLLOW-UP", "alive": "COMPLETED"}


def text(value):
    if value is None or pd.isna(value):
        return ""
    return (
        str(value.date())
        if isinstance(value, pd.Timestamp)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def sdtm_of(trial, ratings="RS", treatment="IVIG"):
    """Write the collected tables as SDTM domains (all text), by domain; an infusion without a drug is `treatment`."""
    domains = {name: [] for name in ("DM", "EX", "AE", "CM", "LB", "MH", "FA", "DS", "VS", ratings)}

    def add(domain, patient, **values):
        domains[domain].append(
            {
                "STUDYID": "X",
                "DOMAIN": domain,
                "USUBJID": f"X-{patient}",
                **{k: text(v) for k, v in values.items()},
            }
        )

    follow_up = trial.follow_up.set_index("patient_id")
    for row in trial.screening.itertuples():
        who, end = row.patient_id, follow_up.loc[row.patient_id] if row.patient_id in follow_up.index else {}
        dead = end.get("status") == "dead"
        add("DM", who, SUBJID=who, SITEID=row.site, AGE=row.age, SEX=SEX.get(row.sex), DMDTC=row.screening_date, RFICDTC=None,
            ARM=getattr(row, "arm", None), RFPENDTC=end.get("last_contact_date"), DTHFL="Y" if dead else None, DTHDTC=end.get("death_date"))  # fmt: skip
        if not pd.isna(row.consent_date):
            add("DS", who, DSDECOD="INFORMED CONSENT OBTAINED", DSTERM="consent", DSSTDTC=row.consent_date)
        if not pd.isna(row.enrolment_date):
            add("DS", who, DSDECOD="ENROLLED", DSTERM="enrolled", DSSTDTC=row.enrolment_date)
        if dead and end["death_cause"]:
            add(
                "DS",
                who,
                DSDECOD="DEATH",
                DSTERM=f"DEATH: {end['death_cause'].upper()}",
                DSSTDTC=end["death_date"],
            )
        elif end.get("status") in STATUS:
            add("DS", who, DSDECOD=STATUS[end["status"]], DSTERM="end", DSSTDTC=end["last_contact_date"])
        for code, value, unit in (("WEIGHT", row.weight_kg, "kg"), ("HEIGHT", row.height_cm, "cm")):
            if not pd.isna(value):
                add(
                    "VS",
                    who,
                    VSTESTCD=code,
                    VSSTRESN=value,
                    VSSTRESU=unit,
                    VISIT="SCREENING",
                    VSDTC=row.screening_date,
                )
        if not pd.isna(row.creatinine_umol_l):
            add("LB", who, LBTESTCD="CREAT", LBCAT="CHEMISTRY", LBSPEC="SERUM", LBSTRESN=row.creatinine_umol_l,
                LBSTRESC=None, LBSTRESU="umol/L", LBDTC=row.screening_date)  # fmt: skip
        for spec, found in (("SERUM", row.antibody_serum), ("CSF", row.antibody_csf)):
            for name in [] if found is None else ["Hu", "Yo"] if found == "none" else found.split(";"):
                result = "NEGATIVE" if found == "none" else "POSITIVE"
                add("LB", who, LBTESTCD=TESTS[name], LBCAT="ONCONEURAL ANTIBODIES", LBSPEC=spec, LBSTRESN=None,
                    LBSTRESC=result, LBSTRESU=None, LBDTC=row.screening_date)  # fmt: skip
        if not pd.isna(row.mrs):
            add(ratings, who, **{f"{ratings}TESTCD": "MRS0101", f"{ratings}STRESN": row.mrs, f"{ratings}DTC": row.screening_date,
                                 "VISIT": "SCREENING", f"{ratings}EVALID": None})  # fmt: skip
        blank = {"MHDECOD": None, "MHOCCUR": None, "MHSCAT": None, "MHSTDTC": None}
        if row.symptom_onset_date or row.pns_level or row.syndrome:
            add("MH", who, MHTERM="syndrome", MHCAT="PARANEOPLASTIC NEUROLOGICAL SYNDROME",
                **{**blank, "MHDECOD": (row.syndrome or "").upper(), "MHSCAT": (row.pns_level or "").upper(),
                   "MHSTDTC": row.symptom_onset_date})  # fmt: skip
        for code, value in (("PNSPHEN", row.pns_phenotype), ("CANCREL", row.cancer_relation)):
            if value is not None:
                add("FA", who, FATESTCD=code, FASTRESC=value.upper(), FASTRESN=None, FADTC=row.screening_date)
        if not pd.isna(row.cancer_search_years):
            add(
                "FA",
                who,
                FATESTCD="CANSRCHY",
                FASTRESC=None,
                FASTRESN=row.cancer_search_years,
                FADTC=row.screening_date,
            )
        if row.cancer:
            add("MH", who, MHTERM=row.cancer, MHCAT="CANCER", **blank)
        for column, term in QUESTIONS.items():
            if (answer := getattr(row, column)) is not None:
                add(
                    "MH",
                    who,
                    MHTERM=term.lower(),
                    MHCAT="GENERAL",
                    **{**blank, "MHDECOD": term, "MHOCCUR": ANSWERS[answer]},
                )
    for row in trial.medications.itertuples():
        add("CM", row.patient_id, CMTRT=row.medication, CMCLASCD=row.atc, CMINDC=INDICATIONS.get(row.indication),
            CMSTDTC=row.start_date, CMENDTC=row.stop_date)  # fmt: skip
    for row in trial.infusions.itertuples():
        add("EX", row.patient_id, EXTRT=row.drug or treatment, EXDOSE=row.dose_g, EXDOSU="g", EXDOSFRQ="QD", VISIT=f"CYCLE {row.cycle:g}",
            EPOCH="TREATMENT", EXSTDTC=f"{text(row.date)}T09:30", EXENDTC=row.date)  # fmt: skip
        if not pd.isna(row.weight_kg):
            add("VS", row.patient_id, VSTESTCD="WEIGHT", VSSTRESN=row.weight_kg, VSSTRESU="kg", VISIT=f"CYCLE {row.cycle:g}",
                VSDTC=row.date)  # fmt: skip
    for row in trial.mrs.itertuples():
        add(ratings, row.patient_id, **{f"{ratings}TESTCD": "MRS0101", f"{ratings}STRESN": row.mrs, f"{ratings}DTC": row.date,
                                        "VISIT": row.visit, f"{ratings}EVALID": row.rater})  # fmt: skip
    for row in trial.scales.itertuples():
        add(ratings, row.patient_id, **{f"{ratings}TESTCD": row.scale.upper().replace(" ", "")[:8], f"{ratings}STRESN": row.score, f"{ratings}DTC": row.date,
                                        "VISIT": None, f"{ratings}EVALID": None})  # fmt: skip
    for row in trial.adverse_events.itertuples():
        add("AE", row.patient_id, AETERM=row.term, AESTDTC=row.start_date, AEENDTC=row.end_date, AETOXGR=row.grade,
            AESER=ANSWERS.get(row.serious), AEREL=ANSWERS.get(row.related), AEACN=ACTIONS.get(row.action))  # fmt: skip
    return {name: pd.DataFrame(rows) for name, rows in domains.items() if rows}


def write(domains, folder, suffix="csv"):
    folder.mkdir(exist_ok=True)
    for name, frame in domains.items():
        if suffix == "csv":
            frame.to_csv(folder / f"{name.lower()}.csv", index=False)
        else:
            pyreadstat.write_xport(
                frame, str(folder / f"{name.lower()}.xpt"), table_name=name, file_format_version=5
            )
    return folder


def compare(trial, back, leave=()):
    for name in pns.data.TABLES:
        first, second = trial.table(name), back.table(name)
        columns = [column for column in first.columns if column not in leave]
        pd.testing.assert_frame_equal(
            first[columns].reset_index(drop=True), second[columns].reset_index(drop=True)
        )


@pytest.mark.parametrize("suffix", ["csv", "xpt"])
@pytest.mark.parametrize("ratings", ["RS", "QS"])
def test_a_trial_comes_back_equal(example, tmp_path, suffix, ratings):
    tables = adam.from_sdtm(write(sdtm_of(example, ratings), tmp_path / "sdtm", suffix))
    assert [finding.rule_id for finding in tables.findings] == ["SDTM-8"]
    compare(example, tables.trial())
    tables.write(tmp_path / "trial")
    compare(example, pns.read_trial(tmp_path / "trial"))
    assert str(tables).startswith("Tables from SDTM: screening 26")
    assert tables.to_frame()["rows"].sum() == sum(len(frame) for frame in tables.tables.values())


def trial_of(protocol, tmp_path):
    """The synthetic trial of a shipped protocol, or the stranger's, in which arms, phenotypes and antibodies vary."""
    if protocol == STRANGER:
        return pns.read_trial(write_stranger(tmp_path / "stranger"), STRANGER)
    if protocol == "surface-antibody":
        return pns.simulate_trial(pns.load_protocol(protocol), pns.load_scenario(protocol), seed=3)
    return pns.example_trial(protocol)


@pytest.mark.parametrize("protocol", [*shipped_protocols(), STRANGER], ids=lambda name: Path(name).stem)
def test_a_trial_of_any_protocol_comes_back_equal(tmp_path, protocol):
    trial = trial_of(protocol, tmp_path)
    chosen = pns.load_protocol(protocol)
    columns = {
        "arm": "one",
        "pns_phenotype": "high",
        "cancer_relation": "consistent",
        "cancer_search_years": 1.5,
    }
    if protocol == STRANGER:
        arms = [("one", None), ("two", "the second")]
        text = "".join(
            f'[[arms]]\nname = "{name}"\nlabel = "{label or name}"\nsource = "plan"\n' for name, label in arms
        )
        chosen = pns.Protocol.from_toml(PROTOCOL.read_text() + text)
        frames = {name: trial.table(name) for name in pns.data.TABLES}
        frames["screening"] = frames["screening"].assign(**columns)
        trial = pns.data.TrialData.from_frames(frames, protocol=chosen)
    domains = sdtm_of(trial, treatment=chosen.drugs[0].name.upper())
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm"), protocol=chosen)
    assert {finding.rule_id for finding in tables.findings} <= {"SDTM-8"}
    back = tables.trial()
    infusions = [infusions_of(one, chosen).reset_index(drop=True) for one in (trial, back)]
    pd.testing.assert_frame_equal(*infusions)
    compare(trial, back, leave=("drug", "weight_kg") if len(chosen.drugs) > 1 else ())
    pd.testing.assert_series_equal(trial.screening["weight_kg"], back.screening["weight_kg"])
    assert pns.primary_endpoint(back, chosen).responders == pns.primary_endpoint(trial, chosen).responders


def test_a_drug_or_scale_of_another_protocol_is_never_taken_for_the_first(tmp_path):
    trial = trial_of(STRANGER, tmp_path)
    domains = sdtm_of(trial, treatment="alphamab")
    put(domains, "EX", 0, EXTRT="gammamab")
    put(domains, "EX", 1, EXTRT="")
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm"), protocol=STRANGER)
    told = [(finding.rule_id, finding.severity, finding.value) for finding in tables.findings[:2]]
    assert told == [("SDTM-2", "error", "gammamab"), ("SDTM-2", "error", "")]
    assert tables.findings[0].remedy.startswith(
        "the protocol has alphamab, betacort; name the right protocol"
    )
    with pytest.raises(pns.data.TrialDataError, match="must be one of alphamab, betacort"):
        tables.trial()
    other = adam.from_sdtm(tmp_path / "sdtm")
    ratings = [finding for finding in other.findings if finding.value == "HANDFUNC"]
    assert {(finding.rule_id, finding.file) for finding in ratings} == {("SDTM-1", "rs.csv")}
    assert len(ratings) == len(trial.scales)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Privigen", "IVIg"),
        ("ENDOXAN", "cyclophosphamide"),
        ("Solu-Medrol 1 g", "methylprednisolone"),
        ("gammamab", None),
    ],
)
def test_a_drug_is_known_by_other_names_and_its_class(tmp_path, written, meant):
    domains = sdtm_of(pns.example_trial("nct06373211"), treatment="IVIg")
    put(domains, "EX", 0, EXTRT=written)
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm"), protocol="nct06373211")
    assert tables.tables["infusions"]["drug"].iloc[0] == (meant or written)
    assert [f.value for f in tables.findings if f.severity == "error"] == ([] if meant else [written])


@pytest.fixture
def domains(example):
    return sdtm_of(example)


def put(domains, name, row, **values):
    for variable, value in values.items():
        domains[name].loc[row, variable] = value


def append(domains, name, **values):
    row = {**dict.fromkeys(domains[name].columns, ""), "USUBJID": domains["DM"]["USUBJID"].iloc[0], **values}
    domains[name] = pd.concat([domains[name], pd.DataFrame([row])], ignore_index=True)


CASES = {
    "an unknown test": (lambda d: append(d, "RS", RSTESTCD="NIHSS", RSSTRESN="3"), "SDTM-1", "NIHSS"),
    "an unknown disposition": (lambda d: append(d, "DS", DSDECOD="PROTOCOL VIOLATION"), "SDTM-1", "PROTOCOL VIOLATION"),
    "an unknown word": (lambda d: put(d, "AE", 0, AEACN="DOSE REDUCED"), "SDTM-2", "DOSE REDUCED"),
    "an unknown indication": (lambda d: put(d, "CM", 0, CMINDC="gout"), "SDTM-2", "gout"),
    "an unknown antibody": (lambda d: append(d, "LB", LBTESTCD="ANTIX", LBCAT="ONCONEURAL ANTIBODIES", LBSPEC="SERUM", LBSTRESC="POSITIVE"), "SDTM-2", "ANTIX"),
    "a doubtful result": (lambda d: append(d, "LB", LBTESTCD="ANTIYO", LBCAT="ONCONEURAL ANTIBODIES", LBSPEC="SERUM", LBSTRESC="WEAK"), "SDTM-2", "weak"),
    "a subject without DM": (lambda d: put(d, "AE", 0, USUBJID="X-nobody"), "SDTM-3", "X-nobody"),
    "a subject twice": (lambda d: d.update(DM=pd.concat([d["DM"], d["DM"].iloc[[0]]], ignore_index=True)), "SDTM-3", "X-BOR-01"),
    "a dose over days": (lambda d: put(d, "EX", 0, EXENDTC="2014-03-08", EXDOSFRQ="ONCE"), "SDTM-4", "2014-03-05 to 2014-03-08"),
    "no variable": (lambda d: d.update(AE=d["AE"].drop(columns="AETOXGR")), "SDTM-5", None),
    "an unknown unit": (lambda d: put(d, "EX", 0, EXDOSU="vial"), "SDTM-6", "vial"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_the_mapping_does_not_know(domains, tmp_path, case):
    change, rule, value = CASES[case]
    change(domains)
    findings = adam.from_sdtm(write(domains, tmp_path / "sdtm")).findings
    assert {finding.rule_id for finding in findings} == {rule, "SDTM-8"}
    assert findings[0].value == value
    assert (findings[0].line is None) == (rule == "SDTM-5")


def test_every_record_of_an_unknown_domain_is_named(domains, tmp_path):
    domains["FA"] = pd.DataFrame({"USUBJID": ["X-BOR-01"] * 3, "FATESTCD": ["A", "B", "C"]})
    findings = adam.from_sdtm(write(domains, tmp_path / "sdtm")).findings[:-1]
    assert [(finding.file, finding.line, finding.value) for finding in findings] == [
        ("fa.csv", 1, "A"), ("fa.csv", 2, "B"), ("fa.csv", 3, "C"),
    ]  # fmt: skip


def test_a_daily_dose_is_one_row_a_day(domains, tmp_path):
    first = domains["EX"].iloc[[0]].assign(EXENDTC="2014-03-07", EXSTDTC="2014-03-05")
    domains["EX"] = first
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm")).tables
    assert tables["infusions"]["date"].tolist() == ["2014-03-05", "2014-03-06", "2014-03-07"]
    assert tables["infusions"]["dose_g"].tolist() == ["19.5"] * 3


def test_units_are_turned(domains, tmp_path):
    put(domains, "EX", 0, EXDOSE="19500", EXDOSU="mg")
    row = domains["LB"].index[domains["LB"]["LBTESTCD"] == "CREAT"][0]
    put(domains, "LB", row, LBSTRESN="0.69", LBSTRESU="mg/dL")
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm")).tables
    assert tables["infusions"]["dose_g"].iloc[0] == "19.5"
    assert tables["screening"]["creatinine_umol_l"].iloc[0] == "60.996"


def test_a_question_without_a_record_stays_blank(domains, tmp_path):
    domains["MH"] = domains["MH"][domains["MH"]["MHDECOD"] != "THROMBOPHILIA"]
    tables = adam.from_sdtm(write(domains, tmp_path / "sdtm"))
    assert tables.tables["screening"]["thrombophilia"].isna().all()
    assert (
        pns.screen(tables.trial(), pns.load_protocol("nct02343211"))
        .criteria.query("criterion == 'E3'")["status"]
        .eq("unknown")
        .all()
    )


def test_an_own_mapping(domains, tmp_path):
    domains["RS"]["RSTESTCD"] = domains["RS"]["RSTESTCD"].replace("MRS0101", "RANKIN")
    folder = write(domains, tmp_path / "sdtm")
    (tmp_path / "map.toml").write_text(adam.default_mapping().replace("MRS0101", "RANKIN"))
    assert {finding.rule_id for finding in adam.from_sdtm(folder).findings} == {"SDTM-1", "SDTM-8"}
    assert [f.rule_id for f in adam.from_sdtm(folder, tmp_path / "map.toml").findings] == ["SDTM-8"]


def test_a_wrong_mapping_names_all_that_is_wrong(tmp_path):
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'odd = 1\n[[table]]\ntable = "nothing"\ndomain = "XX"\n[[table]]\ntable = "mrs"\n[table.columns]\ngrade = "A"\n'
        'date = { word = "x" }\nmrs = 3\n[[cell]]\ntable = "screening"\ncolumn = "age"\ndomain = "DM"\nvalue = "AGE"\npick = "best"\n'
    )
    with pytest.raises(adam.SdtmMappingError) as problem:
        adam.from_sdtm(tmp_path, mapping)
    for part in ("odd is not known", "table is 'nothing'", "domain is required", "no column 'grade'", "word is not known", "mrs: give the name", "pick is 'best'"):  # fmt: skip
        assert part in str(problem.value)
    mapping.write_text("[[table")
    with pytest.raises(adam.SdtmMappingError, match="is no TOML file"):
        adam.from_sdtm(tmp_path, mapping)
    with pytest.raises(adam.SdtmMappingError, match="no mapping file"):
        adam.from_sdtm(tmp_path, tmp_path / "none.toml")


def test_folders_that_are_not_sdtm(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        adam.from_sdtm(tmp_path / "none")
    with pytest.raises(ValueError, match="has no domain DM"):
        adam.from_sdtm(tmp_path)
    (tmp_path / "dm.xpt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="SD0062"):
        adam.from_sdtm(tmp_path)


def test_a_broken_domain_is_a_finding(domains, tmp_path):
    folder = write(domains, tmp_path / "sdtm")
    (folder / "ae.csv").unlink()
    (folder / "ae.xpt").write_bytes(b"nothing")
    (folder / "cm.csv").write_bytes(b"")
    (folder / "dm.xpt").write_bytes(b"x")
    findings = adam.from_sdtm(folder).findings
    assert sorted(finding.rule_id for finding in findings) == ["SD0062", "SD0062", "SD0062", "SDTM-8"]


def test_the_weight_of_an_infusion_is_that_of_its_day(example, tmp_path):
    tables = adam.from_sdtm(write(sdtm_of(example), tmp_path / "sdtm"))
    back, there = tables.trial().infusions["weight_kg"], example.infusions["weight_kg"]
    assert back.reset_index(drop=True).equals(there.reset_index(drop=True))
    (found,) = (f for f in tables.findings if f.rule_id == "SDTM-8")
    assert found.value == "34 of 84 cycles without"
    assert found.remedy.startswith("the planned dose will use the screening weight")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('domain = "EX"', "domain = 1", "domain must be text"),
        ('domain = "EX"', 'domain = ["EX"]', "domain must be text"),
        ('pick = "last"', "pick = []", "pick must be text"),
        ('value = "MHTERM"', "value = 3", "value must be text or a table"),
        ("kg = 1.0", 'kg = "x"', "factors must be a table of numbers with by = a variable"),
        ("(?i)cycle", "(?i)(cycle", "pattern must be a regular expression"),
        (
            'once_a_day = ["QD"]',
            "once_a_day = 1",
            "daily must be a table with start, end, frequency and once_a_day",
        ),
        (
            'where = { VSTESTCD = ["HEIGHT"] }',
            "where = { VSTESTCD = 1 }",
            "where must be a table of lists of texts",
        ),
        ('subject = "SUBJID"', "subject = 1", "subject must be text"),
    ],
)
def test_a_broken_mapping_is_answered_in_a_sentence(example, tmp_path, old, new, message):
    text = adam.default_mapping()
    if old not in text:
        text = f"{old}\n{text}"
    (tmp_path / "map.toml").write_text(text.replace(old, new))
    with pytest.raises(adam.SdtmMappingError) as caught:
        adam.from_sdtm(write(sdtm_of(example), tmp_path / "sdtm"), tmp_path / "map.toml")
    assert message in str(caught.value)

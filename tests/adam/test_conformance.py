"""Each rule is broken by one change of sound datasets, and the finding bears its id."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pnstrial import adam
from pnstrial.adam.dataset import as_frame
from pnstrial.adam.specification import Variable


def with_column(dataset, name, kind, values, label="A label", at_end=True):
    frame = dataset.frame.copy()
    frame[name] = values
    variables = (*(v for v in dataset.variables if v.name != name), Variable(name, label, kind))
    return dataclasses.replace(dataset, frame=frame[[v.name for v in variables]], variables=variables)


def cell(dataset, name, value, where=0):
    frame = dataset.frame.copy()
    rows = frame.index[where] if isinstance(where, int) else frame.index[where(frame)][0]
    frame.loc[rows, name] = value
    return dataclasses.replace(dataset, frame=frame)


def without(dataset, *names):
    variables = tuple(v for v in dataset.variables if v.name not in names)
    keys = tuple(key for key in dataset.keys if key not in names)
    return dataclasses.replace(
        dataset, frame=dataset.frame.drop(columns=list(names)), variables=variables, keys=keys
    )


def changed_variable(dataset, which, **changes):
    variables = tuple(dataclasses.replace(v, **changes) if v.name == which else v for v in dataset.variables)
    return dataclasses.replace(dataset, variables=variables)


def renamed(dataset, old, new):
    changed = changed_variable(dataset, old, name=new)
    return dataclasses.replace(changed, frame=dataset.frame.rename(columns={old: new}), keys=())


def appended(dataset, row=0):
    frame = pd.concat([dataset.frame, dataset.frame.iloc[[row]]], ignore_index=True)
    return dataclasses.replace(dataset, frame=frame)


def flags(dataset, **columns):
    for name, values in columns.items():
        filled = list(values) + [values[-1]] * (len(dataset) - len(values))
        dataset = with_column(dataset, name, "float" if name.endswith("N") else "text", filled)
    return dataset


def later(frame):
    return frame["CHG"].notna()


def base(frame):
    return frame["ABLFL"].eq("Y")


CASES = {
    "AD0001": lambda d: d.pop("ADSL"),
    "AD0005": lambda d: cell(d["ADSL"], "FASFL", None),
    "AD0006": lambda d: flags(d["ADSL"], COMPFL=["Y", "N"], COMPFN=[1.0, 2.0]),
    "AD0007": lambda d: flags(d["ADSL"], COMPFN=[1.0]),
    "AD0008": lambda d: flags(d["ADSL"], COMPFL=["Y", "Y", "N"], COMPFN=[1.0, 0.0, 0.0]),
    "AD0009": lambda d: flags(d["ADSL"], COMPFL=["Y", "N", "N"], COMPFN=[1.0, 1.0, 0.0]),
    "AD0010": lambda d: flags(d["ADSL"], COMPFL=["Y", "N"], COMPFN=[0.0, 0.0]),
    "AD0011": lambda d: flags(d["ADSL"], COMPFL=["Y", "N"], COMPFN=[1.0, 1.0]),
    "AD0012": lambda d: flags(d["ADSL"], COMPFL=[None], COMPFN=[1.0]),
    "AD0013": lambda d: renamed(d["ADTTE"], "CNSDTDSC", "CNSDTDESC"),
    "AD0016": lambda d: changed_variable(d["ADSL"], "DTHCAUS", label="l" * 41),
    "AD0018": lambda d: changed_variable(d["ADSL"], "AGE", label="Age in years"),
    "AD0041": lambda d: changed_variable(d["ADSL"], "DTHDT", kind="float", display_format=""),
    "AD0046": lambda d: cell(d["ADMRS"], "ADY", 0.0),
    "AD0047": lambda d: without(d["ADSL"], "RACE"),
    "AD0048": lambda d: without(d["ADSL"], *(n for n in d["ADSL"].frame if n.endswith("FL"))),
    "AD0054": lambda d: appended(d["ADSL"]),
    "AD0058": lambda d: with_column(d["ADSL"], "BIRTHDT", "text", "1950-01-01"),
    "AD0090": lambda d: without(d["ADTTE"], "TRTP", "TRTA"),
    "AD0109": lambda d: cell(d["ADMRS"], "AVISITN", 99.0, later),
    "AD0110": lambda d: cell(d["ADMRS"], "AVISIT", "Month 7", later),
    "AD0121": lambda d: cell(d["ADSL"], "TRTEDT", pd.Timestamp("2001-01-01")),
    "AD0127": lambda d: cell(d["ADMRS"], "ABLFL", None, base),
    "AD0132": lambda d: cell(d["ADMRS"], "BASE", np.nan, later),
    "AD0137": lambda d: cell(d["ADMRS"], "CRIT1", None, lambda f: f["CRIT1FL"].notna()),
    "AD0141": lambda d: cell(d["ADTTE"], "PARAM", "Another"),
    "AD0142": lambda d: cell(d["ADTTE"], "PARAMCD", "OTHER"),
    "AD0143": lambda d: cell(d["ADTTE"], "PARAMCD", "1OS"),
    "AD0149": lambda d: cell(d["ADMRS"], "AVALC", "Other", later),
    "AD0150": lambda d: cell(cell(d["ADMRS"], "AVAL", 2.5), "BASE", 2.5),
    "AD0151": lambda d: cell(d["ADMRS"], "CRIT1", "Another", lambda f: f["CRIT1FL"].notna()),
    "AD0152": lambda d: cell(d["ADMRS"], "BASE", 5.0, base),
    "AD0154": lambda d: cell(d["ADMRS"], "ABLFL", "Y", later),
    "AD0156": lambda d: without(d["ADMRS"], "CRIT1"),
    "AD0157": lambda d: without(d["ADMRS"], "CRIT1FL"),
    "AD0169": lambda d: cell(d["ADTTE"], "CNSR", -1.0),
    "AD0176": lambda d: cell(d["ADMRS"], "ABLFL", "N", later),
    "AD0178": lambda d: cell(d["ADMRS"], "ANL01FL", "N", later),
    "AD0196": lambda d: cell(d["ADMRS"], "PARAMCD", None),
    "AD0198": lambda d: without(d["ADMRS"], "AVAL", "AVALC"),
    "AD0223": lambda d: cell(d["ADMRS"], "CHG", 9.0, later),
    "AD0245": lambda d: without(d["ADTTE"], "STARTDT"),
    "AD0246": lambda d: without(d["ADTTE"], "ADT"),
    "AD0247": lambda d: cell(d["ADTTE"], "AVAL", np.nan),
    "AD0250": lambda d: without(d["ADTTE"], "CNSR"),
    "AD0256": lambda d: cell(d["ADAE"], "USUBJID", "NCT02343211-nobody"),
    "AD0269": lambda d: cell(d["ADAE"], "TRTEMFL", "N"),
    "AD0361": lambda d: cell(d["ADAE"], "AENDT", pd.Timestamp("2001-01-01")),
    "CT2001": lambda d: cell(d["ADSL"], "EOSSTT", "FINISHED"),
    "CT2002": lambda d: cell(d["ADMRS"], "DTYPE", "GUESS"),
    "PN0001": lambda d: appended(d["ADAE"]),
    "PN0002": lambda d: cell(d["ADTTE"], "ADT", pd.Timestamp("2001-01-01")),
    "PN0003": lambda d: cell(d["ADMRS"], "AVISIT", "Month 6", lambda f: f["AVISIT"].eq("Month 3")),
    "PN0004": lambda d: cell(d["ADTTE"], "AVAL", -1.0),
    "PN0005": lambda d: cell(d["ADAE"], "AETERM", "x" * 201),
    "PN0009": lambda d: with_column(d["ADTTE"], "CNSR", "text", "0"),
}
ELSEWHERE = {
    "SD0059",
    "SD0062",
    "PN0006",
    "PN0007",
    "PN0008",
    "PN0010",
    "PN0011",
    "PN0012",
}  # of files: test_broken_files


def test_sound_datasets_have_no_finding(datasets):
    assert adam.check(datasets.datasets) == ()


@pytest.mark.parametrize("rule", CASES)
def test_rule(datasets, rule):
    content = dict(datasets.datasets)
    changed = CASES[rule](content)
    content[changed.name] = changed
    if rule == "AD0001":
        del content["ADSL"]
    found = {finding.rule_id: finding for finding in adam.check(content)}
    assert rule in found
    assert found[rule].severity == adam.RULES[rule][0]
    assert adam.RULES[rule][1] in found[rule].message


def test_every_rule_is_tested():
    assert CASES.keys() | ELSEWHERE == adam.RULES.keys()
    table = adam.rules_table()
    assert set(table["rule"]) == adam.RULES.keys()


def test_a_finding_names_record_subject_and_value(datasets):
    content = dict(datasets.datasets)
    content["ADTTE"] = cell(content["ADTTE"], "CNSR", -1.0, 4)
    (finding,) = adam.check(content)
    subject = content["ADTTE"].frame["USUBJID"].iloc[4]
    assert finding.line == 5
    assert finding.message == (
        f"ADTTE line 5, patient {subject}, CNSR = '-1': AD0169: CNSR is an integer of at least 0; "
        "0 is an event, a positive integer a reason for censoring"
    )


def test_a_rule_broken_throughout_is_summed_up(many_datasets):
    content = dict(many_datasets.datasets)
    dataset = content["ADTTE"]
    content["ADTTE"] = dataclasses.replace(dataset, frame=dataset.frame.assign(CNSR=-1.0))
    found = adam.check(content)
    assert len(found) == 51
    assert f"{len(dataset)} records" in found[0].message or f"{len(dataset)} records" in found[-1].message


def test_an_empty_dataset_breaks_nothing():
    variables = (Variable("USUBJID", "Unique Subject Identifier", "text"), Variable("FASFL", "x", "text"))
    dataset = adam.Dataset("ADSL", "x", variables, as_frame([], variables))
    assert {finding.severity for finding in adam.check({"ADSL": dataset})} == {"warning"}

"""A broken file gives a finding with the id of its rule, whatever is wrong with it; never an exception."""

import json
import shutil

import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pnstrial as pns
from pnstrial import adam


def ids(path):
    """Read a folder: the ids of the errors, which must all be in the exception."""
    try:
        pns.read_adam(path)
    except adam.AdamDataError as problem:
        errors = [finding for finding in problem.findings if finding.severity == "error"]
        if errors[0].message not in str(problem):
            raise
        return [finding.rule_id for finding in errors]
    return []


@pytest.fixture
def folder(written, tmp_path):
    """Copy three of the datasets, without the list that states their records."""

    def copy(name="xpt"):
        where = tmp_path / name
        where.mkdir()
        for dataset in ("adsl", "admrs", "adtte"):
            shutil.copy(written / name / f"{dataset}.{name}", where)
        return where

    return copy


CUTS = [0, 1, 79, 80, 100, 239, 300, 400, 560, 639, 700, 1000, 5000, -1, -79, -80, -160, -800]


@pytest.mark.parametrize("name", ["adsl", "admrs", "adtte"])
def test_truncated_transport_file(written, tmp_path, name):
    data = (written / "xpt" / f"{name}.xpt").read_bytes()
    for keep in CUTS:
        (tmp_path / f"{name}.xpt").write_bytes(data[:keep])
        dataset, findings = adam.read_dataset(tmp_path / f"{name}.xpt")
        assert dataset is None, keep
        assert [finding.rule_id for finding in findings] == ["SD0062"], keep


def test_a_folder_with_a_truncated_file(folder):
    where = folder()
    file = where / "adsl.xpt"
    file.write_bytes(file.read_bytes()[:-160])
    assert ids(where) == ["SD0062"]


def test_a_cut_between_two_records_is_seen_by_the_stated_count(written, tmp_path):
    shutil.copytree(written / "xpt", tmp_path / "xpt")
    file = tmp_path / "xpt" / "adtte.xpt"
    data = file.read_bytes()
    dataset, _ = adam.read_dataset(file)
    row = sum(dataset.lengths().values())
    start = data.index(b"OBS     HEADER") + 60
    start += -start % 80
    whole = start + 20 * row
    file.write_bytes(data[:whole] + b" " * (-whole % 80))
    shorter, findings = adam.read_dataset(file)
    assert (len(shorter), findings) == (20, ())
    assert ids(tmp_path / "xpt") == ["PN0006"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"LIBRARY HEADER", b"LIBRARY HEADXX"),
        (b"MEMBER  HEADER", b"MEMBEX  HEADER"),
        (b"DSCRPTR HEADER", b"DSCRPTX HEADER"),
        (b"NAMESTR HEADER", b"NAMESTX HEADER"),
        (b"OBS     HEADER", b"OBX     HEADER"),
        (b"HEADER RECORD", b"\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        (b"01600000000140", b"01600000000999"),
    ],
)
def test_wrong_header(folder, old, new):
    where = folder()
    file = where / "adtte.xpt"
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new, 1))
    assert "SD0062" in ids(where)


@pytest.mark.parametrize(
    "content", [b"", b"not a transport file", b"\0" * 800, b"{}", "é".encode("latin-1") * 400]
)
@pytest.mark.parametrize("suffix", ["xpt", "json", "parquet"])
def test_another_file(folder, suffix, content):
    where = folder(suffix)
    (where / f"adtte.{suffix}").write_bytes(content)
    assert "SD0062" in ids(where)


def test_two_datasets_in_one_file(folder):
    where = folder()
    file = where / "adtte.xpt"
    data = file.read_bytes()
    file.write_bytes(data + data[240:])
    assert ids(where) == ["SD0062"]


def test_text_that_is_not_utf_8(folder):
    where = folder()
    file = where / "adsl.xpt"
    data = file.read_bytes()
    latin = "Saint-Étienne ".encode("latin-1")
    file.write_bytes(data.replace("Saint-Étienne".encode(), latin))
    assert ids(where) == ["SD0062"]
    trial = pns.read_adam(where, encoding="WINDOWS-1252", manifest=False)
    assert "Saint-Étienne" in set(trial.adsl["SITEID"])


def test_a_name_of_nine_characters_in_a_transport_file(folder):
    where = folder()
    frame = pd.DataFrame({"USUBJID": ["A"], "NINELETTR": [1.0]})
    pyreadstat.write_xport(frame, str(where / "adnine.xpt"), table_name="ADNINE", file_format_version=8)
    assert set(ids(where)) == {"SD0062", "AD0013"}


# ------------------------------------------------------------------------------------------------- Dataset-JSON
def change(where, dataset, do):
    file = where / f"{dataset}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    do(content, [column["name"] for column in content["columns"]])
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("part", [0.0001, 0.1, 0.5, 0.9, 0.9999])
def test_truncated_json(folder, part):
    where = folder("json")
    file = where / "admrs.json"
    data = file.read_bytes()
    file.write_bytes(data[: int(part * len(data))])
    assert "SD0062" in ids(where)


def put(content, names, name, value, row=0):
    content["rows"][row][names.index(name)] = value


JSON_CASES = {
    "no label": (lambda c, n: c["columns"][0].pop("label"), "SD0062"),
    "wrong version": (lambda c, n: c.update(datasetJSONVersion="2.0"), "SD0062"),
    "wrong time": (lambda c, n: c.update(datasetJSONCreationDateTime="yesterday"), "SD0062"),
    "record missing": (lambda c, n: c["rows"].pop(), "SD0062"),
    "value missing": (lambda c, n: c["rows"][0].pop(), "SD0062"),
    "variable twice": (lambda c, n: c["columns"][1].update(name="STUDYID"), "SD0062"),
    "text for a number": (lambda c, n: put(c, n, "AVAL", "12"), "SD0059"),
    "number for a text": (lambda c, n: put(c, n, "PARAMCD", 12), "SD0059"),
    "no date": (lambda c, n: put(c, n, "ADT", "2014-02-30"), "SD0059"),
    "a time for a date": (lambda c, n: put(c, n, "ADT", "2014-02-20T10:00"), "SD0059"),
    "nine characters": (lambda c, n: c["columns"][6].update(name="NINELETTR"), "AD0013"),
    "label of 41": (lambda c, n: c["columns"][6].update(label="l" * 41), "AD0016"),
    "duplicate key": (
        lambda c, n: (c["rows"].append(c["rows"][0]), c.update(records=len(c["rows"]))),
        "PN0001",
    ),
    "CNSR negative": (lambda c, n: put(c, n, "CNSR", -1), "AD0169"),
    "ADT before STARTDT": (lambda c, n: put(c, n, "ADT", "2010-01-01"), "PN0002"),
    "an unknown subject": (lambda c, n: put(c, n, "USUBJID", "nobody"), "AD0256"),
}


@pytest.mark.parametrize("case", JSON_CASES)
def test_wrong_json(folder, case):
    do, rule = JSON_CASES[case]
    where = folder("json")
    change(where, "adtte", do)
    assert rule in ids(where)


def test_two_baselines_in_json(folder):
    where = folder("json")

    def flag(content, names):
        for row in (0, 1):
            put(content, names, "ABLFL", "Y", row)

    change(where, "admrs", flag)
    assert "AD0154" in ids(where)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1, "a": 2}', "[" * 5000, "null", "[]", "12", '"x"'])
def test_odd_json(folder, text):
    where = folder("json")
    (where / "adtte.json").write_text(text)
    assert "SD0062" in ids(where)


def test_a_dataset_in_two_formats(written, tmp_path):
    shutil.copytree(written / "xpt", tmp_path, dirs_exist_ok=True)
    shutil.copy(written / "json" / "adtte.json", tmp_path)
    trial, findings = adam.check_adam(tmp_path)
    assert trial is not None
    assert [finding.rule_id for finding in findings] == ["PN0008"]
    change(tmp_path, "adtte", lambda c, n: put(c, n, "AVAL", 1))
    assert ids(tmp_path) == ["PN0007"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        pns.read_adam(tmp_path / "none")
    assert ids(tmp_path) == ["AD0001"]


# ----------------------------------------------------------------------------------------------- anything at all
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["adtte.xpt", "adae.xpt", "adtte.json", "adtte.parquet"]),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.floats(0, 1),
)
@pytest.mark.property
def test_no_change_of_bytes_raises(written, tmp_path, name, changes, cut):
    data = bytearray((written / name.split(".")[1] / name).read_bytes())
    for place, byte in changes:
        data[int(place * len(data))] = byte
    if cut is not None:
        del data[int(cut * len(data)) :]
    (tmp_path / name).write_bytes(bytes(data))
    dataset, findings = adam.read_dataset(tmp_path / name)
    assert (dataset is not None) or findings
    if dataset is not None:
        adam.check({dataset.name: dataset})


@pytest.fixture
def whole_set(written, tmp_path):
    shutil.copytree(written / "json", tmp_path / "set")
    return tmp_path / "set"


def test_a_set_without_its_list_is_incomplete(written, tmp_path):
    shutil.copytree(written / "json", tmp_path, dirs_exist_ok=True)
    (tmp_path / "datasets.csv").unlink()
    trial, findings = adam.check_adam(tmp_path)
    assert trial is None
    assert [finding.rule_id for finding in findings] == ["PN0010"]
    assert (
        findings[0].remedy == "incomplete, or not written here: --foreign (manifest=False) checks it without"
    )
    assert adam.check_adam(tmp_path, manifest=False)[0] is not None


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [("admrs", "CRIT1FL", "Y"), ("adtte", "AVAL", 9999), ("adsl", "AGE", 4), ("admrs", "CRIT1FL", "N")],
)
def test_a_changed_value_is_seen_by_the_digest(whole_set, name, column, value):
    where = whole_set
    content = json.loads((where / f"{name}.json").read_text())
    at = [item["name"] for item in content["columns"]].index(column)
    row = next(row for row in content["rows"] if row[at] not in (None, value))
    row[at] = value
    (where / f"{name}.json").write_text(json.dumps(content))
    assert ids(where) == ["PN0011"]
    found = adam.check_adam(where, manifest=False)[1]
    assert not [finding for finding in found if finding.rule_id == "PN0011"]


@pytest.mark.parametrize(
    ("name", "column", "value"), [("admrs", "CRIT1FL", "Y"), ("adtte", "AVAL", 9999), ("adsl", "TRTDURD", 4)]
)
def test_a_derived_value_is_derived_again(whole_set, name, column, value):
    """Also where the list was made to agree with the changed file."""
    from pnstrial.writing import digest

    where = whole_set
    file = where / f"{name}.json"
    before = digest(file.read_bytes())
    content = json.loads(file.read_text())
    at = [item["name"] for item in content["columns"]].index(column)
    row = next(row for row in content["rows"] if row[at] not in (None, value))
    row[at] = value
    file.write_text(json.dumps(content))
    listing = where / "datasets.csv"
    listing.write_text(listing.read_text().replace(before, digest(file.read_bytes())))
    assert ids(where) == ["PN0012"]


def test_a_file_that_is_missing_or_not_listed(whole_set):
    where = whole_set
    (where / "adae.json").rename(where / "adxx.json")
    assert "PN0010" in ids(where)

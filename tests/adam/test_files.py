"""XPT, Dataset-JSON and Parquet hold the values, labels, lengths and order of the datasets."""

import dataclasses
import json
from importlib import resources

import jsonschema
import numpy as np
import pandas as pd
import pyreadstat
import pytest

from pnstrial import adam
from pnstrial.adam.dataset import as_frame
from pnstrial.adam.dataset_json import write_dataset_json
from pnstrial.adam.long_text import in_pieces, joined, with_long_texts
from pnstrial.adam.specification import Variable
from pnstrial.adam.xpt import is_date_format, write_xpt

from .conftest import CREATED

FORMATS = ("xpt", "json", "parquet")


def same(read, dataset):
    pd.testing.assert_frame_equal(read.frame, dataset.frame)
    assert read.lengths() == dataset.lengths()
    assert read.name == dataset.name
    assert read.label == dataset.label
    for got, made in zip(read.variables, dataset.variables, strict=True):
        assert (got.name, got.label, got.is_text, got.format) == (
            made.name,
            made.label,
            made.is_text,
            made.format,
        )


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read(datasets, written, name):
    for dataset in datasets.datasets.values():
        read, findings = adam.read_dataset(written / name / f"{dataset.name.lower()}.{name}")
        assert findings == ()
        same(read, dataset)


@pytest.mark.parametrize("name", FORMATS)
def test_479_patients(many_datasets, tmp_path, name):
    adam.write_adam(many_datasets, tmp_path, name)
    for dataset in many_datasets.datasets.values():
        read, findings = adam.read_dataset(tmp_path / f"{dataset.name.lower()}.{name}")
        assert findings == ()
        same(read, dataset)
    assert adam.check_adam(tmp_path)[1] == ()


def test_pyreadstat_reads_equal_values_labels_and_lengths(datasets, written):
    for dataset in datasets.datasets.values():
        frame, meta = pyreadstat.read_xport(str(written / "xpt" / f"{dataset.name.lower()}.xpt"))
        assert list(frame.columns) == [variable.name for variable in dataset.variables]
        assert meta.column_labels == [variable.label for variable in dataset.variables]
        assert meta.variable_storage_width == dataset.lengths()
        assert (meta.table_name, meta.file_label) == (dataset.name, dataset.label)
        for variable in dataset.variables:
            made = dataset.frame[variable.name]
            got = frame[variable.name]
            if variable.kind == "date":
                assert meta.original_variable_types[variable.name] == "DATE9"
                assert pd.to_datetime(got).astype("datetime64[s]").equals(made)
            elif variable.is_text:
                assert got.tolist() == made.fillna("").tolist()
            else:
                np.testing.assert_array_equal(got.to_numpy(float), made.to_numpy(float))


def official():
    schema = json.loads((resources.files("pnstrial.adam") / "dataset-json-1.1.schema.json").read_text())
    return jsonschema.Draft201909Validator(schema)


def test_every_json_file_passes_the_official_schema(written):
    for file in (written / "json").glob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        assert [error.message for error in official().iter_errors(content)] == []
        assert adam.schema_problems(content) == []


def changed(content, path, value):
    copy = json.loads(json.dumps(content))
    place = copy
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


def test_our_reading_of_the_schema_agrees_with_jsonschema(written):
    validator = official()
    content = json.loads((written / "json" / "adtte.json").read_text(encoding="utf-8"))
    content["rows"] = content["rows"][:2]
    paths = [[key] for key in content] + [["columns", 0, key] for key in content["columns"][0]]
    paths += [["sourceSystem", "name"], ["columns", 0], ["rows", 0]]
    values = [None, "x", 7, -1, 0, 1.5, True, [], {}, {"a": 1}, "2024-01-01T00:00:00", "string", "1.1", "1.2"]
    for path in paths:
        for value in values:
            case = changed(content, path, value)
            assert bool(adam.schema_problems(case)) == (not validator.is_valid(case)), (path, value)
    assert adam.schema_problems([]) != []
    assert adam.schema_problems({**content, "extra": 1}) == ["extra is not known to Dataset-JSON 1.1"]


@pytest.mark.parametrize("name", ["xpt", "json"])
def test_equal_data_give_equal_files(datasets, written, tmp_path, name):
    adam.write_adam(datasets, tmp_path, name, CREATED)
    for file in (written / name).iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_text_that_is_not_ascii_is_kept(datasets, written):
    sites = set(datasets.adsl["SITEID"])
    assert "Saint-Étienne" in sites
    assert datasets.datasets["ADSL"].lengths()["SITEID"] == len("Saint-Étienne".encode())
    read, _ = adam.read_dataset(written / "xpt" / "adsl.xpt")
    assert set(read.frame["SITEID"]) == sites


def dataset_of(name="ADX", label="x", **texts):
    variables = tuple(Variable(key, "a label", "text") for key in texts)
    rows = [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]
    return adam.Dataset(name, label, variables, as_frame(rows, variables))


@pytest.mark.parametrize("name", ["xpt", "json"])
def test_what_is_too_long_is_named(tmp_path, name):
    bad = dataset_of(USUBJID=["A"], NINELETTR=["x"], LONGTEXT=["é" * 101])
    variables = (*bad.variables[:2], dataclasses.replace(bad.variables[2], label="l" * 41))
    bad = dataclasses.replace(bad, variables=variables)
    more = ("S", ("pnstrial", "0")) if name == "json" else ()
    write = {"xpt": write_xpt, "json": write_dataset_json}[name]
    with pytest.raises(adam.AdamSpecificationError) as problem:
        write(bad, tmp_path / f"x.{name}", CREATED, *more)
    text = str(problem.value)
    assert "ADX.NINELETTR: AD0013" in text
    assert "ADX.LONGTEXT: AD0016" in text
    assert "41 bytes" in text
    assert "ADX.LONGTEXT record 1 (A): text of 202 bytes" in text
    assert not list(tmp_path.iterdir())


def test_a_long_term_that_pieces_would_change_is_named_with_its_patient(tiny, protocol):
    term = "é" * 99 + " " + "頭" * 20
    trial = tiny(adverse_events=[{"term": term, "start_date": "2014-03-05"}])
    with pytest.raises(
        ValueError, match=r"ADAE.AETERM record 1 \(NCT02343211-A\): text of 259 bytes, at most 200"
    ):
        adam.derive(trial, protocol)


def test_datasets_without_records(tiny, protocol, tmp_path):
    datasets = adam.derive(tiny(screening=[{"enrolment_date": None}]), protocol)
    assert [len(dataset) for dataset in datasets.datasets.values()] == [1, 0, 0, 0, 0, 0]
    for name in FORMATS:
        adam.write_adam(datasets, tmp_path / name, name)
        trial, findings = adam.check_adam(tmp_path / name)
        assert findings == ()
        assert len(trial["ADTTE"]) == 0
        assert trial.population() == ()


def test_the_specification_is_that_of_the_data(datasets, written):
    table = pd.read_csv(written / "xpt" / "specification.csv", keep_default_na=False)
    for name, dataset in datasets.datasets.items():
        own = table[table["dataset"] == name]
        assert own["variable"].tolist() == list(dataset.frame.columns)
        assert own["label"].tolist() == [variable.label for variable in dataset.variables]
        assert own["length"].tolist() == list(dataset.lengths().values())
        keys = own[own["key"] != ""].astype({"key": int}).sort_values("key")["variable"]
        assert tuple(keys) == dataset.keys
    page = (written / "xpt" / "specification.html").read_text(encoding="utf-8")
    for variable in table["variable"]:
        assert f"<td>{variable}</td>" in page


def test_every_declared_variable_keeps_the_limits():
    table = adam.specification()
    assert table["variable"].str.len().max() <= 8
    assert table["label"].str.len().max() <= 40
    assert table["source"].ne("").mean() > 0.9
    assert not table.duplicated(["dataset", "variable"]).any()


def test_values_are_terms_of_their_codelists(many_datasets):
    for name in many_datasets.datasets:
        for variable in adam.DATASETS[name].variables:
            if variable.codelist:
                values = set(many_datasets[name][variable.name].dropna())
                assert values <= set(adam.CODELISTS[variable.codelist].terms), (name, variable.name)


def test_format_that_does_not_exist(datasets, tmp_path):
    with pytest.raises(ValueError, match="format is 'sas'; allowed are xpt, json, parquet"):
        adam.write_adam(datasets, tmp_path, "sas")


def test_files_that_are_no_datasets(tmp_path):
    with pytest.raises(ValueError, match="no file"):
        adam.read_dataset(tmp_path / "adsl.xpt")
    (tmp_path / "adsl.txt").write_text("")
    with pytest.raises(ValueError, match="its name must end in"):
        adam.read_dataset(tmp_path / "adsl.txt")
    (tmp_path / "adsl.parquet").write_bytes(b"PAR1 nothing")
    dataset, findings = adam.read_dataset(tmp_path / "adsl.parquet")
    assert dataset is None
    assert findings[0].rule_id == "SD0062"


@pytest.mark.parametrize(
    "shown", ["DATE9", "DATE", "date9.", "YYMMDD10", "E8601DA", "IS8601DA10", "MMDDYYS8"]
)
def test_date_formats(shown):
    assert is_date_format(shown)


@pytest.mark.parametrize("shown", ["", "8", "BEST12", "DATETIME20", "$20", "TIME8"])
def test_other_formats(shown):
    assert not is_date_format(shown)


WORDS = "headache after the infusion with nausea and blurred vision, "
LONG = {
    "a sentence": (WORDS * 8).strip(", "),
    "accents": "céphalée après la perfusion et troubles de la vue " * 7 + "fin",
    "one word": "x" * 450,
    "Japanese": "頭痛" * 120,
    "200 bytes": "a" * 199 + " b",
    "two spaces": ("word  word " * 40).strip(),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_stands_in_pieces_and_is_read_whole(example, protocol, tmp_path, text):
    events = example.adverse_events
    events.loc[events.index[0], "term"] = text
    changed = dataclasses.replace(example, tables={**example.tables, "adverse_events": events})
    made = adam.derive(changed, protocol)
    assert text in set(made.adae["AETERM"])
    digests = set()
    for name in FORMATS:
        adam.write_adam(made, tmp_path / name, name)
        frame = pd.read_csv(tmp_path / name / "specification.csv").query("dataset == 'ADAE'")
        pieces = [
            f"AETERM{number or ''}"
            for number in range(len(frame))
            if f"AETERM{number or ''}" in set(frame["variable"])
        ]
        assert len(pieces) > 1
        assert frame["length"].max() <= 200
        dataset, findings = adam.read_dataset(tmp_path / name / f"adae.{name}")
        assert findings == ()
        same(dataset, made.datasets["ADAE"])
        digests.add(dataset.digest)
        assert adam.check_adam(tmp_path / name)[1] == ()
    assert digests == {made.datasets["ADAE"].digest}
    raw, _ = pyreadstat.read_xport(str(tmp_path / "xpt" / "adae.xpt"))
    row = raw[raw["AETERM1"] != ""].iloc[0]
    assert all(len(row[piece].encode()) <= 200 for piece in pieces)
    if text.isascii() and "  " not in text and " " in text:
        assert " ".join(row[piece] for piece in pieces) == text
        assert row["AETERM"] == text[: text.rfind(" ", 0, 200)]


def test_names_of_pieces_have_eight_characters(tmp_path):
    dataset = with_long_texts(dataset_of(USUBJID=["A", "B"], CNSDTDSC=[(WORDS * 40).strip(), None]))
    names = [variable.name for variable in in_pieces(dataset).variables]
    assert names[:3] == ["USUBJID", "CNSDTDSC", "CNSDTDS1"]
    assert names[-1] == "CNSDTD12"
    assert joined(in_pieces(dataset)).digest == dataset.digest


def test_alike_names_are_no_pieces():
    one = dataset_of(USUBJID=["A"], CRIT1=["short"], CRIT11=["another"])
    assert joined(one) is one
    gap = dataset_of(USUBJID=["A", "B"], TERM=[(WORDS * 3).strip(), None], TERM1=["rest", "alone"])
    assert joined(gap) is gap


def test_identifiers_and_words_that_pieces_would_change_stay_refused(tmp_path):
    taken = with_long_texts(dataset_of(USUBJID=["A" * 201], TERM=[(WORDS * 5).strip()], TERM1=["taken"]))
    assert taken.long_texts == ()
    lost = with_long_texts(dataset_of(USUBJID=["A"], TERM=["é" * 99 + " " + "頭" * 20]))
    assert lost.long_texts == ()
    with pytest.raises(ValueError, match="at most 200 fit"):
        write_xpt(lost, tmp_path / "x.xpt", CREATED)

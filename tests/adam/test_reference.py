"""The CDISC pilot files, and what R's haven reads in our transport files.

Pilot: cdisc-org (MIT); medians of Kaplan-Meier by treatment as R survival 3.5-3 and lifelines 0.30.3 give them,
placebo not reached, 36 [23, 46] and 33 [27, 48] days; exact. haven 2.5.1 on R 4.2.2: haven.R, haven.json; exact.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import adam
from pnstrial.results import NotEstimable
from pnstrial.survival import kaplan_meier

from .conftest import CREATED

pytestmark = pytest.mark.reference
REFERENCE = Path(__file__).parents[1] / "reference"
PILOT = REFERENCE / "cdisc-pilot"


def errors(findings):
    return [str(finding) for finding in findings if finding.severity == "error"]


@pytest.mark.parametrize("name", [None, "xpt", "json"])
def test_the_pilot_is_read_without_an_error(name):
    trial, findings = adam.check_adam(PILOT, name, manifest=False)
    assert errors(findings) == []
    assert len(trial["ADSL"]) == len(trial["ADTTE"]) == 254


def test_the_pilot_is_equal_in_both_formats():
    first, second = adam.read_dataset(PILOT / "adtte.xpt"), adam.read_dataset(PILOT / "adtte.json")
    assert first[1] == second[1] == ()
    pd.testing.assert_frame_equal(first[0].frame, second[0].frame)
    assert second[0].keys == ("USUBJID", "PARAMCD")


def test_the_pilot_has_no_finding_but_two_labels_in_json(tmp_path):
    shutil.copy(PILOT / "adsl.xpt", tmp_path)
    shutil.copy(PILOT / "adtte.json", tmp_path)
    _, findings = adam.check_adam(tmp_path, manifest=False)
    assert [(finding.rule_id, finding.column) for finding in findings] == [
        ("AD0018", "STARTDT"),
        ("AD0018", "SRCDOM"),
    ]


@pytest.mark.parametrize("name", ["xpt", "json"])
@pytest.mark.parametrize("arm", ["TRTA", "TRTP"])
def test_the_medians_of_the_pilot(name, arm):
    trial = pns.read_adam(PILOT, name, manifest=False)
    adtte = trial["ADTTE"]
    times = trial.time_to_event("TTDE")
    got = {}
    for group, rows in times.groupby(adtte[arm]):
        median = kaplan_meier(rows["days"], rows["event"] == 1, conf_type="log-log").quantile(0.5)
        known = not isinstance(median.estimate, NotEstimable) and median.estimate is not None
        got[group] = (median.estimate, median.lower, median.upper) if known else None
    assert got == {"Placebo": None, "Xanomeline High Dose": (36, 23, 46), "Xanomeline Low Dose": (33, 27, 48)}


def test_haven_reads_equal_values_labels_and_lengths(example, protocol, tmp_path):
    datasets = adam.derive(example, protocol)
    adam.write_adam(datasets, tmp_path, "xpt", CREATED)
    read = json.loads((REFERENCE / "adam" / "haven.json").read_text(encoding="utf-8"))
    assert {item["file"] for item in read} == {f"{name.lower()}.xpt" for name in datasets.datasets}
    for item in read:
        path = tmp_path / item["file"]
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        assert digest == item["md5"], "the file is no longer the one that haven read: run haven.R again"
        dataset = datasets.datasets[path.stem.upper()]
        assert (item["label"], item["records"]) == (dataset.label, len(dataset))
        assert [column["name"] for column in item["columns"]] == list(dataset.frame.columns)
        lengths = dataset.lengths()
        for column in item["columns"]:
            variable = dataset.variable(column["name"])
            values = dataset.frame[variable.name]
            assert (column["label"], column["length"]) == (variable.label, lengths[variable.name])
            if variable.kind == "date":
                assert column["class"] == "Date"
                assert column["values"] == [None if pd.isna(v) else str(v.date()) for v in values]
            elif variable.is_text:
                assert column["values"] == values.fillna("").tolist()
            else:
                got = np.array([np.nan if v is None else v for v in column["values"]], dtype=float)
                np.testing.assert_array_equal(got, values.to_numpy(float))

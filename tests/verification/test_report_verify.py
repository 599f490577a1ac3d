"""Table 17.2: which numbers of the report other libraries agree with."""

import pandas as pd
import pytest

from pnstrial.cli import main
from pnstrial.reporting.checklist import _agreement


def test_the_table_says_agrees_and_prints_a_difference_only_above_the_tolerance():
    opinion = pd.DataFrame({
        "quantity": ["a", "b", "c"], "engine": ["scipy"] * 3, "tolerance": [1e-9] * 3, "agrees": [True, False, False],
        "difference": [3e-11, 2e-4, 5e-3], "reason": ["", "another definition", ""],
    })  # fmt: skip
    assert _agreement(opinion).frame["Answer"].tolist() == [
        "agrees to 1e-9",
        "differs by 2.0e-04: another definition",
        "differs by 5.0e-03: without a reason",
    ]


def test_report_verify_writes_table_17_2(tmp_path):
    for module in ("lifelines", "statsmodels"):
        pytest.importorskip(module)
    folder, out = tmp_path / "trial", tmp_path / "report"
    assert main(["example", str(folder)]) == 0
    assert main(["report", str(folder), "--out", str(out), "--verify"]) == 0
    [table] = list((out / "tables").glob("*17.2*"))
    rows = pd.read_csv(table, comment="#")
    assert (rows["Answer"].str.startswith("agrees to")).sum() > 30
    assert "--verify" in (out / "report.html").read_text()

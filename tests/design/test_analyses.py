"""The published series give the figures that they are known for, and the analyses run."""

import runpy
from pathlib import Path

import pandas as pd
import pytest

from pnstrial import design
from pnstrial.series import load_series, pooled_counts, series_records

pytestmark = pytest.mark.reference
ANALYSES = Path(__file__).parents[2] / "analyses"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("pool", "counts", "share", "limits"),
    [("ivig", (1, 37), 2.7, (0.1, 14.2)), ("treated", (13, 114), 11.4, (6.2, 18.7))],
)
def test_pools(pool, counts, share, limits):
    assert pooled_counts(pool) == counts
    result = design.proportion(*counts)
    assert round(100 * result.estimate, 1) == share
    assert tuple(round(100 * limit, 1) for limit in result.ci) == limits


@pytest.mark.parametrize(
    ("p0", "p1", "critical", "alpha", "power"),
    [(0.05, 0.30, 4, 0.009, 0.80), (0.10, 0.30, 5, 0.022, 0.61), (0.10, 0.35, 5, 0.022, 0.77)],
)
def test_seventeen_patients(p0, p1, critical, alpha, power):
    test = design.single_stage_at(17, p0, p1)
    assert (test.critical, round(test.alpha, 3), round(test.power, 2)) == (critical, alpha, power)
    assert round(design.binomial_tail(3, 17, 0.05), 4) == 0.0503


def test_first_analysis(capsys):
    runpy.run_path(str(ANALYSES / "01_published_series.py"), run_name="__main__")
    table = pd.read_csv("out/01_published_series.csv").set_index("series")
    ivig = table.loc["pooled: IVIg-containing series"]
    assert [ivig["improved"], ivig["n"]] == [1, 37]
    assert Path("out/01_published_series.png").stat().st_size > 10_000
    assert "0.611" in capsys.readouterr().out


def test_second_analysis(capsys):
    runpy.run_path(str(ANALYSES / "02_designs_at_seventeen.py"), run_name="__main__")
    table = pd.read_csv("out/02_designs_at_seventeen.csv")
    assert (table["alpha"] <= 0.05).all()
    assert (table["n_max"] == 17).all()
    assert (table["alpha_conventional"] > table["alpha_structured"]).all()
    assert (table["alpha_structured"] > table["alpha_focused"]).all()
    assert Path("out/02_designs_at_seventeen.png").stat().st_size > 10_000
    assert "Reading 2" in capsys.readouterr().out


def test_series_carry_their_sources():
    frame = load_series()
    assert frame["source"].str.len().min() > 5
    assert frame["verification"].notna().all()
    assert frame.loc["berzero2018", "n"] == 17
    assert pd.isna(frame.loc["berzero2018", "improved"])
    assert frame.loc["sillevissmitt2002", "survival"] == {3.0: 0.64, 12.0: 0.4, 36.0: 0.22}
    with pytest.raises(ValueError, match="choose one of"):
        series_records("none")

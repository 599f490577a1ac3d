"""The page of a simulation: its sentence, its numbers and that it repeats byte for byte."""

import re

import html5lib
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.figures.simulation import accrual, course, power_exact
from pnstrial.reporting import simulation


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    texts = []
    for name in ("one", "two"):
        out = tmp_path_factory.mktemp(name) / "s"
        assert main(["simulate", "anti-hu", "--trials", "400", "--quiet", "--out", str(out)]) == 0
        texts.append((out / "report.html").read_text())
    return texts


def test_it_is_whole_and_the_same_twice(pages):
    assert pages[0] == pages[1]
    html5lib.HTMLParser(strict=True).parse(pages[0])
    assert pages[0].count("<figure>") == 4
    assert "http" not in re.sub(r"doi[^<]*", "", pages[0])
    ids = re.findall(r' id="([^"]*)"', pages[0])
    assert len(ids) == len(set(ids))


def test_the_sentence_is_the_exact_answer(pages, protocol):
    scenario = pns.load_scenario("anti-hu")
    exact = pns.exact_characteristics(protocol, scenario).answers["probability_of_success"]
    words = f"{100 * exact:.0f} of 100" if exact >= 0.005 else "Fewer than 1 of 100"
    assert f"{words} such trials would succeed" in pages[0]
    curve = simulation._curve(protocol, scenario)
    found = simulation._success_at(protocol, scenario, curve, 0.20)
    below, above = curve[curve["true_response"] < 0.2].iloc[-1], curve[curve["true_response"] > 0.2].iloc[0]
    assert below["success"] < found < above["success"]
    assert f"{100 * found:.0f} of 100 would if 20" in pages[0].replace('<span class="u">', "")
    assert simulation._success_at(protocol, scenario, curve, 0.99) is None
    assert "pnstrial simulate anti-hu --protocol nct02343211 --trials 400 --seed 1" in pages[0]


def test_occupancy_begins_with_the_enrolled_and_never_loses_one(protocol):
    scenario = pns.load_scenario("anti-hu")
    days, grades = simulation._occupancy(protocol, scenario)
    for shares in grades.values():
        assert shares.sum(axis=1) == pytest.approx(1.0)
        assert shares[0, 6] == 0
        assert (shares[1:, 6] >= shares[:-1, 6] - 1e-12).all()
    alive = {day: 1 - dead for day, dead in zip(days, grades["without IVIg"][:, 6], strict=True)}
    assert alive[days[12]] == pytest.approx(
        0.40, abs=0.02
    )  # the published survival that the scenario was fitted to
    assert len(course(days, grades).collections) == 7


def test_plotted_data():
    axes = accrual(17, 0.42)
    median = next(line for line in axes.lines if line.get_gid() == "median")
    assert max(median.get_ydata()) == 17
    assert list(median.get_ydata()) == sorted(median.get_ydata())
    curve = pd.DataFrame(
        {"factor": [0.0, 1.0, 4.0], "true_response": [0.0, 0.1, 0.3], "success": [0.01, 0.1, 0.7]}
    )
    (mark,) = (line for line in power_exact(curve).lines if line.get_gid() == "scenario")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (0.1, 0.1)


def test_compare_writes_a_page(tmp_path, capsys):
    words = ["compare", "anti-hu", "--n", "17", "34", "--rating", "none", "structured", "--exact"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    page = (tmp_path / "report.html").read_text()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "4 designs compared: exact answers" in page
    assert page.count("<figure>") == 1
    assert "--rating none structured --exact" in page

"""The reports in a real browser: no request, no error, every figure with pixels, nothing that axe-core objects to."""

import pytest

import pnstrial as pns
from pnstrial.cli import main
from tests.browser import Window, violations


@pytest.fixture(scope="module")
def report(example, protocol, tmp_path_factory):
    return pns.report(example, protocol, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def simulation_report(tmp_path_factory):
    out = tmp_path_factory.mktemp("simulation") / "out"
    assert main(["simulate", "anti-hu", "--trials", "50", "--quiet", "--out", str(out)]) == 0
    return out / "report.html"


@pytest.fixture(params=["report", "simulation_report"])
def opened(request, chromium):
    file = request.getfixturevalue(request.param)
    window = Window(chromium, file.as_uri())
    window.page.goto(file.as_uri())
    yield window.page, file.read_text(encoding="utf-8")
    window.check()
    window.context.close()


def test_every_figure_has_pixels_and_nothing_is_wider_than_the_screen(opened):
    page, text = opened
    for width in (360, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        sizes = page.evaluate(
            "[...document.querySelectorAll('figure svg')].map(one => one.getBoundingClientRect().width)"
        )
        assert len(sizes) == text.count("<figure>") > 0
        assert min(sizes) > 50
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_finds_nothing(opened):
    page, _ = opened
    assert violations(page) == []

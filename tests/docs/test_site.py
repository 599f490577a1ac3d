"""The site: every public name has its page, every link its target, and nothing is loaded from elsewhere."""

import importlib
import re
from pathlib import Path

import pytest

import pnstrial as pns
import pnstrial.verification

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site():
    specification = importlib.util.spec_from_file_location("build_site", DOCS / "build_site.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_public_name_has_a_page(site):
    pages = dict(site.pages())
    for package in site.PACKAGES:
        for name in importlib.import_module(f"pnstrial.{package}").__all__:
            assert f"({package}/{name}.md)" in pages[f"api/{package}.md"]
            assert "::: pnstrial." in pages[f"api/{package}/{name}.md"]
    modules = {name for name, home in pns._HOMES.items() if not home}
    homes = {home for home in pns._HOMES.values() if home}
    assert modules | homes <= set(site.PACKAGES)
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert all(f"- {package}: api/{package}.md" in navigation for package in site.PACKAGES)


def test_every_documented_name_can_be_found_at_its_home(site):
    for package in site.PACKAGES:
        for name in site.public_names(package):
            full = site.home(package, name)
            module, _, last = full.rpartition(".")
            if callable(getattr(importlib.import_module(f"pnstrial.{package}"), name)):
                assert getattr(importlib.import_module(module), last).__doc__, f"{full} has no docstring"


def test_every_guide_is_in_the_navigation_and_every_link_has_a_target(site):
    navigation = (ROOT / "mkdocs.yml").read_text()
    generated = {path for path, _ in site.pages()}
    for guide in DOCS.glob("*.md"):
        assert f"{guide.name}\n" in navigation, f"{guide.name} is not in the navigation"
        for target in re.findall(r"\]\(([^)#\s]+)", guide.read_text()):
            if not target.startswith(("http://", "https://")):
                assert (DOCS / target).exists() or target in generated, f"{guide.name} links to {target}"


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        ('<script src="https://cdn.example/a.js"></script>', True),
        ("<img alt='x' src=//cdn.example/a.png>", True),
        ('<link href="https://fonts.example/css" rel="stylesheet">', True),
        ('<link rel="stylesheet" href="http://fonts.example/css">', True),
        ("@import 'https://fonts.example/css';", True),
        ("body { background: url(https://a.example/b.png) }", True),
        ('<a href="https://example.org">read</a>', False),
        ('<link rel="canonical" href="https://example.org/">', False),
        ('<script src="../assets/a.js"></script>', False),
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_seen(site, text, loads):
    assert bool(site.external_resources(text)) is loads


def test_a_picture_is_the_figure_of_the_code_above_it(site):
    guide = ">>> from matplotlib import pyplot as plt\n>>> _ = plt.plot([1, 2], label='seen')\n"
    [(name, drawing)] = site.pictures(guide + "<!-- figure one-line: A line -->")
    assert name == "one-line"
    assert drawing.count("<svg") == 1
    with pytest.raises(ValueError, match="draws no figure"):
        list(site.pictures(">>> 1 + 1\n2\n<!-- figure none: Nothing -->"))


def test_every_call_of_r_stands_beside_ours(site):
    page = dict(site.pages())["from-r.md"]
    rows = [line for line in page.splitlines() if line.startswith("| <code>")]
    assert len(rows) == len(pns.verification.reference_cases()["cases"]) >= 110
    assert all(row.count("|") == 5 for row in rows)

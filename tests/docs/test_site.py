"""The site: every public name has its page, every link its target, and nothing is loaded from elsewhere."""

import contextlib
import doctest
import functools
import importlib
import importlib.util
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import pnstrial as pns
import pnstrial.verification
from tests.browser import Window

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
    public = {name: getattr(pns, name) for name in dir(pns)}
    modules = {name for name, value in public.items() if isinstance(value, ModuleType)}
    assert modules <= set(site.PACKAGES)
    shown = [
        name for package in site.PACKAGES for name in importlib.import_module(f"pnstrial.{package}").__all__
    ]
    assert set(public) - modules <= set(shown)
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert all(f"- {package}: api/{package}.md" in navigation for package in site.PACKAGES)


def test_every_documented_name_can_be_found_at_its_home(site):
    for package in site.PACKAGES:
        for name in site.public_names(package):
            full = site.home(package, name)
            module, _, last = full.rpartition(".")
            if callable(getattr(importlib.import_module(f"pnstrial.{package}"), name)):
                assert getattr(importlib.import_module(module), last).__doc__, f"{full} has no docstring"


def test_every_public_function_has_an_example_that_runs(site):
    without, skipped = [], []
    for package in site.PACKAGES:
        for name in site.public_names(package):
            value = getattr(importlib.import_module(f"pnstrial.{package}"), name)
            if callable(value) and not inspect.isclass(inspect.unwrap(value)) and inspect.getdoc(value):
                examples = doctest.DocTestParser().get_examples(value.__doc__ or "")
                without += [] if examples else [f"{package}.{name}"]
                skipped += [f"{package}.{name}" for example in examples if doctest.SKIP in example.options]
    assert set(without) == {"protocol.Criterion"}  # a union of types, documented by each of them
    assert set(skipped) == {"verification.qualify"}  # seconds long: run by its own tests


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site by its path, as Markdown."""
    return dict(site.pages()) | {
        guide.relative_to(DOCS).as_posix(): guide.read_text() for guide in DOCS.rglob("*.md")
    }


def links(page, text):
    """Give the pages and anchors that a page links to, by their paths in the site."""
    for target in re.findall(r"\]\(([^)\s]+)", text):
        if not target.startswith(("http://", "https://", "#")):
            path, _, anchor = target.partition("#")
            parts = []
            for part in [*Path(page).parent.parts, *path.split("/")]:
                parts = parts[:-1] if part == ".." else [*parts, part]
            yield "/".join(parts), anchor


def anchors(text):
    """Give the anchors of a page's headings, as the site makes them."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^#+ (.+)$", without_code, flags=re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


def test_every_guide_is_in_the_navigation_and_every_link_has_a_target(pages):
    navigation = (ROOT / "mkdocs.yml").read_text()
    for path in DOCS.rglob("*.md"):
        guide = path.relative_to(DOCS).as_posix()
        assert re.search(rf"(: |- ){re.escape(guide)}\n", navigation), f"{guide} is not in the navigation"
        for target, anchor in links(guide, pages[guide]):
            assert target in pages or (DOCS / target).exists(), f"{guide} links to {target}"
            assert not anchor or anchor in anchors(pages[target]), f"{guide} links to {target}#{anchor}"


@functools.cache
def tasks():
    return tomllib.loads((Path(__file__).parent / "tasks.toml").read_text())["tasks"]


def test_a_newcomer_finds_each_task_within_three_clicks(pages):
    assert len(tasks()) >= 40
    clicks = {"index.md": 0}
    reached = ["index.md"]
    for page in reached:  # grows while it is walked: nearest pages first
        for target, _ in links(page, pages[page]):
            if target in pages and target not in clicks:
                clicks[target] = clicks[page] + 1
                reached.append(target)
    for task, place in tasks().items():
        page, _, anchor = place.partition("#")
        assert page in pages, f"{task}: there is no page {page}"
        assert clicks.get(page, 99) + bool(anchor) <= 3, f"{task}: {clicks.get(page)} clicks to {page}"
        assert not anchor or anchor in anchors(pages[page]), f"{task}: {page} has no anchor {anchor}"


def test_every_guide_with_code_shows_a_picture_of_it(pages):
    for path in DOCS.rglob("*.md"):
        guide = path.relative_to(DOCS).as_posix()
        if (
            ">>>" in pages[guide] and guide != "tutorials/report.md"
        ):  # which shows the page that its commands write
            assert "<!-- figure" in pages[guide], f"{guide} has no picture"


def test_the_gallery_has_every_figure(pages):
    drawn = set(re.findall(r"figures\.(\w+)\(", pages["gallery.md"]))
    assert set(pns.figures.__all__) - {"draw"} <= drawn


def test_the_commands_of_the_tutorials_run(tmp_path, monkeypatch):
    from pnstrial.cli import main

    monkeypatch.chdir(tmp_path)
    text = (DOCS / "tutorials" / "report.md").read_text()
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) == 7
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "pnstrial"
        if words[0] in {"verify", "report"}:
            continue  # run by their own tests
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            assert main(words) == 0, command


def test_code_is_fenced_as_what_it_is():
    for path in DOCS.rglob("*.md"):
        fences = re.findall(r"^```(\w*)$", path.read_text(), re.MULTILINE)
        assert set(fences) <= {"", "python", "sh", "text", "toml"}, path.name
        bare = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        assert ">>>" not in bare, f"{path.name} has an example outside of a fence"


def test_equations_become_mathml_and_code_does_not(site):
    pytest.importorskip("latex2mathml")
    text = site._with_places("So \\(x_1 < y\\) and `\\(no\\)`.\n```\n\\[ no \\]\n```\n\\[ \\frac{1}{2} \\]\n")
    page = site.on_page_content(text)
    assert page.count("<math") == 2
    assert page.count("no") == 2
    assert "<mfrac>" in page
    for path in DOCS.rglob("*.md"):
        assert "merror" not in site.on_page_content(site._with_places(path.read_text())), path.name


def test_references_of_docstrings_become_a_list():
    pytest.importorskip("griffe")
    specification = importlib.util.spec_from_file_location("references", DOCS / "numpydoc_references.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert module.as_markdown("As [1]_.\n\n.. [1] Pratt.\n.. [2] Cox.") == "As \\[1\\].\n\n1. Pratt.\n2. Cox."
    assert module.as_markdown("time : array_like, shape (n,)\n") == "time : array_like of shape (n,)\n"


def test_a_page_of_a_function_names_what_is_near(site):
    page = site.name_page("shift", "signed_rank")
    assert re.search(r"\[`(\w+)`\]\(\1\.md\)", page)
    assert "(../../shift.md)" in page
    assert "all of [shift](../shift.md)" in page
    assert "(../../compare/signed-rank.md)" in page
    near = site.name_page("survival", "kaplan_meier")
    assert near.index("(../../survival.md)") < near.index("(../../compare/kaplan-meier.md)")


def test_search_works_from_a_folder(tmp_path, chromium):
    pytest.importorskip("material")
    (tmp_path / "docs").mkdir()
    shutil.copy(DOCS / "iframe-worker.js", tmp_path / "docs")
    (tmp_path / "docs" / "index.md").write_text("# Home\n")
    (tmp_path / "docs" / "curves.md").write_text("# Curves\n\nOf the zebrafish.\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: small\nuse_directory_urls: false\ntheme: {name: material, font: false}\n"
        "extra: {polyfills: [iframe-worker.js]}\nplugins: [search, offline]\n"
    )
    build = ["mkdocs", "build", "-q", "-f", str(tmp_path / "mkdocs.yml"), "-d", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-m", *build], check=True, capture_output=True,
                   env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})  # fmt: skip
    place = f"{(tmp_path / 'site' / 'index.html').as_uri()}?q=zebrafish"
    window = Window(chromium, (tmp_path / "site").as_uri())
    window.page.goto(place)
    found = window.page.wait_for_selector("a.md-search-result__link", state="attached")
    assert "curves.html" in found.get_attribute("href")
    window.check()
    window.context.close()


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
    compared = len(pns.verification.reference_cases()["cases"])
    assert compared >= 130
    assert len(rows) == compared + len(site.WITHOUT_REFERENCE)
    assert all(row.count("|") == 5 for row in rows)
    for package in ("clinfun", "survival", "msm", "ordinal", "coin", "rpact", "adaptr", "tern", "admiral"):
        assert package in page
    for _, _, call, _ in site.WITHOUT_REFERENCE:
        name = re.match(r"pns\.([\w.]+)", call)[1]
        assert functools.reduce(getattr, name.split("."), pns) is not None


def command_lines():
    """Give every command of the program that stands in a block of a guide or of the README, with the page."""
    for path in DOCS.rglob("*.md"):
        for line in path.read_text().replace("\\\n", " ").splitlines():
            if line.startswith("pnstrial "):
                command = line.partition(" > ")[0].partition(" && ")[0]
                yield path.name, shlex.split(command, comments=True)[1:]


def test_every_command_in_a_guide_is_one_that_exists():
    from pnstrial import cli

    parser = cli._parser()
    found = list(command_lines())
    assert len(found) > 25
    for page, words in found:
        if words[-1:] == ["--help"]:
            continue
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                _, rest = parser.parse_known_args(words)
            except SystemExit:
                pytest.fail(f"{page}: pnstrial {shlex.join(words)}: {said.getvalue()}")
        assert not rest, f"{page}: pnstrial {shlex.join(words)}: unknown {rest}"


@pytest.mark.long
def test_every_command_in_a_guide_runs(tmp_path, monkeypatch):
    from pnstrial import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(["example", "my-trial"]) == 0
    with contextlib.redirect_stdout(io.StringIO()) as scenario:
        assert cli.main(["scenario", "anti-hu"]) == 0
    Path("my.toml").write_text(scenario.getvalue())
    failed = []
    for page, words in command_lines():
        if words[:1] in (["page"], ["example"]) or {"--address", "--help", "sdtm"} & set(words):
            continue  # a server, a cluster, data that only a user has
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            code = cli.main(["1e4" if word in {"1e6", "1e8", "100000"} else word for word in words])
        if code == 2:
            failed.append((page, shlex.join(words), said.getvalue()))
    assert not failed

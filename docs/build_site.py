r"""How do the public names become pages, and the code of the guides pictures? (a hook of MkDocs)

Input: the public packages of `pnstrial`, each with its ``__all__``; the guides.
Output: ``api/PACKAGE.md``, a list of a package's public names, and ``api/PACKAGE/NAME.md``, a page each; a picture
wherever a guide says ``<!-- figure NAME: what it shows -->``; its equations (LaTeX in brackets) as MathML.
Protocol section: none.
Method: pages are made while the site is built and never committed. For a picture, the examples of its page that stand
above it are run in order, as doctest runs them, and the figure that is then current is drawn as SVG. Search works from
a folder: the index is a script, and `iframe-worker.js` stands in for the worker that a browser refuses there.
Next: `mkdocs.yml`.
"""

from __future__ import annotations

import doctest
import html
import inspect
import io
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

sys.path.insert(
    0, str(Path(__file__).parent.parent)
)  # the package that is documented is the one beside docs/

PACKAGES = (
    "protocol",
    "data",
    "eligibility",
    "exposure",
    "visits",
    "endpoints",
    "questions",
    "analysis",
    "checks",
    "rules",
    "design",
    "shift",
    "survival",
    "multistate",
    "simulate",
    "drafts",
    "looks",
    "series",
    "figures",
    "adam",
    "reporting",
    "verification",
    "results",
)
"""What has a page in the reference, in the order of the trial."""
WITHOUT_REFERENCE = (
    (
        "rpact",
        "getSimulationRates(design, groups = 1)",
        "pns.design.operating_characteristics(looks, [0.3])",
        "R simulates a normal test statistic; ours are the exact chances of counts that stop",
    ),
    (
        "adaptr",
        "setup_trial_binom(...)",
        "pns.load_scenario('anti-hu')",
        "a specification, no number; what a trial of one arm so specified does is compared above",
    ),
    (
        "adaptr",
        "run_trials(spec, n_rep = 1000)",
        "pns.simulate_trials(protocol, scenario, n_trials=1000)",
        "two streams of random numbers and two models of a patient; rates of stopping are compared above",
    ),
    (
        "tern",
        "count_occurrences(lyt, vars = 'AEDECOD')",
        "pns.report(trial, protocol, 'report/')",
        "a table on a page in R as here: adverse events by term, with patients and worst grades",
    ),
)
"""Package, call of R, ours, and why there is no number that both give."""
_FIGURE = re.compile(r"<!-- figure (?P<name>[a-z0-9-]+): (?P<text>[^>]+) -->")
_EXTERNAL = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\ssrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?=[^>]*rel=["']?(?:stylesheet|preconnect|preload|icon|modulepreload))[^>]*\shref=["']?(?:https?:)?//[^>]*>"""
    r"""|@import\s+["']?(?:https?:)?//[^;]*|url\(\s*["']?(?:https?:)?//[^)]*\)""",
    re.IGNORECASE,
)
_EQUATION = re.compile(r"\\\[(?P<block>.+?)\\\]|\\\((?P<inline>.+?)\\\)", re.DOTALL)
_CODE = re.compile(r"^```.*?^```[^\n]*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(?=>>>)", re.MULTILINE)


def public_names(package: str) -> list[str]:
    """Give the public names of a package, functions first, then classes, then constants."""
    module = import_module(f"pnstrial.{package}")

    def place(name: str) -> tuple[int, str]:
        value = getattr(module, name)
        kind = 2 if not callable(value) else 1 if inspect.isclass(value) else 0
        return kind, name.lower()

    return sorted(module.__all__, key=place)


def home(package: str, name: str) -> str:
    """Give the full name under which a public name is documented: where its source stands."""
    module = import_module(f"pnstrial.{package}")
    value = getattr(module, name)
    if callable(value) and str(getattr(value, "__module__", "")).startswith("pnstrial"):
        return f"{value.__module__}.{value.__qualname__}"
    return f"pnstrial.{package}.{name}"


def _first_sentence(value: object) -> str:
    if not callable(value):
        return "a constant"
    text = (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")
    return text.replace("|", "\\|")


def package_page(package: str) -> str:
    """Write the page that lists the public names of a package."""
    module = import_module(f"pnstrial.{package}")
    question = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    rows = [
        f"| [`{name}`]({package}/{name}.md) | {_first_sentence(getattr(module, name))} |"
        for name in public_names(package)
    ]
    return "\n".join([f"# {package}", "", question, "", "| name | what it does |", "|---|---|", *rows, ""])


def name_page(package: str, name: str) -> str:
    """Write the page of one public name."""
    full = f"pnstrial.{package}.{name}"
    source = f"::: {home(package, name)}\n    options:\n      heading: {full}\n      heading_level: 2"
    value = getattr(import_module(f"pnstrial.{package}"), name)
    errors = "" if not inspect.isfunction(value) or "\nRaises\n" in (inspect.getdoc(value) or "") else _ERRORS
    return f"# {name}\n\n{source}\n\n{errors}**See also:** {'; '.join(_see_also(package, name))}.\n"


_ERRORS = (
    "**Errors:** none of its own; an argument that is not what is said above is a `TypeError` or `ValueError` that "
    "names argument, value and rule.\n\n"
)


@cache
def _guides() -> dict[str, tuple[str, str]]:
    """Read the guides: title and text by file, pages of one method before tutorials, tables of coverage last."""
    folder = Path(__file__).parent
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    names.sort(key=lambda name: (name.startswith("coverage"), "/" not in name))
    texts = {name: (folder / name).read_text("utf-8") for name in names}
    return {name: (text.partition("\n")[0].removeprefix("# "), text) for name, text in texts.items()}


def _see_also(package: str, name: str) -> list[str]:
    """Link a name to its neighbours of the same source file, to the guides that use it, and to its package."""
    of = home(package, name).rpartition(".")[0]
    near = [
        other
        for other in public_names(package)
        if other != name and home(package, other).rpartition(".")[0] == of
    ]
    word = re.compile(rf"(?<![\w]){re.escape(name)}(?![\w])")
    used = [(file, title) for file, (title, text) in _guides().items() if word.search(text)]
    used.sort(key=lambda guide: guide[0] != f"{package}.md")
    return [
        *(f"[`{other}`]({other}.md)" for other in near[:8]),
        *(f"[{title}](../../{file})" for file, title in used[:5]),
        f"all of [{package}](../{package}.md)",
    ]


def from_r_page() -> str:
    """Write the table of R's calls with ours beside them, from the cases that `pnstrial qualify` runs."""
    from pnstrial.verification import reference_cases

    given = reference_cases()
    about = (
        f"{len(given['cases'])} calls of R and what to write here. Each pair is run by `pnstrial qualify` and in the "
        "tests; the numbers agree to the tolerance shown (0: identical). The names are the data below the tables."
    )
    parts = ["# From R", "", about, ""]

    def code(text: str) -> str:
        return f"<code>{html.escape(text).replace('|', '&#124;')}</code>"

    for subject in dict.fromkeys(case["subject"] for case in given["cases"]):
        parts += [f"## {subject}", "", "| R | package | here | agrees to |", "|---|---|---|---|"]
        parts += [
            f"| {code(case['r'])} | {case['version']} | {code(case['call'])} | {case['tolerance']:g} |"
            for case in given["cases"]
            if case["subject"] == subject
        ]
        parts.append("")
    parts += ["## Same question, no common number", "", "| R | package | here | why |", "|---|---|---|---|"]
    parts += [
        f"| {code(r)} | {package} | {code(ours)} | {why} |" for package, r, ours, why in WITHOUT_REFERENCE
    ]
    parts.append("")
    lines = [f"{name} = {value}" for name, value in given["data"].items()]
    made = [f"{name} = {text}" for name, text in given["made"]["python"].items()]
    imports = (
        "import pandas as pd\nimport pnstrial as pns\n"
        "from pnstrial import design, endpoints, multistate, shift, survival, visits\n"
    )
    data = (
        "`time`, `status`, `rx` and `age` are the `ovarian` data of R's survival; the others are synthetic."
    )
    parts += ["## The data", "", data, "", "```py", imports, *lines, "", *made, "```", ""]
    parts += ["The same data in R, where a call names more than the vectors above:", "", "```r"]
    parts += [f"{name} <- {text}" for name, text in given["made"]["r"].items()]
    parts += ["```", ""]
    return "\n".join(parts)


def pages() -> Iterator[tuple[str, str]]:
    """Give the path and text of every page that is made at build: the reference and the calls of R."""
    lists = [f"- [{package}](api/{package}.md): {len(public_names(package))} names" for package in PACKAGES]
    yield "from-r.md", from_r_page()
    yield "api.md", "\n".join(["# Reference", "", "One page a package, one page a name.", "", *lists, ""])
    for package in PACKAGES:
        yield f"api/{package}.md", package_page(package)
        for name in public_names(package):
            yield f"api/{package}/{name}.md", name_page(package, name)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference to the site."""
    from mkdocs.structure.files import File

    for path, text in pages():
        files.append(File.generated(config, path, content=text))
    return files


def _run(text: str, space: dict[str, Any]) -> None:
    """Run the examples of a piece of a guide; one that shows an error is left out, as it leaves nothing behind."""
    for example in doctest.DocTestParser().get_examples(text):
        if example.exc_msg is None:
            exec(compile(example.source, "<guide>", "single"), space)  # noqa: S102 the guides are our own


def pictures(markdown: str) -> Iterator[tuple[str, str]]:
    """Give the name and SVG of each picture that a guide asks for.

    Parameters
    ----------
    markdown : str
        A page with ``<!-- figure NAME: what it shows -->`` below the code that draws it.
    """
    if not _FIGURE.search(markdown):
        return
    import contextlib

    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    space: dict[str, Any] = {}
    start = 0
    for match in _FIGURE.finditer(markdown):
        with contextlib.redirect_stdout(io.StringIO()):
            _run(markdown[start : match.start()], space)
        if not plt.get_fignums():
            raise ValueError(f"picture {match['name']!r}: the code above it draws no figure")
        target = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": match["name"], "svg.fonttype": "path"}):
            plt.gcf().savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
        plt.close("all")
        yield match["name"], target.getvalue()
        start = match.end()


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw the pictures of a guide, and have its sessions shown as sessions."""
    from mkdocs.structure.files import File

    if page.file.src_uri.startswith("api"):
        return markdown
    depth = page.file.src_uri.count("/")
    for name, drawing in pictures(markdown):
        files.append(File.generated(config, f"pictures/{name}.svg", content=drawing))
    shown = _FIGURE.sub(
        lambda match: f"![{match['text']}]({'../' * depth}pictures/{match['name']}.svg)", markdown
    )
    return _PYTHON.sub("```pycon\n", _with_places(shown))


def _with_places(markdown: str) -> str:
    """Put a word that Markdown leaves alone where each equation will stand; code is passed over."""
    parts: list[str] = []
    start = 0
    for code in [*_CODE.finditer(markdown), None]:
        end = len(markdown) if code is None else code.start()
        parts.append(_EQUATION.sub(_place, markdown[start:end]))
        if code is not None:
            parts.append(code[0])
            start = code.end()
    return "".join(parts)


def _place(match: re.Match[str]) -> str:
    kind = "block" if match["block"] else "inline"
    return f"EQUATION{kind}{(match['block'] or match['inline']).strip().encode().hex()}NOITAUQE"


def mathml(latex: str, *, block: bool) -> str:
    """Turn LaTeX into MathML, which every browser draws without a script."""
    from latex2mathml.converter import convert

    if block:  # a line of its own that scrolls on a narrow screen
        return f'<span class="equation">{convert(latex, display="block")}</span>'
    return convert(latex, display="inline")


def on_page_content(text: str, **_: Any) -> str:
    """Put the equations at their places."""
    return re.sub(
        r"EQUATION(block|inline)([0-9a-f]+)NOITAUQE",
        lambda match: mathml(bytes.fromhex(match[2]).decode(), block=match[1] == "block"),
        text,
    )


def external_resources(text: str) -> list[str]:
    """Give what a page or style sheet would load from elsewhere; a link that a reader may follow is none of it."""
    return _EXTERNAL.findall(text)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site that would load anything from elsewhere."""
    from mkdocs.exceptions import PluginError

    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix in {".html", ".css", ".svg"} and (
            found := external_resources(path.read_text("utf-8"))
        ):
            raise PluginError(f"{path.relative_to(config.site_dir)} loads from elsewhere: {found[0]}")

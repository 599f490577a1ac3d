"""The house keeps its rooms: size of modules and folders, ways of import, doors to other libraries."""

import ast
from collections import Counter
from pathlib import Path

import grimp
import pytest

import pnstrial

PACKAGE = Path(pnstrial.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
DOORS = {
    "numba": ["compiled", "compiler"],
    "matplotlib": ["figures", "reporting", "results", "web"],
    "pyreadstat": ["adam"],
    "pyarrow": ["data"],
    "lifelines": ["verification"],
    "statsmodels": ["verification"],
    "starlette": ["web"],
    "uvicorn": ["web"],
}
"""The only places that may name a library (`results`: the type of an Axes; `reporting`, `web`: figures into files)."""


def test_no_module_is_longer_than_a_person_reads():
    long = {
        str(path.relative_to(PACKAGE)): n
        for path in MODULES
        if (n := len(path.read_text().splitlines())) > 700
    }
    assert long == {}


def test_no_folder_below_the_top_is_crowded():
    crowded = Counter(path.parent for path in MODULES if path.parent != PACKAGE)
    assert {str(folder.relative_to(PACKAGE)): n for folder, n in crowded.items() if n > 15} == {}


def imported_names(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pnstrial"):
            yield from ((node.module, alias.name) for alias in node.names)


def test_no_private_name_crosses_a_file():
    crossed = [
        (path.name, module, name)
        for path in PACKAGE.rglob("*.py")
        for module, name in imported_names(path)
        if name.startswith("_") and not name.startswith("__")
    ]
    assert crossed == []


def circles(graph):
    """Find the strongly connected components of more than one module (Tarjan), imports inside functions included."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        work = [(module, iter(sorted(graph.find_modules_directly_imported_by(module))))]
        index[module] = low[module] = len(index)
        stack.append(module)
        while work:
            here, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    work.append((other, iter(sorted(graph.find_modules_directly_imported_by(other)))))
                    break
                if other in stack:
                    low[here] = min(low[here], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[here])
                if low[here] == index[here]:
                    members = []
                    while True:
                        members.append(stack.pop())
                        if members[-1] == here:
                            break
                    if len(members) > 1:
                        found.append(sorted(members))

    for module in sorted(graph.modules):
        if module not in index:
            visit(module)
    return found


def test_no_circle_of_imports_not_even_inside_functions():
    graph = grimp.build_graph("pnstrial", exclude_type_checking_imports=True, cache_dir=None)
    # a result draws itself, and a curve hands itself to another library: the late imports named in the contract;
    # the version is read off the package itself
    for importer in sorted(graph.modules):
        graph.remove_import(importer=importer, imported="pnstrial")
    for imported in ("pnstrial.figures", "pnstrial.figures.by_result"):
        graph.remove_import(importer="pnstrial.results", imported=imported)
    for module in sorted(graph.modules):
        if module.startswith("pnstrial.survival"):
            graph.remove_import(importer=module, imported="pnstrial.verification.engines")
    assert circles(graph) == []


@pytest.mark.parametrize("library", DOORS)
def test_every_library_has_one_door(library):
    users = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.split(".")[0] == library for name in named):
                users.add(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    assert users <= set(DOORS[library])

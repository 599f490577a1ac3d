"""What an editor and a type checker know of the package, and what completion shows."""

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import pnstrial as pns

CALLS = {
    'pns.load_protocol("nct02343211")': "Protocol",
    'pns.read_trial("folder")': "TrialData",
    "pns.screen(trial, protocol)": "Screening",
    "pns.analyse(trial, protocol)": "Analysis",
    "pns.primary_endpoint(trial, protocol)": "ResponseResult",
    "pns.mrs_shift(trial, protocol)": "ShiftResult",
    "pns.overall_survival(trial, protocol)": "SurvivalResult",
    "pns.design.simon(p0=0.1, p1=0.3)": "SimonDesigns",
    "pns.simulate_trials(protocol, scenario)": "OperatingCharacteristics",
    "pns.exact_characteristics(protocol, scenario)": "ExactCharacteristics",
    "pns.survival.kaplan_meier([1, 2], [1, 0])": "KaplanMeier",
    "pns.figures.draw(pns.design.simon(0.1, 0.3).optimal)": "Axes",
}


def test_a_type_checker_knows_what_the_public_functions_return(tmp_path):
    lines = [f"reveal_type({call})" for call in CALLS]
    script = tmp_path / "user.py"
    script.write_text(
        'import pnstrial as pns\ntrial = pns.read_trial("f")\nprotocol = pns.load_protocol("nct02343211")\n'
        'scenario = pns.load_scenario("anti-hu")\n' + "\n".join(lines) + "\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(script)],
        capture_output=True, text=True, check=False, cwd=Path(pns.__file__).parent.parent,
    )  # fmt: skip
    report = json.loads(run.stdout)["generalDiagnostics"]
    assert [d["message"] for d in report if d["severity"] == "error"] == []
    revealed = {
        d["range"]["start"]["line"] - 4: d["message"] for d in report if d["severity"] == "information"
    }
    for line, (call, expected) in enumerate(CALLS.items()):
        assert revealed[line].endswith(f'is "{expected}"'), call


def packages():
    return [pns.__name__, *(m.name for m in pkgutil.iter_modules(pns.__path__, "pnstrial.") if m.ispkg)]


@pytest.mark.parametrize("name", [n for n in packages() if n not in {"pnstrial.numerics", "pnstrial.engine"}])
def test_completion_shows_public_names_only(name):
    package = importlib.import_module(name)
    shown = [n for n in dir(package) if not n.startswith("__")]
    assert shown == sorted(set(shown)), "each name once, in order"
    for entry in shown:
        value = getattr(package, entry)
        if name == "pnstrial":
            continue
        assert not isinstance(value, ModuleType), f"{name}.{entry} is a module"
        assert not entry.startswith("_")


@pytest.mark.parametrize("name", ["", ".data", ".design", ".figures", ".shift", ".survival"])
def test_the_two_lists_of_public_names_are_one(name):
    package = importlib.import_module(f"pnstrial{name}")
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    declared = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert sorted(declared) == dir(package) == package.__all__
    for public, home in declared.items():
        module, _, own = home.rpartition(".")
        value = getattr(package, public)
        assert value is (
            sys.modules.get(home)
            if isinstance(value, ModuleType)
            else getattr(importlib.import_module(module), own)
        )


def test_the_import_stays_light():
    code = textwrap.dedent("""
        import sys
        import pnstrial
        heavy = {"numpy", "pandas", "numba", "matplotlib", "scipy"} & set(sys.modules)
        assert not heavy, heavy
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_simulation_waits_for_no_frames():
    code = textwrap.dedent("""
        import sys
        import pnstrial as pns
        pns.simulate_trials(pns.load_protocol(), pns.load_scenario("anti-hu-plain"), 100, quantities="primary")
        assert "pandas" not in sys.modules
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'simulate_trails'"):
        _ = pns.simulate_trails

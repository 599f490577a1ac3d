"""Plain and compiled kernels answer alike, and few patients need no compiler."""

import filecmp
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pnstrial as pns
from pnstrial import compiled, shift, survival
from pnstrial.compiled import INNER, OUTER, Kernel
from pnstrial.engine.blocks import working_space
from pnstrial.engine.kernels import layout, quantities, trial
from pnstrial.engine.model import build_model
from pnstrial.engine.tables import block_key

LIMITS = (
    "plain",
    "log",
    "log-log",
    "logit",
    "arcsin",
    "beta-product",
    "beta-product-midp",
    "thomas-grunkemeier",
)


def answers():
    """Give seconds and numbers of each function that must do without a compiler."""
    rng = np.random.default_rng(3)
    n = 200
    times, event, arm = rng.exponential(10, n).round(2) + 0.01, rng.random(n) < 0.7, np.arange(n) % 2
    grades, x = rng.integers(0, 7, n), rng.normal(size=(n, 3))
    calls = {
        f"kaplan_meier {limits}": lambda limits=limits: survival.kaplan_meier(times, event, conf_type=limits)
        for limits in LIMITS
    } | {
        "logrank": lambda: survival.logrank(times, event, arm),
        "cox": lambda: survival.cox(times, event, x),
        "cox, exact ties": lambda: survival.cox(times, event, x, ties="exact"),
        "cox, exact likelihood of many ties": lambda: survival.cox(np.ceil(times), event, x, ties="exact"),
        "parametric": lambda: survival.parametric(times, event, "weibull"),
        "common_odds_ratio": lambda: shift.common_odds_ratio(grades, group=arm),
    }
    found = {}
    for name, call in calls.items():
        begin = time.process_time()
        result = call()
        seconds = time.process_time() - begin
        found[name] = seconds, result.to_frame().select_dtypes("number").to_numpy(float).ravel().tolist()
    return found


COLD = """
import json, sys, pandas, scipy.special, scipy.linalg
from tests.test_compiled import answers
print(json.dumps([answers(), "numba" in sys.modules]))
"""


def test_two_hundred_patients_need_no_compiler_and_answer_the_same(tmp_path, monkeypatch):
    done = subprocess.run(
        [sys.executable, "-c", COLD], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cold, with_numba = json.loads(done.stdout)
    assert not with_numba
    # Within 0.3 s on an idle processor; a shared one takes up to twice the time, a compiler ten times.
    slow = {name: seconds for name, (seconds, _) in cold.items() if seconds > 0.6}
    assert not slow
    monkeypatch.setattr(Kernel, "for_size", lambda kernel, n: kernel.compiled)
    for name, (_, values) in answers().items():
        relative = 1e-9 if name.startswith(("cox", "common")) else 1e-12
        assert values == pytest.approx(cold[name][1], rel=relative, abs=1e-14, nan_ok=True), name


def test_files_are_the_same_with_and_without_a_compiler(tmp_path, monkeypatch):
    plain, compiled = tmp_path / "plain", tmp_path / "compiled"
    for folder in (plain, compiled):
        monkeypatch.setattr(Kernel, "for_size", lambda kernel, n, form=folder.name: getattr(kernel, form))
        pns.report(pns.example_trial(), pns.load_protocol(), folder, null=0.10)
    written = [str(path.relative_to(plain)) for path in plain.rglob("*") if path.is_file()]
    same, other, missing = filecmp.cmpfiles(plain, compiled, written, shallow=False)
    assert len(same) == len(written) > 20
    assert not other
    assert not missing


FEW = """
import sys
from pnstrial import shift, survival
times, first, second = [2, 3, 5, 7, 8, 9] * 3, [3, 4, 2, 3] * 4, [2, 4, 3, 1] * 4
for _ in range(3):
    survival.kaplan_meier(times, [1, 0, 1] * 6), shift.signed_rank(first, second)
print("numba" in sys.modules)
for _ in range(20):
    survival.kaplan_meier(times, [1, 0, 1] * 6)
print("numba" in sys.modules)
"""


def test_a_few_calls_do_not_load_the_compiler_that_many_pay_for():
    times = np.arange(1.0, 301.0)
    survival.kaplan_meier(times, np.ones(300))
    shift.signed_rank([3, 4, 2] * 100, [2, 4, 1] * 100)
    done = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


MIXED = """
def mixed(whole, table, place, value):
    sums, share = 0.0, 0
    for i in range(table.shape[0]):
        share = share + 0.25 * i
        sums += max(table[i, -1], place) * min(whole[place + 4 - i], value)
        if whole[i] > q.ALIVE_DAYS[1]:
            place -= 1
    table[place, 1] = sums**2
    whole[-1] += at.WHOLE // 2
    later = whole[at.ENTRY_CODE] if value > 0 else -1
    return sums, max(value, 0.0), min(value, 0.0), max(0, place), min(nan, value), max(value, nan), later, share
"""


@pytest.mark.parametrize("options", [OUTER, {"error_model": "numpy"}])
@pytest.mark.parametrize("steps", ["the package's", "numba's"])
def test_machine_code_gives_the_bits_of_the_same_source_run_by_python(options, steps, monkeypatch):
    if steps == "numba's":  # what a version of numba gets that the package's steps were not tried with
        monkeypatch.setattr(compiled, "own_steps", lambda: None)
    scope = {"at": layout, "q": quantities, "nan": float("nan")}
    exec(MIXED, scope)  # noqa: S102 - a source without a file is not kept
    kernel = Kernel(scope["mixed"], **options)
    for value in (2.5, -1.5, 0.0, -0.0, float("nan")):
        answers = []
        for run in (kernel.plain, kernel.compiled):
            whole, table = np.arange(350, 390), np.linspace(-1.0, 30.0, 12).reshape(4, 3)
            numbers = np.array(run(whole, table, np.int64(2), value), float)
            answers.append((numbers.tobytes(), whole.tolist(), table.tobytes()))
        assert answers[0] == answers[1]


KNOWING = """
def half(whole, value):
    return value * 0.5 if whole[1] == 0 else value * never(whole)

def knowing(whole, value):
    if whole[0] > 0:
        return never(whole)
    return half(whole, value) + whole[2]
"""


def test_what_known_numbers_rule_out_is_not_compiled():
    def never(whole):
        return whole.no_such_thing

    scope = {"never": never}
    exec(KNOWING, scope)  # noqa: S102 - a source without a file is not kept
    scope["half"] = Kernel(scope["half"], **INNER)
    known = Kernel(scope["knowing"], **OUTER).knowing("zeros", whole={0: 0, 1: 0})
    assert known.compiled(np.array([0, 0, 7]), 3.0) == known.plain(np.array([0, 0, 7]), 3.0) == 8.5


class FromTheBeginning(np.ndarray):
    """An array that refuses to count from its end, where machine code would read what is not the array's."""

    @staticmethod
    def _refuse(index):
        for place in index if isinstance(index, tuple) else (index,):
            assert isinstance(place, slice) or place >= 0

    def __getitem__(self, index):
        self._refuse(index)
        return super().__getitem__(index)

    def __setitem__(self, index, value):
        self._refuse(index)
        super().__setitem__(index, value)


@pytest.mark.parametrize("name", ["anti-hu", "second-line", "ivig-early", "nct06373211"])
def test_no_kernel_of_the_simulation_counts_from_the_end(name):
    protocol = pns.load_protocol("nct06373211" if name == "nct06373211" else "nct02343211")
    model = build_model(protocol, pns.load_scenario(name), short=False)
    n, quantities_ = int(model.whole[layout.N]), len(model.names(primary=False))
    given = [
        block_key(1, 0), 0, 2, model.whole, model.real, model.words, model.success.minimum, model.covered,
        model.sign_limit, model.hazard, *working_space(model), np.zeros((3, quantities_)), np.zeros(n + 1, np.int64),
        np.empty(0, np.int64), np.empty((0, 0, 0), np.int32), np.empty((0, quantities_)),
    ]  # fmt: skip
    trial.block.plain(
        *(each.view(FromTheBeginning) if isinstance(each, np.ndarray) else each for each in given)
    )
    assert given[-4].sum() == 2

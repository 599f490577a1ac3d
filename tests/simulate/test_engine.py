"""Workers, order, restarts and kills change nothing; errors name the trial; memory stays flat."""

import hashlib
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.engine import blocks as engine
from pnstrial.simulate import SimulationError, StoreError
from pnstrial.writing import OutputError, unchanged

PROTOCOL = pns.load_protocol("nct02343211")
PLAIN = pns.load_scenario("anti-hu-plain")
HU = pns.load_scenario("anti-hu")
TRIALS = 5 * engine.BLOCK + 77


def same(first, second):
    assert first.quantities == second.quantities
    assert (first.responders == second.responders).all()


@pytest.fixture(scope="module")
def expected():
    return pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4)


@pytest.mark.parametrize("workers", [2, 4])
def test_threads_give_bit_identical_results(expected, workers):
    same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, workers=workers), expected)


def test_processes_give_bit_identical_results(expected):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, executor=pool), expected)


def test_a_dask_cluster_gives_bit_identical_results(expected):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        same(
            pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, executor=client.get_executor()),
            expected,
        )


class Backwards(ThreadPoolExecutor):
    """Runs what was submitted in the reverse order."""

    def __init__(self):
        super().__init__(1)
        self.waiting = []

    def submit(self, function, /, *arguments, **settings):
        future = Future()
        self.waiting.append((future, function, arguments, settings))
        if len(self.waiting) == 6:
            for late, call, given, named in reversed(self.waiting):
                late.set_running_or_notify_cancel()
                late.set_result(call(*given, **named))
        return future


def test_the_order_of_blocks_does_not_matter(expected):
    same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, executor=Backwards()), expected)


def test_a_longer_run_begins_with_the_shorter_one(tmp_path, expected):
    store = tmp_path / "run.sqlite"
    short = pns.simulate_trials(PROTOCOL, HU, n_trials=2 * engine.BLOCK + 5, seed=4, store=store)
    again = pns.simulate_trials(PROTOCOL, HU, n_trials=2 * engine.BLOCK + 5, seed=4, store=store)
    same(short, again)
    same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=store, workers=2), expected)


def test_finished_blocks_are_not_run_again(tmp_path, expected, monkeypatch):
    store = tmp_path / "run.sqlite"
    pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=store)
    monkeypatch.setattr(engine, "run_block", None)
    same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=store), expected)


def test_a_store_of_another_run_is_refused_with_the_difference(tmp_path, monkeypatch):
    store = tmp_path / "run.sqlite"
    pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, seed=1, store=store)
    with pytest.raises(StoreError, match="seed: 1 in the store, 2 asked for"):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, seed=2, store=store)
    with pytest.raises(StoreError, match=r"scenario\.enrolment\.target: 17 in the store, 21 asked for"):
        pns.simulate_trials(
            PROTOCOL, PLAIN.changed(enrolment={"target": 21}), n_trials=10, seed=1, store=store
        )
    with pytest.raises(
        StoreError, match=r"protocol\.estimand\.missing: non-responder in the store, LOCF asked for"
    ):
        pns.simulate_trials(PROTOCOL.with_estimand(missing="LOCF"), PLAIN, n_trials=10, seed=1, store=store)
    with sqlite3.connect(store) as database:
        text = database.execute("SELECT specification FROM run").fetchone()[0]
        other = text.replace('"package_version": "', '"package_version": "0.0.')
        digest = hashlib.sha256(other.encode()).digest()
        database.execute("UPDATE run SET specification = ?, digest = ?", (other, digest))
    database.close()
    with pytest.raises(StoreError, match=r"package_version: 0\.0\."):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, seed=1, store=store)
    (tmp_path / "text").write_text("no database at all " * 100)
    with pytest.raises(StoreError, match="is no store"):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, store=tmp_path / "text")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_a_time_limit_ends_a_run_with_its_own_exception():
    def end(*_):
        raise TimeoutError("enough")

    pns.simulate_trials(PROTOCOL, PLAIN, n_trials=100)
    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(TimeoutError, match="enough"):
            pns.simulate_trials(PROTOCOL, PLAIN, n_trials=50_000_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_error_in_a_worker_names_its_trial(monkeypatch):
    from pnstrial.engine.kernels import trial as trial_kernels

    true_block = trial_kernels.ordinary
    bad = engine.BLOCK + 123

    def failing(key, first, count, *rest):
        from pnstrial.engine.tables import block_key

        if (key == block_key(4, 1)).all() and first <= 123 < first + count:
            raise ZeroDivisionError("broken on purpose")
        return true_block(key, first, count, *rest)

    monkeypatch.setattr(trial_kernels, "ordinary", failing)
    with pytest.raises(SimulationError, match=rf"trial {bad} \(seed 4, block 1\) failed: ZeroDivisionError"):
        pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, workers=2)


@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("ordinary", {}),
        (
            "one_scale",
            {
                "adverse_events": {"thrombosis_per_infusion": 0.05, "haemolysis_per_infusion": 0.05},
                "course": {"damage": {"per_month": 0.1, "share": 0.2}},
                "dropout": {"ratios": {"worse": 3.0}},
                "visits": {"missed_ratios": {"worse": 2.0}},
            },
        ),
    ],
)
def test_what_a_scenario_does_not_use_changes_no_bit_where_it_is_not_compiled(monkeypatch, form, parts):
    from pnstrial.engine.kernels import trial as trial_kernels

    scenario, used = HU.changed(**parts), []
    compiled = getattr(trial_kernels, form)
    monkeypatch.setattr(trial_kernels, form, lambda *given: used.append(form) or compiled(*given))
    frames = [pns.simulate_trials(PROTOCOL, scenario, n_trials=2_000, seed=5).to_frame()]
    assert used
    monkeypatch.setattr(trial_kernels, form, trial_kernels.block)
    frames.append(pns.simulate_trials(PROTOCOL, scenario, n_trials=2_000, seed=5).to_frame())
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_progress_is_told_in_order():
    told = []
    pns.simulate_trials(
        PROTOCOL, PLAIN, n_trials=TRIALS, workers=2, quantities="primary", progress=lambda *x: told.append(x)
    )
    assert told[-1] == (TRIALS, TRIALS)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_trials": 0}, "n_trials = 0"),
        ({"n_trials": 10**9}, "a store is needed"),
        ({"n_trials": 2.5}, "n_trials = 2.5"),
        ({"seed": -1}, "seed = -1"),
        ({"workers": 0}, "workers = 0"),
        ({"quantities": "some"}, "'all', 'primary'"),
    ],
)
def test_impossible_numbers_are_refused_before_any_work(settings, words):
    with pytest.raises(ValueError, match=words):
        pns.simulate_trials(PROTOCOL, PLAIN, **settings)


def test_to_frame_has_the_documented_columns():
    frame = pns.simulate_trials(PROTOCOL, PLAIN, n_trials=200).to_frame()
    assert frame.columns.tolist() == ["quantity", "estimate", "std_error", "lower", "upper"]
    assert frame.notna().all().all()
    assert set(pns.exact_characteristics(PROTOCOL, PLAIN).to_frame()["quantity"]) <= set(
        frame["quantity"]
    ) | {"wrong_stop_rate"}


def test_standard_errors_are_those_of_repeated_runs():
    runs = [pns.simulate_trials(PROTOCOL, HU, n_trials=400, seed=seed) for seed in range(60)]
    for name in (
        "responders",
        "wrong_stop_rate",
        "cycles_per_patient",
        "bias",
        "duration_months",
        "grams_per_trial",
    ):
        found = np.std([run[name].estimate for run in runs], ddof=1)
        told = np.mean([run[name].std_error for run in runs])
        assert 0.7 < found / told < 1.4, name  # 60 runs: standard error of the ratio about 0.09


def test_compare_is_tidy_and_checks_every_point_first():
    frame = pns.compare_scenarios(
        PROTOCOL, PLAIN, 500, n=[17, 21], rating=["none", "structured"], quantities="primary"
    )
    assert frame.columns.tolist()[:4] == ["protocol", "scenario", "n", "rating"]
    assert len(frame[frame["quantity"] == "bias"]) == 4
    with pytest.raises(ValueError, match="target = 0"):
        pns.compare_scenarios(PROTOCOL, PLAIN, 10**6, n=[17, 0])
    wide = pns.compare_scenarios(PROTOCOL, HU, method="exact", window_days=[10, 14], missing=["LOCF"], null=[0.05, 0.2],
                       improvement_points=[1, 2], screened_per_month=[2.0])  # fmt: skip
    assert wide["quantity"].eq("probability_of_success").sum() == 8


def test_the_module_and_the_top_level_hold_one_function():
    import pnstrial.simulate as module

    assert pns.simulate_trials is module.simulate_trials
    assert not callable(module)


def test_every_quantity_stands_under_its_name():
    from pnstrial.engine.kernels import quantities

    for place, (name, _) in enumerate(quantities.QUANTITIES):
        assert getattr(quantities, name.upper()) == place


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A finished store of six small blocks as bytes, and its result."""
    path = tmp_path_factory.mktemp("store") / "run.sqlite"
    result = pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.read_bytes(), result


def resumed(path):
    """Run again on a store; the result (None: refused) and whether damage was named."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path)
        except StoreError:
            return None, True
    return result, any(
        "are damaged" in str(w.message) and "simulated again" in str(w.message) for w in caught
    )


def test_no_flipped_bit_changes_the_result(tmp_path, written):
    content, result = written
    draws = np.random.default_rng(5)
    named = 0
    for k, place in enumerate(draws.integers(100, len(content), 24)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(draws.integers(8))
        path = tmp_path / f"{k}.sqlite"
        path.write_bytes(bytes(damaged))
        again, told = resumed(path)
        named += told
        if again is not None:
            same(again, result)
    assert named > 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.9, 0.99])
def test_no_truncated_store_changes_the_result(tmp_path, written, share):
    content, result = written
    path = tmp_path / "short.sqlite"
    path.write_bytes(content[: int(share * len(content))])
    again, _ = resumed(path)
    if again is not None:
        same(again, result)
    else:
        assert share > 0


def test_a_damaged_block_is_simulated_again_and_named(tmp_path, written):
    content, result = written
    path = tmp_path / "run.sqlite"
    path.write_bytes(content)
    with sqlite3.connect(path) as database:
        sums = bytearray(database.execute("SELECT sums FROM blocks WHERE block = 3").fetchone()[0])
        sums[11] ^= 1
        database.execute("UPDATE blocks SET sums = ? WHERE block = 3", (bytes(sums),))
        database.execute("UPDATE blocks SET trials = trials + 1 WHERE block = 1")
        database.execute("UPDATE blocks SET block = 70368744177668 WHERE block = 4")
    database.close()
    found = r"3 of 6 blocks are damaged \(1, 3, 70368744177668\); they are simulated again"
    with pytest.warns(UserWarning, match=found):
        same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path), result)
    same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path), result)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("DELETE FROM run", r"is damaged: it does not say what it was run with; delete it"),
        (
            "UPDATE run SET specification = CAST(x'7bff' AS TEXT)",
            r"is damaged \(Could not decode[^{]*\); delete it",
        ),
        ("ALTER TABLE blocks RENAME COLUMN sums TO totals", "is no store of this package"),
        ("ALTER TABLE blocks ADD COLUMN more TEXT", None),
        ("CREATE TABLE more (x)", None),
        ("UPDATE blocks SET block = -block", "damaged"),
    ],
)
def test_a_store_with_other_tables_is_read_by_name_or_refused_in_one_sentence(
    tmp_path, written, command, words
):
    content, result = written
    path = tmp_path / "run.sqlite"
    path.write_bytes(content)
    with sqlite3.connect(path) as database:
        database.execute(command)
    database.close()
    if words is None:
        same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path), result)
    elif words == "damaged":
        with pytest.warns(UserWarning, match="5 of 6 blocks are damaged"):
            same(pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path), result)
    else:
        with pytest.raises(StoreError, match=words) as caught:
            pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, store=path)
        assert len(str(caught.value)) < 300 + len(str(path))


@pytest.mark.parametrize("name", ["", ":memory:", "a\0b"])
def test_a_store_that_sqlite_would_keep_nowhere_is_refused(name):
    with pytest.raises(StoreError, match="names no file"):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, store=name)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on the size of files is the system's")
@pytest.mark.parametrize("name", ["run.sqlite", "run.parquet"])
def test_a_disk_that_fills_up_ends_a_run_in_a_sentence_and_leaves_no_half_file(tmp_path, name):
    code = (
        "import resource, sys, pnstrial as pns\n"
        "call = pns.load_protocol('nct02343211'), pns.load_scenario('anti-hu-plain'), 200\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "try: pns.simulate_trials(*call, **{sys.argv[1]: sys.argv[2]}, quantities='primary')\n"
        "except pns.simulate.StoreError as problem: print(problem)\n"
    )
    key = "store" if name.endswith("sqlite") else "trials"
    words = [sys.executable, "-W", "error", "-c", code, key, str(tmp_path / name)]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "cannot be written" in run.stdout
    assert not run.stderr
    assert not [path for path in tmp_path.iterdir() if "parquet" in path.name]


def test_foreign_damaged_and_unwritable_files_are_refused_in_a_sentence(tmp_path, written, capsys):
    from pnstrial.cli import main
    from pnstrial.engine import store as stores

    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE patients (name TEXT)")
    database.close()
    with pytest.raises(StoreError, match="it has other tables"):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, store=foreign)
    with pytest.raises(StoreError, match="choose a folder that exists"):
        pns.simulate_trials(PROTOCOL, PLAIN, n_trials=10, store=tmp_path / "nowhere" / "run.sqlite")
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(written[0].replace(b"anti-hu", b"anti-yo", 1))
    with pytest.raises(StoreError, match="what it was run with is not as it was written"):
        pns.simulate_trials(PROTOCOL, HU, n_trials=10, seed=4, store=damaged)
    # a disk that is full: SQLite may not use one page more
    kept = stores.Store(tmp_path / "full.sqlite", {"seed": 1}, (900, 18))
    kept._database.execute("PRAGMA max_page_count = 4")
    with pytest.raises(StoreError, match=r"cannot be written \(database or disk is full\): make room"):
        kept.write(stores.BlockSums(0, 1, np.zeros((3, 900)), np.zeros(18, np.int64)))
    (tmp_path / "file").write_text("")
    words = ["simulate", "anti-hu-plain", "--trials", "100", "--primary", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "file" / "folder")]) == 2
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "blocks.sqlite").write_bytes(b"no database" * 100)
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pnstrial:")]
    assert len(told) == 2
    assert "is no store of this package" in told[1]


def improved_and_alive(patients):
    better = patients.value[:, :, 0] < patients.baseline
    seen = patients.value[:, :, 0] >= 0
    alive = patients.death_day < 0
    return {"improved_and_alive": (better & seen & alive).sum(axis=1), "any_death": (~alive).any(axis=1)}


@pytest.mark.parametrize(("scenario", "quantities"), [(HU, "all"), (HU, "primary"), (PLAIN, "primary")])
def test_each_trial_can_be_had(tmp_path, scenario, quantities):
    settings = {"n_trials": engine.BLOCK + 500, "seed": 4, "quantities": quantities}
    result = pns.simulate_trials(PROTOCOL, scenario, trials=True, **settings)
    same(result, pns.simulate_trials(PROTOCOL, scenario, **settings))
    frame = result.trials
    assert frame["trial"].tolist() == list(range(engine.BLOCK + 500))
    for name in ("responders", "bias", "secondary_dead", "probability_of_success", "evaluable"):
        assert frame[name].mean() == pytest.approx(result[name].estimate, rel=1e-9)
        if name != "probability_of_success":
            spread = frame[name].std(ddof=1) / np.sqrt(len(frame))
            assert spread == pytest.approx(result[name].std_error, rel=1e-6)
    counts = np.bincount(frame["responders"].astype(int), minlength=18)
    assert (counts == result.responders).all()
    path = tmp_path / "trials.parquet"
    kept = pns.simulate_trials(PROTOCOL, scenario, trials=path, workers=2, **settings)
    assert kept.trials == path
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame)
    assert unchanged(path.read_bytes(), ".parquet")
    again = path.read_bytes()
    pns.simulate_trials(PROTOCOL, scenario, trials=path, **settings)
    assert path.read_bytes() == again
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    frame.iloc[::-1].to_parquet(path)
    with pytest.raises(OutputError, match="was not written by pnstrial or was changed since"):
        pns.simulate_trials(PROTOCOL, scenario, trials=path, **settings)


def test_a_rule_sees_the_patients_that_the_tables_show():
    found = []

    def keep(patients):
        found.append(patients)
        return {"kept": patients.enrolled}

    pns.simulate_trials(PROTOCOL, HU, n_trials=20, seed=7, rule=keep)
    patients = found[-1]
    for number in (0, 7, 19):
        truth = pns.simulate_trial(PROTOCOL, HU, seed=7, trial=number).truth["patients"]
        assert sorted(patients.true_baseline[number]) == sorted(truth["true_baseline"])
        assert sorted(patients.death_day[number]) == sorted(
            -1 if pd.isna(d) else d for d in truth["death_day"]
        )
        assert sorted(patients.rescue_day[number]) == sorted(
            -1 if pd.isna(d) else d for d in truth["rescue_day"]
        )
    assert patients.true_grade.shape == (20, 17, 2)
    stopping = HU.changed(success={"rule": "two-stage", "r1": 0, "n1": 9, "r": 3, "n": 17})
    pns.simulate_trials(PROTOCOL, stopping, n_trials=50, seed=7, rule=keep)
    assert set(found[-1].enrolled) == {9, 17}
    assert ((found[-1].baseline >= 0).sum(axis=1) == found[-1].enrolled).all()


def typed_in(patients):
    return patients.enrolled


def test_a_rule_becomes_a_quantity_wherever_it_runs(monkeypatch):
    plain = pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4)
    result = pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, rule=improved_and_alive)
    named = {q.quantity: q for q in result.quantities}
    assert all(named[q.quantity] == q for q in plain.quantities)
    share = result["any_death"]
    assert share.interval[0] != pytest.approx(share.estimate - 1.96 * share.std_error, abs=1e-9)  # of a share
    assert result["improved_and_alive"].estimate <= result["improved"].estimate * 17
    same(
        pns.simulate_trials(PROTOCOL, HU, n_trials=TRIALS, seed=4, rule=improved_and_alive, workers=3), result
    )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(ValueError, match=r"rule cannot be sent to processes .*; define it with def"):
            pns.simulate_trials(PROTOCOL, HU, n_trials=10, rule=lambda p: p.enrolled, executor=pool)
        monkeypatch.setattr(sys.modules["__main__"], "typed_in", typed_in, raising=False)
        monkeypatch.setattr(typed_in, "__module__", "__main__")
        with pytest.raises(
            ValueError, match="a new process finds no typed_in in the script that was started"
        ):
            pns.simulate_trials(PROTOCOL, HU, n_trials=10, rule=typed_in, executor=pool)
        settings = {"n_trials": 2 * engine.BLOCK, "seed": 4, "rule": improved_and_alive}
        same(
            pns.simulate_trials(PROTOCOL, HU, executor=pool, **settings),
            pns.simulate_trials(PROTOCOL, HU, **settings),
        )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rule": 3}, "rule = 3 must be a function"),
        ({"rule": lambda patients: patients.baseline}, r"shape \(2, 17\).*one finite number"),
        ({"rule": lambda patients: patients.enrolled * np.inf}, "one finite number"),
        ({"rule": lambda patients: {"bias": patients.enrolled}}, "bias, a quantity already"),
        ({"trials": 5}, "trials = 5 must be True or False, text or a path"),
        ({"trials": True, "n_trials": 10**7}, "the path of a Parquet file"),
        ({"trials": True, "store": "x"}, "leave out trials"),
        ({"trials": "/nowhere/x.parquet"}, "does not exist; make the folder first"),
        ({"trials": "x.csv"}, r"must end in \.parquet"),
    ],
)
def test_what_a_rule_or_a_table_of_trials_cannot_be_is_named(settings, words):
    with pytest.raises(ValueError, match=words):
        pns.simulate_trials(PROTOCOL, HU, **{"n_trials": 10, **settings})


class StoppedError(Exception):
    """Raised by a progress function."""


@pytest.mark.parametrize("kind", ["none", "threads", "own threads", "processes"])
def test_an_exception_of_progress_stops_the_run_at_once(kind):
    moments = []

    def stop(done, total):
        assert 0 < done < total == 10**7
        moments.append(time.perf_counter())
        raise StoppedError

    pool = None
    if kind == "threads":
        pool = ThreadPoolExecutor(2)
    elif kind == "processes":
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    workers = 2 if kind == "own threads" else 1
    try:
        with pytest.raises(StoppedError):
            pns.simulate_trials(PROTOCOL, HU, 10**7, progress=stop, executor=pool, workers=workers)
        # Within 0.1 s on an idle processor; the whole run takes minutes.
        assert time.perf_counter() - moments[0] < 0.5
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
    assert len(moments) == 1

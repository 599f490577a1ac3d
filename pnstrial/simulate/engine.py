"""How are a million trials run: here, on all cores, on a cluster, and again after a stop?

Input: `Protocol`, `Scenario`, number of trials, seed; optionally an executor, a store, a progress function.
Output: `OperatingCharacteristics`.
Protocol section: all of it, through `model`.
Method: trials run in blocks; block k draws from ``SeedSequence(seed, spawn_key=(k,))`` and blocks are added in their
order, so the result does not depend on workers, order or restarts. Only a few blocks wait at any time.
Next: `characteristics`, `exact`.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from pnstrial.protocol import Protocol
from pnstrial.results import Provenance
from pnstrial.simulate import layout_kernels as at
from pnstrial.simulate.characteristics import ALL, PRIMARY, OperatingCharacteristics, denominators, estimates
from pnstrial.simulate.lean import is_plain, lean_tables, run_lean
from pnstrial.simulate.model import Model, build_model
from pnstrial.simulate.scenario import Scenario
from pnstrial.simulate.store import BlockSums, Store
from pnstrial.simulate.tables import binomial_halves, block_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SimulationError", "compare", "progress_bar", "run_block", "simulate", "working_space"]

BLOCK: Final = 4096
"""Trials per block."""
LEAN_BLOCK: Final = 65_536
"""Trials per block where only states at the visits are drawn: such a block takes as long."""
MOST_WITHOUT_STORE: Final = 100_000_000
_AHEAD: Final = 4  # blocks per worker that may wait for an earlier one


class SimulationError(RuntimeError):
    """A trial that failed; the message holds its number, seed and cause."""


def simulate(
    protocol: Protocol,
    scenario: Scenario,
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    executor: Executor | None = None,
    workers: int = 1,
    store: str | Path | None = None,
    progress: Callable[[int, int], None] | bool | None = None,
    quantities: Literal["all", "primary"] = "all",
) -> OperatingCharacteristics:
    """Simulate a protocol under a scenario and read what the design does.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    n_trials : int, default 10000
        From 2; over 10**8 only with a store.
    seed : int, default 1
        0 or more. The same seed gives bit-identical results for any number and kind of workers, and the first
        trials of a longer run are those of a shorter one.
    executor : concurrent.futures.Executor, optional
        Threads, processes or ``dask.distributed.Client(...).get_executor()``; it is not shut down.
    workers : int, default 1
        Threads to use where no executor is given; the kernels release the interpreter lock.
    store : str or Path, optional
        SQLite file: finished blocks are kept, a run that was stopped goes on where it was.
    progress : callable or bool, optional
        Called with (trials done, trials asked for); True shows a bar on standard error.
    quantities : {"all", "primary"}
        "primary" leaves out treatment, survival, tests and calendar time and is several times faster.

    Returns
    -------
    OperatingCharacteristics

    Raises
    ------
    ValueError
        If a number is out of range, protocol and scenario do not fit (`ScenarioError`), or the store is of
        another run (`StoreError`); before any work.
    SimulationError
        If a trial fails; the message holds its number.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol = pns.load_protocol("nct02343211")
    >>> result = simulate(protocol, pns.load_scenario("anti-hu"), n_trials=2000, seed=1)
    >>> result.n_trials, result.critical_count
    (2000, 5)
    """
    _check(n_trials, seed, workers, quantities, store)
    model = _with_coverage(build_model(protocol, scenario, short=quantities == "primary"), protocol)
    names = PRIMARY if quantities == "primary" else ALL
    lean = quantities == "primary" and is_plain(model)
    if lean:
        model = replace(model, lean=lean_tables(model))
    specification = {
        "protocol": protocol.model_dump(mode="json"), "scenario": scenario.model_dump(mode="json"), "seed": seed,
        "quantities": quantities, "block": LEAN_BLOCK if lean else BLOCK,
        "package_version": Provenance().package_version,
    }  # fmt: skip
    show = progress_bar(sys.stderr) if progress is True else progress or None
    sums = np.zeros((3, len(names)))
    responders = np.zeros(int(model.whole[at.N]) + 1, np.int64)
    own = ThreadPoolExecutor(workers) if executor is None and workers > 1 else None
    kept = Store(store, specification) if store is not None else None
    try:
        done = 0
        for part in _in_order(model, seed, n_trials, executor or own, kept, lean=lean, width=len(names)):
            sums += part.sums
            responders += part.responders
            done += part.trials
            if show is not None:
                show(done, n_trials)
    finally:
        if kept is not None:
            kept.close()
        if own is not None:
            own.shutdown(wait=True, cancel_futures=True)
    n = int(model.whole[at.N])
    return OperatingCharacteristics(
        n_trials=n_trials, n_patients=n, critical_count=int(model.success.minimum[n]),
        method="states at visits drawn from exp(Qt)" if lean else "jump times up to the last visit, then exp(Qt)",
        scenario=scenario.id, quantities=estimates(sums, responders, n_trials, names), responders=responders,
        provenance=Provenance(protocol.id, protocol.version, seed),
    )  # fmt: skip


def _check(n_trials: object, seed: object, workers: object, quantities: str, store: object) -> None:
    wrong: list[str] = []
    for name, value, low, high in (
        ("n_trials", n_trials, 2, 10**12), ("seed", seed, 0, 2**63 - 1), ("workers", workers, 1, 1024),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
            wrong.append(f"{name} = {value!r}: allowed is a whole number from {low} to {high}")
    if not wrong and store is None and cast("int", n_trials) > MOST_WITHOUT_STORE:
        wrong.append(
            f"n_trials = {n_trials}: over {MOST_WITHOUT_STORE} a store is needed, so that a stop loses nothing"
        )
    if quantities not in {"all", "primary"}:
        wrong.append(f"quantities = {quantities!r}: allowed are 'all' and 'primary'")
    if wrong:
        raise ValueError("simulate: " + "; ".join(wrong))


def _with_coverage(model: Model, protocol: Protocol) -> Model:
    """Mark for every (counted, responders) whether the reported interval holds the true share."""
    from pnstrial.design.proportion import clopper_pearson
    from pnstrial.simulate.exact import true_response

    n = int(model.whole[at.N])
    truth = true_response(model)
    covered = np.zeros((n + 1, n + 1), np.uint8)
    for m in range(1, n + 1):
        low, high = clopper_pearson(np.arange(m + 1), m, protocol.endpoint.level)
        covered[m, : m + 1] = (low <= truth) & (truth <= high)
    covered[0, 0] = 1
    return replace(model, covered=covered)


def run_block(model: Model, seed: int, block: int, trials: int, lean: bool, width: int) -> BlockSums:
    """Simulate the first `trials` trials of one block; runs in a worker.

    Parameters
    ----------
    model : Model
    seed, block, trials : int
    lean : bool
        Whether to draw states at the visits only.
    width : int
        Number of quantities.

    Returns
    -------
    BlockSums

    Raises
    ------
    SimulationError
        If a trial fails; the message holds its number.
    """
    key = block_key(seed, block)
    size = LEAN_BLOCK if lean else BLOCK
    try:
        return _run(model, key, block, 0, trials, lean, width)
    except Exception as problem:
        for t in range(trials):
            try:
                _run(model, key, block, t, 1, lean, width)
            except Exception as cause:
                number = block * size + t
                raise SimulationError(
                    f"trial {number} (seed {seed}, block {block}) failed: {type(cause).__name__}: {cause}"
                ) from cause
        numbers = f"trials {block * size} to {block * size + trials - 1}"
        raise SimulationError(f"block {block} (seed {seed}, {numbers}) failed: {problem}") from problem


def _run(model: Model, key: Any, block: int, first: int, trials: int, lean: bool, width: int) -> BlockSums:
    sums = np.zeros((3, width))
    responders = np.zeros(int(model.whole[at.N]) + 1, np.int64)
    if lean and model.lean is not None:
        run_lean(key, first, trials, model.lean, model.success.minimum, model.covered, sums, responders)
        return BlockSums(block, trials, sums, responders)
    from pnstrial.simulate import trial_kernels

    every = np.zeros((3, len(ALL)))
    trial_kernels.block(
        key, first, trials, model.whole, model.real, model.words, model.success.minimum, model.covered,
        model.sign_limit, model.hazard, *working_space(model), every, responders,
    )  # fmt: skip
    return BlockSums(block, trials, every[:, :width].copy(), responders)


def working_space(model: Model) -> tuple[NDArray[Any], ...]:
    """Make the arrays that `trial_kernels.block` works with: making them here is quicker to compile.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of ndarray
    """
    n = int(model.whole[at.N])
    exact_size = min(n, 100)
    exactly, or_more = binomial_halves(exact_size)
    over = denominators(ALL)
    return (
        exactly, or_more, np.where(over >= 0, over, over.size), np.empty((n, at.ROW), np.int64), np.empty((n, 2)),
        np.empty(at.PATH), np.empty(int(model.whole[at.DRAWS]), np.uint64), np.empty(14, np.int64),
        np.empty((2, 7), np.int64), np.empty(2 * exact_size * (exact_size + 1) + 4), np.empty(over.size + 1),
    )  # fmt: skip


def _in_order(
    model: Model,
    seed: int,
    n_trials: int,
    executor: Executor | None,
    kept: Store | None,
    *,
    lean: bool,
    width: int,
) -> Iterator[BlockSums]:
    """Give all blocks in their order; at most a few finished ones wait for an earlier one."""
    size = LEAN_BLOCK if lean else BLOCK
    asked = ((k, min(size, n_trials - k * size)) for k in range(-(-n_trials // size)))
    finished = kept.blocks() if kept is not None else {}
    if executor is None:
        for block, trials in asked:
            yield _one(model, seed, block, trials, kept, finished, lean=lean, width=width)
        return
    yield from _with_executor(model, seed, asked, executor, kept, finished, lean=lean, width=width)


def _one(
    model: Model,
    seed: int,
    block: int,
    trials: int,
    kept: Store | None,
    finished: dict[int, int],
    *,
    lean: bool,
    width: int,
) -> BlockSums:
    if kept is not None and finished.get(block) == trials:
        return kept.read(block)
    part = run_block(model, seed, block, trials, lean, width)
    if kept is not None:
        kept.write(part)
    return part


def _with_executor(
    model: Model, seed: int, asked: Iterable[tuple[int, int]], executor: Executor, kept: Store | None,
    finished: dict[int, int], *, lean: bool, width: int,
) -> Iterator[BlockSums]:  # fmt: skip
    window = _AHEAD * max(4, int(getattr(executor, "_max_workers", 8) or 8))
    source = iter(asked)
    order: list[int] = []
    running: dict[Future[BlockSums], int] = {}
    ready: dict[int, BlockSums] = {}
    try:
        while True:
            while len(order) < window and (task := next(source, None)) is not None:
                block, trials = task
                order.append(block)
                if kept is not None and finished.get(block) == trials:
                    ready[block] = kept.read(block)
                else:
                    running[executor.submit(run_block, model, seed, block, trials, lean, width)] = block
            if not order:
                return
            while order and order[0] in ready:
                yield ready.pop(order.pop(0))
            if order and order[0] not in ready:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    part = future.result()
                    if kept is not None:
                        kept.write(part)
                    ready[running.pop(future)] = part
    finally:
        for future in running:
            future.cancel()


def progress_bar(stream: Any) -> Callable[[int, int], None]:
    """Make a progress function that draws a bar with rate and time left.

    Parameters
    ----------
    stream : text stream

    Returns
    -------
    callable
        Takes (trials done, trials asked for).
    """
    began = time.monotonic()
    last = [0.0]

    def show(done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - last[0] < 0.1:
            return
        last[0] = now
        rate = done / max(now - began, 1e-9)
        left = (total - done) / max(rate, 1e-9)
        filled = round(30 * done / total)
        stream.write(
            f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:,} of {total:,} trials, {rate:,.0f}/s, {left:,.0f} s left "
        )
        if done >= total:
            stream.write("\n")
        stream.flush()

    return show


def compare(
    protocols: Protocol | Sequence[Protocol],
    scenarios: Scenario | Sequence[Scenario],
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    n: Sequence[int] = (),
    window_days: Sequence[int] = (),
    improvement_points: Sequence[int] = (),
    rating: Sequence[str] = (),
    death: Sequence[str] = (),
    rescue: Sequence[str] = (),
    stopped: Sequence[str] = (),
    missing: Sequence[str] = (),
    screened_per_month: Sequence[float] = (),
    null: Sequence[float] = (),
    method: Literal["simulate", "exact"] = "simulate",
    executor: Executor | None = None,
    workers: int = 1,
    quantities: Literal["all", "primary"] = "all",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run protocols and scenarios over a grid of settings.

    Parameters
    ----------
    protocols, scenarios : one or several
    n_trials, seed : int
        For every point of the grid; the same seed makes neighbouring points share their random numbers.
    n : sequence of int
        Patients enrolled.
    window_days : sequence of int
        Half-width of every visit window, around its target day.
    improvement_points : sequence of int
        By how many points the mRS must fall.
    rating : sequence of str
        Rating methods (`Rating.method`).
    death, rescue, stopped, missing : sequence of str
        Strategies of the estimand.
    screened_per_month : sequence of float
        Accrual.
    null : sequence of float
        Null proportion of the success rule.
    method : {"simulate", "exact"}
    executor, workers, quantities
        As in `simulate`.
    progress : callable, optional
        Called with (points done, points of the grid).

    Returns
    -------
    pandas.DataFrame
        Tidy: protocol, scenario, one column per setting that was given, quantity, estimate, std_error, lower, upper.

    Raises
    ------
    ValueError
        As `simulate`; every point of the grid is checked before the first is run.

    Examples
    --------
    >>> import pnstrial as pns
    >>> frame = compare(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), method="exact",
    ...                 rating=["none", "unstructured"])
    >>> frame.loc[frame["quantity"] == "reported_response", "rating"].tolist()
    ['none', 'unstructured']
    """
    import pandas as pd

    from pnstrial.simulate.exact import exact

    grid = {
        "n": n, "window_days": window_days, "improvement_points": improvement_points, "rating": rating, "death": death,
        "rescue": rescue, "stopped": stopped, "missing": missing, "screened_per_month": screened_per_month,
        "null": null,
    }  # fmt: skip
    used = {name: list(values) for name, values in grid.items() if len(values)}
    several = [protocols] if isinstance(protocols, Protocol) else list(protocols)
    cases = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    points: list[tuple[dict[str, Any], Protocol, Scenario]] = []
    for protocol, scenario, values in product(several, cases, product(*used.values())):
        point = dict(zip(used, values, strict=True))
        changed = _applied(protocol, scenario, point)
        build_model(*changed)
        points.append(({"protocol": protocol.id, "scenario": scenario.id, **point}, *changed))
    frames: list[pd.DataFrame] = []
    for done, (labels, protocol, scenario) in enumerate(points, start=1):
        result = (
            exact(protocol, scenario)
            if method == "exact"
            else simulate(
                protocol, scenario, n_trials, seed, executor=executor, workers=workers, quantities=quantities
            )
        )
        frame = result.to_frame()
        for place, (name, value) in enumerate(labels.items()):
            frame.insert(place, name, value)
        frames.append(frame)
        if progress is not None:
            progress(done, len(points))
    return pd.concat(frames, ignore_index=True)


def _applied(protocol: Protocol, scenario: Scenario, point: dict[str, Any]) -> tuple[Protocol, Scenario]:
    """Apply one point of the grid."""
    estimand = {name: point[name] for name in ("death", "rescue", "stopped", "missing") if name in point}
    if estimand:
        protocol = protocol.with_estimand(**estimand)
    if "improvement_points" in point:
        protocol = protocol.with_settings(endpoint={"improvement_points": point["improvement_points"]})
    if "window_days" in point:
        half = point["window_days"]
        windows = {
            v.name: {"first_day": v.target_day - half, "last_day": v.target_day + half}
            for v in protocol.visits
        }
        protocol = protocol.with_settings(visits=windows)
    changes: dict[str, dict[str, Any]] = {}
    if "n" in point:
        changes.setdefault("enrolment", {})["target"] = point["n"]
    if "screened_per_month" in point:
        changes.setdefault("enrolment", {})["screened_per_month"] = point["screened_per_month"]
    if "rating" in point:
        changes["rating"] = {"method": point["rating"], "agreement": None}
    if "null" in point:
        changes["success"] = {"null": point["null"]}
        if protocol.endpoint.null_proportion is not None:
            protocol = protocol.with_settings(endpoint={"null_proportion": point["null"]})
    return protocol, scenario.changed(**changes) if changes else scenario

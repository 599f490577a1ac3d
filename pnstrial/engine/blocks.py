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
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from pnstrial.engine.characteristics import denominators
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import LEAN_QUANTITIES, QUANTITIES
from pnstrial.engine.lean import run_lean
from pnstrial.engine.patients import apply_rule, columns_of, patients_of
from pnstrial.engine.store import BlockSums, Store
from pnstrial.engine.tables import binomial_halves, block_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.patients import Patients
    from pnstrial.protocol import Protocol

__all__ = [
    "BLOCK",
    "LEAN_BLOCK",
    "Request",
    "SimulationError",
    "blocks_in_order",
    "counted",
    "pilot_patients",
    "progress_bar",
    "run_block",
    "with_coverage",
    "working_space",
]

Answer = TypeVar("Answer")
BLOCK: Final = 4096
"""Trials per block."""
LEAN_BLOCK: Final = 65_536
"""Trials per block where only states at the visits are drawn: such a block takes as long."""
PIECE: Final = 16_384
"""Patients who are simulated before Python looks up; a few hundredths of a second."""
LEAN_PIECE: Final = 1_000_000
"""The same where only states at the visits are drawn."""
PATIENCE: Final = 0.5
"""Seconds after which a question shows how far it is."""
_AHEAD: Final = 4  # blocks per worker that may wait for an earlier one


class SimulationError(RuntimeError):
    """A trial that failed; the message holds its number, seed and cause."""


def with_coverage(model: Model, protocol: Protocol) -> Model:
    """Mark for every (counted, responders) whether the reported interval holds the true share."""
    from pnstrial.design.counts.proportion import clopper_pearson
    from pnstrial.engine.exact.answers import true_response

    n = int(model.whole[at.N])
    truth = true_response(model)
    covered = np.zeros((n + 1, n + 1), np.uint8)
    for m in range(1, n + 1):
        low, high = clopper_pearson(np.arange(m + 1), m, protocol.endpoint.level)
        covered[m, : m + 1] = (low <= truth) & (truth <= high)
    covered[0, 0] = 1
    return replace(model, covered=covered)


@dataclass(frozen=True)
class Request:
    """What is wanted of every block.

    Parameters
    ----------
    lean : bool
        Whether to draw states at the visits only.
    primary : bool
        Whether to give only the quantities of the visits.
    each : bool
        Whether to give the quantities of every trial.
    rule : callable, optional
        A rule of the user on the patients (`patients.apply_rule`), whose answers come after all quantities.
    """

    lean: bool = False
    primary: bool = False
    each: bool = False
    rule: Callable[[Patients], Any] | None = None


def run_block(model: Model, seed: int, block: int, trials: int, request: Request) -> BlockSums:
    """Simulate the first `trials` trials of one block; runs in a worker.

    Raises
    ------
    SimulationError
        If a trial fails; the message holds its number. What a signal handler raises meanwhile is raised as it is.
    """
    key = block_key(seed, block)
    size = LEAN_BLOCK if request.lean else BLOCK
    try:
        return _run(model, key, block, 0, trials, request)
    except Exception as problem:
        if _fault(model, key, block, range(trials), request) is None:
            raise  # the block runs: what broke in came from outside, such as a time limit
        for t in range(trials):
            if (cause := _fault(model, key, block, range(t, t + 1), request)) is not None:
                number = block * size + t
                raise SimulationError(
                    f"trial {number} (seed {seed}, block {block}) failed: {type(cause).__name__}: {cause}"
                ) from cause
        numbers = f"trials {block * size} to {block * size + trials - 1}"
        raise SimulationError(f"block {block} (seed {seed}, {numbers}) failed: {problem}") from problem


def _fault(model: Model, key: Any, block: int, trials: range, request: Request) -> Exception | None:
    """Give the exception that some trials of a block end with, if any."""
    try:
        _run(model, key, block, trials.start, len(trials), request)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is reported with its trial
        return problem
    return None


def _run(model: Model, key: Any, block: int, first: int, trials: int, request: Request) -> BlockSums:
    """Simulate some trials of a block, a few at a time, so that an exception is met between them."""
    n = int(model.whole[at.N])
    responders = np.zeros(n + 1, np.int64)
    primary = request.lean or request.primary
    names = model.names(primary=request.lean)
    sums = np.zeros((3, len(names)))
    each = np.empty((trials if request.each else 0, len(names)))
    ruled: list[NDArray[np.float64]] = []
    step = max(1, (LEAN_PIECE if request.lean else PIECE) // n)
    space = () if request.lean else working_space(model)
    columns = columns_of(model) if request.rule is not None else np.empty(0, np.int64)
    for begin in range(0, trials, step):
        count = min(step, trials - begin)
        part = each[begin : begin + count]
        if model.lean is not None and request.lean:
            run_lean(
                key, first + begin, count, model.lean, model.success.minimum, model.covered, names, sums, responders,
                part,
            )  # fmt: skip
            continue
        from pnstrial.engine.kernels import trial as trial_kernels

        kept = np.full((count, n, columns.size) if columns.size else (0, 0, 0), -1, np.int32)
        forms = (
            (at.ORDINARY, trial_kernels.ordinary),
            (at.ONE_SCALE, trial_kernels.one_scale),
            ({}, trial_kernels.block),
        )
        next(form for known, form in forms if all(model.whole[place] == known[place] for place in known))(
            key, first + begin, count, model.whole, model.real, model.words, model.success.minimum, model.covered,
            model.sign_limit, model.hazard, *space, sums, responders, columns, kept, part,
        )  # fmt: skip
        if request.rule is not None:
            enrolled = np.count_nonzero(kept[:, :, 1] >= 0, axis=1).astype(np.int32)
            answers, _ = apply_rule(request.rule, patients_of(kept, enrolled))
            ruled.append(np.array(list(answers.values())).T)
    if primary and not request.lean:
        sums = np.delete(sums, slice(LEAN_QUANTITIES, len(QUANTITIES)), axis=1)
        each = np.delete(each, slice(LEAN_QUANTITIES, len(QUANTITIES)), axis=1)
    if ruled:
        values = np.concatenate(ruled)
        own = np.stack([values.sum(axis=0), (values**2).sum(axis=0), np.zeros(values.shape[1])])
        sums = np.concatenate([sums, own], axis=1)
        each = np.concatenate([each, values], axis=1) if request.each else each
    return BlockSums(block, trials, sums, responders, each if request.each else None)


def pilot_patients(model: Model, trials: int) -> Patients:
    """Simulate a few trials of a seed of its own and keep their patients, to ask a rule what it gives."""
    found: list[Patients] = []

    def keep(patients: Patients) -> NDArray[np.float64]:
        found.append(patients)
        return np.zeros(patients.enrolled.size)

    _run(model, block_key(0, 0), 0, 0, trials, Request(rule=keep))
    return found[0]


def working_space(model: Model) -> tuple[NDArray[Any], ...]:
    """Make the arrays that `kernels.trial.block` works with: making them here is quicker to compile."""
    n = int(model.whole[at.N])
    exact_size, most = min(n, 100), int(model.whole[at.UNITS])
    exactly, or_more = binomial_halves(exact_size)
    over = denominators(model.names(primary=False))
    rows = np.empty((n, at.row_width(len(model.visits), int(model.whole[at.CYCLES_ALL]))), np.int64)
    return (
        exactly, or_more, np.where(over >= 0, over, over.size), rows, np.empty((n, 2)),
        np.empty(at.PATH), np.empty(int(model.whole[at.DRAWS]), np.uint64), np.empty(2 * most + 2, np.int64),
        np.empty((2, most + 1), np.int64), np.empty(2 * exact_size * (exact_size + 1) + 4), np.empty(over.size + 1),
    )  # fmt: skip


def blocks_in_order(
    model: Model,
    seed: int,
    n_trials: int,
    executor: Executor | None,
    kept: Store | None,
    request: Request,
) -> Iterator[BlockSums]:
    """Give all blocks in their order; at most a few finished ones wait for an earlier one."""
    size = LEAN_BLOCK if request.lean else BLOCK
    requested = ((k, min(size, n_trials - k * size)) for k in range(-(-n_trials // size)))
    finished = kept.blocks() if kept is not None else {}
    if executor is None:
        for block, trials in requested:
            yield _one(model, seed, block, trials, kept, finished, request)
        return
    yield from _with_executor(model, seed, requested, executor, kept, finished, request)


def _one(
    model: Model,
    seed: int,
    block: int,
    trials: int,
    kept: Store | None,
    finished: dict[int, int],
    request: Request,
) -> BlockSums:
    if kept is not None and finished.get(block) == trials:
        return kept.read(block)
    part = run_block(model, seed, block, trials, request)
    if kept is not None:
        kept.write(part)
    return part


def _with_executor(
    model: Model, seed: int, requested: Iterable[tuple[int, int]], executor: Executor, kept: Store | None,
    finished: dict[int, int], request: Request,
) -> Iterator[BlockSums]:  # fmt: skip
    window = _AHEAD * max(4, int(getattr(executor, "_max_workers", 8) or 8))
    source = iter(requested)
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
                    running[executor.submit(run_block, model, seed, block, trials, request)] = block
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


def progress_bar(stream: Any, things: str = "trials") -> Callable[[int, int], None]:
    """Make a progress function that draws a bar with rate and time left.

    Parameters
    ----------
    stream : text stream
    things : str
        What is counted.

    Returns
    -------
    callable
        Takes how many are done, and how many are requested.

    Examples
    --------
    >>> import io
    >>> stream = io.StringIO()
    >>> progress_bar(stream)(500, 1_000)
    >>> stream.getvalue()[1:55]
    '[###############...............] 500 of 1,000 trials, '
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
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        stream.write(
            f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:,} of {total:,} {things}, {speed}/s, {left:,.0f} s left "
        )
        if done >= total:
            stream.write("\n")
        stream.flush()

    return show


def counted(
    progress: Callable[[int, int], None] | bool | None, unit: str, total: int
) -> Callable[[Answer], Answer]:
    """Make a function through which answers go as they come, so that progress is shown.

    Parameters
    ----------
    progress : callable or bool, optional
        Takes (done, requested); True is a bar on standard error for what takes longer than `PATIENCE`.
    unit : str
        What is counted.
    total : int

    Returns
    -------
    callable
        Gives back what it is given.

    Examples
    --------
    >>> passed = counted(lambda done, total: print(done, "of", total), "points", 2)
    >>> passed("first"), passed("second")
    1 of 2
    2 of 2
    ('first', 'second')
    """
    show = progress_bar(sys.stderr, unit) if progress is True else progress or None
    number, began = count(1), time.monotonic()

    def passed(answer: Answer) -> Answer:
        if show is not None and (progress is not True or time.monotonic() - began > PATIENCE):
            show(next(number), total)
        else:
            next(number)
        return answer

    return passed

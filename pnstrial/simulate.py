"""What does the protocol do when it is run a million times?

Input: a protocol, a scenario, a seed.
Output: the seven tables of one simulated trial with the truth beside them, or the operating characteristics of
millions, simulated and, where there is one, with the exact answer.
Protocol section: all of them.
Method: continuous-time course of the disease, rating error, visits, treatment, decision and estimand; `engine`
says how it is done.
Next: `engine.scenario`.
"""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from pnstrial.engine.blocks import (
    BLOCK,
    LEAN_BLOCK,
    Request,
    SimulationError,
    blocks_in_order,
    pilot_patients,
    progress_bar,
    with_coverage,
)
from pnstrial.engine.characteristics import (
    ExactCharacteristics,
    OperatingCharacteristics,
    PowerCurve,
    estimates,
)
from pnstrial.engine.exact import exact_characteristics
from pnstrial.engine.idle import idle_settings
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.lean import is_plain, lean_tables
from pnstrial.engine.model import build_model
from pnstrial.engine.patients import Patients, apply_rule
from pnstrial.engine.scenario import Scenario, ScenarioError, load_scenario, scenario_text, shipped_scenarios
from pnstrial.engine.store import DamagedBlockWarning, Store, StoreError, TrialRows
from pnstrial.engine.trial_tables import PatientRecords, patient_records, simulate_trial
from pnstrial.numerics.arguments import Checks
from pnstrial.protocol import Protocol
from pnstrial.results import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from pnstrial.engine.model import Model

__all__ = [
    "DamagedBlockWarning",
    "ExactCharacteristics",
    "OperatingCharacteristics",
    "PatientRecords",
    "Patients",
    "PowerCurve",
    "Scenario",
    "ScenarioError",
    "SimulationError",
    "StoreError",
    "compare_scenarios",
    "exact_characteristics",
    "idle_settings",
    "load_scenario",
    "patient_records",
    "power_curve",
    "progress_bar",
    "scenario_text",
    "shipped_scenarios",
    "simulate_trial",
    "simulate_trials",
]

MOST_WITHOUT_STORE = 100_000_000
MOST_ROWS = 1_000_000


def __dir__() -> list[str]:
    return __all__


def simulate_trials(
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
    trials: bool | str | Path = False,
    rule: Callable[[Patients], Any] | None = None,
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
        Called with (trials done, trials requested); True shows a bar on standard error.
    quantities : {"all", "primary"}
        "primary" leaves out treatment, survival, tests and calendar time and is several times faster.
    trials : bool, str or Path
        True keeps one row a trial in the result's ``trials`` (up to 10**6 trials); a path writes them to that Parquet
        file instead, as they finish, and memory stays flat. Not with a store, which keeps sums.
    rule : callable, optional
        A function of the simulated `Patients` (arrays by trial and patient) that gives one number or truth value a
        trial, or several by name in a dict; its mean becomes a quantity under the function's name. Not with a store.

    Returns
    -------
    OperatingCharacteristics

    Raises
    ------
    ValueError
        If a number is out of range, protocol and scenario do not fit (`ScenarioError`), the store is of another run
        (`StoreError`), or the rule gives no number a trial or cannot be sent to processes; before any work.
    SimulationError
        If a trial fails; the message holds its number.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol = pns.load_protocol("nct02343211")
    >>> result = simulate_trials(protocol, pns.load_scenario("anti-hu"), n_trials=2000, seed=1)
    >>> result.n_trials, result.critical_count
    (2000, 5)

    A rule sees the patients: how often do at least three of the enrolled improve and stay in the study?

    >>> def three_in_sight(patients):
    ...     better = (patients.category[:, :, 0] == 0) & (patients.dropout_day < 0)
    ...     return better.sum(axis=1) >= 3
    >>> result = simulate_trials(protocol, pns.load_scenario("anti-hu"), n_trials=500, rule=three_in_sight, trials=True)
    >>> bool(result["three_in_sight"].estimate == result.trials["three_in_sight"].mean())
    True
    """
    _check(n_trials, seed, workers, quantities, store, trials=trials, rule=rule)
    primary = quantities == "primary"
    model = with_coverage(
        build_model(protocol, scenario, short=primary, everything=rule is not None), protocol
    )
    names = model.names(primary=primary)
    request = Request(
        lean=primary and is_plain(model) and rule is None,
        primary=primary,
        each=trials is not False,
        rule=rule,
    )
    if request.lean:
        model = replace(model, lean=lean_tables(model))
    named, truths = _asked(rule, model, executor)
    names = (*names, *((name, "trial") for name in named))
    specification = {
        "protocol": protocol.model_dump(mode="json"), "scenario": scenario.model_dump(mode="json"), "seed": seed,
        "quantities": quantities, "block": LEAN_BLOCK if request.lean else BLOCK,
        "package_version": Provenance().package_version,
    }  # fmt: skip
    show = progress_bar(sys.stderr) if progress is True else progress or None
    n = int(model.whole[at.N])
    sums, responders = np.zeros((3, len(names))), np.zeros(n + 1, np.int64)
    rows = (
        TrialRows(None if isinstance(trials, bool) else Path(trials), names, model.without)
        if request.each
        else None
    )
    kept = Store(store, specification, (len(names), n + 1)) if store is not None else None
    own = ThreadPoolExecutor(workers) if executor is None and workers > 1 else None
    done = 0
    try:
        for part in blocks_in_order(model, seed, n_trials, executor or own, kept, request):
            sums += part.sums
            responders += part.responders
            if rows is not None:
                rows.add(part, done)
            done += part.trials
            if show is not None:
                show(done, n_trials)
    finally:
        if kept is not None:
            kept.close()
        if rows is not None:
            rows.close()
        if own is not None:
            # after an exception nobody waits for blocks that are under way
            own.shutdown(wait=done == n_trials, cancel_futures=True)
    return OperatingCharacteristics(
        n_trials=n_trials, n_patients=n, critical_count=int(model.success.minimum[n]),
        method="states at visits drawn from exp(Qt)" if request.lean
        else "jump times up to the last visit, then exp(Qt)",
        scenario=scenario.id, quantities=estimates(sums, responders, n_trials, names, model.without, truths),
        responders=responders, provenance=Provenance(protocol.id, protocol.version, seed),
        trials=None if rows is None else rows.found(),
    )  # fmt: skip


def _asked(
    rule: Callable[[Patients], Any] | None, model: Model, executor: Executor | None
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Ask the rule of the user about two trials: which quantities does it give, and which are truth values?"""
    if rule is None:
        return (), frozenset()
    if isinstance(executor, ProcessPoolExecutor):
        try:
            pickle.dumps(rule)
        except (pickle.PicklingError, AttributeError, TypeError) as problem:
            raise ValueError(
                f"simulate_trials: rule cannot be sent to processes ({problem}); define it with def at the top of a"
                " module, or use threads"
            ) from None
    answers, truths = apply_rule(rule, pilot_patients(model, 2))
    taken = {name for name, _ in model.names(primary=False)} & answers.keys()
    if taken:
        raise ValueError(
            f"simulate_trials: rule gives {', '.join(sorted(taken))}, a quantity already; rename it"
        )
    return tuple(answers), truths


def _check(
    n_trials: object,
    seed: object,
    workers: object,
    quantities: object,
    store: object,
    *,
    trials: object,
    rule: object,
) -> None:
    checks = (
        Checks("simulate_trials").count("n_trials", n_trials, 2, 10**12).count("seed", seed, 0, 2**63 - 1)
    )
    checks.count("workers", workers, 1, 1024).word("quantities", quantities, ("all", "primary"))
    if checks.clean:
        count = cast("int", n_trials)
        checks.add(
            store is None and trials is False and count > MOST_WITHOUT_STORE,
            f"n_trials = {count}: over {MOST_WITHOUT_STORE} a store is needed, so that a stop loses nothing",
        )
        checks.add(
            trials is True and count > MOST_ROWS,
            f"n_trials = {count}: over {MOST_ROWS} rows give trials the path of a Parquet file",
        )
    checks.add(
        not isinstance(trials, bool | str | Path), f"trials = {trials!r} must be True, False or a path"
    )
    checks.add(rule is not None and not callable(rule), f"rule = {rule!r} must be a function")
    both = [name for name, given in (("trials", trials is not False), ("rule", rule is not None)) if given]
    refused = f"store keeps sums of named quantities only: leave out {' and '.join(both)}"
    checks.add(store is not None and bool(both), refused)
    checks.done()


def compare_scenarios(
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
        As in `simulate_trials`.
    progress : callable, optional
        Called with (points done, points of the grid).

    Returns
    -------
    pandas.DataFrame
        Tidy: protocol, scenario, one column per setting that was given, quantity, estimate, std_error, lower, upper.

    Raises
    ------
    ValueError
        As `simulate_trials`; every point of the grid is checked before the first is run.

    Examples
    --------
    >>> import pnstrial as pns
    >>> frame = compare_scenarios(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), method="exact",
    ...                 rating=["none", "unstructured"])
    >>> frame.loc[frame["quantity"] == "reported_response", "rating"].tolist()
    ['none', 'unstructured']
    """
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
            exact_characteristics(protocol, scenario)
            if method == "exact"
            else simulate_trials(
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
        changes["rating"] = {
            "method": point["rating"], "agreement": None, "kernel": None, "same_rater_agreement": None,
        }  # fmt: skip
    if "null" in point:
        changes["success"] = {"null": point["null"]}
        if protocol.endpoint.null_proportion is not None:
            protocol = protocol.with_settings(endpoint={"null_proportion": point["null"]})
    return protocol, scenario.changed(**changes) if changes else scenario


def power_curve(
    protocol: Protocol,
    scenario: Scenario,
    factors: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0),
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    executor: Executor | None = None,
    workers: int = 1,
) -> PowerCurve:
    """Simulate the probability of success over a range of true response rates, with the exact curve beside it.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    factors : sequence of float
        By what the rates to improve are multiplied.
    n_trials, seed : int
        Per point.
    executor, workers
        As in `simulate_trials`.

    Returns
    -------
    PowerCurve

    Raises
    ------
    ValueError
        As `simulate_trials`; or if a factor is negative.

    Examples
    --------
    >>> import pnstrial as pns
    >>> curve = power_curve(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), (0, 8), n_trials=500)
    >>> bool(curve.table["exact"].is_monotonic_increasing)
    True
    """
    rows: list[dict[str, float]] = []
    critical = n = 0
    for factor in factors:
        course = scenario.course.scaled(improve=factor)
        changed = scenario.model_copy(update={"course": course})
        known = exact_characteristics(protocol, changed)
        result = simulate_trials(
            protocol, changed, n_trials, seed, executor=executor, workers=workers, quantities="primary"
        )
        success = result["probability_of_success"]
        low, high = success.interval if isinstance(success.interval, tuple) else (np.nan, np.nan)
        rows.append(
            {
                "factor": factor, "true_response": known.answers["true_response"],
                "reported_response": known.answers.get("reported_response", np.nan),
                "estimate": float(success.estimate), "std_error": float(success.std_error),  # type: ignore[arg-type]
                "lower": low, "upper": high, "exact": known.answers.get("probability_of_success", np.nan),
            }
        )  # fmt: skip
        critical, n = result.critical_count, result.n_patients
    return PowerCurve(
        scenario.id,
        n,
        critical,
        n_trials,
        pd.DataFrame(rows),
        Provenance(protocol.id, protocol.version, seed),
    )

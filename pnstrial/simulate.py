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

import hashlib
import json
import math
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from pnstrial.changes import what_if
from pnstrial.engine.blocks import (
    BLOCK,
    LEAN_BLOCK,
    Request,
    SimulationError,
    blocks_in_order,
    counted,
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
from pnstrial.engine.exact.answers import endpoint_probabilities, exact_characteristics
from pnstrial.engine.exact.estimands import STRATEGIES, EstimandsRule, answers_by_key, exact_estimands
from pnstrial.engine.idle import idle_settings
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.lean import is_plain, lean_tables
from pnstrial.engine.model import build_model, check_pair
from pnstrial.engine.patients import Patients, apply_rule
from pnstrial.engine.records.trial_tables import PatientRecords, patient_records, simulate_trial
from pnstrial.engine.scenario import Scenario, ScenarioError, load_scenario, scenario_text, shipped_scenarios
from pnstrial.engine.store import DamagedBlockWarning, Store, StoreError, TrialRows
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.protocol import Protocol
from pnstrial.results import NotEstimable, Provenance, Result
from pnstrial.writing import output_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from pnstrial.engine.model import Model

__all__ = [
    "DamagedBlockWarning",
    "ExactCharacteristics",
    "OperatingCharacteristics",
    "PatientRecords",
    "Patients",
    "PowerCurve",
    "RatingFloor",
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
    "rating_floor",
    "scenario_text",
    "shipped_scenarios",
    "simulate_estimands",
    "simulate_trial",
    "simulate_trials",
    "what_if",
]


@dataclass(frozen=True)
class RatingFloor(Result):
    """The response that rating error alone would report.

    Parameters
    ----------
    scenario : str
        Id of the scenario.
    reported : float or NotEstimable
        Share of the counted patients who are responders, as it is reported.
    floor : float or NotEstimable
        The same if all rates to improve were 0.
    gap : float or NotEstimable
        reported - floor: what true improvement adds.
    provenance : Provenance
    """

    scenario: str
    reported: float | NotEstimable
    floor: float | NotEstimable
    gap: float | NotEstimable
    provenance: Provenance = field(repr=False)


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
    check_pair(protocol, scenario)
    check_signature(simulate_trials, locals())
    _check(n_trials, seed, workers, quantities, store, trials=trials, rule=rule)
    n_trials, seed, workers = int(n_trials), int(seed), int(workers)  # 1e5 is one too
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
    named, truths = _rule_quantities(rule, model, executor)
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
        if rows is not None:
            rows.finish()
    finally:
        if kept is not None:
            kept.close()
        if rows is not None:
            rows.close()
        if own is not None:
            # after an exception nobody waits for blocks that are under way
            own.shutdown(wait=done == n_trials, cancel_futures=True)
    return OperatingCharacteristics(
        n_trials=n_trials, n=n, critical_count=int(model.success.minimum[n]),
        method="states at visits drawn from exp(Qt)" if request.lean
        else "jump times up to the last visit, then exp(Qt)",
        scenario=scenario.id, quantities=estimates(sums, responders, n_trials, names, model.without, truths),
        responders=responders, provenance=Provenance(protocol.id, protocol.version, seed),
        trials=None if rows is None else rows.found(), rule=model.rule,
    )  # fmt: skip


def _rule_quantities(
    rule: Callable[[Patients], Any] | None, model: Model, executor: Executor | None
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Ask the rule of the user about two trials: which quantities does it give, and which are truth values?"""
    if rule is None:
        return (), frozenset()
    if isinstance(executor, ProcessPoolExecutor):
        try:
            pickle.dumps(rule)
            name = getattr(rule, "__qualname__", None)
            if getattr(rule, "__module__", None) == "__main__" and name is not None:
                executor.submit(_main_has, name).result()
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


def _main_has(name: str) -> None:
    """Ask in a worker for a function of the script: one of a notebook, or below `if __name__`, is not there."""
    if not hasattr(sys.modules["__main__"], name):
        raise AttributeError(f"a new process finds no {name} in the script that was started")


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
        isinstance(trials, str | Path) and Path(trials).suffix != ".parquet",
        f"trials = {str(trials)!r} must end in .parquet",
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
    response: Sequence[float] = (),
    rated: bool = False,
    deaths: Sequence[float | str] = (),
    late: Sequence[float] = (),
    settings: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    method: Literal["simulate", "exact"] = "simulate",
    executor: Executor | None = None,
    workers: int = 1,
    quantities: Literal["all", "primary"] = "all",
    progress: Callable[[int, int], None] | bool | None = None,
    store: str | Path | None = None,
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
        By how many points the rating must improve.
    rating : sequence of str
        Rating methods (`Rating.method`).
    death, rescue, stopped, missing : sequence of str
        Strategies of the estimand.
    screened_per_month : sequence of float
        Accrual.
    null : sequence of float
        Null proportion of the success rule.
    response, deaths, late : sequence of float
        As in `what_if`: rates are solved for the first two.
    rated : bool
        Whether `response` is what is reported instead of the true share improved.
    settings : mapping of str to sequence
        Values by any other key, ``scenario.KEY`` or ``protocol.KEY``.
    method : {"simulate", "exact"}
    executor, workers, quantities
        As in `simulate_trials`.
    progress : callable or bool, optional
        Called with (points done, points of the grid); True shows a bar on standard error, of trials where they are
        simulated.
    store : str or Path, optional
        Folder that keeps the finished blocks of each point in a file of its own; a stopped run goes on there.

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
    check_signature(compare_scenarios, locals())
    seed = int(seed)
    grid = {
        "n": n, "window_days": window_days, "improvement_points": improvement_points, "rating": rating, "death": death,
        "rescue": rescue, "stopped": stopped, "missing": missing, "screened_per_month": screened_per_month,
        "null": null, "response": response, "deaths": deaths, "late": late, **settings,
    }  # fmt: skip
    used = {name: list(values) for name, values in grid.items() if len(values)}
    several = [protocols] if isinstance(protocols, Protocol) else list(protocols)
    cases = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    checks = Checks("compare_scenarios").add(not several, "protocols = [] holds none; give one at least")
    checks.add(not cases, "scenarios = [] holds none; give one at least").done()
    points: list[tuple[dict[str, Any], Protocol, Scenario]] = []
    for protocol, scenario, values in product(several, cases, product(*used.values())):
        point = dict(zip(used, values, strict=True))
        changed = what_if(protocol, scenario, point, rated=rated)
        build_model(*changed)
        points.append(({"protocol": protocol.id, "scenario": scenario.id, **point}, *changed))
    folder = None if store is None or method == "exact" else Path(store)
    if folder is not None:
        output_folder(folder, manifest=None).mkdir(exist_ok=True)
    frames: list[pd.DataFrame] = []
    bar = progress_bar(sys.stderr) if progress is True and method == "simulate" else None
    done = counted(None if bar else progress, "points", len(points))
    for number, (labels, protocol, scenario) in enumerate(points):
        kept = None if folder is None else folder / f"{_digest([labels, rated, seed, quantities])}.sqlite"
        result = (
            exact_characteristics(protocol, scenario)
            if method == "exact"
            else simulate_trials(
                protocol,
                scenario,
                n_trials,
                seed,
                executor=executor,
                workers=workers,
                quantities=quantities,
                store=kept,
                progress=_going_on(bar, number, len(points)),
            )
        )
        frame = result.to_frame()
        for place, (name, value) in enumerate(labels.items()):
            frame.insert(place, name, str(value) if isinstance(value, list | tuple | dict) else value)
        frames.append(done(frame))
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _going_on(
    bar: Callable[[int, int], None] | None, number: int, points: int
) -> Callable[[int, int], None] | None:
    """Let a bar of the trials of all points go on at one of them."""
    return None if bar is None else lambda done, total: bar(number * total + done, points * total)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def power_curve(
    protocol: Protocol,
    scenario: Scenario,
    factors: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0),
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    responses: Sequence[float] = (),
    rated: bool = False,
    method: Literal["simulate", "exact"] = "simulate",
    executor: Executor | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
) -> PowerCurve:
    """Give the probability of success over a range of response rates, simulated with the exact curve beside it.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    factors : sequence of float
        By what the rates to improve are multiplied.
    n_trials, seed : int
        Per point.
    responses : sequence of float, optional
        Responses at the endpoint visit, in place of the factors: the rates to improve are solved for each.
    rated : bool
        Whether `responses` are what is reported instead of the true share improved.
    method : {"simulate", "exact"}
        "exact" simulates nothing: the estimate is the exact answer, its standard error 0.
    executor, workers
        As in `simulate_trials`.
    progress : callable or bool, optional
        Called with (points done, points of the curve); True shows a bar on standard error, of trials where they are
        simulated.

    Returns
    -------
    PowerCurve

    Raises
    ------
    ValueError
        As `simulate_trials`; if a factor is negative, or no rates give a response (`what_if`).

    Examples
    --------
    >>> import pnstrial as pns
    >>> curve = power_curve(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...                     responses=(0.05, 0.25, 0.45), method="exact")
    >>> curve.table[["true_response", "exact"]].round(3).to_numpy().tolist()
    [[0.05, 0.037], [0.25, 0.458], [0.45, 0.894]]
    """
    check_pair(protocol, scenario)
    check_signature(power_curve, locals())
    n_trials, seed = int(n_trials), int(seed)
    checks = Checks("power_curve").word("method", method, ("simulate", "exact")).flag("rated", rated)
    checks.numbers("responses", responses, 0, 1, least=0)
    checks.numbers("factors", factors, 0, least=0 if len(responses) else 1)
    checks.done()
    cases = [
        (math.nan, what_if(protocol, scenario, {"response": response}, rated=rated)[1])
        for response in responses
    ] or [
        (factor, scenario.model_copy(update={"course": scenario.course.scaled(improve=factor)}))
        for factor in factors
    ]
    rows: list[dict[str, float]] = []
    critical = n = 0
    bar = progress_bar(sys.stderr) if progress is True and method == "simulate" else None
    done = counted(None if bar else progress, "points", len(cases))
    for number, (factor, changed) in enumerate(cases):
        answers = exact_characteristics(protocol, changed)
        critical, n = answers.critical_count, answers.n
        exact = answers.answers.get("probability_of_success", np.nan)
        estimate, error, low, high = exact, 0.0, exact, exact
        if method == "simulate":
            result = simulate_trials(
                protocol, changed, n_trials, seed, executor=executor, workers=workers, quantities="primary",
                progress=_going_on(bar, number, len(cases)),
            )  # fmt: skip
            success = result["probability_of_success"]
            low, high = success.interval if isinstance(success.interval, tuple) else (np.nan, np.nan)
            estimate, error = float(success.estimate), float(success.std_error)  # type: ignore[arg-type]
        rows.append(done(
            {
                "factor": factor, "true_response": answers.answers["true_response"],
                "reported_response": answers.answers.get("reported_response", np.nan),
                "estimate": estimate, "std_error": error, "lower": low, "upper": high, "exact": exact,
            }
        ))  # fmt: skip
    import pandas as pd

    return PowerCurve(
        scenario.id, n, critical, n_trials if method == "simulate" else 0, pd.DataFrame(rows),
        Provenance(protocol.id, protocol.version, seed),
    )  # fmt: skip


def simulate_estimands(
    protocol: Protocol, scenario: Scenario, n_trials: int = 10_000, seed: int = 1, *, workers: int = 1
) -> pd.DataFrame:
    """Give response and success under every estimand at once, from the same simulated patients.

    Parameters
    ----------
    protocol : Protocol
        Its own estimand is one of the rows.
    scenario : Scenario
    n_trials, seed, workers
        As in `simulate_trials`.

    Returns
    -------
    pandas.DataFrame
        One row per combination of strategies at the endpoint visit: death, rescue, stopped, missing, response (as
        reported), response_error, counted (patients), success, success_error, and exact_response, exact_counted,
        exact_success (nan where there is no exact answer). Errors are Monte Carlo standard errors.

    Raises
    ------
    ValueError
        As `simulate_trials`.

    Examples
    --------
    >>> import pnstrial as pns
    >>> frame = simulate_estimands(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"), 500)
    >>> len(frame), bool((frame["missing"] == "LOCF").any())
    (48, True)
    """
    check_signature(simulate_estimands, locals())
    model = build_model(protocol, scenario)
    visit = [v.name for v in protocol.visits].index(protocol.endpoint.visit)
    rule = EstimandsRule(visit, model.success.minimum, answers_by_key())
    result = simulate_trials(
        protocol, scenario, n_trials, seed, workers=workers, quantities="primary", rule=rule
    )
    rows: list[dict[str, Any]] = []
    for e, (names, answers) in enumerate(zip(STRATEGIES, exact_estimands(model), strict=True)):
        response, success = result[f"response_{e}"], result[f"success_{e}"]
        exact = (math.nan,) * 3 if answers is None else answers
        rows.append(
            {
                **dict(zip(("death", "rescue", "stopped", "missing"), names, strict=True)),
                "response": response.estimate, "response_error": response.std_error,
                "counted": result[f"counted_{e}"].estimate, "success": success.estimate,
                "success_error": success.std_error, "exact_response": exact[0], "exact_counted": exact[1],
                "exact_success": exact[2],
            }
        )  # fmt: skip
    import pandas as pd

    return pd.DataFrame(rows)


def rating_floor(protocol: Protocol, scenario: Scenario) -> RatingFloor:
    """Give the response that would be reported if nobody improved: rating error alone.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    RatingFloor

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = rating_floor(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"))
    >>> round(found.floor, 3), round(found.gap, 3)
    (0.08, 0.005)
    """
    check_signature(rating_floor, locals())
    still = scenario.model_copy(update={"course": scenario.course.scaled(improve=0)})
    shares: list[float] = []
    for case in (scenario, still):
        found = endpoint_probabilities(build_model(protocol, case, short=True))
        if "response" not in found:
            reason = NotEstimable("the reported response has no exact answer under this estimand")
            return RatingFloor(scenario.id, reason, reason, reason, Provenance(protocol.id, protocol.version))
        counted = 1 - found["excluded"]
        shares.append(found["response"] / counted if counted > 0 else 0.0)
    reported, floor = shares
    return RatingFloor(
        scenario.id, reported, floor, reported - floor, Provenance(protocol.id, protocol.version)
    )

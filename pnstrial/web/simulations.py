"""What does the tab of the simulations show?

Input: a shipped scenario, sliders, the number of trials, a seed.
Output: the exact answers, a run in the background with its progress, scenarios side by side, one example trial.
Protocol section: all.
Method: `pns.exact_characteristics` at once; `pns.simulate_trials` in a process of its own; server-sent events.
Next: `app`.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import pnstrial as pns
from pnstrial.web.drawing import KINDS
from pnstrial.web.pages import as_table, download, figure, page, posting, session_of, words_of
from pnstrial.web.running import Run
from pnstrial.web.scripts import simulation_script
from pnstrial.web.session import PLACES, RATINGS, SLIDERS, changed_scenario, scenario_defaults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.datastructures import FormData
    from starlette.requests import Request

_MOST_TRIALS: Final = 1_000_000
_MOST_KEPT: Final = 12
_MAIN: Final = (
    "probability_of_success", "reported_response", "true_response", "dead", "missing", "decision_continue",
    "decision_discontinue", "wrong_stop_rate", "wrong_continue_rate", "cycles_per_patient", "grams_per_trial",
    "enrolment_months",
)  # fmt: skip
_SHARES: Final = 9
"""So many of the main quantities, the first ones, are proportions."""
_NAMES: Final = ("scenario", "rating", *SLIDERS)


def _settings(given: Any) -> dict[str, str]:
    """Keep what the form may say."""
    return {name: str(given.get(name, "")).replace(",", ".") for name in _NAMES if given.get(name)}


def _exact(request: Request, settings: dict[str, str]) -> Any:
    session = session_of(request)
    key = ("exact", session.base, json.dumps(session.changes, default=str), tuple(sorted(settings.items())))
    return session.once(
        key, lambda: pns.exact_characteristics(session.protocol(), changed_scenario(settings))
    )


def _without_effect(request: Request, settings: dict[str, str]) -> list[str]:
    """Name the settings of the form that were changed and that the probability of success cannot feel."""
    session, words = session_of(request), words_of(request)
    loaded, changed = pns.load_scenario(settings.get("scenario") or "anti-hu"), changed_scenario(settings)
    if changed == loaded:
        return []
    key = ("idle", session.base, json.dumps(session.changes, default=str), tuple(sorted(settings.items())))
    found = session.once(key, lambda: pns.simulate.idle_settings(session.protocol(), loaded, changed))
    return [words(f"simulate.{name}") for name, place in PLACES.items() if ".".join(place) in found]


def _rows(request: Request, frame: Any, main: tuple[str, ...] = _MAIN) -> list[tuple[str, Any]]:
    words = words_of(request)
    found = dict(zip(frame["quantity"], frame["estimate"], strict=True))
    return [
        (words(f"quantity.{name}"), words.data(found[name], percent=main.index(name) < _SHARES))
        for name in main
        if name in found
    ]


def _simulate(request: Request) -> Response:
    session = session_of(request)
    settings = _settings(request.query_params) or dict(session.simulation)
    scenario = changed_scenario(settings)
    if request.query_params:
        session.simulation = settings
    name = settings.get("scenario") or "anti-hu"
    defaults = scenario_defaults(name)
    answers = _exact(request, settings)
    if request.query_params.get("as") == "csv":
        return download(answers.to_frame().to_csv(index=False), "exact.csv", "text/csv; charset=utf-8")
    script = simulation_script(session, settings, "pns.exact_characteristics(protocol, scenario)", "--exact")
    kept = [
        (one.get("name", ""), _rows(request, _exact(request, _settings(one)).to_frame()))
        for one in session.kept
    ]
    return page(
        request, "simulate.html", scenario=scenario, name=name, scenarios=pns.simulate.shipped_scenarios(),
        sliders=SLIDERS, ratings=RATINGS, values={key: settings.get(key) or value for key, value in defaults.items()},
        defaults=defaults, answers=_rows(request, answers.to_frame()), script=script, settings=settings, kept=kept,
        run=session.run, result=_result(request), idle=_without_effect(request, settings),
    )  # fmt: skip


def _result(request: Request) -> dict[str, Any] | None:
    """Give what a finished run says."""
    session, words = session_of(request), words_of(request)
    run = session.run
    if run is None or run.state != "done":
        return None
    columns = ["quantity", "estimate", "std_error", "lower", "upper"]
    frame = run.result.to_frame()
    frame = frame[frame["quantity"].isin(_MAIN)]
    call = f"pns.simulate_trials(protocol, scenario, {run.n_trials}, {run.seed}, quantities='primary')"
    named = frame.assign(quantity=[words(f"quantity.{one}") for one in frame["quantity"]])
    return {
        "table": as_table(words, named, columns),
        "script": simulation_script(
            session, run.settings, call, f"--trials {run.n_trials} --seed {run.seed} --primary"
        ),
    }  # fmt: skip


def _whole(form: FormData, name: str, low: int, high: int, default: int) -> int:
    text = str(form.get(name, "")) or str(default)
    if not (text.isascii() and text.isdigit() and low <= int(text[:19]) <= high):
        raise ValueError(f"{name} = {text[:20]!r}: allowed are whole numbers from {low} to {high}")
    return int(text)


def _run(request: Request, form: FormData) -> str:
    session = session_of(request)
    n_trials = _whole(form, "trials", 2, _MOST_TRIALS, 100_000)
    seed = _whole(form, "seed", 0, 2**31, 1)
    settings = _settings(form)
    scenario = changed_scenario(settings)
    with session.lock:
        if session.run is not None:
            session.run.cancel()
        session.simulation = settings
        session.run = Run(session.protocol(), scenario, n_trials, seed, settings)
    return "/simulate#run"


def _cancel(request: Request, _: FormData) -> str:
    run = session_of(request).run
    if run is not None:
        run.cancel()
    return "/simulate#run"


async def _progress(request: Request) -> Response:
    """Tell how far the run is, as server-sent events, until it ends."""
    run = session_of(request).run

    async def events() -> AsyncGenerator[str]:
        while run is not None:
            yield f"data: {json.dumps(run.to_dict())}\n\n"
            if run.state != "running":
                break
            await asyncio.sleep(0.2)
        if run is None:
            yield 'data: {"state": "none"}\n\n'

    return StreamingResponse(events(), media_type="text/event-stream")


def _keep(request: Request, form: FormData) -> str:
    session = session_of(request)
    settings = _settings(form)
    changed_scenario(settings)
    name = str(form.get("name", "")).strip()[:40] or settings.get("scenario") or "anti-hu"
    session.kept = [*(one for one in session.kept if one.get("name") != name), {"name": name, **settings}][
        -_MOST_KEPT:
    ]
    return "/simulate#kept"


def _clear(request: Request, _: FormData) -> str:
    session_of(request).kept = []
    return "/simulate"


def _seed(request: Request) -> int:
    text = request.query_params.get("seed", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(words_of(request)("simulate.seed_wrong"))
    return int(text)


def _one_trial(request: Request) -> Any:
    session = session_of(request)
    settings, seed = dict(session.simulation), _seed(request)

    def make() -> Any:
        trial = pns.simulate_trial(session.protocol(), changed_scenario(settings), seed=seed)
        return pns.analyse(trial, session.protocol())

    return session.once(("one", tuple(sorted(settings.items())), seed), make)


def _example(request: Request) -> Response:
    session = session_of(request)
    analysis = _one_trial(request)
    seed = _seed(request)
    script = simulation_script(
        session, dict(session.simulation),
        f"pns.analyse(pns.simulate_trial(protocol, scenario, seed={seed}), protocol).primary", "",
    )  # fmt: skip
    return page(
        request, "example.html", seed=seed, answer=analysis.primary, script=script._replace(command="")
    )


def _figure(request: Request) -> Response:
    kind, name = request.path_params["kind"], request.path_params["name"]
    if kind not in KINDS:
        raise HTTPException(404)
    run = session_of(request).run
    if name == "responders" and run is not None and run.state == "done":
        exact = _exact(request, run.settings)
        return figure(request, lambda: pns.figures.responder_distribution(run.result, exact), kind)
    if name in {"patients", "flow"}:
        analysis = _one_trial(request)
        if name == "patients":
            return figure(request, lambda: pns.figures.swimmer(analysis), kind, analysis.sets.full_analysis)
        flow = pns.figures.count_flow(analysis)
        return figure(request, lambda: pns.figures.consort_flow(flow, say=words_of(request).say), kind)
    raise HTTPException(404)


ROUTES: Final = [
    Route("/simulate", _simulate),
    Route("/simulate/run", posting(_run), methods=["POST"]),
    Route("/simulate/cancel", posting(_cancel), methods=["POST"]),
    Route("/simulate/progress", _progress),
    Route("/simulate/keep", posting(_keep), methods=["POST"]),
    Route("/simulate/clear", posting(_clear), methods=["POST"]),
    Route("/simulate/example", _example),
    Route("/simulate/figure/{name}.{kind}", _figure),
]

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
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import pnstrial as pns
from pnstrial.web.drawing import KINDS
from pnstrial.web.pages import as_csv, as_table, figure, page, posting, session_of, text_of_file, words_of
from pnstrial.web.running import Run
from pnstrial.web.scenarios import OWN_SCENARIO, RATINGS, SLIDERS
from pnstrial.web.scripts import comparison_script, simulation_script
from pnstrial.web.session import RUN_LIMITS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.datastructures import FormData
    from starlette.requests import Request

_MOST_KEPT: Final = 12
_MAIN: Final = (
    "probability_of_success", "reported_response", "true_response", "dead", "missing", "decision_continue",
    "decision_discontinue", "wrong_stop_rate", "wrong_continue_rate", "cycles_per_patient", "grams_per_trial",
    "enrolment_months",
)  # fmt: skip
_SHARES: Final = 9
"""So many of the main quantities, the first ones, are proportions."""
_NAMES: Final = ("scenario", "rating", *SLIDERS)
_RATES: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""True responses at which the overlaid curves are reckoned."""


def _settings(request: Request, given: Any) -> dict[str, str]:
    """Keep what the form may say; the scenario is always named."""
    settings = {name: str(given.get(name, "")).replace(",", ".") for name in _NAMES if given.get(name)}
    if "scenario" not in settings:
        settings["scenario"] = next(iter(session_of(request).scenarios()), "")
    return settings


def _key(request: Request, what: str, settings: dict[str, str]) -> tuple[object, ...]:
    session = session_of(request)
    name, moved = session.moved(settings)
    return (what, session.base, repr(session.changes), name, session.own.get(name), repr(moved))


def _exact(request: Request, settings: dict[str, str]) -> Any:
    session = session_of(request)
    return session.once(
        _key(request, "exact", settings), lambda: pns.exact_characteristics(*session.pair(settings))
    )


def _without_effect(request: Request, settings: dict[str, str]) -> list[tuple[str, str]]:
    """Name the settings that were moved and that the probability of success cannot feel, each with the reason."""
    from pnstrial.changes import idle_changes

    session = session_of(request)
    name, moved = session.moved(settings)
    loaded = session.scenario(name)
    found: list[tuple[str, str]] = []
    for setting, value in moved.items():
        key = ("idle", session.base, repr(session.changes), name, session.own.get(name), setting, repr(value))
        changes = {setting: [value]}
        idle = session.once(key, lambda changes=changes: idle_changes(session.protocol(), loaded, changes))
        found += [(setting, reason) for reason in idle.values()]
    return found


def _published(scenario: Any) -> tuple[int, int] | None:
    """Give the published improved and all of the series that a scenario is fitted to."""
    series = scenario.series
    if series is None:
        return None
    return series.improved, series.improved + series.stable + series.deteriorated


def _notes(request: Request) -> Response:
    """Say what rating error alone reports, and which settings do nothing."""
    session, words = session_of(request), words_of(request)
    settings = _settings(request, request.query_params)
    protocol, scenario = session.pair(settings)
    floor = session.once(
        _key(request, "floor", settings), lambda: pns.simulate.rating_floor(protocol, scenario)
    )
    labels = {slider.setting: words(f"simulate.{name}") for name, slider in SLIDERS.items()}
    labels["rating"] = words("simulate.rating")
    idle = [(labels[name], reason) for name, reason in _without_effect(request, settings)]
    return page(
        request, "notes.html", floor=floor, idle=idle, scenario=scenario, published=_published(scenario),
        estimable=isinstance(floor.floor, float), settings=settings,
    )  # fmt: skip


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
    scenarios = session.scenarios()
    if not scenarios:
        return page(request, "no_scenario.html", protocol=session.protocol())
    settings = _settings(request, request.query_params or session.simulation)
    name, moved = session.moved(settings)
    _, scenario = session.pair(settings)
    if request.query_params:
        session.simulation = settings
    first = session.first(name)
    answers = _exact(request, settings)
    result = _result(request)
    frames: dict[str, Any] = {"exact": answers.to_frame}
    if session.run is not None and session.run.state == "done":
        frames["run"] = session.run.result.to_frame
    if session.kept:
        frames["kept"] = lambda: _side_by_side(request)
    if answer := as_csv(request, frames):
        return answer
    script = simulation_script(session, settings, "pns.exact_characteristics(protocol, scenario)", "--exact")
    kept = [(one.get("name", ""), _rows(request, _exact(request, one).to_frame())) for one in _kept(request)]
    shown = {key: settings.get(key) or value for key, value in first.items()}
    return page(
        request, "simulate.html", scenario=scenario, name=name, scenarios=scenarios, sliders=SLIDERS, ratings=RATINGS,
        values=shown, answers=_rows(request, answers.to_frame()), without=answers.without, script=script,
        settings=settings, kept=kept, run=session.run, result=result, visit=session.protocol().endpoint.visit,
        kept_script=comparison_script(session, _kept(request)) if kept else None, moved=moved,
        asked=urlencode(settings), limits=RUN_LIMITS,
    )  # fmt: skip


def _kept(request: Request) -> list[dict[str, str]]:
    """Give the settings that were named, each with its scenario."""
    return [{"name": one.get("name", ""), **_settings(request, one)} for one in session_of(request).kept]


def _side_by_side(request: Request) -> Any:
    """Give the exact answers of the kept settings as one table, a row a quantity."""
    import pandas as pd

    columns = {
        one["name"]: _exact(request, one).to_frame().set_index("quantity")["estimate"]
        for one in _kept(request)
    }
    return pd.DataFrame(columns).reset_index()


def _bring(request: Request, form: FormData) -> str:
    """Take a scenario file of the person."""
    session_of(request).use_scenario(text_of_file(form))
    if OWN_SCENARIO not in session_of(request).scenarios():
        # simulated at once, so that the sentence says what does not fit
        session_of(request).pair({"scenario": OWN_SCENARIO})
    return "/simulate"


def _first(request: Request, _: FormData) -> str:
    """Take the first scenario of the protocol, in which every number is assumed."""
    session_of(request).use_scenario(pns.drafts.first_scenario(session_of(request).protocol()))
    return "/simulate"


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


def _whole(request: Request, form: FormData, name: str) -> int:
    low, high = RUN_LIMITS[name]
    text = str(form.get(name, "")) or str(session_of(request).run_settings[name])
    if not (text.isascii() and text.isdigit() and low <= int(text[:19]) <= high):
        raise ValueError(f"{name} = {text[:20]!r}: allowed are whole numbers from {low} to {high}")
    return int(text)


def _run(request: Request, form: FormData) -> str:
    session = session_of(request)
    n_trials, seed = _whole(request, form, "trials"), _whole(request, form, "seed")
    settings = _settings(request, form)
    protocol, scenario = session.pair(settings)
    with session.lock:
        if session.run is not None:
            session.run.cancel()
        session.simulation, session.run_settings = settings, {"trials": n_trials, "seed": seed}
        session.run = Run(protocol, scenario, n_trials, seed, settings)
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
    settings = _settings(request, form)
    session.pair(settings)
    name = str(form.get("name", "")).strip()[:40] or settings["scenario"]
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
    settings, seed = _settings(request, session.simulation), _seed(request)

    def make() -> Any:
        protocol, scenario = session.pair(settings)
        return pns.analyse(pns.simulate_trial(protocol, scenario, seed=seed), protocol)

    return session.once((*_key(request, "one", settings), seed), make)


def _example(request: Request) -> Response:
    session = session_of(request)
    analysis = _one_trial(request)
    seed = _seed(request)
    settings = _settings(request, session.simulation)
    script = simulation_script(
        session, settings,
        f"pns.analyse(pns.simulate_trial(protocol, scenario, seed={seed}), protocol).primary",
        f"--one --seed {seed} --out trial-{seed}",
    )  # fmt: skip
    return page(
        request,
        "example.html",
        seed=seed,
        answer=analysis.primary,
        script=script,
        scenario=settings["scenario"],
    )


def _figure(request: Request) -> Response:
    kind, name = request.path_params["kind"], request.path_params["name"]
    if kind not in KINDS:
        raise HTTPException(404)
    run = session_of(request).run
    if name == "responders" and run is not None and run.state == "done":
        exact = _exact(request, run.settings)
        return figure(request, lambda: pns.figures.responder_distribution(run.result, exact), kind)
    if name in {"kept_responders", "kept_power"} and session_of(request).kept:
        draw = _draw_responders if name == "kept_responders" else _draw_power
        return figure(request, lambda: draw(request), kind)
    if name in {"patients", "flow"}:
        analysis = _one_trial(request)
        if name == "patients":
            return figure(request, lambda: pns.figures.swimmer(analysis), kind, analysis.sets.full_analysis)
        flow = pns.figures.count_flow(analysis)
        return figure(request, lambda: pns.figures.consort_flow(flow, translate=words_of(request).say), kind)
    raise HTTPException(404)


def _draw_responders(request: Request) -> Any:
    return pns.figures.compare_responders({one["name"]: _exact(request, one) for one in _kept(request)})


def _draw_power(request: Request) -> Any:
    """Draw the probability of success of each kept scenario against the true response."""
    session = session_of(request)
    curves: dict[str, Any] = {}
    for one in _kept(request):
        pair = session.pair(one)
        curves[one["name"]] = session.once(
            _key(request, "power", one),
            lambda pair=pair: pns.power_curve(*pair, responses=_RATES, method="exact"),
        )
    return pns.figures.power_against_rate(curves)


ROUTES: Final = [
    Route("/simulate", _simulate),
    Route("/simulate/notes", _notes),
    Route("/simulate/bring", posting(_bring), methods=["POST"]),
    Route("/simulate/first", posting(_first), methods=["POST"]),
    Route("/simulate/run", posting(_run), methods=["POST"]),
    Route("/simulate/cancel", posting(_cancel), methods=["POST"]),
    Route("/simulate/progress", _progress),
    Route("/simulate/keep", posting(_keep), methods=["POST"]),
    Route("/simulate/clear", posting(_clear), methods=["POST"]),
    Route("/simulate/example", _example),
    Route("/simulate/figure/{name}.{kind}", _figure),
]

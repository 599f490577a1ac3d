"""What does the tab of the designs show?

Input: rates, error levels, patients.
Output: an exact design with its sentence, its characteristics over the true rate and its figure.
Protocol section: endpoint.
Method: `pnstrial.design` answers; the form only says what may be typed.
Next: `simulations`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.routing import Route

import pnstrial as pns
from pnstrial.web.drawing import KINDS
from pnstrial.web.pages import as_csv, as_table, figure, page, session_of, words_of
from pnstrial.web.scripts import design_script

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pnstrial.web.words import Words


class _Field(NamedTuple):
    """One number of a form: where it begins, its smallest, largest and step."""

    value: float
    low: float
    high: float
    step: float


class _Kind(NamedTuple):
    """A kind of design: the function of `pnstrial.design`, its command, what is asked, whether looks are."""

    function: str
    command: str
    fields: dict[str, _Field]
    looks: bool = False


_LAST: Final = 17
"""Patients where a form begins whose protocol states no size."""
_P0, _P1 = _Field(0.1, 0.01, 0.9, 0.01), _Field(0.3, 0.02, 0.95, 0.01)
_ALPHA, _POWER = _Field(0.05, 0.005, 0.3, 0.005), _Field(0.8, 0.5, 0.99, 0.01)
_KINDS: Final = {
    "single": _Kind("single_stage", "single", {"p0": _P0, "p1": _P1, "alpha": _ALPHA, "power": _POWER}),
    "fixed": _Kind(
        "single_stage_at", "single", {"n": _Field(_LAST, 2, 300, 1), "p0": _P0, "p1": _P1, "alpha": _ALPHA}
    ),
    "simon": _Kind(
        "simon", "simon",
        {"p0": _P0, "p1": _P1, "alpha": _ALPHA, "power": _POWER, "n_max": _Field(100, 20, 200, 10)},
    ),
    "sequential": _Kind("group_sequential", "sequential", {"p0": _P0, "alpha": _ALPHA}, looks=True),
    "bayes": _Kind(
        "predictive_design", "bayes",
        {"p0": _P0, "threshold": _Field(0.9, 0.5, 0.999, 0.005), "futility": _Field(0.1, 0.0, 0.5, 0.01)}, looks=True,
    ),
    "safety": _Kind(
        "safety_boundary", "safety",
        {"looks": _Field(_LAST, 2, 300, 1), "p0": _P0, "alpha": _Field(0.1, 0.005, 0.3, 0.005)},
    ),
}  # fmt: skip
_MOST_CURVES: Final = 4
_RATES: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
_ONE_LOOK: Final = ("single", "fixed")
_WHOLE: Final = ("n", "looks", "n_max")


def _planned(request: Request, kind: str) -> dict[str, float]:
    """Give the numbers that the protocol states, where the form begins."""
    protocol = session_of(request).protocol()
    design, null = protocol.design, protocol.endpoint.null_proportion
    stated = {} if design is None else {"n": design.n, "looks": design.n}
    if kind != "safety":  # whose rate is one of harm, with a level of its own
        tested = (
            {} if design is None else {"p1": design.alternative, "alpha": design.alpha, "power": design.power}
        )
        # a rate of interest that begins above the null
        stated |= {"p0": null, "p1": None if null is None else max(_P1.value, null + 0.2)}
        stated |= {name: value for name, value in tested.items() if value is not None}
    return {name: value for name, value in stated.items() if value is not None}


def _request_settings(request: Request) -> tuple[str, dict[str, Any]]:
    """Read the form: the kind of design, and the arguments of its function."""
    words, query = words_of(request), request.query_params
    kind = query.get("kind") or "single"
    if kind not in _KINDS:
        raise ValueError(words("design.unknown"))
    chosen = _KINDS[kind]
    arguments: dict[str, Any] = {}
    planned = _planned(request, kind)
    for name, field in chosen.fields.items():
        text = query.get(name, "").replace(",", ".")
        try:
            value = float(text) if text else min(max(planned.get(name, field.value), field.low), field.high)
            value = int(value) if name in _WHOLE else value
        except (ValueError, OverflowError):
            value = float("nan")
        if not field.low <= value <= field.high:
            label = words(f"design.{name}")
            raise ValueError(words("design.range", name=label, low=field.low, high=field.high))
        arguments[name] = value
    if chosen.looks:
        last = int(planned.get("looks", _LAST))
        thirds = dict.fromkeys(max(1, round(last * k / 3)) for k in (1, 2, 3))
        text = query.get("looks") or " ".join(map(str, thirds))
        looks = text.replace(",", " ").split()
        if not looks or any(
            not (look.isascii() and look.isdigit() and 1 <= int(look[:9]) <= 300) for look in looks
        ):
            raise ValueError(words("design.looks_wrong"))
        arguments = {"looks": [int(look) for look in looks], **arguments}
    return kind, arguments


@lru_cache(maxsize=64)
def _found(kind: str, key: tuple[tuple[str, Any], ...]) -> Any:
    words = {name: list(value) if isinstance(value, tuple) else value for name, value in key}
    return getattr(pns.design, _KINDS[kind].function)(**words)


def _design(kind: str, arguments: dict[str, Any]) -> Any:
    key = tuple(
        (name, tuple(value) if isinstance(value, list) else value) for name, value in arguments.items()
    )
    return _found(kind, key)


def _members(words: Words, kind: str, result: Any) -> dict[str, Any]:
    """Give the designs of an answer by their names."""
    if kind != "simon":
        return {words(f"design.{kind}"): result}
    between = [one for one in result.admissible_designs if one not in {result.optimal, result.minimax}]
    return {
        words("design.optimal"): result.optimal, words("design.minimax"): result.minimax,
        **{words("design.admissible", n=one.n): one for one in between},
    }  # fmt: skip


def _paths(kind: str, result: Any) -> tuple[str, ...]:
    """Give where the members of `_members` stand in an answer."""
    if kind != "simon":
        return ("",)
    every = result.admissible_designs
    between = [place for place, one in enumerate(every) if one not in {result.optimal, result.minimax}]
    return (".optimal", ".minimax", *(f".admissible_designs[{place}]" for place in between))


def _command(kind: str, arguments: dict[str, Any]) -> str:
    words = [_KINDS[kind].command]
    for name, value in arguments.items():
        option = "n" if kind == "safety" and name == "looks" else name.replace("_", "-")
        text = " ".join(str(one) for one in value) if isinstance(value, list) else f"{value}"
        words.append(f"--{option} {text}")
    if kind == "sequential":
        words.append("--spend pocock")
    if kind == "bayes":
        words.append("--p1 0.5")
    return "design " + " ".join(words)


def _page(request: Request) -> Response:
    words = words_of(request)
    kind, arguments = _request_settings(request)
    result = _design(kind, arguments)
    tables: list[tuple[str, str, Any]] = []
    frames: dict[str, Any] = {"design": result.to_frame}
    for place, (name, design) in enumerate(_members(words, kind, result).items()):
        frame = design.operating_characteristics(list(_RATES)).to_frame()
        frames[f"rates_{place + 1}"] = lambda frame=frame: frame
        kept = [column for column in ("p", "reject", "expected_n", "sd_n") if column in frame.columns]
        shown = frame[kept].rename(columns={"reject": "stops"} if kind == "safety" else {})
        tables.append((name, design.sentence(), as_table(words, shown, percent=("p", "reject", "stops"))))
    if answer := as_csv(request, frames):
        return answer
    frame = result.to_frame().dropna(axis="columns", how="all")
    script = design_script(
        _KINDS[kind].function, arguments, _command(kind, arguments), _paths(kind, result), _RATES
    )
    return page(
        request, "design.html", kind=kind, kinds=_KINDS, fields=_KINDS[kind].fields, values=arguments,
        looks=" ".join(map(str, arguments["looks"])) if _KINDS[kind].looks else None, designs=tables,
        table=as_table(words, frame), script=script,
    )  # fmt: skip


def _figure(request: Request) -> Response:
    file_kind, name = request.path_params["kind"], request.path_params["name"]
    if file_kind not in KINDS or name not in {"power", "boundaries"}:
        raise HTTPException(404)
    kind, arguments = _request_settings(request)
    members = _members(words_of(request), kind, _design(kind, arguments))
    if name == "boundaries":
        design = next(iter(members.values()))
        draw = pns.figures.saw_tooth if kind in _ONE_LOOK else pns.figures.stopping_boundaries
        return figure(request, lambda: draw(design), file_kind)

    def curve() -> Any:
        axes = pns.figures.power_curve(dict([*members.items()][:_MOST_CURVES]))
        if kind == "safety":
            axes.set_ylabel("Probability to stop the trial")
        return axes

    return figure(request, curve, file_kind)


ROUTES: Final = [Route("/design", _page), Route("/design/figure/{name}.{kind}", _figure)]

"""What if a setting were another one: the response, the deaths, late cycles, any key of either file?

Input: a protocol, a scenario, and settings by name.
Output: the protocol and the scenario that have them.
Protocol section: none; every section can be changed.
Method: settings are laid over the files and checked as the files are. A response or a number of deaths is no setting
but what rates lead to: the factor on the rates to improve, or to die, is found at which the exact answer has it.
Next: `simulate`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from pnstrial.engine.exact.answers import endpoint_probabilities, exact_characteristics
from pnstrial.engine.idle import reason_for, touched
from pnstrial.engine.model import build_model
from pnstrial.engine.scenario import ScenarioError
from pnstrial.engine.strata import arm_generators
from pnstrial.numerics.arguments import as_number
from pnstrial.numerics.roots import cross
from pnstrial.numerics.signatures import check_signature
from pnstrial.settings import SettingsFiles, entry_key, lay_over, of_percent, read_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.scenario import Scenario
    from pnstrial.multistate import Course
    from pnstrial.protocol import Protocol

__all__ = ["SHORT_NAMES", "current_value", "idle_changes", "reported_range", "what_if"]

SHORT_NAMES: Final[dict[str, str]] = {
    "response": "response at the endpoint visit, for which the rates to improve are solved",
    "deaths": "deaths expected by the endpoint visit (+2: two more), for which the rates to die are solved",
    "late": "share of late cycles",
    "n": "patients enrolled",
    "window_days": "half-width of every visit window, around its target day",
    "improvement_points": "by how many points the rating must improve",
    "rating": "rating method, of raters who are independent of each other",
    "death": "strategy for death",
    "rescue": "strategy for rescue",
    "stopped": "strategy for stopped treatment",
    "missing": "strategy for missing values",
    "screened_per_month": "accrual",
    "null": "null proportion of the success rule",
}
"""Settings that have a name of their own; every other one is `scenario.KEY` or `protocol.KEY`."""

_PLACES: Final = {
    "late": "scenario.treatment.late", "n": "scenario.enrolment.target", "death": "protocol.estimand.death",
    "improvement_points": "protocol.endpoint.improvement_points", "rescue": "protocol.estimand.rescue",
    "stopped": "protocol.estimand.stopped", "missing": "protocol.estimand.missing",
    "screened_per_month": "scenario.enrolment.screened_per_month", "null": "scenario.success.null",
}  # fmt: skip
Kind = Literal["improve", "die"]

_SOLVED: Final = {"response", "deaths"}
_CLOSE: Final = 1e-10
_QUICK: Final = 14
"""Steps after which a search goes the safe way."""
_FURTHEST: Final = 4.0
"""The longest of them, as the logarithm of a factor."""
_FASTEST: Final = 1e3
"""Rates per month beyond which nothing is sought: under an hour to the next grade."""


def what_if(
    protocol: Protocol,
    scenario: Scenario,
    settings: Mapping[str, Any],
    *,
    rated: bool = False,
    at_least_floor: bool = False,
) -> tuple[Protocol, Scenario]:
    """Give the protocol and the scenario with other settings.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    settings : mapping of str to object
        By name: ``response`` (0 to 1), ``deaths`` (of all enrolled by the endpoint visit's target day; text such as
        "+2" is more than now), ``late``, the other `SHORT_NAMES`, or ``scenario.KEY`` and ``protocol.KEY`` with the
        keys of the files, such as ``scenario.treatment.late_days``, ``scenario.course.onset.0.die``,
        ``scenario.scales.Barthel.sd`` (an entry of a list by position, id or name) or
        ``protocol.visits.Month 3.first_day``. All are laid in before they are checked, so that what only fits together
        can be changed together.
    rated : bool
        Whether ``response`` is what is reported (rated, missing values handled as the estimand says) instead of the
        true share improved.
    at_least_floor : bool
        Whether a rated response below what rating error alone reports makes the rates to improve 0 instead of an
        error.

    Returns
    -------
    tuple of (Protocol, Scenario)
        With rates to improve (to die) that are multiplied by one factor; where all are 0 they are equal from every
        grade.

    Raises
    ------
    ValueError
        For a name, key or value that is not allowed, or a response or number of deaths that no rates lead to, with
        what they can lead to (`ScenarioError`).

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol, scenario = what_if(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...                              {"response": 0.25, "late": 0.3})
    >>> scenario.treatment.late, round(pns.exact_characteristics(protocol, scenario).answers["true_response"], 9)
    (0.3, 0.25)
    """
    check_signature(what_if, locals())
    laid = {name: value for name, value in settings.items() if name not in _SOLVED}
    protocol, scenario = _with_settings(protocol, scenario, laid)
    if "response" in settings or "deaths" in settings:
        scenario = _solved(protocol, scenario, settings, rated=rated, clip=at_least_floor)
    return protocol, scenario


def current_value(protocol: Protocol, scenario: Scenario, name: str) -> Any:
    """Give the value that a setting has now.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    name : str
        As in `what_if`.

    Returns
    -------
    object
        None for what is solved for, not set, or set in several places.

    Examples
    --------
    >>> import pnstrial as pns
    >>> current_value(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), "n")
    17
    """
    file, *steps = _PLACES.get(name, name).split(".")
    if file not in {"scenario", "protocol"}:
        return None
    here: Any = (scenario if file == "scenario" else protocol).model_dump()
    for step in steps:
        if isinstance(here, list | tuple):
            items = cast("list[Any]", here)
            if step.isdigit():
                here = items[int(step)] if int(step) < len(items) else None
            else:
                here = next((entry for entry in items if entry_key(entry) == step), None)
        else:
            here = cast("dict[str, Any]", here).get(step) if isinstance(here, dict) else None
    return here


def idle_changes(
    protocol: Protocol,
    scenario: Scenario,
    changes: Mapping[str, Sequence[Any]],
    quantities: Sequence[str] = ("probability_of_success",),
) -> dict[str, str]:
    """Name the settings that no reported quantity can feel, whichever of their values they have.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
        As they were loaded.
    changes : mapping of str to sequence
        Values by setting, named as in `what_if`; ``response`` and ``deaths`` are solved for and never named. Each is
        taken back while the others have their first value.
    quantities : sequence of str
        What is reported.

    Returns
    -------
    dict of str to str
        Reason by setting, such as ``treatment.late``.

    Raises
    ------
    ValueError
        If an argument is of another kind; what cannot be run is left to the run to refuse.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = idle_changes(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...                      {"late": [0, 0.3], "null": [0.05, 0.1]})
    >>> list(found)
    ['treatment.late']
    """
    check_signature(idle_changes, locals())
    found: dict[str, str] = {}
    first = {name: values[0] for name, values in changes.items() if name not in _SOLVED}
    for name in first:
        others = {other: value for other, value in first.items() if other != name}
        try:
            before = _as_it_runs(*what_if(protocol, scenario, others))
            cases = [what_if(protocol, scenario, {**others, name: value}) for value in changes[name]]
            felt = any(touched(before, _as_it_runs(*case), quantities) for case in cases)
        except ValueError:  # it cannot be taken back by itself, so it does something
            continue
        if not felt:
            place = _PLACES.get(name, name).removeprefix("scenario.")
            found[place] = reason_for(*cases[0], tuple(place.split(".")))
    return found


def _as_it_runs(protocol: Protocol, scenario: Scenario) -> tuple[Model, Mapping[str, float]]:
    return build_model(protocol, scenario), exact_characteristics(protocol, scenario).answers


def reported_range(protocol: Protocol, scenario: Scenario) -> tuple[Model, float, float] | None:
    """Give the model, and the responses that can be reported, where success depends on nothing else.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario

    Returns
    -------
    tuple of (Model, float, float) or None
        What rating error alone reports, and what the fastest rates to improve do; None where patients can be left out
        of the count, or the reported response has no exact answer.
    """
    course = _Course(protocol, scenario, rated=True)
    course.start("improve")
    ends: list[float] = []
    for factor in (0.0, _FASTEST / max(course.scenario.course.improve)):
        course.factors["improve"] = factor
        found = endpoint_probabilities(course.model())
        if found.get("excluded") != 0:
            return None
        ends.append(found["response"])
    return cast("Model", course.base), ends[0], ends[1]


# ------------------------------------------------------------------------------------------------ settings by key
def _with_settings(
    protocol: Protocol, scenario: Scenario, settings: Mapping[str, Any]
) -> tuple[Protocol, Scenario]:
    """Lay all settings in before anything is checked: some only fit together, such as shares that add to 1."""
    plan, content = protocol.model_dump(exclude_none=True), scenario.model_dump(exclude_none=True)
    changes: dict[str, Any] = {}
    criteria: dict[str, dict[str, Any]] = {}
    sections: dict[str, dict[str, Any]] = {}
    others: dict[str, Any] = {}
    for (file, section, *below), value in _places(protocol, settings):
        where = ".".join((file, section, *below))
        if file == "protocol":
            if section == "criteria" and len(below) == 2:
                criteria.setdefault(below[0], {})[below[1]] = value
            elif section in {"visits", "scales"} and len(below) == 2:
                name = (protocol.visit if section == "visits" else protocol.scale)(below[0]).name
                changes.setdefault(section, {}).setdefault(name, {})[below[1]] = value
            elif below and isinstance(plan.get(section, {}), dict):
                new = _change_alone(plan.get(section), below, value, where)
                changes[section] = lay_over(changes.get(section, {}), new)
            else:
                raise ScenarioError(
                    f"{where}: write protocol.SECTION.KEY, protocol.visits.NAME.KEY or protocol.criteria.ID.KEY,"
                    " such as protocol.endpoint.null_proportion"
                )
        elif not isinstance(content.get(section, {}), dict):
            others[section] = _laid_in(others.get(section, content[section]), below, value, where)
        elif below:
            own = {**content.get(section, {}), **sections.get(section, {})}
            sections.setdefault(section, {})[below[0]] = _laid_in(own, below, value, where)[below[0]]
        elif isinstance(value, dict):
            sections.setdefault(section, {}).update(cast("dict[str, Any]", value))
        else:
            raise ScenarioError(
                f"{where} = {value!r}: name a key of a section, such as scenario.treatment.late"
            )
    for name, given in criteria.items():
        protocol = protocol.with_criterion(name, **given)
    protocol = protocol.with_settings(**changes) if changes else protocol
    scenario = scenario.changed(**sections) if sections else scenario
    if others:
        files = SettingsFiles("scenario", ScenarioError)
        laid = scenario.model_dump(exclude_none=True) | others
        scenario = files.validated(type(scenario), laid, f"scenario {scenario.id}, changed")
    return protocol, scenario


def _places(protocol: Protocol, settings: Mapping[str, Any]) -> Iterator[tuple[list[str], Any]]:
    """Give the file, section and keys that each setting stands for, with its value there."""
    for name, value in settings.items():
        if name == "rating":
            plain = {"method": value, "agreement": None, "kernel": None, "same_rater_agreement": None}
            yield ["scenario", "rating"], plain
            continue
        if name == "window_days":
            for visit in protocol.visits:
                place = f"protocol.visits.{visit.name}"
                target = settings.get(f"{place}.target_day", visit.target_day)
                for key, day in (("first_day", target - value), ("last_day", target + value)):
                    yield ["protocol", "visits", visit.name, key], day
            continue
        if name == "null" and protocol.endpoint.null_proportion is not None:
            yield ["protocol", "endpoint", "null_proportion"], value
        steps = _PLACES.get(name, name).split(".")
        if steps[0] not in {"scenario", "protocol"} or not all(steps) or len(steps) < 2:
            raise ScenarioError(
                f"no setting is called {name!r}; there are {', '.join(SHORT_NAMES)}, and every key of the files as"
                " scenario.KEY or protocol.KEY, such as scenario.treatment.late"
            )
        yield steps, value


def _entry(items: Sequence[Any], step: str, where: str) -> int:
    """Give the place of an entry of a list: its position, or its id or name."""
    names = [entry_key(item) for item in items]
    place = names.index(step) if step in names else int(step) if step.isdigit() else -1
    if not 0 <= place < len(items):
        named = "".join(f", {name}" for name in names if name)
        raise ScenarioError(
            f"{where}: {step!r} is no position here; allowed are 0 to {len(items) - 1}{named}"
        )
    return place


def _laid_in(part: Any, steps: list[str], value: Any, where: str) -> Any:
    """Give a copy of a part of a file with a value at a place: keys of tables, positions or names in lists."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(part, list | tuple):
        items = list(cast("list[Any]", part))
        place = _entry(items, step, where)
        items[place] = _laid_in(items[place], rest, value, where)
        return items
    if part is not None and not isinstance(part, dict):
        raise ScenarioError(f"{where}: there is no {step!r} below a single value")
    table = cast("dict[str, Any]", part or {})
    return {**table, step: _laid_in(table.get(step), rest, value, where)}


def _change_alone(part: Any, steps: list[str], value: Any, where: str) -> Any:
    """Give what differs alone, as it is laid over: the entry of a list by its name, and nothing beside it."""
    if isinstance(part, list | tuple) and steps:
        items = cast("list[Any]", part)
        entry = items[_entry(items, steps[0], where)]
        if len(steps) == 1 or entry_key(entry) is None:
            return _laid_in(items, steps, value, where)
        key = next(name for name in ("id", "name") if name in entry)
        return [{key: entry[key], **_change_alone(entry, steps[1:], value, where)}]
    if not steps:
        return value
    if part is not None and not isinstance(part, dict):
        raise ScenarioError(f"{where}: there is no {steps[0]!r} below a single value")
    below = cast("dict[str, Any]", part or {}).get(steps[0])
    return {steps[0]: _change_alone(below, steps[1:], value, where)}


# ------------------------------------------------------------------------------------------- settings to be solved
class _Course:
    """The rates of a scenario times factors, and what becomes of its patients."""

    def __init__(self, protocol: Protocol, scenario: Scenario, *, rated: bool) -> None:
        self.protocol, self.scenario, self.rated = protocol, scenario, rated
        self.factors = {"improve": 1.0, "die": 1.0}
        self.clip = False
        self.found: dict[tuple[float, float], dict[str, float]] = {}
        self.base: Model | None = None
        self.parts: dict[Kind, NDArray[np.float64]] = {}

    def start(self, kind: Kind) -> None:
        """Give equal rates to all grades where there are none to multiply."""
        course = self.scenario.course
        if not any(getattr(course, kind)):
            flat = (0.0 if kind == "improve" else 0.05, *([0.05] * (course.grades - 1)))
            self.scenario = self.scenario.changed(course={kind: flat})
            self.base, self.parts = None, {}
            self.found.clear()

    def course(self) -> Course:
        return self.scenario.course.scaled(**self.factors)

    def model(self) -> Model:
        """Give the model with the factors: rates are sums of those to improve, to worsen and to die."""
        if self.base is None:
            self.base = build_model(self.protocol, self.scenario, short=True, exact=True)
        if self.scenario.enrolment.course_before_day_1:  # who is enrolled depends on the rates too
            now = self.scenario.model_copy(update={"course": self.course()})
            return build_model(self.protocol, now, short=True, exact=True)
        generators = self.base.generators
        for kind in ("improve", "die"):
            if self.factors[kind] != 1:
                generators = generators + (self.factors[kind] - 1) * self._part(kind, self.base)
        return replace(self.base, generators=generators)

    def _part(self, kind: Kind, base: Model) -> NDArray[np.float64]:
        """Give the generators of the rates of one kind alone."""
        if kind not in self.parts:
            others = {"improve": 0.0, "worsen": 0.0, "die": 0.0} | {kind: 1.0}
            alone = self.scenario.model_copy(update={"course": self.scenario.course.scaled(**others)})
            self.parts[kind] = arm_generators(alone, base.strata)[0]
        return self.parts[kind]

    def value(self, kind: Kind) -> float:
        key = (self.factors["improve"], self.factors["die"])
        if key not in self.found:
            self.found[key] = endpoint_probabilities(self.model(), rated=self.rated)
        answers = self.found[key]
        if kind == "die":
            return answers["true_death"]
        if not self.rated:
            return answers["true_response"]
        if "response" not in answers:
            raise ScenarioError(
                "response: what is reported has no exact answer under this estimand; solve for the true response"
            )
        return answers["response"] / (1 - answers["excluded"])

    def floor(self) -> float:
        """Give the response that rating error alone reports."""
        if not self.rated:
            return 0.0
        now, self.factors["improve"] = self.factors["improve"], 0.0
        found = self.value("improve")
        self.factors["improve"] = now
        return found

    def bring(self, targets: Mapping[Kind, float]) -> bool:
        """Bring the answers to their targets by few steps from the rates as they are; False where that does not work.

        Broyden's method (Math Comp 1965;19:577-593; for one answer the cubic through the last four points, inverted),
        log(factor) against log(-log(1 - p)): these are nearly a straight line with slope 1 where few patients improve
        or die. What rating error alone reports is taken off p before.
        """
        kinds: list[Kind] = [kind for kind in targets if targets[kind] > 0]
        fastest = [_FASTEST / max(getattr(self.scenario.course, kind)) for kind in kinds]
        floor = self.floor() if kinds == ["improve"] else 0.0
        if any(targets[kind] <= floor for kind in kinds):
            return False
        wanted = [_log_log(targets[kind], floor) for kind in kinds]
        place, slope = np.zeros(len(kinds)), np.eye(len(kinds))
        step = gap = place
        seen: list[tuple[float, float]] = []
        for number in range(_QUICK):
            self.factors |= dict(zip(kinds, np.exp(place).tolist(), strict=True))
            values = [self.value(kind) for kind in kinds]
            if all(abs(value - targets[kind]) <= _CLOSE for kind, value in zip(kinds, values, strict=True)):
                return True
            if not all(floor < value < 1 for value in values):
                break
            before, gap = gap, np.array([_log_log(value, floor) for value in values]) - wanted
            if number:
                slope = slope + np.outer(gap - before - slope @ step, step) / (step @ step)
            if abs(np.linalg.det(slope)) < 1e-6:
                break
            seen.append((float(gap[0]), float(place[0])))
            onward = np.linalg.solve(slope, -gap)
            if len(kinds) == 1 and number > 1:
                onward = np.array([_at_zero(seen[-4:]) - seen[-1][1]])
            step = np.clip(onward, -_FURTHEST, _FURTHEST)
            place = place + step
            if np.any(np.exp(place) > fastest):
                break
        self.factors |= dict.fromkeys(kinds, 1.0)
        return False

    def solve(self, kind: Kind, target: float, step: float) -> None:
        """Find the factor on the rates of a kind at which the answer is the target."""

        def at(factor: float) -> float:
            self.factors[kind] = factor
            value = self.value(kind)
            return target if abs(value - target) <= _CLOSE else value

        if target == 0 and at(0.0) == 0:
            return
        if kind == "improve" and self.rated and at(0.0) > target:
            if not self.clip:
                self._unreachable(kind, target, f"with rates of 0 it is {at(0.0):.4f}")
            return
        low = high = self.factors[kind] or 1.0
        fastest = _FASTEST / max(getattr(self.scenario.course, kind))
        while at(low) > target:
            high, low = low, low / step if low > 1e-9 else 0.0
            if high == 0.0 and self.clip and kind == "improve":
                return
            if high == 0.0:
                self._unreachable(kind, target, f"with rates of 0 it is {at(0.0):.4f}")
            step **= 1.5
        while at(high) < target:
            if high >= fastest:
                self._unreachable(kind, target, f"with the fastest rates it is {at(fastest):.4f}")
            low, high = max(low, high), min(high * step, fastest)
            step **= 1.5
        self.factors[kind] = low if at(low) == target else cross(at, target, low, high)

    def settle(self, targets: Mapping[Kind, float]) -> None:
        """Bring several answers to their targets at once, from factors that give each alone."""
        from scipy.optimize import root

        kinds: list[Kind] = [kind for kind in targets if self.factors[kind] > 0]

        def apart(factors: NDArray[np.float64]) -> list[float]:
            self.factors |= dict(zip(kinds, np.exp(factors).tolist(), strict=True))
            return [self.value(kind) - targets[kind] for kind in kinds]

        found = root(apart, np.log([self.factors[kind] for kind in kinds]), tol=1e-10)
        missed = [
            f"{kind} {self.value(kind):.4f}" for kind in targets if not np.max(np.abs(apart(found.x))) < 1e-7
        ]
        if missed:
            raise ScenarioError(
                f"scenario {self.scenario.id}: no rates give this response and this number of deaths together;"
                f" nearest are shares of {', '.join(missed)}"
            )

    def _unreachable(self, kind: Kind, target: float, best: str) -> None:
        what = "deaths by the endpoint visit" if kind == "die" else "response"
        floor = (
            " (rating error alone reports that)"
            if kind == "improve" and self.rated and "of 0" in best
            else ""
        )
        raise ScenarioError(
            f"scenario {self.scenario.id}: no rates to {kind} give {what} of {target:.4g} a patient;"
            f" {best}{floor}"
        )


def _solved(
    protocol: Protocol, scenario: Scenario, settings: Mapping[str, Any], *, rated: bool, clip: bool
) -> Scenario:
    course = _Course(protocol, scenario, rated=rated)
    targets: dict[Kind, float] = {}
    if "deaths" in settings:
        n = scenario.enrolment.target
        course.start("die")
        targets["die"] = _deaths(settings["deaths"], n, course)
    if "response" in settings:
        share = as_number(settings["response"])
        if share is None or not 0 <= share < 1:
            rule = f"allowed is a share from 0 to under 1{of_percent(settings['response'])}"
            raise ScenarioError(f"response = {settings['response']!r}: {rule}")
        course.start("improve")
        course.clip = clip and rated
        targets["improve"] = share
    for kind, target in targets.items():
        if target == 0:
            course.solve(kind, target, 4.0)
    if not course.bring(targets):
        for kind, target in targets.items():
            course.solve(kind, target, 4.0)
        if len(targets) > 1:
            course.settle(targets)
    return scenario.model_copy(update={"course": course.course()})


def _log_log(share: float, floor: float) -> float:
    return math.log(-math.log1p(-(share - floor) / (1 - floor)))


def _at_zero(points: Sequence[tuple[float, float]]) -> float:
    """Give the value at 0 of the polynomial through points (Lagrange's form)."""
    return sum(
        value * math.prod(other / (other - here) for other, _ in points if other != here)
        for here, value in points
    )


def _deaths(value: object, n: int, course: _Course) -> float:
    """Read a number of deaths among n patients as a probability."""
    text = value.strip() if isinstance(value, str) else ""
    more = text[:1] in {"+", "-"}
    number = as_number(read_value(text.lstrip("+")) if text else value)
    if number is None:
        raise ScenarioError(
            f"deaths = {value!r}: allowed is a number of patients such as {max(1, n // 5)}, or +2 for two more"
        )
    share = number / n + (course.value("die") if more else 0.0)
    if not 0 <= share < 1:
        raise ScenarioError(
            f"deaths = {value!r}: {share * n:.4g} of {n} patients; allowed are 0 to under {n}"
        )
    return share

"""Which scenario is there for a protocol, and what does one look like before anything is known?

Input: a shipped name or a file; or a protocol that no scenario was written for.
Output: the text of a scenario; the tables of patients that are invented under it.
Protocol section: criteria, scales, visits, endpoint, design.
Method: grades that the criteria let in, rates by which about a third improve by the endpoint visit, scales that run
along with the course from end to end; every number is assumed, and says so.
Next: `simulate`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pnstrial.cli import add_command

if TYPE_CHECKING:
    import argparse

    from pnstrial.cli import Commands
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import Scale

__all__ = ["add_commands", "first_scenario", "invented_trial"]

_PATIENTS: Final = 20
_FEW_GRADES: Final = 8
"""A scale with more living grades is begun on its middle ones, where the criteria let all of them in."""


def add_commands(commands: Commands) -> None:
    """Add `scenario`."""
    parser = add_command(
        commands,
        "scenario",
        "Print a scenario, to be saved, changed and simulated: a shipped one, or a first one for a protocol of "
        "your own.",
        "pnstrial scenario anti-hu > my.toml",
    )
    parser.add_argument(
        "name",
        nargs="?",
        help="a shipped name or a TOML file (which is checked); without it a first one for the protocol, assumed",
    )
    parser.set_defaults(run=_scenario)


def _scenario(words: argparse.Namespace) -> int:
    from pnstrial.protocol import load_protocol
    from pnstrial.simulate import load_scenario, scenario_text

    if words.name is None:
        print(first_scenario(load_protocol(words.protocol)), end="")
        return 0
    load_scenario(words.name)
    print(scenario_text(words.name), end="")
    return 0


_TEXT: Final = """\
# A first scenario for the protocol {protocol}: nothing in it is known, every number is assumed.
# Change what you know better; then: pnstrial simulate THIS-FILE --protocol THE-FILE-OF-THE-PROTOCOL
id = {id}
title = {title}
source = "assumed throughout: no series is named"
fit = "Nothing is fitted; every number is assumed."
scale = {scale}
{scales}
[enrolment]
target = {target}
start_date = 2026-01-05
screened_per_month = 3.0
{failures}
[baseline]  # shares of the true grades from the best, {best}, to the worst living one, {worst}
grades = [{grades}]
antibody = {{ {antibody} = 1.0 }}
onset = [{{ months = {onset:g}, share = 1.0 }}]

[course]  # rates a month to go one grade up or down, and to die, all {k} grades alike but for dying
improve = {improve:.3g}
worsen = {worsen:.3g}
die = {{ best = 0.0, worst = 0.05 }}
# ivig = {{ improve = 1.5 }}  # by what treatment multiplies these rates while it acts, whatever the drug

[rating]  # standard deviation of a rating around the true grade, in grades
sd = {sd:g}

[visits]
jitter_days = {jitter}
missed = 0.05

[dropout]
per_month = 0.01

[rescue]
per_month = 0.01

[adverse_events]
per_infusion = 0.05
terms = ["Headache", "Nausea", "Fatigue"]

[follow_up]
months = {months:g}
after_last_months = {months:g}
"""


def first_scenario(protocol: Protocol) -> str:
    """Write the text of a scenario for a protocol of which nothing is known yet.

    Parameters
    ----------
    protocol : Protocol

    Returns
    -------
    str
        TOML that can be used as it is; every number is assumed.

    Raises
    ------
    ScenarioError
        If the protocol asks for what the simulation does not have, with all reasons.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol = pns.load_protocol("nct06373211")
    >>> scenario = pns.simulate.Scenario.from_toml(first_scenario(protocol))
    >>> scenario.scale, scenario.grades, scenario.enrolment.target
    ('ONLS', 13, 21)
    >>> 0.2 < pns.exact_characteristics(protocol, scenario).answers["true_response"] < 0.5
    True
    """
    from pnstrial.engine.model import build_model
    from pnstrial.engine.strata import allowed_grades
    from pnstrial.numerics.time_units import DAYS_PER_MONTH
    from pnstrial.simulate import Scenario

    own, end = protocol.scale(), protocol.endpoint
    k = len(own.scores)
    low, high = allowed_grades(protocol)
    if high - low >= _FEW_GRADES:  # room to improve and to worsen
        low, high = low + (high - low) // 4, high - (high - low) // 4
    elif low == 0:
        low = min(1, high)
    shares = [0.0] * k
    shares[low : high + 1] = [1 / (high - low + 1)] * (high - low + 1)
    visit = protocol.visit(end.visit)
    last = max(drug.cycle_days * drug.cycles for drug in protocol.drugs)
    months = (visit.target_day + (last if visit.anchored else 0)) / DAYS_PER_MONTH
    steps = max(1, own.points(end.improvement_points) * k // own.dead)
    latest = max(v.last_day + (last if v.anchored else 0) for v in protocol.visits) / DAYS_PER_MONTH
    text = _TEXT.format(
        protocol=protocol.id, id=json.dumps(protocol.id), title=json.dumps(f"First scenario of {protocol.id}"),
        scale=json.dumps(own.name),
        scales=_scales(protocol), failures=_failures(protocol), best=own.labels[0], worst=own.labels[own.units[-1]],
        target=_PATIENTS if protocol.design is None else protocol.design.n,
        grades=", ".join(f"{share:g}" for share in _that_add_to_one(shares)), antibody=_antibody(protocol),
        onset=min([3.0, *(0.75 * c.within_months for c in protocol.criteria if c.kind == "onset")]), k=k,
        improve=1.2 * steps / months, worsen=0.5 * steps / months, sd=0.4, jitter=_jitter(protocol),
        months=max(12.0, round(latest + 3)),
    )  # fmt: skip
    scenario = Scenario.from_toml(text, where=f"first scenario of {protocol.id}")
    build_model(protocol, scenario)
    return text


def _that_add_to_one(shares: list[float]) -> list[float]:
    """Round shares to four digits so that they still add to one."""
    rounded = [round(share, 4) for share in shares]
    place = max(range(len(shares)), key=shares.__getitem__)
    rounded[place] = round(rounded[place] + 1 - sum(rounded), 4)
    return rounded


def _antibody(protocol: Protocol) -> str:
    criteria = [c for c in protocol.criteria if c.kind == "antibody"]
    allowed = (
        [name for name in criteria[0].any_of if all(name in c.any_of for c in criteria)] if criteria else []
    )
    return allowed[0] if allowed else "other"


def _failures(protocol: Protocol) -> str:
    """Let some of the screened fail the first criteria that a value of the screening table can fail."""
    from pnstrial.engine.records.criteria import can_fail

    kinds = ("range", "word", "answer", "none_of")
    found = [
        c for c in protocol.criteria if c.kind in kinds and getattr(c, "column", "") != "mrs" and can_fail(c)
    ]
    lines = [f"{json.dumps(criterion.id)} = 0.05" for criterion in found[:2]]
    return "\n[enrolment.failures]  # shares of the screened\n{}\n".format("\n".join(lines)) if lines else ""


def _jitter(protocol: Protocol) -> int:
    """Give up to three days around the target, as far as every window has room for them."""
    room = (min(v.target_day - v.first_day, v.last_day - v.target_day) for v in protocol.visits)
    return max(0, min(3, *room))


def _scales(protocol: Protocol) -> str:
    """Let every other scale run along with the course, between the ends that it has and that criteria allow."""
    from pnstrial.engine.scales import criteria_on_scales, scale_of

    lines: list[str] = []
    for scale in protocol.scales:
        if scale.name == protocol.endpoint.scale:
            continue
        best, worst = _ends(scale)
        limits = [c for c in criteria_on_scales(protocol) if scale_of(c) == scale.name]
        low = max((c.minimum for c in limits if c.minimum is not None), default=None)
        high = min((c.maximum for c in limits if c.maximum is not None), default=None)
        spread = abs(worst - best)
        best, worst = (
            min(max(end, end if low is None else low), end if high is None else max(high, low or high))
            for end in (best, worst)
        )
        if best == worst:
            worst = best + scale.step * (1 if scale.better == "lower" else -1)
        sd = max(scale.step, spread / 15)
        lines.append(
            f"  {{ name = {json.dumps(scale.name)}, best = {best:g}, worst = {worst:g}, sd = {sd:.3g} }},"
        )
    return "scales = [  # scores of the other scales at the best and the worst grade of the course\n{}\n]\n".format(
        "\n".join(lines)
    ) if lines else ""  # fmt: skip


def _ends(scale: Scale) -> tuple[float, float]:
    if scale.bounded:
        return scale.scores[0], scale.scores[-1]
    return (0.0, 20 * scale.step) if scale.better == "lower" else (20 * scale.step, 0.0)


def invented_trial(
    protocol: Protocol, scenario: str | Path | None = None, seed: int = 1
) -> tuple[TrialData, str]:
    """Simulate one trial of a protocol that no example is shipped for.

    Parameters
    ----------
    protocol : Protocol
    scenario : str or Path, optional
        Name or file; by default the shipped one of the protocol's name, else `first_scenario`.
    seed : int, default 1

    Returns
    -------
    TrialData
    str
        Under which scenario, in words.

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together, with all reasons.
    """
    from pnstrial.simulate import Scenario, load_scenario, shipped_scenarios, simulate_trial

    if scenario is None and protocol.id in shipped_scenarios():
        scenario = protocol.id
    if scenario is not None:
        return simulate_trial(protocol, load_scenario(scenario), seed), f"scenario {Path(scenario).name}"
    made = Scenario.from_toml(first_scenario(protocol))
    return simulate_trial(protocol, made, seed), "a first scenario in which every number is assumed"

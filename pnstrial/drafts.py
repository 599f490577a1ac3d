"""What does the file of a new protocol or scenario look like, before much is known?

Input: an identifier and a scale, or another protocol to start from; or a protocol that no scenario was written for.
Output: the text of a file that can be used as it is; the tables of patients that are invented under it.
Protocol section: all of them.
Method: what is not stated is marked assumed. A first scenario begins patients in the grades that the criteria let in,
lets about a third improve by the endpoint visit, and other scales run along with the course from end to end.
Next: `simulate`.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import tomli_w

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.protocol import Protocol, ProtocolError, load_protocol
from pnstrial.settings import shared_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pnstrial.data import TrialData
    from pnstrial.engine.scenario import Scenario
    from pnstrial.vocabulary import Scale

__all__ = ["first_scenario", "invented_trial", "new_protocol", "not_stated", "own_protocol"]

_PATIENTS: Final = 20
_FEW_GRADES: Final = 8
"""A scale with more living grades is begun on its middle ones, where the criteria let all of them in."""


def new_protocol(
    id: str,  # noqa: A002 - the file says id
    title: str,
    based_on: str | Path = "nct02343211",
    changes: dict[str, Any] | None = None,
) -> str:
    """Write the text of a protocol file: what differs from another protocol, and all the rest as comments.

    Parameters
    ----------
    id, title : str
    based_on : str or Path, default "nct02343211"
        Name or path of the protocol that it is based on.
    changes : dict, optional
        Settings by key, such as ``{"treatment.dose_g_per_kg": 1.0, "criteria.I4.maximum": 4}``.

    Returns
    -------
    str
        TOML with a line for every setting, commented out where it is that of `based_on`, with its source.

    Raises
    ------
    ProtocolError
        For a key that the other protocol does not have, or a value that is not allowed.

    Examples
    --------
    >>> import pnstrial as pns
    >>> text = new_protocol("my-trial", "My trial", changes={"visits.Month 3.first_day": 64})
    >>> pns.Protocol.from_toml(text).visit("Month 3").first_day
    64
    """
    check_signature(new_protocol, locals())
    base, wanted = load_protocol(based_on), dict(changes or {})
    listed = [entry for entry in base.settings() if entry.source and not entry.key.startswith("medications.")]
    if unknown := [key for key in wanted if key not in {entry.key for entry in listed}]:
        keys = [entry.key for entry in listed]
        begun = [key for key in keys if key.startswith(unknown[0])]
        near = list(dict.fromkeys([*begun, *get_close_matches(unknown[0], keys, 3)]))[:3]
        raise ProtocolError(f"{base.id} has no setting {unknown[0]!r}; near it: {', '.join(near) or 'none'}")
    lines = [
        f"# What is not written here is as in {base.id}. Take the # from a line to change it; what you change",
        '# is "assumed" unless you name its source: a key of [sources], in source = "..." or a [....source] table.',
        tomli_w.dumps({"based_on": str(based_on), "id": id, "version": "0.1", "title": title}).strip(),
        '# drop = ["E1", "Month 6"]  # criteria, visits and scales that this trial does not have',
    ]
    section = ""
    for entry in listed:
        place, _, key = entry.key.rpartition(".")
        lists = ("treatment.drugs", "endpoint.also", "endpoint.secondary")
        group = next((one for one in lists if place.startswith(f"{one}.")), place.partition(".")[0])
        name = place.removeprefix(group).removeprefix(".")
        off = "" if any(one.startswith(f"{place}.") for one in wanted) else "# "
        if place != section:
            named = {"id" if group == "criteria" else "name": name}
            lines += (
                ["", f"{off}[[{group}]]", f"{off}{tomli_w.dumps(named).strip()}"]
                if name
                else ["", f"[{place}]"]
            )
            section = place
        value = wanted.get(entry.key, entry.value)
        written = _line_of(key, value) if value is not None else f"{key} ="
        mark = "" if entry.key in wanted else "# "
        lines += [f"{mark}{line}" for line in f"{written}  # {entry.source}".splitlines()]
    text = "\n".join(lines) + "\n"
    Protocol.from_toml(text, where=f"protocol {id}")
    return text


def _line_of(key: str, value: Any) -> str:
    """Write a setting as TOML; a table of values stands in one line."""
    if not isinstance(value, dict):
        return tomli_w.dumps({key: value}, multiline_strings=False).strip()
    entries = (
        _line_of(name, inner).replace("\n", " ") for name, inner in cast("dict[str, Any]", value).items()
    )
    return f"{key} = {{ {', '.join(entries)} }}"


_OWN = """\
# {title}: a protocol of its own. Each setting names its source: a key of [sources], or "assumed".
# Change what is assumed where you know better; then: pnstrial protocol check FILE
id = {id}
version = "0.1"
title = {title}

# Who may enter. Other kinds: word, antibody, onset, range, answer, none_of, pregnancy, consent, immunotherapy,
# creatinine_clearance, pns_care; each names the column of the screening table that it reads.
criteria = [
  {{ id = "I1", kind = "range", label = "Age at least 18 years", column = "age", minimum = 18, source = "assumed" }},
  {{ id = "I2", kind = "consent", label = "Written consent before enrolment", source = "assumed" }},
  # {{ id = "I3", kind = "scale", label = "...", scale = {scale}, minimum = ..., maximum = ..., source = "assumed" }},
]

[sources]
# plan = "The protocol of the trial, version and date"

# The scale of the endpoint. More scales: further [[scales]]; a shipped one is named and needs nothing more.
[[scales]]
name = {scale}
{grades}
# Each drug with its own regimen. The dose of a cycle: dose_g_per_kg, dose_g (flat), or dose_g_per_m2 with
# body_surface = "Mosteller" or "Du Bois"; none of them where it is not stated.
{drugs}
[[visits]]
name = "Week {week}"
target_week = {week}
first_week = {first}
last_week = {last}
source = {{ target_week = "assumed", first_week = "assumed", last_week = "assumed" }}

# A visit may count from the last infusion: after = "last infusion", target_day and window in days from it.

# [decision]  # only where each patient's treatment goes on or stops by a rule
# visit = "Week {week}"
# follow_up_day = {day}
# source = {{ visit = "assumed", follow_up_day = "assumed" }}

[endpoint]
scale = {scale}
visit = "Week {week}"
improvement_points = {points}
# null_proportion = 0.1  # the share of responders that the trial is to exceed: gives the exact test
source = {{ scale = "assumed", visit = "assumed", improvement_points = "assumed" }}

# [[endpoint.also]]  # further parts of the endpoint, joined by combine = "all" or "any" above
# [[endpoint.secondary]]  # name, scale, visit, direction, bounds (above, minimum, maximum)
# [design]  # n, alpha, power; first_stage_n, first_stage_stop_at and reject_at for two stages

[estimand]
death = "composite"  # or "exclude"
rescue = "composite"  # or "treatment policy"
stopped = "treatment policy"  # or "composite", "while on treatment"
missing = "non-responder"  # or "LOCF", "exclude", "best case"
source = {{ death = "assumed", rescue = "assumed", stopped = "assumed", missing = "assumed" }}
"""
_OWN_DRUG = """
[[treatment.drugs]]
name = {name}
# dose_g = 1.0
cycle_days = 28
cycles = 3
infusion_days = 1
source = {{ cycle_days = "assumed", cycles = "assumed", infusion_days = "assumed" }}
"""


def own_protocol(
    id: str,  # noqa: A002 - the file says id
    title: str,
    scale: str,
    *,
    lowest: float | None = None,
    highest: float | None = None,
    step: float = 1.0,
    better: str | None = None,
    drugs: Sequence[str] = ("study drug",),
    week: int = 12,
) -> str:
    """Write the text of a protocol file that is based on no other, with a comment on every part.

    Parameters
    ----------
    id, title : str
    scale : str
        The scale of the endpoint: a shipped one, or another with `lowest`, `highest`, `step` and `better`.
    lowest, highest, step : float, optional
    better : {"lower", "higher"}, optional
    drugs : sequence of str
    week : int, default 12
        Week of the endpoint's visit.

    Returns
    -------
    str
        TOML that can be used as it is; every setting is assumed.

    Raises
    ------
    ProtocolError
        For a scale that is not shipped and not described, one that is shipped and described, or numbers that do
        not fit.

    Examples
    --------
    >>> import pnstrial as pns
    >>> text = own_protocol("hand", "Two drugs for the hand", "Hand function", lowest=0, highest=8, step=0.5,
    ...                     better="higher", drugs=["alphamab", "betacort"])
    >>> protocol = pns.Protocol.from_toml(text)
    >>> protocol.scale().scores[:3], [drug.name for drug in protocol.drugs], protocol.decision
    ((8.0, 7.5, 7.0), ['alphamab', 'betacort'], None)
    """
    check_signature(own_protocol, locals())
    Checks("own_protocol").count("week", week, 1).rule(not drugs, "drugs", drugs, "must name a drug").done()
    shipped = {str(one["name"]).casefold(): str(one["name"]) for one in shared_settings("protocol")["scales"]}
    name, grades = shipped.get(scale.casefold(), scale), ""
    if scale.casefold() not in shipped:
        if lowest is None or highest is None or better is None:
            raise ProtocolError(
                f"scale {scale!r} is none of {', '.join(shipped.values())}; give its lowest and highest grade, its "
                "step, and which direction is better"
            )
        grades = (
            f"lowest = {lowest:g}\nhighest = {highest:g}\nstep = {step:g}\nbetter = {json.dumps(better)}\n"
            'death = "beyond"  # or "worst grade"\nsource = "assumed"\n'
        )
    else:
        own = {"lowest": lowest, "highest": highest, "step": None if step == 1.0 else step, "better": better}
        if given := ", ".join(f"{key} = {value!r}" for key, value in own.items() if value is not None):
            raise ProtocolError(
                f"scale {name!r} is shipped with its grades: leave out {given}, or give your own scale another name"
            )
    written = "".join(_OWN_DRUG.format(name=json.dumps(drug)) for drug in drugs)
    text = _OWN.format(
        id=json.dumps(id), title=json.dumps(title), scale=json.dumps(name),
        grades=grades, drugs=written, week=week, first=max(1, week - 2), last=week + 2, day=7 * week + 29,
        points=f"{max(1.0, step):g}",
    )  # fmt: skip
    Protocol.from_toml(text, where=f"protocol {id}")
    return text


def not_stated(protocol: Protocol) -> list[str]:
    """Say in sentences which parts a protocol does not have, and what follows from it.

    Parameters
    ----------
    protocol : Protocol

    Returns
    -------
    list of str

    Examples
    --------
    >>> import pnstrial as pns
    >>> for sentence in not_stated(pns.load_protocol("nct02343211")):
    ...     print(sentence)
    No null proportion is stated: the primary endpoint has an interval and no test.
    No design is stated: the test is that of one stage, whatever the number of patients.
    """
    check_signature(not_stated, locals())
    found: list[str] = []
    if protocol.decision is None:
        found.append("No interim decision is stated: every cycle of the plan is due.")
    if protocol.endpoint.null_proportion is None:
        found.append("No null proportion is stated: the primary endpoint has an interval and no test.")
    if protocol.design is None:
        found.append("No design is stated: the test is that of one stage, whatever the number of patients.")
    found += [
        f"No dose of {drug.name} is stated: its planned amount and dose intensity are unknown."
        for drug in protocol.drugs
        if not drug.has_dose
    ]
    found += [
        f"No bounds of {scale.name} are stated: its scores are not checked, and no course can be simulated on it."
        for scale in protocol.scales
        if not scale.bounded
    ]
    return found


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
    from pnstrial.engine.scenario import Scenario
    from pnstrial.engine.strata import allowed_grades

    check_signature(first_scenario, locals())
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
    from pnstrial.engine.scales.derived import criteria_on_scales, scale_of

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
    protocol: Protocol, scenario: Scenario | str | Path | None = None, seed: int = 1
) -> tuple[TrialData, str]:
    """Simulate one trial of a protocol that no example is shipped for.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario, str or Path, optional
        One that is loaded, a name or a file; by default the shipped one of the protocol's name, else `first_scenario`.
    seed : int, default 1

    Returns
    -------
    TrialData
        The tables that a real trial of this protocol has, marked as synthetic.
    str
        Under which scenario, in words.

    Raises
    ------
    ScenarioError
        If protocol and scenario do not fit together, with all reasons.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, under = invented_trial(pns.load_protocol("nct06373211"), seed=3)
    >>> len(trial.enrolled), trial.synthetic, under
    (21, True, 'scenario nct06373211')
    """
    from pnstrial.engine.records.trial_tables import simulate_trial
    from pnstrial.engine.scenario import Scenario, load_scenario, shipped_scenarios

    check_signature(invented_trial, locals())
    if scenario is None and protocol.id in shipped_scenarios():
        scenario = protocol.id
    if scenario is None:
        made, under = (
            Scenario.from_toml(first_scenario(protocol)),
            "a first scenario in which every number is assumed",
        )
    elif isinstance(scenario, Scenario):
        made, under = scenario, f"scenario {scenario.id}"
    else:
        made, under = load_scenario(scenario), f"scenario {Path(scenario).name}"
    return simulate_trial(protocol, made, seed), under

"""How is a protocol file made, checked and compared?

Input: names and paths on the command line.
Output: a commented file; sentences on what is wrong or assumed; the settings that differ.
Protocol section: all of them.
Method: `pnstrial.protocol` does the work.
Next: `pnstrial.protocol`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pnstrial.cli import Commands
    from pnstrial.protocol import Protocol

__all__ = ["add_commands", "new_protocol", "own_protocol"]


def add_commands(commands: Commands) -> None:
    """Add `protocol` with new, check and diff."""
    words = "Make, check and compare protocol files."
    parent = commands.add_parser(
        "protocol",
        help=words,
        description=words,
        epilog="example:\n  pnstrial protocol new my.toml --id my-trial && pnstrial protocol check my.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parent.add_subparsers(metavar="ACTION", required=True)
    new = kinds.add_parser("new", help="Write a protocol file with every setting as a comment.")
    new.add_argument("file", metavar="FILE", help="a new .toml file")
    new.add_argument(
        "--based-on", default="nct02343211", metavar="NAME-or-PATH", help="the protocol it starts from"
    )
    new.add_argument("--id", help="short name; asked for on a terminal, else the name of the file")
    new.add_argument("--title", help="asked for on a terminal")
    new.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="such as treatment.dose_g_per_kg=1.0 (may be repeated)",
    )
    own = new.add_argument_group(
        "a protocol of its own, based on no other", "what you do not state is assumed, and marked so"
    )
    own.add_argument("--scale", metavar="NAME", help="the scale of the endpoint: a shipped one, or your own")
    own.add_argument("--range", nargs=2, type=float, metavar=("LOWEST", "HIGHEST"), help="of your own scale")
    own.add_argument(
        "--step", type=float, default=1.0, help="between two grades of your own scale (default: 1)"
    )
    own.add_argument(
        "--better", choices=("lower", "higher"), help="which direction of your own scale is better"
    )
    own.add_argument("--drug", action="append", default=[], metavar="NAME", help="may be repeated")
    own.add_argument("--week", type=int, default=12, help="week of the endpoint's visit (default: 12)")
    new.set_defaults(run=_new)
    check = kinds.add_parser("check", help="Say what is wrong with a protocol file, and what it assumes.")
    check.add_argument("file", metavar="NAME-or-PATH")
    check.add_argument("--json", action="store_true", help="print one JSON object for machines")
    check.set_defaults(run=_check)
    diff = kinds.add_parser("diff", help="List the settings in which two protocols differ.")
    diff.add_argument("one", metavar="A", help="name or path")
    diff.add_argument("other", metavar="B", help="name or path")
    diff.add_argument("--all", action="store_true", help="every setting of both, those that differ marked")
    diff.add_argument("--json", action="store_true", help="print one JSON object for machines")
    diff.set_defaults(run=_diff)


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
    >>> from pnstrial.protocol import Protocol
    >>> text = new_protocol("my-trial", "My trial", changes={"visits.Month 3.first_day": 64})
    >>> Protocol.from_toml(text).visit("Month 3").first_day
    64
    """
    from difflib import get_close_matches

    import tomli_w

    from pnstrial.protocol import Protocol, ProtocolError, load_protocol

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
        written = (
            tomli_w.dumps({key: value}, multiline_strings=False).strip() if value is not None else f"{key} ="
        )
        mark = "" if entry.key in wanted else "# "
        lines += [f"{mark}{line}" for line in f"{written}  # {entry.source}".splitlines()]
    text = "\n".join(lines) + "\n"
    Protocol.from_toml(text, where=f"protocol {id}")
    return text


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
        For a scale that is not shipped and not described, or numbers that do not fit.

    Examples
    --------
    >>> from pnstrial.protocol import Protocol
    >>> text = own_protocol("hand", "Two drugs for the hand", "Hand function", lowest=0, highest=8, step=0.5,
    ...                     better="higher", drugs=["alphamab", "betacort"])
    >>> protocol = Protocol.from_toml(text)
    >>> protocol.scale().scores[:3], [drug.name for drug in protocol.drugs], protocol.decision
    ((8.0, 7.5, 7.0), ['alphamab', 'betacort'], None)
    """
    from pnstrial.protocol import Protocol, ProtocolError
    from pnstrial.settings import shared_settings

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
    written = "".join(_OWN_DRUG.format(name=json.dumps(drug)) for drug in drugs)
    text = _OWN.format(
        id=json.dumps(id), title=json.dumps(title), scale=json.dumps(name),
        grades=grades, drugs=written, week=week, first=max(1, week - 2), last=week + 2, day=7 * week + 29,
        points=f"{max(1.0, step):g}",
    )  # fmt: skip
    Protocol.from_toml(text, where=f"protocol {id}")
    return text


def _new(words: argparse.Namespace) -> int:
    from pnstrial.cli import CommandError
    from pnstrial.settings import read_value
    from pnstrial.writing import output_file, write_file

    path = Path(words.file)
    if path.exists():
        raise CommandError(f"{path} is there already; nothing is written over")
    output_file(path, suffixes=(".toml",))
    asks = sys.stdin.isatty()
    name = words.id or (input(f"id [{path.stem}]: ") if asks else "") or path.stem
    title = words.title or (input(f"title [{name}]: ") if asks else "") or name
    scale = words.scale or (input("scale of your own protocol [as in --based-on]: ") if asks else "")
    if scale:
        low, high = words.range or (None, None)
        text = own_protocol(
            name, title, scale, lowest=low, highest=high, step=words.step, better=words.better,
            drugs=words.drug or ("study drug",), week=words.week,
        )  # fmt: skip
        path.write_text(text, encoding="utf-8")
        print(f"written: {path}\nNext: edit it, then pnstrial protocol check {path}")
        return 0
    changes: dict[str, Any] = {}
    for pair in words.set:
        key, mark, text = pair.partition("=")
        if not mark:
            raise CommandError(f"--set {pair!r}: write key=value, such as treatment.dose_g_per_kg=1.0")
        changes[key.strip()] = read_value(text.strip())
    write_file(path, new_protocol(name, title, words.based_on, changes))
    print(f"written: {path}\nNext: edit it, then pnstrial protocol check {path}")
    return 0


def not_stated(protocol: Protocol) -> list[str]:
    """Say in sentences which parts a protocol does not have, and what follows from it."""
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


def _check(words: argparse.Namespace) -> int:
    from pnstrial.eligibility import check_columns
    from pnstrial.protocol import ProtocolError, load_protocol

    try:
        protocol = load_protocol(words.file)
        check_columns(protocol)
    except ProtocolError as problem:
        if words.json:
            print(json.dumps({"usable": False, "problem": str(problem)}))
        else:
            print(problem)
        return 1
    if words.json:
        print(json.dumps({"usable": True, "id": protocol.id, "assumed": dict(protocol.assumed)}))
        return 0
    print(protocol)
    print("\nIt can be used.")
    for sentence in not_stated(protocol):
        print(f"  {sentence}")
    print("No source states:")
    print(
        "\n".join(f"  {key} = {value}" for key, value in protocol.assumed) or "  (every setting has a source)"
    )
    return 0


def _diff(words: argparse.Namespace) -> int:
    from pnstrial.protocol import load_protocol

    frame = load_protocol(words.one).diff(load_protocol(words.other), everything=words.all)
    if words.json:
        print(frame.to_json(orient="records"))
    elif frame.empty:
        print("no setting differs")
    else:
        print(frame.to_string(index=False, max_colwidth=60))
    return 0

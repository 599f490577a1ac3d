"""Which script gives the same number?

Input: the session, and what the page shows.
Output: a Python script and a command line, as text.
Protocol section: none.
Method: the calls that the page made itself, written out; scripts of collected tables begin with the folder's name, and
nothing of a patient is in them.
Next: `trial`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from pnstrial.web.session import OWN_PROTOCOL, change_call

if TYPE_CHECKING:
    from pnstrial.web.session import Session

__all__ = [
    "Script",
    "comparison_script",
    "design_script",
    "dose_script",
    "primary_script",
    "protocol_script",
    "simulation_script",
    "tables_script",
    "trial_script",
]

_FOLDER = "my-trial"


class Script(NamedTuple):
    """A Python script, and the command that does the same ("" where there is none)."""

    python: str
    command: str


def _protocol_lines(session: Session) -> list[str]:
    lines = [f"protocol = pns.load_protocol({session.base!r})"]
    for key, value in session.changes.items():
        method, name, words = change_call(key, value)
        given = [*([] if name is None else [repr(name)]), *(f"{word}={one!r}" for word, one in words.items())]
        if method != "with_settings":  # names of the file need not be names of Python
            given = [repr(name), f"**{words!r}"]
        lines.append(f"protocol = protocol.{method}({', '.join(given)})")
    return lines


def _option(session: Session) -> str:
    # a changed protocol is saved first
    return f" --protocol {session.base if not session.changes else OWN_PROTOCOL}"


def _reading(session: Session) -> list[str]:
    written = "".join(f", {name}={value!r}" for name, value in session.written.items())
    return [
        f'FOLDER = "{_FOLDER}"',
        "",
        "import pnstrial as pns",
        "",
        *_protocol_lines(session),
        f"trial = pns.read_trial(FOLDER, protocol{written})",
    ]


def _declared(session: Session) -> str:
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in session.written.items())


def trial_script(session: Session, call: str, command: str) -> Script:
    """Give the script of a result of the collected tables.

    Parameters
    ----------
    session : Session
    call : str
        What follows ``result =``.
    command : str
        Words of the command line after ``pnstrial``, with ``FOLDER`` for the folder; "" for none.

    Returns
    -------
    Script
    """
    lines = [*_reading(session), f"result = {call}", "print(result)"]
    words = command.replace("FOLDER", _FOLDER) + _declared(session) + _option(session) if command else ""
    return Script("\n".join(lines) + "\n", f"pnstrial {words}" if words else "")


def tables_script(session: Session, tables: dict[str, str], command: str) -> Script:
    """Give the script of a page of several tables, each a member of the analysis (``exposure.cycles``)."""
    script = trial_script(session, "", command)
    parts = [f"    {name!r}: analysis.{member},\n" for name, member in tables.items()]
    made = f"analysis = pns.analyse(trial, protocol)\nresult = {{\n{''.join(parts)}}}\n"
    return script._replace(python=script.python.replace("result = \n", made))


def primary_script(session: Session, estimand: dict[str, str], visit: str) -> Script:
    """Give the script of the primary result under an estimand."""
    call = f"pns.analyse(trial, protocol, estimand={estimand!r}, visit={visit!r}).primary"
    options = "".join(f" --estimand {shlex.quote(f'{key}={value}')}" for key, value in estimand.items())
    return trial_script(session, call, f"analyse FOLDER{options} --visit {shlex.quote(visit)}")


def protocol_script(session: Session, other: str) -> Script:
    """Give the script of the settings of the protocol, or of all of them beside those of another one."""
    lines = ["import pnstrial as pns", "", *_protocol_lines(session)]
    if other:
        lines += [f"other = pns.load_protocol({other!r})", "result = protocol.diff(other, everything=True)"]
    else:
        lines.append("result = protocol.to_frame()")
    lines += ["print(result)", ""]
    name = OWN_PROTOCOL if session.changes else session.base
    return Script(
        "\n".join(lines),
        f"pnstrial protocol diff {name} {other} --all" if other else f"pnstrial protocol check {name}",
    )


def dose_script(session: Session, weight: float, start: str, options: dict[str, Any]) -> Script:
    """Give the script of the dose plan of a weight."""
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    call = f"result = pns.plan_treatment({weight!r}, {start!r}, protocol{more})"
    height = f" --height {options['height_cm']:g}" if "height_cm" in options else ""
    anyway = " --anyway" if "anyway" in options else ""
    return Script(
        "\n".join(["import pnstrial as pns", "", *_protocol_lines(session), call, "print(result)", ""]),
        f"pnstrial plan --weight {weight:g}{height} --start {start}{anyway}{_option(session)}",
    )


def simulation_script(session: Session, settings: dict[str, str], call: str, command: str) -> Script:
    """Give the script of a simulation or its exact answers; "" where there is no command."""
    name, moved = session.moved(settings)
    lines = [
        "import pnstrial as pns",
        "",
        *_protocol_lines(session),
        f"scenario = pns.load_scenario({name!r})",
    ]
    if moved:
        lines.append(f"protocol, scenario = pns.what_if(protocol, scenario, {moved!r})")
    lines += [f"result = {call}", "print(result)"]
    own = ("response", "deaths", "late")
    options = "".join(
        f" --{key} {value}" if key in own else f" --set {shlex.quote(f'{key}={value}')}"
        for key, value in moved.items()
    )
    python = "\n".join(lines) + "\n"
    return Script(python, command and f"pnstrial simulate {name} {command}{options}{_option(session)}")


def comparison_script(session: Session, kept: list[dict[str, str]]) -> Script:
    """Give the script of the exact answers of several named settings, and a command for each."""
    lines = [
        "import pandas as pd",
        "",
        "import pnstrial as pns",
        "",
        *_protocol_lines(session),
        "columns = {}",
    ]
    commands: list[str] = []
    for settings in kept:
        name, moved = session.moved(settings)
        lines += [
            f"pair = pns.what_if(protocol, pns.load_scenario({name!r}), {moved!r})",
            "frame = pns.exact_characteristics(*pair).to_frame()",
            f'columns[{settings["name"]!r}] = frame.set_index("quantity")["estimate"]',
        ]
        commands.append(simulation_script(session, settings, "", "--exact").command)
    return Script(
        "\n".join([*lines, "result = pd.DataFrame(columns)", "print(result)", ""]), "\n".join(commands)
    )


def design_script(
    name: str, arguments: dict[str, Any], command: str, members: tuple[str, ...], rates: tuple[float, ...]
) -> Script:
    """Give the script of a design, and of the characteristics of its members (".optimal") at some true rates."""
    words = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    parts = "".join(f"    design{member}.operating_characteristics({list(rates)}),\n" for member in members)
    return Script(
        f"import pnstrial as pns\n\ndesign = pns.design.{name}({words})\nresult = [\n    design,\n{parts}]\n"
        'print(*result, sep="\\n\\n")\n',
        f"pnstrial {command}",
    )

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

from pnstrial.web.session import key_parts, scenario_changes

if TYPE_CHECKING:
    from pnstrial.web.session import Session

__all__ = ["Script", "design_script", "primary_script", "simulation_script", "trial_script"]

_FOLDER = "my-trial"


class Script(NamedTuple):
    """A Python script, and the command that does the same ("" where there is none)."""

    python: str
    command: str


def _protocol_lines(session: Session) -> list[str]:
    lines = [f"protocol = pns.load_protocol({session.base!r})"]
    for key, value in session.changes.items():
        group, name, setting = key_parts(key)
        call = {"criteria": "with_criterion", "visits": "with_visit"}.get(group)
        words = f"{name!r}, **{ {setting: value}!r}" if call else f"{group}={ {setting: value}!r}"
        lines.append(f"protocol = protocol.{call or 'with_settings'}({words})")
    return lines


def _option(session: Session) -> str:
    # a changed protocol is saved first
    return f" --protocol {session.base if not session.changes else 'my-protocol.toml'}"


def _reading(session: Session) -> list[str]:
    written = "".join(f", {name}={value!r}" for name, value in session.written.items())
    return [
        f'FOLDER = "{_FOLDER}"',
        "",
        "import pnstrial as pns",
        "",
        *_protocol_lines(session),
        f"trial = pns.read_trial(FOLDER{written})",
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


def primary_script(session: Session, estimand: dict[str, str], visit: str) -> Script:
    """Give the script of the primary result under an estimand."""
    call = f"pns.analyse(trial, protocol, estimand={estimand!r}, visit={visit!r}).primary"
    options = "".join(f" --estimand {shlex.quote(f'{key}={value}')}" for key, value in estimand.items())
    return trial_script(session, call, f"analyse FOLDER{options} --visit {shlex.quote(visit)}")


def simulation_script(session: Session, settings: dict[str, str], call: str, command: str) -> Script:
    """Give the script of a simulation or its exact answers; the command where no setting was moved."""
    name, factors, sections = scenario_changes(settings)
    lines = [
        "import pnstrial as pns",
        "",
        *_protocol_lines(session),
        f"scenario = pns.load_scenario({name!r})",
    ]
    if sections:
        changes = ", ".join(f"{section}={values!r}" for section, values in sections.items())
        lines.append(f"scenario = scenario.changed({changes})")
    if factors:
        scaled = ", ".join(f"{key}={value!r}" for key, value in factors.items())
        lines.append(f'scenario = scenario.model_copy(update={{"course": scenario.course.scaled({scaled})}})')
    lines += [f"result = {call}", "print(result)"]
    plain = not sections and not factors
    return Script(
        "\n".join(lines) + "\n", f"pnstrial simulate {name} {command}{_option(session)}" if plain else ""
    )


def design_script(name: str, arguments: dict[str, Any], command: str) -> Script:
    """Give the script of a design."""
    words = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return Script(
        f"import pnstrial as pns\n\nresult = pns.design.{name}({words})\nprint(result)\n",
        f"pnstrial {command}",
    )

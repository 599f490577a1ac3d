"""Which scenario is there for a protocol?

Input: a shipped name or a file; or a protocol that no scenario was written for.
Output: the text of a scenario.
Protocol section: criteria, scales, visits, endpoint, design.
Method: `pnstrial.simulate` knows those that are there, `pnstrial.drafts` writes a first one.
Next: `drafts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.cli import add_command

if TYPE_CHECKING:
    import argparse

    from pnstrial.cli import Commands

__all__ = ["add_commands"]


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
    from pnstrial.drafts import first_scenario
    from pnstrial.protocol import load_protocol
    from pnstrial.simulate import load_scenario, scenario_text

    if words.name is None:
        print(first_scenario(load_protocol(words.protocol)), end="")
        return 0
    load_scenario(words.name)
    print(scenario_text(words.name), end="")
    return 0

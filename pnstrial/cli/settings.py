"""Which settings of protocol and scenario does a command line change?

Input: ``--response``, ``--deaths``, ``--late`` and ``--set KEY=VALUE``, as `pnstrial.what_if` takes them.
Output: options of a parser, the settings by name, what is said of those that nothing can feel.
Protocol section: all of it.
Method: one set of options for every command that runs a scenario.
Next: `simulate`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pnstrial.cli import CommandError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pnstrial.engine.scenario import Scenario

__all__ = ["changes_in_words", "pairs_of", "say_what_is_idle", "settings_given", "what_if_options"]


def what_if_options(parser: argparse.ArgumentParser, *, several: bool) -> None:
    """Add the settings that every run can change; with `several` each takes a list."""
    more: dict[str, Any] = {"nargs": "+", "default": []} if several else {}
    parser.add_argument(
        "--response", type=float, metavar="SHARE", help="true response at the endpoint visit", **more
    )
    parser.add_argument("--rated", action="store_true", help="--response is the response that is reported")
    parser.add_argument(
        "--deaths", metavar="N", help="deaths expected by the endpoint visit; +2 is two more", **more
    )
    parser.add_argument("--late", type=float, metavar="SHARE", help="share of late cycles", **more)
    parser.add_argument(
        "--set", action="append", default=[], nargs="+" if several else None, metavar="KEY=VALUE",
        help="any key of the files, such as scenario.treatment.late=0.3 or protocol.endpoint.null_proportion=0.05",
    )  # fmt: skip


def pairs_of(words: list[str], form: str) -> list[tuple[str, str]]:
    """Part KEY=VALUE words."""
    pairs = [word.partition("=") for word in words]
    for word, (key, mark, text) in zip(words, pairs, strict=True):
        if not (key.strip() and mark and text.strip()):
            raise CommandError(f"{word!r}: write {form}")
    return [(key.strip(), text.strip()) for key, _, text in pairs]


def settings_given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the settings of one run that the command line changes."""
    from pnstrial.settings import read_value

    pairs = pairs_of(arguments.set, "KEY=VALUE, such as scenario.treatment.late=0.3")
    settings: dict[str, Any] = {key: read_value(text) for key, text in pairs}
    named = {name: getattr(arguments, name) for name in ("response", "deaths", "late")}
    return settings | {name: value for name, value in named.items() if value is not None}


def say_what_is_idle(
    protocol: Any, scenario: Scenario, changes: Mapping[str, Sequence[Any]], quantities: Sequence[str]
) -> dict[str, str]:
    """Name the changed settings that no reported quantity can feel; solved rates are felt by definition."""
    from pnstrial.changes import idle_changes

    found = idle_changes(protocol, scenario, changes, quantities) if changes else {}
    words = ", ".join(quantities).replace("probability_of_success", "the probability of success")
    for name, reason in found.items():
        print(f"{name} leaves {words} as it is: {reason}", file=sys.stderr)
    return found


def changes_in_words(arguments: argparse.Namespace) -> list[str]:
    """Give the words of the command line that change these settings again."""
    words = ["--rated"] if arguments.rated else []
    for name in ("response", "deaths", "late"):
        value = getattr(arguments, name)
        given = value if isinstance(value, list) else [] if value is None else [value]
        words += [f"--{name}", *map(str, given)] if given else []
    for pair in arguments.set:
        words += ["--set", *(pair if isinstance(pair, list) else [pair])]
    return words

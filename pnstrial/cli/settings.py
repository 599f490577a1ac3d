"""Which settings of protocol and scenario does a command line change?

Input: ``--response``, ``--deaths``, ``--late`` and ``--set KEY=VALUE``, as `pnstrial.what_if` takes them.
Output: options of a parser, the settings by name, what is said of those that nothing can feel.
Protocol section: all of it.
Method: one set of options for every command that runs a scenario.
Next: `simulate`.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from pnstrial.cli import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pnstrial.engine.scenario import Scenario

__all__ = [
    "changes_in_words", "check_rated", "lists_given", "pairs_of", "say_what_is_idle", "settings_given", "trials_of",
    "what_if_options",
]  # fmt: skip


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


def trials_of(text: str) -> int:
    """Read a number of trials; 1e6 and 1_000_000 are a million."""
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 1 and value == int(value)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of trials; write a whole number such as 10000 or 1e5"
        )
    return int(value)


def check_rated(arguments: argparse.Namespace, *, responses: bool = False) -> None:
    """Refuse --rated where there is no response that it could speak of."""
    if arguments.rated and not (responses or arguments.response):
        raise CommandError(
            "--rated says that --response is the reported one: give --response too, such as --response 0.2 --rated"
        )


def settings_given(arguments: argparse.Namespace, *, responses: bool = False) -> dict[str, Any]:
    """Give the settings of one run that the command line changes; `responses`: it names responses elsewhere too."""
    from pnstrial.settings import read_value

    check_rated(arguments, responses=responses)
    pairs = pairs_of(arguments.set, "KEY=VALUE, such as scenario.treatment.late=0.3")
    settings: dict[str, Any] = {key: read_value(text) for key, text in pairs}
    named = {name: getattr(arguments, name) for name in ("response", "deaths", "late")}
    return settings | {name: value for name, value in named.items() if value is not None}


def lists_given(words: list[list[str]]) -> dict[str, list[Any]]:
    """Give the values of each setting of ``--set KEY=VALUE VALUE ...``; a key again, or another key, goes on."""
    from pnstrial.changes import SHORT_NAMES
    from pnstrial.settings import read_value

    found: dict[str, list[Any]] = {}
    for given in words:
        key = ""
        for word in given:
            named = word.partition("=")[0].strip()
            text = word
            if not key or named.startswith(("scenario.", "protocol.")) or named in SHORT_NAMES:
                ((key, text),) = pairs_of([word], "KEY=VALUE, and further values after it")
            if len(text.split()) > 1 and all(
                isinstance(read_value(part), int | float) for part in text.split()
            ):
                raise CommandError(
                    f"{word!r}: several values are words of their own, without quotation marks: --set {key}={text}"
                )
            found.setdefault(key, []).append(read_value(text))
    return found


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

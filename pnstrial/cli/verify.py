"""The commands that ask whether the numbers can be trusted.

Input: a folder of collected tables.
Output: our numbers beside those of other libraries; the cells behind a number.
Protocol section: all; `--protocol` names the file.
Method: `pnstrial.verification` does the work.
Next: `report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.cli import CommandError, add_command, add_input, declared

if TYPE_CHECKING:
    import argparse

    from pnstrial.cli import Commands

__all__ = ["add_commands"]


def _verify(words: argparse.Namespace) -> int:
    from pnstrial.data import read_trial
    from pnstrial.protocol import load_protocol
    from pnstrial.verification import EngineMissingError, verify

    trial, protocol = (
        read_trial(words.folder, words.protocol, **declared(words)),
        load_protocol(words.protocol),
    )
    try:
        found = verify(trial, protocol, null=words.null)
    except EngineMissingError as problem:
        raise CommandError(str(problem)) from None
    print(found.to_json() if words.json else found)
    return 1 if found.differing else 0


def _qualify(words: argparse.Namespace) -> int:
    from pnstrial.verification import qualify

    found = qualify(words.out)
    print(found.to_json() if words.json else found)
    return 1 if found.failed else 0


def _trace(words: argparse.Namespace) -> int:
    from pnstrial.data import read_trial
    from pnstrial.protocol import load_protocol
    from pnstrial.verification import trace

    protocol = load_protocol(words.protocol)
    trial = read_trial(words.folder, protocol, **declared(words))
    found = trace(
        trial, protocol, words.table, words.row, column=words.column, null=words.null, data_cut=words.data_cut
    )
    print(found.to_json() if words.json else found)
    return 0


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    from pnstrial.cli.trial import date_word, proportion_word

    parser = add_command(
        commands,
        "verify",
        "Compute the numbers of the report again by lifelines, statsmodels and scipy (exit 1 where one differs).",
        "pnstrial verify my-trial",
    )
    add_input(parser)
    parser.add_argument("--null", type=proportion_word, default=None, help="null proportion to test against")
    parser.set_defaults(run=_verify)

    parser = add_command(
        commands,
        "trace",
        "Follow a number of a table of the report to its derived rows and collected cells.",
        "pnstrial trace my-trial 14.2.1 --row 1 --column Responders",
    )
    add_input(parser)
    parser.add_argument(
        "table", metavar="TABLE", help="number of a table or listing of the report, such as 14.2.1"
    )
    parser.add_argument("--row", type=int, required=True, metavar="N", help="row of the table, from 1")
    parser.add_argument(
        "--column", metavar="NAME", help="head of a column, or its beginning (default: the whole row)"
    )
    parser.add_argument(
        "--null", type=proportion_word, default=None, help="null proportion, as for the report"
    )
    parser.add_argument(
        "--data-cut", type=date_word, metavar="DATE", help="day of the data cut, as for the report"
    )
    parser.set_defaults(run=_trace)

    parser = add_command(
        commands,
        "qualify",
        "Check that this installation computes what it should, in less than a minute (exit 1 where it does not).",
        "pnstrial qualify --out qualification",
    )
    parser.add_argument("--out", metavar="DIR", help="write qualification.html and qualification.json there")
    parser.set_defaults(run=_qualify)

"""Which command was typed, and how is a mistake told?

Input: the words of a command line.
Output: text or JSON on standard output; exit code 0, 1 (`check` found an error) or 2 (one sentence on standard
error, never a traceback).
Protocol section: none; `--protocol` names the file.
Method: each file of this folder holds the commands of one subject and a function ``add_commands(commands)``;
a command loads the module that does the work only when it runs.
Next: `trial`.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    # argparse gives no public name to what add_subparsers returns
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

__all__ = ["CommandError", "add_command", "main"]

_SUBJECTS = ("trial", "protocol", "design", "simulate", "report", "adam")


class CommandError(Exception):
    """A mistake of the user: one clear sentence, shown without a traceback, exit code 2."""


def add_command(commands: Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a command with its summary, an example and the options that every command has.

    Parameters
    ----------
    commands : argparse sub-parsers
        What `add_commands` of a subject was given.
    name, summary, example : str
        Name of the command, one sentence about it, and a command line that works as it stands.

    Returns
    -------
    argparse.ArgumentParser
        With `--protocol` and `--json`; set the function to run by ``parser.set_defaults(run=function)``,
        which takes the parsed arguments and returns the exit code.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--protocol",
        default="nct02343211",
        metavar="NAME-or-PATH",
        help="protocol file: a shipped name or a path (default: nct02343211)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for machines")
    return parser


def _parser() -> argparse.ArgumentParser:
    from pnstrial import __version__

    parser = argparse.ArgumentParser(
        prog="pnstrial",
        description="Analyse, plan and simulate the trial of early IVIg in paraneoplastic neurological syndromes.",
        epilog="example:\n  pnstrial example my-trial && pnstrial analyse my-trial --out report.html",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pnstrial {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for subject in _SUBJECTS:
        import_module(f"pnstrial.cli.{subject}").add_commands(commands)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    words : sequence of str, optional
        The command line without the program's name; by default that of the process.

    Returns
    -------
    int
        Exit code: 0, 1 where `check` found an error, 2 for a mistake of the user.
    """
    arguments = _parser().parse_args(words)
    try:
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CommandError, ValueError, OSError) as problem:
        print(f"pnstrial: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pnstrial: stopped", file=sys.stderr)
        return 130
    return code


def __dir__() -> list[str]:
    return __all__

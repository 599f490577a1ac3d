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
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    # argparse gives no public name to what add_subparsers returns
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

__all__ = ["CommandError", "add_command", "add_input", "declared", "main"]

_SUBJECTS = (
    "trial",
    "protocol",
    "design",
    "scenario",
    "simulate",
    "looks",
    "report",
    "adam",
    "verify",
    "page",
)


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
    parser.set_defaults(parser=parser)
    return parser


def add_input(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Add the folder of the collected tables, and how its text is written.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        What `declared` reads again from the parsed arguments.
    nargs : str, optional
        "?" where the folder may be left out.
    """
    parser.add_argument(
        "folder", metavar="FOLDER", nargs=nargs, help="folder of the collected tables, or an .xlsx workbook"
    )
    written = parser.add_argument_group(
        "CSV files of another spreadsheet", "declared, never guessed; or the same keys in FOLDER/format.toml"
    )
    written.add_argument("--separator", metavar="SIGN", help="between cells: , ; | or tab (default: ,)")
    written.add_argument("--decimal", metavar="SIGN", help="in numbers: . or , (default: .)")
    written.add_argument(
        "--dates", metavar="ORDER", help="yyyy-mm-dd, dd/mm/yyyy or mm/dd/yyyy (default: yyyy-mm-dd)"
    )
    written.add_argument(
        "--encoding", metavar="NAME", help="utf-8, cp1252, latin-1, iso-8859-15 or mac-roman (default: utf-8)"
    )


def declared(words: argparse.Namespace) -> dict[str, str | None]:
    """Give what the options of `add_input` declare, for `read_trial` and its like."""
    return {name: getattr(words, name) for name in ("separator", "decimal", "dates", "encoding")}


class _Parser(argparse.ArgumentParser):
    """A parser that says what was perhaps meant."""

    _words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep the words for the case of an error."""
        self._words = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print one sentence and stop with exit code 2."""
        from difflib import get_close_matches

        command = self.prog.removeprefix("pnstrial").strip()
        message = re.sub(r"invalid (int|float) value: '(.*)'", _no_number, message)
        choices = [option for action in self._actions for option in action.option_strings]
        given = re.search(r"unrecognized arguments: (\S+)", message)
        if wrong := re.search(r"argument COMMAND: invalid choice: '([^']*)'", message):
            given, choices = wrong, list(self._commands())
            message = f"there is no command {wrong[1]!r}; see pnstrial --help"
        elif wrong := re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message):
            given, choices = wrong, re.findall(r"[^', ]+", wrong[2])
        elif "required" in message:  # perhaps it was given, but misspelt
            unknown = [
                word
                for word in self._words
                if word.startswith("--") and word.partition("=")[0] not in choices
            ]
            given = re.match(r"(.*)", unknown[0]) if unknown else None
        near = get_close_matches(given[1].partition("=")[0], choices, 1) if given else []
        unrecognized = message.startswith("unrecognized")
        if remedy := self._remedy() if unrecognized else "":
            message, near, unrecognized = remedy, [], False
        meant = f"; did you mean {near[0]}?" if near else f"; see {self.prog} --help" if unrecognized else ""
        place = f"pnstrial {command}".strip()
        self.exit(2, f"{place}: {message}{meant}\n")

    def _remedy(self) -> str:
        """Say how the words are written of which one was left over: a number behind an option that takes none, ..."""
        line = " ".join(self._words)
        options = {option: action for action in self._actions for option in action.option_strings}
        numbers = r"((?: [-+]?[\d.,]*\d%?)+)(?= |$)"
        for option, action in options.items():
            if action.nargs == 0 and (found := re.search(rf"(?:^| ){option}{numbers}", line)):
                given = found[1].strip()
                wanted = [
                    form for form in _INSTEAD.get(option, ())
                    if form.split()[0] in options and not (form in _WHOLE and re.search(r"[.,]", given))
                ]  # fmt: skip
                instead = f"write {wanted[0].format(given, option)}" if wanted else f"leave {given} out"
                return f"{option} takes no value: {instead}"
            form = str(action.metavar or "")
            if "=" in form and (found := re.search(rf"(?:^| ){option} ([^-\s][^\s=]*){numbers}", line)):
                pair = f"{found[1]}={':'.join(found[2].split())}"
                return f"{option} takes one word: write {option} {pair}"
        if "--set" in options:
            from pnstrial.changes import SHORT_NAMES

            for found in re.finditer(r"(?:^| )--([a-z-]+)[ =]([^-\s]\S*)", line):
                name = found[1].replace("-", "_")
                if name in SHORT_NAMES and f"--{found[1]}" not in options:
                    return f"there is no option --{found[1]} here: write --set {name}={found[2]}"
        return ""

    def _commands(self) -> Iterator[str]:
        for action in self._actions:
            if isinstance(action.choices, dict):
                yield from action.choices


_INSTEAD = {
    "--rated": ("--responses {} {}", "--response {} {}"),
    "--exact": ("--responses {} {}", "--n {} {}", "--set n={} {}", "--response {} {}"),
    "--true": ("--input response=A:B --true",),
    "--one": ("--seed {} {}",),
    "--primary": ("--trials {} {}",),
}
"""What was perhaps meant by a value behind an option that takes none, by the options that a command has."""
_WHOLE = ("--n {} {}", "--set n={} {}", "--seed {} {}", "--trials {} {}")


def _no_number(found: re.Match[str]) -> str:
    """Say how a number is written, that was perhaps written in percent, with a comma or as a list."""
    from pnstrial.settings import of_percent

    kind, text = found.groups()
    said = f"{text!r} is no {'whole ' if kind == 'int' else ''}number"
    if percent := of_percent(text):
        return said + percent
    if re.fullmatch(r"\d+(,\d+)+", text):
        return f"{said}; write {text.replace(',', '.' if kind == 'float' and text.count(',') == 1 else ' ')}"
    return f"{said}, such as {1 if kind == 'int' else 0.1}"


def _parser() -> argparse.ArgumentParser:
    from pnstrial import __version__

    parser = _Parser(
        prog="pnstrial",
        description="Analyse, plan and simulate trials of one arm in paraneoplastic neurological syndromes.",
        epilog="example:\n  pnstrial example my-trial && pnstrial analyse my-trial --out report.html",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pnstrial {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for subject in _SUBJECTS:
        import_module(f"pnstrial.cli.{subject}").add_commands(commands)
    return parser


def _own_protocol(arguments: argparse.Namespace) -> str:
    """Name the protocol that a shipped scenario has of its own, or say that scenario and protocol are swapped."""
    named = getattr(arguments, "scenario", None) or getattr(arguments, "scenarios", None)
    names = [named] if isinstance(named, str) else named or []
    if not names:
        return ""
    from pnstrial.engine.scenario import shipped_scenarios
    from pnstrial.protocol import shipped_protocols

    scenarios, protocols = shipped_scenarios(), shipped_protocols()
    swapped = [name for name in names if name in protocols]
    if swapped and arguments.protocol in scenarios and arguments.protocol not in protocols:
        return f"\n{arguments.protocol} is a scenario: write {arguments.protocol} --protocol {swapped[0]}"
    own = next((x for x in names if x in scenarios and x in protocols and x != arguments.protocol), None)
    return "" if own is None else f"\nscenario {own} is made for its own protocol: --protocol {own}"


def _quiet_if_full() -> None:
    """Give up standard output where it cannot be written: Python would complain again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    arguments, rest = _parser().parse_known_args(words)
    if rest:  # said by the command, which knows its options
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    for name, value in vars(arguments).items():
        if value == "":  # a shell's variable that was not set
            arguments.parser.error(f"{name.replace('_', '-')} is empty; give a name, or leave it out")
    try:
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        _quiet_if_full()
        where = "" if problem.filename is None else f" {str(problem.filename)!r}"
        print(f"pnstrial: cannot read or write{where}: {problem.strerror or problem}", file=sys.stderr)
        return 2
    except (CommandError, ValueError) as problem:
        print(f"pnstrial: {problem}{_own_protocol(arguments)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\npnstrial: stopped", file=sys.stderr)  # a bar may stand on this line
        return 130
    return code


def __dir__() -> list[str]:
    return __all__

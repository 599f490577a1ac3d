"""How is a protocol file made, checked and compared?

Input: names and paths on the command line.
Output: a commented file; sentences on what is wrong or assumed; the settings that differ.
Protocol section: all of them.
Method: `pnstrial.drafts` writes new ones, `pnstrial.protocol` reads and compares.
Next: `drafts`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pnstrial.cli import Commands

__all__ = ["add_commands"]


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


def _new(words: argparse.Namespace) -> int:
    from pnstrial.cli import CommandError
    from pnstrial.drafts import new_protocol, own_protocol
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
        write_file(path, text)
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


def _check(words: argparse.Namespace) -> int:
    from pnstrial.drafts import not_stated
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

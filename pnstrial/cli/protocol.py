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
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pnstrial.cli import Commands

__all__ = ["add_commands", "new_protocol"]


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
    new.set_defaults(run=_new)
    check = kinds.add_parser("check", help="Say what is wrong with a protocol file, and what it assumes.")
    check.add_argument("file", metavar="NAME-or-PATH")
    check.add_argument("--json", action="store_true", help="print one JSON object for machines")
    check.set_defaults(run=_check)
    diff = kinds.add_parser("diff", help="List the settings in which two protocols differ.")
    diff.add_argument("one", metavar="A", help="name or path")
    diff.add_argument("other", metavar="B", help="name or path")
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
    import tomli_w

    from pnstrial.protocol import Protocol, ProtocolError, load_protocol

    base, wanted = load_protocol(based_on), dict(changes or {})
    listed = [entry for entry in base.settings() if entry.source and not entry.key.startswith("medications.")]
    if unknown := [key for key in wanted if key not in {entry.key for entry in listed}]:
        near = get_close_matches(unknown[0], [entry.key for entry in listed], 3)
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
        group, _, name = place.partition(".")
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
    print("\nIt can be used. No source states:")
    print(
        "\n".join(f"  {key} = {value}" for key, value in protocol.assumed) or "  (every setting has a source)"
    )
    return 0


def _diff(words: argparse.Namespace) -> int:
    from pnstrial.protocol import load_protocol

    frame = load_protocol(words.one).diff(load_protocol(words.other))
    if words.json:
        print(frame.to_json(orient="records"))
    elif frame.empty:
        print("no setting differs")
    else:
        print(frame.to_string(index=False, max_colwidth=60))
    return 0

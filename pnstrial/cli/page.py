"""How is the local page opened?

Input: a folder of collected tables, a port.
Output: the address on the screen, and the page in the browser until the command is stopped.
Protocol section: none.
Method: `pnstrial.web` serves; without the extra one sentence says how to get it.
Next: `pnstrial.web`.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pnstrial.cli import CommandError, add_input, declared

if TYPE_CHECKING:
    from pnstrial.cli import Commands

__all__ = ["add_commands"]

_NEEDED = ("starlette", "uvicorn", "jinja2", "python_multipart")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 <= int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535 (0: any free one)")
    return int(text)


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    words = "Open the local page: the trial, designs and simulations in the browser, on this machine only."
    parser = commands.add_parser(
        "page",
        help=words,
        description=words,
        epilog="example:\n  pnstrial page my-trial --no-browser",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_input(parser, nargs="?")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="default: any free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.set_defaults(run=_page, parser=parser)


def _page(words: argparse.Namespace) -> int:
    if any(find_spec(name) is None for name in _NEEDED):
        raise CommandError("the page needs the page extra: pip install 'pnstrial[page]'")
    from pnstrial.data import read_findings
    from pnstrial.web import serve

    written = {name: value for name, value in declared(words).items() if value is not None}
    if written:  # a format that is not allowed, or has no place here, is said before the page opens
        if words.folder is None:
            raise CommandError(
                f"--{next(iter(written))} says how the files of FOLDER are written; give FOLDER"
            )
        read_findings(words.folder, **written)
    try:
        serve(words.folder, port=words.port, browser=not words.no_browser, **written)
    except OSError as problem:
        raise CommandError(
            f"port {words.port} cannot be opened ({problem.strerror}); leave out --port for any free one"
        ) from None
    return 0

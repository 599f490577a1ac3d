"""The command that writes the report.

Input: a folder of collected tables.
Output: a folder with one HTML file, tables and figures.
Protocol section: all; `--protocol` names the file.
Method: `pnstrial.reporting.report` does the work.
Next: `adam`.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pnstrial.cli import CommandError, add_command, add_input, declared

if TYPE_CHECKING:
    import argparse

    import pandas as pd

    from pnstrial.cli import Commands
    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["add_commands"]


def _opinion(trial: TrialData, protocol: Protocol, null: float | None) -> pd.DataFrame:
    from pnstrial.verification import EngineMissingError, verify

    try:
        return verify(trial, protocol, null=null).table
    except EngineMissingError as problem:
        raise CommandError(str(problem)) from None


def _report(words: argparse.Namespace) -> int:
    from pnstrial.data import read_trial
    from pnstrial.figures.style import off_screen
    from pnstrial.protocol import load_protocol
    from pnstrial.reporting import report
    from pnstrial.writing import MANIFEST, output_folder, read_manifest

    off_screen()
    protocol = load_protocol(words.protocol)
    output_folder(words.out, names=["report.html"], inputs=[words.folder, words.protocol])
    # names without folders, and not where it is written: the same input gives the same bytes anywhere
    command = ["pnstrial", "report", Path(words.folder).name, "--protocol", Path(words.protocol).name]
    command += [] if words.null is None else ["--null", f"{words.null:g}"]
    command += [f"--{kind}" for kind in ("png", "docx", "rtf", "verify") if getattr(words, kind)]
    command += [] if words.data_cut is None else ["--data-cut", f"{words.data_cut:%Y-%m-%d}"]
    command += [] if words.stamp is None else ["--stamp", words.stamp]
    trial = read_trial(words.folder, words.protocol, **declared(words))
    command += trial.written.options
    opinion = _opinion(trial, protocol, words.null) if words.verify else None
    page = report(
        trial,
        protocol,
        words.out,
        docx=words.docx,
        rtf=words.rtf,
        png=words.png,
        null=words.null,
        data_cut=words.data_cut,
        stamp=words.stamp,
        command=shlex.join(command),
        opinion=opinion,
    )
    written = sorted(str(page.parent / name) for name in [*(read_manifest(page.parent) or {}), MANIFEST])
    if words.json:
        print(json.dumps({"report": str(page), "written": written}, indent=1))
    else:
        print(f"Written: {page} and {len(written) - 1} files of tables and figures beside it")
    return 0


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    from pnstrial.cli.trial import date_word, proportion_word

    parser = add_command(
        commands,
        "report",
        "Write the whole report: one HTML file, each table as CSV, each figure as SVG.",
        "pnstrial report my-trial --out report --null 0.1",
    )
    add_input(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--null", type=proportion_word, metavar="P", help="null proportion of the exact test")
    parser.add_argument("--docx", action="store_true", help="also a Word document (extra docx)")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="also table 17.2: the numbers by lifelines, statsmodels and scipy",
    )
    parser.add_argument("--rtf", action="store_true", help="also one RTF file, and one for each table")
    parser.add_argument("--png", action="store_true", help="also each figure as PNG")
    parser.add_argument(
        "--data-cut", type=date_word, metavar="DATE", help="day of the data cut; a later record is a warning"
    )
    parser.add_argument("--stamp", metavar="TEXT", help="a text to print, such as a date or a version")
    parser.set_defaults(run=_report)

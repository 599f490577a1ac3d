"""Which commands write and read the trial in the standards of the regulators?

Input: a folder of collected tables, of ADaM files or of SDTM files.
Output: ADaM files with their specification; findings; collected tables.
Protocol section: `--protocol`.
Method: `pnstrial.adam` does the work.
Next: `pnstrial.adam`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pnstrial.cli import Commands
    from pnstrial.data import Finding

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `adam`, `check-adam` and `from-sdtm`."""
    from pnstrial.cli import add_command, add_input

    parser = add_command(
        commands,
        "adam",
        "Write the trial as ADaM datasets with their specification.",
        "pnstrial adam my-trial --out adam --format xpt",
    )
    add_input(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--format", choices=("xpt", "json", "parquet"), default="xpt", help="default: xpt")
    parser.set_defaults(run=_adam)

    parser = add_command(
        commands, "check-adam", "Say what is wrong with a folder of ADaM files.", "pnstrial check-adam adam"
    )
    parser.add_argument("folder", metavar="DIR", help="folder of ADaM files (XPT, Dataset-JSON, Parquet)")
    parser.add_argument("--format", choices=("xpt", "json", "parquet"), help="which format goes first")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of XPT text (default: UTF-8)")
    parser.add_argument(
        "--foreign",
        action="store_true",
        help="a set of another system: ask for no datasets.csv and no digest",
    )
    parser.set_defaults(run=_check_adam)

    parser = add_command(
        commands,
        "from-sdtm",
        "Build the collected tables from SDTM domains.",
        "pnstrial from-sdtm sdtm --out my-trial",
    )
    parser.add_argument(
        "folder", metavar="DIR", nargs="?", help="folder of SDTM files (dm.xpt, rs.json, ex.csv ...)"
    )
    parser.add_argument("--map", metavar="MAP", help="mapping file (default: the shipped one)")
    parser.add_argument("--out", metavar="FOLDER", help="folder to write the tables to")
    parser.add_argument("--print-map", action="store_true", help="print the shipped mapping file and stop")
    parser.set_defaults(run=_from_sdtm)


def _show(findings: Sequence[Finding]) -> None:
    for finding in findings:
        print(finding)


def _adam(arguments: argparse.Namespace) -> int:
    from pnstrial import adam
    from pnstrial.adam.files import RECORD_COUNTS
    from pnstrial.cli import declared
    from pnstrial.data import read_trial
    from pnstrial.protocol import load_protocol
    from pnstrial.writing import output_folder

    output_folder(arguments.out, inputs=[arguments.folder, arguments.protocol], manifest=RECORD_COUNTS)
    trial = read_trial(arguments.folder, arguments.protocol, **declared(arguments))
    datasets = adam.derive(trial, load_protocol(arguments.protocol))
    files = adam.write_adam(datasets, arguments.out, arguments.format)
    if arguments.json:
        content = {
            "study": datasets.study,
            "records": {name: len(dataset) for name, dataset in datasets.datasets.items()},
            "files": [str(file) for file in files],
            "left_out": [finding.as_dict() for finding in datasets.left_out],
        }
        print(json.dumps(content, ensure_ascii=False))
        return 0
    print(datasets)
    for file in files:
        print(f"  {file}")
    return 0


def _check_adam(arguments: argparse.Namespace) -> int:
    from pnstrial.adam import check_adam

    trial, findings = check_adam(
        arguments.folder, arguments.format, arguments.encoding, manifest=not arguments.foreign
    )
    if arguments.json:
        print(
            json.dumps(
                {"ok": trial is not None, "findings": [f.as_dict() for f in findings]}, ensure_ascii=False
            )
        )
    else:
        _show(findings)
        print(
            trial
            or f"{sum(f.severity == 'error' for f in findings)} errors: these datasets cannot be trusted"
        )
    return 0 if trial is not None else 1


def _from_sdtm(arguments: argparse.Namespace) -> int:
    from pnstrial.adam import default_mapping, from_sdtm
    from pnstrial.cli import CommandError
    from pnstrial.data import TABLES
    from pnstrial.writing import output_folder

    if arguments.print_map:
        print(default_mapping(), end="")
        return 0
    if not arguments.folder or not arguments.out:
        raise CommandError("from-sdtm needs DIR and --out FOLDER (or --print-map)")
    tables_of_trial = [table.file for table in TABLES.values()]
    output_folder(
        arguments.out, names=tables_of_trial, inputs=[arguments.folder, arguments.map], manifest=None
    )
    tables = from_sdtm(arguments.folder, arguments.map, arguments.protocol)
    files = tables.write(arguments.out)
    if arguments.json:
        content = {"files": [str(file) for file in files], "findings": [f.as_dict() for f in tables.findings]}
        print(json.dumps(content, ensure_ascii=False))
    else:
        _show(tables.findings)
        print(tables)
        for file in files:
            print(f"  {file}")
    return 1 if any(finding.severity == "error" for finding in tables.findings) else 0

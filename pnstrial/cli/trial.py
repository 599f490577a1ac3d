"""The commands that analyse a trial folder, plan a course and write templates.

Input: a folder of collected tables, or a weight and a start.
Output: text or JSON on the screen, one self-contained HTML page.
Protocol section: all; `--protocol` names the file.
Method: each command calls one public function and prints what it returns.
Next: `design`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from pnstrial.cli import CommandError, add_command, add_input, declared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from pnstrial.analysis import Analysis
    from pnstrial.cli import Commands
    from pnstrial.data import Finding

__all__ = ["add_commands"]


class _Progress:
    """A bar on the terminal for work that takes longer than two seconds; silent where nobody looks."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.done = -1
        self.name = ""
        self.begun = time.monotonic()
        self.printed = False
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self.thread.start()
        return self

    def __call__(self, step: str) -> None:
        self.done += 1
        self.name = step

    def _watch(self) -> None:
        while not self.stop.wait(0.25):
            if time.monotonic() - self.begun < 2:
                continue
            share = max(0, self.done) / self.steps
            bar = "#" * round(30 * share)
            seconds = time.monotonic() - self.begun
            print(f"\r[{bar:<30}] {share:4.0%}  {seconds:4.0f} s  {self.name:<12}", end="", file=sys.stderr)
            sys.stderr.flush()
            self.printed = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()
        if self.printed:
            print("\r" + " " * 64 + "\r", end="", file=sys.stderr)


def _print_json(content: Any) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))


def _estimand(words: list[str]) -> dict[str, str]:
    strategies: dict[str, str] = {}
    for word in words:
        event, mark, way = word.partition("=")
        if not mark:
            raise CommandError(f"--estimand {word!r}: write key=value, such as missing=LOCF")
        strategies[event.strip()] = way.strip()
    return strategies


def proportion_word(text: str) -> float:
    """Read a proportion between 0 and 1 from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no proportion between 0 and 1, such as 0.1")
    return value


def date_word(text: str) -> dt.date:
    """Read a date of the command line."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-01-05") from None


def _analysis(words: argparse.Namespace, estimand: dict[str, str]) -> Analysis:
    from pnstrial.analysis import analyse
    from pnstrial.data import read_trial
    from pnstrial.protocol import load_protocol

    protocol = load_protocol(words.protocol)
    with _Progress(11) as progress:
        progress("reading")
        trial = read_trial(words.folder, protocol, **declared(words))
        return analyse(trial, protocol, estimand=estimand, visit=words.visit, null=words.null).run(progress)


def _analyse(words: argparse.Namespace) -> int:
    from pnstrial.data import TrialDataError
    from pnstrial.writing import output_file, write_file

    estimand = _estimand(words.estimand)
    page: dict[str, Any] = {"suffixes": (".html", ".htm"), "inputs": (words.folder, words.protocol)}
    if words.out:
        output_file(words.out, **page)
    try:
        result = _analysis(words, estimand)
    except TrialDataError as problem:
        if words.json:
            _print_json({"findings": [finding.as_dict() for finding in problem.findings]})
        raise
    if words.out:
        from pnstrial.reporting import short_page

        write_file(words.out, short_page(result), **page)
    if words.json:
        _print_json(result.to_json_object())
        return 0
    print(result)
    if words.out:
        print(f"\nWritten: {words.out}")
    print()
    _print_findings(result.findings, everything=False, command=f"pnstrial check {words.folder}")
    return 0


_SCREEN = 16
"""Kinds of findings that are printed where not all are asked for: one screen with what stands around them."""


def _print_findings(findings: Sequence[Finding], *, everything: bool, command: str) -> None:
    """Print findings by kind, errors first, and count them."""
    from pnstrial.data.findings import grouped

    groups = grouped(findings)
    for group in groups if everything else groups[:_SCREEN]:
        print(group)
    if len(groups) > _SCREEN and not everything:
        print(f"... and {len(groups) - _SCREEN} more kinds of findings: {command} --all")
    errors = sum(finding.severity == "error" for finding in findings)
    counts = {"error": errors, "warning": len(findings) - errors}
    print(", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items()))


def _check(words: argparse.Namespace) -> int:
    from dataclasses import asdict

    from pnstrial.checks import check_tables
    from pnstrial.data import findings_frame
    from pnstrial.protocol import load_protocol
    from pnstrial.writing import spreadsheet_frame, write_file

    sheet: dict[str, Any] = {"suffixes": (".csv",), "inputs": (words.folder, words.protocol)}
    protocol = load_protocol(words.protocol)
    checked = check_tables(words.folder, protocol, **declared(words))
    errors = any(finding.severity == "error" for finding in checked.findings)
    if words.queries:
        queries = spreadsheet_frame(findings_frame(checked.findings)).to_csv(index=False, lineterminator="\n")
        write_file(words.queries, queries, **sheet)
    if words.json:
        found = [finding.as_dict() for finding in checked.findings]
        _print_json({"findings": found, "not_read": [asdict(other) for other in checked.not_read]})
        return 1 if errors else 0
    again = f"pnstrial check {words.folder}"
    _print_findings(checked.findings, everything=words.all, command=again)
    if checked.not_read:
        names = [str(other) for other in checked.not_read]
        listed = names if words.all else names[:_SCREEN]
        more = f"; and {len(names) - len(listed)} more (--all)" if len(names) > len(listed) else ""
        print(f"Not read: {'; '.join(listed)}{more}")
    if words.queries:
        print(f"Written: {words.queries}")
    return 1 if errors else 0


def _screen(words: argparse.Namespace) -> int:
    from pnstrial.data import read_trial
    from pnstrial.eligibility import screen
    from pnstrial.protocol import load_protocol

    protocol = load_protocol(words.protocol)
    screening = screen(read_trial(words.folder, words.protocol, **declared(words)), protocol)
    if words.json:
        found: dict[str, Any] = {
            patient: {"overall": overall, "criteria": {}, "reasons": {}}
            for patient, overall in screening.overall.itertuples(index=False)
        }
        for row in screening.criteria.itertuples():
            found[str(row.patient_id)]["criteria"][row.criterion] = row.status
            found[str(row.patient_id)]["reasons"][row.criterion] = row.reason
        _print_json({"protocol": protocol.id, "screening": found})
        return 0
    print(screening)
    open_or_failed = screening.criteria[screening.criteria["status"] != "pass"]
    if len(open_or_failed):
        print()
    for row in open_or_failed.itertuples():
        print(f"{row.patient_id} {row.criterion} {row.status}: {row.reason}")
    return 0


def _plan(words: argparse.Namespace) -> int:
    from pnstrial.exposure import plan_treatment
    from pnstrial.protocol import load_protocol

    plan = plan_treatment(
        words.weight,
        words.start,
        load_protocol(words.protocol),
        basis=words.dosing_weight,
        height_cm=words.height,
        sex=words.sex,
        age=words.age,
        round_to_g=words.round_to,
        days=words.days,
        **({} if words.drug is None else {"drug": words.drug}),
        anyway=words.anyway,
    )
    if not words.json:
        print(plan)
        return 0
    from pnstrial.analysis import plain

    several = len({cycle.drug for cycle in plan.cycles}) > 1
    _print_json(
        {
            "decision_visit": plan.decision_visit,
            "decision_day": None if plan.decision_day is None else plan.decision_day.isoformat(),
            "cycles": [
                {
                    **({"drug": cycle.drug} if several else {}),
                    "cycle": cycle.cycle,
                    "start": None if cycle.start is None else cycle.start.isoformat(),
                    "dates": [day.isoformat() for day in cycle.dates],
                    "dosing_weight_kg": cycle.dosing_weight_kg,
                    "dose_g": plain(cycle.dose_g),
                    "daily_g": [plain(dose) for dose in cycle.daily_g],
                    "vials": {f"{content:g}": number for content, number in cycle.vials.items()},
                    "vials_per_day": {f"{content:g}": n for content, n in cycle.vials_per_day.items()},
                    "waste_g": cycle.waste_g,
                    "only_if_continued": cycle.conditional,
                    "notes": list(cycle.notes),
                }
                for cycle in plan.cycles
            ],
        }
    )
    return 0


def _template(words: argparse.Namespace) -> int:
    from pnstrial.data import write_template
    from pnstrial.protocol import load_protocol

    files = write_template(words.folder, load_protocol(words.protocol))
    _print_files(words, files)
    return 0


def _example(words: argparse.Namespace) -> int:
    from pnstrial.data.files import has_example, write_example, write_trial
    from pnstrial.drafts import invented_trial
    from pnstrial.protocol import load_protocol

    protocol, whose = load_protocol(words.protocol), ""
    if words.scenario is None and words.seed is None and has_example(protocol):
        files = write_example(words.folder, protocol)
    else:
        seed = 1 if words.seed is None else words.seed
        trial, under = invented_trial(protocol, words.scenario, seed)
        files = write_trial(trial, words.folder, protocol)
        whose = f" by the simulator, under {under}, seed {seed}"
    _print_files(words, files)
    if not words.json:
        first = words.parser.get_default("protocol")
        named = "" if words.protocol == first else f" --protocol {words.protocol}"
        print(
            f"The patients are invented{whose}. Next: pnstrial analyse {words.folder}{named} --out report.html"
        )
    return 0


def _print_files(words: argparse.Namespace, files: list[Path]) -> None:
    if words.json:
        _print_json({"written": [str(file) for file in files]})
    else:
        print("\n".join(f"written: {file}" for file in files))


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number over 0")
    return value


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    analyse = add_command(
        commands,
        "analyse",
        "Analyse a trial folder: findings, eligibility, exposure, visits, decisions, sets, primary endpoint.",
        "pnstrial analyse my-trial --out report.html --null 0.1 --estimand missing=LOCF",
    )
    add_input(analyse)
    analyse.add_argument("--out", metavar="FILE", help="write one self-contained HTML page")
    analyse.add_argument(
        "--estimand",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one strategy: death=composite|exclude, rescue=composite|treatment policy, "
        "stopped=treatment policy|composite|while on treatment, missing=non-responder|LOCF|exclude|best case",
    )
    analyse.add_argument("--visit", metavar="NAME", help='visit of the primary endpoint, such as "Month 6"')
    analyse.add_argument(
        "--null", type=proportion_word, metavar="P", help="null proportion of the exact test"
    )
    analyse.set_defaults(run=_analyse)

    check = add_command(
        commands,
        "check",
        "Find what is wrong with a trial folder; exit 1 on an error.",
        "pnstrial check my-trial",
    )
    add_input(check)
    check.add_argument("--queries", metavar="FILE", help="write every finding as one row of a new CSV file")
    check.add_argument("--all", action="store_true", help="print every kind of finding, not one screen")
    check.set_defaults(run=_check)

    screen = add_command(
        commands, "screen", "Show the eligibility of every screened patient.", "pnstrial screen my-trial"
    )
    add_input(screen)
    screen.set_defaults(run=_screen)

    plan = add_command(
        commands,
        "plan",
        "Plan the cycles of a patient: doses, dates, vials.",
        "pnstrial plan --weight 70 --start 2026-01-05 --round-to 5",
    )
    plan.add_argument("--weight", type=_positive, required=True, metavar="KG", help="actual body weight")
    plan.add_argument(
        "--start", type=date_word, required=True, metavar="DATE", help="first infusion, YYYY-MM-DD"
    )
    plan.add_argument("--drug", metavar="NAME", help="one drug of the protocol (default: all)")
    plan.add_argument("--days", type=int, metavar="N", help="infusion days of a cycle")
    plan.add_argument(
        "--round-to", type=_positive, metavar="G", help="round the dose to this step, halves up"
    )
    plan.add_argument(
        "--dosing-weight",
        choices=("actual", "ideal", "adjusted"),
        default="actual",
        help="weight that the dose is reckoned with (default: actual)",
    )
    plan.add_argument(
        "--height", type=_positive, metavar="CM", help="for ideal and adjusted weight, and a dose per m2"
    )
    plan.add_argument("--sex", choices=("female", "male"), help="for ideal and adjusted weight")
    plan.add_argument(
        "--age", type=_positive, metavar="YEARS", help="adds a note over the limit of the protocol"
    )
    plan.add_argument("--anyway", action="store_true", help="also for a start over 10 years from today")
    plan.set_defaults(run=_plan)

    template = add_command(
        commands,
        "template",
        "Write the empty tables of the protocol with a data dictionary beside them, or as one workbook.",
        "pnstrial template my-trial",
    )
    template.add_argument("folder", metavar="FOLDER", help="new or empty folder, or a new file my-trial.xlsx")
    template.set_defaults(run=_template)

    example = add_command(
        commands,
        "example",
        "Write an example trial of the protocol: the bundled one, else a simulated one; its patients are invented.",
        "pnstrial example my-trial",
    )
    example.add_argument("folder", metavar="FOLDER", help="new or empty folder")
    example.add_argument(
        "--scenario", metavar="NAME-or-PATH", help="simulate the patients under it (default: where none is bundled, "
        "the scenario of the protocol's name, else a first one, assumed throughout)",
    )  # fmt: skip
    example.add_argument(
        "--seed", type=int, metavar="N", help="simulate the patients with this seed (default: 1)"
    )
    example.set_defaults(run=_example)

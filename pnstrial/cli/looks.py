"""How is a design with looks run from the command line?

Input: a scenario, a design in counts, where accrual pauses.
Output: what the design decides, when and on whom, on the screen or as JSON.
Protocol section: design, endpoint.
Method: thin command over `pnstrial.simulate_looks`.
Next: `report`.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from pnstrial.cli import CommandError, add_command
from pnstrial.cli.settings import say_what_is_idle, settings_given, trials_of, what_if_options

if TYPE_CHECKING:
    import argparse

    from pnstrial.cli import Commands

_NEVER = {"-", "never"}


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    parser = add_command(
        commands, "looks", "Run a design with looks on the simulated course, its outcomes delayed to the visit.",
        "pnstrial looks anti-hu --response 0.25 --two-stage 0/9 2/17 --pause",
    )  # fmt: skip
    parser.add_argument("scenario", help="scenario: a shipped name or a TOML file")
    parser.add_argument(
        "--two-stage", nargs=2, metavar=("R1/N1", "R/N"),
        help="Simon's form: stop at R1 responders or fewer of N1; success with more than R of N",
    )  # fmt: skip
    parser.add_argument("--looks", type=int, nargs="+", metavar="N", help="patients at each look")
    parser.add_argument(
        "--futility", nargs="+", metavar="X", help="stop at so many responders or fewer; never: no stop"
    )
    parser.add_argument("--efficacy", nargs="+", metavar="X", help="success at so many responders or more")
    parser.add_argument("--curtail", action="store_true", help="stop as soon as the decision is certain")
    parser.add_argument(
        "--pause", action="store_true", help="accrual pauses at each look until its outcomes are known"
    )
    parser.add_argument(
        "--safety",
        type=float,
        metavar="RATE",
        help="stop for safety: acceptable rate of the event (alpha 0.1)",
    )
    parser.add_argument(
        "--event", choices=("death", "stopped", "harm"), default="death", help="what safety counts"
    )
    parser.add_argument(
        "--trials", type=trials_of, default=10_000, metavar="N", help="trials (default: 10000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the run (default: 1)")
    parser.add_argument("--workers", type=int, default=1, help="cores to use (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    what_if_options(parser, several=False)
    parser.set_defaults(run=_run)


def _counts(words: list[str] | None, looks: int) -> list[int | None] | None:
    if words is None:
        return None
    if len(words) != looks:
        raise CommandError(f"{' '.join(words)}: give one count for each of the {looks} looks, or never")
    try:
        return [None if word in _NEVER else int(word) for word in words]
    except ValueError:
        raise CommandError(f"{' '.join(words)}: counts are whole numbers, or never") from None


def _design(arguments: argparse.Namespace) -> Any:
    from pnstrial import design

    if (arguments.two_stage is None) == (arguments.looks is None):
        raise CommandError(
            "give the design: --two-stage R1/N1 R/N, or --looks N ... with --futility and --efficacy"
        )
    if arguments.two_stage is not None:
        pairs = [re.fullmatch(r"(-?\d+)/(\d+)", word) for word in arguments.two_stage]
        if None in pairs:
            raise CommandError(
                f"--two-stage {' '.join(arguments.two_stage)}: write R1/N1 R/N, such as 0/9 2/17"
            )
        (r1, n1), (r, n) = [(int(pair[1]), int(pair[2])) for pair in pairs if pair]
        made: Any = design.sequential([n1, n], [r1 if r1 >= 0 else None, r], [None, r + 1])
    else:
        if arguments.futility is None and arguments.efficacy is None:
            raise CommandError("--looks alone decides nothing: give --futility, --efficacy or both")
        size = len(arguments.looks)
        if arguments.efficacy is None:
            print(
                "no count of responders is a success here: name one with --efficacy, such as"
                f" --efficacy {' '.join(['never'] * (size - 1) + ['X'])}",
                file=sys.stderr,
            )
        made = design.sequential(
            arguments.looks, _counts(arguments.futility, size), _counts(arguments.efficacy, size)
        )
    return design.curtailed(made) if arguments.curtail else made


def _run(arguments: argparse.Namespace) -> int:
    import pnstrial as pns

    protocol, scenario = pns.load_protocol(arguments.protocol), pns.load_scenario(arguments.scenario)
    made = _design(arguments)
    if settings := settings_given(arguments):
        changes = {name: [value] for name, value in settings.items()}
        say_what_is_idle(protocol, scenario, changes, ("probability_of_success",))
        protocol, scenario = pns.what_if(protocol, scenario, settings, rated=arguments.rated)
    safety = None if arguments.safety is None else pns.design.safety_boundary(made.n, arguments.safety)
    result = pns.simulate_looks(
        protocol, scenario, made, arguments.trials, arguments.seed, pause=arguments.pause, safety=safety,
        event=arguments.event, workers=arguments.workers, progress=not arguments.quiet,
    )  # fmt: skip
    if arguments.json:
        print(result.to_frame().to_json(orient="records"))
        return 0
    print(result.design)
    if safety is not None:
        print(safety.sentence())
    print(result.to_frame().to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))
    if result.pauses:
        print(f"accrual pauses after {', '.join(map(str, result.pauses))} patients", file=sys.stderr)
    return 0

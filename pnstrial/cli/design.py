"""Which design commands are there?

Input: rates, errors and counts on the command line.
Output: a sentence for the protocol and a table; with `--json` one object, with `--figure` a picture.
Protocol section: design.
Method: `pnstrial.design` does the work; pandas is loaded only where a table is printed.
Next: `pnstrial.design`.
"""

from __future__ import annotations

import argparse
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pnstrial.cli import Commands

__all__ = ["add_commands"]

_FIGURES = (".png", ".svg", ".pdf")


def add_commands(commands: Commands) -> None:
    """Add `design` with its kinds."""
    from pnstrial.cli import add_command

    parent = commands.add_parser(
        "design",
        help="Plan a single-arm trial exactly, and say what its count means.",
        description="Plan a single-arm trial exactly, and say what its count means.",
        epilog="example:\n  pnstrial design simon --p0 0.05 --p1 0.25",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parent.add_subparsers(metavar="KIND", required=True)

    def command(name: str, summary: str, example: str, run: Callable[[argparse.Namespace], int]) -> Any:
        parser = add_command(kinds, name, summary, f"pnstrial design {name} {example}")
        parser.add_argument("--figure", metavar="FILE", help="draw it to a file (.png, .svg, .pdf)")
        parser.set_defaults(run=run)
        return parser

    _add_planning(command)
    _add_monitoring(command)
    _add_inference(command)


def _rates(parser: Any, alpha: float = 0.05) -> None:
    parser.add_argument("--p0", type=float, required=True, help="rate of no interest")
    parser.add_argument("--p1", type=float, required=True, help="rate hoped for")
    parser.add_argument("--alpha", type=float, default=alpha, help=f"type I error (default {alpha})")


def _add_planning(command: Callable[..., Any]) -> None:
    parser = command("single", "Find the smallest exact single-stage design.", "--p0 0.05 --p1 0.25", _single)
    _rates(parser)
    parser.add_argument("--power", type=float, default=0.8, help="power (default 0.8)")
    parser.add_argument("--n", type=int, help="give the test of this many patients instead")
    parser = command("simon", "Find Simon's two-stage designs.", "--p0 0.1 --p1 0.3 --json", _simon)
    _rates(parser)
    parser.add_argument("--power", type=float, default=0.8, help="power (default 0.8)")
    parser.add_argument("--n-max", type=int, default=100, help="largest number of patients (default 100)")
    parser.add_argument("--n1", type=int, help="size of the first stage, where given")
    parser.add_argument("--n", type=int, help="number of patients, where given")
    parser.add_argument("--balanced", action="store_true", help="stages of the same size")
    parser = command(
        "stages", "Find a design of two or three stages.", "--p0 0.1 --p1 0.4 --n-max 17", _stages
    )
    _rates(parser)
    parser.add_argument("--power", type=float, default=0.8, help="power (default 0.8)")
    parser.add_argument("--stages", type=int, default=3, help="2 or 3 (default 3)")
    parser.add_argument("--n-max", type=int, default=40, help="largest number of patients (default 40)")
    parser.add_argument("--efficacy", action="store_true", help="allow early stops for efficacy")
    parser = command("curtailed", "Stop as soon as the decision is certain.", "--p0 0.1 --p1 0.4", _curtailed)
    _rates(parser)
    parser.add_argument("--power", type=float, default=0.8, help="power (default 0.8)")
    parser.add_argument("--n-max", type=int, default=40, help="largest number of patients (default 40)")
    parser = command(
        "toxicity",
        "Find Bryant-Day designs for response and toxicity.",
        "--r0 0.2 --r1 0.5 --t0 0.4 --t1 0.15 --n-max 25",
        _toxicity,
    )
    for name, text in (
        ("r0", "response of no interest"), ("r1", "response hoped for"),
        ("t0", "toxicity too high"), ("t1", "toxicity acceptable"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=float, required=True, help=text)
    parser.add_argument("--alpha-r", type=float, default=0.1, help="error for response (default 0.1)")
    parser.add_argument("--alpha-t", type=float, default=0.1, help="error for toxicity (default 0.1)")
    parser.add_argument("--power", type=float, default=0.8, help="power (default 0.8)")
    parser.add_argument("--n-max", type=int, default=60, help="largest number of patients (default 60)")
    parser.add_argument("--odds-ratio", type=float, default=1.0, help="association (default 1)")


def _add_monitoring(command: Callable[..., Any]) -> None:
    parser = command(
        "sequential",
        "Give the exact characteristics of any looks.",
        "--looks 6 11 17 --futility no 0 2 --efficacy 4 5 5 --rates 0.05 0.25",
        _sequential,
    )
    parser.add_argument("--looks", type=int, nargs="+", required=True, help="patients at each look")
    parser.add_argument("--futility", nargs="+", metavar="COUNT", help="stop at or below; 'no' = no stop")
    parser.add_argument("--efficacy", nargs="+", metavar="COUNT", help="stop at or above; 'no' = no stop")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.05, 0.1, 0.25, 0.4], help="true rates")
    parser.add_argument("--spend", help="alpha spending: pocock, obrien-fleming or an exponent; needs --p0")
    parser.add_argument("--p0", type=float, help="rate under the null, for --spend")
    parser.add_argument("--alpha", type=float, default=0.05, help="type I error, for --spend (default 0.05)")
    parser = command(
        "bayes",
        "Monitor by predictive or posterior probability, or BOP2.",
        "--looks 6 11 17 --p0 0.1 --p1 0.35 --method bop2",
        _bayes,
    )
    _rates(parser, 0.1)
    parser.add_argument("--looks", type=int, nargs="+", required=True, help="patients at each look")
    parser.add_argument(
        "--method",
        choices=("predictive", "posterior", "bop2"),
        default="predictive",
        help="default: predictive",
    )
    parser.add_argument("--prior", type=float, nargs=2, metavar=("A", "B"), help="beta prior")
    parser.add_argument("--threshold", type=float, default=0.9, help="success at the end (default 0.9)")
    parser.add_argument("--futility", type=float, help="probability that stops (default 0.1, posterior 0.9)")
    parser.add_argument("--efficacy", type=float, help="probability that stops for efficacy (default: never)")
    parser = command("safety", "Find the counts of events that stop a trial.", "--n 17 --p0 0.1", _safety)
    parser.add_argument("--n", type=int, required=True, help="largest number of patients")
    parser.add_argument("--p0", type=float, required=True, help="acceptable rate of the event")
    parser.add_argument("--alpha", type=float, default=0.1, help="largest probability to stop (default 0.1)")
    parser.add_argument("--kind", default="pocock", help="kind of rule (default pocock)")
    parser.add_argument("--p1", type=float, help="rate of kind sprt")
    parser.add_argument("--accrual", type=float, help="patients a month, for the pipeline under a delay")
    parser.add_argument("--delay", type=float, default=3.0, help="months to the answer (default 3)")


def _add_inference(command: Callable[..., Any]) -> None:
    parser = command("proportion", "Say what a count means.", "--responders 5 --n 17 --null 0.1", _proportion)
    parser.add_argument("--responders", type=int, required=True, help="responders")
    parser.add_argument("--n", type=int, required=True, help="patients")
    parser.add_argument("--null", type=float, help="rate under the null")
    parser.add_argument("--level", type=float, default=0.95, help="level of the interval (default 0.95)")
    parser.add_argument("--conf-type", default="clopper-pearson", help="interval (default clopper-pearson)")
    parser = command(
        "after",
        "Infer after a two-stage design.",
        "--r1 0 --n1 9 --r 2 --n 17 --p0 0.05 --responses 3",
        _after,
    )
    for name in ("r1", "n1", "r", "n", "responses"):
        parser.add_argument(f"--{name}", type=int, required=True, help="as in the two-stage design")
    parser.add_argument("--p0", type=float, required=True, help="rate under the null")
    parser.add_argument("--n-observed", type=int, help="patients seen, where not as planned")
    parser.add_argument("--responses-first", type=int, help="responders of the first stage")
    parser.add_argument("--level", type=float, default=0.95, help="level of the interval (default 0.95)")
    parser = command("history", "Pool published series and derive a prior.", "--pool treated", _history)
    parser.add_argument("--pool", default="treated", help="shipped pool: treated or ivig (default treated)")
    parser.add_argument(
        "--robust-weight", type=float, default=0.2, help="weight of the vague part (default 0.2)"
    )


def _plain(value: Any) -> Any:
    """Turn a result into what JSON can hold; what is not estimable becomes null."""
    from dataclasses import fields, is_dataclass

    from pnstrial.results import NotEstimable

    if value is None or isinstance(value, NotEstimable):
        return None
    if is_dataclass(value):
        return {
            field.name.rstrip("_"): _plain(getattr(value, field.name))
            for field in fields(value)
            if field.repr
        }
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value.tolist() if hasattr(value, "tolist") else value


def _show(arguments: argparse.Namespace, answer: dict[str, Any], text: Sequence[str]) -> int:
    """Print one object, or the lines of text."""
    print(json.dumps(_plain(answer), allow_nan=False) if arguments.json else "\n".join(text))
    return 0


def _draw(arguments: argparse.Namespace, kind: str, what: Any) -> None:
    """Save a figure where one was asked for."""
    if not arguments.figure:
        return
    from pnstrial.figures.style import off_screen
    from pnstrial.writing import output_file, write_file

    target = output_file(arguments.figure, suffixes=_FIGURES)

    off_screen()
    from pnstrial.figures import designs

    axes = getattr(designs, kind)(what)
    buffer = io.BytesIO()
    kind = target.suffix.lower().removeprefix(".")
    undated: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    axes.figure.savefig(buffer, format=kind, dpi=150, metadata=undated.get(kind))
    write_file(arguments.figure, buffer.getvalue(), suffixes=_FIGURES)


def _table(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> str:
    """Lay out a small table without pandas."""
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(names, *cells, strict=True)]
    lines = [names, *cells]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _single(arguments: argparse.Namespace) -> int:
    from pnstrial.design import single_stage, single_stage_at

    if arguments.n is None:
        design = single_stage(arguments.p0, arguments.p1, arguments.alpha, arguments.power)
    else:
        design = single_stage_at(arguments.n, arguments.p0, arguments.p1, arguments.alpha)
    _draw(arguments, "saw_tooth" if arguments.n is None else "power_curve", design)
    return _show(arguments, {**_plain(design), "sentence": design.sentence()}, [str(design)])


def _simon(arguments: argparse.Namespace) -> int:
    from pnstrial.design import simon

    found = simon(
        arguments.p0, arguments.p1, arguments.alpha, arguments.power, arguments.n_max,
        arguments.n1, arguments.n, arguments.balanced,
    )  # fmt: skip
    names = ("name", "r1", "n1", "r", "n", "alpha", "power", "expected_n", "early_stop")
    rows = [[getattr(design, name) for name in names] for design in found.admissible_designs]
    if arguments.figure:
        _draw(arguments, "power_curve", {design.name: design for design in (found.optimal, found.minimax)})
    answer = {
        "optimal": {**_plain(found.optimal), "sentence": found.optimal.sentence()},
        "minimax": {**_plain(found.minimax), "sentence": found.minimax.sentence()},
        "admissible": [dict(zip(names, row, strict=True)) for row in rows],
    }
    return _show(arguments, answer, [str(found), "", _table(rows, names)])


def _looks_answer(design: Any) -> dict[str, Any]:
    return {**_plain(design), "alpha": design.alpha, "power": design.power, "sentence": design.sentence()}


def _looks_table(design: Any) -> str:
    rows = [
        [n, "-" if a is None else a, "-" if b is None else b]
        for n, a, b in zip(design.looks, design.futility, design.efficacy, strict=True)
    ]
    return _table(rows, ("n", "stop at or below", "stop at or above"))


def _stages(arguments: argparse.Namespace) -> int:
    from pnstrial.design import multi_stage

    design = multi_stage(
        arguments.p0, arguments.p1, arguments.alpha, arguments.power, arguments.stages, arguments.n_max,
        efficacy=arguments.efficacy,
    )  # fmt: skip
    _draw(arguments, "stopping_boundaries", design)
    return _show(arguments, _looks_answer(design), [design.sentence(), _looks_table(design)])


def _curtailed(arguments: argparse.Namespace) -> int:
    from pnstrial.design import optimal_curtailed

    found = optimal_curtailed(arguments.p0, arguments.p1, arguments.alpha, arguments.power, arguments.n_max)
    _draw(arguments, "stopping_boundaries", found.design)
    answer = {**_plain(found), "sentence": found.sentence()}
    return _show(arguments, answer, [str(found), _looks_table(found.design)])


def _toxicity(arguments: argparse.Namespace) -> int:
    from pnstrial.design import bryant_day

    found = bryant_day(
        arguments.r0, arguments.r1, arguments.t0, arguments.t1, arguments.alpha_r, arguments.alpha_t,
        arguments.power, 2, arguments.n_max, arguments.odds_ratio,
    )  # fmt: skip
    if arguments.figure:
        from pnstrial.cli import CommandError

        raise CommandError("design toxicity: a rule on two counts has no figure; leave out --figure")
    answer = {
        "optimal": {**_plain(found.optimal), "sentence": found.optimal.sentence()},
        "minimax": {**_plain(found.minimax), "sentence": found.minimax.sentence()},
    }
    return _show(arguments, answer, [str(found)])


def _counts(words: Sequence[str] | None) -> list[int | None] | None:
    """Read counts; 'no' and '-' are no stop."""
    if words is None:
        return None
    wrong = [word for word in words if word not in ("no", "-") and not word.isdigit()]
    if wrong:
        raise ValueError(f"design sequential: counts = {', '.join(wrong)} must be whole numbers, or 'no'")
    return [None if word in ("no", "-") else int(word) for word in words]


def _sequential(arguments: argparse.Namespace) -> int:
    from pnstrial.design import group_sequential, sequential

    if arguments.spend is not None:
        if arguments.p0 is None:
            raise ValueError("design sequential: p0 = None must be given with --spend")
        named = arguments.spend in ("pocock", "obrien-fleming")
        spend: str | float = arguments.spend if named else float(arguments.spend)
        design = group_sequential(arguments.looks, arguments.p0, None, arguments.alpha, spend)
    else:
        design = sequential(
            arguments.looks, _counts(arguments.futility), _counts(arguments.efficacy), arguments.p0
        )
    oc = design.operating_characteristics(arguments.rates)
    _draw(arguments, "stopping_boundaries", design)
    rows = [
        [p, float(a), float(b), float(c)]
        for p, a, b, c in zip(arguments.rates, oc.reject, oc.expected_n, oc.sd_n, strict=True)
    ]
    table = _table(rows, ("true rate", "reject", "expected n", "sd n"))
    answer = {**_looks_answer(design), "operating_characteristics": _plain(oc)}
    return _show(arguments, answer, [design.sentence(), _looks_table(design), "", table])


def _bayes(arguments: argparse.Namespace) -> int:
    from pnstrial.design import bop2, predictive_design, thall_simon

    prior = (0.5, 0.5) if arguments.prior is None else tuple(arguments.prior)
    if arguments.method == "bop2":
        chosen = None if arguments.prior is None else (prior[0], prior[1])
        design = bop2(arguments.looks, arguments.p0, arguments.p1, arguments.alpha, chosen)
    elif arguments.method == "posterior":
        futility = 0.9 if arguments.futility is None else arguments.futility
        design = thall_simon(
            arguments.looks, arguments.p0, arguments.p1, futility, arguments.efficacy or 0.95, prior
        )
    else:
        futility = 0.1 if arguments.futility is None else arguments.futility
        design = predictive_design(
            arguments.looks,
            arguments.p0,
            arguments.threshold,
            futility,
            arguments.efficacy,
            prior,
            arguments.p1,
        )
    _draw(arguments, "stopping_boundaries", design)
    return _show(arguments, _looks_answer(design), [design.sentence(), _looks_table(design)])


def _safety(arguments: argparse.Namespace) -> int:
    from pnstrial.design import safety_boundary

    rule = safety_boundary(arguments.n, arguments.p0, arguments.alpha, arguments.kind, arguments.p1)
    _draw(arguments, "stopping_boundaries", rule)
    text = [rule.sentence(), rule.wall_table().to_string(index=False)]
    answer = {**_looks_answer(rule), "wall_table": rule.wall_table().to_dict("records")}
    if arguments.accrual is not None:
        waiting = rule.pipeline(arguments.accrual, arguments.delay)
        text.append("\n" + waiting.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
        answer["pipeline"] = waiting.to_dict("records")
    return _show(arguments, answer, text)


def _proportion(arguments: argparse.Namespace) -> int:
    from pnstrial.design import proportion

    result = proportion(
        arguments.responders,
        arguments.n,
        arguments.null,
        level=arguments.level,
        conf_type=arguments.conf_type,
    )
    _no_figure(arguments, "proportion")
    return _show(arguments, _plain(result), [str(result)])


def _after(arguments: argparse.Namespace) -> int:
    from pnstrial.design import after_two_stage

    result = after_two_stage(
        r1=arguments.r1, n1=arguments.n1, r=arguments.r, n=arguments.n, p0=arguments.p0,
        responses=arguments.responses, n_observed=arguments.n_observed, level=arguments.level,
        responses_first=arguments.responses_first,
    )  # fmt: skip
    _no_figure(arguments, "after")
    return _show(arguments, _plain(result), [str(result)])


def _history(arguments: argparse.Namespace) -> int:
    from pnstrial.design import map_prior, pool_series

    pooled = pool_series(pool=arguments.pool)
    prior = map_prior(pool=arguments.pool, robust_weight=arguments.robust_weight)
    _no_figure(arguments, "history")
    return _show(arguments, {"pooled": _plain(pooled), "prior": _plain(prior)}, [str(pooled), "", str(prior)])


def _no_figure(arguments: argparse.Namespace, kind: str) -> None:
    if arguments.figure:
        from pnstrial.cli import CommandError

        raise CommandError(f"design {kind}: there is no figure of it; leave out --figure")

"""Which designs can be simulated from the command line, and how?

Input: a scenario (name or path), a protocol, the number of trials.
Output: a table on the screen; with ``--out`` table, JSON, figures and the store that makes the run resumable.
Protocol section: all of it, through `pnstrial.simulate`.
Method: thin commands over `pnstrial.simulate`.
Next: `report`.
"""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pnstrial.cli import CommandError, add_command
from pnstrial.cli.settings import (
    changes_in_words,
    check_rated,
    lists_given,
    pairs_of,
    say_what_is_idle,
    settings_given,
    trials_of,
    what_if_options,
)  # fmt: skip
from pnstrial.results import as_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from pnstrial.cli import Commands
    from pnstrial.engine.scenario import Scenario


def add_commands(commands: Commands) -> None:
    """Add the commands of this subject."""
    parser = add_command(
        commands, "simulate", "Simulate the protocol under a scenario and show what the design does.",
        "pnstrial simulate anti-hu --trials 100000 --out results",
    )  # fmt: skip
    parser.add_argument("scenario", nargs="?", help="scenario: a shipped name or a TOML file")
    parser.add_argument("--list", action="store_true", help="list the shipped scenarios")
    parser.add_argument(
        "--trials", type=trials_of, default=10_000, metavar="N", help="trials to simulate (default: 10000)"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--exact", action="store_true", help="only the quantities that have an exact answer, no simulation"
    )
    kind.add_argument(
        "--one", action="store_true",
        help="one trial, drawn with --seed: its primary result, and with --out its tables, as a real trial has them",
    )  # fmt: skip
    parser.add_argument(
        "--primary", action="store_true", help="only the quantities of the visits (several times faster)"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder for table, JSON, figures and the store (resumes a stopped run)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    what_if_options(parser, several=False)
    _run_options(parser)
    parser.set_defaults(run=_simulate)

    parser = add_command(
        commands, "compare", "Simulate over a grid of settings.",
        "pnstrial compare anti-hu --n 17 21 34 --rating unstructured structured --trials 20000",
    )  # fmt: skip
    parser.add_argument("scenarios", nargs="+", help="scenarios: shipped names or TOML files")
    parser.add_argument(
        "--trials", type=trials_of, default=10_000, metavar="N", help="trials per point (default: 10000)"
    )
    parser.add_argument("--exact", action="store_true", help="exact answers instead of simulation")
    parser.add_argument(
        "--quantity", nargs="+", default=["probability_of_success"], help="quantities to show"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder for the whole table, and a heat map of two settings"
    )
    for name, kind, text in (
        ("n", int, "patients"), ("window-days", int, "half-width of the visit windows"),
        ("improvement-points", int, "points that make a response"), ("rating", str, "rating methods"),
        ("death", str, "strategies"), ("rescue", str, "strategies"), ("stopped", str, "strategies"),
        ("missing", str, "strategies"), ("screened-per-month", float, "accrual"), ("null", float, "null proportions"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, nargs="+", default=[], help=text)
    what_if_options(parser, several=True)
    parser.add_argument("--store", metavar="DIR", help="folder that keeps finished blocks of every point")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    _run_options(parser)
    parser.set_defaults(run=_compare)
    _question_commands(commands)


def _question_commands(commands: Commands) -> None:
    parser = add_command(
        commands, "power", "Give the probability of success over a range of responses.",
        "pnstrial power anti-hu-plain --responses 0.1 0.2 0.3 --exact",
    )  # fmt: skip
    parser.add_argument(
        "--responses", type=float, nargs="+", default=[0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4], metavar="SHARE",
        help="responses at the endpoint visit",
    )  # fmt: skip
    parser.add_argument("--exact", action="store_true", help="exact answers, no simulation")
    _question_options(parser, "power")
    parser = add_command(
        commands, "search", "Search the first size with a power, and the size from which it stays.",
        "pnstrial search anti-hu-plain --response 0.25 --power 0.8",
    )  # fmt: skip
    parser.add_argument("--power", type=float, default=0.8, help="power to reach (default: 0.8)")
    parser.add_argument("--n-max", type=int, default=200, help="largest size (default: 200)")
    parser.add_argument(
        "--error", type=float, default=0.002, metavar="SE",
        help="largest Monte Carlo standard error of the power, where it is simulated (default: 0.002)",
    )  # fmt: skip
    _question_options(parser, "search")
    for name, text in (
        ("tornado", "Rank settings by what they do to a quantity, one at a time."),
        ("sobol", "Rank settings by the share of a quantity's variance that they explain."),
    ):
        parser = add_command(
            commands,
            name,
            text,
            f"pnstrial {name} anti-hu-plain --range response=0.15:0.3 --range late=0:0.3",
        )
        parser.add_argument(
            "--range",
            action="append",
            required=True,
            metavar="KEY=LOW:HIGH",
            help="a setting and its two ends",
        )
        parser.add_argument("--quantity", default="probability_of_success", help="what is looked at")
        if name == "sobol":
            parser.add_argument("--points", type=int, default=64, help="a power of 2 (default: 64)")
        _question_options(parser, name)

    parser = add_command(
        commands, "assurance", "Average the power over what is not known of the response, or of other settings.",
        "pnstrial assurance anti-hu-plain --input response=5.5:12.5",
    )  # fmt: skip
    parser.add_argument(
        "--input", action="append", default=[], metavar="KEY=A:B",
        help="a setting and its Beta distribution (default: the response, from the counts of the scenario's series)",
    )  # fmt: skip
    parser.add_argument(
        "--draws-from", metavar="FILE", help="CSV file of draws, one column a setting, instead of --input"
    )
    parser.add_argument(
        "--true", action="store_true", help="the response that is drawn is the true one, not what is reported"
    )
    parser.add_argument("--draws", type=trials_of, default=200, metavar="N", help="draws (default: 200)")
    parser.add_argument("--quantity", default="probability_of_success", help="what is looked at")
    _question_options(parser, "assurance")


def _question_options(parser: argparse.ArgumentParser, question: str) -> None:
    parser.add_argument("scenario", help="scenario: a shipped name or a TOML file")
    if question != "search":
        parser.add_argument(
            "--trials", type=trials_of, default=10_000, metavar="N", help="trials a point, where simulated"
        )
    parser.add_argument("--out", metavar="DIR", help="folder for table and figure")
    parser.add_argument("--seed", type=int, default=1, help="seed of the run (default: 1)")
    parser.add_argument("--workers", type=int, default=1, help="cores to use (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    what_if_options(parser, several=False)
    parser.set_defaults(run=_question, question=question)


def _question(arguments: argparse.Namespace) -> int:
    import pnstrial as pns
    from pnstrial.writing import output_folder, whole_folder

    protocol, scenario = pns.load_protocol(arguments.protocol), pns.load_scenario(arguments.scenario)
    inputs = [arguments.protocol, arguments.scenario]
    files = ("table.csv", "figure.png")
    if arguments.out:
        output_folder(arguments.out, names=files, inputs=inputs)
    own = _own_ranges(arguments)
    if arguments.question == "power" and arguments.response is not None:
        raise CommandError("power goes through --responses: name the shares there, and leave out --response")
    settings = settings_given(arguments, responses=arguments.question == "power" or "response" in own)
    quantity = getattr(arguments, "quantity", "probability_of_success")
    changes: dict[str, Sequence[Any]] = {name: [value] for name, value in settings.items()}
    say_what_is_idle(protocol, scenario, changes | own, (quantity,))
    protocol, scenario = pns.what_if(protocol, scenario, settings, rated=arguments.rated)
    common: dict[str, Any] = {"seed": arguments.seed, "workers": arguments.workers}
    common["progress"] = not arguments.quiet
    if arguments.question == "power":
        result: Any = pns.power_curve(
            protocol, scenario, n_trials=arguments.trials, responses=arguments.responses, rated=arguments.rated,
            method="exact" if arguments.exact else "simulate", **common,
        )  # fmt: skip
    elif arguments.question == "search":
        result = pns.search_sample_size(
            protocol, scenario, arguments.power, n_max=arguments.n_max, error=arguments.error, **common
        )
    elif arguments.question == "assurance":
        inputs_given = _uncertain(arguments)
        result = pns.assurance(
            protocol, scenario, inputs_given, quantity=quantity, rated=not arguments.true, draws=arguments.draws,
            n_trials=arguments.trials, **common,
        )  # fmt: skip
    else:
        ask = {"tornado": pns.tornado, "sobol": pns.sobol}[arguments.question]
        common |= {"n": arguments.points} if arguments.question == "sobol" else {}
        result = ask(
            protocol, scenario, own, quantity, rated=arguments.rated, n_trials=arguments.trials, **common
        )
    frame = result.to_frame()
    if arguments.out:
        from pnstrial.figures.style import off_screen

        off_screen()
        figure = result.plot().get_figure()
        with whole_folder(arguments.out, names=files, inputs=inputs) as folder:
            frame.to_csv(folder / "table.csv", index=False)
            figure.savefig(folder / "figure.png", dpi=150)
    _show(_worth_reading(frame, result, arguments.question), arguments, str(result))
    return 0


def _worth_reading(frame: pd.DataFrame, result: Any, question: str) -> pd.DataFrame:
    """Give the rows that fit a screen: sizes near the first one, quantiles of many draws."""
    import pandas as pd

    if question == "search" and isinstance(result.first_n, int):
        return frame[frame["n"].between(result.first_n - 3, result.first_n + 8)]
    if question == "assurance":
        shares = [0.025, 0.25, 0.5, 0.75, 0.975]
        values = frame[result.quantity].quantile(shares).to_numpy()
        return pd.DataFrame({"share of the draws": shares, result.quantity: values})
    return frame


def _own_ranges(arguments: argparse.Namespace) -> dict[str, tuple[float, ...]]:
    """Give the ranges that a question varies."""
    return {
        key: tuple(_end(end, "--range", key, "LOW:HIGH") for end in text.split(":"))
        for key, text in pairs_of(getattr(arguments, "range", []), "KEY=LOW:HIGH, such as late=0:0.3")
    }


def _uncertain(arguments: argparse.Namespace) -> Any:
    """Give the draws of uncertain settings, or the Beta distributions that they are drawn from."""
    if arguments.draws_from is not None:
        import pandas as pd

        if arguments.input:
            raise CommandError("--draws-from holds the draws of every setting: leave out --input")
        try:
            return pd.read_csv(arguments.draws_from)
        except (OSError, ValueError) as problem:
            raise CommandError(f"--draws-from {arguments.draws_from}: {problem}") from None
    return None if not arguments.input else {
        key: tuple(_end(end, "--input", key, "A:B") for end in text.split(":"))
        for key, text in pairs_of(
            arguments.input, "KEY=A:B of a Beta distribution, such as response=1.5:16.5"
        )
    }  # fmt: skip


def _end(text: str, option: str, key: str, form: str) -> float:
    for kind in (int, float):  # a whole number stays one
        with suppress(ValueError):
            return kind(text)
    from pnstrial.settings import of_percent

    raise CommandError(f"{option} {key}: {text!r} is no number{of_percent(text)}; write KEY={form}")


_RESULTS = ("characteristics.csv", "characteristics.json", "responders.png", "report.html")
_COMPARISON = ("comparison.csv", "heat-map.png", "report.html")


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, help="seed of the run (default: 1)")
    parser.add_argument("--workers", type=int, default=1, help="cores to use (default: 1)")
    parser.add_argument(
        "--executor",
        choices=("threads", "processes", "dask"),
        default="threads",
        help="kind of workers (default: threads)",
    )
    parser.add_argument("--address", help="scheduler of a dask cluster, such as tcp://host:8786")


@contextmanager
def _executor(arguments: argparse.Namespace) -> Generator[Executor | None]:
    """Open the workers that were asked for; None for the simplest."""
    if arguments.address and arguments.executor != "dask":
        raise CommandError("--address belongs to --executor dask")
    if arguments.workers < 1:
        raise CommandError(f"--workers {arguments.workers}: allowed is 1 or more")
    if arguments.executor == "dask":
        try:
            from distributed import Client
        except ImportError:
            raise CommandError(
                "--executor dask needs the cluster extra: pip install 'pnstrial[cluster]'"
            ) from None
        where: dict[str, Any] = (
            {"address": arguments.address}
            if arguments.address
            else {"n_workers": arguments.workers, "threads_per_worker": 1, "dashboard_address": None}
        )
        with Client(**where) as client:
            yield client.get_executor()
    elif arguments.executor == "processes":
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
            yield pool
    else:
        yield None


def _simulate(arguments: argparse.Namespace) -> int:
    import pnstrial as pns
    from pnstrial.simulate import shipped_scenarios
    from pnstrial.writing import output_folder, whole_folder, write_file

    if arguments.list:
        for name in shipped_scenarios():
            print(f"{name:<18}{pns.load_scenario(name).title}")
        return 0
    if arguments.scenario is None:
        raise CommandError(
            f"name a scenario ({', '.join(shipped_scenarios())}, or a TOML file), or give --list; a first one for a"
            f" protocol of your own: pnstrial scenario --protocol {arguments.protocol}"
        )
    if arguments.one:
        return _one_trial(arguments)
    protocol, scenario = pns.load_protocol(arguments.protocol), pns.load_scenario(arguments.scenario)
    inputs = [arguments.protocol, arguments.scenario]
    if arguments.out:
        output_folder(arguments.out, names=_RESULTS, inputs=inputs)
    settings = settings_given(arguments)
    idle: dict[str, str] = {}
    if settings:
        changes = {name: [value] for name, value in settings.items()}
        idle = say_what_is_idle(protocol, scenario, changes, ("probability_of_success",))
        protocol, scenario = pns.what_if(protocol, scenario, settings, rated=arguments.rated)
    answers = pns.exact_characteristics(protocol, scenario)
    floor = pns.simulate.rating_floor(protocol, scenario)
    if not isinstance(floor.floor, pns.NotEstimable):
        print(
            f"{scenario.id}: rating error alone would report a response of {floor.floor:.4f}; reported is"
            f" {floor.reported:.4f}, a gap of {floor.gap:.4f}",
            file=sys.stderr,
        )
    if arguments.exact:
        frame = _with_floor(answers.to_frame(), floor)
        if arguments.out:
            with whole_folder(arguments.out, names=_RESULTS, inputs=inputs) as where:
                _write_exact(where, frame, answers, protocol, str(scenario.id), idle)
        _show(frame[["quantity", "estimate"]], arguments, str(scenario.id))
        _say_path("exact: no trial is simulated", answers)
        return 0
    folder = Path(arguments.out) if arguments.out else None
    if folder is not None:
        folder.mkdir(exist_ok=True)
    with _executor(arguments) as executor:
        result = pns.simulate_trials(
            protocol, scenario, arguments.trials, arguments.seed, executor=executor, workers=arguments.workers,
            store=folder / "blocks.sqlite" if folder else None, progress=not arguments.quiet,
            quantities="primary" if arguments.primary else "all",
        )  # fmt: skip
    frame = result.to_frame()
    frame["exact"] = frame["quantity"].map(answers.answers)
    frame = _with_floor(frame, floor)
    if folder is not None:
        from pnstrial.reporting.simulation import simulation_page

        page = simulation_page(
            protocol, scenario, result, answers, _repeat(arguments, scenario), floor, idle, arguments.scenario
        )
        with whole_folder(folder, names=_RESULTS, inputs=inputs) as where:
            _write(where, frame, result, answers, idle)
            write_file(where / "report.html", page)
    rows = frame[~frame["quantity"].str.startswith("responders_")]
    _say_path(f"simulated ({result.method}); an exact answer stands beside it where there is one", answers)
    _show(
        rows,
        arguments,
        f"{scenario.id}: {result.n_trials:,} trials, success from {result.critical_count} responders",
    )
    return 0


def _one_trial(arguments: argparse.Namespace) -> int:
    """Draw one trial: show its primary result, and write its tables where a folder is named."""
    import pnstrial as pns

    protocol, scenario = pns.load_protocol(arguments.protocol), pns.load_scenario(arguments.scenario)
    protocol, scenario = pns.what_if(protocol, scenario, settings_given(arguments), rated=arguments.rated)
    trial = pns.simulate_trial(protocol, scenario, seed=arguments.seed)
    if arguments.out:
        pns.data.write_trial(trial, arguments.out, protocol)
    primary = pns.analyse(trial, protocol).primary
    print(json.dumps(as_json(primary)) if arguments.json else primary)
    return 0


def _say_path(path: str, answers: Any) -> None:
    """Say how the numbers were found, what makes a success, and what has no exact answer for which reason."""
    print(f"path: {path}\nsuccess: {answers.rule}", file=sys.stderr)
    by_reason: dict[str, list[str]] = {}
    for name, reason in answers.without.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        print(f"{', '.join(names)}: no exact answer ({reason})", file=sys.stderr)


def _repeat(arguments: argparse.Namespace, scenario: Scenario) -> str:
    """Give the command that repeats a simulation; workers and place change no number."""
    words = [
        "pnstrial",
        "simulate",
        Path(arguments.scenario).name,
        "--protocol",
        Path(arguments.protocol).name,
    ]
    words += ["--trials", str(arguments.trials), "--seed", str(arguments.seed)]
    words += ["--primary"] if arguments.primary else []
    words += changes_in_words(arguments)
    return shlex.join([*words, "--out", str(scenario.id)])


def _show(frame: pd.DataFrame, arguments: argparse.Namespace, title: str) -> None:
    if arguments.json:
        print(frame.to_json(orient="records"))
        return
    print(title)
    print(frame.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))


def _with_floor(frame: pd.DataFrame, floor: Any) -> pd.DataFrame:
    """Put what rating error alone reports behind the quantities; it is exact."""
    import pandas as pd

    rows: list[dict[str, object]] = [
        {
            "quantity": name,
            "estimate": value,
            "std_error": 0.0,
            "lower": value,
            "upper": value,
            "exact": value,
        }
        for name, value in (("response_by_rating_error_alone", floor.floor), ("response_over_it", floor.gap))
        if isinstance(value, float)
    ]
    return pd.concat([frame, pd.DataFrame(rows)[list(frame.columns)]], ignore_index=True) if rows else frame


def _write(folder: Path, frame: pd.DataFrame, result: Any, answers: Any, idle: dict[str, str]) -> None:
    """Write table, JSON and figures."""
    from pnstrial.figures.style import off_screen

    off_screen()
    from pnstrial.figures.simulation import responder_distribution

    frame.to_csv(folder / "characteristics.csv", index=False)
    content = {
        "scenario": result.scenario, "n_trials": result.n_trials, "n": result.n,
        "critical_count": result.critical_count, "rule": result.rule, "method": result.method,
        "protocol": result.provenance.protocol_id,
        "protocol_version": result.provenance.protocol_version, "seed": result.provenance.seed,
        "package_version": result.provenance.package_version, "not_estimable": result.not_estimable,
        "without_exact_answer": answers.without, "settings_without_effect": idle,
        "quantities": json.loads(frame.to_json(orient="records")),
    }  # fmt: skip
    (folder / "characteristics.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    figure = responder_distribution(result, answers).get_figure()
    if figure is not None:
        figure.savefig(folder / "responders.png", dpi=150)  # type: ignore[union-attr]


def _write_exact(
    folder: Path, frame: pd.DataFrame, answers: Any, protocol: Any, scenario: str, idle: dict[str, str]
) -> None:
    """Write the quantities that have an exact answer."""
    from pnstrial import __version__

    frame.to_csv(folder / "characteristics.csv", index=False)
    content = {
        "scenario": scenario, "method": "exact", "rule": answers.rule, "protocol": protocol.id,
        "protocol_version": protocol.version, "package_version": __version__,
        "without_exact_answer": answers.without, "settings_without_effect": idle,
        "quantities": json.loads(frame.to_json(orient="records")),
    }  # fmt: skip
    (folder / "characteristics.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def _named_apart(names: list[str]) -> list[Scenario]:
    """Load scenarios; those with one id between them are called by their files."""
    import pnstrial as pns

    loaded = [pns.load_scenario(name) for name in names]
    ids = [scenario.id for scenario in loaded]
    files = [Path(name).name for name in names]
    apart = names if len(set(files)) < len(files) else files
    return [
        scenario.model_copy(update={"id": name}) if ids.count(scenario.id) > 1 else scenario
        for scenario, name in zip(loaded, apart, strict=True)
    ]


def _compare(arguments: argparse.Namespace) -> int:
    import pnstrial as pns
    from pnstrial.engine.characteristics import check_quantities
    from pnstrial.engine.model import build_model
    from pnstrial.writing import output_folder, whole_folder, write_file

    names = (
        "n", "window_days", "improvement_points", "rating", "death", "rescue", "stopped", "missing",
        "screened_per_month", "null",
    )  # fmt: skip
    grid = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
    grid |= {name: given for name in ("response", "deaths", "late") if (given := getattr(arguments, name))}
    settings = lists_given(arguments.set)
    check_rated(arguments)
    inputs = [arguments.protocol, *arguments.scenarios]
    if arguments.out:
        output_folder(arguments.out, names=_COMPARISON, inputs=inputs)
    protocol, scenarios = pns.load_protocol(arguments.protocol), _named_apart(arguments.scenarios)
    changes = {**grid, **settings}
    idle: dict[str, str] = {}
    for scenario in scenarios:
        check_quantities(arguments.quantity, build_model(protocol, scenario))
        idle |= say_what_is_idle(protocol, scenario, changes, arguments.quantity)
    with _executor(arguments) as executor:
        frame = pns.compare_scenarios(
            protocol, scenarios,
            arguments.trials, arguments.seed, **grid, settings=settings, rated=arguments.rated,
            method="exact" if arguments.exact else "simulate", executor=executor, workers=arguments.workers,
            store=arguments.store, progress=not arguments.quiet,
        )  # fmt: skip
    if without := sorted(set(arguments.quantity) - set(frame["quantity"])):
        raise CommandError(
            f"{', '.join(without)} has no value here; there are {', '.join(frame['quantity'].unique())}"
        )
    if arguments.out:
        from pnstrial.reporting.simulation import comparison_page

        words = ["pnstrial", "compare", *(Path(name).name for name in arguments.scenarios)]
        words += changes_in_words(arguments)
        for name, values in grid.items():
            if name in {"response", "deaths", "late"}:
                continue
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
        words += (
            ["--exact"]
            if arguments.exact
            else ["--trials", str(arguments.trials), "--seed", str(arguments.seed)]
        )
        content = comparison_page(
            protocol, frame, [*grid, *settings], arguments.quantity,
            n_trials=None if arguments.exact else arguments.trials, seed=None if arguments.exact else arguments.seed,
            command=shlex.join([*words, "--out", "comparison"]), idle=idle,
        )  # fmt: skip
        with whole_folder(arguments.out, names=_COMPARISON, inputs=inputs) as folder:
            frame.to_csv(folder / "comparison.csv", index=False)
            write_file(folder / "report.html", content)
            if len(grid) + len(settings) == 2 and len(arguments.scenarios) == 1:
                from pnstrial.figures.style import off_screen

                off_screen()
                from pnstrial.figures.simulation import heat_map

                x, y = [*grid, *settings]
                figure = heat_map(frame, x, y, arguments.quantity[0]).get_figure()
                if figure is not None:
                    figure.savefig(folder / "heat-map.png", dpi=150)  # type: ignore[union-attr]
    _show(frame[frame["quantity"].isin(arguments.quantity)], arguments, "comparison")
    return 0

"""Does this installation compute what it should, on this machine?

Input: nothing; what is expected is shipped in ``expected/``.
Output: `Qualification`: versions and hashes, every case with what was expected and what was found; its two files.
Protocol section: all (the example trial under both shipped protocols).
Method: R's numbers by their calls; the example trial as a second programming of the rules derived it; a fixed
simulation. Counts must be identical, other numbers agree to the tolerance of their case.
Next: `tracing`.
"""

from __future__ import annotations

import html
import json
import math
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import pandas as pd

from pnstrial import __version__
from pnstrial.results import Display, Result
from pnstrial.writing import digest, package_digest, whole_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    Group = Literal["R", "example", "simulation"]

__all__ = ["Case", "Qualification", "qualify", "reference_cases", "simulated_numbers"]

_EXPECTED: Final = Path(__file__).parent / "expected"
_PROTOCOLS: Final = {"publication": "nct02343211", "registry": "nct02343211-registry"}
_LIBRARIES: Final = (
    "numpy", "pandas", "scipy", "pydantic", "numba", "llvmlite", "formulaic", "matplotlib", "openpyxl", "pyarrow",
    "jsonschema", "pyreadstat", "tomli-w", "statsmodels", "lifelines",
)  # fmt: skip
_TRIALS: Final = 10
_HALF_YEAR: Final = 182.625


@dataclass(frozen=True)
class Case:
    """One number, or several, that must come out.

    Attributes
    ----------
    group : str
        ``R``, ``example`` or ``simulation``.
    name : str
        Our call, or the value's place.
    origin : str
        R's call with the version of its package, or where else the expectation is from.
    expected, found : str
        As text; for an error its sentence.
    tolerance : float
        0 where both must be identical; else of the difference, relative beyond 1.
    passed : bool
    """

    group: str
    name: str
    origin: str
    expected: str
    found: str
    tolerance: float
    passed: bool


@dataclass(frozen=True)
class Qualification(Result):
    """Whether an installation computes what it should.

    Attributes
    ----------
    cases : tuple of Case
    installed : dict of str to (version, sha256)
        The package (its files), Python, and each dependency (the list of its files with their hashes); an absent one
        is said to be absent.
    """

    cases: tuple[Case, ...] = field(repr=False)
    installed: dict[str, tuple[str, str]] = field(repr=False)

    @property
    def failed(self) -> tuple[Case, ...]:
        """The cases that did not come out."""
        return tuple(case for case in self.cases if not case.passed)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per case.

        Returns
        -------
        pandas.DataFrame
        """
        return pd.DataFrame([vars(case) for case in self.cases])

    def to_dict(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it.

        Returns
        -------
        dict
        """
        return {
            "passed": not self.failed,
            "n": len(self.cases),
            "failed": [vars(case) for case in self.failed],
            "installed": {
                name: {"version": version, "sha256": sha} for name, (version, sha) in self.installed.items()
            },
            "cases": [vars(case) for case in self.cases],
        }

    def _display(self) -> Display:
        counts = self.to_frame().groupby("group", sort=False)["passed"].agg(["sum", "size"])
        pairs = tuple(
            (_GROUPS[str(group)], f"{good} of {n}")
            for group, good, n in zip(counts.index, counts["sum"], counts["size"], strict=True)
        )
        failed = tuple(f"FAILED {x.name}: expected {x.expected}, found {x.found}" for x in self.failed)
        verdict = f"{len(self.failed)} cases failed" if failed else "every case passed"
        return Display(f"pnstrial {__version__} on this machine: {verdict}", pairs, notes=failed)


_GROUPS: Final = {
    "R": "numbers of R and of published software",
    "example": "the example trial, as a second programming derived it",
    "simulation": "the fixed simulation",
}


# --------------------------------------------------------------------------------------------- installation
def _installed() -> dict[str, tuple[str, str]]:
    found = {
        "pnstrial": (__version__, package_digest()),
        "Python": (f"{platform.python_version()} on {platform.system()} {platform.machine()}", ""),
    }
    for name in _LIBRARIES:
        try:
            library = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            found[name] = ("not installed", "")
            continue
        record = library.read_text("RECORD") or ""
        found[name] = (library.version, digest(record.encode()) if record else "")
    return found


# --------------------------------------------------------------------------------------------- comparison
def _numbers(value: Any) -> list[float]:
    return [float(x) for x in np.ravel(np.asarray(value, dtype=float))]


def _same(found: list[float], expected: list[float], tolerance: float) -> bool:
    return len(found) == len(expected) and all(
        a == b or abs(a - b) <= tolerance * max(1.0, abs(b)) for a, b in zip(found, expected, strict=True)
    )


def _text(values: list[float]) -> str:
    digits = [f"{x:.12g}" for x in values[:6]]
    return ", ".join(digits) + (f", ... ({len(values)} numbers)" if len(values) > 6 else "")


def reference_cases() -> dict[str, Any]:
    """Give R's numbers: the data, and each call of R with ours beside it.

    Returns
    -------
    dict
        ``data`` (names both languages know), ``made`` (what each language makes of them, by name) and ``cases``:
        subject, package, version, r, call, value, tolerance; and source, where the number is of a package
        that is compared elsewhere.

    Examples
    --------
    >>> case = reference_cases()["cases"][0]
    >>> case["r"], case["call"]
    ("binom.test(3, 18, 0.1, alternative = 'greater')$p.value", 'design.proportion(3, 18, null=0.1).p_value')
    """
    return json.loads((_EXPECTED / "from-r.json").read_text("utf-8"))


def _stopped(
    group: str, name: str, origin: str, problem: Exception, expected: str = "runs", tolerance: float = 0.0
) -> Case:
    """Give the failed case of something that stopped."""
    text = f"{type(problem).__name__}: {problem}"
    return Case(group, name, origin, expected, text, tolerance, passed=False)


def _from_r() -> Iterator[Case]:
    import pnstrial as pns

    given = reference_cases()
    rooms = ("design", "endpoints", "multistate", "shift", "survival", "visits")
    names: dict[str, Any] = {
        "pns": pns,
        "pd": pd,
        **{room: getattr(pns, room) for room in rooms},
        **given["data"],
    }
    for name, text in given["made"]["python"].items():
        try:
            names[name] = eval(text, names)  # noqa: S307 as below
        except Exception as problem:  # noqa: BLE001 as below
            yield _stopped("R", f"{name} = {text}", "data of the cases below", problem)
    for case in given["cases"]:
        expected, tolerance = _numbers(case["value"]), float(case["tolerance"])
        origin = f"{case['r']} ({case['version']})"
        try:
            # the calls are the package's own data, shown to the reader as they are run
            found = _numbers(eval(case["call"], names))  # noqa: S307
        except Exception as problem:  # noqa: BLE001 whatever goes wrong is the finding of this case
            yield _stopped("R", case["call"], origin, problem, _text(expected), tolerance)
            continue
        passed = _same(found, expected, tolerance)
        yield Case("R", case["call"], origin, _text(expected), _text(found), tolerance, passed)


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, part in cast("dict[str, Any]", value).items():
            yield from _leaves(part, f"{place}/{key}")
    elif isinstance(value, list) and value:
        parts = cast("list[Any]", value)
        if place.startswith("/sets/"):
            parts = sorted(parts)
        for at, part in enumerate(parts):
            yield from _leaves(part, f"{place}[{at}]")
    elif place.endswith("deviation"):  # the sentence is ours; that there is one is derived
        yield place, value is not None
    else:
        yield place, value


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=1e-7, abs_tol=1e-8)  # eight digits are shipped
    return found == expected


def _differing(got: dict[str, Any], expected: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    ours, theirs = dict(_leaves(got)), dict(_leaves(expected))
    absent = "nothing"
    return [
        (place, theirs.get(place, absent), ours.get(place, absent))
        for place in sorted(ours.keys() | theirs.keys())
        if not _equal(ours.get(place, absent), theirs.get(place, absent))
    ]


def _example() -> Iterator[Case]:
    """Derive the example trial: a case for each part under each protocol and estimand."""
    from pnstrial.analysis import analyse
    from pnstrial.data import example_trial
    from pnstrial.protocol import load_protocol

    trial = example_trial()
    for name, protocol_id in _PROTOCOLS.items():
        expected = json.loads((_EXPECTED / f"expected-{name}.json").read_text("utf-8"))
        protocol, null = load_protocol(protocol_id), expected["p_value_null"]
        got = analyse(trial, protocol, null=null).to_json_object()
        parts = [
            (part, got[part], expected[part]) for part in expected if part in got and part != "estimands"
        ]
        for key, primary in expected["estimands"].items():
            visit, strategy = key.split(" | ")
            estimand = None if strategy == "default" else dict([strategy.split("=")])
            other = analyse(trial, protocol, estimand=estimand, visit=visit, null=null).to_json_object()
            parts.append((f"estimand {key}", other["primary"], primary))
        for part, ours, theirs in parts:
            wrong = _differing({part: ours}, {part: theirs})
            n = len(list(_leaves({part: theirs})))
            first = f"{wrong[0][0]} = {wrong[0][1]!r}" if wrong else f"{n} values"
            found = f"{wrong[0][2]!r} (and {len(wrong) - 1} other values)" if wrong else f"{n} values"
            yield Case(
                "example",
                f"{protocol_id}: {part}",
                "second programming",
                first,
                found,
                1e-7,
                passed=not wrong,
            )


def simulated_numbers(trials: int = _TRIALS) -> dict[str, list[float]]:
    """Simulate fixed trials and count.

    Parameters
    ----------
    trials : int
        Seeds 1 to `trials` of scenario ``anti-hu`` under the publication's protocol.

    Returns
    -------
    dict of str to list of float
        Counts by trial: responders, analysed, deaths, ratings, infusions; and numbers: grams given, the upper limit of
        the response, survival at half a year.
    """
    from pnstrial.endpoints import primary_endpoint
    from pnstrial.protocol import load_protocol
    from pnstrial.simulate import load_scenario, simulate_trial
    from pnstrial.survival import overall_survival

    protocol, scenario = load_protocol("nct02343211"), load_scenario("anti-hu")
    numbers: dict[str, list[float]] = {
        name: []
        for name in (
            "responders",
            "analysed",
            "deaths",
            "ratings",
            "infusions",
            "grams",
            "upper limit",
            "survival",
        )
    }
    for seed in range(1, trials + 1):
        trial = simulate_trial(protocol, scenario, seed=seed)
        response, survival = primary_endpoint(trial, protocol), overall_survival(trial, protocol)
        row: tuple[Any, ...] = (
            response.responders,
            response.n,
            survival.events,
            len(trial.mrs),
            len(trial.infusions),
            trial.infusions["dose_g"].sum(),
            cast("tuple[float, float]", response.ci)[1],
            cast("Any", survival.curve).at([_HALF_YEAR])["survival"].iloc[0],
        )
        for name, value in zip(numbers, row, strict=True):
            numbers[name].append(float(value))
    return numbers


def _simulation() -> Iterator[Case]:
    expected: dict[str, list[float]] = json.loads((_EXPECTED / "simulation.json").read_text("utf-8"))
    origin = f"simulate_trial('nct02343211', 'anti-hu', seed=1 to {_TRIALS})"
    found = simulated_numbers()
    for name, values in expected.items():
        tolerance = 1e-9 if name in {"grams", "upper limit", "survival"} else 0.0
        passed = _same(found[name], values, tolerance)
        yield Case("simulation", name, origin, _text(values), _text(found[name]), tolerance, passed)


def _cases() -> Iterator[Case]:
    """Compute every case; what stops a group is a failed case of its own, and the other groups go on."""
    for group, compute in {"R": _from_r, "example": _example, "simulation": _simulation}.items():
        try:
            yield from compute()
        except Exception as problem:  # noqa: BLE001 whatever goes wrong is the finding
            yield _stopped(group, f"{_GROUPS[group]}, to the last case", "", problem)


# --------------------------------------------------------------------------------------------- the door
def qualify(folder: str | Path | None = None) -> Qualification:
    """Compute every shipped case on this machine.

    Parameters
    ----------
    folder : str or Path, optional
        Gets ``qualification.html`` and ``qualification.json`` for a validation file, also when a case fails (the file
        then says so); what an earlier run wrote there is replaced.

    Returns
    -------
    Qualification
        Its `failed` is empty where all is well.

    Raises
    ------
    pnstrial.writing.OutputError
        A `ValueError`: the folder would lose a file.

    Examples
    --------
    >>> print(qualify())  # doctest: +SKIP
    """
    if folder is None:
        return Qualification(tuple(_cases()), _installed())
    # the place is made first: nothing is computed for a folder that cannot be written
    with whole_folder(folder, names=["qualification.html", "qualification.json"]) as place:
        result = Qualification(tuple(_cases()), _installed())
        write_file(place / "qualification.html", _page(result))
        write_file(place / "qualification.json", json.dumps(result.to_dict(), indent=1) + "\n")
    return result


def _rows(rows: list[tuple[str, ...]], head: tuple[str, ...]) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _page(result: Qualification) -> str:
    """Write the result as one page that needs nothing else."""
    failed = result.failed
    verdict = (
        f"{len(failed)} of {len(result.cases)} cases failed"
        if failed
        else f"All {len(result.cases)} cases passed"
    )
    parts = [f"<p><strong>{verdict}.</strong></p>", "<h2>Installation</h2>"]
    installed = [(name, version, sha) for name, (version, sha) in result.installed.items()]
    parts.append(
        _rows(installed, ("what", "version", "SHA-256 (own files; for a library its list of files)"))
    )
    head = ("case", "expected by", "expected", "found", "tolerance", "result")
    for group, title in _GROUPS.items():
        rows = [
            (x.name, x.origin, x.expected, x.found, f"{x.tolerance:g}", "passed" if x.passed else "FAILED")
            for x in sorted(result.cases, key=lambda x: x.passed)
            if x.group == group
        ]
        parts += [f"<h2>{title[0].upper()}{title[1:]}</h2>", _rows(rows, head)]
    style = (
        "body{font:14px/1.4 sans-serif;margin:2em auto;max-width:70em}table{border-collapse:collapse;width:100%}"
        "td,th{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Qualification of pnstrial {__version__}</title><style>{style}</style></head>"
        f"<body><h1>Qualification of pnstrial {__version__}</h1>{''.join(parts)}</body></html>\n"
    )

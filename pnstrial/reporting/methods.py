"""How were the numbers made, and of what?

Input: a `Material`.
Output: section 16.1.9: methods in words, settings that no source states, what ran.
Protocol section: all; every assumed setting is listed.
Method: the text names the rule as the code has it; the libraries are those that reckon or draw here.
Next: `reporting.checklist`.
"""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import pandas as pd

from pnstrial import __version__
from pnstrial.reporting.items import Place, Section, Table, percent
from pnstrial.writing import digest, package_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pnstrial.protocol import Design, Protocol
    from pnstrial.reporting.material import Material
    from pnstrial.vocabulary import Scale

__all__ = ["LIBRARIES", "death_in_words", "methods", "provenance_rows"]

LIBRARIES: Final = {
    "numpy": "arithmetic",
    "scipy": "distributions",
    "pandas": "tables",
    "pydantic": "protocol checked",
    "matplotlib": "figures",
}
"""What takes part in every report, and for what."""


def provenance_rows(protocol: Protocol, command: str | None) -> list[tuple[str, str]]:
    """Name the protocol, the program, the libraries that ran, and the command.

    Returns
    -------
    list of tuple
        What, value.
    """
    rows = [
        ("Protocol", f"{protocol.id}, version {protocol.version}"),
        ("SHA-256 of the protocol, written out whole", digest(protocol.to_toml().encode())),
        ("pnstrial", __version__),
        ("SHA-256 of pnstrial's own files", package_digest()),
        ("Python", platform.python_version()),
    ]
    rows += [(f"{name} ({task})", version(name)) for name, task in LIBRARIES.items()]
    return [*rows, ("Command", command or "called from a script")]


def methods(material: Material) -> Section:
    """Give the section on methods and provenance."""
    protocol = material.protocol
    rows = [
        *([("Data cut", f"{material.data_cut:%Y-%m-%d}")] if material.data_cut else []),
        *provenance_rows(protocol, material.command),
        ("Seed", "none: nothing here is simulated or resampled"),
        *((f"Text of the tables: {name}", value) for name, value in material.trial.written.declared.items()),
        *((f"SHA-256 of {file}", digest) for file, digest in sorted(material.trial.files.items())),
    ]
    return Section(
        "methods", "16.1.9", "Statistical methods and provenance",
        (
            Place("assumed", Table, lambda: Table(
                "Settings that no source states (assumed)", "", pd.DataFrame(protocol.assumed,
                columns=["Setting", "Value"]),
                "", "", "", "Every setting has a source.",
            ), short=True),
            Place("provenance", Table, lambda: Table(
                "Provenance", "", pd.DataFrame(rows, columns=["What", "Value"]), "", "",
            ), short=True),
        ),
        tuple(_words(material)),
    )  # fmt: skip


def _words(material: Material) -> Iterator[str]:
    """Tell the methods, a paragraph each."""
    protocol = material.protocol
    windows = "; ".join(f"{visit.name}: {visit.days_in_words()}" for visit in protocol.visits)
    ways = "; ".join(f"{event}: {way}" for event, way in protocol.estimand.strategies().items())
    yield f"Response is {_response_in_words(protocol)}. Estimand: {ways}."
    yield (
        f"Day 1 is the first infusion; there is no day 0. Windows: {windows}. In a window the rating nearest the "
        f"target counts, the later of two equally near; {_raters_in_words(protocol)}. "
        f"{death_in_words(protocol.scale())}"
    )
    if protocol.decision is not None:
        yield f"Decision at {protocol.decision.visit}: {protocol.decision_in_words()}."
    design = protocol.design
    if design is not None:
        yield _design_in_words(protocol, design)
    proportions = "Clopper-Pearson interval, exact one-sided binomial test"
    if design is not None and design.two_stage:
        proportions += "; of the primary endpoint the stagewise interval and test of the planned two stages"
    yield (
        f"Proportions: {proportions}. Survival: Kaplan-Meier with beta "
        "product interval; competing events: Aalen-Johansen. Paired tests are exact, with ties and zeros."
    )


def _raters_in_words(protocol: Protocol) -> str:
    """Say which of several ratings of a date counts."""
    first, later = ("lowest", "highest") if protocol.scale().better == "lower" else ("highest", "lowest")
    several = "raters" if protocol.scale().table == "mrs" else "scores on a date"
    own = "" if protocol.primary_rater is None else f"that of {protocol.primary_rater} if there, else "
    return f"of several {several} {own}the {first} at baseline, the {later} after it"


def _response_in_words(protocol: Protocol) -> str:
    """Say what a response is: a change by points, or several parts."""
    end, scale = protocol.endpoint, protocol.scale()
    if end.joined:
        return protocol.improvement_in_words()
    points = end.improvement_points
    meaning = "at least one point" if points == 1 else f"at least {points:g} points"
    percent = "" if end.improvement_percent is None else f" and {end.improvement_percent} %"
    move = "fall" if scale.better == "lower" else "rise"
    return f"a {move} of the {scale.name} by {meaning}{percent} from baseline"


def death_in_words(scale: Scale) -> str:
    """Say how a death is scored."""
    if scale.death == "worst grade":
        return f"Death is {scale.name} {scale.dead_score:g}."
    return "Death is worse than every grade."


def _design_in_words(protocol: Protocol, design: Design) -> str:
    """Say what was planned, so that the test of the report can be held against it."""
    parts = [f"Planned: {design.n} patients"]
    if design.two_stage:
        parts.append(
            f"{design.first_stage_n} in a first stage, after which the trial stops with "
            f"{design.first_stage_stop_at} responders or fewer"
        )
    null = protocol.endpoint.null_proportion
    if null is not None:
        parts.append(f"null proportion {percent(null)}")
    if design.alpha is not None:
        parts.append(f"one-sided level {percent(design.alpha)}")
    if design.power is not None and design.alternative is not None:
        parts.append(f"power {percent(design.power)} under a response rate of {percent(design.alternative)}")
    if design.reject_at is not None:
        parts.append(f"the null is rejected with {design.reject_at} responders or more")
    return "; ".join(parts) + (
        "." if null is not None else "; no null proportion is stated, so nothing is tested."
    )

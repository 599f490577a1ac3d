"""What does a simulated design do, told to the people who decide on it?

Input: a protocol, a scenario, its `OperatingCharacteristics` and exact answers; or the frame of `compare_scenarios`.
Output: one self-contained HTML page.
Protocol section: endpoint, decision, visits.
Method: the same items and the same page as the report of a trial; exact answers stand beside the simulated ones.
Next: `cli.simulate`.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial import __version__
from pnstrial.engine.exact.answers import exact_characteristics, true_response
from pnstrial.engine.exact.chain import Chain
from pnstrial.engine.model import build_model
from pnstrial.engine.plan import plan_of
from pnstrial.engine.scenario import load_scenario, scenario_remarks
from pnstrial.figures.simulation import accrual, course, heat_map, power_exact, responder_distribution
from pnstrial.numerics.roots import cross
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.reporting.files import draw
from pnstrial.reporting.items import DASH, Document, Figure, Place, Section, Table, measure, numbered, percent
from pnstrial.reporting.methods import provenance_rows
from pnstrial.reporting.page import page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pnstrial.engine.characteristics import ExactCharacteristics, OperatingCharacteristics
    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol
    from pnstrial.simulate import RatingFloor

__all__ = ["comparison_page", "simulation_page"]

NAMED_RATE: Final = 0.20
"""True share of improved patients that the sentence on the first lines supposes."""

FACTORS: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Multiples of the rates to improve at which the curve of power is drawn."""

GROUPS: Final = (
    (
        "The trial",
        (
            ("probability_of_success", "%", "trials that end in success"),
            ("coverage", "%", "trials whose interval holds the true response rate"),
            ("stopped_at_first_stage", "%", "trials that stop after a first stage"),
            ("power_signed_rank", "%", "trials in which the signed-rank test finds an improvement"),
            ("signed_rank_worse", "%", "trials in which the signed-rank test finds a deterioration"),
            ("power_sign_test", "%", "trials in which the sign test finds an improvement"),
            ("power_logrank", "%", "trials in which survival is better than the null"),
            ("responders", "patients", "responders in a trial"),
            ("enrolled", "patients", "patients enrolled in a trial"),
            ("screened", "patients", "patients screened in a trial"),
            ("enrolment_months", "months", "from the first to the last patient"),
            ("duration_months", "months", "from the first patient to the last follow-up"),
        ),
    ),
    (
        "The primary endpoint",
        (
            ("true_response", "%", "patients who are truly improved on the endpoint's day"),
            ("reported_response", "%", "patients whom the trial counts as responders"),
            ("bias", "points", "reported less true, in percentage points"),
            ("evaluable", "%", "patients with a value, death included"),
            ("improved", "%", "patients rated improved"),
            ("stable", "%", "patients rated stable"),
            ("deteriorated", "%", "patients rated worse, or dead"),
            ("dead", "%", "patients dead by then"),
            ("missing", "%", "patients without a value"),
            ("per_protocol", "%", "patients per protocol"),
            ("per_protocol_response", "%", "of those per protocol: responders"),
            ("secondary_response", "%", "responders at the secondary visit"),
            ("secondary_dead", "%", "patients dead by the secondary visit"),
            ("secondary_missing", "%", "patients without a value at the secondary visit"),
        ),
    ),
    (
        "The interim decision",
        (
            ("decision_continue", "%", "patients who continue"),
            ("decision_discontinue", "%", "patients who stop"),
            ("decision_dead", "%", "patients dead before it"),
            ("decision_not_evaluable", "%", "patients on whom nothing can be decided"),
            ("wrong_stop_rate", "%", "of the truly stable or improved: stopped"),
            ("wrong_continue_rate", "%", "of the truly deteriorated: continued"),
        ),
    ),
    (
        "Treatment and safety",
        (
            ("cycles_per_patient", "cycles", "cycles of {drug} given to a patient"),
            ("grams_per_patient", "g", "{drug} of a patient"),
            ("grams_per_trial", "g", "{drug} of a trial"),
            ("adverse_events_per_patient", "events", "adverse events of a patient"),
            ("thromboses_per_patient", "events", "thromboses of a patient"),
            ("haemolyses_per_patient", "events", "haemolyses of a patient"),
            ("days_independent", "days", "in the grades of independence, up to the last visit"),
            ("days_to_deterioration", "days", "to the first worse grade or death, up to the last visit"),
            ("stopped_for_adverse_event", "%", "patients who stop for an adverse event"),
            ("rescued", "%", "patients with rescue immunotherapy"),
            ("dropped_out", "%", "patients who leave the trial"),
            ("deaths", "patients", "patients who die in a trial"),
        ),
    ),
)
"""Quantities by what they are about: name, unit, meaning."""

_MEANINGS: Final = {name: (unit, words) for _, rows in GROUPS for name, unit, words in rows}


def _value(value: Any, unit: str) -> str:
    if not isinstance(value, int | float) or not np.isfinite(value):
        return DASH
    return percent(value) if unit == "%" else _count(value, unit)


def _count(value: float, unit: str) -> str:
    if unit == "points":
        return f"{100 * value:.1f}"
    return f"{value:,.0f}" if value >= 1000 else measure(value)


def _limits(low: float, high: float, unit: str) -> str:
    return f"{_value(low, unit).removesuffix(' %')} to {_value(high, unit)}"


def _characteristics(
    result: OperatingCharacteristics, exact: ExactCharacteristics, medicine: str
) -> tuple[Place, ...]:
    found = {q.quantity: q for q in result.quantities}
    places: list[Place] = []
    for title, quantities in GROUPS:
        rows: list[tuple[str, ...]] = []
        for name, unit, words in quantities:
            if name not in found or _value(found[name].estimate, unit) == DASH:
                continue
            q = found[name]
            low, high = q.interval if isinstance(q.interval, tuple) else (np.nan, np.nan)
            limits = _limits(low, high, unit)
            rows.append(
                (
                    words.format(drug=medicine), "% of trials" if unit == "%" and words.startswith("trials") else unit,
                    _value(q.estimate, unit), DASH if np.isnan(low) else limits, _value(exact.answers.get(name), unit),
                )
            )  # fmt: skip
        heads = ["Quantity", "Unit", "Simulated", "95 % Monte Carlo interval", "Exact"]
        table = Table(title, "", pd.DataFrame(rows, columns=heads), "", "")
        if rows:
            places.append(Place(title.lower().replace(" ", "-"), Table, lambda table=table: table))
    return tuple(places)


def _curve(protocol: Protocol, scenario: Scenario) -> pd.DataFrame:
    """Give the exact probability of success over multiples of the rates to improve."""
    rows: list[tuple[float, float, float]] = []
    for factor in FACTORS:
        exact = _exact_at(protocol, scenario, factor)
        rows.append((factor, exact["true_response"], exact.get("probability_of_success", np.nan)))
    return pd.DataFrame(rows, columns=["factor", "true_response", "success"])


def _exact_at(protocol: Protocol, scenario: Scenario, factor: float) -> dict[str, float]:
    changed = scenario.model_copy(update={"course": scenario.course.scaled(improve=factor)})
    return exact_characteristics(protocol, changed).answers


def _success_at(protocol: Protocol, scenario: Scenario, curve: pd.DataFrame, rate: float) -> float | None:
    """Find the probability of success where a share `rate` of the patients truly improves; None if it cannot be."""
    if (
        curve["success"].isna().any()
        or not curve["true_response"].iloc[0] < rate < curve["true_response"].iloc[-1]
    ):
        return None

    def improved(factor: float) -> float:
        changed = scenario.model_copy(update={"course": scenario.course.scaled(improve=factor)})
        return true_response(build_model(protocol, changed))

    return _exact_at(protocol, scenario, cross(improved, rate, 0.0, FACTORS[-1]))["probability_of_success"]


def _of_hundred(share: float) -> str:
    count = 100 * share
    if count < 0.5:
        return "fewer than 1 of 100"
    return "more than 99 of 100" if count > 99.5 else f"{count:.0f} of 100"


def _occupancy(protocol: Protocol, scenario: Scenario) -> tuple[list[float], dict[str, np.ndarray[Any, Any]]]:
    """Give the true grades of the enrolled by month, with treatment and without; leavers count as they are."""
    model = build_model(protocol, scenario)
    enrolled = model.entry_codes[:, 0] == 0
    days = [month * DAYS_PER_MONTH for month in range(int(scenario.follow_up.months) + 1)]
    medicine = protocol.drugs[0].name if len(protocol.drugs) == 1 else "treatment"
    size = model.grades + 1
    found = {
        name: np.zeros((len(days), size)) for name in (f"while {medicine} goes on", f"without {medicine}")
    }
    total = model.entry_probabilities[enrolled].sum()
    for stratum in range(len(model.strata)):
        own = enrolled & (model.entry_codes[:, 1] == stratum)
        chain = Chain(model, [(stratum, 0)])
        start = np.zeros(chain.states.width)
        np.add.at(start, model.entry_codes[own, 2], model.entry_probabilities[own] / total)
        for arm, name in enumerate(found):
            for place, day in enumerate(days):
                found[name][place] += (start @ chain.between(arm, 0.0, day)[0]).reshape(-1, size).sum(axis=0)
    return days, found


CHANGED: Final = "changed by the command"
UNSAID: Final = "its source is not stated"
DEFAULT: Final = "assumed: the default of pnstrial"


def _settings(scenario: Scenario, origin: str | Path | None) -> pd.DataFrame:
    """List the settings of a scenario, one a row, with what the scenario file says of its source."""
    remarks = scenario_remarks(origin) if origin is not None else {}
    stated = dict(_rows_of(load_scenario(origin))) if origin is not None else {}

    def source(name: str, value: str) -> str:
        if origin is None:
            return UNSAID
        if stated.get(name) != value:
            return CHANGED
        key = re.sub(r"\[\d+\]", "", name)
        while key not in remarks and "." in key:
            key = key.rpartition(".")[0]
        return (remarks[key] or UNSAID) if key in remarks else DEFAULT

    rows = [(name, value, source(name, value)) for name, value in _rows_of(scenario)]
    return pd.DataFrame(rows, columns=["Setting", "Value", "Source"])


def _rows_of(scenario: Scenario) -> list[tuple[str, str]]:
    """Give the settings of a scenario by name, those that are not empty."""
    rows: list[tuple[str, str]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list | tuple) and any(isinstance(inner, dict) for inner in value):
            for place, inner in enumerate(value):
                walk(f"{name}[{place + 1}]", inner)
        elif value is not None and value not in ({}, [], ()):
            text = ", ".join(f"{inner}" for inner in value) if isinstance(value, list | tuple) else str(value)
            rows.append((name, text))

    walk("", scenario.model_dump(mode="json", exclude={"id", "title", "source", "fit"}))
    return rows


def _sentence(result: OperatingCharacteristics, exact: ExactCharacteristics, other: float | None) -> str:
    success = exact.answers.get("probability_of_success")
    if success is None:
        estimate = result["probability_of_success"].estimate
        success = estimate if isinstance(estimate, float) else float("nan")
    sentence = f"{_of_hundred(success)} such trials would succeed"
    if other is not None:
        sentence += f"; {_of_hundred(other)} would if {percent(NAMED_RATE, 0)} of the patients truly improved"
    sentence = sentence[0].upper() + sentence[1:] + "."
    needed = f"A trial succeeds with {result.critical_count} responders of {result.n} patients or more."
    if result.critical_count > result.n:
        needed = f"No number of responders among {result.n} patients would be a success."
    needed += f" Rule: {exact.rule}."
    return f"{sentence} {needed}"


def simulation_page(
    protocol: Protocol,
    scenario: Scenario,
    result: OperatingCharacteristics,
    exact: ExactCharacteristics,
    command: str | None = None,
    floor: RatingFloor | None = None,
    idle: Mapping[str, str] = MappingProxyType({}),
    origin: str | Path | None = None,
) -> str:
    """Write what a simulated design does as one HTML page.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    result : OperatingCharacteristics
    exact : ExactCharacteristics
    command : str, optional
        The command that repeats it.
    floor : RatingFloor, optional
        What rating error alone would report.
    idle : mapping of str to str
        Changed settings that do nothing here, each with the reason.
    origin : str or Path, optional
        The file of the scenario, whose remarks name the source of each setting.
    """
    followed = plan_of(protocol).drug.name
    medicine = followed if len(protocol.drugs) == 1 else "treatment"
    curve = _curve(protocol, scenario)
    days, grades = _occupancy(protocol, scenario)
    monthly = build_model(protocol, scenario).enrolled_share * scenario.enrolment.screened_per_month
    figures: list[Place] = [
        Place("responders", Figure, lambda: Figure(
            "Responders", "",
            "Bars: simulated trials by their number of responders, dark where they succeed; marks: the exact shares.",
            "Bars and marks; the success rule is a line.", lambda: responder_distribution(result, exact),
        )),
        *([] if curve["success"].isna().any() else [Place("power", Figure, lambda: Figure(
            "Probability of success by the true response", "",
            "The rates to improve of the scenario are multiplied; all else stays. The scenario itself is marked.",
            "One exact curve.", lambda: power_exact(curve),
        ))]),
        Place("occupancy", Figure, lambda: Figure(
            "True grades over time", "",
            "The course that the scenario supposes, of all enrolled patients, in months from day 1: while "
            f"{medicine} goes on, and without it.", "Two panels of stacked areas.",
            lambda: course(days, grades, scale=protocol.scale()),
        )),
        Place("accrual", Figure, lambda: Figure(
            "Accrual", "", "Middle and 95 % of the trials, exact: patients come as a Poisson process.",
            "A curve in a band.", lambda: accrual(result.n, monthly),
        )),
    ]  # fmt: skip
    reasons: dict[str, list[str]] = {}
    for name, why in exact.without.items():
        words = _MEANINGS[name][1].format(drug=followed) if name in _MEANINGS else name.replace("_", " ")
        reasons.setdefault(why, []).append(words)
    without = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    sections = [
        Section(
            "characteristics", "1", "Operating characteristics", _characteristics(result, exact, followed),
            (f"{result.n_trials:,} trials of {result.n} patients; method: {result.method}. Exact: worked out "
             "without simulation." + (f" Without an exact answer: {without}." if without else ""),),
        ),
        Section("figures", "2", "Figures", tuple(figures)),
        Section(
            "scenario", "3", "Scenario",
            (Place("settings", Table, lambda: Table(
                "Settings of the scenario", "", _settings(scenario, origin), "", "",
                "Source: what the scenario file says beside the setting, or beside the head of its section.",
            )),),
            (f"Source: {scenario.source}.", scenario.fit or "How the rates were found is not stated."),
        ),
        _provenance(protocol, "4", result.provenance.seed, command),
    ]  # fmt: skip
    return _page(
        f"Simulation: {scenario.title}",
        f"Scenario {scenario.id}, protocol {protocol.id}, version {protocol.version}.",
        (
            _sentence(result, exact, _success_at(protocol, scenario, curve, NAMED_RATE)),
            *_floor_in_words(floor),
            *_idle_in_words(idle),
        ),
        sections,
    )


def _floor_in_words(floor: RatingFloor | None) -> tuple[str, ...]:
    if floor is None or not isinstance(floor.floor, float) or not isinstance(floor.reported, float):
        return ()
    alone, reported = percent(floor.floor), percent(floor.reported)
    return (f"Rating error alone would report a response of {alone}; reported is {reported}.",)


def _idle_in_words(idle: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} was changed and does nothing here: {reason}." for name, reason in idle.items())


def _provenance(protocol: Protocol, number: str, seed: int | None, command: str | None) -> Section:
    rows = [
        *provenance_rows(protocol, command),
        ("numba (simulation)", version("numba")),
        ("Seed", "none: exact" if seed is None else str(seed)),
    ]
    footnotes = (f"To repeat it: {command}",) if command else ()
    table = Table("What made the numbers", "", pd.DataFrame(rows, columns=["What", "Value"]), "", "")
    place = Place("provenance", Table, lambda: table)
    return Section("provenance-section", number, "Provenance", (place,), footnotes)


def _page(title: str, subtitle: str, summary: tuple[str, ...], sections: Sequence[Section]) -> str:
    document = Document(
        title, subtitle, ("Simulated patients: nothing here was observed in a trial.",), summary, (),
        numbered(sections), f"pnstrial {__version__}. A dash: no such number.",
    )  # fmt: skip
    return page(document, draw(document).svg)


def _named_setting(name: str) -> str:
    return "Patients" if name == "n" else name.replace("_", " ").capitalize()


def comparison_page(
    protocol: Protocol, frame: pd.DataFrame, settings: Sequence[str], quantities: Sequence[str], *,
    n_trials: int | None, seed: int | None, command: str | None = None,
    idle: Mapping[str, str] = MappingProxyType({}),
) -> str:  # fmt: skip
    """Write a comparison over a grid of settings as one HTML page.

    Parameters
    ----------
    protocol : Protocol
    frame : pandas.DataFrame
        From `pnstrial.compare_scenarios`.
    settings : sequence of str
        Columns of the frame that were varied, besides the scenario.
    quantities : sequence of str
        Quantities to show.
    n_trials, seed : int or None
        None where the answers are exact.
    command : str, optional
        The command that repeats it.
    idle : mapping of str to str
        Settings that were varied and do nothing, each with the reason.
    """
    scenarios = list(dict.fromkeys(frame["scenario"]))
    varied = [*(["scenario"] if len(scenarios) > 1 else []), *settings]
    places: list[Place] = []
    for name in quantities:
        unit, words = _MEANINGS.get(name, ("", name.replace("_", " ")))
        words = words.format(drug=" and ".join(drug.name for drug in protocol.drugs))
        own = frame[frame["quantity"] == name]
        rows = [
            (
                *(str(row[setting]) for setting in varied), _value(row["estimate"], unit),
                _limits(row["lower"], row["upper"], unit) if n_trials else "exact",
            )
            for _, row in own.iterrows()
        ]  # fmt: skip
        heads = [
            *(_named_setting(setting) for setting in varied),
            "Value",
            "95 % Monte Carlo interval",
        ]
        title = words[0].upper() + words[1:] + (f", {unit}" if unit not in {"", "%"} else "")
        table = Table(title, "", pd.DataFrame(rows, columns=heads), "", "")
        places.append(Place(f"table-{name}", Table, lambda table=table: table))
        if len(varied) == 2:
            x, y = varied
            figure = Figure(
                title, "", f"{_named_setting(x)} across, {_named_setting(y).lower()} up.",
                f"Numbers as in [[table-{name}]].", lambda x=x, y=y, name=name: heat_map(frame, x, y, name),
            )  # fmt: skip
            places.append(Place(f"map-{name}", Figure, lambda figure=figure: figure))
    how = f"{n_trials:,} trials at each point" if n_trials else "exact answers"
    success = frame[frame["quantity"] == "probability_of_success"]
    summary = f"{len(success)} designs compared: {how}."
    if len(success):
        ranked = success.sort_values("estimate", kind="stable")
        worst, best = ranked.iloc[0], ranked.iloc[-1]

        def named(row: pd.Series[Any]) -> str:
            return (
                ", ".join(f"{_named_setting(setting).lower()} {row[setting]}" for setting in varied)
                or "all alike"
            )

        low, high = _of_hundred(float(worst["estimate"])), _of_hundred(float(best["estimate"]))
        summary += f" From {low} trials ({named(worst)}) to {high} ({named(best)}) would succeed."
    sections = [
        Section("quantities", "1", "Quantities", tuple(places)),
        _provenance(protocol, "2", seed, command),
    ]
    title = "Designs by " + (
        " and ".join(_named_setting(name).lower() for name in varied) or "nothing varied"
    )
    subtitle = f"Scenarios {', '.join(scenarios)}; protocol {protocol.id}."
    return _page(title, subtitle, (summary, *_idle_in_words(idle)), sections)

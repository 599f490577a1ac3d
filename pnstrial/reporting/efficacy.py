"""How many responded, and how did the mRS move?

Input: a `Material`.
Output: items of section 14.2 on responses, strategies, decisions, categories, scales and the shift.
Protocol section: endpoint, estimand, decision, visits.
Method: Clopper-Pearson intervals and exact tests; every value comes from the module that derives it.
Next: `reporting.over_time`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.design.counts.proportion import binomial_tail, proportion
from pnstrial.figures import mrs as mrs_figures
from pnstrial.figures.patients import lanes, swimmer
from pnstrial.figures.proportions import forest
from pnstrial.reporting.items import (
    DASH,
    Figure,
    Place,
    Table,
    interval_text,
    measure,
    p_or_dash,
    percent,
    share,
)
from pnstrial.results import NotEstimable, rows_of
from pnstrial.series import load_series, short_citation

if TYPE_CHECKING:
    from pnstrial.endpoints import ResponseResult
    from pnstrial.reporting.material import Material

__all__ = [
    "MOST_SINGLE_PATIENTS",
    "STRATEGIES",
    "proportion_cells",
    "published_rows",
    "response_sentence",
    "responses",
    "shifts",
]

MOST_SINGLE_PATIENTS: Final = 60
"""Patients up to which a figure shows each of them with a name."""

STRATEGIES: Final = (
    ("primary estimand", {}),
    ("death: exclude", {"death": "exclude"}),
    ("rescue: treatment policy", {"rescue": "treatment policy"}),
    ("stopped: composite", {"stopped": "composite"}),
    ("stopped: while on treatment", {"stopped": "while on treatment"}),
    ("missing: LOCF", {"missing": "LOCF"}),
    ("missing: exclude", {"missing": "exclude"}),
    ("missing: best case", {"missing": "best case"}),
)
"""The estimand of the protocol, and each strategy changed by itself."""

ALPHA: Final = 0.05
"""One-sided level of the test that `_what_can_be_said` reckons with."""


def proportion_cells(count: int, n: int, level: float) -> tuple[str, str]:
    """Write a proportion and its exact interval.

    Parameters
    ----------
    count, n : int
    level : float

    Returns
    -------
    tuple of str
    """
    result = proportion(count, n, level=level)
    if isinstance(result.estimate, NotEstimable):
        return str(result.estimate), DASH
    return percent(result.estimate), interval_text(result.ci, percent)


def response_sentence(result: ResponseResult) -> str:
    """Say the proportion of responders with its interval and test, or why it cannot be said.

    Parameters
    ----------
    result : pnstrial.endpoints.ResponseResult

    Returns
    -------
    str
    """
    if isinstance(result.estimate, NotEstimable):
        return f"The proportion of responders at {result.visit} is {result.estimate}."
    sentence = (
        f"{result.responders} of {result.n} patients responded at {result.visit}: {percent(result.estimate)} "
        f"({100 * result.level:g} % {result.method} interval {interval_text(result.ci, percent)})."
    )
    if result.null is None or not isinstance(result.p_value, float):
        return sentence + " The protocol states no null proportion, so there is no test."
    p_value = p_or_dash(result.p_value)
    return sentence + (
        f" Against a null proportion of {percent(result.null)}, the exact one-sided p-value "
        f"P(X ≥ {result.responders}) is {p_value}."
    )


def _response_row(label: str, result: ResponseResult) -> tuple[Any, ...]:
    if isinstance(result.responders, NotEstimable):
        return (label, None, result.n, str(result.responders), DASH, p_or_dash(result.p_value))
    cells = proportion_cells(result.responders, result.n, result.level)
    return (label, result.responders, result.n, *cells, p_or_dash(result.p_value))


def _forest_row(label: str, group: str, count: int | NotEstimable, n: int) -> dict[str, Any]:
    x = np.nan if isinstance(count, NotEstimable) else count
    result = proportion(0 if isinstance(count, NotEstimable) else count, 0 if np.isnan(x) else n)
    low, high = result.ci if isinstance(result.ci, tuple) else (np.nan, np.nan)
    estimate = result.estimate if isinstance(result.estimate, float) else np.nan
    return {"label": label, "group": group, "x": x, "n": n, "estimate": estimate, "lower": low, "upper": high}


def published_rows() -> list[dict[str, Any]]:
    """Give the published series that count improved patients, as rows of a forest.

    Returns
    -------
    list of dict
    """
    series = load_series()
    rows: list[dict[str, Any]] = []
    for row in rows_of(series[series["improved"].notna() & series["evaluable"].notna()]):
        label = short_citation(str(row.citation))
        rows.append(_forest_row(label, "Published series", int(row.improved), int(row.evaluable)))
    return rows


def _power_of_n_patients(material: Material) -> Table:
    """Tabulate the exact power of the patients enrolled."""
    n = len(material.enrolled)
    null = material.protocol.endpoint.null_proportion
    nulls = (0.05, 0.10) if null is None else (null,)
    rates = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40)
    rows: list[tuple[Any, ...]] = []
    for p0 in nulls if n else ():
        fewest = next((x for x in range(n + 1) if float(binomial_tail(x, n, p0)) <= ALPHA), None)
        if fewest is None:
            rows.append((percent(p0), "none: no result would be significant", DASH, *(DASH for _ in rates)))
            continue
        powers = (percent(float(binomial_tail(fewest, n, p))) if p > p0 else DASH for p in rates)
        rows.append((percent(p0), f"{fewest} of {n}", percent(float(binomial_tail(fewest, n, p0))), *powers))
    note = "The protocol states no null proportion: 5 % and 10 % are examples. " if null is None else ""
    return Table(
        f"What {n} {'patient' if n == 1 else 'patients'} can say", "enrolled patients",
        pd.DataFrame(
            rows, columns=["Null proportion", "Fewest responders", "Achieved level",
            *(f"Power at {percent(p, 0)}" for p in rates)]
        ),
        "screening", "endpoint",
        f"{note}Exact probability that the one-sided binomial test at {percent(ALPHA, 0)} rejects the null, by the "
        "true response rate; counted from the patients enrolled, whatever they showed.",
        "No patient is enrolled.",
    )  # fmt: skip


def responses(material: Material) -> tuple[Place, ...]:
    """Give the places of the items on responders.

    Parameters
    ----------
    material : Material

    Returns
    -------
    tuple of Place
    """
    analysis, protocol = material.analysis, material.protocol
    visits = dict.fromkeys([analysis.visit, *protocol.endpoint.secondary_visits])
    heads = ["Responders", "n", "Proportion", f"{100 * material.level:g} % exact interval", "One-sided p"]
    null = protocol.endpoint.null_proportion
    foot = "Clopper-Pearson interval; p = P(X ≥ x) under the null" + (
        f" of {percent(null)}." if null is not None else "; the protocol states no null proportion."
    )
    sources = "mrs, screening, infusions, medications, follow_up"

    @cache
    def strategies() -> list[tuple[str, ResponseResult]]:
        return [(label, analysis.response_at(analysis.visit, change)) for label, change in STRATEGIES]

    def drawn() -> list[dict[str, Any]]:
        group = f"This trial, {analysis.visit}"
        own = [_forest_row(label, group, result.responders, result.n) for label, result in strategies()]
        return [*own, *published_rows()]

    def decisions() -> list[tuple[str, str]]:
        found = analysis.decisions["decision"]
        return [
            (name.capitalize(), share(int((found == name).sum()), len(found))) for name in rules.DECISIONS
        ]

    def scale_rows() -> list[tuple[Any, ...]]:
        return [
            (row.scale, row.visit, row.improved, row.n,
             *proportion_cells(int(row.improved), int(row.n), material.level))
            for row in rows_of(analysis.scales)
        ]  # fmt: skip

    return (
        Place("responses", Table, lambda: Table(
            "Response on the mRS", "full analysis set",
            pd.DataFrame([_response_row(v, analysis.response_at(v)) for v in visits], columns=["Visit", *heads]),
            sources, "endpoint, estimand", foot,
        ), short=True),
        Place("strategies", Table, lambda: Table(
            f"Response at {analysis.visit} under each strategy", "full analysis set",
            pd.DataFrame([_response_row(label, r) for label, r in strategies()], columns=["Strategy changed", *heads]),
            sources, "endpoint, estimand", foot,
        )),
        Place("forest", Figure, lambda: Figure(
            "Response under each strategy, and in published series", "full analysis set",
            "See how little the strategy moves the point against the width of the interval, and how far the "
            "intervals of this trial and of the published series overlap (their treatments differ).",
            "Points with exact intervals; numbers as in [[strategies]].",
            lambda: forest(pd.DataFrame(drawn()), null=null),
        )),
        Place("power", Table, lambda: _power_of_n_patients(material), short=True),
        Place("decisions", Table, lambda: Table(
            f"Interim decision at {protocol.decision.visit}", "full analysis set",
            pd.DataFrame(decisions(), columns=["Decision", "Patients"]), "mrs, follow_up", "decision",
            "A rule for each patient, not a stopping rule of the trial.",
        ), short=True),
        Place("categories", Table, lambda: Table(
            "Change of the mRS from baseline", "full analysis set",
            pd.DataFrame(
                _category_rows(material),
                columns=["Visit", "Improved", "Stable", "Deteriorated", "of these dead", "No value or baseline"],
            ),
            "mrs, screening, follow_up", "visits", "Denominator: all patients of the set.",
        )),
        Place("scales", Table, lambda: Table(
            "Improved on Barthel, ICARS and ONLS", "full analysis set with both values present",
            pd.DataFrame(scale_rows(), columns=["Scale", "Visit", "Improved", *heads[1:-1]]), "scales", "visits",
            "Any change in the better direction (Barthel: higher; ICARS, ONLS: lower).",
            "No patient has a score before and after.",
        ), short=True),
    )  # fmt: skip


def _category_rows(material: Material) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for visit in material.protocol.visits:
        own = material.analysis.visits
        own = own[own["visit"] == visit.name]
        counts = [int((own["category"] == name).sum()) for name in rules.CATEGORIES]
        counts += [int((own["derivation"] == "DEATH").sum()), int(own["category"].isna().sum())]
        rows.append((visit.name, *(share(count, len(own)) for count in counts)))
    return rows


def shifts(material: Material) -> tuple[Place, ...]:
    """Give the places of the items on the shift of the mRS.

    Parameters
    ----------
    material : Material

    Returns
    -------
    tuple of Place
    """
    shift, enrolled = material.shift, material.enrolled
    few = len(enrolled) <= MOST_SINGLE_PATIENTS
    nobody = "" if enrolled else "no patient is enrolled"
    unpaired = nobody or ("" if shift.n else f"no patient has a baseline and a value at {shift.visit}")
    return (
        Place("bars", Figure, lambda: Figure(
            "mRS at baseline and at each visit", "full analysis set",
            "See how the cut between 2 and 3 moves from bar to bar; death is set apart, missing values are hatched.",
            "Stacked bars; numbers as in [[categories]].",
            None if unpaired else lambda: mrs_figures.grotta_bars(shift), unpaired,
        ), short=True),
        Place("shift", Table, lambda: _shift_table(material)),
        Place("alluvial", Figure, lambda: Figure(
            "Flow between grades", "full analysis set",
            "A band is as thick as its patients are many; blue improved, grey unchanged, red worse.",
            "Bands from baseline to each visit.", None if unpaired else lambda: mrs_figures.alluvial(shift), unpaired,
        )),
        Place("waterfall", Figure, lambda: Figure(
            "Change of each patient", "full analysis set with both values",
            "Improvement points down; death is hatched at its own mark.",
            "One bar per patient; values in [[efficacy-listing]].",
            None if unpaired else lambda: mrs_figures.waterfall(shift), unpaired,
        ))
        if few
        else Place("transitions", Figure, lambda: Figure(
            f"From baseline to {shift.visit}", "full analysis set with both values",
            "Rows are grades at baseline; blue improved, red worse, the outlined diagonal is unchanged.",
            "Counts and row per cent; values in [[efficacy-listing]].",
            None if unpaired else lambda: mrs_figures.transition_heat_map(shift), unpaired,
        )),
        Place("swimmer", Figure, lambda: Figure(
            "Each patient over time", "full analysis set",
            "A lane is coloured by the last known mRS; marks stand where they happened."
            if few
            else "One thin lane per patient, coloured by the last known mRS; sorted by end and length of follow-up.",
            "One lane per patient; values in [[exposure-listing]] and [[efficacy-listing]].",
            None if nobody else lambda: swimmer(material.analysis) if few else lanes(material.analysis), nobody,
        )),
    )  # fmt: skip


def _shift_table(material: Material) -> Table:
    shift = material.shift
    rows: list[tuple[str, str, str]] = []
    for name in rules.CATEGORIES:
        if isinstance(shift.changes, NotEstimable):
            rows.append((name.capitalize(), str(shift.changes), DASH))
            continue
        value = share(getattr(shift.changes, name), shift.changes.n)
        rows.append((name.capitalize(), value, interval_text(getattr(shift.changes, f"{name}_ci"), percent)))
    for name, label in (("win_odds", "Win odds, later against baseline"), ("net_benefit", "Net benefit")):
        result: Any = shift.wins if isinstance(shift.wins, NotEstimable) else getattr(shift.wins, name)
        if isinstance(result, NotEstimable):
            rows.append((label, str(result), DASH))
        else:
            rows.append((label, measure(result[0]), interval_text(result[1:])))
    for name, test in sorted(shift.tests.items(), key=lambda pair: pair[0] != shift.shift_test):
        value = str(test) if isinstance(test, NotEstimable) else p_or_dash(test.p_value)
        role = "primary" if name == shift.shift_test else "sensitivity"
        words = "sign test" if name == "sign" else name.replace("rank,", "rank test,")
        rows.append((f"Exact {words}, two-sided p ({role})", value, DASH))
    return Table(
        f"mRS shift from baseline to {shift.visit}", f"full analysis set with both values (n = {shift.n})",
        pd.DataFrame(rows, columns=["Measure", "Value", f"{100 * shift.level:g} % interval"]),
        "mrs, screening, follow_up", "visits",
        "Death is mRS 6. Paired, within one arm: a change over time, not an effect of treatment.",
    )  # fmt: skip

"""How many responded, and how did the grades move?

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
from pnstrial.outcomes import part_of
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
from pnstrial.reporting.methods import death_in_words
from pnstrial.results import NotEstimable, rows_of
from pnstrial.series import load_series, short_citation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pnstrial.endpoints import ResponseResult
    from pnstrial.protocol import Protocol
    from pnstrial.reporting.material import Material
    from pnstrial.vocabulary import Scale

__all__ = [
    "MOST_SINGLE_PATIENTS",
    "STRATEGIES",
    "planned_test",
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

EXACT: Final = "Clopper-Pearson"

ALPHA: Final = 0.05
"""One-sided level of the test whose power is tabulated, where the protocol states none."""

RATES: Final = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40)
"""True response rates for which the power is given, where the null is below most of them; else steps above it."""


def proportion_cells(count: int, n: int, level: float) -> tuple[str, str]:
    """Write a proportion and its exact interval."""
    result = proportion(count, n, level=level)
    if isinstance(result.estimate, NotEstimable):
        return str(result.estimate), DASH
    return percent(result.estimate), interval_text(result.ci, percent)


def response_sentence(result: ResponseResult) -> str:
    """Say the proportion of responders with its interval and test, or why it cannot be said."""
    if isinstance(result.estimate, NotEstimable):
        return f"The proportion of responders at {result.visit} is {result.estimate}."
    if isinstance(result.ci, NotEstimable):
        return (
            f"{result.responders} of {result.n} patients responded at {result.visit}: {percent(result.estimate)}; "
            f"interval and test are {result.ci}."
        )
    sentence = (
        f"{result.responders} of {result.n} patients responded at {result.visit}: {percent(result.estimate)} "
        f"({100 * result.level:g} % {result.method} interval {interval_text(result.ci, percent)})."
    )
    if result.null is None or not isinstance(result.p_value, float):
        return sentence + " The protocol states no null proportion, so there is no test."
    p_value = p_or_dash(result.p_value)
    named = f"the exact one-sided p-value P(X ≥ {result.responders})"
    if result.method != EXACT:
        named = f"the one-sided {result.method} p-value of the planned design"
    return sentence + f" Against a null proportion of {percent(result.null)}, {named} is {p_value}."


def _response_row(label: str, result: ResponseResult) -> tuple[Any, ...]:
    if isinstance(result.responders, NotEstimable):
        return (label, None, result.n, str(result.responders), DASH, p_or_dash(result.p_value))
    share_of, _ = proportion_cells(result.responders, result.n, result.level)
    interval = interval_text(result.ci, percent) if isinstance(result.ci, tuple) else str(result.ci)
    if not result.n:
        interval = DASH
    return (label, result.responders, result.n, share_of, interval, p_or_dash(result.p_value))


def _forest_row(label: str, group: str, count: int | NotEstimable, n: int) -> dict[str, Any]:
    x = np.nan if isinstance(count, NotEstimable) else count
    result = proportion(0 if isinstance(count, NotEstimable) else count, 0 if np.isnan(x) else n)
    low, high = result.ci if isinstance(result.ci, tuple) else (np.nan, np.nan)
    estimate = result.estimate if isinstance(result.estimate, float) else np.nan
    return {"label": label, "group": group, "x": x, "n": n, "estimate": estimate, "lower": low, "upper": high}


def published_rows() -> list[dict[str, Any]]:
    """Give the published series that count improved patients, as rows of a forest."""
    series = load_series()
    rows: list[dict[str, Any]] = []
    for row in rows_of(series[series["improved"].notna() & series["evaluable"].notna()]):
        label = short_citation(str(row.citation))
        rows.append(_forest_row(label, "Published series", int(row.improved), int(row.evaluable)))
    return rows


def planned_test(protocol: Protocol) -> tuple[tuple[float, ...], float, tuple[float, ...]]:
    """Give the test whose power is tabulated: null proportions, one-sided level, true rates.

    Those of the protocol; without a null two examples, without a level 5 %.
    """
    null, design = protocol.endpoint.null_proportion, protocol.design
    alpha = ALPHA if design is None or design.alpha is None else design.alpha
    if null is None:
        return (0.05, 0.10), alpha, RATES
    if null < RATES[-3]:
        return (null,), alpha, RATES
    steps = (null + 0.05 * k for k in range(1, len(RATES) + 1))
    return (null,), alpha, tuple(rate for rate in steps if rate < 1)


def _power_of_n_patients(material: Material) -> Table:
    """Tabulate the exact power of the patients enrolled."""
    n, null = len(material.enrolled), material.protocol.endpoint.null_proportion
    nulls, alpha, rates = planned_test(material.protocol)
    rows: list[tuple[Any, ...]] = []
    for p0 in nulls if n else ():
        fewest = next((x for x in range(n + 1) if float(binomial_tail(x, n, p0)) <= alpha), None)
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
        f"{note}Exact probability that the one-sided binomial test at {100 * alpha:g} % rejects the null, by the "
        "true response rate; counted from the patients enrolled, whatever they showed.",
        "No patient is enrolled.",
    )  # fmt: skip


def responses(material: Material) -> tuple[Place, ...]:
    """Give the places of the items on responders."""
    analysis, protocol, scale = material.analysis, material.protocol, material.scale
    visits = dict.fromkeys([analysis.visit, *protocol.endpoint.secondary_visits])
    heads = ["Responders", "n", "Proportion", f"{100 * material.level:g} % exact interval", "One-sided p"]
    null, decision = protocol.endpoint.null_proportion, protocol.decision
    foot = "Clopper-Pearson interval; p = P(X ≥ x) under the null" + (
        f" of {percent(null)}." if null is not None else "; the protocol states no null proportion."
    )
    if protocol.design is not None and protocol.design.two_stage and null is not None:
        foot = (
            f"Of the primary endpoint the stagewise interval and p-value of the planned two stages under the null of "
            f"{percent(null)}; at other visits Clopper-Pearson intervals and P(X ≥ x)."
        )
    tables = dict.fromkeys(protocol.scale(part.scale).table for part in protocol.endpoint.parts())
    sources = ", ".join([*tables, "screening, infusions, medications, follow_up"])

    # the published series count a fall of the scale with a table of its own alone, in patients with such antibodies
    alone = scale.table == "mrs" and not protocol.endpoint.joined
    published = published_rows() if alone and len(material.published) else []
    beside = ", and in published series" if published else ""

    @cache
    def strategies() -> list[tuple[str, ResponseResult]]:
        return [(label, analysis.response_at(analysis.visit, change)) for label, change in STRATEGIES]

    def drawn() -> list[dict[str, Any]]:
        group = f"This trial, {analysis.visit}"
        own = [_forest_row(label, group, result.responders, result.n) for label, result in strategies()]
        return [*own, *published]

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
            if row.scale != scale.name
        ]  # fmt: skip

    return (
        Place("responses", Table, lambda: Table(
            f"Response on the {endpoint_scales(material)}", "full analysis set",
            pd.DataFrame([_response_row(v, analysis.response_at(v)) for v in visits], columns=["Visit", *heads]),
            sources, "endpoint, estimand", foot,
        ), short=True),
        Place("strategies", Table, lambda: Table(
            f"Response at {analysis.visit} under each strategy", "full analysis set",
            pd.DataFrame([_response_row(label, r) for label, r in strategies()], columns=["Strategy changed", *heads]),
            sources, "endpoint, estimand", foot,
        )),
        Place("forest", Figure, lambda: Figure(
            f"Response under each strategy{beside}", "full analysis set",
            "See how little the strategy moves the point against the width of the interval"
            + (", and how far the intervals of this trial and of the published series overlap (their treatments "
               "differ)." if published else "."),
            "Points with exact intervals; numbers as in [[strategies]].",
            lambda: forest(pd.DataFrame(drawn()), null=null),
        )),
        Place("power", Table, lambda: _power_of_n_patients(material), short=True),
        *([] if decision is None else [Place("decisions", Table, lambda: Table(
            f"Interim decision at {decision.visit}", "full analysis set",
            pd.DataFrame(decisions(), columns=["Decision", "Patients"]),
            f"{protocol.scale(decision.scale).table}, follow_up", "decision",
            f"{protocol.decision_in_words()}. A rule for each patient, not a stopping rule of the trial. All enrolled "
            "are counted; [[flow]] counts those who were infused and are still in the trial.",
        ), short=True)]),
        Place("categories", Table, lambda: Table(
            f"Change of the {scale.name} from baseline", "full analysis set",
            pd.DataFrame(
                _category_rows(material),
                columns=["Visit", "Improved", "Stable", "Deteriorated", "of these dead", "No value or baseline"],
            ),
            f"{_sources(scale)}, follow_up", "visits", "Denominator: all patients of the set.",
        )),
        *_joined(material),
        *_arms(material, heads),
        *([] if not material.further_scales else [Place("scales", Table, lambda: Table(
            f"Improved on {_and(scale.name for scale in material.further_scales)}",
            "full analysis set with both values present",
            pd.DataFrame(scale_rows(), columns=["Scale", "Visit", "Improved", *heads[1:-1]]), "scales", "visits",
            f"Any change in the better direction ({_directions(material.further_scales)}).",
            "No patient has a score before and after.",
        ), short=True)]),
        *_secondary(material, heads),
    )  # fmt: skip


def _and(words: Iterable[str]) -> str:
    *first, last = list(words)
    return f"{', '.join(first)} and {last}" if first else last


def endpoint_scales(material: Material) -> str:
    """Name the scales of the primary endpoint."""
    end = material.protocol.endpoint
    return _and(dict.fromkeys(part.scale for part in end.parts())) if end.joined else end.scale


def _sources(scale: Scale) -> str:
    """Name the tables that hold the values of a scale; screening holds one of the scale with a table of its own."""
    return f"{scale.table}, screening" if scale.table == "mrs" else scale.table


def _directions(scales: list[Scale]) -> str:
    """Write which direction is better, such as "Barthel: higher; ICARS, ONLS: lower"."""
    found: dict[str, list[str]] = {}
    for scale in scales:
        found.setdefault(scale.better, []).append(scale.name)
    return "; ".join(f"{', '.join(names)}: {better}" for better, names in found.items())


def _cut(scale: Scale) -> str:
    """Say what to look at in the bars."""
    if scale.cut is None:
        return "See how the colours move from bar to bar; "
    place = scale.scores.index(scale.cut)
    return f"See how the cut between {scale.scores[place]:g} and {scale.scores[place + 1]:g} moves from bar to bar; "


def _joined(material: Material) -> list[Place]:
    """Give the table of the parts of a joined endpoint."""
    analysis, end = material.analysis, material.protocol.endpoint
    if not end.joined:
        return []

    def table() -> Table:
        rows: list[tuple[Any, ...]] = []
        for part in end.parts():
            own = analysis.assessments.on(part)
            answer = part_of(own, part, part.visit)["category_met"].to_numpy()
            met, answered = int((answer == 1).sum()), int((answer >= 0).sum())
            words = part.in_words(own.scale.better)
            rows.append((words, part.visit, met, answered, *proportion_cells(met, answered, material.level)))
        names = dict.fromkeys(analysis.assessments.on(part).scale.table for part in end.parts())
        return Table(
            "Parts of the primary endpoint", "full analysis set",
            pd.DataFrame(rows, columns=["Part", "Visit", "Met", "Known", "Proportion", "Exact interval"]),
            f"{', '.join(names)}, follow_up", "endpoint",
            f"A patient responds with {end.joined_by} of them; death meets no bound.",
        )  # fmt: skip

    return [Place("parts", Table, table, short=True)]


def _arms(material: Material, heads: list[str]) -> list[Place]:
    """Give the response of each arm: the arm is a label, and nothing compares them."""
    names = [arm.name for arm in material.protocol.arms]
    screening = material.trial.screening
    if len(names) < 2 or "arm" not in screening:
        return []

    def table() -> Table:
        analysis = material.analysis
        answers = analysis.primary.patients.set_index("patient_id")["response"]
        arm = screening.drop_duplicates("patient_id").set_index("patient_id")["arm"].reindex(answers.index)
        rows: list[tuple[Any, ...]] = []
        for name in [*names, *(["not stated"] if arm.isna().any() else [])]:
            own = answers[arm.isna() if name == "not stated" else arm == name]
            count, n = int((own == "responder").sum()), int((own != "excluded").sum())
            rows.append((name, count, n, *proportion_cells(count, n, material.level)))
        return Table(
            f"Response at {analysis.visit} by arm", "full analysis set",
            pd.DataFrame(rows, columns=["Arm", *heads[:-1]]), "screening", "arms, endpoint",
            "The arms are described side by side; nothing here compares them.",
        )  # fmt: skip

    return [Place("arms", Table, table, short=True)]


def _secondary(material: Material, heads: list[str]) -> list[Place]:
    """Give the table of the secondary endpoints that the protocol names one by one."""
    outcomes = material.protocol.endpoint.secondary
    if not outcomes:
        return []

    def table() -> Table:
        found = material.analysis.secondary_outcomes
        rows = [
            (row.name, row.visit, row.responders, row.n,
             *proportion_cells(int(row.responders), int(row.n), material.level))
            for row in rows_of(found)
        ]  # fmt: skip
        words = "; ".join(
            f"{one.name}: {one.in_words(material.protocol.scale(one.scale).better)}" for one in outcomes
        )
        tables = dict.fromkeys(material.protocol.scale(one.scale).table for one in outcomes)
        return Table(
            "Secondary endpoints", "full analysis set with the answer known",
            pd.DataFrame(rows, columns=["Endpoint", "Visit", "Met", *heads[1:-1]]),
            f"{', '.join(tables)}, follow_up", "endpoint", f"{words}.",
        )  # fmt: skip

    return [Place("secondary", Table, table, short=True)]


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
    """Give the places of the items on the shift of the mRS."""
    shift, enrolled, scale = material.shift, material.enrolled, material.scale
    few = len(enrolled) <= MOST_SINGLE_PATIENTS
    nobody = "" if enrolled else "no patient is enrolled"
    unpaired = nobody or ("" if shift.n else f"no patient has a baseline and a value at {shift.visit}")
    return (
        Place("bars", Figure, lambda: Figure(
            f"{scale.name} at baseline and at each visit", "full analysis set",
            f"{_cut(scale)}death is set apart, missing values are hatched.",
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
            f"A lane is coloured by the last known {scale.name}; marks stand where they happened."
            if few
            else f"One thin lane per patient, coloured by the last known {scale.name}; sorted by end and length of "
            "follow-up.",
            "One lane per patient; values in [[exposure-listing]] and [[efficacy-listing]].",
            None if nobody else lambda: swimmer(material.analysis) if few else lanes(material.analysis), nobody,
        )),
    )  # fmt: skip


def _shift_table(material: Material) -> Table:
    shift = material.shift
    arms = "within one arm" if len(material.protocol.arms) < 2 else "all arms together"
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
        f"{shift.scale.name} shift from baseline to {shift.visit}",
        f"full analysis set with both values (n = {shift.n})",
        pd.DataFrame(rows, columns=["Measure", "Value", f"{100 * shift.level:g} % interval"]),
        f"{_sources(shift.scale)}, follow_up", "visits",
        f"{death_in_words(shift.scale)} Paired, {arms}: a change over time, not an effect of treatment.",
    )  # fmt: skip

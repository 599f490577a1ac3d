"""Which items of the report follow the patients over time?

Input: a `Material`.
Output: items of section 14.2 on survival, published series, improvement with death competing, state occupancy.
Protocol section: visits, endpoint.
Method: every number comes from `pnstrial.survival`.
Next: `reporting.safety`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from pnstrial.figures import survival as drawn
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.reporting.items import (
    DASH,
    Figure,
    Place,
    Table,
    counted,
    interval_text,
    measure,
    p_or_dash,
    percent,
)
from pnstrial.results import NotEstimable, rows_of
from pnstrial.series import short_citation
from pnstrial.survival import mrs_occupancy, one_sample_logrank, reference
from pnstrial.survival.competing.incidence import CumulativeIncidence
from pnstrial.survival.curves.curve import KaplanMeier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.reporting.material import Material
    from pnstrial.survival import SurvivalResult

__all__ = ["median_cells", "over_time"]

CAUSES: Final = {1: "improved", 2: "dead before improvement"}
NOT_REACHED: Final = "not reached"


def over_time(material: Material) -> tuple[Place, ...]:
    """Give the places of the items that follow the patients over time."""
    return (
        Place("survival-table", Table, lambda: _survival_table(material.overall_survival, material.level)),
        Place("survival", Figure, lambda: _survival(material)),
        Place("times", Table, lambda: _times(material)),
        *(
            [Place("against-history", Table, lambda: _against_history(material))]
            if len(material.published)
            else []
        ),
        Place("improvement", Figure, lambda: _improvement(material)),
        Place("occupancy", Figure, lambda: _occupancy(material)),
    )


def _survival(material: Material) -> Figure:
    published = None
    beside = ""
    if len(material.published):
        published = reference(unit="days")
        published = replace(published, name=f"{short_citation(published.source)}: {published.name}")
        beside = ", and the published series (dashed), which counts from diagnosis, in all grades"
    return Figure(
        "Overall survival", "full analysis set with follow-up",
        f"See the width of the band against the height of the curve{beside}. Numbers at risk stand under the axis.",
        "Step curve with band; numbers in [[survival-table]].",
        (lambda: drawn.kaplan_meier(material.overall_survival, label="alive", reference=published))
        if isinstance(material.overall_survival.curve, KaplanMeier)
        else None,
        "no enrolled patient has a record",
    )  # fmt: skip


def _improvement(material: Material) -> Figure:
    incidence = material.improvement.curve
    competing = isinstance(incidence, CumulativeIncidence)
    return Figure(
        f"Improvement of the {material.scale.name}, with death competing", "full analysis set with a baseline",
        "See how often improvement comes first, and how often death.",
        "Step curves with bands; numbers in [[times]].",
        (lambda: drawn.cumulative_incidence(material.improvement, names=CAUSES))
        if competing and incidence.causes
        else None,
        "nobody improved and nobody died" if competing else "no patient has a record",
    )  # fmt: skip


def _survival_table(result: SurvivalResult, level: float) -> Table:
    rows = [
        (
            int(row.months),
            int(row.n_risk),
            percent(row.survival),
            interval_text((row.lower, row.upper), _limit),
        )
        for row in rows_of(result.landmarks)
    ]
    return Table(
        "Overall survival", "full analysis set with follow-up",
        pd.DataFrame(rows, columns=["Months", "At risk", "Survival", f"{100 * level:g} % interval"]),
        "follow_up, infusions, screening", "visits",
        f"{counted(result.events, 'death')} of {counted(result.n, 'patient')}; {len(result.excluded)} without a usable "
        "record. "
        "Kaplan-Meier with beta product interval (Fay and Brittain 2013).",
        "Overall survival is not estimable at three months or later: nobody was followed so long.",
    )  # fmt: skip


def _limit(value: float) -> str:
    return percent(value) if np.isfinite(value) else "no limit"


def _reaches_half(time: NDArray[np.float64], curve: NDArray[np.float64]) -> float | None:
    reached = np.flatnonzero(curve >= 0.5)
    return float(time[reached[0]]) if reached.size else None


def median_cells(result: SurvivalResult) -> tuple[str, str]:
    """Write the median time of an endpoint in months, and its interval.

    Returns
    -------
    tuple of str
        Of a cumulative incidence it is the first time by which half of the patients had the event, with the times
        at which the limits of the curve get there (Aalen-Johansen; the limits are inverted point by point).
    """
    curve = result.curve
    if isinstance(curve, CumulativeIncidence):
        if 1 not in curve.causes:
            return NOT_REACHED, DASH
        bands = (curve.incidence[1], curve.upper[1], curve.lower[1])
        found = [_reaches_half(curve.time, band) for band in bands]
    elif isinstance(curve, KaplanMeier):
        median = curve.quantile(0.5)
        found = [
            value if isinstance(value, float) else None
            for value in (median.estimate, median.lower, median.upper)
        ]
    else:
        return str(curve), DASH
    months = [NOT_REACHED if value is None else f"{value / DAYS_PER_MONTH:.1f}" for value in found]
    if found[1] is None and found[2] is None:
        return months[0], DASH
    return months[0], f"{months[1]} to {months[2]}"


def _times(material: Material) -> Table:
    endpoints = (
        (material.overall_survival, "Death", {1: "died"}),
        (material.deterioration, "Deterioration or death", {1: "deteriorated or died"}),
        (material.improvement, "Improvement, death competing", {1: "improved", 2: "died before"}),
    )
    rows: list[tuple[object, ...]] = []
    for result, name, words in endpoints:
        codes = result.records["event"]
        events = ", ".join(f"{int((codes == code).sum())} {word}" for code, word in words.items())
        rows.append((name, result.n, events, int((codes == 0).sum()), *median_cells(result)))
    return Table(
        "Times to event", "full analysis set",
        pd.DataFrame(rows, columns=["Time to", "Records", "Events", "Censored", "Median, months",
        f"{100 * material.level:g} % interval"]),
        f"follow_up, {material.scale.table}", "visits",
        "From day 1. Kaplan-Meier medians; of improvement the time by which half have improved (Aalen-Johansen), for "
        "whom death competes. Not reached: the curve, or its limit, does not get to a half.",
    )  # fmt: skip


def _against_history(material: Material) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, series in material.published.iterrows():
        found = material.overall_survival.curve
        if not isinstance(found, NotEstimable):
            records = material.overall_survival.records
            found = one_sample_logrank(
                records["days"], records["event"], str(name), level=material.level, unit="days"
            )
        points = ", ".join(f"S({month:g}) = {alive:g}" for month, alive in series["points"].items())
        antibody = series["antibody"].split(" (")[0]
        head = (f"{short_citation(series['citation'])}: {antibody}, n = {series['n']}", points)
        if isinstance(found, NotEstimable) or isinstance(found.ratio_ci, NotEstimable):
            reason = found if isinstance(found, NotEstimable) else found.ratio
            rows.append((*head, str(reason), DASH, DASH, DASH, DASH))
            continue
        ratio, limits = found.observed / found.expected, interval_text(found.ratio_ci)
        counts = (str(found.observed), f"{found.expected:.1f}", measure(ratio), limits)
        rows.append((*head, *counts, p_or_dash(found.p_value_exact)))
    return Table(
        "Deaths against published series (one-sample log-rank)", "full analysis set with follow-up",
        pd.DataFrame(
            rows, columns=["Series", "Months: alive", "Observed", "Expected", "Ratio", "Exact interval", "Exact p"]
        ),
        "follow_up, infusions, screening", "visits",
        "The series count from diagnosis or treatment, in all grades; patients who can walk do better, so a "
        "ratio below 1 is no effect of treatment. Constant hazard between published points and after the last. The "
        "curves are taken as known; p is two-sided.",
    )  # fmt: skip


def _occupancy(material: Material) -> Figure:
    result = mrs_occupancy(material.trial, material.protocol, level=material.level)
    mean = f"Not estimable: mean days {result.staying}."
    if isinstance(result.estimate, float):
        mean = f"Mean days {result.staying} in the first {result.horizon:.0f} days: {result.estimate:.1f}"
        if isinstance(result.ci, tuple):
            mean += (
                f" ({100 * result.level:g} % interval {interval_text(result.ci, lambda day: f'{day:.1f}')})"
            )
        mean += "."
    return Figure(
        "State occupancy over follow-up", "full analysis set with a baseline or a later rating",
        f"See how the share {result.staying} moves, and how death comes down from above. A grade is carried from one "
        "rating to the next and to the last contact, so a change shows on the day of the rating that found it, not "
        "when it happened; deaths stand on their dates. Aalen-Johansen estimate.",
        f"Stacked areas of the {material.scale.name} grades. {mean}",
        (lambda: drawn.state_occupancy(result)) if not isinstance(result.grades, NotEstimable) else None,
        "" if not isinstance(result.grades, NotEstimable) else result.grades.reason,
    )  # fmt: skip

"""Which items of the report follow the patients over time?

Input: an `Analysis`.
Output: overall survival, its comparison with a published series, improvement with death competing, state occupancy,
times to event: tables and figures of section 14.2.
Protocol section: visits, endpoint.
Method: every number comes from `pnstrial.survival`.
Next: `reporting.contents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.reporting.items import Figure, Table, number
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from pnstrial.analysis import Analysis

MOST_TELLING = 2
"""Published points that a curve has at least, unless it is of anti-Hu patients."""

__all__ = ["history", "occupancy", "survival", "times"]


def survival(analysis: Analysis) -> tuple[Table, Figure, Figure]:
    """Tabulate and draw overall survival, and draw improvement with death competing."""
    from pnstrial.figures import survival as drawn
    from pnstrial.survival import overall_survival, reference, time_to_improvement
    from pnstrial.survival.competing.incidence import CumulativeIncidence
    from pnstrial.survival.curves.kaplan_meier import KaplanMeier

    result = overall_survival(analysis.trial, analysis.protocol)
    better = time_to_improvement(analysis.trial, analysis.protocol)
    at = result.landmarks
    frame = pd.DataFrame(
        {
            "months": at["months"].astype(int).to_list(),
            "n_risk": [] if at.empty else at["n_risk"].astype(int).to_list(),
            **{
                name: [f"{100 * value:.1f} %" if np.isfinite(value) else "no limit" for value in at[name]]
                for name in ("survival", "lower", "upper")
            },
        }
    )
    foot = (
        f"{result.events} deaths of {result.n} patients; {len(result.excluded)} without a usable record. "
        "Kaplan-Meier with beta product interval (Fay and Brittain 2013)."
    )
    table = Table(
        "14.2.7",
        "Overall survival",
        frame,
        ("Months", "At risk", "Survival", "Lower", "Upper"),
        "full analysis set with follow-up",
        "follow_up, infusions, screening",
        "visits",
        foot,
        "overall survival is not estimable at three months or later: nobody was followed so long.",
    )
    curve, incidence = result.curve, better.curve
    published = reference(unit="days")
    causes = incidence.causes if isinstance(incidence, CumulativeIncidence) else ()
    names = {1: "improved", 2: "dead before improvement"}
    return (
        table,
        Figure(
            "14.2.6",
            "Overall survival",
            "See the width of the band against the height of the curve, and the published series (dashed) beside it, "
            "which counts from diagnosis, in all grades. Numbers at risk stand under the axis.",
            "Step curve with band; numbers in table 14.2.7.",
            "full analysis set with follow-up",
            (lambda: drawn.kaplan_meier(curve, label="alive", reference=published))
            if isinstance(curve, KaplanMeier)
            else None,
            "no enrolled patient has a record",
        ),
        Figure(
            "14.2.7",
            "Improvement of the mRS, with death competing",
            "See how often improvement comes first, and how often death.",
            "Step curves with bands; numbers in table 14.2.8.",
            "full analysis set with a baseline",
            (lambda: drawn.cumulative_incidence(incidence, names=names))
            if isinstance(incidence, CumulativeIncidence) and causes
            else None,
            "nobody improved and nobody died"
            if isinstance(incidence, CumulativeIncidence)
            else "no patient has a record",
        ),
    )


def occupancy(analysis: Analysis) -> Figure:
    """Draw who is at which grade over the follow-up."""
    from pnstrial.figures import survival as drawn
    from pnstrial.survival import mrs_occupancy

    result = mrs_occupancy(analysis.trial, analysis.protocol, level=analysis.protocol.endpoint.level)
    mean = f"Not estimable: mean days at {result.group}."
    if isinstance(result.estimate, float):
        mean = f"Mean days at {result.group} in the first {result.horizon:.0f} days: {result.estimate:.1f}"
        if isinstance(result.ci, tuple):
            mean += f" ({100 * result.level:g} % interval {result.ci[0]:.1f} to {result.ci[1]:.1f})"
        mean += "."
    return Figure(
        "14.2.8",
        "State occupancy over follow-up",
        f"See how the share at {result.group} moves, and how death comes down from above. A grade is carried from one "
        "rating to the next and to the last contact, so a change shows on the day of the rating that found it, not "
        "when it happened; deaths stand on their dates. Aalen-Johansen estimate.",
        f"Stacked areas of the mRS grades. {mean}",
        "full analysis set with a baseline or a later rating",
        (lambda: drawn.state_occupancy(result)) if not isinstance(result.grades, NotEstimable) else None,
        "" if not isinstance(result.grades, NotEstimable) else result.grades.reason,
    )


def times(analysis: Analysis) -> Table:
    """Tabulate the times to event."""
    rows: list[dict[str, Any]] = []
    for parameter, words in (
        ("overall_survival", {1: "deaths"}),
        ("deterioration", {1: "deteriorated or dead"}),
        ("improvement", {1: "improved", 2: "dead before"}),
    ):
        own = analysis.times[analysis.times["parameter"] == parameter]
        rows.append(
            {
                "parameter": parameter.replace("_", " "),
                "n": len(own),
                "events": ", ".join(
                    f"{word}: {int((own['event'] == code).sum())}" for code, word in words.items()
                ),
                "censored": int((own["event"] == 0).sum()),
                "follow": f"{own['days'].median():.0f} days" if len(own) else "–",
            }
        )
    return Table(
        "14.2.8",
        "Times to event",
        pd.DataFrame(rows),
        ("Time to", "Records", "Events", "Censored", "Median observed time"),
        "full analysis set",
        "follow_up, mrs",
        "visits",
        "Days from day 1. Death competes with improvement.",
    )


def history(analysis: Analysis) -> Table:
    """Tabulate the deaths against those that published series of such patients expect."""
    from pnstrial.survival import overall_survival_against, published_references

    rows: list[dict[str, str]] = []
    for name, series in published_references().iterrows():
        if len(series["points"]) < MOST_TELLING and "anti-Hu" not in series["antibody"]:
            continue
        found = overall_survival_against(
            analysis.trial, analysis.protocol, str(name), level=analysis.protocol.endpoint.level
        )
        points = ", ".join(f"S({month:g}) = {alive:g}" for month, alive in series["points"].items())
        who = f"{series['citation'].split(' et al')[0]} {str(name)[-4:]}"
        antibody = series["antibody"].split(" (")[0]
        row = {"series": f"{who}, {antibody}, n = {series['n']}", "points": points}
        if isinstance(found, NotEstimable) or isinstance(found.ratio_ci, NotEstimable):
            reason = found if isinstance(found, NotEstimable) else found.ratio
            rows.append({**row, "observed": str(reason), "expected": "–", "ratio": "–", "p": "–"})
            continue
        limits = f"{number(found.ratio_ci[0])} to {number(found.ratio_ci[1])}"
        rows.append(
            {
                **row, "observed": str(found.observed), "expected": f"{found.expected:.1f}",
                "ratio": f"{number(found.observed / found.expected)} ({limits})", "p": f"{found.p_value_exact:.4f}",
            }
        )  # fmt: skip
    return Table(
        "14.2.9",
        "Deaths against published series (one-sample log-rank)",
        pd.DataFrame(rows),
        ("Series", "Months: alive", "Observed", "Expected", "Ratio (exact interval)", "Exact p"),
        "full analysis set with follow-up",
        "follow_up, infusions, screening",
        "visits",
        "The series count from diagnosis or treatment, in all grades; patients who can walk do better, so a "
        "ratio below 1 is no effect of treatment. Constant hazard between published points and after the last. The "
        "curves are taken as known; p is two-sided.",
    )

"""What happened to each patient, day by day?

Input: an `Analysis`.
Output: one lane per enrolled patient on an Axes: mRS in its colours, cycles, decision, rescue, death, last contact.
Protocol section: treatment, visits, decision.
Method: a lane is coloured by the last known mRS from one rating to the next; marks stand where they happened.
Next: `figures.flow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.eligibility import classify_medications
from pnstrial.figures.style import GREY, INK, MRS_COLOURS, axes_or_new, mrs_legend, named, tidy
from pnstrial.results import rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pnstrial.analysis import Analysis

__all__ = ["swimmer"]


def swimmer(
    analysis: Analysis,
    *,
    ax: Axes | None = None,
    patients: list[str] | None = None,
) -> Axes:
    """Draw a lane per patient.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    patients : list of str, optional
        Which patients, top to bottom; by default all enrolled ones.

    Returns
    -------
    matplotlib.axes.Axes
        Segments are named ``"lane:<patient>:mrs<grade>"``, deaths ``"death:<patient>"``,
        rescue immunotherapy ``"rescue:<patient>"``, the withdrawn and lost ``"left:<patient>"``.

    Examples
    --------
    >>> import pnstrial as pns, tempfile
    >>> from pnstrial.analysis import analyse
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> axes = swimmer(analyse(pns.read_trial(folder), pns.load_protocol("nct02343211")))
    >>> len(axes.get_yticklabels())
    18
    """
    shown = list(analysis.sets.full_analysis) if patients is None else patients
    axes = axes_or_new(ax, 8.0, 1.6 + 0.3 * max(3, len(shown)))
    known = analysis.assessments
    people = known.patients
    ratings = known.later
    start = analysis.visits.drop_duplicates("patient_id").set_index("patient_id")["baseline_mrs"]
    status = analysis.trial.follow_up.drop_duplicates("patient_id").set_index("patient_id")["status"]
    infusions = analysis.trial.infusions
    given = infusions[infusions["dose_g"] > 0].groupby(["patient_id", "cycle"])["date"].min().reset_index()
    last_day = float(max(visit.target_day for visit in analysis.protocol.visits)) + 20
    for place, patient in enumerate(shown):
        person: Any = people.loc[patient]
        own = ratings[ratings["patient_id"] == patient]
        days = [0.0, *((own["date"] - person["day_1"]).dt.days.to_list())]
        grades = [start.get(patient, np.nan), *own["mrs"].to_list()]
        dates = [person["death_date"], person["last_contact_date"], own["date"].max(), person["day_1"]]
        end = next(date for date in dates if not pd.isna(date))
        length = float(max((end - person["day_1"]).days, days[-1], 0))
        last_day = max(last_day, length)
        for begin, stop, grade in zip(days, [*days[1:], length], grades, strict=True):
            colour = "#FFFFFF" if np.isnan(grade) else MRS_COLOURS[int(grade)]
            bars = axes.barh(
                place,
                max(stop - begin, 0.8),
                left=begin,
                height=0.62,
                color=colour,
                edgecolor=GREY,
                linewidth=0.4,
            )
            label = "unknown" if np.isnan(grade) else f"mrs{int(grade)}"
            named(bars[0], f"lane:{patient}:{label}")
        cycles = given[given["patient_id"] == patient]
        at = (cycles["date"] - person["day_1"]).dt.days.to_numpy(dtype=float)
        axes.plot(
            at, np.full(len(at), place), ".", color="white", markeredgecolor=INK, markeredgewidth=0.6, ms=7
        )
        if not pd.isna(person["death_date"]):
            (mark,) = axes.plot(length + 2, place, marker="X", color=MRS_COLOURS[6], ms=7, linestyle="none")
            named(mark, f"death:{patient}")
        else:
            gone = status.get(patient) in {"withdrawn", "lost"}
            (mark,) = axes.plot(
                length + 2, place, marker="|" if gone else ">", color=INK, ms=6, linestyle="none"
            )
            named(mark, f"{'left' if gone else 'alive'}:{patient}")
    _decisions(analysis, axes, shown)
    _rescue(analysis, axes, shown)
    axes.set_yticks(range(len(shown)), shown, fontsize=7.5)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(-3, last_day * 1.04 + 6)
    axes.set_xlabel(
        "days since day 1   (• cycle, ◆ continue, ◇ stop, ▼ rescue, ✖ death, ▸ in contact, | left)",
        fontsize=9,
    )
    for visit in analysis.protocol.visits:
        axes.axvline(visit.target_day - 1, color=GREY, linewidth=0.8, linestyle=":")
        place = len(shown) - 0.45
        axes.text(visit.target_day + 1, place, visit.name, fontsize=8, ha="left", va="bottom", color=GREY)
    mrs_legend(axes, missing=False)
    return tidy(axes, keep=("bottom",))


def _rescue(analysis: Analysis, axes: Axes, shown: list[str]) -> None:
    """Mark every counting immunotherapy that began after day 1."""
    records = classify_medications(analysis.trial, analysis.protocol)
    day_1 = records["patient_id"].map(analysis.assessments.patients["day_1"])
    records = records[records["counts_as_rescue"] & (records["start_date"] > day_1)]
    for row in rows_of(records):
        if row.patient_id in shown:
            day = (row.start_date - analysis.assessments.patients["day_1"][row.patient_id]).days
            place = shown.index(row.patient_id)
            (mark,) = axes.plot(day, place - 0.33, marker="v", color="#7B3294", ms=5.5, linestyle="none")
            named(mark, f"rescue:{row.patient_id}")


def _decisions(analysis: Analysis, axes: Axes, shown: list[str]) -> None:
    table = analysis.decisions.set_index("patient_id")
    day_1 = analysis.assessments.patients["day_1"]
    for place, patient in enumerate(shown):
        row: Any = table.loc[patient]
        if row["decision"] not in {"continue", "discontinue"}:
            continue
        day = (row["date"] - day_1[patient]).days
        filled = INK if row["decision"] == "continue" else "white"
        axes.plot(day, place - 0.31, marker="D", color=filled, markeredgecolor=INK, ms=4.5, linestyle="none")

"""What happened to each patient over time?

Input: an `Analysis`.
Output: one lane per enrolled patient on an Axes: grades in their colours; with names and marks for few, thin for many.
Protocol section: treatment, visits, decision.
Method: a lane is coloured by the last known grade from one rating to the next; marks stand where they happened.
Next: `figures.flow`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.eligibility import classify_medications
from pnstrial.figures.style import (
    GREY,
    INK,
    MISSING_COLOUR,
    MRS_COLOURS,
    axes_or_new,
    few,
    grade_colours,
    month_ticks,
    named,
    plain_text,
    tidy,
)
from pnstrial.frames import value_of
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pnstrial.analysis import Analysis
    from pnstrial.vocabulary import Scale

__all__ = ["lanes", "swimmer"]

RESCUE: Final = "#7B3294"
"""Colour of rescue immunotherapy."""


@dataclass(frozen=True)
class _Lane:
    """One patient: days at which a grade begins, the grades in units (-1 unknown), the last day, how it ended."""

    patient: str
    days: tuple[float, ...]
    grades: tuple[int, ...]
    last: float
    end: str


def _lanes(analysis: Analysis) -> list[_Lane]:
    """Give the lanes of the enrolled patients: the dead, those who left, those in contact, each by length."""
    assessments = analysis.assessments
    scale = assessments.scale
    first = analysis.visits.drop_duplicates("patient_id").set_index("patient_id")[f"baseline_{scale.column}"]
    start = dict(zip(first.index, scale.to_units(first).tolist(), strict=True))
    status = (
        analysis.trial.follow_up.drop_duplicates("patient_id").set_index("patient_id")["status"].to_dict()
    )
    ratings = {str(patient): own for patient, own in assessments.later.groupby("patient_id", sort=False)}
    found: list[_Lane] = []
    for row in rows_of(assessments.patients):
        patient = str(row.Index)
        own = ratings.get(patient)
        days, grades = [0.0], [start.get(patient, -1)]
        if own is not None:
            days += (own["date"] - row.day_1).dt.days.astype(float).to_list()
            grades += own["unit"].to_list()
        end = next((date for date in (row.death_date, row.last_contact_date) if not pd.isna(date)), None)
        last = max(float((end - row.day_1).days) if end is not None else 0.0, days[-1], 0.0)
        kind = "dead" if not pd.isna(row.death_date) else str(status.get(patient, ""))
        found.append(
            _Lane(patient, tuple(days), tuple(grades), last, kind if kind != "lost" else "withdrawn")
        )
    order = {"dead": 0, "withdrawn": 1}
    return sorted(found, key=lambda lane: (order.get(lane.end, 2), lane.last))


def _grade_legend(axes: Axes, scale: Scale, unknown: bool, marks: list[Any], n: int) -> None:
    from matplotlib.patches import Patch

    colours = grade_colours(scale)
    handles: list[Any] = [
        Patch(facecolor=colours[unit], edgecolor=GREY, linewidth=0.4, label=scale.span(unit))
        for unit in few(scale.units)
    ]
    if unknown:
        handles.append(
            Patch(facecolor=MISSING_COLOUR, edgecolor=GREY, hatch="////", linewidth=0.4, label="unknown")
        )
    legend = axes.legend(
        handles=[*handles, *marks], ncols=7, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8.5,
        handlelength=1.1, handleheight=1.1, columnspacing=1.2, handletextpad=0.4, borderaxespad=0.3,
    )  # fmt: skip
    named(legend, "legend:lanes")
    axes.text(
        1.0, 1.01, f"n = {n}", transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=GREY
    )


def _visit_lines(analysis: Analysis, axes: Axes) -> None:
    for visit in analysis.protocol.visits:
        day = visit.target_day - 1
        axes.axvline(day, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(
            visit.name, (day, 0), xycoords=("data", "axes fraction"), xytext=(3, 3), textcoords="offset points",
            fontsize=8, color=GREY, zorder=4,
        )  # fmt: skip


@plain_text
def swimmer(analysis: Analysis, *, patients: list[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw a lane per patient, with cycles, decision, rescue, death and last contact.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    patients : list of str, optional
        Which patients; by default all enrolled ones. They are sorted: the dead on top, then those who left, then those
        in contact, each by length of follow-up.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Segments are named ``"lane:<patient>:mrs<grade>"`` (``score<unit>`` on another scale), deaths
        ``"death:<patient>"``, rescue immunotherapy ``"rescue:<patient>"``, the withdrawn and lost ``"left:<patient>"``.

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
    check_signature(swimmer, locals())
    chosen = [lane for lane in _lanes(analysis) if patients is None or lane.patient in patients]
    places = {lane.patient: place for place, lane in enumerate(chosen)}
    axes = axes_or_new(ax, 8.0, 1.7 + 0.3 * max(2, len(chosen)))
    given = analysis.trial.infusions
    given = given[given["dose_g"] > 0].groupby(["patient_id", "cycle"])["date"].min().reset_index()
    day_1 = analysis.assessments.patients["day_1"]
    cycles = {str(patient): own["date"] for patient, own in given.groupby("patient_id")}
    scale = analysis.assessments.scale
    column, colours = scale.column, grade_colours(scale)
    for place, lane in enumerate(chosen):
        for begin, stop, grade in zip(lane.days, [*lane.days[1:], lane.last], lane.grades, strict=True):
            unknown = grade < 0
            (bar,) = axes.barh(
                place, max(stop - begin, 0.8), left=begin, height=0.62, edgecolor=GREY, linewidth=0.4,
                color=MISSING_COLOUR if unknown else colours[grade], hatch="////" if unknown else None,
            )  # fmt: skip
            named(bar, f"lane:{lane.patient}:{'unknown' if unknown else f'{column}{grade}'}")
        if lane.patient in cycles:
            at = (cycles[lane.patient] - day_1[lane.patient]).dt.days.to_numpy(dtype=float)
            axes.plot(at, np.full(len(at), place), **MARKS["infusion cycle"])
        kind = {"dead": "death", "withdrawn": "withdrawn or lost"}.get(lane.end, "in contact")
        (mark,) = axes.plot(lane.last, place, **MARKS[kind], clip_on=False, zorder=5)
        named(
            mark, f"{kind.split(' ')[0].replace('withdrawn', 'left').replace('in', 'alive')}:{lane.patient}"
        )
    _decisions(analysis, axes, places)
    _rescue(analysis, axes, places)
    axes.set_yticks(range(len(chosen)), list(places), fontsize=8)
    axes.set_ylim(len(chosen) - 0.2, -0.6)
    longest = max(
        [lane.last for lane in chosen] + [float(visit.target_day) for visit in analysis.protocol.visits]
    )
    axes.set_xlim(-3, longest * 1.03)
    month_ticks(axes, longest)
    _visit_lines(analysis, axes)
    from matplotlib.lines import Line2D

    without = set() if analysis.protocol.decision else {"continue", "stop"}
    marks = [Line2D([], [], label=name, **style) for name, style in MARKS.items() if name not in without]
    unknown = any(grade < 0 for lane in chosen for grade in lane.grades)
    _grade_legend(axes, scale, unknown, marks, len(chosen))
    return tidy(axes, keep=("bottom",))


_EDGE: Final[dict[str, Any]] = {"linestyle": "none", "markeredgecolor": INK}
MARKS: Final[dict[str, dict[str, Any]]] = {
    "infusion cycle": {**_EDGE, "marker": "o", "color": "white", "ms": 4, "markeredgewidth": 0.7},
    "continue": {**_EDGE, "marker": "D", "color": INK, "ms": 4.5},
    "stop": {**_EDGE, "marker": "D", "color": "white", "ms": 4.5},
    "rescue": {**_EDGE, "marker": "v", "color": RESCUE, "markeredgecolor": RESCUE, "ms": 5.5},
    "death": {**_EDGE, "marker": "X", "color": MRS_COLOURS[6], "ms": 8, "markeredgecolor": "white"},
    "withdrawn or lost": {**_EDGE, "marker": "|", "color": INK, "ms": 9, "markeredgewidth": 1.6},
    "in contact": {**_EDGE, "marker": ">", "color": INK, "ms": 6},
}
"""How each event is marked, in the lanes and in the legend."""


def _rescue(analysis: Analysis, axes: Axes, places: dict[str, int]) -> None:
    """Mark every counting immunotherapy that began after day 1."""
    records = classify_medications(analysis.trial, analysis.protocol)
    day_1 = value_of(records["patient_id"], analysis.assessments.patients["day_1"])
    records = records[records["counts_as_rescue"] & (records["start_date"] > day_1)]
    for row in rows_of(records):
        if row.patient_id in places:
            day = (row.start_date - analysis.assessments.patients["day_1"][row.patient_id]).days
            (mark,) = axes.plot(day, places[row.patient_id] - 0.33, **MARKS["rescue"])
            named(mark, f"rescue:{row.patient_id}")


def _decisions(analysis: Analysis, axes: Axes, places: dict[str, int]) -> None:
    day_1 = analysis.assessments.patients["day_1"]
    words = {"continue": "continue", "discontinue": "stop"}
    for row in rows_of(analysis.decisions):
        if row.patient_id in places and row.decision in words:
            day = (row.date - day_1[row.patient_id]).days
            axes.plot(day, places[row.patient_id] - 0.31, **MARKS[words[row.decision]])


@plain_text
def lanes(analysis: Analysis, *, ax: Axes | None = None) -> Axes:
    """Draw a thin lane for every enrolled patient, however many there are.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The segments of a grade are named ``"lanes:mrs<grade>"`` (``"lanes:unknown"``), deaths ``"deaths"``.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

    found = _lanes(analysis)
    axes = axes_or_new(ax, 8.0, 6.0)
    scale = analysis.assessments.scale
    colours = grade_colours(scale)
    pieces: dict[str, list[list[tuple[float, float]]]] = {}
    for place, lane in enumerate(found):
        for begin, stop, grade in zip(lane.days, [*lane.days[1:], lane.last], lane.grades, strict=True):
            name = "unknown" if grade < 0 else f"{scale.column}{grade}"
            low, high = place - 0.5, place + 0.5
            pieces.setdefault(name, []).append([(begin, low), (stop, low), (stop, high), (begin, high)])
    for name, boxes in sorted(pieces.items()):
        grade = -1 if name == "unknown" else int(name.removeprefix(scale.column))
        colour = MISSING_COLOUR if grade < 0 else colours[grade]
        drawn = PolyCollection(boxes, facecolors=colour, edgecolors="none", linewidths=0)
        named(axes.add_collection(drawn), f"lanes:{name}")
    dead = [(lane.last, place) for place, lane in enumerate(found) if lane.end == "dead"]
    if dead:
        x, y = zip(*dead, strict=True)
        named(axes.plot(x, y, "s", color=MRS_COLOURS[6], ms=2, linestyle="none")[0], "deaths")
    axes.set_ylim(len(found) * 1.04 + 0.5, -1.5)
    longest = max(
        [lane.last for lane in found] + [float(visit.target_day) for visit in analysis.protocol.visits]
    )
    axes.set_xlim(0, longest * 1.02)
    month_ticks(axes, longest)
    groups = [("died", "dead"), ("withdrawn or lost", "withdrawn"), ("in contact", "")]
    marks: list[tuple[float, str]] = []
    top = 0
    for words, kind in groups:
        own = sum((lane.end == kind) if kind else lane.end not in {"dead", "withdrawn"} for lane in found)
        if own:
            marks.append((top + own / 2 - 0.5, f"{words}\nn = {own}"))
            if top:
                axes.axhline(top - 0.5, color=INK, linewidth=0.8)
        top += own
    axes.set_yticks([place for place, _ in marks], [words for _, words in marks])
    _visit_lines(analysis, axes)
    handle = Line2D([], [], marker="s", color=MRS_COLOURS[6], linestyle="none", ms=4, label="death")
    _grade_legend(axes, scale, "unknown" in pieces, [handle] if dead else [], len(found))
    tidy(axes, keep=("bottom",))
    axes.tick_params(axis="y", length=0)
    return axes

"""Where did the patients go, from screening to each analysis set?

Input: a `Flow` of counts.
Output: boxes and arrows on an Axes, sized to their text.
Protocol section: criteria, decision, visits.
Method: CONSORT 2025 flow diagram, adapted to one arm.
Next: `figures.proportions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pnstrial.figures.style import GREY, INK, axes_or_new, bare, named
from pnstrial.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pnstrial.analysis import Analysis

__all__ = ["Flow", "consort_flow", "count_flow"]


@dataclass(frozen=True)
class Flow(Result):
    """Counts of the flow diagram.

    Attributes
    ----------
    screened, not_enrolled, enrolled, infused : int
    exclusions : tuple of (str, int)
        Reasons for not being enrolled: criteria that failed, joined where a patient fails several, so that each
        patient counts once.
    decisions : tuple of (str, int)
        Interim decisions of the enrolled.
    at_visit : tuple of (str, int, int, int)
        Visit, patients rated, dead, without value.
    full_analysis, safety, per_protocol : int
    """

    screened: int
    not_enrolled: int
    enrolled: int
    infused: int
    exclusions: tuple[tuple[str, int], ...]
    decisions: tuple[tuple[str, int], ...]
    at_visit: tuple[tuple[str, int, int, int], ...]
    full_analysis: int
    safety: int
    per_protocol: int


def count_flow(analysis: Analysis) -> Flow:
    """Count the patients of the flow diagram.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis

    Returns
    -------
    Flow
        Screened = not enrolled + enrolled; the exclusions add up to the not enrolled; the decisions, and the three
        numbers of each visit, add up to the enrolled.
    """
    enrolled = set(analysis.sets.full_analysis)
    overall = analysis.screening.overall
    out = overall[~overall["patient_id"].isin(enrolled)]
    criteria = analysis.screening.criteria
    failed = criteria[criteria["status"] == "fail"].groupby("patient_id")["criterion"].agg(" + ".join)
    reason = out["patient_id"].map(failed)
    reason = reason.where(reason.notna(), "no criterion fails, not enrolled")
    decisions = analysis.decisions["decision"].value_counts()
    visits = analysis.visits
    at_visit: list[tuple[str, int, int, int]] = []
    for visit in analysis.protocol.visits:
        kinds = visits.loc[visits["visit"] == visit.name, "derivation"].value_counts()
        counts = [int(kinds.get(kind, 0)) for kind in ("observed", "DEATH", "missing")]
        at_visit.append((visit.name, counts[0], counts[1], counts[2]))
    return Flow(
        screened=len(overall),
        not_enrolled=len(out),
        enrolled=len(enrolled),
        infused=len(analysis.sets.safety),
        exclusions=tuple((str(name), int(n)) for name, n in reason.value_counts().sort_index().items()),
        decisions=tuple(
            (name, int(decisions.get(name, 0)))
            for name in ("continue", "discontinue", "dead", "not evaluable")
        ),
        at_visit=tuple(at_visit),
        full_analysis=len(analysis.sets.full_analysis),
        safety=len(analysis.sets.safety),
        per_protocol=len(analysis.sets.per_protocol),
    )


def consort_flow(
    flow: Flow,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the flow diagram.

    Parameters
    ----------
    flow : Flow
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Boxes are named ``"box:<what>"``.
    """
    listed = list(flow.exclusions[:9])
    rest = sum(count for _, count in flow.exclusions[9:])
    if rest:
        listed.append(("other combinations", rest))
    side = [f"Not enrolled (n = {flow.not_enrolled})", *(f"   {name}: {count}" for name, count in listed)]
    decided = [f"Interim decision on the enrolled (n = {flow.enrolled})"]
    decided += [f"   {name}: {count}" for name, count in flow.decisions]
    main = [
        ("screened", [f"Screened (n = {flow.screened})"]),
        ("enrolled", [f"Enrolled: full analysis set (n = {flow.full_analysis})"]),
        ("infused", [f"Infused: safety set (n = {flow.safety})"]),
        ("decided", decided),
    ]
    for name, rated, dead, without in flow.at_visit:
        main.append((name, [f"{name} (n = {flow.enrolled}): rated {rated}, dead {dead}, no value {without}"]))
    main.append(("per protocol", [f"Per-protocol set (n = {flow.per_protocol})"]))
    line = 0.2
    heights = [line * len(lines) + 0.22 for _, lines in main]
    heights[0] = max(heights[0], line * len(side) + 0.22 - heights[1])
    total = sum(heights) + 0.42 * (len(heights) - 1)
    axes = axes_or_new(ax, 8.2, max(4.0, total + 0.4))
    bare(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, 8.2)
    axes.set_ylim(-total - 0.1, 0.1)
    top = 0.0
    boxes: list[tuple[float, float]] = []
    for (name, lines), height in zip(main, heights, strict=True):
        own = line * len(lines) + 0.22
        _box(axes, 0.1, top, 4.2, own, lines, f"box:{name}")
        boxes.append((top, top - own))
        top -= height + 0.42
    for (_, bottom), (below, _) in pairwise(boxes):
        axes.annotate(
            "", (2.2, below), (2.2, bottom), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1}
        )
    middle = (boxes[0][1] + boxes[1][0]) / 2
    height = line * len(side) + 0.22
    _box(axes, 4.75, min(0.0, middle + height / 2), 3.4, height, side, "box:not enrolled")
    axes.annotate("", (4.75, middle), (2.2, middle), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1})
    return axes


def _box(axes: Axes, x: float, top: float, width: float, height: float, lines: list[str], name: str) -> None:
    from matplotlib.patches import Rectangle

    patch = Rectangle((x, top - height), width, height, facecolor="white", edgecolor=INK, linewidth=1)
    named(axes.add_patch(patch), name)
    axes.text(
        x + 0.12, top - height / 2, "\n".join(lines), va="center", ha="left", fontsize=9, linespacing=1.35
    )

"""Where did the patients go, from screening to each analysis set?

Input: an `Analysis`, or the `Flow` counted from it.
Output: boxes and arrows on an Axes, sized to their text.
Protocol section: criteria, decision, visits.
Method: CONSORT 2025 flow diagram, adapted to one arm: nobody who has left is counted again further down.
Next: `figures.proportions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import pandas as pd

from pnstrial.figures.style import GREY, INK, axes_or_new, bare, named, plain_text
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from pnstrial.analysis import Analysis

__all__ = ["Flow", "FlowVisit", "consort_flow", "count_flow", "reasons_by_number"]

MOST_REASONS: Final = 5
"""Lines of reasons in a box; the rest is added up."""


@dataclass(frozen=True)
class FlowVisit:
    """The infused patients at a visit; each is counted once.

    Attributes
    ----------
    visit : str
    died, withdrawn, lost : int
        By the end of the visit's window, without a value in it.
    rated, without_value : int
        Of those still in the trial.
    """

    visit: str
    died: int
    withdrawn: int
    lost: int
    rated: int
    without_value: int

    @property
    def n(self) -> int:
        """Patients still in the trial."""
        return self.rated + self.without_value


@dataclass(frozen=True)
class Flow(Result):
    """Counts of the flow diagram.

    Attributes
    ----------
    screened, not_enrolled, enrolled, infused : int
    exclusions : tuple of (str, int)
        Reasons in words for not being enrolled; each patient counts once.
    at_visit : tuple of FlowVisit
        The visits of the protocol; each adds up to the infused.
    decision_visit : str
        Empty where the protocol has no interim decision.
    decisions : tuple of (str, int)
        Interim decisions on those still in the trial at that visit.
    per_protocol : int
    not_per_protocol : tuple of (str, int)
        Reasons for an enrolled patient not to be in the per-protocol set; a patient counts at each.
    """

    screened: int
    not_enrolled: int
    enrolled: int
    infused: int
    exclusions: tuple[tuple[str, int], ...]
    at_visit: tuple[FlowVisit, ...]
    decision_visit: str
    decisions: tuple[tuple[str, int], ...]
    per_protocol: int
    not_per_protocol: tuple[tuple[str, int], ...]


def _exclusions(analysis: Analysis, who: pd.Series[str]) -> tuple[tuple[str, int], ...]:
    """Give each patient who was not enrolled one reason, the most frequent first."""
    criteria = analysis.screening.criteria
    labels = {criterion.id: criterion.label for criterion in analysis.protocol.criteria}
    failed = criteria[criteria["status"] == "fail"].groupby("patient_id")["criterion"].agg(list).to_dict()
    unknown = criteria[criteria["status"] == "unknown"].groupby("patient_id")["criterion"].agg(list).to_dict()
    single: dict[str, int] = {}
    several: list[list[str]] = []
    open_ones: list[list[str]] = []
    no_reason = 0
    for patient in who:
        if patient in failed and len(failed[patient]) == 1:
            single[failed[patient][0]] = single.get(failed[patient][0], 0) + 1
        elif patient in failed:
            several.append(failed[patient])
        elif patient in unknown:
            open_ones.append(unknown[patient])
        else:
            no_reason += 1
    rows = sorted(((labels[key], count, [key]) for key, count in single.items()), key=lambda row: -row[1])
    fixed = [
        (words, len(lists), sorted({key for keys in lists for key in keys}))
        for words, lists in (("several criteria", several), ("eligibility not known", open_ones))
        if lists
    ]
    room = MOST_REASONS - len(fixed) - bool(no_reason)
    if len(rows) > room:
        rest = rows[room - 1 :]
        fixed.insert(
            0, ("other criteria", sum(row[1] for row in rest), [key for row in rest for key in row[2]])
        )
        rows = rows[: room - 1]
    found = [(words, count) for words, count, _ in rows]
    found += [(f"{words} ({', '.join(keys)})", count) for words, count, keys in fixed]
    return (*found, *([("no criterion fails, not enrolled", no_reason)] if no_reason else []))


def _at_visits(analysis: Analysis) -> tuple[tuple[FlowVisit, ...], dict[str, set[str]]]:
    """Count the infused patients at each visit, and give who is still in the trial there."""
    follow = analysis.trial.follow_up.drop_duplicates("patient_id").set_index("patient_id")
    day_1 = analysis.assessments.patients["day_1"]
    kinds = analysis.visits.set_index(["visit", "patient_id"])["derivation"].to_dict()
    still = list(analysis.sets.safety)
    gone = {"dead": 0, "withdrawn": 0, "lost": 0}
    found: list[FlowVisit] = []
    present: dict[str, set[str]] = {}
    for visit in analysis.protocol.visits:
        staying: list[str] = []
        for patient in still:
            kind = kinds.get((visit.name, patient))
            status = str(follow["status"].get(patient, ""))
            last = day_1[patient] + pd.Timedelta(days=visit.last_day - 1)
            left = status in {"withdrawn", "lost"} and follow["last_contact_date"][patient] <= last
            if kind == "DEATH":
                gone["dead"] += 1
            elif kind == "missing" and left:
                gone[status] += 1
            else:
                staying.append(patient)
        rated = sum(kinds.get((visit.name, patient)) == "observed" for patient in staying)
        found.append(
            FlowVisit(visit.name, gone["dead"], gone["withdrawn"], gone["lost"], rated, len(staying) - rated)
        )
        present[visit.name] = set(staying)
        still = staying
    return tuple(found), present


FAILS: Final = "fails "
MOST_SET_REASONS: Final = 10
"""Reasons for not being in a set up to which each has a line of its own."""


def reasons_by_number(reasons: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    """Count the patients by reason for not being in a set, the most frequent first.

    Parameters
    ----------
    reasons : pandas.DataFrame
        patient_id, reason; one row for each reason.

    Returns
    -------
    tuple of (str, int)
        Where there are many reasons, those who fail criteria are one, with the criteria named.
    """
    words = reasons["reason"].astype(object)
    if words.nunique() > MOST_SET_REASONS:
        failing = words.str.startswith(FAILS)
        ids = sorted({key for text in words[failing] for key in text.removeprefix(FAILS).split(", ")})
        words = words.mask(failing, f"fails criteria ({', '.join(ids)})")
    counts = reasons.groupby(words, sort=False)["patient_id"].nunique()
    counts = counts.sort_values(ascending=False, kind="stable")
    return tuple((str(name), int(n)) for name, n in counts.items())


def count_flow(analysis: Analysis) -> Flow:
    """Count the patients of the flow diagram.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis

    Returns
    -------
    Flow
        Screened = not enrolled + enrolled; the exclusions add up to the not enrolled; the numbers of each visit add up
        to the infused; no number on the way down is larger than the one above it.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> flow = count_flow(pns.analyse(trial, protocol))
    >>> flow.screened, flow.enrolled, flow.infused
    (26, 18, 17)
    """
    check_signature(count_flow, locals())
    enrolled = set(analysis.sets.full_analysis)
    overall = analysis.screening.overall
    out = overall.loc[~overall["patient_id"].isin(enrolled), "patient_id"]
    at_visit, present = _at_visits(analysis)
    decision = analysis.protocol.decision
    decided = analysis.decisions
    if decision is not None:
        decided = decided[decided["patient_id"].isin(present[decision.visit])]
    reasons = analysis.sets.reasons
    reasons = reasons[reasons["set"] == "per_protocol"]
    return Flow(
        screened=len(overall),
        not_enrolled=len(out),
        enrolled=len(enrolled),
        infused=len(analysis.sets.safety),
        exclusions=_exclusions(analysis, out),
        at_visit=at_visit,
        decision_visit="" if decision is None else decision.visit,
        decisions=tuple((str(name), int(n)) for name, n in decided["decision"].value_counts().items()),
        per_protocol=len(analysis.sets.per_protocol),
        not_per_protocol=reasons_by_number(reasons),
    )


# ------------------------------------------------------------------------------------------------------- drawing
LINE: Final = 0.19
"""Height of a line, in inches, as everything here."""
PADDING: Final = 0.2
GAP: Final = 0.3
MAIN: Final = (0.1, 3.9)
"""Left edge and width of the boxes on the way down."""
SIDE: Final = (4.55, 3.9)
CHARACTERS: Final = 50
"""Characters on a line of a box."""
WIDE: Final = 105
"""Characters on a line of the box over the whole width."""


def _wrapped(
    box: list[str], translate: Callable[[str], str] | None, characters: int = CHARACTERS
) -> list[str]:
    """Translate the lines of a box, and break those that are too long for it."""
    found: list[str] = []
    for line in box:
        text = line.lstrip()
        indent = line[: len(line) - len(text)]
        further = 2 * indent
        words = text if translate is None else translate(text)
        # a count stays with the last word before it
        words = re.sub(r" (?=[^ ]*\d$)", "\u00a0", words)
        found += wrap(words, characters, initial_indent=indent, subsequent_indent=further)
    return found


def _lines(head: str, rows: Sequence[tuple[str, int]] = ()) -> list[str]:
    return [head, *(f"   {words}: {count}" for words, count in rows)]


def _boxes(flow: Flow) -> list[tuple[str, list[str], list[str]]]:
    """Give the boxes on the way down: name, lines, and the lines of the box beside the arrow that leaves it."""
    head = f"Not enrolled (n = {flow.not_enrolled})" + ("; not met:" if flow.exclusions else "")
    boxes = [("screened", [f"Assessed for eligibility (n = {flow.screened})"], _lines(head, flow.exclusions))]
    never = flow.enrolled - flow.infused
    boxes.append(
        ("enrolled", [f"Enrolled (n = {flow.enrolled})"], [f"Never infused (n = {never})"] if never else [])
    )
    before = FlowVisit("", 0, 0, 0, 0, 0)
    lines = [f"Infused at least once (n = {flow.infused})"]
    name = "infused"
    for visit in flow.at_visit:
        left = [
            (word, now - then)
            for word, now, then in (
                ("died", visit.died, before.died),
                ("withdrawn", visit.withdrawn, before.withdrawn),
                ("lost to follow-up", visit.lost, before.lost),
            )
            if now > then
        ]
        total = sum(count for _, count in left)
        boxes.append((name, lines, _lines(f"Left by {visit.visit} (n = {total})", left) if total else []))
        name = visit.visit
        lines = [f"{visit.visit} (n = {visit.n})", f"   rated: {visit.rated}"]
        if visit.without_value:
            lines.append(f"   no value: {visit.without_value}")
        if visit.visit == flow.decision_visit:
            lines += _lines("Interim decision", flow.decisions) if flow.decisions else []
        before = visit
    return [*boxes, (name, lines, [])]


def _sets(flow: Flow) -> list[str]:
    out = flow.enrolled - flow.per_protocol
    sizes = (("full analysis", flow.enrolled), ("safety", flow.infused), ("per protocol", flow.per_protocol))
    lines = ["Analysis sets:  " + ",  ".join(f"{name} n = {n}" for name, n in sizes)]
    if out:
        reasons = ", ".join(f"{reason} {count}" for reason, count in flow.not_per_protocol)
        lines.append(
            f"Not per protocol: {out} of {flow.enrolled} (a patient may have several reasons): {reasons}"
        )
    return lines


@plain_text
def consort_flow(
    flow: Flow, *, ax: Axes | None = None, translate: Callable[[str], str] | None = None
) -> Axes:
    """Draw the flow diagram.

    Parameters
    ----------
    flow : Flow
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    translate : callable, optional
        Gives each line of a box in another language; the boxes are sized to what it gives.

    Returns
    -------
    matplotlib.axes.Axes
        Boxes are named ``"box:<what>"``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> axes = consort_flow(count_flow(pns.analyse(trial, protocol)))
    >>> len(axes.texts) > 5
    True
    """
    check_signature(consort_flow, locals())
    boxes = [
        (name, _wrapped(lines, translate), _wrapped(side, translate)) for name, lines, side in _boxes(flow)
    ]
    gaps = [max(GAP, _height(side) + 0.16) if side else GAP for _, _, side in boxes[:-1]]
    sets = _wrapped(_sets(flow), translate, WIDE)
    total = sum(_height(lines) for _, lines, _ in boxes) + sum(gaps) + GAP + _height(sets)
    axes = axes_or_new(ax, SIDE[0] + SIDE[1] + 0.1, total + 0.2)
    bare(axes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, SIDE[0] + SIDE[1] + 0.1)
    axes.set_ylim(-total - 0.1, 0.1)
    top = 0.0
    middle = MAIN[0] + MAIN[1] / 2
    for place, (name, lines, side) in enumerate(boxes):
        _box(axes, *MAIN, top, lines, f"box:{name}")
        top -= _height(lines)
        if place == len(boxes) - 1:
            break
        below = top - gaps[place]
        _arrow(axes, (middle, top), (middle, below), INK)
        if side:
            half = (top + below) / 2
            _arrow(axes, (middle, half), (SIDE[0], half), GREY)
            _box(
                axes,
                *SIDE,
                half + _height(side) / 2,
                side,
                "box:not enrolled" if not place else f"box:left {name}",
            )
        top = below
    _box(axes, MAIN[0], SIDE[0] + SIDE[1] - MAIN[0], top - GAP, sets, "box:per protocol")
    return axes


def _height(lines: list[str]) -> float:
    return LINE * len(lines) + PADDING


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1, "shrinkA": 0, "shrinkB": 0}
    )


def _box(axes: Axes, x: float, width: float, top: float, lines: list[str], name: str) -> None:
    from matplotlib.patches import Rectangle

    height = _height(lines)
    patch = Rectangle((x, top - height), width, height, facecolor="white", edgecolor=INK, linewidth=1)
    named(axes.add_patch(patch), name)
    for place, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        axes.text(
            x + 0.12 + 0.045 * indent, top - PADDING / 2 - (place + 0.5) * LINE, line.lstrip(), va="center", ha="left",
            fontsize=9, color=INK,
        )  # fmt: skip

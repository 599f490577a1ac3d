"""How does the shift of the mRS look?

Input: results of `pnstrial.shift` (a `ShiftResult`, a `TransitionTable`) or counts by grade.
Output: one Axes per figure: Grotta bars, alluvial, waterfall, cumulative odds, transition heat map.
Protocol section: visits, endpoint.
Method: every plotted part carries a name (``artist.get_gid()``) that says what it shows; no global style is set.
Next: `report`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.figures.style import (
    CHANGE_COLOURS,
    GREY,
    INK,
    LINE_COLOURS,
    MISSING_COLOUR,
    MRS_COLOURS,
    axes_or_new,
    bare,
    mrs_legend,
    named,
    note,
    plain_text,
    text_on,
    tidy,
)
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.shift import (
    CommonOddsRatio,
    CutPoints,
    PairedWins,
    ShiftResult,
    TransitionTable,
    common_odds_ratio,
    cutpoint_odds_ratios,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["alluvial", "cumulative_odds", "grotta_bars", "transition_heat_map", "waterfall"]

DEAD = 6
MISSING = 7
LOST = "#C4C4C4"
"""Hatch of a flow from or to a missing value."""


def _p(value: float) -> str:
    if value < 0.001 or value >= 0.995:
        return "p < 0.001" if value < 0.5 else "p > 0.99"
    return f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _limit(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _effect(result: object) -> str:
    """Write the line under the bars."""
    if isinstance(result, CommonOddsRatio):
        if isinstance(result.odds_ratio, NotEstimable) or isinstance(result.profile, NotEstimable):
            return f"Common odds ratio {result.odds_ratio}"
        low, high = (_limit(value) for value in result.profile)
        few = result.po_df > 0 and min(result.n_treated, result.n_control) < 50
        lines = (
            f"Common odds ratio for a better grade {_limit(result.odds_ratio)} "
            f"({result.level:.0%} profile interval {low} to {high}; {_p(result.p_value_lr)})\n"
            f"proportional odds: {_p(result.po_p_value_bootstrap if few else result.po_p_value)}"
            + (" (bootstrap)" if few else "")
        )
        return lines + (f"; {result.note}" if result.note else "")
    if isinstance(result, ShiftResult):
        parts: list[str] = []
        if not isinstance(result.p_value, NotEstimable):
            test = (
                "sign test"
                if result.shift_test == "sign"
                else result.shift_test.replace("rank,", "rank test,")
            )
            parts.append(f"exact {test}, Baseline to {result.visit}: {_p(result.p_value)}")
        if isinstance(result.wins, PairedWins):
            estimate, low, high = result.wins.net_benefit
            parts.append(f"net benefit {estimate:.2f} ({result.level:.0%} interval {low:.2f} to {high:.2f})")
        return f"n = {result.n} with both values\n" + "\n".join(parts) if parts else str(result.changes)
    return ""


@plain_text
def grotta_bars(
    groups: ShiftResult | CommonOddsRatio | Mapping[str, ArrayLike],
    effect: object = None,
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw stacked bars of the grades, one bar per group or visit.

    Parameters
    ----------
    groups : ShiftResult, CommonOddsRatio or mapping of str to array-like of int
        A shift result draws its visits, earliest on top, a common odds ratio its two groups; else the name of each
        group and its seven counts, the treated group first.
    effect : CommonOddsRatio or str, optional
        The line beneath; with two groups their common odds ratio by default, with a shift result its test.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Bars are named ``"bar:<group>:mrs<grade>"`` and, of the missing of a shift result, ``"bar:<visit>:missing"``;
        connecting lines ``"cut:<k>:<upper group>"``.

    Raises
    ------
    ValueError
        If a group does not have seven counts.

    Examples
    --------
    >>> axes = grotta_bars({"treated": [6, 21, 49, 43, 52, 13, 49], "control": [1, 15, 35, 44, 81, 32, 59]})
    >>> [round(float(bar.get_width()), 3) for bar in axes.patches if bar.get_gid() == "bar:treated:mrs2"]
    [0.21]
    """
    check_signature(grotta_bars, locals())
    if isinstance(groups, ShiftResult):
        rows = {visit: groups.counts[i] for i, visit in enumerate(groups.visits)}
        missing = dict(zip(groups.visits, groups.missing, strict=True))
        effect = groups if effect is None else effect
    else:
        if isinstance(groups, CommonOddsRatio):
            effect = groups if effect is None else effect
            groups = dict(zip(groups.groups, groups.counts, strict=True))
        rows = {name: np.asarray(counts, dtype=int) for name, counts in groups.items()}
        missing = {}
        wrong = [f"{name} has {counts.size}" for name, counts in rows.items() if counts.shape != (7,)]
        if wrong:
            raise ValueError(
                f"grotta_bars: groups: {', '.join(wrong)} counts; the mRS has seven grades, 0 to 6"
            )
        if effect is None and len(rows) == 2 and all(counts.any() for counts in rows.values()):
            effect = common_odds_ratio(counts=rows)
    axes = axes_or_new(ax, 8.0, 1.3 + 0.85 * len(rows))
    names = list(rows)
    edges = {
        name: _bar(axes, name, counts, -i, missing.get(name, 0))
        for i, (name, counts) in enumerate(rows.items())
    }
    for i, (upper, lower) in enumerate(pairwise(names)):
        if not (rows[upper].any() and rows[lower].any()):
            continue
        for cut in range(6):
            strong = cut == 2
            (line,) = axes.plot(
                [edges[upper][cut], edges[lower][cut]], [-i - 0.31, -i - 0.69],
                color=INK if strong else GREY, linewidth=1.8 if strong else 0.7, zorder=1,
            )  # fmt: skip
            named(line, f"cut:{cut}:{upper}")
    labels = [
        f"{name}\nn = {int(counts.sum()) + missing.get(name, 0)}"
        + (f", {missing[name]} missing" if missing.get(name) else "")
        for name, counts in rows.items()
    ]
    axes.set_yticks([-float(i) for i in range(len(names))], labels)
    axes.set_xlim(0, 1)
    axes.set_ylim(-len(names) + 0.55, 0.45)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    tidy(axes, keep=("bottom",))
    axes.tick_params(axis="y", length=0)
    mrs_legend(axes, missing=any(missing.values()))
    if title:
        axes.set_title(title, loc="left", pad=38, fontsize=11)
    line = effect if isinstance(effect, str) else _effect(effect)
    if line:
        note(axes, line, below=22)
    return axes


def _bar(axes: Axes, name: str, counts: NDArray[np.int64], y: float, missing: int = 0) -> NDArray[np.float64]:
    """Draw one bar and its labels, the missing hatched at its end; return the right edge of every grade."""
    total = max(int(counts.sum()) + missing, 1)
    if missing:
        (bar,) = axes.barh(
            y, missing / total, left=1.0 - missing / total, height=0.62, color=MISSING_COLOUR, edgecolor=GREY,
            hatch="////", linewidth=0.6, zorder=2,
        )  # fmt: skip
        named(bar, f"bar:{name}:missing")
        axes.text(
            1.0 - missing / total / 2, y, str(missing), ha="center", va="center", fontsize=9, color=INK, zorder=3,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
    right = np.cumsum(counts) / total
    crowded = 0
    for grade, count in enumerate(counts.tolist()):
        width = count / total
        left = right[grade] - width
        (bar,) = axes.barh(
            y,
            width,
            left=left,
            height=0.62,
            color=MRS_COLOURS[grade],
            edgecolor="white",
            linewidth=0.8,
            zorder=2,
        )
        named(bar, f"bar:{name}:mrs{grade}")
        if not count:
            continue
        middle = left + width / 2
        if width >= 0.03:
            axes.text(
                middle,
                y,
                str(count),
                ha="center",
                va="center",
                fontsize=9,
                color=text_on(MRS_COLOURS[grade]),
                zorder=3,
            )
            continue
        # narrow segments are labelled above the bar; neighbours step up so that they do not collide
        crowded += 1
        axes.annotate(
            str(count), (middle, y + 0.31), xytext=(0, 2 if crowded % 2 else 9), textcoords="offset points",
            ha="center", va="bottom", fontsize=7.5, color=INK, annotation_clip=False, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
    if not counts.any():
        axes.text(0.5, y, "no patient has a value", ha="center", va="center", fontsize=9, color=GREY)
    return right


@plain_text
def alluvial(result: ShiftResult, *, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Draw how patients flow between the grades of the visits.

    Parameters
    ----------
    result : ShiftResult
        The visits and patients.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Blocks are named ``"block:<visit>:mrs<grade>"`` (or ``missing``), flows
        ``"flow:<visit>:<from>-<to>:<patients>"``.

    Notes
    -----
    Every patient has the same height at every visit. Grade 0 is on top; death is set apart at the bottom;
    missing values are a hatched block under it.
    """
    check_signature(alluvial, locals())
    columns = ["baseline_mrs", *result.visits[1:]]
    patients = result.patients
    codes = (
        np.where(patients[columns].isna(), MISSING, patients[columns]).astype(int).reshape(-1, len(columns))
    )
    axes = axes_or_new(ax, 8.0, 5.0)
    gap, apart = max(0.35, len(codes) / 50), max(1.0, len(codes) / 30)
    half = 0.06
    tops = np.array(
        [[_top(codes[:, t], grade, gap, apart) for grade in range(8)] for t in range(len(columns))]
    )
    for t in range(len(columns) - 1):
        _flows(axes, codes[:, t], codes[:, t + 1], tops[t], tops[t + 1], t, half, result.visits[t])
    for t, visit in enumerate(result.visits):
        _blocks(axes, codes[:, t], tops[t], t, half, visit)
    sizes = np.stack([np.bincount(column, minlength=8) for column in codes.T])
    lowest = float((tops - sizes)[sizes > 0].min())
    axes.set_xlim(-0.32, len(columns) - 0.68)
    axes.set_ylim(lowest - 0.6, 0.6)
    axes.set_xticks(range(len(columns)), [f"{visit}\nn = {len(codes)}" for visit in result.visits])
    axes.set_yticks([])
    bare(axes)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, labelsize=10)
    _change_legend(axes, (codes == MISSING).any())
    if title:
        axes.set_title(title, loc="left", pad=26, fontsize=11)
    return axes


def _top(codes: NDArray[np.int64], grade: int, gap: float, apart: float) -> float:
    """Give the upper edge of a grade's block: patients above it, a gap per block, more before death and missing."""
    above = [g for g in range(grade) if (codes == g).any()]
    return -float(
        sum((codes == g).sum() for g in above) + gap * len(above) + apart * ((grade > 5) + (grade > 6))
    )


def _blocks(
    axes: Axes, codes: NDArray[np.int64], tops: NDArray[np.float64], x: int, half: float, visit: str
) -> None:
    from matplotlib.patches import Rectangle

    for grade in range(8):
        count = int((codes == grade).sum())
        if not count:
            continue
        lost = grade == MISSING
        colour = MISSING_COLOUR if lost else MRS_COLOURS[grade]
        block = Rectangle(
            (x - half, tops[grade] - count), 2 * half, count, facecolor=colour, edgecolor=GREY if lost else "white",
            hatch="////" if lost else None, linewidth=0.7, zorder=3,
        )  # fmt: skip
        named(block, f"block:{visit}:{'missing' if lost else f'mrs{grade}'}")
        axes.add_patch(block)
        middle = tops[grade] - count / 2
        is_thin = count < len(codes) / 40
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if lost else None
        if not is_thin:
            axes.text(
                x, middle, str(count), ha="center", va="center", fontsize=9, zorder=4, bbox=box,
                color=INK if lost else text_on(colour),
            )  # fmt: skip
        label = "missing" if lost else ("dead" if grade == DEAD else f"mRS {grade}")
        label += f": {count}" if is_thin else ""
        right = x > 0
        axes.text(
            x + half + 0.02 if right else x - half - 0.02, middle, label, ha="left" if right else "right",
            va="center", fontsize=8, color=GREY, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85} if right else None,
        )  # fmt: skip


def _flows(
    axes: Axes, before: NDArray[np.int64], after: NDArray[np.int64], tops: NDArray[np.float64],
    next_tops: NDArray[np.float64], t: int, half: float, visit: str,
) -> None:  # fmt: skip
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left, right = tops.copy(), next_tops.copy()
    table = np.zeros((8, 8), dtype=int)
    np.add.at(table, (before, after), 1)
    starts = {}
    for a in range(8):
        for b in range(8):
            starts[a, b] = left[a]
            left[a] -= table[a, b]
    for b in range(8):
        for a in range(8):
            count = int(table[a, b])
            if not count:
                continue
            y0, y1 = starts[a, b], right[b]
            right[b] -= count
            x0, x1 = t + half, t + 1 - half
            middle = (x0 + x1) / 2
            path = Path(
                [
                    (x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 - count),
                    (middle, y1 - count), (middle, y0 - count), (x0, y0 - count), (x0, y0),
                ],
                [
                    Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO,
                    Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY,
                ],
            )  # fmt: skip
            lost = MISSING in (a, b)
            flow = PathPatch(
                path, facecolor=_flow_colour(a, b), edgecolor=LOST if lost else "white", linewidth=0.5,
                hatch="////" if lost else None, alpha=0.8 if lost else 0.55, zorder=0 if lost else 1,
            )  # fmt: skip
            named(
                flow,
                f"flow:{visit}:{a if a < MISSING else 'missing'}-{b if b < MISSING else 'missing'}:{count}",
            )
            axes.add_patch(flow)


def _flow_colour(a: int, b: int) -> str:
    if MISSING in (a, b):
        return MISSING_COLOUR
    return CHANGE_COLOURS["improved" if b < a else ("deteriorated" if b > a else "stable")]


def _change_legend(axes: Axes, missing: bool) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, alpha=0.55, label=name) for name, colour in CHANGE_COLOURS.items()]
    if missing:
        handles.append(Patch(facecolor=MISSING_COLOUR, edgecolor=LOST, hatch="////", label="value missing"))
    legend = axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        frameon=False,
        fontsize=9,
    )
    named(legend, "legend:change")


@plain_text
def waterfall(result: ShiftResult, *, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Draw each patient's change from baseline, sorted.

    Parameters
    ----------
    result : ShiftResult
        The patients.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Bars are named ``"patient:<id>:<change>"``, ``"patient:<id>:dead"`` for deaths.

    Notes
    -----
    Improvement points down, as the mRS does. Colour is the baseline grade. No change is a tick; a death is
    hatched and drawn to its own mark above every other change.
    """
    check_signature(waterfall, locals())
    from matplotlib.patches import Patch

    frame = result.patients
    seen = frame[frame["baseline_mrs"].notna() & frame[result.visit].notna()]
    change = (seen[result.visit] - seen["baseline_mrs"]).to_numpy(dtype=float)
    dead = seen[result.visit].to_numpy() == DEAD
    base = seen["baseline_mrs"].to_numpy(dtype=float)
    order = np.lexsort((base, change, dead))
    axes = axes_or_new(ax, 8.0, 4.0)
    top = max(2.0, float(change[~dead].max(initial=0.0))) + 1.0
    for x, i in enumerate(order):
        height = top if dead[i] else change[i]
        colour = MRS_COLOURS[int(base[i])]
        identity = seen["patient_id"].iloc[i]
        if height == 0:
            (tick,) = axes.plot(
                [x - 0.4, x + 0.4], [0, 0], color=colour, linewidth=4, solid_capstyle="butt", zorder=3
            )
            named(tick, f"patient:{identity}:0")
            continue
        (bar,) = axes.bar(
            x, height, width=0.8, color=colour, edgecolor=INK if dead[i] else "white",
            hatch="////" if dead[i] else None, linewidth=0.8, zorder=2,
        )  # fmt: skip
        named(bar, f"patient:{identity}:{'dead' if dead[i] else f'{change[i]:+.0f}'}")
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    low = min(-2.0, float(change.min(initial=0.0)))
    levels = np.arange(int(low), int(top))
    ticks = [*levels.tolist(), top] if dead.any() else levels.tolist()
    axes.set_yticks(
        ticks, [*(f"{level:+d}" if level else "0" for level in levels), *(["died"] if dead.any() else [])]
    )
    axes.set_ylim(low - 0.3, (top if dead.any() else float(levels.max())) + 0.3)
    axes.set_xlim(-0.8, max(len(order), 1) - 0.2)
    many = len(order) > 40
    axes.set_xticks(
        [] if many else range(len(order)), None if many else seen["patient_id"].iloc[order].astype(str)
    )
    axes.set_ylabel(
        f"change in mRS, Baseline to {result.visit}\n← better\u00a0\u00a0\u00a0\u00a0\u00a0worse →"
    )
    tidy(axes, keep=("left",))
    axes.tick_params(axis="x", rotation=90 if len(order) > 12 else 0, length=0, labelsize=8)
    grades = sorted(set(base.astype(int)))
    handles = [Patch(facecolor=MRS_COLOURS[grade], label=f"mRS {grade}") for grade in grades]
    handles += [Patch(facecolor="white", edgecolor=INK, hatch="////", label="died")] if dead.any() else []
    legend = axes.legend(
        handles=handles, title="at baseline", ncols=max(len(handles), 1), frameon=False, fontsize=8.5,
        title_fontsize=8.5, loc="lower left", bbox_to_anchor=(0.0, 1.0), alignment="left", borderaxespad=0.2,
    )  # fmt: skip
    named(legend, "legend:baseline")
    lost = len(frame) - len(seen)
    text = f"n = {len(seen)}" + (f"; {lost} without both values are not shown" if lost else "")
    axes.text(1.0, 1.02, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, color=GREY)
    if title:
        axes.set_title(title, loc="left", pad=34, fontsize=11)
    return axes


@plain_text
def cumulative_odds(
    common: CommonOddsRatio,
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the odds ratio at every cut beside the common one.

    Parameters
    ----------
    common : CommonOddsRatio
        What `pnstrial.shift.common_odds_ratio` gives; it holds the patients of both groups.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Points are named ``"cut:<k>"``, their intervals ``"interval:<k>"``, the common odds ratio ``"common"``
        and its band ``"common:interval"``.

    Raises
    ------
    ValueError
        If `common` is no common odds ratio.

    Examples
    --------
    >>> from pnstrial.shift import common_odds_ratio
    >>> counts = ([6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59])
    >>> axes = cumulative_odds(common_odds_ratio(counts=counts))
    >>> [round(float(line.get_xdata()[0]), 2) for line in axes.lines if line.get_gid() == "cut:2"]
    [2.05]
    """
    check_signature(cumulative_odds, locals())
    rule = "a common odds ratio: cumulative_odds(shift.common_odds_ratio(counts=(treated, control)))"
    Checks("cumulative_odds").instance("common", common, CommonOddsRatio, rule).done()
    groups, level = common.groups, common.level
    counts = dict(zip(groups, common.counts, strict=True))
    cuts = cutpoint_odds_ratios(counts=counts, highest=len(common.counts[0]) - 1, level=level)
    axes = axes_or_new(ax, 9.0, 1.7 + 0.42 * len(cuts.cuts))
    low, high = _window(cuts, common)
    if isinstance(common.odds_ratio, float) and not isinstance(common.profile, NotEstimable):
        left, right = np.clip(common.profile, low, high)
        named(
            axes.axvspan(left, right, color=LINE_COLOURS[0], alpha=0.14, linewidth=0, zorder=0),
            "common:interval",
        )
        if low < common.odds_ratio < high:
            named(axes.axvline(common.odds_ratio, color=LINE_COLOURS[0], linewidth=1.6, zorder=1), "common")
    named(axes.axvline(1.0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1), "no effect")
    for row, cut in enumerate(cuts.cuts.tolist()):
        _cut_row(axes, cuts, row, cut, low, high)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [value for value in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= value <= high]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.set_xticks([], minor=True)
    names = ["mRS 0" if cut == 0 else f"mRS 0–{cut}" for cut in cuts.cuts.tolist()]
    axes.set_yticks([-float(row) for row in range(len(names))], names)
    axes.set_ylim(-len(names) + 0.4, 0.6)
    axes.set_xlabel(
        f"odds ratio for a grade at or below the cut, {groups[0]} against {groups[1]} (log scale)"
    )
    tidy(axes, keep=("bottom",))
    axes.tick_params(axis="y", length=0)
    _margin(axes, 0.75, f"{groups[0]} v {groups[1]}", f"odds ratio ({level:.0%} interval)")
    axes.set_title(title or "", loc="left", fontsize=11, pad=14)
    note(axes, _effect(common), below=40)
    return axes


def _window(cuts: CutPoints, common: CommonOddsRatio) -> tuple[float, float]:
    """Choose limits that show every finite limit within reason."""
    values = [*cuts.odds_ratio[cuts.estimable], *cuts.lower[cuts.estimable], *cuts.upper[cuts.estimable]]
    if not isinstance(common.profile, NotEstimable):
        values += list(common.profile)
    finite = [value for value in values if np.isfinite(value) and value > 0]
    low = min([0.5, *finite]) / 1.25
    high = max([2.0, *finite]) * 1.25
    return max(low, 0.02), min(high, 150.0)


def _margin(axes: Axes, y: float, left: str, right: str) -> None:
    """Write two columns beside the plot."""
    for offset, words, colour in ((10, left, GREY), (118, right, INK)):
        axes.annotate(
            words, (1.0, y), xytext=(offset, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=8.5, color=colour, annotation_clip=False,
        )  # fmt: skip


def _cut_row(axes: Axes, cuts: CutPoints, row: int, cut: int, low: float, high: float) -> None:
    good = f"{cuts.treated_good[row]}/{cuts.n_treated} v {cuts.control_good[row]}/{cuts.n_control}"
    odds = cuts.odds_ratio[row]
    text = "no information" if not cuts.estimable[row] else (
        f"{_limit(odds)} ({_limit(cuts.lower[row])} to {_limit(cuts.upper[row])})"
    )  # fmt: skip
    _margin(axes, -row, good, text)
    if not cuts.estimable[row]:
        return
    left, right = float(np.clip(cuts.lower[row], low, high)), float(np.clip(cuts.upper[row], low, high))
    (interval,) = axes.plot(
        [left, right], [-row, -row], color=INK, linewidth=1.2, zorder=2, solid_capstyle="butt"
    )
    named(interval, f"interval:{cut}")
    # an interval that leaves the window ends in an arrow
    for end, outside, mark in ((left, cuts.lower[row] < low, "<"), (right, cuts.upper[row] > high, ">")):
        if outside:
            axes.plot([end], [-row], marker=mark, color=INK, markersize=5, clip_on=False, zorder=3)
    if low <= odds <= high:
        (point,) = axes.plot([odds], [-row], marker="s", color=LINE_COLOURS[0], markersize=6, zorder=4)
        named(point, f"cut:{cut}")


@plain_text
def transition_heat_map(
    table: ShiftResult | TransitionTable, *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the transition table: earlier grades as rows, later ones as columns.

    Parameters
    ----------
    table : ShiftResult or TransitionTable
        The transitions.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Cells are named ``"cell:<from>-<to>:<patients>"``; the diagonal is outlined, improvement (below it)
        is blue, deterioration red.

    Raises
    ------
    ValueError
        If the shift result has no patient with both values.
    """
    check_signature(transition_heat_map, locals())
    from matplotlib.colors import to_hex, to_rgb
    from matplotlib.patches import Rectangle

    found = table.transitions if isinstance(table, ShiftResult) else table
    if isinstance(found, NotEstimable):
        raise ValueError(f"transition_heat_map: table: {found}")  # noqa: TRY004 - the patients lack values
    counts = found.counts
    used = np.flatnonzero(counts.sum(axis=1))
    rows = np.arange(used.min(), used.max() + 1)
    axes = axes_or_new(ax, 6.4, 1.6 + 0.55 * len(rows))
    totals = counts.sum(axis=1)
    for y, a in enumerate(rows.tolist()):
        for b in range(7):
            count = int(counts[a, b])
            share = count / totals[a] if totals[a] else 0.0
            base = "#7A7A7A" if a == b else CHANGE_COLOURS["improved" if b < a else "deteriorated"]
            weight = 0.10 + 0.80 * share if count else 0.05
            red, green, blue = (1.0 - weight * (1.0 - part) for part in to_rgb(base))
            shade = to_hex((red, green, blue))
            cell = Rectangle((b - 0.5, y - 0.5), 1, 1, facecolor=shade, edgecolor="white", linewidth=1.0)
            named(cell, f"cell:{a}-{b}:{count}")
            axes.add_patch(cell)
            if count:
                ink = text_on(shade)
                axes.text(b, y - 0.12, str(count), ha="center", va="center", fontsize=11, color=ink)
                axes.text(b, y + 0.24, f"{share:.0%}", ha="center", va="center", fontsize=7.5, color=ink)
        outline = Rectangle((a - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.6, zorder=4)
        named(outline, f"diagonal:{a}")
        axes.add_patch(outline)
        axes.text(6.62, y, f"{int(totals[a])}", ha="left", va="center", fontsize=9, color=GREY)
    axes.text(6.62, -0.72, "n", ha="left", va="center", fontsize=9, color=GREY)
    axes.set_xlim(-0.5, 6.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(7), ["0", "1", "2", "3", "4", "5", "dead"])
    axes.set_yticks(range(len(rows)), [str(row) if row < DEAD else "dead" for row in rows.tolist()])
    axes.set_xlabel(f"mRS at {found.names[1]}")
    axes.set_ylabel(f"mRS at {found.names[0]}")
    axes.set_aspect("equal")
    bare(axes)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    note(
        axes,
        "counts and per cent of the row; outlined: no change; blue: improved; red: deteriorated",
        below=38,
        size=8,
    )
    return axes

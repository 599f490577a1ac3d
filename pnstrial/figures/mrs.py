"""How does the shift on a scale look?

Input: results of `pnstrial.shift` (a `ShiftResult`, a `TransitionTable`) or counts by grade.
Output: one Axes per figure: Grotta bars, alluvial, waterfall, transition heat map.
Protocol section: visits, endpoint.
Method: every plotted part carries a name (``artist.get_gid()``) that says what it shows; no global style is set.
Next: `report`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.figures.odds import effect_in_words
from pnstrial.figures.style import (
    CHANGE_COLOURS,
    GREY,
    INK,
    MISSING_COLOUR,
    axes_or_new,
    bare,
    few,
    grade_colours,
    grade_legend,
    named,
    note,
    plain_text,
    text_on,
    tidy,
)
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.shift import CommonOddsRatio, ShiftResult, TransitionTable, common_odds_ratio
from pnstrial.vocabulary import shipped_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.vocabulary import Scale

__all__ = ["alluvial", "grotta_bars", "transition_heat_map", "waterfall"]

MOST_LINES = 12
"""Cuts of a scale up to which each has a line from bar to bar, and marks of an axis."""
MOST_CELLS = 14
"""Grades up to which a transition table shows each."""
SHORT = 4
"""Grades in a legend up to which each has the name of the scale."""
LONG_NAME = 6
"""Letters of the name of a scale up to which it stands beside each grade."""
LOST = "#C4C4C4"
"""Hatch of a flow from or to a missing value."""


@plain_text
def grotta_bars(
    groups: ShiftResult | CommonOddsRatio | Mapping[str, ArrayLike],
    effect: object = None,
    *,
    scale: Scale | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw stacked bars of the grades, one bar per group or visit.

    Parameters
    ----------
    groups : ShiftResult, CommonOddsRatio or mapping of str to array-like of int
        A shift result draws its visits, earliest on top, a common odds ratio its two groups; else the name of each
        group and its counts by grade, the treated group first.
    effect : CommonOddsRatio or str, optional
        The line beneath; with two groups their common odds ratio by default, with a shift result its test.
    scale : Scale, optional
        Scale of the counts: one for each unit, death last. Default: that of a shift result; else the mRS.
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
        If a group does not have a count for each grade, death included.

    Examples
    --------
    >>> axes = grotta_bars({"treated": [6, 21, 49, 43, 52, 13, 49], "control": [1, 15, 35, 44, 81, 32, 59]})
    >>> [round(float(bar.get_width()), 3) for bar in axes.patches if bar.get_gid() == "bar:treated:mrs2"]
    [0.21]
    """
    check_signature(grotta_bars, locals())
    if isinstance(groups, ShiftResult):
        scale = groups.scale
        rows = {visit: groups.counts[i] for i, visit in enumerate(groups.visits)}
        missing = dict(zip(groups.visits, groups.missing, strict=True))
        effect = groups if effect is None else effect
    else:
        if isinstance(groups, CommonOddsRatio):
            effect = groups if effect is None else effect
            groups = dict(zip(groups.groups, groups.counts, strict=True))
        rows = {name: np.asarray(counts, dtype=int) for name, counts in groups.items()}
        missing = {}
        scale = scale or shipped_scale()
        wrong = [
            f"{name} has {counts.size}" for name, counts in rows.items() if counts.shape != (scale.dead + 1,)
        ]
        if wrong:
            raise ValueError(
                f"grotta_bars: groups: {', '.join(wrong)} counts; the {scale.name} has {scale.dead + 1} grades, death "
                "included"
            )
        if effect is None and len(rows) == 2 and all(counts.any() for counts in rows.values()):
            effect = common_odds_ratio(counts=rows)
    axes = axes_or_new(ax, 8.0, 1.3 + 0.85 * len(rows))
    names = list(rows)
    edges = {
        name: _bar(axes, name, counts, -i, scale, missing.get(name, 0))
        for i, (name, counts) in enumerate(rows.items())
    }
    for i, (upper, lower) in enumerate(pairwise(names)):
        if not (rows[upper].any() and rows[lower].any()):
            continue
        for cut, score in zip(scale.units, scale.scores, strict=True):
            strong = score == scale.cut
            if len(scale.units) > MOST_LINES and not strong:
                continue
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
    grade_legend(axes, scale, missing=any(missing.values()))
    if title:
        axes.set_title(title, loc="left", pad=38, fontsize=11)
    line = effect if isinstance(effect, str) else effect_in_words(effect)
    if line:
        note(axes, line, below=22)
    return axes


def _bar(
    axes: Axes, name: str, counts: NDArray[np.int64], y: float, scale: Scale, missing: int = 0
) -> NDArray[np.float64]:
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
    colours = grade_colours(scale)
    crowded = 0
    for grade, count in enumerate(counts.tolist()):
        if grade not in colours:  # no grade of the scale lies here
            continue
        width = count / total
        left = right[grade] - width
        (bar,) = axes.barh(
            y,
            width,
            left=left,
            height=0.62,
            color=colours[grade],
            edgecolor="white",
            linewidth=0.8,
            zorder=2,
        )
        named(bar, f"bar:{name}:{scale.column}{grade}")
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
                color=text_on(colours[grade]),
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

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> axes = alluvial(pns.mrs_shift(trial, protocol))
    >>> len(axes.patches) > 10
    True
    """
    check_signature(alluvial, locals())
    scale, dead = result.scale, result.scale.dead
    lost = dead + 1
    codes = np.where(result.units < 0, lost, result.units)
    axes = axes_or_new(ax, 8.0, 5.0)
    gap, apart = max(0.35, len(codes) / 50), max(1.0, len(codes) / 30)
    half = 0.06
    times = len(result.visits)
    tops = np.stack([_tops(codes[:, t], dead, gap, apart) for t in range(times)])
    for t in range(times - 1):
        _flows(axes, codes[:, t : t + 2], tops[t : t + 2], t, half, result.visits[t], lost)
    for t, visit in enumerate(result.visits):
        _blocks(axes, codes[:, t], tops[t], t, half, visit, scale)
    sizes = np.stack([np.bincount(column, minlength=lost + 1) for column in codes.T])
    lowest = float((tops - sizes)[sizes > 0].min())
    axes.set_xlim(-0.32, times - 0.68)
    axes.set_ylim(lowest - 0.6, 0.6)
    axes.set_xticks(range(times), [f"{visit}\nn = {len(codes)}" for visit in result.visits])
    axes.set_yticks([])
    bare(axes)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, labelsize=10)
    _change_legend(axes, (codes == lost).any())
    if title:
        axes.set_title(title, loc="left", pad=26, fontsize=11)
    return axes


def _tops(codes: NDArray[np.int64], dead: int, gap: float, apart: float) -> NDArray[np.float64]:
    """Give the upper edge of every block: patients above it, a gap per block, more before death and missing."""
    sizes = np.bincount(codes, minlength=dead + 2)
    grades = np.arange(dead + 2)
    above = np.cumsum(sizes) - sizes
    blocks = np.cumsum(sizes > 0) - (sizes > 0)
    more = (grades >= dead).astype(int) + (grades > dead)
    return -(above + gap * blocks + apart * more)


def _blocks(
    axes: Axes,
    codes: NDArray[np.int64],
    tops: NDArray[np.float64],
    x: int,
    half: float,
    visit: str,
    scale: Scale,
) -> None:
    from matplotlib.patches import Rectangle

    colours = grade_colours(scale)
    for grade, count in enumerate(np.bincount(codes).tolist()):
        if not count:
            continue
        lost = grade > scale.dead
        colour = MISSING_COLOUR if lost else colours[grade]
        block = Rectangle(
            (x - half, tops[grade] - count), 2 * half, count, facecolor=colour, edgecolor=GREY if lost else "white",
            hatch="////" if lost else None, linewidth=0.7, zorder=3,
        )  # fmt: skip
        named(block, f"block:{visit}:{'missing' if lost else f'{scale.column}{grade}'}")
        axes.add_patch(block)
        middle = tops[grade] - count / 2
        is_thin = count < len(codes) / 40
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if lost else None
        if not is_thin:
            axes.text(
                x, middle, str(count), ha="center", va="center", fontsize=9, zorder=4, bbox=box,
                color=INK if lost else text_on(colour),
            )  # fmt: skip
        label = "missing" if lost else ("dead" if grade == scale.dead else scale.span(grade))
        label += f": {count}" if is_thin else ""
        right = x > 0
        axes.text(
            x + half + 0.02 if right else x - half - 0.02, middle, label, ha="left" if right else "right",
            va="center", fontsize=8, color=GREY, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85} if right else None,
        )  # fmt: skip


def _flows(
    axes: Axes, codes: NDArray[np.int64], tops: NDArray[np.float64], t: int, half: float, visit: str, missing: int
) -> None:  # fmt: skip
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left, right = tops[0].copy(), tops[1].copy()
    table = np.zeros((missing + 1, missing + 1), dtype=int)
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    starts = {}
    for a, b in np.argwhere(table).tolist():
        starts[a, b] = left[a]
        left[a] -= table[a, b]
    for b, a in np.argwhere(table.T).tolist():
        count = int(table[a, b])
        if count:
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
            lost = missing in (a, b)
            flow = PathPatch(
                path, facecolor=MISSING_COLOUR if lost else _flow_colour(a, b), linewidth=0.5,
                edgecolor=LOST if lost else "white",
                hatch="////" if lost else None, alpha=0.8 if lost else 0.55, zorder=0 if lost else 1,
            )  # fmt: skip
            named(
                flow,
                f"flow:{visit}:{a if a < missing else 'missing'}-{b if b < missing else 'missing'}:{count}",
            )
            axes.add_patch(flow)


def _flow_colour(a: int, b: int) -> str:
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
    Improvement points down. Colour is the baseline grade. No change is a tick; a death is
    hatched and drawn to its own mark above every other change.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> axes = waterfall(pns.mrs_shift(trial, protocol))
    >>> len(axes.patches) > 10
    False
    """
    check_signature(waterfall, locals())
    from matplotlib.patches import Patch

    scale, frame = result.scale, result.patients
    units = result.units[:, [0, result.visits.index(result.visit)]]
    both = (units >= 0).all(axis=1)
    seen, units = frame[both], units[both]
    dead = units[:, 1] == scale.dead
    # a fall of the units is an improvement; the axis has the points of the scale
    change = (units[:, 1] - units[:, 0]) * scale.unit
    base, colours = units[:, 0], grade_colours(scale)
    order = np.lexsort((base, change, dead))
    axes = axes_or_new(ax, 8.0, 4.0)
    sign, point = (1 if scale.better == "lower" else -1), scale.unit
    worst = max(2 * point, float(change[~dead].max(initial=0.0)))
    low = min(-2 * point, float(change.min(initial=0.0)))
    step = point * next((k for k in (1, 2, 5, 10, 20) if (worst - low) / (k * point) <= MOST_LINES), 50)
    top = worst + step
    for x, i in enumerate(order):
        height = top if dead[i] else change[i]
        colour = colours[int(base[i])]
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
        named(bar, f"patient:{identity}:{'dead' if dead[i] else f'{sign * change[i]:+g}'}")
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    levels = (np.arange(np.ceil(low / step), np.floor(worst / step) + 1) * step).tolist()
    words = [f"{sign * level:+g}" if level else "0" for level in levels]
    axes.set_yticks([*levels, top] if dead.any() else levels, [*words, *(["died"] if dead.any() else [])])
    axes.set_ylim(low - 0.3 * step, (top if dead.any() else worst) + 0.3 * step)
    axes.set_xlim(-0.8, max(len(order), 1) - 0.2)
    many = len(order) > 40
    axes.set_xticks(
        [] if many else range(len(order)), None if many else seen["patient_id"].iloc[order].astype(str)
    )
    axes.set_ylabel(
        f"change in {scale.name}, Baseline to {result.visit}\n← better\u00a0\u00a0\u00a0\u00a0\u00a0worse →"
    )
    tidy(axes, keep=("left",))
    axes.tick_params(axis="x", rotation=90 if len(order) > 12 else 0, length=0, labelsize=8)
    found = few(sorted(set(base.tolist())))
    short = len(found) > SHORT or len(scale.name) > LONG_NAME
    heading = f"{scale.name} at baseline" if short else "at baseline"
    handles = [
        Patch(facecolor=colours[unit], label=scale.labels[unit] if short else scale.span(unit))
        for unit in found
    ]
    handles += [Patch(facecolor="white", edgecolor=INK, hatch="////", label="died")] if dead.any() else []
    legend = axes.legend(
        handles=handles, title=heading, ncols=max(min(len(handles), 6), 1), frameon=False, fontsize=8.5,
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

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> axes = transition_heat_map(pns.mrs_shift(trial, protocol))
    >>> len(axes.texts) > 10
    True
    """
    check_signature(transition_heat_map, locals())
    from matplotlib.colors import to_hex, to_rgb
    from matplotlib.patches import Rectangle

    found = table.transitions if isinstance(table, ShiftResult) else table
    if isinstance(found, NotEstimable):
        raise ValueError(f"transition_heat_map: table: {found}")  # noqa: TRY004 - the patients lack values
    counts, words, what = _cells(table, found.counts)
    dead = len(words) - 1
    used = np.flatnonzero(counts.sum(axis=1))
    rows = np.arange(used.min(), used.max() + 1)
    axes = axes_or_new(ax, max(6.4, 0.75 * len(words)), 1.6 + 0.55 * len(rows))
    totals = counts.sum(axis=1)
    for y, a in enumerate(rows.tolist()):
        for b in range(dead + 1):
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
        axes.text(dead + 0.62, y, f"{int(totals[a])}", ha="left", va="center", fontsize=9, color=GREY)
    axes.text(dead + 0.62, -0.72, "n", ha="left", va="center", fontsize=9, color=GREY)
    axes.set_xlim(-0.5, dead + 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(dead + 1), words)
    axes.set_yticks(range(len(rows)), [words[row] for row in rows.tolist()])
    axes.set_xlabel(f"{what} at {found.names[1]}")
    axes.set_ylabel(f"{what} at {found.names[0]}")
    axes.set_aspect("equal")
    bare(axes)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    same = "no change" if dead < MOST_CELLS else "the same band"
    note(
        axes,
        f"counts and per cent of the row; outlined: {same}; blue: improved; red: deteriorated",
        below=38,
        size=8,
    )
    return axes


def _cells(
    table: ShiftResult | TransitionTable, counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str], str]:
    """Give the counts by grade, what each grade is called, and the scale; of a long scale by bands of grades."""
    if isinstance(table, ShiftResult):
        scale = table.scale
    else:
        scale = shipped_scale()
        if len(counts) != scale.dead + 1:
            return counts, [str(grade) for grade in range(len(counts))], "grade"
    units = [*scale.units, scale.dead]
    if len(units) <= MOST_CELLS:
        kept = counts[np.ix_(units, units)]
        return kept, [scale.labels[unit] for unit in scale.units] + ["dead"], scale.name
    bands = [[int(unit) for unit in band] for band in np.array_split(scale.units, MOST_CELLS - 3)]
    bands.append([scale.dead])
    kept = np.array([[counts[np.ix_(a, b)].sum() for b in bands] for a in bands])
    words = [scale.span(*band).removeprefix(f"{scale.name} ") for band in bands[:-1]]
    return kept, [*words, "dead"], scale.name

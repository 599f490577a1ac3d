"""How does an odds ratio look, and how is an effect written under a figure?

Input: a common odds ratio, or a `ShiftResult`.
Output: the odds ratio at every cut beside the common one, on an Axes; a line of words.
Protocol section: none.
Method: every plotted part carries a name (``artist.get_gid()``) that says what it shows; no global style is set.
Next: `figures.mrs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.figures.style import GREY, INK, LINE_COLOURS, axes_or_new, named, note, plain_text, tidy
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.shift import CommonOddsRatio, CutPoints, PairedWins, ShiftResult, cutpoint_odds_ratios
from pnstrial.vocabulary import shipped_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cumulative_odds", "effect_in_words"]


def _p(value: float) -> str:
    if value < 0.001 or value >= 0.995:
        return "p < 0.001" if value < 0.5 else "p > 0.99"
    return f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"


def _limit(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def effect_in_words(result: object) -> str:
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
    scale = shipped_scale()
    name = scale.name if len(common.counts[0]) == scale.dead + 1 else "grade"
    names = [f"{name} 0" if cut == 0 else f"{name} 0–{cut}" for cut in cuts.cuts.tolist()]
    axes.set_yticks([-float(row) for row in range(len(names))], names)
    axes.set_ylim(-len(names) + 0.4, 0.6)
    axes.set_xlabel(
        f"odds ratio for a grade at or below the cut, {groups[0]} against {groups[1]} (log scale)"
    )
    tidy(axes, keep=("bottom",))
    axes.tick_params(axis="y", length=0)
    _margin(axes, 0.75, f"{groups[0]} v {groups[1]}", f"odds ratio ({level:.0%} interval)")
    axes.set_title(title or "", loc="left", fontsize=11, pad=14)
    note(axes, effect_in_words(common), below=40)
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

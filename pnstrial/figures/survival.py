"""How do a survival curve, a cumulative incidence and a state occupancy look, with how many patients under them?

Input: a `KaplanMeier`, a `CumulativeIncidence`, a `StateOccupancy` or a `MrsOccupancy`, in days.
Output: a step curve with its band, or stacked areas, on an Axes; numbers at risk or observed under the ticks.
Protocol section: none.
Method: numbers at risk are counted at the start of each interval; the axis runs from 0 to 1.
Next: `figures.patients`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.figures.style import (
    GREY,
    INK,
    LINE_COLOURS,
    MRS_COLOURS,
    MRS_LABELS,
    axes_or_new,
    named,
    text_on,
    tidy,
)
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import NotEstimable
from pnstrial.survival.competing.states import StateOccupancy
from pnstrial.survival.trial.mrs_states import MrsOccupancy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from pnstrial.survival.competing.incidence import CumulativeIncidence
    from pnstrial.survival.curves.kaplan_meier import KaplanMeier
    from pnstrial.survival.reference.curve import Reference

__all__ = ["cumulative_incidence", "kaplan_meier", "state_occupancy"]


def _frame(axes: Axes, longest: float, risk_at: dict[float, int]) -> None:
    """Set axes and ticks in months, with the numbers at risk under them."""
    axes.set_xlim(0, max(longest, 1.0) * 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
    labels = [f"{day / DAYS_PER_MONTH:.0f}\n{count}" for day, count in risk_at.items()]
    axes.set_xticks(list(risk_at), labels, fontsize=8.5)
    axes.set_xlabel("months since day 1; beneath, patients at risk", fontsize=9)


def _months(longest: float) -> list[float]:
    step = next((step for step in (1, 3, 6, 12, 24) if longest / (step * DAYS_PER_MONTH) <= 8), 60)
    return [month * DAYS_PER_MONTH for month in range(0, int(longest / DAYS_PER_MONTH) + 1, step)]


def kaplan_meier(
    curve: KaplanMeier,
    *,
    ax: Axes | None = None,
    label: str = "survival",
    reference: Reference | None = None,
) -> Axes:
    """Draw a survival curve, with a known curve beside it.

    Parameters
    ----------
    curve : KaplanMeier
        Times in days.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    label : str
        Label of the vertical axis.
    reference : Reference, optional
        A known curve in days, drawn dashed up to the longest follow-up and named at its end.

    Returns
    -------
    matplotlib.axes.Axes
        The step line is named ``"curve"``, the band ``"band"``, censor ticks ``"censored"``, the known curve
        ``"reference"``.

    Examples
    --------
    >>> from pnstrial.survival import kaplan_meier as estimate
    >>> axes = kaplan_meier(estimate([40, 90, 200, 300], [1, 0, 1, 0]))
    >>> [line.get_gid() for line in axes.lines if line.get_gid()]
    ['curve', 'censored', 'half']
    """
    axes = axes_or_new(ax, 7.0, 4.2)
    time = np.concatenate([[0.0], curve.time])
    survival = np.concatenate([[1.0], curve.survival])
    start_low, start_high = curve.start_limits
    low = np.concatenate([[start_low], curve.lower])
    high = np.concatenate([[start_high], curve.upper])
    colour = LINE_COLOURS[0]
    band = axes.fill_between(time, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
    named(band, "band")
    named(axes.step(time, survival, where="post", color=colour, linewidth=1.8)[0], "curve")
    censored = curve.n_censored > 0
    named(
        axes.plot(curve.time[censored], curve.survival[censored], "|", color=INK, ms=7, linestyle="none")[0],
        "censored",
    )
    named(axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":"), "half")
    longest = float(time[-1])
    if reference is not None:
        days = np.linspace(0, longest, 200)
        known = reference.survival(days)
        named(axes.plot(days, known, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))[0], "reference")
        axes.annotate(
            reference.name, (longest, float(known[-1])), xytext=(0, -4), textcoords="offset points", ha="right",
            va="top", fontsize=8.5, color=INK,
        )  # fmt: skip
    risk = {day: int((curve.n_risk[curve.time >= day]).max(initial=0)) for day in _months(longest)}
    _frame(axes, longest, risk)
    median = curve.quantile(0.5)
    told = [_limit(value) for value in (median.estimate, median.lower, median.upper)]
    words = f"median {told[0]} ({100 * curve.level:g} % interval {told[1]} to {told[2]}), n = {curve.n:g}"
    axes.set_title(f"{words}, {curve.events:g} events", fontsize=9, loc="left")
    axes.set_ylabel(label, fontsize=9)
    return tidy(axes)


def _limit(value: object) -> str:
    if (
        value is None
        or isinstance(value, NotEstimable)
        or not isinstance(value, int | float)
        or not np.isfinite(value)
    ):
        return "not reached"
    return f"{value / DAYS_PER_MONTH:.1f} months"


def cumulative_incidence(
    result: CumulativeIncidence,
    *,
    ax: Axes | None = None,
    names: dict[int, str] | None = None,
) -> Axes:
    """Draw the cumulative incidence of each cause.

    Parameters
    ----------
    result : CumulativeIncidence
        Times in days.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    names : dict of int to str, optional
        What each cause is called.

    Returns
    -------
    matplotlib.axes.Axes
        Lines are named ``"cause:<number>"``.
    """
    axes = axes_or_new(ax, 7.0, 4.2)
    time = np.concatenate([[0.0], result.time])
    for place, cause in enumerate(result.causes):
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        values = np.concatenate([[0.0], result.incidence[cause]])
        low = np.concatenate([[0.0], result.lower[cause]])
        high = np.concatenate([[0.0], result.upper[cause]])
        axes.fill_between(time, low, high, step="post", color=colour, alpha=0.13, linewidth=0)
        label = (names or {}).get(cause, f"cause {cause}")
        line = axes.step(time, values, where="post", color=colour, linewidth=1.8, label=label)[0]
        named(line, f"cause:{cause}")
    longest = float(time[-1])
    risk = {day: int((result.n_risk[result.time >= day]).max(initial=0)) for day in _months(longest)}
    _frame(axes, longest, risk)
    if result.causes:
        axes.legend(frameon=False, fontsize=9, loc="upper left")
    axes.set_ylabel("cumulative incidence", fontsize=9)
    return tidy(axes)


LABEL_GAP: Final = 0.042
"""Smallest distance of two labels beside the areas, as a share of the axis."""
ROOM: Final = 0.012
"""Room after the last day, as a share of the axis."""
EDGE: Final = 0.88
"""From this share of the axis on a text is flush right with its mark."""
INSIDE: Final = 0.06
"""Smallest height of an area that carries its label inside."""


def state_occupancy(
    result: StateOccupancy | MrsOccupancy,
    *,
    ax: Axes | None = None,
    colours: Mapping[Any, str] | None = None,
    until: float | None = None,
) -> Axes:
    """Draw the probability of each state over time as stacked areas, the first state at the bottom.

    Parameters
    ----------
    result : StateOccupancy or MrsOccupancy
        Times in days. Of an `MrsOccupancy` the grades are drawn, with the curve of its first group (mRS 0-2) and the
        limits of that curve at the protocol's visits.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    colours : mapping of state to str, optional
        Default: the colours of the mRS for the grades 0 to 6; else that scale, spread over the states.
    until : float, optional
        Last day drawn; default the last time of the result.

    Returns
    -------
    matplotlib.axes.Axes
        Areas are named ``"state:<label>"``, their labels ``"label:<label>"``, the curve of the first group
        ``"cut"`` and its limits ``"cut limits"``.

    Raises
    ------
    ValueError
        If the result is not estimable, or a state has no colour.

    Examples
    --------
    >>> import pandas as pd
    >>> from pnstrial.survival import state_occupancy as estimate
    >>> seen = pd.DataFrame({"patient_id": list("AABB"), "time": [0, 90, 0, 180], "state": [2, 6, 2, 1]})
    >>> axes = state_occupancy(estimate(seen))
    >>> [area.get_gid() for area in axes.collections]
    ['state:1', 'state:2', 'state:6']
    """
    occupancy = result.grades if isinstance(result, MrsOccupancy) else result
    if isinstance(occupancy, NotEstimable):
        raise ValueError(f"there is nothing to draw: {occupancy}")  # noqa: TRY004 - the data, not the type
    shades = _shades(occupancy, colours)
    axes = axes_or_new(ax, 7.4, 4.4)
    end = float(occupancy.time[-1]) if until is None else float(until)
    longest = end - occupancy.start
    shown = occupancy.time <= end
    # A little room at the end shows a change on the last day.
    time = np.concatenate([[occupancy.start], occupancy.time[shown], [end + ROOM * longest]])
    heights = np.vstack([occupancy.initial, occupancy.probability[shown]])
    heights = np.vstack([heights, heights[-1]])
    tops = np.cumsum(heights, axis=1)
    for place, state in enumerate(occupancy.states):
        low = tops[:, place - 1] if place else np.zeros(time.size)
        area = axes.fill_between(
            time, low, tops[:, place], step="post", facecolor=shades[state], edgecolor="white", linewidth=0.6
        )
        named(area, f"state:{state}")
    ticks = [occupancy.start + day for day in _months(longest)]
    if isinstance(result, MrsOccupancy) and isinstance(result.groups, StateOccupancy):
        _cut(axes, result.groups, time, [day for day in result.visits.values() if day <= end])
    axes.set_xlim(occupancy.start, time[-1])
    axes.set_ylim(0, 1)
    axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
    observed = [int(count) for count in occupancy.known(ticks)]
    labels = [
        f"{(tick - occupancy.start) / DAYS_PER_MONTH:.0f}\n{count}"
        for tick, count in zip(ticks, observed, strict=True)
    ]
    axes.set_xticks(ticks, labels)
    axes.set_xlabel("months since day 1; beneath, patients whose state is known")
    axes.set_ylabel("patients in state")
    _labels(axes, occupancy, time, heights, shades)
    axes.set_title(_days_words(result), loc="left", fontsize=9, color=INK)
    return tidy(axes)


def _shades(occupancy: StateOccupancy, colours: Mapping[Any, str] | None) -> dict[Any, str]:
    if colours is not None:
        if lacking := [state for state in occupancy.states if state not in colours]:
            raise ValueError(f"colours has none for {lacking}")
        return {state: colours[state] for state in occupancy.states}
    if all(state in range(len(MRS_COLOURS)) for state in occupancy.states):
        return {state: MRS_COLOURS[int(state)] for state in occupancy.states}
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("states", MRS_COLOURS)
    spread = np.linspace(0.15, 1.0, max(len(occupancy.states), 2))
    return {state: to_hex(scale(float(x))) for state, x in zip(occupancy.states, spread, strict=False)}


def _cut(axes: Axes, groups: StateOccupancy, time: NDArray[np.float64], days: list[float]) -> None:
    """Draw the curve of the first group over the areas, with its limits on some days."""
    from matplotlib.patheffects import withStroke

    first = groups.states[0]
    values = np.concatenate([[groups.initial[0]], groups.probability[:, 0]])
    curve = values[np.searchsorted(groups.time, time, side="right")]
    # The last corner of the areas lies in the room at the end, where nothing changes.
    curve[-1] = curve[-2]
    named(axes.step(time, curve, where="post", color=INK, linewidth=1.6)[0], "cut")
    if not days:
        return
    at = groups.at(days)
    own = at[at["state"] == first]
    p = own["probability"].to_numpy(dtype=float)
    limits = np.vstack([p - own["lower"].to_numpy(dtype=float), own["upper"].to_numpy(dtype=float) - p])
    bars = axes.errorbar(days, p, yerr=np.maximum(limits, 0.0), fmt="o", ms=4, color=INK, lw=1.2, capsize=3)
    named(bars.lines[0], "cut limits")
    halo = [withStroke(linewidth=2.5, foreground="white", alpha=0.85)]
    for day, share, low, high in zip(days, p, own["lower"], own["upper"], strict=True):
        told = f"{share:.0%} ({100 * low:.0f} to {100 * high:.0f})"
        aside = "right" if day > EDGE * float(time[-1]) else "center"
        axes.annotate(
            told, (day, high), xytext=(0, 3), textcoords="offset points", ha=aside, va="bottom", fontsize=8.5,
            color=INK, path_effects=halo,
        )  # fmt: skip


def _labels(
    axes: Axes,
    occupancy: StateOccupancy,
    time: NDArray[np.float64],
    heights: NDArray[np.float64],
    shades: dict[Any, str],
) -> None:
    """Write each state beside its area at the right edge, or inside it where it has gone by then."""
    is_mrs = all(state in range(len(MRS_COLOURS)) for state in occupancy.states)
    words = {state: f"mRS {MRS_LABELS[int(state)]}" if is_mrs else str(state) for state in occupancy.states}
    tops = np.cumsum(heights, axis=1)
    beside = [place for place in range(len(occupancy.states)) if heights[-1, place] > 0]
    middles = np.array([tops[-1, place] - heights[-1, place] / 2 for place in beside])
    for place, middle, y in zip(beside, middles, _apart(middles), strict=True):
        state = occupancy.states[place]
        text = axes.annotate(
            f"{words[state]}  {heights[-1, place]:.0%}", (1.0, middle), xytext=(1.035, y), xycoords="axes fraction",
            textcoords="axes fraction", va="center", ha="left", fontsize=9, color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": shades[state], "linewidth": 1.6, "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip
        named(text, f"label:{state}")
    for place, state in enumerate(occupancy.states):
        widest = heights[:-1, place] * np.diff(time)
        if place in beside or widest.max() <= 0:
            continue
        at = int(widest.argmax())
        if heights[at, place] >= INSIDE:
            middle = (time[at] + time[at + 1]) / 2
            y = tops[at, place] - heights[at, place] / 2
            text = axes.text(
                middle, y, words[state], ha="center", va="center", fontsize=9, color=text_on(shades[state])
            )
            named(text, f"label:{state}")


def _apart(middles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move increasing heights apart to the smallest distance of two labels, as little as can be, within the axis."""
    gap = min(LABEL_GAP, 1.0 / max(len(middles), 1))
    order = np.arange(len(middles)) * gap
    # With the gaps taken out, increasing order is all that is asked: the pools of adjacent violators.
    pools: list[list[float]] = []
    for value in middles - order:
        pools.append([float(value), 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            value_last, size_last = pools.pop()
            value_before, size_before = pools.pop()
            size = size_last + size_before
            pools.append([(value_last * size_last + value_before * size_before) / size, size])
    flat = np.repeat([pool[0] for pool in pools], [int(pool[1]) for pool in pools]) if pools else middles
    return np.asarray(np.clip(flat, 0.0, max(1.0 - gap * (len(middles) - 1), 0.0)) + order, dtype=np.float64)


def _days_words(result: StateOccupancy | MrsOccupancy) -> str:
    if isinstance(result, StateOccupancy):
        return f"n = {result.n}"
    told = f"n = {result.n}; black: {result.group}, with {100 * result.level:g} % intervals at the visits"
    if isinstance(result.ci, tuple) and isinstance(result.estimate, float):
        low, high = result.ci
        told += (
            f"\nmean days at {result.group}: {result.estimate:.0f} of the first {result.horizon:.0f} "
            f"({100 * result.level:g} % interval {low:.0f} to {high:.0f})"
        )
    return told

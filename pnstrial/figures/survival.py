"""How do a survival curve, a cumulative incidence and a state occupancy look, with how many patients under them?

Input: survival curves, cumulative incidences, state occupancies, or a result of the trial that holds them.
Output: a step curve with its band, or stacked areas, on an Axes; numbers at risk or observed under the ticks.
Protocol section: none.
Method: numbers at risk are counted at the start of each interval; the axis runs from 0 to 1.
Next: `figures.patients`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.figures.style import (
    GREY,
    INK,
    LINE_COLOURS,
    MRS_COLOURS,
    axes_or_new,
    grade_colours,
    named,
    plain_text,
    text_on,
    tidy,
)
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.results import NotEstimable
from pnstrial.survival.competing.incidence import CumulativeIncidence
from pnstrial.survival.competing.states import StateOccupancy
from pnstrial.survival.curves.curve import KaplanMeier
from pnstrial.survival.reference.curve import reference_in
from pnstrial.survival.trial.endpoints import SurvivalResult
from pnstrial.survival.trial.mrs_states import MrsOccupancy
from pnstrial.vocabulary import shipped_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from pnstrial.survival.curves.curve import KaplanMeierByGroup
    from pnstrial.survival.reference.curve import Reference
    from pnstrial.survival.trial.landmark import Landmark, SimonMakuch
    from pnstrial.vocabulary import Scale

__all__ = ["cumulative_incidence", "kaplan_meier", "state_occupancy", "survival_result"]


@dataclass(frozen=True)
class _Axis:
    """How times in a unit are shown: days in months, others as they are, divided by nothing where no unit is known."""

    unit: str | None
    origin: str = ""

    @property
    def per(self) -> float:
        return DAYS_PER_MONTH if self.unit == "days" else 1.0

    @property
    def word(self) -> str:
        return "months" if self.unit == "days" else self.unit or ""

    @property
    def label(self) -> str:
        words = f"months (of {DAYS_PER_MONTH:.2f} days)" if self.unit == "days" else self.unit or "time"
        return f"{words}{self.origin}"

    def ticks(self, longest: float) -> list[float]:
        span = longest / self.per
        steps: tuple[float, ...] = (1, 3, 6, 12, 24, 60)
        if self.word != "months" or span < 2 or span > 8 * steps[-1]:
            size = 10.0 ** math.floor(math.log10(span / 8)) if span > 0 else 1.0
            steps = tuple(size * step for step in (1, 2, 5, 10))
        step = next((step for step in steps if span / step <= 8), steps[-1])
        return [k * step * self.per for k in range(int(span / step + 1e-9) + 1)]

    def show(self, time: float) -> str:
        return f"{time / self.per:.9g}"

    def words(self, value: str | float) -> str:
        if isinstance(value, str):
            return value
        return f"{value / self.per:.1f} {self.word}".rstrip()

    def draw(self, axes: Axes, longest: float, ticks: list[float], rows: Mapping[str, Sequence[int]]) -> None:
        """Set axes and ticks, with named rows of numbers under them."""
        axes.set_xlim(0, (longest or 1.0) * 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
        labels = [
            "\n".join([self.show(tick), *(str(row[place]) for row in rows.values())])
            for place, tick in enumerate(ticks)
        ]
        axes.set_xticks(ticks, labels, fontsize=8.5)
        heads = axes.annotate(
            "\n".join(["", *rows]), (0, 0), xytext=(-16, -6.5), xycoords="axes fraction", textcoords="offset points",
            ha="right", va="top", fontsize=9, color=INK, annotation_clip=False,
        )  # fmt: skip
        named(heads, "rows")
        axes.set_xlabel(self.label, fontsize=9)


def _up_to(ticks: list[float], time: NDArray[np.float64], counts: NDArray[np.float64]) -> list[int]:
    """Add up counts to each tick, the tick itself included."""
    return [int(counts[time <= tick + 1e-9].sum()) for tick in ticks]


@plain_text
def kaplan_meier(
    result: KaplanMeier | KaplanMeierByGroup | SurvivalResult | Landmark | SimonMakuch,
    *,
    ax: Axes | None = None,
    label: str = "survival",
    reference: str | Reference | Callable[[Any], Any] | None = None,
) -> Axes:
    """Draw a survival curve, or one for each group, with a known curve beside it.

    Parameters
    ----------
    result : KaplanMeier, KaplanMeierByGroup, SurvivalResult, Landmark or SimonMakuch
        Times in days are shown in months, others in their own unit, or in none where it is not known.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    label : str
        Label of the vertical axis.
    reference : str, Reference or callable, optional
        A known curve, drawn dashed up to the longest follow-up and named at its end: a published series by its name, a
        curve, or a cumulative hazard as a function of times.

    Returns
    -------
    matplotlib.axes.Axes
        The step line is named ``"curve"`` (of groups ``"curve:<label>"``), the band ``"band"``, censor ticks
        ``"censored"``, the known curve ``"reference"``.

    Raises
    ------
    ValueError
        If there is no curve, or the reference knows its unit and the curve does not.

    Examples
    --------
    >>> from pnstrial.survival import kaplan_meier as estimate
    >>> axes = kaplan_meier(estimate([40, 90, 200, 300], [1, 0, 1, 0], unit="days"))
    >>> [line.get_gid() for line in axes.lines if line.get_gid()]
    ['curve', 'censored', 'half']
    >>> axes.get_xlabel()
    'months (of 30.44 days)'
    """
    check_signature(kaplan_meier, locals())
    curves, origin = _curves(result)
    axes = axes_or_new(ax, 7.0, 4.2)
    unit = next(iter(curves.values())).unit
    scale = _Axis(unit, origin)
    longest = 0.0
    for place, (name, curve) in enumerate(curves.items()):
        one = len(curves) == 1
        _draw_curve(axes, curve, LINE_COLOURS[place % len(LINE_COLOURS)], "" if one else str(name))
        longest = max(longest, float(curve.time[-1]))
    named(axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":"), "half")
    if reference is not None:
        _draw_reference(axes, reference_in(reference, cast("Any", unit)), longest, list(curves.values()))
    ticks = scale.ticks(longest)
    rows: dict[str, list[int]] = {}
    for name, curve in curves.items():
        own = "" if len(curves) == 1 else f"{name}: "
        rows[f"{own}at risk"] = [int(curve.n_risk[curve.time >= tick].max(initial=0)) for tick in ticks]
        if len(curves) == 1:
            rows["events"] = _up_to(ticks, curve.time, curve.n_event)
            rows["censored"] = _up_to(ticks, curve.time, curve.n_censored)
    scale.draw(axes, longest, ticks, rows)
    if len(curves) == 1:
        axes.set_title(_median_words(next(iter(curves.values())), scale), fontsize=9, loc="left")
    else:
        words = [f"{name}: {_median_words(curve, scale)}" for name, curve in curves.items()]
        axes.set_title("\n".join(words), fontsize=9, loc="left")
        axes.legend(frameon=False, fontsize=9, loc="best")
    axes.set_ylabel(label, fontsize=9)
    return tidy(axes)


@plain_text
def survival_result(result: SurvivalResult, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a time-to-event endpoint of the trial: its survival curve, or its cumulative incidence.

    Parameters
    ----------
    result : SurvivalResult
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    **options
        Of `kaplan_meier` or `cumulative_incidence`.
    """
    if isinstance(result.curve, CumulativeIncidence):
        return cumulative_incidence(result, ax=ax, **options)
    return kaplan_meier(result, ax=ax, **options)


def _curves(result: Any) -> tuple[dict[Any, KaplanMeier], str]:
    """Find the curves in a result, and from when time counts."""
    origin = ""
    if isinstance(result, SurvivalResult):
        result, origin = result.curve, " since day 1"
    curves = getattr(result, "curves", None)
    found = curves if isinstance(curves, dict) else {"": result}
    if isinstance(result, NotEstimable) or not found:
        raise ValueError(f"there is nothing to draw: {result}")
    wrong = [type(curve).__name__ for curve in found.values() if not isinstance(curve, KaplanMeier)]
    if wrong:
        raise ValueError(
            f"kaplan_meier draws survival curves, not {wrong[0]}; see figures.draw(result), which chooses the figure"
        )
    return cast("dict[Any, KaplanMeier]", found), origin


def _draw_curve(axes: Axes, curve: KaplanMeier, colour: str, name: str) -> None:
    """Draw one step curve with its band and censor ticks."""
    mark = f":{name}" if name else ""
    time = np.concatenate([[0.0], curve.time])
    start_low, start_high = curve.start_limits
    low, high = np.concatenate([[start_low], curve.lower]), np.concatenate([[start_high], curve.upper])
    band = axes.fill_between(time, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
    named(band, f"band{mark}")
    survival = np.concatenate([[1.0], curve.survival])
    line = axes.step(time, survival, where="post", color=colour, linewidth=1.8, label=name or None)[0]
    named(line, f"curve{mark}")
    censored = curve.n_censored > 0
    ticks = axes.plot(curve.time[censored], curve.survival[censored], "|", color=INK, ms=7, linestyle="none")[
        0
    ]
    named(ticks, f"censored{mark}")


LETTER: Final = 0.0125
"""Width of a letter of the name of a known curve, as a share of the axis."""
ABOVE: Final = 0.09
"""Height of that name with the room around it, as a share of the axis."""


def _draw_reference(axes: Axes, reference: Reference, longest: float, curves: Sequence[KaplanMeier]) -> None:
    """Draw a known curve dashed, with its name on the side and at the place where the others are far from it."""
    from matplotlib.patheffects import withStroke

    times = np.linspace(0, longest, 200)
    survival = np.asarray(reference.survival(times), dtype=float)
    line = named(axes.plot(times, survival, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))[0], "reference")
    others = np.stack([
        np.concatenate([[1.0], curve.survival])[np.searchsorted(curve.time, times, side="right")]
        for curve in curves
    ] + [np.full(times.size, 0.5)])  # fmt: skip
    place = _clear_place(survival, others, min(LETTER * len(reference.name), 0.9))
    if place is None:
        line.set_label(reference.name)
        axes.legend(handles=[line], frameon=False, fontsize=8.5, loc="best")
        return
    last, height, above = place
    axes.annotate(
        reference.name, (float(times[last]), height), xytext=(0, 4 if above else -4), textcoords="offset points",
        ha="right", va="bottom" if above else "top", fontsize=8.5, color=INK,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip


def _clear_place(
    own: NDArray[np.float64], others: NDArray[np.float64], width: float
) -> tuple[int, float, bool] | None:
    """Find where a name beside a curve has the most room: its right end, its height, and whether it is above.

    The last of the others is the line of a half, which a name must not lie on but may be near.
    """
    span = max(int(width * own.size), 2)
    best: tuple[float, int, float, bool] | None = None
    for last in range(span, own.size - own.size // 40):
        part, beside = own[last - span : last + 1], others[:, last - span : last + 1]
        for above in (True, False):
            height = float(part.max() if above else part.min())
            edge = height + ABOVE if above else height - ABOVE
            room = (1.0 - edge) if above else edge
            if room < 0:
                continue
            low, high = min(height, edge) - 0.01, max(height, edge) + 0.01
            if ((beside.max(axis=1) > low) & (beside.min(axis=1) < high)).any():
                continue
            # far from the other curves, near its own: where that is steep, a name stands away from it
            clear = float(np.abs(beside[:-1] - (height + edge) / 2).min()) - 2 * float(np.ptp(part))
            if best is None or clear > best[0] + 1e-9:
                best = (clear, last, height, above)
    return None if best is None else best[1:]


def _median_words(curve: KaplanMeier, scale: _Axis) -> str:
    """Write the median with its limits, patients and events."""
    median = curve.median
    numbers = {name: getattr(median, name) for name in ("estimate", "lower", "upper")}
    columns = {
        name: scale.words(median.words(name) if value is None else value) for name, value in numbers.items()
    }
    return (
        f"median {columns['estimate']} ({100 * curve.level:g} % interval {columns['lower']} to {columns['upper']}), "
        f"n = {curve.n:g}, {curve.events:g} {'event' if curve.events == 1 else 'events'}"
    )


@plain_text
def cumulative_incidence(
    result: CumulativeIncidence | SurvivalResult,
    *,
    ax: Axes | None = None,
    names: dict[Any, str] | None = None,
) -> Axes:
    """Draw the cumulative incidence of each cause.

    Parameters
    ----------
    result : CumulativeIncidence or SurvivalResult
        Times in days are shown in months, others in their own unit, or in none where it is not known.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    names : dict of cause to str, optional
        What each cause is called.

    Returns
    -------
    matplotlib.axes.Axes
        Lines are named ``"cause:<number>"``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> axes = cumulative_incidence(pns.time_to_improvement(trial, protocol))
    >>> axes.get_ylim()[0] <= 0
    np.True_
    """
    check_signature(cumulative_incidence, locals())
    origin = ""
    found: Any = result
    if isinstance(result, SurvivalResult):
        found, origin = result.curve, " since day 1"
    if not isinstance(found, CumulativeIncidence):
        raise ValueError(f"result = {found!r} holds no cumulative incidence to draw")  # noqa: TRY004 - the data, not the type
    result = found
    axes = axes_or_new(ax, 7.0, 4.2)
    time = np.concatenate([[0.0], result.time])
    for place, cause in enumerate(result.causes):
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        values = np.concatenate([[0.0], result.incidence[cause]])
        low = np.concatenate([[0.0], result.lower[cause]])
        high = np.concatenate([[result.start_upper], result.upper[cause]])
        # bands that overlap stay apart: one filled, the next hatched
        look: dict[str, Any] = (
            {"facecolor": "none", "edgecolor": colour, "hatch": "////", "alpha": 0.35}
            if place % 2
            else {"facecolor": colour, "alpha": 0.16}
        )
        axes.fill_between(time, low, high, step="post", linewidth=0, **look)
        label = (names or {}).get(cause, str(cause) if isinstance(cause, str) else f"cause {cause}")
        line = axes.step(time, values, where="post", color=colour, linewidth=1.8, label=label)[0]
        named(line, f"cause:{cause}")
    longest = float(time[-1])
    scale = _Axis(result.unit, origin)
    ticks = scale.ticks(longest)
    rows = {"at risk": [int(result.n_risk[result.time >= tick].max(initial=0)) for tick in ticks]}
    for cause in result.causes:
        rows[(names or {}).get(cause, str(cause))] = _up_to(ticks, result.time, result.n_event[cause])
    rows["censored"] = _up_to(ticks, result.time, result.n_censored)
    scale.draw(axes, longest, ticks, rows)
    axes.set_title(f"n = {result.n}", fontsize=9, loc="left")
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


@plain_text
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
        Times in days are shown in months, others in their own unit, or in none where it is not known. Of an
        `MrsOccupancy` the grades are drawn, with the curve of its first group (mRS 0-2) and the limits of that curve at
        the protocol's visits.
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
    check_signature(state_occupancy, locals())
    occupancy = result.grades if isinstance(result, MrsOccupancy) else result
    if isinstance(occupancy, NotEstimable):
        raise ValueError(f"there is nothing to draw: {occupancy}")  # noqa: TRY004 - the data, not the type
    grades = result.scale if isinstance(result, MrsOccupancy) else shipped_scale()
    shades = _shades(occupancy, colours, grades)
    axes = axes_or_new(ax, 7.4, 4.4)
    end = float(occupancy.time[-1]) if until is None else float(until)
    longest = end - occupancy.start
    within = occupancy.time <= end
    # A little room at the end shows a change on the last day.
    time = np.concatenate([[occupancy.start], occupancy.time[within], [end + ROOM * longest]])
    heights = np.vstack([occupancy.initial, occupancy.probability[within]])
    heights = np.vstack([heights, heights[-1]])
    tops = np.cumsum(heights, axis=1)
    for place, state in enumerate(occupancy.states):
        low = tops[:, place - 1] if place else np.zeros(time.size)
        area = axes.fill_between(
            time, low, tops[:, place], step="post", facecolor=shades[state], edgecolor="white", linewidth=0.6
        )
        named(area, f"state:{state}")
    scale = _Axis(occupancy.unit, " since day 1" if isinstance(result, MrsOccupancy) else "")
    ticks = [occupancy.start + tick for tick in scale.ticks(longest)]
    if isinstance(result, MrsOccupancy) and isinstance(result.groups, StateOccupancy):
        _cut(axes, result.groups, time, [day for day in result.visits.values() if day <= end])
    axes.set_xlim(occupancy.start, time[-1])
    axes.set_ylim(0, 1)
    axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
    observed = [int(count) for count in occupancy.n_observed(ticks)]
    labels = [
        f"{scale.show(tick - occupancy.start)}\n{count}" for tick, count in zip(ticks, observed, strict=True)
    ]
    axes.set_xticks(ticks, labels)
    axes.set_xlabel(f"{scale.label}; beneath, patients whose state is known")
    axes.set_ylabel("patients in state")
    _labels(axes, occupancy, time, heights, shades, grades)
    axes.set_title(_days_words(result), loc="left", fontsize=9, color=INK)
    return tidy(axes)


def _shades(occupancy: StateOccupancy, colours: Mapping[Any, str] | None, grades: Scale) -> dict[Any, str]:
    if colours is not None:
        if missing := [state for state in occupancy.states if state not in colours]:
            raise ValueError(f"colours has none for {missing}")
        return {state: colours[state] for state in occupancy.states}
    if all(state in grades.labels for state in occupancy.states):
        return {state: grade_colours(grades)[int(state)] for state in occupancy.states}
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
        words = f"{share:.0%} ({100 * low:.0f} to {100 * high:.0f})"
        aside = "right" if day > EDGE * float(time[-1]) else "center"
        under = high > EDGE + INSIDE  # above it stands the title
        if under and low < 1.0 - EDGE:  # and below it the axis
            at, level = 0.5 * (low + high), "center"
            aside, shift = ("right", (-5, 0)) if aside == "right" else ("left", (5, 0))
        else:
            at, shift, level = (low, (0, -3), "top") if under else (high, (0, 3), "bottom")
        axes.annotate(
            words, (day, at), xytext=shift, textcoords="offset points", ha=aside, va=level, fontsize=8.5, color=INK,
            path_effects=halo,
        )  # fmt: skip


def _labels(
    axes: Axes,
    occupancy: StateOccupancy,
    time: NDArray[np.float64],
    heights: NDArray[np.float64],
    shades: dict[Any, str],
    grades: Scale,
) -> None:
    """Write each state beside its area at the right edge, or inside it where it has gone by then."""
    graded = all(state in grades.labels for state in occupancy.states)
    words = {state: grades.span(int(state)) if graded else str(state) for state in occupancy.states}
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
    note = f"n = {result.n}; black: {result.group}, with {100 * result.level:g} % intervals at the visits"
    if isinstance(result.ci, tuple) and isinstance(result.estimate, float):
        low, high = result.ci
        note += (
            f"\nmean days {result.staying}: {result.estimate:.0f} of the first {result.horizon:.0f} "
            f"({100 * result.level:g} % interval {low:.0f} to {high:.0f})"
        )
    return note

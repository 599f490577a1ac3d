"""Which colours and lines do all figures share?

Input: an Axes of the caller, or none.
Output: the one run of colours of the grades, the colours of change, and small functions that style one Axes.
Protocol section: none.
Method: the scale runs from blue (0-2) to red (3-5) and darkens with every grade, so that the order survives
grey print and every form of colour blindness; death is near black, set apart. Nothing global is changed.
Next: `figures.mrs`.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import numpy as np

from pnstrial.numerics.arguments import display
from pnstrial.numerics.time_units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from pnstrial.vocabulary import Scale

__all__ = [
    "CHANGE_COLOURS",
    "GREY",
    "INK",
    "LINE_COLOURS",
    "MISSING_COLOUR",
    "MRS_COLOURS",
    "axes_or_new",
    "bare",
    "few",
    "grade_colours",
    "grade_legend",
    "month_ticks",
    "named",
    "note",
    "off_screen",
    "p_text",
    "plain_text",
    "text_on",
    "tidy",
]

Parameters = ParamSpec("Parameters")

MRS_COLOURS: Final = ("#CBECFD", "#90D0F5", "#58B1E8", "#C7683D", "#AD4429", "#822620", "#19191C")
"""Colour of mRS 0, 1, ... 6. Lightness (CIELAB) 92, 80, 69, 54, 43, 30, 9."""

CHANGE_COLOURS: Final = {"improved": "#2C7FB8", "stable": "#BDBDBD", "deteriorated": "#B0462B"}
"""Colour of a change category (the names of `pnstrial.rules.CATEGORIES`)."""

LINE_COLOURS: Final = ("#1B5E8C", "#B0462B", "#5B5B5B", "#7FA7C4")
"""Colours of the curves of up to four groups, the first for the trial's own arm."""

MISSING_COLOUR: Final = "#FFFFFF"
"""Fill of a missing value; it is always hatched with ``//``."""

INK: Final = "#222222"
"""Colour of text and of strong lines."""

GREY: Final = "#767676"
"""Colour of secondary text and of reference lines; 4.5:1 against white."""


def off_screen() -> None:
    """Draw into memory from now on, for a command that only writes files.

    Examples
    --------
    >>> off_screen()
    >>> axes_or_new(None).figure.canvas.get_supported_filetypes()["png"]
    'Portable Network Graphics'
    """
    import matplotlib as mpl

    mpl.use("Agg")


def p_text(p_value: float) -> str:
    """Write a p-value with four decimals; never 0 and never 1.

    Examples
    --------
    >>> p_text(0.03), p_text(1e-7), p_text(1.0)
    ('0.0300', '<0.0001', '>0.9999')
    """
    return "<0.0001" if p_value < 0.00005 else ">0.9999" if p_value > 0.99995 else f"{p_value:.4f}"


def axes_or_new(axes: Axes | None, width: float = 7.0, height: float = 4.0) -> Axes:
    """Return the caller's Axes, or a new one on a figure of its own.

    Parameters
    ----------
    axes : matplotlib.axes.Axes or None
        Where to draw; None makes a figure with constrained layout.
    width, height : float
        Size of a new figure in inches.

    Examples
    --------
    >>> axes = axes_or_new(None, width=4, height=2)
    >>> axes_or_new(axes) is axes
    True
    """
    if axes is not None:
        return axes
    from matplotlib import pyplot as plt

    figure, new = plt.subplots(figsize=(width, height), layout="constrained")
    figure.set_facecolor("white")
    return new


def plain_text(figure: Callable[Parameters, Axes]) -> Callable[Parameters, Axes]:
    """Keep mathematics out of a figure: a $ in an identifier is a $, on any Axes.

    Parameters
    ----------
    figure : callable
        Draws a figure and returns its Axes.

    Returns
    -------
    callable
        The same, whose texts matplotlib does not read as formulas; texts that the caller wrote before stay as they are.
    """

    @wraps(figure)
    def drawn(*values: Parameters.args, **options: Parameters.kwargs) -> Axes:
        import matplotlib as mpl
        from matplotlib.text import Text

        given: Any = options.get("ax")
        if given is not None and not hasattr(given, "findobj"):
            raise ValueError(
                f"{figure.__name__}: ax = {display(given)} must be an Axes, as plt.subplots() gives"
            )
        before = {} if given is None else {text: text.get_text() for text in given.findobj(Text)}
        with mpl.rc_context({"text.parse_math": False}):
            axes = figure(*values, **options)
        for text in axes.findobj(Text):
            if text.get_text() and before.get(text) != text.get_text():
                text.set_parse_math(False)
        return axes

    return drawn


def tidy(axes: Axes, *, keep: tuple[str, ...] = ("left", "bottom"), size: float = 9.0) -> Axes:
    """Take off the frame, thin what stays and set the size of the tick labels.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on in place.
    keep : tuple of str
        Spines that stay.
    size : float
        Size of the tick labels in points.

    Returns
    -------
    matplotlib.axes.Axes
        The same Axes.
    """
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(GREY)
        spine.set_linewidth(0.8)
    axes.tick_params(labelsize=size, color=GREY, labelcolor=INK, width=0.8, length=3)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_fontsize(size + 1)
        label.set_color(INK)
    axes.title.set_fontsize(size + 2)
    axes.title.set_color(INK)
    return axes


def month_ticks(axes: Axes, longest: float, label: str = "months since day 1") -> list[float]:
    """Mark an axis of days in months: every 1, 3, 6, 12 or 24, at most nine marks.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on in place.
    longest : float
        Last day.
    label : str
        Label of the axis.

    Returns
    -------
    list of float
        The days of the marks.
    """
    step = next((step for step in (1, 3, 6, 12, 24) if longest / (step * DAYS_PER_MONTH) <= 8), 60)
    days = [month * DAYS_PER_MONTH for month in range(0, int(longest / DAYS_PER_MONTH) + 1, step)]
    axes.set_xticks(days, [f"{day / DAYS_PER_MONTH:.0f}" for day in days])
    axes.set_xlabel(label)
    return days


def bare(axes: Axes) -> Axes:
    """Take off the whole frame, ticks included, for a figure that labels its parts itself.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on in place.

    Returns
    -------
    matplotlib.axes.Axes
        The same Axes.
    """
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(left=False, bottom=False, labelcolor=INK, labelsize=9)
    return axes


def named(artist: Artist, name: str) -> Artist:
    """Give an artist the name by which a test or an SVG reader finds it.

    Parameters
    ----------
    artist : matplotlib.artist.Artist
        Any drawn part.
    name : str
        Its name, for example ``"bar:Month 3:mrs2"``; read it with ``artist.get_gid()``.

    Returns
    -------
    matplotlib.artist.Artist
        The same artist.
    """
    artist.set_gid(name)
    return artist


def text_on(colour: str) -> str:
    """Choose black or white text, whichever is easier to read on a colour.

    Parameters
    ----------
    colour : str
        Any colour that matplotlib knows.

    Returns
    -------
    str
        `INK` or ``"white"``, by the contrast ratio of WCAG 2.1 (section 1.4.3).

    Examples
    --------
    >>> [text_on(colour) for colour in (MRS_COLOURS[0], MRS_COLOURS[5])]
    ['#222222', 'white']
    """

    def luminance(name: str) -> float:
        from matplotlib.colors import to_rgb

        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(name)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    own = luminance(colour)
    on_white = 1.05 / (own + 0.05)
    on_ink = (own + 0.05) / (luminance(INK) + 0.05)
    return INK if on_ink >= on_white else "white"


def note(axes: Axes, text: str, *, below: float = 0.0, size: float = 9.0, **options: Any) -> Artist:
    """Write a line of explanation under the plot, flush with its left edge.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on in place.
    text : str
        The line; may hold line breaks.
    below : float
        Distance under the lower edge of the plot, in points.
    size : float
        Size in points.
    **options
        Handed to `matplotlib.axes.Axes.annotate`.

    Returns
    -------
    matplotlib.artist.Artist
        The text, named ``"note"``.
    """
    written = axes.annotate(
        text, (0, 0), xytext=(0, -below), xycoords="axes fraction", textcoords="offset points",
        ha="left", va="top", fontsize=size, color=INK, annotation_clip=False, **options,
    )  # fmt: skip
    return named(written, "note")


def grade_colours(scale: Scale) -> dict[int, str]:
    """Give the colour of every unit of a scale: from blue for the best to red for the worst, death near black.

    Returns
    -------
    dict of int to str
        Those of `MRS_COLOURS` for a scale of six grades and death; the same run of colours, spread, for others.
    """
    *living, death = MRS_COLOURS
    if len(scale.units) != len(living):
        from matplotlib.colors import LinearSegmentedColormap, to_hex

        run = LinearSegmentedColormap.from_list("grades", living)
        living = [to_hex(run(float(x))) for x in np.linspace(0, 1, len(scale.units))]
    return {**dict(zip(scale.units, living, strict=True)), scale.dead: death}


def few(units: Sequence[int], most: int = 8) -> list[int]:
    """Choose some of many grades for a legend, the first and the last among them.

    Examples
    --------
    >>> few(range(7)), few(range(0, 101, 5), 5)
    ([0, 1, 2, 3, 4, 5, 6], [0, 25, 50, 75, 100])
    """
    if len(units) <= most:
        return list(units)
    return [units[round(place)] for place in np.linspace(0, len(units) - 1, most)]


def grade_legend(axes: Axes, scale: Scale, *, missing: bool = False, **options: Any) -> Artist:
    """Draw the legend of the colours of a scale in one row above the plot.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Drawn on in place.
    scale : Scale
    missing : bool
        Whether to show the hatched box of missing values.
    **options
        Handed to `matplotlib.axes.Axes.legend`, over the defaults here.

    Returns
    -------
    matplotlib.legend.Legend
        Named ``"legend:grades"``.
    """
    from matplotlib.patches import Patch

    colours = grade_colours(scale)
    handles = [
        Patch(facecolor=colours[unit], edgecolor="white", linewidth=0.5, label=scale.labels[unit])
        for unit in [*few(scale.units), scale.dead]
    ]
    if missing:
        handles.append(
            Patch(facecolor=MISSING_COLOUR, edgecolor=GREY, hatch="////", linewidth=0.5, label="missing")
        )
    settings: dict[str, Any] = {
        "ncols": len(handles), "loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "frameon": False,
        "fontsize": 9, "handlelength": 1.1, "handleheight": 1.1, "columnspacing": 1.1, "handletextpad": 0.4,
        "borderaxespad": 0.3, "title": scale.label, "alignment": "left", "title_fontsize": 9,
    }  # fmt: skip
    legend = axes.legend(handles=handles, **{**settings, **options})
    return named(legend, "legend:grades")

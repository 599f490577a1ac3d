"""How do a survival curve and a cumulative incidence look, with how many patients under them?

Input: a `KaplanMeier` or a `CumulativeIncidence`, in days.
Output: a step curve with its band on an Axes, numbers at risk under the ticks.
Protocol section: none.
Method: numbers at risk are counted at the start of each interval; the axis runs from 0 to 1.
Next: `figures.patients`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.figures.style import GREY, INK, LINE_COLOURS, axes_or_new, named, tidy
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pnstrial.survival.competing import CumulativeIncidence
    from pnstrial.survival.kaplan_meier import KaplanMeier

__all__ = ["cumulative_incidence", "kaplan_meier"]

MONTH: Final = 365.25 / 12


def _frame(axes: Axes, longest: float, risk_at: dict[float, int]) -> None:
    """Set axes and ticks in months, with the numbers at risk under them."""
    axes.set_xlim(0, max(longest, 1.0) * 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
    labels = [f"{day / MONTH:.0f}\n{count}" for day, count in risk_at.items()]
    axes.set_xticks(list(risk_at), labels, fontsize=8.5)
    axes.set_xlabel("months since day 1; beneath, patients at risk", fontsize=9)


def _months(longest: float) -> list[float]:
    step = next((step for step in (1, 3, 6, 12, 24) if longest / (step * MONTH) <= 8), 60)
    return [month * MONTH for month in range(0, int(longest / MONTH) + 1, step)]


def kaplan_meier(curve: KaplanMeier, axes: Axes | None = None, *, label: str = "survival") -> Axes:
    """Draw a survival curve.

    Parameters
    ----------
    curve : KaplanMeier
        Times in days.
    axes : matplotlib.axes.Axes, optional
        Where to draw.
    label : str
        Label of the vertical axis.

    Returns
    -------
    matplotlib.axes.Axes
        The step line is named ``"curve"``, the band ``"band"``, censor ticks ``"censored"``.

    Examples
    --------
    >>> from pnstrial.survival import kaplan_meier as estimate
    >>> axes = kaplan_meier(estimate([40, 90, 200, 300], [1, 0, 1, 0]))
    >>> [line.get_gid() for line in axes.lines if line.get_gid()]
    ['curve', 'censored', 'half']
    """
    axes = axes_or_new(axes, 7.0, 4.2)
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
    return f"{value / MONTH:.1f} months"


def cumulative_incidence(
    result: CumulativeIncidence, axes: Axes | None = None, *, names: dict[int, str] | None = None
) -> Axes:
    """Draw the cumulative incidence of each cause.

    Parameters
    ----------
    result : CumulativeIncidence
        Times in days.
    axes : matplotlib.axes.Axes, optional
        Where to draw.
    names : dict of int to str, optional
        What each cause is called.

    Returns
    -------
    matplotlib.axes.Axes
        Lines are named ``"cause:<number>"``.
    """
    axes = axes_or_new(axes, 7.0, 4.2)
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

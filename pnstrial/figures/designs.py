"""How do a design's boundaries and its power look?

Input: designs of `pnstrial.design`.
Output: Axes: power curves with critical counts, stopping boundaries, the saw-tooth of a single-stage design.
Protocol section: design.
Method: exact curves; what is drawn is named, so that a test can read it back.
Next: `report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.design.counts.outcomes import Design
from pnstrial.design.stages.sequential import SequentialDesign
from pnstrial.figures.style import GREY, INK, LINE_COLOURS, axes_or_new, plain_text
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from pnstrial.design.counts.rating import RatingError
    from pnstrial.design.stages.single import SingleStage
    from pnstrial.design.stages.two_stage import TwoStageDesign

__all__ = ["power_curve", "saw_tooth", "stopping_boundaries"]

_DASHES = ("-", "--", "-.", ":")


def _bare(ax: Axes) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)


@plain_text
def power_curve(
    designs: Design | Mapping[str, Design],
    *,
    ax: Axes | None = None,
    rates: ArrayLike | None = None,
    marks: tuple[float, ...] = (),
    rating_error: RatingError | float | None = None,
) -> Axes:
    """Draw the probability to reject against the true rate.

    Parameters
    ----------
    designs : Design or mapping of str to Design
        One design, or up to four with their names.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    rates : array of float, optional
        True rates; default 0 to 0.6.
    marks : tuple of float
        Rates to mark with a line, such as p0 and p1; default those of the first design.
    rating_error : optional
        What the rating makes of the true rates; adds a thin dotted curve for each design.

    Returns
    -------
    matplotlib.axes.Axes
        Each curve has the gid ``power:NAME`` (``rated:NAME`` with the rating error).

    Raises
    ------
    ValueError
        If more than four designs are given: their lines could not be told apart.

    Examples
    --------
    >>> from pnstrial.design import two_stage
    >>> axes = power_curve(two_stage(0, 9, 2, 17, 0.05, 0.25))
    >>> axes.get_xlabel()
    'True response rate'
    """
    check_signature(power_curve, locals())
    named = (
        {str(getattr(designs, "name", "design")): designs} if isinstance(designs, Design) else dict(designs)
    )
    if len(named) > len(LINE_COLOURS):
        raise ValueError(
            f"power_curve: designs holds {len(named)}; at most {len(LINE_COLOURS)} can be told apart"
        )
    checks = Checks("power_curve").add(
        not named, "designs = {} holds none; give one design or several by name"
    )
    if rates is not None:
        checks.rates("rates", rates, least=2)
    checks.rates("marks", marks, least=0).done()
    ax = axes_or_new(ax, 7.0, 4.2)
    x = np.linspace(0.0, 0.6, 121) if rates is None else np.asarray(rates, dtype=float)
    for k, (name, design) in enumerate(named.items()):
        label = f"{name}: {_counts_in_words(design)}"
        ax.plot(
            x,
            design.reject_probability(x),
            linewidth=2.0,
            label=label,
            gid=f"power:{name}",
            color=LINE_COLOURS[k],
            linestyle=_DASHES[k],
        )
        if rating_error is not None:
            rated = design.operating_characteristics(x, rating_error).reject
            ax.plot(x, rated, linewidth=1.0, color=LINE_COLOURS[k], linestyle=":", gid=f"rated:{name}")
    first = next(iter(named.values()))
    given = [getattr(first, name, None) for name in ("p0", "p1")]
    for mark in marks or tuple(float(rate) for rate in given if rate is not None):
        value = float(first.reject_probability(mark))
        ax.axvline(mark, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
        ax.plot([mark], [value], marker="o", color=INK, markersize=4, linestyle="none")
        ax.annotate(
            f"{100 * value:.1f} %",
            (mark, value),
            xytext=(-5, 5) if value < 0.1 else (7, -12),
            textcoords="offset points",
            ha="right" if value < 0.1 else "left",
            color=INK,
            fontsize=9,
        )
    ax.set_ylim(0, 1.04)
    ax.set_xlim(float(x.min()), float(x.max()))
    ax.set_xlabel("True response rate")
    ax.set_ylabel("Probability to reject the null")
    ax.legend(frameon=False, loc="lower right", fontsize=8)
    _bare(ax)
    return ax


def _counts_in_words(design: Design) -> str:
    """Say at which counts a design rejects."""
    outcomes = design.outcomes
    parts: list[str] = []
    sizes = list(design.look_sizes)
    for k, n in enumerate(sizes):
        high = outcomes.x[(outcomes.look == k) & (outcomes.stop > 0)]
        if len(high):
            parts.append(f"≥{int(high.min())}/{n}")
    return "reject at " + (", ".join(parts) if len(parts) <= 3 else f"{parts[0]} … {parts[-1]}")


@plain_text
def stopping_boundaries(
    design: SequentialDesign | TwoStageDesign,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the counts that stop a trial against the number of patients.

    Parameters
    ----------
    design : SequentialDesign or TwoStageDesign
        The design.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The counts have the gids ``futility`` and ``efficacy``.

    Examples
    --------
    >>> from pnstrial.design import sequential
    >>> axes = stopping_boundaries(sequential([6, 11, 17], [None, 0, 2], [4, 5, 5]))
    >>> axes.get_ylabel()
    'Responders'
    """
    check_signature(stopping_boundaries, locals())
    plain = design if isinstance(design, SequentialDesign) else design.as_sequential()
    ax = axes_or_new(ax, 7.0, 4.2)
    n = np.array(plain.looks, dtype=float)
    low = np.array([np.nan if a is None else float(a) for a in plain.futility])
    high = np.array([np.nan if b is None else float(b) for b in plain.efficacy])
    seen = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)], [1.0]])
    top = min(float(n[-1]), float(seen.max()) * 1.35 + 1)
    safety = plain.words[1] == "stop"
    event = "Events" if safety else "Responders"
    for counts, gid, colour, marker, word, sides in (
        (low, "futility", LINE_COLOURS[1], "v", "stop for futility at or below", (-0.6, None)),
        (
            high,
            "efficacy",
            LINE_COLOURS[0],
            "^",
            "stop at or above" if safety else "reject at or above",
            (None, top),
        ),
    ):
        if not np.isfinite(counts).any():
            continue
        ax.plot(n, counts, marker=marker, color=colour, markersize=6, linewidth=1.0, label=word, gid=gid)
        edge = np.full(len(n), sides[0] if sides[0] is not None else sides[1])
        ax.fill_between(
            n, counts, edge, where=np.isfinite(counts).tolist(), color=colour, alpha=0.12, linewidth=0
        )
        if len(n) <= 20:
            for size, count in zip(n, counts, strict=True):
                if np.isfinite(count):
                    offset = (0, -13) if gid == "futility" else (0, 7)
                    ax.annotate(
                        f"{count:.0f}", (size, count), xytext=offset, textcoords="offset points", ha="center",
                        fontsize=8, color=colour,
                    )  # fmt: skip
    ax.set_ylim(-1.2, top)
    ax.set_xlim(0, n[-1] * 1.06)
    ax.set_xticks(n if len(n) <= 20 else np.arange(0, n[-1] + 1, round(n[-1] / 8)))
    ax.set_yticks(np.arange(0, top + 1e-9, max(1, round(top / 8))))
    ax.set_xlabel("Patients with an answer")
    ax.set_ylabel(event)
    ax.legend(frameon=False, loc="upper left", fontsize=9)
    _bare(ax)
    return ax


@plain_text
def saw_tooth(
    design: SingleStage,
    *,
    ax: Axes | None = None,
    n_max: int | None = None,
) -> Axes:
    """Draw the exact power of every number of patients, with the critical count.

    Parameters
    ----------
    design : SingleStage
        The design, which says the rates and the errors asked for.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    n_max : int, optional
        Largest n; default one and a half times the n from which the power stays, or twice n.

    Returns
    -------
    matplotlib.axes.Axes
        The power has the gid ``power``, the type I error the gid ``alpha``.

    Examples
    --------
    >>> from pnstrial.design import single_stage
    >>> axes = saw_tooth(single_stage(0.05, 0.25))
    >>> axes.get_xlabel()
    'Patients'
    """
    check_signature(saw_tooth, locals())
    ax = axes_or_new(ax, 7.0, 4.2)
    stays = design.n if design.n_stays is None else design.n_stays
    table = design.table(int(n_max or max(2 * design.n, 1.5 * stays)))
    n, power, alpha = (table[name].to_numpy(dtype=float) for name in ("n", "power", "alpha"))
    ax.plot(n, power, marker=".", color=LINE_COLOURS[0], linewidth=1.2, label="power", gid="power")
    ax.plot(n, alpha, marker=".", color=LINE_COLOURS[1], linewidth=1.2, label="type I error", gid="alpha")
    if design.power_requested is not None:
        ax.axhline(design.power_requested, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
    ax.axhline(design.alpha_requested, color=GREY, linewidth=0.8, linestyle=(0, (2, 3)))
    critical = table["critical"].to_numpy(dtype=float)
    jumps = np.flatnonzero(np.diff(critical, prepend=critical[0] - 1) > 0)
    for k in jumps.tolist():
        if critical[k] <= n[k]:
            ax.annotate(
                f"≥{critical[k]:.0f}", (n[k], power[k]), xytext=(0, -13), textcoords="offset points", ha="center",
                fontsize=7, color=GREY,
            )  # fmt: skip
    marks = {design.n: "first"} if stays == design.n else {design.n: "first", stays: "for good"}
    for size, word in marks.items():
        value = float(table.loc[table["n"] == size, "power"].iloc[0])
        first = word == "first"
        ax.plot([size], [value], marker="o", color=INK, markersize=5, linestyle="none")
        ax.annotate(
            f"n = {size}, {word}", (size, value), xytext=(-5, 7) if first else (6, -11),
            textcoords="offset points", ha="right" if first else "left", fontsize=8, color=INK,
        )  # fmt: skip
    ax.set_xlim(0, float(n[-1]) + 0.5)
    ax.set_ylim(-0.04, 1.06)
    ax.set_xlabel("Patients")
    ax.set_ylabel("Probability")
    ax.legend(frameon=False, loc="center right", fontsize=9)
    _bare(ax)
    return ax

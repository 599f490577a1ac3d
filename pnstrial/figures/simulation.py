"""What do the operating characteristics of the trial look like?

Input: `OperatingCharacteristics`, `PowerCurve` or the frame of `compare`, and optionally an Axes.
Output: the Axes: responders with the critical count, power against the true rate, a heat map of two settings.
Protocol section: endpoint.
Method: Monte Carlo intervals as bands and whiskers, exact answers as lines or ticks of another colour.
Next: `reporting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.figures.style import GREY, INK, LINE_COLOURS, axes_or_new, named, note, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pnstrial.engine.characteristics import ExactCharacteristics, OperatingCharacteristics, PowerCurve

__all__ = ["heat_map", "power_against_rate", "responder_distribution"]


def responder_distribution(
    result: OperatingCharacteristics,
    exact: ExactCharacteristics | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many of the simulated trials had how many responders, with the critical count.

    Parameters
    ----------
    result : OperatingCharacteristics
    exact : ExactCharacteristics, optional
        Drawn as ticks over the bars.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Bars named ``bar:k``, the line ``critical``, the ticks ``exact``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> result = pns.simulate_trials(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), n_trials=500)
    >>> axes = responder_distribution(result)
    >>> len(axes.patches)
    18
    """
    axes = axes_or_new(ax)
    share = result.responders / result.responders.sum()
    counts = np.arange(share.size)
    success = counts >= result.critical_count
    bars = axes.bar(counts, share, width=0.8, color=np.where(success, LINE_COLOURS[0], LINE_COLOURS[3]))
    for k, bar in enumerate(bars):
        named(bar, f"bar:{k}")
    if exact is not None:
        shares = [value for name, value in exact.answers.items() if name.startswith("responders_")]
        if shares:
            (ticks,) = axes.plot(
                counts, shares, "_", color=LINE_COLOURS[1], markersize=11, markeredgewidth=1.6, label="exact"
            )
            named(ticks, "exact")
    if result.critical_count <= result.n_patients:
        line = axes.axvline(result.critical_count - 0.5, color=INK, linewidth=1, linestyle="--")
        named(line, "critical")
        axes.annotate(
            f"success from {result.critical_count}", (result.critical_count - 0.5, 1),
            xycoords=("data", "axes fraction"), xytext=(4, -4), textcoords="offset points", va="top", fontsize=9,
            color=INK,
        )  # fmt: skip
    shown = np.flatnonzero(share > 5e-4)
    axes.set_xlim(
        -0.7, max(int(shown[-1]) if shown.size else 1, min(result.critical_count, result.n_patients)) + 1.2
    )
    axes.set_xlabel(f"Responders of {result.n_patients} patients")
    axes.set_ylabel("Share of trials")
    success_rate = result["probability_of_success"]
    known = exact.answers.get("probability_of_success") if exact is not None else None
    words = f"probability of success {success_rate.estimate:.3g}" + (
        "" if known is None else f" (exact {known:.3g})"
    )
    note(axes, f"{result.n_trials:,} trials, scenario {result.scenario}; {words}", below=38)
    if exact is not None:
        axes.legend(frameon=False, fontsize=9, loc="center right")
    return tidy(axes)


def power_against_rate(
    curve: PowerCurve,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability of success against the true response rate: Monte Carlo band and exact curve.

    Parameters
    ----------
    curve : PowerCurve
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The line ``simulated``, the band ``band``, the line ``exact``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> from pnstrial.simulate import power_curve
    >>> curve = power_curve(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), (1, 8), n_trials=500)
    >>> power_against_rate(curve).get_ylabel()
    'Probability of success'
    """
    axes = axes_or_new(ax)
    table = curve.table.sort_values("true_response")
    x = table["true_response"].to_numpy()
    band = axes.fill_between(x, table["lower"], table["upper"], color=LINE_COLOURS[3], alpha=0.5, linewidth=0)
    named(band, "band")
    (points,) = axes.plot(
        x, table["estimate"], "o", color=LINE_COLOURS[0], markersize=4, label="simulated, 95 % band"
    )
    named(points, "simulated")
    (line,) = axes.plot(x, table["exact"], color=LINE_COLOURS[1], linewidth=1.2, label="exact")
    named(line, "exact")
    axes.axhline(0.8, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    axes.set_xlabel("True response rate (truly improved at the endpoint visit)")
    axes.set_ylabel("Probability of success")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    note(
        axes, f"Success from {curve.critical_count} responders of {curve.n_patients}; {curve.n_trials:,} trials a"
        f" point, scenario {curve.scenario}; dotted: 0.8", below=38,
    )  # fmt: skip
    return tidy(axes)


def heat_map(
    frame: pd.DataFrame,
    x: str,
    y: str,
    quantity: str = "probability_of_success",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity over two settings of a grid.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `pnstrial.compare_scenarios`, with one row per point of the grid for this quantity.
    x, y : str
        The two settings, columns of the frame.
    quantity : str
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With one text per cell, named ``cell:x:y``.

    Raises
    ------
    ValueError
        If a column or the quantity is not there, or a cell has several rows.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [17, 17, 34, 34], "rating": ["none", "structured"] * 2,
    ...                       "quantity": "bias", "estimate": [0.0, 0.05, 0.0, 0.05]})
    >>> len(heat_map(frame, "n", "rating", "bias").texts)
    4
    """
    if missing := [name for name in (x, y, "quantity", "estimate") if name not in frame.columns]:
        raise ValueError(
            f"heat_map: no column {', '.join(missing)}; the frame has {', '.join(map(str, frame.columns))}"
        )
    mine = frame[frame["quantity"] == quantity]
    if mine.empty:
        raise ValueError(f"heat_map: no quantity {quantity!r} in the frame")
    if mine.duplicated([x, y]).any():
        raise ValueError(f"heat_map: several rows for one ({x}, {y}); choose one protocol and scenario first")
    table = mine.set_index([y, x])["estimate"].unstack(x)  # noqa: PD010 - pivot sorts words
    table = table.reindex(index=mine[y].unique(), columns=mine[x].unique())
    axes = axes_or_new(ax)
    values = table.to_numpy(dtype=float)
    image = axes.imshow(values, cmap="Blues", aspect="auto", origin="lower")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2
    for i, row in enumerate(table.index):
        for j, column in enumerate(table.columns):
            text = axes.text(
                j, i, f"{values[i, j]:.3g}", ha="center", va="center", fontsize=9,
                color="white" if values[i, j] > middle else INK,
            )  # fmt: skip
            named(text, f"cell:{column}:{row}")
    axes.set_xticks(range(len(table.columns)), [str(value) for value in table.columns])
    axes.set_yticks(range(len(table.index)), [str(value) for value in table.index])
    axes.set_xlabel(x.replace("_", " "))
    axes.set_ylabel(y.replace("_", " "))
    figure = axes.get_figure()
    if figure is not None:
        bar = figure.colorbar(image, ax=axes)
        bar.set_label(quantity.replace("_", " "))
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return tidy(axes, keep=())

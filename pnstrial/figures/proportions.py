"""How does one proportion look under each strategy, and beside the published series?

Input: names, counts and exact intervals.
Output: a forest of points and intervals on an Axes, with the null as a line.
Protocol section: endpoint, estimand.
Method: the trial's rows first, the published series below; n beside each.
Next: `reporting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.figures.style import GREY, INK, axes_or_new, named, plain_text, tidy
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pnstrial.analysis import EstimandTable

__all__ = ["estimand_forest", "forest"]


@plain_text
def estimand_forest(result: EstimandTable, *, ax: Axes | None = None) -> Axes:
    """Draw the proportion of responders under the protocol's estimand and each that changes one strategy of it.

    Parameters
    ----------
    result : EstimandTable
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        As `forest`; the labels end with the visit.

    Examples
    --------
    >>> import pnstrial as pns
    >>> axes = estimand_forest(pns.estimand_table(pns.example_trial(), pns.load_protocol(), null=0.1))
    >>> sum(str(line.get_gid()).startswith("point:") for line in axes.lines)
    16
    """
    check_signature(estimand_forest, locals())
    rows = result.frame[result.frame["changes"] <= 1]
    rows = rows.assign(label=rows["estimand"] + " (" + rows["visit"] + ")", group=rows["visit"])
    return forest(rows.rename(columns={"responders": "x"}), ax=ax, null=result.null)


@plain_text
def forest(
    rows: pd.DataFrame,
    *,
    ax: Axes | None = None,
    null: float | None = None,
) -> Axes:
    """Draw proportions with their intervals, one row each.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns label, group, x, n, estimate, lower, upper; nan where not estimable.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    null : float, optional
        Null proportion, drawn as a line.

    Returns
    -------
    matplotlib.axes.Axes
        Points are named ``"point:<label>"``.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame([{"label": "a", "group": "g", "x": 1, "n": 4, "estimate": 0.25,
    ...                       "lower": 0.006, "upper": 0.806}])
    >>> axes = forest(rows, null=0.1)
    >>> [line.get_gid() for line in axes.lines if line.get_gid()]
    ['point:a', 'null']
    """
    check_signature(forest, locals())
    groups = list(dict.fromkeys(rows["group"]))
    axes = axes_or_new(ax, 8.0, 1.0 + 0.3 * (len(rows) + len(groups)))
    place = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    for number, group in enumerate(groups):
        axes.text(-0.01, place, group, transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=9, fontweight="bold")  # fmt: skip
        place += 1
        for _, row in rows[rows["group"] == group].iterrows():
            ticks.append(place)
            labels.append(str(row["label"]))
            label = "–" if np.isnan(row["x"]) else f"{int(row['x'])}/{int(row['n'])}"
            if np.isnan(row["estimate"]):
                label += "  not estimable"
            else:
                axes.plot([row["lower"], row["upper"]], [place, place], color=INK, linewidth=1.3)
                fill = INK if number == 0 else "white"
                (point,) = axes.plot(
                    row["estimate"],
                    place,
                    marker="s",
                    color=fill,
                    markeredgecolor=INK,
                    ms=5.5,
                    linestyle="none",
                    clip_on=False,  # a proportion of 0 or 1 keeps its whole mark
                    zorder=3,
                )
                named(point, f"point:{row['label']}")
            axes.text(1.01, place, label, transform=axes.get_yaxis_transform(), fontsize=8.5, va="center")
            place += 1
    if null is not None:
        named(axes.axvline(null, color=GREY, linestyle="--", linewidth=1), "null")
        axes.text(null, -0.9, f"null {100 * null:g} %", fontsize=8, color=GREY, ha="center")
    axes.set_yticks(ticks, labels, fontsize=8.5)
    axes.set_ylim(place - 0.4, -0.7)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.arange(0, 1.01, 0.2), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.2)])
    axes.set_xlabel("proportion improved, with exact 95 % interval", fontsize=9)
    return tidy(axes, keep=("bottom",))

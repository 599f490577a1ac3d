"""What do the operating characteristics of the trial look like?

Input: `OperatingCharacteristics`, `PowerCurve`, the frame of `compare` or an answer of `questions`; optionally an Axes.
Output: the Axes: responders with the critical count, power against the true rate, a heat map of two settings.
Protocol section: endpoint.
Method: Monte Carlo intervals as bands and whiskers, exact answers as lines or ticks of another colour.
Next: `reporting`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.figures.style import (
    GREY,
    INK,
    LINE_COLOURS,
    axes_or_new,
    grade_colours,
    grade_legend,
    month_ticks,
    named,
    note,
    plain_text,
    tidy,
)
from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.signatures import check_signature
from pnstrial.vocabulary import shipped_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from pnstrial.engine.characteristics import ExactCharacteristics, OperatingCharacteristics, PowerCurve
    from pnstrial.questions import Assurance, SampleSize, SobolIndices, Tornado
    from pnstrial.vocabulary import Scale

__all__ = [
    "accrual",
    "compare_responders",
    "course",
    "heat_map",
    "power_against_rate",
    "power_against_size",
    "power_distribution",
    "power_exact",
    "responder_distribution",
    "tornado",
    "variance_shares",
]


_LINES: Final = ("-", "--", ":")
"""Kinds of lines, where there are more of them than colours."""


def _each(function: str, argument: str, named: Mapping[str, object], part: str) -> None:
    """Refuse what is no result of the kind that is laid over others."""
    checks = Checks(function).add(not named, f"{argument} = {{}} holds none; give results by name")
    for name, result in named.items():
        checks.add(not hasattr(result, part), f"{argument}[{name!r}] = {display(result)} is no such result")
    checks.done()


@plain_text
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
    check_signature(responder_distribution, locals())
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
    if result.critical_count <= result.n:
        line = axes.axvline(result.critical_count - 0.5, color=INK, linewidth=1, linestyle="--")
        named(line, "critical")
        axes.annotate(
            f"success from {result.critical_count}", (result.critical_count - 0.5, 1),
            xycoords=("data", "axes fraction"), xytext=(4, -4), textcoords="offset points", va="top", fontsize=9,
            color=INK,
        )  # fmt: skip
    likely = np.flatnonzero(share > 5e-4)
    axes.set_xlim(
        -0.7, max(int(likely[-1]) if likely.size else 1, min(result.critical_count, result.n)) + 1.2
    )
    axes.set_xlabel(f"Responders of {result.n} patients")
    axes.set_ylabel("Share of trials")
    success_rate = result["probability_of_success"]
    answer = exact.answers.get("probability_of_success") if exact is not None else None
    words = f"probability of success {success_rate.estimate:.3g}" + (
        "" if answer is None else f" (exact {answer:.3g})"
    )
    note(axes, f"{result.n_trials:,} trials, scenario {result.scenario}; {words}", below=38)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, loc="center right")
    return tidy(axes)


@plain_text
def power_against_rate(
    curve: PowerCurve | Mapping[str, PowerCurve],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability of success against the true response rate: Monte Carlo band and exact curve.

    Parameters
    ----------
    curve : PowerCurve or mapping of str to PowerCurve
        Several, by name, are laid over each other: the exact curve of each.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The line ``exact``, where there is an exact answer, and, where trials were simulated, the line ``simulated``
        and the band ``band``; of several
        the lines ``exact:NAME``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> from pnstrial.simulate import power_curve
    >>> curve = power_curve(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), (1, 8), n_trials=500)
    >>> power_against_rate(curve).get_ylabel()
    'Probability of success'
    """
    check_signature(power_against_rate, locals())
    axes = axes_or_new(ax)
    several = curve if isinstance(curve, Mapping) else {}
    if isinstance(curve, Mapping):
        _each("power_against_rate", "curve", several, "table")
    for place, (name, one) in enumerate(several.items()):
        table = one.table.sort_values("true_response")
        style = _LINES[place // len(LINE_COLOURS) % len(_LINES)]
        (line,) = axes.plot(
            table["true_response"], table["exact"], linestyle=style, marker=".", linewidth=1.4, label=name,
            color=LINE_COLOURS[place % len(LINE_COLOURS)],
        )  # fmt: skip
        named(line, f"exact:{name}")
    if not isinstance(curve, Mapping):
        table = curve.table.sort_values("true_response")
        x, simulated = table["true_response"].to_numpy(), curve.n_trials > 0
        if simulated:
            band = axes.fill_between(
                x, table["lower"], table["upper"], color=LINE_COLOURS[3], alpha=0.5, linewidth=0
            )
            named(band, "band")
            (points,) = axes.plot(
                x, table["estimate"], "o", color=LINE_COLOURS[0], markersize=4, label="simulated, 95 % band"
            )
            named(points, "simulated")
        if table["exact"].notna().any():
            (line,) = axes.plot(
                x, table["exact"], marker=None if simulated else "o", markersize=4, color=LINE_COLOURS[1],
                linewidth=1.2, label="exact",
            )  # fmt: skip
            named(line, "exact")
        points_by = f"{curve.n_trials:,} trials a point, " if simulated else ""
        note(
            axes,
            f"Success from {curve.critical_count} responders of {curve.n}; {points_by}scenario {curve.scenario};"
            " dotted: 0.8",
            below=38,
        )
    axes.axhline(0.8, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    axes.set_xlabel("True response rate (truly improved at the endpoint visit)")
    axes.set_ylabel("Probability of success")
    if several or not isinstance(curve, Mapping):
        axes.legend(frameon=False, fontsize=9, loc="lower right")
    return tidy(axes)


@plain_text
def compare_responders(answers: Mapping[str, ExactCharacteristics], *, ax: Axes | None = None) -> Axes:
    """Lay the exact distributions of the number of responders of several scenarios over each other.

    Parameters
    ----------
    answers : mapping of str to ExactCharacteristics
        By the name that the legend shows.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The lines ``responders:NAME``; counts that succeed are filled dots.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol = pns.load_protocol("nct02343211")
    >>> pairs = [(name, pns.load_scenario(name)) for name in ("anti-hu", "rituximab")]
    >>> answers = {name: pns.exact_characteristics(protocol, scenario) for name, scenario in pairs}
    >>> [line.get_gid() for line in compare_responders(answers).lines if line.get_gid()]
    ['responders:anti-hu', 'responders:rituximab']
    """
    check_signature(compare_responders, locals())
    _each("compare_responders", "answers", answers, "answers")
    axes = axes_or_new(ax)
    last = 1
    for place, (name, found) in enumerate(answers.items()):
        shares = np.array([value for key, value in found.answers.items() if key.startswith("responders_")])
        success = found.answers.get("probability_of_success")
        label = name if success is None else f"{name}: {100 * success:.1f} % succeed"
        counts, colour = np.arange(shares.size), LINE_COLOURS[place % len(LINE_COLOURS)]
        style = _LINES[place // len(LINE_COLOURS) % len(_LINES)]
        (line,) = axes.plot(
            counts, shares, linestyle=style, marker="o", color=colour, linewidth=1.4, markersize=5,
            markerfacecolor="white", label=label,
        )  # fmt: skip
        named(line, f"responders:{name}")
        counted = counts >= found.critical_count
        axes.plot(counts[counted], shares[counted], "o", color=colour, markersize=5)
        likely = np.flatnonzero(shares > 5e-4)
        last = max(last, int(likely[-1]) if likely.size else 1)
    axes.set_xlim(-0.5, last + 0.7)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Responders")
    axes.set_ylabel("Share of trials")
    if answers:
        axes.legend(frameon=False, fontsize=9, loc="upper right")
    note(axes, "exact; filled: as many responders are a success", below=38)
    return tidy(axes)


@plain_text
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
    check_signature(heat_map, locals())
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
    # a share is painted on the whole scale, so that 6 % is pale wherever it stands
    is_share = quantity != "bias" and bool(np.nanmin(values) >= 0.0 and np.nanmax(values) <= 1.0)
    low, high = (0.0, 1.0) if is_share else (min(0.0, float(np.nanmin(values))), float(np.nanmax(values)))
    image = axes.imshow(values, cmap="Blues", aspect="auto", origin="lower", vmin=low, vmax=high)
    middle = (low + high) / 2
    for i, row in enumerate(table.index):
        for j, column in enumerate(table.columns):
            value = float(values[i, j])
            text = axes.text(
                j, i, f"{100 * value:.1f} %" if is_share else f"{value:.3g}", ha="center", va="center", fontsize=9,
                color="white" if values[i, j] > middle else INK,
            )  # fmt: skip
            named(text, f"cell:{column}:{row}")
    axes.set_xticks(range(len(table.columns)), [str(value) for value in table.columns])
    axes.set_yticks(range(len(table.index)), [str(value) for value in table.index])
    axes.set_xlabel("patients" if x == "n" else x.replace("_", " "))
    axes.set_ylabel("patients" if y == "n" else y.replace("_", " "))
    figure = axes.get_figure()
    if figure is not None:
        bar = figure.colorbar(image, ax=axes)
        bar.set_label(quantity.replace("_", " "))
        if is_share:
            bar.set_ticks([0, 0.25, 0.5, 0.75, 1.0], labels=["0 %", "25 %", "50 %", "75 %", "100 %"])
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return tidy(axes, keep=())


@plain_text
def power_exact(curve: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the exact probability of success against the true response rate.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns factor (1 is the scenario itself), true_response, success.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The line ``exact``, the point ``scenario``.

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"factor": [0, 1, 4], "true_response": [0, 0.1, 0.3], "success": [0.01, 0.1, 0.7]})
    >>> [line.get_gid() for line in power_exact(curve).lines if line.get_gid()]
    ['exact', 'scenario']
    """
    from scipy.interpolate import PchipInterpolator

    axes = axes_or_new(ax)
    table = curve.sort_values("true_response")
    x, y = table["true_response"].to_numpy(dtype=float), table["success"].to_numpy(dtype=float)
    smooth = PchipInterpolator(x, y)
    dense = np.linspace(x[0], x[-1], 120)
    named(axes.plot(dense, smooth(dense), color=LINE_COLOURS[0], linewidth=1.8)[0], "exact")
    own = table[table["factor"] == 1.0]
    (mark,) = axes.plot(
        own["true_response"], own["success"], "o", color=LINE_COLOURS[1], ms=7, linestyle="none"
    )
    named(mark, "scenario")
    for _, row in own.iterrows():
        axes.annotate(
            f"this scenario: {100 * row['true_response']:.1f} % improve, {100 * row['success']:.1f} % succeed",
            (row["true_response"], row["success"]), xytext=(10, -2), textcoords="offset points", va="center",
            fontsize=9,
            color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.axhline(0.8, color=GREY, linewidth=0.8, linestyle=":")
    axes.annotate("80 %", (1, 0.8), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
                  va="center", fontsize=8.5, color=GREY)  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_xlim(0, max(float(x[-1]), 0.05))
    shares = np.arange(0, 1.01, 0.25)
    axes.set_yticks(shares, [f"{100 * share:.0f} %" for share in shares])
    ticks = axes.get_xticks()
    axes.set_xticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
    axes.set_xlim(0, max(float(x[-1]), 0.05))
    axes.set_xlabel("patients who are truly improved at the endpoint's visit")
    axes.set_ylabel("trials that succeed")
    return tidy(axes)


@plain_text
def course(
    days: Sequence[float],
    grades: Mapping[str, NDArray[np.float64]],
    *,
    scale: Scale | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the true grades that a scenario supposes over time, a panel for each way of treatment.

    Parameters
    ----------
    days : sequence of float
        From day 1.
    grades : mapping of str to ndarray, shape (days, grades)
        Share of the patients at each grade, death the last, by the name of the panel.
    scale : Scale, optional
        Default: the mRS.
    ax : matplotlib.axes.Axes, optional
        Where to draw; with several panels a new figure is made all the same.

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; areas are named ``"state:<panel>:mrs<grade>"``.
    """
    from matplotlib import pyplot as plt

    if ax is not None and len(grades) == 1:
        panels = [ax]
    else:
        figure, made = plt.subplots(
            1, len(grades), figsize=(8.0, 3.6), sharey=True, layout="constrained", squeeze=False
        )
        figure.set_facecolor("white")
        panels = list(made[0])
    scale = scale or shipped_scale()
    colours = grade_colours(scale).values()
    for axes, (name, shares) in zip(panels, grades.items(), strict=True):
        tops = np.cumsum(shares, axis=1)
        for grade, colour in enumerate(colours):
            low = tops[:, grade - 1] if grade else np.zeros(len(days))
            area = axes.fill_between(
                days, low, tops[:, grade], facecolor=colour, edgecolor="white", linewidth=0.5
            )
            named(area, f"state:{name}:{scale.column}{grade}")
        axes.set_xlim(days[0], days[-1])
        axes.set_ylim(0, 1)
        axes.set_yticks(np.arange(0, 1.01, 0.25), [f"{25 * quarter} %" for quarter in range(5)])
        month_ticks(axes, days[-1])
        axes.set_title(name, loc="left")
        tidy(axes)
    panels[0].set_ylabel("patients")
    grade_legend(panels[0], scale, bbox_to_anchor=(0.0, 1.1))
    return panels[0]


@plain_text
def accrual(n: int, per_month: float, *, ax: Axes | None = None) -> Axes:
    """Draw how many patients a trial has enrolled by each month, with the middle 95 % of the trials.

    Parameters
    ----------
    n : int
        Patients of the trial.
    per_month : float
        Patients enrolled per month in the mean; they come as a Poisson process.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The line ``median``, the band ``band``.

    Examples
    --------
    >>> axes = accrual(17, 0.5)
    >>> float(axes.lines[0].get_ydata()[-1])
    17.0
    """
    from scipy.stats import gamma, poisson

    axes = axes_or_new(ax)
    last = float(gamma.ppf(0.99, n)) / per_month
    months = np.linspace(0, last, 200)
    low, middle, high = (np.minimum(poisson.ppf(p, per_month * months), n) for p in (0.025, 0.5, 0.975))
    named(axes.step(months, middle, color=LINE_COLOURS[0], linewidth=1.8, where="post")[0], "median")
    band = axes.fill_between(months, low, high, color=LINE_COLOURS[3], alpha=0.4, linewidth=0, step="post")
    named(band, "band")
    early, half, late = (float(gamma.ppf(p, n)) / per_month for p in (0.025, 0.5, 0.975))
    axes.set_title(
        f"patient {n} after {half:.0f} months; 95 % of the trials {early:.0f} to {late:.0f}",
        loc="left",
        fontsize=9,
    )
    axes.set_xlim(0, last)
    axes.set_ylim(0, n * 1.05)
    axes.set_xlabel("months since the first site opened")
    axes.set_ylabel("patients enrolled")
    return tidy(axes)


@plain_text
def power_against_size(result: SampleSize, *, ax: Axes | None = None) -> Axes:
    """Draw the power at every size, with the first that has the power requested and the one from which it stays.

    Returns
    -------
    matplotlib.axes.Axes
        The steps ``power`` and ``alpha``, the points ``first`` and ``stays``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = pns.search_sample_size(pns.load_protocol(), pns.load_scenario("anti-hu-plain"), response=0.3)
    >>> power_against_size(found).get_xlabel()
    'Patients'
    """
    check_signature(power_against_size, locals())
    axes = axes_or_new(ax)
    table = result.table
    named(
        axes.plot(table["n"], table["power"], ".-", color=LINE_COLOURS[0], ms=4, lw=1, label="power")[0],
        "power",
    )
    named(axes.plot(table["n"], table["alpha"], color=GREY, lw=1, label="achieved alpha")[0], "alpha")
    axes.axhline(result.power, color=GREY, linewidth=0.8, linestyle=":")
    last = result.n_max
    for name, size, words in (
        ("first", result.first_n, "first"),
        ("stays", result.stays_from_n, "stays from here"),
    ):
        if isinstance(size, int):
            height = float(table.loc[table["n"] == size, "power"].iloc[0])
            (mark,) = axes.plot(
                [size],
                [height],
                "o" if name == "first" else "s",
                color=LINE_COLOURS[1],
                label=f"{words}: {size}",
            )
            named(mark, name)
            last = min(result.n_max, 2 * size)
    axes.set_xlim(0, last + 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Patients")
    axes.set_ylabel("Probability of success")
    axes.legend(frameon=False, fontsize=9, loc="center right")
    note(
        axes,
        f"Reported response {100 * result.response:.1f} %, scenario {result.scenario}; {result.method}",
        below=38,
    )
    return tidy(axes)


def _setting_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), list(labels), fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.6)


@plain_text
def tornado(result: Tornado, *, ax: Axes | None = None) -> Axes:
    """Draw what each setting does to a quantity between its two ends, the largest on top.

    Returns
    -------
    matplotlib.axes.Axes
        Bars named ``low:setting`` and ``high:setting``, the line ``value``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = pns.tornado(pns.load_protocol(), pns.load_scenario("anti-hu-plain"), {"n": (12, 30)})
    >>> len(tornado(found).patches)
    2
    """
    check_signature(tornado, locals())
    axes = axes_or_new(ax)
    table, middle = result.table, result.value
    for row, line in enumerate(table.to_dict("records")):
        for end, colour in (("low", LINE_COLOURS[3]), ("high", LINE_COLOURS[0])):
            value = float(line[f"at_{end}"])
            bar = axes.barh(row, value - middle, left=middle, height=0.6, color=colour)[0]
            named(bar, f"{end}:{line['setting']}")
            axes.annotate(
                f"{line[end]:g}", (value, row), xytext=(4 if value >= middle else -4, 0), fontsize=8.5,
                textcoords="offset points", va="center", ha="left" if value >= middle else "right", color=INK,
            )  # fmt: skip
    named(axes.axvline(middle, color=INK, linewidth=1), "value")
    _setting_rows(axes, [str(name).removeprefix("scenario.") for name in table["setting"]])
    axes.margins(x=0.15)
    axes.set_xlabel(result.quantity.replace("_", " "))
    note(
        axes,
        f"Line: {result.scenario} as it is, {middle:.3g}\nNumbers: the value of the setting",
        below=38,
    )
    return tidy(axes)


@plain_text
def variance_shares(result: SobolIndices, *, ax: Axes | None = None) -> Axes:
    """Draw the share of a quantity's variance that each setting explains, alone and with its interactions.

    Returns
    -------
    matplotlib.axes.Axes
        Points named ``first`` and ``total`` with their bootstrap intervals.
    """
    check_signature(variance_shares, locals())
    axes = axes_or_new(ax)
    table = result.table
    rows = np.arange(len(table))
    for kind, shift, colour in (("first", -0.12, LINE_COLOURS[0]), ("total", 0.12, LINE_COLOURS[1])):
        low, high = np.clip(table[f"{kind}_lower"], 0, 1), np.clip(table[f"{kind}_upper"], 0, 1)
        axes.hlines(rows + shift, low, high, color=colour, linewidth=1.4)
        (points,) = axes.plot(
            np.clip(table[f"{kind}_order"], 0, 1), rows + shift, "o", color=colour, markersize=5,
            label="by itself" if kind == "first" else "with interactions",
        )  # fmt: skip
        named(points, kind)
    _setting_rows(axes, [str(name).removeprefix("scenario.") for name in table["setting"]])
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"share of the variance of {result.quantity.replace('_', ' ')}")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    note(
        axes, f"Bootstrap 95 % intervals; {result.evaluations:,} points, scenario {result.scenario}", below=38
    )
    return tidy(axes)


@plain_text
def power_distribution(result: Assurance, *, ax: Axes | None = None) -> Axes:
    """Draw how the power is distributed when its inputs are uncertain, with its mean, the assurance.

    Returns
    -------
    matplotlib.axes.Axes
        Bars named ``bar:k``, the line ``assurance``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> axes = power_distribution(pns.assurance(pns.load_protocol(), pns.load_scenario("anti-hu-plain")))
    >>> axes.get_ylabel()
    'Share of the draws'
    """
    check_signature(power_distribution, locals())
    axes = axes_or_new(ax)
    values = result.table[result.quantity].to_numpy(dtype=float)
    heights, edges = np.histogram(values, bins=20, range=(0, 1) if values.max() <= 1 else None)
    bars = axes.bar(
        edges[:-1],
        heights / heights.sum(),
        np.diff(edges),
        align="edge",
        color=LINE_COLOURS[3],
        edgecolor="white",
    )
    for k, bar in enumerate(bars):
        named(bar, f"bar:{k}")
    line = axes.axvline(
        result.assurance, color=LINE_COLOURS[1], linewidth=1.6, label=f"mean {result.assurance:.3g}"
    )
    named(line, "assurance")
    axes.set_xlabel(result.quantity.replace("_", " "))
    axes.set_ylabel("Share of the draws")
    axes.legend(frameon=False, fontsize=9)
    note(axes, f"{result.draws:,} draws, {result.inputs}, scenario {result.scenario}", below=38)
    return tidy(axes)

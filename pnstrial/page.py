"""What does a trial team hand round after one command?

Input: an `Analysis`.
Output: one self-contained HTML page: no script, no outside request, the same bytes for the same input.
Protocol section: all; every assumed setting is listed.
Method: the result first, then what it rests on, then each patient; tables scroll within themselves on a phone.
Next: `reporting`.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial import __version__, rules
from pnstrial.analysis import plain
from pnstrial.data.findings import findings_frame
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pnstrial.analysis import Analysis
    from pnstrial.endpoints import ResponseResult

__all__ = ["STYLE", "cell_text", "percent", "response_sentence", "short_page", "table_html"]

STYLE = """
:root{--ink:#1d2733;--soft:#556270;--line:#d9dfe5;--pale:#f4f6f8;--accent:#0b5c8a}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
  color:var(--ink);background:#fff}
main,header,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--accent)}
p{margin:.5rem 0}.soft{color:var(--soft)}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:#fff;padding:.5rem}
.banner{background:#fff4d6;border:1px solid #d9b24c;border-radius:6px;padding:.6rem .9rem;margin:1rem 0;
  font-weight:600}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;padding:0;margin:1rem 0}
a{color:var(--accent)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1rem 0}
.card{background:var(--pale);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem}
.card b{display:block;font-size:1.7rem;line-height:1.2;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.88rem;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.3rem 0 .5rem}
th,td{text-align:left;padding:.32rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{background:var(--pale);border-bottom:2px solid var(--line);white-space:nowrap}
tbody th{font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
.fail{color:#9b1c1c;font-weight:700}.unknown{color:#7a4b00;font-weight:700}.pass{color:#33691e}
figure{margin:1rem 0}figcaption{font-size:.88rem;color:var(--soft);margin-top:.4rem}
.bar{display:grid;grid-template-columns:9.5rem 1fr;align-items:center;gap:.6rem;margin:.35rem 0}
.bar .name{font-size:.88rem}.stack{display:flex;height:2.1rem;border-radius:3px;overflow:hidden;border:1px solid #777}
.stack span{display:flex;align-items:center;justify-content:center;font-size:.82rem;font-weight:600;min-width:0;
  overflow:hidden}
.legend{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.82rem;margin:.5rem 0}
.legend i{display:inline-block;width:.9rem;height:.9rem;border:1px solid #777;vertical-align:-.12rem;
  margin-right:.3rem}
footer{margin-top:3rem;padding-top:1rem;padding-bottom:2rem;border-top:1px solid var(--line);font-size:.85rem;
  color:var(--soft)}
@media (max-width:36rem){body{font-size:15px}.bar{grid-template-columns:1fr;gap:.1rem}}
@media print{nav,.skip{display:none}.scroll{overflow:visible}h2{break-after:avoid}tr{break-inside:avoid}}
"""

_GRADES = ("0 no symptoms", "1 no significant disability", "2 slight", "3 moderate", "4 moderately severe",
           "5 severe", "6 dead", "not known")  # fmt: skip


def cell_text(value: Any) -> str:
    """Write a cell of a table: blank for what is not there, four significant digits for a fraction."""
    value = plain(value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.4g}"
    return str(value)


def table_html(
    frame: pd.DataFrame,
    caption: str,
    headers: Sequence[str],
    *,
    empty: str = "there is nothing to list.",
    marks: Iterable[str] = (),
) -> str:
    """Write a frame as a table; the first column heads its row, columns in `marks` show their word in colour."""
    if frame.empty:
        return f"<p>{html.escape(caption)}: {html.escape(empty)}</p>"
    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) and i > 0 for i in range(frame.shape[1])]
    head = "".join(
        f'<th scope="col" class="{kind}">{html.escape(name)}</th>'
        for name, kind in zip(headers, ("n" if right else "t" for right in numeric), strict=True)
    )
    marked = set(marks)
    rows: list[str] = []
    for row in frame.itertuples(index=False):
        cells: list[str] = []
        for position, (name, value) in enumerate(zip(frame.columns, row, strict=True)):
            text = html.escape(cell_text(value))
            if position == 0:
                cells.append(f'<th scope="row">{text}</th>')
            elif name in marked:
                cells.append(f'<td class="{text}">{text}</td>')
            else:
                cells.append(f'<td class="n">{text}</td>' if numeric[position] else f"<td>{text}</td>")
        rows.append("<tr>" + "".join(cells) + "</tr>")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(caption)}"><table>'
        f"<caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def percent(share: float) -> str:
    """Write a share as per cent with one decimal."""
    return f"{100 * share:.1f} %"


def response_sentence(result: ResponseResult) -> str:
    """Say the proportion of responders with its interval and test, or why it cannot be said."""
    if isinstance(result.estimate, NotEstimable) or isinstance(result.ci, NotEstimable):
        return f"The proportion of responders at {result.visit} is {result.estimate}."
    low, high = result.ci
    sentence = (
        f"{result.responders} of {result.n} patients responded at {result.visit}: {percent(result.estimate)} "
        f"({100 * result.level:g} % {result.method} interval {percent(low)} to {percent(high)})."
    )
    if result.null is None:
        return sentence + " The protocol states no null proportion, so there is no test."
    p_value = result.p_value if isinstance(result.p_value, float) else 1.0
    return sentence + (
        f" Against a null proportion of {percent(result.null)}, the exact one-sided p-value "
        f"P(X ≥ {result.responders}) is {p_value:.4f}."
    )


def _bars(analysis: Analysis) -> str:
    """Draw the mRS of the full analysis set at baseline and each visit as stacked bars."""
    from pnstrial.figures.style import MRS_COLOURS

    frame = analysis.visits
    first = frame.drop_duplicates("patient_id")
    stacks = [("Baseline", first["baseline_mrs"])]
    stacks += [
        (visit.name, frame.loc[frame["visit"] == visit.name, "mrs"]) for visit in analysis.protocol.visits
    ]
    colours = [*MRS_COLOURS, "#ffffff"]
    parts: list[str] = []
    for name, grades in stacks:
        counts = [int((grades == grade).sum()) for grade in range(rules.DEAD + 1)] + [
            int(grades.isna().sum())
        ]
        pieces = "".join(
            f'<span style="flex:{count} 1 0;background:{colour};color:{_ink(colour)}">{count}</span>'
            for count, colour in zip(counts, colours, strict=True)
            if count
        )
        said = ", ".join(f"{label}: {count}" for label, count in zip(_GRADES, counts, strict=True) if count)
        parts.append(
            f'<div class="bar"><span class="name">{html.escape(name)} (n = {len(grades)})</span>'
            f'<div class="stack" role="img" aria-label="{html.escape(name)}: {html.escape(said)}">{pieces}</div></div>'
        )
    legend = "".join(
        f'<span><i style="background:{colour}"></i>{label}</span>'
        for label, colour in zip(_GRADES, colours, strict=True)
    )
    caption = (
        "Modified Rankin scale of the full analysis set; numbers are patients. Blue is better, red worse, "
        "death set apart. Look at how the cut between 2 and 3 moves between the bars."
    )
    return f'<figure>{"".join(parts)}<div class="legend">{legend}</div><figcaption>{caption}</figcaption></figure>'


def _ink(colour: str) -> str:
    """Choose black or white text by the luminance of the ground (WCAG 2.1)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"


def _visit_table(analysis: Analysis) -> pd.DataFrame:
    frame = analysis.visits
    wide = frame.drop_duplicates("patient_id")[["patient_id", "baseline_mrs", "baseline_date"]]
    for visit in analysis.protocol.visits:
        own = frame[frame["visit"] == visit.name][["patient_id", "mrs", "date", "derivation", "category"]]
        wide = wide.merge(
            own.rename(columns={c: f"{visit.name} {c}" for c in own.columns[1:]}), on="patient_id"
        )
    return wide


def _cards(analysis: Analysis) -> str:
    result = analysis.primary
    known = not isinstance(result.estimate, NotEstimable)
    decisions = analysis.decisions["decision"].value_counts()
    pairs = [
        (str(len(analysis.screening.overall)), "patients screened"),
        (str(len(analysis.sets.full_analysis)), "enrolled: the full analysis set"),
        (str(len(analysis.sets.safety)), "infused: the safety set"),
        (f"{result.responders}/{result.n}" if known else "–", f"responders at {result.visit}"),
        (
            f"{decisions.get('continue', 0)} / {decisions.get('discontinue', 0)}",
            f"to continue / to stop after {analysis.protocol.decision.visit}",
        ),
    ]
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card"><b>{html.escape(number)}</b>{html.escape(label)}</div>'
            for number, label in pairs
        )
        + "</div>"
    )


def _primary(analysis: Analysis) -> str:
    protocol, result = analysis.protocol, analysis.primary
    ways = "; ".join(f"{event}: {way}" for event, way in result.estimand.items())
    rows = [
        {"visit": name, "responders": r.responders, "n": r.n, **_interval(r)}
        for name, r in [(result.visit, result), *analysis.secondary.items()]
    ]
    headers = ("Visit", "Responders", "n", "Proportion", f"{100 * result.level:g} % interval", "p-value")
    table = table_html(pd.DataFrame(rows).drop_duplicates("visit"), "Response, full analysis set", headers)
    patients = table_html(
        result.patients,
        f"What happened to every patient at {result.visit}",
        ("Patient", "Counted as", "Why"),
        empty="no patient is enrolled.",
    )
    points = protocol.endpoint.improvement_points
    meaning = "at least one point" if points == 1 else f"at least {points} points"
    return (
        f"<p><strong>{html.escape(response_sentence(result))}</strong></p>"
        f'<p class="soft">Response is a fall of the mRS by {meaning} from baseline. Estimand: {html.escape(ways)}.</p>'
        f"{table}{_bars(analysis) if len(analysis.visits) else ''}{patients}"
    )


def _interval(result: ResponseResult) -> dict[str, str]:
    if isinstance(result.estimate, NotEstimable) or isinstance(result.ci, NotEstimable):
        return {"proportion": str(result.estimate), "interval": "–", "p": "–"}
    low, high = result.ci
    p_value = f"{result.p_value:.4f}" if isinstance(result.p_value, float) else "–"
    return {
        "proportion": percent(result.estimate),
        "interval": f"{percent(low)} to {percent(high)}",
        "p": p_value,
    }


def _eligibility(analysis: Analysis) -> str:
    criteria = analysis.screening.criteria
    ids = [criterion.id for criterion in analysis.protocol.criteria]
    table = table_html(
        analysis.screening.to_frame(),
        "Eligibility of every screened patient",
        ("Patient", "Overall", *ids),
        empty="no patient was screened.",
        marks=ids,
    )
    asked = "".join(f"<li><b>{c.id}</b> {html.escape(c.label)}</li>" for c in analysis.protocol.criteria)
    reasons = table_html(
        criteria.loc[criteria["status"] != "pass", ["patient_id", "criterion", "status", "reason"]],
        "Why a criterion fails or is unknown",
        ("Patient", "Criterion", "Status", "Reason"),
        marks=["status"],
    )
    return f"{table}{reasons}<details><summary>The criteria</summary><ul>{asked}</ul></details>"


def short_page(analysis: Analysis) -> str:
    """Write the analysis as one self-contained HTML page.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    str
        HTML 5. The same analysis gives the same bytes.
    """
    protocol, trial = analysis.protocol, analysis.trial
    exposure = analysis.exposure
    deviations = analysis.decisions.loc[
        analysis.decisions["deviation"].notna(), ["patient_id", "decision", "deviation"]
    ]
    visits = _visit_table(analysis)
    headers = ["Patient", "Baseline mRS", "Date"]
    for visit in protocol.visits:
        headers += [f"{visit.name} mRS", "Date", "Derivation", "Category"]
    sections = [
        ("result", "Primary result", _cards(analysis) + _primary(analysis)),
        ("eligibility", "Eligibility", _eligibility(analysis)),
        (
            "treatment",
            "Treatment",
            table_html(
                exposure.patients,
                "Exposure of every enrolled patient (intensity and share: 1 = as planned)",
                (
                    "Patient",
                    "Cycles given",
                    "IVIg, g",
                    "First infusion",
                    "Last infusion",
                    "Relative dose intensity",
                    "Share of cycles before the decision",
                ),
                empty="no patient is enrolled.",
            )
            + table_html(exposure.deviations, "Departures from the plan", ("Patient", "Cycle", "What")),
        ),
        (
            "visits",
            "Visits and decisions",
            table_html(visits, "mRS of every enrolled patient", headers, empty="no patient is enrolled.")
            + table_html(
                analysis.decisions[["patient_id", "decision", "category", "date"]],
                f"Decision at {protocol.decision.visit}",
                ("Patient", "Decision", "Category", "Date of the value"),
                empty="no patient is enrolled.",
            )
            + table_html(
                deviations, "Decisions that were not kept", ("Patient", "Decision", "What happened")
            ),
        ),
        (
            "sets",
            "Analysis sets",
            table_html(analysis.sets.to_frame(), "Size of the sets", ("Set", "Patients"))
            + table_html(
                analysis.sets.reasons, "Why an enrolled patient is not in a set", ("Patient", "Set", "Reason")
            ),
        ),
        (
            "secondary",
            "Scales",
            table_html(
                analysis.scales,
                "Improved on each scale (any change in the better direction; n: both values present)",
                ("Scale", "Visit", "Improved", "n"),
            ),
        ),
        (
            "findings",
            "Findings",
            table_html(
                findings_frame(analysis.findings).drop(columns="severity"),
                "Worth a look before anything is concluded",
                ("File", "Line", "Patient", "Column", "Value", "Rule", "Remedy"),
            ),
        ),
        ("methods", "Methods and provenance", _methods(analysis)),
    ]
    links = "".join(f'<li><a href="#{key}">{html.escape(title)}</a></li>' for key, title, _ in sections)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{html.escape(title)}</h2>{content}</section>'
        for key, title, content in sections
    )
    banner = (
        '<p class="banner">The patients on this page are invented. Nothing here was observed in a trial.</p>'
        if trial.synthetic
        else ""
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(protocol.title)}: analysis</title><style>{STYLE}</style></head><body>"
        '<a class="skip" href="#result">To the result</a>'
        f"<header><h1>{html.escape(protocol.title)}</h1>"
        f'<p class="soft">Protocol {html.escape(protocol.id)}, version {html.escape(protocol.version)}</p>{banner}'
        f'<nav aria-label="Contents"><ul>{links}</ul></nav></header><main>{body}</main>'
        f"<footer><p>pnstrial {__version__}. Synthetic patients are called so; a dash is a value that was not "
        "collected or does not apply.</p></footer></body></html>\n"
    )


def _methods(analysis: Analysis) -> str:
    protocol = analysis.protocol
    assumed = pd.DataFrame(protocol.assumed, columns=["setting", "value"])
    files = pd.DataFrame(sorted(analysis.trial.files.items()), columns=["file", "sha256"])
    windows = "; ".join(
        f"{visit.name}: day {visit.target_day} ({visit.first_day} to {visit.last_day})"
        for visit in protocol.visits
    )
    return (
        f"<p>Day 1 is the first infusion; there is no day 0. Windows: {html.escape(windows)}. In a window the rating "
        "nearest the target counts, the later of two equally near; of several raters the lowest at baseline, the "
        "highest after it. Death is mRS 6. Intervals of proportions are Clopper–Pearson; the test is the exact "
        "one-sided binomial test.</p>"
        + table_html(assumed, "Settings that no source states (assumed)", ("Setting", "Value"))
        + table_html(files, "Input files", ("File", "SHA-256"), empty="the tables were given as frames.")
    )

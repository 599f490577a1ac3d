"""What does the tab of the trial show?

Input: a folder or uploaded tables, the switches of the estimand.
Output: what was read and what is wrong with it, who may enter, doses, visits, results, report and ADaM datasets.
Protocol section: all.
Method: each page asks the session for one part of the analysis.
Next: `study`.
"""

from __future__ import annotations

import calendar
import datetime as dt
import importlib.util
import io
import zipfile
from itertools import groupby
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

import pnstrial as pns
from pnstrial.data.allowed import collected_tables
from pnstrial.data.sources import source_of
from pnstrial.data.trial import read_tables
from pnstrial.figures.patients import lanes
from pnstrial.web.drawing import KINDS
from pnstrial.web.pages import (
    as_csv,
    as_table,
    csv_file,
    download,
    figure,
    page,
    posting,
    session_of,
    words_of,
)
from pnstrial.web.scripts import dose_script, primary_script, tables_script, trial_script
from pnstrial.web.security import REPORT_POLICY
from pnstrial.web.session import CHOICES, FORMAT
from pnstrial.web.uploads import receive_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from pnstrial import Analysis
    from pnstrial.data import Finding
    from pnstrial.data.sources import NotRead, Source
    from pnstrial.web.uploads import Received
    from pnstrial.web.words import Words

_MOST_LISTED: Final = 3
"""Lines of a file that the preview shows."""
_PLACES: Final = 20
"""Places that a group of findings shows."""
_BEGUN: Final = 20_000
"""Bytes of a file that a preview looks at."""
_SHARES: Final = ("estimate", "lower", "upper")
_MOST_BARS: Final = 60
"""Patients whose courses are drawn with their names."""


def _analysis(request: Request, estimand: dict[str, str] | None = None, visit: str | None = None) -> Analysis:
    found = session_of(request).analysis(estimand, visit)
    if found is None:
        raise ValueError(words_of(request)("trial.none"))
    return found


# -------------------------------------------------------------------------------------------------- the tables
class _Part(NamedTuple):
    """A table as it stands in its file."""

    file: str
    header: list[str]
    rows: list[list[str]]
    n: int
    not_read: list[str]
    """Headers that no table has."""


def _parts(source: Source, not_read: Sequence[NotRead]) -> tuple[list[_Part], list[NotRead]]:
    """Give the first lines of each table as they are read, and the files that are none."""
    parts = [
        _Part(
            table.file, table.header, [[cell[:40] for cell in row] for row in table.rows[:_MOST_LISTED]],
            len(table.rows),
            [str(one.header) for one in not_read if one.file == table.file and one.header is not None],
        )
        for table in source.raw.values()
    ]  # fmt: skip
    return parts, [one for one in not_read if one.header is None]


class _Place(NamedTuple):
    """Where a finding is: the cells of its row, and which of them it is about."""

    finding: Finding
    cells: list[str]
    wrong: int | None


class _Group(NamedTuple):
    """Findings of one kind in one column."""

    first: Finding
    places: list[_Place]
    n: int
    header: list[str]


def _grouped(findings: tuple[Finding, ...], source: Source | None) -> list[_Group]:
    """Put findings of one kind in one column together, errors first, each with the row of its file."""

    def kind(finding: Finding) -> tuple[str, ...]:
        return (finding.severity, finding.file, finding.column or "", finding.rule, finding.remedy)

    tables = {table.file: table for table in source.raw.values()} if source else {}
    rows = {name: dict(zip(table.lines, table.rows, strict=True)) for name, table in tables.items()}

    def place(finding: Finding) -> _Place:
        cells = rows.get(finding.file, {}).get(finding.line or 0, [])
        header = tables[finding.file].header if cells else []
        return _Place(finding, cells, header.index(finding.column) if finding.column in header else None)

    groups = [list(group) for _, group in groupby(sorted(findings, key=kind), key=kind)]
    found: list[_Group] = []
    for group in groups:
        places = [place(one) for one in group[:_PLACES]]
        header = tables[group[0].file].header if any(one.cells for one in places) else []
        found.append(_Group(group[0], places, len(group), header))
    return found


def _trial(request: Request) -> Response:
    session = session_of(request)
    trial, findings = session.read()
    source = session.texts() if session.folder else None
    parts, others = _parts(source, session.not_read) if source else ([], [])
    return page(
        request, "trial.html", trial=trial, groups=_grouped(findings, source), formats=FORMAT,
        errors=sum(one.severity == "error" for one in findings), n_findings=len(findings), tables=parts, others=others,
        names=list(collected_tables(session.protocol())),
        script=trial_script(
            session, f"pns.check_trial(FOLDER, protocol{_written(session.written)})", "check FOLDER"
        ) if session.folder else None,
    )  # fmt: skip


def _preview(request: Request, form: FormData) -> Response:
    """Show what would be read of chosen files, and what not, before they are."""
    session = session_of(request)
    written = _format_of(form)
    with session.lock:  # the files of one preview at a time
        folder = session.private.new("preview")
        received, place = _received(form, folder, begun=True)
        declared = {} if place.is_file() else written
        source = source_of(place, **declared) if received.tables else None
        not_read = read_tables(place, session.protocol(), **declared).not_read if source else ()
        session.private.new("preview")
    parts, others = _parts(source, not_read) if source else ([], [])
    found = list(source.findings) if source else []
    for table in source.raw.values() if source else ():  # a table that cannot be read has no header
        found += [finding for finding in table.findings if finding.line == 1 or not table.header]
    files: dict[tuple[str, str], dict[str, None]] = {}
    for finding in found:
        files.setdefault((finding.rule, finding.remedy), {})[finding.file] = None
    problems = [{"rule": rule, "remedy": remedy, "files": names} for (rule, remedy), names in files.items()]
    return page(request, "preview.html", received=received, tables=parts, others=others, problems=problems)


def _received(form: FormData, folder: Path, *, begun: bool = False) -> tuple[Received, Path]:
    """Put the files of a form into a folder; of a file that has only begun, the whole lines."""
    given = [
        (file.filename or "", file.file.read()) for file in form.getlist("files") if not isinstance(file, str)
    ]
    if begun:
        given = [
            (name, data[: data.rfind(b"\n") + 1 or None] if len(data) >= _BEGUN else data)
            for name, data in given
        ]
    received = receive_files(given, folder)
    return received, folder / "workbook.xlsx" if "workbook.xlsx" in received.tables else folder


def _written(written: dict[str, str]) -> str:
    return "".join(f", {name}={value!r}" for name, value in written.items())


def _format_of(form: FormData) -> dict[str, str]:
    written: dict[str, str] = {}
    for name, allowed in FORMAT.items():
        value = str(form.get(name, ""))
        if value and value not in allowed:
            raise ValueError(f"{name} = {value[:20]!r}: allowed are {' '.join(allowed)}")
        if value and value != allowed[0]:
            written[name] = value
    return written


def _upload(request: Request, form: FormData) -> str:
    session = session_of(request)
    folder = session.private.new("tables")
    session.use_folder(None, None, uploaded=False)
    received, place = _received(form, folder)
    session.use_folder(place if received.tables else None, received, uploaded=True)
    session.write_as({} if place.is_file() else _format_of(form))
    return "/trial"


def _template(request: Request) -> Response:
    """Give the empty tables of the protocol as a workbook, with its data dictionary and example."""
    session = session_of(request)
    with session.lock:
        folder = session.private.new("template")
        (file,) = pns.data.write_template(folder / "template.xlsx", session.protocol())
        content = file.read_bytes()
        session.private.new("template")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return download(content, "template.xlsx", kind)


def _format(request: Request, form: FormData) -> str:
    session_of(request).write_as(_format_of(form))
    return "/trial"


def _example(request: Request, _: FormData) -> str:
    session = session_of(request)
    folder = session.private.new("tables")
    try:
        pns.data.write_example(folder, session.protocol())
    except ValueError:  # no example belongs to this protocol: one simulated trial
        names = session.scenarios()
        scenario = session.scenario(names[0]) if names else None
        trial = pns.drafts.invented_trial(session.protocol(), scenario)[0]
        pns.data.write_trial(trial, folder, session.protocol())
    session.use_folder(folder, None, uploaded=True)
    session.write_as({})
    return "/trial"


def _queries(request: Request) -> Response:
    _, findings = session_of(request).read()
    return csv_file(pns.data.findings_frame(findings), "queries")


# ----------------------------------------------------------------------------------------- patients and doses
def _who(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    screening = analysis.screening
    frames = {"who": lambda: screening.overall, "criteria": lambda: screening.criteria}
    if answer := as_csv(request, frames):
        return answer
    only = request.query_params.get("only", "")
    labels = {criterion.id: criterion.label for criterion in analysis.protocol.criteria}
    open_items: dict[str, list[dict[str, str]]] = {}
    for row in screening.criteria[screening.criteria["status"] != "pass"].to_dict("records"):
        item = {
            "criterion": row["criterion"], "label": words.say(labels.get(row["criterion"], "")),
            "status": words.say(row["status"]), "reason": words.say(row["reason"]),
        }  # fmt: skip
        open_items.setdefault(row["patient_id"], []).append(item)
    patients = [
        {"id": row["patient_id"], "overall": row["overall"], "items": open_items.get(row["patient_id"], [])}
        for row in screening.overall.to_dict("records")
        if only in {"", row["overall"]}
    ]
    counts = screening.overall["overall"].value_counts().to_dict()
    script = trial_script(session_of(request), "pns.screen(trial, protocol)", "screen FOLDER")
    return page(request, "who.html", patients=patients, counts=counts, script=script)


def _number_of(words: Words, query: Any, name: str, low: float, high: float) -> float | None:
    text = query.get(name, "").replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ValueError(words(f"dose.{name}_wrong", value=text[:20]))
    return value


def _recorded(analysis: Analysis | None, patient: str) -> dict[str, Any]:
    """Give what the tables say of a patient: weight, height, the day of the first infusion."""
    if analysis is None:
        return {}
    rows = analysis.trial.screening.set_index("patient_id")
    if patient not in rows.index:
        return {}
    row = rows.loc[patient].to_dict()
    infused = analysis.trial.infusions
    first = infused.loc[infused["patient_id"] == patient, "date"].min()
    begun = first if first == first else row["enrolment_date"]  # noqa: PLR0124 - no date is not itself
    found = {"weight": row["weight_kg"], "height": row.get("height_cm"), "start": begun}
    return {name: value for name, value in found.items() if value is not None and value == value}  # noqa: PLR0124


class _Day(NamedTuple):
    """A day of the calendar, None outside its month: infusions, visits, windows that begin or end, one that is open."""

    date: dt.date | None
    due: list[Any]
    visits: list[str]
    begins: list[str]
    ends: list[str]
    inside: bool


def _months(plan: Any) -> list[tuple[dt.date, list[list[_Day]]]]:
    """Lay the days of a plan into weeks of months: each day with its cycles and its visits."""
    due: dict[dt.date, list[Any]] = {}
    for cycle in plan.cycles:
        for day, grams in zip(cycle.dates, cycle.daily_g, strict=True):
            due.setdefault(day, []).append((cycle, grams if isfinite(grams) else None))

    def of(day: dt.date, month: int) -> _Day:
        if day.month != month:
            return _Day(None, [], [], [], [], inside=False)
        inside = any(one.first <= day <= one.last for one in plan.visits)
        named = [
            [one.visit for one in plan.visits if getattr(one, end) == day]
            for end in ("target", "first", "last")
        ]
        return _Day(day, due.get(day, []), *named, inside=inside)

    last: dt.date = max([*due, *(one.last for one in plan.visits)])
    month: dt.date = min(due).replace(day=1)
    months: list[tuple[dt.date, list[list[_Day]]]] = []
    while month <= last:
        weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
        months.append((month, [[of(day, month.month) for day in week] for week in weeks]))
        month = (month + dt.timedelta(days=31)).replace(day=1)
    return months


def _dose(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    query = request.query_params
    analysis = session.analysis()
    people = [] if analysis is None else analysis.trial.screening["patient_id"].to_list()
    recorded = _recorded(analysis, query.get("patient", ""))
    options: dict[str, Any] = {}
    weight = _number_of(words, query, "weight", 25, 250) or recorded.get("weight")
    height = _number_of(words, query, "height", 100, 230) or recorded.get("height")
    start = query.get("start", "") or (recorded["start"].date().isoformat() if "start" in recorded else "")
    by_surface = any("dose_g_per_m2" in one.key and one.value for one in session.protocol().settings())
    if by_surface and height is not None:
        options["height_cm"] = float(height)
    if not query.get("start"):
        options["anyway"] = True  # a day that was recorded is no slip of the year
    plan: Any = None
    script = None
    if weight and start and (height is not None or not by_surface):
        plan = pns.plan_treatment(float(weight), start, session.protocol(), **options)
        if answer := as_csv(request, {"plan": plan.to_frame, "visits": plan.visits_frame}):
            return answer
        script = dose_script(session, float(weight), start, options)
    return page(
        request, "dose.html", people=[str(one) for one in people], weight=weight, height=height,
        start=start, chosen=query.get("patient", ""), plan=plan, by_surface=by_surface, script=script,
        notes=dict.fromkeys(note for cycle in plan.cycles for note in cycle.notes) if plan else {},
        table=as_table(words, plan.to_frame()) if plan else None, months=_months(plan) if plan else [],
        visits=as_table(words, plan.visits_frame()) if plan else None,
        several=len({cycle.drug for cycle in plan.cycles}) > 1 if plan else False,
    )  # fmt: skip


_OF_VISITS: Final = {
    "visits": "visits", "decisions": "decisions", "deviations": "exposure.deviations", "cycles": "exposure.cycles",
    "patients": "exposure.patients",
}  # fmt: skip
_OF_A_PATIENT: Final = {
    "criteria": "screening.criteria", "visits": "visits", "cycles": "exposure.cycles",
    "deviations": "exposure.deviations", "decision": "decisions", "medications": "trial.medications",
    "events": "trial.adverse_events", "times": "times",
}  # fmt: skip
"""The tables of two pages: where each stands in the analysis."""


def _visits(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    frames = {name: lambda get=attrgetter(member): get(analysis) for name, member in _OF_VISITS.items()}
    if answer := as_csv(request, frames):
        return answer
    columns = ["patient_id", "visit", f"baseline_{analysis.assessments.scale.column}",
               analysis.assessments.scale.column, "date", "day", "derivation", "category"]  # fmt: skip
    return page(
        request, "visits.html",
        visits=as_table(words, analysis.visits, columns), decisions=as_table(words, analysis.decisions),
        deviations=as_table(words, analysis.exposure.deviations),
        patients=[str(one) for one in analysis.sets.full_analysis], decides=analysis.protocol.decision is not None,
        script=tables_script(session_of(request), _OF_VISITS, "analyse FOLDER"),
    )  # fmt: skip


def _patient(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    patient = request.query_params.get("id", "")
    screening = analysis.screening
    if patient not in set(screening.overall["patient_id"]):
        raise HTTPException(404)

    def of(frame: Any) -> Any:
        found = frame[frame["patient_id"] == patient].drop(columns="patient_id")
        return found.dropna(axis="columns", how="all")

    frames = {name: of(attrgetter(member)(analysis)) for name, member in _OF_A_PATIENT.items()}
    if answer := as_csv(request, {name: lambda frame=frame: frame for name, frame in frames.items()}):
        return answer
    labels = {one.id: f"{one.id} {words.say(one.label)}" for one in analysis.protocol.criteria}
    criteria = frames["criteria"].assign(criterion=frames["criteria"]["criterion"].map(labels))
    names = [str(one) for one in screening.overall["patient_id"]]
    place = names.index(patient)
    return page(
        request, "patient.html", patient=patient, names=names,
        tables={name: as_table(words, frame) for name, frame in {**frames, "criteria": criteria}.items() if len(frame)},
        before=names[place - 1] if place else None, after=names[place + 1] if place + 1 < len(names) else None,
        enrolled=patient in set(analysis.sets.full_analysis),
        script=tables_script(session_of(request), _OF_A_PATIENT, "analyse FOLDER --json"),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------- results
def _estimand_of(request: Request) -> tuple[dict[str, str], str]:
    """Read the switches; what is the protocol's own is left out."""
    session = session_of(request)
    protocol = session.protocol()
    planned = protocol.estimand.strategies()
    choices = {**session.estimand, **dict(request.query_params)}
    estimand: dict[str, str] = {}
    for name, allowed in CHOICES.items():
        value = choices.get(name, "") or planned[name]
        if value not in allowed:
            raise ValueError(f"{name} = {value[:30]!r}: allowed are {', '.join(allowed)}")
        if value != planned[name]:
            estimand[name] = value
    visit = choices.get("visit", "") or protocol.endpoint.visit
    if visit not in {one.name for one in protocol.visits}:
        raise ValueError(
            f"visit = {visit[:30]!r}: allowed are {', '.join(one.name for one in protocol.visits)}"
        )
    return estimand, visit


def _primary(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    estimand, visit = _estimand_of(request)
    analysis = _analysis(request, estimand, visit)
    result = analysis.primary
    if {*CHOICES, "visit"} & {*request.query_params}:
        session.estimand = {**estimand, "visit": visit}
    chosen = {**session.protocol().estimand.strategies(), **estimand}
    frame = result.to_frame()
    frames = {"primary": lambda: frame, "estimands": analysis.estimands.to_frame}
    frames |= {"patients": lambda: result.patients, "secondary": lambda: analysis.secondary_outcomes}
    if answer := as_csv(request, frames):
        return answer
    return page(
        request, "primary.html", result=result, frame=frame.iloc[0].to_dict(), chosen=chosen, visit=visit,
        choices=CHOICES, visits=[one.name for one in session.protocol().visits], estimand=estimand,
        table=as_table(words, frame.dropna(axis="columns", how="all"), percent=_SHARES),
        secondary=as_table(words, analysis.secondary_outcomes.rename(columns={"name": "endpoint"}), percent=_SHARES),
        script=primary_script(session, estimand, visit), answer=f"{result}",
    )  # fmt: skip


def _survival(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    analysis = _analysis(request)
    result = session.once("survival", lambda: pns.overall_survival(analysis.trial, analysis.protocol))
    if answer := as_csv(request, {"survival": result.to_frame, "times": lambda: analysis.times}):
        return answer
    return page(
        request, "result.html", title="survival.title", name="survival", result=result,
        table=as_table(words, result.to_frame(), percent=("survival", "lower", "upper")),
        script=trial_script(session, "pns.overall_survival(trial, protocol)", "report FOLDER --out report"),
    )  # fmt: skip


def _shift(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    analysis = _analysis(request)
    result = session.once("shift", lambda: pns.mrs_shift(analysis.trial, analysis.protocol))
    if answer := as_csv(request, {"shift": result.to_frame}):
        return answer
    return page(
        request, "result.html", title="shift.title", name="shift", result=result,
        table=as_table(words, result.to_frame()),
        script=trial_script(session, "pns.mrs_shift(trial, protocol)", "report FOLDER --out report"),
    )  # fmt: skip


def _draw(name: str, request: Request) -> Any:
    """Draw a figure of the trial."""
    session = session_of(request)
    if name == "primary":
        return _draw_primary(request)
    analysis = _analysis(request)
    trial, protocol = analysis.trial, analysis.protocol
    if name == "patient":
        patient = request.query_params.get("id", "")
        if patient not in set(analysis.sets.full_analysis):
            raise HTTPException(404)
        return pns.figures.swimmer(analysis, patients=[patient])
    if name == "survival":
        return session.once("survival", lambda: pns.overall_survival(trial, protocol)).plot()
    if name == "shift":
        return session.once("shift", lambda: pns.mrs_shift(trial, protocol)).plot()
    if name == "flow":
        return pns.figures.consort_flow(pns.figures.count_flow(analysis), translate=words_of(request).say)
    if name == "course":
        return (pns.figures.swimmer if len(trial.enrolled) <= _MOST_BARS else lanes)(analysis)
    raise HTTPException(404)


def _draw_primary(request: Request) -> Any:
    """Draw every visit under the chosen estimand, and under that of the protocol."""
    import pandas as pd

    words, session = words_of(request), session_of(request)
    estimand, visit = _estimand_of(request)
    analysis = _analysis(request, estimand, visit)
    frame = analysis.estimands.to_frame()
    planned = {**session.protocol().estimand.strategies()}
    chosen = {**planned, **estimand}
    rows: list[pd.DataFrame] = []
    for label, strategies in ((words("primary.chosen"), chosen), (words("primary.planned"), planned)):
        if rows and strategies == chosen:
            continue
        keep = frame
        for event, way in strategies.items():
            keep = keep[keep[event] == way]
        rows.append(keep.drop_duplicates("visit").assign(group=label, label=lambda one: one["visit"]))
    single = frame[(frame["changes"] == 1) & (frame["visit"] == visit)]
    rows.append(single.assign(group=words("primary.others", visit=words.at(visit)), label=single["estimand"]))
    every = pd.concat(rows, ignore_index=True).rename(columns={"responders": "x"})
    return pns.figures.forest(every, null=session.protocol().endpoint.null_proportion)


def _figure(request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in KINDS:
        raise HTTPException(404)
    analysis = session_of(request).analysis()
    patients = () if analysis is None else analysis.sets.full_analysis
    return figure(request, lambda: _draw(request.path_params["name"], request), kind, patients)


# ----------------------------------------------------------------------------------------------------- files
def _report(request: Request) -> Response:
    _analysis(request)
    session = session_of(request)
    script = trial_script(session, 'pns.report(trial, protocol, "report")', "report FOLDER --out report")
    return page(
        request, "report.html", made=session.report, script=script,
        word=importlib.util.find_spec("docx") is not None,
    )  # fmt: skip


def _make_report(request: Request, form: FormData) -> str:
    session, analysis = session_of(request), _analysis(request)
    folder = session.private.new("report") / "out"
    pns.report(analysis.trial, analysis.protocol, folder, docx=form.get("word") == "yes")
    session.report = {file.name: file.read_bytes() for file in folder.glob("report.*")}
    session.private.new("report")
    return "/trial/report"


def _report_file(request: Request) -> Response:
    session = session_of(request)
    name = request.path_params["name"]
    made = session.report
    if name not in made:
        raise HTTPException(404)
    if name == "report.html":
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return Response(made[name], media_type="text/html; charset=utf-8", headers=headers)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    return download(made[name], name, kind)


def _adam(request: Request) -> Response:
    session, analysis = session_of(request), _analysis(request)
    with session.lock:
        folder = session.private.new("adam")
        files = pns.adam.write_adam(pns.adam.derive(analysis.trial, analysis.protocol), folder / "out")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(files):
                archive.writestr(zipfile.ZipInfo(file.name, (1980, 1, 1, 0, 0, 0)), file.read_bytes())
        session.private.new("adam")
    return download(buffer.getvalue(), "adam.zip", "application/zip")


ROUTES: Final = [
    Route("/trial", _trial),
    Route("/trial/upload", posting(_upload), methods=["POST"]),
    Route("/trial/format", posting(_format), methods=["POST"]),
    Route("/trial/example", posting(_example), methods=["POST"]),
    Route("/trial/template.xlsx", _template),
    Route("/trial/queries.csv", _queries),
    Route("/trial/preview", posting(_preview), methods=["POST"]),
    Route("/trial/who", _who),
    Route("/trial/dose", _dose),
    Route("/trial/visits", _visits),
    Route("/trial/patient", _patient),
    Route("/trial/primary", _primary),
    Route("/trial/survival", _survival),
    Route("/trial/shift", _shift),
    Route("/trial/figure/{name}.{kind}", _figure),
    Route("/trial/report", _report),
    Route("/trial/report/make", posting(_make_report), methods=["POST"]),
    Route("/trial/report/{name}", _report_file),
    Route("/trial/adam.zip", _adam),
]

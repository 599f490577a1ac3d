"""What does the tab of the trial show?

Input: a folder or uploaded tables, the switches of the estimand.
Output: what was read and what is wrong with it, who may enter, doses, visits, results, report and ADaM datasets.
Protocol section: all.
Method: each page asks the session for one part of the analysis.
Next: `study`.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

import pnstrial as pns
from pnstrial.web.drawing import KINDS
from pnstrial.web.pages import as_table, download, figure, page, posting, session_of, words_of
from pnstrial.web.scripts import primary_script, trial_script
from pnstrial.web.security import REPORT_POLICY
from pnstrial.web.session import CHOICES, FORMAT
from pnstrial.web.uploads import receive_files
from pnstrial.writing import spreadsheet_frame

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from pnstrial import Analysis
    from pnstrial.data import Finding
    from pnstrial.web.words import Words

PARTS: Final = ("", "who", "dose", "visits", "primary", "survival", "shift", "report")
_MOST_LISTED: Final = 3
"""Lines of a file that the preview shows."""
_PLACES: Final = 50
"""Places that a group of findings names."""


def _analysis(request: Request, estimand: dict[str, str] | None = None, visit: str | None = None) -> Analysis:
    found = session_of(request).analysis(estimand, visit)
    if found is None:
        raise ValueError(words_of(request)("trial.none"))
    return found


# -------------------------------------------------------------------------------------------------- the tables
def _preview(folder: Path | None, written: dict[str, str]) -> list[tuple[str, list[list[str]]]]:
    """Read the first lines of each CSV file as declared."""
    if folder is None or not folder.is_dir():
        return []
    sign = written.get("separator", ",")
    groups: list[tuple[str, list[list[str]]]] = []
    for table in pns.data.TABLES.values():
        file = folder / table.file
        if file.is_file():
            with file.open("rb") as begun:
                text = begun.read(20_000).decode(written.get("encoding", "utf-8"), "replace")
            lines = csv.reader(io.StringIO(text), delimiter="\t" if sign == "tab" else sign)
            rows: list[list[str]] = []
            try:
                for line in lines:
                    rows.append([cell[:40] for cell in line])
                    if len(rows) > _MOST_LISTED:
                        break
            except csv.Error:
                pass
            groups.append((table.file, rows))
    return groups


def _grouped(findings: tuple[Finding, ...]) -> list[tuple[Finding, list[Finding], int]]:
    """Put findings of one kind in one column together, errors first: the first, some places, how many."""

    def kind(finding: Finding) -> tuple[str, ...]:
        return (finding.severity, finding.file, finding.column or "", finding.rule, finding.remedy)

    groups = [list(group) for _, group in groupby(sorted(findings, key=kind), key=kind)]
    return [(group[0], group[:_PLACES], len(group)) for group in groups]


def _trial(request: Request) -> Response:
    session = session_of(request)
    trial, findings = session.read()
    groups = _grouped(findings)
    summary = trial.summary if trial is not None else None
    return page(
        request, "trial.html", trial=trial, summary=summary, groups=groups, formats=FORMAT, parts=PARTS,
        errors=sum(one.severity == "error" for one in findings), n_findings=len(findings),
        preview=_preview(session.folder, session.written),
        script=trial_script(
            session, f"pns.check_trial(FOLDER, protocol{_written(session.written)})", "check FOLDER"
        ) if session.folder else None,
    )  # fmt: skip


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
    given = [file for file in form.getlist("files") if not isinstance(file, str)]
    folder = session.private.new("tables")
    session.use_folder(None, None, uploaded=False)
    received = receive_files(((file.filename or "", file.file.read()) for file in given), folder)
    place = folder / "workbook.xlsx" if "workbook.xlsx" in received.tables else folder
    session.use_folder(place if received.tables else None, received, uploaded=True)
    session.write_as(_format_of(form))
    return "/trial"


def _format(request: Request, form: FormData) -> str:
    session_of(request).write_as(_format_of(form))
    return "/trial"


def _example(request: Request, _: FormData) -> str:
    session = session_of(request)
    folder = session.private.new("tables")
    pns.data.write_example(folder)
    session.use_folder(folder, None, uploaded=True)
    session.write_as({})
    return "/trial"


def _queries(request: Request) -> Response:
    _, findings = session_of(request).read()
    text = spreadsheet_frame(pns.data.findings_frame(findings)).to_csv(index=False, lineterminator="\n")
    return download(text, "queries.csv", "text/csv; charset=utf-8")


# ----------------------------------------------------------------------------------------- patients and doses
def _who(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    screening = analysis.screening
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
    ]
    counts = screening.overall["overall"].value_counts().to_dict()
    script = trial_script(session_of(request), "pns.screen(trial, protocol)", "screen FOLDER")
    return page(request, "who.html", parts=PARTS, patients=patients, counts=counts, script=script)


def _days(words: Words, cycle: Any) -> list[tuple[str, str]]:
    """Give the days of a cycle and what is infused."""
    return [
        (words.plain(day), words.plain(grams)) for day, grams in zip(cycle.dates, cycle.daily_g, strict=True)
    ]


def _dose(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    query = request.query_params
    analysis = session.analysis()
    people = (
        [] if analysis is None else analysis.trial.screening[["patient_id", "weight_kg"]].to_dict("records")
    )
    weight, start = query.get("weight", ""), query.get("start", "")
    chosen = query.get("patient", "")
    weights = {str(one["patient_id"]): one["weight_kg"] for one in people}
    if chosen in weights and not weight and weights[chosen] == weights[chosen]:
        weight = f"{float(weights[chosen]):g}"
    plan: Any = None
    table = calendar = script = None
    notes: dict[str, None] = {}
    if weight and start:
        try:
            kilograms = float(weight)
        except ValueError:
            raise ValueError(words("dose.weight_wrong", value=weight[:20])) from None
        if not 25 <= kilograms <= 250:
            raise ValueError(words("dose.weight_wrong", value=weight[:20]))
        plan = pns.plan_treatment(kilograms, start, session.protocol())
        table = as_table(words, plan.to_frame())
        notes = dict.fromkeys(note for cycle in plan.cycles for note in cycle.notes)
        calendar = [(cycle.cycle, cycle.conditional, _days(words, cycle)) for cycle in plan.cycles]
        script = trial_script(session, "", "")
        lines = [line for line in script.python.splitlines() if "FOLDER" not in line and "result" not in line]
        call = f"result = pns.plan_treatment({kilograms!r}, {start!r}, protocol)"
        command = f"pnstrial plan --weight {kilograms:g} --start {start} --protocol {session.base}"
        script = script._replace(
            python="\n".join([*lines, call, "print(result)"]).strip() + "\n",
            command="" if session.changes else command,
        )
    return page(
        request, "dose.html", parts=PARTS, people=[str(one["patient_id"]) for one in people], weight=weight,
        start=start, chosen=chosen, plan=plan, notes=notes, table=table, calendar=calendar, script=script,
    )  # fmt: skip


def _visits(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    columns = ["patient_id", "visit", f"baseline_{analysis.assessments.scale.column}",
               analysis.assessments.scale.column, "date", "day", "derivation", "category"]  # fmt: skip
    session = session_of(request)
    return page(
        request, "visits.html", parts=PARTS,
        visits=as_table(words, analysis.visits, columns), decisions=as_table(words, analysis.decisions),
        deviations=as_table(words, analysis.exposure.deviations),
        patients=[str(one) for one in analysis.sets.full_analysis],
        script=trial_script(session, "pns.visits.decisions(trial, protocol)", "analyse FOLDER"),
    )  # fmt: skip


def _patient(request: Request) -> Response:
    words, analysis = words_of(request), _analysis(request)
    patient = request.query_params.get("id", "")
    screening = analysis.screening
    if patient not in set(screening.overall["patient_id"]):
        raise HTTPException(404)

    def of(frame: Any) -> Any:
        found = frame[frame["patient_id"] == patient].drop(columns="patient_id")
        return as_table(words, found.dropna(axis="columns", how="all")) if len(found) else None

    tables = {
        "criteria": of(screening.criteria), "visits": of(analysis.visits), "cycles": of(analysis.exposure.cycles),
        "deviations": of(analysis.exposure.deviations), "decision": of(analysis.decisions),
        "events": of(analysis.trial.adverse_events), "times": of(analysis.times),
    }  # fmt: skip
    enrolled = patient in set(analysis.sets.full_analysis)
    return page(request, "patient.html", parts=PARTS, patient=patient, tables=tables, enrolled=enrolled)


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
    if request.query_params:
        session.estimand = {**estimand, "visit": visit}
    chosen = {**session.protocol().estimand.strategies(), **estimand}
    kinds = {"csv": lambda: result.to_frame().to_csv(index=False)}
    if request.query_params.get("as") in kinds:
        return download(kinds["csv"](), "primary.csv", "text/csv; charset=utf-8")
    frame = result.to_frame()
    return page(
        request, "primary.html", parts=PARTS, result=result, frame=frame.iloc[0].to_dict(), chosen=chosen, visit=visit,
        choices=CHOICES, visits=[one.name for one in session.protocol().visits], estimand=estimand,
        table=as_table(words, frame, percent=("estimate", "lower", "upper")),
        script=primary_script(session, estimand, visit), answer=f"{result}",
    )  # fmt: skip


def _survival(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    analysis = _analysis(request)
    result = session.once("survival", lambda: pns.overall_survival(analysis.trial, analysis.protocol))
    return page(
        request, "result.html", parts=PARTS, title="survival.title", name="survival", result=result,
        table=as_table(words, result.to_frame(), percent=("survival", "lower", "upper")),
        script=trial_script(session, "pns.overall_survival(trial, protocol)", ""),
    )  # fmt: skip


def _shift(request: Request) -> Response:
    words, session = words_of(request), session_of(request)
    analysis = _analysis(request)
    result = session.once("shift", lambda: pns.mrs_shift(analysis.trial, analysis.protocol))
    return page(
        request, "result.html", parts=PARTS, title="shift.title", name="shift", result=result,
        table=as_table(words, result.to_frame()),
        script=trial_script(session, "pns.mrs_shift(trial, protocol)", ""),
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
        return pns.figures.consort_flow(pns.figures.count_flow(analysis), say=words_of(request).say)
    if name == "course":
        return pns.figures.swimmer(analysis)
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
    made = session.once("report made", dict)
    script = trial_script(session, 'pns.report(trial, protocol, "report")', "report FOLDER --out report")
    return page(
        request, "report.html", parts=PARTS, made=made, script=script,
        word=importlib.util.find_spec("docx") is not None,
    )  # fmt: skip


def _make_report(request: Request, form: FormData) -> str:
    session, analysis = session_of(request), _analysis(request)
    folder = session.private.new("report") / "out"
    pns.report(analysis.trial, analysis.protocol, folder, docx=form.get("word") == "yes")
    made = session.once("report made", dict)
    made.clear()
    made.update({file.name: file.read_bytes() for file in folder.glob("report.*")})
    session.private.new("report")
    return "/trial/report"


def _report_file(request: Request) -> Response:
    session = session_of(request)
    name = request.path_params["name"]
    made = session.once("report made", dict)
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
    Route("/trial/queries.csv", _queries),
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

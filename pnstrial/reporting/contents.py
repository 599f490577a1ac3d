"""Which tables, listings and figures does the report hold, with which numbers?

Input: an `Analysis`.
Output: sections of `Item` (number, title, frame or figure, analysis set, source tables, protocol section, footnote).
Protocol section: all.
Method: numbers as in ICH E3: 14.1 baseline, 14.2 efficacy, 14.3 safety, 16.2 listings. Nothing is decided here:
every value comes from the module that derives it.
Next: `reporting.rendering`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.design.counts.proportion import proportion
from pnstrial.reporting.items import Figure, Section, Table, number, share
from pnstrial.reporting.over_time import history, occupancy, survival, times
from pnstrial.results import NotEstimable, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pnstrial.analysis import Analysis
    from pnstrial.endpoints import ResponseResult

__all__ = ["sections"]

EVENTS_OF_INTEREST: Final = {
    "thrombosis": ("thromb", "embol", "stroke", "infarct", "phlebitis"),
    "renal": ("renal", "kidney", "creatinine", "nephr"),
    "haemolysis": ("haemoly", "hemoly", "anaemia", "anemia"),
    "aseptic meningitis": ("mening",),
}
"""IVIg events of interest: an adverse event belongs to a group if its term holds one of these stems."""


def _interval(count: int, n: int, level: float) -> tuple[str, str]:
    result = proportion(count, n, level=level)
    if isinstance(result.estimate, NotEstimable) or isinstance(result.ci, NotEstimable):
        return str(result.estimate), "–"
    return f"{100 * result.estimate:.1f} %", f"{100 * result.ci[0]:.1f} to {100 * result.ci[1]:.1f} %"


# ------------------------------------------------------------------------------------------------ 14.1 baseline
def _group(serum: str | None, csf: str | None) -> str:
    found = {word for sample in (serum, csf) if sample for word in sample.split(";")}
    named = [word for word in ("Hu", "Yo", "CV2") if word in found]
    return "anti-" + " + ".join(named) if named else "other or none"


def _numeric(values: pd.Series, unit: str) -> str:
    known = values.dropna()
    if known.empty:
        return "not collected"
    low, middle, high = known.quantile([0.25, 0.5, 0.75])
    return f"{middle:.4g} ({low:.4g} to {high:.4g}) {unit}".rstrip() + f", n = {len(known)}"


def _baseline(analysis: Analysis) -> Table:
    table = analysis.trial.screening
    table = table[table["patient_id"].isin(analysis.sets.full_analysis)].copy()
    samples = zip(table["antibody_serum"], table["antibody_csf"], strict=True)
    table["group"] = [_group(serum, csf) for serum, csf in samples]
    start = analysis.visits.drop_duplicates("patient_id").set_index("patient_id")["baseline_mrs"]
    table["baseline"] = table["patient_id"].map(start)
    onset = pd.to_datetime(table["symptom_onset_date"].where(table["symptom_onset_date"].str.len() == 10))
    table["onset_days"] = (table["screening_date"] - onset).dt.days
    groups = sorted(table["group"].unique())
    columns = ["all", *groups]
    parts = {"all": table, **{name: table[table["group"] == name] for name in groups}}
    rows: list[dict[str, str]] = [{"item": "patients", **{name: str(len(parts[name])) for name in columns}}]

    def add(item: str, told: Callable[[pd.DataFrame], str]) -> None:
        rows.append({"item": item, **{name: told(parts[name]) for name in columns}})

    add("age, median (quartiles)", lambda part: _numeric(part["age"], "years"))
    add("female", lambda part: share(int((part["sex"] == "female").sum()), int(part["sex"].notna().sum())))
    add("weight, median (quartiles)", lambda part: _numeric(part["weight_kg"], "kg"))
    add("onset to screening, median (quartiles)", lambda part: _numeric(part["onset_days"], "days"))
    for grade in range(rules.DEAD):
        if (table["baseline"] == grade).any():
            add(
                f"baseline mRS {grade}",
                lambda part, grade=grade: share(
                    int((part["baseline"] == grade).sum()), int(part["baseline"].notna().sum())
                ),
            )
    for site in sorted(table["site"].dropna().unique()):
        add(f"site {site}", lambda part, site=site: share(int((part["site"] == site).sum()), len(part)))
    return Table(
        "14.1.1",
        "Baseline characteristics by antibody",
        pd.DataFrame(rows),
        ("Characteristic", *columns),
        "full analysis set",
        "screening, mrs",
        "criteria",
        "Per cent of the patients with the item collected. Onset: full dates only. Antibodies in serum or CSF.",
    )


def _failures(analysis: Analysis) -> Table:
    criteria = analysis.screening.criteria
    out = ~criteria["patient_id"].isin(analysis.sets.full_analysis)
    labels = {criterion.id: criterion.label for criterion in analysis.protocol.criteria}
    rows = [
        {
            "id": key,
            "label": label,
            "fail": int(((criteria["criterion"] == key) & (criteria["status"] == "fail") & out).sum()),
            "unknown": int(((criteria["criterion"] == key) & (criteria["status"] == "unknown") & out).sum()),
            "enrolled": int(((criteria["criterion"] == key) & (criteria["status"] == "fail") & ~out).sum()),
        }
        for key, label in labels.items()
    ]
    return Table(
        "14.1.2",
        "Criteria failed, of the patients not enrolled and of those enrolled all the same",
        pd.DataFrame(rows),
        ("Id", "Criterion", "Not enrolled: fail", "Not enrolled: unknown", "Enrolled: fail"),
        "screened patients",
        "screening, medications, infusions",
        "criteria",
        "A patient who fails several criteria is counted at each.",
    )


def _deviations(analysis: Analysis) -> tuple[Table, Table]:
    exposure = analysis.exposure.deviations.assign(kind="treatment")
    decisions = analysis.decisions[analysis.decisions["deviation"].notna()]
    rows = [
        {"patient_id": row.patient_id, "kind": "treatment", "what": f"cycle {row.cycle}: {row.deviation}"
         if not pd.isna(row.cycle) else row.deviation}
        for row in rows_of(exposure)
    ]  # fmt: skip
    rows += [
        {"patient_id": r.patient_id, "kind": "decision", "what": r.deviation} for r in rows_of(decisions)
    ]
    failed = analysis.screening.criteria
    failed = failed[(failed["status"] == "fail") & failed["patient_id"].isin(analysis.sets.full_analysis)]
    rows += [
        {"patient_id": row.patient_id, "kind": "eligibility", "what": f"{row.criterion}: {row.reason}"}
        for row in rows_of(failed)
    ]
    frame = pd.DataFrame(rows, columns=["patient_id", "kind", "what"])
    n = len(analysis.sets.full_analysis)
    kinds = ("eligibility", "treatment", "decision")
    summary = pd.DataFrame(
        [
            {
                "kind": kind,
                "deviations": int((frame["kind"] == kind).sum()),
                "patients": share(frame.loc[frame["kind"] == kind, "patient_id"].nunique(), n),
            }
            for kind in kinds
        ]
    )
    common = ("full analysis set", "screening, infusions, mrs", "criteria, treatment, decision")
    return (
        Table("14.1.3", "Protocol deviations", summary, ("Kind", "Deviations", "Patients"), *common,
              "Each of them is in listing 16.2.2."),
        Table("16.2.2", "Protocol deviations, each", frame, ("Patient", "Kind", "What"), *common),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ 14.2 efficacy
STRATEGIES: Final = (
    ("primary estimand", {}),
    ("death: exclude", {"death": "exclude"}),
    ("rescue: treatment policy", {"rescue": "treatment policy"}),
    ("stopped: composite", {"stopped": "composite"}),
    ("stopped: while on treatment", {"stopped": "while on treatment"}),
    ("missing: LOCF", {"missing": "LOCF"}),
    ("missing: exclude", {"missing": "exclude"}),
    ("missing: best case", {"missing": "best case"}),
)


def _response_row(label: str, result: ResponseResult) -> dict[str, Any]:
    estimate, interval = _interval(result.responders, result.n, result.level)
    p_value = f"{result.p_value:.4f}" if isinstance(result.p_value, float) else "–"
    return {
        "label": label,
        "responders": result.responders,
        "n": result.n,
        "estimate": estimate,
        "interval": interval,
        "p": p_value,
    }


def _responses(analysis: Analysis) -> tuple[Table, Table, pd.DataFrame]:
    visits = dict.fromkeys([analysis.visit, *analysis.protocol.endpoint.secondary_visits])
    headers = ("Visit", "Responders", "n", "Proportion", "Exact interval", "One-sided p")
    null = analysis.protocol.endpoint.null_proportion
    foot = "Clopper-Pearson interval; p = P(X >= x) under the null" + (
        f" of {100 * null:g} %." if null is not None else "; the protocol states no null proportion."
    )
    by_visit = [_response_row(visit, analysis.response_at(visit)) for visit in visits]
    rows: list[dict[str, Any]] = []
    forest: list[dict[str, Any]] = []
    for label, strategy in STRATEGIES:
        result = analysis.response_at(analysis.visit, strategy)
        rows.append(_response_row(label, result))
        known = isinstance(result.ci, tuple) and isinstance(result.estimate, float)
        low, high = result.ci if isinstance(result.ci, tuple) else (np.nan, np.nan)
        forest.append(
            {
                "label": label,
                "group": f"This trial, {analysis.visit}",
                "x": result.responders,
                "n": result.n,
                "estimate": result.estimate if known else np.nan,
                "lower": low,
                "upper": high,
            }
        )
    common = (
        "full analysis set",
        "mrs, screening, infusions, medications, follow_up",
        "endpoint, estimand",
        foot,
    )
    return (
        Table("14.2.1", "Response on the mRS", pd.DataFrame(by_visit), headers, *common),
        Table(
            "14.2.2",
            f"Response at {analysis.visit} under each strategy",
            pd.DataFrame(rows),
            ("Strategy changed", *headers[1:]),
            *common,
        ),
        pd.DataFrame(forest),
    )


def _published() -> pd.DataFrame:
    from pnstrial.series import load_series

    series = load_series()
    known = series[series["improved"].notna() & series["evaluable"].notna()]
    rows: list[dict[str, Any]] = []
    for row in rows_of(known):
        result = proportion(int(row.improved), int(row.evaluable))
        low, high = result.ci if isinstance(result.ci, tuple) else (np.nan, np.nan)
        year = re.search(r"(?:19|20)\d\d", str(row.citation))
        label = f"{str(row.citation).split(' et al')[0].split(',')[0]} {year.group() if year else ''}".strip()
        rows.append(
            {
                "label": label,
                "group": "Published series",
                "x": int(row.improved),
                "n": int(row.evaluable),
                "estimate": result.estimate if isinstance(result.estimate, float) else np.nan,
                "lower": low,
                "upper": high,
            }
        )
    return pd.DataFrame(rows)


def _decision_table(analysis: Analysis) -> Table:
    counts = analysis.decisions["decision"].value_counts()
    n = len(analysis.decisions)
    rows = [{"decision": name, "patients": share(int(counts.get(name, 0)), n)} for name in rules.DECISIONS]
    return Table(
        "14.2.3",
        f"Interim decision at {analysis.protocol.decision.visit}",
        pd.DataFrame(rows),
        ("Decision", "Patients"),
        "full analysis set",
        "mrs, follow_up",
        "decision",
        "A rule for each patient, not a stopping rule of the trial.",
    )


def _categories(analysis: Analysis) -> Table:
    rows: list[dict[str, Any]] = []
    for visit in analysis.protocol.visits:
        own = analysis.visits[analysis.visits["visit"] == visit.name]
        row: dict[str, Any] = {"visit": visit.name}
        for name in rules.CATEGORIES:
            row[name] = share(int((own["category"] == name).sum()), len(own))
        row["none"] = share(int(own["category"].isna().sum()), len(own))
        row["dead"] = share(int((own["derivation"] == "DEATH").sum()), len(own))
        rows.append(row)
    return Table(
        "14.2.4",
        "Change of the mRS from baseline",
        pd.DataFrame(rows),
        ("Visit", "Improved", "Stable", "Deteriorated", "No value or baseline", "of the deteriorated: dead"),
        "full analysis set",
        "mrs, screening, follow_up",
        "visits",
        "Denominator: all patients of the set.",
    )


def _scales(analysis: Analysis) -> Table:
    frame = analysis.scales.copy()
    level = analysis.protocol.endpoint.level
    told = [_interval(int(x), int(n), level) for x, n in zip(frame["improved"], frame["n"], strict=True)]
    frame["estimate"], frame["interval"] = [t[0] for t in told], [t[1] for t in told]
    return Table(
        "14.2.5",
        "Improved on Barthel, ICARS and ONLS",
        frame,
        ("Scale", "Visit", "Improved", "n", "Proportion", "Exact interval"),
        "full analysis set with both values present",
        "scales",
        "visits",
        "Any change in the better direction (Barthel: higher; ICARS, ONLS: lower).",
    )


# -------------------------------------------------------------------------------------------------- 14.3 safety
def _exposure(analysis: Analysis) -> Table:
    patients = analysis.exposure.patients
    infused = patients[patients["cycles_given"] > 0]
    rows = [
        {
            "item": f"{number} cycles given",
            "value": share(int((infused["cycles_given"] == number).sum()), len(infused)),
        }
        for number in range(1, analysis.protocol.treatment.cycles + 1)
    ]
    for column, name in (
        ("total_g", "IVIg in all, g"),
        ("relative_dose_intensity", "relative dose intensity"),
        ("share_of_course", "share of the cycles before the decision"),
    ):
        rows.append({"item": f"{name}, median (quartiles)", "value": _numeric(infused[column], "")})
    return Table(
        "14.3.1",
        "Exposure",
        pd.DataFrame(rows),
        ("Item", "Value"),
        "safety set",
        "infusions, screening",
        "treatment",
        "1 = as planned.",
    )


def _events(analysis: Analysis) -> tuple[Table, Table]:
    safety = list(analysis.sets.safety)
    events = analysis.trial.adverse_events
    events = events[events["patient_id"].isin(safety)]
    n = len(safety)
    rows: list[dict[str, Any]] = []
    for term, own in events.groupby(events["term"].str.casefold(), sort=True):
        worst = own.groupby("patient_id")["grade"].max()
        row: dict[str, Any] = {
            "term": term,
            "events": len(own),
            "patients": share(own["patient_id"].nunique(), n),
        }
        for grade in range(1, 6):
            row[f"grade {grade}"] = int((worst == grade).sum())
        row["serious"] = int((own["serious"] == "yes").sum())
        row["related"] = int((own["related"] == "yes").sum())
        rows.append(row)
    columns = ["term", "events", "patients", *(f"grade {g}" for g in range(1, 6)), "serious", "related"]
    headers = ("Term", "Events", "Patients", *(f"Grade {g}" for g in range(1, 6)), "Serious", "Related")
    infusions = int((analysis.trial.infusions["dose_g"] > 0).sum())
    interest: list[dict[str, Any]] = []
    for name, stems in EVENTS_OF_INTEREST.items():
        hit = events[
            events["term"]
            .str.casefold()
            .apply(lambda term, s=stems: any(stem in term for stem in s))
            .astype(bool)
        ]
        patients = hit["patient_id"].nunique()
        estimate, interval = _interval(patients, n, analysis.protocol.endpoint.level)
        interest.append(
            {
                "name": name,
                "events": len(hit),
                "patients": f"{patients}/{n}",
                "estimate": estimate,
                "interval": interval,
                "per": f"{len(hit)}/{infusions}",
                "per_interval": _interval(
                    min(len(hit), infusions), infusions, analysis.protocol.endpoint.level
                )[1],
            }
        )
    foot = "Grades: patients by their worst grade of the term. Serious, related: events."
    return (
        Table(
            "14.3.2",
            "Adverse events by term and worst grade",
            pd.DataFrame(rows, columns=columns),
            headers,
            "safety set",
            "adverse_events",
            "treatment",
            foot,
            "no adverse event was recorded.",
        ),
        Table(
            "14.3.3",
            "IVIg events of interest",
            pd.DataFrame(interest),
            (
                "Event",
                "Events",
                "Patients",
                "Proportion",
                "Exact interval",
                "Per infusion day",
                "Exact interval per day",
            ),
            "safety set",
            "adverse_events, infusions",
            "treatment",
            "An event belongs to a group by the words of its term; review the listing 16.2.7.",
        ),
    )


# ------------------------------------------------------------------------------------------------- 16.2 listings
def _listings(analysis: Analysis) -> tuple[Table, ...]:
    trial = analysis.trial
    follow = trial.follow_up
    gone = follow[
        follow["status"].isin(["dead", "withdrawn", "lost"])
        & follow["patient_id"].isin(analysis.sets.full_analysis)
    ]
    efficacy = analysis.primary.patients.merge(
        analysis.visits.pivot_table(
            index="patient_id", columns="visit", values="mrs", aggfunc="first", dropna=False, sort=False
        )
        .reindex(columns=[visit.name for visit in analysis.protocol.visits])
        .reset_index(),
        on="patient_id",
        how="left",
    )
    start = analysis.visits.drop_duplicates("patient_id").set_index("patient_id")["baseline_mrs"]
    efficacy.insert(1, "baseline", efficacy["patient_id"].map(start))
    visit_names = [visit.name for visit in analysis.protocol.visits]
    cycles = analysis.exposure.cycles[
        ["patient_id", "cycle", "start", "days", "planned_g", "given_g", "on_time", "dose_as_planned"]
    ]
    events = trial.adverse_events[
        ["patient_id", "term", "start_date", "end_date", "grade", "serious", "related", "action"]
    ]
    screening = trial.screening[trial.screening["patient_id"].isin(analysis.sets.full_analysis)]
    return (
        Table("16.2.1", "Discontinuations: dead, withdrawn, lost",
              gone[["patient_id", "status", "last_contact_date", "death_date", "death_cause"]],
              ("Patient", "Status", "Last contact", "Death", "Cause"), "full analysis set", "follow_up", "visits"),
        Table("16.2.4", "Individual baseline",
              screening[["patient_id", "site", "age", "sex", "weight_kg", "antibody_serum", "antibody_csf", "mrs"]],
              ("Patient", "Site", "Age", "Sex", "Weight, kg", "Serum", "CSF", "mRS at screening"),
              "full analysis set", "screening", "criteria"),
        Table("16.2.5", "Individual exposure", cycles,
              ("Patient", "Cycle", "Start", "Days", "Planned, g", "Given, g", "On time", "Dose as planned"),
              "safety set", "infusions", "treatment"),
        Table("16.2.6", "Individual efficacy", efficacy,
              ("Patient", "Baseline mRS", f"Counted as, {analysis.visit}", "Why", *(f"mRS {v}" for v in visit_names)),
              "full analysis set", "mrs, follow_up", "endpoint"),
        Table("16.2.7", "Adverse events", events,
              ("Patient", "Term", "Start", "End", "Grade", "Serious", "Related", "Action"),
              "enrolled patients", "adverse_events", "treatment"),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- figures
def _figures(analysis: Analysis, forest: pd.DataFrame, shift: Any) -> dict[str, Figure]:
    from pnstrial.figures import mrs as mrs_figures
    from pnstrial.figures.flow import consort_flow, count_flow
    from pnstrial.figures.patients import swimmer
    from pnstrial.figures.proportions import forest as draw_forest

    enrolled = list(analysis.sets.full_analysis)
    some = bool(enrolled)
    none = "" if some else "no patient is enrolled"
    paired = some and shift.n > 0
    why = none or ("" if paired else f"no patient has a baseline and a value at {shift.visit}")
    first = enrolled[:60]
    cut = "" if len(enrolled) <= 60 else f" The first 60 of {len(enrolled)} patients are drawn."
    flow = count_flow(analysis)
    null = analysis.protocol.endpoint.null_proportion
    rows = pd.concat([forest, _published()], ignore_index=True)
    few = len(enrolled) <= 60
    return {
        "flow": Figure(
            "10.1", "Flow of patients", "Each patient is counted once; criteria joined by + failed together.",
            f"{flow.screened} screened, {flow.not_enrolled} not enrolled, {flow.enrolled} enrolled, "
            f"{flow.infused} infused, {flow.per_protocol} in the per-protocol set.", "screened patients",
            lambda: consort_flow(flow),
        ),
        "forest": Figure(
            "14.2.1", "Response under each strategy, and in published series",
            "See how little the strategy moves the point against the width of the interval, and how far the "
            "intervals of this trial and of the published series overlap (their treatments differ).",
            "Points with exact intervals; numbers as in table 14.2.2.", "full analysis set",
            lambda: draw_forest(rows, null=null),
        ),
        "bars": Figure(
            "14.2.2", "mRS at baseline and at each visit",
            "See how the cut between 2 and 3 moves from bar to bar; death is set apart.",
            "Stacked bars; numbers as in table 14.2.4.", "full analysis set",
            (lambda: mrs_figures.grotta_bars(shift)) if paired else None, why,
        ),
        "alluvial": Figure(
            "14.2.3", "Flow between grades", "One band per patient; blue improved, grey unchanged, red worse.",
            "Bands from baseline to each visit.", "full analysis set",
            (lambda: mrs_figures.alluvial(shift)) if paired and few else None,
            why or f"{len(enrolled)} patients are too many for single bands",
        ),
        "waterfall": Figure(
            "14.2.4", "Change of each patient", "Improvement points down; death is hatched at its own mark.",
            "One bar per patient; values in listing 16.2.6.", "full analysis set",
            (lambda: mrs_figures.waterfall(shift)) if paired and few else None,
            why or f"{len(enrolled)} patients are too many for single bars",
        ),
        "swimmer": Figure(
            "14.2.5", "Each patient over time",
            "A lane is coloured by the last known mRS; marks stand where they happened." + cut,
            "One lane per patient; values in listings 16.2.5 and 16.2.6.", "full analysis set",
            (lambda: swimmer(analysis, patients=first)) if some else None, none,
        ),
    }  # fmt: skip


def sections(analysis: Analysis) -> tuple[Section, ...]:
    """Put the report together.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis

    Returns
    -------
    tuple of Section
    """
    from pnstrial.reporting.checklist import consort_items
    from pnstrial.shift.trial import shift_of

    by_visit, by_strategy, forest = _responses(analysis)
    shift = shift_of(analysis.assessments.visit_values, analysis.visit)
    figures = _figures(analysis, forest, shift)
    alive, survival_figure, improvement_figure = survival(analysis)
    terms, interest = _events(analysis)
    deviations, each_deviation = _deviations(analysis)
    discontinuations, *other_listings = _listings(analysis)
    findings = pd.DataFrame(
        [(f.file, f.line, f.patient_id, f.column, f.rule) for f in analysis.findings],
        columns=["file", "line", "patient_id", "column", "rule"],
    ).astype({"line": "Int64"})
    checklist = consort_items(analysis)
    return (
        Section("flow", "10 Patients", (figures["flow"],)),
        Section("baseline", "14.1 Baseline", (_baseline(analysis), _failures(analysis), deviations)),
        Section(
            "efficacy",
            "14.2 Efficacy",
            (
                by_visit,
                by_strategy,
                figures["forest"],
                _decision_table(analysis),
                _categories(analysis),
                _scales(analysis),
                figures["bars"],
                _shift(shift),
                figures["alluvial"],
                figures["waterfall"],
                figures["swimmer"],
                alive,
                survival_figure,
                times(analysis),
                history(analysis),
                improvement_figure,
                occupancy(analysis),
            ),
        ),
        Section("safety", "14.3 Safety", (_exposure(analysis), terms, interest)),
        Section(
            "listings",
            "16.2 Listings",
            (
                discontinuations,
                each_deviation,
                *other_listings,
                Table(
                    "16.2.8",
                    "Findings on the collected tables",
                    findings,
                    ("File", "Line", "Patient", "Column", "Rule"),
                    "all tables",
                    "all",
                    "all",
                ),
            ),
        ),
        Section(
            "checklist",
            "CONSORT 2025 checklist",
            (Table("17.1", "Items answered", checklist, ("Item", "Topic", "Answer"), "–", "–", "–"),),
        ),
    )


def _shift(shift: Any) -> Table:
    rows: list[dict[str, str]] = []
    changes, wins = shift.changes, shift.wins
    for name in rules.CATEGORIES:
        if isinstance(changes, NotEstimable):
            rows.append({"measure": name, "value": str(changes), "interval": "–"})
            continue
        low, high = getattr(changes, f"{name}_ci")
        value = share(getattr(changes, name), changes.n)
        rows.append({"measure": name, "value": value, "interval": f"{100 * low:.1f} to {100 * high:.1f} %"})
    for name, label in (("win_odds", "win odds, later against baseline"), ("net_benefit", "net benefit")):
        result: Any = wins if isinstance(wins, NotEstimable) else getattr(wins, name)
        if isinstance(result, NotEstimable):
            rows.append({"measure": label, "value": str(result), "interval": "–"})
        else:
            rows.append(
                {
                    "measure": label,
                    "value": number(result[0]),
                    "interval": f"{number(result[1])} to {number(result[2])}",
                }
            )
    for name, label in (
        ("sign", "exact sign test, two-sided p"),
        ("signed_rank", "exact signed-rank test (zeros after Pratt), two-sided p"),
        ("signed_rank_wilcoxon", "exact signed-rank test (zeros after Wilcoxon), two-sided p"),
    ):
        result = getattr(shift, name)
        value = str(result) if isinstance(result, NotEstimable) else _p_words(result.p_value)
        rows.append({"measure": label, "value": value, "interval": "–"})
    return Table(
        "14.2.6",
        f"mRS shift from baseline to {shift.visit}",
        pd.DataFrame(rows),
        ("Measure", "Value", f"{100 * shift.level:g} % interval"),
        f"full analysis set with both values (n = {shift.n})",
        "mrs, screening, follow_up",
        "visits",
        "Death is mRS 6. Paired, within one arm: a change over time, not an effect of treatment.",
    )


def _p_words(p_value: object) -> str:
    return f"{p_value:.4f}" if isinstance(p_value, float) else str(p_value)

"""Who took part, and who was counted?

Input: a `Material`.
Output: items of sections 10 and 14.1: flow, analysis sets, baseline, criteria failed, deviations.
Protocol section: criteria, treatment, decision.
Method: counts with denominators; a characteristic that was not collected is said to be so.
Next: `reporting.efficacy`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.eligibility import classify_medications
from pnstrial.figures.flow import consort_flow, reasons_by_number
from pnstrial.frames import value_of
from pnstrial.reporting.items import Figure, Place, Table, share
from pnstrial.results import rows_of
from pnstrial.vocabulary import PnsCareCriterion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pnstrial.reporting.material import Material
    from pnstrial.vocabulary import Scale

MOST_GRADES: Final = 20
"""Grades of a scale up to which the baseline table has a row for each."""

__all__ = ["antibody_groups", "baseline", "deviations", "disposition", "summary_rows", "treated_before"]


def disposition(material: Material) -> tuple[Place, ...]:
    """Give the places of section 10."""
    return (
        Place("flow", Figure, lambda: _flow(material)),
        Place("sets", Table, lambda: _sets(material), short=True),
    )


def _sets(material: Material) -> Table:
    sets = material.analysis.sets
    names = {"full_analysis": "Full analysis set", "safety": "Safety set", "per_protocol": "Per-protocol set"}
    rows: list[tuple[str, str]] = []
    for key, name in names.items():
        rows.append((name, share(len(getattr(sets, key)), len(material.enrolled))))
        own = sets.reasons[sets.reasons["set"] == key]
        counts = reasons_by_number(own)
        rows += [(f"  not in it: {reason}", share(n, len(material.enrolled))) for reason, n in counts]
    return Table(
        "Analysis sets", "enrolled patients", pd.DataFrame(rows, columns=["Set", "Patients"]),
        f"screening, infusions, {material.rated}, medications", material.ruled,
        "A patient can be out of the per-protocol set for several reasons; each is in [[excluded]].",
    )  # fmt: skip


def _flow(material: Material) -> Figure:
    flow = material.flow
    return Figure(
        "Flow of patients", "screened patients",
        "Every patient is counted once on the way down; the analysis sets stand beneath. Criteria in words: "
        "[[failures]]; each patient: [[eligibility]].",
        f"{flow.screened} screened, {flow.not_enrolled} not enrolled, {flow.enrolled} enrolled, "
        f"{flow.infused} infused, {flow.per_protocol} in the per-protocol set.",
        lambda: consort_flow(flow),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ 14.1 baseline
def summary_rows(label: str, unit: str, parts: dict[str, pd.Series[Any]]) -> list[tuple[str, ...]]:
    """Describe a measurement in columns: n, mean (SD), median (quartiles), range; one value stands alone.

    Parameters
    ----------
    label, unit : str
    parts : dict of Series
        The values of each column of the table.

    Returns
    -------
    list of tuple
        A head and four rows; or one row, where no column has more than one value. Whole measurements stay whole, and
        their mean, SD and quartiles have one decimal; those below 1 have two digits.
    """
    present = {name: values.dropna().astype(float) for name, values in parts.items()}
    head = f"{label}, {unit}" if unit else label
    whole = all((values == values.round()).all() for values in present.values())
    largest = max((float(values.abs().max()) for values in present.values() if len(values)), default=1.0)
    fine = f".{1 - math.floor(math.log10(largest))}f" if 0 < largest < 1 else ".1f"
    one, more = (".0f", ".1f") if whole else (fine, fine)
    if all(len(values) <= 1 for values in present.values()):
        alone = (f"{values.iloc[0]:{one}}" if len(values) else "not collected" for values in present.values())
        return [(head, *alone)]

    def described(write: Callable[[pd.Series[Any]], str], fewest: int = 1) -> list[str]:
        return [write(values) if len(values) >= fewest else "–" for values in present.values()]

    def quartiles(values: pd.Series[Any]) -> str:
        low, middle, high = values.quantile([0.25, 0.5, 0.75])
        if len(values) == 1:
            return f"{middle:{one}}"
        return f"{middle:{more}} ({low:{more}} to {high:{more}})"

    return [
        (head, *("" for _ in present)),
        ("  n", *(str(len(values)) for values in present.values())),
        ("  mean (SD)", *described(lambda v: f"{v.mean():{more}} ({v.std(ddof=1):{more}})", 2)),
        ("  median (quartiles)", *described(quartiles)),
        ("  range", *described(lambda v: f"{v.min():{one}} to {v.max():{one}}", 2)),
    ]


def _share_rows(
    label: str, parts: dict[str, pd.Series[Any]], words: Iterable[Any] | None = None, name: str = "{}"
) -> list[tuple[str, ...]]:
    """Describe a word in columns: a row for each word, of the patients with the item collected."""
    present = {key: values.dropna() for key, values in parts.items()}
    everyone = next(iter(present.values()))
    found = (
        sorted(everyone.unique()) if words is None else [word for word in words if (everyone == word).any()]
    )
    if not found:
        return [(label, *("not collected" for _ in present))]

    def counted(word: Any) -> tuple[str, ...]:
        return tuple(share(int((values == word).sum()), len(values)) for values in present.values())

    return [(label, *("" for _ in present)), *(("  " + name.format(word), *counted(word)) for word in found)]


_NOT_TESTED: Final = "not tested"


def _antibody_group(serum: Any, csf: Any, wanted: tuple[str, ...]) -> str:
    tested = [sample.split(";") for sample in (serum, csf) if isinstance(sample, str)]
    if not tested:
        return _NOT_TESTED
    found = dict.fromkeys(word for words in tested for word in words if word not in {"none", "other"})
    named = [word for word in wanted or found if word in found]
    return "anti-" + " + ".join(named) if named else "other or none"


def antibody_groups(material: Material, screening: pd.DataFrame) -> pd.Series[str]:
    """Name the antibodies that each row of the screening table holds: those of the criterion, without one all.

    Returns
    -------
    pandas.Series
        Such as "anti-Hu + CV2", "other or none", or "not tested".
    """
    wanted = material.antibodies
    samples = zip(screening["antibody_serum"], screening["antibody_csf"], strict=True)
    return pd.Series(
        [_antibody_group(serum, csf, wanted) for serum, csf in samples], screening.index, dtype=object
    )


def treated_before(material: Material) -> dict[str, list[int]]:
    """Find the records of each class of immunotherapy begun before day 1.

    Returns
    -------
    dict of str to list of int
        Lines of the medication table, by class.
    """
    records = classify_medications(material.trial, material.protocol)
    first = value_of(records["patient_id"], material.day_1)
    before = records[(records["start_date"] < first) & ~records["trial_own"]]
    found: dict[str, list[int]] = {}
    for row in rows_of(before):
        for name in filter(None, str(row.classes).split(", ")):
            found.setdefault(name, []).append(int(row.Index))
    return dict(sorted(found.items()))


def _scale_rows(scale: Scale, parts: dict[str, pd.Series[Any]]) -> list[tuple[str, ...]]:
    """Describe the baseline on a scale: a row for each grade, or a summary where there are many."""
    label = scale.label[0].upper() + scale.label[1:]
    if len(scale.scores) > MOST_GRADES:
        return summary_rows(label, "points", parts)
    return _share_rows(label, parts, scale.scores, f"{scale.name} {{:g}}")


def _later_level(material: Material, parts: dict[str, pd.Series[Any]]) -> list[tuple[str, ...]]:
    """Count who of the definite by the older criteria is definite by the score of 2021, where it was collected."""
    table = material.trial.screening
    needed = ("pns_phenotype", "cancer_relation", "cancer_search_years")
    if not any(name in table and table[name].notna().any() for name in needed):
        return []
    own = [one for one in material.protocol.criteria if isinstance(one, PnsCareCriterion)]
    scored = own[0] if own else PnsCareCriterion(
        id="level", kind="pns_care", label="level", at_least="definite", source="assumed"
    )  # fmt: skip
    levels = {row.Index: scored.scored(table.loc[row.Index].to_dict())[1] for row in rows_of(table)}
    label = "Of the definite by the criteria of 2004"
    rows: list[tuple[str, ...]] = [(label, *("" for _ in parts))]
    for words, wanted in (
        ("definite by PNS-Care 2021", lambda found: found == ["definite"]),
        ("not known by PNS-Care 2021", lambda found: len(found) > 1 and "definite" in found),
    ):
        counts: list[str] = []
        for values in parts.values():
            definite = values.index[values == "definite"]
            counts.append(share(sum(bool(wanted(levels[line])) for line in definite), len(definite)))
        rows.append((f"  {words}", *counts))
    return rows


def _disease_rows(
    material: Material,
    table: pd.DataFrame,
    column: Callable[[pd.Series[Any]], dict[str, pd.Series[Any]]],
    *,
    alone: bool,
) -> list[tuple[str, ...]]:
    """Describe what is known of the disease: what is neither asked for nor filled in has no row."""
    rows: list[tuple[str, ...]] = []
    if material.collects("syndrome"):
        rows += _share_rows("Syndrome", column(table["syndrome"]))
    if material.collects("pns_level"):
        rows += _share_rows("Level of diagnosis", column(table["pns_level"]))
        rows += _later_level(material, column(table["pns_level"]))
    if alone and material.collects("antibody_serum", "antibody_csf"):
        rows += _share_rows("Antibody", column(table["group"].where(table["group"] != _NOT_TESTED)))
    if material.collects("cancer"):
        rows += _share_rows("Cancer", column(table["cancer"]))
    if material.collects("symptom_onset_date"):
        rows += summary_rows("Onset to first infusion", "days", column(table["onset_days"]))
    return rows


def _baseline_table(material: Material) -> Table:
    table = material.trial.screening
    table = table[table["patient_id"].isin(material.enrolled)].copy()
    if table.empty:
        return Table(
            "Baseline characteristics", "full analysis set", pd.DataFrame(columns=["Characteristic", "All (n = 0)"]),
            "screening", "criteria", "", "No patient is enrolled.",
        )  # fmt: skip
    who, protocol = table["patient_id"], material.protocol
    table["group"] = antibody_groups(material, table)
    groups = sorted(table["group"].unique(), key=lambda group: (group == _NOT_TESTED, group))
    parts = {"All": table} | (
        {name: table[table["group"] == name] for name in groups} if len(groups) > 1 else {}
    )
    onset = pd.to_datetime(table["symptom_onset_date"].where(table["symptom_onset_date"].str.len() == 10))
    table["onset_days"] = (value_of(who, material.day_1) - onset).dt.days
    table["baseline"] = who.map(material.baseline)

    def column(values: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
        return {name: values[values.index.isin(part.index)] for name, part in parts.items()}

    rows = summary_rows("Age", "years", column(table["age"]))
    rows += _share_rows("Sex", column(table["sex"]))
    rows += summary_rows("Weight", "kg", column(table["weight_kg"]))
    if protocol.arms and "arm" in table:
        rows += _share_rows("Arm", column(table["arm"]), [arm.name for arm in protocol.arms])
    rows += _disease_rows(material, table, column, alone=len(groups) == 1)
    rows += _scale_rows(material.scale, column(table["baseline"]))
    if (
        material.scale.table != "mrs"
        and table["mrs"].notna().any()
        and any(s.table == "mrs" for s in protocol.scales)
    ):
        other = next(scale for scale in protocol.scales if scale.table == "mrs")
        rows += _scale_rows(other, column(table["mrs"]))
    scores = material.analysis.scale_changes.drop_duplicates(["patient_id", "scale"])
    for scale in (one.name for one in material.further_scales):
        own = scores[scores["scale"] == scale].set_index("patient_id")["baseline"]
        rows += summary_rows(scale, "points", column(who.map(own).astype(float)))
    treated = treated_before(material)
    medicated = material.trial.tables["medications"]["patient_id"]
    if treated:
        rows.append(("Immunotherapy begun before the first infusion", *("" for _ in parts)))
        for name, lines in treated.items():
            counts = (
                share(int(part["patient_id"].isin(medicated[lines]).sum()), len(part))
                for part in parts.values()
            )
            rows.append((f"  {name}", *counts))
    rows += _share_rows("Site", column(table["site"]))
    heads = [f"{name} (n = {len(part)})" for name, part in parts.items()]
    return Table(
        "Baseline characteristics" + (" by antibody" if len(groups) > 1 else ""), "full analysis set",
        pd.DataFrame(rows, columns=["Characteristic", *heads]),
        ", ".join(["screening", *dict.fromkeys(scale.table for scale in protocol.scales), "infusions", "medications"]),
        "criteria",
        "Per cent of the patients with the item collected."
        + " Onset: full dates only." * material.collects("symptom_onset_date")
        + " Antibodies in serum or CSF." * material.collects("antibody_serum", "antibody_csf"),
        "No patient is enrolled.",
    )  # fmt: skip


def baseline(material: Material) -> tuple[Place, ...]:
    """Give the places of section 14.1."""
    return (
        Place("baseline", Table, lambda: _baseline_table(material)),
        Place("failures", Table, lambda: _failures(material)),
        Place("deviations", Table, lambda: _deviations(material)),
    )


def _failures(material: Material) -> Table:
    criteria = material.analysis.screening.criteria
    enrolled = criteria["patient_id"].isin(material.enrolled)

    def count(key: str, status: str, who: pd.Series[bool]) -> int:
        return int(((criteria["criterion"] == key) & (criteria["status"] == status) & who).sum())

    failures = pd.DataFrame(
        [
            (
                criterion.id, criterion.label, count(criterion.id, "fail", ~enrolled),
                count(criterion.id, "unknown", ~enrolled), count(criterion.id, "fail", enrolled),
                count(criterion.id, "unknown", enrolled),
            )
            for criterion in material.protocol.criteria
        ],
        columns=["Id", "Criterion", "Not enrolled: fail", "Not enrolled: unknown", "Enrolled: fail",
        "Enrolled: unknown"],
    )  # fmt: skip
    return Table(
        "Criteria that were not met or not known", "screened patients", failures,
        material.screened, "criteria",
        "A patient is counted at each criterion. Missing is unknown, never a pass. Reasons: [[eligibility]].",
    )  # fmt: skip


def _deviations(material: Material) -> Table:
    rows = deviations(material)
    summary = pd.DataFrame(
        [
            (
                kind.capitalize(), int((rows["kind"] == kind).sum()),
                share(rows.loc[rows["kind"] == kind, "patient"].nunique(), len(material.enrolled)),
            )
            for kind in ("eligibility", "treatment", *(["decision"] if material.protocol.decision else []))
        ],
        columns=["Kind", "Deviations", "Patients"],
    )  # fmt: skip
    return Table(
        "Protocol deviations", "full analysis set", summary, f"screening, infusions, {material.rated}",
        material.ruled, "Each of them: [[each-deviation]].",
    )  # fmt: skip


def deviations(material: Material) -> pd.DataFrame:
    """List every departure from the protocol.

    Returns
    -------
    pandas.DataFrame
        patient, kind (treatment, decision, eligibility), what; cycle and criterion where it is of one.
    """
    analysis = material.analysis
    rows: list[tuple[Any, ...]] = [
        (str(row.patient_id), "treatment",
        row.deviation if pd.isna(row.cycle) else f"cycle {row.cycle:g}: {row.deviation}", row.cycle, None)
        for row in rows_of(analysis.exposure.deviations)
    ]  # fmt: skip
    kept = analysis.decisions[analysis.decisions["deviation"].notna()]
    rows += [(str(row.patient_id), "decision", str(row.deviation), None, None) for row in rows_of(kept)]
    failed = analysis.screening.criteria
    failed = failed[(failed["status"] == "fail") & failed["patient_id"].isin(material.enrolled)]
    rows += [
        (str(row.patient_id), "eligibility", f"{row.criterion}: {row.reason}", None, row.criterion)
        for row in rows_of(failed)
    ]
    return pd.DataFrame(rows, columns=["patient", "kind", "what", "cycle", "criterion"])

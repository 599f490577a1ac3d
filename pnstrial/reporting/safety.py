"""What was given, and what harm was seen?

Input: a `Material`.
Output: items of section 14.3: exposure, adverse events in summary, by term, events of interest of the drugs.
Protocol section: treatment.
Method: ICH E3 section 12: patients with an exact interval, and events by infusion day.
Next: `reporting.listings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.reporting.efficacy import proportion_cells
from pnstrial.reporting.items import DASH, Place, Table, share
from pnstrial.reporting.patients import summary_rows
from pnstrial.results import rows_of

if TYPE_CHECKING:
    from pnstrial.protocol import Protocol
    from pnstrial.reporting.material import Material

__all__ = [
    "event_groups",
    "events_by_term",
    "events_of_interest",
    "safety",
    "safety_events",
]

SEVERE: Final = 3
"""CTCAE grade from which an event is severe."""


def safety(material: Material) -> tuple[Place, ...]:
    """Give the places of section 14.3."""
    return (
        Place("exposure", Table, lambda: _exposure(material)),
        Place("events", Table, lambda: _overview(material)),
        Place("events-by-term", Table, lambda: events_by_term(material)),
        *(
            [Place("of-interest", Table, lambda: _of_interest(material))]
            if _groups(material.protocol)
            else []
        ),
    )


def _exposure(material: Material) -> Table:
    patients = material.analysis.exposure.patients
    infused = patients[patients["cycles_given"] > 0]
    rows: list[tuple[str, ...]] = [("Cycles given", "")]
    rows += [
        (f"  {cycle}", share(int((infused["cycles_given"] == cycle).sum()), len(infused)))
        for cycle in range(1, material.protocol.treatment.cycles + 1)
    ]
    drugs = material.analysis.exposure.drugs
    for drug in material.protocol.drugs:
        own = drugs[(drugs["drug"] == drug.name) & (drugs["cycles_given"] > 0)]
        if len(material.protocol.drugs) > 1:
            rows.append((f"{drug.name}: given at all", share(len(own), len(infused))))
        rows += summary_rows(f"{drug.name} in all", "g", {"value": own["total_g"]})
    if any(drug.has_dose for drug in material.protocol.counted_drugs):
        rows += summary_rows(
            "Relative dose intensity", "%", {"value": 100 * infused["relative_dose_intensity"]}
        )
        rows += summary_rows(_share_of_course(material), "%", {"value": 100 * infused["share_of_course"]})
    return Table(
        "Exposure", "safety set", pd.DataFrame(rows, columns=["Item", f"All (n = {len(infused)})"]),
        "infusions, screening", "treatment",
        _intensity(material),
    )  # fmt: skip


def _share_of_course(material: Material) -> str:
    return (
        "Share of the dose before the decision"
        if material.protocol.decision
        else "Share of the required dose"
    )


def _intensity(material: Material) -> str:
    """Say what the relative dose intensity is, for one drug and for several."""
    drugs = [drug for drug in material.protocol.counted_drugs if drug.has_dose]
    if not drugs:
        names = " and ".join(drug.name for drug in material.protocol.counted_drugs)
        return f"The protocol states no dose of {names}, so nothing is planned in grams."
    unit = "grams by kg" if drugs[0].dose_g_per_kg is not None else "grams"
    of = f"{unit} and time given, of those planned."
    if len(drugs) > 1:
        of = "dose by time given, of that planned; the mean over the drugs."
    return f"100 % is as planned. Relative dose intensity: {of}"


def safety_events(material: Material) -> pd.DataFrame:
    """Give the adverse events of the safety set."""
    events = material.trial.adverse_events
    return events[events["patient_id"].isin(material.safety)]


def _infusion_days(material: Material) -> int:
    infusions = material.trial.infusions
    return int(((infusions["dose_g"] > 0) & infusions["patient_id"].isin(material.safety)).sum())


def _incidence_row(material: Material, label: str, events: pd.DataFrame) -> tuple[Any, ...]:
    """Describe some events: patients, proportion and interval, events, events by 100 infusion days."""
    n, days = len(material.safety), _infusion_days(material)
    patients = int(events["patient_id"].nunique())
    per = f"{100 * len(events) / days:.1f}" if days else DASH
    return (label, f"{patients}/{n}", *proportion_cells(patients, n, material.level), len(events), per)


INCIDENCE_HEADS: Final = ("Patients", "Proportion", "Exact interval", "Events", "Per 100 infusion days")


def event_groups(events: pd.DataFrame, medicine: str) -> dict[str, pd.Series[bool]]:
    """Say which events belong to each group of the summary.

    Parameters
    ----------
    events : pandas.DataFrame
    medicine : str
        What is given.
    """
    serious, related = events["serious"] == "yes", events["related"] == "yes"
    return {
        "Any adverse event": events["patient_id"].notna(),
        "Related": related,
        "Serious": serious,
        "Serious and related": serious & related,
        f"Grade {SEVERE} or more": events["grade"] >= SEVERE,
        f"Leading to interruption of {medicine}": events["action"] == "interrupted",
        f"Leading to stop of {medicine}": events["action"] == "stopped",
    }


def _overview(material: Material) -> Table:
    events = safety_events(material)
    rows = [
        _incidence_row(material, label, events[chosen])
        for label, chosen in event_groups(events, material.medicine).items()
    ]
    n = len(material.safety)
    follow = material.trial.follow_up
    dead = follow[(follow["status"] == "dead") & follow["patient_id"].isin(material.safety)]
    rows.append(("Deaths", f"{len(dead)}/{n}", *proportion_cells(len(dead), n, material.level), DASH, DASH))
    open_words = int((events["serious"].isna() | events["related"].isna() | events["grade"].isna()).sum())
    return Table(
        "Adverse events in summary", "safety set",
        pd.DataFrame(rows, columns=["Adverse events", *INCIDENCE_HEADS]), "adverse_events, infusions, follow_up",
        "treatment",
        f"{_infusion_days(material)} infusion days. {open_words} events lack a grade, relation or seriousness and "
        "count only where these are known. Each: [[serious-events]], [[deaths]], [[events-listing]].",
    )  # fmt: skip


def events_by_term(material: Material) -> Table:
    """Tabulate the adverse events by term and worst grade."""
    events, n, days = safety_events(material), len(material.safety), _infusion_days(material)
    rows: list[tuple[Any, ...]] = []
    for term, own in events.groupby(events["term"].str.casefold(), sort=True):
        worst = own.groupby("patient_id")["grade"].max()
        rows.append(
            (
                str(term).capitalize(), share(own["patient_id"].nunique(), n),
                *(int((worst == grade).sum()) for grade in range(1, 6)),
                len(own), f"{100 * len(own) / days:.1f}" if days else DASH,
                int((own["serious"] == "yes").sum()), int((own["related"] == "yes").sum()),
                int((own["action"] == "stopped").sum()),
            )
        )  # fmt: skip
    rows.sort(key=lambda row: -int(str(row[1]).split("/")[0]))
    columns = [
        "Term", "Patients", *(f"Grade {grade}" for grade in range(1, 6)), "Events", "Per 100 infusion days", "Serious",
        "Related", f"Stopped {material.medicine}",
    ]  # fmt: skip
    return Table(
        "Adverse events by term and worst grade", "safety set", pd.DataFrame(rows, columns=columns),
        "adverse_events, infusions", "treatment",
        "Terms as recorded, by number of patients. Grades: patients by their worst grade of the term. Serious, "
        "related, stopped: events.",
        "No adverse event was recorded.",
    )  # fmt: skip


def _groups(protocol: Protocol) -> dict[str, set[str]]:
    """Gather the events of interest of every drug: the stems of each group."""
    groups: dict[str, set[str]] = {}
    for drug in protocol.drugs:
        for name, stems in (drug.events_of_interest or {}).items():
            groups.setdefault(name, set()).update(stem.casefold() for stem in stems)
    return groups


def events_of_interest(events: pd.DataFrame, protocol: Protocol) -> dict[str, pd.Series[bool]]:
    """Say which events belong to each group that the protocol names, by the words of their terms."""
    words = events["term"].str.casefold()
    return {
        name: pd.Series([any(stem in term for stem in stems) for term in words], events.index, dtype=bool)
        for name, stems in _groups(protocol).items()
    }


def _interest(material: Material) -> str:
    drugs = [drug.name for drug in material.protocol.drugs if drug.events_of_interest]
    return f"{' and '.join(drugs)} events of interest"


def _of_interest(material: Material) -> Table:
    events = safety_events(material)
    rows = [
        _incidence_row(material, name, events[chosen])
        for name, chosen in events_of_interest(events, material.protocol).items()
    ]
    return Table(
        _interest(material), "safety set", pd.DataFrame(rows, columns=["Event", *INCIDENCE_HEADS]),
        "adverse_events, infusions", "treatment",
        "An event belongs to a group by the words of its term; review [[events-listing]].",
    )  # fmt: skip


def last_infusion_before(material: Material, events: pd.DataFrame) -> list[str]:
    """Count the days from the last infusion on or before the start of each event.

    Parameters
    ----------
    material : Material
    events : pandas.DataFrame
        patient_id and start_date.

    Returns
    -------
    list of str
        "before the first" where there was none yet.
    """
    given = material.trial.infusions
    given = given[given["dose_g"] > 0].groupby("patient_id")["date"].agg(list).to_dict()
    found: list[str] = []
    for row in rows_of(events):
        earlier = [date for date in given.get(row.patient_id, []) if date <= row.start_date]
        found.append(str((row.start_date - max(earlier)).days) if earlier else "before the first")
    return found

"""Which items of CONSORT 2025 does the report answer, and where?

Input: a `Material`.
Output: a section of one table: item, topic, answer, or "not applicable" with the reason.
Protocol section: none.
Method: Hopewell S et al., CONSORT 2025 statement, BMJ 2025;389:e081123: thirty items, read for one arm without
randomisation; topics in our own words.
Next: `reporting.contents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial.reporting.items import Place, Section, Table

if TYPE_CHECKING:
    from pnstrial.protocol import Protocol
    from pnstrial.reporting.material import Material

__all__ = ["checklist"]

_ONE_ARM = "not applicable: the trial has one arm and no randomisation"
_ARMS = "not applicable: the arms are labels; nothing here compares them"
_TEAM = "to be written by the trial team: it is not in the collected tables"


def _design(protocol: Protocol) -> str:
    arms = "one arm" if len(protocol.arms) < 2 else f"{len(protocol.arms)} arms, described side by side"
    decision = "no interim decision" if protocol.decision is None else "an interim decision for each patient"
    return f"{arms}, open label; {decision}"


def _intervention(protocol: Protocol) -> str:
    decision = protocol.decision
    if len(protocol.drugs) == 1 and decision is not None:
        drug, more = protocol.drug(), protocol.drug().cycles - protocol.drug().required
        ways = " or ".join(sorted(decision.continuing, reverse=True)) or "nothing"
        return (
            f"{drug.name} {drug.dose_in_words()} every {drug.cycle_days} days, {drug.required} cycles, "
            f"then {more} more if {ways}"
        )
    return "; ".join(f"{drug.name} {drug.plan_in_words()}, {drug.cycles} cycles" for drug in protocol.drugs)


def _harms(protocol: Protocol) -> str:
    named = any(drug.events_of_interest for drug in protocol.drugs)
    return (
        "[[events]], [[events-by-term]] and [[of-interest]]" if named else "[[events]] and [[events-by-term]]"
    )


def _agreement(opinion: pd.DataFrame) -> Table:
    """List what other libraries compute; a difference is printed only where it is above its tolerance."""

    def answer(row: Any) -> str:
        if row.agrees:
            return f"agrees to {row.tolerance:.0e}".replace("e-0", "e-")
        return f"differs by {row.difference:.1e}: {row.reason or 'without a reason'}"

    rows = [(row.quantity, row.engine, answer(row)) for row in opinion.itertuples()]
    return Table(
        "The numbers of the report, computed by other libraries", "",
        pd.DataFrame(rows, columns=["Number", "Library", "Answer"]), "", "",
        "From the derived records on: values at visits, sets, times to events.",
    )  # fmt: skip


def checklist(material: Material, opinion: pd.DataFrame | None = None) -> Section:
    """Answer the thirty items of CONSORT 2025 for this trial.

    Parameters
    ----------
    material : Material
    opinion : pandas.DataFrame, optional
        Table of `pnstrial.verify`, for a second table.
    """
    protocol, sets = material.protocol, material.analysis.sets
    screening = material.trial.screening["screening_date"].dropna()
    dates = "no patient was screened"
    if len(screening):
        dates = f"screened from {screening.min():%Y-%m-%d} to {screening.max():%Y-%m-%d}; [[baseline]]"
    scale = protocol.endpoint.scale
    randomised = _ONE_ARM if len(protocol.arms) < 2 else _ARMS
    rows = [
        ("1", "Title and abstract", "title page; the structured abstract is " + _TEAM),
        ("2", "Registration", f"protocol {protocol.id}"),
        ("3", "Protocol and analysis plan", "the protocol file, whose digest is in [[provenance]]"),
        ("4", "Data sharing", _TEAM),
        ("5", "Funding and interests", _TEAM),
        ("6", "Background", _TEAM),
        (
            "7",
            "Objectives",
            f"{protocol.improvement_in_words()} at {protocol.endpoint.visit}; section 14.2",
        ),
        ("8", "Involvement of patients and public", _TEAM),
        ("9", "Design", _design(protocol)),
        ("10", "Changes to the protocol", _TEAM),
        ("11", "Setting", "sites in [[baseline]]"),
        ("12", "Eligibility", f"{len(protocol.criteria)} criteria; [[failures]]"),
        (
            "13",
            "Intervention",
            f"{_intervention(protocol)}; [[exposure]] and [[exposure-listing]]; comparator: "
            + randomised.removeprefix("not applicable: "),
        ),
        ("14", "Outcomes", "section 14.2; definitions under Methods"),
        ("15", "Harms: how assessed", "adverse events as recorded; [[events]]"),
        (
            "16",
            "Sample size and interim analyses",
            "the protocol states no basis of the size; no interim analysis of the trial"
            if protocol.design is None
            else f"{protocol.design.n} patients planned; see Methods",
        ),
        ("17", "Randomisation: sequence", randomised),
        ("18", "Randomisation: concealment", randomised),
        ("19", "Randomisation: implementation", randomised),
        (
            "20",
            "Blinding",
            f"not applicable: open label; ratings are unblinded, which weakens the {scale} as an endpoint",
        ),
        ("21", "Statistical methods", "Methods: intervals, test, estimand, missing values, analysis sets"),
        ("22", "Participant flow", "[[flow]]"),
        ("23", "Recruitment", dates),
        (
            "24",
            "Delivery of the intervention",
            "[[exposure]] and [[exposure-listing]]; concomitant immunotherapy: [[responses]] (rescue)",
        ),
        ("25", "Baseline data", "[[baseline]]"),
        (
            "26",
            "Numbers analysed and estimates",
            f"full analysis set {len(sets.full_analysis)}, per-protocol set {len(sets.per_protocol)}; [[responses]]",
        ),
        ("27", "Harms", _harms(protocol)),
        ("28", "Ancillary analyses", "[[strategies]] (every estimand), [[shift]]"),
        ("29", "Interpretation", _TEAM),
        (
            "30",
            "Limitations",
            "few patients, no control, unblinded ratings; the intervals say how little is excluded",
        ),
    ]
    return Section(
        "checklist", "17", "CONSORT 2025 checklist",
        (
            Place("consort", Table, lambda: Table(
                "Items answered", "", pd.DataFrame(rows, columns=["Item", "Topic", "Answer"]), "", "",
                "CONSORT 2025 statement, BMJ 2025;389:e081123; topics in our own words.",
            )),
            *(() if opinion is None else (Place("second-opinion", Table, lambda: _agreement(opinion)),)),
        ),
    )  # fmt: skip

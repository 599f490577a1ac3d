"""Which items of CONSORT 2025 does the report answer, and where?

Input: an `Analysis`.
Output: one row per item: topic, answer, or "not applicable" with the reason.
Protocol section: none.
Method: Hopewell S et al., CONSORT 2025 statement, BMJ 2025;389:e081123: thirty items, read for one arm without
randomisation; topics in our own words.
Next: `reporting.contents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pnstrial.analysis import Analysis

__all__ = ["consort_items"]

_ONE_ARM = "not applicable: the trial has one arm and no randomisation"
_TEAM = "to be written by the trial team: it is not in the collected tables"


def consort_items(analysis: Analysis) -> pd.DataFrame:
    """Answer the thirty items of CONSORT 2025 for this trial.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis

    Returns
    -------
    pandas.DataFrame
        item, topic, answer.
    """
    protocol, sets = analysis.protocol, analysis.sets
    screening = analysis.trial.screening["screening_date"].dropna()
    dates = "no patient was screened"
    if len(screening):
        dates = f"screened from {screening.min():%Y-%m-%d} to {screening.max():%Y-%m-%d}; table 14.1.1"
    treatment = protocol.treatment
    rows = [
        ("1", "Title and abstract", "title page; the structured abstract is " + _TEAM),
        ("2", "Registration", f"protocol {protocol.id}"),
        ("3", "Protocol and analysis plan", "the protocol file is part of the package and of the provenance"),
        ("4", "Data sharing", _TEAM),
        ("5", "Funding and interests", _TEAM),
        ("6", "Background", _TEAM),
        ("7", "Objectives", f"improvement of the mRS at {protocol.endpoint.visit}; section 14.2"),
        ("8", "Involvement of patients and public", _TEAM),
        ("9", "Design", "one arm, open label; an interim decision for each patient"),
        ("10", "Changes to the protocol", _TEAM),
        ("11", "Setting", "sites in table 14.1.1"),
        ("12", "Eligibility", f"{len(protocol.criteria)} criteria; table 14.1.2"),
        (
            "13",
            "Intervention",
            f"IVIg {treatment.dose_g_per_kg:g} g/kg every {treatment.cycle_days} days, "
            f"{treatment.cycles_before_decision} cycles, then {treatment.cycles_after_decision} more if stable or "
            "improved; tables 14.3.1 and 16.2.5; comparator: " + _ONE_ARM.removeprefix("not applicable: "),
        ),
        ("14", "Outcomes", "section 14.2; definitions under Methods"),
        ("15", "Harms: how assessed", "adverse events as recorded; table 14.3.2"),
        (
            "16",
            "Sample size and interim analyses",
            "the publication's basis was not found; no interim analysis of the trial",
        ),
        ("17", "Randomisation: sequence", _ONE_ARM),
        ("18", "Randomisation: concealment", _ONE_ARM),
        ("19", "Randomisation: implementation", _ONE_ARM),
        (
            "20",
            "Blinding",
            "not applicable: open label; ratings are unblinded, which weakens the mRS as an endpoint",
        ),
        ("21", "Statistical methods", "Methods: intervals, test, estimand, missing values, analysis sets"),
        ("22", "Participant flow", "figure 10.1"),
        ("23", "Recruitment", dates),
        (
            "24",
            "Delivery of the intervention",
            "tables 14.3.1 and 16.2.5; concomitant immunotherapy: table 14.2.1 (rescue)",
        ),
        ("25", "Baseline data", "table 14.1.1"),
        (
            "26",
            "Numbers analysed and estimates",
            f"full analysis set {len(sets.full_analysis)}, per-protocol set {len(sets.per_protocol)}; table 14.2.1",
        ),
        ("27", "Harms", "tables 14.3.2 and 14.3.3"),
        ("28", "Ancillary analyses", "table 14.2.2 (every estimand), 14.2.6 (mRS shift)"),
        ("29", "Interpretation", _TEAM),
        (
            "30",
            "Limitations",
            "few patients, no control, unblinded ratings; the intervals say how little is excluded",
        ),
    ]
    return pd.DataFrame(rows, columns=["item", "topic", "answer"])

"""Which items does the report hold, in which order?

Input: a `Material`.
Output: a `Document`: the whole report, or its short page.
Protocol section: all.
Method: sections as in ICH E3: 10 patients, 14.1 baseline, 14.2 efficacy, 14.3 safety, 16.1.9 methods, 16.2 listings; an
item gets its number by its place, and is on the short page if it says so.
Next: `reporting.page`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial import __version__
from pnstrial.reporting.checklist import checklist
from pnstrial.reporting.efficacy import response_sentence, responses, shifts
from pnstrial.reporting.items import Document, Section, numbered
from pnstrial.reporting.listings import listings
from pnstrial.reporting.methods import methods
from pnstrial.reporting.over_time import over_time
from pnstrial.reporting.patients import baseline, disposition
from pnstrial.reporting.safety import safety
from pnstrial.results import NotEstimable

if TYPE_CHECKING:
    import pandas as pd

    from pnstrial.reporting.material import Material

__all__ = ["SYNTHETIC", "document"]

SYNTHETIC = "The patients in this report are invented. Nothing here was observed in a trial."


def document(
    material: Material,
    stamp: str | None = None,
    opinion: pd.DataFrame | None = None,
    *,
    short: bool = False,
) -> Document:
    """Put the report together.

    Parameters
    ----------
    material : Material
    stamp : str, optional
        Printed as given.
    opinion : pandas.DataFrame, optional
        Table of `pnstrial.verify`, printed after the checklist.
    short : bool, default False
        Only the items of the short page, with their numbers in the whole report; no other item is made.
    """
    protocol = material.protocol
    cut = f" Data cut {material.data_cut:%Y-%m-%d}." if material.data_cut else ""
    mark = f" {stamp}" if stamp else ""
    return Document(
        title=protocol.title,
        subtitle=f"Report under protocol {protocol.id}, version {protocol.version}.{cut}{mark}",
        notices=(SYNTHETIC,) if material.trial.synthetic else (),
        summary=(response_sentence(material.analysis.primary),),
        facts=_facts(material),
        sections=numbered(
            [
                Section("patients", "10", "Patients", disposition(material)),
                Section("baseline-section", "14.1", "Baseline", baseline(material)),
                Section(
                    "efficacy",
                    "14.2",
                    "Efficacy",
                    responses(material) + shifts(material) + over_time(material),
                ),
                Section("safety", "14.3", "Safety", safety(material)),
                methods(material),
                Section("listings", "16.2", "Listings", listings(material)),
                checklist(material, opinion),
            ],
            short=short,
        ),
        footer=f"pnstrial {__version__}. A dash is a value that was not collected or does not apply.{cut}{mark}",
        whole_listings=short,
    )


def _facts(material: Material) -> tuple[tuple[str, str], ...]:
    analysis = material.analysis
    result = analysis.primary
    decided: tuple[tuple[str, str], ...] = ()
    if analysis.protocol.decision is not None:
        counts = analysis.decisions["decision"].value_counts()
        words = f"of all enrolled to continue / to stop after {analysis.protocol.decision.visit}"
        decided = ((f"{counts.get('continue', 0)} / {counts.get('discontinue', 0)}", words),)
    estimable = not isinstance(result.estimate, NotEstimable)
    return (
        (str(len(analysis.screening.overall)), "patients screened"),
        (str(len(material.enrolled)), "enrolled: the full analysis set"),
        (str(len(material.safety)), "infused: the safety set"),
        (f"{result.responders}/{result.n}" if estimable else "–", f"responders at {result.visit}"),
        *decided,
    )

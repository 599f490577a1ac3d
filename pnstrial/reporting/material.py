"""What do the items of the report draw from?

Input: an `Analysis`, the command line, the data cut.
Output: `Material`: the analysis, and the results of `shift` and `survival` on it, each made once and when first used.
Protocol section: all.
Method: nothing is decided here.
Next: `reporting.patients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pnstrial import survival
from pnstrial.checks import after_data_cut
from pnstrial.data.allowed import collected_tables
from pnstrial.figures.flow import Flow, count_flow
from pnstrial.shift.trial import ShiftResult, shift_of
from pnstrial.survival import published_references
from pnstrial.vocabulary import AntibodyCriterion, ScaleCriterion

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from pnstrial.analysis import Analysis
    from pnstrial.data import Finding, TrialData
    from pnstrial.protocol import Protocol, Scale

__all__ = ["FEWEST_POINTS", "Material"]

FEWEST_POINTS: Final = 2
"""Published points that a curve has at least, unless it is of the antibody that the protocol names first."""


@dataclass(frozen=True, eq=False)
class Material:
    """What the items are made from.

    Parameters
    ----------
    analysis : pnstrial.analysis.Analysis
    command : str or None
        The command line, for the provenance.
    data_cut : datetime.date or None
        Printed; records after it are findings.
    """

    analysis: Analysis
    command: str | None = None
    data_cut: dt.date | None = None

    @property
    def trial(self) -> TrialData:
        """The collected tables."""
        return self.analysis.trial

    @property
    def protocol(self) -> Protocol:
        """The protocol in use."""
        return self.analysis.protocol

    @property
    def level(self) -> float:
        """Level of the intervals."""
        return self.protocol.endpoint.level

    @cached_property
    def enrolled(self) -> list[str]:
        """The full analysis set."""
        return list(self.analysis.sets.full_analysis)

    @cached_property
    def safety(self) -> list[str]:
        """The safety set."""
        return list(self.analysis.sets.safety)

    @cached_property
    def day_1(self) -> pd.Series[pd.Timestamp]:
        """Day 1 of every enrolled patient."""
        return self.analysis.assessments.patients["day_1"]

    @property
    def scale(self) -> Scale:
        """The scale of the endpoint."""
        return self.analysis.assessments.scale

    @property
    def further_scales(self) -> list[Scale]:
        """The other scales of the protocol whose scores are collected in the table of scales."""
        return [
            scale
            for scale in self.protocol.scales
            if scale.table == "scales" and scale.name != self.scale.name
        ]

    @property
    def medicine(self) -> str:
        """What is given, in a word: the drug, or "treatment" where there are several."""
        drugs = self.protocol.drugs
        return drugs[0].name if len(drugs) == 1 else "treatment"

    @cached_property
    def rated(self) -> str:
        """The tables with the ratings that the endpoint, the decision and the criteria ask for."""
        protocol, asked = self.protocol, {part.scale for part in self.protocol.endpoint.parts()}
        asked |= {protocol.decision.scale or self.scale.name} if protocol.decision else set()
        asked |= {one.scale for one in protocol.criteria if isinstance(one, ScaleCriterion)}
        return ", ".join(dict.fromkeys(one.table for one in protocol.scales if one.name in asked))

    @cached_property
    def screened(self) -> str:
        """The tables that the criteria read."""
        criteria = self.protocol.criteria
        more = ["medications", "infusions"] * any(one.kind == "immunotherapy" for one in criteria)
        more += ["scales"] * any(isinstance(one, ScaleCriterion) for one in criteria)
        return ", ".join(["screening", *more])

    @cached_property
    def ruled(self) -> str:
        """The sections of the protocol that say what a deviation is."""
        return "criteria, treatment" + ", decision" * (self.protocol.decision is not None)

    def collects(self, *columns: str) -> bool:
        """Whether a column of the screening table is asked for by the protocol, or is filled in all the same."""
        table, asked = self.trial.screening, collected_tables(self.protocol)["screening"].by_name
        return any(name in table and (name in asked or table[name].notna().any()) for name in columns)

    @cached_property
    def baseline(self) -> pd.Series[float]:
        """Baseline on the scale of the endpoint, by patient."""
        first = self.analysis.visits.drop_duplicates("patient_id").set_index("patient_id")
        return first[f"baseline_{self.scale.column}"]

    @cached_property
    def antibodies(self) -> tuple[str, ...]:
        """The antibodies that the criteria ask for."""
        kinds = [one for one in self.protocol.criteria if isinstance(one, AntibodyCriterion)]
        return tuple(word for criterion in kinds for word in criterion.any_of)

    @cached_property
    def published(self) -> pd.DataFrame:
        """The published survival of patients with such antibodies; empty where the protocol asks for others."""
        series = published_references()
        own = [any(f"anti-{word}" in text for word in self.antibodies) for text in series["antibody"]]
        lead = f"anti-{self.antibodies[0]}" if self.antibodies else ""
        enough = [
            len(points) >= FEWEST_POINTS or lead in text
            for points, text in zip(series["points"], series["antibody"], strict=True)
        ]
        return series[enough] if any(own) else series.iloc[:0]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings of the tables, of the protocol in use and of the data cut."""
        late = after_data_cut(self.trial, self.data_cut) if self.data_cut else ()
        return (*self.analysis.findings, *late)

    @cached_property
    def flow(self) -> Flow:
        """Counts of the flow diagram."""
        return count_flow(self.analysis)

    @cached_property
    def shift(self) -> ShiftResult:
        """Shift from baseline to the endpoint's visit, without the model over the visits and the bounds."""
        return shift_of(self.analysis.assessments.visit_values, self.analysis.visit, whole=False)

    @cached_property
    def overall_survival(self) -> survival.SurvivalResult:
        """Time to death."""
        return survival.overall_survival(self.trial, self.protocol, level=self.level)

    @cached_property
    def deterioration(self) -> survival.SurvivalResult:
        """Time to deterioration or death."""
        return survival.time_to_deterioration(self.trial, self.protocol, level=self.level)

    @cached_property
    def improvement(self) -> survival.SurvivalResult:
        """Time to improvement, with death competing."""
        return survival.time_to_improvement(self.trial, self.protocol, level=self.level)

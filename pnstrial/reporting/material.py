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
from typing import TYPE_CHECKING

from pnstrial import survival
from pnstrial.checks import after_data_cut
from pnstrial.figures.flow import Flow, count_flow
from pnstrial.shift.trial import ShiftResult, shift_of

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from pnstrial.analysis import Analysis
    from pnstrial.data import Finding, TrialData
    from pnstrial.protocol import Protocol

__all__ = ["Material"]


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

    @cached_property
    def baseline_mrs(self) -> pd.Series[float]:
        """Baseline mRS by patient."""
        return self.analysis.visits.drop_duplicates("patient_id").set_index("patient_id")["baseline_mrs"]

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
        """Shift of the mRS from baseline to the endpoint's visit, without the model over the visits and the bounds."""
        return shift_of(self.analysis.assessments.mrs.visit_values, self.analysis.visit, whole=False)

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

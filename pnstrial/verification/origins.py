"""From which cells of the collected tables was a derived row made?

Input: the `Material` of a report.
Output: `Cells`, a growing list of (table, line, column); `Sources` adds to it what stands behind a patient's day 1,
baseline, value at a visit, cycle, criterion, scale or time.
Protocol section: all.
Method: derived rows carry the line that they were made from; where a rule asks a whole record, its cells are all given.
Next: `tracing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial.analysis import plain
from pnstrial.results import rows_of
from pnstrial.visits import DEATH, OBSERVED, baseline
from pnstrial.vocabulary import ImmunotherapyCriterion, OnsetCriterion, ScaleCriterion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pnstrial.reporting.material import Material
    from pnstrial.visits import Assessments

__all__ = ["Cells", "Sources"]

_REASONS = {
    "never infused": ("infusions", ("date", "dose_g")),
    "fewer than": ("infusions", ("cycle", "date", "dose_g")),
    "a dose": ("infusions", ("cycle", "dose_g", "weight_kg")),
    "a cycle": ("infusions", ("cycle", "date", "dose_g")),
}
"""What an analysis set asks, by the words of the reason why somebody is not in it."""


@dataclass
class Cells:
    """Collected cells, each once, in the order in which they were asked for."""

    places: dict[tuple[str, int, str], None] = field(default_factory=dict[tuple[str, int, str], None])

    def add(self, table: str, line: Any, *columns: str) -> None:
        """Add cells of a line; a line that is not there adds nothing."""
        if not pd.isna(line):
            self.places.update(dict.fromkeys((table, int(line), column) for column in columns))

    def to_frame(self, material: Material) -> pd.DataFrame:
        """Look up the cells whose column was collected: file, line, column, patient_id, value (None: blank)."""
        trial = material.trial
        rows: list[tuple[Any, ...]] = []
        for table, line, column in self.places:
            frame = trial.tables[table]
            if column in trial.headers[table] and line in frame.index:
                who = str(frame.loc[line, "patient_id"])
                rows.append((trial.file_of(table), line, column, who, plain(frame.loc[line, column])))
        frame = pd.DataFrame(rows, columns=["file", "line", "column", "patient_id", "value"])
        frame["value"] = pd.Series([row[-1] for row in rows], frame.index, dtype=object)  # a blank stays None
        return frame


class Sources:
    """What stands behind derived values of a patient.

    Parameters
    ----------
    material : Material
    assessments : Assessments, optional
        On another scale than the endpoint's.
    """

    def __init__(self, material: Material, assessments: Assessments | None = None) -> None:
        self.material = material
        self.analysis = material.analysis
        self.assessments = assessments or material.analysis.assessments
        self.cells = Cells()
        self._lines: dict[str, dict[str, list[int]]] = {}
        values = self.assessments.visit_values.frame
        self._values = {(row.patient_id, row.visit): row for row in rows_of(values)}
        self._starts = {row.Index: row for row in rows_of(self.assessments.once(baseline))}

    def on(self, assessments: Assessments) -> Sources:
        """Give the same on another scale; cells are added to the same."""
        other = Sources(self.material, assessments)
        other.cells = self.cells
        return other

    @property
    def decision_visit(self) -> str:
        """The visit of the interim decision; of a protocol without one that of the endpoint."""
        decision = self.material.protocol.decision
        return self.material.protocol.endpoint.visit if decision is None else decision.visit

    def lines(self, table: str, patient: str) -> list[int]:
        """Give the lines of a patient in a table."""
        if table not in self._lines:
            frame = self.material.trial.tables[table]
            groups = frame.groupby("patient_id", sort=False).groups
            self._lines[table] = {str(who): [int(line) for line in lines] for who, lines in groups.items()}
        return self._lines[table].get(patient, [])

    def record(self, table: str, patient: str, *columns: str) -> None:
        """Add cells of all lines of a patient in a table."""
        for line in self.lines(table, patient):
            self.cells.add(table, line, *columns)

    def screened(self, patient: str, *columns: str) -> None:
        """Add cells of the patient's line in the screening table."""
        for line in self.lines("screening", patient)[:1]:
            self.cells.add("screening", line, *columns)

    def day_1(self, patient: str) -> None:
        """Add the first infusion, or the enrolment of who was never infused."""
        infusions = self.material.trial.tables["infusions"].loc[self.lines("infusions", patient)]
        given = infusions[infusions["dose_g"] > 0]
        if given.empty:
            self.screened(patient, "enrolment_date")
            return
        first = given.index[given["date"] == given["date"].min()]
        self.cells.add("infusions", first[0], "date", "dose_g")

    def baseline(self, patient: str) -> None:
        """Add the baseline of the endpoint's scale."""
        row = self._starts[patient]
        screened = row.source_table == "screening"
        column, date = ("mrs", "screening_date") if screened else (self.assessments.scale.column, "date")
        self.cells.add(row.source_table, row.source_line, column, date)

    def value(self, patient: str, visit: str) -> None:
        """Add the rating or the death that is the value at a visit; who has none is traced to all ratings there are."""
        scale, row = self.assessments.scale, self._values[patient, visit]
        if row.derivation == OBSERVED:
            self.cells.add(scale.table, row.source_line, "date", scale.column)
        elif row.derivation == DEATH:
            self.record("follow_up", patient, "status", "death_date")
        else:
            self.record(scale.table, patient, "date", scale.column)
        self.day_1(patient)

    def change(self, patient: str, visit: str) -> None:
        """Add baseline and value at a visit."""
        self.baseline(patient)
        self.value(patient, visit)

    def response(self, patient: str, visit: str, flags: Any, *, ratings: bool) -> None:
        """Add what the response rule asked of a patient.

        Parameters
        ----------
        patient, visit : str
        flags : Any
            The patient's row of `responders_of`.
        ratings : bool
            Whether the strategy looks at other ratings than that of the visit.
        """
        self.change(patient, visit)
        if flags.rescued:
            self.rescue(patient)
        if flags.stopped:
            self.record("infusions", patient, "cycle", "date", "dose_g")
        if ratings:
            self.record(self.assessments.scale.table, patient, "date", self.assessments.scale.column)

    def rescue(self, patient: str) -> None:
        """Add the medications that count as rescue."""
        records = self.assessments.medications
        for line in records.index[records["counts_as_rescue"] & (records["patient_id"] == patient)]:
            self.cells.add("medications", line, "medication", "atc", "indication", "start_date")

    def cycle(self, patient: str, cycle: Any) -> None:
        """Add the infusion days of a cycle, of the one before it for its delay, and the weight at screening."""
        infusions = self.material.trial.tables["infusions"].loc[self.lines("infusions", patient)]
        wanted = infusions if pd.isna(cycle) else infusions[infusions["cycle"].isin([cycle, cycle - 1])]
        for line in wanted.index:
            self.cells.add("infusions", line, "cycle", "date", "dose_g", "weight_kg")
        self.screened(patient, "weight_kg")

    def infused(self, patient: str) -> None:
        """Add every infusion day of a patient, and the weight at screening."""
        self.cycle(patient, None)

    def criterion(self, patient: str, criterion: Any) -> None:
        """Add what a criterion reads."""
        self.screened(patient, *criterion.columns_read)
        if isinstance(criterion, OnsetCriterion | ImmunotherapyCriterion | ScaleCriterion):
            self.screened(patient, "screening_date")
        if isinstance(criterion, ImmunotherapyCriterion):
            self.record("medications", patient, "medication", "atc", "indication", "start_date", "stop_date")
            if patient in self.assessments.patients.index:
                self.day_1(patient)
        if isinstance(criterion, ScaleCriterion):
            scores = self.material.trial.tables["scales"].loc[self.lines("scales", patient)]
            for line in scores.index[scores["scale"] == criterion.scale]:
                self.cells.add("scales", line, "date", "score")

    def criteria(self, patient: str, ids: Iterable[str] | None = None) -> None:
        """Add what some criteria read, or all of them."""
        for criterion in self.material.protocol.criteria:
            if ids is None or criterion.id in ids:
                self.criterion(patient, criterion)

    def not_in_set(self, patient: str, reason: str) -> None:
        """Add what a reason to be out of an analysis set was found from."""
        for words, (table, columns) in _REASONS.items():
            if reason.startswith(words):
                self.record(table, patient, *columns)
                if table == "infusions" and "weight_kg" in columns:
                    self.screened(patient, "weight_kg")
        self.screened(patient, "enrolment_date")
        if reason.startswith("fails "):
            self.criteria(patient, reason.removeprefix("fails ").split(", "))
        if reason.startswith("no value"):
            self.value(patient, self.material.protocol.endpoint.visit)
        if reason.startswith("rescue"):
            self.rescue(patient)

    def per_protocol(self, patient: str) -> None:
        """Add what the per-protocol set asks of somebody who is in it."""
        self.criteria(patient)
        self.infused(patient)
        self.value(patient, self.material.protocol.endpoint.visit)

    def score(self, row: Any) -> None:
        """Add the two scores of a change on a scale."""
        self.cells.add("scales", row.baseline_line, "date", "score")
        self.cells.add("scales", row.source_line, "date", "score")

    def time(self, row: Any) -> None:
        """Add day 1 and the end of a time to an event; of the mRS times the baseline too."""
        self.day_1(row.patient_id)
        if row.parameter != "overall_survival":
            self.baseline(row.patient_id)
        if row.source_table in self.material.trial.tables:
            self.cells.add(row.source_table, row.source_line, row.source_column)
            if row.source_table == self.assessments.scale.table:
                self.cells.add(row.source_table, row.source_line, self.assessments.scale.column)

    def times(self, records: pd.DataFrame) -> None:
        """Add day 1 and end of each record."""
        for row in rows_of(records):
            self.time(row)

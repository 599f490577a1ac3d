"""What is wrong with the collected tables, and where?

Input: nothing; it is the form of a finding.
Output: `Finding`, and `TrialDataError`, which holds all findings of a folder at once.
Protocol section: none.
Method: a finding names file, line, patient, column, value, rule and remedy, so that a site can mend it unasked.
Next: `schema`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["Finding", "TrialDataError", "findings_frame"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth a look.

    Parameters
    ----------
    file : str
        Name of the file (for a workbook, ``book.xlsx/sheet``).
    line : int or None
        Line of the file, the header is 1, line breaks inside quotes counted; None where the whole file is meant.
    patient_id, column, value : str or None
        None where the finding has none.
    rule : str
        What should hold.
    severity : {"error", "warning"}
        With an error no analysis runs; a warning is listed in the report.
    remedy : str
        What to do.
    """

    file: str
    line: int | None
    patient_id: str | None
    column: str | None
    value: str | None
    rule: str
    severity: Severity
    remedy: str

    @property
    def message(self) -> str:
        """The finding as one sentence."""
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        who = f", patient {self.patient_id}" if self.patient_id else ""
        what = f", {self.column}" if self.column else ""
        value = f" = {self.value!r}" if self.value is not None else ""
        return f"{place}{who}{what}{value}: {self.rule}; {self.remedy}"

    def as_dict(self) -> dict[str, object]:
        """Give the finding for machines: file, line, patient_id, column, value, rule, severity, message."""
        content = asdict(self)
        del content["remedy"]
        return {**content, "message": self.message}

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


class TrialDataError(ValueError):
    """Tables that cannot be trusted: no analysis runs.

    Attributes
    ----------
    findings : tuple of Finding
        All findings, warnings included.
    """

    def __init__(self, where: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [finding for finding in self.findings if finding.severity == "error"]
        shown = [f"  {finding.message}" for finding in errors[:20]]
        if len(errors) > len(shown):
            shown.append(f"  ... and {len(errors) - len(shown)} more (see .findings, or run: pnstrial check)")
        noun = "error" if len(errors) == 1 else "errors"
        super().__init__(f"{where} has {len(errors)} {noun}:\n" + "\n".join(shown))


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Tabulate findings, one row each.

    Parameters
    ----------
    findings : iterable of Finding

    Returns
    -------
    pandas.DataFrame
        Columns file, line (nullable integer), patient_id, column, value, rule, severity, remedy.
    """
    import pandas as pd

    columns = ["file", "line", "patient_id", "column", "value", "rule", "severity", "remedy"]
    frame = pd.DataFrame([asdict(finding) for finding in findings], columns=columns)
    return frame.astype({"line": "Int64"})

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

from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["Finding", "Group", "TrialDataError", "findings_frame", "grouped"]

_MOST_LINES = 20
"""Errors that the message names one by one, and kinds of errors where there are more."""

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


@dataclass(frozen=True)
class Group:
    """Findings of one kind in one column of one file.

    Parameters
    ----------
    findings : tuple of Finding
        At least one; in the order of the file.
    """

    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """That of all of them."""
        return self.findings[0].severity

    @property
    def message(self) -> str:
        """One sentence: a single finding as it is, several with their count and the first three places."""
        first = self.findings[0]
        if len(self.findings) == 1:
            return first.message
        places = ", ".join(_place(finding) for finding in self.findings[:3])
        more = ", ..." if len(self.findings) > 3 else ""
        column = f", {first.column}" if first.column else ""
        count = f"{len(self.findings)} times: {places}{more}"
        return f"{first.file}{column}: {first.rule} ({count}); {first.remedy}"

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


def _place(finding: Finding) -> str:
    line = "the whole file" if finding.line is None else f"line {finding.line}"
    who = f" patient {finding.patient_id}" if finding.patient_id else ""
    value = "" if finding.value is None else f" = {finding.value!r}"
    return f"{line}{who}{value}"


def grouped(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Put findings of one kind in one column together: errors first, then in the order in which they came.

    Parameters
    ----------
    findings : iterable of Finding

    Examples
    --------
    >>> rest = "A", "mrs", None, "no rating", "warning", "fill it in"
    >>> print(*grouped(Finding("mrs.csv", line, *rest) for line in range(2, 7)))
    warning: mrs.csv, mrs: no rating (5 times: line 2 patient A, line 3 patient A, line 4 patient A, ...); fill it in
    """
    kinds: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        kind = (finding.severity, finding.file, finding.column, finding.rule, finding.remedy)
        kinds.setdefault(kind, []).append(finding)
    groups = [Group(tuple(together)) for together in kinds.values()]
    return tuple(sorted(groups, key=lambda group: group.severity != "error"))


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
        groups = grouped(errors) if len(errors) > _MOST_LINES else [Group((error,)) for error in errors]
        lines = [f"  {group.message}" for group in groups[:_MOST_LINES]]
        if len(groups) > len(lines):
            more = sum(len(group.findings) for group in groups[_MOST_LINES:])
            lines.append(f"  ... and {more} more (see .findings, or run: pnstrial check)")
        noun = "error" if len(errors) == 1 else "errors"
        super().__init__(f"{where} has {len(errors)} {noun}:\n" + "\n".join(lines))


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Tabulate findings, one row each.

    Parameters
    ----------
    findings : iterable of Finding

    Returns
    -------
    pandas.DataFrame
        Columns file, line (nullable integer), patient_id, column, value, rule, severity, remedy.

    Examples
    --------
    >>> import pnstrial as pns
    >>> findings_frame(pns.example_trial().findings)[["file", "line", "severity"]].iloc[0].tolist()
    ['infusions.csv', np.int64(174), 'warning']
    """
    check_signature(findings_frame, locals())
    import pandas as pd

    columns = ["file", "line", "patient_id", "column", "value", "rule", "severity", "remedy"]
    frame = pd.DataFrame([asdict(finding) for finding in findings], columns=columns)
    return frame.astype({"line": "Int64"})

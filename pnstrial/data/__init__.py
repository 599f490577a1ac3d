"""The collected tables: what may stand in them, how they are read, and what is wrong with them.

Input: a folder, a workbook or frames.
Output: `TrialData` or `TrialDataError` with every finding.
Protocol section: none.
Method: see `reading` (text), `parsing` (cells), `consistency` (between tables), `trial` (the whole).
Next: `schema`.
"""

from __future__ import annotations

from pnstrial.data.allowed import data_dictionary
from pnstrial.data.files import example_trial, write_example, write_template, write_trial
from pnstrial.data.findings import Finding, TrialDataError, findings_frame
from pnstrial.data.schema import ANTIBODIES, TABLES
from pnstrial.data.text_format import TextFormat
from pnstrial.data.trial import TrialData, read_findings, read_trial

__all__ = [
    "ANTIBODIES",
    "TABLES",
    "Finding",
    "TextFormat",
    "TrialData",
    "TrialDataError",
    "data_dictionary",
    "example_trial",
    "findings_frame",
    "read_findings",
    "read_trial",
    "write_example",
    "write_template",
    "write_trial",
]


def __dir__() -> list[str]:
    return __all__

"""The collected tables: what may stand in them, how they are read, and what is wrong with them.

Input: a folder, a workbook or frames.
Output: `TrialData` or `TrialDataError` with every finding.
Protocol section: none.
Method: see `reading` (text), `parsing` (cells), `consistency` (between tables), `trial` (the whole).
Next: `schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names

if TYPE_CHECKING:
    from pnstrial.data.allowed import data_dictionary as data_dictionary
    from pnstrial.data.files import example_trial as example_trial
    from pnstrial.data.files import write_example as write_example
    from pnstrial.data.files import write_template as write_template
    from pnstrial.data.files import write_trial as write_trial
    from pnstrial.data.findings import Finding as Finding
    from pnstrial.data.findings import TrialDataError as TrialDataError
    from pnstrial.data.findings import findings_frame as findings_frame
    from pnstrial.data.schema import ANTIBODIES as ANTIBODIES
    from pnstrial.data.schema import TABLES as TABLES
    from pnstrial.data.text_format import TextFormat as TextFormat
    from pnstrial.data.trial import TrialData as TrialData
    from pnstrial.data.trial import read_findings as read_findings
    from pnstrial.data.trial import read_trial as read_trial
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "allowed": "data_dictionary",
            "files": "example_trial write_example write_template write_trial",
            "findings": "Finding TrialDataError findings_frame",
            "schema": "ANTIBODIES TABLES",
            "text_format": "TextFormat",
            "trial": "TrialData read_findings read_trial",
        },
    )

"""The collected tables: what may stand in them, how they are read, and what is wrong with them.

Input: a folder, a workbook or frames.
Output: `TrialData` or `TrialDataError` with every finding.
Protocol section: none.
Method: see `reading` (text), `parsing` (cells), `consistency` (between tables), `trial` (the whole).
Next: `schema`.
"""

from pnstrial.data.findings import Finding as Finding
from pnstrial.data.findings import TrialDataError as TrialDataError
from pnstrial.data.findings import findings_frame as findings_frame
from pnstrial.data.schema import ANTIBODIES as ANTIBODIES
from pnstrial.data.schema import SCALES as SCALES
from pnstrial.data.schema import TABLES as TABLES
from pnstrial.data.schema import data_dictionary as data_dictionary
from pnstrial.data.trial import TrialData as TrialData
from pnstrial.data.trial import read_findings as read_findings
from pnstrial.data.trial import read_trial as read_trial
from pnstrial.data.trial import write_example as write_example
from pnstrial.data.trial import write_template as write_template
from pnstrial.data.trial import write_trial as write_trial

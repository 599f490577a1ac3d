"""How is the trial handed to a regulator's tools, and how does data in the standard come in?

Input: a `TrialData` and a `Protocol`; or a folder of ADaM or SDTM files.
Output: ADaM datasets and their files; `AdamTrial`; the collected tables; findings with the ids of the rules.
Protocol section: all.
Method: CDISC ADaM Implementation Guide 1.3, SAS transport version 5 (TS-140), Dataset-JSON 1.1.
Next: `specification`.
"""

from pnstrial.adam.conformance import RULES as RULES
from pnstrial.adam.conformance import check as check
from pnstrial.adam.conformance import rules_table as rules_table
from pnstrial.adam.dataset import AdamFinding as AdamFinding
from pnstrial.adam.dataset import AdamSpecificationError as AdamSpecificationError
from pnstrial.adam.dataset import Dataset as Dataset
from pnstrial.adam.dataset_json import schema_problems as schema_problems
from pnstrial.adam.derive import AdamDatasets as AdamDatasets
from pnstrial.adam.derive import derive as derive
from pnstrial.adam.derive import specification as specification
from pnstrial.adam.efficacy import CENSORING as CENSORING
from pnstrial.adam.files import read_dataset as read_dataset
from pnstrial.adam.files import write_adam as write_adam
from pnstrial.adam.read import AdamDataError as AdamDataError
from pnstrial.adam.read import AdamTrial as AdamTrial
from pnstrial.adam.read import check_adam as check_adam
from pnstrial.adam.read import read_adam as read_adam
from pnstrial.adam.sdtm import SdtmMappingError as SdtmMappingError
from pnstrial.adam.sdtm import SdtmTables as SdtmTables
from pnstrial.adam.sdtm import default_mapping as default_mapping
from pnstrial.adam.sdtm import from_sdtm as from_sdtm
from pnstrial.adam.specification import CODELISTS as CODELISTS
from pnstrial.adam.specification import DATASETS as DATASETS

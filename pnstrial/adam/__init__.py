"""How is the trial handed to a regulator's tools, and how does data in the standard come in?

Input: a `TrialData` and a `Protocol`; or a folder of ADaM or SDTM files.
Output: ADaM datasets and their files; `AdamTrial`; the collected tables; findings with the ids of the rules.
Protocol section: all.
Method: CDISC ADaM Implementation Guide 1.3, SAS transport version 5 (TS-140), Dataset-JSON 1.1.
Next: `specification`.
"""

from __future__ import annotations

from pnstrial.adam.conformance import RULES, check, rules_table
from pnstrial.adam.dataset import AdamFinding, AdamSpecificationError, Dataset
from pnstrial.adam.dataset_json import schema_problems
from pnstrial.adam.derive import AdamDatasets, derive, specification
from pnstrial.adam.efficacy import CENSORING
from pnstrial.adam.files import read_dataset, write_adam
from pnstrial.adam.read import AdamDataError, AdamTrial, check_adam, read_adam
from pnstrial.adam.sdtm import SdtmTables, from_sdtm
from pnstrial.adam.sdtm_map import SdtmMappingError, default_mapping
from pnstrial.adam.specification import CODELISTS, DATASETS

__all__ = [
    "CENSORING",
    "CODELISTS",
    "DATASETS",
    "RULES",
    "AdamDataError",
    "AdamDatasets",
    "AdamFinding",
    "AdamSpecificationError",
    "AdamTrial",
    "Dataset",
    "SdtmMappingError",
    "SdtmTables",
    "check",
    "check_adam",
    "default_mapping",
    "derive",
    "from_sdtm",
    "read_adam",
    "read_dataset",
    "rules_table",
    "schema_problems",
    "specification",
    "write_adam",
]


def __dir__() -> list[str]:
    return __all__

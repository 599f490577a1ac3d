"""What does the protocol do when it is run a million times?

Input: a protocol, a scenario, a seed.
Output: the seven tables of one simulated trial with the truth beside them, or the operating characteristics of
millions, simulated and, where there is one, with the exact answer.
Protocol section: all of them.
Method: continuous-time course of the disease, rating error, visits, treatment, decision and estimand; see the modules.
Next: `scenario`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from pnstrial.simulate.characteristics import ExactCharacteristics, OperatingCharacteristics
from pnstrial.simulate.engine import SimulationError, compare, progress_bar, simulate
from pnstrial.simulate.exact import exact
from pnstrial.simulate.power import PowerCurve, power_curve
from pnstrial.simulate.scenario import (
    Scenario,
    ScenarioError,
    load_scenario,
    scenario_text,
    shipped_scenarios,
)
from pnstrial.simulate.store import StoreError
from pnstrial.simulate.trial import PatientRecords, patient_records, simulate_trial

__all__ = [
    "ExactCharacteristics",
    "OperatingCharacteristics",
    "PatientRecords",
    "PowerCurve",
    "Scenario",
    "ScenarioError",
    "SimulationError",
    "StoreError",
    "compare",
    "exact",
    "load_scenario",
    "patient_records",
    "power_curve",
    "progress_bar",
    "scenario_text",
    "shipped_scenarios",
    "simulate",
    "simulate_trial",
]


class _Simulate(ModuleType):
    """The module that is also the function `simulate`: `pnstrial.simulate` names both."""

    def __call__(self, *arguments: Any, **settings: Any) -> OperatingCharacteristics:
        return simulate(*arguments, **settings)


sys.modules[__name__].__class__ = _Simulate

"""The public names of pnstrial; each is loaded on first use, so that the import stays light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pnstrial import adam as adam
    from pnstrial import data as data
    from pnstrial import design as design
    from pnstrial import eligibility as eligibility
    from pnstrial import endpoints as endpoints
    from pnstrial import exposure as exposure
    from pnstrial import figures as figures
    from pnstrial import multistate as multistate
    from pnstrial import protocol as protocol
    from pnstrial import rules as rules
    from pnstrial import shift as shift
    from pnstrial import simulate as simulate
    from pnstrial import survival as survival
    from pnstrial import visits as visits

__version__ = "0.2.0"

_MODULES = (
    "adam", "data", "design", "eligibility", "endpoints", "exposure", "figures",
    "multistate", "protocol", "rules", "series", "shift", "simulate", "survival", "visits",
)  # fmt: skip
_NAMES: dict[str, str] = {
    "Protocol": "protocol",
    "load_protocol": "protocol",
    "TrialData": "data",
    "TrialDataError": "data",
    "read_trial": "data",
    "write_trial": "data",
    "check_trial": "checks",
    "screen": "eligibility",
    "primary_endpoint": "endpoints",
    "analysis_sets": "endpoints",
    "mrs_shift": "shift",
    "overall_survival": "survival",
    "time_to_deterioration": "survival",
    "time_to_improvement": "survival",
    "load_scenario": "simulate",
    "simulate_trial": "simulate",
    "exact": "simulate",
    "compare": "simulate",
    "report": "reporting",
    "read_adam": "adam",
}


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(f"pnstrial.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"pnstrial.{name}")
    else:
        raise AttributeError(f"module 'pnstrial' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES, *_MODULES])

"""How long until an event: curves, comparisons and competing events for a small single-arm trial.

Input: times and events as arrays, or a trial and its protocol.
Output: frozen results with limits that hold at small n; a named reason where there is no number.
Protocol section: visits, endpoint (`trial` only).
Method: see `kaplan_meier`, `logrank`, `competing`, `trial`.
Next: `figures.survival`.
"""

from __future__ import annotations

from pnstrial.survival.competing.additive import AalenAdditive, aalen_additive
from pnstrial.survival.competing.by_group import (
    IncidenceByGroup,
    cumulative_incidence,
    incidence_by_group,
)
from pnstrial.survival.competing.fine_gray import FineGray, fine_gray
from pnstrial.survival.competing.gray import GrayTest, gray_test
from pnstrial.survival.competing.incidence import CumulativeIncidence
from pnstrial.survival.competing.pseudo import PseudoValues, pseudo_values
from pnstrial.survival.competing.states import StateOccupancy, state_occupancy
from pnstrial.survival.cox.batch import CoxBatch, cox_batch
from pnstrial.survival.cox.fit import cox
from pnstrial.survival.cox.frailty import SharedFrailty, shared_frailty
from pnstrial.survival.cox.model import ChiSquare, Cox
from pnstrial.survival.curves.coverage import coverage
from pnstrial.survival.curves.curve import KaplanMeier, KaplanMeierByGroup, Quantile
from pnstrial.survival.curves.difference import SurvivalDifference, survival_difference
from pnstrial.survival.curves.kaplan_meier import follow_up_time, kaplan_meier, kaplan_meier_batch
from pnstrial.survival.curves.logrank import LogRank, logrank, logrank_batch
from pnstrial.survival.curves.mean_survival import (
    MeanSurvival,
    MeanSurvivalByGroup,
    MeanSurvivalDifference,
    rmst,
    rmst_difference,
)
from pnstrial.survival.interval.cox import IntervalCox, interval_cox
from pnstrial.survival.interval.turnbull import Turnbull, interval_regression, turnbull
from pnstrial.survival.parametric.fit import compare_distributions, parametric
from pnstrial.survival.parametric.result import ParametricEstimate, ParametricSurvival
from pnstrial.survival.reference.curve import Reference, published_references, reference
from pnstrial.survival.reference.one_sample import (
    OneSampleBatch,
    OneSampleLogRank,
    OneSampleSize,
    one_sample_logrank,
    one_sample_logrank_batch,
    one_sample_logrank_sample_size,
)
from pnstrial.survival.reference.reconstruct import ReconstructedData, reconstruct
from pnstrial.survival.trial.at_visit import LandmarkResult, landmark_at_visit
from pnstrial.survival.trial.between_visits import BetweenVisits, deterioration_between_visits
from pnstrial.survival.trial.endpoints import (
    SurvivalResult,
    overall_survival,
    overall_survival_against,
    time_to_deterioration,
    time_to_improvement,
)
from pnstrial.survival.trial.landmark import (
    ImmortalTimeBiasError,
    Landmark,
    SimonMakuch,
    landmark,
    simon_makuch,
    time_dependent,
)
from pnstrial.survival.trial.mrs_states import MRS_GROUPS, MrsOccupancy, mrs_occupancy

__all__ = [
    "MRS_GROUPS",
    "AalenAdditive",
    "BetweenVisits",
    "ChiSquare",
    "Cox",
    "CoxBatch",
    "CumulativeIncidence",
    "FineGray",
    "GrayTest",
    "ImmortalTimeBiasError",
    "IncidenceByGroup",
    "IntervalCox",
    "KaplanMeier",
    "KaplanMeierByGroup",
    "Landmark",
    "LandmarkResult",
    "LogRank",
    "MeanSurvival",
    "MeanSurvivalByGroup",
    "MeanSurvivalDifference",
    "MrsOccupancy",
    "OneSampleBatch",
    "OneSampleLogRank",
    "OneSampleSize",
    "ParametricEstimate",
    "ParametricSurvival",
    "PseudoValues",
    "Quantile",
    "ReconstructedData",
    "Reference",
    "SharedFrailty",
    "SimonMakuch",
    "StateOccupancy",
    "SurvivalDifference",
    "SurvivalResult",
    "Turnbull",
    "aalen_additive",
    "compare_distributions",
    "coverage",
    "cox",
    "cox_batch",
    "cumulative_incidence",
    "deterioration_between_visits",
    "fine_gray",
    "follow_up_time",
    "gray_test",
    "incidence_by_group",
    "interval_cox",
    "interval_regression",
    "kaplan_meier",
    "kaplan_meier_batch",
    "landmark",
    "landmark_at_visit",
    "logrank",
    "logrank_batch",
    "mrs_occupancy",
    "one_sample_logrank",
    "one_sample_logrank_batch",
    "one_sample_logrank_sample_size",
    "overall_survival",
    "overall_survival_against",
    "parametric",
    "pseudo_values",
    "published_references",
    "reconstruct",
    "reference",
    "rmst",
    "rmst_difference",
    "shared_frailty",
    "simon_makuch",
    "state_occupancy",
    "survival_difference",
    "time_dependent",
    "time_to_deterioration",
    "time_to_improvement",
    "turnbull",
]


def __dir__() -> list[str]:
    return __all__


_HINTS = {
    "median": "kaplan_meier(...).median",
    "hazard_ratio": "cox(...).table",
    "survfit": "kaplan_meier",
    "KaplanMeierFitter": "kaplan_meier",
    "survdiff": "logrank",
    "log_rank": "logrank",
    "logrank_test": "logrank",
    "coxph": "cox",
    "CoxPHFitter": "cox",
    "cuminc": "cumulative_incidence",
    "aalen_johansen": "cumulative_incidence",
    "crr": "fine_gray",
    "gray": "gray_test",
    "restricted_mean": "rmst",
    "rmst2": "rmst_difference",
    "landmark_at_month_3": "landmark_at_visit",
}


def __getattr__(name: str) -> object:
    hint = f"; it is survival.{_HINTS[name]}" if name in _HINTS else ""
    raise AttributeError(f"module 'pnstrial.survival' has no attribute {name!r}{hint}")

"""How long until an event: curves, comparisons and competing events for a small single-arm trial.

Input: times and events as arrays, or a trial and its protocol.
Output: frozen results with limits that hold at small n; a named reason where there is no number.
Protocol section: visits, endpoint (`trial` only).
Method: see `kaplan_meier`, `logrank`, `competing`, `trial`.
Next: `figures.survival`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names
from pnstrial.survival.cox.fit import cox as cox
from pnstrial.survival.parametric.fit import parametric as parametric
from pnstrial.survival.reference.curve import reference as reference

if TYPE_CHECKING:
    from pnstrial.survival.competing.additive import AalenAdditive as AalenAdditive
    from pnstrial.survival.competing.additive import aalen_additive as aalen_additive
    from pnstrial.survival.competing.by_group import IncidenceByGroup as IncidenceByGroup
    from pnstrial.survival.competing.by_group import cumulative_incidence as cumulative_incidence
    from pnstrial.survival.competing.by_group import incidence_by_group as incidence_by_group
    from pnstrial.survival.competing.fine_gray import FineGray as FineGray
    from pnstrial.survival.competing.fine_gray import fine_gray as fine_gray
    from pnstrial.survival.competing.gray import GrayTest as GrayTest
    from pnstrial.survival.competing.gray import gray_test as gray_test
    from pnstrial.survival.competing.incidence import CumulativeIncidence as CumulativeIncidence
    from pnstrial.survival.competing.pseudo import PseudoValues as PseudoValues
    from pnstrial.survival.competing.pseudo import pseudo_values as pseudo_values
    from pnstrial.survival.competing.states import StateOccupancy as StateOccupancy
    from pnstrial.survival.competing.states import state_occupancy as state_occupancy
    from pnstrial.survival.cox.batch import CoxBatch as CoxBatch
    from pnstrial.survival.cox.batch import cox_batch as cox_batch
    from pnstrial.survival.cox.frailty import SharedFrailty as SharedFrailty
    from pnstrial.survival.cox.frailty import shared_frailty as shared_frailty
    from pnstrial.survival.cox.model import ChiSquare as ChiSquare
    from pnstrial.survival.cox.model import Cox as Cox
    from pnstrial.survival.curves.coverage import coverage as coverage
    from pnstrial.survival.curves.curve import KaplanMeier as KaplanMeier
    from pnstrial.survival.curves.curve import KaplanMeierByGroup as KaplanMeierByGroup
    from pnstrial.survival.curves.curve import Quantile as Quantile
    from pnstrial.survival.curves.difference import SurvivalDifference as SurvivalDifference
    from pnstrial.survival.curves.difference import survival_difference as survival_difference
    from pnstrial.survival.curves.kaplan_meier import follow_up_time as follow_up_time
    from pnstrial.survival.curves.kaplan_meier import kaplan_meier as kaplan_meier
    from pnstrial.survival.curves.kaplan_meier import kaplan_meier_batch as kaplan_meier_batch
    from pnstrial.survival.curves.logrank import LogRank as LogRank
    from pnstrial.survival.curves.logrank import logrank as logrank
    from pnstrial.survival.curves.logrank import logrank_batch as logrank_batch
    from pnstrial.survival.curves.mean_survival import MeanSurvival as MeanSurvival
    from pnstrial.survival.curves.mean_survival import MeanSurvivalByGroup as MeanSurvivalByGroup
    from pnstrial.survival.curves.mean_survival import MeanSurvivalDifference as MeanSurvivalDifference
    from pnstrial.survival.curves.mean_survival import rmst as rmst
    from pnstrial.survival.curves.mean_survival import rmst_difference as rmst_difference
    from pnstrial.survival.interval.cox import IntervalCox as IntervalCox
    from pnstrial.survival.interval.cox import interval_cox as interval_cox
    from pnstrial.survival.interval.turnbull import Turnbull as Turnbull
    from pnstrial.survival.interval.turnbull import interval_regression as interval_regression
    from pnstrial.survival.interval.turnbull import turnbull as turnbull
    from pnstrial.survival.parametric.fit import compare_distributions as compare_distributions
    from pnstrial.survival.parametric.result import ParametricEstimate as ParametricEstimate
    from pnstrial.survival.parametric.result import ParametricSurvival as ParametricSurvival
    from pnstrial.survival.reference.curve import Reference as Reference
    from pnstrial.survival.reference.curve import published_references as published_references
    from pnstrial.survival.reference.one_sample import OneSampleBatch as OneSampleBatch
    from pnstrial.survival.reference.one_sample import OneSampleLogRank as OneSampleLogRank
    from pnstrial.survival.reference.one_sample import OneSampleSize as OneSampleSize
    from pnstrial.survival.reference.one_sample import one_sample_logrank as one_sample_logrank
    from pnstrial.survival.reference.one_sample import one_sample_logrank_batch as one_sample_logrank_batch
    from pnstrial.survival.reference.one_sample import (
        one_sample_logrank_sample_size as one_sample_logrank_sample_size,
    )
    from pnstrial.survival.reference.reconstruct import ReconstructedData as ReconstructedData
    from pnstrial.survival.reference.reconstruct import reconstruct as reconstruct
    from pnstrial.survival.trial.at_visit import LandmarkResult as LandmarkResult
    from pnstrial.survival.trial.at_visit import landmark_at_visit as landmark_at_visit
    from pnstrial.survival.trial.between_visits import BetweenVisits as BetweenVisits
    from pnstrial.survival.trial.between_visits import (
        deterioration_between_visits as deterioration_between_visits,
    )
    from pnstrial.survival.trial.endpoints import SurvivalResult as SurvivalResult
    from pnstrial.survival.trial.endpoints import overall_survival as overall_survival
    from pnstrial.survival.trial.endpoints import overall_survival_against as overall_survival_against
    from pnstrial.survival.trial.endpoints import time_to_deterioration as time_to_deterioration
    from pnstrial.survival.trial.endpoints import time_to_improvement as time_to_improvement
    from pnstrial.survival.trial.landmark import ImmortalTimeBiasError as ImmortalTimeBiasError
    from pnstrial.survival.trial.landmark import Landmark as Landmark
    from pnstrial.survival.trial.landmark import SimonMakuch as SimonMakuch
    from pnstrial.survival.trial.landmark import landmark as landmark
    from pnstrial.survival.trial.landmark import simon_makuch as simon_makuch
    from pnstrial.survival.trial.landmark import time_dependent as time_dependent
    from pnstrial.survival.trial.mrs_states import MRS_GROUPS as MRS_GROUPS
    from pnstrial.survival.trial.mrs_states import MrsOccupancy as MrsOccupancy
    from pnstrial.survival.trial.mrs_states import mrs_occupancy as mrs_occupancy

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

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "competing.additive": "AalenAdditive aalen_additive",
            "competing.by_group": "IncidenceByGroup cumulative_incidence incidence_by_group",
            "competing.fine_gray": "FineGray fine_gray",
            "competing.gray": "GrayTest gray_test",
            "competing.incidence": "CumulativeIncidence",
            "competing.pseudo": "PseudoValues pseudo_values",
            "competing.states": "StateOccupancy state_occupancy",
            "cox.batch": "CoxBatch cox_batch",
            "cox.fit": "cox",
            "cox.frailty": "SharedFrailty shared_frailty",
            "cox.model": "ChiSquare Cox",
            "curves.coverage": "coverage",
            "curves.curve": "KaplanMeier KaplanMeierByGroup Quantile",
            "curves.difference": "SurvivalDifference survival_difference",
            "curves.kaplan_meier": "follow_up_time kaplan_meier kaplan_meier_batch",
            "curves.logrank": "LogRank logrank logrank_batch",
            "curves.mean_survival": "MeanSurvival MeanSurvivalByGroup MeanSurvivalDifference rmst rmst_difference",
            "interval.cox": "IntervalCox interval_cox",
            "interval.turnbull": "Turnbull interval_regression turnbull",
            "parametric.fit": "compare_distributions parametric",
            "parametric.result": "ParametricEstimate ParametricSurvival",
            "reference.curve": "Reference published_references reference",
            "reference.one_sample": "OneSampleBatch OneSampleLogRank OneSampleSize one_sample_logrank "
            "one_sample_logrank_batch one_sample_logrank_sample_size",
            "reference.reconstruct": "ReconstructedData reconstruct",
            "trial.at_visit": "LandmarkResult landmark_at_visit",
            "trial.between_visits": "BetweenVisits deterioration_between_visits",
            "trial.endpoints": "SurvivalResult overall_survival overall_survival_against time_to_deterioration "
            "time_to_improvement",
            "trial.landmark": "ImmortalTimeBiasError Landmark SimonMakuch landmark simon_makuch time_dependent",
            "trial.mrs_states": "MRS_GROUPS MrsOccupancy mrs_occupancy",
        },
        _HINTS,
    )

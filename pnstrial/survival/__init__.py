"""How long until an event: curves, comparisons and competing events for a small single-arm trial.

Input: times and events as arrays, or a trial and its protocol.
Output: frozen results with limits that hold at small n; a named reason where there is no number.
Protocol section: visits, endpoint (`trial` only).
Method: see `kaplan_meier`, `logrank`, `competing`, `trial`.
Next: `figures.survival`.
"""

from pnstrial.survival.additive import AalenAdditive as AalenAdditive
from pnstrial.survival.additive import aalen_additive as aalen_additive
from pnstrial.survival.competing import CumulativeIncidence as CumulativeIncidence
from pnstrial.survival.competing import cumulative_incidence as cumulative_incidence
from pnstrial.survival.cox import cox as cox
from pnstrial.survival.cox_batch import CoxBatch as CoxBatch
from pnstrial.survival.cox_batch import cox_batch as cox_batch
from pnstrial.survival.cox_model import ChiSquare as ChiSquare
from pnstrial.survival.cox_model import Cox as Cox
from pnstrial.survival.gray import GrayTest as GrayTest
from pnstrial.survival.gray import IncidenceByGroup as IncidenceByGroup
from pnstrial.survival.gray import gray_test as gray_test
from pnstrial.survival.gray import incidence_by_group as incidence_by_group
from pnstrial.survival.interval_censored import Turnbull as Turnbull
from pnstrial.survival.interval_censored import interval_regression as interval_regression
from pnstrial.survival.interval_censored import turnbull as turnbull
from pnstrial.survival.interval_cox import IntervalCox as IntervalCox
from pnstrial.survival.interval_cox import interval_cox as interval_cox
from pnstrial.survival.interval_trial import BetweenVisits as BetweenVisits
from pnstrial.survival.interval_trial import deterioration_between_visits as deterioration_between_visits
from pnstrial.survival.intervals import coverage as coverage
from pnstrial.survival.kaplan_meier import KaplanMeier as KaplanMeier
from pnstrial.survival.kaplan_meier import Quantile as Quantile
from pnstrial.survival.kaplan_meier import SurvivalDifference as SurvivalDifference
from pnstrial.survival.kaplan_meier import follow_up_time as follow_up_time
from pnstrial.survival.kaplan_meier import kaplan_meier as kaplan_meier
from pnstrial.survival.kaplan_meier import kaplan_meier_batch as kaplan_meier_batch
from pnstrial.survival.kaplan_meier import survival_difference as survival_difference
from pnstrial.survival.landmark import ImmortalTimeBiasError as ImmortalTimeBiasError
from pnstrial.survival.landmark import Landmark as Landmark
from pnstrial.survival.landmark import LandmarkResult as LandmarkResult
from pnstrial.survival.landmark import SimonMakuch as SimonMakuch
from pnstrial.survival.landmark import landmark as landmark
from pnstrial.survival.landmark import landmark_at_month_3 as landmark_at_month_3
from pnstrial.survival.landmark import simon_makuch as simon_makuch
from pnstrial.survival.landmark import time_dependent as time_dependent
from pnstrial.survival.logrank import LogRank as LogRank
from pnstrial.survival.logrank import logrank as logrank
from pnstrial.survival.logrank import logrank_batch as logrank_batch
from pnstrial.survival.mean_survival import MeanSurvival as MeanSurvival
from pnstrial.survival.mean_survival import MeanSurvivalDifference as MeanSurvivalDifference
from pnstrial.survival.mean_survival import rmst as rmst
from pnstrial.survival.mean_survival import rmst_difference as rmst_difference
from pnstrial.survival.mrs_states import MRS_GROUPS as MRS_GROUPS
from pnstrial.survival.mrs_states import MrsOccupancy as MrsOccupancy
from pnstrial.survival.mrs_states import mrs_occupancy as mrs_occupancy
from pnstrial.survival.parametric import compare_distributions as compare_distributions
from pnstrial.survival.parametric import parametric as parametric
from pnstrial.survival.parametric_result import ParametricEstimate as ParametricEstimate
from pnstrial.survival.parametric_result import ParametricSurvival as ParametricSurvival
from pnstrial.survival.pseudo import PseudoValues as PseudoValues
from pnstrial.survival.pseudo import pseudo_values as pseudo_values
from pnstrial.survival.reconstruct import ReconstructedData as ReconstructedData
from pnstrial.survival.reconstruct import reconstruct as reconstruct
from pnstrial.survival.states import StateOccupancy as StateOccupancy
from pnstrial.survival.states import state_occupancy as state_occupancy
from pnstrial.survival.subdistribution import FineGray as FineGray
from pnstrial.survival.subdistribution import fine_gray as fine_gray
from pnstrial.survival.trial import SurvivalResult as SurvivalResult
from pnstrial.survival.trial import overall_survival as overall_survival
from pnstrial.survival.trial import time_to_deterioration as time_to_deterioration
from pnstrial.survival.trial import time_to_improvement as time_to_improvement

"""How did the whole distribution of the mRS move, in one arm over time and between groups?

Input: grades 0-6 of the same patients at two or more visits, or counts by grade of two groups.
Output: exact tests, odds ratios, win statistics, utilities, models, planning; the public names of the subject.
Protocol section: endpoint, estimand.
Method: see the modules; direction is spelled out in every result.
Next: `shift.paired`, `shift.ordinal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names

if TYPE_CHECKING:
    from pnstrial.shift.grades import counts_by_grade as counts_by_grade
    from pnstrial.shift.groups.number_needed import NumberNeeded as NumberNeeded
    from pnstrial.shift.groups.number_needed import number_needed_to_treat as number_needed_to_treat
    from pnstrial.shift.groups.permutation import PermutationTest as PermutationTest
    from pnstrial.shift.groups.permutation import permutation_test as permutation_test
    from pnstrial.shift.groups.planning import SimulatedPower as SimulatedPower
    from pnstrial.shift.groups.planning import TwoGroupSize as TwoGroupSize
    from pnstrial.shift.groups.planning import generalized_odds_power as generalized_odds_power
    from pnstrial.shift.groups.planning import generalized_odds_sample_size as generalized_odds_sample_size
    from pnstrial.shift.groups.planning import po_power as po_power
    from pnstrial.shift.groups.planning import po_sample_size as po_sample_size
    from pnstrial.shift.groups.planning import simulated_power as simulated_power
    from pnstrial.shift.groups.planning import win_odds_power as win_odds_power
    from pnstrial.shift.groups.planning import win_odds_sample_size as win_odds_sample_size
    from pnstrial.shift.groups.planning import win_ratio_sample_size as win_ratio_sample_size
    from pnstrial.shift.groups.prioritised import PrioritisedComparison as PrioritisedComparison
    from pnstrial.shift.groups.prioritised import prioritised_comparison as prioritised_comparison
    from pnstrial.shift.groups.published import ShiftTrial as ShiftTrial
    from pnstrial.shift.groups.published import published_shift_trials as published_shift_trials
    from pnstrial.shift.groups.stratified import SlidingDichotomy as SlidingDichotomy
    from pnstrial.shift.groups.stratified import VanElteren as VanElteren
    from pnstrial.shift.groups.stratified import dichotomy as dichotomy
    from pnstrial.shift.groups.stratified import sliding_dichotomy as sliding_dichotomy
    from pnstrial.shift.groups.stratified import van_elteren as van_elteren
    from pnstrial.shift.groups.wins import GeneralizedOddsRatio as GeneralizedOddsRatio
    from pnstrial.shift.groups.wins import WinStatistics as WinStatistics
    from pnstrial.shift.groups.wins import generalized_odds_ratio as generalized_odds_ratio
    from pnstrial.shift.groups.wins import win_statistics as win_statistics
    from pnstrial.shift.groups.wins import win_statistics_batch as win_statistics_batch
    from pnstrial.shift.models.adjusted import OrdinalFit as OrdinalFit
    from pnstrial.shift.models.adjusted import ordinal_formula as ordinal_formula
    from pnstrial.shift.models.adjusted import ordinal_model as ordinal_model
    from pnstrial.shift.models.markov import markov_intercepts as markov_intercepts
    from pnstrial.shift.models.markov import markov_occupancy as markov_occupancy
    from pnstrial.shift.models.markov import markov_simulate as markov_simulate
    from pnstrial.shift.models.mixed import MixedOrdinal as MixedOrdinal
    from pnstrial.shift.models.mixed import mixed_ordinal as mixed_ordinal
    from pnstrial.shift.models.ordinal import CommonOddsRatio as CommonOddsRatio
    from pnstrial.shift.models.ordinal import CommonOddsRatios as CommonOddsRatios
    from pnstrial.shift.models.ordinal import CutPoints as CutPoints
    from pnstrial.shift.models.ordinal import common_odds_ratio as common_odds_ratio
    from pnstrial.shift.models.ordinal import common_odds_ratios as common_odds_ratios
    from pnstrial.shift.models.ordinal import cutpoint_odds_ratios as cutpoint_odds_ratios
    from pnstrial.shift.models.ordinal import shift_distribution as shift_distribution
    from pnstrial.shift.paired.agreement import WeightedKappa as WeightedKappa
    from pnstrial.shift.paired.agreement import weighted_kappa as weighted_kappa
    from pnstrial.shift.paired.change import Changes as Changes
    from pnstrial.shift.paired.change import SignedRank as SignedRank
    from pnstrial.shift.paired.change import changes as changes
    from pnstrial.shift.paired.change import signed_rank as signed_rank
    from pnstrial.shift.paired.change import signed_rank_batch as signed_rank_batch
    from pnstrial.shift.paired.homogeneity import HomogeneityTest as HomogeneityTest
    from pnstrial.shift.paired.homogeneity import TransitionTable as TransitionTable
    from pnstrial.shift.paired.homogeneity import bowker as bowker
    from pnstrial.shift.paired.homogeneity import marginal_homogeneity as marginal_homogeneity
    from pnstrial.shift.paired.homogeneity import stuart_maxwell as stuart_maxwell
    from pnstrial.shift.paired.homogeneity import transition_table as transition_table
    from pnstrial.shift.paired.missing import CaseBounds as CaseBounds
    from pnstrial.shift.paired.missing import Pooled as Pooled
    from pnstrial.shift.paired.missing import TippingPoint as TippingPoint
    from pnstrial.shift.paired.missing import case_bounds as case_bounds
    from pnstrial.shift.paired.missing import impute as impute
    from pnstrial.shift.paired.missing import rubin as rubin
    from pnstrial.shift.paired.missing import tipping_point as tipping_point
    from pnstrial.shift.paired.signs import McNemar as McNemar
    from pnstrial.shift.paired.signs import PairedWins as PairedWins
    from pnstrial.shift.paired.signs import SignTest as SignTest
    from pnstrial.shift.paired.signs import mcnemar as mcnemar
    from pnstrial.shift.paired.signs import paired_wins as paired_wins
    from pnstrial.shift.paired.signs import sign_test as sign_test
    from pnstrial.shift.paired.utilities import UTILITY_SOURCES as UTILITY_SOURCES
    from pnstrial.shift.paired.utilities import UTILITY_WEIGHTS as UTILITY_WEIGHTS
    from pnstrial.shift.paired.utilities import UtilityChange as UtilityChange
    from pnstrial.shift.paired.utilities import UtilityDifference as UtilityDifference
    from pnstrial.shift.paired.utilities import utility as utility
    from pnstrial.shift.paired.utilities import utility_difference as utility_difference
    from pnstrial.shift.trial import ShiftResult as ShiftResult
    from pnstrial.shift.trial import mrs_shift as mrs_shift

_HINTS = {
    "win_ratio": "win_statistics(...).win_ratio (two groups) or paired_wins(...).win_ratio (before and after)",
    "win_odds": "win_statistics(...).win_odds or paired_wins(...).win_odds",
    "net_benefit": "win_statistics(...).net_benefit or paired_wins(...).net_benefit",
    "nnt": "number_needed_to_treat(...)",
    "odds_ratio": "common_odds_ratio(...)",
    "proportional_odds": "common_odds_ratio(...), or ordinal_model(...) with covariates",
    "polr": "ordinal_model(...)",
    "clm": "ordinal_model(...)",
    "clmm": "mixed_ordinal(...)",
    "wilcoxon": "signed_rank(...) (before and after) or permutation_test(...) (two groups)",
    "mann_whitney": "permutation_test(...)",
    "wilcoxon_test": "signed_rank(...) (before and after) or permutation_test(...) (two groups)",
    "sample_size": "po_sample_size(...), generalized_odds_sample_size(...), win_odds_sample_size(...)",
    "power": "po_power(...), generalized_odds_power(...), simulated_power(...)",
    "kappa": "weighted_kappa(...)",
    "cohen_kappa": "weighted_kappa(...)",
    "shift_table": "transition_table(...)",
    "utility_weighted_mrs": "utility(...) (before and after) or utility_difference(...) (two groups)",
    "common_odds_ratio_from_rows": "common_odds_ratio(grades, group=..., control=...)",
    "multiple_imputation": "impute(...) and rubin(...)",
}
"""Where the common words of the field are found."""

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "grades": "counts_by_grade",
            "groups.number_needed": "NumberNeeded number_needed_to_treat",
            "groups.permutation": "PermutationTest permutation_test",
            "groups.planning": "SimulatedPower TwoGroupSize generalized_odds_power generalized_odds_sample_size "
            "po_power po_sample_size simulated_power win_odds_power win_odds_sample_size win_ratio_sample_size",
            "groups.prioritised": "PrioritisedComparison prioritised_comparison",
            "groups.published": "ShiftTrial published_shift_trials",
            "groups.stratified": "SlidingDichotomy VanElteren dichotomy sliding_dichotomy van_elteren",
            "groups.wins": "GeneralizedOddsRatio WinStatistics generalized_odds_ratio win_statistics "
            "win_statistics_batch",
            "models.adjusted": "OrdinalFit ordinal_formula ordinal_model",
            "models.markov": "markov_intercepts markov_occupancy markov_simulate",
            "models.mixed": "MixedOrdinal mixed_ordinal",
            "models.ordinal": "CommonOddsRatio CommonOddsRatios CutPoints common_odds_ratio common_odds_ratios "
            "cutpoint_odds_ratios shift_distribution",
            "paired.agreement": "WeightedKappa weighted_kappa",
            "paired.change": "Changes SignedRank changes signed_rank signed_rank_batch",
            "paired.homogeneity": "HomogeneityTest TransitionTable bowker marginal_homogeneity stuart_maxwell "
            "transition_table",
            "paired.missing": "CaseBounds Pooled TippingPoint case_bounds impute rubin tipping_point",
            "paired.signs": "McNemar PairedWins SignTest mcnemar paired_wins sign_test",
            "paired.utilities": "UTILITY_SOURCES UTILITY_WEIGHTS UtilityChange UtilityDifference utility "
            "utility_difference",
            "trial": "ShiftResult mrs_shift",
        },
        _HINTS,
    )

"""How did the whole distribution of the mRS move, in one arm over time and between groups?

Input: grades 0-6 of the same patients at two or more visits, or counts by grade of two groups.
Output: exact tests, odds ratios, win statistics, utilities, models, planning; the public names of the subject.
Protocol section: endpoint, estimand.
Method: see the modules; direction is spelled out in every result.
Next: `shift.paired`, `shift.ordinal`.
"""

from __future__ import annotations

from pnstrial.shift.grades import counts_by_grade
from pnstrial.shift.groups.number_needed import NumberNeeded, number_needed_to_treat
from pnstrial.shift.groups.permutation import PermutationTest, permutation_test
from pnstrial.shift.groups.planning import (
    SimulatedPower,
    TwoGroupSize,
    generalized_odds_power,
    generalized_odds_sample_size,
    po_power,
    po_sample_size,
    simulated_power,
    win_odds_power,
    win_odds_sample_size,
    win_ratio_sample_size,
)
from pnstrial.shift.groups.prioritised import PrioritisedComparison, prioritised_comparison
from pnstrial.shift.groups.published import ShiftTrial, published_shift_trials
from pnstrial.shift.groups.stratified import (
    SlidingDichotomy,
    VanElteren,
    dichotomy,
    sliding_dichotomy,
    van_elteren,
)
from pnstrial.shift.groups.wins import (
    GeneralizedOddsRatio,
    WinStatistics,
    generalized_odds_ratio,
    win_statistics,
    win_statistics_batch,
)
from pnstrial.shift.models.adjusted import OrdinalFit, ordinal_formula, ordinal_model
from pnstrial.shift.models.markov import markov_intercepts, markov_occupancy, markov_simulate
from pnstrial.shift.models.mixed import MixedOrdinal, mixed_ordinal
from pnstrial.shift.models.ordinal import (
    CommonOddsRatio,
    CommonOddsRatios,
    CutPoints,
    common_odds_ratio,
    common_odds_ratios,
    cutpoint_odds_ratios,
    shift_distribution,
)
from pnstrial.shift.paired.agreement import WeightedKappa, weighted_kappa
from pnstrial.shift.paired.change import Changes, SignedRank, changes, signed_rank, signed_rank_batch
from pnstrial.shift.paired.homogeneity import (
    HomogeneityTest,
    TransitionTable,
    bowker,
    marginal_homogeneity,
    stuart_maxwell,
    transition_table,
)
from pnstrial.shift.paired.missing import (
    CaseBounds,
    Pooled,
    TippingPoint,
    case_bounds,
    impute,
    rubin,
    tipping_point,
)
from pnstrial.shift.paired.signs import McNemar, PairedWins, SignTest, mcnemar, paired_wins, sign_test
from pnstrial.shift.paired.utilities import (
    UTILITY_SOURCES,
    UTILITY_WEIGHTS,
    UtilityChange,
    UtilityDifference,
    utility,
    utility_difference,
)
from pnstrial.shift.trial import ShiftResult, mrs_shift

__all__ = [
    "UTILITY_SOURCES",
    "UTILITY_WEIGHTS",
    "CaseBounds",
    "Changes",
    "CommonOddsRatio",
    "CommonOddsRatios",
    "CutPoints",
    "GeneralizedOddsRatio",
    "HomogeneityTest",
    "McNemar",
    "MixedOrdinal",
    "NumberNeeded",
    "OrdinalFit",
    "PairedWins",
    "PermutationTest",
    "Pooled",
    "PrioritisedComparison",
    "ShiftResult",
    "ShiftTrial",
    "SignTest",
    "SignedRank",
    "SimulatedPower",
    "SlidingDichotomy",
    "TippingPoint",
    "TransitionTable",
    "TwoGroupSize",
    "UtilityChange",
    "UtilityDifference",
    "VanElteren",
    "WeightedKappa",
    "WinStatistics",
    "bowker",
    "case_bounds",
    "changes",
    "common_odds_ratio",
    "common_odds_ratios",
    "counts_by_grade",
    "cutpoint_odds_ratios",
    "dichotomy",
    "generalized_odds_power",
    "generalized_odds_ratio",
    "generalized_odds_sample_size",
    "impute",
    "marginal_homogeneity",
    "markov_intercepts",
    "markov_occupancy",
    "markov_simulate",
    "mcnemar",
    "mixed_ordinal",
    "mrs_shift",
    "number_needed_to_treat",
    "ordinal_formula",
    "ordinal_model",
    "paired_wins",
    "permutation_test",
    "po_power",
    "po_sample_size",
    "prioritised_comparison",
    "published_shift_trials",
    "rubin",
    "shift_distribution",
    "sign_test",
    "signed_rank",
    "signed_rank_batch",
    "simulated_power",
    "sliding_dichotomy",
    "stuart_maxwell",
    "tipping_point",
    "transition_table",
    "utility",
    "utility_difference",
    "van_elteren",
    "weighted_kappa",
    "win_odds_power",
    "win_odds_sample_size",
    "win_ratio_sample_size",
    "win_statistics",
    "win_statistics_batch",
]


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


def __getattr__(name: str) -> object:
    hint = f"; it is shift.{_HINTS[name]}" if name in _HINTS else ""
    raise AttributeError(f"module 'pnstrial.shift' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return __all__

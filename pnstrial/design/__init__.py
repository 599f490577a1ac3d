"""Which designs suit a single-arm trial of about twenty patients, and what does its count mean?

Input: rates, error levels, counts.
Output: exact designs, their characteristics, exact inference after them; the public names of the subject.
Protocol section: endpoint, design.
Method: enumeration of every outcome; see the modules.
Next: `proportion`.
"""

from __future__ import annotations

from pnstrial.design.bayes.bop2 import Bop2Design, OrdinalDesign, bop2, bop2_boundary, bop2_ordinal
from pnstrial.design.bayes.history import MapPrior, PooledSeries, map_prior, pool_series, prior_data_conflict
from pnstrial.design.bayes.monitoring import (
    BetaMixture,
    MonitoringDesign,
    Posterior,
    posterior,
    posterior_probability,
    predictive_boundary,
    predictive_design,
    predictive_distribution,
    predictive_probability,
    thall_simon,
)
from pnstrial.design.bayes.selection import Selection, selection_probability
from pnstrial.design.characteristics import (
    compare_designs,
    interval_of_endings,
    operating_characteristics,
)
from pnstrial.design.counts.outcomes import Characteristics, Design, Outcomes
from pnstrial.design.counts.proportion import (
    ProportionResult,
    binomial_pmf,
    binomial_tail,
    clopper_pearson,
    proportion,
)
from pnstrial.design.counts.rating import (
    RATING_METHODS,
    CorrectedProportion,
    RatingError,
    as_rating_error,
    correct_for_rating,
    rating_error,
    rating_kernel,
)
from pnstrial.design.stages.adaptive import (
    AdaptiveDesign,
    FlexibleDesign,
    conditional_error,
    conditional_power,
    flexible,
)
from pnstrial.design.stages.after import AfterDesign, after_sequential, after_two_stage
from pnstrial.design.stages.bryant_day import BryantDay, BryantDayDesign, bryant_day, bryant_day_rule
from pnstrial.design.stages.curtailed import CurtailedDesign, curtailed, optimal_curtailed
from pnstrial.design.stages.multi_stage import fleming, multi_stage
from pnstrial.design.stages.safety import SafetyRule, safety_boundary
from pnstrial.design.stages.sequential import SequentialDesign, group_sequential, sequential, spending, sprt
from pnstrial.design.stages.single import SingleStage, single_stage, single_stage_at
from pnstrial.design.stages.two_stage import SimonDesigns, TwoStageDesign, simon, simon_grid, two_stage

__all__ = [
    "RATING_METHODS",
    "AdaptiveDesign",
    "AfterDesign",
    "BetaMixture",
    "Bop2Design",
    "BryantDay",
    "BryantDayDesign",
    "Characteristics",
    "CorrectedProportion",
    "CurtailedDesign",
    "Design",
    "FlexibleDesign",
    "MapPrior",
    "MonitoringDesign",
    "OrdinalDesign",
    "Outcomes",
    "PooledSeries",
    "Posterior",
    "ProportionResult",
    "RatingError",
    "SafetyRule",
    "Selection",
    "SequentialDesign",
    "SimonDesigns",
    "SingleStage",
    "TwoStageDesign",
    "after_sequential",
    "after_two_stage",
    "as_rating_error",
    "binomial_pmf",
    "binomial_tail",
    "bop2",
    "bop2_boundary",
    "bop2_ordinal",
    "bryant_day",
    "bryant_day_rule",
    "clopper_pearson",
    "compare_designs",
    "conditional_error",
    "conditional_power",
    "correct_for_rating",
    "curtailed",
    "fleming",
    "flexible",
    "group_sequential",
    "interval_of_endings",
    "map_prior",
    "multi_stage",
    "operating_characteristics",
    "optimal_curtailed",
    "pool_series",
    "posterior",
    "posterior_probability",
    "predictive_boundary",
    "predictive_design",
    "predictive_distribution",
    "predictive_probability",
    "prior_data_conflict",
    "proportion",
    "rating_error",
    "rating_kernel",
    "safety_boundary",
    "selection_probability",
    "sequential",
    "simon",
    "simon_grid",
    "single_stage",
    "single_stage_at",
    "spending",
    "sprt",
    "thall_simon",
    "two_stage",
]


def __dir__() -> list[str]:
    return __all__

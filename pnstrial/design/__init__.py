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


_HINTS = {
    "simon_two_stage": "simon(...)",
    "simon_design": "simon(...)",
    "optimal": "simon(...).optimal",
    "minimax": "simon(...).minimax",
    "ph2simon": "simon(...)",
    "ph2single": "single_stage(...)",
    "one_stage": "single_stage(...)",
    "a_hern": "single_stage(...)",
    "ahern": "single_stage(...)",
    "sample_size": "single_stage(...).n, or simon(...) with two stages",
    "power": "single_stage_at(...).power, or any design's operating_characteristics(p).reject",
    "binom_test": "proportion(...)",
    "binomial_test": "proportion(...)",
    "confidence_interval": "proportion(...).ci",
    "wilson": "proportion(..., conf_type='wilson')",
    "jeffreys": "proportion(..., conf_type='jeffreys')",
    "exact_ci": "clopper_pearson(...)",
    "historical_control": "map_prior(...) or pool_series(...)",
    "borrow": "map_prior(...)",
    "meta_analytic_prior": "map_prior(...)",
    "bayes": "posterior(...) or predictive_design(...)",
    "predictive_power": "predictive_probability(...)",
    "bayesian_monitoring": "predictive_design(...) or thall_simon(...)",
    "interim_analysis": "sequential(...) or group_sequential(...)",
    "alpha_spending": "spending(...)",
    "obrien_fleming": "spending(...)",
    "pocock": "spending(...)",
    "stopping_rule": "sequential(...), or safety_boundary(...) for events",
    "toxicity": "bryant_day(...) or safety_boundary(...)",
    "simon_inference": "after_two_stage(...)",
    "umvue": "after_two_stage(...)",
    "twostage_inference": "after_two_stage(...)",
    "misclassification": "rating_error(...) and correct_for_rating(...)",
}
"""Where the common words of the field are found."""


def __getattr__(name: str) -> object:
    hint = f"; it is design.{_HINTS[name]}" if name in _HINTS else ""
    raise AttributeError(f"module 'pnstrial.design' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return __all__

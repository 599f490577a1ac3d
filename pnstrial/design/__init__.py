"""Which designs suit a single-arm trial of about twenty patients, and what does its count mean?

Input: rates, error levels, counts.
Output: exact designs, their characteristics, exact inference after them; the public names of the subject.
Protocol section: endpoint, design.
Method: enumeration of every outcome; see the modules.
Next: `proportion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names

if TYPE_CHECKING:
    from pnstrial.design.bayes.bop2 import Bop2Design as Bop2Design
    from pnstrial.design.bayes.bop2 import OrdinalDesign as OrdinalDesign
    from pnstrial.design.bayes.bop2 import bop2 as bop2
    from pnstrial.design.bayes.bop2 import bop2_boundary as bop2_boundary
    from pnstrial.design.bayes.bop2 import bop2_ordinal as bop2_ordinal
    from pnstrial.design.bayes.history import MapPrior as MapPrior
    from pnstrial.design.bayes.history import PooledSeries as PooledSeries
    from pnstrial.design.bayes.history import map_prior as map_prior
    from pnstrial.design.bayes.history import pool_series as pool_series
    from pnstrial.design.bayes.history import prior_data_conflict as prior_data_conflict
    from pnstrial.design.bayes.monitoring import BetaMixture as BetaMixture
    from pnstrial.design.bayes.monitoring import MonitoringDesign as MonitoringDesign
    from pnstrial.design.bayes.monitoring import Posterior as Posterior
    from pnstrial.design.bayes.monitoring import posterior as posterior
    from pnstrial.design.bayes.monitoring import posterior_probability as posterior_probability
    from pnstrial.design.bayes.monitoring import predictive_boundary as predictive_boundary
    from pnstrial.design.bayes.monitoring import predictive_design as predictive_design
    from pnstrial.design.bayes.monitoring import predictive_distribution as predictive_distribution
    from pnstrial.design.bayes.monitoring import predictive_probability as predictive_probability
    from pnstrial.design.bayes.monitoring import thall_simon as thall_simon
    from pnstrial.design.bayes.selection import Selection as Selection
    from pnstrial.design.bayes.selection import selection_probability as selection_probability
    from pnstrial.design.characteristics import compare_designs as compare_designs
    from pnstrial.design.characteristics import interval_of_endings as interval_of_endings
    from pnstrial.design.characteristics import operating_characteristics as operating_characteristics
    from pnstrial.design.counts.outcomes import Characteristics as Characteristics
    from pnstrial.design.counts.outcomes import Design as Design
    from pnstrial.design.counts.outcomes import Outcomes as Outcomes
    from pnstrial.design.counts.proportion import ProportionResult as ProportionResult
    from pnstrial.design.counts.proportion import binomial_pmf as binomial_pmf
    from pnstrial.design.counts.proportion import binomial_tail as binomial_tail
    from pnstrial.design.counts.proportion import clopper_pearson as clopper_pearson
    from pnstrial.design.counts.proportion import proportion as proportion
    from pnstrial.design.counts.rating import RATING_METHODS as RATING_METHODS
    from pnstrial.design.counts.rating import CorrectedProportion as CorrectedProportion
    from pnstrial.design.counts.rating import RatingError as RatingError
    from pnstrial.design.counts.rating import as_rating_error as as_rating_error
    from pnstrial.design.counts.rating import correct_for_rating as correct_for_rating
    from pnstrial.design.counts.rating import rating_error as rating_error
    from pnstrial.design.counts.rating import rating_kernel as rating_kernel
    from pnstrial.design.stages.adaptive import AdaptiveDesign as AdaptiveDesign
    from pnstrial.design.stages.adaptive import FlexibleDesign as FlexibleDesign
    from pnstrial.design.stages.adaptive import conditional_error as conditional_error
    from pnstrial.design.stages.adaptive import conditional_power as conditional_power
    from pnstrial.design.stages.adaptive import flexible as flexible
    from pnstrial.design.stages.after import AfterDesign as AfterDesign
    from pnstrial.design.stages.after import after_sequential as after_sequential
    from pnstrial.design.stages.after import after_two_stage as after_two_stage
    from pnstrial.design.stages.bryant_day import BryantDay as BryantDay
    from pnstrial.design.stages.bryant_day import BryantDayDesign as BryantDayDesign
    from pnstrial.design.stages.bryant_day import bryant_day as bryant_day
    from pnstrial.design.stages.bryant_day import bryant_day_rule as bryant_day_rule
    from pnstrial.design.stages.curtailed import CurtailedDesign as CurtailedDesign
    from pnstrial.design.stages.curtailed import curtailed as curtailed
    from pnstrial.design.stages.curtailed import optimal_curtailed as optimal_curtailed
    from pnstrial.design.stages.multi_stage import fleming as fleming
    from pnstrial.design.stages.multi_stage import multi_stage as multi_stage
    from pnstrial.design.stages.safety import SafetyRule as SafetyRule
    from pnstrial.design.stages.safety import safety_boundary as safety_boundary
    from pnstrial.design.stages.sequential import SequentialDesign as SequentialDesign
    from pnstrial.design.stages.sequential import group_sequential as group_sequential
    from pnstrial.design.stages.sequential import sequential as sequential
    from pnstrial.design.stages.sequential import spending as spending
    from pnstrial.design.stages.sequential import sprt as sprt
    from pnstrial.design.stages.single import SingleStage as SingleStage
    from pnstrial.design.stages.single import single_stage as single_stage
    from pnstrial.design.stages.single import single_stage_at as single_stage_at
    from pnstrial.design.stages.two_stage import SimonDesigns as SimonDesigns
    from pnstrial.design.stages.two_stage import TwoStageDesign as TwoStageDesign
    from pnstrial.design.stages.two_stage import simon as simon
    from pnstrial.design.stages.two_stage import simon_grid as simon_grid
    from pnstrial.design.stages.two_stage import two_stage as two_stage

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

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "bayes.bop2": "Bop2Design OrdinalDesign bop2 bop2_boundary bop2_ordinal",
            "bayes.history": "MapPrior PooledSeries map_prior pool_series prior_data_conflict",
            "bayes.monitoring": "BetaMixture MonitoringDesign Posterior posterior posterior_probability "
            "predictive_boundary predictive_design predictive_distribution predictive_probability "
            "thall_simon",
            "bayes.selection": "Selection selection_probability",
            "characteristics": "compare_designs interval_of_endings operating_characteristics",
            "counts.outcomes": "Characteristics Design Outcomes",
            "counts.proportion": "ProportionResult binomial_pmf binomial_tail clopper_pearson proportion",
            "counts.rating": "CorrectedProportion RATING_METHODS RatingError as_rating_error correct_for_rating "
            "rating_error rating_kernel",
            "stages.adaptive": "AdaptiveDesign FlexibleDesign conditional_error conditional_power flexible",
            "stages.after": "AfterDesign after_sequential after_two_stage",
            "stages.bryant_day": "BryantDay BryantDayDesign bryant_day bryant_day_rule",
            "stages.curtailed": "CurtailedDesign curtailed optimal_curtailed",
            "stages.multi_stage": "fleming multi_stage",
            "stages.safety": "SafetyRule safety_boundary",
            "stages.sequential": "SequentialDesign group_sequential sequential spending sprt",
            "stages.single": "SingleStage single_stage single_stage_at",
            "stages.two_stage": "SimonDesigns TwoStageDesign simon simon_grid two_stage",
        },
        _HINTS,
    )

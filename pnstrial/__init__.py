"""The public names of pnstrial; each is loaded on first use, so that the import stays light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pnstrial.lazy import lazy_names

if TYPE_CHECKING:
    from pnstrial import adam as adam
    from pnstrial import data as data
    from pnstrial import design as design
    from pnstrial import drafts as drafts
    from pnstrial import eligibility as eligibility
    from pnstrial import endpoints as endpoints
    from pnstrial import exposure as exposure
    from pnstrial import figures as figures
    from pnstrial import looks as looks
    from pnstrial import multistate as multistate
    from pnstrial import protocol as protocol
    from pnstrial import questions as questions
    from pnstrial import rules as rules
    from pnstrial import series as series
    from pnstrial import shift as shift
    from pnstrial import simulate as simulate
    from pnstrial import survival as survival
    from pnstrial import visits as visits
    from pnstrial.adam import read_adam as read_adam
    from pnstrial.analysis import Analysis as Analysis
    from pnstrial.analysis import EstimandTable as EstimandTable
    from pnstrial.analysis import analyse as analyse
    from pnstrial.analysis import estimand_table as estimand_table
    from pnstrial.checks import check_trial as check_trial
    from pnstrial.data import TrialData as TrialData
    from pnstrial.data import TrialDataError as TrialDataError
    from pnstrial.data import example_trial as example_trial
    from pnstrial.data import read_trial as read_trial
    from pnstrial.data import write_trial as write_trial
    from pnstrial.eligibility import screen as screen
    from pnstrial.endpoints import analysis_sets as analysis_sets
    from pnstrial.endpoints import primary_endpoint as primary_endpoint
    from pnstrial.exposure import plan_treatment as plan_treatment
    from pnstrial.looks import simulate_looks as simulate_looks
    from pnstrial.protocol import Protocol as Protocol
    from pnstrial.protocol import load_protocol as load_protocol
    from pnstrial.questions import assurance as assurance
    from pnstrial.questions import search_sample_size as search_sample_size
    from pnstrial.questions import sobol as sobol
    from pnstrial.questions import tornado as tornado
    from pnstrial.reporting import report as report
    from pnstrial.results import NotEstimable as NotEstimable
    from pnstrial.shift import mrs_shift as mrs_shift
    from pnstrial.simulate import Scenario as Scenario
    from pnstrial.simulate import compare_scenarios as compare_scenarios
    from pnstrial.simulate import exact_characteristics as exact_characteristics
    from pnstrial.simulate import load_scenario as load_scenario
    from pnstrial.simulate import power_curve as power_curve
    from pnstrial.simulate import simulate_estimands as simulate_estimands
    from pnstrial.simulate import simulate_trial as simulate_trial
    from pnstrial.simulate import simulate_trials as simulate_trials
    from pnstrial.simulate import what_if as what_if
    from pnstrial.survival import overall_survival as overall_survival
    from pnstrial.survival import time_to_deterioration as time_to_deterioration
    from pnstrial.survival import time_to_improvement as time_to_improvement
    from pnstrial.verification import second_opinion as second_opinion
    from pnstrial.verification import trace as trace
    from pnstrial.verification import verify as verify

__version__ = "0.3.0"

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "": "adam data design drafts eligibility endpoints exposure figures looks multistate protocol "
            "questions rules series shift simulate survival visits",
            "adam": "read_adam",
            "analysis": "Analysis EstimandTable analyse estimand_table",
            "checks": "check_trial",
            "data": "TrialData TrialDataError example_trial read_trial write_trial",
            "eligibility": "screen",
            "endpoints": "analysis_sets primary_endpoint",
            "exposure": "plan_treatment",
            "looks": "simulate_looks",
            "protocol": "Protocol load_protocol",
            "questions": "assurance search_sample_size sobol tornado",
            "reporting": "report",
            "results": "NotEstimable",
            "shift": "mrs_shift",
            "simulate": "Scenario compare_scenarios exact_characteristics load_scenario power_curve "
            "simulate_estimands simulate_trial simulate_trials what_if",
            "survival": "overall_survival time_to_deterioration time_to_improvement",
            "verification": "second_opinion trace verify",
        },
    )

"""One valid call of every public function, for the tests that spoil one argument at a time."""

import datetime as dt
import importlib
import inspect
import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import pnstrial as pns

PACKAGES = (
    "design", "shift", "survival", "multistate", "figures", "rules", "series", "visits", "eligibility", "exposure",
    "endpoints", "data", "protocol", "drafts", "simulate", "looks", "questions", "adam", "analysis", "checks", "reporting",
)  # fmt: skip


def public_functions():
    """Every public function with the name of its room: those of the packages, then those at the top alone."""
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(f"pnstrial.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) and value not in found.values():
                found[f"{package}.{name}"] = value
    for name in dir(pns):
        value = getattr(pns, name)
        if inspect.isfunction(value) and value not in found.values():
            found[f"pnstrial.{name}"] = value
    return found


TIME = [3.0, 5.0, 8.0, 11.0, 13.0, 17.0, 20.0, 24.0]
EVENT = [1, 0, 1, 1, 0, 1, 0, 1]
CAUSE = [1, 0, 2, 1, 0, 2, 1, 1]
GROUP = [0, 1, 0, 1, 0, 1, 0, 1]
X = [0.3, 1.2, -0.4, 0.8, 0.1, -1.0, 0.5, 0.9]
FIRST = [3, 3, 2, 3, 2, 2, 3, 2]
SECOND = [2, 3, 2, 1, 3, 2, 2, 1]
COUNTS = ([5, 8, 9, 4, 2, 1, 1], [2, 5, 9, 7, 4, 2, 1])
SHARES = [0.1, 0.2, 0.3, 0.2, 0.1, 0.05, 0.05]


@cache
def trial():
    return pns.example_trial()


@cache
def protocol():
    return pns.load_protocol()


@cache
def scenario():
    return pns.load_scenario("anti-hu")


@cache
def analysis():
    return pns.analyse(trial(), protocol())


@cache
def exact():
    return pns.exact_characteristics(protocol(), scenario())


@cache
def outcome():
    return pns.simulate_trials(protocol(), scenario(), n_trials=50)


@cache
def power_curve():
    return pns.power_curve(protocol(), scenario(), factors=(0.0, 1.0), n_trials=20)


def shipped(folder, name):
    return (Path(pns.__file__).parent / folder / f"{name}.toml").read_text(encoding="utf-8")


FRESH = itertools.count()


def fresh():
    """Name a folder that is not there yet."""
    return f"out-{next(FRESH)}"


def frame():
    return pd.DataFrame(
        {"time": TIME, "event": EVENT, "cause": CAUSE, "group": GROUP, "x": X, "grade": SECOND, "first": FIRST,
         "second": SECOND, "patient": range(8)}
    )  # fmt: skip


def course():
    rows = [
        (p, t, s) for p in range(6) for t, s in ((0, 1), (30, 1 + p % 2), (60, 2 - p % 2), (90, 1 + (p > 3)))
    ]
    return pd.DataFrame(rows, columns=["patient", "time", "state"])


def two_stage():
    return pns.design.two_stage(1, 10, 5, 29, 0.1, 0.3)


def groups(**more):
    return {"grades": [*FIRST, *SECOND], "group": [0] * 8 + [1] * 8, "control": 0, **more}


Q = [[-0.2, 0.15, 0.05], [0.1, -0.2, 0.1], [0.0, 0.0, 0.0]]
TRIAL = {"trial": trial, "protocol": protocol, "scenario": scenario, "analysis": analysis}
PAIR = {"first": FIRST, "second": SECOND}
TIMES = {"time": TIME, "event": EVENT}
RATES = {"p0": 0.1, "p1": 0.4}
LOOKS = {"looks": [6, 11, 17]}


@cache
def table():
    """Arguments without which a function cannot be called; a function stands for a value that is made on use."""
    design = {
        "after_sequential": {"design": two_stage, "responses": 6, "n_observed": 29},
        "after_two_stage": {"design": two_stage, "responses": 6, "n_observed": 27, "responses_first": 3},
        "as_rating_error": {"value": 0.05},
        "binomial_pmf": {"n": 5, "p": 0.3},
        "binomial_tail": {"x": 2, "n": 5, "p0": 0.3},
        "bop2": {**LOOKS, **RATES, "alpha": 0.1, "prior": (0.1, 0.9), "lambdas": [0.5, 0.9], "gammas": [0.0, 1.0]},
        "bop2_boundary": {**LOOKS, "p0": 0.1, "lambda_": 0.9, "gamma": 0.5, "efficacy": "power", "prior": (0.1, 0.9)},
        "bop2_ordinal": {"looks": [8, 17], "null": (0.1, 0.4, 0.5), "alternative": (0.35, 0.45, 0.2),
                         "prior": (0.1, 0.4, 0.5), "lambdas": [0.9, 0.98], "gammas": [0.5, 1.0]},
        "bryant_day": {"r0": 0.2, "r1": 0.5, "t0": 0.4, "t1": 0.15, "n_min": 22, "n_max": 24},
        "bryant_day_rule": {"n1": 7, "responses_continue": 2, "nontoxic_continue": 5, "n": 23,
                            "responses_success": 8, "nontoxic_success": 17, "r0": 0.2, "r1": 0.5, "t0": 0.4,
                            "t1": 0.15},
        "clopper_pearson": {"x": 2, "n": 5},
        "compare_designs": {"designs": lambda: [two_stage()], **RATES},
        "conditional_error": {"design": two_stage, "distribute": "equal", "alpha": 0.05, "spare": 0.001},
        "conditional_power": {"design": two_stage, "responses": 2, "n": 9, "p": 0.3},
        "correct_for_rating": {"responders": 5, "n": 17},
        "curtailed": {"design": two_stage, "p": 0.3},
        "fleming": {**LOOKS, "p0": 0.1, "p1": 0.4},
        "flexible": {"design": two_stage, "distribute": "equal", "alpha": 0.05, "spare": 0.001},
        "group_sequential": {**LOOKS, **RATES, "beta": 0.2},
        "interval_of_endings": {"outcomes": lambda: two_stage().outcomes},
        "map_prior": {"responders": [2, 3], "n": [10, 12], "robust_weight": 0.2},
        "multi_stage": {**RATES, "n_max": 17},
        "operating_characteristics": {"design": two_stage, "true_rates": [0.1, 0.3]},
        "optimal_curtailed": {**RATES, "n_max": 15},
        "pool_series": {"responders": [2, 3], "n": [10, 12]},
        "posterior": {"responses": 3, "n": 9},
        "posterior_probability": {"responses": 3, "n": 9, "p0": 0.1},
        "predictive_boundary": {**LOOKS, "p0": 0.1, "threshold": 0.9},
        "predictive_design": {**LOOKS, "p0": 0.1},
        "predictive_distribution": {"responses": 3, "n": 9, "m": 8},
        "predictive_probability": {"responses": 3, "n": 9, "n_max": 17, "p0": 0.1, "threshold": 0.9},
        "prior_data_conflict": {"prior": (1, 9), "responses": 3, "n": 9},
        "proportion": {"responders": 5, "n": 17, "null": 0.1},
        "safety_boundary": {"looks": 17, "p0": 0.1, "p1": 0.3},
        "selection_probability": {"n": 17, "rates": [0.2, 0.4]},
        "sequential": {**LOOKS, "futility": [0, 1, 2], "efficacy": [4, 5, 6]},
        "simon": RATES, "simon_grid": {"p0": [0.1], "p1": [0.4]}, "single_stage": RATES,
        "single_stage_at": {"n": 17, **RATES},
        "spending": {"kind": "pocock", "fractions": [0.5, 1.0], "total": 0.05},
        "sprt": RATES, "thall_simon": {**LOOKS, **RATES}, "two_stage": {"r1": 1, "n1": 10, "r": 5, "n": 29, **RATES},
    }  # fmt: skip
    arms = {"p_treated": SHARES, "p_control": [0.05, 0.1, 0.2, 0.3, 0.2, 0.1, 0.05]}
    markov = {
        "intercepts": [1.0, -1.0],
        "times": [1, 2],
        "initial": 2,
        "X": None,
        "absorb": None,
    }
    shift = {
        **dict.fromkeys(("bowker", "case_bounds", "changes", "marginal_homogeneity", "paired_wins", "sign_test", "signed_rank", "signed_rank_batch", "stuart_maxwell", "transition_table", "utility", "weighted_kappa"), PAIR),
        **{name: groups() for name in (
            "common_odds_ratio", "cutpoint_odds_ratios", "generalized_odds_ratio", "number_needed_to_treat",
            "permutation_test", "utility_difference", "win_statistics",
        )},
        "dichotomy": groups(cut=2), "sliding_dichotomy": groups(baseline=[3] * 16), "van_elteren": groups(strata=[0, 1] * 8),
        "signed_rank_batch": {"first": [FIRST], "second": [SECOND]},
        "impute": {"first": FIRST, "second": [2, np.nan, *SECOND[2:]], "m": 2},
        "tipping_point": {"first": FIRST, "second": [2, np.nan, *SECOND[2:]]},
        "mcnemar": {**PAIR, "cut": 2},
        "common_odds_ratios": {"counts": [COUNTS]}, "win_statistics_batch": {"counts": [COUNTS]},
        "counts_by_grade": {"grades": FIRST},
        "generalized_odds_power": {**arms, "n": 40}, "generalized_odds_sample_size": arms,
        "win_odds_power": {**arms, "n": 40}, "win_odds_sample_size": arms,
        "win_ratio_sample_size": {"win_ratio": 1.5, "ties": 0.2},
        "po_power": {"p": SHARES, "odds_ratio": 2.0, "n": 60}, "po_sample_size": {"p": SHARES, "odds_ratio": 2.0},
        "shift_distribution": {"p": SHARES, "odds_ratio": 2.0},
        "simulated_power": {**arms, "n_treated": 8, "n_control": 8, "n_trials": 20},
        "mixed_ordinal": {"ratings": [[3, 2], [3, 3], [2, 1], [2, 3], [3, 1], [2, 2]], "nodes": 5},
        "ordinal_model": {"grades": SECOND, "covariates": {"x": X}}, "ordinal_formula": {"formula": "grade ~ x", "data": frame},
        "prioritised_comparison": {"data": frame, "outcomes": ["grade"], "group": "group", "control": 0},
        "rubin": {"estimates": [1.0, 1.2], "variances": [0.2, 0.3]},
        "markov_intercepts": {"target": [0.3, 0.3, 0.4], "times": [1, 2], "initial": [0.1, 0.4, 0.5]},
        "markov_occupancy": markov, "markov_simulate": {**markov, "n": 5, "seed": 1},
    }  # fmt: skip
    matrix = {"time": [TIME, TIME], "event": [EVENT, EVENT]}
    survival = {
        **dict.fromkeys(("compare_distributions", "follow_up_time", "kaplan_meier", "parametric"), TIMES),
        **{name: {**TIMES, "group": GROUP} for name in ("logrank",)},
        "rmst": {**TIMES, "tau": 12.0}, "rmst_difference": {**TIMES, "group": GROUP, "tau": 12.0},
        "survival_difference": {**TIMES, "group": GROUP, "at": 12.0},
        "aalen_additive": {"data": frame, "time": "time", "event": "event", "covariates": "x"},
        "cox": {"data": frame, "time": "time", "event": "event", "covariates": "x"},
        "fine_gray": {"data": frame, "time": "time", "cause": "cause", "covariates": "x"},
        "shared_frailty": {"data": frame, "time": "time", "event": "event", "covariates": "x", "cluster": "group", "theta": 0.5},
        "coverage": {"n": 10, "survival": 0.7},
        "cox_batch": {**matrix, "group": [GROUP, GROUP]}, "logrank_batch": {**matrix, "group": [GROUP, GROUP]},
        "kaplan_meier_batch": {**matrix, "at": [5.0, 10.0]},
        "cumulative_incidence": {"time": TIME, "cause": CAUSE}, "gray_test": {"time": TIME, "cause": CAUSE, "group": GROUP},
        "incidence_by_group": {"time": TIME, "cause": CAUSE, "group": GROUP},
        "interval_cox": {"left": [0, 2, 4, 3, 1, 5, 2, 6], "right": [2, 4, 7, 6, 3, 9, 5, np.inf], "covariates": {"x": X}},
        "interval_regression": {"left": [0, 2, 4, 3], "right": [2, 4, 7, np.inf]},
        "turnbull": {"left": [0, 2, 4, 3], "right": [2, 4, 7, np.inf]},
        "landmark": {**TIMES, "response_time": [2, 4, np.nan, 6, np.nan, 5, np.nan, 3], "at": 4.0},
        "simon_makuch": {**TIMES, "response_time": [2, 4, np.nan, 6, np.nan, 5, np.nan, 3]},
        "time_dependent": {**TIMES, "response_time": [2, 4, np.nan, 6, np.nan, 5, np.nan, 3]},
        "one_sample_logrank": {**TIMES, "reference": lambda: pns.survival.Reference.exponential(0.05)},
        "one_sample_logrank_batch": {**matrix, "reference": lambda: pns.survival.Reference.exponential(0.05)},
        "one_sample_logrank_sample_size": {"reference": lambda: pns.survival.Reference.exponential(0.05), "hazard_ratio": 0.5,
                                           "follow_up": 12.0},
        "pseudo_values": {**TIMES, "at": [5.0, 10.0]},
        "reconstruct": {"curve": [(0, 1.0), (5, 0.8), (10, 0.5)], "at_risk": [(0, 20), (5, 14), (10, 6)]},
        "state_occupancy": {"data": lambda: pd.DataFrame({
            "patient_id": [0, 0, 1, 1, 2], "start": [0.0, 4.0, 0.0, 5.0, 0.0], "stop": [4.0, 9.0, 5.0, 8.0, 7.0],
            "from_state": ["a", "b", "a", "b", "a"], "to_state": ["b", None, "b", None, "b"]})},
    }  # fmt: skip
    multistate = {
        "calibrate": {"improved": 0.2, "stable": 0.5, "deteriorated": 0.3},
        "expected_survival": {"Q": Q, "times": [1.0, 2.0], "initial": [1, 0, 0]},
        "fit": {"data": course, "patient": "patient", "time": "time", "state": "state", "allowed": [[0, 1], [1, 0]]},
        "generator": {"course": lambda: scenario().course},
        "mean_times_in_states": {"Q": Q, "t": 2.0, "initial": [1, 0, 0]},
        "occupancy": {"Q": Q, "times": [1.0, 2.0], "initial": [1, 0, 0]},
        "sojourn_times": {"Q": Q}, "transition_probabilities": {"Q": Q, "t": 2.0},
    }  # fmt: skip
    km = lambda: pns.survival.kaplan_meier(**TIMES)  # noqa: E731
    figures = {
        **{name: {"result": lambda: pns.mrs_shift(trial(), protocol())} for name in ("alluvial", "waterfall")},
        "transition_heat_map": {"table": lambda: pns.mrs_shift(trial(), protocol())},
        "grotta_bars": {"groups": lambda: pns.mrs_shift(trial(), protocol())},
        "compare_responders": {"answers": lambda: {"one": exact(), "again": exact()}},
        "consort_flow": {"flow": lambda: pns.figures.count_flow(analysis())},
        "cumulative_incidence": {"result": lambda: pns.survival.cumulative_incidence(TIME, CAUSE)},
        "cumulative_odds": {"common": lambda: pns.shift.common_odds_ratio(**groups())},
        "draw": {"result": km}, "kaplan_meier": {"result": km},
        "estimand_forest": {"result": lambda: pns.estimand_table(trial(), protocol())},
        "forest": {"rows": lambda: pd.DataFrame({"label": ["a"], "group": ["g"], "x": [1], "n": [5], "estimate": [0.2],
                                                 "lower": [0.1], "upper": [0.4]})},
        "power_curve": {"designs": two_stage}, "stopping_boundaries": {"design": two_stage},
        "saw_tooth": {"design": lambda: pns.design.single_stage(0.1, 0.4)},
        "power_against_rate": {"curve": power_curve},
        "responder_distribution": {"result": outcome},
        "heat_map": {"frame": lambda: pd.DataFrame({"a": [1, 1], "b": [1, 2], "estimate": [0.1, 0.2],
                                                    "quantity": "probability_of_success"}), "x": "a", "y": "b"},
        "state_occupancy": {"result": lambda: pns.survival.mrs_occupancy(trial(), protocol())},
    }  # fmt: skip
    rest = {
        "rules.reasons": {"cycles": 3}, "series.short_citation": {"citation": "Smith J. Brain 2001;1:1."},
        "visits.baseline": {"assessments": lambda: analysis().assessments},
        "visits.study_day": {"date": "2024-01-05", "day_1": "2024-01-01"},
        "eligibility.overall_status": {"criteria": lambda: [[0, 1, 2]]},
        "eligibility.creatinine_at_clearance": {"age": 60, "weight_kg": 70, "female": True, "clearance_ml_min": 80},
        "eligibility.creatinine_clearance": {"age": 60, "weight_kg": 70, "female": True, "creatinine_umol_l": 80},
        "eligibility.medication_classes": {"name": "warfarin", "atc": None, "medications": lambda: protocol().medications},
        "exposure.choose_vials": {"dose_g": 35.0}, "exposure.dosing_weight": {"weight_kg": 70.0},
        "exposure.ideal_weight": {"height_cm": 170.0, "sex": "female"},
        "exposure.plan_cycle": {"weight_kg": 70.0}, "exposure.round_dose": {"dose_g": 33.0},
        "data.findings_frame": {"findings": ()}, "data.read_findings": {"path": "example"},
        "data.write_example": {"folder": fresh}, "data.write_template": {"path": fresh},
        "drafts.invented_trial": {"scenario": scenario}, "drafts.new_protocol": {"id": "mine", "title": "Mine"},
        "drafts.own_protocol": {"id": "hand", "title": "Hand", "scale": "mRS"},
        "simulate.scenario_text": {"name_or_path": "anti-hu"}, "simulate.progress_bar": {"stream": None},
        "simulate.simulate_trials": {"n_trials": 20}, "simulate.compare_scenarios": {"protocols": protocol, "scenarios": scenario, "n_trials": 20},
        "simulate.simulate_estimands": {"n_trials": 20},
        "simulate.what_if": {"settings": {"late": 0.2}}, "questions.search_sample_size": {"n_max": 10},
        "questions.tornado": {"ranges": {"late": (0.0, 0.2)}, "n_trials": 20},
        "questions.sobol": {"ranges": {"scenario.rating.same_rater_agreement": (0.65, 0.9), "scenario.dropout.per_month": (0, 0.01)},
                            "n": 2, "n_trials": 20},
        "simulate.idle_settings": {"loaded": scenario, "changed": scenario},
        "questions.assurance": {"draws": 2, "n_trials": 20}, "looks.simulate_looks": {"design": two_stage, "n_trials": 20},
        "simulate.power_curve": {"n_trials": 20, "factors": (1.0,)}, "simulate.load_scenario": {"name_or_path": "anti-hu"},
        "adam.check": {"datasets": lambda: pns.adam.derive(trial(), protocol()).datasets},
        "adam.schema_problems": {"content": {}}, "adam.read_adam": {"folder": "adam"}, "adam.check_adam": {"folder": "adam"}, "adam.from_sdtm": {"folder": "sdtm"},
        "checks.after_data_cut": {"data_cut": dt.date(2020, 1, 1)}, "checks.check_tables": {"path": "example"},
        "pnstrial.second_opinion": {"result": km}, "pnstrial.trace": {"table": "14.2.1", "row": 1},
        "adam.read_dataset": {"path": "adam/adsl.xpt"}, "adam.write_adam": {"datasets": lambda: pns.adam.derive(trial(), protocol()), "folder": fresh},
        "data.read_trial": {"path": "example"}, "data.write_trial": {"folder": fresh}, "checks.check_trial": {"path": "example"},
        "pnstrial.plan_treatment": {"weight_kg": 70.0, "start": "2024-01-01"}, "reporting.report": {"folder": fresh},
        "exposure.plan_treatment": {"weight_kg": 70.0, "start": "2024-01-01"},
    }  # fmt: skip
    rooms = {
        "design": design,
        "shift": shift,
        "survival": survival,
        "multistate": multistate,
        "figures": figures,
    }
    return {
        **{f"{room}.{name}": call for room, calls in rooms.items() for name, call in calls.items()},
        **rest,
    }


def base_call(name, function):
    """Give the arguments of a valid call."""
    parameters = inspect.signature(function).parameters
    found = {
        key: make
        for key, make in TRIAL.items()
        if key in parameters and parameters[key].default is parameters[key].empty
    }
    found.update(table().get(name, {}))
    return made(found)


def made(call):
    """Make the arguments that stand as functions."""
    return {
        key: value() if inspect.isfunction(value) or hasattr(value, "cache_info") else value
        for key, value in call.items()
    }


def public_methods():
    """Public methods that take arguments: what they belong to (made on use), and the arguments of a valid call."""
    s, d, m = pns.survival, pns.design, pns.multistate
    at, tau, rate = {"times": [5.0]}, {"tau": 8.0}, {"p": [0.1, 0.3]}
    flexible = cache(lambda: d.flexible(two_stage(), "equal", 0.05, 0.001))
    mixture = cache(lambda: d.map_prior([2, 3], [10, 12]).mixture)
    weibull = cache(lambda: s.parametric(**TIMES, distribution="weibull"))
    occupied = cache(lambda: s.state_occupancy(table()["survival.state_occupancy"]["data"]()))
    cox = cache(lambda: s.cox(data=frame(), time="time", event="event", covariates="x"))
    incidence = cache(lambda: s.cumulative_incidence(TIME, CAUSE))
    exponential = cache(lambda: s.Reference.exponential(0.05, unit="months"))
    safety = cache(lambda: d.safety_boundary(looks=17, p0=0.1, p1=0.3))
    rater = cache(lambda: m.RatingError.from_agreement(0.8))
    read = cache(lambda: pns.adam.derive(trial(), protocol()))
    standard = cache(lambda: pns.read_adam("adam"))
    assessed = lambda: analysis().assessments  # noqa: E731
    return {
        "design.TwoStageDesign.operating_characteristics": (two_stage, rate),
        "design.TwoStageDesign.reject_probability": (two_stage, rate),
        "design.SingleStage.solutions": (lambda: d.single_stage(**RATES), {"count": 2}),
        "design.SingleStage.table": (lambda: d.single_stage(**RATES), {"n_max": 12}),
        "design.BetaMixture.above": (mixture, {"p": 0.2}),
        "design.BetaMixture.density": (mixture, {"p": 0.2}),
        "design.BetaMixture.predictive": (mixture, {"m": 5}),
        "design.BetaMixture.quantile": (mixture, {"share": 0.2}),
        "design.BetaMixture.updated": (mixture, {"responses": 2, "n": 5}),
        "design.FlexibleDesign.conditional_power": (flexible, {"first": 3, "n2": 12}),
        "design.FlexibleDesign.critical": (flexible, {"first": 3, "n2": 12}),
        "design.FlexibleDesign.size_for": (flexible, {"first": 3}),
        "design.FlexibleDesign.with_sizes": (flexible, {"sizes": {2: 12}}),
        "design.OrdinalDesign.operating_characteristics": (
            cache(lambda: d.bop2_ordinal(**table()["design.bop2_ordinal"])), {"probabilities": (0.2, 0.3, 0.5)}
        ),
        "design.Outcomes.probabilities": (lambda: two_stage().outcomes, rate),
        "design.RatingError.observed": (lambda: d.as_rating_error(0.05), {"true_rate": [0.2]}),
        "design.SafetyRule.pipeline": (safety, {"accrual_per_month": 1.0}),
        "survival.Cox.predict_survival": (cox, {"covariates": {"x": 0.2}}),
        "survival.Cox.proportional_hazards": (cox, {}),
        "survival.Cox.residuals": (cox, {}),
        "survival.CumulativeIncidence.at": (incidence, at),
        "survival.CumulativeIncidence.states": (incidence, at),
        "survival.CumulativeIncidence.time_in_state": (incidence, tau),
        "survival.FineGray.predict": (
            cache(lambda: s.fine_gray(data=frame(), time="time", cause="cause", covariates="x")),
            {"covariates": {"x": 0.2}, **at},
        ),
        "survival.IncidenceByGroup.at": (cache(lambda: s.incidence_by_group(TIME, CAUSE, GROUP)), at),
        "survival.KaplanMeier.at": (lambda: s.kaplan_meier(**TIMES), at),
        "survival.KaplanMeier.quantile": (lambda: s.kaplan_meier(**TIMES), {}),
        "survival.KaplanMeierByGroup.at": (lambda: s.kaplan_meier(**TIMES, group=GROUP), at),
        "survival.ParametricSurvival.cumulative_hazard": (weibull, at),
        "survival.ParametricSurvival.hazard": (weibull, at),
        "survival.ParametricSurvival.quantile": (weibull, {}),
        "survival.ParametricSurvival.rmst": (weibull, tau),
        "survival.ParametricSurvival.survival": (weibull, at),
        "survival.Reference.cumulative_hazard": (exponential, {"time": [5.0]}),
        "survival.Reference.survival": (exponential, {"time": [5.0]}),
        "survival.Reference.in_unit": (exponential, {"unit": "days"}),
        "survival.Reference.rescaled": (exponential, {"factor": 0.5}),
        "survival.Reference.exponential": (lambda: s.Reference, {"rate": 0.05}),
        "survival.Reference.from_survival_points": (
            lambda: s.Reference, {"times": [3.0, 6.0], "survival": [0.8, 0.5]}
        ),
        "survival.Reference.gompertz": (lambda: s.Reference, {"a": 0.1, "b": 0.05}),
        "survival.Reference.lognormal": (lambda: s.Reference, {"meanlog": 2.0, "sdlog": 0.5}),
        "survival.Reference.piecewise": (lambda: s.Reference, {"breaks": [6.0], "rates": [0.1, 0.05]}),
        "survival.Reference.weibull": (lambda: s.Reference, {"shape": 1.2, "scale": 10.0}),
        "survival.StateOccupancy.at": (occupied, at),
        "survival.StateOccupancy.group": (occupied, {"groups": {"one": ["a"], "two": ["b"]}}),
        "survival.StateOccupancy.n_observed": (occupied, at),
        "survival.StateOccupancy.time_in_state": (occupied, {"tau": 4.0}),
        "survival.StateOccupancy.transitions": (occupied, at),
        "survival.Turnbull.at": (lambda: s.turnbull([0, 2, 4, 3], [2, 4, 7, np.inf]), at),
        "survival.Turnbull.quantile": (lambda: s.turnbull([0, 2, 4, 3], [2, 4, 7, np.inf]), {}),
        "multistate.Course.scaled": (lambda: scenario().course, {}),
        "multistate.RatingError.agreement": (rater, {}),
        "multistate.RatingError.from_agreement": (lambda: m.RatingError, {"exact": 0.8}),
        "multistate.RatingError.same_rater": (lambda: m.RatingError, {"within": 0.9}),
        "visits.Assessments.date_of": (assessed, {"day": 90}),
        "data.TrialData.from_frames": (
            lambda: pns.TrialData, {"frames": lambda: {name: trial().table(name) for name in pns.data.TABLES}}
        ),
        "data.TrialData.table": (trial, {"name": "mrs"}),
        "data.TrialData.file_of": (trial, {"name": "mrs"}),
        "protocol.Protocol.diff": (protocol, {"other": protocol}),
        "protocol.Protocol.scale": (protocol, {}),
        "protocol.Protocol.visit": (protocol, {"name": "Month 3"}),
        "protocol.Protocol.from_toml": (lambda: pns.Protocol, {"text": lambda: shipped("protocols", "nct02343211")}),
        "simulate.Scenario.from_toml": (lambda: pns.Scenario, {"text": lambda: shipped("scenarios", "anti-hu")}),
        "adam.AdamTrial.mrs_shift": (standard, {"protocol": protocol}),
        "adam.AdamTrial.population": (standard, {}),
        "adam.AdamTrial.primary_endpoint": (standard, {"visit": "Month 3"}),
        "adam.AdamTrial.responders": (standard, {"visit": "Month 3"}),
        "adam.AdamTrial.shift": (standard, {"visit": "Month 3"}),
        "adam.AdamTrial.time_to_event": (standard, {"parameter": "OS"}),
        "adam.AdamTrial.visit_values": (standard, {}),
        "adam.Dataset.variable": (lambda: read().datasets["ADSL"], {"name": "AGE"}),
        "analysis.Analysis.response_at": (analysis, {"visit": "Month 3"}),
    }  # fmt: skip

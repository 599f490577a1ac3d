"""One name for one thing: what the public signatures and results call their arguments and numbers."""

import dataclasses
import importlib
import inspect

import pytest

from pnstrial.results import Result

ROOMS = [
    "adam", "analysis", "checks", "data", "design", "drafts", "eligibility", "endpoints", "exposure", "figures", "multistate",
    "protocol", "questions", "reporting", "series", "shift", "simulate", "survival", "verification", "visits",
]  # fmt: skip
OTHER_WORDS = {
    "conf_type": {"ci_method", "interval", "interval_method", "limits"},
    "method": {"estimator", "approach", "algorithm"},
    "level": {"conf_level", "confidence", "confidence_level", "conf"},
    "alpha": {"sig_level", "significance", "size_of_test"},
    "draws": {
        "bootstrap",
        "n_boot",
        "n_bootstrap",
        "n_draws",
        "n_samples",
        "replicates",
        "reps",
        "resamples",
    },
    "seed": {"random_state", "rng", "random_seed", "generator_"},
    "n_trials": {"n_sim", "nsim", "n_simulations", "simulations"},
    "loglik": {"log_likelihood", "llf", "minus_2_log_likelihood", "logl"},
    "n": {"n_patients", "n_obs", "nobs", "sample_size", "size"},
    "p_value": {"pvalue", "p_val", "pval"},
    "data": {"dataframe", "table_"},
    "reference": {"reference_curve", "curve_reference", "historical"},
    "ax": {"axes", "axis", "figure", "fig"},
    "rating_error": {"rating_errors"},
    "unit": {"time_unit", "time_units"},
    "requested": {"alpha_asked", "power_asked"},
}
"""The word of the house, and the words of others that mean the same."""


def public():
    for room in ROOMS:
        module = importlib.import_module(f"pnstrial.{room}")
        names = getattr(module, "__all__", ()) or [n for n in dir(module) if not n.startswith("_")]
        for name in names:
            yield f"{room}.{name}", getattr(module, name)


def callables():
    for name, value in public():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for method, function in vars(value).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{name}.{method}", function


PARAMETERS = [
    (f"{name}({parameter})", parameter, told)
    for name, function in callables()
    for parameter, told in inspect.signature(function).parameters.items()
]
FIELDS = [
    (f"{name}.{field.name}", field.name)
    for name, value in public()
    if inspect.isclass(value) and issubclass(value, Result) and dataclasses.is_dataclass(value)
    for field in dataclasses.fields(value)
]


def test_there_is_something_to_read():
    assert len(PARAMETERS) > 1000
    assert len(FIELDS) > 600


@pytest.mark.parametrize("word", OTHER_WORDS)
def test_one_name_for_one_thing(word):
    others = OTHER_WORDS[word]
    assert [where for where, name, _ in PARAMETERS if name in others] == []
    assert [where for where, name in FIELDS if name in others] == []


DEFAULTS = {"seed": {1}, "level": {0.95, None}, "unit": {None, "months"}, "ax": {None}, "data": {None}}
"""Left out: None takes the level of the protocol; the shipped reference curves are in months."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_word_has_one_default(name):
    found = {where: told.default for where, parameter, told in PARAMETERS if parameter == name}
    assert found
    required = {
        "multistate.fit(data)", "shift.ordinal_formula(data)", "survival.Reference.in_unit(unit)",
        "survival.state_occupancy(data)",
    }  # fmt: skip
    wrong = {where: value for where, value in found.items() if value not in DEFAULTS[name]}
    assert set(wrong) <= required, wrong


def test_axes_are_given_by_name():
    kinds = {where: told.kind for where, parameter, told in PARAMETERS if parameter == "ax"}
    assert [
        where for where, kind in kinds.items()
        if where.startswith("figures.") and kind is not inspect.Parameter.KEYWORD_ONLY
    ] == []  # fmt: skip


def test_intervals_are_chosen_by_conf_type_and_estimators_by_method():
    intervals = {"clopper-pearson", "log-log", "beta-product", "plain", "wilson", "bounded", "logit"}
    methods = {where: told.default for where, parameter, told in PARAMETERS if parameter == "method"}
    assert [where for where, default in methods.items() if default in intervals] == []
    kinds = {told.default for _, parameter, told in PARAMETERS if parameter == "conf_type"}
    assert kinds <= intervals


def test_a_result_that_has_limits_has_an_estimate():
    alone = [
        name
        for name, value in public()
        if inspect.isclass(value)
        and issubclass(value, Result)
        and has(value, "ci")
        and not has(value, "estimate")
    ]
    assert alone == []


def has(value, name):
    fields = {field.name for field in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()
    return name in fields or isinstance(getattr(value, name, None), property)

"""What a natural first call does: it gives the right number, or says the right call; grades are never counts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from pnstrial import shift
from pnstrial.results import NotEstimable

TREATED, CONTROL = [1, 2, 2, 3, 1, 2, 3], [3, 4, 4, 5, 2, 4, 6]
GRADES = TREATED + CONTROL
ARM = ["IVIg"] * 7 + ["placebo"] * 7
FRAME = pd.DataFrame({"mrs": GRADES, "arm": ARM, "site": list("abababa" * 2), "before": [4] * 14})

CALLS = {
    shift.common_odds_ratio: {},
    shift.cutpoint_odds_ratios: {},
    shift.generalized_odds_ratio: {},
    shift.win_statistics: {},
    shift.permutation_test: {},
    shift.number_needed_to_treat: {},
    shift.utility_difference: {},
    shift.dichotomy: {"cut": 2},
    shift.van_elteren: {"strata": FRAME["site"]},
    shift.sliding_dichotomy: {"baseline": FRAME["before"]},
}
FUNCTIONS = pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
COUNTED = [f for f in CALLS if f not in (shift.van_elteren, shift.sliding_dichotomy)]


def values(result):
    """Everything but the names of the groups, which differ between the forms."""
    skipped = ("groups", "direction", "note")
    return [str(value) for name, value in sorted(vars(result).items()) if name not in skipped]


@FUNCTIONS
def test_every_form_gives_the_same_numbers(function):
    more = CALLS[function]
    by_name = function(GRADES, group=ARM, control="placebo", **more)
    assert by_name.groups == ("IVIg", "placebo")
    assert "IVIg" in by_name.direction
    forms = [
        function(data=FRAME, grade="mrs", group="arm", control="placebo", **more),
        function(FRAME["mrs"].set_axis(range(50, 64)), group=FRAME["arm"], control="placebo", **more),
        function(GRADES, group=[1] * 7 + [0] * 7, **more),
        function(GRADES, group=np.array([True] * 7 + [False] * 7), **more),
        function(GRADES, group=pd.Categorical(ARM), control="placebo", **more),
        function(treated=TREATED, control=CONTROL, **more),
    ]
    if function in COUNTED:
        counts = [shift.counts_by_grade(part) for part in (TREATED, CONTROL)]
        forms += [function(counts=counts, **more), function(counts={"A": counts[0], "B": counts[1]}, **more)]
    for found in forms:
        assert values(found) == values(by_name)
    turned = function(GRADES, group=ARM, control="IVIg", **more)
    assert turned.groups == ("placebo", "IVIg")


@FUNCTIONS
def test_two_arrays_by_position_are_refused_with_the_right_call(function):
    with pytest.raises(TypeError, match=r"treated=grades, control=grades"):
        function(TREATED, CONTROL, **CALLS[function])


@FUNCTIONS
@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "there are none"),
        ({"grades": GRADES}, "group names the arm"),
        ({"grades": GRADES, "group": ARM}, "control must name .*'IVIg', 'placebo'"),
        ({"grades": GRADES, "group": ARM, "control": "sham"}, "control = 'sham' is no label"),
        ({"grades": GRADES, "group": ["a", "b"] * 6 + ["c", "c"], "control": "a"}, "3 label"),
        ({"grades": GRADES, "group": ["a"] * 14, "control": "a"}, "1 label"),
        ({"grades": GRADES, "group": [1] * 14}, "both groups need one"),
        ({"grades": GRADES, "group": [1, 2] * 7}, "control must name"),
        ({"grades": GRADES, "group": ARM[:5], "control": "IVIg"}, "one label for each of the 14"),
        ({"grades": GRADES, "group": [None, *ARM[1:]], "control": "IVIg"}, r"group has no value: group\[0\]"),
        ({"grades": FRAME, "group": "arm"}, "data=frame"),
        ({"data": FRAME, "grade": "mRS", "group": "arm"}, "'mRS' is no column of data; it has mrs, arm"),
        ({"data": FRAME, "group": "arm"}, "grade is absent"),
        ({"treated": TREATED}, "control is absent"),
        ({"treated": TREATED, "control": [3, math.nan]}, r"control\[1\] = nan"),
        ({"grades": GRADES, "treated": TREATED}, "grades and treated"),
        ({"grades": [7, *GRADES[1:]], "group": ARM, "control": "IVIg"}, r"grades\[0\] = 7"),
    ],
)
def test_what_is_not_clear_is_asked_for(function, given, text):
    with pytest.raises(ValueError, match=text) as caught:
        function(**given, **CALLS[function])
    assert function.__name__ in str(caught.value)


@pytest.mark.parametrize("function", COUNTED, ids=lambda function: function.__name__)
def test_counts_have_the_length_of_the_scale(function):
    # ten patients a group, taken for counts, turned the direction
    with pytest.raises(ValueError, match="counts has 10 grades a group; the scale 0 to 6 has 7"):
        function(counts=([*TREATED, 2, 2, 2], [*CONTROL, 4, 4, 4]), **CALLS[function])
    with pytest.raises(ValueError, match=r"counts=\(treated, control\)"):
        function(counts=[1, 2, 3], **CALLS[function])


def test_prioritised_outcomes_come_from_a_frame_or_from_two_mappings():
    frame = pd.DataFrame(
        {"death": [0, 0, 1, 0, 1, 1], "mrs": [2, 3, 6, 4, 6, 6], "arm": ["t"] * 3 + ["c"] * 3}
    )
    outcomes = ["death", "mrs"]
    by_frame = shift.prioritised_comparison(frame, outcomes=outcomes, group="arm", control="c")
    two = {arm: frame[frame["arm"] == arm] for arm in "tc"}
    by_two = shift.prioritised_comparison(treated=two["t"], control=two["c"], outcomes=outcomes)
    assert values(by_frame) == values(by_two)
    assert by_frame.groups == ("t", "c")
    with pytest.raises(TypeError, match="treated=mapping"):
        shift.prioritised_comparison(two["t"], two["c"], outcomes=outcomes)
    with pytest.raises(ValueError, match="list of names"):
        shift.prioritised_comparison(frame, outcomes="mrs", group="arm", control="c")


@pytest.mark.parametrize(
    ("treated", "control"),
    [
        ([0, 1, 2], [3, 3, 4]),
        ([0, 1, 3], [3, 3, 4]),
        ([2, 2], [2, 2]),
        ([3, 4], [0, 1]),
        ([1, 3, 2], [2, 2, 5]),
    ],
)
def test_one_outcome_is_the_win_statistics(treated, control):
    # no pair lost, none won, all tied: the same answer from both doors
    pairs = shift.win_statistics(treated=treated, control=control)
    found = shift.prioritised_comparison(treated={"mrs": treated}, control={"mrs": control}, outcomes=["mrs"])
    for name in ("win_ratio", "win_odds", "net_benefit", "p_value", "p_value_win_ratio"):
        one, other = getattr(pairs, name), getattr(found, name)
        if isinstance(one, NotEstimable):
            assert str(one) == str(other)
        else:
            assert other == pytest.approx(one, rel=1e-12)


PAIRED = {
    shift.changes: True, shift.sign_test: True, shift.paired_wins: True, shift.case_bounds: True,
    shift.signed_rank: False, shift.stuart_maxwell: False, shift.bowker: False,
    shift.marginal_homogeneity: False, shift.transition_table: False, shift.utility: False,
    shift.tipping_point: False, shift.impute: False,
}  # fmt: skip


@pytest.mark.parametrize("function", PAIRED, ids=lambda function: function.__name__)
def test_paired_functions_take_columns_and_know_the_dead(function):
    frame = pd.DataFrame({"baseline": [3, 3, 2, 4, 3], "month3": [2, 3, 2, 3, 4]}, index=list("vwxyz"))
    by_column = function("baseline", "month3", data=frame)
    by_values = function(frame["baseline"], frame["month3"])
    named = str(np.asarray(by_column, dtype=object)).replace("baseline", "first").replace("month3", "second")
    assert named.split() == str(np.asarray(by_values, dtype=object)).split()
    with pytest.raises(ValueError, match="'day90' is no column"):
        function("baseline", "day90", data=frame)
    with pytest.raises(ValueError, match="data="):
        function("baseline", "month3")
    if PAIRED[function]:
        with pytest.raises(ValueError, match=r"first\[1\] = 6: dead at the earlier rating"):
            function([3, 6], [2, 5])
    else:
        function([3, 6], [2, 5])


def test_the_dead_at_baseline_never_improve():
    first, second = [3, 3, 6, 6], [2, 4, 5, 6]
    kept, left = (shift.changes(first, second, dead=word) for word in ("stable", "exclude"))
    assert (kept.improved, kept.stable, kept.deteriorated, kept.n) == (1, 2, 1, 4)
    assert (left.improved, left.stable, left.deteriorated, left.n) == (1, 0, 1, 2)
    assert shift.sign_test(first, second, dead="stable").improved == 1
    assert shift.paired_wins(first, second, dead="exclude").n == 2
    bounds = shift.case_bounds([3, 6], [None, None], dead="stable")
    assert (bounds.best, bounds.worst) == (0.5, 0.0)
    arms = {"group": [1, 1, 0, 0], "baseline": [3, 6, 3, 4]}
    with pytest.raises(ValueError, match=r"first\[1\] = 6"):
        shift.sliding_dichotomy([1, 3, 3, 3], **arms)
    assert shift.sliding_dichotomy([1, 3, 3, 3], **arms, dead="stable").successes_treated == 1
    assert shift.sliding_dichotomy([1, 3, 3, 3], **arms, dead="exclude").n_treated == 1
    with pytest.raises(ValueError, match="dead = 'keep'"):
        shift.changes([3], [2], dead="keep")


@pytest.mark.parametrize("points", [1, 2, 3])
def test_no_case_beats_what_was_seen(points):
    # nobody can be counted improved in a case who could not be counted improved when seen
    rng = np.random.default_rng(points)
    for _ in range(200):
        first, second = rng.integers(0, 6, 12), rng.integers(0, 7, 12)
        seen = shift.changes(first, second, points=points)
        bounds = shift.case_bounds(first, second, points=points)
        assert bounds.worst == bounds.best == seen.improved / seen.n
        gap = rng.random(12) < 0.3
        bounds = shift.case_bounds(first, np.where(gap, np.nan, second), points=points)
        assert bounds.worst <= seen.improved / seen.n <= bounds.best


def test_separated_trials_of_a_batch_have_a_p_value():
    apart, mixed = (
        [[3, 5, 4, 0, 0, 0, 0], [0, 0, 0, 4, 5, 3, 2]],
        [[3, 5, 4, 1, 0, 0, 0], [0, 1, 2, 4, 5, 3, 2]],
    )
    single = shift.common_odds_ratio(counts=apart)
    many = shift.common_odds_ratios([apart, mixed])
    assert many.separated.tolist() == [True, False]
    assert many.p_value_wald[0] == many.p_value_lr[0] == pytest.approx(single.p_value_lr)
    assert many.p_value_lr[0] < 1e-8
    wins = shift.win_statistics_batch([apart, mixed])
    assert wins["p_value"][0] == shift.permutation_test(counts=apart).p_value
    power = shift.simulated_power([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], 10, 10, 200, seed=1)
    assert (power.separated, power.wald) == (1.0, 1.0)


@pytest.mark.filterwarnings("error")
def test_a_separated_model_says_so_and_tests_by_likelihood():
    treated = [1] * 12 + [0] * 14
    grades = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 6, 6]
    age = np.random.default_rng(2).normal(60, 9, 26)
    alone, single = (
        shift.ordinal_model(grades, {"treated": treated}),
        shift.common_odds_ratio(grades, group=treated),
    )
    assert alone.separated == ("treated",)
    assert alone.estimate == math.inf
    assert alone.p_value == pytest.approx(single.p_value_lr, rel=1e-6)
    assert alone.p_value < 1e-7
    assert alone.ci == (pytest.approx(single.profile[0], rel=1e-6), math.inf)
    row = alone.to_frame().iloc[0]
    assert math.isnan(row["std_error"])
    assert "separated" in row["reason"]
    assert "e+" not in str(alone)
    assert "separated: treated" in str(alone)
    assert "separated: treated" in alone._repr_html_()
    both = shift.ordinal_model(grades, {"age": age, "treated": treated})
    assert "treated" in both.separated
    assert both.p_values[1] < 1e-6


@pytest.mark.parametrize("seed", range(25))
def test_separation_is_what_the_grade_ranges_say(seed):
    # two groups: separated exactly where their ranges of grades do not overlap
    rng = np.random.default_rng(seed)
    treated = np.repeat([1, 0], 5)
    grades = np.concatenate([rng.integers(0, 4, 5), rng.integers(2, 6, 5)])
    single, fit = (
        shift.common_odds_ratio(grades, group=treated),
        shift.ordinal_model(grades, {"treated": treated}),
    )
    assert bool(fit.separated) == single.separated
    assert fit.p_value_lr == pytest.approx(single.p_value_lr, rel=1e-6)
    assert fit.ci == pytest.approx(single.profile, rel=1e-5)
    if not single.separated:
        assert fit.estimate == pytest.approx(single.odds_ratio, rel=1e-6)


def test_a_rare_factor_is_infinite_and_the_others_keep_their_estimate():
    # one site has only deaths: its coefficient is infinite, that of treatment finite (quasi-separation)
    rng = np.random.default_rng(5)
    treated = np.tile([0, 1], 20)
    grades = np.clip(rng.integers(1, 6, 40) - treated, 0, 5)
    grades[:3], site = 6, np.r_[np.ones(3), np.zeros(37)]
    fit = shift.ordinal_model(grades, {"treated": treated, "site": site})
    assert fit.separated == ("site",)
    assert fit.beta[1] == math.inf
    assert 0 < fit.std_error[0] < 2
    assert math.isfinite(fit.profile[1, 0])
    assert fit.profile[1, 1] == math.inf
    assert 0.0 < fit.p_values[1] < 0.05


@pytest.mark.parametrize("word", ["win_ratio", "nnt", "odds_ratio", "wilcoxon", "sample_size", "clm"])
def test_common_words_are_answered_with_the_function(word):
    with pytest.raises(AttributeError, match=r"it is shift\.\w+\(") as caught:
        getattr(shift, word)
    assert hasattr(shift, str(caught.value).partition("it is shift.")[2].partition("(")[0])
    assert not hasattr(shift, "nothing_like_it")


def test_a_model_takes_columns_and_formulas():
    frame = FRAME.assign(
        treated=(FRAME["arm"] == "IVIg").astype(int), age=np.random.default_rng(3).normal(60, 9, 14)
    )
    by_hand = shift.ordinal_model(GRADES, {"treated": frame["treated"], "age": frame["age"]})
    for found in (
        shift.ordinal_model("mrs", ["treated", "age"], data=frame),
        shift.ordinal_model("mrs", "treated + age", data=frame),
        shift.ordinal_model("mrs ~ treated + age", data=frame),
        shift.ordinal_formula("mrs ~ treated + age", frame),
    ):
        assert found.names == ("treated", "age")
        assert found.beta.tolist() == by_hand.beta.tolist()
    crossed = shift.ordinal_model("mrs ~ C(arm) * age", data=frame)
    assert crossed.names == ("C(arm)[T.placebo]", "age", "C(arm)[T.placebo]:age")
    for call, text in (
        (lambda: shift.ordinal_model("mrs ~ sex", data=frame), "sex of .* is no column"),
        (lambda: shift.ordinal_model("mrs ~ treated"), "data="),
        (lambda: shift.ordinal_model(GRADES, frame[["treated"]].to_numpy()), "covariates = .* must be"),
        (
            lambda: shift.ordinal_model("mrs ~ age", data=frame.assign(age=np.nan)),
            r"age has no value: age\[0\]",
        ),
        (lambda: shift.ordinal_model(GRADES), "covariates is empty"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_a_common_odds_ratio_draws_itself():
    from matplotlib.figure import Figure

    from pnstrial.figures import cumulative_odds

    common = shift.common_odds_ratio(GRADES, group=ARM, control="placebo")
    axes = Figure().subplots()
    assert common.plot(ax=axes) is axes
    assert "IVIg" in axes.get_xlabel()
    with pytest.raises(ValueError, match="cumulative_odds"):
        cumulative_odds(TREATED)


def test_visits_are_columns():
    frame = pd.DataFrame(
        [[3, 2, 2], [3, 3, 2], [2, 2, 3], [4, 3, 3], [3, 2, 1], [2, 3, 2]], columns=["b", "m3", "m6"]
    )
    by_name = shift.mixed_ordinal(["b", "m3", "m6"], data=frame)
    assert by_name.visits == ("m3", "m6")
    assert by_name.beta == shift.mixed_ordinal(frame).beta
    assert by_name.estimate == by_name.odds_ratio[0]
    with pytest.raises(ValueError, match="'m9' is no column"):
        shift.mixed_ordinal(["b", "m9"], data=frame)
    with pytest.raises(ValueError, match="must name the columns"):
        shift.mixed_ordinal("b", data=frame)


def test_the_column_of_the_grades_may_stand_first():
    frame = pd.DataFrame({"mrs": [1, 2, 3, 4, 2, 3, 5, 6], "arm": ["IVIg", "sham"] * 4})
    first = shift.common_odds_ratio("mrs", group="arm", control="sham", data=frame)
    assert (
        first.estimate
        == shift.common_odds_ratio(data=frame, grade="mrs", group="arm", control="sham").estimate
    )

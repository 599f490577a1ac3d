"""Degenerate data, errors, sentences, tables, the command line, figures."""

import html
import json
import re

import numpy as np
import pytest

from pnstrial import design
from pnstrial.cli import main
from pnstrial.results import NotEstimable

pytestmark = pytest.mark.regression


@pytest.mark.parametrize("method", ["clopper-pearson", "blaker", "mid-p", "wilson", "likelihood", "jeffreys"])
def test_no_patient_is_not_estimable(method):
    got = design.proportion(0, 0, null=0.1, conf_type=method)
    assert isinstance(got.estimate, NotEstimable)
    assert isinstance(got.ci, NotEstimable)
    assert got.p_value == 1.0
    assert "not estimable" in str(got)


def test_ends_of_the_scale():
    assert design.proportion(0, 1).ci == pytest.approx((0.0, 0.975))
    assert design.proportion(17, 17, null=1.0).p_value == 1.0
    assert design.proportion(1, 17, null=0.0).p_value == 0.0
    assert design.proportion(0, 17, null=0.0).p_value == 1.0
    assert design.proportion(3, 17).p_value is None
    two = design.proportion(9, 17, null=0.5, alternative="two-sided", two_sided="central")
    assert two.p_value == 1.0
    assert design.proportion(2, 17, null=0.3, alternative="less").p_value == pytest.approx(0.0774, abs=1e-4)
    blaker = design.proportion(5, 17, null=0.1, alternative="two-sided", two_sided="blaker")
    assert blaker.p_value == pytest.approx(0.0221, abs=1e-4)


def test_one_patient_designs():
    plan = design.sequential([1], None, [1])
    assert plan.operating_characteristics(0.3).reject == pytest.approx(0.3)
    result = design.after_sequential(plan, 1, 1, 0.3)
    assert (result.mle, result.umvue) == (1.0, 1.0)
    frame = design.operating_characteristics(plan, [0.0, 1.0])
    assert frame["reject"].tolist() == [0.0, 1.0]


def test_pools_without_responders_or_differences():
    none = design.pool_series([0, 0], [5, 7])
    assert isinstance(none.random_estimate, NotEstimable)
    assert isinstance(design.pool_series([1], [9]).correlation, NotEstimable)
    assert isinstance(design.pool_series([5, 7], [5, 7]).a, NotEstimable)
    same = design.pool_series([2, 2, 2], [10, 10, 10])
    assert same.correlation == 0.0
    assert isinstance(same.a, NotEstimable)
    assert 0.05 < same.random_ci[0] < 0.2 < same.random_ci[1] < 0.5


def test_rating_that_contradicts_the_count():
    got = design.correct_for_rating(0, 40, rating_error=0.3)
    assert isinstance(got.ci, NotEstimable)
    assert isinstance(design.correct_for_rating(0, 0, rating_error=0.1).estimate, NotEstimable)
    assert design.correct_for_rating(1, 17, rating_error="conventional").excluded_below == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: design.simon(0.3, 0.1), ["p1 = 0.1 must be above p0 = 0.3", "swap"]),
        (lambda: design.simon(0.1, 0.1), ["p1 = 0.1 must be above p0"]),
        (lambda: design.simon(0.1, 0.3, alpha=1.2, power=0), ["alpha = 1.2", "power = 0"]),
        (lambda: design.simon(0.1, 0.15), ["n_max = 100 is too small", "needs n_max = 263"]),
        (lambda: design.simon(0.1, 0.3, n=12), ["no design with n = 12"]),
        (lambda: design.single_stage(0.1, 0.3, alpha=0), ["alpha = 0 must lie strictly between 0 and 1"]),
        (lambda: design.single_stage_at(2, 0.5, 0.6), ["even 2 of 2 responders"]),
        (lambda: design.proportion(18, 17), ["responders = 18 must be a whole number from 0 to 17"]),
        (lambda: design.proportion(1.5, 17, conf_type="walt"), ["responders = 1.5", "conf_type = 'walt'"]),
        (lambda: design.proportion(1, "17"), ["n = '17' must be a whole number"]),
        (lambda: design.clopper_pearson(3, 2), ["x = 3, n = 2"]),
        (lambda: design.sequential([5, 5], [0, 0]), ["looks = [5, 5] must be increasing"]),
        (lambda: design.sequential([5, 9], [0]), ["futility has 1 counts for 2 looks"]),
        (lambda: design.sequential([5], [3], [3]), ["futility 3 is not below efficacy 3"]),
        (lambda: design.sequential([5], [0.5]), ["futility = 0.5 must be a whole number"]),
        (
            lambda: design.sequential([5]).operating_characteristics(1.5),
            ["p = 1.5 must be numbers from 0 to 1"],
        ),
        (lambda: design.after_two_stage(1, 10, 5, 29, 0.1, 3, n_observed=10), ["does not stop there"]),
        (
            lambda: design.after_two_stage(design.simon(0.1, 0.3), 6),
            [
                "design = <SimonDesigns> (give its .optimal or .minimax) must be a two-stage design",
                "`simon(...).optimal`",
            ],
        ),
        (
            lambda: design.compare_designs([design.simon(0.1, 0.3)], 0.1, 0.3),
            ["[<SimonDesigns> (give its .optimal"],
        ),
        (lambda: design.after_two_stage(1, 10, 5, 29, 0.1, 1, n_observed=20), ["stops at n1 = 10"]),
        (lambda: design.after_two_stage(1, 10, 5, 29, 0.1, 40), ["responses = 40"]),
        (lambda: design.after_two_stage(5, 5, 5, 9, 0.1, 7), ["r1 = 5 must be below n1 = 5"]),
        (
            lambda: design.after_sequential(design.sequential([5, 9], [1, 2]), 2, 7, 0.1),
            ["cannot end with 2 of 7"],
        ),
        (lambda: design.predictive_probability(3, 9, 5, 0.1, 0.9), ["n_max = 5"]),
        (lambda: design.posterior_probability(3, 9, 0.1, (0, 1)), ["prior = (0, 1)"]),
        (lambda: design.thall_simon([5], 0.3, 0.1, 0.5, 0.5), ["one count stops both ways"]),
        (lambda: design.bop2([5], 0.1, 0.3, alpha=1e-9), ["no lambda and gamma"]),
        (lambda: design.bop2_ordinal([5], (0.5, 0.5, 0.5), (0.2, 0.3, 0.5)), ["null = (0.5, 0.5, 0.5)"]),
        (lambda: design.bryant_day(0.2, 0.5, 0.1, 0.4), ["t1 = 0.4 must be below t0 = 0.1"]),
        (lambda: design.bryant_day(0.2, 0.3, 0.4, 0.3, n_max=10), ["raise n_max"]),
        (lambda: design.safety_boundary(17, 0.1, kind="sprt"), ["p1 = None must be given"]),
        (lambda: design.pool_series([1], None), ["given together"]),
        (lambda: design.pool_series(pool="all"), ["pool = 'all' must be one of"]),
        (lambda: design.map_prior([3], [2]), ["responders[0] = 3"]),
        (lambda: design.rating_error(np.eye(3)), ["shape (3, 3)"]),
        (lambda: design.rating_error(np.ones((7, 7))), ["row 0 adds to 7"]),
        (lambda: design.correct_for_rating(1, 17, design.RatingError(0.5, 0.4)), ["must exceed"]),
        (lambda: design.multi_stage(0.1, 0.2, n_max=20), ["raise n_max"]),
        (lambda: design.optimal_curtailed(0.1, 0.2, n_max=20), ["raise n_max"]),
        (
            lambda: design.conditional_error(design.two_stage(1, 10, 5, 29, 0.1, 0.3), "equal"),
            ["alpha = None"],
        ),
        (lambda: design.curtailed(design.sequential([5], [1]), futility=0.1), ["p = None must be given"]),
    ],
)
def test_errors_say_what_and_why(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_sentences():
    assert design.simon(0.1, 0.3).optimal.sentence() == (
        "Enrol 10; stop if at most 1 improves; else 19 more; reject if more than 5 of 29 improve; alpha 0.047,"
        " power 0.805."
    )
    assert (
        design.simon(0.05, 0.25).optimal.sentence().startswith("Enrol 9; stop if none improves; else 8 more")
    )
    assert "for response" in design.bryant_day_rule(7, 2, 5, 23, 8, 17, 0.2, 0.5, 0.4, 0.15).sentence()
    assert "conditional error" in design.flexible(design.two_stage(1, 10, 5, 29, 0.1, 0.3)).sentence()


def test_every_result_shows_itself():
    plan = design.two_stage(0, 9, 2, 17, 0.05, 0.25)
    results = [
        design.proportion(5, 17, null=0.1), design.single_stage(0.05, 0.25), design.simon(0.05, 0.25), plan,
        plan.as_sequential(), design.flexible(plan), design.flexible(plan).with_sizes({1: 5}),
        design.optimal_curtailed(0.1, 0.4), design.after_two_stage(0, 9, 2, 17, 0.05, 3), design.pool_series(),
        design.safety_boundary(17, 0.1), design.bop2([6, 17], 0.1, 0.35), design.posterior(5, 17),
        design.bop2_ordinal([8, 17], (0.1, 0.4, 0.5), (0.35, 0.45, 0.2)), design.selection_probability(9, [0.1, 0.4]),
        design.predictive_design([6, 17], 0.1), plan.operating_characteristics([0.1, 0.2]),
        design.bryant_day(0.2, 0.5, 0.4, 0.15, n_min=18, n_max=20), design.rating_error(),
    ]  # fmt: skip
    for result in results:
        for text in (str(result), result._repr_html_()):
            assert text
            assert "nan" not in text.replace("nance", "").lower().split()
        assert len(result.to_frame()) >= 1


def test_two_stage_count_frames():
    frame = design.operating_characteristics(
        design.bryant_day_rule(7, 2, 5, 23, 8, 17, 0.2, 0.5, 0.4, 0.15), [[0.5, 0.15]]
    )
    assert frame["reject"].item() == pytest.approx(0.8145302595)
    ordinal = design.bop2_ordinal([8, 17], (0.1, 0.4, 0.5), (0.35, 0.45, 0.2))
    assert design.operating_characteristics(ordinal, [(0.1, 0.4, 0.5)])["reject"].item() == pytest.approx(
        ordinal.alpha
    )
    adaptive = design.flexible(design.two_stage(1, 10, 5, 29, 0.1, 0.3)).with_sizes({2: 30})
    assert "coverage" not in design.operating_characteristics(adaptive, [0.1])
    wide = design.compare_designs(
        {"a": adaptive, "b": design.single_stage(0.1, 0.3)}, 0.1, 0.3, rating_error=0.03
    )
    assert (wide["alpha_rated"] > wide["alpha"]).all()


COMMANDS = [
    "single --p0 0.05 --p1 0.25", "single --p0 0.05 --p1 0.3 --n 17", "simon --p0 0.1 --p1 0.3",
    "stages --p0 0.1 --p1 0.4 --n-max 17", "curtailed --p0 0.1 --p1 0.4 --n-max 17",
    "toxicity --r0 0.2 --r1 0.5 --t0 0.4 --t1 0.15 --n-max 20",
    "sequential --looks 6 11 17 --futility no 0 2 --efficacy 4 5 5 --rates 0.05 0.25",
    "sequential --looks 6 11 17 --spend pocock --p0 0.1", "bayes --looks 6 11 17 --p0 0.1 --p1 0.35",
    "bayes --looks 6 11 17 --p0 0.1 --p1 0.35 --method bop2",
    "bayes --looks 6 11 17 --p0 0.1 --p1 0.35 --method posterior", "safety --n 17 --p0 0.1 --accrual 2",
    "proportion --responders 5 --n 17 --null 0.1",
    "after --r1 0 --n1 9 --r 2 --n 17 --p0 0.05 --responses 3", "history --pool ivig",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command, capsys):
    assert main(["design", *command.split()]) == 0
    text = capsys.readouterr().out
    assert text.strip()
    assert main(["design", *command.split(), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)


@pytest.mark.parametrize(
    "command",
    [
        "simon --p0 0.3 --p1 0.1",
        "sequential --looks 6 --futility x",
        "history --figure a.png",
        "sequential --looks 6 --spend pocock",
    ],
)
def test_mistakes_end_in_one_sentence(command, capsys):
    assert main(["design", *command.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pnstrial: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[2], COMMANDS[6], COMMANDS[11]])
def test_figures_are_written(command, tmp_path, capsys):
    target = tmp_path / "figure.png"
    assert main(["design", *command.split(), "--figure", str(target)]) == 0
    assert target.stat().st_size > 5000


def test_figures_draw_the_numbers():
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from pnstrial.figures.designs import power_curve, saw_tooth, stopping_boundaries

    plan = design.two_stage(0, 9, 2, 17, 0.05, 0.25)
    lines = {line.get_gid(): line for line in power_curve(plan, rating_error=0.03).lines if line.get_gid()}
    x, y = lines["power:two-stage"].get_data()
    np.testing.assert_allclose(y, plan.reject_probability(x))
    assert (lines["rated:two-stage"].get_ydata() >= y - 1e-12).all()
    _, axes = plt.subplots()
    assert stopping_boundaries(design.safety_boundary(17, 0.1), ax=axes) is axes
    counts = next(line for line in axes.lines if line.get_gid() == "efficacy").get_ydata()
    assert counts[1:6].tolist() == [2, 2, 2, 3, 3]
    single = design.single_stage(0.05, 0.25)
    drawn = next(line for line in saw_tooth(single).lines if line.get_gid() == "power")
    np.testing.assert_allclose(drawn.get_ydata(), single.table(len(drawn.get_ydata()))["power"])
    with pytest.raises(ValueError, match="at most 4"):
        power_curve({str(k): plan for k in range(5)})
    plt.close("all")


@pytest.mark.parametrize("plan", [(0, 1, 0, 2), (-1, 5, 2, 9), (4, 5, 4, 9), (0, 9, 16, 17), (5, 5, 5, 9)])
@pytest.mark.parametrize("order", ["stagewise", "mle", "umvue"])
def test_every_ending_of_odd_designs(plan, order):
    for x in range(plan[3] + 1 if plan[0] < plan[1] else plan[1] + 1):
        got = design.after_two_stage(*plan, 0.1, x, order=order)
        numbers = [got.p_value, got.umvue, got.mle, got.median_unbiased, got.bias_corrected, *got.ci]
        assert all(-1e-9 <= value <= 1 + 1e-9 for value in numbers)
        assert got.ci[0] <= got.ci[1]


def test_second_stage_of_another_size():
    valid = design.after_two_stage(1, 10, 5, 29, 0.1, 9, n_observed=25, responses_first=7)
    assert valid.order == "Koyama-Chen"
    assert 0 < valid.p_value < 0.001  # the first stage alone had rejected
    outside = design.after_two_stage(1, 10, 5, 29, 0.1, 6, n_observed=35)
    assert outside.order == "stagewise"
    assert outside.p_value > design.after_two_stage(1, 10, 5, 29, 0.1, 6).p_value


DISPLAYED = (
    design.simon(0.1, 0.3),
    design.simon(0.1, 0.3).optimal,
    design.single_stage(0.1, 0.3),
    design.sequential([9, 17], [0, 2], [None, 3], 0.05, 0.25),
    design.flexible(design.two_stage(1, 10, 5, 29, 0.1, 0.3)),
    design.flexible(design.two_stage(1, 10, 5, 29, 0.1, 0.3)).with_sizes({2: 10}),
    design.optimal_curtailed(0.1, 0.4, n_max=17),
    design.curtailed(design.two_stage(0, 9, 2, 17, 0.05, 0.25)),
    design.bop2_ordinal([10, 17], (0.1, 0.5, 0.4), (0.3, 0.5, 0.2)),
    design.bryant_day_rule(10, 2, 8, 20, 5, 15, 0.1, 0.3, 0.4, 0.2),
    design.two_stage(1, 10, 5, 29, 0.1, 0.3).operating_characteristics([0.1, 0.3]),
)


@pytest.mark.parametrize("result", DISPLAYED, ids=lambda result: type(result).__name__)
def test_a_notebook_shows_the_words_and_numbers_of_the_terminal(result):
    page = html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", result._repr_html_(), flags=re.DOTALL))
    assert str(result).split() == page.split()
    assert "<NA>" not in page


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("simon_two_stage", "simon("),
        ("sample_size", "single_stage("),
        ("binom_test", "proportion("),
        ("umvue", "after_two_stage("),
    ],
)
def test_common_words_find_their_function(word, remedy):
    with pytest.raises(AttributeError, match=re.escape(f"it is design.{remedy}")):
        getattr(design, word)


def test_every_hint_names_what_there_is():
    for hint in design._HINTS.values():
        for name in re.findall(r"(?:^|[ ,])(\w+)\(", hint):
            assert name in design.__all__


def test_a_posterior_has_an_estimate_and_a_corrected_rate_a_p_value():
    found = design.posterior(3, 17, (1, 1))
    assert found.estimate == found.mean == pytest.approx(4 / 19)
    corrected = design.correct_for_rating(3, 17)
    assert corrected.p_value == corrected.p_value_chance


def test_rates_of_safety_in_the_wrong_order_and_a_design_that_never_stops_are_said():
    with pytest.raises(ValueError, match=r"p1 = 0\.1 must be above p0 = 0\.3, the acceptable rate"):
        design.safety_boundary(17, 0.3, p1=0.1)
    assert "no count of responders stops the trial" in design.sequential([6, 11], None, None).sentence()

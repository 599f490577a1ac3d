"""The calls that a statistician makes first: columns, labels, durations, groups; and what the natural mistakes answer."""

import numpy as np
import pandas as pd
import pytest

from pnstrial import shift, survival

MIXED = pd.DataFrame(
    {
        "t": [1, 2, 3, 4, 5, 6],
        "e": 1,
        "arm": pd.Series(["1", 1, "2", 2, "1", "2"], dtype=object),
        "x": range(6),
    }
)


@pytest.mark.parametrize(
    "call",
    [
        lambda arm: survival.logrank(MIXED["t"], MIXED["e"], arm),
        lambda arm: survival.cox(MIXED["t"], MIXED["e"], arm.to_numpy()),
        lambda arm: survival.cox(MIXED.assign(arm=arm), "t", "e", ["x", "arm"]),
        lambda arm: survival.cox(MIXED.assign(arm=arm), "t", "e", "x + arm"),
        lambda arm: survival.parametric("t", "e", covariates=["arm"], data=MIXED.assign(arm=arm)),
        lambda arm: shift.common_odds_ratio([1, 2, 3, 4, 5, 3], group=list(arm), control="1"),
        lambda arm: shift.van_elteren([1, 2, 3, 4, 5, 3], group=[0, 1] * 3, control=0, strata=list(arm)),
        lambda arm: shift.ordinal_formula("t ~ arm", MIXED.assign(arm=arm)),
    ],
)
def test_labels_of_two_kinds_or_none_are_refused(call):
    with pytest.raises(ValueError, match=r"mixes kinds of labels: 1 and '1'; write all as text or all"):
        call(MIXED["arm"])
    with pytest.raises(ValueError, match=r"labels that differ in spaces alone: '1' and '1 '"):
        call(pd.Series(["1", "1 ", "2", "2", "1", "2"]))
    for gap in (None, np.nan, " "):
        with pytest.raises(ValueError, match=r"has no value: \w+\[1\]"):
            call(pd.Series(["1", gap, 2, "2", "1", "2"], dtype=object))


def test_numbers_beside_words_stay_numbers():
    mixed = [[60, "a"], [71, "b"], [55, "a"], [66, "b"], [48, "a"], [80, "a"]]
    fit = survival.cox(MIXED["t"], MIXED["e"], mixed)
    assert list(fit.names) == ["x1", "x2[b]"]


def test_columns_labels_and_durations():
    table = pd.DataFrame({"days": [3, 5, 8, 10], "status": [2, 1, 2, 2], "arm": list("abab")})
    plain = survival.logrank([3, 5, 8, 10], [1, 0, 1, 1], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="event_is=2"):
        survival.logrank("days", "status", "arm", data=table)
    named = survival.logrank("days", "status", "arm", data=table, event_is=2)
    assert named.statistic == pytest.approx(plain.statistic, rel=1e-12)
    durations = pd.to_timedelta(table["days"], unit="D")
    with pytest.raises(ValueError, match="say in which unit"):
        survival.logrank(durations, table["status"], table["arm"], event_is=2)
    assert (
        survival.logrank(durations, table["status"], table["arm"], event_is=2, unit="days").p_value
        == named.p_value
    )


# ---------------------------------------------------------------------------------------------------- curves
TABLE = pd.DataFrame(
    {
        "days": [30, 61, 200, 90, 150, 300],
        "status": ["dead", "alive"] * 3,
        "arm": list("aaabbb"),
        "old": [1, 2] * 3,
    }
)


def test_one_curve_for_each_group():
    found = survival.kaplan_meier("days", "status", data=TABLE, group="arm", event_is="dead", unit="days")
    alone = survival.kaplan_meier(TABLE["days"][:3], [1, 0, 1])
    np.testing.assert_array_equal(found["a"].survival, alone.survival)
    frame = found.to_frame()
    assert frame["group"].tolist() == ["a", "b"]
    assert frame.columns.tolist() == ["group", "n", "events", "median", "lower", "upper", "reason"]
    assert frame.loc[0, "median"] == alone.median.estimate
    assert "upper: not reached" in frame.loc[0, "reason"]
    assert "a" in str(found)
    assert "not reached" in found._repr_html_()
    assert found.at([100])["group"].tolist() == ["a", "b"]
    with pytest.raises(KeyError, match="'c' is no group"):
        found["c"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: survival.kaplan_meier(TABLE, "days", "status"), "give it as data="),
        (lambda: survival.kaplan_meier("days", "status"), "needs its table, data="),
        (
            lambda: survival.kaplan_meier("day", "state", data=TABLE),
            "time = 'day', event = 'state'; it has 'days'",
        ),
        (lambda: survival.kaplan_meier("days", "status", data=TABLE), "name the event, event_is="),
        (lambda: survival.kaplan_meier("days", "old", data=TABLE), "event_is=2"),
        (lambda: survival.kaplan_meier("days", "status", data=TABLE, event_is="died"), "does not occur"),
        (lambda: survival.kaplan_meier([1, 2], [1, 0], unit="fortnight"), "unit must be one of"),
        (lambda: survival.kaplan_meier(pd.to_datetime(["2020-01-01"]), [1]), "holds dates"),
        (lambda: survival.kaplan_meier(pd.to_timedelta([3], unit="D"), [1]), "say in which unit"),
        (lambda: survival.kaplan_meier(np.ma.array([1, 2], mask=[0, 1]), [1, 0]), "masked"),
        (lambda: survival.kaplan_meier([1, 2], np.ma.array([1, 0], mask=[0, 1])), "masked"),
        (lambda: survival.kaplan_meier([1 + 2j, 3], [1, 0]), "must be numbers"),
        (lambda: survival.kaplan_meier(["1", "2"], [1, 0]), "must be numbers"),
        (lambda: survival.cumulative_incidence([1, 2, 3], ["dead", "none", "better"]), "censored="),
        (
            lambda: survival.cumulative_incidence([1, 2, 3], ["dead", "none", "better"], censored="censored"),
            r"censored = 'censored' does not occur; .*'none': correct it, or name the causes too",
        ),
        (lambda: survival.logrank([1, 2, 3], [1, 1, 0], ["a", "b", " "]), r"group has no value: group\[2\]"),
        (
            lambda: survival.gray_test([1, 2, 3], [1, 2, 0], ["a", "a ", "b"]),
            "differ in spaces alone: 'a' and 'a '",
        ),
        (lambda: survival.kaplan_meier([1, 2], [1, 0], weights=[0, 0]), "weights are all 0"),
        (lambda: survival.parametric([1, 2], [1, 0], weights=[0, 0]), "weights are all 0"),
        (
            lambda: survival.cumulative_incidence([1, 2], ["dead", "lost"], causes=["dead"], censored="none"),
            "'lost'",
        ),
        (lambda: survival.one_sample_logrank([30, 61], [1, 0], "sillevissmitt2002"), 'unit="days"'),
        (lambda: survival.one_sample_logrank([30, 61], [1, 0], survival.reference()), 'unit="days"'),
        (lambda: survival.one_sample_logrank([30, 61], [1, 0], "nobody1900"), "no such published curve"),
        (
            lambda: survival.simon_makuch([3, 5, 7], [1, 0, 1], [True, False, True]),
            "response_time holds yes and no alone",
        ),
        (
            lambda: survival.cox(
                {"t": [3, 5, 7], "e": [1, 0, 1], "seen": pd.to_datetime(["2020-01-01"] * 3)}, "t", "e", "seen"
            ),
            "seen holds dates or durations",
        ),
        (lambda: survival.one_sample_logrank([1, 2], [1, 0], lambda t: 2 / t), "never falls: .*= 1$"),
        (lambda: survival.one_sample_logrank([1, 2], [1, 0], lambda t: np.exp(-t)), "S it is -log S"),
        (
            lambda: survival.one_sample_logrank([1, 2], [1, 0], lambda t: 0.5 + t),
            r"0 at time 0: H\(0\) = 0.5",
        ),
        (
            lambda: survival.one_sample_logrank_batch([[1, 2]], [[1, 0]], lambda t: 0.5 + t),
            r"0 at time 0: H\(0\) = 0.5",
        ),
    ],
)
def test_natural_mistakes_are_answered(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_durations_are_counted_in_the_unit():
    days = survival.kaplan_meier([30, 61, 200], [1, 0, 1])
    for durations in (
        pd.Series(pd.to_timedelta([30, 61, 200], unit="D")),
        np.array([30, 61, 200], dtype="timedelta64[D]"),
        list(pd.to_timedelta([30, 61, 200], unit="D")),
    ):
        found = survival.kaplan_meier(durations, [1, 0, 1], unit="days")
        np.testing.assert_array_equal(found.time, days.time)
        months = survival.kaplan_meier(durations, [True, False, True], unit="months")
        np.testing.assert_allclose(months.time, days.time / 30.4375)


def test_causes_by_name():
    time, cause = [1, 2, 3, 4], ["dead", "better", "none", "dead"]
    named = survival.cumulative_incidence(
        time, cause, causes=["better", "dead"], censored="none", unit="months"
    )
    coded = survival.cumulative_incidence(time, [2, 1, 0, 2])
    assert named.causes == ("better", "dead")
    np.testing.assert_array_equal(named.incidence["dead"], coded.incidence[2])
    assert named.time_in_state(3)["estimate"].tolist() == coded.time_in_state(3)["estimate"].tolist()
    assert named.at([2])["cause"].tolist() == ["better", "dead"]
    assert "better" in str(named)


def test_a_reference_knows_its_unit():
    days = survival.one_sample_logrank([300, 400, 500], [1, 0, 1], "sillevissmitt2002", unit="days")
    months = survival.one_sample_logrank(
        np.array([300, 400, 500]) / 30.4375, [1, 0, 1], "sillevissmitt2002", unit="months"
    )
    same = survival.one_sample_logrank(
        [300, 400, 500], [1, 0, 1], survival.reference(unit="years"), unit="days"
    )
    assert days.expected == pytest.approx(months.expected, rel=1e-12)
    assert days.expected == pytest.approx(same.expected, rel=1e-12)
    assert days.estimate == days.ratio
    assert days.ci == days.ratio_ci
    plain = survival.one_sample_logrank([3, 4], [1, 0], survival.Reference.exponential(0.1))
    assert plain.expected == survival.one_sample_logrank([3, 4], [1, 0], lambda t: 0.1 * t).expected
    assert survival.Reference.exponential(0.1, unit="years").in_unit("months").survival([12])[
        0
    ] == pytest.approx(np.exp(-0.1))


# --------------------------------------------------------------------------------------------------- figures
def test_figures_are_labelled_by_the_unit():
    from matplotlib import pyplot as plt

    from pnstrial import figures

    time, event = [1.0, 2, 3, 8], [1, 0, 1, 1]
    for unit, word in ((None, "time"), ("weeks", "weeks"), ("months", "months"), ("years", "years")):
        axes = figures.kaplan_meier(survival.kaplan_meier(time, event, unit=unit))
        assert axes.get_xlabel() == word
        line = next(line for line in axes.lines if line.get_gid() == "curve")
        assert line.get_xdata().tolist() == [0.0, *time]
        assert [float(text.get_text().split("\n")[0]) for text in axes.get_xticklabels()] == list(
            axes.get_xticks()
        )
        rows = next(text.get_text() for text in axes.texts if text.get_gid() == "rows")
        assert rows.split() == ["at", "risk", "events", "censored"]
        last = [int(number) for number in axes.get_xticklabels()[-1].get_text().split("\n")[1:]]
        assert last == [int(axes.get_xticks()[-1] <= 8), 3 if axes.get_xticks()[-1] >= 8 else 2, 1]
        assert "median 3.0" in axes.get_title(loc="left")
        plt.close(axes.figure)
    axes = figures.kaplan_meier(survival.kaplan_meier(np.array(time) * 30.4375, event, unit="days"))
    assert "months (of 30.44 days)" in axes.get_xlabel()
    assert "median 3.0 months" in axes.get_title(loc="left")
    plt.close(axes.figure)


def test_figures_take_the_result_that_holds_the_curve(example, protocol):
    from matplotlib import pyplot as plt

    import pnstrial as pns
    from pnstrial import figures

    alive = pns.overall_survival(example, protocol)
    axes = figures.kaplan_meier(alive, reference="sillevissmitt2002")
    assert {"curve", "reference"} <= {line.get_gid() for line in axes.lines}
    assert "since day 1" in axes.get_xlabel()
    assert figures.draw(pns.time_to_improvement(example, protocol)).get_ylabel() == "cumulative incidence"
    groups = survival.kaplan_meier("days", "status", data=TABLE, group="arm", event_is="dead")
    drawn = {line.get_gid() for line in groups.plot().lines}
    assert {"curve:a", "curve:b"} <= drawn
    with pytest.raises(TypeError):
        figures.kaplan_meier(alive, axes)
    with pytest.raises(ValueError, match="draws survival curves"):
        figures.kaplan_meier(pns.time_to_improvement(example, protocol))
    plt.close("all")


@pytest.mark.parametrize(
    "name", ["beta-product", "beta-product-midp", "thomas-grunkemeier", "log-log", "plain", "logit"]
)
def test_the_same_source_uncompiled(name):
    from pnstrial.survival.curves.curve_kernels import kaplan_meier_curve
    from pnstrial.survival.curves.intervals import KINDS

    rng = np.random.default_rng(6)
    time, event, none = (
        rng.integers(1, 20, 40).astype(float),
        rng.integers(0, 2, 40).astype(float),
        np.empty(0),
    )
    order = time.argsort()
    arguments = (time[order], event[order], none, none, none, KINDS[name], 0.05, 1.959963984540054)
    status, table = kaplan_meier_curve.compiled(*arguments)
    other, plain = kaplan_meier_curve.plain(*arguments)
    assert status == other == 0
    np.testing.assert_allclose(plain, table, rtol=1e-12, atol=1e-12)


def test_gray_takes_causes_by_name():
    table = pd.DataFrame(
        {"t": [1, 2, 3, 4, 5, 6], "c": ["x", "y", "x", "none", "x", "y"], "g": list("aaabbb")}
    )
    named = survival.gray_test("t", "c", "g", data=table, causes=["x", "y"], censored="none", failure="y")
    coded = survival.gray_test(table["t"], [1, 2, 1, 0, 1, 2], table["g"], failure=2)
    assert named.failure == "y"
    assert named.statistic == coded.statistic
    assert named.causes["cause"].tolist() == ["x", "y"]
    both = survival.incidence_by_group("t", "c", "g", data=table, censored="none")
    assert both.test.failure == "x"
    assert both.at(3)["cause"].tolist() == ["x", "y", "x", "y"]
    again = survival.incidence_by_group(table["t"], [1, 2, 1, 0, 1, 2], table["g"])
    assert both.at(3)["incidence"].tolist() == again.at(3)["incidence"].tolist()


WRONG = ["0.95", None, float("nan"), float("inf"), -1, True, [], [1, 2], "x", 1 + 2j, {}, object(), 10**400]
TIMES, EVENTS, GROUPS, CAUSES = (
    [3.0, 5, 8, 10, 12, 15],
    [1, 0, 1, 1, 0, 1],
    [0, 1, 0, 1, 0, 1],
    [1, 0, 2, 1, 0, 2],
)


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (
            "kaplan_meier",
            {"time": TIMES, "event": EVENTS, "level": 0.95, "conf_type": "log-log", "unit": None},
        ),
        ("logrank", {"time": TIMES, "event": EVENTS, "group": GROUPS, "weights": "gehan", "entry": None}),
        ("survival_difference", {"time": TIMES, "event": EVENTS, "group": GROUPS, "at": 4.0, "level": 0.9}),
        ("rmst", {"time": TIMES, "event": EVENTS, "tau": 9.0, "level": 0.95, "conf_type": "plain"}),
        ("rmst_difference", {"time": TIMES, "event": EVENTS, "group": GROUPS, "tau": 9.0, "level": 0.95}),
        ("cumulative_incidence", {"time": TIMES, "cause": CAUSES, "level": 0.95, "causes": [1, 2]}),
        ("gray_test", {"time": TIMES, "cause": CAUSES, "group": GROUPS, "rho": 0.0, "failure": 1}),
        ("pseudo_values", {"time": TIMES, "event": EVENTS, "at": [5.0], "kind": "survival"}),
        (
            "landmark",
            {"time": TIMES, "event": EVENTS, "response_time": [1, None] * 3, "at": 2.0, "covariates": ()},
        ),
        (
            "one_sample_logrank",
            {"time": TIMES, "event": EVENTS, "reference": lambda t: 0.1 * t, "level": 0.9},
        ),
        ("coverage", {"n": 5, "survival": 0.9, "conf_type": "log-log", "level": 0.95}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_values_are_named(name, arguments, value):
    function = getattr(survival, name)
    for argument in arguments:
        try:
            function(**{**arguments, argument: value})
        except ValueError as error:
            assert argument in str(error), (argument, error)  # noqa: PT017


def test_common_words_find_their_function():
    for word, home in (("median", "kaplan_meier"), ("survfit", "kaplan_meier"), ("crr", "fine_gray")):
        with pytest.raises(AttributeError, match=f"it is survival.{home}"):
            getattr(survival, word)
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        survival.nothing  # noqa: B018


def test_a_normal_interval_says_what_it_covers():
    found = survival.survival_difference([2, 3, 5, 7], [1, 1, 0, 0], [0, 1, 0, 1], 4)
    assert "instead of 0.95" in str(found)
    assert survival.survival_difference(TIMES, EVENTS, GROUPS, 4, conf_type="beta-product").note == ""
    assert (found.direction, found.n, found.estimate) == ("1 minus 0", 4, found.difference)


VISITS = pd.DataFrame({
    "last": [0, 4, 4, 8, 8, 0, 0, 12], "first": [4, 8, 12, 12, np.inf, 8, 12, np.inf],
    "arm": ["ivig", "none"] * 4, "age": [55, 61, 47, 70, 66, 59, 63, 52],
}, index=range(40, 48))  # fmt: skip


def test_interval_censored_methods_take_columns_and_formulas():
    left, right = VISITS["last"].to_numpy(), VISITS["first"].to_numpy()
    arm = {"arm[none]": (VISITS["arm"] == "none").astype(float).to_numpy()}
    by_name = survival.turnbull("last", "first", data=VISITS)
    np.testing.assert_array_equal(by_name.mass, survival.turnbull(left, right).mass)
    for covariates in ("arm", ["arm"], "C(arm)"):
        fit = survival.interval_cox("last", "first", covariates, data=VISITS)
        plain = survival.interval_cox(left, right, arm)
        assert fit.names == plain.names == ("arm[none]",)
        np.testing.assert_array_equal(fit.coefficient, plain.coefficient)
        assert fit.estimate == pytest.approx(np.exp(fit.coefficient[0]))
        assert fit.ci == pytest.approx((np.exp(fit.lower[0]), np.exp(fit.upper[0])))
        row = fit.to_frame().iloc[0]
        assert (row["lower"], row["upper"]) == pytest.approx(fit.ci)
    fit = survival.interval_regression("last", "first", covariates="arm + age", data=VISITS, model="aft")
    assert fit.names[2:] == ("arm[none]", "age")
    weeks = survival.turnbull(pd.to_timedelta(left, unit="W"), [*right[:4], *right[4:]], unit="weeks")
    np.testing.assert_allclose(weeks.mass, by_name.mass, atol=1e-12)
    for call in (
        lambda: survival.turnbull("last", "first"),
        lambda: survival.turnbull(VISITS, "last", "first"),
        lambda: survival.interval_regression("last", "seen", data=VISITS),
        lambda: survival.interval_cox("last", "first", "sex", data=VISITS),
    ):
        with pytest.raises(ValueError, match=r"data=|no column of data"):
            call()


def test_additive_hazards_take_every_form():
    named = survival.aalen_additive("days", "status", ["age"], data=AGED, event_is="dead", n_min=2)
    first = survival.aalen_additive(AGED, "days", "status", "age", event_is="dead", n_min=2)
    arrays = survival.aalen_additive(
        AGED["days"], (AGED["status"] == "dead").astype(int), AGED["age"].to_numpy(), n_min=2
    )
    for model in (named, first, arrays):
        assert model.table["coef"].tolist() == named.table["coef"].tolist()
    assert named.estimate == named.table["coef"].iloc[1]
    assert f"{named.estimate:.4g}" in str(named)
    with pytest.raises(ValueError, match="name the event"):
        survival.aalen_additive("days", "status", "age", data=AGED)


AGED = pd.DataFrame({
    "days": [30, 61, 90, 140, 200, 260, 300], "status": ["dead", "alive", "dead", "dead", "alive", "dead", "dead"],
    "age": [70, 52, 66, 61, 48, 57, 50], "ended": ["dead", "none", "better", "dead", "none", "better", "dead"],
    "arm": list("abababa"),
})  # fmt: skip


def test_competing_methods_take_labels_and_groups():
    codes = AGED["ended"].map({"none": 0, "better": 1, "dead": 2})
    named = survival.fine_gray("days", "ended", "age", data=AGED, causes=["better", "dead"], censored="none")
    coded = survival.fine_gray("days", "code", "age", data=AGED.assign(code=codes))
    assert named.failure == "better"
    assert (named.estimate, named.ci) == (coded.estimate, coded.ci)
    assert "cause better" in str(named)
    second = survival.fine_gray("days", "ended", "age", data=AGED, censored="none", failure="dead")
    assert second.estimate == survival.fine_gray(AGED["days"], codes, AGED["age"], failure=2).estimate
    for wrong, words in (({}, "censored="), ({"censored": "none", "failure": "lost"}, "'better', 'dead'")):
        with pytest.raises(ValueError, match=words):
            survival.fine_gray("days", "ended", "age", data=AGED, **wrong)
    groups = survival.cumulative_incidence("days", "ended", data=AGED, group="arm", censored="none")
    assert list(groups) == ["a", "b"]
    mine = AGED[AGED["arm"] == "a"]
    alone = survival.cumulative_incidence(
        mine["days"], mine["ended"], causes=["better", "dead"], censored="none"
    )
    np.testing.assert_array_equal(groups["a"].incidence["dead"], alone.incidence["dead"])
    with pytest.raises(KeyError, match="'c' is no group"):
        groups["c"]
    values = survival.pseudo_values(
        "days", "ended", at=150, kind="incidence", cause="dead", data=AGED, censored="none"
    )
    np.testing.assert_allclose(
        values.value, survival.pseudo_values(AGED["days"], codes, at=150, kind="incidence", cause=2).value
    )


def test_means_and_follow_up_by_group():
    means = survival.rmst("days", "status", tau=200, data=AGED, group="arm", event_is="dead", unit="days")
    for label in "ab":
        mine = AGED[AGED["arm"] == label]
        alone = survival.rmst(mine["days"], mine["status"], 200, event_is="dead")
        assert means[label] == alone
        row = means.to_frame().set_index("group").loc[label]
        assert (row["estimate"], row["lower"], row["upper"]) == (alone.estimate, *alone.ci)
    short = survival.rmst([3, 4, 9, 9], [0, 0, 1, 1], 8, group=list("aabb"))
    assert np.isnan(short.to_frame()["estimate"][0])
    assert "known up to 4" in short.to_frame()["reason"][0]
    with pytest.raises(KeyError, match="no group"):
        means["c"]
    follow = survival.follow_up_time("days", "status", data=AGED, group="arm", event_is="dead")
    assert (
        follow["a"].median
        == survival.follow_up_time(
            *(AGED.loc[AGED["arm"] == "a", name] for name in ("days", "status")), event_is="dead"
        ).median
    )
    ranked = survival.compare_distributions("days", "status", data=AGED, event_is="dead")
    assert np.isfinite(ranked["aic"].mean())


@pytest.mark.parametrize("ties", [False, True])
def test_a_curve_of_many_patients_is_that_of_their_order(ties):
    rng = np.random.default_rng(5)
    times, events = rng.exponential(10, 2500), rng.integers(0, 2, 2500)
    times = np.floor(times) if ties else np.where(times > 40, 2.0**900 * times, times)
    for limits in ("log-log", "beta-product"):
        sorted_as_numbers = survival.kaplan_meier(times, events, conf_type=limits)
        followed = survival.kaplan_meier(times, events, weights=np.ones(2500), conf_type=limits)
        pd.testing.assert_frame_equal(sorted_as_numbers.to_frame(), followed.to_frame())


def test_many_patients_with_a_time_or_event_out_of_range_are_named():
    times, events = np.arange(1.0, 1501.0), np.ones(1500)
    for wrong in (-1.0, np.nan, np.inf):
        spoiled = times.copy()
        spoiled[700] = wrong
        with pytest.raises(ValueError, match=r"time\[700\]"):
            survival.kaplan_meier(spoiled, events)
    events[3] = 2.0
    with pytest.raises(ValueError, match=r"event"):
        survival.kaplan_meier(times, events)


def test_the_medians_of_groups_and_a_series_by_its_author_are_found_at_once():
    times, events, arm = [2, 3, 5, 7, 8, 9], [1, 1, 0, 1, 1, 1], ["a", "b"] * 3
    curves = survival.kaplan_meier(times, events, group=arm)
    assert {label: median.estimate for label, median in curves.median.items()} == {"a": 8.0, "b": 7.0}
    named = survival.one_sample_logrank(times, events, "Sillevis Smitt 2002", unit="months")
    assert (
        named.p_value
        == survival.one_sample_logrank(times, events, "sillevissmitt2002", unit="months").p_value
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda event: survival.logrank_batch([[1, 2, 3, 4]], event, [0, 1, 0, 1]),
        lambda event: survival.cox_batch([[1, 2, 3, 4]], event, [0, 1, 0, 1]),
        lambda event: survival.kaplan_meier_batch([[1, 2, 3, 4]], event, [2]),
        lambda event: survival.one_sample_logrank_batch(
            [[1, 2, 3, 4]], event, survival.Reference.exponential(0.5)
        ),
    ],
)
def test_batches_read_event_codes_as_single_trials_do(call):
    with pytest.raises(
        ValueError, match=r"event\[0, 1\] = 2; if 2 is the event .* R's Surv, give event == 2"
    ):
        call([[1, 2, 1, 2]])
    with pytest.raises(ValueError, match=r"event\[0, 0\] = 2; if 2 is the event"):
        call(np.full((1, 4), 2))
    with pytest.raises(ValueError, match=r"event\[0, 3\] = 2; a competing event \(2\) belongs in"):
        call([[0, 1, 1, 2]])
    assert str(call([[0, 1, 1, 0]])) == str(call(np.array([[False, True, True, False]])))

"""One-sample log-rank: R's survdiff, poisson.test and life tables; the sample size by simulation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from pnstrial.results import NotEstimable
from pnstrial.survival import (
    Reference,
    kaplan_meier,
    one_sample_logrank,
    one_sample_logrank_batch,
    one_sample_logrank_sample_size,
    published_references,
    reference,
)

# R 4.2.2, survival 3.5-3, stats::poisson.test; the file names call and version. Closed forms: 1e-8 relative.
HERE = Path(__file__).parents[1] / "reference/survival"
CASES = json.loads((HERE / "one_sample_logrank.json").read_text())["cases"]
CURVES = [case for case in CASES if "reference" in case["inputs"]]
TABLES = [case for case in CASES if "ratetable" in case["inputs"]]
CLOSE = {"rel": 1e-8, "abs": 1e-12}


def data(case):
    inputs = case["inputs"]
    return pd.read_csv(HERE / inputs["csv"]) if "csv" in inputs else pd.DataFrame(inputs["data"])


def curve(kind, given_):
    made = {
        "exponential": lambda: Reference.exponential(given_["rate"]),
        "weibull": lambda: Reference.weibull(given_["shape"], given_["scale"]),
        "piecewise": lambda: Reference.piecewise(given_["breaks"], given_["rates"]),
        "lognormal": lambda: Reference.lognormal(given_["meanlog"], given_["sdlog"]),
        "gompertz": lambda: Reference.gompertz(given_["a"], given_["b"]),
    }
    return made[kind]()


def held(found, expected):
    assert found.observed == expected["O"]
    exact = expected["exact_poisson"]
    for value, name in (
        (found.expected, expected["E"]), (found.ratio, expected["smr"]), (found.z, expected["z_score"]),
        (found.chi_square, expected["chisq"]), (found.p_value, expected["p_two_sided"]),
        (found.p_value_fewer, expected["p_one_sided_fewer"]), (found.z_wu, expected["z_wu2014"]),
        (found.p_value_wu, expected["p_wu_two_sided"]), (found.p_value_exact_fewer, exact["p_less"]),
        (found.p_value_exact_more, exact["p_greater"]), (found.ratio_ci[0], exact["smr_lower"]),
        (found.ratio_ci[1], exact["smr_upper"]), (found.z_anscombe, expected["z_anscombe"]),
        (found.p_value_exact, exact["p_two_sided"]),
    ):  # fmt: skip
        assert value == pytest.approx(name, **CLOSE)
    # R's were made with 1.96 for the normal quantile
    at_196 = one_sample_logrank(
        [1.0] * max(found.observed, 1), [1] * found.observed or [0],
        lambda t: t * found.expected / max(found.observed, 1), level=1 - 2 * float(ndtr(-1.96)),
    )  # fmt: skip
    assert at_196.ratio_ci_byar == pytest.approx(expected["smr_byar"], **CLOSE)


@pytest.mark.reference
@pytest.mark.parametrize("case", CURVES, ids=[case["id"] for case in CURVES])
def test_equals_r_against_a_curve(case):
    frame = data(case)
    entry = frame.get("entry")
    for kind, given_ in case["inputs"]["reference"].items():
        found = one_sample_logrank(frame["time"], frame["status"], curve(kind, given_), entry)
        held(found, case["outputs"][kind])
        low, high = found.ratio_ci_mid_p
        assert found.ratio_ci[0] <= low <= found.ratio <= high <= found.ratio_ci[1]
    offset = case["outputs"].get("survdiff_offset_weibull")
    if offset:
        found = one_sample_logrank(
            frame["time"], frame["status"], curve("weibull", case["inputs"]["reference"]["weibull"])
        )
        assert (found.observed, found.expected, found.chi_square) == pytest.approx(
            (offset["obs"], offset["exp"], offset["chisq"]), **CLOSE
        )


@pytest.fixture(scope="module")
def population():
    return pd.read_csv(HERE / "data/survexp_us.csv")


@pytest.mark.reference
@pytest.mark.parametrize("case", TABLES, ids=[case["id"] for case in TABLES])
def test_equals_r_against_a_life_table(case, population):
    frame, expected = data(case), case["outputs"]
    table = Reference.life_table(population, frame["age"], frame["sex"].tolist(), frame["year"].tolist())
    first = table.cumulative_hazard(frame["time"])[:10]
    assert first == pytest.approx(expected["first10_H"], rel=1e-8)
    days = one_sample_logrank(frame["time"], frame["status"], table, unit="days")
    held(days, expected)
    with pytest.raises(ValueError, match=r'\(life table\) is in days: say .* unit="days"'):
        one_sample_logrank(frame["time"], frame["status"], table)
    months = one_sample_logrank(frame["time"] / 30.4375, frame["status"], table, unit="months")
    assert months.expected == pytest.approx(days.expected, rel=1e-9)


@pytest.mark.reference
def test_equals_another_package_on_its_own_population():
    # OneSampleLogRankTest 0.9.2, type "exact": its table is per 100,000 and year, its times are years
    case = next(case for case in CASES if case["id"] == "oslr_lifetable/dataSurv_small_exact")
    frame, expected = data(case), case["outputs"]
    rates = pd.read_csv(HERE / case["inputs"]["population_csv"])
    table = pd.concat(
        [
            rates[["age"]].assign(sex=sex, year=2018, hazard_per_day=rates[f"w_{sex}"] / 1e5 / 365.25)
            for sex in ("f", "m")
        ]
    )
    null = Reference.life_table(table, frame["age"], frame["sex"].tolist(), [2018.0] * len(frame))
    found = one_sample_logrank(frame["time"], frame["status"], null, unit="years")
    assert (found.observed, found.expected) == pytest.approx((expected["O"], expected["E"]), **CLOSE)
    theirs = expected["estimate"]
    assert found.ratio == pytest.approx(theirs["std_mort_ratio_est"], **CLOSE)
    assert found.ratio_ci == pytest.approx((theirs["lwr"], theirs["upr"]), **CLOSE)
    assert 2 * found.p_value_exact_more == pytest.approx(expected["p"], **CLOSE)


@pytest.mark.parametrize("observed", [0, 1, 2, 30])
@pytest.mark.parametrize("level", [0.01, 0.05, 0.1, 0.5, 0.95, 0.999999])
def test_mid_p_limits_hold_at_every_level(observed, level):
    event = [1] * observed + [0] * (40 - observed)
    limits = one_sample_logrank([1.0] * 40, event, Reference.exponential(0.1), level=level).ratio_ci_mid_p
    half = (1 - level) / 2
    for limit, below in zip(limits, (1 - half, half), strict=True):
        if limit > 0:
            at = one_sample_logrank([1.0] * 40, event, Reference.exponential(0.1 * limit))
            assert at.p_value_mid_p_fewer == pytest.approx(below, rel=1e-9)
    assert (limits[0] == 0) == (observed == 0)


@pytest.mark.property
@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0.01, 50), st.integers(0, 1)), min_size=5, max_size=5),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.3, 3),
)
def test_batch_equals_single_and_time_change_leaves_all(trials, shape):
    time = np.array([[t for t, _ in trial] for trial in trials])
    event = np.array([[e for _, e in trial] for trial in trials])
    null = Reference.weibull(shape, 20)
    batch = one_sample_logrank_batch(time, event, null)
    for r in range(len(trials)):
        one = one_sample_logrank(time[r], event[r], null)
        assert (batch.observed[r], batch.expected[r], batch.z[r], batch.z_wu[r]) == pytest.approx(
            (one.observed, one.expected, one.z, one.z_wu), rel=1e-12
        )
        # in the reference's own time every curve is exponential with rate 1
        changed = one_sample_logrank(null.cumulative_hazard(time[r]), event[r], Reference.exponential(1))
        assert changed.expected == pytest.approx(one.expected)
        same = one_sample_logrank(time[r] * 30, event[r], null.rescaled(30))
        assert same.z == pytest.approx(one.z)


def test_exact_limits_are_the_roots_of_the_exact_tests():
    for observed, total in ((1, 2.0), (5, 9.3), (20, 12.5)):
        hazard = total / 25
        found = one_sample_logrank(
            [1.0] * 25, [1] * observed + [0] * (25 - observed), Reference.exponential(hazard)
        )
        for limit, tail in (
            (found.ratio_ci[0], "p_value_exact_more"),
            (found.ratio_ci[1], "p_value_exact_fewer"),
        ):
            at = one_sample_logrank(
                [1.0] * 25, [1] * observed + [0] * (25 - observed), Reference.exponential(hazard * limit)
            )
            assert getattr(at, tail) == pytest.approx(0.025, rel=1e-9)
        at = one_sample_logrank(
            [1.0] * 25,
            [1] * observed + [0] * (25 - observed),
            Reference.exponential(hazard * found.ratio_ci_mid_p[1]),
        )
        assert at.p_value_mid_p_fewer == pytest.approx(0.025, rel=1e-9)


@pytest.mark.double
def test_sample_size_reaches_its_power_in_simulation():
    null = Reference.weibull(0.7, 12.0)
    size = one_sample_logrank_sample_size(null, 0.5, follow_up=12, accrual=18, alpha=0.05, power=0.8)
    rng = np.random.default_rng(5)
    runs = 20_000
    for ratio, low, high in ((0.5, 0.77, 0.84), (1.0, 0.035, 0.065)):
        lived = 12.0 * (rng.exponential(size=(runs, size.n)) / ratio) ** (1 / 0.7)
        followed = 12 + 18 * rng.uniform(size=(runs, size.n))
        batch = one_sample_logrank_batch(np.minimum(lived, followed), (lived <= followed).astype(int), null)
        assert low < (batch.z_wu <= -1.6448536).mean() < high
        if ratio == 0.5:
            assert batch.observed.mean() == pytest.approx(size.events, rel=0.01)
            assert batch.expected.mean() == pytest.approx(size.expected, rel=0.01)
    again = one_sample_logrank_sample_size(null, 0.5, follow_up=12, accrual=18, n=size.n)
    assert again.power == size.power >= 0.8
    assert one_sample_logrank_sample_size(null, 0.5, follow_up=12, accrual=18, n=size.n - 1).power < 0.8


def test_shipped_curves_go_through_their_points():
    listed = published_references()
    assert listed.loc["sillevissmitt2002", "points"] == {3.0: 0.64, 12.0: 0.40, 36.0: 0.22}
    assert "gozzard2015" not in listed.index  # lung cancer without a neurological syndrome
    for name, row in listed.iterrows():
        made = reference(name)
        assert made.survival(list(row["points"])) == pytest.approx(list(row["points"].values()))
        assert len(made.source) > 20
        days = reference(name, unit="days")
        assert days.survival([m * 30.4375 for m in row["points"]]) == pytest.approx(
            list(row["points"].values())
        )


def test_a_published_kaplan_meier_can_be_the_reference():
    published = kaplan_meier([3, 5, 8, 13, 20, 30], [1, 1, 0, 1, 1, 0])
    at = published.time[published.n_event > 0]
    null = Reference.from_survival_points(at, published.at(at)["survival"].to_numpy())
    assert null.survival(at) == pytest.approx(published.at(at)["survival"].to_numpy())


def test_nothing_expected_is_named():
    found = one_sample_logrank([1, 2], [0, 1], Reference.piecewise([5.0], [0.0, 1.0]))
    assert (found.observed, found.expected) == (1, 0)
    assert isinstance(found.z, NotEstimable)
    assert "expects no event" in found.ratio.reason
    assert "nan" not in str(found)
    tiny = one_sample_logrank([1e-320], [1], Reference.exponential(0.1))
    assert "inf" not in str(tiny).replace("infinite", "")
    assert "expects only" in tiny.ratio.reason


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: one_sample_logrank([1], [1], 3), "must be a name, a Reference or a callable, got int"),
        (
            lambda: one_sample_logrank([1, 2], [1, 1], lambda t: -t),
            r"H\(1\) = -1, H\(2\) = -2|H\(1\) = -1; H",
        ),
        (lambda: one_sample_logrank([1, 2], [1, 1], lambda t: np.ones(3)), "has shape"),
        (
            lambda: one_sample_logrank([2], [1], lambda t: t * np.exp(-t), entry=[1]),
            "falls between entry and time",
        ),
        (lambda: one_sample_logrank([1, 2], [1, 2], Reference.exponential(1)), r"event\[1\] = 2"),
        (
            lambda: one_sample_logrank_batch([[1, 2]], [[1, 3]], Reference.exponential(1)),
            r"event\[0, 1\] = 3",
        ),
        (lambda: one_sample_logrank_batch([[]], [[]], Reference.exponential(1)), "has no patients"),
        (lambda: Reference.exponential(0), "rate = 0"),
        (lambda: Reference.weibull(-1, 0), "shape = -1, scale = 0"),
        (lambda: Reference.gompertz(1, float("nan")), "b must be finite"),
        (lambda: Reference.piecewise([2, 1], [1, 1, 1]), "increase"),
        (lambda: Reference.piecewise([1], [1]), "one more than breaks"),
        (lambda: Reference.piecewise([1], [1, -1]), "not negative"),
        (lambda: Reference.from_survival_points([3, 12], [0.4, 0.6]), "not rise"),
        (lambda: Reference.from_survival_points([3, 2], [0.6, 0.4]), "increase"),
        (lambda: Reference.from_survival_points([0, 2], [0.6, 0.4]), "everybody is event-free"),
        (lambda: Reference.from_survival_points([1], [0.6, 0.4]), "one length"),
        (lambda: Reference.exponential(1).cumulative_hazard([-1]), r"time\[0\] = -1"),
        (lambda: reference("nobody1900"), "no such published curve; shipped are"),
        (lambda: reference(unit="fortnights"), "unit must be one of"),
        (
            lambda: one_sample_logrank_sample_size(Reference.exponential(1), 1.5, follow_up=0),
            "hazard_ratio = 1.5.*follow_up = 0",
        ),
        (
            lambda: one_sample_logrank_sample_size(Reference.exponential(1), 0.5, follow_up=1, n=17.5),
            "n = 17.5 must be a whole number",
        ),
        (
            lambda: one_sample_logrank_sample_size(3, 0.5, follow_up=1),
            "must be a name, a Reference or a callable",
        ),
        (
            lambda: one_sample_logrank_sample_size(Reference.piecewise([9.0], [0, 1]), 0.5, follow_up=1),
            "expects no event up to 1",
        ),
        (lambda: Reference.gompertz(1, 1).cumulative_hazard([5, 5000]), r"time\[1\] = 5000; check the unit"),
        (
            lambda: one_sample_logrank([1e200], [1], Reference.weibull(3, 1)),
            r"too large.*time\[0\] = 1e\+200",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_bad_life_tables_are_named(population):
    small = population[population["year"] == 2014]
    with pytest.raises(ValueError, match="no column hazard_per_day"):
        Reference.life_table(small.drop(columns="hazard_per_day"), [60], ["male"], ["2014-01-01"])
    with pytest.raises(ValueError, match=r"220 rows\), got 219"):
        Reference.life_table(small.iloc[1:], [60], ["male"], ["2014-01-01"])
    with pytest.raises(ValueError, match=r"sex\[0\] = 'm'"):
        Reference.life_table(small, [60], ["m"], ["2014-01-01"])
    one = Reference.life_table(small, [60], ["male"], [2014.5])
    with pytest.raises(ValueError, match="made for 1 patients, time has 2"):
        one.cumulative_hazard([1, 2])


def test_a_known_curve_is_drawn_up_to_the_longest_follow_up():
    from matplotlib import pyplot as plt

    from pnstrial.figures.survival import kaplan_meier as draw

    history = reference(unit="days")
    with pytest.raises(ValueError, match="is in days: say the unit"):
        draw(kaplan_meier([40, 90, 200, 300], [1, 0, 1, 0]), reference=history)
    axes = draw(kaplan_meier([40, 90, 200, 300], [1, 0, 1, 0], unit="days"), reference=history)
    line = next(line for line in axes.lines if line.get_gid() == "reference")
    x, y = line.get_data()
    assert (x[0], x[-1], y[0]) == (0, 300, 1)
    np.testing.assert_allclose(y, history.survival(x))
    assert history.name in [text.get_text() for text in axes.texts]
    plt.close(axes.figure)

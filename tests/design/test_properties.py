"""What must hold for any design, and second implementations."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnstrial import design
from pnstrial.design.counts.outcomes import binomial_ways
from pnstrial.design.stages.two_stage import _search_numpy
from pnstrial.results import NotEstimable

pytestmark = pytest.mark.property
rates = st.floats(0.0, 1.0)
modest = settings(max_examples=30, deadline=None)


@st.composite
def plans(draw):
    looks = sorted(draw(st.sets(st.integers(1, 16), min_size=1, max_size=4)))
    low, high = [], []
    for n in looks:
        a = draw(st.one_of(st.none(), st.integers(0, n)))
        b = draw(st.one_of(st.none(), st.integers((-1 if a is None else a) + 1, n + 1)))
        low.append(a)
        high.append(b)
    return design.sequential(looks, low, high)


def by_brute_force(plan, p):
    """Walk every order of answers of the whole trial."""
    futility, efficacy = np.zeros(len(plan.looks)), np.zeros(len(plan.looks))
    size = 0.0
    for answers in product((0, 1), repeat=plan.n):
        weight = np.prod([p if answer else 1 - p for answer in answers])
        for k, n in enumerate(plan.looks):
            x = sum(answers[:n])
            a, b = plan.futility[k], plan.efficacy[k]
            if b is not None and x >= b:
                efficacy[k] += weight
            elif a is not None and x <= a:
                futility[k] += weight
            elif n != plan.n:
                continue
            size += weight * n
            break
    return futility, efficacy, size


@pytest.mark.double
@pytest.mark.parametrize("p", [0.0, 0.07, 0.5, 1.0])
def test_enumeration_equals_walking_every_path(p):
    plan = design.sequential([3, 7, 11], [0, 1, 2], [3, None, 4])
    oc = plan.operating_characteristics(p)
    futility, efficacy, size = by_brute_force(plan, p)
    np.testing.assert_allclose(oc.stop_futility, futility, atol=1e-13)
    np.testing.assert_allclose(oc.stop_efficacy, efficacy, atol=1e-13)
    assert oc.expected_n == pytest.approx(size, abs=1e-12)


@given(plans(), rates)
@modest
def test_probabilities_add_to_one(plan, p):
    outcomes = plan.outcomes
    assert outcomes.probabilities(p).sum() == pytest.approx(1.0, abs=1e-12)
    oc = plan.operating_characteristics(p)
    assert 1 <= oc.expected_n <= plan.n + 1e-9
    assert oc.median_n in plan.looks


@given(plans(), st.floats(0.01, 0.99))
@modest
def test_umvue_is_unbiased(plan, p):
    from pnstrial.design.stages.after import umvue_of

    outcomes = plan.outcomes
    assert umvue_of(outcomes) @ outcomes.probabilities(p) == pytest.approx(p, abs=1e-11)


@given(st.integers(2, 14), st.floats(0.02, 0.98), st.sampled_from(["stagewise", "mle", "umvue"]), st.data())
@modest
def test_interval_covers_at_its_level(n, p, order, data):
    n1 = data.draw(st.integers(1, n - 1))
    r1 = data.draw(st.integers(0, n1 - 1))
    plan = design.sequential([n1, n], [r1, n - 1])
    lower, upper = design.interval_of_endings(plan.outcomes, 0.9, order)
    covered = (lower <= p + 1e-9) & (p - 1e-9 <= upper)
    assert plan.outcomes.probabilities(p)[covered].sum() >= 0.9 - 1e-9


@pytest.mark.double
@pytest.mark.parametrize("order", ["stagewise", "mle"])
def test_one_ending_and_all_endings_agree(order):
    plan = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
    lower, upper = design.interval_of_endings(plan.outcomes, 0.95, order)
    for k, (n, x) in enumerate(zip(plan.outcomes.n, plan.outcomes.x, strict=True)):
        one = design.after_sequential(plan, int(x), int(n), 0.1, order=order)
        assert one.ci == pytest.approx((lower[k], upper[k]), abs=1e-9)


@given(
    st.sampled_from(
        ["clopper-pearson", "blaker", "wilson", "jeffreys", "mid-p", "agresti-coull", "likelihood"]
    ),
    st.integers(1, 30),
    st.data(),
)
@modest
def test_intervals_hold_and_mirror(method, n, data):
    x = data.draw(st.integers(0, n))
    lower, upper = design.proportion(x, n, conf_type=method).ci
    assert 0 <= lower <= upper <= 1
    if method != "jeffreys" or 0 < x < n:
        assert lower - 1e-9 <= x / n <= upper + 1e-9
    mirrored = design.proportion(n - x, n, conf_type=method).ci
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((lower, upper), abs=1e-9)


@pytest.mark.parametrize("p", [0.03, 0.1, 0.37, 0.5, 0.82])
def test_exact_intervals_cover(p):
    pmf = design.binomial_pmf(17, p)
    for method in ("clopper-pearson", "blaker"):
        limits = [design.proportion(x, 17, conf_type=method).ci for x in range(18)]
        covered = [low - 1e-12 <= p <= high + 1e-12 for low, high in limits]
        assert pmf[covered].sum() >= 0.95 - 1e-12


def test_blaker_lies_within_clopper_pearson():
    for x in range(18):
        low, high = design.proportion(x, 17).ci
        inner = design.proportion(x, 17, conf_type="blaker").ci
        assert low - 1e-12 <= inner[0] <= inner[1] <= high + 1e-12


@pytest.mark.double
@pytest.mark.parametrize(
    ("p0", "p1", "alpha", "power"), [(0.05, 0.25, 0.05, 0.8), (0.1, 0.3, 0.05, 0.9), (0.4, 0.6, 0.1, 0.9)]
)
def test_compiled_and_plain_search_agree(p0, p1, alpha, power):
    from pnstrial.design.stages.two_stage_kernels import search

    one = search(p0, p1, alpha, 1 - power, 2, 70, 0, False, True)
    two = _search_numpy(p0, p1, alpha, 1 - power, 2, 70, 0, balanced=False, every=True)
    np.testing.assert_allclose(one[0], two[0])
    np.testing.assert_array_equal(one[1][np.isfinite(one[0])], two[1][np.isfinite(one[0])])
    np.testing.assert_allclose(one[2][np.isfinite(one[0])], two[2][np.isfinite(one[0])], atol=1e-13)


@pytest.mark.double
def test_simon_by_exhaustion():
    """Every (r1, n1, r, n) up to n = 18 by plain sums."""

    def reject(r1, n1, r, n, p):
        total = 0.0
        for x in range(r1 + 1, n1 + 1):
            tail = sum(
                comb(n - n1, y) * p**y * (1 - p) ** (n - n1 - y) for y in range(max(0, r + 1 - x), n - n1 + 1)
            )
            total += comb(n1, x) * p**x * (1 - p) ** (n1 - x) * tail
        return total

    best = None
    for n in range(2, 19):
        for n1, r1, r in product(range(1, n), range(4), range(7)):
            if (
                r1 < n1
                and r1 <= r < n
                and reject(r1, n1, r, n, 0.05) < 0.05
                and reject(r1, n1, r, n, 0.25) > 0.8
            ):
                stop = sum(comb(n1, x) * 0.05**x * 0.95 ** (n1 - x) for x in range(r1 + 1))
                size = n1 + (1 - stop) * (n - n1)
                if best is None or size < best[0]:
                    best = (size, r1, n1, r, n)
    found = design.simon(0.05, 0.25).optimal
    assert best[1:] == (found.r1, found.n1, found.r, found.n) == (0, 9, 2, 17)
    assert best[0] == pytest.approx(found.expected_n)


def test_given_sizes_and_balance():
    for found in (design.simon(0.1, 0.3, n=30).optimal, design.simon(0.1, 0.3, n=30, n1=12).optimal):
        assert found.n == 30
    assert design.simon(0.1, 0.3, n1=12).optimal.n1 == 12
    even = design.simon(0.1, 0.3, balanced=True)
    assert even.optimal.n == 2 * even.optimal.n1
    assert even.optimal.alpha < 0.05


@given(st.integers(2, 12), st.data(), st.floats(0.05, 0.95))
@modest
def test_certain_curtailment_changes_no_decision(n, data, p):
    n1 = data.draw(st.integers(1, n - 1))
    r1 = data.draw(st.integers(0, n1 - 1))
    r = data.draw(st.integers(r1, n - 1))
    plan = design.two_stage(r1, n1, r, n, 0.1, 0.4)
    early = design.curtailed(plan)
    assert early.reject_probability(p) == pytest.approx(plan.reject_probability(p), abs=1e-12)
    assert (
        early.operating_characteristics(p).expected_n <= plan.operating_characteristics(p).expected_n + 1e-9
    )


def test_stochastic_curtailment_is_smaller():
    plan = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
    certain, likely = design.curtailed(plan), design.curtailed(plan, futility=0.2, efficacy=0.95)
    assert (
        likely.operating_characteristics(0.1).expected_n < certain.operating_characteristics(0.1).expected_n
    )


def test_conditional_power_adds_up():
    plan = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
    pmf = design.binomial_pmf(7, 0.3)
    total = sum(pmf[x] * design.conditional_power(plan, x, 7, 0.3) for x in range(8))
    assert total == pytest.approx(plan.power)
    assert design.conditional_power(plan, 0, 0, 0.3) == pytest.approx(plan.power)


def test_any_second_stage_keeps_alpha():
    plan = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
    for how in ("none", "constant", "equal", "first"):
        flexible = design.flexible(plan, how, alpha=0.05)
        for sizes in ({}, {2: 40, 3: 5}, {2: 3, 4: 60, 5: 1}):
            assert flexible.with_sizes(sizes).reject_probability(0.1) <= 0.05 + 1e-12
    same = design.flexible(plan).with_sizes({})
    assert same.reject_probability(0.3) == pytest.approx(plan.power)


def test_group_sequential_keeps_alpha():
    for spend in ("pocock", "obrien-fleming", 2.0):
        plan = design.group_sequential([6, 11, 17], 0.1, 0.4, spend=spend, beta=0.2)
        without = design.sequential(plan.looks, None, plan.efficacy, 0.1)
        assert plan.alpha <= without.alpha <= 0.05


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.1, 10.0))
@modest
def test_association_keeps_margins(p, q, ratio):
    from pnstrial.design.stages.bryant_day import joint_cells

    cells = joint_cells(p, q, ratio)
    assert cells.sum() == pytest.approx(1)
    assert (cells[1].sum(), cells[:, 1].sum()) == pytest.approx((p, q))
    assert cells[1, 1] * cells[0, 0] / (cells[0, 1] * cells[1, 0]) == pytest.approx(ratio, rel=1e-6)


@pytest.mark.double
def test_joint_and_independent_search_agree():
    args = (0.2, 0.5, 0.4, 0.15, 0.1, 0.1, 0.8, 16, 20)
    one, two = design.bryant_day(*args), design.bryant_day(*args, odds_ratio=1.0 + 1e-7)
    assert [d.n for d in one.per_n] == [d.n for d in two.per_n]
    for a, b in zip(one.per_n, two.per_n, strict=True):
        assert max(a.expected_n["good-bad"], a.expected_n["bad-good"]) == pytest.approx(
            max(b.expected_n["good-bad"], b.expected_n["bad-good"]), abs=1e-4
        )


@pytest.mark.double
def test_ordinal_rule_against_simulation():
    plan = design.bop2_ordinal([8, 17], (0.1, 0.4, 0.5), (0.35, 0.45, 0.2))
    rng = np.random.default_rng(1)
    answers = rng.choice(3, p=(0.2, 0.4, 0.4), size=(40_000, 17))
    alive = np.ones(len(answers), dtype=bool)
    for n, a, b in zip(plan.looks, plan.improved_at_most, plan.controlled_at_most, strict=True):
        improved, controlled = (answers[:, :n] == 0).sum(axis=1), (answers[:, :n] < 2).sum(axis=1)
        alive &= ~((improved <= a) & (controlled <= b))
    exact = plan.operating_characteristics((0.2, 0.4, 0.4))["reject"]
    assert abs(alive.mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / len(answers))


def test_calibrated_rules_keep_alpha():
    for p0, p1 in ((0.05, 0.25), (0.1, 0.35), (0.2, 0.5)):
        plan = design.bop2([6, 11, 17], p0, p1, alpha=0.1)
        assert plan.alpha <= 0.1
        assert design.safety_boundary(17, p0, 0.1).alpha <= 0.1


@pytest.mark.double
def test_rating_error_by_simulation():
    kernel = design.rating_kernel("conventional")
    error = design.rating_error(kernel, baseline={2: 0.5, 3: 0.5}, both_ratings=True)
    rng = np.random.default_rng(2)
    n = 200_000
    base = rng.integers(2, 4, n)
    cuts = kernel.cumsum(axis=1)
    rated = [(rng.random(n)[:, None] > cuts[true]).sum(axis=1) for true in (base, base, base - 1)]
    assert abs((rated[1] < rated[0]).mean() - error.false_improvement) < 0.005
    assert abs((rated[2] < rated[0]).mean() - error.sensitivity) < 0.005


@given(st.integers(0, 17), st.floats(0.0, 0.3))
@modest
def test_correction_inverts_the_mixture(x, false):
    error = design.RatingError(false, 0.9)
    got = design.correct_for_rating(x, 17, error)
    assert 0 <= got.estimate <= 1
    if isinstance(got.ci, NotEstimable):
        return
    low, high = design.proportion(x, 17).ci
    if 0 < got.ci[0] < 1:
        assert float(error.observed(got.ci[0])) == pytest.approx(low)
    if 0 < got.ci[1] < 1:
        assert float(error.observed(got.ci[1])) == pytest.approx(high)


def test_rating_error_raises_alpha():
    plan = design.two_stage(0, 9, 2, 17, 0.05, 0.25)
    frame = design.operating_characteristics(plan, [0.05], rating_error=0.175)
    assert frame["rated_rate"].item() == pytest.approx(0.05 + 0.95 * 0.175)
    assert frame["reject"].item() > 0.5
    kernel = design.rating_kernel("exact")
    same = design.operating_characteristics(plan, [0.05], rating_error=kernel)
    assert same["reject"].item() == pytest.approx(plan.alpha)


@given(st.floats(0.2, 20), st.floats(0.2, 20), st.integers(0, 12))
@modest
def test_predictive_of_a_beta_adds_up(a, b, m):
    mixture = design.BetaMixture((0.4, 0.6), (a, 1.0), (b, 2.0))
    predictive = mixture.predictive(m)
    assert predictive.sum() == pytest.approx(1)
    assert predictive @ np.arange(m + 1) == pytest.approx(m * mixture.mean)


def test_mixture_prior_follows_the_series():
    prior = design.map_prior(components=3)
    assert prior.mixture.mean == pytest.approx(prior.exact_mean, abs=1e-3)
    assert np.sqrt(prior.mixture.variance) == pytest.approx(prior.exact_sd, abs=0.01)
    robust = design.map_prior(robust_weight=0.3)
    after = robust.mixture.updated(12, 17)  # far from the series: the vague part takes over
    assert after.weights[-1] > 0.8
    assert design.prior_data_conflict(prior, 12, 17) < 0.05 < design.prior_data_conflict(prior, 2, 17)
    sharp = design.map_prior([10] * 8, [50] * 8, tau_scale=0.1, components=1)
    one = sharp.mixture  # a single beta: the information ratio is its a + b
    assert sharp.effective_n == pytest.approx(one.a[0] + one.b[0], rel=0.02)


def test_fixed_null_is_pooled_from_the_shipped_series():
    pooled = design.pool_series()
    assert (pooled.responders, pooled.n) == (13, 114)
    assert [round(100 * limit, 1) for limit in pooled.ci] == [6.2, 18.7]


def test_binomial_ways_are_whole():
    assert binomial_ways(50)[25] == comb(50, 25)

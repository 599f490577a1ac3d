"""What a second stage of another size, or one that depends on the first, does to inference."""

import functools

import numpy as np
import pytest
from scipy.stats import binom

from pnstrial import design


def endings(r1, n1, sizes):
    """Every (first, second, n2) of a trial whose second stage has the size that its first stage calls for."""
    for first in range(n1 + 1):
        n2 = sizes(first) if first > r1 else 0
        for second in range(n2 + 1):
            yield first, second, n2


@functools.cache
def interval(r1, n1, r, n, first, second, n2, level):
    return design.after_two_stage(
        r1=r1,
        n1=n1,
        r=r,
        n=n,
        p0=0.2,
        responses=first + second,
        n_observed=n1 + n2,
        responses_first=first,
        level=level,
    ).ci


def coverage(r1, n1, r, n, sizes, level):
    ends = list(endings(r1, n1, sizes))
    rows = [(*end, *interval(r1, n1, r, n, *end, level)) for end in ends]
    first, second, n2, low, high = np.array(rows).T
    limits = np.concatenate([low, high])
    # coverage falls right beside a limit
    p = np.unique(np.clip([limits - 1e-9, limits + 1e-9], 1e-6, 1 - 1e-6))[:, None]
    chance = binom.pmf(first, n1, p) * binom.pmf(second, n2, p)
    return float((chance * ((low <= p) & (p <= high))).sum(axis=1).min())


PLANS = [(0, 1, 0, 3), (-1, 2, 1, 3), (0, 2, 2, 3), (1, 3, 2, 5), (0, 4, 9, 11), (1, 6, 3, 11)]
EVERY = [
    (r1, n1, r, n)
    for n in (3, 5) for n1 in range(1, n) for r1 in range(-1, n1) for r in range(max(r1, 0), n)
]  # fmt: skip


@pytest.mark.parametrize("plan", [*PLANS, *(pytest.param(one, marks=pytest.mark.long) for one in EVERY)])
def test_every_interval_after_another_second_stage_covers(plan):
    _, n1, _, n = plan
    # one size throughout, the planned one among them; sizes that follow the first stage, also where some are as planned
    sizes = [lambda _, m=m: m for m in range(1, 6)]
    sizes += [lambda first: 1 + (3 * first) % 5, lambda first: 2 if first == 1 else n - n1]
    sizes += [lambda first: n - n1 if first == 1 else 1 + (2 * first) % 7]
    for n2 in sizes:
        assert coverage(*plan, n2, 0.9) >= 0.9 - 1e-6, plan


def test_one_order_serves_every_size_of_a_second_stage_that_follows_the_first():
    planned = design.after_two_stage(1, 10, 5, 29, 0.1, 6, responses_first=3)
    # rejecting at the fewest responders is as extreme as the plan's rejection, whatever the first stage was
    assert planned.p_value == pytest.approx(design.two_stage(1, 10, 5, 29, 0.1, 0.3).reject_probability(0.1))
    assert planned.order == "Koyama-Chen"
    assert design.after_two_stage(1, 10, 5, 29, 0.1, 6).order == "stagewise"


def test_all_responders_have_no_upper_limit():
    got = design.after_two_stage(
        design.two_stage(1, 9, 4, 17, 0.1, 0.4), 14, n_observed=14, responses_first=9
    )
    assert got.ci[1] == 1
    assert got.estimate == got.median_unbiased


def test_the_p_value_is_valid_where_the_plan_could_no_longer_reject():
    # five of two more are needed: nothing that happens rejects, and no ending is surprising below its own order
    got = design.after_two_stage(r1=0, n1=4, r=9, n=11, p0=0.5, responses=1, n_observed=6, responses_first=1)
    assert got.p_value == pytest.approx(1 - 0.5**4)


def test_a_design_says_it_all():
    plan = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
    by_name = design.after_two_stage(r1=1, n1=10, r=5, n=29, p0=0.1, responses=6)
    assert design.after_two_stage(plan, 6) == by_name
    assert design.after_two_stage(plan, responses=6) == by_name
    assert design.after_two_stage(design.flexible(plan), 6) == by_name
    assert design.after_two_stage(1, 10, 5, 29, 0.1, 6) == by_name
    assert design.after_sequential(plan, 6, 29).ci == by_name.ci
    with pytest.raises(ValueError, match="beside a design"):
        design.after_two_stage(plan, 6, r1=1)
    with pytest.raises(ValueError, match=r"responses must not be given twice"):
        design.after_two_stage(plan, 6, responses=6)
    with pytest.raises(ValueError, match=r"single.*two-stage design|two-stage design"):
        design.after_two_stage(design.single_stage(0.1, 0.3), 6)


PLAN = design.two_stage(1, 10, 5, 29, 0.1, 0.3)
SIZES = {2: 25, 3: 12, 4: 6}


def test_conditional_power_of_a_second_stage_that_depends_on_the_first():
    flexible = design.flexible(PLAN)
    adaptive = flexible.with_sizes(SIZES)
    for n, x in ((0, 0), (4, 1), (10, 2), (10, 4), (10, 1)):
        left = np.arange(10 - n + 1)
        ends = [adaptive.rules[x + k] for k in left.tolist()]
        power = [0.0 if c is None else binom.sf(c - 1, n2, 0.3) for _, n2, c in ends]
        want = float(binom.pmf(left, 10 - n, 0.3) @ power)
        assert design.conditional_power(adaptive, x, n, 0.3) == pytest.approx(want, abs=1e-12)
    assert design.conditional_power(adaptive, 0, 0, 0.1) == pytest.approx(
        adaptive.reject_probability(0.1), abs=1e-12
    )
    assert design.conditional_power(flexible, 3, 10, 0.3) == pytest.approx(
        flexible.conditional_power(3, 19), abs=1e-12
    )
    with pytest.raises(ValueError, match=r"n = 12 .* 0 to 10; after the first stage"):
        design.conditional_power(adaptive, 3, 12, 0.3)


@pytest.mark.parametrize("made", [design.flexible(PLAN), design.flexible(PLAN).with_sizes(SIZES)])
def test_what_has_no_answer_for_such_a_design_is_refused(made):
    with pytest.raises(ValueError, match="depends on the first"):
        design.curtailed(made)
    with pytest.raises(ValueError, match="depends on the first"):
        design.after_sequential(made, 6, 29, 0.1)
    frame = design.operating_characteristics(made, [0.1, 0.3])
    assert "coverage" not in frame
    assert frame.notna().all(axis=None)


def test_every_n_reaches_the_power():
    found = design.single_stage(0.01, 0.99, power=0.5)
    assert (found.n, found.n_stays, found.critical_stays) == (1, 1, 1)


def test_no_patient_speaks_against_nothing():
    for alternative in ("greater", "less", "two-sided"):
        for two_sided in ("minimum likelihood", "central", "blaker"):
            got = design.proportion(0, 0, 0.3, alternative=alternative, two_sided=two_sided)
            assert (got.p_value, got.p_value_mid) == (1.0, 1.0)


def test_a_first_stage_that_never_stops_says_so():
    plan = design.two_stage(-1, 9, 2, 17, 0.05, 0.25)
    assert plan.sentence().startswith(
        "Enrol 9; then, whatever they answer, 8 more; reject if more than 2 of 17"
    )
    assert plan.as_sequential().futility == (None, 2)
    assert "-1" not in plan.as_sequential().sentence()

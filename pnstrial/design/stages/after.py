"""What does the count mean after a trial that could have stopped early?

Input: the design, the responders seen, and the number of patients where it is not the planned one.
Output: `AfterDesign` with a p-value, an interval and estimates that respect the stopping rule.
Protocol section: design, endpoint.
Method: every ending of the trial is put in order; the p-value is the probability under the null of an ending at
least as extreme as the one seen, and the interval inverts the same order.
Next: `adaptive`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from pnstrial.design.counts.outcomes import MOST_PATIENTS, Design, Outcomes, enumerate_looks
from pnstrial.design.counts.proportion import binomial_tail
from pnstrial.design.stages.adaptive import FlexibleDesign
from pnstrial.design.stages.two_stage import TwoStageDesign
from pnstrial.numerics.arguments import Checks, as_number, display
from pnstrial.numerics.roots import cross
from pnstrial.results import NotEstimable, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["AfterDesign", "after_sequential", "after_two_stage", "umvue_of"]

ORDERS: Final = ("stagewise", "mle", "umvue")


@dataclass(frozen=True)
class AfterDesign(Result):
    """What the count means after a design with looks.

    Attributes
    ----------
    responses, n_observed : int
        Responders and patients seen.
    look : int
        Look at which the trial ended, from 1.
    p_value : float
        Exact probability at p0 of an ending at least as extreme.
    p_value_naive, p_value_conditional : float
        Ignoring the stopping rule; given that the trial reached the look at which it ended (1 between the
        first look and the last).
    mle : float
        responses / n_observed.
    umvue : float
        Uniformly minimum-variance unbiased estimate.
    median_unbiased : float
        Rate at which the p-value is one half; 0 where it is never so large, 1 where never so small.
    bias_corrected : float
        Rate at which the expected MLE equals the one seen.
    bias_subtracted : float
        MLE less its bias at the MLE.
    conditional_mle, umvcue : float or NotEstimable
        Most likely rate, and best unbiased estimate, given that the trial reached the look at which it ended;
        not estimable between the first look and the last.
    ci : tuple of float
        Two-sided interval, each limit on its own tail (Clopper-Pearson on the same order): exact coverage of at
        least `level`.
    ci_same_tail : tuple of float
        Rates at which the p-value is (1 - level) / 2 and (1 + level) / 2, as clinfun and Koyama-Chen report;
        its coverage can fall below its level.
    level : float
        Two-sided level.
    order : str
        How endings are ordered.
    p0 : float
        Rate under the null.
    """

    responses: int
    n_observed: int
    look: int
    p_value: float
    p_value_naive: float
    p_value_conditional: float
    mle: float
    umvue: float
    median_unbiased: float
    bias_corrected: float
    bias_subtracted: float
    conditional_mle: float | NotEstimable
    umvcue: float | NotEstimable
    ci: tuple[float, float]
    ci_same_tail: tuple[float, float]
    level: float
    order: str
    p0: float

    @property
    def estimate(self) -> float:
        """The median-unbiased estimate: it stands on the same order as the p-value and the interval."""
        return self.median_unbiased

    @property
    def n(self) -> int:
        """Patients seen."""
        return self.n_observed


def umvue_of(outcomes: Outcomes) -> NDArray[np.float64]:
    """Give the UMVUE of every ending: the share of its paths whose first patient responds.

    Parameters
    ----------
    outcomes : Outcomes
        Every ending.

    Returns
    -------
    ndarray

    Notes
    -----
    Jung SH, Kim KM. Stat Med 2004;23:881-896, eq. 3.
    """
    return outcomes.ways_first / outcomes.ways


def ranks_of(outcomes: Outcomes, order: str) -> NDArray[np.int64]:
    """Rank the endings from least to most extreme; equal ranks are equally extreme."""
    if order == "stagewise":
        # early futility < later futility < last look by count < late efficacy < early efficacy
        last = outcomes.look == outcomes.looks - 1
        side = np.where(last, 0, outcomes.stop)
        stage = np.where(side < 0, outcomes.look, np.where(side > 0, -outcomes.look, 0))
        keys = side * 4_000_000 + stage * 2_000 + outcomes.x
        return np.unique(keys, return_inverse=True)[1].astype(np.int64)
    value = outcomes.x / outcomes.n if order == "mle" else umvue_of(outcomes)
    # estimates that are equal but for rounding are one rank
    return np.unique(np.round(value, 12), return_inverse=True)[1].astype(np.int64)


def after_sequential(
    design: Design,
    responses: int,
    n_observed: int,
    p0: float | None = None,
    level: float = 0.95,
    order: str = "stagewise",
) -> AfterDesign:
    """Infer from a count after any design whose looks were kept.

    Parameters
    ----------
    design : Design
        Any design of counts.
    responses, n_observed : int
        Responders and patients at the end.
    p0 : float, optional
        Rate under the null; default the design's.
    level : float, default 0.95
        Two-sided level.
    order : {"stagewise", "mle", "umvue"}
        How endings are ordered.

    Returns
    -------
    AfterDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule, the design cannot end there, or its second stage depends on the first.

    Notes
    -----
    "stagewise": a stop for futility is less extreme than anything later, a stop for efficacy more (Jung and
    Owzar, Koyama and Chen; clinfun). "mle" is the order of desmon; limits differ near the boundary.

    Examples
    --------
    >>> from pnstrial.design.stages.sequential import sequential
    >>> result = after_sequential(sequential([9, 17], [0, 2], [None, 3]), 3, 17, p0=0.05)
    >>> round(result.p_value, 4)
    0.0466
    """
    checks = Checks("after_sequential").instance(
        "design", design, Design, "a design of a count of responders"
    )
    checks.done()
    p0 = getattr(design, "p0", None) if p0 is None else p0
    checks.rate("p0", p0).level("level", level).word("order", order, ORDERS).count(
        "n_observed", n_observed, 1
    )
    if checks.clean:
        checks.count("responses", responses, 0, int(n_observed))
    checks.done()
    outcomes = design.outcomes
    if not np.isfinite(outcomes.ways_first).all():
        raise ValueError(
            f"after_sequential: design = {type(design).__name__} has a second stage that depends on the first, so"
            " that one count can follow several plans; use `after_two_stage` with `responses_first`"
        )
    here = np.flatnonzero((outcomes.n == n_observed) & (outcomes.x == responses))
    if not len(here):
        raise ValueError(
            f"after_sequential: the design cannot end with {responses} of {n_observed} responders; its looks are"
            f" at {', '.join(str(n) for n in design.look_sizes)} patients and earlier stops bind"
        )
    return _infer(outcomes, int(here[0]), float(p0 or 0.0), float(level), order)


@overload
def after_two_stage(
    design: TwoStageDesign | FlexibleDesign,
    responses: int,
    *,
    n_observed: int | None = None,
    level: float = 0.95,
    responses_first: int | None = None,
    order: str = "stagewise",
    p0: float | None = None,
) -> AfterDesign: ...


@overload
def after_two_stage(
    *,
    r1: int,
    n1: int,
    r: int,
    n: int,
    p0: float,
    responses: int,
    n_observed: int | None = None,
    level: float = 0.95,
    responses_first: int | None = None,
    order: str = "stagewise",
) -> AfterDesign: ...


@overload
def after_two_stage(
    design: int,
    n1: int,
    r: int,
    n: int,
    p0: float,
    responses: int,
    /,
    *,
    n_observed: int | None = None,
    level: float = 0.95,
    responses_first: int | None = None,
    order: str = "stagewise",
) -> AfterDesign: ...


def after_two_stage(
    design: TwoStageDesign | FlexibleDesign | int | None = None,
    *counts: float,
    responses: int | None = None,
    n_observed: int | None = None,
    level: float = 0.95,
    responses_first: int | None = None,
    order: str = "stagewise",
    p0: float | None = None,
    r1: int | None = None,
    n1: int | None = None,
    r: int | None = None,
    n: int | None = None,
) -> AfterDesign:
    """Infer from a count after a two-stage design, with the planned or another second stage.

    Parameters
    ----------
    design : TwoStageDesign or FlexibleDesign
        The design. One that was not made here is given by its counts instead, in the order r1, n1, r, n, p0,
        responses or by these names.
    *counts
        `responses` and `n_observed`, after a design; what follows r1, after counts.
    responses : int
        Responders at the end, both stages together. At most r1 means that the trial stopped at n1, unless
        `n_observed` says that it went on.
    n_observed : int, optional
        Patients at the end; default n1 if the trial stopped, else n.
    level : float, default 0.95
        Two-sided level.
    responses_first : int, optional
        Responders of the first stage, where the size of the second could follow from them: the p-value, the
        median-unbiased estimate and both intervals then take Koyama and Chen's order and are valid whatever made the
        size, also where it is the planned one (a rule that keeps the planned size for some first stages and changes it
        for others must not mix two orders). Without it, the size has nothing to do with the data, and n_observed
        replaces n.
    order : {"stagewise", "mle", "umvue"}
        How endings are ordered (`after_sequential`).
    p0 : float, optional
        Rate under the null; default the design's.
    r1, n1, r, n : int, optional
        A design that was not made here: stop after n1 patients if at most r1 respond; reject if more than r of n
        respond.

    Returns
    -------
    AfterDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Jung SH, Kim KM. Stat Med 2004;23:881-896 (UMVUE); Koyama T, Chen H. Stat Med 2008;27:3145-3154 (p-value,
    interval and median estimate, also for another second stage). clinfun's limits both come from the same tail,
    so that its nominal 90 % interval covers as little as 73 %: here they are `ci_same_tail`, and `ci` solves
    each limit on its own tail: the lower one with the outcome seen among the more extreme, the upper one with it
    among the less extreme. Exact coverage is then at least the level, also where the second stage has another
    size.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import simon
    >>> result = after_two_stage(simon(0.1, 0.3).optimal, 6, level=0.9)
    >>> round(result.p_value, 4), round(result.umvue, 4), round(result.median_unbiased, 4)
    (0.0471, 0.2613, 0.2147)
    """
    checks = Checks("after_two_stage")
    given: dict[str, Any] = {
        "r1": r1, "n1": n1, "r": r, "n": n, "p0": p0, "responses": responses,
        "n_observed": n_observed,
    }  # fmt: skip
    plan = design.plan if isinstance(design, FlexibleDesign) else design
    names = (
        ["responses", "n_observed"]
        if isinstance(plan, TwoStageDesign)
        else ["n1", "r", "n", "p0", "responses"]
    )
    if plan is not None and not isinstance(plan, TwoStageDesign):
        rule = (
            "must be a two-stage design, as `simon(...).optimal` and `two_stage(...)` are, or r1, followed by"
        )
        alone = as_number(plan) is None or (n1 is None and not counts)
        checks.add(alone, f"design = {display(plan)} {rule} n1, r, n, p0 and responses").done()
        checks.count("design", plan, -1)
        given["r1"] = plan
    checks.add(
        len(counts) > len(names), f"{len(counts)} numbers after the design; they must be {', '.join(names)}"
    )
    twice = [name for name, _ in zip(names, counts, strict=False) if given[name] is not None]
    checks.add(bool(twice), f"{', '.join(twice)} must not be given twice").done()
    given.update(zip(names, counts, strict=False))
    if isinstance(plan, TwoStageDesign):
        beside = [name for name in ("r1", "n1", "r", "n") if given[name] is not None]
        for one in beside:
            checks.add(
                True, f"{one} = {display(given[one])} must not be given beside a design, which has its own"
            )
        checks.done()
        given.update({name: getattr(plan, name) for name in ("r1", "n1", "r", "n")})
        given["p0"] = plan.p0 if p0 is None else p0
    checks.rate("p0", given["p0"]).level("level", level).word("order", order, ORDERS)
    checks.count("n", given["n"], 2, MOST_PATIENTS).count("responses", given["responses"])
    if checks.clean:
        checks.count("n1", given["n1"], 1, int(given["n"]) - 1).count("r", given["r"], 0, int(given["n"]))
    if checks.clean:
        checks.count("r1", given["r1"], -1, int(given["n1"]))
    checks.done()
    whole = tuple(int(given[name]) for name in ("r1", "n1", "r", "n"))
    seen = _seen(checks, whole, int(given["responses"]), given["n_observed"], responses_first)
    return _after(whole, float(given["p0"]), *seen, float(level), order)


def _seen(
    checks: Checks, plan: tuple[int, ...], responses: int, n_observed: Any, responses_first: Any
) -> tuple[int, int, int | None]:
    """Read what happened, refusing what the design cannot bring about."""
    r1, n1, _, n = plan
    total = (n1 if responses <= r1 else n) if n_observed is None else n_observed
    checks.count("n_observed", total, 1, MOST_PATIENTS)
    if checks.clean:
        checks.count("responses", responses, 0, int(total))
        checks.add(
            total < n1, f"n_observed = {total} must be n1 = {n1} (stopped) or more (the second stage began)"
        )
    if checks.clean:
        checks.add(
            total == n1 and responses > r1,
            f"responses = {responses} of n1 = {n1} is above r1 = {r1}: the trial does not stop there; give"
            " n_observed of the second stage",
        )
        checks.add(
            total > n1 and responses <= r1,
            f"responses = {responses} does not exceed r1 = {r1}: the trial stops at n1 = {n1}, so n_observed ="
            f" {total} cannot be",
        )
        checks.add(
            total > n1 and r1 >= n1,
            f"r1 = {r1} must be below n1 = {n1} for a trial that went on to its second stage",
        )
    if checks.clean and responses_first is not None:
        low = max(0 if total == n1 else r1 + 1, responses - (int(total) - n1))
        checks.count("responses_first", responses_first, low, min(n1, responses))
    checks.done()
    return responses, int(total), None if responses_first is None else int(responses_first)


def _after(
    plan: tuple[int, ...], p0: float, responses: int, total: int, first: int | None, level: float, order: str
) -> AfterDesign:
    r1, n1, r, n = plan
    outcomes = _two_stage_outcomes(r1, n1, r, total if total > n1 else n)
    here = int(np.flatnonzero((outcomes.n == total) & (outcomes.x == responses))[0])
    result = _infer(outcomes, here, p0, level, order)
    if first is None or total == n1:
        return result
    second = responses - first

    def at_least(p: float) -> float:
        return koyama_chen(r1, n1, r, n, p, first, second, total - n1)

    def beyond(p: float) -> float:
        return koyama_chen(r1, n1, r, n, p, first, second + 1, total - n1)

    tail = (1.0 - level) / 2.0
    low = cross(at_least, tail)
    return replace(
        result,
        p_value=at_least(p0),
        median_unbiased=cross(at_least, 0.5),
        ci=(low, cross(beyond, 1.0 - tail)),
        ci_same_tail=(low, cross(at_least, 1.0 - tail)),
        order="Koyama-Chen",
    )


def _two_stage_outcomes(r1: int, n1: int, r: int, n: int) -> Outcomes:
    return enumerate_looks(np.array([n1, n]), np.array([r1, min(r, n)]), np.array([n1 + 1, min(r, n) + 1]))


def koyama_chen(r1: int, n1: int, r: int, n: int, p: float, first: int, second: int, n2: int) -> float:
    """Give Koyama and Chen's p-value at rate p after a second stage of another size.

    Parameters
    ----------
    r1, n1, r, n : int
        The design.
    p : float
        Rate.
    first, second : int
        Responders of the two stages.
    n2 : int
        Patients of the second stage.

    Returns
    -------
    float

    Notes
    -----
    The conditional p-value of the second stage seen, P(X2 >= second; n2, p), is matched by a rate q at which
    the planned second stage would have rejected with that probability; the p-value is the probability
    that a trial goes on and then rejects, its second stage at rate q (eq. 3). q exists only where the planned
    second stage could decide. After a first stage with which the plan had rejected already (first > r), or could
    no longer reject (first + n - n1 <= r), first stages with more responders are more extreme, and the conditional
    p-value counts for the one seen. With second + 1 it is the probability of what is strictly more extreme.
    """
    from scipy.special import betaincinv

    planned = n - n1
    seen = float(binomial_tail(second, n2, p))
    x1 = np.arange(r1 + 1, n1 + 1)
    weight = np.asarray(binomial_tail(x1, n1, p)) - np.asarray(binomial_tail(x1 + 1, n1, p))
    need = r + 1 - x1
    if not 0 < r + 1 - first <= planned:
        chance = np.where(x1 > first, 1.0, np.where(x1 == first, seen, 0.0))
        return float(weight @ chance)
    # P(X2 >= need) = betainc(need, planned - need + 1, q)
    q = float(betaincinv(r + 1 - first, planned - (r + 1 - first) + 1, seen))
    return float(weight @ np.asarray(binomial_tail(need, planned, q)))


def _infer(outcomes: Outcomes, here: int, p0: float, level: float, order: str) -> AfterDesign:
    """Infer from one ending."""
    ranks = ranks_of(outcomes, order)
    rank = ranks[here]
    x, n = int(outcomes.x[here]), int(outcomes.n[here])
    mle = outcomes.x / outcomes.n
    tail = (1.0 - level) / 2.0

    upper, lower = _tail_of(outcomes, ranks >= rank), _tail_of(outcomes, ranks <= rank)
    expected = _tail_of(outcomes, ranks >= 0, mle)
    least, most = rank == 0, rank == ranks.max()
    low = 0.0 if least else cross(upper, tail)
    # a tail that decreases is turned round
    high = 1.0 if most else 1.0 - cross(lambda q: lower(1.0 - q), tail)
    same = (low, 1.0 if least else cross(upper, 1.0 - tail))
    corrected = 0.0 if x == 0 else 1.0 if x == n else cross(expected, float(mle[here]))
    at = float(mle[here])
    conditional, umvcue, p_conditional = _conditional(outcomes, here, p0)
    return AfterDesign(
        responses=x,
        n_observed=n,
        look=int(outcomes.look[here]) + 1,
        p_value=min(1.0, upper(p0)) if not least else 1.0,
        p_value_naive=float(binomial_tail(x, n, p0)),
        p_value_conditional=p_conditional,
        mle=at,
        umvue=float(umvue_of(outcomes)[here]),
        median_unbiased=0.0 if least else cross(upper, 0.5),
        bias_corrected=corrected,
        bias_subtracted=at - (expected(at) - at),
        conditional_mle=conditional,
        umvcue=umvcue,
        ci=(low, high),
        ci_same_tail=same,
        level=level,
        order=order,
        p0=p0,
    )


def _tail_of(
    outcomes: Outcomes, which: NDArray[np.bool_], values: NDArray[np.float64] | None = None
) -> Callable[[float], float]:
    """Give the sum of the probabilities of some endings, times values, as a function of the rate."""
    x = outcomes.x[which].astype(float)
    rest = (outcomes.n - outcomes.x)[which].astype(float)
    ways = np.log(outcomes.ways[which])
    value = None if values is None else values[which]

    def total(p: float) -> float:
        log_p = math.log(p) if p > 0.0 else -1e9
        log_q = math.log1p(-p) if p < 1.0 else -1e9
        weight = np.exp(ways + x * log_p + rest * log_q)
        return float(weight.sum() if value is None else weight @ value)

    return total


def _conditional(
    outcomes: Outcomes, here: int, p0: float
) -> tuple[float | NotEstimable, float | NotEstimable, float]:
    """Estimate given that the trial reached its last look (of two)."""
    last = outcomes.look == outcomes.looks - 1
    x, n = int(outcomes.x[here]), int(outcomes.n[here])
    if outcomes.look[here] == 0:
        # nothing had to happen for the first look to take place
        return x / n, x / n, float(binomial_tail(x, n, p0))
    if not last[here]:
        reason = NotEstimable("the trial ended between its first and its last look")
        return reason, reason, 1.0
    smallest = int(outcomes.x[last].min())
    p_value = _p_last(outcomes, here, p0)
    # the last patient belongs to the last group, on which no stop depends: his answer is unbiased given that the
    # trial went on, and averaging it over the paths to the ending makes it best (Pepe et al. 2009)
    umvcue = float(outcomes.ways_last[here] / outcomes.ways[here])
    if x == smallest:
        return 0.0, umvcue, p_value
    if x == n:
        return 1.0, umvcue, p_value
    xs = outcomes.x[last].astype(float)

    def expected(p: float) -> float:
        weight = outcomes.probabilities(p)[last]
        total = float(weight.sum())
        return float(xs @ weight) / total if total > 0 else float(smallest)

    # the likelihood given the last look is an exponential family: its maximum matches the expected count
    return cross(expected, float(x), 1e-9, 1.0 - 1e-12), umvcue, p_value


def _p_last(outcomes: Outcomes, here: int, p0: float) -> float:
    last = outcomes.look == outcomes.looks - 1
    weight = outcomes.probabilities(p0)
    total = float(weight[last].sum())
    if total <= 0:
        return 1.0
    return min(1.0, float(weight[last & (outcomes.x >= outcomes.x[here])].sum()) / total)

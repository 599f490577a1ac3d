"""When does a simulated trial count as a success?

Input: a success rule (exact test, two stages or Bayesian), the design of the protocol, the size of the trial.
Output: `Boundaries`: the fewest responders that succeed for every number of patients counted, and the stop
after the first stage, if there is one; the rule in words.
Protocol section: endpoint (null proportion), design; a rule that the scenario states goes before it.
Method: exact binomial tail (critical count at one-sided alpha), Simon's (r1, n1, r, n) convention, posterior
tail of a beta prior. A rule becomes integers before any trial is run.
Next: `model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from pnstrial.settings import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.protocol import Design, Protocol

__all__ = [
    "BayesianRule",
    "Boundaries",
    "ExactTest",
    "SuccessRule",
    "TwoStage",
    "boundaries",
    "decided_by",
]


class ExactTest(Part):
    """Success if the exact one-sided binomial test rejects the null: P(X >= x | null) <= alpha.

    The critical count is taken for the number of patients that count (all enrolled, or fewer where the
    estimand excludes some). As "planned" it is what the protocol's design plans, where that has counts of its own and
    the size of the trial, and this test otherwise.
    """

    rule: Literal["exact test", "planned"] = "exact test"
    null: float = Field(default=0.10, gt=0, lt=1)
    alpha: float = Field(default=0.05, gt=0, lt=1)


class TwoStage(Part):
    """Simon's convention: stop after `n1` patients if at most `r1` responded; success if more than `r` of all do.

    Accrual pauses until the first `n1` patients have their assessment at the endpoint's visit; a trial that stops has
    `n1` patients. The number enrolled is that of the scenario, which must be `n`.
    """

    rule: Literal["two-stage"] = "two-stage"
    r1: int = Field(ge=-1, le=999)
    n1: int = Field(ge=1, le=999)
    r: int = Field(ge=0, le=999)
    n: int = Field(ge=2, le=1000)


class BayesianRule(Part):
    """Success if P(rate > null | data) > threshold under a Beta(a, b) prior."""

    rule: Literal["bayesian"] = "bayesian"
    null: float = Field(default=0.10, gt=0, lt=1)
    threshold: float = Field(default=0.95, gt=0, lt=1)
    a: float = Field(default=1.0, ge=1e-6, le=1e6)
    b: float = Field(default=1.0, ge=1e-6, le=1e6)


SuccessRule = Annotated[ExactTest | TwoStage | BayesianRule, Field(discriminator="rule")]


@dataclass(frozen=True)
class Boundaries:
    """A success rule as integers.

    Parameters
    ----------
    minimum : ndarray of int64, shape (n + 1,)
        Fewest responders that succeed when m patients count, at position m; m + 1 where none does.
    first_n : int
        Patients of the first stage; 0 without one.
    first_stop : int
        Stop after the first stage at this many responders or fewer; -1 never.
    """

    minimum: NDArray[np.int64]
    first_n: int = 0
    first_stop: int = -1


def boundaries(rule: ExactTest | TwoStage | BayesianRule, n: int) -> Boundaries:
    """Turn a success rule into the counts that decide.

    Parameters
    ----------
    rule : ExactTest, TwoStage or BayesianRule
    n : int
        Patients enrolled.

    Raises
    ------
    ValueError
        If a two-stage design has another n than the scenario, or stages that do not fit.

    Examples
    --------
    >>> boundaries(ExactTest(null=0.10, alpha=0.05), 17).minimum[17]
    np.int64(5)
    >>> boundaries(BayesianRule(null=0.10, threshold=0.95), 17).minimum[17]
    np.int64(4)
    """
    sizes = np.arange(n + 1)
    if isinstance(rule, TwoStage):
        if rule.n != n or not rule.r1 < rule.n1 < rule.n or not rule.r1 <= rule.r < rule.n:
            raise ValueError(
                f"success: the two-stage design (r1 {rule.r1}, n1 {rule.n1}, r {rule.r}, n {rule.n}) does not fit"
                f" {n} patients: n must be enrolment.target and r1 < n1 < n, r1 <= r < n"
            )
        return Boundaries(np.minimum(rule.r + 1, sizes + 1).astype(np.int64), rule.n1, rule.r1)
    if isinstance(rule, ExactTest):
        return Boundaries(_fewest(n, rule.null, rule.alpha))
    return Boundaries(_fewest(n, rule.null, rule.threshold, rule.a, rule.b))


@lru_cache(maxsize=64)
def _fewest(n: int, null: float, limit: float, *prior: float) -> NDArray[np.int64]:
    """Give the fewest responders that succeed by patients counted: by the exact test, or with a prior."""
    from scipy.special import betainc

    from pnstrial.design.counts.proportion import binomial_tail

    minimum = np.empty(n + 1, np.int64)
    for m in range(n + 1):
        x = np.arange(m + 1)
        if not prior:
            succeeds = binomial_tail(x, m, null) <= limit
        else:
            a, b = prior
            succeeds = 1 - betainc(a + x, b + m - x, null) > limit
        minimum[m] = int(np.argmax(succeeds)) if succeeds.any() else m + 1
    return minimum


def decided_by(
    protocol: Protocol, rule: ExactTest | TwoStage | BayesianRule, n: int
) -> tuple[Boundaries, str]:
    """Give the rule of success of a trial, and say in words which it is and whose.

    Parameters
    ----------
    protocol : Protocol
        Its null, and the alpha of its design, go before those of an exact test; its counts make up a "planned" rule.
    rule : ExactTest, TwoStage or BayesianRule
        Of the scenario.
    n : int
        Patients enrolled.

    Returns
    -------
    Boundaries
    str

    Raises
    ------
    ValueError
        As `boundaries`.

    Examples
    --------
    >>> from pnstrial.protocol import load_protocol
    >>> decided_by(load_protocol(), ExactTest(), 17)[1]
    'exact test of at most 10 % at one-sided 0.05'
    """
    planned = (
        protocol.design if protocol.design is not None and protocol.design.reject_at is not None else None
    )
    if planned is not None and rule.rule == "planned" and planned.n == n:
        return _planned(planned)
    if isinstance(rule, TwoStage):
        words = f"two-stage design, {_stages(rule.n1, rule.r1)}success from {rule.r + 1} responders of {n}"
    elif isinstance(rule, BayesianRule):
        words = f"P(rate over {100 * rule.null:g} %) over {rule.threshold:g} under a Beta({rule.a:g}, {rule.b:g}) prior"
    else:
        alpha = None if protocol.design is None else protocol.design.alpha
        stated = {"null": protocol.endpoint.null_proportion, "alpha": alpha}
        rule = rule.model_copy(update={key: value for key, value in stated.items() if value is not None})
        words = f"exact test of at most {100 * rule.null:g} % at one-sided {rule.alpha:g}"
    if planned is not None:
        why = "gives way to the scenario's success"
        why = f"is of {planned.n} patients" if rule.rule == "planned" else why
        words += f"; the protocol's design ({_planned(planned)[1]}) {why}"
    return boundaries(rule, n), words


def _planned(design: Design) -> tuple[Boundaries, str]:
    """Give the rule of a design that has counts of its own."""
    reject_at, first = design.reject_at or 0, design.first_stage_n or 0
    stop = -1 if design.first_stage_stop_at is None else design.first_stage_stop_at
    minimum = np.minimum(reject_at, np.arange(design.n + 1) + 1).astype(np.int64)
    words = f"the protocol's design, {_stages(first, stop)}success from {reject_at} responders of {design.n}"
    return Boundaries(minimum, first, stop), words


def _stages(first: int, stop: int) -> str:
    return f"stop at {stop} or fewer of {first}, " if first and stop >= 0 else ""

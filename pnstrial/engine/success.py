"""When does a simulated trial count as a success?

Input: a success rule (exact test, two-stage design or Bayesian rule) and the size of the trial.
Output: `Boundaries`: the fewest responders that succeed for every number of patients counted, and the stop
after the first stage, if there is one.
Protocol section: endpoint (null proportion); the rule itself is of the scenario.
Method: exact binomial tail (critical count at one-sided alpha), Simon's (r1, n1, r, n) convention, posterior
tail of a beta prior. A rule becomes integers before any trial is run.
Next: `model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from pnstrial.settings import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BayesianRule", "Boundaries", "ExactTest", "SuccessRule", "TwoStage", "boundaries"]


class ExactTest(Part):
    """Success if the exact one-sided binomial test rejects the null: P(X >= x | null) <= alpha.

    The critical count is taken for the number of patients that count (all enrolled, or fewer where the
    estimand excludes some).
    """

    rule: Literal["exact test"] = "exact test"
    null: float = Field(default=0.10, gt=0, lt=1)
    alpha: float = Field(default=0.05, gt=0, lt=1)


class TwoStage(Part):
    """Simon's convention: stop after `n1` patients if at most `r1` responded; success if more than `r` of all do.

    Accrual pauses until the first `n1` patients have their Month 3 assessment; a trial that stops has `n1`
    patients. The number enrolled is that of the scenario, which must be `n`.
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

    Returns
    -------
    Boundaries

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
    from scipy.special import betainc

    from pnstrial.design.counts.proportion import binomial_tail

    sizes = np.arange(n + 1)
    if isinstance(rule, TwoStage):
        if rule.n != n or not rule.r1 < rule.n1 < rule.n or not rule.r1 <= rule.r < rule.n:
            raise ValueError(
                f"success: the two-stage design (r1 {rule.r1}, n1 {rule.n1}, r {rule.r}, n {rule.n}) does not fit"
                f" {n} patients: n must be enrolment.target and r1 < n1 < n, r1 <= r < n"
            )
        return Boundaries(np.minimum(rule.r + 1, sizes + 1).astype(np.int64), rule.n1, rule.r1)
    minimum = np.empty(n + 1, np.int64)
    for m in sizes:
        x = np.arange(m + 1)
        if isinstance(rule, ExactTest):
            succeeds = binomial_tail(x, m, rule.null) <= rule.alpha
        else:
            succeeds = 1 - betainc(rule.a + x, rule.b + m - x, rule.null) > rule.threshold
        minimum[m] = int(np.argmax(succeeds)) if succeeds.any() else m + 1
    return Boundaries(minimum)

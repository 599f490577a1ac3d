"""When do deaths or thromboses stop the trial?

Input: the acceptable rate of the event, the error, the looks (after every patient by default), the kind of rule.
Output: `SafetyRule`, with the table of counts that hangs on the wall and what a delay in the answers does to it.
Protocol section: design.
Method: every rule is a score of (patients, events); the trial stops where the score exceeds a limit, and the limit
is the smallest whose exact probability to stop at the acceptable rate keeps the error.
Next: `history`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.design.counts.outcomes import MOST_PATIENTS
from pnstrial.design.counts.proportion import binomial_tail
from pnstrial.design.stages.sequential import SequentialDesign, checked_looks
from pnstrial.numerics.arguments import Checks, as_number
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SafetyRule", "safety_boundary"]

KINDS: Final = ("pocock", "obrien-fleming", "wang-tsiatis", "beta-binomial", "sprt", "maxsprt")


@dataclass(frozen=True, repr=False)
class SafetyRule(SequentialDesign):
    """Stop when events reach a count.

    The boundary is `efficacy`: the count at or above which the trial stops.

    Attributes
    ----------
    kind : str
        Kind of rule.
    alpha_requested : float
        Largest probability to stop at the acceptable rate p0.
    limit : float
        The score must exceed it (for "pocock": minus the tail probability must).
    """

    kind: str = "pocock"
    alpha_requested: float = 0.1
    limit: float = 0.0

    @property
    def stop_at(self) -> tuple[int | None, ...]:
        """Events at which the trial stops, for each look; None = it cannot stop yet."""
        return self.efficacy

    def wall_table(self) -> pd.DataFrame:
        """Give the table for the wall: one row per count of events, with the patients for which it stops the trial.

        Returns
        -------
        pandas.DataFrame
            Columns `events` and `stop_if_among` (the largest number of patients among whom so many events stop
            the trial), only counts that are reached.

        Examples
        --------
        >>> safety_boundary(17, 0.1).wall_table().to_numpy().tolist()
        [[2, 4], [3, 9], [4, 14], [5, 17]]
        """
        import pandas as pd

        largest: dict[int, int] = {}
        for n, count in zip(self.looks, self.efficacy, strict=True):
            if count is not None:
                largest[count] = max(n, largest.get(count, 0))
        rows = sorted(largest.items())
        return pd.DataFrame(rows, columns=["events", "stop_if_among"])

    def pipeline(
        self, accrual_per_month: float, delay_months: float = 3.0, rates: Sequence[float] | None = None
    ) -> pd.DataFrame:
        """Give what the rule does when each answer comes months after the patient entered.

        Parameters
        ----------
        accrual_per_month : float
            Patients who enter each month.
        delay_months : float, default 3
            Months from entry to the answer.
        rates : sequence of float, optional
            True rates; default p0, and two and three times it where below 1.

        Returns
        -------
        pandas.DataFrame
            For each rate: `reject` (probability to stop), `expected_answered` (patients with an answer at the
            end), `in_pipeline` (patients entered and unanswered at any time), `expected_treated` and
            `expected_events` (all who entered, the pipeline's included).

        Raises
        ------
        ValueError
            If an argument breaks its rule; all are named.
        """
        check_signature(SafetyRule.pipeline, locals())
        import pandas as pd

        checks = Checks("pipeline").positive("accrual_per_month", accrual_per_month)
        checks.number("delay_months", delay_months, 0.0)
        if rates is not None:
            checks.rates("rates", rates)
        checks.done()
        p0 = 0.0 if self.p0 is None else self.p0
        given = [p0, 2 * p0, 3 * p0] if rates is None else list(rates)
        rate = np.array([p for p in given if p <= 1.0])
        waiting = math.ceil(accrual_per_month * delay_months - 1e-9)
        oc = self.operating_characteristics(rate)
        outcomes = self.outcomes
        # a trial that stops has already let the pipeline in; one that goes to its end has no more to let in
        treated = np.where(outcomes.stop > 0, np.minimum(outcomes.n + waiting, self.n), self.n)
        expected = treated @ outcomes.probabilities(rate)
        return pd.DataFrame(
            {
                "rate": rate,
                "reject": oc.reject,
                "expected_answered": oc.expected_n,
                "in_pipeline": min(waiting, self.n),
                "expected_treated": expected,
                "expected_events": rate * expected,
            }
        )

    def sentence(self) -> str:
        """Say the rule in one sentence for the protocol."""
        pairs = [f"{events} among up to {n}" for events, n in self.wall_table().to_numpy().tolist()]
        if not pairs:
            return f"No count of events among {self.n} patients stops the trial at alpha {self.alpha_requested:g}."
        return (
            f"Stop at {', '.join(pairs)} patients with the event; probability to stop"
            f" {self.alpha:.3f} at the acceptable rate {self.p0:g}."
        )


def _score(
    kind: str, sizes: tuple[int, ...], p0: float, p1: float | None, shape: float, prior: tuple[float, float]
) -> list[NDArray[np.float64]]:
    """Give the score of every count at every look; it increases with the count."""
    from scipy.special import betaincc, xlogy

    scores: list[NDArray[np.float64]] = []
    for n in sizes:
        x = np.arange(n + 1.0)
        if kind == "pocock":
            score = -np.asarray(binomial_tail(x, n, p0))
        elif kind in ("obrien-fleming", "wang-tsiatis"):
            exponent = 0.0 if kind == "obrien-fleming" else shape
            total = sizes[-1]
            score = (x - n * p0) / (math.sqrt(total * p0 * (1 - p0)) * (n / total) ** exponent)
        elif kind == "beta-binomial":
            score = np.asarray(betaincc(prior[0] + x, prior[1] + n - x, p0))
        elif kind == "sprt":
            rate = float(p1 or 0.0)
            score = x * math.log(rate / p0) + (n - x) * math.log((1 - rate) / (1 - p0))
        else:
            seen = x / n
            ratio = xlogy(x, seen / p0) + xlogy(n - x, (1 - seen) / (1 - p0))
            score = np.where(seen > p0, ratio, 0.0)
        scores.append(np.asarray(score, dtype=float))
    return scores


def safety_boundary(
    looks: int | Sequence[int],
    p0: float,
    alpha: float = 0.1,
    kind: str = "pocock",
    p1: float | None = None,
    shape: float = 0.25,
    prior: tuple[float, float] | None = None,
) -> SafetyRule:
    """Find the counts of events that stop a trial, with an exact error.

    Parameters
    ----------
    looks : int or sequence of int
        Largest number of patients (a look after every patient), or the patients at each look.
    p0 : float
        Acceptable rate of the event.
    alpha : float, default 0.1
        Largest exact probability to stop, at any look, when the rate is p0.
    kind : {"pocock", "obrien-fleming", "wang-tsiatis", "beta-binomial", "sprt", "maxsprt"}
        Score: the same exact tail probability at every look; deviation over a constant; over (n / N) ^ shape;
        posterior probability that the rate exceeds p0 (Geller); likelihood ratio against p1; against the rate
        seen.
    p1 : float, optional
        Rate of "sprt".
    shape : float, default 0.25
        Of "wang-tsiatis": 0 is O'Brien-Fleming.
    prior : tuple of float, optional
        Of "beta-binomial"; default (p0, 1 - p0).

    Returns
    -------
    SafetyRule

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Ivanova A, Qaqish BF, Schell MJ. Biometrics 2005;61:540-545 (Pocock-type exact); Geller NL et al. in
    Advances in Clinical Trial Biostatistics, 2003 (beta-binomial); Kulldorff M et al. Sequential Analysis
    2011;30:58-78 (MaxSPRT). Counts equal R's stoppingrule. Ties of the score count as one.

    Examples
    --------
    >>> rule = safety_boundary(17, 0.1, alpha=0.1)
    >>> rule.stop_at[:5], round(rule.alpha, 4)
    ((None, 2, 2, 2, 3), 0.0993)
    """
    checks = Checks("safety_boundary").share("p0", p0).share("alpha", alpha).word("kind", kind, KINDS)
    number = as_number(looks)
    if number is not None:
        checks.count("looks", looks, 1, MOST_PATIENTS)
    if kind == "sprt":
        checks.add(p1 is None, "p1 = None must be given for kind 'sprt'")
    checks.number("shape", shape, 0.0, 0.5)
    if p1 is not None:
        checks.share("p1", p1)
        if checks.clean and p1 <= p0:
            checks.rule(
                True, "p1", p1, f"must be above p0 = {p0:g}, the acceptable rate; p1 is one that is not"
            )
    if prior is not None:
        checks.prior("prior", prior)
    checks.done()
    sizes = checked_looks("safety_boundary", looks) if number is None else tuple(range(1, int(number) + 1))
    a, b = (p0, 1 - p0) if prior is None else (float(cell) for cell in prior)
    scores = [np.round(s, 11) for s in _score(kind, sizes, p0, p1, shape, (a, b))]
    levels = np.unique(np.concatenate(scores))

    def rule(limit: float) -> SafetyRule:
        counts = [np.flatnonzero(score > limit) for score in scores]
        high = tuple(int(c[0]) if len(c) else None for c in counts)
        return SafetyRule(
            sizes, (None,) * len(sizes), high, f"safety, {kind}", float(p0), p1,
            words=("have the event", "stop"), kind=kind, alpha_requested=float(alpha), limit=float(limit),
        )  # fmt: skip

    # the error falls as the limit rises, and beyond the largest score nothing stops
    def keeps_alpha(at: int) -> bool:
        reached: Any = rule(float(levels[at])).alpha
        return reached <= alpha

    least = bisect_left(range(len(levels) - 1), True, key=keeps_alpha)
    return rule(float(levels[least]))

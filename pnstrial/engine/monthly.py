"""What does the Month 3 switch do to a course given month by month?

Input: monthly transition matrices on the grades of a scale, death last, with and without IVIg, a starting
distribution, a drop-out chance.
Output: exact and simulated characteristics of the trial in discrete months.
Protocol section: decision.
Method: matrix products; success of a patient is being improved or stable at the last month, in the study. It is
the discrete form of `exact` and runs on the same kernel as `simulate`; reference values exist for it.
Next: `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pnstrial import rules
from pnstrial.engine.success import Boundaries
from pnstrial.numerics.arguments import Checks
from pnstrial.results import Result

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MonthlyCourse", "MonthlyResult"]

DECISIONS = np.array(
    [*(rules.interim_decision(category, 0) for category in range(-1, 3)), rules.DECISION_DEAD]
)
"""By category + 1, then that on a death."""


@dataclass(frozen=True)
class MonthlyResult(Result):
    """Characteristics of a monthly course.

    Parameters
    ----------
    p_success : float
        Probability that a patient is alive, in the study and not worse than at the start, at the last month.
    improved, stable, deteriorated, dead, dropped : float
        Shares at the decision.
    reject : float
        Probability that at least `minimum` of the patients succeed.
    cycles : float
        Expected cycles: those before the decision, and the later ones for those who continue.
    successes : ndarray, shape (n + 1,)
        Distribution of the number of successes.
    occupancy : ndarray, shape (months + 1, grades + 1)
        Shares in the study by grade at each month.
    """

    p_success: float
    improved: float
    stable: float
    deteriorated: float
    dead: float
    dropped: float
    reject: float
    cycles: float
    successes: NDArray[np.float64] = field(repr=False)
    occupancy: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class MonthlyCourse:
    """A course in months: who is improved or stable at the decision stays on IVIg.

    Parameters
    ----------
    on, off : array_like, shape (grades + 1, grades + 1)
        Monthly transition probabilities with and without IVIg, from the best grade to death; rows sum to 1.
    start : array_like, shape (grades + 1,)
        Distribution of the grade at the start.
    dropout : float, default 0
        Chance of leaving in each month, before that month's transition.
    decision, last : int
        Months of the decision and of the last assessment.

    Raises
    ------
    ValueError
        If a row is no distribution, or a number is out of range; the message names it.

    Examples
    --------
    >>> stay = MonthlyCourse(np.eye(7), np.eye(7), [0, 0, 0.5, 0.5, 0, 0, 0], dropout=0.02)
    >>> round(stay.exact(17, 6).p_success, 6) == round(0.98**6, 6)
    True
    """

    on: ArrayLike
    off: ArrayLike
    start: ArrayLike
    dropout: float = 0.0
    decision: int = 3
    last: int = 6

    def __post_init__(self) -> None:
        checks = Checks("MonthlyCourse").rate("dropout", self.dropout)
        checks.count("decision", self.decision, 1).count("last", self.last, 2)
        size = max((*np.asarray(self.on).shape[:1], 3))
        for name, shape in (("on", (size, size)), ("off", (size, size)), ("start", (size,))):
            values = np.asarray(getattr(self, name), float)
            object.__setattr__(self, name, values)
            right = values.shape == shape and np.isfinite(values).all() and bool((values >= 0).all())
            checks.add(
                not right or bool((abs(values.sum(axis=-1) - 1) > 1e-9).any()),
                f"{name} has shape {values.shape}; it must hold probabilities in the shape {shape}, rows that sum to 1",
            )
        checks.done()
        if self.decision >= self.last:
            raise ValueError(f"MonthlyCourse: decision = {self.decision} must be before last = {self.last}")

    def _powers(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        later = self.last - self.decision
        on, off = np.asarray(self.on), np.asarray(self.off)
        power = np.linalg.matrix_power
        return power(on, self.decision), power(on, later), power(off, later)

    def _categories(self) -> NDArray[np.int8]:
        """Categories of change by one grade: by start and later grade + 1, 0 being none."""
        dead = np.asarray(self.start).size - 1
        rule = rules.change_category_on(dead)
        return rule(np.arange(dead + 1)[:, None], np.arange(-1, dead + 1)[None, :], 1, dead, 0, 0)

    def exact(self, n: int, minimum: int) -> MonthlyResult:
        """Give the exact characteristics.

        Parameters
        ----------
        n : int
            Patients.
        minimum : int
            Fewest successes that reject.
        """
        from pnstrial.design.counts.proportion import binomial_pmf

        start, kept = np.asarray(self.start), 1 - self.dropout
        before, on, off = self._powers()
        grades = np.arange(start.size)
        dead = start.size - 1
        categories = self._categories()[:, 1:]
        joint = start[:, None] * before
        alive = grades[None, :] < dead
        goes_on = alive & (categories != rules.DETERIORATED)
        at_end = (joint * goes_on) @ on + (joint * ~goes_on) @ off
        good = alive & (categories != rules.DETERIORATED)
        seen = kept**self.decision
        shares = [float(seen * (joint * alive * (categories == c)).sum()) for c in range(3)]
        p = float(kept**self.last * (at_end * good).sum())
        pmf = binomial_pmf(n, p)
        occupancy = [start]
        stays, leaves = joint * goes_on, joint * ~goes_on
        for month in range(1, self.last + 1):
            if month <= self.decision:
                now = start @ np.linalg.matrix_power(np.asarray(self.on), month)
            else:
                stays, leaves = stays @ np.asarray(self.on), leaves @ np.asarray(self.off)
                now = (stays + leaves).sum(axis=0)
            occupancy.append(kept**month * now)
        return MonthlyResult(
            p_success=p, improved=shares[0], stable=shares[1], deteriorated=shares[2],
            dead=float(seen * joint[:, dead].sum()), dropped=1 - seen, reject=float(pmf[minimum:].sum()),
            cycles=self.decision + (self.last - self.decision) * (shares[0] + shares[1]), successes=pmf,
            occupancy=np.array(occupancy),
        )  # fmt: skip

    def simulate(self, n: int, minimum: int, n_trials: int = 100_000, seed: int = 1) -> MonthlyResult:
        """Simulate the same on the kernel of primary-endpoint runs.

        Parameters
        ----------
        n, minimum : int
            As in `exact`.
        n_trials, seed : int

        Returns
        -------
        MonthlyResult
            `occupancy` is that of `exact`: the kernel keeps no months in between.
        """
        from pnstrial.engine.characteristics import quantity_names
        from pnstrial.engine.lean import Entries, Leg, Plan, packed, run_lean
        from pnstrial.engine.tables import block_key

        before, on, off = self._powers()
        size = np.asarray(self.start).size

        def studied(P: NDArray[np.float64], months: int) -> NDArray[np.float64]:
            kept = (1 - self.dropout) ** months
            return np.block([[kept * P, (1 - kept) * P], [np.zeros((size, size)), P]])

        def leg(on_plan: NDArray[np.float64], ended: NDArray[np.float64], months: int) -> Leg:
            way = np.stack([studied(on_plan, months), studied(ended, months)])[None]
            return Leg(seen=way, missed=way, rest=np.eye(2 * size)[None, None])

        def respond(category: int, dead: int, last: int) -> int:
            del last
            return int(not dead and category in {rules.IMPROVED, rules.STABLE})

        grades = np.arange(size - 1)
        categories = self._categories().astype(np.int64)
        plan = Plan(
            np.zeros(2),
            decision=0,
            endpoint=1,
            secondary=(),
            categories=categories,
            decisions=DECISIONS,
            respond=respond,
        )
        minimum_at = np.arange(n + 1) + 1
        minimum_at[n] = minimum
        tables = packed(
            n, Boundaries(minimum_at),
            Entries(np.asarray(self.start, float)[:-1], np.zeros(size - 1, np.int64), grades, grades, grades),
            np.eye(size - 1),
            [leg(before, before, self.decision), leg(on, off, self.last - self.decision)], plan,
        )  # fmt: skip
        names = quantity_names([], primary=True)
        sums = np.zeros((3, len(names)))
        counts = np.zeros(n + 1, np.int64)
        uncovered = np.zeros((n + 1, n + 1), np.uint8)
        run_lean(block_key(seed, 0), 0, n_trials, tables, minimum_at, uncovered, names, sums, counts)
        share = {name: float(sums[0, q] / (n * n_trials)) for q, (name, _) in enumerate(names)}
        going = share["decision_continue"]
        pmf = counts / n_trials
        stable = float(pmf @ np.arange(n + 1)) / n
        exact = self.exact(n, minimum)
        return MonthlyResult(
            p_success=stable, improved=exact.improved, stable=going - exact.improved,
            deteriorated=share["decision_discontinue"], dead=share["decision_dead"],
            dropped=share["decision_not_evaluable"], reject=float(pmf[minimum:].sum()),
            cycles=self.decision + (self.last - self.decision) * going, successes=pmf, occupancy=exact.occupancy,
        )  # fmt: skip

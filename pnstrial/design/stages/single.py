"""How many patients does a trial need that looks at its count once?

Input: the rate of no interest p0, the rate hoped for p1, type I error and power.
Output: `SingleStage` with n, the critical count and the errors achieved, and the saw-tooth of all n.
Protocol section: design.
Method: exact binomial test of every n. Because counts are whole, power does not rise steadily with n: the
smallest n that reaches the power and the n from which it stays reached differ, and both are given.
Next: `two_stage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.design.counts.outcomes import MOST_PATIENTS, Design, Outcomes, enumerate_looks
from pnstrial.design.counts.proportion import binomial_tail
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SingleStage", "single_stage", "single_stage_at"]

_LAST = 20_000


@dataclass(frozen=True, repr=False)
class SingleStage(Design):
    """One look, one critical count.

    Attributes
    ----------
    n : int
        Patients.
    critical : int
        Reject the null at this count or above.
    alpha, power : float
        Achieved, exact.
    p0, p1 : float
        Rates of the null and the alternative.
    n_stays, critical_stays : int or None
        Smallest n from which the power is reached at every larger n too (up to three times the first n and 50
        more, which all were computed), and its critical count. None for a design of a given n.
    alpha_requested, power_requested : float
        What was asked for.
    """

    n: int
    critical: int
    alpha: float
    power: float
    p0: float
    p1: float
    n_stays: int | None
    critical_stays: int | None
    alpha_requested: float
    power_requested: float | None

    @property
    def look_sizes(self) -> tuple[int]:
        """Number of patients at the only look."""
        return (self.n,)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Every way in which the trial can end."""
        if self.n > MOST_PATIENTS:
            raise ValueError(f"outcomes: n = {self.n} is above {MOST_PATIENTS}, the most that is enumerated")
        one = np.array([self.n], dtype=np.int64)
        return enumerate_looks(one, np.array([self.critical - 1]), np.array([self.critical]))

    def table(self, n_max: int) -> pd.DataFrame:
        """Give the saw-tooth: every n with its critical count, achieved alpha and power.

        Parameters
        ----------
        n_max : int
            Largest n.

        Returns
        -------
        pandas.DataFrame
            Columns `n`, `critical` (n + 1 where no count rejects), `alpha`, `power`, and `feasible` (the power
            asked for is reached).

        Raises
        ------
        ValueError
            If n_max is no whole number of at least 1.

        Examples
        --------
        >>> single_stage(0.05, 0.25).table(17).tail(2)[["n", "critical"]].to_numpy().tolist()
        [[16, 3], [17, 4]]
        """
        check_signature(SingleStage.table, locals())
        import pandas as pd

        Checks("table").count("n_max", n_max, 1, _LAST).done()
        columns = _saw_tooth(self.p0, self.p1, self.alpha_requested, 1, int(n_max))
        frame = pd.DataFrame(columns)
        target = self.power if self.power_requested is None else self.power_requested
        frame["feasible"] = frame["power"] >= target
        return frame

    def solutions(self, count: int = 5) -> pd.DataFrame:
        """List the first pairs of n and critical count that keep both errors, several to an n where they exist.

        Parameters
        ----------
        count : int, default 5
            How many.

        Returns
        -------
        pandas.DataFrame
            Columns `n`, `critical`, `alpha`, `power`; within an n the smallest critical count first.

        Raises
        ------
        ValueError
            If count is no whole number of at least 1.
        """
        check_signature(SingleStage.solutions, locals())
        import pandas as pd

        Checks("solutions").count("count", count, 1, 1000).done()
        target = self.power if self.power_requested is None else self.power_requested
        rows: list[dict[str, Any]] = []
        n = self.n
        while len(rows) < count and n < _LAST:
            critical = np.arange(1, n + 1)
            size, power = binomial_tail(critical, n, self.p0), binomial_tail(critical, n, self.p1)
            fits = np.flatnonzero((size <= self.alpha_requested) & (power >= target)).tolist()
            rows += [
                {"n": n, "critical": k + 1, "alpha": float(size[k]), "power": float(power[k])} for k in fits
            ]
            n += 1
        return pd.DataFrame(rows[:count])

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol.

        Returns
        -------
        str

        Examples
        --------
        >>> print(single_stage(0.1, 0.3).sentence())
        Enrol 25; reject if 6 or more of 25 improve; alpha 0.033, power 0.807.
        """
        return (
            f"Enrol {self.n}; reject if {self.critical} or more of {self.n} improve;"
            f" alpha {self.alpha:.3f}, power {self.power:.3f}."
        )

    def _display(self) -> Display:
        stays = (
            f" Power stays at or above {self.power_requested:g} from n = {self.n_stays}"
            f" (reject at {self.critical_stays} or more)."
            if self.n_stays is not None and self.n_stays != self.n
            else ""
        )
        return Display(self.sentence() + stays)


def _saw_tooth(p0: float, p1: float, alpha: float, first: int, last: int) -> dict[str, NDArray[Any]]:
    """Give every n with its critical count (the smallest with P0(X >= c) <= alpha), alpha and power."""
    from scipy.special import betainc

    n = np.arange(first, last + 1)
    # the critical count rises by 0 or 1 with n: walk up once
    critical = np.empty(len(n), dtype=np.int64)
    c = 1
    for k, size in enumerate(n.tolist()):
        while c <= size and betainc(c, size - c + 1.0, p0) > alpha:
            c += 1
        critical[k] = c
    return {
        "n": n,
        "critical": critical,
        "alpha": np.asarray(binomial_tail(critical, n, p0)),
        "power": np.asarray(binomial_tail(critical, n, p1)),
    }


def single_stage(p0: float, p1: float, alpha: float = 0.05, power: float = 0.8) -> SingleStage:
    """Find the smallest exact single-stage design.

    Parameters
    ----------
    p0, p1 : float
        Rate of no interest and rate hoped for, 0 < p0 < p1 < 1.
    alpha, power : float
        Largest type I error (one-sided) and smallest power; both may be met exactly.

    Returns
    -------
    SingleStage
        With `n` the first that does, and `n_stays` the n from which every n does.

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no n up to 20,000 does.

    Notes
    -----
    A'Hern RP. Stat Med 2001;20:859-866. clinfun's ph2single gives `n`; rpact and gsDesign (conservative) give
    `n_stays`.

    Examples
    --------
    >>> design = single_stage(0.05, 0.25)
    >>> design.n, design.critical, round(design.alpha, 4), design.n_stays
    (16, 3, 0.0429, 21)
    """
    checks = Checks("single_stage").hypotheses(p0, p1).share("alpha", alpha).share("power", power)
    if not checks.problems:
        checks.add(power <= alpha, f"power = {power!r} must be above alpha = {alpha!r}")
    checks.done()
    last = 64
    while True:
        table = _saw_tooth(p0, p1, alpha, 1, last)
        enough = table["power"] >= power
        first = int(np.argmax(enough)) if enough.any() else -1
        if first >= 0 and last >= 3 * (first + 1) + 50:
            break
        if last >= _LAST:
            raise ValueError(
                f"single_stage: no n up to {_LAST} tells p1 = {p1} from p0 = {p0} with alpha = {alpha} and"
                f" power = {power}; bring the rates further apart"
            )
        last *= 2
    too_weak = np.flatnonzero(~enough)
    stays = int(too_weak[-1]) + 1 if len(too_weak) else 0
    return SingleStage(
        n=first + 1,
        critical=int(table["critical"][first]),
        alpha=float(table["alpha"][first]),
        power=float(table["power"][first]),
        p0=float(p0),
        p1=float(p1),
        n_stays=stays + 1,
        critical_stays=int(table["critical"][stays]),
        alpha_requested=float(alpha),
        power_requested=float(power),
    )


def single_stage_at(n: int, p0: float, p1: float, alpha: float = 0.05) -> SingleStage:
    """Give the exact test of a given number of patients.

    Parameters
    ----------
    n : int
        Patients.
    p0, p1 : float
        Rate of no interest and rate hoped for.
    alpha : float
        Largest type I error.

    Returns
    -------
    SingleStage

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no count of n patients rejects at this alpha.

    Examples
    --------
    >>> design = single_stage_at(17, 0.05, 0.30)
    >>> design.critical, round(design.alpha, 3), round(design.power, 2)
    (4, 0.009, 0.8)
    """
    checks = Checks("single_stage_at").count("n", n, 1, _LAST).hypotheses(p0, p1).share("alpha", alpha)
    checks.done()
    tails = np.asarray(binomial_tail(np.arange(n + 1), n, p0))
    allowed = np.flatnonzero(tails <= alpha)
    if not len(allowed):
        raise ValueError(
            f"single_stage_at: even {n} of {n} responders have probability {p0**n:.3g} > alpha = {alpha} at"
            f" p0 = {p0}; enrol more patients or raise alpha"
        )
    c = int(allowed[0])
    return SingleStage(
        n=int(n),
        critical=c,
        alpha=float(tails[c]),
        power=float(binomial_tail(c, n, p1)),
        p0=float(p0),
        p1=float(p1),
        n_stays=None,
        critical_stays=None,
        alpha_requested=float(alpha),
        power_requested=None,
    )

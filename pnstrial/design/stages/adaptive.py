"""What if the second stage is not as planned?

Input: a two-stage design, the responders of its first stage, the size that the second stage can have.
Output: `conditional_power`, `conditional_error`, and `FlexibleDesign` (Kieser and Englert), which keeps the type I
error whatever made the size change.
Protocol section: design.
Method: the probability under the null that the planned trial would still reject is what the new second stage may
spend; what the whole counts of the plan left unspent can be handed out first.
Next: `curtailed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.design.counts.outcomes import Design, Outcomes, binomial_ways
from pnstrial.design.counts.proportion import binomial_pmf, binomial_tail
from pnstrial.design.stages.two_stage import TwoStageDesign
from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["AdaptiveDesign", "FlexibleDesign", "conditional_error", "conditional_power", "flexible"]

SHARES: Final = ("none", "constant", "equal", "first")


def conditional_power(design: Design, responses: int, n: int, p: float) -> float:
    """Give the probability that a trial under way will reject the null.

    Parameters
    ----------
    design : Design
        Any design of counts whose looks are kept.
    responses, n : int
        Responders and patients so far, at or between looks.
    p : float
        True rate of the patients to come.

    Returns
    -------
    float
        0 or 1 where the count has stopped the trial.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> round(conditional_power(two_stage(1, 10, 5, 29, 0.1, 0.3), 2, 9, 0.3), 6)
    0.892913
    """
    checks = Checks("conditional_power").instance(
        "design", design, Design, "a design of a count of responders"
    )
    checks.done()
    if isinstance(design, FlexibleDesign):
        design = design.with_sizes({})
    by_first = isinstance(design, AdaptiveDesign)
    # where the size of the second stage depends on the first, its end is taken as the answer of the first
    last = design.n1 if by_first else list(design.look_sizes)[-1]
    checks.rate("p", p).count("n", n, 0, last)
    checks.add(
        by_first and not checks.clean,
        "after the first stage the power depends on how many of it responded: see `FlexibleDesign.conditional_power`",
    )
    if checks.clean:
        checks.count("responses", responses, 0, int(n))
    checks.done()
    stops = {} if by_first else stops_of("conditional_power", design)
    value = design.second_stage_power(p) if by_first else np.zeros(last + 1)
    for m in range(last, int(n) - 1, -1):
        if m < last:
            value = (1 - p) * value[:-1] + p * value[1:]
        if m in stops:
            low, high = stops[m]
            x = np.arange(m + 1)
            value = np.where(x >= high, 1.0, np.where(x <= low, 0.0, value))
    return float(value[int(responses)])


def stops_of(caller: str, design: Design) -> dict[int, tuple[int, int]]:
    """Give the two counts that stop at each look, refusing a design that has none."""
    depends = isinstance(design, FlexibleDesign | AdaptiveDesign)
    Checks(caller).add(
        depends,
        f"design = {type(design).__name__} has a second stage that depends on the first, so that no count alone stops"
        " it: give the design as planned (`.plan` of a `FlexibleDesign`)",
    ).done()
    outcomes = design.outcomes
    stops: dict[int, tuple[int, int]] = {}
    for k, n in enumerate(design.look_sizes):
        here = outcomes.look == k
        low = outcomes.x[here & (outcomes.stop < 0)]
        high = outcomes.x[here & (outcomes.stop > 0)]
        stops[n] = (int(low.max()) if len(low) else -1, int(high.min()) if len(high) else n + 1)
    return stops


def conditional_error(
    design: TwoStageDesign, distribute: str = "none", alpha: float | None = None, spare: float | None = None
) -> NDArray[np.float64]:
    """Give, for each first-stage result, the probability under the null that the trial still rejects.

    Parameters
    ----------
    design : TwoStageDesign
        The plan.
    distribute : {"none", "constant", "equal", "first"}
        What happens to the type I error that whole counts left unspent: nothing; the same is added to every
        conditional error; every result gets the same share of it; it fills the smallest results first.
    alpha : float, optional
        Type I error allowed; needed to distribute, unless `spare` is given.
    spare : float, optional
        What to distribute; default alpha less the exact type I error.

    Returns
    -------
    ndarray, shape (n1 + 1,)
        For 0 to n1 responders of the first stage; never above 1.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Kieser M, Englert S. Stat Med 2015;34:2547-2564. OneArmPhaseTwoStudy distributes alpha less the type I error
    rounded to four decimals, and its "proportional" errors (here "constant") can exceed 1.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> conditional_error(two_stage(1, 10, 5, 29, 0.1, 0.3))[:4].round(4).tolist()
    [0.0, 0.0, 0.115, 0.2946]
    """
    checks = Checks("conditional_error").word("distribute", distribute, SHARES)
    checks.instance(
        "design", design, TwoStageDesign, "a two-stage design, as `simon` or `two_stage` give"
    ).done()
    if spare is not None:
        checks.number("spare", spare, 0.0, 1.0 - design.alpha)
    if distribute != "none":
        checks.add(
            alpha is None and spare is None, "alpha = None must be given to distribute what is left of it"
        )
        if alpha is not None:
            checks.share("alpha", alpha)
    checks.done()
    x = np.arange(design.n1 + 1)
    errors = np.asarray(binomial_tail(design.r + 1 - x, design.n - design.n1, design.p0))
    errors = np.where(x <= design.r1, 0.0, errors)
    if distribute == "none":
        return errors
    left = (float(alpha or 0.0) - design.alpha) if spare is None else float(spare)
    if left < 0:
        raise ValueError(
            f"conditional_error: alpha = {alpha} is below the exact type I error {design.alpha:.6f} of the design"
        )
    weight = binomial_pmf(design.n1, design.p0)
    partly = (errors > 0) & (errors < 1)
    if not partly.any():
        return errors
    if distribute == "constant":
        errors = np.where(partly, errors + left / weight[partly].sum(), errors)
    elif distribute == "equal":
        errors = np.where(partly, errors + left / partly.sum() / np.maximum(weight, 1e-300), errors)
    else:
        for k in np.flatnonzero(partly).tolist():
            given = min(left, (1.0 - float(errors[k])) * float(weight[k]))
            errors[k] += given / float(weight[k])
            left -= given
    return np.minimum(errors, 1.0)


@dataclass(frozen=True, repr=False)
class FlexibleDesign(Design):
    """A two-stage design whose second stage may have any size.

    Attributes
    ----------
    plan : TwoStageDesign
        The design as planned.
    errors : tuple of float
        Conditional error of each first-stage result.
    """

    plan: TwoStageDesign
    errors: tuple[float, ...]

    @property
    def look_sizes(self) -> tuple[int, int]:
        """Number of patients at the two planned looks."""
        return self.plan.look_sizes

    @cached_property
    def outcomes(self) -> Outcomes:
        """Endings with the planned second stage."""
        return self.with_sizes({}).outcomes

    def critical(self, first: int, n2: int) -> int | None:
        """Give the smallest count of the second stage that rejects.

        Parameters
        ----------
        first : int
            Responders of the first stage.
        n2 : int
            Patients of the second stage.

        Returns
        -------
        int or None
            None where no count rejects, or the trial stopped.

        Raises
        ------
        ValueError
            If an argument breaks its rule; all are named.

        Examples
        --------
        >>> from pnstrial.design.stages.two_stage import two_stage
        >>> flexible(two_stage(1, 10, 5, 29, 0.1, 0.3)).critical(2, 16)
        4
        """
        check_signature(FlexibleDesign.critical, locals())
        Checks("critical").count("first", first, 0, self.plan.n1).count("n2", n2, 0, 1000).done()
        allowed = self.errors[int(first)]
        if allowed <= 0:
            return None
        tails = np.asarray(binomial_tail(np.arange(int(n2) + 2), int(n2), self.plan.p0))
        # an error of the plan is itself such a tail: it must not be missed by the last digit
        count = int(np.flatnonzero(tails <= allowed * (1 + 1e-12))[0])
        return count if count <= n2 else None

    def conditional_power(self, first: int, n2: int, p: float | None = None) -> float:
        """Give the probability to reject after the first stage with a second stage of a given size.

        Parameters
        ----------
        first : int
            Responders of the first stage.
        n2 : int
            Patients of the second stage.
        p : float, optional
            True rate; default the plan's p1.

        Returns
        -------
        float
        """
        check_signature(FlexibleDesign.conditional_power, locals())
        if p is not None:
            Checks("conditional_power").rate("p", p).done()
        count = self.critical(first, n2)
        return (
            0.0 if count is None else float(binomial_tail(count, int(n2), self.plan.p1 if p is None else p))
        )

    def size_for(self, first: int, power: float = 0.8, p: float | None = None) -> int | None:
        """Give the smallest second stage with a conditional power.

        Parameters
        ----------
        first : int
            Responders of the first stage.
        power : float
            Conditional power.
        p : float, optional
            True rate; default the plan's p1.

        Returns
        -------
        int or None
            None where the trial stopped, or no stage of up to 1000 patients reaches it.
        """
        check_signature(FlexibleDesign.size_for, locals())
        checks = Checks("size_for").count("first", first, 0, self.plan.n1).share("power", power)
        if p is not None:
            checks.rate("p", p)
        checks.done()
        if self.errors[int(first)] <= 0:
            return None
        sizes = range(1, 1001)
        return next((n2 for n2 in sizes if self.conditional_power(first, n2, p) >= power), None)

    def with_sizes(self, sizes: Mapping[int, int]) -> AdaptiveDesign:
        """Fix the second stage by the first-stage result, for its exact characteristics.

        Parameters
        ----------
        sizes : mapping of int to int
            Second-stage size for each number of responders; others as planned.

        Returns
        -------
        AdaptiveDesign

        Raises
        ------
        ValueError
            If a count of responders or a size breaks its rule; all are named.
        """
        check_signature(FlexibleDesign.with_sizes, locals())
        Checks("with_sizes").mapping("sizes", sizes).done()
        checks = Checks("with_sizes")
        for first, size in sizes.items():
            checks.count("first", first, 0, self.plan.n1).count(f"sizes[{display(first)}]", size, 0, 1000)
        checks.done()
        planned = self.plan.n - self.plan.n1
        n2 = [int(sizes.get(x, planned)) for x in range(self.plan.n1 + 1)]
        rules = tuple(
            (x, n2[x] if self.errors[x] > 0 else 0, self.critical(x, n2[x])) for x in range(self.plan.n1 + 1)
        )
        return AdaptiveDesign(self.plan.n1, rules)

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol."""
        return (
            self.plan.sentence().removesuffix(".")
            + "; if the second stage has another size, reject if its exact p-value is at most the conditional error."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per first-stage result: conditional error, and the planned critical count."""
        import pandas as pd

        planned = self.plan.n - self.plan.n1
        counts = [self.critical(x, planned) for x in range(self.plan.n1 + 1)]
        return pd.DataFrame(
            {
                "first": range(self.plan.n1 + 1),
                "conditional_error": self.errors,
                "critical_planned": pd.array(counts, dtype="Int64"),
            }
        )

    def _display(self) -> Display:
        return Display(self.sentence(), table=self.to_frame())


def flexible(
    design: TwoStageDesign, distribute: str = "none", alpha: float | None = None, spare: float | None = None
) -> FlexibleDesign:
    """Make a two-stage design ready for a second stage of another size.

    Parameters
    ----------
    design : TwoStageDesign
        The plan.
    distribute, alpha, spare
        As `conditional_error`.

    Returns
    -------
    FlexibleDesign

    Raises
    ------
    ValueError
        As `conditional_error`.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> design = flexible(two_stage(1, 10, 5, 29, 0.1, 0.3))
    >>> round(design.conditional_power(2, 16), 6), design.size_for(2)
    (0.754144, 18)
    """
    return FlexibleDesign(design, tuple(conditional_error(design, distribute, alpha, spare).tolist()))


@dataclass(frozen=True, repr=False)
class AdaptiveDesign(Design):
    """A two-stage design whose second stage is fixed by the first-stage result.

    Attributes
    ----------
    n1 : int
        Patients of the first stage.
    rules : tuple of (int, int, int or None)
        Responders of the first stage, size of the second, smallest count of the second that rejects.
    """

    n1: int
    rules: tuple[tuple[int, int, int | None], ...]

    @property
    def look_sizes(self) -> tuple[int, int]:
        """Patients of the first stage, and the largest number in all."""
        return (self.n1, self.n1 + max(n2 for _, n2, _ in self.rules))

    def second_stage_power(self, p: float) -> NDArray[np.float64]:
        """Give, for each number of responders of the first stage, the probability that the second rejects.

        Parameters
        ----------
        p : float
            True rate.

        Returns
        -------
        ndarray, shape (n1 + 1,)
        """
        Checks("second_stage_power").rate("p", p).done()
        return np.array(
            [
                0.0 if count is None else float(binomial_tail(count, n2, p))
                for _, n2, count in sorted(self.rules)
            ]
        )

    @cached_property
    def outcomes(self) -> Outcomes:
        """Every way in which the trial can end."""
        first = binomial_ways(self.n1)
        parts: list[tuple[Any, ...]] = []
        for x1, n2, count in sorted(self.rules, key=lambda rule: rule[1] > 0):
            x2 = np.arange(n2 + 1)
            limit = n2 + 1 if count is None else count
            parts.append(
                (
                    np.full(n2 + 1, int(n2 > 0)),
                    np.full(n2 + 1, self.n1 + n2),
                    x1 + x2,
                    first[x1] * binomial_ways(n2),
                    np.where(x2 >= limit, 1, -1),
                )
            )
        look, n, x, ways, stop = (np.concatenate(column) for column in zip(*parts, strict=True))
        # sums over several paths of one (n, x) are not kept apart by who was first: no UMVUE here
        return Outcomes(look, n, x, ways, np.full(len(ways), np.nan), np.full(len(ways), np.nan), stop, 2)

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol."""
        parts: list[str] = []
        for x1, n2, count in self.rules:
            ends = "reject nothing" if count is None else f"reject if {count} or more of them respond"
            if n2:
                parts.append(f"{x1} respond: {n2} more, {ends}")
            elif count is not None:
                parts.append(f"{x1} respond: reject")
        return f"Enrol {self.n1}; if " + "; ".join(parts) + "; else stop."

    def _display(self) -> Display:
        return Display(self.sentence())

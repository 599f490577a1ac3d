"""When is the end of the trial already known, or nearly so?

Input: a single-stage or two-stage design; conditional powers at which to stop.
Output: `curtailed` (the same decision, looked at after every patient) and `optimal_curtailed`.
Protocol section: design.
Method: conditional power by backward recursion. Non-stochastic curtailment stops only where the decision is
certain and keeps both errors; stochastic curtailment stops where it is nearly so and changes them, exactly.
Next: `multi_stage`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pnstrial.design.counts.outcomes import Design
from pnstrial.design.stages.adaptive import stops_of
from pnstrial.design.stages.sequential import SequentialDesign
from pnstrial.design.stages.two_stage import TwoStageDesign, probability_tables, two_stage
from pnstrial.numerics.arguments import Checks
from pnstrial.results import Display, Result

__all__ = ["CurtailedDesign", "curtailed", "optimal_curtailed"]


def curtailed(
    design: Design,
    futility: float = 0.0,
    efficacy: float = 1.0,
    p: float | None = None,
    p0: float | None = None,
    p1: float | None = None,
) -> SequentialDesign:
    """Stop a design as soon as its decision is certain, or probable enough.

    Parameters
    ----------
    design : Design
        Single-stage, two-stage or sequential.
    futility, efficacy : float
        Stop where the conditional power is at most, at least; 0 and 1 (the default) mean certainty.
    p : float, optional
        Rate at which conditional power is taken; default the design's p1. Certainty needs none.
    p0, p1 : float, optional
        Rates of the result; default the design's.

    Returns
    -------
    SequentialDesign
        A look after every patient. Counts that cannot occur are kept out.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> from pnstrial.design.stages.two_stage import two_stage
    >>> plan = two_stage(0, 9, 2, 17, 0.05, 0.25)
    >>> early = curtailed(plan)
    >>> round(early.alpha, 4), round(early.operating_characteristics(0.05).expected_n, 4)
    (0.0466, 11.5525)
    """
    checks = (
        Checks("curtailed").instance("design", design, Design, "a design of a count of responders").done()
    )
    rate = p if p is not None else getattr(design, "p1", None)
    checks = Checks("curtailed").rate("futility", futility).rate("efficacy", efficacy)
    for name, value in (("p", p), ("p0", p0), ("p1", p1)):
        if value is not None:
            checks.rate(name, value)
    if not checks.problems:
        checks.add(futility >= efficacy, f"futility = {futility} must be below efficacy = {efficacy}")
        checks.add(
            rate is None and (futility > 0 or efficacy < 1), "p = None must be given: the design names no p1"
        )
    checks.done()
    stops = stops_of("curtailed", design)
    last = max(stops)
    share = 0.5 if rate is None else float(rate)
    power = np.zeros(last + 1)
    sure = np.zeros(last + 1, dtype=bool)  # rejection certain
    lost = np.ones(last + 1, dtype=bool)  # rejection impossible
    low: list[int | None] = []
    high: list[int | None] = []
    for m in range(last, 0, -1):
        if m < last:
            power = (1 - share) * power[:-1] + share * power[1:]
            sure, lost = sure[:-1] & sure[1:], lost[:-1] & lost[1:]
        if m in stops:
            x = np.arange(m + 1)
            a, b = stops[m]
            power = np.where(x >= b, 1.0, np.where(x <= a, 0.0, power))
            sure, lost = (x >= b) | (sure & (x > a)), (x <= a) | (lost & (x < b))
        down = np.flatnonzero(lost | (power <= futility) & (futility > 0))
        up = np.flatnonzero(sure | (power >= efficacy) & (efficacy < 1))
        low.append(int(down[-1]) if len(down) else None)
        high.append(int(up[0]) if len(up) else None)
    name = "curtailed" if futility == 0 and efficacy == 1 else "stochastically curtailed"
    return SequentialDesign(
        tuple(range(1, last + 1)),
        tuple(reversed(low)),
        tuple(reversed(high)),
        name,
        p0 if p0 is not None else getattr(design, "p0", None),
        p1 if p1 is not None else getattr(design, "p1", None),
    )


@dataclass(frozen=True, repr=False)
class CurtailedDesign(Result):
    """A two-stage design chosen for its size when curtailed.

    Attributes
    ----------
    plan : TwoStageDesign
        The two-stage design.
    design : SequentialDesign
        The same with a look after every patient.
    alpha, power : float
        Exact.
    expected_n0, expected_n1 : float
        Expected size at p0 and p1.
    """

    plan: TwoStageDesign
    design: SequentialDesign
    alpha: float
    power: float
    expected_n0: float
    expected_n1: float

    @property
    def n(self) -> int:
        """Largest number of patients."""
        return self.plan.n

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol."""
        return self.plan.sentence().removesuffix(".") + "; stop as soon as the decision is certain."

    def _display(self) -> Display:
        sizes = f"Expected size {self.expected_n0:.2f} at p0, {self.expected_n1:.2f} at p1."
        return Display(f"{self.sentence()} {sizes}")


def optimal_curtailed(
    p0: float, p1: float, alpha: float = 0.05, power: float = 0.8, n_max: int = 40
) -> CurtailedDesign:
    """Find the two-stage design that is smallest at p0 when stopped as soon as its decision is certain.

    Parameters
    ----------
    p0, p1 : float
        Rate of no interest and rate hoped for.
    alpha, power : float
        Type I error and power.
    n_max : int, default 40
        Largest number of patients, up to 100.

    Returns
    -------
    CurtailedDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no design has n_max patients or fewer.

    Examples
    --------
    >>> best = optimal_curtailed(0.1, 0.4, n_max=17).plan
    >>> best.r1, best.n1, best.r, best.n
    (0, 4, 3, 15)
    """
    checks = Checks("optimal_curtailed").hypotheses(p0, p1).share("alpha", alpha).share("power", power)
    checks.count("n_max", n_max, 2, 100).done()
    best: tuple[float, tuple[int, int, int, int]] | None = None
    pmf, tail = zip(*(probability_tables(p, int(n_max)) for p in (p0, p1)), strict=True)
    for n in range(2, int(n_max) + 1):
        for r1, n1, r in _feasible(n, pmf, tail, alpha, 1 - power):
            limit = np.inf if best is None else best[0]
            size = _curtailed_size(r1, n1, r, n, p0, limit)
            if size < limit:
                best = (size, (r1, n1, r, n))
    if best is None:
        raise ValueError(
            f"optimal_curtailed: no design of up to n_max = {n_max} patients keeps alpha = {alpha} and power ="
            f" {power}; raise n_max"
        )
    plan = two_stage(*best[1], p0, p1, "two-stage, curtailed")
    design = curtailed(plan)
    oc = design.operating_characteristics(np.array([p0, p1]))
    return CurtailedDesign(
        plan,
        design,
        float(oc.reject[0]),
        float(oc.reject[1]),
        float(oc.expected_n[0]),
        float(oc.expected_n[1]),
    )


def _feasible(
    n: int, pmf: tuple[np.ndarray, ...], tail: tuple[np.ndarray, ...], alpha: float, beta: float
) -> list[tuple[int, int, int]]:
    """List every (r1, n1, r) of one n that keeps both errors."""
    found: list[tuple[int, int, int]] = []
    n1 = np.arange(1, n)
    x1 = np.arange(n)
    for r in range(n - 1, -1, -1):
        if tail[1][n, r + 1] < 1 - beta:
            continue
        index = np.maximum(r - x1 + 1, 0)[None, :]
        lost = [np.cumsum(pmf[h][n1][:, x1] * tail[h][(n - n1)[:, None], index], axis=1) for h in (0, 1)]
        allowed = (x1[None, :] < n1[:, None]) & (x1 <= r)[None, :]
        level = allowed & (tail[0][n, r + 1] - lost[0] <= alpha)
        if not level.any():
            break
        rows, columns = np.nonzero(level & (tail[1][n, r + 1] - lost[1] >= 1 - beta))
        found += [(int(x1[j]), int(n1[i]), r) for i, j in zip(rows, columns, strict=True)]
    return found


def _curtailed_size(r1: int, n1: int, r: int, n: int, p: float, limit: float) -> float:
    """Give the expected size at p of a design that stops when its decision is certain."""
    state = np.zeros(r + 2)
    state[0] = 1.0
    x = np.arange(r + 2)
    size = 0.0
    for m in range(n):
        alive = float(state.sum())
        size += alive
        if size >= limit or alive == 0.0:
            break
        step = (1 - p) * state
        step[1:] += p * state[:-1]
        done = m + 1
        lowest = r + 1 - (n - done)
        if done <= n1:
            lowest = max(lowest, r1 + 1 - (n1 - done))
        state = np.where((x >= lowest) & (x <= r), step, 0.0)
    return size

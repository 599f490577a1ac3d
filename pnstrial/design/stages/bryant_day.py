"""How does a trial stop for too few responses or too much toxicity?

Input: rates of response and of toxicity that are not acceptable and that are, errors for each, power.
Output: `BryantDay` with the designs of smallest expected size and of smallest n.
Protocol section: design.
Method: complete search over first-stage size and the four counts. Independent endpoints make every probability a
product; with an odds ratio between them the joint distribution of both counts is enumerated.
Next: `adaptive`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.results import Display, Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["BryantDay", "BryantDayDesign", "bryant_day", "bryant_day_rule"]


@dataclass(frozen=True, repr=False)
class BryantDayDesign(Result):
    """A two-stage design for response and toxicity.

    Attributes
    ----------
    n1, n : int
        Patients of the first stage, and of both.
    responses_continue, nontoxic_continue : int
        Go on with at least so many responders and at least so many patients without toxicity among n1.
    responses_success, nontoxic_success : int
        Recommend the treatment with at least so many of each among n.
    alpha_r : float
        Probability to recommend with response r0 and toxicity t1.
    alpha_t : float
        Probability to recommend with response r1 and toxicity t0.
    power : float
        Probability to recommend with r1 and t1.
    expected_n : dict
        Expected size for (response, toxicity) "bad-bad", "good-bad", "bad-good", "good-good".
    odds_ratio : float
        Between response and absence of toxicity; 1 = independent.
    """

    n1: int
    n: int
    responses_continue: int
    nontoxic_continue: int
    responses_success: int
    nontoxic_success: int
    alpha_r: float
    alpha_t: float
    power: float
    expected_n: dict[str, float]
    odds_ratio: float

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol."""
        return (
            f"Enrol {self.n1}; go on to {self.n} if {self.responses_continue} or more respond and"
            f" {self.nontoxic_continue} or more have no toxicity; recommend if {self.responses_success} or more"
            f" respond and {self.nontoxic_success} or more have no toxicity; error {self.alpha_r:.3f} for"
            f" response, {self.alpha_t:.3f} for toxicity, power {self.power:.3f}."
        )

    def _display(self) -> Display:
        return Display(self.sentence())


@dataclass(frozen=True, repr=False)
class BryantDay(Result):
    """Designs for response and toxicity.

    Attributes
    ----------
    optimal : BryantDayDesign
        Smallest of the larger expected sizes under (bad response, good toxicity) and (good, bad).
    minimax : BryantDayDesign
        Smallest n, and among those the smallest such expected size.
    per_n : tuple of BryantDayDesign
        The best of every n that has one.
    """

    optimal: BryantDayDesign
    minimax: BryantDayDesign
    per_n: tuple[BryantDayDesign, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per n."""
        import pandas as pd

        names = [name for name in BryantDayDesign.__dataclass_fields__ if name != "expected_n"]
        return pd.DataFrame(
            [{**{name: getattr(d, name) for name in names}, **d.expected_n} for d in self.per_n]
        )

    def _display(self) -> Display:
        return Display(f"optimal: {self.optimal.sentence()}\nminimax: {self.minimax.sentence()}")


def _tables(rates: list[float], n_max: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give pmf[h, m, x] and tail[h, m, x] = P(X >= x)."""
    pmf = np.zeros((len(rates), n_max + 1, n_max + 2))
    for h, p in enumerate(rates):
        pmf[h, 0, 0] = 1.0
        for m in range(1, n_max + 1):
            pmf[h, m, :] = (1 - p) * pmf[h, m - 1, :]
            pmf[h, m, 1:] += p * pmf[h, m - 1, :-1]
    tail = np.cumsum(pmf[..., ::-1], axis=2)[..., ::-1]
    return pmf, np.ascontiguousarray(tail)


def joint_cells(p: float, q: float, odds_ratio: float) -> NDArray[np.float64]:
    """Give the four joint probabilities [x, y] of two binary answers with given margins and odds ratio."""
    if math.isclose(odds_ratio, 1.0):
        both = p * q
    else:
        s = 1 + (p + q) * (odds_ratio - 1)
        both = (s - math.sqrt(s * s - 4 * odds_ratio * (odds_ratio - 1) * p * q)) / (2 * (odds_ratio - 1))
    return np.array([[1 - p - q + both, q - both], [p - both, both]])


def joint_tables(cells: NDArray[np.float64], n_max: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give joint pmf[m, x, y] and tail[m, x, y] = P(X >= x, Y >= y)."""
    pmf = np.zeros((n_max + 1, n_max + 1, n_max + 1))
    pmf[0, 0, 0] = 1.0
    for m in range(1, n_max + 1):
        before = pmf[m - 1]
        pmf[m] += cells[0, 0] * before
        pmf[m, :, 1:] += cells[0, 1] * before[:, :-1]
        pmf[m, 1:, :] += cells[1, 0] * before[:-1, :]
        pmf[m, 1:, 1:] += cells[1, 1] * before[:-1, :-1]
    tail = np.cumsum(np.cumsum(pmf[:, ::-1, ::-1], axis=1), axis=2)[:, ::-1, ::-1]
    return pmf, np.ascontiguousarray(tail)


def bryant_day_rule(
    n1: int,
    responses_continue: int,
    nontoxic_continue: int,
    n: int,
    responses_success: int,
    nontoxic_success: int,
    r0: float,
    r1: float,
    t0: float,
    t1: float,
    odds_ratio: float = 1.0,
) -> BryantDayDesign:
    """Give the exact characteristics of a design for response and toxicity.

    Parameters
    ----------
    n1, responses_continue, nontoxic_continue, n, responses_success, nontoxic_success : int
        The design (`BryantDayDesign`).
    r0, r1 : float
        Response that is not acceptable, and that is.
    t0, t1 : float
        Toxicity that is not acceptable, and that is; t0 > t1.
    odds_ratio : float, default 1
        Between response and absence of toxicity.

    Returns
    -------
    BryantDayDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Examples
    --------
    >>> design = bryant_day_rule(7, 2, 5, 23, 8, 17, r0=0.2, r1=0.5, t0=0.4, t1=0.15)
    >>> round(design.alpha_r, 4), round(design.power, 4)
    (0.0541, 0.8145)
    """
    _check("bryant_day_rule", r0, r1, t0, t1, odds_ratio)
    checks = Checks("bryant_day_rule").count("n", n, 2, 200)
    if not checks.problems:
        checks.count("n1", n1, 1, int(n) - 1)
    for name, value, last in (
        ("responses_continue", responses_continue, n1), ("nontoxic_continue", nontoxic_continue, n1),
        ("responses_success", responses_success, n), ("nontoxic_success", nontoxic_success, n),
    ):  # fmt: skip
        checks.count(name, value, 0, int(last) + 1 if checks.clean else None)
    checks.done()
    n1, responses_continue, nontoxic_continue = int(n1), int(responses_continue), int(nontoxic_continue)
    n, responses_success, nontoxic_success = int(n), int(responses_success), int(nontoxic_success)
    accept: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for name, p, q in (
        ("bad-bad", r0, 1 - t0), ("good-bad", r1, 1 - t0), ("bad-good", r0, 1 - t1), ("good-good", r1, 1 - t1)
    ):  # fmt: skip
        pmf, tail = joint_tables(joint_cells(p, q, odds_ratio), n)
        go = pmf[n1].copy()
        go[:responses_continue, :] = 0.0
        go[:, :nontoxic_continue] = 0.0
        x = np.maximum(0, responses_success - np.arange(n + 1))
        y = np.maximum(0, nontoxic_success - np.arange(n + 1))
        reach = tail[n - n1][x[:, None], y[None, :]]
        accept[name] = float((go * reach).sum())
        sizes[name] = n1 + (n - n1) * float(go.sum())
    return BryantDayDesign(
        n1, n, responses_continue, nontoxic_continue, responses_success, nontoxic_success,
        accept["bad-good"], accept["good-bad"], accept["good-good"], sizes, float(odds_ratio),
    )  # fmt: skip


def _check(caller: str, r0: Any, r1: Any, t0: Any, t1: Any, odds_ratio: Any) -> None:
    checks = Checks(caller)
    for name, value in (("r0", r0), ("r1", r1), ("t0", t0), ("t1", t1)):
        checks.share(name, value)
    checks.positive("odds_ratio", odds_ratio)
    if not checks.problems:
        checks.add(r1 <= r0, f"r1 = {r1} must be above r0 = {r0}: r1 is the response hoped for")
        checks.add(t1 >= t0, f"t1 = {t1} must be below t0 = {t0}: t1 is the toxicity that is acceptable")
    checks.done()


def bryant_day(
    r0: float,
    r1: float,
    t0: float,
    t1: float,
    alpha_r: float = 0.1,
    alpha_t: float = 0.1,
    power: float = 0.8,
    n_min: int = 2,
    n_max: int = 60,
    odds_ratio: float = 1.0,
) -> BryantDay:
    """Find two-stage designs that stop for too few responses or too much toxicity.

    Parameters
    ----------
    r0, r1 : float
        Response that is not acceptable, and that is; r0 < r1.
    t0, t1 : float
        Toxicity that is not acceptable, and that is; t0 > t1.
    alpha_r, alpha_t : float
        Largest probabilities to recommend a treatment with too little response, with too much toxicity.
    power : float
        Smallest probability to recommend one that is good in both.
    n_min, n_max : int
        Range of the number of patients, up to 100.
    odds_ratio : float, default 1
        Between response and absence of toxicity; 1 = independent.

    Returns
    -------
    BryantDay

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no design in the range keeps the errors.

    Notes
    -----
    Bryant J, Day R. Biometrics 1995;51:1372-1383. The search is complete: EurosarcBayes looks in a window around
    the rates and misses the smallest feasible n in 2 of 12 cases.

    Examples
    --------
    >>> bryant_day(0.2, 0.5, 0.4, 0.15, n_min=16, n_max=24).optimal.n
    23
    """
    from pnstrial.design.stages.bryant_day_kernels import best_of_n, best_of_n_joint

    _check("bryant_day", r0, r1, t0, t1, odds_ratio)
    checks = Checks("bryant_day")
    for name, value in (("alpha_r", alpha_r), ("alpha_t", alpha_t), ("power", power)):
        checks.share(name, value)
    checks.count("n_max", n_max, 2, 100)
    if not checks.problems:
        checks.count("n_min", n_min, 2, int(n_max))
    checks.done()
    margin, margin_tail = _tables([r0, r1, 1 - t0, 1 - t1], int(n_max))
    joint = None
    if not math.isclose(odds_ratio, 1.0):
        parts = [
            joint_tables(joint_cells(p, q, odds_ratio), int(n_max))
            for p, q in ((r0, 1 - t1), (r1, 1 - t0), (r1, 1 - t1))
        ]
        joint = (np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts]))
    designs: list[BryantDayDesign] = []
    for n in range(int(n_min), int(n_max) + 1):
        if joint is None:
            size, found = best_of_n(n, margin, margin_tail, alpha_r, alpha_t, power, np.inf)
        else:
            size, found = best_of_n_joint(n, margin, margin_tail, *joint, alpha_r, alpha_t, power, np.inf)
        if math.isfinite(size):
            n1, a1, b1, a, b = found.tolist()
            designs.append(bryant_day_rule(n1, a1, b1, n, a, b, r0, r1, t0, t1, odds_ratio))
    if not designs:
        raise ValueError(
            f"bryant_day: no design of {n_min} to {n_max} patients keeps alpha_r = {alpha_r}, alpha_t = {alpha_t}"
            f" and power = {power}; raise n_max (at most 100) or the errors"
        )
    optimal = min(designs, key=_larger_size)
    return BryantDay(optimal, designs[0], tuple(designs))


def _larger_size(design: BryantDayDesign) -> float:
    return max(design.expected_n["good-bad"], design.expected_n["bad-good"])

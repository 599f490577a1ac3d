"""What do three stages, or stops for efficacy, gain?

Input: rates, errors, number of stages, which stops are allowed.
Output: `multi_stage` (the design with the smallest expected size at p0) and `fleming` (Fleming's counts for given
looks), both as `SequentialDesign`.
Protocol section: design.
Method: complete search; a branch ends where its expected size, its type I error or its lost power is too large.
Next: `after`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.design.stages.sequential import SequentialDesign, checked_looks
from pnstrial.design.stages.two_stage import probability_tables
from pnstrial.numerics.arguments import Checks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fleming", "multi_stage"]


def multi_stage(
    p0: float,
    p1: float,
    alpha: float = 0.05,
    power: float = 0.8,
    stages: int = 3,
    n_max: int = 40,
    futility: bool = True,
    efficacy: bool = False,
) -> SequentialDesign:
    """Find the design of two or three stages with the smallest expected size at p0.

    Parameters
    ----------
    p0, p1 : float
        Rate of no interest and rate hoped for.
    alpha, power : float
        Largest type I error and smallest power; both may be met exactly.
    stages : {2, 3}
        Number of stages.
    n_max : int, default 40
        Largest number of patients, up to 80.
    futility, efficacy : bool
        Which early stops are allowed; one at least.

    Returns
    -------
    SequentialDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no design has n_max patients or fewer.

    Notes
    -----
    Chen TT. Stat Med 1997;16:2701-2711 (three stages, futility only); Mander AP, Thompson SG. Contemp Clin
    Trials 2010;31:572-578 (both stops). Designs equal R's singlearm.

    Examples
    --------
    >>> design = multi_stage(0.1, 0.4, stages=3, n_max=17)
    >>> design.looks, design.futility
    ((4, 8, 16), (0, 1, 3))
    """
    from pnstrial.design.stages.multi_stage_kernels import best_design

    checks = Checks("multi_stage").hypotheses(p0, p1).share("alpha", alpha).share("power", power)
    checks.count("stages", stages, 2, 3).count("n_max", n_max, 2, 80)
    checks.flag("futility", futility).flag("efficacy", efficacy)
    checks.add(checks.clean and not (futility or efficacy), "futility and efficacy are both False; allow one")
    checks.done()
    pmf = [probability_tables(p, int(n_max))[0] for p in (p0, p1)]
    size, found = best_design(pmf[0], pmf[1], int(n_max), alpha, power, int(stages), futility, efficacy)
    if not math.isfinite(size):
        raise ValueError(
            f"multi_stage: no design of up to n_max = {n_max} patients keeps alpha = {alpha} and power = {power};"
            " raise n_max (at most 80)"
        )
    n1, n2, n3, a1, a2, r, b1, b2 = found.tolist()
    looks = (n1, n2) if stages == 2 else (n1, n2, n3)
    low = [a1, r] if stages == 2 else [a1, a2, r]
    high = [b1, r + 1] if stages == 2 else [b1, b2, r + 1]
    return SequentialDesign(
        looks,
        tuple(a if a >= 0 else None for a in low),
        tuple(b if b <= n else None for b, n in zip(high, looks, strict=True)),
        f"{int(stages)}-stage",
        float(p0),
        float(p1),
    )


def fleming(
    looks: Sequence[int], p0: float, p1: float | None = None, alpha: float = 0.05
) -> SequentialDesign:
    """Give Fleming's counts for stopping early for futility or for efficacy.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look.
    p0 : float
        Rate under the null.
    p1 : float, optional
        Rate at which the exact power is wanted.
    alpha : float, default 0.05
        Nominal type I error; the exact one is `alpha` of the result.

    Returns
    -------
    SequentialDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Fleming TR. Biometrics 1982;38:143-151, section 2: the counts are placed by a normal approximation (nearest
    whole numbers of n p0 + z sqrt(N p0 (1 - p0)) + 1 and of n pA - z sqrt(N pA (1 - pA))), so that the exact
    type I error can exceed alpha. `multi_stage` and `group_sequential` keep it.

    Examples
    --------
    >>> design = fleming([20, 35], 0.1, 0.3)
    >>> design.futility, design.efficacy, round(design.alpha, 4)
    ((2, 6), (6, 7), 0.0527)
    """
    from scipy.special import ndtri

    sizes = checked_looks("fleming", looks)
    checks = Checks("fleming").share("p0", p0).share("alpha", alpha)
    if p1 is not None:
        checks.hypotheses(p0, p1)
    checks.done()
    z = float(ndtri(1 - alpha))
    total = sizes[-1]
    rate = (math.sqrt(total * p0) + math.sqrt(1 - p0) * z) ** 2 / (total + z * z)
    n = np.array(sizes)
    high = np.rint(n * p0 + z * math.sqrt(total * p0 * (1 - p0))).astype(int) + 1
    low = np.rint(n * rate - z * math.sqrt(total * rate * (1 - rate))).astype(int)
    low[-1] = high[-1] - 1
    return SequentialDesign(
        sizes,
        tuple(int(a) if a >= 0 else None for a in low),
        tuple(int(b) if b <= m else None for b, m in zip(high, sizes, strict=True)),
        "Fleming",
        float(p0),
        p1,
    )

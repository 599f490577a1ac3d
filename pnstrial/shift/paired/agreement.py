"""How well do two raters agree on a scale, beyond chance?

Input: grades 0-6 that two raters gave the same patients.
Output: `WeightedKappa`: Cohen's kappa, weighted by how far apart the grades are, with its interval.
Protocol section: visits (primary_rater).
Method: Cohen, Psychol Bull 1968;70:213; standard error of Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323.
Next: `shift.paired.missing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.shift.grades import WORST, grade_pairs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["WeightedKappa", "weighted_kappa"]

_LOSS: Final = {"none": 0, "linear": 1, "quadratic": 2}


@dataclass(frozen=True)
class WeightedKappa(Result):
    """Agreement of two raters beyond chance.

    Attributes
    ----------
    estimate : float or NotEstimable
        Kappa: 1 for full agreement, 0 for that of chance.
    std_error : float or NotEstimable
    ci : tuple of float or NotEstimable
        Estimate and standard error by the normal distribution, cut at -1 and 1.
    level : float
    agreement : float
        Share of patients given the same grade.
    weights : str
    n : int
        Patients rated by both.
    counts : ndarray of int, shape (7, 7)
        Rows the first rater, columns the second.
    """

    estimate: float | NotEstimable
    std_error: float | NotEstimable
    ci: tuple[float, float] | NotEstimable
    level: float
    agreement: float
    weights: str
    n: int
    counts: NDArray[np.int64] = field(repr=False)

    def _display(self) -> Display:
        title = f"Agreement of two raters, kappa with weights: {self.weights}"
        pairs = (
            ("kappa", self.estimate),
            (f"{100 * self.level:g} % interval", self.ci),
            ("same grade", self.agreement),
            ("patients", self.n),
        )
        return Display(title, pairs)


def weighted_kappa(
    first: ArrayLike,
    second: ArrayLike,
    *,
    weights: Literal["none", "linear", "quadratic"] = "quadratic",
    level: float = 0.95,
    data: pd.DataFrame | None = None,
) -> WeightedKappa:
    """Measure how well two raters agree on the modified Rankin scale.

    Parameters
    ----------
    first, second : array-like of int
        Grades 0-6 that the two raters gave the same patients, or their columns in `data`.
    weights : {"quadratic", "linear", "none"}
        What a disagreement by d grades costs: d², d, or the same whatever d is (Cohen's unweighted kappa).
    level : float, default 0.95
    data : pandas.DataFrame, optional
        One row per patient.

    Returns
    -------
    WeightedKappa
        Not estimable where both raters gave every patient one and the same grade; without interval where they
        agree, or disagree, in such a way that the standard error is 0.

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, or the lengths differ.

    Notes
    -----
    kappa = 1 - sum(v o) / sum(v e), with v the cost of a cell, o its share and e that of independent raters. With fewer
    than about 30 patients the interval is too narrow. Kappa depends on how the grades are spread: compare it only
    between similar patients.

    References
    ----------
    .. [1] Cohen J. Psychol Bull 1968;70:213-220.
    .. [2] Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327.

    Examples
    --------
    >>> found = weighted_kappa([2, 3, 3, 4, 2, 1, 5, 3], [2, 3, 4, 4, 1, 1, 5, 2])
    >>> round(found.estimate, 3), round(found.std_error, 3), found.agreement
    (0.887, 0.072, 0.625)
    """
    check_signature(weighted_kappa, locals())
    Checks("weighted_kappa").level("level", level).done()
    one, two = grade_pairs("weighted_kappa", first, second, data=data)
    counts = np.zeros((WORST + 1, WORST + 1), dtype=np.int64)
    np.add.at(counts, (one, two), 1)
    p = counts / one.size
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    grades = np.arange(WORST + 1.0)
    gap = np.abs(grades[:, None] - grades)
    cost = gap ** _LOSS[weights] * (gap > 0)
    chance = float((cost * np.outer(rows, columns)).sum())
    agreement = float(np.trace(p))
    if chance == 0.0:
        none = NotEstimable("both raters gave every patient the same grade")
        return WeightedKappa(none, none, none, level, agreement, weights, one.size, counts)
    kappa = 1.0 - float((cost * p).sum()) / chance
    # the weights of agreement that Fleiss, Cohen and Everitt write: 1 less the cost, on a scale where the largest is 1
    w = 1.0 - cost / cost.max()
    mean = (w @ columns)[:, None] + rows @ w
    expected = float((w * np.outer(rows, columns)).sum())
    spread = float((p * (w - mean * (1.0 - kappa)) ** 2).sum())
    variance = (spread - (kappa - expected * (1.0 - kappa)) ** 2) / (one.size * (1.0 - expected) ** 2)
    if variance <= 1e-15:
        none = NotEstimable("every pair of grades says the same of the agreement: the standard error is 0")
        return WeightedKappa(kappa, none, none, level, agreement, weights, one.size, counts)
    error = float(np.sqrt(variance))
    half = normal_quantile(level) * error
    ci = (max(-1.0, kappa - half), min(1.0, kappa + half))
    return WeightedKappa(kappa, error, ci, level, agreement, weights, one.size, counts)

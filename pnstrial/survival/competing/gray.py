"""Does the cumulative incidence of a cause differ between groups?

Input: times, causes (0 = censored, 1, 2, ... = which event came first) and group labels; strata if there are any.
Output: `GrayTest` for one cause with the other causes beside it.
Protocol section: none.
Method: Gray, Ann Stat 1988;16:1141, with the variance for ties of R's cmprsk.
Next: `by_group`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.numerics.arguments import as_number, display
from pnstrial.numerics.normal import chi_square_p
from pnstrial.results import NotEstimable, Result
from pnstrial.survival.competing.causes import causes_of, failure_code, labelled_causes
from pnstrial.survival.observations import codes_of, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["GrayTest", "gray_test"]

SINGULAR = 1e-10


@dataclass(frozen=True, eq=False)
class GrayTest(Result):
    """Result of Gray's test of equal cumulative incidence.

    Attributes
    ----------
    statistic : float or NotEstimable
        Chi-square for the cause `failure`; NotEstimable where the cause never happened, the groups are never at
        risk together when it does, or the pooled incidence comes to 1 before they are.
    df : int
        Groups less one.
    p_value : float or NotEstimable
    failure : int
        The cause compared.
    groups : tuple
        Labels, sorted.
    n : tuple of int
        Patients in each group.
    events : tuple of int
        Events of the cause in each group.
    scores : ndarray, shape (groups,)
        Weighted events observed less expected in each group; positive = higher incidence than the others.
    variance : ndarray, shape (groups, groups)
        Covariance of the scores.
    rho : float
        Power of the weight (1 - F)^rho.
    causes : pandas.DataFrame
        The test of every cause that happened: cause, events, statistic, df, p_value and reason ("" where there is
        a test, else why there is none and the two numbers are missing).
    """

    statistic: float | NotEstimable
    df: int
    p_value: float | NotEstimable
    failure: Any
    groups: tuple[Any, ...]
    n: tuple[int, ...]
    events: tuple[int, ...]
    scores: NDArray[np.float64]
    variance: NDArray[np.float64]
    rho: float = 0.0
    causes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the test of every cause, one row each.

        Returns
        -------
        pandas.DataFrame
            The columns of `causes`.
        """
        return self.causes.copy()


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
    failure: Any = None,
    *,
    causes: Sequence[Any] | None = None,
    censored: Any = None,
    data: Any = None,
    unit: str | None = None,
) -> GrayTest:
    """Test whether groups share one cumulative incidence of a cause.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up times, at least 0.
    cause : array_like, shape (n,)
        0 censored, 1, 2, ... the event that came first; or labels, with `causes` and `censored` as in
        `cumulative_incidence`.
    group : array_like, shape (n,)
        Labels of two or more groups.
    strata : array_like, shape (n,), optional
        Labels within which the groups are compared.
    rho : float, default 0
        Weight (1 - F(t-))^rho of the pooled incidence F; above 0 weighs early differences more.
    failure : int or label, optional
        The cause compared, default the first; the tests of the others are in `causes`.
    causes, censored, data, unit
        As in `cumulative_incidence`.

    Returns
    -------
    GrayTest

    Raises
    ------
    ValueError
        If there are not at least two groups, rho is negative, failure is not a whole number from 1 on, or a value is
        outside what is possible (names argument, position and value).

    Notes
    -----
    The score of group k is the integral of R_k (dF_k / (1 - F_k-) - dF / (1 - F-)) with R_k = Y_k (1 - F_k-) /
    S_k-, weighted by (1 - F-)^rho (Gray 1988), its covariance Gray's with the
    hypergeometric correction for ties, as ``cuminc`` of R's cmprsk; a log-rank test compares something else, the
    cause-specific hazards. cmprsk gives -1 where the covariance is singular; here it is NotEstimable. Groups that
    a stratum lacks count nothing there.

    Examples
    --------
    >>> result = gray_test([1, 2, 3, 4, 5, 6], [1, 2, 1, 0, 1, 2], ["a", "a", "a", "b", "b", "b"])
    >>> round(result.statistic, 4), round(result.p_value, 4)
    (2.1654, 0.1411)
    """
    time, cause, group, strata = columns(data, time=time, cause=cause, group=group, strata=strata)
    named, cause = labelled_causes(cause, causes, censored)
    times, codes = causes_of(time, cause, unit)
    labels, groups = codes_of(group, times.size)
    if len(labels) < 2:
        raise ValueError(f"group needs at least two labels, got only {labels[0]!r}")
    failure = failure_code(failure, named)
    if as_number(rho) is None or rho < 0:
        raise ValueError(f"rho must be at least 0, got {display(rho)}")

    def name_of(code: int) -> Any:
        return code if named is None or code > len(named) else named[code - 1]

    blocks = np.zeros(times.size, dtype=np.int64)
    if strata is not None:
        _, blocks = codes_of(strata, times.size, "strata")
    rows: list[dict[str, Any]] = []
    found: tuple[Vector, Vector, float | NotEstimable, float | NotEstimable] | None = None
    for own in sorted({*np.unique(codes[codes > 0]).tolist(), failure}):
        scores, variance = _scores(times, codes, groups, blocks, own, rho, len(labels))
        statistic, p_value = _tested(scores, variance, own, bool((codes == own).any()))
        if own == failure:
            found = scores, variance, statistic, p_value
        rows.append(
            {
                "cause": name_of(own),
                "events": int((codes == own).sum()),
                "statistic": statistic if isinstance(statistic, float) else math.nan,
                "df": len(labels) - 1,
                "p_value": p_value if isinstance(p_value, float) else math.nan,
                "reason": statistic.reason if isinstance(statistic, NotEstimable) else "",
            }
        )
    if found is None:
        raise ValueError(f"failure must be a cause, a whole number from 1 on, got {failure!r}")
    scores, variance, statistic, p_value = found
    counts = np.bincount(groups[codes == failure], minlength=len(labels))
    return GrayTest(
        statistic,
        len(labels) - 1,
        p_value,
        name_of(failure),
        tuple(labels),
        tuple(np.bincount(groups, minlength=len(labels)).tolist()),
        tuple(counts.tolist()),
        scores,
        variance,
        float(rho),
        pd.DataFrame(rows),
    )


def _tested(
    scores: Vector, variance: Vector, cause: int, happened: bool
) -> tuple[float | NotEstimable, float | NotEstimable]:
    if not happened:
        reason = NotEstimable(f"no event of cause {cause} happened")
        return reason, reason
    if not np.isfinite(variance).all():
        reason = NotEstimable(
            "the pooled incidence, which the weights need, comes to 1 while groups are still at risk"
        )
        return reason, reason
    block = variance[:-1, :-1]
    spread = np.sqrt(np.maximum(np.diag(block), 0.0))
    if (spread <= 0).any() or np.linalg.eigvalsh(block / np.outer(spread, spread))[0] < SINGULAR:
        reason = NotEstimable(
            f"the variance is singular: some groups are never at risk together when cause {cause} happens"
        )
        return reason, reason
    statistic = float(scores[:-1] @ np.linalg.solve(block, scores[:-1]))
    return statistic, chi_square_p(statistic, scores.size - 1)


def _scores(
    times: Vector, codes: Vector, groups: Vector, blocks: Vector, failure: int, rho: float, k: int
) -> tuple[Vector, Vector]:
    """Sum scores and covariances over strata."""
    scores, variance = np.zeros(k), np.zeros((k, k))
    for stratum in range(int(blocks.max()) + 1):
        rows = blocks == stratum
        kind = np.where(codes[rows] == 0, 0, np.where(codes[rows] == failure, 1, 2))
        s, v = _of_stratum(times[rows], kind, groups[rows], rho, k)
        scores += s
        variance += v
    return scores, variance


@dataclass
class _Sums:
    """What Gray's covariance gathers over time: c is the matrix of integrals, v, v2, v3 its squares by power of c."""

    c: Vector
    v: Vector
    v2: Vector
    v3: Vector

    def add(self, inner: Vector, outer: Vector, weight: Vector) -> None:
        """Add events with the contribution inner + outer x (c at the end), each with its weight."""
        self.v += (inner * weight) @ inner.T
        self.v2 += inner * (outer * weight)
        self.v3 += outer * outer * weight

    def total(self) -> Vector:
        cross = self.c @ self.v2.T
        return self.v + cross + cross.T + (self.c * self.v3) @ self.c.T


def _of_stratum(times: Vector, kind: Vector, groups: Vector, rho: float, k: int) -> tuple[Vector, Vector]:
    at = np.unique(times[kind > 0])
    edges = np.searchsorted(at, times, side="right")
    risk, dead, other = np.zeros((3, at.size, k))
    for g in range(k):
        mine = groups == g
        # Patients whose time is at least at[j] are those whose last passed time is j or later.
        risk[:, g] = np.cumsum(np.bincount(edges[mine], minlength=at.size + 1)[::-1])[::-1][1:]
        dead[:, g] = np.bincount(edges[mine & (kind == 1)], minlength=at.size + 1)[1:]
        other[:, g] = np.bincount(edges[mine & (kind == 2)], minlength=at.size + 1)[1:]
    free, own = np.ones(k), np.zeros(k)
    pooled = 0.0
    scores = np.zeros(k)
    sums = _Sums(np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k)), np.zeros(k))
    for y, d1, d2 in zip(risk, dead, other, strict=True):
        live = y > 0
        if live.sum() < 2:
            # From here on one group is compared with itself: nothing is added to score or covariance.
            break
        safe = np.where(live, y, 1.0)
        after = np.where(live, free * (y - d1 - d2) / safe, free)
        ratio = np.where(live, y / np.where(live, free, 1.0), 0.0)
        exposed = ratio * (1.0 - own)
        total, n1 = ratio.sum(), d1.sum()
        # The pooled estimate may pass 1 where a group that was mostly done has left.
        if pooled == 1.0 or (pooled > 1.0 and rho > 0.0):
            return np.full(k, np.nan), np.full((k, k), np.nan)
        weight = (1.0 - pooled) ** rho
        a = weight * (np.diag(ratio) - np.outer(ratio, ratio) / total)
        reached = pooled
        if n1 > 0:
            reached = pooled + n1 / total
            sums.c += a * n1 / (total * (1.0 - pooled))
            scores += weight * (d1 - n1 * exposed / exposed.sum())
        left = np.where(live & (after > 0), (1.0 - reached) / np.where(after > 0, after, 1.0), 0.0)
        if n1 > 0:
            tied = 1.0 - (n1 - 1.0) / np.where(live, total * free - 1.0, 1.0) if n1 > 1 else np.ones(k)
            load = np.where(live, tied * free * n1 / (total * safe), 0.0)
            outer = 1.0 - left
            sums.add(a - sums.c * outer, outer, load)
        if d2.any():
            tied = np.where(d2 > 1, 1.0 - (d2 - 1.0) / np.where(d2 > 1, y - 1.0, 1.0), 1.0)
            load = np.where((after > 0) & (d2 > 0), tied * free * free * d2 / (safe * safe), 0.0)
            sums.add(sums.c * left, -left, load)
        own = own + np.where(live, free * d1 / safe, 0.0)
        free, pooled = after, reached
    return scores, sums.total()

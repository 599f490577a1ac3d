"""By what factor does a covariate change the hazard, where patients of one cluster share an unmeasured risk?

Input: a table with rows that belong to clusters (sites, eyes, recurrences), and the names of its columns.
Output: `SharedFrailty`: hazard ratios within a cluster, the variance of the shared risk, and the risk of each cluster.
Protocol section: none.
Method: gamma frailty by penalised partial likelihood (Therneau and Grambsch, Modeling Survival Data, 2000, chapter 9);
its variance maximises the marginal likelihood (Nielsen et al, Scand J Stat 1992;19:25).
Next: `landmark`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.arguments import display
from pnstrial.numerics.newton import Maximum, maximise, newton_step
from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.numerics.roots import cross
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.cox.covariates import design_of, labels_of, table_and_columns
from pnstrial.survival.cox.fit import cox
from pnstrial.survival.cox.likelihood import hazard_at
from pnstrial.survival.cox.risk_sets import RiskSets, risk_sets
from pnstrial.survival.observations import codes_of, columns, follow_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]

__all__ = ["SharedFrailty", "shared_frailty"]

COLUMNS = ("coef", "std_error", "hazard_ratio", "lower", "upper", "z", "p_value")
# The variance is sought between these: below, frailty is nothing; above, a cluster decides alone.
SMALLEST, LARGEST = 1e-6, 1e3
STEPS = 60


@dataclass(frozen=True, eq=False)
class SharedFrailty(Result):
    """A Cox model with a gamma frailty for each cluster.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per coefficient, as in `Cox`: hazard ratios between patients of equal frailty.
    theta : float
        Variance of the frailty, whose mean is 1; 0 where the clusters differ no more than chance makes them.
    loglik : tuple of float
        Log likelihood without frailty and the marginal one with it.
    p_value : float or NotEstimable
        Likelihood ratio test of theta = 0, halved because 0 is the edge; NotEstimable where theta was given.
    frailty : pandas.DataFrame
        cluster, events, frailty (the estimated relative risk).
    n, events, clusters : int
    ties : str
    level : float
    """

    table: pd.DataFrame
    theta: float
    loglik: tuple[float, float]
    p_value: float | NotEstimable
    frailty: pd.DataFrame
    n: int
    events: int
    clusters: int
    ties: str
    level: float

    @property
    def estimate(self) -> float:
        """Hazard ratio of the first coefficient, which is the primary one: name the treatment first."""
        return float(self.table["hazard_ratio"].iloc[0])

    @property
    def ci(self) -> tuple[float, float]:
        """Limits of `estimate`."""
        return float(self.table["lower"].iloc[0]), float(self.table["upper"].iloc[0])

    def to_frame(self) -> pd.DataFrame:
        """Return `table`, the covariate in the first column.

        Returns
        -------
        pandas.DataFrame
        """
        return with_reasons(self.table, "covariate")

    def _display(self) -> Display:
        return Display(
            f"Cox regression with gamma frailty: {self.events} events, {self.clusters} clusters",
            (("variance of the frailty", self.theta), ("its p", self.p_value)),
            self.to_frame(),
        )


@dataclass(frozen=True, eq=False)
class _AtTheta:
    """The penalised fit at one variance, in the units of the risk sets."""

    beta: Vector
    omega: Vector
    information: Vector
    marginal: float


def shared_frailty(
    *given: Any,
    data: Any = None,
    time: str | ArrayLike | None = None,
    event: str | ArrayLike | None = None,
    covariates: Any = None,
    cluster: str | ArrayLike | None = None,
    theta: float | None = None,
    ties: str = "efron",
    strata: str | Sequence[str] | ArrayLike | None = None,
    entry: str | ArrayLike | None = None,
    level: float = 0.95,
    event_is: Any = None,
    unit: str | None = None,
) -> SharedFrailty:
    """Fit a Cox model in which the rows of a cluster share a gamma-distributed risk.

    Parameters
    ----------
    *given
        time, event, covariates and cluster by place, before them the table if there is one.
    data, time, event, covariates, strata, entry, event_is, unit
        As in `cox`.
    cluster : str or array_like, shape (n,)
        Column (or labels) of the clusters.
    theta : float, optional
        Variance of the frailty, over 0; by default that of the largest marginal likelihood.
    ties : str, default "efron"
        "efron" or "breslow".
    level : float, default 0.95

    Returns
    -------
    SharedFrailty

    Raises
    ------
    ValueError
        As in `cox`; also if the groups are separated or a covariate adds nothing to the others.

    Notes
    -----
    At a given variance this is ``coxph`` of R with ``frailty(id, theta=, sparse=FALSE)``, to machine precision; for
    standard errors R's default leaves out how frailties depend on one another. R's search for the variance stops early
    (a tighter tolerance moves a coefficient of its `diabetic` data by 4e-4); here it ends at the maximum. Standard
    errors take the variance as known, as R's do.

    Examples
    --------
    >>> data = {
    ...     "time": [8, 16, 23, 13, 22, 28, 44, 31, 30, 12, 24, 24, 7, 9, 51, 30],
    ...     "event": [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ...     "x": [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
    ...     "id": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8],
    ... }
    >>> fit = shared_frailty(data, "time", "event", "x", "id", theta=0.5)
    >>> fit.table.loc[["x"], ["coef", "std_error"]].round(4)
         coef  std_error
    x  0.3216     0.5913
    """
    check_signature(shared_frailty, locals())
    if ties not in ("efron", "breslow"):
        raise ValueError(f'ties must be "efron" or "breslow" with a frailty, got {ties!r}')
    if theta is not None and not SMALLEST <= theta <= LARGEST:
        raise ValueError(f"theta must be between {SMALLEST:g} and {LARGEST:g}, got {theta!r}")
    z = normal_quantile(level)
    data, (time, event, covariates, cluster) = table_and_columns(
        "shared_frailty", given, data, time=time, event=event, covariates=covariates, cluster=cluster
    )
    plain = cox(
        data=data, time=time, event=event, covariates=covariates, ties=ties, strata=strata, entry=entry,
        level=level, event_is=event_is, unit=unit,
    )  # fmt: skip
    reasons = [value.reason for value in plain.table["coef"] if isinstance(value, NotEstimable)]
    if reasons:
        raise ValueError(
            f"covariates must be estimable without frailty first: {reasons[0]} (event_is = {display(event_is)})"
        )
    times, events, entries, _ = follow_up(
        *columns(data, time=time, event=event, entry=entry), event_is=event_is, unit=unit
    )
    n = times.size
    design = design_of(data, covariates, n)
    labels, codes = codes_of(columns(data, cluster=cluster)[0], n, "cluster")
    sets = risk_sets(
        times, events, design.x, entries, np.empty(0), labels_of(data, strata, n, "strata")[1], ties
    )
    p, q = design.x.shape[1], len(labels)
    member = (codes[sets.order] == np.arange(q)[:, None]).astype(np.float64)
    both = np.concatenate([sets.x, member])
    wide = replace(sets, x=both, dead_x=(both[:, sets.place] * sets.weights[sets.place]).sum(axis=1))
    deaths = member @ sets.event
    start = np.concatenate([plain.table["coef"].to_numpy(dtype=float) * sets.scale, np.zeros(q)])
    best = _search(wide, deaths, start, p) if theta is None else (theta, _fit(wide, deaths, theta, start, p))
    size = 0.0 if best is None else best[0]
    marginal = plain.loglik[1] if best is None else best[1].marginal
    gain = max(0.0, 2.0 * (marginal - plain.loglik[1]))
    return SharedFrailty(
        plain.table if best is None else _table(design.names, best[1], sets.scale, z),
        size,
        (plain.loglik[1], marginal),
        0.5 * math.erfc(math.sqrt(0.5 * gain)) if theta is None and size else _untested(theta),
        _frailties(labels, deaths, np.zeros(q) if best is None else best[1].omega),
        n,
        int(events.sum()),
        q,
        ties,
        level,
    )


def _untested(theta: float | None) -> float | NotEstimable:
    return 1.0 if theta is None else NotEstimable("theta was given")


def _frailties(labels: list[Any], deaths: Vector, omega: Vector) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"cluster": labels, "events": deaths.astype(int), "frailty": np.exp(omega)})


def _fit(wide: RiskSets, deaths: Vector, theta: float, start: Vector, p: int) -> _AtTheta:
    """Maximise the partial likelihood less (exp(omega) - omega) / theta over coefficients and log frailties."""
    nu = 1.0 / theta

    def seen(point: Vector) -> tuple[float, Vector, Vector] | None:
        omega = point[p:]
        hazard = hazard_at(wide, point) if float(omega.max()) < 500.0 else None
        if hazard is None:
            return None
        score, bend = hazard.score.copy(), hazard.information.copy()
        score[p:] -= nu * np.expm1(omega)
        bend[np.arange(p, point.size), np.arange(p, point.size)] += nu * np.exp(omega)
        return hazard.loglik - nu * float((np.expm1(omega) - omega).sum()), score, bend

    found = _climb(seen, start, p)
    if found.ending == "outside":
        found = _climb(seen, np.zeros_like(start), p)
    if found.ending == "outside":
        raise ValueError("the likelihood cannot be evaluated at the start: rescale the covariates")
    # What integrating the frailties out adds to the penalised likelihood at its maximum.
    marginal = found.value + float(_integrated(deaths, nu, nu + deaths).sum())
    return _AtTheta(found.point[:p], found.point[p:], found.information, marginal)


def _climb(seen: Any, start: Vector, p: int) -> Maximum:
    return maximise(
        seen,
        start,
        step=newton_step,
        length=lambda step: float(np.abs(step[p:]).max()),
        longest=5.0,
        limit=STEPS,
    )


def _integrated(deaths: Vector, nu: float, shape: Vector) -> Vector:
    from scipy.special import gammaln

    whole = gammaln(shape) - gammaln(nu) - deaths * math.log(nu)
    return deaths - shape * np.log1p(deaths / nu) + whole


def _search(wide: RiskSets, deaths: Vector, start: Vector, p: int) -> tuple[float, _AtTheta] | None:
    """Find the variance of the largest marginal likelihood; None if that is 0."""
    from scipy.optimize import minimize_scalar

    point = start

    def fit(log_theta: float) -> _AtTheta:
        nonlocal point
        found = _fit(wide, deaths, math.exp(log_theta), point, p)
        point = np.concatenate([found.beta, found.omega])
        return found

    low, high = math.log(SMALLEST), math.log(LARGEST)
    grid = np.linspace(low, high, 22)
    values = [fit(float(at)).marginal for at in grid]
    k = int(np.argmax(values))
    if k == 0:
        return None
    edges = float(grid[k - 1]), float(grid[min(k + 1, grid.size - 1)])
    near = float(minimize_scalar(lambda at: -fit(at).marginal, bounds=edges, method="bounded").x)

    def slope(at: float) -> float:
        return fit(at + 1e-3).marginal - fit(at - 1e-3).marginal

    # The maximum itself is flat: a root of the slope has twice the digits.
    below, above = near - 0.05, near + 0.05
    if slope(below) > 0.0 > slope(above):
        near = cross(lambda at: -slope(at), 0.0, below, above, 1e-10)
    return math.exp(near), fit(near)


def _table(names: tuple[str, ...], best: _AtTheta, scale: Vector, z: float) -> pd.DataFrame:
    import pandas as pd

    coef = best.beta / scale
    error = np.sqrt(np.linalg.inv(best.information).diagonal()[: coef.size]) / scale
    with np.errstate(over="ignore"):
        ratio, low, high = (np.exp(coef + sign * z * error) for sign in (0.0, -1.0, 1.0))
    p = [two_sided_p(float(one)) for one in coef / error]
    columns = (coef, error, ratio, low, high, coef / error, p)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=pd.Index(names))

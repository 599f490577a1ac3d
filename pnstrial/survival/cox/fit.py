"""By what factor does a covariate change the hazard?

Input: a table with one row per patient (or per stretch of time of a patient), and the names of its columns.
Output: `Cox`.
Protocol section: secondary endpoints (improvers against others from a landmark on).
Method: see `cox_likelihood` (estimates), `cox_firth` (separation, few events) and `cox_residuals` (all else).
Next: `cox_model`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.normal import normal_quantile, two_sided_p
from pnstrial.results import NotEstimable
from pnstrial.survival.cox import residuals as parts
from pnstrial.survival.cox.covariates import Design, column, design_of, labels_of
from pnstrial.survival.cox.firth import Firth, firth
from pnstrial.survival.cox.likelihood import Peak, climb, derivatives, estimable
from pnstrial.survival.cox.model import ChiSquare, Cox, Fit
from pnstrial.survival.cox.risk_sets import TIES, RiskSets, risk_sets
from pnstrial.survival.cox.separation import limiting
from pnstrial.survival.observations import codes_of, follow_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]
    Number = float | NotEstimable

__all__ = ["cox"]

COLUMNS = ("coef", "std_error", "hazard_ratio", "lower", "upper", "z", "p_value")
_HUGE = NotEstimable("beyond the largest number that a computer holds: give the covariate in larger units")
_NO_EVENT = NotEstimable("no patient has an event")
_UNBOUNDED = NotEstimable('a coefficient is infinite (see table); penalty="firth" gives a finite one')


def cox(
    data: Any,
    time: str | ArrayLike,
    event: str | ArrayLike,
    covariates: str | Sequence[str],
    ties: str = "efron",
    strata: str | Sequence[str] | ArrayLike | None = None,
    entry: str | ArrayLike | None = None,
    weights: str | ArrayLike | None = None,
    cluster: str | ArrayLike | None = None,
    robust: bool = False,
    penalty: str | None = None,
    level: float = 0.95,
) -> Cox:
    """Fit a Cox proportional hazards model.

    Parameters
    ----------
    data : pandas.DataFrame or mapping of str to array
        One row per patient; with time-dependent covariates one row per stretch of time (see `time_dependent`).
    time, event : str or array_like, shape (n,)
        Column (or values) of the follow-up time, in any unit, and of the event (1 = event, 0 = censored).
    covariates : str or sequence of str
        Columns of the covariates. Numbers and yes/no columns go in as they are; a column of words (or a pandas
        category) becomes one indicator per level but the first, named ``column[level]``, as in R.
    ties : str, default "efron"
        "efron", "breslow", or "exact": the conditional likelihood of who dies, given how many do.
    strata : str, sequence of str or array_like, optional
        Column(s) whose values have a baseline hazard each.
    entry : str or array_like, optional
        Time from which the row was observed: delayed entry, or the start of a stretch.
    weights : str or array_like, optional
        Case weights, over 0.
    cluster : str or array_like, optional
        Rows that belong together (patients with several rows); makes standard errors robust.
    robust : bool, default False
        Infinitesimal jackknife standard errors (Lin and Wei).
    penalty : str, optional
        "firth": Jeffreys' prior penalty, with profile likelihood limits and likelihood ratio tests. Finite where the
        groups are separated, and less biased where events are few.
    level : float, default 0.95

    Returns
    -------
    Cox

    Raises
    ------
    ValueError
        If a column is absent, a value is missing or outside what is possible, or options exclude one another; the
        message names the argument, the position and the value.

    Notes
    -----
    Equals ``coxph`` of R, iterated to machine precision where R stops at a relative change of 1e-9 of the log
    likelihood. It differs in four places. Where the likelihood has no maximum (separation) R gives a large
    coefficient with a warning; here that coefficient is a `NotEstimable`, and the others are estimated in the limit.
    R takes standard errors for robust on its own where weights are not whole numbers; here only when asked. R drops
    rows with missing values; here they are an error that lists them. Times are tied where they are equal; R also
    ties times within 1.5e-8 of their size.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({
    ...     "weeks": [9, 13, 13, 18, 23, 28, 5, 5, 8, 8, 12, 16],
    ...     "died": [1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0],
    ...     "treated": [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
    ... })
    >>> fit = cox(data, "weeks", "died", ["treated"], penalty="firth")
    >>> fit.table[["hazard_ratio", "lower", "upper", "p_value"]].round(3)
             hazard_ratio  lower  upper  p_value
    treated         0.213  0.037  0.932     0.04
    """
    if ties not in TIES:
        raise ValueError(f"ties must be one of {', '.join(map(repr, TIES))}; got {ties!r}")
    z = normal_quantile(level)
    times, events, entries, loads = follow_up(
        column(data, time, "time"),
        column(data, event, "event"),
        None if entry is None else column(data, entry, "entry"),
        None if weights is None else column(data, weights, "weights"),
    )
    n = times.size
    if loads.size and not bool((loads > 0.0).all()):
        wrong = ", ".join(f"weights[{i}] = 0" for i in np.flatnonzero(loads == 0.0)[:8])
        raise ValueError(f"weights must be over 0; leave out rows of weight 0: {wrong}")
    robust = robust or cluster is not None
    _check_options(ties, penalty, loads, robust=robust)
    design = design_of(data, covariates, n)
    labels, code = labels_of(data, strata, n, "strata")
    groups = None if cluster is None else codes_of(column(data, cluster, "cluster"), n, "cluster")[1]
    sets = risk_sets(times, events, design.x, entries, loads, code, ties)
    return _fitted(sets, design, labels, groups, robust, penalty, level, z)


def _check_options(ties: str, penalty: str | None, weights: Vector, *, robust: bool) -> None:
    if penalty not in (None, "firth"):
        raise ValueError(f'penalty must be None or "firth", got {penalty!r}')
    if ties == "exact":
        asked = [
            name
            for name, given in (
                ("weights", weights.size > 0),
                ("robust", robust),
                ("penalty", penalty is not None),
            )
            if given
        ]
        if asked:
            raise ValueError(f'ties="exact" excludes {", ".join(asked)}; use ties="efron"')
    if penalty is not None and robust:
        raise ValueError('penalty="firth" has profile likelihood limits; it excludes robust and cluster')


def _subset(sets: RiskSets, kept: NDArray[np.int64]) -> RiskSets:
    if kept.size == sets.x.shape[0]:
        return sets
    return replace(
        sets, x=sets.x[kept], centre=sets.centre[kept], scale=sets.scale[kept], dead_x=sets.dead_x[kept]
    )


def _fitted(
    sets: RiskSets,
    design: Design,
    strata: tuple[Any, ...],
    cluster: NDArray[np.int64] | None,
    robust: bool,
    penalty: str | None,
    level: float,
    z: float,
) -> Cox:
    n, events, ties = sets.time.size, int(sets.event.sum()), sets.ties
    kept = np.flatnonzero(estimable(sets))
    names = [design.names[k] for k in kept]
    reasons: dict[str, NotEstimable] = {
        name: _NO_EVENT if events == 0 else _aliased(name) for name in design.names if name not in names
    }
    sets = _subset(sets, kept)
    null = derivatives(sets, np.zeros(kept.size)) if events else None
    if null is None:
        null = (0.0, np.zeros(kept.size), np.zeros((kept.size, kept.size)))
    penalised: Firth | None = None
    if kept.size == 0:
        top = Peak(np.empty(0), null[0], null[1], null[2], None)
    elif penalty is None:
        top = climb(sets)
    else:
        found = firth(sets, z)
        if isinstance(found, NotEstimable):
            raise ValueError(f"covariates: {found.reason}")
        penalised, top = found, found.maximum
        # The penalty is that of the caller's units: scaling a covariate adds a constant to it.
        units = float(np.log(sets.scale).sum())
        null = (found.null + units, found.null_score, found.null_information)
        top = replace(top, loglik=top.loglik + units)
    unbounded = top.infinite is not None
    reason = _NO_EVENT if events == 0 else _UNBOUNDED if unbounded else None
    naive = np.zeros_like(top.information) if unbounded else _inverse(top.information)
    fit = Fit(_by_hazard(sets), top.beta, naive, naive, kept, design, strata, cluster, reason)
    if robust and reason is None:
        fit = replace(fit, variance=_sandwich(fit))
    rows: dict[str, tuple[Number, ...]]
    if unbounded:
        rows, loglik = _beside_infinite(sets, top, names, reasons, fit, robust=robust, z=z)
    else:
        rows, loglik = _rows(names, fit, z, penalised, robust=robust), top.loglik
    words = {"efron": "Efron", "breslow": "Breslow", "exact": "the exact likelihood"}
    method = f"Cox regression, ties by {words[ties]}"
    if penalty:
        method += ", Firth's penalty, profile likelihood limits"
    elif robust:
        method += ", robust standard errors"
    return Cox(
        _table(design.names, (*COLUMNS, "naive_std_error") if robust else COLUMNS, rows, reasons),
        (null[0], loglik),
        _chi_square(max(0.0, 2.0 * (loglik - null[0])), kept.size, events),
        _chi_square(_UNBOUNDED if unbounded else _quadratic(fit.variance, top.beta), kept.size, events),
        _chi_square(float(null[1] @ _inverse(null[2]) @ null[1]), kept.size, events),
        n, events, ties, penalty, robust, level, method, fit,
    )  # fmt: skip


def _aliased(name: str) -> NotEstimable:
    return NotEstimable(
        f"{name} is the same for all at risk at each event, or a combination of the covariates before it"
    )


def _inverse(information: Vector) -> Vector:
    return np.asarray(np.linalg.inv(information), dtype=np.float64) if information.size else information


def _quadratic(variance: Vector, beta: Vector) -> float | NotEstimable:
    if not beta.size:
        return 0.0
    try:
        value = float(beta @ np.linalg.solve(variance, beta))
    except np.linalg.LinAlgError:
        return NotEstimable("the robust variance is singular: too few clusters")
    return value if math.isfinite(value) and value >= 0.0 else NotEstimable("the robust variance is singular")


def _chi_square(statistic: float | NotEstimable, df: int, events: int) -> ChiSquare:
    from scipy.special import chdtrc

    if events == 0 or df == 0:
        reason = _NO_EVENT if events == 0 else NotEstimable("no covariate can be told apart")
        return ChiSquare(reason, df, reason)
    if isinstance(statistic, NotEstimable):
        return ChiSquare(statistic, df, statistic)
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)))


def _by_hazard(sets: RiskSets) -> RiskSets:
    """Give the sets for residuals and curves, which the exact likelihood takes by Breslow, as R does."""
    return replace(sets, ties="breslow") if sets.ties == "exact" else sets


def _sandwich(fit: Fit) -> Vector:
    """Sum of squares of the changes by leaving out a row, or a cluster of rows."""
    change = (parts.score_residuals(fit.sets, fit.seen) * fit.sets.weights[:, None]) @ fit.naive
    if fit.cluster is not None:
        groups = fit.cluster[fit.sets.order]
        change = np.array([np.bincount(groups, weights=values) for values in change.T]).T
    return np.asarray(change.T @ change, dtype=np.float64)


def _exponential(value: float) -> Number:
    return math.exp(value) if value < 709.0 else _HUGE


def _row(coef: float, error: float, limits: tuple[Number, Number], z: float) -> tuple[Number, ...]:
    low, high = (edge if isinstance(edge, NotEstimable) else _exponential(edge) for edge in limits)
    return coef, error, _exponential(coef), low, high, z, two_sided_p(z)


def _rows(
    names: list[str], fit: Fit, z: float, penalised: Firth | None, *, robust: bool
) -> dict[str, tuple[Number, ...]]:
    rows: dict[str, tuple[Number, ...]] = {}
    for k, name in enumerate(names):
        scale = float(fit.sets.scale[k])
        coef = float(fit.beta[k]) / scale
        error = math.sqrt(max(float(fit.variance[k, k]), 0.0)) / scale
        if penalised is not None:
            low, high = (
                edge if isinstance(edge, NotEstimable) else edge / scale
                for edge in (penalised.lower[k], penalised.upper[k])
            )
            rows[name] = _row(
                coef, error, (low, high), math.copysign(math.sqrt(penalised.statistics[k]), coef)
            )
            continue
        if not error > 1e-12 * abs(coef):
            none = NotEstimable("the robust variance is 0: too few events or clusters")
            rows[name] = (coef, none, _exponential(coef), none, none, none, none)
        else:
            rows[name] = _row(coef, error, (coef - z * error, coef + z * error), coef / error)
        if robust:
            rows[name] += (math.sqrt(float(fit.naive[k, k])) / scale,)
    return rows


def _beside_infinite(
    sets: RiskSets,
    top: Peak,
    names: list[str],
    reasons: dict[str, NotEstimable],
    fit: Fit,
    *,
    robust: bool,
    z: float,
) -> tuple[dict[str, tuple[Number, ...]], float]:
    """Estimate what stays finite as other coefficients go to infinity; say which do.

    Along a direction without end, those at risk who are behind the patient with the event drop out of the comparison.
    The covariates less one are fitted to the comparisons that are left.
    """
    columns, current, loglik = list(names), sets, top.loglik
    cluster = np.arange(sets.time.size) if fit.cluster is None else fit.cluster
    blurred = NotEstimable(
        'cannot be told beside an infinite coefficient; penalty="firth" gives a finite one'
    )
    while top.infinite is not None:
        direction = top.infinite
        for name, v in zip(columns, direction.tolist(), strict=True):
            if v != 0.0:
                reasons[name] = _separated(name, v, alone=np.count_nonzero(direction) == 1)
        left = limiting(current, direction)
        rest = np.delete(np.arange(len(columns)), int(np.argmax(np.abs(direction))))
        columns = [columns[k] for k in rest]
        if left is None:
            break
        cluster = cluster[left[1]]
        current = _subset(left[0], rest)
        for k in np.flatnonzero(_entangled(current)).tolist():
            reasons.setdefault(columns[k], blurred)
        told = np.flatnonzero(estimable(current))
        current, columns = _subset(current, told), [columns[k] for k in told]
        top = climb(current)
        loglik = top.loglik
    rows: dict[str, tuple[Number, ...]] = {}
    if columns and top.infinite is None:
        naive = _inverse(top.information)
        own = replace(
            fit,
            sets=_by_hazard(current),
            beta=top.beta,
            variance=naive,
            naive=naive,
            reason=None,
            cluster=cluster,
        )
        if robust:
            own = replace(own, variance=_sandwich(own))
        rows = _rows(columns, own, z, None, robust=robust)
    for name in names:
        if name in reasons or name not in rows:
            rows.pop(name, None)
            reasons.setdefault(name, blurred)
    return rows, loglik


def _entangled(sets: RiskSets) -> NDArray[np.bool_]:
    """Say which covariates take part in a combination that the comparisons do not tell apart."""
    seen = derivatives(sets, np.zeros(sets.x.shape[0]))
    if seen is None or not sets.x.shape[0]:
        return np.zeros(sets.x.shape[0], dtype=bool)
    values, vectors = np.linalg.eigh(seen[2])
    flat = vectors[:, values <= 1e-11 * float(sets.mass.sum())]
    return np.asarray((np.abs(flat) > 1e-6).any(axis=1))


def _separated(name: str, v: float, *, alone: bool) -> NotEstimable:
    side = "highest" if v > 0.0 else "lowest"
    where = f"{name} of all" if alone else f"combination of {name} with others of all"
    return NotEstimable(
        f"separation: whoever has an event has the {side} {where} at risk, so the likelihood rises for ever as the "
        f'coefficient goes to {"plus" if v > 0.0 else "minus"} infinity; penalty="firth" gives a finite estimate'
    )


def _table(
    names: tuple[str, ...],
    columns: tuple[str, ...],
    rows: dict[str, tuple[Number, ...]],
    reasons: dict[str, NotEstimable],
) -> pd.DataFrame:
    import pandas as pd

    cells = [rows.get(name) or (reasons[name],) * len(columns) for name in names]
    return pd.DataFrame(
        {column: [row[k] for row in cells] for k, column in enumerate(columns)}, index=pd.Index(names)
    )

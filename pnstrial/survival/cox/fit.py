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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pnstrial.numerics.newton import full_rank, newton_step
from pnstrial.numerics.normal import chi_square_p, normal_quantile, two_sided_p
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable
from pnstrial.survival.cox import residuals as parts
from pnstrial.survival.cox.covariates import Design, design_of, labels_of, table_and_columns
from pnstrial.survival.cox.firth import Firth, firth
from pnstrial.survival.cox.likelihood import Peak, climb, derivatives, estimable
from pnstrial.survival.cox.model import ChiSquare, Cox, Fit
from pnstrial.survival.cox.risk_sets import TIES, RiskSets, risk_sets
from pnstrial.survival.cox.separation import limiting
from pnstrial.survival.observations import codes_of, columns, follow_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]
    Number = float | NotEstimable

__all__ = ["cox"]

COLUMNS = ("coef", "std_error", "hazard_ratio", "lower", "upper", "z", "p_value")
# Below this many clusters a robust variance is too small to be taken as known (Cameron and Miller, J Hum Resour
# 2015;50:317, section VI: "few" may be anything from under 20 to under 50).
FEW = 20
_LOST = NotEstimable(
    "the search for the maximum did not arrive: the covariates nearly repeat one another or differ in size beyond"
    " what numbers hold; leave one out or rescale"
)
_HUGE = NotEstimable("beyond the largest number that a computer holds: give the covariate in larger units")
_NO_EVENT = NotEstimable("no patient has an event")
_UNBOUNDED = NotEstimable('a coefficient is infinite (see table); penalty="firth" gives a finite one')


class Options(NamedTuple):
    """What was asked of a fit."""

    robust: bool
    small_sample: bool
    penalty: str | None
    level: float


def cox(
    *given: Any,
    data: Any = None,
    time: str | ArrayLike | None = None,
    event: str | ArrayLike | None = None,
    covariates: Any = None,
    ties: str = "efron",
    strata: str | Sequence[str] | ArrayLike | None = None,
    entry: str | ArrayLike | None = None,
    weights: str | ArrayLike | None = None,
    cluster: str | ArrayLike | None = None,
    robust: bool = False,
    penalty: str | None = None,
    level: float = 0.95,
    event_is: Any = None,
    unit: str | None = None,
    small_sample: bool = False,
) -> Cox:
    """Fit a Cox proportional hazards model.

    Parameters
    ----------
    *given
        time, event and covariates by place, before them the table if there is one: ``cox(table, "time", "event", "x")``
        is ``cox("time", "event", "x", data=table)``.
    data : pandas.DataFrame or mapping of str to array, optional
        One row per patient; with time-dependent covariates one row per stretch of time (see `time_dependent`).
    time, event : str or array_like, shape (n,)
        Column (or values) of the follow-up time, in any unit, and of the event (1 = event, 0 = censored, or labels).
    covariates : str, sequence of str, or array_like
        Columns, a formula (``"age * C(arm)"``, read by formulaic), or values of shape (n,) or (n, p). Numbers and
        yes/no columns go in as they are; a column of words (or a pandas category) becomes one indicator per level but
        the first, named ``column[level]``, as in R.
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
    event_is : label or list of labels, optional
        What the event is called, where it is not 1; everything else is censoring.
    unit : str, optional
        Unit in which durations (Timedelta) are counted.
    small_sample : bool, default False
        With clusters: multiply the robust variance by clusters / (clusters - 1) and take limits and p-values from a t
        (for the Wald test an F) distribution with clusters - 1 degrees of freedom (Cameron and Miller, J Hum Resour
        2015;50:317, section VI). Below 20 clusters the uncorrected errors are too small, which `notes` says.

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
    check_signature(cox, locals())
    if ties not in TIES:
        raise ValueError(f"ties must be one of {', '.join(map(repr, TIES))}; got {ties!r}")
    normal_quantile(level)
    data, (time, event, covariates) = table_and_columns(
        "cox", given, data, time=time, event=event, covariates=covariates
    )
    times, events, entries, loads = follow_up(
        *columns(data, time=time, event=event, entry=entry, weights=weights), event_is=event_is, unit=unit
    )
    n = times.size
    if loads.size and not bool((loads > 0.0).all()):
        wrong = ", ".join(f"weights[{i}] = 0" for i in np.flatnonzero(loads == 0.0)[:8])
        raise ValueError(f"weights must be over 0; leave out rows of weight 0: {wrong}")
    robust = robust or cluster is not None
    _check_options(ties, penalty, loads, robust=robust)
    design = design_of(data, covariates, n)
    labels, code = labels_of(data, strata, n, "strata")
    groups = None if cluster is None else codes_of(columns(data, cluster=cluster)[0], n, "cluster")[1]
    sets = risk_sets(times, events, design.x, entries, loads, code, ties)
    if small_sample and (groups is None or np.unique(groups).size < 2):
        raise ValueError(
            "small_sample=True corrects robust errors of clusters: name at least two by cluster="
        )
    return _fitted(sets, design, labels, groups, Options(robust, small_sample, penalty, level))


def _check_options(ties: str, penalty: str | None, weights: Vector, *, robust: bool) -> None:
    if penalty not in (None, "firth"):
        raise ValueError(f'penalty must be None or "firth", got {penalty!r}')
    if ties == "exact":
        excluded = [
            name
            for name, given in (
                ("weights", weights.size > 0),
                ("robust", robust),
                ("penalty", penalty is not None),
            )
            if given
        ]
        if excluded:
            raise ValueError(f'ties="exact" excludes {", ".join(excluded)}; use ties="efron"')
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
    options: Options,
) -> Cox:
    n, events = sets.time.size, int(sets.event.sum())
    null = derivatives(sets, np.zeros(len(design.names))) if events else None
    if null is None:
        null = (0.0, np.zeros(len(design.names)), np.zeros((len(design.names), len(design.names))))
    kept = estimable(sets, null[2]).nonzero()[0]
    names = [design.names[k] for k in kept]
    reasons: dict[str, NotEstimable] = {
        name: _NO_EVENT if events == 0 else _aliased(name) for name in design.names if name not in names
    }
    if reasons:
        sets, null = _subset(sets, kept), (null[0], null[1][kept], null[2][np.ix_(kept, kept)])
    penalised: Firth | None = None
    if kept.size == 0:
        top = Peak(np.empty(0), null[0], null[1], null[2], None)
    elif options.penalty is None:
        top = climb(sets, null=null)
    else:
        found = firth(sets, normal_quantile(options.level))
        if isinstance(found, NotEstimable):
            raise ValueError(f"covariates: {found.reason}")
        penalised, top = found, found.maximum
        # The penalty is that of the caller's units: scaling a covariate adds a constant to it.
        units = float(np.log(sets.scale).sum())
        null = (found.null + units, found.null_score, found.null_information)
        top = replace(top, loglik=top.loglik + units)
    unbounded = top.infinite is not None
    lost = top.ending in ("flat", "singular", "rising") and not unbounded
    reason = _NO_EVENT if events == 0 else _UNBOUNDED if unbounded else _LOST if lost else None
    naive = np.zeros_like(top.information) if unbounded or lost else _inverse(top.information)
    fit = Fit(_by_hazard(sets), top.beta, naive, naive, kept, design, strata, cluster, reason)
    if options.robust and reason is None:
        fit = replace(fit, variance=_sandwich(fit, small_sample=options.small_sample))
    wald: float | NotEstimable
    loglik, rows = top.loglik, {}
    if unbounded:
        rows, loglik = _beside_infinite(sets, top, names, reasons, fit, options)
        wald = _UNBOUNDED
    elif lost:
        reasons |= dict.fromkeys(names, _LOST)
        wald = _LOST
    else:
        rows = _rows(names, fit, penalised, options)
        wald = (
            _quadratic(fit.variance, top.beta)
            if options.robust
            else float(top.beta @ top.information @ top.beta)
        )
    first = newton_step(null[1], null[1], null[2]) if kept.size else None
    score = (
        float(null[1] @ (np.linalg.solve(null[2], null[1]) if first is None else first)) if kept.size else 0.0
    )
    return Cox(
        design.names,
        (*COLUMNS, "naive_std_error") if options.robust else COLUMNS,
        {name: rows.get(name) or (reasons[name],) for name in design.names},
        (null[0], loglik),
        _chi_square(max(0.0, 2.0 * (loglik - null[0])), kept.size, events),
        _wald(wald, kept.size, events, fit, options),
        _chi_square(score, kept.size, events),
        n, events, sets.ties, options.penalty, options.robust, options.level, _method(sets.ties, options), fit,
        _clusters(fit) if options.robust else None,
        _notes(fit, options),
    )  # fmt: skip


def _method(ties: str, options: Options) -> str:
    words = {"efron": "Efron", "breslow": "Breslow", "exact": "the exact likelihood"}
    method = f"Cox regression, ties by {words[ties]}"
    if options.penalty:
        return f"{method}, Firth's penalty, profile likelihood limits"
    if options.small_sample:
        return f"{method}, robust standard errors corrected for few clusters, t distribution"
    return f"{method}, robust standard errors" if options.robust else method


def _clusters(fit: Fit) -> int:
    return fit.sets.time.size if fit.cluster is None else int(np.unique(fit.cluster).size)


def _notes(fit: Fit, options: Options) -> tuple[str, ...]:
    """Say that robust errors of few clusters are too small."""
    if not options.robust or _clusters(fit) >= FEW:
        return ()
    what = "rows" if fit.cluster is None else "clusters"
    advice = "" if options.small_sample else "; small_sample=True corrects for it in part"
    return (
        f"robust standard errors from {_clusters(fit)} {what} are too small and their p-values too extreme{advice}",
    )


def _aliased(name: str) -> NotEstimable:
    return NotEstimable(
        f"{name} is the same for all at risk at each event, or a combination of the covariates before it"
    )


def _inverse(information: Vector) -> Vector:
    if not information.size:
        return information
    from scipy.linalg.lapack import dposv

    _, inverse, failed = dposv(information, np.eye(information.shape[0]))
    return np.asarray(np.linalg.inv(information) if failed else inverse, dtype=np.float64)


def _quadratic(variance: Vector, beta: Vector) -> float | NotEstimable:
    if not beta.size:
        return 0.0
    if not full_rank(variance):
        return NotEstimable("the robust variance is singular: too few clusters for so many coefficients")
    return max(0.0, float(beta @ np.linalg.solve(variance, beta)))


def _chi_square(statistic: float | NotEstimable, df: int, events: int) -> ChiSquare:
    if events == 0 or df == 0:
        reason = _NO_EVENT if events == 0 else NotEstimable("no covariate can be told apart")
        return ChiSquare(reason, df, reason)
    if isinstance(statistic, NotEstimable):
        return ChiSquare(statistic, df, statistic)
    return ChiSquare(statistic, df, chi_square_p(statistic, df))


def _wald(statistic: float | NotEstimable, df: int, events: int, fit: Fit, options: Options) -> ChiSquare:
    """Test all coefficients: chi-square, or F on clusters less 1 degrees of freedom after the correction for few."""
    test = _chi_square(statistic, df, events)
    if not options.small_sample or isinstance(test.statistic, NotEstimable):
        return test
    from scipy.special import fdtrc

    return replace(test, p_value=float(fdtrc(df, _clusters(fit) - 1, test.statistic / df)))


def _by_hazard(sets: RiskSets) -> RiskSets:
    """Give the sets for residuals and curves, which the exact likelihood takes by Breslow, as R does."""
    return replace(sets, ties="breslow") if sets.ties == "exact" else sets


def _sandwich(fit: Fit, *, small_sample: bool) -> Vector:
    """Sum of squares of the changes by leaving out a row, or a cluster of rows."""
    change = (parts.score_residuals(fit.sets, fit.seen) * fit.sets.weights[:, None]) @ fit.naive
    if fit.cluster is not None:
        groups = fit.cluster[fit.sets.order]
        change = np.array([np.bincount(groups, weights=values) for values in change.T]).T
    few = _clusters(fit) / (_clusters(fit) - 1.0) if small_sample else 1.0
    return np.asarray(few * (change.T @ change), dtype=np.float64)


def _exponential(value: float) -> Number:
    return math.exp(value) if value < 709.0 else _HUGE


def _rows(
    names: list[str], fit: Fit, penalised: Firth | None, options: Options
) -> dict[str, tuple[Number, ...]]:
    rows: dict[str, tuple[Number, ...]] = {}
    quantile, tail = normal_quantile(options.level), two_sided_p
    if options.small_sample:
        from scipy.special import stdtr, stdtrit

        df = _clusters(fit) - 1
        quantile = float(stdtrit(df, 0.5 + 0.5 * options.level))
        tail = lambda t: float(2.0 * stdtr(df, -abs(t)))  # noqa: E731 - one of two tails
    errors = np.sqrt(np.maximum(fit.variance.diagonal(), 0.0)) / fit.sets.scale
    naive = np.sqrt(fit.naive.diagonal()) / fit.sets.scale
    for k, (name, coef, error) in enumerate(
        zip(names, (fit.beta / fit.sets.scale).tolist(), errors.tolist(), strict=True)
    ):
        z = coef / error if error > 1e-12 * abs(coef) else math.nan
        limits: tuple[Number, Number] = (coef - quantile * error, coef + quantile * error)
        if penalised is not None:
            scale = float(fit.sets.scale[k])
            low, high = penalised.lower[k], penalised.upper[k]
            limits = (
                low if isinstance(low, NotEstimable) else low / scale,
                high if isinstance(high, NotEstimable) else high / scale,
            )
            z = math.copysign(math.sqrt(penalised.statistics[k]), coef)
        if math.isnan(z):
            none = NotEstimable("the robust variance is 0: too few events or clusters")
            row = (coef, none, _exponential(coef), none, none, none, none)
        else:
            ends = (edge if isinstance(edge, NotEstimable) else _exponential(edge) for edge in limits)
            row = (coef, error, _exponential(coef), *ends, z, tail(z))
        rows[name] = (*row, float(naive[k])) if options.robust else row
    return rows


def _beside_infinite(
    sets: RiskSets,
    top: Peak,
    names: list[str],
    reasons: dict[str, NotEstimable],
    fit: Fit,
    options: Options,
) -> tuple[dict[str, tuple[Number, ...]], float]:
    """Estimate what stays finite as other coefficients go to infinity; say which do.

    Along a direction without end, those at risk who are behind the patient with the event drop out of the comparison.
    The covariates less one are fitted to the comparisons that are left.
    """
    left_names, current, loglik = list(names), sets, top.loglik
    cluster = np.arange(sets.time.size) if fit.cluster is None else fit.cluster
    blurred = NotEstimable(
        'cannot be told beside an infinite coefficient; penalty="firth" gives a finite one'
    )
    while top.infinite is not None:
        direction = top.infinite
        for name, v in zip(left_names, direction.tolist(), strict=True):
            if v != 0.0:
                reasons[name] = _separated(name, v, alone=np.count_nonzero(direction) == 1)
        nearest = limiting(current, direction)
        rest = np.delete(np.arange(len(left_names)), int(np.argmax(np.abs(direction))))
        left_names = [left_names[k] for k in rest]
        if nearest is None:
            break
        cluster = cluster[nearest[1]]
        current = _subset(nearest[0], rest)
        for k in np.flatnonzero(_entangled(current)).tolist():
            reasons.setdefault(left_names[k], blurred)
        here = derivatives(current, np.zeros(len(left_names)))
        left = np.flatnonzero(estimable(current, here[2])) if here is not None else np.empty(0, np.int64)
        current, left_names = _subset(current, left), [left_names[k] for k in left]
        top = climb(current)
        loglik = top.loglik
    rows: dict[str, tuple[Number, ...]] = {}
    if left_names and top.infinite is None:
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
        if options.robust:
            own = replace(own, variance=_sandwich(own, small_sample=options.small_sample))
        rows = _rows(left_names, own, None, options)
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

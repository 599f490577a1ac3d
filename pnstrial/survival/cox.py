"""By what factor does a covariate change the hazard?

Input: a table with one row per patient (or per stretch of time of a patient), and the names of its columns.
Output: `Cox` (coefficients, hazard ratios, tests, concordance, proportional hazards, residuals, predicted survival);
`CoxBatch` for one comparison of two groups in many trials.
Protocol section: secondary endpoints (improvers against others from a landmark on).
Method: see `cox_likelihood` (estimates), `cox_firth` (separation, few events) and `cox_residuals` (all else).
Next: `landmark`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.results import NotEstimable, Result
from pnstrial.survival import cox_residuals as parts
from pnstrial.survival.cox_covariates import Design, column, design_of, labels_of
from pnstrial.survival.cox_firth import Firth, firth
from pnstrial.survival.cox_likelihood import (
    TIES,
    Hazard,
    Maximum,
    RiskSets,
    derivatives,
    estimable,
    hazard_at,
    maximise,
    risk_sets,
)
from pnstrial.survival.observations import codes_of, follow_up, matrix_of, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]
    Number = float | NotEstimable

__all__ = ["ChiSquare", "Cox", "CoxBatch", "cox", "cox_batch"]

COLUMNS = ("coef", "std_error", "hazard_ratio", "lower", "upper", "z", "p_value")
RESIDUALS = ("martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas")
_HUGE = NotEstimable("beyond the largest number that a computer holds: give the covariate in larger units")
_NO_EVENT = NotEstimable("no patient has an event")
_UNBOUNDED = NotEstimable('a coefficient is infinite (see table); penalty="firth" gives a finite one')


@dataclass(frozen=True)
class ChiSquare(Result):
    """A chi-square test of all coefficients being 0; unpacks as (statistic, df, p_value).

    Parameters
    ----------
    statistic : float or NotEstimable
    df : int
    p_value : float or NotEstimable
    """

    statistic: float | NotEstimable
    df: int
    p_value: float | NotEstimable

    def __iter__(self) -> Any:
        return iter((self.statistic, self.df, self.p_value))


@dataclass(frozen=True, eq=False)
class _Fit:
    """What a fit leaves for later questions; in the units of the risk sets, estimable columns only."""

    sets: RiskSets
    beta: Vector
    variance: Vector
    naive: Vector
    kept: NDArray[np.int64]
    design: Design
    strata: tuple[Any, ...]
    cluster: NDArray[np.int64] | None
    reason: NotEstimable | None

    @cached_property
    def seen(self) -> Hazard:
        hazard = hazard_at(self.sets, self.beta)
        if hazard is None:
            raise ValueError("the linear predictor is out of range: rescale the covariates")
        return hazard

    def unsorted(self, values: Vector) -> Vector:
        out = np.empty_like(values)
        out[self.sets.order] = values
        return out


@dataclass(frozen=True, eq=False)
class Cox(Result):
    """A fitted Cox model.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per coefficient (its name is the index): coef, std_error, hazard_ratio, lower, upper (of the hazard
        ratio), z, p_value; with `robust` also naive_std_error. A cell is a `NotEstimable` with the reason where the
        data give no number: separation, a covariate that adds nothing to those before it, no event.
    loglik : tuple of float
        Log partial likelihood at no effect and at the estimate (its supremum where a coefficient is infinite);
        penalised with Firth's penalty.
    likelihood_ratio, wald, score : ChiSquare
        Tests of no effect at all; the Wald test with the robust variance where there is one.
    n, events : int
        Rows and events.
    ties : str
        "efron", "breslow" or "exact".
    penalty : str or None
        "firth" or None.
    robust : bool
        Whether standard errors are robust.
    level : float
        Confidence level.
    method : str
        One line for a table's footnote.
    """

    table: pd.DataFrame
    loglik: tuple[float, float]
    likelihood_ratio: ChiSquare
    wald: ChiSquare
    score: ChiSquare
    n: int
    events: int
    ties: str
    penalty: str | None
    robust: bool
    level: float
    method: str
    _fit: _Fit = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return `table`.

        Returns
        -------
        pandas.DataFrame
        """
        return self.table.copy()

    def __str__(self) -> str:
        c, error = self.concordance, self.concordance_se
        shown = str(c) if isinstance(c, NotEstimable) else f"{c:.4g} (standard error {error:.4g})"
        test = self.likelihood_ratio
        p = test.p_value if isinstance(test.p_value, NotEstimable) else f"{test.p_value:.4g}"
        return (
            f"{self.method}: {self.events} events, {self.n} rows\n{self.table.to_string()}\n"
            f"likelihood ratio test on {test.df} df: p = {p}; concordance {shown}"
        )

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the estimable coefficients: robust, where the fit is."""
        import pandas as pd

        fit = self._fit
        names = [fit.design.names[k] for k in fit.kept]
        values = fit.variance / np.outer(fit.sets.scale, fit.sets.scale)
        return pd.DataFrame(values, index=names, columns=names)

    @cached_property
    def _concordance(self) -> tuple[float, float, Vector] | NotEstimable:
        fit = self._fit
        if fit.reason is not None:
            return fit.reason
        predictor = np.zeros(fit.sets.time.size)
        # Column by column, so that equal covariates give equal predictors to the last bit.
        for b, row in zip(fit.beta, fit.sets.x, strict=True):
            predictor += b * row
        cluster = None if fit.cluster is None else fit.cluster[fit.sets.order]
        return parts.concordance(fit.sets, predictor, cluster)

    @property
    def concordance(self) -> float | NotEstimable:
        """Share of pairs of patients whom the model ranks as their events did (ties in the model count a half)."""
        found = self._concordance
        return found if isinstance(found, NotEstimable) else found[0]

    @property
    def concordance_se(self) -> float | NotEstimable:
        """Infinitesimal jackknife standard error of `concordance`."""
        found = self._concordance
        return found if isinstance(found, NotEstimable) else found[1]

    @property
    def concordance_counts(self) -> dict[str, float] | NotEstimable:
        """(Weighted) pairs: concordant, discordant, tied_x, tied_y, tied_xy."""
        found = self._concordance
        if isinstance(found, NotEstimable):
            return found
        names = ("concordant", "discordant", "tied_x", "tied_y", "tied_xy")
        return dict(zip(names, found[2].tolist(), strict=True))

    @cached_property
    def ph_test(self) -> pd.DataFrame:
        """Test of proportional hazards with the Kaplan-Meier transform of time; see `proportional_hazards`."""
        return self.proportional_hazards()

    def proportional_hazards(self, transform: str = "km") -> pd.DataFrame:
        """Test whether hazard ratios change with time, as ``cox.zph`` of R survival 3.

        Parameters
        ----------
        transform : str, default "km"
            The time scale on which a coefficient would change: "km" (1 less the Kaplan-Meier estimate), "identity",
            "rank" or "log".

        Returns
        -------
        pandas.DataFrame
            Rows: each covariate (a categorical one as a whole), then GLOBAL. Columns chisq, df, p; `NotEstimable`
            where the events cannot tell.

        Raises
        ------
        ValueError
            If the transform is unknown or the fit is penalised.

        Notes
        -----
        The score test of adding covariate x transform(time) to the model, with its whole information matrix: no
        approximation by a constant variance, as lifelines and R before survival 3 made.

        Examples
        --------
        >>> data = {"time": [3, 5, 6, 8, 10, 12], "event": [1, 1, 1, 1, 0, 1], "x": [2, 0, 1, 2, 0, 1]}
        >>> cox(data, "time", "event", "x").proportional_hazards("rank").round(4)
                 chisq  df       p
        x       0.0142   1  0.9052
        GLOBAL  0.0142   1  0.9052
        """
        import pandas as pd

        if transform not in parts.TRANSFORMS:
            raise ValueError(
                f"transform must be one of {', '.join(map(repr, parts.TRANSFORMS))}; got {transform!r}"
            )
        if self.penalty is not None:
            raise ValueError('the test of proportional hazards needs an unpenalised fit: penalty=None')
        fit = self._fit
        where = {int(k): i for i, k in enumerate(fit.kept)}
        terms = [(name, [where[k] for k in ks if k in where]) for name, ks in fit.design.terms]
        terms = [(name, ks) for name, ks in terms if ks or fit.reason is not None]
        if fit.reason is not None:
            rows = [(fit.reason, max(1, len(ks)), fit.reason) for _, ks in terms]
            rows.append((fit.reason, max(1, len(fit.design.names)), fit.reason))
        else:
            rows = parts.proportional_hazards(fit.sets, fit.seen, transform, [ks for _, ks in terms])
        return pd.DataFrame(
            rows, index=[*(name for name, _ in terms), "GLOBAL"], columns=["chisq", "df", "p"]
        )

    def residuals(self, kind: str = "martingale") -> Any:
        """Give residuals, as ``residuals`` of R's coxph.

        Parameters
        ----------
        kind : str
            "martingale", "deviance": one per row of the data. "score", "dfbeta" (approximate change of the
            coefficients without the row, times its weight), "dfbetas" (in standard errors): rows x coefficients.
            "schoenfeld", "scaled_schoenfeld": one row per event, in order of stratum and time.

        Returns
        -------
        numpy.ndarray or pandas.DataFrame or NotEstimable
            Array, or frame with a column per estimable coefficient; NotEstimable where a coefficient is infinite.

        Raises
        ------
        ValueError
            If the kind is unknown, or is not defined for the exact likelihood of ties.

        Examples
        --------
        >>> data = {"time": [3, 5, 6, 8], "event": [1, 1, 0, 1], "x": [0, 1, 0, 1]}
        >>> cox(data, "time", "event", "x").residuals("martingale").round(4).tolist()
        [0.7229, 0.3923, -0.6077, -0.5076]
        """
        import pandas as pd

        if kind not in RESIDUALS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, RESIDUALS))}; got {kind!r}")
        fit = self._fit
        if fit.reason is not None:
            return fit.reason
        if self.ties == "exact" and kind not in RESIDUALS[:2]:
            raise ValueError(f'{kind} residuals are not defined for ties="exact"; fit with ties="efron"')
        sets = fit.sets
        names = [fit.design.names[k] for k in fit.kept]
        if kind in RESIDUALS[:2]:
            raw = parts.martingale(sets, fit.seen)
            return fit.unsorted(raw if kind == "martingale" else parts.deviance(sets, raw))
        if kind in ("schoenfeld", "scaled_schoenfeld"):
            values = parts.schoenfeld(sets, fit.seen)
            values = (
                values * sets.scale
                if kind == "schoenfeld"
                else (values @ fit.naive * len(values) + fit.beta) / sets.scale
            )
            times = pd.Index(sets.time[sets.place], name="time")
            return pd.DataFrame(values, index=times, columns=names)
        values = parts.score_residuals(sets, fit.seen)
        if kind == "score":
            values = values * sets.scale
        else:
            values = (values * sets.weights[:, None]) @ fit.naive
            values = values / (np.sqrt(fit.variance.diagonal()) if kind == "dfbetas" else sets.scale)
        return pd.DataFrame(fit.unsorted(values), columns=names)

    def baseline_hazard(self) -> pd.DataFrame | NotEstimable:
        """Cumulative hazard of a patient whose covariates are all 0, as ``basehaz(centered = FALSE)`` of R.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            Columns time, cumulative_hazard and, in a stratified model, stratum; a row per distinct time.
        """
        found = self._curves({name: 0.0 for name in self._fit.design.names}, None, expand=False)
        if isinstance(found, NotEstimable):
            return found
        keep = [name for name in ("time", "cumulative_hazard", "stratum") if name in found]
        return found[keep]

    def predict_survival(
        self, covariates: Mapping[str, Any], times: ArrayLike | None = None, stratum: Any = None
    ) -> pd.DataFrame | NotEstimable:
        """Predict survival at given covariates, as ``survfit(fit, newdata)`` of R.

        Parameters
        ----------
        covariates : mapping of str to number or label
            A value for each covariate of the model.
        times : array_like, optional
            Times asked for; by default each distinct time of the data.
        stratum : label, optional
            One stratum of a stratified model; all of them by default.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            Columns time, survival, std_error (of survival), lower, upper (limits on the log scale), cumulative_hazard
            and, in a stratified model, stratum.

        Raises
        ------
        ValueError
            If a covariate is missing, unknown or no number, a time is negative or the stratum is unknown.

        Examples
        --------
        >>> data = {"time": [3, 5, 6, 8], "event": [1, 1, 0, 1], "x": [0, 1, 0, 1]}
        >>> cox(data, "time", "event", "x").predict_survival({"x": 1}, [4])["survival"].round(4).tolist()
        [0.8008]
        """
        return self._curves(covariates, times, stratum)

    def _curves(
        self,
        covariates: Mapping[str, Any],
        times: ArrayLike | None,
        stratum: Any = None,
        *,
        expand: bool = True,
    ) -> pd.DataFrame | NotEstimable:
        import pandas as pd

        from pnstrial.survival.observations import check_times

        fit = self._fit
        row = (
            fit.design.row(covariates)
            if expand
            else np.array([float(covariates[name]) for name in fit.design.names])
        )
        if fit.reason is not None:
            return fit.reason
        if stratum is not None and stratum not in fit.strata:
            raise ValueError(f"stratum must be one of {list(fit.strata)!r}, got {stratum!r}")
        asked = None if times is None else check_times(times)
        z = normal_quantile(self.level)
        x = (row[fit.kept] - fit.sets.centre) / fit.sets.scale
        predictor = float(fit.beta @ x)
        if abs(predictor - fit.seen.shift) > 650.0:
            return NotEstimable("these covariates are too far from those of the patients")
        frames: list[pd.DataFrame] = []
        for k, label in enumerate(fit.strata or (None,)):
            if stratum is not None and label != stratum:
                continue
            at, hazard, error = parts.cumulated(fit.sets, fit.seen, k, predictor, x, fit.variance)
            if asked is not None:
                last = np.searchsorted(at, asked, side="right")
                at = asked
                hazard, error = np.append(0.0, hazard)[last], np.append(0.0, error)[last]
            survival = np.exp(-hazard)
            frame = pd.DataFrame(
                {
                    "time": at,
                    "survival": survival,
                    "std_error": survival * error,
                    "lower": np.exp(-hazard - z * error),
                    "upper": np.exp(np.minimum(-hazard + z * error, 0.0)),
                    "cumulative_hazard": hazard,
                }
            )
            if fit.strata:
                frame["stratum"] = label
            frames.append(frame)
        return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


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
    treated         0.099  0.010  0.578    0.008
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
            for name, given in (("weights", weights.size > 0), ("robust", robust), ("penalty", penalty is not None))
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
        top = Maximum(np.empty(0), null[0], null[1], null[2], None, 0)
    elif penalty is None:
        top = maximise(sets)
    else:
        found = firth(sets, z)
        if isinstance(found, NotEstimable):
            raise ValueError(f"covariates: {found.reason}")
        penalised, top = found, found.maximum
        null = (found.null, found.null_score, found.null_information)
    unbounded = top.infinite is not None
    reason = _NO_EVENT if events == 0 else _UNBOUNDED if unbounded else None
    naive = np.zeros_like(top.information) if unbounded else _inverse(top.information)
    fit = _Fit(_by_hazard(sets), top.beta, naive, naive, kept, design, strata, cluster, reason)
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
    return np.linalg.inv(information) if information.size else information


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


def _sandwich(fit: _Fit) -> Vector:
    """Sum of squares of the changes by leaving out a row, or a cluster of rows."""
    change = (parts.score_residuals(fit.sets, fit.seen) * fit.sets.weights[:, None]) @ fit.naive
    if fit.cluster is not None:
        groups = fit.cluster[fit.sets.order]
        change = np.array([np.bincount(groups, weights=values) for values in change.T]).T
    return change.T @ change


def _exponential(value: float) -> Number:
    return math.exp(value) if value < 709.0 else _HUGE


def _row(coef: float, error: float, limits: tuple[Number, Number], z: float) -> tuple[Number, ...]:
    low, high = (edge if isinstance(edge, NotEstimable) else _exponential(edge) for edge in limits)
    return coef, error, _exponential(coef), low, high, z, math.erfc(abs(z) / math.sqrt(2.0))


def _rows(
    names: list[str], fit: _Fit, z: float, penalised: Firth | None, *, robust: bool
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
    top: Maximum,
    names: list[str],
    reasons: dict[str, NotEstimable],
    fit: _Fit,
    *,
    robust: bool,
    z: float,
) -> tuple[dict[str, tuple[Number, ...]], float]:
    """Estimate what stays finite as other coefficients go to infinity; say which do.

    Along a direction without end, those at risk whose covariates lie behind the event's drop out of the comparison.
    A fixed part of the linear predictor, long enough that what remains of them is below rounding, takes them out;
    the covariates less one are then fitted as ever.
    """
    columns = list(names)
    current, loglik = sets, top.loglik
    blurred = NotEstimable("another coefficient is infinite; penalty=\"firth\" gives finite ones")
    while top.infinite is not None:
        direction = top.infinite
        for name, v in zip(columns, direction.tolist(), strict=True):
            if v != 0.0:
                reasons[name] = _separated(name, v, alone=np.count_nonzero(direction) == 1)
        along = direction @ current.x
        values = np.unique(along.round(9))
        gap = float(np.diff(values).min())
        reach = 40.0 / gap * float(np.ptp(along)) + float(np.ptp(current.offset))
        drop = int(np.argmax(np.abs(direction)))
        rest = np.delete(np.arange(len(columns)), drop)
        current = replace(current, offset=current.offset + 40.0 / gap * along)
        columns = [columns[k] for k in rest]
        current = _subset(current, rest)
        if not columns or reach > 1000.0:
            break
        told = estimable(current)
        for name in [name for name, fine in zip(columns, told, strict=True) if not fine]:
            reasons.setdefault(name, blurred)
        current = _subset(current, np.flatnonzero(told))
        columns = [name for name, fine in zip(columns, told, strict=True) if fine]
        if not columns:
            break
        top = maximise(current)
        loglik = top.loglik
    rows: dict[str, tuple[Number, ...]] = {}
    if columns and top.infinite is None:
        naive = _inverse(top.information)
        own = replace(fit, sets=_by_hazard(current), beta=top.beta, variance=naive, naive=naive, reason=None)
        if robust:
            own = replace(own, variance=_sandwich(own))
        rows = _rows(columns, own, z, None, robust=robust)
    for name in columns:
        if name in reasons or name not in rows:
            rows.pop(name, None)
            reasons.setdefault(name, blurred)
    return rows, loglik


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


@dataclass(frozen=True, eq=False)
class CoxBatch(Result):
    """Cox regressions on one comparison of two groups, one per trial.

    Parameters
    ----------
    coef, std_error, p_value : numpy.ndarray, shape (R,)
        Log hazard ratio of the second group, its standard error and Wald p-value; nan where not `estimable`.
    loglik_null, loglik : numpy.ndarray, shape (R,)
        Log partial likelihood at no effect and at the maximum (its supremum where there is none).
    likelihood_ratio, likelihood_ratio_p : numpy.ndarray, shape (R,)
        Statistic and p-value on 1 degree of freedom; always there.
    estimable : numpy.ndarray of bool, shape (R,)
        False where the groups are separated, or where no event had both at risk.
    direction : numpy.ndarray of int, shape (R,)
        0 where estimable; 1, -1 where the coefficient is plus, minus infinity; 2 where no event had both groups at
        risk.
    ties : str
    """

    coef: Vector
    std_error: Vector
    p_value: Vector
    loglik_null: Vector
    loglik: Vector
    likelihood_ratio: Vector
    likelihood_ratio_p: Vector
    estimable: NDArray[np.bool_]
    direction: NDArray[np.int64]
    ties: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per trial.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        names = [
            "coef", "std_error", "p_value", "loglik_null", "loglik", "likelihood_ratio", "likelihood_ratio_p",
            "estimable", "direction",
        ]  # fmt: skip
        return pd.DataFrame({name: getattr(self, name) for name in names})


def cox_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike, ties: str = "efron") -> CoxBatch:
    """Fit a Cox model with one binary covariate to each of many trials; each row equals `cox` of that trial.

    Parameters
    ----------
    time, event : array_like, shape (R, n)
        Follow-up times and event indicators (0 or 1) of R trials of n patients.
    group : array_like, shape (R, n) or (n,)
        0 or 1 (or any two numbers, the same in all trials; the larger is the second group).
    ties : str, default "efron"
        "efron" or "breslow".

    Returns
    -------
    CoxBatch

    Raises
    ------
    ValueError
        If shapes differ, a time is negative, an event is not 0 or 1, there are not two groups or ties is unknown.

    Examples
    --------
    >>> fits = cox_batch([[3, 5, 8, 10], [1, 2, 3, 4]], [[1, 1, 1, 0], [1, 1, 1, 1]], [0, 1, 0, 1])
    >>> fits.estimable.tolist(), fits.coef.round(4).tolist()
    ([True, True], [-0.9163, -0.9163])
    """
    from scipy.special import chdtrc

    from pnstrial.survival.cox_kernels import binary_monotone
    from pnstrial.survival.kaplan_meier import packed_times
    from pnstrial.survival.survival_kernels import cox_binary_batch

    if ties not in ("efron", "breslow"):
        raise ValueError(f'ties must be "efron" or "breslow" in a batch, got {ties!r}')
    times, events, second = _batch(time, event, group)
    packed = packed_times(times, (events.astype(np.int64) << 1) | second)
    fits = np.empty((times.shape[0], 5))
    direction = np.empty(times.shape[0], dtype=np.int64)
    cox_binary_batch(packed, ties == "efron", fits)
    binary_monotone(packed, direction)
    told = direction == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(told, fits[:, 0] / fits[:, 1], 0.0)
    ratio = np.maximum(2.0 * (fits[:, 3] - fits[:, 2]), 0.0)
    from scipy.special import ndtr

    return CoxBatch(
        np.where(told, fits[:, 0], np.nan),
        np.where(told, fits[:, 1], np.nan),
        np.where(told, 2.0 * ndtr(-np.abs(z)), np.nan),
        fits[:, 2].copy(),
        fits[:, 3].copy(),
        ratio,
        chdtrc(1, ratio),
        told,
        direction,
        ties,
    )


def _batch(
    time: ArrayLike, event: ArrayLike, group: ArrayLike
) -> tuple[Vector, NDArray[np.bool_], NDArray[np.bool_]]:
    """Read times, events and the second group of a batch."""
    times = matrix_of(time, "time")
    events = matrix_of(event, "event", cast("tuple[int, int]", times.shape))
    wrong = np.argwhere((events != 0) & (events != 1))
    if wrong.size:
        row, place = wrong[0]
        raise ValueError(f"event must be 0 or 1: event[{row}, {place}] = {events[row, place]:.15g}")
    groups = np.asarray(group)
    if groups.shape not in (times.shape, times.shape[1:]):
        raise ValueError(f"group must have shape {times.shape} or {times.shape[1:]}, got {groups.shape}")
    values = np.unique(groups)
    if values.size != 2 or values.dtype.kind not in "biuf" or not bool(np.isfinite(values).all()):
        raise ValueError(f"group must have two numbers as its values, got {values.tolist()[:5]!r}")
    second = np.broadcast_to(groups == values[1], times.shape)
    return times, events == 1, second

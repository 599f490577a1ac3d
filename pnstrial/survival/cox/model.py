"""What does a fitted Cox model say?

Input: the outcome of `cox`.
Output: `Cox`: coefficients, hazard ratios, tests; on request concordance, the test of proportional hazards, residuals,
baseline hazard and predicted survival.
Protocol section: secondary endpoints (improvers against others from a landmark on).
Method: see `cox_residuals`.
Next: `landmark`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result, with_reasons
from pnstrial.survival.cox import residuals as parts
from pnstrial.survival.cox.likelihood import Hazard, hazard_at
from pnstrial.survival.observations import check_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.survival.cox.covariates import Design
    from pnstrial.survival.cox.risk_sets import RiskSets

    Vector = NDArray[np.float64]

__all__ = ["RESIDUALS", "ChiSquare", "Cox", "Fit"]

RESIDUALS = ("martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas")


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

    def __iter__(self) -> Iterator[float | int | NotEstimable]:
        return iter((self.statistic, self.df, self.p_value))


@dataclass(frozen=True, eq=False)
class Fit:
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
        """See the risk sets at the estimate."""
        hazard = hazard_at(self.sets, self.beta)
        if hazard is None:
            raise ValueError("the linear predictor is out of range: rescale the covariates")
        return hazard

    def unsorted(self, values: Vector) -> Vector:
        """Put values, one per patient, back into the order of the data."""
        out = np.empty_like(values)
        out[self.sets.order] = values
        return out


@dataclass(frozen=True, eq=False)
class Cox(Result):
    """A fitted Cox model.

    Parameters
    ----------
    names : tuple of str
        Coefficients.
    columns : tuple of str
        Columns of `table`.
    rows : dict
        Of each coefficient a cell per column, or one `NotEstimable` for all.
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
    clusters : int or None
        Clusters (or rows) of robust standard errors.
    notes : tuple of str
        What to bear in mind: robust standard errors from few clusters.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: dict[str, tuple[float | NotEstimable, ...]] = field(repr=False)
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
    fit: Fit = field(repr=False)
    clusters: int | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per coefficient (its name is the index).

        Columns coef, std_error, hazard_ratio, lower, upper (of the hazard ratio), z, p_value; with `robust` also
        naive_std_error. A cell is a `NotEstimable` with the reason where the data give no number: separation, a
        covariate that adds nothing to those before it, no event.
        """
        import pandas as pd

        width = len(self.columns)
        cells = [row if len(row) == width else row * width for row in self.rows.values()]
        return pd.DataFrame(
            {column: [row[k] for row in cells] for k, column in enumerate(self.columns)},
            index=pd.Index(self.names),
        )

    def _cell(self, column: str) -> float | NotEstimable:
        row = self.rows[self.names[0]]
        return row[self.columns.index(column)] if len(row) == len(self.columns) else row[-1]

    @property
    def estimate(self) -> float | NotEstimable:
        """Hazard ratio of the first coefficient, which is the primary one: name the treatment first."""
        return self._cell("hazard_ratio")

    @property
    def ci(self) -> tuple[float | NotEstimable, float | NotEstimable] | NotEstimable:
        """Limits of `estimate`."""
        lower, upper = self._cell("lower"), self._cell("upper")
        return lower if isinstance(lower, NotEstimable) and lower is upper else (lower, upper)

    @property
    def p_value(self) -> float | NotEstimable:
        """Two-sided p-value of `estimate` being 1."""
        return self._cell("p_value")

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient.

        Returns
        -------
        pandas.DataFrame
            covariate, then the columns of `table`, NaN where there is no number; with a column `reason` where a number
            is missing.
        """
        return with_reasons(self.table, "covariate")

    def to_lifelines(self) -> Any:
        """Return a ``CoxPHFitter`` of lifelines, fitted to the same records.

        Returns
        -------
        lifelines.CoxPHFitter

        Raises
        ------
        ValueError
            For what lifelines has not: other ties than Efron's, Firth's penalty; or where a coefficient is not
            estimable.
        pnstrial.verification.EngineMissingError
            If lifelines is not installed.

        Examples
        --------
        >>> from pnstrial.survival import cox
        >>> fit = cox([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 0, 1, 1, 0, 1, 1], {"age": [5, 1, 2, 4, 3, 6, 1, 2]})
        >>> fitter = fit.to_lifelines()
        >>> bool(abs(fitter.params_["age"] - fit.table.loc["age", "coef"]) < 1e-3)
        True
        """
        from pnstrial.verification.engines import cox_fitter

        sets = self.fit.sets
        undrawn = {
            f"{self.ties} ties": self.ties != "efron",
            f"{self.penalty}'s penalty": self.penalty is not None,
            "a coefficient without estimate": len(self.fit.kept) < len(self.names)
            or self.fit.reason is not None,
        }
        if missing := [name for name, there in undrawn.items() if there]:
            raise ValueError(f"to_lifelines: lifelines has no Cox model with {', '.join(missing)}")
        x = sets.x * sets.scale[:, None] + sets.centre[:, None]
        return cox_fitter(
            (sets.time, sets.event, sets.entry, sets.weights, sets.stratum),
            dict(zip(self.names, x, strict=True)), robust=self.robust, level=self.level,
        )  # fmt: skip

    def _display(self) -> Display:
        return Display(
            f"{self.method}: {self.events} events, {self.n} rows",
            (("likelihood ratio test p", self.likelihood_ratio.p_value), ("concordance", self.concordance)),
            self.to_frame().rename(columns={"p_value": "p"}),
            (*self.notes, *self._coverage()),
        )

    def _coverage(self) -> tuple[str, ...]:
        """Say what the limits are worth in small samples, where that is under what they promise."""
        return coverage_note("firth", self.n) if self.penalty == "firth" else ()

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the estimable coefficients: robust, where the fit is."""
        import pandas as pd

        fit = self.fit
        names = [fit.design.names[k] for k in fit.kept]
        values = fit.variance / np.outer(fit.sets.scale, fit.sets.scale)
        return pd.DataFrame(values, index=names, columns=names)

    @cached_property
    def _concordance(self) -> tuple[float, float, Vector] | NotEstimable:
        fit = self.fit
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
        >>> from pnstrial.survival import cox
        >>> data = {"time": [3, 5, 6, 8, 10, 12], "event": [1, 1, 1, 1, 0, 1], "x": [2, 0, 1, 2, 0, 1]}
        >>> cox(data, "time", "event", "x").proportional_hazards("rank").round(4)
                 chisq  df       p
        x       0.0616   1  0.8039
        GLOBAL  0.0616   1  0.8039
        """
        check_signature(Cox.proportional_hazards, locals())
        import pandas as pd

        if transform not in parts.TRANSFORMS:
            raise ValueError(
                f"transform must be one of {', '.join(map(repr, parts.TRANSFORMS))}; got {transform!r}"
            )
        if self.penalty is not None:
            raise ValueError("the test of proportional hazards needs an unpenalised fit: penalty=None")
        fit = self.fit
        where = {int(k): i for i, k in enumerate(fit.kept)}
        terms = [(name, [where[k] for k in ks if k in where]) for name, ks in fit.design.terms]
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
            coefficients without the row, times its weight), "dfbetas" (in naive standard errors): rows x coefficients.
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
        >>> from pnstrial.survival import cox
        >>> data = {"time": [3, 5, 6, 8], "event": [1, 1, 0, 1], "x": [0, 1, 0, 1]}
        >>> cox(data, "time", "event", "x").residuals("martingale").round(4).tolist()
        [0.7071, 0.5, -0.7071, -0.5]
        """
        check_signature(Cox.residuals, locals())
        import pandas as pd

        if kind not in RESIDUALS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, RESIDUALS))}; got {kind!r}")
        fit = self.fit
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
            values = values / (np.sqrt(fit.naive.diagonal()) if kind == "dfbetas" else sets.scale)
        return pd.DataFrame(fit.unsorted(values), columns=names)

    def baseline_hazard(self) -> pd.DataFrame | NotEstimable:
        """Cumulative hazard of a patient whose covariates are all 0, as ``basehaz(centered = FALSE)`` of R.

        Returns
        -------
        pandas.DataFrame or NotEstimable
            Columns time, cumulative_hazard and, in a stratified model, stratum; a row per distinct time.
        """
        found = self._curves(dict.fromkeys(self.fit.design.names, 0.0), None, expand=False)
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
            Times wanted; by default each distinct time of the data.
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
        >>> from pnstrial.survival import cox
        >>> data = {"time": [3, 5, 6, 8], "event": [1, 1, 0, 1], "x": [0, 1, 0, 1]}
        >>> cox(data, "time", "event", "x").predict_survival({"x": 1}, [4])["survival"].round(4).tolist()
        [0.8129]
        """
        check_signature(Cox.predict_survival, locals())
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

        fit = self.fit
        row = (
            fit.design.row(covariates)
            if expand
            else np.array([float(covariates[name]) for name in fit.design.names])
        )
        if fit.reason is not None:
            return fit.reason
        if stratum is not None and stratum not in fit.strata:
            raise ValueError(f"stratum must be one of {list(fit.strata)!r}, got {stratum!r}")
        requested = None if times is None else check_times(times)
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
            if requested is not None:
                last = np.searchsorted(at, requested, side="right")
                at = requested
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

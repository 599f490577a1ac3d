"""Which rates do the ratings of real patients speak for?

Input: a table of patient, time and state: ratings at any dates, deaths at exact dates, last contacts alive.
Output: `MultistateFit`: rates with standard errors and intervals, effects of covariates, probabilities at a time.
Protocol section: none.
Method: maximum likelihood (Kalbfleisch and Lawless, JASA 1985;80:863-871) with the options of R msm: exactly
timed deaths, censored states, misclassified states (Jackson, J Stat Softw 2011;38(8)).
Next: `calibration`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.multistate.likelihood import Panel, RateModel, log_likelihood
from pnstrial.multistate.panel import Effect, Transition, prepare, starting_values
from pnstrial.multistate.process import check_times, exponential, sojourn_times
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Result, with_reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.multistate.rating import RatingError
    from pnstrial.numerics.arguments import Numbers

__all__ = ["MultistateFit", "StateProbabilities", "fit"]

_ZERO = -745.0
"""Log of a rate that is 0."""
_AT_ZERO = 1.0
"""Expected number of events, over all time at risk, below which a rate is tried at 0."""


@dataclass(frozen=True)
class StateProbabilities(Result):
    """Transition probabilities at a time, with intervals.

    Parameters
    ----------
    t : float
        Time.
    level : float
        Confidence level.
    states : tuple
        Labels of the states.
    estimate : array of shape (k, k)
        Row: state at 0; column: state at t.
    lower, upper : array of shape (k, k), or NotEstimable
        Limits: delta method on the logit scale; equal to the estimate where it is 0 or 1.
    """

    t: float
    level: float
    states: tuple[Any, ...] = field(repr=False)
    estimate: NDArray[np.float64] = field(repr=False)
    lower: NDArray[np.float64] | NotEstimable = field(repr=False)
    upper: NDArray[np.float64] | NotEstimable = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pair of states: from, to, t, probability, lower, upper."""
        import pandas as pd

        k = len(self.states)
        source, target = np.divmod(np.arange(k * k), k)
        frame = pd.DataFrame(
            {"from": [self.states[i] for i in source], "to": [self.states[j] for j in target], "t": self.t}
        )
        frame["probability"] = self.estimate.ravel()
        for name, limit in (("lower", self.lower), ("upper", self.upper)):
            cells: list[Any] = [limit] * k * k if isinstance(limit, NotEstimable) else limit.ravel().tolist()
            frame[name] = pd.Series(cells)
        return with_reasons(frame)

    def _display(self) -> Display:
        title = f"Transition probabilities after {self.t:g}, {self.level:.0%} intervals"
        return Display(title, table=self.to_frame().drop(columns="t"))


@dataclass(frozen=True)
class MultistateFit(Result):
    """A fitted continuous-time Markov model.

    Parameters
    ----------
    n, n_rows, n_transitions : int
        Patients, rows, and intervals between rows (a patient with one row has none).
    loglik : float
        Log-likelihood at the maximum; msm prints -2 times this.
    level : float
        Confidence level of the intervals.
    states : tuple
        Labels of the states, in the order of all matrices.
    rates : array of shape (k, k)
        Generator where every covariate is 0, per unit of time.
    std_error : array of shape (k, k), or NotEstimable
        Standard errors of `rates`, the diagonal included (delta method from the log scale, observed information).
        0 where a rate is not allowed or its estimate is 0 (see `not_estimable`).
    lower, upper : array of shape (k, k), or NotEstimable
        Interval of each rate, symmetric on the log scale; 0 where the standard error is.
    not_estimable : dict of (from, to) to NotEstimable
        Allowed transitions set to 0, and why: the likelihood is highest there, or the data say nothing about them.
        They have no standard error.
    effects : dict of str to dict
        For each covariate and (from, to): rate ratio per unit with its interval (ratio, lower, upper), or
        NotEstimable.
    sojourn : tuple of float or NotEstimable
        Mean time of one stay in each state.
    method : str
        Options used.
    """

    n: int
    n_rows: int
    n_transitions: int
    loglik: float
    level: float
    states: tuple[Any, ...]
    rates: NDArray[np.float64] = field(repr=False)
    std_error: NDArray[np.float64] | NotEstimable = field(repr=False)
    lower: NDArray[np.float64] | NotEstimable = field(repr=False)
    upper: NDArray[np.float64] | NotEstimable = field(repr=False)
    not_estimable: dict[Transition, NotEstimable] = field(repr=False)
    effects: dict[str, dict[Transition, tuple[float, float, float] | NotEstimable]] = field(repr=False)
    sojourn: tuple[float | NotEstimable, ...] = field(repr=False)
    method: str = ""
    model: RateModel = field(repr=False, kw_only=True)
    theta: NDArray[np.float64] = field(repr=False, kw_only=True)
    covariance: NDArray[np.float64] | NotEstimable = field(repr=False, kw_only=True)
    covariates: tuple[str, ...] = field(repr=False, kw_only=True)

    def rates_at(self, **covariates: float) -> NDArray[np.float64]:
        """Give the generator at values of the covariates; those left out are 0.

        Raises
        ------
        ValueError
            If a covariate is not in the model.
        """
        return self.model.generators(self.model.rates(self.theta, self._pattern(covariates)))[0]

    def probabilities(self, t: float, **covariates: float) -> StateProbabilities:
        """Give the transition probabilities at a time (3 for Month 3 if time is in months), with intervals.

        Parameters
        ----------
        t : float
            Time, 0 or more.
        **covariates
            Values of covariates; those left out are 0.

        Returns
        -------
        StateProbabilities

        Raises
        ------
        ValueError
            If the time is negative or a covariate is not in the model.
        """
        from scipy.special import expit

        time = float(check_times(t, "probabilities"))
        pattern = self._pattern(covariates)

        def at(theta: NDArray[np.float64]) -> NDArray[np.float64]:
            return exponential(self.model.generators(self.model.rates(theta, pattern))[0] * time)

        P = at(self.theta)
        if isinstance(self.covariance, NotEstimable):
            return StateProbabilities(time, self.level, self.states, P, self.covariance, self.covariance)
        variance = _propagate(at, self.theta, self.covariance)
        inside = (P > 1e-12) & (P < 1 - 1e-12)
        safe = np.where(inside, P, 0.5)
        half = normal_quantile(self.level) * np.sqrt(variance) / (safe * (1 - safe))
        odds = np.log(safe / (1 - safe))
        low, high = (np.where(inside, expit(odds + sign * half), P) for sign in (-1, 1))
        return StateProbabilities(time, self.level, self.states, P, low, high)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per allowed transition, then one per transition and covariate.

        Returns
        -------
        pandas.DataFrame
            from, to, rate (where every covariate is 0), std_error, lower, upper; with covariates also covariate ("" in
            the rows of rates) and ratio (of rates, per unit of the covariate, with its limits). NaN where a column says
            nothing, and with a column `reason` where a number is not estimable.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for i, j in zip(self.model.source, self.model.target, strict=True):
            source, target = self.states[i], self.states[j]
            reason = self.not_estimable.get((source, target))
            row: dict[str, Any] = {
                "from": source, "to": target, "covariate": "", "rate": float(self.rates[i, j]), "ratio": math.nan,
            }  # fmt: skip
            for name in ("std_error", "lower", "upper"):
                matrix = getattr(self, name)
                missing = reason if reason is not None else matrix
                row[name] = missing if isinstance(missing, NotEstimable) else float(matrix[i, j])
            rows.append(row)
        for covariate, ratios in self.effects.items():
            for (source, target), found in ratios.items():
                ratio, lower, upper = (found,) * 3 if isinstance(found, NotEstimable) else found
                rows.append({
                    "from": source, "to": target, "covariate": covariate, "rate": math.nan, "ratio": ratio,
                    "std_error": math.nan, "lower": lower, "upper": upper,
                })  # fmt: skip
        frame = with_reasons(pd.DataFrame(rows))
        return frame if self.effects else frame.drop(columns=["covariate", "ratio"])

    def _display(self) -> Display:
        title = f"Multi-state model ({self.method}): {self.n} patients, {self.n_transitions} intervals between rows"
        return Display(title, (("log-likelihood", self.loglik), ("level", self.level)), self.to_frame())

    def _pattern(self, given: Mapping[str, float]) -> NDArray[np.float64]:
        if unknown := sorted(given.keys() - set(self.covariates)):
            has = ", ".join(self.covariates) or "none"
            raise ValueError(f"covariate {', '.join(unknown)} is not in the model; it has {has}")
        return np.array([[float(given.get(name, 0.0)) for name in self.covariates]])


def fit(
    data: Any,
    patient: str,
    time: str,
    state: str,
    allowed: ArrayLike,
    death_exact: Any = None,
    *,
    states: Sequence[Any] | None = None,
    censor: Any = None,
    covariates: Mapping[str, Effect] | None = None,
    same_rate: Sequence[Sequence[Transition]] = (),
    misclassification: RatingError | Numbers | None = None,
    initial: Numbers | None = None,
    level: float = 0.95,
) -> MultistateFit:
    """Fit a continuous-time Markov model to states seen at arbitrary times, by maximum likelihood.

    Parameters
    ----------
    data : DataFrame or mapping of columns
        One row per record, in any order. A patient may have several rows at a time: a rating on the day of the
        death, or (with misclassification) two raters.
    patient, time, state : str
        Columns. The unit of the rates is 1 / unit of time.
    allowed : array of shape (k, k)
        Not 0 where a direct transition from the row's to the column's state is allowed; the diagonal is ignored.
    death_exact : state, list of states, or True; optional
        Absorbing states whose time of entry is known exactly (True: the last state). Other states are seen at
        their time but entered at an unknown time before it.
    states : sequence, optional
        Labels of the states in the order of `allowed`. Default: 0 to k - 1 if a state 0 occurs, 1 to k if a
        state k occurs or is a death; otherwise it must be given.
    censor : label, or dict of label to list of states; optional
        Codes of `state` that mean: in one of these states, unknown which. A bare label means alive: any state
        that can be left.
    covariates : dict of str to {'each', 'common'} or groups; optional
        Column, and what it acts on: every rate with its own effect, all rates with one effect, or groups such as
        ``[[(1, 2), (2, 3)], [(2, 1)]]``: one effect per group, none on other rates. The value at the
        start of an interval holds until its end.
    same_rate : groups of transitions, optional
        Transitions whose rates are equal (before covariates). Small samples on seven grades need this.
    misclassification : RatingError or array of shape (k, k), optional
        Probability of each recorded state (column) given the true one (row), held fixed. Exactly timed deaths
        are taken as true.
    initial : array of shape (k,), optional
        With misclassification: distribution of the true state at a patient's first row; default equal over
        the states that can be left.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    MultistateFit

    Raises
    ------
    ValueError
        If a column is missing, a time or covariate is not a number, a state is unknown, a death is not the last
        row, a sequence of states is impossible under `allowed`, or there is
        no patient with two rows. All offenders of a kind are named at once.

    Notes
    -----
    Differences from R msm: rates are given where covariates are 0, not at their means; without `initial`
    misclassified first states are equally likely, not all in state 1; a rate whose maximum lies at 0 is set to 0 and
    reported in `not_estimable`, where msm returns a small number with a very wide interval; a patient's censored first
    row counts as a uniform start, which changes -2 log L by a constant.

    Examples
    --------
    >>> panel = {"id": [1, 1, 1, 2, 2, 3, 3], "month": [0, 3, 6, 0, 4, 0, 3],
    ...          "state": [0, 0, 1, 0, 1, 0, 0]}
    >>> result = fit(panel, "id", "month", "state", [[0, 1], [0, 0]], death_exact=1)
    >>> round(float(result.rates[0, 1]), 4)  # two deaths in 13 months
    0.1538
    """
    check_signature(fit, locals())
    if not 0 < level < 1:
        raise ValueError(f"fit: level is {level}; it must lie between 0 and 1")
    model, panel, labels, names, counts = prepare(
        data, (patient, time, state), allowed, death_exact, states, censor, covariates or {}, same_rate,
        misclassification, initial,
    )  # fmt: skip
    size = 1 + max(model.group.max(), model.effects.max(initial=-1))
    theta = starting_values(model, panel, int(size))
    theta, gone = _maximise(model, panel, theta)
    value, _ = log_likelihood(model, panel, theta)
    free = np.array([n not in gone for n in range(theta.size)])
    covariance = _covariance(model, panel, theta, free)
    return _result(model, theta, covariance, gone, labels, names, counts, value, level,
                   exact=death_exact is not None, misread=misclassification is not None)  # fmt: skip


def _propagate(
    function: Any, theta: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the variance of a function of the parameters by the delta method, central differences."""
    slopes: list[NDArray[np.float64]] = []
    for n in range(theta.size):
        step = np.zeros(theta.size)
        step[n] = 1e-5
        slopes.append((function(theta + step) - function(theta - step)) / 2e-5)
    J = np.stack(slopes)
    return np.maximum(np.einsum("a...,ab,b...->...", J, covariance, J), 0.0)


def _maximise(
    model: RateModel, panel: Panel, theta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Climb to the maximum; rates that go to 0, or that nothing depends on, are set to 0 and the rest climbs again."""
    gone: dict[int, str] = {}
    n_rates = int(model.group.max()) + 1
    exposure = float(
        panel.length @ np.bincount(panel.interval[panel.interval >= 0], minlength=panel.length.size)
    )
    for _ in range(n_rates + 1):
        theta, value = _climb(model, panel, theta, set(gone))
        before = len(gone)
        for n in range(n_rates):
            if n in gone:
                continue
            trial = theta.copy()
            if np.exp(theta[n]) * exposure < _AT_ZERO:
                trial[n] = _ZERO
                if log_likelihood(model, panel, trial)[0] >= value - 1e-6:
                    theta = trial
                    gone[n] = "the likelihood is highest at rate 0, the edge of what is possible"
                continue
            trial[n] += 1.0
            if abs(log_likelihood(model, panel, trial)[0] - value) < 1e-9:
                theta[n] = _ZERO
                gone[n] = "the data say nothing about it: no patient can have been in the state it leaves"
        if len(gone) == before:
            break
    return theta, gone


def _climb(
    model: RateModel, panel: Panel, theta: NDArray[np.float64], fixed: set[int]
) -> tuple[NDArray[np.float64], float]:
    """Quasi-Newton climb over the parameters that are free."""
    from scipy.optimize import minimize

    free = np.array([n for n in range(theta.size) if n not in fixed], np.intp)
    if not free.size:
        return theta, log_likelihood(model, panel, theta)[0]
    whole = theta.copy()

    def objective(part: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        whole[free] = part
        if np.any(np.abs(part) > 40):
            return 1e10 + float(np.abs(part).sum()), np.sign(part)
        value, gradient = log_likelihood(model, panel, whole)
        return (-value, -gradient[free]) if np.isfinite(value) else (1e10, -gradient[free])

    options: Any = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-5, "maxcor": 30}
    found = minimize(objective, theta[free], jac=True, method="L-BFGS-B", options=options)
    best = np.asarray(found.x, float)
    for _ in range(8):
        H = _hessian(objective, best)
        gradient = objective(best)[1]
        try:
            step = np.linalg.solve(H, gradient)
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() > 0.5 or np.linalg.eigvalsh(H).min() <= 0:
            break  # a rate on its way to 0 has no curvature to follow
        best = best - step
        if np.abs(step).max() < 1e-6:  # quadratic: the next one would be of the order of 1e-12
            break
    value = -objective(best)[0]
    return whole.copy(), value


def _hessian(objective: Any, at: NDArray[Any]) -> NDArray[np.float64]:
    """Differentiate the gradient by central differences."""
    H = np.empty((at.size, at.size))
    for n in range(at.size):
        step = np.zeros(at.size)
        step[n] = 1e-4
        H[n] = (objective(at + step)[1] - objective(at - step)[1]) / 2e-4
    return (H + H.T) / 2


def _covariance(
    model: RateModel, panel: Panel, theta: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64] | NotEstimable:
    """Invert the observed information of the free parameters."""
    whole = theta.copy()

    def objective(part: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
        whole[free] = part
        value, gradient = log_likelihood(model, panel, whole)
        return -value, -gradient[free]

    out = np.zeros((theta.size, theta.size))
    if not free.any():
        return out
    H = _hessian(objective, theta[free])
    values = np.linalg.eigvalsh(H)
    if not np.all(np.isfinite(H)) or values.min() <= 1e-7 * max(float(values.max()), 1.0):
        return NotEstimable(
            "the likelihood does not determine all rates (it is flat in some direction): allow fewer transitions, "
            "or set some equal with same_rate"
        )
    out[np.ix_(free, free)] = np.linalg.inv(H)
    return out


def _result(
    model: RateModel,
    theta: NDArray[np.float64],
    covariance: NDArray[np.float64] | NotEstimable,
    gone: dict[int, str],
    labels: tuple[Any, ...],
    names: tuple[str, ...],
    counts: tuple[int, int, int],
    value: float,
    level: float,
    *,
    exact: bool,
    misread: bool,
) -> MultistateFit:
    """Arrange the estimates by transition."""
    zero_pattern = np.zeros((1, len(names)))
    m = model.source.size
    absent = np.isin(model.group, list(gone))

    def generator_at(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        rates = np.where(absent, 0.0, model.rates(parameters, zero_pattern))
        return model.generators(rates)[0]

    Q = generator_at(theta)
    std_error: Any = covariance
    lower: Any = covariance
    upper: Any = covariance
    if not isinstance(covariance, NotEstimable):
        std_error = np.sqrt(_propagate(generator_at, theta, covariance))
        sign = np.where(Q < 0, -1.0, 1.0)
        size = np.abs(Q)
        half = normal_quantile(level) * np.divide(std_error, size, out=np.zeros_like(Q), where=size > 0)
        factor = np.exp(np.minimum(half, 300.0))  # an interval from 0 to anything, kept finite
        first, second = sign * size / factor, sign * size * factor
        lower, upper = np.minimum(first, second), np.maximum(first, second)
    pairs = [(labels[i], labels[j]) for i, j in zip(model.source, model.target, strict=True)]
    effects: dict[str, dict[Transition, tuple[float, float, float] | NotEstimable]] = {}
    for row, name in enumerate(names):
        effects[name] = {
            pairs[n]: _ratio(theta, covariance, int(model.effects[row, n]), level, gone=bool(absent[n]))
            for n in range(m)
            if model.effects[row, n] >= 0
        }
    parts = ["maximum likelihood"]
    parts += ["deaths at exact times"] if exact else []
    parts += ["misclassified states, fixed probabilities"] if misread else []
    return MultistateFit(
        n=counts[0], n_rows=counts[1], n_transitions=counts[2],
        loglik=value, level=level, states=labels, rates=Q, std_error=std_error,
        lower=lower, upper=upper,
        not_estimable={
            pair: NotEstimable(gone[int(group)])
            for pair, group in zip(pairs, model.group, strict=True)
            if int(group) in gone
        },
        effects=effects, sojourn=sojourn_times(Q), method=", ".join(parts),
        model=model, theta=theta, covariance=covariance, covariates=names,
    )  # fmt: skip


def _ratio(
    theta: NDArray[np.float64],
    covariance: NDArray[np.float64] | NotEstimable,
    place: int,
    level: float,
    *,
    gone: bool,
) -> tuple[float, float, float] | NotEstimable:
    if gone:
        return NotEstimable("the rate itself is 0")
    if isinstance(covariance, NotEstimable):
        return covariance
    half = normal_quantile(level) * float(np.sqrt(covariance[place, place]))
    if half > 300 or abs(theta[place]) > 300:
        return NotEstimable("no finite rate ratio: the covariate separates the transitions")
    estimate = float(theta[place])
    return float(np.exp(estimate)), float(np.exp(estimate - half)), float(np.exp(estimate + half))

"""In which state are the patients at each time, and how long do they stay there?

Input: histories of states: what a patient was in, from when to when, and where he went.
Output: `StateOccupancy`: probability of each state over time, time in each state, with standard errors and limits.
Protocol section: none.
Method: Aalen and Johansen, Scand J Stat 1978;5:141; standard errors by the infinitesimal jackknife over patients,
Greenwood's or Aalen's estimator (Andersen et al, Statistical Models Based on Counting Processes 1993, section IV.4).
Next: `mrs_states`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.small_samples import coverage_note
from pnstrial.results import Display, NotEstimable, Result
from pnstrial.survival.competing.histories import Histories, read_histories
from pnstrial.survival.competing.incidence import CONF_TYPES, SAME_TIME, no_interval, proportion_limits
from pnstrial.survival.competing.states_model import NOTHING, OccupancyModel
from pnstrial.survival.curves.small_sample import bounded_mean, effective_binomial, limits_of
from pnstrial.survival.observations import check_level, check_times, check_unit, names_of, one_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[Any]

__all__ = ["StateOccupancy", "state_occupancy"]

VARIANCES: Final = ("jackknife", "greenwood", "aalen")
ROUNDING: Final = 1e-14
SMALL_SAMPLE: Final = "beta-product"


@dataclass(frozen=True, eq=False)
class StateOccupancy(Result):
    """Probability of each state over time.

    Attributes
    ----------
    time : ndarray, shape (k,)
        Distinct times at which a patient changed state or left observation, increasing.
    states : tuple
        Labels, in the order of the columns of the arrays below.
    n_risk : ndarray, shape (k, S)
        Patients under observation in each state just before the time.
    n_change : ndarray, shape (k, S, S)
        Changes from row to column at the time. After `group` a change within a group is on the diagonal.
    probability, std_error, lower, upper : ndarray, shape (k, S)
        Rows of `probability` add to 1. Limits of `conf_type`; a probability of 0 or 1 is its own limits, but for
        "beta-product".
    covariance : ndarray, shape (k, S, S)
        Of the probabilities at one time.
    initial : ndarray, shape (S,)
        Probability of each state at `start`.
    start : float
    n, n_initial : int
        Patients in all, and under observation at the start.
    variance, conf_type : str
    level : float
    draws : int
        Bootstrap samples used, those with anyone under observation at the start; 0 = none asked for.
    bootstrap_lower, bootstrap_upper : ndarray, shape (k, S), or NotEstimable or None
        Percentile limits; None where none were asked for, NotEstimable where there is one patient only.
    unit : str or None
        Unit of the times; None where it was not said.
    """

    time: NDArray[np.float64]
    states: tuple[Any, ...]
    n_risk: NDArray[np.float64]
    n_change: NDArray[np.float64]
    probability: NDArray[np.float64]
    std_error: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    covariance: NDArray[np.float64]
    initial: NDArray[np.float64]
    start: float
    n: int
    n_initial: int
    variance: str
    conf_type: str
    level: float
    draws: int
    bootstrap_lower: NDArray[np.float64] | NotEstimable | None
    bootstrap_upper: NDArray[np.float64] | NotEstimable | None
    _model: OccupancyModel = field(repr=False)
    _fold: NDArray[np.float64] = field(repr=False)
    unit: str | None = None

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Give the probability of each state at some times.

        Parameters
        ----------
        times : array_like
            At least `start`.

        Returns
        -------
        pandas.DataFrame
            time, state, n_risk (under observation in the state just before the time; at the start, just after it),
            probability, std_error, lower, upper, reason (why there is no interval, though two equal limits stand
            there), and bootstrap_lower, bootstrap_upper where there are any. After the last time the last value
            stands.

        Raises
        ------
        ValueError
            If a time is negative, not finite or before the start.

        Examples
        --------
        >>> data = pd.DataFrame({"patient_id": ["A", "A", "B", "B"], "time": [0, 5, 0, 9], "state": [1, 2, 1, 1]})
        >>> state_occupancy(data).at(6)[["state", "n_risk", "probability"]].values.tolist()
        [[1.0, 1.0, 0.5], [2.0, 0.0, 0.5]]
        """
        check_signature(StateOccupancy.at, locals())
        wanted = check_times(times)
        if (wanted < self.start).any():
            raise ValueError(f"times must be at least the start, {self.start:g}: got {wanted.min():g}")
        model = self._model
        place = np.searchsorted(self.time, wanted, side="right")
        risk = model.histories.at_risk(wanted)
        risk[wanted == self.start] = model.at_start()
        risk = risk @ self._fold
        columns: dict[str, Vector] = {}
        observed = np.full((1, len(self.states)), float(self.n_initial))
        first = _limited(self.initial[None], model.initial_variance[None], self._fold, self, observed)
        for name, begin in zip(("probability", "std_error", "lower", "upper"), first, strict=True):
            columns[name] = np.vstack([begin, getattr(self, name)])[place]
        if isinstance(self.bootstrap_lower, np.ndarray) and isinstance(self.bootstrap_upper, np.ndarray):
            begin_low, begin_high = model.resample(self._fold, self.level, None)[0]
            columns["bootstrap_lower"] = np.vstack([begin_low, self.bootstrap_lower])[place]
            columns["bootstrap_upper"] = np.vstack([begin_high, self.bootstrap_upper])[place]
        parts = [
            pd.DataFrame(
                {"time": wanted, "state": [state] * wanted.size, "n_risk": risk[:, s]}
                | {name: values[:, s] for name, values in columns.items()}
                | {
                    "reason": no_interval(
                        columns["probability"][:, s],
                        columns["lower"][:, s],
                        columns["upper"][:, s],
                        self.conf_type,
                    )
                }
            )
            for s, state in enumerate(self.states)
        ]
        return pd.concat(parts, ignore_index=True)

    def time_in_state(self, tau: float | None = None) -> pd.DataFrame:
        """Give the mean time in each state from the start to a horizon.

        Parameters
        ----------
        tau : float, optional
            Horizon; the last time if not given.

        Returns
        -------
        pandas.DataFrame
            state, n_event (changes into the state, those after tau too), estimate, std_error, lower, upper, reason,
            and bootstrap_lower, bootstrap_upper where there are any. The estimates add to tau - start. Limits are
            normal, cut at 0 and tau - start (at n = 17 those of 95 % cover 33 to 92 %), or with
            ``conf_type="beta-product"`` small-sample ones. The reason says where nothing varies, so that two equal
            limits stand there, or NaN with one patient.

        Raises
        ------
        ValueError
            If tau is not after the start, or lies beyond the last time while patients were in a state that can be
            left.

        Notes
        -----
        The area under each probability: restricted mean time in state (R: rmean of survfit; ELOS of mstate). With
        the jackknife the influence of each patient is integrated; with Greenwood's and Aalen's estimator the
        covariance of the probabilities and of the area so far goes through the same recursion. Small-sample limits:
        those of the mean of the patients' pseudo-values, each cut to 0 and tau - start (Gaffke's bound, exact in
        practice where nobody is censored), at a sample size of those whose state is known at tau.

        Examples
        --------
        >>> data = pd.DataFrame({"patient_id": ["A", "A", "B", "B"], "time": [0, 5, 0, 9], "state": [1, 2, 1, 1]})
        >>> state_occupancy(data).time_in_state(9)["estimate"].tolist()
        [7.0, 2.0]
        """
        check_signature(StateOccupancy.time_in_state, locals())
        model = self._model
        horizon = model.horizon(tau)
        walked = model.walk(horizon)
        estimate = walked.area @ self._fold
        error = _errors(walked.area_variance[None], self._fold)[0]
        span = horizon - self.start
        gap = normal_quantile(self.level) * error
        low, high = np.maximum(estimate - gap, 0.0), np.minimum(estimate + gap, span)
        reasons = [f"lower, upper: {SAME_TIME}" if same else None for same in (low == high).tolist()]
        if self.conf_type == SMALL_SAMPLE:
            low, high = self._small_sample_times(horizon, estimate)
            reasons = [None] * estimate.size
        elif self.n < 2:
            error = low = high = np.full(estimate.size, np.nan)
            reasons = ["std_error, lower, upper: one patient has no spread"] * estimate.size
        entered = self.n_change.sum(axis=0)
        frame = pd.DataFrame(
            {
                "state": list(self.states),
                "n_event": (entered.sum(axis=0) - np.diag(entered)).astype(int),
                "estimate": estimate,
                "std_error": error,
                "lower": low,
                "upper": high,
                "reason": reasons,
            }
        )
        if isinstance(self.bootstrap_lower, np.ndarray):
            low, high = model.resample(self._fold, self.level, horizon)[2]
            frame["bootstrap_lower"], frame["bootstrap_upper"] = low, high
        return frame

    def _small_sample_times(self, horizon: float, estimate: Vector) -> tuple[Vector, Vector]:
        """Give limits of the mean time in each state from the pseudo-values of the patients."""
        influence = self._model.area_influence(horizon) @ self._fold
        observed = float(self.n_observed([horizon])[0])
        pairs = [
            limits_of(bounded_mean(mean + self.n * own, horizon - self.start, observed), self.level)
            for mean, own in zip(estimate.tolist(), influence.T, strict=True)
        ]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])

    def n_observed(self, times: ArrayLike) -> NDArray[np.float64]:
        """Count the patients whose state is known just before some times.

        Parameters
        ----------
        times : array_like

        Returns
        -------
        ndarray, shape (times,)
            Under observation, or in an absorbing state by then; at the start, those observed just after it.

        Raises
        ------
        ValueError
            If a time is negative or not finite.

        Examples
        --------
        >>> data = pd.DataFrame({"patient_id": ["A", "A", "B", "B"], "time": [0, 5, 0, 9], "state": [1, 2, 1, 1]})
        >>> state_occupancy(data).n_observed([0, 6, 10]).tolist()
        [2.0, 2.0, 1.0]
        """
        check_signature(StateOccupancy.n_observed, locals())
        return self._model.followed(check_times(times))

    def transitions(self, times: ArrayLike) -> pd.DataFrame:
        """Give the probability of each state for a patient who was in a known state at the start.

        Parameters
        ----------
        times : array_like

        Returns
        -------
        pandas.DataFrame
            time, from_state, to_state, probability, std_error (Greenwood's estimator, or Aalen's where the result
            is of that kind). Not of a grouped result.

        Raises
        ------
        ValueError
            If the result is grouped, or a time is negative or before the start.

        Notes
        -----
        The product of I + dA over the times from the start (Andersen et al 1993, section IV.4.1). As a probability of a
        single patient it assumes a Markov process; the state occupancy does not (Datta and Satten, Stat Probab Lett
        2001;55:403).

        Examples
        --------
        >>> data = pd.DataFrame({"patient_id": ["A", "A", "B", "B"], "time": [0, 5, 0, 9], "state": [1, 2, 1, 1]})
        >>> state_occupancy(data).transitions(6)["probability"].tolist()
        [0.5, 0.5, 0.0, 1.0]
        """
        check_signature(StateOccupancy.transitions, locals())
        wanted = check_times(times)
        if self._fold.shape[0] != self._fold.shape[1]:
            raise ValueError("transitions of a grouped result are not defined; ask the result before group()")
        if (wanted < self.start).any():
            raise ValueError(f"times must be at least the start, {self.start:g}: got {wanted.min():g}")
        model = self._model
        place = np.searchsorted(self.time, wanted, side="right")
        kind = "aalen" if self.variance == "aalen" else "greenwood"
        parts: list[pd.DataFrame] = []
        for row, origin in enumerate(self.states):
            begin = np.eye(len(self.states))[row]
            own = OccupancyModel(model.histories, begin, self.start, kind, None, model.final)
            walked = own.walk(None)
            p = np.vstack([begin, walked.probability])[place]
            error = np.vstack([0.0 * begin, _errors(walked.covariance, np.eye(begin.size))])[place]
            for column, goal in enumerate(self.states):
                parts.append(
                    pd.DataFrame(
                        {
                            "time": wanted,
                            "from_state": [origin] * wanted.size,
                            "to_state": [goal] * wanted.size,
                            "probability": p[:, column],
                            "std_error": error[:, column],
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    @property
    def changes(self) -> pd.DataFrame:
        """Count the changes seen.

        Returns
        -------
        pandas.DataFrame
            One row per state: from_state, one column per state entered, no_change (stays in the state that no
            change was seen to end) and total (stays in all).
        """
        histories = self._model.histories
        size = len(histories.states)
        counts = np.zeros((size, size + 1))
        np.add.at(counts, (histories.origin, np.where(histories.goal < 0, size, histories.goal)), 1.0)
        entered = histories.goal[(histories.goal >= 0) & ~histories.followed]
        counts[:, size] += np.bincount(entered, minlength=size)
        kept = np.column_stack([counts[:, :size] @ self._fold, counts[:, size]])
        frame = pd.DataFrame((self._fold.T @ kept).astype(int), columns=[*self.states, "no_change"])
        frame["total"] = frame.sum(axis=1)
        frame.insert(0, "from_state", list(self.states))
        return frame

    def group(self, groups: Mapping[str, Sequence[Any]]) -> StateOccupancy:
        """Add states together: the probability of being in any state of each group.

        Parameters
        ----------
        groups : mapping of str to sequence of labels
            Each state in exactly one group; the order is kept.

        Returns
        -------
        StateOccupancy
            Its probabilities are the sums over the states of a group, with their covariance.

        Raises
        ------
        ValueError
            If a state is in no group or in two, or a label is no state.

        Examples
        --------
        >>> data = pd.DataFrame({"patient_id": ["A", "A", "B", "B"], "time": [0, 5, 0, 9], "state": [1, 2, 2, 3]})
        >>> state_occupancy(data).group({"low": [1, 2], "high": [3]}).probability.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        """
        check_signature(StateOccupancy.group, locals())
        given = [label for labels in groups.values() for label in labels]
        wrong = [f"{state!r} is in none" for state in self.states if state not in given]
        wrong += [f"{label!r} is no state" for label in given if label not in self.states]
        wrong += [f"{label!r} is there twice" for label in dict.fromkeys(given) if given.count(label) > 1]
        if wrong:
            raise ValueError(f"groups must hold each state once: {'; '.join(wrong)}")
        fold = np.array([[float(state in labels) for labels in groups.values()] for state in self.states])
        return _result(self._model, self._fold @ fold, tuple(groups), self.level, self.conf_type, self.unit)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per time and state, the start among the times.

        Returns
        -------
        pandas.DataFrame
            The columns of `at`.
        """
        return self.at(np.append(self.start, self.time))

    def _display(self) -> Display:
        rows = [
            {"state": state, "at the start": float(first)}
            for state, first in zip(self.states, self.initial, strict=True)
        ]
        table = pd.DataFrame(rows)
        last = self.at(self.time[-1])
        unit = f" {self.unit}" if self.unit else ""
        for name in ("probability", "lower", "upper"):
            table[f"{name} at {self.time[-1]:g}{unit}" if name == "probability" else name] = last[
                name
            ].to_numpy()
        times = coverage_note("time in state", self.n)
        return Display(
            f"State occupancy, n = {self.n}, {int(self.n_change.sum())} changes ({self.level:.0%}, {self.conf_type})",
            table=table,
            notes=() if self.conf_type != "log-log" else coverage_note("occupancy", self.n) + times,
        )


def _errors(covariance: Vector, fold: Vector) -> Vector:
    """Give standard errors of sums of states; what is left where covariances cancel is rounding, no error."""
    variance = np.einsum("sg,kst,tg->kg", fold, covariance, fold)
    size = np.einsum("sg,kst,tg->kg", fold, np.abs(covariance), fold)
    return np.sqrt(np.where(variance > np.maximum(ROUNDING * size, NOTHING**2), variance, 0.0))


def _limited(
    p: Vector, covariance: Vector, fold: Vector, like: Any, observed: Vector
) -> tuple[Vector, Vector, Vector, Vector]:
    """Give probabilities with errors and limits; `observed` patients count where nothing varied."""
    error = _errors(covariance, fold)
    if like.conf_type == SMALL_SAMPLE:
        low, high = effective_binomial(p, error, observed, like.n, like.level)
    else:
        low, high = proportion_limits(p, error, like.level, like.conf_type)
    return p, error, low, high


@dataclass(frozen=True)
class _Scale:
    level: float
    conf_type: str
    n: int


def _result(
    model: OccupancyModel,
    fold: Vector,
    labels: tuple[Any, ...],
    level: float,
    conf_type: str,
    unit: str | None,
) -> StateOccupancy:
    walked = model.walk(None)
    covariance = fold.T @ walked.covariance @ fold
    followed = model.followed(model.time)[:, None] * np.ones(fold.shape[1])
    p, error, low, high = _limited(
        np.clip(walked.probability @ fold, 0.0, 1.0),
        walked.covariance,
        fold,
        _Scale(level, conf_type, model.n),
        followed,
    )
    both: tuple[Any, Any] = (None, None)
    if model.weights is not None:
        reason = NotEstimable(
            "there is nobody to resample: one patient in all, or none at the start in any sample"
        )
        both = (reason, reason)
        if model.n > 1 and len(model.weights):
            both = model.resample(fold, level, None)[1]
    return StateOccupancy(
        time=model.time,
        states=labels,
        n_risk=model.risk @ fold,
        n_change=fold.T @ model.counts @ fold,
        probability=p,
        std_error=error,
        lower=low,
        upper=high,
        covariance=covariance,
        initial=model.initial @ fold,
        start=model.start,
        n=model.n,
        n_initial=int(model.who.size),
        variance=model.kind,
        conf_type=conf_type,
        level=level,
        draws=0 if model.weights is None else int(model.weights.shape[0]),
        bootstrap_lower=both[0],
        bootstrap_upper=both[1],
        _model=model,
        _fold=fold,
        unit=unit,
    )


def state_occupancy(
    data: pd.DataFrame,
    *,
    states: Sequence[Any] | None = None,
    start: float | None = None,
    absorbing: Sequence[Any] | None = None,
    initial: Mapping[Any, float] | None = None,
    variance: str = "jackknife",
    conf_type: str = "log-log",
    level: float = 0.95,
    draws: int = 0,
    seed: int | np.random.Generator = 1,
    unit: str | None = None,
) -> StateOccupancy:
    """Estimate the probability of each state over time.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per interval (patient_id, start, stop, from_state, to_state; to_state missing where no change was
        seen), or one row per state seen (patient_id, time, state), as `read_histories` says. A first interval that
        begins after `start` is a late entry (left truncation); a gap between intervals is time out of observation.
    states : sequence of labels, optional
        The states in the order wanted, those never entered among them. Default: those that occur, sorted.
    start : float, optional
        Time from which on; default the earliest start of an interval.
    absorbing : sequence of labels, optional
        States that are never left, so that a patient in one stays known without being observed. Default: the states
        that were entered and nobody was observed in.
    initial : mapping of label to float, optional
        Known probabilities at the start, without error. Default: the shares of the patients under observation just
        after the start, with their binomial error.
    variance : {"jackknife", "greenwood", "aalen"}
        Infinitesimal jackknife over patients (R survfit; holds also where the process is not Markov), Greenwood's
        (etm) or Aalen's estimator (mstate).
    conf_type : {"log-log", "plain", "log", "logit", "beta-product"}
        Scale of the limits; "beta-product" stands for small-sample ones: Clopper and Pearson's at the sample size that
        the standard error is worth (without censoring n).
    level : float, default 0.95
    draws : int, default 0
        Bootstrap samples of patients for percentile limits besides.
    seed : int or numpy.random.Generator, default 1
        Of the bootstrap; the same seed gives the same limits.
    unit : {"days", "weeks", "months", "years"}, optional
        Unit of the times; figures label their axis with it.

    Returns
    -------
    StateOccupancy

    Raises
    ------
    ValueError
        If the histories are not in order (see `read_histories`), nobody is under observation at the start, or an
        argument is outside what is possible.

    Notes
    -----
    p(t) = p(start) times the product over s <= t of I + dA(s), dA_hj(s) = dN_hj(s) / Y_h(s) (Andersen et al 1993,
    section IV.4.1). Greenwood: cov p(t) = (I + dA)' cov p(t-) (I + dA) + sum over h of p_h(t-)^2 cov dA_h, dA_h
    multinomial over Y_h. Aalen: dN / Y^2 for each kind of change on its own, weighted
    by p_h(t)^2, as mstate's probtrans on Breslow hazards. Jackknife: sum over patients of the squared derivative
    of p(t) with respect to the patient's weight.

    R's survfit takes the shares of the states at the first change, and takes them as known; here they are those at
    the start, with their error. Give `initial` for its numbers. With one state left by all at one time the
    probability is exactly 0.

    Examples
    --------
    >>> data = pd.DataFrame(
    ...     {"patient_id": ["A", "A", "A", "B", "B", "C", "C"], "time": [0, 2, 5, 0, 3, 0, 6],
    ...      "state": ["well", "ill", "dead", "well", "dead", "well", "well"]})
    >>> result = state_occupancy(data, states=["well", "ill", "dead"])
    >>> result.probability.round(3).tolist()
    [[0.667, 0.333, 0.0], [0.333, 0.333, 0.333], [0.333, 0.0, 0.667], [0.333, 0.0, 0.667]]
    >>> result.time_in_state(6)["estimate"].round(3).tolist()
    [3.667, 1.0, 1.333]
    """
    check_level(level)
    check_unit(unit)
    if variance not in VARIANCES:
        raise ValueError(f"variance must be one of {', '.join(map(repr, VARIANCES))}; got {variance!r}")
    if conf_type not in CONF_TYPES:
        raise ValueError(f"conf_type must be one of {', '.join(map(repr, CONF_TYPES))}; got {conf_type!r}")
    histories = read_histories(data, None if states is None else names_of(states, "states"))
    begin = float(histories.start.min()) if start is None else one_time(start, "start")
    if begin >= histories.stop.max():
        raise ValueError(f"start = {begin:g} must be before the last time, {histories.stop.max():g}")
    shares = None if initial is None else _initial(initial, histories.states)
    if shares is None and not histories.under_observation(begin)[0].size:
        raise ValueError(
            f"nobody is under observation at the start, {begin:g}: the first is at "
            f"{histories.start[histories.start > begin].min():g}; give a later start, or initial"
        )
    weights = _weights(draws, seed, len(histories.patients))
    final = _absorbing(absorbing, histories)
    model = OccupancyModel(histories, shares, begin, variance, weights, final)
    return _result(model, np.eye(len(histories.states)), histories.states, level, conf_type, unit)


def _initial(initial: Mapping[Any, float], states: tuple[Any, ...]) -> Vector:
    if not isinstance(initial, dict):
        message = (
            f"initial must give a probability for each state, as {{state: share}}; got {display(initial)}"
        )
        raise ValueError(message)  # noqa: TRY004 - wrong input is a ValueError everywhere here
    unknown = [label for label in initial if label not in states]
    values = np.array([float(initial.get(state, 0.0)) for state in states])
    if unknown or not np.isfinite(values).all() or (values < 0).any() or abs(values.sum() - 1.0) > 1e-9:
        raise ValueError(
            f"initial must give probabilities of states that add to 1: unknown {unknown}, sum {values.sum():g}; "
            f"the states are {list(states)}"
        )
    return values


def _absorbing(absorbing: Sequence[Any] | None, histories: Histories) -> Vector:
    observed = np.zeros(len(histories.states), dtype=bool)
    observed[histories.origin] = True
    if absorbing is None:
        return ~observed
    absorbing = names_of(absorbing, "absorbing")
    if unknown := [label for label in absorbing if label not in histories.states]:
        raise ValueError(f"absorbing holds {unknown}, no states; they are {list(histories.states)}")
    final = np.array([state in absorbing for state in histories.states])
    left = final[histories.origin] & (histories.goal >= 0)
    if left.any():
        places = ", ".join(f"patient {histories.patients[p]!r}" for p in histories.patient[left][:8])
        raise ValueError(
            f"an absorbing state is never left, but it was by {places}; mend the data or absorbing"
        )
    return final


def _weights(draws: int, seed: Any, n: int) -> Vector | None:
    Checks("state_occupancy").count("draws", draws, 0, 1_000_000).done()
    if not draws:
        return None
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=int(draws)).astype(float)

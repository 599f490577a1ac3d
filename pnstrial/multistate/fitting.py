"""Which rates do the ratings of real patients speak for?

Input: a table of patient, time and state: ratings at any dates, deaths at exact dates, last contacts alive.
Output: `MultistateFit`: rates with standard errors and intervals, effects of covariates, probabilities at a time.
Protocol section: none.
Method: maximum likelihood (Kalbfleisch and Lawless, JASA 1985;80:863-871) with the options of R msm: exactly
timed deaths, censored states, misclassified states (Jackson, J Stat Softw 2011;38(8)).
Next: `calibration`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.multistate.likelihood import Panel, RateModel, impossible_rows, log_likelihood
from pnstrial.multistate.process import check_times, exponential, sojourn_times
from pnstrial.multistate.rating import RatingError
from pnstrial.results import NotEstimable, Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MultistateFit", "StateProbabilities", "fit"]

Transition = tuple[Any, Any]
Effect = str | Sequence[Sequence[Transition]]
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
            frame[name] = str(limit) if isinstance(limit, NotEstimable) else limit.ravel()
        return frame


@dataclass(frozen=True)
class MultistateFit(Result):
    """A fitted continuous-time Markov model.

    Parameters
    ----------
    n_patients, n_rows, n_transitions : int
        Patients, rows, and intervals between rows (a patient with one row has none).
    minus_2_log_likelihood : float
        At the maximum.
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

    n_patients: int
    n_rows: int
    n_transitions: int
    minus_2_log_likelihood: float
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
        half = _quantile(self.level) * np.sqrt(variance) / (safe * (1 - safe))
        odds = np.log(safe / (1 - safe))
        low, high = (np.where(inside, expit(odds + sign * half), P) for sign in (-1, 1))
        return StateProbabilities(time, self.level, self.states, P, low, high)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per allowed transition: from, to, rate, std_error, lower, upper."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for i, j in zip(self.model.source, self.model.target, strict=True):
            source, target = self.states[i], self.states[j]
            reason = self.not_estimable.get((source, target))
            row: dict[str, Any] = {"from": source, "to": target, "rate": float(self.rates[i, j])}
            for name in ("std_error", "lower", "upper"):
                matrix = getattr(self, name)
                missing = reason if reason is not None else matrix
                row[name] = str(missing) if isinstance(missing, NotEstimable) else float(matrix[i, j])
            rows.append(row)
        return pd.DataFrame(rows)

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
    misclassification: RatingError | ArrayLike | None = None,
    initial: ArrayLike | None = None,
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
    if not 0 < level < 1:
        raise ValueError(f"fit: level is {level}; it must lie between 0 and 1")
    model, panel, labels, names, counts = _prepare(
        data, (patient, time, state), allowed, death_exact, states, censor, covariates or {}, same_rate,
        misclassification, initial,
    )  # fmt: skip
    size = 1 + max(model.group.max(), model.effects.max(initial=-1))
    theta = _start(model, panel, int(size))
    theta, gone = _maximise(model, panel, theta)
    value, _ = log_likelihood(model, panel, theta)
    free = np.array([n not in gone for n in range(theta.size)])
    covariance = _covariance(model, panel, theta, free)
    return _result(model, theta, covariance, gone, labels, names, counts, value, level,
                   exact=death_exact is not None, misread=misclassification is not None)  # fmt: skip


def _quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


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


def _labels(states: Sequence[Any] | None, k: int, seen: set[Any], deaths: Any) -> tuple[Any, ...]:
    """Decide which label belongs to which row of `allowed`."""
    if states is not None:
        labels = tuple(states)
        if len(labels) != k or len(set(labels)) != k:
            raise ValueError(f"fit: states names {labels}; allowed has {k} rows, give {k} different labels")
        return labels
    deaths = set(deaths) if isinstance(deaths, list | tuple | set) else {deaths}
    if 0 in seen:
        return tuple(range(k))
    if k in seen or (True not in deaths and k in deaths) or (k == 1):
        return tuple(range(1, k + 1))
    raise ValueError(
        f"fit: neither state 0 nor state {k} occurs, so the states could be 0-{k - 1} or 1-{k}: "
        f"name them, states=range({k}) or states=range(1, {k + 1})"
    )


def _allowed(allowed: ArrayLike) -> NDArray[np.bool_]:
    matrix = np.asarray(allowed, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
        raise ValueError(f"fit: allowed has shape {matrix.shape}; it must be square, one row per state")
    mask = matrix != 0
    np.fill_diagonal(mask, val=False)
    if not mask.any():
        raise ValueError("fit: allowed has no transition; mark at least one with 1")
    return mask


def _columns(data: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Take the columns from the table and say which are missing."""
    held = set(data.columns) if hasattr(data, "columns") else set(data)
    if missing := [name for name in names if name not in held]:
        raise ValueError(f"fit: data has no column {', '.join(missing)}; it has {', '.join(map(str, held))}")
    return {name: np.asarray(data[name]) for name in names}


def _numbers(column: NDArray[Any], name: str) -> NDArray[np.float64]:
    try:
        values = column.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"fit: column {name} holds values that are not numbers") from None
    if not np.all(np.isfinite(values)):
        rows = np.flatnonzero(~np.isfinite(values))[:10].tolist()
        raise ValueError(
            f"fit: column {name} is missing or not finite in rows {rows}; every row needs a value"
        )
    return values


def _grouped(
    groups: Iterable[Sequence[Transition]], where: dict[Transition, int], who: str
) -> list[list[int]]:
    """Turn groups of (from, to) labels into positions among the allowed transitions."""
    out: list[list[int]] = []
    seen: set[int] = set()
    for group in groups:
        pairs = [tuple(pair) for pair in group]
        if unknown := [pair for pair in pairs if pair not in where]:
            raise ValueError(f"fit: {who} names {unknown}, which `allowed` does not allow")
        places = [where[cast("Transition", pair)] for pair in pairs]
        if seen.intersection(places) or len(set(places)) != len(places):
            raise ValueError(f"fit: {who} names a transition twice")
        seen.update(places)
        out.append(places)
    return out


def _model(
    mask: NDArray[np.bool_],
    labels: tuple[Any, ...],
    covariates: Mapping[str, Effect],
    same_rate: Sequence[Sequence[Transition]],
    patterns: NDArray[np.float64],
) -> RateModel:
    """Give each parameter its number: first the distinct rates, then the effects."""
    source, target = np.nonzero(mask)
    m = source.size
    where = {(labels[i], labels[j]): n for n, (i, j) in enumerate(zip(source, target, strict=True))}
    leader = np.arange(m)
    for places in _grouped(same_rate, where, "same_rate"):
        leader[places] = min(places)
    _, group = np.unique(leader, return_inverse=True)
    size = int(group.max()) + 1
    effects = np.full((len(covariates), m), -1, np.intp)
    for row, (name, effect) in enumerate(covariates.items()):
        if isinstance(effect, str):
            if effect not in {"each", "common"}:
                raise ValueError(
                    f"fit: covariates[{name!r}] is {effect!r}; allowed: 'each', 'common', groups"
                )
            parts = [[n] for n in range(m)] if effect == "each" else [list(range(m))]
        else:
            parts = _grouped(effect, where, f"covariates[{name!r}]")
        for places in parts:
            effects[row, places] = size
            size += 1
    return RateModel(len(labels), source, target, group.astype(np.intp), effects, patterns)


def _kernel(misclassification: RatingError | ArrayLike | None, k: int) -> NDArray[np.float64] | None:
    if misclassification is None:
        return None
    kernel = (
        misclassification.kernel
        if isinstance(misclassification, RatingError)
        else np.asarray(misclassification, float)
    )
    if kernel.shape != (k, k):
        raise ValueError(f"fit: misclassification has shape {kernel.shape}; allowed has {k} states")
    if not np.all(np.isfinite(kernel) & (kernel >= 0)) or np.any(np.abs(kernel.sum(axis=1) - 1) > 1e-9):
        raise ValueError("fit: misclassification must hold probabilities, each row summing to 1")
    return kernel


def _deaths(death_exact: Any, labels: tuple[Any, ...], mask: NDArray[np.bool_]) -> set[int]:
    if death_exact is None or death_exact is False:
        return set()
    given = [labels[-1]] if death_exact is True else death_exact
    given = list(given) if isinstance(given, list | tuple | set | np.ndarray) else [given]
    if unknown := [label for label in given if label not in labels]:
        raise ValueError(f"fit: death_exact names {unknown}; the states are {list(labels)}")
    places = {labels.index(label) for label in given}
    if left := [labels[place] for place in places if mask[place].any()]:
        raise ValueError(f"fit: death_exact names {left}, which `allowed` lets patients leave")
    return places


def _emissions(
    state: NDArray[Any],
    labels: tuple[Any, ...],
    censor: Any,
    kernel: NDArray[np.float64] | None,
    mask: NDArray[np.bool_],
    deaths: set[int],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give each row's probability of its record by true state, and the state of exactly timed deaths."""
    k = len(labels)
    living = [label for label, row in zip(labels, mask, strict=True) if row.any()]
    codes: dict[Any, Any] = {}
    if isinstance(censor, Mapping):
        codes = dict(cast("Mapping[Any, Any]", censor))
    elif censor is not None:
        codes = {censor: living}
    if clash := [code for code in codes if code in labels]:
        raise ValueError(f"fit: censor code {clash} is also a state; choose another code")
    table = {label: (np.eye(k)[n] if kernel is None else kernel[:, n]) for n, label in enumerate(labels)}
    for code, among in codes.items():
        if unknown := [label for label in among if label not in labels]:
            raise ValueError(f"fit: censor {code!r} names {unknown}; the states are {list(labels)}")
        table[code] = np.isin(np.arange(k), [labels.index(label) for label in among]).astype(float)
    if unknown := sorted({repr(value) for value in state.tolist() if value not in table}):
        raise ValueError(
            f"fit: state holds {', '.join(unknown)}; the states are {list(labels)} and the censor codes {list(codes)}"
        )
    emission = np.array([table[value] for value in state.tolist()])
    exact = {labels[place]: place for place in deaths}
    return emission, np.array([exact.get(value, -1) for value in state.tolist()], np.intp)


def _prepare(
    data: Any,
    columns: tuple[str, str, str],
    allowed: ArrayLike,
    death_exact: Any,
    states: Sequence[Any] | None,
    censor: Any,
    covariates: Mapping[str, Effect],
    same_rate: Sequence[Sequence[Transition]],
    misclassification: RatingError | ArrayLike | None,
    initial: ArrayLike | None,
) -> tuple[RateModel, Panel, tuple[Any, ...], tuple[str, ...], tuple[int, int, int]]:
    """Check the input, once, and arrange it for the recursion."""
    mask = _allowed(allowed)
    k = len(mask)
    taken = _columns(data, [*columns, *covariates])
    times = _numbers(taken[columns[1]], columns[1])
    if not times.size:
        raise ValueError("fit: data has no rows")
    patients, code = np.unique(taken[columns[0]], return_inverse=True)
    labels = _labels(states, k, set(taken[columns[2]].tolist()), death_exact)
    deaths = _deaths(death_exact, labels, mask)
    # A rating on the day of the death came before it.
    ended = np.isin(taken[columns[2]], [labels[place] for place in deaths])
    order = np.lexsort((ended, times, code))
    code, times = code[order], times[order]
    state = taken[columns[2]][order]
    z = np.empty((times.size, len(covariates)))
    for number, name in enumerate(covariates):
        z[:, number] = _numbers(taken[name], name)[order]
    same = code[1:] == code[:-1]
    if not same.any():
        raise ValueError("fit: no patient has two rows; rates need at least one interval")
    kernel = _kernel(misclassification, k)
    emission, dead = _emissions(state, labels, censor, kernel, mask, deaths)
    first = np.r_[True, ~same]
    last = np.r_[~same, True]
    _check_deaths(dead >= 0, first, last, patients[code])
    dt = np.diff(times, prepend=times[0])
    before = np.r_[np.zeros((1, z.shape[1])), z[:-1]]
    inside = ~first
    patterns, pattern = np.unique(before[inside], axis=0, return_inverse=True)
    pair, interval = np.unique(np.column_stack([pattern.ravel(), dt[inside]]), axis=0, return_inverse=True)
    where = np.full(times.size, -1, np.intp)
    where[inside] = interval.ravel()
    begin = np.flatnonzero(first)
    count = np.diff(np.r_[begin, times.size])
    steps = tuple((begin[count > n] + n).astype(np.intp) for n in range(int(count.max())))
    panel = Panel(emission, dead, where, pair[:, 1].astype(float), pair[:, 0].astype(np.intp), steps,
                  _first(initial, kernel, mask))  # fmt: skip
    model = _model(mask, labels, covariates, same_rate, patterns)
    size = 1 + int(max(model.group.max(), model.effects.max(initial=-1)))
    _check_possible(model, panel, _start(model, panel, size), patients[code], times)
    return model, panel, labels, tuple(covariates), (len(patients), times.size, int(inside.sum()))


def _first(
    initial: ArrayLike | None, kernel: NDArray[np.float64] | None, mask: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Give the distribution of the true first state, None without misclassification."""
    if initial is None:
        if kernel is None:
            return None
        living = mask.any(axis=1)
        return living / living.sum()
    start = np.asarray(initial, float)
    if start.shape != (len(mask),) or np.any(start < 0) or not abs(start.sum() - 1) < 1e-9:
        raise ValueError(f"fit: initial must hold {len(mask)} probabilities that sum to 1")
    if kernel is None:
        raise ValueError("fit: initial has a meaning only with misclassification; leave it out")
    return start


def _check_deaths(
    dead: NDArray[np.bool_], first: NDArray[np.bool_], last: NDArray[np.bool_], who: NDArray[Any]
) -> None:
    if wrong := sorted({str(name) for name in who[dead & ~last]}):
        raise ValueError(f"fit: patient {', '.join(wrong)}: rows after an exactly timed death; remove them")
    if wrong := sorted({str(name) for name in who[dead & first]}):
        raise ValueError(
            f"fit: patient {', '.join(wrong)}: the death is the first row; add a row alive before it"
        )


def _check_possible(
    model: RateModel,
    panel: Panel,
    theta: NDArray[np.float64],
    who: NDArray[Any],
    times: NDArray[np.float64],
) -> None:
    # Equal rates of the scale of the data: any state that can be reached then has a probability well over 1e-290.
    rows = impossible_rows(model, panel, theta)
    if rows:
        shown = "; ".join(f"patient {who[row]} at time {times[row]:g}" for row in rows[:10])
        raise ValueError(
            f"fit: states that `allowed` cannot produce: {shown} (allow the transition, or correct it)"
        )


def _start(model: RateModel, panel: Panel, size: int) -> NDArray[np.float64]:
    """Start every rate from the crude count of direct transitions over the time at risk, no effects."""
    later = np.concatenate(panel.steps[1:])
    guess = panel.emission / panel.emission.sum(axis=1, keepdims=True)
    duration = panel.length[panel.interval[later]]
    typical = max(float(duration.mean()), 1e-300)
    risk = (guess[later - 1] * duration[:, None]).sum(axis=0)
    moves = np.einsum("ni,nj->ij", guess[later - 1], guess[later])
    i, j = model.source, model.target
    crude = (moves[i, j] + 0.5) / np.maximum(risk[i], typical)
    groups = np.bincount(model.group, crude)
    theta = np.zeros(size)
    theta[: groups.size] = np.log(groups / np.bincount(model.group))
    return theta


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
        half = _quantile(level) * np.divide(std_error, size, out=np.zeros_like(Q), where=size > 0)
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
        n_patients=counts[0], n_rows=counts[1], n_transitions=counts[2],
        minus_2_log_likelihood=-2 * value, level=level, states=labels, rates=Q, std_error=std_error,
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
    half = _quantile(level) * float(np.sqrt(covariance[place, place]))
    if half > 300 or abs(theta[place]) > 300:
        return NotEstimable("no finite rate ratio: the covariate separates the transitions")
    estimate = float(theta[place])
    return float(np.exp(estimate)), float(np.exp(estimate - half)), float(np.exp(estimate + half))

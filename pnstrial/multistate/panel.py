"""Is this table a panel, and which parameters does the model have?

Input: what a user gives `fit`: a table, allowed transitions, codes, covariates, misclassification.
Output: a checked `Panel` and `RateModel`, and values to start from; an error that names every offender.
Protocol section: none.
Method: everything is checked here, once; the likelihood trusts it.
Next: `likelihood`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.multistate.likelihood import Panel, RateModel, impossible_rows
from pnstrial.multistate.rating import RatingError
from pnstrial.numerics.arguments import Checks, display, even_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.arguments import Numbers

__all__ = ["prepare", "starting_values"]

Transition = tuple[Any, Any]
Effect = str | Sequence[Sequence[Transition]]


def _labels(states: Sequence[Any] | None, k: int, seen: set[Any], deaths: Any) -> tuple[Any, ...]:
    """Decide which label belongs to which row of `allowed`."""
    if states is not None:
        labels = tuple(states)
        if len(labels) != k or len(set(labels)) != k:
            raise ValueError(
                f"fit: states = {display(states)}; allowed has {k} rows, give {k} different labels"
            )
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
    matrix = even_array("allowed", allowed)
    if matrix.dtype.kind not in "biuf":
        raise ValueError(
            f"fit: allowed = {display(allowed)} must hold 1 where a transition is allowed, else 0"
        )
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
        raise ValueError(f"fit: allowed has shape {matrix.shape}; it must be square, one row per state")
    mask = matrix != 0
    np.fill_diagonal(mask, val=False)
    if not mask.any():
        raise ValueError("fit: allowed has no transition; mark at least one with 1")
    return mask


def _columns(data: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Take the columns from the table and say which are missing."""
    named: Any = getattr(data, "columns", data if isinstance(data, Mapping) else None)
    if named is None:
        raise ValueError(f"fit: data = {display(data)} must be a frame, or a mapping of columns")
    held = set(named)
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


def _check_labels(**arguments: Any) -> None:
    """Refuse what no state can be called."""
    checks = Checks("fit")
    for name, value in arguments.items():
        given = list(value) if isinstance(value, list | tuple | set | np.ndarray) else [value]
        bad = any(not isinstance(label, Hashable) for label in given)
        checks.rule(bad, name, value, "must hold labels of states, as words or numbers are")
    checks.done()


def _are_pairs(group: object) -> bool:
    return isinstance(group, Iterable) and all(
        isinstance(pair, Sequence) and not isinstance(pair, str) for pair in cast("Iterable[object]", group)
    )


def _grouped(
    groups: Iterable[Sequence[Transition]], where: dict[Transition, int], who: str
) -> list[list[int]]:
    """Turn groups of (from, to) labels into positions among the allowed transitions."""
    out: list[list[int]] = []
    seen: set[int] = set()
    for group in groups:
        pairs = [tuple(pair) for pair in group] if _are_pairs(group) else [display(group)]
        if unknown := [pair for pair in pairs if pair not in where]:
            raise ValueError(
                f"fit: {who} = {display(groups)} names {unknown}, which `allowed` does not allow"
            )
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


def _kernel(misclassification: RatingError | Numbers | None, k: int) -> NDArray[np.float64] | None:
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
        raise ValueError(
            f"fit: death_exact = {death_exact!r} names {left}, which `allowed` lets patients leave"
        )
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


def prepare(
    data: Any,
    columns: tuple[str, str, str],
    allowed: ArrayLike,
    death_exact: Any,
    states: Sequence[Any] | None,
    censor: Any,
    covariates: Mapping[str, Effect],
    same_rate: Sequence[Sequence[Transition]],
    misclassification: RatingError | Numbers | None,
    initial: Numbers | None,
) -> tuple[RateModel, Panel, tuple[Any, ...], tuple[str, ...], tuple[int, int, int]]:
    """Check the input, once, and arrange it for the recursion."""
    mask = _allowed(allowed)
    k = len(mask)
    _check_labels(death_exact=death_exact, states=states)
    if not isinstance(censor, Mapping):
        _check_labels(censor=(censor,))
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
    _check_possible(model, panel, starting_values(model, panel, size), patients[code], times)
    return model, panel, labels, tuple(covariates), (len(patients), times.size, int(inside.sum()))


def _first(
    initial: Numbers | None, kernel: NDArray[np.float64] | None, mask: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Give the distribution of the true first state, None without misclassification."""
    if initial is None:
        if kernel is None:
            return None
        living = mask.any(axis=1)
        return living / living.sum()
    start = np.asarray(initial, float)
    if start.shape != (len(mask),) or np.any(start < 0) or not abs(start.sum() - 1) < 1e-9:
        raise ValueError(
            f"fit: initial = {display(initial)} must hold {len(mask)} probabilities that sum to 1"
        )
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
        places = "; ".join(f"patient {who[row]} at time {times[row]:g}" for row in rows[:10])
        raise ValueError(
            f"fit: states that `allowed` cannot produce: {places} (allow the transition, or correct it)"
        )


def starting_values(model: RateModel, panel: Panel, size: int) -> NDArray[np.float64]:
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

"""Does one group end better when the gravest outcome is asked first?

Input: several outcomes of each patient, in order of priority.
Output: `PrioritisedComparison`.
Protocol section: none.
Method: all pairs of one treated and one control patient, each decided by the first outcome that tells them apart
(Buyse, Stat Med 2010;29:3245); variances of U-statistics.
Next: `shift.groups.number_needed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pnstrial.numerics.arguments import Checks, display
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable
from pnstrial.shift.grades import arms, column
from pnstrial.shift.groups.permutation import permute
from pnstrial.shift.groups.wins import Pairs, win_triples
from pnstrial.shift.triples import OfTwoGroups, WinTriples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["PrioritisedComparison", "prioritised_comparison"]

Pair = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class PrioritisedComparison(WinTriples, OfTwoGroups):
    """Pairs compared outcome by outcome, in order of priority.

    Attributes
    ----------
    win_ratio, win_odds, net_benefit : tuple of float or NotEstimable
        Estimate, lower, upper, over all outcomes.
    p_value : float
        Wald test of the log win odds; where the groups are separated, the exact permutation test.
    p_value_win_ratio : float or NotEstimable
        Wald test of the log win ratio.
    outcomes : tuple of str
        Outcomes in order of priority.
    wins, losses, ties : tuple of int
        Pairs decided, and left tied, at each outcome.
    n_treated, n_control : int
        Patients.
    level : float
        Level of the intervals.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What above 1 means.
    estimate, ci, n : float, tuple of float, int
        The primary ones, the win odds and their interval, and all patients.
    """

    win_ratio: Triple | NotEstimable
    win_odds: Triple | NotEstimable
    net_benefit: Triple | NotEstimable
    p_value: float
    p_value_win_ratio: float | NotEstimable
    outcomes: tuple[str, ...]
    wins: tuple[int, ...]
    losses: tuple[int, ...]
    ties: tuple[int, ...]
    n_treated: int
    n_control: int
    level: float
    groups: tuple[str, str]
    direction: str
    method: str = "generalised pairwise comparisons (Buyse), U-statistic variance"

    def _display(self) -> Display:
        base = super()._display()
        steps = [
            f"{outcome}: {wins} won, {losses} lost, {ties} left tied"
            for outcome, wins, losses, ties in zip(
                self.outcomes, self.wins, self.losses, self.ties, strict=True
            )
        ]
        pairs = (("patients", f"{self.groups[0]} {self.n_treated}, {self.groups[1]} {self.n_control}"),)
        return Display(base.title, pairs, base.table, (*steps, *base.notes))

    def contributions(self) -> pd.DataFrame:
        """Return what each outcome adds to the net benefit.

        Returns
        -------
        pandas.DataFrame
            Columns outcome, wins, losses, ties, net_benefit.
        """
        import pandas as pd

        pairs = self.n_treated * self.n_control
        wins, losses = np.array(self.wins), np.array(self.losses)
        return pd.DataFrame({
            "outcome": self.outcomes, "wins": wins, "losses": losses, "ties": self.ties,
            "net_benefit": (wins - losses) / pairs,
        })  # fmt: skip


def prioritised_comparison(
    data: pd.DataFrame | None = None,
    *misplaced: object,
    outcomes: Sequence[str],
    group: ArrayLike | str | None = None,
    control: object = None,
    treated: Mapping[str, ArrayLike] | None = None,
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> PrioritisedComparison:
    """Compare all pairs by the first outcome that tells them apart: death, then mRS, then ...

    Parameters
    ----------
    data : pandas.DataFrame
        One row per patient, the outcomes as columns; the lower value is the better one (death as 0 and 1).
    outcomes : sequence of str
        Outcomes in order of priority.
    group : str or array-like
        Group of each patient, a column of `data` or values: two labels.
    control : label, or mapping of str to array-like of float
        The label of the control group; may be left out where labels are 0 and 1 (0 is control). With
        `treated`, one array per outcome of the control patients.
    treated : mapping of str to array-like of float
        One array per outcome, of the treated patients, with `control`.
    thresholds : mapping of str to float, optional
        By how much two values must differ to tell a pair apart; any difference where not given.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    PrioritisedComparison

    Raises
    ------
    TypeError
        If two groups stand by position.
    ValueError
        If the patients are given in no way or in two, an outcome is absent from a group, a value is missing, or
        the lengths differ.

    Notes
    -----
    Equal to R's `BuyseTest` with u-statistic inference; the interval of the net benefit is that of the win
    odds carried over.

    Examples
    --------
    >>> treated = {"death": [0, 0, 1], "mrs": [2, 3, 6]}
    >>> control = {"death": [0, 1, 1], "mrs": [4, 6, 6]}
    >>> found = prioritised_comparison(treated=treated, control=control, outcomes=["death", "mrs"])
    >>> found.wins, found.losses, round(found.net_benefit[0], 4)
    ((4, 2), (1, 0), 0.5556)
    """
    check_signature(prioritised_comparison, locals())
    caller = "prioritised_comparison"
    Checks(caller).level("level", level).done()
    z = normal_quantile(level)
    if isinstance(outcomes, str) or not outcomes:
        raise ValueError(f"{caller}: outcomes = {outcomes!r} must be a list of names, at least one")
    names, ours, theirs = _two_outcome_groups(caller, data, misplaced, outcomes, group, control, treated)
    gaps = dict(thresholds or {})
    unknown = sorted(set(gaps) - set(outcomes))
    if unknown:
        raise ValueError(
            f"{caller}: thresholds names {', '.join(unknown)}, not among outcomes {list(outcomes)}"
        )
    shape = (ours.shape[1], theirs.shape[1])
    result = np.zeros(shape)
    open_pairs = np.ones(shape, dtype=bool)
    wins: list[int] = []
    losses: list[int] = []
    ties: list[int] = []
    for name, a, b in zip(outcomes, ours, theirs, strict=True):
        gap = gaps.get(name, 0.0)
        difference = b[None, :] - a[:, None]
        won = open_pairs & (difference >= gap) & (difference > 0)
        lost = open_pairs & (-difference >= gap) & (difference < 0)
        result += won.astype(float) - lost
        open_pairs &= ~(won | lost)
        wins.append(int(won.sum()))
        losses.append(int(lost.sum()))
        ties.append(int(open_pairs.sum()))
    pairs = _pairs_of_matrix(
        result, lambda: _order_permutation(ours, theirs, [gaps.get(o, 0.0) for o in outcomes])
    )
    return PrioritisedComparison(
        **win_triples(pairs, z, level), outcomes=tuple(outcomes), wins=tuple(wins), losses=tuple(losses),
        ties=tuple(ties), n_treated=shape[0], n_control=shape[1], level=level, groups=names,
        direction=f"above 1 (net benefit above 0) favours {names[0]} over {names[1]}: the lower value wins",
    )  # fmt: skip


def _two_outcome_groups(
    caller: str, data: pd.DataFrame | None, misplaced: tuple[object, ...], outcomes: Sequence[str],
    group: ArrayLike | str | None, control: object, treated: Mapping[str, ArrayLike] | None,
) -> tuple[tuple[str, str], Array, Array]:  # fmt: skip
    """Read the outcomes of two groups, from a frame and its groups or from two mappings."""
    calls = (
        f"{caller}(data, outcomes=[...], group='arm', control='placebo') or "
        f"{caller}(treated=mapping, control=mapping, outcomes=[...])"
    )
    if misplaced:
        raise TypeError(f"{caller}: the groups have no order by position; call {calls}")
    if (data is None) == (treated is None):
        raise ValueError(f"{caller}: give the patients in one way: {calls}")
    if data is not None:
        everyone = _outcome_columns(caller, "data", data, outcomes)
        rows, names = arms(caller, column(caller, data, "group", group), control, everyone.shape[1])
        return names, everyone[:, rows], everyone[:, ~rows]
    parts: list[Array] = []
    for name, values in (("treated", treated), ("control", control)):
        if not hasattr(values, "keys"):
            raise ValueError(
                f"{caller}: {name} = {display(values)} must hold one array per outcome; call {calls}"
            )
        parts.append(_outcome_columns(caller, name, cast("Mapping[str, ArrayLike]", values), outcomes))
    return ("treated", "control"), parts[0], parts[1]


def _outcome_columns(
    caller: str, name: str, group: Mapping[str, ArrayLike] | pd.DataFrame, outcomes: Sequence[str]
) -> Array:
    absent = [outcome for outcome in outcomes if outcome not in group]
    if absent:
        raise ValueError(
            f"{caller}: outcomes = {display(list(outcomes))}: {name} has no values for {', '.join(absent)}"
        )
    columns = [np.asarray(group[outcome], dtype=float) for outcome in outcomes]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1 or not columns[0].size:
        sizes = {outcome: column.size for outcome, column in zip(outcomes, columns, strict=True)}
        raise ValueError(f"{caller}: {name} needs one value per patient and outcome; it has {sizes}")
    stacked = np.stack(columns)
    missing = [f"{name}[{outcomes[o]!r}][{i}]" for o, i in np.argwhere(~np.isfinite(stacked))[:5]]
    if missing:
        raise ValueError(f"{caller}: {', '.join(missing)} has no value; leave the patient out or impute")
    return stacked


def _pairs_of_matrix(result: Array, permutation: Callable[[], float]) -> Pairs:
    """Summarise the matrix of pair results (1, 0, -1)."""
    rows, columns = result.shape
    won, lost = result > 0, result < 0
    win, loss = float(won.mean()), float(lost.mean())

    def deviation(values: Array) -> float:
        centred = values - values.mean()
        by_row, by_column = centred.mean(axis=1), centred.mean(axis=0)
        return float(np.sqrt((by_row**2).mean() / rows + (by_column**2).mean() / columns))

    return Pairs(
        win=win,
        loss=loss,
        spread=deviation(0.5 * result),
        log_spread=deviation(won / win - lost / loss) if win and loss else 0.0,
        middle=0.5 + 0.5 * (win - loss),
        smaller=min(rows, columns),
        permutation=permutation,
    )


def _order_permutation(ours: Array, theirs: Array, gaps: Sequence[float]) -> float:
    """Test by permutation on the patients' order: each one's wins less losses against all others."""
    everyone = np.concatenate([ours, theirs], axis=1)
    scores = np.zeros(everyone.shape[1])
    still = np.ones((scores.size, scores.size), dtype=bool)
    for values, gap in zip(everyone, gaps, strict=True):
        difference = values[None, :] - values[:, None]
        decided = still & (np.abs(difference) >= gap) & (difference != 0)
        scores += np.where(decided, np.sign(difference), 0.0).sum(axis=1)
        still &= ~decided
    _, order = np.unique(-scores, return_inverse=True)
    counts = [np.bincount(part, minlength=order.max() + 1) for part in np.split(order, [ours.shape[1]])]
    return permute(np.stack(counts)).p_value

"""How did the mRS of the trial's patients shift from baseline to a visit?

Input: a `TrialData` and a `Protocol`.
Output: `ShiftResult`: transitions, changes, exact tests, wins, utilities, the model over all visits.
Protocol section: visits, endpoint.
Method: the paired methods of `shift.paired` on the full analysis set; death is mRS 6; patients without a
baseline or a value at the visit are counted and reported, and `bounds` says what they could do at most.
Next: `figures.mrs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.results import NotEstimable, Provenance, Result
from pnstrial.rules import DEAD
from pnstrial.shift.models.mixed import MixedOrdinal, mixed_ordinal
from pnstrial.shift.paired.change import (
    Changes,
    McNemar,
    PairedWins,
    SignedRank,
    SignTest,
    changes,
    mcnemar,
    paired_wins,
    sign_test,
    signed_rank,
)
from pnstrial.shift.paired.homogeneity import (
    HomogeneityTest,
    TransitionTable,
    bowker,
    marginal_homogeneity,
    stuart_maxwell,
    transition_table,
)
from pnstrial.shift.paired.missing import CaseBounds, case_bounds
from pnstrial.shift.paired.utilities import UtilityChange, utility
from pnstrial.visits import Assessments, VisitValues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["ShiftResult", "mrs_shift"]


@dataclass(frozen=True)
class ShiftResult(Result):
    """The shift of the mRS from baseline to a visit in the full analysis set.

    Every analysis is not estimable where no patient has both values.

    Attributes
    ----------
    visit : str
        The visit.
    n : int
        Patients with a baseline and a value at the visit (death counts as mRS 6).
    n_full_analysis_set, n_no_baseline, n_missing, n_dead : int
        All enrolled patients; those without a baseline; those with one but no value at the visit; deaths
        among the `n`.
    transitions : TransitionTable or NotEstimable
        Baseline against visit.
    changes : Changes or NotEstimable
        Improved, stable, deteriorated with exact intervals.
    sign : SignTest or NotEstimable
        Exact sign test.
    signed_rank, signed_rank_wilcoxon : SignedRank or NotEstimable
        Exact signed-rank test, zeros after Pratt and after Wilcoxon.
    mcnemar : tuple of McNemar or NotEstimable
        At the cuts 0 to 5.
    stuart_maxwell, bowker, homogeneity : HomogeneityTest or NotEstimable
        Tests of the whole table.
    wins : PairedWins or NotEstimable
        Win ratio, win odds and net benefit, visit against baseline.
    utility : UtilityChange or NotEstimable
        Utility-weighted mRS.
    mixed : MixedOrdinal or NotEstimable
        Ordinal model with a patient intercept over baseline and all visits of the protocol.
    bounds : CaseBounds or NotEstimable
        Best and worst case of the missing values, over all patients with a baseline.
    patients : pandas.DataFrame
        One row per patient of the full analysis set: patient_id, baseline_mrs, one column per visit (nan
        missing), category at `visit`, derivation at `visit`.
    visits : tuple of str
        "Baseline" and the visits of the protocol, the columns of `counts`.
    counts : ndarray of int
        Shape (visits, 7): patients at each grade at each visit.
    missing : tuple of int
        Patients without a value at each of `visits`.
    level : float
        Level of the intervals.
    provenance : Provenance
        Protocol and package version.
    """

    visit: str
    n: int
    n_full_analysis_set: int
    n_no_baseline: int
    n_missing: int
    n_dead: int
    transitions: TransitionTable | NotEstimable
    changes: Changes | NotEstimable
    sign: SignTest | NotEstimable
    signed_rank: SignedRank | NotEstimable
    signed_rank_wilcoxon: SignedRank | NotEstimable
    mcnemar: tuple[McNemar, ...] | NotEstimable = field(repr=False)
    stuart_maxwell: HomogeneityTest | NotEstimable
    bowker: HomogeneityTest | NotEstimable
    homogeneity: HomogeneityTest | NotEstimable
    wins: PairedWins | NotEstimable
    utility: UtilityChange | NotEstimable
    mixed: MixedOrdinal | NotEstimable
    bounds: CaseBounds | NotEstimable
    patients: pd.DataFrame = field(repr=False)
    visits: tuple[str, ...]
    counts: NDArray[np.int64] = field(repr=False)
    missing: tuple[int, ...]
    level: float
    provenance: Provenance
    direction: str = "improvement is a lower mRS at the visit than at baseline; death is mRS 6"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per statistic.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, estimate, lower, upper, p_value, n, method; blank where a statistic has none,
            the reason in `method` where it is not estimable.
        """
        import pandas as pd

        return pd.DataFrame(
            list(self._rows()),
            columns=["statistic", "estimate", "lower", "upper", "p_value", "n", "method"],
        )

    def _rows(self) -> Any:  # noqa: C901 - a list of the statistics
        if isinstance(self.changes, NotEstimable):
            for name in ("improved", "exact signed-rank test", "sign test", "net benefit", "utility gained"):
                yield name, None, None, None, None, 0, str(self.changes)
            return
        for row in self.changes.to_frame().itertuples(index=False):
            yield row.category, row.proportion, row.lower, row.upper, None, self.n, self.changes.method
        for name, test in (("Pratt", self.signed_rank), ("Wilcoxon", self.signed_rank_wilcoxon)):
            if isinstance(test, SignedRank):
                yield f"exact signed-rank test ({name})", None, None, None, test.p_value, self.n, test.method
        if isinstance(self.sign, SignTest):
            share = _number(self.sign.proportion)
            yield "sign test", share, *self.sign.ci, self.sign.p_value, self.n, self.sign.method
        for test in self.mcnemar if isinstance(self.mcnemar, tuple) else ():
            odds = _number(test.odds_ratio)
            yield f"McNemar, mRS 0-{test.cut}", odds, *test.ci, test.p_value, self.n, test.method
        for test in (self.stuart_maxwell, self.bowker, self.homogeneity):
            if isinstance(test, HomogeneityTest):
                yield (
                    f"{test.method} (chi-square, df {test.df})",
                    test.statistic,
                    None,
                    None,
                    test.p_value,
                    self.n,
                    (test.note or test.method),
                )
        if isinstance(self.wins, PairedWins):
            for name in ("win_ratio", "win_odds", "net_benefit"):
                triple = getattr(self.wins, name)
                values = (None, None, None) if isinstance(triple, NotEstimable) else triple
                yield name.replace("_", " "), *values, self.wins.p_value, self.n, self.wins.method
        if isinstance(self.utility, UtilityChange):
            ci = (None, None) if isinstance(self.utility.ci, NotEstimable) else self.utility.ci
            gain = self.utility
            yield "utility gained", gain.mean_difference, *ci, _number(gain.p_value), self.n, gain.source
        yield from self._mixed_rows()

    def _mixed_rows(self) -> Any:
        if isinstance(self.mixed, NotEstimable):
            yield "odds ratio over the visits", None, None, None, None, self.n, str(self.mixed)
            return
        model = self.mixed
        for i, visit in enumerate(model.visits):
            name = f"odds ratio for a better mRS, {visit} against Baseline"
            if (
                isinstance(model.odds_ratio, NotEstimable)
                or isinstance(model.lower, NotEstimable)
                or isinstance(model.upper, NotEstimable)
            ):
                yield name, None, None, None, None, model.n, f"not estimable: {model.note}"
            else:
                p_value = None if isinstance(model.p_value, NotEstimable) else model.p_value[i]
                yield (
                    name,
                    model.odds_ratio[i],
                    model.lower[i],
                    model.upper[i],
                    p_value,
                    model.n,
                    model.method,
                )


def _number(value: float | NotEstimable) -> float | None:
    return None if isinstance(value, NotEstimable) else value


def mrs_shift(
    trial: TrialData,
    protocol: Protocol,
    visit: str | None = None,
    *,
    weights: str | Sequence[float] = "uw-mrs",
) -> ShiftResult:
    """Analyse the shift of the mRS from baseline to a visit.

    Parameters
    ----------
    trial : TrialData
        The collected tables.
    protocol : Protocol
        Its visits, improvement and level.
    visit : str, optional
        The visit; that of the protocol's primary endpoint by default.
    weights : str or sequence of 7 floats
        Utilities of the grades (`utility`).

    Returns
    -------
    ShiftResult

    Raises
    ------
    ValueError
        If the protocol has no such visit, or the weights are unknown.

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A", "B", "C"], "screening_date": ["2014-03-01"] * 3,
    ...                                "enrolment_date": ["2014-03-02"] * 3, "mrs": [3, 3, 2]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A", "B"], "date": ["2014-05-26"] * 2, "mrs": [2, 3]}),
    ... })
    >>> result = mrs_shift(trial, pns.load_protocol("nct02343211"))
    >>> result.n, result.n_missing, result.changes.improved, result.signed_rank.p_value
    (2, 1, 1, 1.0)
    """
    return shift_of(Assessments(trial, protocol).visit_values, visit, weights)


def shift_of(
    values: VisitValues, visit: str | None = None, weights: str | Sequence[float] = "uw-mrs"
) -> ShiftResult:
    """Analyse the shift of values that were derived already, as `mrs_shift` does."""
    protocol, frame = values.protocol, values.frame
    name = visit or protocol.endpoint.visit
    protocol.visit(name)
    visits = ("Baseline", *(planned.name for planned in protocol.visits))
    patients = _wide(frame, name, visits[1:])
    columns = ["baseline_mrs", *visits[1:]]
    grades = (
        np.where(patients[columns].isna(), -1, patients[columns]).astype(np.int64).reshape(-1, len(columns))
    )
    counts = np.stack([np.bincount(column[column >= 0], minlength=7) for column in grades.T])
    start, end = grades[:, 0], grades[:, visits.index(name)]
    both = (start >= 0) & (end >= 0)
    first, second = start[both], end[both]
    dead = patients.loc[start == DEAD, "patient_id"].astype(str).tolist()
    if dead:
        raise ValueError(
            f"mrs_shift: baseline mRS 6 of {', '.join(dead[:5])}{' ...' if len(dead) > 5 else ''}: who is dead cannot "
            "respond; correct the rating or leave the patient out of the enrolled"
        )
    n, level = int(both.sum()), protocol.endpoint.level
    points = protocol.endpoint.improvement_points
    none = NotEstimable(
        "no patient is enrolled" if not len(patients) else f"no patient has a baseline and a value at {name}"
    )

    def made(analysis: Callable[[], Any]) -> Any:
        return analysis() if n else none

    return ShiftResult(
        visit=name,
        n=n,
        n_full_analysis_set=len(patients),
        n_no_baseline=int((start < 0).sum()),
        n_missing=int(((start >= 0) & (end < 0)).sum()),
        n_dead=int((second == 6).sum()),
        transitions=made(lambda: transition_table(first, second, ("Baseline", name))),
        changes=made(lambda: changes(first, second, level, points)),
        sign=made(lambda: sign_test(first, second, level=level)),
        signed_rank=made(lambda: signed_rank(first, second)),
        signed_rank_wilcoxon=made(lambda: signed_rank(first, second, zeros="wilcoxon")),
        mcnemar=made(lambda: tuple(mcnemar(first, second, cut, level) for cut in range(6))),
        stuart_maxwell=made(lambda: stuart_maxwell(first, second)),
        bowker=made(lambda: bowker(first, second)),
        homogeneity=made(lambda: marginal_homogeneity(first, second)),
        wins=made(lambda: paired_wins(first, second, level)),
        utility=made(lambda: utility(first, second, weights, level)),
        mixed=_mixed(grades, visits, level) if n else none,
        bounds=made(
            lambda: case_bounds(start[start >= 0], np.where(end < 0, np.nan, end)[start >= 0], level, points)
        ),
        patients=patients,
        visits=visits,
        counts=counts,
        missing=tuple((grades < 0).sum(axis=0).tolist()),
        level=level,
        provenance=Provenance(protocol.id, protocol.version),
    )


def _wide(frame: pd.DataFrame, visit: str, visits: Sequence[str]) -> pd.DataFrame:
    """Turn the frame of patient x visit into one row per patient, in the order of the screening table."""
    at_visit = frame[frame["visit"] == visit]
    wide = at_visit[["patient_id", "baseline_mrs"]].reset_index(drop=True)
    for name in visits:
        wide[name] = frame.loc[frame["visit"] == name, "mrs"].to_numpy(dtype=float)
    wide["category"] = at_visit["category"].to_numpy()
    wide["derivation"] = at_visit["derivation"].to_numpy()
    return wide


def _mixed(grades: NDArray[np.int64], visits: tuple[str, ...], level: float) -> MixedOrdinal | NotEstimable:
    """Fit the model over the visits that have ratings; say why where it cannot be."""
    rated = [t for t in range(grades.shape[1]) if (grades[:, t] >= 0).any()]
    used = grades[:, rated]
    if len(rated) < 2:
        return NotEstimable("fewer than two visits have ratings")
    if np.unique(used[used >= 0]).size < 2:
        return NotEstimable("all ratings are the same grade")
    return mixed_ordinal(used, [visits[t] for t in rated], level=level)

"""How did the grades of the trial's patients shift from baseline to a visit?

Input: a `TrialData` and a `Protocol`.
Output: `ShiftResult`: transitions, changes, exact tests, wins, utilities, the model over all visits.
Protocol section: visits, endpoint.
Method: the paired methods of `shift.paired` on the full analysis set; death is the worst; patients without a
baseline or a value at the visit are counted and reported, and `bounds` says what they could do at most.
Next: `figures.mrs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.shift.models.mixed import MixedOrdinal, mixed_ordinal
from pnstrial.shift.paired.change import Changes, SignedRank, changes_of, signed_rank
from pnstrial.shift.paired.homogeneity import (
    HomogeneityTest,
    TransitionTable,
    bowker,
    marginal_homogeneity,
    stuart_maxwell,
    transition_table,
)
from pnstrial.shift.paired.missing import CaseBounds, case_bounds
from pnstrial.shift.paired.signs import McNemar, PairedWins, SignTest, mcnemar, paired_wins, sign_test
from pnstrial.shift.paired.utilities import UtilityChange, utility
from pnstrial.visits import DEATH, Assessments, VisitValues, category_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol, Scale

__all__ = ["ShiftResult", "mrs_shift"]


@dataclass(frozen=True)
class ShiftResult(Result):
    """The shift on a scale from baseline to a visit in the full analysis set.

    Every analysis is not estimable where no patient has both values.

    Attributes
    ----------
    visit : str
        The visit.
    n : int
        Patients with a baseline and a value at the visit (death counts as the worst grade).
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
        At every cut, best first.
    stuart_maxwell, bowker, homogeneity : HomogeneityTest or NotEstimable
        Tests of the whole table.
    wins : PairedWins or NotEstimable
        Win ratio, win odds and net benefit, visit against baseline.
    utility : UtilityChange or NotEstimable
        Utility-weighted mRS; of no other scale.
    mixed : MixedOrdinal or NotEstimable
        Ordinal model with a patient intercept over baseline and all visits of the protocol.
    bounds : CaseBounds or NotEstimable
        Best and worst case of the missing values, over all patients with a baseline.
    patients : pandas.DataFrame
        One row per patient of the full analysis set: patient_id, baseline_mrs (baseline_score of another scale), one
        column per visit (the score; nan missing, or dead where death is beyond the scale), category at `visit`,
        derivation at `visit`.
    units : ndarray of int
        Shape (patients, visits), "Baseline" first: the same in units of the scale, death its `dead`, -1 missing.
    visits : tuple of str
        "Baseline" and the visits of the protocol, the columns of `counts`.
    counts : ndarray of int
        Shape (visits, units of the scale): patients at each grade at each visit.
    missing : tuple of int
        Patients without a value at each of `visits`.
    shift_test : str
        Which test of no shift the protocol names as primary: a key of `tests`.
    level : float
        Level of the intervals.
    tests, primary : dict, SignedRank or SignTest
        The tests of no shift by name, and the primary one.
    estimate, ci, p_value : float, tuple of float, float
        The net benefit with its interval, and the p-value of the primary test.
    provenance : Provenance
        Protocol and package version.
    scale : Scale
        The scale.
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
    shift_test: str
    level: float
    provenance: Provenance
    scale: Scale = field(repr=False)
    units: NDArray[np.int64] = field(repr=False)

    @property
    def direction(self) -> str:
        """What an improvement is."""
        death = "is worse than every grade"
        if self.scale.death == "worst grade":
            death = f"is {self.scale.name} {self.scale.dead_score:g}"
        better = f"improvement is a {self.scale.better} {self.scale.name} at the visit than at baseline"
        return f"{better}; death {death}"

    @property
    def tests(self) -> dict[str, SignedRank | SignTest | NotEstimable]:
        """The three tests of no shift by name; `shift_test` names the primary one, the others are sensitivity."""
        return dict(zip(SHIFT_TESTS, (self.signed_rank, self.signed_rank_wilcoxon, self.sign), strict=True))

    @property
    def primary(self) -> SignedRank | SignTest | NotEstimable:
        """The test of no shift that the protocol names."""
        return self.tests[self.shift_test]

    @property
    def p_value(self) -> float | NotEstimable:
        """The p-value of the primary test."""
        return self.primary if isinstance(self.primary, NotEstimable) else self.primary.p_value

    @property
    def estimate(self) -> float | NotEstimable:
        """The net benefit: share better less share worse at the visit."""
        return self.wins if isinstance(self.wins, NotEstimable) else self.wins.net_benefit[0]

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """The interval of the net benefit."""
        return self.wins if isinstance(self.wins, NotEstimable) else self.wins.net_benefit[1:]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per statistic.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, role (primary, sensitivity or blank), estimate, lower, upper, p_value, n, method,
            reason; NaN where a statistic has no such number, with the reason where it is not estimable.
        """
        import pandas as pd

        blank = dict.fromkeys(_COLUMNS, "") | dict.fromkeys(("estimate", "lower", "upper", "p_value"), np.nan)
        return pd.DataFrame([{**blank, **row} for row in self._rows()], columns=_COLUMNS)

    def _display(self) -> Display:
        frame = self.to_frame()
        pairs = (
            ("patients with both values", self.n),
            ("of the full analysis set", self.n_full_analysis_set),
            ("without a baseline", self.n_no_baseline),
            ("without a value at the visit", self.n_missing),
            (f"dead ({self._death})" if self._death else "dead", self.n_dead),
            ("primary test", self.shift_test),
            ("p-value", self.p_value),
        )
        if isinstance(self.changes, NotEstimable):
            return Display(f"{self.scale.name} from baseline to {self.visit}", pairs)
        table = frame[~frame["statistic"].str.startswith("McNemar")].drop(columns=["method", "n"])
        title = f"{self.scale.name} from baseline to {self.visit}"
        return Display(title, pairs, table, (self.direction,))

    def _rows(self) -> Iterator[dict[str, Any]]:
        if isinstance(self.changes, NotEstimable):
            for name, label in {**SHIFT_TESTS, "": "net benefit"}.items():
                yield {"statistic": label, "role": self._role(name), "n": 0, "reason": self.changes.reason}
            return
        for row in self.changes.to_frame().to_dict("records"):
            kept = {"estimate": row["proportion"], "lower": row["lower"], "upper": row["upper"], "n": self.n}
            yield {"statistic": row["category"], **kept, "method": self.changes.method}
        for name, test in self.tests.items():
            share = "proportion" if name == "sign" else None
            yield _row(SHIFT_TESTS[name], test, share, self.n) | {"role": self._role(name)}
        for test in self.mcnemar if isinstance(self.mcnemar, tuple) else ():
            yield _row(f"McNemar, {self.scale.span(0, test.cut)}", test, "odds_ratio", self.n)
        for test in (self.stuart_maxwell, self.bowker, self.homogeneity):
            if isinstance(test, HomogeneityTest):
                found = _row(f"{test.method} (chi-square, df {test.df})", test, "statistic", self.n)
                yield found | {"reason": test.note}
        yield from self._win_rows()
        yield _row("utility gained", self.utility, "mean_difference", self.n)
        yield from self._mixed_rows()

    def _mixed_rows(self) -> Iterator[dict[str, Any]]:
        if isinstance(self.mixed, NotEstimable):
            yield {"statistic": "odds ratio over the visits", "n": self.n, "reason": self.mixed.reason}
            return
        for row in self.mixed.to_frame().to_dict("records"):
            name = f"odds ratio for a better {self.scale.name}, {row['visit']} against Baseline"
            kept = {
                "estimate": row["odds_ratio"],
                **{key: row[key] for key in ("lower", "upper", "p_value", "reason")},
            }
            yield {"statistic": name, **kept, "n": self.mixed.n, "method": self.mixed.method}

    def _win_rows(self) -> Iterator[dict[str, Any]]:
        if isinstance(self.wins, PairedWins):
            for name in ("win_ratio", "win_odds", "net_benefit"):
                value = getattr(self.wins, name)
                row = _row(name.replace("_", " "), self.wins, None, self.n)
                if isinstance(value, NotEstimable):
                    yield row | {"reason": value.reason}
                else:
                    yield row | dict(zip(("estimate", "lower", "upper"), value, strict=True))

    @property
    def _death(self) -> str:
        scale = self.scale
        return f"{scale.name} {scale.dead_score:g}" if scale.death == "worst grade" else ""

    def _role(self, name: str) -> str:
        return "" if name not in SHIFT_TESTS else "primary" if name == self.shift_test else "sensitivity"


_COLUMNS = ["statistic", "role", "estimate", "lower", "upper", "p_value", "n", "method", "reason"]
SHIFT_TESTS: Final = {
    "signed-rank, zeros after Pratt": "exact signed-rank test (Pratt)",
    "signed-rank, zeros after Wilcoxon": "exact signed-rank test (Wilcoxon)",
    "sign": "sign test",
}
"""Tests of no shift that a protocol can name, and their names in a frame."""


def _row(statistic: str, result: Any, estimate: str | None, n: int) -> dict[str, Any]:
    """Make one row out of a result: its named estimate, interval, p-value and method; the reason of what it lacks."""
    if isinstance(result, NotEstimable):
        return {"statistic": statistic, "n": n, "reason": result.reason}
    row: dict[str, Any] = {"statistic": statistic, "n": n, "method": result.method}
    values: dict[str, Any] = {"p_value": result.p_value, "ci": getattr(result, "ci", None)}
    if estimate:
        values["estimate"] = getattr(result, estimate)
    reasons = {name: value.reason for name, value in values.items() if isinstance(value, NotEstimable)}
    ci = values.pop("ci")
    if isinstance(ci, tuple):
        values["lower"], values["upper"] = ci
    row |= {name: value for name, value in values.items() if not isinstance(value, NotEstimable)}
    return row | {"reason": "; ".join(f"{name}: {reason}" for name, reason in reasons.items())}


def mrs_shift(
    trial: TrialData,
    protocol: Protocol,
    visit: str | None = None,
    *,
    scale: str | None = None,
    weights: str | Sequence[float] = "uw-mrs",
) -> ShiftResult:
    """Analyse the shift of the mRS, or of the scale of the endpoint, from baseline to a visit.

    Parameters
    ----------
    trial : TrialData
        The collected tables.
    protocol : Protocol
        Its visits, improvement and level.
    visit : str, optional
        The visit; that of the protocol's primary endpoint by default.
    scale : str, optional
        A scale of the protocol with known grades; that of the primary endpoint by default.
    weights : str or sequence of 7 floats
        Utilities of the grades of the mRS (`utility`).

    Returns
    -------
    ShiftResult

    Raises
    ------
    ValueError
        If the protocol has no such visit or scale, the weights are unknown, or an enrolled patient is dead at
        baseline.

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
    return shift_of(Assessments(trial, protocol).on_scale(scale).visit_values, visit, weights)


def shift_of(
    values: VisitValues,
    visit: str | None = None,
    weights: str | Sequence[float] = "uw-mrs",
    *,
    whole: bool = True,
) -> ShiftResult:
    """Analyse the shift of derived values, as `mrs_shift` does; what takes a compiler only if `whole`."""
    protocol, frame, scale = values.protocol, values.frame, values.protocol.scale()
    name = visit or protocol.endpoint.visit
    protocol.visit(name)
    visits = ("Baseline", *(planned.name for planned in protocol.visits))
    patients, units = _wide(frame, name, visits[1:], scale)
    counts = np.stack([np.bincount(column[column >= 0], minlength=scale.dead + 1) for column in units.T])
    start, end = units[:, 0], units[:, visits.index(name)]
    both = (start >= 0) & (end >= 0)
    first, second = start[both], end[both]
    dead = patients.loc[start == scale.dead, "patient_id"].astype(str).tolist()
    if dead:
        raise ValueError(
            f"mrs_shift: baseline {scale.name} {scale.dead_score:g} of {', '.join(dead[:5])}"
            f"{' ...' if len(dead) > 5 else ''}: who is dead cannot respond; correct the rating or leave the patient "
            "out of the enrolled"
        )
    n, level, highest = int(both.sum()), protocol.endpoint.level, scale.dead
    points, percent = protocol.endpoint.improvement_points, protocol.endpoint.improvement_percent
    categories = category_codes(patients["category"])[both]
    none = NotEstimable(
        "no patient is enrolled" if not len(patients) else f"no patient has a baseline and a value at {name}"
    )

    def made(analysis: Callable[[], Any]) -> Any:
        return analysis() if n else none

    def costly(analysis: Callable[[], Any]) -> Any:
        return made(analysis) if whole else NotEstimable("left out")

    def bounds() -> CaseBounds:
        later = np.where(end < 0, np.nan, end)[start >= 0]
        return case_bounds(
            start[start >= 0], later, level, highest=highest, points=scale.points(points), percent=percent or 0,
            zero=scale.zero,
        )  # fmt: skip

    utilities = NotEstimable(f"no utilities of the grades of the {scale.name} are known")
    return ShiftResult(
        visit=name,
        n=n,
        n_full_analysis_set=len(patients),
        n_no_baseline=int((start < 0).sum()),
        n_missing=int(((start >= 0) & (end < 0)).sum()),
        n_dead=int((second == highest).sum()),
        transitions=made(lambda: transition_table(first, second, ("Baseline", name), highest=highest)),
        changes=made(lambda: changes_of(categories, level, points, percent)),
        sign=made(lambda: sign_test(first, second, level=level, highest=highest)),
        signed_rank=made(lambda: signed_rank(first, second, highest=highest)),
        signed_rank_wilcoxon=made(lambda: signed_rank(first, second, zeros="wilcoxon", highest=highest)),
        mcnemar=made(lambda: tuple(mcnemar(first, second, u, level, highest=highest) for u in scale.units)),
        stuart_maxwell=made(lambda: stuart_maxwell(first, second, highest=highest)),
        bowker=made(lambda: bowker(first, second, highest=highest)),
        homogeneity=made(lambda: marginal_homogeneity(first, second, highest=highest)),
        wins=made(lambda: paired_wins(first, second, level, highest=highest)),
        utility=made(lambda: utility(first, second, weights, level)) if scale.table == "mrs" else utilities,
        mixed=costly(lambda: _mixed(units, visits, level, highest)),
        bounds=costly(bounds),
        patients=patients,
        visits=visits,
        counts=counts,
        missing=tuple((units < 0).sum(axis=0).tolist()),
        shift_test=protocol.endpoint.shift_test,
        level=level,
        provenance=Provenance(protocol.id, protocol.version),
        scale=scale,
        units=units,
    )


def _wide(
    frame: pd.DataFrame, visit: str, visits: Sequence[str], scale: Scale
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Turn the frame of patient x visit into one row per patient, in the order of the screening table."""
    start = f"baseline_{scale.column}"
    at_visit = frame[frame["visit"] == visit]
    wide = at_visit[["patient_id", start]].reset_index(drop=True)
    units = [scale.to_units(wide[start])]
    for name in visits:
        own = frame[frame["visit"] == name]
        wide[name] = own[scale.column].to_numpy(dtype=float)
        died = (own["derivation"] == DEATH).to_numpy()
        units.append(np.where(died, scale.dead, scale.to_units(wide[name])))
    wide["category"] = at_visit["category"].to_numpy()
    wide["derivation"] = at_visit["derivation"].to_numpy()
    return wide, np.stack(units, axis=1).astype(np.int64)


def _mixed(
    grades: NDArray[np.int64], visits: tuple[str, ...], level: float, highest: int
) -> MixedOrdinal | NotEstimable:
    """Fit the model over the visits that have ratings; say why where it cannot be."""
    rated = [t for t in range(grades.shape[1]) if (grades[:, t] >= 0).any()]
    used = grades[:, rated]
    if len(rated) < 2:
        return NotEstimable("fewer than two visits have ratings")
    if np.unique(used[used >= 0]).size < 2:
        return NotEstimable("all ratings are the same grade")
    return mixed_ordinal(used, [visits[t] for t in rated], level=level, highest=highest)

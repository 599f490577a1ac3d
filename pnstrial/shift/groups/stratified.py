"""Do two groups differ within strata, or by each patient's own baseline?

Input: one row per patient: grade, group, stratum or baseline.
Output: `VanElteren`, `SlidingDichotomy`; `CommonOddsRatio` of one cut.
Protocol section: endpoint.
Method: van Elteren's stratified rank test; 2 x 2 tables by proportional odds of two grades.
Next: `shift.models.adjusted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.arguments import Checks, label_array, label_faults
from pnstrial.numerics.normal import two_sided_p
from pnstrial.results import Display, NotEstimable, Result, show_number
from pnstrial.shift.grades import DEAD_AT_BASELINE, WORST, column, grade_array, groups_of, responder_pairs
from pnstrial.shift.models.ordinal import CommonOddsRatio, common_odds_ratio, fisher_p
from pnstrial.shift.triples import OfTwoGroups

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["SlidingDichotomy", "VanElteren", "dichotomy", "sliding_dichotomy", "van_elteren"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class VanElteren(Result):
    """Stratified rank-sum test.

    Attributes
    ----------
    statistic : float
        Chi-square with one degree of freedom.
    z : float
        Its signed root; below 0 the treated group has the better (lower) grades.
    p_value : float
        Two-sided.
    n_strata : int
        Strata with patients of both groups and more than one grade.
    n_unused : int
        Patients of the other strata, which carry no information.
    n : int
        Patients in all.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What the sign of `z` means.
    """

    statistic: float
    z: float
    p_value: float
    n_strata: int
    n_unused: int
    n: int
    groups: tuple[str, str]
    direction: str
    method: str = "van Elteren, weights 1 / (n + 1)"


def van_elteren(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    strata: ArrayLike | str,
) -> VanElteren:  # fmt: skip
    """Compare two groups' grades within strata.

    Parameters
    ----------
    grades, group, control, data, grade, treated
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`.
    strata : array-like or str
        Stratum of each patient (baseline grade, site, ...), a column of `data` or values; with `treated` and
        `control`, those of the treated followed by those of the control patients.

    Returns
    -------
    VanElteren

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`, or if lengths differ.

    Notes
    -----
    Rank sums within strata, weighted by 1 / (n_s + 1), with the tie-corrected variance (van Elteren, Bull Int
    Stat Inst 1960;37:351).

    Examples
    --------
    >>> found = van_elteren([1, 2, 3, 2, 3, 4], group=[1, 1, 0, 1, 0, 0], strata=["a", "a", "a", "b", "b", "b"])
    >>> round(found.p_value, 4), found.n_strata
    (0.0833, 2)
    """
    groups = groups_of(van_elteren, locals(), extra=", strata='site'")
    caller = "van_elteren"
    grade_of, is_treated = groups.patients
    given = column(caller, data, "strata", strata)
    stratum = label_array("strata", given)
    if stratum.shape != grade_of.shape:
        raise ValueError(
            f"{caller}: strata has shape {stratum.shape}; one label for each of the {grade_of.size} patients is needed"
        )
    if faults := label_faults("strata", stratum):
        raise ValueError(f"{caller}: {'; '.join(faults)}")
    labels, index = np.unique(stratum.astype(str), return_inverse=True)
    total, variance, used, unused = 0.0, 0.0, 0, 0
    for s in range(labels.size):
        here, ours = grade_of[index == s], is_treated[index == s]
        n, a = here.size, int(ours.sum())
        counts = np.bincount(here, minlength=7)
        if a in (0, n) or (counts > 0).sum() < 2:
            unused += n
            continue
        rank = np.cumsum(counts) - counts + (counts + 1) / 2.0
        centred = rank[here[ours]].sum() - a * (n + 1) / 2.0
        spread = (
            a
            * (n - a)
            / 12.0
            * (n + 1.0 - float((counts.astype(float) ** 3 - counts).sum()) / (n * (n - 1.0)))
        )
        total += centred / (n + 1.0)
        variance += spread / (n + 1.0) ** 2
        used += 1
    z = float(total / np.sqrt(variance)) if variance > 0 else 0.0
    return VanElteren(
        z * z, z, two_sided_p(z), used, unused, grade_of.size, groups.names,
        f"z below 0 favours {groups.names[0]} over {groups.names[1]} (lower grades)",
    )  # fmt: skip


def dichotomy(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    counts: object = None, cut: int, level: float = 0.95,
) -> CommonOddsRatio:  # fmt: skip
    """Compare two groups' odds of a grade at or below a cut.

    Parameters
    ----------
    grades, group, control, data, grade, treated, counts
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`, or `counts`.
    cut : int
        0 to 5; a good outcome is a grade at or below it.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    CommonOddsRatio
        Of two grades: good and bad.

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`.

    Examples
    --------
    >>> round(dichotomy([1, 2, 3, 3, 2, 4, 5, 3], group=[1, 1, 1, 1, 0, 0, 0, 0], cut=2).odds_ratio, 3)
    3.0
    """
    groups = groups_of(dichotomy, locals())
    caller = "dichotomy"
    Checks(caller).count("cut", cut, 0, WORST - 1).done()
    good = groups.counts[:, : int(cut) + 1].sum(axis=1)
    return _two_by_two(groups.names, good, groups.counts.sum(axis=1) - good, level)


def _two_by_two(names: tuple[str, str], good: Array, bad: Array, level: float) -> CommonOddsRatio:
    ours, theirs = ([int(good[g]), int(bad[g])] for g in (0, 1))
    return common_odds_ratio(counts={names[0]: ours, names[1]: theirs}, highest=1, level=level)


@dataclass(frozen=True)
class SlidingDichotomy(OfTwoGroups):
    """Odds of a good outcome defined by each patient's own baseline.

    Attributes
    ----------
    successes_treated, successes_control, n_treated, n_control : int
        Patients.
    odds_ratio : float or NotEstimable
        Odds ratio of success.
    wald, profile : tuple of float or NotEstimable
        Its intervals.
    p_value_fisher : float
        Exact two-sided p-value.
    rule : str
        What success is.
    level : float
        Level of the intervals.
    groups : tuple of str
        The treated and the control group.
    direction : str
        What above 1 means.
    estimate, ci, p_value, n : float, tuple of float, float, int
        The primary ones: `odds_ratio`, `profile`, `p_value_fisher`, all patients.
    """

    successes_treated: int
    successes_control: int
    n_treated: int
    n_control: int
    odds_ratio: float | NotEstimable
    wald: Pair | NotEstimable
    profile: Pair | NotEstimable
    p_value_fisher: float
    rule: str
    level: float
    groups: tuple[str, str]
    direction: str
    method: str = "sliding dichotomy"

    def to_frame(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            Columns odds_ratio, lower, upper (profile), p_value, wald_lower, wald_upper, successes and patients, reason.
        """
        import pandas as pd

        row: dict[str, object] = {"odds_ratio": self.odds_ratio}
        for stem, pair in (("", self.profile), ("wald_", self.wald)):
            row[f"{stem}lower"], row[f"{stem}upper"] = (
                (pair, pair) if isinstance(pair, NotEstimable) else pair
            )
            if not stem:
                row["p_value"] = self.p_value_fisher
        row |= {"successes_treated": self.successes_treated, "n_treated": self.n_treated}
        row |= {"successes_control": self.successes_control, "n_control": self.n_control}
        reasons = [
            f"{name}: {value.reason}" for name, value in row.items() if isinstance(value, NotEstimable)
        ]
        plain = {
            name: float("nan") if isinstance(value, NotEstimable) else value for name, value in row.items()
        }
        return pd.DataFrame([{**plain, "reason": "; ".join(reasons)}])

    def _display(self) -> Display:
        ours, theirs = self.groups
        ci = self.profile
        limits = ci if isinstance(ci, NotEstimable) else f"{show_number(ci[0])} to {show_number(ci[1])}"
        pairs = (
            (f"successes, {ours}", f"{self.successes_treated} of {self.n_treated}"),
            (f"successes, {theirs}", f"{self.successes_control} of {self.n_control}"),
            ("odds ratio", self.odds_ratio),
            (f"{self.level:.0%} interval, profile", limits),
            ("p-value (Fisher)", self.p_value_fisher),
        )
        return Display(self.direction, pairs, None, (f"success: {self.rule}",))

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio."""
        return self.odds_ratio

    @property
    def ci(self) -> Pair | NotEstimable:
        """The profile-likelihood interval."""
        return self.profile

    @property
    def p_value(self) -> float:
        """Fisher's exact test."""
        return self.p_value_fisher


def sliding_dichotomy(
    grades: ArrayLike | None = None, *misplaced: object, group: ArrayLike | str | None = None, control: object = None,
    data: pd.DataFrame | None = None, grade: str | None = None, treated: ArrayLike | None = None,
    baseline: ArrayLike | str, points: int = 1, level: float = 0.95, dead: str = "refuse",
) -> SlidingDichotomy:  # fmt: skip
    """Compare two groups' odds of ending at least some points below the own baseline.

    Parameters
    ----------
    grades, group, control, data, grade, treated
        The patients, in one of the ways of `common_odds_ratio`: `grades` with `group` and `control`, `data` with the
        names of columns, `treated` and `control`.
    baseline : array-like of int or str
        Baseline grade of each patient, values or a column of `data`; with `treated` and `control`, those of the
        treated followed by those of the control patients.
    points : int, default 1
        Points below baseline that count as success; 0 counts staying too.
    level : float, default 0.95
        Level of the intervals.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at baseline cannot respond: an error names them, or they count as failures, or they are
        left out.

    Returns
    -------
    SlidingDichotomy

    Raises
    ------
    TypeError, ValueError
        As `common_odds_ratio`, or if lengths differ.

    Examples
    --------
    >>> found = sliding_dichotomy([1, 2, 3, 4], baseline=[3, 2, 3, 5], group=[1, 1, 0, 0])
    >>> found.successes_treated, found.successes_control, found.odds_ratio
    (1, 1, 1.0)
    """
    groups = groups_of(sliding_dichotomy, locals(), extra=", baseline='before'")
    caller = "sliding_dichotomy"
    checks = Checks(caller).count("points", points, 0, WORST).level("level", level)
    checks.word("dead", dead, DEAD_AT_BASELINE).done()
    final, is_treated = groups.patients
    start = grade_array(caller, "baseline", column(caller, data, "baseline", baseline))
    if start.size != final.size:
        raise ValueError(f"{caller}: baseline has {start.size} values for {final.size} patients")
    gone = start == WORST
    responder_pairs(caller, start, final, dead=dead)
    kept = ~gone if dead == "exclude" else np.ones(final.size, dtype=bool)
    # who starts at the best grade cannot improve: staying there is the success
    success = (final <= np.maximum(start - points, 0)) & ~gone
    good, total = (
        np.array([int((part & kept & (is_treated == arm)).sum()) for arm in (True, False)])
        for part in (success, np.ones(final.size, dtype=bool))
    )
    table = _two_by_two(groups.names, good, total - good, level)
    return SlidingDichotomy(
        successes_treated=int(good[0]), successes_control=int(good[1]), n_treated=table.n_treated,
        n_control=table.n_control, odds_ratio=table.odds_ratio, wald=table.wald, profile=table.profile,
        p_value_fisher=fisher_p(int(good[0]), int(good[1]), table.n_treated, table.n_control), groups=groups.names,
        direction=f"odds ratio of success, {groups.names[0]} against {groups.names[1]}",
        rule=f"final grade at least {points:g} below baseline (or 0, where baseline leaves no room)", level=level,
    )  # fmt: skip

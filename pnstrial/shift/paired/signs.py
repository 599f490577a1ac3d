"""Did more patients of one group improve than deteriorate?

Input: earlier and later grades 0-6 of the same patients (6 = dead).
Output: the sign test, wins against losses, McNemar's test at one cut.
Protocol section: endpoint (Baseline against Month 3 and Month 6).
Method: exact binomial distributions given the patients who changed; Tango's interval for paired wins.
Next: `shift.paired.homogeneity`, `shift.paired.utilities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import reach
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Result
from pnstrial.shift.grades import WORST, grade_pairs, responder_pairs
from pnstrial.shift.paired.change import ALTERNATIVES
from pnstrial.shift.triples import WinTriples

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["McNemar", "PairedWins", "SignTest", "mcnemar", "paired_wins", "sign_test"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class SignTest(Result):
    """Exact sign test: improved against deteriorated.

    Attributes
    ----------
    p_value : float
        Exact; 1 where nobody moved.
    improved, deteriorated, n : int
        Patients.
    proportion : float or NotEstimable
        improved / (improved + deteriorated).
    ci : tuple of float
        Its Clopper-Pearson interval; 0 to 1 where nobody moved.
    level : float
        Level of the interval.
    alternative : str
        Direction.
    """

    p_value: float
    improved: int
    deteriorated: int
    n: int
    proportion: float | NotEstimable
    ci: Pair
    level: float
    alternative: str
    direction: str = "a proportion above 1/2 speaks for improvement (a lower later grade)"
    method: str = "sign test, exact binomial"

    @property
    def estimate(self) -> float | NotEstimable:
        """The share improved of those who changed."""
        return self.proportion


def sign_test(
    first: ArrayLike,
    second: ArrayLike,
    alternative: str = "two-sided",
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
) -> SignTest:
    """Test by exact signs whether more patients improved than deteriorated.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    alternative : {"two-sided", "improved"}
        Direction.
    level : float, default 0.95
        Level of the interval.
    data : pandas.DataFrame, optional
        One row per patient.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    SignTest

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, a patient was
        dead at the earlier rating, or a word is unknown.

    Examples
    --------
    >>> sign_test([3, 3, 4, 2, 3], [2, 2, 3, 2, 4]).p_value
    0.625
    """
    check_signature(sign_test, locals())
    from pnstrial.design.counts.proportion import clopper_pearson

    earlier, later = responder_pairs("sign_test", first, second, dead=dead, data=data, highest=highest)
    Checks("sign_test").word("alternative", alternative, ALTERNATIVES).done()
    Checks("sign_test").level("level", level).done()
    up, down = int((later < earlier).sum()), int((later > earlier).sum())
    moved = up + down
    return SignTest(
        p_value=_exact_sign_p(up, down, alternative),
        improved=up,
        deteriorated=down,
        n=earlier.size,
        proportion=up / moved if moved else NotEstimable("no patient changed grade"),
        ci=clopper_pearson(up, moved, level),
        level=level,
        alternative=alternative,
    )


def _exact_sign_p(up: int, down: int, alternative: str) -> float:
    from pnstrial.design.counts.proportion import binomial_tail

    if alternative == "improved":
        return float(binomial_tail(up, up + down, 0.5))
    return min(1.0, 2.0 * float(binomial_tail(max(up, down), up + down, 0.5)))


@dataclass(frozen=True)
class PairedWins(WinTriples):
    """Win statistics of the later against the earlier rating of the same patients.

    Attributes
    ----------
    win_ratio : tuple of float or NotEstimable
        Estimate, lower, upper of improved / deteriorated; the interval is exact. Not estimable where nobody changed,
        as in 71 % of trials of 17 in which 2 % change: counting these, it covers 0.29 there, 0.65 at 6 %, 0.89 at
        12 %; net benefit and win odds cover at least 0.95 throughout.
    win_odds : tuple of float
        Estimate, lower, upper of (improved + stable / 2) / (deteriorated + stable / 2).
    net_benefit : tuple of float
        Estimate, lower, upper of (improved - deteriorated) / n; score interval, always inside [-1, 1].
    wins, losses, ties, n : int
        Improved, deteriorated and stable patients, and all.
    p_value : float
        Exact sign test.
    level : float
        Level of the intervals.
    estimate, ci : float, tuple of float
        The primary ones: the win odds and their interval.
    """

    win_ratio: tuple[float, float, float] | NotEstimable
    win_odds: tuple[float, float, float]
    net_benefit: tuple[float, float, float]
    wins: int
    losses: int
    ties: int
    n: int
    p_value: float
    level: float
    direction: str = "above 1 (net benefit above 0) the later grade is better than the earlier one"
    method: str = "win ratio exact conditional; net benefit and win odds score interval (Tango)"


def paired_wins(
    first: ArrayLike,
    second: ArrayLike,
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    dead: str = "refuse",
    highest: int = WORST,
) -> PairedWins:
    """Compare each patient's later grade with the earlier one: win ratio, win odds, net benefit.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    level : float, default 0.95
        Level of the intervals.
    data : pandas.DataFrame, optional
        One row per patient.
    dead : {"refuse", "stable", "exclude"}
        Patients dead (6) at the earlier rating cannot respond: an error names them, or they stay in the
        denominator as stable, or they are left out.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    PairedWins

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or a patient was dead at the
        earlier rating.

    Notes
    -----
    The net benefit is a difference of paired proportions; its interval inverts the score test [1]_. The win
    odds are (1 + net benefit) / (1 - net benefit), and so are their limits.

    References
    ----------
    .. [1] Tango T. Stat Med 1998;17:891-908, eq. 21.

    Examples
    --------
    >>> found = paired_wins([4, 4, 3, 5, 4], [3, 2, 2, 5, 4])
    >>> found.net_benefit[0], found.win_odds[0], found.win_ratio[0]
    (0.6, 4.0, inf)
    """
    check_signature(paired_wins, locals())
    earlier, later = responder_pairs("paired_wins", first, second, dead=dead, data=data, highest=highest)
    Checks("paired_wins").level("level", level).done()
    z = normal_quantile(level)
    wins, losses = int((later < earlier).sum()), int((later > earlier).sum())
    n = earlier.size
    ratio, ci = _conditional_odds(wins, losses, level)
    low, high = _tango(wins, losses, n, z)
    benefit = (wins - losses) / n
    return PairedWins(
        win_ratio=ratio if isinstance(ratio, NotEstimable) else (ratio, *ci),
        win_odds=(_odds_of(benefit), _odds_of(low), _odds_of(high)),
        net_benefit=(benefit, low, high),
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        n=n,
        p_value=_exact_sign_p(wins, losses, "two-sided"),
        level=level,
    )


def _odds_of(benefit: float) -> float:
    return (1.0 + benefit) / (1.0 - benefit) if benefit < 1.0 else np.inf


def _tango(wins: int, losses: int, n: int, z: float) -> Pair:
    """Invert the score test of (wins - losses) / n = d, from the estimate to either end."""

    def score(d: float) -> float:
        # restricted maximum likelihood of the share of losses (Tango, eq. 9)
        a = 2.0 * n
        b = -wins - losses + (2.0 * n - wins + losses) * d
        c = -losses * d * (1.0 - d)
        q = (np.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
        variance = n * (2.0 * q + d * (1.0 - d))
        gap = wins - losses - n * d
        if variance <= 0.0:
            return np.sign(gap) * np.inf if gap else 0.0
        return float(gap / np.sqrt(variance))

    estimate = (wins - losses) / n
    # the score falls as d rises, so both limits are where it passes z on its way out from the estimate
    high = 1.0 if score(1.0) >= -z else reach(lambda d: -score(d), z, estimate, 1.0)
    low = -1.0 if score(-1.0) <= z else -reach(lambda d: score(-d), z, -estimate, 1.0)
    return low, high


@dataclass(frozen=True)
class McNemar(Result):
    """Exact McNemar test at one cut.

    Attributes
    ----------
    cut : int
        A good outcome is a grade at or below it.
    to_good, to_bad : int
        Patients who crossed the cut in either direction.
    both_good, both_bad : int
        Patients who did not.
    odds_ratio : float or NotEstimable
        to_good / to_bad; infinite if only the latter is 0, not estimable if nobody crossed.
    ci : tuple of float
        Exact interval; 0 to infinity if nobody crossed.
    p_value : float
        Exact; 1 if nobody crossed.
    n : int
        Patients.
    level : float
        Level of the interval.
    direction : str
        What above 1 means.
    """

    cut: int
    to_good: int
    to_bad: int
    both_good: int
    both_bad: int
    odds_ratio: float | NotEstimable
    ci: Pair
    p_value: float
    n: int
    level: float
    direction: str = "odds of crossing to a grade at or below the cut against crossing back"
    method: str = "McNemar, exact conditional"

    @property
    def estimate(self) -> float | NotEstimable:
        """The odds ratio."""
        return self.odds_ratio


def mcnemar(
    first: ArrayLike,
    second: ArrayLike,
    cut: int,
    level: float = 0.95,
    *,
    data: pd.DataFrame | None = None,
    highest: int = WORST,
) -> McNemar:
    """Test exactly whether more patients crossed a cut for the better than for the worse.

    Parameters
    ----------
    first, second : array-like of int
        Earlier and later grades 0-6 of the same patients, or their columns in `data`.
    cut : int
        0 to 5; a good outcome is a grade at or below it.
    level : float, default 0.95
        Level of the interval of the odds ratio.
    data : pandas.DataFrame, optional
        One row per patient.
    highest : int, default 6
        Highest grade of the scale, which is death.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If a grade is missing, no whole number or outside 0-6, the lengths differ, or the cut is not 0 to 5.

    Notes
    -----
    Conditional on the patients who crossed, crossings for the better are binomial at 1/2; the interval is
    Clopper-Pearson's turned into odds. Equal to R's `exact2x2::mcnemar.exact`.

    Examples
    --------
    >>> found = mcnemar([3, 3, 4, 2, 3], [2, 2, 2, 2, 4], cut=2)
    >>> found.odds_ratio, found.p_value
    (inf, 0.25)
    """
    check_signature(mcnemar, locals())
    earlier, later = grade_pairs("mcnemar", first, second, data=data, highest=highest)
    Checks("mcnemar").level("level", level).count("cut", cut, 0, highest - 1).done()
    was, now = earlier <= cut, later <= cut
    up, down = int((~was & now).sum()), int((was & ~now).sum())
    odds, ci = _conditional_odds(up, down, level)
    return McNemar(
        cut=int(cut),
        to_good=up,
        to_bad=down,
        both_good=int((was & now).sum()),
        both_bad=int((~was & ~now).sum()),
        odds_ratio=odds,
        ci=ci,
        p_value=_exact_sign_p(up, down, "two-sided"),
        n=earlier.size,
        level=level,
    )


def _conditional_odds(up: int, down: int, level: float) -> tuple[float | NotEstimable, Pair]:
    """Give up / down and its exact interval, through the binomial share of `up`."""
    from pnstrial.design.counts.proportion import clopper_pearson

    low, high = clopper_pearson(up, up + down, level)
    ci = (low / (1.0 - low), high / (1.0 - high) if high < 1.0 else np.inf)
    if up + down == 0:
        return NotEstimable("no patient crossed in either direction"), ci
    return (up / down if down else np.inf), ci

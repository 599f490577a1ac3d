"""How is a Bayesian stopping rule calibrated to a type I error?

Input: looks, null and alternative rates (of two answers, or of improved / stable / deteriorated), type I error.
Output: `bop2` (binary) and `bop2_ordinal`, with boundaries by count and exact characteristics; `bop2_boundary`
for a given threshold curve.
Protocol section: design.
Method: stop where P(rate > null | data) falls below lambda (n / N) ^ gamma; among all pairs (lambda, gamma) on a
grid take the one with the largest exact power whose exact type I error keeps its limit.
Next: `safety`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.design.bayes.monitoring import as_mixture, posterior_of_counts
from pnstrial.design.counts.outcomes import binomial_ways
from pnstrial.design.stages.sequential import SequentialDesign, checked_looks
from pnstrial.numerics.arguments import Checks, as_array, display
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Bop2Design", "OrdinalDesign", "bop2", "bop2_boundary", "bop2_ordinal"]


@dataclass(frozen=True, repr=False)
class Bop2Design(SequentialDesign):
    """A calibrated Bayesian stopping rule for a binary answer.

    Attributes
    ----------
    lambda_, gamma : float
        The threshold at n patients is lambda (n / N) ^ gamma.
    prior : tuple of float
        Beta prior.
    """

    lambda_: float = 0.0
    gamma: float = 0.0
    prior: tuple[float, float] = field(default=(0.5, 0.5))


def bop2_boundary(
    looks: Sequence[int],
    p0: float,
    lambda_: float,
    gamma: float,
    prior: tuple[float, float] | None = None,
    efficacy: str | None = None,
    eta: float = 1.0,
    never_at_zero: bool = False,
    p1: float | None = None,
) -> Bop2Design:
    """Give the counts of a BOP2 rule for given parameters.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look; the last is the end.
    p0 : float
        Rate under the null.
    lambda_, gamma : float
        Stop for futility where P(rate > p0) is below lambda (n / N) ^ gamma; gamma 0 is a constant threshold.
    prior : tuple of float, optional
        Beta prior; default (p0, 1 - p0), worth one patient.
    efficacy : {"power", "OF"}, optional
        Also stop early for efficacy where P(rate > p0) reaches 1 - (1 - lambda) (n / N) ^ eta ("power") or
        2 Phi(z / sqrt(n / N)) - 1 with Phi(z) = (1 + lambda) / 2 ("OF", O'Brien-Fleming). By default only the
        last look rejects.
    eta : float, default 1
        Exponent of "power".
    never_at_zero : bool, default False
        True: no responder counts as futility at every look, also where the rule would let the trial go on, as
        the R package BOP2FE has it. False: then there is no stop at that look.
    p1 : float, optional
        Rate at which power is wanted.

    Returns
    -------
    Bop2Design

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Zhou H, Lee JJ, Yuan Y. Stat Med 2017;36:3302-3314, section 2.

    Examples
    --------
    >>> design = bop2_boundary([10, 15, 20, 25, 30], 0.2, 0.9, 0.5, efficacy="power")
    >>> design.futility, design.efficacy
    ((2, 3, 5, 7, 9), (5, 6, 8, 9, 10))
    """
    sizes = checked_looks("bop2_boundary", looks)
    checks = Checks("bop2_boundary").share("p0", p0).share("lambda_", lambda_)
    checks.number("gamma", gamma, 0.0, 100.0).flag("never_at_zero", never_at_zero)
    if efficacy is not None:
        checks.word("efficacy", efficacy, ("power", "OF")).positive("eta", eta)
    if p1 is not None:
        checks.rate("p1", p1)
    checks.done()
    start = (p0, 1 - p0) if prior is None else prior
    mixture = as_mixture("bop2_boundary", start)
    low: list[int | None] = []
    high: list[int | None] = []
    for n in sizes:
        t = n / sizes[-1]
        values = posterior_of_counts(mixture, n, p0)
        # counts of equal probability must not part by the last digit
        below = np.flatnonzero(values < lambda_ * t**gamma - 1e-14)
        a = int(below[-1]) if len(below) else None
        b: int | None = None
        if efficacy is not None:
            reached = np.flatnonzero(values >= _efficacy_limit(efficacy, lambda_, t, eta))
            reached = reached[reached >= 1]
            b = int(reached[0]) if len(reached) else n
            if a is not None and b <= a:
                b = a + 1
        if never_at_zero and a is None:
            a = 0
        low.append(a)
        high.append(b)
    if high[-1] is None:
        high[-1] = 0 if low[-1] is None else low[-1] + 1
    elif low[-1] is not None:
        high[-1] = low[-1] + 1
    pair = (mixture.a[0], mixture.b[0])
    return Bop2Design(
        sizes,
        tuple(low),
        tuple(high),
        "BOP2",
        float(p0),
        p1,
        lambda_=float(lambda_),
        gamma=float(gamma),
        prior=pair,
    )


def _efficacy_limit(kind: str, lambda_: float, t: float, eta: float) -> float:
    if kind == "power":
        return 1.0 - (1.0 - lambda_) * t**eta
    from scipy.special import ndtr, ndtri

    return 2.0 * float(ndtr(ndtri((1.0 + lambda_) / 2.0) / np.sqrt(t))) - 1.0


def bop2(
    looks: Sequence[int],
    p0: float,
    p1: float,
    alpha: float = 0.1,
    prior: tuple[float, float] | None = None,
    lambdas: Sequence[float] | None = None,
    gammas: Sequence[float] | None = None,
) -> Bop2Design:
    """Calibrate a BOP2 rule: the most powerful one whose exact type I error is at most alpha.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look; the last is the end.
    p0, p1 : float
        Rate under the null, and the rate at which power is sought.
    alpha : float, default 0.1
        Largest type I error.
    prior : tuple of float, optional
        Beta prior; default (p0, 1 - p0).
    lambdas, gammas : sequence of float, optional
        Grid; default lambda 0.01 to 0.99 by 0.01 and gamma 0 to 1 by 0.05.

    Returns
    -------
    Bop2Design
        Among equally powerful rules the one with the smallest expected size at p0.

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no pair of the grid keeps alpha.

    Notes
    -----
    Zhou H, Lee JJ, Yuan Y. Stat Med 2017;36:3302-3314. The published programme simulates; here both errors are
    exact, and pairs that give the same counts are computed once.

    Examples
    --------
    >>> design = bop2([6, 11, 17], 0.1, 0.35, alpha=0.1)
    >>> design.futility, design.efficacy[-1], round(design.alpha, 4), round(design.power, 4)
    ((0, 1, 3), 4, 0.0695, 0.8439)
    """
    sizes = checked_looks("bop2", looks)
    checks = Checks("bop2").hypotheses(p0, p1).share("alpha", alpha)
    _check_grid(checks, lambdas, gammas)
    checks.done()
    lam = np.arange(0.01, 1.0, 0.01) if lambdas is None else np.asarray(lambdas, dtype=float)
    gam = np.arange(0.0, 1.0001, 0.05) if gammas is None else np.asarray(gammas, dtype=float)
    start = (p0, 1 - p0) if prior is None else prior
    mixture = as_mixture("bop2", start)
    t = np.array(sizes) / sizes[-1]
    threshold = lam[:, None, None] * t[None, None, :] ** gam[None, :, None]
    counts = np.empty(threshold.shape, dtype=np.int64)
    for k, n in enumerate(sizes):
        values = posterior_of_counts(mixture, n, p0)  # increasing in the count
        counts[..., k] = np.searchsorted(values, threshold[..., k] - 1e-14, side="left") - 1
    rules, where = np.unique(counts.reshape(-1, len(sizes)), axis=0, return_index=True)
    errors = _batch(sizes, rules, np.array([p0, p1]))
    fits = errors[:, 0, 0] <= alpha
    if not fits.any():
        raise ValueError(
            f"bop2: no lambda and gamma of the grid keeps alpha = {alpha} with {sizes[-1]} patients; raise alpha"
            " or the number of patients, or give larger lambdas"
        )
    # power first, then the smaller expected size under the null
    order = np.lexsort((errors[:, 1, 0], -np.round(errors[:, 0, 1], 12), ~fits))
    i, j = np.unravel_index(int(where[order[0]]), counts.shape[:2])
    return bop2_boundary(sizes, p0, float(lam[i]), float(gam[j]), start, p1=p1)


def _check_grid(checks: Checks, lambdas: object, gammas: object) -> None:
    if lambdas is not None:
        checks.numbers("lambdas", lambdas, 1e-6, 1.0 - 1e-6)
    if gammas is not None:
        checks.numbers("gammas", gammas, 0.0, 100.0)


def _batch(
    sizes: tuple[int, ...], rules: NDArray[np.int64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give (reject, expected n) of many futility rules at each rate; shape (rules, 2, rates)."""
    result = np.empty((len(rules), 2, len(rates)))
    groups = np.diff([0, *sizes]).tolist()
    for h, p in enumerate(rates.tolist()):
        state = np.ones((len(rules), 1))
        expected = np.full(len(rules), float(sizes[0]))
        for k, m in enumerate(groups):
            x = np.arange(m + 1)
            step = binomial_ways(m) * p**x * (1 - p) ** (m - x)
            wide = np.zeros((len(rules), state.shape[1] + m))
            for j, part in enumerate(step.tolist()):
                wide[:, j : j + state.shape[1]] += part * state
            state = np.where(np.arange(wide.shape[1]) > rules[:, k : k + 1], wide, 0.0)
            if k + 1 < len(groups):
                expected += state.sum(axis=1) * groups[k + 1]
        result[:, 0, h], result[:, 1, h] = state.sum(axis=1), expected
    return result


@dataclass(frozen=True, repr=False)
class OrdinalDesign(Result):
    """A calibrated Bayesian rule for improved / stable / deteriorated.

    The trial stops where too few are improved and too few are improved or stable: both posteriors lie below the
    threshold.

    Attributes
    ----------
    looks : tuple of int
        Patients at each look.
    improved_at_most, controlled_at_most : tuple of (int or None)
        Stop where at most so many improved, and at most so many improved or stable. At the last look the same
        means that the null is not rejected.
    alpha, power, expected_n : float
        Exact probability to reject under the null and under the alternative, and size under the null.
    null, alternative : tuple of float
        Probabilities of improved, stable, deteriorated.
    lambda_, gamma : float
        Threshold lambda (n / N) ^ gamma.
    prior : tuple of float
        Dirichlet prior.
    """

    looks: tuple[int, ...]
    improved_at_most: tuple[int | None, ...]
    controlled_at_most: tuple[int | None, ...]
    alpha: float
    power: float
    expected_n: float
    null: tuple[float, float, float]
    alternative: tuple[float, float, float]
    lambda_: float
    gamma: float
    prior: tuple[float, float, float]

    @property
    def n(self) -> int:
        """Patients at the last look."""
        return self.looks[-1]

    def operating_characteristics(self, probabilities: Sequence[float]) -> dict[str, Any]:
        """Give exact characteristics when patients improve, stay stable or deteriorate with given probabilities.

        Parameters
        ----------
        probabilities : sequence of three floats
            Of improved, stable, deteriorated.

        Returns
        -------
        dict
            `reject`, `expected_n`, and `stop` (probability to stop at each look).
        """
        check_signature(OrdinalDesign.operating_characteristics, locals())
        checks = Checks("operating_characteristics").rates("probabilities", probabilities, least=3)
        total = f"probabilities = {display(probabilities)} must be three that sum to 1"
        checks.add(
            checks.clean and (len(probabilities) != 3 or abs(sum(probabilities) - 1) > 1e-9), total
        ).done()
        return _ordinal_exact(
            self.looks, _codes(self.improved_at_most), _codes(self.controlled_at_most), tuple(probabilities)
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look."""
        import pandas as pd

        return pd.DataFrame(
            {
                "n": self.looks,
                "improved_at_most": pd.array(list(self.improved_at_most), dtype="Int64"),
                "controlled_at_most": pd.array(list(self.controlled_at_most), dtype="Int64"),
            }
        )

    def sentence(self) -> str:
        """Say the rule in one sentence for the protocol."""
        parts = [
            f"of {n} at most {a} improved and at most {b} improved or stable"
            for n, a, b in zip(self.looks, self.improved_at_most, self.controlled_at_most, strict=True)
            if a is not None and b is not None
        ]
        return (
            f"Stop (at the end: do not reject) if {', or '.join(parts)}; alpha {self.alpha:.3f},"
            f" power {self.power:.3f}."
        )

    def _display(self) -> Display:
        return Display(self.sentence(), table=self.to_frame())


def _codes(counts: Sequence[int | None]) -> list[int]:
    return [-1 if count is None else count for count in counts]


def _ordinal_exact(
    looks: tuple[int, ...], low: list[int], controlled: list[int], probabilities: tuple[float, ...]
) -> dict[str, Any]:
    """Enumerate the pairs (improved, improved or stable)."""
    p, s, d = probabilities
    state = np.ones((1, 1))
    stop: list[float] = []
    before, expected = 0, 0.0
    for n, a, b in zip(looks, low, controlled, strict=True):
        expected += float(state.sum()) * (n - before)
        for _ in range(n - before):
            m = state.shape[0]
            wide = np.zeros((m + 1, m + 1))
            wide[:m, :m] += d * state
            wide[:m, 1:] += s * state
            wide[1:, 1:] += p * state
            state = wide
        ends = (np.arange(n + 1)[:, None] <= a) & (np.arange(n + 1)[None, :] <= b)
        stop.append(float(state[ends].sum()))
        state = np.where(ends, 0.0, state)
        before = n
    return {"reject": float(state.sum()), "expected_n": expected, "stop": stop}


def bop2_ordinal(
    looks: Sequence[int],
    null: Sequence[float],
    alternative: Sequence[float],
    alpha: float = 0.1,
    prior: Sequence[float] | None = None,
    lambdas: Sequence[float] | None = None,
    gammas: Sequence[float] | None = None,
) -> OrdinalDesign:
    """Calibrate a BOP2 rule for three ordered answers: improved, stable, deteriorated.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look; the last is the end.
    null, alternative : sequence of three floats
        Probabilities of improved, stable, deteriorated.
    alpha : float, default 0.1
        Largest exact type I error.
    prior : sequence of three floats, optional
        Dirichlet prior; default the null, worth one patient.
    lambdas, gammas : sequence of float, optional
        Grid; default lambda 0.05 to 0.95 by 0.05 with 0.98 and 0.99, gamma 0, 0.25, ..., 1.

    Returns
    -------
    OrdinalDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no pair of the grid keeps alpha.

    Notes
    -----
    Zhou H, Lee JJ, Yuan Y. Stat Med 2017;36:3302-3314, section 2.2 (efficacy of nested ordinal outcomes): the
    trial goes on as long as P(improved > its null) or P(improved or stable > its null) reaches the threshold.
    The margins of a Dirichlet are betas, so each condition is a count; errors are exact over all pairs.

    Examples
    --------
    >>> design = bop2_ordinal([8, 17], (0.1, 0.4, 0.5), (0.35, 0.45, 0.2))
    >>> design.improved_at_most, design.controlled_at_most, round(design.alpha, 4), round(design.power, 4)
    ((0, 4), (3, 11), 0.0874, 0.9484)
    """
    sizes = checked_looks("bop2_ordinal", looks)
    start = null if prior is None else prior
    checks = Checks("bop2_ordinal").share("alpha", alpha)
    for name, value in (("null", null), ("alternative", alternative)):
        array = as_array(value)
        good = array is not None and array.shape == (3,) and (array > 0).all() and abs(array.sum() - 1) < 1e-9
        checks.rule(not good, name, value, "must be three positive probabilities that add to 1")
    array = as_array(start)
    good = array is not None and array.shape == (3,) and (array > 0).all()
    checks.rule(not good, "prior", start, "must be three positive numbers")
    _check_grid(checks, lambdas, gammas)
    checks.done()
    null, alternative, start = (np.asarray(part, dtype=float).tolist() for part in (null, alternative, start))
    lam = [*np.arange(0.05, 0.96, 0.05), 0.98, 0.99] if lambdas is None else list(lambdas)
    gam = [0.0, 0.25, 0.5, 0.75, 1.0] if gammas is None else list(gammas)
    q = (null[0], null[0] + null[1])
    shape = [(start[0], start[1] + start[2]), (start[0] + start[1], start[2])]
    tables = [
        [posterior_of_counts(as_mixture("bop2_ordinal", pair), n, rate) for n in sizes]
        for pair, rate in zip(shape, q, strict=True)
    ]
    seen: dict[tuple[int, ...], tuple[float, float]] = {}
    for one in lam:
        for power in gam:
            cuts = [float(one) * (n / sizes[-1]) ** float(power) for n in sizes]
            counts = tuple(
                int(np.searchsorted(tables[h][k], cuts[k] - 1e-14)) - 1
                for h in (0, 1)
                for k in range(len(sizes))
            )
            seen.setdefault(counts, (float(one), float(power)))
    best: tuple[float, tuple[int, ...]] | None = None
    k = len(sizes)
    for counts in seen:
        low, controlled = list(counts[:k]), list(counts[k:])
        if _ordinal_exact(sizes, low, controlled, tuple(null))["reject"] > alpha:
            continue
        reached = float(_ordinal_exact(sizes, low, controlled, tuple(alternative))["reject"])
        if best is None or reached > best[0]:
            best = (reached, counts)
    if best is None:
        raise ValueError(
            f"bop2_ordinal: no lambda and gamma of the grid keeps alpha = {alpha} with {sizes[-1]} patients; raise"
            " alpha or the number of patients, or give larger lambdas"
        )
    counts = best[1]
    under = _ordinal_exact(sizes, list(counts[:k]), list(counts[k:]), tuple(null))
    return OrdinalDesign(
        sizes,
        tuple(None if a < 0 else a for a in counts[:k]),
        tuple(None if b < 0 else b for b in counts[k:]),
        under["reject"],
        best[0],
        under["expected_n"],
        (float(null[0]), float(null[1]), float(null[2])),
        (float(alternative[0]), float(alternative[1]), float(alternative[2])),
        *seen[counts],
        (float(start[0]), float(start[1]), float(start[2])),
    )

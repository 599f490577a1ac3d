"""What does a count of responders say about the response rate?

Input: the number of responders and of patients; the rate under the null hypothesis, where there is one.
Output: `ProportionResult` with the estimate, an interval and exact p-values; the array functions
`clopper_pearson` and `binomial_tail`, on which everything exact in the package stands.
Protocol section: endpoint.
Method: binomial enumeration through the incomplete beta function; no normal approximation unless asked for.
Next: `rating`, `single`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.normal import normal_quantile
from pnstrial.numerics.roots import reach
from pnstrial.results import NotEstimable, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ProportionResult", "binomial_pmf", "binomial_tail", "clopper_pearson", "proportion"]

ALTERNATIVES: Final = ("greater", "less", "two-sided")
TWO_SIDED: Final = ("minimum likelihood", "central", "blaker")


def clopper_pearson(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Any, Any]:
    """Give exact two-sided limits for a proportion.

    Parameters
    ----------
    x, n : int or array of int
        Responders and patients; they broadcast together. ``n = 0`` has the limits 0 and 1.
    level : float, default 0.95
        Two-sided confidence level.

    Returns
    -------
    tuple of (float or ndarray, float or ndarray)
        Lower and upper limit, of the shape of the broadcast arguments.

    Raises
    ------
    ValueError
        If a count is not whole, x lies outside 0 to n, or the level outside (0, 1).

    Notes
    -----
    The lower limit solves P(X >= x) = (1 - level) / 2, the upper one P(X <= x) = (1 - level) / 2: quantiles
    of Beta(x, n - x + 1) and Beta(x + 1, n - x) [1]_.

    References
    ----------
    .. [1] Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.

    Examples
    --------
    >>> lower, upper = clopper_pearson(1, 37)
    >>> round(lower, 4), round(upper, 4)
    (0.0007, 0.1416)
    """
    from scipy.special import betaincinv

    count, size = _counts("clopper_pearson", x, n)
    Checks("clopper_pearson").share("level", level).done()
    tail = (1.0 - level) / 2.0
    lower = np.where(count == 0, 0.0, betaincinv(np.maximum(count, 1), size - count + 1.0, tail))
    upper = np.where(count == size, 1.0, betaincinv(count + 1.0, np.maximum(size - count, 1), 1.0 - tail))
    return (lower, upper) if lower.ndim else (float(lower), float(upper))


def binomial_tail(x: ArrayLike, n: ArrayLike, p0: ArrayLike) -> Any:
    """Give the exact upper tail P(X >= x) of a binomial count.

    Parameters
    ----------
    x, n : int or array of int
        Count and number of patients. An x of 0 or less has probability 1, an x above n probability 0.
    p0 : float or array of float
        True rate.

    Returns
    -------
    float or ndarray
        Of the shape of the broadcast arguments.

    Raises
    ------
    ValueError
        If a count is not whole, n is negative or a rate lies outside 0 to 1.

    Examples
    --------
    >>> round(binomial_tail(4, 17, 0.05), 4)
    0.0088
    """
    from scipy.special import betainc

    count, size = _counts("binomial_tail", x, n, inside=False)
    Checks("binomial_tail").array("p0", p0, 0, 1).done()
    rate = np.asarray(p0, dtype=float)
    inside = betainc(np.clip(count, 1, np.maximum(size, 1)), np.maximum(size - count, 0) + 1.0, rate)
    tail = np.where(count <= 0, 1.0, np.where(count > size, 0.0, inside))
    return tail if tail.ndim else float(tail)


def binomial_pmf(n: int, p: ArrayLike) -> NDArray[np.float64]:
    """Give the probabilities of all counts 0 to n.

    Parameters
    ----------
    n : int
        Number of patients.
    p : float or array of float
        True rate.

    Returns
    -------
    ndarray
        Shape (n + 1,) for a scalar rate, else (n + 1, *shape of p).

    Examples
    --------
    >>> binomial_pmf(2, 0.5).tolist()
    [0.25, 0.5, 0.25]
    """
    from scipy.special import gammaln, xlog1py, xlogy

    Checks("binomial_pmf").count("n", n, 0, 100_000).array("p", p, 0, 1).done()
    n, rate = int(n), np.asarray(p, dtype=float)
    x = np.arange(n + 1.0).reshape((-1,) + (1,) * rate.ndim)
    if n <= 60:
        # small binomial coefficients are whole numbers, exact as doubles
        ways = np.cumprod(np.concatenate([[1.0], (n - np.arange(n)) / (1.0 + np.arange(n))]))
        return np.rint(ways).reshape(x.shape) * rate**x * (1.0 - rate) ** (n - x)
    ways = gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)
    return np.exp(ways + xlogy(x, rate) + xlog1py(n - x, -rate))


def _counts(
    caller: str, x: ArrayLike, n: ArrayLike, *, inside: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Broadcast counts as floats, refusing what is no count."""
    Checks(caller).array("x", x).array("n", n).done()
    count, size = np.asarray(x, dtype=float), np.asarray(n, dtype=float)
    if count.shape != size.shape:
        count, size = np.broadcast_arrays(count, size)
    bad = (
        (count != np.floor(count))
        | (size != np.floor(size))
        | (size < 0)
        | (inside & ((count < 0) | (count > size)))
    )
    if bad.any():
        rule = "whole numbers with 0 <= x <= n" if inside else "whole numbers with n >= 0"
        pairs = [f"x = {a:g}, n = {b:g}" for a, b in zip(count[bad].flat, size[bad].flat, strict=True)]
        listed = "; ".join(pairs[:5]) + (f" and {len(pairs) - 5} more" if len(pairs) > 5 else "")
        raise ValueError(f"{caller}: {listed}: must be {rule}")
    return count, size


@dataclass(frozen=True)
class ProportionResult(Result):
    """What a count of responders says about the response rate.

    Attributes
    ----------
    responders, n : int
        Count and denominator.
    estimate : float or NotEstimable
        responders / n; not estimable where n = 0.
    ci : tuple of float or NotEstimable
        Two-sided interval by `conf_type`; not estimable where n = 0.
    level : float
        Its level.
    conf_type : str
        Its kind.
    null : float or None
        Rate under the null hypothesis.
    alternative : str
        Direction of the p-values.
    p_value, p_value_mid : float or None
        Exact and mid-p value; None without a null. With n = 0 they are 1: nothing speaks against the null.
    """

    responders: int
    n: int
    estimate: float | NotEstimable
    ci: tuple[float, float] | NotEstimable
    level: float
    conf_type: str
    null: float | None
    alternative: str
    p_value: float | None
    p_value_mid: float | None


def proportion(
    responders: int,
    n: int,
    null: float | None = None,
    alternative: str = "greater",
    level: float = 0.95,
    conf_type: str = "clopper-pearson",
    two_sided: str = "minimum likelihood",
) -> ProportionResult:
    """Estimate a response rate with an interval, and test it against a null.

    Parameters
    ----------
    responders, n : int
        Responders and patients.
    null : float, optional
        Rate under the null hypothesis; without it there are no p-values.
    alternative : {"greater", "less", "two-sided"}
        Direction of the test.
    level : float, default 0.95
        Two-sided level of the interval.
    conf_type : str
        Interval: "clopper-pearson" (exact, the default), "blaker" (exact, never longer), "mid-p", "jeffreys"
        (equal-tailed, Beta(1/2, 1/2) prior, also at 0 and n), "likelihood", and the approximations "wilson",
        "wilson-modified" (a Poisson limit at x = 1 and x = n - 1, as R's Hmisc gives) and "agresti-coull".
    two_sided : {"minimum likelihood", "central", "blaker"}
        How a two-sided exact p-value counts the other tail: outcomes no more probable than the one seen (as
        R's ``binom.test``), twice the smaller tail, or Blaker's acceptability.

    Returns
    -------
    ProportionResult

    Raises
    ------
    ValueError
        If a count is not whole, responders exceed n, or another argument breaks its rule; all are named.

    Notes
    -----
    p_value is the exact binomial probability of the outcome and those at least as extreme; p_value_mid counts
    the outcome itself by half [1]_. The mid-p interval inverts the two one-sided mid-p tests; the Blaker
    interval is the hull of the rates with acceptability above 1 - level [2]_; it is found from the points
    where the acceptability jumps, not on a grid. Wilson: [3]_, eq. 4; Agresti-Coull and Jeffreys: [3]_,
    sections 3.1.2 and 3.1.3 (their adjustments of Jeffreys at x = 0 and x = n are not made). Likelihood: the
    rates within half a chi-squared quantile of the largest log-likelihood.

    References
    ----------
    .. [1] Berry G, Armitage P. The Statistician 1995;44:417-423.
    .. [2] Blaker H. Canadian Journal of Statistics 2000;28:783-798.
    .. [3] Brown LD, Cai TT, DasGupta A. Statistical Science 2001;16:101-133.

    Examples
    --------
    >>> result = proportion(5, 17, null=0.1)
    >>> round(result.estimate, 3), round(result.p_value, 4)
    (0.294, 0.0221)
    >>> [round(limit, 3) for limit in result.ci]
    [0.103, 0.56]
    """
    checks = Checks("proportion").count("n", n)
    checks.count("responders", responders, 0, None if checks.problems else int(n))
    if null is not None:
        checks.rate("null", null)
    checks.word("alternative", alternative, ALTERNATIVES).share("level", level)
    checks.word("conf_type", conf_type, tuple(_INTERVALS)).word("two_sided", two_sided, TWO_SIDED).done()
    responders, n, level = int(responders), int(n), float(level)
    estimate: float | NotEstimable = NotEstimable("no patient in the denominator")
    ci: tuple[float, float] | NotEstimable = NotEstimable("no patient in the denominator")
    if n > 0:
        estimate = responders / n
        ci = _INTERVALS[conf_type](responders, n, level)
    exact = mid = None
    if null is not None:
        null = float(null)
        exact, mid = _p_values(responders, n, null, alternative, two_sided)
    return ProportionResult(responders, n, estimate, ci, level, conf_type, null, alternative, exact, mid)


def _p_values(x: int, n: int, null: float, alternative: str, two_sided: str) -> tuple[float, float]:
    """Give the exact and the mid-p value."""
    if n == 0:
        return 1.0, 1.0
    pmf = binomial_pmf(n, null)
    at_least, at_most = float(binomial_tail(x, n, null)), float(binomial_tail(n - x, n, 1.0 - null))
    here = float(pmf[x])
    if alternative == "greater":
        return at_least, max(0.0, at_least - 0.5 * here)
    if alternative == "less":
        return at_most, max(0.0, at_most - 0.5 * here)
    smaller = min(at_least, at_most)
    # a tie of probabilities must not hang on the last digit (R's binom.test uses the same margin)
    margin = 1.0 + 1e-7
    if two_sided == "minimum likelihood":
        exact = float(pmf[pmf <= here * margin].sum())
        mid = exact - 0.5 * float(pmf[(pmf <= here * margin) & (pmf >= here / margin)].sum())
        return min(1.0, exact), min(1.0, mid)
    if two_sided == "central":
        return min(1.0, 2.0 * smaller), min(1.0, 2.0 * smaller - here)
    exact = _acceptability(x, n, null)
    return exact, max(0.0, exact - 0.5 * here)


def _acceptability(x: int, n: int, p: float) -> float:
    """Give Blaker's acceptability: the smaller tail plus the largest opposite one that is no larger."""
    upper = np.asarray(binomial_tail(np.arange(n + 2), n, p))  # upper[y] = P(X >= y)
    lower = np.asarray(binomial_tail(n - np.arange(-1, n + 1), n, 1.0 - p))  # lower[y + 1] = P(X <= y)
    at_least, at_most = upper[x], lower[x + 1]
    margin = 1.0 + 1e-12
    tails, own = (lower, at_least) if at_least <= at_most else (upper, at_most)
    other = tails[tails <= own * margin].max()
    return float(min(1.0, min(at_least, at_most) + other))


def _clopper_pearson(x: int, n: int, level: float) -> tuple[float, float]:
    lower, upper = clopper_pearson(x, n, level)
    return float(lower), float(upper)


def _wilson(x: int, n: int, level: float) -> tuple[float, float]:
    z = normal_quantile(level)
    p, s = x / n, z * z / n
    half = z * np.sqrt(p * (1 - p) / n + s / (4 * n))
    lower, upper = (p + s / 2 - half) / (1 + s), (p + s / 2 + half) / (1 + s)
    # at the ends the formula gives 0 or 1 but for rounding
    return (0.0 if x == 0 else float(lower)), (1.0 if x == n else float(upper))


def _wilson_modified(x: int, n: int, level: float) -> tuple[float, float]:
    lower, upper = _wilson(x, n, level)
    # Brown, Cai and DasGupta 2001, section 4.1.1: the Poisson limit where Wilson's coverage dips
    poisson = -float(np.log(level)) / n
    return (poisson if x == 1 else lower), (1.0 - poisson if x == n - 1 else upper)


def _agresti_coull(x: int, n: int, level: float) -> tuple[float, float]:
    z = normal_quantile(level)
    size = n + z * z
    centre = (x + z * z / 2) / size
    half = z * float(np.sqrt(centre * (1 - centre) / size))
    return max(0.0, centre - half), min(1.0, centre + half)


def _jeffreys(x: int, n: int, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    return float(betaincinv(x + 0.5, n - x + 0.5, tail)), float(betaincinv(x + 0.5, n - x + 0.5, 1 - tail))


def _mid_p_upper(x: int, n: int, tail: float) -> float:
    """Solve P(X < x) + P(X = x) / 2 = tail for the rate."""
    from scipy.special import betainc

    if x == n:
        return 1.0

    def above(p: float) -> float:  # 1 - that probability: increasing in p
        return 0.5 * (float(betainc(x, n - x + 1.0, p)) if x else 1.0) + 0.5 * float(
            betainc(x + 1.0, n - x, p)
        )

    return reach(above, 1 - tail)


def _mid_p(x: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    return 1.0 - _mid_p_upper(n - x, n, tail), _mid_p_upper(x, n, tail)


def _blaker_lower(x: int, n: int, alpha: float) -> float:
    """Find the smallest rate with acceptability of at least alpha.

    Below x / n the acceptability is P(X >= x) + P(X <= y), with y the largest count whose lower tail does
    not exceed P(X >= x). y steps up by one at the rates where the two tails are equal; there the
    acceptability jumps up. Between two jumps it falls, then rises: if it is below alpha at the left end there
    is one crossing at most.
    """
    if x == 0:
        return 0.0

    def tail(p: float) -> float:
        return float(binomial_tail(x, n, p))

    left = 0.0
    for y in range(-1, x):

        def accept(p: float, y: int = y) -> float:
            return tail(p) + float(binomial_tail(n - y, n, 1 - p))

        if y >= 0 and accept(left) >= alpha:
            return left

        def step(p: float, y: int = y) -> float:  # increasing: crosses 0 where y + 1 begins to count
            return tail(p) - float(binomial_tail(n - y - 1, n, 1 - p))

        right = reach(step, 0.0, left)
        if accept(right) >= alpha:
            # accept may fall before it rises: bisection on the sign still ends at the only crossing
            return reach(lambda p: 1.0 if accept(p) >= alpha else 0.0, 1.0, left, right)
        left = right
    return left


def _blaker(x: int, n: int, level: float) -> tuple[float, float]:
    return _blaker_lower(x, n, 1 - level), 1.0 - _blaker_lower(n - x, n, 1 - level)


def _likelihood_upper(x: int, n: int, level: float) -> float:
    """Find the rate above x / n at which twice the log-likelihood has fallen by the chi-squared quantile."""
    from scipy.special import xlog1py, xlogy

    if x == n:
        return 1.0
    p = x / n
    best = float(xlogy(x, p) + xlog1py(n - x, -p))
    drop = normal_quantile(level) ** 2 / 2
    return reach(lambda q: best - float(xlogy(x, q) + xlog1py(n - x, -q)), drop, p, 1.0)


def _likelihood(x: int, n: int, level: float) -> tuple[float, float]:
    return 1.0 - _likelihood_upper(n - x, n, level), _likelihood_upper(x, n, level)


_INTERVALS: Final[dict[str, Callable[[int, int, float], tuple[float, float]]]] = {
    "clopper-pearson": _clopper_pearson,
    "wilson": _wilson,
    "wilson-modified": _wilson_modified,
    "jeffreys": _jeffreys,
    "mid-p": _mid_p,
    "blaker": _blaker,
    "agresti-coull": _agresti_coull,
    "likelihood": _likelihood,
}

"""In which ways can a trial end, and how probable is each?

Input: numbers of patients at the looks with the counts that stop the trial (or any list of endings).
Output: `Outcomes` (every ending with the number of ways to reach it), `Characteristics` (what they add up
to at given rates) and `Design`, the base of every design whose data are a count of responders.
Protocol section: design.
Method: enumeration of paths. An ending at x responders among n patients has probability w p^x (1 - p)^(n -
x), where w counts the orders of outcomes that avoid every earlier stop; w is found once and serves all rates.
Next: `sequential`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.design.counts.rating import RatingError

__all__ = ["Characteristics", "Design", "Outcomes", "binomial_ways", "enumerate_looks"]

MOST_PATIENTS: Final = 1000
"""Above this number the count of paths to an ending leaves the range of a double."""
FUTILITY: Final = -1
EFFICACY: Final = 1
UNDECIDED: Final = 0


@lru_cache(maxsize=2 * MOST_PATIENTS)
def binomial_ways(n: int) -> NDArray[np.float64]:
    """Give the binomial coefficients of n, which are kept and must not be written to.

    Parameters
    ----------
    n : int
        Number of patients, 0 to 1000.

    Returns
    -------
    ndarray of float
        Shape (n + 1,).

    Examples
    --------
    >>> binomial_ways(4).tolist()
    [1.0, 4.0, 6.0, 4.0, 1.0]
    """
    ratio = (n - np.arange(n)) / (1.0 + np.arange(n))
    ways = np.asarray(np.cumprod(np.concatenate(([1.0], ratio))), dtype=float)
    ways = np.rint(ways) if n <= 56 else ways
    ways.flags.writeable = False
    return ways


@dataclass(frozen=True)
class Outcomes:
    """Every way in which a trial can end.

    Attributes
    ----------
    look : ndarray of int
        Position of the look at which it ends, from 0. Not decreasing.
    n, x : ndarray of int
        Patients and responders then.
    ways : ndarray of float
        Orders of outcomes that lead there.
    ways_first : ndarray of float
        Those of them whose first patient is a responder (the numerator of the UMVUE).
    ways_last : ndarray of float
        Those of them whose last patient is a responder (the numerator of the UMVUE given the last look).
    stop : ndarray of int
        1 the null is rejected, -1 it is not (futility), 0 neither.
    looks : int
        Number of looks.
    """

    look: NDArray[np.int64]
    n: NDArray[np.int64]
    x: NDArray[np.int64]
    ways: NDArray[np.float64]
    ways_first: NDArray[np.float64]
    ways_last: NDArray[np.float64]
    stop: NDArray[np.int64]
    looks: int

    @cached_property
    def _log_ways(self) -> NDArray[np.float64]:
        return np.log(self.ways)

    def probabilities(self, p: ArrayLike) -> NDArray[np.float64]:
        """Give the probability of every ending.

        Parameters
        ----------
        p : float or array of float
            True rate.

        Returns
        -------
        ndarray
            Shape (endings, *shape of p).
        """
        check_signature(Outcomes.probabilities, locals())
        rate = np.asarray(p, dtype=float)
        flat = rate.ravel()
        if not ((flat >= 0) & (flat <= 1)).all():
            Checks("probabilities").array("p", p, 0, 1).done()
        with np.errstate(divide="ignore"):
            # a rate of 0 (or 1) leaves the endings with x = 0 (x = n) alone: exp(-1e9 x) is 0 or 1
            log_p = np.maximum(np.log(flat), -1e9)
            log_q = np.maximum(np.log1p(-flat), -1e9)
        exponent = np.multiply.outer(self.x.astype(float), log_p)
        exponent += np.multiply.outer((self.n - self.x).astype(float), log_q)
        exponent += self._log_ways[:, None]
        return np.exp(exponent, out=exponent).reshape(len(self.x), *rate.shape)


def enumerate_looks(
    looks: NDArray[np.int64], futility: NDArray[np.int64], efficacy: NDArray[np.int64]
) -> Outcomes:
    """List the endings of a trial that looks at given numbers of patients.

    Parameters
    ----------
    looks : ndarray of int
        Patients at each look, increasing.
    futility, efficacy : ndarray of int
        Stop at a count at or below, at or above.
    """
    parts: list[tuple[Any, ...]] = []
    ways, first = np.ones(1), np.zeros(1)
    before = 0
    for k, n in enumerate(looks.tolist()):
        step = n - before
        fresh = binomial_ways(step)
        final = np.concatenate(([0.0], np.convolve(ways, binomial_ways(step - 1))))
        if k == 0:
            ways, first = fresh, np.concatenate(([0.0], binomial_ways(step - 1)))
        else:
            ways, first = np.convolve(ways, fresh), np.convolve(first, fresh)
        a, b = int(futility[k]), int(efficacy[k])
        x = np.arange(n + 1)
        stop = np.where(x >= b, EFFICACY, np.where(x <= a, FUTILITY, UNDECIDED))
        ends = (ways > 0) if k == len(looks) - 1 else (stop != UNDECIDED) & (ways > 0)
        parts.append((np.full(int(ends.sum()), k), x[ends], ways[ends], first[ends], final[ends], stop[ends]))
        ways, first = np.where(ends, 0.0, ways), np.where(ends, 0.0, first)
        before = n
    look, x, w, f, g, stop = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Outcomes(look, looks[look], x, w, f, g, stop, len(looks))


@dataclass(frozen=True, repr=False)
class Characteristics(Result):
    """What a design does at given true rates; exact.

    Attributes
    ----------
    p : ndarray
        Rates at which the patients respond (as they are rated).
    stop_futility, stop_efficacy : ndarray
        Probability to stop at each look for futility, for efficacy; shape (looks, *shape of p). The last look
        counts: there the trial ends either way.
    reject : float or ndarray
        Probability to reject the null.
    expected_n, sd_n, median_n : float or ndarray
        Of the number of patients.
    expected_x : float or ndarray
        Expected number of responders (of events, for a safety rule) at the end.
    n : ndarray of int
        Number of patients at each look (the largest, where the second stage's size depends on the first).
    """

    p: NDArray[np.float64]
    stop_futility: NDArray[np.float64]
    stop_efficacy: NDArray[np.float64]
    reject: Any
    expected_n: Any
    sd_n: Any
    median_n: Any
    expected_x: Any
    n: NDArray[np.int64]

    @property
    def stop(self) -> NDArray[np.float64]:
        """Probability to stop at each look, either way; endings that decide nothing are left out."""
        return self.stop_futility + self.stop_efficacy

    def to_frame(self) -> pd.DataFrame:
        """Return one row per rate; one pair of columns per look."""
        import pandas as pd

        columns: dict[str, Any] = {"p": np.atleast_1d(self.p).ravel()}
        for name in ("reject", "expected_n", "sd_n", "median_n", "expected_x"):
            columns[name] = np.atleast_1d(getattr(self, name)).ravel()
        for k in range(len(self.n)):
            columns[f"stop_futility_{k + 1}"] = np.atleast_1d(self.stop_futility[k]).ravel()
            columns[f"stop_efficacy_{k + 1}"] = np.atleast_1d(self.stop_efficacy[k]).ravel()
        return pd.DataFrame(columns)

    def _display(self) -> Display:
        return Display("exact characteristics", table=self.to_frame())


def characteristics_of(outcomes: Outcomes, p: ArrayLike, sizes: NDArray[np.int64]) -> Characteristics:
    """Add up the endings at given rates.

    Parameters
    ----------
    outcomes : Outcomes
        Every ending.
    p : float or array of float
        True rates.
    sizes : ndarray of int
        Number of patients at each look, for the record.
    """
    rate = np.asarray(p, dtype=float)
    probability = outcomes.probabilities(rate).reshape(len(outcomes.x), -1)
    # one product with a matrix of indicators gives every sum at once
    rows = np.arange(outcomes.looks)[:, None] == outcomes.look
    low, high = outcomes.stop == FUTILITY, outcomes.stop == EFFICACY
    n = outcomes.n.astype(float)
    beyond = n - n.min()  # of one size the spread is 0, not the root of a last digit
    weights = np.concatenate([rows & low, rows & high, [n, beyond * beyond, outcomes.x.astype(float)]])
    sums = weights @ probability
    k = outcomes.looks
    futility, efficacy = sums[:k], sums[k : 2 * k]
    # a trial that ends in one way only has that size, whatever the last digit of its probability
    mean = np.clip(sums[2 * k], n.min(), n.max())
    spread = np.sqrt(np.maximum(sums[2 * k + 1] - (mean - n.min()) ** 2, 0.0))
    order = np.argsort(outcomes.n, kind="stable")
    below = np.cumsum(probability[order], axis=0) >= 0.5 - 1e-12
    median = n[order][np.argmax(below, axis=0)]
    shape = rate.shape

    def shaped(values: NDArray[np.float64]) -> Any:
        return values.reshape(shape) if shape else float(values[0])

    return Characteristics(
        p=rate,
        stop_futility=futility.reshape(k, *shape),
        stop_efficacy=efficacy.reshape(k, *shape),
        reject=shaped(efficacy.sum(axis=0)),
        expected_n=shaped(mean),
        sd_n=shaped(spread),
        median_n=shaped(median),
        expected_x=shaped(sums[2 * k + 2]),
        n=sizes,
    )


class Design(Result):
    """Base of the designs whose data are a count of responders.

    A subclass is a frozen dataclass that gives its `outcomes`, the numbers of patients of its looks
    (`look_sizes`) and a `sentence` for the protocol.
    """

    @cached_property
    @abstractmethod
    def outcomes(self) -> Outcomes:
        """Every way in which the trial can end."""

    @property
    @abstractmethod
    def look_sizes(self) -> Sequence[int]:
        """Number of patients at each look."""

    @abstractmethod
    def sentence(self) -> str:
        """Say the design in one sentence for the protocol."""

    def operating_characteristics(
        self, p: ArrayLike, rating_error: RatingError | float | ArrayLike | None = None
    ) -> Characteristics:
        """Give exact probabilities of every stop, and the expected number of patients.

        Parameters
        ----------
        p : float or array of float
            True rates.
        rating_error : RatingError, float or 7 x 7 array, optional
            What the rating makes of the true rate (`rating_error`): a float is the probability that a patient
            without improvement is rated as improved.

        Returns
        -------
        Characteristics
            With `p` the rates as rated.

        Raises
        ------
        ValueError
            If a rate lies outside 0 to 1.
        """
        check_signature(Design.operating_characteristics, locals())
        rate = checked_rates("operating_characteristics", p)
        if rating_error is not None:
            from pnstrial.design.counts.rating import read_rating_error

            error = read_rating_error("operating_characteristics", "rating_error", rating_error)
            rate = error.observed(rate)
        return characteristics_of(self.outcomes, rate, np.asarray(self.look_sizes, dtype=np.int64))

    def reject_probability(self, p: ArrayLike) -> Any:
        """Give the probability to reject the null at given rates.

        Parameters
        ----------
        p : float or array of float
            True rates.

        Returns
        -------
        float or ndarray
        """
        check_signature(Design.reject_probability, locals())
        return self.operating_characteristics(p).reject


def checked_rates(caller: str, p: ArrayLike, name: str = "p") -> NDArray[np.float64]:
    """Read rates, refusing what is none.

    Parameters
    ----------
    caller : str
        Name with which the message begins.
    p : float or array of float
        Rates.
    name : str
        What the caller calls them.

    Returns
    -------
    ndarray of float

    Raises
    ------
    ValueError
        If a rate is not a number from 0 to 1.
    """
    checks = Checks(caller).array(name, p, 0, 1)
    checks.rule(checks.clean and not np.size(p), name, p, "must hold one rate at least").done()
    return np.asarray(p, dtype=float)

"""What does the error of the rating do to a response rate?

Input: how a rater grades a patient of a given true mRS (a 7 x 7 kernel), or directly the probability that a
patient without improvement is rated as improved.
Output: `RatingError` (false improvement, sensitivity), the shipped kernels, and `correct_for_rating` (the
true rate behind an observed one, with an interval).
Protocol section: endpoint.
Method: the observed rate is a mixture, false + (sensitivity - false) x true; its interval is inverted.
Next: `single`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.design.counts.proportion import proportion
from pnstrial.numerics.arguments import Checks, as_array, as_number, display
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Result
from pnstrial.rules import change_category

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RATING_METHODS",
    "CorrectedProportion",
    "RatingError",
    "as_rating_error",
    "correct_for_rating",
    "rating_error",
    "rating_kernel",
]

RATING_METHODS: Final[dict[str, tuple[float, float, float]]] = {
    "conventional": (0.65, 0.32, 0.03),
    "structured": (0.81, 0.19, 0.0),
    "focused": (0.94, 0.06, 0.0),
    "exact": (1.0, 0.0, 0.0),
}
"""Share of pairs of ratings that agree, differ by one grade, by two grades. Conventional: van Swieten, Stroke
1988;19:604-607 (100 patients, two physicians); structured interview: Wilson, Stroke 2005;36:777-781 (81 %
agree; that all others differ by one grade is assumed); Rankin Focused Assessment: 94 % agree, others assumed
likewise."""


def rating_kernel(method: str = "conventional") -> NDArray[np.float64]:
    """Give the probability of each rated grade for each true grade.

    Parameters
    ----------
    method : {"conventional", "structured", "focused", "exact"}
        How the mRS is asked (`RATING_METHODS`).

    Returns
    -------
    ndarray, shape (7, 7)
        Rows true, columns rated; rows add to 1. Differences are shared evenly between up and down; what would
        leave the grades 0-5 is added to the last grade inside; 6 (death) is never mistaken.

    Raises
    ------
    ValueError
        If the method is unknown.

    Examples
    --------
    >>> rating_kernel("conventional")[2].round(3).tolist()
    [0.015, 0.16, 0.65, 0.16, 0.015, 0.0, 0.0]
    """
    Checks("rating_kernel").word("method", method, tuple(RATING_METHODS)).done()
    kernel = np.zeros((7, 7))
    for grade in range(6):
        for distance, share in enumerate(RATING_METHODS[method]):
            for sign in (-1, 1):
                kernel[grade, min(5, max(0, grade + sign * distance))] += share / 2
    kernel[6, 6] = 1.0
    return kernel


@dataclass(frozen=True)
class RatingError(Result):
    """What the rating makes of a patient's true answer.

    Attributes
    ----------
    false_improvement : float
        Probability that a patient without true improvement is rated as improved.
    sensitivity : float
        Probability that a truly improved patient is rated as improved.
    method : str
        Where the two come from.
    """

    false_improvement: float
    sensitivity: float = 1.0
    method: str = "given"

    def observed(self, true_rate: ArrayLike) -> NDArray[np.float64]:
        """Give the rate of patients rated as improved.

        Parameters
        ----------
        true_rate : float or array of float
            Rate of truly improved patients.

        Returns
        -------
        ndarray

        Examples
        --------
        >>> float(RatingError(0.1).observed(0.2))
        0.28
        """
        check_signature(RatingError.observed, locals())
        Checks("observed").array("true_rate", true_rate, 0, 1).done()
        rate = np.asarray(true_rate, dtype=float)
        return np.asarray(rate * self.sensitivity + (1.0 - rate) * self.false_improvement)


def rating_error(
    kernel: ArrayLike | str = "conventional",
    baseline: Mapping[int, float] | None = None,
    unimproved: Mapping[int, float] | None = None,
    improvement: Mapping[int, float] | None = None,
    both_ratings: bool = False,
) -> RatingError:
    """Derive false improvement and sensitivity from a kernel of rating error.

    Parameters
    ----------
    kernel : 7 x 7 array or str
        Probability of each rated grade (column) for each true grade (row), or a name of `RATING_METHODS`.
    baseline : mapping of int to float, optional
        True mRS at baseline with its share; default 2 and 3, half each (the trial's entry criterion).
    unimproved : mapping of int to float, optional
        Change in grades of a patient who did not truly improve (0 or more), with its share; default all 0.
    improvement : mapping of int to float, optional
        Fall in grades of a patient who truly improved (1 or more), with its share; default all 1.
    both_ratings : bool, default False
        False: the kernel is the second rating given the first, as agreement studies report it, so only the
        later rating errs. True: the kernel is a rating given the truth and both ratings err independently.

    Returns
    -------
    RatingError

    Raises
    ------
    ValueError
        If the kernel is no 7 x 7 matrix of probabilities or a share breaks its rule; all are named.

    Notes
    -----
    "Improved" is the trial's own rule, `rules.change_category`, applied to the rated grades. With the kernel
    of agreement a between two ratings and no grade at the end of the scale, false improvement is (1 - a) / 2:
    17.5 % conventional, 9.5 % structured, 3 % focused assessment.

    Examples
    --------
    >>> error = rating_error("conventional")
    >>> round(error.false_improvement, 4), round(error.sensitivity, 4)
    (0.175, 0.825)
    """
    matrix, name = _checked_kernel(kernel)
    at_baseline = _shares("baseline", baseline, {2: 0.5, 3: 0.5}, 0, 5)
    still = _shares("unimproved", unimproved, {0: 1.0}, 0, 6)
    fall = _shares("improvement", improvement, {1: 1.0}, 1, 5)
    grades = np.arange(7)
    improved = np.asarray(change_category(grades[:, None], grades[None, :])) == 0

    def rated_improved(change: dict[int, float]) -> float:
        total = weight = 0.0
        for grade, share in at_baseline.items():
            for step, part in change.items():
                later = grade + step
                if not 0 <= later <= 6:
                    continue
                first = matrix[grade] if both_ratings else np.eye(7)[grade]
                total += share * part * float(first @ improved @ matrix[later])
                weight += share * part
        if weight == 0.0:
            raise ValueError("rating_error: no baseline grade allows the given change; widen one of them")
        return total / weight

    return RatingError(
        false_improvement=rated_improved(still),
        sensitivity=rated_improved({-step: share for step, share in fall.items()}),
        method=name + (", both ratings err" if both_ratings else ", later rating errs"),
    )


def _checked_kernel(kernel: ArrayLike | str) -> tuple[NDArray[np.float64], str]:
    """Read a kernel of rating error."""
    if isinstance(kernel, str):
        return rating_kernel(kernel), kernel
    matrix = as_array(kernel)
    if matrix is None or matrix.shape != (7, 7):
        shape = "" if matrix is None else f" has shape {matrix.shape}; it"
        raise ValueError(
            f"rating_error: kernel = {display(kernel)}{shape} must be 7 x 7 numbers (true x rated mRS) or a name of"
            " `RATING_METHODS`"
        )
    wrong = [
        f"row {row} adds to {total:g}"
        for row, total in enumerate(matrix.sum(axis=1))
        if abs(total - 1) > 1e-9
    ]
    if wrong or (matrix < 0).any():
        reason = "; ".join(wrong) if wrong else "it holds negative numbers"
        raise ValueError(f"rating_error: kernel: {reason}; each row must be probabilities that add to 1")
    return matrix, "kernel"


def _shares(name: str, given: object, default: dict[int, float], low: int, high: int) -> dict[int, float]:
    """Read shares of grades or of changes."""
    if given is None:
        return default
    pairs = list(given.items()) if isinstance(given, Mapping) else []
    read = [(as_number(key), as_number(share)) for key, share in pairs]
    shares = {
        int(k): s for k, s in read if k is not None and k.is_integer() and low <= k <= high and s is not None
    }
    good = (
        len(shares) == len(pairs) > 0 and min(shares.values()) >= 0 and abs(sum(shares.values()) - 1) <= 1e-9
    )
    Checks("rating_error").add(
        not good, f"{name} = {display(given)} must map {low} to {high} to shares that add to 1"
    ).done()
    return shares


def as_rating_error(value: RatingError | float | ArrayLike | str) -> RatingError:
    """Read a rating error however it is given.

    Parameters
    ----------
    value : RatingError, float, str or 7 x 7 array
        A float is the probability of a false improvement; a name or a kernel goes to `rating_error`.

    Returns
    -------
    RatingError

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> as_rating_error(0.03).false_improvement
    0.03
    """
    return read_rating_error("as_rating_error", "value", value)


def read_rating_error(caller: str, name: str, value: object) -> RatingError:
    """Read a rating error, naming function and argument where it is none."""
    if isinstance(value, RatingError):
        return value
    if isinstance(value, str):
        Checks(caller).word(name, value, tuple(RATING_METHODS)).done()
    number = as_number(value)
    if number is None:
        array = as_array(value)
        Checks(caller).add(
            not isinstance(value, str) and (array is None or array.shape != (7, 7)),
            f"{name} = {display(value)} must be a RatingError, a probability from 0 to 1, 7 x 7 probabilities or one of"
            f" {', '.join(map(repr, RATING_METHODS))}",
        ).done()
        return rating_error(cast("ArrayLike | str", value))
    Checks(caller).rate(name, value).done()
    return RatingError(number)


@dataclass(frozen=True)
class CorrectedProportion(Result):
    """The true response rate behind an observed one.

    Attributes
    ----------
    responders, n : int
        Patients rated as improved, and all.
    observed : float or NotEstimable
        responders / n.
    estimate : float or NotEstimable
        True rate; 0 or 1 where the observed rate lies outside what the mixture can give.
    ci : tuple of float or NotEstimable
        Interval of the observed rate, inverted and cut at 0 and 1. Not estimable where the whole interval of
        the observed rate lies outside what the mixture can give.
    excluded_below : float or NotEstimable
        Every true rate below it is excluded at one-sided level (1 + level) / 2: the lower limit. 0 means that
        rating error alone can explain the count.
    p_value_chance : float or NotEstimable
        Exact P(X >= responders) if nobody truly improved and the rating alone made improvements.
    level : float
        Two-sided level of `ci`.
    conf_type : str
        Interval of the observed rate.
    false_improvement, sensitivity : float
        The rating error that was assumed.
    """

    responders: int
    n: int
    observed: float | NotEstimable
    estimate: float | NotEstimable
    ci: tuple[float, float] | NotEstimable
    excluded_below: float | NotEstimable
    p_value_chance: float | NotEstimable
    level: float
    conf_type: str
    false_improvement: float
    sensitivity: float

    @property
    def p_value(self) -> float | NotEstimable:
        """That of the null hypothesis that nobody truly improved: `p_value_chance`."""
        return self.p_value_chance


def correct_for_rating(
    responders: int,
    n: int,
    rating_error: RatingError | float | ArrayLike | str = "conventional",
    level: float = 0.95,
    conf_type: str = "clopper-pearson",
) -> CorrectedProportion:
    """Correct an observed response rate for the error of the rating.

    Parameters
    ----------
    responders, n : int
        Patients rated as improved, and all.
    rating_error : RatingError, float, str or 7 x 7 array
        The rating error (`as_rating_error`).
    level : float, default 0.95
        Two-sided level.
    conf_type : str
        Interval of the observed rate (`proportion`).

    Returns
    -------
    CorrectedProportion

    Raises
    ------
    ValueError
        If a count or the rating error breaks its rule, or the sensitivity does not exceed false improvement
        (the rating then says nothing about improvement).

    Notes
    -----
    Observed rate q = f + (s - f) p with false improvement f and sensitivity s (Rogan WJ, Gladen B. Am J
    Epidemiol 1978;107:71-76). f and s count as known; an interval with exact coverage for q has it for p,
    because q increases with p.

    Examples
    --------
    >>> result = correct_for_rating(5, 17, rating_error=0.175)
    >>> round(result.estimate, 3), tuple(round(limit, 3) for limit in result.ci)
    (0.144, (0.0, 0.466))
    """
    rating = read_rating_error("correct_for_rating", "rating_error", rating_error)
    false, sensitivity = rating.false_improvement, rating.sensitivity
    gain = sensitivity - false
    if gain <= 0:
        raise ValueError(
            f"correct_for_rating: sensitivity = {sensitivity:g} must exceed false improvement = {false:g};"
            " a rating that finds improvement no more often where it is says nothing about it"
        )
    seen = proportion(responders, n, null=false, level=level, conf_type=conf_type)
    fields: dict[str, Any] = {
        "responders": seen.responders,
        "n": seen.n,
        "observed": seen.estimate,
        "level": seen.level,
        "conf_type": seen.conf_type,
        "false_improvement": false,
        "sensitivity": sensitivity,
    }
    if isinstance(seen.estimate, NotEstimable) or isinstance(seen.ci, NotEstimable):
        none = NotEstimable("no patient in the denominator")
        return CorrectedProportion(**fields, estimate=none, ci=none, excluded_below=none, p_value_chance=none)
    raw = [(limit - false) / gain for limit in (seen.estimate, *seen.ci)]
    estimate, lower, upper = (min(1.0, max(0.0, value)) for value in raw)
    ci: tuple[float, float] | NotEstimable = (lower, upper)
    if raw[2] < 0 or raw[1] > 1:
        ci = NotEstimable("the observed rate contradicts the rating error that was assumed")
    return CorrectedProportion(
        **fields,
        estimate=estimate,
        ci=ci,
        excluded_below=lower if isinstance(ci, tuple) else ci,
        p_value_chance=1.0 if seen.p_value is None else seen.p_value,
    )

"""How often is a patient given another grade than the true one?

Input: how often two independent raters of the same patient agree, as reliability studies publish it.
Output: `RatingError`: for each true grade the probabilities of each rating, for one rating.
Protocol section: none; it acts on every rating that baseline, decision and endpoint use.
Method: the kernel is solved in closed form from the agreement of pairs (van Swieten, Stroke 1988;19:604-607:
65 % equal, 32 % one grade apart, 3 % two, of 100 patients rated by two physicians).
Next: `calibration`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from pnstrial.multistate.course import GRADES
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.numerics.arguments import Numbers

__all__ = ["RatingError", "normal_cells"]

_EPS: Final = 1e-12
_NEVER: Final = 1e-9


@dataclass(frozen=True, eq=False)
class RatingError(Result):
    """The error of a rating: probabilities of each rating given the true grade.

    Make one with `from_agreement`, `from_sd` or a named constructor (`unstructured`, `structured`, `focused`,
    `same_rater`, `none`), or from a kernel of your own. Grades are numbered from the best one of a scale; by default
    they are those of the mRS, 0-5.

    Parameters
    ----------
    kernel : array of shape (k + 1, k + 1)
        Row: true grade; column: rating; death last (7 x 7 for the mRS). Rows sum to 1. Death is never misrated: the
        last row and column are 0 but for a 1 in the corner.
    persistence : float, default 0
        Probability that a later rating of the same patient repeats the deviation (rating minus true grade)
        of the one before, instead of a fresh draw from `kernel`; 0 for independent raters. See `same_rater`.
    method : str
        How the kernel was made.
    grades : tuple of float, optional
        Distribution of the true grades over which the agreement is averaged; default uniform.

    Raises
    ------
    ValueError
        If the kernel is not square, a row does not sum to 1, an entry is negative, death is misrated, the
        persistence is no probability, or the grades are no distribution.

    Examples
    --------
    >>> error = RatingError.unstructured()
    >>> error.kernel[3].round(3).tolist()
    [0.0, 0.0, 0.1, 0.8, 0.1, 0.0, 0.0]
    >>> [round(float(share), 6) for share in error.agreement()[:3]]
    [0.65, 0.32, 0.03]
    """

    kernel: NDArray[np.float64] = field(repr=False)
    persistence: float = 0.0
    method: str = "given kernel"
    grades: tuple[float, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        kernel = np.array(self.kernel, float)
        if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or len(kernel) < 3:
            raise ValueError(
                f"RatingError: kernel has shape {kernel.shape}; it must be square, one row per grade and one for"
                " death"
            )
        k = len(kernel) - 1
        if not np.all(np.isfinite(kernel)) or kernel.min() < 0:
            raise ValueError(
                "RatingError: kernel holds a negative or non-finite entry; it holds probabilities"
            )
        if wrong := [g for g in range(k + 1) if abs(kernel[g].sum() - 1) > 1e-9]:
            sums = ", ".join(f"row {g} sums to {kernel[g].sum():.6g}" for g in wrong)
            raise ValueError(f"RatingError: {sums}; each row of the kernel must sum to 1")
        if kernel[k, k] != 1 or kernel[:k, k].any():
            raise ValueError(
                f"RatingError: death is never misrated: kernel[{k}, {k}] must be 1 and kernel[0:{k}, {k}] all 0"
            )
        if not 0 <= self.persistence <= 1:
            raise ValueError(f"RatingError: persistence is {self.persistence}; it must be from 0 to 1")
        kernel.flags.writeable = False
        object.__setattr__(self, "kernel", kernel)
        object.__setattr__(
            self, "grades", _distribution((1 / k,) * k if self.grades is None else self.grades, k)
        )

    @property
    def living(self) -> int:
        """Number of living grades."""
        return len(self.kernel) - 1

    @classmethod
    def from_agreement(
        cls,
        exact: float,
        one: float | None = None,
        two: float | None = None,
        *,
        grades: Numbers | int = GRADES,
        lean: Literal["worse", "better"] = "worse",
    ) -> RatingError:
        r"""Solve the kernel of one rating from the agreement of two independent raters.

        Parameters
        ----------
        exact, one, two : float
            Shares of patients whom two raters give the same grade, grades that differ by exactly one, by
            exactly two; they add to 1. One of `one` and `two` left out is what remains. With `exact` alone only
            neighbouring grades are confused, as often upwards as downwards.
        grades : int or sequence of float, default 6
            How many living grades the scale has, or the distribution of the true grades among the patients rated,
            over which the shares are averaged.
        lean : {'worse', 'better'}, default 'worse'
            Where the shares leave no symmetric kernel: the direction of the more frequent error of the
            grades that have both neighbours.

        Returns
        -------
        RatingError
            With independent ratings (`persistence` 0). Averaged over `grades` two ratings agree as given,
            to rounding.

        Raises
        ------
        ValueError
            If a share is not from 0 to 1, they do not add to 1, or no kernel whose most frequent rating is
            the true grade gives them.

        Notes
        -----
        Assumptions: both raters have the same kernel and err independently given the true grade; a rating is
        at most two grades off, and two ratings at most two apart. Agreement of pairs does not determine the
        kernel; this one is chosen as follows.

        - One row over three neighbouring grades with probability :math:`q` on the middle one and
          :math:`p, r` on the others gives
          :math:`P(|d| = 1) = 2 q (1 - q)`, :math:`P(|d| = 2) = 2 p r`, :math:`P(d = 0) = p^2 + q^2 + r^2`.
          Every grade gets the same share of differences of one, so :math:`s = (1 - \sqrt{1 - 2\,one}) / 2` is
          the probability of being one grade off.
        - Grades with two neighbours (1-4 of the mRS): the true grade is the middle one, :math:`q = 1 - s`, and
          :math:`p + r = s` with
          :math:`p = r = s / 2` (unbiased) if `two` is at least :math:`s^2 / 2`, the most that such a row
          gives. Below that :math:`p r = two / 2` (the two sides differ, `lean` says which is larger; with
          `two` 0 every error goes the same way, since two ratings must never be two grades apart).
        - The two ends (0 and 5) can err in one direction only: the true grade, its neighbour (:math:`s`) and the
          next one, with as many differences of two as the average over `grades` still lacks.
        - If the ends cannot make that up (they are rare), all grades take the one-sided form and each
          agrees exactly as given.

        In every grade the chance that one rating is lower than the other is half the disagreement.

        Examples
        --------
        >>> RatingError.from_agreement(0.65, 0.32, 0.03).kernel[:6, :6].round(3)
        array([[0.767, 0.2  , 0.033, 0.   , 0.   , 0.   ],
               [0.1  , 0.8  , 0.1  , 0.   , 0.   , 0.   ],
               [0.   , 0.1  , 0.8  , 0.1  , 0.   , 0.   ],
               [0.   , 0.   , 0.1  , 0.8  , 0.1  , 0.   ],
               [0.   , 0.   , 0.   , 0.1  , 0.8  , 0.1  ],
               [0.   , 0.   , 0.   , 0.033, 0.2  , 0.767]])
        >>> RatingError.from_agreement(0.8, 0.3, 0.1)
        Traceback (most recent call last):
        ...
        ValueError: RatingError: exact 0.8, one 0.3 and two 0.1 add to 1.2; they must add to 1
        """
        check_signature(RatingError.from_agreement, locals())
        weights = _grades(grades)
        if lean not in {"worse", "better"}:
            raise ValueError(f"RatingError: lean is {lean!r}; allowed are 'worse' and 'better'")
        named = {"exact": exact, "one": one, "two": two}
        for name, share in named.items():
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"RatingError: {name} is {share}; a share must be from 0 to 1")
        if one is None and two is None:
            kernel = _neighbours_only(exact, len(weights))
            words = f"{exact:g} exact, neighbouring grades only"
        else:
            one, two = _complete(exact, one, two)
            kernel = _solve(one, two, np.array(weights), up=lean == "worse")
            words = f"{exact:g} exact, {one:g} one apart, {two:g} two apart"
        return cls(kernel, method=f"two independent raters: {words}", grades=weights)

    @classmethod
    def unstructured(cls, grades: Numbers | int = GRADES) -> RatingError:
        """Two raters without a structured interview: 65 % equal, 32 % one apart, 3 % two (van Swieten 1988).

        Parameters
        ----------
        grades : int or sequence of float, default 6
            As in `from_agreement`; on another scale than the mRS the agreement is an assumption.

        Returns
        -------
        RatingError
        """
        return cls.from_agreement(0.65, 0.32, 0.03, grades=grades)

    @classmethod
    def structured(cls, grades: Numbers | int = GRADES) -> RatingError:
        """Two raters with the structured interview: 81 % equal (Wilson et al. Stroke 2005;36:777-781).

        The split of the other 19 % is not published: neighbouring grades only, symmetric (assumed).

        Parameters
        ----------
        grades : int or sequence of float, default 6
            As in `from_agreement`.

        Returns
        -------
        RatingError
        """
        return cls.from_agreement(0.81, grades=grades)

    @classmethod
    def focused(cls, grades: Numbers | int = GRADES) -> RatingError:
        """Two raters with the Rankin Focused Assessment: 94 % equal (Saver et al. Stroke 2010;41:992-995).

        The split of the other 6 % is not published: neighbouring grades only, symmetric (assumed).

        Parameters
        ----------
        grades : int or sequence of float, default 6
            As in `from_agreement`.

        Returns
        -------
        RatingError
        """
        return cls.from_agreement(0.94, grades=grades)

    @classmethod
    def none(cls, grades: Numbers | int = GRADES) -> RatingError:
        """Every rating is the true grade.

        Parameters
        ----------
        grades : int or sequence of float, default 6
            As in `from_agreement`.

        Returns
        -------
        RatingError
        """
        weights = _grades(grades)
        return cls(np.eye(len(weights) + 1), method="no rating error", grades=weights)

    @classmethod
    def from_sd(cls, sd: float, grades: Numbers | int = GRADES) -> RatingError:
        """Rate with a normal error, rounded to the next grade and cut at the ends of the scale and below 1e-9.

        For scales of many grades, where studies publish the standard error of measurement and no agreement.

        Parameters
        ----------
        sd : float
            Standard deviation of one rating around the true grade, in grades.
        grades : int or sequence of float, default 6
            As in `from_agreement`.

        Returns
        -------
        RatingError

        Raises
        ------
        ValueError
            If sd is negative or not finite.

        Examples
        --------
        >>> RatingError.from_sd(0.8, 13).kernel[4, 2:7].round(3).tolist()
        [0.03, 0.236, 0.468, 0.236, 0.03]
        """
        weights = _grades(grades)
        if not 0 <= sd < np.inf:
            raise ValueError(f"RatingError: sd is {sd}; it must be 0 or more, and finite")
        k = len(weights)
        kernel = np.eye(k + 1)
        if sd > 0:
            cells = normal_cells(np.arange(k), np.arange(k), sd)
            cells[cells < _NEVER] = 0.0  # errors that never happen would all have to be followed
            kernel[:k, :k] = cells / cells.sum(axis=1, keepdims=True)
        return cls(kernel, method=f"normal error, sd {sd:g} grades", grades=weights)

    @classmethod
    def same_rater(cls, within: float, between: RatingError | None = None) -> RatingError:
        """One rater sees the patient at every visit: part of the error repeats itself.

        Parameters
        ----------
        within : float
            Share of unchanged patients to whom a rater gives the same grade again.
        between : RatingError, optional
            Error of independent raters of that kind; default `unstructured`.

        Returns
        -------
        RatingError
            The kernel of `between`, with `persistence` so that ratings of an unchanged patient agree in
            `within`: persistence = (within - exact) / (1 - exact).

        Raises
        ------
        ValueError
            If `within` is over 1 or below the agreement of independent raters.

        Examples
        --------
        >>> RatingError.same_rater(0.86).persistence.__round__(3)
        0.6
        """
        check_signature(RatingError.same_rater, locals())
        base = between if between is not None else cls.unstructured()
        exact = float(base.agreement()[0])
        if not exact - _EPS <= within <= 1:
            raise ValueError(
                f"RatingError: within is {within}; it must be from {exact:.4g} (two independent raters) to 1"
            )
        persistence = 0.0 if exact >= 1 else min(max((within - exact) / (1 - exact), 0.0), 1.0)
        return cls(
            base.kernel,
            persistence=persistence,
            method=f"same rater, {within:g} exact with herself; {base.method}",
            grades=base.grades,
        )

    @cached_property
    def next_rating(self) -> NDArray[np.float64]:
        """Probabilities of the next rating given the true grade and rating before and the true grade now.

        Axes: true grade before, rating before, true grade now, rating now; the last axis sums to 1. With
        `persistence` 0 it is the kernel of the true grade now. A repeated deviation that would leave the living
        grades stops at their end.
        """
        k = self.living
        before, rated, now = np.ogrid[: k + 1, : k + 1, : k + 1]
        repeat = np.clip(now + rated - before, 0, k - 1)
        repeat = np.where(now == k, k, repeat)
        # A death before, or a rating of death, has no deviation to repeat.
        fresh = (before == k) | (rated == k)
        carried = np.where(fresh, 0.0, self.persistence)[..., None]
        table = carried * np.eye(k + 1)[repeat] + (1 - carried) * self.kernel[now]
        table.flags.writeable = False
        return table

    def agreement(self, grades: Numbers | None = None) -> NDArray[np.float64]:
        """Give how two independent ratings of the same true grade differ.

        Parameters
        ----------
        grades : sequence of float, optional
            Distribution of the true grades; default the one of the kernel.

        Returns
        -------
        array of shape (grades,)
            Probability of a difference of 0, 1, 2, ... grades.

        Raises
        ------
        ValueError
            If the grades are no distribution.
        """
        check_signature(RatingError.agreement, locals())
        weights = np.array(self.grades if grades is None else _distribution(grades, self.living))
        return np.array(weights @ self.agreement_by_grade())

    def agreement_by_grade(self) -> NDArray[np.float64]:
        """Give how two independent ratings differ, for each true grade.

        Returns
        -------
        array of shape (grades, grades)
            Row: true grade; column: probability of a difference of 0, 1, 2, ... grades.
        """
        k = self.living
        K = self.kernel[:k, :k]
        both = K[:, :, None] * K[:, None, :]
        apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
        return np.stack([both[:, apart == d].sum(axis=-1) for d in range(k)], axis=-1)

    def chance_improvement(self) -> NDArray[np.float64]:
        """Give the probability that an unchanged patient's second rating is lower than the first.

        Returns
        -------
        array of shape (grades,)
            By true grade; the probability of seeming worse is the same.

        Examples
        --------
        >>> RatingError.from_agreement(0.65, 0.32, 0.03).chance_improvement().round(3).tolist()
        [0.185, 0.17, 0.17, 0.17, 0.17, 0.185]
        """
        return (1 - self.persistence) * (1 - self.agreement_by_grade()[:, 0]) / 2

    def to_frame(self) -> pd.DataFrame:
        """Return the kernel as a tidy frame with the columns true_mrs, rated_mrs, probability."""
        import pandas as pd

        size = self.living + 1
        true, rated = np.divmod(np.arange(size**2), size)
        return pd.DataFrame({"true_mrs": true, "rated_mrs": rated, "probability": self.kernel.ravel()})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RatingError):
            return NotImplemented
        return self.persistence == other.persistence and bool(np.array_equal(self.kernel, other.kernel))

    def __hash__(self) -> int:
        return hash((self.persistence, self.kernel.tobytes()))


def normal_cells(centres: NDArray[Any], scores: NDArray[Any], sd: Numbers) -> NDArray[np.float64]:
    """Give the chance of each of some rising scores for normal variables that are rounded to the nearest one.

    Parameters
    ----------
    centres : ndarray, shape (n,)
        Means.
    scores : ndarray, shape (m,)
        Rising; what lies beyond the first or last is counted there.
    sd : float or ndarray of shape (n,)
        Over 0.

    Returns
    -------
    ndarray, shape (n, m)
        Rows sum to 1.
    """
    from scipy.special import ndtr

    between = (np.asarray(scores, float)[1:] + np.asarray(scores, float)[:-1]) / 2
    below = ndtr((between[None, :] - np.asarray(centres, float)[:, None]) / np.reshape(sd, (-1, 1)))
    ends = np.zeros((len(below), 1))
    cells = np.diff(np.concatenate([ends, below, ends + 1], axis=1), axis=1)
    return cells / cells.sum(axis=1, keepdims=True)


def _grades(grades: Numbers | int) -> tuple[float, ...]:
    """Turn a number of grades into their uniform distribution; check one that is given."""
    if isinstance(grades, int):
        if not 2 <= grades <= 200:
            raise ValueError(f"RatingError: grades is {grades}; a scale has 2 to 200 living grades")
        return (1 / grades,) * grades
    return _distribution(grades)


def _distribution(grades: Any, k: int | None = None) -> tuple[float, ...]:
    """Return the distribution of the grades, checked."""
    weights = np.asarray(grades, float)
    size = weights.size if k is None else k
    if weights.shape != (size,) or size < 2 or not np.all(np.isfinite(weights) & (weights >= 0)):
        raise ValueError(
            f"RatingError: grades must be {'a list of' if k is None else k} probabilities, one per living grade"
            f"; got {weights.tolist()}"
        )
    if abs(weights.sum() - 1) > 1e-9:
        raise ValueError(f"RatingError: grades sum to {weights.sum():.6g}; probabilities must sum to 1")
    return tuple(float(weight) for weight in weights / weights.sum())


def _complete(exact: float, one: float | None, two: float | None) -> tuple[float, float]:
    """Fill in the share that was left out and check that the three add to 1."""
    if one is None:
        one = 1 - exact - (two or 0.0)
    if two is None:
        two = 1 - exact - one
    total = exact + one + two
    if abs(total - 1) > 1e-9 or min(one, two) < -1e-9:
        advice = "; count differences of more than two grades with those of two" if total < 1 else ""
        raise ValueError(
            f"RatingError: exact {exact:g}, one {one:g} and two {two:g} add to {total:g}; "
            f"they must add to 1{advice}"
        )
    return max(one, 0.0), max(two, 0.0)


def _neighbours_only(exact: float, k: int) -> NDArray[np.float64]:
    """Solve the symmetric kernel that confuses neighbours only, each of k grades agreeing in `exact`."""
    if exact < 0.5:
        raise ValueError(
            f"RatingError: exact is {exact:g}; grades 0 and {k - 1}, confused with one neighbour only, agree in at "
            f"least 0.5: give one and two as well"
        )
    inner = (1 - sqrt(1 - 1.5 * (1 - exact))) / 3  # (1-2a)^2 + 2a^2 = exact
    edge = (1 - sqrt(max(2 * exact - 1, 0.0))) / 2  # (1-b)^2 + b^2 = exact
    kernel = np.eye(k + 1)
    for grade in range(k):
        sides = [other for other in (grade - 1, grade + 1) if 0 <= other < k]
        share = inner if len(sides) == 2 else edge
        kernel[grade, sides] = share
        kernel[grade, grade] = 1 - share * len(sides)
    return kernel


def _solve(one: float, two: float, weights: NDArray[np.float64], *, up: bool) -> NDArray[np.float64]:
    """Solve the kernel for the shares of pairs one and two grades apart (see `from_agreement`)."""
    if one > 0.5:
        raise ValueError(
            f"RatingError: one is {one:g}; two raters with one kernel cannot differ by one in more than 0.5"
        )
    k = weights.size
    if k < 3:
        raise ValueError("RatingError: a scale of two grades knows no ratings two apart; give exact alone")
    off = (1 - sqrt(1 - 2 * one)) / 2
    most = off**2 / 2  # of pairs two apart, in a row with the true grade in the middle
    edges = float(weights[0] + weights[-1])
    if two <= most + _EPS:
        middle_two, edge_two, middle_fits = min(two, most), two, True
    else:
        shortfall = two - (1 - edges) * most
        edge_two = shortfall / edges if edges > 0 else np.inf
        # An error of two grades must not be more frequent than one of a single grade.
        middle_two, middle_fits = most, edge_two <= 2 * off * (1 - 2 * off) + _EPS
    kernel = np.eye(k + 1)
    if middle_fits:
        for grade in range(1, k - 1):
            low, high = _split(off, middle_two)
            kernel[grade, grade - 1 : grade + 2] = (low, 1 - off, high) if up else (high, 1 - off, low)
        outer, directions = edge_two, ((0, 1), (k - 1, -1))
    else:
        # the way of the more frequent error, where two more grades lie on that side
        inner = [(g, 1 if (g + 2 < k if up else g < 2) else -1) for g in range(1, k - 1)]
        outer, directions = two, ((0, 1), (k - 1, -1), *inner)
    far, own = _split(1 - off, outer)
    if not middle_fits and k == 3:
        raise ValueError("RatingError: three grades cannot have so many ratings two apart; lower two")
    bound = (1 - off) ** 2 / 2 if off <= 1 / 3 else max(2 * off * (1 - 2 * off), 0.0)
    if outer > bound + _EPS:
        raise ValueError(
            f"RatingError: one {one:g} and two {two:g} cannot be reached by two independent raters who are most "
            f"often right: with one {one:g}, two can be at most {bound:.4g}"
        )
    for grade, step in directions:
        kernel[grade] = 0
        kernel[grade, [grade, grade + step, grade + 2 * step]] = own, off, far
    return kernel


def _split(total: float, apart: float) -> tuple[float, float]:
    """Split a probability in two, the smaller first, so that two draws fall on different sides in `apart`."""
    root = sqrt(max(total**2 - 2 * apart, 0.0))
    larger = (total + root) / 2
    # The product of the two is apart / 2; dividing by the larger keeps the smaller exact.
    return (apart / (2 * larger) if larger > 0 else 0.0), larger

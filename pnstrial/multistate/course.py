"""How fast do patients improve, worsen and die, and what changes it?

Input: rates per month by grade, best grade first; rate ratios for IVIg, antibody, tumour treatment, time since onset.
Output: `Course` (frozen, read from TOML) and `generator`, the matrix of rates of a patient at a time.
Protocol section: none; treatment and decision say only which generator rules which interval.
Method: continuous-time Markov process on the k grades of a scale and death, one-grade steps, death (last) absorbing;
ratios multiply. Rates are given grade by grade, or by few numbers: one for all grades, or a line over them.
Next: `process`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from pnstrial.numerics.signatures import check_signature
from pnstrial.settings import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.arguments import Numbers

__all__ = [
    "GRADES",
    "Course",
    "Damage",
    "Frailty",
    "OnsetBand",
    "PatientClass",
    "RateRatios",
    "generator",
    "rates_by_grade",
]

GRADES: Final = 6
"""Number of living grades where nothing else says so: those of the mRS, 0-5; 6 is death."""

Ratio = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(ge=0, le=1e4)]
Rates = Annotated[tuple[Rate, ...], Field(min_length=2)]


def rates_by_grade(given: object, grades: int) -> object:
    """Give one number per grade where few stand for all.

    Parameters
    ----------
    given : float, dict or list
        One number for all grades; ``{"best": ..., "worst": ...}``, a line from the best to the worst grade; or one
        number for each, best grade first.
    grades : int
        Living grades.

    Returns
    -------
    list of float
        What is none of the first two is given back as it is, to be checked by its owner.

    Examples
    --------
    >>> rates_by_grade({"best": 0.1, "worst": 0.4}, 4)
    [0.1, 0.2, 0.3, 0.4]
    >>> rates_by_grade(0.5, 3)
    [0.5, 0.5, 0.5]
    """
    if isinstance(given, dict):
        line = cast("dict[str, object]", given)
        if set(line) != {"best", "worst"} or not all(_is_number(end) for end in line.values()):
            raise ValueError(
                f"{line} must be {{best = ..., worst = ...}}, the numbers of the two ends of the scale"
            )
        best, worst = (float(cast("float", line[end])) for end in ("best", "worst"))
        return [float(f"{best + (worst - best) * g / (grades - 1):.12g}") for g in range(grades)]
    return [float(cast("float", given))] * grades if _is_number(given) else given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class RateRatios(Part):
    """Three rate ratios: by what a circumstance multiplies the rates to improve, to worsen and to die.

    Parameters
    ----------
    improve, worsen, die : float, default 1
        Rate ratios, 0 or more; 1 changes nothing.
    """

    improve: Ratio = 1.0
    worsen: Ratio = 1.0
    die: Ratio = 1.0

    def as_array(self) -> NDArray[np.float64]:
        """Return improve, worsen, die as an array of three."""
        return np.array([self.improve, self.worsen, self.die])


class OnsetBand(RateRatios):
    """Rate ratios that hold from a time since symptom onset on, until the next band begins.

    Parameters
    ----------
    from_months : float
        Months since symptom onset at which the band begins.
    improve, worsen, die : float, default 1
        Rate ratios within the band.
    """

    from_months: float = Field(ge=0)


class Damage(RateRatios):
    """Damage that is not undone: from then on the rates have these ratios, for good.

    Parameters
    ----------
    per_month : float
        Rate at which it comes.
    share : float, default 0
        Share of the patients who have it on day 1.
    improve, worsen, die : float, default 0, 0, 1
        By default a plateau: the patient stays in the grade, and only dies from it.
    """

    per_month: Rate = 0.0
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    improve: Ratio = 0.0
    worsen: Ratio = 0.0


class PatientClass(RateRatios):
    """A class of patients, such as fast and slow courses.

    Parameters
    ----------
    name : str
    share : float
        Share of the patients; those of all classes add to 1.
    improve, worsen, die : float, default 1
        Rate ratios of the class.
    """

    name: str = Field(min_length=1)
    share: Annotated[float, Field(ge=0, le=1)]


_SURVIVAL_WITHIN: Final = 0.005


class Frailty(Part):
    """Patients differ: some of their rates are multiplied by a gamma variable of mean 1.

    Parameters
    ----------
    variance : float
        Of the gamma variable.
    of : tuple of str
        Which rates: improve, worsen, die.
    nodes : int, optional
        The gamma distribution is the discrete one of Gauss's quadrature, with the same first 2 x nodes - 1 moments. By
        default so many, from 6 to 20, that survival is within 0.005 of the gamma variable's up to a cumulative rate of
        5; above a variance of 3 twenty are not quite enough.
    """

    variance: Annotated[float, Field(gt=0, le=10)]
    of: tuple[Literal["improve", "worsen", "die"], ...] = Field(default=("worsen", "die"), min_length=1)
    nodes: Annotated[int, Field(ge=2, le=20)] | None = None

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the values of the discrete distribution, whose mean is 1, and their probabilities."""
        from scipy.special import roots_genlaguerre

        rates = np.linspace(0, 5, 51)
        wanted = (1 + self.variance * rates) ** (-1 / self.variance)
        values = weights = np.ones(1)
        for nodes in range(6, 21) if self.nodes is None else (self.nodes,):
            values, weights = roots_genlaguerre(nodes, 1 / self.variance - 1)
            values, weights = values * self.variance, weights / weights.sum()
            survival = np.exp(-np.outer(rates, values)) @ weights
            if np.abs(survival - wanted).max() < _SURVIVAL_WITHIN:
                break
        return values, weights


class Course(Part):
    """The natural history and its modifiers: rates per month by grade, and rate ratios.

    The grades are the living ones of a scale, numbered from the best (0), whichever direction its scores take; on the
    mRS the number is the grade.

    Parameters
    ----------
    improve : sequence of float
        Rate per month of going to the next better grade, for each grade from the best on; the first must be 0. One
        number stands for all grades, ``{"best": ..., "worst": ...}`` for a line over them (`rates_by_grade`); the
        grade that cannot improve then has 0.
    worsen : sequence of float
        The same to the next worse grade; the last must be 0 (from the worst grade the next step is death, which is
        `die`).
    die : sequence of float
        Rate per month of dying, for each grade.
    grades : int, default 6
        Living grades; needed only where no rates are given grade by grade.
    ivig : RateRatios
        While the patient is on IVIg.
    antibody : dict of str to RateRatios
        By the name of the antibody; one that is not named has ratio 1.
    tumour_treatment : RateRatios
        While the tumour is treated.
    rescue : RateRatios
        From the start of rescue immunotherapy on.
    damage : Damage, optional
        Damage that is not undone.
    classes : tuple of PatientClass
        Patients with rates of their own.
    frailty : Frailty, optional
        Patients whose rates differ by a gamma variable.
    onset : tuple of OnsetBand
        By time since symptom onset, in increasing order of `from_months`; before the first band the
        ratio is 1.
    ivig_since_onset : tuple of OnsetBand
        While the patient is on IVIg, by time since symptom onset: how much of its effect is left. Multiplies `ivig`.

    Raises
    ------
    pydantic.ValidationError
        A `ValueError`: a rate or ratio that is negative or not finite, rates for different numbers of grades, a rate
        to leave the scale, an antibody without a name, bands out of order; every wrong key at once.

    Examples
    --------
    >>> course = Course(
    ...     improve=(0, 0.02, 0.02, 0.02, 0.01, 0.01),
    ...     worsen=(0.05, 0.05, 0.10, 0.10, 0.10, 0),
    ...     die=(0.01, 0.01, 0.02, 0.03, 0.06, 0.10),
    ...     ivig={"worsen": 0.6},
    ... )
    >>> generator(course, on_ivig=True)[2].round(3).tolist()
    [0.0, 0.02, -0.1, 0.06, 0.0, 0.0, 0.02]

    A course is also a table of a TOML file, read with ``Course(**table)``:

    >>> import tomllib
    >>> text = '''
    ... improve = [0, 0.1, 0.1, 0.1, 0.1, 0.1]
    ... worsen = [0.1, 0.1, 0.1, 0.1, 0.1, 0]
    ... die = [0, 0, 0, 0, 0, 0.2]
    ... [antibody.Yo]
    ... improve = 0.5
    ... '''
    >>> Course(**tomllib.loads(text)).antibody["Yo"].improve
    0.5

    On a scale of 13 grades, by few numbers:

    >>> longer = Course(grades=13, improve=0.05, worsen=0.1, die={"best": 0, "worst": 0.24})
    >>> longer.improve[:2], longer.worsen[-2:], longer.die[1]
    ((0.0, 0.05), (0.1, 0.0), 0.02)
    """

    grades: Annotated[int, Field(ge=2, le=200)] = GRADES
    improve: Rates
    worsen: Rates
    die: Rates
    ivig: RateRatios = RateRatios()
    antibody: dict[Annotated[str, Field(min_length=1)], RateRatios] = Field(default_factory=dict)
    tumour_treatment: RateRatios = RateRatios()
    rescue: RateRatios = RateRatios()
    damage: Damage | None = None
    classes: tuple[PatientClass, ...] = ()
    frailty: Frailty | None = None
    onset: tuple[OnsetBand, ...] = ()
    ivig_since_onset: tuple[OnsetBand, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _few_numbers(cls, content: Any) -> Any:
        """Turn one number, or a line, into a rate per grade."""
        if not isinstance(content, dict):
            return content
        given = dict(cast("dict[str, Any]", content))
        listed = [
            len(given[name])
            for name in ("improve", "worsen", "die")
            if isinstance(given.get(name), list | tuple)
        ]
        grades = given.setdefault("grades", listed[0] if listed else GRADES)
        if isinstance(grades, int) and grades > 1:
            for name in ("improve", "worsen", "die"):
                few = not isinstance(given.get(name), list | tuple)
                rates = rates_by_grade(given.get(name), grades)
                if few and isinstance(rates, list):
                    rates = [0.0, *rates[1:]] if name == "improve" else rates
                    rates = [*rates[:-1], 0.0] if name == "worsen" else rates
                if rates is not None:
                    given[name] = rates
        return given

    @model_validator(mode="after")
    def _stays_on_the_scale(self) -> Self:
        wrong = [
            f"{name} has {len(getattr(self, name))} rates; allowed are {self.grades}, one per living grade"
            for name in ("improve", "worsen", "die")
            if len(getattr(self, name)) != self.grades
        ]
        if self.improve[0] != 0:
            wrong.append(f"improve[0] is {self.improve[0]:g}: grade 0 cannot improve, its rate must be 0")
        if self.worsen[-1] != 0:
            last = len(self.worsen) - 1
            wrong.append(
                f"worsen[{last}] is {self.worsen[-1]:g}: after grade {last} comes death, put its rate in die[{last}]"
            )
        for name in ("onset", "ivig_since_onset"):
            starts = [band.from_months for band in getattr(self, name)]
            if any(later <= earlier for earlier, later in pairwise(starts)):
                wrong.append(f"{name} bands begin at {starts} months; from_months must increase")
        added = sum(part.share for part in self.classes)
        if self.classes and abs(added - 1) > 1e-9:
            wrong.append(f"the shares of the classes add to {added:g}; they must add to 1")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def changes_at(self) -> list[float]:
        """Return the months since onset at which a band of any kind begins, each once, in order."""
        return sorted({band.from_months for band in (*self.onset, *self.ivig_since_onset)})

    def groups(self) -> tuple[tuple[str, float, NDArray[np.float64]], ...]:
        """Give the groups of patients with rates of their own: name, share, and ratios to improve, worsen and die.

        Returns
        -------
        tuple of (str, float, ndarray of three)
            One group without a name where patients do not differ.

        Examples
        --------
        >>> still = {"improve": (0,) * 6, "worsen": (0,) * 6, "die": (0.1,) * 6}
        >>> groups = Course(**still, frailty={"variance": 0.5, "of": ("die",)}).groups()
        >>> bool(abs(sum(share * ratios[2] for _, share, ratios in groups) - 1) < 1e-12)
        True
        """
        found = [(part.name, part.share, part.as_array()) for part in self.classes] or [("", 1.0, np.ones(3))]
        if self.frailty is None:
            return tuple(found)
        named = np.array([kind in self.frailty.of for kind in ("improve", "worsen", "die")])
        points = list(zip(*self.frailty.points(), strict=True))
        return tuple(
            (name, share * weight, ratios * np.where(named, value, 1.0))
            for name, share, ratios in found
            for value, weight in points
        )

    def base_rates(self) -> NDArray[np.float64]:
        """Return the rates before any ratio: an array with the rows improve, worsen, die, one column per grade."""
        return np.array([self.improve, self.worsen, self.die])

    def scaled(self, *, improve: float = 1.0, worsen: float = 1.0, die: float = 1.0) -> Course:
        """Return the course with all rates of a kind multiplied.

        Parameters
        ----------
        improve, worsen, die : float, default 1
            Factors, 0 or more.

        Returns
        -------
        Course
        """
        check_signature(Course.scaled, locals())
        for name, factor in (("improve", improve), ("worsen", worsen), ("die", die)):
            if not 0 <= factor < np.inf:
                raise ValueError(f"scaled: {name} is {factor}; a factor must be 0 or more, and finite")
        return self.model_validate(
            self.model_dump()
            | {
                "improve": tuple(improve * rate for rate in self.improve),
                "worsen": tuple(worsen * rate for rate in self.worsen),
                "die": tuple(die * rate for rate in self.die),
            }
        )


def generator(
    course: Course,
    *,
    on_ivig: ArrayLike = False,
    antibody: str | Sequence[Any] | NDArray[Any] | None = None,
    tumour_treatment: ArrayLike = False,
    months_since_onset: Numbers | None = None,
    rescued: ArrayLike = False,
    damaged: ArrayLike = False,
    ratios: Numbers = (1.0, 1.0, 1.0),
) -> NDArray[np.float64]:
    """Give the rates between the grades of a patient, or of an array of patients, as generator matrices.

    Entry (g, h) is the rate per month of going from grade g to grade h; the diagonal makes each row sum to 0 and
    the last row (death) is 0. Every rate is the grade's rate of the course times the ratios of all circumstances
    that hold.

    Parameters
    ----------
    course : Course
        Rates and ratios.
    on_ivig : bool or array of bool, default False
        Whether IVIg acts.
    antibody : str or None, or an array of those, default None
        Name of the patient's antibody; None, and one that the course does not name, have ratio 1.
    tumour_treatment : bool or array of bool, default False
        Whether the tumour is treated.
    months_since_onset : float or array of float, optional
        Months (365.25 / 12 days) since symptom onset at the time the generator is for; None leaves the bands
        of time since onset out. The generator holds until the next band begins; build one per band for longer.
    rescued, damaged : bool or array of bool, default False
        Whether rescue immunotherapy has begun, and whether there is damage that is not undone.
    ratios : three float, default 1
        Of the patient's group (`Course.groups`), to improve, to worsen and to die.

    Returns
    -------
    array of shape (..., grades + 1, grades + 1)
        One matrix for each combination of the circumstances, which broadcast together.

    Raises
    ------
    ValueError
        If an antibody is no name or a time since onset negative or not finite.

    Examples
    --------
    >>> flat = Course(improve=(0, 0.1, 0.1, 0.1, 0.1, 0.1), worsen=(0.1,) * 5 + (0,), die=(0.02,) * 6,
    ...               ivig=RateRatios(worsen=0.5))
    >>> Q = generator(flat, on_ivig=[False, True], antibody="Hu")
    >>> Q.shape, Q[:, 3, 4].tolist()
    ((2, 7, 7), [0.1, 0.05])
    """
    check_signature(generator, locals())
    three = np.asarray(ratios, float)
    if three.shape != (3,) or not np.all(np.isfinite(three) & (three >= 0)):
        raise ValueError(f"generator: ratios = {ratios!r} must be three numbers of at least 0")
    ivig = np.asarray(on_ivig, bool)
    tumour = np.asarray(tumour_treatment, bool)
    bodies, codes = _antibody_ratios(course, antibody)
    bands, band = _onset_ratios(course.onset, months_since_onset)
    effects, effect = _onset_ratios(course.ivig_since_onset, months_since_onset)
    rescue, damage = np.asarray(rescued, bool), np.asarray(damaged, bool)
    lost = np.ones(3) if course.damage is None else course.damage.as_array()
    shape = np.broadcast_shapes(ivig.shape, tumour.shape, codes.shape, band.shape, rescue.shape, damage.shape)
    multiplied = (
        np.where(ivig[..., None], course.ivig.as_array() * effects[effect], 1.0)
        * np.where(tumour[..., None], course.tumour_treatment.as_array(), 1.0)
        * bodies[codes]
        * bands[band]
        * np.where(rescue[..., None], course.rescue.as_array(), 1.0)
        * np.where(damage[..., None], lost, 1.0)
        * three
    )
    k = course.grades
    rates = np.broadcast_to(course.base_rates() * multiplied[..., :, None], (*shape, 3, k))
    Q = np.zeros((*shape, k + 1, k + 1))
    grade = np.arange(k)
    Q[..., grade[1:], grade[1:] - 1] = rates[..., 0, 1:]
    Q[..., grade[:-1], grade[:-1] + 1] = rates[..., 1, :-1]
    Q[..., grade, k] = rates[..., 2, :]
    Q[..., grade, grade] = 0.0 - Q.sum(axis=-1)[..., :k]
    return Q


def _antibody_ratios(course: Course, antibody: Any) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give the ratios of each antibody (last row: none) and the row of each patient."""
    table = np.vstack([*(ratios.as_array() for ratios in course.antibody.values()), np.ones(3)])
    given = np.asarray(antibody, dtype=object)
    if wrong := sorted(
        {repr(value) for value in given.flat if not (value is None or isinstance(value, str))}
    ):
        raise ValueError(f"generator: antibody holds {', '.join(wrong)}; allowed are names and None")
    code = {name: position for position, name in enumerate(course.antibody)}
    codes = np.array([code.get(value, len(code)) for value in given.flat], np.intp).reshape(given.shape)
    return table, codes


def _onset_ratios(
    course_bands: tuple[OnsetBand, ...], months: Numbers | None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give the ratios of each band of time since onset (first row: before any), the row of each patient."""
    table = np.vstack([np.ones(3), *(band.as_array() for band in course_bands)])
    if months is None:
        return table, np.zeros((), np.intp)
    since = np.asarray(months, float)
    if not np.all(np.isfinite(since) & (since >= 0)):
        wrong = since[~(np.isfinite(since) & (since >= 0))].flat[0]
        raise ValueError(f"generator: months_since_onset holds {wrong}; it must be 0 or more, and finite")
    starts = np.array([band.from_months for band in course_bands])
    return table, np.searchsorted(starts, since, side="right").astype(np.intp)

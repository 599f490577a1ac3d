"""Which rates reproduce a published series?

Input: how many patients improved, stayed stable, deteriorated and died by a time, survival at given times, and how
the series was rated: published counts are ratings, not true grades.
Output: `Calibration`: a `Course`, what it gives beside what was published, and how far they are apart.
Protocol section: endpoint (its categories of change).
Method: the rates of a shape are multiplied until the probabilities of the Markov process, seen through the rating
error, meet the targets (bounded least squares from one fixed start: the same input always gives the same rates).
Next: `fitting`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.multistate.course import GRADES, Course, OnsetBand, generator
from pnstrial.multistate.process import exponential
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.multistate.rating import RatingError
    from pnstrial.numerics.arguments import Numbers

__all__ = ["FLAT", "Calibration", "calibrate", "flat"]

FLAT: Final = Course(
    improve=(0.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    worsen=(1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
    die=(0.4096, 0.512, 0.64, 0.8, 1.28, 2.048),
)
"""The shape on the mRS before calibration: equal rates to step, and dying 1.25 times as fast per grade, 1.6 times
from 3 to 4 and from 4 to 5 (Graus et al. Brain 2001;124:1138-1148: relative risk 1.60 for Rankin over 3; the rest
assumed)."""


def flat(grades: int) -> Course:
    """Give the shape before calibration on a scale.

    Parameters
    ----------
    grades : int
        Living grades.

    Returns
    -------
    Course
        `FLAT` for six; else equal rates to step, and dying five times as fast at the worst as at the best grade, as
        there, in equal ratios (assumed).
    """
    if grades == GRADES:
        return FLAT
    die = tuple(float(5 ** (g / (grades - 1))) for g in range(grades))
    return Course(grades=grades, improve=cast("Any", 1.0), worsen=cast("Any", 1.0), die=die)


@dataclass(frozen=True)
class Calibration(Result):
    """A course calibrated to published figures.

    Parameters
    ----------
    largest_difference : float
        Largest absolute difference between a target and what the course gives, as a probability.
    reached : bool
        Whether it is within `tolerance`.
    tolerance : float
        The difference allowed.
    at_months : float
        Time of the counts.
    changing_hazard : bool
        Whether dying changes with time: then the course has bands of time since onset.
    n : float or None
        Patients behind the counts; None if probabilities were given.
    floor : float
        Share of improved that rating error alone gives: what is counted where nobody improves; 0 without error.
    at_floor : bool
        Whether the published share lies at or below the floor: then the rates to improve are 0 and what is
        counted is the floor.
    course : Course
        The calibrated rates.
    targets, achieved : dict of str to float
        Published and calibrated probabilities, under the same names.
    """

    largest_difference: float
    reached: bool
    tolerance: float
    at_months: float
    changing_hazard: bool
    n: float | None
    floor: float
    at_floor: bool
    course: Course = field(repr=False)
    targets: dict[str, float] = field(repr=False)
    achieved: dict[str, float] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per target: target, published, achieved, difference."""
        import pandas as pd

        rows = [
            {"target": name, "published": value, "achieved": self.achieved[name],
             "difference": self.achieved[name] - value}
            for name, value in self.targets.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def to_toml(self) -> str:
        """Return the rates as lines of a TOML table, to nine digits, with how well they do as comments."""
        lines = [
            f"# {name}: published {value:.4g}, calibrated {self.achieved[name]:.4g}"
            for name, value in self.targets.items()
        ]
        if self.at_floor:
            lines.append(
                f"# rating error alone gives {self.floor:.4g} improved, published {self.targets['improved']:.4g}: "
                "no true improvement is left to explain"
            )
        for name, rates in zip(("improve", "worsen", "die"), self.course.base_rates(), strict=True):
            lines.append(f"{name} = [{', '.join(f'{rate:.9g}' for rate in rates)}]")
        for band in self.course.onset:
            lines += [
                "",
                "[[onset]]",
                f"from_months = {band.from_months:.9g}",
                f"improve = {band.improve:.9g}",
                f"worsen = {band.worsen:.9g}",
                f"die = {band.die:.9g}",
            ]
        return "\n".join(lines) + "\n"


def calibrate(
    *,
    improved: float,
    stable: float,
    deteriorated: float,
    dead: float | None = None,
    at_months: float = 3.0,
    survival: Mapping[float, float] | None = None,
    baseline: Numbers = (0.0, 0.0, 0.5, 0.5, 0.0, 0.0),
    shape: Course | None = None,
    on_ivig: bool = False,
    changing_hazard: bool | None = None,
    months_since_onset: float | Mapping[float, float] = 0.0,
    rating: RatingError | None = None,
    selected: Sequence[int] | None = None,
    ratings_between: Sequence[float] = (),
    population_hazard_ratio: float = 1.0,
    tolerance: float = 0.005,
    nearest: bool = False,
) -> Calibration:
    """Find the rates that reproduce published counts of change and published survival.

    Parameters
    ----------
    improved, stable, deteriorated : float
        Patients with a better, the same, a worse grade than at baseline at `at_months`: counts or shares.
    dead : float, optional
        Patients dead by then, not counted in `deteriorated`. None: the series does not say, and
        `deteriorated` includes the dead, as the trial's endpoint does.
    at_months : float, default 3
        Time of the counts in months.
    survival : dict of float to float, optional
        Probability of being alive by months, such as ``{12: 0.40}`` (the default, as in Sillevis Smitt et al. J
        Neurol 2002;249:745-753).
    baseline : sequence of float, default half mRS 2 and half mRS 3
        Distribution of the living grades of the scale at time 0, from the best on.
    shape : Course, optional
        Ratios between the grades' rates; all improve rates are multiplied by one factor, all worsen rates by one,
        all die rates by one. Default: equal rates to step, dying faster in worse grades.
    on_ivig : bool, default False
        Whether the series was on IVIg: the ratios of the shape then act while it is calibrated.
    changing_hazard : bool, optional
        Default: False where that reaches the targets, else True. False: one factor on dying for all time; with
        more than one figure on death (`dead`, several times of `survival`) also the steepness of dying over the
        grades is free (times exp(-0.2) to exp(1) per grade), and more figures than that are met by least squares.
        True: a factor of its own between each two figures on death, written as bands of time since onset; any
        survival curve that falls can then be met.
    months_since_onset : float or dict of float to float, default 0
        With `changing_hazard`: months since onset at baseline, or the share of patients by months.
    rating : RatingError, optional
        How the series rated, at baseline and later; the counts are then those of ratings. Default: true grades.
    selected : sequence of int, default all
        Rated grades that let a patient into the series; `baseline` is the distribution before that.
    ratings_between : sequence of float, optional
        Months of ratings between baseline and `at_months`: a rater who repeats her deviation forgets a part of it at
        each.
    population_hazard_ratio : float, default 1
        Hazard of dying in the population of the course against that of the source of `survival`: the survival that is
        met is that of the source to this power.
    tolerance : float, default 0.005
        Largest difference allowed between a target and what is reached.
    nearest : bool, default False
        Return the nearest course, with its differences, where the targets cannot be reached.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If a figure is impossible, or no rates reach the targets within `tolerance`: the message says which targets
        are missed, by how much, and which exclude each other.

    Examples
    --------
    >>> found = calibrate(improved=1, stable=8, deteriorated=8, survival={12: 0.40})
    >>> found.to_frame()[["target", "published", "achieved"]].round(3)
               target  published  achieved
    0        improved      0.059     0.059
    1          stable      0.471     0.471
    2    deteriorated      0.471     0.471
    3  alive at 12 mo      0.400     0.400
    >>> calibrate(improved=0.1, stable=0.8, deteriorated=0.1, survival={2: 0.6})
    Traceback (most recent call last):
    ...
    ValueError: calibrate: cannot be reached: alive at 2 mo is 0.6, but 0.9 are improved or stable ... later
    """
    check_signature(calibrate, locals())
    Checks("calibrate").positive("population_hazard_ratio", population_hazard_ratio).positive(
        "tolerance", tolerance
    ).done()
    source = {12.0: 0.40} if survival is None else survival
    points = {month: share**population_hazard_ratio for month, share in sorted(source.items())}
    start = _baseline(baseline)
    rated = frozenset(range(start.size) if selected is None else selected)
    shape = flat(start.size) if shape is None else shape
    _same_grades(start.size, shape, rating)
    seen = _Seen(start, rating, rated, split_dead=dead is not None)
    targets, n = _targets(improved, stable, deteriorated, dead, at_months, points)
    _contradictions(targets, at_months, points, dead is not None)
    if late := [month for month in ratings_between if not 0 < month < at_months]:
        raise ValueError(
            f"calibrate: ratings_between holds {late}; months between 0 and {at_months:g} are allowed"
        )
    times: list[float] = sorted({*points, *([at_months] if dead is not None else [])})
    kinds = (False, True) if changing_hazard is None and len(times) > 1 else (bool(changing_hazard),)
    since: dict[float, float] = (
        dict(months_since_onset)
        if isinstance(months_since_onset, Mapping)
        else {float(months_since_onset): 1.0}
    )
    best: tuple[float, bool, bool, float, _Family, NDArray[np.float64]] | None = None
    for changing in kinds:
        family = _Family(shape, seen, times, at_months, on_ivig=on_ivig, changing=changing,
                         points=tuple(points), since=since, between=tuple(ratings_between))  # fmt: skip
        found = _fit(family, targets)
        if best is None or found[0] < best[0]:
            best = (found[0], changing, *found[1:3], family, found[3])
        if best[0] <= tolerance:
            break
    if best is None:
        raise RuntimeError("calibrate: no family of courses was searched")
    gap, changing, at_floor, floor, family, x = best
    reached = dict(zip(targets, family.achieved(x).tolist(), strict=True))
    if gap > tolerance and not nearest:
        missed = ", ".join(
            f"{name} {value:.3f} (nearest {reached[name]:.3f})"
            for name, value in targets.items()
            if abs(reached[name] - value) > tolerance
        )
        advice = "let the hazard change (changing_hazard=True), " if len(times) > 1 and not changing else ""
        raise ValueError(
            f"calibrate: these cannot be reached together: {missed}; {advice}give another shape or baseline, "
            f"or take the nearest (nearest=True)"
        )
    return Calibration(
        gap,
        gap <= tolerance,
        tolerance,
        at_months,
        changing,
        n,
        floor,
        at_floor,
        family.course(x),
        targets,
        reached,
    )


def _fit(family: _Family, targets: Mapping[str, float]) -> tuple[float, bool, float, NDArray[np.float64]]:
    """Search the rates; where rating error alone reaches the share of improved, without any rate to improve.

    Returns the largest difference (of what a rate can still change), whether the share lies at the floor, the floor,
    and the logarithms of the factors.
    """
    wanted, floor = np.array(list(targets.values())), 0.0
    if family.seen.with_error or wanted[0] == 0:
        free = (
            np.arange(wanted.size) > 1
        )  # without a rate to improve, improved and stable follow from the others
        still = _search(family, wanted, free, improves=False)
        floor = float(family.achieved(still)[0])
        if wanted[0] <= floor:
            return float(np.abs(family.achieved(still) - wanted)[free].max()), True, floor, still
    x = _search(family, wanted, np.ones(wanted.size, bool), improves=True)
    return float(np.abs(family.achieved(x) - wanted).max()), False, floor, x


def _baseline(baseline: Numbers) -> NDArray[np.float64]:
    p = np.asarray(baseline, float)
    if p.ndim != 1 or p.size < 2 or not np.all(np.isfinite(p) & (p >= 0)) or abs(p.sum() - 1) > 1e-9:
        raise ValueError(
            f"calibrate: baseline must be probabilities that sum to 1, one per living grade; got {p.tolist()}"
        )
    return p


def _same_grades(k: int, shape: Course, rating: RatingError | None) -> None:
    """Refuse a shape or rating error of another scale."""
    given = {"shape": shape.grades, **({} if rating is None else {"rating": rating.living})}
    if wrong := [f"{name} has {size}" for name, size in given.items() if size != k]:
        raise ValueError(f"calibrate: baseline has {k} grades, {' and '.join(wrong)}; all are of one scale")


def _targets(
    improved: float,
    stable: float,
    deteriorated: float,
    dead: float | None,
    at_months: float,
    points: Mapping[float, float],
) -> tuple[dict[str, float], float | None]:
    """Turn the figures into named probabilities; say everything that is impossible about them."""
    given = {"improved": improved, "stable": stable, "deteriorated": deteriorated}
    if dead is not None:
        given["dead"] = dead
    wrong = [
        f"{name} is {value}; it must be 0 or more" for name, value in given.items() if not 0 <= value < np.inf
    ]
    total = sum(given.values())
    if not wrong and total <= 0:
        wrong.append("improved, stable and deteriorated are all 0; give counts or shares")
    if not 0 < at_months < np.inf:
        wrong.append(f"at_months is {at_months}; it must be over 0")
    if dead is None and not points:
        wrong.append("nothing says how fast patients die; give dead, or survival at one time")
    earlier = 1.0
    for month, alive in points.items():
        if not 0 < month < np.inf or not 0 < alive <= 1:
            wrong.append(
                f"survival {{{month}: {alive}}}: months must be over 0, survival over 0 and at most 1"
            )
        elif alive > earlier:
            wrong.append(f"survival rises to {alive} at {month:g} months; it can only fall")
        earlier = alive
    if wrong:
        raise ValueError("calibrate: " + "; ".join(wrong))
    targets = {name: value / total for name, value in given.items()}
    targets |= {f"alive at {month:g} mo": alive for month, alive in points.items()}
    return targets, None if abs(total - 1) < 1e-9 else total


def _contradictions(
    targets: Mapping[str, float], at_months: float, points: Mapping[float, float], split: bool
) -> None:
    """Say which targets exclude each other whatever the rates."""
    wrong: list[str] = []
    settled = targets["improved"] + targets["stable"]
    for month, alive in points.items():
        if month <= at_months and alive < settled - 1e-9:
            wrong.append(
                f"alive at {month:g} mo is {alive:g}, but {settled:.3g} are improved or stable at "
                f"{at_months:g} mo or later"
            )
        if split and month >= at_months and alive > 1 - targets["dead"] + 1e-9:
            wrong.append(
                f"alive at {month:g} mo is {alive:g}, but {targets['dead']:.3g} are dead at {at_months:g} mo"
            )
        if split and month < at_months and alive < 1 - targets["dead"] - 1e-9:
            wrong.append(
                f"alive at {month:g} mo is {alive:g}, but only {targets['dead']:.3g} are dead at {at_months:g} mo"
            )
    if wrong:
        raise ValueError("calibrate: cannot be reached: " + "; ".join(wrong))


class _Seen:
    """What a series sees of its patients: who enters, and how their change is rated."""

    def __init__(
        self,
        baseline: NDArray[np.float64],
        rating: RatingError | None,
        selected: frozenset[int],
        *,
        split_dead: bool,
    ) -> None:
        k = baseline.size
        if not selected <= set(range(k)) or not selected:
            raise ValueError(
                f"calibrate: selected is {sorted(selected)}; it holds rated grades from 0 to {k - 1}"
            )
        kernel = np.eye(k + 1) if rating is None else rating.kernel
        enters = np.array([float(grade in selected) for grade in range(k + 1)])
        joint = np.append(baseline, 0.0)[:, None] * kernel * enters
        if not joint.sum() > 0:
            raise ValueError(f"calibrate: nobody of the baseline is rated {sorted(selected)}")
        self.with_error = rating is not None and not np.array_equal(kernel, np.eye(k + 1))
        # axes: rating at baseline, true grade now, rating now
        self.start = np.zeros((k + 1,) * 3)
        for rated in range(k + 1):
            self.start[rated, :, rated] = joint[:, rated] / joint.sum()
        self.kernel, self.persistence = kernel, 0.0 if rating is None else rating.persistence
        off = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))[kernel[:k, :k] > 0].max()
        self.deviations = range(-int(off), int(off) + 1) if self.persistence > 0 else range(0)
        before, after = np.indices((k + 1, k + 1))
        dead = after == k
        self.kinds = [after < before, after == before, (after > before) & ~(dead & split_dead)]
        if split_dead:
            self.kinds.append(dead)
        self.weights = np.array(self.kinds, float)

    def rate(self, now: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Let time pass and rate everybody again (`RatingError.next_rating`); death is seen as it is."""
        k, again = len(now) - 1, self.persistence
        rated = (1 - again) * (now.sum(axis=2) @ step)[:, :, None] * self.kernel
        rated[:, k, k] += again * now[:, k].sum(axis=1)  # a death has no deviation to repeat
        grade = np.arange(k)
        for off in self.deviations:
            from_ = grade[max(0, -off) : k - max(0, off)]
            moved = again * now[:, from_, from_ + off] @ step[from_]
            rated[:, grade, np.clip(grade + off, 0, k - 1)] += moved[:, :k]
            rated[:, k, k] += moved[:, k]
        return rated

    def shares(self, now: NDArray[np.float64]) -> list[float]:
        """Count the kinds of change from the rating at baseline to the rating now."""
        return (self.weights * now.sum(axis=1)).sum(axis=(1, 2)).tolist()


class _Family:
    """The courses among which is searched, and the probabilities each gives."""

    def __init__(
        self,
        shape: Course,
        seen: _Seen,
        times: list[float],
        at_months: float,
        *,
        on_ivig: bool,
        changing: bool,
        points: tuple[float, ...],
        since: dict[float, float],
        between: tuple[float, ...],
    ) -> None:
        self.shape, self.seen, self.at = shape, seen, at_months
        self.points, self.changing, self.since, self.between = points, changing, since, frozenset(between)
        # bands of time since onset; those who come latest after onset pass from band to band first
        first = sum(month * share for month, share in since.items())
        self.edges = np.array([first + time for time in times[:-1]] if changing else [])
        self.steep = not changing and len(times) > 1
        self.n_deaths = len(times) if changing and times else 1
        self.size = 2 + self.n_deaths + int(self.steep)
        # a generator is a sum of those of each kind of rate alone, so that the search need not build courses
        kinds, still = ("improve", "worsen", "die"), (0.0,) * shape.grades
        alone = [shape.model_copy(update=dict.fromkeys(set(kinds) - {kind}, still)) for kind in kinds]
        self.alone = [generator(course, on_ivig=on_ivig) for course in alone]

    def factors(self, x: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64], float]:
        """Give the factors on improving, worsening and dying (one per band), and the steepness of dying."""
        kinds = np.exp(x)
        return (
            float(kinds[0]),
            float(kinds[1]),
            kinds[2 : 2 + self.n_deaths],
            float(x[-1]) if self.steep else 0.0,
        )

    def tilt(self, steepness: float) -> NDArray[np.float64]:
        """Give the ratios between the grades' rates of dying that a steepness adds."""
        k = self.shape.grades
        return np.exp(steepness * (np.arange(k) - (k - 1) / 2))

    def base(self, improve: float, worsen: float, die: float, steepness: float) -> Course:
        """Give the shape with its rates multiplied."""
        rates = self.shape.base_rates() * np.array([[improve], [worsen], [die]])
        rates[2] *= self.tilt(steepness)
        return self.shape.model_copy(
            update={
                name: tuple(float(rate) for rate in row)
                for name, row in zip(("improve", "worsen", "die"), rates, strict=True)
            }
        )

    def course(self, x: NDArray[np.float64]) -> Course:
        """Give the course; factors on dying that change become bands of time since onset."""
        improve, worsen, die, steepness = self.factors(x)
        top = float(die.max())
        course = self.base(improve, worsen, top, steepness)
        if not self.changing or die.size == 1:
            return Course.model_validate(course.model_dump())
        starts = [0.0, *self.edges.tolist()]
        bands = tuple(
            OnsetBand(from_months=start, die=float(factor / top))
            for start, factor in zip(starts, die, strict=True)
        )
        return Course.model_validate(course.model_dump() | {"onset": [band.model_dump() for band in bands]})

    def achieved(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probabilities of the targets: the categories, then survival at each time."""
        improve, worsen, die, steepness = self.factors(x)
        tilted = np.append(self.tilt(steepness), 0.0)[:, None] * self.alone[2]
        generators = improve * self.alone[0] + worsen * self.alone[1] + die[:, None, None] * tilted
        total = np.zeros(len(self.seen.kinds) + len(self.points))
        for onset, share in self.since.items() if self.changing else [(0.0, 1.0)]:
            turns = self.edges - onset
            grid = np.array(sorted({0.0, self.at, *self.between, *self.points, *turns[turns > 0].tolist()}))
            band = np.searchsorted(turns, grid[:-1], side="right")
            shares: list[float] = []
            steps = exponential(generators[band] * np.diff(grid)[:, None, None])
            k = self.shape.grades
            now, since, alive = self.seen.start, np.eye(k + 1), dict[float, float]()
            so_far = np.eye(k + 1)
            first = self.seen.start.sum(axis=(0, 2))
            for end, step in zip(grid[1:].tolist(), steps, strict=True):
                so_far, since = so_far @ step, since @ step
                alive[end] = float(1 - first @ so_far[:, k])
                if end in self.between or end == self.at:
                    now, since = self.seen.rate(now, since), np.eye(k + 1)
                if end == self.at:
                    shares = self.seen.shares(now)
            total += share * np.array([*shares, *(alive[float(month)] for month in self.points)])
        return total


def _search(
    family: _Family, wanted: NDArray[np.float64], counted: NDArray[np.bool_], *, improves: bool
) -> NDArray[np.float64]:
    """Minimise the squared differences of what is counted, from a fixed start."""
    from scipy.optimize import least_squares

    low, high = np.full(family.size, -16.0), np.full(family.size, 5.0)
    start = np.full(family.size, np.log(0.1))
    if family.steep:
        low[-1], high[-1], start[-1] = -0.2, 1.0, 0.0  # a higher grade never dies more slowly
    free = np.ones(family.size, bool)
    x = start.copy()
    if not improves:
        free[0], x[0] = False, -np.inf

    def residuals(part: NDArray[np.float64]) -> NDArray[np.float64]:
        x[free] = part
        return (family.achieved(x) - wanted)[counted]

    best: Any = None
    for shift in (0.0, -2.0, 1.5):
        begin = np.clip(start[free] + shift, low[free] + 0.01, high[free] - 0.01)
        found = least_squares(residuals, begin, bounds=(low[free], high[free]), xtol=1e-14, ftol=1e-14, gtol=1e-14,
                              max_nfev=300)  # fmt: skip
        if best is None or found.cost < best.cost:
            best = found
        if best.cost < 1e-16:
            break
    x[free] = best.x
    return x

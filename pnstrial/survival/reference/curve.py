"""Against which survival is a single arm compared?

Input: a distribution, points of a published curve, or a life table with each patient's age, sex and year.
Output: `Reference`: cumulative hazard and survival at any time; `reference` loads those of the published series.
Protocol section: none.
Method: cumulative hazards in closed form; between the points of a published curve the hazard is constant; a life
table is walked through by age and calendar year, as R's ratetables are.
Next: `one_sample`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.time_units import DAYS_PER_YEAR, rescaled
from pnstrial.series import series_records
from pnstrial.survival.observations import as_numbers, check_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pnstrial.numerics.time_units import TimeUnit

    Vector = NDArray[np.float64]

__all__ = ["Reference", "published_references", "reference", "reference_in"]


@dataclass(frozen=True, eq=False)
class Reference:
    """A survival curve that is taken as known.

    Make one with `exponential`, `weibull`, `lognormal`, `gompertz`, `piecewise`, `from_survival_points` or
    `life_table`.

    Attributes
    ----------
    name : str
        What it is, for tables.
    source : str
        Where it was read; empty for one made here.
    points : tuple of (float, float)
        (time, survival) of a published curve; empty otherwise.
    patients : int
        Number of patients a life table was made for; 0 where the curve is the same for all.
    unit : {"days", "weeks", "months", "years"} or None
        Unit of its times: months for the published series, days for a life table; None where it was not said.
    """

    name: str
    _hazard: Callable[[Vector], Vector] = field(repr=False)
    source: str = ""
    points: tuple[tuple[float, float], ...] = ()
    patients: int = 0
    unit: TimeUnit | None = None

    def cumulative_hazard(self, time: ArrayLike) -> Vector:
        """Give the cumulative hazard at times.

        Parameters
        ----------
        time : array_like, shape (n,)
            Not negative, in the unit of the curve; of a life table one per patient, in their order.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        ValueError
            If a time is negative or not finite, the hazard at it leaves the range of floating point, or a life table
            was made for another number of patients.

        Examples
        --------
        >>> Reference.exponential(0.1).cumulative_hazard([0, 5]).tolist()
        [0.0, 0.5]
        """
        check_signature(Reference.cumulative_hazard, locals())
        times = as_numbers(time, "time")
        wrong = np.flatnonzero(~(np.isfinite(times) & (times >= 0)))
        if wrong.size:
            listed = ", ".join(f"time[{i}] = {times[i]:g}" for i in wrong[:8])
            raise ValueError(f"time must be finite and not negative: {listed}")
        if self.patients and times.size != self.patients:
            raise ValueError(f"{self.name} was made for {self.patients} patients, time has {times.size}")
        with np.errstate(over="ignore"):
            hazard = self._hazard(times)
        wrong = np.flatnonzero(~np.isfinite(hazard))
        if wrong.size:
            listed = ", ".join(f"time[{i}] = {times[i]:g}" for i in wrong[:8])
            raise ValueError(
                f"{self.name}: cumulative hazard too large for a number at {listed}; check the unit"
            )
        return hazard

    def survival(self, time: ArrayLike) -> Vector:
        """Give the probability of being event-free at times: exp(-cumulative hazard).

        Parameters
        ----------
        time : array_like, shape (n,)

        Returns
        -------
        ndarray, shape (n,)

        Examples
        --------
        >>> Reference.from_survival_points([3, 12], [0.64, 0.40]).survival([3, 12]).round(2).tolist()
        [0.64, 0.4]
        """
        check_signature(Reference.survival, locals())
        return np.exp(-self.cumulative_hazard(time))

    def in_unit(self, unit: TimeUnit) -> Reference:
        """Give the same curve with its times in another unit.

        Parameters
        ----------
        unit : {"days", "weeks", "months", "years"}

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If there is no such unit, or the unit of this curve is not known.

        Examples
        --------
        >>> round(float(reference("sillevissmitt2002").in_unit("years").survival([1])[0]), 2)
        0.4
        """
        check_unit(unit)
        check_signature(Reference.in_unit, locals())
        if self.unit is None:
            raise ValueError(
                f"{self.name}: the unit of this curve is not known; make it with unit=, or use rescaled(factor)"
            )
        factor = rescaled(self.unit, unit)
        return self if factor == 1 else replace(self.rescaled(factor), unit=unit)

    def rescaled(self, factor: float) -> Reference:
        """Give the same curve with times multiplied: months to days with 30.4375.

        Parameters
        ----------
        factor : float

        Returns
        -------
        Reference
            Its unit is not known.

        Raises
        ------
        ValueError
            If factor is not positive.

        Examples
        --------
        >>> Reference.exponential(0.3).rescaled(30).cumulative_hazard([30]).tolist()
        [0.3]
        """
        check_signature(Reference.rescaled, locals())
        _positive(factor=factor)
        inner = self._hazard
        points = tuple((time * factor, alive) for time, alive in self.points)
        return Reference(self.name, lambda time: inner(time / factor), self.source, points, self.patients)

    @classmethod
    def exponential(cls, rate: float, *, unit: TimeUnit | None = None) -> Reference:
        """Take a constant hazard: H(t) = rate t.

        Parameters
        ----------
        rate : float
            Events per unit of time.
        unit : {"days", "weeks", "months", "years"}, optional
            Unit of its times.

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If rate is not positive.
        """
        check_signature(Reference.exponential, locals())
        _positive(rate=rate)
        check_unit(unit)
        return cls(f"exponential, rate {rate:g}", lambda time: rate * time, unit=unit)

    @classmethod
    def weibull(cls, shape: float, scale: float, *, unit: TimeUnit | None = None) -> Reference:
        """Take H(t) = (t / scale)^shape.

        Parameters
        ----------
        shape, scale : float
        unit : {"days", "weeks", "months", "years"}, optional

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If one is not positive.
        """
        check_signature(Reference.weibull, locals())
        _positive(shape=shape, scale=scale)
        check_unit(unit)
        return cls(
            f"Weibull, shape {shape:g}, scale {scale:g}", lambda time: (time / scale) ** shape, unit=unit
        )

    @classmethod
    def lognormal(cls, meanlog: float, sdlog: float, *, unit: TimeUnit | None = None) -> Reference:
        """Take a log-normal time: H(t) = -log Phi(-(log t - meanlog) / sdlog).

        Parameters
        ----------
        meanlog, sdlog : float
        unit : {"days", "weeks", "months", "years"}, optional

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If sdlog is not positive.
        """
        check_signature(Reference.lognormal, locals())
        _positive(sdlog=sdlog)
        check_unit(unit)

        def hazard(time: Vector) -> Vector:
            from scipy.special import log_ndtr

            logs = np.log(time, out=np.full(time.shape, -np.inf), where=time > 0)
            return np.asarray(-log_ndtr(-(logs - meanlog) / sdlog))

        return cls(f"log-normal, mean {meanlog:g}, sd {sdlog:g} of the logarithm", hazard, unit=unit)

    @classmethod
    def gompertz(cls, a: float, b: float, *, unit: TimeUnit | None = None) -> Reference:
        """Take the hazard a exp(b t): H(t) = a (exp(b t) - 1) / b.

        Parameters
        ----------
        a, b : float
            a is positive; b may be 0 (exponential) or negative (some never have the event).
        unit : {"days", "weeks", "months", "years"}, optional

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If a is not positive or b is not finite.
        """
        if isinstance(b, float) and not math.isfinite(b):
            raise ValueError(f"b must be finite, got {b!r}")
        check_signature(Reference.gompertz, locals())
        _positive(a=a)
        check_unit(unit)
        return cls(
            f"Gompertz, a {a:g}, b {b:g}",
            lambda time: a * time if b == 0 else a * np.expm1(b * time) / b,
            unit=unit,
        )

    @classmethod
    def piecewise(
        cls, breaks: Sequence[float], rates: Sequence[float], *, unit: TimeUnit | None = None
    ) -> Reference:
        """Take a hazard that is constant between breaks.

        Parameters
        ----------
        breaks : sequence of float, shape (k,)
            Increasing, positive; may be empty.
        rates : sequence of float, shape (k + 1,)
            Up to the first break, ..., after the last.
        unit : {"days", "weeks", "months", "years"}, optional

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            If the numbers do not fit together or a rate is negative.

        Examples
        --------
        >>> Reference.piecewise([2.0], [0.1, 0.5]).cumulative_hazard([1, 2, 4]).round(6).tolist()
        [0.1, 0.2, 1.2]
        """
        check_signature(Reference.piecewise, locals())
        check_unit(unit)
        cuts, heights = as_numbers(breaks, "breaks"), as_numbers(rates, "rates")
        if heights.size != cuts.size + 1:
            raise ValueError(f"rates must be one more than breaks: {heights.size} rates, {cuts.size} breaks")
        if cuts.size and (not np.isfinite(cuts).all() or cuts[0] <= 0 or (np.diff(cuts) <= 0).any()):
            raise ValueError(f"breaks must be positive and increase: {cuts.tolist()}")
        if not (np.isfinite(heights) & (heights >= 0)).all():
            raise ValueError(f"rates must be finite and not negative: {heights.tolist()}")
        return cls(f"piecewise constant, {heights.size} rates", _piecewise(cuts, heights), unit=unit)

    @classmethod
    def from_survival_points(
        cls,
        times: Sequence[float],
        survival: Sequence[float],
        *,
        name: str = "",
        source: str = "",
        unit: TimeUnit | None = None,
    ) -> Reference:
        """Take points of a published curve, with a constant hazard between them.

        Parameters
        ----------
        times : sequence of float, shape (k,)
            Increasing; a point (0, 1) may be left out.
        survival : sequence of float, shape (k,)
            Probability of being event-free, falling or level, above 0.
        name, source : str
        unit : {"days", "weeks", "months", "years"}, optional

        Returns
        -------
        Reference
            Beyond the last point the last interval's hazard goes on: an assumption, since nothing is known there.

        Raises
        ------
        ValueError
            If the points are no survival curve; the message names them.

        Examples
        --------
        >>> curve = Reference.from_survival_points([3, 12, 36], [0.64, 0.40, 0.22])
        >>> curve.survival([0, 3, 12, 36]).round(2).tolist()
        [1.0, 0.64, 0.4, 0.22]
        """
        check_signature(Reference.from_survival_points, locals())
        check_unit(unit)
        at, alive = as_numbers(times, "times"), as_numbers(survival, "survival")
        if at.size != alive.size or at.size == 0:
            raise ValueError(
                f"times and survival must have one length of at least 1: {at.size} and {alive.size}"
            )
        if at[0] == 0:
            if alive[0] != 1:
                raise ValueError(f"survival[0] = {alive[0]:g} at time 0: everybody is event-free there (1)")
            at, alive = at[1:], alive[1:]
        if at.size == 0 or not np.isfinite(at).all() or at[0] <= 0 or (np.diff(at) <= 0).any():
            raise ValueError(f"times must be positive and increase: {at.tolist()}")
        if not (np.isfinite(alive) & (alive > 0) & (alive <= 1)).all() or (np.diff(alive) > 0).any():
            raise ValueError(f"survival must lie above 0, up to 1, and not rise: {alive.tolist()}")
        steps = np.diff(-np.log(alive), prepend=0.0) / np.diff(at, prepend=0.0)
        points = tuple((float(t), float(s)) for t, s in zip(at, alive, strict=True))
        return cls(
            name or f"curve through {at.size} points", _piecewise(at[:-1], steps), source, points, unit=unit
        )

    @classmethod
    def life_table(
        cls, table: pd.DataFrame, age: ArrayLike, sex: Sequence[str], year: ArrayLike, *,
        year_changes: Literal["birthday", "January"] = "birthday", source: str = "",
    ) -> Reference:  # fmt: skip
        """Take the mortality of the population of each patient's age, sex and calendar year.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns age (whole years), sex, year, hazard_per_day. The first and last age and year hold beyond them.
        age : array_like, shape (n,)
            Years at time 0.
        sex : sequence of str, shape (n,)
            As in the table.
        year : array_like, shape (n,)
            Dates at time 0 (anything that NumPy reads as days), or years with a fraction.
        year_changes : {"birthday", "January"}
            When the next calendar year of the table begins to rule: with the next year of age, as in R's survexp.us
            (a rate of the table is that of a whole year of age), or on 1 January.
        source : str

        Returns
        -------
        Reference
            Times are in days; a year of age has 365.25 of them.

        Raises
        ------
        ValueError
            If a column is missing, a cell of the table is missing or twice there, or a patient cannot be found in it.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"age": [60, 61], "sex": "male", "year": 2014, "hazard_per_day": [1e-5, 3e-5]})
        >>> who = Reference.life_table(table, [60.5], ["male"], ["2014-07-01"])
        >>> who.cumulative_hazard([365.25]).round(6).tolist()
        [0.007305]
        """
        rates, ages, years, sexes = _table(table)
        old = as_numbers(age, "age")
        if old.size != len(sex) or old.size != np.size(year):
            raise ValueError(f"lengths differ: age has {old.size}, sex {len(sex)}, year {np.size(year)}")
        wrong = [f"age[{i}] = {old[i]:g}" for i in np.flatnonzero(~(np.isfinite(old) & (old >= 0)))]
        wrong += [f"sex[{i}] = {s!r}" for i, s in enumerate(sex) if s not in sexes]
        if wrong:
            raise ValueError(
                f"age must not be negative and sex be one of {', '.join(sexes)}: " + "; ".join(wrong[:8])
            )
        codes = np.array([sexes.index(s) for s in sex])
        begins = _days(year)
        if year_changes == "birthday":
            born = begins - old * DAYS_PER_YEAR
            begins = begins - (born - _new_year(np.floor(born)))
        elif year_changes != "January":
            raise ValueError(f"year_changes = {year_changes!r}: allowed are 'birthday' and 'January'")

        def hazard(time: Vector) -> Vector:
            walked = [
                _walk(rates[codes[i]], ages, years, old[i] * DAYS_PER_YEAR, begins[i], time[i])
                for i in range(time.size)
            ]
            return np.array(walked)

        return cls("life table", hazard, source, patients=old.size, unit="days")


def _positive(**values: float) -> None:
    wrong = [f"{name} = {value!r}" for name, value in values.items() if not 0 < value < math.inf]
    if wrong:
        raise ValueError("must be positive and finite: " + ", ".join(wrong))


def _piecewise(cuts: Vector, rates: Vector) -> Callable[[Vector], Vector]:
    starts = np.concatenate([[0.0], cuts])
    before = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rates[:-1])])

    def hazard(time: Vector) -> Vector:
        place = np.searchsorted(cuts, time, side="left")
        return before[place] + rates[place] * (time - starts[place])

    return hazard


def _table(table: pd.DataFrame) -> tuple[Vector, NDArray[Any], NDArray[Any], list[str]]:
    """Read a life table into rates by sex x age x year."""
    missing = [name for name in ("age", "sex", "year", "hazard_per_day") if name not in table.columns]
    if missing:
        raise ValueError(f"table has no column {', '.join(missing)}")
    ages, years = np.unique(table["age"]), np.unique(table["year"])
    sexes = sorted({str(s) for s in table["sex"]})
    rates = np.full((len(sexes), ages.size, years.size), np.nan)
    place = (
        np.array([sexes.index(str(s)) for s in table["sex"]]),
        np.searchsorted(ages, table["age"]),
        np.searchsorted(years, table["year"]),
    )
    if len(table) != rates.size or len(set(zip(*(p.tolist() for p in place), strict=True))) != rates.size:
        raise ValueError(
            f"table must have one row for each of {len(sexes)} sexes, {ages.size} ages and {years.size} years"
            f" ({rates.size} rows), got {len(table)}"
        )
    rates[place] = table["hazard_per_day"].to_numpy(dtype=float)
    if not (np.isfinite(rates) & (rates >= 0)).all():
        raise ValueError("table: hazard_per_day must be finite and not negative")
    return rates, ages, years, sexes


def _days(year: ArrayLike) -> Vector:
    """Days since 1970 of dates, or of years with a fraction."""
    values = np.asarray(year)
    if values.dtype.kind in "iuf":
        whole = np.floor(values.astype(float)).astype(int)
        first = (whole - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(float)
        after = (whole - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype(float)
        return first + (values - whole) * (after - first)
    return np.asarray(values, dtype="datetime64[D]").astype(float)


def _new_year(day: Vector) -> Vector:
    """Give 1 January of the year of a day since 1970."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(float)


def _walk(
    rates: Vector, ages: NDArray[Any], years: NDArray[Any], age: float, day: float, time: float
) -> float:
    """Add up the hazard of one person over `time` days from an age in days and a calendar day on."""
    turns = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(float)
    birthdays = ages.astype(float) * DAYS_PER_YEAR
    cuts = np.concatenate([birthdays - age, turns - day])
    cuts = np.unique(cuts[(cuts > 0) & (cuts < time)])
    edges = np.concatenate([[0.0], cuts, [time]])
    middle = (edges[:-1] + edges[1:]) / 2
    row = np.clip(np.searchsorted(birthdays, age + middle, side="right") - 1, 0, ages.size - 1)
    column = np.clip(np.searchsorted(turns, day + middle, side="right") - 1, 0, years.size - 1)
    return float((np.diff(edges) * rates[row, column]).sum())


# its median is that of lung cancer without a neurological syndrome
_NO_SYNDROME: Final = frozenset({"gozzard2015"})


def _shipped() -> dict[str, tuple[dict[str, Any], dict[float, float]]]:
    """Find the published series with survival figures: points by months."""
    found: dict[str, tuple[dict[str, Any], dict[float, float]]] = {}
    for record in series_records():
        if record["series_id"] in _NO_SYNDROME:
            continue
        points = {float(month): float(alive) for month, alive in record["survival"].items()}
        median = record["median_survival_months"]
        if median is not None:
            points[float(median)] = 0.5
        if points:
            found[str(record["series_id"])] = (record, dict(sorted(points.items())))
    return found


def published_references() -> pd.DataFrame:
    """List the published survival curves that are shipped.

    Returns
    -------
    pandas.DataFrame
        Index series_id; n, antibody, points (months to survival; a median counts as 0.5), citation.

    Examples
    --------
    >>> published_references().loc["sillevissmitt2002", "points"]
    {3.0: 0.64, 12.0: 0.4, 36.0: 0.22}
    """
    import pandas as pd

    rows = [
        {"series_id": name, "n": record["n"], "antibody": record["antibody"], "points": points,
         "citation": record["citation"]}
        for name, (record, points) in _shipped().items()
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("series_id")


def reference(name: str = "sillevissmitt2002", unit: TimeUnit = "months") -> Reference:
    """Load the survival of a published series.

    Parameters
    ----------
    name : str, default "sillevissmitt2002"
        Its series_id (`published_references`), or author and year ("Sillevis Smitt 2002"). The default is the largest
        anti-Hu series with several points: S(3) = 0.64, S(12) = 0.40, S(36) = 0.22, from diagnosis, all grades.
    unit : {"months", "days", "weeks", "years"}

    Returns
    -------
    Reference
        Constant hazard between the published points; see `Reference.from_survival_points`.

    Raises
    ------
    ValueError
        If no such series is shipped, or there is no such unit.

    Examples
    --------
    >>> reference("sillevissmitt2002").survival([12]).round(2).tolist()
    [0.4]
    """
    shipped = _shipped()
    if isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        name = re.sub(r"[\W_]", "", name).casefold()
    if not isinstance(name, str) or name not in shipped:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(
            f"reference: name = {name!r}: no such published curve; shipped are {', '.join(shipped)}"
        )
    record, points = shipped[name]
    made = Reference.from_survival_points(
        list(points), list(points.values()), name=f"{record['antibody']}, n = {record['n']}",
        source=str(record["citation"]), unit="months",
    )  # fmt: skip
    if unit is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise ValueError("unit must be one of 'days', 'weeks', 'months', 'years'; got None")
    return made.in_unit(unit)


def reference_in(curve: str | Reference | Callable[[Any], Any], unit: TimeUnit | None) -> Reference:
    """Read what a `reference=` argument takes, with times in the unit of the data.

    Parameters
    ----------
    known : str, Reference or callable
        A published series by its name, a curve, or a cumulative hazard as a function of an array of times.
    unit : str or None
        Unit of the data; None where it is not known.

    Returns
    -------
    Reference
        In that unit; a curve without unit is taken in it.

    Raises
    ------
    ValueError
        If it is none of these, there is no such series, or the curve knows its unit and that of the data is not known.

    Examples
    --------
    >>> reference_in("sillevissmitt2002", None)
    Traceback (most recent call last):
    ValueError: the reference (anti-Hu, n = 73) is in months: say the unit of your times, unit="days" or another
    """
    check_unit(unit)
    if isinstance(curve, str):
        curve = reference(curve)
    if not isinstance(curve, Reference):
        if not callable(curve):
            message = f"reference must be a name, a Reference or a callable, got {type(curve).__name__}"
            raise ValueError(message)  # noqa: TRY004 - wrong input is a ValueError everywhere here
        return Reference("given cumulative hazard", _vectorised(curve), unit=unit)
    if curve.unit is None:
        return curve
    if unit is None:
        raise ValueError(
            f"the reference ({curve.name}) is in {curve.unit}: say the unit of your times, "
            'unit="days" or another'
        )
    return curve.in_unit(unit)


def _vectorised(function: Callable[[Any], Any]) -> Callable[[Vector], Vector]:
    """Look at the answers of a cumulative hazard that the caller wrote."""
    begun: list[float] = []

    def hazard(time: Vector) -> Vector:
        values = np.asarray(function(time), dtype=float)
        if values.shape != time.shape:
            raise ValueError(f"reference has shape {values.shape} for times of shape {time.shape}")
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if wrong.size:
            listed = ", ".join(f"H({time[i]:g}) = {values[i]:g}" for i in wrong[:8])
            raise ValueError(f"reference must be a cumulative hazard, finite and not negative: {listed}")
        order = np.argsort(time, kind="stable")
        falls = np.flatnonzero(np.diff(values[order]) < -1e-12 * values[order][:-1])
        if falls.size:
            pairs = [(order[i], order[i + 1]) for i in falls[:8]]
            listed = ", ".join(
                f"H({time[i]:g}) = {values[i]:g} then H({time[j]:g}) = {values[j]:g}" for i, j in pairs
            )
            of_survival = "; of a survival curve S it is -log S" if values.max() <= 1 else ""
            raise ValueError(
                f"reference must be a cumulative hazard, which never falls: {listed}{of_survival}"
            )
        if time.size and not begun:  # for as many patients as were given: it may know them one by one
            with np.errstate(divide="ignore", invalid="ignore"):
                begun.append(float(np.nanmax(np.append(function(np.zeros(time.shape)), 0.0))))
            if begun[0] > 1e-9:
                raise ValueError(
                    f"reference must be a cumulative hazard, which is 0 at time 0: H(0) = {begun[0]:g}"
                )
        return values

    return hazard

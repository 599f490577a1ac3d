"""On which day is each look, and who has been enrolled by then?

Input: simulated patients, the boundaries of a design, where accrual pauses, a safety rule.
Output: numbers by trial: what was decided, when, on whom, and how many more were enrolled.
Protocol section: design, endpoint.
Method: the course of a patient does not depend on the calendar, so the waits between patients and what each one does
are taken as they were drawn, and the looks are laid over them. An outcome is known on the day of its rating, on the
day of death, or when the window closes without either. A look takes place when the first patients of the design,
in the order of enrolment, all have an outcome; accrual goes on meanwhile, or pauses. A safety rule stops the trial
on the day on which the events among the first patients reach its count, whoever of them is still to be seen.
Next: `pnstrial.looks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.engine.kernels.layout import GAPS_PER_DAY
from pnstrial.numerics.time_units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.looks.boundaries import Boundaries
    from pnstrial.engine.patients import Patients

__all__ = ["EVENTS", "NAMES", "LooksRule", "event_days"]

Event = str | Callable[[Any], Any]

NAMES = (
    "design_success", "design_futility", "design_safety_stop", "design_stopped_early", "design_look",
    "design_decided_on", "design_enrolled", "design_overrun", "design_responders",
    "design_responders_with_overrun", "design_events", "design_months",
)  # fmt: skip
"""What a trial gives; `design_look` is the number of the look at which it ended, 0 where safety stopped it."""


def _deaths(patients: Patients) -> NDArray[Any]:
    return np.where(patients.death_seen == 1, patients.death_day, -1)


def _stops(patients: Patients) -> NDArray[Any]:
    return np.where(patients.stopped == 1, patients.last_dose_day, -1)


def _harms(patients: Patients) -> NDArray[Any]:
    return patients.harm_day


EVENTS: dict[str, Callable[[Any], Any]] = {"death": _deaths, "stopped": _stops, "harm": _harms}
"""Events that a safety rule can count: the day of each patient's own, -1 without one."""


def event_days(event: Event, patients: Patients, until: NDArray[np.int32]) -> NDArray[np.float64]:
    """Give the day of each patient's event, counted from his day 1; infinity where there is none by a day.

    Parameters
    ----------
    event : str or callable
        A name of `EVENTS`, or a function of the patients that gives days, -1 without an event.
    patients : Patients
    until : ndarray, shape (trials, patients)
        The last day that counts, of each patient.

    Returns
    -------
    ndarray, shape (trials, patients)

    Raises
    ------
    ValueError
        If a function gives another shape.
    """
    days = np.asarray(EVENTS[event](patients) if isinstance(event, str) else event(patients), dtype=float)
    if days.shape != patients.baseline.shape:
        raise ValueError(
            f"event: gave shape {days.shape} for {patients.baseline.shape} trials and patients; it must give a day for"
            " each patient, -1 without an event"
        )
    return np.where((days >= 0) & (days <= until), days, np.inf)


@dataclass(frozen=True)
class LooksRule:
    """A design with looks as a rule on simulated patients (`engine.patients.apply_rule`).

    Parameters
    ----------
    boundaries : Boundaries
    visit : int
        Position of the endpoint visit.
    visits : tuple of int
        Positions of all visits that parts of the endpoint are at.
    pauses : tuple of int
        Numbers of patients after which accrual waits for the look.
    event : str or callable
    safety : tuple of (int, int)
        Patients and the events among them that stop the trial.
    """

    boundaries: Boundaries
    visit: int
    visits: tuple[int, ...]
    pauses: tuple[int, ...] = ()
    event: Event = "death"
    safety: tuple[tuple[int, int], ...] = ()

    def __call__(self, patients: Patients) -> dict[str, NDArray[Any]]:
        """Lay the looks over the patients of many trials."""
        sizes = self.boundaries.sizes
        last = patients.window_end[:, :, self.visit]
        ready = self._known(patients)
        events = event_days(self.event, patients, last)
        responds = patients.response[:, :, self.visit] == 1
        if self.boundaries.second == "controlled":
            category = patients.category[:, :, self.visit]
            responds, second = category == 0, (category == 0) | (category == 1)
        else:
            second = ~np.isfinite(events)
        begin, answered = self._calendar(patients, ready)
        look_days = np.stack([answered[:, :n].max(axis=1) for n in sizes], axis=1)
        first = np.stack([responds[:, :n].sum(axis=1) for n in sizes], axis=1)
        other = np.stack([second[:, :n].sum(axis=1) for n in sizes], axis=1)
        code, look = self._decisions(first, other)
        trials = np.arange(len(code))
        end = look_days[trials, look].astype(float)
        harm = self._safety_day(begin + events)
        stopped = harm < end
        end = np.where(stopped, harm, end)
        entered = begin <= end[:, None]
        enrolled = entered.sum(axis=1)
        decided = np.where(stopped, (answered <= end[:, None]).sum(axis=1), np.asarray(sizes)[look])
        seen = entered & (answered <= end[:, None])
        within = np.arange(begin.shape[1])[None, :] < decided[:, None]
        among = np.where(stopped[:, None], seen, within)
        found = (
            (code == 1) & ~stopped, (code == -1) & ~stopped, stopped, stopped | (look < len(sizes) - 1),
            np.where(stopped, 0, look + 1), decided, enrolled, enrolled - decided, (responds & among).sum(axis=1),
            (responds & entered).sum(axis=1), (np.isfinite(events) & entered).sum(axis=1), end / DAYS_PER_MONTH,
        )  # fmt: skip
        return dict(zip(NAMES, found, strict=True))

    def _known(self, patients: Patients) -> NDArray[np.int64]:
        """Give the day, from day 1, on which all values are known that the endpoint asks for."""
        found: list[NDArray[np.int64]] = []
        for visit in self.visits:
            value, rating = patients.value[:, :, visit], patients.rating[:, :, visit]
            rated = (value >= 0) & (value == rating)
            last = patients.window_end[:, :, visit]
            ready = np.where(rated, patients.rating_day[:, :, visit], last)
            found.append(np.where((value >= 0) & ~rated, np.minimum(patients.death_day, last), ready))
        return np.maximum.reduce(found)

    def _calendar(
        self, patients: Patients, ready: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the calendar day of each patient's day 1, and that on which his outcome is known."""
        gaps = patients.gap / GAPS_PER_DAY
        trials, n = gaps.shape
        begin, answered = np.empty((trials, n), np.int64), np.empty((trials, n), np.int64)
        clock = np.zeros(trials)
        edges = [0, *(size for size in self.pauses if size < n), n]
        for low, high in pairwise(edges):
            screened = clock[:, None] + np.cumsum(gaps[:, low:high], axis=1)
            begin[:, low:high] = np.floor(screened).astype(np.int64) + patients.lag_days[:, low:high]
            answered[:, low:high] = begin[:, low:high] + ready[:, low:high]
            # nobody is screened before the look, on the day of which the last outcome came
            clock = np.maximum(screened[:, -1], answered[:, :high].max(axis=1) + 1.0)
        return begin, answered

    def _decisions(
        self, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
        """Give the first decision of each trial and its look; the last look ends it either way."""
        looks = first.shape[1]
        code = np.zeros(len(first), np.int8)
        look = np.full(len(first), looks - 1)
        going = np.ones(len(first), bool)
        for k in range(looks):
            now = self.boundaries.decide(k, first, second)
            ends = going & (now != 0)
            code[ends], look[ends] = now[ends], k
            going &= ~ends
        return code, look

    def _safety_day(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the calendar day on which the events first reach a count of the rule; infinity if never."""
        found = np.full(len(days), np.inf)
        for n, count in self.safety:
            if count <= n <= days.shape[1]:
                found = np.minimum(found, np.partition(days[:, :n], count - 1, axis=1)[:, count - 1])
        return found

"""When is the patient seen, what is decided then, and what is the trial to show?

Input: the sections visits, decision, endpoint, estimand, design and arms of a protocol file.
Output: one frozen part for each.
Protocol section: visits, decision, endpoint, estimand, design, arms.
Method: an outcome is a change on a scale at a visit, in a direction, by points and percent, with bounds on the later
value; the primary endpoint is one of them, or several joined by "all" or "any".
Next: `protocol`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, cast

import numpy as np
from pydantic import Field, field_validator, model_validator

from pnstrial import rules
from pnstrial.settings import Part, Sourced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "LAST_INFUSION",
    "Arm",
    "Decision",
    "Design",
    "Endpoint",
    "Estimand",
    "Outcome",
    "Visit",
    "in_order_of_time",
    "joined_answers",
]

LAST_INFUSION: Final = "last infusion"


class Visit(Sourced):
    """A visit: its target day and its window.

    In study days (day 1 = first infusion, no day 0); with ``after = "last infusion"`` in days after that infusion.
    A file may give them in weeks: ``target_week = 12`` is day 85, ``first_week``, ``last_week`` likewise.
    """

    name: str = Field(min_length=1)
    target_day: int = Field(ge=0)
    first_day: int = Field(ge=0)
    last_day: int = Field(ge=0)
    after: Literal["first infusion", "last infusion"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _weeks_are_days(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        table = dict(cast("dict[str, Any]", data))
        source = dict(table["source"]) if isinstance(table.get("source"), dict) else None
        first = 0 if table.get("after") == LAST_INFUSION else 1
        for name in ("target", "first", "last"):
            week = table.get(f"{name}_week")
            if not isinstance(week, int | float):
                continue  # which is then a key that does not exist
            if not float(7 * week).is_integer():
                raise ValueError(f"{name}_week is {week:g}, no whole number of days; give {name}_day")
            if f"{name}_day" in table:
                raise ValueError(f"{name}_week and {name}_day are both there; give one of the two")
            del table[f"{name}_week"]
            table[f"{name}_day"] = int(7 * week) + first
            if source is not None and f"{name}_week" in source:
                source[f"{name}_day"] = source.pop(f"{name}_week")
        return table if source is None else {**table, "source": source}

    @model_validator(mode="after")
    def _window_holds_target(self) -> Self:
        if not self.first_day <= self.target_day <= self.last_day:
            raise ValueError(
                f"window {self.first_day}-{self.last_day} does not hold the target day {self.target_day}"
            )
        if not self.anchored and self.first_day < 2:
            raise ValueError(f"first_day is {self.first_day}; a visit comes after day 1, the first infusion")
        return self

    @property
    def anchored(self) -> bool:
        """Whether its days count from the last infusion."""
        return self.after == LAST_INFUSION

    def days_in_words(self) -> str:
        """Write target and window: "day 85 (71 to 99)"."""
        days = f"{self.target_day} ({self.first_day} to {self.last_day})"
        return f"{days} days after the last infusion" if self.anchored else f"day {days}"


def in_order_of_time(visits: tuple[Visit, ...]) -> tuple[Visit, ...]:
    """Put a visit before the first of the same clock that comes later; visits already in order keep their places."""
    placed: list[Visit] = []
    for visit in visits:
        later = (
            place
            for place, other in enumerate(placed)
            if other.anchored == visit.anchored and other.target_day > visit.target_day
        )
        placed.insert(next(later, len(placed)), visit)
    return tuple(placed)


DecisionWord = Literal["continue", "discontinue"]


class Decision(Sourced):
    """The interim decision per patient; not a stopping rule of the trial.

    Attributes
    ----------
    visit : str
    follow_up_day : int
        Alive and in contact on this day, a patient who should go on is expected to have.
    scale : str or None
        The scale that is decided on; by default the endpoint's, with its improvement.
    improvement_points : int or float or None
        An improvement on that scale; by default 1 point, on the endpoint's scale as the endpoint says.
    improved, stable, deteriorated : {"continue", "discontinue"}
        What follows from each category.
    """

    visit: str
    follow_up_day: int = Field(
        ge=2, description="alive and in contact on this day, a patient who should go on is expected to have"
    )
    scale: str | None = None
    improvement_points: int | float | None = Field(default=None, gt=0)
    improved: DecisionWord | None = None
    stable: DecisionWord | None = None
    deteriorated: DecisionWord | None = None

    @property
    def rule(self) -> tuple[str, str, str]:
        """What follows from improved, stable and deteriorated."""
        return (
            self.improved or "continue",
            self.stable or "continue",
            self.deteriorated or "discontinue",
        )

    @property
    def continuing(self) -> tuple[str, ...]:
        """The categories with which treatment goes on."""
        names = ("improved", "stable", "deteriorated")
        return tuple(name for name, word in zip(names, self.rule, strict=True) if word == "continue")

    def change(self, endpoint: Endpoint) -> Outcome:
        """Give the change that is decided on: the endpoint's first part, but for what the decision states itself."""
        first, points = endpoint.parts()[0], self.improvement_points
        if self.scale not in {None, first.scale}:
            own = {"scale": self.scale, "improvement_points": points or 1, "improvement_percent": None}
            return first.model_copy(update=own)
        return first if points is None else first.model_copy(update={"improvement_points": points})

    def in_words(self, endpoint: Endpoint, better: str) -> str:
        """Say when treatment goes on: "mRS improved (at least 1 point below baseline) or stable: continue; ..."."""
        change = self.change(endpoint)
        wanted = improvement_in_words(change.improvement_points, change.improvement_percent, better)
        ways: dict[str, list[str]] = {}
        for category, way in zip(rules.CATEGORIES, self.rule, strict=True):
            ways.setdefault(way, []).append(f"improved ({wanted})" if category == "improved" else category)
        return f"{change.scale} " + "; ".join(f"{' or '.join(names)}: {way}" for way, names in ways.items())


ShiftTest = Literal["signed-rank, zeros after Pratt", "signed-rank, zeros after Wilcoxon", "sign"]
Direction = Literal["improved", "not deteriorated", "deteriorated", "any"]


class Outcome(Sourced):
    """A change on a scale at a visit.

    Attributes
    ----------
    name : str
    scale, visit : str
    direction : {"improved", "not deteriorated", "deteriorated", "any"}
        What the change must be; "any" asks only the bounds on the later value.
    improvement_points, improvement_percent
        What improved is, as in `Endpoint`.
    above, minimum, maximum : float or None
        Bounds on the later value: over, at least, at most. Death meets none.
    """

    name: str = Field(min_length=1)
    scale: str
    visit: str
    direction: Direction = "improved"
    improvement_points: int | float = Field(default=1, gt=0)
    improvement_percent: int | None = Field(default=None, ge=1, le=100)
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None

    def in_words(self, better: str) -> str:
        """Write what must hold, such as "EFIT at least 1 point above baseline, and over 0".

        Parameters
        ----------
        better : {"lower", "higher"}
            Of the scale.
        """
        wanted = {
            "improved": improvement_in_words(self.improvement_points, self.improvement_percent, better),
            "not deteriorated": "not worse than at baseline",
            "deteriorated": "worse than at baseline",
            "any": "",
        }[self.direction]
        bounds = ((self.above, "over"), (self.minimum, "at least"), (self.maximum, "at most"))
        parts = [wanted, *(f"{word} {value:g}" for value, word in bounds if value is not None)]
        return f"{self.scale} {', and '.join(part for part in parts if part)}"

    def holds(self, categories: Any, later: Any, died: Any = False) -> NDArray[np.int8]:
        """Say whether it holds: the direction, and the bounds on the later value.

        Parameters
        ----------
        categories : array of int
            Change categories, -1 where none.
        later : array of float
            Later values, nan where missing.
        died : array of bool, optional
            Where the later value is death, which meets no bound.

        Returns
        -------
        array of int8
            1 holds, 0 does not, -1 unknown.
        """
        wanted = {
            "improved": (rules.IMPROVED,),
            "not deteriorated": (rules.IMPROVED, rules.STABLE),
            "deteriorated": (rules.DETERIORATED,),
            "any": (),
        }[self.direction]
        codes, values = np.broadcast_arrays(np.asarray(categories), np.asarray(later, dtype=float))
        parts = [np.where(codes == rules.MISSING, -1, np.isin(codes, wanted))] if wanted else []
        with np.errstate(invalid="ignore"):
            bounds = [
                values > (self.above if self.above is not None else -np.inf),
                values >= (self.minimum if self.minimum is not None else -np.inf) - 1e-9,
                values <= (self.maximum if self.maximum is not None else np.inf) + 1e-9,
            ]
        inside = np.where(np.isnan(values), -1, np.logical_and.reduce(bounds))
        if (self.above, self.minimum, self.maximum) != (None, None, None) or not parts:
            parts.append(np.where(died, 0, inside))
        return joined_answers(parts, "all")


def joined_answers(parts: Sequence[Any], how: str) -> NDArray[np.int8]:
    """Join three-valued answers (1, 0, -1 unknown) by "all" or "any".

    Parameters
    ----------
    parts : sequence of array of int, all of one shape
        At least one.
    how : str
        "all": 0 decides; "any": 1 decides. What is not decided is unknown where any part is.

    Returns
    -------
    array of int8

    Examples
    --------
    >>> joined_answers([np.array([1, 1, 0]), np.array([-1, 1, -1])], "all").tolist()
    [-1, 1, 0]
    >>> joined_answers([np.array([1, 0, 0]), np.array([-1, 0, -1])], "any").tolist()
    [1, 0, -1]
    """
    table = np.array(parts, dtype=np.int8)
    decided = 0 if how == "all" else 1
    unknown = np.where((table == -1).any(axis=0), -1, 1 - decided)
    return np.where((table == decided).any(axis=0), decided, unknown).astype(np.int8)


def improvement_in_words(points: float, percent: int | None, better: str) -> str:
    """Write an improvement: "at least 1 point below baseline"."""
    side = "below" if better == "lower" else "above"
    also = "" if percent is None else f" and {percent:g} %"
    return f"at least {points:g} point{'' if points == 1 else 's'}{also} {side} baseline"


class Endpoint(Sourced):
    """The response: an improvement on a scale at a visit, by so many points and, if asked for, percent of baseline.

    Attributes
    ----------
    also : tuple of Outcome
        Further parts of a co-primary endpoint; the endpoint's own scale, visit and improvement are its first part.
    combine : {"all", "any"} or None
        How the parts are joined; "all" where nothing is said.
    above, minimum, maximum : float or None
        Bounds on the later value of the first part.
    secondary : tuple of Outcome
        Secondary endpoints, each with its own scale, visit and direction.
    """

    scale: str
    visit: str
    secondary_visits: tuple[str, ...] = ()
    improvement_points: int | float = Field(default=1, gt=0)
    improvement_percent: int | None = Field(default=None, ge=1, le=100)
    shift_test: ShiftTest = "signed-rank, zeros after Pratt"
    null_proportion: float | None = Field(default=None, gt=0, lt=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    on_treatment_days: int = Field(default=28, ge=0)
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    combine: Literal["all", "any"] | None = None
    also: tuple[Outcome, ...] = ()
    secondary: tuple[Outcome, ...] = ()

    tables: ClassVar[tuple[str, ...]] = ("also", "secondary")

    @field_validator("shift_test", mode="before")
    @classmethod
    def _short_names(cls, value: object) -> object:
        return f"signed-rank, zeros after {value}" if value in {"Pratt", "Wilcoxon"} else value

    @property
    def joined(self) -> bool:
        """Whether it has several parts, or a bound beside the change."""
        return bool(self.also) or self.bounded

    @property
    def bounded(self) -> bool:
        """Whether the later value has a bound."""
        return any(bound is not None for bound in (self.above, self.minimum, self.maximum))

    @property
    def joined_by(self) -> str:
        """How the parts are joined: "all" or "any"."""
        return self.combine or "all"

    def parts(self) -> tuple[Outcome, ...]:
        """Give every part of the primary endpoint, its own first."""
        keys = ("scale", "visit", "improvement_points", "improvement_percent", "above", "minimum", "maximum")
        own = {key: getattr(self, key) for key in keys}
        source = {key: self.source.get(key, "assumed") for key, value in own.items() if value is not None}
        first = Outcome.model_validate({"name": f"{self.scale} at {self.visit}", **own, "source": source})
        return (first, *self.also)


DeathStrategy = Literal["composite", "exclude"]
RescueStrategy = Literal["composite", "treatment policy"]
StoppedStrategy = Literal["treatment policy", "composite", "while on treatment"]
MissingStrategy = Literal["non-responder", "LOCF", "exclude", "best case"]


class Estimand(Sourced):
    """A strategy for each intercurrent event and a rule for missing values, asked in this order."""

    death: DeathStrategy
    rescue: RescueStrategy
    stopped: StoppedStrategy
    missing: MissingStrategy

    def strategies(self) -> dict[str, str]:
        """Give the four strategies by name."""
        return {key: getattr(self, key) for key in ("death", "rescue", "stopped", "missing")}


class Design(Sourced):
    """The planned sample size and test, against the endpoint's `null_proportion`.

    Attributes
    ----------
    n : int
        Patients planned in all.
    alpha : float
        One-sided.
    power, alternative : float or None
        Planned power under this proportion.
    reject_at : int or None
        The fewest responders that reject the null; by default the exact test's at `alpha`.
    first_stage_n, first_stage_stop_at : int or None
        Of a two-stage design: patients of stage 1, and the most responders with which the trial stops there.
    """

    n: int = Field(ge=1)
    alpha: float | None = Field(default=None, gt=0, lt=1)
    power: float | None = Field(default=None, gt=0, lt=1)
    alternative: float | None = Field(default=None, gt=0, lt=1)
    reject_at: int | None = Field(default=None, ge=1)
    first_stage_n: int | None = Field(default=None, ge=1)
    first_stage_stop_at: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        first, stop = self.first_stage_n, self.first_stage_stop_at
        if (first is None) != (stop is None):
            raise ValueError("first_stage_n and first_stage_stop_at go together")
        if first is not None and stop is not None:
            if not stop < first < self.n:
                raise ValueError(
                    f"first_stage_stop_at is {stop}, first_stage_n {first}, n {self.n}; each must be below the next"
                )
            if self.reject_at is None:
                raise ValueError(
                    "a two-stage design needs reject_at: the fewest responders in all that reject the null"
                )
        if self.reject_at is not None and self.reject_at > self.n:
            raise ValueError(f"reject_at is {self.reject_at}, over n = {self.n}")
        return self

    @property
    def two_stage(self) -> bool:
        """Whether the trial may stop after a first stage."""
        return self.first_stage_n is not None


class Arm(Part):
    """A treatment arm: a word of the column `arm` of the screening table. No comparison is promised."""

    name: str = Field(min_length=1)
    label: str | None = None
    source: str = Field(min_length=1)

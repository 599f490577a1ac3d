"""What was the patient's grade at baseline and at each visit, and what was decided?

Input: the rating, infusion, screening and follow-up tables, and the visits of the protocol.
Output: one row per enrolled patient and visit (mRS, date, derivation, category); one decision per patient.
Protocol section: visits, decision, primary_rater.
Method: day 1 is the first infusion (enrolment, if never infused), the day before it is day -1. In a window the
rating nearest the target counts, the later of two equally near; of several raters on that date the conservative
one: the lowest at baseline, the highest after it. Death is mRS 6 and never a rating.
Next: `endpoints`.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.eligibility import classify_medications, screen
from pnstrial.exposure import given_cycles, infusions_of
from pnstrial.frames import typed_frame, value_of
from pnstrial.numerics.arguments import display, even_array
from pnstrial.numerics.signatures import check_signature
from pnstrial.protocol import ProtocolError
from pnstrial.rules import interim_decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.eligibility import Screening
    from pnstrial.protocol import Outcome, Protocol, Visit

__all__ = [
    "DEATH",
    "MISSING",
    "OBSERVED",
    "Assessments",
    "VisitValues",
    "baseline",
    "decisions",
    "derive",
    "interim_decision",
    "study_day",
]

OBSERVED: Final = "observed"
DEATH: Final = "DEATH"
MISSING: Final = "missing"

Derived = TypeVar("Derived")

_DAY = np.timedelta64(1, "D")
_FINE: Final = 1e6
"""Scores of a scale without bounds are read to six decimals."""


def _days(name: str, dates: object) -> NDArray[np.datetime64]:
    """Read dates, written or not; None is a missing one."""
    given = even_array(name, dates)
    if given.dtype.kind in "OUM":
        with contextlib.suppress(TypeError, ValueError):
            return given.astype("datetime64[D]")
    raise ValueError(f"study_day: {name} = {display(dates)} must be dates, such as 2014-03-05")


def study_day(date: Any, day_1: Any) -> Any:
    """Count the days of a patient: day 1 is the first infusion, the day before it is day -1.

    Parameters
    ----------
    date, day_1 : array of datetime64

    Returns
    -------
    array of float
        Whole days, never 0; nan where a date is missing.

    Examples
    --------
    >>> days = np.array(["2014-03-04", "2014-03-05", "2014-03-06"], dtype="datetime64[D]")
    >>> study_day(days, np.datetime64("2014-03-05")).tolist()
    [-1.0, 1.0, 2.0]
    """
    check_signature(study_day, locals())
    gap = (_days("date", date) - _days("day_1", day_1)) / _DAY
    return np.where(gap >= 0, gap + 1, gap)


class Assessments:
    """A trial under a protocol: the dated values of its enrolled patients, and what follows, each derived once.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    outcome : Outcome, optional
        The scale, and what an improvement on it is; by default the first part of the primary endpoint.

    Attributes
    ----------
    patients : pandas.DataFrame
        One row per enrolled patient, indexed by patient_id: day_1, death_date, last_contact_date,
        screening_date, screening_mrs, screening_line, infused.
    ratings : pandas.DataFrame
        Usable ratings of these patients on the endpoint's scale (a grade, not death): patient_id, date, day, mrs
        (`score` on another scale), unit (of the scale), rater (mRS only), line.
    scale : Scale
        That of the outcome.
    """

    def __init__(self, trial: TrialData, protocol: Protocol, outcome: Outcome | None = None) -> None:
        trial, protocol = trial_and_protocol(trial, protocol)
        self.trial = trial
        self.protocol = protocol
        self.outcome = protocol.endpoint.parts()[0] if outcome is None else outcome
        self.scale = protocol.scale(self.outcome.scale)
        self._made: dict[Any, Any] = {}
        screening = trial.screening
        enrolled = screening[screening["enrolment_date"].notna()].drop_duplicates("patient_id")
        infusions = trial.infusions
        given = infusions[infusions["dose_g"] > 0]
        first = given.groupby("patient_id")["date"].min()
        last = given.groupby("patient_id")["date"].max()
        who = enrolled["patient_id"]
        follow_up = trial.follow_up.drop_duplicates("patient_id").set_index("patient_id")
        self.patients = pd.DataFrame(
            {
                "day_1": value_of(who, first).fillna(enrolled["enrolment_date"]).to_numpy(),
                "infused": who.isin(first.index).to_numpy(),
                "last_dose": value_of(who, last).to_numpy(),
                "death_date": value_of(who, follow_up["death_date"]).to_numpy(),
                "last_contact_date": value_of(who, follow_up["last_contact_date"]).to_numpy(),
                "in_follow_up": who.isin(follow_up.index).to_numpy(),
                "screening_date": enrolled["screening_date"].to_numpy(),
                "screening_mrs": enrolled["mrs"].to_numpy(),
                "screening_line": enrolled.index.to_numpy(),
            },
            index=pd.Index(who.to_numpy(dtype=object), name="patient_id"),
        )
        for column in ("day_1", "last_dose", "death_date", "last_contact_date", "screening_date"):
            self.patients[column] = self.patients[column].astype("datetime64[s]")
        scale, column = self.scale, self.scale.column
        table = trial.mrs if scale.table == "mrs" else trial.scales.assign(rater=None)
        own = (
            np.ones(len(table), dtype=bool)
            if scale.table == "mrs"
            else (table["scale"] == scale.name).to_numpy()
        )
        usable = (
            own & table[column].notna() & (table[column] != scale.dead_score) & table["patient_id"].isin(who)
        )
        ratings = table[usable][["patient_id", "date", column, "rater"]]
        self.ratings = self.dated(ratings.assign(unit=self._units(ratings[column])))

    def once(self, derive: Callable[..., Derived], *arguments: Any) -> Derived:
        """Derive something from this trial under this protocol, and keep it.

        Parameters
        ----------
        derive : callable
            Takes these assessments, then the arguments.
        *arguments
            Hashable.
        """
        key = (derive, *arguments)
        if key not in self._made:
            self._made[key] = derive(self, *arguments)
        return self._made[key]

    @cached_property
    def screening(self) -> Screening:
        """Eligibility of every screened patient."""
        return screen(self.trial, self.protocol)

    @cached_property
    def medications(self) -> pd.DataFrame:
        """The classified medication records."""
        return classify_medications(self.trial, self.protocol)

    @cached_property
    def cycles(self) -> pd.DataFrame:
        """The given cycles."""
        return given_cycles(self.trial, self.protocol)

    @cached_property
    def visit_values(self) -> VisitValues:
        """The value of every enrolled patient at every visit."""
        return VisitValues(_values(self), self.protocol)

    @cached_property
    def required_given(self) -> pd.Series:
        """Whether every drug that counts was given in all the cycles that are required of it."""
        found = pd.Series(data=True, index=self.patients.index)
        for drug in self.protocol.counted_drugs:
            early = self.cycles[(self.cycles["drug"] == drug.name) & (self.cycles["cycle"] <= drug.required)]
            counts = early.groupby("patient_id").size().reindex(self.patients.index).fillna(0)
            found &= counts >= drug.required
        return found

    def on(self, outcome: Outcome) -> Assessments:
        """Give the same trial on the scale of an outcome, with what an improvement is there."""
        settings = ("scale", "improvement_points", "improvement_percent")
        if all(getattr(outcome, name) == getattr(self.outcome, name) for name in settings):
            return self
        key = (Assessments.on, *(getattr(outcome, name) for name in settings))
        if key not in self._made:
            self._made[key] = Assessments(self.trial, self.protocol, outcome)
        return self._made[key]

    def on_scale(self, scale: str | None = None) -> Assessments:
        """Give the same for an endpoint on another scale, by one step of it; itself where none is named."""
        if scale is None or self.protocol.scale(scale).name == self.scale.name:
            return self
        wanted = self.protocol.scale(scale)
        change: dict[str, Any] = {
            "scale": wanted.name,
            "improvement_points": wanted.unit,
            "improvement_percent": None,
        }
        if self.protocol.endpoint.joined:
            change |= dict.fromkeys(("above", "minimum", "maximum", "combine")) | {"also": ()}
        return Assessments(self.trial, self.protocol.with_settings(endpoint=change))

    def dated(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add day 1 and the study day to dated records, with the line as a column."""
        dated = frame.reset_index(names="line")
        dated["day_1"] = value_of(dated["patient_id"], self.patients["day_1"])
        dated["day"] = study_day(dated["date"].to_numpy(), dated["day_1"].to_numpy())
        last = value_of(dated["patient_id"], self.last_infusion)
        dated["since_last"] = (dated["date"] - last).dt.days.astype(float)
        return dated

    @cached_property
    def last_infusion(self) -> pd.Series:
        """Date of the last infusion; day 1 for a patient never infused."""
        return self.patients["last_dose"].fillna(self.patients["day_1"])

    def day_at(self, visit: Visit, dates: pd.Series) -> NDArray[np.float64]:
        """Count dates of the patients as a visit counts: study days, or days after the last infusion."""
        if visit.anchored:
            return (dates - self.last_infusion).dt.days.to_numpy(dtype=float)
        return study_day(dates.to_numpy(), self.patients["day_1"].to_numpy())

    def date_at(self, visit: Visit, day: int) -> pd.Series:
        """Give the calendar date of a visit's day for every patient."""
        return self.last_infusion + pd.Timedelta(days=day) if visit.anchored else self.date_of(day)

    def _units(self, scores: Any) -> NDArray[Any]:
        """Turn scores into numbers that rise from better to worse: units, or steps of a scale without bounds."""
        if self.scale.bounded:
            return self.scale.to_units(scores)
        return _fine_steps(scores, self.scale.better)

    def _one_a_date(self, ratings: pd.DataFrame, *, highest: bool) -> pd.DataFrame:
        """Keep one rating per patient and date: the primary rater's, else the conservative one."""
        primary = self.protocol.primary_rater
        chosen = ratings.assign(
            second=(ratings["rater"] != primary) if primary is not None else False,
            worse=-ratings["unit"] if highest else ratings["unit"],
            n_raters=ratings.groupby(["patient_id", "date"])["unit"].transform("size"),
        )
        chosen = chosen.sort_values(["patient_id", "date", "second", "worse", "line"], kind="stable")
        return chosen.drop_duplicates(["patient_id", "date"])

    @cached_property
    def early(self) -> pd.DataFrame:
        """One rating per patient and date on or before day 1."""
        return self._one_a_date(self.ratings[self.ratings["day"] <= 1], highest=False)

    @cached_property
    def later(self) -> pd.DataFrame:
        """One rating per patient and date after day 1, in order of time."""
        return self._one_a_date(self.ratings[self.ratings["day"] > 1], highest=True)

    def date_of(self, day: int) -> pd.Series:
        """Give the calendar date of a study day (2 or later) for every patient."""
        check_signature(Assessments.date_of, locals())
        return self.patients["day_1"] + pd.Timedelta(days=day - 1)

    def last_until(self, until: pd.Series) -> pd.Series:
        """Give each patient's last rating after day 1 and up to a date; nan where there is none."""
        later = self.later
        within = later[later["date"] <= value_of(later["patient_id"], until)]
        last = within.drop_duplicates("patient_id", keep="last").set_index("patient_id")[self.scale.column]
        return last.reindex(self.patients.index)

    def categories(self, start: Any, later: Any, died: Any = False) -> NDArray[np.int8]:
        """Compare later scores with baselines under the protocol: the codes of `rules.CATEGORIES`, -1 for none.

        Parameters
        ----------
        start, later : array of float
            On the endpoint's scale, nan where missing.
        died : array of bool, optional
            Where the later value is death.
        """
        scale, end = self.scale, self.outcome
        percent = end.improvement_percent or 0
        if not scale.bounded:
            return categories_of_scores(start, later, died, end.improvement_points, percent, scale.better)
        settings = (scale.points(end.improvement_points), scale.dead, percent, scale.zero)
        points, dead, percent, zero = settings
        units = np.where(died, dead, scale.to_units(later))
        rule = rules.change_category_on(dead, points, percent, zero)
        return rule(scale.to_units(start), units, *settings)


def baseline(assessments: Assessments) -> pd.DataFrame:
    """Find the baseline mRS: the latest, on or before day 1, of the ratings and the screening mRS.

    Parameters
    ----------
    assessments : Assessments

    Returns
    -------
    pandas.DataFrame
        Indexed by patient_id: baseline_mrs (`baseline_score` on another scale), baseline_date, source_table,
        source_line. A rating goes before the
        screening mRS of the same date.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> frame = baseline(Assessments(trial, protocol))
    >>> frame.loc["BOR-01", ["baseline_mrs", "source_table"]].tolist()
    [np.float64(3.0), 'screening']
    """
    check_signature(baseline, locals())
    patients, scale = assessments.patients, assessments.scale
    rated = assessments.early.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    rated = rated.reindex(patients.index)
    screened = patients["screening_mrs"].notna() & (patients["screening_mrs"] != rules.DEAD)
    screened &= scale.table == "mrs"
    screened &= patients["screening_date"] <= patients["day_1"]
    screening_date = patients["screening_date"].where(screened)
    from_rating = rated["date"].notna() & ~(screening_date > rated["date"])
    frame = pd.DataFrame(index=patients.index)
    screening = patients["screening_mrs"].where(screened)
    frame[f"baseline_{scale.column}"] = rated[scale.column].where(from_rating, screening)
    frame["baseline_date"] = rated["date"].where(from_rating, screening_date)
    frame["source_table"] = pd.Series(scale.table, patients.index).where(from_rating, "screening")
    frame["source_line"] = rated["line"].where(from_rating, patients["screening_line"].where(screened))
    return frame


def nearest_in_window(dated: pd.DataFrame, visit: Visit) -> pd.DataFrame:
    """Keep for each patient the record nearest the visit's target day, the later of two equally near.

    Parameters
    ----------
    dated : pandas.DataFrame
        Records with patient_id, day and, for a visit after the last infusion, since_last; one per patient and date.
    visit : Visit

    Returns
    -------
    pandas.DataFrame
        Indexed by patient_id.
    """
    day = "since_last" if visit.anchored else "day"
    inside = dated[(dated[day] >= visit.first_day) & (dated[day] <= visit.last_day)]
    inside = inside.assign(far=(inside[day] - visit.target_day).abs(), back=-inside[day])
    return (
        inside.sort_values(["patient_id", "far", "back"], kind="stable")
        .drop_duplicates("patient_id")
        .set_index("patient_id")
    )


def codes(grades: Any) -> NDArray[np.int8]:
    """Turn grades with nan for missing into the integers of the rules (-1 = missing)."""
    values = np.asarray(grades, dtype=float)
    return np.where(np.isnan(values), rules.MISSING, values).astype(np.int8)


def _fine_steps(scores: Any, better: str) -> NDArray[Any]:
    """Count scores in the smallest step that they are read to, rising from better to worse; nan stays nan."""
    values = np.round(np.asarray(scores, dtype=float) * _FINE)
    return values if better == "lower" else -values


def categories_of_scores(
    start: Any, later: Any, died: Any, points: float, percent: int, better: str
) -> NDArray[np.int8]:
    """Ask the rule of the change category where the bounds of the scale are not known.

    Parameters
    ----------
    start, later : array of float
        nan where missing.
    died : array of bool
        Where the later value is death.
    points : float
    percent : int
        0 where none is asked for.
    better : {"lower", "higher"}

    Returns
    -------
    array of int8
        Codes of `rules.CATEGORIES`, -1 for none. Scores are whole numbers of the rule in the smallest step that
        they are read to, counted from the best one there is.

    Examples
    --------
    >>> categories_of_scores([4.0, 4.0, 4.0], [3.5, 3.6, 4.0], [False, False, True], 0.5, 0, "lower").tolist()
    [0, 1, 2]
    """
    first, second = np.broadcast_arrays(_fine_steps(start, better), _fine_steps(later, better))
    complete = np.concatenate([first, second, [0.0]])
    best, worst = float(np.nanmin(complete)), float(np.nanmax(complete))
    dead = int(worst - best) + 1
    fewest = max(1, math.ceil(points * _FINE - 1e-6))

    def unit(value: float) -> int:
        return rules.MISSING if math.isnan(value) else int(value - best)

    answers = [
        rules.change_category.scalar(unit(a), dead if lost else unit(b), fewest, dead, percent, int(-best))
        for a, b, lost in zip(first, second, np.broadcast_to(died, first.shape), strict=True)
    ]
    return np.array(answers, dtype=np.int8)


def named(answers: Any, names: tuple[str, ...]) -> NDArray[Any]:
    """Give the names of a rule's answers; None for -1."""
    return np.array([*names, None], dtype=object)[np.asarray(answers, dtype=int)]


@dataclass(frozen=True, eq=False)
class VisitValues:
    """The values at the visits, with the protocol under which they were found.

    Attributes
    ----------
    frame : pandas.DataFrame
        As `derive` gives it.
    protocol : Protocol
    """

    frame: pd.DataFrame
    protocol: Protocol

    @classmethod
    def recorded(cls, frame: pd.DataFrame, protocol: Protocol, improvement_points: float) -> VisitValues:
        """Take values that were derived elsewhere, if they can be of this protocol.

        Parameters
        ----------
        frame : pandas.DataFrame
            At least patient_id, visit, baseline and value of the scale, derivation, category.
        protocol : Protocol
        improvement_points : float
            By how many points a value had to be better to be called improved.

        Returns
        -------
        VisitValues

        Raises
        ------
        ProtocolError
            If the values have other visits than the protocol, or another improvement.
        """
        names = ", ".join(dict.fromkeys(str(name) for name in frame["visit"]))
        if missing_visits := [
            visit.name for visit in protocol.visits if visit.name not in set(frame["visit"])
        ]:
            raise ProtocolError(
                f"the values were derived under another protocol than {protocol.id}: "
                f"visit is {missing_visits[0]!r}; the analysed visits are {names or 'none'}"
            )
        if improvement_points != protocol.endpoint.improvement_points:
            raise ProtocolError(
                f"the values were derived under another protocol than {protocol.id}: improved is a "
                f"{'fall' if protocol.scale().better == 'lower' else 'rise'} of "
                f"{improvement_points} in the data, of {protocol.endpoint.improvement_points} in the protocol"
            )
        return cls(frame, protocol)


def derive(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Derive the mRS of every enrolled patient at every visit.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        One row per enrolled patient and visit, in the order of the screening table and of the protocol:
        patient_id, visit, baseline_mrs, baseline_date, day_1, mrs (0-6, nan missing; `score` and `baseline_score`
        where the endpoint is on another scale, nan for a death that is no grade of it), date, day, derivation
        ("observed", "DEATH" or "missing"), category ("improved", "stable", "deteriorated" or None), rater,
        n_raters, source_line.

    Notes
    -----
    1. The rating nearest the target day within the window, the later of two equally near; the date is sought
       among all raters.
    2. On that date the rating of the protocol's ``primary_rater`` if set and present, else the highest.
    3. DEATH (mRS 6, dated at the death) if the patient died on or before the target day, or after it within the
       window with no rating in the window.
    4. The category compares with the baseline; death is deteriorated, also without one.

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"],
    ...                                "enrolment_date": ["2014-03-02"], "mrs": [3]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A"], "date": ["2014-05-26"], "mrs": [2]}),
    ... })
    >>> derive(trial, pns.load_protocol("nct02343211"))[["visit", "mrs", "day", "category"]].values.tolist()
    [['Month 3', 2.0, 86.0, 'improved'], ['Month 6', nan, nan, None]]
    """
    return Assessments(trial, protocol).visit_values.frame


def _values(assessments: Assessments) -> pd.DataFrame:
    protocol, patients = assessments.protocol, assessments.patients
    column, at_start = assessments.scale.column, f"baseline_{assessments.scale.column}"
    start = assessments.once(baseline)
    later = assessments.later
    death_day = study_day(patients["death_date"].to_numpy(), patients["day_1"].to_numpy())
    parts: list[pd.DataFrame] = []
    for order, visit in enumerate(protocol.visits):
        rated = nearest_in_window(later, visit).reindex(patients.index)
        has_rating = rated[column].notna().to_numpy()
        dying = assessments.day_at(visit, patients["death_date"])
        with np.errstate(invalid="ignore"):
            died = (dying <= visit.target_day) | ((dying <= visit.last_day) & ~has_rating)
        part = pd.DataFrame(index=patients.index)
        part["visit"] = visit.name
        part[at_start] = start[at_start]
        part["baseline_date"] = start["baseline_date"]
        part["day_1"] = patients["day_1"]
        part[column] = np.where(died, assessments.scale.dead_score, rated[column].to_numpy(dtype=float))
        part["date"] = rated["date"].where(~died, patients["death_date"])
        part["day"] = np.where(died, death_day, rated["day"].to_numpy(dtype=float))
        part["derivation"] = np.where(died, DEATH, np.where(has_rating, OBSERVED, MISSING))
        answer = assessments.categories(part[at_start], part[column], died)
        part["category"] = pd.Series(named(answer, rules.CATEGORIES), part.index, dtype=object)
        part["rater"] = rated["rater"].where(~died, None)
        part["n_raters"] = rated["n_raters"].where(~died).fillna(0).astype(int)
        part["source_line"] = rated["line"].where(~died).astype("Int64")
        part["order"] = order
        part["place"] = np.arange(len(part))
        parts.append(part.reset_index())
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.sort_values(["place", "order"], kind="stable").drop(columns=["place", "order"])
    return frame.reset_index(drop=True)


def decisions(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Derive the interim decision of every enrolled patient, and whether it was kept.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        One row per enrolled patient: patient_id, decision ("continue", "discontinue", "dead",
        "not evaluable"), category, date (of the value decided on), deviation (a sentence or None). No row where the
        protocol has no decision.

    Notes
    -----
    The decision is a rule per patient, never a stopping rule of the trial. Two deviations are looked for: a later
    cycle infused after the rating's date although the decision was to discontinue; no later cycle given although
    it was to continue, by a patient who had all cycles before, has no adverse event with action "stopped", and
    was alive and in contact on the protocol's ``follow_up_day``.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> decisions(trial, protocol)["decision"].value_counts().to_dict()
    {'continue': 10, 'discontinue': 4, 'not evaluable': 3, 'dead': 1}
    """
    return decisions_of(Assessments(trial, protocol))


def decisions_of(assessments: Assessments) -> pd.DataFrame:
    """Derive the interim decisions, as `decisions` does."""
    trial, protocol, patients = assessments.trial, assessments.protocol, assessments.patients
    who = patients.index.to_series()
    decided = protocol.decision
    if decided is None:
        return _decision_frame(who[:0], *(np.array([], dtype=object) for _ in range(4)))
    frame = deciding(assessments).visit_values.frame
    at_visit = frame[frame["visit"] == decided.visit].set_index("patient_id")
    dead = (at_visit["derivation"] == DEATH).to_numpy().astype(np.int8)
    rule = [np.int8(rules.DECISIONS.index(word)) for word in decided.rule]
    answer = interim_decision(category_codes(at_visit["category"]), dead, *rule)
    cycles, infusions = assessments.cycles, infusions_of(trial, protocol)
    required = {drug.name: drug.required for drug in protocol.counted_drugs}
    late = cycles[cycles["cycle"] > cycles["drug"].map(required)]
    beyond = infusions["cycle"] > infusions["drug"].map(required)
    last_late = infusions[(infusions["dose_g"] > 0) & beyond].groupby("patient_id")["date"].max()
    after_rating = (value_of(who, last_late) > at_visit["date"]).to_numpy()
    events = trial.adverse_events
    stopped = who.isin(events.loc[events["action"] == "stopped", "patient_id"]).to_numpy()
    death_day = study_day(patients["death_date"].to_numpy(), patients["day_1"].to_numpy())
    contact_day = study_day(patients["last_contact_date"].to_numpy(), patients["day_1"].to_numpy())
    limit = decided.follow_up_day
    with np.errstate(invalid="ignore"):
        reachable = (np.isnan(death_day) | (death_day > limit)) & (contact_day >= limit)
    none_later = ~who.isin(late["patient_id"]).to_numpy()
    deviation = np.full(len(who), None, dtype=object)
    deviation[(answer == rules.DISCONTINUE) & after_rating] = (
        f"infused with a later cycle after the {decided.visit} decision to discontinue"
    )
    deviation[
        (answer == rules.CONTINUE)
        & assessments.required_given.to_numpy()
        & none_later
        & ~stopped
        & reachable
        & any(drug.cycles > drug.required for drug in protocol.counted_drugs)
    ] = f"no later cycle given although the {decided.visit} decision was to continue"
    return _decision_frame(
        who,
        named(answer, rules.DECISIONS),
        at_visit["category"].to_numpy(),
        at_visit["date"].to_numpy(),
        deviation,
    )


def deciding(assessments: Assessments) -> Assessments:
    """Give the assessments that the interim decision reads: on its own scale, if it has one."""
    decided = assessments.protocol.decision
    return assessments if decided is None else assessments.on(decided.change(assessments.protocol.endpoint))


def _decision_frame(who: pd.Series, decision: Any, category: Any, date: Any, deviation: Any) -> pd.DataFrame:
    columns = {"decision": decision, "category": category, "date": date, "deviation": deviation}
    frame = typed_frame({"patient_id": who.to_numpy(), **columns}, pd.RangeIndex(len(who)))
    return frame if len(frame) else frame.astype({"date": "datetime64[s]"})


def category_codes(names: pd.Series) -> NDArray[np.int8]:
    """Turn the names of change categories back into the integers of the rules (-1 = none)."""
    code = {name: number for number, name in enumerate(rules.CATEGORIES)}
    return names.map(code).fillna(rules.MISSING).to_numpy().astype(np.int8)

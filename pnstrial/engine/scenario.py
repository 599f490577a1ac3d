"""What is assumed about patients, sites and the disease when the trial is simulated?

Input: a TOML file, by name or path.
Output: `Scenario`, frozen and validated; whatever is wrong is named at once, before any work.
Protocol section: none; the scenario says how patients behave under the protocol.
Method: settings with strict types and stated ranges; the course of the disease is
`pnstrial.multistate.Course`, the rating error `pnstrial.multistate.RatingError`.
Next: `model`.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic reads it at run time
import math
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar, cast

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from pnstrial.data.schema import ANTIBODIES
from pnstrial.engine.scales.derived import DerivedScale  # noqa: TC001 - pydantic reads it at run time
from pnstrial.engine.success import ExactTest, SuccessRule
from pnstrial.multistate import Calibration, Course, RatingError, calibrate
from pnstrial.multistate.calibration import flat
from pnstrial.multistate.course import GRADES, rates_by_grade
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.settings import Part, SettingsFiles
from pnstrial.vocabulary import MRS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "Scenario",
    "ScenarioError",
    "load_scenario",
    "scenario_remarks",
    "scenario_text",
    "shipped_scenarios",
]

Share = Annotated[float, Field(ge=0, le=1)]
Shares = TypeVar("Shares", bound="tuple[float, ...] | dict[str, float]")
Count = Annotated[float, Field(ge=0, le=1e6)]
PerMonth = Annotated[float, Field(ge=0, le=100)]
Ratio = Annotated[float, Field(ge=0, le=1000)]
Ratios = Annotated[tuple[Ratio, ...], Field(min_length=2)]
Late = Annotated[float, Field(ge=1, le=10)]
RatingDay = Annotated[int, Field(ge=2, le=400)]


def _add_to_one(shares: Shares) -> Shares:
    added = math.fsum(shares.values() if isinstance(shares, dict) else shares)
    if abs(added - 1) > 1e-9:
        raise ValueError(f"the shares add to {added:.12g}; they must add to 1")
    return shares


def _add_to_at_most_one(shares: dict[str, float]) -> dict[str, float]:
    if (added := math.fsum(shares.values())) > 1 + 1e-9:
        raise ValueError(f"the shares add to {added:.12g}; allowed is at most 1")
    return shares


def _of_antibodies(shares: dict[str, float]) -> dict[str, float]:
    allowed = [name for name in ANTIBODIES if name != "none"]
    if unknown := sorted(set(shares) - set(allowed)):
        raise ValueError(f"{', '.join(unknown)} is not known; allowed are {', '.join(allowed)}")
    return shares


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message lists every wrong key with its value and what is allowed."""


_FILES = SettingsFiles("scenario", ScenarioError)
_KINDS: Final = {"success": "rule", "rating": "method"}
"""What names the kind of a section; settings of one kind mean nothing to another."""


class AntibodyTest(Part):
    """How good the antibody test at screening is, and how many of the screened truly carry an antibody."""

    sensitivity: Share = 1.0
    specificity: Share = 1.0
    positive_share: float = Field(default=1.0, ge=0.01, le=1)


class Enrolment(Part):
    """Who comes and when: Poisson arrival of screened patients, failures by criterion, up to the target.

    With `course_before_day_1` the disease goes on, without IVIg, between screening and day 1; who dies then is not
    enrolled. Else it stands still.
    """

    target: int = Field(default=17, ge=1, le=1000)
    sites: int = Field(default=1, ge=1, le=99)
    screened_per_month: float = Field(default=1.0, ge=0.01, le=1000)
    start_date: dt.date
    day_1_lag_days: Annotated[
        tuple[Annotated[float, Field(ge=0, le=28)], ...], Field(min_length=2, max_length=2)
    ] = (1, 7)
    failures: Annotated[dict[str, Share], AfterValidator(_add_to_at_most_one)] = Field(default_factory=dict)
    antibody_test: AntibodyTest = AntibodyTest()
    select_on_rating: bool = True
    course_before_day_1: bool = False


class Normal(Part):
    """A normal distribution cut to a range and rounded to whole units."""

    mean: float = Field(ge=0, le=300)
    sd: float = Field(ge=0.1, le=100)
    low: int = Field(ge=1, le=300)
    high: int = Field(ge=1, le=300)

    @model_validator(mode="after")
    def _range_holds_the_mean(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"mean {self.mean:g} lies outside low {self.low} to high {self.high}")
        return self


class Onset(Part):
    """Time since symptom onset on day 1 of a share of the patients."""

    months: float = Field(ge=0.1, le=60)
    share: Share


class Baseline(Part):
    """Who the patients are. `grades` is the distribution of the true grades of those who pass all else, best first.

    On the mRS it is called `mrs`. `tumour_treatment` is the share whose tumour is treated on day 1; the others begin
    at `tumour_treatment_per_month`.
    """

    mrs: (
        Annotated[tuple[Share, ...], Field(min_length=6, max_length=6), AfterValidator(_add_to_one)] | None
    ) = None
    grades: Annotated[tuple[Share, ...], Field(min_length=2), AfterValidator(_add_to_one)] | None = None
    antibody: Annotated[dict[str, Share], AfterValidator(_of_antibodies), AfterValidator(_add_to_one)]
    age: Normal = Normal(mean=63, sd=9, low=28, high=82)
    female: Share = 0.5
    weight_kg: Normal = Normal(mean=70, sd=12, low=40, high=120)
    onset: tuple[Onset, ...] = (Onset(months=3, share=1),)
    tumour_treatment: Share = 0.5
    tumour_treatment_per_month: PerMonth = 0.0

    @model_validator(mode="after")
    def _shares_of_onset_add_to_one(self) -> Self:
        added = sum(part.share for part in self.onset)
        if abs(added - 1) > 1e-9:
            raise ValueError(f"the shares of onset add to {added:g}; they must add to 1")
        if (self.mrs is None) == (self.grades is None):
            raise ValueError("the true grades are needed once: grades, or mrs on the mRS")
        return self

    @property
    def true_grades(self) -> tuple[float, ...]:
        """Distribution of the true grades, from the best on."""
        return self.grades or self.mrs or ()


class Rating(Part):
    """How the scale is rated: a named method or the agreement of two raters; one rater throughout, or not.

    For scales of many grades `sd` gives the standard deviation of a rating around the truth, in grades.
    """

    method: Literal["none", "unstructured", "structured", "focused"] = "unstructured"
    agreement: (
        Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=3, max_length=3)] | None
    ) = None
    sd: float | None = Field(default=None, ge=0, le=100)
    kernel: tuple[tuple[float, ...], ...] | None = None
    same_rater_agreement: Share | None = None

    def error(self, grades: int = GRADES) -> RatingError:
        """Build the rating error.

        Parameters
        ----------
        grades : int, default 6
            Living grades of the scale.

        Raises
        ------
        ValueError
            If the agreement or the kernel is none of two raters.
        """
        if self.kernel is not None:
            made = RatingError(cast("Any", self.kernel))
        elif self.agreement is not None:
            made = RatingError.from_agreement(*self.agreement, grades=grades)
        elif self.sd is not None:
            made = RatingError.from_sd(self.sd, grades)
        else:
            made = cast("RatingError", getattr(RatingError, self.method)(grades))
        if self.same_rater_agreement is not None:
            made = RatingError.same_rater(self.same_rater_agreement, made)
        return made

    @model_validator(mode="after")
    def _is_a_kernel(self) -> Self:
        self.error()
        return self


class Informative(Part):
    """By what the true grade, and its change from the baseline, multiply a probability or a rate.

    `by_grade` has one ratio per grade, from the best on; all 1 stands for any number of grades.
    """

    by_grade: Ratios = (1,) * GRADES
    improved: Ratio = 1.0
    worse: Ratio = 1.0

    def fits(self, grades: int) -> bool:
        """Say whether there is a ratio for each of so many grades."""
        return len(self.by_grade) == grades or set(self.by_grade) == {1}

    def ratios(self, grades: int = GRADES) -> NDArray[np.float64]:
        """Give the ratio by true grade at baseline and now."""
        grade = np.arange(grades)
        change = np.sign(grade[None, :] - grade[:, None])
        by_change = np.where(change < 0, self.improved, np.where(change > 0, self.worse, 1.0))
        own = self.by_grade if len(self.by_grade) == grades else np.ones(grades)
        return by_change * np.asarray(own, float)[None, :]


class VisitPattern(Part):
    """When visits take place: around the target day, uniformly, or not at all; extra ratings in between.

    `missed_ratios` multiplies the probability of a missed visit (up to 1) by how the patient is on that day.
    """

    jitter_days: int = Field(default=0, ge=0, le=60)
    missed: Share = 0.0
    missed_ratios: Informative = Informative()
    extra_rating_days: tuple[RatingDay, ...] = Field(default=(), max_length=8)


class Dropout(Part):
    """Patients who leave: a rate, which `ratios` multiplies. A death after it is not seen; IVIg ends."""

    per_month: PerMonth = 0.0
    ratios: Informative = Informative()
    withdrawn: Share = 0.5


class Rescue(Part):
    """Rescue immunotherapy: a constant rate, and chances on the day after a decision or a rating.

    `after_discontinuation` follows a decision to discontinue, `after_worse_rating` each rating worse than the baseline.
    What it does to the disease is `course.rescue`; the estimand says what it means for the response.
    """

    per_month: PerMonth = 0.0
    after_discontinuation: Share = 0.0
    after_worse_rating: Share = 0.0


class AdverseEvents(Part):
    """Adverse events: a probability per infusion; some of them stop IVIg for good.

    Thrombosis and haemolysis come besides them, with probabilities of their own; each is serious, and stops IVIg with
    the share that `thrombosis_stops` and `haemolysis_stops` give.
    """

    per_infusion: Share = 0.0
    stop: Share = 0.0
    thrombosis_per_infusion: Share = 0.0
    thrombosis_stops: Share = 1.0
    haemolysis_per_infusion: Share = 0.0
    haemolysis_stops: Share = 1.0
    serious: Share = 0.03
    grades: Annotated[tuple[Share, Share, Share, Share], AfterValidator(_add_to_one)] = (
        0.6,
        0.28,
        0.1,
        0.02,
    )
    terms: tuple[str, ...] = Field(
        default=("Headache", "Nausea", "Pyrexia", "Aseptic meningitis", "Haemolysis"), min_length=1
    )

    @property
    def stops(self) -> bool:
        """Whether an infusion can bring what stops treatment."""
        return (
            self.per_infusion * self.stop
            + self.thrombosis_per_infusion * self.thrombosis_stops
            + self.haemolysis_per_infusion * self.haemolysis_stops
        ) > 0


class TreatmentPattern(Part):
    """Late cycles (days after the planned date), cycles with another dose than planned, and deviations.

    `continued_anyway` is the share of patients who go on with IVIg although the decision is to discontinue;
    `unstated_dose_g` is what the tables show for a cycle of a drug without a stated dose.
    """

    late: Share = 0.0
    late_days: Annotated[
        tuple[Annotated[float, Field(ge=1, le=10)], ...], Field(min_length=2, max_length=2)
    ] = (1, 7)
    changed_dose: Share = 0.0
    dose_factor: float = Field(default=0.8, ge=0.1, le=2)
    continued_anyway: Share = 0.0
    unstated_dose_g: float = Field(default=1.0, gt=0, le=1000)


class FollowUp(Part):
    """How long patients are followed: each up to `months`, the trial to `after_last_months` from the last day 1.

    Days of independence are those in the grades up to number `independent_up_to` of the scale, the best being 0; where
    it is not stated up to the scale's cut between good and other outcomes, and all days alive where it has none.
    """

    months: float = Field(default=24.0, ge=6.5, le=120)
    after_last_months: float = Field(default=24.0, ge=6.5, le=120)
    independent_up_to: int | None = Field(default=None, ge=0, le=1000)


class SurvivalNull(Part):
    """Reference survival of the one-sample log-rank test: Weibull, with its one-sided alpha."""

    shape: float = Field(default=0.493, ge=0.05, le=20)
    scale_months: float = Field(default=15.08, ge=0.01, le=10000)
    alpha: float = Field(default=0.05, gt=0, lt=1)


class Series(Part):
    """The published series that the course is calibrated to. Published counts are ratings, not true grades.

    Attributes
    ----------
    improved, stable, deteriorated, dead, at_months
        As in `multistate.calibrate`; `deteriorated` includes the dead where `dead` is not given.
    survival : tuple of (float, float)
        Months and share alive then, all points of the source.
    population_hazard_ratio : float
        Hazard of dying of the trial's patients against that of the source of `survival`.
    die : tuple of float
        Ratios between the grades' rates of dying, by grade or as in `Course`.
    response : bool
        Whether the share improved is what the scenario expects: false where it assumes another effect on the course
        of the series.
    rating, selected, ratings_between_days
        How the series rated its patients, which rated grades it let in, and when it rated in between.
    """

    improved: Count
    stable: Count
    deteriorated: Count
    dead: Count | None = None
    at_months: float = Field(ge=0.1, le=60)
    survival: tuple[tuple[Annotated[float, Field(ge=0.01, le=600)], Share], ...] = ()
    population_hazard_ratio: float = Field(default=1.0, ge=0.01, le=100)
    die: Ratios | Ratio | dict[Literal["best", "worst"], Ratio] = (0.2, 0.2, 0.4, 1.0, 2.5, 5.0)
    response: bool = True
    rating: Rating = Rating(method="unstructured", same_rater_agreement=0.9)
    selected: tuple[Annotated[int, Field(ge=0, le=199)], ...] = (2, 3)
    ratings_between_days: tuple[RatingDay, ...] = ()


class Scenario(Part):
    """What is assumed when the protocol is simulated.

    Attributes
    ----------
    id, title, source, fit : str
        Which scenario, the published series it is calibrated to, and how well it fits.
    scale : str
        The scale whose grades the course runs on: that of the protocol's endpoint. Grades are numbered from its best.
    enrolment, baseline, course, rating, visits, dropout, rescue, adverse_events, treatment, follow_up
        See the class of each. Rates are per month of 365.25 / 12 days.
    survival_null : SurvivalNull
        What the one-sample log-rank test compares with.
    series : Series or None
        The published counts behind the course, as `calibration` takes them.
    scales : tuple of DerivedScale
        How the scores of the other scales follow from the grade of the course.
    success : ExactTest, TwoStage or BayesianRule
        When a trial is a success; by default what the protocol's design plans. A null of the protocol, where it has
        one, takes the place of that of an exact test.

    Examples
    --------
    >>> scenario = load_scenario("anti-hu")
    >>> scenario.enrolment.target, scenario.success.null
    (17, 0.1)
    >>> scenario.changed(enrolment={"target": 21}).enrolment.target
    21
    """

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    source: str = Field(min_length=1)
    fit: str = Field(min_length=1)
    scale: str = MRS
    enrolment: Enrolment
    baseline: Baseline
    course: Course
    rating: Rating = Rating()
    visits: VisitPattern = VisitPattern()
    dropout: Dropout = Dropout()
    rescue: Rescue = Rescue()
    adverse_events: AdverseEvents = AdverseEvents()
    treatment: TreatmentPattern = TreatmentPattern()
    follow_up: FollowUp = FollowUp()
    survival_null: SurvivalNull = SurvivalNull()
    series: Series | None = None
    scales: tuple[DerivedScale, ...] = ()
    success: SuccessRule = Field(default_factory=lambda: ExactTest(rule="planned"))

    @model_validator(mode="before")
    @classmethod
    def _grades_of_the_course(cls, content: Any) -> Any:
        """Tell the course how many grades there are, where it has rates for all of them together."""
        if not isinstance(content, dict):
            return content
        given = dict(cast("dict[str, Any]", content))
        base, course = given.get("baseline"), given.get("course")
        if isinstance(base, dict) and isinstance(course, dict):
            shares = cast("dict[str, Any]", base).get("grades")
            if isinstance(shares, list | tuple):
                given["course"] = {"grades": len(cast("list[Any]", shares)), **cast("dict[str, Any]", course)}
        return given

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        k = self.grades
        wrong = [] if self.course.grades == k else [
            f"course has {self.course.grades} grades, baseline {k}: both are on the scale {self.scale}"
        ]  # fmt: skip
        if self.baseline.mrs is not None and self.scale != MRS:
            wrong.append(f"baseline.mrs is of the {MRS}; the grades of {self.scale} are baseline.grades")
        for key, part in (
            ("visits.missed_ratios", self.visits.missed_ratios),
            ("dropout.ratios", self.dropout.ratios),
        ):
            if not part.fits(k):
                wrong.append(
                    f"{key}.by_grade has {len(part.by_grade)} ratios; allowed are {k}, one per grade"
                )
        names = [derived.name for derived in self.scales]
        wrong += [f"scales has {n} twice" for n in sorted({n for n in names if names.count(n) > 1})]
        ratings = {"rating": self.rating} | (
            {} if self.series is None else {"series.rating": self.series.rating}
        )
        for key, rating in ratings.items():
            if (size := rating.error(k).living) != k:
                wrong.append(f"{key}.kernel is of {size} grades; {self.scale} has {k}")
        if self.series is not None:
            die = rates_by_grade(self.series.die, k)
            if isinstance(die, tuple) and len(die) != k:
                wrong.append(
                    f"series.die has {len(die)} ratios; give {k}, one per grade, or {{best = ..., worst = ...}}"
                )
            if beyond := [grade for grade in self.series.selected if grade >= k]:
                wrong.append(f"series.selected holds {beyond}; {self.scale} has the grades 0 to {k - 1}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def grades(self) -> int:
        """Number of living grades of the scale of the course."""
        return len(self.baseline.true_grades)

    def calibration(self) -> Calibration:
        """Calibrate the rates anew to the published series of the scenario.

        Returns
        -------
        Calibration
            Its course holds the rates that belong to the series; ratios of treatment are the scenario's own.

        Raises
        ------
        ScenarioError
            If the scenario names no series.
        """
        if self.series is None:
            raise ScenarioError(f"scenario {self.id} names no series to calibrate to (section series)")
        series, onset = self.series, self.baseline.onset
        die = cast("list[float]", rates_by_grade(series.die, self.grades))
        return calibrate(
            improved=series.improved, stable=series.stable, deteriorated=series.deteriorated, dead=series.dead,
            at_months=series.at_months, survival=dict(series.survival),
            baseline=self.baseline.true_grades, shape=flat(self.grades).model_copy(update={"die": tuple(die)}),
            changing_hazard=len(series.survival) + (series.dead is not None) > 1,
            months_since_onset={part.months: part.share for part in onset}, rating=series.rating.error(self.grades),
            selected=series.selected, ratings_between=[day / DAYS_PER_MONTH for day in series.ratings_between_days],
            population_hazard_ratio=series.population_hazard_ratio,
        )  # fmt: skip

    def with_exact_test(self) -> Scenario:
        """Give the same scenario with the test of a plan instead of the plan, which is of one size."""
        if self.success.rule != "planned":
            return self
        return self.model_copy(update={"success": self.success.model_copy(update={"rule": "exact test"})})

    def changed(self, **sections: dict[str, Any]) -> Scenario:
        """Give the same scenario with other settings.

        Parameters
        ----------
        **sections : dict
            Settings by section, such as ``dropout={"per_month": 0.02}``. Another ``rule`` of success or another
            ``method`` of rating replaces its section whole: nothing of the former one stays.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            For a section, key or value that is not allowed.
        """
        content = self.model_dump(exclude_none=True)
        for section, settings in sections.items():
            if not isinstance(content.get(section), dict):
                raise ScenarioError(f"scenario {self.id} has no section {section!r} that settings can change")
            kind = _KINDS.get(section)
            another = kind is not None and settings.get(kind, content[section].get(kind)) != content[
                section
            ].get(kind)
            content[section] = dict(settings) if another else {**content[section], **settings}
        return _FILES.validated(Scenario, content, f"scenario {self.id}, changed")

    @classmethod
    def from_toml(cls, text: str, *, where: str = "scenario") -> Scenario:
        """Read a scenario from the text of a TOML file.

        Parameters
        ----------
        text : str
        where : str
            What the error message calls it.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            With every wrong key, its value and what is allowed.
        """
        check_signature(Scenario.from_toml, locals())
        return _FILES.validated(cls, _FILES.content(text, where), where)


def shipped_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with the package.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "anti-hu" in shipped_scenarios()
    True
    """
    return _FILES.names()


def scenario_text(name_or_path: str | Path) -> str:
    """Give the text of a scenario file, to be saved and changed.

    Parameters
    ----------
    name_or_path : str or Path

    Returns
    -------
    str

    Raises
    ------
    ScenarioError
        If there is no such file or shipped name.

    Examples
    --------
    >>> scenario_text("anti-hu").splitlines()[0]
    'id = "anti-hu"'
    """
    check_signature(scenario_text, locals())
    return _FILES.text(name_or_path)[0]


def scenario_remarks(name_or_path: str | Path) -> dict[str, str]:
    """Give what a scenario file says beside its settings: where each is from, or that it is assumed.

    Returns
    -------
    dict of str to str
        By dotted key, those of the scenarios that it is based on below its own.
    """
    return _FILES.remarks(name_or_path)


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Load a scenario by its shipped name or from a file.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `shipped_scenarios` or a TOML file.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        If there is no such file, or with every wrong key of it, its value and what is allowed.

    Examples
    --------
    >>> load_scenario("anti-hu").id
    'anti-hu'
    """
    check_signature(load_scenario, locals())
    text, where, folder = _FILES.text(name_or_path)
    return _FILES.validated(Scenario, _FILES.content(text, where, folder), where)

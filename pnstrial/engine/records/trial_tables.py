"""What would the tables of one simulated trial look like?

Input: `Protocol`, `Scenario`, a seed and the number of the trial within the run of that seed.
Output: `TrialData`: the seven tables a real trial has, with the truth beside them.
Protocol section: all of it.
Method: the patients are the rows that the trial kernel counts, from the same draws; what no quantity needs (age,
laboratory values, names of events) comes from a second stream of the same seed.
Next: `engine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.engine.blocks import BLOCK
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.model import Model, build_model, check_pair
from pnstrial.engine.plan import plan_of
from pnstrial.engine.records.criteria import Values, immunotherapy_record
from pnstrial.engine.records.scores import Scores
from pnstrial.engine.strata import DIED, allowed_antibodies, allowed_grades
from pnstrial.engine.tables import block_key
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.clearance import creatinine_at_clearance
from pnstrial.numerics.signatures import check_signature
from pnstrial.numerics.time_units import DAYS_PER_MONTH
from pnstrial.vocabulary import MRS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.engine.scenario import Normal, Scenario
    from pnstrial.protocol import Drug, Protocol

__all__ = ["PatientRecords", "patient_records", "simulate_trial"]

_CANCERS: Final = ("small-cell lung cancer", "ovarian cancer", "breast cancer", "no tumour found")
_HARMS: Final = ("Thrombosis", "Haemolysis")
_TABLES: Final = ("screening", "medications", "infusions", "mrs", "scales", "adverse_events", "follow_up")


@dataclass(frozen=True)
class PatientRecords:
    """One trial as the kernels see it.

    Parameters
    ----------
    model : Model
    rows : ndarray of int64, shape (enrolled, layout.row_width(visits, cycles))
    clocks : ndarray of float, shape (enrolled, 2)
        Calendar times, in days, between which each of them was waited for.
    failures : int
        Patients who failed screening.
    """

    model: Model
    rows: NDArray[np.int64]
    clocks: NDArray[np.float64]
    failures: int


def patient_records(protocol: Protocol, scenario: Scenario, seed: int = 1, trial: int = 0) -> PatientRecords:
    """Simulate one trial of a run and keep its patients.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    seed : int, default 1
        Seed of the run.
    trial : int, default 0
        Number of the trial within the run.

    Returns
    -------
    PatientRecords

    Raises
    ------
    ValueError
        If seed or trial is negative, or protocol and scenario do not fit.

    Examples
    --------
    >>> import pnstrial as pns
    >>> records = patient_records(pns.load_protocol(), pns.load_scenario("anti-hu"), seed=1)
    >>> len(records.rows), records.failures  # enrolled, and screened without being enrolled
    (17, 12)
    """
    check_pair(protocol, scenario)
    check_signature(patient_records, locals())
    from pnstrial.engine.kernels.random import start
    from pnstrial.engine.kernels.trial import enrol, failures

    Checks("simulate_trial").seed("seed", seed).count("trial", trial).done()
    seed, trial = int(seed), int(trial)
    model = build_model(protocol, scenario, everything=True)
    n = int(model.whole[at.N])
    rows = np.full((n, at.row_width(len(model.visits), int(model.whole[at.CYCLES_ALL]))), -1, np.int64)
    clocks = np.empty((n, 2))
    stream = np.empty(int(model.whole[at.DRAWS]), np.uint64)
    start(stream, block_key(seed, trial // BLOCK), trial % BLOCK)
    enrolled, waited, _ = enrol(model.whole, model.real, model.words, rows, clocks, np.empty(at.PATH), stream)
    failed = failures(waited, model.real, stream)
    return PatientRecords(model, rows[:enrolled], clocks[:enrolled], int(failed))


def simulate_trial(protocol: Protocol, scenario: Scenario, seed: int = 1, *, trial: int = 0) -> TrialData:
    """Simulate one trial: the tables a real trial has, with the truth beside them.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    seed : int, default 1
    trial : int, default 0
        Which trial of the run ``simulate_trials(protocol, scenario, seed=seed)``: its patients are the same.

    Returns
    -------
    TrialData
        Never with an `error` finding. ``truth["patients"]`` has one row per enrolled patient (true grades, days of
        death, drop-out and rescue as offsets from day 1, whether seen or not) and ``truth["visits"]`` the true
        grade at each visit.

    Raises
    ------
    ValueError
        If seed or trial is negative, or protocol and scenario do not fit.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial = simulate_trial(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), seed=1)
    >>> int(trial.screening["enrolment_date"].notna().sum()), sorted(trial.truth)
    (17, ['patients', 'visits'])
    """
    check_pair(protocol, scenario)
    check_signature(simulate_trial, locals())
    from pnstrial.data import TrialData

    records = patient_records(protocol, scenario, seed, trial)
    seed, trial = int(seed), int(trial)
    writer = _Writer(
        protocol, scenario, records, np.random.default_rng(np.random.SeedSequence((seed, trial, 7)))
    )
    frames, truth = writer.write()
    return TrialData.from_frames(
        frames,
        synthetic=True,
        truth=truth,
        source=f"simulated: scenario {scenario.id}, seed {seed}, trial {trial}",
        protocol=protocol,
    )


class _Writer:
    """Write the rows of one trial out as tables."""

    def __init__(
        self, protocol: Protocol, scenario: Scenario, records: PatientRecords, draws: np.random.Generator
    ) -> None:
        self.protocol, self.scenario, self.records, self.draws = protocol, scenario, records, draws
        self.values = Values(protocol, draws)
        self.plan = plan_of(protocol)
        self.scores = Scores(protocol, scenario, records.model.asked, draws)
        self.opened = np.datetime64(scenario.enrolment.start_date, "D")
        self.tables: dict[str, list[dict[str, Any]]] = {name: [] for name in _TABLES}
        self.truth: list[dict[str, Any]] = []
        self.true_visits: list[dict[str, Any]] = []
        rows = records.rows
        starts = rows[:, at.SCREENED_DAY] + rows[:, at.LAG]
        self.closing = int(starts.max()) + int(records.model.whole[at.CLOSING])

    def write(self) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
        """Give the tables and the truth."""
        import pandas as pd

        from pnstrial.data.allowed import collected_tables

        rows = self.records.rows
        screened = [(int(row[at.SCREENED_DAY]), 0, i) for i, row in enumerate(rows)]
        screened += [(day, 1, cell) for day, cell in self._failures()]
        width = max(3, len(str(len(screened))))
        for number, (day, failed, i) in enumerate(sorted(screened), start=1):
            patient = f"P{number:0{width}d}"
            if failed:
                self._failure(patient, day, i)
            else:
                self._enrolled(patient, rows[i])
        columns = _columns(self.protocol)
        own = collected_tables(self.protocol)
        frames = {
            name: pd.DataFrame(table, columns=columns[name])
            for name, table in self.tables.items()
            if name != "mrs" or name in own  # a trial without that scale has no such table
        }
        truth = {"patients": pd.DataFrame(self.truth), "visits": pd.DataFrame(self.true_visits)}
        return frames, truth

    def _failures(self) -> list[tuple[int, int]]:
        """Draw day and entry cell of those who failed screening, at any time while patients were waited for."""
        model, clocks = self.records.model, self.records.clocks
        waited = clocks[:, 1] - clocks[:, 0]
        until = np.cumsum(waited)
        times = self.draws.uniform(0, until[-1], self.records.failures)
        gap = np.minimum(np.searchsorted(until, times, side="right"), len(until) - 1)
        days = (clocks[gap, 1] - (until[gap] - times)).astype(int)
        share = np.where(model.entry_codes[:, 0] > 0, model.entry_probabilities, 0.0)
        cells = self.draws.choice(share.size, times.size, p=share / share.sum()) if times.size else []
        return [(int(day), int(cell)) for day, cell in zip(days, cells, strict=True)]

    def _date(self, day: int) -> str:
        return str(self.opened + np.timedelta64(day, "D"))

    def _whole(self, shape: Normal) -> int:
        """Draw a whole number from a normal distribution cut to its range."""
        while True:
            value = round(float(self.draws.normal(shape.mean, shape.sd)))
            if shape.low <= value <= shape.high:
                return value

    def _screened(self, patient: str, day: int, weight: int) -> dict[str, Any]:
        """Fill in a screening row that passes every criterion but those about antibody, onset and scores."""
        base = self.scenario.baseline
        age = self._whole(base.age)
        sex = "female" if self.draws.random() < base.female else "male"
        clearance = self.draws.uniform(60, 120)
        creatinine = round(float(creatinine_at_clearance(age, weight, sex == "female", clearance)), 1)
        questions = (column for column in self.values.schema.values() if column.words == ("yes", "no"))
        row: dict[str, Any] = {column.name: "no" for column in questions} | {
            "patient_id": patient, "site": f"S{int(self.draws.integers(self.scenario.enrolment.sites)) + 1:02d}",
            "screening_date": self._date(day), "consent_date": self._date(day), "age": age, "sex": sex,
            "weight_kg": weight, "height_cm": round(float(self.draws.normal(162 if sex == "female" else 175, 6))),
            "pns_level": "definite", "cancer": str(self.draws.choice(_CANCERS)), "creatinine_umol_l": creatinine,
            "pregnant_or_lactating": "no" if sex == "female" else None,
        }  # fmt: skip
        if self.protocol.arms:
            row["arm"] = str(self.draws.choice([arm.name for arm in self.protocol.arms]))
        return self.values.passing(row)

    def _screening_scores(self, row: dict[str, Any], day: int, rated: int, others: dict[str, float]) -> None:
        """Write what was scored at screening: the mRS into the row itself, other scales into their table."""
        given = {self.scores.own.name: self.scores.of(rated), **others}
        for name, score in given.items():
            if name == MRS:
                row["mrs"] = int(score)
            else:
                self._score(row["patient_id"], day, name, score)

    def _score(self, patient: str, day: int, name: str, score: float) -> None:
        self.tables["scales"].append(
            {"patient_id": patient, "date": self._date(day), "scale": name, "score": score}
        )

    def _failure(self, patient: str, day: int, cell: int) -> None:
        """Write a patient who failed screening, with the value that failed."""
        model = self.records.model
        weight = self._whole(self.scenario.baseline.weight_kg)
        row = self._screened(patient, day, weight)
        code = model.entry_codes[cell]
        reason = model.failed[int(code[0]) - 1]
        low, high = allowed_grades(self.protocol)
        rated = int(self.draws.integers(low, high + 1))
        grade, rated = (int(code[2]), int(code[3])) if int(code[3]) >= 0 else (rated, rated)
        latest = [31 * c.within_months - 10 for c in self.protocol.criteria if c.kind == "onset"]
        row["symptom_onset_date"] = self._date(day - int(self.draws.integers(10, min([120, *latest]))))
        row["antibody_serum"] = str(self.draws.choice(allowed_antibodies(self.protocol, self.scenario)))
        criterion = None if reason == DIED else self.values.criteria[reason]
        self._screening_scores(row, day, rated, self.scores.at_screening(grade, criterion))
        if criterion is None:
            self.tables["screening"].append(row)
            self._died_before_day_1(patient, day + int(code[5]))
            return
        if criterion.kind == "immunotherapy":
            self.tables["medications"].append(
                {"patient_id": patient, **immunotherapy_record(self.protocol), "indication": "pns",
                 "start_date": self._date(day - 20), "stop_date": None}
            )  # fmt: skip
        if int(code[3]) < 0:
            row |= self.values.failing(criterion.id, row, self.opened + np.timedelta64(day, "D"))
        self.tables["screening"].append(row)

    def _died_before_day_1(self, patient: str, day: int) -> None:
        """Write the end of a patient who passed the criteria and died before enrolment."""
        cause = str(self.draws.choice(["tumour", "neurological", "other"]))
        self.tables["follow_up"].append(
            {"patient_id": patient, "last_contact_date": self._date(day), "status": "dead",
             "death_date": self._date(day), "death_cause": cause}
        )  # fmt: skip

    def _enrolled(self, patient: str, row: NDArray[np.int64]) -> None:
        """Write an enrolled patient into all tables."""
        model = self.records.model
        stratum = model.strata[int(row[at.STRATUM])]
        screened = int(row[at.SCREENED_DAY])
        start = screened + int(row[at.LAG])
        end = min(int(model.whole[at.FOLLOW_UP]), self.closing - start)
        dropped = 0 <= row[at.DROPPED] <= end
        end = int(row[at.DROPPED]) if dropped else end
        died = row[at.DEATH_SEEN] == 1 and row[at.DEATH] <= end
        end = int(row[at.DEATH]) if died else end
        first = self._screened(patient, screened, int(row[at.WEIGHT]))
        first["enrolment_date"] = self._date(start)
        decision = int(model.whole[at.DECISION_VISIT])
        visits = [
            (
                v,
                int(row[here + at.V_TRUE]),
                int(row[here + at.V_ALSO]),
                int(row[at.DECIDED]) if v == decision else -1,
            )
            for v, here in enumerate(at.VISIT + v * at.VISIT_WIDTH for v in range(len(self.protocol.visits)))
            if row[here + at.V_DAY] >= 0
        ]
        grade = int(row[at.TRUE_BASELINE])
        start_of_grade = int(row[at.START]) - grade * int(model.whole[at.STARTS])
        before = self.scores.at_screening(grade)
        before, after = self.scores.joined(grade, start_of_grade, before, visits)
        self._screening_scores(first, screened, int(row[at.BASELINE]), before)
        first["symptom_onset_date"] = self._date(start - round(stratum.onset_months * DAYS_PER_MONTH))
        antibody = stratum.antibody or str(
            self.draws.choice(allowed_antibodies(self.protocol, self.scenario))
        )
        first["antibody_serum"] = antibody
        first["antibody_csf"] = antibody if self.draws.random() < 0.5 else None
        self.tables["screening"].append(first)
        self._medications(patient, row, start, end, treated=stratum.tumour_treatment)
        self._treatment(patient, row, start, end, first["height_cm"])
        self._other_drugs(patient, row, start, first["height_cm"])
        self._ratings(patient, row, start, set(before), iter(after))
        left = "withdrawn" if self.draws.random() < self.scenario.dropout.withdrawn else "lost"
        self.tables["follow_up"].append(
            {
                "patient_id": patient, "last_contact_date": self._date(start + end),
                "status": "dead" if died else left if dropped else "alive",
                "death_date": self._date(start + end) if died else None,
                "death_cause": str(self.draws.choice(["tumour", "neurological", "other"])) if died else None,
            }
        )  # fmt: skip
        self.truth.append(
            {
                "patient_id": patient, "antibody": stratum.antibody, "tumour_treatment": stratum.tumour_treatment,
                "months_since_onset": stratum.onset_months, "true_baseline": self.scores.of(row[at.TRUE_BASELINE]),
                "death_day": _day(row[at.DEATH]), "death_seen": bool(died), "dropout_day": _day(row[at.DROPPED]),
                "rescue_day": _day(row[at.RESCUE]), "last_true_grade": self.scores.of(row[at.TRUE_END]),
                "stopped_for_adverse_event": bool(row[at.STOPPED] == 1), "group": stratum.group,
                "damaged_on_day_1": stratum.damaged, "damage_day": _day(row[at.DAMAGE_DAY]),
                "tumour_treatment_day": _day(row[at.TUMOUR_DAY]),
            }
        )  # fmt: skip

    def _medications(
        self, patient: str, row: NDArray[np.int64], start: int, end: int, *, treated: bool
    ) -> None:
        begins = -7 if treated else int(row[at.TUMOUR_DAY])
        if treated or 0 < begins <= end:
            self.tables["medications"].append(
                {"patient_id": patient, "medication": "Carboplatin", "atc": "L01XA02", "indication": "tumour",
                 "start_date": self._date(start + begins), "stop_date": None}
            )  # fmt: skip
        if 0 < row[at.RESCUE] <= end:
            self.tables["medications"].append(
                {"patient_id": patient, **immunotherapy_record(self.protocol, 1), "indication": "pns",
                 "start_date": self._date(start + int(row[at.RESCUE])), "stop_date": None}
            )  # fmt: skip

    def _infusion(self, patient: str, drug: Drug, cycle: int, day: int, weight: int, dose: float) -> None:
        named = {"drug": drug.name} if len(self.protocol.drugs) > 1 else {}
        self.tables["infusions"].append(
            {"patient_id": patient, "cycle": cycle, "date": self._date(day), "weight_kg": weight,
             "dose_g": round(dose, 2 if dose >= 1 else 4), **named}
        )  # fmt: skip

    def _daily_dose(self, drug: Drug, weight: int, height: float) -> float:
        """Give the planned dose of an infusion day; the scenario's, where the protocol states none."""
        planned = drug.planned_g(weight, height) if drug.has_dose else self.scenario.treatment.unstated_dose_g
        return planned / drug.infusion_days

    def _other_drugs(self, patient: str, row: NDArray[np.int64], start: int, height: float) -> None:
        """Write the infusions of the drugs that are given beside the one that is followed, on their days."""
        ends = [int(row[place]) - 1 for place in (at.DEATH, at.DROPPED) if row[place] >= 0]
        ends += [int(row[at.LAST_DOSE])] if row[at.STOPPED] == 1 else []
        last = min(ends, default=10**6)
        weight = int(row[at.WEIGHT])
        for drug in self.protocol.drugs:
            if drug is self.plan.drug:
                continue
            dose = self._daily_dose(drug, weight, height)
            decided = self.protocol.decision is not None
            for k in range(drug.cycles):
                begin = drug.cycle_days * k
                if decided and k >= drug.required:
                    if row[at.CYCLES] <= self.plan.before:
                        break
                    begin = int(row[at.RESUMED]) + drug.cycle_days * (k - drug.required)
                for i in range(drug.infusion_days):
                    if begin + i <= last:
                        self._infusion(patient, drug, k + 1, start + begin + i, weight, dose)

    def _treatment(self, patient: str, row: NDArray[np.int64], start: int, end: int, height: float) -> None:
        plan, events = self.plan, self.scenario.adverse_events
        for k in range(plan.cycles):
            here = int(self.records.model.whole[at.CYCLES_AT]) + k * at.CYCLE_WIDTH
            day, given, mask, changed, stop, *harms = (int(value) for value in row[here : here + at.C_CODE])
            if day < 0 or given <= 0:
                continue
            dose = self._daily_dose(plan.drug, int(row[at.WEIGHT]), height)
            dose *= self.scenario.treatment.dose_factor if changed else 1.0
            for i in range(given):
                self._infusion(patient, plan.drug, k + 1, start + day + i, int(row[at.WEIGHT]), dose)
                if mask >> i & 1:
                    stopped = stop == i + 1
                    over = min(day + i + int(self.draws.integers(0, 4)), end)
                    grade = int(self.draws.choice(4, p=np.array(events.grades) / sum(events.grades))) + 1
                    self.tables["adverse_events"].append(
                        {"patient_id": patient, "term": str(self.draws.choice(events.terms)),
                         "start_date": self._date(start + day + i), "end_date": self._date(start + over),
                         "grade": grade, "serious": "yes" if self.draws.random() < events.serious else "no",
                         "related": "yes", "action": "stopped" if stopped else "none"}
                    )  # fmt: skip
                for term, own in zip(_HARMS, harms, strict=True):
                    if own >> i & 1:
                        self.tables["adverse_events"].append(
                            {"patient_id": patient, "term": term, "start_date": self._date(start + day + i),
                             "end_date": self._date(start + min(day + i + 14, end)), "grade": 3, "serious": "yes",
                             "related": "yes", "action": "stopped" if stop == i + 1 else "none"}
                        )  # fmt: skip

    def _ratings(
        self,
        patient: str,
        row: NDArray[np.int64],
        start: int,
        screened: set[str],
        joined: Iterator[dict[str, float]],
    ) -> None:
        model = self.records.model
        rater = f"R{int(self.draws.integers(1, 3))}"
        for name, score in self.scores.drawn(int(row[at.TRUE_BASELINE])).items():
            if name not in screened:
                self._score(patient, start, name, score)
        for e in range(len(model.extra_days)):
            here = at.EXTRA + e * at.EXTRA_WIDTH
            if row[here + at.E_DAY] >= 0:
                self._rating(
                    patient, start + int(row[here + at.E_DAY]), int(row[here + at.E_RATING]), None, rater
                )
        for v, visit in enumerate(self.protocol.visits):
            here = at.VISIT + v * at.VISIT_WIDTH
            day, rating, true = (int(row[here + k]) for k in (at.V_DAY, at.V_RATING, at.V_TRUE))
            if day >= 0:
                last = int(row[here + at.V_LAST])
                inside = last - (visit.last_day - visit.first_day) <= day <= last
                self._rating(patient, start + day, rating, visit.name if inside else None, rater)
                fixed = next(joined, {})
                for name, score in (self.scores.drawn(true) | fixed).items():
                    if name == MRS:
                        self._mrs(patient, start + day, int(score), visit.name if inside else None, rater)
                    else:
                        self._score(patient, start + day, name, score)
            on_target = self.scores.of(row[here + at.V_TRUE_ON_TARGET])
            self.true_visits.append(
                {"patient_id": patient, "visit": visit.name, "true_on_target_day": on_target,
                 "rating_day": _day(row[here + at.V_DAY]), "true_at_rating": self.scores.of(true) if day >= 0 else None}
            )  # fmt: skip

    def _rating(self, patient: str, day: int, grade: int, visit: str | None, rater: str) -> None:
        if self.scores.own.table == "mrs":
            self._mrs(patient, day, grade, visit, rater)
        else:
            self._score(patient, day, self.scores.own.name, self.scores.of(grade))

    def _mrs(self, patient: str, day: int, grade: int, visit: str | None, rater: str) -> None:
        self.tables["mrs"].append(
            {"patient_id": patient, "date": self._date(day), "mrs": grade, "visit": visit, "rater": rater}
        )


def _day(value: np.int64) -> int | None:
    return int(value) if value >= 0 else None


def _columns(protocol: Protocol) -> dict[str, list[str]]:
    from pnstrial.data.allowed import allowed_by, tables_under

    tables = tables_under(allowed_by(protocol))
    return {name: [column.name for column in tables[name].columns] for name in _TABLES}

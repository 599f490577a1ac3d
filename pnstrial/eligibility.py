"""Who may enter the trial, and why not?

Input: the screening and medication tables, and the criteria of the protocol.
Output: for each patient and criterion ``pass``, ``fail`` or ``unknown`` with the reason; for each patient
``eligible`` (all pass), ``ineligible`` (any fails) or ``undetermined``.
Protocol section: criteria, medications.
Method: three-valued logic: what was not collected is unknown, never a pass. Creatinine clearance after Cockcroft
and Gault, Nephron 1976;16:31-41.
Next: `exposure`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.data.arguments import trial_and_protocol
from pnstrial.data.consistency import earliest_day, latest_day, plus_months
from pnstrial.data.doses import suspected_weight
from pnstrial.data.schema import CREATININE_SLIP, TABLES
from pnstrial.frames import value_of
from pnstrial.medications import classify_medications, medication_classes
from pnstrial.numerics.arguments import display, even_array
from pnstrial.numerics.clearance import creatinine_at_clearance, creatinine_clearance
from pnstrial.numerics.signatures import check_signature
from pnstrial.protocol import ProtocolError
from pnstrial.results import Display, Result, rows_of
from pnstrial.vocabulary import (
    LEVELS,
    AnswerCriterion,
    AntibodyCriterion,
    ClearanceCriterion,
    ConsentCriterion,
    ImmunotherapyCriterion,
    NoneOfCriterion,
    OnsetCriterion,
    PnsCareCriterion,
    PregnancyCriterion,
    RangeCriterion,
    ScaleCriterion,
    WordCriterion,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import Criterion

__all__ = [
    "FAIL",
    "PASS",
    "STATUSES",
    "UNKNOWN",
    "PatientScreening",
    "Screening",
    "any_of",
    "classify_medications",
    "creatinine_at_clearance",
    "creatinine_clearance",
    "medication_classes",
    "overall_status",
    "screen",
]

FAIL: Final = 0
UNKNOWN: Final = 1
PASS: Final = 2
STATUSES: Final = ("fail", "unknown", "pass")
"""Names of the codes; the order makes "and" the minimum and "or" the maximum (Kleene's three-valued logic)."""
OVERALL: Final = ("ineligible", "undetermined", "eligible")

TOLERANCE: Final = 1e-9
"""Thresholds are exact decimals: a number this close to one counts as equal to it."""

Codes = np.ndarray[Any, np.dtype[np.int8]]


# ------------------------------------------------------------------------------------ three-valued rules on arrays
def any_of(*parts: Any) -> Any:
    """Three-valued "or": pass if any passes, fail if all fail, else unknown.

    Parameters
    ----------
    *parts : int or array of int
        Codes 0 fail, 1 unknown, 2 pass.

    Returns
    -------
    array of int

    Examples
    --------
    >>> any_of(np.array([2, 0, 0]), np.array([1, 1, 0])).tolist()
    [2, 1, 0]
    """
    check_signature(any_of, locals())
    return np.maximum.reduce(np.broadcast_arrays(*parts))


def overall_status(criteria: Any) -> Any:
    """Three-valued "and" over the criteria: 2 eligible, 0 ineligible, 1 undetermined.

    Parameters
    ----------
    criteria : array of int, shape (patients, criteria)
        Codes 0 fail, 1 unknown, 2 pass.

    Returns
    -------
    array of int, shape (patients,)

    Examples
    --------
    >>> overall_status(np.array([[2, 2], [2, 1], [0, 1]])).tolist()
    [2, 1, 0]
    """
    codes = even_array("criteria", criteria)
    if codes.ndim == 0 or not codes.shape[-1] or not np.isin(codes, (0, 1, 2)).all():
        raise ValueError(f"criteria = {display(criteria)} must hold codes 0 fail, 1 unknown, 2 pass")
    return np.min(codes, axis=-1)


def _three_valued(passes: Any, collected: Any) -> Codes:
    """Turn "passes" into codes, unknown where nothing is collected."""
    codes = np.where(collected, np.where(passes, PASS, FAIL), UNKNOWN)
    return codes.astype(np.int8)


def in_range(values: Any, minimum: float | None, maximum: float | None) -> Codes:
    """Pass where a number lies in a range, both ends included; unknown where it is nan."""
    number = np.asarray(values, dtype=float)
    inside = np.ones(number.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        if minimum is not None:
            inside &= number >= minimum - TOLERANCE
        if maximum is not None:
            inside &= number <= maximum + TOLERANCE
    return _three_valued(inside, ~np.isnan(number))


# ------------------------------------------------------------------------------------------------- the criteria
@dataclass(frozen=True)
class _Answer:
    """The answer to one criterion for all patients: codes, and a reason for each."""

    codes: Codes
    reasons: list[str]


class _Patients:
    """What the criteria read: the screening table with its medications and first infusions."""

    def __init__(self, trial: TrialData, protocol: Protocol) -> None:
        self.trial = trial
        self.protocol = protocol
        self.table = trial.screening
        first = trial.infusions.loc[lambda rows: rows["dose_g"] > 0].groupby("patient_id")["date"].min()
        self.first_infusion = value_of(self.table["patient_id"], first)

    def numbers(self, column: str) -> NDArray[np.float64]:
        return self.table[column].to_numpy(dtype=float)

    def words(self, column: str) -> NDArray[Any]:
        return self.table[column].to_numpy(dtype=object)


def _format_value(column: str, value: Any) -> str:
    """Show a value in a reason: blank is "not collected"."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return f"{column} not collected"
    if isinstance(value, pd.Timestamp):
        value = value.date().isoformat()
    return f"{column} {value:g}" if isinstance(value, float) else f"{column} {value}"


def _reasons(rule: str, *columns: tuple[str, Iterable[Any]]) -> list[str]:
    """Give each patient's values, then the rule."""
    names = [name for name, _ in columns]
    return [
        ", ".join(_format_value(name, value) for name, value in zip(names, values, strict=True))
        + f" (rule: {rule})"
        for values in zip(*(values for _, values in columns), strict=True)
    ]


def _word(patients: _Patients, criterion: WordCriterion) -> _Answer:
    words = patients.words(criterion.column)
    passes = np.isin(words.astype(str), criterion.allowed)
    collected = np.array([word is not None for word in words], dtype=bool)
    rule = f"{criterion.column} is {' or '.join(criterion.allowed)}"
    return _Answer(_three_valued(passes, collected), _reasons(rule, (criterion.column, words)))


def _scale(patients: _Patients, criterion: ScaleCriterion) -> _Answer:
    """Ask the latest score up to the screening date; of several on a date the best, as at baseline."""
    scale = patients.protocol.scale(criterion.scale)
    scores = patients.trial.scales
    if scale.table == "mrs":  # the screening grade goes with the ratings of its table
        screening = patients.table[["patient_id", "screening_date", "mrs"]]
        screening = screening.rename(columns={"screening_date": "date", "mrs": "score"})
        ratings = patients.trial.mrs[["patient_id", "date", "mrs"]].rename(columns={"mrs": "score"})
        scores = pd.concat([screening, ratings]).assign(scale=scale.name)
    screened = patients.table.drop_duplicates("patient_id").set_index("patient_id")["screening_date"]
    early = scores["date"] <= value_of(scores["patient_id"], screened)
    own = scores[early & (scores["scale"] == scale.name) & scores["score"].notna()]
    worse = own["score"] if scale.better == "lower" else -own["score"]
    own = own.assign(worse=-worse).sort_values(["date", "worse"], kind="stable")
    latest = own.drop_duplicates("patient_id", keep="last").set_index("patient_id")["score"]
    values = patients.table["patient_id"].map(latest).to_numpy(dtype=float)
    rule = f"{scale.name}{_limits(criterion.minimum, criterion.maximum)} at screening"
    return _Answer(
        in_range(values, criterion.minimum, criterion.maximum), _reasons(rule, (scale.name, values))
    )


def _pns_care(patients: _Patients, criterion: PnsCareCriterion) -> _Answer:
    columns = criterion.columns_read
    cells = [patients.words(column) for column in columns]
    least = LEVELS.index(criterion.at_least)
    codes: list[int] = []
    found: list[str] = []
    for row in zip(*cells, strict=True):
        scores, levels = criterion.scored(dict(zip(columns, row, strict=True)))
        places = [LEVELS.index(level) for level in levels]
        codes.append(PASS if min(places) >= least else FAIL if max(places) < least else UNKNOWN)
        span = f"{scores[0]}" if scores[0] == scores[-1] else f"{scores[0]} to {scores[-1]}"
        found.append(f"PNS-Care {span}, {' or '.join(levels)}")
    rule = f"PNS-Care level at least {criterion.at_least}"
    inputs = _reasons(rule, *zip(columns, cells, strict=True))
    return _Answer(np.array(codes, dtype=np.int8), [f"{a}: {b}" for a, b in zip(found, inputs, strict=True)])


def sample_status(sample: str | None, any_of_these: Iterable[str]) -> int:
    """Tell whether one sample holds one of the antibodies: 2 yes, 0 tested and no, 1 not tested.

    Parameters
    ----------
    sample : str or None
        Antibodies joined by ";", "none" (tested, negative), or None (not tested).
    any_of_these : iterable of str

    Examples
    --------
    >>> [sample_status(sample, ["Hu", "Yo", "CV2"]) for sample in ("Hu;SOX1", "none", None)]
    [2, 0, 1]
    """
    if sample is None:
        return UNKNOWN
    return PASS if set(sample.split(";")) & set(any_of_these) else FAIL


def _antibody(patients: _Patients, criterion: AntibodyCriterion) -> _Answer:
    serum, csf = patients.words("antibody_serum"), patients.words("antibody_csf")
    codes = any_of(
        np.array([sample_status(sample, criterion.any_of) for sample in serum], dtype=np.int8),
        np.array([sample_status(sample, criterion.any_of) for sample in csf], dtype=np.int8),
    )
    rule = f"{', '.join(criterion.any_of)} in serum or CSF; fails only if both were tested"
    return _Answer(codes, _reasons(rule, ("serum", serum), ("CSF", csf)))


def onset_status(earliest: Any, latest: Any, screening: Any, months: int) -> Codes:
    """Tell whether onset lies within so many calendar months before screening.

    Parameters
    ----------
    earliest, latest : array of datetime64
        First and last day that the recorded onset can mean (equal for a full date).
    screening : array of datetime64
    months : int
        31 August + 6 months is 28 or 29 February.

    Returns
    -------
    array of int
        2 pass, 0 fail; 1 unknown where onset is blank, lies after screening, or its first and last possible day
        (the last one capped at screening) disagree.
    """
    day = np.asarray(screening).astype("datetime64[D]")
    first = np.asarray(earliest).astype("datetime64[D]")
    last = np.minimum(np.asarray(latest).astype("datetime64[D]"), day)
    early = plus_months(first, months) >= day
    late = plus_months(last, months) >= day
    collected = ~np.isnat(first) & ~np.isnat(day) & (first <= day) & (early == late)
    return _three_valued(early, collected)


def _onset(patients: _Patients, criterion: OnsetCriterion) -> _Answer:
    onset = patients.table["symptom_onset_date"]
    screening = patients.table["screening_date"]
    codes = onset_status(
        earliest_day(onset), latest_day(onset), screening.to_numpy(), criterion.within_months
    )
    rule = f"onset + {criterion.within_months} months not before screening"
    return _Answer(codes, _reasons(rule, ("onset", onset), ("screening", screening)))


def _limits(minimum: float | None, maximum: float | None) -> str:
    low = "" if minimum is None else f" at least {minimum:g}"
    high = "" if maximum is None else f" at most {maximum:g}"
    return f"{low}{' and' if low and high else ''}{high}"


def _range(patients: _Patients, criterion: RangeCriterion) -> _Answer:
    values = patients.numbers(criterion.column)
    codes = in_range(values, criterion.minimum, criterion.maximum)
    if criterion.column == "weight_kg":
        codes = np.where(suspected_weight(values), UNKNOWN, codes).astype(np.int8)
    if criterion.column == "creatinine_umol_l":
        codes = np.where(values <= CREATININE_SLIP, UNKNOWN, codes).astype(np.int8)
    rule = f"{criterion.column}{_limits(criterion.minimum, criterion.maximum)}"
    return _Answer(codes, _reasons(rule, (criterion.column, values)))


def _yes_no(words: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return words == "yes", words == "no"


def _answer(patients: _Patients, criterion: AnswerCriterion) -> _Answer:
    words = patients.words(criterion.column)
    yes, no = _yes_no(words)
    codes = _three_valued(yes if criterion.required == "yes" else no, yes | no)
    return _Answer(codes, _reasons(f"{criterion.column} = {criterion.required}", (criterion.column, words)))


def _none_of(patients: _Patients, criterion: NoneOfCriterion) -> _Answer:
    answers: list[Codes] = []
    for column in criterion.columns:
        yes, no = _yes_no(patients.words(column))
        answers.append(_three_valued(no, yes | no))
    codes = np.minimum.reduce(answers)
    rule = f"{' and '.join(criterion.columns)} = no"
    return _Answer(codes, _reasons(rule, *((column, patients.words(column)) for column in criterion.columns)))


def _pregnancy(patients: _Patients, criterion: PregnancyCriterion) -> _Answer:
    del criterion  # it has no setting
    words, sex = patients.words("pregnant_or_lactating"), patients.words("sex")
    yes, no = _yes_no(words)
    codes = _three_valued(~yes, yes | no | (sex == "male"))
    rule = "pregnant_or_lactating = no, or male"
    return _Answer(codes, _reasons(rule, ("pregnant_or_lactating", words), ("sex", sex)))


def _consent(patients: _Patients, criterion: ConsentCriterion) -> _Answer:
    del criterion  # it has no setting
    consent = patients.table["consent_date"]
    enrolment = patients.table["enrolment_date"]
    by = enrolment.fillna(patients.table["screening_date"])
    codes = _three_valued(consent <= by, consent.notna() & by.notna())
    rule = "consent not after enrolment (screening, if not enrolled)"
    return _Answer(
        codes,
        _reasons(
            rule,
            ("consent", consent),
            ("enrolment", enrolment),
            ("screening", patients.table["screening_date"]),
        ),
    )


def _clearance(patients: _Patients, criterion: ClearanceCriterion) -> _Answer:
    age, weight = patients.numbers("age"), patients.numbers("weight_kg")
    creatinine, sex = patients.numbers("creatinine_umol_l"), patients.words("sex")
    clearance = creatinine_clearance(age, weight, sex == "female", creatinine)
    sexed = (sex == "female") | (sex == "male")
    usable = sexed & ~suspected_weight(weight) & ~(creatinine <= CREATININE_SLIP)
    clearance = np.where(usable, clearance, np.nan)
    codes = in_range(clearance, criterion.minimum_ml_min, None)
    rule = f"Cockcroft-Gault clearance at least {criterion.minimum_ml_min:g} mL/min"
    cells = [
        f"clearance {value:.1f} mL/min" if not np.isnan(value) else "clearance not known"
        for value in clearance
    ]
    inputs = _reasons(
        rule, ("age", age), ("weight_kg", weight), ("sex", sex), ("creatinine_umol_l", creatinine)
    )
    return _Answer(codes, [f"{value}: {text}" for value, text in zip(cells, inputs, strict=True)])


def _immunotherapy(patients: _Patients, criterion: ImmunotherapyCriterion) -> _Answer:
    """Ask for a counting record that is ongoing at screening, or starts after it and up to the first infusion."""
    del criterion  # it has no setting
    rule = "no other immunotherapy from screening to the first infusion"
    table = patients.table
    if "medications" in patients.trial.absent:
        codes = np.full(len(table), UNKNOWN, dtype=np.int8)
        return _Answer(codes, [f"medications were not collected (rule: {rule})"] * len(table))
    records = classify_medications(patients.trial, patients.protocol)
    records = records[records["counts"] | records["open"]]
    who = (
        table.assign(first_infusion=patients.first_infusion)
        .drop_duplicates("patient_id")
        .set_index("patient_id")
    )
    screening = value_of(records["patient_id"], who["screening_date"])
    infusion = value_of(records["patient_id"], who["first_infusion"])
    start, stop = records["start_date"], records["stop_date"]
    not_stopped = stop.isna() | (stop >= screening)
    falls = ((start <= screening) & not_stopped) | ((start > screening) & (start <= infusion))
    may_fall = start.isna() & not_stopped
    fails = records["counts"] & falls
    leaves_open = (records["open"] & (falls | may_fall)) | (records["counts"] & may_fall)
    failing = _names_by_patient(records[fails])
    opening = _names_by_patient(records[leaves_open])
    patient = table["patient_id"]
    codes = np.where(
        patient.isin(failing.keys()), FAIL, np.where(patient.isin(opening.keys()), UNKNOWN, PASS)
    )
    reasons = [
        f"{failing[p]} (rule: {rule})"
        if p in failing
        else f"may be or overlap an immunotherapy: {opening[p]} (rule: {rule})"
        if p in opening
        else f"no immunotherapy recorded in that time (rule: {rule})"
        for p in patient
    ]
    return _Answer(codes.astype(np.int8), reasons)


def _names_by_patient(records: pd.DataFrame) -> dict[str, str]:
    """Name the records of each patient with their dates."""

    def dated(row: Any) -> str:
        start = "start not known" if pd.isna(row.start_date) else f"from {row.start_date:%Y-%m-%d}"
        stop = "ongoing" if pd.isna(row.stop_date) else f"to {row.stop_date:%Y-%m-%d}"
        return f"{row.medication} ({start}, {stop})"

    named: dict[str, list[str]] = {}
    for row in rows_of(records):
        named.setdefault(str(row.patient_id), []).append(dated(row))
    return {patient: ", ".join(names) for patient, names in named.items()}


_ASK: Final[dict[str, Callable[[_Patients, Any], _Answer]]] = {
    "word": _word,
    "antibody": _antibody,
    "onset": _onset,
    "range": _range,
    "scale": _scale,
    "pns_care": _pns_care,
    "answer": _answer,
    "none_of": _none_of,
    "pregnancy": _pregnancy,
    "consent": _consent,
    "immunotherapy": _immunotherapy,
    "creatinine_clearance": _clearance,
}


@dataclass(frozen=True, eq=False)
class PatientScreening(Result):
    """Eligibility of one patient.

    Attributes
    ----------
    patient_id : str
    overall : str
        eligible, ineligible or undetermined.
    criteria : pandas.DataFrame
        One row per criterion: criterion, label, status (pass, fail, unknown), reason.
    """

    patient_id: str
    overall: str
    criteria: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per criterion."""
        return self.criteria.copy()

    def _display(self) -> Display:
        return Display(f"{self.patient_id}: {self.overall}", table=self.criteria)


@dataclass(frozen=True, eq=False)
class Screening(Result):
    """Eligibility of every screened patient.

    Attributes
    ----------
    criteria : pandas.DataFrame
        One row per patient and criterion: patient_id, criterion, status (pass, fail, unknown), reason.
    overall : pandas.DataFrame
        One row per patient: patient_id, overall (eligible, ineligible, undetermined).
    protocol_id, protocol_version : str
    labels : dict of str
        Each criterion in words, by its id.

    Examples
    --------
    >>> import pnstrial as pns
    >>> patient = pns.screen(pns.example_trial(), pns.load_protocol())["BES-01"]
    >>> patient.overall, patient.criteria.loc[3, "reason"]
    ('ineligible', 'mrs 3 (rule: mrs at least 2 and at most 3)')
    """

    criteria: pd.DataFrame
    overall: pd.DataFrame
    protocol_id: str
    protocol_version: str
    labels: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    def __getitem__(self, patient_id: str) -> PatientScreening:
        own = self.overall[self.overall["patient_id"] == patient_id]
        if own.empty:
            ids = [str(one) for one in self.overall["patient_id"]]
            near = get_close_matches(str(patient_id), ids, 3) or ids[:3]
            raise KeyError(
                f"no patient {patient_id!r} was screened; there are {', '.join(near)} ... ({len(ids)} in all)"
            )
        answers = self.criteria[self.criteria["patient_id"] == patient_id].drop(columns="patient_id")
        answers.insert(1, "label", answers["criterion"].map(self.labels))
        return PatientScreening(patient_id, str(own["overall"].iloc[0]), answers.reset_index(drop=True))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per patient: overall, then the status of each criterion."""
        wide = self.criteria.pivot_table(
            index="patient_id", columns="criterion", values="status", aggfunc="first", sort=False
        )
        order = list(dict.fromkeys(self.criteria["criterion"]))
        return self.overall.merge(wide[order].reset_index(), on="patient_id", how="left")

    def _display(self) -> Display:
        counts = self.overall["overall"].value_counts()
        counted = ", ".join(f"{counts.get(name, 0)} {name}" for name in reversed(OVERALL))
        return Display(
            f"Screening under {self.protocol_id}: {len(self.overall)} screened, {counted}\n"
            + (self.to_frame().to_string(index=False) if len(self.overall) else "(no patient)")
        )


def ask(criterion: Criterion, trial: TrialData, protocol: Protocol) -> tuple[Codes, list[str]]:
    """Ask one criterion of every screened patient: codes and reasons, in the order of the screening table."""
    answer = _ASK[criterion.kind](_Patients(trial, protocol), criterion)
    return answer.codes, answer.reasons


def check_columns(protocol: Protocol) -> None:
    """Raise `ProtocolError` if a criterion reads a column that the screening table cannot have."""
    columns = TABLES["screening"].by_name
    kinds = {"range": "number", "word": "word", "answer": "word", "none_of": "word"}
    problems: list[str] = []
    for criterion in protocol.criteria:
        for name in criterion.columns_read:
            wanted = kinds.get(criterion.kind)
            if name not in columns:
                near = get_close_matches(name, columns, 3) or list(columns)
                problems.append(f"{criterion.id} reads {name!r}; screening.csv has {', '.join(near)}")
            elif wanted is not None and columns[name].kind != wanted:
                problems.append(
                    f"{criterion.id} reads {name!r}, which is no {wanted} but a {columns[name].kind}"
                )
            elif wanted == "word":
                words = set(getattr(criterion, "allowed", ("yes", "no"))) - set(columns[name].words)
                problems += [f"{criterion.id}: {name} has no word {word!r}; it has {', '.join(columns[name].words)}"
                             for word in sorted(words)]  # fmt: skip
    if problems:
        raise ProtocolError(f"protocol {protocol.id} cannot be used: " + "; ".join(problems))


def screen(trial: TrialData, protocol: Protocol) -> Screening:
    """Ask every criterion of the protocol of every screened patient.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    Screening

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames(
    ...     {"screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"], "mrs": [4]})}
    ... )
    >>> criteria = screen(trial, pns.load_protocol("nct02343211")).criteria.set_index("criterion")
    >>> criteria.loc["I4", "status"], criteria.loc["I4", "reason"]
    ('fail', 'mrs 4 (rule: mrs at least 2 and at most 3)')
    >>> criteria.loc["I1", "status"]
    'unknown'
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    check_columns(protocol)
    patients = _Patients(trial, protocol)
    ids = patients.table["patient_id"].to_list()
    answers = [_ASK[criterion.kind](patients, criterion) for criterion in protocol.criteria]
    codes = (
        np.column_stack([answer.codes for answer in answers]) if ids else np.empty((0, len(answers)), np.int8)
    )
    count = len(protocol.criteria)
    status = np.array(STATUSES, dtype=object)[codes.astype(int)]
    criteria = pd.DataFrame(
        {
            "patient_id": np.repeat(np.array(ids, dtype=object), count),
            "criterion": [criterion.id for criterion in protocol.criteria] * len(ids),
            "status": status.ravel(),
            "reason": [answer.reasons[i] for i in range(len(ids)) for answer in answers],
        }
    )
    overall = np.array(OVERALL, dtype=object)[overall_status(codes).astype(int)] if ids else []
    return Screening(
        criteria,
        pd.DataFrame({"patient_id": np.array(ids, dtype=object), "overall": overall}),
        protocol.id,
        protocol.version,
        {criterion.id: criterion.label for criterion in protocol.criteria},
    )

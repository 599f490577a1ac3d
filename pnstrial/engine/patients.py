"""What does a rule of the user see of the simulated patients, and what does it give?

Input: the rows of the patients of a block of trials.
Output: `Patients`, arrays of shape (trials, patients); what the rule makes of them, one number a trial.
Protocol section: none; the rule is the user's.
Method: the rows are those that the trial kernel counts; places that a trial does not fill hold -1.
Next: `blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model

    Array = NDArray[np.int32]

__all__ = ["Patients", "apply_rule", "columns_of", "patients_of"]

_COLUMNS: Final = {
    "true_baseline": at.TRUE_BASELINE, "baseline": at.BASELINE, "screened_day": at.SCREENED_DAY, "lag_days": at.LAG,
    "weight_kg": at.WEIGHT, "stratum": at.STRATUM, "decision": at.DECISION, "death_day": at.DEATH,
    "death_seen": at.DEATH_SEEN, "dropout_day": at.DROPPED, "rescue_day": at.RESCUE, "stopped": at.STOPPED,
    "cycles": at.CYCLES, "infusions": at.INFUSIONS, "adverse_events": at.EVENTS, "last_true_grade": at.TRUE_END,
    "tumour_treatment_day": at.TUMOUR_DAY, "damage_day": at.DAMAGE_DAY, "last_dose_day": at.LAST_DOSE,
    "harm_day": at.HARM_DAY, "thromboses": at.THROMBOSES, "haemolyses": at.HAEMOLYSES, "gap": at.GAP,
}  # fmt: skip
_AT_VISITS: Final = {
    "rating_day": at.V_DAY, "rating": at.V_RATING, "true_grade": at.V_TRUE_ON_TARGET, "value": at.V_VALUE,
    "category": at.V_CATEGORY, "response": at.V_ANSWER, "window_end": at.V_LAST,
    "answer_key": at.V_KEY,
}  # fmt: skip


@dataclass(frozen=True)
class Patients:
    """The patients of many simulated trials.

    Each array is of whole numbers and of shape (trials, patients), or (trials, patients, visits); -1 is "none",
    and everything is -1 for patients whom a stopped trial did not enrol. Days are offsets from day 1.

    Parameters
    ----------
    enrolled : ndarray, shape (trials,)
        Patients enrolled.
    true_baseline, baseline : ndarray
        True grade and rating at screening.
    screened_day, lag_days : ndarray
        Calendar day of the screening since the trial opened, and days from there to day 1.
    weight_kg, stratum : ndarray
    decision : ndarray
        Code of `rules.DECISIONS`.
    death_day, death_seen, dropout_day, rescue_day : ndarray
        Days up to the end of follow-up; 1 where the death came before a drop-out.
    stopped, cycles, infusions, adverse_events : ndarray
        1 if IVIg was stopped for an adverse event; what was given; how many events.
    last_true_grade : ndarray
        At the end of follow-up.
    tumour_treatment_day, damage_day : ndarray
        Days on which tumour treatment, or damage that is not undone, began during the trial.
    last_dose_day : ndarray
        Day of the last infusion.
    harm_day, thromboses, haemolyses : ndarray
        Day of the first thrombosis or haemolysis; how many of each.
    gap : ndarray
        Time from the screening of the patient enrolled before, in 1024ths of a day.
    rating_day, rating, true_grade, value, category, response : ndarray, shape (trials, patients, visits)
        Per visit: the rating and its day, the true grade on the target day, the visit's value (6 = death) with its
        category (0 improved, 1 stable, 2 deteriorated) and the answer of the estimand (0 non-responder,
        1 responder, 2 excluded).
    window_end : ndarray, shape (trials, patients, visits)
        Last day of the visit's window.
    answer_key : ndarray, shape (trials, patients, visits)
        All that an estimand asks about the patient at the visit, as `engine.exact.estimands` reads it.
    """

    enrolled: Array
    true_baseline: Array
    baseline: Array
    screened_day: Array
    lag_days: Array
    weight_kg: Array
    stratum: Array
    decision: Array
    death_day: Array
    death_seen: Array
    dropout_day: Array
    rescue_day: Array
    stopped: Array
    cycles: Array
    infusions: Array
    adverse_events: Array
    last_true_grade: Array
    tumour_treatment_day: Array
    damage_day: Array
    last_dose_day: Array
    harm_day: Array
    thromboses: Array
    haemolyses: Array
    gap: Array
    rating_day: Array
    rating: Array
    true_grade: Array
    value: Array
    category: Array
    response: Array
    window_end: Array
    answer_key: Array


def columns_of(model: Model) -> NDArray[np.int64]:
    """Give the places of a patient's row that a rule sees, in the order of `patients_of`.

    Returns
    -------
    ndarray of int64
    """
    visits = range(len(model.visits))
    at_visits = [at.VISIT + v * at.VISIT_WIDTH + place for place in _AT_VISITS.values() for v in visits]
    return np.array([*_COLUMNS.values(), *at_visits], np.int64)


def patients_of(kept: Array, enrolled: Array) -> Patients:
    """Name the columns that a kernel kept.

    Parameters
    ----------
    kept : ndarray of int32, shape (trials, patients, columns)
    enrolled : ndarray, shape (trials,)
    """
    visits = (kept.shape[2] - len(_COLUMNS)) // len(_AT_VISITS)
    named: dict[str, Array] = {name: kept[:, :, k] for k, name in enumerate(_COLUMNS)}
    for k, name in enumerate(_AT_VISITS):
        begin = len(_COLUMNS) + k * visits
        named[name] = kept[:, :, begin : begin + visits]
    return Patients(enrolled=enrolled, **named)


def apply_rule(
    rule: Callable[[Patients], Any], patients: Patients
) -> tuple[Mapping[str, NDArray[np.float64]], frozenset[str]]:
    """Ask a rule, and check what it gives.

    Parameters
    ----------
    rule : callable
        Takes `Patients`, gives one number or truth value a trial, or several such arrays by name.
    patients : Patients

    Returns
    -------
    dict of str to ndarray of float, shape (trials,)
    frozenset of str
        Which of them are truth values.

    Raises
    ------
    ValueError
        If the rule gives anything else.
    """
    given = rule(patients)
    own = getattr(rule, "__name__", "rule")
    named = given if isinstance(given, dict) else {own if own.isidentifier() else "rule": given}
    trials = patients.enrolled.shape[0]
    found: dict[str, NDArray[np.float64]] = {}
    truths: list[str] = []
    for name, values in named.items():
        array = np.asarray(values)
        if array.shape != (trials,) or array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ValueError(
                f"rule: gave {name!r} of shape {array.shape} and type {array.dtype} for {trials} trials; it must give"
                " one finite number or truth value for each trial (reduce over the patients with axis=1)"
            )
        found[str(name)] = array.astype(float)
        truths += [str(name)] if array.dtype.kind == "b" else []
    return found, frozenset(truths)

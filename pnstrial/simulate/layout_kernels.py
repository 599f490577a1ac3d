"""Where does each number of a simulated patient and trial stand?

Input: nothing.
Output: positions in the arrays that kernels and tables share, and the names of the quantities of a trial.
Protocol section: none.
Method: one patient is one row of whole numbers; days are offsets from day 1 (study day = offset + 1), -1 = none.
The positions are compiled into the kernels, hence the name of this file (see `pnstrial.compiled`).
Next: `patient_kernels`.
"""

from __future__ import annotations

from typing import Any, Final

INNER: Final[dict[str, Any]] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
"""Options of a kernel that only other kernels call: no door for Python has to be compiled."""

MAX_CYCLES: Final = 6
MAX_EXTRA: Final = 8
MAX_VISITS: Final = 4

# --- the row of a patient
ENTRY: Final = 0  # number of the entry cell: stratum, true and rated baseline
STRATUM: Final = 1
TRUE_BASELINE: Final = 2
BASELINE: Final = 3  # the rating at screening
SCREENED_DAY: Final = 4  # calendar day since the trial opened
LAG: Final = 5  # days from screening to day 1
FAILURES: Final = 6  # patients who failed screening since the one enrolled before
WEIGHT: Final = 7  # kg
DEATH: Final = 8  # day of the true death up to the end of follow-up
DROPPED: Final = 9  # day of the drop-out
DEATH_SEEN: Final = 10  # 1 if the death came before a drop-out
RESCUE: Final = 11  # day on which rescue immunotherapy began
STOPPED: Final = 12  # 1 if IVIg was stopped for an adverse event
DECISION: Final = 13  # code of `rules.DECISIONS` that the tables show
TRUE_AT_DECISION: Final = 14  # true grade when the decision was taken, -1 if nobody decided
TRUE_END: Final = 15  # true grade at the end of follow-up
INFUSIONS: Final = 16
EVENTS: Final = 17  # adverse events
CYCLES: Final = 18  # cycles given
ACTED: Final = 19  # 0 continued, 1 discontinued, -1 nobody decided
CYCLE: Final = 20  # then per cycle: first day, infusions given, mask of adverse events, dose changed, stop
CYCLE_WIDTH: Final = 5
EXTRA: Final = CYCLE + MAX_CYCLES * CYCLE_WIDTH  # then per extra rating: day, rating, true grade
EXTRA_WIDTH: Final = 3
VISIT: Final = EXTRA + MAX_EXTRA * EXTRA_WIDTH
# per visit: rating day, rating, true grade then, true grade on the target day, value, category, reason, answer
VISIT_WIDTH: Final = 8
ROW: Final = VISIT + MAX_VISITS * VISIT_WIDTH

# --- whole numbers of the protocol and the scenario
(
    N,
    FIRST_N,
    FIRST_STOP,
    CYCLES_BEFORE,
    CYCLES_ALL,
    INFUSION_DAYS,
    CYCLE_DAYS,
    VISITS,
    DECISION_VISIT,
    ENDPOINT_VISIT,
    POINTS,
    DEATH_STRATEGY,
    RESCUE_STRATEGY,
    STOPPED_STRATEGY,
    MISSING_STRATEGY,
    ON_TREATMENT_DAYS,
    EXTRAS,
    FOLLOW_UP,
    CLOSING,
    LAG_LOW,
    LAG_HIGH,
    ENTRY_BITS,
    JITTER_BITS,
    JITTER_LOW,
    EVENT_BITS,
    CYCLE_BITS,
    WEIGHT_BITS,
    WEIGHT_LOW,
    SHORT,  # 1: stop after the last visit
    FIRST_STOP_DAYS,
    PERIODS,
    # where the tables begin: in the whole numbers
    TO_VISITS,
    TO_EXTRA,
    TO_ENTRY_CODES,
    TO_EVENT_CODES,
    # in the real numbers
    TO_RATES,
    TO_CHANGES,
    # in the words
    TO_ENTRY,
    TO_RATING,
    TO_JITTER,
    TO_CYCLE,
    TO_EVENT,
    TO_WEIGHT,
) = range(43)
WHOLE: Final = 43

# --- real numbers of the scenario; rates are per day
(
    SCREEN_RATE,
    DROP_RATE,
    RESCUE_RATE,
    RESCUE_AFTER,
    DOSE,
    CHANGED_DOSE,
    LOGRANK_LIMIT,
    TEST_ALPHA,
    PERSISTENCE,
    CONTINUE_ANYWAY,
    DROP_NEVER,  # probability of no drop-out up to the end of follow-up
    RESCUE_NEVER,
) = range(12)
VISIT_MISSED: Final = 12  # then the probability of a missed visit, per visit; then per extra day

# --- quantities of a trial, in this order; the second word is what it is a share of
QUANTITIES: Final = (
    ("probability_of_success", "trial"),
    ("responders", "trial"),
    ("counted", "trial"),
    ("enrolled", "trial"),
    ("reported_response", "trial"),
    ("true_response", "patient"),
    ("bias", "trial"),
    ("coverage", "trial"),
    ("stopped_at_first_stage", "trial"),
    ("evaluable", "patient"),
    ("improved", "patient"),
    ("stable", "patient"),
    ("deteriorated", "patient"),
    ("dead", "patient"),
    ("missing", "patient"),
    ("decision_continue", "patient"),
    ("decision_discontinue", "patient"),
    ("decision_dead", "patient"),
    ("decision_not_evaluable", "patient"),
    ("stopped_though_stable_or_improved", "patient"),
    ("continued_though_deteriorated", "patient"),
    ("decided_on_stable_or_improved", "patient"),
    ("decided_on_deteriorated", "patient"),
    ("wrong_stop_rate", "decided_on_stable_or_improved"),
    ("wrong_continue_rate", "decided_on_deteriorated"),
    ("secondary_response", "patient"),
    ("secondary_dead", "patient"),
    ("secondary_missing", "patient"),
    # from here on only in the full simulation
    ("cycles_per_patient", "patient"),
    ("grams_per_patient", "patient"),
    ("grams_per_trial", "trial"),
    ("deaths", "trial"),
    ("dropped_out", "patient"),
    ("rescued", "patient"),
    ("stopped_for_adverse_event", "patient"),
    ("adverse_events_per_patient", "patient"),
    ("screened", "trial"),
    ("enrolment_months", "trial"),
    ("duration_months", "trial"),
    ("power_signed_rank", "trial"),
    ("signed_rank_worse", "trial"),
    ("power_sign_test", "trial"),
    ("power_logrank", "trial"),
)
LEAN_QUANTITIES: Final = 28

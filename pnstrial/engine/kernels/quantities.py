"""What is counted about a trial, and where does each count stand?

Input: nothing.
Output: the names of the quantities, what each is a share of, and its position under its name in capitals.
Protocol section: visits, decision, endpoint, estimand.
Method: the positions are compiled into the kernels, hence the folder of this file (see `pnstrial.compiled`).
Next: `patient`.
"""

from __future__ import annotations

from typing import Final

# --- quantities of a trial: name, and what it is a share of
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
    ("alive_6_months", "patient"),
    ("alive_12_months", "patient"),
    ("alive_24_months", "patient"),
    ("per_protocol", "patient"),
    ("per_protocol_response", "per_protocol"),
    ("days_independent", "patient"),
    ("days_to_deterioration", "patient"),
    ("thromboses_per_patient", "patient"),
    ("haemolyses_per_patient", "patient"),
)
LEAN_QUANTITIES: Final = 28
SECONDARY_QUANTITIES: Final = ("secondary_response", "secondary_dead", "secondary_missing")
"""Of the first secondary visit; those of further ones come after all others, with the visit in their names."""

# where a quantity stands: its name in capitals
(
    PROBABILITY_OF_SUCCESS,
    RESPONDERS,
    COUNTED,
    ENROLLED,
    REPORTED_RESPONSE,
    TRUE_RESPONSE,
    BIAS,
    COVERAGE,
    STOPPED_AT_FIRST_STAGE,
    EVALUABLE,
    IMPROVED,
    STABLE,
    DETERIORATED,
    DEAD,
    MISSING,
    DECISION_CONTINUE,
    DECISION_DISCONTINUE,
    DECISION_DEAD,
    DECISION_NOT_EVALUABLE,
    STOPPED_THOUGH_STABLE_OR_IMPROVED,
    CONTINUED_THOUGH_DETERIORATED,
    DECIDED_ON_STABLE_OR_IMPROVED,
    DECIDED_ON_DETERIORATED,
    WRONG_STOP_RATE,
    WRONG_CONTINUE_RATE,
    SECONDARY_RESPONSE,
    SECONDARY_DEAD,
    SECONDARY_MISSING,
    CYCLES_PER_PATIENT,
    GRAMS_PER_PATIENT,
    GRAMS_PER_TRIAL,
    DEATHS,
    DROPPED_OUT,
    RESCUED,
    STOPPED_FOR_ADVERSE_EVENT,
    ADVERSE_EVENTS_PER_PATIENT,
    SCREENED,
    ENROLMENT_MONTHS,
    DURATION_MONTHS,
    POWER_SIGNED_RANK,
    SIGNED_RANK_WORSE,
    POWER_SIGN_TEST,
    POWER_LOGRANK,
    ALIVE_6_MONTHS,
    ALIVE_12_MONTHS,
    ALIVE_24_MONTHS,
    PER_PROTOCOL,
    PER_PROTOCOL_RESPONSE,
    DAYS_INDEPENDENT,
    DAYS_TO_DETERIORATION,
    THROMBOSES_PER_PATIENT,
    HAEMOLYSES_PER_PATIENT,
) = range(52)
ALIVE_DAYS: Final = (183, 365, 730)
"""Days of these three: who is truly alive then, whoever has left the study."""
FURTHER: Final = len(QUANTITIES)
"""Here begin the quantities of the second and later secondary visits, three for each."""

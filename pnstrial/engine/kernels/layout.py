"""Where does each number of a simulated patient and trial stand?

Input: nothing.
Output: positions in the arrays that kernels and tables share.
Protocol section: none.
Method: one patient is one row of whole numbers; days are offsets from day 1 (study day = offset + 1), -1 = none.
The positions are compiled into the kernels, hence the name of this file (see `pnstrial.compiled`).
Next: `quantities`.
"""

from __future__ import annotations

from typing import Final

MAX_EXTRA: Final = 8
MAX_VISITS: Final = 12

# --- the row of a patient
ENTRY: Final = 0  # number of the entry cell: stratum, true and rated baseline
STRATUM: Final = 1
TRUE_BASELINE: Final = 2
BASELINE: Final = 3  # the rating at screening
SCREENED_DAY: Final = 4  # calendar day since the trial opened
LAG: Final = 5  # days from screening to day 1
WEIGHT: Final = 6  # kg
DEATH: Final = 7  # day of the true death up to the end of follow-up
DROPPED: Final = 8  # day of the drop-out
DEATH_SEEN: Final = 9  # 1 if the death came before a drop-out
RESCUE: Final = 10  # day on which rescue immunotherapy began
STOPPED: Final = 11  # 1 if IVIg was stopped for an adverse event
DECISION: Final = 12  # code of `rules.DECISIONS` that the tables show
TRUE_AT_DECISION: Final = 13  # true grade when the decision was taken, -1 if nobody decided
TRUE_END: Final = 14  # true grade at the end of follow-up
INFUSIONS: Final = 15
EVENTS: Final = 16  # adverse events
CYCLES: Final = 17  # cycles given
ACTED: Final = 18  # 0 continued, 1 discontinued, -1 nobody decided
CHANGED: Final = 19  # infusions at a changed dose
LAST_DOSE: Final = 20  # day of the last infusion
RESUMED: Final = 21  # day from which the cycles after the decision are counted
CLASS: Final = 22  # strata with the same rates
# where the patient stands while he is simulated
PERIOD: Final = 23  # band of time since onset
NEXT: Final = 24  # the next word for a move
TUMOUR_DAY: Final = 25  # day on which tumour treatment began during the trial
DAMAGE_DAY: Final = 26
GAP: Final = 27  # time since the patient enrolled before was screened, in parts of a day
GAPS_PER_DAY: Final = 1024
INDEPENDENT: Final = 28  # time in the grades of independence up to the last visit, in parts of a day
WORSE: Final = (
    29  # time to the first grade worse than on day 1, or death, up to the last visit, in parts of a day
)
THROMBOSES: Final = 30
HAEMOLYSES: Final = 31
HARM_DAY: Final = 32  # day of the first of either; written where all is lived through
DEVIATES: Final = 33  # 1 if a cycle before the decision is not as planned, in dose or time
C_DAY, C_GIVEN, C_MASK, C_CHANGED, C_STOP, C_THROMBOSIS, C_HAEMOLYSIS, C_CODE = range(8)
"""First day, infusions given, mask of those with an adverse event, 1 if at a changed dose, the last one if stopped,
masks of those with a thrombosis and a haemolysis, the code that was planned, which alone is written in any case."""
CYCLE_WIDTH: Final = 8
DECIDED: Final = 34  # category that was decided on, -1 if none; where it is not the endpoint's
START: Final = 35  # true grade at screening, with scores of other scales there (`scales.parts`)
RATES: Final = 36  # where the rates begin that rule now
EXTRA: Final = 37  # then for each extra rating
E_DAY, E_RATING, E_TRUE = range(3)
"""Day, rating, true grade then."""
EXTRA_WIDTH: Final = 3
VISIT: Final = EXTRA + MAX_EXTRA * EXTRA_WIDTH  # then for each visit, as many as the protocol has
(
    V_DAY, V_RATING, V_TRUE, V_TRUE_ON_TARGET, V_VALUE, V_CATEGORY, V_REASON, V_ANSWER, V_KEY, V_ALSO, V_LAST,
) = range(11)  # fmt: skip
"""Rating day, rating, true grade then and on the target day; value, category, reason and answer of the visit, all that
an estimand asks about the patient in one number (`estimands.answers_by_key`), 1 if the parts of the endpoint on other
scales hold (+ 2 if those of this visit do, where parts are apart), and the last day of the window."""
VISIT_WIDTH: Final = 11


def cycles_begin(visits: int) -> int:
    """Give the place of the first cycle in a patient's row, behind the visits."""
    return VISIT + visits * VISIT_WIDTH


def row_width(visits: int, cycles: int) -> int:
    """Count the places of a patient's row."""
    return cycles_begin(visits) + cycles * CYCLE_WIDTH


# --- whole numbers of the protocol and the scenario
(
    N,
    FIRST_N,
    FIRST_STOP,
    CYCLES_BEFORE,  # before the decision; all of them where there is none
    REQUIRED,  # cycles without any of which IVIg counts as stopped
    CYCLES_ALL,
    INFUSION_DAYS,
    CYCLE_DAYS,
    VISITS,
    DECISION_VISIT,
    ENDPOINT_VISIT,
    DEATH_STRATEGY,
    RESCUE_STRATEGY,
    STOPPED_STRATEGY,
    MISSING_STRATEGY,
    ON_TREATMENT_DAYS,
    EXTRAS,
    EVERYTHING,  # 1: live through every target day and write every cycle; 0: only what a quantity looks at
    RATES_BETWEEN,  # 1: live through the extra ratings
    FOLLOW_UP,
    CLOSING,
    LAG_LOW,
    LAG_HIGH,
    ENTRY_BITS,
    ATTEND_BITS,
    JITTER_LOW,
    CYCLE_BITS,
    WEIGHT_BITS,
    WEIGHT_LOW,
    SHORT,  # 1: stop after the last visit
    FIRST_STOP_DAYS,
    PERIODS,
    DRAWS,  # size of the stream: state of the generator and the words drawn at once for a patient
    TAIL_DAY,  # from this day on nothing but death, drop-out and rescue can happen
    TAIL_DAYS,  # days from there to the end of follow-up
    TAIL_BITS,
    SECONDARIES,  # number of secondary visits
    ARMS,  # sets of rates: IVIg acts or not; with switches x rescued x tumour treated x damaged
    SWITCHES,  # 1: rates change with rescue, tumour treatment or damage
    MISSES,  # 1: whether a visit is missed depends on the grade
    LEAVES,  # 1: the rate of drop-out depends on the grade
    GRADES,  # living grades of the scale, numbered from the best; the same number is death
    RATING_BITS,
    CYCLES_AT,  # place of the first cycle in a patient's row
    FIRST_AGAIN,  # place of the words that say whether a rating repeats the deviation of the one before
    FIRST_CYCLE,  # place of the words of the cycles
    FIRST_MOVE,  # place of the first word for the changes of the grade
    ACTS_UNTIL,  # day until which treatment acts where no decision ends it
    OTHERS,  # days on which other drugs are planned
    DECIDES,  # the decision is on: 0 the endpoint's category, 1 another improvement of its scale, 2 another scale
    JOINED,  # parts of the endpoint: 0 one, 1 all must hold, 2 any of them
    ANCHORED,  # 1: visits counted from the last infusion
    MOVES,  # 1: the same, and a decision that moves it
    STARTS,  # combinations of scores of other scales at screening, by true grade; 1 where none is tracked
    APART,  # 1: the parts of the endpoint are at several visits
    DECIDED_CODES,  # codes of the parts by which the shares of the decision are given
    UNITS,  # death in units of the scale, the best grade being 0
    HORIZON,  # target day of the last visit; 0 where nobody asks for days in a grade
    INDEPENDENT_UP_TO,  # the last grade of independence
    HARMS,  # 1: an infusion may bring a thrombosis or a haemolysis
    ON_TIME_DAYS,  # by how many days a cycle may come early or late
    # where the tables begin: in the whole numbers
    TO_VISITS,
    TO_EXTRA,
    TO_ENTRY_CODES,
    TO_CYCLE_CODES,
    TO_SECONDARIES,  # their positions among the visits
    TO_ANSWERS,  # 4 x reason + answer, by rescued, stopped, dead, category, last category, category on treatment
    TO_CATEGORIES,  # of change, by grade at baseline and later grade + 1
    TO_ANCHORED,  # by visit, whether its days count from the last infusion
    TO_OTHERS,  # the days of other drugs, rising
    TO_HOLDS,  # whether the parts of the endpoint on its own scale hold, as the categories
    TO_PARTS,  # where they are apart, whether those of a visit hold (`scales.parts.Asked.answers`)
    TO_DECIDED,  # category that is decided on, as the categories
    TO_DECISIONS,  # by category + 1; the last is that of the dead
    TO_UNITS,  # by grade, death last
    # in the real numbers
    TO_RATES,
    TO_CHANGES,
    TO_SWITCHES,  # rates per class of beginning tumour treatment and of damage
    TO_MISSES,  # ratio by true baseline and true grade
    TO_LEAVES,  # the same, divided by the largest
    TO_DECIDED_SHARES,  # chance to be improved, and at least stable, on the decision's scale, as the next, by code
    TO_ALSO,  # chance that the parts of the endpoint on other scales hold, by start and true grade
    TO_STARTS,  # chance of the starts up to each, by true baseline
    TO_TRULY,  # chance that the parts of a visit truly hold, or none does (`scales.parts.Asked.truly`)
    TO_CODES,  # chance of the codes up to each but the last, by visit, start and true grade, where parts are apart
    # in the words
    TO_ENTRY,
    TO_RATING,
    TO_ATTEND,
    TO_CYCLE,
    TO_WEIGHT,
    TO_TAIL,
) = range(91)
WHOLE: Final = 91
ONE_SCALE: Final = dict.fromkeys((JOINED, APART, DECIDES, ANCHORED, MOVES, OTHERS, EVERYTHING, SHORT), 0) | {
    STARTS: 1
}
"""Where the whole numbers are these, `trial.one_scale` does what `trial.block` does."""
ORDINARY: Final = ONE_SCALE | dict.fromkeys((SWITCHES, LEAVES, MISSES, HARMS), 0)
"""The same for `trial.ordinary`."""

# --- the words of a patient: what each half decides. A purpose keeps its place whatever else happens, so scenarios
# that are run with one seed share their random numbers.
STREAM: Final = 4  # the state of the generator stands before them
W_GAP: Final = STREAM  # time since the patient enrolled before (the whole word)
W_ENTRY: Final = STREAM + 1  # entry cell | weight
W_START: Final = STREAM + 2  # days to day 1 | what follows a decision to discontinue
W_DROP: Final = STREAM + 3  # drop-out (the whole word)
W_RESCUE: Final = STREAM + 4  # rescue (the whole word)
W_TAIL: Final = STREAM + 5  # death or grade after the last day of IVIg and visits | time of the day
W_VISIT: Final = STREAM + 6  # per visit: day and missed | rating; then per extra rating: missed | rating
# then one half per visit and extra rating, whether it repeats the deviation before; then one half per cycle
W_MOVES: Final = 5  # then words for the changes of the grade; more are drawn as they are needed

ENTRY_CODE: Final = (
    6  # numbers of an entry: stratum, true and rated baseline, class, true grade on day 1, days to it or -1
)
PATH: Final = 14  # numbers of the course (`patient_kernels`)

# --- real numbers of the scenario; rates are per day
(
    SCREEN_RATE,
    ENROL_RATE,
    DROP_RATE,
    RESCUE_RATE,
    RESCUE_AFTER,
    DOSE,
    CHANGED_DOSE,
    LOGRANK_LIMIT,
    TEST_ALPHA,
    PERSISTENCE,
    CONTINUE_ANYWAY,
    RESCUE_IF_WORSE,
    THROMBOSIS,  # probabilities per infusion, and that it stops treatment
    THROMBOSIS_STOPS,
    HAEMOLYSIS,
    HAEMOLYSIS_STOPS,
    FLAT_DOSE,  # g a cycle, whatever the weight
    SURELY,  # a sum of signed ranks this many standard deviations off, squared, is significant whatever the ranks
) = range(18)
VISIT_MISSED: Final = 18  # then the probability of a missed visit, per visit; then per extra day

"""How does the grade of a patient move over time, and how is that learnt from data?

Input: rates, panel data or published counts.
Output: the course model on the grades of a scale and death: generators, fits, calibrations, rating error.
Protocol section: none; `simulate` lets the protocol act on this course.
Method: continuous-time Markov process; see the modules.
Next: `course`.
"""

from __future__ import annotations

from pnstrial.multistate.calibration import Calibration, calibrate
from pnstrial.multistate.course import (
    Course,
    OnsetBand,
    RateRatios,
    generator,
)
from pnstrial.multistate.fitting import MultistateFit, StateProbabilities, fit
from pnstrial.multistate.process import (
    expected_survival,
    mean_times_in_states,
    occupancy,
    sojourn_times,
    transition_probabilities,
)
from pnstrial.multistate.rating import RatingError
from pnstrial.numerics.time_units import DAYS_PER_MONTH

__all__ = [
    "DAYS_PER_MONTH",
    "Calibration",
    "Course",
    "MultistateFit",
    "OnsetBand",
    "RateRatios",
    "RatingError",
    "StateProbabilities",
    "calibrate",
    "expected_survival",
    "fit",
    "generator",
    "mean_times_in_states",
    "occupancy",
    "sojourn_times",
    "transition_probabilities",
]


def __dir__() -> list[str]:
    return __all__

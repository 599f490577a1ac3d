"""Can the numbers be trusted on this machine: by another library, by reference cases, back to the collected cell?

Input: a result, a trial and its protocol.
Output: second opinions of lifelines, statsmodels and scipy; the qualification of an installation; where a number came
from.
Protocol section: all.
Method: see the modules; the only door to lifelines and statsmodels.
Next: `opinion`.
"""

from __future__ import annotations

from pnstrial.verification.engines import EngineMissingError
from pnstrial.verification.opinion import SecondOpinion, second_opinion, verify
from pnstrial.verification.qualification import Case, Qualification, qualify, reference_cases
from pnstrial.verification.tracing import Trace, trace

__all__ = [
    "Case",
    "EngineMissingError",
    "Qualification",
    "SecondOpinion",
    "Trace",
    "qualify",
    "reference_cases",
    "second_opinion",
    "trace",
    "verify",
]


def __dir__() -> list[str]:
    return __all__

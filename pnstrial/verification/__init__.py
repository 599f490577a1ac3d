"""Can the numbers be trusted on this machine: by another library, by reference cases, back to the collected cell?

Input: a result, a trial and its protocol.
Output: second opinions of lifelines, statsmodels and scipy; the qualification of an installation.
Protocol section: all.
Method: see the modules; the only door to lifelines and statsmodels.
Next: `opinion`.
"""

from __future__ import annotations

from pnstrial.verification.engines import EngineMissingError
from pnstrial.verification.opinion import SecondOpinion, second_opinion, verify
from pnstrial.verification.qualification import Case, Qualification, qualify, reference_cases

__all__ = [
    "Case",
    "EngineMissingError",
    "Qualification",
    "SecondOpinion",
    "qualify",
    "reference_cases",
    "second_opinion",
    "verify",
]


def __dir__() -> list[str]:
    return __all__

"""What would every estimand say of the same simulated patients?

Input: what is known of each patient at the endpoint visit, in one number (`kernels.layout.V_KEY`).
Output: response and success under each combination of the strategies, by trial; and exactly, where that can be.
Protocol section: estimand.
Method: the rule of the response is asked once for every number and every combination; the rest is counting.
Next: `simulate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial import rules
from pnstrial.engine.exact.answers import patients_at_endpoint, success_probability
from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.patients import Patients

__all__ = ["STRATEGIES", "EstimandsRule", "answers_by_key", "exact_estimands"]

STRATEGIES: Final = tuple(
    product(
        rules.DEATH_STRATEGIES, rules.RESCUE_STRATEGIES, rules.STOPPED_STRATEGIES, rules.MISSING_STRATEGIES
    )
)
"""Strategies for death, rescue, stopped treatment and missing values, all combinations."""
_CODES: Final = tuple(
    product(
        *(
            range(len(words))
            for words in (
                rules.DEATH_STRATEGIES, rules.RESCUE_STRATEGIES, rules.STOPPED_STRATEGIES, rules.MISSING_STRATEGIES,
            )
        )
    )
)  # fmt: skip


def answers_by_key() -> NDArray[np.int8]:
    """Give the answer (0 non-responder, 1 responder, 2 excluded) of each estimand for every number of a patient.

    Returns
    -------
    ndarray, shape (estimands, numbers)
    """
    outcome = product(
        range(2), range(2), range(2), *[range(-1, 3)] * 3
    )  # rescued, stopped, dead, then categories
    cases = [(dead, rescued, stopped, *seen) for rescued, stopped, dead, *seen in outcome]
    return np.array(
        [
            [int(rules.response(int(rules.response_reason(1, *case, *codes)))) for case in cases]
            for codes in _CODES
        ],
        np.int8,
    )


@dataclass(frozen=True)
class EstimandsRule:
    """Every estimand as a rule on simulated patients (`engine.patients.apply_rule`).

    Parameters
    ----------
    visit : int
        Position of the endpoint visit.
    minimum : ndarray
        Fewest responders that succeed, by patients counted.
    answers : ndarray
        From `answers_by_key`.
    """

    visit: int
    minimum: NDArray[np.int64]
    answers: NDArray[np.int8]

    def __call__(self, patients: Patients) -> dict[str, NDArray[Any]]:
        """Give by estimand the responders, the patients counted, the reported response and whether it succeeds."""
        key = patients.answer_key[:, :, self.visit]
        there = key >= 0
        found: dict[str, NDArray[Any]] = {}
        for e, own in enumerate(self.answers):
            answer = np.where(there, own[np.maximum(key, 0)], 2)
            responders, counted = (answer == 1).sum(axis=1), (answer < 2).sum(axis=1)
            found[f"response_{e}"] = responders / np.maximum(counted, 1)
            found[f"counted_{e}"] = counted
            found[f"success_{e}"] = (counted > 0) & (responders >= self.minimum[counted])
        return found


def exact_estimands(model: Model) -> list[tuple[float, float, float] | None]:
    """Give reported response, patients counted and probability of success of each estimand, None without an answer.

    Returns
    -------
    list of (float, float, float) or None
        In the order of `STRATEGIES`.
    """
    if model.asked.apart:  # each has its own course through the visits
        return [None] * len(_CODES)
    found = patients_at_endpoint(model)
    stops = bool(
        model.stop_per_infusion > 0 or model.real[at.DROP_RATE] > 0 or (model.generators[..., -1] > 0).any()
    )
    n = int(model.whole[at.N])
    answers: list[tuple[float, float, float] | None] = []
    for codes in _CODES:
        keeps = codes[3] == rules.MISSING_NON_RESPONDER
        if stops and (
            codes[2] == rules.STOPPED_WHILE_ON or (codes[2] == rules.STOPPED_COMPOSITE and not keeps)
        ):
            answers.append(None)
            continue
        response = excluded = 0.0
        for (category, rescued, dead), mass in found.items():
            for last, arm in np.ndindex(mass.shape):
                if mass[last, arm] == 0:
                    continue
                reason = rules.response_reason(
                    1, int(dead), int(rescued), int(arm == 1), category, last if last < 3 else -1, -1, *codes
                )
                answer = int(rules.response(int(reason)))
                response += float(mass[last, arm]) * (answer == rules.RESPONDER)
                excluded += float(mass[last, arm]) * (answer == rules.EXCLUDED)
        answers.append(success_probability(response, excluded, n, model.success))
    return answers

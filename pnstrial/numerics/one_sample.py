"""How fast is a one-sample log-rank test, for many trials or inside a simulated one?

Input: each patient's cumulative reference hazard and event; or observed and expected events.
Output: observed, expected, z and Wu's z, as in `survival.one_sample`.
Protocol section: none.
Method: see `survival.one_sample`; 0 where nothing is expected. It stands below both that use it: a simulated trial need
not load survival analysis.
Next: `survival.one_sample`, `simulate.trial_kernels`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pnstrial.compiled import EITHER, kernel

if TYPE_CHECKING:
    import numpy as np

__all__ = ["one_sample_batch", "score"]


def _score(observed: float, expected: float) -> float:
    """(O - E) / sqrt(E)."""
    return (observed - expected) / math.sqrt(expected) if expected > 0.0 else 0.0


score = kernel(_score, **EITHER)


def _one_sample_batch(hazard: np.ndarray, event: np.ndarray, out: np.ndarray) -> None:
    """Fill out[r] = observed, expected, z, Wu's z for each trial."""
    for r in range(hazard.shape[0]):
        observed, expected = 0.0, 0.0
        for i in range(hazard.shape[1]):
            observed += 1.0 if event[r, i] == 1 else 0.0
            expected += hazard[r, i]
        both = 0.5 * (observed + expected)
        out[r, 0] = observed
        out[r, 1] = expected
        out[r, 2] = score(observed, expected)
        out[r, 3] = (observed - expected) / math.sqrt(both) if both > 0.0 else 0.0


one_sample_batch = kernel(_one_sample_batch, error_model="numpy")

"""What is the hazard ratio of two groups in each of many simulated trials?

Input: times, events and groups with a leading axis of trials.
Output: `CoxBatch`: arrays with a value per trial; where there is none, why.
Protocol section: none.
Method: compiled Newton steps on counts at each time; each row equals `cox` of that trial.
Next: `simulate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Result
from pnstrial.survival.observations import event_matrix, matrix_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]

__all__ = ["CoxBatch", "cox_batch"]


@dataclass(frozen=True, eq=False)
class CoxBatch(Result):
    """Cox regressions on one comparison of two groups, one per trial.

    Parameters
    ----------
    coef, std_error, p_value : numpy.ndarray, shape (R,)
        Log hazard ratio of the second group, its standard error and Wald p-value; nan where not `estimable`.
    loglik_null, loglik : numpy.ndarray, shape (R,)
        Log partial likelihood at no effect and at the maximum (its supremum where there is none).
    likelihood_ratio, likelihood_ratio_p : numpy.ndarray, shape (R,)
        Statistic and p-value on 1 degree of freedom; always there.
    estimable : numpy.ndarray of bool, shape (R,)
        False where the groups are separated, or where no event had both at risk.
    direction : numpy.ndarray of int, shape (R,)
        0 where estimable; 1, -1 where the coefficient is plus, minus infinity; 2 where no event had both groups at
        risk.
    ties : str
    """

    coef: Vector
    std_error: Vector
    p_value: Vector
    loglik_null: Vector
    loglik: Vector
    likelihood_ratio: Vector
    likelihood_ratio_p: Vector
    estimable: NDArray[np.bool_]
    direction: NDArray[np.int64]
    ties: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per trial.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        names = [
            "coef", "std_error", "p_value", "loglik_null", "loglik", "likelihood_ratio", "likelihood_ratio_p",
            "estimable", "direction",
        ]  # fmt: skip
        return pd.DataFrame({name: getattr(self, name) for name in names})


def cox_batch(time: ArrayLike, event: ArrayLike, group: ArrayLike, ties: str = "efron") -> CoxBatch:
    """Fit a Cox model with one binary covariate to each of many trials; each row equals `cox` of that trial.

    Parameters
    ----------
    time, event : array_like, shape (R, n)
        Follow-up times and event indicators (0 or 1) of R trials of n patients.
    group : array_like, shape (R, n) or (n,)
        0 or 1 (or any two numbers, the same in all trials; the larger is the second group).
    ties : str, default "efron"
        "efron" or "breslow".

    Returns
    -------
    CoxBatch

    Raises
    ------
    ValueError
        If shapes differ, a time is negative, an event is not 0 or 1, there are not two groups or ties is unknown.

    Examples
    --------
    >>> fits = cox_batch([[3, 5, 8, 10], [1, 2, 3, 4]], [[1, 1, 1, 0], [1, 1, 1, 1]], [0, 1, 0, 1])
    >>> fits.estimable.tolist(), fits.coef.round(4).tolist()
    ([True, True], [-0.9406, -0.9406])
    """
    check_signature(cox_batch, locals())
    from scipy.special import chdtrc, ndtr

    from pnstrial.survival.cox.cox_kernels import binary_monotone, cox_binary_batch
    from pnstrial.survival.curves.kaplan_meier import packed_times

    if ties not in ("efron", "breslow"):
        raise ValueError(f'ties must be "efron" or "breslow" in a batch, got {ties!r}')
    times, events, second = _batch(time, event, group)
    packed = packed_times(times, (events << 1) | second)
    fits = np.empty((times.shape[0], 5))
    direction = np.empty(times.shape[0], dtype=np.int64)
    cox_binary_batch(packed, ties == "efron", fits)
    binary_monotone(packed, direction)
    estimable = direction == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(estimable, fits[:, 0] / fits[:, 1], 0.0)
    ratio = np.maximum(2.0 * (fits[:, 3] - fits[:, 2]), 0.0)
    return CoxBatch(
        np.where(estimable, fits[:, 0], np.nan),
        np.where(estimable, fits[:, 1], np.nan),
        np.where(estimable, 2.0 * ndtr(-np.abs(z)), np.nan),
        fits[:, 2].copy(),
        fits[:, 3].copy(),
        ratio,
        chdtrc(1, ratio),
        estimable,
        direction,
        ties,
    )


def _batch(
    time: ArrayLike, event: ArrayLike, group: ArrayLike
) -> tuple[Vector, NDArray[np.int64], NDArray[np.bool_]]:
    """Read times, events and the second group of a batch."""
    times = matrix_of(time, "time")
    events = event_matrix(event, times.shape)
    groups = np.asarray(group)
    if groups.shape not in (times.shape, times.shape[1:]):
        raise ValueError(f"group must have shape {times.shape} or {times.shape[1:]}, got {groups.shape}")
    values = np.unique(groups)
    if values.size != 2 or values.dtype.kind not in "biuf" or not bool(np.isfinite(values).all()):
        raise ValueError(f"group must have two numbers as its values, got {values.tolist()[:5]!r}")
    second = np.broadcast_to(groups == values[1], times.shape)
    return times, events, second

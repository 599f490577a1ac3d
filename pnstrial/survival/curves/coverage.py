"""How often does an interval of survival hold the truth?

Input: number of patients, true survival, the name of the interval.
Output: the exact coverage without censoring.
Protocol section: none.
Method: sum over all possible numbers of survivors.
Next: `logrank`.
"""

from __future__ import annotations

from math import comb

import numpy as np

from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.survival.curves.intervals import kind_of
from pnstrial.survival.curves.kaplan_meier import kaplan_meier
from pnstrial.survival.observations import check_level

__all__ = ["coverage"]


def coverage(n: int, survival: float, conf_type: str = "beta-product", level: float = 0.95) -> float:
    """Exact probability that the interval holds the true survival, without censoring.

    Parameters
    ----------
    n : int
        Patients.
    survival : float
        True survival at the time, between 0 and 1.
    conf_type : str
        One of `KINDS`.
    level : float
        What the interval promises.

    Returns
    -------
    float
        The sum over all possible numbers of survivors. A sample without any limit counts as not covering.

    Raises
    ------
    ValueError
        If an argument is outside what is possible.

    Examples
    --------
    At 17 patients and a true survival of 0.9 the log-log interval covers 81 %, not 95 %:

    >>> round(coverage(17, 0.9, "log-log"), 2), round(coverage(17, 0.9), 2)
    (0.81, 0.98)
    """
    check_signature(coverage, locals())
    kind_of(conf_type)
    check_level(level)
    Checks("coverage").count("n", n, 1, 10_000).share("survival", survival).done()
    n = int(n)
    total = 0.0
    for dead in range(n + 1):
        time = np.repeat([1.0, 2.0], [dead, n - dead])
        event = np.repeat([1.0, 0.0], [dead, n - dead])
        row = kaplan_meier(time, event, conf_type=conf_type, level=level).at(1.5).iloc[0]
        low, high = float(row["lower"]), float(row["upper"])
        if low <= survival <= high:
            total += comb(n, dead) * survival ** (n - dead) * (1.0 - survival) ** dead
    return total

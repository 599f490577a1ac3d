"""Which normal quantile belongs to a confidence level, and which tail to a statistic?

Input: a two-sided level; a z or a chi-square statistic.
Output: the quantile (1.96 for 0.95); the p-value.
Protocol section: none.
Method: the inverse of the normal distribution function; the complementary error function, which keeps its digits
far out in the tail.
Next: `roots`.
"""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["chi_square_p", "normal_quantile", "two_sided_p"]


@lru_cache(maxsize=64)
def normal_quantile(level: float) -> float:
    """Give the standard normal quantile of a two-sided level: 1.96 for 0.95.

    Parameters
    ----------
    level : float
        Confidence level between 0 and 1.

    Raises
    ------
    ValueError
        If level is no probability strictly between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    from scipy.special import ndtri

    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1 (0.95 for 95 %), got {level!r}")
    return float(ndtri(0.5 + 0.5 * level))


def two_sided_p(z: float) -> float:
    """Give the two-sided normal p-value of a z statistic.

    Parameters
    ----------
    z : float
        Statistic that is standard normal under the null.

    Examples
    --------
    >>> round(two_sided_p(-1.959964), 6)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2.0))


def chi_square_p(statistic: float, df: int) -> float:
    """Give the upper tail of the chi-square distribution; 1 where there is no degree of freedom.

    Parameters
    ----------
    statistic : float
        A value below 0, which is rounding, counts as 0.
    df : int
        Degrees of freedom.

    Examples
    --------
    >>> round(chi_square_p(3.841459, 1), 6), round(chi_square_p(5.991465, 2), 6)
    (0.05, 0.05)
    """
    from scipy.special import chdtrc

    return float(chdtrc(df, max(statistic, 0.0))) if df > 0 else 1.0

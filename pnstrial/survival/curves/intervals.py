"""Which interval for a survival probability keeps its promise in a trial of 17?

Input: the name of a method.
Output: its code for the compiled pass.
Protocol section: secondary endpoints.
Method: plain, log, log-log (Kalbfleisch and Prentice 1980), logit and arcsine limits of Greenwood's variance; beta
product, also mid-p (Fay, Brittain and Proschan 2013); likelihood ratio (Thomas and Grunkemeier 1975).
Next: `logrank`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["EXACT", "KINDS", "kind_of"]

PLAIN, LOG, LOG_LOG, LOGIT, ARCSIN, BETA_PRODUCT, BETA_MID_P, THOMAS_GRUNKEMEIER = range(8)
KINDS: Final = {
    "plain": PLAIN,
    "log": LOG,
    "log-log": LOG_LOG,
    "logit": LOGIT,
    "arcsin": ARCSIN,
    "beta-product": BETA_PRODUCT,
    "beta-product-midp": BETA_MID_P,
    "thomas-grunkemeier": THOMAS_GRUNKEMEIER,
}
"""Methods by name, with the code that the compiled pass knows them by.

- plain, log, log-log, logit, arcsin: S is moved to a scale, plus or minus z standard errors, and back. R's names
  and R's behaviour: plain and log are cut at 0 and 1, and log-log, logit and arcsin have no value at S = 0 or 1.
- beta-product: W+ = product over event times of beta(Y - d + 1, d) and W- = W+ times beta(Y after t, 1); the limits
  are quantiles of the beta variables with the same first two moments (Fay, Brittain and Proschan, Biostatistics
  2013;14:723, eq. 3 and section 3.2, "method of moments"). Without censoring it is the Clopper-Pearson interval.
- beta-product-midp: the same with the mean of both distribution functions (Fay and Brittain, Stat Med 2016;35:2726).
- thomas-grunkemeier: all values that the likelihood ratio test does not reject (Thomas and Grunkemeier, J Am Stat
  Assoc 1975;70:865, section 3); it stays (1, 1) before the first event and where survival is 0 keeps its last value,
  as the function of R bpcp does.
"""

EXACT: Final = frozenset({BETA_PRODUCT, BETA_MID_P})
"""Methods that have no meaning with delayed entry or fractional weights."""


def kind_of(conf_type: str) -> int:
    """Give the code of a method.

    Parameters
    ----------
    conf_type : str
        One of `KINDS`.

    Raises
    ------
    ValueError
        If there is no such method; lists those that there are.

    Examples
    --------
    >>> kind_of("log-log")
    2
    """
    try:
        return KINDS[conf_type]
    except (KeyError, TypeError):
        raise ValueError(
            f"conf_type must be one of {', '.join(map(repr, KINDS))}; got {conf_type!r}"
        ) from None

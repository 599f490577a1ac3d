"""How well do the kidneys clear creatinine?

Input: age, weight, sex, serum creatinine.
Output: the estimated clearance, or the creatinine at which it would be so much.
Protocol section: criteria of the kind creatinine_clearance.
Method: Cockcroft and Gault, Nephron 1976;16:31-41.
Next: `eligibility`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pnstrial.numerics.arguments import Numbers

__all__ = ["creatinine_at_clearance", "creatinine_clearance"]

UMOL_PER_MG_DL: Final = 88.4


def creatinine_clearance(
    age: Numbers, weight_kg: Numbers, female: ArrayLike, creatinine_umol_l: Numbers
) -> Any:
    """Estimate the creatinine clearance after Cockcroft and Gault (1976).

    Parameters
    ----------
    age : float or array
        Years.
    weight_kg : float or array
        Actual body weight, kg.
    female : bool or array
        The estimate of women is multiplied by 0.85.
    creatinine_umol_l : float or array
        Serum creatinine, umol/L (88.4 umol/L = 1 mg/dL).

    Returns
    -------
    float or array
        mL/min, not per 1.73 m2: (140 - age) x weight x (0.85 if female) / (72 x creatinine in mg/dL). nan where
        an input is nan.

    Examples
    --------
    >>> round(float(creatinine_clearance(60, 72, False, 88.4)), 1)
    80.0
    """
    check_signature(creatinine_clearance, locals())
    factor = np.where(female, 0.85, 1.0)
    mg_dl = np.asarray(creatinine_umol_l, dtype=float) / UMOL_PER_MG_DL
    return (
        (140.0 - np.asarray(age, dtype=float)) * np.asarray(weight_kg, dtype=float) * factor / (72.0 * mg_dl)
    )


def creatinine_at_clearance(
    age: Numbers, weight_kg: Numbers, female: ArrayLike, clearance_ml_min: Numbers
) -> Any:
    """Give the creatinine at which the formula of Cockcroft and Gault gives a clearance.

    Parameters
    ----------
    age, weight_kg, female
        As in `creatinine_clearance`.
    clearance_ml_min : float or array
        mL/min.

    Returns
    -------
    float or array
        umol/L. Clearance x creatinine is one number for a patient, so it is the clearance at the "creatinine"
        `clearance_ml_min`.

    Examples
    --------
    >>> round(float(creatinine_at_clearance(60, 72, False, 80.0)), 1)
    88.4
    """
    check_signature(creatinine_at_clearance, locals())
    return creatinine_clearance(age, weight_kg, female, clearance_ml_min)

"""Which designs suit a single-arm trial of about twenty patients, and what does its count mean?

Input: rates, error levels, counts.
Output: exact designs, their characteristics, exact inference after them; the public names of the subject.
Protocol section: endpoint, design.
Method: enumeration of every outcome; see the modules.
Next: `proportion`.
"""

from __future__ import annotations

from pnstrial.design.proportion import (
    ProportionResult,
    binomial_pmf,
    binomial_tail,
    clopper_pearson,
    proportion,
)

__all__ = ["ProportionResult", "binomial_pmf", "binomial_tail", "clopper_pearson", "proportion"]

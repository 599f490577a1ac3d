"""What is an interval of 95 % worth in a trial of 17 patients, where that is under 0.94?

Input: the name of an interval and the number of patients.
Output: the sentence to print beside it, or none where patients are many.
Protocol section: none.
Method: exact sums and simulated trials (`docs/coverage.md`, `docs/coverage_models.md`, `docs/coverage_survival.md`).
Next: the result that prints it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COVERED", "coverage_note"]

FEWER: Final = 50
"""Patients below which an interval is printed with what it covers."""
BETTER: Final = 'see conf_type="beta-product"'

COVERED: Final = {
    "posterior": "credible; with 17 patients it holds a fixed rate in 0.91 to 0.98 of trials (Jeffreys' prior)",
    "common odds ratio": "at 17 a group a profile interval of 95 % covers 0.938 to 0.942, the score interval 0.943",
    "ordinal model": "with two arms of 17 such an interval of 95 % covers 0.94 (0.937 to 0.943)",
    "mixed model": "with three visits of 17 patients such an interval of 95 % covers 0.945 to 0.947",
    "firth": "at 17 patients penalised profile limits of 95 % cover 0.94",
    "parametric": "at 17 patients such limits of 95 % cover 0.92 for a shape, 0.945 for a rate",
    "incidence": f"at 17 patients log-log limits of 95 % cover 0.36 (few events) to 0.97; {BETTER}",
    "occupancy": f"at 17 patients log-log limits of 95 % cover 0.36 (seldom seen) to 0.97; {BETTER}",
    "time in state": f"`time_in_state`: at 17 patients normal limits of 95 % cover 0.35 to 0.92; {BETTER}",
    "mean survival": f"normal limits, which cover 0.86 to 0.93 instead of 0.95 at n = 17; {BETTER}",
    "survival difference": f"Wald limits, which cover 0.78 to 0.93 instead of 0.95 with 8 and 9 patients; {BETTER}",
}  # fmt: skip
"""What each covers, from the least to the most over the truths tried; what is not estimable covers nothing."""


def coverage_note(interval: str, n: int, fewer: int = FEWER) -> tuple[str, ...]:
    """Say what an interval covers in small samples.

    Parameters
    ----------
    interval : str
        One of `COVERED`.
    n : int
        Patients.
    fewer : int, default 50
        Patients from which on nothing is said.

    Returns
    -------
    tuple of str
        The sentence, or nothing.

    Examples
    --------
    >>> coverage_note("firth", 17)
    ('at 17 patients penalised profile limits of 95 % cover 0.94',)
    >>> coverage_note("firth", 170)
    ()
    """
    return (COVERED[interval],) if n < fewer else ()

"""What does the text of a response criterion say, and what follows from it for the records of a scale?

Input: the records of one parameter, with CRITy.
Output: by how much a value must change to be improved; the category of each value; why a scale has no result.
Protocol section: endpoint.
Method: the criterion is worded by the protocol (`objectives.Outcome.in_words`), so its words are read back.
Next: `read`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.rules import CATEGORIES, change_category
from pnstrial.visits import codes, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["categories_by", "improvement_of", "why_unrated"]


def _text(frame: pd.DataFrame, criterion: int) -> str:
    texts = frame[f"CRIT{criterion}"].dropna() if f"CRIT{criterion}" in frame else pd.Series(dtype=object)
    return str(texts.iloc[0]) if len(texts) else ""


def improvement_of(frame: pd.DataFrame) -> tuple[float, int]:
    """Read by how many points and percent of the baseline a value must fall to be improved.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    float
        Points, negative where the value must rise; 1 where the criterion does not say.
    int
        Percent; 0 where the criterion asks none.
    """
    pattern = r"at least ([\d.]+) points?(?: and (\d+) %)? (below|above) baseline"
    match = re.search(pattern, _text(frame, 1))
    if match is None:
        return 1, 0
    points = float(match[1])
    sign = 1 if match[3] == "below" else -1
    return (int(points) if points.is_integer() else points) * sign, int(match[2] or 0)


def categories_by(
    base: pd.Series, value: pd.Series, dead: pd.Series, points: float, percent: int = 0
) -> NDArray[Any]:
    """Compare with the baseline: by the rule of the trial on grades 0-6, else by the plain difference.

    Parameters
    ----------
    base, value : pandas.Series of float
    dead : pandas.Series of bool
    points : float
    percent : int
        As `improvement_of` gives them.

    Returns
    -------
    array of str
        "improved", "stable", "deteriorated" or None.
    """
    grades = pd.concat([base, value]).dropna()
    if grades.isin(range(7)).all() and points >= 1 and not percent:
        return named(change_category(codes(base), codes(value), min(int(points), 6)), CATEGORIES)
    better = (base - value) * np.sign(points)
    enough = (better >= abs(points) - 1e-9) & (100 * better >= percent * base.abs() - 1e-9)
    category = np.full(len(value), None, dtype=object)
    category[enough.to_numpy()] = "improved"
    category[(~enough & (better >= -1e-9)).to_numpy()] = "stable"
    category[((better < -1e-9) | dead).to_numpy()] = "deteriorated"
    return category


def why_unrated(frame: pd.DataFrame, criterion: int) -> str | None:
    """Say that nobody was rated, where the values of the scale come from deaths and the screening alone.

    Parameters
    ----------
    frame : pandas.DataFrame
    criterion : int

    Returns
    -------
    str or None
        None where somebody was rated, or the records do not say where they come from.
    """
    imputed = frame["DTYPE"].notna() if "DTYPE" in frame else pd.Series(data=False, index=frame.index)
    if (
        "SRCDOM" not in frame
        or not frame.loc[~imputed & frame["AVAL"].notna(), "SRCDOM"].eq("screening").all()
    ):
        return None
    named_scale = re.match(r"(.+?) (?:at least|at most|over|not worse|worse) ", _text(frame, criterion))
    label = str(frame["PARAM"].iloc[0] if "PARAM" in frame else frame["PARAMCD"].iloc[0])
    return f"no {named_scale[1] if named_scale else label} rating was collected"

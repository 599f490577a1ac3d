"""What does the text of a response criterion say, and what follows from it for the records of a scale?

Input: the records of one parameter, with CRITy.
Output: by how much a value must change to be improved; why a scale has no result.
Protocol section: endpoint.
Method: the criterion is worded by the protocol (`objectives.Outcome.in_words`), so its words are read back.
Next: `read`.
"""

from __future__ import annotations

import re

import pandas as pd

__all__ = ["improvement_of", "why_unrated"]


def _text(frame: pd.DataFrame, criterion: int) -> str:
    texts = frame[f"CRIT{criterion}"].dropna() if f"CRIT{criterion}" in frame else pd.Series(dtype=object)
    return str(texts.iloc[0]) if len(texts) else ""


def improvement_of(frame: pd.DataFrame) -> tuple[float, int, str]:
    """Read by how many points and percent of the baseline a value must change to be improved, and which way.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    float
        Points; 1 where the criterion does not say.
    int
        Percent; 0 where the criterion asks none.
    str
        "lower" or "higher": which values are better.
    """
    pattern = r"at least ([\d.]+) points?(?: and (\d+) %)? (below|above) baseline"
    match = re.search(pattern, _text(frame, 1))
    if match is None:
        return 1, 0, "lower"
    points = float(match[1])
    better = "lower" if match[3] == "below" else "higher"
    return (int(points) if points.is_integer() else points), int(match[2] or 0), better


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

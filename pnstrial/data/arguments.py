"""Which trial, which protocol and which date does a caller mean?

Input: what stands in the place of `trial`, of `protocol` or of a date in a call.
Output: a `TrialData`, a `Protocol`, a date.
Protocol section: none.
Method: a folder is read, frames are checked, a name is loaded, swapped arguments are put in their places;
anything else is answered with the call that is right.
Next: `eligibility`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from pnstrial.data.allowed import protocol_of
from pnstrial.data.trial import TrialData, read_trial
from pnstrial.protocol import Protocol

__all__ = ["date_of", "protocol_of", "trial_and_protocol"]


def trial_and_protocol(trial: object, protocol: object) -> tuple[TrialData, Protocol]:
    """Give the trial and the protocol that are meant.

    Parameters
    ----------
    trial : TrialData, path or mapping of frames
    protocol : Protocol, name or path

    Returns
    -------
    TrialData, Protocol

    Raises
    ------
    TypeError
        If one of the two is neither.
    TrialDataError
        If the tables were read under other scales, drugs or ranges, and are not right under these.

    Examples
    --------
    >>> import pandas as pd
    >>> frames = {"screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"]})}
    >>> trial, protocol = trial_and_protocol(protocol_of("nct02343211"), TrialData.from_frames(frames))  # swapped
    >>> len(trial.screening), protocol.id
    (1, 'nct02343211')
    """
    if isinstance(trial, Protocol) and not isinstance(protocol, Protocol):
        trial, protocol = protocol, trial
    chosen = protocol_of(protocol)
    if isinstance(trial, TrialData):
        return trial.under(chosen), chosen
    if isinstance(trial, str | Path):
        if not Path(trial).exists():
            raise ValueError(f"trial is {str(trial)!r}; there is no such folder or workbook")
        return read_trial(trial, chosen), chosen
    if isinstance(trial, dict):
        if "screening" not in trial:
            raise ValueError(
                f"trial has the tables {', '.join(map(str, trial)) or 'none'}; it needs screening"
            )  # pyright: ignore[reportUnknownArgumentType]
        return TrialData.from_frames(cast("dict[str, Any]", trial), protocol=chosen), chosen
    raise TypeError(
        f"trial is {_described(trial)}; give a TrialData, such as read_trial('my-trial/') or example_trial(), "
        "then the protocol"
    )


def date_of(value: object, name: str = "date") -> dt.date:
    """Give the date that is meant: a date, a datetime, a Timestamp, a datetime64, or text as 2026-01-05.

    Parameters
    ----------
    value : object
    name : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        For text in another form (which day and which month is not guessed), or no date.
    TypeError
        For anything else.

    Examples
    --------
    >>> date_of("2026-01-05"), date_of(dt.datetime(2026, 1, 5, 9))
    (datetime.date(2026, 1, 5), datetime.date(2026, 1, 5))
    """
    found = pd.Timestamp(value) if isinstance(value, np.datetime64) else value
    if isinstance(found, str):
        try:
            return dt.date.fromisoformat(found.strip())
        except ValueError:
            raise ValueError(f"{name} is {value!r}; write it as 2026-01-05 (year, month, day)") from None
    if isinstance(found, dt.datetime):
        if pd.isna(found):
            raise ValueError(f"{name} is not a date; write it as 2026-01-05")
        return found.date()
    if isinstance(found, dt.date):
        return found
    raise TypeError(f"{name} is {_described(value)}; give a date, or text such as '2026-01-05'")


def _described(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"

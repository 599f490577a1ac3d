"""Which state was each patient in, from when to when?

Input: a table of intervals (from, to) or of states seen at times, one row or more per patient.
Output: `Histories`: the same as arrays, checked; every fault at once otherwise.
Protocol section: none.
Method: patients may come under observation late, leave, and come back; a time out of observation counts nowhere.
Next: `states`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.arguments import display
from pnstrial.survival.observations import as_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Vector = NDArray[Any]

__all__ = ["Histories", "read_histories"]

INTERVALS: Final = ("patient_id", "start", "stop", "from_state", "to_state")
SEEN: Final = ("patient_id", "time", "state")
_MOST_LISTED: Final = 8


@dataclass(frozen=True, eq=False)
class Histories:
    """Intervals under observation in one state each.

    Attributes
    ----------
    states : tuple
        Labels; the arrays hold places in it.
    patients : tuple
        Their ids, in order of appearance.
    patient : ndarray of int, shape (rows,)
        Place in `patients`.
    start, stop : ndarray, shape (rows,)
    origin, goal : ndarray of int, shape (rows,)
        State in the interval, and the one entered at its end; goal is -1 where no change was seen.
    """

    states: tuple[Any, ...]
    patients: tuple[Any, ...]
    patient: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    origin: NDArray[np.int64]
    goal: NDArray[np.int64]

    def at_risk(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count the patients under observation in each state just before some times.

        Parameters
        ----------
        times : ndarray, shape (k,)

        Returns
        -------
        ndarray, shape (k, states)
        """
        counts = np.empty((times.size, len(self.states)))
        for state in range(len(self.states)):
            mine = self.origin == state
            begun = np.searchsorted(np.sort(self.start[mine]), times, side="left")
            ended = np.searchsorted(np.sort(self.stop[mine]), times, side="left")
            counts[:, state] = begun - ended
        return counts

    def under_observation(self, time: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give who is under observation just after a time, and in which state.

        Returns
        -------
        patient, state : ndarray of int
        """
        here = (self.start <= time) & (self.stop > time)
        return self.patient[here], self.origin[here]

    @property
    def followed(self) -> NDArray[np.bool_]:
        """Whether the patient's next interval begins where this one ends, shape (rows,)."""
        same = (self.patient[1:] == self.patient[:-1]) & (self.start[1:] == self.stop[:-1])
        return np.append(same, False)

    def after(self, time: float) -> Histories:
        """Leave out what ended up to a time.

        Returns
        -------
        Histories
            With the same patients and states.
        """
        kept = self.stop > time
        return Histories(
            self.states, self.patients, self.patient[kept], self.start[kept], self.stop[kept], self.origin[kept],
            self.goal[kept],
        )  # fmt: skip


def read_histories(data: Any, states: Sequence[Any] | None = None) -> Histories:
    """Read a table of histories.

    Parameters
    ----------
    data : pandas.DataFrame
        Either one row per interval (patient_id, start, stop, from_state, to_state; to_state missing or the same as
        from_state where no change was seen), or one row per state seen (patient_id, time, state): the state holds
        from that time on, a change is dated at the row that shows it, and the last row ends the observation (in the
        same state again: censored then; in another one: the change is the last thing seen). Rows in any order.
    states : sequence of labels, optional
        The states, in the order wanted. Default: those that occur, sorted.

    Raises
    ------
    ValueError
        For absent columns, missing values, times that are negative or not in order, intervals of a patient that
        overlap, a state that changes at a time without a change being recorded, a patient with one row of states
        only, or a state that `states` lacks; all offenders at once.

    Examples
    --------
    >>> found = read_histories(pd.DataFrame({"patient_id": ["A", "A"], "time": [0, 5], "state": ["ill", "dead"]}))
    >>> found.states, found.stop.tolist(), found.goal.tolist()
    (('dead', 'ill'), [5.0], [0])
    """
    if not isinstance(data, pd.DataFrame | dict):
        message = f"data must be a frame with one row per interval or per state seen, got {display(data)}"
        raise ValueError(message)  # noqa: TRY004 - wrong input is a ValueError everywhere here
    table = pd.DataFrame(data).reset_index(drop=True)
    if set(INTERVALS) <= set(table.columns):
        table = table[list(INTERVALS)]
    elif set(SEEN) <= set(table.columns):
        table = _intervals_of(table[list(SEEN)])
    else:
        raise ValueError(
            f"data needs the columns {', '.join(INTERVALS)}, or {', '.join(SEEN)}; it has {list(table.columns)}"
        )
    if table.empty:
        raise ValueError("data is empty: at least one patient is needed")
    _check(table)
    goals = table["to_state"].where(table["to_state"].notna(), table["from_state"])
    labels = _labels(pd.concat([table["from_state"], goals]), states)
    place = {label: position for position, label in enumerate(labels)}
    codes, patients = pd.factorize(table["patient_id"])
    start, stop = table["start"].to_numpy(dtype=float), table["stop"].to_numpy(dtype=float)
    origin = np.array(table["from_state"].map(place), dtype=np.int64)
    goal = np.array(goals.map(place), dtype=np.int64)
    order = np.lexsort((start, codes))
    codes, origin, goal = codes[order], origin[order], goal[order]
    start, stop = start[order], stop[order]
    # Intervals that only continue the one before are one interval.
    goes_on = (codes[1:] == codes[:-1]) & (start[1:] == stop[:-1]) & (goal[:-1] == origin[:-1])
    first, last = np.append(True, ~goes_on), np.append(~goes_on, True)
    return Histories(
        labels,
        tuple(patients.tolist()),
        codes[first].astype(np.int64),
        start[first],
        stop[last],
        origin[first],
        np.where(goal[last] == origin[last], -1, goal[last]),
    )


def _listed(offenders: list[str]) -> str:
    more = len(offenders) - _MOST_LISTED
    return "; ".join(offenders[:_MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _missing(table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    return [
        f"{column}[{row}] is missing"
        for column in columns
        for row in np.flatnonzero(table[column].isna().to_numpy())
    ]


def _intervals_of(table: pd.DataFrame) -> pd.DataFrame:
    """Turn states seen at times into intervals."""
    if gone := _missing(table, SEEN):
        raise ValueError(f"data has missing values: {_listed(gone)}; leave out a row that shows nothing")
    times = as_numbers(table["time"], "time")
    timed = table.assign(time=times)
    twice = timed[timed.duplicated(["patient_id", "time"], keep=False)]
    if len(twice):
        messages = sorted(
            {f"patient {p!r} at {t:g}" for p, t in zip(twice["patient_id"], twice["time"], strict=True)}
        )
        raise ValueError(f"a patient has one state at a time: two rows of {_listed(messages)}; keep one")
    size = timed.groupby("patient_id", sort=False)["time"].transform("size")
    if (size < 2).any():
        messages = [repr(patient) for patient in timed.loc[size < 2, "patient_id"]]
        raise ValueError(
            f"one row only of patient {_listed(messages)}: how long was the state observed? Add a row with the"
            " last time"
        )
    order = {patient: place for place, patient in enumerate(timed["patient_id"].unique())}
    timed = timed.sort_values(
        ["patient_id", "time"], key=lambda c: c.map(order) if c.name == "patient_id" else c
    )
    follows = timed["patient_id"].eq(timed["patient_id"].shift(-1))
    return pd.DataFrame(
        {
            "patient_id": timed["patient_id"],
            "start": timed["time"],
            "stop": timed["time"].shift(-1),
            "from_state": timed["state"],
            "to_state": timed["state"].shift(-1),
        }
    )[follows].reset_index(drop=True)


def _check(table: pd.DataFrame) -> None:
    faults = _missing(table, ("patient_id", "start", "stop", "from_state"))
    if faults:
        raise ValueError(f"data has missing values: {_listed(faults)}")
    start, stop = as_numbers(table["start"], "start"), as_numbers(table["stop"], "stop")
    rules: list[str] = []

    def add(rule: str, offenders: list[str]) -> None:
        if offenders:
            rules.append(f"{rule}: {_listed(offenders)}")

    add(
        "start must be finite and at least 0",
        [f"start[{i}] = {start[i]:g}" for i in np.flatnonzero(~(np.isfinite(start) & (start >= 0)))],
    )
    add(
        "stop must be finite and after start",
        [
            f"start[{i}] = {start[i]:g}, stop[{i}] = {stop[i]:g}"
            for i in np.flatnonzero(~(np.isfinite(stop) & (stop > start)))
        ],
    )
    if not rules:
        codes, patients = pd.factorize(table["patient_id"])
        goals = table["to_state"].where(table["to_state"].notna(), table["from_state"])
        states = pd.factorize(pd.concat([table["from_state"], goals]))[0]
        order = np.lexsort((stop, start, codes))
        codes, start, stop = codes[order], start[order], stop[order]
        origin, goal = states[: order.size][order], states[order.size :][order]
        same, who = codes[1:] == codes[:-1], patients.tolist()

        def places(wrong: NDArray[np.bool_], times: NDArray[np.float64]) -> list[str]:
            return [f"patient {who[codes[i]]!r} at {times[i]:g}" for i in np.flatnonzero(wrong)]

        add("intervals of a patient must not overlap", places(same & (start[1:] < stop[:-1]), start[1:]))
        add(
            "the next interval must be in the state that the last one ended in",
            places(same & (start[1:] == stop[:-1]) & (origin[1:] != goal[:-1]), stop),
        )
    if rules:
        raise ValueError(". ".join(rules))


def _labels(seen: pd.Series, states: Sequence[Any] | None) -> tuple[Any, ...]:
    # A column with a missing goal holds whole numbers as floats: 2.0 is the state 2.
    found: list[Any] = [
        int(label) if isinstance(label, float) and label.is_integer() else label
        for label in seen.drop_duplicates().tolist()
    ]
    if states is None:
        try:
            return tuple(sorted(found))
        except TypeError:
            raise ValueError(
                "the states have no common order; name them in states, in the order wanted"
            ) from None
    labels = tuple(states)
    if len(set(labels)) != len(labels):
        raise ValueError(f"states must be different labels, got {list(labels)}")
    if missing := [label for label in found if label not in labels]:
        raise ValueError(f"states lacks {missing}, which the data hold: states = {display(states)}")
    return labels

"""In which order do visits come that count from a last infusion which a decision moves?

Input: the patients of a stratum before their first visit.
Output: the same after their visits, each in the order that his last infusion makes of them.
Protocol section: visits, decision, treatment.
Method: patients are parted after the decision by the day of their last infusion: the last of the cycles before it, or
one that follows from the day of the decision, how late the last cycle is, and whether it was stopped before.
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from pnstrial.engine.exact.chain import Group
    from pnstrial.engine.exact.entries import Given
    from pnstrial.engine.model import Model

__all__ = ["through_moving_visits"]


class _Patient(Protocol):
    """What of `patient.Patient` is needed here."""

    model: Model
    given: Given | None
    visits: NDArray[np.int64]

    def visit(self, groups: list[Group], v: int, *, ends: bool) -> list[Group]: ...


def through_moving_visits(patient: _Patient, groups: list[Group], only: int | None) -> list[Group]:
    """Follow everybody through the visits, up to `only` where it is given.

    Parameters
    ----------
    patient : Patient
    groups : list of Group
    only : int or None

    Returns
    -------
    list of Group
    """
    model, given = patient.model, patient.given
    decision = int(model.whole[at.DECISION_VISIT])
    last, stopped = (0, False) if given is None else (given.last_infusion, given.stopped_in is not None)

    def days(last: int) -> NDArray[np.int64]:
        return model.visits + model.anchored[:, None] * last

    before = days(last)
    first = [
        v for v in _in_order(before, range(len(before)))
        if before[v, 0] <= before[decision, 0] and (stopped or not model.anchored[v])
    ]  # fmt: skip
    rest = [v for v in range(len(before)) if v not in first]
    patient.visits = before
    for v in first:
        groups = patient.visit(groups, v, ends=False)
        if v == only:
            return groups
    found: list[Group] = []
    for resumed in sorted({group.resumed for group in groups}):
        mine = [group for group in groups if group.resumed == resumed]
        ways = [(last, None, 1.0)] if resumed < 0 else _ends(model, resumed)
        for day, until, share in ways:
            parts = [
                replace(
                    group, X=share * group.X, resumed=-1.0,
                    ends=group.ends if until is None else (min(until, group.ends[0]), *group.ends[1:]),
                )
                for group in mine
            ]  # fmt: skip
            patient.visits = days(day)
            for v in _in_order(patient.visits, rest):
                parts = patient.visit(parts, v, ends=False)
                if v == only:
                    break
            found += parts
    patient.visits = before
    return found


def _in_order(days: NDArray[np.int64], visits: list[int] | range) -> list[int]:
    return sorted(visits, key=lambda v: (int(days[v, 0]), v))


def _ends(model: Model, base: float) -> Iterator[tuple[int, float | None, float]]:
    """Give the days of the last infusion of who goes on, until when treatment acts if it is stopped, and the share."""
    w = model.whole
    cycles, days, length = (
        int(w[at.CYCLES_ALL] - w[at.CYCLES_BEFORE]),
        int(w[at.INFUSION_DAYS]),
        int(w[at.CYCLE_DAYS]),
    )
    begin, stop = int(w[at.TO_OTHERS]), model.stop_per_infusion
    others = int(w[begin : begin + int(w[at.OTHERS])].max(initial=0))
    for late, late_share in enumerate(model.delays.reshape(-1, 2).sum(axis=1)):
        for k in range(cycles if stop > 0 else 0):
            for i in range(days):
                share = float(late_share) * stop * (1 - stop) ** (days * k + i)
                yield int(base) + length * k + late + i, base + length * (k + 1), share
        end = int(base) + length * (cycles - 1) + late + days - 1
        yield max(others, end), None, float(late_share) * (1 - stop) ** (days * cycles)

"""How do patients enter the chain, and how can the cycles end that visits count from?

Input: `engine.model.Model`.
Output: entries by case of the chain, `Given`: one way in which the cycles end, names of what visits count.
Protocol section: criteria, treatment, visits.
Method: strata with the same rates at all times are one case; everything else is counting.
Next: `patient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pnstrial.engine.exact.chain import NEVER
from pnstrial.engine.kernels import layout as at
from pnstrial.engine.kernels.quantities import SECONDARY_QUANTITIES
from pnstrial.engine.strata import classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model

__all__ = ["Entries", "Given", "entries_of", "secondary_names", "ways_given"]


@dataclass(frozen=True)
class Given:
    """How the cycles end, where visits count from the last infusion: share, day of it, cycle that was stopped, if any.

    Treatment acts until `acts_until`; infusions are counted once, for the first of all ways.
    """

    share: float
    last_infusion: int
    stopped_in: int | None
    acts_until: float
    first: bool


def secondary_names(model: Model) -> dict[int, list[tuple[str, ...]]]:
    """Give the names of the quantities of each visit that is a secondary one."""
    names = [name for name, _ in model.names(primary=True)]
    first = names.index(SECONDARY_QUANTITIES[0])
    later = names[len(SECONDARY_QUANTITIES) + first :]
    found: dict[int, list[tuple[str, ...]]] = {}
    for k, v in enumerate(model.secondary):
        named = SECONDARY_QUANTITIES if k == 0 else tuple(later[3 * (k - 1) : 3 * k])
        found.setdefault(v, []).append(named)
    return found


@dataclass(frozen=True)
class Entries:
    """How patients enter: the cases of the chain, what of a patient is asked for later, where he stands on day 1.

    Parameters
    ----------
    cases : list of (int, int)
        A stratum of each case, and its true baseline where anything depends on it.
    entries : ndarray of int, shape (cases * entries, 3)
        True and rated baseline and start of every entry, as many for each case.
    places : ndarray of int, shape (places, 4)
        Entry, true grade on day 1, whether the tumour is treated then, whether there is damage that is not undone.
    share : ndarray, shape (places,)
        Share of the enrolled in each place.
    """

    cases: list[tuple[int, int]]
    entries: NDArray[np.int64]
    places: NDArray[np.int64]
    share: NDArray[np.float64]


def entries_of(model: Model, *, by_baseline: bool = False) -> Entries:
    """Group the strata that have the same rates at all times, and by true baseline where anything depends on it.

    Parameters
    ----------
    model : Model
    by_baseline : bool
        Whether cases are told apart by true baseline in any case.

    Returns
    -------
    Entries
        An entry that a case does not have is nobody's place.
    """
    alike, first = classes(model.generators, model.changes, model.starts)
    host, begun = _hosts(model, first)
    begin, k = int(model.whole[at.TO_LEAVES]), model.grades
    leaves = model.real[begin : begin + k * k].reshape(k, k)
    by_baseline = by_baseline or (bool(model.whole[at.LEAVES]) and bool((leaves != leaves[0]).any()))
    mine = model.entry_codes[:, 0] == 0
    codes, share = model.entry_codes[mine], model.entry_probabilities[mine] / model.enrolled_share
    of_class = alike[codes[:, 1]]
    own = host[of_class] * k + (codes[:, 2] if by_baseline else 0)
    cases = np.unique(own)
    found = [np.unique(codes[own == case, 2:4], axis=0, return_inverse=True) for case in cases]
    width = max(len(entries) for entries, _ in found)
    every = np.zeros((cases.size, width, 2), np.int64)
    entry = np.zeros(len(codes), np.int64)
    for c, (entries, which) in enumerate(found):
        every[c] = entries[0]
        every[c, : len(entries)] = entries
        entry[own == cases[c]] = width * c + which.ravel()
    # each entry once for every start of its grade
    starts = model.asked.starts
    m = starts.shape[1]
    every = np.repeat(every.reshape(-1, 2), m, axis=0)
    entries = np.column_stack([every, m * every[:, 0] + np.arange(len(every)) % m])
    places = np.column_stack([entry * m, codes[:, 4], begun[of_class]])
    later = np.arange(m)[:, None] * np.array([1, 0, 0, 0])
    return Entries(
        [(int(first[case // k]), int(case % k)) for case in cases],
        entries,
        (places[:, None] + later).reshape(-1, 4),
        (share[:, None] * starts[codes[:, 2]]).ravel(),
    )


def _hosts(model: Model, first: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Say of each class to which class its patients come when their tumour is treated or damage has come.

    Gives that class (itself, if none) and, by class, whether that treatment (0) and damage (1) are there on day 1.
    """
    host, begun = np.arange(first.size), np.zeros((first.size, 2), np.int64)
    if not model.whole[at.SWITCHES]:
        return host, begun
    arms = np.arange(model.generators.shape[2])

    def rates(stratum: int, switched: int) -> bytes:
        left = model.starts[stratum] * [switched & 4 == 0, switched & 8 == 0]
        return b"".join(
            part.tobytes()
            for part in (model.generators[stratum][:, arms | switched], model.changes[stratum], left)
        )

    classes_by_rates = {rates(stratum, 0): c for c, stratum in enumerate(first)}
    for switched in (12, 8, 4):
        for c, stratum in enumerate(first):
            tumour, damage = (model.starts[stratum] > 0).tolist()
            part = classes_by_rates.get(rates(stratum, switched), c)
            if (tumour or not switched & 4) and (damage or not switched & 8) and host[part] == part != c:
                host[part], begun[part] = c, (switched & 4 > 0, switched & 8 > 0)
    return host, begun


def ways_given(model: Model) -> Sequence[Given | None]:
    """List how the cycles can end that visits count from: stopped in one of them, or the last one late.

    None stands for all of them together, where no visit counts from the last infusion.
    """
    if not model.anchored.any():
        return [None]
    w = model.whole
    moves = bool(w[at.MOVES])  # then a decision says whether these cycles are all
    cycles, days, length = (
        int(w[p]) for p in (at.CYCLES_BEFORE if moves else at.CYCLES_ALL, at.INFUSION_DAYS, at.CYCLE_DAYS)
    )
    acts_until = NEVER if moves else float(w[at.ACTS_UNTIL])
    begin = int(w[at.TO_OTHERS])
    others = int(w[begin : begin + int(w[at.OTHERS])].max(initial=0))
    delays = model.delays.reshape(-1, 2).sum(axis=1)
    stop = model.stop_per_infusion
    found: dict[tuple[int, int | None], float] = {}
    for late, late_share in enumerate(delays):
        for k in range(cycles):
            base = length * k + (late if k else 0)
            for i in range(days if stop > 0 else 0):
                key = (base + i, k + 1)
                found[key] = found.get(key, 0.0) + float(late_share) * stop * (1 - stop) ** (days * k + i)
        end = (max(others, length * (cycles - 1) + (late if cycles > 1 else 0) + days - 1), None)
        found[end] = found.get(end, 0.0) + float(late_share) * (1 - stop) ** (days * cycles)
    return [
        Given(share, last, stopped, float(length * stopped) if stopped else acts_until, first=n == 0)
        for n, ((last, stopped), share) in enumerate(found.items())
    ]

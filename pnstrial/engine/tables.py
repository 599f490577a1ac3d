"""How are probabilities laid out for drawing?

Input: probabilities.
Output: packed alias tables, and the 128-bit key of a block of trials.
Protocol section: none.
Method: Walker's alias method (ACM Trans Math Softw 1977;3:253-256), built by Vose's two stacks (IEEE Trans Softw
Eng 1991;17:972-975); sizes are powers of two so that the upper bits of one word choose the cell.
Next: `random_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["alias_bits", "alias_table", "binomial_halves", "block_key", "tail_tables"]

_FULL: Final = (1 << 48) - 1


def alias_bits(cells: int) -> int:
    """Count the bits that choose one of at least so many cells.

    Examples
    --------
    >>> alias_bits(7), alias_bits(8), alias_bits(9)
    (3, 3, 4)
    """
    return max(1, (cells - 1).bit_length())


def alias_table(probabilities: ArrayLike, bits: int | None = None) -> NDArray[np.uint64]:
    """Build the packed alias table of a distribution over 0, 1, 2, ...

    Parameters
    ----------
    probabilities : array_like of float, shape (cells,)
        They add to 1.
    bits : int, optional
        The table gets 2**bits words; by default the fewest that hold the cells.

    Returns
    -------
    ndarray of uint64, shape (2**bits,)
        Threshold in the upper 48 bits, alias in the lower 16.

    Raises
    ------
    ValueError
        If a probability is negative, they do not add to 1 within 1e-9, or the cells do not fit.

    Examples
    --------
    >>> table = alias_table([0.25, 0.75])
    >>> [int(word & np.uint64(0xFFFF)) for word in table]
    [1, 1]
    """
    p = np.asarray(probabilities, dtype=float)
    size = 1 << (alias_bits(p.size) if bits is None else bits)
    if p.size > size or size > 1 << 16:
        raise ValueError(f"alias_table: {p.size} cells do not fit a table of {size} words")
    if (p < 0).any() or not abs(p.sum() - 1) < 1e-9:
        raise ValueError(
            f"alias_table: probabilities must be at least 0 and add to 1, these add to {p.sum():.12g}"
        )
    scaled = np.zeros(size)
    scaled[: p.size] = p / p.sum() * size
    low, high = np.flatnonzero(scaled < 1).tolist(), np.flatnonzero(scaled >= 1).tolist()
    share = scaled.tolist()  # plain numbers: an array gives each one out slowly
    packed = [(_FULL << 16) | i for i in range(size)]
    while low and high:
        small, large = low.pop(), high[-1]
        packed[small] = min(_FULL, round(share[small] * (1 << 48))) << 16 | large
        share[large] -= 1 - share[small]
        if share[large] < 1:
            low.append(high.pop())
    return np.array(packed, np.uint64)


def binomial_halves(largest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tabulate the binomial distribution with probability 1/2.

    Parameters
    ----------
    largest : int
        Largest number of trials.

    Returns
    -------
    exactly, or_more : ndarray, shape (largest + 1, largest + 2)
        P(X = j) and P(X >= j) at row number of trials and column j.

    Examples
    --------
    >>> exactly, or_more = binomial_halves(3)
    >>> [float(p) for p in exactly[3, :4]], float(or_more[3, 2])
    ([0.125, 0.375, 0.375, 0.125], 0.5)
    """
    exactly = np.zeros((largest + 1, largest + 2))
    exactly[0, 0] = 1.0
    for c in range(1, largest + 1):
        exactly[c] = 0.5 * (exactly[c - 1] + np.r_[0.0, exactly[c - 1, :-1]])
    return exactly, exactly[:, ::-1].cumsum(axis=1)[:, ::-1].copy()


def tail_tables(
    generators: NDArray[np.float64], changes: NDArray[np.float64], begin: int, end: int
) -> NDArray[np.uint64]:
    """Build the tables of what becomes of patients between two days: the day of death, or the grade at the end.

    Parameters
    ----------
    generators : ndarray, shape (classes, periods, grades + 1, grades + 1)
        Rates per day, the last state being death, per band of time since onset.
    changes : ndarray, shape (classes, periods)
        Day on which the next band begins.
    begin, end : int
        Days.

    Returns
    -------
    ndarray of uint64
        For each class and living grade a packed alias table over death on day begin + 1, ..., end (a day ends with
        its number), then over the living grades at the end.

    Notes
    -----
    The probabilities are products of exp(Q t), exact to rounding; nothing is approximated within a day.
    """
    from pnstrial.multistate import transition_probabilities

    days, k = end - begin, generators.shape[-1] - 1
    found: list[NDArray[np.uint64]] = []
    for Q, starts in zip(generators, changes, strict=True):
        reached = np.eye(k + 1)
        shares = np.zeros((k, days + k))
        period = int(np.searchsorted(starts, begin, side="right"))
        whole_day = transition_probabilities(Q[period], 1.0) if days else reached
        for day in range(days):
            now = float(begin + day)
            before = reached[:k, k].copy()
            if starts[period] < now + 1:
                while starts[period] < now + 1:  # a band begins within this day
                    reached = reached @ transition_probabilities(Q[period], float(starts[period]) - now)
                    now = float(starts[period])
                    period += 1
                reached = reached @ transition_probabilities(Q[period], begin + day + 1 - now)
                whole_day = transition_probabilities(Q[period], 1.0)
            else:
                reached = reached @ whole_day
            shares[:, day] = np.clip(reached[:k, k] - before, 0, None)
        shares[:, days:] = reached[:k, :k]
        found += [alias_table(row / row.sum()) for row in shares]
    return np.concatenate(found)


def block_key(seed: int, block: int) -> NDArray[np.uint64]:
    """Make the key of a block of trials.

    Parameters
    ----------
    seed : int
        Seed of the run, 0 or more.
    block : int
        Number of the block.

    Returns
    -------
    ndarray of uint64, shape (2,)
        From ``SeedSequence(seed, spawn_key=(block,))``: it depends on nothing else.

    Examples
    --------
    >>> [int(part) for part in block_key(1, 0)] == [int(part) for part in block_key(1, 0)]
    True
    """
    return np.asarray(
        np.random.SeedSequence(seed, spawn_key=(block,)).generate_state(2, np.uint64), np.uint64
    )

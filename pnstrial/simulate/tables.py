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

__all__ = ["alias_bits", "alias_table", "block_key"]

_FULL: Final = (1 << 48) - 1


def alias_bits(cells: int) -> int:
    """Count the bits that choose one of at least so many cells.

    Parameters
    ----------
    cells : int

    Returns
    -------
    int

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
    low = [i for i in range(size) if scaled[i] < 1]
    high = [i for i in range(size) if scaled[i] >= 1]
    threshold = np.full(size, _FULL, np.uint64)
    other = np.arange(size, dtype=np.uint64)
    while low and high:
        small, large = low.pop(), high[-1]
        threshold[small] = min(_FULL, round(scaled[small] * (1 << 48)))
        other[small] = large
        scaled[large] -= 1 - scaled[small]
        if scaled[large] < 1:
            low.append(high.pop())
    return (threshold << np.uint64(16)) | other


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

"""What do results of several groups have in common?

Input: one result for each label.
Output: `ByGroup`: the result of a group by its label, and their tables one under the other.
Protocol section: none.
Method: the labels keep their order.
Next: `observations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pnstrial.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["ByGroup", "stacked"]

One = TypeVar("One")


class ByGroup(Result, Generic[One]):
    """One result for each group; ``result["A"]`` is that of group A."""

    def _groups(self) -> Mapping[Any, One]:
        """Give the result of each label; a subclass says where they are."""
        raise NotImplementedError

    def __getitem__(self, group: Any) -> One:
        groups = self._groups()
        if group not in groups:
            raise KeyError(f"{group!r} is no group; they are {', '.join(map(repr, groups))}")
        return groups[group]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._groups())

    def __len__(self) -> int:
        return len(self._groups())


def stacked(curves: Mapping[Any, Any], times: ArrayLike) -> pd.DataFrame:
    """Read every curve at given times, the tables one under the other.

    Parameters
    ----------
    curves : mapping of label to curve
        Each with a method `at`.
    times : float or array_like, shape (k,)

    Returns
    -------
    pandas.DataFrame
        group and the columns of `at`.
    """
    import pandas as pd

    frames: list[pd.DataFrame] = []
    for group, curve in curves.items():
        frame = curve.at(times)
        frame.insert(0, "group", [group] * len(frame))
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)

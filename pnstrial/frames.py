"""How do tables keep their types, whichever pandas is installed?

Input: typed arrays; a column of keys and values by key.
Output: frames and columns of the same types under pandas 2 and 3.
Protocol section: none.
Method: text stays a column of objects with None, where pandas 3 would make its own type of it; a look-up reindexes,
because `Series.map` cannot look dates up in a table without rows there.
Next: `data`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["typed_frame", "value_of"]


def typed_frame(columns: Mapping[str, Any], index: pd.Index) -> pd.DataFrame:
    """Put arrays together as they are.

    Returns
    -------
    pandas.DataFrame
        Each column has the type of its array; text and None are objects.

    Examples
    --------
    >>> import numpy as np
    >>> typed_frame({"site": np.array(["Lyon", None], dtype=object)}, pd.RangeIndex(2))["site"].to_list()
    ['Lyon', None]
    """
    series = {name: pd.Series(values, index, dtype=values.dtype) for name, values in columns.items()}
    return pd.DataFrame(series, index=index)


def value_of(keys: pd.Series, by_key: pd.Series) -> pd.Series:
    """Look up the value of each key; missing where there is none.

    Parameters
    ----------
    keys : pandas.Series
    by_key : pandas.Series
        Its index holds each key once.

    Returns
    -------
    pandas.Series
        In the order of the keys, with their index.

    Examples
    --------
    >>> value_of(pd.Series(["B", "C"]), pd.Series([1.0, 2.0], index=["A", "B"])).to_list()
    [2.0, nan]
    """
    return by_key.reindex(keys).set_axis(keys.index)

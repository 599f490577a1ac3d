"""Which columns of a table go into a model, and as what numbers?

Input: a frame or mapping of columns and the names that a caller gives.
Output: `Design`: a matrix of numbers, the names of its columns and the terms they belong to.
Protocol section: none.
Method: numbers as they are; words as treatment contrasts against the first level, as R does.
Next: `cox`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.survival.observations import codes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["Design", "column", "design_of", "labels_of"]

_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Design:
    """The matrix of a model.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, p)
    names : tuple of str
        One per column: the covariate, or ``covariate[level]``.
    terms : tuple
        Of each covariate its name and the places of its columns.
    levels : dict
        Levels of each categorical covariate, the reference first.
    """

    x: Vector
    names: tuple[str, ...]
    terms: tuple[tuple[str, tuple[int, ...]], ...]
    levels: dict[str, tuple[Any, ...]]

    def row(self, values: Mapping[str, Any]) -> Vector:
        """Turn the covariates of one patient into a row of the matrix.

        Parameters
        ----------
        values : mapping of str to number or label

        Returns
        -------
        numpy.ndarray, shape (p,)

        Raises
        ------
        ValueError
            If a covariate is missing, is no number or has an unknown level.
        """
        faults: list[str] = []
        out = np.zeros(len(self.names))
        for name, places in self.terms:
            if name not in values:
                faults.append(f"{name} is missing")
                continue
            value = values[name]
            if name in self.levels:
                levels = self.levels[name]
                if value not in levels:
                    faults.append(f"{name} = {value!r} is none of {list(levels)!r}")
                elif value != levels[0]:
                    out[places[levels.index(value) - 1]] = 1.0
                continue
            try:
                out[places[0]] = float(value)
            except (TypeError, ValueError):
                out[places[0]] = np.nan
            if not np.isfinite(out[places[0]]):
                faults.append(f"{name} = {value!r} is no number")
        if faults:
            raise ValueError("covariates: " + "; ".join(faults))
        return out


def column(data: Any, given: Any, argument: str) -> Any:
    """Take a column by name, or values as they are.

    Parameters
    ----------
    data : pandas.DataFrame or mapping
    given : str or array_like
    argument : str
        For the message.

    Returns
    -------
    array_like

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if not isinstance(given, str):
        return given
    if not hasattr(data, "__getitem__") or not hasattr(data, "keys"):
        raise ValueError(f"data must be a frame or a mapping of columns, got {type(data).__name__}")
    if given not in data:
        names = ", ".join(repr(str(name)) for name in list(data.keys())[:_SHOWN])
        raise ValueError(f"{argument} = {given!r} is no column of data, which has {names}")
    return data[given]


def labels_of(data: Any, given: Any, n: int, argument: str) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Read strata: one column, several to be crossed, or values.

    Parameters
    ----------
    data : pandas.DataFrame or mapping
    given : str, sequence of str, array_like or None
    n : int
    argument : str

    Returns
    -------
    labels : tuple
        Empty without strata; tuples where several columns are crossed.
    codes : numpy.ndarray of int, shape (n,) or empty

    Raises
    ------
    ValueError
        If a column is absent, a length differs or a label is missing.
    """
    if given is None:
        return (), np.empty(0, dtype=np.int64)
    several = (
        isinstance(given, Sequence)
        and not isinstance(given, str)
        and len(cast("Sequence[Any]", given)) > 0
        and all(isinstance(part, str) and part in data for part in cast("Sequence[Any]", given))
    )
    if not several:
        labels, codes = codes_of(column(data, given, argument), n, argument)
        return tuple(labels), codes
    crossed = [
        codes_of(column(data, part, argument), n, f"{argument} {part}")
        for part in cast("Sequence[str]", given)
    ]
    if len(crossed) == 1:
        return tuple(crossed[0][0]), crossed[0][1]
    stacked = np.stack([codes for _, codes in crossed])
    found, codes = np.unique(stacked, axis=1, return_inverse=True)
    labels = tuple(
        tuple(own[int(k)] for (own, _), k in zip(crossed, place, strict=True)) for place in found.T
    )
    return labels, codes.reshape(-1).astype(np.int64)


def design_of(data: Any, covariates: str | Sequence[str], n: int) -> Design:
    """Build the matrix of a model from the columns of a table.

    Parameters
    ----------
    data : pandas.DataFrame or mapping of str to array
    covariates : str or sequence of str
    n : int
        Rows expected.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        If a column is absent, named twice, of another length or has missing values; all faults at once.

    Examples
    --------
    >>> design = design_of({"age": [60, 71, 55], "site": ["b", "a", "c"]}, ["age", "site"], 3)
    >>> design.names, design.x.tolist()
    (('age', 'site[b]', 'site[c]'), [[60.0, 1.0, 0.0], [71.0, 0.0, 0.0], [55.0, 0.0, 1.0]])
    """
    wanted = [covariates] if isinstance(covariates, str) else list(covariates)
    if not wanted:
        raise ValueError("covariates is empty: name at least one column (for none, use kaplan_meier)")
    twice = sorted({name for name in wanted if wanted.count(name) > 1})
    if twice:
        raise ValueError(f"covariates names {', '.join(map(repr, twice))} twice")
    columns: list[Vector] = []
    names: list[str] = []
    terms: list[tuple[str, tuple[int, ...]]] = []
    levels: dict[str, tuple[Any, ...]] = {}
    faults: list[str] = []
    for name in wanted:
        values = column(data, name, "covariates")
        raw = np.asarray(values)
        if raw.shape != (n,):
            faults.append(f"{name} has shape {raw.shape}, time has {n}")
            continue
        numbers = _numbers(raw)
        if numbers is None or hasattr(values, "cat"):
            parts, found, missing = _indicators(values, raw)
            levels[name] = found
            if len(found) == 1 and not missing.size:
                faults.append(f"{name} is {found[0]!r} in every row: with one level there is nothing to compare")
            own = [f"{name}[{level}]" for level in found[1:]]
        else:
            missing = np.flatnonzero(~np.isfinite(numbers))
            parts, own = [numbers], [name]
        faults += [f"{name}[{i}] = {raw[i]}" for i in missing.tolist()]
        terms.append((name, tuple(range(len(names), len(names) + len(own)))))
        names += own
        columns += parts
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ValueError(
            "covariates must have a finite value in each row (leave out rows without one, and say so): "
            + "; ".join(faults[:_SHOWN])
            + more
        )
    x = np.column_stack(columns) if columns else np.empty((n, 0))
    return Design(x, tuple(names), tuple(terms), levels)


def _numbers(raw: NDArray[Any]) -> Vector | None:
    """Read a column as numbers; None if it holds words."""
    if raw.dtype.kind in "biuf":
        return raw.astype(np.float64)
    if raw.dtype.kind == "O" and not any(isinstance(cell, str) for cell in raw.tolist()):
        import pandas as pd

        try:
            return np.where(pd.isna(raw), np.nan, raw).astype(np.float64)
        except (TypeError, ValueError):
            return None
    return None


def _indicators(values: Any, raw: NDArray[Any]) -> tuple[list[Vector], tuple[Any, ...], NDArray[np.int64]]:
    """Treatment contrasts: one indicator for each level that occurs but the first."""
    import pandas as pd

    missing = np.flatnonzero(pd.isna(raw))
    if hasattr(values, "cat"):
        present = set(raw[~pd.isna(raw)].tolist())
        found = tuple(level for level in values.cat.categories.tolist() if level in present)
    else:
        found = tuple(sorted(set(raw[~pd.isna(raw)].tolist()), key=str))
    return [(raw == level).astype(np.float64) for level in found[1:]], found, missing

"""Which columns of a table go into a model, and as what numbers?

Input: a frame or mapping of columns and the names that a caller gives.
Output: `Design`: a matrix of numbers, the names of its columns and the terms they belong to.
Protocol section: none.
Method: numbers as they are; words as treatment contrasts against the first level, as R does.
Next: `cox`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.numerics.arguments import label_array, label_faults
from pnstrial.survival.observations import codes_of, column_of, columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["Design", "design_of", "labels_of", "table_and_columns"]

_MOST_LISTED = 8
OPERATORS = frozenset("+*:~-/^(")


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
    formula : formulaic.ModelSpec or None
        What turns a table into the matrix, where covariates are a formula.
    """

    x: Vector
    names: tuple[str, ...]
    terms: tuple[tuple[str, tuple[int, ...]], ...]
    levels: dict[str, tuple[Any, ...]]
    formula: Any = None

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
        if self.formula is not None:
            return _matrix(self.formula, {name: [value] for name, value in values.items()}, 1)[0][0]
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


def table_and_columns(
    function: str, given: tuple[Any, ...], data: Any, **named: Any
) -> tuple[Any, list[Any]]:
    """Sort out the table and the arguments of a model, given by place or by name.

    Parameters
    ----------
    function : str
        For the message.
    given : tuple
        By place: the named ones in their order, before them the table or nothing.
    data : pandas.DataFrame, mapping or None
        By name.
    **named
        time, event (or cause) and covariates; None where not given by name.

    Returns
    -------
    data : pandas.DataFrame, mapping or None
    columns : list
        The named arguments, each a value that is there.

    Raises
    ------
    TypeError
        If one is missing or given twice; the message shows the call.
    """
    names = list(named)
    call = f"{function}({', '.join(f'{name}=' for name in names)}, data=)"
    if given and (given[0] is None or isinstance(given[0], Mapping) or hasattr(given[0], "columns")):
        if data is not None:
            raise TypeError(f"{function}: the table is given twice; write {call}")
        data, given = given[0], given[1:]
    if len(given) > len(names):
        raise TypeError(f"{function} takes {len(names)} arguments by place, got {len(given)}; write {call}")
    for name, value in zip(names, given, strict=False):
        if named[name] is not None:
            raise TypeError(f"{function}: {name} is given twice; write {call}")
        named[name] = value
    missing = [name for name, value in named.items() if value is None]
    formula = next((text for text in named.values() if isinstance(text, str) and "~" in text), None)
    if missing and formula is not None:
        right = formula.partition("~")[2].strip()
        raise TypeError(
            f"{function}: {formula!r} is R's way; name the columns, and give the right side of the formula: "
            f"{function}({', '.join(repr(name) for name in names[:-1])}, {right!r}, data=)"
        )
    if missing:
        raise TypeError(f"{function}: {', '.join(missing)} is not given; write {call}")
    return data, list(named.values())


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
    table: Any = data
    several = (
        isinstance(given, Sequence)
        and not isinstance(given, str)
        and len(cast("Sequence[Any]", given)) > 0
        and data is not None
        and all(isinstance(part, str) and part in data for part in cast("Sequence[Any]", given))
    )
    if not several:
        labels, codes = codes_of(columns(data, **{argument: given})[0], n, argument)
        return tuple(labels), codes
    crossed = [codes_of(table[part], n, f"{argument} {part}") for part in cast("Sequence[str]", given)]
    if len(crossed) == 1:
        return tuple(crossed[0][0]), crossed[0][1]
    stacked = np.stack([codes for _, codes in crossed])
    found, codes = np.unique(stacked, axis=1, return_inverse=True)
    labels = tuple(
        tuple(own[int(k)] for (own, _), k in zip(crossed, place, strict=True)) for place in found.T
    )
    return labels, codes.reshape(-1).astype(np.int64)


def design_of(data: Any, covariates: Any, n: int) -> Design:
    """Build the matrix of a model.

    Parameters
    ----------
    data : pandas.DataFrame, mapping of str to array, or None
    covariates : str, sequence of str, or array_like
        Columns of data, a formula such as ``"age + C(site)"``, or (also without data) values: an array of shape (n,)
        or (n, p), whose columns are called x1, x2, ..., or a frame or mapping.
    n : int
        Rows expected.

    Raises
    ------
    ValueError
        If a column is absent, named twice, of another length, has missing values or, if it holds words, one level
        only; all faults at once. If a formula cannot be read.

    Examples
    --------
    >>> design = design_of({"age": [60, 71, 55], "site": ["b", "a", "c"]}, ["age", "site"], 3)
    >>> design.names, design.x.tolist()
    (('age', 'site[b]', 'site[c]'), [[60.0, 1.0, 0.0], [71.0, 0.0, 0.0], [55.0, 0.0, 1.0]])
    >>> design_of({"age": [60, 71, 55], "arm": ["b", "a", "b"]}, "age * arm", 3).names
    ('age', 'arm[b]', 'age:arm[b]')
    """
    if (
        isinstance(covariates, str)
        and (data is None or covariates not in data)
        and set(covariates) & OPERATORS
    ):
        return _formula_design(data, covariates, n)
    data, covariates = _listed_columns(data, covariates)
    wanted = [covariates] if isinstance(covariates, str) else list(covariates)
    if not wanted:
        raise ValueError("covariates is empty: name at least one column (for none, use kaplan_meier)")
    twice = sorted({name for name in wanted if wanted.count(name) > 1})
    if twice:
        raise ValueError(f"covariates names {', '.join(map(repr, twice))} twice")
    parts_of_x: list[Vector] = []
    names: list[str] = []
    terms: list[tuple[str, tuple[int, ...]]] = []
    levels: dict[str, tuple[Any, ...]] = {}
    faults: list[str] = []
    gaps: list[str] = []
    for name in wanted:
        values = column_of(data[name]) if name in data else columns(data, covariates=name)[0]
        raw = label_array(name, values)
        if raw.shape != (n,):
            faults.append(f"{name} has shape {raw.shape}, time has {n}")
            continue
        numbers = _numbers(raw)
        if raw.dtype.kind in "mM" or (
            raw.dtype.kind == "O" and any(isinstance(cell, date) for cell in raw.tolist())
        ):
            faults.append(f"{name} holds dates or durations: give a number, such as the years from a date")
            continue
        if numbers is None or hasattr(values, "cat"):
            parts, found = _indicators(values, raw)
            levels[name] = found
            wrong = label_faults(name, raw)
            faults += wrong
            if len(found) == 1 and not wrong:
                faults.append(
                    f"{name} is {found[0]!r} in every row: with one level there is nothing to compare"
                )
            own = [f"{name}[{level}]" for level in found[1:]]
        else:
            finite = np.isfinite(numbers)
            parts, own = [numbers], [name]
            gaps += [] if finite.all() else [f"{name}[{i}] = {raw[i]}" for i in np.flatnonzero(~finite)]
        terms.append((name, tuple(range(len(names), len(names) + len(own)))))
        names += own
        parts_of_x += parts
    if gaps:
        more = f"; and {len(gaps) - _MOST_LISTED} more" if len(gaps) > _MOST_LISTED else ""
        rule = "a finite value is needed in each row (leave out rows without one, and say so): "
        faults.append(rule + "; ".join(gaps[:_MOST_LISTED]) + more)
    if faults:
        raise ValueError("covariates: " + "; ".join(faults))
    x = np.column_stack(parts_of_x) if parts_of_x else np.empty((n, 0))
    return Design(x, tuple(names), tuple(terms), levels)


def _listed_columns(data: Any, covariates: Any) -> tuple[Any, Any]:
    """Turn values into a table and the names of its columns."""
    if not isinstance(covariates, str | list) and (
        isinstance(covariates, Mapping) or hasattr(covariates, "columns")
    ):
        return covariates, [str(name) for name in covariates]
    named = isinstance(covariates, str) or (
        isinstance(covariates, Sequence)
        and all(isinstance(part, str) for part in cast("Sequence[Any]", covariates))
    )
    if named and data is not None:
        return data, covariates
    if named:
        raise ValueError(f"covariates = {covariates!r}: a name of a column needs its table, data=")
    array = label_array("covariates", covariates)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise ValueError(f"covariates must have shape (patients, covariates), got {np.shape(covariates)}")
    names = [f"x{k + 1}" for k in range(array.shape[1])]
    return dict(zip(names, array.T, strict=True)), names


def _formula_design(data: Any, text: str, n: int) -> Design:
    """Read a formula by formulaic; its columns are named as those of the table: ``arm[b]``, ``age:arm[b]``."""
    import pandas as pd
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    if data is None:
        raise ValueError(f"covariates = {text!r}: a formula needs the table with its columns, data=")
    left, tilde, right = text.rpartition("~")
    if tilde and left.strip():
        raise ValueError(
            f"covariates = {text!r} must be the right side alone ({right.strip()!r}); name the others by time=, event="
        )
    try:
        read: Any = Formula
        formula = read(right)
        variables = sorted(formula.required_variables)
    except FormulaicError as error:
        raise ValueError(f"covariates = {text!r} is no formula: {str(error).splitlines()[0]}") from None
    values = columns(data, **{f"covariates {name}": name for name in variables})
    frame = pd.DataFrame(
        {name: getattr(value, "array", value) for name, value in zip(variables, values, strict=True)}
    )
    faults = [fault for name in variables for fault in label_faults(name, frame[name].to_numpy())]
    single = [name for name in variables if frame[name].dtype.kind == "O" and len(set(frame[name])) == 1]
    if faults or single or len(frame) != n:
        faults += [f"{name} has one level only" for name in single]
        faults += [f"data has {len(frame)} rows, time has {n}"] if len(frame) != n else []
        raise ValueError(f"covariates = {text!r}: " + "; ".join(faults[:_MOST_LISTED]))
    x, spec = _matrix(formula, frame, n)
    labels = [str(name) for name in spec.column_names]
    kept = [k for k, name in enumerate(labels) if name != "Intercept"]
    place = {k: i for i, k in enumerate(kept)}
    terms = tuple(
        (str(term), tuple(place[k] for k in ks if k in place))
        for term, ks in spec.term_indices.items()
        if any(k in place for k in ks)
    )
    return Design(x, tuple(_plain(labels[k]) for k in kept), terms, {}, spec)


def _matrix(formula: Any, table: Any, n: int) -> tuple[Vector, Any]:
    """Evaluate a formula, or one that has been read, without its intercept."""
    import pandas as pd
    from formulaic.errors import FormulaicError

    try:
        made: Any = formula.get_model_matrix(pd.DataFrame(table), context={}, na_action="ignore")
    except (FormulaicError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"covariates: {str(error).splitlines()[0]}") from None
    spec: Any = made.model_spec
    kept = [k for k, name in enumerate(spec.column_names) if name != "Intercept"]
    x = np.asarray(made, dtype=np.float64).reshape(n, -1)[:, kept]
    if not np.isfinite(x).all():
        raise ValueError("covariates: the formula gives values that are not finite")
    return x, spec


def _plain(name: str) -> str:
    """Write C(arm)[T.b] as arm[b]."""
    return re.sub(r"\[T\.([^]]*)\]", r"[\1]", re.sub(r"C\((\w+)[^()]*\)", r"\1", name))


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


def _indicators(values: Any, raw: NDArray[Any]) -> tuple[list[Vector], tuple[Any, ...]]:
    """Treatment contrasts: one indicator for each level that occurs but the first."""
    import pandas as pd

    if hasattr(values, "cat"):
        present = set(raw[~pd.isna(raw)].tolist())
        found = tuple(level for level in values.cat.categories.tolist() if level in present)
    else:
        found = tuple(sorted(set(raw[~pd.isna(raw)].tolist()), key=str))
    return [(raw == level).astype(np.float64) for level in found[1:]], found

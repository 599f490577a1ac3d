"""What was published about such patients before this trial?

Input: the shipped file ``published/series.json``.
Output: `load_series` (a frame, one row per series), `series_records` (the same as plain dictionaries) and
`pooled_counts` (improved and evaluable patients of a named pool).
Protocol section: none; the null hypothesis of a protocol is argued from these series.
Method: counts as printed in the source that each row names; what was computed from percentages says so.
Next: `design.history`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_series", "pool_names", "pooled_counts", "series_records", "short_citation"]


@cache
def _published() -> dict[str, Any]:
    text = files("pnstrial").joinpath("published", "series.json").read_text(encoding="utf-8")
    return json.loads(text)


def pool_names() -> dict[str, str]:
    """Name the pools of series and say what they hold.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> pool_names()["ivig"]
    'IVIg-containing series'
    """
    return {name: str(pool["label"]) for name, pool in _published()["pools"].items()}


def short_citation(citation: str) -> str:
    """Name a source by its first author and year.

    Parameters
    ----------
    citation : str

    Returns
    -------
    str

    Examples
    --------
    >>> short_citation("Sillevis Smitt P et al. J Neurol 2002;249:745-753")
    'Sillevis Smitt 2002'
    """
    check_signature(short_citation, locals())
    author = re.sub(r"( [A-Z]{1,3})+$", "", citation.split(" et al", maxsplit=1)[0].split(",", maxsplit=1)[0])
    year = re.search(r"(?:19|20)\d\d", citation)
    return f"{author} {year.group()}" if year else author


def series_records(pool: str | None = None) -> list[dict[str, Any]]:
    """Give the published series as plain dictionaries, without loading pandas.

    Parameters
    ----------
    pool : str, optional
        Name of a pool (`pool_names`): "ivig" (IVIg-containing) or "treated" (seven prospective or
        plasma-exchange series). By default every series.

    Returns
    -------
    list of dict
        Keys as the columns of `load_series`.

    Raises
    ------
    ValueError
        If no pool has that name.

    Examples
    --------
    >>> [record["series_id"] for record in series_records("ivig")]
    ['uchuya1996', 'keimeguibert2000']
    """
    check_signature(series_records, locals())
    published = _published()
    records: list[dict[str, Any]] = [dict(record) for record in published["series"]]
    for record in records:
        record["survival"] = {float(month): alive for month, alive in record["survival"].items()}
        record["hazard_ratios"] = {name: tuple(ratio) for name, ratio in record["hazard_ratios"].items()}
    if pool is None:
        return records
    if pool not in published["pools"]:
        names = ", ".join(repr(name) for name in published["pools"])
        raise ValueError(f"series_records: pool = {pool!r} is not shipped; choose one of {names}")
    wanted: list[str] = published["pools"][pool]["series"]
    by_id = {record["series_id"]: record for record in records}
    return [by_id[series_id] for series_id in wanted]


def pooled_counts(pool: str = "treated") -> tuple[int, int]:
    """Add the improved and the evaluable patients of a pool.

    Parameters
    ----------
    pool : str
        Name of a pool (`pool_names`).

    Returns
    -------
    tuple of int
        Improved patients and evaluable patients (all patients where the source gives no evaluable number).

    Raises
    ------
    ValueError
        If no pool has that name.

    Examples
    --------
    >>> pooled_counts("ivig"), pooled_counts("treated")
    ((1, 37), (13, 114))
    """
    check_signature(pooled_counts, locals())
    records = series_records(pool)
    improved = sum(int(record["improved"]) for record in records)
    return improved, sum(int(record["n_evaluable"] or record["n"]) for record in records)


def load_series(pool: str | None = None) -> pd.DataFrame:
    """Give the published series, one row each.

    Parameters
    ----------
    pool : str, optional
        Name of a pool (`pool_names`); by default every series.

    Returns
    -------
    pandas.DataFrame
        Index `series_id`; columns `citation`, `source` (where the figures were read), `design`, `treatment`,
        `antibody`, `timepoint`, `n`, `n_evaluable`, `improved`, `stable`, `worse` (patients; missing = not in
        the text read), `median_survival_months`, `survival` (month to proportion alive), `hazard_ratios`
        (name to estimate, lower, upper), `baseline_mrs`, `verification`, `notes`, and `evaluable`
        (`n_evaluable`, else `n`).

    Raises
    ------
    ValueError
        If no pool has that name.

    Examples
    --------
    >>> load_series("ivig")[["improved", "evaluable"]].to_dict("index")
    {'uchuya1996': {'improved': 1, 'evaluable': 21}, 'keimeguibert2000': {'improved': 0, 'evaluable': 16}}
    """
    check_signature(load_series, locals())
    import pandas as pd

    frame = pd.DataFrame(series_records(pool)).set_index("series_id")
    counts = ["n", "n_evaluable", "improved", "stable", "worse"]
    frame[counts] = frame[counts].astype("Int64")
    frame["median_survival_months"] = frame["median_survival_months"].astype("Float64")
    frame["evaluable"] = frame["n_evaluable"].fillna(frame["n"])
    return frame

"""What may stand in the tables under a protocol?

Input: a `Protocol`.
Output: `Allowed`: its scales with their ranges, its drugs with their doses, its arms, its last cycle; the tables with
these words in them.
Protocol section: scales, treatment, arms, endpoint, decision.
Method: the tables are the same under every protocol; only words and ranges differ. Scores must be grades where the
protocol decides by them, or states the grades one by one.
Next: `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pnstrial.data.schema import TABLES, Column, ScoreRange, Table
from pnstrial.protocol import Protocol, load_protocol
from pnstrial.regimen import CYCLES_OF_THE_TABLES

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = [
    "Allowed",
    "DoseLimit",
    "allowed_by",
    "collected_tables",
    "data_dictionary",
    "describe",
    "protocol_of",
    "tables_under",
]


@dataclass(frozen=True)
class DoseLimit:
    """The stated dose of a cycle of a drug, in one of three forms, or none."""

    drug: str
    g_per_kg: float | None
    g_per_m2: float | None
    body_surface: str | None
    g: float | None


@dataclass(frozen=True)
class Allowed:
    """Words and ranges of the tables under a protocol.

    Attributes
    ----------
    scales : tuple of ScoreRange
        Of the table `scales`; a scale with a table of its own is not among them.
    drugs : tuple of DoseLimit
        The first is meant where a row names none.
    arms : tuple of str
    last_cycle : int
    rated_in : str
        The table that holds the ratings of the endpoint.
    rated_on : str
        The scale of the endpoint.
    """

    scales: tuple[ScoreRange, ...]
    drugs: tuple[DoseLimit, ...]
    arms: tuple[str, ...]
    last_cycle: int
    rated_in: str
    rated_on: str


def protocol_of(protocol: object) -> Protocol:
    """Give the protocol that is meant: a `Protocol`, its shipped name, or the path of its file.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> protocol_of("NCT02343211").id
    'nct02343211'
    """
    from pathlib import Path

    if isinstance(protocol, Protocol):
        return protocol
    if isinstance(protocol, str | Path):
        return load_protocol(protocol)  # which names what it cannot find
    described = "None" if protocol is None else f"of type {type(protocol).__name__}"
    raise TypeError(
        f"protocol is {described}; give a Protocol, such as load_protocol(), or the name or path of one"
    )


@lru_cache(maxsize=8)
def _allowed_by_name(name: str) -> Allowed:
    return _allowed(load_protocol(name))


def allowed_by(protocol: str | Path | Protocol) -> Allowed:
    """Say what may stand in the tables under a protocol.

    Parameters
    ----------
    protocol : Protocol, name or path

    Examples
    --------
    >>> allowed = allowed_by("nct06373211")
    >>> [scale.name for scale in allowed.scales], [drug.drug for drug in allowed.drugs]
    (['ONLS', 'Score of Ataxia'], ['IVIg', 'cyclophosphamide', 'methylprednisolone'])
    """
    if isinstance(protocol, str) and protocol == "nct02343211":
        return _allowed_by_name(protocol)
    return _allowed(protocol_of(protocol))


def _allowed(protocol: Protocol) -> Allowed:
    end, decision = protocol.endpoint, protocol.decision
    decides = {part.scale for part in (*end.parts(), *end.secondary)}
    decides |= set() if decision is None else {decision.scale}
    scales: list[ScoreRange] = []
    for scale in protocol.scales:
        if scale.table != "scales":
            continue
        grades = tuple(sorted((*scale.scores, scale.dead_score))) if scale.death == "worst grade" else None
        if grades is None and scale.bounded and (scale.grades or scale.name in decides):
            grades = tuple(sorted(scale.scores))
        low, high = (min(scale.every), max(scale.every)) if scale.bounded else (scale.lowest, scale.highest)
        dead = scale.dead_score if scale.death == "worst grade" else None
        scales.append(ScoreRange(scale.name, low, high, scale.better == "higher", grades, dead))
    drugs = tuple(
        DoseLimit(drug.name, drug.dose_g_per_kg, drug.dose_g_per_m2, drug.body_surface, drug.dose_g)
        for drug in protocol.drugs
    )
    last = max(CYCLES_OF_THE_TABLES, *(drug.cycles for drug in protocol.drugs))
    arms = tuple(arm.name for arm in protocol.arms)
    rated = protocol.scale()
    return Allowed(tuple(scales), drugs, arms, last, rated.table, rated.name)


@lru_cache(maxsize=32)
def tables_under(allowed: Allowed) -> dict[str, Table]:
    """Give the description of every table with the words and ranges of a protocol; not to be changed."""
    tables = dict(TABLES)
    names = tuple(scale.name for scale in allowed.scales)
    ranges = ", ".join(scale.in_words() for scale in allowed.scales)
    drugs = tuple(drug.drug for drug in allowed.drugs)
    changes: dict[str, dict[str, Column]] = {
        "scales": {
            "scale": replace(TABLES["scales"].by_name["scale"], words=names, of_protocol=True),
            "score": replace(TABLES["scales"].by_name["score"], meaning=f"score: {ranges}"),
        },
        "infusions": {
            "drug": replace(TABLES["infusions"].by_name["drug"], words=drugs, of_protocol=True),
            "cycle": replace(TABLES["infusions"].by_name["cycle"], high=allowed.last_cycle),
        },
    }
    for name, columns in changes.items():
        table = TABLES[name]
        tables[name] = Table(
            name, table.row, tuple(columns.get(column.name, column) for column in table.columns),
            allowed.scales if name == "scales" else (),
        )  # fmt: skip
    if allowed.arms:
        table = TABLES["screening"]
        arm = Column("arm", "word", "treatment arm", words=allowed.arms, of_protocol=True)
        tables["screening"] = Table("screening", table.row, (*table.columns, arm))
    return tables


_ALWAYS = (
    "patient_id", "site", "screening_date", "consent_date", "enrolment_date", "age", "sex", "weight_kg", "arm",
)  # fmt: skip
"""Columns of the screening table that every trial collects (`arm` where the protocol has any)."""


def collected_tables(protocol: str | Path | Protocol = "nct02343211") -> dict[str, Table]:
    """Give the tables and columns that a trial under a protocol collects: what criteria, doses and scales ask for.

    Parameters
    ----------
    protocol : Protocol, name or path

    Returns
    -------
    dict of str to Table
        A subset of the tables that may be read; every other listed column is read too where it is there.

    Examples
    --------
    >>> sorted(collected_tables("nct06373211")), collected_tables("natalizumab-2021")["infusions"].by_name.keys()
    (['adverse_events', 'follow_up', 'infusions', 'medications', 'mrs', 'scales', 'screening'],
    dict_keys(['patient_id', 'cycle', 'date', 'dose_g', 'weight_kg']))
    """
    chosen = protocol_of(protocol)
    used = {scale.table for scale in chosen.scales}
    columns = {*_ALWAYS, *chosen.collected, *({"mrs"} & used)}
    columns |= {column for criterion in chosen.criteria for column in criterion.columns_read}
    columns |= {"height_cm"} if any(drug.dose_g_per_m2 is not None for drug in chosen.drugs) else set[str]()
    left_out = {
        "screening": {column.name for column in TABLES["screening"].columns} - columns,
        "infusions": {"drug"} if len(chosen.drugs) == 1 else set[str](),
    }
    found: dict[str, Table] = {}
    for name, table in tables_under(allowed_by(chosen)).items():
        if name in {"mrs", "scales"} and name not in used:
            continue
        kept = tuple(column for column in table.columns if column.name not in left_out.get(name, set[str]()))
        found[name] = Table(name, table.row, kept, table.scores)
    return found


def data_dictionary(protocol: str | Path | Protocol = "nct02343211") -> pd.DataFrame:
    """Describe every column of every table, one row each.

    Parameters
    ----------
    protocol : Protocol, name or path
        Its words and ranges.

    Returns
    -------
    pandas.DataFrame
        Columns file, column, required ("cell", "column" or ""), allowed, meaning.

    Examples
    --------
    >>> data_dictionary().query("file == 'mrs.csv'")["column"].tolist()
    ['patient_id', 'date', 'mrs', 'visit', 'rater']
    """
    return describe(tables_under(allowed_by(protocol)))


def describe(tables: dict[str, Table]) -> pd.DataFrame:
    """Describe every column of some tables, as `data_dictionary` does."""
    import pandas as pd

    rows = [
        {
            "file": table.file,
            "column": column.name,
            "required": "cell" if column.required else "column" if column.column_required else "",
            "allowed": column.allowed,
            "meaning": column.meaning,
        }
        for table in tables.values()
        for column in table.columns
    ]
    return pd.DataFrame(rows)

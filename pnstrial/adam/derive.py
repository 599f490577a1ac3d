"""Which ADaM datasets does a trial give?

Input: a `TrialData` and a `Protocol`.
Output: `AdamDatasets`: ADSL, ADMRS or ADEFF, ADSCALE, ADEX, ADAE, ADTTE, their specification, and what they leave out.
Protocol section: all.
Method: ADaM Implementation Guide 1.3; every value is that of the analysis functions.
Next: `files`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from pnstrial.adam.dataset import (
    AdamFinding,
    AdamSpecificationError,
    Dataset,
    as_frame,
    declared_lengths,
    finding,
    problems_of,
    specification_rows,
)
from pnstrial.adam.efficacy import adeff_rows, admrs_rows, adscale_rows, adtte_rows
from pnstrial.adam.long_text import with_long_texts
from pnstrial.adam.specification import DATASETS
from pnstrial.adam.subjects import Material, adae_rows, adex_rows, adsl_rows, lines_of
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Provenance, Result
from pnstrial.rules import DEAD
from pnstrial.vocabulary import MRS, ImmunotherapyCriterion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["AdamDatasets", "derive", "specification"]

_ROWS = {
    "ADSL": adsl_rows,
    "ADMRS": admrs_rows,
    "ADEFF": adeff_rows,
    "ADSCALE": adscale_rows,
    "ADEX": adex_rows,
    "ADAE": adae_rows,
    "ADTTE": adtte_rows,
}
_TABLES = {
    "mrs": "ADMRS",
    "scales": "ADSCALE",
    "infusions": "ADEX",
    "adverse_events": "ADAE",
    "follow_up": "ADTTE",
}


@dataclass(frozen=True, eq=False)
class AdamDatasets(Result):
    """The datasets of a trial.

    Attributes
    ----------
    datasets : mapping of str to Dataset
        By name, in the order ADSL, ADMRS, ADEFF, ADSCALE, ADEX, ADAE, ADTTE: ADMRS where the protocol has the mRS,
        ADEFF where its endpoint is on another scale.
    left_out : tuple of AdamFinding
        Records of the collected tables that no dataset carries, each with file, line and why.
    study : str
        STUDYID.
    provenance : Provenance
    source : str or None
        The folder or workbook of the collected tables.
    """

    datasets: Mapping[str, Dataset] = field(repr=False)
    left_out: tuple[AdamFinding, ...]
    study: str
    provenance: Provenance
    source: str | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self.datasets:
            raise KeyError(f"no dataset {name!r}; there are {', '.join(self.datasets)}")
        return self.datasets[name].frame.copy()

    @property
    def adsl(self) -> pd.DataFrame:
        """One row per screened patient."""
        return self["ADSL"]

    @property
    def admrs(self) -> pd.DataFrame:
        """Ratings on the modified Rankin scale, and visits without one."""
        return self["ADMRS"]

    @property
    def adeff(self) -> pd.DataFrame:
        """Ratings on the endpoint's scale, where that is another, and visits without one."""
        return self["ADEFF"]

    @property
    def adscale(self) -> pd.DataFrame:
        """Scores on the further scales."""
        return self["ADSCALE"]

    @property
    def adex(self) -> pd.DataFrame:
        """Exposure by cycle and overall."""
        return self["ADEX"]

    @property
    def adae(self) -> pd.DataFrame:
        """Adverse events."""
        return self["ADAE"]

    @property
    def adtte(self) -> pd.DataFrame:
        """Times to events."""
        return self["ADTTE"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per dataset: name, label, structure, records, variables, keys."""
        rows: list[dict[str, Any]] = [
            {
                "dataset": item.name,
                "label": item.label,
                "structure": DATASETS[item.name].structure,
                "records": len(item),
                "variables": len(item.variables),
                "keys": " ".join(item.keys),
            }
            for item in self.datasets.values()
        ]
        return pd.DataFrame(rows)

    def _display(self) -> Display:
        counts = ", ".join(f"{name} {len(item)}" for name, item in self.datasets.items())
        return Display(
            f"ADaM datasets of {self.study}: {counts} records; {len(self.left_out)} collected records left out"
        )


def derive(trial: TrialData, protocol: Protocol) -> AdamDatasets:
    """Derive the ADaM datasets of a trial.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
        Its estimand decides CRIT1FL of ADMRS and which rows are imputed.

    Returns
    -------
    AdamDatasets

    Raises
    ------
    AdamSpecificationError
        If an identifier is over 200 bytes, or a text that cannot be cut between words; all are listed. Other texts
        of over 200 bytes are written in pieces: NAME, NAME1, NAME2, ...

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"],
    ...                                "enrolment_date": ["2014-03-02"], "mrs": [3]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A"], "date": ["2014-05-26"], "mrs": [2]}),
    ... })
    >>> datasets = derive(trial, pns.load_protocol("nct02343211"))
    >>> datasets.admrs[["AVISIT", "AVAL", "CHG", "DTYPE", "CRIT1FL"]].values.tolist()
    [['Baseline', 3.0, nan, None, None], ['Month 3', 2.0, -1.0, None, 'Y'], ['Month 6', nan, nan, 'NRI', 'N']]
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    check_signature(derive, locals())
    material = Material(trial, protocol)
    datasets: dict[str, Dataset] = {}
    for name in datasets_of(protocol):
        item = DATASETS[name]
        rows = list(material.subjects.values()) if name == "ADSL" else _ROWS[name](material)
        frame = as_frame(rows, item.variables)
        datasets[name] = with_long_texts(Dataset(name, item.label, item.variables, frame, item.keys))
    if problems := [problem for dataset in datasets.values() for problem in problems_of(dataset)]:
        raise AdamSpecificationError("the datasets do not fit the standard:\n  " + "\n  ".join(problems))
    made = Provenance(protocol.id, protocol.version)
    return AdamDatasets(datasets, _left_out(trial, protocol), material.study, made, trial.source)


def datasets_of(protocol: Protocol) -> list[str]:
    """Name the datasets of a protocol: ADMRS where it has the mRS, ADEFF where its endpoint is on another scale."""
    without = {
        *(["ADMRS"] if all(scale.table != "mrs" for scale in protocol.scales) else []),
        *(["ADEFF"] if protocol.scale().table == "mrs" else []),
    }
    return [name for name in DATASETS if name not in without]


def _left_out(trial: TrialData, protocol: Protocol) -> tuple[AdamFinding, ...]:
    """List the collected records that no dataset carries."""
    enrolled = set(trial.enrolled)
    found: list[AdamFinding] = []

    def leave(table: str, row: dict[Any, Any], why: str) -> None:
        found.append(
            finding(
                f"LEFT-OUT: {why}",
                f"{table}.csv",
                "nothing to do",
                line=int(row["line"]),
                patient=row["patient_id"],
                severity="warning",
            )
        )

    held = set(datasets_of(protocol))
    for table, dataset in _TABLES.items():
        if dataset not in held:
            continue
        for row in lines_of(trial.table(table)).to_dict("records"):
            value = row.get({"mrs": "mrs", "scales": "score"}.get(table, ""), 0)
            if table == "scales" and row["scale"] == protocol.endpoint.scale:
                dataset = "ADEFF"  # noqa: PLW2901 - the endpoint's scale has its own
            if row["patient_id"] not in enrolled:
                leave(table, row, f"{dataset} holds enrolled patients; a screening failure is in ADSL only")
            elif pd.isna(value):
                leave(table, row, f"a blank value is no rating; {dataset} has no row for it")
            elif table == "mrs" and value == DEAD:
                leave(table, row, f"{MRS} 6 is a death and no rating; {dataset} has the death from follow_up")
            elif table == "infusions" and row["dose_g"] == 0:
                leave(table, row, "a dose of 0 is planned and not given; ADEX holds given cycles")
    ids = [one.id for one in protocol.criteria if isinstance(one, ImmunotherapyCriterion)]
    ways = ", ".join([*ids, "rescue"])
    for row in lines_of(trial.medications).to_dict("records"):
        leave("medications", row, f"no dataset holds medications; they act through {ways} and CRIT1FL")
    return tuple(found)


def specification(datasets: AdamDatasets | None = None) -> pd.DataFrame:
    """Describe every variable of every dataset, one row each.

    Parameters
    ----------
    datasets : AdamDatasets, optional
        With them the length of a text variable is the longest value in bytes, as it is in the files; without, the
        longest term of its codelist, or 200.

    Returns
    -------
    pandas.DataFrame
        dataset, dataset_label, order, variable, label, type (Char or Num), data_type, length (bytes), format,
        key (place in the key, nullable), codelist, terms, origin, source.

    Examples
    --------
    >>> table = specification().set_index(["dataset", "variable"])
    >>> table.loc[("ADTTE", "CNSR"), ["label", "type", "data_type", "source"]].tolist()
    ['Censor', 'Num', 'integer', '0 event; positive: reason, see the guide']
    """
    check_signature(specification, locals())
    rows: list[dict[str, object]] = []
    for name, item in DATASETS.items():
        if datasets is not None and name not in datasets.datasets:
            continue
        held = None if datasets is None else datasets.datasets[name]
        lengths = declared_lengths(item) if held is None else held.lengths()
        variables = item.variables if held is None else held.variables
        rows += specification_rows(name, item.label, variables, item.keys, lengths)
    return pd.DataFrame(rows).astype({"key": "Int64"})

"""What does a set of ADaM datasets say, in the form that the analysis functions take?

Input: a folder of ADaM files of a single-arm trial with an ordinal scale: ADSL, a BDS dataset with the scale, ADTTE.
Output: `AdamTrial`: responders with their exact interval, baseline and later grades, times to events, exposure,
adverse events; or `AdamDataError` with every finding.
Protocol section: none; the datasets carry what a protocol decided.
Method: what is flagged in the data counts (ANL01FL, ABLFL, CRITyFL, CNSR, population flags); nothing is derived
again. The proportion has the exact inference of `design.proportion`.
Next: `sdtm`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.adam.conformance import breach, check, differing_twins, is_basic, is_time_to_event, recomputed
from pnstrial.adam.criterion import improvement_of, why_unrated
from pnstrial.adam.efficacy import COMPETING, MRS_CODE, TIME_CODES, parameter_of
from pnstrial.adam.files import FORMATS, RECORD_COUNTS, read_dataset
from pnstrial.data import TrialDataError
from pnstrial.endpoints import ResponseResult
from pnstrial.frames import typed_frame, value_of
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.rules import CATEGORIES, DEAD
from pnstrial.visits import VisitValues, categories_of_scores, named
from pnstrial.writing import digest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pnstrial.adam.dataset import AdamFinding, Dataset
    from pnstrial.protocol import Protocol
    from pnstrial.shift import ShiftResult

__all__ = ["AdamDataError", "AdamTrial", "check_adam", "read_adam"]

_PARAMETER_OF: Final = {code: name for name, (code, _) in TIME_CODES.items()}
_ANSWERS: Final = {"Y": "responder", "N": "non-responder"}
_EVENTS: Final = ("death", "rescue", "stopped", "missing")


class AdamDataError(TrialDataError):
    """Datasets that cannot be trusted: no analysis runs; `findings` holds all of them."""


@dataclass(frozen=True, eq=False)
class AdamTrial(Result):
    """A trial that came in as ADaM datasets.

    Attributes
    ----------
    datasets : mapping of str to Dataset
        By name, as they were read.
    findings : tuple of AdamFinding
        Warnings of reading (an error would have been raised).
    source : str
        The folder.
    """

    datasets: Mapping[str, Dataset] = field(repr=False)
    findings: tuple[AdamFinding, ...]
    source: str

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self.datasets:
            raise KeyError(f"no dataset {name!r} in {self.source}; there are {', '.join(self.datasets)}")
        return self.datasets[name].frame.copy()

    @property
    def adsl(self) -> pd.DataFrame:
        """One row per subject."""
        return self["ADSL"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per dataset: name, label, records, variables."""
        rows: list[dict[str, Any]] = [
            {
                "dataset": d.name,
                "label": d.label,
                "records": len(d),
                "variables": len(d.variables),
                "file": d.file,
            }
            for d in self.datasets.values()
        ]
        return pd.DataFrame(rows)

    def _display(self) -> Display:
        counts = ", ".join(f"{name} {len(dataset)}" for name, dataset in self.datasets.items())
        return Display(f"ADaM trial: {counts} records; {len(self.findings)} warnings")

    # ------------------------------------------------------------------------------------------- who is in a set
    def population(self, flag: str = "FASFL") -> tuple[str, ...]:
        """Name the subjects of a population.

        Parameters
        ----------
        flag : str, default "FASFL"
            A population flag of ADSL.

        Returns
        -------
        tuple of str
            SUBJID where ADSL has it and it is unique, else USUBJID; in the order of ADSL.

        Raises
        ------
        ValueError
            If ADSL has no such flag.
        """
        check_signature(AdamTrial.population, locals())
        adsl = self.adsl
        if flag not in adsl:
            flags = [name for name in adsl.columns if name.endswith("FL")]
            raise ValueError(f"ADSL has no flag {flag!r}; it has {', '.join(flags)}")
        return tuple(self._ids(adsl.loc[adsl[flag] == "Y", "USUBJID"]))

    def _ids(self, subjects: pd.Series) -> list[str]:
        """Turn USUBJID into the patient_id of the collected tables, where ADSL tells it."""
        adsl = self.adsl
        if "SUBJID" not in adsl or adsl["SUBJID"].isna().any() or adsl["SUBJID"].duplicated().any():
            return [str(subject) for subject in subjects]
        names = dict(zip(adsl["USUBJID"], adsl["SUBJID"], strict=True))
        return [str(names.get(subject, subject)) for subject in subjects]

    # ------------------------------------------------------------------------------------------ the ordinal scale
    def parameters(self) -> pd.DataFrame:
        """List the parameters of all datasets: dataset, parameter (PARAMCD), label (PARAM), records."""
        rows: list[dict[str, Any]] = []
        for dataset in self.datasets.values():
            if is_basic(dataset):
                labels = dataset.frame["PARAM"] if "PARAM" in dataset else dataset.frame["PARAMCD"]
                for code, group in labels.groupby(dataset.frame["PARAMCD"], sort=False):
                    row = {
                        "dataset": dataset.name,
                        "parameter": code,
                        "label": group.iloc[0],
                        "records": len(group),
                    }
                    rows.append(row)
        return pd.DataFrame(rows, columns=["dataset", "parameter", "label", "records"])

    def _scale(self, parameter: str | None) -> pd.DataFrame:
        """Find the records of the ordinal scale, with the patient_id."""
        listed = self.parameters()
        scales = [
            d.name for d in self.datasets.values() if is_basic(d) and not is_time_to_event(d) and "BASE" in d
        ]
        listed = listed[listed["dataset"].isin(scales)]
        # where none is named, that of the dataset of the endpoint; then the mRS; then the only one
        own = listed[listed["dataset"] == "ADEFF"]
        one = own if len(own) == 1 else listed[listed["parameter"] == MRS_CODE]
        one = one if len(one) == 1 else listed
        code = parameter or (str(one["parameter"].iloc[0]) if len(one) == 1 else None)
        row = listed[listed["parameter"] == code]
        if row.empty:
            listed_parameters = ", ".join(listed["parameter"]) or "none"
            raise ValueError(
                f"parameter {parameter!r} is no scale with a baseline in {self.source}; there are: {listed_parameters}"
            )
        frame = self[str(row["dataset"].iloc[0])]
        frame = frame[frame["PARAMCD"] == code].reset_index(drop=True)
        if "AVAL" not in frame:
            raise ValueError(f"parameter {code} has no AVAL: grades must be numbers")
        if "ABLFL" not in frame:
            frame["ABLFL"] = None
        frame.insert(0, "patient_id", self._ids(frame["USUBJID"]))
        return frame

    def visit_values(self, parameter: str | None = None) -> pd.DataFrame:
        """Give the value of each subject at each visit, as `pnstrial.visits.derive` does.

        Parameters
        ----------
        parameter : str, optional
            PARAMCD of the scale; by default MRS0101, or the only one.

        Returns
        -------
        pandas.DataFrame
            patient_id, visit, baseline_mrs, baseline_date, mrs (nan: missing), date, day, derivation ("observed",
            "DEATH" or "missing"), category (improved as CRIT1 says, else lower than baseline). A value carried forward
            or imputed is the estimand's, not the visit's: it is missing here.

        Raises
        ------
        ValueError
            If there is no such parameter, or no record is flagged ANL01FL.
        """
        check_signature(AdamTrial.visit_values, locals())
        frame = self._scale(parameter)
        if "ANL01FL" not in frame or "AVISIT" not in frame:
            raise ValueError(
                "the scale has no ANL01FL or no AVISIT: nothing says which record counts at a visit"
            )
        start = frame[frame["ABLFL"] == "Y"].drop_duplicates("patient_id").set_index("patient_id")
        at_visit = frame[(frame["ANL01FL"] == "Y") & frame["AVISIT"].notna() & (frame["ABLFL"] != "Y")]
        at_visit = at_visit.reset_index(drop=True)
        dtype = at_visit["DTYPE"] if "DTYPE" in at_visit else pd.Series([None] * len(at_visit), dtype=object)
        expected = dtype.isna() | dtype.eq("DEATH")
        value = at_visit["AVAL"].where(expected)
        base = at_visit["BASE"]
        died = dtype.eq("DEATH") | ((at_visit["PARAMCD"] == MRS_CODE) & value.eq(DEAD))
        category = named(categories_of_scores(base, value, died, *improvement_of(frame)), CATEGORIES)
        derivation = np.where(dtype.eq("DEATH"), "DEATH", np.where(value.notna(), "observed", "missing"))
        values = pd.DataFrame(
            {
                "patient_id": at_visit["patient_id"],
                "visit": at_visit["AVISIT"],
                "baseline_mrs": base,
                "baseline_date": value_of(at_visit["patient_id"], start["ADT"]) if "ADT" in start else pd.NaT,
                "mrs": value,
                "date": at_visit["ADT"].where(expected & value.notna()) if "ADT" in at_visit else pd.NaT,
                "day": at_visit["ADY"].where(expected & value.notna()) if "ADY" in at_visit else np.nan,
                "derivation": derivation,
                "category": category,
            }
        )
        return _completed(values, frame, at_visit)

    def mrs_shift(self, protocol: Protocol, visit: str | None = None) -> ShiftResult:
        """Analyse the shift of the endpoint's scale from baseline to a visit, as `pnstrial.mrs_shift` does.

        Parameters
        ----------
        protocol : Protocol
            The one that the data were derived under; its visits are named as AVISIT.
        visit : str, optional
            By default that of the protocol's primary endpoint.

        Returns
        -------
        ShiftResult

        Raises
        ------
        ValueError
            If the data were derived under another protocol (they lack a visit of it, or improvement is another
            fall), or there is no mRS.
        """
        check_signature(AdamTrial.mrs_shift, locals())
        from pnstrial.shift.trial import shift_of

        scale = protocol.scale()
        code = parameter_of(protocol, scale)[0]
        points, _, _ = improvement_of(self._scale(code))
        names = {name: name.replace("mrs", scale.column) for name in ("baseline_mrs", "mrs")}
        values = self.visit_values(code).rename(columns=names)
        return shift_of(VisitValues.recorded(values, protocol, points), visit)

    def shift(
        self, visit: str, parameter: str | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give baseline and later grades of the subjects who have both, for the functions of `pnstrial.shift`.

        Parameters
        ----------
        visit : str
            AVISIT.
        parameter : str, optional
            PARAMCD of the scale.

        Returns
        -------
        baseline, later : array of float
            Death is its grade (6 on the mRS).

        Raises
        ------
        ValueError
            If there is no such visit or parameter.
        """
        check_signature(AdamTrial.shift, locals())
        values = self._at(visit, self.visit_values(parameter))
        both = values["baseline_mrs"].notna() & values["mrs"].notna()
        return values.loc[both, "baseline_mrs"].to_numpy(dtype=float), values.loc[both, "mrs"].to_numpy(
            dtype=float
        )

    @staticmethod
    def _at(visit: str, frame: pd.DataFrame) -> pd.DataFrame:
        if visit not in set(frame["visit"]):
            names = ", ".join(dict.fromkeys(str(name) for name in frame["visit"]))
            raise ValueError(f"visit is {visit!r}; the analysed visits are {names or 'none'}")
        return frame[frame["visit"] == visit]

    # ----------------------------------------------------------------------------------------------- the response
    def responders(self, visit: str, parameter: str | None = None, criterion: int = 1) -> pd.DataFrame:
        """Say for every subject whether it responded at a visit: patient_id, response, reason.

        Parameters
        ----------
        visit : str
            AVISIT.
        parameter : str, optional
            PARAMCD of the scale.
        criterion : int, default 1
            y of CRITyFL: Y is a responder, N none, null is excluded from the denominator.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ValueError
            If there is no such visit, parameter or criterion.
        """
        check_signature(AdamTrial.responders, locals())
        frame = self._scale(parameter)
        flag = f"CRIT{criterion}FL"
        if flag not in frame:
            raise ValueError(f"criterion = {criterion}: the scale has no {flag}; nothing says who responded")
        counted = frame[(frame["ANL01FL"] == "Y") & frame["AVISIT"].notna()] if "ANL01FL" in frame else frame
        counted = self._at(visit, counted.assign(visit=counted["AVISIT"]))
        answers = [_ANSWERS.get(str(value), "excluded") for value in counted[flag]]
        reasons = counted.get(f"CRIT{criterion}RS", pd.Series(answers))
        columns = {"patient_id": counted["patient_id"], "response": answers, "reason": reasons}
        texts = {name: np.array(values, dtype=object) for name, values in columns.items()}
        return typed_frame(texts, pd.RangeIndex(len(answers)))

    def primary_endpoint(
        self,
        visit: str,
        *,
        parameter: str | None = None,
        criterion: int = 1,
        null: float | None = None,
        level: float = 0.95,
    ) -> ResponseResult:
        """Estimate the proportion of responders at a visit, as `pnstrial.primary_endpoint` does.

        Parameters
        ----------
        visit : str
            AVISIT.
        parameter, criterion
            See `responders`.
        null : float, optional
            Null proportion of the exact one-sided p-value.
        level : float, default 0.95

        Returns
        -------
        ResponseResult
            The estimand is read from the text of the criterion where it states one.

        Raises
        ------
        ValueError
            As `responders`, or for a null or level outside 0 to 1.
        """
        check_signature(AdamTrial.primary_endpoint, locals())
        from pnstrial.design.counts.proportion import proportion

        patients = self.responders(visit, parameter, criterion)
        count = int((patients["response"] == "responder").sum())
        n = int((patients["response"] != "excluded").sum())
        exact = proportion(count, n, null=null, level=level)
        estimate, ci, p_value = exact.estimate, exact.ci, exact.p_value
        unrated = why_unrated(self._scale(parameter), criterion) if len(patients) else None
        if unrated:
            n = len(patients)
        if unrated or n == 0:
            reason = unrated or "every subject is excluded under this criterion"
            estimate = ci = NotEstimable(reason)
            p_value = None if null is None else NotEstimable(reason)
        return ResponseResult(
            responders=NotEstimable(unrated) if unrated else count,
            n=n,
            estimate=estimate,
            ci=ci,
            p_value=p_value,
            null=null,
            level=level,
            method="Clopper-Pearson",
            visit=visit,
            estimand=self._estimand(parameter, criterion),
            patients=patients.reset_index(drop=True),
            provenance=Provenance(self._study(), None),
        )

    def _estimand(self, parameter: str | None, criterion: int) -> dict[str, str]:
        frame = self._scale(parameter)
        texts = frame[f"CRIT{criterion}"].dropna() if f"CRIT{criterion}" in frame else pd.Series(dtype=object)
        parts = str(texts.iloc[0]).split("; ") if len(texts) else []
        ways = dict(part.split(": ", 1) for part in parts if ": " in part)
        return {event: ways[event] for event in _EVENTS if event in ways}

    def _study(self) -> str | None:
        adsl = self.adsl
        studies = adsl["STUDYID"].dropna().unique() if "STUDYID" in adsl else []
        return str(studies[0]) if len(studies) == 1 else None

    # ---------------------------------------------------------------------------------------------- times to events
    def time_to_event(
        self, parameter: str | None = None, competing: Mapping[str, tuple[int, ...]] | None = None
    ) -> pd.DataFrame:
        """Give the time-to-event records, as `pnstrial.endpoints.time_to_event` does.

        Parameters
        ----------
        parameter : str, optional
            PARAMCD (such as OS), or the name that this package gives it (overall_survival); by default all.
        competing : mapping of str to tuple of int, optional
            CNSR values of a PARAMCD that are a competing event; by default TTI has 2 (death).

        Returns
        -------
        pandas.DataFrame
            patient_id, parameter, start_date, date, days (AVAL), event (1 event, 0 censored, 2 competing),
            description, source_table, source_column, source_line. OS, TTD and TTI are named overall_survival,
            deterioration and improvement; another PARAMCD keeps its name.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        check_signature(AdamTrial.time_to_event, locals())
        compete = {"TTI": (COMPETING,)} if competing is None else dict(competing)
        parts = [dataset.frame for dataset in self.datasets.values() if is_time_to_event(dataset)]
        if not parts:
            raise ValueError(f"{self.source} has no time-to-event dataset (one with PARAMCD and CNSR)")
        frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0].reset_index(drop=True)
        frame = frame[frame["CNSR"].notna()]
        code = next((c for c, name in _PARAMETER_OF.items() if name == parameter), parameter)
        if code is not None:
            if code not in set(frame["PARAMCD"]):
                available = ", ".join(dict.fromkeys(str(c) for c in frame["PARAMCD"]))
                raise ValueError(f"parameter is {parameter!r}; there are {available}")
            frame = frame[frame["PARAMCD"] == code]
        rival = [bool(c in compete.get(p, ())) for p, c in zip(frame["PARAMCD"], frame["CNSR"], strict=True)]
        columns = {
            "patient_id": self._ids(frame["USUBJID"]),
            "parameter": [_PARAMETER_OF.get(str(c), str(c)) for c in frame["PARAMCD"]],
            "start_date": frame["STARTDT"].to_numpy(),
            "date": frame["ADT"].to_numpy(),
            "days": frame["AVAL"].to_numpy(dtype=float),
            "event": np.where(frame["CNSR"] == 0, 1, np.where(rival, 2, 0)),
        }
        sources = {
            "EVNTDESC": "description",
            "SRCDOM": "source_table",
            "SRCVAR": "source_column",
            "SRCSEQ": "source_line",
        }
        for name, column in sources.items():
            columns[column] = (
                frame[name].to_numpy() if name in frame else np.full(len(frame), None, dtype=object)
            )
        return pd.DataFrame(columns)

    # ------------------------------------------------------------------------------------------ exposure and safety
    def exposure(self) -> pd.DataFrame:
        """Give the exposure by subject: patient_id and one column per overall parameter of ADEX (TDOSE, RDI, ...)."""
        adex = self["ADEX"]
        if "PARCAT1" in adex:
            adex = adex[adex["PARCAT1"] == "OVERALL"]
        wide = adex.pivot_table(
            index="USUBJID", columns="PARAMCD", values="AVAL", aggfunc="first", sort=False
        )
        wide = wide.reindex(list(dict.fromkeys(adex["USUBJID"])))
        wide.insert(0, "patient_id", self._ids(pd.Series(wide.index)))
        wide.columns.name = None
        return wide.reset_index(drop=True)

    def adverse_events(self) -> pd.DataFrame:
        """Give the adverse events: patient_id, then the variables of ADAE."""
        adae = self["ADAE"]
        adae.insert(0, "patient_id", self._ids(adae["USUBJID"]))
        return adae


def _completed(values: pd.DataFrame, frame: pd.DataFrame, at_visit: pd.DataFrame) -> pd.DataFrame:
    """Give every subject of the scale one row per visit, so that a visit without a record is seen as missing."""
    subjects = list(dict.fromkeys(frame["patient_id"]))
    number = at_visit["AVISITN"] if "AVISITN" in at_visit else pd.Series(0.0, at_visit.index)
    order = number.groupby(at_visit["AVISIT"], sort=False).first().sort_values(kind="stable").index
    every = pd.MultiIndex.from_product([subjects, list(order)], names=["patient_id", "visit"])
    whole = values.set_index(["patient_id", "visit"]).reindex(every).reset_index()
    base = frame.dropna(subset=["BASE"]).drop_duplicates("patient_id").set_index("patient_id")["BASE"]
    whole["baseline_mrs"] = whole["baseline_mrs"].fillna(whole["patient_id"].map(base))
    whole["derivation"] = whole["derivation"].fillna("missing")
    whole["category"] = whole["category"].astype(object).where(whole["category"].notna(), None)
    return whole


# ------------------------------------------------------------------------------------------------------- reading
def _files(folder: Path, format: str | None) -> list[Path]:  # noqa: A002 - the field says format
    if format is not None and format not in FORMATS:
        raise ValueError(f"format is {format!r}; allowed are {', '.join(FORMATS)}")
    if not folder.is_dir():
        raise ValueError(f"no folder {str(folder)!r}; give the folder of the ADaM files")
    order = [FORMATS[format]] if format else []
    order += [suffix for suffix in FORMATS.values() if suffix not in order]
    files = [file for file in folder.iterdir() if file.suffix.lower() in order and file.is_file()]
    return sorted(files, key=lambda file: (order.index(file.suffix.lower()), file.name.lower()))


def check_adam(
    folder: str | Path,
    format: str | None = None,  # noqa: A002 - the field says format
    encoding: str | None = None,
    *,
    manifest: bool = True,
) -> tuple[AdamTrial | None, tuple[AdamFinding, ...]]:
    """Read ADaM datasets with everything that is wrong with them.

    Parameters
    ----------
    folder : str or Path
        Files ``.xpt``, ``.json`` and ``.parquet``. A dataset that stands there in two formats is compared: its
        values must be equal, and the first format is taken.
    format : {"xpt", "json", "parquet"}, optional
        Which format goes first, by default in this order.
    encoding : str, optional
        Of the text of transport files, by default UTF-8.
    manifest : bool, default True
        Ask for the ``datasets.csv`` that `write_adam` puts beside the files, and compare what it states: records and
        SHA-256 of each file; and derive again what has its sources in the set. False for a set of another system.

    Returns
    -------
    trial : AdamTrial or None
        None where a finding is an error.
    findings : tuple of AdamFinding
        Errors first. A broken file is a finding, never an exception.

    Raises
    ------
    ValueError
        If there is no such folder or format.

    Examples
    --------
    >>> import tempfile, pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.adam.write_adam(pns.adam.derive(pns.example_trial(), pns.load_protocol()), folder)
    >>> trial, findings = check_adam(folder)
    >>> len(trial.datasets), len(findings)
    (6, 0)
    """
    check_signature(check_adam, locals())
    where = Path(folder)
    found: list[AdamFinding] = []
    datasets: dict[str, Dataset] = {}
    failed: set[str] = set()
    for file in _files(where, format):
        dataset, findings = read_dataset(file, encoding)
        found += findings
        if dataset is None:
            failed.add(file.stem.upper())
        elif dataset.name.upper() in datasets:
            found += differing_twins(datasets[dataset.name.upper()], dataset)
        else:
            datasets[dataset.name.upper()] = dataset
    counted = check(datasets)
    if "ADSL" in failed:  # that ADSL is not there is said already, by why it could not be read
        counted = tuple(item for item in counted if item.rule_id != "AD0001")
    found += counted
    if manifest:
        # what is wrong anyway is said once: the list is asked of what would pass in silence
        faulty = failed | {Path(item.file).stem.upper() for item in found if item.severity == "error"}
        found += _listed(where, datasets, faulty)
        if not any(item.severity == "error" for item in found):
            found += recomputed(datasets)
    found.sort(key=lambda item: item.severity)
    if any(item.severity == "error" for item in found):
        return None, tuple(found)
    return AdamTrial(datasets, tuple(found), str(folder)), tuple(found)


def _listed(folder: Path, datasets: Mapping[str, Dataset], faulty: set[str]) -> list[AdamFinding]:
    """Compare the files with what was stated when they were written; a file that is faulty already is left out."""
    path = folder / RECORD_COUNTS
    if not path.is_file():
        if faulty:
            return []
        rule = "incomplete, or not written here: --foreign (manifest=False) checks it without"
        return [breach("PN0010", RECORD_COUNTS, rule)]
    listing = read_manifest(folder, RECORD_COUNTS)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        counts = {
            file: int(count) for file, count in zip(table["file"], table["records"], strict=True) if count
        }
    except (ValueError, KeyError, pd.errors.ParserError) as problem:
        return [breach("PN0006", RECORD_COUNTS, "write the datasets again", value=str(problem)[:100])]
    if listing is None:
        return [breach("PN0010", RECORD_COUNTS, "write the datasets again", value="no column sha256")]
    found: list[AdamFinding] = []
    remedy = "write the datasets again; a set that was changed on purpose is checked with --foreign (manifest=False)"
    for file, stated in listing.items():
        if not (folder / file).is_file():
            found.append(breach("PN0010", file, "write the datasets again", value="the file is missing"))
        elif Path(file).stem.upper() in faulty:
            continue
        elif digest((folder / file).read_bytes()) != stated:
            records = len(datasets[stem]) if (stem := Path(file).stem.upper()) in datasets else None
            if records is not None and counts.get(file, records) != records:
                detail = f"{records} records, {counts[file]} stated"
                found.append(breach("PN0006", file, remedy, value=detail))
            else:
                found.append(breach("PN0011", file, remedy))
    names = {Path(file).stem.upper() for file in counts}
    return found + [
        breach("PN0010", dataset.file, remedy, value="the file is not listed")
        for name, dataset in datasets.items()
        if name not in names
    ]


def read_adam(
    folder: str | Path,
    format: str | None = None,  # noqa: A002 - the field says format
    encoding: str | None = None,
    *,
    manifest: bool = True,
) -> AdamTrial:
    """Read the ADaM datasets of a single-arm trial with an ordinal scale.

    Parameters
    ----------
    folder : str or Path
        Files ``.xpt``, ``.json`` or ``.parquet``; ADSL must be there.
    format : {"xpt", "json", "parquet"}, optional
        Which format goes first where a dataset stands there in several.
    encoding : str, optional
        Of the text of transport files, by default UTF-8.
    manifest : bool, default True
        Ask for the ``datasets.csv`` that `write_adam` puts beside the files, and compare what it states: records and
        SHA-256 of each file; and derive again what has its sources in the set. False for a set of another system.

    Returns
    -------
    AdamTrial

    Raises
    ------
    AdamDataError
        With every finding, if one is an error.
    ValueError
        If there is no such folder or format.

    Examples
    --------
    >>> import tempfile, pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"],
    ...                                "enrolment_date": ["2014-03-02"], "mrs": [3]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A"], "date": ["2014-05-26"], "mrs": [2]}),
    ... })
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pns.adam.write_adam(pns.adam.derive(trial, pns.load_protocol("nct02343211")), folder)
    ...     result = read_adam(folder).primary_endpoint("Month 3")
    >>> result.responders, result.n
    (1, 1)
    """
    check_signature(read_adam, locals())
    trial, findings = check_adam(folder, format, encoding, manifest=manifest)
    if trial is None:
        raise AdamDataError(str(folder), findings)
    return trial

"""How do SDTM domains become the collected tables?

Input: a folder of SDTM files (XPT, Dataset-JSON, Parquet or CSV), a mapping file and a `Protocol`.
Output: `SdtmTables`: the collected tables, with a finding for every record and value that the mapping does not know.
Protocol section: treatment, scales, arms.
Method: CDISC SDTM Implementation Guide 3.4. The mapping is data: which record of which domain fills which cell.
Nothing is guessed: a question without a record stays blank, never "no"; a value without a word is a finding.
Next: `pnstrial.data`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial.adam.dataset import AdamFinding, finding
from pnstrial.adam.files import FORMATS, read_dataset
from pnstrial.adam.sdtm_map import ProtocolWords, read_mapping, under_protocol
from pnstrial.data import TABLES, TrialData
from pnstrial.data.allowed import allowed_by, protocol_of, tables_under
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Result
from pnstrial.writing import whole_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pnstrial.data.findings import Severity
    from pnstrial.protocol import Protocol

__all__ = ["SdtmTables", "from_sdtm"]

_UNMAPPED: Final = "SDTM-1: every record has a place in the mapping"
_WORD: Final = "SDTM-2: every value has a word in the mapping"
_SUBJECT: Final = "SDTM-3: every subject is in DM, once"
_SPAN: Final = "SDTM-4: a dose over several days states that it is given once a day"
_ABSENT: Final = "SDTM-5: the domains and variables that the mapping names are there"
_WEIGHT: Final = "SDTM-8: a cycle has a weight of one of its infusion days in VS"
_UNIT: Final = "SDTM-6: every unit has a factor in the mapping"


@dataclass(frozen=True, eq=False)
class SdtmTables(Result):
    """The collected tables that SDTM domains gave.

    Attributes
    ----------
    tables : mapping of str to pandas.DataFrame
        By name, all cells text or None.
    findings : tuple of AdamFinding
        SDTM-1 for each record without a place, SDTM-2 for each value without a word, SDTM-3 to SDTM-6 for
        subjects, doses over several days, absent domains, units; SD0062 for a file that cannot be read.
    source : str
        The folder.
    protocol : Protocol
        In whose words the tables are.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    findings: tuple[AdamFinding, ...]
    source: str
    protocol: Protocol = field(repr=False)

    def trial(self) -> TrialData:
        """Check the tables as collected ones.

        Returns
        -------
        TrialData

        Raises
        ------
        TrialDataError
            With every finding, if one is an error.
        """
        return TrialData.from_frames(self.tables, source=self.source, protocol=self.protocol)

    def write(self, folder: str | Path) -> list[Path]:
        """Write the tables as CSV files, as they are; `pnstrial check` says what is wrong with them.

        Collected tables are never written over: `pnstrial.writing.OutputError` where one is there already.
        """
        names = [f"{name}.csv" for name in self.tables]
        with whole_folder(folder, names=names, inputs=[self.source], manifest=None) as where:
            for name, frame in zip(names, self.tables.values(), strict=True):
                frame.to_csv(where / name, index=False, encoding="utf-8", lineterminator="\n")
        return [Path(folder) / name for name in names]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per table: name, rows."""
        return pd.DataFrame(
            {"table": list(self.tables), "rows": [len(frame) for frame in self.tables.values()]}
        )

    def _display(self) -> Display:
        counts = ", ".join(f"{name} {len(frame)}" for name, frame in self.tables.items())
        return Display(f"Tables from SDTM: {counts} rows; {len(self.findings)} findings")


@dataclass
class _Domain:
    """The records of a domain and which of them have found a place."""

    name: str
    file: str
    records: list[dict[str, Any]]
    used: set[int] = field(default_factory=set[int])


@dataclass
class _Work:
    domains: dict[str, _Domain]
    patients: dict[str, str]
    findings: list[AdamFinding] = field(default_factory=list[AdamFinding])
    reported: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])

    def tell(
        self,
        rule: str,
        domain: _Domain,
        remedy: str,
        line: int | None = None,
        severity: Severity = "warning",
        **what: Any,
    ) -> None:
        """Add a finding on a record."""
        patient = domain.records[line - 1].get("USUBJID") if line else None
        who = self.patients.get(str(patient), patient)
        self.findings.append(
            finding(rule, domain.file, remedy, line=line, patient=who, severity=severity, **what)
        )


def from_sdtm(
    folder: str | Path,
    mapping: str | Path | None = None,
    protocol: str | Path | Protocol = "nct02343211",
) -> SdtmTables:
    r"""Build the collected tables from SDTM domains.

    Parameters
    ----------
    folder : str or Path
        Files such as ``dm.xpt``, ``rs.json``, ``ex.csv``; the name is the domain.
    mapping : str or Path, optional
        A TOML file; by default the shipped one (`default_mapping`).
    protocol : Protocol, name or path, default "nct02343211"
        Whose drugs, scales and arms the records name.

    Returns
    -------
    SdtmTables

    Raises
    ------
    SdtmMappingError
        If the mapping names a table, column or key that does not exist; all are listed.
    ValueError
        If there is no such folder, or it has no DM.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "dm.csv").write_text(
    ...         "STUDYID,USUBJID,SUBJID,SITEID,AGE,SEX,DMDTC\nX,X-01,01,Lyon,61,F,2014-03-01\n")
    ...     tables = from_sdtm(folder)
    >>> tables.tables["screening"][["patient_id", "screening_date", "sex"]].values.tolist()
    [['01', '2014-03-01', 'female']]
    """
    check_signature(from_sdtm, locals())
    under = protocol_of(protocol)
    content = under_protocol(read_mapping(mapping), under)
    where = Path(folder)
    if not where.is_dir():
        raise ValueError(f"no folder {str(folder)!r}; give the folder of the SDTM files")
    domains, findings = _domains(where)
    if "DM" not in domains:
        reason = f": {findings[0].message}" if findings else "; add dm.xpt, dm.json, dm.parquet or dm.csv"
        raise ValueError(f"{folder} has no domain DM that can be read{reason}")
    work = _Work(domains, {}, findings)
    _subjects(work, str(content.get("subject", "SUBJID")))
    rows: dict[str, list[dict[str, Any]]] = {}
    for item in content.get("table", []):
        rows.setdefault(item["table"], [])
        rows[item["table"]] += _table_rows(work, item)
    for item in content.get("cell", []):
        _fill_cells(work, item, rows.get(item["table"], []))
    for item in content.get("ignore", []):
        if item["domain"] in domains:
            domain = domains[item["domain"]]
            domain.used |= {line for line, _ in _selected(domain, item)}
    _unmapped(work)
    tables = {
        name: pd.DataFrame(rows[name], columns=[column.name for column in table.columns], dtype=object)
        for name, table in tables_under(allowed_by(under)).items()
        if rows.get(name) or name == "screening"
    }
    order = {domain.file: place for place, domain in enumerate(domains.values())}
    work.findings.sort(key=lambda item: (item.severity, order.get(item.file, -1), item.line or 0))
    _weights(work, rows.get("infusions", []))
    return SdtmTables(tables, tuple(work.findings), str(folder), under)


# ------------------------------------------------------------------------------------------------------- domains
def _domains(folder: Path) -> tuple[dict[str, _Domain], list[AdamFinding]]:
    found: list[AdamFinding] = []
    domains: dict[str, _Domain] = {}
    suffixes = [*FORMATS.values(), ".csv"]
    files = [file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in suffixes]
    for file in sorted(files, key=lambda file: (suffixes.index(file.suffix.lower()), file.name.lower())):
        name = file.stem.upper()
        if name in domains:
            rule = "SDTM-7: a domain stands in the folder once"
            found.append(
                finding(rule, file.name, f"{domains[name].file} is used; remove one", severity="error")
            )
            continue
        if file.suffix.lower() == ".csv":
            try:
                frame = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
                rule = "SD0062: a domain stands in a valid file"
                found.append(
                    finding(rule, file.name, "write it again as UTF-8, comma", value=str(problem)[:100])
                )
                continue
        else:
            dataset, findings = read_dataset(file)
            found += findings
            if dataset is None:
                continue
            frame = dataset.frame
        records = [
            {str(key): _as_text(value) for key, value in row.items()} for row in frame.to_dict("records")
        ]
        domains[name] = _Domain(name, file.name, records)
    return domains, found


def _as_text(value: Any) -> str:
    """Give a value as the text of a cell; a number without a tail of zeros."""
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, dt.datetime | pd.Timestamp):
        return value.date().isoformat()
    return str(value).strip()


def _subjects(work: _Work, variable: str) -> None:
    domain = work.domains["DM"]
    seen: dict[str, str] = {}
    for line, record in enumerate(domain.records, 1):
        subject, patient = record.get("USUBJID", ""), record.get(variable, "")
        if not subject or not patient:
            work.tell(_SUBJECT, domain, f"fill USUBJID and {variable}", line, "error", column=variable)
        elif subject in work.patients or patient in seen:
            work.tell(
                _SUBJECT, domain, "remove the second record", line, "error", column="USUBJID", value=subject
            )
        else:
            work.patients[subject] = patient
            seen[patient] = subject
    for other in work.domains.values():
        if other is not domain:
            for line, record in enumerate(other.records, 1):
                if "USUBJID" in record and record["USUBJID"] not in work.patients:
                    work.tell(
                        _SUBJECT,
                        other,
                        "add the subject to DM",
                        line,
                        "error",
                        column="USUBJID",
                        value=record["USUBJID"],
                    )
                    other.used.add(line)


def _selected(domain: _Domain, item: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the records that `where` lets in, with their number."""
    wanted, unwanted = (
        [(name, _among(values)) for name, values in item.get(key, {}).items()]
        for key in ("where", "where_not")
    )
    for line, record in enumerate(domain.records, 1):
        if all(holds(record.get(name, "")) for name, holds in wanted) and not any(
            holds(record.get(name, "")) for name, holds in unwanted
        ):
            yield line, record


def _among(values: list[str] | ProtocolWords) -> Callable[[str], bool]:
    if isinstance(values, ProtocolWords):
        return lambda text: values.find(text) is not None
    folded = {str(value).casefold() for value in values}
    return lambda text: text.casefold() in folded


def _unmapped(work: _Work) -> None:
    for domain in work.domains.values():
        for line in range(1, len(domain.records) + 1):
            if line not in domain.used:
                record = domain.records[line - 1]
                source_column = next(
                    (n for n in record if n.endswith(("TESTCD", "DECOD", "TRT", "TERM")) and record[n]), None
                )
                work.tell(
                    _UNMAPPED, domain, "add it to the mapping, as table, cell or ignore", line,
                    column=source_column, value=record[source_column] if source_column else None,
                )  # fmt: skip


# -------------------------------------------------------------------------------------------------------- cells
def _value(work: _Work, domain: _Domain, line: int, column: Any, kind: str) -> str | None:
    """Read one cell from a record by its description in the mapping."""
    record = domain.records[line - 1]
    rule: dict[str, Any] = {"variable": column} if isinstance(column, str) else column
    if "constant" in rule:
        return str(rule["constant"])
    names = rule.get("variables") or [rule.get("variable")]
    for name in names:
        if domain.records and name not in record and (domain.name, str(name)) not in work.reported:
            work.reported.add((domain.name, str(name)))
            work.tell(_ABSENT, domain, "add the variable, or take it out of the mapping", column=str(name))
    texts = [record.get(str(name), "") for name in names]
    if "pattern" in rule:
        texts = [
            match[1] if match.groups() else match[0]
            for text in texts
            if (match := re.search(rule["pattern"], text))
        ]
    text = next((text for text in texts if text), "")
    if "words" in rule:
        return _word(work, domain, line, str(names[0]), text, rule)
    if "factors" in rule and text:
        return _scaled(work, domain, line, text, rule["factors"])
    if kind == "date" and re.fullmatch(r"\d{4}-\d{2}-\d{2}T.*", text):
        text = text[:10]
    return text or None


def _word(work: _Work, domain: _Domain, line: int, name: str, text: str, rule: dict[str, Any]) -> str | None:
    if isinstance(rule["words"], ProtocolWords):
        return _own_word(work, domain, line, name, text, rule["words"])
    words = {str(key).casefold(): str(word) for key, word in rule["words"].items()}
    if text.casefold() in words:
        return words[text.casefold()] or None
    if "other" in rule:
        return str(rule["other"])
    if text:
        work.tell(_WORD, domain, "add the value to words", line, column=name, value=text)
    return None


def _own_word(
    work: _Work, domain: _Domain, line: int, name: str, text: str, words: ProtocolWords
) -> str | None:
    """Give a word of the protocol; what it does not have stays as it is, so that no reader takes it for another."""
    found = words.find(text)
    if found is not None:
        return found or None
    if text or words.required:
        remedy = (
            f"the protocol has {', '.join(words.names)}; name the right protocol, or add the value to words"
        )
        work.tell(_WORD, domain, remedy, line, "error", column=name, value=text)
    return text or None


def _scaled(work: _Work, domain: _Domain, line: int, text: str, factors: dict[str, Any]) -> str | None:
    unit = domain.records[line - 1].get(str(factors["by"]), "")
    available = {str(key).casefold(): factor for key, factor in factors.items() if key != "by"}
    if unit.casefold() not in available:
        work.tell(
            _UNIT, domain, "add the unit to factors", line, "error", column=str(factors["by"]), value=unit
        )
        return None
    try:
        number = float(text)
    except ValueError:
        return text  # reading the tables says what is wrong with it
    factor = float(available[unit.casefold()])
    return _as_text(number if factor == 1 else round(number * factor, 9))


def _table_rows(work: _Work, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make the rows of a table, one per record (or per day of a record)."""
    domain = work.domains.get(item["domain"])
    if domain is None:
        return
    kinds = {name: column.kind for name, column in TABLES[item["table"]].by_name.items()}
    for line, record in _selected(domain, item):
        if record.get("USUBJID", "") not in work.patients:
            continue
        domain.used.add(line)
        row: dict[str, Any] = {"patient_id": work.patients[record["USUBJID"]]}
        for name, column in item.get("columns", {}).items():
            row[name] = _value(work, domain, line, column, kinds.get(name, "word"))
        days = _days_of(work, domain, line, item["daily"]) if "daily" in item else [None]
        for day in days:
            yield row if day is None else {**row, "date": day}


def _days_of(work: _Work, domain: _Domain, line: int, daily: dict[str, Any]) -> list[str | None]:
    """Spread a dose given once a day over its days."""
    record = domain.records[line - 1]
    start, end = record.get(daily["start"], "")[:10], record.get(daily["end"], "")[:10]
    if not end or end == start:
        return [None]
    try:
        first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    except ValueError:
        return [None]
    if record.get(daily["frequency"], "") not in daily["once_a_day"] or last < first:
        remedy = f"state {daily['frequency']} = {daily['once_a_day'][0]}, or split the record by day"
        work.tell(_SPAN, domain, remedy, line, "error", column=daily["end"], value=f"{start} to {end}")
        return [None]
    return [(first + dt.timedelta(days=gap)).isoformat() for gap in range((last - first).days + 1)]


def _fill_cells(work: _Work, item: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Look one column up in another domain, subject by subject; a cell that is filled stays."""
    domain = work.domains.get(item["domain"])
    if domain is None:
        return
    described = TABLES[item["table"]].by_name.get(item["column"])
    kind = "word" if described is None else described.kind
    by_patient: dict[str, list[int]] = {}
    for line, record in _selected(domain, item):
        if record.get("USUBJID", "") in work.patients:
            if item["pick"] != "same day":
                domain.used.add(line)
            by_patient.setdefault(work.patients[record["USUBJID"]], []).append(line)
    for row in rows:
        lines = by_patient.get(row["patient_id"], [])
        if item["pick"] == "same day":
            lines = [line for line in lines if row.get("date") and _date_of(domain, line)[:10] == row["date"]]
            domain.used |= set(lines)
        if item["pick"] == "positives":
            value = _positives(work, domain, lines, item)
        else:
            ordered = sorted(lines, key=lambda line: (_date_of(domain, line), line))
            values = [
                v for line in ordered if (v := _value(work, domain, line, item["value"], kind)) is not None
            ]
            value = _picked(values, item["pick"])
        # status = withdrawn or lost in DS says more than the "alive" that DM leaves; else what is there stays
        if value is not None and (row.get(item["column"]) in (None, "alive")):
            row[item["column"]] = value


def _weights(work: _Work, infusions: list[dict[str, Any]]) -> None:
    """Say how many cycles have no weight of their own: their planned dose rests on the one at screening."""
    cycles: dict[tuple[Any, Any], bool] = {}
    for row in infusions:
        key = (row["patient_id"], row.get("cycle"))
        cycles[key] = cycles.get(key, False) or bool(row.get("weight_kg"))
    without = len(cycles) - sum(cycles.values())
    if without and "EX" in work.domains:
        remedy = "the planned dose will use the screening weight; add VS records of the infusion days if there are any"
        detail = f"{without} of {len(cycles)} cycles without"
        work.findings.append(
            finding(_WEIGHT, work.domains["EX"].file, remedy, severity="warning", value=detail)
        )


def _picked(values: list[str], pick: str) -> str | None:
    if not values:
        return None
    if pick == "all":
        return "; ".join(dict.fromkeys(values))
    return values[0] if pick in {"first", "same day"} else values[-1]


def _date_of(domain: _Domain, line: int) -> str:
    record = domain.records[line - 1]
    prefix = domain.name[:2]
    return record.get(f"{prefix}DTC", "") or record.get(f"{prefix}STDTC", "")


def _positives(work: _Work, domain: _Domain, lines: list[int], item: dict[str, Any]) -> str | None:
    names = {str(key).casefold(): str(word) for key, word in item["names"].items()}
    positive: list[str] = []
    tested = False
    for line in lines:
        record = domain.records[line - 1]
        result, test = record.get(item["result"], "").casefold(), record.get(item["value"], "")
        if test.casefold() not in names:
            work.tell(_WORD, domain, "add the test to names", line, column=item["value"], value=test)
        elif result in {"positive", "negative"}:
            tested = True
            if result == "positive":
                positive.append(names[test.casefold()])
        elif result:
            work.tell(_WORD, domain, "write POSITIVE or NEGATIVE", line, column=item["result"], value=result)
    return ";".join(dict.fromkeys(positive)) if positive else ("none" if tested else None)

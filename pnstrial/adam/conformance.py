"""Does a set of ADaM datasets keep to the rules of the standard?

Input: datasets by name.
Output: findings, each with the id of its rule; an error where an analysis of the data could be wrong.
Protocol section: none.
Method: ids AD, SD and CT are those of the public rule lists ("CDISC ADaM 1.0 Validation Rules", opencdisc.org;
"ADaM-IG 1.3 (FDA)", Pinnacle 21), without their letter suffixes; ids PN are our own, where the lists have no rule.
Next: `read`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from pnstrial.adam.dataset import AdamFinding, Dataset, finding
from pnstrial.adam.specification import (
    CODELISTS,
    DATASETS,
    LABEL_LENGTH,
    STANDARD_LABELS,
    TEXT_BYTES,
    name_is_legal,
)
from pnstrial.adam.xpt import is_date_format
from pnstrial.numerics.signatures import check_signature
from pnstrial.rules import CYCLES_WITH_A_NAME, reasons, response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pnstrial.data.findings import Severity

__all__ = ["RULES", "check", "rules_table"]

_FDA: Final = "ADaM-IG 1.3 (FDA), Pinnacle 21"
_1_0: Final = "CDISC ADaM 1.0 Validation Rules, opencdisc.org"
_OWN: Final = "pnstrial: the public lists have no such rule"

RULES: Final[dict[str, tuple[Severity, str, str]]] = {
    "AD0001": ("error", "the subject-level dataset ADSL must be there", _1_0),
    "AD0005": ("error", "a flag is Y, N or null; a population flag is never null", _1_0),
    "AD0006": ("error", "a numeric flag is 1, 0 or null", _1_0),
    "AD0007": ("warning", "a numeric flag needs its character flag", _1_0),
    "AD0008": ("error", "a value of a flag has one value of its numeric flag", _1_0),
    "AD0009": ("error", "a value of a numeric flag has one value of its flag", _1_0),
    "AD0010": ("error", "where a flag is Y, its numeric flag is 1", _1_0),
    "AD0011": ("error", "where a flag is N, its numeric flag is 0", _1_0),
    "AD0012": ("error", "where a numeric flag is populated, its flag is", _1_0),
    "AD0013": ("error", "a name has at most 8 characters, A-Z, 0-9 and _, the first a letter", _FDA),
    "AD0016": ("error", "a label has at most 40 characters", _1_0),
    "AD0018": ("warning", "a label is that of the standard", _1_0),
    "AD0041": ("warning", "a date variable (*DT) has a date format", _FDA),
    "AD0046": ("error", "there is no day 0", _FDA),
    "AD0047": ("warning", "a variable that the standard requires is there", _FDA),
    "AD0048": ("error", "ADSL has at least one population flag", _FDA),
    "AD0054": ("error", "ADSL has one record per subject", _FDA),
    "AD0058": ("error", "a date variable (*DT) is numeric", _FDA),
    "AD0090": ("warning", "a dataset of the basic data structure has a treatment variable", _FDA),
    "AD0109": ("warning", "within a parameter, a visit has one number", _FDA),
    "AD0110": ("warning", "within a parameter, a visit number has one visit", _FDA),
    "AD0121": ("error", "a start date (*SDT) is not after its end date (*EDT)", _FDA),
    "AD0127": (
        "warning",
        "where BASE is populated, the subject and parameter have a record with ABLFL = Y",
        _FDA,
    ),
    "AD0132": ("warning", "where CHG is populated, AVAL and BASE are", _FDA),
    "AD0137": ("warning", "where CRITyFL is populated, CRITy is", _FDA),
    "AD0141": ("error", "a PARAMCD has one PARAM", _FDA),
    "AD0142": ("error", "a PARAM has one PARAMCD", _FDA),
    "AD0143": ("error", "a PARAMCD has at most 8 characters, A-Z, 0-9 and _, the first a letter", _FDA),
    "AD0149": ("warning", "within a parameter, a value of AVAL has one AVALC", _FDA),
    "AD0150": ("warning", "within a parameter, a value of AVALC has one AVAL", _FDA),
    "AD0151": ("warning", "within a parameter, CRITy has one text", _FDA),
    "AD0152": ("error", "where ABLFL is Y, BASE equals AVAL", _FDA),
    "AD0154": ("error", "a subject and parameter have one record with ABLFL = Y (per BASETYPE)", _FDA),
    "AD0156": ("warning", "CRITyFL needs CRITy", _FDA),
    "AD0157": ("warning", "CRITy needs CRITyFL", _FDA),
    "AD0169": ("error", "CNSR is an integer of at least 0", _FDA),
    "AD0176": ("error", "ABLFL is Y or null", _FDA),
    "AD0178": ("error", "ANLzzFL is Y or null", _FDA),
    "AD0196": ("error", "the identifiers USUBJID, PARAMCD and PARAM are populated", _FDA),
    "AD0198": ("error", "a dataset of the basic data structure has AVAL or AVALC", _FDA),
    "AD0223": ("error", "CHG equals AVAL - BASE", _FDA),
    "AD0245": ("error", "CNSR needs STARTDT", _FDA),
    "AD0246": ("error", "CNSR needs ADT", _FDA),
    "AD0247": ("error", "where CNSR is populated, AVAL, STARTDT and ADT are", _FDA),
    "AD0250": ("warning", "EVNTDESC and CNSDTDSC need CNSR", _FDA),
    "AD0256": ("error", "a subject of any dataset is in ADSL", _FDA),
    "AD0269": ("error", "TRTEMFL is Y or null", _FDA),
    "AD0361": ("error", "ASTDT is not after AENDT", _FDA),
    "CT2001": ("warning", "a value is a term of its codelist", _FDA),
    "CT2002": ("warning", "a value is a term of its extensible codelist, or a new term on purpose", _FDA),
    "SD0059": ("error", "a value is of its variable's type", _FDA),
    "SD0062": ("error", "a dataset stands in a valid file", _FDA),
    "PN0001": ("error", "the key of a dataset identifies one record", _OWN),
    "PN0002": ("error", "ADT is not before STARTDT", _OWN),
    "PN0003": ("error", "a subject, parameter and visit have one record with ANL01FL = Y", _OWN),
    "PN0004": ("error", "a time to an event is not negative, and has one CNSR", _OWN),
    "PN0005": ("error", "a text has at most 200 bytes", _OWN),
    "PN0006": ("error", "a file has as many records as datasets.csv states", _OWN),
    "PN0007": ("error", "a dataset that stands in two files is the same in both", _OWN),
    "PN0008": ("warning", "a dataset stands in the folder once", _OWN),
    "PN0010": ("error", "a set has a datasets.csv that lists its files", _OWN),
    "PN0011": ("error", "a file has the SHA-256 that datasets.csv states", _OWN),
    "PN0012": ("error", "a derived value follows from its sources in the set", _OWN),
    "PN0009": ("error", "a numeric variable of the standard is numeric, a text variable is text", _OWN),
}
"""Id of each rule: severity, what should hold, where the id is from."""

_POPULATION: Final = frozenset({"COMPLFL", "FASFL", "ITTFL", "PPROTFL", "SAFFL", "RANDFL", "ENRLFL"})
_TREATMENT = re.compile(r"(ACT)?ARM|TRT\d\d[PA]|TRT[PA]|TRTSEQ[PA]|TR\d\d[PA]G\d|TRT[PA]G\d")
_REQUIRED: Final = {
    "ADSL": ("STUDYID", "USUBJID", "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ARM"),
    "BDS": ("STUDYID", "USUBJID", "PARAM", "PARAMCD"),
    "OCCDS": ("STUDYID", "USUBJID", "AETERM", "AEDECOD", "AEBODSYS"),
}
_ESSENTIAL: Final = frozenset({"USUBJID", "PARAMCD"})
_NUMERIC: Final = frozenset(
    {"AGE", "AVAL", "BASE", "CHG", "CNSR", "AVISITN", "ADY", "ASEQ", "AESEQ", "SRCSEQ"}
)
_TEXT: Final = frozenset({"USUBJID", "PARAM", "PARAMCD", "AVISIT", "AVALC", "DTYPE", "EVNTDESC", "CNSDTDSC"})
_CODELISTS: Final = {
    "AGEU": "AGEU",
    "SEX": "SEX",
    "EOSSTT": "EOSSTT",
    "DCSREAS": "NCOMPLT",
    "DTYPE": "DTYPE",
    "AEACN": "ACN",
    "AEOUT": "OUT",
}
_MOST_LISTED: Final = 50
"""Records named per rule and variable; a dataset that breaks a rule throughout needs no thousand sentences."""


def rules_table() -> pd.DataFrame:
    """List the rules: id, severity, what should hold, and the list that the id is from.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> rules_table().set_index("rule").loc["AD0154", "holds"]
    'a subject and parameter have one record with ABLFL = Y (per BASETYPE)'
    """
    rows = [
        {"rule": key, "severity": s, "holds": holds, "list": source}
        for key, (s, holds, source) in RULES.items()
    ]
    return pd.DataFrame(rows)


def breach(rule: str, where: str, remedy: str, severity: Severity | None = None, **place: Any) -> AdamFinding:
    """Make the finding of a rule with its severity."""
    level, holds, _ = RULES[rule]
    return finding(f"{rule}: {holds}", where, remedy, severity=severity or level, **place)


def check(datasets: Mapping[str, Dataset]) -> tuple[AdamFinding, ...]:
    """Ask the rules of the standard of a set of datasets.

    Parameters
    ----------
    datasets : mapping of str to Dataset

    Returns
    -------
    tuple of AdamFinding
        Errors first, then by dataset.

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"],
    ...                                "enrolment_date": ["2014-03-02"], "mrs": [3]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A"], "date": ["2014-05-26"], "mrs": [2]}),
    ... })
    >>> datasets = pns.adam.derive(trial, pns.load_protocol())
    >>> without_subjects = {name: one for name, one in datasets.datasets.items() if name != "ADSL"}
    >>> len(check(datasets.datasets)), [finding.rule for finding in check(without_subjects)][:1]
    (0, ['AD0001: the subject-level dataset ADSL must be there'])
    """
    check_signature(check, locals())
    found: list[AdamFinding] = []
    adsl = datasets.get("ADSL")
    if adsl is None:
        found.append(breach("AD0001", "the folder", "add ADSL"))
    for dataset in datasets.values():
        usable = list(_types(dataset))
        found += usable
        found += _variables(dataset)
        if any(item.severity == "error" for item in usable):
            continue  # a variable of the wrong type breaks every rule that reads it
        for rules in _rule_dataset(dataset):
            found += rules(dataset)
        if adsl is not None and dataset is not adsl and "USUBJID" in dataset and "USUBJID" in adsl:
            found += _in_adsl(dataset, adsl)
    order = {name: place for place, name in enumerate(["the folder", *(d.where for d in datasets.values())])}
    return tuple(
        sorted(found, key=lambda item: (item.severity, order.get(item.file, 0), item.rule, item.line or 0))
    )


def recomputed(datasets: Mapping[str, Dataset]) -> Iterator[AdamFinding]:
    """Derive again what has its sources in the set: times, study durations, answers to the criterion.

    Parameters
    ----------
    datasets : mapping of str to Dataset
        As `pnstrial.adam.write_adam` writes them; another system may count its days otherwise.
    """
    flags = {
        reason: {0: "N", 1: "Y"}.get(int(response(code)))
        for cycles in range(CYCLES_WITH_A_NAME)
        for code, reason in enumerate(reasons(cycles))
    }
    for dataset in datasets.values():
        frame = dataset.frame
        names = set(frame.columns)
        if {"CNSR", "AVAL", "STARTDT", "ADT"} <= names:
            days = (frame["ADT"] - frame["STARTDT"]).dt.days
            wrong = frame["AVAL"].notna() & days.notna() & (frame["AVAL"] != days)
            yield from _records("PN0012", dataset, wrong, "AVAL", "AVAL is ADT - STARTDT, in days")
        if {"TRTDURD", "TRTSDT", "TRTEDT"} <= names:
            days = (frame["TRTEDT"] - frame["TRTSDT"]).dt.days + 1
            wrong = frame["TRTDURD"].notna() & days.notna() & (frame["TRTDURD"] != days)
            yield from _records("PN0012", dataset, wrong, "TRTDURD", "TRTDURD is TRTEDT - TRTSDT + 1")
        if {"CRIT1FL", "CRIT1RS"} <= names:
            stated = frame["CRIT1FL"].where(frame["CRIT1FL"].notna(), None)
            reason = frame["CRIT1RS"]
            wrong = [
                isinstance(why, str) and why in flags and flags[why] != flag
                for why, flag in zip(reason, stated, strict=True)
            ]
            yield from _records("PN0012", dataset, wrong, "CRIT1FL", "CRIT1FL follows from CRIT1RS")


def is_time_to_event(dataset: Dataset) -> bool:
    """Say whether a dataset holds times to events."""
    return "PARAMCD" in dataset and "CNSR" in dataset


def is_basic(dataset: Dataset) -> bool:
    """Say whether a dataset is of the basic data structure."""
    return "PARAMCD" in dataset or "PARAM" in dataset


def _rule_dataset(dataset: Dataset) -> Iterator[Any]:
    yield from (_presence, _flags, _flag_pairs, _days, _spans, _terms, _keys, _texts)
    if is_basic(dataset):
        yield from (_parameters, _values, _baselines, _criteria, _selection)
    if "CNSR" in dataset or "EVNTDESC" in dataset:
        yield _censoring


def _records(
    rule: str, dataset: Dataset, mask: Any, column: str, remedy: str, severity: Severity | None = None
) -> Iterator[AdamFinding]:
    """Name the records that break a rule."""
    wrong = np.flatnonzero(np.asarray(mask, dtype=bool))
    for position in wrong[:_MOST_LISTED]:
        value = dataset.frame[column].iloc[position] if column in dataset else None
        yield breach(
            rule,
            dataset.where,
            remedy,
            severity,
            line=int(position) + 1,
            patient=dataset.frame["USUBJID"].iloc[position] if "USUBJID" in dataset else None,
            column=column,
            value=_in_words(value),
        )
    if len(wrong) > _MOST_LISTED:
        remedy = f"the first {_MOST_LISTED} are listed; see them all in the dataset"
        yield breach(rule, dataset.where, remedy, severity, column=column, value=f"{len(wrong)} records")


def _in_words(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.date()) if isinstance(value, pd.Timestamp) else str(value)


# ---------------------------------------------------------------------------------------------------- variables
def _variables(dataset: Dataset) -> Iterator[AdamFinding]:
    """Names, labels and date formats."""
    if not name_is_legal(dataset.name):
        yield breach("AD0013", dataset.where, "rename the dataset", value=dataset.name)
    for variable in dataset.variables:
        name = variable.name
        if not name_is_legal(name):
            yield breach("AD0013", dataset.where, "rename the variable", column=name, value=name)
        if len(variable.label) > LABEL_LENGTH:
            yield breach("AD0016", dataset.where, "shorten the label", column=name, value=variable.label)
        standard = STANDARD_LABELS.get(name)
        if standard is not None and variable.label.strip() != standard:
            yield breach("AD0018", dataset.where, f"label it {standard!r}", column=name, value=variable.label)
        if name.endswith("DT") and len(name) > 2:
            if variable.is_text:
                yield breach("AD0058", dataset.where, "write it as a number with a date format", column=name)
            elif variable.kind != "date" or (variable.format and not is_date_format(variable.format)):
                yield breach(
                    "AD0041", dataset.where, "give it the format DATE9.", column=name, value=variable.format
                )


def _types(dataset: Dataset) -> Iterator[AdamFinding]:
    for variable in dataset.variables:
        name = variable.name
        if name in _NUMERIC and variable.is_text:
            yield breach("PN0009", dataset.where, "write it as a number", column=name, value="text")
        if name in _TEXT and not variable.is_text:
            yield breach("PN0009", dataset.where, "write it as text", column=name, value=variable.kind)
        if name in {"ADT", "STARTDT"} and variable.is_text:
            yield breach("AD0058", dataset.where, "write it as a number with a date format", column=name)


def _presence(dataset: Dataset) -> Iterator[AdamFinding]:
    kind = "ADSL" if dataset.name == "ADSL" else "BDS" if is_basic(dataset) else "OCCDS"
    for name in _REQUIRED[kind]:
        if name not in dataset:
            level: Severity = "error" if name in _ESSENTIAL else "warning"
            yield breach("AD0047", dataset.where, "add the variable", level, column=name)
    names = set(dataset.frame.columns)
    if kind == "ADSL":
        if not any(name.endswith("FL") for name in names):
            yield breach("AD0048", dataset.where, "add a population flag, such as FASFL")
        if not any(re.fullmatch(r"TRT\d\d[PA]", name) for name in names):
            yield breach("AD0047", dataset.where, "add the variable", column="TRT01P")
    if kind == "BDS" and not any(_TREATMENT.fullmatch(name) for name in names):
        yield breach("AD0090", dataset.where, "add TRTP or TRTA")
    if kind == "BDS" and not names & {"AVAL", "AVALC"}:
        yield breach("AD0198", dataset.where, "add AVAL")
    for name in ("USUBJID", *(("PARAMCD", "PARAM") if kind == "BDS" else ())):
        if name in names:
            yield from _records("AD0196", dataset, dataset.frame[name].isna(), name, "fill the value")


def _texts(dataset: Dataset) -> Iterator[AdamFinding]:
    for variable in dataset.variables:
        if variable.is_text and variable.name not in dataset.long_texts:
            sizes = dataset.frame[variable.name].map(lambda v: len(v.encode()) if isinstance(v, str) else 0)
            yield from _records("PN0005", dataset, sizes > TEXT_BYTES, variable.name, "shorten the text")


# -------------------------------------------------------------------------------------------------------- flags
def _flags(dataset: Dataset) -> Iterator[AdamFinding]:
    for variable in dataset.variables:
        name, values = variable.name, dataset.frame[variable.name]
        if not name.endswith("FL") or not variable.is_text:
            continue
        if name == "ABLFL":
            rule, allowed = "AD0176", ["Y"]
        elif re.fullmatch(r"ANL\d\dFL", name):
            rule, allowed = "AD0178", ["Y"]
        elif name == "TRTEMFL":
            rule, allowed = "AD0269", ["Y"]
        else:
            rule, allowed = "AD0005", ["Y", "N"]
        wrong = values.notna() & ~values.isin(allowed)
        if name in _POPULATION:
            wrong |= values.isna()
        yield from _records(rule, dataset, wrong, name, f"write {' or '.join(allowed)}")


def _flag_pairs(dataset: Dataset) -> Iterator[AdamFinding]:
    for variable in dataset.variables:
        name = variable.name
        if not name.endswith("FN") or len(name) < 3 or variable.is_text:
            continue
        number = dataset.frame[name]
        yield from _records("AD0006", dataset, number.notna() & ~number.isin([0, 1]), name, "write 1 or 0")
        partner = f"{name[:-1]}L"
        if partner not in dataset:
            yield breach("AD0007", dataset.where, f"add {partner}", column=name)
            continue
        flag = dataset.frame[partner]
        yield from _records("AD0010", dataset, flag.eq("Y") & number.ne(1), name, "write 1")
        yield from _records("AD0011", dataset, flag.eq("N") & number.ne(0), name, "write 0")
        yield from _records("AD0012", dataset, number.notna() & flag.isna(), partner, "fill the flag")
        yield from _one_to_one(dataset, partner, name, ("AD0008", "AD0009"), [])


def _one_to_one(
    dataset: Dataset, first: str, second: str, rules: tuple[str, str], within: list[str]
) -> Iterator[AdamFinding]:
    """Each value of one variable has one of the other, and the reverse."""
    complete = dataset.frame[[*within, first, second]].dropna()
    for given, other, rule in ((first, second, rules[0]), (second, first, rules[1])):
        several = complete.groupby([*within, given], sort=False)[other].unique()
        for key, values in several[several.map(len) > 1].items():
            words = " / ".join(
                str(part) for part in (cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,))
            )
            text = f"{words}: {', '.join(str(value) for value in values)}"
            yield breach(rule, dataset.where, "give it one", column=other, value=text)


# ------------------------------------------------------------------------------------------------- days and keys
def _days(dataset: Dataset) -> Iterator[AdamFinding]:
    for variable in dataset.variables:
        if variable.name.endswith("DY") and not variable.is_text:
            zero = dataset.frame[variable.name].eq(0)
            yield from _records("AD0046", dataset, zero, variable.name, "the day before day 1 is -1")


def _spans(dataset: Dataset) -> Iterator[AdamFinding]:
    names = {variable.name for variable in dataset.variables if variable.kind == "date"}
    pairs = [(name, f"{name[:-3]}EDT", "AD0121") for name in sorted(names) if name.endswith("SDT")]
    for start, end, rule in [*pairs, ("ASTDT", "AENDT", "AD0361")]:
        if start in names and end in names:
            late = dataset.frame[start] > dataset.frame[end]
            yield from _records(rule, dataset, late, start, "correct one of the two dates")


def _terms(dataset: Dataset) -> Iterator[AdamFinding]:
    for name, key in _CODELISTS.items():
        if name in dataset and dataset.variable(name).is_text:
            values, codelist = dataset.frame[name], CODELISTS[key]
            wrong = values.notna() & ~values.isin(codelist.terms)
            if name == "SEX" or not codelist.extensible:
                remedy = f"use one of {', '.join(codelist.terms)}"
                yield from _records("CT2001", dataset, wrong, name, remedy)
            elif name == "DTYPE":
                yield from _records("CT2002", dataset, wrong, name, "see that the term is meant")


def _keys(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    if "USUBJID" not in dataset:
        return
    if dataset.name == "ADSL":
        study = [name for name in ("STUDYID",) if name in dataset]
        twice = frame.duplicated([*study, "USUBJID"], keep="first") & frame["USUBJID"].notna()
        yield from _records("AD0054", dataset, twice, "USUBJID", "remove the second record")
        return
    keys = _key_of(dataset)
    if keys:
        twice = frame.duplicated(list(keys), keep="first")
        yield from _records(
            "PN0001", dataset, twice, keys[-1], f"the key is {' '.join(keys)}; remove the second record"
        )


def _key_of(dataset: Dataset) -> Sequence[str]:
    """Name the variables that identify a record: those the file states, else those of the structure."""
    stated = [name for name in dataset.keys if name in dataset]
    if stated and len(stated) == len(dataset.keys):
        return stated
    if is_time_to_event(dataset) and "PARAMCD" in dataset:
        return ["USUBJID", "PARAMCD"]
    own = DATASETS.get(dataset.name)
    if own is not None and all(key in dataset for key in own.keys):
        return own.keys
    if is_basic(dataset):
        return (
            [name for name in ("USUBJID", "PARAMCD", "ASEQ") if name in dataset] if "ASEQ" in dataset else []
        )
    return [name for name in ("USUBJID", "AESEQ") if name in dataset] if "AESEQ" in dataset else []


def _in_adsl(dataset: Dataset, adsl: Dataset) -> Iterable[AdamFinding]:
    stranger = dataset.frame["USUBJID"].notna() & ~dataset.frame["USUBJID"].isin(adsl.frame["USUBJID"])
    return _records("AD0256", dataset, stranger, "USUBJID", "add the subject to ADSL, or correct USUBJID")


# --------------------------------------------------------------------------------------------------- parameters
def _parameters(dataset: Dataset) -> Iterator[AdamFinding]:
    if "PARAMCD" in dataset:
        codes = dataset.frame["PARAMCD"]
        wrong = codes.notna() & ~codes.map(lambda code: name_is_legal(str(code)))
        yield from _records(
            "AD0143", dataset, wrong & ~codes.duplicated(), "PARAMCD", "shorten or rename the code"
        )
        if "PARAM" in dataset:
            yield from _one_to_one(dataset, "PARAMCD", "PARAM", ("AD0141", "AD0142"), [])
        if {"AVISIT", "AVISITN"} <= set(dataset.frame.columns):
            yield from _one_to_one(dataset, "AVISIT", "AVISITN", ("AD0109", "AD0110"), ["PARAMCD"])
        if {"AVAL", "AVALC"} <= set(dataset.frame.columns):
            yield from _one_to_one(dataset, "AVAL", "AVALC", ("AD0149", "AD0150"), ["PARAMCD"])


def _values(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    if {"AVAL", "BASE", "CHG"} <= set(frame.columns):
        gap = (frame["CHG"] - (frame["AVAL"] - frame["BASE"])).abs()
        scale = 1e-9 * frame[["AVAL", "BASE"]].abs().max(axis=1).clip(lower=1)
        yield from _records("AD0223", dataset, gap > scale, "CHG", "CHG is AVAL - BASE")
        incomplete = frame["CHG"].notna() & (frame["AVAL"].isna() | frame["BASE"].isna())
        yield from _records("AD0132", dataset, incomplete, "CHG", "fill AVAL and BASE, or leave CHG null")


def _baselines(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    if "ABLFL" not in dataset or not {"USUBJID", "PARAMCD"} <= set(frame.columns):
        return
    flagged = frame["ABLFL"].eq("Y")
    group = [name for name in ("USUBJID", "PARAMCD", "BASETYPE") if name in dataset]
    again = flagged & frame[flagged].duplicated(group, keep="first").reindex(frame.index, fill_value=False)
    yield from _records("AD0154", dataset, again, "ABLFL", "flag one record only")
    if {"AVAL", "BASE"} <= set(frame.columns):
        differs = flagged & frame["AVAL"].notna() & frame["BASE"].notna() & frame["AVAL"].ne(frame["BASE"])
        yield from _records("AD0152", dataset, differs, "BASE", "BASE is the AVAL of the baseline record")
    if "BASE" in dataset:
        place = frame[group].apply(tuple, axis=1)
        without = frame["BASE"].notna() & ~place.isin(set(place[flagged]))
        first = without & ~frame.duplicated(group)
        yield from _records("AD0127", dataset, first, "BASE", "flag the baseline record")


def _criteria(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    for name in frame.columns:
        if match := re.fullmatch(r"CRIT(\d)FL", str(name)):
            text = f"CRIT{match[1]}"
            if text not in dataset:
                yield breach("AD0156", dataset.where, f"add {text}", column=str(name))
                continue
            alone = frame[name].notna() & frame[text].isna()
            yield from _records("AD0137", dataset, alone, str(name), f"fill {text}")
        elif (match := re.fullmatch(r"CRIT(\d)", str(name))) and "PARAMCD" in dataset:
            if f"{name}FL" not in dataset:
                yield breach("AD0157", dataset.where, f"add {name}FL", column=str(name))
            several = frame.dropna(subset=[name]).groupby("PARAMCD")[name].nunique()
            for code in several[several > 1].index:
                yield breach("AD0151", dataset.where, "use one text", column=str(name), value=str(code))


def _selection(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    group = [name for name in ("USUBJID", "PARAMCD", "AVISIT", "BASETYPE") if name in dataset]
    if "ANL01FL" in dataset and {"USUBJID", "PARAMCD", "AVISIT"} <= set(group):
        flagged = frame["ANL01FL"].eq("Y") & frame["AVISIT"].notna()
        again = flagged & frame[flagged].duplicated(group, keep="first").reindex(
            frame.index, fill_value=False
        )
        yield from _records("PN0003", dataset, again, "ANL01FL", "flag one record only")


def _censoring(dataset: Dataset) -> Iterator[AdamFinding]:
    frame = dataset.frame
    if "CNSR" not in dataset:
        yield breach("AD0250", dataset.where, "add CNSR", column="EVNTDESC")
        return
    censor = frame["CNSR"]
    wrong = censor.notna() & ((censor < 0) | (censor % 1 != 0))
    yield from _records(
        "AD0169", dataset, wrong, "CNSR", "0 is an event, a positive integer a reason for censoring"
    )
    if "STARTDT" not in dataset:
        yield breach("AD0245", dataset.where, "add STARTDT")
    if "ADT" not in dataset:
        yield breach("AD0246", dataset.where, "add ADT")
    needed = [name for name in ("AVAL", "STARTDT", "ADT") if name in dataset]
    for name in needed:
        yield from _records("AD0247", dataset, censor.notna() & frame[name].isna(), name, "fill the value")
    if {"STARTDT", "ADT"} <= set(needed):
        early = frame["ADT"] < frame["STARTDT"]
        yield from _records("PN0002", dataset, early, "ADT", "correct ADT or STARTDT")
    if "AVAL" in dataset:
        yield from _records("PN0004", dataset, frame["AVAL"] < 0, "AVAL", "a time is at least 0")
        yield from _records("PN0004", dataset, frame["AVAL"].notna() & censor.isna(), "CNSR", "fill CNSR")


def _same(first: pd.Series, second: pd.Series) -> bool:
    """Compare two columns, missing equal to missing."""
    blank = first.isna().to_numpy()
    if (blank != second.isna().to_numpy()).any():
        return False
    return all(a == b for a, b in zip(first[~blank], second[~blank], strict=True))


def differing_twins(first: Dataset, second: Dataset) -> list[AdamFinding]:
    """Compare a dataset that stands in two files, value by value."""
    names = list(first.frame.columns)
    if names != list(second.frame.columns) or len(first) != len(second):
        text = f"{first.file}: {len(first)} records, {len(names)} variables"
        text += f"; {second.file}: {len(second)} records, {len(second.frame.columns)} variables"
        return [breach("PN0007", second.file, "remove the wrong one", value=text)]
    differing = [name for name in names if not _same(first.frame[name], second.frame[name])]
    if differing:
        text = f"{first.file} and {second.file} differ in {', '.join(differing)}"
        return [breach("PN0007", second.file, "remove the wrong one", value=text)]
    return [breach("PN0008", second.file, f"{first.file} is used; the values are equal", value=first.name)]

"""Do the tables agree with themselves and with each other?

Input: the parsed tables of a folder.
Output: findings on patients, order in time, duplicates, unit slips; all that needs no protocol.
Protocol section: none (what needs one is in `checks`).
Method: each check is one comparison of whole columns; a refused cell is unknown and trips nothing.
Next: `trial`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial.data.doses import (
    cycle_order,
    dose_slips,
    infusion_dates,
    infusions_twice,
    suspected_height,
    suspected_weight,
    weights_of_a_day,
)
from pnstrial.data.findings import Finding
from pnstrial.data.folder import Folder, at_positions
from pnstrial.data.schema import CREATININE_SLIP, TABLES
from pnstrial.frames import value_of
from pnstrial.writing import like_a_formula

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pnstrial.data.allowed import Allowed
    from pnstrial.data.findings import Severity
    from pnstrial.data.parsing import ParsedTable

    Mask = NDArray[np.bool_]
    Tables = Mapping[str, ParsedTable]

__all__ = [
    "consistency_findings",
    "earliest_day",
    "latest_day",
    "plus_months",
]

_DATED = {
    "screening": ("consent_date", "enrolment_date"),
    "medications": ("start_date", "stop_date"),
    "infusions": ("date",),
    "mrs": ("date",),
    "scales": ("date",),
    "adverse_events": ("start_date", "end_date"),
    "follow_up": ("last_contact_date", "death_date"),
}


def plus_months(days: Any, months: int) -> NDArray[np.datetime64]:
    """Add calendar months to dates; the day is capped at the end of the month (31 August + 6 = 28 or 29 February).

    Parameters
    ----------
    days : array of datetime64
    months : int

    Returns
    -------
    numpy.ndarray of datetime64[D]

    Examples
    --------
    >>> plus_months(np.array(["2014-08-31"], dtype="datetime64[D]"), 6)
    array(['2015-02-28'], dtype='datetime64[D]')
    """
    exact = np.asarray(days).astype("datetime64[D]")
    month = exact.astype("datetime64[M]")
    day = exact - month.astype("datetime64[D]")
    later = month + np.timedelta64(months, "M")
    last = (later + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.minimum(later.astype("datetime64[D]") + day, last)


def _possible_day(partial: pd.Series, *, last: bool) -> NDArray[np.datetime64]:
    codes, distinct = pd.factorize(partial.to_numpy(dtype=object), use_na_sentinel=True)
    days: list[np.datetime64] = []
    for text in distinct:
        first = np.datetime64((f"{text}-01-01")[:10], "D")
        unit: Any = {4: "Y", 7: "M", 10: "D"}[len(text)]
        after = (first.astype(f"datetime64[{unit}]") + np.timedelta64(1, unit)).astype("datetime64[D]")
        days.append(after - np.timedelta64(1, "D") if last else first)
    found = np.array([*days, np.datetime64("NaT", "D")], dtype="datetime64[D]")
    return found[codes]


def earliest_day(partial: pd.Series) -> NDArray[np.datetime64]:
    """Give the first day that a partial date can mean: 2014-03 is 2014-03-01."""
    return _possible_day(partial, last=False)


def latest_day(partial: pd.Series) -> NDArray[np.datetime64]:
    """Give the last day that a partial date can mean: 2014 is 2014-12-31."""
    return _possible_day(partial, last=True)


def consistency_findings(
    tables: Tables, absent: Mapping[str, tuple[str, str]], allowed: Allowed
) -> list[Finding]:
    """Check the tables of a folder against themselves and each other.

    Parameters
    ----------
    tables : mapping of str to ParsedTable
        The tables that are there.
    absent : mapping of str to tuple of str
        For each table that is not: where it would stand, and how it comes in.
    allowed : Allowed
        Words and ranges of the protocol.
    """
    folder = Folder(tables, allowed)
    for check in (
        _patients,
        _spans,
        _deaths,
        _records_after_death,
        _death_grades,
        infusions_twice,
        _duplicates,
        _raters,
        _formulas,
        _unit_slips,
        dose_slips,
        _screening_dates,
        _far_dates,
        infusion_dates,
        _follow_up_rows,
        cycle_order,
        weights_of_a_day,
        _blank_and_late_ratings,
    ):
        check(folder)
    for name in ("medications", "infusions", allowed.rated_in, "follow_up"):
        if name in absent:
            file, remedy = absent[name]
            remedy += ", or know that what needs it is unknown"
            rule = "this table is absent"
            folder.findings.append(Finding(file, None, None, None, None, rule, "warning", remedy))
    return folder.findings


def _patients(folder: Folder) -> None:
    for name in ("screening", "follow_up"):
        patient = folder.frame(name)["patient_id"]
        folder.report(
            name,
            patient.duplicated() & patient.notna(),
            "patient_id",
            "a patient has one row in this table",
            "error",
            "keep one row, or correct the identifier",
        )
    screening = folder.tables.get("screening")
    if screening is None or not screening.readable:
        return
    screened = set(screening.frame["patient_id"].dropna()) | screening.ragged_patients
    for name in tuple(TABLES)[1:]:
        patient = folder.frame(name)["patient_id"]
        folder.report(
            name,
            patient.notna() & ~patient.isin(screened),
            "patient_id",
            "the patient must be in screening",
            "error",
            "correct the identifier, or add the patient to screening.csv",
        )
    enrolment = folder.of_patient(folder.screening, "infusions", "enrolment_date")
    refused = _marked(folder, "infusions", "enrolment_date", folder.screening)
    patient = folder.frame("infusions")["patient_id"]
    seen = patient.isin(set(screening.frame["patient_id"].dropna()))
    folder.report(
        "infusions",
        seen & enrolment.isna() & ~refused,
        "patient_id",
        "only an enrolled patient is infused",
        "error",
        "fill in enrolment_date in screening.csv, or remove the infusion",
    )


def _marked(folder: Folder, name: str, column: str, by_patient: pd.DataFrame) -> pd.Series:
    """Tell for each row of a table whether the patient's cell in another table was refused."""
    patient = folder.frame(name)["patient_id"]
    if f"bad {column}" not in by_patient:
        return pd.Series(data=False, index=patient.index)
    return value_of(patient, by_patient[f"bad {column}"]).eq(True)


def _spans(folder: Folder) -> None:
    for name, last in (("medications", "stop_date"), ("adverse_events", "end_date")):
        frame = folder.frame(name)
        folder.report(
            name,
            frame[last] < frame["start_date"],
            last,
            f"{last} must not be before start_date",
            "error",
            "correct one of the two dates",
        )


def _deaths(folder: Folder) -> None:
    table = folder.tables.get("follow_up")
    if table is None or not table.readable:
        return
    frame = table.frame
    usable = ~table.refused("status") & ~table.refused("death_date")
    dead = (frame["status"] == "dead").to_numpy()
    dated = frame["death_date"].notna().to_numpy()
    folder.report(
        "follow_up",
        usable & dead & ~dated,
        "death_date",
        "a dead patient must have a death_date",
        "error",
        "fill in the date of death, or correct the status",
    )
    folder.report(
        "follow_up",
        usable & ~dead & dated,
        "death_date",
        "only a patient with status dead has a death_date",
        "error",
        "set status to dead, or remove the date",
    )


def _records_after_death(folder: Folder) -> None:
    records = [
        ("screening", "screening_date", None),
        ("medications", "start_date", None),
        ("infusions", "date", None),
        ("mrs", "date", "mrs"),
        ("scales", "date", "score"),
        ("adverse_events", "start_date", None),
        ("follow_up", "last_contact_date", None),
    ]
    for name, column, filled in records:
        frame = folder.frame(name)
        death = folder.of_patient(folder.follow_up, name, "death_date")
        late = frame[column] > death
        if filled is not None:
            late &= frame[filled].notna()
        folder.report(
            name,
            late,
            column,
            "no record may be dated after the patient's death",
            "error",
            "correct this date, or death_date in follow_up.csv",
        )


def _death_grades(folder: Folder) -> None:
    """Look for grades that are death on another day than that of a death."""
    table = folder.tables.get("follow_up")
    if table is not None and not table.readable:
        return
    own = [("screening", "screening_date", "mrs", "mRS", 6.0), ("mrs", "date", "mrs", "mRS", 6.0)]
    own += [
        ("scales", "date", "score", scale.name, scale.dead)
        for scale in folder.allowed.scales
        if scale.dead is not None
    ]
    for name, dated, column, scale, dead in own:
        frame = folder.frame(name)
        death = folder.of_patient(folder.follow_up, name, "death_date")
        unknown = _marked(folder, name, "death_date", folder.follow_up)
        unknown |= frame[dated].isna()
        if table is not None:
            unknown |= frame["patient_id"].isin(table.ragged_patients)
        at_death = frame[column] == dead
        if name == "scales":
            at_death &= frame["scale"] == scale
        folder.report(
            name,
            at_death & ~(frame[dated] == death) & ~unknown,
            column,
            f"{scale} {dead:g} is death: it may stand only on the death_date of a dead patient",
            "error",
            "record the death in follow_up.csv, or correct the rating",
        )


def _duplicates(folder: Folder) -> None:
    _twice(
        folder,
        "mrs",
        "mrs",
        ["patient_id", "date", "rater"],
        "two different ratings by one rater on a day",
        "error",
    )
    _twice(
        folder,
        "scales",
        "score",
        ["patient_id", "date", "scale"],
        "two different scores of a scale on a day",
        "warning",
    )


def _raters(folder: Folder) -> None:
    """Look for two raters who differ on a patient and a day: one finding for each such day, where it shows first."""
    ratings = folder.frame("mrs").reset_index()
    ratings["position"] = np.arange(len(ratings))
    used = ratings[["patient_id", "date", "mrs"]].notna().all(axis=1) & (ratings["mrs"] != 6)
    rows = ratings.loc[used].fillna({"rater": ""})
    days = rows.groupby(["patient_id", "date"], sort=False)
    several = rows[(days["mrs"].transform("nunique") > 1) & (days["rater"].transform("nunique") > 1)]
    found: list[int] = []
    for _, day in several.groupby(["patient_id", "date"], sort=False):
        seen: list[tuple[Any, Any]] = []
        for value, rater, position in zip(day["mrs"], day["rater"], day["position"], strict=True):
            if any(value != other and rater != who for other, who in seen):
                found.append(position)
                break
            seen.append((value, rater))
    folder.report(
        "mrs",
        at_positions(pd.Series(found, dtype=int), len(ratings)),
        "mrs",
        "raters differ on this day; the lowest counts at baseline, the highest after it",
        "warning",
        "check both ratings, or name the primary_rater in the protocol",
    )


def _twice(folder: Folder, name: str, value: str, key: list[str], rule: str, severity: Severity) -> None:
    frame = folder.frame(name)
    used = frame[value].notna() & frame["patient_id"].notna() & frame["date"].notna()
    if name == "mrs":
        used &= frame["mrs"] != 6
    else:
        used &= frame["scale"].notna()
    rows = frame.loc[used, [*dict.fromkeys([*key, value])]].fillna({"rater": ""} if "rater" in key else {})
    same = rows.duplicated()
    first = rows.groupby(key, dropna=False)[value].transform("first")
    position = pd.Series(data=False, index=range(len(frame)))
    where = np.flatnonzero(used.to_numpy())
    different = position.copy()
    different.iloc[where] = (rows[value] != first).to_numpy() & ~same.to_numpy()
    folder.report(name, different, value, f"there must not be {rule}", severity, "keep the right one")
    repeated = position
    repeated.iloc[where] = same.to_numpy()
    noun = "rating" if name == "mrs" else "score"
    folder.report(
        name, repeated, value, f"the same {noun} is entered twice", "warning", "remove one of the rows"
    )


def _formulas(folder: Folder) -> None:
    """Look for text that a spreadsheet would take for a formula."""
    for name, table in folder.tables.items():
        for column, texts in table.texts.items():
            listed = TABLES[name].by_name.get(column)
            if listed is not None and listed.kind not in {"id", "text"}:
                continue
            codes, distinct = pd.factorize(np.array(texts, dtype=object))
            risky = np.array([like_a_formula(str(text)) for text in distinct], dtype=bool)
            if risky.any():
                folder.report(
                    name,
                    risky[codes],
                    column,
                    "a spreadsheet takes text that begins so for a formula",
                    "warning",
                    "write it without the sign, if it is not meant",
                )


def _unit_slips(folder: Folder) -> None:
    screening = folder.frame("screening")
    folder.report(
        "screening",
        screening["creatinine_umol_l"] <= CREATININE_SLIP,
        "creatinine_umol_l",
        "looks like mg/dL or mmol/L typed as umol/L; not used",
        "warning",
        "write umol/L (mg/dL x 88.4)",
    )
    folder.report(
        "screening",
        suspected_height(screening["height_cm"]),
        "height_cm",
        "a height is expected from 100 to 230 cm",
        "warning",
        "write the height in cm",
    )
    for name in ("screening", "infusions"):
        weight = folder.frame(name)["weight_kg"].to_numpy()
        folder.report(
            name,
            suspected_weight(weight),
            "weight_kg",
            "a weight is expected from 25 to 250 kg; not used",
            "warning",
            "write the weight in kg",
        )


def _screening_dates(folder: Folder) -> None:
    screening = folder.frame("screening")
    earliest = earliest_day(screening["symptom_onset_date"])
    screened = screening["screening_date"].to_numpy()
    folder.report(
        "screening",
        earliest > screened.astype("datetime64[D]"),
        "symptom_onset_date",
        "onset is expected on or before screening",
        "warning",
        "correct the onset or the screening date",
    )
    folder.report(
        "screening",
        screening["enrolment_date"] < screening["screening_date"],
        "enrolment_date",
        "enrolment is expected on or after screening",
        "warning",
        "correct one of the two dates",
    )


def _beyond(days: NDArray[Any], centre: NDArray[Any], years: int) -> Mask:
    exact = days.astype("datetime64[D]")
    return (exact > plus_months(centre, 12 * years)) | (exact < plus_months(centre, -12 * years))


def _far_dates(folder: Folder) -> None:
    if "screening" not in folder.tables:
        return
    for name, columns in _DATED.items():
        centre = (
            folder.of_patient(folder.screening, name, "screening_date").to_numpy().astype("datetime64[D]")
        )
        for column in columns:
            folder.report(
                name,
                _beyond(folder.frame(name)[column].to_numpy(), centre, 10),
                column,
                "a date is expected within 10 years of the patient's screening",
                "warning",
                "check the year",
            )
    screening = folder.frame("screening")
    folder.report(
        "screening",
        _beyond(latest_day(screening["symptom_onset_date"]), screening["screening_date"].to_numpy(), 30),
        "symptom_onset_date",
        "onset is expected within 30 years of screening",
        "warning",
        "check the year",
    )


def _follow_up_rows(folder: Folder) -> None:
    if "follow_up" not in folder.tables or not folder.tables["follow_up"].readable:
        return
    screening = folder.frame("screening")
    followed = (
        set(folder.frame("follow_up")["patient_id"].dropna()) | folder.tables["follow_up"].ragged_patients
    )
    folder.report(
        "screening",
        screening["enrolment_date"].notna()
        & screening["patient_id"].notna()
        & ~screening["patient_id"].isin(followed),
        "patient_id",
        "an enrolled patient is expected to have a row in follow_up",
        "warning",
        "add the row to follow_up.csv",
    )
    for name, column in (("medications", "stop_date"), ("adverse_events", "end_date")):
        death = folder.of_patient(folder.follow_up, name, "death_date")
        folder.report(
            name,
            folder.frame(name)[column] > death,
            column,
            "is closed after the patient's death",
            "warning",
            "correct this date, or death_date in follow_up.csv",
        )


def _blank_and_late_ratings(folder: Folder) -> None:
    """Look at the ratings of the endpoint's scale: visits without one, and ratings after the last contact."""
    name = folder.allowed.rated_in
    table = folder.tables.get(name)
    if table is None:
        return
    frame, column = table.frame, "mrs" if name == "mrs" else "score"
    own, dead = pd.Series(data=True, index=frame.index), 6.0
    if name == "scales":
        own = frame["scale"] == folder.allowed.rated_on
        grades = {scale.name: scale.dead for scale in folder.allowed.scales}
        dead = grades.get(folder.allowed.rated_on)
    folder.report(
        name,
        own & frame[column].isna() & ~table.refused(column) & table.readable,
        column,
        "a visit without rating; the row counts for nothing",
        "warning",
        "fill in the rating if there was one",
    )
    last = folder.of_patient(folder.follow_up, name, "last_contact_date")
    folder.report(
        name,
        own & frame[column].notna() & (frame[column] != dead) & (frame["date"] > last),
        "date",
        "a rating is expected on or before the last contact",
        "warning",
        "correct this date, or last_contact_date in follow_up.csv",
    )

"""How did the endpoint's scale, the other scales and the times to events of each patient come about, record by record?

Input: the derived visits, responses, scale changes and time-to-event records of the endpoint functions.
Output: the rows of ADMRS, ADEFF, ADSCALE and ADTTE.
Protocol section: visits, endpoint, estimand.
Method: ADaM Implementation Guide 1.3 (BDS). Nothing is decided here: which record counts, whether a patient
responded and when an event came is what `visits` and `endpoints` say; this module finds the record it came from.
Next: `derive`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from pnstrial import endpoints, rules, visits
from pnstrial.adam.specification import CODELISTS
from pnstrial.adam.subjects import clean, lines_of
from pnstrial.scales import scale_changes_of

if TYPE_CHECKING:
    from pnstrial.adam.subjects import Material
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import Scale

__all__ = [
    "CENSORING",
    "COMPETING",
    "TIME_CODES",
    "adeff_rows",
    "admrs_rows",
    "adscale_rows",
    "adtte_rows",
    "parameter_of",
]

MRS_CODE: Final = "MRS0101"
MRS_PARAM: Final = "MRS01-Modified Rankin Scale Score"
BASELINE: Final = "Baseline"
DEATH: Final = "Death"
"""AVALC of a death that lies beyond the scale."""
SCALE_CRITERION: Final = "Any change from baseline in the better direction"
_RESPONSE_FLAGS: Final = {"responder": "Y", "non-responder": "N", "excluded": None}
_ON_TREATMENT: Final = ("improved while on treatment", "not improved while on treatment")
_LOCF: Final = (
    "missing, improved at the last rating (LOCF)",
    "missing, not improved at the last rating (LOCF)",
)

TIME_CODES: Final = {
    "overall_survival": ("OS", "Overall Survival (days)"),
    "deterioration": ("TTD", "Time to {} Deterioration or Death (days)"),
    "improvement": ("TTI", "Time to {} Improvement (days)"),
}
"""PARAMCD and PARAM of each time; the braces are the endpoint's scale."""
COMPETING: Final = 2
CENSORING: Final = {
    1: "end of observation without the event",
    COMPETING: "death before the event, a competing event",
    3: "withdrawn",
    4: "lost to follow-up",
    5: "no rating after day 1",
}
"""What each positive CNSR means, the same under every parameter; 0 is the event."""
_OS_CENSORING: Final = {"alive": 1, "withdrawn": 3, "lost": 4}


def criterion_text(material: Material) -> str:
    """Word the response criterion with the estimand that decides it."""
    ways = "; ".join(f"{event}: {way}" for event, way in material.protocol.estimand.strategies().items())
    return f"{material.protocol.improvement_in_words()}; {ways}"


def parameter_of(protocol: Protocol, scale: Scale) -> tuple[str, str]:
    """Give PARAMCD and PARAM of a scale of the protocol; no two scales have one code."""
    if scale.table == "mrs":
        return MRS_CODE, MRS_PARAM
    codes: dict[str, str] = {}
    for one in protocol.scales:
        letters = re.sub(r"[^A-Z0-9]", "", one.name.upper()).lstrip("0123456789") or "SCALE"
        code, number = letters[:8], 2
        while code in codes.values():
            code, number = f"{letters[:6]}{number}", number + 1
        codes[one.name] = code
    return codes[scale.name], f"{scale.title} Score" if scale.title else f"{scale.name} Total Score"


# ------------------------------------------------------------------------------------------------ ADMRS, ADEFF
def admrs_rows(material: Material) -> list[dict[str, Any]]:
    """Give the rows of the mRS, where the protocol has it: the endpoint's, or those of one point on it."""
    for scale in material.protocol.scales:
        if scale.table == "mrs":
            return rating_rows(material.on_scale(scale.name))
    return []


def adeff_rows(material: Material) -> list[dict[str, Any]]:
    """Give the rows of the endpoint's scale, where that is not the mRS."""
    return [] if material.assessments.scale.table == "mrs" else rating_rows(material)


def rating_rows(material: Material) -> list[dict[str, Any]]:
    """Give every rating of the enrolled patients, and a row for each visit without one."""
    assessments = material.assessments
    start = assessments.once(visits.baseline).to_dict("index")
    chosen = {
        (row["patient_id"], row["visit"]): {str(key): clean(value) for key, value in row.items()}
        for row in material.derived.to_dict("records")
    }
    answers = _answers(material)
    rows: list[dict[str, Any]] = []
    ratings = _ratings(material)
    for patient in assessments.patients.index:
        base = start[patient]
        own = [
            row
            for rating in ratings.get(patient, [])
            for row in _rating_rows(material, patient, rating, base, chosen)
        ]
        for visit in material.protocol.visits:
            own += _derived_rows(material, patient, visit.name, chosen[patient, visit.name], answers)
        for row in own:
            key = (patient, row["AVISIT"])
            if row.get("ANL01FL") and key in answers:
                row["CRIT1"] = criterion_text(material)
                row["CRIT1FL"] = _RESPONSE_FLAGS[answers[key]["response"]]
                row["CRIT1RS"] = answers[key]["reason"]
        rows += _finished(material, patient, own, clean(base[f"baseline_{assessments.scale.column}"]))
    return rows


def _answers(material: Material) -> dict[tuple[str, str], dict[str, Any]]:
    """Ask the endpoint who responded, at every visit."""
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    for visit in material.protocol.visits:
        frame = endpoints.responders_of(material.assessments, visit.name)
        for row in frame.to_dict("records"):
            answers[str(row["patient_id"]), visit.name] = {str(key): value for key, value in row.items()}
    return answers


def _ratings(material: Material) -> dict[str, list[dict[str, Any]]]:
    """Gather the ratings and the score at screening of each enrolled patient, in order of time."""
    assessments = material.assessments
    scale = assessments.scale
    found: dict[str, list[dict[str, Any]]] = {}
    for patient, row in assessments.patients.iterrows():
        if (
            scale.table == "mrs"
            and clean(row["screening_mrs"]) is not None
            and row["screening_mrs"] != rules.DEAD
        ):
            found[str(patient)] = [
                {
                    "date": row["screening_date"],
                    "score": row["screening_mrs"],
                    "rater": None,
                    "table": "screening",
                    "line": int(row["screening_line"]),
                }
            ]
    for record in assessments.ratings.to_dict("records"):
        found.setdefault(str(record["patient_id"]), []).append(
            {
                **{name: record[name] for name in ("date", "rater", "line")},
                "score": record[scale.column],
                "table": scale.table,
            }
        )
    for ratings in found.values():
        ratings.sort(key=lambda rating: (rating["date"], rating["table"] != "screening", rating["line"]))
    return found


def _rating_rows(
    material: Material,
    patient: str,
    rating: dict[str, Any],
    base: dict[Any, Any],
    chosen: dict[tuple[str, str], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Make the row of a rating: one, or one for each visit whose window holds it."""
    day = material.day_number(rating["date"], patient) or 0
    row: dict[str, Any] = {
        "AVAL": rating["score"],
        "ADT": rating["date"],
        "ADY": day,
        "AVISIT": None,
        "RATER": rating["rater"],
        "SRCDOM": rating["table"],
        "SRCVAR": material.assessments.scale.column,
        "SRCSEQ": rating["line"],
    }
    if (rating["table"], rating["line"]) == (base["source_table"], clean(base["source_line"])):
        return [{**row, "AVISIT": BASELINE, "ABLFL": "Y"}]
    names = material.visits_of(day, patient) if day > 1 and rating["table"] != "screening" else []
    if not names:
        return [row]
    return [
        {**row, "AVISIT": name, "ANL01FL": "Y" if _counts(chosen[patient, name], rating) else None}
        for name in names
    ]


def _counts(value: dict[str, Any], rating: dict[str, Any]) -> bool:
    return value["derivation"] == visits.OBSERVED and value["source_line"] == rating["line"]


def _derived_rows(
    material: Material,
    patient: str,
    visit: str,
    value: dict[str, Any],
    answers: dict[tuple[str, str], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Make the rows of a visit that no rating of its window gives: death, carried forward, expected."""
    reason = answers[patient, visit]["reason"]
    rows: list[dict[str, Any]] = []
    if value["derivation"] == visits.DEATH:
        line = _follow_up_lines(material).get(patient)
        source = {"SRCDOM": "follow_up", "SRCVAR": "death_date", "SRCSEQ": line}
        score = value[material.assessments.scale.column]
        row = {"AVAL": score, "ADT": value["date"], "ADY": value["day"], "DTYPE": "DEATH", **source}
        rows.append({**row, "AVISIT": visit, "ANL01FL": "Y"})
    if reason in _ON_TREATMENT:
        carried = _carried(material, patient, _on_treatment_until(material, patient))
        counts = "Y" if value["derivation"] == visits.MISSING else None
        rows.append({**carried, "AVISIT": visit, "DTYPE": "LOCF", "ANL01FL": counts})
    elif value["derivation"] == visits.MISSING:
        row: dict[str, Any] = {"DTYPE": "NRI"}
        if reason in _LOCF:
            planned = material.protocol.visit(visit)
            row = _carried(
                material, patient, material.assessments.date_at(planned, planned.last_day)[patient]
            )
            row["DTYPE"] = "LOCF"
        elif reason.endswith("(best case)"):
            row["DTYPE"] = "BC"
        elif answers[patient, visit]["response"] == "excluded":
            row["DTYPE"] = "EXPECTED"
        rows.append({**row, "AVISIT": visit, "ANL01FL": "Y"})
    return rows


def _follow_up_lines(material: Material) -> dict[str, int]:
    frame = lines_of(material.trial.follow_up).drop_duplicates("patient_id")
    return dict(zip(frame["patient_id"], frame["line"], strict=True))


def _on_treatment_until(material: Material, patient: str) -> Any:
    days = pd.Timedelta(days=material.protocol.endpoint.on_treatment_days)
    return material.assessments.patients["last_dose"][patient] + days


def _carried(material: Material, patient: str, until: Any) -> dict[str, Any]:
    """Find the rating that is carried forward: the last after day 1 and up to a date."""
    later = material.assessments.later
    last = later[(later["patient_id"] == patient) & (later["date"] <= until)].iloc[-1]
    return {
        "AVAL": last[material.assessments.scale.column],
        "ADT": last["date"],
        "ADY": last["day"],
        "RATER": clean(last["rater"]),
        "SRCDOM": material.assessments.scale.table,
        "SRCVAR": material.assessments.scale.column,
        "SRCSEQ": int(last["line"]),
    }


def _finished(
    material: Material, patient: str, own: list[dict[str, Any]], base: float | None
) -> list[dict[str, Any]]:
    """Add what every row of ADMRS and ADEFF carries, in order of time."""
    targets = material.visit_numbers | {BASELINE: 0}
    scale = material.assessments.scale
    code, label = parameter_of(material.protocol, scale)
    carried = {**material.carried(patient), "PARAM": label, "PARAMCD": code, "BASE": base}
    own.sort(
        key=lambda row: (
            row.get("ADY") or targets[row["AVISIT"]],
            row.get("DTYPE") or "",
            targets.get(row["AVISIT"], 0),
        )
    )
    for number, row in enumerate(own, 1):
        value = clean(row.get("AVAL"))
        row |= {**carried, "ASEQ": number, "AVISITN": targets.get(row["AVISIT"])}
        row["AVALC"] = _grade_in_words(scale, value, dead=row.get("DTYPE") == "DEATH")
        after = (row.get("ADY") or 0) > 1
        row["CHG"] = value - base if after and value is not None and base is not None else None
    return own


def _grade_in_words(scale: Scale, value: float | None, *, dead: bool) -> str | None:
    if scale.table == "mrs":
        return None if value is None else CODELISTS["MRS"].terms[int(value)]
    if dead:
        return DEATH
    return None if value is None else scale.wording.get(f"{value:g}", f"{value:g}")


# ----------------------------------------------------------------------------------------------------- ADSCALE
def adscale_rows(material: Material) -> list[dict[str, Any]]:
    """Give every score of the enrolled patients on the further scales."""
    changes = material.assessments.once(scale_changes_of)
    base: dict[tuple[str, str], tuple[Any, Any]] = {}
    counts: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    for row in changes.to_dict("records"):
        patient, scale = str(row["patient_id"]), str(row["scale"])
        base[patient, scale] = (clean(row["baseline"]), clean(row["baseline_line"]))
        counts[patient, scale, str(row["visit"])] = (clean(row["source_line"]), clean(row["improved"]))
    table = lines_of(material.trial.scales)
    table = table[table["score"].notna() & table["patient_id"].isin(material.assessments.patients.index)]
    table = table[table["scale"] != material.assessments.scale.name]
    place = {patient: position for position, patient in enumerate(material.assessments.patients.index)}
    scales = [scale.name for scale in material.protocol.scales]
    records = sorted(
        table.to_dict("records"),
        key=lambda row: (place[row["patient_id"]], scales.index(row["scale"]), row["date"], row["line"]),
    )
    rows: list[dict[str, Any]] = []
    sequence: dict[str, int] = {}
    for record in records:
        patient, scale = str(record["patient_id"]), str(record["scale"])
        value, line = base.get((patient, scale), (None, None))
        for row in _score_rows(material, {str(k): v for k, v in record.items()}, value, line, counts):
            sequence[patient] = sequence.get(patient, 0) + 1
            rows.append({**row, "ASEQ": sequence[patient]})
    return rows


def _score_rows(
    material: Material,
    record: dict[str, Any],
    base: float | None,
    base_line: Any,
    counts: dict[tuple[str, str, str], tuple[Any, Any]],
) -> list[dict[str, Any]]:
    patient, scale, line = record["patient_id"], record["scale"], record["line"]
    day = material.day_number(record["date"], patient) or 0
    targets = material.visit_numbers | {BASELINE: 0}
    code, label = parameter_of(material.protocol, material.protocol.scale(scale))
    row: dict[str, Any] = {
        **material.carried(patient),
        "PARAM": label,
        "PARAMCD": code,
        "AVAL": record["score"],
        "BASE": base,
        "CHG": record["score"] - base if day > 1 and base is not None else None,
        "ADT": record["date"],
        "ADY": day,
        "SRCDOM": "scales",
        "SRCVAR": "score",
        "SRCSEQ": line,
    }
    if line == base_line:
        return [{**row, "AVISIT": BASELINE, "AVISITN": 0, "ABLFL": "Y"}]
    names = material.visits_of(day, patient) if day > 1 else []
    rows: list[dict[str, Any]] = []
    for name in names:
        chosen, improved = counts.get((patient, scale, name), (None, None))
        own = {**row, "AVISIT": name, "AVISITN": targets[name]}
        if line == chosen:
            flag = None if improved is None else "Y" if improved else "N"
            own |= {"ANL01FL": "Y", "CRIT1": SCALE_CRITERION, "CRIT1FL": flag}
        rows.append(own)
    return rows or [row]


# ------------------------------------------------------------------------------------------------------- ADTTE
def adtte_rows(material: Material) -> list[dict[str, Any]]:
    """Give the time-to-event records, each with its reason for censoring and its source."""
    records = material.assessments.once(endpoints.times_of)
    status = (
        material.trial.follow_up.drop_duplicates("patient_id").set_index("patient_id")["status"].to_dict()
    )
    place = {patient: position for position, patient in enumerate(material.assessments.patients.index)}
    order = list(TIME_CODES)
    rows: list[dict[str, Any]] = []
    listed = sorted(
        records.to_dict("records"), key=lambda r: (place[r["patient_id"]], order.index(r["parameter"]))
    )
    for record in listed:
        patient, parameter = str(record["patient_id"]), str(record["parameter"])
        code, label = TIME_CODES[parameter]
        on_day_1 = record["source_table"] == "day 1"
        censor = _censor(parameter, int(record["event"]), status.get(patient), on_day_1=on_day_1)
        rows.append(
            {
                **material.carried(patient),
                "PARAM": label.format(material.protocol.endpoint.scale),
                "PARAMCD": code,
                "AVAL": record["days"],
                "STARTDT": record["start_date"],
                "ADT": record["date"],
                "CNSR": censor,
                "EVNTDESC": CENSORING[censor] if censor else record["description"],
                "CNSDTDSC": _censor_date(parameter, censor, on_day_1=on_day_1),
                "SRCDOM": "ADSL" if on_day_1 else record["source_table"],
                "SRCVAR": "DAY1DT" if on_day_1 else record["source_column"],
                "SRCSEQ": clean(record["source_line"]),
            }
        )
    return rows


def _censor(parameter: str, event: int, status: str | None, *, on_day_1: bool) -> int:
    if event == 1:
        return 0
    if event == COMPETING:
        return COMPETING
    if parameter == "overall_survival":
        return _OS_CENSORING.get(status or "alive", 1)
    return 5 if on_day_1 else 1


def _censor_date(parameter: str, censor: int, *, on_day_1: bool) -> str | None:
    if censor == 0:
        return None
    if censor == COMPETING:
        return "death"
    if parameter == "overall_survival":
        return "last contact"
    return "day 1" if on_day_1 else "last rating"

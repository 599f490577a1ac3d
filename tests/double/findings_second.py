"""The findings of the trial's rules a second time, in plain Python, from the text of the rules only.

``findings(folder)`` lists every finding with its file, line, patient, column and severity. Where the rules
leave open which of several cells a finding stands at, ``Finding`` carries every place that they allow;
where they leave open whether there is one, it is not ``sure``. The line is the one on which the record
starts: the header is line 1, blank lines and line breaks inside quotes count.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import rules_second as rules

D, N, T = "date", "number", "text"
YES_NO = ("yes", "no")
ANTIBODIES = (
    "hu",
    "yo",
    "cv2",
    "ri",
    "ma2",
    "amphiphysin",
    "tr",
    "sox1",
    "vgcc",
    "nmdar",
    "lgi1",
    "caspr2",
    "gabab",
    "ampar",
    "other",
    "crmp5",
    "cv2/crmp5",
)
OVER_0 = "over 0"
SYNDROMES = (
    "cerebellar",
    "sensory neuronopathy",
    "limbic",
    "encephalomyelitis",
    "brainstem",
    "opsoclonus-myoclonus",
    "lems",
    "other",
)
CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

# the optional columns that criteria, dose or endpoint ask for, and who asks
NEEDED = {
    "screening": {
        "enrolment_date": "always",
        "pns_level": "I1",
        "antibody_serum": "I2",
        "antibody_csf": "I2",
        "symptom_onset_date": "I3",
        "mrs": "always",
        "deterioration_3_weeks": "I5",
        "consent_date": "I6",
        "age": "E4",
        "sex": "E4",
        "weight_kg": "always",
        "creatinine_umol_l": "E4",
        "ivig_hypersensitivity": "E2",
        "iga_deficiency": "E2",
        "thrombophilia": "E3",
        "hepatic_insufficiency": "E5",
        "cardiac_insufficiency": "E5",
        "pregnant_or_lactating": "E6",
    },
    "medications": {"start_date": "E1", "stop_date": "E1", "atc": "E1", "indication": "E1"},
    "infusions": {"weight_kg": "always"},
    "scales": {"score": "always"},
    "follow_up": {"death_date": "always"},
}

# column -> (required cell, kind, what is allowed)
COLUMNS = {
    "screening": {
        "patient_id": (True, T, None),
        "site": (False, T, None),
        "screening_date": (True, D, None),
        "consent_date": (False, D, None),
        "enrolment_date": (False, D, None),
        "age": (False, N, (0, 120, "whole")),
        "sex": (False, "word", ("female", "male")),
        "weight_kg": (False, N, OVER_0),
        "height_cm": (False, N, OVER_0),
        "symptom_onset_date": (False, "partial", None),
        "pns_level": (False, "word", ("definite", "probable", "possible", "none")),
        "antibody_serum": (False, "antibodies", None),
        "antibody_csf": (False, "antibodies", None),
        "cancer": (False, T, None),
        "syndrome": (False, "loose word", SYNDROMES),
        "pns_phenotype": (False, "word", ("high", "intermediate", "other")),
        "cancer_relation": (False, "word", ("consistent", "not consistent", "none")),
        "cancer_search_years": (False, N, (0, None, "")),
        "mrs": (False, N, (0, 6, "whole")),
        "deterioration_3_weeks": (False, "word", YES_NO),
        "creatinine_umol_l": (False, N, OVER_0),
        "ivig_hypersensitivity": (False, "word", YES_NO),
        "iga_deficiency": (False, "word", YES_NO),
        "thrombophilia": (False, "word", YES_NO),
        "hepatic_insufficiency": (False, "word", YES_NO),
        "cardiac_insufficiency": (False, "word", YES_NO),
        "pregnant_or_lactating": (False, "word", YES_NO),
    },
    "medications": {
        "patient_id": (True, T, None),
        "medication": (True, T, None),
        "atc": (False, T, None),
        "indication": (False, "word", ("pns", "tumour", "premedication", "other", "trial")),
        "start_date": (False, D, None),
        "stop_date": (False, D, None),
    },
    "infusions": {
        "patient_id": (True, T, None),
        "cycle": (True, N, (1, 6, "whole")),
        "date": (True, D, None),
        "dose_g": (True, N, (0, None, "any")),
        "weight_kg": (False, N, OVER_0),
    },
    "mrs": {
        "patient_id": (True, T, None),
        "date": (True, D, None),
        "mrs": (None, N, (0, 6, "whole")),
        "visit": (False, T, None),
        "rater": (False, T, None),
    },
    "scales": {
        "patient_id": (True, T, None),
        "date": (True, D, None),
        "scale": (True, "word", ("barthel", "icars", "onls")),
        "score": (False, N, "scale"),
    },
    "adverse_events": {
        "patient_id": (True, T, None),
        "term": (True, T, None),
        "start_date": (True, D, None),
        "end_date": (False, D, None),
        "grade": (False, N, (1, 5, "whole")),
        "serious": (False, "word", YES_NO),
        "related": (False, "word", YES_NO),
        "action": (False, "word", ("none", "interrupted", "stopped")),
    },
    "follow_up": {
        "patient_id": (True, T, None),
        "last_contact_date": (True, D, None),
        "status": (True, "word", ("alive", "dead", "withdrawn", "lost")),
        "death_date": (False, D, None),
        "death_cause": (False, "word", ("tumour", "neurological", "other")),
    },
}


@dataclass(frozen=True)
class Finding:
    """One finding; ``lines`` and ``columns`` hold every place that the rules allow for it."""

    file: str
    lines: tuple
    patient_id: str | None
    columns: tuple
    severity: str
    rule: str
    sure: bool = True

    def matches(self, other):
        """Whether a finding of the package (a dict) is this one."""
        return (
            other["severity"] == self.severity
            and (other["file"] == self.file or (self.file == "*"))
            and ("*" in self.lines or other["line"] in self.lines)
            and ("*" in self.columns or other["column"] in self.columns)
            and (self.patient_id == "*" or (other["patient_id"] or None) == self.patient_id)
        )


@dataclass
class Table:
    """A file as it was read: header, records with their line, and whether the structure held."""

    header: list
    records: list  # (line, row as dict of trimmed text)
    sound: bool = True


class Reader:
    """Reads a folder and gathers what is wrong with the files themselves and with single cells."""

    def __init__(self, folder):
        if isinstance(folder, (str, Path)):
            folder = {p.name: p.read_bytes() for p in sorted(Path(folder).glob("*.csv"))}
        self.found = []
        self.tables = {}
        for name, columns in COLUMNS.items():
            data = folder.get(name + ".csv")
            if data is None:
                self.tables[name] = None
                if name in {"medications", "infusions", "mrs", "follow_up"}:
                    self.note(name, (None,), None, (None,), "warning", "table absent")
                continue
            raw = data if isinstance(data, bytes) else data.encode()
            self.tables[name] = self.table(name, columns, raw)

    def note(self, name, lines, patient, columns, severity, rule, *, sure=True):
        self.found.append(Finding(name + ".csv", tuple(lines), patient, tuple(columns), severity, rule, sure))

    def broken(self, name, line, rule, column=None):
        self.note(name, (line,), "*", (column, None), "error", rule)
        return Table([], [], sound=False)

    def table(self, name, columns, raw):
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            self.note(name, (line, None, 1), "*", ("*",), "error", "not UTF-8")
            return Table([], [], sound=False)
        if "\0" in text:
            return self.broken(name, text[: text.index("\0")].count("\n") + 1, "NUL byte")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows, start = [], 1
        try:
            for cells in reader:
                trimmed = [cell.strip() for cell in cells]
                if trimmed and trimmed != [""]:
                    rows.append((start, trimmed))
                start = reader.line_num + 1
        except csv.Error:
            return self.broken(name, start, "quotes")
        if not rows:
            return self.broken(name, 1, "no header")
        first, header = rows[0]
        if len(header) == 1 and re.search(r"[;\t|]", header[0]):
            return self.broken(name, first, "separator")
        sound = True
        twice = {h for h in header if header.count(h) > 1}
        for h in sorted(twice):
            self.note(name, (first,), None, (h,), "error", "header twice")
            sound = False
        body = []
        for line, cells in rows[1:]:
            if len(cells) != len(header):
                self.note(name, (line,), "*", ("*",), "error", "ragged row")
                sound = False
            else:
                body.append((line, dict(zip(header, cells, strict=True))))
        absent = [c for c in columns if c not in header]
        for c in absent:
            if columns[c][0] is not False:
                self.note(name, (first,), None, (c,), "error", "required column absent")
                sound = False
        for h in header:
            near = [c for c in absent if h not in columns and nearly(h, c)]
            if near:
                self.note(name, (first,), None, (h, *near), "warning", "misspelt header")
        return Table(header, [(line, self.cells(name, columns, line, row)) for line, row in body], sound)

    def cells(self, name, columns, line, row):
        """The row with its bad cells blanked, each of them noted."""
        patient = row.get("patient_id") or None
        clean = dict(row)
        for column, (required, kind, allowed) in columns.items():
            if column not in row:
                continue
            cell = row[column]
            rule = None
            if CONTROL.search(cell):
                rule = "control character"
            elif not cell:
                rule = "required cell blank" if required else None
            elif not allowed_cell(cell, kind, allowed, row):
                rule = "cell"
            if rule:
                self.note(name, (line,), patient, (column,), "error", rule)
                clean[column] = ""
                clean["!"] = (*clean.get("!", ()), column)
            elif cell and kind == "loose word" and cell.lower() not in allowed:
                self.note(name, (line,), patient, (column,), "warning", "no such syndrome")
                clean[column] = ""
        for column in row.keys() - columns.keys():
            if CONTROL.search(row[column]):
                self.note(name, (line,), patient, (column,), "error", "control character")
        return clean


def allowed_cell(cell, kind, allowed, row):
    """Whether a cell that is not blank is what its column may hold."""
    if kind in {T, "loose word"}:
        return True
    if kind == D:
        return rules.parse_date(cell) is not None
    if kind == "partial":
        return rules.partial_date(cell) is not None
    if kind == "word":
        return cell.lower() in allowed
    if kind == "antibodies":
        parts = [p.strip().lower() for p in cell.split(";")]
        return parts == ["none"] or all(p in ANTIBODIES for p in parts)
    value = rules.parse_number(cell)
    if value is None:
        return False
    if allowed == OVER_0:
        return value > 0
    if allowed == "scale":
        top = {s.lower(): top for s, (_, top) in rules.SCALES.items()}.get(row.get("scale", "").lower())
        return value >= 0 and (top is None or value <= top)
    low, high, whole = allowed
    return value >= low and (high is None or value <= high) and (whole != "whole" or value.denominator == 1)


def nearly(header, column):
    """Same word but for case, spaces, punctuation or one letter."""

    def bare(text):
        return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())

    a, b = bare(header), bare(column)
    if a == b:
        return True
    if not a:
        return False
    if len(a) > len(b):
        a, b = b, a
    if len(a) + 1 == len(b):
        return any(b[:i] + b[i + 1 :] == a for i in range(len(b)))
    if len(a) != len(b):
        return False
    differ = [i for i in range(len(a)) if a[i] != b[i]]
    return len(differ) == 1 or (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and a[differ[0]] == b[differ[1]]
        and a[differ[1]] == b[differ[0]]
    )


# ----------------------------------------------------------------------------------- across the tables


class Checker(Reader):
    """Adds what only several cells, rows or tables together show."""

    def __init__(self, folder, protocol="publication"):
        super().__init__(folder)
        self.protocol = protocol
        self.known = self.tables["screening"] is not None and self.tables["screening"].sound
        self.screened = {}
        for line, row in self.rows("screening"):
            pid = row.get("patient_id")
            if pid and pid in self.screened:
                self.note("screening", (line,), pid, ("patient_id",), "error", "patient twice")
            elif pid:
                self.screened[pid] = (line, row)
        self.followed = {}
        for line, row in self.rows("follow_up"):
            pid = row.get("patient_id")
            if pid and pid in self.followed:
                self.note("follow_up", (line,), pid, ("patient_id",), "error", "patient twice")
            elif pid:
                self.followed[pid] = (line, row)
        self.patients_and_times()
        self.deaths_and_mrs_6()
        self.duplicates()
        self.header_and_file_warnings()
        self.date_warnings()
        self.slip_warnings()
        if self.known:
            self.patient_warnings()

    def rows(self, name):
        table = self.tables[name]
        return table.records if table else []

    def date(self, row, column):
        return rules.parse_date(row.get(column, ""))

    def death(self, pid):
        row = self.followed.get(pid, (0, {}))[1]
        return self.date(row, "death_date")

    # ------------------------------------------------------------------------------------- errors

    def patients_and_times(self):
        for name in COLUMNS:
            for line, row in self.rows(name):
                pid = row.get("patient_id")
                if name != "screening" and pid and self.known and pid not in self.screened:
                    self.note(name, (line,), pid, ("patient_id",), "error", "unknown patient")
                elif name == "infusions" and pid in self.screened:
                    patient = self.screened[pid][1]
                    if not patient.get("enrolment_date"):
                        sure = "enrolment_date" not in patient.get("!", ())
                        self.note(
                            name,
                            (line,),
                            pid,
                            ("patient_id", "enrolment_date"),
                            "error",
                            "infusion of un-enrolled",
                            sure=sure,
                        )
                for first, last in (("start_date", "stop_date"), ("start_date", "end_date")):
                    a, b = self.date(row, first), self.date(row, last)
                    if name in {"medications", "adverse_events"} and a and b and b < a:
                        self.note(name, (line,), pid or None, (last,), "error", "stop before start")

    def deaths_and_mrs_6(self):
        for pid, (line, row) in self.followed.items():
            bad = row.get("!", ())
            dead, dated = row.get("status", "").lower() == "dead", bool(row.get("death_date"))
            if dead and not dated and "death_date" not in bad:
                self.note("follow_up", (line,), pid, ("death_date",), "error", "dead without date")
            if dated and row.get("status") and not dead:
                self.note(
                    "follow_up",
                    (line,),
                    pid,
                    ("death_date", "status"),
                    "error",
                    "death date of a living patient",
                )
        after = (
            ("screening", "screening_date"),
            ("mrs", "date"),
            ("scales", "date"),
            ("infusions", "date"),
            ("adverse_events", "start_date"),
            ("medications", "start_date"),
            ("follow_up", "last_contact_date"),
        )
        for name, column in after:
            for line, row in self.rows(name):
                pid, day = row.get("patient_id"), self.date(row, column)
                death = self.death(pid)
                if pid and day and death and day > death:
                    blank = name == "mrs" and not row.get("mrs")
                    living = self.followed[pid][1].get("status", "").lower() != "dead"
                    self.note(
                        name, (line,), pid, (column,), "error", "after death", sure=not blank and not living
                    )
        for name, column in (("mrs", "date"), ("screening", "screening_date")):
            for line, row in self.rows(name):
                pid = row.get("patient_id") or None
                if rules.parse_number(row.get("mrs", "")) == 6:
                    death, follow = self.death(pid), self.followed.get(pid, (0, {}))[1]
                    day = self.date(row, column)
                    if not (death and day == death and follow.get("status", "").lower() == "dead"):
                        sure = day is not None and "death_date" not in follow.get("!", ())
                        self.note(name, (line,), pid, ("mrs",), "error", "mRS 6", sure=sure)

    def duplicates(self):
        seen = {}
        for line, row in self.rows("infusions"):
            key = (row.get("patient_id"), row.get("date"))
            if all(key) and key in seen:
                self.note("infusions", (line,), key[0], ("date", "patient_id"), "error", "infusion day twice")
            seen.setdefault(key, line)
        seen = {}
        for line, row in self.rows("mrs"):
            value = rules.parse_number(row.get("mrs", ""))
            key = (row.get("patient_id"), row.get("date"), row.get("rater", ""))
            if value is None or not key[0] or not key[1]:
                continue
            if key not in seen:
                seen[key] = (value, line)
            elif seen[key][0] != value:
                self.note("mrs", (line,), key[0], ("mrs", "date"), "error", "two ratings by one rater")
            else:
                self.note("mrs", (line,), key[0], ("*",), "warning", "rating entered twice")
        days = {}
        for line, row in self.rows("mrs"):
            value = rules.parse_number(row.get("mrs", ""))
            if value is not None and value != 6 and row.get("patient_id") and row.get("date"):
                days.setdefault((row["patient_id"], row["date"]), []).append(
                    (value, row.get("rater", ""), line)
                )
        for (pid, _), ratings in days.items():
            for i, (a, r, line) in enumerate(ratings):
                if any(a != b and r != q for b, q, _ in ratings[:i]):
                    self.note("mrs", (line,), pid, ("mrs",), "warning", "raters differ")
                    break
        scores = {}
        for line, row in self.rows("scales"):
            value = rules.parse_number(row.get("score", ""))
            key = (row.get("patient_id"), row.get("date"), row.get("scale", "").lower())
            if value is None or not all(key):
                continue
            if key not in scores:
                scores[key] = [value]
            elif value in scores[key]:
                self.note("scales", (line,), key[0], ("*",), "warning", "score entered twice")
            else:
                self.note("scales", (line,), key[0], ("score",), "warning", "two scores of a scale on a date")
                scores[key].append(value)

    # ----------------------------------------------------------------------------------- warnings

    def header_and_file_warnings(self):
        criteria = (*rules.CRITERIA[self.protocol], "always")
        for name, needed in NEEDED.items():
            if self.tables[name] is None or not self.tables[name].sound:
                continue
            for column, criterion in needed.items():
                if criterion in criteria and column not in self.tables[name].header:
                    self.note(name, (1,), None, (column,), "warning", "column absent")
        for line, row in self.rows("mrs"):
            if "mrs" in row and not row["mrs"] and "mrs" not in row.get("!", ()):
                self.note("mrs", (line,), row.get("patient_id") or None, ("mrs",), "warning", "blank mRS")
        for line, row in self.rows("infusions"):
            if row.get("dose_g") and rules.parse_number(row["dose_g"]) == 0:
                self.note(
                    "infusions", (line,), row.get("patient_id") or None, ("dose_g",), "warning", "dose 0"
                )

    def date_warnings(self):
        for name, columns in COLUMNS.items():
            for line, row in self.rows(name):
                pid = row.get("patient_id")
                screening = self.date(self.screened.get(pid, (0, {}))[1], "screening_date")
                if not pid or not screening:
                    continue
                for column, (_, kind, _) in columns.items():
                    span = rules.partial_date(row.get(column, "")) if kind in {D, "partial"} else None
                    if span is None or (kind == D and span[0] != span[1]):
                        continue
                    years = 30 if kind == "partial" else 10
                    far = [d for d in span if abs((d - screening).days) > years * 365.25 + 2]
                    maybe = [d for d in span if abs((d - screening).days) > years * 365 - 2]
                    if maybe:
                        self.note(name, (line,), pid, (column,), "warning", "far date", sure=len(far) == 2)
        for pid, (line, row) in self.screened.items():
            screening, enrolment = self.date(row, "screening_date"), self.date(row, "enrolment_date")
            span = rules.partial_date(row.get("symptom_onset_date", ""))
            if screening and span and span[0] > screening:
                self.note(
                    "screening", (line,), pid, ("symptom_onset_date",), "warning", "onset after screening"
                )
            if screening and enrolment and enrolment < screening:
                self.note(
                    "screening", (line,), pid, ("enrolment_date",), "warning", "enrolment before screening"
                )
        for line, row in self.rows("mrs"):
            pid, day = row.get("patient_id"), self.date(row, "date")
            last = self.date(self.followed.get(pid, (0, {}))[1], "last_contact_date")
            if pid and day and last and day > last:
                value = rules.parse_number(row.get("mrs", ""))
                self.note(
                    "mrs",
                    (line,),
                    pid,
                    ("date",),
                    "warning",
                    "rating after last contact",
                    sure=value is not None and value != 6,
                )
        for name, column in (("medications", "stop_date"), ("adverse_events", "end_date")):
            for line, row in self.rows(name):
                pid, day = row.get("patient_id"), self.date(row, column)
                death = self.death(pid) if pid else None
                if day and death and day > death:
                    self.note(name, (line,), pid, (column,), "warning", "closed after death")

    def slip_warnings(self):
        for line, row in self.rows("screening"):
            pid = row.get("patient_id") or None
            creatinine, height = (
                rules.parse_number(row.get(c, "")) for c in ("creatinine_umol_l", "height_cm")
            )
            if creatinine is not None and creatinine <= 20:
                self.note("screening", (line,), pid, ("creatinine_umol_l",), "warning", "creatinine slip")
            if height is not None and not 100 <= height <= 230:
                self.note("screening", (line,), pid, ("height_cm",), "warning", "height slip")
        for name in ("screening", "infusions"):
            for line, row in self.rows(name):
                weight = rules.parse_number(row.get("weight_kg", ""))
                if weight is not None and not 25 <= weight <= 250:
                    self.note(
                        name, (line,), row.get("patient_id") or None, ("weight_kg",), "warning", "weight slip"
                    )

    def patient_warnings(self):
        whole = {
            name: None
            if self.tables[name] is None
            else [row for _, row in self.rows(name) if usable(name, row)]
            for name in COLUMNS
        }
        for line, row in self.screened.values():
            if not self.date(row, "screening_date"):
                continue
            patient = rules.Patient(row, {**whole, "screening": []}, self.protocol)
            if patient.enrolled:
                self.enrolled_warnings(patient, line)
            self.medication_warnings(patient)

    def enrolled_warnings(self, patient, line):
        pid = patient.id
        follow_up = self.tables["follow_up"]
        if follow_up is not None and follow_up.sound and pid not in self.followed:
            self.found.append(
                Finding("*", (line, None), pid, ("*",), "warning", "enrolled without follow-up")
            )
        for criterion, status in patient.screening()["criteria"].items():
            if status == "fail":
                self.note("screening", (line,), pid, ("*",), "warning", f"enrolled though {criterion} fails")
        if patient.baseline()[0] is None:
            self.found.append(Finding("*", (line, None), pid, ("*",), "warning", "no baseline mRS"))
        lines = {}
        for at, row in self.rows("infusions"):
            if row.get("patient_id") == pid and usable("infusions", row):
                lines[id(row)] = at
        place = [(d, c, dose, r, lines[id(r)]) for d, c, dose, r in patient.doses]
        everything = [
            (self.date(r, "date"), at)
            for at, r in self.rows("infusions")
            if r.get("patient_id") == pid and self.date(r, "date")
        ]
        given_lines = {at for *_, at in place}
        consent = self.date(patient.row, "consent_date")
        before = [x for x in (consent, patient.enrolment_date) if x]
        for day, at in everything:
            if before and day < max(before):
                self.note(
                    "infusions",
                    (at,),
                    pid,
                    ("date",),
                    "warning",
                    "infusion before consent or enrolment",
                    sure=at in given_lines,
                )
        if place and (place[0][0] - patient.screening_date).days > 28:
            self.note(
                "infusions", (place[0][4],), pid, ("date",), "warning", "over 28 days to first infusion"
            )
        self.cycle_warnings(patient, place)
        for at, row in self.rows("mrs"):
            if row.get("patient_id") != pid or not self.date(row, "date"):
                continue
            label = row.get("visit", "")
            if label in rules.VISITS:
                _, low, high = rules.VISITS[label]
                if not patient.day(low) <= self.date(row, "date") <= patient.day(high):
                    blank = not row.get("mrs") or rules.parse_number(row["mrs"]) == 6
                    self.note(
                        "mrs",
                        (at,),
                        pid,
                        ("visit", "date"),
                        "warning",
                        "label outside window",
                        sure=not blank,
                    )

    def cycle_warnings(self, patient, place):
        pid = patient.id
        by_cycle = {}
        for day, cycle, dose, row, at in place:
            by_cycle.setdefault(cycle, []).append((day, dose, row, at))
        cycles = patient.cycles()
        for cycle, days in by_cycle.items():
            if not 2 <= len({d for d, *_ in days}) <= 5:
                self.note(
                    "infusions", [at for *_, at in days], pid, ("date", "cycle"), "warning", "days of a cycle"
                )
            weight = cycles[cycle][2]
            for _, dose, row, at in days:
                own = rules.sound_weight(rules.parse_number(row.get("weight_kg", "")))
                limits = [Fraction("2.2") * w + rules.TOLERANCE for w in (weight, own) if w is not None]
                if limits and dose > min(limits):
                    self.note(
                        "infusions",
                        (at,),
                        pid,
                        ("dose_g",),
                        "warning",
                        "day's dose",
                        sure=weight is not None and dose > max(limits),
                    )
        ordered = sorted(by_cycle)
        for i, cycle in enumerate(ordered[1:], 1):
            lower = [x for c in ordered[:i] for x in by_cycle[c]]
            started = by_cycle[cycle][0][0] < max(by_cycle[c][0][0] for c in ordered[:i])
            if by_cycle[cycle][0][0] <= max(d for d, *_ in lower):
                lines = [at for *_, at in by_cycle[cycle]] + [at for *_, at in lower]
                self.note("infusions", lines, pid, ("cycle", "date"), "warning", "cycle order", sure=started)
        previous = None
        for cycle in ordered:
            recorded = next(
                (
                    (rules.parse_number(r["weight_kg"]), at)
                    for _, _, r, at in by_cycle[cycle]
                    if r.get("weight_kg")
                ),
                None,
            )
            if recorded is None or rules.sound_weight(recorded[0]) is None:
                continue
            if previous is not None and abs(recorded[0] - previous) > previous / 10 + rules.TOLERANCE:
                self.note("infusions", (recorded[1],), pid, ("weight_kg",), "warning", "weight change")
            previous = recorded[0]

    def medication_warnings(self, patient):
        days = {d for d, *_ in patient.doses}
        for line, row in self.rows("medications"):
            if row.get("patient_id") != patient.id or not row.get("medication"):
                continue
            classes, form = rules.medication_classes(row), rules.code_form(row.get("atc", ""))
            indication, bad = row.get("indication", "").lower(), row.get("!", ())
            asked = indication in {"", "pns"}
            start = self.date(row, "start_date")
            own = indication == "trial" or bool(classes and "immunoglobulin" in classes and start in days)

            def warn(column, rule, line=line, **more):
                self.note("medications", (line,), patient.id, (column,), "warning", rule, **more)

            if classes is None and form != "open" and asked:
                warn("medication", "no class", sure="indication" not in bad)
            if form == "malformed":
                warn("atc", "malformed ATC")
            if form == "open":
                warn("atc", "open ATC", sure=asked)
            if classes and start is None and "start_date" not in bad:
                warn("start_date", "immunotherapy without start", sure=not own)
            if classes and not indication and "indication" not in bad:
                warn("indication", "immunotherapy without indication", sure=not own)
            if own:
                sure = bool(classes and "immunoglobulin" in classes)
                warn("*", "trial IVIg in medications", sure=sure)


def usable(name, row):
    """Whether the required cells of a row, its mRS apart, can be read."""
    return all(row.get(c) for c, (required, _, _) in COLUMNS[name].items() if required)


def findings(folder, protocol="publication"):
    """Every finding of a folder."""
    return Checker(folder, protocol).found

"""The trial's rules a second time, in plain Python, from the text of the rules only.

``analyse(folder)`` returns the object that ``python -m pnstrial analyse FOLDER --json`` prints, without its
``findings``. A folder is a mapping of file name to text or bytes, or a path. Numbers are exact fractions
until they are handed out; nothing here imports the package that it checks.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
import unicodedata
from fractions import Fraction
from pathlib import Path

TABLES = ("screening", "medications", "infusions", "mrs", "scales", "adverse_events", "follow_up")
ESTIMAND = {
    "death": "composite",
    "rescue": "composite",
    "stopped": "treatment policy",
    "missing": "non-responder",
}
VISITS = {"Month 3": (85, 71, 99), "Month 6": (169, 155, 183)}
SCALES = {"Barthel": ("higher", 100), "ICARS": ("lower", 100), "ONLS": ("lower", 12)}
CRITERIA = {
    "publication": ("I1", "I2", "I3", "I4", "I5", "I6", "E1", "E2", "E3", "E4"),
    "registry": ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "E1", "E2", "E3", "E4", "E5", "E6"),
}
MRS_RANGE = {"publication": (2, 3), "registry": (2, 4)}
TOLERANCE = Fraction(1, 10**9)
DAY = dt.timedelta(days=1)

# ---------------------------------------------------------------------------------------------- reading


def as_texts(folder):
    """Map of file name to text of a folder on disk or in memory."""
    if isinstance(folder, (str, Path)):
        folder = {p.name: p.read_bytes() for p in sorted(Path(folder).glob("*.csv"))}
    return {
        name: (data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff"))
        for name, data in folder.items()
    }


def parse_date(text):
    """The date of a full ISO date, else None."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text or ""):
        return None
    try:
        return dt.date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        return None


def parse_number(text):
    """The exact value of a plain decimal, else None."""
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text or ""):
        return None
    value = Fraction(text)
    return None if text[0] == "-" and value == 0 else value


def partial_date(text):
    """First and last possible day of a full or partial date, else None."""
    full = parse_date(text)
    if full:
        return full, full
    if re.fullmatch(r"[0-9]{4}", text or "") and int(text) > 0:
        return dt.date(int(text), 1, 1), dt.date(int(text), 12, 31)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text or "") and int(text[:4]) > 0 and 1 <= int(text[5:]) <= 12:
        year, month = int(text[:4]), int(text[5:])
        return dt.date(year, month, 1), dt.date(year, month, month_length(year, month))
    return None


def month_length(year, month):
    """Days of a month of the Gregorian calendar."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def add_months(day, months):
    """The same day some calendar months later, or the last day of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return dt.date(year, month + 1, min(day.day, month_length(year, month + 1)))


def read_rows(text):
    """Rows of a table as dicts of trimmed text."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = [[cell.strip() for cell in row] for row in reader]
    rows = [row for row in rows if row and row != [""]]
    header, body = rows[0], rows[1:]
    return [dict(zip(header, row, strict=True)) for row in body]


def read(folder):
    """Tables of a folder: name -> list of rows, or None where the file is absent."""
    texts = as_texts(folder)
    return {name: read_rows(texts[name + ".csv"]) if name + ".csv" in texts else None for name in TABLES}


def word(row, column):
    """A word of a closed list, lower case, or ''."""
    return row.get(column, "").lower()


# ------------------------------------------------------------------------------------------ medications

IMMUNO_NAMES = {
    "corticosteroid": """corticosteroid; corticosteroids; corticoid; corticoids; corticoide; corticoides; corticosteroide;
        corticosteroides; corticotherapie; corticotherapy; steroid; steroids; steroide; steroides; glucocorticoid; glucocorticoids;
        glucocorticoide; glucocorticoides; prednisone; prednisolone; methylprednisolone; dexamethasone; hydrocortisone;
        betamethasone; cortisone; cortancyl; solupred; medrol; solumedrol; solu medrol; dectancyl; celestene""",
    "plasma exchange": """plasma exchange; plasma exchanges; echange plasmatique; echanges plasmatiques; plasmapheresis;
        plasmapherese; plex""",
    "immunoglobulin": """immunoglobulin; immunoglobulins; immunoglobuline; immunoglobulines; immune globulin; ivig; igiv; scig;
        privigen; octagam; gamunex; tegeline; kiovig; clairyg; hizentra; flebogamma; gammagard""",
    "anti-CD20": "rituximab; mabthera; rituxan; rixathon; truxima; ocrelizumab; ofatumumab; obinutuzumab",
    "alkylating": "cyclophosphamide; endoxan; cytoxan",
    "antimetabolite": """azathioprine; imurel; imuran; mycophenolate; mycophenolate mofetil; cellcept; myfortic;
        acide mycophenolique; mycophenolic acid; methotrexate""",
    "calcineurin or mTOR": """tacrolimus; prograf; advagraf; sirolimus; rapamune; ciclosporin; ciclosporine; cyclosporin;
        cyclosporine; neoral; sandimmun""",
    "IL-6": "tocilizumab; roactemra; actemra",
    "IL-1": "anakinra; kineret",
    "TNF": "infliximab; remicade; adalimumab; humira; etanercept; enbrel; golimumab; certolizumab",
    "anti-integrin": "natalizumab; tysabri",
    "checkpoint": """pembrolizumab; keytruda; nivolumab; opdivo; ipilimumab; yervoy; atezolizumab; tecentriq; durvalumab;
        imfinzi; avelumab; bavencio""",
    "stem cell": """stem cell transplantation; stem cell transplant; autogreffe; greffe de moelle; greffe de cellules souches;
        bone marrow transplantation; bone marrow transplant""",
}
OTHER_NAMES = """carboplatin; carboplatine; cisplatin; cisplatine; oxaliplatin; platinum; etoposide; paclitaxel; docetaxel; taxol;
    taxotere; taxane; taxanes; chemotherapy; chimiotherapie; radiotherapy; radiotherapie; surgery; chirurgie; levetiracetam; keppra;
    valproate; depakine; carbamazepine; lamotrigine; phenytoin; lacosamide; clonazepam; paracetamol; doliprane; tramadol; morphine;
    oxycodone; ibuprofen; ibuprofene; gabapentin; gabapentine; neurontin; pregabalin; pregabaline; lyrica; baclofen; baclofene;
    lioresal; tizanidine; amitriptyline; laroxyl; sertraline; fluoxetine; escitalopram; duloxetine; mirtazapine; zopiclone; zolpidem;
    3,4-diaminopyridine; amifampridine; firdapse; heparin; heparine; enoxaparin; enoxaparine; lovenox; warfarin; warfarine; apixaban;
    rivaroxaban; aspirin; aspirine; kardegic; amlodipine; ramipril; bisoprolol; atorvastatin; atorvastatine; simvastatin;
    simvastatine; insulin; insuline; metformin; metformine; omeprazole; pantoprazole; esomeprazole; levothyroxine; levothyrox;
    amoxicillin; amoxicilline; ceftriaxone; ondansetron; metoclopramide; domperidone; macrogol; lactulose; salbutamol; ventoline;
    vitamin; vitamine; vitamins; vitamines; acide folique; folic acid; rehabilitation; reeducation; physiotherapy; kinesitherapie"""
IMMUNO_CODES = {
    "H02AB": "corticosteroid",
    "J06BA": "immunoglobulin",
    "L04": "immunosuppressant",
    "L01FA": "anti-CD20",
    "L01AA01": "alkylating",
    "L01BA01": "antimetabolite",
    "L01FF": "checkpoint",
    "L01FX04": "checkpoint",
    "L01XC02": "anti-CD20",
    "L01XC10": "anti-CD20",
    "L01XC15": "anti-CD20",
    "L01XC11": "checkpoint",
    "L01XC17": "checkpoint",
    "L01XC18": "checkpoint",
    "L01XC28": "checkpoint",
    "L01XC31": "checkpoint",
    "L01XC32": "checkpoint",
}


def fold(text):
    """Words of a text without case and accents, between single blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return " " + " ".join(re.findall(r"[a-z0-9]+", plain)) + " "


_IMMUNO = {cls: [fold(name) for name in names.split(";")] for cls, names in IMMUNO_NAMES.items()}
_OTHER = [fold(name) for name in OTHER_NAMES.split(";")]


def code_form(code):
    """'' for none, 'malformed', 'open', a class of immunotherapy, or 'other'."""
    code = code.upper()
    if not code:
        return ""
    if not re.fullmatch(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", code):
        return "malformed"
    for start, cls in IMMUNO_CODES.items():
        if code.startswith(start):
            return cls
    return "open" if any(start.startswith(code) for start in IMMUNO_CODES) else "other"


def medication_classes(row):
    """Set of classes of immunotherapy of a record; empty set if it is none; None if nothing says."""
    form = code_form(row.get("atc", ""))
    if form == "open":
        return None
    if form == "other":
        return set()
    if form not in {"", "malformed"}:
        return {form}
    name = fold(row.get("medication", ""))
    found = {cls for cls, words in _IMMUNO.items() if any(w in name for w in words)}
    if found:
        return found
    return set() if any(w in name for w in _OTHER) else None


# -------------------------------------------------------------------------------------------- a patient


class Patient:
    """One screened patient with all that the tables say, and the rules on it."""

    points, dead = 1, 6

    def __init__(self, row, tables, protocol, primary_rater=None):
        self.row, self.protocol, self.primary_rater = row, protocol, primary_rater
        self.id = row["patient_id"]
        self.tables = {
            name: None if rows is None else [r for r in rows if r["patient_id"] == self.id]
            for name, rows in tables.items()
            if name != "screening"
        }
        self.screening_date = parse_date(row["screening_date"])
        self.enrolment_date = parse_date(row.get("enrolment_date", ""))
        self.enrolled = self.enrolment_date is not None
        self.doses = sorted(
            (parse_date(r["date"]), int(parse_number(r["cycle"])), parse_number(r["dose_g"]), r)
            for r in self.tables["infusions"] or []
            if parse_number(r["dose_g"]) > 0
        )
        self.first_infusion = self.doses[0][0] if self.doses else None
        self.day1 = self.first_infusion or self.enrolment_date
        follow = (self.tables["follow_up"] or [None])[0]
        self.follow_up = follow
        self.death = parse_date(follow.get("death_date", "")) if follow else None
        self.last_contact = parse_date(follow["last_contact_date"]) if follow else None
        self.ratings = {}
        for r in self.tables["mrs"] or []:
            value = parse_number(r["mrs"])
            if value is not None and value != 6:
                self.ratings.setdefault(parse_date(r["date"]), []).append((int(value), r.get("rater", "")))

    def number(self, column):
        """An exact number of the screening row, or None."""
        return parse_number(self.row.get(column, ""))

    # .................................................................................. eligibility

    def screening(self):
        criteria = {c: getattr(self, "_" + c.lower())() for c in CRITERIA[self.protocol]}
        if all(v == "pass" for v in criteria.values()):
            overall = "eligible"
        else:
            overall = "ineligible" if "fail" in criteria.values() else "undetermined"
        return {"overall": overall, "criteria": criteria}

    def _i1(self):
        level = word(self.row, "pns_level")
        return "unknown" if not level else "pass" if level == "definite" else "fail"

    def _i2(self):
        samples = []
        for column in ("antibody_serum", "antibody_csf"):
            cell = word(self.row, column)
            if not cell:
                samples.append(None)
                continue
            parts = {part.strip() for part in cell.split(";")}
            samples.append(bool(parts & {"hu", "yo", "cv2", "crmp5", "cv2/crmp5"}))
        if True in samples:
            return "pass"
        return "unknown" if None in samples else "fail"

    def _i3(self):
        span = partial_date(self.row.get("symptom_onset_date", ""))
        if span is None or span[0] > self.screening_date:
            return "unknown"
        verdicts = {
            add_months(day, 6) >= self.screening_date for day in (span[0], min(span[1], self.screening_date))
        }
        return "unknown" if len(verdicts) == 2 else "pass" if verdicts == {True} else "fail"

    def _i4(self):
        value = self.number("mrs")
        low, high = MRS_RANGE[self.protocol]
        return "unknown" if value is None else "pass" if low <= value <= high else "fail"

    def _i5(self):
        return {"yes": "pass", "no": "fail", "": "unknown"}[word(self.row, "deterioration_3_weeks")]

    def _i6(self):
        consent = parse_date(self.row.get("consent_date", ""))
        if consent is None:
            return "unknown"
        return "pass" if consent <= (self.enrolment_date or self.screening_date) else "fail"

    def _i7(self):
        age = self.number("age")
        return "unknown" if age is None else "pass" if age >= 18 else "fail"

    def _any_yes(self, *columns):
        answers = [word(self.row, c) for c in columns]
        if "yes" in answers:
            return "fail"
        return "pass" if all(a == "no" for a in answers) else "unknown"

    def _e2(self):
        return self._any_yes("ivig_hypersensitivity", "iga_deficiency")

    def _e3(self):
        return self._any_yes("thrombophilia")

    def _e4(self):
        clearance = self.clearance()
        return "unknown" if clearance is None else "fail" if clearance < 30 - TOLERANCE else "pass"

    def _e5(self):
        return self._any_yes("hepatic_insufficiency", "cardiac_insufficiency")

    def _e6(self):
        answer = word(self.row, "pregnant_or_lactating")
        if answer == "yes":
            return "fail"
        return "pass" if answer == "no" or word(self.row, "sex") == "male" else "unknown"

    def clearance(self):
        """Cockcroft-Gault clearance, exact, or None."""
        age, weight, creatinine = (
            self.number("age"),
            self.screening_weight(),
            self.number("creatinine_umol_l"),
        )
        sex = word(self.row, "sex")
        if age is None or weight is None or creatinine is None or creatinine <= 20 or not sex:
            return None
        factor = Fraction(85, 100) if sex == "female" else 1
        return (140 - age) * weight * factor / (72 * creatinine / Fraction("88.4"))

    def screening_weight(self):
        return sound_weight(self.number("weight_kg"))

    def medication_records(self):
        """(start, stop, classes or None, indication) of the records that are not the trial's own."""
        days = {d for d, _, _, _ in self.doses}
        out = []
        for r in self.tables["medications"] or []:
            start, stop = parse_date(r.get("start_date", "")), parse_date(r.get("stop_date", ""))
            classes, indication = medication_classes(r), word(r, "indication")
            if indication == "trial" or (classes and "immunoglobulin" in classes and start in days):
                continue
            out.append((start, stop, classes, indication))
        return out

    def _e1(self):
        if self.tables["medications"] is None:
            return "unknown"
        doubtful = False
        for start, stop, classes, indication in self.medication_records():
            is_open = classes is None and indication in {"", "pns"}
            counts = bool(classes) and (indication in {"", "pns"} or "checkpoint" in classes)
            if not (is_open or counts):
                continue
            if start is None:
                there = stop is None or stop >= self.screening_date
                doubtful |= there
                continue
            ongoing = start <= self.screening_date and (stop is None or stop >= self.screening_date)
            between = self.first_infusion is not None and self.screening_date < start <= self.first_infusion
            if ongoing or between:
                if counts:
                    return "fail"
                doubtful = True
        return "unknown" if doubtful else "pass"

    def rescues(self):
        """Start dates of immunotherapy that counts as rescue."""
        return [
            start
            for start, _, classes, indication in self.medication_records()
            if start is not None
            and classes
            and classes != {"checkpoint"}
            and indication in {"", "pns"}
            and start > self.day1
        ]

    # ..................................................................................... exposure

    def cycles(self):
        """cycle -> (start, given, weight or None) of the given cycles."""
        out = {}
        for day, cycle, dose, r in self.doses:
            start, given, recorded = out.get(cycle, (day, Fraction(0), None))
            if recorded is None:
                recorded = parse_number(r.get("weight_kg", ""))
            out[cycle] = (start, given + dose, recorded)
        return {
            c: (start, given, self.screening_weight() if recorded is None else sound_weight(recorded))
            for c, (start, given, recorded) in sorted(out.items())
        }

    def exposure(self):
        cycles = self.cycles()
        listed = []
        for number, (start, given, weight) in cycles.items():
            if number == 1:
                on_time = True
            elif number - 1 not in cycles:
                on_time = None
            else:
                on_time = 21 <= (start - cycles[number - 1][0]).days <= 35
            planned = None if weight is None else 2 * weight
            as_planned = None if planned is None else abs(given - planned) <= planned / 10 + TOLERANCE
            listed.append(
                {
                    "cycle": number,
                    "planned_g": None if planned is None else float(planned),
                    "given_g": float(given),
                    "start": start.isoformat(),
                    "on_time": on_time,
                    "dose_as_planned": as_planned,
                }
            )
        intensity = None
        if cycles and all(w is not None for _, _, w in cycles.values()):
            days = (max(s for s, _, _ in cycles.values()) - self.first_infusion).days + 28
            intensity = float(sum(g / w for _, g, w in cycles.values()) / days / Fraction(2, 28))
        first = [cycles[c] for c in (1, 2, 3) if c in cycles]
        share = None
        if cycles and all(w is not None for _, _, w in first):
            share = float(sum((g / w for _, g, w in first), Fraction(0)) / 6)
        return {"cycles": listed, "relative_dose_intensity": intensity, "share_of_course": share}

    # ....................................................................................... visits

    def day(self, number):
        """Date of a day of the trial (day 1 on; there is no day 0)."""
        return self.day1 + (number - 1) * DAY

    def one_value(self, day, *, baseline):
        """The rating that holds on a date."""
        values = self.ratings[day]
        if self.primary_rater is not None:
            mine = [v for v, rater in values if rater == self.primary_rater]
            if mine:
                return mine[0]
        return (min if baseline else max)(v for v, _ in values)

    def baseline(self):
        """(mRS, date) or (None, None)."""
        days = [d for d in self.ratings if d <= self.day1]
        screening = self.number("mrs")
        if screening == 6 or self.screening_date > self.day1:
            screening = None
        if days and (screening is None or max(days) >= self.screening_date):
            return self.one_value(max(days), baseline=True), max(days)
        if screening is not None:
            return int(screening), self.screening_date
        return None, None

    def visit(self, name):
        """(mRS, date, derivation) at a visit."""
        target, low, high = (self.day(n) for n in VISITS[name])
        days = [d for d in self.ratings if low <= d <= high and d > self.day1]
        best = min(days, key=lambda d: (abs((d - target).days), -d.toordinal()), default=None)
        if self.death is not None and (self.death <= target or (self.death <= high and best is None)):
            return self.dead, self.death, "DEATH"
        if best is None:
            return None, None, "missing"
        return self.one_value(best, baseline=False), best, "observed"

    def category(self, value):
        base = self.baseline()[0]
        if value == self.dead:
            return "deteriorated"
        if value is None or base is None:
            return None
        return "improved" if base - value >= self.points else "deteriorated" if value > base else "stable"

    def visits(self):
        base, base_date = self.baseline()
        out = {"baseline_mrs": base, "baseline_date": base_date and base_date.isoformat()}
        for name in VISITS:
            value, day, derivation = self.visit(name)
            out[name] = {
                "mrs": value,
                "date": day and day.isoformat(),
                "derivation": derivation,
                "category": self.category(value),
            }
        return out

    def decision(self):
        value, day, derivation = self.visit("Month 3")
        category = self.category(value)
        if derivation == "DEATH":
            decision = "dead"
        elif category is None:
            decision = "not evaluable"
        else:
            decision = "discontinue" if category == "deteriorated" else "continue"
        deviation = None
        given = set(self.cycles())
        if decision == "discontinue" and any(c >= 4 and d > day for d, c, _, _ in self.doses):
            deviation = "treated on after a decision to discontinue"
        if (
            decision == "continue"
            and not given & {4, 5, 6}
            and given >= {1, 2, 3}
            and not any(word(r, "action") == "stopped" for r in self.tables["adverse_events"] or [])
            and (self.death is None or self.death > self.day(113))
            and self.last_contact is not None
            and self.last_contact >= self.day(113)
        ):
            deviation = "not treated on after a decision to continue"
        return {"decision": decision, "deviation": deviation}

    def per_protocol(self):
        if "fail" in self.screening()["criteria"].values():
            return False
        cycles = {c["cycle"]: c for c in self.exposure()["cycles"]}
        if not all(c in cycles and cycles[c]["dose_as_planned"] and cycles[c]["on_time"] for c in (1, 2, 3)):
            return False
        _, day, derivation = self.visit("Month 3")
        if derivation == "missing":
            return False
        limit = day if derivation == "observed" else self.day(VISITS["Month 3"][0])
        return not any(start <= limit for start in self.rescues())

    # ..................................................................................... estimand

    def outcome(self, visit, estimand):
        """True responder, False non-responder, None out of the denominator."""
        base = self.baseline()[0]
        if base is None:
            return False
        target, _, end = (self.day(n) for n in VISITS[visit])
        value, day, derivation = self.visit(visit)
        if derivation == "DEATH":
            return False if estimand["death"] == "composite" else None
        limit = day if day is not None else target
        if estimand["rescue"] == "composite" and any(start <= limit for start in self.rescues()):
            return False
        if len(set(self.cycles()) & {1, 2, 3}) < 3:
            if estimand["stopped"] == "composite":
                return False
            if estimand["stopped"] == "while on treatment":
                value = self.last_value(self.doses[-1][0] + 28 * DAY) if self.doses else None
        if value is None:
            rule = estimand["missing"]
            if rule == "exclude":
                return None
            if rule == "best case":
                return True
            value = self.last_value(end) if rule == "LOCF" else None
        return value is not None and base - value >= self.points

    def last_value(self, end):
        """The last rating after day 1 and up to a date."""
        days = [d for d in self.ratings if self.day1 < d <= end]
        return self.one_value(max(days), baseline=False) if days else None

    # ................................................................................ scales, times

    def scale(self, name, visit):
        """(baseline, value) of a scale, None where missing."""
        better, worse = (max, min) if SCALES[name][0] == "higher" else (min, max)
        scores = {}
        for r in self.tables["scales"] or []:
            score = parse_number(r.get("score", ""))
            if word(r, "scale") == name.lower() and score is not None:
                scores.setdefault(parse_date(r["date"]), []).append(score)
        target, low, high = (self.day(n) for n in VISITS[visit])
        before = [d for d in scores if d <= self.day1]
        inside = [d for d in scores if low <= d <= high and d > self.day1]
        chosen = min(inside, key=lambda d: (abs((d - target).days), -d.toordinal()), default=None)
        return (
            better(scores[max(before)]) if before else None,
            worse(scores[chosen]) if chosen is not None else None,
        )

    def survival(self):
        if self.death is not None:
            return {"days": (self.death - self.day1).days, "event": 1}
        if self.last_contact is None:
            return None
        return {"days": (self.last_contact - self.day1).days, "event": 0}

    def time_to(self, *, worse):
        base = self.baseline()[0]
        if base is None:
            return None
        after = sorted(d for d in self.ratings if d > self.day1)
        hit = None
        for d in after:
            value = self.one_value(d, baseline=False)
            if (value > base) if worse else (base - value >= self.points):
                hit = d
                break
        if self.death is not None and (hit is None or self.death < hit):
            return {"days": (self.death - self.day1).days, "event": 1 if worse else 2}
        if hit is not None:
            return {"days": (hit - self.day1).days, "event": 1}
        return {"days": (after[-1] - self.day1).days if after else 0, "event": 0}


class PatientOnScale(Patient):
    """A patient whose endpoint is on a collected scale: its scores as points from the best, death beyond the worst."""

    def __init__(self, row, tables, protocol, scale, points):
        super().__init__(row, tables, protocol)
        direction, highest = SCALES[scale]
        self.points, self.dead, self.ratings = points, highest + 1, {}
        for r in self.tables["scales"] or []:
            score = parse_number(r.get("score", ""))
            if word(r, "scale") == scale.lower() and score is not None:
                lost = highest - score if direction == "higher" else score
                self.ratings.setdefault(parse_date(r["date"]), []).append((lost, ""))

    def baseline(self):
        """(points from the best, date) or (None, None): a scale has no screening value."""
        days = [d for d in self.ratings if d <= self.day1]
        return (self.one_value(max(days), baseline=True), max(days)) if days else (None, None)


def patients_on_scale(folder, scale, points):
    """The enrolled patients of a folder, for an endpoint on a collected scale."""
    tables = read(folder)
    every = (PatientOnScale(row, tables, "publication", scale, points) for row in tables["screening"])
    return [patient for patient in every if patient.enrolled]


def sound_weight(weight):
    """A weight, or None where it is missing or looks like a unit slip."""
    return weight if weight is not None and 25 <= weight <= 250 else None


# ------------------------------------------------------------------------------------------- statistics


def tail(x, n, p):
    """P(X >= x) for X binomial(n, p), summed from the smaller terms up."""
    if x <= 0:
        return 1.0
    if p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    log = math.lgamma
    terms = [
        math.exp(log(n + 1) - log(k + 1) - log(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p))
        for k in range(x, n + 1)
    ]
    return min(1.0, math.fsum(terms))


def bisect(function):
    """The root of an increasing function on (0, 1)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def clopper_pearson(x, n):
    """Two-sided 95 % interval."""
    lower = 0.0 if x == 0 else bisect(lambda p: tail(x, n, p) - 0.025)
    upper = 1.0 if x == n else bisect(lambda p: tail(x + 1, n, p) - 0.975)
    return [lower, upper]


def endpoint(patients, visit, estimand, null):
    if patients and not any(p.ratings for p in patients):
        nothing = dict.fromkeys(("responders", "proportion", "ci", "p_value"))
        reason = "no mRS rating was collected"
        return {**nothing, "n": len(patients), "estimand": dict(estimand), "not_estimable": reason}
    outcomes = [p.outcome(visit, estimand) for p in patients]
    counted = [o for o in outcomes if o is not None]
    x, n = sum(counted), len(counted)
    return {
        "responders": x,
        "n": n,
        "proportion": x / n if n else None,
        "ci": clopper_pearson(x, n) if n else None,
        "p_value": None if null is None or not n else tail(x, n, null),
        "estimand": dict(estimand),
    }


# --------------------------------------------------------------------------------------------- analysis


def patients_of(folder, protocol="publication", primary_rater=None):
    """Every screened patient of a folder."""
    tables = read(folder)
    return [Patient(row, tables, protocol, primary_rater) for row in tables["screening"]]


def analyse(
    folder,
    protocol="publication",
    estimand=None,
    visit="Month 3",
    null=None,
    primary_rater=None,
    patients=None,
):
    """What the analysis of a folder must print, without the findings."""
    patients = patients or patients_of(folder, protocol, primary_rater)
    estimand = {**ESTIMAND, **(estimand or {})}
    enrolled = sorted((p for p in patients if p.enrolled), key=lambda p: p.id)
    times = {
        "overall_survival": {p.id: p.survival() for p in enrolled},
        "deterioration": {p.id: p.time_to(worse=True) for p in enrolled},
        "improvement": {p.id: p.time_to(worse=False) for p in enrolled},
    }
    scales = {}
    for name in SCALES:
        scales[name] = {}
        for v in VISITS:
            pairs = [pair for pair in (p.scale(name, v) for p in enrolled) if None not in pair]
            better = sum((b > a) if SCALES[name][0] == "higher" else (b < a) for a, b in pairs)
            scales[name][v] = {"improved": better, "n": len(pairs)}
    return {
        "screening": {p.id: p.screening() for p in patients},
        "exposure": {p.id: p.exposure() for p in enrolled},
        "visits": {p.id: p.visits() for p in enrolled},
        "decisions": {p.id: p.decision() for p in enrolled},
        "sets": {
            "full_analysis": [p.id for p in enrolled],
            "safety": [p.id for p in enrolled if p.doses],
            "per_protocol": [p.id for p in enrolled if p.per_protocol()],
        },
        "primary": endpoint(enrolled, visit, estimand, null),
        "secondary": {"Month 6": endpoint(enrolled, "Month 6", estimand, null), "scales": scales},
        "time_to_event": {k: {i: t for i, t in v.items() if t is not None} for k, v in times.items()},
    }

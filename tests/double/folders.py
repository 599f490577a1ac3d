"""Trial folders, made by seeded chance, on which the package and the second implementation are compared.

A folder is a mapping of file name to a list of rows (dicts of text); ``as_texts`` turns it into CSV texts and
``write`` puts those on disk. All patients are invented.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from decimal import Decimal
from pathlib import Path

from . import findings_second
from .rules_second import IMMUNO_CODES, add_months, month_length

HEADERS = {name + ".csv": list(columns) for name, columns in findings_second.COLUMNS.items()}
DAY = dt.timedelta(days=1)

NAMES = """corticosteroid; corticosteroids; corticothérapie; Corticoïdes; PREDNISONE; prednisolone; méthylprednisolone; Methylprednisolone
    1 g; dexamethasone; dexaméthasone; Cortancyl 20 mg; Solu-Médrol 1 g; plasma exchange; Plasma-Exchange; échange plasmatique;
    Échanges plasmatiques; immunoglobulin; Immunoglobulines polyvalentes; IVIg; Privigen; Tégéline; rituximab; MabThera; rituximab
    (Mabthera) 375 mg/m²; cyclophosphamide; Endoxan; azathioprine; Imurel; mycophenolate; mycophénolate mofétil; CellCept; methotrexate;
    Méthotrexate; tacrolimus; Prograf; sirolimus; ciclosporin; ciclosporine; Néoral; tocilizumab; RoActemra; anakinra; Kineret; infliximab;
    Rémicade; adalimumab; natalizumab; Tysabri; pembrolizumab; Keytruda; nivolumab; Opdivo; ipilimumab; Yervoy; atezolizumab; atézolizumab;
    Tecentriq; durvalumab; Imfinzi; avelumab; Bavencio; stem-cell transplantation; stem cell transplantation; carboplatin + pembrolizumab;
    chimiothérapie et corticoïdes; paracetamol/prednisone; rituximab, cyclophosphamide; carboplatin; carboplatine; cisplatine;
    etoposide; Étoposide; paclitaxel; docetaxel; radiotherapy; radiothérapie; surgery; Chirurgie; levetiracetam; lévétiracétam; Keppra;
    paracetamol; paracétamol; Doliprane; gabapentin; gabapentine; pregabalin; prégabaline; Lyrica; baclofen; baclofène; amitriptyline;
    zopiclone; 3,4-diaminopyridine; enoxaparin; énoxaparine; aspirin; aspirine; amlodipine; atorvastatin; insulin; insuline; metformin;
    metformine; omeprazole; oméprazole; levothyroxine; lévothyroxine; amoxicillin; amoxicilline; ondansetron; macrogol; salbutamol;
    vitamin D; vitamine D; rehabilitation; rééducation"""
UNKNOWN_NAMES = (
    "homéopathie; ginkgo biloba; produit XYZ-12; prednisonelike; rituximabesque; n/a; nan; None; ?"
)
ODD_IDS = (
    "007",
    "1e5",
    "NA",
    "nan",
    "None",
    "TRUE",
    "1",
    "1.0",
    "p one",
    "é-12",
    "null",
    "1_0",
    "-",
    "P0",
    "p0",
    "2014-03-05",
    "<b>x</b>",
    "0x10",
)
OTHER_CODES = (
    "N02BE01",
    "L01XA02",
    "L01XC03",
    "L01FX05",
    "L01FX",
    "L01AA02",
    "L01BA04",
    "J06BB01",
    "H02CA01",
    "A",
    "N",
    "A10",
    "L02",
    "L03AA02",
    "L01CD01",
    "L01E",
    "R03BA02",
    "D07AC",
)
MALFORMED = (
    "L04AX1",
    "L4AX01",
    "L04-AX01",
    "L04 AX01",
    "04AX01",
    "L04AX011",
    "ABC",
    "?",
    "L04AXO1",
    "L01XC1",
    "L0",
    "NA",
    "M01AE-1",
    "n02be0",
)
OPEN_CODES = tuple(
    sorted({code[:k] for code in IMMUNO_CODES for k in (1, 3, 4, 5) if k < len(code)} - set(IMMUNO_CODES))
)


def words_of(text):
    return [" ".join(part.split()) for part in text.split(";")]


def iso(day):
    return day.isoformat()


def number(value):
    """A decimal without exponent and trailing zeros."""
    text = format(Decimal(value).normalize(), "f")
    return "0" if text in {"-0", "0"} else text


def shout(rng, text):
    """The text, now and then in another case or between blanks."""
    roll = rng.random()
    if roll < 0.05:
        return text.upper()
    if roll < 0.08:
        return text.capitalize()
    return f"  {text} " if roll < 0.11 else text


class EdgePatient:
    """Rows of one patient whose values stand on the edges of the rules."""

    def __init__(self, rng, index, pid):
        self.rng, self.index, self.id = rng, index, pid
        self.rows = {name: [] for name in HEADERS}
        self.usual = rng.random() < 0.6  # eligible but for what is looked at
        self.screen()
        if self.enrolment:
            self.infuse()
        self.day1 = self.first or self.enrolment
        self.anchor = self.day1 or self.screening
        self.die_or_live()
        self.rate()
        self.score()
        self.medicate()
        self.suffer()
        self.bury()

    def pick(self, *choices):
        return self.rng.choice(choices)

    def mostly(self, common, *others, p=0.95):
        return common if self.rng.random() < (p if self.usual else 0.5) else self.pick(*others)

    # .......................................................................................... screening

    def screen(self):
        rng = self.rng
        if rng.random() < 0.45:
            year = self.pick(2015, 2016, 2019, 2020)
            month = rng.randint(1, 12)
            self.screening = dt.date(year, month, month_length(year, month)) + self.pick(-1, 0, 0, 0, 1) * DAY
        else:
            self.screening = dt.date(2014, 1, 1) + rng.randrange(2200) * DAY
        s = self.screening
        self.enrolment = s + self.pick(0, 0, 1, 3, 5, 7, 14) * DAY if rng.random() < 0.72 else None
        if self.enrolment and rng.random() < 0.02:
            self.enrolment = s - self.pick(1, 3) * DAY
        reference = self.enrolment or s
        consent = self.mostly(
            iso(min(s, reference)),
            iso(reference),
            iso(reference + DAY),
            iso(reference - DAY),
            iso(reference + 9 * DAY),
            "",
        )
        self.weight = self.mostly(
            number(Decimal(rng.randint(300, 1100)) / 10),
            "",
            "",
            "25",
            "24.9",
            "250",
            "250.1",
            "20",
            "260",
            "70.55",
            "48.125",
        )
        self.mrs = self.mostly(self.pick("2", "3"), "0", "1", "4", "5", "", "3.0", "4", "")
        age, sex = str(rng.randint(35, 85)), self.pick("female", "male")
        creatinine = self.mostly(
            number(Decimal(rng.randint(400, 1400)) / 10),
            "",
            "20",
            "20.1",
            "20.0001",
            "1.1",
            "350",
            "600.5",
            "88.4",
        )
        weight = self.weight
        if rng.random() < 0.08:  # a clearance of 30 mL/min, and next to it
            age, sex, weight, creatinine = self.pick(
                ("68", "male", "30", "88.4"),
                ("65", "male", "72", "221"),
                ("65", "male", "72", "221.00000001"),
                ("65", "male", "72", "221.1"),
                ("65", "male", "72", "220.9"),
                ("60", "female", "72", "200.3733333333"),
                ("60", "female", "72", "200.374"),
                ("90", "male", "54", "110.5"),
                ("90", "male", "54", "110.6"),
                ("90", "female", "27", "46.963"),
                ("140"[:2], "male", "81", "442"),
            )
            self.weight = weight
        elif not self.usual:
            age = self.pick(age, "", "17", "18", "0", "120", "18.0", age)
            sex = self.pick(sex, sex, sex, "")
        self.rows["screening.csv"].append(
            {
                "patient_id": self.id,
                "site": self.pick(
                    "Lyon", "Saint-Étienne", "NA", "", 'Hôpital "Nord", Lyon', "ligne 1\nligne 2"
                ),
                "screening_date": iso(s),
                "consent_date": consent,
                "enrolment_date": iso(self.enrolment) if self.enrolment else "",
                "age": age,
                "sex": shout(rng, sex),
                "weight_kg": weight,
                "height_cm": self.mostly(
                    str(rng.randint(150, 190)), "", "100", "99.9", "230", "230.5", "170.5", "1.70"
                ),
                "symptom_onset_date": self.onset(),
                "pns_level": shout(rng, self.mostly("definite", "probable", "possible", "none", "")),
                "antibody_serum": self.antibodies(),
                "antibody_csf": self.antibodies(),
                "cancer": self.pick("", "SCLC", "SCLC, limited stage", "none", "NA", "carcinome\ndu sein"),
                "mrs": self.mrs,
                "deterioration_3_weeks": shout(rng, self.mostly("yes", "no", "")),
                "creatinine_umol_l": creatinine,
                "ivig_hypersensitivity": self.mostly("no", "yes", ""),
                "iga_deficiency": self.mostly("no", "yes", ""),
                "thrombophilia": shout(rng, self.mostly("no", "yes", "")),
                "hepatic_insufficiency": self.mostly("no", "yes", ""),
                "cardiac_insufficiency": self.mostly("no", "yes", ""),
                "pregnant_or_lactating": self.mostly("no", "yes", "", p=0.85),
            }
        )

    def onset(self):
        rng, s = self.rng, self.screening
        if self.usual and rng.random() < 0.5:
            return iso(s - rng.randint(20, 150) * DAY)
        six, roll = add_months(s, -6), rng.random()
        if roll < 0.5:
            return iso(six + self.pick(-4, -3, -2, -1, 0, 0, 1, 2, 3) * DAY)
        if roll < 0.6:
            return iso(self.pick(s, s, s - DAY, s + DAY, s + 40 * DAY))
        if roll < 0.78:
            month = add_months(s.replace(day=1), self.pick(-8, -7, -7, -6, -6, -5, -1, 0, 0, 1))
            return f"{month.year}-{month.month:02}"
        return self.pick(
            "",
            str(s.year),
            str(s.year - 1),
            str(s.year - 2),
            str(s.year + 1),
            str(s.year - 32),
            iso(add_months(s, -7)),
            iso(add_months(s, -400)),
        )

    def antibodies(self):
        rng = self.rng
        if self.usual and rng.random() < 0.7:
            return self.pick("Hu", "Yo", "CV2", "Hu;CV2", "hu; sox1", "CRMP5", "CV2/CRMP5", "SOX1;cv2/crmp5")
        return shout(
            rng,
            self.pick(
                "",
                "",
                "none",
                "None",
                "Ri",
                "Ma2",
                "amphiphysin",
                "Tr",
                "SOX1",
                "VGCC",
                "other",
                "Ri;SOX1",
                "Hu",
                "other ; yo",
                "crmp5",
            ),
        )

    # .......................................................................................... infusions

    def infuse(self):
        rng = self.rng
        self.plan = list(
            self.pick(
                (1, 2, 3, 4, 5, 6),
                (1, 2, 3, 4, 5, 6),
                (1, 2, 3),
                (1, 2, 3),
                (1, 2, 3, 4),
                (1, 2),
                (1,),
                (1, 3),
                (2, 3),
                (1, 2, 3, 5),
                (1, 2, 4, 5, 6),
                (4,),
                (),
                (3, 4),
            )
        )
        start = self.enrolment + self.pick(0, 0, 1, 2, 5, 10) * DAY
        if rng.random() < 0.05:
            start = self.screening + self.pick(28, 29, 40) * DAY
        elif rng.random() < 0.03:
            start = self.enrolment - self.pick(1, 2) * DAY
        used = set()
        self.rating_days = set()
        for k, cycle in enumerate(self.plan):
            if k:
                start += self.mostly(self.pick(27, 28, 29), 20, 21, 21, 22, 34, 35, 35, 36, 56, 63, 70) * DAY
            if k == 2 and rng.random() < 0.02:
                start -= 60 * DAY
            self.cycle(cycle, start, used)
        if rng.random() < 0.12:  # planned, not given; on its own day, with a weight that must not count
            day = (self.enrolment if not used else min(used)) - self.pick(1, 2, 3) * DAY
            if day not in used:
                cycle = self.pick(1, 1, 2, 3, 6)
                self.rows["infusions.csv"].append(
                    self.infusion(cycle, day, self.pick("0", "0.0", "0"), self.pick("", "99", "40"))
                )
        if rng.random() < 0.3:
            rng.shuffle(self.rows["infusions.csv"])

    def cycle(self, cycle, start, used):
        rng = self.rng
        base = Decimal(self.weight) if self.weight else Decimal(60)
        pattern = (
            self.pick("blank", "all", "all", "later", "two", "slip", "blank")
            if rng.random() < 0.6
            else "blank"
        )
        recorded = (
            base
            * self.pick(
                Decimal("0.98"), Decimal("1.02"), Decimal("1.1"), Decimal("1.11"), Decimal("0.9"), Decimal(1)
            )
        ).quantize(Decimal("0.01"))
        weight = {"blank": base, "slip": base}.get(pattern, recorded)
        share = self.mostly(
            self.pick("1", "0.97", "1.03", "1"),
            "0.9",
            "0.9",
            "1.1",
            "1.1",
            "0.8999",
            "1.1001",
            "0.5",
            "0.899999999",
            "1.10000001",
            "0.91",
            "1.09",
            p=0.75,
        )
        total = 2 * weight * Decimal(share)
        days = self.mostly(5, 2, 3, 4, 1, 6, 5, p=0.7)
        each = (total / days).quantize(Decimal("0.1") if rng.random() < 0.5 else Decimal("0.001"))
        doses = [each] * (days - 1) + [total - each * (days - 1)]
        skip = self.pick(0, 0, 0, 1)
        for d, dose in enumerate(doses):
            day = start + (d + (skip if d else 0)) * DAY
            if day in used or dose < 0:
                continue
            used.add(day)
            cell = ""
            if pattern == "all" or (pattern == "later" and d >= 1) or (pattern == "two" and d == 0):
                cell = number(recorded)
            elif pattern == "two":
                cell = number(recorded + 1)
            elif pattern == "slip" and d == 0 and self.index % 7 == 0:
                cell = self.pick("300", "250.5", "24.99", "7")
            self.rows["infusions.csv"].append(self.infusion(cycle, day, number(dose), cell))

    def infusion(self, cycle, day, dose, weight):
        return {
            "patient_id": self.id,
            "cycle": self.pick(str(cycle), str(cycle), f"{cycle}.0"),
            "date": iso(day),
            "dose_g": dose,
            "weight_kg": weight,
        }

    @property
    def first(self):
        days = [r["date"] for r in self.rows["infusions.csv"] if Decimal(r["dose_g"]) > 0]
        return dt.date.fromisoformat(min(days)) if days else None

    def at(self, day):
        return self.anchor + (day - 1) * DAY

    # ......................................................................................... follow-up

    def die_or_live(self):
        rng = self.rng
        self.death = None
        self.contact = self.at(self.pick(1, 60, 99, 112, 113, 114, 150, 183, 300, 400, 300, 350, 380, 420))
        if rng.random() < 0.25:
            self.death = self.at(
                self.pick(
                    1,
                    5,
                    20,
                    40,
                    70,
                    71,
                    84,
                    85,
                    86,
                    90,
                    98,
                    99,
                    100,
                    112,
                    113,
                    114,
                    155,
                    168,
                    169,
                    170,
                    175,
                    182,
                    183,
                    184,
                    260,
                )
            )
            self.death = max(self.death, self.screening)
            self.contact = self.pick(self.death, self.death, self.death - 3 * DAY)
        if self.death or rng.random() < 0.93:
            self.rows["follow_up.csv"].append(
                {
                    "patient_id": self.id,
                    "last_contact_date": iso(self.contact),
                    "status": shout(
                        rng, "dead" if self.death else self.pick("alive", "alive", "withdrawn", "lost")
                    ),
                    "death_date": iso(self.death) if self.death else "",
                    "death_cause": self.pick("tumour", "neurological", "other", "", "Tumour")
                    if self.death
                    else "",
                }
            )

    # ............................................................................................ ratings

    def rate(self):
        rng = self.rng
        base = int(Decimal(self.mrs)) if self.mrs else rng.randint(1, 4)
        days = []
        if rng.random() < 0.75:
            days += [(self.at(self.pick(1, 1, 0, -1, -5, 2)), "Baseline")]
        if rng.random() < 0.35:
            days += [(self.screening + self.pick(0, 0, -1, 1, -30) * DAY, "Screening")]
        if rng.random() < 0.4:
            days += [(self.at(self.pick(2, 20, 30, 45, 60, 66, 69)), "Month 1")]
        for label, low, target, high in (("Month 3", 71, 85, 99), ("Month 6", 155, 169, 183)):
            roll = rng.random()
            k = rng.randint(1, 14)
            if roll < 0.3:
                chosen = [target + self.pick(-3, -1, 0, 1, 2)]
            elif roll < 0.45:
                chosen = [target - k, target + k]
            elif roll < 0.6:
                chosen = [target - k, target + k + self.pick(-1, 1)]
            elif roll < 0.75:
                chosen = [self.pick(low - 1, low, high, high + 1, low - 1)]
            elif roll < 0.88:
                chosen = [low, high, target - 7]
            else:
                chosen = []
            days += [(self.at(c), label) for c in chosen]
        if rng.random() < 0.3:
            days += [(self.at(self.pick(110, 120, 140, 200, 240, 300)), "Month 4")]
        taken = set()
        for day, label in days:
            raters = self.pick(
                ["R1"], ["R1"], ["R1"], [""], ["R1", "R2"], ["R2", "R1"], ["R1", "R2", "R3"], ["", "R1"]
            )
            for rater in raters:
                if (day, rater) in taken:
                    continue
                taken.add((day, rater))
                value = str(min(5, max(0, base + self.pick(-2, -1, -1, 0, 0, 1, 2))))
                if rng.random() < 0.05:
                    value = ""
                if rng.random() < 0.05 and value:
                    value += ".0"
                row = {
                    "patient_id": self.id,
                    "date": iso(day),
                    "mrs": value,
                    "visit": label if rng.random() < 0.9 else "",
                    "rater": rater,
                }
                self.rows["mrs.csv"] += [row, dict(row)] if rng.random() < 0.01 else [row]
        if self.death and rng.random() < 0.5:
            self.rows["mrs.csv"].append(
                {"patient_id": self.id, "date": iso(self.death), "mrs": "6", "visit": "Death", "rater": "R9"}
            )
        if rng.random() < 0.4:
            rng.shuffle(self.rows["mrs.csv"])

    def score(self):
        rng = self.rng
        for scale, top in (("Barthel", 100), ("ICARS", 100), ("ONLS", 12)):
            if rng.random() < 0.35:
                continue
            base = rng.randint(0, top)
            days = [self.at(self.pick(1, 0, -3, 1, 2)), self.screening]
            days += [self.at(d) for d in self.pick((85,), (71, 99), (84, 86), (70,), (100,), (80, 90, 85))]
            days += [self.at(d) for d in self.pick((169,), (155, 183), (168, 170), (154,), (184,), ())]
            for day in days:
                for _ in range(self.pick(1, 1, 1, 1, 2)):
                    value = min(top, max(0, base + self.pick(0, 0, -1, 1, -5, 5, -10, 10)))
                    text = self.pick(str(value), str(value), f"{value}.0")
                    if rng.random() < 0.04:
                        text = ""
                    self.rows["scales.csv"].append(
                        {"patient_id": self.id, "date": iso(day), "scale": shout(rng, scale), "score": text}
                    )

    # ......................................................................................... medications

    def medicate(self):
        rng = self.rng
        for _ in range(self.pick(0, 0, 0, 1, 1, 2, 3) if self.usual else self.pick(0, 1, 2, 3)):
            name = rng.choice(words_of(NAMES)) if rng.random() < 0.9 else rng.choice(words_of(UNKNOWN_NAMES))
            roll = rng.random()
            if roll < 0.5:
                code = ""
            elif roll < 0.7:
                code = rng.choice(sorted(IMMUNO_CODES))
                code += self.pick("", "", "X01"[-(7 - len(code)) :] if len(code) == 5 else "", "")
                code = code if len(code) in (3, 4, 5, 7) else code[:5]
            elif roll < 0.8:
                code = rng.choice(OTHER_CODES)
            elif roll < 0.9:
                code = rng.choice(OPEN_CODES)
            else:
                code = rng.choice(MALFORMED)
            code = code.lower() if rng.random() < 0.15 else code
            self.medication(
                name,
                code,
                self.pick(
                    "pns",
                    "pns",
                    "",
                    "tumour",
                    "other",
                    "premedication",
                    "trial" if rng.random() < 0.3 else "pns",
                ),
            )
        if self.first and rng.random() < 0.1:  # the trial's own, and an immunoglobulin next to it
            day = self.pick(self.first, self.first, self.first + DAY, self.first - DAY, self.first + 28 * DAY)
            zero = [r["date"] for r in self.rows["infusions.csv"] if Decimal(r["dose_g"]) == 0]
            start = zero[0] if zero and rng.random() < 0.5 else iso(day)
            self.rows["medications.csv"].append(
                {
                    "patient_id": self.id,
                    "medication": self.pick("IVIg", "Privigen", "immunoglobulin", "trial drug"),
                    "atc": self.pick("", "J06BA02", "J06BA"),
                    "indication": self.pick("pns", "trial", "", "other"),
                    "start_date": start,
                    "stop_date": "",
                }
            )

    def medication(self, name, code, indication):
        rng, s = self.rng, self.screening
        ends = [s - 400 * DAY, s - 30 * DAY, s - DAY, s, s + DAY] + [s - 4000 * DAY] * (rng.random() < 0.1)
        if self.first:
            ends += [self.first - DAY, self.first, self.first + DAY]
        starts = [*ends, s - 40 * DAY]
        if self.enrolment:
            rated = [dt.date.fromisoformat(r["date"]) for r in self.rows["mrs.csv"]]
            near = [self.at(d) for d in (1, 2, 84, 85, 86, 99, 168, 169, 170)] + [
                d + k * DAY for d in rated for k in (-1, 0, 1)
            ]
            starts += near if self.usual else near[:9]
            if self.usual and rng.random() < 0.6:
                starts = near
        start = rng.choice(starts)
        stop = self.pick("", "", *[iso(e) for e in ends if e >= start])
        if rng.random() < 0.1:
            start, stop = None, self.pick("", iso(s), iso(s - DAY), iso(s + DAY))
        self.rows["medications.csv"].append(
            {
                "patient_id": self.id,
                "medication": name,
                "atc": code,
                "indication": shout(rng, indication),
                "start_date": iso(start) if start else "",
                "stop_date": stop,
            }
        )

    def suffer(self):
        rng = self.rng
        for _ in range(self.pick(0, 0, 1, 2)):
            start = self.at(rng.randint(1, 150))
            self.rows["adverse_events.csv"].append(
                {
                    "patient_id": self.id,
                    "term": self.pick("headache", "céphalées, vomissements", "fall\nat home", 'said "ill"'),
                    "start_date": iso(start),
                    "end_date": self.pick("", iso(start), iso(start + 9 * DAY)),
                    "grade": self.pick("1", "5", "", "3.0"),
                    "serious": self.pick("yes", "no", ""),
                    "related": self.pick("yes", "no", ""),
                    "action": shout(rng, self.pick("none", "none", "none", "interrupted", "stopped", "")),
                }
            )

    def bury(self):
        """Leave out what would be dated after the death."""
        if not self.death:
            return
        for name, column in (
            ("mrs.csv", "date"),
            ("scales.csv", "date"),
            ("infusions.csv", "date"),
            ("adverse_events.csv", "start_date"),
            ("medications.csv", "start_date"),
        ):
            self.rows[name] = [r for r in self.rows[name] if not r[column] or r[column] <= iso(self.death)]
        if not self.enrolment:
            return
        if self.first is None and self.death < self.enrolment:  # day 1 moved behind the death
            self.rows["follow_up.csv"].clear()


def edge_folder(seed=1, n=479):
    """Screened patients on every edge of every rule; warnings, but no error."""
    rng = random.Random(seed)
    ids = list(ODD_IDS)[: max(0, n - 20)]
    ids += [f"P{i:04}" for i in range(n - len(ids))]
    rng.shuffle(ids)
    folder = {name: [] for name in HEADERS}
    for index, pid in enumerate(ids):
        patient = EdgePatient(rng, index, pid)
        for name, rows in patient.rows.items():
            folder[name] += rows
    for name in ("medications.csv", "mrs.csv", "infusions.csv", "follow_up.csv", "scales.csv"):
        if rng.random() < 0.5:
            rng.shuffle(folder[name])
    return folder


def without_medications(seed=2, n=120):
    """As the edge folder, but the medications table is absent."""
    return {name: rows for name, rows in edge_folder(seed, n).items() if name != "medications.csv"}


def screening_alone(seed=3, n=120):
    """As the edge folder, but the screening table alone."""
    return {"screening.csv": edge_folder(seed, n)["screening.csv"]}


def clean_folder(seed=4, n=24):
    """Patients of whom nothing is to be said: no finding at all under either protocol."""
    rng = random.Random(seed)
    folder = {name: [] for name in HEADERS}
    for i in range(n):
        pid = f"C{i + 1:03}"
        screening = dt.date(2015, 1, 5) + rng.randrange(900) * DAY
        enrolled = i % 6 != 5
        enrolment = screening + rng.randint(1, 5) * DAY
        weight = Decimal(rng.randint(500, 950)) / 10
        sex = rng.choice(("female", "male"))
        mrs = rng.choice((2, 3))
        folder["screening.csv"].append(
            {
                "patient_id": pid,
                "site": rng.choice(("Lyon", "Saint-Étienne", "Lille")),
                "screening_date": iso(screening),
                "consent_date": iso(screening),
                "enrolment_date": iso(enrolment) if enrolled else "",
                "age": str(rng.randint(40, 70)),
                "sex": sex,
                "weight_kg": number(weight),
                "height_cm": str(rng.randint(155, 185)),
                "symptom_onset_date": iso(screening - rng.randint(30, 150) * DAY),
                "pns_level": "definite",
                "antibody_serum": rng.choice(("Hu", "Yo", "CV2", "Hu;SOX1")),
                "antibody_csf": rng.choice(("", "Hu", "none")),
                "cancer": rng.choice(("SCLC", "SCLC, limited stage", "")),
                "mrs": str(mrs),
                "deterioration_3_weeks": "yes" if enrolled else "no",
                "creatinine_umol_l": str(rng.randint(50, 95)),
                **dict.fromkeys(HEADERS["screening.csv"][-6:], "no"),
            }
        )
        folder["medications.csv"].append(
            {
                "patient_id": pid,
                "medication": rng.choice(("paracetamol", "pregabalin", "levetiracetam", "insulin")),
                "atc": "",
                "indication": "other",
                "start_date": iso(screening - rng.randint(30, 300) * DAY),
                "stop_date": rng.choice(("", iso(screening + rng.randint(0, 60) * DAY))),
            }
        )
        if not enrolled:
            continue
        day1 = enrolment + rng.randint(1, 5) * DAY
        for cycle in range(1, 7 if i % 3 else 4):
            used = weight + Decimal(rng.randint(-10, 10)) / 10
            for d in range(5):
                folder["infusions.csv"].append(
                    {
                        "patient_id": pid,
                        "cycle": str(cycle),
                        "date": iso(day1 + (28 * (cycle - 1) + d) * DAY),
                        "dose_g": number((used * 2 / 5).quantize(Decimal("0.5"))),
                        "weight_kg": number(used) if d == 0 else "",
                    }
                )
        dead = i % 8 == 7
        end = day1 + (rng.randint(190, 240) if dead else rng.randint(250, 400)) * DAY
        for label, offset in (
            ("Baseline", 0),
            ("Month 1", 29),
            ("Month 3", 84 + rng.randint(-9, 9)),
            ("Month 6", 168 + rng.randint(-9, 9)),
        ):
            for rater in ("R1", "R2")[: rng.randint(1, 2)]:
                folder["mrs.csv"].append(
                    {
                        "patient_id": pid,
                        "date": iso(day1 + offset * DAY),
                        "mrs": str(min(5, max(0, mrs + (rng.randint(-1, 1) if offset else 0)))),
                        "visit": label,
                        "rater": rater,
                    }
                )
            for scale, top in (("Barthel", 100), ("ICARS", 100), ("ONLS", 12)):
                folder["scales.csv"].append(
                    {
                        "patient_id": pid,
                        "date": iso(day1 + offset * DAY),
                        "scale": scale,
                        "score": str(rng.randint(1, top - 1)),
                    }
                )
        start = day1 + rng.randint(1, 100) * DAY
        folder["adverse_events.csv"].append(
            {
                "patient_id": pid,
                "term": rng.choice(("headache", "fever", "fall")),
                "start_date": iso(start),
                "end_date": iso(start + rng.randint(1, 20) * DAY),
                "grade": str(rng.randint(1, 4)),
                "serious": rng.choice(("yes", "no")),
                "related": rng.choice(("yes", "no")),
                "action": rng.choice(("none", "interrupted")),
            }
        )
        folder["follow_up.csv"].append(
            {
                "patient_id": pid,
                "last_contact_date": iso(end),
                "status": "dead" if dead else "alive",
                "death_date": iso(end) if dead else "",
                "death_cause": "tumour" if dead else "",
            }
        )
    return folder


def as_texts(folder):
    """CSV text of every table of a folder."""
    out = {}
    for name, rows in folder.items():
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, HEADERS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        out[name] = buffer.getvalue()
    return out


def write(texts, path):
    """Put texts (or bytes) of tables into a directory."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, data in texts.items():
        (path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return path

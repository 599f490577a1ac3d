"""The findings on infusions of several drugs a second time, in plain Python, from the text of the rules only.

``findings(plan, texts)`` lists them with every line that the rules allow for each; ``edges`` adds to random tables what
the rules speak of: doses beyond a cycle's, cycles of too few days, beyond the plan or out of order, weights that differ.
"""

import csv
import datetime as dt
import io
import itertools
import math

from . import rules_second as first


def rows_of(text):
    """Give the rows of a table with their lines; the header is line 1."""
    return list(enumerate(csv.DictReader(io.StringIO(text)), 2))


def regimen(plan, name):
    """Give the drug of a name."""
    return next(drug for drug in plan["treatment"]["drugs"] if drug["name"] == name)


def sound(weight):
    """Give a weight that is used: 25 to 250 kg."""
    return None if weight is None or not 25 <= weight <= 250 else float(weight)


def most_a_day(drug, weight, height):
    """Give what a day's dose is expected up to: 1.1 times that of a cycle; None where it is not known."""
    if "dose_g_per_kg" in drug:
        return None if sound(weight) is None else 1.1 * drug["dose_g_per_kg"] * sound(weight)
    if "dose_g" in drug:
        return 1.1 * drug["dose_g"]
    if "dose_g_per_m2" not in drug or sound(weight) is None or height is None:
        return None
    kg, cm = sound(weight), float(height)
    surface = (
        math.sqrt(cm * kg / 3600) if drug["body_surface"] == "Mosteller" else 0.007184 * kg**0.425 * cm**0.725
    )
    return 1.1 * drug["dose_g_per_m2"] * surface


def findings(plan, texts):
    """List (lines that are allowed, column, severity, words of the rule) of the table of infusions."""
    names = [drug["name"] for drug in plan["treatment"]["drugs"]]
    by_word = {name.lower(): name for name in names}
    last_cycle = max([6, *(drug["cycles"] for drug in plan["treatment"]["drugs"])])
    patients = {row["patient_id"]: row for _, row in rows_of(texts["screening.csv"])}
    found, rows, seen = [], [], {}
    for line, row in rows_of(texts["infusions.csv"]):
        word, who = row["drug"], row["patient_id"]
        name = by_word.get(word.lower()) if word else names[0]
        cycle = first.parse_number(row["cycle"])
        if name is None:
            found.append(((line,), "drug", "error", "must be one of"))
        if cycle is None or cycle.denominator != 1 or not 1 <= cycle <= last_cycle:
            found.append(((line,), "cycle", "error", f"must be a whole number from 1 to {last_cycle}"))
        if not patients[who]["enrolment_date"]:
            found.append(((line,), "patient_id", "error", "enrol"))
        date, dose = first.parse_date(row["date"]), float(first.parse_number(row["dose_g"]))
        if name is not None and (who, date, name) in seen:
            found.append(((line, seen[who, date, name]), "date", "error", "one infusion row a day and drug"))
        seen.setdefault((who, date, name), line)
        if dose == 0:
            found.append(((line,), "dose_g", "warning", "a dose of 0 means planned"))
        elif name is not None:
            weight = first.parse_number(row["weight_kg"])
            rows.append((who, date, line, name, int(cycle), dose, weight))
    for who, patient in patients.items():
        found += of_patient(plan, patient, sorted(row[1:] for row in rows if row[0] == who))
    return found


def of_patient(plan, patient, rows):
    """List the findings of one patient: rows are (date, line, drug, cycle, dose, weight) with a dose, by time."""
    found, weights = [], {}
    for date, line, _, _, _, weight in sorted(rows, key=lambda row: row[1]):
        if weight is not None and weights.setdefault(date, weight) != weight:
            found.append(((line,), "weight_kg", "warning", "one weight a day"))
    screened, height = (first.parse_number(patient[name]) for name in ("weight_kg", "height_cm"))
    before = [d for d in map(first.parse_date, (patient["consent_date"], patient["enrolment_date"])) if d]
    for date, line, name, _, dose, weight in rows:
        used = weight if weight is not None else weights.get(date, screened)
        most = most_a_day(regimen(plan, name), used, height)
        if most is not None and dose > most + 1e-9:
            found.append(((line,), "dose_g", "warning", "a day's dose is expected up to"))
        if before and date < max(before):
            found.append(((line,), "date", "warning", "on or after consent and enrolment"))
    if rows and (rows[0][0] - first.parse_date(patient["screening_date"])).days > 28:
        lines = tuple(row[1] for row in rows if row[0] == rows[0][0])
        found.append((lines, "date", "warning", "within 28 days of screening"))
    changes = {}
    for drug in plan["treatment"]["drugs"]:
        own = [row for row in rows if row[2] == drug["name"]]
        cycles = {}
        for row in own:
            cycles.setdefault(row[3], []).append(row)
        found += [
            ((row[1],), "cycle", "warning", "expected to rise with time")
            for previous, row in itertools.pairwise(own)
            if row[3] < previous[3]
        ]
        weight = None
        for number, days in sorted(cycles.items()):
            lines = tuple(row[1] for row in days)
            if (
                not drug["fewest_infusion_days"]
                <= len({row[0] for row in days})
                <= drug["most_infusion_days"]
            ):
                found.append((lines, "cycle", "warning", f"a cycle of {drug['name']} is expected in"))
            if number > drug["cycles"]:
                found.append(
                    (lines, "cycle", "warning", f"the course of {drug['name']} has {drug['cycles']} cycles")
                )
            here = next((row for row in days if sound(row[5]) is not None), None)
            if here is None:
                continue
            if weight is not None and abs(float(here[5]) - weight) > weight / 10 + 1e-9:
                changes.setdefault(here[0], []).append(here[1])
            weight = float(here[5])
    return found + [
        (tuple(lines), "weight_kg", "warning", "within 10 % of the previous") for lines in changes.values()
    ]


def edges(plan, texts, *, errors=False):
    """Add rows that the rules speak of to the infusions of some patients."""
    drugs = plan["treatment"]["drugs"]
    lines = texts["infusions.csv"].splitlines()
    given = [line.split(",") for line in lines[1:]]
    dead = {row["patient_id"] for _, row in rows_of(texts["follow_up.csv"]) if row["death_date"]}
    who = [name for name in dict.fromkeys(row[0] for row in given) if name not in dead]
    start = {name: min(dt.date.fromisoformat(row[2]) for row in given if row[0] == name) for name in who}

    def add(place, day, cycle, drug, dose, weight=""):
        date = start[who[place]] + dt.timedelta(days=day)
        lines.append(f"{who[place]},{cycle},{date},{drug},{dose},{weight}")

    for place, drug in enumerate(drugs):
        name, grams = drug["name"], drug.get("dose_g", 2.0)
        add(place, 400, drug["cycles"] + 1 if drug["cycles"] < 6 else 6, name, grams)  # beyond the plan
        add(place + 4, 401, 1, name.upper(), grams)  # out of order
        add(place + 8, 402, drug["cycles"], name, 1000)  # beyond a whole cycle
        add(place + 12, 403, drug["cycles"], name, grams, 70)
        add(place + 12, 403, drug["cycles"], drugs[place - 1]["name"], grams, 71)  # two weights a day
        add(place + 16, 404, drug["cycles"], name, 0)
        for cycle, weight in enumerate((70, 77, 78, 100), 1):
            add(place + 20, 500 + 30 * cycle, cycle, name, grams, weight)
        add(place + 24, -60, 1, name, grams)  # before everything
    if errors:
        add(1, 410, 1, "nothing", 1)
        add(2, 411, 99, drugs[-1]["name"], 1)
        add(3, 412, 0, drugs[0]["name"], 1)
        add(5, 413, 2, drugs[0]["name"], 1)
        add(5, 413, 2, "", 2)  # the first drug under another word
        add(6, 414, 2, drugs[0]["name"], 1)
        add(6, 414, 2, drugs[-1]["name"], 1)  # two drugs on a day are fine
    return {**texts, "infusions.csv": "\n".join(lines) + "\n"}

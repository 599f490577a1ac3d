"""Trials of any drugs and any scale a second time, in plain Python, from the text of the rules only.

A plan is the protocol's TOML file itself, read here; nothing imports the package that it checks. ``answers(plan, texts)``
gives for every enrolled patient the cycles of each drug, the decision, the answer at each visit and why it is not in the
per-protocol set.
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from fractions import Fraction
from pathlib import Path

from . import rules_second as first

DAY = dt.timedelta(days=1)
SHARED = Path(__file__).parents[2] / "pnstrial" / "protocols" / "shared" / "vocabulary.toml"


def load_plan(path):
    """Read a protocol file, with the shipped scales that it only names, weeks as days and defaults filled in."""
    plan = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    shipped = {scale["name"]: scale for scale in tomllib.loads(SHARED.read_text(encoding="utf-8"))["scales"]}
    plan["scales"] = {s["name"]: {**shipped.get(s["name"], {}), **s} for s in plan["scales"]}
    for visit in plan["visits"]:
        for part in ("target", "first", "last"):
            if f"{part}_week" in visit:
                visit[f"{part}_day"] = 7 * visit[f"{part}_week"] + (0 if visit.get("after") else 1)
    for drug in plan["treatment"]["drugs"]:
        days = drug.setdefault("infusion_days", 1)
        drug.setdefault("fewest_infusion_days", days)
        drug.setdefault("most_infusion_days", days)
        drug.setdefault("required_cycles", drug["cycles"])
        drug.setdefault("on_time_tolerance_days", 7)
        drug.setdefault("dose_tolerance", 0.1)
        drug.setdefault("counts", True)
    return plan


class Patient:
    """One enrolled patient of such a trial."""

    def __init__(self, plan, row, tables):
        self.plan, self.row, self.id = plan, row, row["patient_id"]
        own = {
            name: [r for r in rows or [] if r["patient_id"] == self.id]
            for name, rows in tables.items()
            if name != "screening"
        }
        self.own = own
        names = [drug["name"] for drug in plan["treatment"]["drugs"]]
        by_word = {name.lower(): name for name in names}
        self.doses = []
        for r in own["infusions"]:
            grams = first.parse_number(r["dose_g"])
            if grams > 0:
                drug = by_word[r.get("drug", "").lower()] if r.get("drug") else names[0]
                weight = first.parse_number(r.get("weight_kg", ""))
                self.doses.append((first.parse_date(r["date"]), drug, int(r["cycle"]), grams, weight))
        weights = {}
        for date, _, _, _, weight in self.doses:
            if weight is not None:
                weights.setdefault(date, weight)
        # one weight a day holds for every drug of it
        self.doses = [
            (date, drug, cycle, grams, weights.get(date)) for date, drug, cycle, grams, _ in self.doses
        ]
        self.day_1 = min((dose[0] for dose in self.doses), default=first.parse_date(row["enrolment_date"]))
        self.last_infusion = max((dose[0] for dose in self.doses), default=self.day_1)
        follow = own["follow_up"][0] if own["follow_up"] else {}
        self.death = first.parse_date(follow.get("death_date", ""))

    # ------------------------------------------------------------------------------------------- treatment
    def size(self, drug, weight):
        """What the stated dose is multiplied by; None where it is not known, or nothing is stated."""
        if "dose_g" in drug:
            return 1.0
        if weight is None or not 25 <= weight <= 250:
            return None
        if "dose_g_per_kg" in drug:
            return float(weight)
        height = first.parse_number(self.row.get("height_cm", ""))
        if "dose_g_per_m2" not in drug or height is None or not 100 <= height <= 230:
            return None
        if drug["body_surface"] == "Mosteller":
            return math.sqrt(float(height) * float(weight) / 3600)
        return 0.007184 * float(weight) ** 0.425 * float(height) ** 0.725

    def cycles(self, drug):
        """Cycle number to start, grams, planned grams, days, on time, as planned."""
        found = {}
        name = drug["name"]
        for number in sorted({cycle for _, word, cycle, _, _ in self.doses if word == name}):
            rows = sorted((d, g, w) for d, word, cycle, g, w in self.doses if (word, cycle) == (name, number))
            weight = next((w for _, _, w in rows if w is not None), None)
            if weight is None:
                weight = first.parse_number(self.row.get("weight_kg", ""))
            grams = float(sum(g for _, g, _ in rows))
            unit = self.size(drug, weight)
            stated = next((drug[k] for k in ("dose_g_per_kg", "dose_g_per_m2", "dose_g") if k in drug), None)
            planned = None if stated is None or unit is None else stated * unit
            before = found.get(number - 1)
            late = None if before is None else abs((rows[0][0] - before["start"]).days - drug["cycle_days"])
            found[number] = {
                "start": rows[0][0], "given": grams, "planned": planned, "days": len(rows), "unit": unit,
                "on_time": True if number == 1 else None if late is None else late <= drug["on_time_tolerance_days"],
                "as_planned": None
                if planned is None
                else abs(grams - planned) <= drug["dose_tolerance"] * planned + 1e-9,
            }  # fmt: skip
        return found

    def intensity(self, drug):
        """Relative dose intensity of a drug."""
        cycles = self.cycles(drug)
        stated = next((drug[k] for k in ("dose_g_per_kg", "dose_g_per_m2", "dose_g") if k in drug), None)
        if stated is None or not cycles or any(c["unit"] is None for c in cycles.values()):
            return None
        starts = [c["start"] for c in cycles.values()]
        span = (max(starts) - min(starts)).days + drug["cycle_days"]
        return sum(c["given"] / c["unit"] for c in cycles.values()) / span / (stated / drug["cycle_days"])

    def counted(self):
        return [drug for drug in self.plan["treatment"]["drugs"] if drug["counts"]]

    def complete(self):
        """Whether all required cycles of every drug that counts were given."""
        return all(
            len([n for n in self.cycles(drug) if n <= drug["required_cycles"]]) == drug["required_cycles"]
            for drug in self.counted()
        )

    # ---------------------------------------------------------------------------------------------- scores
    def lost(self, scale, score):
        """A score so that more is worse."""
        return score if self.plan["scales"][scale]["better"] == "lower" else -score

    def ratings(self, scale):
        """Date to the values on a scale (more is worse), death left out."""
        found = {}
        if scale == "mRS":
            rows = [(r["date"], r["mrs"]) for r in self.own["mrs"]]
        else:
            rows = [
                (r["date"], r["score"]) for r in self.own["scales"] if r["scale"].lower() == scale.lower()
            ]
        dead = self.plan["scales"][scale].get("death") == "worst grade"
        for date, text in rows:
            value = first.parse_number(text)
            if value is not None and not (dead and value == max(self.plan["scales"][scale]["grades"])):
                found.setdefault(first.parse_date(date), []).append(self.lost(scale, value))
        return found

    def baseline(self, scale):
        days = {d: min(v) for d, v in self.ratings(scale).items() if d <= self.day_1}
        screened = first.parse_date(self.row["screening_date"])
        own = first.parse_number(self.row.get("mrs", "")) if scale == "mRS" else None
        if own is not None and own != 6 and screened <= self.day_1 and (not days or max(days) < screened):
            return own
        return days[max(days)] if days else None

    def at(self, visit, scale):
        """(value, date, derivation) at a visit."""
        start = self.last_infusion if visit.get("after") else self.day_1 - DAY
        target, low, high = (start + visit[f"{p}_day"] * DAY for p in ("target", "first", "last"))
        days = [d for d in self.ratings(scale) if low <= d <= high and d > self.day_1]
        best = min(days, key=lambda d: (abs((d - target).days), -d.toordinal()), default=None)
        if self.death is not None and (self.death <= target or (self.death <= high and best is None)):
            return None, self.death, "DEATH"
        if best is None:
            return None, None, "missing"
        return max(self.ratings(scale)[best]), best, "observed"

    def last(self, scale, until):
        days = [d for d in self.ratings(scale) if self.day_1 < d <= until]
        return max(self.ratings(scale)[max(days)]) if days else None

    def holds(self, part, value, *, dead):
        """Whether a part of the endpoint holds: True, False or None (unknown)."""
        base, direction = self.baseline(part["scale"]), part.get("direction", "improved")
        points = Fraction(str(part.get("improvement_points", 1)))
        answers = []
        if direction != "any":
            if dead:
                answers.append(direction == "deteriorated")
            elif base is None or value is None:
                answers.append(None)
            else:
                fall = base - value
                answers.append({
                    "improved": fall >= points, "deteriorated": fall < 0, "not deteriorated": fall >= 0,
                }[direction])  # fmt: skip
        bounds = [part[k] for k in ("above", "minimum", "maximum") if k in part]
        if bounds or not answers:
            if dead:
                answers.append(False)
            elif value is None:
                answers.append(None)
            else:
                score = value if self.plan["scales"][part["scale"]]["better"] == "lower" else -value
                answers.append(
                    ("above" not in part or score > part["above"])
                    and ("minimum" not in part or score >= part["minimum"])
                    and ("maximum" not in part or score <= part["maximum"])
                )
        return False if False in answers else None if None in answers else True

    def visit_named(self, name):
        return next(visit for visit in self.plan["visits"] if visit["name"] == name)

    def parts(self):
        end = self.plan["endpoint"]
        return [{**end, "direction": "improved"}, *end.get("also", [])]

    def joined(self, values, deaths):
        found = [self.holds(p, v, dead=d) for p, v, d in zip(self.parts(), values, deaths, strict=True)]
        if self.plan["endpoint"].get("combine", "all") == "all":
            return False if False in found else None if None in found else True
        return True if True in found else None if None in found else False

    def rescues(self):
        """Starts of immunotherapy for the syndrome that is not the trial's own."""
        found = []
        for r in self.own["medications"]:
            start, classes = first.parse_date(r.get("start_date", "")), first.medication_classes(r)
            mine = r.get("indication", "").lower() == "trial"
            for drug in self.plan["treatment"]["drugs"]:
                days = {d for d, word, _, _, _ in self.doses if word == drug["name"]}
                names = [first.fold(name) for name in drug.get("names", [])]
                meant = first.medication_classes({"medication": drug["name"]})
                if names:
                    same = any(name in first.fold(r["medication"]) for name in names)
                else:
                    same = (
                        classes == meant if meant else first.fold(drug["name"]) in first.fold(r["medication"])
                    )
                mine = mine or (same and start in days)
            indicated = r.get("indication", "").lower() in {"", "pns"}
            if (
                not mine
                and start
                and classes
                and classes != {"checkpoint"}
                and indicated
                and start > self.day_1
            ):
                found.append(start)
        return found

    def response(self, ways):
        """True, False, or None for out of the denominator."""
        end, parts = self.plan["endpoint"], self.parts()
        bases = [self.baseline(part["scale"]) is not None for part in parts]
        if not (all(bases) if end.get("combine", "all") == "all" else any(bases)):
            return False
        own = self.visit_named(end["visit"])
        _, date, derivation = self.at(own, end["scale"])
        if derivation == "DEATH":
            return False if ways["death"] == "composite" else None
        start = self.last_infusion if own.get("after") else self.day_1 - DAY
        limit = date or start + own["target_day"] * DAY
        if ways["rescue"] == "composite" and any(day <= limit for day in self.rescues()):
            return False
        found = [self.at(self.visit_named(part["visit"]), part["scale"]) for part in parts]
        answer = self.joined([f[0] for f in found], [f[2] == "DEATH" for f in found])
        alive = [False] * len(parts)
        if not self.complete():
            if ways["stopped"] == "composite":
                return False
            if ways["stopped"] == "while on treatment":
                until = self.last_infusion + end.get("on_treatment_days", 28) * DAY
                known = bool(self.doses)
                answer = self.joined([self.last(p["scale"], until) if known else None for p in parts], alive)
        if answer is None:
            if ways["missing"] == "exclude":
                return None
            if ways["missing"] == "best case":
                return True
            if ways["missing"] == "LOCF":
                ends = []
                for part in parts:
                    visit = self.visit_named(part["visit"])
                    begin = self.last_infusion if visit.get("after") else self.day_1 - DAY
                    ends.append(self.last(part["scale"], begin + visit["last_day"] * DAY))
                return self.joined(ends, alive) is True
            return False
        return answer


def patients_of(plan, texts):
    """Make the enrolled patients of a folder."""
    tables = first.read(texts)
    return [Patient(plan, row, tables) for row in tables["screening"] if row.get("enrolment_date")]

"""Joined endpoints, and visits that count from the last infusion, simulated once more, programmed apart.

Written from the rules of the tables: every rating that took place is kept, and at the end each visit looks for the one in
its window that is nearest to its target, each part of the endpoint at its own visit. Several drugs, any scale, decision
or none. Nothing is shared with `pnstrial.engine` but the settings.
"""

import math
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

from tests.double.course_second import Patient


def exactly(number):
    """Give a score as the decimal that is written."""
    return Fraction(f"{number:.10g}")


class JoinedPatient(Patient):
    """One patient whose endpoint has any parts, at visits that count from the first infusion or the last."""

    def __init__(self, protocol, scenario, random):
        super().__init__(protocol, scenario, random)
        longest = max(protocol.counted_drugs, key=lambda drug: drug.required * drug.cycle_days)
        self.own_scale = protocol.scale()
        self.followed, decided = longest, protocol.decision is not None
        before = longest.required if decided else longest.cycles
        self.plan = SimpleNamespace(
            cycles=longest.cycles, cycle_days=longest.cycle_days, infusion_days=longest.infusion_days,
            cycles_before_decision=before,
        )  # fmt: skip
        self.acts_until = max(drug.cycle_days * drug.cycles for drug in protocol.drugs)
        named = {scale.name for scale in protocol.scales} - {self.own_scale.name}
        self.others = [line for line in scenario.scales if line.name in named]
        self.ratings = []  # (day, grade as rated, score of each scale) after day 1

    # ---------------------------------------------------------------------------------------------- scales
    def score(self, line, grade):
        """Draw a score of another scale at a true grade: from its table, or around its line to the nearest step."""
        scale = self.protocol.scale(line.name)
        if line.table is not None:
            return float(list(scale.scores)[self.pick(line.table[grade])])
        step = line.step or scale.step or 1
        mean = line.best + (line.worst - line.best) * grade / (self.dead - 1)
        value = step * round(self.random.normal(mean, line.sd) / step)
        ends = scale.scores if scale.bounded else None
        return value if ends is None else min(max(value, min(ends)), max(ends))

    def scores(self, rated):
        """Score the patient, as he truly is now, on every scale; on that of the course he was rated."""
        found = {line.name: self.score(line, self.grade) for line in self.others}
        found[self.own_scale.name] = float(self.own_scale.scores[rated])
        if "mRS" in found and self.own_scale.name != "mRS":
            found["mRS"] = min(max(found["mRS"], 0), 5)  # a death is no score
        return found

    def may_enter(self):
        self.before = self.scores(self.baseline)
        for criterion in self.protocol.criteria:
            if criterion.kind != "scale" and not (criterion.kind == "range" and criterion.column == "mrs"):
                continue
            value = self.before[criterion.scale if criterion.kind == "scale" else "mRS"]
            if criterion.minimum is not None and value < criterion.minimum:
                return False
            if criterion.maximum is not None and value > criterion.maximum:
                return False
        return True

    def gain(self, scale, score):
        side = -1 if self.protocol.scale(scale).better == "lower" else 1
        return side * (exactly(score) - exactly(self.before[scale]))

    def change(self, part, score):
        """Give the category of a change: by points, and by percent of the score at baseline."""
        gain = self.gain(part.scale, score)
        percent = part.improvement_percent or 0
        enough = 100 * gain >= percent * abs(exactly(self.before[part.scale]))
        if gain >= exactly(part.improvement_points) and enough:
            return "improved"
        return "deteriorated" if gain < 0 else "stable"

    def truly_responds(self, starts):
        """Say whether the parts hold by the true grades on their target days; other scales show a score at them."""
        parts, days = self.protocol.endpoint.parts(), {}
        kept = self.before, self.grade
        self.before = self.before | {self.own_scale.name: float(self.own_scale.scores[self.true_baseline])}
        for visit in {part.visit for part in parts}:
            self.grade = self.grade_on(starts[visit] + self.protocol.visit(visit).target_day)
            days[visit] = None if self.grade == self.dead else self.scores(self.grade)
        scores = [days[part.visit] for part in parts]
        found = [
            s is not None and self.holds(p, s[p.scale], dead=False)
            for p, s in zip(parts, scores, strict=True)
        ]
        self.before, self.grade = kept
        return any(found) if self.protocol.endpoint.joined_by == "any" else all(found)

    def holds(self, part, score, *, dead):
        """Say whether a part of the endpoint holds: True, False, or None where it is unknown."""
        answers = []
        if part.direction != "any":
            wanted = {"improved": ("improved",), "deteriorated": ("deteriorated",)}
            wanted = wanted.get(part.direction, ("improved", "stable"))
            category = "deteriorated" if dead else None if score is None else self.change(part, score)
            answers.append(None if category is None else category in wanted)
        limits = (part.above, part.minimum, part.maximum)
        if limits != (None, None, None) or not answers:
            low, least, most = (-math.inf if part.above is None else part.above,
                                -math.inf if part.minimum is None else part.minimum,
                                math.inf if part.maximum is None else part.maximum)  # fmt: skip
            inside = None if score is None else low < score and least <= score <= most
            answers.append(False if dead else inside)
        return False if False in answers else None if None in answers else True

    # ------------------------------------------------------------------------------------------- treatment
    def planned(self):
        """List the days of all infusions that are planned as things stand: nobody dies or leaves."""
        kept = self.death_day, self.drop_day
        self.death_day = self.drop_day = None
        own = [self.first_day(c) + i for c in self.given() for i in range(c["given"])]
        self.death_day, self.drop_day = kept
        stopped = any(cycle["stopped"] for cycle in self.cycles)
        end = max(own) if stopped and own else math.inf
        others = {
            drug.cycle_days * cycle + day
            for drug in self.protocol.drugs if drug is not self.followed
            for cycle in range(drug.required if self.protocol.decision else drug.cycles)
            for day in range(drug.infusion_days)
        }  # fmt: skip
        return sorted({*own, *(day for day in others if day <= end)})

    def first_day(self, cycle):
        before, number = self.plan.cycles_before_decision, cycle["number"]
        begin = 0 if number < before else self.resumed
        return begin + self.plan.cycle_days * (number if number < before else number - before) + cycle["late"]

    def last_infusion(self):
        """Give the day of the last infusion that took place."""
        end = min([math.inf, *(day for day in (self.death_day, self.drop_day) if day is not None)])
        return max(day for day in self.planned() if day == 0 or day < end)

    def complete(self):
        """Say whether all required cycles of every drug that counts were given."""
        end = min([math.inf, *(day for day in (self.death_day, self.drop_day) if day is not None)])
        days = [day for day in self.planned() if day == 0 or day < end]
        own = sum(cycle["number"] < self.followed.required for cycle in self.given())
        others = all(
            any(drug.cycle_days * k <= day < drug.cycle_days * k + drug.infusion_days for day in days)
            for drug in self.protocol.counted_drugs if drug is not self.followed
            for k in range(drug.required)
        )  # fmt: skip
        return own == self.followed.required and others

    def was_stopped(self):
        """Say whether an adverse event ended treatment before death or drop-out did."""
        given = self.given()
        return bool(given) and given[-1]["stopped"] and given[-1]["given"] == given[-1]["infusions"]

    def followed_the_plan(self, complete):
        """Say whether the required cycles were given, each in dose and on time."""
        given = [c for c in self.given() if c["number"] < self.followed.required]
        factor, drug = self.scenario.treatment.dose_factor, self.followed
        doses = [c["given"] / drug.infusion_days * (factor if c["changed"] else 1) for c in given]
        gaps = [b["late"] - a["late"] for a, b in pairwise(given)]
        as_planned = not drug.has_dose or all(abs(dose - 1) <= drug.dose_tolerance + 1e-9 for dose in doses)
        return complete and as_planned and all(abs(gap) <= drug.on_time_tolerance_days for gap in gaps)

    def change_decided_on(self, value):
        decision = self.protocol.decision
        if value is None:
            return None
        scale = decision.scale or self.own_scale.name
        rule = SimpleNamespace(
            scale=scale, improvement_points=decision.improvement_points or 1, improvement_percent=None
        )
        own = decision.scale is None and decision.improvement_points is None
        return self.change(self.protocol.endpoint.parts()[0] if own else rule, self.ratings[-1][2][scale])

    def category(self, later):
        """Give the category that a rating shows, by which rescue may begin."""
        if later is None:
            return None
        if later == self.dead:
            return "deteriorated"
        return self.change(self.protocol.endpoint.parts()[0], float(self.own_scale.scores[later]))

    # ---------------------------------------------------------------------------------------------- visits
    def seen_on(self, day):
        """Live up to a day; rate the patient then, if he is there."""
        self.live(day)
        if self.grade < self.dead and not self.dropped and not self.misses():
            rated = self.rated()
            self.ratings.append((day, rated, self.scores(rated)))
            return True
        return False

    def live_through(self):
        """Live through all visits, the decision among them."""
        plan, scenario, decision = self.plan, self.scenario, self.protocol.decision
        self.enter()
        self.diary.clear()
        self.cycles = self.plan_cycles()
        stops = [k < len(self.cycles) and self.cycles[k]["stopped"] for k in range(plan.cycles)]
        before = plan.cycles_before_decision
        self.on_ivig, self.ivig_end = True, math.inf if decision else self.acts_until
        if any(stops[:before]):
            self.ivig_end = plan.cycle_days * (stops.index(True) + 1)
        for day in scenario.visits.extra_rating_days:
            self.seen_on(day - 1)
        jitter = scenario.visits.jitter_days
        left = list(self.protocol.visits)
        while left:
            # from which infusion on a visit counts is known when it is decided, or was stopped before
            known = any(stops[:before]) or decision is None or all(v.name != decision.visit for v in left)
            days = [(self.planned()[-1] if v.anchored else -1) + v.target_day for v in left]
            day, place = min((day, k) for k, day in enumerate(days) if known or not left[k].anchored)
            visit = left.pop(place)
            start = day - visit.target_day
            target, first, last = (start + day for day in (visit.target_day, visit.first_day, visit.last_day))
            day = target + (int(self.random.integers(-jitter, jitter + 1)) if jitter else 0)
            there = self.seen_on(day)
            if decision is None or visit.name != decision.visit:
                continue
            if there:
                self.decide(self.ratings[-1][1] if first <= day <= last else None, day, stops)
            elif self.grade < self.dead and not self.dropped:
                self.live(max(day, target))
                self.ivig_end = min(self.ivig_end, self.time)
                self.on_ivig = self.on_ivig and self.ivig_end > self.time

    def at(self, visit, start):
        """Give scores, day and what was derived at a visit: the rating nearest to its target, or death."""
        target, first, last = (start + day for day in (visit.target_day, visit.first_day, visit.last_day))
        near = [r for r in self.ratings if first <= r[0] <= last]
        best = min(near, key=lambda r: (abs(r[0] - target), -r[0]), default=None)
        dead = self.death_day if self.death_day is not None and not self.died_unseen else math.inf
        if dead <= target or (dead <= last and best is None):
            return None, dead, "DEATH"
        return (best[2], best[0], "observed") if best else (None, None, "missing")

    def run(self):
        """Give what is found at every visit."""
        self.live_through()
        end = self.protocol.endpoint
        self.live(max(self.time, self.horizon()))
        self.died_unseen = (
            self.death_day is not None and self.drop_day is not None and self.drop_day < self.death_day
        )
        last_infusion, complete = self.last_infusion(), self.complete()
        starts = {v.name: last_infusion if v.anchored else -1 for v in self.protocol.visits}
        # the truth is that of who stays: his last infusion is the last that is planned
        planned = {v.name: self.planned()[-1] if v.anchored else -1 for v in self.protocol.visits}
        found = {}
        for visit in self.protocol.visits:
            start, parts = starts[visit.name], end.parts()
            if visit.name != end.visit:  # at another visit every part is asked there
                parts = [part.model_copy(update={"visit": visit.name}) for part in parts]
            seen = [self.at(self.protocol.visit(part.visit), starts[part.visit]) for part in parts]
            first, day, derivation = seen[0]
            limit = start + visit.target_day if day is None else day
            rescued = self.rescue_day is not None and self.rescue_day <= limit
            joined = self.joined([None if s[0] is None else s[0][p.scale] for s, p in zip(seen, parts, strict=True)],
                                 [s[2] == "DEATH" for s in seen], parts)  # fmt: skip
            answer = self.answer(joined, derivation, rescued, complete, parts, starts)
            own_part = end.parts()[0]
            category = (
                "deteriorated" if derivation == "DEATH"
                else None if first is None else self.change(own_part, first[own_part.scale])
            )  # fmt: skip
            found[visit.name] = {
                "derivation": derivation, "category": category, "response": answer,
                "truly": visit.name == end.visit and self.truly_responds(planned),
                "followed": self.followed_the_plan(complete) and derivation != "missing" and not rescued,
            }  # fmt: skip
        return found

    def joined(self, scores, deaths, parts):
        found = [self.holds(p, s, dead=d) for p, s, d in zip(parts, scores, deaths, strict=True)]
        if self.protocol.endpoint.joined_by == "any":
            return True if True in found else None if None in found else False
        return False if False in found else None if None in found else True

    def answer(self, joined, derivation, rescued, complete, parts, starts):
        """Ask the four strategies of the estimand, in their order."""
        ways = self.protocol.estimand
        if derivation == "DEATH":
            return False if ways.death == "composite" else None
        if rescued and ways.rescue == "composite":
            return False
        if not complete and ways.stopped == "composite":
            return False
        if not complete and ways.stopped == "while on treatment":
            until = self.last_infusion() + self.protocol.endpoint.on_treatment_days
            joined = self.joined([self.last(p.scale, until) for p in parts], [False] * len(parts), parts)
        if joined is not None:
            return joined
        if ways.missing == "LOCF":
            ends = [
                self.last(p.scale, starts[p.visit] + self.protocol.visit(p.visit).last_day) for p in parts
            ]
            return self.joined(ends, [False] * len(parts), parts) is True
        return {"non-responder": False, "exclude": None, "best case": True}[ways.missing]

    def last(self, scale, until):
        days = [r for r in self.ratings if 0 < r[0] <= until]
        return max(days, key=lambda r: r[0])[2][scale] if days else None

    def grade_on(self, day):
        """Give the true grade on a day that was lived through."""
        if self.death_day is not None and self.death_day <= day:
            return self.dead
        return next(grade for a, b, grade in reversed(self.diary) if a <= day <= b)

    def horizon(self):
        last = self.planned()[-1]
        return max((last if v.anchored else -1) + v.last_day for v in self.protocol.visits)


def lives(protocol, scenario, patients, random):
    """Simulate patients; give mean and standard error under the names of the simulation's quantities."""
    end, decision = protocol.endpoint, protocol.decision
    secondary = end.secondary_visits[0] if end.secondary_visits else None
    rows = []
    for _ in range(patients):
        one = JoinedPatient(protocol, scenario, random)
        found = one.run()
        here, other = found[end.visit], found[secondary or end.visit]
        counted = here["response"] is not None
        row = {
            "true_response": here["truly"],
            **{name: here["category"] == name for name in ("improved", "stable", "deteriorated")},
            "dead": here["derivation"] == "DEATH", "missing": here["category"] is None,
            "responders": here["response"] is True, "counted": counted,
            "per_protocol": here["followed"],
            "stopped_for_adverse_event": one.was_stopped(), "cycles_per_patient": len(one.given()),
        }  # fmt: skip
        if secondary:
            row |= {
                "secondary_response": other["response"] is True, "secondary_dead": other["derivation"] == "DEATH",
                "secondary_missing": other["derivation"] == "missing",
            }  # fmt: skip
        if decision:
            alive = found[decision.visit]["derivation"] != "DEATH"
            row |= {f"decision_{word}": alive and one.decided == word for word in ("continue", "discontinue")}
            row["decision_dead"] = not alive
        rows.append(row)
    answers = {}
    for name in rows[0]:
        values = [float(row[name]) for row in rows]
        mean = sum(values) / patients
        answers[name] = mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (patients - 1) / patients)
    return answers

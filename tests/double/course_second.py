"""A patient of the simulation once more, programmed apart: every event drawn from its rate as it comes (Gillespie).

Nothing is shared with `pnstrial.engine` but the settings: rates, ratios and plans are read from protocol and scenario,
one patient is a loop over "what happens next". Slow and plain. Reference: Gillespie DT, J Phys Chem 1977;81:2340-2361.
"""

import functools
import math
from itertools import pairwise

MONTH = 365.25 / 12


@functools.cache
def rating_error(rating, grades):
    """Make the rating error once for all patients."""
    return rating.error(grades)


class Patient:
    """One patient from screening to the last visit; `run` says what was seen and what was true."""

    def __init__(self, protocol, scenario, random):
        self.protocol, self.scenario, self.random = protocol, scenario, random
        self.plan, self.dead = protocol.treatment, scenario.course.grades
        self.error = rating_error(scenario.rating, self.dead)
        self.rescued = self.tumour = self.damaged = self.dropped = False
        self.rescue_day = self.drop_day = self.death_day = None
        self.on_ivig, self.ivig_end = False, math.inf
        self.pending_rescue = math.inf
        self.diary = []  # (from, to, grade) of all that was lived through after day 1
        self.resumed = self.decided = None

    def pick(self, shares):
        draw, added = self.random.random(), 0.0
        for k, share in enumerate(shares):
            added += share
            if draw < added:
                return k
        return len(shares) - 1

    def enter(self):
        base, course = self.scenario.baseline, self.scenario.course
        lags = self.scenario.enrolment.day_1_lag_days
        while True:
            self.grade = self.true_baseline = self.pick(base.true_grades)
            self.baseline = self.pick(self.error.kernel[self.grade][: self.dead])
            self.onset = base.onset[self.pick([part.share for part in base.onset])].months
            self.tumour = self.random.random() < base.tumour_treatment
            self.antibody = list(base.antibody)[self.pick(list(base.antibody.values()))]
            self.group = (
                course.classes[self.pick([c.share for c in course.classes])] if course.classes else None
            )
            frailty = course.frailty
            self.frail = (
                self.random.gamma(1 / frailty.variance, frailty.variance) if frailty is not None else 1.0
            )
            self.damaged = course.damage is not None and self.random.random() < course.damage.share
            if not self.may_enter():
                continue
            if self.scenario.enrolment.course_before_day_1:
                lag = self.random.integers(int(lags[0]), int(lags[1]) + 1)
                self.time = -float(lag)
                started = self.tumour, self.damaged
                self.switching = False
                self.live(0.0)
                self.tumour, self.damaged = started
                if self.grade == self.dead:
                    continue
            break
        self.off_by = self.baseline - self.true_baseline
        self.switching = True
        self.time = 0.0

    def may_enter(self):
        """Say whether the rating at screening is one that the protocol lets in."""
        asked = [c for c in self.protocol.criteria if c.kind == "range" and c.column == "mrs"]
        return all(criterion.minimum <= self.baseline <= criterion.maximum for criterion in asked)

    def rates(self):
        """Give what can happen now, with its rate per day."""
        course, scenario, g = self.scenario.course, self.scenario, self.grade
        held = []
        months = self.onset + max(self.time, 0.0) / MONTH
        if self.on_ivig and not self.dropped:
            held.append(course.ivig)
            held += [band for band in course.ivig_since_onset if band.from_months <= months + 1e-12][-1:]
        if self.tumour:
            held.append(course.tumour_treatment)
        if self.antibody in course.antibody:
            held.append(course.antibody[self.antibody])
        if self.rescued:
            held.append(course.rescue)
        if self.damaged:
            held.append(course.damage)
        if self.group is not None:
            held.append(self.group)
        bands = [band for band in course.onset if band.from_months <= months + 1e-12]
        held += bands[-1:]
        found = {}
        for kind, own in (("improve", course.improve), ("worsen", course.worsen), ("die", course.die)):
            rate = own[g]
            for ratios in held:
                rate *= getattr(ratios, kind)
            if course.frailty is not None and kind in course.frailty.of:
                rate *= self.frail
            found[kind] = rate
        if self.switching:
            if not self.dropped:
                found["drop"] = scenario.dropout.per_month * self.now(scenario.dropout.ratios)
                if not self.rescued:
                    found["rescue"] = scenario.rescue.per_month
            if not self.tumour:
                found["tumour"] = scenario.baseline.tumour_treatment_per_month
            if course.damage is not None and not self.damaged:
                found["damage"] = course.damage.per_month
        return {name: rate / MONTH for name, rate in found.items() if rate > 0}

    def now(self, ratios):
        """Give the ratio that holds for the grade that he is in, and for its change since screening."""
        moved = self.grade - self.true_baseline
        change = ratios.worse if moved > 0 else ratios.improved if moved < 0 else 1
        return change * (ratios.by_grade[self.grade] if len(ratios.by_grade) == self.dead else 1)

    def live(self, until):
        """Let things happen up to a day."""
        while self.grade < self.dead and self.time < until:
            changes = [self.ivig_end if self.on_ivig else math.inf, self.pending_rescue]
            course = self.scenario.course
            changes += [
                (band.from_months - self.onset) * MONTH for band in (*course.onset, *course.ivig_since_onset)
            ]
            stop = min([until, *(day for day in changes if day > self.time)])
            rates = self.rates()
            total = sum(rates.values())
            wait = self.random.exponential(1 / total) if total > 0 else math.inf
            self.diary.append((self.time, min(self.time + wait, stop), self.grade))
            if self.time + wait >= stop:
                self.time = stop
                if self.on_ivig and stop == self.ivig_end:
                    self.on_ivig = False
                if stop == self.pending_rescue:
                    self.pending_rescue = math.inf
                    self.begin_rescue()
                continue
            self.time += wait
            self.happen(list(rates)[self.pick([rate / total for rate in rates.values()])])
            if self.grade == self.dead:
                self.diary.append((self.time, math.inf, self.dead))

    def days_independent(self, until, worst=2):
        """Add up the days in grades up to the worst that is independent."""
        return sum(min(b, until) - min(a, until) for a, b, grade in self.diary if grade <= worst)

    def days_to_deterioration(self, until):
        """Give the first day in a grade worse than the true one at screening, or dead; `until` if none came before."""
        return min([until, *(a for a, _, grade in self.diary if grade > self.true_baseline)])

    def plan_cycles(self):
        """Draw dose, delay and events of every cycle, infusion by infusion."""
        events, pattern = self.scenario.adverse_events, self.scenario.treatment
        days = self.plan.infusion_days
        planned = []
        for k in range(self.plan.cycles):
            late = 0
            if self.random.random() < pattern.late:
                late = int(self.random.integers(int(pattern.late_days[0]), int(pattern.late_days[1]) + 1))
            cycle = {"late": late if k else 0, "changed": self.random.random() < pattern.changed_dose}
            cycle |= {"thromboses": [], "haemolyses": [], "stopped": False, "infusions": days}
            for i in range(days):
                if self.random.random() < events.per_infusion:
                    cycle["stopped"] |= self.random.random() < events.stop
                for name, p, stop in (
                    ("thromboses", events.thrombosis_per_infusion, events.thrombosis_stops),
                    ("haemolyses", events.haemolysis_per_infusion, events.haemolysis_stops),
                ):
                    if self.random.random() < p:
                        cycle[name].append(i)
                        cycle["stopped"] |= self.random.random() < stop
                if cycle["stopped"]:
                    cycle["infusions"] = i + 1
                    break
            planned.append(cycle)
            if cycle["stopped"]:
                break
        return planned

    def given(self):
        """List the cycles that were given: number, lateness, infusions, whether changed, harms."""
        plan, found = self.plan, []
        last = min([math.inf, *(day for day in (self.death_day, self.drop_day) if day is not None)])
        before = plan.cycles_before_decision
        for k, cycle in enumerate(self.cycles):
            if k >= before and self.resumed is None:
                break
            begin = plan.cycle_days * k if k < before else self.resumed + plan.cycle_days * (k - before)
            days = [i for i in range(cycle["infusions"]) if begin + cycle["late"] + i < last]
            if not days:
                break
            found.append(cycle | {"number": k, "given": len(days)})
        return found

    def follows_the_protocol(self, found):
        """Say whether the first cycles were given as planned, with a value at the endpoint visit and no rescue."""
        plan = self.plan
        first = [cycle for cycle in self.given() if cycle["number"] < plan.cycles_before_decision]
        if len(first) < plan.cycles_before_decision or found["value"] is None or found["rescued"]:
            return False
        late = [cycle["late"] for cycle in first]
        if any(abs(b - a) > plan.on_time_tolerance_days for a, b in pairwise(late)):
            return False
        factor = self.scenario.treatment.dose_factor
        doses = [c["given"] / plan.infusion_days * (factor if c["changed"] else 1) for c in first]
        return all(abs(dose - 1) <= plan.dose_tolerance + 1e-9 for dose in doses)

    def happen(self, event):
        if event == "improve":
            self.grade -= 1
        elif event == "worsen":
            self.grade += 1
        elif event == "die":
            self.grade = self.dead
            self.death_day = self.time
        elif event == "drop":
            self.dropped, self.drop_day = True, self.time
        elif event == "rescue":
            self.begin_rescue()
        elif event == "tumour":
            self.tumour = True
        elif event == "damage":
            self.damaged = True

    def begin_rescue(self):
        if not self.rescued and not self.dropped and self.grade < self.dead:
            self.rescued, self.rescue_day = True, self.time

    def category(self, later):
        points = self.protocol.endpoint.improvement_points
        if later is None:
            return None
        if later == self.dead or later > self.baseline:
            return "deteriorated"
        return "improved" if self.baseline - later >= points else "stable"

    def misses(self):
        pattern = self.scenario.visits
        return self.random.random() < pattern.missed * self.now(pattern.missed_ratios)

    def rated(self):
        """Rate the patient; a rating worse than the baseline may set off rescue the day after."""
        error = self.error
        rating = self.pick(error.kernel[self.grade][: self.dead])
        if self.random.random() < error.persistence:
            rating = min(
                max(self.grade + self.off_by, 0), self.dead - 1
            )  # the same rater errs as he did before
        self.off_by = rating - self.grade
        if (
            self.category(rating) == "deteriorated"
            and self.random.random() < self.scenario.rescue.after_worse_rating
        ):
            self.pending_rescue = self.time + 1
        return rating

    def run(self):
        """Give what was seen and what was true at every visit."""
        plan, scenario = self.plan, self.scenario
        self.enter()
        self.diary.clear()
        self.cycles = self.plan_cycles()
        stops = [k < len(self.cycles) and self.cycles[k]["stopped"] for k in range(plan.cycles)]
        self.on_ivig = True
        before = plan.cycles_before_decision
        if any(stops[:before]):
            self.ivig_end = plan.cycle_days * (stops.index(True) + 1)
        for day in scenario.visits.extra_rating_days:
            self.live(day - 1)
            if self.grade < self.dead and not self.dropped and not self.misses():
                self.rated()
        found = {}
        for visit in self.protocol.visits:
            target, first, last = visit.target_day - 1, visit.first_day - 1, visit.last_day - 1
            jitter = scenario.visits.jitter_days
            day = target + (int(self.random.integers(-jitter, jitter + 1)) if jitter else 0)
            truth = rating = None
            rescued = False
            for moment in sorted({day, target}):
                self.live(moment)
                if moment == day and self.grade < self.dead and not self.dropped:
                    attended = not self.misses()
                    if attended:
                        rating = self.rated()
                        if first <= day <= last:
                            rescued = self.rescued
                    if visit.name == self.protocol.decision.visit and attended:
                        self.decide(rating if first <= day <= last else None, day, stops)
                    elif visit.name == self.protocol.decision.visit:
                        informed = scenario.visits.missed_ratios != type(scenario.visits.missed_ratios)()
                        self.ivig_end = min(self.ivig_end, max(target, day if informed else target))
                        self.on_ivig = self.on_ivig and self.ivig_end > self.time
                if moment == target:
                    truth = self.grade
                    rescued_at_target = self.rescued
            rating = rating if rating is not None and first <= day <= last else None
            seen_dead = self.seen_dead(target)
            if rating is None and not seen_dead:
                self.live(last)
                seen_dead = self.seen_dead(last)
            value = self.dead if seen_dead else rating
            rescued = rescued if rating is not None and not seen_dead else rescued_at_target
            found[visit.name] = {
                "true": truth, "value": value, "rescued": rescued, "category": self.category(value),
                "response": value is not None and value < self.dead and not rescued and self.category(value) == "improved",
            }  # fmt: skip
        return found

    def seen_dead(self, day):
        return self.grade == self.dead and self.death_day <= day and not self.dropped

    def scored(self, grade):
        """Score a patient on the scale of the decision: around a line over the grades, to the nearest score."""
        (derived,) = self.scenario.scales
        scale = self.protocol.scale(self.protocol.decision.scale)
        value = derived.best + (derived.worst - derived.best) * grade / 5 + self.random.normal(0, derived.sd)
        return min(max(scale.step * round(value / scale.step), scale.lowest), scale.highest)

    def change_decided_on(self, value):
        """Compare with the baseline as the decision does: on its own scale, by its own points."""
        decision = self.protocol.decision
        if value is None or decision.scale is None:
            if value is None or decision.improvement_points is None:
                return self.category(value)
            fall = self.baseline - value
        else:
            better = 1 if self.protocol.scale(decision.scale).better == "higher" else -1
            fall = better * (self.scored(self.grade) - self.scored(self.true_baseline))
        if fall < 0:
            return "deteriorated"
        return "improved" if fall >= (decision.improvement_points or 1) else "stable"

    def decide(self, value, day, stops):
        """Go on with IVIg, or end it."""
        plan, scenario, rule = self.plan, self.scenario, self.protocol.decision
        category = self.change_decided_on(value)
        words = {"improved": rule.improved, "stable": rule.stable, "deteriorated": rule.deteriorated}
        usual = {"improved": "continue", "stable": "continue", "deteriorated": "discontinue", None: None}
        self.decided = words.get(category) or usual[category]
        goes_on = self.decided == "continue"
        if self.decided == "discontinue":
            goes_on = self.random.random() < scenario.treatment.continued_anyway
            if not goes_on and self.random.random() < scenario.rescue.after_discontinuation:
                self.pending_rescue = day + 1
        if not goes_on:
            self.ivig_end = min(self.ivig_end, self.time)
            self.on_ivig = False
            return
        before = plan.cycles_before_decision
        if any(stops[:before]):
            return
        self.resumed = max(plan.cycle_days * before, day)
        later = stops[before:]
        cycles = later.index(True) + 1 if any(later) else len(later)
        self.ivig_end = max(plan.cycle_days * before, day) + plan.cycle_days * cycles


def shares(protocol, scenario, patients, random):
    """Simulate patients; give shares under the names of the simulation's quantities."""
    counts = dict.fromkeys(
        ("true_response", "improved", "stable", "deteriorated", "dead", "missing", "response", "secondary_response",
         "secondary_dead", "secondary_missing", "decision_continue"), 0
    )  # fmt: skip
    endpoint, secondary = protocol.endpoint.visit, protocol.endpoint.secondary_visits[0]
    for _ in range(patients):
        one = Patient(protocol, scenario, random)
        found = one.run()
        here, later = found[endpoint], found[secondary]
        counts["true_response"] += here["true"] < 6 and one.true_baseline - here["true"] >= 1
        counts["missing" if here["category"] is None else here["category"]] += 1
        counts["dead"] += here["value"] == 6
        counts["response"] += here["response"]
        alive = found[protocol.decision.visit]["value"] != 6
        counts["decision_continue"] += one.decided == "continue" and alive
        counts["secondary_response"] += later["response"]
        counts["secondary_dead"] += later["value"] == 6
        counts["secondary_missing"] += later["value"] is None
    return {name: count / patients for name, count in counts.items()}


def means(protocol, scenario, patients, random):
    """Simulate patients; give mean and standard error of what is counted in days, infusions and patients."""
    endpoint = protocol.endpoint.visit
    until = protocol.visits[-1].target_day - 1
    rows = []
    for _ in range(patients):
        one = Patient(protocol, scenario, random)
        found = one.run()[endpoint]
        given = one.given()
        own = one.follows_the_protocol(found)
        one.live(730.0)
        rows.append(
            (
                own, own and found["response"], one.days_independent(until), one.days_to_deterioration(until),
                sum(i < c["given"] for c in given for i in c["thromboses"]),
                sum(i < c["given"] for c in given for i in c["haemolyses"]), len(given),
                *(one.death_day is None or one.death_day > day for day in (183, 365, 730)),
            )
        )  # fmt: skip
    names = (
        "per_protocol", "per_protocol_responders", "days_independent", "days_to_deterioration", "thromboses_per_patient",
        "haemolyses_per_patient", "cycles_per_patient", "alive_6_months", "alive_12_months", "alive_24_months",
    )  # fmt: skip
    columns = [[float(row[k]) for row in rows] for k in range(len(names))]
    found = {}
    for name, values in zip(names, columns, strict=True):
        mean = sum(values) / patients
        spread = sum((value - mean) ** 2 for value in values) / (patients - 1)
        found[name] = (mean, math.sqrt(spread / patients))
    return found

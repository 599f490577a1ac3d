"""A patient of the simulation once more, programmed apart: every event drawn from its rate as it comes (Gillespie).

Nothing is shared with `pnstrial.engine` but the settings: rates, ratios and plans are read from protocol and scenario,
one patient is a loop over "what happens next". Slow and plain. Reference: Gillespie DT, J Phys Chem 1977;81:2340-2361.
"""

import math

MONTH = 365.25 / 12


class Patient:
    """One patient from screening to the last visit; `run` says what was seen and what was true."""

    def __init__(self, protocol, scenario, random):
        self.protocol, self.scenario, self.random = protocol, scenario, random
        self.rescued = self.tumour = self.damaged = self.dropped = False
        self.rescue_day = self.drop_day = self.death_day = None
        self.on_ivig, self.ivig_end = False, math.inf
        self.pending_rescue = math.inf

    def pick(self, shares):
        draw, added = self.random.random(), 0.0
        for k, share in enumerate(shares):
            added += share
            if draw < added:
                return k
        return len(shares) - 1

    def enter(self):
        base, course = self.scenario.baseline, self.scenario.course
        kernel = self.scenario.rating.error().kernel
        low = high = None
        for criterion in self.protocol.criteria:
            if criterion.kind == "range" and criterion.column == "mrs":
                low, high = criterion.minimum, criterion.maximum
        lags = self.scenario.enrolment.day_1_lag_days
        while True:
            self.grade = self.true_baseline = self.pick(base.mrs)
            self.baseline = self.pick(kernel[self.grade][:6])
            self.onset = base.onset[self.pick([part.share for part in base.onset])].months
            self.tumour = self.random.random() < base.tumour_treatment
            self.antibody = list(base.antibody)[self.pick(list(base.antibody.values()))]
            self.group = (
                course.classes[self.pick([c.share for c in course.classes])] if course.classes else None
            )
            self.damaged = course.damage is not None and self.random.random() < course.damage.share
            if not low <= self.baseline <= high:
                continue
            if self.scenario.enrolment.course_before_day_1:
                lag = self.random.integers(int(lags[0]), int(lags[1]) + 1)
                self.time = -float(lag)
                started = self.tumour, self.damaged
                self.switching = False
                self.live(0.0)
                self.tumour, self.damaged = started
                if self.grade == 6:
                    continue
            break
        self.off_by = self.baseline - self.true_baseline
        self.switching = True
        self.time = 0.0

    def rates(self):
        """Give what can happen now, with its rate per day."""
        course, scenario, g = self.scenario.course, self.scenario, self.grade
        held = []
        if self.on_ivig and not self.dropped:
            held.append(course.ivig)
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
        months = self.onset + max(self.time, 0.0) / MONTH
        bands = [band for band in course.onset if band.from_months <= months + 1e-12]
        held += bands[-1:]
        found = {}
        for kind, own in (("improve", course.improve), ("worsen", course.worsen), ("die", course.die)):
            rate = own[g]
            for ratios in held:
                rate *= getattr(ratios, kind)
            found[kind] = rate
        if self.switching:
            if not self.dropped:
                ratios = scenario.dropout.ratios
                change = (
                    ratios.worse
                    if g > self.true_baseline
                    else ratios.improved
                    if g < self.true_baseline
                    else 1
                )
                found["drop"] = scenario.dropout.per_month * ratios.by_grade[g] * change
                if not self.rescued:
                    found["rescue"] = scenario.rescue.per_month
            if not self.tumour:
                found["tumour"] = scenario.baseline.tumour_treatment_per_month
            if course.damage is not None and not self.damaged:
                found["damage"] = course.damage.per_month
        return {name: rate / MONTH for name, rate in found.items() if rate > 0}

    def live(self, until):
        """Let things happen up to a day."""
        while self.grade < 6 and self.time < until:
            changes = [self.ivig_end if self.on_ivig else math.inf, self.pending_rescue]
            changes += [(band.from_months - self.onset) * MONTH for band in self.scenario.course.onset]
            stop = min([until, *(day for day in changes if day > self.time)])
            rates = self.rates()
            total = sum(rates.values())
            wait = self.random.exponential(1 / total) if total > 0 else math.inf
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

    def happen(self, event):
        if event == "improve":
            self.grade -= 1
        elif event == "worsen":
            self.grade += 1
        elif event == "die":
            self.grade = 6
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
        if not self.rescued and not self.dropped and self.grade < 6:
            self.rescued, self.rescue_day = True, self.time

    def category(self, later):
        points = self.protocol.endpoint.improvement_points
        if later is None:
            return None
        if later == 6 or later > self.baseline:
            return "deteriorated"
        return "improved" if self.baseline - later >= points else "stable"

    def misses(self):
        pattern = self.scenario.visits
        ratios = pattern.missed_ratios
        change = (
            ratios.worse
            if self.grade > self.true_baseline
            else ratios.improved
            if self.grade < self.true_baseline
            else 1
        )
        return self.random.random() < pattern.missed * ratios.by_grade[self.grade] * change

    def rated(self):
        """Rate the patient; a rating worse than the baseline may set off rescue the day after."""
        error = self.scenario.rating.error()
        rating = self.pick(error.kernel[self.grade][:6])
        if self.random.random() < error.persistence:
            rating = min(max(self.grade + self.off_by, 0), 5)  # the same rater errs as he did before
        self.off_by = rating - self.grade
        if (
            self.category(rating) == "deteriorated"
            and self.random.random() < self.scenario.rescue.after_worse_rating
        ):
            self.pending_rescue = self.time + 1
        return rating

    def run(self):
        """Give what was seen and what was true at every visit."""
        plan, scenario = self.protocol.treatment, self.scenario
        self.enter()
        stop = scenario.adverse_events.per_infusion * scenario.adverse_events.stop
        stops = [self.random.random() < 1 - (1 - stop) ** plan.infusion_days for _ in range(plan.cycles)]
        self.on_ivig = True
        before = plan.cycles_before_decision
        if any(stops[:before]):
            self.ivig_end = plan.cycle_days * (stops.index(True) + 1)
        for day in scenario.visits.extra_rating_days:
            self.live(day - 1)
            if self.grade < 6 and not self.dropped and not self.misses():
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
                if moment == day and self.grade < 6 and not self.dropped:
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
            value = 6 if seen_dead else rating
            rescued = rescued if rating is not None and not seen_dead else rescued_at_target
            found[visit.name] = {
                "true": truth, "value": value, "category": self.category(value),
                "response": value is not None and value < 6 and not rescued and self.category(value) == "improved",
            }  # fmt: skip
        return found

    def seen_dead(self, day):
        return self.grade == 6 and self.death_day <= day and not self.dropped

    def decide(self, value, day, stops):
        """Go on with IVIg, or end it."""
        plan, scenario = self.protocol.treatment, self.scenario
        category = self.category(value)
        goes_on = category in {"improved", "stable"}
        if category == "deteriorated":
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
        later = stops[before:]
        cycles = later.index(True) + 1 if any(later) else len(later)
        self.ivig_end = max(plan.cycle_days * before, day) + plan.cycle_days * cycles


def shares(protocol, scenario, patients, random):
    """Simulate patients; give shares under the names of the simulation's quantities."""
    counts = dict.fromkeys(
        ("true_response", "improved", "stable", "deteriorated", "dead", "missing", "response", "secondary_response",
         "secondary_dead", "secondary_missing"), 0
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
        counts["secondary_response"] += later["response"]
        counts["secondary_dead"] += later["value"] == 6
        counts["secondary_missing"] += later["value"] is None
    return {name: count / patients for name, count in counts.items()}

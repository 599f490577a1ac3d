"""Patients on a scale of any number of grades once more, programmed apart: every event drawn as it comes (Gillespie).

One drug or several, no interim decision, scores of other scales drawn from their distribution at each rating. Nothing
is shared with `pnstrial.engine` but the settings. Reference: Gillespie DT, J Phys Chem 1977;81:2340-2361.
"""

import math

MONTH = 365.25 / 12


def draw(random, shares):
    u, added = random.random(), 0.0
    for k, share in enumerate(shares):
        added += share
        if u < added:
            return k
    return len(shares) - 1


class Patient:
    def __init__(self, protocol, scenario, random):
        self.protocol, self.scenario, self.random = protocol, scenario, random
        self.course, self.dead = scenario.course, scenario.course.grades
        self.error = scenario.rating.error(self.dead)
        self.scores = [float(score) for score in protocol.scale().scores]
        has = {scale.name for scale in protocol.scales} - {protocol.endpoint.scale}
        self.others = [line for line in scenario.scales if line.name in has]
        self.better = -1 if protocol.scale().better == "lower" else 1
        self.time, self.dropped, self.rescued = 0.0, math.inf, math.inf
        self.death = math.inf

    def score(self, scale, grade):
        """Draw a score of another scale: normal around its line, rounded to its step and kept on the scale."""
        line = next(own for own in self.scenario.scales if own.name == scale)
        mean = line.best + (line.worst - line.best) * grade / (self.dead - 1)
        known, step = self.protocol.scale(scale), line.step or 1
        value = step * round(self.random.normal(mean, line.sd) / step)
        return (
            min(max(value, known.lowest), known.highest)
            if known.bounded and known.lowest is not None
            else value
        )

    def enter(self):
        base = self.scenario.baseline
        while True:
            self.grade = self.true = draw(self.random, base.true_grades)
            self.rated = draw(self.random, self.error.kernel[self.grade][: self.dead])
            others = {own.name: self.score(own.name, self.grade) for own in self.others}
            if "mRS" in others:
                others["mRS"] = min(max(others["mRS"], 0), 5)
            given = {**others, self.protocol.endpoint.scale: self.scores[self.rated]}
            if all(self.lets_in(criterion, given) for criterion in self.protocol.criteria):
                break
        self.before = others
        self.onset = base.onset[draw(self.random, [part.share for part in base.onset])].months
        self.off_by = self.rated - self.true

    @staticmethod
    def lets_in(criterion, given):
        if criterion.kind == "scale" or (criterion.kind == "range" and criterion.column == "mrs"):
            value = given[criterion.scale if criterion.kind == "scale" else "mRS"]
            return (criterion.minimum is None or value >= criterion.minimum) and (
                criterion.maximum is None or value <= criterion.maximum
            )
        return True

    def live(self, until):
        while self.time < until and self.grade < self.dead:
            on = self.time < self.treated_until and self.time < self.dropped
            months = self.onset + self.time / MONTH
            held = [self.course.ivig] if on else []
            held += [band for band in self.course.onset if band.from_months <= months + 1e-12][-1:]
            rates = {
                kind: getattr(self.course, kind)[self.grade]
                * math.prod(getattr(r, kind) for r in held)
                / MONTH
                for kind in ("improve", "worsen", "die")
            }
            changes = [self.treated_until, self.dropped]
            changes += [(band.from_months - self.onset) * MONTH for band in self.course.onset]
            stop = min([until, *(day for day in changes if day > self.time)])
            total = sum(rates.values())
            wait = self.random.exponential(1 / total) if total > 0 else math.inf
            if self.time + wait >= stop:
                self.time = stop
                continue
            self.time += wait
            event = list(rates)[draw(self.random, [rate / total for rate in rates.values()])]
            if event == "die":
                self.grade, self.death = self.dead, self.time
            else:
                self.grade += 1 if event == "worsen" else -1

    def rate(self):
        rated = draw(self.random, self.error.kernel[self.grade][: self.dead])
        if self.random.random() < self.error.persistence:
            rated = min(max(self.grade + self.off_by, 0), self.dead - 1)
        self.off_by = rated - self.grade
        return rated

    def run(self):
        """Give what is found at the endpoint's visit, which counts from day 1."""
        protocol, scenario = self.protocol, self.scenario
        self.enter()
        exponential = self.random.exponential
        self.dropped = (
            exponential(MONTH / scenario.dropout.per_month) if scenario.dropout.per_month else math.inf
        )
        self.rescued = (
            exponential(MONTH / scenario.rescue.per_month) if scenario.rescue.per_month else math.inf
        )
        self.treated_until = max(drug.cycle_days * drug.cycles for drug in protocol.drugs)
        for day in scenario.visits.extra_rating_days:
            self.live(day - 1)
            if (
                self.grade < self.dead
                and self.dropped > day - 1
                and self.random.random() >= scenario.visits.missed
            ):
                self.rate()
        visit, jitter = protocol.visit(protocol.endpoint.visit), scenario.visits.jitter_days
        target, first, last = visit.target_day - 1, visit.first_day - 1, visit.last_day - 1
        day = target + (int(self.random.integers(-jitter, jitter + 1)) if jitter else 0)
        truth = rated = None
        for moment in sorted({day, target}):
            self.live(moment)
            there = moment == day and self.grade < self.dead and self.dropped > day
            if there and self.random.random() >= scenario.visits.missed:
                rated = self.rate()
                after = {own.name: self.score(own.name, self.grade) for own in self.others}
            truth = self.grade if moment == target else truth
        rated = rated if rated is not None and first <= day <= last else None
        self.live(last)
        seen = self.death if self.death < self.dropped else math.inf
        died = seen <= target or (seen <= last and rated is None)
        rescued = self.rescued <= (day if rated is not None and not died else target)
        points = protocol.endpoint.improvement_points
        gain = None if rated is None else self.better * (self.scores[rated] - self.scores[self.rated])
        improved = gain is not None and not died and gain >= points
        holds = [self.holds(part, after) for part in protocol.endpoint.also] if improved else []
        true_gain = 0 if truth == self.dead else self.better * (self.scores[truth] - self.scores[self.true])
        truly = true_gain >= points
        if truly and protocol.endpoint.also:  # the other scales have no truth but the scores that they show
            shown = {own.name: self.score(own.name, truth) for own in self.others}
            truly = all(self.holds(part, shown) for part in protocol.endpoint.also)
        return {
            "true_response": truly, "improved": improved, "dead": died,
            "missing": rated is None and not died,
            "deteriorated": died or (gain is not None and gain < 0),
            "response": improved and not rescued and all(holds),
        }  # fmt: skip

    def holds(self, part, after):
        """Say whether a further part of the endpoint, which asks for a gain and a bound above, is met."""
        side = 1 if self.protocol.scale(part.scale).better == "higher" else -1
        gain = side * (after[part.scale] - self.before[part.scale])
        return gain >= part.improvement_points and (part.above is None or after[part.scale] > part.above)


def shares(protocol, scenario, patients, random):
    """Simulate patients; give shares under the names of the simulation's quantities."""
    found = [Patient(protocol, scenario, random).run() for _ in range(patients)]
    return {name: sum(bool(one[name]) for one in found) / patients for name in found[0]}

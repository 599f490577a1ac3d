"""Joined endpoints and visits after the last infusion: kernel, exact answer, tables and a double programmed apart agree."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.endpoints import responders_of
from pnstrial.engine.kernels import layout as at
from pnstrial.simulate import patient_records
from tests.double.joined_second import lives
from tests.stranger.test_parts import HAND as HAND_SCENARIO
from tests.stranger.test_parts import LIVELY, SCENARIO, moving, ward

STRANGER = Path(__file__).parents[1] / "stranger"
ALIKE = 4.5  # standard errors


def part(name, scale, visit, **keys):
    return {"name": name, "scale": scale, "visit": visit, "source": "assumed", **keys}


def after_last(name, target, first, last):
    days = {"target_day": target, "first_day": first, "last_day": last}
    return {"name": name, "after": "last infusion", "source": "assumed", **days}


def protocol_of(name, visits=None, **sections):
    """Give a protocol with other settings, every one of them assumed."""
    content = pns.load_protocol(name).model_dump()
    content |= {"design": None} | ({} if visits is None else {"visits": visits})
    for section, keys in sections.items():
        own = content[section] or {}
        source = own.get("source", {}) | dict.fromkeys(keys, "assumed")
        content[section] = own | keys | {"source": source}
    return pns.Protocol.model_validate(content)


def scenario_of(name, scales=None, **sections):
    scenario = pns.load_scenario(name).changed(**sections)
    other = {} if scales is None else {"scales": scales}
    return type(scenario).model_validate(scenario.model_dump(exclude_none=True) | other)


NATALIZUMAB, SIROLIMUS, ONLS = "natalizumab-2021", "sirolimus-2015", "nct06373211"
HAND, WARD = STRANGER / "hand.toml", STRANGER / "ward.toml"
ACTS = {"ivig": {"improve": 8, "worsen": 0.3, "die": 0.6}}
HARD = {
    "treatment": {"late": 0.5, "late_days": (1, 10)}, "adverse_events": {"per_infusion": 0.3, "stop": 0.5},
    "dropout": {"per_month": 0.15}, "visits": {"jitter_days": 7, "missed": 0.15}, "course": ACTS,
}  # fmt: skip
BETTER = {"course": {"improve": (0, 0.9, 0.9, 0.9, 0.9, 0.9)}}
DYING = {"course": {"improve": (0, 0.4, 0.4, 0.4, 0.4, 0.4), "die": (0.1,) * 6}, "visits": {"missed": 0.2}}
HANDS = {
    "dropout": {"per_month": 0.2},
    "treatment": {"late": 0.4, "late_days": (1, 5)},
    "course": {"die": 0.08},
}
STOPS = {"adverse_events": {"per_infusion": 0.1, "stop": 0.5}}
DECIDES = {"course": {"ivig": {"improve": 20, "worsen": 0.3}}, "visits": {"jitter_days": 3}} | STOPS
MOVED = {
    "treatment": {"late": 0.4, "late_days": (1, 4)}, "rescue": {"per_month": 0.05, "after_discontinuation": 0.3},
    "visits": {"jitter_days": 3, "missed": 0.1}, "enrolment": {"failures": {}},
}  # fmt: skip
TWO = [
    {"name": "Barthel", "best": 100, "worst": 10, "sd": 8},
    {"name": "ICARS", "best": 4, "worst": 74, "sd": 5},
]
TABLE = [[0.0] * (3 * g) + [0.5, 0.3, 0.2] + [0.0] * (18 - 3 * g) for g in range(6)]
ENDED = {"visit": "End", "secondary": (), "secondary_visits": ()}


def sirolimus(*others, **keys):
    own = {"endpoint": keys} if not others else {"endpoint": keys | {"also": others}}
    return protocol_of(SIROLIMUS, **own)


def mrs(*others, **keys):
    return protocol_of("nct02343211", endpoint=keys | {"also": others})


def single(protocol):
    """Leave the design out, by which a trial may stop after its first stage."""
    return protocol.model_copy(update={"design": None})


QUICK = {
    "any of two": (sirolimus(combine="any"), scenario_of(SIROLIMUS, **DYING)),
    "any of two, unknowns excluded": (
        protocol_of(SIROLIMUS, endpoint={"combine": "any"}, estimand={"missing": "exclude", "death": "exclude"}),
        scenario_of(SIROLIMUS, **DYING),
    ),
    "all of two, the best case": (
        protocol_of(SIROLIMUS, estimand={"missing": "best case", "rescue": "treatment policy"}),
        scenario_of(SIROLIMUS, **DYING, dropout={"per_month": 0.1}),
    ),
    "all of three with bounds and percent": (
        sirolimus(
            part("E", "EFIT", "Week 8", direction="not deteriorated", minimum=-2, maximum=8),
            part("B", "Barthel", "Week 8", improvement_points=5, improvement_percent=10), maximum=2,
        ),
        scenario_of(SIROLIMUS, **BETTER),
    ),
    "any of four directions": (
        sirolimus(
            part("E", "EFIT", "Week 8", direction="deteriorated"),
            part("B", "Barthel", "Week 8", direction="any", minimum=60),
            part("M", "mRS", "Week 8", direction="not deteriorated"), combine="any", above=0, maximum=3,
        ),
        scenario_of(SIROLIMUS, course=DYING["course"]),
    ),
    "one scale twice, one rater": (
        sirolimus(part("M", "mRS", "Week 8", direction="any", maximum=1), combine="any", improvement_points=2),
        scenario_of(SIROLIMUS, course=DYING["course"], rating={"same_rater_agreement": 0.8}),
    ),
    "a scale by table": (
        sirolimus(part("B", "Barthel", "Week 8", improvement_points=5)),
        scenario_of(SIROLIMUS, [{"name": "Barthel", "table": TABLE}], **BETTER),
    ),
    "parts beside a decision": (
        mrs(part("B", "Barthel", "Month 3", improvement_points=10)), scenario_of("anti-hu", TWO, **DECIDES)
    ),
    "parts at two visits, one rater": (
        protocol_of(
            "nct02343211",
            endpoint={
                "visit": "Month 6", "secondary_visits": (),
                "also": (part("B", "Barthel", "Month 3", improvement_points=10),),
            },
        ),
        scenario_of("anti-hu", TWO, **DECIDES),
    ),
    "any of parts at two visits, one rater": (
        mrs(part("B", "Barthel", "Month 6", improvement_points=20), combine="any"),
        scenario_of("anti-hu", TWO, **DECIDES),
    ),
    "any of three beside a decision on a fourth scale": (
        protocol_of(
            "nct02343211", decision={"scale": "ICARS", "improvement_points": 10, "stable": "discontinue"},
            endpoint={
                "combine": "any", "maximum": 1,
                "also": (part("B", "Barthel", "Month 3", improvement_points=10, minimum=70),),
            },
        ),
        scenario_of("anti-hu", TWO, **DECIDES),
    ),
    "two drugs, secondary after the last": (
        protocol_of(HAND, endpoint={"secondary_visits": ("Week 4 after treatment",)}),
        scenario_of(STRANGER / "hand-scenario.toml", **HANDS),
    ),
    "two drugs, endpoint after the last": (
        protocol_of(HAND, endpoint={"visit": "Week 4 after treatment", "secondary_visits": ("Week 12",)}),
        scenario_of(STRANGER / "hand-scenario.toml", **HANDS),
    ),
    "percent of the baseline": (
        protocol_of(HAND, endpoint={"improvement_percent": 25, "improvement_points": 0.5}),
        scenario_of(STRANGER / "hand-scenario.toml"),
    ),
    "parts at two visits": (single(ward()), SCENARIO.changed(**LIVELY)),
    "any of parts at two visits": (single(ward(way="any", missing="exclude")), SCENARIO.changed(**LIVELY)),
    "a decision on the scale of a part": (single(ward(decides=True, later="Week 8")), SCENARIO.changed(**LIVELY)),
    "a decision moves the visits": (single(moving(60)), HAND_SCENARIO.changed(**MOVED)),
    "three drugs, two scales": (pns.load_protocol(WARD), scenario_of(STRANGER / "ward-scenario.toml")),
}  # fmt: skip
SLOW = {
    "a decision on the scale of a part, parts at two visits": (
        single(ward(decides=True, again=True, stopped="composite")), SCENARIO.changed(**LIVELY)
    ),
    "a decision on the scale of any part at two visits": (
        single(ward(decides=True, way="any", missing="best case", death="exclude")), SCENARIO.changed(**LIVELY)
    ),
    "a decision moves the visits, events stop": (
        single(moving(110, later=False)), HAND_SCENARIO.changed(**MOVED, adverse_events={"per_infusion": 0.1, "stop": 0.3})
    ),
    "stops and delays": (pns.load_protocol(NATALIZUMAB), scenario_of(NATALIZUMAB, **HARD)),
    "before the next cycle": (
        protocol_of(NATALIZUMAB, [after_last("End", 14, 10, 18)], endpoint=ENDED),
        scenario_of(NATALIZUMAB, **HARD | {"visits": {"jitter_days": 4}, "course": ACTS | {"die": (0.2,) * 6}}),
    ),
    "a window over the next cycle": (
        protocol_of(NATALIZUMAB, [after_last("End", 14, 4, 40)], endpoint=ENDED),
        scenario_of(NATALIZUMAB, **HARD | {"visits": {"missed": 0.3}, "course": ACTS | {"die": (0.2,) * 6}}),
    ),
    "two visits after the last": (
        protocol_of(
            NATALIZUMAB, [after_last("End", 14, 8, 20), after_last("Late", 60, 45, 75)],
            endpoint=ENDED | {"secondary_visits": ("Late",)},
        ),
        scenario_of(NATALIZUMAB, **HARD),
    ),
    "carried forward": (
        protocol_of(NATALIZUMAB, estimand={"missing": "LOCF"}),
        scenario_of(NATALIZUMAB, **HARD | {"visits": {"jitter_days": 10, "missed": 0.3, "extra_rating_days": (8,)}}),
    ),
    "while on treatment": (
        protocol_of(NATALIZUMAB, estimand={"stopped": "while on treatment", "missing": "exclude"}),
        scenario_of(NATALIZUMAB, **HARD),
    ),
    "stopped and missing": (
        protocol_of(
            NATALIZUMAB,
            estimand={"stopped": "composite", "missing": "exclude", "death": "exclude", "rescue": "treatment policy"},
        ),
        scenario_of(NATALIZUMAB, **HARD),
    ),
    "informative": (
        pns.load_protocol(NATALIZUMAB),
        scenario_of(
            NATALIZUMAB,
            **HARD
            | {
                "visits": {"missed": 0.2, "missed_ratios": {"by_grade": (1, 1, 1, 2, 3, 4), "worse": 2, "improved": 0.2}},
                "dropout": {"per_month": 0.1, "ratios": {"by_grade": (1, 1, 1, 2, 3, 4), "worse": 3, "improved": 0.1}},
            },
            rescue={"per_month": 0.1, "after_worse_rating": 0.6},
        ),
    ),
    "a rescue that acts": (
        pns.load_protocol(NATALIZUMAB),
        scenario_of(
            NATALIZUMAB, **HARD | {"course": ACTS | {"rescue": {"improve": 10, "worsen": 0.1}}},
            rescue={"per_month": 0.2, "after_worse_rating": 0.6},
        ),
    ),
    "a bound, one rater": (protocol_of(NATALIZUMAB, endpoint={"maximum": 2}), scenario_of(NATALIZUMAB, **HARD)),
    "two drugs, one is stopped": (
        protocol_of(HAND, [after_last("End", 28, 21, 42)], endpoint=ENDED),
        scenario_of(STRANGER / "hand-scenario.toml", **HANDS | STOPS),
    ),
    "three drugs and three scales": (
        protocol_of(
            ONLS,
            endpoint={
                "improvement_points": 2,
                "also": (
                    part("A", "Score of Ataxia", "Month 3", improvement_points=2),
                    part("M", "mRS", "Month 3", direction="not deteriorated", maximum=3),
                ),
            },
        ),
        scenario_of(ONLS, course={"improve": 0.5, "ivig": {"improve": 2, "worsen": 0.2}}, **STOPS),
    ),
    "three drugs, after the last": (
        protocol_of(
            ONLS,
            [
                pns.load_protocol(ONLS).visit("Month 3").model_dump(),
                after_last("End", 28, 14, 42),
            ],
            endpoint=ENDED | {"secondary_visits": ("Month 3",)},
        ),
        scenario_of(
            ONLS, course={"improve": 0.5}, dropout={"per_month": 0.1}, treatment={"late": 0.4}, adverse_events={"stop": 0}
        ),
    ),
    "any of three drugs' trial": (
        protocol_of(WARD, endpoint={"combine": "any"}),
        scenario_of(STRANGER / "ward-scenario.toml", **STOPS, rescue={"per_month": 0.3}),
    ),
}  # fmt: skip


def compare(protocol, scenario, patients, trials):
    """Hold what the double finds against the exact answer and the kernel; give how many pairs were held together."""
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=trials, seed=3)
    n, pairs, far = scenario.enrolment.target, 0, []
    for name, (mean, error) in lives(protocol, scenario, patients, np.random.default_rng(3)).items():
        each = n if name in {"responders", "counted"} else 1
        simulated = found[name]
        others = [(simulated.estimate / each, simulated.std_error / each)]
        if name in known:
            share = known[name] / each
            own = 0.0 if name == "cycles_per_patient" else max(share * (1 - share), 0.0)
            others.append((share, np.sqrt(own / patients)))
        for other, spread in others:
            pairs += 1
            if abs(mean - other) > ALIKE * np.hypot(error, spread) + 1e-9:
                far.append((name, mean, other, error))
    for quantity in found.quantities:
        if quantity.quantity in known and isinstance(quantity.std_error, float) and quantity.std_error > 0:
            pairs += 1
            exact, error = known[quantity.quantity], quantity.std_error
            if quantity.quantity.startswith("responders_"):
                # by what is expected, not by what came, and not where that is a few trials
                error = np.sqrt(exact * (1 - exact) / trials) if exact * trials > 10 else np.inf
            if abs(quantity.estimate - exact) > ALIKE * error:
                far.append((quantity.quantity, "exact", exact, quantity.estimate))
    assert far == []
    return pairs


@pytest.mark.double
@pytest.mark.parametrize("name", QUICK)
def test_a_double_the_kernel_and_the_exact_answer_agree(name):
    assert compare(*QUICK[name], 800, 300) > 50


@pytest.mark.double
@pytest.mark.long
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_many_more_patients_agree(name):
    assert compare(*{**QUICK, **SLOW}[name], 10_000, 4000) > 25


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_the_tables_say_of_each_patient_what_the_kernel_said(name):
    protocol, scenario = {**QUICK, **SLOW}[name]
    codes = {"responder": 1, "non-responder": 0, "excluded": 2}
    places = {visit.name: at.VISIT + v * at.VISIT_WIDTH for v, visit in enumerate(protocol.visits)}
    seen = Counter()
    for seed in (1, 2):
        rows = patient_records(protocol, scenario, seed=seed).rows
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        assessments = pns.visits.Assessments(trial, protocol)
        derived = assessments.visit_values.frame.set_index(["patient_id", "visit"])["derivation"]
        for visit in (protocol.endpoint.visit, *protocol.endpoint.secondary_visits):
            table, place = responders_of(assessments, visit), places[visit]
            answers = [codes[word] for word in table["response"]]
            assert rows[:, place + at.V_ANSWER].tolist() == answers
            values = rows[:, place + at.V_VALUE]
            words = np.where(values == scenario.grades, "DEATH", np.where(values < 0, "missing", "observed"))
            assert [derived.loc[(who, visit)] for who in table["patient_id"]] == words.tolist()
            seen.update(answers)
    assert seen[1] > 0
    assert seen[0] + seen[2] > 0

"""A parameter of each part of the course is found again from simulated patients, by maximum likelihood."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import pnstrial as pns
from pnstrial.engine.exact.patient import Patient
from pnstrial.engine.model import build_model

PROTOCOL = pns.load_protocol("nct02343211")
BASE = pns.load_scenario("anti-hu-plain").changed(
    course={
        "improve": (0.0, *(0.15,) * 5), "worsen": (*(0.2,) * 5, 0.0), "die": (0.05,) * 6,
        "antibody": {"Hu": {"worsen": 0.6}},
    },
    dropout={"per_month": 0.0},
)  # fmt: skip
TARGET = PROTOCOL.visits[0].target_day - 1
TRIALS = 500


def _class(die):
    return {
        "course": {
            "classes": [
                {"name": "fast", "share": 0.4, "die": die, "worsen": die},
                {"name": "slow", "share": 0.6},
            ]
        }
    }


PARTS = {
    "damage": (0.25, lambda x: {"course": {"damage": {"per_month": x, "share": 0.1}}}),
    "rescue": (4.0, lambda x: {"course": {"rescue": {"improve": x}}, "rescue": {"per_month": 0.4}}),
    "tumour treatment that begins": (
        0.5,
        lambda x: {
            "course": {"tumour_treatment": {"worsen": 0.1, "improve": 3}},
            "baseline": {"tumour_treatment_per_month": x, "tumour_treatment": 0.2},
        },
    ),
    "classes": (3.0, _class),
    "effect of IVIg by time since onset": (
        5.0, lambda x: {"course": {"ivig": {"improve": x}, "ivig_since_onset": [{"from_months": 3.5, "improve": 1 / x}]}}
    ),
    "antibody": (0.4, lambda x: {"course": {"antibody": {"Hu": {"worsen": x}}}}),
}  # fmt: skip


def by_grade(scenario):
    """Give the probability of each true grade on the visit's day, by true baseline, from the chain."""
    model = build_model(PROTOCOL, scenario)
    patient = Patient(model)
    chain = patient.chain
    P = chain.between(0, 0.0, float(TARGET))
    k, states = model.grades, chain.states
    found = np.zeros((k, k + 1))
    start = patient.start.sum(axis=(1, 2, 3)).reshape(len(P), -1, states.count)
    moved = (start @ P).reshape(-1, states.count)
    for entry, mass in zip(patient.entries, moved, strict=True):
        found[entry[0]] += np.bincount(states.grade, mass, minlength=k + 1)
    return found


@pytest.mark.parametrize("name", PARTS)
def test_a_parameter_is_found_again(name):
    truth, part = PARTS[name]
    counts = np.zeros((6, 7))

    def keep(patients):
        np.add.at(counts, (patients.true_baseline, patients.true_grade[:, :, 0]), 1)
        return patients.enrolled

    # the rule is asked about a pilot run too
    pns.simulate_trials(PROTOCOL, BASE.changed(**part(truth)), n_trials=TRIALS, seed=6, rule=keep)

    def loss(log_value):
        expected = by_grade(BASE.changed(**part(float(np.exp(log_value)))))
        share = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-300)
        return -float((counts * np.log(np.maximum(share, 1e-300))).sum())

    found = minimize_scalar(
        loss, bounds=(np.log(truth) - 1.5, np.log(truth) + 1.5), method="bounded", options={"xatol": 1e-2}
    )
    step = 0.05
    curvature = (loss(found.x + step) - 2 * found.fun + loss(found.x - step)) / step**2
    error = 1 / np.sqrt(curvature)
    assert error < 0.4, "the data say nothing about it"
    assert abs(found.x - np.log(truth)) < 3.5 * error

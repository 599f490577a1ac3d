"""A parameter of each part of the course is found again from simulated patients, by maximum likelihood."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar

import pnstrial as pns
from pnstrial.engine.exact.cohort import Cohort
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
    patient = Patient(Cohort(model))
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


# --- what is read off the tables of one large trial by an estimator of its own, the chain of the model apart
STILL = pns.load_scenario("anti-hu-plain").changed(
    enrolment={"target": 1000}, rating={"method": "none"}, dropout={"per_month": 0.0},
    rescue={"per_month": 0.0, "after_discontinuation": 0.0},
    course={"improve": (0.0,) * 6, "worsen": (0.0,) * 6, "die": (0.0,) * 6, "onset": ()},
)  # fmt: skip
MONTH = 365.25 / 12


def near(estimate, truth, error):
    assert 0 < error < 0.25 * max(abs(truth), 0.5), "the tables say nothing about it"
    assert abs(estimate - truth) < 3.5 * error, (estimate, truth, error)


def test_rate_and_variance_of_a_gamma_frailty_are_found_in_the_survival_of_a_trial():
    rate, variance = 0.15, 1.0
    scenario = STILL.changed(
        course={"die": (rate,) * 6, "frailty": {"variance": variance, "of": ("die",), "nodes": 20}}
    )
    trial = pns.simulate_trial(PROTOCOL, scenario, seed=3)
    began = trial.screening.dropna(subset=["enrolment_date"]).set_index("patient_id")["enrolment_date"]
    last = trial.follow_up.set_index("patient_id")
    days = (last["last_contact_date"] - began.loc[last.index]).dt.days.to_numpy()
    died = (last["status"] == "dead").to_numpy()

    def survival(day, log_rate, log_variance):  # Laplace transform of a gamma variable of mean 1
        own = np.exp(log_variance)
        return (1 + own * np.exp(log_rate) * day / MONTH) ** (-1 / own)

    def loss(x):
        seen = survival(np.maximum(days - 1, 0), *x) - survival(days, *x)
        return -float(np.log(np.where(died, np.maximum(seen, 1e-300), survival(days, *x))).sum())

    found = minimize(loss, [np.log(0.1), 0.0], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    assert found.success
    step = 0.02
    around = [
        [loss(found.x + step * (a * np.eye(2)[i] + b * np.eye(2)[j])) for a in (-1, 1) for b in (-1, 1)]
        for i in range(2)
        for j in range(2)
    ]
    hessian = np.array([(e[0] - e[1] - e[2] + e[3]) / (4 * step**2) for e in around]).reshape(2, 2)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))
    near(found.x[0], np.log(rate), errors[0])
    near(found.x[1], np.log(variance), errors[1])
    # patients alike do not fit: the classes are felt
    alike = minimize_scalar(lambda x: loss([x, -12.0]), bounds=(-4, 1), method="bounded")
    assert alike.fun > found.fun + 10


def test_harms_per_infusion_and_how_often_they_stop_treatment_are_found_in_a_trial():
    truth = {"thrombosis": (0.02, 1.0), "haemolysis": (0.04, 0.3)}
    settings = {f"{name}_per_infusion": p for name, (p, _) in truth.items()}
    settings |= {f"{name}_stops": stops for name, (_, stops) in truth.items()}
    trial = pns.simulate_trial(PROTOCOL, STILL.changed(adverse_events=settings), seed=4)
    infusions, events = len(trial.infusions), trial.adverse_events
    for name, (p, stops) in truth.items():
        own = events[events["term"] == name.capitalize()]
        near(len(own) / infusions, p, np.sqrt(p * (1 - p) / infusions))
        if stops == 1:
            assert (own["action"] == "stopped").all()
            continue
        # an infusion with both is stopped by either; that is rare
        both = set(
            map(tuple, events[events["term"] == "Thrombosis"][["patient_id", "start_date"]].to_numpy())
        )
        alone = own[[pair not in both for pair in map(tuple, own[["patient_id", "start_date"]].to_numpy())]]
        near((alone["action"] == "stopped").mean(), stops, np.sqrt(stops * (1 - stops) / len(alone)))


def test_how_much_more_often_those_who_are_worse_are_missed_is_found_in_a_trial():
    missed, ratio = 0.15, 3.0
    scenario = STILL.changed(
        course={"worsen": (*(0.25,) * 5, 0.0)}, visits={"missed": missed, "missed_ratios": {"worse": ratio}}
    )
    truth = pns.simulate_trial(PROTOCOL, scenario, seed=5).truth
    seen = truth["visits"].merge(truth["patients"], on="patient_id")
    seen = seen[seen["visit"] == PROTOCOL.visits[0].name]
    away = seen["rating_day"].isna()
    worse = seen["true_on_target_day"] > seen["true_baseline"]
    shares = [away[worse].mean(), away[~worse].mean()]
    errors = [
        np.sqrt((1 - share) / share / n)
        for share, n in zip(shares, (worse.sum(), (~worse).sum()), strict=True)
    ]
    near(np.log(shares[1]), np.log(missed), errors[1])
    near(np.log(shares[0] / shares[1]), np.log(ratio), np.hypot(*errors))


def test_drop_out_by_grade_and_by_change_is_found_in_a_trial():
    rate, by_three, worsen, ratio = 0.05, 3.0, 0.2, 4.0
    by_grade = STILL.changed(dropout={"per_month": rate, "ratios": {"by_grade": (1, 1, 1, by_three, 1, 1)}})
    patients = pns.simulate_trial(PROTOCOL, by_grade, seed=6).truth["patients"]
    left = patients["dropout_day"].notna()
    time = patients["dropout_day"].astype(float).fillna(round(24 * MONTH)) / MONTH
    rates, errors = [], []
    for grade in (2, 3):
        mine = patients["true_baseline"] == grade
        rates.append(
            left[mine].sum() / time[mine].sum()
        )  # nobody changes his grade: events over time at risk
        errors.append(1 / np.sqrt(left[mine].sum()))
    near(np.log(rates[0]), np.log(rate), errors[0])
    near(np.log(rates[1] / rates[0]), np.log(by_three), np.hypot(*errors))

    by_change = STILL.changed(
        course={"worsen": (*(worsen,) * 5, 0.0)}, dropout={"per_month": rate, "ratios": {"worse": ratio}}
    )
    patients = pns.simulate_trial(PROTOCOL, by_change, seed=7).truth["patients"]
    months = 12.0
    left = (patients["dropout_day"].astype(float).fillna(1e9) <= months * MONTH).mean()

    def share(log_ratio):  # two states, as on day 1 and worse, and two rates to leave
        out, both = rate * np.exp(log_ratio), rate + worsen
        stayed = np.exp(-both * months)
        return 1 - stayed - worsen * (np.exp(-out * months) - stayed) / (both - out)

    found = brentq(lambda x: share(x) - left, -1.0, 3.0)
    slope = (share(found + 0.01) - share(found - 0.01)) / 0.02
    near(found, np.log(ratio), np.sqrt(left * (1 - left) / len(patients)) / slope)

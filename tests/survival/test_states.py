"""State occupancy: every output of R's survfit, etm and mstate, what must hold on any history, and the mRS of a trial."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pnstrial as pns
from pnstrial import figures, survival
from pnstrial.figures.style import MRS_COLOURS
from pnstrial.results import NotEstimable
from pnstrial.survival.competing.histories import read_histories
from tests.survival.test_competing import ADDED, cases, close, data_of, numbers


def illness_death(data):
    """Write the illness times of a case as intervals: 1 well, 2 ill, 3 dead."""
    rows = []
    for patient, (ill, end, dead) in enumerate(zip(data["t_ill"], data["time"], data["status"], strict=True)):
        last = 3 if dead else None
        if np.isfinite(ill):
            rows += [(patient, 0, ill, 1, 2), (patient, ill, end, 2, last)]
        else:
            rows.append((patient, 0, end, 1, last))
    return pd.DataFrame(rows, columns=["patient_id", "start", "stop", "from_state", "to_state"])


def wide(table, column, states=3):
    return table[column].to_numpy(dtype=float).reshape(states, -1).T


# ------------------------------------------------------------------------------------------------ reference
@pytest.mark.reference
@pytest.mark.parametrize("case", cases("illness_death"), ids=lambda case: case["id"])
def test_illness_and_death(case):
    outputs = case["outputs"]
    data = illness_death(data_of(case))
    result = survival.state_occupancy(data, states=[1, 2, 3])
    expected = outputs["survfit_AJ"]
    at = result.at(expected["times"])
    close(wide(at, "probability"), expected["pstate"])
    close(wide(at, "std_error"), expected["se_ij"])
    mean = result.time_in_state(outputs["time_in_state"]["tau"])
    _, events, estimate = numbers(outputs["time_in_state"]["table"]).T
    assert mean["n_event"].tolist() == events.tolist()
    close(mean["estimate"], estimate)
    close(mean["estimate"], outputs["ELOS_mstate"])
    close(result.changes.drop(columns="from_state"), outputs["transition_counts"])
    greenwood = survival.state_occupancy(data, states=[1, 2, 3], variance="greenwood")
    etm = outputs["etm"]
    at = greenwood.at(etm["times"])
    for column, name in enumerate(("P11", "P12", "P13")):
        close(wide(at, "probability")[:, column], etm[name])
        close(wide(at, "std_error")[:, column] ** 2, etm[f"var_{name}"])
    moves = greenwood.transitions(etm["times"])
    close(moves[(moves["from_state"] == 2) & (moves["to_state"] == 3)]["probability"], etm["P23"])
    first = moves[moves["from_state"] == 1]
    close(wide(first, "std_error"), wide(at, "std_error"))
    mstate = outputs["mstate_probtrans"]
    at = survival.state_occupancy(data, states=[1, 2, 3], variance="aalen").at(mstate["times"])
    close(wide(at, "probability"), mstate["pstate"])
    close(wide(at, "std_error"), mstate["se"])


@pytest.mark.reference
@pytest.mark.parametrize(("conf_type", "suffix"), [("log-log", ""), ("logit", "_logit")])
def test_returns_and_late_entry(conf_type, suffix):
    expected = ADDED["states"]
    data = pd.DataFrame(expected["data"])
    data["to_state"] = data["to_state"].where(data["to_state"] != "none")
    initial = dict(zip(expected["states"], expected["p0"], strict=True))
    result = survival.state_occupancy(data, states=expected["states"], initial=initial, conf_type=conf_type)
    at = result.at(expected["time"])
    close(wide(at, "probability"), expected["probability"])
    close(wide(at, "std_error"), expected["std_error"])
    close(wide(at, "n_risk"), expected["n_risk"])
    close(wide(at, "lower"), expected["lower" + suffix])
    close(wide(at, "upper"), expected["upper" + suffix])


# ------------------------------------------------------------------------------------------------- property
@st.composite
def histories(draw, late=True):
    """Draw intervals of up to 12 patients over three living states and death, with late entry and gaps."""
    rows = []
    for patient in range(draw(st.integers(1, 12))):
        now = draw(st.integers(0, 4)) if late and patient else 0
        state = draw(st.integers(0, 2))
        for _ in range(draw(st.integers(1, 4))):
            stop = now + draw(st.integers(1, 6))
            to = draw(st.sampled_from([None, 0, 1, 2, 3]))
            rows.append((patient, now, stop, state, to))
            if to == 3:
                break
            state, now = state if to is None else to, stop + (draw(st.integers(0, 2)) if late else 0)
    return pd.DataFrame(rows, columns=["patient_id", "start", "stop", "from_state", "to_state"])


@pytest.mark.property
@given(histories(), st.sampled_from(["jackknife", "greenwood", "aalen"]))
@settings(max_examples=60, deadline=None)
def test_occupancy_adds_to_one(data, variance):
    result = survival.state_occupancy(data, states=[0, 1, 2, 3], variance=variance)
    np.testing.assert_allclose(result.probability.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(result.covariance.sum(axis=1), 0.0, atol=1e-10)
    mean = result.time_in_state()
    assert mean["estimate"].sum() == pytest.approx(data["stop"].max(), abs=1e-9)
    moves = result.transitions(result.time)
    total = moves.groupby(["time", "from_state"])["probability"].sum()
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    frame = result.to_frame()
    assert np.isfinite(frame.select_dtypes("number").to_numpy(dtype=float)).all()
    assert (frame["lower"] <= frame["probability"] + 1e-12).all()
    assert (frame["upper"] >= frame["probability"] - 1e-12).all()
    grouped = result.group({"alive": [0, 1, 2], "dead": [3]})
    np.testing.assert_allclose(grouped.probability[:, 1], result.probability[:, 3], atol=1e-12)
    np.testing.assert_allclose(grouped.std_error, grouped.std_error[:, :1].repeat(2, axis=1), atol=1e-7)


@pytest.mark.property
@given(histories(late=False))
@settings(max_examples=40, deadline=None)
def test_death_alone_is_kaplan_meier(data):
    alive = data.assign(from_state=0, to_state=data["to_state"].map({3: 3}))
    result = survival.state_occupancy(alive, states=[0, 3])
    last = data.groupby("patient_id").agg(stop=("stop", "max"), to=("to_state", "last"))
    ends = data.sort_values("stop").drop_duplicates("patient_id", keep="last")
    assert len(last) == len(ends)
    curve = survival.kaplan_meier(ends["stop"], (ends["to_state"] == 3).astype(int), conf_type="plain")
    at = curve.at(result.time)
    np.testing.assert_allclose(result.probability[:, 0], at["survival"], atol=1e-12)
    found = survival.cumulative_incidence(ends["stop"], (ends["to_state"] == 3).astype(int), causes=[1]).at(
        result.time
    )
    np.testing.assert_allclose(result.std_error[:, 1], found["std_error"], atol=1e-7)
    np.testing.assert_allclose(result.lower[:, 1], found["lower"], atol=1e-6)


@pytest.mark.property
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_competing_risks_are_states(rows):
    time, cause = np.array(rows).T
    data = pd.DataFrame({"patient_id": range(len(rows)), "start": 0, "stop": time, "from_state": 0})
    data["to_state"] = [int(c) if c else None for c in cause]
    result = survival.state_occupancy(data, states=[0, 1, 2])
    other = survival.cumulative_incidence(time, cause, causes=[1, 2])
    states = other.states(result.time)
    np.testing.assert_allclose(
        wide(result.at(result.time), "probability"), wide(states, "probability"), atol=1e-12
    )
    np.testing.assert_allclose(
        wide(result.at(result.time), "std_error"), wide(states, "std_error"), atol=1e-7
    )
    mine, theirs = result.time_in_state(), other.time_in_state()
    np.testing.assert_allclose(mine["estimate"], theirs["estimate"], atol=1e-10)
    if len(rows) > 1:
        np.testing.assert_allclose(mine["std_error"].astype(float), theirs["std_error"], atol=1e-7)


@pytest.mark.property
@given(histories(late=False))
@settings(max_examples=30, deadline=None)
def test_without_censoring_it_counts_and_the_variances_agree(data):
    # Carry everybody's last state to one common end: what is left is counting.
    end = float(data["stop"].max()) + 1
    last = data.sort_values("stop").drop_duplicates("patient_id", keep="last")
    state = last["to_state"].where(last["to_state"].notna(), last["from_state"]).astype(int)
    tail = pd.DataFrame(
        {"patient_id": last["patient_id"], "start": last["stop"], "stop": end, "from_state": state}
    )
    data = pd.concat([data, tail], ignore_index=True)
    jackknife = survival.state_occupancy(data, states=[0, 1, 2, 3], absorbing=[3])
    wanted = state.value_counts().reindex(range(4), fill_value=0) / len(state)
    np.testing.assert_allclose(jackknife.probability[-1], wanted, atol=1e-12)
    spread = np.sqrt(wanted * (1 - wanted) / len(state))
    np.testing.assert_allclose(jackknife.std_error[-1], spread, atol=1e-12)
    mean = jackknife.time_in_state(end)
    spent = data.assign(days=data["stop"] - data["start"])
    own = spent.pivot_table(
        index="patient_id", columns="from_state", values="days", aggfunc="sum", fill_value=0.0
    )
    own = own.reindex(columns=range(4), fill_value=0.0)
    np.testing.assert_allclose(mean["estimate"], own.mean(), atol=1e-10)
    if len(own) > 1:
        error = own.std(ddof=0) / np.sqrt(len(own))
        np.testing.assert_allclose(mean["std_error"].astype(float), error, atol=1e-9)


@pytest.mark.property
@given(histories())
@settings(max_examples=30, deadline=None)
def test_a_gap_counts_nowhere(data):
    result = survival.state_occupancy(data, states=[0, 1, 2, 3], initial={0: 1.0})
    apart = data.assign(patient_id=range(len(data)))
    other = survival.state_occupancy(apart, states=[0, 1, 2, 3], initial={0: 1.0}, start=result.start)
    wanted = other.at(result.time)
    np.testing.assert_allclose(
        wide(result.at(result.time), "probability", 4), wide(wanted, "probability", 4), atol=1e-12
    )
    assert result.changes["total"].sum() >= len(data["patient_id"].unique())


def test_two_forms_of_one_history():
    seen = pd.DataFrame(
        {"patient_id": ["A", "B", "A", "A", "B", "A"], "time": [9, 1, 0, 4, 5, 6], "state": list("xyxxyz")}
    )
    seen = seen.iloc[[2, 3, 5, 0, 1, 4]].sample(frac=1, random_state=1)
    seen.loc[seen["time"] == 9, "state"] = "z"
    intervals = pd.DataFrame(
        {"patient_id": ["A", "A", "B"], "start": [0, 6, 1], "stop": [6, 9, 5], "from_state": list("xzy"),
         "to_state": ["z", "z", None]}
    )  # fmt: skip
    one, two = read_histories(seen), read_histories(intervals)
    order = [one.patients.index(patient) for patient in ("A", "B")]
    assert sorted(
        zip([order.index(p) for p in one.patient], one.start, one.stop, one.origin, one.goal, strict=True)
    ) == (sorted(zip(two.patient, two.start, two.stop, two.origin, two.goal, strict=True)))
    assert two.states == ("x", "y", "z")


def test_bootstrap_is_the_same_for_the_same_seed():
    data = illness_death(data_of(cases("illness_death")[-1]))
    draws = {"states": [1, 2, 3], "draws": 400}
    one = survival.state_occupancy(data, seed=3, **draws)
    two = survival.state_occupancy(data, seed=np.random.default_rng(3), **draws)
    other = survival.state_occupancy(data, seed=4, **draws)
    assert np.array_equal(one.bootstrap_lower, two.bootstrap_lower)
    assert np.array_equal(one.bootstrap_upper, two.bootstrap_upper)
    assert not np.array_equal(one.bootstrap_lower, other.bootstrap_lower)
    assert one.time_in_state(20).equals(two.time_in_state(20))
    inside = (one.bootstrap_lower <= one.probability) & (one.probability <= one.bootstrap_upper)
    assert inside.mean() > 0.95
    # About as wide as the analytic interval where 17 patients stand behind it.
    table = one.at([12])
    width = (table["bootstrap_upper"] - table["bootstrap_lower"]) / (2 * 1.96 * table["std_error"])
    assert width.between(0.7, 1.3).all()
    seeded = survival.state_occupancy(data, seed=1, **draws)
    assert np.array_equal(survival.state_occupancy(data, **draws).bootstrap_lower, seeded.bootstrap_lower)


@pytest.mark.property
def test_bootstrap_of_each_sample_is_the_estimate_of_the_sample():
    data = illness_death(data_of(cases("illness_death")[-1]))
    result = survival.state_occupancy(data, states=[1, 2, 3], draws=1, seed=8)
    weights = result._model.weights[0].astype(int)
    copies = [
        data[data["patient_id"] == patient].assign(patient_id=f"{patient}.{copy}")
        for patient, times in enumerate(weights)
        for copy in range(times)
    ]
    again = survival.state_occupancy(pd.concat(copies, ignore_index=True), states=[1, 2, 3])
    place = np.searchsorted(again.time, result.time, side="right") - 1
    known = place >= 0
    np.testing.assert_allclose(result.bootstrap_lower[known], again.probability[place[known]], atol=1e-12)
    tau = float(again.time[-1])
    mean = result.time_in_state(tau)
    np.testing.assert_allclose(mean["bootstrap_lower"], again.time_in_state(tau)["estimate"], atol=1e-9)


# ----------------------------------------------------------------------------------------------- degenerate
def test_one_patient():
    one = pd.DataFrame({"patient_id": ["A", "A"], "time": [0, 7], "state": [2, 6]})
    result = survival.state_occupancy(one, draws=20, seed=1)
    assert result.probability.tolist() == [[0.0, 1.0]]
    assert isinstance(result.bootstrap_lower, NotEstimable)
    mean = result.time_in_state(30)
    assert mean["estimate"].tolist() == [7.0, 23.0]
    assert mean["std_error"].isna().all()
    assert mean["reason"].str.contains("one patient has no spread").all()
    alive = pd.DataFrame({"patient_id": ["A", "A"], "time": [0, 7], "state": [2, 2]})
    still = survival.state_occupancy(alive)
    assert still.probability.tolist() == [[1.0]]
    with pytest.raises(ValueError, match="beyond the last time"):
        still.time_in_state(8)


def intervals(*rows):
    return pd.DataFrame(list(rows), columns=["patient_id", "start", "stop", "from_state", "to_state"])


GOOD = intervals(("A", 0, 5, 1, 2), ("B", 0, 9, 1, None))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: survival.state_occupancy(intervals(("A", 3, 2, 1, 2))),
            "stop must be finite and after start",
        ),
        (lambda: survival.state_occupancy(intervals(("A", -1, 2, 1, 2))), r"start\[0\] = -1"),
        (
            lambda: survival.state_occupancy(intervals(("A", 0, 4, 1, 2), ("A", 3, 6, 2, 3))),
            "overlap: patient 'A' at 3",
        ),
        (
            lambda: survival.state_occupancy(intervals(("A", 0, 4, 1, 2), ("A", 4, 6, 1, 3))),
            "next interval.*'A' at 4",
        ),
        (lambda: survival.state_occupancy(intervals(("A", 0, 4, None, 2))), r"from_state\[0\] is missing"),
        (lambda: survival.state_occupancy(intervals()), "data is empty"),
        (lambda: survival.state_occupancy(pd.DataFrame({"a": [1]})), "data needs the columns"),
        (
            lambda: survival.state_occupancy(pd.DataFrame({"patient_id": ["A"], "time": [0], "state": [1]})),
            "one row only of patient 'A'",
        ),
        (
            lambda: survival.state_occupancy(
                pd.DataFrame({"patient_id": ["A"] * 2, "time": [1, 1], "state": [1, 2]})
            ),
            "two rows of patient 'A' at 1",
        ),
        (
            lambda: survival.state_occupancy(
                pd.DataFrame({"patient_id": ["A", "A"], "time": [0, 1], "state": [1, None]})
            ),
            r"state\[1\] is missing",
        ),
        (lambda: survival.state_occupancy(GOOD, states=[1]), r"states lacks \[2\]"),
        (lambda: survival.state_occupancy(GOOD, states=[1, 2, 2]), "different labels"),
        (lambda: survival.state_occupancy(GOOD, initial={1: 0.5}), "add to 1"),
        (lambda: survival.state_occupancy(GOOD, initial={7: 1.0}), "unknown"),
        (lambda: survival.state_occupancy(GOOD, start=9), "before the last time"),
        (
            lambda: survival.state_occupancy(intervals(("A", 4, 9, 1, 2)), start=1),
            "nobody is under observation",
        ),
        (lambda: survival.state_occupancy(GOOD, variance="x"), "variance must be one of"),
        (lambda: survival.state_occupancy(GOOD, conf_type="x"), "conf_type must be one of"),
        (
            lambda: survival.state_occupancy(GOOD, draws=-1, seed=1),
            "draws = .* must be a whole number",
        ),
        (lambda: survival.state_occupancy(GOOD, absorbing=[1]), "never left.*'A'"),
        (lambda: survival.state_occupancy(GOOD, absorbing=[5]), "no states"),
        (lambda: survival.state_occupancy(GOOD).group({"a": [1]}), "2 is in none"),
        (
            lambda: survival.state_occupancy(GOOD).group({"a": [1, 2], "b": [2, 3]}),
            "3 is no state; 2 is there twice",
        ),
        (lambda: survival.state_occupancy(GOOD, start=1).at(0), "at least the start"),
        (lambda: survival.state_occupancy(GOOD).time_in_state(0), "after the start"),
        (lambda: survival.state_occupancy(GOOD).group({"a": [1, 2]}).transitions([1]), "before group"),
        (lambda: survival.state_occupancy(intervals(("A", 0, 1, 1, "x"))), "no common order"),
    ],
)
def test_wrong_histories_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ------------------------------------------------------------------------------------------------ the trial
FOUR = {
    # A: 3 at day 1, 2 at Month 3 (84 days), dies after 100 days.  B: 2 throughout, 200 days.
    # C: no baseline, 4 at 80 days, contact at 120.  D: 3, nothing after.  E: enrolled, never seen.
    "screening": [("A", 3), ("B", 2), ("C", None), ("D", 3), ("E", None)],
    "mrs": [("A", "2014-06-02", 2), ("B", "2014-06-02", 2), ("C", "2014-05-29", 4)],
    "follow_up": [
        ("A", "2014-06-18", "dead", "2014-06-18"), ("B", "2014-09-26", "alive", None),
        ("C", "2014-07-08", "lost", None), ("D", "2014-03-10", "lost", None), ("E", "2014-04-10", "lost", None),
    ],
}  # fmt: skip


@pytest.fixture
def five():
    screening = pd.DataFrame(FOUR["screening"], columns=["patient_id", "mrs"])
    screening = screening.assign(screening_date="2014-03-10", enrolment_date="2014-03-10")
    tables = {
        "screening": screening,
        "mrs": pd.DataFrame(FOUR["mrs"], columns=["patient_id", "date", "mrs"]),
        "follow_up": pd.DataFrame(
            FOUR["follow_up"], columns=["patient_id", "last_contact_date", "status", "death_date"]
        ),
    }
    return pns.TrialData.from_frames(tables)


def test_grades_over_the_follow_up(five, protocol):
    result = survival.mrs_occupancy(five, protocol)
    assert (result.until, result.horizon) == (182.0, 168.0)
    assert result.excluded.to_numpy().tolist() == [
        ["D", "nothing known after the baseline"], ["E", "no mRS before the end of follow-up"],
    ]  # fmt: skip
    rows = result.patients.set_index("patient_id")
    assert rows.loc["A"].tolist() == [0.0, 100.0, "dead", 16.0, 84.0, 68.0]
    assert rows.loc["B"].tolist() == [0.0, 168.0, "observed to horizon", 168.0, 0.0, 0.0]
    assert rows.loc["C"].tolist() == [80.0, 120.0, "censored", 0.0, 40.0, 0.0]
    at = result.groups.at([0, 83, 84, 99, 100, 168])
    good = at[at["state"] == "mRS 0-2"]["probability"].tolist()
    assert good == pytest.approx([0.5, 0.5, 1.0, 1.0, 0.5, 0.5])
    dead = at[at["state"] == "dead"]["probability"].tolist()
    assert dead == pytest.approx([0, 0, 0, 0, 0.5, 0.5])
    assert result.groups.n_observed([0, 90, 110, 168]).tolist() == [2, 3, 3, 2]
    assert result.estimate == pytest.approx((16 + 168) / 2)
    assert isinstance(result.ci, tuple)
    assert "mRS 0-2" in str(result)
    assert result.to_frame()["estimate"].sum() == pytest.approx(168)


def test_midpoint_moves_changes_but_not_deaths(five, protocol):
    rated = survival.mrs_occupancy(five, protocol)
    half = survival.mrs_occupancy(five, protocol, change_at="midpoint")
    assert half.patients.set_index("patient_id").loc["A"].tolist() == [0.0, 100.0, "dead", 58.0, 42.0, 68.0]
    assert half.estimate > rated.estimate


def test_groups_are_an_argument(five, protocol):
    groups = {"up to 3": range(4), "4 or 5": (4, 5), "dead": [6]}
    result = survival.mrs_occupancy(five, protocol, groups=groups, horizon=90, until=90)
    assert result.estimate == 90.0
    assert result.ci[0] < 60
    assert result.ci[1] == 90.0
    plain = survival.mrs_occupancy(five, protocol, groups=groups, horizon=90, until=90, conf_type="plain")
    assert "spent the same time" in plain.ci.reason
    with pytest.raises(ValueError, match="each grade from 0 to 6 once"):
        survival.mrs_occupancy(five, protocol, groups={"good": [0, 1, 2]})
    with pytest.raises(ValueError, match="horizon and until"):
        survival.mrs_occupancy(five, protocol, horizon=90, until=80)
    with pytest.raises(ValueError, match="change_at must be one of"):
        survival.mrs_occupancy(five, protocol, change_at="never")


def test_example_trial(example, protocol):
    result = survival.mrs_occupancy(example, protocol, draws=300, seed=1)
    again = survival.mrs_occupancy(example, protocol, draws=300, seed=1)
    assert result.bootstrap_ci == again.bootstrap_ci
    assert result.provenance.seed == 1
    # Nobody is censored before Month 3: the occupancy there is a count of what visits and deaths say.
    derived = pns.visits.derive(example, protocol)
    assert result.n == derived["patient_id"].nunique()
    at = result.grades.at([0.0])
    wanted = derived.drop_duplicates("patient_id")["baseline_mrs"].value_counts(normalize=True)
    for grade, probability in zip(at["state"], at["probability"], strict=True):
        assert probability == pytest.approx(wanted.get(grade, 0.0))
    alive = pns.overall_survival(example, protocol).curve.at([0, 84, 168])
    dead = result.groups.at([0, 84, 168])
    assert 1 - dead[dead["state"] == "dead"]["probability"].to_numpy() == pytest.approx(
        alive["survival"].to_numpy()
    )


@pytest.mark.parametrize(
    ("screening", "extra", "words"),
    [
        ([], {}, "no enrolled patient"),
        ([{"mrs": 3}], {}, "no enrolled patient"),
        (
            [{"mrs": None}],
            {"mrs": [{"date": "2014-05-20", "mrs": 2}, {"date": "2014-07-20", "mrs": 2}]},
            "baseline",
        ),
    ],
)
def test_nothing_to_estimate(screening, extra, words, tiny, protocol):
    trial = tiny(screening=screening or [{"enrolment_date": None}], **extra)
    result = survival.mrs_occupancy(trial, protocol)
    assert words in result.estimate.reason
    assert words in str(result)
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.state_occupancy(result)


def test_observation_that_ends_before_the_horizon(tiny, protocol):
    trial = tiny(screening=[{"mrs": 3}], mrs=[{"date": "2014-05-26", "mrs": 2}])
    result = survival.mrs_occupancy(trial, protocol)
    assert "before the 168" in result.estimate.reason
    assert not isinstance(result.grades, NotEstimable)
    shorter = survival.mrs_occupancy(trial, protocol, horizon=60)
    assert shorter.estimate == 0.0
    assert isinstance(shorter.std_error, NotEstimable)


def test_death_on_day_1(tiny, protocol):
    dead = [{"last_contact_date": "2014-03-02", "status": "dead", "death_date": "2014-03-02"}]
    result = survival.mrs_occupancy(tiny(screening=[{"mrs": 2}], follow_up=dead), protocol)
    assert result.patients[["end", "status", "dead"]].to_numpy().tolist() == [[0.5, "dead", 167.5]]
    assert result.groups.at(1).set_index("state").loc["dead", "probability"] == 1.0


# --------------------------------------------------------------------------------------------------- figure
def test_figure_shows_the_numbers(example, protocol):
    from matplotlib import pyplot as plt
    from matplotlib.colors import to_hex

    result = survival.mrs_occupancy(example, protocol)
    axes = figures.state_occupancy(result)
    areas = {area.get_gid(): area for area in axes.collections if area.get_gid()}
    assert list(areas) == [f"state:{grade}" for grade in range(7)]
    for grade in range(7):
        assert to_hex(areas[f"state:{grade}"].get_facecolor()[0]) == MRS_COLOURS[grade].lower()
    dead = areas["state:6"].get_paths()[0].vertices[:, 1]
    assert 1 - dead.min() == pytest.approx(result.grades.probability[-1, 6], abs=1e-9)
    cut = next(line for line in axes.lines if line.get_gid() == "cut")
    assert set(np.round(cut.get_ydata(), 9)) <= set(
        np.round([result.groups.initial[0], *result.groups.probability[:, 0]], 9)
    )
    limits = next(line for line in axes.lines if line.get_gid() == "cut limits")
    assert limits.get_xdata().tolist() == list(result.visits.values())
    assert axes.get_xticklabels()[0].get_text() == f"0\n{result.n}"
    labels = {text.get_gid(): text for text in axes.texts if (text.get_gid() or "").startswith("label:")}
    shown = {f"label:{grade}" for grade in range(7) if result.grades.probability[-1, grade] > 0}
    assert set(labels) == shown
    heights = sorted(text.xyann[1] for text in labels.values())
    assert np.diff(heights).min() > 0.04
    plt.close(axes.figure)


def test_figure_of_any_states():
    from matplotlib import pyplot as plt

    data = pd.DataFrame(
        {"patient_id": list("AABB"), "time": [0, 60, 0, 160], "state": ["well", "ill", "well", "dead"]}
    )
    result = survival.state_occupancy(data, states=["well", "ill", "dead"])
    axes = figures.state_occupancy(result, until=100)
    assert axes.get_xlim() == pytest.approx((0, 101.2))
    colours = {"well": "#ffffff", "ill": "#888888", "dead": "#000000"}
    other = figures.state_occupancy(result, ax=axes, colours=colours)
    assert other is axes
    with pytest.raises(ValueError, match="none for"):
        figures.state_occupancy(result, colours={"well": "#ffffff"})
    plt.close(axes.figure)

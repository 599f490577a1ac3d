"""Sample sizes, tornado, variance shares and assurance: against the exact answer of single cases, and laws."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.engine import blocks

PROTOCOL, PLAIN = pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain")


def success(scenario, protocol=PROTOCOL):
    return pns.exact_characteristics(protocol, scenario).answers["probability_of_success"]


def test_power_by_size_is_the_exact_answer_at_that_size():
    found = pns.search_sample_size(PROTOCOL, PLAIN, response=0.3, n_max=60)
    scenario = pns.what_if(PROTOCOL, PLAIN, {"response": 0.3})[1]
    powers = found.to_frame().set_index("n")["power"]
    for n in (17, found.first_n):
        assert powers[n] == pytest.approx(success(scenario.changed(enrolment={"target": n})), abs=1e-12)
    assert powers[found.first_n - 1] < 0.8 <= powers[found.first_n]
    assert powers[found.stays_from_n - 1] < 0.8
    assert (powers.loc[found.stays_from_n :] >= 0.8).all()
    assert found.std_error == 0
    # the test of each size keeps its level
    assert found.to_frame()["alpha"].max() <= 0.05
    assert found.plot().get_xlabel() == "Patients"


def test_power_by_size_where_patients_are_excluded():
    protocol = PROTOCOL.with_estimand(missing="exclude", death="exclude")
    found = pns.search_sample_size(protocol, PLAIN, n_max=25)
    power = found.to_frame().set_index("n")["power"]
    for n in (17, 25):
        assert power[n] == pytest.approx(success(PLAIN.changed(enrolment={"target": n}), protocol), abs=1e-12)


def test_no_size_is_said_and_two_stages_are_refused():
    found = pns.search_sample_size(PROTOCOL, PLAIN, n_max=20)
    assert "no size up to 20" in str(found.first_n)
    stages = PLAIN.changed(
        enrolment={"target": 27}, success={"rule": "two-stage", "r1": 2, "n1": 15, "r": 5, "n": 27}
    )
    with pytest.raises(ValueError, match="a two-stage rule has a size of its own"):
        pns.search_sample_size(PROTOCOL, stages)


def test_size_without_an_exact_answer_is_simulated_and_near_it():
    stops = PLAIN.changed(adverse_events={"per_infusion": 0.05, "stop": 0.02})
    protocol = PROTOCOL.with_estimand(stopped="while on treatment")
    found = pns.search_sample_size(protocol, stops, response=0.3, n_max=60, error=0.01)
    assert "patients simulated" in found.method
    assert 0 < found.std_error <= 0.01
    near = pns.search_sample_size(PROTOCOL, stops, response=0.3, n_max=60)
    apart = (found.to_frame()["power"] - near.to_frame()["power"]).abs()
    # few stop: the estimand moves little
    assert apart.max() < 0.1


def test_tornado_measures_both_ends_and_ranks_them():
    ranges = {"late": (0, 0.3), "scenario.visits.missed": (0, 0.2), "n": (12.2, 30)}
    found = pns.tornado(PROTOCOL, PLAIN, ranges)
    table = found.to_frame().set_index("setting")
    assert found.value == pytest.approx(success(PLAIN), abs=1e-12)
    assert table.loc["n", "at_low"] == pytest.approx(
        success(PLAIN.changed(enrolment={"target": 12})), abs=1e-12
    )
    missed = PLAIN.changed(visits={"missed": 0.2})
    assert table.loc["scenario.visits.missed", "at_high"] == pytest.approx(success(missed), abs=1e-12)
    # nothing that is reported feels late cycles in a course where IVIg does nothing
    assert table.loc["late", "span"] == 0
    assert found.table["setting"].iloc[-1] == "late"
    assert len(found.plot().patches) == 6
    with pytest.raises(ValueError, match="two numbers, the first below the second"):
        pns.tornado(PROTOCOL, PLAIN, {"late": (0.3, 0.3)})
    with pytest.raises(ValueError, match="luck is not here"):
        pns.tornado(PROTOCOL, PLAIN, {"late": (0, 0.3)}, "luck", n_trials=100)


def test_variance_shares_find_the_setting_that_acts():
    ranges = {"scenario.rating.same_rater_agreement": (0.65, 1.0), "late": (0.0, 0.3)}
    found = pns.sobol(PROTOCOL, PLAIN, ranges, n=16, seed=3)
    table = found.to_frame().set_index("setting")
    assert table.loc["scenario.rating.same_rater_agreement", "total_order"] == pytest.approx(1, abs=0.2)
    assert table.loc["late", "total_order"] == pytest.approx(0, abs=1e-12)
    assert found.to_frame()["setting"].iloc[0].endswith("agreement")
    # the bootstrap has the points in scipy's order: what does nothing has an interval of 0
    assert table.loc["late", ["total_lower", "total_upper"]].tolist() == pytest.approx([0, 0], abs=1e-12)
    assert table.loc["scenario.rating.same_rater_agreement", "total_lower"] > 0.1
    assert found.plot().lines
    with pytest.raises(ValueError, match="does not vary"):
        pns.sobol(PROTOCOL, PLAIN, {"late": (0.0, 0.3)}, n=2)
    with pytest.raises(ValueError, match="power of 2"):
        pns.sobol(PROTOCOL, PLAIN, ranges, n=12)


def test_assurance_is_the_mean_over_the_beta_distribution():
    found = pns.assurance(PROTOCOL, PLAIN, {"response": (5.5, 12.5)}, draws=4000, seed=2)
    floor = pns.simulate.rating_floor(PROTOCOL, PLAIN).floor
    p = (np.arange(20_000) + 0.5) / 20_000
    share = np.maximum(stats.beta(5.5, 12.5).ppf(p), floor)
    expected = stats.binom.sf(4, 17, share).mean()
    error = (found.ci[1] - found.ci[0]) / 2 / 1.96
    assert found.assurance == pytest.approx(expected, abs=4 * error)
    assert found.power_ci[0] < found.median < found.power_ci[1]
    assert found.plot().get_xlabel() == "probability of success"


def test_assurance_solves_each_draw_where_more_than_the_response_matters():
    draws = pd.DataFrame({"response": [0.02, 0.30], "deaths": [4.0, 5.0]})
    found = pns.assurance(PROTOCOL, PLAIN, draws)
    assert found.at_floor == 0.5
    _, scenario = pns.what_if(PROTOCOL, PLAIN, {"response": 0.30, "deaths": 5.0}, rated=True)
    assert found.table["probability_of_success"][1] == pytest.approx(success(scenario), abs=1e-7)
    # the exact way of one and the way of many draws are the same
    single = pns.assurance(PROTOCOL, PLAIN, pd.DataFrame({"response": [0.30] * 2}))
    solved = pns.what_if(PROTOCOL, PLAIN, {"response": 0.30}, rated=True)[1]
    assert single.assurance == pytest.approx(success(solved), abs=1e-8)


def test_assurance_over_several_inputs_is_that_of_each_solved_case():
    inputs = {"response": (5.5, 12.5), "scenario.visits.missed": (2, 30)}
    found = pns.assurance(PROTOCOL, PLAIN, inputs, draws=4, seed=3)
    for row in found.table.to_dict("records"):
        settings = {name: row[name] for name in inputs}
        protocol, scenario = pns.what_if(PROTOCOL, PLAIN, settings, rated=True, at_least_floor=True)
        assert row["probability_of_success"] == pytest.approx(success(scenario, protocol), abs=1e-8)
    # a response that no rates lead to under the other draws is none
    draws = pd.DataFrame({"response": [0.2, 0.99], "scenario.visits.missed": [0.0, 0.2]})
    with pytest.raises(ValueError, match="no rates to improve give response"):
        pns.assurance(PROTOCOL, PLAIN, draws)


@pytest.mark.parametrize(
    ("ask", "total"),
    [
        (
            lambda show: pns.assurance(
                PROTOCOL, PLAIN, {"response": (5, 9), "late": (2, 8)}, draws=3, progress=show
            ),
            3,
        ),
        (
            lambda show: pns.assurance(
                PROTOCOL, PLAIN, {"deaths": stats.uniform(2, 3)}, draws=3, progress=show
            ),
            3,
        ),
        (lambda show: pns.tornado(PROTOCOL, PLAIN, {"late": (0, 0.3)}, progress=show), 3),
        (
            lambda show: pns.sobol(
                PROTOCOL, PLAIN, {"scenario.visits.missed": (0, 0.2), "null": (0.05, 0.2)}, n=2, progress=show
            ),
            8,
        ),
        (
            lambda show: pns.power_curve(
                PROTOCOL, PLAIN, responses=(0.2, 0.3), method="exact", progress=show
            ),
            2,
        ),
        (lambda show: pns.compare_scenarios(PROTOCOL, PLAIN, method="exact", n=[17, 21], progress=show), 2),
    ],
)
def test_every_question_counts_its_points_and_stops_when_it_is_told_to(ask, total, capsys, monkeypatch):
    seen = []
    ask(lambda done, of: seen.append((done, of)))
    assert seen == [(done, total) for done in range(1, total + 1)]

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(stop)
    monkeypatch.setattr(blocks, "PATIENCE", 1000)
    ask(True)
    assert capsys.readouterr().err == ""  # what is answered at once needs no bar
    monkeypatch.setattr(blocks, "PATIENCE", 0)
    ask(True)
    assert f"{total} of {total} " in capsys.readouterr().err


def test_assurance_by_default_takes_the_counts_of_the_series():
    found = pns.assurance(PROTOCOL, PLAIN)
    assert found.inputs == "response: Beta(1.5, 16.5)"
    assert 0 < found.at_floor < 1
    with pytest.raises(ValueError, match="names no series"):
        pns.assurance(PROTOCOL, PLAIN.model_copy(update={"series": None}))
    for wrong in ({"response": (0, 1)}, {"response": "flat"}):
        with pytest.raises(ValueError, match="assurance: response"):
            pns.assurance(PROTOCOL, PLAIN, wrong)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"response": (0.2, 0.4)}, r"parameters of a Beta.*scipy\.stats\.uniform\(0\.2, 0\.2\)"),
        ({"deaths": (2, 8)}, "deaths is no share; a range is"),
        ({"n": (15, 25)}, "n is no share"),
        ({"screened_per_month": (0.5, 2)}, "screened_per_month is no share"),
        ({"response": stats.norm(0.9, 0.2)}, "must be a share from 0 to 1"),
        ({"response": stats.beta}, "a distribution of scipy with its parameters"),
        (pd.DataFrame({"response": [0.2, np.nan]}), r"response = \[nan\] \(of 1 of 2 draws\)"),
        (pd.DataFrame({"response": [20, 30]}), r"response = \[20, 30\]"),
        (pd.DataFrame({"response": ["a", 0.3]}), "must be a share"),
    ],
)
def test_what_is_no_distribution_of_its_setting_is_refused_by_name(inputs, words):
    with pytest.raises(ValueError, match=words):
        pns.assurance(PROTOCOL, PLAIN, inputs, draws=200)


def test_a_share_may_be_a_beta_and_any_setting_a_distribution():
    found = pns.assurance(
        PROTOCOL, PLAIN, {"scenario.visits.missed": (1, 19), "response": stats.uniform(0.2, 0.2)}, draws=3
    )
    assert 0.2 < found.assurance < 0.8


def test_every_whole_number_of_a_range_is_as_likely():
    found = pns.sobol(PROTOCOL, PLAIN, {"n": (10, 12), "scenario.visits.missed": (0.0, 0.2)}, n=64)
    powers = [
        pns.tornado(PROTOCOL, PLAIN.changed(enrolment={"target": n}), {"scenario.visits.missed": (0.0, 0.2)})
        for n in (10, 11, 12)
    ]
    middle = np.mean([np.mean([one.table["at_low"][0], one.table["at_high"][0]]) for one in powers])
    assert found.mean == pytest.approx(middle, abs=0.002)
    whole = pns.tornado(PROTOCOL, PLAIN, {"n": (12.2, 30)}).table
    assert whole[["low", "high"]].to_numpy().tolist() == [[12, 30]]
    with pytest.raises(ValueError, match="is one whole number, 12, and no range"):
        pns.tornado(PROTOCOL, PLAIN, {"n": (11.9, 12.2)})


@pytest.mark.parametrize(
    ("name", "truth"), [("ivig-works", 0.25), ("nothing-works", 0.0), ("surface-antibody", 0.5)]
)
def test_shipped_scenarios_have_the_response_that_they_state(name, truth):
    protocol = pns.load_protocol("surface-antibody") if name == "surface-antibody" else PROTOCOL
    found = pns.tornado(protocol, pns.load_scenario(name), {"late": (0.0, 0.1)}, "true_response")
    assert found.value == pytest.approx(truth, abs=5e-5)


def test_commands_answer_the_questions(tmp_path, capsys):
    assert (
        main(
            ["simulate", "anti-hu-plain", "--exact", "--response", "0.25", "--late", "0.3", "--deaths", "+2"]
        )
        == 0
    )
    out = capsys.readouterr()
    assert "treatment.late leaves the probability of success as it is" in out.err
    assert "rating error alone would report a response of" in out.err
    assert "0.25" in next(line for line in out.out.splitlines() if "true_response" in line)
    where = str(tmp_path / "search")
    assert main(["search", "anti-hu-plain", "--response", "0.3", "--n-max", "60", "--out", where]) == 0
    assert "stays from n" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "search" / "table.csv")) == 60
    assert (tmp_path / "search" / "figure.png").exists()
    assert main(["tornado", "anti-hu-plain", "--range", "scenario.visits.missed=0:0.2", "--json"]) == 0
    assert '"setting":"scenario.visits.missed"' in capsys.readouterr().out
    assert main(["power", "anti-hu-plain", "--responses", "0.1", "0.3", "--exact", "--json"]) == 0
    assert '"true_response":0.1' in capsys.readouterr().out
    words = [
        "compare",
        "anti-hu-plain",
        "--exact",
        "--response",
        "0.2",
        "0.25",
        "--quantity",
        "true_response",
    ]
    assert main([*words, "--set", "scenario.visits.missed=0.0", "0.1", "--json"]) == 0
    assert capsys.readouterr().out.count('"estimate":0.2') == 4
    for wrong in (["--set", "late"], ["--set", "speed=3"], ["--response", "0.99"]):
        assert main(["simulate", "anti-hu-plain", "--exact", *wrong]) == 2
    assert main(["tornado", "anti-hu-plain", "--range", "late=low:high"]) == 2


@pytest.mark.parametrize(
    "name", ["ivig-works", "surface-antibody", "second-line", "ivig-early", "nothing-works"]
)
def test_a_scenario_whose_effect_is_assumed_has_no_assurance_from_the_series_of_its_course(name):
    scenario = pns.load_scenario(name)
    assert scenario.series.improved == pns.load_scenario("anti-hu").series.improved
    with pytest.raises(
        ValueError, match=f"scenario {name} assumes another response than its series found; give inputs"
    ):
        pns.assurance(pns.load_protocol("nct02343211"), scenario)

"""The stranger's protocol runs through the simulation too: half points, higher is better, two drugs, no decision."""

import re
from pathlib import Path

import numpy as np
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.engine.kernels import layout as at
from pnstrial.simulate import patient_records
from tests.stranger.test_stranger import OF_OTHER_TRIALS
from tests.stranger.trial import PROTOCOL

SCENARIO = Path(__file__).parent / "hand-scenario.toml"


def both():
    return pns.load_protocol(PROTOCOL), pns.load_scenario(SCENARIO)


@pytest.mark.parametrize(
    "words",
    [["--exact"], ["--trials", "200", "--quiet", "--set", "scenario.treatment.late=0.2", "--out", "{out}"]],
    ids=["exact", "simulated"],
)
def test_simulate_runs_and_names_no_other_trial(tmp_path, capsys, words):
    words = [word.format(out=tmp_path) for word in words]
    assert main(["simulate", str(SCENARIO), "--protocol", str(PROTOCOL), *words]) == 0
    said = capsys.readouterr()
    texts = [said.out, said.err.replace(str(SCENARIO), "")]
    texts += [file.read_text(encoding="utf-8") for file in tmp_path.glob("*.[chj]*[vln]")]
    for text in texts:
        plain = re.sub(r"data:image/[^)\"]*|[A-Za-z0-9+/=]{80,}", "", text)
        assert OF_OTHER_TRIALS.findall(plain) == []


def test_an_example_is_simulated_where_none_is_bundled(tmp_path, capsys):
    words = ["--protocol", str(PROTOCOL)]
    assert main(["example", str(tmp_path / "first"), *words]) == 0
    said = capsys.readouterr().out
    assert (
        "invented by the simulator, under a first scenario in which every number is assumed, seed 1" in said
    )
    trial = pns.read_trial(tmp_path / "first", PROTOCOL)
    assert (trial.synthetic, len(trial.enrolled)) == (True, 20)
    assert not [finding for finding in trial.findings if finding.severity == "error"]
    assert not (tmp_path / "first" / "mrs.csv").exists()
    assert len(trial.screening) > 20
    written = [file.read_text(encoding="utf-8") for file in (tmp_path / "first").iterdir()]
    assert [OF_OTHER_TRIALS.findall(text) for text in (said, *written)] == [[]] * (1 + len(written))
    assert main(["example", str(tmp_path / "own"), *words, "--scenario", str(SCENARIO), "--seed", "3"]) == 0
    own = pns.read_trial(tmp_path / "own", PROTOCOL)
    assert own.scales.equals(pns.simulate_trial(*both(), seed=3).scales)
    assert f"under scenario {SCENARIO.name}, seed 3" in capsys.readouterr().out


def test_a_design_with_looks_names_no_other_trial(capsys):
    words = ["looks", str(SCENARIO), "--two-stage", "1/5", "4/20", "--trials", "200", "--quiet"]
    assert main([*words, "--protocol", str(PROTOCOL), "--safety", "0.2"]) == 0
    said = capsys.readouterr()
    assert OF_OTHER_TRIALS.findall(said.out + said.err) == []


def test_exact_and_simulated_agree():
    protocol, scenario = both()
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=1500, seed=5)
    for name in ("true_response", "reported_response", "improved", "dead", "missing", "secondary_response"):
        if name in known:
            quantity = found[name]
            assert abs(quantity.estimate - known[name]) < 4.5 * quantity.std_error + 1e-12, name
    assert 0.3 < known["true_response"] < 0.8


@pytest.mark.parametrize("alone", [False, True])
def test_days_and_patients_per_protocol_agree_where_visits_count_from_the_last_infusion(alone):
    protocol, scenario = both()
    pattern = {"late": 0.4, "late_days": (1, 9), "changed_dose": 0.2, "dose_factor": 0.5}
    changes = {"treatment": pattern, "rescue": {"per_month": 0.2}, "course": {"die": 0.1}}
    if alone:  # the endpoint at the only visit, which comes earlier after a stop
        last = protocol.visits[-1]
        end = protocol.endpoint.model_copy(update={"visit": last.name, "secondary_visits": ()})
        protocol = protocol.model_copy(update={"visits": (last,), "endpoint": end})
        changes |= {"dropout": {"per_month": 0.1}, "adverse_events": {"per_infusion": 0.2, "stop": 0.2}}
    changed = scenario.changed(**changes)
    known = pns.exact_characteristics(protocol, changed).answers
    found = pns.simulate_trials(protocol, changed, n_trials=10_000, seed=6)
    for name in ("days_independent", "days_to_deterioration", "per_protocol", "per_protocol_response"):
        assert abs(found[name].estimate - known[name]) < 4 * found[name].std_error, name
    assert 0.05 < known["per_protocol"] < 0.6


def test_the_simulated_tables_give_the_answers_that_were_counted():
    protocol, scenario = both()
    for seed in range(3):
        rows = patient_records(protocol, scenario, seed=seed).rows
        trial = pns.simulate_trial(protocol, scenario, seed=seed)
        assert len(trial.mrs) == 0
        for v, visit in enumerate(protocol.visits):
            answers = rows[:, at.VISIT + v * at.VISIT_WIDTH + at.V_ANSWER]
            analysed = pns.endpoints.responders(trial, protocol, visit.name)["response"]
            assert (answers == 1).sum() == (analysed == "responder").sum()
        scores = trial.scales["score"].to_numpy()
        assert np.allclose(2 * scores, np.round(2 * scores))
        assert set(trial.infusions["drug"]) == {"alphamab", "betacort"}


def test_the_planned_design_decides_unless_the_scenario_states_a_rule(tmp_path, capsys):
    from scipy.stats import binom

    from pnstrial.engine.exact.answers import endpoint_probabilities
    from pnstrial.engine.model import build_model

    protocol, scenario = both()
    exact = pns.exact_characteristics(protocol, scenario)
    assert exact.rule == "the protocol's design, stop at 1 or fewer of 5, success from 5 responders of 20"
    found = endpoint_probabilities(build_model(protocol, scenario))
    share = found["response"]
    first = np.arange(
        2, 6
    )  # who goes on has two responders or more of five, success is five or more of twenty
    success = (binom.pmf(first, 5, share) * binom.sf(4 - first, 15, share)).sum()
    assert found["excluded"] == 0
    assert exact.answers["probability_of_success"] == pytest.approx(success, abs=1e-12)
    assert exact.answers["stopped_at_first_stage"] == pytest.approx(binom.cdf(1, 5, share), abs=1e-12)
    simulated = pns.simulate_trials(protocol, scenario, n_trials=1000, seed=2)
    assert abs(simulated.estimate - success) < 4.5 * simulated["probability_of_success"].std_error
    assert simulated.rule == exact.rule

    own = pns.exact_characteristics(protocol, scenario.changed(success={"rule": "exact test"}))
    assert own.rule.startswith("exact test of at most 10 % at one-sided 0.05; the protocol's design (")
    assert own.rule.endswith(") gives way to the scenario's success")
    assert own.answers["stopped_at_first_stage"] == 0
    larger = pns.exact_characteristics(protocol, scenario.changed(enrolment={"target": 30}))
    assert larger.rule.endswith(") is of 20 patients")
    assert larger.critical_count == 7  # P(X >= 6) = 0.073, P(X >= 7) = 0.026 of 30 at 10 %
    size = pns.search_sample_size(protocol, scenario, power=0.8)
    assert (size.method, size.table["critical_count"].iloc[19]) == ("exact", 5)
    words = ["simulate", str(SCENARIO), "--protocol", str(PROTOCOL), "--exact"]
    assert main(words) == 0
    assert "success: the protocol's design, stop at 1 or fewer of 5" in capsys.readouterr().err


def test_the_page_of_a_run_says_once_why_there_is_no_exact_answer(tmp_path):
    """While on treatment meets missing values: no exact success, so no figure of it, and each reason stands once."""
    protocol = pns.load_protocol(PROTOCOL).with_settings(
        estimand={"stopped": "while on treatment", "missing": "LOCF"}
    )
    (tmp_path / "p.toml").write_text(protocol.to_toml())
    words = ["simulate", str(SCENARIO), "--protocol", str(tmp_path / "p.toml"), "--trials", "40", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("meets values that are missing") == 1
    assert "Probability of success by the true response" not in page
    assert "The interim decision" not in page
    assert "while treatment goes on" in page

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


def test_exact_and_simulated_agree():
    protocol, scenario = both()
    known = pns.exact_characteristics(protocol, scenario).answers
    found = pns.simulate_trials(protocol, scenario, n_trials=1500, seed=5)
    for name in ("true_response", "reported_response", "improved", "dead", "missing", "secondary_response"):
        if name in known:
            quantity = found[name]
            assert abs(quantity.estimate - known[name]) < 4.5 * quantity.std_error + 1e-12, name
    assert 0.3 < known["true_response"] < 0.8


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

"""The commands of the simulation, and its figures."""

import json

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.simulate import power_curve, scenario_text

PROTOCOL = pns.load_protocol("nct02343211")


def test_list_and_scenario(capsys):
    assert main(["simulate", "--list"]) == 0
    assert "anti-hu " in capsys.readouterr().out
    assert main(["scenario", "anti-hu"]) == 0
    assert capsys.readouterr().out == scenario_text("anti-hu")


def test_simulate_writes_a_folder_and_resumes(tmp_path, capsys):
    words = ["simulate", "anti-hu-plain", "--trials", "1e4", "--primary", "--out", str(tmp_path)]
    assert main(words) == 0
    first = capsys.readouterr()
    assert "probability_of_success" in first.out
    assert "10,000 of 10,000 trials" in first.err
    content = json.loads((tmp_path / "characteristics.json").read_text())
    assert content["n_trials"] == 10_000
    assert (tmp_path / "responders.png").stat().st_size > 5_000
    assert (tmp_path / "characteristics.csv").exists()
    assert main([*words, "--quiet", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["quantity"] for row in rows} >= {"bias", "coverage"}
    assert main([*words, "--seed", "2"]) == 2
    assert "seed: 1 in the store, 2 asked for" in capsys.readouterr().err


def test_one_trial_is_the_one_of_its_seed(tmp_path, capsys):
    words = ["simulate", "anti-hu", "--one", "--seed", "3", "--response", "0.2", "--set", "n=12"]
    assert main([*words, "--out", str(tmp_path / "one"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    pair = pns.what_if(PROTOCOL, pns.load_scenario("anti-hu"), {"response": 0.2, "n": 12})
    trial = pns.simulate_trial(*pair, seed=3)
    primary = pns.analyse(trial, PROTOCOL).primary
    assert (shown["responders"], shown["n"], shown["estimate"]) == (
        primary.responders,
        primary.n,
        primary.estimate,
    )
    written = pns.read_trial(tmp_path / "one", PROTOCOL)
    assert len(written.enrolled) == 12
    assert written.table("mrs").reset_index(drop=True).equals(trial.table("mrs").reset_index(drop=True))
    assert main(words) == 0
    assert str(primary) in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "one")]) == 2  # tables are never written over
    with pytest.raises(SystemExit):
        main([*words, "--exact"])


def test_exact_and_compare(tmp_path, capsys):
    assert main(["simulate", "anti-hu", "--exact"]) == 0
    out = capsys.readouterr()
    assert "true_response" in out.out
    assert "power_logrank: no exact answer" in out.err
    grid = ["--n", "17", "21", "--rating", "none", "structured"]
    assert main(["compare", "anti-hu-plain", "--exact", *grid, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "heat-map.png").exists()
    assert len(pd.read_csv(tmp_path / "comparison.csv")) > 100
    assert main(["compare", "anti-hu-plain", "--exact", "--n", "17", "--quantity", "luck"]) == 2
    assert "quantity: luck is not here" in capsys.readouterr().err


def test_the_floor_of_rating_error_and_idle_settings_stand_in_table_file_and_page(tmp_path, capsys):
    words = ["simulate", "anti-hu-plain", "--primary", "--trials", "500", "--late", "0.3", "--quiet"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert (
        "treatment.late leaves the probability of success as it is: IVIg: no rate of this course" in said.err
    )
    floor = pns.simulate.rating_floor(PROTOCOL, pns.load_scenario("anti-hu-plain"))
    content = json.loads((tmp_path / "characteristics.json").read_text())
    rows = {row["quantity"]: row["estimate"] for row in content["quantities"]}
    assert rows["response_by_rating_error_alone"] == pytest.approx(floor.floor, abs=1e-9)
    assert rows["response_over_it"] == pytest.approx(floor.gap, abs=1e-9)
    assert list(content["settings_without_effect"]) == ["treatment.late"]
    assert "response_by_rating_error_alone" in said.out
    page = (tmp_path / "report.html").read_text()
    assert "Rating error alone would report a response of" in page
    assert "treatment.late was changed and does nothing here" in page


def test_every_question_names_what_does_nothing(tmp_path, capsys):
    late = ["--range", "late=0:0.3", "--range", "response=0.15:0.3"]
    for words in (
        ["compare", "anti-hu-plain", "--exact", "--late", "0.1", "0.3", "--out", str(tmp_path)],
        ["tornado", "anti-hu-plain", *late],
        ["sobol", "anti-hu-plain", *late, "--points", "2"],
        ["power", "anti-hu-plain", "--exact", "--responses", "0.2", "--late", "0.2"],
        ["search", "anti-hu-plain", "--response", "0.3", "--late", "0.2"],
        ["assurance", "anti-hu-plain", "--draws", "20", "--late", "0.2"],
    ):
        assert main(words) == 0
        assert "treatment.late leaves the probability of success as it is" in capsys.readouterr().err
    assert "treatment.late was changed and does nothing here" in (tmp_path / "report.html").read_text()
    assert main(["compare", "anti-hu-plain", "--exact", "--null", "0.05", "0.1", "--late", "0"]) == 0
    assert "success.null leaves" not in capsys.readouterr().err


def test_assurance_by_command(tmp_path, capsys):
    words = ["assurance", "anti-hu-plain", "--input", "response=5.5:12.5", "--draws", "100"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert "assurance  0.5884" in capsys.readouterr().out
    found = pns.assurance(PROTOCOL, pns.load_scenario("anti-hu-plain"), {"response": (5.5, 12.5)}, draws=100)
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["probability_of_success"].mean() == pytest.approx(found.assurance)
    assert (tmp_path / "figure.png").exists()
    assert main(["assurance", "anti-hu-plain", "--input", "response=5.5"]) == 2
    assert main(["assurance", "anti-hu-plain", "--input", "response=a:b"]) == 2
    assert "write KEY=A:B" in capsys.readouterr().err


def test_draws_of_a_file_go_through_the_scenario(tmp_path, capsys):
    draws = pd.DataFrame({"response": [0.1, 0.2, 0.3], "null": [0.05, 0.1, 0.1]})
    draws.to_csv(tmp_path / "draws.csv", index=False)
    words = ["assurance", "anti-hu-plain", "--draws-from", str(tmp_path / "draws.csv")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    found = pns.assurance(PROTOCOL, pns.load_scenario("anti-hu-plain"), draws)
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert table["probability_of_success"].tolist() == pytest.approx(
        found.table["probability_of_success"].tolist()
    )
    capsys.readouterr()
    assert main([*words, "--input", "response=2:8"]) == 2
    assert main(["assurance", "anti-hu-plain", "--draws-from", str(tmp_path / "none.csv")]) == 2
    said = capsys.readouterr().err
    assert "leave out --input" in said
    assert "none.csv" in said


def test_options_that_would_do_nothing_are_refused(capsys):
    for words, remedy in (
        (["simulate", "anti-hu-plain", "--rated", "--exact"], "give --response too"),
        (["compare", "anti-hu-plain", "--rated", "--exact"], "give --response too"),
        (["tornado", "anti-hu-plain", "--rated", "--range", "late=0:0.3"], "give --response too"),
        (["power", "anti-hu-plain", "--response", "0.2", "--exact"], "name the shares there"),
        (["looks", "anti-hu-plain", "--looks", "9", "17"], "give --futility, --efficacy or both"),
    ):
        assert main(words) == 2
        assert remedy in capsys.readouterr().err
    assert main(["power", "anti-hu-plain", "--rated", "--responses", "0.2", "--exact"]) == 0
    with pytest.raises(SystemExit):
        main(["search", "anti-hu-plain", "--trials", "100"])


def test_lists_of_values_are_typed_in_any_way(capsys):
    missed, leave = "scenario.visits.missed", "scenario.dropout.per_month"
    tables = []
    for words in (
        ["--set", f"{missed}=0", "0.1", "--set", f"{leave}=0", "0.1"],
        ["--set", f"{missed}=0", "0.1", f"{leave}=0", "0.1"],
        ["--set", f"{missed}=0", "--set", f"{missed}=0.1", f"{leave}=0", f"{leave}=0.1"],
    ):
        assert main(["compare", "anti-hu-plain", "--exact", "--quiet", *words]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0].count("probability_of_success") == 4
    assert tables[0] == tables[1] == tables[2]


def test_a_tornado_over_whole_numbers(capsys):
    assert main(["tornado", "anti-hu-plain", "--range", "n=17:34", "--range", "null=0.05:0.15"]) == 0
    said = capsys.readouterr()
    assert "n   17    34" in said.out
    assert said.err == ""


def test_workers_by_process_and_wrong_words(tmp_path, capsys):
    words = ["simulate", "anti-hu-plain", "--trials", "5000", "--quiet", "--primary"]
    assert main(words) == 0
    plain = capsys.readouterr().out
    assert main([*words, "--executor", "processes", "--workers", "2"]) == 0
    assert capsys.readouterr().out == plain
    assert main(["simulate"]) == 2
    assert main(["simulate", "nowhere.toml"]) == 2
    assert main([*words, "--address", "tcp://x"]) == 2
    wrong = tmp_path / "my.toml"
    wrong.write_text(scenario_text("anti-hu").replace("missed = 0.05", "missed = 5"))
    assert main(["simulate", str(wrong)]) == 2
    assert "visits.missed = 5: allowed is a number from 0 to 1" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("simulate anti-hu --rated 0.2", "--rated takes no value: write --response 0.2 --rated"),
        ("simulate --rated 0.2 anti-hu", "--rated takes no value: write --response 0.2 --rated"),
        ("power anti-hu --rated 0.2 0.3", "--rated takes no value: write --responses 0.2 0.3 --rated"),
        ("power anti-hu --exact 0.2", "--exact takes no value: write --responses 0.2 --exact"),
        ("compare anti-hu --exact 17 21", "--exact takes no value: write --n 17 21 --exact"),
        ("simulate anti-hu --exact 17", "--exact takes no value: write --set n=17 --exact"),
        ("simulate anti-hu --exact 0.2", "--exact takes no value: write --response 0.2 --exact"),
        ("simulate anti-hu --one 5", "--one takes no value: write --seed 5 --one"),
        ("simulate anti-hu --quiet 5", "--quiet takes no value: leave 5 out"),
        ("assurance anti-hu --true 0.2", "--true takes no value: write --input response=A:B --true"),
        ("assurance anti-hu --input response 5.5 12.5", "write --input response=5.5:12.5"),
        ("tornado anti-hu --range late 0 0.3", "--range takes one word: write --range late=0:0.3"),
        ("simulate anti-hu --set n 30", "--set takes one word: write --set n=30"),
        (
            "simulate anti-hu --window-days 5",
            "there is no option --window-days here: write --set window_days=5",
        ),
        ("simulate anti-hu --response 20%", "'20%' is no number; 20 % is written 0.2"),
        ("simulate anti-hu --response 20", "from 0 to under 1; 20 % is written 0.2"),
        ("simulate anti-hu --late 30", "a number from 0 to 1; 30 % is written 0.3"),
        ("simulate anti-hu --set scenario.visits.missed=10%", "from 0 to 1; 10 % is written 0.1"),
        ("search anti-hu --power 80", "strictly between 0 and 1; 80 % is written 0.8"),
        ("power anti-hu --responses 10 20", "from 0 to 1; 10 % is written 0.1"),
        ("sobol anti-hu --range response=15%:30%", "'15%' is no number; 15 % is written 0.15"),
        ("compare anti-hu --n 17,21", "'17,21' is no whole number; write 17 21"),
        ("compare anti-hu --set late=0\u00a00.3", "without quotation marks: --set late=0 0.3"),
        ("simulate anti-hu --late 0,2", "'0,2' is no number; write 0.2"),
    ],
)
def test_a_value_in_the_wrong_place_or_form_is_answered_with_the_right_call(line, remedy, capsys):
    try:
        code = main([word.replace("\u00a0", " ") for word in line.split(" ")])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert remedy in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("line", [
    "compare anti-hu --trials 1e11 --quantity probability_of_success alive_12_month --store store",
    "tornado anti-hu --trials 1e11 --range late=0:0.3 --quantity alive_12_month",
    "sobol anti-hu --trials 1e11 --range late=0:0.3 --range n=9:20 --quantity alive_12_month",
    "assurance anti-hu --trials 1e11 --quantity alive_12_month",
])  # fmt: skip
def test_a_quantity_that_is_not_there_is_refused_before_the_run(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    assert "alive_12_month is not here; did you mean alive_12_months?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_scenario_of_another_protocol_names_it(capsys):
    assert main(["simulate", "nct02343211", "--protocol", "anti-hu", "--trials", "100"]) == 2
    said = capsys.readouterr().err
    assert "anti-hu is a scenario: write anti-hu --protocol nct02343211" in said
    assert "its own protocol" not in said
    assert main(["simulate", "surface-antibody", "--trials", "100"]) == 2
    assert "made for its own protocol: --protocol surface-antibody" in capsys.readouterr().err
    assert main(["simulate", "anti-hu", "--late", "7"]) == 2
    assert "its own protocol" not in capsys.readouterr().err


def test_looks_without_a_success_say_so(capsys):
    words = ["looks", "anti-hu", "--looks", "9", "17", "--futility", "0", "3", "--trials", "500", "--quiet"]
    assert main(words) == 0
    assert "such as --efficacy never X" in capsys.readouterr().err
    assert main([*words, "--efficacy", "never", "4"]) == 0
    assert "--efficacy" not in capsys.readouterr().err


def test_a_long_comparison_shows_its_trials_within_each_point(capsys):
    assert main(["compare", "anti-hu-plain", "--n", "9", "17", "--trials", "5000"]) == 0
    shown = capsys.readouterr().err
    assert "4,096 of 10,000 trials" in shown  # the first block of the first point
    assert "10,000 of 10,000 trials" in shown


def test_a_dask_cluster_is_named_by_its_address(capsys):
    distributed = pytest.importorskip("distributed")
    words = ["simulate", "anti-hu", "--trials", "9000", "--quiet"]
    assert main(words) == 0
    plain = capsys.readouterr().out
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        assert main([*words, "--executor", "dask", "--address", cluster.scheduler_address]) == 0
        assert capsys.readouterr().out == plain


def test_figures_show_the_numbers_of_their_result():
    from matplotlib import pyplot as plt

    from pnstrial.figures.simulation import heat_map, power_against_rate, responder_distribution

    scenario = pns.load_scenario("anti-hu-plain")
    result = pns.simulate_trials(PROTOCOL, scenario, n_trials=2000, quantities="primary")
    axes = responder_distribution(result, pns.exact_characteristics(PROTOCOL, scenario))
    bars = {bar.get_gid(): bar.get_height() for bar in axes.patches}
    assert [bars[f"bar:{k}"] for k in range(18)] == pytest.approx(result.responders / 2000)
    critical = next(line for line in axes.lines if line.get_gid() == "critical")
    assert critical.get_xdata()[0] == result.critical_count - 0.5
    curve = power_curve(PROTOCOL, scenario, (0, 4, 10), n_trials=1000)
    axes = power_against_rate(curve)
    drawn = {line.get_gid(): np.asarray(line.get_ydata()) for line in axes.lines}
    assert drawn["simulated"] == pytest.approx(curve.table["estimate"].to_numpy())
    assert drawn["exact"] == pytest.approx(curve.table["exact"].to_numpy())
    frame = pns.compare_scenarios(PROTOCOL, scenario, method="exact", n=[17, 34], null=[0.05, 0.1])
    texts = {text.get_gid(): text.get_text() for text in heat_map(frame, "n", "null").texts}
    assert set(texts) == {"cell:17:0.05", "cell:34:0.05", "cell:17:0.1", "cell:34:0.1"}
    with pytest.raises(ValueError, match="no column"):
        heat_map(frame, "n", "nothing")
    plt.close("all")

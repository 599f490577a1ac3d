"""Every shipped protocol runs through the commands on tables, with its own example where it has one."""

from importlib import resources

import pytest

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.protocol import shipped_protocols

EXAMPLES = ("nct02343211-registry", "nct06373211", "sirolimus-2015", "natalizumab-2021")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_protocol_is_written_checked_and_analysed(name, tmp_path, capsys):
    folder = str(tmp_path / "trial")
    asked = ["--protocol", name]
    assert main(["example", folder, *asked]) == 0
    assert f"--protocol {name}" in capsys.readouterr().out
    assert main(["check", folder, *asked]) == 0
    assert "0 errors" in capsys.readouterr().out
    assert main(["screen", folder, *asked]) == 0
    assert main(["analyse", folder, *asked]) == 0
    out = capsys.readouterr().out
    protocol = pns.load_protocol(name)
    assert f"Response at {protocol.endpoint.visit}" in out
    assert ("Interim decisions" in out) == (protocol.decision is not None)
    trial = pns.example_trial(name)
    assert trial.synthetic
    assert len(trial.enrolled) > 0


def test_tables_read_under_another_protocol_are_answered_with_the_right_call(tmp_path, capsys):
    folder = str(tmp_path / "trial")
    assert main(["example", folder, "--protocol", "nct06373211"]) == 0
    assert main(["check", folder]) == 1
    assert "if the tables are of another protocol, name it (--protocol" in capsys.readouterr().out
    with pytest.raises(pns.data.TrialDataError, match=r"name it .*protocol="):
        pns.read_trial(folder)
    assert main(["simulate", "nct06373211", "--exact"]) == 2
    assert "name a protocol whose endpoint is on ONLS (--protocol)" in capsys.readouterr().err


@pytest.mark.parametrize("name", shipped_protocols())
def test_plan_template_and_check_run_for_every_shipped_protocol(name, tmp_path, capsys):
    asked = ["--protocol", name]
    plan = ["plan", "--weight", "70", "--height", "175", "--start", "2026-01-05", "--anyway"]
    assert main([*plan, *asked]) == 0
    out = capsys.readouterr().out
    drugs = pns.load_protocol(name).drugs
    assert all(drug.name in out for drug in drugs) or len(drugs) == 1
    assert main(["template", str(tmp_path / "t"), *asked]) == 0
    assert main(["protocol", "check", name]) == 0
    assert "It can be used." in capsys.readouterr().out


def test_a_protocol_without_a_bundled_example_is_told_what_to_call(tmp_path):
    from .trial import PROTOCOL

    with pytest.raises(
        ValueError, match=r"protocol hand has no bundled example; .* pnstrial example FOLDER --protocol FILE"
    ):
        pns.data.write_example(tmp_path / "t", PROTOCOL)
    assert not (tmp_path / "t").exists()


FOLDER = resources.files("pnstrial") / "protocols"


@pytest.mark.parametrize("name", shipped_protocols())
def test_a_shipped_protocol_is_short_and_each_of_its_numbers_has_a_source(name):
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    protocol = pns.load_protocol(name)
    known = set(protocol.sources)
    numbers = [entry for entry in protocol.settings() if isinstance(entry.value, int | float)]
    assert len(numbers) > 10
    without = [
        entry.key
        for entry in numbers
        if not (entry.source and (entry.source in known or entry.source.startswith("assumed")))
    ]
    assert without == []
    assert all(len(reference) > 10 for reference in protocol.sources.values())

"""The audit trail: what a report was made of can be checked without the program."""

import hashlib
import shlex
from pathlib import Path

import pnstrial as pns
from pnstrial.cli import main
from pnstrial.reporting.material import Material
from pnstrial.reporting.methods import methods
from pnstrial.writing import package_digest

PACKAGE = Path(pns.__file__).parent


def rows_of(trial, protocol, command=None):
    place = methods(Material(pns.analyse(trial, protocol), command)).places[1]
    assert place.key == "provenance"
    return dict(place.make().frame.itertuples(index=False))


def test_inputs_protocol_and_the_package_stand_with_their_sha256(example, protocol, example_folder):
    rows = rows_of(example, protocol)
    for path in example_folder.glob("*.csv"):
        assert rows[f"SHA-256 of {path.name}"] == hashlib.sha256(path.read_bytes()).hexdigest()
    whole = hashlib.sha256(protocol.to_toml().encode()).hexdigest()
    assert rows["SHA-256 of the protocol, written out whole"] == whole
    other = rows_of(example, protocol.with_settings(endpoint={"null_proportion": 0.1}))
    assert other["SHA-256 of the protocol, written out whole"] != whole
    assert other["SHA-256 of pnstrial's own files"] == rows["SHA-256 of pnstrial's own files"]


def test_the_hash_of_the_package_is_of_its_sorted_files_without_compiled_ones(example, protocol):
    lines = [
        f"{path.relative_to(PACKAGE).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    expected = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    assert package_digest() == expected == rows_of(example, protocol)["SHA-256 of pnstrial's own files"]


def test_the_command_names_no_folder(example_folder, tmp_path, monkeypatch):
    from pnstrial import reporting

    seen = {}
    monkeypatch.setattr(
        reporting, "report", lambda *_, command, **__: seen.update(command=command) or tmp_path / "x"
    )
    assert main(["report", str(example_folder), "--out", str(tmp_path / "out"), "--null", "0.1"]) == 0
    assert shlex.split(seen["command"]) == [
        "pnstrial", "report", example_folder.name, "--protocol", "nct02343211", "--null", "0.1",
    ]  # fmt: skip

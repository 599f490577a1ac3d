"""Runs that are killed, and inputs that are damaged: nothing is half-written, and nothing is a traceback."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.adam import check_adam, default_mapping, derive, from_sdtm, write_adam
from pnstrial.data import read_findings
from pnstrial.simulate import DamagedBlockWarning, StoreError
from pnstrial.writing import read_manifest, unchanged

from .adam.test_sdtm import sdtm_of, write
from .test_workbook import damaged, mutated


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def whole(place):
    """Whether each file of a folder is as its list states, or the folder has no list and no file."""
    if not place.exists():
        return True
    name = "datasets.csv" if (place / "specification.csv").exists() else "manifest.csv"
    listed = read_manifest(place, name)
    if listed is None:
        return True
    return all(hash_of(place / file) == mark for file, mark in listed.items())


@pytest.mark.long
@pytest.mark.parametrize("command", ["report", "adam", "analyse"])
def test_twenty_kills_leave_no_final_name_half_written(example_folder, tmp_path, command):
    out = tmp_path / ("page.html" if command == "analyse" else "out")
    words = [sys.executable, "-m", "pnstrial", command, str(example_folder), "--out", str(out)]
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    lasted = time.monotonic() - began
    complete = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    rng = random.Random(command)
    for _ in range(20):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(lasted * rng.uniform(0.5, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if command == "analyse":
            assert unchanged(out.read_bytes(), ".html")
        else:
            assert whole(out)
    subprocess.run(words, check=True, capture_output=True)
    assert ({path.name for path in out.iterdir()} if out.is_dir() else {out.name}) == complete
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def mutated_text(text, rng):
    """Change a few lines of a text file."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        way = rng.randrange(5)
        if way == 0 and len(lines) > 1:
            del lines[at]
        elif way == 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        elif way == 2 and "=" in lines[at]:
            lines[at] = (
                lines[at].partition("=")[0]
                + "= "
                + rng.choice(["1", "[]", "{}", '"x"', "true", "[1]", "nan"])
            )
        elif way == 3:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        else:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice('[]{}"=,(\\') + lines[at][cut + 1 :]
    return "\n".join(lines)


def sources(example, protocol, where):
    """Make one sound input of each kind; give for each how to read it, and how to damage it."""
    import openpyxl

    book = where / "t.xlsx"
    sheets = openpyxl.Workbook()
    sheets.remove(sheets.worksheets[0])
    for name in pns.data.TABLES:
        frame = example.table(name)
        sheet = sheets.create_sheet(name)
        sheet.append(list(frame.columns))
        for row in frame.head(20).astype(object).where(frame.notna(), None).itertuples(index=False):
            sheet.append(list(row))
    sheets.save(book)
    parquet = where / "parquet"
    parquet.mkdir()
    for name in ("screening", "mrs"):
        example.table(name).astype(str).to_parquet(parquet / f"{name}.parquet")
    datasets = derive(example, protocol)
    sets = {kind: where / kind for kind in ("xpt", "json", "adamparquet")}
    for kind, folder in sets.items():
        write_adam(datasets, folder, kind.removeprefix("adam"))
    sdtm = write(sdtm_of(example), where / "sdtm")
    mapping = where / "map.toml"
    mapping.write_text(default_mapping())

    store = where / "blocks.sqlite"
    run = {"scenario": pns.load_scenario("anti-hu"), "n_trials": 50, "seed": 1, "quantities": "primary"}
    whole = pns.simulate_trials(protocol, store=store, **run).to_frame()

    def go_on():
        with contextlib.suppress(StoreError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DamagedBlockWarning)
            pd.testing.assert_frame_equal(pns.simulate_trials(protocol, store=store, **run).to_frame(), whole)
        for left in where.glob("blocks.sqlite-*"):
            left.unlink()

    def read_map():
        with contextlib.suppress(ValueError):
            from_sdtm(sdtm, mapping)

    return [
        ([book], lambda: read_findings(book), mutated),
        (sorted(parquet.iterdir()), lambda: read_findings(parquet), damaged),
        *((sorted(folder.glob("ad*")), lambda folder=folder: _silent(folder), damaged) for folder in sets.values()),
        ([mapping], read_map, lambda data, rng: mutated_text(data.decode(), rng).encode()),
        ([store], go_on, damaged),
    ]  # fmt: skip


def _silent(folder):
    """Read a set that was changed: it must not pass."""
    trial, findings = check_adam(folder)
    assert trial is None
    assert any(finding.severity == "error" for finding in findings)


@pytest.mark.long
def test_three_thousand_mutations_are_findings(example, protocol, tmp_path):
    first, _, last = os.environ.get("PNSTRIAL_MUTATIONS", "0-3000").rpartition("-")
    check_mutations(example, protocol, tmp_path, range(int(first or 0), int(last)))


def test_some_mutations_are_findings(example, protocol, tmp_path):
    check_mutations(example, protocol, tmp_path, range(24))


def check_mutations(example, protocol, where, numbers):
    made = sources(example, protocol, where)
    before_all = peak_memory()
    for number in numbers:
        rng = random.Random(number)
        files, read, damage = made[number % len(made)]
        file = Path(rng.choice(files))
        before = file.read_bytes()
        changed = damage(before, rng)
        if changed == before:
            continue
        file.write_bytes(changed)
        began = time.process_time()
        try:
            read()
        except Exception as problem:
            raise AssertionError(f"mutation {number} of {file.name}") from problem
        finally:
            file.write_bytes(before)
        assert time.process_time() - began < 20
    # Tests that ran before in this process may have used more: then nothing may be added to their peak.
    assert peak_memory() < max(2_000_000, before_all + 500_000)


def peak_memory():
    """Return the most memory that this process has held, in kB (0 where the system does not say)."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

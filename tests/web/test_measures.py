"""How soon the page answers, how much memory it takes and what it leaves: measured at the command itself."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlencode

import pytest

import pnstrial as pns
from tests.double import folders
from tests.web.conftest import PAGES

pytestmark = pytest.mark.long
TICKS = os.sysconf("SC_CLK_TCK")


class Command:
    """The command ``pnstrial page`` in a folder of its own, and one connection to it."""

    def __init__(self, place, *words):
        self.begun = time.monotonic()
        temporary = place / "tmp"
        temporary.mkdir(exist_ok=True)
        variables = {
            **os.environ,
            "TMPDIR": str(temporary),
            "HOME": str(place),
            "MPLCONFIGDIR": str(temporary),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pnstrial", "page", "--no-browser", *words], stdout=subprocess.PIPE, text=True, cwd=place,
            env=variables,
        )  # fmt: skip
        address = self.process.stdout.readline().strip()
        self.place, _, rest = address.removeprefix("http://").partition("/")
        self.connection = http.client.HTTPConnection(self.place, timeout=300)
        self.cookie = ""
        self.connection.request("GET", f"/{rest}")
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        assert answer.status == 303

    def get(self, path):
        self.connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, answer.status, text[:300])
        return text

    def post(self, path, **fields):
        headers = {
            "Cookie": self.cookie,
            "Origin": f"http://{self.place}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self.connection.request("POST", path, urlencode(fields), headers)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 303, (path, answer.status)

    def seconds(self):
        """Give the processor time that the server has taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self, which="VmRSS"):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+) kB", text)[1]) / 1024

    def timed(self, act, *words, **fields):
        """Give the processor time of the server and the time on the clock that a request takes."""
        before, begun = self.seconds(), time.monotonic()
        act(*words, **fields)
        return self.seconds() - before, time.monotonic() - begun


@contextmanager
def command(place, *words):
    made = Command(place, *words)
    try:
        yield made
    finally:
        made.connection.close()
        made.process.send_signal(signal.SIGINT)
        made.process.wait(60)
        made.process.stdout.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """479 screened patients on every edge of the rules."""
    folder = tmp_path_factory.mktemp("many")
    tables = folders.edge_folder(1, 479)
    for row in (row for rows in tables.values() for row in rows):
        row["patient_id"] = "Px" + row["patient_id"]
    folders.write(folders.as_texts(tables), folder)
    return folder


def test_the_first_answer_comes_before_the_folder_is_read(tmp_path, many):
    taken = []
    for _ in range(3):
        with command(tmp_path, str(many)) as page:
            taken.append((page.seconds(), time.monotonic() - page.begun))
    print(
        f"\nfirst answer: {min(taken)[0]:.2f} s of processor, {min(wall for _, wall in taken):.2f} s on the clock"
    )
    assert min(taken)[0] < 1.5


def test_exact_answers_move_at_once(tmp_path):
    slow = {}
    with command(tmp_path) as page:
        page.get("/simulate?scenario=anti-hu")
        page.get("/design?kind=fixed&n=17&p0=0.1")
        for n, path, most in (
            [
                (n, f"/simulate?scenario=anti-hu&n={n}&missed=0.0{n % 9 + 1}", 0.3)
                for n in (10, 17, 21, 25, 30)
            ]
            + [(n, f"/design?kind=fixed&n={n}&p0=0.1", 0.3) for n in (10, 21, 30)]
            + [(n, f"/design?kind=fixed&n={n}&p0=0.1", 1.0) for n in (250, 300)]
            + [(n, f"/design?kind=sequential&looks=6+11+{n}", 0.3) for n in (21, 30)]
            + [(n, f"/design?kind=bayes&looks=6+11+{n}", 0.3) for n in (21, 30)]
            + [(n, f"/design?kind=safety&looks={n}", 0.3) for n in (21, 30)]
            + [(17, f"/simulate?scenario=anti-hu&response=0.{share}", 0.3) for share in (11, 12, 21)]
            + [(17, "/simulate?scenario=anti-hu&response=0.2&dead=0.3", 0.4)]
            + [(n, f"/simulate?scenario=anti-hu&n={n}", 1.0) for n in (100, 300)]
            + [(300, "/simulate?scenario=anti-hu&n=300&response=0.2", 1.0)]
            + [(100, "/design?kind=safety&looks=100", 1.0)]
            + [
                (17, "/design?kind=simon&p0=0.1&p1=0.35", 1.0),
                (25, "/design?kind=single&p0=0.1&p1=0.35", 1.0),
            ]
        ):
            processor, wall = page.timed(page.get, path)
            print(f"\nn = {n:3}: {processor:.2f} s of processor, {wall:.2f} s on the clock {path}", end="")
            if processor > most + 2 / TICKS:
                slow[path] = processor
    assert not slow


def test_a_run_is_cancelled_at_once(tmp_path):
    with command(tmp_path) as page:
        page.get("/simulate?scenario=anti-hu")
        taken = []
        for _ in range(3):
            page.post("/simulate/run", scenario="anti-hu", trials="1000000", seed="1")
            time.sleep(1)
            taken.append(page.timed(page.post, "/simulate/cancel")[1])
            children = Path(f"/proc/{page.process.pid}/task/{page.process.pid}/children").read_text().split()
            states = {Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] for child in children
                      if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()}  # fmt: skip
            assert states <= {"Z"}
        print(f"\ncancelled after {min(taken):.3f} s")
        assert min(taken) < 0.1


def test_memory_with_479_patients(tmp_path, many):
    with command(tmp_path, str(many)) as page:
        first = pns.read_trial(many).screening["patient_id"].iloc[0]
        for path in PAGES:
            page.get(path.replace("BOR-01", first).replace("BES-01", first))
        for figure in ("primary", "survival", "shift", "course", "flow"):
            page.get(f"/trial/figure/{figure}.svg")
        page.post("/trial/report/make")
        page.get("/trial/adam.zip")
        print(f"\n479 patients: at most {page.megabytes('VmHWM'):.0f} MB")
        assert page.megabytes("VmHWM") < 800


def test_a_thousand_requests_leave_nothing(tmp_path):
    def files():
        return {path for path in tmp_path.rglob("*") if path.is_file()}

    def opened():
        return len(list(Path(f"/proc/{page.process.pid}/fd").iterdir()))

    paths = [*PAGES, "/trial/queries.csv", "/session.json", "/protocol/my-protocol.toml", "/static/page.js",
             "/trial/figure/primary.svg", "/trial/figure/patient.png?id=BOR-01", "/design/figure/power.svg?kind=simon",
             "/simulate?scenario=anti-hu&n=20"]  # fmt: skip
    with command(tmp_path) as page:
        page.post("/trial/example")
        for path in islice(cycle(paths), 2 * len(paths)):
            page.get(path)
        before, memory, descriptors = files(), page.megabytes(), opened()
        for number, path in enumerate(islice(cycle(paths), 1000)):
            page.get(path.replace("n=20", f"n={20 + number % 50}"))
        print(f"\n1,000 requests: {page.megabytes() - memory:+.1f} MB, {len(files() - before)} new files")
        assert files() == before
        assert opened() <= descriptors
        assert page.megabytes() - memory < 20
    assert [path for path in (tmp_path / "tmp").iterdir() if path.name.startswith("pnstrial-page")] == []

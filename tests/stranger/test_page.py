"""The local page under a protocol that no code knows, and under every shipped one: choose it, read its tables, see it."""

import html
import io
import re
from contextlib import redirect_stdout

import numpy as np
import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

import pnstrial as pns
from pnstrial import web
from pnstrial.protocol import shipped_protocols
from tests.stranger.test_simulation import SCENARIO
from tests.stranger.test_stranger import OF_OTHER_TRIALS
from tests.stranger.trial import PROTOCOL, write

HOME = "http://127.0.0.1:8767"
PARTS = ["/trial", "/trial/who", "/trial/dose", "/trial/visits", "/trial/primary", "/trial/survival", "/trial/shift",
         "/trial/report", "/protocol", "/protocol?key=design.n", "/design?kind=fixed", "/simulate"]  # fmt: skip


@pytest.fixture
def page():
    gate = web.application(port=8767)
    with TestClient(gate, base_url=HOME, headers={"Origin": HOME}) as client:
        assert client.get(gate.address).status_code == 200
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hand"))


@pytest.fixture
def stranger(page, folder):
    """The page with the stranger's protocol, tables and scenario brought as files."""
    brought = page.post("/protocol/bring", files={"file": ("anything.toml", PROTOCOL.read_bytes())})
    assert "Two drugs for the hand" in brought.text
    files = [("files", (path.name, path.read_bytes())) for path in sorted(folder.iterdir())]
    assert "8 enrolled" in page.post("/trial/upload", files=files).text
    assert "No shipped scenario" in page.get("/simulate").text
    page.post("/simulate/bring", files={"file": ("s.toml", SCENARIO.read_bytes())})
    return page


def words_of(answer):
    """Give the text that a reader sees, and the addresses."""
    text = re.sub(r"<(?:option|script)[^>]*>[^<]*", " ", answer.text)
    return html.unescape(text)


def test_every_part_shows_the_strangers_trial_and_names_no_other(stranger):
    day = "2024-03-04"
    for path in [*PARTS, "/trial/patient?id=H1", "/trial/patient?id=H6", "/trial/dose?patient=H5", "/simulate/notes",
                 f"/trial/dose?weight=80&height=180&start={day}", "/simulate/example?seed=2"]:  # fmt: skip
        for language in ("en", "fr"):
            stranger.post("/language", data={"language": language})
            answer = stranger.get(path)
            assert answer.status_code == 200, (path, words_of(answer)[-900:])
            assert OF_OTHER_TRIALS.findall(words_of(answer)) == [], path
            for address in dict.fromkeys(re.findall(r'(?:src|href)="([^"]+\.svg[^"]*)"', answer.text)):
                if language == "en" and not address.startswith("/static"):
                    assert stranger.get(html.unescape(address)).status_code == 200, address
            for address in dict.fromkeys(re.findall(r'href="([^"]+as=[^"]*)"', answer.text)):
                table = stranger.get(html.unescape(address))
                assert table.headers["content-type"].startswith("text/csv"), address
                assert OF_OTHER_TRIALS.findall(table.text) == [], address
    stranger.post("/language", data={"language": "en"})


def test_the_numbers_are_those_of_the_script(stranger, folder, tmp_path, monkeypatch):
    (tmp_path / "my-protocol.toml").write_text(PROTOCOL.read_text())
    (tmp_path / "my-scenario.toml").write_text(SCENARIO.read_text())
    monkeypatch.chdir(tmp_path)
    for path in ("/trial/primary?missing=exclude", "/trial/shift", "/simulate?response=0.5&missed=0.2"):
        text = stranger.get(path).text
        script = html.unescape(re.search(r'<pre[^>]*-python">(.*?)</pre>', text, re.DOTALL)[1])
        found = {}
        with redirect_stdout(io.StringIO()):
            exec(script.replace('"my-trial"', repr(str(folder))), found)  # noqa: S102 - the script of the page
        frame = found["result"].to_frame()
        shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', text)}
        if path.startswith("/simulate"):
            answers = dict(zip(frame["quantity"], frame["estimate"], strict=True))
            assert answers["true_response"] == pytest.approx(0.5)
            assert {answers["probability_of_success"], answers["true_response"]} <= shown
        else:
            numbers = frame.select_dtypes("number").astype(float).to_numpy().ravel()
            assert set(numbers[~np.isnan(numbers)]) <= shown


def test_any_setting_of_the_strangers_protocol_can_be_changed(stranger):
    changes = {
        "treatment.drugs.alphamab.cycles": "4",
        "endpoint.improvement_points": "2",
        "visits.Week 12.last_day": "100",
    }
    for key, value in changes.items():
        assert "is allowed" in stranger.get("/protocol/check", params={"key": key, "value": value}).text
        assert stranger.post("/protocol/change", data={"key": key, "value": value}).status_code == 200
    saved = pns.Protocol.from_toml(stranger.get("/protocol/my-protocol.toml").text)
    assert saved.drug("alphamab").cycles == 4
    assert saved.visit("Week 12").last_day == 100
    text = html.unescape(stranger.get("/trial/primary").text)
    assert "treatment={'drugs': [{'name': 'alphamab', 'cycles': 4}]}" in text
    saved = stranger.get("/session.json").text
    stranger.post("/protocol/choose", data={"protocol": "nct02343211"})
    assert stranger.post("/session", files={"file": ("s.json", saved)}).status_code == 200
    assert "alphamab" in stranger.get("/protocol").text
    stranger.post("/protocol/forget")
    assert stranger.get("/session.json").json()["changes"] == {}


@pytest.mark.parametrize("name", [name for name in shipped_protocols() if name != "nct02343211"])
def test_every_shipped_protocol_works_with_its_own_trial(page, name):
    page.post("/protocol/choose", data={"protocol": name})
    assert "enrolled" in page.post("/trial/example").text
    patient = re.search(r"<option>([^<]+)</option>", page.get("/trial/visits").text)[1]
    for path in [*PARTS, f"/trial/patient?id={patient}", f"/trial/dose?patient={patient}"]:
        answer = page.get(path)
        assert answer.status_code == 200, (path, words_of(answer)[-900:])
        for address in dict.fromkeys(re.findall(r'(?:src|href)="([^"]+\.svg[^"]*)"', answer.text)):
            if "primary" in address or "shift" in address:
                assert page.get(html.unescape(address)).status_code == 200, address


def test_the_page_invents_a_trial_and_a_scenario_for_a_protocol_that_has_none(page):
    page.post("/protocol/bring", files={"file": ("anything.toml", PROTOCOL.read_bytes())})
    read = page.post("/trial/example")
    assert "20 enrolled" in read.text
    assert re.findall(r"mrs|ivig", words_of(read), re.IGNORECASE) == []
    assert "begin with a first one" in page.get("/simulate").text
    assert "First scenario of hand" in page.post("/simulate/first").text


def test_designs_begin_where_the_protocol_plans(page):
    """The stranger plans 20 patients, at most 10 % under the null at a one-sided level of 5 %."""
    page.post("/protocol/bring", files={"file": ("anything.toml", PROTOCOL.read_bytes())})
    design = pns.load_protocol(PROTOCOL).design
    shown = page.get("/design?kind=fixed").text
    assert f"single_stage_at(n={design.n}, p0=0.1" in html.unescape(shown)
    assert 'value="7 13 20"' in page.get("/design?kind=sequential").text

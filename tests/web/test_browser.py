"""The page in a real browser: the command, the token, forms with the browser's own headers, live answers."""

import os
import signal
import subprocess
import sys

import pytest

from tests.web.chromium import PATH, Chromium

if PATH is None and not os.environ.get("CI"):
    pytest.skip("there is no Chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def served():
    command = [sys.executable, "-m", "pnstrial", "page", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()


@pytest.fixture(scope="module")
def browser(served, tmp_path_factory):
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    chromium.open(served)
    yield chromium
    chromium.close()


def test_a_trial_team_gets_from_the_example_to_the_result(browser, served):
    home = served.partition("/?")[0]
    browser.open(f"{home}/")
    browser.submit("form[action='/trial/example'] button")
    assert "18 enrolled" in browser.run("document.body.innerText")
    browser.open(f"{home}/trial/primary")
    first = browser.run("document.querySelector('#answer .sentence').innerText")
    browser.run("window.same = true; document.querySelector('input[value=\"best case\"]').click()")
    browser.until(f"document.querySelector('#answer .sentence').innerText !== {first!r}")
    assert browser.run("window.same")
    assert "6 / 18" in browser.run("document.querySelector('#answer .sentence').innerText")
    browser.until("document.querySelector('#answer img').naturalWidth > 0")
    browser.submit(".language button")
    assert browser.run("document.documentElement.lang + location.pathname") == "fr/trial/primary"


def test_a_run_shows_its_progress_and_is_cancelled(browser, served):
    browser.open(served.partition("/?")[0] + "/simulate")
    browser.run("document.querySelector('input[name=trials]').value = 1000000")
    browser.submit("form[action='/simulate/run'] button")
    assert browser.run("document.querySelector('progress') !== null")
    browser.submit("form[action='/simulate/cancel'] button")
    assert browser.run("document.querySelector('progress') === null")


@pytest.mark.parametrize("path", ["/trial", "/trial/who", "/protocol", "/design", "/simulate"])
def test_nothing_is_wider_than_a_telephone(browser, served, path):
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser("Emulation.setDeviceMetricsOverride", **size)
    browser.open(served.partition("/?")[0] + path)
    assert browser.run("document.documentElement.scrollWidth") <= 360


def test_no_request_left_the_machine_and_no_policy_was_broken(browser, served):
    home = served.partition("/?")[0]
    for path in ("/trial", "/protocol", "/design", "/simulate"):
        browser.open(home + path)
    asked = [event["params"]["request"]["url"] for event in browser.events
             if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((home, "data:"))] == []
    wrong = [event["params"] for event in browser.events
             if event.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown"}]  # fmt: skip
    # A refusal with its status is an answer: other tests of this browser ask for some.
    assert [params for params in wrong if params.get("entry", {}).get("source") != "network"] == []


def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch, capsys):
    from pnstrial.cli import main

    monkeypatch.setattr("pnstrial.cli.page.find_spec", lambda name: None)
    assert main(["page"]) == 2
    assert (
        capsys.readouterr().err == "pnstrial: the page needs the page extra: pip install 'pnstrial[page]'\n"
    )


@pytest.mark.parametrize(
    ("words", "said"), [(["no-such-folder"], "there is no folder"), (["--port", "70000"], "no port")]
)
def test_a_wrong_folder_or_port_is_one_sentence(capsys, words, said):
    from pnstrial.cli import main

    try:
        code = main(["page", "--no-browser", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err

"""The page in a real browser: by mouse, by keyboard alone, and in both languages."""

import json
import os
import signal
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

import pnstrial as pns
from tests import browser
from tests.browser import Window, until

TABS = ["trial", "protocol", "design", "simulate"]
DRAWN = "[...document.images].every(one => one.complete && one.naturalWidth > 50)"
PARTS = ["who", "dose", "visits", "primary", "survival", "shift", "report"]


def place(page):
    return urlsplit(page.url).path


def upload(page, *files):
    page.set_input_files("input[name=files]", [str(file) for file in files])
    page.click("form[action='/trial/upload'] button.main")


def reach(page, selector, most=150):
    """Press Tab until the element has the focus, and see that the focus is visible."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not reach {selector} of {page.url}")


def follow(page, selector):
    """Go where an element leads, by keyboard."""
    reach(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


# ---------------------------------------------------------------------------------------------------- every tab
def test_every_tab_and_part_by_mouse(example_page):
    page = example_page
    assert "18 enrolled" in page.inner_text("main")
    for part in PARTS:
        page.click(f".parts a[href='/trial/{part}']")
        assert place(page) == f"/trial/{part}"
        assert page.inner_text("h1")
        assert page.inner_text(".parts [aria-current=page]")
        until(page, DRAWN)
    for tab in TABS[::-1]:
        page.click(f"header nav a[href='/{tab}']")
        assert place(page) == f"/{tab}"
        assert page.get_attribute("header nav [aria-current=page]", "href") == f"/{tab}"
        assert page.inner_text("h1")


def test_every_tab_and_part_by_keyboard_alone(page):
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the way past the tabs comes first
    assert page.evaluate("document.activeElement.id") == "main"
    follow(page, "form[action='/trial/example'] button")
    assert "18 enrolled" in page.inner_text("main")
    for part in PARTS:
        follow(page, f".parts a[href='/trial/{part}']")
        assert place(page) == f"/trial/{part}"
    for tab in TABS[::-1]:
        follow(page, f"header nav a[href='/{tab}']")
        assert place(page) == f"/{tab}"
    follow(page, ".language button")
    assert page.evaluate("document.documentElement.lang") == "fr"


@pytest.mark.parametrize(
    "path", ["/trial", "/trial/primary", "/trial/dose", "/protocol", "/design?kind=simon", "/simulate"]
)
def test_tab_passes_everything_that_can_be_used_and_leaves_the_page(example_page, path):
    page = example_page
    page.goto(path)
    page.wait_for_load_state("networkidle")  # some of it may come later
    usable = page.evaluate(
        """() => {
          window.seen = new Set();
          document.addEventListener("focusin", event => seen.add(event.target));
          window.radios = new Set();
          return [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
            .filter(one => one.checkVisibility() && one.type !== "hidden"
              && !(one.type === "radio" && (!one.checked))).length;
        }"""
    )
    for _ in range(2 * usable + 60):  # a date has parts of its own
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
    assert page.evaluate("seen.size") == usable
    assert page.evaluate("document.activeElement === document.body")


# ------------------------------------------------------------------------------------------------ what is on them
def test_the_result_moves_with_the_estimand_by_mouse_and_by_keyboard(example_page):
    page = example_page
    page.goto("/trial/primary")
    page.evaluate("window.same = true")
    first = page.inner_text("#answer .sentence")
    page.check("input[value='best case']")
    until(page, "text => document.querySelector('#answer .sentence').innerText !== text", first)
    assert "6 / 18" in page.inner_text("#answer .sentence")
    reach(page, "input[name=missing]")
    while page.evaluate("document.activeElement.value") != "non-responder":
        page.keyboard.press("ArrowDown")
    until(page, "text => document.querySelector('#answer .sentence').innerText === text", first)
    until(page, "document.querySelector('#answer img').naturalWidth > 50")
    assert page.evaluate("window.same")  # no page was loaded
    follow(page, ".language button")
    assert (place(page), page.evaluate("document.documentElement.lang")) == ("/trial/primary", "fr")
    assert "%" in page.inner_text("#answer .sentence")
    assert "," in page.inner_text("#answer .sentence")


@pytest.mark.parametrize(("path", "slider"), [("/design?kind=fixed", "n"), ("/simulate", "missed")])
def test_a_slider_moves_the_answer_by_keyboard(page, path, slider):
    page.goto(path)
    reach(page, f"#s-{slider}")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    number = page.input_value(f"#s-{slider}")
    until(page, "number => document.querySelector('#answer .code pre').textContent.includes(number)", number)
    assert page.evaluate("document.activeElement.id") == f"s-{slider}"
    reach(page, "#answer details.code summary")
    page.keyboard.press("Enter")
    assert number in page.inner_text("#answer details.code pre")


def test_a_copied_script_is_the_shown_one(page, window):
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/design?kind=simon")
    reach(page, "details.code summary")
    page.keyboard.press("Enter")
    reach(page, "button[data-copy=design-python]")
    page.keyboard.press("Enter")
    page.wait_for_selector("button.done")
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#design-python")


def test_tables_are_uploaded_by_mouse(page, tables):
    upload(page, *tables[0].glob("*.csv"))
    assert "18 enrolled" in page.inner_text("[role=status]")
    assert page.locator(".finding.error").count() == 0


def test_tables_are_uploaded_by_keyboard(page, tables):
    page.once("filechooser", lambda _: None)  # asked for before it can come
    reach(page, "input[name=files]")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files([str(file) for file in tables[0].glob("*.csv")])
    follow(page, "form[action='/trial/upload'] button.main")
    assert "18 enrolled" in page.inner_text("[role=status]")


def test_a_broken_folder_is_told_with_its_cells_and_can_be_sent_as_queries(page, tables):
    upload(page, *tables[1].glob("*.csv"))
    assert "18 enrolled" not in page.inner_text("main")
    wrong = page.locator(".finding.error")
    assert wrong.count() >= 1  # of which the first is open
    assert "9" in wrong.first.inner_text().split()
    with page.expect_download() as sheet:
        page.click("a[href='/trial/queries.csv']")
    assert "mrs.csv" in sheet.value.path().read_text()
    page.click(".parts a[href='/trial/primary']")
    assert page.inner_text("main")
    assert "18" not in page.inner_text("main")


def test_a_dropped_file_is_taken(page, tables):
    page.evaluate(
        """text => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], "screening.csv"));
          document.querySelector("form[data-drop]").dispatchEvent(
            new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }""",
        (tables[0] / "screening.csv").read_text(),
    )
    page.wait_for_selector("[data-previewed] :text('screening.csv')")
    page.click("form[action='/trial/upload'] button.main")
    assert "26 patients screened" in page.inner_text("[role=status]")


def test_a_search_that_takes_longer_shows_that_it_is_under_way(page, monkeypatch):
    search, may_end = pns.design.simon, threading.Event()

    def slow(**words):
        may_end.wait(60)
        return search(**words)

    page.goto("/design?kind=simon")
    monkeypatch.setattr(pns.design, "simon", slow)
    page.focus("#s-p1")
    page.keyboard.press("ArrowRight")
    bar = page.wait_for_selector("#answer > progress")
    assert bar.get_attribute("aria-label") == "working"
    assert page.get_attribute("#answer", "aria-busy") == "true"
    may_end.set()
    page.wait_for_selector("#answer > progress", state="detached")
    assert page.get_attribute("#answer", "aria-busy") is None
    assert "0.31" in page.text_content("#design-python")


def test_a_page_whose_server_is_gone_says_so(page):
    page.goto("/design?kind=fixed")
    page.route("**/design?*", lambda route: route.abort())
    page.focus("#s-n")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#answer:not([aria-busy]) :text('no longer served')")
    page.unroute("**/design?*")


def test_a_run_shows_its_progress_and_is_cancelled(page):
    page.goto("/simulate")
    page.fill("input[name=trials]", "10000000")
    page.click("form[action='/simulate/run'] button")
    page.wait_for_selector("progress")
    reach(page, "form[action='/simulate/cancel'] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#run [role=status]")
    assert page.locator("progress").count() == 0


def test_a_run_ends_in_a_result_without_being_asked(page):
    page.goto("/simulate")
    page.fill("input[name=trials]", "300")
    page.click("form[action='/simulate/run'] button")
    page.wait_for_selector("#run-python", state="attached")
    until(page, DRAWN)


def test_a_session_is_saved_and_opened_again(page):
    page.goto("/protocol")
    page.select_option("select[name=key]", "endpoint.null_proportion")
    page.fill("input[name=value]", "0.15")
    page.click("form[action='/protocol/change'] button")
    page.goto("/simulate?n=25")
    page.click("footer details summary")
    with page.expect_download() as saved:
        page.click("a[href='/session.json']")
    file = saved.value.path()
    content = json.loads(file.read_text())
    assert (content["changes"], content["simulation"]["n"]) == ({"endpoint.null_proportion": 0.15}, "25")
    page.goto("/protocol")
    page.click("form[action='/protocol/choose'] button")
    assert page.locator("#changed li").count() == 0
    page.click("footer details summary")
    page.set_input_files("form[action='/session'] input[type=file]", {
        "name": "session.json", "mimeType": "application/json", "buffer": file.read_bytes()})  # fmt: skip
    page.click("form[action='/session'] button")
    page.goto("/protocol")
    assert "0.15" in page.inner_text("#changed li")
    page.goto("/simulate")
    assert page.input_value("#s-n") == "25"


# ------------------------------------------------------------------------------------------------------ the command
def test_the_command_serves_one_browser_until_it_is_stopped(chromium):
    command = [sys.executable, "-m", "pnstrial", "page", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    home = address.partition("?")[0]
    first, second = Window(chromium, home), Window(chromium, home)
    assert first.page.goto(address).status == 200
    assert first.page.goto(address).status == 200
    assert second.page.goto(address).status == 403
    assert second.page.goto(f"{home}trial").status == 403
    first.check()
    for one in (first, second):
        one.context.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in {0, 130}
    process.stdout.close()


def test_without_a_browser_a_test_is_skipped_and_under_ci_it_fails(monkeypatch):
    monkeypatch.setattr(browser, "CHROMIUM", None)
    for variables, outcome in (({}, pytest.skip.Exception), ({"CI": "true"}, pytest.fail.Exception)):
        monkeypatch.setattr(os, "environ", variables)
        with pytest.raises(outcome, match="PNSTRIAL_CHROMIUM"), browser.launched():
            pass


def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch, capsys):
    from pnstrial.cli import main

    monkeypatch.setattr("pnstrial.cli.page.find_spec", lambda name: None)
    assert main(["page"]) == 2
    assert (
        capsys.readouterr().err == "pnstrial: the page needs the page extra: pip install 'pnstrial[page]'\n"
    )


@pytest.mark.parametrize(
    ("words", "message"), [(["no-such-folder"], "there is no folder"), (["--port", "70000"], "no port")]
)
def test_a_wrong_folder_or_port_is_one_sentence(capsys, words, message):
    from pnstrial.cli import main

    try:
        code = main(["page", "--no-browser", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert message in capsys.readouterr().err

"""Chromium as the system has it, driven by Playwright: what the tests of pages ask of it."""

import os
import shutil
import time
from contextlib import contextmanager

import pytest

CHROMIUM = os.environ.get("PNSTRIAL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip
PATIENCE = 60_000
"""Milliseconds that a busy machine may take for one step."""


def without_browser():
    """Skip the test; where the whole of the tests must run (``CI``), fail it."""
    reason = "there is no Chromium; install it, or give its path in PNSTRIAL_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def launched():
    """Start Chromium for the time of a session of tests."""
    if CHROMIUM is None:
        without_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


class Window:
    """One window of a browser, and what it asked for and complained of since the last time somebody looked.

    A page may ask for what begins with one of ``homes``. The answer of a server that refuses is no complaint.
    """

    def __init__(self, browser, *homes, **options):
        self.homes = homes
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE)
        self.requested, self.problems = [], []
        self.context.on("request", lambda request: self.requested.append(request.url))
        self.context.on("console", self._listen)
        self.context.on("weberror", lambda error: self.problems.append(str(error.error)))
        self.page = self.context.new_page()

    def _listen(self, message):
        refused = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not refused:
            self.problems.append(message.text)

    def check(self):
        """Nothing was asked of elsewhere, nothing broke the policy of the page or failed in its script."""
        foreign = [url for url in self.requested if not url.startswith((*self.homes, "data:", "blob:"))]
        problems = list(self.problems)
        self.requested.clear()
        self.problems.clear()
        assert (foreign, problems) == ([], [])


def until(page, script, argument=None):
    """Wait until a script gives true; Playwright's own waiting would need the eval that the page forbids."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(script, argument):
        assert time.monotonic() < end, f"{script} on {page.url}"
        page.wait_for_timeout(30)


def violations(page):
    """Give what axe-core finds on a page, of any level: rule, element, and what is wrong with it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]

"""Every page in every state and language: axe-core finds nothing, and nothing is wider than a telephone or a screen."""

import pytest

from tests.browser import violations
from tests.web.conftest import PAGES
from tests.web.test_browser import upload

pytestmark = pytest.mark.xdist_group("browser")


def empty(page, tables):
    return [
        "/trial",
        "/trial/who",
        "/trial/dose",
        "/trial/report",
        "/protocol",
        "/design",
        "/simulate",
        "/nothing",
    ]


def example_read(page, tables):
    page.click("form[action='/trial/example'] button")
    return PAGES


def broken_folder(page, tables):
    upload(page, *tables[1].glob("*.csv"), __file__)
    assert page.locator(".finding.error").count()
    return ["/trial", "/trial/primary"]


def refused_forms(page, tables):
    page.click("form[action='/trial/example'] button")
    return ["/design?kind=fixed&n=999", "/simulate?response=9999", "/trial/dose?weight=1&start=2026-01-05",
            "/trial/primary?visit=none", "/trial/patient?id=none", "/protocol?other=none"]  # fmt: skip


def report_made(page, tables):
    page.click("form[action='/trial/example'] button")
    page.goto("/trial/report")
    page.click("form[action='/trial/report/make'] button")
    page.wait_for_selector("a[href='/trial/report/report.html']")
    return ["/trial/report"]


def protocol_changed(page, tables):
    page.goto("/protocol")
    page.select_option("select[name=key]", "endpoint.null_proportion")
    page.fill("input[name=value]", "0.15")
    page.click("form[action='/protocol/change'] button")
    return ["/protocol"]


def scenarios_kept(page, tables):
    for name in ("one", "other"):
        page.goto("/simulate?scenario=anti-hu&n=" + str(17 + len(name)))
        page.fill("input[name=name]", name)
        page.click("form[action='/simulate/keep'] button")
    return ["/simulate", "/simulate/example?seed=1"]


def run_under_way(page, tables):
    start(page, 10_000_000)
    page.wait_for_selector("progress")
    return ["/simulate"]


def run_cancelled(page, tables):
    run_under_way(page, tables)
    page.click("form[action='/simulate/cancel'] button", no_wait_after=True)
    page.wait_for_selector("#run [role=status]")
    return ["/simulate"]


def run_finished(page, tables):
    start(page, 100)
    page.wait_for_selector("#run-python", state="attached")
    return ["/simulate"]


def start(page, trials):
    page.goto("/simulate")
    page.fill("input[name=trials]", str(trials))
    page.click("form[action='/simulate/run'] button")


STATES = [empty, example_read, broken_folder, refused_forms, report_made, protocol_changed, scenarios_kept, run_under_way,
          run_cancelled, run_finished]  # fmt: skip


EVERY = [
    pytest.param(
        state, language, id=f"{state.__name__}-{language}",
        marks=[pytest.mark.long] if (number + place) % 2 else [],
    )
    for number, state in enumerate(STATES)
    for place, language in enumerate(("en", "fr"))
]  # fmt: skip
"""The elements of a page are the same in both languages: each state is seen in one of them, in the other by hand."""


@pytest.mark.parametrize(("state", "language"), EVERY)
def test_nothing_is_wrong_on_any_page(page, local_page, tables, state, language):
    page.route("**/figure/*", lambda route: route.fulfill(status=204))
    wrong = []
    paths = state(page, tables)
    local_page.app.state.session.language = language
    for path in paths:
        page.goto(path)
        assert page.evaluate("document.documentElement.lang") == language
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = violations(page)
        for width in (360, 1400):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"wider than {width}")
        wrong += [(path, one) for one in found]
    page.unroute_all()
    assert not wrong


@pytest.mark.parametrize(
    "action", ["/protocol/choose", "/protocol/change", "/simulate/run", "/session", "/trial/format"]
)
def test_the_answer_to_a_refused_form_is_a_page_like_the_others(page, action):
    """The form itself allows no such value: it is sent as another program would, with the browser's own headers."""
    page.evaluate(
        """action => {
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action });
          for (const name of ["protocol", "key", "value", "trials", "separator"]) {
            const input = document.createElement("input");
            Object.assign(input, { name, value: "<b>wrong</b>" });
            form.append(input);
          }
          document.body.append(form);
          form.submit();
        }""",
        action,
    )
    page.wait_for_url(f"**{action}")
    assert page.inner_text("main")
    assert violations(page) == []

import pytest

pytest.importorskip("starlette")
import socket
import threading
from contextlib import contextmanager

from starlette.testclient import TestClient

import pnstrial as pns
from pnstrial import web
from tests.browser import Window

PORT = 8765
HOME = f"http://127.0.0.1:{PORT}"
PAGES = ["/trial", "/trial/who", "/trial/dose?weight=70&start=2026-01-05", "/trial/dose?patient=BOR-01&start=2026-01-05",
         "/trial/visits", "/trial/patient?id=BOR-01", "/trial/patient?id=BES-01", "/trial/primary", "/trial/survival",
         "/trial/shift", "/trial/report", "/protocol", "/protocol?other=nct02343211-registry", "/design?kind=fixed&n=30",
         "/design?kind=simon", "/design?kind=sequential", "/design?kind=bayes", "/design?kind=safety", "/simulate"]  # fmt: skip


@pytest.fixture(scope="module")
def gate():
    return web.application(port=PORT)


@pytest.fixture(scope="module")
def outside(gate):
    """A browser that was never let in."""
    with TestClient(gate, base_url=HOME, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def inside(gate, outside):
    """The browser that opened the printed address, with the example read."""
    client = TestClient(gate, base_url=HOME, raise_server_exceptions=False, headers={"Origin": HOME})
    assert client.get(gate.address).status_code == 200
    assert client.post("/trial/example").status_code == 200
    return client


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """The collected tables of the example, and the same with two cells that no study has."""
    good, broken = (tmp_path_factory.mktemp(name) for name in ("example", "broken"))
    pns.data.write_example(good)
    pns.data.write_example(broken)
    mrs = broken / "mrs.csv"
    mrs.write_text(mrs.read_text().replace(",3,", ",9,", 1))
    weights = broken / "infusions.csv"
    weights.write_text(weights.read_text().replace("2014-", "2104-", 1))
    return good, broken


# ------------------------------------------------------------------------------------------------- a real browser
@contextmanager
def served():
    """Serve the page of a new session from a thread."""
    import uvicorn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        gate = web.application(port=listener.getsockname()[1])
        config = uvicorn.Config(
            gate,
            log_level="critical",
            lifespan="on",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield gate
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def local_page():
    with served() as gate:
        yield gate


@pytest.fixture(scope="session")
def window(chromium, local_page):
    """The one browser that was let in."""
    opened = Window(chromium, f"http://{local_page.host}/", base_url=f"http://{local_page.host}")
    opened.page.goto(local_page.address)
    yield opened
    opened.context.close()


@pytest.fixture
def page(window, local_page):
    """Give the window with nothing read and nothing chosen; at its end nothing was asked of elsewhere."""
    session = local_page.app.state.session
    if session.run is not None:
        session.run.cancel()
    session.use_folder(None, None, uploaded=False)
    session.use_protocol("nct02343211", {})
    session.language, session.written, session.estimand, session.simulation = "en", {}, {}, {}
    session.kept, session.run, session.run_settings = [], None, {"trials": 100_000, "seed": 1}
    window.page.set_viewport_size({"width": 1400, "height": 900})
    window.page.goto("/trial")
    yield window.page
    if session.run is not None:
        window.page.goto("about:blank")  # a page that shows a run asks again when it ends
        session.run.cancel()
    window.check()


@pytest.fixture
def example_page(page):
    """Give the window with the example read."""
    page.click("form[action='/trial/example'] button")
    page.wait_for_load_state()
    return page

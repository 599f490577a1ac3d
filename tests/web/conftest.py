import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from pnstrial import web

PORT = 8765
HOME = f"http://127.0.0.1:{PORT}"


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

"""What comes over the wire from elsewhere: another page in the same browser, a program at the port, a table with script."""

import http.server
import os
import re
import socket
import subprocess
import threading
import tomllib
from pathlib import Path

import html5lib
import pandas as pd
import pytest
import tomli_w
from starlette.testclient import TestClient

import pnstrial as pns
from pnstrial import web
from pnstrial.web.security import MOST_UPLOADED
from tests.browser import OPTIONS, Window
from tests.web.conftest import HOME, PAGES, PORT, served

# ---------------------------------------------------------------------------------------- another page in the browser
EVIL = """<!doctype html><title>evil</title>
<form method="post" action="{home}/language" target="shown"><input name="language" value="fr"></form>
<form method="post" action="{home}/trial/example" target="shown" enctype="text/plain"><input name="a" value="b"></form>
<form method="get" action="{home}/trial/adam.zip" target="shown"></form>
<iframe name="shown"></iframe><iframe src="{home}/trial"></iframe>
<iframe sandbox="allow-forms allow-scripts" srcdoc="<form method=post action={home}/trial/example></form><script>document.forms[0].submit()</script>"></iframe>
<img src="{home}/trial/figure/primary.svg"><script src="{home}/session.json"></script>
<link rel="stylesheet" href="{home}/static/page.css"><object data="{home}/trial"></object>"""
TRIES = """async home => {
  const answers = [];
  for (const [path, options] of [
    ["/trial", {}], ["/session.json", { mode: "no-cors" }], ["/trial/example", { method: "POST" }],
    ["/language", { method: "POST", mode: "no-cors", body: new URLSearchParams({ language: "fr" }) }],
    ["/trial", { method: "DELETE" }], ["/trial", { headers: { "X-Requested-With": "x" } }],
  ]) {
    try {
      const answer = await fetch(home + path, { credentials: "include", ...options });
      answers.push(answer.type === "opaque" ? "opaque" : await answer.text());
    } catch { answers.push("refused"); }
  }
  for (const form of document.forms) { form.submit(); await new Promise(after => setTimeout(after, 200)); }
  const opened = window.open(home + "/trial");
  await new Promise(after => setTimeout(after, 500));
  try { answers.push(opened.document.body.innerText); } catch { answers.push("refused"); }
  opened?.close();
  return answers;
}"""


@pytest.fixture(scope="module")
def evil_site(local_page):
    """Serve a page at another port of this machine that tries what a page can."""
    text = EVIL.format(home=f"http://{local_page.host}").encode()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.xdist_group("browser")
def test_a_page_of_another_port_gets_and_changes_nothing(page, window, local_page, evil_site):
    page.click("form[action='/trial/example'] button")
    session = local_page.app.state.session
    session.use_folder(None, None, uploaded=False)
    statuses = {}
    note = lambda answer: statuses.setdefault(answer.url, set()).add(answer.status)  # noqa: E731
    local = f"http://{local_page.host}/"
    other = window.context.new_page()
    for event in ("response", "popup"):
        other.on(event, lambda one: one.on("response", note) if hasattr(one, "goto") else note(one))
    other.goto(evil_site)
    answers = other.evaluate(TRIES, local.rstrip("/"))
    other.close()
    for opened in window.context.pages[1:]:
        opened.close()
    asked = {url: found for url, found in statuses.items() if url.startswith(local)}
    assert len(asked) >= 4
    assert set().union(*asked.values()) == {403}
    assert set(answers) <= {"refused", "opaque", ""}  # nothing: a window that was not opened
    assert (session.folder, session.language) == (None, "en")
    window.problems.clear()  # what the browser says of the other page
    window.requested.clear()
    page.goto("/trial")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.xdist_group("browser")
def test_a_name_that_leads_to_this_machine_is_refused(chromium, local_page):
    """Another site may let its name lead to 127.0.0.1 once its page is open."""
    options = [one for one in OPTIONS if "resolver" not in one]
    rules = "--host-resolver-rules=MAP rebound.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    kind = chromium.browser_type
    from tests.browser import CHROMIUM

    rebinding = kind.launch(executable_path=CHROMIUM, args=[*options, rules])
    port = local_page.host.partition(":")[2]
    opened = Window(rebinding, f"http://rebound.example:{port}/")
    assert opened.page.goto(f"http://rebound.example:{port}/?token={local_page.token}").status == 403
    assert opened.page.goto(f"http://rebound.example:{port}/trial").status == 403
    rebinding.close()


# -------------------------------------------------------------------------------------------- a program at the port
RAW = {
    "no host": b"GET /trial HTTP/1.1\r\nCOOKIE\r\n\r\n",
    "no host in HTTP/1.0": b"GET /trial HTTP/1.0\r\nCOOKIE\r\n\r\n",
    "HTTP/0.9": b"GET /trial\r\n\r\n",
    "two hosts": b"GET /trial HTTP/1.1\r\nHOST\r\nHost: evil.example\r\nCOOKIE\r\n\r\n",
    "the same host twice": b"GET /trial HTTP/1.1\r\nHOST\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a host of the forwarding": b"GET /trial HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: PLACE\r\nCOOKIE\r\n\r\n",
    "all addresses": b"GET /trial HTTP/1.1\r\nHost: 0.0.0.0:PORT\r\nCOOKIE\r\n\r\n",
    "the sixth protocol": b"GET /trial HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:PORT\r\nCOOKIE\r\n\r\n",
    "a dot after the host": b"GET /trial HTTP/1.1\r\nHost: 127.0.0.1.:PORT\r\nCOOKIE\r\n\r\n",
    "octal host": b"GET /trial HTTP/1.1\r\nHost: 0177.0.0.1:PORT\r\nCOOKIE\r\n\r\n",
    "a host with a space": b"GET /trial HTTP/1.1\r\nHost: PLACE evil.example\r\nCOOKIE\r\n\r\n",
    "another place in the request line": b"GET http://evil.example/trial HTTP/1.1\r\nHost: evil.example\r\nCOOKIE\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a trace": b"TRACE /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a method of its own": b"READ /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a method in small letters": b"get /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a method in a header": b"POST /trial/example HTTP/1.1\r\nHOST\r\nX-HTTP-Method-Override: GET\r\nCOOKIE\r\nContent-Length: 0\r\n\r\n",
    "a web socket": b"GET /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "a referrer instead of an origin": b"POST /trial/example HTTP/1.1\r\nHOST\r\nReferer: http://PLACE/\r\nCOOKIE\r\nContent-Length: 0\r\n\r\n",
    "two origins": b"POST /trial/example HTTP/1.1\r\nHOST\r\nORIGIN\r\nOrigin: null\r\nCOOKIE\r\nContent-Length: 0\r\n\r\n",
    "the cookie of another port": b"GET /trial HTTP/1.1\r\nHOST\r\nCookie: pnstrial_1=VALUE\r\n\r\n",
    "the cookie in capitals": b"GET /trial HTTP/1.1\r\nHOST\r\nCookie: PNSTRIAL_PORT=VALUE\r\n\r\n",
    "half of the cookie": b"GET /trial HTTP/1.1\r\nHOST\r\nCookie: pnstrial_PORT=HALF\r\n\r\n",
    "two headers of cookies": b"GET /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\nCookie: pnstrial_PORT=a\r\n\r\n",
    "the cookie in the address": b"GET /trial?pnstrial_PORT=VALUE HTTP/1.1\r\nHOST\r\n\r\n",
    "a line end in the token": b"GET /?token=a%0d%0aSet-Cookie:%20x=y HTTP/1.1\r\nHOST\r\n\r\n",
    "the token at another place": b"GET /trial?token=TOKEN HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "the token twice": b"GET /?token=TOKEN&token=TOKEN HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "the token posted": b"POST /?token=TOKEN HTTP/1.1\r\nHOST\r\nORIGIN\r\nContent-Length: 0\r\n\r\n",
    "a length and pieces": b"POST /language HTTP/1.1\r\nHOST\r\nCOOKIE\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /language HTTP/1.1\r\nHOST\r\nORIGIN\r\nCOOKIE\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length below zero": b"POST /language HTTP/1.1\r\nHOST\r\nORIGIN\r\nCOOKIE\r\nContent-Length: -1\r\n\r\n",
    "a length in other digits": "POST /language HTTP/1.1\r\nHOST\r\nORIGIN\r\nCOOKIE\r\nContent-Length: ٣\r\n\r\nabc".encode(),
    "a terabyte": b"POST /trial/upload HTTP/1.1\r\nHOST\r\nORIGIN\r\nCOOKIE\r\nContent-Length: 1099511627776\r\n\r\n",
    "a piece without a length": b"POST /language HTTP/1.1\r\nHOST\r\nORIGIN\r\nCOOKIE\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "a header of 200 kB": b"GET /trial HTTP/1.1\r\nHOST\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "an address of 200 kB": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHOST\r\n\r\n",
    "a zero in the address": b"GET /trial\0 HTTP/1.1\r\nHOST\r\nCOOKIE\r\n\r\n",
    "a header without a name": b"GET /trial HTTP/1.1\r\nHOST\r\n: x\r\nCOOKIE\r\n\r\n",
    "another site by its own word": b"GET /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\nSec-Fetch-Site: cross-site\r\n\r\n",
}  # fmt: skip
REFUSED = {400, 403, 404, 405, 408, 411, 413, 414, 431, 501, 505, None}
"""Statuses that give nothing; None where the connection is closed without an answer."""


def answered(local_page, request):
    """Send bytes to the port, and give the status and the whole answer."""
    place, port = local_page.host, local_page.host.partition(":")[2]
    value = local_page._browser or "none"
    words = {"HOST": f"Host: {place}", "ORIGIN": f"Origin: http://{place}", "PLACE": place,
             "COOKIE": f"Cookie: pnstrial_{port}={value}", "TOKEN": local_page.token, "VALUE": value,
             "HALF": value[: len(value) // 2], "PORT": port}  # fmt: skip
    for word, text in words.items():
        request = re.sub(rb"(?<![A-Z-])%s(?![A-Z-])" % word.encode(), text.encode(), request)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as connection:
        answer, size = b"", None
        try:
            connection.sendall(request)
            while size is None or len(answer) < size:
                if not (piece := connection.recv(65536)):
                    break
                answer += piece
                head, ended, _ = answer.partition(b"\r\n\r\n")
                if ended and size is None:
                    length = re.search(rb"content-length: (\d+)", head.lower())
                    size = len(head) + 4 + (int(length[1]) if length else 0)
        except (ConnectionError, TimeoutError):
            pass
    status = re.match(rb"HTTP/1\.[01] (\d+)", answer)
    return int(status[1]) if status else None, answer


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize("name", RAW)
def test_a_request_that_no_browser_of_ours_sends_is_refused(window, local_page, name):
    fine = b"GET /trial HTTP/1.1\r\nHOST\r\nCOOKIE\r\nConnection: close\r\n\r\n"
    assert answered(local_page, fine)[0] == 200  # the one thing that is wrong is what the test is named for
    status, answer = answered(local_page, RAW[name])
    assert status in REFUSED
    assert b"set-cookie" not in answer.lower()
    assert b"<main" not in answer or status == 404


@pytest.mark.skipif(
    not Path("/proc/self/net/tcp").exists(), reason="only Linux names the user of a connection"
)
def test_another_user_of_the_machine_cannot_take_the_address(monkeypatch):
    nobody = 65534
    client = os.getuid() or nobody
    command = 'exec 3<>/dev/tcp/127.0.0.1/$1; printf "GET /?token=$2 HTTP/1.0\\r\\nHost: 127.0.0.1:$1\\r\\n\\r\\n" >&3; cat <&3'

    def status(gate):
        words = ["bash", "-c", command, "-", gate.host.partition(":")[2], gate.token]
        user = {"user": nobody, "cwd": "/"} if client == nobody else {}
        return subprocess.run(words, capture_output=True, check=True, timeout=60, **user).stdout.split()[1]

    with served() as gate:
        monkeypatch.setattr("os.getuid", lambda: client + 1)
        assert status(gate) == b"403"
        monkeypatch.setattr("os.getuid", lambda: client)
        assert status(gate) == b"303"


@pytest.mark.xdist_group("browser")
def test_a_gigabyte_is_cut_while_it_comes(window, local_page):
    place, port = local_page.host, int(local_page.host.partition(":")[2])
    head = (
        f"POST /trial/upload HTTP/1.1\r\nHost: {place}\r\nOrigin: http://{place}\r\nTransfer-Encoding: chunked\r\n"
        f"Cookie: {local_page.cookie}={local_page._browser}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    begun = b'--x\r\nContent-Disposition: form-data; name="files"; filename="mrs.csv"\r\n\r\n'
    piece, sent, answer = b"0" * 2**20, 0, b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + b"%x\r\n%s\r\n" % (len(begun), begun))
        try:
            while sent < 2**30:
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += len(piece)
        except ConnectionError:
            pass
        try:
            answer = connection.recv(100)
        except ConnectionError:
            answer = b"HTTP/1.1 413"  # cut before it was read
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 2 * MOST_UPLOADED


# -------------------------------------------------------------------------------------------------- script in tables
MARK = '"><img src=x onerror=alert(1)>'
FREE = {"screening": ["site"], "mrs": ["rater"], "adverse_events": ["term"], "medications": ["medication"]}


def with_script(folder, columns):
    """Give the tables with script in every cell of the named columns that has text, and in who the patient is."""
    for file in folder.glob("*.csv"):
        cells = pd.read_csv(file, dtype=str, keep_default_na=False)
        cells["patient_id"] += MARK
        for column in columns(cells, file.stem):
            cells.loc[cells[column] != "", column] += MARK
        yield "files", (file.name, cells.to_csv(index=False))


@pytest.fixture
def reader():
    gate = web.application(port=PORT)
    with TestClient(gate, base_url=HOME, headers={"Origin": HOME}) as client:
        client.get(gate.address)
        yield client


def elements_with_script(text):
    """Give what a browser would run of a page, besides the page's own file."""
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    return [
        (one.tag, one.attrib)
        for one in tree.iter()
        if isinstance(one.tag, str) and ((one.tag == "script" and one.get("src") != "/static/page.js")
           or any(name.startswith("on") or value.lower().startswith("javascript:") for name, value in one.attrib.items()))
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
def test_script_in_the_text_of_a_trial_stays_text(reader, tables, language):
    reader.post("/language", data={"language": language})
    names = lambda cells, table: FREE.get(table, [])  # noqa: E731
    assert reader.post("/trial/upload", files=list(with_script(tables[0], names))).status_code == 200
    seen = 0
    paths = [path.replace("BOR-01", "BOR-01" + MARK).replace("BES-01", "BES-01" + MARK) for path in PAGES]
    for path in paths:
        answer = reader.get(path)
        assert answer.status_code == 200, path
        assert elements_with_script(answer.text) == [], path
        seen += "&gt;&lt;img src=x onerror" in answer.text
    assert seen >= 5
    for figure in ("patient.svg?id=BOR-01" + MARK, "primary.svg"):
        assert b"<img" not in reader.get(f"/trial/figure/{figure}").content
    reader.post("/trial/report/make")
    assert elements_with_script(reader.get("/trial/report/report.html").text) == []


def forms_of(text):
    """Give the forms of a page: how and where they go, what they would say, and which of it is a file."""
    for form in html5lib.parse(text, namespaceHTMLElements=False).iter("form"):
        said, files = {}, set()
        for one in form.iter():
            name = one.get("name")
            if not name or one.tag not in {"input", "select", "button"}:
                continue
            said[name] = (
                one.get("value", "") if one.tag != "select" else next(one.iter("option")).get("value", "")
            )
            files |= {name} if one.get("type") == "file" else set()
        yield form.get("method"), form.get("action"), said, files


def test_script_in_every_field_of_every_form_stays_text(reader):
    reader.post("/trial/example")
    sent = set()
    for path in PAGES:
        for method, action, said, files in forms_of(reader.get(path).text):
            for name in [name for name in said if (action, name) not in sent]:
                sent.add((action, name))
                rest = {key: value for key, value in said.items() if key not in files}
                if name in files:
                    answer = reader.post(action, data=rest, files={name: (f"{MARK}.csv", MARK)})
                elif method == "get":
                    answer = reader.get(action, params={**rest, name: MARK})
                else:
                    answer = reader.post(action, data={**rest, name: MARK})
                assert answer.status_code in {200, 400, 404}, (action, name)
                assert elements_with_script(answer.text) == [], (action, name)
                if action == "/trial/upload":
                    reader.post("/trial/example")
    assert {("/simulate/keep", "name"), ("/protocol/change", "value"), ("/simulate", "dropout")} <= sent
    for path in PAGES:
        assert elements_with_script(reader.get(path).text) == [], path


@pytest.mark.parametrize("language", ["en", "fr"])
def test_script_in_a_protocol_and_a_scenario_of_the_person_stays_text(reader, language):
    def marked(content):
        if isinstance(content, dict):
            return {name: one + MARK if name in texts and isinstance(one, str) else marked(one)
                    for name, one in content.items()}  # fmt: skip
        return [marked(one) for one in content] if isinstance(content, list) else content

    texts = {"title", "label", "publication", "registry", "fit"}
    protocol = tomli_w.dumps(marked(tomllib.loads(pns.load_protocol().to_toml())))
    scenario = tomli_w.dumps(
        {"based_on": "anti-hu-plain", "id": "own", "title": MARK, "source": MARK, "fit": MARK}
    )
    reader.post("/language", data={"language": language})
    for action, text in (("/protocol/bring", protocol), ("/simulate/bring", scenario)):
        answer = reader.post(action, files={"file": (f"{MARK}.toml", text)})
        assert answer.status_code == 200
        assert "&gt;&lt;img src=x onerror" in answer.text, action
        assert elements_with_script(answer.text) == [], action
    reader.post("/trial/example")
    for path in (
        "/trial",
        "/trial/who",
        "/trial/patient?id=BOR-01",
        "/trial/primary",
        "/protocol?other=nct06373211",
        "/simulate",
    ):
        answer = reader.get(path)
        assert answer.status_code == 200, path
        assert elements_with_script(answer.text) == [], path
    saved = reader.get("/session.json").text
    assert elements_with_script(reader.post("/session", files={"file": ("session.json", saved)}).text) == []


def test_script_in_every_cell_is_told_as_text(reader, tables):
    """Dates, numbers and words of lists with script are findings, each with its cell."""
    everything = lambda cells, _: [name for name in cells if name != "patient_id"]  # noqa: E731
    files = [("files", (f"{MARK}.csv", b"x")), *with_script(tables[0], everything)]
    text = reader.post("/trial/upload", files=files).text
    assert 'class="finding error"' in text
    assert elements_with_script(text) == []
    assert text.count("&gt;&lt;img") > 100
    assert elements_with_script(reader.get("/trial/primary").text) == []
    headed = [("files", (name, content.replace(",", f",{MARK[2:]}", 1))) for _, (name, content) in files[1:]]
    assert elements_with_script(reader.post("/trial/upload", files=headed).text) == []


def test_a_formula_in_a_cell_is_no_formula_in_the_query_sheet(reader, tables):
    broken = (tables[0] / "mrs.csv").read_text().replace(",3,", ",=1+1,", 1)
    files = [
        ("files", (file.name, file.read_bytes()))
        for file in tables[0].glob("*.csv")
        if file.name != "mrs.csv"
    ]
    reader.post("/trial/upload", files=[*files, ("files", ("mrs.csv", broken))])
    sheet = reader.get("/trial/queries.csv").text
    assert "=1+1" in sheet
    assert not re.search(r"(^|,)\"?=1", sheet, re.MULTILINE)


# --------------------------------------------------------------------------------------------- session files again
@pytest.mark.parametrize(
    "change",
    [{"protocol": "../../etc/passwd"}, {"protocol": ["nct02343211"]}, {"language": "de"}, {"language": "<script>"},
     {"changes": {"id": "other"}}, {"changes": {"visits.Month 3.last_day": 3}}, {"changes": {"__class__": "x"}},
     {"changes": {"criteria.I4.maximum": {"a": 1}}}, {"format": {"separator": "x"}}, {"format": {"path": "/etc/passwd"}},
     {"estimand": {"missing": "none"}}, {"estimand": {"__class__": "x"}}, {"simulation": {"scenario": "/etc/passwd"}},
     {"simulation": {"n": "1e9"}}, {"simulation": {"missed": "nan"}}, {"kept": [{"name": "a", "n": "x"}]}, {"kept": ["a"]},
     {"kept": {"a": 1}}, {"inputs": 1}, {"run": {"seed": -1}}, {"run": {"trials": "5"}}, {"run": {"path": 5}}, {"run": [5]}],
    ids=str,
)  # fmt: skip
def test_a_session_file_that_was_changed_by_hand_is_refused_and_changes_nothing(inside, change):
    saved = inside.get("/session.json").json()
    before = inside.get("/session.json").text
    import json

    answer = inside.post("/session", files={"file": ("session.json", json.dumps({**saved, **change}))})
    assert answer.status_code == 400
    assert elements_with_script(answer.text) == []
    assert inside.get("/session.json").text == before


def test_the_session_file_of_another_page_gives_no_entrance(inside, outside):
    saved = inside.get("/session.json").text
    assert inside.cookies.get(f"pnstrial_{PORT}") not in saved
    assert (
        outside.post(
            "/session", files={"file": ("session.json", saved)}, headers={"Origin": HOME}
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    "field", ["language", "path", "protocol", "key", "value", "name", "trials", "seed", "separator"]
)
def test_a_field_of_900_kilobytes_is_an_answer_at_once(inside, field):
    """Below the most that a form may have, and nobody's name or number."""
    for path in (
        "/language",
        "/protocol/choose",
        "/protocol/change",
        "/simulate/keep",
        "/simulate/run",
        "/trial/format",
    ):
        answer = inside.post(path, data={field: "9" * 900_000})
        assert answer.status_code in {200, 400}
        assert len(answer.text) < 400_000
    assert inside.get("/simulate").status_code == 200

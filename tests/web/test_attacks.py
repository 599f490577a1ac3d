"""What another site, another port, another user or a broken file may try; each is refused."""

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from pnstrial.web.security import MOST_UPLOADED
from pnstrial.web.uploads import MOST_FILES, PrivateFolder, receive_files
from tests.web.conftest import HOME, PORT

HOSTS = ["127.0.0.1", f"localhost:{PORT}", "evil.example", f"evil.example:{PORT}", f"127.0.0.1:{PORT + 1}", "[::1]:80",
         f"127.0.0.1.evil.example:{PORT}", f"127.0.0.1:{PORT}@evil.example", "", f"127.0.0.1:{PORT},evil.example",
         f"2130706433:{PORT}", f"127.1:{PORT}"]  # fmt: skip
ORIGINS = ["null", "http://evil.example", "https://evil.example", f"http://localhost:{PORT}", f"https://127.0.0.1:{PORT}",
           f"http://127.0.0.1:{PORT + 1}", "http://127.0.0.1", f"{HOME}.evil.example", f"{HOME}/", "file://", "",
           f"http://evil.example#{HOME}"]  # fmt: skip
FORMS = ["/trial/example", "/trial/upload", "/trial/preview", "/trial/format", "/trial/report/make", "/protocol/choose",
         "/protocol/bring", "/protocol/forget", "/protocol/change", "/simulate/bring", "/simulate/first", "/simulate/run",
         "/simulate/cancel", "/simulate/keep", "/simulate/clear", "/language", "/session"]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused_even_with_the_cookie(inside, host):
    assert inside.get("/trial", headers={"Host": host}).status_code in {400, 403}


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_origin_is_refused_even_with_the_cookie(inside, origin):
    assert inside.post("/language", data={"language": "fr"}, headers={"Origin": origin}).status_code == 403
    assert inside.get("/trial/who", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin, cross-site", "anything"])
def test_a_form_of_another_site_is_refused(inside, site):
    answer = inside.post("/language", data={"language": "fr"}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_or_link_of_another_site_is_refused(inside, site):
    assert inside.get("/trial/figure/primary.svg", headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_origin_or_cookie_is_refused_and_a_get_changes_nothing(inside, outside, path):
    assert outside.post(path).status_code == 403
    assert outside.post(path, headers={"Origin": HOME}).status_code == 403
    assert inside.get(path).status_code in {404, 405}


def test_no_form_is_forgotten_here(gate):
    assert {route.path for route in gate.app.routes if "POST" in route.methods} == set(FORMS)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(inside, method):
    assert inside.request(method, "/trial").status_code in {403, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/trial",
        "/static/page.js",
        "/trial/adam.zip",
        "/session.json",
        "/nothing",
        "/trial/figure/shift.svg",
    ],
)
@pytest.mark.parametrize("token", ["", "?token=", "?token=guess", "?token=a&token=b"])
def test_without_the_cookie_nothing_is_answered(outside, path, token):
    answer = outside.get(path + token)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_is_for_one_browser(gate, inside, outside):
    assert outside.get(gate.address).status_code == 403
    assert inside.get(gate.address).status_code == 200
    assert outside.get("/trial", headers={"Cookie": f"{gate.cookie}={gate.token}"}).status_code == 403
    assert outside.get("/trial", headers={"Cookie": f"{gate.cookie}=a; {gate.cookie}=b"}).status_code == 403


def test_the_cookie_is_strict_named_by_the_port_and_unreadable():
    from starlette.testclient import TestClient

    from pnstrial import web

    gate = web.application(port=PORT)
    with TestClient(gate, base_url=HOME, follow_redirects=False) as client:
        cookie = client.get(gate.address).headers["set-cookie"]
    assert cookie.startswith(f"pnstrial_{PORT}=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


@pytest.mark.parametrize(
    "path",
    ["/static/../security.py", "/static/..%2fsecurity.py", "/static/page.css%00", "/static/%2e%2e/app.py",
     "/trial/report/..%2f..%2fetc%2fpasswd", "/trial/report/manifest.csv", "/trial/figure/..%2fx.svg",
     "/trial/figure/primary.pdf", "/trial/patient?id=../../etc/passwd"],
)  # fmt: skip
def test_paths_do_not_leave_their_place(inside, path):
    assert inside.get(path).status_code in {400, 404}


def test_every_answer_carries_the_policy(inside):
    for path in ("/trial", "/static/page.js", "/nothing", "/session.json"):
        headers = inside.get(path).headers
        assert headers["content-security-policy"] == (
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_the_report_is_a_sandboxed_document(inside):
    assert inside.get("/trial/report/report.html").status_code == 404
    assert inside.post("/trial/report/make").status_code == 200
    policy = inside.get("/trial/report/report.html").headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in policy


# --------------------------------------------------------------------------------------------------------- uploads
@pytest.mark.parametrize("path", FORMS)
def test_a_gigabyte_is_refused_before_it_is_read(inside, path):
    answer = inside.post(path, headers={"Content-Length": str(2**30)}, content=b"")
    assert answer.status_code == 413


def test_a_body_without_a_length_is_counted_while_it_arrives(inside):
    sent = 0

    def endless():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="mrs.csv"\r\n\r\n'
        while sent < 4 * MOST_UPLOADED:
            sent += 2**20
            yield b"0" * 2**20

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert inside.post("/trial/upload", content=endless(), headers=kind).status_code == 413


def test_a_form_may_have_a_megabyte_only(inside):
    assert inside.post("/protocol/change", data={"value": "x" * 2**21}).status_code == 413


def test_too_many_files_are_refused(inside):
    files = [("files", (f"{n}.csv", b"a")) for n in range(MOST_FILES + 1)]
    assert inside.post("/trial/upload", files=files).status_code == 400


def packed(**contents):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.xlsx"])
def test_a_zip_bomb_is_stopped(tmp_path, monkeypatch, name):
    monkeypatch.setattr("pnstrial.web.uploads.MOST_UNPACKED", 10_000)
    received = receive_files([(name, packed(**{"mrs.csv": b"0" * 10_001}))], tmp_path)
    assert [one.reason for one in received.refused] == ["refused.too_large"]
    assert not list(tmp_path.iterdir())


def test_several_archives_share_one_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("pnstrial.web.uploads.MOST_UNPACKED", 10_000)
    one, other = packed(**{"mrs.csv": b"0" * 6000}), packed(**{"scales.csv": b"0" * 6000})
    received = receive_files([("a.zip", one), ("b.zip", other)], tmp_path)
    assert list(received.tables) == ["mrs.csv"]
    assert [one.reason for one in received.refused] == ["refused.too_large"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "C:\\windows\\system.ini", "mrs.csv\0.html", ".mrs.csv", "other.toml", "a.html",
     "mrs.parquet.html", "..", "mrs.csv/"],
)  # fmt: skip
def test_a_name_is_never_a_path(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    for files in ([(name, b"x")], [("a.zip", packed(**{name.replace("\0", "0"): b"x"}))]):
        assert not receive_files(files, folder).tables
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


def test_a_table_out_of_a_folder_is_read_at_its_own_name(tmp_path):
    received = receive_files([("../../../MRS.csv", b"x")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mrs.csv"] == list(received.tables)


@pytest.mark.parametrize("data", [b"", b"PK\3\4 broken", b"x" * 100])
def test_a_broken_archive_is_named(tmp_path, data):
    assert [one.reason for one in receive_files([("a.zip", data)], tmp_path).refused] == ["refused.archive"]


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "path",
    ["/trial/primary?missing=", "/trial/primary?visit=", "/trial/dose?start=2026-01-05&weight=", "/design?kind=",
     "/trial/dose?weight=70&start=", "/design?p0=", "/design?kind=sequential&looks=", "/simulate?scenario=",
     "/simulate?response=", "/simulate?rating=", "/simulate/notes?n=", "/trial/who?only=", "/trial/visits?as=", "/protocol?other=", "/protocol/check?value=1&key=",
     "/protocol/check?key=criteria.I4.maximum&value=", "/simulate/example?seed=", "/trial/patient?id="],
)  # fmt: skip
def test_script_in_a_field_comes_back_as_text(inside, path):
    answer = inside.get(path + SCRIPT)
    assert answer.status_code in {200, 400, 404}
    assert "<script>alert" not in answer.text


def test_script_in_posted_fields_comes_back_as_text(inside):
    for path, fields in (
        ("/simulate/keep", {"name": SCRIPT}),
        ("/protocol/change", {"key": SCRIPT, "value": SCRIPT}),
        ("/protocol/change", {"key": "criteria.I4.label", "value": SCRIPT}),
        ("/protocol/choose", {"protocol": SCRIPT}),
        ("/language", {"language": SCRIPT}),
        ("/trial/format", {"separator": SCRIPT}),
        ("/simulate/run", {"trials": SCRIPT}),
        ("/simulate/run", {"seed": "-1"}),
    ):
        assert "<script>alert" not in inside.post(path, data=fields).text
    for path in ("/simulate", "/protocol", "/trial/who"):
        assert "<script>alert" not in inside.get(path).text
    inside.post("/protocol/choose", data={"protocol": "nct02343211"})
    inside.post("/simulate/clear")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"pnstrial": 1}', "[" * 100_000, '{"language": "../x", "protocol": "/etc/passwd"}'],
)
def test_a_file_that_is_no_session_is_refused(inside, text):
    assert inside.post("/session", files={"file": ("s.json", text)}).status_code == 400


def test_an_opened_session_says_what_came_back_and_which_tables_differ(inside):
    content = inside.get("/session.json").json()
    content["estimand"] = {"missing": "best case"}
    content["inputs"] = {**inside.get("/session.json").json()["inputs"], "mrs.csv": "0" * 64}
    answer = inside.post("/session", files={"file": ("s.json", json.dumps(content))})
    assert answer.status_code == 200
    assert "1 strategy differs from the protocol." in answer.text
    assert answer.text.count("<code>") == 1
    assert "mrs.csv <code>0000000000000000…" in answer.text
    assert inside.post(
        "/session", files={"file": ("s.json", json.dumps({**content, "estimand": {}}))}
    ).is_success


def test_only_folders_of_dead_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive, other = (
        tmp_path / f"pnstrial-page-{ended.pid}-abc", tmp_path / f"pnstrial-page-{os.getpid()}-abc",
        tmp_path / "pnstrial-page-notes",
    )  # fmt: skip
    for folder in (dead, alive, other):
        folder.mkdir()
    folder = PrivateFolder()
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
    assert folder.path.stat().st_mode & 0o077 == 0
    folder.remove()
    assert not Path(folder.path).exists()

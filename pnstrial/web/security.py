"""Who may ask the local page for anything?

Input: every request, before anything else sees it.
Output: the answer of the application with the headers that protect it, or a refusal in one sentence.
Protocol section: none.
Method: exact host (against rebinding), own origin and ``Sec-Fetch-Site`` (against forms of other sites), one token for
one browser of the user who started the page, a strict cookie named after the port, bodies counted while they arrive.
Next: `uploads`.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "FIGURE_POLICY",
    "MOST_UPLOADED",
    "PAGE_POLICY",
    "REPORT_POLICY",
    "BodyTooLargeError",
    "Gate",
    "too_large",
]

PAGE_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
REPORT_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A report carries its own styles and no script: it is shown as a document of no origin."""
FIGURE_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

UPLOAD_PATHS: Final = ("/trial/upload", "/trial/preview")
MOST_UPLOADED: Final = 50 * 1024 * 1024
"""Bytes of one upload."""
MOST_POSTED: Final = 1024 * 1024
"""Bytes of any other form."""
_FORM_LINES: Final = 64 * 1024
"""Bytes that the separators of an upload of 20 files may take."""


class BodyTooLargeError(Exception):
    """More bytes than a form may have; what came so far is dropped."""


class Gate:
    """Refuses whatever the page of this process did not ask itself.

    Parameters
    ----------
    app : ASGI application
    port : int
        Port of the printed address.
    token : str, optional
        The word of the printed address; made by chance where none is given.
    """

    def __init__(self, app: ASGIApp, port: int, token: str | None = None) -> None:
        self.app = app
        self.host = f"127.0.0.1:{port}"
        self.cookie = f"pnstrial_{port}"
        self.token = token or secrets.token_urlsafe(32)
        self._browser: str | None = None

    @property
    def address(self) -> str:
        """The address to print: it opens the page in one browser."""
        return f"http://{self.host}/?token={self.token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        protected = _with_headers(send)
        answer = self._refusal(scope) or self._entrance(scope)
        if answer is not None:
            await answer(scope, receive, protected)
            return
        most = MOST_UPLOADED + _FORM_LINES if scope["path"] in UPLOAD_PATHS else MOST_POSTED
        await self.app(scope, _counted(receive, most), protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """Say why a request is refused, whoever sent it; None where it may go on."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]

        def all_of(name: str) -> list[str]:
            return [value for key, value in headers if key == name]

        if all_of("host") != [self.host]:
            return _refused("this page answers at its own address only")
        method = scope["method"]
        if method not in {"GET", "HEAD", "POST"}:
            return _refused("only GET, HEAD and POST are answered", 405)
        posts = method == "POST"
        origins, sites = all_of("origin"), all_of("sec-fetch-site")
        if any(origin != f"http://{self.host}" for origin in origins) or (posts and len(origins) != 1):
            return _refused("the request comes from another page")
        if any(site != "same-origin" and (posts or site != "none") for site in sites):
            return _refused("the request comes from another site")
        sizes = all_of("content-length")
        most = MOST_UPLOADED + _FORM_LINES if scope["path"] in UPLOAD_PATHS else MOST_POSTED
        if any(not size.isdecimal() or int(size[:20]) > most for size in sizes):
            return too_large()
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """Let the browser with the cookie in, and the first one with the token; None where it is in."""
        cookies = _cookies(scope, self.cookie)
        inside = len(cookies) == 1 and self._browser is not None and _same(cookies[0], self._browser)
        tokens = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("token", [])
        if not tokens:
            return None if inside else _refused("open the address that pnstrial page printed")
        right = len(tokens) == 1 and _same(tokens[0], self.token)
        if not right or scope["path"] != "/" or scope["method"] != "GET":
            return _refused("open the address that pnstrial page printed")
        if inside:
            return RedirectResponse("/", 303)
        if self._browser is not None:
            return _refused(
                "this address has been opened by a browser already; stop the page and start it again"
            )
        if _of_another_user(scope):
            return _refused("only the user who started the page may open it")
        self._browser = secrets.token_urlsafe(32)
        entered = RedirectResponse("/", 303)
        entered.set_cookie(self.cookie, self._browser, path="/", httponly=True, samesite="strict")
        return entered


def _of_another_user(scope: Scope) -> bool:
    """Tell whether the connection is another user's, who may have seen the address among the running processes.

    Linux lists the user of every connection; nothing is known elsewhere. The superuser may open whatever is here.
    """
    own = os.getuid() if hasattr(os, "getuid") else 0
    ends = [end for end in (scope.get("client"), scope.get("server")) if end is not None]
    if not own or len(ends) < 2:
        return False
    try:
        numbers = [int.from_bytes(socket.inet_aton(host), sys.byteorder) for host, _ in ends]
    except OSError:
        return False
    client, server = (f"{number:08X}:{port:04X}" for number, (_, port) in zip(numbers, ends, strict=True))
    for table in ("tcp", "tcp6"):
        path = Path("/proc/self/net", table)
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[1].endswith(client) and fields[2].endswith(server):
                return int(fields[7]) not in {own, 0}
    return False


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _cookies(scope: Scope, name: str) -> list[str]:
    pairs = [
        pair.strip().partition("=")
        for key, value in scope["headers"]
        if key == b"cookie"
        for pair in value.decode("latin-1").split(";")
    ]
    return [value for key, _, value in pairs if key == name]


def _refused(sentence: str, status: int = 403) -> Response:
    return PlainTextResponse(f"pnstrial page: refused, {sentence}\n", status)


def too_large() -> Response:
    """Refuse a body that is larger than a form may be."""
    sentence = "pnstrial page: refused, more than 50 MB at once (1 MB for a form)\n"
    # else the rest would be read and dropped
    return PlainTextResponse(sentence, 413, {"Connection": "close"})


def _counted(receive: Receive, most: int) -> Receive:
    """Count the bytes of a body while they arrive."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLargeError
        return message

    return counting


def _with_headers(send: Send) -> Send:
    """Add the headers that every answer has; a document may bring a policy of its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cache-Control"] = "no-store"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
        await send(message)

    return sending

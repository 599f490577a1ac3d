"""How is the page started, and what are its addresses?

Input: a folder, a port.
Output: a server on 127.0.0.1 that ends with the command.
Protocol section: none.
Method: Starlette and uvicorn behind `security.Gate`; the socket is bound before the address is printed.
Next: `pages`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pnstrial.web import designs, simulations, study, trial
from pnstrial.web.pages import PARTS, TABS, download, page, posting, session_of, static_text
from pnstrial.web.security import BodyTooLargeError, Gate, too_large
from pnstrial.web.session import Session
from pnstrial.web.uploads import PrivateFolder
from pnstrial.web.words import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.datastructures import FormData
    from starlette.requests import Request

__all__ = ["application", "serve"]

_KINDS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

_PLACES = {*(f"/{tab}" for tab in TABS), *(f"/trial/{part}" for part in PARTS if part)}
"""Where a change of the language may lead back to."""


def _home(_: Request) -> Response:
    return RedirectResponse("/trial", 303)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _KINDS:
        raise HTTPException(404)
    return Response(static_text(name), media_type=_KINDS[name])


def _language(request: Request, form: FormData) -> str:
    language = str(form.get("language", ""))
    if language not in LANGUAGES:
        raise ValueError(f"language {language[:20]!r}: allowed are {', '.join(LANGUAGES)}")
    session_of(request).language = language
    path = str(form.get("path", ""))
    return path if path in _PLACES else "/trial"


def _session_file(request: Request) -> Response:
    return download(session_of(request).to_json(), "session.json", "application/json")


def _open_session(request: Request, form: FormData) -> Response:
    given = form.get("file")
    data = b"" if given is None or isinstance(given, str) else given.file.read()
    session = session_of(request)
    then, now = session.open_json(data.decode("utf-8", "replace")), session.digests()
    differ = (
        sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)) if then else []
    )
    strategies = len(session.estimand.keys() - {"visit"})
    return page(request, "opened.html", differ=differ, then=then, strategies=strategies)


async def _wrong(request: Request, problem: Exception) -> Response:
    """Say in the page what was wrong."""
    if isinstance(problem, BodyTooLargeError):
        return too_large()
    status = problem.status_code if isinstance(problem, HTTPException) else 400
    text = None if isinstance(problem, HTTPException) else str(problem)
    return page(request, "problem.html", status=status, problem=text)


def application(
    folder: str | Path | None = None,
    *,
    port: int,
    token: str | None = None,
    written: dict[str, str] | None = None,
) -> Gate:
    """Make the page as an ASGI application, its gate included.

    Parameters
    ----------
    folder : str or Path, optional
        Collected tables to begin with: a folder, or a workbook.
    port : int
        Port at which it will be served: other addresses are refused.
    token : str, optional
        Made by chance where none is given.
    written : dict of str, optional
        How the CSV files are written, as in `pnstrial.read_trial`: separator, decimal, dates, encoding.

    Returns
    -------
    Gate
        With ``address``, which opens the page in one browser.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    place = None if folder is None else Path(folder)
    if place is not None and not place.exists():
        raise ValueError(f"there is no folder or workbook {str(folder)!r}")
    session = Session(PrivateFolder(), place, written=written or {})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            if session.run is not None:
                session.run.cancel()
            session.private.remove()

    routes = [
        Route("/", _home),
        Route("/static/{name}", _static),
        Route("/language", posting(_language), methods=["POST"]),
        Route("/session.json", _session_file),
        Route("/session", posting(_open_session), methods=["POST"]),
        *trial.ROUTES,
        *study.ROUTES,
        *designs.ROUTES,
        *simulations.ROUTES,
    ]
    handlers: Any = {BodyTooLargeError: _wrong, HTTPException: _wrong, ValueError: _wrong}
    made = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    made.state.session = session
    return Gate(made, port, token)


def serve(
    folder: str | Path | None = None, *, port: int = 0, browser: bool = True, **declared: str | None
) -> None:
    """Serve the page on this machine until it is stopped.

    Parameters
    ----------
    folder : str or Path, optional
        Collected tables to begin with.
    port : int, default 0
        0 takes any free one.
    browser : bool, default True
        Whether to open it in the browser.
    **declared : str, optional
        How the CSV files are written, as in `pnstrial.read_trial`: separator, decimal, dates, encoding.

    Raises
    ------
    ValueError
        If there is no such folder.
    OSError
        If the port is taken.
    """
    import uvicorn

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        written = {name: value for name, value in declared.items() if value is not None}
        gate = application(folder, port=listener.getsockname()[1], written=written)
        print(f"{gate.address}\nfor one person on this machine; Ctrl+C stops it", flush=True)
        if browser:
            threading.Thread(target=webbrowser.open, args=(gate.address,), daemon=True).start()
        config = uvicorn.Config(
            gate, log_level="critical", access_log=False, lifespan="on", server_header=False, ws="none",
            proxy_headers=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listener])

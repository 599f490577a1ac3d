"""What does the tab of the protocol show?

Input: a shipped protocol, another one to compare with, changed settings.
Output: every setting with its source, the differences, a TOML file.
Protocol section: all.
Method: the protocol validates every change; nothing is taken that it refuses.
Next: `designs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

import pnstrial as pns
from pnstrial.web.pages import download, page, posting, session_of, words_of
from pnstrial.web.session import changed_protocol, key_parts, setting_value

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

_FIXED: Final = ("id", "version", "title", "primary_rater")


def _protocol(request: Request) -> Response:
    session, words = session_of(request), words_of(request)
    protocol = session.protocol()
    assumed = {key for key, _ in protocol.assumed}
    settings = [
        {
            "key": entry.key, "value": words.plain(entry.value) if entry.value is not None else words("none"),
            "source": entry.source, "assumed": entry.key in assumed, "changed": entry.key in session.changes,
        }
        for entry in protocol.settings()
    ]  # fmt: skip
    other = request.query_params.get("other", "")
    shipped = pns.protocol.shipped_protocols()
    rows: list[list[str]] = []
    heads: list[str] = []
    if other:
        if other not in shipped:
            raise ValueError(words("protocol.unknown", name=other[:40]))
        frame = pns.load_protocol(session.base).diff(pns.load_protocol(other)) if not session.changes else (
            protocol.diff(pns.load_protocol(other))
        )  # fmt: skip
        heads = [" ".join(name) if isinstance(name, tuple) else str(name) for name in frame.columns]
        rows = [[words.plain(cell) for cell in record] for record in frame.itertuples(index=False, name=None)]
    keys = [
        entry.key for entry in protocol.settings()
        if entry.key not in _FIXED and not entry.key.startswith(("scales.", "medications."))
        and key_parts(entry.key)[0]
    ]  # fmt: skip
    return page(
        request, "protocol.html", protocol=protocol, shipped=shipped, settings=settings, other=other, rows=rows,
        heads=heads, keys=keys,
    )  # fmt: skip


def _choose(request: Request, form: FormData) -> str:
    session_of(request).use_protocol(str(form.get("protocol", "")), {})
    return "/protocol"


def _change(request: Request, form: FormData) -> str:
    session = session_of(request)
    key, text = str(form.get("key", "")), str(form.get("value", "")).strip()
    session.use_protocol(session.base, {**session.changes, key: setting_value(text)})
    return "/protocol#changed"


def _check(request: Request) -> Response:
    """Say whether a value would be taken, while it is typed."""
    session, words = session_of(request), words_of(request)
    key, text = request.query_params.get("key", ""), request.query_params.get("value", "").strip()
    sentence = ""
    if key and text:
        try:
            changed_protocol(session.base, {**session.changes, key: setting_value(text)})
            sentence = words("protocol.allowed", setting=key, value=text)
        except ValueError as problem:
            sentence = str(problem)
    return page(request, "sentence.html", sentence=sentence)


def _save(request: Request) -> Response:
    return download(session_of(request).protocol().to_toml(), "my-protocol.toml", "application/toml")


ROUTES: Final = [
    Route("/protocol", _protocol),
    Route("/protocol/choose", posting(_choose), methods=["POST"]),
    Route("/protocol/change", posting(_change), methods=["POST"]),
    Route("/protocol/check", _check),
    Route("/protocol/my-protocol.toml", _save),
]

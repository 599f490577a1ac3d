"""What does the tab of the protocol show?

Input: a shipped protocol, another one to compare with, changed settings.
Output: every setting with its source, the differences, a TOML file.
Protocol section: all.
Method: the protocol validates every change; nothing is taken that it refuses.
Next: `designs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.routing import Route

from pnstrial.settings import ASSUMED
from pnstrial.web.pages import (
    as_csv,
    download,
    page,
    posting,
    session_of,
    text_of_file,
    words_of,
)
from pnstrial.web.scripts import protocol_script
from pnstrial.web.session import OWN_PROTOCOL, change_call, setting_text, setting_value
from pnstrial.web.words import Words

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response


class _Cell(NamedTuple):
    """A setting of one protocol: its value in words, as a file has it where that is something else, its source."""

    value: str
    written: str
    source: str
    assumed: bool

    @classmethod
    def of(cls, words: Words, key: str, value: Any, source: str | None) -> _Cell:
        """Say the value in words; an identifier or a version has no other language, and None means no such setting."""
        if source is None:
            return cls("–", "", "", assumed=False)
        english = Words("en").plain(value)
        said = words("none") if value is None else english if key in {"id", "version"} else words.plain(value)
        written = setting_text(value) if value is not None and said != english else ""
        return cls(said, written, source, assumed=source.startswith(ASSUMED))


def _protocol(request: Request) -> Response:
    session, words = session_of(request), words_of(request)
    protocol = session.protocol()
    other = request.query_params.get("other", "")
    names = session.protocols()
    if other and other not in names:
        raise ValueError(words("protocol.unknown", name=other[:40]))
    frame = protocol.diff(session.load(other), everything=True) if other else protocol.to_frame()
    frames: dict[str, Any] = {"settings": protocol.to_frame}
    if other:
        frames = {"both": lambda: frame, "differences": lambda: protocol.diff(session.load(other)), **frames}
    if answer := as_csv(request, frames):
        return answer
    settings = [
        {
            "key": row["setting"], "differs": row.get("differs", ""), "changed": row["setting"] in session.changes,
            "columns": [
                _Cell.of(words, row["setting"], row[f"{prefix}value"], row[f"{prefix}source"])
                for prefix in (("", "other_") if other else ("",))
            ],
        }
        for row in frame.to_dict("records")
    ]  # fmt: skip
    return page(
        request, "protocol.html", protocol=protocol, names=names, settings=settings, other=other, keys=_keys(protocol),
        chosen=request.query_params.get("key", ""), script=protocol_script(session, other),
        n_differ=sum(bool(one["differs"]) for one in settings),
        described=[protocol, *([session.load(other)] if other else [])],
    )  # fmt: skip


def _keys(protocol: Any) -> dict[str, str]:
    """Give the settings that the form can change, each with its value as a file has it."""
    found: dict[str, str] = {}
    for entry in protocol.settings():
        try:
            change_call(entry.key, entry.value)
        except ValueError:
            continue
        found[entry.key] = setting_text(entry.value)
    return found


def _choose(request: Request, form: FormData) -> str:
    session_of(request).use_protocol(str(form.get("protocol", "")), {})
    return "/protocol"


def _bring(request: Request, form: FormData) -> str:
    """Take a protocol file of the person."""
    session_of(request).use_protocol(OWN_PROTOCOL, {}, text_of_file(form))
    return "/protocol"


def _change(request: Request, form: FormData) -> str:
    session = session_of(request)
    key, text = str(form.get("key", "")), str(form.get("value", "")).strip()
    session.use_protocol(session.base, {**session.changes, key: setting_value(text)})
    return "/protocol#changed"


def _forget(request: Request, _: FormData) -> str:
    """Go back to the protocol as it was loaded."""
    session = session_of(request)
    session.use_protocol(session.base, {})
    return "/protocol#changed"


def _check(request: Request) -> Response:
    """Say whether a value would be taken, while it is typed."""
    session, words = session_of(request), words_of(request)
    key, text = request.query_params.get("key", ""), request.query_params.get("value", "").strip()
    sentence, allowed = "", False
    if key and text:
        try:
            session.changed({**session.changes, key: setting_value(text)})
            sentence, allowed = words("protocol.allowed", setting=key, value=text), True
        except ValueError as problem:
            sentence = str(problem)
    return page(request, "sentence.html", sentence=sentence, allowed=allowed)


def _save(request: Request) -> Response:
    return download(session_of(request).protocol().to_toml(), OWN_PROTOCOL, "application/toml")


ROUTES: Final = [
    Route("/protocol", _protocol),
    Route("/protocol/choose", posting(_choose), methods=["POST"]),
    Route("/protocol/bring", posting(_bring), methods=["POST"]),
    Route("/protocol/forget", posting(_forget), methods=["POST"]),
    Route("/protocol/change", posting(_change), methods=["POST"]),
    Route("/protocol/check", _check),
    Route("/protocol/my-protocol.toml", _save),
]

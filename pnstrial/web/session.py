"""What does the page remember between two requests?

Input: a folder or uploaded tables, chosen settings.
Output: the trial, the protocol, the scenario and what was derived from them; one session file without patient data.
Protocol section: all.
Method: one person, one process: everything is in memory or in the private folder, and is gone when the page stops.
Next: `words`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, cast

import tomli_w

import pnstrial as pns
from pnstrial.checks import check_tables
from pnstrial.data.sources import source_of
from pnstrial.web.scenarios import OWN_SCENARIO, SLIDERS, first_values, fitting, moved_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pnstrial import Analysis, Protocol, Scenario, TrialData
    from pnstrial.data import Finding
    from pnstrial.data.sources import NotRead, Source
    from pnstrial.web.running import Run
    from pnstrial.web.uploads import PrivateFolder, Received

__all__ = [
    "CHOICES",
    "FORMAT",
    "OWN_PROTOCOL",
    "RUN_LIMITS",
    "Session",
    "change_call",
    "setting_text",
    "setting_value",
]

OWN_PROTOCOL: Final = "my-protocol.toml"
"""Name of the protocol that somebody brought as a file, and of the file that a changed one is saved as."""

FORMAT: Final = {
    "separator": (",", ";", "tab", "|"),
    "decimal": (".", ","),
    "dates": ("yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy"),
    "encoding": ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac-roman"),
}
"""How CSV files may be written: the first of each where nothing is declared."""

_MOST_DERIVED: Final = 60
"""So many derived things are kept: a moved slider leaves four."""

CHOICES: Final = {
    "death": ("composite", "exclude"),
    "rescue": ("composite", "treatment policy"),
    "stopped": ("treatment policy", "composite", "while on treatment"),
    "missing": ("non-responder", "LOCF", "exclude", "best case"),
}
"""The strategies of an estimand."""

RUN_LIMITS: Final = {"trials": (2, 10_000_000), "seed": (0, 2**31)}
"""Fewest and most of what a run of simulated trials asks for."""


def setting_value(text: str) -> Any:
    """Read a value as a TOML file has it; a bare word is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def setting_text(value: Any) -> str:
    """Write a value as `setting_value` reads it."""
    content = value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
    if content is None or isinstance(content, str):
        return content or ""
    text = tomli_w.dumps({"value": content}).strip().removeprefix("value = ")
    return (
        re.sub(r",?\n\s*(?=])", "", re.sub(r"(?<=\[)\n\s*", "", text)).replace("\n   ", "").replace("\n", " ")
    )


@dataclass
class Session:
    """Everything that one person has chosen and read.

    Attributes
    ----------
    private : PrivateFolder
    folder : Path or None
        Of the collected tables.
    base : str
        Shipped name of the protocol, or `OWN_PROTOCOL`.
    own : dict of str to str
        Texts of the protocol and the scenario that were brought as files, by their names here.
    changes : dict
        Settings of the protocol that were changed, by key.
    written : dict of str to str
        How the CSV files are written, where declared.
    report : dict of str to bytes
        The files of the report that was made of these tables under this protocol.
    run_settings : dict of str to int
        Trials and seed of the last run, or of the next.
    """

    private: PrivateFolder
    folder: Path | None = None
    uploaded: bool = False
    language: str = "en"
    base: str = "nct02343211"
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    own: dict[str, str] = field(default_factory=dict[str, str])
    written: dict[str, str] = field(default_factory=dict[str, str])
    estimand: dict[str, str] = field(default_factory=dict[str, str])
    simulation: dict[str, str] = field(default_factory=dict[str, str])
    received: Received | None = None
    kept: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    run_settings: dict[str, int] = field(default_factory=lambda: {"trials": 100_000, "seed": 1})
    run: Run | None = None
    not_read: tuple[NotRead, ...] = ()
    report: dict[str, bytes] = field(default_factory=dict[str, bytes])
    lock: RLock = field(default_factory=RLock)
    _read: tuple[TrialData | None, tuple[Finding, ...]] | None = None
    _protocol: Protocol | None = None
    _derived: dict[object, Future[Any]] = field(default_factory=dict[object, "Future[Any]"])

    # ---------------------------------------------------------------------------------------------- the protocol
    def protocols(self) -> tuple[str, ...]:
        """Name the protocols that can be chosen."""
        return (*([OWN_PROTOCOL] if OWN_PROTOCOL in self.own else []), *pns.protocol.shipped_protocols())

    def load(self, name: str) -> Protocol:
        """Give a protocol by name, without changes."""
        return _loaded(name, self.own)

    def protocol(self) -> Protocol:
        """Give the protocol with the changes of the person."""
        with self.lock:
            if self._protocol is None:
                self._protocol = self.changed(self.changes)
            return self._protocol

    def changed(self, changes: dict[str, Any]) -> Protocol:
        """Give the protocol with settings changed by key, such as ``criteria.I4.maximum``."""
        return _changed(self.load(self.base), changes)

    def use_protocol(self, base: str, changes: dict[str, Any], own: str | None = None) -> None:
        """Take another protocol, the text of a file, or other changes, once they are known to be allowed."""
        texts = self.own if own is None else {**self.own, OWN_PROTOCOL: own}
        made = _changed(_loaded(base, texts), changes)
        with self.lock:
            if (
                base != self.base or own is not None
            ):  # what was chosen for another protocol may not fit this one
                self.estimand, self.simulation, self.kept = {}, {}, []
                if self.run is not None:
                    self.run.cancel()
                self.run = None
            self.base, self.changes, self.own, self._protocol = base, changes, texts, made
            self._forget()

    # ---------------------------------------------------------------------------------------------- the scenario
    def scenarios(self) -> tuple[str, ...]:
        """Name the scenarios that the protocol can be simulated under."""
        names = (*([OWN_SCENARIO] if OWN_SCENARIO in self.own else []), *pns.simulate.shipped_scenarios())
        scenarios = {name: self.scenario(name) for name in names}
        key = ("scenarios", self.base, repr(self.changes), self.own.get(OWN_SCENARIO))
        return self.once(key, lambda: fitting(self.protocol(), scenarios))

    def scenario(self, name: str) -> Scenario:
        """Give a scenario by name, as it was loaded."""
        if name in self.own:
            return pns.Scenario.from_toml(self.own[name], where=name)
        if name not in pns.simulate.shipped_scenarios():
            raise ValueError(f"there is no shipped scenario {name[:40]!r}")
        return pns.load_scenario(name)

    def first(self, name: str) -> dict[str, Any]:
        """Give what the sliders show for a scenario where nobody has moved them."""
        key = ("first", self.base, repr(self.changes), name, self.own.get(name))
        return self.once(key, lambda: first_values(self.protocol(), self.scenario(name)))

    def moved(self, settings: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """Tell the scenario that a form names, and which of its settings were moved."""
        name = settings.get("scenario") or next(iter(self.scenarios()), "")
        return name, moved_settings(settings, self.first(name))

    def pair(self, settings: dict[str, str]) -> tuple[Protocol, Scenario]:
        """Give the protocol and the scenario as the form has them."""
        name, moved = self.moved(settings)
        key = ("pair", self.base, repr(self.changes), name, self.own.get(name), repr(moved))
        return self.once(key, lambda: pns.what_if(self.protocol(), self.scenario(name), moved))

    def use_scenario(self, text: str) -> None:
        """Take a scenario of the person, once it is known to be one."""
        pns.Scenario.from_toml(text, where=OWN_SCENARIO)
        with self.lock:
            self.own = {**self.own, OWN_SCENARIO: text}
            self.simulation = {"scenario": OWN_SCENARIO}

    # ------------------------------------------------------------------------------------------------- the trial
    def use_folder(self, folder: Path | None, received: Received | None, *, uploaded: bool) -> None:
        """Take other tables; they are read when somebody asks."""
        with self.lock:
            self.folder, self.received, self.uploaded = folder, received, uploaded
            self._forget()

    def write_as(self, written: dict[str, str]) -> None:
        """Declare how the CSV files are written."""
        with self.lock:
            self.written = written
            self._forget()

    def _forget(self) -> None:
        self._read, self.report = None, {}
        self._derived.clear()

    def read(self) -> tuple[TrialData | None, tuple[Finding, ...]]:
        """Read the tables: the trial, None where a finding is an error, and every finding."""
        with self.lock:
            if self._read is None:
                if self.folder is None:
                    return None, ()
                found = check_tables(self.folder, self.protocol(), **cast("dict[str, Any]", self.written))
                self._read, self.not_read = (found.trial, found.findings), found.not_read
            return self._read

    def texts(self) -> Source:
        """Give the tables as text: the rows, what was not read."""
        folder = self.folder
        if folder is None:
            raise ValueError("nothing has been read")
        written = cast("dict[str, Any]", self.written)
        return self.once(("texts", folder), lambda: source_of(folder, **written))

    def analysis(self, estimand: dict[str, str] | None = None, visit: str | None = None) -> Analysis | None:
        """Analyse the trial, each derivation made once; None where there is no trial to trust."""
        trial, _ = self.read()
        if trial is None:
            return None
        key = ("analysis", tuple(sorted((estimand or {}).items())), visit)
        return self.once(
            key, lambda: pns.analyse(trial, self.protocol(), estimand=estimand or None, visit=visit)
        )

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        """Derive something once, until the trial or the protocol changes; who asks meanwhile waits for it alone.

        What was asked for longest ago goes first.
        """
        with self.lock:
            found = self._derived.pop(key, None)
            if mine := found is None:
                found = Future()
            self._derived[key] = found
            if len(self._derived) > _MOST_DERIVED:
                del self._derived[next(iter(self._derived))]
        if mine:
            try:
                found.set_result(make())
            except BaseException as problem:  # noqa: BLE001 - whoever asked gets it
                with self.lock:
                    if self._derived.get(key) is found:
                        del self._derived[key]
                found.set_exception(problem)
        return found.result()

    def digests(self) -> dict[str, str]:
        """Give the SHA-256 of each collected file."""
        if self.folder is None:
            return {}
        files = [self.folder] if self.folder.is_file() else sorted(self.folder.iterdir())
        kinds = {".csv", ".xlsx", ".parquet", ".toml"}
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in files
            if file.is_file() and file.suffix.lower() in kinds
        }

    # -------------------------------------------------------------------------------------------- the session file
    def to_json(self) -> str:
        """Write the settings as one file: version, seed, digests of the inputs, nothing of a patient."""
        content = {
            "pnstrial": pns.__version__,
            "language": self.language,
            "protocol": self.base,
            "changes": self.changes,
            "own": self.own,
            "format": self.written,
            "estimand": self.estimand,
            "simulation": self.simulation,
            "kept": self.kept,
            "run": self.run_settings,
            "inputs": self.digests(),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True, default=str)

    def open_json(self, text: str) -> dict[str, str]:
        """Take the settings of a session file.

        Returns
        -------
        dict of str to str
            The digests of the inputs that the file was made with.

        Raises
        ------
        ValueError
            If it is no session file, or a setting is not allowed; nothing is changed then.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        shape = {
            "language": str, "protocol": str, "changes": dict, "format": dict, "estimand": dict, "simulation": dict,
            "kept": list, "inputs": dict,
        }  # fmt: skip
        if not isinstance(content, dict) or any(
            not isinstance(cast("Any", content).get(name), kind) for name, kind in shape.items()
        ):
            raise ValueError("this is no session file of pnstrial page")
        saved = cast("dict[str, Any]", content)
        for name, allowed in (*FORMAT.items(), *CHOICES.items()):
            value = {**saved["format"], **saved["estimand"]}.get(name)
            if value is not None and value not in allowed:
                raise ValueError(f"session file: {name} = {value!r}; allowed are {', '.join(allowed)}")
        if saved["language"] not in {"en", "fr"} or set(saved["format"]) - set(FORMAT) or set(saved["estimand"]) - {
            *CHOICES, "visit"
        }:  # fmt: skip
            raise ValueError("this is no session file of pnstrial page")
        own = _texts(saved.get("own", {}))
        run_settings = {**self.run_settings, **_run_settings(saved.get("run", {}))}
        simulation, *kept = (_settings(one) for one in (saved["simulation"], *saved["kept"][:12]))
        for name in (OWN_SCENARIO,) if OWN_SCENARIO in own else ():
            pns.Scenario.from_toml(own[name], where=name)
        kept_back = ("own", "base", "changes", "_protocol", "estimand", "simulation", "kept")
        before = {name: getattr(self, name) for name in kept_back}
        try:
            self.own = {**self.own, **own}
            self.use_protocol(saved["protocol"], saved["changes"], own.get(OWN_PROTOCOL))
            if "visit" in saved["estimand"]:
                self.protocol().visit(saved["estimand"]["visit"])
            for one in filter(None, (simulation, *kept)):
                self.pair(one)
        except ValueError:
            for name, value in before.items():
                setattr(self, name, value)
            self._forget()
            raise
        with self.lock:
            self.language, self.written, self.estimand = (
                saved["language"],
                saved["format"],
                saved["estimand"],
            )
            self.simulation, self.kept, self.run_settings = simulation, kept, run_settings
            self._forget()
        return {str(name): str(value) for name, value in saved["inputs"].items()}


def _texts(content: Any) -> dict[str, str]:
    """Keep the texts of files of the person."""
    given = cast("dict[Any, Any]", content) if isinstance(content, dict) else {"": None}
    if any(
        name not in {OWN_PROTOCOL, OWN_SCENARIO} or not isinstance(text, str) for name, text in given.items()
    ):
        raise ValueError("this is no session file of pnstrial page")
    return cast("dict[str, str]", given)


def _run_settings(content: Any) -> dict[str, int]:
    """Keep trials and seed of a run."""
    given = cast("dict[Any, Any]", content) if isinstance(content, dict) else {"": None}
    for name, value in given.items():
        low, high = RUN_LIMITS.get(name, (0, -1))
        if type(value) is not int or not low <= value <= high:
            raise ValueError("this is no session file of pnstrial page")
    return cast("dict[str, int]", given)


def _settings(content: Any) -> dict[str, str]:
    """Keep the settings of a form as text."""
    if not isinstance(content, dict):
        raise ValueError("this is no session file of pnstrial page")  # noqa: TRY004 - a file of the user
    allowed = {"scenario", "rating", "name", *SLIDERS}
    return {
        name: str(value)[:60] for name, value in cast("dict[Any, Any]", content).items() if name in allowed
    }


def _loaded(name: str, own: dict[str, str]) -> Protocol:
    """Give a protocol by its shipped name, or from the text of the person."""
    if name == OWN_PROTOCOL and name in own:
        return pns.Protocol.from_toml(own[name], where=name)
    if name not in pns.protocol.shipped_protocols():
        raise ValueError(f"there is no shipped protocol {name[:40]!r}")
    return pns.load_protocol(name)


def _changed(protocol: Protocol, changes: dict[str, Any]) -> Protocol:
    for key, value in changes.items():
        protocol = _with(protocol, key, value)
    return protocol


def change_call(key: str, value: Any) -> tuple[str, str | None, dict[str, Any]]:
    """Tell how a protocol takes another value for a key.

    Returns
    -------
    method : str
        Of `Protocol`.
    name : str or None
        Its first argument, where it has one.
    words : dict
        Its other arguments.

    Raises
    ------
    ValueError
        If the setting can be changed in a file only.
    """
    place, _, setting = key.rpartition(".")
    group, _, name = place.partition(".")
    if group in {"criteria", "visits"} and name:
        return ("with_criterion" if group == "criteria" else "with_visit"), name, {setting: value}
    part, _, entry = name.partition(".")
    if entry and f"{group}.{part}" in {"treatment.drugs", "endpoint.also", "endpoint.secondary"}:
        return "with_settings", None, {group: {part: [{"name": entry, setting: value}]}}
    if not group or name or group in {"scales", "medications", "arms"}:
        raise ValueError(f"{key}: change this setting in a file (pnstrial protocol new)")
    return "with_settings", None, {group: {setting: value}}


def _with(protocol: Protocol, key: str, value: Any) -> Protocol:
    if key not in {entry.key for entry in protocol.settings()}:
        raise ValueError(f"{protocol.id} has no setting {key[:60]!r}")
    method, name, words = change_call(key, value)
    return getattr(protocol, method)(*([] if name is None else [name]), **words)

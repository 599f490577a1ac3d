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
import tomllib
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, cast

import pnstrial as pns

if TYPE_CHECKING:
    from pathlib import Path

    from pnstrial import Analysis, Protocol, Scenario, TrialData
    from pnstrial.data import Finding
    from pnstrial.web.running import Run
    from pnstrial.web.uploads import PrivateFolder, Received

__all__ = [
    "CHOICES",
    "FORMAT",
    "RATINGS",
    "SLIDERS",
    "Session",
    "changed_scenario",
    "scenario_defaults",
    "setting_value",
]

RATINGS: Final = ("none", "unstructured", "structured", "focused")
"""How the mRS may be rated in a scenario."""

FORMAT: Final = {
    "separator": (",", ";", "tab", "|"),
    "decimal": (".", ","),
    "dates": ("yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy"),
    "encoding": ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac-roman"),
}
"""How CSV files may be written: the first of each where nothing is declared."""

CHOICES: Final = {
    "death": ("composite", "exclude"),
    "rescue": ("composite", "treatment policy"),
    "stopped": ("treatment policy", "composite", "while on treatment"),
    "missing": ("non-responder", "LOCF", "exclude", "best case"),
}
"""The strategies of an estimand."""

SLIDERS: Final = {
    "improve": (0.0, 60.0, 0.5),
    "die": (0.0, 3.0, 0.05),
    "n": (5, 100, 1),
    "null": (0.01, 0.6, 0.01),
    "missed": (0.0, 0.5, 0.01),
    "dropout": (0.0, 0.2, 0.005),
    "late": (0.0, 0.8, 0.01),
}
"""What moves in a scenario: smallest, largest, step."""


def setting_value(text: str) -> Any:
    """Read a value as a TOML file has it; a bare word is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


@dataclass
class Session:
    """Everything that one person has chosen and read.

    Attributes
    ----------
    private : PrivateFolder
    folder : Path or None
        Of the collected tables.
    base : str
        Shipped name of the protocol.
    changes : dict
        Settings of the protocol that were changed, by key.
    written : dict of str to str
        How the CSV files are written, where declared.
    """

    private: PrivateFolder
    folder: Path | None = None
    uploaded: bool = False
    language: str = "en"
    base: str = "nct02343211"
    changes: dict[str, Any] = field(default_factory=dict[str, Any])
    written: dict[str, str] = field(default_factory=dict[str, str])
    estimand: dict[str, str] = field(default_factory=dict[str, str])
    simulation: dict[str, str] = field(default_factory=dict[str, str])
    received: Received | None = None
    kept: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    run: Run | None = None
    lock: RLock = field(default_factory=RLock)
    _read: tuple[TrialData | None, tuple[Finding, ...]] | None = None
    _protocol: Protocol | None = None
    _derived: dict[object, Any] = field(default_factory=dict[object, Any])

    # ---------------------------------------------------------------------------------------------- the protocol
    def protocol(self) -> Protocol:
        """Give the protocol with the changes of the person."""
        with self.lock:
            if self._protocol is None:
                self._protocol = changed_protocol(self.base, self.changes)
            return self._protocol

    def use_protocol(self, base: str, changes: dict[str, Any]) -> None:
        """Take another protocol or other changes, once they are known to be allowed."""
        if base not in pns.protocol.shipped_protocols():
            raise ValueError(f"there is no shipped protocol {base!r}")
        made = changed_protocol(base, changes)
        with self.lock:
            self.base, self.changes, self._protocol = base, changes, made
            self._forget()

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
        self._read = None
        self._derived.clear()

    def read(self) -> tuple[TrialData | None, tuple[Finding, ...]]:
        """Read the tables: the trial, None where a finding is an error, and every finding."""
        with self.lock:
            if self._read is None:
                if self.folder is None:
                    return None, ()
                trial, findings = pns.data.read_findings(
                    self.folder, self.protocol(), **cast("dict[str, Any]", self.written)
                )
                if trial is not None:
                    findings = pns.check_trial(
                        self.folder, self.protocol(), **cast("dict[str, Any]", self.written)
                    )
                self._read = trial, findings
            return self._read

    def analysis(self, estimand: dict[str, str] | None = None, visit: str | None = None) -> Analysis | None:
        """Analyse the trial, each derivation made once; None where there is no trial to trust."""
        with self.lock:
            trial, _ = self.read()
            if trial is None:
                return None
            key = ("analysis", tuple(sorted((estimand or {}).items())), visit)
            return self.once(
                key, lambda: pns.analyse(trial, self.protocol(), estimand=estimand or None, visit=visit)
            )

    def once(self, key: object, make: Any) -> Any:
        """Derive something from the trial once, until the trial or the protocol changes."""
        with self.lock:
            if key not in self._derived:
                if len(self._derived) > 40:
                    self._derived.clear()
                self._derived[key] = make()
            return self._derived[key]

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
            "format": self.written,
            "estimand": self.estimand,
            "simulation": self.simulation,
            "kept": self.kept,
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
        kept = [checked_simulation(one) for one in saved["kept"][:12]]
        simulation = checked_simulation(saved["simulation"])
        self.use_protocol(saved["protocol"], saved["changes"])
        with self.lock:
            self.language, self.written, self.estimand = (
                saved["language"],
                saved["format"],
                saved["estimand"],
            )
            self.simulation, self.kept = simulation, kept
            self._forget()
        return {str(name): str(value) for name, value in saved["inputs"].items()}


def changed_protocol(base: str, changes: dict[str, Any]) -> Protocol:
    """Give a shipped protocol with settings changed by key, such as ``criteria.I4.maximum``."""
    made = pns.load_protocol(base)
    for key, value in changes.items():
        made = _with(made, key, value)
    return made


def key_parts(key: str) -> tuple[str, str, str]:
    """Split a key into its section, the criterion or visit, and the setting."""
    place, _, setting = key.rpartition(".")
    group, _, name = place.partition(".")
    return group, name, setting


def _with(protocol: Protocol, key: str, value: Any) -> Protocol:
    if key not in {entry.key for entry in protocol.settings()}:
        raise ValueError(f"{protocol.id} has no setting {key!r}")
    group, name, setting = key_parts(key)
    if group == "criteria" and name:
        return protocol.with_criterion(name, **{setting: value})
    if group == "visits" and name:
        return protocol.with_visit(name, **{setting: value})
    if not group or name:
        raise ValueError(f"{key}: change this setting in a file (pnstrial protocol new)")
    return protocol.with_settings(**{group: {setting: value}})


def checked_simulation(content: Any) -> dict[str, str]:
    """Keep the settings of a scenario as text, once they make a scenario."""
    if not isinstance(content, dict):
        raise ValueError("this is no session file of pnstrial page")  # noqa: TRY004 - a file of the user
    settings = {str(name): str(value) for name, value in cast("dict[Any, Any]", content).items()}
    if settings:
        changed_scenario(settings)
    return settings


def scenario_defaults(name: str) -> dict[str, Any]:
    """Give what the sliders show where nobody has moved them."""
    scenario = pns.load_scenario(name)
    null = getattr(scenario.success, "null", None)
    return {
        "improve": 1.0, "die": 1.0, "n": scenario.enrolment.target, "null": null, "missed": scenario.visits.missed,
        "dropout": scenario.dropout.per_month, "late": scenario.treatment.late, "rating": scenario.rating.method,
    }  # fmt: skip


PLACES: Final = {
    "n": ("enrolment", "target"), "null": ("success", "null"), "missed": ("visits", "missed"),
    "dropout": ("dropout", "per_month"), "late": ("treatment", "late"), "rating": ("rating", "method"),
}  # fmt: skip
"""Where a setting of the form stands in the scenario."""


def scenario_changes(settings: dict[str, str]) -> tuple[str, dict[str, float], dict[str, dict[str, Any]]]:
    """Tell how settings of the form change a shipped scenario: its name, factors of the course, sections.

    Raises
    ------
    ValueError
        For a name, number or word that is not allowed.
    """
    name = settings.get("scenario") or "anti-hu"
    if name not in pns.simulate.shipped_scenarios():
        raise ValueError(f"there is no shipped scenario {name!r}")
    given: dict[str, Any] = {}
    for key, (low, high, _) in SLIDERS.items():
        text = settings.get(key, "")
        if not text:
            continue
        try:
            value = int(text) if key == "n" else float(text)
        except ValueError:
            raise ValueError(f"{key} = {text[:20]!r}: write a number from {low:g} to {high:g}") from None
        if not low <= value <= high:
            raise ValueError(f"{key} = {value:g}: allowed is {low:g} to {high:g}")
        given[key] = value
    rating = settings.get("rating", "")
    if rating:
        if rating not in RATINGS:
            raise ValueError(f"rating = {rating[:20]!r}: allowed are {', '.join(RATINGS)}")
        given["rating"] = rating
    defaults = scenario_defaults(name)
    moved = {key: value for key, value in given.items() if value != defaults[key]}
    sections: dict[str, dict[str, Any]] = {
        section: {key: moved[name]} for name, (section, key) in PLACES.items() if name in moved
    }
    return name, {key: moved[key] for key in ("improve", "die") if key in moved}, sections


def changed_scenario(settings: dict[str, str]) -> Scenario:
    """Give a shipped scenario with the settings of the form."""
    name, factors, sections = scenario_changes(settings)
    made = pns.load_scenario(name)
    if sections:
        made = made.changed(**sections)
    if factors:
        made = made.model_copy(update={"course": made.course.scaled(**factors)})
    return made

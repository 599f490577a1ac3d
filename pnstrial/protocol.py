"""What does the protocol say?

Input: a TOML file: who may enter, what is given and when, which visits, decision, endpoint and estimand.
Output: a frozen, validated `Protocol`; every later module reads its numbers from it and has none of its own.
Protocol section: all of them; this module is their form.
Method: every setting names its source or "assumed"; whatever is wrong in a file is listed at once, with the key,
the value and what is allowed. A file may be based on another one and hold only what differs.
Next: `data`.
"""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Final, Self, cast

from pydantic import Field, field_validator, model_validator

from pnstrial.numerics.signatures import check_signature
from pnstrial.objectives import Arm, Decision, Design, Endpoint, Estimand, Outcome, Visit, in_order_of_time
from pnstrial.regimen import Drug, Treatment
from pnstrial.settings import (
    ASSUMED,
    Part,
    Setting,
    SettingsFiles,
    Sourced,
    drop_entries,
    lay_over,
)
from pnstrial.vocabulary import Criterion, Medications, Scale, with_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = [
    "Arm",
    "Criterion",
    "Decision",
    "Design",
    "Drug",
    "Endpoint",
    "Estimand",
    "Medications",
    "Outcome",
    "Protocol",
    "ProtocolError",
    "Scale",
    "Treatment",
    "Visit",
    "load_protocol",
    "shipped_protocols",
]


class ProtocolError(ValueError):
    """A protocol file that cannot be used; the message lists every wrong key with its value and what is allowed."""


_FILES = SettingsFiles("protocol", ProtocolError)
_Table = dict[str, Any]
_SECTIONS: Final[dict[str, type[Sourced]]] = {
    "treatment": Treatment, "decision": Decision, "endpoint": Endpoint, "estimand": Estimand, "design": Design,
    "medications": Medications,
}  # fmt: skip
"""The sections that `Protocol.with_settings` changes key by key."""


class Protocol(Part):
    """The whole protocol.

    Attributes
    ----------
    id, version, title : str
        Which protocol; results carry id and version.
    sources : dict of str
        Key of a source to its full reference.
    criteria : tuple of Criterion
        Asked of every screened patient, in this order.
    treatment, visits, decision, endpoint, estimand, medications, design, arms
        See the class of each; decision and design are None where the trial has none.
    collected : tuple of str
        Columns of the screening table that are collected though no criterion reads them.

    Examples
    --------
    >>> protocol = load_protocol("nct02343211")
    >>> protocol.treatment.dose_g_per_kg, protocol.visit("Month 3").target_day
    (2.0, 85)
    >>> [criterion.id for criterion in protocol.criteria][:4]
    ['I1', 'I2', 'I3', 'I4']
    """

    id: str = Field(min_length=1)
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    sources: dict[str, str]
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    scales: tuple[Scale, ...] = ()
    treatment: Treatment
    visits: tuple[Visit, ...] = Field(min_length=1)
    decision: Decision | None = None
    endpoint: Endpoint
    estimand: Estimand
    medications: Medications
    design: Design | None = None
    arms: tuple[Arm, ...] = ()
    collected: tuple[str, ...] = ()
    primary_rater: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_from_the_vocabulary(cls, data: Any) -> Any:
        return with_vocabulary(cast("_Table", data)) if isinstance(data, dict) else data

    @field_validator("visits")
    @classmethod
    def _earlier_visits_first(cls, visits: tuple[Visit, ...]) -> tuple[Visit, ...]:
        return in_order_of_time(visits)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems: list[str] = []
        names = [visit.name for visit in self.visits]
        ids = [criterion.id for criterion in self.criteria]
        problems += [f"criteria has {i} twice" for i in sorted({i for i in ids if ids.count(i) > 1})]
        problems += [f"visits has {n} twice" for n in sorted({n for n in names if names.count(n) > 1})]
        named = [("endpoint.visit", self.endpoint.visit)]
        if self.decision is not None:
            named.insert(0, ("decision.visit", self.decision.visit))
        named += [("endpoint.secondary_visits", name) for name in self.endpoint.secondary_visits]
        named += [(f"{place}.visit", outcome.visit) for place, outcome in self._outcomes()]
        problems += [
            f"{key} is {name!r}; visits has {', '.join(names)}" for key, name in named if name not in names
        ]
        if self.decision is not None and any(
            v.anchored for v in self.visits if v.name == self.decision.visit
        ):
            problems.append(
                f"decision.visit is {self.decision.visit!r}, which counts from the last infusion; "
                "a decision on further infusions needs a visit that counts from the first"
            )
        arms = [arm.name.casefold() for arm in self.arms]
        problems += [f"arms has {n} twice" for n in sorted({n for n in arms if arms.count(n) > 1})]
        for key, source in self._all_sources():
            if source not in self.sources and not source.startswith("assumed"):
                problems.append(
                    f'{key} names the source {source!r}; [sources] has {", ".join(self.sources)} (or write "assumed")'
                )
        problems += self._scale_problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _outcomes(self) -> list[tuple[str, Outcome]]:
        """List the further parts of the primary endpoint and the secondary endpoints, each with its place."""
        lists = (("endpoint.also", self.endpoint.also), ("endpoint.secondary", self.endpoint.secondary))
        return [(f"{place}.{outcome.name}", outcome) for place, found in lists for outcome in found]

    def _scale_problems(self) -> list[str]:
        names = [scale.name for scale in self.scales]
        problems = [f"scales has {n} twice" for n in sorted({n for n in names if names.count(n) > 1})]
        response = self.endpoint
        named = [("endpoint", response.scale, response.improvement_points)]
        if self.decision is not None and self.decision.scale is not None:
            named.append(("decision", self.decision.scale, self.decision.improvement_points or 1))
        named += [(place, part.scale, part.improvement_points) for place, part in self._outcomes()]
        for place, wanted, points in named:
            if wanted not in names:
                problems.append(f"{place}.scale is {wanted!r}; scales has {', '.join(names) or 'none'}")
                continue
            scale = self.scale(wanted)
            if not scale.bounded:
                if place in {"endpoint", "decision"}:
                    problems.append(
                        f"{place}.scale is {wanted!r}, which has no bounds: give it grades, or lowest and highest"
                    )
                continue
            most = scale.unit * scale.units[-1]
            if not points <= most:
                problems.append(f"{place}.improvement_points is {points:g}; {wanted} spans {most:g} points")
        return problems

    def _all_sources(self) -> list[tuple[str, str]]:
        pairs = [(f"criteria.{c.id}", c.source) for c in self.criteria]
        pairs += [
            (f"criteria.{c.id}.{key}", c.source_of(key))
            for c in self.criteria
            for key in type(c).model_fields
            if c.source_of(key) != c.source
        ]
        pairs += [(f"scales.{scale.name}", scale.source) for scale in self.scales]
        pairs += [(f"arms.{arm.name}", arm.source) for arm in self.arms]
        parts = self._sourced_parts()
        return pairs + [
            (f"{name}.{key}", source) for name, part in parts for key, source in part.source.items()
        ]

    def _sourced_parts(self) -> list[tuple[str, Sourced]]:
        sections = ("treatment", "decision", "endpoint", "design", "estimand", "medications")
        found = [(name, part) for name in sections if isinstance(part := getattr(self, name), Sourced)]
        drugs: list[tuple[str, Sourced]] = [(f"treatment.drugs.{d.name}", d) for d in self.treatment.drugs]
        visits: list[tuple[str, Sourced]] = [(f"visits.{visit.name}", visit) for visit in self.visits]
        return [*found, *drugs, *self._outcomes(), *visits]

    def settings(self) -> tuple[Setting, ...]:
        """List every setting with its value and source, in the order of the file.

        Returns
        -------
        tuple of Setting
            Keys such as ``criteria.I4.maximum``, ``visits.Month 3.first_day``, ``treatment.cycle_days``.
        """
        found = [Setting(key, getattr(self, key), "") for key in ("id", "version", "title", "primary_rater")]
        for criterion in self.criteria:
            content = criterion.model_dump(exclude={"id", "source"})
            found += [
                Setting(f"criteria.{criterion.id}.{k}", v, criterion.source_of(k)) for k, v in content.items()
            ]
        for scale in self.scales:
            content = scale.model_dump(exclude={"name", "source"}, exclude_defaults=True)
            found += [Setting(f"scales.{scale.name}.{k}", v, scale.source) for k, v in content.items()]
        for arm in self.arms:
            content = arm.model_dump(exclude={"name", "source"}, exclude_none=True)
            found += [Setting(f"arms.{arm.name}.{k}", v, arm.source) for k, v in content.items()]
        for name, part in self._sourced_parts():
            for key, value in part.model_dump(
                exclude={"name", "source", "drugs", "also", "secondary"}
            ).items():
                if value in (None, ()) and key not in {
                    *part.source,
                    "null_proportion",
                    "improvement_percent",
                }:
                    continue
                lists = cast("_Table", value) if name == "medications" else {"": value}
                found += [
                    Setting(f"{name}.{key}{'.' if inner else ''}{inner}", entry, part.source.get(key, ""))
                    for inner, entry in lists.items()
                ]
        return tuple(found)

    def improvement_in_words(self) -> str:
        """Say what an improvement is, such as "mRS at least 1 point below baseline"."""
        parts = [part.in_words(self.scale(part.scale).better) for part in self.endpoint.parts()]
        return f" {'and' if self.endpoint.joined_by == 'all' else 'or'} ".join(parts)

    def decision_in_words(self) -> str:
        """Say when treatment goes on, such as "mRS improved or stable: continue; deteriorated: discontinue"."""
        decided = self.decision
        return "" if decided is None else decided.in_words(self.endpoint, self.scale(decided.scale).better)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per setting: setting, value, source."""
        import pandas as pd

        rows = [(entry.key, entry.value, entry.source) for entry in self.settings()]
        return pd.DataFrame(rows, columns=["setting", "value", "source"], dtype=object)

    def diff(self, other: Protocol, *, everything: bool = False) -> pd.DataFrame:
        """Compare with another protocol, setting by setting.

        Parameters
        ----------
        other : Protocol
        everything : bool, default False
            Whether the settings that are equal stand there too, with a column `differs`: "value", "source" or "".

        Returns
        -------
        pandas.DataFrame
            One row per setting that differs in value or source: setting, value, other_value, source,
            other_source. None where a protocol has no such setting.

        Examples
        --------
        >>> published = load_protocol()
        >>> changed = published.with_settings(treatment={"dose_g_per_kg": 1.0})
        >>> published.diff(changed).values.tolist()
        [['treatment.dose_g_per_kg', 2.0, 1.0, 'publication', 'assumed']]
        """
        check_signature(Protocol.diff, locals())
        import pandas as pd

        own, theirs = ({entry.key: entry for entry in one.settings()} for one in (self, other))
        rows: list[tuple[Any, ...]] = []
        for key in dict.fromkeys([*own, *theirs]):
            one, two = own.get(key, Setting(key)), theirs.get(key, Setting(key))
            differs = "value" if one.value != two.value else "source" if one.source != two.source else ""
            rows.append((key, one.value, two.value, one.source, two.source, differs))
        columns = ["setting", "value", "other_value", "source", "other_source", "differs"]
        if everything:
            return pd.DataFrame(rows, columns=columns, dtype=object)
        # the source of a criterion or scale is that of all its settings: of those that are equal none is listed
        # where another differs, and one where nothing but the source does
        seen = {row[0].rpartition(".")[0] for row in rows if row[-1] == "value"}
        kept: list[tuple[Any, ...]] = []
        for row in rows:
            entry, differs = row[0].rpartition(".")[0], row[-1]
            if differs == "value" or (
                differs and not (entry.startswith(("criteria.", "scales.")) and entry in seen)
            ):
                kept.append(row[:-1])
                seen.add(entry)
        return pd.DataFrame(kept, columns=columns[:-1], dtype=object)

    def __str__(self) -> str:
        decided, response = self.decision, self.endpoint
        lines = [
            self.title,
            f"{self.id}, version {self.version}",
            "",
            "Criteria",
            *(f"  {criterion.id:<4} {criterion.label}" for criterion in self.criteria),
            "Treatment",
            *self.treatment.in_words(decided=decided is not None),
            "Visits",
            *(f"  {v.name}: {v.days_in_words()}" for v in self.visits),
            "Decision and endpoint" if decided is not None else "Endpoint",
            *(
                [f"  decision at {decided.visit}:", f"    {self.decision_in_words()}"]
                if decided is not None
                else []
            ),
            f"  response at {response.visit}: {self.improvement_in_words()}",
            *(
                f"  {p.name} at {p.visit}: {p.in_words(self.scale(p.scale).better)}"
                for p in response.secondary
            ),
            "  estimand: "
            + "; ".join(f"{event}: {way}" for event, way in self.estimand.strategies().items()),
            *([] if self.design is None else [f"  {self.design.n} patients are planned"]),
            *([f"Arms: {', '.join(arm.name for arm in self.arms)}"] if self.arms else []),
            f"{len(self.assumed)} settings are assumed: no source states them (`.assumed`; `.to_frame()` has all)",
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(entry.key)}</td><td>{escape(entry.in_words())}</td><td>"
            + (
                f"<strong>{escape(entry.source or '')}</strong>"
                if entry.assumed
                else escape(entry.source or "")
            )
            + "</td></tr>"
            for entry in self.settings()
        )
        head = "<tr><th>setting</th><th>value</th><th>source</th></tr>"
        return (
            f"<p>{escape(self.title)} ({escape(self.id)}, version {escape(self.version)})</p>"
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
        )

    @cached_property
    def assumed(self) -> tuple[tuple[str, str], ...]:
        """Settings that no source states: (key, value as text), for the page that lists them."""
        found: list[tuple[str, str]] = []
        parts = dict(self._sourced_parts())
        for key, source in self._all_sources():
            if not source.startswith("assumed"):
                continue
            section, _, name = key.rpartition(".")
            value = (
                getattr(parts.get(section), name, None)
                if section in parts
                else self._entry_in_words(section, name)
            )
            if isinstance(value, dict) and all(isinstance(v, tuple) for v in cast("_Table", value).values()):
                value = f"{len(cast('_Table', value))} lists"
            found.append((key, Setting(key, value).in_words()))
        return tuple(found)

    def _entry_in_words(self, section: str, name: str) -> Any:
        """Say what a criterion, scale or arm is that has one source for all of it."""
        named = {
            "criteria": {criterion.id: criterion.label for criterion in self.criteria},
            "scales": {scale.name: f"{scale.better} is better" for scale in self.scales},
            "arms": {arm.name: arm.label or arm.name for arm in self.arms},
        }
        group, _, entry = section.partition(".")
        criteria = {criterion.id: criterion for criterion in self.criteria}
        if group == "criteria" and entry in criteria:
            return getattr(criteria[entry], name)
        return named.get(section, {}).get(name)

    @property
    def drugs(self) -> tuple[Drug, ...]:
        """Every drug with its regimen, in the order of the file; the first is meant where a table names none."""
        return self.treatment.every_drug

    @property
    def counted_drugs(self) -> tuple[Drug, ...]:
        """The drugs that the decision, the per-protocol set and `stopped` ask."""
        return tuple(drug for drug in self.drugs if drug.counts)

    def drug(self, name: str | None = None) -> Drug:
        """Find a drug by its name, in any case.

        Parameters
        ----------
        name : str, optional
            By default the first drug that counts.

        Returns
        -------
        Drug

        Raises
        ------
        ProtocolError
            If the protocol has no drug of that name; the message lists those it has.
        """
        if name is None:
            return self.counted_drugs[0]
        wanted = name.casefold() if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        for drug in self.drugs:
            if drug.name.casefold() == wanted:
                return drug
        names = ", ".join(drug.name for drug in self.drugs)
        raise ProtocolError(f"drug {name!r} is not in protocol {self.id}; it has {names}")

    def visit(self, name: str) -> Visit:
        """Find a visit by name.

        Parameters
        ----------
        name : str
            Such as "Month 3".

        Returns
        -------
        Visit

        Raises
        ------
        ProtocolError
            If the protocol has no visit of that name; the message lists those it has.
        """
        check_signature(Protocol.visit, locals())
        for visit in self.visits:
            if visit.name == name:
                return visit
        names = ", ".join(visit.name for visit in self.visits)
        raise ProtocolError(f"visit {name!r} is not in protocol {self.id}; it has {names}")

    def scale(self, name: str | None = None) -> Scale:
        """Find a scale by name.

        Parameters
        ----------
        name : str, optional
            By default that of the endpoint.

        Returns
        -------
        Scale

        Raises
        ------
        ProtocolError
            If the protocol has no scale of that name; the message lists those it has.
        """
        check_signature(Protocol.scale, locals())
        wanted = self.endpoint.scale if name is None else name
        for scale in self.scales:
            if scale.name == wanted:
                return scale
        names = ", ".join(scale.name for scale in self.scales)
        raise ProtocolError(f"scale {wanted!r} is not in protocol {self.id}; it has {names}")

    def with_estimand(self, **strategies: str) -> Protocol:
        """Give the same protocol under another estimand.

        Parameters
        ----------
        **strategies : str
            ``death``, ``rescue``, ``stopped``, ``missing``; those not named stay.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For an event or a strategy that does not exist, with those that do.

        Examples
        --------
        >>> load_protocol("nct02343211").with_estimand(missing="LOCF").estimand.missing
        'LOCF'
        """
        return self.with_settings(estimand=strategies)

    def with_settings(self, **sections: dict[str, Any]) -> Protocol:
        """Give the same protocol with other settings; each changed setting is marked as assumed.

        Parameters
        ----------
        **sections : dict
            Settings by section, such as ``endpoint={"null_proportion": 0.1}``; for one visit (or scale)
            ``visits={"Month 3": {"first_day": 64}}``.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For a section, key or value that is not allowed.

        Examples
        --------
        >>> load_protocol("nct02343211").with_settings(endpoint={"null_proportion": 0.1}).endpoint.null_proportion
        0.1
        """
        changes: dict[str, Any] = {}
        for section, settings in sections.items():
            if not isinstance(settings, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ProtocolError(
                    f"{section} is {settings!r}; give its settings by name, such as {{'visit': ...}}"
                )
            find = {"visits": self.visit, "scales": self.scale}.get(section)
            if find is not None:
                changes[section] = [{"name": find(name).name, **settings[name]} for name in settings]
            elif (kind := _SECTIONS.get(section)) is not None:
                names = [name for name in kind.model_fields if name != "source"]
                if unknown := [key for key in settings if key not in {*names, "source"}]:
                    noun = "event" if section == "estimand" else "setting"
                    raise ProtocolError(f"{section} has no {noun} {unknown[0]!r}; it has {', '.join(names)}")
                new = getattr(self, section) is None and "source" not in settings
                changes[section] = (
                    {**settings, "source": dict.fromkeys(settings, ASSUMED)} if new else settings
                )
            else:
                raise ProtocolError(f"protocol {self.id} has no section {section!r} that settings can change")
        return self._changed(changes)

    def with_visit(self, name: str, **settings: Any) -> Protocol:
        """Give the same protocol with one more visit, or with other settings of one that it has.

        Parameters
        ----------
        name : str
        **settings
            ``target_day``, ``first_day``, ``last_day``; ``source`` where there is one, else each is assumed.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For a setting that a visit does not have, or a value that is not allowed.

        Examples
        --------
        >>> longer = load_protocol().with_visit("Month 9", target_day=253, first_day=239, last_day=267)
        >>> [visit.name for visit in longer.visits]
        ['Month 3', 'Month 6', 'Month 9']
        """
        return self._changed({"visits": [{"name": name, **settings}]})

    def with_criterion(self, id: str, **settings: Any) -> Protocol:  # noqa: A002 - the file says id
        """Give the same protocol with one more criterion, or with other settings of one that it has.

        Parameters
        ----------
        id : str
        **settings
            ``kind``, ``label`` and what the kind needs; ``source`` where there is one, else it is assumed.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For a kind or setting that does not exist, or a value that is not allowed.

        Examples
        --------
        >>> adults = load_protocol().with_criterion("I7", kind="range", label="Adult", column="age", minimum=18)
        >>> adults.criteria[-1].id, adults.with_criterion("I4", maximum=4).criteria[3].maximum
        ('I7', 4.0)
        """
        return self._changed({"criteria": [{"id": id, **settings}]})

    def without(self, *names: str) -> Protocol:
        """Give the same protocol without some criteria or visits.

        Parameters
        ----------
        *names : str
            Ids of criteria, names of visits.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            For a name that the protocol does not have, or a visit that something else needs.

        Examples
        --------
        >>> len(load_protocol().without("E3", "E4").criteria)
        8
        """
        content, found = drop_entries(self.model_dump(exclude_none=True), names)
        if missing := [name for name in names if name not in found]:
            raise ProtocolError(f"protocol {self.id} has no criterion or visit {', '.join(missing)}")
        return _FILES.validated(Protocol, content, f"protocol {self.id}, changed")

    def _changed(self, changes: dict[str, Any]) -> Protocol:
        content = lay_over(self.model_dump(exclude_none=True), changes)
        return _FILES.validated(Protocol, content, f"protocol {self.id}, changed")

    def to_toml(self) -> str:
        """Write the protocol as TOML; reading it back gives an equal protocol.

        Returns
        -------
        str

        Examples
        --------
        >>> protocol = load_protocol("nct02343211")
        >>> Protocol.from_toml(protocol.to_toml()) == protocol
        True
        """
        import tomli_w

        return tomli_w.dumps(self.model_dump(exclude_none=True), multiline_strings=False)

    @classmethod
    def from_toml(cls, text: str, *, where: str = "protocol") -> Protocol:
        """Read a protocol from the text of a TOML file.

        Parameters
        ----------
        text : str
        where : str
            What the error message calls it.

        Returns
        -------
        Protocol

        Raises
        ------
        ProtocolError
            With every wrong key, its value and what is allowed.
        """
        check_signature(Protocol.from_toml, locals())
        return _FILES.validated(cls, _FILES.content(text, where), where)


def shipped_protocols() -> tuple[str, ...]:
    """Names of the protocols that come with the package.

    Examples
    --------
    >>> "nct02343211" in shipped_protocols()
    True
    """
    return _FILES.names()


def load_protocol(name_or_path: str | Path = "nct02343211") -> Protocol:
    """Load a protocol by its shipped name or from a file.

    Parameters
    ----------
    name_or_path : str or Path, default "nct02343211"
        A name of `shipped_protocols` in any case, or a TOML file.

    Returns
    -------
    Protocol

    Raises
    ------
    ProtocolError
        If there is no such file, or with every wrong key of it, its value and what is allowed.

    Examples
    --------
    >>> load_protocol().id, load_protocol("NCT02343211-registry").id
    ('nct02343211', 'nct02343211-registry')
    """
    text, where, folder = _FILES.text(name_or_path)
    return _FILES.validated(Protocol, _FILES.content(text, where, folder), where)

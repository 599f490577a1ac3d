"""What does the trial say, all of it at once?

Input: a `TrialData` and a `Protocol`.
Output: `Analysis`: findings, screening, exposure, visits, decisions, sets, primary and secondary endpoints, times
to events; each derived once and handed to the next.
Protocol section: all.
Method: nothing is decided here; it calls the modules in the order of the trial.
Next: `reporting`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pnstrial import endpoints, exposure, rules, visits
from pnstrial.checks import findings_of
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, NotEstimable, Provenance, Result, rows_of
from pnstrial.scales import scale_changes_of, scale_endpoint_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pnstrial.data import Finding, TrialData
    from pnstrial.eligibility import Screening
    from pnstrial.endpoints import AnalysisSets, ResponseResult
    from pnstrial.exposure import Exposure
    from pnstrial.protocol import Protocol

__all__ = ["Analysis", "EstimandTable", "analyse", "estimand_table"]


@dataclass(frozen=True, eq=False)
class Analysis(Result):
    """Everything that the tables say under a protocol; each part is derived on first use and kept.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
        With the estimand and null asked for.
    visit : str
        Visit of the primary endpoint.
    """

    trial: TrialData = field(repr=False)
    protocol: Protocol = field(repr=False)
    visit: str

    @cached_property
    def screening(self) -> Screening:
        """Eligibility of every screened patient."""
        return self.assessments.screening

    @cached_property
    def exposure(self) -> Exposure:
        """Given against planned."""
        return exposure.summarise(self.trial, self.protocol)

    @cached_property
    def assessments(self) -> visits.Assessments:
        """The trial under the protocol, each derivation made once; what the modules share."""
        return visits.Assessments(self.trial, self.protocol)

    @cached_property
    def visits(self) -> pd.DataFrame:
        """One row per enrolled patient and visit."""
        return self.assessments.visit_values.frame

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """One row per enrolled patient."""
        return self.assessments.once(visits.decisions_of)

    @cached_property
    def sets(self) -> AnalysisSets:
        """Who is in which analysis set."""
        return self.assessments.once(endpoints.sets_of)

    def response_at(self, visit: str, estimand: dict[str, str] | None = None) -> ResponseResult:
        """Give the proportion of responders at a visit, under the protocol's or another estimand."""
        check_signature(Analysis.response_at, locals())
        return endpoints.response_of(self.assessments, visit, estimand=estimand)

    @cached_property
    def primary(self) -> ResponseResult:
        """The primary endpoint."""
        return self.response_at(self.visit)

    @cached_property
    def secondary(self) -> dict[str, ResponseResult]:
        """The same at the secondary visits."""
        return {visit: self.response_at(visit) for visit in self.protocol.endpoint.secondary_visits}

    @cached_property
    def estimands(self) -> EstimandTable:
        """The proportion of responders under every estimand, at every visit."""
        return _estimands(self.assessments)

    @cached_property
    def scale_changes(self) -> pd.DataFrame:
        """Changes on the further scales."""
        return self.assessments.once(scale_changes_of)

    @cached_property
    def scales(self) -> pd.DataFrame:
        """Improved on each scale at each visit."""
        return self.assessments.once(scale_endpoint_of)

    @cached_property
    def secondary_outcomes(self) -> pd.DataFrame:
        """One row per secondary endpoint of the protocol."""
        return self.assessments.once(endpoints.secondary_endpoints_of)

    @cached_property
    def times(self) -> pd.DataFrame:
        """Time-to-event records."""
        return self.assessments.once(endpoints.times_of)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings of the tables and of the protocol in use."""
        return (*self.trial.findings, *self.assessments.once(findings_of))

    def run(self, on_step: Callable[[str], None] | None = None) -> Analysis:
        """Derive every part now.

        Parameters
        ----------
        on_step : callable, optional
            Called with the name of each step before it starts.

        Returns
        -------
        Analysis
            Itself.
        """
        for step in ("screening", "exposure", "visits", "decisions", "sets", "primary", "secondary", "scales",
                     "times", "findings"):  # fmt: skip
            if on_step is not None:
                on_step(step)
            getattr(self, step)
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return the primary endpoint as one row."""
        return self.primary.to_frame()

    def to_json_object(self) -> dict[str, Any]:
        """Return everything as plain numbers, words and None, for machines.

        Returns
        -------
        dict
            Keys findings, screening, exposure, visits, decisions, sets, primary, secondary, time_to_event.
        """
        return {
            "findings": [finding.as_dict() for finding in self.findings],
            "screening": self._screening_object(),
            "exposure": self._exposure_object(),
            "visits": self._visits_object(),
            "decisions": {
                row.patient_id: {"decision": row.decision, "deviation": row.deviation}
                for row in rows_of(self.decisions)
            },
            "sets": {
                name: list(getattr(self.sets, name)) for name in ("full_analysis", "safety", "per_protocol")
            },
            "primary": _response_object(self.primary),
            "secondary": {
                **{visit: _response_object(result) for visit, result in self.secondary.items()},
                "scales": self._scales_object(),
                **self._outcomes_object(),
            },
            "time_to_event": self._times_object(),
        }

    def _screening_object(self) -> dict[str, Any]:
        overall = self.screening.overall
        found: dict[str, Any] = {
            patient: {"overall": answer, "criteria": {}}
            for patient, answer in zip(overall["patient_id"], overall["overall"], strict=True)
        }
        criteria = self.screening.criteria
        for patient, criterion, status in zip(
            criteria["patient_id"], criteria["criterion"], criteria["status"], strict=True
        ):
            found[patient]["criteria"][criterion] = status
        return found

    def _exposure_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            row.patient_id: {
                "cycles": [],
                "relative_dose_intensity": plain(row.relative_dose_intensity),
                "share_of_course": plain(row.share_of_course),
            }
            for row in rows_of(self.exposure.patients)
        }
        several = len(self.protocol.drugs) > 1
        for row in rows_of(self.exposure.cycles):
            found[str(row.patient_id)]["cycles"].append(
                {
                    **({"drug": row.drug} if several else {}),
                    "cycle": plain(row.cycle),
                    "planned_g": plain(row.planned_g),
                    "given_g": plain(row.given_g),
                    "start": plain(row.start),
                    "on_time": plain(row.on_time),
                    "dose_as_planned": plain(row.dose_as_planned),
                }
            )
        return found

    def _visits_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        column = self.assessments.scale.column
        show = grade if column == "mrs" else plain
        for row in rows_of(self.visits):
            patient = found.setdefault(
                row.patient_id,
                {
                    f"baseline_{column}": show(getattr(row, f"baseline_{column}")),
                    "baseline_date": plain(row.baseline_date),
                },
            )
            patient[row.visit] = {
                column: show(getattr(row, column)),
                "date": plain(row.date),
                "derivation": row.derivation,
                "category": row.category,
            }
        return found

    def _scales_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in rows_of(self.scales):
            found.setdefault(row.scale, {})[row.visit] = {"improved": row.improved, "n": row.n}
        return found

    def _outcomes_object(self) -> dict[str, Any]:
        rows = [
            {key: plain(value) for key, value in row.items()}
            for row in self.secondary_outcomes.to_dict("records")
        ]
        return {"outcomes": rows} if rows else {}

    def _times_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {parameter: {} for parameter in endpoints.TIME_PARAMETERS}
        for row in rows_of(self.times):
            found[str(row.parameter)][row.patient_id] = {"days": int(row.days), "event": int(row.event)}
        return found

    def _decisions_in_words(self) -> list[str]:
        if self.protocol.decision is None:
            return []
        counts = self.decisions["decision"].value_counts().items()
        return ["Interim decisions: " + (", ".join(f"{count} {name}" for name, count in counts) or "none")]

    def _display(self) -> Display:
        parts = [
            self.trial.summary,
            f"Protocol: {self.protocol.title} ({self.protocol.id}, version {self.protocol.version})",
            str(self.screening),
            *self._decisions_in_words(),
            "Analysis sets: "
            + ", ".join(f"{row.set.replace('_', ' ')} {row.n}" for row in rows_of(self.sets.to_frame())),
            str(self.primary),
        ]
        return Display("\n\n".join(parts))


@dataclass(frozen=True, eq=False)
class EstimandTable(Result):
    """The proportion of responders under every estimand, at every visit.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per visit and estimand, that of the protocol first: visit, estimand (what differs from the
        protocol's, in words), changes (how many of the four strategies do), death, rescue, stopped, missing,
        responders, n, estimate, lower, upper, p_value, reason.
    null : float or None
    level : float
    provenance : Provenance
    """

    frame: pd.DataFrame = field(repr=False)
    null: float | None
    level: float
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return one row per visit and estimand."""
        return self.frame.copy()

    def _display(self) -> Display:
        single = self.frame[self.frame["changes"] <= 1]
        columns = ["visit", "estimand", "responders", "n", "estimate", "lower", "upper"]
        if self.null is not None:
            columns.append("p_value")
        note = f"{len(self.frame)} rows in all (`to_frame()`); here those that change one strategy at most."
        return Display(
            f"Responders by visit and estimand, {100 * self.level:g} % Clopper-Pearson intervals",
            table=single[columns],
            notes=(note,),
        )


def _estimands(assessments: visits.Assessments) -> EstimandTable:
    protocol = assessments.protocol
    planned = protocol.estimand.strategies()
    offered = {
        "death": rules.DEATH_STRATEGIES,
        "rescue": rules.RESCUE_STRATEGIES,
        "stopped": rules.STOPPED_STRATEGIES,
        "missing": rules.MISSING_STRATEGIES,
    }
    every: list[dict[str, str]] = [
        dict(zip(offered, ways, strict=True)) for ways in product(*offered.values())
    ]

    def changes(estimand: dict[str, str]) -> list[str]:
        return [f"{event}: {way}" for event, way in estimand.items() if way != planned[event]]

    rows: list[dict[str, Any]] = []
    for visit in protocol.visits:
        for estimand in sorted(every, key=lambda one: len(changes(one))):
            result = endpoints.response_of(assessments, visit.name, estimand=estimand)
            found = result.to_frame().iloc[0]
            rows.append(
                {
                    "visit": visit.name,
                    "estimand": "; ".join(changes(estimand)) or "as the protocol",
                    "changes": len(changes(estimand)),
                    **estimand,
                    "responders": result.responders,
                    "n": result.n,
                    **{name: found.get(name) for name in ("estimate", "lower", "upper", "p_value", "reason")},
                }
            )
    return EstimandTable(
        pd.DataFrame(rows).astype({"p_value": float}),
        protocol.endpoint.null_proportion,
        protocol.endpoint.level,
        Provenance(protocol.id, protocol.version),
    )


def estimand_table(
    trial: TrialData, protocol: Protocol, *, null: float | None = None, level: float | None = None
) -> EstimandTable:
    """Estimate the proportion of responders under every estimand, at every visit.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    null : float, optional
        Null proportion, if another than the protocol's.
    level : float, optional
        Level of the intervals, if another than the protocol's.

    Returns
    -------
    EstimandTable
        48 estimands a visit: two strategies for death and for rescue, three for stopped treatment, four for
        missing values.

    Raises
    ------
    ProtocolError
        For a null or level outside 0 to 1.

    Notes
    -----
    The estimands differ in what they estimate; the table shows how far a conclusion depends on the choice, and is
    no reason to choose afterwards.

    Examples
    --------
    >>> import pnstrial as pns
    >>> table = pns.estimand_table(pns.example_trial(), pns.load_protocol())
    >>> frame = table.to_frame()
    >>> len(frame), frame.loc[0, "estimand"], int(frame.loc[0, "responders"])
    (96, 'as the protocol', 3)
    """
    return analyse(trial, protocol, null=null, level=level).estimands


def plain(value: Any) -> Any:
    """Turn a cell of a frame into a plain number, word, ISO date or None."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and np.isnan(value):
        return None
    return value


def grade(value: float) -> int | None:
    """Turn a grade into an integer, nan into None."""
    return None if np.isnan(value) else int(value)


def _response_object(result: ResponseResult) -> dict[str, Any]:
    estimable = not isinstance(result.estimate, NotEstimable) and not isinstance(result.ci, NotEstimable)
    unrated = result.responders if isinstance(result.responders, NotEstimable) else None
    return {
        "responders": None if unrated is not None else result.responders,
        "n": result.n,
        "proportion": result.estimate if estimable else None,
        "ci": list(result.ci) if isinstance(result.ci, tuple) else None,
        "p_value": None if isinstance(result.p_value, NotEstimable) else result.p_value,
        "estimand": result.estimand,
        **({} if unrated is None else {"not_estimable": unrated.reason}),
    }


def analyse(
    trial: TrialData,
    protocol: Protocol,
    *,
    estimand: dict[str, str] | None = None,
    visit: str | None = None,
    null: float | None = None,
    level: float | None = None,
) -> Analysis:
    """Analyse a trial under a protocol.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    estimand : dict of str, optional
        Strategies that replace those of the protocol.
    visit : str, optional
        Visit of the primary endpoint, if another than the protocol's.
    null : float, optional
        Null proportion, if another than the protocol's.
    level : float, optional
        Level of the intervals, if another than the protocol's.

    Returns
    -------
    Analysis

    Raises
    ------
    ProtocolError
        For a visit, event, strategy or null that is not allowed.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> analysis = analyse(trial, protocol, null=0.1)
    >>> analysis.primary.responders, analysis.primary.n
    (3, 18)
    """
    trial, requested = trial_and_protocol(trial, protocol)
    requested = endpoints.protocol_with(requested, estimand, null, level)
    name = visit or requested.endpoint.visit
    requested.visit(name)
    return Analysis(trial, requested, name)

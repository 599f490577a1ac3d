"""Did the patients respond, under which estimand, and when did what happen to them?

Input: the derived visits, exposure, medication and follow-up of the trial.
Output: responder or not and why for every patient; analysis sets; primary and secondary endpoints; changes of the
scales; time-to-event records.
Protocol section: endpoint, estimand.
Method: intercurrent events are asked in the order death, rescue, stopped, no value (ICH E9(R1)); the proportion
has its Clopper-Pearson interval (Biometrika 1934;26:404) and the exact one-sided p-value P(X >= x).
Next: `shift`, `survival`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from pnstrial import rules
from pnstrial.frames import typed_frame, value_of
from pnstrial.outcomes import CATEGORIES, join_parts, part_of, values_at
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.rules import change_category, response, response_reason
from pnstrial.scales import scale_changes, scale_endpoint
from pnstrial.visits import DEATH, MISSING, OBSERVED, Assessments, baseline, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Design, Drug, Estimand, Protocol

__all__ = [
    "AnalysisSets",
    "ResponseResult",
    "analysis_sets",
    "change_category",
    "primary_endpoint",
    "responders",
    "response",
    "response_reason",
    "scale_changes",
    "scale_endpoint",
    "secondary_endpoints",
    "time_to_event",
]

TIME_PARAMETERS = ("overall_survival", "deterioration", "improvement")


# ---------------------------------------------------------------------------------------------------- response
@dataclass(frozen=True, eq=False)
class ResponseResult(Result):
    """The proportion of responders at a visit, under an estimand.

    Attributes
    ----------
    responders : int or NotEstimable
        Responders; not estimable where somebody is enrolled and nobody of them was ever rated.
    n : int
        Patients in the denominator.
    estimate : float or NotEstimable
        responders / n.
    ci : tuple of float or NotEstimable
        Exact two-sided interval.
    p_value : float or None or NotEstimable
        P(X >= responders) under the null; None if the protocol states no null.
    null : float or None
    level : float
    method : str
    visit : str
    estimand : dict of str
        Strategy for death, rescue, stopped, missing.
    patients : pandas.DataFrame
        What happened to every patient of the set: patient_id, response (responder, non-responder, excluded),
        reason.
    provenance : Provenance
    """

    responders: int | NotEstimable
    n: int
    estimate: float | NotEstimable
    ci: tuple[float, float] | NotEstimable
    p_value: float | NotEstimable | None
    null: float | None
    level: float
    method: str
    visit: str
    estimand: dict[str, str]
    patients: pd.DataFrame
    provenance: Provenance

    @property
    def proportion(self) -> float | NotEstimable:
        """The estimate by its other name."""
        return self.estimate

    def _display(self) -> Display:
        head = f"Response at {self.visit}: {self.responders} of {self.n}"
        if isinstance(self.responders, NotEstimable):
            return Display(f"Response at {self.visit}: {self.responders} ({self.n} enrolled)")
        if isinstance(self.estimate, NotEstimable):
            return Display(f"{head}, {self.estimate}")
        interval = f"{100 * self.level:g} % {self.method} interval "
        if isinstance(self.ci, NotEstimable):
            interval += str(self.ci)
        else:
            interval += f"{100 * self.ci[0]:.1f} to {100 * self.ci[1]:.1f} %"
        lines = [f"{head} = {100 * self.estimate:.1f} % ({interval})"]
        if self.null is not None and isinstance(self.p_value, float):
            lines.append(
                f"P(X >= {self.responders}) under a rate of {100 * self.null:g} %: p = {self.p_value:.4f}"
            )
        lines.append("Estimand: " + "; ".join(f"{event}: {way}" for event, way in self.estimand.items()))
        counts = self.patients.groupby(["response", "reason"], sort=True).size()
        for key, count in counts.items():
            answer, reason = cast("tuple[str, str]", key)
            lines.append(f"  {count:>4}  {answer}: {reason}")
        return Display("\n".join(lines))


def _strategy_codes(estimand: dict[str, str]) -> tuple[int, int, int, int]:
    return (
        rules.DEATH_STRATEGIES.index(estimand["death"]),
        rules.RESCUE_STRATEGIES.index(estimand["rescue"]),
        rules.STOPPED_STRATEGIES.index(estimand["stopped"]),
        rules.MISSING_STRATEGIES.index(estimand["missing"]),
    )


def _rescued(assessments: Assessments, at_visit: pd.DataFrame, target: pd.Series) -> NDArray[np.bool_]:
    """Tell who started counting immunotherapy after day 1 and up to the visit's rating (target day if none)."""
    patients = assessments.patients
    records = assessments.medications
    records = records[records["counts_as_rescue"]]
    until = at_visit["date"].where(at_visit["derivation"] == OBSERVED, target)
    started = records["start_date"]
    counts = (started > value_of(records["patient_id"], patients["day_1"])) & (
        started <= value_of(records["patient_id"], until)
    )
    return patients.index.isin(records.loc[counts, "patient_id"])


def _events(assessments: Assessments, visit: str) -> pd.DataFrame:
    """Gather what the response rule asks, one row per enrolled patient."""
    protocol = assessments.protocol
    planned = protocol.visit(visit)
    at_visit = values_at(assessments, visit)
    patients, end = assessments.patients, protocol.endpoint
    target = assessments.date_at(planned, planned.target_day)
    parts = [
        part_of(assessments.on(part), part, visit if visit != end.visit else part.visit)
        for part in end.parts()
    ]
    answers = parts[0] if len(parts) == 1 and not end.bounded else join_parts(parts, end.joined_by)
    frame = pd.DataFrame(index=patients.index)
    frame["has_baseline"] = answers["has_baseline"]
    frame["dead"] = (at_visit["derivation"] == DEATH).astype(np.int8)
    frame["rescued"] = _rescued(assessments, at_visit, target).astype(np.int8)
    frame["stopped"] = (~assessments.required_given).astype(np.int8)
    for column in CATEGORIES:
        frame[column] = answers[column]
    return frame


def responders(trial: TrialData, protocol: Protocol, visit: str | None = None) -> pd.DataFrame:
    """Say for every enrolled patient whether it is a responder, and why.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
        Its estimand decides.
    visit : str, optional
        By default the visit of the endpoint.

    Returns
    -------
    pandas.DataFrame
        patient_id, response, reason, then the flags that the rule requested.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> responders(trial, protocol)[["patient_id", "response", "reason"]].head(3)
      patient_id       response        reason
    0     BOR-01  non-responder  not improved
    1     STE-01  non-responder  not improved
    2     STE-02  non-responder       missing
    """
    return responders_of(Assessments(trial, protocol), visit)


def responders_of(
    assessments: Assessments, visit: str | None = None, estimand: Estimand | None = None
) -> pd.DataFrame:
    """Say who is a responder, as `responders` does, under the protocol's or another estimand."""
    protocol = assessments.protocol
    events = assessments.once(_events, protocol.visit(visit or protocol.endpoint.visit).name)
    reason = response_reason(
        *(events[column].to_numpy() for column in events.columns),
        *_strategy_codes((estimand or protocol.estimand).strategies()),
    )
    frame = typed_frame(
        {
            "patient_id": events.index.to_numpy(),
            "response": named(response(reason), rules.RESPONSES),
            "reason": named(reason, rules.reasons(_required_cycles(protocol))),
        },
        pd.RangeIndex(len(events)),
    )
    return pd.concat([frame, events.reset_index(drop=True)], axis=1)


def _required_cycles(protocol: Protocol) -> int | None:
    """Give the cycles that are required, None where the drugs that count differ in that."""
    required = {drug.required for drug in protocol.counted_drugs}
    return required.pop() if len(required) == 1 else None


def primary_endpoint(
    trial: TrialData,
    protocol: Protocol,
    *,
    visit: str | None = None,
    estimand: dict[str, str] | None = None,
    null: float | None = None,
    level: float | None = None,
) -> ResponseResult:
    """Estimate the proportion of the full analysis set that responded.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    visit : str, optional
        Another visit of the protocol; by default that of the endpoint.
    estimand : dict of str, optional
        Strategies that replace those of the protocol, such as ``{"missing": "LOCF"}``.
    null : float, optional
        Null proportion that replaces that of the protocol.
    level : float, optional
        Level of the interval that replaces that of the protocol.

    Returns
    -------
    ResponseResult
        With count, denominator, exact interval, p-value against the null (None if there is none) and what
        happened to every patient.

    Raises
    ------
    ProtocolError
        For a visit, event or strategy that does not exist, or a null outside 0 to 1.

    Examples
    --------
    >>> import pandas as pd, pnstrial as pns
    >>> trial = pns.data.TrialData.from_frames({
    ...     "screening": pd.DataFrame({"patient_id": ["A", "B"], "screening_date": ["2014-03-01"] * 2,
    ...                                "enrolment_date": ["2014-03-02"] * 2, "mrs": [3, 2]}),
    ...     "mrs": pd.DataFrame({"patient_id": ["A"], "date": ["2014-05-26"], "mrs": [2]}),
    ... })
    >>> result = primary_endpoint(trial, pns.load_protocol("nct02343211"), null=0.1)
    >>> result.responders, result.n, round(result.p_value, 2)
    (1, 2, 0.19)
    >>> result.patients["reason"].tolist()
    ['improved', 'missing']
    """
    return response_of(Assessments(trial, protocol), visit, estimand=estimand, null=null, level=level)


def protocol_with(
    protocol: Protocol, estimand: dict[str, str] | None, null: float | None, level: float | None
) -> Protocol:
    """Give the protocol with another estimand, null proportion or level of the interval, where one is given."""
    if estimand is not None and not isinstance(estimand, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f'estimand is {estimand!r}; give strategies by event, such as {{"missing": "LOCF"}}')
    given = {"null_proportion": null, "level": level}
    endpoint = {key: value for key, value in given.items() if value is not None}
    sections = {"estimand": estimand or {}, "endpoint": endpoint}
    return protocol.with_settings(**{name: part for name, part in sections.items() if part})


def response_of(
    assessments: Assessments,
    visit: str | None = None,
    *,
    estimand: dict[str, str] | None = None,
    null: float | None = None,
    level: float | None = None,
) -> ResponseResult:
    """Estimate the proportion of responders, as `primary_endpoint` does."""
    from pnstrial.design.counts.proportion import proportion

    requested = protocol_with(assessments.protocol, estimand, null, level)
    name = visit or requested.endpoint.visit
    requested.visit(name)
    patients = responders_of(assessments, name, requested.estimand)
    count = int((patients["response"] == "responder").sum())
    n = int((patients["response"] != "excluded").sum())
    exact = proportion(count, n, null=requested.endpoint.null_proportion, level=requested.endpoint.level)
    estimate, ci, p_value, method = exact.estimate, exact.ci, exact.p_value, "Clopper-Pearson"
    if requested.design is not None and requested.design.two_stage and name == requested.endpoint.visit:
        ci, p_value, method = _after_two_stages(requested, requested.design, count, n)
    unrated = len(patients) > 0 and assessments.ratings.empty
    if unrated:
        n = len(patients)
    none_rated = f"no {assessments.scale.name} rating was collected"
    if unrated or n == 0:
        reason = (
            none_rated
            if unrated
            else "no patient is enrolled"
            if patients.empty
            else "every patient is excluded under this estimand"
        )
        estimate = ci = NotEstimable(reason)
        p_value = None if requested.endpoint.null_proportion is None else NotEstimable(reason)
    return ResponseResult(
        responders=NotEstimable(none_rated) if unrated else count,
        n=n,
        estimate=estimate,
        ci=ci,
        p_value=p_value,
        null=requested.endpoint.null_proportion,
        level=requested.endpoint.level,
        method=method,
        visit=name,
        estimand=requested.estimand.strategies(),
        patients=patients[["patient_id", "response", "reason"]],
        provenance=Provenance(requested.id, requested.version),
    )


def _after_two_stages(
    protocol: Protocol, design: Design, count: int, n: int
) -> tuple[tuple[float, float] | NotEstimable, float | NotEstimable | None, str]:
    """Give interval and p-value of the planned two-stage design (Koyama and Chen, Stat Med 2008;27:3145-3154)."""
    from pnstrial.design.stages.after import after_two_stage

    null, method = protocol.endpoint.null_proportion, "stagewise"
    first, stop = design.first_stage_n or 0, design.first_stage_stop_at or 0
    if null is None:
        reason = NotEstimable("the two-stage design has no null proportion in the protocol")
        return reason, None, method
    if n < first or (n == first and count > stop):
        reason = NotEstimable(
            f"the trial is not over: {n} patients, first stage {first}, both stages {design.n}"
        )
        return reason, reason, method
    if n > first and count <= stop:
        reason = NotEstimable(
            f"{count} responders of {n}: the design stops after {first} with {stop} or fewer"
        )
        return reason, reason, method
    after = after_two_stage(
        r1=stop, n1=first, r=(design.reject_at or 1) - 1, n=design.n, p0=null, responses=count, n_observed=n,
        level=protocol.endpoint.level,
    )  # fmt: skip
    return after.ci, after.p_value, method


# ------------------------------------------------------------------------------------------------- analysis sets
@dataclass(frozen=True, eq=False)
class AnalysisSets(Result):
    """Who is in which analysis set.

    Attributes
    ----------
    full_analysis, safety, per_protocol : tuple of str
        Patients, in the order of the screening table.
    reasons : pandas.DataFrame
        patient_id, set, reason: why an enrolled patient is not in a set; one row for each reason.
    """

    full_analysis: tuple[str, ...]
    safety: tuple[str, ...]
    per_protocol: tuple[str, ...]
    reasons: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per set: its name and size."""
        names = ("full_analysis", "safety", "per_protocol")
        return pd.DataFrame({"set": names, "n": [len(getattr(self, name)) for name in names]})

    def _display(self) -> Display:
        return Display(self.to_frame().to_string(index=False))


def analysis_sets(trial: TrialData, protocol: Protocol) -> AnalysisSets:
    """Find the analysis sets.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    AnalysisSets

    Notes
    -----
    Full analysis set: enrolled. Safety set: at least one infusion with a dose over 0. Per-protocol set: full
    analysis set, no criterion failed, all required cycles of the drugs that count given on time and, where a dose is
    stated, with the dose as planned,
    the endpoint visit's value observed or DEATH, no rescue on or before that assessment.

    Examples
    --------
    >>> import pnstrial as pns
    >>> trial, protocol = pns.example_trial(), pns.load_protocol()
    >>> print(analysis_sets(trial, protocol))
              set  n
    full_analysis 18
           safety 17
     per_protocol  9
    """
    return sets_of(Assessments(trial, protocol))


def sets_of(assessments: Assessments) -> AnalysisSets:
    """Find the analysis sets, as `analysis_sets` does."""
    protocol, patients = assessments.protocol, assessments.patients
    who = patients.index.to_series()
    visit = protocol.visit(protocol.endpoint.visit)
    at_visit = values_at(assessments, visit.name)
    criteria = assessments.screening.criteria
    failed = criteria[criteria["status"] == "fail"].groupby("patient_id")["criterion"].agg(", ".join)
    rescued = _rescued(assessments, at_visit, assessments.date_at(visit, visit.target_day))
    checks = [
        (who.isin(failed.index).to_numpy(), "fails " + value_of(who, failed).astype(object).fillna("")),
        *(check for drug in protocol.counted_drugs for check in _as_planned(assessments, drug)),
        ((at_visit["derivation"] == MISSING).to_numpy(), f"no value at {visit.name}"),
        (rescued, f"rescue immunotherapy on or before {visit.name}"),
    ]
    out = np.zeros(len(who), dtype=bool)
    rows = [
        pd.DataFrame({"patient_id": who[~patients["infused"]], "set": "safety", "reason": "never infused"})
    ]
    for mask, reason in checks:
        out |= mask
        own = reason[mask] if isinstance(reason, pd.Series) else reason
        rows.append(pd.DataFrame({"patient_id": who[mask], "set": "per_protocol", "reason": own}))
    reasons = pd.concat(rows, ignore_index=True)
    place = {patient: position for position, patient in enumerate(who)}
    reasons = reasons.sort_values("patient_id", key=lambda ids: ids.map(place), kind="stable")
    return AnalysisSets(
        full_analysis=tuple(who),
        safety=tuple(who[patients["infused"]]),
        per_protocol=tuple(who[~out]),
        reasons=reasons.reset_index(drop=True),
    )


def _as_planned(assessments: Assessments, drug: Drug) -> list[tuple[NDArray[np.bool_], str]]:
    """Say who did not have a drug as planned in the cycles that are required of it, and why."""
    before, who = drug.required, assessments.patients.index.to_series()
    cycles = assessments.cycles
    early = cycles[(cycles["drug"] == drug.name) & (cycles["cycle"] <= before)]
    count = who.map(early.groupby("patient_id").size()).fillna(0)
    as_planned = early[early["dose_as_planned"].eq(True)].groupby("patient_id").size()
    on_time = early[early["on_time"].eq(True)].groupby("patient_id").size()
    complete = count >= before
    named = f" of {drug.name}" if len(assessments.protocol.drugs) > 1 else ""
    found = [
        ((count < before).to_numpy(), f"fewer than {before} of the first {before} cycles{named} given"),
        ((complete & (who.map(on_time).fillna(0) < before)).to_numpy(), f"a cycle{named} not on time"),
    ]
    if drug.has_dose:
        wrong = complete & (who.map(as_planned).fillna(0) < before)
        found.insert(1, (wrong.to_numpy(), f"a dose{named} not as planned"))
    return found


# ----------------------------------------------------------------------------------------------- further endpoints
def secondary_endpoints(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Estimate the proportion for which each secondary endpoint of the protocol holds.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        One row per secondary endpoint: name, scale, visit, direction, responders, n (patients of the full analysis set
        for whom it is known; a death is known: worse, and within no bound), estimate, lower, upper (Clopper-Pearson,
        nan where n is 0).

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol = pns.load_protocol("nct06373211")
    >>> trial = pns.simulate_trial(protocol, pns.load_scenario("nct06373211"), seed=1)
    >>> secondary_endpoints(trial, protocol)[["name", "visit", "responders", "n"]]
                    name    visit  responders   n
    0  Ataxia at Month 3  Month 3           5  21
    1  Ataxia at Month 6  Month 6           3  21
    """
    return secondary_endpoints_of(Assessments(trial, protocol))


def secondary_endpoints_of(assessments: Assessments) -> pd.DataFrame:
    """Estimate the secondary endpoints, as `secondary_endpoints` does."""
    from pnstrial.design.counts.proportion import clopper_pearson

    end = assessments.protocol.endpoint
    rows: list[dict[str, Any]] = []
    for outcome in end.secondary:
        answer = part_of(assessments.on(outcome), outcome, outcome.visit)["category_met"].to_numpy()
        count, n = int((answer == 1).sum()), int((answer >= 0).sum())
        lower, upper = clopper_pearson(count, n, end.level) if n else (np.nan, np.nan)
        rows.append({
            "name": outcome.name, "scale": outcome.scale, "visit": outcome.visit, "direction": outcome.direction,
            "responders": count, "n": n, "estimate": count / n if n else np.nan, "lower": float(lower),
            "upper": float(upper),
        })  # fmt: skip
    columns = ["name", "scale", "visit", "direction", "responders", "n", "estimate", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


# --------------------------------------------------------------------------------------------------- time to event
def time_to_event(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Give the time-to-event records of the enrolled patients; rescue is ignored.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        patient_id, parameter ("overall_survival", "deterioration", "improvement"), start_date (day 1), date,
        days (date - day 1, 0 on day 1), event (1 event, 0 censored, 2 death before an improvement), description,
        source_table, source_column, source_line.

    Notes
    -----
    Overall survival: death, else censored at the last contact; without a follow-up row there is no record.
    Deterioration: first rating after day 1 above baseline, or death; else censored at the last rating (day 1 if
    none). Improvement: first rating after day 1 below baseline; death first competes (code 2); censored likewise.
    Without baseline there is no record of the two mRS times.

    Examples
    --------
    >>> import pnstrial as pns
    >>> times = time_to_event(pns.example_trial(), pns.load_protocol())
    >>> times[times["patient_id"] == "STE-01"][["parameter", "days", "event", "source_table", "source_line"]]
               parameter  days  event source_table  source_line
    1   overall_survival   342      1    follow_up            3
    19     deterioration    93      1          mrs            5
    37       improvement   342      2    follow_up            3
    """
    return times_of(Assessments(trial, protocol))


def times_of(assessments: Assessments) -> pd.DataFrame:
    """Give the time-to-event records, as `time_to_event` does."""
    patients = assessments.patients
    follow_up = (
        assessments.trial.follow_up.reset_index().drop_duplicates("patient_id").set_index("patient_id")
    )
    follow_line = patients.index.to_series().map(follow_up["line"])
    parts = [_overall_survival(patients, follow_line)]
    scale = assessments.scale
    start = assessments.once(baseline)[f"baseline_{scale.column}"]
    later = assessments.later
    later = later.assign(baseline=later["patient_id"].map(start))
    category = assessments.categories(later["baseline"], later[scale.column])
    last = later.drop_duplicates("patient_id", keep="last").set_index("patient_id").reindex(patients.index)
    for parameter, wanted in (("deterioration", rules.DETERIORATED), ("improvement", rules.IMPROVED)):
        first = later[category == wanted].drop_duplicates("patient_id").set_index("patient_id")
        first = first.reindex(patients.index)
        rated = first["date"].notna() & ~(first["date"] > patients["death_date"])
        died = ~rated & patients["death_date"].notna()
        part = pd.DataFrame(index=patients.index)
        part["date"] = first["date"].where(rated, patients["death_date"].where(died, last["date"]))
        part["date"] = part["date"].fillna(patients["day_1"])
        part["event"] = np.where(rated, 1, np.where(died, 1 if parameter == "deterioration" else 2, 0))
        part["description"] = np.where(
            rated, f"first rating with {parameter}", np.where(died, "death", "last rating without it")
        )
        part["source_table"] = np.where(
            died, "follow_up", np.where(rated | last["date"].notna(), scale.table, "day 1")
        )
        part["source_column"] = np.where(died, "death_date", "date")
        part["source_line"] = np.where(
            rated, _numbers(first["line"]), np.where(died, _numbers(follow_line), _numbers(last["line"]))
        )
        parts.append(part[start.notna().to_numpy()].assign(parameter=parameter))
    frame = pd.concat(parts).reset_index(names="patient_id")
    frame["start_date"] = value_of(frame["patient_id"], patients["day_1"])
    frame["days"] = (frame["date"] - frame["start_date"]).dt.days.astype(int)
    frame["source_line"] = frame["source_line"].astype("Int64")
    order = ["patient_id", "parameter", "start_date", "date", "days", "event", "description"]
    return frame[[*order, "source_table", "source_column", "source_line"]]


def _numbers(lines: pd.Series) -> NDArray[np.float64]:
    return pd.to_numeric(lines).to_numpy(dtype=float)


def _overall_survival(patients: pd.DataFrame, follow_line: pd.Series) -> pd.DataFrame:
    dead = patients["death_date"].notna()
    part = pd.DataFrame(index=patients.index)
    part["date"] = patients["death_date"].where(dead, patients["last_contact_date"])
    part["event"] = dead.astype(int)
    part["description"] = np.where(dead, "death", "alive at last contact")
    part["source_table"] = "follow_up"
    part["source_column"] = np.where(dead, "death_date", "last_contact_date")
    part["source_line"] = _numbers(follow_line)
    return part[patients["in_follow_up"].to_numpy()].assign(parameter="overall_survival")

"""How long do the trial's patients live at which grade?

Input: a trial and its protocol.
Output: `MrsOccupancy`: probability of each grade, and of groups of grades, over the follow-up; days alive at
mRS 0-2, for each patient and in the mean.
Protocol section: visits, primary_rater.
Method: ratings and baseline from `visits`; Aalen-Johansen occupancy (`states`), a grade carried from one rating to the
next and to the last contact.
Next: `figures.survival`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.numerics.arguments import Checks
from pnstrial.results import Display, NotEstimable, Provenance, Result
from pnstrial.survival.competing.states import StateOccupancy, state_occupancy
from pnstrial.visits import Assessments, baseline
from pnstrial.vocabulary import shipped_scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import Scale

__all__ = ["MRS_GROUPS", "MrsOccupancy", "mrs_occupancy"]

MRS_GROUPS: Final[dict[str, tuple[int, ...]]] = shipped_scale().groups
"""Groups of grades: up to 2 a patient looks after own affairs without help (van Swieten, Stroke 1988;19:604)."""

MOST_STATES: Final = 32
"""Grades up to which each is a state; of a longer scale those that were rated."""
CHANGES: Final = ("rating", "midpoint")
_DAY: Final = np.timedelta64(1, "D")
_SAME_DAY: Final = 0.5


@dataclass(frozen=True, eq=False)
class MrsOccupancy(Result):
    """Occupancy of the grades of a scale over the follow-up.

    Attributes
    ----------
    grades : StateOccupancy or NotEstimable
        States are units of the scale (0 to 6 of the mRS), times in days from day 1. NotEstimable where no patient has
        a grade and a time after it.
    groups : StateOccupancy or NotEstimable
        The same, grades added up to groups.
    group : str
        The group whose days are counted: the first one.
    estimate, std_error : float or NotEstimable
        Mean days in that group up to `horizon`. The error is NotEstimable with one patient, both where observation
        ends before the horizon.
    ci : tuple of float or NotEstimable
        Of `conf_type`; the normal ones are NotEstimable where all patients spent the same time in the group.
    bootstrap_ci : tuple of float or NotEstimable or None
        Percentile interval; None where no bootstrap was asked for.
    horizon, until : float
        Days from day 1: up to which days are counted, and up to which the curves go.
    visits : dict of str to float
        Target days of the protocol's visits that count from day 1, in days from it, up to `until`.
    days : pandas.DataFrame
        The mean days of every group, as `StateOccupancy.time_in_state`; empty where not estimable.
    patients : pandas.DataFrame
        One row per patient counted: patient_id, entry, end (days from day 1 under observation, up to the horizon),
        status ("observed to horizon", "dead", "censored"), and days in each group up to the horizon; days after a
        death belong to the group of death, days after a censoring to none.
    n : int
    excluded : pandas.DataFrame
        patient_id, reason: enrolled patients without a history.
    change_at : str
    level : float
    provenance : Provenance
    scale : Scale
    conf_type : str
    """

    grades: StateOccupancy | NotEstimable
    groups: StateOccupancy | NotEstimable
    group: str
    estimate: float | NotEstimable
    std_error: float | NotEstimable
    ci: tuple[float, float] | NotEstimable
    bootstrap_ci: tuple[float, float] | NotEstimable | None
    horizon: float
    until: float
    visits: dict[str, float]
    days: pd.DataFrame
    patients: pd.DataFrame
    n: int
    excluded: pd.DataFrame
    change_at: str
    level: float
    provenance: Provenance
    scale: Scale = field(repr=False)
    conf_type: str = "beta-product"

    def to_frame(self) -> pd.DataFrame:
        """Return the mean days in every group.

        Returns
        -------
        pandas.DataFrame
            group and the columns of `StateOccupancy.time_in_state`.
        """
        return self.days.copy()

    @property
    def staying(self) -> str:
        """Where the days are counted, in words: "at mRS 0-2", or "alive"."""
        return self.group if self.group in {"alive", "dead"} else f"at {self.group}"

    def _display(self) -> Display:
        head = f"Days {self.staying} in the first {self.horizon:g} days, {self.n} patients"
        if isinstance(self.estimate, NotEstimable):
            return Display(f"{head}: {self.estimate}")
        words = f"{head}: {self.estimate:.1f}"
        if isinstance(self.ci, tuple):
            words += f" ({100 * self.level:g} % interval {self.ci[0]:.1f} to {self.ci[1]:.1f})"
        else:
            words += f" (interval {self.ci})"
        return Display(words)


def mrs_occupancy(
    trial: TrialData,
    protocol: Protocol,
    *,
    scale: str | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
    until: float | None = None,
    horizon: float | None = None,
    change_at: str = "rating",
    variance: str = "jackknife",
    conf_type: str = "beta-product",
    level: float = 0.95,
    draws: int = 0,
    seed: int | np.random.Generator = 1,
) -> MrsOccupancy:
    """Estimate how the enrolled patients are spread over the grades, day by day, and their days at mRS 0-2.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    scale : str, optional
        A scale of the protocol with known grades; that of the primary endpoint by default.
    groups : mapping of str to sequence of int, optional
        Units of the scale (grades 0 to 6 of the mRS) in groups, each in one. The days of the first group are the
        estimate. Default `Scale.groups`: mRS 0-2, mRS 3-5, dead; of a scale without a `cut` alive and dead.
    until : float, optional
        Days from day 1 up to which the curves go. Default: the latest day on which any patient was rated, or the
        end of the last visit's window from day 1 if that is later.
    horizon : float, optional
        Days from day 1 up to which days are counted; at most `until`. Default: the target day of the last visit from
        day 1, else `until`.
    change_at : {"rating", "midpoint"}
        When a change between two ratings counts as having happened: on the day of the rating that shows it, or half
        way since the one before.
    variance : {"jackknife", "greenwood", "aalen"}
        As in `state_occupancy`.
    conf_type : str, default "beta-product"
        As in `state_occupancy`; the default holds what it promises with 17 patients, the normal limits of "log-log",
        "plain", "log" and "logit" cover 40 to 90 % for the days.
    level : float, default 0.95
    draws : int, default 0
        Bootstrap samples of patients for percentile intervals.
    seed : int or numpy.random.Generator, default 1
        Of the bootstrap.

    Returns
    -------
    MrsOccupancy

    Raises
    ------
    ValueError
        If the protocol has no such scale, the groups do not hold each grade once, or an argument is outside what is
        possible.

    Notes
    -----
    A history starts on day 1 (time 0) with the baseline mRS; a patient without one enters at the first rating after
    day 1 (late entry). Death is mRS 6 on its date, a death on day 1 half a day after its start. A survivor is
    observed up to the last contact (the last rating, if that is later or there is no contact), then censored.

    Grades are seen at visits only. Between two ratings the first one is carried forward, and the last one up to the
    last contact or the death: a grade that came and went between two visits is not seen, a change is dated late by up
    to the time between two ratings, and days at a better grade after an improvement are undercounted as days before a
    worsening are overcounted. `change_at="midpoint"` shows how much that matters. Death is dated exactly, so that
    nothing of this touches its curve. The intervals do not know of it: they are about the patients sampled, not about
    what happened between their visits. `pnstrial.multistate` fits a process that does.

    Rescue and the end of treatment change nothing (treatment policy). Censoring must not depend on the grade, beyond
    what the grades so far tell.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> print(mrs_occupancy(pns.read_trial(folder), pns.load_protocol("nct02343211")))
    Days at mRS 0-2 in the first 168 days, 18 patients: 75.4 (95 % interval 39.5 to 114.1)
    """
    checks = Checks("mrs_occupancy")
    if groups is not None:
        checks.mapping("groups", groups)
    for name, value in (("until", until), ("horizon", horizon)):
        if value is not None:
            checks.positive(name, value)
    checks.done()
    assessments = Assessments(trial, protocol).on_scale(scale)
    protocol, rated_on = assessments.protocol, assessments.scale
    wanted = groups or rated_on.groups
    named = {name: tuple(int(grade) for grade in grades) for name, grades in wanted.items()}
    _check_groups(named, rated_on)
    if change_at not in CHANGES:
        raise ValueError(f"change_at must be one of {', '.join(map(repr, CHANGES))}; got {change_at!r}")
    planned = [visit for visit in protocol.visits if not visit.anchored]
    later = assessments.later
    if until is None:
        rated = float(later["day"].max()) - 1.0 if len(later) else 0.0
        until = max(rated, planned[-1].last_day - 1.0 if planned else 1.0)
    if horizon is None:
        horizon = min(planned[-1].target_day - 1.0 if planned else until, until)
    if not 0 < horizon <= until < np.inf:
        raise ValueError(
            f"horizon and until must be 0 < horizon <= until, got {horizon:g} and {until:g} days"
        )
    seen, excluded = _histories(assessments, until, change_at)
    provenance = Provenance(
        protocol.id, protocol.version, seed=seed if draws and isinstance(seed, int) else None
    )
    first = next(iter(named))
    shared: dict[str, Any] = {
        "group": first, "horizon": float(horizon), "until": float(until), "excluded": excluded,
        "visits": {v.name: v.target_day - 1.0 for v in planned if v.target_day - 1.0 <= until},
        "change_at": change_at, "level": level, "provenance": provenance, "scale": rated_on,
        "conf_type": conf_type,
    }  # fmt: skip
    if seen.empty or (seen["time"] > 0).sum() == 0 or not (seen["time"] == 0).any():
        why = f"no enrolled patient has a baseline {rated_on.name} and a time after it" if seen.empty else (
            f"no patient with a history has a baseline {rated_on.name}"
        )  # fmt: skip
        reason = NotEstimable(why)
        return MrsOccupancy(
            grades=reason, groups=reason, estimate=reason, std_error=reason, ci=reason,
            bootstrap_ci=reason if draws else None, days=pd.DataFrame(columns=["group", "estimate"]),
            patients=_patients(seen, named, horizon, rated_on.dead), n=0, **shared,
        )  # fmt: skip
    states = [*rated_on.units, rated_on.dead]
    if len(states) > MOST_STATES:
        states = sorted({*seen["state"], rated_on.dead})
        named = {name: tuple(unit for unit in part if unit in states) for name, part in named.items()}
        named = {name: part for name, part in named.items() if part}
    grades = state_occupancy(
        seen, states=states, start=0.0, absorbing=(rated_on.dead,), variance=variance, conf_type=conf_type,
        level=level, unit="days", draws=draws, seed=seed,
    )  # fmt: skip
    grouped = grades.group(named)
    return MrsOccupancy(
        grades=grades,
        groups=grouped,
        patients=_patients(seen, named, horizon, rated_on.dead),
        n=grades.n,
        **_days(grouped, first, horizon, draws),
        **shared,
    )


def _check_groups(groups: dict[str, tuple[int, ...]], scale: Scale) -> None:
    given = sorted(grade for grades in groups.values() for grade in grades)
    if given != [*scale.units, scale.dead]:
        raise ValueError(f"groups must hold each grade from 0 to {scale.dead} once, got {groups}")


def _days(grouped: StateOccupancy, first: str, horizon: float, draws: int) -> dict[str, Any]:
    """Give the mean days, or why there are none."""
    try:
        days = grouped.time_in_state(horizon).rename(columns={"state": "group"})
    except ValueError:
        reason = NotEstimable(
            f"observation of all survivors ends by {float(grouped.time[-1]):g} days, before the {horizon:g} asked for"
        )
        return {
            "days": pd.DataFrame(columns=["group", "estimate"]), "estimate": reason, "std_error": reason, "ci": reason,
            "bootstrap_ci": reason if draws else None,
        }  # fmt: skip
    own: dict[Any, Any] = days[days["group"] == first].iloc[0].to_dict()
    ci: tuple[float, float] | NotEstimable = (float(own["lower"]), float(own["upper"]))
    error: float | NotEstimable = float(own["std_error"])
    if grouped.n < 2:
        error = NotEstimable("one patient has no spread")
    if own["reason"] is not None:
        ci = NotEstimable(str(own["reason"]).rpartition(": ")[2])
    resampled: tuple[float, float] | NotEstimable | None = None
    if draws:
        both = grouped.bootstrap_lower
        resampled = (
            both
            if isinstance(both, NotEstimable)
            else (float(own["bootstrap_lower"]), float(own["bootstrap_upper"]))
        )
    return {
        "days": days,
        "estimate": float(own["estimate"]),
        "std_error": error,
        "ci": ci,
        "bootstrap_ci": resampled,
    }


def _histories(assessments: Assessments, until: float, change_at: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the states seen, patient by patient, and who has no history."""
    patients = assessments.patients
    who = patients.index.to_series()

    def days(column: str) -> pd.Series:
        return pd.Series(
            (patients[column].to_numpy() - patients["day_1"].to_numpy()) / _DAY, index=patients.index
        )

    later = assessments.later
    rated = pd.DataFrame(
        {
            "patient_id": later["patient_id"].to_numpy(dtype=object),
            "time": later["day"].to_numpy(dtype=float) - 1.0,
            "state": later["unit"].to_numpy(dtype=float),
        }
    )
    scale = assessments.scale
    units = scale.to_units(baseline(assessments)[f"baseline_{scale.column}"])
    start = pd.Series(units, patients.index, dtype=float).where(units >= 0)
    begun = pd.DataFrame({"patient_id": who, "time": 0.0, "state": start.to_numpy(dtype=float)}).dropna()
    died = days("death_date")
    dead = pd.DataFrame(
        {"patient_id": who, "time": died.where(died != 0, _SAME_DAY), "state": float(scale.dead)}
    )
    dead = dead.dropna()
    death = dead.set_index("patient_id")["time"]
    graded = pd.concat([begun, rated], ignore_index=True)
    graded = graded[~(graded["time"] >= graded["patient_id"].map(death).fillna(np.inf))]
    rows = pd.concat([graded, dead[dead["patient_id"].isin(graded["patient_id"])]], ignore_index=True)
    place = {patient: position for position, patient in enumerate(who)}
    rows["place"] = rows["patient_id"].map(place)
    rows = rows.sort_values(["place", "time"], kind="stable").reset_index(drop=True)
    if change_at == "midpoint":
        before = rows.groupby("patient_id", sort=False)[["time", "state"]].shift()
        moved = before["state"].notna() & (before["state"] != rows["state"]) & (rows["state"] != scale.dead)
        rows["time"] = rows["time"].where(~moved, (rows["time"] + before["time"]) / 2.0)
    rows = rows[rows["time"] <= until]
    final = rows.drop_duplicates("patient_id", keep="last").set_index("patient_id")
    end = (
        pd.concat([days("last_contact_date"), final["time"].reindex(who)], axis=1)
        .max(axis=1)
        .clip(upper=until)
    )
    # A death after the last day drawn leaves a survivor of that day.
    end = end.mask(died > until, until)
    end = end.reindex(final.index)
    open_end = (final["state"] != scale.dead) & (end > final["time"])
    closing = final[open_end].assign(time=end[open_end])[["time", "state", "place"]].reset_index()
    rows = pd.concat([rows, closing], ignore_index=True).sort_values(["place", "time"], kind="stable")
    size = rows.groupby("patient_id")["time"].transform("size")
    rows = rows[size > 1].drop(columns="place").reset_index(drop=True)
    rows["state"] = rows["state"].astype(int)
    return rows, _excluded(who, rows, start, died, scale.name)


def _excluded(
    who: pd.Series, rows: pd.DataFrame, start: pd.Series, died: pd.Series, scale: str
) -> pd.DataFrame:
    missing = who[~who.isin(rows["patient_id"])]
    reasons: list[str] = []
    for patient in missing:
        if died[patient] < 0:
            reasons.append("died before day 1")
        elif pd.isna(start[patient]):
            reasons.append(f"no {scale} before the end of follow-up")
        else:
            reasons.append("nothing known after the baseline")
    return pd.DataFrame({"patient_id": list(missing), "reason": reasons})


def _patients(
    seen: pd.DataFrame, groups: dict[str, tuple[int, ...]], horizon: float, dead_unit: int
) -> pd.DataFrame:
    """Count each patient's days in each group up to the horizon."""
    columns = ["patient_id", "entry", "end", "status", *groups]
    if seen.empty:
        return pd.DataFrame(columns=columns)
    by_patient = seen.groupby("patient_id", sort=False)
    until = by_patient["time"].shift(-1)
    # After a death time goes on, after a censoring it does not.
    until = until.fillna(seen["time"].where(seen["state"] != dead_unit, np.inf)).clip(upper=horizon)
    spent = (until - seen["time"]).clip(lower=0.0)
    last = seen.drop_duplicates("patient_id", keep="last")
    ends = last["time"].to_numpy(dtype=float)
    dead = (last["state"] == dead_unit).to_numpy() & (ends <= horizon)
    status = np.where(dead, "dead", np.where(ends >= horizon, "observed to horizon", "censored"))
    frame = pd.DataFrame(
        {
            "patient_id": last["patient_id"].to_numpy(dtype=object),
            "entry": by_patient["time"].first().to_numpy(dtype=float),
            "end": np.minimum(ends, horizon),
            "status": status,
        }
    )
    for name, grades in groups.items():
        own = spent.where(seen["state"].isin(grades), 0.0).groupby(seen["patient_id"], sort=False).sum()
        frame[name] = own.to_numpy(dtype=float)
    return frame[columns]

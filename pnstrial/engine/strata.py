"""Who is enrolled, and with which rates?

Input: `Protocol` and `Scenario`.
Output: strata of patients with the same rates, the probability of everything that can happen to a screened patient.
Protocol section: criteria.
Method: products of shares; the disease between screening and day 1 by matrix exponentials, if it does not stand still.
Next: `model`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from pnstrial.engine.scales.derived import (
    allowed_scores,
    criteria_on_scales,
    derived_scales,
    limits_in_words,
    scale_of,
)
from pnstrial.engine.scenario import ScenarioError
from pnstrial.multistate import generator, transition_probabilities
from pnstrial.numerics.time_units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol

__all__ = [
    "DIED", "Stratum", "allowed_antibodies", "allowed_grades", "arm_generators", "classes", "entry_cells",
    "switch_rates", "switches",
]  # fmt: skip

DIED: Final = "died before day 1"
"""In the place of a criterion: the patient passed all, and was not enrolled."""
_FAR: Final = 1e18


@dataclass(frozen=True)
class Stratum:
    """Patients with the same rates.

    Parameters
    ----------
    antibody : str or None
        None: a false positive test.
    tumour_treatment : bool
        Whether the tumour is treated on day 1.
    onset_months : float
        Months since onset on day 1.
    share : float
        Of the patients who pass all criteria but those on the mRS.
    group : str
        Class of patients, where the course has some.
    ratios : ndarray
        Ratios of the group, to improve, to worsen and to die.
    damaged : bool
        Whether there is damage on day 1 that is not undone.
    """

    antibody: str | None
    tumour_treatment: bool
    onset_months: float
    share: float
    group: str
    ratios: NDArray[np.float64]
    damaged: bool


def entry_cells(
    protocol: Protocol, scenario: Scenario
) -> tuple[tuple[Stratum, ...], NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """List what can happen to a screened patient, with its probability."""
    base, k = scenario.baseline, scenario.grades
    positive = _carriers(protocol, scenario)
    carried = sum(share for _, share in positive)
    onset_limit = min((c.within_months for c in protocol.criteria if c.kind == "onset"), default=math.inf)
    early = sum(onset.share for onset in base.onset if onset.months <= onset_limit)
    lost = 0.0 if scenario.course.damage is None else scenario.course.damage.share
    strata = tuple(
        Stratum(
            antibody, tumour, onset.months,
            share * treated * onset.share * of_group * of_damage / (carried * early), group, ratios, damaged,
        )
        for (antibody, share), (tumour, treated), onset, (group, of_group, ratios), (damaged, of_damage) in product(
            [pair for pair in positive if pair[1] > 0] if carried > 0 else [],
            [(t, p) for t, p in ((True, base.tumour_treatment), (False, 1 - base.tumour_treatment)) if p > 0],
            base.onset,
            scenario.course.groups(),
            [(d, p) for d, p in ((False, 1 - lost), (True, lost)) if p > 0],
        )
        if onset.share > 0 and onset.months <= onset_limit and of_group > 0
    )  # fmt: skip
    failures = {name: share for name, share in scenario.enrolment.failures.items() if share > 0}
    # who fails by himself: for his antibody, the time since onset, his rating
    failed = list(failures)
    passing = 1 - sum(failures.values())
    cells: list[tuple[float, tuple[int, int, int, int, int, int]]] = [
        (share, (1 + c, 0, 0, -1, 0, -1)) for c, share in enumerate(failures.values())
    ]
    for kind, share in (("antibody", carried), ("onset", early)):
        if share < 1 and (identifier := next((c.id for c in protocol.criteria if c.kind == kind), None)):
            failed.append(identifier)
            cells.append((passing * (1 - share), (len(failed), 0, 0, -1, 0, -1)))
            passing *= share
    on_scales = criteria_on_scales(protocol)
    first = 1 + len(failed)
    failed += [c.id for c in on_scales]
    begins = _before_day_1(scenario, strata)
    if begins:
        failed.append(DIED)
    for share, by, g, r in _rated(protocol, scenario):
        if by >= 0:
            cells.append((passing * share, (first + by, 0, g, r, g, -1)))
        elif not begins:
            cells += [
                (passing * share * stratum.share, (0, s, g, r, g, -1)) for s, stratum in enumerate(strata)
            ]
        else:
            cells += [
                (passing * share * stratum.share * p, (len(failed) if b == k else 0, s, g, r, b, lag))
                for s, stratum in enumerate(strata)
                for lag, P in begins[s].items()
                for b, p in enumerate(P[g] / len(begins[s]))
            ]
    cells = [cell for cell in cells if cell[0] > 0]
    if sum(p for p, code in cells if code[0] == 0) < 1e-3:
        limits = [f"{scale_of(c)} {limits_in_words(c)}" for c in on_scales]
        raise ScenarioError(
            f"scenario {scenario.id}: fewer than 1 in 1000 screened patients could be enrolled; look at"
            f" enrolment.failures, antibody_test, baseline.antibody, baseline.onset and the grades of baseline (the"
            f" protocol allows {', '.join([_names_allowed(protocol), *limits])})"
        )
    probabilities = np.array([p for p, _ in cells])
    return (
        strata,
        probabilities / probabilities.sum(),
        np.array([code for _, code in cells], np.int64),
        tuple(failed),
    )


def _rated(protocol: Protocol, scenario: Scenario) -> Iterator[tuple[float, int, int, int]]:
    """Give what is scored at screening: share, which criterion on a score fails first (-1: none), grade and rating."""
    base, k = scenario.baseline, scenario.grades
    kernel = scenario.rating.error(k).kernel
    scores = np.array(protocol.scale().scores)
    criteria = criteria_on_scales(protocol) if scenario.enrolment.select_on_rating else ()
    lets_in = np.ones((len(criteria), k), bool)
    for position, criterion in enumerate(criteria):
        if scale_of(criterion) == protocol.endpoint.scale:
            lets_in[position] = allowed_scores(criterion, scores)
    others = _screened_apart(protocol, scenario)
    for g, r in product(range(k), range(k)):
        share = base.true_grades[g] * kernel[g, r]
        if not criteria:
            yield share, -1, g, r
            continue
        for passed, chance in others[g].items():
            by = np.flatnonzero(~(lets_in[:, r] & np.array(passed)))
            yield share * chance, int(by[0]) if by.size else -1, g, r


def _screened_apart(protocol: Protocol, scenario: Scenario) -> list[dict[tuple[bool, ...], float]]:
    """Give which criteria the scores of the other scales pass at screening, with the chance, by true grade."""
    criteria = criteria_on_scales(protocol)
    found: list[dict[tuple[bool, ...], float]] = [
        {(True,) * len(criteria): 1.0} for _ in range(scenario.grades)
    ]
    for derived, scale in derived_scales(protocol, scenario):
        mine = [position for position, c in enumerate(criteria) if scale_of(c) == derived.name]
        if not mine:
            continue
        scores, shares = derived.scores(scale, scenario.grades), derived.shares(scale, scenario.grades)
        passes = np.ones((scores.size, len(criteria)), bool)
        for position in mine:
            passes[:, position] = allowed_scores(criteria[position], scores)
        for g, before in enumerate(found):
            now: dict[tuple[bool, ...], float] = {}
            for (passed, chance), row, share in (
                (item, row, share)
                for item in before.items()
                for row, share in zip(passes, shares[g], strict=True)
            ):
                both = tuple(bool(a and b) for a, b in zip(passed, row, strict=True))
                now[both] = now.get(both, 0.0) + chance * float(share)
            found[g] = now
    return found


def _before_day_1(scenario: Scenario, strata: tuple[Stratum, ...]) -> list[dict[int, NDArray[np.float64]]]:
    """Give what the disease does between screening and day 1, by stratum and days between; empty if it stands still."""
    if not scenario.enrolment.course_before_day_1:
        return []
    low, high = (int(day) for day in scenario.enrolment.day_1_lag_days)
    generators = [
        generator(
            scenario.course, antibody=s.antibody, tumour_treatment=s.tumour_treatment, damaged=s.damaged,
            ratios=s.ratios,            months_since_onset=max(0.0, s.onset_months - high / DAYS_PER_MONTH),
        )
        for s in strata
    ]  # fmt: skip
    return [
        {lag: transition_probabilities(Q, lag / DAYS_PER_MONTH) for lag in range(low, high + 1)}
        for Q in generators
    ]


def _names_allowed(protocol: Protocol) -> str:
    names = [set(c.any_of) for c in protocol.criteria if c.kind == "antibody"]
    return ", ".join(sorted(set.intersection(*names))) if names else "any antibody"


def _carriers(protocol: Protocol, scenario: Scenario) -> list[tuple[str | None, float]]:
    """Share of the screened who pass the antibody criteria, by antibody (None: none of the scenario's)."""
    test, base = scenario.enrolment.antibody_test, scenario.baseline
    found: list[tuple[str | None, float]]
    if not any(c.kind == "antibody" for c in protocol.criteria):
        found = [(name, test.positive_share * share) for name, share in base.antibody.items()]
        return [*found, (None, 1 - test.positive_share)]
    allowed = allowed_antibodies(protocol, scenario)
    found = [
        (name, test.positive_share * share * test.sensitivity)
        for name, share in base.antibody.items()
        if name in allowed
    ]
    return [*found, (None, (1 - test.positive_share) * (1 - test.specificity) if allowed else 0.0)]


def allowed_antibodies(protocol: Protocol, scenario: Scenario) -> tuple[str, ...]:
    """Give the antibodies of a scenario's patients with which they may enter.

    Returns
    -------
    tuple of str
        In the order of the scenario.
    """
    criteria = [c for c in protocol.criteria if c.kind == "antibody"]
    return tuple(name for name in scenario.baseline.antibody if all(name in c.any_of for c in criteria))


def allowed_grades(protocol: Protocol) -> tuple[int, int]:
    """Read from the criteria which grades of the endpoint's scale may enter.

    Returns
    -------
    tuple of int
        Best and worst grade, counted from the best one of the scale.
    """
    scores = np.array(protocol.scale().scores)
    own = [c for c in criteria_on_scales(protocol) if scale_of(c) == protocol.endpoint.scale]
    fits = np.flatnonzero(
        np.all([np.ones(scores.size, bool), *(allowed_scores(c, scores) for c in own)], axis=0)
    )
    return (int(fits[0]), int(fits[-1])) if fits.size else (0, scores.size - 1)


def arm_generators(
    scenario: Scenario, strata: tuple[Stratum, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the rates per day by stratum, band of time since onset and arm, and the day on which each band ends.

    An arm is 0 while IVIg acts and 1 without it; where rates switch, plus 2 after rescue, 4 where tumour treatment has
    begun, 8 with damage that is not undone.
    """
    bands = scenario.course.changes_at()
    periods = len(bands) + 1
    arms = np.arange(16 if switches(scenario) else 2)
    size = scenario.grades + 1
    matrices = np.zeros((len(strata), periods, arms.size, size, size))
    changes = np.full((len(strata), periods), _FAR)
    for s, stratum in enumerate(strata):
        later = [start for start in bands if start > stratum.onset_months]
        for j, since in enumerate([stratum.onset_months, *later]):
            matrices[s, j] = generator(
                scenario.course, on_ivig=arms & 1 == 0, antibody=stratum.antibody, rescued=arms & 2 > 0,
                tumour_treatment=stratum.tumour_treatment | (arms & 4 > 0), damaged=stratum.damaged | (arms & 8 > 0),
                months_since_onset=since, ratios=stratum.ratios,
            )  # fmt: skip
        for j, start in enumerate(later):
            changes[s, j] = (start - stratum.onset_months) * DAYS_PER_MONTH
    return matrices / DAYS_PER_MONTH, changes


def switches(scenario: Scenario) -> bool:
    """Say whether rates change with rescue, tumour treatment that begins, or damage that comes."""
    course, rescue = scenario.course, scenario.rescue
    rescued = rescue.per_month + rescue.after_discontinuation + rescue.after_worse_rating > 0
    return (
        (rescued and bool((course.rescue.as_array() != 1).any()))
        or (scenario.baseline.tumour_treatment_per_month > 0 and scenario.baseline.tumour_treatment < 1)
        or (course.damage is not None and course.damage.per_month > 0)
    )


def switch_rates(scenario: Scenario, strata: tuple[Stratum, ...]) -> NDArray[np.float64]:
    """Give the rates per day of beginning tumour treatment and of damage, by stratum."""
    tumour = scenario.baseline.tumour_treatment_per_month
    damage = 0.0 if scenario.course.damage is None else scenario.course.damage.per_month
    found = [(0.0 if s.tumour_treatment else tumour, 0.0 if s.damaged else damage) for s in strata]
    return np.array(found) / DAYS_PER_MONTH


def classes(
    generators: NDArray[np.float64], changes: NDArray[np.float64], starts: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put strata with the same rates at all times together.

    Parameters
    ----------
    generators, changes, starts : ndarray
        As in `Model`.

    Returns
    -------
    ndarray of int64, shape (strata,)
        Class of each stratum.
    ndarray of int64, shape (classes,)
        First stratum of each class.
    """
    flat = np.concatenate([generators.reshape(len(generators), -1), changes, starts], axis=1)
    differs = (flat != flat[0]).any(axis=0)
    differs[0] = True
    _, first, alike = np.unique(flat[:, differs], axis=0, return_index=True, return_inverse=True)
    return alike.ravel().astype(np.int64), first.astype(np.int64)

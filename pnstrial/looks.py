"""What does a design with looks do when outcomes come months after enrolment?

Input: a protocol, a scenario, a design of `pnstrial.design`, where accrual pauses, a safety rule.
Output: `LooksResult`: what is decided, when, on how many patients, and how many more were enrolled by then.
Protocol section: design, endpoint.
Method: the simulated course of `simulate_trials`, with the looks laid over its calendar (`engine.looks`); the exact
answer of the design at the exact response beside it, where delay and safety cannot change what is decided.
Next: `questions`.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd

from pnstrial.engine.blocks import progress_bar
from pnstrial.engine.exact.answers import exact_characteristics
from pnstrial.engine.looks.boundaries import boundaries_of
from pnstrial.engine.looks.calendar import EVENTS, NAMES, LooksRule
from pnstrial.numerics.arguments import Checks
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import Display, Provenance, Result
from pnstrial.simulate import simulate_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from pnstrial.design import SafetyRule
    from pnstrial.engine.looks.boundaries import Boundaries
    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol

__all__ = ["LooksResult", "simulate_looks"]

_WORDS: Final = {
    "design_success": "success", "design_futility": "futility", "design_safety_stop": "safety_stop",
    "design_stopped_early": "stopped_early", "design_look": "look", "design_decided_on": "decided_on",
    "design_enrolled": "enrolled", "design_overrun": "overrun", "design_responders": "responders",
    "design_responders_with_overrun": "responders_with_overrun", "design_events": "events",
    "design_months": "months",
}  # fmt: skip
_MOST: Final = 1000


@dataclass(frozen=True)
class LooksResult(Result):
    """What a design with looks did.

    Parameters
    ----------
    scenario : str
    design : str
        The design in one sentence.
    n_trials : int
    n_patients : int
        Patients if no look stops the trial.
    pauses : tuple of int
        Numbers of patients after which accrual waits for the look.
    table : pandas.DataFrame
        quantity, estimate, std_error, lower, upper (95 % Monte Carlo interval), exact (nan where there is no exact
        answer). ``success``, ``futility``, ``safety_stop`` and ``stopped_early`` are shares of trials; ``look`` (at
        which it ended; 0 where safety stopped it), ``decided_on`` (patients whose outcomes decided), ``enrolled``,
        ``overrun`` (enrolled besides them), ``responders`` (of those decided on), ``responders_with_overrun``,
        ``events`` and ``months`` (to the decision) are means.
    trials : pandas.DataFrame or None
        One row a trial, under the same names.
    provenance : Provenance
    """

    scenario: str
    design: str
    n_trials: int
    n_patients: int
    pauses: tuple[int, ...]
    table: pd.DataFrame = field(repr=False)
    trials: pd.DataFrame | None = field(repr=False, compare=False)
    provenance: Provenance = field(repr=False)

    def __getitem__(self, quantity: str) -> float:
        """Give the estimate of a quantity."""
        found = self.table.set_index("quantity")["estimate"]
        if quantity not in found.index:
            raise KeyError(f"{quantity} is not here; quantities are {', '.join(found.index)}")
        return float(cast("float", found[quantity]))

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of `table`."""
        return self.table.copy()

    def _display(self) -> Display:
        pause = f"accrual pauses after {', '.join(map(str, self.pauses))}" if self.pauses else "no pause"
        pairs = (("scenario", self.scenario), ("trials", self.n_trials), ("accrual", pause))
        return Display(self.design, pairs, self.table)


def simulate_looks(
    protocol: Protocol,
    scenario: Scenario,
    design: Any,
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    pause: bool | Sequence[int] = False,
    safety: SafetyRule | None = None,
    event: str | Callable[[Any], Any] = "death",
    executor: Executor | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
    trials: bool = False,
) -> LooksResult:
    """Run a design of `pnstrial.design` on the simulated course, its outcomes delayed to the visit.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
        Its size and success rule give way to the design.
    design : object
        One stage, two stages, sequential, curtailed, Thall-Simon, predictive, BOP2 (binary or ordinal), adaptive or
        Bryant-Day. A patient without a counted response, the estimand's exclusions included, is no responder; the
        ordinal design counts those rated improved, and improved or stable, at the endpoint visit.
    n_trials, seed : int
    pause : bool or sequence of int
        Whether accrual pauses at every look until its outcomes are known, or after which numbers of patients.
    safety : SafetyRule, optional
        Runs beside the design and stops the trial on the day on which its events are reached.
    event : {"death", "stopped", "harm"} or callable
        What the safety rule, and Bryant-Day's toxicity, count up to the end of the endpoint visit's window: death,
        the stop of treatment for an adverse event, thrombosis or haemolysis ("harm"), or a function of the `Patients`
        that gives each one's day from his day 1 (-1 without an event).
    executor, workers, progress
        As in `simulate_trials`.
    trials : bool
        Whether to keep one row a trial.

    Returns
    -------
    LooksResult

    Raises
    ------
    ValueError
        If an argument breaks its rule, or protocol and scenario do not fit.
    TypeError
        If `design` is none.

    Notes
    -----
    A look takes place on the day on which the first patients of the design, in the order of enrolment, all have an
    outcome: their rating in the window, their death, or the end of the window. Those who were enrolled in the
    meantime are the overrun. What is decided is therefore what the design decides without delay, and its exact
    characteristics at the exact response hold; only a safety stop can come in between.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol, scenario = pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain")
    >>> design = pns.design.two_stage(0, 9, 2, 17, 0.05, 0.25)
    >>> waits, goes_on = (simulate_looks(protocol, scenario, design, 500, pause=pause) for pause in (True, False))
    >>> waits["overrun"] == 0 < goes_on["overrun"], waits["success"] == goes_on["success"]
    (True, True)
    >>> goes_on["months"] < waits["months"]
    True
    """
    check_signature(simulate_looks, locals())
    n_trials, seed = int(n_trials), int(seed)
    boundaries = boundaries_of("simulate_looks", design)
    n = boundaries.sizes[-1]
    pauses = _checked(boundaries, n, pause, safety, event)
    sized = scenario.changed(enrolment={"target": n}, success={"rule": "exact test"})
    names = [visit.name for visit in protocol.visits]
    places = tuple(sorted({names.index(part.visit) for part in protocol.endpoint.parts()}))
    counts = () if safety is None else safety.stop_at
    rule = LooksRule(
        boundaries, names.index(protocol.endpoint.visit), places, pauses, event,
        tuple((size, count) for size, count in zip(safety.looks if safety else (), counts, strict=True) if count),
    )  # fmt: skip
    show = progress_bar(sys.stderr) if progress is True else progress or None
    result = simulate_trials(
        protocol, sized, n_trials, seed, executor=executor, workers=workers, progress=show, quantities="primary",
        trials=trials, rule=rule,
    )  # fmt: skip
    exact = _exact(boundaries, protocol, sized, safety)
    rows: list[dict[str, Any]] = []
    for name in NAMES:
        found = result[name]
        low, high = found.interval if isinstance(found.interval, tuple) else (math.nan, math.nan)
        rows.append(
            {
                "quantity": _WORDS[name], "estimate": found.estimate, "std_error": found.std_error, "lower": low,
                "upper": high, "exact": exact.get(_WORDS[name], math.nan),
            }
        )  # fmt: skip
    kept = result.trials
    return LooksResult(
        scenario=scenario.id, design=design.sentence(), n_trials=n_trials, n_patients=n, pauses=pauses,
        table=pd.DataFrame(rows), provenance=Provenance(protocol.id, protocol.version, seed),
        trials=kept[["trial", *NAMES]].rename(columns=_WORDS) if isinstance(kept, pd.DataFrame) else None,
    )  # fmt: skip


def _checked(
    boundaries: Boundaries, n: int, pause: bool | Sequence[int], safety: SafetyRule | None, event: object
) -> tuple[int, ...]:
    """Check the arguments; give after how many patients accrual pauses."""
    checks = Checks("simulate_looks")
    checks.add(n > _MOST, f"design has {n} patients; up to {_MOST} can be simulated")
    early = boundaries.sizes[:-1]
    pauses = (early if pause else ()) if isinstance(pause, bool) else tuple(pause)
    checks.add(
        not set(pauses) <= set(early),
        f"pause = {list(pauses)} must be looks of the design before its last: {', '.join(map(str, early)) or 'none'}",
    )
    checks.add(
        safety is not None and safety.looks[-1] > n,
        f"safety looks at up to {safety.looks[-1] if safety else 0} patients, the design has {n}",
    )
    checks.add(
        not callable(event) and event not in EVENTS,
        f"event = {event!r} must be one of {', '.join(EVENTS)}, or a function of the patients",
    )
    checks.done()
    return tuple(sorted(set(pauses)))


def _exact(
    boundaries: Boundaries, protocol: Protocol, scenario: Scenario, safety: SafetyRule | None
) -> dict[str, float]:
    """Give what the design does at the exact probabilities of one patient."""
    if safety is not None:
        return {}
    answers = exact_characteristics(protocol, scenario).answers
    n = scenario.enrolment.target
    patient = {name: answers[name] for name in ("improved", "stable") if name in answers}
    if "responders" in answers:
        patient["response"] = answers["responders"] / n
    found = boundaries.exact(patient)
    return {} if found is None else {"success": found[0], "decided_on": found[1]}

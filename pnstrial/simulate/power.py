"""How does the chance of success grow with the true rate of improvement?

Input: `Protocol`, `Scenario`, factors on the rates to improve.
Output: `PowerCurve`: per factor the true response, the simulated probability of success and the exact one.
Protocol section: endpoint.
Method: the rates to improve of the course are multiplied; everything else stays.
Next: `figures.simulation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pnstrial.results import Provenance, Result
from pnstrial.simulate.engine import simulate
from pnstrial.simulate.exact import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from pnstrial.protocol import Protocol
    from pnstrial.simulate.scenario import Scenario

__all__ = ["PowerCurve", "power_curve"]


@dataclass(frozen=True)
class PowerCurve(Result):
    """Probability of success against the true response rate.

    Parameters
    ----------
    scenario : str
        Id of the scenario.
    n_patients, critical_count, n_trials : int
        Patients, fewest responders that succeed, trials per point.
    table : pandas.DataFrame
        factor, true_response, reported_response, estimate, std_error, lower, upper, exact.
    provenance : Provenance
    """

    scenario: str
    n_patients: int
    critical_count: int
    n_trials: int
    table: pd.DataFrame = field(repr=False)
    provenance: Provenance = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per factor.

        Returns
        -------
        pandas.DataFrame
        """
        return self.table.copy()

    def _shown(self) -> Iterator[tuple[str, object]]:
        yield from (
            ("patients", self.n_patients),
            ("critical count", self.critical_count),
            ("trials", self.n_trials),
        )
        for row in self.table.itertuples():
            yield f"true response {row.true_response:.3f}", row.estimate


def power_curve(
    protocol: Protocol,
    scenario: Scenario,
    factors: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0),
    n_trials: int = 10_000,
    seed: int = 1,
    *,
    executor: Executor | None = None,
    workers: int = 1,
) -> PowerCurve:
    """Simulate the probability of success over a range of true response rates, with the exact curve beside it.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    factors : sequence of float
        By what the rates to improve are multiplied.
    n_trials, seed : int
        Per point.
    executor, workers
        As in `simulate`.

    Returns
    -------
    PowerCurve

    Raises
    ------
    ValueError
        As `simulate`; or if a factor is negative.

    Examples
    --------
    >>> import pnstrial as pns
    >>> curve = power_curve(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu"), (0, 8), n_trials=500)
    >>> bool(curve.table["exact"].is_monotonic_increasing)
    True
    """
    rows: list[dict[str, float]] = []
    critical = n = 0
    for factor in factors:
        course = scenario.course.scaled(improve=factor)
        changed = scenario.model_copy(update={"course": course})
        known = exact(protocol, changed)
        result = simulate(
            protocol, changed, n_trials, seed, executor=executor, workers=workers, quantities="primary"
        )
        success = result["probability_of_success"]
        low, high = success.interval if isinstance(success.interval, tuple) else (np.nan, np.nan)
        rows.append(
            {
                "factor": factor, "true_response": known.answers["true_response"],
                "reported_response": known.answers.get("reported_response", np.nan),
                "estimate": float(success.estimate), "std_error": float(success.std_error),  # type: ignore[arg-type]
                "lower": low, "upper": high, "exact": known.answers.get("probability_of_success", np.nan),
            }
        )  # fmt: skip
        critical, n = result.critical_count, result.n_patients
    return PowerCurve(
        scenario.id,
        n,
        critical,
        n_trials,
        pd.DataFrame(rows),
        Provenance(protocol.id, protocol.version, seed),
    )

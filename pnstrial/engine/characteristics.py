"""What does a design do: how often does it succeed, err, and what does it cost?

Input: sums over simulated trials, or exact values.
Output: `OperatingCharacteristics` and `ExactCharacteristics`: per quantity an estimate and its uncertainty.
Protocol section: endpoint, decision.
Method: means and ratio estimates with their Monte Carlo standard errors (delta method for ratios: Cochran,
Sampling Techniques, 3rd ed., 6.13); Clopper-Pearson intervals for shares of trials, normal ones otherwise.
Next: `exact`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path  # noqa: TC003 - a field of a result
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.engine.kernels.quantities import LEAN_QUANTITIES, QUANTITIES, SECONDARY_QUANTITIES
from pnstrial.results import Display, NotEstimable, Provenance, Result, show_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.engine.model import Model

__all__ = [
    "ExactCharacteristics",
    "OperatingCharacteristics",
    "Quantity",
    "check_quantities",
    "denominators",
    "estimates",
    "quantity_names",
    "trial_rows",
]

_SHARES_OF_TRIALS = frozenset(
    {
        "probability_of_success", "coverage", "stopped_at_first_stage", "power_signed_rank", "signed_rank_worse",
        "power_sign_test", "power_logrank",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """One quantity of the trial with its Monte Carlo uncertainty.

    Parameters
    ----------
    quantity : str
    estimate, std_error : float or NotEstimable
        NotEstimable where nothing was counted to take a share of.
    interval : tuple of float or NotEstimable
        95 % Monte Carlo interval.
    """

    quantity: str
    estimate: float | NotEstimable
    std_error: float | NotEstimable
    interval: tuple[float, float] | NotEstimable


def check_quantities(quantities: Iterable[str], model: Model) -> None:
    """Refuse a quantity that the runs of a model do not have, before any is run.

    Parameters
    ----------
    quantities : iterable of str
    model : Model

    Raises
    ------
    ValueError
        With what was perhaps meant, and all that there are.
    """
    names = [name for name, _ in model.names(primary=False)]
    for name in quantities:
        if name not in names and not name.startswith("responders_"):
            near = get_close_matches(name, names, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"quantity: {name} is not here; {meant}quantities are {', '.join(names)}")


@dataclass(frozen=True)
class OperatingCharacteristics(Result):
    """What the simulated trials of a protocol did.

    Parameters
    ----------
    n_trials : int
        Trials simulated.
    n : int
        Patients enrolled per trial, if no first stage stops it.
    critical_count : int
        Fewest responders of all enrolled that make a success; n + 1 where none do.
    method : str
        How the trials were simulated.
    scenario : str
        Id of the scenario.
    quantities : tuple of Quantity
    responders : ndarray of int64, shape (n + 1,)
        Trials by number of responders.
    provenance : Provenance
        Protocol, seed and package version.
    trials : pandas.DataFrame or Path, optional
        One row a trial, or the Parquet file that holds them.
    rule : str
        What makes a success, in words.
    """

    n_trials: int
    n: int
    critical_count: int
    method: str
    scenario: str
    quantities: tuple[Quantity, ...] = field(repr=False)
    responders: NDArray[np.int64] = field(repr=False)
    provenance: Provenance = field(repr=False)
    trials: pd.DataFrame | Path | None = field(default=None, repr=False, compare=False)
    rule: str = ""

    def __getitem__(self, quantity: str) -> Quantity:
        for found in self.quantities:
            if found.quantity == quantity:
                return found
        raise KeyError(
            f"{quantity} is not here; quantities are {', '.join(q.quantity for q in self.quantities)}"
        )

    @property
    def not_estimable(self) -> dict[str, str]:
        """Quantities without an estimate, each with the reason; they have no row in `to_frame`."""
        return {
            q.quantity: q.estimate.reason for q in self.quantities if isinstance(q.estimate, NotEstimable)
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per quantity: quantity, estimate, std_error, lower, upper (95 % Monte Carlo interval).

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        rows = [
            (q.quantity, q.estimate, q.std_error, *q.interval)
            for q in self.quantities
            if not isinstance(q.estimate, NotEstimable) and not isinstance(q.interval, NotEstimable)
        ]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "std_error", "lower", "upper"])

    @property
    def estimate(self) -> float | NotEstimable:
        """Probability of success, which is the primary quantity."""
        return self["probability_of_success"].estimate

    @property
    def ci(self) -> tuple[float, float] | NotEstimable:
        """Monte Carlo interval (95 %) of `estimate`."""
        return self["probability_of_success"].interval

    def _display(self) -> Display:
        title = (
            f"{self.scenario}: {self.n_trials:,} trials of {self.n} patients; Monte Carlo intervals of 95 %"
        )
        pairs: list[tuple[str, object]] = [("critical count", self.critical_count)]
        pairs += [("success", self.rule)] if self.rule else []
        for q in self.quantities:
            if not q.quantity.startswith("responders_"):
                words = show_number(q.estimate)
                if isinstance(q.interval, tuple):
                    words += f" ({' to '.join(map(show_number, q.interval))})"
                pairs.append((q.quantity, words))
        return Display(title, tuple(pairs))


@dataclass(frozen=True)
class ExactCharacteristics(Result):
    """The quantities that have an exact answer.

    Parameters
    ----------
    n, critical_count, scenario
        As in `OperatingCharacteristics`.
    answers : dict of str to float
        Exact value by quantity.
    without : dict of str to str
        Quantities without an exact answer in this scenario, each with the reason.
    provenance : Provenance
    rule : str
        What makes a success, in words.
    """

    n: int
    critical_count: int
    scenario: str
    answers: dict[str, float] = field(repr=False)
    without: dict[str, str] = field(repr=False)
    provenance: Provenance = field(repr=False)
    rule: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per quantity: quantity, estimate, std_error (0), lower, upper (both the estimate).

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        rows = [(name, value, 0.0, value, value) for name, value in self.answers.items()]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "std_error", "lower", "upper"])

    @property
    def estimate(self) -> float | NotEstimable:
        """Probability of success, which is the primary quantity."""
        name = "probability_of_success"
        return self.answers[name] if name in self.answers else NotEstimable(self.without[name])

    def _values(self) -> Iterator[tuple[str, object]]:
        yield from (("patients", self.n), ("critical count", self.critical_count))
        if self.rule:
            yield "success", self.rule
        for name, value in self.answers.items():
            if not name.startswith("responders_"):
                yield name, value


def estimates(
    sums: NDArray[np.float64], responders: NDArray[np.int64], trials: int, names: tuple[tuple[str, str], ...],
    without: Mapping[str, str] = MappingProxyType({}), truths: frozenset[str] = frozenset(),
) -> tuple[Quantity, ...]:  # fmt: skip
    """Turn sums over trials into estimates with standard errors and 95 % intervals.

    Parameters
    ----------
    sums : ndarray, shape (3, quantities)
        Sums, sums of squares, sums of products with the denominator.
    responders : ndarray of int
        Trials by number of responders.
    trials : int
    names : tuple of (str, str)
        Names of the quantities and what each is a share of (`quantity_names`).
    without : dict of str to str, optional
        Quantities that this run cannot give, each with the reason.
    truths : frozenset of str
        Quantities of a user's rule that are true or false in a trial.
    """
    order = [name for name, _ in names]
    found: list[Quantity] = []
    for q, (name, of) in enumerate(names):
        total, squares = sums[0, q], sums[1, q]
        if name in without:
            reason = NotEstimable(without[name])
            found.append(Quantity(name, reason, reason, reason))
            continue
        if name in _SHARES_OF_TRIALS or name in truths:
            found.append(_share(name, round(total), trials))
            continue
        base = trials if of == "trial" else sums[0, order.index("enrolled" if of == "patient" else of)]
        if base == 0:
            reason = NotEstimable(f"{of.replace('_', ' ')} was 0 in all {trials} trials")
            found.append(Quantity(name, reason, reason, reason))
            continue
        estimate = float(total / base)
        if of == "trial":
            spread = squares - trials * estimate**2
        else:
            d = order.index("enrolled" if of == "patient" else of)
            spread = squares - 2 * estimate * sums[2, q] + estimate**2 * sums[1, d]
        error = float(np.sqrt(max(spread, 0.0) * trials / max(trials - 1, 1)) / base)
        found.append(
            Quantity(
                name,
                estimate,
                error,
                (estimate - 1.959963984540054 * error, estimate + 1.959963984540054 * error),
            )
        )
    width = len(str(responders.size - 1))
    found += [_share(f"responders_{k:0{width}d}", int(count), trials) for k, count in enumerate(responders)]
    return tuple(found)


def _share(name: str, count: int, trials: int) -> Quantity:
    from pnstrial.design.counts.proportion import clopper_pearson

    share = count / trials
    low, high = clopper_pearson(count, trials)
    return Quantity(name, share, float(np.sqrt(share * (1 - share) / trials)), (low, high))


def trial_rows(
    each: NDArray[np.float64], names: tuple[tuple[str, str], ...], without: Mapping[str, str], first: int
) -> pd.DataFrame:
    """Write the quantities of trials one row each.

    Parameters
    ----------
    each : ndarray, shape (trials, quantities)
        Counts.
    names : tuple of (str, str)
        Names of the quantities and what each is a share of.
    without : dict of str to str
        Quantities that this run cannot give.
    first : int
        Number of the first trial.

    Returns
    -------
    pandas.DataFrame
        trial, then the quantities: shares where they are shares (nan where there is nothing to take a share of).
    """
    import pandas as pd

    over = denominators(names)
    columns: dict[str, NDArray[Any]] = {"trial": np.arange(first, first + len(each))}
    for k, (name, _) in enumerate(names):
        if name in without:
            continue
        base = each[:, over[k]] if over[k] >= 0 else np.ones(len(each))
        share = np.full(len(each), np.nan)
        columns[name] = np.divide(each[:, k], base, out=share, where=base > 0)
    return pd.DataFrame(columns)


def quantity_names(secondary: Sequence[str], *, primary: bool) -> tuple[tuple[str, str], ...]:
    """Name the quantities of a run, and what each is a share of.

    Parameters
    ----------
    secondary : sequence of str
        Names of the protocol's secondary visits: the first has no name of its own in the quantities, and where there
        is none its quantities are not estimable.
    primary : bool
        Whether to leave out what only the full simulation has.

    Returns
    -------
    tuple of (str, str)

    Examples
    --------
    >>> [name for name, _ in quantity_names(["Month 6", "Month 12"], primary=True)][-1]
    'secondary_missing_month_12'
    """
    first = QUANTITIES[:LEAN_QUANTITIES] if primary else QUANTITIES
    words = [re.sub(r"\W+", "_", visit.casefold()).strip("_") for visit in secondary[1:]]
    return (*first, *((f"{name}_{word}", "patient") for word in words for name in SECONDARY_QUANTITIES))


def denominators(names: tuple[tuple[str, str], ...]) -> NDArray[np.int64]:
    """Give for every quantity the position of what it is a share of; -1 for the trial."""
    order = [name for name, _ in names]
    of = [-1 if o == "trial" else order.index("enrolled" if o == "patient" else o) for _, o in names]
    return np.array(of, np.int64)


@dataclass(frozen=True)
class PowerCurve(Result):
    """Probability of success against the true response rate.

    Parameters
    ----------
    scenario : str
        Id of the scenario.
    n, critical_count, n_trials : int
        Patients, fewest responders that succeed, trials per point.
    table : pandas.DataFrame
        factor, true_response, reported_response, estimate, std_error, lower, upper, exact.
    provenance : Provenance
    """

    scenario: str
    n: int
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

    def _values(self) -> Iterator[tuple[str, object]]:
        yield from (
            ("patients", self.n),
            ("critical count", self.critical_count),
            ("trials", self.n_trials),
        )
        for row in self.table.itertuples():
            yield f"true response {row.true_response:.3f}", row.estimate

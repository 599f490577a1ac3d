"""Which sample size, which settings matter, and how sure is the power?

Input: a protocol, a scenario, ranges or distributions of settings by name (`what_if`).
Output: `SampleSize`, `Tornado`, `SobolIndices`, `Assurance`.
Protocol section: endpoint.
Method: exact answers wherever there is one, else simulation with its Monte Carlo error. Patients are independent, so
the probabilities of one patient give the power at every n. Variance-based indices: Saltelli et al., Comput Phys
Commun 2010;181:259-270, as in `scipy.stats.sobol_indices`. Assurance: O'Hagan, Stevens and Campbell, Pharm Stat
2005;4:187-201.
Next: `figures.simulation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from pnstrial.changes import current_value, reported_range, what_if
from pnstrial.engine.blocks import counted
from pnstrial.engine.characteristics import check_quantities
from pnstrial.engine.exact.answers import (
    endpoint_probabilities,
    exact_characteristics,
    responder_distribution,
)
from pnstrial.engine.model import build_model
from pnstrial.inputs import drawn_inputs
from pnstrial.numerics.arguments import Checks, as_number, display
from pnstrial.numerics.signatures import check_signature
from pnstrial.results import NotEstimable, Provenance, Result
from pnstrial.simulate import simulate_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.model import Model
    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol

__all__ = [
    "Assurance", "SampleSize", "SobolIndices", "Tornado", "assurance", "search_sample_size", "sobol", "tornado",
]  # fmt: skip

_SUCCESS = "probability_of_success"


class _Tabled(Result):
    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of `table`."""
        return self.table.copy()


@dataclass(frozen=True)
class SampleSize(_Tabled):
    """The sizes of a trial that have a power.

    Parameters
    ----------
    scenario : str
    power : float
        Requested.
    first_n : int or NotEstimable
        The first size with this power.
    stays_from_n : int or NotEstimable
        The size from which on, up to `n_max`, every one has it: power jumps down where the critical count rises.
    n_max : int
        Largest size looked at.
    response : float
        Probability that an enrolled patient is a responder as it is reported.
    true_response : float
    method : str
        "exact", or how many patients were simulated.
    std_error : float
        Monte Carlo standard error of the power at `first_n`; 0 where it is exact.
    table : pandas.DataFrame
        n, critical_count, power, std_error, alpha (achieved at the null).
    provenance : Provenance
    """

    scenario: str
    power: float
    first_n: int | NotEstimable
    stays_from_n: int | NotEstimable
    n_max: int
    response: float
    true_response: float
    method: str
    std_error: float
    table: pd.DataFrame = field(repr=False)
    provenance: Provenance = field(repr=False)

    @property
    def n(self) -> int | NotEstimable:
        """The same as `first_n`."""
        return self.first_n


def search_sample_size(
    protocol: Protocol,
    scenario: Scenario,
    power: float = 0.8,
    *,
    response: float | None = None,
    rated: bool = False,
    n_max: int = 200,
    error: float = 0.002,
    seed: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
) -> SampleSize:
    """Search the first n with a power, and the n from which on the power stays.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
        With a success rule of one stage; its size is not used.
    power : float, default 0.8
    response : float, optional
        Response for which the rates to improve are solved (`what_if`); default: the scenario's own.
    rated : bool
        Whether `response` is what is reported instead of the true share improved.
    n_max : int, default 200
        Largest size.
    error : float, default 0.002
        Largest Monte Carlo standard error of the power, where there is no exact answer.
    seed, workers : int
        Of the simulation.
    progress : callable or bool, optional
        Called with (trials done, trials of this round, four times those before); True shows a bar on standard error.

    Returns
    -------
    SampleSize

    Raises
    ------
    ValueError
        If an argument is out of range, the rule has two stages, or no rates give the response.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = search_sample_size(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"), response=0.3)
    >>> found.method, found.first_n, found.stays_from_n
    ('exact', 26, 30)
    """
    check_signature(search_sample_size, locals())
    n_max = int(n_max)
    checks = Checks("search_sample_size").share("power", power).count("n_max", n_max, 2, 1000)
    checks.share("error", error).count("seed", seed).done()
    if response is not None:
        protocol, scenario = what_if(protocol, scenario, {"response": response}, rated=rated)
    if scenario.success.rule == "two-stage":
        raise ValueError("search_sample_size: a two-stage rule has a size of its own: see pns.design.simon")
    scenario = scenario.with_exact_test()
    model = build_model(protocol, scenario.changed(enrolment={"target": n_max}), short=True)
    minimum = model.success.minimum
    found = endpoint_probabilities(model)
    sizes = np.arange(1, n_max + 1)
    truth, method, errors = found["true_response"], "exact", np.zeros(n_max)
    if "response" in found:
        share, excluded = found["response"], found["excluded"]
        powers = _powers(share, excluded, minimum)
    else:
        share, powers, errors, patients = _simulated_powers(
            protocol, scenario, minimum, power, error, seed, workers, progress
        )
        method = f"{patients:,} patients simulated"
    enough = powers >= power
    first = int(sizes[np.argmax(enough)]) if enough.any() else NotEstimable(f"no size up to {n_max} has it")
    below = np.flatnonzero(~enough)
    stays = (
        NotEstimable(f"at {n_max} it is not there")
        if not enough[-1]
        else int(sizes[below[-1] + 1]) if below.size else 1
    )  # fmt: skip
    null = protocol.endpoint.null_proportion or getattr(scenario.success, "null", None)
    table = pd.DataFrame(
        {
            "n": sizes, "critical_count": minimum[1:], "power": powers, "std_error": errors,
            "alpha": _powers(null, 0.0, minimum) if null is not None else np.nan,
        }
    )  # fmt: skip
    return SampleSize(
        scenario=scenario.id, power=power, first_n=first, stays_from_n=stays, n_max=n_max, response=share,
        true_response=truth, method=method, std_error=float(errors[first - 1]) if isinstance(first, int) else 0.0,
        table=table, provenance=Provenance(protocol.id, protocol.version, None if method == "exact" else seed),
    )  # fmt: skip


def _powers(response: float, excluded: float, minimum: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the probability of success at every size 1 to n_max from the probabilities of one patient."""
    from scipy.stats import binom

    counted = np.arange(1, minimum.size)
    success = np.asarray(binom.sf(minimum[1:] - 1, counted, min(1.0, response / max(1 - excluded, 1e-300))))
    if excluded == 0:
        return success
    return np.asarray(binom.pmf(counted[None, :], counted[:, None], 1 - excluded)) @ success


def _simulated_powers(
    protocol: Protocol, scenario: Scenario, minimum: NDArray[np.int64], power: float, error: float, seed: int,
    workers: int, progress: Callable[[int, int], None] | bool | None,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], int]:  # fmt: skip
    """Simulate patients until the power around the requested one is precise enough."""
    n, trials = scenario.enrolment.target, 4096
    while True:
        result = simulate_trials(
            protocol, scenario, trials, seed, workers=workers, quantities="primary", progress=progress
        )
        responders, counted = result["responders"], result["counted"]
        share = cast("float", responders.estimate) / n
        excluded = max(0.0, 1 - cast("float", counted.estimate) / n)
        spread = cast("float", responders.std_error) / n
        powers = _powers(share, excluded, minimum)
        step = max(spread, 1e-6)
        above = _powers(min(share + step, 1.0), excluded, minimum)
        slope = (above - _powers(max(share - step, 0.0), excluded, minimum)) / (2 * step)
        errors = np.abs(slope) * spread
        near = np.abs(powers - power) < 0.2
        if float(errors[near].max() if near.any() else errors.max()) <= error or trials >= 2**22:
            return share, powers, errors, trials * n
        trials *= 4


def _measure(
    protocol: Protocol, scenario: Scenario, quantity: str, n_trials: int, seed: int, workers: int
) -> tuple[float, float]:
    """Give a quantity and its standard error: exact where there is an exact answer, else simulated."""
    if quantity in {_SUCCESS, "true_response", "reported_response"}:
        model = build_model(protocol, scenario, short=True)
        found = endpoint_probabilities(model)
        if quantity == "true_response":
            return found["true_response"], 0.0
        if "response" in found and quantity == _SUCCESS:
            return _success(model, found["response"], found["excluded"]), 0.0
    exact = exact_characteristics(protocol, scenario)
    if quantity in exact.answers:
        return float(exact.answers[quantity]), 0.0
    result = simulate_trials(protocol, scenario, n_trials, seed, workers=workers)
    value = result[quantity]
    if isinstance(value.estimate, NotEstimable) or isinstance(value.std_error, NotEstimable):
        raise ValueError(f"{quantity} has no value in scenario {scenario.id}: {value.estimate}")  # noqa: TRY004
    return value.estimate, value.std_error


def _success(model: Model, response: float, excluded: float) -> float:
    """Give the probability of success of the trial of a model."""
    minimum = model.success.minimum
    if model.success.first_n == 0:
        return float(_powers(response, excluded, minimum)[-1])
    went_on = responder_distribution(response, excluded, minimum.size - 1, model.success)[0][0]
    counts = np.arange(minimum.size)
    return float(went_on[(counts[None, :] >= minimum[:, None]) & (counts[:, None] > 0)].sum())


def _run_checks(caller: str, n_trials: int, seed: int, workers: int) -> Checks:
    return Checks(caller).count("n_trials", n_trials, 2).seed("seed", seed).count("workers", workers, 1)


def _checked_ranges(
    checks: Checks, protocol: Protocol, scenario: Scenario, ranges: Mapping[str, Sequence[float]]
) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, ends in ranges.items():
        pair = tuple(ends) if isinstance(ends, tuple | list) else ()
        low, high = (as_number(pair[0]), as_number(pair[1])) if len(pair) == 2 else (None, None)
        if low is None or high is None or not low < high:
            checks.add(True, f"ranges[{name!r}] = {ends!r} must be two numbers, the first below the second")
            continue
        low, high = (_as_setting(protocol, scenario, name, end) for end in (low, high))
        found[name] = (low, high)
        checks.add(low == high, f"ranges[{name!r}] = {ends!r} is one whole number, {low}, and no range")
    checks.add(not ranges, "ranges is empty; name settings with two numbers each, such as late = (0, 0.3)")
    checks.done()
    return found


def _as_setting(protocol: Protocol, scenario: Scenario, name: str, value: float) -> float | int:
    """Round what is a whole number in the file."""
    return round(value) if _is_whole(protocol, scenario, name) else float(value)


def _is_whole(protocol: Protocol, scenario: Scenario, name: str) -> bool:
    now = current_value(protocol, scenario, name)
    return name == "window_days" or (isinstance(now, int) and not isinstance(now, bool))


@dataclass(frozen=True)
class Tornado(_Tabled):
    """What settings do to a quantity, one at a time, the largest first.

    Parameters
    ----------
    scenario, quantity : str
    value : float
        The quantity as the scenario is.
    std_error : float
        Monte Carlo standard error of it; 0 where it is exact.
    table : pandas.DataFrame
        setting, low, high, at_low, at_high, std_error_low, std_error_high, span (largest - smallest of the three).
    provenance : Provenance
    """

    scenario: str
    quantity: str
    value: float
    std_error: float
    table: pd.DataFrame = field(repr=False)
    provenance: Provenance = field(repr=False)


def tornado(
    protocol: Protocol,
    scenario: Scenario,
    ranges: Mapping[str, Sequence[float]],
    quantity: str = "probability_of_success",
    *,
    rated: bool = False,
    n_trials: int = 20_000,
    seed: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
) -> Tornado:
    """Rank settings by what they do to a quantity over stated ranges, one at a time.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    ranges : mapping of str to two float
        Lowest and highest value by setting, named as in `what_if`.
    quantity : str
        Of `exact_characteristics`, or of `simulate_trials` where it has no exact answer.
    rated : bool
        Whether ``response`` is what is reported.
    n_trials, seed, workers : int
        Where it is simulated; all points share their random numbers.
    progress : callable or bool, optional
        Called with (points done, points requested); True shows a bar on standard error.

    Returns
    -------
    Tornado

    Raises
    ------
    ValueError
        If a range is none, or a setting or quantity is not there.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = tornado(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...                 {"scenario.visits.missed": (0, 0.2), "scenario.rating.same_rater_agreement": (0.65, 1)})
    >>> found.table["setting"].tolist()
    ['scenario.rating.same_rater_agreement', 'scenario.visits.missed']
    """
    check_signature(tornado, locals())
    checked = _checked_ranges(_run_checks("tornado", n_trials, seed, workers), protocol, scenario, ranges)
    check_quantities([quantity], build_model(protocol, scenario))
    cases = {
        (name, end): what_if(protocol, scenario, {name: _as_setting(protocol, scenario, name, value)}, rated=rated)
        for name, ends in checked.items()
        for end, value in enumerate(ends)
    }  # fmt: skip
    done = counted(progress, "points", 1 + len(cases))
    value, error = done(_measure(protocol, scenario, quantity, n_trials, seed, workers))
    rows: list[dict[str, Any]] = []
    for name, (low, high) in checked.items():
        at_low, low_error = done(_measure(*cases[name, 0], quantity, n_trials, seed, workers))
        at_high, high_error = done(_measure(*cases[name, 1], quantity, n_trials, seed, workers))
        three = (at_low, value, at_high)
        rows.append(
            {
                "setting": name, "low": low, "high": high, "at_low": at_low, "at_high": at_high,
                "std_error_low": low_error, "std_error_high": high_error, "span": max(three) - min(three),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows).sort_values("span", ascending=False, kind="stable", ignore_index=True)
    return Tornado(
        scenario.id, quantity, value, error, table, Provenance(protocol.id, protocol.version, seed)
    )


@dataclass(frozen=True)
class SobolIndices(_Tabled):
    """Shares of a quantity's variance that settings explain.

    Parameters
    ----------
    scenario, quantity : str
    mean, sd : float
        Of the quantity over the ranges.
    evaluations : int
    table : pandas.DataFrame
        setting, low, high, first_order, first_lower, first_upper, total_order, total_lower, total_upper (95 %
        bootstrap intervals), the largest total first.
    provenance : Provenance
    """

    scenario: str
    quantity: str
    mean: float
    sd: float
    evaluations: int
    table: pd.DataFrame = field(repr=False)
    provenance: Provenance = field(repr=False)


def sobol(
    protocol: Protocol,
    scenario: Scenario,
    ranges: Mapping[str, Sequence[float]],
    quantity: str = "probability_of_success",
    *,
    n: int = 64,
    rated: bool = False,
    n_trials: int = 20_000,
    seed: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
) -> SobolIndices:
    """Rank settings by the share of a quantity's variance that they explain over stated ranges, all at once.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    ranges : mapping of str to two float
        Lowest and highest value by setting, named as in `what_if`; every value between them is as likely.
    quantity : str
        As in `tornado`.
    n : int, default 64
        A power of 2: the quantity is worked out n x (settings + 2) times.
    rated : bool
        Whether ``response`` is what is reported.
    n_trials, seed, workers : int
        As in `tornado`; the seed is also that of the points.
    progress : callable or bool, optional
        Called with (points done, points requested); True shows a bar on standard error.

    Returns
    -------
    SobolIndices
        First order: what a setting explains by itself; total: with all its interactions.

    Raises
    ------
    ValueError
        As `tornado`; if n is no power of 2, or the quantity does not vary over the ranges.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = sobol(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...               {"scenario.rating.same_rater_agreement": (0.65, 1), "scenario.dropout.per_month": (0, 0.01)}, n=4)
    >>> found.evaluations, found.table["setting"][0]
    (16, 'scenario.rating.same_rater_agreement')
    """
    from scipy.stats import sobol_indices, uniform

    check_signature(sobol, locals())
    n, seed = int(n), int(seed)
    checked = _checked_ranges(_run_checks("sobol", n_trials, seed, workers), protocol, scenario, ranges)
    check_quantities([quantity], build_model(protocol, scenario))
    checks = Checks("sobol").count("n", n, 2, 2**16)
    checks.add(bool(n & (n - 1)), f"n = {n} must be a power of 2, such as {2 ** max(1, n.bit_length())}")
    checks.done()
    names = list(checked)

    def measured(point: NDArray[np.float64]) -> float:
        settings = {
            name: _as_setting(protocol, scenario, name, value)
            for name, value in zip(names, point.tolist(), strict=True)
        }
        return done(
            _measure(*what_if(protocol, scenario, settings, rated=rated), quantity, n_trials, seed, workers)
        )[0]

    values: list[float] = []
    done = counted(progress, "points", n * (len(names) + 2))

    def function(points: NDArray[np.float64]) -> NDArray[np.float64]:
        made = np.array([measured(point) for point in points.T])
        values.extend(made.tolist())
        if np.ptp(np.array(values)) < 1e-12:
            raise ValueError(f"sobol: {quantity} does not vary over these ranges")
        return made[None, :]

    if len(names) == 1:
        function(np.array(list(checked.values())))  # which answers where nothing varies
        raise ValueError(f"sobol: ranges = {display(ranges)} names one setting, which explains all; name two")
    # what is rounded to whole numbers begins half below the first and ends half above the last: each is as likely
    edges = [0.5 * _is_whole(protocol, scenario, name) for name in names]
    dists = [
        uniform(low - edge, high - low + 2 * edge)
        for edge, (low, high) in zip(edges, checked.values(), strict=True)
    ]
    found = sobol_indices(
        func=function, n=n, dists=cast("Any", dists), random_state=np.random.default_rng(seed)
    )
    first, total = _bootstrapped(np.array(values), n, len(names), seed)
    table = pd.DataFrame(
        {
            "setting": names, "low": [ends[0] for ends in checked.values()],
            "high": [ends[1] for ends in checked.values()],
            "first_order": found.first_order, "first_lower": first[0], "first_upper": first[1],
            "total_order": found.total_order, "total_lower": total[0], "total_upper": total[1],
        }
    ).sort_values("total_order", ascending=False, kind="stable", ignore_index=True)  # fmt: skip
    base = np.array(values[: 2 * n])
    return SobolIndices(
        scenario.id, quantity, float(base.mean()), float(base.std(ddof=1)), len(values), table,
        Provenance(protocol.id, protocol.version, seed),
    )  # fmt: skip


def _bootstrapped(
    values: NDArray[np.float64], n: int, settings: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give 95 % percentile intervals of the first and total order from points drawn anew, (lower and upper, setting).

    The values are those of the two independent samples and of the mixed ones, in scipy's order.
    """
    values = values - values[: 2 * n].mean()
    one, two, mixed = values[:n], values[n : 2 * n], values[2 * n :].reshape(n, settings).T
    at = np.random.default_rng(seed).integers(n, size=(999, n))
    spread = np.concatenate([one[at], two[at]], axis=1).var(axis=1)
    use = spread > 0
    found: list[NDArray[np.float64]] = []
    for terms in (two * (mixed - one), 0.5 * (one - mixed) ** 2):
        drawn = terms[:, at].mean(axis=2)[:, use] / spread[use]
        found.append(np.quantile(drawn, [0.025, 0.975], axis=1))
    return found[0], found[1]


@dataclass(frozen=True)
class Assurance(_Tabled):
    """Power when the inputs are uncertain.

    Parameters
    ----------
    scenario, quantity : str
    assurance : float
        Mean of the quantity over the draws.
    ci : tuple of float
        95 % Monte Carlo interval of that mean.
    median : float
    power_ci : tuple of float
        The middle 95 % of the quantity over the draws: how sure the power is.
    draws : int
    at_floor : float
        Share of the draws whose reported response rating error alone reaches: there the rates to improve are 0.
    inputs : str
        Distribution of each input.
    table : pandas.DataFrame
        One row per draw: the inputs and the quantity.
    provenance : Provenance
    """

    scenario: str
    quantity: str
    assurance: float
    ci: tuple[float, float]
    median: float
    power_ci: tuple[float, float]
    draws: int
    at_floor: float
    inputs: str
    table: pd.DataFrame = field(repr=False)
    provenance: Provenance = field(repr=False)

    @property
    def estimate(self) -> float:
        """The assurance."""
        return self.assurance


def assurance(
    protocol: Protocol,
    scenario: Scenario,
    inputs: Mapping[str, Any] | pd.DataFrame | None = None,
    *,
    quantity: str = "probability_of_success",
    rated: bool = True,
    draws: int = 200,
    n_trials: int = 20_000,
    seed: int = 1,
    workers: int = 1,
    progress: Callable[[int, int], None] | bool | None = None,
) -> Assurance:
    """Give the power averaged over what is not known of the inputs, and how it is distributed.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    inputs : mapping or pandas.DataFrame, optional
        By setting (named as in `what_if`) a Beta distribution as (a, b), for settings that are shares, or any frozen
        distribution of scipy; or a frame of draws, one column a setting. Default: the response is
        Beta(x + 0.5, n - x + 0.5), x of n improved in the scenario's series (Jeffreys' prior with its counts).
    quantity : str
        As in `tornado`.
    rated : bool, default True
        Whether ``response`` is what is reported, as published counts are, or the true share improved.
    draws : int, default 200
        Not used with a frame.
    n_trials, workers : int
        As in `tornado`.
    seed : int
    progress : callable or bool, optional
        Called with (draws done, draws requested); True shows a bar on standard error.

    Returns
    -------
    Assurance

    Raises
    ------
    ValueError
        If an input is no distribution, a Beta with both parameters under 1 (two shares are no Beta) or of a setting
        that is no share, a drawn response is none, or the scenario names no series and no input is given.

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = assurance(pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain"),
    ...                   {"response": (5.5, 12.5)}, draws=1000)
    >>> 0.4 < found.assurance < 0.7, found.power_ci[0] < 0.1, found.power_ci[1] > 0.9
    (True, True, True)
    """
    check_signature(assurance, locals())
    draws, seed = int(draws), int(seed)
    _run_checks("assurance", n_trials, seed, workers).count("draws", draws, 2, 10**6).done()
    points, words = drawn_inputs(protocol, scenario, inputs, draws, seed)
    check_quantities([quantity], build_model(protocol, scenario))
    names = list(points.columns)
    alone = (
        reported_range(protocol, scenario)
        if names == ["response"] and rated and quantity == _SUCCESS
        else None
    )
    if alone is not None:
        # nobody is excluded: success depends on the reported response and on nothing else
        drawn = points["response"].to_numpy(dtype=float)
        values = np.array([_success(alone[0], max(share, alone[1]), 0.0) for share in drawn])
        at_floor = float((drawn <= alone[1]).mean())
    else:
        values, at_floor = _followed_draws(
            protocol, scenario, points, quantity, rated, n_trials, seed, workers, progress
        )
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    middle = float(values.mean())
    low, median, high = (float(q) for q in np.quantile(values, [0.025, 0.5, 0.975]))
    return Assurance(
        scenario=scenario.id, quantity=quantity, assurance=middle,
        ci=(middle - 1.959963984540054 * error, middle + 1.959963984540054 * error), median=median,
        power_ci=(low, high), draws=len(values), at_floor=at_floor, inputs=words,
        table=points.assign(**{quantity: values}), provenance=Provenance(protocol.id, protocol.version, seed),
    )  # fmt: skip


def _followed_draws(
    protocol: Protocol, scenario: Scenario, points: pd.DataFrame, quantity: str, rated: bool, n_trials: int, seed: int,
    workers: int, progress: Callable[[int, int], None] | bool | None,
) -> tuple[NDArray[np.float64], float]:  # fmt: skip
    """Give the quantity at each draw, and the share of the draws that rating error alone reaches."""
    values: list[float] = []
    at_floor = 0
    done = counted(progress, "draws", len(points))
    for row in points.to_dict("records"):
        settings = {
            str(name): _as_setting(protocol, scenario, str(name), value)
            if as_number(value) is not None and name not in {"response", "deaths"} else value
            for name, value in row.items()
        }  # fmt: skip
        if rated and quantity == _SUCCESS and "response" in settings and "deaths" not in settings:
            others = {name: value for name, value in settings.items() if name != "response"}
            share = float(settings["response"])
            alone = reported_range(*what_if(protocol, scenario, others))
            if alone is not None and share <= alone[2]:
                at_floor += share <= alone[1]
                values.append(done(_success(alone[0], max(share, alone[1]), 0.0)))
                continue
        case = what_if(protocol, scenario, settings, rated=rated, at_least_floor=True)
        at_floor += "response" in settings and not any(case[1].course.improve)
        values.append(done(_measure(*case, quantity, n_trials, seed, workers)[0]))
    return np.array(values), at_floor / len(points)

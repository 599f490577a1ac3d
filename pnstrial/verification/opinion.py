"""Does another library give the same numbers?

Input: a result, or a trial and its protocol.
Output: `SecondOpinion`: each number of ours beside that of lifelines, statsmodels or scipy, with the difference, the
tolerance, and the reason where the two must differ.
Protocol section: endpoint, estimand.
Method: the records behind a result (counts, times and events, pairs of grades) go through the other library; the
derivation of the records from the collected tables has its own second programming in the tests.
Next: `cli.verify`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from pnstrial.analysis import analyse
from pnstrial.data.arguments import trial_and_protocol
from pnstrial.design import ProportionResult, binomial_tail, proportion
from pnstrial.endpoints import ResponseResult
from pnstrial.numerics.signatures import check_signature
from pnstrial.reporting.efficacy import STRATEGIES, planned_test
from pnstrial.reporting.material import Material
from pnstrial.reporting.safety import event_groups, events_of_interest, safety_events
from pnstrial.results import Display, NotEstimable, Result, rows_of
from pnstrial.series import short_citation
from pnstrial.shift import CommonOddsRatio, ShiftResult, WeightedKappa, mrs_shift
from pnstrial.survival import (
    Cox,
    CumulativeIncidence,
    KaplanMeier,
    LogRank,
    OneSampleLogRank,
    ParametricSurvival,
    SurvivalResult,
    Turnbull,
    one_sample_logrank,
    rmst,
)
from pnstrial.verification import engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol

__all__ = ["SecondOpinion", "compared", "second_opinion", "verify"]

CLOSED: Final = 1e-9
"""Tolerance of what has a closed form."""
ITERATED: Final = 1e-5
"""Tolerance of what another library finds by a search of its own."""
SEARCHED: Final = 1e-3
"""Tolerance, relative beyond 1, of a parameter by a search that ends where the likelihood is flat to about 1e-7."""
_METHODS: Final = {
    "clopper-pearson": "beta",
    "wilson": "wilson",
    "agresti-coull": "agresti_coull",
    "jeffreys": "jeffreys",
}


@dataclass(frozen=True)
class _Number:
    """One number by both."""

    quantity: str
    ours: float
    theirs: float
    engine: str
    tolerance: float = CLOSED
    reason: str = ""

    @property
    def difference(self) -> float:
        return 0.0 if self.ours == self.theirs else abs(self.ours - self.theirs)

    @property
    def agrees(self) -> bool:
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class SecondOpinion(Result):
    """Our numbers beside those of other libraries.

    Attributes
    ----------
    table : pandas.DataFrame
        quantity, ours, theirs, difference, tolerance, agrees, engine, reason (why the two must differ; else empty).
    n, agreeing, differing : int
        Numbers compared; those within their tolerance; those beyond it without a reason.
    engines : dict of str to str
        Versions of the libraries that were asked.
    """

    table: pd.DataFrame = field(repr=False)
    n: int
    agreeing: int
    differing: int
    engines: dict[str, str] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per number.

        Returns
        -------
        pandas.DataFrame
        """
        return self.table.copy()

    def _display(self) -> Display:
        named = ", ".join(f"{name} {version}" for name, version in self.engines.items())
        title = f"{self.agreeing} of {self.n} numbers agree with {named}; {self.differing} differ without a reason"
        rounded = self.table[["quantity", "ours", "theirs", "difference", "tolerance", "engine"]].copy()
        rounded["difference"] = [f"{value:.1e}" for value in rounded["difference"]]
        rounded["tolerance"] = [f"{value:.0e}" for value in rounded["tolerance"]]
        notes = tuple(
            f"{row.quantity}: {row.reason}" for row in self.table[self.table["reason"] != ""].itertuples()
        )
        return Display(title, table=rounded, notes=notes)


def _opinion(numbers: list[_Number]) -> SecondOpinion:
    table = pd.DataFrame(
        [
            {"quantity": x.quantity, "ours": x.ours, "theirs": x.theirs, "difference": x.difference,
             "tolerance": x.tolerance, "agrees": x.agrees, "engine": x.engine, "reason": x.reason}
            for x in numbers
        ],
        columns=["quantity", "ours", "theirs", "difference", "tolerance", "agrees", "engine", "reason"],
    )  # fmt: skip
    beyond = table[~table["agrees"].astype(bool)]
    return SecondOpinion(
        table, len(table), len(table) - len(beyond), int((beyond["reason"] == "").sum()), engines.versions()
    )


# ------------------------------------------------------------------------------------------------- by kind of result
def _proportion(
    name: str,
    count: int,
    n: int,
    level: float,
    ci: object,
    null: float | None,
    p: object,
    method: str = "clopper-pearson",
) -> Iterator[_Number]:
    if isinstance(ci, tuple) and n > 0 and method in _METHODS:
        limits = engines.binomial_interval(count, n, level, _METHODS[method])
        for end, ours, theirs in zip(("lower limit", "upper limit"), ci, limits, strict=True):
            yield _Number(f"{name}: {end}", float(ours), theirs, "statsmodels")
    if null is not None and isinstance(p, float):
        yield _Number(f"{name}: p-value", p, engines.binomial_tail(count, n, null), "scipy")


def _of_response(name: str, result: ResponseResult) -> Iterator[_Number]:
    if isinstance(result.responders, NotEstimable) or isinstance(result.estimate, NotEstimable):
        return
    counted = result.patients[result.patients["response"] != "excluded"]
    responders = int((counted["response"] == "responder").sum())
    yield _Number(f"{name}: proportion", float(result.estimate), responders / len(counted), "pandas")
    if result.method != "Clopper-Pearson":  # of two stages, which none of these libraries knows
        return
    yield from _proportion(
        name, responders, len(counted), result.level, result.ci, result.null, result.p_value
    )


def _of_proportion(name: str, result: ProportionResult) -> Iterator[_Number]:
    yield from _proportion(
        name, result.responders, result.n, result.level, result.ci,
        result.null if result.alternative == "greater" else None, result.p_value, result.conf_type,
    )  # fmt: skip


def _rows(curve: KaplanMeier) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the times and events behind a curve without weights."""
    events, censored = curve.n_event.round().astype(int), curve.n_censored.round().astype(int)
    time = np.concatenate([np.repeat(curve.time, events), np.repeat(curve.time, censored)])
    return time, np.concatenate([np.ones(events.sum()), np.zeros(censored.sum())])


def _of_curve(name: str, curve: KaplanMeier) -> Iterator[_Number]:
    time, event = _rows(curve)
    if time.size != round(float(curve.n)) or curve.n_risk[0] != curve.n:
        return  # weights or late entry: the curve does not hold the patients one by one
    if not event.any():
        return
    theirs = engines.kaplan_meier(time, event, curve.level)
    limits, engine = (theirs, "lifelines") if curve.conf_type == "log-log" else (None, "scipy")
    if curve.conf_type == "beta-product":
        limits = engines.beta_product(time, event, curve.level)
    for k, at in enumerate(curve.time):
        if curve.n_event[k] == 0:
            continue
        other = theirs.loc[at]
        yield _Number(
            f"{name}: survival at {at:g}", float(curve.survival[k]), float(other["survival"]), "lifelines"
        )
        if limits is not None and 0 < curve.survival[k] < 1:
            for end in ("lower", "upper"):
                ours, found = float(getattr(curve, end)[k]), float(limits[end].loc[at])
                yield _Number(f"{name}: {end} limit at {at:g}", ours, found, engine)
    median = curve.quantile(0.5).estimate
    if isinstance(median, float):
        flat = bool(np.isclose(curve.survival, 0.5, rtol=0, atol=1e-12).any())
        reason = "where the curve is flat at one half lifelines takes the start of that part" if flat else ""
        other = engines.median(time, event)
        yield _Number(f"{name}: median", median, other, "lifelines", reason=reason)
    tau = float(curve.time[-1])
    if curve.n_event[-1] > 0 or len(curve.time) > 1:
        ours = rmst(time, event, tau=tau).estimate
        if not isinstance(ours, NotEstimable):
            yield _Number(
                f"{name}: restricted mean to {tau:g}", float(ours), engines.restricted_mean(time, event, tau),
                "lifelines", 1e-6 * max(1.0, tau),
            )  # fmt: skip


def _of_intervals(name: str, result: Turnbull) -> Iterator[_Number]:
    if result.records is None or (result.records[0] == result.records[1]).any():
        return  # weights, or exact times, at which lifelines' curve falls later
    theirs = engines.interval_fitter(*result.records).survival_function_.iloc[:, -1]
    for right, ours in zip(result.right, result.survival, strict=True):
        if np.isfinite(right):
            other = float(theirs[theirs.index <= right].iloc[-1])
            yield _Number(f"{name}: survival at {right:g}", float(ours), other, "lifelines", ITERATED)


def _of_incidence(name: str, result: CumulativeIncidence) -> Iterator[_Number]:
    codes = {cause: k for k, cause in enumerate(result.causes, 1)}
    parts = [(np.repeat(result.time, result.n_event[c].round().astype(int)), codes[c]) for c in result.causes]
    parts.append((np.repeat(result.time, result.n_censored.round().astype(int)), 0))
    time = np.concatenate([part for part, _ in parts])
    cause = np.concatenate([np.full(part.size, code) for part, code in parts])
    if time.size != result.n or (time <= 0).any():
        return  # late entry or events on day 0, which statsmodels leaves out
    theirs = engines.cumulative_incidence(time, cause)
    for label, code in codes.items():
        if code not in theirs:
            continue
        other = theirs[code]["incidence"]
        for k, at in enumerate(result.time):
            if result.n_event[label][k] > 0:
                yield _Number(
                    f"{name}: incidence of {label} at {at:g}", float(result.incidence[label][k]),
                    float(other.loc[at]), "statsmodels",
                )  # fmt: skip


def _of_survival(name: str, result: SurvivalResult) -> Iterator[_Number]:
    if isinstance(result.curve, KaplanMeier):
        yield from _of_curve(name, result.curve)
    elif isinstance(result.curve, CumulativeIncidence):
        yield from _of_incidence(name, result.curve)


def _of_shift(name: str, result: ShiftResult) -> Iterator[_Number]:
    pairs = result.units[:, [0, result.visits.index(result.visit)]]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    difference = pairs[:, 1] - pairs[:, 0]
    if 1 < np.count_nonzero(difference) <= 18:  # every assignment of signs can be gone through
        for zeros, found in (("pratt", result.signed_rank), ("wilcoxon", result.signed_rank_wilcoxon)):
            if not isinstance(found, NotEstimable):
                theirs = engines.signed_rank(difference, zeros)
                yield _Number(
                    f"{name}: signed-rank p-value, zeros after {zeros.title()}",
                    found.p_value,
                    theirs,
                    "scipy",
                )
    if not isinstance(result.changes, NotEstimable):
        scores = result.scale.every[0] - np.array(result.scale.unit * pairs) * (
            1 if result.scale.better == "higher" else -1
        )
        dead = pairs[:, 1] == result.scale.dead
        gain = np.where(dead, -np.inf, result.scale.unit * -difference)
        share = (result.changes.percent or 0) / 100 * np.abs(scores[:, 0])
        better = (gain >= result.changes.points - 1e-9) & (gain >= share - 1e-9)
        worse = difference > 0
        moves = {"improved": better, "stable": ~better & ~worse, "deteriorated": worse}
        for change, who in moves.items():
            ours = getattr(result.changes, f"{change}_ci")
            count = int(who.sum())
            yield from _proportion(
                f"{name}: {change}", count, who.size, result.changes.level, ours, None, None
            )
    if not isinstance(result.sign, NotEstimable):
        up, moved = int((difference < 0).sum()), int(np.count_nonzero(difference))
        if moved:
            limits = engines.binomial_interval(up, moved, result.sign.level, "beta")
            for end, ours, theirs in zip(("lower", "upper"), result.sign.ci, limits, strict=True):
                yield _Number(f"{name}: sign test, {end} limit", float(ours), theirs, "statsmodels")


def _of_history(name: str, result: OneSampleLogRank) -> Iterator[_Number]:
    if isinstance(result.ratio_ci, tuple):
        limits = engines.poisson_interval(result.observed, result.expected, result.level)
        for end, ours, theirs in zip(("lower", "upper"), result.ratio_ci, limits, strict=True):
            yield _Number(f"{name}: {end} limit of the ratio", float(ours), theirs, "statsmodels", 1e-8)


def _of_odds(name: str, result: CommonOddsRatio) -> Iterator[_Number]:
    if isinstance(result.log_odds_ratio, NotEstimable) or isinstance(result.std_error, NotEstimable):
        return
    grades = [np.repeat(np.arange(len(arm)), arm) for arm in result.counts]
    treated = np.concatenate([np.ones(grades[0].size, int), np.zeros(grades[1].size, int)])
    log_odds, error = engines.proportional_odds(np.concatenate(grades), treated)
    yield _Number(f"{name}: log odds ratio", float(result.log_odds_ratio), log_odds, "statsmodels", 1e-4)
    yield _Number(f"{name}: standard error", float(result.std_error), error, "statsmodels", 1e-3)


def _of_cox(name: str, result: Cox) -> Iterator[_Number]:
    sets = result.fit.sets
    plain = (
        result.ties == "efron" and result.penalty is None and not result.robust and len(result.fit.strata) <= 1
        and not sets.entry.size and bool((sets.weights == 1).all())
    )  # fmt: skip
    if not plain or any(isinstance(row, NotEstimable) for row in result.table.to_numpy().ravel()):
        return
    x = (sets.x * sets.scale[:, None] + sets.centre[:, None]).T
    theirs = engines.cox_efron(
        sets.time, sets.event, pd.DataFrame(x, columns=[result.names[k] for k in result.fit.kept])
    )
    for covariate in theirs.index:
        for column in ("coef", "std_error"):
            ours, other = (float(table[column].to_dict()[covariate]) for table in (result.table, theirs))
            yield _Number(f"{name}: {covariate}, {column}", ours, other, "statsmodels", ITERATED)


def _of_parametric(name: str, result: ParametricSurvival) -> Iterator[_Number]:
    sample = result.sample
    if (
        sample is None
        or isinstance(result.fitted, NotEstimable)
        or isinstance(result.covariance, NotEstimable)
    ):
        return
    covariates = dict(zip(result.covariates, (sample.covariates + result.centre).T, strict=True))
    theirs = None
    if (result.model == "location" or not covariates) and not result.centre.any():
        records = (sample.left, sample.right, sample.entry, sample.weights)
        theirs = engines.parametric(result.distribution, records, covariates)
    if theirs is None:
        return
    rows, loglik = theirs
    errors = np.sqrt(np.diag(result.covariance))
    logs = [*result.family.positive, *(False for _ in result.covariates)]
    for k, parameter in enumerate(result.names):
        word = f"{name}: {'log ' if logs[k] else ''}{parameter}"
        value, error = rows[parameter]
        for what, ours, other in (
            ("", float(result.fitted[k]), value),
            (", standard error", float(errors[k]), error),
        ):
            yield _Number(f"{word}{what}", ours, other, "lifelines", SEARCHED * max(1.0, abs(ours)))
    yield _Number(f"{name}: log-likelihood", cast("float", result.loglik), loglik, "lifelines", ITERATED)


def _of_logrank(name: str, result: LogRank) -> Iterator[_Number]:
    if result.records and result.method == "chi-square" and isinstance(result.statistic, float):
        time, event, group = result.records
        statistic, p_value = engines.logrank(time, event, group)
        yield _Number(f"{name}: chi-square", result.statistic, statistic, "lifelines", 1e-8)
        yield _Number(f"{name}: p-value", float(cast("float", result.p_value)), p_value, "lifelines", 1e-8)


def _of_kappa(name: str, result: WeightedKappa) -> Iterator[_Number]:
    if isinstance(result.estimate, NotEstimable):
        return
    kappa, error = engines.weighted_kappa(result.counts, result.weights)
    yield _Number(f"{name}: kappa", float(result.estimate), kappa, "statsmodels")
    if isinstance(result.std_error, float):
        yield _Number(f"{name}: standard error", result.std_error, error, "statsmodels")


_KINDS: dict[type, Callable[[str, Any], Iterator[_Number]]] = {
    ResponseResult: _of_response,
    ProportionResult: _of_proportion,
    SurvivalResult: _of_survival,
    KaplanMeier: _of_curve,
    Turnbull: _of_intervals,
    CumulativeIncidence: _of_incidence,
    ShiftResult: _of_shift,
    CommonOddsRatio: _of_odds,
    LogRank: _of_logrank,
    OneSampleLogRank: _of_history,
    Cox: _of_cox,
    ParametricSurvival: _of_parametric,
    WeightedKappa: _of_kappa,
}


def second_opinion(result: Result) -> SecondOpinion:
    """Compute the numbers of a result again by lifelines, statsmodels or scipy.

    Parameters
    ----------
    result : Result
        A response or proportion, a survival curve or incidence, a plain log-rank test, the ratio to a known curve, the
        shift, a common odds ratio, a Cox model, a fitted distribution, the weighted kappa of two raters.

    Returns
    -------
    SecondOpinion
        Empty where the other libraries have nothing of the kind (weights, late entry).

    Raises
    ------
    TypeError
        For a result that no other library computes; the message lists those that one does.
    EngineMissingError
        If a library is not installed.

    Examples
    --------
    >>> import pnstrial as pns
    >>> opinion = second_opinion(pns.design.proportion(3, 17, null=0.1))
    >>> opinion.n, opinion.differing
    (3, 0)
    """
    check_signature(second_opinion, locals())
    for kind, ask in _KINDS.items():
        if isinstance(result, kind):
            return _opinion(list(ask(kind.__name__, result)))
    named = ", ".join(kind.__name__ for kind in _KINDS)
    raise TypeError(
        f"second_opinion: no other library computes a {type(result).__name__}; there are opinions on {named}"
    )


def verify(
    trial: TrialData, protocol: Protocol, *, null: float | None = None, visit: str | None = None
) -> SecondOpinion:
    """Compute the numbers of the report again by lifelines, statsmodels and scipy, from the derived records on.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol
    null : float, optional
        Null proportion, if another than the protocol's.
    visit : str, optional
        Visit of the primary endpoint, if another than the protocol's.

    Returns
    -------
    SecondOpinion

    Raises
    ------
    EngineMissingError
        If a library is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import pnstrial as pns
    >>> folder = tempfile.mkdtemp()
    >>> _ = pns.data.write_example(folder)
    >>> verify(pns.read_trial(folder), pns.load_protocol("nct02343211")).differing
    0
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    check_signature(verify, locals())
    material = Material(analyse(trial, protocol, null=null, visit=visit))
    numbers = [number for name, result in compared(material) for number in _KINDS[type(result)](name, result)]
    numbers += _of_power(material)
    return _opinion([x for x in numbers if math.isfinite(x.ours) and math.isfinite(x.theirs)])


def compared(material: Material) -> Iterator[tuple[str, Result]]:
    """Give the results of the report that another library can compute, each with the name under which it is listed.

    Returns
    -------
    iterator of (str, Result)
    """
    analysis, level = material.analysis, material.level
    visits = list(dict.fromkeys([analysis.visit, *analysis.secondary]))
    for name in visits:
        yield f"Response at {name}", analysis.response_at(name)
    for label, change in STRATEGIES[1:]:
        yield f"Response at {analysis.visit}, {label}", analysis.response_at(analysis.visit, change)
    for row in rows_of(analysis.scales):
        yield (
            f"Improved on {row.scale} at {row.visit}",
            proportion(int(row.improved), int(row.n), level=level),
        )
    events, n = safety_events(material), len(material.safety)
    for label, chosen in (
        event_groups(events, material.medicine) | events_of_interest(events, material.protocol)
    ).items():
        yield (
            f"Patients with event: {label[0].lower()}{label[1:]}",
            proportion(events.loc[chosen, "patient_id"].nunique(), n, level=level),
        )
    yield "Overall survival", material.overall_survival
    yield "Deterioration", material.deterioration
    yield "Improvement", material.improvement
    if not isinstance(material.overall_survival.curve, NotEstimable):
        records = material.overall_survival.records
        for key, series in material.published.iterrows():
            found = one_sample_logrank(records["days"], records["event"], str(key), level=level, unit="days")
            yield f"Deaths against {short_citation(series['citation'])}", found
    for name in visits:
        yield f"Shift at {name}", mrs_shift(material.trial, analysis.protocol, visit=name)


def _of_power(material: Material) -> Iterator[_Number]:
    """Compare the exact power of the patients enrolled, for the null of the protocol or for 5 and 10 %."""
    n = len(material.enrolled)
    nulls, alpha, rates = planned_test(material.protocol)
    for p0 in nulls:
        for x in range(1, n + 1):
            if float(binomial_tail(x, n, p0)) <= alpha:
                for p in (p0, *(rate for rate in rates if rate > p0)):
                    name = f"Chance of {x} or more of {n} at {100 * p:g} %"
                    yield _Number(
                        name, float(binomial_tail(x, n, p)), engines.binomial_tail(x, n, p), "scipy"
                    )
                break

"""What does a trial do that looks at its count several times?

Input: numbers of patients at the looks; counts that stop for futility or for efficacy.
Output: `SequentialDesign` from `sequential` (any boundaries), `sprt` and `group_sequential` (alpha spending).
Protocol section: design.
Method: exact enumeration of paths; boundaries are counts, so the achieved errors are those of the counts.
Next: `single`, `two_stage`, `safety`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from pnstrial.design.counts.outcomes import MOST_PATIENTS, Design, Outcomes, enumerate_looks
from pnstrial.design.counts.proportion import binomial_pmf
from pnstrial.numerics.arguments import Checks, as_array, as_number, display
from pnstrial.results import Display

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SequentialDesign", "group_sequential", "sequential", "spending", "sprt"]


@dataclass(frozen=True, repr=False)
class SequentialDesign(Design):
    """Looks at given numbers of patients, with counts that stop the trial.

    Attributes
    ----------
    looks : tuple of int
        Patients at each look.
    futility : tuple of (int or None)
        Stop for futility at this count or below; None = no such stop.
    efficacy : tuple of (int or None)
        Stop and reject the null at this count or above; None = no such stop.
    name : str
        What the design is called.
    p0, p1 : float or None
        Rates for which it was made, where it was made for rates.
    """

    looks: tuple[int, ...]
    futility: tuple[int | None, ...]
    efficacy: tuple[int | None, ...]
    name: str = "sequential"
    p0: float | None = None
    p1: float | None = None
    words: tuple[str, str] = field(default=("improve", "reject the null"), repr=False)

    @property
    def look_sizes(self) -> tuple[int, ...]:
        """Number of patients at each look."""
        return self.looks

    @property
    def n(self) -> int:
        """Largest number of patients."""
        return self.looks[-1]

    @cached_property
    def outcomes(self) -> Outcomes:
        """Every way in which the trial can end."""
        low = np.array([-1 if a is None else a for a in self.futility], dtype=np.int64)
        pairs = zip(self.efficacy, self.looks, strict=True)
        high = np.array([n + 1 if b is None else b for b, n in pairs], dtype=np.int64)
        return enumerate_looks(np.array(self.looks, dtype=np.int64), low, high)

    @cached_property
    def alpha(self) -> float | None:
        """Probability to reject at p0; None where the design knows no p0."""
        return None if self.p0 is None else float(self.reject_probability(self.p0))

    @cached_property
    def power(self) -> float | None:
        """Probability to reject at p1; None where the design knows no p1."""
        return None if self.p1 is None else float(self.reject_probability(self.p1))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look: `n`, `stop_futility_at` (or below), `stop_efficacy_at` (or above)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "look": range(1, len(self.looks) + 1),
                "n": self.looks,
                "stop_futility_at": pd.array(list(self.futility), dtype="Int64"),
                "stop_efficacy_at": pd.array(list(self.efficacy), dtype="Int64"),
            }
        )

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol.

        Returns
        -------
        str

        Examples
        --------
        >>> sequential([9, 17], [0, 2], [None, 3]).sentence()
        'Look after 9 and 17 patients: stop if at most 0 of 9 improve; reject the null if 3 or more of 17...'
        """
        verb, act = self.words
        low = [f"at most {a} of {n}" for a, n in zip(self.futility, self.looks, strict=True) if a is not None]
        high = [
            f"{b} or more of {n}" for b, n in zip(self.efficacy, self.looks, strict=True) if b is not None
        ]
        if self.futility[-1] is not None and self.efficacy[-1] == self.futility[-1] + 1 and low:
            low.pop()  # the other side of the final rejection
        parts = ([f"stop if {_joined(low, 'or')} {verb}"] if low else []) + (
            [f"{act} if {_joined(high, 'or')} {verb}"] if high else []
        )
        parts = parts or ["no count of responders stops the trial or rejects the null"]
        errors = [
            f"{word} {value:.3f}" for word, value in (("alpha", self.alpha), ("power", self.power)) if value
        ]
        looks = _joined([str(n) for n in self.looks], "and")
        return (
            f"Look after {looks} patients: " + "; ".join([*parts, ", ".join(errors)]).removesuffix("; ") + "."
        )

    def _display(self) -> Display:
        return Display(self.sentence(), table=self.to_frame())


def _joined(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def sequential(
    looks: Sequence[int],
    futility: Sequence[int | float | None] | None = None,
    efficacy: Sequence[int | float | None] | None = None,
    p0: float | None = None,
    p1: float | None = None,
) -> SequentialDesign:
    """Make a design of any looks with any counts that stop it.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look, increasing, the last at most 1000.
    futility : sequence of (int or None), optional
        Stop for futility if the count is at or below; None, nan or a negative number = never. Default: no
        futility stop at any look.
    efficacy : sequence of (int or None), optional
        Stop and reject the null if the count is at or above; None, nan, inf or a count above n = never.
        Default: no efficacy stop at any look.
    p0, p1 : float, optional
        Rates at which `alpha` and `power` are wanted.

    Returns
    -------
    SequentialDesign

    Raises
    ------
    ValueError
        If the looks do not increase, a boundary has another length, or futility meets efficacy at a look.

    Notes
    -----
    Counts are those of gsDesign's ``gsBinomialExact`` (a: stop low at or below, b: stop high at or above); an
    efficacy boundary that decreases is allowed here and refused there. Anything between the boundaries at the
    last look counts neither as futility nor as efficacy.

    Examples
    --------
    >>> design = sequential([6, 11, 17], [-1, 0, 2], [4, 5, 5])
    >>> oc = design.operating_characteristics(0.05)
    >>> oc.stop_futility.round(4).tolist(), round(oc.expected_n, 3)
    ([0.0, 0.5688, 0.3822], 13.586)
    """
    sizes = checked_looks("sequential", looks)
    low = _checked_boundary("sequential", "futility", futility, sizes)
    high = _checked_boundary("sequential", "efficacy", efficacy, sizes)
    clash = [
        f"look {k + 1} (n = {n}): futility {a} is not below efficacy {b}"
        for k, (n, a, b) in enumerate(zip(sizes, low, high, strict=True))
        if a is not None and b is not None and a >= b
    ]
    checks = Checks("sequential")
    checks.add(bool(clash), "; ".join(clash) + ": a count cannot stop both ways")
    if p0 is not None:
        checks.rate("p0", p0)
    if p1 is not None:
        checks.rate("p1", p1)
    checks.done()
    return SequentialDesign(sizes, low, high, p0=p0, p1=p1)


def checked_looks(caller: str, looks: object) -> tuple[int, ...]:
    """Read the numbers of patients at the looks."""
    sizes = as_array(looks)
    good = sizes is not None and sizes.ndim == 1 and sizes.size > 0
    if sizes is not None and good:
        rising = bool((np.diff(sizes) > 0).all() and (sizes == np.floor(sizes)).all())
        good = rising and bool(sizes[0] >= 1 and sizes[-1] <= MOST_PATIENTS)
    Checks(caller).add(
        not good,
        f"looks = {display(looks)} must be increasing whole numbers from 1 to {MOST_PATIENTS} (patients at each look,"
        " not the size of each group)",
    ).done()
    return () if sizes is None else tuple(int(n) for n in sizes)


def _checked_boundary(
    caller: str, name: str, counts: object, sizes: tuple[int, ...]
) -> tuple[int | None, ...]:
    """Read counts that stop a trial; None where there is no stop."""
    if counts is None:
        return (None,) * len(sizes)
    checks = Checks(caller)
    listed = not isinstance(counts, str | bytes | Mapping) and isinstance(counts, Iterable)
    checks.add(
        not listed, f"{name} = {display(counts)} must be a sequence, one count for each look (None = no stop)"
    )
    checks.done()
    given = list(cast("Iterable[Any]", counts))
    checks.add(
        len(given) != len(sizes),
        f"{name} has {len(given)} counts for {len(sizes)} looks; give one for each: {name} = {display(given)}",
    ).done()
    read: list[int | None] = []
    for count, n in zip(given, sizes, strict=True):
        never = count is None or (isinstance(count, float | np.floating) and not math.isfinite(count))
        number = as_number(count)
        if not never and (number is None or not number.is_integer()):
            checks.rule(True, name, count, "must be a whole number of patients (None = no stop)")
            continue
        never = number is None or (number < 0 if name == "futility" else number > n)
        read.append(None if never else int(number or 0))
    checks.done()
    return tuple(read)


def sprt(
    p0: float,
    p1: float,
    alpha: float = 0.05,
    power: float = 0.8,
    n_min: int = 1,
    n_max: int = 50,
) -> SequentialDesign:
    """Make Wald's sequential probability ratio test, looked at after every patient, truncated at n_max.

    Parameters
    ----------
    p0, p1 : float
        Rates under the null and the alternative, p0 < p1.
    alpha, power : float
        Nominal errors that place the two lines.
    n_min, n_max : int
        First and last look.

    Returns
    -------
    SequentialDesign
        Its `alpha` and `power` are those achieved with the truncation: counts between the lines at n_max
        reject nothing.

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    Stop for futility where the log-likelihood ratio is at most log((1 - power) / (1 - alpha)), for efficacy
    where it is at least log(power / alpha) (Wald 1947, eq. 3:12; the counts equal gsDesign's binomialSPRT).

    Examples
    --------
    >>> design = sprt(0.05, 0.25, alpha=0.1, power=0.85, n_min=10, n_max=35)
    >>> design.futility[:7], design.efficacy[:6]
    ((0, 0, 0, 0, 0, 0, 1), (3, 3, 3, 3, 3, 4))
    """
    checks = Checks("sprt").hypotheses(p0, p1).share("alpha", alpha).share("power", power)
    checks.count("n_min", n_min, 1).count("n_max", n_max, 1, MOST_PATIENTS)
    if not checks.problems:
        checks.add(n_min > n_max, f"n_min = {n_min} must not exceed n_max = {n_max}")
        checks.add(alpha >= power, f"power = {power} must be above alpha = {alpha}")
    checks.done()
    n = np.arange(n_min, n_max + 1)
    gain = math.log(p1 / p0) - math.log((1 - p1) / (1 - p0))
    drift = -n * math.log((1 - p1) / (1 - p0)) / gain
    # a count on a line stops; the margin keeps that from hanging on the last digit
    low = np.floor(math.log((1 - power) / (1 - alpha)) / gain + drift + 1e-12).astype(int)
    high = np.ceil(math.log(power / alpha) / gain + drift - 1e-12).astype(int)
    futility = tuple(int(a) if a >= 0 else None for a in low)
    efficacy = tuple(int(b) if b <= m else None for b, m in zip(high, n, strict=True))
    return SequentialDesign(tuple(int(m) for m in n), futility, efficacy, "SPRT", p0, p1)


def _pocock(t: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    return np.minimum(total * np.log(1 + (math.e - 1) * t), total)


def _obrien_fleming(t: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    from scipy.special import ndtr, ndtri

    return 2 * ndtr(ndtri(total / 2) / np.sqrt(t))


def _power_family(exponent: float) -> Callable[[NDArray[np.float64], float], NDArray[np.float64]]:
    return lambda t, total: total * t**exponent


_SPENDING: Final[dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]]] = {
    "pocock": _pocock,
    "obrien-fleming": _obrien_fleming,
}


def spending(kind: str | float, fractions: Sequence[float], total: float) -> NDArray[np.float64]:
    """Give the error spent up to each information fraction.

    Parameters
    ----------
    kind : {"pocock", "obrien-fleming"} or float
        Lan and DeMets' spending functions; a number is the exponent of the power family.
    fractions : sequence of float
        Share of the patients at each look, above 0 and up to 1.
    total : float
        Error to spend.

    Returns
    -------
    ndarray
        Cumulative error.

    Raises
    ------
    ValueError
        If the kind is unknown or an argument breaks its rule.

    Notes
    -----
    Lan KKG, DeMets DL. Biometrika 1983;70:659-663: total log(1 + (e - 1) t), and
    2 Phi(z / sqrt(t)) with Phi(z) = total / 2 for a one-sided total; Kim-DeMets power family total
    t^exponent.

    Examples
    --------
    >>> spending("pocock", [6 / 17, 11 / 17, 1], 0.05).round(5).tolist()
    [0.0237, 0.03738, 0.05]
    """
    return _spent("spending", "kind", kind, fractions, total)


def _spent(
    caller: str, name: str, kind: str | float, fractions: Sequence[float], total: float
) -> NDArray[np.float64]:
    """Give the error spent, naming the argument of the caller where the kind is none."""
    checks = Checks(caller).share("total", total).numbers("fractions", fractions, 0.0, 1.0)
    if checks.clean:
        checks.add(
            min(fractions) <= 0, f"fractions = {display(list(fractions))} must lie above 0 and up to 1"
        )
    if isinstance(kind, str):
        checks.word(name, kind, tuple(_SPENDING))
    else:
        checks.positive(name, kind)
    checks.done()
    function = _SPENDING[kind] if isinstance(kind, str) else _power_family(float(kind))
    return function(np.asarray(fractions, dtype=float), float(total))


def group_sequential(
    looks: Sequence[int],
    p0: float,
    p1: float | None = None,
    alpha: float = 0.05,
    spend: str | float = "pocock",
    beta: float | None = None,
    spend_beta: str | float = "pocock",
) -> SequentialDesign:
    """Make an exact group-sequential binomial design from alpha spending, and beta spending if wanted.

    Parameters
    ----------
    looks : sequence of int
        Patients at each look.
    p0 : float
        Rate under the null.
    p1 : float, optional
        Rate under the alternative; needed for beta spending.
    alpha : float, default 0.05
        One-sided type I error to spend.
    spend, spend_beta : {"pocock", "obrien-fleming"} or float
        Spending functions (`spending`).
    beta : float, optional
        Type II error to spend on stops for futility before the last look; by default no such stops.

    Returns
    -------
    SequentialDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    At each look the efficacy count is the smallest whose exact crossing probability at p0, together with
    what earlier looks spent, stays within the spending function; what a look could not spend, counts being
    whole, later looks may. Stops for futility are binding in neither error: the counts for efficacy are set
    as if there were none, so that ignoring a futility stop does not raise the type I error. (A plan on the
    normal scale with the same spending, as rpact makes, has exact type I error 0.087 at nominal 0.05 for
    looks at 6, 11, 17 and p0 = 0.1.)

    Examples
    --------
    >>> design = group_sequential([6, 11, 17], 0.1, 0.4, spend="pocock")
    >>> design.efficacy, round(design.alpha, 4)
    ((3, 4, 5), 0.0382)
    """
    sizes = checked_looks("group_sequential", looks)
    checks = Checks("group_sequential").share("p0", p0).share("alpha", alpha)
    if p1 is not None:
        checks.hypotheses(p0, p1)
    if beta is not None:
        checks.share("beta", beta)
        checks.add(p1 is None, "p1 = None must be given with beta")
    checks.done()
    fractions = [n / sizes[-1] for n in sizes]
    allowed = _spent("group_sequential", "spend", spend, fractions, alpha)
    high = _spend_upwards(sizes, p0, allowed)
    low: tuple[int | None, ...] = (None,) * len(sizes)
    if beta is not None and p1 is not None:
        low = _spend_downwards(
            sizes, p1, _spent("group_sequential", "spend_beta", spend_beta, fractions, beta), high
        )
    if high[-1] is not None:
        low = (*low[:-1], high[-1] - 1)
    return SequentialDesign(sizes, low, high, "group-sequential", p0, p1)


def _steps(sizes: tuple[int, ...], p: float) -> list[NDArray[np.float64]]:
    """Give the distribution of the responders of each group."""
    return [binomial_pmf(m, p) for m in np.diff([0, *sizes]).tolist()]


def _spend_upwards(sizes: tuple[int, ...], p0: float, allowed: NDArray[np.float64]) -> tuple[int | None, ...]:
    """Set the smallest efficacy counts that the spending function pays for."""
    state, spent = np.ones(1), 0.0
    counts: list[int | None] = []
    for n, step, budget in zip(sizes, _steps(sizes, p0), allowed.tolist(), strict=True):
        state = np.convolve(state, step)
        tail = np.cumsum(state[::-1])[::-1]  # tail[x] = P(S >= x, not stopped before)
        affordable = np.flatnonzero(spent + tail <= budget * (1 + 1e-12))
        count = int(affordable[0]) if len(affordable) else n + 1
        counts.append(count if count <= n else None)
        if count <= n:
            spent += float(tail[count])
            state[count:] = 0.0
    return tuple(counts)


def _spend_downwards(
    sizes: tuple[int, ...], p1: float, allowed: NDArray[np.float64], high: tuple[int | None, ...]
) -> tuple[int | None, ...]:
    """Set the largest futility counts that the spending function pays for; none at the last look."""
    state, spent = np.ones(1), 0.0
    counts: list[int | None] = []
    for n, step, budget, top in zip(sizes, _steps(sizes, p1), allowed.tolist(), high, strict=True):
        state = np.convolve(state, step)
        limit = n + 1 if top is None else top
        below = np.cumsum(state)
        affordable = np.flatnonzero(spent + below[:limit] <= budget * (1 + 1e-12))
        if n == sizes[-1] or not len(affordable):
            counts.append(None)
            state[limit:] = 0.0
            continue
        count = int(affordable[-1])
        counts.append(count)
        spent += float(below[count])
        state[: count + 1] = 0.0
        state[limit:] = 0.0
    return tuple(counts)


def describe(design: SequentialDesign) -> dict[str, Any]:
    """Give the counts of a design as plain values, for JSON.

    Parameters
    ----------
    design : SequentialDesign
        Any sequential design.
    """
    return {
        "looks": list(design.looks),
        "futility": list(design.futility),
        "efficacy": list(design.efficacy),
        "alpha": design.alpha,
        "power": design.power,
    }

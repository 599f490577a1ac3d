"""How does a trial stop early when its first patients do not respond?

Input: the rate of no interest p0, the rate hoped for p1, type I error and power.
Output: `SimonDesigns` (optimal, minimax, all admissible ones, the best of every n) and `TwoStageDesign`.
Protocol section: design.
Method: complete search. With T_n(r) = P(more than r of n), a design rejects with probability
T_n(r) - sum over x1 <= r1 of b(x1; n1) T_n2(r - x1): one running sum serves every r1. No n comes into question
whose most powerful randomised test lacks the power, and the search ends at the n from which no first stage
that keeps the power can have a smaller expected size.
Next: `after`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pnstrial.design.counts.outcomes import MOST_PATIENTS, Design, Outcomes, enumerate_looks
from pnstrial.numerics.arguments import Checks, display
from pnstrial.results import Display, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pnstrial.design.stages.sequential import SequentialDesign

__all__ = ["SimonDesigns", "TwoStageDesign", "simon", "simon_grid", "two_stage"]


@dataclass(frozen=True, repr=False)
class TwoStageDesign(Design):
    """Simon's form of a two-stage design.

    Attributes
    ----------
    r1, n1 : int
        Stop after n1 patients if at most r1 of them respond.
    r, n : int
        Reject the null if more than r of all n respond.
    alpha, power : float
        Exact probability to reject at p0 and at p1.
    expected_n : float
        Expected number of patients at p0.
    early_stop : float
        Probability to stop after the first stage at p0.
    p0, p1 : float
        Rates of the null and the alternative.
    name : str
        What the design is called.
    """

    r1: int
    n1: int
    r: int
    n: int
    alpha: float
    power: float
    expected_n: float
    early_stop: float
    p0: float
    p1: float
    name: str = "two-stage"

    @property
    def look_sizes(self) -> tuple[int, int]:
        """Number of patients at the two looks."""
        return (self.n1, self.n)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Every way in which the trial can end."""
        never = self.n1 + 1
        return enumerate_looks(
            np.array([self.n1, self.n]), np.array([self.r1, self.r]), np.array([never, self.r + 1])
        )

    def as_sequential(self) -> SequentialDesign:
        """Give the same design as looks with counts that stop it."""
        from pnstrial.design.stages.sequential import SequentialDesign

        return SequentialDesign(
            (self.n1, self.n),
            (self.r1 if self.r1 >= 0 else None, self.r),
            (None, self.r + 1),
            self.name,
            self.p0,
            self.p1,
        )

    def sentence(self) -> str:
        """Say the design in one sentence for the protocol.

        Returns
        -------
        str

        Examples
        --------
        >>> print(simon(0.1, 0.3).optimal.sentence())
        Enrol 10; stop if at most 1 improves; else 19 more; reject if more than 5 of 29 improve; alpha 0.047,
        power 0.805.
        """
        verb = "improves" if self.r1 == 1 else "improve"
        stop = f"at most {self.r1} {verb}" if self.r1 else "none improves"
        more = f"{self.n - self.n1} more"
        middle = f"stop if {stop}; else {more}" if self.r1 >= 0 else f"then, whatever they answer, {more}"
        return (
            f"Enrol {self.n1}; {middle}; reject if more than {self.r} of {self.n} improve; alpha"
            f" {self.alpha:.3f}, power {self.power:.3f}."
        )

    def _display(self) -> Display:
        return Display(f"{self.name}: {self.sentence()} Expected size {self.expected_n:.1f} at p0.")


def two_stage(
    r1: int, n1: int, r: int, n: int, p0: float, p1: float, name: str = "two-stage"
) -> TwoStageDesign:
    """Give the exact characteristics of a two-stage design.

    Parameters
    ----------
    r1, n1, r, n : int
        Stop after n1 patients if at most r1 respond (-1: never); reject if more than r of n respond. With
        r < r1 a trial that goes on rejects for certain, as with r = r1.
    p0, p1 : float
        Rates of the null and the alternative.
    name : str
        What the design is called.

    Returns
    -------
    TwoStageDesign

    Raises
    ------
    ValueError
        If an argument breaks its rule; all are named.

    Notes
    -----
    clinfun's oc.twostage.bdry gives a negative alpha where r = r1, because a loop there runs backwards.

    Examples
    --------
    >>> round(two_stage(0, 9, 2, 17, 0.05, 0.25).alpha, 4)
    0.0466
    """
    checks = Checks("two_stage").count("n", n, 2, MOST_PATIENTS).hypotheses(p0, p1)
    if not checks.problems:
        checks.count("n1", n1, 1, int(n) - 1).count("r", r, 0, int(n))
    if not checks.problems:
        checks.count("r1", r1, -1, int(n1))
    checks.text("name", name).done()
    design = TwoStageDesign(int(r1), int(n1), int(r), int(n), 0.0, 0.0, 0.0, 0.0, float(p0), float(p1), name)
    oc = design.operating_characteristics(np.array([p0, p1]))
    stop = float(oc.stop_futility[0, 0])
    return TwoStageDesign(
        design.r1, design.n1, design.r, design.n, float(oc.reject[0]), float(oc.reject[1]),
        design.n1 + (1.0 - stop) * (design.n - design.n1), stop, design.p0, design.p1, name,
    )  # fmt: skip


@dataclass(frozen=True, repr=False)
class SimonDesigns(Result):
    """Simon's two-stage designs for given rates and errors.

    Attributes
    ----------
    optimal : TwoStageDesign
        Smallest expected size at p0.
    minimax : TwoStageDesign
        Smallest n, and among those the smallest expected size.
    p0, p1, alpha, power : float
        What was asked for.
    n_max : int
        Largest n that was allowed.
    proven : bool
        Whether no design beyond n_max can have a smaller expected size than `optimal`.
    admissible_designs : tuple of TwoStageDesign
        The admissible designs, from minimax to optimal.
    """

    optimal: TwoStageDesign
    minimax: TwoStageDesign
    p0: float
    p1: float
    alpha: float
    power: float
    n_max: int
    proven: bool
    admissible_designs: tuple[TwoStageDesign, ...] = field(repr=False)

    @property
    def admissible(self) -> pd.DataFrame:
        """The admissible designs (Jung et al. 2004), each with the interval of weights for which it is best.

        Columns `name`, `r1`, `n1`, `r`, `n`, `alpha`, `power`, `expected_n`, `early_stop`, `weight_low`,
        `weight_high`: for a weight w between the last two the design minimises w n + (1 - w) expected_n.
        """
        import pandas as pd

        switch: list[float] = [1.0]
        for one, other in pairwise(self.admissible_designs):
            gain = one.expected_n - other.expected_n
            switch.append(gain / (gain + other.n - one.n))
        switch.append(0.0)
        rows: list[dict[str, Any]] = []
        for k, design in enumerate(self.admissible_designs):
            row = {name: getattr(design, name) for name in _COLUMNS}
            rows.append({**row, "weight_low": switch[k + 1], "weight_high": switch[k]})
        return pd.DataFrame(rows)

    def per_n(self) -> pd.DataFrame:
        """Give the design with the smallest expected size of every n from minimax to optimal.

        Returns
        -------
        pandas.DataFrame
            Columns `r1`, `n1`, `r`, `n`, `alpha`, `power`, `expected_n`, `early_stop`.
        """
        import pandas as pd

        expected, found, errors, _ = _search_numpy(
            self.p0, self.p1, self.alpha, 1 - self.power, 2, self.optimal.n, 0, balanced=False, every=True
        )
        best = np.flatnonzero(np.isfinite(expected)).tolist()
        rows = [_design_of(n, found, errors, self.p0, self.p1, "best of n") for n in best]
        names = _COLUMNS[1:]
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows])

    def to_frame(self) -> pd.DataFrame:
        """Return the admissible designs."""
        return self.admissible

    def _display(self) -> Display:
        return Display(f"{self.optimal}\n{self.minimax}")


_COLUMNS = ("name", "r1", "n1", "r", "n", "alpha", "power", "expected_n", "early_stop")


def _search_numpy(
    p0: float,
    p1: float,
    alpha: float,
    beta: float,
    n_min: int,
    n_max: int,
    fixed_n1: int,
    balanced: bool,
    every: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], int]:
    """Search without compiled code: the loops of `two_stage_kernels` over n, arrays over n1 and r1."""
    pmf, tail = zip(*(probability_tables(p, n_max) for p in (p0, p1)), strict=True)
    counts = np.cumsum(pmf[1], axis=1) < beta
    r1_max = counts.sum(axis=1) - 1
    sizes = np.arange(n_max + 1)
    r1_max = np.minimum(r1_max, sizes)
    stop0 = np.cumsum(pmf[0], axis=1)
    pet_max = np.where(r1_max >= 0, stop0[sizes, np.maximum(r1_max, 0)], 0.0)
    expected = np.full(n_max + 1, np.inf)
    found = np.zeros((n_max + 1, 3), dtype=np.int64)
    errors = np.zeros((n_max + 1, 3))
    best = np.inf
    for n in range(max(2, n_min), n_max + 1):
        c = int(np.flatnonzero(tail[0][n, : n + 2] > alpha)[-1])
        share = (alpha - tail[0][n, c + 1]) / pmf[0][n, c]
        if tail[1][n, c + 1] + share * pmf[1][n, c] <= 1 - beta:
            continue
        n1 = np.arange(1, n)
        if fixed_n1:
            n1 = n1[n1 == fixed_n1]
        if balanced:
            n1 = n1[2 * n1 == n]
        n1 = n1[r1_max[n1] >= 0]
        reach = n1 + (1 - pet_max[n1]) * (n - n1)
        bound = float(reach.min()) if len(reach) else np.inf
        if not every:
            n1 = n1[reach < best]
        if len(n1):
            here, design, reached = _best_of(n, n1, r1_max, pmf, tail, stop0, alpha, beta)
            if here < (np.inf if every else best):
                expected[n], found[n], errors[n] = here, design, reached
            best = min(best, here)
        if bound >= best and best <= n and not fixed_n1 and not balanced:
            return expected[: n + 1], found[: n + 1], errors[: n + 1], n
    return expected, found, errors, n_max


def _best_of(
    n: int,
    n1: NDArray[np.int64],
    r1_max: NDArray[np.int64],
    pmf: tuple[NDArray[np.float64], ...],
    tail: tuple[NDArray[np.float64], ...],
    stop0: NDArray[np.float64],
    alpha: float,
    beta: float,
) -> tuple[float, tuple[int, int, int], tuple[float, float, float]]:
    """Find the smallest expected size of one n."""
    here, design, reached = np.inf, (0, 0, 0), (0.0, 0.0, 0.0)
    top = int(np.flatnonzero(tail[1][n, 1 : n + 2] > 1 - beta)[-1]) if tail[1][n, 1] > 1 - beta else -1
    x1 = np.arange(int(r1_max[n1].max()) + 1)
    within = x1[None, :] <= r1_max[n1][:, None]
    size = n1[:, None] + (1 - stop0[n1][:, x1]) * (n - n1)[:, None]
    for r in range(top, -1, -1):
        index = np.maximum(r - x1 + 1, 0)[None, :]
        allowed = within & (x1 <= r)[None, :]
        lost = [np.cumsum(pmf[h][n1][:, x1] * tail[h][(n - n1)[:, None], index], axis=1) for h in (0, 1)]
        level = allowed & (tail[0][n, r + 1] - lost[0] < alpha)
        if not level.any():
            break
        fits = level & (tail[1][n, r + 1] - lost[1] > 1 - beta)
        if fits.any():
            smallest = np.where(fits, size, np.inf)
            i, j = np.unravel_index(int(np.argmin(smallest)), smallest.shape)
            if smallest[i, j] < here:
                here, design = float(smallest[i, j]), (int(x1[j]), int(n1[i]), r)
                reached = (
                    float(tail[0][n, r + 1] - lost[0][i, j]),
                    float(tail[1][n, r + 1] - lost[1][i, j]),
                    float(stop0[n1[i], x1[j]]),
                )
    return here, design, reached


def probability_tables(p: float, n_max: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give pmf[m, x] and tail[m, j + 1] = P(more than j of m respond), j from -1."""
    pmf = np.zeros((n_max + 1, n_max + 1))
    pmf[0, 0] = 1.0
    for m in range(1, n_max + 1):
        pmf[m, : m + 1] = (1 - p) * pmf[m - 1, : m + 1]
        pmf[m, 1 : m + 1] += p * pmf[m - 1, :m]
    tail = np.zeros((n_max + 1, n_max + 2))
    tail[:, :-1] = np.cumsum(pmf[:, ::-1], axis=1)[:, ::-1]
    tail[:, 0] = 1.0
    return pmf, tail


_calls = 0


def _search(
    *arguments: Any, **options: Any
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], int]:
    """Search by NumPy at the first call of a process, by compiled code from then on.

    One design takes NumPy milliseconds; loading the compiler takes a second, which pays from the second on.
    """
    global _calls  # noqa: PLW0603 - counts the calls of this process; changes speed, never a result
    _calls += 1
    if _calls == 1 and "pnstrial.design.stages.two_stage_kernels" not in sys.modules:
        return _search_numpy(*arguments, **options)
    from pnstrial.design.stages.two_stage_kernels import search

    return search(*arguments, *options.values())


def simon(
    p0: float,
    p1: float,
    alpha: float = 0.05,
    power: float = 0.8,
    n_max: int = 100,
    n1: int | None = None,
    n: int | None = None,
    balanced: bool = False,
) -> SimonDesigns:
    """Find Simon's optimal and minimax two-stage designs, and every admissible one.

    Parameters
    ----------
    p0, p1 : float
        Rate of no interest and rate hoped for, 0 < p0 < p1 < 1.
    alpha, power : float
        Type I error and power; exact errors lie strictly below alpha and 1 - power.
    n_max : int, default 100
        Largest number of patients, up to 1000.
    n1, n : int, optional
        Size of the first stage, or of both, where they are given.
    balanced : bool, default False
        Only designs whose stages have the same size.

    Returns
    -------
    SimonDesigns

    Raises
    ------
    ValueError
        If an argument breaks its rule (all are named), or no design has n_max patients or fewer; the message
        then says what n_max would do.

    Notes
    -----
    Simon R. Control Clin Trials 1989;10:1-10. Jung SH et al. Stat Med 2004;23:561-569 for the admissible
    designs: the lower convex hull of (n, expected n). As in clinfun, errors are strictly below their limits
    and the expected size is below n. lrstat's simon2stage restricts the first stage to 15-85 % of n and so
    misses some minimax designs.

    Examples
    --------
    >>> designs = simon(0.05, 0.25)
    >>> best = designs.optimal
    >>> best.r1, best.n1, best.r, best.n
    (0, 9, 2, 17)
    """
    checks = Checks("simon").hypotheses(p0, p1).share("alpha", alpha).share("power", power)
    checks.count("n_max", n_max, 2, MOST_PATIENTS).flag("balanced", balanced)
    if n is not None:
        checks.count("n", n, 2, MOST_PATIENTS)
    if n1 is not None:
        checks.count("n1", n1, 1, MOST_PATIENTS if n is None else int(n) - 1)
    if not checks.problems:
        checks.add(power <= alpha, f"power = {power!r} must be above alpha = {alpha!r}")
    checks.done()
    low, high = (2, int(n_max)) if n is None else (int(n), int(n))
    expected, found, errors, last = _search(
        p0, p1, alpha, 1 - power, low, high, n1 or 0, balanced=balanced, every=n is not None
    )
    if not np.isfinite(expected).any():
        raise ValueError(_nothing(p0, p1, alpha, power, int(n_max), n1, n, balanced))
    hull = _hull_of(expected)
    names = (
        ["minimax", *["admissible"] * (len(hull) - 2), "optimal"] if len(hull) > 1 else ["optimal, minimax"]
    )
    designs = tuple(_design_of(m, found, errors, p0, p1, name) for m, name in zip(hull, names, strict=True))
    proven = last < high or n is not None
    return SimonDesigns(
        designs[-1], designs[0], float(p0), float(p1), float(alpha), float(power), high, proven, designs
    )


def _design_of(
    n: int, found: NDArray[np.int64], errors: NDArray[np.float64], p0: float, p1: float, name: str
) -> TwoStageDesign:
    """Turn a row of a search into a design."""
    r1, n1, r = found[n].tolist()
    alpha, power, stop = errors[n].tolist()
    return TwoStageDesign(
        r1, n1, r, n, alpha, power, n1 + (1.0 - stop) * (n - n1), stop, float(p0), float(p1), name
    )


def _hull_of(expected: NDArray[np.float64]) -> list[int]:
    """Give the n on the lower convex hull of (n, expected n), from the smallest n to the smallest size."""
    first = int(np.argmax(np.isfinite(expected)))
    last = int(np.argmin(expected))
    hull: list[int] = []
    for m in range(first, last + 1):
        if not np.isfinite(expected[m]):
            continue
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            # a point on the line between its neighbours is best for one weight, and stays
            if (expected[b] - expected[a]) * (m - a) > (expected[m] - expected[a]) * (b - a) + 1e-9:
                hull.pop()
            else:
                break
        if hull and expected[m] >= expected[hull[-1]]:
            continue
        hull.append(m)
    return hull


def _nothing(
    p0: float,
    p1: float,
    alpha: float,
    power: float,
    n_max: int,
    n1: int | None,
    n: int | None,
    balanced: bool,
) -> str:
    """Say why there is no design, and what would do."""
    requested = f"alpha = {alpha}, power = {power}, p0 = {p0}, p1 = {p1}"
    if n is not None or n1 is not None:
        free = [f"{name} = {value}" for name, value in (("n", n), ("n1", n1)) if value is not None]
        return f"simon: no design with {', '.join(free)} keeps {requested}; leave one of them free or raise n_max"
    for larger in (250, 500, MOST_PATIENTS):
        if larger <= n_max:
            continue
        expected, _, _, _ = _search(p0, p1, alpha, 1 - power, 2, larger, 0, balanced=balanced, every=False)
        if np.isfinite(expected).any():
            need = int(np.argmax(np.isfinite(expected)))
            best = int(np.argmin(expected))
            return (
                f"simon: n_max = {n_max} is too small for {requested}: the minimax design needs n_max = {need},"
                f" the optimal one n_max = {best}"
            )
    return (
        f"simon: no design of up to {MOST_PATIENTS} patients keeps {requested}; bring the rates further apart"
    )


def simon_grid(
    p0: Sequence[float],
    p1: Sequence[float],
    alpha: Sequence[float] | float = 0.05,
    power: Sequence[float] | float = 0.8,
    n_max: int = 100,
) -> pd.DataFrame:
    """Find optimal and minimax designs for many rates.

    Parameters
    ----------
    p0, p1, alpha, power : float or sequence of float
        As `simon`; they broadcast together.
    n_max : int
        Largest number of patients.

    Returns
    -------
    pandas.DataFrame
        Two rows, optimal and minimax, for each combination.

    Raises
    ------
    ValueError
        As `simon`.

    Examples
    --------
    >>> simon_grid([0.05, 0.1], [0.25, 0.3])[["p0", "name", "n1", "n"]].to_numpy().tolist()
    [[0.05, 'optimal', 9, 17], [0.05, 'minimax', 12, 16], [0.1, 'optimal', 10, 29], [0.1, 'minimax', 15, 25]]
    """
    import pandas as pd

    checks = Checks("simon_grid")
    for name, value in (("p0", p0), ("p1", p1), ("alpha", alpha), ("power", power)):
        checks.array(name, value, 0.0, 1.0)
        checks.add(
            checks.clean and not np.size(value), f"{name} = {display(value)} must hold one number at least"
        )
    checks.count("n_max", n_max, 2, MOST_PATIENTS).done()
    rows: list[dict[str, Any]] = []
    for values in np.broadcast(p0, p1, alpha, power):
        a, b, c, d = (float(value) for value in values)
        designs = simon(a, b, c, d, n_max)
        for design in (designs.optimal, designs.minimax):
            row = {name: getattr(design, name) for name in _COLUMNS}
            rows.append({"p0": a, "p1": b, "alpha_requested": c, "power_requested": d, **row})
    return pd.DataFrame(rows)

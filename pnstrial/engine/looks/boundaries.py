"""What does a design decide at a look, for many trials at once?

Input: a design of `pnstrial.design`.
Output: `Boundaries`: the patients of each look, and a decision for arrays of counts.
Protocol section: design.
Method: every design of a count is two counts a look; a second stage that depends on the first is asked by what the
first gave; a design of two outcomes asks both counts.
Next: `calendar`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pnstrial.design import AdaptiveDesign, BryantDayDesign, Design, FlexibleDesign, OrdinalDesign
from pnstrial.design.stages.adaptive import stops_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

__all__ = ["EFFICACY", "FUTILITY", "UNDECIDED", "Boundaries", "boundaries_of"]

FUTILITY, UNDECIDED, EFFICACY = -1, 0, 1


@dataclass(frozen=True)
class Boundaries:
    """A design, asked at its looks.

    Parameters
    ----------
    sizes : tuple of int
        Patients at each look.
    second : {"controlled", "without event"} or None
        What is counted besides the responders: improved or stable, or without the event.
    decide : callable
        Takes the look, and the counts of both at all looks, shape (trials, looks); gives -1, 0 or 1 a trial.
    exact : callable
        Takes the probabilities of one patient (responder, improved, stable, with the event) and gives the exact
        probability of success and the expected number of patients decided on; None where there is no exact answer.
    """

    sizes: tuple[int, ...]
    second: Literal["controlled", "without event"] | None
    decide: Callable[[int, Counts, Counts], NDArray[np.int8]]
    exact: Callable[[dict[str, float]], tuple[float, float] | None]


@dataclass(frozen=True)
class _Counts:
    """Two counts a look."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    def __call__(self, look: int, first: Counts, second: Counts) -> NDArray[np.int8]:
        del second
        x = first[:, look]
        found = (x >= self.high[look]).astype(np.int8)
        found[x <= self.low[look]] = FUTILITY
        return found


@dataclass(frozen=True)
class _SecondStage:
    """A second stage whose size and critical count depend on the first."""

    sizes: tuple[int, ...]
    more: tuple[int, ...]
    critical: tuple[int, ...]

    def __call__(self, look: int, first: Counts, second: Counts) -> NDArray[np.int8]:
        del second
        x1 = first[:, 0]
        more = np.asarray(self.more)[x1]
        if look == 0:
            at_once = np.where(np.asarray(self.critical)[x1] <= 0, EFFICACY, FUTILITY)
            return np.where(more == 0, at_once, UNDECIDED).astype(np.int8)
        ends = more == self.sizes[look] - self.sizes[0]
        wins = first[:, look] - x1 >= np.asarray(self.critical)[x1]
        return np.where(ends, np.where(wins, EFFICACY, FUTILITY), UNDECIDED).astype(np.int8)


@dataclass(frozen=True)
class _Both:
    """Stop where both counts are low (ordinal), or where one of them is (response and toxicity)."""

    first_at_most: tuple[int, ...]
    second_at_most: tuple[int, ...]
    together: bool

    def __call__(self, look: int, first: Counts, second: Counts) -> NDArray[np.int8]:
        one = first[:, look] <= self.first_at_most[look]
        two = second[:, look] <= self.second_at_most[look]
        stops = one & two if self.together else one | two
        last = look == len(self.first_at_most) - 1
        return np.where(stops, FUTILITY, EFFICACY if last else UNDECIDED).astype(np.int8)


def boundaries_of(caller: str, design: Any) -> Boundaries:
    """Read a design.

    Parameters
    ----------
    caller : str
        Who asks, for the message.
    design : object
        Any design of `pnstrial.design`; of one that was chosen among several, the chosen one.

    Returns
    -------
    Boundaries

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> import numpy as np
    >>> from pnstrial.design import sequential
    >>> found = boundaries_of("example", sequential([9, 17], [0, 2], [None, 3]))
    >>> counts = np.array([[0, 4], [2, 3], [2, 2]])
    >>> [found.decide(look, counts, counts).tolist() for look in range(2)]
    [[-1, 0, 0], [1, 1, -1]]
    """
    if isinstance(design, OrdinalDesign):
        return _ordinal(design)
    if isinstance(design, BryantDayDesign):
        return _response_and_toxicity(design)
    inner = getattr(design, "design", None)
    design = inner if isinstance(inner, Design) else design
    if isinstance(design, FlexibleDesign):  # its own critical counts, which can be below those of the plan
        design = design.with_sizes({})
    if isinstance(design, AdaptiveDesign):
        return _adaptive(design)
    if not isinstance(design, Design):
        raise TypeError(
            f"{caller}: design = {type(design).__name__} is no design of one trial; give one of pns.design, such as"
            " pns.design.simon(0.1, 0.3).optimal or pns.design.sequential([9, 17], [0, 2], [None, 3])"
        )
    stops = stops_of(caller, design)
    sizes = tuple(sorted(stops))
    rule = _Counts(tuple(stops[n][0] for n in sizes), tuple(stops[n][1] for n in sizes))
    return Boundaries(sizes, None, rule, _of_design(design))


def _of_design(design: Design) -> Callable[[dict[str, float]], tuple[float, float] | None]:
    def exact(patient: dict[str, float]) -> tuple[float, float] | None:
        if "response" not in patient:
            return None
        found = design.operating_characteristics(patient["response"])
        return float(found.reject), float(found.expected_n)

    return exact


def _adaptive(design: AdaptiveDesign) -> Boundaries:
    more, critical = np.zeros(design.n1 + 1, int), np.full(design.n1 + 1, 1001)
    for first, size, count in design.rules:
        more[first] = size
        critical[first] = 1001 if count is None else count
    sizes = tuple(sorted({design.n1, *(design.n1 + int(size) for size in more)}))
    rule = _SecondStage(sizes, tuple(more.tolist()), tuple(critical.tolist()))
    return Boundaries(sizes, None, rule, _of_design(design))


def _at_most(counts: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if count is None else count for count in counts)


def _ordinal(design: OrdinalDesign) -> Boundaries:
    def exact(patient: dict[str, float]) -> tuple[float, float] | None:
        if "improved" not in patient:
            return None
        better, stable = patient["improved"], patient["stable"]
        found = design.operating_characteristics((better, stable, max(0.0, 1 - better - stable)))
        return float(found["reject"]), float(found["expected_n"])

    rule = _Both(_at_most(design.improved_at_most), _at_most(design.controlled_at_most), together=True)
    return Boundaries(design.looks, "controlled", rule, exact)


def _response_and_toxicity(design: BryantDayDesign) -> Boundaries:
    rule = _Both(
        (design.responses_continue - 1, design.responses_success - 1),
        (design.nontoxic_continue - 1, design.nontoxic_success - 1),
        together=False,
    )
    return Boundaries((design.n1, design.n), "without event", rule, lambda _: None)

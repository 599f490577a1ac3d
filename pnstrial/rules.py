"""Which answers does the trial give to a patient's mRS: category, decision, response?

Input: modified Rankin scale grades (0-6, 6 = dead, -1 = missing) and small integer codes.
Output: small integer codes, each with a name in the tuples below.
Protocol section: decision, endpoint, estimand.
Method: each rule is one plain function over integers. A `Rule` runs it on integers as it stands, on NumPy
arrays through the table of all its answers, and inside compiled kernels through ``rule.compiled``: three forms,
one source, so that a simulation cannot test another trial than the one that is analysed.
Next: `visits`, `endpoints`.
"""

from __future__ import annotations

from functools import cached_property, lru_cache, update_wrapper
from inspect import signature
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "CATEGORIES",
    "DEATH_STRATEGIES",
    "DECISIONS",
    "MISSING_STRATEGIES",
    "RESCUE_STRATEGIES",
    "RESPONSES",
    "STOPPED_STRATEGIES",
    "Rule",
    "change_category",
    "change_category_on",
    "interim_decision",
    "reasons",
    "response",
    "response_reason",
]

MISSING: Final = -1
"""No grade, no category: the third answer."""
DEAD: Final = 6
"""mRS 6; never a rating, only ever a death."""

IMPROVED: Final = 0
STABLE: Final = 1
DETERIORATED: Final = 2
CATEGORIES: Final = ("improved", "stable", "deteriorated")
"""Names of the change categories; -1 has none."""

CONTINUE: Final = 0
DISCONTINUE: Final = 1
DECISION_DEAD: Final = 2
NOT_EVALUABLE: Final = 3
DECISIONS: Final = ("continue", "discontinue", "dead", "not evaluable")
"""Names of the interim decisions."""

COMPOSITE: Final = 0
"""Strategy 0 of death and rescue: the event itself is a non-response."""
DEATH_EXCLUDE: Final = 1
DEATH_STRATEGIES: Final = ("composite", "exclude")
RESCUE_POLICY: Final = 1
RESCUE_STRATEGIES: Final = ("composite", "treatment policy")
STOPPED_POLICY: Final = 0
STOPPED_COMPOSITE: Final = 1
STOPPED_WHILE_ON: Final = 2
STOPPED_STRATEGIES: Final = ("treatment policy", "composite", "while on treatment")
MISSING_NON_RESPONDER: Final = 0
MISSING_LOCF: Final = 1
MISSING_EXCLUDE: Final = 2
MISSING_BEST_CASE: Final = 3
MISSING_STRATEGIES: Final = ("non-responder", "LOCF", "exclude", "best case")

_CYCLES: Final = ("no", "one", "two", "three", "four", "five", "six")
CYCLES_WITH_A_NAME: Final = len(_CYCLES)
"""Cycles before the decision that `reasons` can name: fewer than this."""
_REASONS: Final = (
    "improved",
    "not improved",
    "no baseline",
    "died",
    "died, excluded",
    "rescue immunotherapy",
    "fewer than {} cycles",
    "improved while on treatment",
    "not improved while on treatment",
    "missing",
    "missing, improved at the last rating (LOCF)",
    "missing, not improved at the last rating (LOCF)",
    "missing, excluded",
    "missing, counted as responder (best case)",
)


def reasons(cycles: int | None) -> tuple[str, ...]:
    """Name why a patient counts as responder, non-responder or not at all.

    Parameters
    ----------
    cycles : int or None
        That the protocol requires, from 1; None where its drugs differ in that.

    Returns
    -------
    tuple of str
        At the position of each code of `response_reason`.

    Examples
    --------
    >>> reasons(3)[6], reasons(8)[6], reasons(None)[6]
    ('fewer than three cycles', 'fewer than 8 cycles', 'fewer than required cycles')
    """
    check_signature(reasons, locals())
    named = dict(enumerate(_CYCLES))
    words = "required" if cycles is None else named.get(cycles, str(cycles))
    return tuple(reason.format(words) for reason in _REASONS)


NON_RESPONDER: Final = 0
RESPONDER: Final = 1
EXCLUDED: Final = 2
RESPONSES: Final = ("non-responder", "responder", "excluded")
"""Names of the codes of `response`."""

_RESPONDER_REASONS: Final = (0, 7, 10, 13)
_EXCLUDED_REASONS: Final = (4, 12)


class Rule:
    """One rule of the trial: a function of a few small integers to a small integer.

    Parameters
    ----------
    function : callable
        The rule, in plain Python over integers.
    domains : tuple of (int, int)
        Lowest and highest code of each argument, both included.

    Examples
    --------
    >>> change_category(3, 2)
    0
    >>> change_category(np.array([3, 3, 3]), np.array([2, 3, 6])).tolist()
    [0, 1, 2]
    >>> change_category(3, 2, points=2)
    1
    """

    def __init__(self, function: Callable[..., int], domains: tuple[tuple[int, int], ...]) -> None:
        self.scalar = function
        self.domains = domains
        update_wrapper(self, function)

    def __call__(self, *codes: Any, **named: Any) -> Any:
        """Answer for integers (an int) or for arrays that broadcast together (an int8 array)."""
        if named:
            codes = self._by_position(codes, named)
        if all(isinstance(code, int) for code in codes):
            return self.scalar(*codes)
        arrays = np.broadcast_arrays(*codes)
        index: list[NDArray[Any]] = []
        names = self.scalar.__code__.co_varnames
        for position, (values, (low, high)) in enumerate(zip(arrays, self.domains, strict=False)):
            if values.dtype.kind not in "iub":
                raise TypeError(
                    f"{self.scalar.__name__}: {names[position]} must be integers, not {values.dtype}"
                    f" (write a missing grade as {MISSING})"
                )
            if values.size and (values.min() < low or values.max() > high):
                wrong = values[(values < low) | (values > high)].flat[0]
                raise ValueError(
                    f"{self.scalar.__name__}: {names[position]} holds {wrong}; allowed are {low} to {high}"
                )
            index.append(values.astype(np.intp) - low)
        table = self.table
        left_out = reversed(self.domains[len(codes) :])
        for (low, _), default in zip(left_out, self._defaults(len(codes)), strict=True):
            table = table[..., default - low]  # the last axis that is left
        return table[tuple(index)]

    def _by_position(self, codes: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Put arguments given by name in their places, defaults before them."""
        bound = signature(self.scalar).bind(*codes, **named)
        last = max(list(bound.signature.parameters).index(name) for name in bound.arguments)
        bound.apply_defaults()
        return bound.args[: last + 1]

    def _defaults(self, given: int) -> tuple[int, ...]:
        """Give the defaults of the arguments that were left out, last argument first."""
        defaults: tuple[int, ...] = self.scalar.__defaults__ or ()
        first = self.scalar.__code__.co_argcount - len(defaults)  # the first argument that has one
        if not first <= given <= len(self.domains):
            raise TypeError(f"{self.scalar.__name__} takes {len(self.domains)} arguments, got {given}")
        return tuple(reversed(defaults[given - first : len(self.domains) - first]))

    @cached_property
    def table(self) -> NDArray[np.int8]:
        """Every answer of the rule: one axis per argument, offset by its lowest code."""
        shape = tuple(high - low + 1 for low, high in self.domains)
        every = product(*(range(low, high + 1) for low, high in self.domains))
        return np.fromiter((self.scalar(*codes) for codes in every), np.int8, int(np.prod(shape))).reshape(
            shape
        )

    @cached_property
    def compiled(self) -> Callable[..., int]:
        """The same rule for kernels; numba is imported here and not before."""
        from pnstrial.compiled import kernel

        return kernel(self.scalar)


def _change_category(
    baseline: int, later: int, points: int = 1, dead: int = DEAD, percent: int = 0, zero: int = 0
) -> int:
    """Compare a later grade with the baseline: the mRS, or any scale in its units (`vocabulary.Scale`).

    Parameters
    ----------
    baseline, later : int or array of int
        0 the best grade, rising to the worst, or -1 where missing.
    points : int, default 1
        By how many units a grade must fall to count as improved; a smaller fall is stable.
    dead : int, default 6
        The unit that is death.
    percent : int, default 0
        By how much of the baseline score it must fall as well.
    zero : int, default 0
        The unit of the score 0, from which a percentage is taken.

    Returns
    -------
    int or array of int8
        0 improved, 1 stable, 2 deteriorated (`CATEGORIES`), -1 where either is missing. Death is
        deteriorated, also without a baseline.

    Examples
    --------
    >>> from pnstrial import rules
    >>> rules.change_category([4, 4, 4, -1], [3, 4, 6, 2]).tolist()
    [0, 1, 2, -1]
    >>> rules.CATEGORIES[rules.change_category(5, 4)], rules.CATEGORIES[rules.change_category(5, 4, points=2)]
    ('improved', 'stable')
    """
    if later == dead:
        return DETERIORATED
    if MISSING in (baseline, later):
        return MISSING
    fall = baseline - later
    if fall >= points and 100 * fall >= percent * abs(baseline - zero):
        return IMPROVED
    if later > baseline:
        return DETERIORATED
    return STABLE


def _interim_decision(
    category: int,
    dead: int,
    improved: int = CONTINUE,
    stable: int = CONTINUE,
    deteriorated: int = DISCONTINUE,
) -> int:
    """Decide after the first cycles: go on, or stop.

    Parameters
    ----------
    category : int or array of int
        Change category at the decision visit, -1 where none.
    dead : int or array of int
        1 where the patient's value at that visit is death, else 0.
    improved, stable, deteriorated : int
        What follows from each category: 0 continue, 1 discontinue.

    Returns
    -------
    int or array of int8
        0 continue, 1 discontinue, 2 dead, 3 not evaluable (`DECISIONS`).

    Examples
    --------
    >>> from pnstrial import rules
    >>> [rules.DECISIONS[code] for code in rules.interim_decision([0, 1, 2, -1], [0, 0, 1, 0])]
    ['continue', 'continue', 'dead', 'not evaluable']
    """
    if dead:
        return DECISION_DEAD
    if category == MISSING:
        return NOT_EVALUABLE
    if category == IMPROVED:
        return improved
    return stable if category == STABLE else deteriorated


def _response_reason(  # noqa: C901, PLR0911 - the estimand is this list of answers, in this order
    has_baseline: int,
    dead: int,
    rescued: int,
    stopped: int,
    category: int,
    last_category: int,
    on_treatment_category: int,
    death: int = 0,
    rescue: int = 0,
    stop: int = 0,
    missing: int = 0,
) -> int:
    """Say why a patient counts as responder, non-responder or not at all, under an estimand.

    Parameters
    ----------
    has_baseline, dead, rescued, stopped : int or array of int
        1 or 0: a baseline mRS exists; the visit's value is death; counting immunotherapy began before the
        visit's rating; a cycle before the decision was not given.
    category, last_category, on_treatment_category : int or array of int
        Change category of the visit's value; of the last rating up to the window's end (LOCF); of the last
        rating up to 28 days after the last dose. -1 where there is none.
    death, rescue, stop, missing : int
        Codes of the strategies, as the position in `DEATH_STRATEGIES`, `RESCUE_STRATEGIES`,
        `STOPPED_STRATEGIES`, `MISSING_STRATEGIES`.

    Returns
    -------
    int or array of int8
        A code with its name in `reasons`. The events are asked in the order death, rescue, stopped, no value.

    Examples
    --------
    >>> from pnstrial import rules
    >>> better = {"category": 0, "last_category": 0, "on_treatment_category": 0}
    >>> codes = [rules.response_reason(has_baseline=1, dead=0, rescued=x, stopped=0, **better) for x in (0, 1)]
    >>> [rules.reasons(3)[code] for code in codes]
    ['improved', 'rescue immunotherapy']
    """
    if not has_baseline:
        return 2
    if dead:
        return 4 if death == DEATH_EXCLUDE else 3
    if rescued and rescue == COMPOSITE:
        return 5
    if stopped and stop == STOPPED_COMPOSITE:
        return 6
    if stopped and stop == STOPPED_WHILE_ON:
        if on_treatment_category == IMPROVED:
            return 7
        if on_treatment_category != MISSING:
            return 8
    elif category == IMPROVED:
        return 0
    elif category != MISSING:
        return 1
    if missing == MISSING_EXCLUDE:
        return 12
    if missing == MISSING_BEST_CASE:
        return 13
    if missing == MISSING_LOCF and last_category != MISSING:
        return 10 if last_category == IMPROVED else 11
    return 9


def _response(reason: int) -> int:
    """Turn a reason into the answer that is counted.

    Parameters
    ----------
    reason : int or array of int
        Code of `reasons`.

    Returns
    -------
    int or array of int8
        0 non-responder, 1 responder, 2 excluded from the denominator (`RESPONSES`).

    Examples
    --------
    >>> from pnstrial import rules
    >>> names = rules.reasons(3)
    >>> [(names[code], rules.RESPONSES[rules.response(code)]) for code in (0, 2, 3)]
    [('improved', 'responder'), ('no baseline', 'non-responder'), ('died', 'non-responder')]
    """
    if reason in _RESPONDER_REASONS:
        return RESPONDER
    if reason in _EXCLUDED_REASONS:
        return EXCLUDED
    return NON_RESPONDER


_FLAG: Final = (0, 1)
_CATEGORY: Final = (MISSING, DETERIORATED)

change_category = Rule(_change_category, ((MISSING, DEAD), (MISSING, DEAD), (1, 6)))


@lru_cache(maxsize=64)
def change_category_on(dead: int, points: int = 1, percent: int = 0, zero: int = 0) -> Rule:
    """Give the rule of the change category on a scale, for grades in its units.

    Parameters
    ----------
    dead, points, percent, zero
        As in `change_category`; a call takes them again, after the grades.

    Returns
    -------
    Rule
        Whose table has the answers of this scale only.

    Examples
    --------
    >>> onls = change_category_on(dead=13)
    >>> onls(np.array([5, 5, 5, -1]), np.array([4, 6, 13, 13]), 1, 13, 0, 0).tolist()
    [0, 2, 2, 2]
    """
    grades = (MISSING, dead)
    fixed = [(value, value) for value in (points, dead, percent, zero)]
    return Rule(_change_category, (grades, grades, *fixed))


_GO_ON: Final = (CONTINUE, DISCONTINUE)
interim_decision = Rule(_interim_decision, (_CATEGORY, _FLAG, _GO_ON, _GO_ON, _GO_ON))
response_reason = Rule(
    _response_reason,
    (_FLAG, _FLAG, _FLAG, _FLAG, _CATEGORY, _CATEGORY, _CATEGORY, _FLAG, _FLAG, (0, 2), (0, 3)),
)
response = Rule(_response, ((0, len(_REASONS) - 1),))

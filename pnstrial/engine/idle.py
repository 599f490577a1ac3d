"""Which changed settings can no reported quantity feel, and why?

Input: a protocol, the scenario as it was loaded and as it was changed, the quantities that are reported.
Output: the settings that do nothing, each with the reason.
Protocol section: estimand, treatment.
Method: every changed setting is taken back by itself; where all reported quantities keep their exact value, it does
nothing. A quantity without an exact answer counts as touched if any number that the simulation reads differs.
Next: `exact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pnstrial.engine.exact.answers import exact_characteristics
from pnstrial.engine.model import build_model
from pnstrial.numerics.signatures import check_signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pnstrial.engine.model import Model
    from pnstrial.engine.scenario import Scenario
    from pnstrial.protocol import Protocol

__all__ = ["idle_settings", "reason_for", "touched"]


def idle_settings(
    protocol: Protocol,
    loaded: Scenario,
    changed: Scenario,
    quantities: Sequence[str] = ("probability_of_success",),
) -> dict[str, str]:
    """Name the changed settings that no reported quantity can feel.

    Parameters
    ----------
    protocol : Protocol
    loaded, changed : Scenario
        As it came from its file, and as it is run.
    quantities : sequence of str
        What is reported.

    Returns
    -------
    dict of str to str
        Reason by setting, such as ``treatment.late``.

    Raises
    ------
    ScenarioError
        If protocol and a scenario do not fit together.

    Examples
    --------
    >>> import pnstrial as pns
    >>> protocol, loaded = pns.load_protocol("nct02343211"), pns.load_scenario("anti-hu-plain")
    >>> idle_settings(protocol, loaded, loaded.changed(baseline={"female": 0.9}, visits={"missed": 0.3}))
    {'baseline.female': 'it changes nothing of what is asked here'}
    """
    check_signature(idle_settings, locals())
    before, after = loaded.model_dump(), changed.model_dump()
    run, exact = build_model(protocol, changed), exact_characteristics(protocol, changed)
    found: dict[str, str] = {}
    for path in _differences(before, after, ()):
        if path[0] in {"id", "title", "source", "fit", "series"}:
            continue
        content = changed.model_dump()
        _put(content, path, _take(before, path))
        try:
            other = type(changed).model_validate(content)
            model, answers = build_model(protocol, other), exact_characteristics(protocol, other).answers
        except ValueError:  # it cannot be taken back by itself, so it does something
            continue
        if not touched((run, exact.answers), (model, answers), quantities):
            found[".".join(path)] = reason_for(protocol, changed, path)
    return found


def touched(
    one: tuple[Model, Mapping[str, float]],
    other: tuple[Model, Mapping[str, float]],
    quantities: Sequence[str],
) -> bool:
    """Say whether a quantity differs between two runs.

    Parameters
    ----------
    one, other : tuple of (Model, mapping of str to float)
        Each with its exact answers; a quantity without one differs if any number that the simulation reads does.
    quantities : sequence of str
    """
    return any(
        abs(one[1][name] - other[1].get(name, np.inf)) > 1e-12
        if name in one[1]
        else not _same(one[0], other[0])
        for name in quantities
    )


def _differences(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the place of every setting that differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        first, second = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for key in second:
            if key in first:
                yield from _differences(first[key], second[key], (*path, key))
            else:
                yield path
                return
    elif before != after:
        yield path


def _take(content: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def _put(content: Any, path: tuple[str, ...], value: Any) -> None:
    _take(content, path[:-1])[path[-1]] = value


def _same(one: Model, other: Model) -> bool:
    """Say whether the simulation reads the same numbers."""
    names = ("whole", "real", "words", "hazard", "sign_limit")
    same = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    return same and np.array_equal(one.success.minimum, other.success.minimum)


def reason_for(protocol: Protocol, scenario: Scenario, path: tuple[str, ...]) -> str:
    """Say why a setting does nothing.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    path : tuple of str
        The keys that lead to the setting in the scenario.
    """
    course = scenario.course
    if path[0] == "treatment" and not (course.ivig.as_array() != 1).any():
        drugs = " and ".join(drug.name for drug in protocol.drugs)
        moves = (
            "no rate of this course changes (course.ivig is 1), so when and how much is given moves no grade"
        )
        return f"{drugs}: {moves}"
    if path[0] == "treatment" and path[-1] in {"late", "late_days", "changed_dose", "dose_factor"}:
        return "treatment acts from day 1 to the decision or the end of the last cycle, whatever its days and doses"
    if path[0] == "rescue" and protocol.estimand.rescue == "treatment policy":
        return "rescue changes no rate (course.rescue is 1), and under treatment policy it is no non-response"
    if path[-1].startswith("tumour_treatment") and not (course.tumour_treatment.as_array() != 1).any():
        return "tumour treatment changes no rate in this course (course.tumour_treatment is 1)"
    return "it changes nothing of what is asked here"

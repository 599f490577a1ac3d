"""Every public function with every argument spoilt: an error that says what is wrong, or an answer."""

import dataclasses
import inspect
import math
import re
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from tests.bad_calls import base_call, public_functions

WRONG = {
    "nothing": None, "word": "xyz", "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "negative": -1,
    "fraction": 2.5, "truth": True, "empty": [], "mapping": {}, "thing": object(), "ragged": [[1], [1, 2]],
    "words": ["a", "b"], "complex": 1j, "hole": [math.nan],
}  # fmt: skip
IN_SUITE = ("nothing", "word", "nan", "inf", "negative", "truth", "empty", "thing", "ragged", "complex")
SECONDS = 2.0
KNOWN = Path(__file__).with_name("bad_input_known.txt")
HOME = str(Path(pns.__file__).parent)


def has_nan(value, depth=0):
    """Whether a result holds a nan in a number or an array of numbers."""
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and bool(np.isnan(value).any())
    if depth > 3 or isinstance(value, str | pd.DataFrame | pd.Series):
        return False
    if dataclasses.is_dataclass(value):
        return any(has_nan(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return any(has_nan(part, depth + 1) for part in value.values())
    return isinstance(value, tuple | list) and any(has_nan(part, depth + 1) for part in value)


def says(message, name, value):
    """Whether an error names the argument and shows the value."""
    if not re.search(rf"(?<![A-Za-z]){re.escape(name.rstrip('_'))}", message):
        return False
    if isinstance(value, list | dict) or re.search(r" shapes? | in one way ", message):
        return True
    shown = {
        repr(value),
        str(value),
        type(value).__name__,
        f"{value:g}" if isinstance(value, int | float) else "",
    }
    return value is None or any(text and text[:12] in message for text in shown)


def fault_of(function, call, name, value, clean):
    """Say what is wrong with the answer to one spoilt argument; empty where nothing is."""
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = function(**{**call, name: value})
    except (ValueError, TypeError, OSError, AttributeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        if not isinstance(error, ValueError | TypeError):
            return f"{type(error).__name__}: {str(error)[:90]}"
        if not last.startswith(HOME):
            return f"raised below: {type(error).__name__}: {str(error)[:90]}"
        return "" if says(str(error), name, value) else f"unclear: {type(error).__name__}: {str(error)[:120]}"
    except Exception as error:  # noqa: BLE001 - whatever comes up from below is what this test is about
        return f"{type(error).__name__}: {str(error)[:90]}"
    if time.perf_counter() - start > SECONDS:
        return "slow"
    return "nan" if clean and has_nan(result) else ""


def spoilt(name, function, kinds=tuple(WRONG)):
    """Go through the spoilt calls of one function: (argument, kind of value, fault)."""
    call = base_call(name, function)
    parameters = inspect.signature(function).parameters
    clean = not has_nan(function(**call))
    for key, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        for kind in kinds:
            value = WRONG[kind]
            if value is None and parameter.default is None:
                continue
            yield key, kind, fault_of(function, call, key, value, clean)


def known_faults():
    lines = KNOWN.read_text().split("\n") if KNOWN.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pns.write_trial(pns.example_trial(), "example")
    return tmp_path


ROOMS = (
    "design.",
    "shift.",
    "survival.",
    "multistate.",
    "eligibility.",
    "exposure.",
    "visits.",
    "series.",
    "rules.",
)
NAMES = [name for name in public_functions() if name.startswith(ROOMS) and name != "eligibility.any_of"]


@pytest.mark.parametrize("name", NAMES)
def test_no_bad_argument_is_taken_in_silence(name, in_a_folder):
    known = known_faults()
    found = {
        f"{name}({key}) {kind}: {fault}"
        for key, kind, fault in spoilt(name, public_functions()[name], IN_SUITE)
        if fault and f"{name}({key})" not in known
    }
    assert not found


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_no_kind_of_bad_argument_is_taken_in_silence(name, in_a_folder):
    known = {place for place in known_faults() if place.startswith(f"{name}(")}
    found = {
        f"{name}({key})": f"{kind}: {fault}"
        for key, kind, fault in spoilt(name, public_functions()[name])
        if fault
    }
    assert not {place: fault for place, fault in found.items() if place not in known}
    assert not known - set(found), f"mended: take it from {KNOWN.name}"


def test_there_are_enough_calls():
    parameters = [
        key
        for name in NAMES
        for key, one in inspect.signature(public_functions()[name]).parameters.items()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    assert len(parameters) * (len(IN_SUITE) - 1) >= 5000  # None is allowed for some

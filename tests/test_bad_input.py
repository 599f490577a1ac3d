"""Every public function and method with every argument spoilt: an error that says what is wrong, or an answer."""

import dataclasses
import inspect
import math
import re
import shutil
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.results import Result
from tests.adam.test_sdtm import sdtm_of, write
from tests.bad_calls import base_call, made, public_functions, public_methods

WRONG = {
    "nothing": None, "word": "xyz", "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "negative": -1,
    "fraction": 2.5, "truth": True, "empty": [], "mapping": {}, "thing": object(), "ragged": [[1], [1, 2]],
    "words": ["a", "b"], "complex": 1j, "hole": [math.nan],
}  # fmt: skip
IN_SUITE = ("nothing", "word", "nan", "inf", "negative", "truth", "empty", "thing", "ragged", "complex")
SECONDS = 2.0
DEAR = {"reporting.report", "questions.tornado", "questions.assurance", "questions.sobol", "simulate.power_curve",
        "simulate.idle_settings"}  # fmt: skip
"""Called with wrong arguments only, not with those that its signature allows: an answer takes long."""
HOME = str(Path(pns.__file__).parent)


SUBJECTS = {
    "name_or_path": "protocol|scenario", "based_on": "protocol", "path": "path|folder|file", "folder": "folder|file|domain",
    "name": "name|table|visit|scale|variable", "x": "x|column", "y": "y|column", "data": "data|column", "text": "text|TOML",
}  # fmt: skip
"""What an argument may be called in a message, where the field has a word for what it names."""
MISSING_STAYS = {
    "visits.study_day",
    "eligibility.creatinine_clearance",
    "eligibility.creatinine_at_clearance",
}
"""A missing value in these columns is a missing value in the answer."""


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
    subject = SUBJECTS.get(name, re.escape(name.rstrip("_")))
    if not re.search(rf"(?<![A-Za-z]){subject}", message):
        return False
    if isinstance(value, list | dict) or name == "text" or re.search(r" shapes? | in one way ", message):
        return True
    shown = {
        repr(value),
        str(value),
        type(value).__name__,
        f"{value:g}" if isinstance(value, int | float) else "",
    }
    return value is None or any(text and text[:12] in message for text in shown)


def is_allowed(value, annotation):
    """Whether an annotation lets a wrong value pass, as every text is a path."""
    kind = type(value).__name__
    return kind in {"str", "bool"} and kind in annotation


def fault_of(function, call, name, value, clean):
    """Say what is wrong with the answer to one spoilt argument; empty where nothing is."""
    start = time.process_time()  # other processes do not count
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
    if time.process_time() - start > SECONDS:
        return "slow"
    return "nan" if clean and has_nan(result) else ""


def spoilt(name, kinds=tuple(WRONG)):
    """Go through the spoilt calls of one function or method: (argument, kind of value, fault)."""
    function, call = called(name)
    clean = name not in {*DEAR, *MISSING_STAYS} and not has_nan(function(**call))
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        for kind in kinds:
            value = WRONG[kind]
            if value is None and parameter.default is None:
                continue
            if name in DEAR and is_allowed(value, str(parameter.annotation)):
                continue
            yield key, kind, fault_of(function, call, key, value, clean)


FUNCTIONS, METHODS = public_functions(), public_methods()
VARIADIC = {"eligibility.any_of"}  # its tests come one after the other
NAMES = [name for name in (*FUNCTIONS, *METHODS) if name not in VARIADIC]


def called(name):
    """Give a function, or a method of an example, with the arguments of a valid call."""
    if name in FUNCTIONS:
        return FUNCTIONS[name], base_call(name, FUNCTIONS[name])
    make, call = METHODS[name]
    return getattr(make(), name.rsplit(".", maxsplit=1)[-1]), made(call)


@pytest.fixture(scope="module", autouse=True)
def in_a_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad-input")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trial = pns.example_trial()
        pns.write_trial(trial, "example")
        pns.adam.write_adam(pns.adam.derive(trial, pns.load_protocol()), "adam")
        write(sdtm_of(trial), Path("sdtm"))
        yield


@pytest.fixture(autouse=True)
def nothing_stays():
    yield
    plt.close("all")
    for left in Path().glob("xyz*"):  # made where a word names a folder to write to
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.mark.parametrize("name", NAMES)
def test_no_bad_argument_is_taken_in_silence(name):
    assert not {f"{key} {kind}: {fault}" for key, kind, fault in spoilt(name, IN_SUITE) if fault}


def with_points(name):
    """The whole numbers of the valid call of a function, those by default included, as 3.0."""
    call, found = base_call(name, FUNCTIONS[name]), {}
    for key, parameter in inspect.signature(FUNCTIONS[name]).parameters.items():
        value = call.get(key, parameter.default)
        if (
            str(parameter.annotation).startswith("int")
            and isinstance(value, int)
            and not isinstance(value, bool)
        ):
            found[key] = float(value)
    return found


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in DEAR and with_points(name)])
def test_a_whole_number_may_be_written_with_a_point(name):
    function = FUNCTIONS[name]
    plain, pointed = (
        function(**base_call(name, function)),
        function(**base_call(name, function) | with_points(name)),
    )
    if isinstance(plain, Result):
        ours, theirs = (re.sub("0x[0-9a-f]+", "", one.to_json()) for one in (pointed, plain))
        assert ours == theirs


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_no_kind_of_bad_argument_is_taken_in_silence(name):
    assert not {f"{key} {kind}: {fault}" for key, kind, fault in spoilt(name) if fault}


def test_there_are_enough_calls():
    parameters = [
        key
        for function in FUNCTIONS.values()
        for key, one in inspect.signature(function).parameters.items()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    assert len(parameters) * (len(IN_SUITE) - 1) >= 5000  # None is allowed for some

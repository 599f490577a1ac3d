"""The invented trial of tests/reference/trial: every value equals what is expected of it."""

import json
import math

import pytest

from pnstrial.analysis import analyse
from pnstrial.protocol import load_protocol

from .conftest import REFERENCE

PROTOCOLS = {"publication": "nct02343211", "registry": "nct02343211-registry"}
pytestmark = pytest.mark.reference


def differences(got, expected, path=""):
    """List where two nested objects differ; deviations are compared as there or not there."""
    if path.endswith("deviation"):
        return [] if (got is None) == (expected is None) else [f"{path}: {got!r} != {expected!r}"]
    if isinstance(expected, dict):
        if got.keys() != expected.keys():
            return [f"{path}: keys differ by {got.keys() ^ expected.keys()}"]
        return [d for key in expected for d in differences(got[key], expected[key], f"{path}/{key}")]
    if isinstance(expected, list):
        if len(got) != len(expected):
            return [f"{path}: {got} != {expected}"]
        if path.startswith("/sets"):
            got, expected = sorted(got), sorted(expected)
        pairs = zip(got, expected, strict=True)
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{path}[{i}]")]
    if isinstance(expected, float) and got is not None:
        # the expected file prints intervals with eight digits
        same = math.isclose(got, expected, rel_tol=1e-7, abs_tol=1e-8)
    else:
        same = got == expected
    return [] if same else [f"{path}: {got!r} != {expected!r}"]


@pytest.fixture(params=PROTOCOLS)
def expected(request):
    path = REFERENCE / "trial" / f"expected-{request.param}.json"
    return json.loads(path.read_text()), load_protocol(PROTOCOLS[request.param])


def test_every_value(example, expected):
    content, protocol = expected
    got = analyse(example, protocol, null=content["p_value_null"]).to_json_object()
    parts = ("screening", "exposure", "visits", "decisions", "sets", "primary", "secondary", "time_to_event")
    assert differences({key: got[key] for key in parts}, {key: content[key] for key in parts}) == []


def test_every_estimand(example, expected):
    content, protocol = expected
    for name, primary in content["estimands"].items():
        visit, strategy = name.split(" | ")
        estimand = None if strategy == "default" else dict([strategy.split("=")])
        result = analyse(example, protocol, estimand=estimand, visit=visit, null=content["p_value_null"])
        assert differences(result.to_json_object()["primary"], primary, f"/{name}") == []

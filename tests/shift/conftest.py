"""The reference cases of the shift analysis."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "reference" / "shift"


@cache
def cases(name: str) -> list[dict[str, Any]]:
    return json.loads((FOLDER / f"{name}.json").read_text())["cases"]


def number(value: Any) -> float:
    """R's words for numbers."""
    return float(str(value).replace("NA", "nan").replace("Inf", "inf")) if value is not None else float("nan")


def counted(treated: Any, control: Any) -> dict[str, Any]:
    """Hand counts by grade to a function of two groups, whatever the scale."""
    return {"counts": (treated, control), "highest": len(treated) - 1}


@pytest.fixture
def reference():
    return cases

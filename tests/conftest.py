import os

# one worker a core already: threads of the linear algebra would only stand in each other's way
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pandas as pd
import pytest

import pnstrial as pns
from tests.browser import launched

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def example_folder():
    return REFERENCE / "trial" / "example"


@pytest.fixture(scope="session")
def example(example_folder):
    return pns.read_trial(example_folder)


@pytest.fixture(scope="session")
def protocol():
    return pns.load_protocol("nct02343211")


@pytest.fixture(scope="session")
def chromium():
    """Give the one browser of the tests of this process."""
    with launched() as browser:
        yield browser


@pytest.fixture
def tiny():
    """Make a trial from a few cells: tiny(screening=[{...}], mrs=[{...}])."""

    def make(**tables):
        screening = [
            {"patient_id": "A", "screening_date": "2014-03-01", "enrolment_date": "2014-03-02", **row}
            for row in tables.pop("screening", [{}])
        ]
        rows = {name: [{"patient_id": "A", **row} for row in table] for name, table in tables.items()}
        return pns.TrialData.from_frames(
            {name: pd.DataFrame(table) for name, table in {"screening": screening, **rows}.items()}
        )

    return make

import datetime as dt

import pytest

import pnstrial as pns
from pnstrial import adam
from tests.double import folders

CREATED = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def datasets(example, protocol):
    return adam.derive(example, protocol)


@pytest.fixture(scope="session")
def written(datasets, tmp_path_factory):
    """The example in the three formats: folder by format."""
    where = tmp_path_factory.mktemp("adam")
    for name in ("xpt", "json", "parquet"):
        adam.write_adam(datasets, where / name, name, CREATED)
    return where


@pytest.fixture(scope="session")
def many_texts():
    """Tables of 479 screened patients, on every edge of the rules."""
    return folders.as_texts(folders.edge_folder(1, 479))


@pytest.fixture(scope="session")
def many(many_texts, tmp_path_factory):
    where = tmp_path_factory.mktemp("many")
    folders.write(many_texts, where)
    return pns.read_trial(where)


@pytest.fixture(scope="session")
def many_datasets(many, protocol):
    return adam.derive(many, protocol)

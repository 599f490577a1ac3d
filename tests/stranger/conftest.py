import pytest


@pytest.fixture(autouse=True)
def _closed():
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")

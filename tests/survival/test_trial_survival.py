"""Survival of the trial's own patients, and the figures drawn from it."""

import pytest

import pnstrial as pns
from pnstrial import figures, survival
from pnstrial.results import NotEstimable


@pytest.fixture(autouse=True)
def _closed():
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def test_the_trial(example, protocol):
    result = pns.overall_survival(example, protocol)
    own = survival.kaplan_meier(result.records["days"], result.records["event"])
    assert (result.n, result.events) == (18, 5)
    assert result.curve.survival.tolist() == own.survival.tolist()
    assert result.curve.conf_type == "beta-product"
    assert len(result.landmarks) == len(result.landmarks["months"])
    worse = pns.time_to_deterioration(example, protocol)
    better = pns.time_to_improvement(example, protocol)
    assert worse.n == better.n == 18
    assert set(better.curve.causes) == {1, 2}
    assert "18 patients" in str(better)


def test_degenerate_trials(tiny, protocol):
    nobody = pns.overall_survival(tiny(), protocol)
    assert isinstance(nobody.curve, NotEstimable)
    assert "not estimable" in str(nobody)
    assert nobody.excluded["reason"].tolist() == ["no follow-up row"]
    one = pns.overall_survival(
        tiny(follow_up=[{"last_contact_date": "2014-05-01", "status": "alive"}]), protocol
    )
    assert (one.n, one.events) == (1, 0)
    early = tiny(follow_up=[{"last_contact_date": "2014-03-01", "status": "alive"}])
    assert pns.overall_survival(early, protocol).excluded["reason"].tolist() == ["last date before day 1"]
    alive = pns.time_to_improvement(tiny(screening=[{"mrs": 3}]), protocol)
    assert alive.events == 0


@pytest.mark.parametrize(
    ("time", "cause", "message"),
    [
        ([], [], "time is empty"),
        ([1, 2], [1], "give one cause for each time"),
        ([-1, 2], [1, 0], r"time\[0\] is -1"),
        ([1, 2], [1, 0.5], r"cause\[1\] is 0.5"),
        ([1, 2], [1, -1], r"cause\[1\] is -1"),
    ],
)
def test_wrong_competing_data(time, cause, message):
    with pytest.raises(ValueError, match=message):
        survival.cumulative_incidence(time, cause)


def test_one_cause_is_the_complement_of_kaplan_meier():
    time, event = [3, 5, 5, 8, 13, 13], [1, 0, 1, 1, 0, 1]
    incidence = survival.cumulative_incidence(time, event).incidence[1]
    curve = survival.kaplan_meier(time, event)
    assert incidence.tolist() == pytest.approx((1 - curve.survival).tolist(), abs=1e-12)


def test_plotted_data(example, protocol):
    result = pns.overall_survival(example, protocol)
    axes = figures.kaplan_meier(result.curve)
    line = next(line for line in axes.lines if line.get_gid() == "curve")
    assert line.get_ydata()[1:].tolist() == result.curve.survival.tolist()
    better = pns.time_to_improvement(example, protocol)
    axes = figures.cumulative_incidence(better.curve, names={1: "improved", 2: "dead before"})
    drawn = {line.get_gid(): line.get_ydata()[-1] for line in axes.lines if line.get_gid()}
    assert drawn["cause:1"] == better.curve.incidence[1][-1]

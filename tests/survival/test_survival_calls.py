"""The calls that a statistician makes first: columns, labels, durations, groups; and what the natural mistakes answer."""

import pandas as pd
import pytest

from pnstrial import survival


def test_mixed_labels_are_refused():
    with pytest.raises(ValueError, match="group mixes kinds of labels"):
        survival.logrank([1, 2, 3, 4], [1, 1, 1, 1], ["1", 1, "2", 2])


def test_columns_labels_and_durations():
    table = pd.DataFrame({"days": [3, 5, 8, 10], "status": [2, 1, 2, 2], "arm": list("abab")})
    plain = survival.logrank([3, 5, 8, 10], [1, 0, 1, 1], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="event_is=2"):
        survival.logrank("days", "status", "arm", data=table)
    named = survival.logrank("days", "status", "arm", data=table, event_is=2)
    assert named.statistic == pytest.approx(plain.statistic, rel=1e-12)
    durations = pd.to_timedelta(table["days"], unit="D")
    with pytest.raises(ValueError, match="say in which unit"):
        survival.logrank(durations, table["status"], table["arm"], event_is=2)
    assert (
        survival.logrank(durations, table["status"], table["arm"], event_is=2, unit="days").p_value
        == named.p_value
    )

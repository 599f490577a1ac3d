"""A curve as a fitter of lifelines: the same curve."""

import numpy as np
import pytest

from pnstrial.survival import kaplan_meier

lifelines = pytest.importorskip("lifelines")


@pytest.mark.double
def test_the_fitter_has_the_same_curve_level_and_limits():
    ours = kaplan_meier([3, 5, 5, 8, 10, 12], [1, 1, 0, 1, 0, 1], conf_type="log-log", level=0.9)
    theirs = ours.to_lifelines()
    assert isinstance(theirs, lifelines.KaplanMeierFitter)
    assert np.allclose(theirs.predict([4, 6, 9]), ours.at([4, 6, 9])["survival"], atol=1e-12)
    assert theirs.confidence_interval_.columns[0].endswith("lower_0.9")
    limits = theirs.confidence_interval_.loc[8.0]
    assert np.allclose(limits, ours.at([8])[["lower", "upper"]].iloc[0], atol=1e-9)


@pytest.mark.parametrize("further", [{"entry": [0, 0, 2, 3]}, {"weights": [1, 0.5, 2, 1]}])
def test_what_is_not_patient_by_patient_is_refused(further):
    curve = kaplan_meier([3, 5, 6, 8], [1, 1, 0, 1], **further)
    with pytest.raises(ValueError, match="one by one"):
        curve.to_lifelines()

"""A curve as a fitter of lifelines: the same curve."""

import numpy as np
import pytest

from pnstrial import survival
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


TIME, EVENT = [9, 13, 18, 23, 28, 31, 34, 45, 48, 5, 8, 27], [1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1]


@pytest.mark.double
@pytest.mark.parametrize("name", ["exponential", "weibull", "lognormal", "loglogistic", "generalised-gamma"])
def test_a_fitted_distribution_has_the_same_survival(name):
    ours = survival.parametric(TIME, EVENT, name, level=0.9)
    theirs = ours.to_lifelines()
    times = [6.0, 20.0, 40.0]
    assert np.allclose(theirs.survival_function_at_times(times), ours.survival(times)["survival"], atol=2e-5)
    assert theirs.alpha == pytest.approx(0.1)


@pytest.mark.double
def test_intervals_go_with_a_distribution():
    ours = survival.interval_regression([1, 2, 4, 6, 8, 3], [2, 4, 7, np.inf, np.inf, 5], "weibull")
    theirs = ours.to_lifelines()
    assert float(theirs.log_likelihood_) == pytest.approx(ours.loglik, abs=1e-4)


@pytest.mark.double
def test_a_cox_model_has_the_same_coefficients_strata_and_entry():
    ours = survival.cox(
        TIME, EVENT, {"x": [0, 1] * 6, "age": range(12)}, strata=[0] * 6 + [1] * 6, entry=[1] * 12, level=0.9
    )
    theirs = ours.to_lifelines()
    assert isinstance(theirs, lifelines.CoxPHFitter)
    assert np.allclose(theirs.params_[["x", "age"]], ours.table["coef"], atol=1e-5)
    assert np.allclose(theirs.standard_errors_[["x", "age"]], ours.table["std_error"], atol=1e-4)
    assert theirs.strata == "strata"


@pytest.mark.double
def test_an_incidence_without_ties_has_the_same_curve():
    ours = survival.cumulative_incidence([1, 2, 3, 4, 5, 6, 7], [1, 2, 0, 1, 2, 0, 1])
    theirs = ours.to_lifelines(1)
    assert np.allclose(theirs.cumulative_density_.iloc[1:, 0], ours.incidence[1], atol=1e-12)


@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda: survival.parametric(TIME, EVENT, "gompertz").to_lifelines(), "lifelines fits no gompertz"),
        (lambda: survival.parametric([1, 2], [0, 0], "weibull").to_lifelines(), "nothing was fitted"),
        (lambda: survival.cox(TIME, EVENT, {"x": [0, 1] * 6}, ties="exact").to_lifelines(), "exact ties"),
        (
            lambda: survival.cox(TIME, EVENT, {"x": [0, 1] * 6}, penalty="firth").to_lifelines(),
            "firth's penalty",
        ),
        (lambda: survival.cumulative_incidence([1, 1, 3], [1, 2, 0]).to_lifelines(1), "tied times"),
        (lambda: survival.cumulative_incidence([1, 2, 3], [1, 2, 0]).to_lifelines(3), "the causes are 1, 2"),
    ],
)
def test_what_lifelines_has_not_is_refused(convert, message):
    with pytest.raises(ValueError, match=message):
        convert()


LEFT, RIGHT = [0, 4, 4, 8, 8, 0, 0, 12], [4, 8, 12, 12, np.inf, 8, 12, np.inf]


@pytest.mark.double
def test_intervals_that_meet_at_a_visit_share_no_time():
    ours = survival.turnbull(LEFT, RIGHT)
    theirs = ours.to_lifelines().survival_function_
    for at, expected in zip(ours.right[:-1], ours.survival[:-1], strict=True):
        assert theirs[theirs.index <= at].iloc[-1, -1] == pytest.approx(expected, abs=1e-6)


def test_a_weighted_interval_curve_has_no_patients():
    with pytest.raises(ValueError, match="one by one"):
        survival.turnbull(LEFT, RIGHT, weights=[2] * 8).to_lifelines()

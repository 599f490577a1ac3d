"""A notebook of 30 results: terminal and notebook show the same, and the estimate with its interval is in both."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import design, multistate, shift, survival
from pnstrial.results import NotEstimable, Result

GRADES = {
    "data": pd.DataFrame({
        "mrs": [1, 2, 2, 3, 1, 2, 5, 3, 4, 4, 5, 2, 4, 6], "arm": ["IVIg"] * 7 + ["placebo"] * 7,
    }), "grade": "mrs", "group": "arm", "control": "placebo",
}  # fmt: skip
BEFORE, AFTER = [3, 4, 4, 5, 3, 4, 5, 4, 3, 5], [2, 4, 3, 5, 3, 2, 5, 5, 2, 4]
TABLE = pd.DataFrame({
    "days": [30, 61, 90, 140, 200, 260, 300, 45, 80, 120, 33, 210], "dead": [1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0],
    "arm": [1, 0] * 6, "age": [60, 62, 56, 61, 58, 57, 60, 63, 59, 61, 58, 54],
    "cause": [2, 0, 1, 2, 0, 1, 2, 0, 2, 1, 2, 0], "site": list("abcabcabcabc"),
    "left": [0, 4, 4, 8, 8, 0, 0, 12, 4, 0, 8, 4], "right": [4, 8, 12, 12, np.inf, 8, 12, np.inf, 8, 4, 12, 8],
})  # fmt: skip
COURSES = pd.DataFrame({
    "patient": list("aaabbccdd"), "months": [0, 3, 6, 0, 3, 0, 3, 0, 6],
    "state": ["well", "ill", "dead", "well", "ill", "well", "well", "well", "ill"],
})  # fmt: skip
FOLLOWED = {"data": TABLE, "unit": "days"}


def fitted():
    return multistate.fit(
        COURSES, "patient", "months", "state", allowed=[[0, 1, 0], [0, 0, 1], [0, 0, 0]],
        states=["well", "ill", "dead"],
    )  # fmt: skip


CELLS = {
    "primary endpoint": pns.primary_endpoint,
    "overall survival": pns.overall_survival,
    "time to improvement": pns.time_to_improvement,
    "against a series": survival.overall_survival_against,
    "landmark": survival.landmark_at_visit,
    "days in a state": survival.mrs_occupancy,
    "shift of the trial": pns.mrs_shift,
    "common odds ratio": lambda *_: shift.common_odds_ratio(**GRADES),
    "generalised odds ratio": lambda *_: shift.generalized_odds_ratio(**GRADES),
    "wins": lambda *_: shift.win_statistics(**GRADES),
    "paired wins": lambda *_: shift.paired_wins(BEFORE, AFTER),
    "number needed to treat": lambda *_: shift.number_needed_to_treat(**GRADES),
    "utility of two groups": lambda *_: shift.utility_difference(**GRADES),
    "utility, paired": lambda *_: shift.utility(BEFORE, AFTER),
    "sign test": lambda *_: shift.sign_test(BEFORE, AFTER),
    "changes": lambda *_: shift.changes(BEFORE, AFTER),
    "ordinal model": lambda *_: shift.ordinal_model("mrs", "C(arm)", data=GRADES["data"]),
    "proportion": lambda *_: design.proportion(5, 17, null=0.1),
    "after two stages": lambda *_: design.after_two_stage(design.simon(0.1, 0.3).optimal, 6),
    "posterior": lambda *_: design.posterior(5, 17),
    "pooled series": lambda *_: design.pool_series(),
    "corrected for rating": lambda *_: design.correct_for_rating(5, 17),
    "Kaplan-Meier": lambda *_: survival.kaplan_meier("days", "dead", **FOLLOWED),
    "median": lambda *_: survival.kaplan_meier("days", "dead", **FOLLOWED).median,
    "restricted mean": lambda *_: survival.rmst("days", "dead", 180, **FOLLOWED),
    "difference of means": lambda *_: survival.rmst_difference("days", "dead", "arm", 180, **FOLLOWED),
    "difference of survival": lambda *_: survival.survival_difference("days", "dead", "arm", 100, **FOLLOWED),
    "one-sample log-rank": lambda *_: survival.one_sample_logrank(
        "days", "dead", "sillevissmitt2002", **FOLLOWED
    ),
    "Cox": lambda *_: survival.cox("days", "dead", ["arm", "age"], **FOLLOWED),
    "Fine-Gray": lambda *_: survival.fine_gray("days", "cause", "arm", **FOLLOWED),
    "frailty": lambda *_: survival.shared_frailty("days", "dead", "arm", cluster="site", **FOLLOWED),
    "interval-censored": lambda *_: survival.interval_cox("left", "right", "arm", data=TABLE),
    "cumulative incidence": lambda *_: survival.cumulative_incidence("days", "cause", **FOLLOWED),
    "curves by group": lambda *_: survival.kaplan_meier("days", "dead", group="arm", **FOLLOWED),
    "parametric": lambda *_: survival.parametric("days", "dead", **FOLLOWED),
    "multi-state fit": lambda *_: fitted(),
    "state probabilities": lambda *_: fitted().probabilities(3),
    "estimands": pns.estimand_table,
}


def numbers_in(text):
    """Every number that a reader sees, a comma or percent sign taken away."""
    return np.array([
        float(word) for word in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text.replace(",", ""))
    ])  # fmt: skip


def is_shown(value, text):
    """Whether a number stands in a text, to the digits of a display; percentages count."""
    if isinstance(value, NotEstimable):
        return value.reason in text or ("not reached" in value.reason and "not reached" in text)
    if np.isinf(value):
        return "inf" in text or "not reached" in text
    if np.isnan(value):
        return True
    seen = numbers_in(text)
    return bool(
        any(np.isclose(seen, factor * value, rtol=6e-3, atol=6e-4 * factor).any() for factor in (1, 100))
    )


def wanted(result):
    """The estimate and the ends of its interval; of a table, those of every row."""
    estimate, ci = getattr(result, "estimate", None), getattr(result, "ci", None)
    found = []
    if isinstance(estimate, float | int | NotEstimable):
        found.append(estimate)
    if isinstance(ci, NotEstimable):
        found.append(ci)
    elif ci is not None:
        found += list(ci)
    if not found:
        frame = result.to_frame()
        frame = frame[frame["changes"] == 0] if "changes" in frame else frame  # what is shown of many rows
        names = [name for name in frame if name in {"estimate", "median", "rate", "lower", "upper"}]
        assert {"lower", "upper"} <= set(names)
        found = frame[names].tail(1).to_numpy(dtype=float).ravel().tolist()
    return found


@pytest.mark.parametrize("name", CELLS)
def test_terminal_and_notebook_show_the_estimate_and_its_interval(name, example, protocol):
    result = CELLS[name](example, protocol)
    assert isinstance(result, Result)
    page = html.unescape(re.sub(r"<[^>]+>", " ", result._repr_html_()))
    terminal = str(result)
    for value in wanted(result):
        assert is_shown(value, terminal), (name, value, terminal)
        assert is_shown(value, page), (name, value, page)
    frame = result.to_frame()
    assert not frame.map(lambda cell: isinstance(cell, NotEstimable | tuple)).to_numpy().any()
    for exported in (result.to_markdown(), result.to_latex(), result.to_json()):
        assert "NotEstimable" not in exported
    estimate = getattr(result, "estimate", None)
    assert not isinstance(estimate, np.generic)


def test_every_interval_has_two_columns():
    frame = CELLS["after two stages"]().to_frame()
    assert {"lower", "upper", "same_tail_lower", "same_tail_upper"} <= set(frame)
    frame = CELLS["one-sample log-rank"]().to_frame()
    assert {"ratio_lower", "ratio_mid_p_lower", "ratio_byar_upper"} <= set(frame)


def test_the_notebook_has_thirty_results():
    assert len(CELLS) >= 30


def test_covariate_effects_stand_in_frame_and_display():
    data = COURSES.assign(treated=[0, 0, 0, 1, 1, 0, 0, 1, 1])
    result = multistate.fit(
        data, "patient", "months", "state", allowed=[[0, 1, 0], [0, 0, 1], [0, 0, 0]],
        states=["well", "ill", "dead"], covariates={"treated": [[("well", "ill")]]},
    )  # fmt: skip
    row = result.to_frame().query("covariate == 'treated'").iloc[0]
    ratio, lower, upper = result.effects["treated"]["well", "ill"]
    assert (row["ratio"], row["lower"], row["upper"]) == (ratio, lower, upper)
    assert is_shown(ratio, str(result))

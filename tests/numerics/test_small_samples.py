"""Does a result say beside its interval what the pages of coverage say of it?"""

import re
from pathlib import Path

import numpy as np
import pytest

from pnstrial import shift, survival
from pnstrial.design import posterior
from pnstrial.numerics.small_samples import COVERED, coverage_note

DOCS = Path(__file__).parents[2] / "docs"
ROWS = {
    "posterior": ("credible interval of `posterior`",),
    "common odds ratio": ("common odds ratio, profile", "common odds ratio, score"),
    "ordinal model": ("`ordinal_model`, profile",),
    "mixed model": ("`mixed_ordinal`, Wald",),
    "firth": ('`cox(penalty="firth")`, profile',),
    "parametric": ("`parametric`, exponential", "`parametric`, Weibull"),
    "incidence": ("`cumulative_incidence` | log-log",),
    "occupancy": ("`state_occupancy` | log-log",),
    "time in state": ("`StateOccupancy.time_in_state` | log-log",),
    "mean survival": ("`rmst` | plain", "`rmst_difference` of 8 and 9 | plain"),
    "survival difference": ("`survival_difference` of 8 and 9 | plain",),
}
NO_DEFAULT = (
    'change of utility, `utility(conf_type="t")`', "win ratio, `paired_wins`",
    "`kaplan_meier` | log-log", "`po_p_value`", "`po_p_value_bootstrap`",
)  # fmt: skip
"""No default, said in the docstring, or no interval; a win ratio is not estimable where nobody changed, and says so."""


def lines():
    for page, columns in (
        ("coverage", slice(2, 7)),
        ("coverage_models", slice(2, 4)),
        ("coverage_survival", slice(2, 7)),
    ):
        for line in (DOCS / f"{page}.md").read_text().splitlines():
            cells = line[2:].split(" | ")[columns]
            numbers = [float(cell) for cell in cells if re.fullmatch(r"[01]\.\d{3}", cell.strip())]
            if line.startswith("| ") and numbers:
                yield line[2:], numbers


@pytest.mark.parametrize("interval", COVERED)
def test_the_sentence_holds_the_numbers_of_the_page(interval):
    cells = [
        cell
        for row in ROWS[interval]
        for line, numbers in lines()
        if line.startswith(row)
        for cell in numbers
    ]
    told = [float(one) for one in re.findall(r"\b0\.\d+", COVERED[interval]) if one != "0.95"]
    assert min(told) == pytest.approx(min(cells), abs=0.0051)
    assert max(told) == pytest.approx(max(cells), abs=0.0051)


def test_nothing_under_94_is_printed_without_a_sentence():
    silent = [
        line for line, numbers in lines()
        if min(numbers) < 0.94 and not line.startswith((*NO_DEFAULT, *(row for rows in ROWS.values() for row in rows)))
    ]  # fmt: skip
    assert not silent


RNG = np.random.default_rng(3)
TIME, CAUSE, GROUP = RNG.exponential(5, 17).round(2) + 0.1, RNG.integers(0, 3, 17), np.arange(17) % 2
GRADES = RNG.integers(1, 5, (17, 3))


def _occupancy():
    end = np.array([None, "better", "dead"], dtype=object)[CAUSE]
    return survival.state_occupancy(
        {
            "patient_id": range(17),
            "start": [0] * 17,
            "stop": TIME,
            "from_state": ["ill"] * 17,
            "to_state": end,
        }
    )


RESULTS = {
    "posterior": lambda: posterior(3, 17),
    "common odds ratio": lambda: shift.common_odds_ratio(GRADES[:, 0], group=GROUP, control=0),
    "ordinal model": lambda: shift.ordinal_model(GRADES[:, 0], covariates={"g": GROUP}),
    "mixed model": lambda: shift.mixed_ordinal(GRADES),
    "firth": lambda: survival.cox(TIME, CAUSE > 0, {"g": GROUP}, penalty="firth"),
    "parametric": lambda: survival.parametric(TIME, CAUSE > 0, "weibull"),
    "incidence": lambda: survival.cumulative_incidence(TIME, CAUSE),
    "occupancy": _occupancy,
    "time in state": _occupancy,
    "mean survival": lambda: survival.rmst(TIME, CAUSE > 0, 4),
    "survival difference": lambda: survival.survival_difference(TIME, CAUSE > 0, GROUP, 3),
}


@pytest.mark.parametrize("interval", COVERED)
def test_the_result_says_it_beside_the_number(interval):
    assert COVERED[interval] in " ".join(str(RESULTS[interval]()).split())


def test_many_patients_need_no_sentence():
    assert coverage_note("incidence", 49)
    assert not coverage_note("incidence", 50)

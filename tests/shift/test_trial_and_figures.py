"""The shift of a whole trial, and what its figures plot."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial import shift
from pnstrial.results import NotEstimable

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")


@pytest.fixture(scope="module")
def protocol():
    return pns.load_protocol("nct02343211")


def made(protocol, baselines, month3, deaths=()):
    ids = [f"P{i:02d}" for i in range(len(baselines))]
    screening = pd.DataFrame(
        {"patient_id": ids, "screening_date": "2014-03-01", "enrolment_date": "2014-03-02", "mrs": baselines}
    )
    rated = [(i, g) for i, g in zip(ids, month3, strict=True) if g is not None]
    tables = {"screening": screening}
    if rated:
        tables["mrs"] = pd.DataFrame(
            {"patient_id": [i for i, _ in rated], "date": "2014-05-26", "mrs": [g for _, g in rated]}
        )
    if deaths:
        tables["follow_up"] = pd.DataFrame({
            "patient_id": [ids[i] for i in deaths], "last_contact_date": "2014-04-20", "status": "dead",
            "death_date": "2014-04-20", "death_cause": "tumour",
        })  # fmt: skip
    return pns.data.TrialData.from_frames(tables)


@pytest.fixture(scope="module")
def result(protocol):
    trial = made(protocol, [3, 3, 2, 3, 2, None, 3, 2], [2, 3, 2, 1, None, 2, None, 4], deaths=[6])
    return pns.mrs_shift(trial, protocol, visit="Month 3")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("signed-rank, zeros after Pratt", "exact signed-rank test (Pratt)"),
        ("Wilcoxon", "exact signed-rank test (Wilcoxon)"),
        ("sign", "sign test"),
    ],
)
def test_the_protocol_names_the_primary_test(tmp_path, figures, word, name):
    file = tmp_path / "other.toml"
    file.write_text(f'based_on = "nct02343211"\n[endpoint]\nshift_test = "{word}"\n')
    protocol = pns.load_protocol(file)
    found = pns.mrs_shift(made(protocol, [3, 3, 2, 3, 2], [2, 3, 2, 1, 4]), protocol)
    frame = found.to_frame().set_index("statistic")
    assert frame.index[frame["role"] == "primary"].tolist() == [name]
    assert (frame["role"] == "sensitivity").sum() == 2
    assert found.p_value == found.primary.p_value == frame.loc[name, "p_value"]
    for display in (str(found), found._repr_html_()):
        assert protocol.endpoint.shift_test in display
        assert "sensitivity" in display
    note = named(figures.grotta_bars(found))["note"].get_text()
    assert ("sign test" if word == "sign" else f"zeros after {word.split()[-1]}") in note
    assert found.estimate == found.wins.net_benefit[0]
    assert found.ci == found.wins.net_benefit[1:]


def test_counts_every_patient(result):
    assert result.n_full_analysis_set == 8
    assert (result.n, result.n_no_baseline, result.n_missing, result.n_dead) == (6, 1, 1, 1)
    assert (result.changes.improved, result.changes.stable, result.changes.deteriorated) == (2, 2, 2)
    first, second = [3, 3, 2, 3, 3, 2], [2, 3, 2, 1, 6, 4]
    assert result.signed_rank == shift.signed_rank(first, second)
    assert result.transitions.counts.sum() == 6
    assert result.counts.sum(axis=1).tolist() == [7, 7, 1]
    assert result.missing == (1, 1, 7)
    assert result.bounds.n_missing == 1
    assert result.provenance.protocol_id == "nct02343211"
    frame = result.to_frame()
    assert {"improved", "sign test", "win ratio", "utility gained"} <= set(frame["statistic"])
    assert "Month 3" in str(result)
    assert "Month 3" in result._repr_html_()


@pytest.mark.parametrize(
    ("baselines", "month3"),
    [([3], [None]), ([None], [2]), ([3], [2]), ([3, 3], [3, 3]), ([2, 3], [None, None])],
)
def test_small_trials_give_numbers_or_reasons(protocol, baselines, month3):
    found = pns.mrs_shift(made(protocol, baselines, month3), protocol)
    frame = found.to_frame()
    assert len(frame)
    assert not frame["p_value"].dropna().isna().any()
    if found.n == 0:
        assert isinstance(found.signed_rank, NotEstimable)
        assert "no patient" in str(found.signed_rank)
    pns.mrs_shift(made(protocol, baselines, month3), protocol, visit="Month 6")


def test_nobody_enrolled_and_unknown_visit(protocol):
    screening = pd.DataFrame({"patient_id": ["A"], "screening_date": ["2014-03-01"], "mrs": [3]})
    trial = pns.data.TrialData.from_frames({"screening": screening})
    found = pns.mrs_shift(trial, protocol)
    assert (found.n, found.n_full_analysis_set) == (0, 0)
    assert "enrolled" in str(found.changes)
    with pytest.raises(ValueError, match="Month 9"):
        pns.mrs_shift(trial, protocol, visit="Month 9")


def named(axes):
    return {artist.get_gid(): artist for artist in axes.get_children() if artist.get_gid()}


@pytest.fixture
def figures():
    from matplotlib import pyplot as plt

    import pnstrial.figures

    yield pnstrial.figures
    plt.close("all")


def test_grotta_bars_plot_the_shares(figures, result):
    treated, control = [6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]
    parts = named(figures.grotta_bars({"IVIg": treated, "control": control}))
    for name, counts in (("IVIg", treated), ("control", control)):
        widths = [parts[f"bar:{name}:mrs{g}"].get_width() for g in range(7)]
        assert widths == pytest.approx(np.array(counts) / sum(counts))
        assert parts[f"bar:{name}:mrs3"].get_x() == pytest.approx(sum(counts[:3]) / sum(counts))
    assert parts["cut:2:IVIg"].get_xdata() == pytest.approx([76 / 233, 51 / 267])
    assert parts["cut:2:IVIg"].get_linewidth() > parts["cut:1:IVIg"].get_linewidth()
    assert "1.66" in parts["note"].get_text()
    by_visit = figures.grotta_bars(result)
    assert named(by_visit)["bar:Baseline:mrs3"].get_width() == pytest.approx(4 / 8)
    assert named(by_visit)["bar:Baseline:missing"].get_width() == pytest.approx(1 / 8)
    assert any("1 missing" in label.get_text() for label in by_visit.get_yticklabels())
    with pytest.raises(ValueError, match="7 grades, death included"):
        figures.grotta_bars({"a": [1, 2]})


def test_alluvial_keeps_every_patient(figures, result):
    parts = named(figures.alluvial(result))
    flows = [name.split(":") for name in parts if name.startswith("flow:Baseline")]
    assert sum(int(flow[3]) for flow in flows) == result.n_full_analysis_set
    assert "flow:Baseline:3-6:1" in parts
    assert "flow:Baseline:2-missing:1" in parts
    assert parts["block:Month 3:mrs6"].get_height() == 1
    assert parts["block:Month 3:missing"].get_hatch()
    assert parts["block:Month 3:mrs6"].get_y() < parts["block:Month 3:mrs4"].get_y()


def test_waterfall_plots_each_change(figures, result):
    parts = named(figures.waterfall(result))
    patients = sorted(name for name in parts if name.startswith("patient:"))
    assert patients == [
        "patient:P00:-1", "patient:P01:0", "patient:P02:0", "patient:P03:-2", "patient:P06:dead", "patient:P07:+2",
    ]  # fmt: skip
    assert parts["patient:P03:-2"].get_height() == -2
    assert parts["patient:P06:dead"].get_hatch()


def test_cumulative_odds_plot_the_cuts(figures):
    treated, control = [6, 21, 49, 43, 52, 13, 49], [1, 15, 35, 44, 81, 32, 59]
    parts = named(figures.cumulative_odds(shift.common_odds_ratio(counts=(treated, control))))
    cuts = shift.cutpoint_odds_ratios(counts=(treated, control))
    for cut in range(6):
        assert parts[f"cut:{cut}"].get_xdata()[0] == pytest.approx(cuts.odds_ratio[cut])
    assert parts["interval:2"].get_xdata() == pytest.approx([cuts.lower[2], cuts.upper[2]])
    assert parts["common"].get_xdata()[0] == pytest.approx(
        shift.common_odds_ratio(counts=(treated, control)).odds_ratio
    )
    # separated groups and grades that nobody has are drawn too
    figures.cumulative_odds(shift.common_odds_ratio(counts=([3, 5, 4, 0, 0, 0, 0], [0, 0, 0, 4, 5, 3, 0])))


def test_heat_map_plots_the_table(figures, result):
    parts = named(figures.transition_heat_map(result))
    assert "cell:3-6:1" in parts
    assert "cell:3-2:1" in parts
    assert {"diagonal:2", "diagonal:3"} <= set(parts)


def test_figures_draw_on_given_axes_and_leave_no_style(figures, result):
    from matplotlib.figure import Figure

    before = dict(mpl.rcParams)
    for draw in (figures.grotta_bars, figures.alluvial, figures.waterfall, figures.transition_heat_map):
        axes = Figure(layout="constrained").subplots()
        assert draw(result, ax=axes, title="a title") is axes
        axes.figure.canvas.draw()
    assert dict(mpl.rcParams) == before


def test_colours_survive_grey_print():
    from matplotlib.colors import to_rgb

    from pnstrial.figures.style import MRS_COLOURS

    grey = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in map(to_rgb, MRS_COLOURS)]
    assert all(left - right > 0.1 for left, right in pairwise(grey))

"""What a protocol that no code knows hands round: report, short page, datasets, second opinion, all in its own words."""

import csv
import re

import pytest

import pnstrial as pns
from pnstrial.cli import main
from tests.stranger.test_stranger import OF_OTHER_TRIALS
from tests.stranger.trial import PROTOCOL, table, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hand"))


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "report"
    words = ["report", str(folder), "--protocol", str(PROTOCOL), "--out", str(out), "--rtf", "--docx"]
    assert main(words) == 0
    return out


def test_no_file_of_the_report_names_another_trial(report):
    texts = {
        path.relative_to(report).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in report.rglob("*")
        if path.suffix in {".html", ".csv", ".svg", ".rtf"}
    }
    assert len(texts) > 60
    assert {name: found for name, text in texts.items() if (found := OF_OTHER_TRIALS.findall(text))} == {}
    words = pytest.importorskip("docx").Document(report / "report.docx")
    cells = [cell.text for part in words.tables for row in part.rows for cell in row.cells]
    assert OF_OTHER_TRIALS.findall(" ".join([*cells, *(part.text for part in words.paragraphs)])) == []


def test_the_report_prints_the_planned_test_and_the_secondary_endpoint(report, folder):
    result = pns.analyse(pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL)).primary
    (row,) = table(report, "Response on the Hand function")[1:]
    low, high = result.ci
    assert row[1:3] == ["2", "8"]
    assert row[4] == f"{100 * low:.1f} to {100 * high:.1f} %"
    assert row[5] == f"{result.p_value:.4f}"
    assert table(report, "Secondary endpoints")[1][2:4] == ["3", "6"]
    page = (report / "report.html").read_text()
    assert "Planned: 20 patients; 5 in a first stage" in page
    assert "Interim decision" not in page


def test_the_report_says_what_this_protocol_has(report):
    """Sources, raters, deviations and events are those of the file: no table of ratings that is not collected."""
    page = (report / "report.html").read_text()
    assert "Source: screening, infusions, scales. Protocol: criteria, treatment." in page
    assert re.search(r"Source: [^.]*\bmrs\b", page) is None
    assert "of several scores on a date the highest at baseline, the lowest after it" in page
    assert "vents of interest" not in page


def test_the_shift_is_on_the_scale_of_the_endpoint(folder):
    trial, protocol = pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL)
    shift = pns.mrs_shift(trial, protocol)
    # H1 to H5, H8 rated, H6 dead: five better, one of them by half a point, H3 and H6 worse
    assert (shift.n, shift.n_dead) == (7, 1)
    assert (shift.changes.improved, shift.changes.stable, shift.changes.deteriorated) == (4, 1, 2)
    assert (shift.wins.wins, shift.wins.losses) == (5, 2)
    assert shift.sign.p_value == pytest.approx(2 * 29 / 128)  # 5 or more of 7 fair coins
    assert shift.units[0].tolist()[:2] == [8, 6]  # from 8 down by halves: 4.0 is the 8th step, 5.0 the 6th
    assert shift.counts.shape == (3, 18)
    figures = [pns.figures.grotta_bars, pns.figures.alluvial, pns.figures.waterfall]
    for axes in (*(figure(shift) for figure in figures), pns.figures.transition_heat_map(shift)):
        words = [text.get_text() for text in axes.findobj(lambda artist: hasattr(artist, "get_text"))]
        assert OF_OTHER_TRIALS.findall(" ".join(words)) == []
    bars = {patch.get_gid(): patch.get_height() for patch in pns.figures.waterfall(shift).patches}
    assert bars["patient:H1:+1"] == -1  # improvement points down, the label has the points of the scale
    assert bars["patient:H3:-1.5"] == 1.5


def test_days_are_counted_alive_where_a_scale_has_no_cut(folder):
    found = pns.survival.mrs_occupancy(pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL))
    # 84 days up to week 12; H6 died on day 60, 59 days after day 1
    assert (found.group, found.staying, found.horizon) == ("alive", "alive", 84)
    assert found.estimate == pytest.approx((7 * 84 + 59) / 8)


def test_the_datasets_name_the_scale_and_conform(folder, tmp_path, capsys):
    words = ["--protocol", str(PROTOCOL)]
    assert main(["adam", str(folder), "--out", str(tmp_path / "adam"), *words]) == 0
    assert main(["check-adam", str(tmp_path / "adam")]) == 0
    assert "0 warnings" in capsys.readouterr().out
    datasets = pns.adam.derive(pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL))
    assert "ADMRS" not in datasets.datasets
    rows = datasets.adeff
    assert set(rows["PARAMCD"]) == {"HANDFUNC"}
    assert set(rows["PARAM"]) == {"Hand function Total Score"}
    week = rows[(rows["AVISIT"] == "Week 12") & (rows["ANL01FL"] == "Y")].set_index("USUBJID")
    assert week.loc["HAND-H1", ["AVAL", "BASE", "CHG", "CRIT1FL"]].tolist() == [5.0, 4.0, 1.0, "Y"]
    assert week.loc["HAND-H6", ["DTYPE", "AVALC", "CRIT1FL"]].tolist() == ["DEATH", "Death", "N"]
    assert week.loc["HAND-H7", "DTYPE"] == "NRI"
    (criterion,) = set(rows["CRIT1"].dropna())
    assert criterion.startswith("Hand function at least 1 point above baseline; death: composite; rescue: ")
    exposure = datasets.adex
    assert {"alphamab Cycle 1", "betacort Cycle 6", "alphamab Overall"} <= set(exposure["AVISIT"])
    texts = [frame.to_csv() for frame in (item.frame for item in datasets.datasets.values())]
    # labels of variables and datasets stand in the headers of the transport files
    texts += [path.read_bytes().decode("latin-1") for path in sorted((tmp_path / "adam").iterdir())]
    assert len(texts) > 14
    assert [OF_OTHER_TRIALS.findall(text) for text in texts] == [[]] * len(texts)
    again = pns.read_adam(tmp_path / "adam")
    shift, first = (
        again.mrs_shift(pns.load_protocol(PROTOCOL)),
        pns.mrs_shift(pns.read_trial(folder, PROTOCOL), pns.load_protocol(PROTOCOL)),
    )
    assert (shift.counts == first.counts).all().all()
    assert shift.changes.improved == first.changes.improved


def test_datasets_of_a_scale_that_nobody_rated_have_no_result(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "scales.csv").write_text("patient_id,date,scale,score\n")
    protocol = pns.load_protocol(PROTOCOL)
    trial = pns.read_trial(copy, PROTOCOL)
    pns.adam.write_adam(pns.adam.derive(trial, protocol), tmp_path / "adam")
    ours, again = (
        pns.primary_endpoint(trial, protocol),
        pns.read_adam(tmp_path / "adam").primary_endpoint("Week 12"),
    )
    assert (
        str(again.responders)
        == str(ours.responders)
        == "not estimable: no Hand function rating was collected"
    )
    assert again.n == ours.n == 8


@pytest.mark.parametrize("odd", ["", "odd", "-1", "99999", "2031-02-03", "1990-01-01"])
def test_findings_of_broken_tables_name_no_other_trial(folder, tmp_path, odd):
    """Every column broken once, each in a row of its own."""
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    for path in copy.glob("*.csv"):
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        for place in range(1, len(rows[0])):
            rows[1 + place % (len(rows) - 1)][place] = odd
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    found = pns.check_trial(copy, pns.load_protocol(PROTOCOL))
    assert found
    assert OF_OTHER_TRIALS.findall(" ".join(map(str, found))) == []


def test_a_folder_with_every_table_absent_is_told_so_in_the_words_of_the_trial(folder, tmp_path):
    import shutil

    (tmp_path / "few").mkdir()
    shutil.copy(folder / "screening.csv", tmp_path / "few")
    found = pns.check_trial(tmp_path / "few", pns.load_protocol(PROTOCOL))
    assert len(found) > 5
    assert OF_OTHER_TRIALS.findall(" ".join(map(str, found))) == []


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "{folder}"],
        ["analyse", "{folder}", "--out", "{out}"],
        ["scenario"],
        ["trace", "{folder}", "10.1", "--row", "1"],
    ],
    ids=lambda words: words[0],
)
def test_other_commands_name_no_other_trial(folder, tmp_path, capsys, words):
    if words[0] == "verify":
        pytest.importorskip("lifelines")
    out = tmp_path / "page.html"
    words = [word.format(folder=folder, out=out) for word in words]
    assert main([*words, "--protocol", str(PROTOCOL)]) == 0
    texts = [capsys.readouterr().out, *([out.read_text()] if out.exists() else [])]
    assert [OF_OTHER_TRIALS.findall(text) for text in texts] == [[]] * len(texts)


def test_who_has_no_baseline_is_told_on_the_scale_of_the_endpoint(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    rows = (copy / "scales.csv").read_text().splitlines()
    (copy / "scales.csv").write_text(
        "\n".join(row for row in rows if not row.startswith("H1,2024-02")) + "\n"
    )
    trial, protocol = pns.read_trial(copy, PROTOCOL), pns.load_protocol(PROTOCOL)
    found = pns.survival.time_to_deterioration(trial, protocol)
    assert found.excluded["reason"].tolist() == ["no baseline Hand function"]


def test_a_column_that_names_the_drugs_is_followed(folder, report, capsys):
    title = "Adverse events by term and worst grade"
    (column,) = [head for head in table(report, title)[0] if head.startswith("Stopped ")]
    number = re.search(rf"Table ([\d.]+)\. {title}<", (report / "report.html").read_text())[1]
    words = ["trace", str(folder), number, "--row", "1", "--column", column, "--protocol", str(PROTOCOL)]
    assert main(words) == 0
    cells = capsys.readouterr().out.partition("collected cells")[2]
    assert "H4" in cells
    assert "H2" not in cells  # whose headache stopped nothing


def test_a_number_of_the_secondary_endpoint_is_followed_to_its_cells(folder, report, capsys):
    page = (report / "report.html").read_text()
    number = re.search(r"Table ([\d.]+)\. Secondary endpoints<", page)[1]
    words = ["trace", str(folder), number, "--row", "1", "--column", "Met", "--protocol", str(PROTOCOL)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert OF_OTHER_TRIALS.findall(out) == []
    assert "scales.csv" in out

"""The report: its counts add up, it is the same twice, and degenerate trials give a page."""

import datetime as dt
import json
import re
import subprocess
import sys
from importlib.metadata import version

import html5lib
import pandas as pd
import pytest

import pnstrial as pns
from pnstrial.analysis import analyse
from pnstrial.checks import after_data_cut
from pnstrial.cli import main
from pnstrial.figures.flow import consort_flow, count_flow
from pnstrial.figures.patients import swimmer
from pnstrial.figures.proportions import forest
from pnstrial.reporting.efficacy import published_rows, responses
from pnstrial.reporting.material import Material
from pnstrial.reporting.methods import LIBRARIES
from pnstrial.reporting.patients import baseline
from pnstrial.reporting.safety import safety
from tests.double import folders


@pytest.fixture(autouse=True)
def _closed():
    import matplotlib as mpl

    mpl.use("Agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def page_of(folder):
    text = (folder / "report.html").read_text()
    html5lib.HTMLParser(strict=True).parse(text)
    plain = re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)
    assert not re.search(r"\b(nan|inf|NaT|None)\b|&lt;NA&gt;", plain)
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text
    return text


@pytest.fixture(scope="module")
def edge_trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge")
    tables = folders.edge_folder(1, 479)
    for row in (row for rows in tables.values() for row in rows):
        row["patient_id"] = "Px" + row["patient_id"]  # some are called None or nan
        for column in ("site", "cancer"):
            row.pop(column, None)
    folders.write(folders.as_texts(tables), folder)
    return pns.read_trial(folder)


@pytest.mark.parametrize("which", ["example", "edge"])
def test_the_flow_adds_up(which, example, edge_trial, protocol):
    trial = example if which == "example" else edge_trial
    analysis = analyse(trial, protocol)
    flow = count_flow(analysis)
    assert flow.screened == flow.not_enrolled + flow.enrolled == len(trial.screening)
    assert sum(count for _, count in flow.exclusions) == flow.not_enrolled
    assert flow.enrolled == analysis.primary.n
    assert all(
        visit.died + visit.withdrawn + visit.lost + visit.rated + visit.without_value == flow.infused
        for visit in flow.at_visit
    )
    down = [flow.screened, flow.enrolled, flow.infused, *(visit.n for visit in flow.at_visit)]
    assert down == sorted(down, reverse=True)
    decided = next(visit for visit in flow.at_visit if visit.visit == flow.decision_visit)
    assert sum(count for _, count in flow.decisions) == decided.n
    assert len(flow.exclusions) <= 5
    boxes = {patch.get_gid() for patch in consort_flow(flow).patches}
    assert {"box:screened", "box:enrolled", "box:not enrolled", "box:per protocol"} <= boxes


def test_two_runs_give_the_same_bytes(example, protocol, tmp_path):
    for name in ("one", "two"):
        pns.report(example, protocol, tmp_path / name, null=0.1, docx=True, rtf=True)
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert {"report.html", "report.docx", "report.rtf", "manifest.csv"} <= {str(path) for path in files}
    assert [
        path
        for path in files
        if (tmp_path / "one" / path).read_bytes() != (tmp_path / "two" / path).read_bytes()
    ] == []
    page = page_of(tmp_path / "one")
    assert len(page) < 3_000_000
    drawn = list((tmp_path / "one" / "figures").glob("*.svg"))
    assert page.count("<figure>") == len(drawn) >= 9
    for number in ("14.1.1", "14.2.1", "14.2.2", "14.3.2", "16.2.6"):
        assert f"Table {number}. " in page or f"Listing {number}. " in page
        assert (tmp_path / "one" / "tables" / f"{number}.csv").stat().st_size > 0
    assert "SHA-256 of mrs.csv" in page
    assert "visits.Month 3.first_day" in page


def test_every_edge_gives_a_page(edge_trial, protocol, tmp_path):
    pns.report(edge_trial, protocol, tmp_path)
    page_of(tmp_path)


DEGENERATE = {
    "nobody screened": {"screening": []},
    "nobody enrolled": {"screening": ["A,2014-03-01,,3"]},
    "one patient": {"screening": ["A,2014-03-01,2014-03-02,3"], "mrs": ["A,2014-05-26,2"]},
    "nobody rated": {"screening": ["A,2014-03-01,2014-03-02,3"], "infusions": ["A,1,2014-03-05,20"]},
    "all dead": {"screening": ["A,2014-03-01,2014-03-02,3"], "follow_up": ["A,2014-04-01,dead,2014-04-01"]},
}
HEADERS = {
    "screening": "patient_id,screening_date,enrolment_date,mrs",
    "mrs": "patient_id,date,mrs",
    "infusions": "patient_id,cycle,date,dose_g",
    "follow_up": "patient_id,last_contact_date,status,death_date",
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_trials_give_a_page(name, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for table, rows in DEGENERATE[name].items():
        (source / f"{table}.csv").write_text("\n".join([HEADERS[table], *rows]) + "\n")
    assert main(["report", str(source), "--out", str(tmp_path / "out"), "--null", "0.1"]) == 0
    page = page_of(tmp_path / "out")
    if name.startswith("nobody s"):
        assert "not estimable" in page


def test_command(tmp_path, capsys, example_folder):
    assert main(["report", str(example_folder), "--out", str(tmp_path / "r"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"].endswith("report.html")
    assert "pnstrial report example --protocol nct02343211<" in (tmp_path / "r" / "report.html").read_text()
    assert main(["report", "nowhere", "--out", str(tmp_path / "r")]) == 2
    assert "no folder 'nowhere'" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main(["report", str(example_folder), "--out", str(tmp_path / "file")]) == 2


def test_a_record_after_the_data_cut_is_a_warning_and_stays(tiny, protocol, tmp_path):
    trial = tiny(mrs=[{"date": "2014-05-26", "mrs": 2}, {"date": "2014-08-20", "mrs": 1}])
    day = dt.date(2014, 8, 19)
    assert [f.value for f in after_data_cut(trial, dt.date(2014, 8, 20))] == []
    assert [(f.column, f.value) for f in after_data_cut(trial, day)] == [("date", "2014-08-20")]
    pns.report(trial, protocol, tmp_path / "cut", data_cut=day, stamp="for the board <1>")
    pns.report(trial, protocol, tmp_path / "all")
    page = page_of(tmp_path / "cut")
    assert "Data cut 2014-08-19. for the board &lt;1&gt;" in page
    assert "on or before the data cut" in page
    same = [path.name for path in (tmp_path / "all" / "tables").iterdir()]
    changed = {
        name
        for name in same
        if (tmp_path / "all" / "tables" / name).read_bytes()
        != (tmp_path / "cut" / "tables" / name).read_bytes()
    }
    assert changed == {"16.1.9.2.csv", "16.2.12.csv"}


def test_the_provenance_names_what_ran(tmp_path, example_folder):
    script = (
        "import sys\nfrom pnstrial.cli import main\n"
        f"main(['report', {str(example_folder)!r}, '--out', {str(tmp_path / 'r')!r}])\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'numpy', 'scipy', 'pandas', 'pydantic', 'matplotlib', 'statsmodels', 'lifelines'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(sorted(LIBRARIES))
    rows = pd.read_csv(tmp_path / "r" / "tables" / "16.1.9.2.csv", index_col="What")["Value"]
    assert set(LIBRARIES) == {name.split(" (")[0] for name in rows.index if " (" in name}
    assert rows["numpy (arithmetic)"] == version("numpy")


def test_plotted_data(example, protocol):
    analysis = analyse(example, protocol)
    axes = swimmer(analysis)
    named = {artist.get_gid() for artist in [*axes.patches, *axes.lines] if artist.get_gid()}
    dead = {name.removeprefix("death:") for name in named if name.startswith("death:")}
    follow = example.follow_up
    assert dead == set(follow.loc[follow["status"] == "dead", "patient_id"])
    reasons = analysis.primary.patients.set_index("patient_id")["reason"]
    rescued = {name.removeprefix("rescue:") for name in named if name.startswith("rescue:")}
    assert set(reasons[reasons == "rescue immunotherapy"].index) <= rescued
    rows = pd.DataFrame(published_rows())
    drawn = {line.get_gid(): line.get_xdata()[0] for line in forest(rows).lines if line.get_gid()}
    assert drawn["point:Uchuya 1996"] == pytest.approx(1 / 21)


def test_events_of_interest_are_found_by_their_words(tiny, protocol):
    trial = tiny(
        infusions=[{"cycle": 1, "date": "2014-03-05", "dose_g": 20}],
        adverse_events=[{"term": "Deep vein thrombosis", "start_date": "2014-03-10", "grade": 3}],
    )
    places = {place.key: place for place in safety(Material(analyse(trial, protocol)))}
    assert places["of-interest"].make().frame.set_index("Event")["Patients"].to_dict() == {
        "Thrombosis": "1/1",
        "Renal": "0/1",
        "Haemolysis": "0/1",
        "Aseptic meningitis": "0/1",
    }


def test_a_drug_without_events_of_interest_has_no_table_of_them(tiny, protocol):
    plain = protocol.with_settings(treatment={"events_of_interest": None})
    places = [place.key for place in safety(Material(analyse(tiny(), plain)))]
    assert "of-interest" not in places
    own = plain.with_settings(treatment={"events_of_interest": {"Falls": ["fall"]}})
    events = [{"term": "Fall on stairs", "start_date": "2014-03-10", "grade": 1}]
    infusions = [{"cycle": 1, "date": "2014-03-05", "dose_g": 20}]
    trial = tiny(infusions=infusions, adverse_events=events)
    (place,) = [one for one in safety(Material(analyse(trial, own))) if one.key == "of-interest"]
    assert place.make().frame["Event"].tolist() == ["Falls"]


def test_an_antibody_that_nobody_tested_is_not_reported_as_absent(protocol):
    rows = {
        "patient_id": ["A", "B"],
        "screening_date": "2014-03-01",
        "enrolment_date": "2014-03-02",
        "mrs": 3,
    }

    def cells(**more):
        trial = pns.data.TrialData.from_frames({"screening": pd.DataFrame(rows | more)})
        (place,) = [one for one in baseline(Material(analyse(trial, protocol))) if one.key == "baseline"]
        return place.make().frame

    untested = dict(cells().itertuples(index=False))
    assert untested["Antibody"] == "not collected"
    half = cells(antibody_serum=["none", None], antibody_csf=[None, None])
    assert list(half.columns[1:]) == ["All (n = 2)", "other or none (n = 1)", "not tested (n = 1)"]


@pytest.mark.parametrize(
    ("null", "alpha", "fewest", "rates"),
    # P(X >= 10) of 30 is 0.061 under 0.2, P(X >= 11) 0.026; P(X >= 20) 0.049 under 0.5, P(X >= 19) 0.100
    [(0.2, 0.1, "10 of 30", ["10 %", "40 %"]), (0.2, 0.05, "11 of 30", ["10 %", "40 %"]),
     (0.5, 0.05, "20 of 30", ["55 %", "85 %"])],
)  # fmt: skip
def test_the_power_is_that_of_the_planned_level_over_the_null(protocol, null, alpha, fewest, rates):
    planned = protocol.with_settings(endpoint={"null_proportion": null}, design={"n": 30, "alpha": alpha})
    people = {
        "patient_id": [f"P{k}" for k in range(30)],
        "screening_date": "2014-03-01",
        "enrolment_date": "2014-03-02",
    }
    trial = pns.data.TrialData.from_frames({"screening": pd.DataFrame(people)})
    (place,) = [one for one in responses(Material(analyse(trial, planned))) if one.key == "power"]
    table = place.make()
    assert table.frame["Fewest responders"].tolist() == [fewest]
    powers = [name.removeprefix("Power at ") for name in table.frame.columns if name.startswith("Power")]
    assert [powers[0], powers[-1]] == rates
    assert f"binomial test at {100 * alpha:g} %" in table.footnote
    # the second opinion is on the same numbers
    names = pns.verify(trial, planned).to_frame()["quantity"]
    assert names.str.startswith(f"Chance of {fewest.partition(' ')[0]} or more of 30").sum() > 3


def test_the_definite_of_2004_are_counted_by_the_score_of_2021(protocol):
    # phenotype, antibody and cancer: 3 + 3 + 4 is definite; 0 + 3 + 0 is not; 3 + 3 + unknown is 6, 7 or 10
    rows = [("A", "high", "consistent", 0.5), ("B", "other", "none", 3.0), ("C", "high", None, None)]
    screening = pd.DataFrame(
        {
            "patient_id": name, "screening_date": "2014-03-01", "enrolment_date": "2014-03-02", "mrs": 3,
            "pns_level": "definite", "pns_phenotype": phenotype, "antibody_serum": "Hu", "antibody_csf": "none",
            "cancer_relation": relation, "cancer_search_years": years,
        }
        for name, phenotype, relation, years in rows
    )  # fmt: skip
    trial = pns.data.TrialData.from_frames({"screening": screening})
    place = next(place for place in baseline(Material(analyse(trial, protocol))) if place.key == "baseline")
    cells = dict(place.make().frame.itertuples(index=False))
    assert cells["  definite by PNS-Care 2021"] == "1/3 (33.3 %)"
    assert cells["  not known by PNS-Care 2021"] == "1/3 (33.3 %)"
